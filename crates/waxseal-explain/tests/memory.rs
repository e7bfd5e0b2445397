//! The memory of an explanation: about the message once more. `allocation_counter` puts itself in the place of the allocator of this
//! program, which is why the test stands apart.
#![allow(clippy::unwrap_used, reason = "a test")]

use allocation_counter::measure;
use std::time::{Duration, UNIX_EPOCH};
use waxseal_explain::{
    Explainer,
    waxseal::{
        Envelope, PrivateKey, Signer, Zone,
        dkim::{Canonicalization, KeyRecord},
    },
};
use waxseal_test::keys;

/// What may be held at a time for a message of 25 MB, so that with it no more than 64 MiB are.
const LIMIT_AT_25_MB: u64 = 64 * 1024 * 1024 - 25_000_000;

const SIZE: u64 = 6_000_000;

#[test]
fn a_large_message_takes_about_its_size_once_more() {
    let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let key = PrivateKey::from_pem(keys::RSA2048).unwrap();
    let record = KeyRecord::new(key.public_key().clone()).to_string();
    let zone = Zone::new().with_txt("s._domainkey.example.org", record).unwrap();
    // The sign of nearly every kind, so that nearly all is tried.
    let signs = "\u{feff}Grüße\r\n\r\n.a\r\n..b\r\n>From c\r\n>From d \r\ne=20\r\n--\r\n\
        https://a.safelinks.protection.outlook.com/?url=https%3A%2F%2Fe.example\r\n";
    let line = "Words, words and more words, of which there are many, ü.\r\n";
    let body = signs.to_owned() + &line.repeat(SIZE as usize / line.len());
    let message = format!(
        "From: joe@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: 8bit\r\n\r\n{body}"
    );
    for form in [Canonicalization::Simple, Canonicalization::Relaxed] {
        let signer = Signer::new("example.org", "s", key.clone()).unwrap().with_canonicalization(form, form);
        let signed = signer.sign_message(message.as_bytes(), now).unwrap();
        let damaged = String::from_utf8(signed).unwrap().replacen("Words", "Other words", 1);
        let explainer = Explainer::new().unwrap();
        let mut why = None;
        let info = measure(|| {
            why = Some(explainer.explain_blocking(&Envelope::unknown(), damaged.as_bytes(), now, &zone));
        });
        let why = why.unwrap();
        assert!(why.signatures().iter().all(|signature| !signature.is_pass()), "{}", why.explain());
        assert!(
            why.explain().contains("two changes at once were not tried: the body is larger than 5 MB"),
            "{}",
            why.explain()
        );
        let at_25_mb = info.bytes_max * 25_000_000 / SIZE;
        assert!(at_25_mb <= LIMIT_AT_25_MB, "{form:?}: {} bytes, {at_25_mb} at 25 MB", info.bytes_max);
        assert!(info.bytes_max > SIZE / 2, "the measurement measures: {}", info.bytes_max);
    }
}
