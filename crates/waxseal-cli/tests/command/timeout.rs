//! `--timeout`: how long a check waits for servers that do not answer.

use crate::lab::{Lab, feed, waxseal, words};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};

/// The stub alone would wait for 6 seconds, and a check of several rounds for many times that.
const AT_MOST: Duration = Duration::from_secs(5);

/// Takes questions and never answers.
fn silent() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    (socket, address)
}

#[test]
fn every_subcommand_that_asks_dns_ends_in_time() {
    let lab = Lab::get();
    let message = lab.file("silent.eml", lab.signed("ed"));
    let (_socket, server) = silent();
    for line in [
        format!("check --ip 192.0.2.1 --helo h.example --mail-from u@m.example {message}"),
        format!("verify {message}"),
        "spf check --ip 192.0.2.1 --helo h.example --mail-from u@m.example".to_owned(),
        "spf lint m.example".to_owned(),
        "spf flatten m.example".to_owned(),
        "dmarc check m.example".to_owned(),
        "dmarc lint m.example".to_owned(),
    ] {
        let begun = Instant::now();
        let line = format!("{line} --server {server} --timeout 0.5");
        let done = waxseal(words(&line));
        assert!(begun.elapsed() < AT_MOST, "{line}: {:?}", begun.elapsed());
        assert_eq!(done.code, Some(75), "{line}: {done:?}");
        let told = done.out.clone() + &done.err;
        assert!(told.contains(&format!("timed out: {server} did not answer in time")), "{line}: {done:?}");
    }
}

#[test]
fn lines_of_a_batch_end_in_time() {
    let lab = Lab::get();
    let (_socket, server) = silent();
    let eml = BASE64_STANDARD.encode(lab.signed("ed"));
    for (args, line, result) in [
        ("check --jsonl", json!({ "eml_b64": eml }), "/dmarc/result"),
        ("verify --jsonl", json!({ "eml_b64": eml }), "/dkim/0/result"),
        ("spf check --jsonl", json!({ "ip": "192.0.2.1", "helo": "h.example", "mail_from": "" }), "/result"),
        ("dmarc check --jsonl", json!({ "from": "joe@m.example" }), "/dmarc/result"),
    ] {
        let begun = Instant::now();
        let args = format!("{args} --server {server} --timeout 0.5");
        let done = feed(words(&args), format!("{line}\n").as_bytes());
        assert!(begun.elapsed() < AT_MOST, "{args}: {:?}", begun.elapsed());
        let row: serde_json::Value = serde_json::from_str(&done.out).unwrap();
        assert_eq!(row.pointer(result), Some(&json!("temperror")), "{args}: {done:?}");
    }
}

#[test]
fn a_limit_is_a_number_of_seconds() {
    for bad in ["0", "-1", "x", "", "NaN", "inf", "1e300"] {
        let done = waxseal(["spf", "lint", "example.org", "--timeout", bad]);
        assert_eq!(done.code, Some(2), "{bad}: {done:?}");
    }
    let done = waxseal(["spf", "lint", "example.org", "--timeout", "0"]);
    assert!(done.err.contains("give a number of seconds above zero, such as 20 or 2.5"), "{}", done.err);
    let help = waxseal(["check", "--help"]);
    assert!(help.out.contains("--timeout <SECONDS>") && help.out.contains("[default: 20]"), "{}", help.out);
}

/// Whoever waits is told what for, once.
#[test]
fn a_word_after_two_seconds_of_silence() {
    let (_socket, server) = silent();
    let line =
        format!("spf check --ip 192.0.2.1 --mail-from u@m.example --helo h --server {server} --timeout 2.7");
    let done = waxseal(words(&line));
    assert_eq!(done.code, Some(75), "{done:?}");
    assert_eq!(done.err, "note: waiting for DNS: TXT of m.example (set the limit with --timeout)\n");
    let line = line.replace("2.7", "0.5");
    assert_eq!(waxseal(words(&line)).err, "");
}

/// The server that was asked is named where the verdict goes.
#[test]
fn the_field_names_the_server_that_did_not_answer() {
    let lab = Lab::get();
    let message = lab.file("silent-field.eml", lab.signed("ed"));
    let (_socket, server) = silent();
    for verb in ["verify --authserv-id mx.example", "check --authres"] {
        let line = format!("{verb} --server {server} --timeout 0.5 {message}");
        let done = waxseal(words(&line));
        assert_eq!(done.code, Some(75), "{line}: {done:?}");
        let unfolded = done.out.replace("\n\t", " ");
        let reason =
            unfolded.split("dkim=temperror reason=\"").nth(1).and_then(|rest| rest.split('"').next());
        assert!(reason.is_some_and(|reason| reason.contains(&server)), "{line}: {}", done.out);
    }
}
