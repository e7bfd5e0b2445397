//! Explanations of whatever message: what is proved is so, what is told lies within the message, and nothing happened to what was not
//! touched.
#![no_main]

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal::{
    Envelope,
    crypto::PrivateKey,
    dkim::{Canonicalization, KeyRecord, Signer},
    dns::{Question, Reply, ResolveBlocking, Zone},
};
use waxseal_explain::{Explainer, Explanation, Row};
use waxseal_fuzz::Replies;

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    /// What is signed, or else the fuzzer's own message.
    body: &'a [u8],
    own: Option<&'a [u8]>,
    simple: bool,
    /// Bytes put in place of others: where, how many go, what comes.
    changes: Vec<(u16, u8, &'a [u8])>,
    replies: Replies<'a>,
    attached: bool,
}

/// A throwaway key.
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_ed25519_seed(&[7; 32]).expect("a seed"));

static ZONE: LazyLock<Zone> = LazyLock::new(|| {
    let record = KeyRecord::new(KEY.public_key().clone()).to_string();
    Zone::new().with_txt("s._domainkey.example.org", record).expect("a name")
});

struct Dns<'i>(&'i Input<'i>);

impl ResolveBlocking for Dns<'_> {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        match ZONE.lookup(q) {
            Ok(answer) if !answer.records.is_empty() => Ok(answer),
            _ => self.0.replies.reply(q),
        }
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn signed(input: &Input<'_>) -> Vec<u8> {
    const HEADER: &[u8] =
        b"From: Joe <joe@example.org>\r\nTo: a@example.net\r\nSubject: lunch\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: 8bit\r\n\r\n";
    let message = [HEADER, input.body].concat();
    let all = if input.simple { Canonicalization::Simple } else { Canonicalization::Relaxed };
    let signer = Signer::new("example.org", "s", KEY.clone()).expect("valid").with_canonicalization(all, all);
    signer.sign_message(&message, now()).unwrap_or(message)
}

fn changed(input: &Input<'_>) -> Vec<u8> {
    let mut message = input.own.map_or_else(|| signed(input), <[u8]>::to_vec);
    for (at, gone, new) in &input.changes {
        let start = usize::from(*at).min(message.len());
        let end = (start + usize::from(*gone)).min(message.len());
        message.splice(start..end, new.iter().copied());
    }
    message
}

fuzz_target!(|input: Input<'_>| {
    let explainer = Explainer::new().expect("a provider").with_attached(input.attached);
    let message = changed(&input);
    let why = explainer.explain_blocking(&Envelope::unknown(), &message, now(), &Dns(&input));
    look_at(&why, &message);
});

fn look_at(why: &Explanation, message: &[u8]) {
    let page = why.explain();
    assert!(page.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{page}");
    assert!(why.to_json().starts_with('{') && !why.to_string().contains('\n'));
    for signature in why.signatures() {
        assert!(!signature.is_pass() || signature.diagnoses().is_empty());
        for diagnosis in signature.diagnoses() {
            let text = diagnosis.to_string();
            assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{text}");
            if let Some(place) = diagnosis.place() {
                assert!(place.offset() <= message.len() && place.line() >= 1, "{text}");
            }
        }
        let differences = [signature.header_difference(), signature.body_difference()];
        for difference in differences.into_iter().flatten() {
            assert!(signature.diagnoses().iter().any(|diagnosis| diagnosis.is_proved()), "{page}");
            assert!(difference.rows().len() <= 60);
            let is_short = |line: Option<&[u8]>| line.unwrap_or_default().len() <= 326;
            assert!(
                difference.rows().iter().all(|row: &Row| is_short(row.signed()) && is_short(row.found()))
            );
        }
    }
    for attached in why.attached() {
        look_at(attached, message);
    }
}
