//! A milter that signs what the site's own users send and checks what comes from outside (OpenDKIM's `Mode sv`): which of the two
//! is known at the end of the header. Run it: it plays a mail server with both kinds of mail.

use std::{
    error::Error,
    io::{Read, Write},
    net::{IpAddr, TcpListener, TcpStream},
    thread,
    time::SystemTime,
};
use waxseal::{
    Authenticator, AuthservIds, Disposition, Envelope, OutboundSigner, Session,
    crypto::KeySpec,
    dkim::{Signer, Signing},
    dns::{Zone, drive_blocking},
    header::{HeaderBuilder, HeaderLimits, Space, WrittenField},
};
use waxseal_examples::{ask_milter, fresh_key};
use waxseal_milter::{Actions, Connection, Event, Modification, Reply, ReplyCode, Settings, Stage, Steps};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

struct Filter {
    authenticator: Authenticator,
    outbound: OutboundSigner,
    ids: AuthservIds,
    dns: Zone,
}

/// What is done with the message under way.
#[derive(Default)]
enum Message {
    Header(HeaderBuilder),
    Signing(Box<Signing>),
    Checking(Box<Session>),
    #[default]
    PassedOn,
    Refused(String),
}

/// What is known of a connection.
#[derive(Default)]
struct State {
    client: Option<IpAddr>,
    helo: Vec<u8>,
    mail_from: Vec<u8>,
    message: Message,
}

impl State {
    fn envelope(&self) -> Envelope {
        match self.client {
            Some(ip) => Envelope::new(ip, &self.helo, &self.mail_from),
            None => Envelope::without_address(&self.helo, &self.mail_from),
        }
    }
}

/// What is decided at the end of the message gets no reply before: Postfix does not wait.
fn settings() -> Settings {
    let quiet =
        Steps::NO_REPLY_CONNECT | Steps::NO_REPLY_HELO | Steps::NO_REPLY_MAIL | Steps::NO_REPLY_HEADER;
    let quiet = quiet | Steps::NO_REPLY_END_OF_HEADER | Steps::NO_REPLY_BODY | Steps::NO_RCPT;
    Settings::new()
        .with_actions(Actions::ADD_HEADERS | Actions::CHANGE_HEADERS | Actions::QUARANTINE)
        .with_steps(quiet | Steps::NO_DATA | Steps::NO_UNKNOWN | Steps::LEADING_SPACE)
        .with_macros(Stage::Mail, ["i", "{auth_authen}"])
}

impl Filter {
    fn serve(&self, mut stream: TcpStream) -> Result {
        stream.set_nodelay(true)?; // with tokio also `set_quickack(true)` after each read
        let (mut connection, mut buffer) = (Connection::new(settings()), vec![0; 65_536]);
        let mut state = State::default();
        loop {
            let length = stream.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            connection.receive(buffer.get(..length).unwrap_or_default());
            while let Some(event) = connection.next_event()? {
                if matches!(event, Event::Quit) {
                    return Ok(());
                }
                self.event(event, &mut state, &mut connection)?;
                if connection.expects_reply() {
                    connection.reply(&Reply::Continue)?;
                }
            }
            stream.write_all(&connection.take_output())?;
        }
    }

    fn event(&self, event: Event, state: &mut State, connection: &mut Connection) -> Result {
        match event {
            Event::Connect(connect) => state.client = connect.client().ip(),
            Event::Helo(name) => state.helo = name.to_vec(),
            Event::Mail(path) => {
                state.mail_from = path.address().to_vec();
                state.message = Message::Header(HeaderBuilder::new(HeaderLimits::default()));
            }
            Event::Header(field) => {
                let Message::Header(header) = &mut state.message else { return Ok(()) };
                let kept = connection.negotiated().is_some_and(|agreed| agreed.keeps_leading_space());
                let space = if kept { Space::Kept } else { Space::Added };
                if let Err(error) = header.push(field.name(), field.value(), space) {
                    state.message = Message::Refused(error.to_string());
                }
            }
            Event::EndOfHeader => {
                state.message = match std::mem::take(&mut state.message) {
                    Message::Header(header) => {
                        let user = connection.macro_value("{auth_authen}").map(<[u8]>::to_vec);
                        self.decide(header, user, &state.envelope())
                    }
                    other => other,
                };
            }
            Event::Body(chunk) => match &mut state.message {
                Message::Signing(signing) => drop(signing.push(&chunk)), // `finish` reports it again
                Message::Checking(session) => session.body(&chunk),
                _ => {}
            },
            Event::EndOfMessage => {
                let reply = self.end_of_message(std::mem::take(&mut state.message), connection)?;
                connection.reply(&reply)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// The mail of a user who has logged in is signed, all other mail is checked.
    fn decide(&self, header: HeaderBuilder, user: Option<Vec<u8>>, envelope: &Envelope) -> Message {
        let (header, now) = (header.finish(), SystemTime::now());
        if user.is_none() {
            return Message::Checking(self.authenticator.begin_with_header(envelope, header, now).into());
        }
        match self.outbound.begin(header, now) {
            Ok(signing) => Message::Signing(signing.into()),
            Err(why) => {
                println!("not signed: {why}"); // the line that an operator looks for
                Message::PassedOn
            }
        }
    }

    fn end_of_message(&self, message: Message, connection: &mut Connection) -> Result<Reply> {
        let session = match message {
            Message::Refused(why) => return Ok(Reply::Code(ReplyCode::new(554, "5.6.0", &why)?)),
            Message::Header(_) | Message::PassedOn => return Ok(Reply::Accept),
            Message::Checking(session) => session,
            Message::Signing(signing) => {
                let fields = signing.finish()?.into_iter().map(|unsigned| unsigned.sign());
                insert(connection, &fields.collect::<Result<String, _>>()?)?;
                return Ok(Reply::Accept);
            }
        };
        let report = drive_blocking(session.finish(), &self.dns);
        println!("{report}");
        // From the bottom up, so that no removal moves a field that is still to go.
        let Ok(header) = report.header() else { return Ok(Reply::Reject) };
        for forged in self.ids.forged(header) {
            let name = header.field(forged.index).map_or(&b""[..], |field| field.name());
            let number = u32::try_from(forged.occurrence)?;
            connection.modify(&Modification::remove_header(std::str::from_utf8(name)?, number)?)?;
        }
        insert(connection, &report.authentication_results().to_field())?;
        Ok(match report.disposition() {
            Disposition::None => Reply::Accept,
            Disposition::Quarantine => {
                connection.modify(&Modification::quarantine(&report.reason())?)?;
                Reply::Accept
            }
            Disposition::Defer => Reply::Code(ReplyCode::new(451, "4.7.1", &report.reason())?),
            Disposition::Reject => Reply::Code(ReplyCode::new(550, "5.7.1", &report.reason())?),
        })
    }
}

fn insert(connection: &mut Connection, fields: &str) -> Result {
    for field in WrittenField::all(fields) {
        connection.modify(&Modification::insert_header(0, field.name(), field.value())?)?;
    }
    Ok(())
}

fn main() -> Result {
    let signer = Signer::new("example.net", "2026a", fresh_key(KeySpec::Ed25519)?)?;
    let filter = Filter {
        authenticator: Authenticator::new("mx.example.net")?,
        outbound: OutboundSigner::new().with_domain("example.net".parse()?, [signer]),
        ids: AuthservIds::new(["mx.example.net"]),
        dns: Zone::new().with_txt("_dmarc.example.org", "v=DMARC1; p=quarantine")?,
    };
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let stream = TcpStream::connect(listener.local_addr()?)?;
    let (served, _) = listener.accept()?;
    thread::scope(|threads| {
        threads.spawn(|| filter.serve(served).unwrap_or_else(|error| eprintln!("{error}")));
        play(stream)
    })
}

/// A message of a user, then one from outside with a forged result in it.
fn play(stream: TcpStream) -> Result {
    let ask = |packets: &[(u8, &[u8])]| ask_milter(&stream, packets);
    ask(&[(b'O', b"\0\0\0\x06\0\0\x01\xFF\0\x1F\xFF\xFF")])?;
    let changes = ask(&[
        (b'C', b"pc.example.net\x004\x04\xD2192.0.2.7\0"),
        (b'D', b"M{auth_authen}\0grace\0"),
        (b'M', b"<grace@example.net>\0"),
        (b'L', b"From\0 grace@example.net\0"),
        (b'N', b""),
        (b'B', b"Hi.\r\n"),
        (b'E', b""),
    ])?;
    assert!(
        matches!(&changes[..], [signed] if signed.starts_with("i\0\0\0\0DKIM-Signature\0 v=1; a=ed25519-sha256;"))
    );
    let changes = ask(&[
        (b'C', b"pc.example.com\x004\x04\xD2203.0.113.5\0"),
        (b'D', b"Mi\0A2\0"),
        (b'M', b"<ada@example.org>\0"),
        (b'L', b"Authentication-Results\0 mx.example.net; dkim=pass header.d=example.org\0"),
        (b'L', b"From\0 ada@example.org\0"),
        (b'N', b""),
        (b'B', b"Please open the attachment.\r\n"),
        (b'E', b""),
    ])?;
    println!("{changes:#?}");
    let [removed, added, quarantined] = &changes[..] else { return Err("three changes are due".into()) };
    assert_eq!(removed, "m\0\0\0\x01Authentication-Results\0\0");
    assert!(added.contains("dmarc=fail") && quarantined == "qno authenticated identifier\0");
    Ok(())
}
