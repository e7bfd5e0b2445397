//! waxseal's own part: library and command as signer and as verifier.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use waxseal_crypto::{Algorithm, PrivateKey};
use waxseal_dkim::{Canonicalization, Signer, Signing, Verifier, sign_all};
use waxseal_dns::Zone;

use crate::lab::{DOMAIN, Lab, command, is_ed25519, run, waxseal};
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

/// Signs with copies of all signed fields, which hold whatever stands in those.
pub(crate) fn sign_with_copies(lab: &Lab, selectors: &[&str], canon: &str, out: &Path, files: &[PathBuf]) {
    let verbose = |selector: &&str| signer(lab, selector, canon).with_copied_fields(true);
    let signers: Vec<Signer> = selectors.iter().rev().map(verbose).collect();
    sign_files(&signers, out, files);
}

/// Signs with keys that the library never sees, as those of a key server: OpenSSL is given what is to be signed. The
/// message arrives in small chunks.
pub(crate) fn sign_remotely(lab: &Lab, selectors: &[&str], canon: &str, out: &Path, files: &[PathBuf]) {
    let remote = |selector: &&str| {
        let algorithm = if is_ed25519(selector) { Algorithm::Ed25519Sha256 } else { Algorithm::RsaSha256 };
        let (header, body) = forms(canon);
        Signer::remote(DOMAIN, *selector, algorithm).unwrap().with_canonicalization(header, body)
    };
    let signers: Vec<Signer> = selectors.iter().rev().map(remote).collect();
    for file in files {
        let message = fs::read(file).unwrap();
        let mut signing = Signing::new(&signers, SystemTime::now());
        message.chunks(7).for_each(|chunk| signing.push(chunk).unwrap());
        let mut signed = Vec::new();
        for (unsigned, signer) in signing.finish().unwrap().into_iter().zip(&signers) {
            let input = out.join("input");
            let key = lab.key(signer.selector().as_str());
            let signature = if unsigned.algorithm() == Algorithm::Ed25519Sha256 {
                // RFC 8463 §3: Ed25519 signs the SHA-256 hash.
                fs::write(&input, unsigned.input().sha256().as_bytes()).unwrap();
                run(command("openssl", ["pkeyutl", "-sign", "-rawin", "-inkey"])
                    .arg(key)
                    .arg("-in")
                    .arg(&input))
            } else {
                fs::write(&input, unsigned.input().bytes()).unwrap();
                run(command("openssl", ["dgst", "-sha256", "-sign"]).arg(key).arg(&input))
            };
            signed.extend_from_slice(unsigned.attach(&signature).as_bytes());
        }
        signed.extend_from_slice(&message);
        fs::write(out.join(file.file_name().unwrap()), signed).unwrap();
    }
}

/// Verifies the files with the library's default policy. The zone is the text that NSD serves.
pub(crate) fn verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let zone = Zone::from_zone_file(lab.zone_text(), None).unwrap();
    let verifier = Verifier::new(Default::default()).unwrap();
    let words = |file: &PathBuf| {
        let message = fs::read(file).unwrap();
        let verdicts = verifier.verify_blocking(&message, SystemTime::now(), &zone);
        verdicts.iter().map(|verdict| verdict.result().to_string()).collect()
    };
    Some(files.iter().map(words).collect())
}

/// Signs the files with the `waxseal` command.
pub(crate) fn command_sign(lab: &Lab, selectors: &[&str], canon: &str, out: &Path, files: &[PathBuf]) {
    let keys: Vec<String> =
        selectors.iter().rev().map(|s| format!("--with={DOMAIN}:{s}:{}", lab.key(s).display())).collect();
    for file in files {
        let signed = run(waxseal(["sign", "-c", canon]).args(&keys).arg(file));
        fs::write(out.join(file.file_name().unwrap()), signed).unwrap();
    }
}

/// Verifies the files with the `waxseal` command, which asks NSD.
pub(crate) fn command_verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let server = format!("127.0.0.1:{}", lab.dns_port);
    let output = waxseal(["verify", "--json", "--server", &server]).args(files).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let words = |line: &str| -> Words {
        let message: serde_json::Value = serde_json::from_str(line).unwrap();
        let signatures = message["dkim"].as_array().unwrap().iter();
        signatures.map(|signature| signature["result"].as_str().unwrap().to_owned()).collect()
    };
    let words: Vec<Words> = String::from_utf8(output.stdout).unwrap().lines().map(words).collect();
    assert_eq!(words.len(), files.len());
    Some(words)
}

pub(crate) fn signer(lab: &Lab, selector: &str, canon: &str) -> Signer {
    let file = if selector == "dk" { lab.path("dk.key") } else { lab.key(selector) };
    let key = PrivateKey::from_bytes(fs::read(file).unwrap()).unwrap();
    let (header, body) = forms(canon);
    Signer::new(DOMAIN, selector, key).unwrap().with_canonicalization(header, body)
}

fn forms(canon: &str) -> (Canonicalization, Canonicalization) {
    let form = |name| if name == "relaxed" { Canonicalization::Relaxed } else { Canonicalization::Simple };
    let (header, body) = canon.split_once('/').unwrap();
    (form(header), form(body))
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
