//! The envelope, from the command line or from the message.

use super::trace::EnvelopeSource;
#[cfg(feature = "explain")]
use super::trace::{Beginning, Now, Origin};
use crate::{client_address::parse_client_address, exit::Failure};
use clap::Args;
use std::net::IpAddr;
use waxseal::{Envelope, Relays};

#[derive(Debug, Args)]
pub(crate) struct EnvelopeArgs {
    /// The address of the client
    #[arg(long, value_name = "ADDRESS", groups = ["envelope", "known"], requires_all = ["helo", "mail_from"],
        value_parser = parse_client_address)]
    ip: Option<IpAddr>,
    /// The argument of HELO or EHLO
    #[arg(long, value_name = "NAME", requires = "ip")]
    helo: Option<String>,
    /// The address of MAIL FROM; empty for the null reverse-path of bounces
    #[arg(long, value_name = "ADDRESS", requires = "ip")]
    mail_from: Option<String>,
    /// Take the client and its HELO from the topmost Received field, and MAIL FROM from the topmost Return-Path, else
    /// X-Envelope-From. Only for messages whose topmost Received was written by the server that stored them. Hops of
    /// LMTP and from a loopback address are skipped if the field below is by the host that they name; clients that
    /// authenticated themselves, and those with a private address, have no envelope
    #[arg(long = "envelope-from-header", groups = ["envelope", "known"])]
    from_header: bool,
    /// Also skip hops from this network of yours: an address, a network such as 192.0.2.0/24, or private, short for the
    /// private networks of RFC 1918, RFC 4193 and RFC 6598; may be repeated
    #[arg(long, value_name = "CIDR", requires = "from_header")]
    relay: Vec<Relays>,
}

impl EnvelopeArgs {
    pub(super) fn is_from_header(&self) -> bool {
        self.from_header
    }

    /// Envelope and time of a message that is in memory.
    #[cfg(feature = "explain")]
    pub(crate) fn of_message(
        &self,
        now: Now,
        message: &[u8],
    ) -> Result<(Envelope, std::time::SystemTime), Failure> {
        let header = waxseal::header::Header::parse(message).map(|(header, _)| header);
        let origin = Origin { envelope: self.source()?, now };
        let Beginning { envelope, now, told } = origin.of_header(header.as_ref());
        if let Some(Err(why)) = told.time {
            crate::terminal::note(format_args!("verified as of now: {why}"));
        }
        Ok((envelope, now))
    }

    pub(super) fn source(&self) -> Result<EnvelopeSource, Failure> {
        let relays = || self.relay.iter().cloned().fold(Relays::default(), Relays::with);
        Ok(match (self.ip, &self.helo, &self.mail_from) {
            _ if self.from_header => EnvelopeSource::Header(relays()),
            (Some(ip), Some(helo), Some(mail_from)) => {
                EnvelopeSource::Given(Envelope::new(ip, helo, mail_from))
            }
            (None, None, None) => EnvelopeSource::Given(Envelope::unknown()),
            _ => return Err(Failure::new("--ip, --helo and --mail-from belong together")),
        })
    }
}
