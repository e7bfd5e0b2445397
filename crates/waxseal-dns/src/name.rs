//! Domain names as lower-case A-labels.

use std::{fmt, hash, str::FromStr, sync::Arc};

/// A domain name: lower-case A-labels without the final dot. Comparison is by whole name, case-insensitive by
/// construction. Underscores are allowed.
#[derive(Clone)]
pub struct DomainName {
    text: Arc<str>,
    hash: u64,
}

/// Why a text is not a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDomainName {
    /// No label at all.
    #[error("domain name is empty")]
    Empty,
    /// Two dots in a row or a dot in front.
    #[error("domain name has an empty label")]
    EmptyLabel,
    /// RFC 1035 §2.3.4: labels are 63 octets or less.
    #[error("domain label is longer than 63 octets")]
    LabelTooLong,
    /// RFC 1035 §2.3.4: names are 255 octets or less, that is 253 as text.
    #[error("domain name is longer than 253 octets")]
    TooLong,
    /// An octet that this kind of name may not hold.
    #[error("domain name has a forbidden octet 0x{octet:02x} at offset {offset}")]
    Octet {
        /// The octet.
        octet: u8,
        /// Where it stands, in octets from the start.
        offset: usize,
    },
    /// A non-ASCII name while the feature `idna` is off, or one that IDNA refuses.
    #[error("domain name cannot be turned into A-labels")]
    Idna,
}

impl DomainName {
    /// Reads a name of letters, digits, hyphens and underscores; U-labels become A-labels (feature `idna`).
    pub fn new(name: &str) -> Result<Self, InvalidDomainName> {
        Self::build(name.as_bytes(), |c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
    }

    /// Reads a name whose labels may hold any visible ASCII octet, as SPF macros and DNS answers produce.
    pub fn lenient(name: &[u8]) -> Result<Self, InvalidDomainName> {
        Self::build(name, |c| c.is_ascii_graphic())
    }

    /// The name as text: lower case, A-labels, no final dot.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The labels from left to right.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.text.split('.')
    }

    /// The name without its leftmost label; `None` for a single label.
    pub fn parent(&self) -> Option<Self> {
        self.text.split_once('.').map(|(_, rest)| Self::from_checked(rest.into()))
    }

    /// `label.self`, where `label` may itself be several labels (`2026a._domainkey`).
    pub fn prepend(&self, label: &str) -> Result<Self, InvalidDomainName> {
        Self::lenient(format!("{label}.{}", self.text).as_bytes())
    }

    /// True when `self` is `other` or stands below it, by whole labels: `evilexample.org` is not below `example.org`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.text.strip_suffix(&*other.text).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    }

    fn build(name: &[u8], legal: impl Fn(u8) -> bool) -> Result<Self, InvalidDomainName> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        if name.is_empty() {
            return Err(InvalidDomainName::Empty);
        }
        if name.len() > 253 {
            return Err(InvalidDomainName::TooLong);
        }
        let mut text = String::with_capacity(name.len());
        for (offset, &octet) in name.iter().enumerate() {
            if octet != b'.' && !legal(octet) {
                return Err(InvalidDomainName::Octet { octet, offset });
            }
            text.push(octet.to_ascii_lowercase() as char);
        }
        for label in text.split('.') {
            match label.len() {
                0 => return Err(InvalidDomainName::EmptyLabel),
                1..=63 => {}
                _ => return Err(InvalidDomainName::LabelTooLong),
            }
        }
        Ok(Self::from_checked(text.into()))
    }

    fn from_checked(text: Arc<str>) -> Self {
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
        Self { text, hash }
    }
}

impl PartialEq for DomainName {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.text == other.text
    }
}
impl Eq for DomainName {}
impl hash::Hash for DomainName {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}
impl PartialOrd for DomainName {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for DomainName {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}
impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.text, f)
    }
}
impl FromStr for DomainName {
    type Err = InvalidDomainName;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::new(s)
    }
}
