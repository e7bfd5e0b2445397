//! Identifier Alignment (RFC 9989 §4.4, §4.10.2).

use crate::{
    Alignment, LocalPolicy, Step,
    discover::{OrganizationalDomain, Walk},
};
use std::fmt;
use waxseal_authres::{DkimResult, SpfResult};
use waxseal_dns::{Answers, DomainName, LookupError, Pending, Question};

/// A domain with a DKIM or SPF result, and whether it is aligned with the Author Domain.
#[derive(Debug, Clone)]
pub struct Identifier {
    pub(crate) domain: DomainName,
    pub(crate) result: MethodResult,
    pub(crate) match_: Match,
    pub(crate) walk: Option<Walk>,
}

/// The method that checked an identifier, and its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MethodResult {
    /// A DKIM signature; the identifier is its `d=`.
    Dkim(DkimResult),
    /// SPF of the MAIL FROM identity; the identifier is its domain.
    Spf(SpfResult),
}

impl MethodResult {
    /// `dkim` or `spf`.
    pub const fn method(self) -> &'static str {
        match self {
            Self::Dkim(_) => "dkim",
            Self::Spf(_) => "spf",
        }
    }

    /// The result word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dkim(result) => result.as_str(),
            Self::Spf(result) => result.as_str(),
        }
    }

    /// Whether the method passed, which makes the domain an Authenticated Identifier (RFC 9989 §3.2.1).
    pub const fn is_pass(self) -> bool {
        matches!(self, Self::Dkim(DkimResult::Pass) | Self::Spf(SpfResult::Pass))
    }

    /// Whether the method may pass at a later time.
    pub(crate) const fn is_temporary(self) -> bool {
        matches!(self, Self::Dkim(DkimResult::TempError) | Self::Spf(SpfResult::TempError))
    }
}

/// Method and result, such as `dkim=pass`.
impl fmt::Display for MethodResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.method(), self.as_str())
    }
}

/// How an identifier compares with the Author Domain.
#[derive(Debug, Clone)]
pub(crate) enum Match {
    /// The same domain: aligned in either mode.
    Equal,
    /// The same Organizational Domain: aligned in relaxed mode.
    SameOrganization(DomainName),
    /// Another domain, while the record asks for strict alignment.
    NotEqual,
    /// Not below the Organizational Domain of the Author Domain, so its own one is different. `None` when not even the
    /// last label is the same.
    Outside(Option<DomainName>),
    /// Below the Organizational Domain of the Author Domain, but with another one of its own.
    OtherOrganization {
        /// That of the identifier.
        identifier: DomainName,
        /// That of the Author Domain.
        author: DomainName,
    },
    /// The method did not pass, so alignment does not matter.
    NotAuthenticated,
    /// A lookup that was needed failed.
    Failed {
        /// What was asked.
        question: Question,
        /// Why there is no answer.
        error: LookupError,
    },
    /// No policy applies to the Author Domain, so alignment does not matter.
    NotNeeded,
    /// It needs a tree walk of its own, and there are more such identifiers than
    /// [`LocalPolicy::with_max_identifiers`](crate::LocalPolicy::with_max_identifiers) allows.
    OverLimit {
        /// The limit.
        limit: usize,
    },
}

impl Match {
    /// Whether the domains are aligned.
    fn is_aligned(&self) -> bool {
        matches!(self, Self::Equal | Self::SameOrganization(_))
    }
}

/// One line of ASCII.
impl fmt::Display for Match {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Equal => f.write_str("aligned, the same domain"),
            Self::SameOrganization(domain) => write!(f, "aligned, Organizational Domain {domain}"),
            Self::NotEqual => f.write_str("not aligned, strict alignment wants the same domain"),
            Self::Outside(None) => f.write_str("not aligned, not even the last label is the same"),
            Self::Outside(Some(author)) => write!(f, "not aligned, not below {author}"),
            Self::OtherOrganization { identifier, author } => {
                write!(f, "not aligned, Organizational Domain {identifier} is not {author}")
            }
            Self::NotAuthenticated => f.write_str("not authenticated"),
            Self::Failed { question, error } => {
                write!(f, "alignment unknown, lookup of {question}: {}", waxseal_authres::reason(error))
            }
            Self::NotNeeded => f.write_str("no policy applies, alignment does not matter"),
            Self::OverLimit { limit } => {
                write!(f, "not compared, more than {limit} identifiers need a tree walk")
            }
        }
    }
}

impl Identifier {
    pub(crate) fn new(domain: &DomainName, result: MethodResult, match_: Match, walk: Option<Walk>) -> Self {
        Self { domain: domain.clone(), result, match_, walk }
    }

    /// The domain: `d=` of a signature, or that of MAIL FROM.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The result of DKIM or SPF.
    pub fn result(&self) -> MethodResult {
        self.result
    }

    /// How the domain compares with the Author Domain, such as `not aligned, not below example.org`; one line of ASCII.
    /// After a temporary error of the method: how it would compare.
    pub fn reason(&self) -> String {
        self.match_.to_string()
    }

    /// The names on the tree walk from this domain; empty when none was needed.
    pub fn path(&self) -> &[Step] {
        self.walk.as_ref().map(Walk::steps).unwrap_or_default()
    }

    /// Whether the method passed and the domain is aligned: this alone makes DMARC pass.
    pub fn is_aligned(&self) -> bool {
        self.result.is_pass() && self.match_.is_aligned()
    }

    /// Whether this identifier may still be aligned and authenticated at a later time.
    pub(crate) fn is_undecided(&self) -> bool {
        match &self.match_ {
            Match::Failed { .. } => true,
            other => other.is_aligned() && self.result.is_temporary(),
        }
    }
}

/// One line of ASCII, such as `dkim=pass example.net: not aligned, not below example.org`.
impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { domain, result, match_, .. } = self;
        write!(f, "{result} {domain}: {match_}")
    }
}

/// The alignment, as far as it is known without the Organizational Domains; `None` when they are needed.
pub(crate) fn compare(
    author: &DomainName,
    domain: &DomainName,
    result: MethodResult,
    mode: Alignment,
) -> Option<Match> {
    if !result.is_pass() && !result.is_temporary() {
        return Some(Match::NotAuthenticated);
    }
    if domain == author {
        return Some(Match::Equal);
    }
    if mode == Alignment::Strict {
        return Some(Match::NotEqual);
    }
    // An Organizational Domain is the domain itself or above it.
    (domain.labels().next_back() != author.labels().next_back()).then_some(Match::Outside(None))
}

/// Relaxed alignment with an Author Domain whose Organizational Domain is `author`. RFC 9989 §4.10.2 requires a tree
/// walk for the identifier, too: one below may have its own record with `psd=`.
pub(crate) fn compare_organizations(
    dns: &mut Answers<'_>,
    author: &OrganizationalDomain,
    domain: &DomainName,
    local: &LocalPolicy,
) -> Result<(Match, Option<Walk>), Pending> {
    if !domain.is_within(&author.domain) {
        return Ok((Match::Outside(Some(author.domain.clone())), None));
    }
    let (identifier, walk) = match &local.suffixes {
        Some(list) => (Some(list.organizational_domain(domain)), None),
        None => {
            let walk = crate::discover::walk(dns, local.records(), domain)?;
            (walk.organizational_domain().map(|found| found.domain), Some(walk))
        }
    };
    let failed = walk.as_ref().and_then(Walk::error);
    let match_ = match (identifier, failed) {
        (_, Some((question, error))) => Match::Failed { question, error: error.clone() },
        (Some(identifier), _) if identifier == author.domain => Match::SameOrganization(identifier),
        (identifier, _) => Match::OtherOrganization {
            identifier: identifier.unwrap_or_else(|| domain.clone()),
            author: author.domain.clone(),
        },
    };
    Ok((match_, walk))
}
