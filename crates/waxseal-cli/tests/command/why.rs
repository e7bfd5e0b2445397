//! `waxseal why`

use crate::lab::{Done, Lab, feed, waxseal};
use serde_json::Value;

const REPLY: &str =
    "550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy.";
const REPORT: &str = "From: MAILER-DAEMON\r\nSubject: failed\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\nDiagnostic-Code: \
     smtp; 550 5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy.\r\n--b--\r\n";

fn picks(done: &Done, said: &str) {
    assert!(done.err.starts_with(&format!("note: {said}\n")), "{done:?}");
}

#[test]
fn each_kind_of_thing_gets_its_command() {
    let lab = Lab::get();
    let message = lab.file("why.eml", lab.signed("rsa"));
    let zone = lab.arg("zone");
    let explained = waxseal(["why", &message, "--zone", &zone]);
    let explain = if cfg!(feature = "explain") { "explain" } else { "verify" };
    picks(&explained, &format!("a message: this is `waxseal {explain}`"));
    assert_eq!(explained.code, Some(0), "{explained:?}");
    assert!(
        explained.out.contains("pass d=example.org s=rsa") || explained.out.contains("dkim=pass"),
        "{}",
        explained.out
    );

    for word in ["example.org", "joe@example.org", "<joe@example.org>"] {
        let audited = waxseal(["why", word, "--zone", &zone, "--json"]);
        let kind = if word.contains('@') { "an address at the domain" } else { "the domain" };
        picks(&audited, &format!("{kind} example.org: this is `waxseal audit`"));
        let row: Value = serde_json::from_str(&audited.out).unwrap();
        assert_eq!((audited.code, &row["domain"]), (Some(1), &Value::from("example.org")));
    }

    let words: Vec<&str> = REPLY.split(' ').collect();
    let report = lab.file("why-report.eml", REPORT);
    let log = format!(
        "Nov 28 04:00:00 mx postfix/smtp[1]: 4F: status=bounced (host mx.example.net[192.0.2.9] said: {REPLY} (in reply))\n"
    );
    let log = lab.file("why.log", log);
    let says = "550 5.7.26: Gmail\n";
    for (args, kind) in [
        (vec![REPLY], "the text of a reply"),
        (words, "the text of a reply"),
        (vec![&*report], "a bounce, or lines of a log"),
        (vec![&*log], "a bounce, or lines of a log"),
    ] {
        let done = waxseal(["why"].iter().chain(&args));
        picks(&done, &format!("{kind}: this is `waxseal bounce`"));
        assert!(done.code == Some(0) && done.out.starts_with(says), "{done:?}");
    }
}

#[test]
fn standard_input_is_looked_at_as_well() {
    let lab = Lab::get();
    let report = feed(["why"], REPORT.as_bytes());
    picks(&report, "a bounce, or lines of a log: this is `waxseal bounce`");
    assert_eq!(report.code, Some(0), "{report:?}");
    let message = feed(["why", "-", "--zone", &lab.arg("zone")], lab.signed("rsa").as_bytes());
    assert_eq!(message.code, Some(0), "{message:?}");
    let domain = feed(["why", "-", "--zone", &lab.arg("zone")], b"example.org\n");
    picks(&domain, "the domain example.org: this is `waxseal audit`");
    let empty = feed(["why"], b" \n");
    assert!(
        empty.code == Some(2) && empty.err.contains("standard input is empty: give a message, a bounce"),
        "{empty:?}"
    );
}

#[test]
fn what_is_none_of_them_is_told_so() {
    for (word, says) in [
        ("192.0.2.1", "192.0.2.1 is the address of a host: `waxseal audit --ip 192.0.2.1 DOMAIN`"),
        (
            "nonsense",
            "nonsense is neither a file nor a domain: give a message, the text of a bounce in quotes",
        ),
        ("joe@a..b", "a..b is no domain: "),
        ("./missing.eml", "cannot read ./missing.eml: No such file or directory"),
    ] {
        let done = waxseal(["why", word]);
        assert!(done.code == Some(2) && done.err.contains(says), "{done:?}");
    }
    let option = waxseal(["why", "example.org", "--no-such-option"]);
    assert!(
        option.code == Some(2) && option.err.contains("unexpected argument '--no-such-option'"),
        "{option:?}"
    );
}
