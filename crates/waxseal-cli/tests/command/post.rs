//! Signed, relayed and forged mail with keys made at run time, and the zone that goes with it.

use crate::lab::Lab;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    sync::OnceLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal::{
    Authenticator, Envelope,
    arc::{self, Sealer},
    crypto::{KeySpec, PrivateKey, rust_crypto},
    dkim::{KeyRecord, Signer},
    dns::Zone,
};

pub(crate) const NOW: u64 = 1_800_000_000;

/// `example.org` with p=reject, `evil.example` without DMARC, `list.example` and `second.example` that relay. Each has the key
/// `s`, and sends from an address of its own.
pub(crate) struct Post {
    keys: Vec<(&'static str, PrivateKey)>,
    pub(crate) zone: Value,
}

const DOMAINS: [(&str, &str); 4] = [
    ("example.org", "192.0.2.1"),
    ("evil.example", "203.0.113.6"),
    ("list.example", "198.51.100.7"),
    ("second.example", "198.51.100.8"),
];

impl Post {
    pub(crate) fn get() -> &'static Self {
        static POST: OnceLock<Post> = OnceLock::new();
        POST.get_or_init(|| {
            let mut zone = json!({
                "_dmarc.example.org": { "TXT": ["v=DMARC1; p=reject"] },
                "_dmarc.list.example": { "TXT": ["v=DMARC1; p=none"] },
                "1.2.0.192.in-addr.arpa": { "PTR": ["mx.example.org"] },
            });
            let mut keys = Vec::new();
            for (domain, ip) in DOMAINS {
                let key = PrivateKey::generate(KeySpec::Ed25519, rust_crypto::PROVIDER).unwrap();
                let record = KeyRecord::new(key.public_key().clone()).to_string();
                zone[format!("s._domainkey.{domain}")] = json!({ "TXT": [record] });
                zone[domain] = json!({ "TXT": [format!("v=spf1 ip4:{ip} -all")] });
                zone[format!("mx.{domain}")] = json!({ "TXT": [format!("v=spf1 ip4:{ip} -all")], "A": [ip] });
                keys.push((domain, key));
            }
            Self { keys, zone }
        })
    }

    pub(crate) fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(NOW)
    }

    fn key(&self, domain: &str) -> PrivateKey {
        self.keys.iter().find(|(name, _)| *name == domain).unwrap().1.clone()
    }

    /// Signed by this domain.
    pub(crate) fn signed(&self, domain: &str, message: &str) -> String {
        self.try_signed(domain, message).unwrap()
    }

    /// Signed by this domain, if it is a message that can be signed.
    pub(crate) fn try_signed(&self, domain: &str, message: &str) -> Option<String> {
        let signer = Signer::new(domain, "s", self.key(domain)).unwrap();
        Some(signer.sign(message.as_bytes(), Self::now()).ok()? + message)
    }

    /// A message of joe@example.org, signed.
    pub(crate) fn letter(&self) -> String {
        self.signed("example.org", &letter("From: Joe <joe@example.org>\r\n"))
    }

    /// Through two lists.
    pub(crate) fn twice_relayed(&self) -> String {
        let once = self.relayed("list.example", "example.org", &self.letter());
        self.relayed("second.example", "list.example", &once)
    }

    /// As it leaves `relay`, which got it from `sender`, wrote into its subject and put a footer below.
    pub(crate) fn relayed(&self, relay: &str, sender: &str, message: &str) -> String {
        let authenticator = Authenticator::new(relay).unwrap().with_arc(arc::Policy::default());
        let zone = Zone::from_json(&self.zone.to_string()).unwrap();
        let report =
            authenticator.check_blocking(&self.envelope(sender), message.as_bytes(), Self::now(), &zone);
        let changed = message.replacen("Subject: ", "Subject: [x] ", 1) + "-- \r\nfooter\r\n";
        let sealer = Sealer::new(relay, "s", self.key(relay)).unwrap();
        let set = sealer.seal(
            changed.as_bytes(),
            report.arc().unwrap(),
            &report.authentication_results(),
            Self::now(),
        );
        format!("Received: from x by {relay}\r\n{}{changed}", set.unwrap().fields())
    }

    fn envelope(&self, sender: &str) -> Envelope {
        Envelope::new(ip(sender).parse().unwrap(), format!("mx.{sender}"), format!("joe@{sender}"))
    }

    /// The line of --jsonl for a message that `sender` hands over.
    pub(crate) fn line(&self, id: impl Into<Value>, sender: &str, message: impl AsRef<[u8]>) -> Value {
        json!({ "id": id.into(), "eml_b64": BASE64_STANDARD.encode(message), "zone": self.zone, "ip": ip(sender),
                "helo": format!("mx.{sender}"), "mail_from": format!("joe@{sender}"), "now": NOW })
    }

    /// `check` with the zone and the time, handed over by `sender`, then these arguments.
    pub(crate) fn check(&self, sender: &str, more: &[&str]) -> Vec<String> {
        let envelope = [format!("--ip={}", ip(sender)), format!("--helo=mx.{sender}")];
        let mut args = self.stored(&[]);
        args.extend(envelope);
        args.push(format!("--mail-from=joe@{sender}"));
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        args
    }

    /// `check` with the zone and, unless they bring another one, the time, without an envelope, then these arguments.
    pub(crate) fn stored(&self, more: &[&str]) -> Vec<String> {
        static ZONE: OnceLock<String> = OnceLock::new();
        let zone = ZONE.get_or_init(|| Lab::get().file("post.json", self.zone.to_string()));
        let now = if more.contains(&"--now") { &[][..] } else { &["--now", "1800000000"] };
        let args = [&["check", "--zone", zone], now, more].concat();
        args.iter().map(|arg| (*arg).to_owned()).collect()
    }
}

fn ip(sender: &str) -> &'static str {
    DOMAINS.iter().find(|(domain, _)| *domain == sender).unwrap().1
}

/// A message with this From field.
pub(crate) fn letter(from: &str) -> String {
    format!("{from}To: you@example.net\r\nSubject: lunch\r\nMessage-ID: <1@example.org>\r\n\r\nHi.\r\n")
}
