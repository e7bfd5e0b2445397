//! Other people's fields with what they read in them, from the folder `WAXSEAL_CONFORMANCE` (`../shared/conformance`
//! beside the workspace unless set). Without the folder nothing is checked and the output says so; with
//! `WAXSEAL_REQUIRE_CONFORMANCE=1` that is a failure.
//!
//! Where a suite is wrong, `expected_failures.txt` names the case and the sentence of the RFC that says so. A case that
//! stands there and passes is a failure too.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a suite that cannot be read is a failure")]

use serde_json::{Map, Value, json};
use std::fs;
use waxseal_authres::{AuthenticationResults, ParsedEntry, ReceivedSpf};
use waxseal_header::Header;
use waxseal_test::{Ledger, suite};

/// A file of cases, how many it has at least, and what we read in a case, to be compared with the case itself.
type Suite = (&'static str, usize, fn(&Value) -> Value);

const SUITES: [Suite; 3] = [
    ("authres-python.json", 23, authres_python),
    ("go-msgauth.json", 13, go_msgauth),
    ("received-spf.json", 4, received_spf),
];

#[test]
fn every_suite() {
    let Some(folder) = suite("authres") else { return };
    let mut ledger = Ledger::new(include_str!("expected_failures.txt"), " ");
    for (file, least, read) in SUITES {
        let text = fs::read_to_string(folder.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert!(cases.len() >= least, "{file} has {} cases", cases.len());
        for (number, case) in cases.iter().enumerate() {
            let ours = read(case);
            let outcome = if ours == *case { Ok(()) } else { Err(format!("reads {ours}, expected {case}")) };
            ledger.enter(format!("{file}/{number}"), outcome);
        }
        println!("{file}: {} cases", cases.len());
    }
    ledger.close().unwrap_or_else(|problems| panic!("{problems}"));
}

/// Runs the whole field through the splitter of headers, and gives what stands behind the colon.
fn with_value<T>(field: &str, name: &str, read: impl Fn(&[u8]) -> T) -> T {
    let (header, _) = Header::parse(field.as_bytes()).unwrap();
    let field = header.field(0).unwrap();
    assert!(field.is(name) && header.len() == 1, "{field:?}");
    read(field.value())
}

/// authres refuses a field in which anything is wrong, lower-cases names, knows no version but its absence, and leaves out what has no property type.
fn authres_python(case: &Value) -> Value {
    with_value(case["header"].as_str().unwrap(), "Authentication-Results", |value| {
        let Ok(read) = AuthenticationResults::parse_strict(value) else {
            return json!({ "header": case["header"], "error": "SyntaxError" });
        };
        let version = |number: u32| (number != 1).then_some(number);
        let result = |entry: &ParsedEntry<'_>| {
            let property = |(ptype, name): (&str, &str), value: &str| json!({ "ptype": ptype.to_ascii_lowercase(), "property": name.to_ascii_lowercase(), "value": value });
            let properties: Vec<_> =
                entry.properties().iter().map(|p| property(p.key(), p.value())).collect();
            json!({
                "method": entry.method(), "version": version(entry.method_version()), "result": entry.result(),
                "reason": entry.reason(), "properties": properties,
            })
        };
        json!({
            "header": case["header"], "authserv_id": read.authserv_id(), "version": version(read.version()),
            "results": read.entries().iter().map(result).collect::<Vec<_>>(),
        })
    })
}

/// go-msgauth has a struct with fields of its own for each method.
fn go_msgauth(case: &Value) -> Value {
    let read = AuthenticationResults::parse_strict(case["value"].as_str().unwrap().as_bytes()).unwrap();
    let result = |entry: &ParsedEntry<'_>| {
        let mut fields = Map::from_iter([
            ("method".to_owned(), entry.method().into()),
            ("value".to_owned(), entry.result().into()),
        ]);
        fields.extend(entry.reason().map(|reason| ("reason".to_owned(), reason.into())));
        for property in entry.properties() {
            let (ptype, name) = property.key();
            let key = match (entry.method(), ptype, name) {
                ("spf", "smtp", "mailfrom") => "from",
                ("auth", "smtp", "auth") => "auth",
                ("dkim", "header", "i") => "identifier",
                ("sender-id", "header", name) => {
                    fields.insert("headerkey".into(), name.into());
                    "headervalue"
                }
                other => panic!("{other:?}"),
            };
            fields.insert(key.into(), property.value().into());
        }
        Value::Object(fields)
    };
    json!({
        "value": case["value"], "authserv_id": read.authserv_id().unwrap_or_default(),
        "results": read.entries().iter().map(result).collect::<Vec<_>>(),
    })
}

fn received_spf(case: &Value) -> Value {
    with_value(case["header"].as_str().unwrap(), "Received-SPF", |value| {
        let read = ReceivedSpf::parse(value).unwrap();
        let keys: Map<_, _> = read.pairs().map(|(key, value)| (key.to_owned(), value.into())).collect();
        json!({ "source": case["source"], "header": case["header"], "result": read.result().as_str(), "keys": keys })
    })
}
