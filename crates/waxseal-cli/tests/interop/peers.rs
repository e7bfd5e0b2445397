//! The other implementations: what they say about signatures, and what they sign.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::lab::{DOMAIN, Daemon, Lab, command, is_ed25519, private_namespace, run, script};
use crate::milter;

/// One word per DKIM signature, top first.
pub(crate) type Words = Vec<String>;

/// Signs the files with dkimpy; the selector also names the key.
pub(crate) fn dkimpy_sign(lab: &Lab, selectors: &[&str], canon: &str, out: &Path, files: &[PathBuf]) {
    for selector in selectors {
        let (key, algorithm) = match *selector {
            "ed" => (lab.path("ed.seed"), "ed25519-sha256"),
            "dk" => (lab.path("dk.key"), "ed25519-sha256"),
            _ => (lab.key(selector), "rsa-sha256"),
        };
        let mut call = command("python3", [script("dkimpy.py")]);
        call.arg("sign").arg(key).args([algorithm, selector, DOMAIN, canon]).arg(out).args(files);
        run(&mut call);
    }
}

/// Verifies the files with dkimpy.
pub(crate) fn dkimpy_verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let mut call = command("python3", [script("dkimpy.py")]);
    Some(tabbed(&run(call.arg("verify").arg(lab.path("zone.tsv")).args(files)), files))
}

/// Signs the files with Mail::DKIM.
pub(crate) fn maildkim_sign(lab: &Lab, selectors: &[&str], canon: &str, out: &Path, files: &[PathBuf]) {
    for selector in selectors {
        let mut call = command("perl", [script("maildkim.pl")]);
        run(call.arg("sign").arg(lab.key(selector)).args([selector, DOMAIN, canon]).arg(out).args(files));
    }
}

/// Verifies the files with Mail::DKIM, which asks NSD.
pub(crate) fn maildkim_verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let mut call = command("perl", [script("maildkim.pl")]);
    Some(tabbed(&run(call.arg("verify").arg(lab.dns_port.to_string()).args(files)), files))
}

/// Signs the files with a running OpenDKIM, as an MTA would have it do.
pub(crate) fn opendkim_sign(lab: &Lab, selectors: &[&str], canon: &str, out: &Path, files: &[PathBuf]) {
    for selector in selectors {
        let algorithm = if is_ed25519(selector) { "ed25519-sha256" } else { "rsa-sha256" };
        let settings = format!(
            "Mode s\nDomain {DOMAIN}\nSelector {selector}\nKeyFile {}\nSignatureAlgorithm {algorithm}\n\
             Canonicalization {canon}\nOversignHeaders From\nRequireSafeKeys no\n",
            lab.key(selector).display()
        );
        let name = format!("opendkim-{selector}-{}", canon.replace('/', "-"));
        let (_filter, socket) = start_opendkim(lab, &name, &settings);
        for file in files {
            let message = fs::read(file).unwrap();
            let inserted = milter::inserted_fields(&socket, &message);
            let [(name, value)] = &inserted[..] else {
                panic!("{}: OpenDKIM inserts {inserted:?}", file.display())
            };
            assert_eq!(name, "DKIM-Signature");
            let field = format!("{name}:{}\r\n", value.replace('\n', "\r\n"));
            fs::write(out.join(file.file_name().unwrap()), [field.as_bytes(), &message].concat()).unwrap();
        }
    }
}

/// Verifies the files with a running OpenDKIM and reads the Authentication-Results it inserts.
pub(crate) fn opendkim_verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let results = opendkim_results(lab, "opendkim-verify", files);
    Some(results.iter().map(|result| dkim_words(result).collect()).collect())
}

/// The Authentication-Results that a running OpenDKIM inserts for each file, on one line; empty where it inserts none.
pub(crate) fn opendkim_results(lab: &Lab, name: &str, files: &[PathBuf]) -> Vec<String> {
    let (_filter, socket) = start_opendkim(lab, name, VERIFY_SETTINGS);
    let result = |file: &PathBuf| {
        let inserted = milter::inserted_fields(&socket, &fs::read(file).unwrap());
        let (_, value) =
            inserted.into_iter().find(|(name, _)| name == "Authentication-Results").unwrap_or_default();
        value.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    files.iter().map(result).collect()
}

const VERIFY_SETTINGS: &str = "Mode v\nAuthservID mx\nAlwaysAddARHeader yes\n";

/// Starts OpenDKIM as a filter and gives its socket.
fn start_opendkim(lab: &Lab, name: &str, settings: &str) -> (Daemon, PathBuf) {
    let (conf, socket) = (lab.path(format!("{name}.conf")), lab.path(format!("{name}.sock")));
    let text =
        format!("{settings}Socket local:{}\nNameservers 127.0.0.1@{}\n", socket.display(), lab.dns_port);
    fs::write(&conf, text).unwrap();
    (Daemon::spawn(command("opendkim", ["-f", "-x"]).arg(conf)), socket)
}

/// Verifies the files with `opendkim -t`, which reads files itself and prints the header it would insert.
pub(crate) fn opendkim_t_verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let conf = lab.path("opendkim-t.conf");
    fs::write(&conf, format!("{VERIFY_SETTINGS}Nameservers 127.0.0.1@{}\n", lab.dns_port)).unwrap();
    let mut found = HashMap::new();
    // At a blank before a colon it stops altogether and names no file any more.
    let (unreadable, readable): (Vec<_>, Vec<_>) =
        files.iter().cloned().partition(|file| file.to_str().unwrap().contains("/header-space-before-colon"));
    found.extend(unreadable.into_iter().map(|file| (file, Words::new())));
    // All names go in one argument, which has its limit.
    for some in readable.chunks(400) {
        let names = some.iter().map(|file| file.to_str().unwrap()).collect::<Vec<_>>().join(",");
        // The exit code says nothing: it is always 0.
        let output = run(command("opendkim", ["-vv", "-x"]).arg(&conf).args(["-t", &names]));
        found.extend(printed_words(&String::from_utf8_lossy(&output)));
    }
    Some(in_order(found, files))
}

/// What `opendkim -t` prints: for each file the header it would insert, then a line with the file's name.
fn printed_words(output: &str) -> HashMap<PathBuf, Words> {
    let mut found = HashMap::new();
    let mut words = Words::new();
    for line in output.lines() {
        let file =
            line.strip_prefix("opendkim: ").and_then(|rest| rest.split_once(": ")).map(|(file, _)| file);
        match file {
            Some(file) => drop(found.insert(PathBuf::from(file), std::mem::take(&mut words))),
            None => words.extend(dkim_words(line)),
        }
    }
    found
}

/// The words behind each `dkim=` of an Authentication-Results field.
fn dkim_words(text: &str) -> impl Iterator<Item = String> {
    text.split("dkim=").skip(1).map(|rest| rest.split([' ', ';', '\'']).next().unwrap_or_default().to_owned())
}

/// Verifies the files with `opendkim-testmsg`, which gives one exit code for all signatures of a message.
///
/// `None` where the system grants no private namespace.
pub(crate) fn testmsg_verify(lab: &Lab, files: &[PathBuf]) -> Option<Vec<Words>> {
    let flag = private_namespace()?;
    let mut call = command("unshare", [flag, "sh"]);
    call.arg(script("alone.sh")).arg(lab.path("nsd53.conf")).arg(lab.path("resolv.conf"));
    call.arg(script("testmsg.sh")).args(files);
    let codes = tabbed(&run(&mut call), files);
    let word = |code: &String| if code == "0" { "pass" } else { "fail" }.to_owned();
    Some(codes.iter().map(|words| words.iter().map(word).collect()).collect())
}

/// Reads `FILE<TAB>word,word` lines.
pub(crate) fn tabbed(output: &[u8], files: &[PathBuf]) -> Vec<Words> {
    let text = String::from_utf8_lossy(output);
    let words = |list: &str| list.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    let lines = text.lines().filter_map(|line| line.split_once('\t'));
    in_order(lines.map(|(file, list)| (PathBuf::from(file), words(list))).collect(), files)
}

fn in_order(mut found: HashMap<PathBuf, Words>, files: &[PathBuf]) -> Vec<Words> {
    files
        .iter()
        .map(|file| found.remove(file).unwrap_or_else(|| panic!("no answer for {}", file.display())))
        .collect()
}
