//! waxseal's own part: the library as signer and as verifier.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use waxseal_crypto::PrivateKey;
use waxseal_dkim::{Canonicalization, Signer, Verifier, sign_all};
use waxseal_dns::Zone;

use crate::lab::{DOMAIN, Lab};
use crate::peers::Words;

/// Signs the files with the library's defaults, all selectors in one pass, the last one topmost.
pub(crate) fn sign(lab: &Lab, selectors: &[&str], canon: &str, out: &Path, files: &[PathBuf]) {
    let signers: Vec<Signer> = selectors.iter().rev().map(|selector| signer(lab, selector, canon)).collect();
    sign_files(&signers, out, files);
}

/// Signs with every optional tag there is.
pub(crate) fn sign_every_tag(lab: &Lab, selectors: &[&str], canon: &str, out: &Path, files: &[PathBuf]) {
    let dressed = |selector: &&str| {
        signer(lab, selector, canon)
            .with_identity("bob@lists.alpha.example")
            .with_lifetime(Duration::from_secs(7 * 24 * 3600))
            .with_body_length(true)
            .with_copied_fields(true)
            .with_query_method(true)
    };
    let signers: Vec<Signer> = selectors.iter().rev().map(dressed).collect();
    sign_files(&signers, out, files);
}

/// Verifies the files with the library's default policy. The zone is the text that NSD serves.
pub(crate) fn verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let zone = Zone::from_zone_file(lab.zone_text(), None).unwrap();
    let verifier = Verifier::default();
    let words = |file: &PathBuf| {
        let message = fs::read(file).unwrap();
        let verdicts = verifier.verify_blocking(&message, SystemTime::now(), &zone);
        verdicts.iter().map(|verdict| verdict.word().to_string()).collect()
    };
    Some(files.iter().map(words).collect())
}

fn signer(lab: &Lab, selector: &str, canon: &str) -> Signer {
    let file = if selector == "dk" { lab.path("dk.key") } else { lab.key(selector) };
    let key = PrivateKey::from_file(&fs::read(file).unwrap()).unwrap();
    let (header, body) = canon.split_once('/').unwrap();
    Signer::new(DOMAIN.parse().unwrap(), selector.parse().unwrap(), key)
        .with_canonicalization(form(header), form(body))
}

fn form(name: &str) -> Canonicalization {
    if name == "relaxed" { Canonicalization::Relaxed } else { Canonicalization::Simple }
}

fn sign_files(signers: &[Signer], out: &Path, files: &[PathBuf]) {
    for file in files {
        let message = fs::read(file).unwrap();
        let fields = sign_all(signers, &message, SystemTime::now())
            .unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let signed = [fields.as_bytes(), &message].concat();
        fs::write(out.join(file.file_name().unwrap()), signed).unwrap();
    }
}
