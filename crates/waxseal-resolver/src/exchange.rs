//! One query to one server, over UDP and, where needed, TCP.

use crate::message::{Unfit, response};
use hickory_proto::op::Message;
use std::{
    io::{self, ErrorKind, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket},
    sync::Arc,
    time::{Duration, Instant},
};
use waxseal_dns::LookupError;

/// More than we announce, so that a datagram that fills it is known to be cut.
const BUFFER: usize = 4096;

/// Sends `query` and waits for its response until `deadline`.
pub(crate) fn exchange(
    query: &Message,
    server: SocketAddr,
    deadline: Instant,
) -> Result<Message, LookupError> {
    let octets = query.to_vec().map_err(|_| LookupError::Malformed)?;
    match by_udp(query, &octets, server, deadline)? {
        Some(message) => Ok(message),
        None => by_tcp(query, &octets, server, deadline),
    }
}

/// A socket of its own for every query: the system gives it a fresh random port, and `connect` makes it deaf to other
/// addresses (RFC 5452 §9). `None`: ask over TCP.
fn by_udp(
    query: &Message,
    octets: &[u8],
    server: SocketAddr,
    deadline: Instant,
) -> Result<Option<Message>, LookupError> {
    let any: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((any, 0)).map_err(failed)?;
    socket.connect(server).map_err(failed)?;
    socket.send(octets).map_err(failed)?;
    let mut buffer = [0; BUFFER];
    loop {
        socket.set_read_timeout(Some(remaining(deadline)?)).map_err(failed)?;
        let len = match socket.recv(&mut buffer) {
            Ok(len) => len,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        match response(buffer.get(..len).unwrap_or_default(), query) {
            Ok(_) if len == BUFFER => return Ok(None),
            Ok(message) => return Ok(Some(message)),
            Err(Unfit::AskByTcp) => return Ok(None),
            Err(Unfit::Malformed) if len == BUFFER => return Ok(None),
            Err(Unfit::Malformed) => return Err(LookupError::Malformed),
            // Whoever shoots in the dark only costs time until the deadline.
            Err(Unfit::Stray) => {}
        }
    }
}

/// RFC 7766 §8: two octets of length before each message, sent in one write.
fn by_tcp(
    query: &Message,
    octets: &[u8],
    server: SocketAddr,
    deadline: Instant,
) -> Result<Message, LookupError> {
    let mut stream = TcpStream::connect_timeout(&server, remaining(deadline)?).map_err(failed)?;
    let len = u16::try_from(octets.len()).map_err(|_| LookupError::Malformed)?;
    stream.set_write_timeout(Some(remaining(deadline)?)).map_err(failed)?;
    stream.write_all(&[&len.to_be_bytes()[..], octets].concat()).map_err(failed)?;
    let mut len = [0; 2];
    read_exact(&mut stream, &mut len, deadline)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(len))];
    read_exact(&mut stream, &mut message, deadline)?;
    // The connection is ours alone: what does not fit here is broken, not forged. A case that did not come back matters
    // no more, and what is still cut off cannot be had.
    match response(&message, query) {
        Ok(message) => Ok(message),
        Err(Unfit::AskByTcp) => match Message::from_vec(&message) {
            Ok(message) if !message.metadata.truncation => Ok(message),
            _ => Err(LookupError::Malformed),
        },
        Err(Unfit::Stray | Unfit::Malformed) => Err(LookupError::Malformed),
    }
}

/// Like [`Read::read_exact`], but the time limit is for all octets, not for each read.
fn read_exact(stream: &mut TcpStream, mut buffer: &mut [u8], deadline: Instant) -> Result<(), LookupError> {
    while !buffer.is_empty() {
        stream.set_read_timeout(Some(remaining(deadline)?)).map_err(failed)?;
        match stream.read(buffer) {
            Ok(0) => return Err(LookupError::Malformed),
            Ok(len) => buffer = buffer.get_mut(len..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
    Ok(())
}

fn remaining(deadline: Instant) -> Result<Duration, LookupError> {
    let left = deadline.saturating_duration_since(Instant::now());
    // Sockets refuse a limit of zero, and round down.
    if left < Duration::from_millis(1) { Err(LookupError::Timeout) } else { Ok(left) }
}

fn failed(error: io::Error) -> LookupError {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => LookupError::Timeout,
        _ => LookupError::Other(Arc::new(error)),
    }
}
