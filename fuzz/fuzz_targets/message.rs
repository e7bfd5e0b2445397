//! Verifying a whole message with whatever the DNS may say, looking at it before signing, and signing it.
#![no_main]

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal_authres::AuthenticationResults;
use waxseal_crypto::PrivateKey;
use waxseal_dkim::{BodyLengthPolicy, Inspection, KeyRecord, Policy, Severity, Signer, Verdicts, Verifier};
use waxseal_dns::{Question, Reply, Zone, drive_blocking};
use waxseal_fuzz::{Replies, assert_is_one_field, chunks};
use waxseal_header::{Header, HeaderLimits, Split, Splitter};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    message: &'a [u8],
    /// Octets put in place of others of a signed message: where, how many go, what comes.
    changes: Vec<(u16, u8, &'a [u8])>,
    sizes: &'a [u8],
    replies: Replies<'a>,
    lax: bool,
    key_is_published: bool,
}

/// A throwaway key.
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_ed25519_seed(&[7; 32]).expect("a seed"));

static ZONE: LazyLock<Zone> = LazyLock::new(|| {
    let record = KeyRecord::new(KEY.public_key().clone()).to_string();
    Zone::new().with_txt("s._domainkey.example.org", record).expect("a name")
});

const MESSAGE: &[u8] =
    b"From: Joe <joe@example.org>\r\nTo: a@example.net\r\nSubject: x\r\n\r\nHi.\r\n\r\nJoe.\r\n";

fuzz_target!(|input: Input<'_>| {
    let signed = sign(MESSAGE).expect("the message can be signed");
    assert!(
        verify(&Verifier::new(Default::default()).expect("valid"), &signed, &|q: &Question| ZONE.lookup(q))
            .is_pass()
    );
    let mut changed = signed;
    for (at, gone, new) in &input.changes {
        let start = usize::from(*at) % (changed.len() + 1);
        let end = (start + usize::from(*gone)).min(changed.len());
        changed.splice(start..end, new.iter().copied());
    }
    let dns = |q: &Question| match input.key_is_published {
        true => ZONE.lookup(q),
        false => input.replies.reply(q),
    };
    for message in [&changed, input.message] {
        let verifier = Verifier::new(policy(input.lax)).expect("valid");
        let whole = verify(&verifier, message, &dns);
        look_at(&whole);
        let cut = verify_in_chunks(&verifier, message, input.sizes, &dns);
        assert_eq!(told(&cut), told(&whole));
        let errors = inspect(message, input.sizes);
        if let Some(signed) = sign(message) {
            assert!(!errors);
            let verifier = Verifier::new(Default::default()).expect("a provider");
            assert!(verify(&verifier, &signed, &|q: &Question| ZONE.lookup(q)).as_slice()[0].is_pass());
        }
    }
});

fn policy(lax: bool) -> Policy {
    match lax {
        false => Policy::default(),
        true => Policy::default()
            .with_rsa_sha1(true)
            .with_body_length(BodyLengthPolicy::Accept)
            .with_min_rsa_bits(0)
            .with_max_rsa_bits(16384)
            .with_unsigned_additions_refused(true)
            .with_required_fields(["Subject"]),
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn signer() -> Signer {
    Signer::new("example.org", "s", KEY.clone()).expect("valid").with_copied_fields(true)
}

fn sign(message: &[u8]) -> Option<Vec<u8>> {
    let field = signer().sign(message, now()).ok()?;
    Some([field.as_bytes(), message].concat())
}

/// Whether there is an error among the findings, which are the same for all chunks.
fn inspect(message: &[u8], sizes: &[u8]) -> bool {
    let whole = signer().inspect(message);
    let mut inspection = Inspection::new([&signer()]);
    for chunk in chunks(message, sizes) {
        inspection.push(chunk);
    }
    assert_eq!(inspection.finish(), whole);
    assert!(whole.iter().all(|finding| !finding.to_string().contains(['\r', '\n'])), "{whole:?}");
    whole.iter().any(|finding| finding.severity() == Severity::Error)
}

fn verify(verifier: &Verifier, message: &[u8], dns: &impl Fn(&Question) -> Reply) -> Verdicts {
    verifier.verify_blocking(message, now(), dns)
}

fn verify_in_chunks(
    verifier: &Verifier,
    message: &[u8],
    sizes: &[u8],
    dns: &impl Fn(&Question) -> Reply,
) -> Verdicts {
    let mut splitter = Splitter::new(HeaderLimits::default());
    let mut verification = None;
    for chunk in chunks(message, sizes) {
        match &mut verification {
            None => match splitter.push(chunk) {
                Ok(Split::Header) => {}
                Ok(Split::Body(header, body)) => {
                    verification.insert(verifier.begin(header, now())).body(body)
                }
                // A header over a limit has no parts.
                Err(_) => return verify(verifier, message, dns),
            },
            Some(begun) => begun.body(chunk),
        }
    }
    let check = match verification {
        Some(begun) => begun.finish(),
        None => match splitter.finish() {
            Ok(header) => verifier.begin(header, now()).finish(),
            Err(_) => return verify(verifier, message, dns),
        },
    };
    drive_blocking(check, dns)
}

fn told(verdicts: &Verdicts) -> Vec<String> {
    verdicts.iter().map(|verdict| format!("{} {}", verdict.entry(), verdict.explain())).collect()
}

fn look_at(verdicts: &Verdicts) {
    let mut results = AuthenticationResults::new("mx.example.net");
    results.extend(verdicts.entries());
    let field = results.to_field();
    assert_is_one_field(&field);
    assert_eq!(Header::parse(field.as_bytes()).expect("a field").0.len(), 1);
    for verdict in verdicts {
        assert_eq!(verdict.is_pass(), verdict.cause().is_none());
        assert!(!verdict.is_pass() || verdict.signature().is_some());
        assert!(!verdict.to_string().contains(['\r', '\n']), "{verdict}");
    }
}
