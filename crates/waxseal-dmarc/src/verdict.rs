//! The verdict of DMARC.

use crate::{
    Disposition, DomainPolicy, Identifier, MethodResult, PolicyTag, Record, Step,
    discover::{OrganizationalDomain, Walk},
    record::Requested,
};
use std::{fmt, sync::Arc};
use waxseal_authres::{DmarcResult, Entry, Ptype};
use waxseal_dns::{Dnssec, DomainName, InvalidDomainName, LookupError, Question};
use waxseal_header::{HeaderError, InvalidFrom};

/// What decided DMARC. Underlying errors are its `source()`.
///
/// `Display` is one line of ASCII without quotes, fit for `reason=`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// An Authenticated Identifier is aligned: the first one that is, and its method.
    #[error("{} identifier {} is aligned", .1.method(), .0)]
    Aligned(DomainName, MethodResult),
    /// There are Authenticated Identifiers, none is aligned with this Author Domain.
    #[error("no authenticated identifier is aligned with {0}")]
    NotAligned(DomainName),
    /// Neither SPF nor any DKIM signature passed.
    #[error("no authenticated identifier")]
    NotAuthenticated,
    /// No DMARC record applies to this Author Domain.
    #[error("no DMARC record for {0}")]
    NoRecord(DomainName),
    /// The record at this domain has a missing or invalid policy in this tag, and requests no reports.
    #[error("no valid {}= and no valid rua= in the record of {}", .1.as_str(), .0)]
    NoPolicy(DomainName, PolicyTag),
    /// A lookup failed that the result depends on.
    #[error("lookup of {} {} failed", .0.name, .0.kind)]
    Lookup(Question, #[source] LookupError),
    /// This identifier, which would be aligned, has a temporary error of its own.
    #[error("{} of {} had a temporary error", .1.method(), .0)]
    Undecided(DomainName, MethodResult),
    /// The message has no author that all readers agree on; [`Verdict::shown`] lists whom they may show.
    #[error("no clear author")]
    InvalidFrom(#[source] InvalidFrom),
    /// The domain of an author, given as written, is not a domain name.
    #[error("author domain {} is not valid", shown(.0))]
    InvalidAuthor(String, #[source] InvalidDomainName),
    /// The header block exceeds a limit, so its author is unknown.
    #[error(transparent)]
    Header(HeaderError),
    /// DMARC was not checked.
    #[error("not checked")]
    NotChecked,
    /// The caller passed no Author Domain.
    #[error("no author domain")]
    NoAuthor,
    /// See [`LocalPolicy::with_max_authors`](crate::LocalPolicy::with_max_authors).
    #[error("{count} author domains, more than {limit}")]
    TooManyAuthors {
        /// How many there are.
        count: usize,
        /// The limit in force.
        limit: usize,
    },
}

/// ASCII without quotes and backslashes, at most 80 bytes.
fn shown(domain: &str) -> String {
    let visible = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\') { c } else { '?' };
    domain.chars().take(80).map(visible).collect()
}

impl Cause {
    /// The result word for this cause (RFC 9989 §9.2).
    pub fn result(&self) -> DmarcResult {
        match self {
            // §5.3.5: "If one or more of the Authenticated Identifiers align with the Author Domain, the message is
            // considered to pass the DMARC mechanism check."
            Self::Aligned(..) => DmarcResult::Pass,
            // §5.3.5: "If no Authenticated Identifiers exist for the domain, or none of the Authenticated Identifiers align
            // with the Author Domain, the message is considered to fail the DMARC mechanism check."
            Self::NotAligned(_) | Self::NotAuthenticated => DmarcResult::Fail,
            // §4.10.1: "If the set produced by the DNS Tree Walk contains no DMARC Policy Record ..., Mail Receivers MUST NOT
            // apply the DMARC mechanism to the message."
            Self::NoRecord(_) => DmarcResult::None,
            // §4.10.1: "Otherwise, the Mail Receiver applies no DMARC processing to this message."
            Self::NoPolicy(..) | Self::NotChecked => DmarcResult::None,
            // §5.3.6: "If one or more DNS queries required to perform DMARC validation on the message do not complete due to
            // temporary or permanent DNS errors, the message cannot be considered to pass or fail"
            Self::Lookup(..) | Self::Undecided(..) => DmarcResult::TempError,
            // §5.3.1: "If zero or more than one domain is extracted from the RFC5322.From header field, then DMARC validation
            // is not possible and the process terminates."
            Self::InvalidFrom(_)
            | Self::InvalidAuthor(..)
            | Self::Header(_)
            | Self::NoAuthor
            | Self::TooManyAuthors { .. } => DmarcResult::PermError,
        }
    }

    /// Whether the author of the message is missing, malformed or ambiguous. RFC 9989 §11.5: "care must be taken by the
    /// Mail Receiver to recognize such messages as the threats they might be".
    pub fn is_invalid_author(&self) -> bool {
        matches!(
            self,
            Self::InvalidFrom(_)
                | Self::InvalidAuthor(..)
                | Self::Header(_)
                | Self::NoAuthor
                | Self::TooManyAuthors { .. }
        )
    }
}

/// The outcome for one message.
///
/// Several Author Domains are all evaluated, and the worst one decides (RFC 9989 §11.5: "apply the most strict policy
/// selected among the checks that fail"): the author with the strictest possible disposition, now or after DNS answers.
/// Of equals, fail comes before temperror; if the disposition is none, temperror comes before fail, none and pass. So a
/// forger cannot hide that the policy of the second author could not be looked up behind a first author with a weak
/// policy. The getters are about the author that decides; [`Verdict::authors`] has all.
///
/// ```
/// use waxseal_authres::DmarcResult;
/// use waxseal_dmarc::{Cause, Disposition, DmarcCheck, DomainPolicy, Identifiers};
/// use waxseal_dns::{Zone, drive_blocking};
///
/// let dns = Zone::new().with_txt("_dmarc.bank.example", "v=DMARC1; p=reject")?;
/// let verdict = drive_blocking(DmarcCheck::new(Identifiers::new("bank.example".parse()?)), &dns);
/// assert_eq!((verdict.result(), verdict.is_pass()), (DmarcResult::Fail, false));
/// assert_eq!(verdict.cause(), Some(&Cause::NotAuthenticated));
/// assert_eq!(verdict.policy(), Some(DomainPolicy::Reject));
/// assert_eq!(verdict.disposition(), Disposition::Quarantine);
/// assert_eq!(verdict.to_string(), "dmarc=fail header.from=bank.example (no authenticated identifier)");
/// # Ok::<(), waxseal_dns::InvalidDomainName>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Verdict {
    pub(crate) authors: Vec<AuthorVerdict>,
    /// Index of the author that decides.
    pub(crate) decisive: usize,
    pub(crate) cause: Cause,
    pub(crate) disposition: Disposition,
    pub(crate) shown: Vec<AuthorVerdict>,
    pub(crate) domains_in_names: Vec<String>,
}

/// The outcome for one Author Domain.
#[derive(Debug, Clone)]
pub struct AuthorVerdict {
    pub(crate) domain: DomainName,
    pub(crate) cause: Cause,
    pub(crate) walk: Walk,
    pub(crate) applied: Option<Applied>,
    pub(crate) organization: Option<OrganizationalDomain>,
    pub(crate) exists: Option<bool>,
    pub(crate) identifiers: Vec<Identifier>,
}

/// The record in force and its policy.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    pub(crate) record: Arc<Record>,
    pub(crate) record_at: DomainName,
    pub(crate) requested: Option<Requested>,
    /// After `t=`, or `pct=0` in RFC 7489 mode.
    pub(crate) evaluated: Option<DomainPolicy>,
}

impl AuthorVerdict {
    /// An author to whom no policy applies according to `walk`.
    pub(crate) fn without_policy(domain: &DomainName, walk: Walk) -> Self {
        let cause = match walk.error() {
            Some((question, error)) => Cause::Lookup(question, error.clone()),
            None => Cause::NoRecord(domain.clone()),
        };
        Self {
            domain: domain.clone(),
            cause,
            walk,
            applied: None,
            organization: None,
            exists: None,
            identifiers: Vec::new(),
        }
    }

    /// The Author Domain.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The result word.
    pub fn result(&self) -> DmarcResult {
        self.cause.result()
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The record that applies.
    pub fn record(&self) -> Option<&Arc<Record>> {
        self.applied.as_ref().map(|applied| &applied.record)
    }

    /// The DMARC Policy Domain (RFC 9989 §3.2.5): the domain of that record, without `_dmarc.`.
    pub fn record_at(&self) -> Option<&DomainName> {
        self.applied.as_ref().map(|applied| &applied.record_at)
    }

    /// The policy that the Domain Owner requests for this Author Domain, before `t=`. `None` when no policy applies.
    pub fn policy(&self) -> Option<DomainPolicy> {
        self.applied.as_ref()?.requested.map(|requested| requested.policy)
    }

    /// The tag that the policy comes from.
    pub fn policy_tag(&self) -> Option<PolicyTag> {
        self.applied.as_ref()?.requested.map(|requested| requested.tag)
    }

    /// The policy after `t=y`, which lowers it by one level.
    pub fn evaluated_policy(&self) -> Option<DomainPolicy> {
        self.applied.as_ref()?.evaluated
    }

    /// The Organizational Domain of the Author Domain. `None` when it was not needed, see
    /// [`LocalPolicy::with_organizational_domain`](crate::LocalPolicy::with_organizational_domain), or not found.
    pub fn organizational_domain(&self) -> Option<&DomainName> {
        self.organization.as_ref().map(|found| &found.domain)
    }

    /// The rule of RFC 9989 §4.10.2 that makes it the Organizational Domain: `its record has psd=n`, `the record above
    /// has psd=y`, `the record with the fewest labels`, `no record found`, or `public suffix list` (RFC 7489 §3.2).
    pub fn organizational_rule(&self) -> Option<&'static str> {
        self.organization.as_ref().map(|found| found.rule.as_str())
    }

    /// Whether the Author Domain exists in DNS; `None` when it did not matter, or the lookup failed. An alias exists,
    /// wherever it leads ([`Existence`](waxseal_dns::Existence)).
    pub fn exists(&self) -> Option<bool> {
        self.exists
    }

    /// The names that were looked up for a record, in order.
    pub fn path(&self) -> &[Step] {
        self.walk.steps()
    }

    /// The identifiers in order, DKIM before SPF.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// Whether a DKIM signature passed and is aligned.
    pub fn dkim_aligned(&self) -> bool {
        self.identifiers.iter().any(|id| matches!(id.result, MethodResult::Dkim(_)) && id.is_aligned())
    }

    /// Whether an identifier passed and is aligned, even if the record is unknown.
    pub(crate) fn is_aligned(&self) -> bool {
        self.identifiers.iter().any(Identifier::is_aligned)
    }

    /// Whether SPF passed for MAIL FROM and is aligned.
    pub fn spf_aligned(&self) -> bool {
        self.identifiers.iter().any(|id| matches!(id.result, MethodResult::Spf(_)) && id.is_aligned())
    }

    /// The weakest DNSSEC state of the answers on the [`path`](Self::path).
    pub fn dnssec(&self) -> Dnssec {
        self.path().iter().map(Step::dnssec).min().unwrap_or_default()
    }

    fn explain(&self, out: &mut String) {
        let mut line = |text: String| {
            out.push_str("  ");
            out.push_str(&text);
            out.push('\n');
        };
        self.path().iter().for_each(|step| line(step.to_string()));
        if let Some(exists) = self.exists {
            line(format!("{} {}", self.domain, if exists { "exists" } else { "does not exist" }));
        }
        if let Some(OrganizationalDomain { domain, rule }) = &self.organization {
            line(format!("Organizational Domain of {} is {domain}: {rule}", self.domain));
        }
        if let Some(Applied { record, record_at, requested: Some(requested), evaluated }) = &self.applied {
            let (policy, tag) = (requested.policy, requested.tag);
            let lowered = match evaluated {
                Some(evaluated) if *evaluated != policy => format!(", tested, so {evaluated}"),
                _ => String::new(),
            };
            line(match record.invalid_policy() {
                Some(invalid) if tag == PolicyTag::Assumed => {
                    let invalid = invalid.as_str();
                    format!(
                        "policy none assumed: no valid {invalid}= in the record of {record_at}, but a rua="
                    )
                }
                _ => format!("policy {policy} by {}= of {record_at}{lowered}", tag.as_str()),
            });
        }
        self.identifiers.iter().for_each(|identifier| line(identifier.to_string()));
    }
}

impl Verdict {
    /// No verdict: for a program that has a place for one where DMARC was not checked. The result is none, and the
    /// disposition too.
    pub fn not_checked() -> Self {
        Self::without_author(Cause::NotChecked, Disposition::None)
    }

    pub(crate) fn without_author(cause: Cause, disposition: Disposition) -> Self {
        let (authors, shown, domains_in_names) = (Vec::new(), Vec::new(), Vec::new());
        Self { authors, decisive: 0, cause, disposition, shown, domains_in_names }
    }

    /// The result word (RFC 9989 §9.2).
    #[doc(alias = "word")]
    pub fn result(&self) -> DmarcResult {
        self.cause.result()
    }

    /// Whether an Authenticated Identifier is aligned with the Author Domain; with each of them if there are several.
    pub fn is_pass(&self) -> bool {
        self.result() == DmarcResult::Pass
    }

    /// What decided. Always `Some`.
    pub fn cause(&self) -> Option<&Cause> {
        Some(&self.cause)
    }

    /// The cause and its sources, as one line of ASCII without quotes: fit for `reason=` and for logs.
    pub fn reason(&self) -> String {
        waxseal_authres::reason(&self.cause)
    }

    /// The verdict as one JSON object on one line: `{"result", "policy", "evaluated_policy", "disposition", "org_domain",
    /// "record_at", "spf_aligned", "dkim_aligned", "reason"}`, and if there are any, `"shown": [{"domain", "policy",
    /// "evaluated_policy"}]` and `"domains_in_names"`.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn to_json(&self) -> String {
        waxseal_dns::to_json(self)
    }

    /// What to do with the message, by the policy of the domain and the [`LocalPolicy`](crate::LocalPolicy). None when
    /// the result is pass or none. For temperror it is [`Disposition::Defer`] or that of
    /// [`LocalPolicy::with_undeferrable`](crate::LocalPolicy::with_undeferrable); but none when DKIM or SPF passed for
    /// the Author Domain itself, since then the result would be pass or none with any record.
    pub fn disposition(&self) -> Disposition {
        self.disposition
    }

    /// The Author Domain that decided; `None` when there is no clear author.
    pub fn author(&self) -> Option<&AuthorVerdict> {
        self.authors.get(self.decisive)
    }

    /// Every Author Domain, in the order of the message.
    pub fn authors(&self) -> &[AuthorVerdict] {
        &self.authors
    }

    /// For a message without a clear author, the domains that some program may show, each with its policy; empty when
    /// there are none, or too many. Authenticated identifiers are ignored for them.
    pub fn shown(&self) -> &[AuthorVerdict] {
        &self.shown
    }

    /// Domains of addresses in display names, other than the authors', at most 8, as written: see
    /// [`Authors::domains_in_names`](waxseal_header::Authors::domains_in_names). By default they do not affect the
    /// verdict ([`LocalPolicy::with_misleading_name_refused`](crate::LocalPolicy::with_misleading_name_refused)).
    pub fn domains_in_names(&self) -> &[String] {
        &self.domains_in_names
    }

    /// [`AuthorVerdict::policy`] of the one that decided.
    pub fn policy(&self) -> Option<DomainPolicy> {
        self.author()?.policy()
    }

    /// [`AuthorVerdict::record`] of the one that decided.
    pub fn record(&self) -> Option<&Arc<Record>> {
        self.author()?.record()
    }

    /// [`AuthorVerdict::dkim_aligned`] of the one that decided.
    pub fn dkim_aligned(&self) -> bool {
        self.author().is_some_and(AuthorVerdict::dkim_aligned)
    }

    /// [`AuthorVerdict::spf_aligned`] of the one that decided.
    pub fn spf_aligned(&self) -> bool {
        self.author().is_some_and(AuthorVerdict::spf_aligned)
    }

    /// A page of ASCII for people: the result, every name that was looked up, the record used, and why each identifier
    /// is aligned or not.
    pub fn explain(&self) -> String {
        let mut out =
            format!("dmarc={} ({}), disposition {}\n", self.result(), self.reason(), self.disposition);
        for author in &self.authors {
            out.push_str(&format!("author {}: {} ({})\n", author.domain, author.result(), author.cause));
            author.explain(&mut out);
        }
        for author in &self.shown {
            let policy = match author.evaluated_policy() {
                Some(policy) => format!("policy {policy}"),
                None => author.cause.to_string(),
            };
            out.push_str(&format!("some readers show {}: {policy}\n", author.domain));
            author.explain(&mut out);
        }
        for domain in &self.domains_in_names {
            out.push_str(&format!(
                "the display name shows an address of another domain: {}\n",
                shown(domain)
            ));
        }
        out
    }

    /// The policy of the domain, or the strictest of those shown; `None` when a failed lookup leaves it unknown, or no
    /// domain is known.
    fn commented_policy(&self) -> Option<DomainPolicy> {
        let judged = || self.shown.iter().chain(self.author());
        let known = judged().filter_map(AuthorVerdict::policy).max();
        let is_unknown = judged().next().is_none()
            || judged().any(|author| author.applied.is_none() && author.result() == DmarcResult::TempError);
        known.or_else(|| (!is_unknown).then_some(DomainPolicy::None))
    }

    /// The entry for Authentication-Results, as OpenDMARC writes it, followed by the property `policy.dmarc` of RFC
    /// 9989 §9.1: "The evaluated DMARC policy applied / to be applied after policy options have been processed". It has
    /// a `reason` for temperror and permerror. When no policy applies, the comment has `p=none` like that of OpenDMARC;
    /// when the policy is unknown, it has none. In both cases there is no `policy.dmarc`.
    pub fn entry(&self) -> Entry {
        let mut entry = Entry::dmarc(self.result());
        if matches!(self.result(), DmarcResult::TempError | DmarcResult::PermError) {
            entry = entry.with_reason(self.reason());
        }
        entry = entry.with_comment(match self.commented_policy() {
            Some(policy) => ["p=", policy.as_str(), " dis=", self.disposition.as_str()].concat(),
            None => ["dis=", self.disposition.as_str()].concat(),
        });
        if let Some(author) = self.author() {
            entry = entry.with_property(Ptype::Header, "from", author.domain.as_str());
        }
        match self.author().and_then(AuthorVerdict::evaluated_policy) {
            Some(policy) => entry.with_property(Ptype::Policy, "dmarc", policy.as_str()),
            None => entry,
        }
    }
}

/// One line of ASCII for a log, such as `dmarc=fail header.from=example.org (no authenticated identifier)`.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "dmarc={}", self.result())?;
        if let Some(author) = self.author() {
            write!(f, " header.from={}", author.domain)?;
        }
        write!(f, " ({})", self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_as_written_is_shown_in_ascii_without_quotes_and_cut() {
        let cause = |domain: &str| Cause::InvalidAuthor(domain.into(), DomainName::new("a..b").unwrap_err());
        let shown = cause("a \"b\\c\r\n\u{e9}..example").to_string();
        assert_eq!(shown, "author domain a??b?c???..example is not valid");
        assert_eq!(
            cause(&"a".repeat(81)).to_string(),
            format!("author domain {} is not valid", "a".repeat(80))
        );
    }
}
