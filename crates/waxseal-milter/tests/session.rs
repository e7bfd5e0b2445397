//! Whole connections, as Postfix and Sendmail hold them.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use proptest::prelude::*;
use waxseal_milter::{
    Actions, Connection, Event, Modification, ProtocolError, Reply, ReplyCode, ReplyError, Settings, Stage,
    Steps,
};

fn packet(code: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).unwrap();
    [&length.to_be_bytes()[..], &[code], data].concat()
}

fn offer(version: u32, actions: u32, steps: u32) -> Vec<u8> {
    packet(b'O', &[version.to_be_bytes(), actions.to_be_bytes(), steps.to_be_bytes()].concat())
}

/// What Postfix 3.7 offers.
fn postfix() -> Vec<u8> {
    offer(6, 0x1ff, 0x1f_ffff)
}

const SILENT: [Steps; 7] = [
    Steps::NO_REPLY_CONNECT,
    Steps::NO_REPLY_HELO,
    Steps::NO_REPLY_MAIL,
    Steps::NO_REPLY_RCPT,
    Steps::NO_REPLY_HEADER,
    Steps::NO_REPLY_END_OF_HEADER,
    Steps::NO_REPLY_BODY,
];

fn silent() -> Steps {
    SILENT.into_iter().fold(Steps::NO_UNKNOWN | Steps::NO_DATA | Steps::LEADING_SPACE, |all, step| all | step)
}

fn message() -> Vec<Vec<u8>> {
    vec![
        packet(b'D', b"Cj\0mx.example.net\0{client_addr}\x00192.0.2.1\0"),
        packet(b'C', b"mail.example.org\x004\x04\xD2192.0.2.1\0"),
        packet(b'H', b"mail.example.org\0"),
        packet(b'D', b"Mi\0A1B2\0{mail_addr}\0joe@example.org\0"),
        packet(b'M', b"<joe@example.org>\0SIZE=1000\0BODY=8BITMIME\0"),
        packet(b'R', b"<suzie@example.net>\0"),
        packet(b'L', b"From\0 Joe <joe@example.org>\0"),
        packet(b'L', b"Subject\0 gr\xFC\xDFe\n\tzwei\0"),
        packet(b'N', b""),
        packet(b'B', b"Hi.\r\n"),
        packet(b'E', b"Bye.\r\n"),
    ]
}

/// All events, each with whether it awaits a reply; what awaits one is continued.
fn events(connection: &mut Connection, received: &[u8]) -> Result<Vec<(Event, bool)>, ProtocolError> {
    connection.receive(received);
    let mut events = Vec::new();
    while let Some(event) = connection.next_event()? {
        events.push((event, connection.expects_reply()));
        if connection.expects_reply() {
            connection.reply(&Reply::Continue).unwrap();
        }
    }
    Ok(events)
}

fn start(settings: Settings, offer: &[u8]) -> Connection {
    let mut connection = Connection::new(settings);
    assert!(matches!(events(&mut connection, offer).unwrap()[..], [(Event::Negotiated(_), false)]));
    connection
}

#[test]
fn a_message_of_postfix_without_replies_is_answered_once() {
    let settings = Settings::new()
        .with_actions(Actions::ADD_HEADERS | Actions::CHANGE_HEADERS)
        .with_steps(silent() | Steps::CHUNKS_OF_1_MIB)
        .with_macros(Stage::Mail, ["i", "{auth_authen}", "two words", ""]);
    let mut connection = Connection::new(settings);
    connection.receive(&postfix());
    let Some(Event::Negotiated(negotiated)) = connection.next_event().unwrap() else { panic!() };
    assert!(negotiated.keeps_leading_space());
    assert_eq!(negotiated.version(), 6);
    // Chunks of 1 MiB were not offered.
    assert_eq!(negotiated.steps(), silent());
    let answer = connection.take_output();
    assert_eq!(answer[5..17], [0, 0, 0, 6, 0, 0, 1, 0x11, 0, 0x1C, 0xF3, 0x80]);
    assert_eq!(&answer[17..], b"\0\0\0\x02i {auth_authen}\0");

    connection.receive(&message().concat());
    let mut names = Vec::new();
    loop {
        let event = connection.next_event().unwrap().unwrap();
        match &event {
            Event::Mail(path) => {
                assert_eq!(path.address(), b"<joe@example.org>");
                assert_eq!(path.parameters().collect::<Vec<_>>(), [&b"SIZE=1000"[..], b"BODY=8BITMIME"]);
                assert_eq!(connection.macro_value("i"), Some(&b"A1B2"[..]));
                assert_eq!(connection.macro_value("client_addr"), Some(&b"192.0.2.1"[..]));
            }
            Event::Header(field) => assert!(field.value().starts_with(b" ")),
            _ => {}
        }
        names.push(format!("{event:?}").split(['(', ' ', '{']).next().unwrap().to_owned());
        if connection.expects_reply() {
            break;
        }
    }
    assert_eq!(names.join(" "), "Connect Helo Mail Rcpt Header Header EndOfHeader Body Body EndOfMessage");
    assert!(connection.take_output().is_empty());

    connection.modify(&Modification::insert_header(0, "X", " a\r\n\tb\r\n").unwrap()).unwrap();
    connection.modify(&Modification::remove_header("Subject", 1).unwrap()).unwrap();
    connection.progress().unwrap();
    connection.reply(&Reply::Accept).unwrap();
    let expected = [
        packet(b'i', b"\0\0\0\0X\0 a\n\tb\0"),
        packet(b'm', b"\0\0\0\x01Subject\0\0"),
        packet(b'p', b""),
        packet(b'a', b""),
    ];
    assert_eq!(connection.take_output(), expected.concat());
    // What belonged to the message is gone, what belongs to the connection is not.
    assert_eq!(connection.macro_value("i"), None);
    assert_eq!(connection.macro_value("j"), Some(&b"mx.example.net"[..]));
}

#[test]
fn without_agreement_every_step_awaits_a_reply_and_blanks_are_those_of_the_mail_server() {
    let mut connection = start(Settings::new().with_actions(Actions::ADD_HEADERS), &offer(2, 0x3f, 0x7f));
    assert_eq!(connection.take_output(), offer(2, 1, 0));
    let events = events(&mut connection, &message().concat()).unwrap();
    let replies = events.iter().filter(|(_, expects)| *expects).count();
    // The last chunk came with the end of the message, which is what the reply is to.
    assert_eq!((events.len(), replies), (10, 9));
    assert_eq!(connection.take_output(), packet(b'c', b"").repeat(9));

    connection.receive(&[packet(b'M', b"<>\0"), packet(b'E', b"")].concat());
    assert!(matches!(connection.next_event(), Ok(Some(Event::Mail(_)))));
    // The mail server waits, so nothing more is reported.
    assert_eq!(connection.next_event(), Ok(None));
    connection.reply(&Reply::Continue).unwrap();
    assert_eq!(connection.next_event(), Ok(Some(Event::EndOfMessage)));
    _ = connection.take_output();
    connection.modify(&Modification::add_header("X", " a").unwrap()).unwrap();
    assert_eq!(connection.take_output(), packet(b'h', b"X\0a\0"));
}

#[test]
fn sizes_of_chunks_are_agreed_on() {
    let settings = Settings::new()
        .with_actions(Actions::REPLACE_BODY)
        .with_steps(Steps::CHUNKS_OF_256_KIB | Steps::CHUNKS_OF_1_MIB)
        .with_max_packet(1);
    // Sendmail.
    let mut connection = start(settings.clone(), &offer(6, 0x1ff, 0x301f_ffff));
    assert_eq!(connection.take_output(), offer(6, 2, 0x2000_0000));
    let chunk = vec![b'x'; (1 << 20) - 1];
    let received = [packet(b'M', b"<>\0"), packet(b'B', &chunk), packet(b'E', b"")].concat();
    assert_eq!(events(&mut connection, &received).unwrap().len(), 3);

    let mut connection = start(settings, &postfix());
    _ = connection.take_output();
    assert_eq!(events(&mut connection, &packet(b'B', &chunk[..65_535])).unwrap().len(), 1);
    let error = events(&mut connection, &packet(b'B', &chunk)).unwrap_err();
    assert_eq!(error.to_string(), "packet of 1048576 bytes, where 1 to 65536 are allowed");
}

#[test]
fn a_new_body_goes_out_in_chunks() {
    let mut connection = start(Settings::new().with_actions(Actions::REPLACE_BODY), &postfix());
    connection.receive(&packet(b'E', b""));
    assert_eq!(connection.next_event(), Ok(Some(Event::EndOfMessage)));
    _ = connection.take_output();
    connection.modify(&Modification::replace_body(vec![b'y'; 65_537])).unwrap();
    let expected = [packet(b'b', &[b'y'; 65_535]), packet(b'b', b"yy")];
    assert_eq!(connection.take_output(), expected.concat());
}

#[test]
fn a_mail_server_that_offers_too_little_is_refused() {
    let mut connection =
        Connection::new(Settings::new().with_actions(Actions::ADD_HEADERS | Actions::QUARANTINE));
    let error = events(&mut connection, &offer(6, 0x1f, 0)).unwrap_err();
    assert_eq!(error, ProtocolError::NotOffered(Actions::QUARANTINE));
    assert_eq!(error.to_string(), "the mail server does not offer QUARANTINE");
    let error = events(&mut Connection::new(Settings::new()), &offer(1, 0x1f, 0)).unwrap_err();
    assert_eq!(error, ProtocolError::Version(1));
    assert!(Connection::new(Settings::new()).take_output().is_empty());
}

#[test]
fn commands_keep_their_order() {
    let error = |packets: &[Vec<u8>]| {
        let mut connection = Connection::new(Settings::new());
        events(&mut connection, &packets.concat()).unwrap_err().to_string()
    };
    let (mail, header, end) = (packet(b'M', b"<>\0"), packet(b'L', b"A\0b\0"), packet(b'N', b""));
    assert_eq!(error(std::slice::from_ref(&mail)), "command mail before the negotiation");
    assert_eq!(error(&[postfix(), postfix()]), "command negotiate twice");
    let late = "after a later one of the same message";
    assert_eq!(error(&[postfix(), mail.clone(), mail.clone()]), format!("command mail {late}"));
    assert_eq!(error(&[postfix(), mail.clone(), end.clone(), header]), format!("command header {late}"));
    assert_eq!(error(&[postfix(), mail, packet(b'B', b""), end]), format!("command end of header {late}"));
    assert_eq!(error(&[postfix(), packet(b'z', b"")]), "command 'z': unknown");
}

#[test]
fn a_message_that_is_given_up_leaves_nothing_behind() {
    let mut connection = start(Settings::new(), &postfix());
    let given_up =
        [packet(b'D', b"Mi\0A1\0"), packet(b'M', b"<>\0"), packet(b'A', b""), packet(b'M', b"<>\0")];
    let events_of = events(&mut connection, &given_up.concat()).unwrap();
    assert!(matches!(events_of[..], [(Event::Mail(_), true), (Event::Abort, false), (Event::Mail(_), true)]));
    assert_eq!(connection.macro_value("i"), None);

    let reused =
        [packet(b'D', b"Cj\0mx\0"), packet(b'K', b""), packet(b'C', b"localhost\0U"), packet(b'Q', b"")];
    let events_of = events(&mut connection, &reused.concat()).unwrap();
    assert!(matches!(
        events_of[..],
        [(Event::NewConnection, false), (Event::Connect(_), true), (Event::Quit, false)]
    ));
    assert_eq!(connection.macro_value("j"), None);
}

#[test]
fn after_a_rejection_the_next_message_begins() {
    let mut connection = start(Settings::new(), &postfix());
    for reply in [Reply::Reject, Reply::Accept, Reply::Code(ReplyCode::new(451, "4.7.1", "later").unwrap())] {
        connection.receive(
            &[packet(b'M', b"<>\0"), packet(b'R', b"<a@b.example>\0"), packet(b'L', b"A\0b\0")].concat(),
        );
        for _ in 0..2 {
            connection.next_event().unwrap().unwrap();
            connection.reply(&Reply::Continue).unwrap();
        }
        assert!(matches!(connection.next_event(), Ok(Some(Event::Header(_)))));
        connection.reply(&reply).unwrap();
    }
    // A recipient that is rejected ends nothing.
    connection.receive(
        &[packet(b'M', b"<>\0"), packet(b'R', b"<a@b.example>\0"), packet(b'R', b"<c@d.example>\0")].concat(),
    );
    for reply in [Reply::Continue, Reply::Reject, Reply::Continue] {
        connection.next_event().unwrap().unwrap();
        connection.reply(&reply).unwrap();
    }
    assert_eq!(connection.next_event(), Ok(None));
}

#[test]
fn a_reply_has_its_place() {
    let mut connection =
        start(Settings::new().with_actions(Actions::ADD_HEADERS).with_steps(Steps::SKIP), &postfix());
    _ = connection.take_output();
    let not_due = Err(ReplyError::NotDue { reply: "continue".to_owned() });
    assert_eq!(connection.reply(&Reply::Continue), not_due);
    assert!(connection.progress().is_err());
    let added = Modification::add_header("X", " a").unwrap();

    connection.receive(&[packet(b'H', b"mx\0"), packet(b'B', b"x"), packet(b'E', b"")].concat());
    connection.next_event().unwrap().unwrap();
    assert_eq!(connection.modify(&added), Err(ReplyError::NotAtEnd));
    assert_eq!(connection.reply(&Reply::Discard).unwrap_err().to_string(), "discard: not in reply to helo");
    assert_eq!(connection.reply(&Reply::Skip).unwrap_err().to_string(), "skip: not in reply to helo");
    assert!(connection.take_output().is_empty());
    connection.reply(&Reply::Continue).unwrap();
    connection.next_event().unwrap().unwrap();
    connection.reply(&Reply::Skip).unwrap();
    assert_eq!(connection.next_event(), Ok(Some(Event::EndOfMessage)));
    let error = connection.modify(&Modification::quarantine("virus").unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "QUARANTINE was not negotiated: request it with Settings::with_actions");
    connection.modify(&added).unwrap();
    connection.reply(&Reply::Discard).unwrap();
    assert_eq!(connection.modify(&added), Err(ReplyError::NotAtEnd));
    let sent = [packet(b'c', b""), packet(b's', b""), packet(b'h', b"X\0a\0"), packet(b'd', b"")];
    assert_eq!(connection.take_output(), sent.concat());
}

fn any_packet() -> impl Strategy<Value = Vec<u8>> {
    let code = proptest::sample::select(b"ODCHMRTLNBEUAQKz".to_vec());
    let data =
        proptest::collection::vec(proptest::sample::select(b"\0\0\0\x06U46LMa<>:\xFF".to_vec()), 0..24);
    prop_oneof![
        4 => (code, data).prop_map(|(code, data)| packet(code, &data)),
        4 => proptest::sample::select(message()),
        1 => Just(postfix()),
    ]
}

proptest! {
    /// However the bytes of a connection are split, the events and replies are the same; and nothing panics.
    #[test]
    fn events_do_not_depend_on_reads(packets in proptest::collection::vec(any_packet(), 0..24), size in 1_usize..40) {
        let received = [postfix(), packets.concat()].concat();
        let run = |size: usize| {
            let mut connection = Connection::new(Settings::new().with_steps(silent()));
            let mut seen = Vec::new();
            for chunk in received.chunks(size) {
                connection.receive(chunk);
                loop {
                    match connection.next_event() {
                        Ok(Some(event)) => {
                            seen.push(format!("{event:?}"));
                            if connection.expects_reply() {
                                connection.reply(&Reply::Continue).unwrap();
                            }
                        }
                        Ok(None) => break,
                        Err(error) => {
                            seen.push(error.to_string());
                            return (seen, connection.take_output());
                        }
                    }
                }
            }
            (seen, connection.take_output())
        };
        prop_assert_eq!(run(size), run(received.len()));
    }
}
