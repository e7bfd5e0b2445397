//! Questions, answers and the ways in which a lookup fails.

use crate::DomainName;
use bytes::Bytes;
use std::{
    error::Error,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
    time::Duration,
};

/// The record types that e-mail authentication asks for.
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
    /// Names of an address.
    Ptr,
}

/// One DNS question: a name and a record type.
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
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.name, self.kind)
    }
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The strings of one TXT record joined with nothing between them (RFC 6376 §3.6.2.2, RFC 7208 §3.3).
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

/// Whether the name asked about exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// The name exists. With no records of the type asked for this is NODATA.
    Exists,
    /// NXDOMAIN: the name does not exist, nor does any below it (RFC 8020).
    NxDomain,
}

/// DNSSEC state of an answer (RFC 4035 §4.3).
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

/// What DNS said: records (maybe none), and how long that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether the name exists.
    pub existence: Existence,
    /// The records of the type asked for, in the order received.
    pub records: Arc<[Record]>,
    /// Smallest time to live, or the negative one of RFC 2308; `None` when unknown.
    pub ttl: Option<Duration>,
    /// DNSSEC state.
    pub dnssec: Dnssec,
}

/// Why there is no answer. NXDOMAIN and NODATA are answers, not errors.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LookupError {
    /// No answer came in time.
    #[error("DNS lookup timed out")]
    Timeout,
    /// The server said SERVFAIL, REFUSED or the like.
    #[error("DNS server failure")]
    ServerFailure,
    /// The answer could not be understood.
    #[error("malformed DNS answer")]
    Malformed,
    /// Anything else.
    #[error("DNS lookup failed")]
    Other(#[source] Arc<dyn Error + Send + Sync>),
}

/// The outcome of one lookup.
pub type Reply = Result<Answer, LookupError>;

impl Answer {
    /// An answer with `records`; none means that the name exists without records of that type (NODATA).
    pub fn new(records: impl Into<Arc<[Record]>>) -> Self {
        Self { existence: Existence::Exists, records: records.into(), ttl: None, dnssec: Dnssec::default() }
    }

    /// The name does not exist.
    pub fn nxdomain() -> Self {
        Self { existence: Existence::NxDomain, ..Self::new([]) }
    }
}
