//! `waxseal demo`: the inbound check of a message that went through a mailing list, without network and without files.

use crate::{
    check::{Told, print_verdict},
    exit::{Exit, Failure},
    terminal::{self, heading},
};
use clap::Args;
use std::{
    error::Error,
    io::{self, Write},
    time::{Duration, UNIX_EPOCH},
};
use waxseal::{
    Authenticator, Disposition, Envelope, Report,
    arc::Policy,
    dns::Zone,
    header::{Header, line_ends::to_crlf},
};

/// Check a message at a mailing list, after the list, and with one letter changed, and explain each verdict
///
/// The messages and their DNS zone are built in: no network and no files are needed.
#[derive(Debug, Args)]
pub(crate) struct Demo {}

/// As the list receives it from the author's provider.
const SENT: &[u8] = include_bytes!("demo/sent.eml");
/// As a subscriber's provider receives it from the list.
const RELAYED: &[u8] = include_bytes!("demo/relayed.eml");
const ZONE: &[u8] = include_bytes!("demo/zone");

const LIST: &str = "lists.example.com";
const RECEIVER: &str = "mx.example.net";

/// Mon, 01 Jun 2026 07:30:05 +0000
const NOW: Duration = Duration::from_secs(1_780_299_005);

impl Demo {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let failed = |error: Box<dyn Error>| Failure::because("the demonstration failed", &*error);
        let demo = Demonstration::new().map_err(failed)?;
        let mut out = anstream::stdout().lock();
        demo.show(&mut out).map_err(Failure::output)
    }
}

struct Demonstration {
    zone: Zone,
    sent: Vec<u8>,
    relayed: Vec<u8>,
    author: Envelope,
    list: Envelope,
}

impl Demonstration {
    fn new() -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            zone: Zone::from_zone_file(ZONE, None)?,
            sent: to_crlf(SENT).into_owned(),
            relayed: to_crlf(RELAYED).into_owned(),
            author: Envelope::new("192.0.2.25".parse()?, "mail.example.org", "ada@example.org"),
            list: Envelope::new("198.51.100.7".parse()?, LIST, "minutes-bounces@lists.example.com"),
        })
    }

    fn check(&self, authenticator: &Authenticator, envelope: &Envelope, message: &[u8]) -> Report {
        authenticator.check_blocking(envelope, message, UNIX_EPOCH + NOW, &self.zone)
    }

    fn show(&self, out: &mut impl Write) -> io::Result<Exit> {
        writeln!(out, "{}", heading(format_args!("1. Ada writes to a list. What {LIST} finds")))?;
        let at_list = self.check(&authenticator(LIST), &self.author, &self.sent);
        show_header(out, &self.sent)?;
        show_report(out, &at_list)?;

        let title =
            format!("2. The list changes the subject, adds a footer and seals. What {RECEIVER} finds");
        writeln!(out, "\n{}", heading(title))?;
        let receiver = authenticator(RECEIVER);
        let relayed = self.check(&receiver, &self.list, &self.relayed);
        show_header(out, &self.relayed)?;
        show_report(out, &relayed)?;
        writeln!(
            out,
            "\nThe footer broke Ada's signatures, and SPF speaks for the list, not for example.org: DMARC fails.\n\
             RFC 9989 §7.4 forbids to reject on the grounds of p=reject alone, so the message is quarantined."
        )?;

        writeln!(out, "\n{}", heading(format_args!("3. The same with {LIST} as a trusted sealer")))?;
        let trusting = receiver.with_trusted_sealers(|sealer| sealer.as_str() == LIST);
        let trusted = self.check(&trusting, &self.list, &self.relayed);
        show_report(out, &trusted)?;
        writeln!(
            out,
            "\nThe list sealed what it had found when the message came in there: dmarc=pass for example.org (see 1).\n\
             Nothing was changed since, and its word is believed."
        )?;

        writeln!(out, "\n{}", heading("4. The same with \"3 pm\" changed to \"4 pm\" behind the list"))?;
        let forged = replace(&self.relayed, b"moved to 3 pm", b"moved to 4 pm");
        let forged = self.check(&trusting, &self.list, &forged);
        show_report(out, &forged)?;
        writeln!(out, "\nThe seal is broken, so nobody vouches for the message.")?;

        let found = [at_list, relayed, trusted, forged].map(|report| report.disposition());
        let expected =
            [Disposition::None, Disposition::Quarantine, Disposition::None, Disposition::Quarantine];
        Ok(if found == expected { Exit::Pass } else { Exit::NotPass })
    }
}

fn authenticator(authserv_id: &str) -> Authenticator {
    Authenticator::with_provider(authserv_id, waxseal::crypto::ring::PROVIDER).with_arc(Policy::default())
}

/// The first line of each field.
fn show_header(out: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let Ok((header, body)) = Header::parse(message) else { return Ok(()) };
    for field in header.fields() {
        let text = String::from_utf8_lossy(field.raw());
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let more = if lines.next().is_some() { " ..." } else { "" };
        writeln!(out, "{}", terminal::dim(format_args!("{first}{more}")))?;
    }
    writeln!(out, "{}\n", terminal::dim(format_args!("[and {} bytes of body]", body.len())))
}

fn show_report(out: &mut impl Write, report: &Report) -> io::Result<()> {
    print_verdict(out, "message", report, &Told::default())?;
    writeln!(out)?;
    write!(out, "{}", terminal::field(&report.authentication_results().to_field()))
}

/// The first `from` becomes `to`.
fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = text.windows(from.len()).position(|window| window == from);
    match at.and_then(|at| text.split_at_checked(at)) {
        Some((before, rest)) => [before, to, rest.get(from.len()..).unwrap_or_default()].concat(),
        None => text.to_vec(),
    }
}
