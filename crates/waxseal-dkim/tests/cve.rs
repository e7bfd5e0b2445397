//! Holes that others had, by their ids.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::*;
use std::{collections::HashMap, time::Duration};
use waxseal_authres::{AuthenticationResults, DkimResult};
use waxseal_crypto::PublicKey;
use waxseal_dkim::{BodyLengthPolicy, Cause, KeyRecord, Policy, SignError, Signing, Verdict, Verifier};
use waxseal_dns::Zone;
use waxseal_header::{HeaderLimits, line_ends::find_bare};

/// Tags that pass for [`craft`].
const TAGS: &str =
    "v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=ed; h=from:subject; bh=BH; b=B";

fn text(message: Vec<u8>) -> String {
    String::from_utf8(message).unwrap()
}

/// OpenDKIM #271: a message with thousands of signatures had each of them looked up and computed.
#[test]
fn opendkim_271_unlimited_signatures() {
    let signatures: String = (0..5000)
        .map(|n| {
            format!(
                "DKIM-Signature: v=1; a=rsa-sha256; d=d{n}.example; s=s; h=from; \
                 bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
            )
        })
        .collect();
    let message = [signatures.as_bytes(), MESSAGE].concat();
    let limits = HeaderLimits::default().with_max_bytes(1 << 20).with_max_fields(6000);
    for policy in [Policy::default(), Policy::default().with_header_limits(limits)] {
        let dns = Counting::default();
        let verdicts = Verifier::new(policy).unwrap().verify_blocking(&message, at(NOW), &dns);
        assert!(!verdicts.is_pass() && !verdicts.is_empty());
        assert!(dns.count() <= 10, "{}", dns.count());
    }
}

/// OpenDKIM #334: an unknown algorithm left its mark on the signature behind it.
#[test]
fn opendkim_334_unknown_algorithm_leaves_no_state() {
    let good = signed(&signer(), MESSAGE);
    let unknown = "DKIM-Signature: v=1; a=rsa-sha512; c=simple/simple; d=example.org; s=ed; l=1; h=from; bh=AAAA; b=AAAA\r\n";
    let alone = verdict(&good).entry();
    let above = verify(&[unknown.as_bytes(), &good].concat());
    assert_eq!(
        (above.as_slice()[0].result(), above.as_slice()[1].entry()),
        (DkimResult::PermError, alone.clone())
    );
    let at = good.windows(9).position(|w| w == b"Received:").unwrap();
    let below = verify(&[&good[..at], unknown.as_bytes(), &good[at..]].concat());
    assert_eq!((below.as_slice()[1].result(), below.as_slice()[0].entry()), (DkimResult::PermError, alone));
}

/// CVE-2020-12272 (OpenDMARC #111): `d=legit.example(.attacker.example` was looked up at the attacker's name and reported as
/// legit.example.
#[test]
fn cve_2020_12272_injection_in_names() {
    let key = ed_record();
    for odd in ["(", ")", "'", "\"", "\\", "/", ",", "<", "[", "%", "=", ":", "\u{0}", "\u{7f}"] {
        for name in [
            format!("legit.example{odd}.attacker.example"),
            format!("{odd}legit.example"),
            format!("legit{odd}"),
        ] {
            let Ok(zone) = Zone::new().with_txt(&format!("ed._domainkey.{name}"), &key) else { continue };
            let verdict = only(verify_with(
                Policy::default(),
                &craft(&TAGS.replace("example.org", &name), MESSAGE),
                &zone,
            ));
            assert_eq!(verdict.result(), DkimResult::PermError, "{name:?}: {verdict}");
            let field = AuthenticationResults::new("mx").with_entry(verdict.entry()).to_field();
            assert!(!field.contains("header.d=") && !field.contains("legit"), "{field}");
        }
    }
}

/// OpenDMARC PR #70: a failure for one domain and a pass for another became a pass for the first. Each verdict has its own
/// domain, in either order.
#[test]
fn opendmarc_pr_70_verdicts_keep_their_domain() {
    let zone = zone()
        .with_txt("ed._domainkey.evil.example", ed_record())
        .and_then(|zone| zone.with_txt("ed._domainkey.victim.example", "v=DKIM1; k=ed25519; p="))
        .unwrap();
    let tags = |domain: &str| TAGS.replace("example.org", domain);
    for order in [["victim.example", "evil.example"], ["evil.example", "victim.example"]] {
        let message = craft(&tags(order[0]), &craft(&tags(order[1]), MESSAGE));
        let verdicts = verify_with(Policy::default(), &message, &zone);
        for (verdict, domain) in verdicts.iter().zip(order) {
            assert_eq!(verdict.domain().unwrap().as_str(), domain);
            assert_eq!(verdict.is_pass(), domain == "evil.example", "{verdict}");
            let entry = verdict.entry().to_string();
            assert!(entry.contains(&format!("header.d={domain}")), "{entry}");
            assert_eq!(entry.starts_with("dkim=pass"), domain == "evil.example");
        }
    }
}

/// CVE-2020-28025 (Exim): `bh=` shorter than the hash was compared as if it had all octets.
#[test]
fn cve_2020_28025_short_body_hash() {
    let good = text(craft(TAGS, MESSAGE));
    let start = good.find("bh=").unwrap() + 3;
    let end = good[start..].find(';').unwrap() + start;
    let octets = BASE64_STANDARD.decode(&good[start..end]).unwrap();
    let longer = [&octets[..], &[0]].concat();
    for other in [&octets[..0], &octets[..3], &octets[..31], &longer] {
        let changed = format!("{}{}{}", &good[..start], BASE64_STANDARD.encode(other), &good[end..]);
        let found = cause(changed.as_bytes());
        assert!(matches!(&found, Cause::Signature(error) if error.to_string().contains("bh=")), "{found}");
    }
}

/// CVE-2012-5671 (Exim): a long key record overran a buffer.
#[test]
fn cve_2012_5671_long_key_record() {
    // 300 strings of 255 octets.
    let strings: Vec<String> = (0..300).map(|_| format!("\"{}\"", "A".repeat(255))).collect();
    let json = format!(
        r#"{{"ed._domainkey.example.org": {{"TXT": [["v=DKIM1; k=ed25519; p=", {}]]}}}}"#,
        strings.join(", ")
    );
    let zone = Zone::from_json(&json).unwrap();
    let verdict = only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone));
    assert!(matches!(verdict.cause(), Some(Cause::KeyRecord(_))), "{verdict}");
    assert!(verdict.reason().contains(" public key ") || verdict.reason().contains("RSA"), "{verdict}");
    // The same in front of a good key is read over.
    let long = ed_record().replace("p=", &format!("n={}; p=", "A".repeat(76_500)));
    assert!(verdict_with_record(long).is_pass());
}

/// CVE-2023-42118, CVE-2023-42119, CVE-2026-40684: answers of an attacker's name server. What a resolver can hand on of
/// them is any octets as TXT, any number of records, and errors.
#[test]
fn cve_2026_40684_malicious_answers() {
    let good = signed(&signer(), MESSAGE);
    for record in [
        &b"\0"[..],
        b"\xff\xfe",
        b"v=DKIM1\0; p=",
        b"v=DKIM1; p=\xc3",
        b";;;;",
        b"=",
        b"p",
        b"p=\r\n.\r\n",
        b"\\000",
    ] {
        let verdict = only(verify_with(Policy::default(), &good, &zone_with(record)));
        assert_eq!(verdict.result(), DkimResult::PermError, "{}: {verdict}", record.escape_ascii());
        assert!(verdict.entry().to_string().bytes().all(|c| matches!(c, b' '..=b'~')));
    }
    let mut zone = Zone::new();
    for _ in 0..1000 {
        zone = zone.with_txt("ed._domainkey.example.org", ed_record()).unwrap();
    }
    let verdict = only(verify_with(Policy::default(), &good, &zone));
    assert!(matches!(verdict.cause(), Some(Cause::SeveralKeys(1000))));
}

/// CVE-2026-40686 (Exim): a header that ends inside a character of several octets was read beyond its end.
#[test]
fn cve_2026_40686_header_cut_inside_a_character() {
    let message = "From: Jörg 用 <a@example.org>\r\nSubject: 用户\r\n".as_bytes();
    let good = craft(TAGS, &[message, b"\r\n"].concat());
    for end in 0..good.len() {
        let verdicts = verify(&good[..end]);
        // Without its last line ends the message may mean the same.
        assert!(end + 4 >= good.len() || !verdicts.is_pass(), "cut at {end}");
    }
    let field = "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=ed; i=用户@example.org; h=from; bh=";
    for end in 0..field.len() {
        let verdicts = verify(&[&field.as_bytes()[..end], b"\r\n\r\n"].concat());
        assert!(!verdicts.is_pass());
    }
}

/// CVE-2023-51764, -51765, -51766, SMTP smuggling: what ends in a bare LF and a dot is one message to one server and two to
/// another. A signer refuses it, a verifier hashes what came, and nothing is rewritten.
#[test]
fn cve_2023_51764_smtp_smuggling() {
    for end in ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n"] {
        let smuggled = format!("From: a@example.org\r\n\r\nHi.{end}MAIL FROM:<b@example.net>\r\n");
        let offset = find_bare(smuggled.as_bytes()).unwrap() as u64;
        let refused = signer().sign(smuggled.as_bytes(), at(NOW));
        assert!(matches!(refused, Err(SignError::BareLineEnd(found)) if found == offset), "{end:?}");
        let signed = text(craft(TAGS, smuggled.as_bytes()));
        assert!(verdict(signed.as_bytes()).is_pass());
        for repaired in [signed.replace(end, "\r\n.\r\n"), signed.replace(end, "\r\n..\r\n")] {
            assert!(!verdict(repaired.as_bytes()).is_pass(), "{end:?}");
        }
        let first = &signed[..signed.find(end).unwrap()];
        assert!(!verdict(first.as_bytes()).is_pass(), "{end:?}");
    }
}

/// CERT VU#268267: keys of 512 bits were in use at large senders, and were broken.
#[test]
fn vu_268267_short_keys() {
    for bits in [384, 512, 768, 1016] {
        let mut modulus = vec![0xff; bits / 8];
        modulus[0] = 0x80;
        let key = PublicKey::from_rsa_components(&modulus, &[1, 0, 1]).unwrap();
        let zone =
            Zone::new().with_txt("rsa._domainkey.example.org", KeyRecord::new(key).to_string()).unwrap();
        let verdict = only(verify_with(Policy::default(), &signed(&rsa_signer(), MESSAGE), &zone));
        assert!(matches!(verdict.cause(), Some(Cause::KeyTooSmall(..))), "{verdict}");
        assert!(verdict.entry().to_string().contains(&format!("({bits}-bit key)")), "{}", verdict.entry());
    }
}

/// CERT VU#244112 (CVE-2024-7208, CVE-2024-7209): a hosting service signed one customer's mail in another's name. The guard
/// is asked for each message before it is signed, in streams too.
#[test]
fn vu_244112_tenants_sign_for_each_other() {
    let guarded = signer().with_guard(|header| {
        let own =
            header.fields().filter(|field| field.is("From")).all(|f| f.value().ends_with(b"@example.org>"));
        if own { Ok(()) } else { Err("From is not of this customer".into()) }
    });
    assert!(guarded.sign(MESSAGE, at(NOW)).is_ok());
    let foreign = text(MESSAGE.to_vec()).replace("joe@example.org", "joe@bank.example");
    let refused = guarded.sign(foreign.as_bytes(), at(NOW)).unwrap_err();
    assert!(matches!(&refused, SignError::Refused(reason) if reason == "From is not of this customer"));
    let mut signing = Signing::new([&guarded], at(NOW));
    assert!(foreign.as_bytes().chunks(10).any(|chunk| signing.push(chunk).is_err()));
    assert!(signing.finish().is_err());
    let (header, _) = waxseal_header::Header::parse(foreign.as_bytes()).unwrap();
    assert!(matches!(Signing::with_header([&guarded], header, at(NOW)), Err(SignError::Refused(..))));
    // One that refuses keeps the others from signing.
    assert!(waxseal_dkim::sign_all([&rsa_signer(), &guarded], foreign.as_bytes(), at(NOW)).is_err());
}

/// mail-auth 0.9.1: a line end in `d=` reached the Authentication-Results field.
#[test]
fn mail_auth_0_9_1_header_injection() {
    for tags in [
        "d=example.org\r\n X: y; s=ed",
        "d=example.org; s=e\r\n\td",
        "d=example.org; s=ed; i=a=0D=0AX:y@example.org",
    ] {
        let verdict = verdict(&craft(&TAGS.replace("d=example.org; s=ed", tags), MESSAGE));
        assert_eq!(verdict.result(), DkimResult::PermError, "{tags:?}: {verdict}");
        assert!(!verdict.entry().to_string().contains(['\r', '\n']));
        assert!(!verdict.to_string().contains(['\r', '\n']));
    }
}

/// mail-auth 0.3.17: a key record with a broken RSA key made it panic.
#[test]
fn mail_auth_0_3_17_broken_rsa_key() {
    let der = RSA.public_key().to_spki_der();
    let message = signed(&rsa_signer(), MESSAGE);
    let found = |der: &[u8]| {
        let record = format!("v=DKIM1; k=rsa; p={}", BASE64_STANDARD.encode(der));
        let zone = Zone::new().with_txt("rsa._domainkey.example.org", record).unwrap();
        only(verify_with(Policy::default(), &message, &zone))
    };
    assert!(found(&der).is_pass());
    for at in 0..der.len() {
        assert!(!found(&der[..at]).is_pass(), "cut at {at}");
        let mut changed = der.clone();
        changed[at] ^= 0x80;
        assert!(!found(&changed).is_pass(), "changed at {at}");
    }
}

/// Mail::DKIM2 0.18: an unknown algorithm was verified as RSA.
#[test]
fn mail_dkim2_0_18_unknown_algorithm() {
    let good = text(signed(&rsa_signer(), MESSAGE));
    for name in ["rsa", "rsa-sha512", "rsa-", "", "sha256", "rsa-sha256 x", "RSA_SHA256"] {
        let verdict = verdict(good.replace("a=rsa-sha256", &format!("a={name}")).as_bytes());
        assert_eq!(verdict.result(), DkimResult::PermError, "{name:?}: {verdict}");
        assert_eq!(verdict.algorithm(), None);
    }
}

/// Mail::DKIM2 0.18: thousands of selectors were looked up. Where the good signature stands below the limit, it does not
/// count; where it stands above, it does.
#[test]
fn mail_dkim2_0_18_thousands_of_selectors() {
    let limits = HeaderLimits::default().with_max_bytes(4 << 20).with_max_fields(5000);
    let verifier = Verifier::new(Policy::default().with_header_limits(limits)).unwrap();
    let unknown: String = (0..4000)
        .map(|n| {
            format!(
                "DKIM-Signature: v=1; a=ed25519-sha256; d=example.org; s=s{n}; h=from; \
                 bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=AAAA\r\n"
            )
        })
        .collect();
    let (good, dns) = (signed(&signer(), MESSAGE), Counting::new(zone()));
    let verdicts = verifier.verify_blocking(&[unknown.as_bytes(), &good].concat(), at(NOW), &dns);
    assert_eq!((verdicts.as_slice().len(), verdicts.is_pass(), dns.count()), (4001, false, 10));
    let above = [unknown.as_bytes(), MESSAGE].concat();
    let field = signer().sign(MESSAGE, at(NOW)).unwrap();
    let verdicts = verifier.verify_blocking(&[field.as_bytes(), &above].concat(), at(NOW), &dns);
    assert_eq!((verdicts.as_slice().len(), verdicts.as_slice()[0].is_pass(), dns.count()), (4001, true, 20));
}

/// The l= attack (Zone.ee 2024): text is put behind the signed octets, or, with l=0 or an unsigned Content-Type, in place of
/// them.
#[test]
fn l_tag_attack_additions() {
    let signed = text(signed(&signer().with_body_length(true), MESSAGE));
    assert!(verdict(signed.as_bytes()).is_pass());
    for added in ["evil", "\r\nevil\r\n", "--boundary\r\nContent-Type: text/html\r\n\r\nevil"] {
        let verdict = verdict(format!("{signed}{added}").as_bytes());
        assert!(matches!(verdict.cause(), Some(Cause::BodyAdditions { .. })), "{added:?}");
        assert_eq!(verdict.result(), DkimResult::Policy);
    }
    // l=0 signs no body at all.
    let nothing = text(craft(&TAGS.replace("s=ed", "s=ed; l=0"), MESSAGE));
    assert!(matches!(cause(nothing.as_bytes()), Cause::BodyAdditions { signed: 0, .. }));
    let strict = Policy::default().with_body_length(BodyLengthPolicy::Refuse);
    assert!(matches!(only(verify_with(strict, signed.as_bytes(), &zone())).cause(), Some(Cause::BodyLength)));
    // A Content-Type that gives the body another meaning: signed by default when there, and told of when added.
    let typed = format!("Content-Type: multipart/mixed; boundary=b\r\n{signed}");
    assert_eq!(verdict(typed.as_bytes()).unsigned_additions(), [""; 0], "one alone is no second one");
    let own = text([signer().sign(typed.as_bytes(), at(NOW)).unwrap().as_bytes(), typed.as_bytes()].concat());
    let second = format!("Content-Type: text/html\r\n{own}");
    assert!(!verify(second.as_bytes()).as_slice()[0].is_pass());
}

/// Missing oversigning: a second Subject, From or other singleton on top, which readers show.
#[test]
fn missing_oversigning_added_fields() {
    let bare = signer().with_oversigned([""; 0]);
    let bare = text(signed(&bare, MESSAGE));
    let safe = text(signed(&signer(), MESSAGE));
    for name in ["From", "Subject", "To", "Date", "Message-ID", "subject", "FROM ", "Subject\t"] {
        let plain = name.trim();
        let message = format!("{name}: evil\r\n{bare}");
        let verdict = verdict(message.as_bytes());
        assert!(verdict.is_pass());
        assert!(
            verdict.unsigned_additions().iter().any(|n| n.eq_ignore_ascii_case(plain)),
            "{name}: {verdict:?}"
        );
        let strict = Policy::default().with_unsigned_additions_refused(true);
        let refused = only(verify_with(strict, message.as_bytes(), &zone()));
        assert!(matches!(refused.cause(), Some(Cause::UnsignedAddition(..))), "{name}");
        assert_eq!(refused.result(), DkimResult::Policy);
        let found = cause(format!("{name}: evil\r\n{safe}").as_bytes());
        assert!(matches!(found, Cause::HeaderSignature { .. }), "{name}: {found}");
    }
    assert!(verdict(bare.as_bytes()).unsigned_additions().is_empty());
    let trace = format!("Received: x\r\nReceived: y\r\nX-Spam: no\r\nX-Spam: no\r\n{bare}");
    assert!(verdict(trace.as_bytes()).unsigned_additions().is_empty());
}

/// CVE-2019-16378 (OpenDMARC): two From fields, of which one was checked and the other shown. The verdict says so.
#[test]
fn cve_2019_16378_second_from() {
    let list = signer().with_field_list(["From"]);
    let signed = text(signed(&list, MESSAGE));
    for added in ["From: ceo@bank.example", "from : ceo@bank.example", "From:\r\n ceo@bank.example"] {
        let above = format!("{added}\r\n{signed}");
        assert_eq!(verdict(above.as_bytes()).unsigned_additions(), ["From"], "{added:?}");
    }
    // Below, it takes the place of the signed one.
    let below = signed.replace("Subject:", "From: ceo@bank.example\r\nSubject:");
    assert!(!verdict(below.as_bytes()).is_pass());
}

/// "Composition Kills" (USENIX Security 2020): a line that one program takes for a field and another does not. What we do
/// not take for a field is never signed as one, and cannot hide one.
#[test]
fn composition_kills_odd_field_names() {
    let signed = text(signed(&signer(), MESSAGE));
    for line in [
        "From\0: ceo@bank.example",
        "From\u{a0}: ceo@bank.example",
        "Fr om: ceo@bank.example",
        "From",
        "\u{feff}From: x",
    ] {
        // Legal for nobody, so nobody's From; the signature holds.
        let message = format!("{line}\r\n{signed}");
        assert!(verdict(message.as_bytes()).is_pass(), "{line:?}");
    }
    for line in [
        "From : ceo@bank.example",
        "FROM:ceo@bank.example",
        "From\t \t: ceo@bank.example",
        "From:\r\n ceo@bank.example",
    ] {
        let message = format!("{line}\r\n{signed}");
        assert!(!verdict(message.as_bytes()).is_pass(), "{line:?}");
    }
    // A bare LF ends a line for some: the field behind it counts for us too.
    for end in ["\n", "\r\r\n"] {
        let message = format!("X: y{end}From: ceo@bank.example\r\n{signed}");
        assert!(!verdict(message.as_bytes()).is_pass(), "{end:?}");
    }
    // A folded first line belongs to no field.
    assert!(verdict(format!(" From: ceo@bank.example\r\n{signed}").as_bytes()).is_pass());
}

/// "Composition Kills": names that look like another name, or that one program cuts where another does not.
#[test]
fn composition_kills_odd_domains() {
    for name in ["EXAMPLE.ORG", "example\u{3002}org", "example\u{ff0e}org", "\u{ff45}xample.org"] {
        // The same name in another spelling is the same name.
        let verdict = verdict(&craft(&TAGS.replace("example.org", name), MESSAGE));
        assert!(verdict.is_pass(), "{name}: {verdict}");
        assert_eq!(verdict.domain().unwrap().as_str(), "example.org");
    }
    for name in [
        "example..org",
        ".example.org",
        "example.org.",
        "example.org\u{3002}",
        "example.org.\u{ad}",
        "example.org..",
        "example.org\0.bank.example",
        "_",
        "org ",
        "example.org,bank.example",
    ] {
        let verdict = verdict(&craft(&TAGS.replace("d=example.org", &format!("d={name}")), MESSAGE));
        assert!(!verdict.is_pass(), "{name:?}");
    }
    for name in ["\u{435}xample.org", "xn--xample-2of.org"] {
        // A look-alike is another name, shown as what it is.
        let verdict = verdict(&craft(&TAGS.replace("example.org", name), MESSAGE));
        assert!(!verdict.is_pass());
        assert!(verdict.domain().unwrap().as_str().starts_with("xn--"));
    }
}

/// DKIM replay: one signed message is sent to many. Receivers count by the signature; signers let it expire.
#[test]
fn dkim_replay_is_counted_and_expires() {
    let week = signer().with_lifetime(Duration::from_secs(7 * 86400));
    let message = signed(&week, MESSAGE);
    let key = |verdict: &Verdict| verdict.signature().unwrap().replay_key();
    let mut seen = HashMap::<String, usize>::new();
    for recipient in 0..5 {
        let copy = [format!("Delivered-To: r{recipient}@example.net\r\n").as_bytes(), &message].concat();
        let verdict = verdict(&copy);
        assert!(verdict.is_pass());
        *seen.entry(key(&verdict)).or_default() += 1;
    }
    assert_eq!(seen.into_values().collect::<Vec<_>>(), [5]);
    let other = signed(&signer(), &text(MESSAGE.to_vec()).replace("Hi", "Ho").into_bytes());
    assert_ne!(key(&verdict(&other)), key(&verdict(&message)));
    let late =
        Verifier::new(Default::default()).unwrap().verify_blocking(&message, at(NOW + 8 * 86400), &zone());
    assert!(matches!(late.as_slice()[0].cause(), Some(Cause::Expired(..))));
}
