//! Every signer against every verifier.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::corpus::messages;
use crate::expected::expected;
use crate::lab::Lab;
use crate::peers::{self, Words};
use crate::{ours, wanted};

const CANONICALIZATIONS: [&str; 4] = ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"];

/// The signer that sets every optional tag.
const EVERY_TAG: &str = "waxseal+tags";
/// The signer that copies the signed fields.
const COPIES: &str = "waxseal+z";
/// The `waxseal` command.
const COMMAND: &str = "waxseal sign";
/// The signer whose keys OpenSSL holds.
const REMOTE_KEY: &str = "waxseal+hsm";

/// What is done to a message after it was signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tamper {
    Nothing,
    /// One letter of the body is changed, or one line is added to a body without letters.
    Body,
    /// One letter is put in the Subject.
    Header,
    /// A second From field is put on top.
    SecondFrom,
    /// A second Subject field is put on top.
    SecondSubject,
}

/// A signed message and who signed it how.
pub(crate) struct Case {
    pub(crate) signer: &'static str,
    pub(crate) message: String,
    pub(crate) canon: &'static str,
    /// The selectors of its signatures, top first.
    pub(crate) selectors: Vec<&'static str>,
    pub(crate) tamper: Tamper,
    file: PathBuf,
}

impl Case {
    fn name(&self) -> String {
        format!(
            "{} {} {} {} {:?}",
            self.signer,
            self.message,
            self.canon,
            self.selectors.join("+"),
            self.tamper
        )
    }
}

/// Signs files with the keys of the selectors, the last one topmost, and writes the results into a folder.
pub(crate) type Sign = fn(&Lab, &[&str], &str, &Path, &[PathBuf]);
/// Gives the words for each file, or nothing where the verifier cannot run.
type Verify = fn(&Lab, &[PathBuf]) -> Option<Vec<Words>>;

const VERIFIERS: [(&str, Verify); 7] = [
    ("waxseal", ours::verify),
    ("waxseal verify", ours::command_verify),
    ("dkimpy", peers::dkimpy_verify),
    ("Mail::DKIM", peers::maildkim_verify),
    ("opendkim", peers::opendkim_verify),
    ("opendkim -t", peers::opendkim_t_verify),
    ("opendkim-testmsg", peers::testmsg_verify),
];

#[test]
fn everyone_agrees_with_everyone() {
    if !wanted() {
        return;
    }
    let lab = Lab::start();
    let cases = signed_cases(&lab);
    let files: Vec<PathBuf> = cases.iter().map(|case| case.file.clone()).collect();
    let answers: Vec<Option<Vec<Words>>> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            VERIFIERS.iter().map(|(_, verify)| scope.spawn(|| verify(&lab, &files))).collect();
        asked.into_iter().map(|thread| thread.join().expect("the verifier ran")).collect()
    });
    let mut table = Table::default();
    let mut wrong = Vec::new();
    for ((verifier, _), answer) in VERIFIERS.iter().zip(answers) {
        let Some(answer) = answer else {
            println!("{verifier} cannot run here: the system grants no private namespace");
            assert!(std::env::var_os("WAXSEAL_REQUIRE_TOOLS").is_none(), "{verifier} is required");
            continue;
        };
        for (case, words) in cases.iter().zip(answer) {
            let want = expected(verifier, case);
            table.count(case.signer, verifier, &want);
            if words != want {
                wrong.push(format!("{}: {verifier} says {words:?}, expected {want:?}", case.name()));
            }
        }
    }
    table.print();
    assert!(wrong.is_empty(), "{} unexpected outcomes:\n{}", wrong.len(), wrong.join("\n"));
}

/// How many cases of each signer passed and failed at each verifier, as expected.
#[derive(Default)]
struct Table(BTreeMap<&'static str, BTreeMap<&'static str, (usize, usize)>>);

impl Table {
    fn count(&mut self, signer: &'static str, verifier: &'static str, words: &Words) {
        let (pass, refused) = self.0.entry(signer).or_default().entry(verifier).or_default();
        *(if words.iter().all(|word| word == "pass") && !words.is_empty() { pass } else { refused }) += 1;
    }

    fn print(&self) {
        let header = VERIFIERS.map(|(verifier, _)| format!("{verifier:>17}")).concat();
        println!("passed / refused, as expected\n{:<12}{header}", "signer");
        for (signer, row) in &self.0 {
            let cell = |(verifier, _)| {
                row.get(verifier).map_or("-".into(), |(pass, other)| format!("{pass} / {other}"))
            };
            println!("{signer:<12}{}", VERIFIERS.map(cell).map(|cell| format!("{cell:>17}")).concat());
        }
    }
}

/// One signer with its keys and a canonicalization, on the whole corpus or its first message only.
struct Job {
    signer: &'static str,
    sign: Sign,
    selectors: &'static [&'static str],
    canon: &'static str,
    plain_only: bool,
}

impl Job {
    fn messages<'a>(&self, files: &'a [PathBuf]) -> impl Iterator<Item = &'a PathBuf> {
        let signer = self.signer;
        let kept = files.iter().filter(move |file| !is_left_out(signer, &name_of(file)));
        kept.take(if self.plain_only { 1 } else { files.len() })
    }

    fn folder(&self, lab: &Lab) -> PathBuf {
        let signer = self.signer.replace(':', "");
        lab.folder(&format!("{signer}-{}-{}", self.selectors.join("-"), self.canon.replace('/', "-")))
    }

    fn run(&self, lab: &Lab, files: &[PathBuf]) {
        let files: Vec<PathBuf> = self.messages(files).cloned().collect();
        (self.sign)(lab, self.selectors, self.canon, &self.folder(lab), &files);
    }

    /// What is done to its messages: fields are added on top only where the signer guards against that.
    fn tampers(&self) -> &'static [Tamper] {
        use Tamper::{Body, Header, Nothing, SecondFrom, SecondSubject};
        match self.signer {
            "waxseal" | COMMAND | COPIES | EVERY_TAG | REMOTE_KEY => {
                &[Nothing, Body, Header, SecondFrom, SecondSubject]
            }
            // Mail::DKIM does not sign From more often than it is there.
            "Mail::DKIM" => &[Nothing, Body, Header],
            _ => &[Nothing, Body, Header, SecondFrom],
        }
    }

    /// Every message of the job, intact and tampered with.
    fn cases(&self, lab: &Lab, files: &[PathBuf]) -> Vec<Case> {
        let mut cases = Vec::new();
        for file in self.messages(files) {
            let message = name_of(file);
            let signed = fs::read(self.folder(lab).join(&message)).unwrap();
            for &tamper in self.tampers() {
                let file = self.folder(lab).join(format!("{message}.{tamper:?}"));
                fs::write(&file, tampered(&signed, tamper)).unwrap();
                let selectors = self.selectors.iter().rev().copied().collect();
                cases.push(Case {
                    signer: self.signer,
                    message: message.clone(),
                    canon: self.canon,
                    selectors,
                    tamper,
                    file,
                });
            }
        }
        cases
    }
}

fn jobs() -> Vec<Job> {
    let whole: [(&str, Sign, &[&str]); 10] = [
        (COMMAND, ours::command_sign, &["wr", "we"]),
        (COPIES, ours::sign_with_copies, &["rsa"]),
        ("waxseal", ours::sign, &["rsa"]),
        ("waxseal", ours::sign, &["ed"]),
        ("waxseal", ours::sign, &["rsa", "ed"]),
        ("dkimpy", peers::dkimpy_sign, &["rsa"]),
        ("dkimpy", peers::dkimpy_sign, &["ed"]),
        ("Mail::DKIM", peers::maildkim_sign, &["rsa"]),
        ("opendkim", peers::opendkim_sign, &["rsa"]),
        ("opendkim", peers::opendkim_sign, &["ed"]),
    ];
    let plain: [(&str, Sign, &[&str]); 17] = [
        ("waxseal", ours::sign, &["wr", "we"]),
        ("dkimpy", peers::dkimpy_sign, &["wr"]),
        ("Mail::DKIM", peers::maildkim_sign, &["wr"]),
        ("opendkim", peers::opendkim_sign, &["wr"]),
        ("opendkim", peers::opendkim_sign, &["we"]),
        (REMOTE_KEY, ours::sign_remotely, &["rsa", "ed"]),
        ("waxseal", ours::sign, &["dk"]),
        ("waxseal", ours::sign, &["rsa4096"]),
        (EVERY_TAG, ours::sign_every_tag, &["rsa"]),
        (EVERY_TAG, ours::sign_every_tag, &["rsa", "ed"]),
        ("dkimpy", peers::dkimpy_sign, &["dk"]),
        ("dkimpy", peers::dkimpy_sign, &["rsa1024"]),
        ("dkimpy", peers::dkimpy_sign, &["rsa4096"]),
        ("Mail::DKIM", peers::maildkim_sign, &["rsa1024"]),
        ("Mail::DKIM", peers::maildkim_sign, &["rsa4096"]),
        ("opendkim", peers::opendkim_sign, &["rsa1024"]),
        ("opendkim", peers::opendkim_sign, &["rsa4096"]),
    ];
    let whole = whole.into_iter().flat_map(|(signer, sign, selectors)| {
        CANONICALIZATIONS.map(|canon| Job { signer, sign, selectors, canon, plain_only: false })
    });
    let plain = plain.into_iter().map(|(signer, sign, selectors)| Job {
        signer,
        sign,
        selectors,
        canon: "relaxed/relaxed",
        plain_only: true,
    });
    whole.chain(plain).collect()
}

fn signed_cases(lab: &Lab) -> Vec<Case> {
    let unsigned = lab.folder("unsigned");
    let write = |message: crate::corpus::Message| {
        let file = unsigned.join(message.name);
        fs::write(&file, &message.bytes).unwrap();
        file
    };
    let files: Vec<PathBuf> = messages().into_iter().map(write).collect();
    let jobs = jobs();
    // OpenDKIM takes five seconds to end, whatever it did: all at once.
    std::thread::scope(|scope| {
        for job in &jobs {
            scope.spawn(|| job.run(lab, &files));
        }
    });
    jobs.iter().flat_map(|job| job.cases(lab, &files)).collect()
}

/// Messages that a signer cannot be asked about, because of the way it is fed.
fn is_left_out(signer: &str, message: &str) -> bool {
    match message {
        // Over SMTP every message ends in CRLF, and OpenDKIM signs nothing with a relaxed body that does not.
        "body-no-final-crlf" => signer == "opendkim",
        // dkimpy cannot read it, OpenDKIM does not sign it.
        "header-space-before-colon" => matches!(signer, "dkimpy" | "opendkim"),
        _ => false,
    }
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap().to_str().unwrap().to_owned()
}

/// The signed message with that done to it.
pub(crate) fn tampered(signed: &[u8], tamper: Tamper) -> Vec<u8> {
    let mut bytes = signed.to_vec();
    let body = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    match tamper {
        Tamper::Nothing => {}
        Tamper::Body => match bytes[body..].iter().position(u8::is_ascii_alphabetic) {
            Some(at) => bytes[body + at] = if bytes[body + at] == b'X' { b'Y' } else { b'X' },
            None => bytes.extend_from_slice(b"x\r\n"),
        },
        Tamper::Header => {
            let lower = bytes.to_ascii_lowercase();
            let name = lower.windows(10).position(|w| w == b"\r\nsubject:").unwrap();
            bytes.splice(name + 10..name + 10, *b"X");
        }
        Tamper::SecondSubject => drop(bytes.splice(0..0, *b"Subject: Evil\r\n")),
        Tamper::SecondFrom => drop(bytes.splice(0..0, *b"From: Eve <eve@evil.example>\r\n")),
    }
    bytes
}
