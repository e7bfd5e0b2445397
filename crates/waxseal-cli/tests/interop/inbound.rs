//! The inbound check beside OpenDKIM with OpenDMARC and beside authheaders, and ARC sets beside dkimpy's: the same
//! messages, over the same name server.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use waxseal::arc::{Policy, Sealer};
use waxseal::crypto::PrivateKey;
use waxseal::dkim::Signer;
use waxseal::dmarc::LocalPolicy;
use waxseal::{Authenticator, Envelope, Report};
use waxseal_resolver::Stub;

use crate::inbound_cases::{CASES, Case, DOMAINS, Difference, GOOD, HABITS, MORE, Peer, Step};
use crate::lab::{Daemon, Keys, Lab, command, private_namespace, run, script};
use crate::milter::{self, Client};
use crate::{peers, wanted};

/// What someone says about a message: about what, and the word.
type Words = BTreeMap<&'static str, String>;

const ABOUT: [&str; 5] = ["spf", "dkim", "arc", "dmarc", "disposition"];

#[test]
fn others_find_what_the_inbound_check_finds() {
    if !wanted() {
        return;
    }
    let lab = lab();
    let messages: Vec<Message> = CASES.iter().map(|case| Message::new(&lab, case)).collect();
    let mut wrong = Vec::new();
    for message in &messages {
        let ours = ours(&message.report);
        let expected: Words = ABOUT.into_iter().zip(message.case.ours.map(str::to_owned)).collect();
        if ours != expected {
            wrong.push(format!("{}: ours {ours:?}\n{}", message.case.name, message.report.explain()));
        }
    }
    let files: Vec<_> = messages.iter().map(|message| message.file.clone()).collect();
    let opendkims = peers::opendkim_results(&lab, "opendkim-inbound", &files);
    let behind_opendkim: Vec<_> = opendkims
        .iter()
        .zip(&messages)
        .map(|(value, message)| message.below(&format!("Authentication-Results: {value}\r\n")))
        .collect();
    let behind_us: Vec<_> = messages
        .iter()
        .map(|message| message.below(&message.report.authentication_results().to_field()))
        .collect();
    let found = [
        (Peer::AuthHeaders, Some(authheaders(&lab, &messages))),
        (Peer::OpenDkim, Some(opendkims.iter().map(|value| opendkim(value)).collect())),
        (Peer::OpenDmarc, opendmarc(&lab, "own-spf", OWN_SPF, &messages, &behind_opendkim)),
        (Peer::OpenDmarcOnOurs, opendmarc(&lab, "ours", THEIR_SPF, &messages, &behind_us)),
    ];
    let mut agreed = 0;
    for (peer, found) in found {
        let Some(found) = found else {
            assert!(std::env::var_os("WAXSEAL_REQUIRE_TOOLS").is_none(), "{peer:?} is required");
            println!("{peer:?} is left out: the system grants no private namespaces");
            continue;
        };
        for (message, words) in messages.iter().zip(found) {
            agreed += compare(message.case, peer, &words, &mut wrong);
        }
    }
    println!("inbound: {} messages, {agreed} words agree", CASES.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Counts the words that agree; those that do not have to be listed, and those listed must differ.
fn compare(case: &Case, peer: Peer, words: &Words, wrong: &mut Vec<String>) -> usize {
    let mut agreed = 0;
    for (about, word) in words {
        let ours = case.ours[ABOUT.iter().position(|name| name == about).unwrap()];
        let listed = |(who, what, ..): &&Difference| *who == peer && (*what == *about || *what == "*");
        let general = |(who, what, said, _): &&Difference| {
            (*who, *what) == (peer, *about) && said.split_once(" for ").is_some_and(|(_, for_)| for_ == ours)
        };
        let own = case.differences.iter().find(listed).map(|difference| difference.2);
        let habit = || HABITS.iter().find(general)?.2.split(' ').next();
        let expected = own.or_else(habit).unwrap_or(ours);
        if word != expected {
            wrong.push(format!("{}: {peer:?} says {about}={word}, not {expected}", case.name));
        } else if word == ours {
            agreed += 1;
        }
        if own == Some(ours) {
            wrong.push(format!("{}: {about}={ours} of {peer:?} is no difference", case.name));
        }
    }
    for (who, about, _, reason) in case.differences {
        assert!(!reason.is_empty());
        if *who == peer && *about != "*" && !words.contains_key(about) {
            wrong.push(format!("{}: {peer:?} says nothing about {about}", case.name));
        }
    }
    agreed
}

/// Our set over theirs, theirs over ours, and dkimpy's judgement of both.
#[test]
fn dkimpy_verifies_our_arc_sets_and_we_verify_its() {
    if !wanted() {
        return;
    }
    let lab = lab();
    let out = lab.folder("arc");
    let envelope = Envelope::new(GOOD.parse().unwrap(), "reject.example", "joe@reject.example");
    let sealing = authenticator("list.example").with_sealer(sealer(&lab));
    let mut message = sign(&lab, "rsa", "reject.example", &plain("From: joe@reject.example"));
    let mut sealed = Vec::new();
    for hop in 1..=4 {
        let report = check(&lab, &sealing, &envelope, &message);
        let word = if hop == 1 { "none" } else { "pass" };
        assert_eq!(report.arc().unwrap().result().as_str(), word, "{}", report.explain());
        message = if hop % 2 == 0 {
            seal_by_dkimpy(&lab, &report, &message, &format!("hop{hop}"))
        } else {
            [report.seal().unwrap().fields().as_bytes(), &message].concat()
        };
        let file = out.join(format!("after{hop}"));
        fs::write(&file, &message).unwrap();
        sealed.push(file);
    }
    let report = check(&lab, &sealing, &envelope, &message);
    let chain = report.arc().unwrap();
    assert!(chain.is_pass() && chain.sets().len() == 4, "{}", report.explain());
    assert_eq!(chain.oldest_pass(), Some(0));
    let changed = out.join("changed");
    fs::write(&changed, [&message[..], b"footer\r\n"].concat()).unwrap();
    sealed.push(changed);
    let mut call = authheaders_py("arc");
    let words = peers::tabbed(&run(call.arg(lab.dns_port.to_string()).args(&sealed)), &sealed).concat();
    assert_eq!(words, ["pass", "pass", "pass", "pass", "fail"]);
    println!("ARC: 4 sets, ours and dkimpy's in turn, verified by both");
}

/// python3-authres reads every field that the cases give, to the same methods and results.
#[test]
fn authres_reads_our_authentication_results() {
    if !wanted() {
        return;
    }
    let lab = lab();
    let out = lab.folder("fields");
    let mut files = Vec::new();
    let mut expected = Vec::new();
    for case in CASES {
        let report = Message::new(&lab, case).report;
        let file = out.join(case.name);
        fs::write(&file, report.authentication_results().to_field()).unwrap();
        files.push(file);
        let results = report.authentication_results();
        let told = results.entries().iter().map(|entry| format!("{}={}", entry.method(), entry.result()));
        expected.push(told.collect::<Vec<_>>());
    }
    let read = peers::tabbed(&run(authheaders_py("read").args(&files)), &files);
    assert_eq!(read, expected);
    println!("Authentication-Results: {} fields read by python3-authres", files.len());
}

/// A message as it comes in, and what we say of it.
struct Message {
    case: &'static Case,
    bytes: Vec<u8>,
    file: PathBuf,
    report: Report,
}

impl Message {
    fn new(lab: &Lab, case: &'static Case) -> Self {
        let mut bytes = plain(case.from);
        let forwarded = Envelope::new(GOOD.parse().unwrap(), "reject.example", "joe@reject.example");
        for (number, step) in case.steps.iter().enumerate() {
            bytes = match step {
                Step::Sign(domain) => sign(lab, "rsa", domain, &bytes),
                Step::SignWithoutKey(domain) => sign(lab, "missing", domain, &bytes),
                Step::PutOnTop(field) => [field.as_bytes(), &bytes].concat(),
                Step::Footer => [&bytes[..], b"-- \r\nlist footer\r\n"].concat(),
                Step::Seal => {
                    let report = check(lab, &authenticator("list.example"), &forwarded, &bytes);
                    seal_by_dkimpy(lab, &report, &bytes, &format!("{}-{number}", case.name))
                }
            };
        }
        let (ip, helo, mail_from) = case.envelope;
        let envelope = Envelope::new(ip.parse().unwrap(), helo, mail_from);
        let report = check(lab, &authenticator("mx"), &envelope, &bytes);
        let file = lab.folder("inbound").join(case.name);
        fs::write(&file, &bytes).unwrap();
        Self { case, bytes, file, report }
    }

    fn below(&self, field: &str) -> Vec<u8> {
        [field.as_bytes(), &self.bytes].concat()
    }
}

fn lab() -> Lab {
    Lab::with_zones(|keys| vec![("example", zone(keys))])
}

fn zone(keys: &Keys<'_>) -> String {
    let strings = |text: &str| -> String {
        text.as_bytes().chunks(250).map(|part| format!(" \"{}\"", String::from_utf8_lossy(part))).collect()
    };
    let key = strings(&keys.record("rsa"));
    let mut zone = String::from(
        "$ORIGIN example.\n$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n\
         alpha IN NS ns.alpha\nns.alpha IN A 127.0.0.1\n",
    );
    for (domain, client, records) in DOMAINS {
        zone +=
            &format!("rsa._domainkey.{domain}. IN TXT{key}\n{domain}. IN TXT \"v=spf1 ip4:{client} -all\"\n");
        for record in records {
            zone += &format!("_dmarc.{domain}. IN TXT{}\n", strings(record));
        }
    }
    zone + MORE
}

fn plain(from: &str) -> Vec<u8> {
    format!(
        "{from}\r\nTo: alice@beta.example\r\nSubject: figures\r\nDate: Sun, 22 Nov 2026 07:00:00 +0000\r\n\
         Message-ID: <1@reject.example>\r\n\r\nHi.\r\n"
    )
    .into_bytes()
}

fn rsa(lab: &Lab) -> PrivateKey {
    PrivateKey::from_bytes(fs::read(lab.key("rsa")).unwrap()).unwrap()
}

/// Nothing is oversigned, so that the forgeries have good signatures.
fn sign(lab: &Lab, selector: &str, domain: &str, message: &[u8]) -> Vec<u8> {
    let signer = Signer::new(domain, selector, rsa(lab)).unwrap();
    let field = signer.with_oversigned([""; 0]).sign(message, SystemTime::now()).unwrap();
    [field.as_bytes(), message].concat()
}

fn sealer(lab: &Lab) -> Sealer {
    Sealer::new("list.example", "rsa", rsa(lab)).unwrap()
}

/// What we found goes into a set of dkimpy's, which reads it.
fn seal_by_dkimpy(lab: &Lab, report: &Report, message: &[u8], name: &str) -> Vec<u8> {
    let (before, after) = (lab.folder("to-seal").join(name), lab.folder("sealed"));
    fs::write(&before, [report.authentication_results().to_field().as_bytes(), message].concat()).unwrap();
    let mut call = authheaders_py("seal");
    call.arg(lab.dns_port.to_string()).arg(lab.key("rsa")).args(["rsa", "list.example"]);
    run(call.arg(&after).arg(&before));
    let sealed = String::from_utf8(fs::read(after.join(name)).unwrap()).unwrap();
    assert!(sealed.starts_with("ARC-Seal: "), "{sealed}");
    // The field is no longer needed, and dkimpy would read it again at the next hop.
    sealed.replacen(&report.authentication_results().to_field(), "", 1).into_bytes()
}

fn authenticator(authserv_id: &str) -> Authenticator {
    Authenticator::new(authserv_id)
        .unwrap()
        .with_arc(Policy::default())
        .with_dmarc(LocalPolicy::default().with_reject_on_reject(true))
}

fn check(lab: &Lab, authenticator: &Authenticator, envelope: &Envelope, message: &[u8]) -> Report {
    let dns = Stub::new([([127, 0, 0, 1], lab.dns_port).into()]).unwrap();
    authenticator.check_blocking(envelope, message, SystemTime::now(), &dns)
}

fn ours(report: &Report) -> Words {
    let dkim: Vec<_> = report.dkim().iter().map(|verdict| verdict.result().as_str()).collect();
    let dkim = if dkim.is_empty() { "none".to_owned() } else { dkim.join(",") };
    BTreeMap::from([
        ("spf", report.spf().result().to_string()),
        ("dkim", dkim),
        ("arc", report.arc().unwrap().result().to_string()),
        ("dmarc", report.dmarc().result().to_string()),
        ("disposition", report.disposition().to_string()),
    ])
}

fn opendkim(value: &str) -> Words {
    let words = results(value, "dkim");
    Words::from([("dkim", if words.is_empty() { "none".into() } else { words.join(",") })])
}

/// The results of a method in an Authentication-Results value.
fn results(value: &str, method: &str) -> Vec<String> {
    let start = format!("{method}=");
    value.split(';').filter_map(|entry| entry.trim().strip_prefix(&start)).map(first_word).collect()
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().to_owned()
}

fn authheaders_py(verb: &str) -> std::process::Command {
    command("python3", [script("inbound.py")].into_iter().chain([verb.into()]))
}

fn authheaders(lab: &Lab, messages: &[Message]) -> Vec<Words> {
    let mut call = authheaders_py("check");
    let mut child = call
        .arg(lab.dns_port.to_string())
        .arg(suffixes(lab))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    for Message { case: Case { envelope: (ip, helo, mail_from), .. }, file, .. } in messages {
        writeln!(input, "{}\t{ip}\t{helo}\t{mail_from}", file.display()).unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found: HashMap<_, _> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(file, told)| (PathBuf::from(file), told.to_owned()))
        .collect();
    let words = |message: &Message| {
        let told = found.remove(&message.file).unwrap();
        let word = |method: &str| match told.strip_prefix("error: ") {
            Some(error) => error.to_owned(),
            None => results(&told, method).join(","),
        };
        ["spf", "dkim", "arc", "dmarc"].into_iter().map(|method| (method, word(method))).collect()
    };
    messages.iter().map(words).collect()
}

/// A public suffix list for those who need one; `example` is on none.
fn suffixes(lab: &Lab) -> PathBuf {
    let file = lab.path("suffixes");
    fs::write(&file, "com\nexample\n").unwrap();
    file
}

const OWN_SPF: &str = "SPFIgnoreResults true\nSPFSelfValidate true\n";
const THEIR_SPF: &str = "SPFIgnoreResults false\nSPFSelfValidate false\n";

/// `None` where the system grants no private namespaces.
fn opendmarc(
    lab: &Lab,
    name: &str,
    settings: &str,
    messages: &[Message],
    bytes: &[Vec<u8>],
) -> Option<Vec<Words>> {
    let flag = private_namespace()?;
    let path = |ending: &str| lab.path(format!("opendmarc-{name}.{ending}"));
    let (conf, socket, hosts) = (path("conf"), path("sock"), path("hosts"));
    // Loopback is ignored by default.
    fs::write(&hosts, "203.0.113.250\n").unwrap();
    let text = format!(
        "{settings}AuthservID mx\nTrustedAuthservIDs mx\nSocket local:{}\nIgnoreHosts {}\nPublicSuffixList {}\n\
         RejectFailures true\nHoldQuarantinedMessages true\nSyslog false\n",
        socket.display(),
        hosts.display(),
        suffixes(lab).display()
    );
    fs::write(&conf, text).unwrap();
    let mut call = command("unshare", [flag, "sh"]);
    call.arg(script("opendmarc.sh")).arg(lab.path("nsd53.conf")).arg(lab.path("resolv.conf")).arg(&conf);
    let _filter = Daemon::spawn(&mut call);
    std::thread::sleep(Duration::from_millis(500));
    Some(messages.iter().zip(bytes).map(|(message, bytes)| judged(&socket, message, bytes)).collect())
}

fn judged(socket: &Path, message: &Message, bytes: &[u8]) -> Words {
    let (address, helo, mail_from) = message.case.envelope;
    let outcome = milter::judge(socket, &Client { address, helo, mail_from }, bytes);
    let field = |wanted: &str| {
        let values = outcome.inserted.iter().filter(|(name, _)| name == "Authentication-Results");
        values.flat_map(|(_, value)| results(value, wanted)).collect::<Vec<_>>()
    };
    let disposition = match (&outcome.refused, &outcome.quarantined) {
        (Some(_), _) => "reject",
        (None, Some(_)) => "quarantine",
        (None, None) => "none",
    };
    // It refuses without a field.
    let dmarc = match &outcome.refused {
        Some(reply) if reply.contains("rejected by DMARC policy for") => "fail".to_owned(),
        _ => field("dmarc").join(","),
    };
    let mut words = Words::from([("dmarc", dmarc), ("disposition", disposition.to_owned())]);
    if !field("spf").is_empty() {
        words.insert("spf", field("spf").join(","));
    }
    words
}
