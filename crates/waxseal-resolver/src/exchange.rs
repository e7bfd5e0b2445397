//! One query to one server, over UDP and, where needed, TCP.

use crate::{
    failure::Failure,
    message::{Unfit, response},
};
use hickory_proto::op::Message;
use std::{
    io::{ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    time::{Duration, Instant},
};

/// More than we announce, so that a datagram that fills it is known to be truncated.
const BUFFER: usize = 4096;

/// Sends `query` and waits for its response until `deadline`.
pub(crate) fn exchange(
    query: &Message,
    server: SocketAddr,
    deadline: Option<Instant>,
) -> Result<Message, Failure> {
    // Nothing is sent when there is no time left to wait for the response.
    remaining(deadline)?;
    let octets = query.to_vec().map_err(|_| Failure::Unreadable)?;
    match by_udp(query, &octets, server, deadline)? {
        Some(message) => Ok(message),
        None => by_tcp(query, &octets, server, deadline),
    }
}

/// A socket of its own for every query: the system gives it a fresh random port, and `connect` makes it ignore other
/// addresses (RFC 5452 §9). `None`: ask over TCP.
fn by_udp(
    query: &Message,
    octets: &[u8],
    server: SocketAddr,
    deadline: Option<Instant>,
) -> Result<Option<Message>, Failure> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0))?;
    socket.connect(server)?;
    socket.send(octets)?;
    let mut buffer = [0; BUFFER];
    loop {
        socket.set_read_timeout(Some(remaining(deadline)?))?;
        let len = match socket.recv(&mut buffer) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        match response(buffer.get(..len).unwrap_or_default(), query) {
            Ok(_) if len == BUFFER => return Ok(None),
            Ok(message) => return Ok(Some(message)),
            Err(Unfit::AskByTcp) => return Ok(None),
            Err(Unfit::Malformed) if len == BUFFER => return Ok(None),
            Err(Unfit::Malformed) => return Err(Failure::Unreadable),
            // Forged datagrams only cost time until the deadline.
            Err(Unfit::Stray) => {}
        }
    }
}

/// RFC 7766 §8: two bytes of length before each message, sent in one write.
fn by_tcp(
    query: &Message,
    octets: &[u8],
    server: SocketAddr,
    deadline: Option<Instant>,
) -> Result<Message, Failure> {
    let mut stream = TcpStream::connect_timeout(&server, remaining(deadline)?)?;
    let len = u16::try_from(octets.len()).map_err(|_| Failure::Unreadable)?;
    stream.set_write_timeout(Some(remaining(deadline)?))?;
    stream.write_all(&[&len.to_be_bytes()[..], octets].concat())?;
    let mut len = [0; 2];
    read_exact(&mut stream, &mut len, deadline)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
    read_exact(&mut stream, &mut message, deadline)?;
    // Nobody else can write to this connection: a response that does not match is broken, not forged. The case of
    // letters does not matter any more, and a truncated response is final.
    match response(&message, query) {
        Ok(message) => Ok(message),
        Err(Unfit::AskByTcp) => match Message::from_vec(&message) {
            Ok(message) if !message.metadata.truncation => Ok(message),
            _ => Err(Failure::Unreadable),
        },
        Err(Unfit::Stray | Unfit::Malformed) => Err(Failure::Unreadable),
    }
}

/// Like [`Read::read_exact`], but the time limit is for all bytes, not for each read.
fn read_exact(
    stream: &mut TcpStream,
    mut buffer: &mut [u8],
    deadline: Option<Instant>,
) -> Result<(), Failure> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(remaining(deadline)?))?;
        match stream.read(buffer) {
            Ok(0) => return Err(Failure::Unreadable),
            Ok(len) => buffer = buffer.get_mut(len..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A deadline that is too far away to be represented becomes one day.
fn remaining(deadline: Option<Instant>) -> Result<Duration, Failure> {
    let Some(deadline) = deadline else { return Ok(Duration::from_secs(86_400)) };
    let left = deadline.saturating_duration_since(Instant::now());
    // Sockets refuse a time-out of zero, and round down.
    if left < Duration::from_millis(1) { Err(Failure::NoAnswer) } else { Ok(left) }
}
