//! A mailing list: checks what comes in, adds a footer, signs, and seals. Then the receiver, who trusts the list or does not.

use std::{error::Error, time::SystemTime};
use waxseal::{
    Authenticator, Envelope, OutboundSigner, arc,
    crypto::KeySpec,
    dkim::{KeyRecord, Signer},
    dns::Zone,
};
use waxseal_examples::{MESSAGE, fresh_key, publish};

const LIST: &str = "lists.example.net";
const FOOTER: &[u8] = b"-- \r\nYou get this because you are on the list.\r\n";

fn main() -> Result<(), Box<dyn Error>> {
    let (author_key, list_key) = (fresh_key(KeySpec::Ed25519)?, fresh_key(KeySpec::Ed25519)?);
    let list_record = KeyRecord::new(list_key.public_key().clone()).to_string();
    let zone = publish(Zone::new(), "2026a", &author_key)?
        .with_txt(&format!("2026a._domainkey.{LIST}"), list_record)?
        .with_txt("_dmarc.example.org", "v=DMARC1; p=quarantine")?
        .with_txt(LIST, "v=spf1 ip4:203.0.113.0/24 -all")?;

    // The author's server.
    let signer = Signer::new("example.org", "2026a", author_key)?;
    let message = signer.sign_message(MESSAGE, SystemTime::now())?;

    // The list.
    let from_author = Envelope::new("192.0.2.7".parse()?, "mail.example.org", "ada@example.org");
    let authenticator = Authenticator::new(LIST)?.with_arc(arc::Policy::default());
    let report = authenticator.check_blocking(&from_author, &message, SystemTime::now(), &zone);
    println!("the list found: {}", report.authentication_results());
    let changed = [&message, FOOTER].concat();
    let signer = Signer::new(LIST, "2026a", list_key.clone())?;
    let list = arc::Sealer::new(LIST, "2026a", list_key)?;
    let outbound = OutboundSigner::new().with_forwarder(list, [signer]);
    let fields = outbound.forward(&LIST.parse()?, &changed, &report, SystemTime::now())?;
    print!("{fields}");
    let sealed = [fields.as_bytes(), &changed].concat();

    // The receiver.
    let from_list = Envelope::new("203.0.113.5".parse()?, LIST, format!("bounces@{LIST}"));
    let receiver = Authenticator::new("mx.example.com")?.with_arc(arc::Policy::default());
    let trusting = receiver.clone().with_trusted_sealers(|sealer| sealer.as_str() == LIST);
    for (what, receiver) in [("a stranger", receiver), ("trusted", trusting)] {
        let report = receiver.check_blocking(&from_list, &sealed, SystemTime::now(), &zone);
        println!("\n--- when the list is {what}\n{}", report.explain());
    }
    Ok(())
}
