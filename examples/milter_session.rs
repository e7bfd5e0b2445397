//! The callbacks of a milter, one by one: how a mail server's pieces become a report and the changes that it asks for. The
//! protocol itself is played here by a list of events.

use std::{error::Error, net::IpAddr, time::SystemTime};
use waxseal::{
    Authenticator, Disposition, Envelope, Report, Session,
    authres::AuthservIds,
    dns::{Zone, drive_blocking},
    header::Space,
};

/// What the mail server says.
enum Event {
    Connect(IpAddr),
    Helo(&'static str),
    MailFrom(&'static str),
    Header(&'static str, &'static str),
    Body(&'static [u8]),
    EndOfMessage,
}

/// What is known of a connection, and the message under way.
struct Milter {
    authenticator: Authenticator,
    dns: Zone,
    client: IpAddr,
    helo: String,
    message: Option<Session>,
}

impl Milter {
    fn on(&mut self, event: &Event) -> Result<(), Box<dyn Error>> {
        match event {
            Event::Connect(client) => self.client = *client,
            Event::Helo(name) => self.helo = (*name).to_owned(),
            Event::MailFrom(path) => {
                let envelope = Envelope::new(self.client, &self.helo, path);
                self.message = Some(self.authenticator.begin(&envelope, SystemTime::now()));
            }
            Event::Header(name, value) => {
                let message = self.message.as_mut().ok_or("a field before MAIL FROM")?;
                // The server has removed the space behind the colon, as SMFIP_HDR_LEADSPC was not negotiated.
                message.field(name.as_bytes(), value.as_bytes(), Space::Added)?;
            }
            Event::Body(chunk) => {
                self.message.as_mut().ok_or("a body before MAIL FROM")?.body(chunk);
            }
            Event::EndOfMessage => {
                let session = self.message.take().ok_or("no message")?;
                // A server with threads looks `session.lookups()` up beside the body.
                let report = drive_blocking(session.finish(), &self.dns);
                print_replies(&report);
            }
        }
        Ok(())
    }
}

fn print_replies(report: &Report) {
    let header = match report.header() {
        Ok(header) => header,
        // Fields in it cannot be told apart, so forged ones cannot be removed.
        Err(error) => return println!("SMFIR_REPLYCODE 554 5.6.0 {error}"),
    };
    for forged in AuthservIds::new(["mx.example.net"]).forged(header) {
        let name = header.field(forged.index).map_or(&b""[..], |field| field.name());
        println!("SMFIR_CHGHEADER {}, number {}, to nothing", name.escape_ascii(), forged.occurrence);
    }
    let field = report.authentication_results().to_field();
    println!("SMFIR_INSHEADER at 0:\n{}", field.trim_end());
    match report.disposition() {
        Disposition::None => println!("SMFIR_ACCEPT"),
        Disposition::Quarantine => println!("SMFIR_QUARANTINE {}", report.reason()),
        Disposition::Defer => println!("SMFIR_REPLYCODE 451 4.7.1 {}", report.reason()),
        Disposition::Reject => println!("SMFIR_REPLYCODE 550 5.7.1 {}", report.reason()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let dns = Zone::new()
        .with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 -all")?
        .with_txt("_dmarc.example.org", "v=DMARC1; p=quarantine")?;
    let mut milter = Milter {
        authenticator: Authenticator::new("mx.example.net")?,
        dns,
        client: IpAddr::from([0, 0, 0, 0]),
        helo: String::new(),
        message: None,
    };
    let events = [
        Event::Connect(IpAddr::from([203, 0, 113, 5])),
        Event::Helo("pc.example.com"),
        Event::MailFrom("<ada@example.org>"),
        Event::Header("Authentication-Results", "mx.example.net; dkim=pass header.d=example.org"),
        Event::Header("From", "Ada <ada@example.org>"),
        Event::Header("Subject", "Your invoice"),
        Event::Body(b"Please open the "),
        Event::Body(b"attachment.\r\n"),
        Event::EndOfMessage,
    ];
    events.iter().try_for_each(|event| milter.on(event))
}
