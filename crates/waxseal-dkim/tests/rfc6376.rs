//! The rules of RFC 6376 for verifiers, one test each.
#![expect(clippy::unwrap_used, clippy::panic, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use std::time::Duration;
use waxseal_authres::DkimResult;
use waxseal_crypto::{KeyMaterial, PrivateKey, SigningInput, SigningKey, rust_crypto};
use waxseal_dkim::{BodyLengthPolicy, Cause, KeyRecord, Policy, Verifier};
use waxseal_dns::{DomainName, Zone};
use waxseal_header::Header;

/// Appendix A.2.
const SIGNED: &str = "DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;\r\n\
     \x20     c=simple/simple; q=dns/txt; i=joe@football.example.com;\r\n\
     \x20     h=Received : From : To : Subject : Date : Message-ID;\r\n\
     \x20     bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n\
     \x20     b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB\r\n\
     \x20       4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut\r\n\
     \x20       KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV\r\n\
     \x20       4bmp/YzhwvcubU4=;\r\n\
     Received: from client1.football.example.com  [192.0.2.1]\r\n\
     \x20     by submitserver.example.com with SUBMISSION;\r\n\
     \x20     Fri, 11 Jul 2003 21:01:54 -0700 (PDT)\r\n\
     From: Joe SixPack <joe@football.example.com>\r\n\
     To: Suzie Q <suzie@shopping.example.net>\r\n\
     Subject: Is dinner ready?\r\n\
     Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n\
     Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n\
     \r\n\
     Hi.\r\n\
     \r\n\
     We lost the game. Are you hungry yet?\r\n\
     \r\n\
     Joe.\r\n";

/// Appendix C.
const RECORD: &str = "v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQ\
     DwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt\
     IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7\
     od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfV\
     jH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYck\
     cQ2QIDAQAB";

/// Appendix C: the private half of the key above, printed in the RFC.
const PRINTED_KEY: &str = "-----BEGIN RSA PRIVATE KEY-----\n\
     MIICXwIBAAKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFC\n\
     jxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gb\n\
     to/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB\n\
     AoGBALmn+XwWk7akvkUlqb+dOxyLB9i5VBVfje89Teolwc9YJT36BGN/l4e0l6QX\n\
     /1//6DWUTB3KI6wFcm7TWJcxbS0tcKZX7FsJvUz1SbQnkS54DJck1EZO/BLa5ckJ\n\
     gAYIaqlA9C0ZwM6i58lLlPadX/rtHb7pWzeNcZHjKrjM461ZAkEA+itss2nRlmyO\n\
     n1/5yDyCluST4dQfO8kAB3toSEVc7DeFeDhnC1mZdjASZNvdHS4gbLIA1hUGEF9m\n\
     3hKsGUMMPwJBAPW5v/U+AWTADFCS22t72NUurgzeAbzb1HWMqO4y4+9Hpjk5wvL/\n\
     eVYizyuce3/fGke7aRYw/ADKygMJdW8H/OcCQQDz5OQb4j2QDpPZc0Nc4QlbvMsj\n\
     7p7otWRO5xRa6SzXqqV3+F0VpqvDmshEBkoCydaYwc2o6WQ5EBmExeV8124XAkEA\n\
     qZzGsIxVP+sEVRWZmW6KNFSdVUpk3qzK0Tz/WjQMe5z0UunY9Ax9/4PVhp/j61bf\n\
     eAYXunajbBSOLlx4D+TunwJBANkPI5S9iylsbLs6NkaMHV6k5ioHBBmgCak95JGX\n\
     GMot/L2x0IYyMLAz6oLWh2hm7zwtb0CgOrPo1ke44hFYnfc=\n\
     -----END RSA PRIVATE KEY-----\n";

fn example_zone() -> Zone {
    Zone::new().with_txt("brisbane._domainkey.example.com", RECORD).unwrap()
}

#[test]
fn appendix_a_verifies() {
    let verdict = only(verify_with(Policy::default(), SIGNED.as_bytes(), &example_zone()));
    assert!(verdict.is_pass(), "{verdict}");
    assert_eq!(verdict.identity().as_deref(), Some("joe@football.example.com"));
    assert_eq!(
        (verdict.key_bits(), verdict.domain().map(DomainName::as_str)),
        (Some(1024), Some("example.com"))
    );
}

/// RSASSA-PKCS1-v1_5 is deterministic: the printed key makes the printed signature.
#[test]
fn appendix_a_signature_is_made_again() {
    let (header, _) = Header::parse(SIGNED.as_bytes()).unwrap();
    let signature = waxseal_dkim::Signature::parse(header.field(0).unwrap().value()).unwrap();
    let range = signature.signature_range();
    let value = header.field(0).unwrap().value();
    let field = [b"DKIM-Signature:", &value[..range.start], &value[range.end..], b"\r\n"].concat();
    // The hole is before the semicolon, so the input is made of the field as it stands without b=.
    let start = SIGNED.find("Received:").unwrap();
    let input = signing_input(&field, &SIGNED.as_bytes()[start..]);
    let key = PrivateKey::from_material(
        KeyMaterial::from_pem(PRINTED_KEY.as_bytes()).unwrap(),
        rust_crypto::PROVIDER,
    )
    .unwrap();
    let made = key.sign(&SigningInput::new(&input, rust_crypto::PROVIDER)).unwrap();
    assert_eq!(made, signature.signature());
    assert_eq!(key.public_key(), KeyRecord::parse(RECORD.as_bytes()).unwrap().public_key().unwrap());
}

/// Tags of a signature that passes; tests change some.
const TAGS: &str =
    "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from:subject; bh=BH; b=B";

fn pass(value: &str) {
    let verdict = verdict(&craft(value, MESSAGE));
    assert!(verdict.is_pass(), "{value}: {verdict}");
}

fn invalid(value: &str) -> String {
    let verdict = verdict(&craft(value, MESSAGE));
    assert_eq!(verdict.result(), DkimResult::PermError, "{value}");
    match verdict.cause() {
        Some(Cause::Signature(error)) => error.to_string(),
        other => panic!("{value}: {other:?}"),
    }
}

/// §3.5: "v= Version … It MUST have the value "1" for implementations compliant with this version of DKIM."
#[test]
fn version_is_1() {
    pass(TAGS);
    for version in ["2", "0.5", "1.0", "01", ""] {
        assert_eq!(
            invalid(&TAGS.replace("v=1", &format!("v={version}"))),
            "signature is of an incompatible version"
        );
    }
}

/// §6.1.1: "If any tag listed as "required" in Section 3.5 is omitted from the DKIM-Signature header field, the Verifier
/// MUST ignore the DKIM-Signature header field and return PERMFAIL (signature missing required tag)."
/// RFC 6376 §6.1.1: "PERMFAIL (signature syntax error)", where RFC 8601 §2.7.1 would have neutral; OpenDKIM says permerror too.
#[test]
fn a_signature_with_syntax_errors_is_permerror_and_not_neutral() {
    let garbled =
        SIGNED.split_once('\n').map(|(_, rest)| format!("DKIM-Signature: garbage ;;; =\r\n{rest}")).unwrap();
    for message in [
        garbled,
        SIGNED.replace("c=simple/simple", "c=bogus/bogus"),
        SIGNED.replace("v=1", "v=2"),
        SIGNED.replace("q=dns/txt;", "b=AAAA;"),
    ] {
        let verdict = only(verify_with(Policy::default(), message.as_bytes(), &example_zone()));
        assert!(matches!(verdict.cause(), Some(Cause::Signature(_))), "{verdict}");
        assert_eq!(verdict.result(), DkimResult::PermError, "{verdict}");
    }
}

#[test]
fn required_tags_are_required() {
    let tags: Vec<_> = TAGS.split("; ").collect();
    for tag in ["v", "a", "d", "s", "h", "bh", "b"] {
        let without: Vec<_> =
            tags.iter().filter(|spec| !spec.starts_with(&format!("{tag}="))).copied().collect();
        assert_eq!(without.len(), tags.len() - 1);
        let value = without.join("; ").replace("=BH", "=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
        let message = [b"DKIM-Signature: ", value.as_bytes(), b"\r\n", MESSAGE].concat();
        let found = cause(&message);
        assert!(found.to_string() == format!("signature lacks the required tag {tag}="), "{tag}: {found}");
        assert_eq!(found.result(), DkimResult::PermError);
    }
}

/// §6.1.1: "If the "h=" tag does not include the From header field, the Verifier MUST ignore the DKIM-Signature header
/// field and return PERMFAIL (From field not signed)."
#[test]
fn from_is_signed() {
    assert_eq!(invalid(&TAGS.replace("from:", "")), "From field is not signed");
    assert_eq!(invalid(&TAGS.replace("from:", "x-from:")), "From field is not signed");
    pass(&TAGS.replace("from:", "FROM:"));
}

/// §3.5: "i= … The domain part of the address MUST be the same as, or a subdomain of, the value of the "d=" tag."
#[test]
fn identity_is_within_the_domain() {
    for identity in
        ["joe@example.org", "@example.org", "@sub.example.org", "a@b@c.EXAMPLE.org", "a=20b@example.org"]
    {
        pass(&TAGS.replace("s=ed", &format!("s=ed; i={identity}")));
    }
    for identity in ["@evilexample.org", "@org", "@example.com", "@example.org.example.com"] {
        let found = invalid(&TAGS.replace("s=ed", &format!("s=ed; i={identity}")));
        assert_eq!(found, "domain of i= is not within d=", "{identity}");
    }
    // "default is an empty local-part followed by an "@" followed by the domain from the "d=" tag"
    assert_eq!(verdict(&craft(TAGS, MESSAGE)).identity().as_deref(), Some("@example.org"));
}

/// §3.5: "The value of the "x=" tag MUST be greater than the value of the "t=" tag if both are present."
#[test]
fn expiration_is_after_timestamp() {
    for x in [NOW - 1, NOW] {
        let found = invalid(&TAGS.replace("s=ed", &format!("s=ed; t={NOW}; x={x}")));
        assert_eq!(found, "x= is not after t=");
    }
    pass(&TAGS.replace("s=ed", &format!("s=ed; t={NOW}; x={}", NOW + 1)));
    // "sig-x-tag = %x78 [FWS] "=" [FWS] 1*12DIGIT"
    pass(&TAGS.replace("s=ed", "s=ed; x=999999999999"));
    assert_eq!(invalid(&TAGS.replace("s=ed", "s=ed; x=1000000000000")), "value of x= is malformed");
}

/// §3.5: "Signatures MAY be considered invalid if the verification time at the Verifier is past the expiration date";
/// "t= … Implementations MAY ignore signatures that have a timestamp in the future." Clocks may differ a little.
#[test]
fn times_are_checked_with_tolerance() {
    let expired = craft(&TAGS.replace("s=ed", &format!("s=ed; x={}", NOW - 300)), MESSAGE);
    assert!(verdict(&expired).is_pass());
    let exact = Policy::default().with_clock_tolerance(Duration::ZERO);
    let verdict = only(verify_with(exact.clone(), &expired, &zone()));
    assert!(matches!(verdict.cause(), Some(Cause::Expired(expiration, NOW)) if *expiration == NOW - 300));
    assert_eq!(verdict.result(), DkimResult::Fail);
    let future = craft(&TAGS.replace("s=ed", &format!("s=ed; t={}", NOW + 301)), MESSAGE);
    assert_eq!(common::verdict(&future).result(), DkimResult::Policy);
    assert!(
        only(Verifier::new(Default::default()).unwrap().verify_blocking(&future, at(NOW + 1), &zone()))
            .is_pass()
    );
    let now = craft(&TAGS.replace("s=ed", &format!("s=ed; t={NOW}; x={}", NOW + 1)), MESSAGE);
    assert!(only(verify_with(exact, &now, &zone())).is_pass());
}

/// §3.5: "c= … (plain-text; OPTIONAL, default is "simple/simple") … If only one algorithm is named, that algorithm is used
/// for the header and "simple" is used for the body."
#[test]
fn canonicalization_defaults_to_simple() {
    for (form, header_may_change, body_may_change) in [
        ("c=relaxed/relaxed; ", true, true),
        ("c=relaxed/simple; ", true, false),
        ("c=relaxed; ", true, false),
        ("c=simple/relaxed; ", false, true),
        ("c=simple/simple; ", false, false),
        ("c=simple; ", false, false),
        ("", false, false),
    ] {
        let message = craft(&TAGS.replace("c=relaxed/relaxed; ", form), MESSAGE);
        assert!(verdict(&message).is_pass(), "{form}");
        let text = String::from_utf8(message).unwrap();
        let header = text.replace("dinner  ready", "dinner ready");
        assert_eq!(verdict(header.as_bytes()).is_pass(), header_may_change, "{form}");
        let body = text.replace("lost the  game. \r\n", "lost the game.\r\n");
        assert_eq!(verdict(body.as_bytes()).is_pass(), body_may_change, "{form}");
    }
    assert_eq!(invalid(&TAGS.replace("c=relaxed/", "c=nowsp/")), "canonicalization algorithm is unknown");
    assert_eq!(invalid(&TAGS.replace("/relaxed", "/nowsp")), "canonicalization algorithm is unknown");
}

/// §3.5: "q= A colon-separated list of query methods … default is "dns/txt"".
#[test]
fn query_methods() {
    pass(&TAGS.replace("s=ed", "s=ed; q=dns/txt"));
    pass(&TAGS.replace("s=ed", "s=ed; q=x/y : dns/txt"));
    assert_eq!(invalid(&TAGS.replace("s=ed", "s=ed; q=dns/null")), "query method is unknown");
}

/// §3.2: "Unrecognized tags MUST be ignored."
#[test]
fn unknown_tags_are_ignored() {
    pass(&TAGS.replace("s=ed", "s=ed; r=y; x_1=what ever"));
    assert!(verdict_with_record(format!("{}; zz=1; g=nobody", ed_record())).is_pass());
}

/// §3.2: "Tags with duplicate names MUST NOT occur within a single tag-list; if a tag name does occur more than once, the
/// entire tag-list is invalid."
#[test]
fn a_duplicate_tag_spoils_the_list() {
    assert!(invalid(&TAGS.replace("s=ed", "s=ed; d=example.org")).ends_with("appears twice"));
    assert!(invalid(&TAGS.replace("s=ed", "zz=1; s=ed; zz=1")).ends_with("appears twice"));
    let verdict = verdict_with_record(format!("{}; k=ed25519", ed_record()));
    assert_eq!(verdict.reason(), "key record: tag list: k= appears twice");
}

/// §3.2: "Tags MUST be interpreted in a case-sensitive manner."
#[test]
fn tag_names_have_case() {
    let message = [b"DKIM-Signature: ", TAGS.replace("v=1", "V=1").as_bytes(), b"\r\n", MESSAGE].concat();
    assert_eq!(cause(&message).to_string(), "signature lacks the required tag v=");
    pass(&TAGS.replace("s=ed", "s=ed; D=example.com"));
}

/// §3.2: "tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]"; §3.5: `h=` "*( [FWS] ":" [FWS] hdr-name )" and
/// base64 with "FWS" anywhere.
#[test]
fn blanks_and_folds_in_tags() {
    pass(
        "  v = 1\r\n ; a =\r\n\ted25519-sha256 ;c= relaxed/relaxed ; d=example.org; s=ed;h= from\r\n : \tsubject ; bh=BH; b=B; \r\n ",
    );
    let message = String::from_utf8(craft(TAGS, MESSAGE)).unwrap();
    // Under relaxed the signature may be folded anew; b= does not count at all.
    let folded = message.replacen("; b=", ";\r\n\t b= ", 1);
    assert!(verdict(folded.as_bytes()).is_pass());
    let at = message.find("; b=").unwrap() + 10;
    let folded = format!("{}\r\n \t{}", &message[..at], &message[at..]);
    assert!(verdict(folded.as_bytes()).is_pass());
    let at = message.find("bh=").unwrap() + 10;
    let inside = format!("{}\r\n {}", &message[..at], &message[at..]);
    // Inside bh= a blank is read over, but it is signed.
    let found = cause(inside.as_bytes());
    assert!(matches!(found, Cause::HeaderSignature { .. }), "{found}");
}

/// §5.4.2: "Signers choosing to sign an existing header field that occurs more than once in the message … MUST sign the
/// physically last instance of that header field in the header block." The verifier takes them from the bottom up.
#[test]
fn repeated_fields_are_taken_from_the_bottom() {
    let message = b"X: 1\r\nFrom: a@example.org\r\nX: 2\r\nX: 3\r\n\r\n";
    let tags = TAGS.replace("from:subject", "x:from:x");
    let signed = String::from_utf8(craft(&tags, message)).unwrap();
    assert!(verdict(signed.as_bytes()).is_pass());
    // The topmost is not signed; the others are, in this order.
    assert!(verdict(signed.replace("X: 1", "X: one").as_bytes()).is_pass());
    assert!(verdict(format!("X: 0\r\n{signed}").as_bytes()).is_pass());
    assert!(!verdict(signed.replace("X: 2", "X: two").as_bytes()).is_pass());
    assert!(!verdict(signed.replace("X: 3", "X: three").as_bytes()).is_pass());
    assert!(!verdict(signed.replace("X: 2\r\nX: 3\r\n", "X: 3\r\nX: 2\r\n").as_bytes()).is_pass());
}

/// §5.4: "Signers MAY claim to have signed header fields that do not exist … This allows Signers to explicitly assert the
/// absence of a header field; if that header field is added later, the signature will fail."
#[test]
fn absent_fields_are_signed_as_absent() {
    let signed =
        String::from_utf8(craft(&TAGS.replace("from:subject", "from:from:reply-to"), MESSAGE)).unwrap();
    assert!(verdict(signed.as_bytes()).is_pass());
    for added in ["From: evil@example.com", "Reply-To: evil@example.com"] {
        let found = cause(format!("{added}\r\n{signed}").as_bytes());
        assert!(matches!(found, Cause::HeaderSignature { .. }), "{added}: {found}");
    }
}

/// §3.5: "h= … The field MUST NOT include the DKIM-Signature header field that is being created or verified but may
/// include others."
#[test]
fn the_own_field_is_not_signed() {
    let tags = TAGS.replace("from:subject", "from:dkim-signature");
    assert!(verdict(&craft(&tags, MESSAGE)).is_pass());
    let older = signed(&rsa_signer(), MESSAGE);
    let both = craft(&tags, &older);
    let verdicts = verify(&both);
    assert!(verdicts.as_slice().len() == 2 && verdicts.iter().all(|v| v.is_pass()), "{verdicts:?}");
    // The older one is signed now.
    let changed = String::from_utf8(both).unwrap().replace("s=rsa;", "s=rsa; zz=1;");
    assert!(!verify(changed.as_bytes()).as_slice()[0].is_pass());
}

/// §3.7: "the value of the "b=" tag (including all surrounding whitespace) deleted (i.e., treated as the empty string)";
/// what stands around it is signed.
#[test]
fn the_signature_is_emptied_in_place() {
    let simple = TAGS.replace("c=relaxed/relaxed; ", "");
    for tags in [
        simple.replace("; b=B", "").replace("v=1;", "v=1; b=B ;"),
        simple.replace("b=B", "b=B;"),
        simple.replace("b=B", "b=B; zz=1"),
    ] {
        // `craft` takes what stands behind b= for the rest of the field, the blank included.
        let signed = String::from_utf8(craft(&tags.replace("b=B ;", "b=B;"), MESSAGE)).unwrap();
        assert!(verdict(signed.as_bytes()).is_pass(), "{tags}: {}", verdict(signed.as_bytes()));
        let moved = signed.replacen(" s=ed", "  s=ed", 1);
        assert!(!verdict(moved.as_bytes()).is_pass());
        let blanks = signed.replacen(" b=", " b= \r\n\t ", 1);
        assert!(verdict(blanks.as_bytes()).is_pass(), "{tags}");
    }
}

/// §3.4.1: "The "simple" header canonicalization algorithm does not change header fields in any way."
#[test]
fn simple_headers_keep_every_octet() {
    let signed =
        String::from_utf8(craft(&TAGS.replace("relaxed/relaxed", "simple/relaxed"), MESSAGE)).unwrap();
    assert!(verdict(signed.as_bytes()).is_pass());
    for (from, to) in [
        ("Subject: ", "subject: "),
        ("Subject: ", "Subject:  "),
        ("Subject: ", "Subject : "),
        ("ready?", "ready? "),
    ] {
        assert!(!verdict(signed.replace(from, to).as_bytes()).is_pass(), "{to:?}");
    }
}

/// §3.4.2: "Convert all header field names … to lowercase", "Unfold all header field continuation lines", "Convert all
/// sequences of one or more WSP characters to a single SP character", "Delete all WSP characters at the end of each
/// unfolded header field value", "Delete any WSP characters remaining before and after the colon".
#[test]
fn relaxed_headers_may_change_in_blanks_and_case() {
    let signed = String::from_utf8(craft(TAGS, MESSAGE)).unwrap();
    for to in [
        "SUBJECT:Is dinner ready?",
        "Subject : Is dinner ready?",
        "Subject \t :Is\tdinner \t ready? \t",
        "subject:\r\n Is\r\n\tdinner\r\n  ready?",
        "Subject: Is dinner ready?\r\n ",
    ] {
        let message = signed.replace("Subject: Is dinner  ready?", to);
        assert_ne!(message, signed);
        assert!(verdict(message.as_bytes()).is_pass(), "{to:?}");
    }
    for to in ["Subject: Isdinner ready?", "Subject: is dinner ready?", "Subject: Is dinner ready ?"] {
        assert!(!verdict(signed.replace("Subject: Is dinner  ready?", to).as_bytes()).is_pass(), "{to:?}");
    }
}

/// §3.4.2, of a message that came with the blank before the colon: both canonicalizations find the field.
#[test]
fn blank_before_the_colon() {
    let message = String::from_utf8(MESSAGE.to_vec()).unwrap().replace("Subject:", "Subject :");
    let signed = signed(&signer(), message.as_bytes());
    assert!(verdict(&signed).is_pass());
    let undone = String::from_utf8(signed).unwrap().replace("Subject :", "Subject:");
    assert!(verdict(undone.as_bytes()).is_pass());
    let simple = craft(&TAGS.replace("relaxed/relaxed", "simple/simple"), message.as_bytes());
    assert!(verdict(&simple).is_pass());
    let own_name = craft_named("DKIM-Signature :", TAGS, MESSAGE);
    assert!(verdict(&own_name).is_pass());
}

/// §3.4.3: "If there is no body or no trailing CRLF on the message body, a CRLF is added"; §3.4.4: "If the body is
/// non-empty but does not end with a CRLF, a CRLF is added. (For email, this is only possible when using extensions to
/// SMTP or non-SMTP transport mechanisms.)"
#[test]
fn empty_bodies_and_missing_line_ends() {
    const SIMPLE: &str = "frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=";
    const RELAXED: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let header = "From: a@example.org\r\n";
    for (form, hash) in [("simple", SIMPLE), ("relaxed", RELAXED)] {
        let tags = TAGS.replace("/relaxed", &format!("/{form}"));
        for body in ["", "\r\n", "\r\n\r\n", "\r\n\r\n\r\n\r\n"] {
            let signed = String::from_utf8(craft(&tags, format!("{header}{body}").as_bytes())).unwrap();
            assert!(signed.contains(hash), "{form} {body:?}");
            assert!(verdict(signed.as_bytes()).is_pass(), "{form} {body:?}");
        }
        let signed = String::from_utf8(craft(&tags, format!("{header}\r\nHi.").as_bytes())).unwrap();
        for body in ["Hi.\r\n", "Hi.\r\n\r\n\r\n"] {
            assert!(verdict(signed.replace("Hi.", body).as_bytes()).is_pass(), "{form} {body:?}");
        }
    }
}

/// §3.4.3: "ignores all empty lines at the end of the message body. An empty line is a line of zero length after removal
/// of the line terminator"; §3.4.4 removes blanks at line ends first.
#[test]
fn lines_of_blanks_at_the_end() {
    for (form, ignored) in [("simple", false), ("relaxed", true)] {
        let tags = TAGS.replace("/relaxed", &format!("/{form}"));
        let signed = craft(&tags, MESSAGE);
        assert!(verdict(&[&signed[..], b"\r\n\r\n"].concat()).is_pass());
        for added in [&b" \t\r\n"[..], b"\r\n \r\n\t\r\n", b" "] {
            assert_eq!(verdict(&[&signed[..], added].concat()).is_pass(), ignored, "{form} {added:?}");
        }
        assert!(!verdict(&[&signed[..], b"\r\n."].concat()).is_pass());
        // Empty lines elsewhere are text.
        let text = String::from_utf8(signed).unwrap();
        assert!(!verdict(text.replace("Hi.\r\n\r\n", "Hi.\r\n").as_bytes()).is_pass());
    }
}

/// §3.5: "l= … This value MUST NOT be larger than the actual number of octets in the canonicalized message body."; §8.2:
/// "Signers should be extremely wary of using this tag, and Assessors might wish to ignore signatures that use the tag."
#[test]
fn body_lengths() {
    let octets = b"Hi.\r\n\r\nWe lost the game.\r\n\r\nJoe.\r\n".len();
    let with_length = |length: usize| craft(&TAGS.replace("s=ed", &format!("s=ed; l={length}")), MESSAGE);
    let verdict = |policy: BodyLengthPolicy, message: &[u8]| {
        only(verify_with(Policy::default().with_body_length(policy), message, &zone()))
    };
    use BodyLengthPolicy::{Accept, Refuse, RefuseAdditions};
    for policy in [Accept, RefuseAdditions] {
        assert!(verdict(policy, &with_length(octets)).is_pass());
        assert!(verdict(policy, &[&with_length(octets)[..], b" \r\n"].concat()).is_pass());
        let long = verdict(policy, &with_length(octets + 1));
        assert!(matches!(long.cause(), Some(Cause::BodyTooShort { signed, bytes: o }) if *signed == *o + 1));
        assert_eq!(long.result(), DkimResult::PermError);
    }
    assert!(matches!(verdict(Refuse, &with_length(octets)).cause(), Some(Cause::BodyLength)));
    for length in [0, 1, octets - 1] {
        assert!(verdict(Accept, &with_length(length)).is_pass(), "{length}");
        let refused = verdict(RefuseAdditions, &with_length(length));
        assert!(
            matches!(refused.cause(), Some(Cause::BodyAdditions { signed, .. }) if *signed == length as u64)
        );
        assert_eq!(refused.result(), DkimResult::Policy);
    }
    let huge = craft(&TAGS.replace("s=ed", &format!("s=ed; l={}", "9".repeat(76))), MESSAGE);
    assert!(matches!(cause(&huge), Cause::BodyTooShort { signed: u64::MAX, .. }));
    let longer = TAGS.replace("s=ed", &format!("s=ed; l={}", "9".repeat(77)));
    assert_eq!(invalid(&longer), "value of l= is malformed");
}

/// §3.5: "z= … Copied header field values are for diagnostic use.": one that differs harms nothing, and says what changed.
#[test]
fn copies_are_for_diagnosis() {
    pass(&TAGS.replace("s=ed", "s=ed; z=From:someone=20else|Subject:other"));
    let signed = signed(&signer().with_copied_fields(true), MESSAGE);
    assert!(verdict(&signed).is_pass());
    let changed = String::from_utf8(signed).unwrap().replace("Is dinner", "Was dinner");
    let verdict = verdict(changed.as_bytes());
    assert!(
        matches!(verdict.cause(), Some(Cause::HeaderSignature { changed_fields, .. }) if changed_fields == &["Subject"])
    );
    assert!(verdict.reason().contains("changed since signing: Subject"), "{}", verdict.reason());
}

/// A stranger decides how many copies there are: each field is named once, and fields that stand there more often are found.
#[test]
fn a_field_that_was_copied_often_is_named_once() {
    let copies = "|A:x".repeat(20_000);
    let tags = TAGS.replace("s=ed", &format!("s=ed; z=Subject:gone|b:=20one=20two{copies}"));
    let fields = "a: y\r\n".repeat(400) + "B:\tone\r\n two\r\n";
    let changed = [fields.as_bytes(), MESSAGE].concat();
    let message = craft(&tags, &changed);
    let broken = String::from_utf8(message).unwrap().replace("Is dinner", "Was dinner");
    let verdict = verdict(broken.as_bytes());
    assert!(
        matches!(verdict.cause(), Some(Cause::HeaderSignature { changed_fields, .. }) if changed_fields == &["Subject", "A"]),
        "{:?}",
        verdict.cause()
    );
}

/// A changed body and a changed header are told apart, each with what was expected and computed.
#[test]
fn body_and_header_mismatches_differ() {
    let signed = String::from_utf8(signed(&signer(), MESSAGE)).unwrap();
    let body = cause(signed.replace("Hi.", "Ho.").as_bytes());
    assert!(
        matches!(&body, Cause::BodyHash { expected, computed, header_intact: true } if expected != computed && computed.len() == 32)
    );
    let header = cause(signed.replace("joe@", "jim@").as_bytes());
    assert!(matches!(&header, Cause::HeaderSignature { header_hash, .. } if header_hash.len() == 32));
    let both = cause(signed.replace("joe@", "jim@").replace("Hi.", "Ho.").as_bytes());
    assert!(matches!(both, Cause::BodyHash { header_intact: false, .. }));
    assert!([body, header, both].iter().all(|cause| cause.result() == DkimResult::Fail));
}

/// §4.2: "When evaluating a message with multiple signatures, a Verifier SHOULD evaluate signatures independently and on
/// their own merits.": each has its verdict, from top to bottom.
#[test]
fn every_signature_has_its_verdict_in_order() {
    let mut message = signed(&signer(), MESSAGE);
    message = [b"DKIM-Signature: v=1; nonsense\r\n", &message[..]].concat();
    message = signed(&rsa_signer(), &message);
    message = [b"dkim-signature: v=1; a=rsa-sha1; d=old.example; s=x; h=from; bh=AAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AA==\r\n", &message[..]].concat();
    message = craft(&TAGS.replace("s=ed", "s=none"), &message);
    let words: Vec<_> = verify(&message).iter().map(|verdict| verdict.result().as_str()).collect();
    assert_eq!(words, ["permerror", "policy", "pass", "permerror", "pass"]);
    let entries: Vec<_> = verify(&message).entries().iter().map(ToString::to_string).collect();
    assert_eq!(entries.len(), 5);
    assert!(entries[1].contains("header.d=old.example") && entries[2].contains("header.s=rsa"));
    assert_eq!(verify(MESSAGE).result(), DkimResult::None);
    assert_eq!(verify(MESSAGE).entries()[0].to_string(), "dkim=none reason=\"no signature\"");
}

/// So that a report and a log name the signer whose signature could not be read.
#[test]
fn a_malformed_signature_is_named_by_what_could_be_read() {
    let verdict = verdict(&craft(&TAGS.replace("v=1", "v=2"), MESSAGE));
    assert_eq!(verdict.reason(), "signature is of an incompatible version");
    assert_eq!(verdict.domain().map(ToString::to_string).as_deref(), Some("example.org"));
    assert_eq!(verdict.selector().map(ToString::to_string).as_deref(), Some("ed"));
    assert_eq!(verdict.algorithm().map(|algorithm| algorithm.as_str()), Some("ed25519-sha256"));
    assert!(verdict.entry().to_string().contains("header.d=example.org"), "{}", verdict.entry());
}
