//! Just enough of the MTA's side of the milter protocol (version 6) to have a filter sign or judge a message.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// The filter gets and gives header values with the blank that follows the colon (`SMFIP_HDR_LEADSPC`).
const LEADING_SPACE: u32 = 0x0010_0000;
/// Every change a filter may ask for (`SMFIF_*`).
const ALL_ACTIONS: u32 = 0x01ff;
const VERSION: u32 = 6;
/// The largest body chunk (`MILTER_CHUNK_SIZE`).
const CHUNK: usize = 65_535;

/// A header field that a filter inserts: its name, and its value from the colon on, folded with LF.
pub(crate) type Inserted = (String, String);

/// Who hands a message in.
pub(crate) struct Client<'c> {
    pub(crate) address: &'c str,
    pub(crate) helo: &'c str,
    /// Without angle brackets.
    pub(crate) mail_from: &'c str,
}

/// What a filter does with a message.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Top first.
    pub(crate) inserted: Vec<Inserted>,
    /// Why the message is put into quarantine.
    pub(crate) quarantined: Option<String>,
    /// The SMTP reply to a message that is refused.
    pub(crate) refused: Option<String>,
}

/// Shows `message` to the filter at `socket` and gives the header fields it inserts, top first.
pub(crate) fn inserted_fields(socket: &Path, message: &[u8]) -> Vec<Inserted> {
    let client =
        Client { address: "127.0.0.1", helo: "client.alpha.example", mail_from: "bob@alpha.example" };
    judge(socket, &client, message).inserted
}

/// Shows `message` from this client to the filter at `socket`.
pub(crate) fn judge(socket: &Path, client: &Client<'_>, message: &[u8]) -> Outcome {
    let mut filter = Filter::connect(socket);
    let Client { address, helo, mail_from } = client;
    filter.ask(b'C', format!("{helo}\x004\0\x19{address}\0").as_bytes());
    filter.ask(b'H', format!("{helo}\0").as_bytes());
    filter.ask(b'M', format!("<{mail_from}>\0").as_bytes());
    filter.ask(b'R', b"<alice@beta.example>\0");
    filter.ask(b'T', b"");
    let (fields, body) = split(message);
    for (name, value) in fields {
        let value = if filter.leading_space { &value[..] } else { value.trim_ascii_start() };
        filter.ask(b'L', &[&name[..], b"\0", value, b"\0"].concat());
    }
    // A filter that accepts here wants no more of this message.
    filter.send(b'N', b"");
    if filter.receive().0 == b'a' {
        return Outcome::default();
    }
    for chunk in body.chunks(CHUNK) {
        filter.ask(b'B', chunk);
    }
    let outcome = filter.end();
    filter.send(b'Q', b"");
    outcome
}

struct Filter {
    stream: UnixStream,
    leading_space: bool,
}

impl Filter {
    fn connect(socket: &Path) -> Self {
        let stream = (0..100).find_map(|_| {
            UnixStream::connect(socket).map_err(|_| std::thread::sleep(Duration::from_millis(50))).ok()
        });
        let stream = stream.unwrap_or_else(|| panic!("no filter at {}", socket.display()));
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut filter = Self { stream, leading_space: false };
        let offer = [VERSION, ALL_ACTIONS, LEADING_SPACE].map(u32::to_be_bytes).concat();
        filter.send(b'O', &offer);
        let (kind, reply) = filter.receive();
        assert_eq!(kind, b'O');
        let protocol = u32::from_be_bytes(reply[8..12].try_into().unwrap());
        filter.leading_space = protocol & LEADING_SPACE != 0;
        filter
    }

    fn send(&mut self, kind: u8, data: &[u8]) {
        let length = u32::try_from(data.len() + 1).unwrap();
        self.stream.write_all(&[&length.to_be_bytes()[..], &[kind], data].concat()).unwrap();
    }

    fn receive(&mut self) -> (u8, Vec<u8>) {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length).unwrap();
        let mut packet = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        self.stream.read_exact(&mut packet).unwrap();
        let data = packet.split_off(1);
        (packet[0], data)
    }

    /// Sends a command that the filter has to answer with "continue".
    fn ask(&mut self, kind: u8, data: &[u8]) {
        self.send(kind, data);
        let (reply, _) = self.receive();
        assert_eq!(char::from(reply), 'c', "reply to {}", char::from(kind));
    }

    /// Ends the message and gathers what the filter does.
    fn end(&mut self) -> Outcome {
        self.send(b'E', b"");
        let mut outcome = Outcome::default();
        let text = |data: Vec<u8>| Some(String::from_utf8(data).unwrap().trim_end_matches('\0').to_owned());
        loop {
            match self.receive() {
                (b'i', data) => outcome.inserted.push(self.inserted(&data[4..])),
                (b'h' | b'p', _) => {}
                (b'q', data) => outcome.quarantined = text(data),
                (b'y', data) => {
                    outcome.refused = text(data);
                    break;
                }
                (b'c' | b'a', _) => break,
                (other, _) => panic!("the filter answered {}", char::from(other)),
            }
        }
        // Each insertion at the top pushes the earlier ones down.
        outcome.inserted.reverse();
        outcome
    }

    fn inserted(&self, data: &[u8]) -> Inserted {
        let text = String::from_utf8(data.to_vec()).unwrap();
        let (name, value) = text.trim_end_matches('\0').split_once('\0').unwrap();
        let space = if self.leading_space { "" } else { " " };
        (name.to_owned(), format!("{space}{value}"))
    }
}

/// Names, and values from the colon on, folded with LF.
type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// The fields as an MTA hands them on, and the body.
fn split(message: &[u8]) -> (Fields, &[u8]) {
    let end = message.windows(4).position(|w| w == b"\r\n\r\n");
    let (header, body) = end.map_or((message, &b""[..]), |at| (&message[..at + 2], &message[at + 4..]));
    let mut fields = Fields::new();
    for line in header.split_inclusive(|&b| b == b'\n') {
        let line = line.strip_suffix(b"\r\n").unwrap();
        match fields.last_mut() {
            Some((_, value)) if line.starts_with(b" ") || line.starts_with(b"\t") => {
                value.push(b'\n');
                value.extend_from_slice(line);
            }
            _ => {
                let colon = line.iter().position(|&b| b == b':').unwrap();
                fields.push((line[..colon].to_vec(), line[colon + 1..].to_vec()));
            }
        }
    }
    (fields, body)
}
