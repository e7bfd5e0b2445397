//! Malformed, huge and hostile input gives a named verdict, with bounded work: counted in lookups and in calls of the
//! crypto provider, not in time.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::*;
use waxseal_authres::{AuthenticationResults, DkimResult};
use waxseal_dkim::{BodyLengthPolicy, Cause, Policy, Verdicts, Verifier};
use waxseal_dns::{LookupError, Zone};
use waxseal_header::{Header, HeaderError, HeaderLimits};
use waxseal_test::CountingProvider;

fn wide() -> HeaderLimits {
    HeaderLimits::default().with_max_bytes(16 << 20).with_max_fields(100_000)
}

/// A signature that is well-formed and wrong.
fn wrong(selector: &str, more: &str) -> String {
    format!(
        "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s={selector}; h=from; {more}\
         bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
    )
}

fn words(verdicts: &Verdicts) -> Vec<&'static str> {
    verdicts.iter().map(|verdict| verdict.result().as_str()).collect()
}

/// 5,000 signatures are over the limit of 1,000 fields: one verdict, no lookup, no hash but the one of nothing.
#[test]
fn five_thousand_signatures() {
    let signatures: String = (0..5000).map(|n| wrong(&format!("s{n}"), "")).collect();
    let message = [signatures.as_bytes(), MESSAGE].concat();
    let (dns, provider) = (Counting::default(), CountingProvider::leaked());
    let verdicts =
        Verifier::with_provider(Default::default(), provider).verify_blocking(&message, at(NOW), &dns);
    let verdict = only(verdicts);
    assert!(matches!(
        verdict.cause(),
        Some(Cause::Header(HeaderError::TooLong(_) | HeaderError::TooManyFields(_)))
    ));
    assert_eq!(verdict.result(), DkimResult::PermError);
    assert_eq!((dns.count(), provider.verified()), (0, 0));
}

/// With the limit on fields out of the way, ten are tried and each of the others has a verdict that says why it was not.
#[test]
fn five_thousand_signatures_of_many_keys() {
    let signatures: String = (0..5000).map(|n| wrong(&format!("s{n}"), &format!("l={n}; "))).collect();
    let message = [signatures.as_bytes(), &signed(&signer(), MESSAGE)].concat();
    let (dns, provider) = (Counting::new(zone()), CountingProvider::leaked());
    let verifier = Verifier::with_provider(Policy::default().with_header_limits(wide()), provider);
    let verdicts = verifier.verify_blocking(&message, at(NOW), &dns);
    assert_eq!(verdicts.as_slice().len(), 5001);
    assert!(verdicts.as_slice()[..10].iter().all(|verdict| matches!(verdict.cause(), Some(Cause::NoKey))));
    let over =
        |verdict: &waxseal_dkim::Verdict| matches!(verdict.cause(), Some(Cause::TooManySignatures(10)));
    assert!(verdicts.as_slice()[10..].iter().all(over));
    assert!(verdicts.as_slice()[10..].iter().all(|verdict| verdict.result() == DkimResult::Policy));
    assert_eq!((dns.count(), provider.verified()), (10, 0));
    assert_eq!(provider.hashers(), 1, "one for all l= that are tried");
}

/// Signatures with different `l=` share one pass over the body, and each has its verdict.
#[test]
fn ten_lengths_cost_one_pass_over_the_body() {
    let body = "0123456789abcde\r\n".repeat(10_000);
    let message = format!("From: joe@example.org\r\n\r\n{body}");
    let hashed = |lengths: &[usize]| {
        let sign = |message: Vec<u8>, length: &usize| {
            craft(
                &format!("v=1; a=ed25519-sha256; d=example.org; s=ed; l={length}; h=from; bh=BH; b=B"),
                &message,
            )
        };
        let message = lengths.iter().fold(message.clone().into_bytes(), sign);
        let provider = CountingProvider::leaked();
        let policy = Policy::default().with_body_length(BodyLengthPolicy::Accept);
        let verdicts = Verifier::with_provider(policy, provider).verify_blocking(&message, at(NOW), &zone());
        assert!(verdicts.iter().all(waxseal_dkim::Verdict::is_pass), "{verdicts:?}");
        assert_eq!(verdicts.as_slice().len(), lengths.len());
        provider.hashed()
    };
    for at in [1, body.len() / 2, body.len() - 20] {
        let ten: Vec<_> = (0..10).map(|n| at + n).collect();
        let (one, ten) = (hashed(&ten[9..]), hashed(&ten));
        assert_eq!(one, ten, "at {at}");
        assert!(one <= at + 9, "what is behind the last l= is not hashed");
    }
    assert_eq!(hashed(&[0, body.len(), 7, 4096, 4095, 4097, 2048, 1, body.len() - 1, 20_000]), body.len());
}

/// One key for all: one lookup, ten signatures computed, each over a header hashed once, and one body hash.
#[test]
fn five_thousand_signatures_of_one_key() {
    let message = [wrong("ed", "").repeat(5000).as_bytes(), MESSAGE].concat();
    let (dns, provider) = (Counting::new(zone()), CountingProvider::leaked());
    let verifier = Verifier::with_provider(Policy::default().with_header_limits(wide()), provider);
    let verdicts = verifier.verify_blocking(&message, at(NOW), &dns);
    assert_eq!(verdicts.as_slice().len(), 5000);
    assert_eq!((dns.count(), provider.verified()), (1, 10));
    assert!(provider.hashers() <= 1 + 10, "{}", provider.hashers());
}

/// Malformed signatures and those that policy refuses are no tries: a good one below them still counts.
#[test]
fn refused_signatures_use_up_no_tries() {
    let good = signed(&signer(), MESSAGE);
    let junk = [
        "DKIM-Signature: junk\r\n".repeat(50),
        wrong("ed", "x=1; ").repeat(50),
        wrong("ed", "t=9999999999; ").repeat(50),
        wrong("ed", "").replace("a=ed25519-sha256", "a=unknown").repeat(50),
    ];
    let message = [junk.concat().as_bytes(), &good].concat();
    let verdicts = verify(&message);
    assert!(verdicts.as_slice().len() == 201 && verdicts.as_slice()[200].is_pass());
    assert!(verdicts.as_slice()[..200].iter().all(|verdict| !verdict.is_pass()));
}

/// Ten tries and three lookups: the limits are apart.
#[test]
fn lookups_have_their_own_limit() {
    let signatures: String = (0..6).map(|n| wrong(&format!("s{}", n % 5), "")).collect();
    let message = [signatures.as_bytes(), MESSAGE].concat();
    let dns = Counting::default();
    let verifier = Verifier::new(Policy::default().with_max_key_lookups(3)).unwrap();
    let verdicts = verifier.verify_blocking(&message, at(NOW), &dns);
    assert_eq!(words(&verdicts), ["permerror", "permerror", "permerror", "policy", "policy", "permerror"]);
    assert!(matches!(verdicts.as_slice()[3].cause(), Some(Cause::TooManyKeyLookups(3))));
    assert_eq!(dns.count(), 3);
    let verdicts = Verifier::new(Policy::default().with_max_signatures(0)).unwrap().verify_blocking(
        &message,
        at(NOW),
        &dns,
    );
    assert!(verdicts.as_slice().len() == 6 && dns.count() == 3);
}

/// A long `h=` does not multiply the work: each field is hashed once however often it is named.
#[test]
fn a_long_list_of_names_picks_each_field_once() {
    let names = "from:x:".repeat(20_000);
    let fields = "X: 1\r\n".repeat(400);
    let signatures: String =
        (0..3).map(|_| wrong("ed", "").replace("h=from;", &format!("h={names}from;"))).collect();
    let message = [signatures.as_bytes(), fields.as_bytes(), MESSAGE].concat();
    let provider = CountingProvider::leaked();
    let verifier = Verifier::with_provider(Policy::default().with_header_limits(wide()), provider);
    let verdicts = verifier.verify_blocking(&message, at(NOW), &zone());
    assert_eq!((verdicts.as_slice().len(), provider.verified()), (3, 3));
    let own = signatures.len();
    assert!(
        provider.verified_bytes() <= own + 3 * (fields.len() + MESSAGE.len()),
        "{}",
        provider.verified_bytes()
    );
}

/// 1 MB in one line of the header is over the limit of 256 KiB; with a wider limit it is signed and verified as any other.
#[test]
fn a_header_line_of_a_megabyte() {
    for filler in ["x", " ", "\t \t", "a b\t", "\r\n "] {
        let long = format!("X: y{}\r\n", filler.repeat((1 << 20) / filler.len()));
        let message = [long.as_bytes(), MESSAGE].concat();
        let verdict = only(verify(&message));
        assert!(matches!(verdict.cause(), Some(Cause::Header(HeaderError::TooLong(262_144)))));
        let value = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from; bh=BH; b=B";
        let message = [long.as_bytes(), &craft(value, MESSAGE)].concat();
        let verdict = only(verify_with(Policy::default().with_header_limits(wide()), &message, &zone()));
        assert!(verdict.is_pass(), "{verdict}");
    }
}

/// NUL and control octets are data: hashed as they came, and a change of one is found.
#[test]
fn control_octets() {
    let value = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from:subject; bh=BH; b=B";
    let message =
        b"From: a\0b@example.org\r\nSubject: \x01\x08\x1b[2J\x7f\xff\r\n\r\n\0\x01\x0b\x0c\x1f\xfe\r\n";
    let good = craft(value, message);
    assert!(verdict(&good).is_pass());
    for octet in [0, 1, 8, 0x0b, 0x0c, 0x7f, 0xff] {
        let at = good.iter().rposition(|c| *c == octet).unwrap();
        let mut changed = good.clone();
        changed[at] ^= 0x02;
        assert!(!verdict(&changed).is_pass(), "{octet:#x}");
    }
    // In the signature field itself they are a syntax error.
    for octet in [0, 1, 0x0b, 0x7f, 0xff] {
        let mut changed = good.clone();
        let at = changed.windows(5).position(|w| w == b"s=ed;").unwrap() + 4;
        changed.splice(at..at, [b';', b'z', b'=', octet]);
        let found = cause(&changed);
        assert!(
            matches!(found, Cause::Signature(_))
                && found.to_string().ends_with("tag list: forbidden byte in the value of z="),
            "{found}"
        );
    }
}

/// Lines without a colon, no header, no body, no final CRLF, nothing at all.
#[test]
fn messages_that_lack_parts() {
    let good = signed(&signer(), MESSAGE);
    for (line, place) in
        [(&b"no colon\r\n"[..], 0), (b": no name\r\n", 0), (b"a b: c\r\n", 0), (b"\xff: x\r\n", 0)]
    {
        let mut message = good.clone();
        message.splice(place..place, line.iter().copied());
        assert!(verdict(&message).is_pass(), "{}", line.escape_ascii());
    }
    for message in
        [&b""[..], b"\r\n", b"\r\n\r\n", b"\r\nbody", b"\n", b"\r", b":", b"body only", b"From: x", b"\0"]
    {
        assert!(verify(message).is_empty(), "{}", message.escape_ascii());
    }
    for message in [
        &b"DKIM-Signature:"[..],
        b"DKIM-Signature: \r\n",
        b"DKIM-Signature\t:\r\n\r\n",
        b"dkim-signature:;;;",
    ] {
        assert_eq!(verdict(message).result(), DkimResult::PermError, "{}", message.escape_ascii());
    }
    for message in
        [&b"From: a@example.org"[..], b"From: a@example.org\r\n", b"From: a@example.org\r\n\r\nHi."]
    {
        assert!(verdict(&signed(&signer(), message)).is_pass(), "{}", message.escape_ascii());
    }
}

/// RFC 5322 §2.3: "CR and LF MUST only occur together as CRLF": what came is hashed as it came, and every repair on the
/// way is a change.
#[test]
fn bare_line_ends() {
    let value = "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from:subject; bh=BH; b=B";
    for body in ["a\nb\r\n", "a\rb\r\n", "a\r\r\n", "a\n", "\n", "\r", "a \n b\r\n", "\r\n.\n.\r\n"] {
        let good = craft(value, format!("From: a@example.org\r\n\r\n{body}").as_bytes());
        assert!(verdict(&good).is_pass(), "{body:?}");
        let repaired = waxseal_header::line_ends::to_crlf(&good);
        assert!(!verdict(&repaired).is_pass(), "{body:?}");
    }
}

/// 64 KiB in a TXT record: a key that is none, a record of too many tags, and a good record with long notes.
#[test]
fn key_records_of_64_kib() {
    let verdict = verdict_with_record(format!("v=DKIM1; k=ed25519; p={}", "A".repeat(65_000)));
    assert!(verdict.reason().contains("the ed25519 public key has 48750 bytes"), "{verdict}");
    assert!(matches!(verdict.cause(), Some(Cause::KeyRecord(_))), "{verdict}");
    let verdict = verdict_with_record(format!("v=DKIM1; k=rsa; p={}", "A".repeat(65_000)));
    assert!(matches!(verdict.cause(), Some(Cause::KeyRecord(_))), "{verdict}");
    let tags: String = (0..8000).map(|n| format!("a{n}=x;")).collect();
    let verdict = verdict_with_record(tags);
    assert!(verdict.reason().ends_with("tag list: more than 64 tags"), "{verdict}");
    for filler in ["x", " ", "=41", ":"] {
        let notes = filler.repeat(64_000 / filler.len());
        assert!(verdict_with_record(format!("{}; n={notes}", ed_record())).is_pass(), "{filler}");
    }
    assert!(verdict_with_record(vec![0xff; 65_535]).result() == DkimResult::PermError);
    assert!(verdict_with_record("").result() == DkimResult::PermError);
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = match content.len() {
        len @ 0..=127 => vec![len as u8],
        len => [&[0x84][..], &(len as u32).to_be_bytes()].concat(),
    };
    [&[tag][..], &length, content].concat()
}

/// `p=` with this modulus and exponent, as RSAPublicKey in whatever DER they make.
fn rsa_record(modulus: &[u8], exponent: &[u8]) -> String {
    let key = der(0x30, &[der(2, modulus), der(2, exponent)].concat());
    format!("v=DKIM1; k=rsa; p={}", BASE64_STANDARD.encode(key))
}

/// Exponents and moduli that would cost much or prove nothing are refused before any maths.
#[test]
fn odd_rsa_keys() {
    let good = signed(&rsa_signer(), MESSAGE);
    let cases: [(&str, Vec<u8>, Vec<u8>); 9] = [
        ("even exponent", vec![0x7f; 256], vec![2]),
        ("even exponent", vec![0x7f; 256], vec![1, 0, 0]),
        ("exponent 1", vec![0x7f; 256], vec![1]),
        ("exponent 0", vec![0x7f; 256], vec![0]),
        ("giant exponent", vec![0x7f; 256], vec![0x7f; 256]),
        ("giant exponent", vec![0x7f; 256], vec![1, 0, 0, 0, 1]),
        ("negative exponent", vec![0x7f; 256], vec![0xff]),
        ("even modulus", [vec![0x7f; 255], vec![0x7e]].concat(), vec![1, 0, 1]),
        ("giant modulus", vec![0x7f; 20_000], vec![1, 0, 1]),
    ];
    for (what, modulus, exponent) in cases {
        let zone =
            Zone::new().with_txt("rsa._domainkey.example.org", rsa_record(&modulus, &exponent)).unwrap();
        let provider = CountingProvider::leaked();
        let verdicts =
            Verifier::with_provider(Default::default(), provider).verify_blocking(&good, at(NOW), &zone);
        let found = verdicts.as_slice()[0].cause();
        assert!(matches!(found, Some(Cause::KeyRecord(_))), "{what}: {found:?}");
        assert_eq!(verdicts.as_slice()[0].result(), DkimResult::PermError);
        assert_eq!(provider.verified(), 0, "{what}");
    }
}

/// A key of 512 bits can be broken in hours (CERT VU#268267): it never counts, whatever the signature.
#[test]
fn keys_of_512_bits() {
    let zone =
        Zone::new().with_txt("rsa._domainkey.example.org", rsa_record(&[0x7f; 64], &[1, 0, 1])).unwrap();
    let provider = CountingProvider::leaked();
    let message = signed(&rsa_signer(), MESSAGE);
    let verdicts =
        Verifier::with_provider(Default::default(), provider).verify_blocking(&message, at(NOW), &zone);
    assert!(matches!(verdicts.as_slice()[0].cause(), Some(Cause::KeyTooSmall(511, _))), "{verdicts:?}");
    assert_eq!(provider.verified(), 0);
}

/// `bh=` of a length that the hash does not have never reaches a comparison.
#[test]
fn body_hashes_of_other_lengths() {
    for octets in [1, 3, 20, 31, 33, 64, 4096] {
        let bh = BASE64_STANDARD.encode(vec![0; octets]);
        let value = wrong("ed", "").replace("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", &bh);
        let found = cause(&[value.as_bytes(), MESSAGE].concat());
        let expected = format!("bh= has {octets} bytes, the hash of the algorithm has 32");
        assert!(
            matches!(&found, Cause::Signature(error) if error.to_string() == expected),
            "{octets}: {found}"
        );
    }
    let value = wrong("ed", "").replace("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "");
    let found = cause(&[value.as_bytes(), MESSAGE].concat());
    assert_eq!(found.to_string(), "value of bh= is malformed");
}

/// Whatever stands in d=, s= and i=, an output field stays one field of one entry: no line that could be a field of its
/// own, no octet outside ASCII, no quote or comment that is left open.
#[test]
fn hostile_names_never_reach_an_output_header() {
    let names = [
        "example.org\r\nX-Injected: yes",
        "example.org\r\n\r\nbody",
        "example.org\nX-Injected: yes",
        "example.org\rX-Injected: yes",
        "example.org\r\n dkim=pass header.d=bank.example",
        "example.org\" dkim=pass \"",
        "example.org(",
        "example.org)",
        "example.org\\",
        "example.org; dkim=pass header.d=bank.example",
        "example.org=0D=0AX-Injected: yes",
        "\u{2028}example.org",
        "example.org\u{202e}",
        "\0example.org",
        "example.org\u{85}",
    ];
    let mut seen = 0;
    for name in names {
        for tags in [
            format!("d={name}; s=ed; i=@example.org"),
            format!("d=example.org; s={name}"),
            format!("d=example.org; s=ed; i={name}@example.org"),
            format!("d=example.org; s=ed; i=\"{name}\"@example.org"),
            format!("d=example.org; s=ed; i=@{name}"),
            format!("d=example.org; s=ed; a={name}"),
            format!("d=example.org; s=ed; {name}=1"),
        ] {
            let field = format!(
                "DKIM-Signature: v=1; a=ed25519-sha256; {tags}; h=from; \
                 bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
            );
            let verdicts = verify(&[field.as_bytes(), MESSAGE].concat());
            for verdict in &verdicts {
                seen += 1;
                assert!(!verdict.is_pass());
                let results = AuthenticationResults::new("mx.example.net").with_entry(verdict.entry());
                let field = results.to_field();
                check_output(&field, &field);
                check_output(&format!("X: {}\r\n", verdict.entry()), &field);
                assert!(!verdict.to_string().contains(['\r', '\n']), "{verdict}");
            }
        }
    }
    assert!(seen >= names.len() * 7, "{seen}");
}

/// One field, one entry, printable ASCII.
fn check_output(field: &str, whole: &str) {
    let (header, rest) = Header::parse(field.as_bytes()).unwrap();
    assert_eq!((header.len(), rest.len()), (1, 0), "{whole}");
    let value = header.field(0).unwrap().value();
    assert!(value.iter().all(|c| matches!(c, b' '..=b'~' | b'\r' | b'\n' | b'\t')), "{whole}");
    // What is quoted or a comment is no entry.
    let (mut bare, mut quoted, mut depth, mut octets) = (String::new(), false, 0, value.iter());
    while let Some(c) = octets.next() {
        match c {
            b'\\' if quoted || depth > 0 => {
                octets.next().unwrap();
            }
            b'"' if depth == 0 => quoted = !quoted,
            b'(' if !quoted => depth += 1,
            b')' if !quoted => depth -= 1,
            c if !quoted && depth == 0 => bare.push(char::from(*c)),
            _ => {}
        }
    }
    assert!(!quoted && depth == 0, "{whole}");
    assert_eq!(bare.matches("dkim=").count(), 1, "{whole}");
    assert!(!bare.contains("pass") && !bare.contains("bank.example"), "{whole}");
}

/// What an operator's resolver may say is shown in one line too.
#[test]
fn hostile_lookup_errors_stay_in_one_line() {
    let error = LookupError::Other(std::sync::Arc::from(Box::<dyn std::error::Error + Send + Sync>::from(
        "refused\r\nX-Injected: yes \" ( ; dkim=pass",
    )));
    let zone = Zone::new().with_error("ed._domainkey.example.org", error).unwrap();
    let verdict = only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone));
    assert_eq!(verdict.result(), DkimResult::TempError);
    let field = AuthenticationResults::new("mx.example.net").with_entry(verdict.entry()).to_field();
    check_output(&field, &field);
}
