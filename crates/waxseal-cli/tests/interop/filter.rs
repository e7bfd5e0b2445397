//! Filters that are written on `waxseal-milter`: Postfix asks one, and miltertest (of OpenDKIM) another.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use waxseal_milter::{Actions, Connection, Event, Modification, Reply, ReplyCode, Settings, Stage, Steps};

use crate::lab::{Lab, command};
use crate::relay::Postfix;
use crate::wanted;

/// What a filter saw of a message.
#[derive(Debug, Default)]
struct Seen {
    client: Option<std::net::IpAddr>,
    sender: Vec<u8>,
    queue_id: Vec<u8>,
    header: Vec<u8>,
    body: Vec<u8>,
    replies: usize,
}

/// Starts a filter that inserts a folded field, and rejects what has the subject "reject me".
fn start(settings: Settings) -> (u16, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, seen) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (settings, sender) = (settings.clone(), sender.clone());
            std::thread::spawn(move || serve(stream, settings, &sender));
        }
    });
    (port, seen)
}

fn serve(mut stream: TcpStream, settings: Settings, sender: &Sender<Seen>) {
    stream.set_nodelay(true).unwrap();
    let mut connection = Connection::new(settings);
    let mut seen = Seen::default();
    let mut buffer = vec![0; 65_536];
    loop {
        let length = stream.read(&mut buffer).unwrap_or(0);
        if length == 0 {
            return;
        }
        connection.receive(&buffer[..length]);
        while let Some(event) = connection.next_event().expect("a mail server keeps to the protocol") {
            seen.replies += usize::from(connection.expects_reply());
            match event {
                Event::Connect(connect) => seen.client = connect.client().ip(),
                Event::Mail(path) => seen.sender = path.address().to_vec(),
                Event::Header(field) => {
                    seen.header.extend_from_slice(&[field.name(), b":", field.value(), b"\n"].concat());
                }
                Event::Body(chunk) => seen.body.extend_from_slice(&chunk),
                Event::EndOfMessage => {
                    seen.queue_id = connection.macro_value("i").unwrap_or_default().to_vec();
                    let reply = if seen.header.windows(9).any(|window| window == b"reject me") {
                        Reply::Code(ReplyCode::new(550, "5.7.1", "not 100 % welcome").unwrap())
                    } else {
                        let added = Modification::insert_header(0, "X-Filter", " a;\r\n\tb\r\n").unwrap();
                        connection.modify(&added).unwrap();
                        Reply::Continue
                    };
                    connection.reply(&reply).unwrap();
                    let client = seen.client;
                    if sender.send(std::mem::take(&mut seen)).is_err() {
                        return;
                    }
                    seen.client = client;
                    continue;
                }
                Event::Quit => return,
                _ => {}
            }
            if connection.expects_reply() {
                connection.reply(&Reply::Continue).unwrap();
            }
        }
        stream.write_all(&connection.take_output()).unwrap();
    }
}

fn settings() -> Settings {
    Settings::new().with_actions(Actions::ADD_HEADERS).with_macros(Stage::Mail, ["i", "{mail_addr}"])
}

const MESSAGE: &[u8] =
    b"From: Bob <bob@alpha.example>\r\nSubject:gr\xFC\xDFe\r\n\t zwei\r\nTo:  a@beta.example\r\n\
Date: Fri, 27 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@alpha.example>\r\n\r\nHi.\r\n\r\n\tBye. \r\n";

#[test]
fn postfix_asks_a_filter_and_no_byte_is_lost() {
    if !wanted() {
        return;
    }
    let silent = Steps::NO_REPLY_CONNECT
        | Steps::NO_REPLY_HELO
        | Steps::NO_REPLY_MAIL
        | Steps::NO_REPLY_RCPT
        | Steps::NO_REPLY_HEADER
        | Steps::NO_REPLY_END_OF_HEADER
        | Steps::NO_REPLY_BODY;
    for (name, steps, replies) in [
        ("silent", Steps::LEADING_SPACE | Steps::NO_UNKNOWN | Steps::NO_DATA | silent, 1),
        // Connection, HELO, MAIL, RCPT, DATA, five fields, end of header, body, end of message.
        ("all", Steps::LEADING_SPACE, 13),
    ] {
        let (port, seen) = start(settings().with_steps(steps));
        let lab = Lab::start();
        // The macros that the filter names are sent though main.cf names others.
        let milters = format!(
            "smtpd_milters = inet:127.0.0.1:{port}\nmilter_mail_macros = v\nmilter_connect_macros = v\n"
        );
        let postfix = Postfix::with_settings(&lab, name, &milters);
        let relayed = postfix.relay(MESSAGE);
        let message = seen.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(message.client, Some("127.0.0.1".parse().unwrap()), "{name}");
        assert_eq!(message.sender, b"<bob@alpha.example>", "{name}");
        assert!(!message.queue_id.is_empty(), "{name}");
        assert_eq!(message.replies, replies, "{name}");
        let (header, body) =
            MESSAGE.split_at(MESSAGE.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 2);
        let header = String::from_utf8_lossy(header).replace("\r\n", "\n");
        assert_eq!(String::from_utf8_lossy(&message.header), header, "{name}");
        assert_eq!(message.body, &body[2..], "{name}");
        assert!(
            relayed.starts_with(b"X-Filter: a;\r\n\tb\r\nReceived:"),
            "{}",
            String::from_utf8_lossy(&relayed)
        );
        assert!(relayed.ends_with(MESSAGE), "{}", String::from_utf8_lossy(&relayed));

        let rejected = String::from_utf8_lossy(MESSAGE).replace("Hi.", "Hi").replace("zwei", "reject me");
        assert_eq!(postfix.send(rejected.as_bytes()), "550 5.7.1 not 100 % welcome", "{name}");
    }
}

#[test]
fn miltertest_finds_what_a_filter_does() {
    if !wanted() {
        return;
    }
    let (port, seen) = start(settings());
    let script = format!(
        r#"
        local function must(error, what) if error ~= nil then io.stderr:write(what, ": ", tostring(error), "\n") os.exit(1) end end
        local function check(holds, what) if not holds then io.stderr:write(what, "\n") os.exit(1) end end
        conn = mt.connect("inet:{port}@127.0.0.1")
        check(conn ~= nil, "connect")
        must(mt.conninfo(conn, "mail.alpha.example", "2001:db8::1"), "conninfo")
        check(mt.test_action(conn, SMFIF_ADDHDRS), "actions")
        check(not mt.test_action(conn, SMFIF_QUARANTINE), "actions that were not asked for")
        must(mt.helo(conn, "mail.alpha.example"), "helo")
        mt.macro(conn, SMFIC_MAIL, "i", "A1B2")
        must(mt.mailfrom(conn, "<bob@alpha.example>", "SIZE=1000"), "mailfrom")
        must(mt.rcptto(conn, "<alice@beta.example>"), "rcptto")
        must(mt.data(conn), "data")
        must(mt.header(conn, "Subject", "hi"), "header")
        check(mt.getreply(conn) == SMFIR_CONTINUE, "reply to a field")
        must(mt.eoh(conn), "eoh")
        must(mt.bodystring(conn, "Hi.\r\n"), "body")
        must(mt.eom(conn), "eom")
        check(mt.getreply(conn) == SMFIR_CONTINUE, "reply to the message")
        check(mt.eom_check(conn, MT_HDRINSERT, "X-Filter"), "the field")
        mt.abort(conn)
        must(mt.mailfrom(conn, "<>"), "mailfrom")
        must(mt.rcptto(conn, "<alice@beta.example>"), "rcptto")
        must(mt.header(conn, "Subject", "reject me"), "header")
        must(mt.eoh(conn), "eoh")
        must(mt.eom(conn), "eom")
        check(mt.getreply(conn) == SMFIR_REPLYCODE, "rejection")
        mt.disconnect(conn)
        mt.echo("all held")
        "#
    );
    let lab = Lab::start();
    let file = lab.path("filter.lua");
    std::fs::write(&file, script).unwrap();
    let output = command("miltertest", ["-s"]).arg(&file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("all held"), "{}: {said}", output.status);
    let message = seen.recv_timeout(Duration::from_secs(30)).unwrap();
    assert_eq!(message.client, Some("2001:db8::1".parse().unwrap()));
    assert_eq!((&message.queue_id[..], &message.body[..]), (&b"A1B2"[..], &b"Hi.\r\n"[..]));
    assert_eq!(message.header, b"Subject:hi\n");
}
