//! The same message in chunks, and the same answers in another order, give the same verdicts.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};
use waxseal_authres::DkimResult;
use waxseal_crypto::default_provider;
use waxseal_dkim::{
    Canonicalization, Cause, DkimCheck, Policy, Verdicts, Verifier, parts::BodyHasher, sign_all,
};
use waxseal_dns::{
    Answers, Check, Question, Reply, Resolve, Zone, drive, drive_blocking, drive_with_blocking,
};
use waxseal_header::{Header, HeaderLimits, Split, Splitter};

/// Signed by four signers, every pair of canonicalizations.
fn well_signed(message: &[u8]) -> Vec<u8> {
    use Canonicalization::{Relaxed, Simple};
    let signers = [
        signer().with_canonicalization(Relaxed, Relaxed),
        signer().with_canonicalization(Simple, Simple).with_body_length(true),
        rsa_signer().with_canonicalization(Relaxed, Simple),
        rsa_signer().with_canonicalization(Simple, Relaxed),
    ];
    [sign_all(&signers, message, at(NOW)).unwrap().as_bytes(), message].concat()
}

fn messages() -> Vec<Vec<u8>> {
    let signed = well_signed(MESSAGE);
    let text = String::from_utf8(signed.clone()).unwrap();
    vec![
        text.replace("game", "match").into_bytes(),
        text.replace("Is dinner", "Was dinner").into_bytes(),
        text.trim_end().as_bytes().to_vec(),
        [&signed[..], b" \t\r\n\r\n \r"].concat(),
        text.replace("\r\n\r\nHi.", "\n\nHi.").into_bytes(),
        text.replace("Hi.\r\n", "Hi.\n\r\r\n").into_bytes(),
        well_signed(b"From: joe@example.org\r\n"),
        well_signed(b"From: joe@example.org\r\n\r\n\r\n\r\n"),
        well_signed(b"From: joe@example.org\r\n\r\n \t \r\n\r\na\t b \r\n  \r\nc  \r\n\r\n \r\n"),
        text.split("\r\n\r\n").next().unwrap().as_bytes().to_vec(),
        signed,
    ]
}

fn check_in_chunks<'m>(verifier: &Verifier, chunks: impl IntoIterator<Item = &'m [u8]>) -> DkimCheck {
    let mut splitter = Some(Splitter::new(HeaderLimits::default()));
    let mut verification = None;
    for chunk in chunks {
        match (&mut splitter, &mut verification) {
            (Some(open), _) => {
                if let Split::Body(header, body) = open.push(chunk).unwrap() {
                    let mut begun = verifier.begin(header, at(NOW));
                    begun.body(body);
                    (splitter, verification) = (None, Some(begun));
                }
            }
            (None, Some(begun)) => begun.body(chunk),
            (None, None) => panic!("the header is either open or done"),
        }
    }
    if let Some(open) = splitter {
        verification = Some(verifier.begin(open.finish().unwrap(), at(NOW)));
    }
    verification.unwrap().finish()
}

/// All that a verdict says.
fn report(verdicts: &Verdicts) -> Vec<String> {
    verdicts.iter().map(|verdict| format!("{} {}", verdict.entry(), verdict.reason())).collect()
}

#[test]
fn every_split_gives_the_same() {
    let verifier = Verifier::new(Default::default()).unwrap();
    let zone = zone();
    let mut passes = 0;
    let messages = messages();
    for (number, message) in messages.iter().enumerate() {
        let whole = verifier.verify_blocking(message, at(NOW), &zone);
        passes += whole.iter().filter(|verdict| verdict.is_pass()).count();
        let expected = report(&whole);
        assert_eq!(expected.len(), 4);
        let bytes = drive_blocking(check_in_chunks(&verifier, message.chunks(1)), &zone);
        assert_eq!(report(&bytes), expected, "byte by byte: {}", message.escape_ascii());
        // Every cut of the good message, some of the others.
        let step = if number + 1 == messages.len() { 1 } else { 7 };
        for at in (0..=message.len()).step_by(step) {
            let (front, back) = message.split_at(at);
            let check = check_in_chunks(&verifier, [front, back]);
            assert_eq!(
                report(&drive_blocking(check, &zone)),
                expected,
                "cut at {at}: {}",
                message.escape_ascii()
            );
        }
    }
    assert!(passes >= 4 * 5, "{passes}");
}

/// The keys are known when the header is, and all of them are asked for at once, each a single time.
#[test]
fn keys_are_asked_for_once_and_together() {
    let message = well_signed(MESSAGE);
    let end = message.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    let mut splitter = Splitter::new(HeaderLimits::default());
    let Split::Body(header, _) = splitter.push(&message[..end]).unwrap() else {
        panic!("the header is whole")
    };
    let mut verification = Verifier::new(Default::default()).unwrap().begin(header, at(NOW));
    let questions: Vec<_> = verification.questions().map(|q| q.to_string()).collect();
    assert_eq!(questions, ["ed._domainkey.example.org TXT", "rsa._domainkey.example.org TXT"]);
    let dns = Counting::new(zone());
    let mut answers = Answers::new();
    drive_with_blocking(verification.questions().collect::<Vec<_>>(), &mut answers, &dns, None);
    verification.body(&message[end..]);
    let verdicts = drive_with_blocking(verification.finish(), &mut answers, &dns, None);
    assert!(verdicts.as_slice().len() == 4 && verdicts.iter().all(|verdict| verdict.is_pass()));
    assert_eq!((dns.count(), answers.rounds()), (2, 1));
    let mut answers = Answers::new();
    let check = Verifier::new(Default::default()).unwrap().check(&message, at(NOW));
    let verdicts = drive_with_blocking(check, &mut answers, &dns, None);
    assert!(verdicts.is_pass());
    assert_eq!((dns.count(), answers.rounds()), (4, 1));
}

/// Ten keys, of which some fail, answered in every rotation of two orders.
#[test]
fn the_order_of_answers_does_not_matter() {
    let mut zone = zone();
    let mut message = MESSAGE.to_vec();
    for number in 0..10 {
        let selector = format!("k{number}");
        let name = format!("{selector}._domainkey.example.org");
        zone = match number % 5 {
            0 => zone.with_error(&name, waxseal_dns::LookupError::Timeout),
            1 => zone.with_txt(&name, "v=DKIM1; p="),
            2 => Ok(zone),
            _ => zone.with_txt(&name, ed_record()),
        }
        .unwrap();
        let tags = format!(
            "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s={selector}; h=from; bh=BH; b=B"
        );
        message = craft(&tags, &message);
    }
    let verifier = Verifier::new(Default::default()).unwrap();
    let expected = report(&verifier.verify_blocking(&message, at(NOW), &zone));
    assert_eq!(expected.iter().filter(|line| line.contains("dkim=pass")).count(), 4);
    for rotation in 0..10 {
        for backwards in [false, true] {
            let mut check = verifier.check(&message, at(NOW));
            let mut answers = Answers::new();
            assert!(check.run(&mut answers).is_err());
            let mut questions = answers.take_wanted();
            assert_eq!(questions.len(), 10);
            questions.rotate_left(rotation);
            if backwards {
                questions.reverse();
            }
            for question in questions {
                assert!(check.run(&mut answers).is_err(), "an answer is missing");
                let reply = zone.lookup(&question);
                answers.answer(question, reply);
            }
            let Ok(verdicts) = check.run(&mut answers) else { panic!("all answers are there") };
            assert_eq!(report(&verdicts), expected);
            let Ok(again) = check.run(&mut answers) else { panic!("all answers are there") };
            assert_eq!(report(&again), expected);
        }
    }
}

/// A resolver that is never ready at once.
struct Slow(Zone);

impl Resolve for Slow {
    async fn resolve(&self, q: &Question) -> Reply {
        let mut woken = false;
        std::future::poll_fn(|cx| {
            cx.waker().wake_by_ref();
            if std::mem::replace(&mut woken, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        self.0.lookup(q)
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

#[test]
fn every_driver_gives_the_same() {
    let verifier = Verifier::new(Default::default()).unwrap();
    for message in messages() {
        let expected = report(&verifier.verify_blocking(&message, at(NOW), &zone()));
        assert_eq!(report(&block_on(verifier.verify(&message, at(NOW), &zone()))), expected);
        assert_eq!(report(&block_on(verifier.verify(&message, at(NOW), &zone().cold()))), expected);
        assert_eq!(report(&block_on(drive(verifier.check(&message, at(NOW)), &Slow(zone())))), expected);
    }
}

/// Nobody answers: a temporary error for every signature that needs a key, and the rest stays.
#[test]
fn giving_up_is_a_temporary_error() {
    let message = [b"DKIM-Signature: v=2\r\n", &well_signed(MESSAGE)[..]].concat();
    let mut answers = Answers::new();
    answers.give_up();
    let Ok(verdicts) = Verifier::new(Default::default()).unwrap().check(&message, at(NOW)).run(&mut answers)
    else {
        panic!("given up")
    };
    let words: Vec<_> = verdicts.iter().map(|verdict| verdict.result().as_str()).collect();
    assert_eq!(words, ["permerror", "temperror", "temperror", "temperror", "temperror"]);
}

/// Two checks of one message share a pass over the body.
#[test]
fn checks_share_a_body_hasher() {
    let message = well_signed(MESSAGE);
    let (header, body) = waxseal_header::Header::parse(&message).unwrap();
    let (lax, strict) = (
        Verifier::new(Default::default()).unwrap(),
        Verifier::new(Policy::default().with_min_rsa_bits(4096)).unwrap(),
    );
    let mut hasher = BodyHasher::new(default_provider().unwrap());
    let first = lax.examine(header.clone(), at(NOW), &mut hasher);
    let second = strict.examine(header, at(NOW), &mut hasher);
    hasher.push(body);
    let hashes = hasher.finish();
    let first = drive_blocking(first.finish(hashes.clone()), &zone());
    let second = drive_blocking(second.finish(hashes), &zone());
    assert!(first.iter().all(|verdict| verdict.is_pass()));
    let passed: Vec<_> = second.iter().map(|verdict| verdict.is_pass()).collect();
    assert_eq!(passed, [true, true, false, false]);
}

/// What a verifier remembers of keys never outlives a change in the DNS.
#[test]
fn remembered_keys_are_not_stale() {
    let verifier = Verifier::new(Default::default()).unwrap();
    let message = signed(&signer(), MESSAGE);
    let verdict =
        |record: &str| only(verifier.clone().verify_blocking(&message, at(NOW), &zone_with(record)));
    for _ in 0..2 {
        assert!(verdict(&ed_record()).is_pass());
        assert!(matches!(verdict("v=DKIM1; k=ed25519; p=").cause(), Some(Cause::Revoked)));
        assert!(matches!(verdict("v=DKIM1").cause(), Some(Cause::KeyRecord(_))));
    }
    assert!(matches!(
        only(verifier.verify_blocking(&message, at(NOW), &Zone::new())).cause(),
        Some(Cause::NoKey)
    ));
}

/// Hashes that lack the one that is needed are a mistake of the program: the sender is not blamed, and the message may pass when it is mended.
#[test]
fn a_body_that_was_not_hashed_is_not_the_senders_fault() {
    let (header, _) = Header::parse(&signed(&signer(), MESSAGE)).unwrap();
    let mut hasher = BodyHasher::new(default_provider().unwrap());
    let examination = Verifier::new(Default::default()).unwrap().examine(header, at(NOW), &mut hasher);
    let other = BodyHasher::new(default_provider().unwrap()).finish();
    let verdict = only(drive_blocking(examination.finish(other), &zone()));
    assert!(matches!(verdict.cause(), Some(Cause::NoBodyHash)), "{verdict}");
    assert_eq!(verdict.result(), DkimResult::TempError);
}
