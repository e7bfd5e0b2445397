//! What goes out: nobody gets a signature in another's name, and what is passed on carries an intact chain.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use std::sync::Arc;
use waxseal::{
    Authenticator, ForwardError, NotSigned, NotSignedKind, OutboundSigner, Report,
    arc::{self, ArcResult, ChainVerifier},
    authres::DkimResult,
    dkim::{Finding, SignError, Signer, Verifier},
    dns::Zone,
    header::Header,
};

/// The domains that signed the message, in the order of the fields.
fn signed_by(fields: &str) -> Vec<String> {
    let (header, _) = Header::parse(fields.as_bytes()).unwrap();
    let signatures = header.fields().filter(|field| field.is("DKIM-Signature"));
    let domain = |value: &[u8]| {
        let text = String::from_utf8(value.to_vec()).unwrap();
        text.split(';').find_map(|tag| tag.trim().strip_prefix("d=")).unwrap().to_owned()
    };
    signatures.map(|field| domain(field.value())).collect()
}

fn outbound() -> OutboundSigner {
    OutboundSigner::new()
        .with_domain_and_below(name("example.org"), [signer("example.org")])
        .with_domain(name("own.example.org"), [signer("own.example.org")])
        .with_domain(name("example.net"), [signer("example.net"), signer("example.org")])
}

#[track_caller]
fn assert_signed(from: &str, domains: &[&str]) {
    let message = format!("From: {from}\r\nSubject: x\r\n\r\nHi.\r\n");
    let fields = outbound().sign(message.as_bytes(), now());
    if let Err(why) = &fields {
        assert_eq!(why.kind(), NotSignedKind::NoEntry, "{from}: {why}");
        assert!(why.to_string().starts_with("no signers for "), "{why}");
    }
    assert_eq!(signed_by(&fields.unwrap_or_default()), domains, "{from}");
}

#[test]
fn the_author_decides_with_which_keys_a_message_is_signed() {
    assert_signed("joe@example.org", &["example.org"]);
    assert_signed("joe@EXAMPLE.org", &["example.org"]);
    assert_signed("joe@a.b.example.org", &["example.org"]);
    // An entry of its own counts before one above, and says nothing of domains below.
    assert_signed("joe@own.example.org", &["own.example.org"]);
    assert_signed("joe@a.own.example.org", &["example.org"]);
    assert_signed("joe@example.net", &["example.net", "example.org"]);
    assert_signed("joe@a.example.net", &[]);
    assert_signed("joe@notexample.org", &[]);
    assert_signed("joe@org", &[]);
    assert_signed("\"joe@example.org\" <ann@example.com>", &[]);
    // Several authors of one entry, and several that are not ours.
    assert_signed("a@example.org, b@example.org, c@x.example.org", &["example.org"]);
    assert_signed("a@example.com, b@example.edu", &[]);
}

#[test]
fn nobody_has_mail_signed_in_the_name_of_another() {
    for (from, first, other) in [
        ("u@own.example.org, ceo@example.net", "own.example.org", "example.net"),
        ("u@example.org, ceo@own.example.org", "example.org", "own.example.org"),
        ("u@example.com, ceo@example.org", "example.com", "example.org"),
        ("u@example.org, ceo@example.com", "example.org", "example.com"),
    ] {
        let message = format!("From: {from}\r\n\r\nHi.\r\n");
        let why = outbound().sign(message.as_bytes(), now()).unwrap_err();
        let text = format!(
            "authors in {first} and {other}, which have different signers: give the message one author"
        );
        assert_eq!((why.kind(), why.to_string()), (NotSignedKind::Author, text), "{from}");
    }
    let odd = outbound().sign(b"From: u@example.org, a@-x_.%.example\r\n\r\n", now()).unwrap_err();
    assert_eq!(odd.kind(), NotSignedKind::Author, "{odd}");
}

#[test]
fn without_a_clear_author_nothing_is_signed() {
    let why = |message: &[u8]| outbound().sign(message, now()).unwrap_err();
    let two = why(b"From: a@example.org\r\nFrom: b@example.com\r\n\r\n");
    assert_eq!((two.kind(), source(&two)), (NotSignedKind::Author, "2 From fields".into()));
    let none = why(b"Subject: x\r\n\r\n");
    assert_eq!((none.kind(), source(&none)), (NotSignedKind::Author, "no From field".into()));
    let bare = |message: &[u8]| match why(message).cause().downcast_ref() {
        Some(SignError::BareLineEnd(offset)) => *offset,
        other => panic!("{other:?}"),
    };
    assert_eq!(bare(b"From: a@example.org\r\n\r\nbare\nline\r\n"), 27);
    // The line between header and body, too.
    assert_eq!(bare(b"From: a@example.org\r\n\nHi.\r\n"), 21);
    assert_eq!(bare(b"From: a@example.org\nX: y\r\n\r\nHi.\r\n"), 19);
}

fn source(why: &NotSigned) -> String {
    std::error::Error::source(why).map(ToString::to_string).unwrap_or_default()
}

#[test]
fn a_message_is_inspected_with_the_signers_of_its_author() {
    let head = "Date: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n\r\nHi.\r\n";
    for (from, ids) in [
        ("From: joe@a.example.org\r\n", &[][..]),
        ("From: joe@example.net\r\nDKIM-Signature: d=example.org; s=s\r\n", &["signed-before"]),
        ("From: joe@example.org\r\nDKIM-Signature: d=example.net; s=s\r\n", &[]),
        ("From: joe@example.com\r\n", &[]),
        ("From: u@own.example.org, ceo@example.net\r\n", &[]),
        ("From: a@example.org\r\nFrom: b@example.org\r\n", &["several-from"]),
        ("", &["no-from"]),
    ] {
        let message = format!("{from}{head}");
        let whole = outbound().inspect(message.as_bytes());
        assert_eq!(whole.iter().map(Finding::id).collect::<Vec<_>>(), ids, "{from}");
        let (header, body) = Header::parse(message.as_bytes()).unwrap();
        let mut inspection = outbound().begin_inspection(&header);
        body.chunks(2).for_each(|chunk| inspection.push(chunk));
        assert_eq!(inspection.finish(), whole, "{from}");
    }
    let bare = outbound().inspect(b"From: joe@example.org\r\nDate: x\r\nMessage-ID: y\r\n\nHi.\r\n");
    assert_eq!((bare.len(), bare[0].id()), (1, "bare-line-end"));
    assert!(bare[0].problem().starts_with("bare CR or LF at offset 47: "), "{bare:?}");
    let long = format!("From: joe@example.org\r\nX: {}\r\n", "x".repeat(300_000));
    assert_eq!(outbound().inspect(long.as_bytes())[0].id(), "header-limit");
}

#[test]
fn signatures_of_the_table_verify() {
    let message = b"From: joe@example.net\r\nSubject: x\r\n\r\nHi.\r\n";
    let signed = outbound().sign_message(message, now()).unwrap();
    let dns = publish(Zone::new(), "example.net", BANK_IP, "v=DMARC1; p=none");
    let dns = publish(dns, "example.org", BANK_IP, "v=DMARC1; p=none");
    let verdicts = Verifier::new(Default::default()).unwrap().verify_blocking(&signed, now(), &dns);
    assert_eq!(verdicts.iter().map(|v| v.result()).collect::<Vec<_>>(), [DkimResult::Pass; 2]);
}

#[test]
fn a_table_is_asked_for_authors_that_have_no_entry() {
    let [news, other]: [Arc<[Signer]>; 2] =
        ["news.example", "other.example"].map(|domain| [signer(domain)].into());
    let outbound = outbound().with_table(move |author| match (author.local_part(), author.domain()) {
        (_, "example.org") => panic!("it has an entry"),
        (b"a" | b"b", "news.example") => Ok(news.clone()),
        (b"c", _) => Ok(other.clone()),
        (b"key", _) => Err(NotSigned::new(NotSignedKind::Temporary, "the key cannot be read")),
        _ => Err(NotSigned::new(NotSignedKind::NoEntry, format!("no match for '{author}'"))),
    });
    let sign = |from: &str| outbound.sign(format!("From: {from}\r\n\r\nHi.\r\n").as_bytes(), now());
    assert_eq!(signed_by(&sign("a@news.example, b@news.example").unwrap()), ["news.example"]);
    assert_eq!(signed_by(&sign("c@news.example").unwrap()), ["other.example"]);
    assert_eq!(signed_by(&sign("u@example.org").unwrap()), ["example.org"]);
    for (from, kind, text) in [
        ("d@news.example", NotSignedKind::NoEntry, "no match for 'd@news.example'"),
        ("key@news.example", NotSignedKind::Temporary, "the key cannot be read"),
    ] {
        let why = sign(from).unwrap_err();
        assert_eq!((why.kind(), why.to_string().as_str()), (kind, text));
    }
    for from in
        ["a@news.example, c@news.example", "a@news.example, d@news.example", "key@x.example, d@x.example"]
    {
        assert_eq!(sign(from).unwrap_err().kind(), NotSignedKind::Author, "{from}");
    }
}

#[test]
fn a_body_with_bare_line_ends_is_signed_only_when_every_signer_takes_it() {
    let message = b"From: joe@example.net\r\n\r\na\nb\rc\r\n";
    let lax = |domain| signer(domain).with_bare_line_ends(true);
    let table = |signers| OutboundSigner::new().with_domain(name("example.net"), signers);
    let signed = table([lax("example.net"), lax("example.org")]).sign_message(message, now()).unwrap();
    let dns = publish(Zone::new(), "example.net", BANK_IP, "v=DMARC1; p=none");
    let dns = publish(dns, "example.org", BANK_IP, "v=DMARC1; p=none");
    let verdicts = Verifier::new(Default::default()).unwrap().verify_blocking(&signed, now(), &dns);
    assert_eq!(verdicts.iter().map(|v| v.result()).collect::<Vec<_>>(), [DkimResult::Pass; 2]);
    let why = table([lax("example.net"), signer("example.org")]).sign(message, now()).unwrap_err();
    assert!(matches!(why.cause().downcast_ref(), Some(SignError::BareLineEnd(26))), "{why}");
    // A header is another matter: readers disagree where its fields begin.
    let header = b"From: joe@example.net\r\nX: a\nB: c\r\n\r\nHi.\r\n";
    let why = table([lax("example.net"), lax("example.org")]).sign(header, now()).unwrap_err();
    assert!(matches!(why.cause().downcast_ref(), Some(SignError::BareLineEnd(27))), "{why}");
}

const LIST: &str = "lists.example";

fn lab() -> Zone {
    publish(dns(), LIST, EVIL_IP, "v=DMARC1; p=none")
}

fn forwarder() -> OutboundSigner {
    let arc = arc::Sealer::new(name(LIST), "s", key(LIST)).unwrap();
    OutboundSigner::new().with_forwarder(arc, [signer(LIST)])
}

fn report(message: &[u8]) -> Report {
    let authenticator = Authenticator::new(LIST).unwrap().with_arc(arc::Policy::default());
    check_by(&authenticator, &evil(), message, &lab())
}

fn letter() -> Vec<u8> {
    signed("bank.example", b"From: clerk@bank.example\r\nSubject: x\r\n\r\nHi.\r\n")
}

/// Passes the message on, changed by a footer, so often.
fn forwarded(times: usize) -> Vec<u8> {
    (0..times).fold(letter(), |message, _| {
        let report = report(&message);
        let changed = [&message, &b"-- \r\nThe list\r\n"[..]].concat();
        let fields = forwarder().forward(&name(LIST), &changed, &report, now()).unwrap();
        [fields.as_bytes(), &changed].concat()
    })
}

#[test]
fn what_is_passed_on_is_signed_and_then_sealed() {
    for times in 1..=3 {
        let message = forwarded(times);
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &lab());
        assert_eq!((chain.result(), chain.sets().len()), (ArcResult::Pass, times), "{chain}");
        // Every body was changed on the way, so only the newest message signature holds.
        assert_eq!(chain.oldest_pass(), Some(if times == 1 { 0 } else { times as u32 }));
        let verdicts = Verifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &lab());
        let first = verdicts.as_slice().first().unwrap();
        assert!(first.is_pass() && first.domain() == Some(&name(LIST)), "{first}");
        let newest = chain.sets().last().unwrap();
        let covered: Vec<_> = newest.message_signature().unwrap().signed_fields().collect();
        assert!(covered.iter().any(|field| field.eq_ignore_ascii_case(b"dkim-signature")));
        let results = newest.authentication_results().unwrap();
        let arc = results.entries().iter().find(|entry| entry.method() == "arc").unwrap();
        assert_eq!(arc.property("smtp", "remote-ip"), Some(EVIL_IP));
    }
}

#[test]
fn in_chunks_the_same_fields_come_out() {
    let message = letter();
    let report = report(&message);
    let whole = forwarder().forward(&name(LIST), &message, &report, now()).unwrap();
    let (header, body) = Header::parse(&message).unwrap();
    for size in [1, 2, 3, 1000] {
        let mut forwarding =
            forwarder().begin_forwarding(&name(LIST), header.clone(), &report, now()).unwrap();
        body.chunks(size).for_each(|chunk| forwarding.body(chunk));
        assert_eq!(forwarding.finish().unwrap(), whole);
    }
    let mut forwarding = forwarder().begin_forwarding(&name(LIST), header, &report, now()).unwrap();
    forwarding.body(b"a\nb\r\n");
    let refused = forwarding.finish();
    assert!(matches!(refused, Err(ForwardError::Sign(SignError::BareLineEnd(1)))), "{refused:?}");
    let (header, _) = Header::parse(b"From: a@b.example\nSubject: x\r\n\r\n").unwrap();
    let refused = forwarder().begin_forwarding(&name(LIST), header, &report, now()).map(drop);
    assert!(matches!(refused, Err(ForwardError::Sign(SignError::BareLineEnd(17)))), "{refused:?}");
}

#[test]
fn a_chain_that_has_ended_gets_no_further_set_but_the_signature() {
    let broken = String::from_utf8(forwarded(1)).unwrap().replace("ARC-Seal: i=1;", "ARC-Seal: i=1; x=y;");
    let report_of_broken = report(broken.as_bytes());
    assert_eq!(report_of_broken.arc().unwrap().result(), ArcResult::Fail);
    let fields = forwarder().forward(&name(LIST), broken.as_bytes(), &report_of_broken, now()).unwrap();
    assert!(fields.starts_with("ARC-Seal: i=2;") && fields.contains("cv=fail;"), "{fields}");

    let ended = [fields.as_bytes(), broken.as_bytes()].concat();
    let report_of_ended = report(&ended);
    let fields = forwarder().forward(&name(LIST), &ended, &report_of_ended, now()).unwrap();
    assert!(fields.starts_with("DKIM-Signature: ") && !fields.contains("ARC-"), "{fields}");
}

#[test]
fn a_chain_that_is_full_gets_no_further_set_but_the_signature() {
    let full = forwarded(arc::Policy::MAX_SETS);
    let fields = forwarder().forward(&name(LIST), &full, &report(&full), now()).unwrap();
    assert!(fields.starts_with("DKIM-Signature: ") && !fields.contains("ARC-"), "{fields}");
}

#[test]
fn what_is_missing_is_named() {
    let message = letter();
    let unchecked = check(&evil(), &message, &lab());
    let sealed = |domain, report: &Report| forwarder().forward(&name(domain), &message, report, now());
    assert!(matches!(sealed(LIST, &unchecked), Err(ForwardError::NotVerified)));
    let unknown = sealed("other.example", &report(&message)).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "no keys for the forwarder other.example: give them to OutboundSigner::with_forwarder"
    );
    // The report of another message with another chain.
    let other = forwarder().forward(&name(LIST), &forwarded(1), &report(&message), now());
    assert!(matches!(other, Err(ForwardError::Seal(arc::SealError::OtherChain))), "{other:?}");
    assert!(matches!(unchecked.seal(), Err(ForwardError::NoSealer)));
}

#[test]
fn a_message_that_is_not_changed_is_sealed_in_the_pass_that_checks_it() {
    let sealer = arc::Sealer::new(name(LIST), "s", key(LIST)).unwrap();
    let authenticator =
        Authenticator::new(LIST).unwrap().with_arc(arc::Policy::default()).with_sealer(sealer.clone());
    let mut message = letter();
    for instance in 1..=3 {
        let report = check_by(&authenticator, &evil(), &message, &lab());
        let set = report.seal().unwrap();
        let two_passes =
            sealer.seal(&message, report.arc().unwrap(), &report.authentication_results(), now()).unwrap();
        assert_eq!(set, two_passes);
        message = [set.fields().as_bytes(), &message].concat();
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &lab());
        assert_eq!(
            (chain.result(), chain.sets().len(), chain.oldest_pass()),
            (ArcResult::Pass, instance, Some(0))
        );
    }
    for (message, at) in
        [(&b"From: a@bank.example\r\n\r\nHi\r\nbare\n"[..], 8), (b"From: a@bank.example\r\n\nHi\r\n", 0)]
    {
        let report = check_by(&authenticator, &evil(), message, &lab());
        let refused = report.seal();
        assert!(
            matches!(refused, Err(ForwardError::Sign(SignError::BareLineEnd(offset))) if offset == at),
            "{refused:?}"
        );
    }
}

#[test]
fn a_chain_that_could_not_be_validated_for_now_is_not_ended() {
    let message = forwarded(1);
    let sealer = arc::Sealer::new(name(LIST), "s", key(LIST)).unwrap();
    let authenticator = Authenticator::new(LIST).unwrap().with_sealer(sealer);
    let silent = |_: &waxseal::dns::Question| Err(waxseal::dns::LookupError::Timeout);
    let report = authenticator.check_blocking(&evil(), &message, now(), &silent);
    assert!(matches!(report.seal(), Err(ForwardError::Temporary(_))));
    let forwarded = forwarder().forward(&name(LIST), &message, &report, now());
    assert!(matches!(forwarded, Err(ForwardError::Temporary(_))), "{forwarded:?}");
}
