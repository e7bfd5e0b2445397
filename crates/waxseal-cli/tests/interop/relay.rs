//! What relays and mailing lists do to mail that was signed with the defaults: Postfix, and lists as recorded.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime};

use waxseal_crypto::{KeySpec, PrivateKey, default_provider};
use waxseal_dkim::{KeyRecord, Signer, Verifier};
use waxseal_dns::Zone;

use crate::lab::{Daemon, Lab, command, free_port, run};
use crate::shapes::{LISTS, list_shapes, shapes};
use crate::wanted;

/// Signs as whoever sets nothing does, and knows whether the signature still holds.
pub(crate) struct Author {
    pub(crate) signer: Signer,
    pub(crate) zone: Zone,
}

impl Author {
    pub(crate) fn new() -> Self {
        let key = PrivateKey::generate(KeySpec::Ed25519, default_provider().unwrap()).unwrap();
        let record = KeyRecord::new(key.public_key().clone()).to_string();
        let zone = Zone::new().with_txt("a._domainkey.alpha.example", record).unwrap();
        Self { signer: Signer::new("alpha.example", "a", key).unwrap(), zone }
    }

    pub(crate) fn signed(&self, message: &str) -> Vec<u8> {
        let field = self.signer.sign(message.as_bytes(), SystemTime::now()).unwrap();
        [field.as_bytes(), message.as_bytes()].concat()
    }

    /// What became of the signature of the author, which is the one of alpha.example.
    fn verdict(&self, message: &[u8]) -> String {
        let verdicts = Verifier::new(Default::default()).unwrap().verify_blocking(
            message,
            SystemTime::now(),
            &self.zone,
        );
        let own = verdicts.iter().find(|verdict| verdict.to_string().contains("d=alpha.example")).unwrap();
        if own.is_pass() { "pass".into() } else { own.reason() }
    }
}

/// The message as a list sends it on.
fn through_list(message: &[u8], below: bool, fields: &str) -> Vec<u8> {
    if !below {
        return [fields.as_bytes(), message].concat();
    }
    let end = message.windows(4).position(|octets| octets == b"\r\n\r\n").map_or(message.len(), |at| at + 2);
    let (header, body) = message.split_at(end);
    [header, fields.as_bytes(), body].concat()
}

#[test]
fn default_signatures_survive_recorded_lists() {
    let author = Author::new();
    for (shape, message) in shapes() {
        let signed = author.signed(&message);
        for (list, below, fields) in LISTS {
            // A list adds the Sender that is its own only where there is none of the author's.
            if message.contains("\r\nSender:") && fields.contains("\r\nSender:") {
                continue;
            }
            let sent_on = through_list(&signed, below, fields);
            assert_eq!(author.verdict(&sent_on), "pass", "{shape} through {list}");
        }
    }
    let newsletter = &list_shapes()[0].1;
    let second =
        through_list(&author.signed(newsletter), false, "List-Unsubscribe: <https://evil.example/>\r\n");
    assert_ne!(author.verdict(&second), "pass", "RFC 8058: a second List-Unsubscribe on top");
}

#[test]
fn default_signatures_survive_postfix() {
    if !wanted() {
        return;
    }
    let lab = Lab::start();
    let postfix = Postfix::start(&lab);
    let author = Author::new();
    let mut wrong = Vec::new();
    for (shape, message) in shapes().into_iter().chain(list_shapes()) {
        let relayed = postfix.relay(&author.signed(&message));
        let header = String::from_utf8_lossy(&relayed).replace("\r\n\r\n", "\n\n");
        let header = header.split("\n\n").next().unwrap();
        for name in ["\nReceived:", "\nDate:", "\nMessage-I"] {
            assert!(format!("\n{header}").contains(name), "{shape}: Postfix adds{name}");
        }
        if !message.contains("To:") && !message.contains("Cc:") {
            assert!(header.contains("\nTo: undisclosed-recipients"), "{shape}: Postfix adds To");
        }
        let verdict = author.verdict(&relayed);
        if verdict != "pass" {
            wrong.push(format!("{shape}: {verdict}"));
        }
    }
    // What is told before signing is what Postfix does: it breaks lines of more than 998 octets.
    let long = format!("From: bob@alpha.example\r\nTo: a@beta.example\r\n\r\n{}\r\n", "x".repeat(2400));
    assert!(author.signer.inspect(long.as_bytes()).iter().any(|finding| finding.id() == "long-body-line"));
    let verdict = author.verdict(&postfix.relay(&author.signed(&long)));
    assert!(verdict.starts_with("body hash does not match"), "a long line: {verdict}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{} shapes of mail went through Postfix", shapes().len() + list_shapes().len());
}

/// A Postfix of its own on loopback, which adds all the fields that it can, and a server that takes what it relays.
pub(crate) struct Postfix {
    _master: Daemon,
    port: u16,
    relayed: Receiver<Vec<u8>>,
}

impl Postfix {
    fn start(lab: &Lab) -> Self {
        Self::with_settings(lab, "postfix", "")
    }

    /// A Postfix whose folder is called `name`, with lines of main.cf besides.
    pub(crate) fn with_settings(lab: &Lab, name: &str, settings: &str) -> Self {
        let sink = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, sink_port) = (free_port(), sink.local_addr().unwrap().port());
        let (sender, relayed) = channel();
        std::thread::spawn(move || {
            for client in sink.incoming().flatten() {
                // The test has ended when nobody takes the messages.
                if serve(&client, &sender).is_none() {
                    return;
                }
            }
        });
        let folder = lab.folder(name);
        configure(&folder, port, sink_port, settings);
        // Its daemons run as their own user.
        fs::set_permissions(lab.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        run(command("postfix", ["-c"]).arg(&folder).arg("check"));
        let master = Daemon::spawn(command("/usr/lib/postfix/sbin/master", ["-d", "-c"]).arg(&folder));
        let postfix = Self { _master: master, port, relayed };
        postfix.connect();
        postfix
    }

    fn connect(&self) -> TcpStream {
        for _ in 0..200 {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)) {
                stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
                return stream;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("Postfix does not answer at port {}", self.port);
    }

    /// The message as it leaves Postfix.
    pub(crate) fn relay(&self, message: &[u8]) -> Vec<u8> {
        let reply = self.send(message);
        assert!(reply.starts_with("250"), "{reply}");
        self.relayed.recv_timeout(Duration::from_secs(30)).expect("what Postfix relays")
    }

    /// The reply of Postfix to the end of the message.
    pub(crate) fn send(&self, message: &[u8]) -> String {
        let stream = self.connect();
        let mut replies = BufReader::new(&stream).lines();
        let mut reply =
            || replies.by_ref().map(Result::unwrap).find(|line| line.as_bytes()[3] == b' ').unwrap();
        let say = |text: &str| { &stream }.write_all(text.as_bytes()).unwrap();
        assert!(reply().starts_with("220"));
        for (command, code) in [
            ("EHLO client.alpha.example", "250"),
            ("MAIL FROM:<bob@alpha.example> BODY=8BITMIME", "250"),
            ("RCPT TO:<alice@beta.example>", "250"),
            ("DATA", "354"),
        ] {
            say(&format!("{command}\r\n"));
            let reply = reply();
            assert!(reply.starts_with(code), "{command}: {reply}");
        }
        for line in message.split_inclusive(|octet| *octet == b'\n') {
            if line.starts_with(b".") {
                say(".");
            }
            { &stream }.write_all(line).unwrap();
        }
        say(".\r\n");
        let reply = reply();
        say("QUIT\r\n");
        reply
    }
}

fn configure(folder: &Path, port: u16, sink_port: u16, settings: &str) {
    for name in ["queue", "data"] {
        fs::create_dir_all(folder.join(name)).unwrap();
    }
    run(command("chown", ["postfix"]).arg(folder.join("data")));
    let here = folder.display();
    let main = format!(
        "compatibility_level = 3.6\nqueue_directory = {here}/queue\ndata_directory = {here}/data\n\
         command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\nshlib_directory = /usr/lib/postfix\n\
         meta_directory = /etc/postfix\nmail_owner = postfix\nsetgid_group = postdrop\nmyhostname = mx.gamma.example\n\
         mydestination =\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\n\
         relayhost = [127.0.0.1]:{sink_port}\nsmtp_dns_support_level = disabled\nalias_maps =\nalias_database =\n\
         local_recipient_maps =\nsmtpd_relay_restrictions = permit_mynetworks, reject\nmaillog_file = {here}/mail.log\n\
         maillog_file_prefixes = {here}\nalways_add_missing_headers = yes\n\
         undisclosed_recipients_header = To: undisclosed-recipients:;\n{settings}"
    );
    let services = [
        "pickup unix n - n 60 1 pickup",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "rewrite unix - - n - - trivial-rewrite",
        "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce",
        "trace unix - - n - 0 bounce",
        "proxymap unix - - n - - proxymap",
        "smtp unix - - n - - smtp",
        "relay unix - - n - - smtp",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "postlog unix-dgram n - n - 1 postlogd",
    ];
    let master = format!("127.0.0.1:{port} inet n - n - - smtpd\n{}\n", services.join("\n"));
    fs::write(folder.join("main.cf"), main).unwrap();
    fs::write(folder.join("master.cf"), master).unwrap();
}

/// As much of RFC 5321 as Postfix needs to hand over its messages; `None` when nobody takes them any more.
fn serve(client: &TcpStream, relayed: &Sender<Vec<u8>>) -> Option<()> {
    let mut lines = BufReader::new(client).split(b'\n').map_while(Result::ok);
    let reply = |text: &str| { client }.write_all(format!("{text}\r\n").as_bytes()).unwrap_or_default();
    reply("220 sink ESMTP");
    while let Some(line) = lines.next() {
        match &line[..] {
            [b'E' | b'e', ..] => reply("250-sink\r\n250-8BITMIME\r\n250 SMTPUTF8"),
            [b'D' | b'd', ..] => {
                reply("354 go ahead");
                let text = lines.by_ref().take_while(|line| line != b".\r");
                let unstuffed = text.map(|line| [line.strip_prefix(b".").unwrap_or(&line), b"\n"].concat());
                let message: Vec<u8> = unstuffed.flatten().collect();
                reply("250 taken");
                relayed.send(message).ok()?;
            }
            [b'Q' | b'q', ..] => {
                reply("221 bye");
                return Some(());
            }
            _ => reply("250 fine"),
        }
    }
    Some(())
}
