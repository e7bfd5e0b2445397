//! `--jsonl`

use crate::lab::{Lab, MESSAGE, command, feed, rows, waxseal, words};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

fn line(id: impl Into<Value>, message: &str, zone: &Value) -> String {
    let eml_b64 = BASE64_STANDARD.encode(message);
    json!({ "id": id.into(), "eml_b64": eml_b64, "zone": zone, "now": 1_800_000_000 }).to_string() + "\n"
}

#[test]
fn every_line_is_answered_in_order() {
    let lab = Lab::get();
    let zone = json!(fs::read_to_string(lab.path("zone")).unwrap());
    let good = feed(lab.sign("ed", &["--timestamp", "1800000000"]), MESSAGE.as_bytes()).out;
    let bad = good.replace("Hi.", "Ho.");
    // Long and short ones mixed, so that later lines are done before earlier ones.
    let long = format!("{bad}{}", "x\r\n".repeat(300_000));
    let lines: String = (0..400)
        .map(|id| match id % 100 {
            0 => line(id, &long, &zone),
            n if n % 2 == 0 => line(id, &bad, &zone),
            _ => line(id, &good, &zone),
        })
        .collect();
    let done = feed(["verify", "--jsonl"], lines.as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    let rows = rows(&done.out);
    assert_eq!(rows.len(), 400);
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row["id"], json!(number));
        let expected = if number % 2 == 0 { "fail" } else { "pass" };
        assert_eq!(row["dkim"][0]["result"], expected, "{row}");
        assert_eq!((&row["dkim"][0]["d"], &row["dkim"][0]["s"]), (&json!("example.org"), &json!("ed")));
    }
}

#[test]
fn a_file_that_cannot_be_read_stops_nothing() {
    let lab = Lab::get();
    // A line for each of the three.
    let lines = lab.file("lines.jsonl", r#"{"id": 1, "eml_b64": "", "header": "a; none", "zone": {}}"#);
    let missing = lab.arg("missing.jsonl");
    for verb in ["verify", "check", "authres parse"] {
        let args = [words(verb), vec!["--jsonl", &missing, &lines]].concat();
        let done = waxseal(args);
        assert_eq!((done.code, rows(&done.out).len()), (Some(2), 1), "{verb}: {done:?}");
        assert!(
            done.err.contains("cannot read") && done.err.contains("missing.jsonl"),
            "{verb}: {}",
            done.err
        );
        assert_eq!(rows(&done.out)[0].get("error"), None, "{verb}: {}", done.out);
    }
}

#[test]
fn a_line_of_more_than_64_mib_is_passed_over_with_an_error() {
    let lines = format!("{{{}\n{{\"id\": 2, \"header\": \"a; none\"}}\n", "x".repeat(64 << 20));
    let done = feed(["authres", "parse", "--jsonl"], lines.as_bytes());
    let rows = rows(&done.out);
    assert_eq!((done.code, rows.len()), (Some(2), 2), "{rows:?}");
    assert_eq!(
        (&rows[0]["line"], &rows[0]["error"]),
        (&json!(1), &json!("the line is longer than 67108864 bytes"))
    );
    assert_eq!((&rows[1]["id"], rows[1].get("error")), (&json!(2), None));
}

#[test]
fn now_and_zone_come_from_the_command_line_when_the_line_has_none() {
    let lab = Lab::get();
    let signed = feed(lab.sign("ed", &["--timestamp", "1000", "--expire", "9"]), MESSAGE.as_bytes()).out;
    let eml_b64 = BASE64_STANDARD.encode(signed);
    let lines = [
        json!({ "id": "a", "eml_b64": eml_b64 }),
        json!({ "id": ["b"], "eml_b64": eml_b64, "now": 1_000_000, "zone": null }),
        json!({ "eml_b64": eml_b64, "now": 1000.5, "zone": {} }),
    ];
    let lines = lines.map(|line| line.to_string()).join("\n\n");
    let done = feed(lab.verify(&["--jsonl", "--now", "1000"]), lines.as_bytes());
    assert_eq!(done.code, Some(0), "{done:?}");
    let rows = rows(&done.out);
    let result = |n: usize| (rows[n]["id"].clone(), rows[n]["dkim"][0]["result"].clone());
    assert_eq!(result(0), (json!("a"), json!("pass")));
    assert_eq!(result(1), (json!(["b"]), json!("fail")));
    assert_eq!(result(2), (json!(null), json!("permerror")));
}

#[test]
fn messages_are_read_as_files_are() {
    let lab = Lab::get();
    let signed = lab.signed("ed");
    let folded = BASE64_STANDARD.encode(&signed).chars().collect::<Vec<_>>();
    let folded = folded.chunks(76).map(String::from_iter).collect::<Vec<_>>().join("\r\n");
    let lf = BASE64_STANDARD.encode(signed.replace("\r\n", "\n"));
    let lines: String =
        [folded.trim_end_matches('='), &lf].map(|b64| json!({ "eml_b64": b64 }).to_string() + "\n").concat();
    let results = |options: &[&str]| {
        let done = feed(lab.verify(options), lines.as_bytes());
        rows(&done.out).iter().map(|row| row["dkim"][0]["result"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(results(&["--jsonl"]), ["pass", "pass"]);
    assert_eq!(results(&["--jsonl", "--line-ends", "keep"]), ["pass", "permerror"]);
}

#[test]
fn what_cannot_be_read_is_answered_too() {
    let lab = Lab::get();
    let lines = [
        "not json".to_owned(),
        json!({ "id": 2 }).to_string(),
        json!({ "id": 3, "eml_b64": "!" }).to_string(),
        json!({ "id": 4, "eml_b64": "", "zone": { "a": 1 } }).to_string(),
        json!({ "id": 5, "eml_b64": "" }).to_string(),
        "\u{e4}".repeat(9),
        r#"["", {}]"#.to_owned(),
        r#"{"id": 8, "eml_b64": "#.to_owned(),
    ];
    let done = feed(lab.verify(&["--jsonl"]), lines.join("\n").as_bytes());
    assert_eq!(done.code, Some(2));
    let rows = rows(&done.out);
    assert_eq!(rows.len(), 8);
    let error = |n: usize| rows[n]["error"].as_str().unwrap();
    assert_eq!((&rows[0]["id"], &rows[0]["line"]), (&json!(null), &json!(1)));
    assert_eq!((&rows[1]["id"], &rows[1]["line"]), (&json!(2), &json!(2)));
    assert!(
        error(1).contains("eml_b64") && error(2).starts_with("eml_b64: ") && error(3).starts_with("zone: ")
    );
    assert_eq!(error(3).matches("zone: ").count(), 1, "{}", error(3));
    assert_eq!(rows[4], json!({ "id": 5, "dkim": [] }));
    let lines: Vec<_> = done.out.lines().collect();
    assert_eq!(lines[6], r#"{"id":null,"line":7,"error":"not a JSON object"}"#);
    assert_eq!(
        lines[7], r#"{"id":null,"line":8,"error":"EOF while parsing a value at column 20"}"#,
        "the keys have an order, and the line its number"
    );
    assert_eq!(lines[1], r#"{"id":2,"line":2,"error":"missing field `eml_b64` at column 8"}"#);
}

#[test]
fn byte_order_marks_are_passed_over() {
    let lab = Lab::get();
    let zone = lab.file("bom.json", "\u{feff}{\"a.example\": {\"TXT\": [\"v=spf1 -all\"]}}");
    let line = "{\"id\": 1, \"ip\": \"192.0.2.1\", \"mail_from\": \"joe@a.example\"}\n";
    let text = format!("\u{feff}\r\n{line}\u{feff}{line}");
    let done = feed(["spf", "check", "--jsonl", "--zone", &zone], text.as_bytes());
    let rows = rows(&done.out);
    assert_eq!((rows.len(), &rows[0]["result"]), (2, &json!("fail")), "{done:?}");
    assert_eq!((&rows[1]["line"], &rows[1]["error"]), (&json!(3), &json!("not a JSON object")));
}

#[test]
fn a_line_is_answered_before_the_next_one_comes() {
    let lab = Lab::get();
    let mut child =
        command(lab.verify(&["--jsonl"])).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in 0..3 {
        writeln!(stdin, "{{\"id\": {id}, \"eml_b64\": \"\"}}").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer, json!({ "id": id, "dkim": [] }));
    }
    drop(stdin);
    assert!(answers.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn whoever_stops_reading_ends_it() {
    let lab = Lab::get();
    let mut child = command(lab.verify(&["--jsonl"]))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    drop(child.stdout.take());
    let line = b"{\"id\": 1, \"eml_b64\": \"\"}\n";
    // Far more than any pipe holds: the write fails once the command has gone.
    let stopped = (0..1_000_000).any(|_| stdin.write_all(line).is_err());
    assert!(stopped);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(141), &b""[..]));
}

#[test]
fn spf_lines() {
    let zone = json!({ "example.org": { "TXT": ["v=spf1 ip4:192.0.2.0/24 exp=why.example.org -all"] },
                       "why.example.org": { "TXT": ["%{r} refuses %{i}"] } });
    let lines = [
        json!({ "id": 1, "ip": "192.0.2.7", "helo": "mx.example.org", "mail_from": "joe@example.org", "zone": zone }),
        json!({ "id": 2, "ip": "198.51.100.7", "helo": "mx", "mail_from": "joe@example.org", "receiver": "me",
                "zone": zone }),
        json!({ "id": 3, "ip": "192.0.2.7", "helo": "example.org", "zone": zone }),
        json!({ "id": 4, "ip": "192.0.2" }),
    ];
    let lines = lines.map(|line| line.to_string() + "\n").concat();
    let done = feed(["spf", "check", "--jsonl"], lines.as_bytes());
    assert_eq!(done.code, Some(2), "{done:?}");
    let rows = rows(&done.out);
    assert_eq!(
        rows[0],
        json!({ "id": 1, "result": "pass", "identity": "mailfrom", "domain": "example.org", "explanation": null,
                "reason": "matched ip4:192.0.2.0/24 of example.org", "mechanism": "ip4:192.0.2.0/24", "lookups": 0,
                "void_lookups": 0 })
    );
    assert_eq!(
        (&rows[1]["result"], &rows[1]["explanation"]),
        (&json!("fail"), &json!("me refuses 198.51.100.7"))
    );
    assert_eq!((&rows[2]["result"], &rows[2]["identity"]), (&json!("pass"), &json!("helo")));
    assert!(rows[3]["error"].as_str().unwrap().starts_with("ip: "), "{}", rows[3]);
}
