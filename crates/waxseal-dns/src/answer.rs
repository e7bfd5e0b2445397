//! Questions, answers and lookup errors.

use crate::{
    DomainName,
    zone::text::{write_name, write_text},
};
use bytes::Bytes;
use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

/// The record types that e-mail authentication looks up. `Display` and `FromStr` use their names in zone files (`TXT`,
/// `AAAA`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordType {
    /// Text records: SPF, DKIM, DMARC.
    Txt,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Mail exchangers.
    Mx,
    /// Names of an IP address.
    Ptr,
}

impl RecordType {
    /// Every type, in the order of declaration.
    pub const ALL: [Self; 5] = [Self::Txt, Self::A, Self::Aaaa, Self::Mx, Self::Ptr];

    /// The name as in zone files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Txt => "TXT",
            Self::A => "A",
            Self::Aaaa => "AAAA",
            Self::Mx => "MX",
            Self::Ptr => "PTR",
        }
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text is not one of `TXT`, `A`, `AAAA`, `MX` and `PTR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown record type: TXT, A, AAAA, MX and PTR are known")]
#[non_exhaustive]
pub struct UnknownRecordType;

impl FromStr for RecordType {
    type Err = UnknownRecordType;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str().eq_ignore_ascii_case(text)).ok_or(UnknownRecordType)
    }
}

/// One DNS question: a name and a record type.
///
/// ```
/// use waxseal_dns::{DomainName, Question, RecordType};
/// let name = DomainName::new("_dmarc.example.org").unwrap();
/// assert_eq!(Question::txt(name.clone()), Question::new(name.clone(), RecordType::Txt));
/// assert_eq!(Question::txt(name).to_string(), "_dmarc.example.org TXT");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The name asked about.
    pub name: DomainName,
    /// The record type asked for.
    pub kind: RecordType,
}

impl Question {
    /// A question for `kind` records at `name`.
    pub fn new(name: DomainName, kind: RecordType) -> Self {
        Self { name, kind }
    }

    /// The text records of `name`.
    pub fn txt(name: DomainName) -> Self {
        Self::new(name, RecordType::Txt)
    }

    /// The IPv4 addresses of `name`.
    pub fn a(name: DomainName) -> Self {
        Self::new(name, RecordType::A)
    }

    /// The IPv6 addresses of `name`.
    pub fn aaaa(name: DomainName) -> Self {
        Self::new(name, RecordType::Aaaa)
    }

    /// The mail exchangers of `name`.
    pub fn mx(name: DomainName) -> Self {
        Self::new(name, RecordType::Mx)
    }

    /// The names of `address`: PTR at [`DomainName::reverse`].
    pub fn ptr(address: IpAddr) -> Self {
        Self::new(DomainName::reverse(address), RecordType::Ptr)
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.kind)
    }
}

/// One record of an answer. `Display` writes its data in the syntax of zone files, in ASCII;
/// [`Zone::from_zone_file`](crate::Zone::from_zone_file) reads it back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The strings of one TXT record, joined without separators (RFC 6376 §3.6.2.2, RFC 7208 §3.3). These are bytes,
    /// and need not be UTF-8.
    Txt(Bytes),
    /// An IPv4 address.
    A(Ipv4Addr),
    /// An IPv6 address.
    Aaaa(Ipv6Addr),
    /// A mail exchanger with its preference; `None` is the null MX `.` (RFC 7505).
    Mx(u16, Option<DomainName>),
    /// A name of the address asked about.
    Ptr(DomainName),
}

impl Record {
    /// The type of question that this record answers.
    pub fn kind(&self) -> RecordType {
        match self {
            Self::Txt(_) => RecordType::Txt,
            Self::A(_) => RecordType::A,
            Self::Aaaa(_) => RecordType::Aaaa,
            Self::Mx(..) => RecordType::Mx,
            Self::Ptr(_) => RecordType::Ptr,
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Txt(text) => write_text(f, text),
            Self::A(address) => write!(f, "{address}"),
            Self::Aaaa(address) => write!(f, "{address}"),
            Self::Mx(preference, Some(host)) => {
                write!(f, "{preference} ")?;
                write_name(f, host.as_str())
            }
            Self::Mx(preference, None) => write!(f, "{preference} ."),
            Self::Ptr(name) => write_name(f, name.as_str()),
        }
    }
}

/// Whether the name asked about exists.
///
/// A name with an alias (CNAME) exists, wherever the alias leads. A server that follows the alias to a missing name
/// still answers NXDOMAIN, but RFC 8020 §2 says: "if there is a chain of CNAME (or DNAME), the name that does not exist
/// is the last of the chain (\[RFC6604\]) and not the QNAME". So a resolver must turn this into [`Answer::nodata`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// The name exists. With no records of the type asked for this is NODATA.
    Exists,
    /// NXDOMAIN for this very name: neither it nor any name below it exists (RFC 8020).
    NxDomain,
}

/// DNSSEC state of an answer (RFC 4035 §4.3), ordered from weakest to strongest: the combined state of several answers
/// is their `min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub enum Dnssec {
    /// Validation failed.
    Bogus,
    /// Not signed, or the state is not known.
    #[default]
    Indeterminate,
    /// Proven to be unsigned.
    Insecure,
    /// Signed and validated.
    Secure,
}

impl Dnssec {
    /// The state in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bogus => "bogus",
            Self::Indeterminate => "indeterminate",
            Self::Insecure => "insecure",
            Self::Secure => "secure",
        }
    }
}

impl fmt::Display for Dnssec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An answer of DNS: the records, if any, and how long it is valid. Clones share the records.
///
/// ```
/// use waxseal_dns::{Answer, Record};
/// let answer = Answer::new([Record::Txt("v=spf1 -all".into())]);
/// assert_eq!(answer.to_string(), r#""v=spf1 -all""#);
/// assert!(Answer::nodata().is_void() && Answer::nxdomain().is_void());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the name asked about exists, not the one that its alias leads to.
    pub existence: Existence,
    /// The records of the type asked for, in the order received.
    pub records: Arc<[Record]>,
    /// Smallest time to live, or the negative one of RFC 2308; `None` when unknown.
    pub ttl: Option<Duration>,
    /// DNSSEC state.
    pub dnssec: Dnssec,
}

impl Answer {
    /// An answer with `records`; without any, the name exists without records of that type (NODATA).
    pub fn new(records: impl Into<Arc<[Record]>>) -> Self {
        Self { existence: Existence::Exists, records: records.into(), ttl: None, dnssec: Dnssec::default() }
    }

    /// The name asked about does not exist, not even as an alias.
    pub fn nxdomain() -> Self {
        Self { existence: Existence::NxDomain, ..Self::nodata() }
    }

    /// Drops records of other types than `kind`, the type asked for, and all records of an NXDOMAIN.
    #[inline]
    pub(crate) fn fit(&mut self, kind: RecordType) {
        let exists = self.existence == Existence::Exists;
        let fits = |record: &Record| exists && record.kind() == kind;
        if !self.records.iter().all(fits) {
            self.records = self.records.iter().filter(|record| fits(record)).cloned().collect();
        }
    }

    /// The name exists without records of the type asked for.
    pub fn nodata() -> Self {
        Self::new(Arc::<[Record]>::default())
    }

    /// The same answer with this time to live.
    #[must_use]
    pub fn with_ttl(self, ttl: Duration) -> Self {
        Self { ttl: Some(ttl), ..self }
    }

    /// The same answer with this DNSSEC state.
    #[must_use]
    pub fn with_dnssec(self, dnssec: Dnssec) -> Self {
        Self { dnssec, ..self }
    }

    /// A void lookup (RFC 7208 §4.6.4): NXDOMAIN or no records.
    pub fn is_void(&self) -> bool {
        self.records.is_empty()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.existence, &*self.records) {
            (Existence::NxDomain, _) => f.write_str("NXDOMAIN")?,
            (Existence::Exists, []) => f.write_str("NODATA")?,
            (Existence::Exists, [first, rest @ ..]) => {
                write!(f, "{first}")?;
                rest.iter().try_for_each(|record| write!(f, ", {record}"))?;
            }
        }
        if let Some(ttl) = self.ttl {
            write!(f, " (ttl {})", ttl.as_secs())?;
        }
        match self.dnssec {
            Dnssec::Indeterminate => Ok(()),
            state => write!(f, " ({state})"),
        }
    }
}

/// Why there is no answer. NXDOMAIN and NODATA are answers, not errors.
///
/// Two errors are equal when they have the same [kind](LookupError::kind), whatever details [`LookupError::Detailed`]
/// adds; two of the kind [`LookupErrorKind::Other`] when their causes have the same text.
///
/// ```
/// use waxseal_dns::{LookupError, LookupErrorKind};
/// use std::{error::Error, io};
/// let error = LookupError::Timeout.with_cause(io::Error::other("no answer from 192.0.2.53:53"));
/// assert_eq!(error.to_string(), "DNS lookup timed out");
/// assert_eq!(error.source().unwrap().to_string(), "no answer from 192.0.2.53:53");
/// assert_eq!((error.kind(), error), (LookupErrorKind::Timeout, LookupError::Timeout));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookupError {
    /// No answer came in time.
    #[error("{}", LookupErrorKind::Timeout)]
    Timeout,
    /// The server answered SERVFAIL, REFUSED or the like.
    #[error("{}", LookupErrorKind::ServerFailure)]
    ServerFailure,
    /// The answer could not be understood.
    #[error("{}", LookupErrorKind::Malformed)]
    Malformed,
    /// Anything else; see [`LookupError::other`].
    #[error("{}", LookupErrorKind::Other)]
    Other(#[source] Arc<dyn Error + Send + Sync>),
    /// One of the failures above with details from the resolver, as made by [`LookupError::with_cause`].
    #[error("{kind}")]
    Detailed {
        /// Which one.
        kind: LookupErrorKind,
        /// Which server was asked, and what happened.
        #[source]
        cause: Arc<dyn Error + Send + Sync>,
    },
}

/// The kind of a [`LookupError`]. `Display` describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LookupErrorKind {
    /// No answer came in time.
    Timeout,
    /// The server answered SERVFAIL, REFUSED or the like.
    ServerFailure,
    /// The answer could not be understood.
    Malformed,
    /// Anything else.
    Other,
}

impl fmt::Display for LookupErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Timeout => "DNS lookup timed out",
            Self::ServerFailure => "DNS server failure",
            Self::Malformed => "malformed DNS answer",
            Self::Other => "DNS lookup failed",
        })
    }
}

impl LookupError {
    /// What kind of failure it is.
    pub fn kind(&self) -> LookupErrorKind {
        match self {
            Self::Timeout => LookupErrorKind::Timeout,
            Self::ServerFailure => LookupErrorKind::ServerFailure,
            Self::Malformed => LookupErrorKind::Malformed,
            Self::Other(_) => LookupErrorKind::Other,
            Self::Detailed { kind, .. } => *kind,
        }
    }

    /// Any other failure, with `error` as its source.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(error.into().into())
    }

    /// The same failure with this cause, which replaces any other: for resolvers, to name the server that was asked and
    /// what happened.
    #[must_use]
    pub fn with_cause(self, cause: impl Error + Send + Sync + 'static) -> Self {
        let cause = Arc::new(cause);
        match self.kind() {
            LookupErrorKind::Other => Self::Other(cause),
            kind => Self::Detailed { kind, cause },
        }
    }

    /// All sources, separated by colons; `None` when there are none.
    pub(crate) fn causes(&self) -> Option<String> {
        let mut next = self.source();
        let mut text: Option<String> = None;
        while let Some(cause) = next {
            text = Some(text.map_or_else(|| cause.to_string(), |text| format!("{text}: {cause}")));
            next = cause.source();
        }
        text
    }
}

impl PartialEq for LookupError {
    fn eq(&self, other: &Self) -> bool {
        let same = self.kind() == other.kind();
        same && (self.kind() != LookupErrorKind::Other || self.causes() == other.causes())
    }
}
impl Eq for LookupError {}

/// The outcome of one lookup.
pub type Reply = Result<Answer, LookupError>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_like_a_zone_file() {
        let host = DomainName::new("mx.example.org").unwrap();
        let all = Answer::new([
            Record::Txt(Bytes::from_static(b"a\"\n\xff")),
            Record::Mx(0, None),
            Record::Mx(10, Some(host.clone())),
            Record::Ptr(host),
        ]);
        let shown = all.with_ttl(Duration::from_secs(60)).with_dnssec(Dnssec::Secure).to_string();
        assert_eq!(shown, r#""a\"\010\255", 0 ., 10 mx.example.org., mx.example.org. (ttl 60) (secure)"#);
        assert_eq!(Answer::nodata().to_string(), "NODATA");
        assert_eq!(Answer::nxdomain().to_string(), "NXDOMAIN");
    }

    #[test]
    fn type_names_round_trip() {
        for kind in RecordType::ALL {
            assert_eq!(kind.to_string().to_lowercase().parse(), Ok(kind));
        }
        assert_eq!("NS".parse::<RecordType>(), Err(UnknownRecordType));
    }

    #[test]
    fn the_weakest_state_wins() {
        assert_eq!([Dnssec::Secure, Dnssec::Indeterminate].into_iter().min(), Some(Dnssec::Indeterminate));
        assert!(Dnssec::Bogus < Dnssec::Indeterminate && Dnssec::Insecure < Dnssec::Secure);
    }
}
