//! Looks at a message before it leaves, and signs it with two keys in one pass: RSA, which everyone verifies, and Ed25519.

use std::{error::Error, time::SystemTime};
use waxseal::{
    crypto::KeySpec,
    dkim::{Inspection, Severity, Signer, sign_all},
};
use waxseal_examples::{MESSAGE, fresh_key};

fn main() -> Result<(), Box<dyn Error>> {
    let rsa = fresh_key(KeySpec::Rsa { bits: 2048 })?;
    let ed25519 = fresh_key(KeySpec::Ed25519)?;
    let signers = [Signer::new("example.org", "2026r", rsa)?, Signer::new("example.org", "2026e", ed25519)?];
    let mut inspection = Inspection::new(&signers);
    inspection.push(MESSAGE);
    for finding in inspection.finish() {
        eprintln!("{}: {finding}", finding.severity());
        if finding.severity() == Severity::Error {
            return Err("the message is not fit to be signed".into());
        }
    }
    let fields = sign_all(&signers, MESSAGE, SystemTime::now())?;
    print!("{fields}{}", String::from_utf8_lossy(MESSAGE));
    Ok(())
}
