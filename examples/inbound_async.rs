//! The inbound check on tokio: hickory asks the name servers, a cache stands in front of it, and SPF, the keys and the DMARC record
//! are looked up while the body arrives. `cargo run -p waxseal-examples --example inbound_async -- 192.0.2.1 mail.example.com
//! joe@example.com message.eml` asks the name servers of this machine; without arguments a zone in memory answers.
//!
//! ```toml
//! waxseal = { version = "0.1", features = ["hickory", "cache"] }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```

use std::{error::Error, sync::Arc, time::SystemTime};
use waxseal::{Authenticator, Cached, Envelope, Hickory, Report, Resolve, Zone, dns::drive};
use waxseal_examples::MESSAGE;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Once for the program: both are shared by all messages.
    let authenticator = Authenticator::new("mx.example.net")?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let report = match arguments.as_slice() {
        [ip, helo, mail_from, file] => {
            let dns = Arc::new(Cached::new(Hickory::system()?));
            let envelope = Envelope::new(ip.parse()?, helo, mail_from);
            receive(&authenticator, &envelope, &std::fs::read(file)?, dns).await?
        }
        _ => {
            let dns = Arc::new(Zone::new().with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 -all")?);
            let envelope = Envelope::new("192.0.2.7".parse()?, "mail.example.org", "ada@example.org");
            receive(&authenticator, &envelope, MESSAGE, dns).await?
        }
    };
    println!("{report}");
    print!("{}", report.authentication_results().to_field());
    Ok(())
}

/// A server calls `push` for each chunk that it reads from the client.
async fn receive<R: Resolve + 'static>(
    authenticator: &Authenticator,
    envelope: &Envelope,
    message: &[u8],
    dns: Arc<R>,
) -> Result<Report, Box<dyn Error>> {
    let mut session = authenticator.begin(envelope, SystemTime::now());
    let mut ahead = None;
    for chunk in message.chunks(4096) {
        session.push(chunk);
        if ahead.is_none() && session.header().is_some() {
            let (lookups, dns) = (session.lookups(), dns.clone());
            ahead = Some(tokio::spawn(async move { lookups.resolve(&*dns).await }));
        }
    }
    let mut check = session.finish();
    if let Some(answers) = ahead {
        check = check.with_answers(answers.await?);
    }
    Ok(drive(check, &*dns).await)
}
