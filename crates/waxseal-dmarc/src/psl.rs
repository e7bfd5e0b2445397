//! The public suffix list that is built in.

use crate::PublicSuffixList;
use waxseal_dns::DomainName;

/// The list of <https://publicsuffix.org/> as of the release of the crate `psl`, private suffixes (such as `github.io`)
/// included. Renew it by updating that crate.
///
/// ```
/// use waxseal_dmarc::{BuiltInSuffixes, PublicSuffixList};
/// let name = "a.b.example.co.uk".parse()?;
/// assert_eq!(BuiltInSuffixes.organizational_domain(&name).as_str(), "example.co.uk");
/// # Ok::<(), waxseal_dns::InvalidDomainName>(())
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltInSuffixes;

impl PublicSuffixList for BuiltInSuffixes {
    fn organizational_domain(&self, name: &DomainName) -> DomainName {
        psl::domain_str(name.as_str())
            .and_then(|domain| DomainName::lenient(domain.as_bytes()).ok())
            .unwrap_or_else(|| name.clone())
    }
}
