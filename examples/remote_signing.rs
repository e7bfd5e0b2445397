//! Signs with a key that this program never sees: an HSM, a cloud's key service, a process of its own. Here it is a thread
//! behind a channel, which gets the octets to sign and gives a signature.

use std::{error::Error, sync::mpsc, thread, time::SystemTime};
use waxseal::{
    crypto::{Algorithm, KeySpec, PublicKey, SigningInput, SigningKey, default_provider},
    dkim::{KeyRecord, Policy, Signer, Signing, Verifier},
    dns::Zone,
};
use waxseal_examples::{MESSAGE, fresh_key};

/// What is to be signed, and where the signature goes.
type Request = (Vec<u8>, mpsc::Sender<Vec<u8>>);

/// The holder of the key.
fn key_service() -> Result<(PublicKey, mpsc::Sender<Request>), Box<dyn Error>> {
    let key = fresh_key(KeySpec::Rsa { bits: 2048 })?;
    let public = key.public_key().clone();
    let provider = default_provider()?;
    let (requests, received) = mpsc::channel::<Request>();
    thread::spawn(move || {
        for (octets, signature) in received {
            let signed = key.sign(&SigningInput::new(&octets, provider));
            // Without a signature the sender goes away, and the client sees that.
            let _ = signed.map(|signed| signature.send(signed));
        }
    });
    Ok((public, requests))
}

fn main() -> Result<(), Box<dyn Error>> {
    let (public, service) = key_service()?;
    let signer = Signer::remote("example.org", "hsm", Algorithm::RsaSha256)?;

    // One pass over the message, in chunks as they come.
    let mut signing = Signing::new([&signer], SystemTime::now());
    for chunk in MESSAGE.chunks(50) {
        signing.push(chunk)?;
    }
    let mut fields = String::new();
    for unsigned in signing.finish()? {
        println!("to sign, SHA-256: {:?}", unsigned.input().sha256());
        // An HSM that signs digests takes `input().sha256()`, one that hashes takes `input().bytes()`. The calls are the
        // program's own, so an async client awaits here.
        let (reply, signature) = mpsc::channel();
        service.send((unsigned.input().bytes().to_vec(), reply))?;
        fields.push_str(&unsigned.attach(&signature.recv()?));
    }
    print!("{fields}");

    let record = KeyRecord::new(public).to_string();
    let zone = Zone::new().with_txt("hsm._domainkey.example.org", record)?;
    let signed = [fields.as_bytes(), MESSAGE].concat();
    for verdict in Verifier::new(Policy::default())?.verify_blocking(&signed, SystemTime::now(), &zone) {
        println!("{verdict}");
    }
    Ok(())
}
