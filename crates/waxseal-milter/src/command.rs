//! What the mail server sends.

use crate::{macros::Stage, packet::Packet};
use bytes::{Buf, Bytes};
use std::{
    ffi::CStr,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A packet that is not a command of the protocol, or has invalid data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{command}: {problem}")]
pub struct InvalidCommand {
    command: String,
    problem: &'static str,
}

impl InvalidCommand {
    fn new(code: u8, problem: &'static str) -> Self {
        let command = match name(code) {
            Some(name) => format!("command {name}"),
            None => format!("command {:?}", char::from(code)),
        };
        Self { command, problem }
    }
}

/// Who connected to the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connect {
    hostname: Bytes,
    client: Client,
}

impl Connect {
    /// Returns the name of the client that the mail server found: by default the PTR name if it leads back to the
    /// address, otherwise the address in brackets. Any bytes but NUL.
    pub fn hostname(&self) -> &[u8] {
        &self.hostname
    }

    /// Returns the address of the client.
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// The address of an SMTP client.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Client {
    /// An address of IPv4 or IPv6.
    Ip {
        /// The address.
        ip: IpAddr,
        /// The port of the client; 0 if unknown.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// The path, any bytes but NUL.
        path: Bytes,
    },
    /// Unknown to the mail server, for example for mail submitted by `sendmail`.
    Unknown,
}

impl Client {
    /// Returns the IP address, if the client has one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip { ip, .. } => Some(*ip),
            _ => None,
        }
    }
}

/// The address of a MAIL or RCPT command, with its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    address: Bytes,
    parameters: Vec<Bytes>,
}

impl Path {
    /// Returns the address as it was sent, with its angle brackets: `<joe@example.org>`, `<>`. Any bytes but NUL.
    pub fn address(&self) -> &[u8] {
        &self.address
    }

    /// Returns the ESMTP parameters, such as `SIZE=1000`.
    pub fn parameters(&self) -> impl Iterator<Item = &[u8]> {
        self.parameters.iter().map(|parameter| &parameter[..])
    }
}

/// A header field of the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField {
    name: Bytes,
    value: Bytes,
}

impl HeaderField {
    /// Returns the name. Any bytes but NUL.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Returns the value, with LF (Postfix) or CR LF between its lines and none at its end. Any bytes but NUL.
    ///
    /// Whether it includes the space after the colon: see
    /// [`Negotiated::keeps_leading_space`](crate::Negotiated::keeps_leading_space).
    pub fn value(&self) -> &[u8] {
        &self.value
    }
}

/// A command, with its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    Negotiate {
        version: u32,
        actions: u32,
        steps: u32,
    },
    Macros {
        stage: Stage,
        pairs: Vec<(Bytes, Bytes)>,
    },
    /// Macros of a command without a stage, which are not needed.
    OtherMacros,
    Connect(Connect),
    Helo(Bytes),
    Mail(Path),
    Rcpt(Path),
    Data,
    Header(HeaderField),
    EndOfHeader,
    Body(Bytes),
    EndOfMessage(Bytes),
    Unknown(Bytes),
    Abort,
    Quit,
    QuitNewConnection,
}

/// The name of a command for messages.
pub(crate) fn name(code: u8) -> Option<&'static str> {
    Some(match code {
        b'O' => "negotiate",
        b'D' => "macros",
        b'C' => "connect",
        b'H' => "helo",
        b'M' => "mail",
        b'R' => "rcpt",
        b'T' => "data",
        b'L' => "header",
        b'N' => "end of header",
        b'B' => "body",
        b'E' => "end of message",
        b'U' => "unknown",
        b'A' => "abort",
        b'Q' => "quit",
        b'K' => "quit, new connection",
        _ => return None,
    })
}

impl Command {
    pub(crate) fn parse(packet: Packet) -> Result<Self, InvalidCommand> {
        let Packet { code, data } = packet;
        let text =
            |data: Bytes| last_string(data).ok_or(InvalidCommand::new(code, "no NUL, or more behind it"));
        Ok(match code {
            b'O' => negotiate(data)?,
            b'D' => macros(data)?,
            b'C' => Self::Connect(connect(data)?),
            b'H' => Self::Helo(text(data)?),
            b'M' => Self::Mail(path(code, data)?),
            b'R' => Self::Rcpt(path(code, data)?),
            b'T' => Self::Data,
            b'L' => Self::Header(header(data)?),
            b'N' => Self::EndOfHeader,
            b'B' => Self::Body(data),
            b'E' => Self::EndOfMessage(data),
            b'U' => Self::Unknown(text(data)?),
            b'A' => Self::Abort,
            b'Q' => Self::Quit,
            b'K' => Self::QuitNewConnection,
            _ => return Err(InvalidCommand::new(code, "unknown")),
        })
    }
}

/// Takes a NUL-terminated string from the front.
fn string(data: &mut Bytes) -> Option<Bytes> {
    let end = CStr::from_bytes_until_nul(data).ok()?.count_bytes();
    let text = data.split_to(end);
    data.advance(1);
    Some(text)
}

/// A string that is all of the data.
fn last_string(mut data: Bytes) -> Option<Bytes> {
    string(&mut data).filter(|_| data.is_empty())
}

fn negotiate(mut data: Bytes) -> Result<Command, InvalidCommand> {
    let mut number = || data.try_get_u32().map_err(|_| InvalidCommand::new(b'O', "fewer than 12 bytes"));
    Ok(Command::Negotiate { version: number()?, actions: number()?, steps: number()? })
}

fn macros(mut data: Bytes) -> Result<Command, InvalidCommand> {
    let code =
        data.try_get_u8().map_err(|_| InvalidCommand::new(b'D', "no command that the macros are for"))?;
    let mut pairs = Vec::new();
    while !data.is_empty() {
        let pair = string(&mut data).and_then(|name| Some((name, string(&mut data)?)));
        pairs.push(pair.ok_or(InvalidCommand::new(b'D', "a name without a value, or without its NUL"))?);
    }
    Ok(match Stage::of_command(code) {
        Some(stage) => Command::Macros { stage, pairs },
        None => Command::OtherMacros,
    })
}

fn connect(mut data: Bytes) -> Result<Connect, InvalidCommand> {
    let invalid = |problem| InvalidCommand::new(b'C', problem);
    let hostname = string(&mut data).ok_or(invalid("no NUL behind the host name"))?;
    let family = data.try_get_u8().map_err(|_| invalid("no address family"))?;
    if family == b'U' {
        return Ok(Connect { hostname, client: Client::Unknown });
    }
    let port = data.try_get_u16().map_err(|_| invalid("no port"))?;
    let address = last_string(data).ok_or(invalid("no address, or more behind it"))?;
    let client = match family {
        b'4' => ip::<Ipv4Addr>(&address).map(|ip| Client::Ip { ip: ip.into(), port }),
        b'6' => ip::<Ipv6Addr>(&address).map(|ip| Client::Ip { ip: ip.into(), port }),
        b'L' => Some(Client::Unix { path: address }),
        _ => return Err(invalid("unknown address family")),
    };
    Ok(Connect { hostname, client: client.ok_or(invalid("the address is none of its family"))? })
}

/// Sendmail writes `IPv6:` before it, as in an address literal of SMTP.
fn ip<A: std::str::FromStr>(text: &[u8]) -> Option<A> {
    let text = std::str::from_utf8(text).ok()?;
    let is_tagged = text.get(..5).is_some_and(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    let text = if is_tagged { text.get(5..)? } else { text };
    text.parse().ok()
}

fn path(code: u8, mut data: Bytes) -> Result<Path, InvalidCommand> {
    let invalid = InvalidCommand::new(code, "no NUL behind the address or a parameter");
    let address = string(&mut data).ok_or(invalid.clone())?;
    let mut parameters = Vec::new();
    while !data.is_empty() {
        parameters.push(string(&mut data).ok_or(invalid.clone())?);
    }
    Ok(Path { address, parameters })
}

fn header(mut data: Bytes) -> Result<HeaderField, InvalidCommand> {
    let name = string(&mut data);
    let value = last_string(data);
    match (name, value) {
        (Some(name), Some(value)) => Ok(HeaderField { name, value }),
        _ => Err(InvalidCommand::new(b'L', "not a name and a value, each with its NUL")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(code: u8, data: &'static [u8]) -> Result<Command, InvalidCommand> {
        Command::parse(Packet { code, data: Bytes::from_static(data) })
    }

    fn client(data: &'static [u8]) -> Result<Client, String> {
        match parse(b'C', data) {
            Ok(Command::Connect(connect)) => Ok(connect.client),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn clients_of_each_family() {
        let ip = |ip: &str, port| Ok(Client::Ip { ip: ip.parse().unwrap(), port });
        assert_eq!(client(b"mx.example.org\x004\x04\x00192.0.2.1\0"), ip("192.0.2.1", 1024));
        assert_eq!(client(b"mx\x006\0\x19IPv6:2001:db8::1\0"), ip("2001:db8::1", 25));
        assert_eq!(client(b"mx\x006\0\x19::ffff:192.0.2.1\0"), ip("::ffff:192.0.2.1", 25));
        assert_eq!(client(b"localhost\0U"), Ok(Client::Unknown));
        assert_eq!(
            client(b"localhost\0L\0\0/run/s\0"),
            Ok(Client::Unix { path: Bytes::from_static(b"/run/s") })
        );
    }

    #[test]
    fn what_is_wrong_with_a_command_is_named() {
        let error = |code, data| parse(code, data).unwrap_err().to_string();
        assert_eq!(client(b"mx"), Err("command connect: no NUL behind the host name".to_owned()));
        assert_eq!(
            client(b"mx\x004\0\0mx\0"),
            Err("command connect: the address is none of its family".to_owned())
        );
        assert_eq!(client(b"mx\x009\0\0mx\0"), Err("command connect: unknown address family".to_owned()));
        assert_eq!(client(b"mx\x004\0"), Err("command connect: no port".to_owned()));
        assert_eq!(error(b'L', b"Subject\0 hi"), "command header: not a name and a value, each with its NUL");
        assert_eq!(
            error(b'L', b"Subject\0 hi\0more\0"),
            "command header: not a name and a value, each with its NUL"
        );
        assert_eq!(error(b'O', b"\0\0\0\x06"), "command negotiate: fewer than 12 bytes");
        assert_eq!(error(b'D', b"Ci\0"), "command macros: a name without a value, or without its NUL");
        assert_eq!(error(b'?', b""), "command '?': unknown");
    }

    #[test]
    fn no_byte_of_a_header_field_is_lost() {
        let Ok(Command::Header(field)) = parse(b'L', b"Subject\0 gr\xFC\xDFe\n\tzwei\0") else { panic!() };
        assert_eq!((field.name(), field.value()), (&b"Subject"[..], &b" gr\xFC\xDFe\n\tzwei"[..]));
    }
}
