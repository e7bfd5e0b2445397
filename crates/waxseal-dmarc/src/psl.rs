//! The public suffix list that is built in.

mod table;

use crate::PublicSuffixList;
use waxseal_dns::DomainName;

/// The list of <https://publicsuffix.org/> as of this release, including private suffixes (such as `github.io`). Any other
/// list can be used through [`PublicSuffixList`].
///
/// ```
/// use waxseal_dmarc::{BuiltInSuffixes, PublicSuffixList};
/// let name = "a.b.example.co.uk".parse()?;
/// assert_eq!(BuiltInSuffixes.organizational_domain(&name).as_str(), "example.co.uk");
/// # Ok::<(), waxseal_dns::InvalidDomainName>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltInSuffixes;

impl BuiltInSuffixes {
    /// Whether `name` is itself a public suffix run by a registry, such as `com` or `co.uk`, below which anyone can
    /// register: a domain that should not sign mail. Not so for private suffixes (`github.io`), which belong to a
    /// company that may send mail from them, and top-level domains that the list does not contain.
    ///
    /// ```
    /// use waxseal_dmarc::BuiltInSuffixes;
    /// assert!(BuiltInSuffixes.is_public_suffix(&"co.uk".parse()?));
    /// assert!(!BuiltInSuffixes.is_public_suffix(&"example.co.uk".parse()?));
    /// assert!(!BuiltInSuffixes.is_public_suffix(&"github.io".parse()?));
    /// # Ok::<(), waxseal_dns::InvalidDomainName>(())
    /// ```
    pub fn is_public_suffix(&self, name: &DomainName) -> bool {
        let suffix = table::suffix(name.as_str());
        suffix.registry && suffix.text == name.as_str()
    }
}

impl PublicSuffixList for BuiltInSuffixes {
    fn organizational_domain(&self, name: &DomainName) -> DomainName {
        let suffix = table::suffix(name.as_str()).text;
        let front = name.as_str().strip_suffix(suffix).and_then(|front| front.strip_suffix('.'));
        let label = front.and_then(|front| front.rsplit('.').next());
        let organization = label.map(|label| [label, suffix].join("."));
        organization
            .and_then(|organization| DomainName::lenient(organization.as_bytes()).ok())
            .unwrap_or_else(|| name.clone())
    }
}
