//! What the client said before the message: told on the command line, or read from the message.

use super::received;
use crate::exit::Failure;
use clap::Args;
use std::net::IpAddr;
use waxseal::{
    Envelope,
    header::{Header, HeaderError},
};

#[derive(Debug, Args)]
pub(crate) struct EnvelopeArgs {
    /// The address of the client
    #[arg(long, value_name = "ADDRESS", groups = ["envelope", "known"], requires_all = ["helo", "mail_from"])]
    ip: Option<IpAddr>,
    /// What the client said in HELO or EHLO
    #[arg(long, value_name = "NAME", requires = "ip")]
    helo: Option<String>,
    /// The address of MAIL FROM; empty for the null reverse-path of bounces
    #[arg(long, value_name = "ADDRESS", requires = "ip")]
    mail_from: Option<String>,
    /// Take the client and its HELO from the topmost Received field, and MAIL FROM from the topmost Return-Path, else
    /// X-Envelope-From. Only for messages whose topmost Received was written by the server that took them from outside
    #[arg(long = "envelope-from-header", groups = ["envelope", "known"])]
    from_header: bool,
}

/// Where the envelope of each message comes from.
#[derive(Debug)]
pub(super) enum EnvelopeSource {
    Given(Envelope),
    Header,
}

impl EnvelopeArgs {
    pub(super) fn source(&self) -> Result<EnvelopeSource, Failure> {
        Ok(match (self.ip, &self.helo, &self.mail_from) {
            _ if self.from_header => EnvelopeSource::Header,
            (Some(ip), Some(helo), Some(mail_from)) => {
                EnvelopeSource::Given(Envelope::new(ip, helo, mail_from))
            }
            (None, None, None) => EnvelopeSource::Given(Envelope::unknown()),
            _ => return Err(Failure::new("--ip, --helo and --mail-from belong together")),
        })
    }
}

/// Why a message tells of no envelope; none when it does, or was not asked.
pub(crate) type Missing = Option<&'static str>;

/// The envelope that trace fields tell of; unknown when one of them is missing or cannot be read.
pub(super) fn from_header(header: &Result<Header, HeaderError>) -> (Envelope, Missing) {
    match header.as_ref().map_err(|_| "the header cannot be read").and_then(read) {
        Ok(envelope) => (envelope, None),
        Err(why) => (Envelope::unknown(), Some(why)),
    }
}

fn read(header: &Header) -> Result<Envelope, &'static str> {
    let topmost = |name: &str| header.fields().find(|field| field.is(name)).map(|field| field.value());
    let received = topmost("Received").ok_or("no Received")?;
    let (ip, helo) = received::client(received).ok_or("the topmost Received names no client")?;
    let path = topmost("Return-Path").or_else(|| topmost("X-Envelope-From"));
    let path = path.ok_or("no Return-Path or X-Envelope-From")?;
    Ok(Envelope::new(ip, helo, path.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Envelope {
        let (envelope, missing) = parse(text);
        assert_eq!(missing, None, "{text}");
        envelope
    }

    fn parse(text: &str) -> (Envelope, Missing) {
        from_header(&Header::parse(text.as_bytes()).map(|(header, _)| header))
    }

    #[test]
    fn the_topmost_fields_count() {
        let received = "Received: from a.example (a.example [192.0.2.1]) by mx; now\r\n";
        let older = "Received: from b.example (b.example [192.0.2.2]) by relay; then\r\n";
        let expected = Envelope::new("192.0.2.1".parse().unwrap(), "a.example", "joe@example.org");
        assert_eq!(read(&format!("Return-Path: <joe@example.org>\r\n{received}{older}\r\n")), expected);
        assert_eq!(read(&format!("{received}X-Envelope-From: joe@example.org\r\n{older}\r\n")), expected);
        let null = read(&format!("Return-path: <>\r\n{received}X-Envelope-From: joe@example.org\r\n\r\n"));
        assert!(null.is_null_sender() && null.is_known());
    }

    #[test]
    fn nothing_is_guessed() {
        let received = "Received: from a.example (a.example [192.0.2.1]) by mx; now\r\n";
        for (text, why) in [
            ("From: joe@example.org\r\n\r\n".to_owned(), "no Received"),
            (format!("{received}From: joe@example.org\r\n\r\n"), "no Return-Path or X-Envelope-From"),
            ("Return-Path: <joe@example.org>\r\n\r\n".to_owned(), "no Received"),
            // Handed over by a local program, which says nothing of the client.
            (
                format!("Return-Path: <a@example.org>\r\nReceived: by mx (Postfix); now\r\n{received}\r\n"),
                "the topmost Received names no client",
            ),
        ] {
            let (envelope, missing) = parse(&text);
            assert_eq!((envelope.is_known(), missing), (false, Some(why)), "{text}");
        }
    }
}
