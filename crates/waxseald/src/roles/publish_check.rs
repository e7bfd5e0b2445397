//! Signs only with keys that are in DNS: a signature that no receiver can verify does more harm than none.

use crate::settings::PublishCheck;
use waxseal::{
    DomainName, PrivateKey, Selector,
    dkim::KeyRecord,
    dns::{Question, Record, Resolve},
};

/// A key that should be in DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    name: DomainName,
    /// `p=`
    key: String,
}

/// What DNS has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Published {
    Same,
    /// And what DNS has instead.
    Other(String),
    /// DNS did not answer.
    Unknown(String),
}

impl Expected {
    /// `None` for a name that DNS cannot have.
    pub(crate) fn new(domain: &DomainName, selector: &Selector, key: &PrivateKey) -> Option<Self> {
        Some(Self { name: selector.key_name(domain).ok()?, key: key.public_key().dns_p() })
    }

    async fn look_up(&self, dns: &(impl Resolve + ?Sized)) -> Published {
        let name = &self.name;
        let answer = match dns.resolve(&Question::txt(name.clone())).await {
            Ok(answer) => answer,
            Err(error) => return Published::Unknown(format!("{name}: {error}")),
        };
        let records = answer.records.iter().filter_map(|record| match record {
            Record::Txt(text) => KeyRecord::parse(text).ok(),
            _ => None,
        });
        let mut shown = "DNS has no key";
        for record in records {
            match record.public_key() {
                Some(key) if key.dns_p() == self.key => return Published::Same,
                Some(_) => shown = "DNS has another key",
                None => shown = "DNS has a revoked key",
            }
        }
        Published::Other(format!("{shown} at {name}"))
    }
}

/// Looks up the keys one after the other; answers are mostly cached.
pub(crate) async fn look_up(keys: &[Option<Expected>], dns: &(impl Resolve + ?Sized)) -> Vec<Published> {
    let mut published = Vec::with_capacity(keys.len());
    for key in keys {
        published.push(match key {
            Some(key) => key.look_up(dns).await,
            None => Published::Other("DNS cannot have a name for the key".to_owned()),
        });
    }
    published
}

impl PublishCheck {
    /// Whether to use a key with this state in DNS.
    pub(crate) fn admits(self, published: &Published) -> bool {
        match published {
            Published::Same => true,
            Published::Other(_) => matches!(self, Self::Off | Self::Warn),
            Published::Unknown(_) => self != Self::Strict,
        }
    }
}

impl Published {
    /// What is wrong.
    pub(crate) fn trouble(&self) -> Option<&str> {
        match self {
            Self::Same => None,
            Self::Other(text) | Self::Unknown(text) => Some(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal::{Zone, dns::LookupError};

    fn published(zone: &Zone) -> Published {
        let key = PrivateKey::from_ed25519_seed(&[7; 32]).unwrap();
        let (domain, selector) = ("a.example".parse().unwrap(), "s".parse().unwrap());
        let expected = Expected::new(&domain, &selector, &key);
        let dns = waxseal::dns::async_resolver_fn(async |q: Question| zone.lookup(&q));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(look_up(&[expected], &dns)).remove(0)
    }

    fn with(text: &str) -> Zone {
        Zone::new().with_txt("s._domainkey.a.example", text).unwrap()
    }

    fn record(seed: u8) -> String {
        let key = PrivateKey::from_ed25519_seed(&[seed; 32]).unwrap();
        format!("v=DKIM1; k=ed25519; p={}", key.public_key().dns_p())
    }

    #[test]
    fn the_key_in_dns_is_compared() {
        assert_eq!(published(&with(&record(7))), Published::Same);
        let other = |text: &str| Published::Other(format!("{text} at s._domainkey.a.example"));
        assert_eq!(published(&with(&record(8))), other("DNS has another key"));
        assert_eq!(published(&with("v=DKIM1; p=")), other("DNS has a revoked key"));
        assert_eq!(published(&Zone::new()), other("DNS has no key"));
        let dead = Zone::new().with_error("s._domainkey.a.example", LookupError::Timeout).unwrap();
        assert!(matches!(published(&dead), Published::Unknown(_)));
    }

    #[test]
    fn a_failure_of_dns_stops_signing_only_where_that_is_asked_for() {
        let (other, unknown) = (Published::Other(String::new()), Published::Unknown(String::new()));
        for (check, of_other, of_unknown) in [
            (PublishCheck::Warn, true, true),
            (PublishCheck::Require, false, true),
            (PublishCheck::Strict, false, false),
        ] {
            assert_eq!((check.admits(&other), check.admits(&unknown)), (of_other, of_unknown), "{check:?}");
            assert!(check.admits(&Published::Same));
        }
    }
}
