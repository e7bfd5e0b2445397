//! ARC chains with whatever the DNS may say, and sealing: only what was sealed passes.
#![no_main]

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal_arc::{ArcResult, Chain, ChainVerifier, Sealer, Set};
use waxseal_authres::{AuthenticationResults, AuthservIds};
use waxseal_crypto::PrivateKey;
use waxseal_dkim::KeyRecord;
use waxseal_dns::{Question, Reply, Zone, drive_blocking};
use waxseal_fuzz::{Replies, assert_is_one_field, chunks, drive_shuffled};
use waxseal_header::{Header, HeaderLimits, Split, Splitter, line_ends::to_crlf};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    message: &'a [u8],
    /// What happens to a sealed message on its way.
    fields: [Move; 4],
    changes: Vec<(u16, u8, &'a [u8])>,
    sizes: &'a [u8],
    replies: Replies<'a>,
    key_is_published: bool,
}

/// What happens to a field of the header.
#[derive(Debug, Clone, Copy, Arbitrary)]
enum Move {
    Nothing,
    Swap(u8, u8),
    Remove(u8),
    Double(u8, u8),
    /// A field of [`NEW`], and where.
    Add(u8, u8),
}

const NEW: [&[u8]; 8] = [
    b"X-New: x\r\n",
    b"From: eve@example.net\r\n",
    b"ARC-Authentication-Results: i=4; example.org; none\r\n",
    b"ARC-Seal: i=4; a=ed25519-sha256; d=example.org; s=s; cv=pass; b=AAAA\r\n",
    b"arc-seal: i=1; a=ed25519-sha256; d=example.org; s=s; cv=none; b=AAAA\r\n",
    b"ARC-Message-Signature: i=4; a=ed25519-sha256; d=example.org; s=s; h=from; bh=AAAA; b=AAAA\r\n",
    b" folded\r\n",
    b"ARC-Seal : i=1\r\n",
];

/// A throwaway key.
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_ed25519_seed(&[7; 32]).expect("a seed"));

static ZONE: LazyLock<Zone> = LazyLock::new(|| {
    let record = KeyRecord::new(KEY.public_key().clone()).to_string();
    Zone::new().with_txt("s._domainkey.example.org", record).expect("a name")
});

const MESSAGE: &[u8] =
    b"From: Joe <joe@example.org>\r\nTo: a@example.net\r\nSubject: x\r\n\r\nHi.\r\n\r\nJoe.\r\n";

/// Sealed three times.
static SEALED: LazyLock<(Vec<u8>, Chain)> = LazyLock::new(|| {
    let mut message = MESSAGE.to_vec();
    for _ in 0..3 {
        let chain = verify(&message, &|q: &Question| ZONE.lookup(q));
        message = sealed(&message, &chain).expect("the message can be sealed");
    }
    let chain = verify(&message, &|q: &Question| ZONE.lookup(q));
    assert!(chain.is_pass() && chain.sets().len() == 3, "{chain}");
    (message, chain)
});

fuzz_target!(|input: Input<'_>| {
    let mut changed = moved(&input.fields);
    for (at, gone, new) in &input.changes {
        let start = usize::from(*at) % (changed.len() + 1);
        let end = (start + usize::from(*gone)).min(changed.len());
        changed.splice(start..end, new.iter().copied());
    }
    let dns = |q: &Question| match input.key_is_published {
        true => ZONE.lookup(q),
        false => input.replies.reply(q),
    };
    // What can be sealed.
    let clean = [b"From: joe@example.org\r\n", &*to_crlf(input.message)].concat();
    for message in [&changed, input.message, &clean] {
        let chain = verify(message, &dns);
        look_at(&chain);
        assert!(!chain.is_pass() || input.key_is_published && is_ours(&chain), "{chain}");
        assert_eq!(told(&verify_in_chunks(message, input.sizes, &dns)), told(&chain));
        let check = ChainVerifier::new(Default::default()).expect("valid").check(message, now());
        assert_eq!(told(&drive_shuffled(check, &dns, input.sizes)), told(&chain));
        if let Some(message) = sealed(message, &chain) {
            let next = verify(&message, &|q: &Question| ZONE.lookup(q));
            match chain.result() {
                ArcResult::Fail => assert_eq!(next.result(), ArcResult::Fail, "{next}"),
                _ => assert!(next.is_pass() && next.sets().len() == chain.sets().len() + 1, "{next}"),
            }
        }
    }
});

/// The sealed message with its fields moved about.
fn moved(moves: &[Move]) -> Vec<u8> {
    let (header, body) = Header::parse(&SEALED.0).expect("a header");
    let mut fields: Vec<Vec<u8>> = header.fields().map(|field| field.raw().to_vec()).collect();
    for one in moves {
        let at = |n: &u8| usize::from(*n) % fields.len().max(1);
        match one {
            _ if fields.is_empty() => break,
            Move::Nothing => {}
            Move::Swap(from, to) => {
                let (from, to) = (at(from), at(to));
                fields.swap(from, to);
            }
            Move::Remove(from) => drop(fields.remove(at(from))),
            Move::Double(from, to) => fields.insert(at(to), fields[at(from)].clone()),
            Move::Add(new, to) => fields.insert(at(to), NEW[usize::from(*new) % NEW.len()].to_vec()),
        }
    }
    fields.push(b"\r\n".to_vec());
    fields.push(body.to_vec());
    fields.concat()
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

/// Whether every set is one that we made, in its place.
fn is_ours(chain: &Chain) -> bool {
    let signature = |set: &Set| set.seal().map(|seal| seal.signature().to_vec());
    chain.sets().len() <= 3
        && chain.sets().iter().map(signature).eq(SEALED
            .1
            .sets()
            .iter()
            .map(signature)
            .take(chain.sets().len()))
}

fn sealed(message: &[u8], chain: &Chain) -> Option<Vec<u8>> {
    let sealer = Sealer::new("example.org", "s", KEY.clone()).expect("valid");
    let results = AuthenticationResults::new("mx.example.net").with_entry(chain.entry());
    let set = sealer.seal(message, chain, &results, now()).ok()?;
    Some([set.fields().as_bytes(), message].concat())
}

fn verify(message: &[u8], dns: &impl Fn(&Question) -> Reply) -> Chain {
    ChainVerifier::new(Default::default()).expect("valid").verify_blocking(message, now(), dns)
}

fn verify_in_chunks(message: &[u8], sizes: &[u8], dns: &impl Fn(&Question) -> Reply) -> Chain {
    let verifier = ChainVerifier::new(Default::default()).expect("valid");
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
                Err(_) => return verify(message, dns),
            },
            Some(begun) => begun.body(chunk),
        }
    }
    let check = match verification {
        Some(begun) => begun.finish(),
        None => match splitter.finish() {
            Ok(header) => verifier.begin(header, now()).finish(),
            Err(_) => return verify(message, dns),
        },
    };
    drive_blocking(check, dns)
}

fn told(chain: &Chain) -> String {
    format!("{chain} {} {:?}", chain.explain(), chain.oldest_pass())
}

fn look_at(chain: &Chain) {
    let field = AuthenticationResults::new("mx.example.net").with_entry(chain.entry()).to_field();
    assert_is_one_field(&field);
    let (header, _) = Header::parse(field.as_bytes()).expect("a field");
    assert_eq!(AuthservIds::new(["mx.example.net"]).trusted(&header, 1).count(), 1);
    assert!(!format!("{chain} {}", chain.reason()).contains(['\r', '\n']), "{chain}");
    assert_eq!(chain.result() == ArcResult::Fail, chain.cause().is_some());
    assert_eq!(chain.is_pass(), chain.oldest_pass().is_some());
    assert!(chain.sets().iter().map(Set::instance).eq(1..=chain.sets().len() as u32), "{chain}");
    assert!(!chain.trusted_by(|_| false));
    assert!(chain.is_pass() || !chain.trusted_by(|_| true));
    for set in chain.sets() {
        // Whatever stands there, reading it is an error or not.
        let _ = set.authentication_results();
    }
}
