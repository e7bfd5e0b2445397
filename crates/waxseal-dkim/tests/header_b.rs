//! `header.b` (RFC 6008): each result says which signature it is about, and no forger can make a good one doubtful.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::*;
use waxseal_authres::AuthenticationResults;
use waxseal_dkim::Verdicts;

/// Result, `header.b` and comment of each entry, as a reader of the field finds them.
fn told(verdicts: &Verdicts) -> Vec<(String, Option<String>, String)> {
    let mut results = AuthenticationResults::new("mx.example.net");
    results.extend(verdicts.entries());
    let text = results.to_string();
    let parsed = AuthenticationResults::parse(text.as_bytes()).unwrap();
    let told = parsed.entries().iter().map(|entry| {
        let b = entry.property("header", "b").map(ToString::to_string);
        (entry.result().to_string(), b, entry.comment().unwrap_or_default().to_string())
    });
    told.collect()
}

/// The fields of the message and what follows them.
fn split(message: &[u8]) -> (String, String) {
    let text = String::from_utf8(message.to_vec()).unwrap();
    let end = text.find("\r\nReceived:").unwrap() + 2;
    (text[..end].to_owned(), text[end..].to_owned())
}

/// The value of `b=` without folds.
fn b_of(field: &str) -> String {
    field.split("b=").last().unwrap().split_whitespace().collect()
}

/// The field with another `b=`.
fn with_b(field: &str, b: &str) -> String {
    let at = field.rfind("b=").unwrap() + 2;
    format!("{}{b}\r\n", &field[..at])
}

fn unique(told: &[(String, Option<String>, String)], all: &[&str]) {
    for (word, b, _) in told {
        let Some(b) = b else { continue };
        let matching = all.iter().filter(|whole| whole.starts_with(b.as_str())).count();
        assert_eq!(matching, 1, "{word} {b} of {all:?}");
        assert!(b.len() >= 8, "{b}");
    }
}

#[test]
fn eight_characters_do_where_they_tell_the_signatures_apart() {
    let (field, rest) = split(&signed(&signer(), MESSAGE));
    let both = signed(&rsa_signer(), format!("{field}{rest}").as_bytes());
    for (word, b, _) in told(&verify(&both)) {
        assert_eq!((word.as_str(), b.map(|b| b.len())), ("pass", Some(8)));
    }
}

/// Whoever puts a field above or below that begins alike gets no reader to ignore the good result.
#[test]
fn signatures_that_begin_alike_are_told_apart() {
    let (field, rest) = split(&signed(&rsa_signer(), MESSAGE));
    let good = b_of(&field);
    for same in [8, 9, 20, 340] {
        // The digit behind the shared ones becomes another.
        let other = if good[same..].starts_with('A') { 'B' } else { 'A' };
        let forged_b = format!("{}{other}{}", &good[..same], &good[same + 1..]);
        let forged = with_b(&field, &forged_b);
        for message in [format!("{forged}{field}{rest}"), format!("{field}{forged}{rest}")] {
            let told = told(&verify(message.as_bytes()));
            assert_eq!(told.len(), 2);
            assert!(told.iter().all(|(_, b, _)| b.as_ref().unwrap().len() == same + 1), "{told:?}");
            unique(&told, &[&good, &forged_b]);
        }
    }
}

#[test]
fn three_signatures_that_begin_alike_are_told_apart() {
    let (field, rest) = split(&signed(&rsa_signer(), MESSAGE));
    let good = b_of(&field);
    let made = |same: usize, other: char| format!("{}{other}{}", &good[..same], "A".repeat(343 - same));
    let others = ['+', '/'].map(|other| made(8, other));
    let near = made(16, if good[16..].starts_with('+') { '/' } else { '+' });
    let whole: String =
        [&others[0], &near, &others[1]].map(|b| with_b(&field, &format!("{}==", &b[..342]))).concat();
    let told = told(&verify(format!("{whole}{field}{rest}").as_bytes()));
    assert_eq!(told.iter().filter(|(word, ..)| word == "pass").count(), 1);
    unique(&told, &[&others[0][..342], &near[..342], &others[1][..342], &good]);
    assert!(told.iter().all(|(_, b, _)| b.is_some()), "{told:?}");
}

/// The whole value copied, the forger's own field list beside it: the copy has no `header.b`, and says why.
#[test]
fn a_copied_signature_has_no_header_b() {
    let (field, rest) = split(&signed(&rsa_signer(), MESSAGE));
    let forged = field.replacen("h=From:", "h=X-Forged:From:", 1);
    assert_ne!(field, forged);
    let folded = with_b(&forged, &format!(" {}\r\n\t {}", &b_of(&field)[..5], &b_of(&field)[5..]));
    for copy in [forged, folded] {
        for message in [
            format!("{copy}{field}{rest}"),
            format!("{field}{copy}{rest}"),
            format!("{copy}{copy}{field}{rest}"),
        ] {
            for (word, b, comment) in told(&verify(message.as_bytes())) {
                match word.as_str() {
                    "pass" => assert_eq!(
                        (b.as_deref(), comment.as_str()),
                        (Some(&b_of(&field)[..8]), "2048-bit key")
                    ),
                    _ => {
                        assert_eq!((word.as_str(), b), ("fail", None));
                        assert_eq!(comment, "2048-bit key; b= is that of another signature");
                    }
                }
            }
        }
    }
}

/// A copy of the first octets reads as the beginning of the good value.
#[test]
fn a_shortened_copy_has_no_header_b() {
    let (field, rest) = split(&signed(&rsa_signer(), MESSAGE));
    let octets = BASE64_STANDARD.decode(b_of(&field)).unwrap();
    for length in [3, 6, 99, 255] {
        let copy = with_b(&field, &BASE64_STANDARD.encode(&octets[..length]));
        for message in [format!("{copy}{field}{rest}"), format!("{field}{copy}{rest}")] {
            let told = told(&verify(message.as_bytes()));
            let good = told.iter().find(|(word, ..)| word == "pass").unwrap();
            assert_eq!(good.1.as_deref(), Some(&b_of(&field)[..8]));
            let bad = told.iter().find(|(word, ..)| word == "fail").unwrap();
            assert!(bad.1.is_none() && bad.2.contains("b= is that of another signature"), "{bad:?}");
        }
    }
}

/// The same field twice: two results about one signature, which are equal.
#[test]
fn a_signature_that_stands_twice_is_told_twice() {
    let (field, rest) = split(&signed(&signer().with_oversigned([""; 0]), MESSAGE));
    let told = told(&verify(format!("{field}{field}{rest}").as_bytes()));
    let whole = b_of(&field);
    assert!(
        told.iter().all(|(word, b, _)| word == "pass" && b.as_deref() == Some(whole.as_str())),
        "{told:?}"
    );
}

#[test]
fn a_short_signature_is_told_whole() {
    let (field, rest) = split(&signed(&signer(), MESSAGE));
    let told = told(&verify(format!("{}{field}{rest}", with_b(&field, "+/8=")).as_bytes()));
    assert_eq!(told[0].1.as_deref(), Some("+/8="));
}

/// Signatures made up to begin alike do not fill the field.
#[test]
fn made_up_signatures_do_not_decide_how_long_the_field_gets() {
    let (field, rest) = split(&signed(&signer(), MESSAGE));
    let long = "A".repeat(8000);
    let made: String = ["AAAA", "BAAA"].map(|end| with_b(&field, &format!("{long}{end}"))).concat();
    let told = told(&verify(format!("{made}{field}{rest}").as_bytes()));
    assert!(told[..2].iter().all(|(word, b, comment)| word == "fail"
        && b.is_none()
        && comment.ends_with("b= begins as that of another signature")));
    assert_eq!((told[2].0.as_str(), told[2].1.as_ref().map(String::len)), ("pass", Some(8)));
}
