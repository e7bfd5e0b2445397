//! What a check found, and why.

use crate::{
    check::{Envelope, Identity},
    record::{Printable, Qualifier, SyntaxError},
    select::NearMiss,
    trace::Trace,
};
use bytes::Bytes;
use std::{borrow::Cow, fmt, net::IpAddr, sync::Arc, time::Duration};
use waxseal_authres::{Entry, Ptype, SpfResult};
use waxseal_dns::{Dnssec, DomainName, InvalidDomainName, LookupError, Question};

/// The outcome of one [`SpfCheck`](crate::SpfCheck).
///
/// A verdict about HELO is none about MAIL FROM: [`identity`](Self::identity) says which one it is, and only the MAIL
/// FROM one counts for DMARC (RFC 9989 §4.4.2).
#[derive(Debug, Clone)]
pub struct Verdict {
    pub(crate) envelope: Arc<Envelope>,
    pub(crate) cause: Cause,
    pub(crate) explanation: Option<String>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) dnssec: Dnssec,
    pub(crate) lookups: u16,
    pub(crate) void_lookups: u16,
    pub(crate) queries: u16,
    pub(crate) depends_on_sender: bool,
    pub(crate) depends_on_local_part: bool,
    pub(crate) trace: Option<Box<Trace>>,
}

impl Verdict {
    /// The result word (RFC 7208 §2.6).
    pub fn result(&self) -> SpfResult {
        self.cause.result()
    }

    /// Which term of which record decided, or which error.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// The cause and what is behind it, on one line of ASCII without quotes: fit for `reason=` and for logs.
    pub fn reason(&self) -> String {
        waxseal_authres::reason(&self.cause)
    }

    /// The identity that was checked.
    pub fn identity(&self) -> Identity {
        self.envelope.identity
    }

    /// The client, an IPv4 address if it came as an IPv4-mapped one.
    pub fn ip(&self) -> IpAddr {
        self.envelope.ip
    }

    /// The domain whose record was looked for: that of the MAIL FROM or HELO identity. `None` when it is no domain name,
    /// which gives the result none.
    pub fn domain(&self) -> Option<&DomainName> {
        self.envelope.domain.as_ref().ok()
    }

    /// `<sender>` of RFC 7208 §4.1: a mailbox, `postmaster@` HELO for a null reverse-path and for the HELO identity.
    pub fn sender(&self) -> &[u8] {
        self.envelope.sender()
    }

    /// Whether MAIL FROM was `<>`. Then [`sender`](Self::sender) is made from HELO (RFC 7208 §2.4).
    pub fn is_null_sender(&self) -> bool {
        self.envelope.null_sender
    }

    /// The argument of HELO or EHLO as given.
    pub fn helo(&self) -> &[u8] {
        self.envelope.helo()
    }

    /// The directive that matched, as published, in the record of [`domain`](Self::domain) or of the last redirect.
    pub fn mechanism(&self) -> Option<&str> {
        match &self.cause {
            Cause::Matched { place, .. } => Some(place.term()),
            _ => None,
        }
    }

    /// What the domain publishes for people whose mail fails (RFC 7208 §6.2): ASCII, no control characters, at most
    /// [`Limits::explanation`](crate::Limits::explanation) octets. `None` unless the result is fail and a valid
    /// explanation is published.
    ///
    /// The text is a stranger's: "Software SHOULD make it clear that the explanation string comes from a third party."
    pub fn explanation(&self) -> Option<&str> {
        self.explanation.as_deref()
    }

    /// For how long every answer holds: the smallest TTL. `None` when an answer came without one or nothing was asked;
    /// zero when a failed lookup was passed over.
    pub fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// The weakest DNSSEC state of all answers.
    pub fn dnssec(&self) -> Dnssec {
        self.dnssec
    }

    /// Terms evaluated that count against the limit of ten, see [`Limits::with_terms`](crate::Limits::with_terms) (RFC 7208
    /// §4.6.4).
    pub fn lookups(&self) -> u16 {
        self.lookups
    }

    /// Void lookups, see [`Limits::with_void_lookups`](crate::Limits::with_void_lookups).
    pub fn void_lookups(&self) -> u16 {
        self.void_lookups
    }

    /// DNS questions asked, the explanation's included.
    pub fn queries(&self) -> u16 {
        self.queries
    }

    /// Whether a macro read the sender or HELO. If not, the same domain and client give the same verdict for
    /// [`ttl`](Self::ttl) (RFC 7208 §7.3).
    pub fn depends_on_sender(&self) -> bool {
        self.depends_on_sender
    }

    /// Everything that was evaluated, if [`SpfCheck::with_trace`](crate::SpfCheck::with_trace) asked for it.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_deref()
    }

    /// The statement for an Authentication-Results field (RFC 8601 §2.7.2): `smtp.mailfrom`, or `smtp.helo` for the HELO
    /// identity and for a null reverse-path; a `reason` unless the result is pass. The value of `smtp.mailfrom` is the
    /// domain; it is the whole address where a macro read the local-part, and where there is no domain.
    pub fn entry(&self) -> Entry {
        let entry = match self.result() {
            SpfResult::Pass => Entry::spf(SpfResult::Pass),
            word => Entry::spf(word).with_reason(self.reason()),
        };
        match self.identity() {
            // RFC 8601 §2.7.2: "If the retrieved sender policies used to evaluate SPF do not contain explicit provisions for
            // authenticating the local-part ... of an address, the "pvalue" reported along with results for this mechanism
            // SHOULD NOT include the local-part or the following "@" character."
            Identity::MailFrom if !self.is_null_sender() => match self.domain() {
                Some(domain) if !self.depends_on_local_part => {
                    entry.with_property(Ptype::Smtp, "mailfrom", domain.as_str())
                }
                _ => entry.with_property(Ptype::Smtp, "mailfrom", self.sender()),
            },
            // A name that is no ASCII is shown by its A-labels, as it was looked up (RFC 8616 §4).
            _ => match self.domain() {
                Some(domain) if !self.helo().is_ascii() => {
                    entry.with_property(Ptype::Smtp, "helo", domain.as_str())
                }
                _ => entry.with_property(Ptype::Smtp, "helo", self.helo()),
            },
        }
    }
}

impl fmt::Display for Verdict {
    /// The word and the reason, on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.result(), self.reason())
    }
}

/// A term of a record, and through which terms evaluation got there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(crate) domain: DomainName,
    pub(crate) term: Bytes,
    pub(crate) offset: usize,
    pub(crate) depth: usize,
    pub(crate) inside: Option<Box<Place>>,
}

impl Place {
    /// The domain that publishes the record.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The term as published, qualifier included.
    pub fn term(&self) -> &str {
        // The record's syntax is known to be right, so this is ASCII.
        std::str::from_utf8(&self.term).unwrap_or_default()
    }

    /// Where the term starts, in octets from the start of the record.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Includes and redirects between the first record and this one.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// For an `include` that matched: the term that matched in the included record.
    pub fn inside(&self) -> Option<&Self> {
        self.inside.as_deref()
    }

    /// The last of [`inside`](Self::inside): the term that matched in the end.
    pub fn innermost(&self) -> &Self {
        let mut place = self;
        while let Some(inside) = place.inside() {
            place = inside;
        }
        place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", Printable(&self.term), Printable(self.domain.as_str().as_bytes()))?;
        match &self.inside {
            Some(inside) => write!(f, " by {inside}"),
            None => Ok(()),
        }
    }
}

/// Why a check ended as it did. Errors behind a cause are its `source()`.
///
/// `Display` is one line of ASCII without quotes, fit for `reason=`.
#[derive(Debug, Clone, thiserror::Error)]
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
    /// The domain publishes no SPF record, but a text that is nearly one.
    #[error("no SPF record at {}, but {}: {}", shown(.domain), Printable(.near_miss.start()), .near_miss.advice())]
    NearMiss {
        /// The domain.
        domain: DomainName,
        /// The text.
        near_miss: NearMiss,
    },
    /// A directive matched.
    #[error("matched {place}")]
    Matched {
        /// What the match means.
        qualifier: Qualifier,
        /// The directive.
        place: Place,
    },
    /// No directive matched and there is no redirect; the domain is the one of the last record.
    #[error("no directive of {} matched", shown(.0))]
    NoMatch(DomainName),
    /// A DNS lookup failed.
    #[error("lookup of {} {} failed{}", shown(&.question.name), .question.kind, at(.place))]
    Lookup {
        /// What was asked.
        question: Question,
        /// Why there is no answer.
        source: LookupError,
        /// The term that asked; `None` for the first record.
        place: Option<Place>,
    },
    /// More than one SPF record at a domain.
    #[error("{count} SPF records at {}", shown(.domain))]
    SeveralRecords {
        /// Where they are.
        domain: DomainName,
        /// How many.
        count: usize,
    },
    /// A record cannot be read.
    #[error("SPF record of {} has a syntax error", shown(.domain))]
    Syntax {
        /// Whose record.
        domain: DomainName,
        /// Where and why.
        source: SyntaxError,
        /// Includes and redirects between the first record and this one.
        depth: usize,
    },
    /// The target of `include` or `redirect` publishes no SPF record.
    #[error("no SPF record for {0}")]
    TargetWithoutRecord(Place),
    /// The target of `include` or `redirect` is no domain name after macro expansion.
    #[error("no valid domain name in {place}")]
    InvalidTarget {
        /// The term.
        place: Place,
        /// Why it is none.
        source: InvalidDomainName,
    },
    /// The target of `redirect` holds the local-part of the sender, which is not ASCII and so no part of a domain name
    /// (RFC 8616 §4).
    #[error("the local-part is not ASCII and cannot be part of the domain name in {0}")]
    LocalPartNotAscii(Place),
    /// More terms that cause lookups than allowed.
    #[error("more than {limit} terms with lookups, at {place}")]
    TooManyTerms {
        /// The limit in force.
        limit: u16,
        /// The term that was one too many.
        place: Place,
    },
    /// More void lookups than allowed.
    #[error("more than {limit} void lookups, at {place}")]
    TooManyVoidLookups {
        /// The limit in force.
        limit: u16,
        /// The term whose lookup was one too many.
        place: Place,
    },
    /// More mail exchangers for an `mx` than allowed.
    #[error("{count} mail exchangers, more than {limit}, for {place}")]
    TooManyMxNames {
        /// How many there are.
        count: usize,
        /// The limit in force.
        limit: u16,
        /// The `mx`.
        place: Place,
    },
    /// More DNS questions than allowed.
    #[error("more than {limit} DNS queries{}", at(.place))]
    TooManyQueries {
        /// The limit in force.
        limit: u16,
        /// The term that asked; `None` for the first record.
        place: Option<Place>,
    },
    /// More work for macros than allowed.
    #[error("more than {limit} octets of macros, at {place}")]
    TooManyMacroOctets {
        /// The limit in force.
        limit: usize,
        /// The term whose macros were too much.
        place: Place,
    },
}

fn shown(domain: &DomainName) -> Cow<'_, str> {
    let text = domain.as_str();
    if text.contains(['"', '\\']) { Printable(text.as_bytes()).to_string().into() } else { text.into() }
}

fn at(place: &Option<Place>) -> String {
    place.as_ref().map(|place| format!(", at {place}")).unwrap_or_default()
}

impl Cause {
    /// The result word for this cause.
    pub fn result(&self) -> SpfResult {
        match self {
            // §4.3: "If the <domain> is malformed ... or is not a multi-label domain name, or if the DNS lookup returns
            // "Name Error" ..., check_host() immediately returns the result "none"."
            Self::InvalidDomain(_) | Self::SingleLabel(_) | Self::NoDomain(_) => SpfResult::None,
            // §4.5: "If the resultant record set includes no records, check_host() produces the "none" result."
            Self::NoRecord(_) | Self::NearMiss { .. } => SpfResult::None,
            // §4.6.2: "If it matches, processing ends and the qualifier value is returned as the result of that record."
            Self::Matched { qualifier, .. } => qualifier.result(),
            // §4.7: "If none of the mechanisms match and there is no "redirect" modifier, then the check_host() returns
            // a result of "neutral""
            Self::NoMatch(_) => SpfResult::Neutral,
            // §4.4: "If the DNS lookup returns a server failure ... or if the lookup times out, then check_host()
            // terminates immediately with the result "temperror"."
            // §5: "the mechanism stops and the topmost check_host() returns "temperror"."
            Self::Lookup { .. } => SpfResult::TempError,
            // §4.5: "If the resultant record set includes more than one record, check_host() produces the "permerror"
            // result."
            Self::SeveralRecords { .. } => SpfResult::PermError,
            // §4.6: "if there are any syntax errors anywhere in the record, check_host() returns immediately with the
            // result "permerror""
            Self::Syntax { .. } => SpfResult::PermError,
            // §5.2: where the included record gives none, "return permerror"; §6.1: "if no SPF record is found, or if the <target-name> is malformed, the
            // result is a "permerror" rather than "none"."
            Self::TargetWithoutRecord(_) | Self::InvalidTarget { .. } | Self::LocalPartNotAscii(_) => {
                SpfResult::PermError
            }
            // §4.6.4: "If this limit is exceeded, the implementation MUST return "permerror"."
            Self::TooManyTerms { .. } => SpfResult::PermError,
            // §4.6.4: "Exceeding the limit produces a "permerror" result."
            Self::TooManyVoidLookups { .. } => SpfResult::PermError,
            // §4.6.4: "If this limit is exceeded, the "mx" mechanism MUST produce a "permerror" result."
            Self::TooManyMxNames { .. } => SpfResult::PermError,
            // §11.1: "the processing limits need to be quite low"; as the other limits.
            Self::TooManyQueries { .. } | Self::TooManyMacroOctets { .. } => SpfResult::PermError,
        }
    }

    /// The term at which evaluation ended, if it ended at one.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Matched { place, .. }
            | Self::TargetWithoutRecord(place)
            | Self::LocalPartNotAscii(place)
            | Self::InvalidTarget { place, .. }
            | Self::TooManyTerms { place, .. }
            | Self::TooManyVoidLookups { place, .. }
            | Self::TooManyMxNames { place, .. }
            | Self::TooManyMacroOctets { place, .. } => Some(place),
            Self::Lookup { place, .. } | Self::TooManyQueries { place, .. } => place.as_ref(),
            _ => None,
        }
    }
}
