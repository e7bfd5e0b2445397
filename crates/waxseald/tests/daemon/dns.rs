//! A name server that knows a few texts.

use std::{
    net::{SocketAddr, UdpSocket},
    thread,
};

/// Starts it, and returns its address. A name with the text `!` is never answered; one that is not listed does not exist.
pub(crate) fn serve(records: &'static [(&'static str, &'static str)]) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    thread::spawn(move || {
        let mut question = [0; 512];
        while let Ok((length, client)) = socket.recv_from(&mut question) {
            if let Some(reply) = reply(&question[..length], records) {
                socket.send_to(&reply, client).unwrap();
            }
        }
    });
    address
}

fn reply(question: &[u8], records: &[(&str, &str)]) -> Option<Vec<u8>> {
    let (mut name, mut at) = (String::new(), 12);
    while question[at] != 0 {
        let length = usize::from(question[at]);
        name.push_str(&String::from_utf8_lossy(&question[at + 1..at + 1 + length]));
        name.push('.');
        at += 1 + length;
    }
    let asked = &question[12..at + 5];
    let is_text = asked[asked.len() - 4..asked.len() - 2] == [0, 16];
    let known: Vec<_> =
        records.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name.trim_end_matches('.'))).collect();
    if known.iter().any(|(_, text)| *text == "!") {
        return None;
    }
    let texts: Vec<_> = known.iter().filter(|_| is_text).map(|(_, text)| text.as_bytes()).collect();
    let code = if known.is_empty() { 3 } else { 0 };
    let count = u8::try_from(texts.len()).unwrap();
    let mut reply = [&question[..2], &[0x81, 0x80 | code, 0, 1, 0, count, 0, 0, 0, 0], asked].concat();
    for text in texts {
        let length = u8::try_from(text.len()).unwrap();
        reply.extend_from_slice(&[0xC0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, length + 1, length]);
        reply.extend_from_slice(text);
    }
    Some(reply)
}
