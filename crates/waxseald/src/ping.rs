//! `waxseald ping`: whether a daemon with these settings serves its sockets, for health checks.

use crate::{
    config::Files,
    daemon::DaemonError,
    settings::{Kind, Socket},
};
use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    sync::mpsc,
    thread,
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
            ask(socket, is_milter, PATIENCE)
                .map_err(|error| DaemonError::Silent { socket: socket.clone(), error })?;
            asked += 1;
        }
    }
    Ok(asked)
}

/// In a thread of its own, since connecting to a stopped daemon may wait for ever, and std has no limit for that on unix sockets. The
/// thread of an unanswered question ends with the process.
fn ask(socket: &Socket, is_milter: bool, patience: Duration) -> io::Result<()> {
    let (answered, answer) = mpsc::channel();
    let asked = socket.clone();
    // Nobody listens to an answer that comes too late.
    thread::Builder::new().spawn(move || _ = answered.send(connect(&asked, is_milter)))?;
    answer.recv_timeout(patience).unwrap_or_else(|_| {
        let text = format!("nothing came for {} seconds", patience.as_secs());
        Err(io::Error::new(io::ErrorKind::TimedOut, text))
    })
}

fn connect(socket: &Socket, is_milter: bool) -> io::Result<()> {
    match socket {
        Socket::Inet(host, port) => speak(TcpStream::connect((host.as_str(), *port))?, is_milter),
        Socket::Unix(path) => speak(UnixStream::connect(path)?, is_milter),
    }
}

fn speak(stream: impl Read + Write, is_milter: bool) -> io::Result<()> {
    if is_milter { negotiate(stream) } else { request(stream) }
}

/// A negotiation of the milter protocol as Postfix begins it.
fn negotiate(mut stream: impl Read + Write) -> io::Result<()> {
    stream.write_all(b"\0\0\0\x0DO\0\0\0\x06\0\0\x01\xFF\0\x1F\xFF\xFF")?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    // A longer one is of another program, as in the answer to a request.
    let length = u16::try_from(u32::from_be_bytes(length)).map_err(|_| another_program())?;
    // To its end: to close with unread bytes is a reset, which the daemon would log.
    let mut packet = vec![0; usize::from(length)];
    stream.read_exact(&mut packet)?;
    if packet.first() != Some(&b'O') {
        return Err(another_program());
    }
    stream.write_all(b"\0\0\0\x01Q")
}

/// A policy request about nothing. The answer is read to its empty line, as above.
fn request(mut stream: impl Read + Write) -> io::Result<()> {
    stream.write_all(b"request=smtpd_access_policy\n\n")?;
    let mut answer = BufReader::new(stream.take(u64::from(u16::MAX)));
    let mut start = [0; 7];
    answer.read_exact(&mut start)?;
    if start != *b"action=" {
        return Err(another_program());
    }
    loop {
        let mut line = Vec::new();
        match answer.read_until(b'\n', &mut line)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            1 if line == b"\n" => return Ok(()),
            _ => {}
        }
    }
}

fn another_program() -> io::Error {
    io::Error::other("another program answers")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;
    use tokio::net::{UnixSocket, UnixStream as Waiting};

    /// As a stopped daemon looks to whoever connects.
    #[tokio::test]
    async fn a_full_backlog_keeps_nobody_longer_than_promised() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let socket = UnixSocket::new_stream().unwrap();
        socket.bind(&path).unwrap();
        let _stopped = socket.listen(0).unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = Waiting::connect(&path).await {
            waiting.push(stream);
        }
        for is_milter in [true, false] {
            let error = ask(&Socket::Unix(path.clone()), is_milter, Duration::from_millis(50)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{error}");
        }
    }

    /// Answers, whatever is asked.
    struct Peer(Cursor<&'static [u8]>);

    impl Read for Peer {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            // One at a time, as bytes may come.
            self.0.read(buffer.get_mut(..1).unwrap())
        }
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_answer_is_read_to_its_end_and_another_program_is_told_apart() {
        let said = |text: &'static [u8], is_milter| {
            speak(Peer(Cursor::new(text)), is_milter).map_err(|error| error.to_string())
        };
        let another = || Err("another program answers".to_owned());
        assert_eq!(said(b"action=dunno\n\n", false), Ok(()));
        assert!(said(b"action=dunno\n", false).is_err(), "it is not whole");
        assert_eq!(said(b"HTTP/1.1 400 Bad Request\r\n", false), another());
        assert_eq!(said(b"\0\0\0\x0DO\0\0\0\x06\0\0\0\x01\0\0\0\0", true), Ok(()));
        assert!(said(b"\0\0\0\x0DO\0\0\0\x06", true).is_err(), "it is not whole");
        assert_eq!(said(b"\0\0\0\x01t", true), another());
        assert_eq!(said(b"HTTP/1.1 400 Bad Request\r\n", true), another());
    }
}
