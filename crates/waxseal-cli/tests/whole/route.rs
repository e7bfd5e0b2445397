//! The way of a message: written, signed, passed on, sealed and damaged, by ours and by theirs.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use waxseal::arc::{ChainVerifier, Sealer};
use waxseal::authres::{AuthenticationResults, DkimResult, Entry};
use waxseal::dkim::{Canonicalization, Signer};
use waxseal::dns::Zone;

use crate::peer::Peer;
use crate::random::Random;
use crate::zone::{DOMAINS, Keys, NOW, SELECTORS};

/// What signers and sealers need.
pub(crate) struct Lab {
    pub(crate) keys: Keys,
    pub(crate) zone: Zone,
    pub(crate) peer: Peer,
}

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW)
}

impl Lab {
    pub(crate) fn start() -> Self {
        let keys = Keys::read();
        Self { zone: keys.zone(), peer: Peer::start(&keys.setup()), keys }
    }

    /// A message that has arrived.
    pub(crate) fn message(&mut self, random: &mut Random) -> Vec<u8> {
        let mut message = random.message();
        for _ in 0..[0, 1, 1, 1, 1, 2, 3][random.below(7)] {
            message = self.signed(random, message);
        }
        for _ in 0..[0, 0, 0, 0, 1, 1, 2, 3, 4][random.below(9)] {
            if random.one_in(3) {
                message = random.damage(&message);
            }
            message = self.passed_on(random, message);
        }
        for _ in 0..[0, 0, 1, 1, 2][random.below(5)] {
            message = random.damage(&message);
        }
        message
    }

    /// The message with a signature on top; as it is when the signer refuses it.
    fn signed(&mut self, random: &mut Random, message: Vec<u8>) -> Vec<u8> {
        let field = if random.one_in(2) {
            self.our_signature(random, &message)
        } else {
            self.their_signature(random, &message)
        };
        [field.unwrap_or_default(), message].concat()
    }

    fn our_signature(&self, random: &mut Random, message: &[u8]) -> Option<Vec<u8>> {
        let (selector, key) = SELECTORS[random.below(SELECTORS.len())];
        let domain = random.pick(&DOMAINS);
        let form = |random: &mut Random| {
            if random.one_in(2) { Canonicalization::Relaxed } else { Canonicalization::Simple }
        };
        let mut signer = Signer::new(domain, selector, self.keys.get(key).clone())
            .unwrap()
            .with_canonicalization(form(random), form(random));
        match random.below(4) {
            0 => signer = signer.with_field_list(random.field_names()),
            1 => signer = signer.with_oversigned([""; 0]),
            2 => {
                signer = signer
                    .with_identity(&format!("x@{}{domain}", random.pick(&["", "", "sub."])))
                    .with_lifetime(Duration::from_secs(900))
            }
            _ => {}
        }
        if random.one_in(10) {
            signer = signer.with_body_length(true);
        }
        if random.one_in(10) {
            signer = signer.with_copied_fields(true);
        }
        let hours = |count: u64| Duration::from_secs(count * 3_600);
        let then = match random.below(12) {
            0 => now() - hours(2),
            1 => now() - hours(12),
            2 if random.one_in(2) => now() + hours(2),
            3 if random.one_in(2) => now() + hours(12),
            _ => now(),
        };
        Some(signer.sign(message, then).ok()?.into_bytes())
    }

    fn their_signature(&mut self, random: &mut Random, message: &[u8]) -> Option<Vec<u8>> {
        let (selector, key) = SELECTORS[random.below(SELECTORS.len())];
        let forms = ["relaxed/relaxed", "relaxed/simple", "simple/relaxed", "simple/simple"];
        let fields = if random.one_in(2) { random.field_names() } else { Vec::new() };
        self.peer.make(&json!({
            "do": "sign", "message": BASE64_STANDARD.encode(message), "selector": selector, "domain": random.pick(&DOMAINS),
            "key": key, "canon": random.pick(&forms), "fields": fields, "length": random.one_in(10),
        }))
    }

    /// The message with another set on top; as it is when the sealer refuses it.
    fn passed_on(&mut self, random: &mut Random, message: Vec<u8>) -> Vec<u8> {
        let domain = random.pick(&DOMAINS);
        if random.one_in(2) {
            return [self.our_set(random, domain, &message).unwrap_or_default(), message].concat();
        }
        self.their_set(random, domain, &message).unwrap_or(message)
    }

    fn our_set(&self, random: &mut Random, domain: &str, message: &[u8]) -> Option<Vec<u8>> {
        let chain =
            ChainVerifier::new(Default::default()).unwrap().verify_blocking(message, now(), &self.zone);
        let results = AuthenticationResults::new(domain)
            .with_entry(Entry::dkim(DkimResult::Pass).with_comment("good"))
            .with_entry(chain.entry());
        let (selector, key) = [("r1", "rsa1024"), ("r2", "rsa2048")][random.below(2)];
        let mut sealer = Sealer::new(domain, selector, self.keys.get(key).clone()).unwrap();
        if random.one_in(3) {
            sealer = sealer.with_canonicalization(Canonicalization::Simple, Canonicalization::Simple);
        }
        Some(sealer.seal(message, &chain, &results, now()).ok()?.fields().into_bytes())
    }

    /// It seals what the results on top say of the chain.
    fn their_set(&mut self, random: &mut Random, domain: &str, message: &[u8]) -> Option<Vec<u8>> {
        let chain =
            ChainVerifier::new(Default::default()).unwrap().verify_blocking(message, now(), &self.zone);
        let id = format!("mx{}.{domain}", chain.sets().len());
        let results = format!(
            "Authentication-Results: {id}; arc={}; spf=pass smtp.mailfrom=u@{domain}\r\n",
            chain.result()
        );
        let message = [results.as_bytes(), message].concat();
        let mut fields = random.field_names();
        fields.dedup();
        let task: Value = json!({
            "do": "seal", "message": BASE64_STANDARD.encode(&message), "selector": "r1", "key": "rsa1024", "domain": domain,
            "id": id, "fields": fields,
        });
        Some([self.peer.make(&task)?, message].concat())
    }
}
