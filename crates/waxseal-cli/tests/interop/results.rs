//! The text of Authentication-Results beside OpenDKIM's, which log readers and filters know.

use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use waxseal_dkim::Verifier;
use waxseal_dns::{Dnssec, Zone};

use crate::corpus::messages;
use crate::lab::{DOMAIN, Lab};
use crate::matrix::{Sign, Tamper, tampered};
use crate::{ours, peers, wanted};

#[test]
fn authentication_results_read_like_opendkims() {
    if !wanted() {
        return;
    }
    let lab = Lab::start();
    let files = signed(&lab);
    // The zone is not signed, and OpenDKIM's resolver knows that.
    let name = |selector: &str| format!("{selector}._domainkey.{DOMAIN}");
    let zone = Zone::from_zone_file(lab.zone_text(), None).unwrap();
    let zone = zone.with_dnssec(&name("rsa"), Dnssec::Insecure).unwrap();
    let zone = zone.with_dnssec(&name("ed"), Dnssec::Insecure).unwrap();
    let theirs = peers::opendkim_results(&lab, "opendkim-results", &files);
    assert!(!theirs.is_empty());
    for (file, theirs) in files.iter().zip(theirs) {
        let message = fs::read(file).unwrap();
        let verdicts =
            Verifier::new(Default::default()).unwrap().verify_blocking(&message, SystemTime::now(), &zone);
        let [verdict] = verdicts.as_slice() else { panic!("{} verdicts", verdicts.as_slice().len()) };
        let ours = verdict.entry().to_string();
        let theirs =
            theirs.strip_prefix("mx; ").and_then(|all| all.strip_suffix("; dkim-atps=neutral")).unwrap();
        assert_eq!(properties(&ours), properties(theirs), "{}", file.display());
        // OpenDKIM has no words for an Ed25519 key, and one reason for every failure.
        if verdict.is_pass() && ours.contains("rsa-sha256") {
            assert_eq!(ours.replace('"', ""), theirs.replace('"', ""), "{}", file.display());
        }
    }
}

/// The result, and every property without its optional quotes.
fn properties(entry: &str) -> Vec<String> {
    let told = |word: &&str| word.starts_with("dkim=") || word.starts_with("header.");
    entry.split(' ').filter(told).map(|word| word.replace('"', "")).collect()
}

/// The plain message, signed by everyone, intact and with a changed body.
fn signed(lab: &Lab) -> Vec<PathBuf> {
    let plain = lab.path("plain");
    fs::write(&plain, &messages()[0].bytes).unwrap();
    let mut files = Vec::new();
    for (number, (sign, selector)) in [
        (ours::sign as Sign, "rsa"),
        (ours::sign, "ed"),
        (ours::sign_every_tag, "rsa"),
        (peers::dkimpy_sign, "rsa"),
        (peers::dkimpy_sign, "ed"),
        (peers::maildkim_sign, "rsa"),
        (peers::opendkim_sign, "rsa"),
    ]
    .into_iter()
    .enumerate()
    {
        let out = lab.folder(&format!("results-{number}"));
        sign(lab, &[selector], "relaxed/relaxed", &out, std::slice::from_ref(&plain));
        let changed = out.join("changed");
        fs::write(&changed, tampered(&fs::read(out.join("plain")).unwrap(), Tamper::Body)).unwrap();
        files.extend([out.join("plain"), changed]);
    }
    files
}
