//! What DNS knows: keys and policies that are the same for all, and hosts and senders for each message.

use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;
use waxseal::crypto::{KeyMaterial, PrivateKey, rust_crypto};
use waxseal::dkim::KeyRecord;
use waxseal::dns::{DomainName, LookupError, Question, Record, Zone};
use waxseal_test::keys;

use crate::random::Random;

/// Domains that sign and write.
pub(crate) const DOMAINS: [&str; 4] = ["alpha.example", "beta.example", "sub.alpha.example", "list.example"];

/// Selectors, the key that each signs with, and whether all is well with it.
pub(crate) const SELECTORS: [(&str, &str); 17] = [
    ("r1", "rsa1024"),
    ("r1", "rsa1024"),
    ("r1", "rsa1024"),
    ("r1", "rsa1024"),
    ("r2", "rsa2048"),
    ("ed", "ed"),
    ("ed", "ed"),
    ("revoked", "rsa1024"),
    ("absent", "rsa1024"),
    ("broken", "rsa1024"),
    ("other", "rsa1024"),
    ("slow", "rsa1024"),
    ("bare", "rsa1024"),
    ("strict", "rsa1024"),
    ("sha1", "rsa1024"),
    ("tlsrpt", "rsa1024"),
    ("blanks", "rsa1024"),
];

pub(crate) const NOW: u64 = 1_795_000_000;

/// Throwaway keys.
pub(crate) struct Keys {
    pub(crate) rsa1024: PrivateKey,
    pub(crate) rsa2048: PrivateKey,
    pub(crate) ed: PrivateKey,
}

const SEED: [u8; 32] = [7; 32];

impl Keys {
    pub(crate) fn read() -> Self {
        Self {
            rsa1024: PrivateKey::from_material(
                KeyMaterial::from_pem(keys::RSA1024).unwrap(),
                rust_crypto::PROVIDER,
            )
            .unwrap(),
            rsa2048: PrivateKey::from_pem(keys::RSA2048).unwrap(),
            ed: PrivateKey::from_ed25519_seed(&SEED).unwrap(),
        }
    }

    pub(crate) fn get(&self, name: &str) -> &PrivateKey {
        match name {
            "rsa1024" => &self.rsa1024,
            "rsa2048" => &self.rsa2048,
            _ => &self.ed,
        }
    }

    /// The key record at a selector; `None` inside is a time-out.
    fn record(&self, selector: &str) -> Option<Option<String>> {
        let record = |key: &PrivateKey| KeyRecord::new(key.public_key().clone()).to_string();
        Some(match selector {
            "r1" => Some(record(&self.rsa1024)),
            "r2" | "other" => Some(record(&self.rsa2048)),
            "ed" => Some(record(&self.ed)),
            "bare" => Some(record(&self.rsa1024).replace("v=DKIM1; k=rsa; ", "")),
            "strict" => Some(record(&self.rsa1024).replace("k=rsa", "k=rsa; t=s:y; n=strict")),
            "sha1" => Some(record(&self.rsa1024).replace("k=rsa", "h=sha1")),
            "tlsrpt" => Some(record(&self.rsa1024).replace("k=rsa", "s=tlsrpt")),
            "blanks" => Some(record(&self.rsa1024).replace("A", "A ").replace(';', " ; ")),
            "revoked" => Some("v=DKIM1; k=rsa; p=".to_owned()),
            "broken" => Some("v=DKIM1; k=rsa; p=AAAA".to_owned()),
            "slow" => None,
            _ => return None,
        })
    }

    /// All that is the same for each message: key records by name.
    fn records(&self) -> BTreeMap<String, Option<String>> {
        let names =
            DOMAINS.iter().flat_map(|domain| SELECTORS.iter().map(move |(selector, _)| (domain, selector)));
        names
            .filter_map(|(domain, selector)| {
                Some((format!("{selector}._domainkey.{domain}"), self.record(selector)?))
            })
            .collect()
    }

    /// The first line for the peers.
    pub(crate) fn setup(&self) -> Value {
        use base64::{Engine, prelude::BASE64_STANDARD};
        json!({
            "now": NOW,
            "keys": {
                "rsa1024": self.rsa1024.to_pem().as_str(),
                "rsa2048": self.rsa2048.to_pem().as_str(),
                "ed": BASE64_STANDARD.encode(SEED),
            },
            "records": self.records(),
        })
    }

    /// Keys, and a policy of each domain of its own.
    pub(crate) fn zone(&self) -> Zone {
        let mut zone = Zone::new();
        for (name, text) in self.records() {
            let name = DomainName::new(&name).unwrap();
            match text {
                Some(text) => zone.insert(name, Record::Txt(text.as_bytes().to_vec().into())),
                None => zone.set_error_for(Question::txt(name), LookupError::Timeout),
            }
        }
        for domain in ["alpha.example", "beta.example", "list.example"] {
            zone = zone.with_txt(&format!("_dmarc.{domain}"), "v=DMARC1; p=reject").unwrap();
        }
        zone
    }
}

/// Where a message comes from, and what DNS says of that.
pub(crate) struct Sending {
    pub(crate) ip: IpAddr,
    pub(crate) helo: String,
    pub(crate) sender: String,
    /// Name, type, values; null is a time-out.
    pub(crate) hosts: BTreeMap<String, Map<String, Value>>,
}

impl Sending {
    pub(crate) fn zone(&self, mut zone: Zone) -> Zone {
        for (name, types) in &self.hosts {
            let name = DomainName::new(name).unwrap();
            for (kind, values) in types {
                let question = Question::new(name.clone(), kind.parse().unwrap());
                let Value::Array(values) = values else {
                    zone.set_error_for(question, LookupError::Timeout);
                    continue;
                };
                for value in values {
                    zone.insert(name.clone(), record(kind, value));
                }
            }
        }
        zone
    }
}

fn record(kind: &str, value: &Value) -> Record {
    let text = value.as_str().unwrap_or_default();
    match kind {
        "TXT" => Record::Txt(text.as_bytes().to_vec().into()),
        "A" => Record::A(text.parse().unwrap()),
        "AAAA" => Record::Aaaa(text.parse().unwrap()),
        "MX" => Record::Mx(10, DomainName::new(value[1].as_str().unwrap()).ok()),
        other => panic!("{other}"),
    }
}

impl Random {
    fn address(&mut self) -> String {
        if self.one_in(4) {
            format!("2001:db8::{}", self.below(4))
        } else {
            format!("192.0.2.{}", self.below(4))
        }
    }

    /// A term of the record at `own`. It does not include itself, of which pyspf makes a syntax error.
    fn term(&mut self, own: &str) -> String {
        let qualifier = self.pick(&["", "", "", "-", "~", "?"]);
        let domain = self.pick(&[
            "alpha.example",
            "beta.example",
            "list.example",
            "h1.example",
            "h1.example",
            "h2.example",
            "h2.example",
            "none.example",
        ]);
        let mechanism = match self.below(9) {
            0..3 => {
                let address = self.address();
                let (kind, prefix) = if address.contains(':') { ("ip6", "/127") } else { ("ip4", "/31") };
                format!("{kind}:{address}{}", self.pick(&["", prefix]))
            }
            3 => format!("a:{domain}"),
            4 => format!("mx:{domain}"),
            5 | 6 if domain != own => format!("include:{domain}"),
            7 => format!("exists:%{{l}}.{domain}"),
            _ => self.pick(&["a", "mx", "all", "a/31", "moo"]).to_owned(),
        };
        format!(" {qualifier}{mechanism}")
    }

    fn spf_record(&mut self, own: &str) -> String {
        let terms: String = (0..self.below(5)).map(|_| self.term(own)).collect();
        let end = self.pick(&[
            " -all",
            " -all",
            " ~all",
            " ?all",
            "",
            " redirect=h1.example",
            " redirect=none.example",
        ]);
        format!("v=spf1{terms}{end}")
    }

    pub(crate) fn sending(&mut self) -> Sending {
        let mut hosts = BTreeMap::new();
        for name in [
            "alpha.example",
            "beta.example",
            "sub.alpha.example",
            "list.example",
            "h1.example",
            "h2.example",
            "u.h1.example",
        ] {
            let mut types = Map::new();
            let addresses: Vec<_> = (0..self.below(3)).map(|_| self.address()).collect();
            let (six, four): (Vec<_>, Vec<_>) =
                addresses.into_iter().partition(|address| address.contains(':'));
            types.insert("A".into(), if self.one_in(30) { Value::Null } else { json!(four) });
            types.insert("AAAA".into(), json!(six));
            let texts = match self.below(12) {
                0 => vec![],
                1 => vec!["x".to_owned(), self.spf_record(name)],
                2 if self.one_in(3) => vec![self.spf_record(name), self.spf_record(name)],
                _ => vec![self.spf_record(name)],
            };
            types.insert("TXT".into(), if self.one_in(40) { Value::Null } else { json!(texts) });
            types.insert(
                "MX".into(),
                json!([[10, self.pick(&["h1.example", "h2.example", "alpha.example"])]]),
            );
            hosts.insert(name.to_owned(), types);
        }
        let domain = self.pick(&DOMAINS);
        let sender = if self.one_in(8) { String::new() } else { format!("u@{domain}") };
        let helo = self.pick(&["h1.example", "h2.example", "alpha.example", "none.example"]).to_owned();
        Sending { ip: self.address().parse().unwrap(), helo, sender, hosts }
    }
}
