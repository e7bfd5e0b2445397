//! `waxseal authres`

use crate::lab::{Lab, batch, feed, rows, suite, waxseal};
use serde_json::{Value, json};

const JSONL: &str = "authres parse --jsonl";

#[test]
fn lines() {
    let lines = [
        json!({ "id": 1, "header": "Authentication-Results: mx.example.net;\r\n\tDKIM=Pass (2048-bit key) reason=\"it \
                 \\\"is\\\"\" header.d=example.org Header.S=2026a;\r\n spf=fail smtp.mailfrom=joe@example.org\r\n" }),
        json!({ "id": 2, "header": "mx.example.net; none" }),
        json!({ "id": 3, "header": "spf=pass smtp.helo=a smtp.Helo=b smtp.helo=c; dmarc/2=pass action=none" }),
        json!({ "id": 4, "header": "authentication-results : \"mx; 1\" 2; dkim=hardfail" }),
        json!({ "header": "mx.example.net; dkim=" }),
        json!({ "id": 6, "header": "X-Results: mx.example.net; dkim=pass" }),
    ];
    let (code, rows) = batch(JSONL, &lines);
    assert_eq!(code, Some(0));
    assert_eq!(
        rows[0],
        json!({ "id": 1, "authserv_id": "mx.example.net", "version": 1, "results": [
            { "method": "dkim", "result": "pass", "reason": "it \"is\"",
              "props": { "header.d": "example.org", "header.s": "2026a" } },
            { "method": "spf", "result": "fail", "reason": null, "props": { "smtp.mailfrom": "joe@example.org" } },
        ] })
    );
    assert_eq!(rows[1], json!({ "id": 2, "authserv_id": "mx.example.net", "version": 1, "results": [] }));
    assert_eq!(
        rows[2],
        json!({ "id": 3, "authserv_id": null, "version": 1, "results": [
            { "method": "spf", "result": "pass", "reason": null, "props": { "smtp.helo": ["a", "b", "c"] } },
            { "method": "dmarc", "method_version": 2, "result": "pass", "reason": null, "props": {} },
        ] })
    );
    assert_eq!(
        rows[3],
        json!({ "id": 4, "authserv_id": "mx; 1", "version": 2, "results": [
            { "method": "dkim", "result": "hardfail", "reason": null, "props": {} },
        ] })
    );
    assert_eq!(rows[4], json!({ "id": null, "error": "a result is missing at offset 21 (RFC 8601 §2.2)" }));
    assert!(rows[5]["error"].is_string() && rows[5].get("results").is_none(), "{}", rows[5]);
}

#[test]
fn hostile_lines_are_answered_too() {
    let bad = [
        "{".to_owned(),
        "7".to_owned(),
        r#"{"id": 3}"#.to_owned(),
        r#"{"id": 4, "header": null}"#.to_owned(),
        "{\"id\": 5, \"header\": \"\0\"}".to_owned(),
        r#"{"id": 6, "header": "\ud800"}"#.to_owned(),
    ];
    let unreadable = [
        "a; dkim=pass\0".to_owned(),
        "a; dkim=pass\r\nSubject: x".to_owned(),
        "a; dkim=pass\nSubject: x".to_owned(),
        format!("a; dkim=pass {}", "(".repeat(1 << 10)),
        format!("a; dkim=pass {}", "x".repeat(1 << 20)),
        "a; spf=pass".repeat(1 << 12),
        "a; dkim=pass reason=\"x".to_owned(),
    ];
    let lines = unreadable.map(|header| json!({ "id": 7, "header": header }).to_string());
    let text: String = bad.iter().chain(&lines).map(|line| format!("{line}\n")).collect();
    let done = feed(["authres", "parse", "--jsonl"], text.as_bytes());
    assert_eq!((done.code, &*done.err), (Some(2), ""));
    let rows = rows(&done.out);
    assert_eq!(rows.len(), bad.len() + lines.len());
    for (number, row) in (1..).zip(&rows) {
        let expected = (number <= bad.len()).then_some(number);
        assert_eq!(row.get("line"), expected.map(Value::from).as_ref(), "{row}");
        assert!(row["error"].is_string() && row.get("results").is_none(), "{row}");
    }
    assert_eq!((&rows[2]["id"], &rows[3]["id"], &rows[9]["id"]), (&json!(3), &json!(4), &json!(7)));
}

#[test]
fn every_line_is_answered_in_order() {
    let line = |id: usize| json!({ "id": id, "header": format!("a{}", "; spf=pass".repeat(id % 200)) });
    let lines: Vec<_> = (0..3000).map(line).collect();
    let (code, rows) = batch(JSONL, &lines);
    assert_eq!(code, Some(0));
    for (id, row) in rows.iter().enumerate() {
        assert_eq!(row["id"], id);
        assert_eq!(row["results"].as_array().unwrap().len(), id % 200);
    }
}

#[test]
fn authres_python_suite() {
    let Some(suite) = suite("authres/authres-python.json") else { return };
    let cases = suite.as_array().unwrap();
    assert!(cases.len() >= 23);
    let line = |case: &Value| json!({ "id": 0, "header": case["header"] });
    let (code, rows) = batch(JSONL, &cases.iter().map(line).collect::<Vec<_>>());
    assert_eq!(code, Some(0));
    for (case, row) in cases.iter().zip(&rows) {
        // What authres refuses as a whole is read here but for what is wrong with it.
        if case.get("error").is_some() {
            assert!(row["unreadable"][0]["error"].is_string(), "{case}: {row}");
            continue;
        }
        let result = |result: &Value| {
            let mut props = serde_json::Map::new();
            for property in result["properties"].as_array().unwrap() {
                let [ptype, name] = ["ptype", "property"].map(|key| property[key].as_str().unwrap());
                props.insert(format!("{ptype}.{name}"), property["value"].clone());
            }
            json!({ "method": result["method"], "result": result["result"], "reason": result["reason"], "props": props })
        };
        let results: Vec<_> = case["results"].as_array().unwrap().iter().map(result).collect();
        let version = case["version"].as_u64().unwrap_or(1);
        let expected =
            json!({ "id": 0, "authserv_id": case["authserv_id"], "version": version, "results": results });
        assert_eq!(*row, expected, "{case}");
    }
}

#[test]
fn go_msgauth_suite() {
    let Some(suite) = suite("authres/go-msgauth.json") else { return };
    let cases = suite.as_array().unwrap();
    assert!(cases.len() >= 13);
    let line = |case: &Value| json!({ "header": case["value"] });
    let (code, rows) = batch(JSONL, &cases.iter().map(line).collect::<Vec<_>>());
    assert_eq!(code, Some(0));
    for (case, row) in cases.iter().zip(&rows) {
        assert_eq!(row["authserv_id"].as_str().unwrap_or_default(), case["authserv_id"], "{case}: {row}");
        let (results, expected) = (row["results"].as_array().unwrap(), case["results"].as_array().unwrap());
        assert_eq!(results.len(), expected.len(), "{case}: {row}");
        for (result, expected) in results.iter().zip(expected) {
            assert_eq!((&result["method"], &result["result"]), (&expected["method"], &expected["value"]));
            assert_eq!(result["reason"], *expected.get("reason").unwrap_or(&Value::Null));
            // Whatever the field is called there, the value is that of a property here.
            let values: Vec<_> = result["props"].as_object().unwrap().values().collect();
            for key in ["from", "auth", "identifier", "headervalue"] {
                assert!(expected.get(key).is_none_or(|value| values.contains(&value)), "{case}: {row}");
            }
        }
    }
}

/// Trouble that others reported: OpenARC, Plesk, Yahoo, Google Workspace and Fastmail write what the grammar does not allow.
#[test]
fn an_odd_word_costs_no_result_beside_it() {
    let dmarc = json!({ "method": "dmarc", "result": "pass", "reason": null, "props": { "header.from": "example.org" } });
    for (odd, text) in [
        ("arc=none smtp.remote-ip=2001:db8::3", "smtp.remote-ip=2001:db8::3"),
        ("spf=pass smtp.helo=[192.168.1.116]", "smtp.helo=[192.168.1.116]"),
        ("dkim=perm_fail header.i=@example.org", "dkim=perm_fail header.i=@example.org"),
        (
            "gateway.spf=softfail (x) smtp.mailfrom=a@b.example",
            "gateway.spf=softfail (x) smtp.mailfrom=a@b.example",
        ),
        ("bimi=pass policy.authority-uri=https://a.example/b", "policy.authority-uri=https://a.example/b"),
    ] {
        let lines = [
            json!({ "id": 1, "header": format!("mx.fwd.example; {odd}; dmarc=pass header.from=example.org") }),
            json!({ "id": 2, "header": format!("mx.fwd.example; dmarc=pass() header.from=example.org; {odd};") }),
        ];
        for row in batch(JSONL, &lines).1 {
            let results = row["results"].as_array().unwrap();
            assert!(results.contains(&dmarc), "{row}");
            assert_eq!(
                (row["unreadable"].as_array().unwrap().len(), &row["unreadable"][0]["text"]),
                (1, &json!(text))
            );
            assert!(
                row["unreadable"][0]["error"].as_str().unwrap().contains("is missing at offset"),
                "{row}"
            );
            assert_eq!(row.get("damaged"), None);
        }
    }
    let broken = "mx.fwd.example; dkim=pass; x=\"a; dmarc=pass header.from=example.org";
    let (_, rows) = batch(JSONL, &[json!({ "id": 1, "header": broken })]);
    assert_eq!((rows[0]["results"].as_array().unwrap().len(), &rows[0]["damaged"]), (1, &json!(true)));
    assert_eq!(rows[0]["unreadable"][0]["text"], "x=\"a; dmarc=pass header.from=example.org");
}

#[test]
fn what_cannot_be_read_is_shown_with_the_reason() {
    let field = b"Authentication-Results: a.example; spf=pass smtp.helo=[192.0.2.1]; dkim=perm_fail\r\n header.d=x\r\n\r\n";
    let done = feed(["authres", "parse"], field);
    assert_eq!((done.code, &*done.err), (Some(1), ""));
    assert_eq!(
        done.out,
        "(standard input): field 1, a.example\n  spf pass\n  unreadable smtp.helo=[192.0.2.1]\n    reason: a value is missing at offset 31 \
         (RFC 8601 §2.2)\n  unreadable dkim=perm_fail  header.d=x\n    reason: the end of the result is missing at offset 53 \
         (RFC 8601 §2.2)\n"
    );
    let broken =
        feed(["authres", "parse"], b"Authentication-Results: a.example; spf=pass; dkim=pass reason=\"x");
    assert!(broken.out.contains("do not trust this field"), "{}", broken.out);
    assert_eq!(broken.code, Some(1));
}

const MESSAGE: &str = "Received: by mx.example.net\r\n\
    Authentication-Results: mx.example.net; dkim=pass (2048\r\n -bit key) header.d=example.org;\r\n\
    \tspf/2=fail reason=\"no \\\"x\\\"\" smtp.mailfrom=\"\u{202e}gro\"\r\n\
    Subject: x\r\n\
    Authentication-Results: other.example; none\r\n\r\nAuthentication-Results: body; =\r\n";

#[test]
fn messages_are_shown_to_people() {
    let done = feed(["authres", "parse"], MESSAGE.as_bytes());
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    assert_eq!(
        done.out,
        "(standard input): field 1, mx.example.net\n  dkim pass (2048 -bit key)\n    header.d: example.org\n  spf/2 fail\n    \
         reason: no \"x\"\n    smtp.mailfrom: <U+202E>gro\n(standard input): field 2, other.example: no results\n"
    );
    // As files of Unix have them, and a field alone.
    assert_eq!(feed(["authres", "parse"], MESSAGE.replace("\r\n", "\n").as_bytes()).out, done.out);
    let field = feed(["authres", "parse"], b"Authentication-Results: a.example; none");
    assert_eq!((field.code, &*field.out), (Some(0), "(standard input): field 1, a.example: no results\n"));
    let newer = feed(["authres", "parse"], b"Authentication-Results: a.example 2; spf=pass");
    assert_eq!(
        newer.out,
        "(standard input): field 1, a.example (version 2: the words may mean something else)\n  spf pass\n"
    );
}

#[test]
fn messages_as_json_and_exit_codes() {
    let lab = Lab::get();
    let good = lab.file("authres.eml", MESSAGE);
    let none = lab.file("authres-none.eml", "Subject: x\r\n\r\n");
    let bad =
        lab.file("authres-bad.eml", "Authentication-Results: a; none\nAuthentication-Results: a; =\n\n");
    let done = waxseal(["authres", "parse", "--json", &good, &none, &bad]);
    assert_eq!((done.code, &*done.err), (Some(1), ""));
    let rows = rows(&done.out);
    assert_eq!(
        (&rows[0]["id"], &rows[0]["fields"][0]["authserv_id"]),
        (&json!(good), &json!("mx.example.net"))
    );
    assert_eq!(rows[0]["fields"].as_array().unwrap().len(), 2);
    assert_eq!(rows[1], json!({ "id": none, "fields": [] }));
    assert!(rows[2]["fields"][1]["error"].is_string(), "{}", rows[2]);
    for (file, code) in [(&good, 0), (&none, 1), (&bad, 1)] {
        assert_eq!(waxseal(["authres", "parse", file]).code, Some(code), "{file}");
    }
    let missing = waxseal(["authres", "parse", "/nonexistent", &good]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.contains("/nonexistent") && missing.out.contains("mx.example.net"));
    let help = waxseal(["authres", "parse", "--help"]);
    assert!(help.out.contains("authserv_id") && help.out.contains("more than once"), "{}", help.out);
}
