//! Whether reports may be sent to a host outside the domain (RFC 9990 §4).

use crate::{
    LocalPolicy, PublicSuffixList, Record, ReportUri,
    discover::{self, OrganizationalDomain},
};
use std::sync::Arc;
use waxseal_dns::{Answers, Check, DomainName, LookupError, Pending, Question};

/// Checks whether the host of an address in `rua=` or `ruf=` accepts reports about a domain. Otherwise, anyone could
/// direct reports to a victim.
///
/// The answer depends on the tag of the address: a host can redirect aggregate reports with its own `rua=`, and failure
/// reports with its own `ruf=` (RFC 9991 §5).
///
/// ```
/// use waxseal_dmarc::publish::{Authorization, ReportAuthorization};
/// use waxseal_dns::{Zone, drive_blocking};
///
/// let dns = Zone::new().with_txt("blue.example.com._report._dmarc.red.example.net", "v=DMARC1")?;
/// let uri = "mailto:reports@red.example.net".parse()?;
/// let allowed = ReportAuthorization::for_aggregate_reports("blue.example.com".parse()?, uri);
/// assert_eq!(drive_blocking(allowed, &dns), Authorization::Granted);
/// let uri = "mailto:x@victim.example".parse()?;
/// let refused = ReportAuthorization::for_failure_reports("blue.example.com".parse()?, uri);
/// assert_eq!(drive_blocking(refused, &dns), Authorization::Refused);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ReportAuthorization {
    policy_domain: DomainName,
    uri: ReportUri,
    kind: Kind,
    suffixes: Option<Arc<dyn PublicSuffixList>>,
}

/// The kind of report, and thereby the tag that counts.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Aggregate,
    Failure,
}

/// Whether reports may be sent to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Authorization {
    /// The host belongs to the same Organizational Domain, so no lookup is needed.
    Internal,
    /// The host accepts them.
    Granted,
    /// The host accepts them at these other addresses of its own.
    Redirected(Vec<ReportUri>),
    /// The host does not publish that it accepts them: "the URI MUST be ignored".
    Refused,
    /// The host redirects them to yet another host: "the Mail Receiver generating the report MUST NOT generate a report
    /// to either the original or the override URI".
    ForeignRedirect,
    /// The address has no host that could be asked.
    NoHost,
    /// The name to look up is longer than DNS allows: "a positive determination ... cannot be made".
    NameTooLong,
    /// A lookup failed: try again later.
    Failed(Question, LookupError),
}

impl Authorization {
    /// The word in the `reports` of `waxseal dmarc lint --json`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Granted => "granted",
            Self::Redirected(_) => "redirected",
            Self::Refused => "refused",
            Self::ForeignRedirect => "foreign-redirect",
            Self::NoHost => "no-host",
            Self::NameTooLong => "name-too-long",
            Self::Failed(..) => "failed",
        }
    }

    /// Whether reports may be sent, to the original address or a new one.
    pub fn is_granted(&self) -> bool {
        matches!(self, Self::Internal | Self::Granted | Self::Redirected(_))
    }
}

impl ReportAuthorization {
    /// For an address in `rua=`. `policy_domain` is the domain of the record
    /// ([`AuthorVerdict::record_at`](crate::AuthorVerdict::record_at)), `uri` one of its
    /// [`aggregate_reports`](Record::aggregate_reports).
    pub fn for_aggregate_reports(policy_domain: DomainName, uri: ReportUri) -> Self {
        Self { policy_domain, uri, kind: Kind::Aggregate, suffixes: None }
    }

    /// For an address in `ruf=`, one of the [`failure_reports`](Record::failure_reports) of the record at
    /// `policy_domain`. RFC 9991 §5: "substituting the "ruf" tag where the "rua" tag appears in that procedure". Check
    /// [`Record::is_ruf_ignored`] first.
    pub fn for_failure_reports(policy_domain: DomainName, uri: ReportUri) -> Self {
        Self { policy_domain, uri, kind: Kind::Failure, suffixes: None }
    }

    /// Finds Organizational Domains like `local`: by tree walk or by public suffix list.
    pub fn with_local_policy(self, local: &LocalPolicy) -> Self {
        Self { suffixes: local.suffixes.clone(), ..self }
    }

    fn is_internal(&self, dns: &mut Answers<'_>, host: &DomainName) -> Result<Internal, Pending> {
        if *host == self.policy_domain {
            return Ok(Internal::Yes);
        }
        // Domains with different last labels cannot have the same Organizational Domain.
        if host.labels().next_back() != self.policy_domain.labels().next_back() {
            return Ok(Internal::No);
        }
        let own = self.organization(dns, &self.policy_domain);
        let other = self.organization(dns, host);
        Ok(match (own?, other?) {
            (Ok(own), Ok(other)) if own == other => Internal::Yes,
            (Ok(_), Ok(_)) => Internal::No,
            (Err(failed), _) | (_, Err(failed)) => Internal::Failed(failed),
        })
    }

    fn organization(
        &self,
        dns: &mut Answers<'_>,
        domain: &DomainName,
    ) -> Result<Result<DomainName, Authorization>, Pending> {
        if let Some(list) = &self.suffixes {
            return Ok(Ok(list.organizational_domain(domain)));
        }
        let walk = discover::walk(dns, None, domain)?;
        Ok(match (walk.organizational_domain(), walk.error()) {
            (_, Some((question, error))) => Err(Authorization::Failed(question, error.clone())),
            (Some(OrganizationalDomain { domain, .. }), None) => Ok(domain),
            (None, None) => Ok(domain.clone()),
        })
    }

    /// The authorization in the records of the destination.
    fn judge(&self, host: &DomainName, records: impl Iterator<Item = Record>) -> Authorization {
        let mut any = false;
        let mut redirects = Vec::new();
        for record in records {
            any = true;
            redirects.extend_from_slice(match self.kind {
                Kind::Aggregate => record.aggregate_reports(),
                Kind::Failure => record.failure_reports(),
            });
        }
        match redirects.as_slice() {
            _ if !any => Authorization::Refused,
            [] => Authorization::Granted,
            uris if uris.iter().all(|uri| uri.host() == Some(host)) => Authorization::Redirected(redirects),
            _ => Authorization::ForeignRedirect,
        }
    }
}

enum Internal {
    Yes,
    No,
    Failed(Authorization),
}

impl Check for ReportAuthorization {
    type Output = Authorization;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Authorization, Pending> {
        let Some(host) = self.uri.host() else { return Ok(Authorization::NoHost) };
        match self.is_internal(dns, host)? {
            Internal::Yes => return Ok(Authorization::Internal),
            Internal::Failed(failed) => return Ok(failed),
            Internal::No => {}
        }
        let Ok(name) = host.prepend(&format!("{}._report._dmarc", self.policy_domain)) else {
            return Ok(Authorization::NameTooLong);
        };
        let question = Question::txt(name);
        Ok(match dns.ask(question.clone())? {
            Ok(answer) => self.judge(host, discover::dmarc_records(&answer)),
            Err(error) => Authorization::Failed(question, error),
        })
    }
}
