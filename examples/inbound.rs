//! Everything about an incoming message in one call: SPF, DKIM, DMARC, `iprev`, the field to add, and what to do.
//! `cargo run -p waxseal-examples --example inbound -- 192.0.2.1 mail.example.com joe@example.com message.eml` asks the name
//! servers of this machine; without arguments a zone in memory answers for a message made here.

use std::{error::Error, fs, time::SystemTime};
use waxseal::{
    Authenticator, Disposition, Envelope, Report, Stub,
    crypto::{KeySpec, NoProvider},
    dkim::Signer,
    dns::{ResolveBlocking, Zone},
};
use waxseal_examples::{MESSAGE, fresh_key, publish};

const ZONE: &str = r#"
example.org.              TXT "v=spf1 ip4:192.0.2.0/24 -all"
_dmarc.example.org.       TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.org"
7.2.0.192.in-addr.arpa.   PTR mail.example.org.
mail.example.org.         A 192.0.2.7
"#;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [ip, helo, mail_from, file] = arguments.as_slice() {
        let envelope = Envelope::new(ip.parse()?, helo, mail_from);
        print(&check(&envelope, &fs::read(file)?, &Stub::system()?)?);
        return Ok(());
    }
    let key = fresh_key(KeySpec::Ed25519)?;
    let zone = publish(Zone::from_zone_file(ZONE, None)?, "2026a", &key)?;
    let signer = Signer::new("example.org", "2026a", key)?;
    let message = signer.sign_message(MESSAGE, SystemTime::now())?;

    println!("--- from the author's server");
    let envelope = Envelope::new("192.0.2.7".parse()?, "mail.example.org", "ada@example.org");
    print(&check(&envelope, &message, &zone)?);

    println!("\n--- forwarded: SPF is lost, DKIM is not");
    let forwarder = Envelope::new("203.0.113.5".parse()?, "alias.example.net", "ada@example.org");
    print(&check(&forwarder, &message, &zone)?);

    println!("\n--- forged");
    print(&check(&forwarder, MESSAGE, &zone)?);
    Ok(())
}

fn check(envelope: &Envelope, message: &[u8], dns: &impl ResolveBlocking) -> Result<Report, NoProvider> {
    Ok(Authenticator::new("mx.example.net")?.check_blocking(envelope, message, SystemTime::now(), dns))
}

fn print(report: &Report) {
    print!("{}{}", report.authentication_results().to_field(), report.explain());
    match report.disposition() {
        Disposition::None => println!("=> deliver"),
        Disposition::Quarantine => println!("=> into the spam folder"),
        Disposition::Defer => println!("=> 451 4.7.1 {}", report.reason()),
        Disposition::Reject => println!("=> 550 5.7.1 {}", report.reason()),
    }
}
