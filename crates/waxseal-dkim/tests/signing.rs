//! Signing (RFC 6376 §5): every tag, folding, oversigning, several signatures at once, keys held elsewhere.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use std::time::{Duration, UNIX_EPOCH};
use waxseal_crypto::{Algorithm, SignError as CryptoError, SigningInput, SigningKey, rust_crypto};
use waxseal_dkim::{
    Canonicalization, Cause, DEFAULT_FIELDS, OVERSIGNED_FIELDS, OVERSIGNED_IF_PRESENT, Policy, SignError,
    Signature, Signer, Signing, SigningDomains, UnacceptableDomain, Verifier, sign_all,
};
use waxseal_header::{Header, HeaderError};

/// Signs, verifies again, and gives the field.
fn field(signer: &Signer, message: &[u8]) -> String {
    let field = signer.sign(message, at(NOW)).unwrap();
    let signed = [field.as_bytes(), message].concat();
    let verdict = verdict(&signed);
    assert!(verdict.is_pass(), "{field}{verdict}");
    field
}

/// The names of h=, in lower case.
fn signed_names(field: &str) -> Vec<String> {
    tag_of(field, "h").unwrap().to_lowercase().split(':').map(String::from).collect()
}

fn count(names: &[String], name: &str) -> usize {
    names.iter().filter(|other| *other == name).count()
}

/// §3.5, the tags that stand there without being asked for, in the order of OpenDKIM.
#[test]
fn default_tags() {
    let field = field(&signer(), MESSAGE);
    let value = field.strip_prefix("DKIM-Signature: ").unwrap();
    let names: Vec<_> = value.split(';').map(|tag| tag.trim().split('=').next().unwrap()).collect();
    assert_eq!(names, ["v", "a", "c", "d", "s", "t", "bh", "h", "b"]);
    let tag = |name: &str| tag_of(&field, name).unwrap();
    assert_eq!(
        (tag("v").as_str(), tag("a").as_str(), tag("c").as_str()),
        ("1", "ed25519-sha256", "relaxed/relaxed")
    );
    assert_eq!((tag("d").as_str(), tag("s").as_str(), tag("t")), ("example.org", "ed", NOW.to_string()));
}

/// §3.5, every tag.
#[test]
fn all_tags() {
    let signer = signer()
        .with_canonicalization(Canonicalization::Simple, Canonicalization::Relaxed)
        .with_identity("joe;=| x@lists.example.org")
        .with_lifetime(Duration::from_secs(7 * 86400))
        .with_body_length(true)
        .with_copied_fields(true)
        .with_query_method(true);
    let field = field(&signer, MESSAGE);
    for tag in ["v", "a", "b", "bh", "c", "d", "h", "i", "l", "q", "s", "t", "x", "z"] {
        assert!(tag_of(&field, tag).is_some(), "{tag}");
    }
    let signature = Signature::parse(field.split_once(':').unwrap().1.trim_end()).unwrap();
    assert_eq!(signature.identity(), Some(&b"joe;=| x@lists.example.org"[..]));
    assert_eq!(signature.expiration(), Some(NOW + 7 * 86400));
    assert_eq!(signature.body_length(), Some(b"Hi.\r\n\r\nWe lost the game.\r\n\r\nJoe.\r\n".len() as u64));
    let (header, _) = Header::parse(MESSAGE).unwrap();
    let mut copies = signature.copied_fields();
    assert_eq!(copies.len(), 5, "From, To, Subject, Date and Message-ID");
    for field in header.fields().filter(|field| !field.is("Received")) {
        let at = copies.iter().position(|(name, value)| name == field.name() && value == field.value());
        copies.remove(at.unwrap_or_else(|| panic!("{field:?} has no copy")));
    }
    let bare = signer.with_timestamp(false).with_copied_fields(false).with_body_length(false);
    let bare = bare.sign(MESSAGE, at(NOW)).unwrap();
    assert!(["t", "z", "l"].iter().all(|tag| tag_of(&bare, tag).is_none()));
}

/// §3.5: "x= … MUST be greater than the value of the "t=" tag".
#[test]
fn the_shortest_lifetime_is_a_second() {
    let field = field(&signer().with_lifetime(Duration::ZERO), MESSAGE);
    assert_eq!(tag_of(&field, "x"), Some((NOW + 1).to_string()));
}

/// §3.5, any pair, with both kinds of key; and what we hash is what others hash: simple keeps all, relaxed does not.
#[test]
fn every_pair_of_canonicalizations() {
    let forms = [Canonicalization::Simple, Canonicalization::Relaxed];
    for (header, body) in forms.into_iter().flat_map(|header| forms.map(|body| (header, body))) {
        for signer in [signer(), rsa_signer()] {
            let field = field(&signer.with_canonicalization(header, body), MESSAGE);
            assert_eq!(tag_of(&field, "c"), Some(format!("{header}/{body}")));
        }
    }
}

/// RFC 5322 §2.1.1: "Each line of characters … SHOULD be no more than 78 characters, excluding the CRLF." A TAB counts
/// as eight.
#[test]
fn lines_have_78_columns() {
    let columns = |line: &str| line.chars().map(|c| if c == '\t' { 8 } else { 1 }).sum::<usize>();
    let long = "List-Unsubscribe: <https://example.org/u>\r\nX-Some-Long-Name-Of-A-Field: x\r\n".repeat(9);
    let message = [long.as_bytes(), MESSAGE].concat();
    for domain in ["a.example", "example.org", "a-rather-long-label.and-another-one-below-it.example.org"] {
        for signer in [&*ED25519, &*RSA] {
            let signer = Signer::new(domain, "a.selector.of.labels", signer.clone())
                .unwrap()
                .with_identity(&format!("joe@{domain}"))
                .with_fields(DEFAULT_FIELDS.into_iter().chain(["X-Some-Long-Name-Of-A-Field"]))
                .with_lifetime(Duration::from_secs(1))
                .with_copied_fields(true)
                .with_body_length(true)
                .with_query_method(true);
            let field = signer.sign(&message, at(NOW)).unwrap();
            let lines: Vec<_> = field.strip_suffix("\r\n").unwrap().split("\r\n").collect();
            assert!(lines.len() > 8);
            assert!(lines[1..].iter().all(|line| line.starts_with('\t')));
            assert!(lines.iter().all(|line| columns(line) <= 78 && !line.trim().is_empty()), "{field}");
        }
    }
}

/// §5.4 and §8.15: what readers show or act on is signed once more than it stands there, absent or not, so that none can be
/// added; what servers add on the way only when it is there.
#[test]
fn singletons_are_oversigned() {
    let names = signed_names(&field(&signer(), MESSAGE));
    for (name, times) in [
        ("from", 2),
        ("to", 2),
        ("subject", 2),
        ("cc", 1),
        ("reply-to", 1),
        ("date", 2),
        ("message-id", 2),
        ("received", 0),
    ] {
        assert_eq!(count(&names, name), times, "{name} in {names:?}");
    }
    for name in OVERSIGNED_IF_PRESENT {
        let present = MESSAGE.windows(name.len() + 3).any(|w| w == format!("\n{name}: ").as_bytes());
        assert_eq!(count(&names, &name.to_lowercase()), if present { 2 } else { 0 }, "{name}");
    }
    let signed = signed(&signer(), MESSAGE);
    for name in OVERSIGNED_FIELDS.into_iter().chain(["Date", "Message-ID"]) {
        let added = [format!("{name}: x\r\n").as_bytes(), &signed].concat();
        assert!(matches!(cause(&added), Cause::HeaderSignature { .. }), "{name}");
    }
}

/// Every field of the table, alone in a message: signed, and what can be done to it afterwards.
#[test]
fn each_default_field_holds_what_the_table_says() {
    let once = |name: &str| {
        name.starts_with("Resent-") || (name.starts_with("List-") && !OVERSIGNED_IF_PRESENT.contains(&name))
    };
    for name in DEFAULT_FIELDS.into_iter().filter(|name| *name != "From") {
        let message = format!("{name}: x\r\nFrom: joe@example.org\r\nBcc: a\r\n\r\n");
        let signed = String::from_utf8(signed(&signer(), message.as_bytes())).unwrap();
        let passes = |message: &str| verdict(message.as_bytes()).is_pass();
        assert!(passes(&signed), "{name}");
        assert!(!passes(&signed.replace(&format!("{name}: x"), &format!("{name}: y"))), "{name} changed");
        assert!(!passes(&signed.replace(&format!("{name}: x\r\n"), "")), "{name} removed");
        assert_eq!(passes(&format!("{name}: y\r\n{signed}")), once(name), "{name} added");
    }
    let oversigned = OVERSIGNED_FIELDS.into_iter().chain(OVERSIGNED_IF_PRESENT);
    assert!(oversigned.clone().all(|name| DEFAULT_FIELDS.contains(&name)));
    assert_eq!(oversigned.count() + DEFAULT_FIELDS.into_iter().filter(|name| once(name)).count(), 32);
}

/// What servers on the way add to messages that lack it breaks no signature: RFC 6409 §8 (Date, Message-ID, Sender), MIME
/// fields, To of a message that has no recipient, and what mailing lists add.
#[test]
fn what_relays_and_lists_add_breaks_nothing() {
    let added = [
        "Date: Sun, 22 Nov 2026 04:00:00 +0000",
        "Message-ID: <1@example.net>",
        "Sender: list@example.net",
        "To: undisclosed-recipients:;",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "Content-Transfer-Encoding: 7bit",
        "In-Reply-To: <0@example.net>",
        "References: <0@example.net>",
        "List-Id: <list.example.net>",
        "List-Unsubscribe: <mailto:list-leave@example.net>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "List-Archive: <https://list.example.net>",
        "Resent-From: list@example.net",
    ];
    let signed = String::from_utf8(signed(&signer(), b"From: joe@example.org\r\n\r\nHi.\r\n")).unwrap();
    for field in added {
        assert!(verdict(format!("{field}\r\n{signed}").as_bytes()).is_pass(), "{field}");
    }
    assert!(verdict(format!("{}\r\n{signed}", added.join("\r\n")).as_bytes()).is_pass());
    // With somebody in Cc, To is nobody's to add.
    let copied = common::signed(&signer(), b"From: joe@example.org\r\nCc: ann@example.org\r\n\r\n");
    let to = [&b"To: suzie@example.net\r\n"[..], &copied].concat();
    assert!(matches!(cause(&to), Cause::HeaderSignature { .. }));
}

/// Which fields are signed can be chosen; From always is.
#[test]
fn chosen_fields() {
    let repeated = [b"X: 1\r\nX: 2\r\n", MESSAGE].concat();
    let names = signed_names(&field(
        &signer().with_fields(["X", "absent"]).with_oversigned(["y", "From"]),
        &repeated,
    ));
    assert_eq!(names, ["x", "x", "from", "y", "from"]);
    let names = signed_names(&field(&signer().with_fields(["To"]).with_oversigned([""; 0]), &repeated));
    assert_eq!(names, ["from", "to"]);
    let list = signed_names(&field(&signer().with_field_list(["Subject", "x", "From", "nope"]), &repeated));
    assert_eq!(list, ["subject", "x", "from", "nope"]);
    // RFC 8058 §4: "The List-Unsubscribe and List-Unsubscribe-Post headers MUST be covered by the signature and
    // included in the "h=" tag of a valid DKIM-Signature header field."
    let one_click =
        b"List-Unsubscribe: <https://example.org/u>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n";
    let names = signed_names(&field(&signer(), &[&one_click[..], MESSAGE].concat()));
    assert_eq!((count(&names, "list-unsubscribe"), count(&names, "list-unsubscribe-post")), (2, 2));
}

/// What cannot be signed is refused, with the reason.
#[test]
fn refusals() {
    let error = |signer: Signer, message: &[u8]| signer.sign(message, at(NOW)).unwrap_err();
    assert!(matches!(error(signer(), b"To: x\r\n\r\n"), SignError::NoFrom));
    assert!(matches!(error(signer(), b""), SignError::NoFrom));
    let unlisted = error(signer().with_field_list(["To"]), MESSAGE);
    assert!(matches!(unlisted, SignError::FromNotListed), "{unlisted}");
    assert!(unlisted.to_string().contains("the list of the fields to sign lacks From"), "{unlisted}");
    let twice = error(signer(), b"From: a@example.org\r\nTo: x\r\nfrom: b@example.org\r\n\r\n");
    assert!(matches!(twice, SignError::SeveralFrom(2)), "{twice}");
    for wrong in ["", "a b", "a:b", "a;b", "J\u{f6}rg", "a\r\nb"] {
        for signer in [
            signer().with_fields(["To", wrong]),
            signer().with_oversigned([wrong]),
            signer().with_field_list(["From", wrong]),
        ] {
            let found = error(signer, MESSAGE);
            assert!(matches!(&found, SignError::FieldName(name) if name == wrong), "{wrong:?}: {found}");
            assert!(found.to_string().contains(&wrong.escape_debug().to_string()), "{found}");
        }
    }
    for identity in ["joe", "joe@example.com", "joe@evilexample.org", "joe\r\n@example.org", "@", ""] {
        let found = error(signer().with_identity(identity), MESSAGE);
        assert!(matches!(found, SignError::Identity(..)), "{identity:?}: {found}");
    }
    let malformed = error(signer(), b"From: x\r\nno field\r\n\r\n");
    assert!(matches!(malformed, SignError::MalformedField(2)), "{malformed}");
    for (message, offset) in [
        (&b"From: x\nTo: y\r\n\r\n"[..], 7),
        (b"From: x\r\n\r\nbody\rmore", 15),
        (b"From: x\r\n\r\nbody\n", 15),
        (b"From: x\r\n\r\nbody\r", 15),
    ] {
        let found = error(signer(), message);
        assert!(matches!(found, SignError::BareLineEnd(o) if o == offset), "{found}");
        assert!(found.to_string().contains("to_crlf"));
    }
    let long = [&b"From: x\r\nX: "[..], &[b'x'; 300_000], b"\r\n\r\n"].concat();
    assert!(matches!(error(signer(), &long), SignError::Header(HeaderError::TooLong(_))));
    let label = "a".repeat(60);
    let domain = format!("{label}.{label}.{label}.{label}");
    let signer = Signer::new(domain, "2026a", ED25519.clone()).unwrap();
    assert!(matches!(error(signer, MESSAGE), SignError::KeyName(..)));
}

/// RFC 6376 §3.5, §6.1.1: a domain that verifiers refuse signs nothing; the rule is the same.
#[test]
fn domains_that_must_not_sign_are_refused() {
    let of = |domain: &str| Signer::new(domain, "ed", ED25519.clone()).unwrap();
    let error = |signer: &Signer| match signer.sign(MESSAGE, at(NOW)) {
        Err(SignError::Domain(error)) => error,
        other => panic!("{:?}: {other:?}", signer.domain()),
    };
    for domain in ["com", "localhost", "com."] {
        assert!(matches!(error(&of(domain)), UnacceptableDomain::SingleLabel(_)), "{domain}");
        assert!(
            of(domain)
                .with_signing_domains(SigningDomains::default().with_single_label(true))
                .sign(MESSAGE, at(NOW))
                .is_ok(),
            "{domain}"
        );
    }
    for domain in ["-a.example.org", "a-.example.org", "example.org-"] {
        assert!(matches!(error(&of(domain)), UnacceptableDomain::Name("d", _)), "{domain}");
    }
    let refusing = |domain: &str| {
        of(domain)
            .with_signing_domains(SigningDomains::default().with_refused(|domain| domain.as_str() == "co.uk"))
    };
    assert!(matches!(error(&refusing("co.uk")), UnacceptableDomain::Refused(_)));
    assert!(refusing("example.co.uk").sign(MESSAGE, at(NOW)).is_ok());
    for identity in ["joe@lists.example.org.", "joe@-a.example.org"] {
        let found = signer().with_identity(identity).sign(MESSAGE, at(NOW)).unwrap_err();
        assert!(matches!(found, SignError::Identity(..)), "{identity}: {found}");
    }
    // The final dot is no part of the name.
    assert_eq!(tag_of(&field(&of("example.org."), MESSAGE), "d").as_deref(), Some("example.org"));
}

/// After an error, a stream of chunks goes on failing with the same error.
#[test]
fn a_failed_stream_stays_failed() {
    let signer = signer();
    let mut signing = Signing::new([&signer], at(NOW));
    assert!(matches!(signing.push(b"To: x\r\n\r\n"), Err(SignError::NoFrom)));
    assert!(matches!(signing.push(b"From: x\r\n\r\n"), Err(SignError::NoFrom)));
    assert!(matches!(signing.finish(), Err(SignError::NoFrom)));
    let mut signing = Signing::new([&signer], at(NOW));
    signing.push(b"From: x\r\n\r\nbody\r").unwrap();
    assert!(matches!(signing.push(b"x"), Err(SignError::BareLineEnd(15))));
    assert!(matches!(signing.finish(), Err(SignError::BareLineEnd(15))));
}

/// Several signers and crypto providers share one pass; their fields come in the order of the signers, and are those that
/// each makes alone.
#[test]
fn several_signers_in_one_pass() {
    let other = Signer::new("example.net", "ed", ED25519.clone()).unwrap();
    let simple = signer().with_canonicalization(Canonicalization::Simple, Canonicalization::Simple);
    let slow = Signer::with_provider("example.org", "ed", ED25519.clone(), rust_crypto::PROVIDER).unwrap();
    let slow = slow.with_body_length(true);
    let signers = [rsa_signer(), signer(), other, simple, slow];
    let fields = sign_all(&signers, MESSAGE, at(NOW)).unwrap();
    let alone: String = signers.iter().map(|signer| signer.sign(MESSAGE, at(NOW)).unwrap()).collect();
    assert_eq!(fields, alone);
    let zone = zone().with_txt("ed._domainkey.example.net", ed_record()).unwrap();
    let verdicts = verify_with(Policy::default(), &[fields.as_bytes(), MESSAGE].concat(), &zone);
    assert_eq!(verdicts.as_slice().len(), 5);
    assert!(verdicts.iter().all(|verdict| verdict.is_pass()), "{verdicts:?}");
    assert_eq!(sign_all([], MESSAGE, at(NOW)).unwrap(), "");
}

/// Chunks of any size give the field of the whole message.
#[test]
fn streams_give_the_same_field() {
    let signers =
        [rsa_signer(), signer().with_canonicalization(Canonicalization::Simple, Canonicalization::Simple)];
    let whole = sign_all(&signers, MESSAGE, at(NOW)).unwrap();
    for size in [1, 2, 3, 7, 64, 1000] {
        let mut signing = Signing::new(&signers, at(NOW));
        MESSAGE.chunks(size).for_each(|chunk| signing.push(chunk).unwrap());
        let fields: String =
            signing.finish().unwrap().into_iter().map(|unsigned| unsigned.sign().unwrap()).collect();
        assert_eq!(fields, whole, "{size}");
    }
    let (header, body) = Header::parse(MESSAGE).unwrap();
    let mut signing = Signing::with_header(&signers, header, at(NOW)).unwrap();
    signing.push(body).unwrap();
    let fields: String =
        signing.finish().unwrap().into_iter().map(|unsigned| unsigned.sign().unwrap()).collect();
    assert_eq!(fields, whole);
}

/// A key held elsewhere: what is to be signed goes out, the signature comes in, and the field is the same.
#[test]
fn remote_signing() {
    for (algorithm, selector, key) in
        [(Algorithm::RsaSha256, "rsa", &*RSA), (Algorithm::Ed25519Sha256, "ed", &*ED25519)]
    {
        let remote = Signer::remote("example.org", selector, algorithm).unwrap();
        assert!(matches!(remote.sign(MESSAGE, at(NOW)), Err(SignError::NoKey)));
        let mut signing = Signing::new([&remote], at(NOW));
        signing.push(MESSAGE).unwrap();
        let unsigned = signing.finish().unwrap().remove(0);
        assert_eq!(unsigned.algorithm(), algorithm);
        let elsewhere =
            key.sign(&SigningInput::new(unsigned.input().bytes(), rust_crypto::PROVIDER)).unwrap();
        let field = unsigned.attach(&elsewhere);
        let local = Signer::new("example.org", selector, key.clone()).unwrap();
        assert_eq!(field, local.sign(MESSAGE, at(NOW)).unwrap());
        assert!(verdict(&[field.as_bytes(), MESSAGE].concat()).is_pass());
    }
}

/// A token that fails: the reason reaches the caller.
#[test]
fn keys_may_fail() {
    struct Token;
    impl SigningKey for Token {
        fn algorithm(&self) -> Algorithm {
            Algorithm::RsaSha256
        }
        fn sign(&self, _: &SigningInput<'_>) -> Result<Vec<u8>, CryptoError> {
            Err(CryptoError::other("token is locked"))
        }
    }
    let signer = Signer::new("example.org", "t", Token).unwrap();
    let error = signer.sign(MESSAGE, at(NOW)).unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string);
    assert_eq!(source.as_deref(), Some("token is locked"), "{error}");
    assert!(matches!(sign_all([&rsa_signer(), &signer], MESSAGE, at(NOW)), Err(SignError::Key(_))));
}

/// The same message, key and clock give the same octets, for RSA too; another clock gives others.
#[test]
fn signatures_are_reproducible() {
    for signer in [signer(), rsa_signer()] {
        let first = signer.sign(MESSAGE, at(NOW)).unwrap();
        assert_eq!(signer.sign(MESSAGE, at(NOW)).unwrap(), first);
        assert_eq!(signer.sign(MESSAGE, at(NOW) + Duration::from_millis(999)).unwrap(), first);
        assert_ne!(signer.sign(MESSAGE, at(NOW + 1)).unwrap(), first);
    }
    let field = signer().sign(MESSAGE, UNIX_EPOCH - Duration::from_secs(5)).unwrap();
    assert_eq!(tag_of(&field, "t").as_deref(), Some("0"));
}

/// Every field that was signed counts: in the header the topmost signature covers, and in signatures below it.
#[test]
fn signatures_stack() {
    let first = signed(&signer(), MESSAGE);
    let both = signed(&rsa_signer().with_fields(["DKIM-Signature", "Subject"]), &first);
    assert!(verify(&both).iter().all(|verdict| verdict.is_pass()));
    let text = String::from_utf8(both).unwrap();
    let at = text.rfind("t=1795000000").unwrap();
    let changed = format!("{}t=1795000001{}", &text[..at], &text[at + 12..]);
    assert!(
        !Verifier::new(Default::default())
            .unwrap()
            .verify_blocking(changed.as_bytes(), common::at(NOW), &zone())
            .is_pass()
    );
}

#[test]
fn the_message_to_send_is_field_and_message() {
    let sent = signer().sign_message(MESSAGE, at(NOW)).unwrap();
    assert_eq!(sent, [signer().sign(MESSAGE, at(NOW)).unwrap().as_bytes(), MESSAGE].concat());
    let mut written = Vec::new();
    signer().sign_to(MESSAGE, at(NOW), &mut written).unwrap();
    assert_eq!(written, sent);
    written.clear();
    let error = signer().sign_to(b"Subject: x\r\n\r\n", at(NOW), &mut written).unwrap_err();
    let inner = error.get_ref().and_then(|error| error.downcast_ref::<SignError>());
    assert!(matches!(inner, Some(SignError::NoFrom)), "{error:?}");
    assert!(written.is_empty());
}

#[test]
fn what_is_no_name_is_refused_when_a_signer_is_made() {
    let error = Signer::new("a..example", "s", ED25519.clone()).unwrap_err();
    assert!(matches!(error, SignError::DomainName(..)), "{error}");
    let error = Signer::new("a.example", "s.", ED25519.clone()).unwrap_err();
    assert!(matches!(error, SignError::Selector(..)), "{error}");
}

/// RFC 6376 §3.2: "Unrecognized tags MUST be ignored."
#[test]
fn further_tags_are_signed() {
    let signer = signer().with_tag("r", "y").unwrap().with_tag("x_y", "1").unwrap();
    let message = signer.sign_message(MESSAGE, at(NOW)).unwrap();
    assert!(String::from_utf8_lossy(&message).contains(" r=y; x_y=1;"));
    assert!(Verifier::new(Default::default()).unwrap().verify_blocking(&message, at(NOW), &zone()).is_pass());
    for (name, value) in [
        ("d", "x"),
        ("r", "n"),
        ("", "x"),
        ("1", "x"),
        ("y", ""),
        ("y", "a;b"),
        ("y", "a b"),
        ("y", "a\r\nb"),
    ] {
        let refused = signer.clone().with_tag(name, value);
        assert!(matches!(refused, Err(SignError::Tag(found)) if found == name), "{name}={value}");
    }
}
