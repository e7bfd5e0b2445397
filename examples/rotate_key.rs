//! Changes a key without a gap: publish the new one, sign with it once it is seen, keep the old record while mail is under
//! way, then revoke it.

use std::{error::Error, time::SystemTime};
use waxseal::{
    OutboundSigner,
    crypto::{KeySpec, PrivateKey},
    dkim::{KeyRecord, Policy, Signer, Verifier},
    dns::{Question, ResolveBlocking, Zone},
};
use waxseal_examples::{MESSAGE, fresh_key, publish};

/// The table of a server that signs for example.org with this key.
fn outbound(selector: &str, key: PrivateKey) -> Result<OutboundSigner, Box<dyn Error>> {
    let signer = Signer::new("example.org", selector, key)?;
    Ok(OutboundSigner::new().with_domain("example.org".parse()?, [signer]))
}

fn sign(outbound: &OutboundSigner) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(outbound.sign_message(MESSAGE, SystemTime::now())?)
}

/// Whether DNS shows the record of this key.
fn is_published(dns: &impl ResolveBlocking, selector: &str, record: &str) -> Result<bool, Box<dyn Error>> {
    let question = Question::txt(format!("{selector}._domainkey.example.org").parse()?);
    let answer = dns.resolve_blocking(&question)?;
    let texts: Vec<String> = answer.records.iter().map(ToString::to_string).collect();
    Ok(texts == [format!("\"{record}\"")])
}

fn print(what: &str, verifier: &Verifier, message: &[u8], dns: &Zone) {
    for verdict in verifier.verify_blocking(message, SystemTime::now(), dns) {
        println!("{what}: {verdict}");
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let verifier = Verifier::new(Policy::default())?;
    let (old, new) = (fresh_key(KeySpec::Ed25519)?, fresh_key(KeySpec::Ed25519)?);
    let mut zone = publish(Zone::new(), "2026a", &old)?;
    let mut in_use = outbound("2026a", old)?;
    let under_way = sign(&in_use)?;

    let record = KeyRecord::new(new.public_key().clone()).to_string();
    println!("1. publish 2026b: {record}");
    zone = publish(zone, "2026b", &new)?;

    println!("2. sign with it once DNS shows it");
    if is_published(&zone, "2026b", &record)? {
        in_use = outbound("2026b", new)?;
    }
    print("   new mail", &verifier, &sign(&in_use)?, &zone);
    print("   mail under way", &verifier, &under_way, &zone);

    println!("3. a week later, revoke the old one with an empty p=");
    let revoked = Zone::new()
        .with_txt("2026a._domainkey.example.org", "v=DKIM1; p=")?
        .with_txt("2026b._domainkey.example.org", record)?;
    print("   new mail", &verifier, &sign(&in_use)?, &revoked);
    print("   mail that took longer", &verifier, &under_way, &revoked);
    Ok(())
}
