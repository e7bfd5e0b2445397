//! A mail server with the check inside it: it looks at each message while it arrives and says in its reply to DATA what comes of it:
//! delivered with the results on top, into the spam folder, "try again later", or refused. smtp-proto reads the protocol.
//!
//! `cargo run -p waxseal-examples --example smtp_server` plays the clients, too, on loopback;
//! `… --example smtp_server -- 0.0.0.0:2525` serves real ones, asks the name servers of this machine, and prints what it would deliver.

use lettre::{
    SmtpTransport, Transport,
    address::Envelope as Path,
    message::header::{Date, Headers},
};
use smtp_proto::{
    Error as SmtpError, Request,
    request::receiver::{DataReceiver, RequestReceiver},
};
use std::{error::Error, io, net::IpAddr, slice::Iter, sync::Arc, time::Duration, time::SystemTime};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::{JoinHandle, spawn_blocking},
    time::timeout,
};
use waxseal::{
    Authenticator, AuthservIds, Cached, Disposition, DomainName, Envelope, Hickory, LocalPolicy, Report,
    Resolve, Session, Signer, Zone,
    crypto::KeySpec,
    dns::{Answers, LookupError, drive},
};
use waxseal_examples::{MESSAGE, fresh_key, publish};

const NAME: &str = "mx.example.net";
/// The largest message, in bytes.
const SIZE: usize = 25 << 20;
/// How long a client may be silent (RFC 5321 §4.5.3.2.7: five minutes).
const SILENCE: Duration = Duration::from_secs(300);

/// What all conversations share.
struct Server<R> {
    authenticator: Authenticator,
    ids: AuthservIds,
    dns: Arc<R>,
    delivered: UnboundedSender<Delivery>,
}

struct Delivery {
    folder: &'static str,
    message: Vec<u8>,
}

struct Conversation<R> {
    server: Arc<Server<R>>,
    client: IpAddr,
    requests: RequestReceiver,
    helo: Option<String>,
    mail_from: Option<String>,
    recipients: usize,
    incoming: Option<Box<Incoming>>,
    over: bool,
}

/// A message between DATA and the dot that ends it.
struct Incoming {
    dots: DataReceiver,
    session: Session,
    /// SPF, the keys and the DMARC record are looked up while the body arrives.
    ahead: Option<JoinHandle<Answers<'static>>>,
    message: Vec<u8>,
}

impl<R: Resolve + 'static> Server<R> {
    async fn listen(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        loop {
            let (stream, client) = listener.accept().await?;
            let conversation = Conversation::new(self.clone(), client.ip());
            tokio::spawn(async move {
                if let Err(error) = conversation.serve(stream).await {
                    eprintln!("{client}: {error}");
                }
            });
        }
    }

    /// The reply to the end of DATA. Only here a refusal reaches the client itself; a bounce would reach whoever was forged.
    fn decide(&self, report: &Report, trace: &str, message: &[u8]) -> String {
        let folder = match report.disposition() {
            Disposition::None => "inbox",
            Disposition::Quarantine => "spam",
            Disposition::Defer => return reply(451, "4.7.1", &report.reason()),
            Disposition::Reject => return reply(550, "5.7.1", &report.reason()),
        };
        let Ok(header) = report.header() else { return reply(550, "5.6.0", &report.reason()) };
        // What others wrote in our name goes, and only now: a signature may cover it.
        let mut stamped = report.authentication_results().to_field().into_bytes();
        stamped.extend_from_slice(trace.as_bytes());
        stamped.extend(self.ids.remove_forged(header));
        stamped.extend_from_slice(message.get(header.as_bytes().len()..).unwrap_or_default());
        match self.delivered.send(Delivery { folder, message: stamped }) {
            Ok(()) => reply(250, "2.0.0", "accepted"),
            Err(_) => reply(451, "4.3.0", "not stored"),
        }
    }
}

impl<R: Resolve + 'static> Conversation<R> {
    fn new(server: Arc<Server<R>>, client: IpAddr) -> Self {
        let requests = RequestReceiver::default();
        Self {
            server,
            client,
            requests,
            helo: None,
            mail_from: None,
            recipients: 0,
            incoming: None,
            over: false,
        }
    }

    async fn serve(mut self, mut stream: TcpStream) -> io::Result<()> {
        let mut buffer = vec![0; 16_384];
        stream.write_all(format!("220 {NAME} ESMTP\r\n").as_bytes()).await?;
        while !self.over {
            let length = timeout(SILENCE, stream.read(&mut buffer)).await??;
            let Some(bytes @ [_, ..]) = buffer.get(..length) else { break };
            let mut bytes = bytes.iter();
            // A client may send several commands at once (PIPELINING).
            while !bytes.as_slice().is_empty() && !self.over {
                let reply = match self.incoming.take() {
                    Some(incoming) => self.data(incoming, &mut bytes).await,
                    None => self.command(&mut bytes),
                };
                stream.write_all(reply.as_bytes()).await?;
            }
        }
        Ok(())
    }

    fn command(&mut self, bytes: &mut Iter<'_, u8>) -> String {
        match self.requests.ingest(bytes) {
            Ok(Request::Ehlo { host }) => {
                (self.helo, self.mail_from) = (Some(host.into_owned()), None);
                let extensions = "250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 PIPELINING\r\n";
                format!("250-{NAME}\r\n250-SIZE {SIZE}\r\n{extensions}")
            }
            Ok(Request::Helo { host }) => {
                (self.helo, self.mail_from) = (Some(host.into_owned()), None);
                format!("250 {NAME}\r\n")
            }
            Ok(Request::Mail { .. }) if self.helo.is_none() => reply(503, "5.5.1", "EHLO comes first"),
            Ok(Request::Mail { from }) if from.size > SIZE => reply(552, "5.3.4", "the message is too large"),
            Ok(Request::Mail { from }) => {
                (self.mail_from, self.recipients) = (Some(from.address.into_owned()), 0);
                reply(250, "2.1.0", "sender accepted")
            }
            // A real server knows its recipients, and refuses the others here.
            Ok(Request::Rcpt { .. }) if self.mail_from.is_some() => {
                self.recipients += 1;
                reply(250, "2.1.5", "recipient accepted")
            }
            Ok(Request::Data) if self.recipients > 0 => self.begin(),
            Ok(Request::Rset) => {
                (self.mail_from, self.recipients) = (None, 0);
                reply(250, "2.0.0", "reset")
            }
            Ok(Request::Noop { .. }) => reply(250, "2.0.0", "done"),
            Ok(Request::Quit) => {
                self.over = true;
                reply(221, "2.0.0", "goodbye")
            }
            Ok(Request::Rcpt { .. } | Request::Data) => reply(503, "5.5.1", "MAIL and RCPT come first"),
            Ok(_) => reply(502, "5.5.1", "not supported"),
            Err(SmtpError::NeedsMoreData { .. }) => String::new(),
            Err(SmtpError::ResponseTooLong) => {
                self.over = true;
                reply(500, "5.5.2", "line too long")
            }
            Err(_) => reply(501, "5.5.4", "syntax error"),
        }
    }

    /// DATA.
    fn begin(&mut self) -> String {
        let (helo, mail_from) = (self.helo.as_deref().unwrap_or_default(), self.mail_from.as_deref());
        let envelope = Envelope::new(self.client, helo, mail_from.unwrap_or_default());
        self.incoming = Some(Box::new(Incoming {
            dots: DataReceiver::new(),
            session: self.server.authenticator.begin(&envelope, SystemTime::now()),
            ahead: None,
            message: Vec::new(),
        }));
        "354 end with a dot\r\n".to_owned()
    }

    /// Bytes of a message, and the reply when it is complete.
    async fn data(&mut self, mut incoming: Box<Incoming>, bytes: &mut Iter<'_, u8>) -> String {
        let start = incoming.message.len();
        let complete = incoming.dots.ingest(bytes, &mut incoming.message);
        incoming.session.push(incoming.message.get(start..).unwrap_or_default());
        if incoming.message.len() > SIZE {
            self.over = true;
            return reply(552, "5.3.4", "the message is too large");
        }
        if incoming.ahead.is_none() && incoming.session.header().is_some() {
            let (lookups, dns) = (incoming.session.lookups(), self.server.dns.clone());
            incoming.ahead = Some(tokio::spawn(async move { lookups.resolve(&*dns).await }));
        }
        if !complete {
            self.incoming = Some(incoming);
            return String::new();
        }
        (self.mail_from, self.recipients) = (None, 0);
        let Incoming { session, ahead, message, .. } = *incoming;
        let mut check = session.finish();
        if let Some(answers) = ahead {
            check = check.with_answers(answers.await.unwrap_or_default());
        }
        let report = drive(check, &*self.server.dns).await;
        println!("{}: {report}", self.client);
        self.server.decide(&report, &self.trace(), &message)
    }

    /// The Received field (RFC 5321 §4.4). Only a domain name is repeated of what the client calls itself.
    fn trace(&self) -> String {
        let helo = self.helo.as_deref().and_then(|name| name.parse::<DomainName>().ok());
        let helo = helo.map_or_else(|| "unknown".to_owned(), |name| name.to_string());
        let mut headers = Headers::new();
        headers.set(Date::from(SystemTime::now()));
        let date = headers.get_raw("Date").unwrap_or_default();
        format!("Received: from {helo} ([{}])\r\n\tby {NAME} with ESMTP; {date}\r\n", self.client)
    }
}

/// One line of at most 512 octets (RFC 5321 §4.5.3.1.5).
fn reply(code: u16, status: &str, text: &str) -> String {
    let text: String = text.chars().filter(|&c| c == ' ' || c.is_ascii_graphic()).take(480).collect();
    format!("{code} {status} {text}\r\n")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    if let Some(address) = std::env::args().nth(1) {
        let mut delivered = start(TcpListener::bind(address).await?, Cached::new(Hickory::system()?))?;
        while let Some(Delivery { folder, message }) = delivered.recv().await {
            println!("--- {folder}\n{}", String::from_utf8_lossy(&message));
        }
        return Ok(());
    }
    let key = fresh_key(KeySpec::Ed25519)?;
    let zone = Zone::new()
        .with_txt("_dmarc.example.org", "v=DMARC1; p=reject")?
        .with_txt("_dmarc.example.com", "v=DMARC1; p=quarantine")?
        .with_error("_dmarc.down.example", LookupError::Timeout)?;
    let zone = publish(zone, "2026a", &key)?;
    let signed = Signer::new("example.org", "2026a", key)?.sign_message(MESSAGE, SystemTime::now())?;

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let port = listener.local_addr()?.port();
    let mut delivered = start(listener, zone)?;
    spawn_blocking(move || play(port, &signed)).await?.map_err(|error| error.to_string())?;

    let good = delivered.recv().await.ok_or("nothing was delivered")?;
    let text = String::from_utf8(good.message)?;
    println!("--- {}\n{text}", good.folder);
    assert_eq!(good.folder, "inbox");
    assert!(text.starts_with("Authentication-Results: mx.example.net;") && text.contains("dmarc=pass"));
    assert_eq!(text.matches("mx.example.net;").count(), 1, "the forged field is gone");
    assert!(text.contains("\r\n\r\nIs noon fine with you?\r\n"));
    assert_eq!(delivered.recv().await.ok_or("one message is missing")?.folder, "spam");
    Ok(())
}

fn start<R: Resolve + 'static>(
    listener: TcpListener,
    dns: R,
) -> Result<UnboundedReceiver<Delivery>, Box<dyn Error>> {
    let (delivered, deliveries) = unbounded_channel();
    // RFC 9989 §7.4 leaves it to the receiver whether "p=reject" alone is enough to refuse a message.
    let authenticator =
        Authenticator::new(NAME)?.with_dmarc(LocalPolicy::default().with_reject_on_reject(true));
    let server = Server { authenticator, ids: AuthservIds::new([NAME]), dns: Arc::new(dns), delivered };
    tokio::spawn(Arc::new(server).listen(listener));
    Ok(deliveries)
}

/// Four clients: one with a signature and a forged result, one whose domain cannot be looked up, and two that are forged.
fn play(port: u16, signed: &[u8]) -> Result<(), Box<dyn Error + Send + Sync>> {
    let smtp = SmtpTransport::builder_dangerous("127.0.0.1").port(port).build();
    let send = |from: &str, message: &[u8]| {
        let path = Path::new(Some(from.parse()?), vec!["grace@example.net".parse()?])?;
        Ok::<_, Box<dyn Error + Send + Sync>>(smtp.send_raw(&path, message))
    };
    let forged_result = b"Authentication-Results: mx.example.net; dmarc=pass\r\n";
    send("ada@example.org", &[forged_result, signed].concat())??;
    let refused = send("eve@example.org", MESSAGE)?.err().ok_or("forged mail was taken")?;
    assert!(refused.is_permanent(), "{refused}");
    let deferred = send("ada@down.example", b"From: ada@down.example\r\n\r\nHi.\r\n")?;
    let deferred = deferred.err().ok_or("a check that DNS did not answer was taken for one")?;
    assert!(deferred.is_transient(), "{deferred}");
    send("ada@example.com", b"From: ada@example.com\r\n\r\nHi.\r\n")??;
    println!("{refused}\n{deferred}");
    Ok(())
}
