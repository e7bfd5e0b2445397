#![no_main]
//! The milter protocol from a hostile peer: nothing panics, replies go only where they are due, memory stays bounded.

use libfuzzer_sys::fuzz_target;
use waxseal_milter::{Actions, Connection, Event, Modification, Reply, Settings, Steps};

const REPLIES: [Reply; 6] =
    [Reply::Continue, Reply::Accept, Reply::Reject, Reply::Discard, Reply::Skip, Reply::TempFail];

fuzz_target!(|data: &[u8]| {
    let [choice, data @ ..] = data else { return };
    let steps = if choice & 1 == 0 {
        Steps::NONE
    } else {
        Steps::NO_REPLY_HEADER | Steps::SKIP | Steps::LEADING_SPACE
    };
    let mut connection = Connection::new(
        Settings::new().with_actions(Actions::ADD_HEADERS).with_steps(steps).with_max_packet(1),
    );
    // An offer that any filter can take, so that what follows is read.
    if choice & 2 == 0 {
        connection.receive(b"\0\0\0\x0DO\0\0\0\x06\0\0\x01\xFF\x30\x1F\xFF\xFF");
    }
    let size = usize::from(choice >> 2) + 1;
    for chunk in data.chunks(size) {
        connection.receive(chunk);
        loop {
            let event = match connection.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    return;
                }
            };
            let is_end = event == Event::EndOfMessage;
            let added = Modification::add_header("X", chunk);
            if let Ok(added) = &added {
                assert_eq!(connection.modify(added).is_ok(), is_end);
            }
            let reply = &REPLIES[usize::from(*choice) % REPLIES.len()];
            let is_due = connection.expects_reply();
            let is_sent = connection.reply(reply).is_ok();
            assert!(!is_sent || is_due);
            if is_due && !is_sent {
                connection.reply(&Reply::Continue).unwrap();
            }
            assert!(!connection.expects_reply());
        }
        // Each packet that came is at least five bytes, and gets one reply and one field.
        assert!(connection.take_output().len() <= 64 + (chunk.len() + 1) * (chunk.len() + 32));
    }
});
