//! The sending client, as the mail server describes it.

use bytes::Bytes;
use std::net::IpAddr;
use waxseal_milter::{Client as Address, Connect, Connection};

/// An SMTP client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    /// The name that the mail server found, or the address in brackets.
    pub(crate) name: String,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) helo: Bytes,
}

impl Client {
    pub(crate) fn new(connect: &Connect) -> Self {
        let name = String::from_utf8_lossy(connect.hostname()).into_owned();
        // A client on a socket of this machine is this machine.
        let local = IpAddr::from([127, 0, 0, 1]);
        let ip = match connect.client() {
            Address::Ip { ip, .. } => Some(*ip),
            Address::Unix { .. } => Some(local),
            _ => None,
        };
        // Mail that `sendmail` handed in has no client; Postfix calls it localhost.
        let ip = ip.or_else(|| name.eq_ignore_ascii_case("localhost").then_some(local));
        Self { name, ip, helo: Bytes::new() }
    }

    /// `mail.example.org [192.0.2.1]`
    pub(crate) fn shown(&self) -> String {
        let ip = self.ip.map_or_else(|| "unknown".to_owned(), |ip| ip.to_string());
        let name = self.name.trim_start_matches('[').trim_end_matches(']');
        format!("{} [{ip}]", if name.is_empty() { &ip } else { name })
    }
}

/// Macros by name, as text.
pub(crate) fn macro_text(connection: &Connection, name: &str) -> Option<String> {
    let value = connection.macro_value(name).filter(|value| !value.is_empty())?;
    Some(String::from_utf8_lossy(value).into_owned())
}
