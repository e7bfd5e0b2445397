//! Why a check ended as it did.

use crate::{
    place::Place, printable::Printable, record::Qualifier, select::NearMiss, syntax_error::SyntaxError,
};
use waxseal_authres::SpfResult;
use waxseal_dns::{DomainName, InvalidDomainName, LookupError, Question};

/// What decided a check. Underlying errors are its `source()`.
///
/// `Display` is one line of ASCII without quotes, fit for `reason=`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// The identity has no valid domain name.
    #[error("no valid domain name to check")]
    InvalidDomain(#[source] InvalidDomainName),
    /// The identity's domain is a single label.
    #[error("{} is not a multi-label domain name", shown(.0))]
    SingleLabel(DomainName),
    /// The domain does not exist.
    #[error("{} does not exist", shown(.0))]
    NoDomain(DomainName),
    /// The domain publishes no SPF record.
    #[error("no SPF record at {}", shown(.0))]
    NoRecord(DomainName),
    /// The domain publishes no SPF record, but a text that was probably meant as one.
    #[error("no SPF record at {}, but {}: {}", shown(.0), Printable(.1.start()), .1.advice())]
    NearMiss(DomainName, NearMiss),
    /// This directive matched.
    #[error("matched {1}")]
    Matched(Qualifier, Place),
    /// No directive matched and there is no redirect; the domain is that of the last record.
    #[error("no directive of {} matched", shown(.0))]
    NoMatch(DomainName),
    /// A DNS lookup failed, for this term; `None` for the first record.
    #[error("lookup of {} {} failed{}", shown(&.0.name), .0.kind, placed(", at", .2))]
    Lookup(Question, #[source] LookupError, Option<Place>),
    /// A domain has this many SPF records instead of one.
    #[error("{} SPF records at {}", .1, shown(.0))]
    SeveralRecords(DomainName, usize),
    /// The record of this domain cannot be read.
    #[error("SPF record of {} has a syntax error", shown(.0))]
    Syntax(DomainName, #[source] SyntaxError),
    /// The target of `include` or `redirect` publishes no SPF record.
    #[error("no SPF record for {0}")]
    TargetWithoutRecord(Place),
    /// The target of `include` or `redirect` is not a domain name after macro expansion.
    #[error("no valid domain name in {0}")]
    InvalidTarget(Place, #[source] InvalidDomainName),
    /// The target of `redirect` contains the local-part of the sender, which is not ASCII and cannot be part of a
    /// domain name (RFC 8616 §4).
    #[error("the local-part is not ASCII and cannot be part of the domain name in {0}")]
    LocalPartNotAscii(Place),
    /// More terms that cause lookups than allowed.
    #[error("more than {} terms with lookups{}", .0.limit, placed(", at", &.0.place))]
    TooManyTerms(Exceeded),
    /// More void lookups than allowed.
    #[error("more than {} void lookups{}", .0.limit, placed(", at", &.0.place))]
    TooManyVoidLookups(Exceeded),
    /// An `mx` has this many mail exchangers, more than allowed.
    #[error("{} mail exchangers, more than {}{}", .0, .1.limit, placed(", for", &.1.place))]
    TooManyMxNames(usize, Exceeded),
    /// More DNS questions than allowed.
    #[error("more than {} DNS queries{}", .0.limit, placed(", at", &.0.place))]
    TooManyQueries(Exceeded),
    /// More bytes in macros than allowed.
    #[error("more than {} bytes of macros{}", .0.limit, placed(", at", &.0.place))]
    TooManyMacroBytes(Exceeded),
}

/// A limit that was exceeded; [`Cause::place`] tells where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    pub(crate) limit: usize,
    /// The term that exceeded it; `None` for the first record.
    pub(crate) place: Option<Place>,
}

impl Exceeded {
    /// The limit in force, see [`Limits`](crate::Limits).
    pub fn limit(&self) -> usize {
        self.limit
    }
}

fn shown(domain: &DomainName) -> Printable<'_> {
    Printable(domain.as_str().as_bytes())
}

fn placed(word: &str, place: &Option<Place>) -> String {
    place.as_ref().map(|place| format!("{word} {place}")).unwrap_or_default()
}

impl Cause {
    /// The result that goes with this cause.
    pub fn result(&self) -> SpfResult {
        match self {
            // §4.3: "If the <domain> is malformed ... or is not a multi-label domain name, or if the DNS lookup returns
            // "Name Error" ..., check_host() immediately returns the result "none"."
            Self::InvalidDomain(_) | Self::SingleLabel(_) | Self::NoDomain(_) => SpfResult::None,
            // §4.5: "If the resultant record set includes no records, check_host() produces the "none" result."
            Self::NoRecord(_) | Self::NearMiss(..) => SpfResult::None,
            // §4.6.2: "If it matches, processing ends and the qualifier value is returned as the result of that record."
            Self::Matched(qualifier, _) => qualifier.result(),
            // §4.7: "If none of the mechanisms match and there is no "redirect" modifier, then the check_host() returns
            // a result of "neutral""
            Self::NoMatch(_) => SpfResult::Neutral,
            // §4.4: "If the DNS lookup returns a server failure ... or if the lookup times out, then check_host()
            // terminates immediately with the result "temperror"."
            // §5: "the mechanism stops and the topmost check_host() returns "temperror"."
            Self::Lookup(..) => SpfResult::TempError,
            // §4.5: "If the resultant record set includes more than one record, check_host() produces the "permerror"
            // result."
            Self::SeveralRecords(..) => SpfResult::PermError,
            // §4.6: "if there are any syntax errors anywhere in the record, check_host() returns immediately with the
            // result "permerror""
            Self::Syntax(..) => SpfResult::PermError,
            // §5.2: where the included record gives none, "return permerror"; §6.1: "if no SPF record is found, or if the <target-name> is malformed, the
            // result is a "permerror" rather than "none"."
            Self::TargetWithoutRecord(_) | Self::InvalidTarget(..) | Self::LocalPartNotAscii(_) => {
                SpfResult::PermError
            }
            // §4.6.4: "If this limit is exceeded, the implementation MUST return "permerror"."
            Self::TooManyTerms(_) => SpfResult::PermError,
            // §4.6.4: "Exceeding the limit produces a "permerror" result."
            Self::TooManyVoidLookups(_) => SpfResult::PermError,
            // §4.6.4: "If this limit is exceeded, the "mx" mechanism MUST produce a "permerror" result."
            Self::TooManyMxNames(..) => SpfResult::PermError,
            // §11.1: "the processing limits need to be quite low"; like the other limits.
            Self::TooManyQueries(_) | Self::TooManyMacroBytes(_) => SpfResult::PermError,
        }
    }

    /// The term at which evaluation ended, if any.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Matched(_, place)
            | Self::TargetWithoutRecord(place)
            | Self::LocalPartNotAscii(place)
            | Self::InvalidTarget(place, _) => Some(place),
            Self::Lookup(_, _, place) => place.as_ref(),
            Self::TooManyTerms(exceeded)
            | Self::TooManyVoidLookups(exceeded)
            | Self::TooManyMxNames(_, exceeded)
            | Self::TooManyQueries(exceeded)
            | Self::TooManyMacroBytes(exceeded) => exceeded.place.as_ref(),
            _ => None,
        }
    }
}
