//! Hands reports to a mail server: through the standard input of a command such as `sendmail -t`, or by SMTP.

use super::spool::Letter;
use crate::settings::Delivery;
use std::{io, process::Stdio};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
};

/// Why a report was not sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotSent {
    /// It may work later.
    Later(String),
    /// The mail server refuses it.
    Never(String),
}

impl From<io::Error> for NotSent {
    fn from(error: io::Error) -> Self {
        Self::Later(error.to_string())
    }
}

/// Sends a report. `host` is the name of this machine.
pub(super) async fn send(delivery: &Delivery, host: &str, letter: &Letter) -> Result<(), NotSent> {
    match delivery {
        Delivery::Command(command) => pipe(command, &letter.text).await,
        Delivery::Smtp(server) => smtp(server, host, letter).await,
    }
}

async fn pipe(command: &str, text: &[u8]) -> Result<(), NotSent> {
    // The command is the operator's, and no word of it comes from a message.
    let mut child = Command::new("/bin/sh")
        .args(["-c", command])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // If the command ends early, its exit code is the reason.
        _ = input.write_all(text).await;
    }
    let done = child.wait_with_output().await?;
    if done.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(NotSent::Later(format!("{command}: {}: {}", done.status, said.lines().next().unwrap_or_default())))
}

/// A report has the null path, so that no bounce is sent for it (RFC 3834).
async fn smtp(server: &str, host: &str, letter: &Letter) -> Result<(), NotSent> {
    let mut stream = BufReader::new(TcpStream::connect(server).await?);
    reply(&mut stream, 220).await?;
    say(&mut stream, &format!("HELO {host}"), 250).await?;
    say(&mut stream, "MAIL FROM:<>", 250).await?;
    let mut refused = Vec::new();
    for recipient in &letter.recipients {
        match say(&mut stream, &format!("RCPT TO:<{recipient}>"), 250).await {
            Err(NotSent::Never(why)) => refused.push(why),
            said => said?,
        }
    }
    if refused.len() == letter.recipients.len() {
        return Err(NotSent::Never(refused.join("; ")));
    }
    say(&mut stream, "DATA", 354).await?;
    stream.write_all(&dotted(&letter.text)).await?;
    reply(&mut stream, 250).await?;
    // An accepted report is sent, whatever the reply to QUIT.
    _ = say(&mut stream, "QUIT", 221).await;
    Ok(())
}

async fn say(stream: &mut BufReader<TcpStream>, command: &str, expected: u16) -> Result<(), NotSent> {
    stream.write_all(format!("{command}\r\n").as_bytes()).await?;
    reply(stream, expected).await
}

async fn reply(stream: &mut BufReader<TcpStream>, expected: u16) -> Result<(), NotSent> {
    const MAX_LINES: usize = 100;
    for _ in 0..MAX_LINES {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(NotSent::Later("the mail server hung up".to_owned()));
        }
        if line.as_bytes().get(3) == Some(&b'-') {
            continue;
        }
        return match line.get(..3).and_then(|code| code.parse::<u16>().ok()) {
            Some(code) if code == expected => Ok(()),
            Some(500..) => Err(NotSent::Never(line.trim_end().to_owned())),
            _ => Err(NotSent::Later(line.trim_end().to_owned())),
        };
    }
    Err(NotSent::Later("the mail server does not stop to speak".to_owned()))
}

/// The text with CRLF, dots doubled at the start of lines, and the dot that ends it (RFC 5321 §4.5.2).
fn dotted(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    for line in text.strip_suffix(b"\n").unwrap_or(text).split(|c| *c == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::{io::AsyncReadExt, net::TcpListener};

    fn letter() -> Letter {
        Letter {
            recipients: vec!["a@a.example".to_owned(), "b@b.example".to_owned()],
            text: b"S: x\n\n.dot\n".to_vec(),
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    #[test]
    fn a_command_gets_the_text_and_its_exit_code_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let command = Delivery::Command(format!("cat >{}", path.display()));
        assert_eq!(run(send(&command, "mx", &letter())), Ok(()));
        assert_eq!(std::fs::read(path).unwrap(), letter().text);
        let command = Delivery::Command("echo no such user >&2; exit 67".to_owned());
        let text = "echo no such user >&2; exit 67: exit status: 67: no such user".to_owned();
        assert_eq!(run(send(&command, "mx", &letter())), Err(NotSent::Later(text)));
    }

    /// A mail server that says what it is told to, a line for each command; returns what it heard.
    async fn server(listener: TcpListener, replies: &[&str]) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = String::new();
        for reply in replies {
            stream.write_all(format!("{reply}\r\n").as_bytes()).await.unwrap();
            let mut buffer = [0; 512];
            let length = stream.read(&mut buffer).await.unwrap();
            heard.push_str(&String::from_utf8_lossy(&buffer[..length]));
        }
        heard
    }

    fn converse(replies: &[&str]) -> (Result<(), NotSent>, String) {
        run(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let place = Delivery::Smtp(listener.local_addr().unwrap().to_string());
            let letter = letter();
            tokio::join!(send(&place, "mx.example", &letter), server(listener, replies))
        })
    }

    #[test]
    fn by_smtp_with_the_null_path_and_doubled_dots() {
        let replies = ["220-hi\r\n220 mx", "250 ok", "250 ok", "550 no", "250 ok", "354 go", "250 ok"];
        let (sent, heard) = converse(&replies);
        assert_eq!(sent, Ok(()));
        assert_eq!(
            heard,
            "HELO mx.example\r\nMAIL FROM:<>\r\nRCPT TO:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\nS: x\r\n\r\n\
             ..dot\r\n.\r\nQUIT\r\n"
        );
    }

    #[test]
    fn a_refusal_is_for_good_and_a_delay_is_not() {
        let (sent, _) = converse(&["220 mx", "250 ok", "250 ok", "550 no a", "550 no b"]);
        assert_eq!(sent, Err(NotSent::Never("550 no a; 550 no b".to_owned())));
        let (sent, _) = converse(&["220 mx", "250 ok", "451 later"]);
        assert_eq!(sent, Err(NotSent::Later("451 later".to_owned())));
        let closed = Delivery::Smtp("127.0.0.1:1".to_owned());
        assert!(matches!(run(send(&closed, "mx", &letter())), Err(NotSent::Later(_))));
    }
}
