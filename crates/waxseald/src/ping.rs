//! `waxseald ping`: whether a daemon with these settings serves its sockets, for health checks.

use crate::{
    config::Files,
    daemon::DaemonError,
    settings::{Kind, Socket},
};
use std::{
    io::{self, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::Duration,
};

/// For each socket.
const PATIENCE: Duration = Duration::from_secs(5);

/// Speaks to each socket, and returns how many there are.
pub(crate) fn run(files: &Files) -> Result<usize, DaemonError> {
    let settings = files.load().map_err(|mistakes| DaemonError::Settings(mistakes.to_string()))?;
    let mut asked = 0;
    for service in &settings.services {
        for socket in &service.sockets {
            let is_milter = matches!(service.kind, Kind::Milter(_));
            ask(socket, is_milter).map_err(|error| DaemonError::Silent { socket: socket.clone(), error })?;
            asked += 1;
        }
    }
    Ok(asked)
}

fn ask(socket: &Socket, is_milter: bool) -> io::Result<()> {
    match socket {
        Socket::Inet(host, port) => {
            let stream = TcpStream::connect((host.as_str(), *port))?;
            stream.set_read_timeout(Some(PATIENCE))?;
            speak(stream, is_milter)
        }
        Socket::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            speak(stream, is_milter)
        }
    }
}

/// A negotiation of the milter protocol as Postfix begins it, or a policy request about nothing.
fn speak(mut stream: impl Read + Write, is_milter: bool) -> io::Result<()> {
    let (request, reply): (&[u8], &[u8]) = match is_milter {
        true => (b"\0\0\0\x0DO\0\0\0\x06\0\0\x01\xFF\0\x1F\xFF\xFF", b"O"),
        false => (b"request=smtpd_access_policy\n\n", b"action="),
    };
    stream.write_all(request)?;
    let mut received = [0; 7];
    stream.read_exact(&mut received)?;
    let is_expected = match is_milter {
        // Behind the length of the packet.
        true => received.get(4..5) == Some(reply),
        false => received == *reply,
    };
    match is_expected {
        true if is_milter => stream.write_all(b"\0\0\0\x01Q"),
        true => Ok(()),
        false => Err(io::Error::other("another program answers")),
    }
}
