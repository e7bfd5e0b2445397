//! The rules of RFC 6376 for key records and their lookup, one test each.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal_authres::DkimResult;
use waxseal_dkim::{Cause, Policy};
use waxseal_dns::{LookupError, Zone};

/// §3.6.1: "s Any DKIM-Signature header fields using the "i=" tag MUST have the same domain value on the right-hand side
/// of the "@" in the "i=" tag and the value of the "d=" tag."
#[test]
fn strict_identity_is_equal() {
    let strict = zone_with(format!("{}; t=s", ed_record()));
    let verdict = |identity: &str| {
        let message = craft(
            &format!("v=1; a=ed25519-sha256; d=example.org; s=ed{identity}; h=from; bh=BH; b=B"),
            MESSAGE,
        );
        only(verify_with(Policy::default(), &message, &strict))
    };
    assert!(verdict("").is_pass());
    assert!(verdict("; i=joe@Example.ORG").is_pass());
    assert!(matches!(verdict("; i=joe@sub.example.org").cause(), Some(Cause::StrictIdentity)));
}

/// §3.6.1: "v= … If specified, this tag MUST be set to "DKIM1" (without the quotes). This tag MUST be the first tag in the
/// record. Records beginning with a "v=" tag with any other value MUST be discarded."
#[test]
fn key_version_is_first() {
    let p = ED25519.public_key().dns_p();
    assert!(verdict_with_record(format!("k=ed25519; p={p}")).is_pass());
    for record in [
        format!("k=ed25519; v=DKIM1; p={p}"),
        format!("v=DKIM2; k=ed25519; p={p}"),
        format!("v=DKIM1 DKIM1; k=ed25519; p={p}"),
        format!("v=dkim1; k=ed25519; p={p}"),
    ] {
        let verdict = verdict_with_record(&record);
        assert_eq!(verdict.reason(), "key record: v= is not DKIM1 or not the first tag", "{record}");
        assert_eq!(verdict.result(), DkimResult::PermError);
    }
}

/// §3.6.1: "p= … An empty value means that this public key has been revoked"; §6.1.2 step 7: "return PERMFAIL (key
/// revoked)".
#[test]
fn an_empty_key_is_revoked() {
    for record in ["v=DKIM1; k=ed25519; p=", "v=DKIM1; p= ;", "p="] {
        let verdict = verdict_with_record(record);
        assert!(matches!(verdict.cause(), Some(Cause::Revoked)), "{record}: {verdict}");
        assert_eq!(verdict.result(), DkimResult::PermError);
    }
    let verdict = verdict_with_record("v=DKIM1; k=ed25519");
    assert_eq!(verdict.reason(), "key record: tag p= is missing");
}

/// §3.6.1: "h= Acceptable hash algorithms (plain-text; OPTIONAL, defaults to allowing all algorithms). … Unrecognized
/// algorithms MUST be ignored."; §6.1.2 step 6: "PERMFAIL (inappropriate hash algorithm)".
#[test]
fn key_names_hashes() {
    for hashes in ["sha256", "sha1:sha256", "sha512 : sha256", "sha256 :\r\n sha1"] {
        assert!(verdict_with_record(format!("{}; h={hashes}", ed_record())).is_pass(), "{hashes}");
    }
    for hashes in ["sha1", "sha512", "sha2561", ""] {
        let verdict = verdict_with_record(format!("{}; h={hashes}", ed_record()));
        assert!(matches!(verdict.cause(), Some(Cause::HashNotAllowed(..))), "{hashes}");
    }
}

/// §3.6.1: "s= Service Type (plain-text; OPTIONAL; default is "*"). … Verifiers for a given service type MUST ignore this
/// record if the appropriate type is not listed. Unrecognized service types MUST be ignored."
#[test]
fn key_names_services() {
    for services in ["*", "email", "tlsrpt:email", "x : *"] {
        assert!(verdict_with_record(format!("{}; s={services}", ed_record())).is_pass(), "{services}");
    }
    for services in ["tlsrpt", "e-mail", ""] {
        let verdict = verdict_with_record(format!("{}; s={services}", ed_record()));
        assert!(matches!(verdict.cause(), Some(Cause::ServiceType)), "{services}");
    }
}

/// §3.6.1: "k= Key type (plain-text; OPTIONAL, default is "rsa"). … Unrecognized key types MUST be ignored"; §6.1.2 step
/// 8: "PERMFAIL (inappropriate key algorithm)".
#[test]
fn key_type_goes_with_the_algorithm() {
    let verdict = verdict_with_record(format!("v=DKIM1; k=rsa; p={}", RSA.public_key().dns_p()));
    assert!(matches!(verdict.cause(), Some(Cause::KeyType(..))));
    let verdict = verdict_with_record(format!("v=DKIM1; p={}", RSA.public_key().dns_p()));
    assert!(matches!(verdict.cause(), Some(Cause::KeyType(..))));
    let verdict = verdict_with_record(ed_record().replace("k=ed25519", "k=dsa"));
    assert_eq!(verdict.reason(), "key record: key type is unknown");
    assert_eq!(verdict.result(), DkimResult::PermError);
}

/// §3.6.1: "y This domain is testing DKIM. Verifiers MUST NOT treat messages from Signers in testing mode differently from
/// unsigned email": the caller is told, pass or fail.
#[test]
fn testing_is_reported() {
    assert!(!verdict_with_record(ed_record()).is_testing());
    for flags in ["y", "y:s", "s : y", "zz:y"] {
        let verdict = verdict_with_record(format!("{}; t={flags}", ed_record()));
        assert!(verdict.is_pass() && verdict.is_testing(), "{flags}");
        assert!(verdict.entry().to_string().contains("testing"));
    }
    let changed = [&signed(&signer(), MESSAGE)[..], b"more"].concat();
    let zone = zone_with(format!("{}; t=y", ed_record()));
    let verdict = only(verify_with(Policy::default(), &changed, &zone));
    assert!(!verdict.is_pass() && verdict.is_testing());
}

/// §3.6.1: p= is base64, which §2.10 allows to hold blanks and folds; §3.6.2.2: "Strings in a TXT RR MUST be concatenated
/// together before use with no intervening whitespace."
#[test]
fn keys_may_hold_blanks() {
    let p = ED25519.public_key().dns_p();
    let (front, back) = p.split_at(20);
    assert!(verdict_with_record(format!("v=DKIM1 ; k = ed25519 ;p= {front} {back} ; ")).is_pass());
    assert!(verdict_with_record(format!("v=DKIM1;k=ed25519;p={front}\r\n\t{back}")).is_pass());
    assert!(verdict_with_record(format!("v=DKIM1;k=ed25519;p={front}\n{back}\n")).is_pass());
    let json = format!(
        r#"{{"ed._domainkey.example.org": {{"TXT": [["v=DKIM1; k=ed255", "19; p={front}", "{back}"]]}}}}"#
    );
    let zone = Zone::from_json(&json).unwrap();
    assert!(only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone)).is_pass());
}

/// The good record with these at the same name, above or below it: DNS keeps no order.
fn beside(others: &[&str]) -> [Zone; 2] {
    let name = "ed._domainkey.example.org";
    let with = |zone: Zone, text: &str| zone.with_txt(name, text).unwrap();
    let above = others.iter().fold(Zone::new(), |zone, text| with(zone, text));
    [with(above, &ed_record()), others.iter().fold(zone_with(ed_record()), |zone, text| with(zone, text))]
}

/// §3.6.2.2: "TXT RRs MUST be unique for a particular selector name; that is, if there are multiple records in an RRset,
/// the results are undefined." Which one is meant cannot be told.
#[test]
fn several_key_records_are_an_error() {
    let rsa = format!("p={}", RSA.public_key().dns_p());
    for records in [&[ed_record().as_str()][..], &["v=DKIM1; p="], &["p="], &[&rsa], &["v=spf1 -all", "p="]] {
        for zone in beside(records) {
            let verdict = only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone));
            assert!(matches!(verdict.cause(), Some(Cause::SeveralKeys(2))), "{records:?}: {verdict}");
            assert_eq!(verdict.result(), DkimResult::PermError);
        }
    }
}

/// §6.1.2: "The Verifier MUST validate the key record and MUST ignore any public-key records that are malformed"; §3.6.1:
/// "Records beginning with a "v=" tag with any other value MUST be discarded", "Unrecognized key types MUST be ignored".
#[test]
fn text_that_is_no_key_record_does_not_count() {
    let p = ED25519.public_key().dns_p();
    let (other, unknown) = (format!("v=DKIM2; k=ed25519; p={p}"), format!("v=DKIM1; k=dsa; p={p}"));
    let rest = RSA.public_key().dns_p().split_off(200);
    let cut = format!("v=DKIM1; k=rsa; p={}", &RSA.public_key().dns_p()[..237]);
    for text in [
        "v=spf1 -all",
        "some-verification=1",
        "",
        " ",
        "hello",
        "v=DMARC1; p=none",
        "v=DKIM1; k=rsa",
        "v=DKIM1; p=!",
        "\"v=DKIM1; p=AAAA\"",
        "v=DKIM1\\; p=AAAA",
        "p=AAAA",
        "\u{fc}",
        &rest,
        &cut,
        &other,
        &unknown,
    ] {
        for zone in beside(&[text]) {
            let verdict = only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone));
            assert!(verdict.is_pass(), "{text}: {verdict}");
            assert!(matches!(verdict.ignored_records(), [Cause::KeyRecord(_)]), "{text}: {verdict:?}");
            assert!(
                verdict.reason().contains("other TXT records at the name of the key were ignored (1): "),
                "{verdict}"
            );
            let line = "dkim=pass header.d=example.org header.s=ed (signature and body hash match; other TXT records";
            assert!(verdict.to_string().starts_with(line), "{verdict}");
            assert_eq!(verdict.key_record(), Some(ed_record().as_bytes()));
        }
    }
    let [zone, _] = beside(&["v=spf1 -all", "hello", "p=!"]);
    let verdict = only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone));
    assert!(verdict.is_pass() && verdict.ignored_records().len() == 3, "{verdict}");
    assert!(verdict_with_record(ed_record()).ignored_records().is_empty());
}

/// §3.6.1: "Verifiers for a given service type MUST ignore this record if the appropriate type is not listed."
#[test]
fn a_key_for_another_service_does_not_count_beside_one_for_mail() {
    for zone in beside(&[&format!("{}; s=tlsrpt", ed_record())]) {
        let verdict = only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone));
        assert!(verdict.is_pass(), "{verdict}");
        assert!(matches!(verdict.ignored_records(), [Cause::ServiceType]));
    }
}

/// §6.1.2 step 5: "PERMFAIL (key syntax error)". Of several texts the one is named that is nearest to a key record.
#[test]
fn the_nearest_text_is_named_when_none_is_a_key_record() {
    let p = ED25519.public_key().dns_p();
    let quoted = format!("\"v=DKIM1; k=ed25519; p={p}\"");
    for (texts, nearest) in [
        (&["v=spf1 -all", "v=DKIM1; p=!"][..], "p= is not base64: it has a !"),
        (&["v=DKIM1; p=!", "hello", "v=DKIM1"], "p= is not base64: it has a !"),
        (&["hello", &quoted, "v=DKIM1"], "the text has quotation marks, which only zone files need"),
        (&["v=spf1 -all", "v=DKIM1; k=rsa"], "tag p= is missing"),
        (&["v=spf1 -all", "some=1"], "the text is not a key record: it begins with v=spf1 -all"),
    ] {
        let name = "ed._domainkey.example.org";
        let zone = texts.iter().fold(Zone::new(), |zone, text| zone.with_txt(name, text).unwrap());
        let verdict = only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone));
        assert!(matches!(verdict.cause(), Some(Cause::KeyRecord(_))), "{verdict}");
        assert_eq!(verdict.result(), DkimResult::PermError);
        assert!(verdict.reason().starts_with(&format!("key record: {nearest}")), "{verdict}");
        assert!(verdict.ignored_records().is_empty());
    }
}

/// §6.1.2: "If the query for the public key fails because the corresponding key record does not exist, the Verifier MUST
/// immediately return PERMFAIL (no key for signature)"; "If the query for the public key fails to respond, the Verifier
/// MAY seek a later verification attempt by returning TEMPFAIL (key unavailable)."
#[test]
fn missing_keys_and_failing_lookups() {
    let verdict = |zone: &Zone| only(verify_with(Policy::default(), &signed(&signer(), MESSAGE), zone));
    let below = Zone::new().with_txt("x.ed._domainkey.example.org", "v=DKIM1; p=").unwrap();
    for zone in [Zone::new(), below] {
        assert!(matches!(verdict(&zone).cause(), Some(Cause::NoKey)));
        assert_eq!(verdict(&zone).result(), DkimResult::PermError);
    }
    for error in [LookupError::Timeout, LookupError::ServerFailure, LookupError::Malformed] {
        let zone = Zone::new().with_error("ed._domainkey.example.org", error.clone()).unwrap();
        assert!(matches!(verdict(&zone).cause(), Some(Cause::Lookup(found)) if *found == error));
        assert_eq!(verdict(&zone).result(), DkimResult::TempError);
    }
    let alias = Zone::new().with_txt("keys.example.net", ed_record()).unwrap();
    let alias = alias.with_cname("ed._domainkey.example.org", "keys.example.net").unwrap();
    assert!(verdict(&alias).is_pass());
}
