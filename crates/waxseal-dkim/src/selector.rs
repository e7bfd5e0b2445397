//! Selectors (RFC 6376 §3.1).

use std::{fmt, str::FromStr};
use waxseal_dns::{DomainName, InvalidDomainName};

/// The name under which a domain publishes one of its keys: one or more labels, such as `2026a` or `mail.2026`, without
/// a final dot ([`DomainName::mail_domain`]).
///
/// ```
/// use waxseal_dkim::Selector;
/// let selector: Selector = "2026a".parse()?;
/// let name = selector.key_name(&"example.org".parse()?)?;
/// assert_eq!(name.as_str(), "2026a._domainkey.example.org");
/// # Ok::<(), waxseal_dns::InvalidDomainName>(())
/// ```
///
/// With the feature `serde` it is a string.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "String"))]
pub struct Selector(DomainName);

impl Selector {
    /// The selector as text: lower case, A-labels.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The selector as a name.
    pub(crate) fn name(&self) -> &DomainName {
        &self.0
    }

    /// Where the key is published (RFC 6376 §3.6.2.1): `<selector>._domainkey.<domain>`.
    ///
    /// # Errors
    /// [`InvalidDomainName::TooLong`] when the whole name is longer than 253 bytes.
    pub fn key_name(&self, domain: &DomainName) -> Result<DomainName, InvalidDomainName> {
        const LABEL: &str = "._domainkey";
        let mut front = String::with_capacity(self.as_str().len() + LABEL.len());
        front.push_str(self.as_str());
        front.push_str(LABEL);
        domain.prepend(&front)
    }
}

impl FromStr for Selector {
    type Err = InvalidDomainName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DomainName::mail_domain(text).map(Self)
    }
}

impl TryFrom<&str> for Selector {
    type Error = InvalidDomainName;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl TryFrom<String> for Selector {
    type Error = InvalidDomainName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
