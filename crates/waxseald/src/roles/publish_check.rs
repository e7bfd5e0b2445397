//! Whether DNS shows a key: before it signs, as a signature that no receiver can verify does more harm than none, and for `check`.

use crate::settings::PublishCheck;
use waxseal::{
    DomainName, Selector,
    crypto::PublicKey,
    dkim::KeyRecord,
    dns::{Dnssec, Question, Record, Resolve},
};

/// A key that should be in DNS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    name: DomainName,
    key: PublicKey,
}

/// What DNS has for it, with the name that was looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Published {
    Same,
    Nothing(DomainName),
    Another(DomainName),
    Revoked(DomainName),
    /// And why the record cannot be read.
    Unreadable(DomainName, String),
    /// DNS did not answer, and why.
    Unknown(DomainName, String),
    /// There can be no such name.
    Nameless,
}

impl Expected {
    /// `None` for a name that DNS cannot have.
    pub(crate) fn new(domain: &DomainName, selector: &Selector, key: &PublicKey) -> Option<Self> {
        Some(Self { name: selector.key_name(domain).ok()?, key: key.clone() })
    }

    /// Asks DNS.
    pub(crate) async fn look_up(&self, dns: &(impl Resolve + ?Sized)) -> Published {
        let name = self.name.clone();
        let answer = match dns.resolve(&Question::txt(name.clone())).await {
            Ok(answer) => answer,
            Err(error) => return Published::Unknown(name, error.to_string()),
        };
        if answer.dnssec == Dnssec::Bogus {
            return Published::Unknown(name, "the answer is bogus by DNSSEC".to_owned());
        }
        let mut shown = Published::Nothing(name.clone());
        let texts = answer.records.iter().filter_map(|record| match record {
            Record::Txt(text) => Some(KeyRecord::parse(text)),
            _ => None,
        });
        for record in texts {
            match record {
                Ok(record) => match record.public_key() {
                    Some(key) if *key == self.key => return Published::Same,
                    Some(_) => shown = Published::Another(name.clone()),
                    None => shown = Published::Revoked(name.clone()),
                },
                Err(error) if matches!(shown, Published::Nothing(_)) => {
                    shown = Published::Unreadable(name.clone(), error.to_string());
                }
                Err(_) => {}
            }
        }
        shown
    }

    /// What is to be said when nobody waits for the answer any longer.
    pub(crate) fn late(&self) -> Published {
        Published::Unknown(self.name.clone(), "DNS did not answer in time".to_owned())
    }
}

/// Looks up the keys one after the other; answers are mostly cached.
pub(crate) async fn look_up(keys: &[Option<Expected>], dns: &(impl Resolve + ?Sized)) -> Vec<Published> {
    let mut published = Vec::with_capacity(keys.len());
    for key in keys {
        published.push(match key {
            Some(key) => key.look_up(dns).await,
            None => Published::Nameless,
        });
    }
    published
}

impl PublishCheck {
    /// Whether to use a key with this state in DNS.
    pub(crate) fn admits(self, published: &Published) -> bool {
        match published {
            Published::Same => true,
            Published::Unknown(..) => self != Self::Strict,
            _ => matches!(self, Self::Off | Self::Warn),
        }
    }
}

impl Published {
    /// What is wrong, for a line of the log.
    pub(crate) fn trouble(&self) -> Option<String> {
        let (shown, name) = match self {
            Self::Same => return None,
            Self::Nothing(name) => ("DNS has no key", name),
            Self::Another(name) => ("DNS has another key", name),
            Self::Revoked(name) => ("DNS has a revoked key", name),
            Self::Unreadable(name, _) => ("DNS has a key that cannot be read", name),
            Self::Unknown(name, error) => return Some(format!("{name}: {error}")),
            Self::Nameless => return Some("DNS cannot have a name for the key".to_owned()),
        };
        Some(format!("{shown} at {name}"))
    }

    /// What is wrong and what to do, for a person who looks for it.
    pub(crate) fn explained(&self) -> Option<String> {
        let (name, text) = match self {
            Self::Nothing(name) => {
                (name, "no key record is published here: publish what `waxseal key show` prints")
            }
            Self::Another(name) => (name, "another key is published: publish what `waxseal key show` prints"),
            Self::Revoked(name) => (name, "the record says that the key is revoked: sign with another key"),
            Self::Unreadable(name, error) => {
                return Some(format!("{name}: the record cannot be read: {error}"));
            }
            Self::Same | Self::Unknown(..) | Self::Nameless => return self.trouble(),
        };
        Some(format!("{name}: {text}"))
    }

    /// Whether DNS has not said that something is wrong.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal::{PrivateKey, Zone, dns::LookupError};

    fn published(zone: &Zone) -> Published {
        let key = PrivateKey::from_ed25519_seed(&[7; 32]).unwrap();
        let (domain, selector) = ("a.example".parse().unwrap(), "s".parse().unwrap());
        let expected = Expected::new(&domain, &selector, key.public_key());
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
        let told = |zone: &Zone| {
            let published = published(zone);
            (published.trouble().unwrap(), published.explained().unwrap())
        };
        for (zone, short, long) in [
            (with(&record(8)), "DNS has another key", "another key is published: publish what"),
            (with("v=DKIM1; p="), "DNS has a revoked key", "the record says that the key is revoked: "),
            (
                with("v=DKIM1; =rsa; p=MIGf"),
                "DNS has a key that cannot be read",
                "the record cannot be read: ",
            ),
            (Zone::new(), "DNS has no key", "no key record is published here: "),
        ] {
            let (shown, explained) = told(&zone);
            assert_eq!(shown, format!("{short} at s._domainkey.a.example"));
            assert!(explained.starts_with(&format!("s._domainkey.a.example: {long}")), "{explained}");
        }
        let dead = Zone::new().with_error("s._domainkey.a.example", LookupError::Timeout).unwrap();
        assert!(published(&dead).is_unknown());
        // What is wrong with one record is nothing against the key in another.
        let both = with("v=DKIM1; p=").with_txt("s._domainkey.a.example", record(7)).unwrap();
        assert_eq!(published(&both), Published::Same);
    }

    #[test]
    fn a_failure_of_dns_stops_signing_only_where_that_is_asked_for() {
        let name = || DomainName::new("s._domainkey.a.example").unwrap();
        let (other, unknown) = (Published::Another(name()), Published::Unknown(name(), String::new()));
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
