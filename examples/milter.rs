//! A milter: Postfix asks it about each message. It adds a field to what it lets through.
//!
//! ```text
//! # main.cf
//! smtpd_milters = inet:127.0.0.1:PORT
//! ```
//!
//! Run without an argument it serves one session that this program plays itself; with `127.0.0.1:PORT` it serves Postfix.
//! For a filter that checks and signs, see `milter_session.rs`.

use std::{
    error::Error,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    thread,
};
use waxseal_milter::{Actions, Connection, Event, Modification, Reply, ReplyCode, Settings, Stage, Steps};

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1);
    let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0"))?;
    let port = listener.local_addr()?.port();
    if address.is_none() {
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                report(serve(stream));
            }
        });
        return play(TcpStream::connect(("127.0.0.1", port))?);
    }
    for stream in listener.incoming() {
        let stream = stream?;
        // Postfix opens one connection for each of its SMTP sessions.
        thread::spawn(move || report(serve(stream)));
    }
    Ok(())
}

fn report(served: Result<(), Box<dyn Error>>) {
    if let Err(error) = served {
        eprintln!("{error}");
    }
}

/// What is not decided before the end of the message gets no reply, so Postfix does not wait.
fn settings() -> Settings {
    Settings::new()
        .with_actions(Actions::ADD_HEADERS)
        .with_steps(
            Steps::NO_UNKNOWN
                | Steps::NO_DATA
                | Steps::LEADING_SPACE
                | Steps::NO_REPLY_CONNECT
                | Steps::NO_REPLY_HELO
                | Steps::NO_REPLY_MAIL
                | Steps::NO_REPLY_HEADER
                | Steps::NO_REPLY_END_OF_HEADER
                | Steps::NO_REPLY_BODY,
        )
        .with_macros(Stage::Mail, ["i"])
}

/// Serves one connection.
fn serve(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    stream.set_nodelay(true)?;
    let mut connection = Connection::new(settings());
    let mut buffer = vec![0; 65_536];
    let mut length = 0;
    loop {
        let received = stream.read(&mut buffer)?;
        if received == 0 {
            return Ok(());
        }
        connection.receive(buffer.get(..received).unwrap_or_default());
        while let Some(event) = connection.next_event()? {
            match event {
                Event::Mail(_) => length = 0,
                Event::Rcpt(path) if path.address() == b"<nobody@example.net>" => {
                    connection.reply(&Reply::Code(ReplyCode::new(550, "5.1.1", "no such user")?))?;
                }
                Event::Body(chunk) => length += chunk.len(),
                Event::EndOfMessage => {
                    let id =
                        String::from_utf8_lossy(connection.macro_value("i").unwrap_or(b"?")).into_owned();
                    println!("{id}: body of {length} bytes");
                    connection.modify(&Modification::insert_header(
                        0,
                        "X-Body-Length",
                        format!(" {length}"),
                    )?)?;
                    connection.reply(&Reply::Continue)?;
                }
                Event::Quit => return Ok(()),
                _ => {}
            }
            if connection.expects_reply() {
                connection.reply(&Reply::Continue)?;
            }
        }
        stream.write_all(&connection.take_output())?;
    }
}

/// What Postfix sends for one message, and what comes back.
fn play(mut stream: TcpStream) -> Result<(), Box<dyn Error>> {
    let mut ask = |packets: &[(u8, &[u8])], expected: &[u8]| -> Result<(), Box<dyn Error>> {
        for (code, data) in packets {
            let length = u32::try_from(data.len() + 1)?;
            stream.write_all(&[&length.to_be_bytes()[..], &[*code], data].concat())?;
        }
        let mut reply = vec![0; expected.len()];
        stream.read_exact(&mut reply)?;
        assert_eq!(reply.escape_ascii().to_string(), expected.escape_ascii().to_string());
        Ok(())
    };
    ask(
        &[(b'O', b"\0\0\0\x06\0\0\x01\xFF\0\x1F\xFF\xFF")],
        b"\0\0\0\x13O\0\0\0\x06\0\0\x01\x01\0\x1C\x73\x80\0\0\0\x02i\0",
    )?;
    let session: [(u8, &[u8]); 4] = [
        (b'C', b"mail.example.org\x004\x04\xD2192.0.2.1\0"),
        (b'D', b"Mi\0A1B2\0"),
        (b'M', b"<joe@example.org>\0"),
        (b'R', b"<nobody@example.net>\0"),
    ];
    ask(&session, b"\0\0\0\x18y550 5.1.1 no such user\0")?;
    ask(&[(b'R', b"<suzie@example.net>\0")], b"\0\0\0\x01c")?;
    ask(
        &[(b'L', b"From\0 Joe <joe@example.org>\0"), (b'N', b""), (b'B', b"Hi.\r\n"), (b'E', b"")],
        b"\0\0\0\x16i\0\0\0\0X-Body-Length\0 5\0\0\0\0\x01c",
    )?;
    println!("the filter added X-Body-Length: 5");
    Ok(())
}
