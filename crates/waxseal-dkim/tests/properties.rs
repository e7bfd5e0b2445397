//! What holds for all messages, not just for those that someone thought of.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use proptest::{collection::vec, prelude::*, sample::Index};
use waxseal_crypto::{HashAlgorithm, default_provider};
use waxseal_dkim::{
    BodyLengthPolicy, Canonicalization, KeyRecord, Policy, Signature, Signer, Signing, Verifier,
    parts::{BodyForm, BodyHasher},
};
use waxseal_dns::{Answer, Answers, Check, LookupError, Record, Zone, drive_blocking};
use waxseal_header::{Header, HeaderLimits, Split, Splitter, line_ends::to_crlf};

fn form() -> impl Strategy<Value = Canonicalization> {
    prop_oneof![Just(Canonicalization::Simple), Just(Canonicalization::Relaxed)]
}

/// Text that is rich in what canonicalization looks at.
fn odd_text() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: [&[u8]; 11] =
        [b" ", b"\t", b"\r\n", b"\r\n\r\n", b"\r", b"\n", b"x", b"word", b"\0", "é".as_bytes(), b"."];
    let piece = proptest::sample::select(&PIECES[..]);
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// The fields of a message: some repeated, some folded, some odd, and a From.
fn header() -> impl Strategy<Value = String> {
    const NAMES: [&str; 8] =
        ["Subject", "To", "X", "x", "Received", "Date", "MIME-Version ", "Content-Type\t"];
    let name = proptest::sample::select(&NAMES[..]);
    let field = (name, "[ \t]{0,2}([!-9;-~é]{0,9}([ \t]{1,3}|\r\n[ \t]{1,2}x)){0,4}");
    (vec(field, 0..8), any::<Index>()).prop_map(|(fields, at)| {
        let mut lines: Vec<_> =
            fields.into_iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
        lines.insert(at.index(lines.len() + 1), "From: Joe <joe@example.org>\r\n".into());
        lines.concat()
    })
}

/// A message that can be signed.
fn message() -> impl Strategy<Value = Vec<u8>> {
    (header(), proptest::option::of(odd_text())).prop_map(|(header, body)| match body {
        Some(body) => [header.as_bytes(), b"\r\n", &to_crlf(&body)].concat(),
        None => header.into_bytes(),
    })
}

fn any_signer() -> impl Strategy<Value = Signer> {
    (form(), form(), any::<[bool; 4]>()).prop_map(|(header, body, [length, copies, oversign, rsa])| {
        let signer = if rsa { rsa_signer() } else { signer() };
        let signer =
            signer.with_canonicalization(header, body).with_body_length(length).with_copied_fields(copies);
        let signer = signer.with_fields(["Subject", "X", "Received", "MIME-Version", "Content-Type"]);
        if oversign { signer.with_oversigned(["From", "Cc", "X"]) } else { signer.with_oversigned([""; 0]) }
    })
}

/// Sizes of chunks, used over and over.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    vec(1usize..20, 1..6)
}

fn chunks<'t>(text: &'t [u8], sizes: &[usize]) -> Vec<&'t [u8]> {
    let (mut rest, mut out) = (text, Vec::new());
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (chunk, after) = rest.split_at((*size).min(rest.len()));
        out.push(chunk);
        rest = after;
    }
    out
}

/// RFC 6376 §3.4.3 and §3.4.4 word by word, on the whole body.
fn slow_body(form: Canonicalization, body: &[u8]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    let mut rest = body;
    loop {
        let end = rest.windows(2).position(|pair| pair == b"\r\n");
        lines.push(rest[..end.unwrap_or(rest.len())].to_vec());
        match end {
            Some(end) => rest = &rest[end + 2..],
            None => break,
        }
    }
    if form == Canonicalization::Relaxed {
        for line in &mut lines {
            let mut out: Vec<u8> = Vec::new();
            for c in line.iter().map(|c| if *c == b'\t' { b' ' } else { *c }) {
                if c != b' ' || out.last() != Some(&b' ') {
                    out.push(c);
                }
            }
            if out.last() == Some(&b' ') {
                out.pop();
            }
            *line = out;
        }
    }
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    if lines.is_empty() && form == Canonicalization::Simple {
        return b"\r\n".to_vec();
    }
    lines.iter().flat_map(|line| [line, &b"\r\n"[..]].concat()).collect()
}

proptest! {
    /// The body hash is that of the slow reading of the RFC, for every chunking and length.
    #[test]
    fn body_hashes_for_every_chunking(
        body in odd_text(),
        form in form(),
        sizes in cuts(),
        length in proptest::option::of(0u64..70),
    ) {
        let mut hasher = BodyHasher::new(default_provider().unwrap());
        let wanted = BodyForm { canonicalization: form, hash: HashAlgorithm::Sha256, length };
        hasher.want(wanted);
        chunks(&body, &sizes).into_iter().for_each(|chunk| hasher.push(chunk));
        let hashes = hasher.finish();
        let expected = slow_body(form, &body);
        let cut = length.map_or(expected.len(), |length| expected.len().min(length as usize));
        let mut slow = default_provider().unwrap().hasher(HashAlgorithm::Sha256);
        slow.update(&expected[..cut]);
        prop_assert_eq!(hashes.get(&wanted).unwrap().length(), expected.len() as u64);
        prop_assert_eq!(*hashes.get(&wanted).unwrap().digest(), slow.finish(), "{}", body.escape_ascii());
    }

    /// Canonical forms are fixed points.
    #[test]
    fn canonicalization_twice_is_once(header in header(), form in form()) {
        let canonical = |header: &[u8]| {
            let (header, _) = Header::parse(header).unwrap();
            let mut out = Vec::new();
            header.fields().for_each(|field| form.header_field(field, &mut out));
            out
        };
        let once = canonical(header.as_bytes());
        prop_assert_eq!(canonical(&once), once);
    }

    /// Signing in chunks gives the field of the whole message; what was signed verifies, in chunks too.
    #[test]
    fn signed_messages_verify(message in message(), signer in any_signer(), sizes in cuts()) {
        let field = signer.sign(&message, at(NOW)).unwrap();
        let mut signing = Signing::new([&signer], at(NOW));
        for chunk in chunks(&message, &sizes) {
            signing.push(chunk).unwrap();
        }
        prop_assert_eq!(&signing.finish().unwrap().remove(0).sign().unwrap(), &field);
        let signed = [field.as_bytes(), &message].concat();
        let verdict = only(verify(&signed));
        prop_assert!(verdict.is_pass(), "{}\n{}", verdict, signed.escape_ascii());
        let mut splitter = Splitter::new(HeaderLimits::default());
        let mut verification = None;
        for chunk in chunks(&signed, &sizes) {
            match &mut verification {
                None => if let Split::Body(header, body) = splitter.push(chunk).unwrap() {
                    verification.insert(Verifier::new(Default::default()).unwrap().begin(header, at(NOW))).body(body);
                },
                Some(begun) => begun.body(chunk),
            }
        }
        let check = match verification {
            Some(begun) => begun.finish(),
            None => Verifier::new(Default::default()).unwrap().begin(splitter.finish().unwrap(), at(NOW)).finish(),
        };
        prop_assert!(drive_blocking(check, &zone()).is_pass());
    }

    /// Any other octet in place of one that was signed breaks the signature, in the header, the body, and the signature
    /// field; a change that canonicalization takes away does not.
    #[test]
    fn every_flipped_octet_is_found(message in message(), signer in any_signer(), at in any::<Index>(), flip in 1u8..) {
        let signed = signed(&signer, &message);
        let at = at.index(signed.len());
        let mut changed = signed.clone();
        changed[at] ^= flip;
        let lax = Policy::default().with_body_length(BodyLengthPolicy::Accept);
        let passes = verify_with(lax.clone(), &changed, &zone()).is_pass();
        prop_assert_eq!(passes, same_meaning(&signed, &changed), "at {}: {}", at, changed.escape_ascii());
    }

    /// Reading what was written gives the parts that it was made of.
    #[test]
    fn parse_undoes_format(
        message in message(),
        signer in any_signer(),
        identity in proptest::option::of("[ -~é]{0,20}"),
        lifetime in proptest::option::of(0u64..1_000_000),
    ) {
        let mut signer = signer.with_query_method(lifetime.is_some());
        if let Some(local) = &identity {
            signer = signer.with_identity(&format!("{local}@sub.example.org"));
        }
        if let Some(lifetime) = lifetime {
            signer = signer.with_lifetime(std::time::Duration::from_secs(lifetime));
        }
        let field = signer.sign(&message, at(NOW)).unwrap();
        let signature = Signature::parse(field.split_once(':').unwrap().1.trim_end()).unwrap();
        let identity = identity.map(|local| format!("{local}@sub.example.org").into_bytes());
        prop_assert_eq!(signature.identity(), identity.as_deref());
        prop_assert_eq!((signature.domain(), signature.selector()), (signer.domain(), signer.selector()));
        prop_assert_eq!((signature.algorithm(), signature.timestamp()), (signer.algorithm(), Some(NOW)));
        prop_assert_eq!(signature.expiration(), lifetime.map(|lifetime| NOW + lifetime.max(1)));
        let (header, _) = Header::parse(&message).unwrap();
        for (name, value) in signature.copied_fields() {
            prop_assert!(header.fields().any(|field| field.is(&name) && field.value() == value));
        }
        prop_assert!(field.trim_end().split("\r\n").all(|line| line.len() <= 78), "{}", field);
    }

    /// Answers in any order, wanted or not, one by one: the same verdicts.
    #[test]
    fn the_order_of_answers_does_not_matter(
        replies in vec(0u8..5, 6),
        order in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle(),
        strangers in any::<bool>(),
    ) {
        let mut message = MESSAGE.to_vec();
        let mut dns = Zone::new();
        for (number, reply) in replies.iter().enumerate() {
            let tags = format!("v=1; a=ed25519-sha256; d=example.org; s=k{number}; h=from; bh=BH; b=B");
            message = craft(&tags, &message);
            let name = format!("k{number}._domainkey.example.org");
            dns = match reply {
                0 => dns.with_txt(&name, ed_record()),
                1 => dns.with_txt(&name, "v=DKIM1; p="),
                2 => dns.with_error(&name, LookupError::Timeout),
                3 => dns.with_txt(&name, ed_record()).and_then(|dns| dns.with_txt(&name, "second")),
                _ => Ok(dns),
            }.unwrap();
        }
        let verifier = Verifier::new(Default::default()).unwrap();
        let told = |verdicts: &waxseal_dkim::Verdicts| verdicts.iter().map(told).collect::<Vec<_>>();
        let expected = told(&verifier.verify_blocking(&message, at(NOW), &dns));
        let mut check = verifier.check(&message, at(NOW));
        let mut answers = Answers::new();
        if strangers {
            let other = waxseal_dns::Question::txt("other.example.org".parse().unwrap());
            answers.answer(other, Ok(Answer::new([Record::Txt(ed_record().into())])));
        }
        prop_assert!(check.run(&mut answers).is_err());
        let questions = answers.take_wanted();
        for at in order {
            let question = questions[at].clone();
            let reply = dns.lookup(&question);
            answers.answer(question, reply);
        }
        let Ok(verdicts) = check.run(&mut answers) else { panic!("all answers are there") };
        prop_assert_eq!(told(&verdicts), expected);
    }

    /// Octets of any kind are a verdict, in a message and in a key record.
    #[test]
    fn any_octets_are_a_verdict(
        front in vec(any::<u8>(), 0..200),
        value in vec(any::<u8>(), 0..200),
        record in vec(any::<u8>(), 0..100),
    ) {
        let message = [&b"DKIM-Signature:"[..], &value, b"\r\n", &front].concat();
        for message in [&front, &value, &message] {
            let verdicts = verify_with(Policy::default(), message, &zone_with(&record));
            prop_assert!(!verdicts.is_pass());
            prop_assert!(verdicts.entries().iter().all(|entry| entry.to_string().bytes().all(|c| matches!(c, b' '..=b'~'))));
        }
        prop_assert!(KeyRecord::parse(&record).is_err());
        let _ = signer().sign(&message, at(NOW)).is_err();
    }

    /// A good signature with a few octets changed anywhere, and a good key record likewise: no panic, and a verdict.
    #[test]
    fn damaged_messages_and_records_are_verdicts(
        signer in any_signer(),
        changes in vec((any::<Index>(), proptest::option::of(any::<u8>())), 1..6),
    ) {
        let mut message = signed(&signer, MESSAGE);
        let mut record = ed_record().into_bytes();
        for (at, octet) in &changes {
            for text in [&mut message, &mut record] {
                match octet {
                    Some(octet) => { let at = at.index(text.len()); text[at] = *octet; }
                    None => { text.remove(at.index(text.len())); }
                }
            }
        }
        let zone = zone_with(&record);
        let verdicts = verify_with(Policy::default(), &message, &zone);
        for verdict in &verdicts {
            prop_assert_eq!(verdict.is_pass(), verdict.cause().is_none());
            let word = format!("dkim={}", verdict.result());
            prop_assert!(verdict.entry().to_string().starts_with(&word));
        }
    }
}

/// Whether a changed message has, by the slow reading, the same signed octets as the one that was signed.
fn same_meaning(signed: &[u8], changed: &[u8]) -> bool {
    meaning(signed).is_some_and(|expected| meaning(changed) == Some(expected))
}

/// What the topmost signature covers, read slowly; the signature itself in octets. `None` when it is no signature.
fn meaning(message: &[u8]) -> Option<(Vec<u8>, Vec<u8>, Vec<u8>)> {
    let (header, body) = Header::parse(message).unwrap();
    let number = header.fields().position(|field| field.is("DKIM-Signature"))?;
    let own = header.field(number)?;
    let signature = Signature::parse(own.value()).ok()?;
    let mut left: Vec<_> =
        header.fields().enumerate().filter(|(n, f)| *n != number && !f.is_malformed()).collect();
    let form = signature.header_canonicalization();
    let mut input = Vec::new();
    for name in signature.signed_fields() {
        if let Some(at) = left.iter().rposition(|(_, field)| field.is(name)) {
            form.header_field(left.remove(at).1, &mut input);
        }
    }
    waxseal_dkim::parts::signature_field(form, own, signature.signature_range(), &mut input);
    let mut body = slow_body(signature.body_canonicalization(), body);
    if let Some(length) = signature.body_length() {
        if length > body.len() as u64 {
            return None;
        }
        body.truncate(length as usize);
    }
    Some((input, body, signature.signature().to_vec()))
}
