//! A mail server that asks the filter.

use std::{
    io::{Read, Write},
    net::TcpStream,
    os::unix::net::UnixStream,
    time::Duration,
};

/// A connection to the filter.
pub(crate) struct Raw<S>(S);

/// What the filter did at the end of a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The fields that were inserted.
    Continued(Vec<String>),
    /// Another reply: its code, and its text.
    Replied(char, String),
    /// The connection was closed.
    Closed,
}

impl Raw<UnixStream> {
    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(stream).negotiated()
    }
}

impl Raw<TcpStream> {
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self(stream).negotiated()
    }
}

impl<S: Read + Write> Raw<S> {
    fn negotiated(mut self) -> Self {
        let offer: Vec<u8> = [6_u32, 0x1FF, 0x001F_FFFF].iter().flat_map(|word| word.to_be_bytes()).collect();
        self.send(b'O', &offer);
        assert_eq!(self.reply().unwrap().0, 'O');
        self
    }

    fn send(&mut self, code: u8, data: &[u8]) {
        let length = u32::try_from(data.len() + 1).unwrap().to_be_bytes();
        self.0.write_all(&[&length, &[code][..], data].concat()).unwrap();
    }

    fn reply(&mut self) -> Option<(char, Vec<u8>)> {
        let mut length = [0; 4];
        self.0.read_exact(&mut length).ok()?;
        let mut data = vec![0; u32::from_be_bytes(length) as usize];
        self.0.read_exact(&mut data).ok()?;
        Some((char::from(data.remove(0)), data))
    }

    /// Sends a message from a client of this machine.
    pub(crate) fn message(&mut self, id: &str, fields: &[(&str, &str)]) -> End {
        self.begin(id, fields);
        self.end()
    }

    /// Sends the header of a message.
    pub(crate) fn begin(&mut self, id: &str, fields: &[(&str, &str)]) {
        self.send(b'C', b"localhost\x004\x00\x19127.0.0.1\0");
        self.send(b'H', b"localhost\0");
        self.send(b'D', format!("Mi\0{id}\0").as_bytes());
        self.send(b'M', b"<joe@example.org>\0");
        for (name, value) in fields {
            self.send(b'L', format!("{name}\0 {value}\0").as_bytes());
        }
        self.send(b'N', b"");
    }

    /// Sends the rest of it, if anybody listens.
    pub(crate) fn end(&mut self) -> End {
        let packets = [&[0, 0, 0, 5, b'B'][..], b"hi\r\n", &[0, 0, 0, 1, b'E']].concat();
        if self.0.write_all(&packets).is_err() {
            return End::Closed;
        }
        let mut inserted = Vec::new();
        loop {
            match self.reply() {
                Some(('i', data)) => {
                    let field = String::from_utf8_lossy(&data[4..]).replace('\0', ":");
                    inserted.push(field.trim_end_matches(':').to_owned());
                }
                Some(('c', _)) => return End::Continued(inserted),
                Some(('p', _)) => {}
                Some((code, data)) => {
                    let text = String::from_utf8_lossy(&data);
                    return End::Replied(code, text.trim_end_matches('\0').to_owned());
                }
                None => return End::Closed,
            }
        }
    }

    /// Sends a message that is to be signed, and returns whether it was.
    pub(crate) fn is_signed(&mut self, id: &str) -> bool {
        let fields = [("From", "joe@example.org"), ("Subject", "lunch")];
        match self.message(id, &fields) {
            End::Continued(inserted) => inserted.iter().any(|field| field.starts_with("DKIM-Signature:")),
            _ => false,
        }
    }
}
