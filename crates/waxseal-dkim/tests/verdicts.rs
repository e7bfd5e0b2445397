//! Verdicts in words and as data.

mod common;

use common::*;
use waxseal_authres::DkimResult;
use waxseal_dkim::{Cause, Policy, Verdicts};
use waxseal_dns::Zone;
use waxseal_header::{Header, HeaderError};

#[test]
fn a_page_shows_the_signature_and_the_key() {
    let verdicts = verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone());
    let page = verdicts.explain();
    for line in [
        "dkim=pass header.d=example.org header.s=ed\n  signature and body hash match\n",
        "  signed with ed25519-sha256, canonicalization relaxed/relaxed\n",
        &format!("  ed._domainkey.example.org publishes {}\n", ed_record()),
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    let missing = verify_with(Policy::default(), &signed(&signer(), MESSAGE), &Zone::new());
    assert!(
        missing.explain().ends_with("  the key belongs at ed._domainkey.example.org\n"),
        "{}",
        missing.explain()
    );
    assert_eq!(missing.cause(), Some(&Cause::NoKey));
    assert_ne!(missing, verdicts);
}

#[test]
fn all_signatures_stand_on_one_line() {
    assert_eq!(Verdicts::default().to_string(), "dkim=none (no signature)");
    assert_eq!(Verdicts::default().explain(), "dkim=none (no signature)\n");
    let twice = signed(&signer(), &signed(&signer(), MESSAGE));
    let verdicts = verify_with(Policy::default().with_max_signatures(1), &twice, &zone());
    assert_eq!(
        verdicts.to_string(),
        "dkim=pass header.d=example.org header.s=ed (signature and body hash match); \
         dkim=policy header.d=example.org header.s=ed (more than 1 signatures)"
    );
    assert_eq!((verdicts.result(), verdicts.cause()), (DkimResult::Pass, None));
    assert_eq!(verdicts.reason(), "signature and body hash match");
}

#[test]
fn a_refused_header_is_one_verdict() {
    let error = HeaderError::TooLong(9);
    let verdicts = Verdicts::refused(error.clone());
    assert_eq!((verdicts.result(), verdicts.cause()), (DkimResult::PermError, Some(&Cause::Header(error))));
}

#[test]
fn the_signed_bytes_are_what_the_key_signed() {
    let message = signed(&signer(), MESSAGE);
    let (header, _) = Header::parse(&message).unwrap();
    let verdict = only(verify_with(Policy::default(), &message, &zone()));
    let signature = verdict.signature().unwrap();
    let bytes = signature.signed_bytes(&header).unwrap();
    let provider = waxseal_crypto::default_provider().unwrap();
    let key = ED25519.public_key();
    assert_eq!(provider.verify(key, signature.algorithm(), &bytes, signature.signature()), Ok(()));
    let (unsigned, _) = Header::parse(MESSAGE).unwrap();
    assert_eq!(signature.signed_bytes(&unsigned), None);
}

#[cfg(feature = "json")]
#[test]
fn verdicts_are_the_objects_of_the_command() {
    let verdicts = verify_with(Policy::default(), &signed(&signer(), MESSAGE), &zone());
    let json: serde_json::Value = serde_json::from_str(&verdicts.to_json()).unwrap();
    assert_eq!(
        json,
        serde_json::json!([{
            "d": "example.org", "s": "ed", "a": "ed25519-sha256", "i": "@example.org",
            "result": "pass", "reason": "signature and body hash match",
        }])
    );
    let selector: waxseal_dkim::Selector = serde_json::from_str("\"2026A\"").unwrap();
    assert_eq!(serde_json::to_string(&selector).unwrap(), "\"2026a\"");
    let error = serde_json::from_str::<waxseal_dkim::Selector>("\"a..b\"").unwrap_err();
    assert!(error.to_string().contains("label"), "{error}");
}
