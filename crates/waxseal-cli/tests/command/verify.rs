//! `waxseal verify`

use crate::lab::{Lab, MESSAGE, command, feed, waxseal};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{SocketAddr, UdpSocket},
    process::Stdio,
};
use waxseal_dns::{Question, Record, Zone};

#[test]
fn a_signature_passes() {
    let lab = Lab::get();
    for selector in ["rsa", "ed"] {
        let done = feed(lab.verify(&[]), lab.signed(selector).as_bytes());
        assert_eq!((done.code, &*done.err), (Some(0), ""), "{done:?}");
        assert!(done.out.starts_with("(standard input): pass\n"), "{}", done.out);
        assert!(done.out.contains(&format!("pass d=example.org s={selector} a=")), "{}", done.out);
    }
}

#[test]
fn what_was_changed_is_told() {
    let lab = Lab::get();
    let signed = lab.signed("ed");
    let body = feed(lab.verify(&[]), signed.replace("Hi.", "Ho.").as_bytes());
    assert_eq!(body.code, Some(1));
    assert!(body.out.contains("body hash does not match"), "{}", body.out);
    assert!(body.out.contains("only the body was changed"), "{}", body.out);
    let header = feed(lab.verify(&[]), signed.replace("lunch", "money").as_bytes());
    assert_eq!(header.code, Some(1));
    assert!(header.out.contains("The body is intact"), "{}", header.out);
    assert!(header.out.contains("Signed are: From Subject"), "{}", header.out);
}

#[test]
fn no_signature_is_no_pass() {
    let done = feed(Lab::get().verify(&[]), MESSAGE.as_bytes());
    assert_eq!((done.code, &*done.out), (Some(1), "(standard input): none, no signature\n"));
}

#[test]
fn json_has_a_row_for_each_signature() {
    let lab = Lab::get();
    let message = format!("DKIM-Signature: v=1; d=example.com; s=x\r\n{}", lab.signed("ed"));
    let file = lab.file("two.eml", message);
    let done = waxseal(lab.verify(&["--json", &file]));
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    let row: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(row["id"], json!(file));
    assert_eq!(row["dkim"].as_array().unwrap().len(), 2);
    let (bad, good) = (&row["dkim"][0], &row["dkim"][1]);
    assert_eq!(
        *good,
        json!({"d": "example.org", "s": "ed", "a": "ed25519-sha256", "i": "@example.org", "result": "pass",
               "reason": "signature and body hash match"})
    );
    assert_eq!(
        (&bad["d"], &bad["a"], &bad["result"]),
        (&json!("example.com"), &json!(null), &json!("permerror"))
    );
}

#[test]
fn several_files_end_with_the_worst() {
    let lab = Lab::get();
    let good = lab.file("good.eml", lab.signed("ed"));
    let bad = lab.file("bad.eml", MESSAGE);
    let missing = lab.arg("missing.eml");
    assert_eq!(waxseal(lab.verify(&[&good, &good])).code, Some(0));
    let done = waxseal(lab.verify(&[&good, &bad, &good]));
    assert_eq!(done.code, Some(1));
    assert_eq!(done.out.matches(".eml: ").count(), 3, "{}", done.out);
    let done = waxseal(lab.verify(&[&bad, &missing, &good]));
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("cannot read") && done.err.contains("missing.eml"), "{}", done.err);
    assert!(done.out.contains("good.eml: pass"), "a missing file stops nothing: {}", done.out);
}

#[test]
fn a_server_that_does_not_answer_is_temporary() {
    let lab = Lab::get();
    let signed = lab.signed("ed");
    let zone = lab.file("slow.json", r#"{"ed._domainkey.example.org": {"ERROR": "TIMEOUT"}}"#);
    let done = feed(["verify", "--zone", &zone], signed.as_bytes());
    assert_eq!(done.code, Some(75));
    assert!(done.out.contains("temperror") && done.out.contains("timed out"), "{}", done.out);
    let zone = lab.file("empty.json", "{}");
    let done = feed(["verify", "--zone", &zone], signed.as_bytes());
    assert_eq!(done.code, Some(1));
    assert!(done.out.contains("Publish the key record as TXT at ed._domainkey.example.org"), "{}", done.out);
}

/// Answers one question with the TXT record `text`, of less than 256 octets.
fn name_server(text: String) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut query = [0; 512];
        let (length, client) = socket.recv_from(&mut query).unwrap();
        // RFC 1035 §4.1: the header, one question (name, type, class), and after it whatever EDNS adds.
        let name = query[12..length].iter().position(|octet| *octet == 0).unwrap();
        let question = &query[12..12 + name + 5];
        let mut reply = query[..2].to_vec();
        reply.extend_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        reply.extend_from_slice(question);
        reply.extend_from_slice(&[0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0]);
        reply.extend([text.len() as u8 + 1, text.len() as u8]);
        reply.extend_from_slice(text.as_bytes());
        socket.send_to(&reply, client).unwrap();
    });
    address
}

#[test]
fn a_name_server_is_asked() {
    let lab = Lab::get();
    let zone = Zone::from_zone_file(std::fs::read(lab.path("zone")).unwrap(), None).unwrap();
    let answer = zone.lookup(&Question::txt("ed._domainkey.example.org".parse().unwrap())).unwrap();
    let Record::Txt(text) = &answer.records[0] else { panic!("{answer}") };
    let server = name_server(String::from_utf8(text.to_vec()).unwrap()).to_string();
    let done = feed(["verify", "--server", &server], lab.signed("ed").as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
}

#[test]
fn zones_of_both_kinds_are_read_and_merged() {
    let lab = Lab::get();
    let signed = lab.signed("ed");
    let zone = Zone::from_zone_file(std::fs::read(lab.path("zone")).unwrap(), None).unwrap();
    let record =
        zone.lookup(&Question::txt("ed._domainkey.example.org".parse().unwrap())).unwrap().to_string();
    let as_json = format!("{{\"ed._domainkey.example.org\": {{\"TXT\": [{record}]}}}}");
    let json = lab.file("key.json", as_json);
    assert_eq!(feed(["verify", "--zone", &json], signed.as_bytes()).code, Some(0));
    let other = lab.file("other.json", "{}");
    assert_eq!(feed(["verify", "--zone", &other, "--zone", &json], signed.as_bytes()).code, Some(0));
    // As a key generator wrote it: the name is relative.
    let key = lab.arg("ed.txt");
    let relative = feed(["verify", "--zone", &key], signed.as_bytes());
    assert!(relative.err.ends_with("or give $ORIGIN, or --origin\n"), "{}", relative.err);
    let done = feed(["verify", "--zone", &key, "--origin", "example.org"], signed.as_bytes());
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
fn what_is_no_zone_is_named() {
    let lab = Lab::get();
    for (name, content) in [("zone.bad", "a IN A 1.2.3\n"), ("zone.bad.json", "{\"a\": 1}")] {
        let zone = lab.file(name, content);
        let done = feed(["verify", "--zone", &zone], MESSAGE.as_bytes());
        assert_eq!((done.code, &*done.out), (Some(2), ""), "{name}");
        assert!(done.err.contains(name), "{}", done.err);
    }
    for arguments in [
        &["verify", "--zone", "x", "--server", "127.0.0.1"][..],
        &["verify", "--server", "localhost"],
        &["verify", "--origin", "example.org"],
        &["verify", "--json", "--jsonl"],
        &["verify", "--now", "today"],
    ] {
        assert_eq!(feed(arguments, b"").code, Some(2), "{arguments:?}");
    }
}

#[test]
fn policy_is_the_callers() {
    let lab = Lab::get();
    let signed = feed(lab.sign("rsa", &["--length"]), MESSAGE.as_bytes()).out;
    let longer = signed.clone() + "PS\r\n";
    let code = |options: &[&str], message: &str| feed(lab.verify(options), message.as_bytes()).code;
    assert_eq!(code(&[], &signed), Some(0));
    assert_eq!(code(&["--body-length", "refuse"], &signed), Some(1));
    assert_eq!(code(&["--strict"], &signed), Some(1));
    assert_eq!(code(&[], &longer), Some(1));
    assert_eq!(code(&["--body-length", "accept"], &longer), Some(0));
    assert_eq!(code(&["--min-rsa-bits", "2049"], &signed), Some(1));
    assert_eq!(code(&["--min-rsa-bits", "512"], &signed), Some(0));

    let open = feed(lab.sign("ed", &["--oversign", ""]), MESSAGE.as_bytes()).out;
    let second = format!("Subject: money\r\n{open}");
    let done = feed(lab.verify(&[]), second.as_bytes());
    assert_eq!(done.code, Some(0));
    assert!(done.out.contains("; a further Subject is not signed ("), "{}", done.out);
    assert!(done.out.contains("--strict refuses such a message."), "{}", done.out);
    let row: Value = serde_json::from_str(&feed(lab.verify(&["--json"]), second.as_bytes()).out).unwrap();
    assert_eq!(row["dkim"][0]["unsigned_additions"], json!(["Subject"]));
    let row: Value = serde_json::from_str(&feed(lab.verify(&["--json"]), open.as_bytes()).out).unwrap();
    assert_eq!(row["dkim"][0].get("unsigned_additions"), None);
    assert_eq!(code(&["--strict"], &second), Some(1));
}

/// The keys of example.org, published below another domain.
fn zone_of(lab: &Lab, domain: &str) -> String {
    let zone = std::fs::read_to_string(lab.path("zone")).unwrap();
    lab.file(&format!("zone.{domain}"), zone.replace("example.org", domain))
}

#[test]
fn domains_that_should_not_sign_are_the_callers_choice() {
    let lab = Lab::get();
    let verify = |domain: &str, options: &[&str]| {
        let key = lab.arg("ed.private");
        let sign = ["sign", "-d", domain, "-s", "ed", "-k", &key, "--single-label-domains"];
        let signed = feed(sign.map(String::from), MESSAGE.as_bytes());
        assert_eq!(signed.code, Some(0), "{signed:?}");
        let zone = zone_of(lab, domain);
        let args = [&["verify", "--zone", &zone], options].concat();
        feed(args.into_iter().map(String::from), signed.out.as_bytes())
    };
    let refused = verify("localhost", &[]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.out.contains("permerror d=localhost"), "{}", refused.out);
    assert!(refused.out.contains("d=localhost has a single label"), "{}", refused.out);
    assert!(refused.out.contains("--single-label-domains accepts it"), "{}", refused.out);
    assert_eq!(verify("localhost", &["--single-label-domains"]).code, Some(0));

    assert_eq!(verify("co.uk", &[]).code, Some(0));
    let strict = verify("co.uk", &["--strict"]);
    assert_eq!(strict.code, Some(1));
    assert!(strict.out.contains("d=co.uk is a domain that must not sign"), "{}", strict.out);
    assert_eq!(verify("example.co.uk", &["--strict"]).code, Some(0));
}

#[test]
fn text_beside_a_key_is_told_in_json() {
    let lab = Lab::get();
    let zone = std::fs::read_to_string(lab.path("zone")).unwrap();
    let zone = lab.file("zone.beside", zone + "ed._domainkey IN TXT \"some-verification=1\"\n");
    let args = ["verify", "--zone", &zone, "--json"].map(String::from);
    let done = feed(args, lab.signed("ed").as_bytes());
    assert_eq!(done.code, Some(0), "{done:?}");
    let row: Value = serde_json::from_str(&done.out).unwrap();
    let ignored = "key record: the text is not a key record: it begins with some-verification=1";
    assert_eq!(row["dkim"][0]["ignored_records"], json!([ignored]));
}

#[test]
fn the_authentication_results_field_is_printed() {
    let lab = Lab::get();
    let done = feed(lab.verify(&["--authserv-id", "mx.example.net"]), lab.signed("ed").as_bytes());
    assert_eq!(done.code, Some(0));
    let field = done.out.split_once("Authentication-Results: mx.example.net;\n").unwrap().1;
    assert!(field.starts_with("\tdkim=pass (256-bit key) header.d=example.org"), "{field}");
}

#[test]
fn a_header_over_the_limits_is_a_verdict() {
    let lab = Lab::get();
    let long = format!("Subject: {}\r\n{}", "x".repeat(300_000), lab.signed("ed"));
    let done = feed(lab.verify(&["--json"]), long.as_bytes());
    assert_eq!(done.code, Some(1), "{done:?}");
    let row: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(row["dkim"][0]["result"], "permerror");
    assert!(row["dkim"][0]["reason"].as_str().unwrap().contains("262144"), "{row}");
}

#[test]
fn lf_files_are_verified_as_they_travelled() {
    let lab = Lab::get();
    let signed = lab.signed("ed").replace("\r\n", "\n");
    assert_eq!(feed(lab.verify(&[]), signed.as_bytes()).code, Some(0));
    let done = feed(lab.verify(&[]), signed.replace("Hi", "Ho").as_bytes());
    assert_eq!(done.code, Some(1));
    assert!(done.out.contains("The file has LF line ends"), "{}", done.out);
}

#[test]
#[cfg(unix)]
fn a_named_pipe_is_read_as_well() {
    let lab = Lab::get();
    let pipe = lab.arg("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let signed = lab.signed("ed");
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, signed)
    });
    let done = waxseal(lab.verify(&[&pipe]));
    writer.join().unwrap().unwrap();
    assert_eq!(done.code, Some(0), "{done:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn memory_does_not_depend_on_the_size_of_the_message() {
    let lab = Lab::get();
    let mut message = lab.signed("ed").into_bytes();
    let mut child = command(lab.verify(&[])).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&message).unwrap();
    message.clear();
    message.resize(1 << 20, b'x');
    (0..64).for_each(|_| stdin.write_all(&message).unwrap());
    // Everything but what is in the pipe was read by now.
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().strip_suffix(" kB").unwrap().parse().unwrap();
    assert!(kib < 16 * 1024, "{kib} KiB");
    drop(stdin);
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(out.contains("body hash does not match"), "{out}");
}

#[test]
fn exit_codes_and_help() {
    assert_eq!(waxseal(["--version"]).code, Some(0));
    let help = waxseal(["--help"]);
    assert_eq!(help.code, Some(0));
    for verb in ["keygen", "sign", "verify", "check", "spf", "demo", "Exit codes"] {
        assert!(help.out.contains(verb), "{verb}");
    }
    assert_eq!(waxseal(["frobnicate"]).code, Some(2));
    assert_eq!(waxseal([""; 0]).code, Some(2));
}
