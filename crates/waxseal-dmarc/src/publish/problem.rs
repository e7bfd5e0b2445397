//! What can be wrong with a record.

use crate::{InvalidReportUri, ReportUri};
use waxseal_dns::{
    DomainName, LookupError,
    lint::{Finding, Severity},
};

/// What can be wrong with a record, or is notable about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    /// The text does not begin with `v=DMARC1` (RFC 9989 §4.7). With advice.
    #[error("not a DMARC record, receivers ignore it: {0}")]
    NotARecord(&'static str),
    /// Invalid value of `p=`, `sp=` or `np=` (§4.10.1): the tag, and advice.
    #[error(
        "value of {0}= is not valid, so receivers act as if p=none, and without a valid rua= ignore the record: {1}"
    )]
    InvalidPolicy(&'static str, &'static str),
    /// Invalid value of another tag (§4.8): the tag, and advice.
    #[error("value of {0}= is not valid, and receivers use the default: {1}")]
    InvalidValue(&'static str, &'static str),
    /// A repeated tag. RFC 6376 §3.2, on which the format is based, forbids it.
    #[error("appears twice, and receivers use the first: remove one")]
    DuplicateTag,
    /// RFC 9989 §4.7: "unknown tags MUST be ignored".
    #[error("unknown tag, receivers ignore it: remove it")]
    UnknownTag,
    /// `pct`, `rf` or `ri` of RFC 7489.
    #[error("was removed by RFC 9989: remove it")]
    RemovedTag,
    /// `pct=0` of RFC 7489, which had the meaning of `t=y`.
    #[error("was removed by RFC 9989, and receivers apply the policy")]
    IgnoredPercentage,
    /// The name of a tag has capital letters.
    #[error("name of the tag is not in lower case, and some receivers may not know it")]
    UppercaseTag,
    /// No name and equals sign.
    #[error("not of the form tag=value, and receivers ignore it: correct or remove it")]
    NotATag,
    /// More tags than [`Record::MAX_TAGS`](crate::Record::MAX_TAGS).
    #[error("more than {0} tags, the rest is ignored")]
    TooManyTags(usize),
    /// More addresses in one tag than [`Record::MAX_REPORT_URIS`](crate::Record::MAX_REPORT_URIS).
    #[error("more than {0} addresses, the rest is ignored")]
    TooManyReportUris(usize),
    /// An address for reports that is not a URI (§4.8), and advice.
    #[error("{0}, and no reports are sent there{1}")]
    InvalidReportUri(InvalidReportUri, &'static str),
    /// A `mailto:` URI without a mailbox (RFC 6068).
    #[error(
        "no mailbox in the mailto: address, and nothing can be sent there: write mailto:user@example.org"
    )]
    NoMailbox,
    /// A size limit for reports (`!10m`), which RFC 9989 §4.8 made obsolete.
    #[error("size limits of reports are obsolete, and receivers ignore them: remove it")]
    ReportSize,
    /// Neither a policy nor a valid address for reports (§4.10.1).
    #[error("no valid p= and no valid rua=: receivers ignore the record, add p=")]
    NoPolicy,
    /// No policy, but a valid address for reports (§4.10.1).
    #[error("no valid p=: receivers act as if p=none, add p=")]
    AssumedPolicy,
    /// `p=none`.
    #[error("asks for nothing: mail that fails is delivered")]
    PolicyNone,
    /// `sp=` is weaker than `p=`.
    #[error("is weaker than p=: subdomains can be abused more easily")]
    WeakerSubdomains,
    /// `np=` is weaker than `p=`.
    #[error("is weaker than p=: subdomains that do not exist can be abused more easily")]
    WeakerNonexistent,
    /// `t=y`.
    #[error("receivers apply the policy one level lower")]
    Testing,
    /// `psd=y`.
    #[error("is for registries: every domain below counts as an organization of its own")]
    PublicSuffix,
    /// `ruf=` together with `psd=y` (RFC 9991 §2).
    #[error("does not count beside psd=y: nobody sends failure reports, remove it")]
    IgnoredFailureReports,
    /// Addresses for reports of another scheme than `mailto:` (RFC 9989 §4.7). The scheme.
    #[error("receivers have to support mailto: alone, few send to {0}: addresses")]
    ReportScheme(Box<str>),
    /// No address to which aggregate reports can be sent.
    #[error("no valid rua=: nobody reports who sends mail as this domain")]
    NoReports,
    /// `fo=` without an address for failure reports.
    #[error("is ignored without a valid ruf=")]
    IgnoredFailureOptions,
    /// No record applies to the domain (§4.10.1). Where to publish one.
    #[error("no DMARC record applies: publish one at _dmarc.{0}")]
    NoRecord(DomainName),
    /// Several records at one name (§4.10). How many.
    #[error("{0} DMARC records: receivers discard them all, leave one")]
    SeveralRecords(usize),
    /// A lookup failed, so nothing is known.
    #[error("lookup failed: {}", waxseal_authres::reason(.0))]
    LookupFailed(LookupError),
    /// Strangers can pass for the domain, since its Organizational Domain is a public suffix (§11.8): the domain, its
    /// Organizational Domain, the registered domain below that, and whether it has a record.
    #[error(
        "the Organizational Domain is {above}, so any domain below {above} can pass as {domain}: {advice}",
        domain = .0,
        above = .1,
        advice = advice(.2, *.3)
    )]
    OpenToStrangers(DomainName, DomainName, DomainName, bool),
    /// The record is below the Organizational Domain, whose other domains can pass for this one (§4.10.2): the domain,
    /// and its Organizational Domain.
    #[error(
        "the Organizational Domain is {1}, so any domain below {1} can pass as {0}: \
         add psd=n if {0} is an organization of its own"
    )]
    SharedOrganization(DomainName, DomainName),
    /// `sp=` or `np=` below the Organizational Domain. §4.7: "Note that "sp" will be ignored for DMARC Policy Records
    /// published on subdomains of Organizational Domains and PSDs due to the effect of the DMARC policy discovery".
    /// The domain, and its Organizational Domain.
    #[error(
        "sp= and np= are ignored here, as the Organizational Domain is {1}: what is below {0} and has no \
         record gets the policy of {1}"
    )]
    IgnoredSubdomainPolicy(DomainName, DomainName),
    /// A host redirects reports to other addresses of its own (RFC 9990 §4): the host, and the addresses.
    #[error("{host} has these reports sent to {to}", host = .0, to = listed(.1))]
    ReportsRedirected(DomainName, Vec<ReportUri>),
    /// A host does not publish that it accepts the reports (RFC 9990 §4): the domain of the record, and the host.
    #[error(
        "{1} does not say that it takes reports about {0}, so none are sent there: it has to publish \
         \"v=DMARC1;\" as TXT at {0}._report._dmarc.{1}"
    )]
    ReportsRefused(DomainName, DomainName),
    /// A host redirects the reports to yet another host, so none are sent (RFC 9990 §4): the domain of the record, and
    /// the host.
    #[error("{0}._report._dmarc.{1} leads to yet another host, so no reports are sent")]
    ReportsLedAway(DomainName, DomainName),
    /// The address has no host that could be asked.
    #[error("no host that could be asked, so no reports are sent there")]
    NoReportHost,
    /// The name to look up is longer than DNS allows (RFC 9990 §4): the domain of the record, and the host.
    #[error("{0}._report._dmarc.{1} is too long for DNS, so no reports are sent there")]
    ReportNameTooLong(DomainName, DomainName),
}

fn advice(registered: &DomainName, has_record: bool) -> String {
    match has_record {
        true => format!("add psd=n to the record of {registered}"),
        false => format!("publish a record with psd=n at _dmarc.{registered}"),
    }
}

fn listed(uris: &[ReportUri]) -> String {
    let uris: Vec<_> = uris.iter().map(ToString::to_string).collect();
    uris.join(", ")
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        Self::new(problem.id(), problem.severity(), problem)
    }
}

impl Problem {
    fn id(&self) -> &'static str {
        match self {
            Self::NotARecord(_) => "not-a-record",
            Self::InvalidPolicy(..) => "invalid-policy",
            Self::InvalidValue(..) => "invalid-value",
            Self::DuplicateTag => "duplicate-tag",
            Self::UnknownTag => "unknown-tag",
            Self::RemovedTag => "removed-tag",
            Self::IgnoredPercentage => "ignored-percentage",
            Self::UppercaseTag => "uppercase-tag",
            Self::NotATag => "not-a-tag",
            Self::TooManyTags(_) => "too-many-tags",
            Self::TooManyReportUris(_) => "too-many-report-uris",
            Self::InvalidReportUri(..) => "invalid-report-uri",
            Self::NoMailbox => "no-mailbox",
            Self::ReportSize => "report-size",
            Self::NoPolicy => "no-policy",
            Self::AssumedPolicy => "assumed-policy",
            Self::PolicyNone => "policy-none",
            Self::WeakerSubdomains => "weaker-subdomains",
            Self::WeakerNonexistent => "weaker-nonexistent",
            Self::Testing => "testing",
            Self::PublicSuffix => "public-suffix",
            Self::IgnoredFailureReports => "ignored-failure-reports",
            Self::ReportScheme(_) => "report-scheme",
            Self::NoReports => "no-reports",
            Self::IgnoredFailureOptions => "ignored-failure-options",
            Self::NoRecord(_) => "no-record",
            Self::SeveralRecords(_) => "several-records",
            Self::LookupFailed(_) => "lookup-failed",
            Self::OpenToStrangers { .. } => "open-to-strangers",
            Self::SharedOrganization { .. } => "shared-organization",
            Self::IgnoredSubdomainPolicy { .. } => "ignored-subdomain-policy",
            Self::ReportsRedirected { .. } => "reports-redirected",
            Self::ReportsRefused { .. } => "reports-refused",
            Self::ReportsLedAway { .. } => "reports-led-away",
            Self::NoReportHost => "no-report-host",
            Self::ReportNameTooLong { .. } => "report-name-too-long",
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::NotARecord(_)
            | Self::InvalidPolicy(..)
            | Self::NoPolicy
            | Self::NoRecord(_)
            | Self::SeveralRecords(_)
            | Self::LookupFailed(_)
            | Self::OpenToStrangers { .. } => Severity::Error,
            Self::RemovedTag
            | Self::UppercaseTag
            | Self::ReportSize
            | Self::PolicyNone
            | Self::Testing
            | Self::PublicSuffix
            | Self::IgnoredFailureOptions
            | Self::SharedOrganization { .. }
            | Self::IgnoredSubdomainPolicy { .. }
            | Self::ReportsRedirected { .. } => Severity::Note,
            _ => Severity::Warning,
        }
    }
}
