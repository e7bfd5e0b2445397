//! Builds a message with lettre, signs it, and hands it to an SMTP server.
//!
//! `cargo run -p waxseal-examples --example lettre` starts a small server on loopback that prints what it gets;
//! `… --example lettre -- smtp.example.org` sends to port 25 of a real one (which will want other addresses).

use lettre::{Message, SmtpTransport, Transport, message::MultiPart};
use std::{
    error::Error,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread::{self, JoinHandle},
    time::SystemTime,
};
use waxseal::{
    crypto::KeySpec,
    dkim::{Policy, Signer, Verifier},
    dns::Zone,
};
use waxseal_examples::{fresh_key, publish};

fn main() -> Result<(), Box<dyn Error>> {
    let message = Message::builder()
        .from("Ada <ada@example.org>".parse()?)
        .to("Grace <grace@example.net>".parse()?)
        .subject("Café, at noon?")
        .multipart(MultiPart::alternative_plain_html("Noon?".to_owned(), "<p>Noon?</p>".to_owned()))?;

    let key = fresh_key(KeySpec::Rsa { bits: 2048 })?;
    let zone = publish(Zone::new(), "2026r", &key)?;
    let signer = Signer::new("example.org", "2026r", key)?;

    // lettre writes CRLF line ends; what was formatted is what is signed and sent.
    let formatted = message.formatted();
    for finding in signer.inspect(&formatted) {
        eprintln!("{finding}");
    }
    let signed = signer.sign_message(&formatted, SystemTime::now())?;

    match std::env::args().nth(1) {
        Some(host) => {
            SmtpTransport::builder_dangerous(host).build().send_raw(message.envelope(), &signed)?;
            println!("sent");
        }
        None => {
            let (address, server) = start_server()?;
            SmtpTransport::builder_dangerous(address.ip().to_string())
                .port(address.port())
                .build()
                .send_raw(message.envelope(), &signed)?;
            let received = server.join().map_err(|_| "the server has died")??;
            print!("{}", String::from_utf8_lossy(&received));
            for verdict in
                Verifier::new(Policy::default())?.verify_blocking(&received, SystemTime::now(), &zone)
            {
                println!("{verdict}");
            }
        }
    }
    Ok(())
}

/// Takes one message on a free port of loopback.
fn start_server() -> io::Result<(SocketAddr, JoinHandle<io::Result<Vec<u8>>>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    Ok((address, thread::spawn(move || serve(&listener.accept()?.0))))
}

/// As much of RFC 5321 as one client needs.
fn serve(stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut lines = BufReader::new(stream).split(b'\n');
    let reply = |text: &str| { stream }.write_all(format!("{text}\r\n").as_bytes());
    let mut message = Vec::new();
    reply("220 loopback ESMTP")?;
    while let Some(line) = lines.next().transpose()? {
        match line.split(u8::is_ascii_whitespace).next().unwrap_or_default() {
            b"DATA" => {
                reply("354 go ahead")?;
                while let Some(line) = lines.next().transpose()? {
                    // §4.5.2: a lone dot ends the message, and another in front of a line is taken off.
                    if line == b".\r" {
                        break;
                    }
                    message.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
                    message.push(b'\n');
                }
                reply("250 taken")?;
            }
            b"QUIT" => {
                reply("221 bye")?;
                break;
            }
            _ => reply("250 fine")?,
        }
    }
    Ok(message)
}
