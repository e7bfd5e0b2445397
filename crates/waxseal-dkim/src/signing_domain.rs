//! Which domains may sign (RFC 6376 §3.5, §6.1.1).

use crate::Selector;
use std::{fmt, sync::Arc};
use waxseal_dns::{DomainName, InvalidDomainName};

/// Which domains are allowed in `d=`: one rule for verifying ([`Policy::with_signing_domains`]), signing and sealing.
///
/// RFC 6376 §3.5: "domain-name = sub-domain 1*("." sub-domain)", which is two labels or more. RFC 6376 §6.1.1: "Verifiers MAY
/// ignore the DKIM-Signature header field if the domain used by the Signer in the "d=" tag is not associated with a valid
/// signing entity. For example, signatures with "d=" values such as "com" and "co.uk" could be ignored. The list of
/// unacceptable domains SHOULD be configurable."
///
/// ```
/// use waxseal_dkim::{SigningDomains, UnacceptableDomain};
/// let domains = SigningDomains::default().with_refused(|domain| domain.as_str() == "co.uk");
/// let check = |domain: &str| domains.check(&domain.parse().unwrap(), &"2026a".parse().unwrap());
/// assert!(check("example.co.uk").is_ok());
/// assert!(matches!(check("co.uk"), Err(UnacceptableDomain::Refused(_))));
/// assert!(matches!(check("com"), Err(UnacceptableDomain::SingleLabel(_))));
/// ```
///
/// [`Policy::with_signing_domains`]: crate::Policy::with_signing_domains
#[derive(Debug, Clone, Default)]
pub struct SigningDomains {
    single_label: bool,
    refused: Option<Refuses>,
}

#[derive(Clone)]
struct Refuses(Arc<dyn Fn(&DomainName) -> bool + Send + Sync>);

/// Why a domain may not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnacceptableDomain {
    /// The tag, `d` or `s`, does not follow the grammar; see [`DomainName::mail_domain`].
    #[error("{0}= is not a domain name")]
    Name(&'static str, #[source] InvalidDomainName),
    /// `d=` has one label; see [`SigningDomains::with_single_label`].
    #[error("d={0} has a single label, and a domain that signs has two or more")]
    SingleLabel(DomainName),
    /// `d=` is refused; see [`SigningDomains::with_refused`].
    #[error("d={0} is a domain that must not sign")]
    Refused(DomainName),
}

impl SigningDomains {
    /// Whether a domain of one label, such as `localhost` or a top-level domain, may sign (default: no). For test
    /// networks: an accepted signature of `com` would be aligned with every domain below it.
    #[must_use]
    pub fn with_single_label(self, single_label: bool) -> Self {
        Self { single_label, ..self }
    }

    /// Domains that must not sign: those for which `refused` returns true (default: none). Domains below them may.
    /// Public suffixes are a good choice: see `waxseal_dmarc::BuiltInSuffixes::is_public_suffix`.
    #[must_use]
    pub fn with_refused(self, refused: impl Fn(&DomainName) -> bool + Send + Sync + 'static) -> Self {
        Self { refused: Some(Refuses(Arc::new(refused))), ..self }
    }

    /// Checks that `domain` may sign with the key that it publishes under `selector`.
    ///
    /// # Errors
    /// [`UnacceptableDomain`].
    pub fn check(&self, domain: &DomainName, selector: &Selector) -> Result<(), UnacceptableDomain> {
        for (tag, name) in [("d", domain), ("s", selector.name())] {
            if let Some(label) = name.hyphenated_label() {
                let source = InvalidDomainName::Hyphen(label.into());
                return Err(UnacceptableDomain::Name(tag, source));
            }
        }
        if !self.single_label && domain.label_count() < 2 {
            return Err(UnacceptableDomain::SingleLabel(domain.clone()));
        }
        match &self.refused {
            Some(Refuses(refused)) if refused(domain) => Err(UnacceptableDomain::Refused(domain.clone())),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Refuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_label_signs_only_where_it_is_allowed() {
        let selector = "x".parse().unwrap();
        for domain in ["com", "localhost", "xn--p1ai"] {
            let domain: DomainName = domain.parse().unwrap();
            let error = SigningDomains::default().check(&domain, &selector).unwrap_err();
            assert_eq!(error, UnacceptableDomain::SingleLabel(domain.clone()));
            assert!(SigningDomains::default().with_single_label(true).check(&domain, &selector).is_ok());
        }
    }

    #[test]
    fn a_refused_domain_does_not_speak_for_those_below_it() {
        let domains = SigningDomains::default().with_refused(|domain| domain.as_str() == "co.uk");
        let check = |domain: &str| domains.check(&domain.parse().unwrap(), &"x".parse().unwrap());
        assert_eq!(check("co.uk").unwrap_err().to_string(), "d=co.uk is a domain that must not sign");
        assert!(check("example.co.uk").is_ok());
    }

    #[test]
    fn no_label_has_a_hyphen_at_its_edge() {
        let domains = SigningDomains::default().with_single_label(true);
        for domain in ["-a.example.org", "a-.example.org", "example.-org", "example.org-", "-"] {
            let error = domains.check(&domain.parse().unwrap(), &"x".parse().unwrap()).unwrap_err();
            assert!(matches!(error, UnacceptableDomain::Name("d", _)), "{domain}: {error:?}");
        }
        assert!(domains.check(&"_a.b_.foo_bar.example.org".parse().unwrap(), &"_x".parse().unwrap()).is_ok());
    }
}
