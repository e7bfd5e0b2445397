//! Dovecot as a reader: the ENVELOPE (RFC 3501 §7.4.2) that its imap process gives of a Maildir.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::{Command, Stdio};

pub(crate) const NAME: &str = "Dovecot ENVELOPE";

/// Its imap refuses to read mail as root.
const NOBODY: u32 = 65_534;

/// The domains of the From list of each message; `None` without dovecot-imapd.
pub(crate) fn authors(messages: &[Vec<u8>]) -> Option<Vec<Vec<String>>> {
    Path::new("/usr/lib/dovecot/imap").exists().then(|| {
        let dir = tempfile::tempdir_in("/tmp").unwrap();
        write_maildir(dir.path(), messages);
        let mut shown = vec![Vec::new(); messages.len()];
        for (number, domains) in envelopes(&fetch(dir.path())) {
            shown[number] = domains;
        }
        shown
    })
}

fn write_maildir(dir: &Path, messages: &[Vec<u8>]) {
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755)).unwrap();
    let mail = dir.join("mail");
    for name in ["", "cur", "new", "tmp"] {
        fs::create_dir(mail.join(name)).unwrap();
    }
    for (number, message) in messages.iter().enumerate() {
        fs::write(mail.join(format!("cur/{number}:2,S")), message).unwrap();
    }
    let owner = fs::metadata(dir).unwrap();
    let owner = std::os::unix::fs::MetadataExt::uid(&owner);
    let (uid, gid) = if owner == 0 { (NOBODY, NOBODY) } else { (owner, owner) };
    if owner == 0 {
        for name in ["mail", "mail/cur", "mail/new", "mail/tmp"] {
            chown(dir.join(name), Some(uid), Some(gid)).unwrap();
        }
    }
    let dir = dir.display();
    let conf = format!(
        "mail_location = maildir:{dir}/mail\nmail_uid = {uid}\nmail_gid = {gid}\nbase_dir = {dir}/run\n\
         state_dir = {dir}/state\nssl = no\nlog_path = {dir}/log\nfirst_valid_uid = 1\n"
    );
    fs::write(format!("{dir}/dovecot.conf"), conf).unwrap();
}

/// What imap answers, which runs without a login.
fn fetch(dir: &Path) -> Vec<u8> {
    let mut child = Command::new("doveadm")
        .arg("-c")
        .arg(dir.join("dovecot.conf"))
        .args(["exec", "imap"])
        .env_clear()
        .env("PATH", "/usr/bin:/bin:/usr/sbin")
        .env("HOME", dir.join("mail"))
        .env("USER", "nobody")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let commands = "1 EXAMINE INBOX\r\n2 FETCH 1:* (X-GUID ENVELOPE)\r\n3 LOGOUT\r\n";
    // It stops in the middle of its answers when its input ends.
    let mut input = child.stdin.take().unwrap();
    input.write_all(commands.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap().stdout;
    drop(input);
    let end = String::from_utf8_lossy(&output[output.len().saturating_sub(200)..]).into_owned();
    assert!(end.contains("\n3 OK"), "imap says {end:?}");
    output
}

/// The number of the message and its domains, of each answer to FETCH.
fn envelopes(answers: &[u8]) -> Vec<(usize, Vec<String>)> {
    let mut reader = Reader(answers);
    let mut found = Vec::new();
    while let Some(start) = memchr::memmem::find(reader.0, b" FETCH (X-GUID ") {
        reader.0 = &reader.0[start + b" FETCH (".len()..];
        let items: Vec<Item> = std::iter::repeat_with(|| reader.item()).take(4).collect();
        let [_, Item::Text(guid), _, Item::List(envelope)] = &items[..] else { panic!("{items:?}") };
        let Item::List(from) = &envelope[2] else {
            found.push((number(guid), Vec::new()));
            continue;
        };
        found.push((number(guid), from.iter().filter_map(host).collect()));
    }
    found
}

fn number(guid: &[u8]) -> usize {
    std::str::from_utf8(guid).unwrap().parse().unwrap()
}

/// RFC 3501 §7.4.2: "The fields of an address structure are in the following order: personal name, [SMTP]
/// at-domain-list (source route), mailbox name, and host name."
fn host(address: &Item) -> Option<String> {
    let Item::List(parts) = address else { return None };
    match &parts[3] {
        Item::Text(host) => Some(String::from_utf8_lossy(host).into_owned()),
        _ => None,
    }
}

#[derive(Debug)]
enum Item {
    Nil,
    Text(Vec<u8>),
    List(Vec<Item>),
}

/// Reads what IMAP writes: atoms, quoted strings, literals and lists.
struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    fn item(&mut self) -> Item {
        while self.0[0] == b' ' {
            self.0 = &self.0[1..];
        }
        match self.0[0] {
            b'(' => {
                self.0 = &self.0[1..];
                let mut items = Vec::new();
                while self.0[0] != b')' {
                    items.push(self.item());
                }
                self.0 = &self.0[1..];
                Item::List(items)
            }
            b'"' => self.quoted(),
            b'{' => self.literal(),
            _ => {
                let end = self.0.iter().position(|c| b" ()\r".contains(c)).unwrap();
                let (atom, rest) = self.0.split_at(end);
                self.0 = rest;
                if atom == b"NIL" { Item::Nil } else { Item::Text(atom.to_vec()) }
            }
        }
    }

    fn quoted(&mut self) -> Item {
        let (mut text, mut at) = (Vec::new(), 1);
        while self.0[at] != b'"' {
            at += usize::from(self.0[at] == b'\\');
            text.push(self.0[at]);
            at += 1;
        }
        self.0 = &self.0[at + 1..];
        Item::Text(text)
    }

    fn literal(&mut self) -> Item {
        let end = self.0.iter().position(|c| *c == b'}').unwrap();
        let length: usize = std::str::from_utf8(&self.0[1..end]).unwrap().parse().unwrap();
        let start = end + b"}\r\n".len();
        let text = self.0[start..start + length].to_vec();
        self.0 = &self.0[start + length..];
        Item::Text(text)
    }
}
