//! Verifies a message. With a file name, that message with the name servers of this machine:
//! `cargo run -p waxseal-examples --example verify -- message.eml`. Without, a message made here with a zone in memory.

use std::{error::Error, time::SystemTime};
use waxseal::{
    authres::AuthenticationResults,
    crypto::KeySpec,
    dkim::{Policy, Signer, Verifier},
    dns::{ResolveBlocking, Zone},
    header::line_ends::to_crlf,
};
use waxseal_examples::{MESSAGE, fresh_key, publish};

fn main() -> Result<(), Box<dyn Error>> {
    let verifier = Verifier::new(Policy::default())?;
    match std::env::args_os().nth(1) {
        // Files on disk often have LF line ends; the signature is about CRLF.
        Some(file) => print(&verifier, &to_crlf(&std::fs::read(file)?), &waxseal::Stub::system()?),
        None => {
            let key = fresh_key(KeySpec::Ed25519)?;
            let zone = publish(Zone::new(), "2026e", &key)?;
            let signed =
                Signer::new("example.org", "2026e", key)?.sign_message(MESSAGE, SystemTime::now())?;
            print(&verifier, &signed, &zone);
            println!("\nAnd with another subject:");
            let forged = String::from_utf8(signed)?.replace("Lunch", "Launch");
            print(&verifier, forged.as_bytes(), &zone);
        }
    }
    Ok(())
}

fn print(verifier: &Verifier, message: &[u8], dns: &impl ResolveBlocking) {
    let verdicts = verifier.verify_blocking(message, SystemTime::now(), dns);
    for verdict in &verdicts {
        println!("{verdict}");
    }
    let mut results = AuthenticationResults::new("mx.example.net");
    results.extend(verdicts.entries());
    print!("{}", results.to_field());
}
