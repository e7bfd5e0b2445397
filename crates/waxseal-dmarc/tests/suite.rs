//! The tables of OpenDMARC and Stalwart's mail-auth.
//!
//! They are read from the folder `dmarc-cases` of the suites; [`waxseal_test::suite`] says what happens without it. `expected_failures.txt` names the cases on which waxseal differs, and why; a case named there that agrees is
//! a failure, too.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests are tests, and a suite that cannot be read is a failure"
)]

mod common;

use common::*;
use serde_json::Value;
use waxseal_authres::{DkimResult, SpfResult};
use waxseal_dmarc::{
    Alignment, DomainPolicy, Identifiers, LocalPolicy, PublicSuffixList, Record, ReportUri, Scope, Verdict,
    publish::{Finding, ReportAuthorization, lint},
};
use waxseal_dns::{DomainName, InvalidDomainName, Zone};
use waxseal_header::Authors;
use waxseal_test::{Ledger, suite};

fn cases(file: &str) -> Option<Value> {
    let path = suite("dmarc-cases")?.join(file);
    Some(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

/// The cases of one file.
struct Tally {
    file: &'static str,
    ledger: Ledger,
}

impl Tally {
    fn new(file: &'static str) -> Self {
        Self { file, ledger: Ledger::new(include_str!("expected_failures.txt"), ": ").only(file) }
    }

    fn case(&mut self, table: &str, index: usize, agrees: bool, what: impl Into<String>) {
        let outcome = if agrees { Ok(()) } else { Err(what.into()) };
        self.ledger.enter(format!("{} {table} {index}", self.file), outcome);
    }

    fn finish(self, cases: usize) {
        assert_eq!(self.ledger.close(), Ok(cases));
    }
}

fn list(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().unwrap().iter().enumerate()
}

fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// Knows the public suffixes of OpenDMARC's table.
#[derive(Debug)]
struct TwoLabels;

impl PublicSuffixList for TwoLabels {
    fn organizational_domain(&self, name: &DomainName) -> DomainName {
        let mut name = name.clone();
        while name.label_count() > 2 {
            name = name.parent().unwrap();
        }
        name
    }
}

#[test]
fn opendmarc() {
    let Some(cases) = cases("opendmarc.json") else { return };
    let mut tally = Tally::new("opendmarc");
    for (index, case) in list(&cases["alignment"]) {
        let aligned =
            aligned(text(case, "a").unwrap(), text(case, "b").unwrap(), text(case, "mode").unwrap());
        tally.case(
            "alignment",
            index,
            aligned == Ok(case["aligned"].as_bool().unwrap()),
            format!("{aligned:?}"),
        );
    }
    for (index, case) in list(&cases["record_parse"]) {
        let outcome = parse_outcome(text(case, "record").unwrap());
        tally.case("record_parse", index, outcome == text(case, "outcome").unwrap(), outcome);
    }
    for (index, case) in list(&cases["from_domain"]) {
        let raw = text(case, "raw").unwrap();
        // One of the values is a whole field.
        let authors = Authors::parse(raw.strip_prefix("From:").unwrap_or(raw).as_bytes());
        let domains: Result<Vec<_>, _> = authors.map(|authors| authors.domains().collect());
        let expected = vec![text(case, "domain").unwrap().to_owned()];
        tally.case("from_domain", index, domains.as_ref() == Ok(&expected), format!("{domains:?}"));
    }
    tally.finish(42);
}

fn aligned(a: &str, b: &str, mode: &str) -> Result<bool, InvalidDomainName> {
    let record = format!("v=DMARC1; p=reject; adkim={}", if mode == "strict" { "s" } else { "r" });
    let (a, b) = (DomainName::new(a)?, DomainName::new(b)?);
    let dns = Zone::new().with_txt(&format!("_dmarc.{a}"), record)?;
    let local = LocalPolicy::default().with_public_suffix_list(TwoLabels);
    let verdict = judge_by(local, Identifiers::new(a).with_dkim(b, DkimResult::Pass), &dns);
    Ok(verdict.dkim_aligned())
}

/// OpenDMARC's words for what became of a record.
fn parse_outcome(text: &str) -> &'static str {
    let Ok(record) = Record::parse(text.as_bytes()) else {
        return if text.is_empty() { "error_empty" } else { "error_bad_version" };
    };
    let bad = |finding: &Finding| matches!(finding.id(), "invalid-value" | "invalid-policy");
    match record.requested(Scope::Subdomain) {
        _ if lint(text.as_bytes()).iter().any(bad) => "error_bad_value",
        None => "error_no_required_p",
        Some(_) => "okay",
    }
}

#[test]
fn stalwart() {
    let Some(cases) = cases("stalwart.json") else { return };
    let mut tally = Tally::new("stalwart");
    for table in ["alignment", "discovery"] {
        for (index, case) in list(&cases[table]) {
            let verdict = evaluate(case);
            let wrong: Vec<_> = case["expect"]
                .as_object()
                .unwrap()
                .iter()
                .filter(|(key, expected)| shown(&verdict, key) != **expected)
                .map(|(key, expected)| format!("{key}: {} instead of {expected}", shown(&verdict, key)))
                .collect();
            tally.case(table, index, wrong.is_empty(), format!("{wrong:?}\n{}", verdict.explain()));
        }
    }
    for (index, case) in list(&cases["external_reporting"]) {
        let allowed = allowed(case);
        let expected: Vec<_> =
            list(&case["expect_allowed"]).map(|(_, uri)| uri.as_str().unwrap().to_owned()).collect();
        tally.case("external_reporting", index, allowed == expected, format!("{allowed:?}"));
    }
    for (index, case) in list(&cases["record_parse"]) {
        let parsed = parsed(&Record::parse(text(case, "record").unwrap().as_bytes()).unwrap());
        tally.case("record_parse", index, parsed == case["expect"], format!("{parsed}"));
    }
    tally.finish(19);
}

fn suite_zone(zone: &Value) -> Zone {
    let mut dns = Zone::new();
    for (name, types) in zone.as_object().unwrap() {
        for (kind, records) in types.as_object().unwrap() {
            for (_, record) in list(records) {
                let record = record.as_str().unwrap();
                dns = match &**kind {
                    "TXT" => dns.with_txt(name, record),
                    _ => dns.with_address(name, record.parse().unwrap()),
                }
                .unwrap();
            }
        }
    }
    dns
}

fn evaluate(case: &Value) -> Verdict {
    let mut input = Identifiers::from_header(&header(format!("From: {}", text(case, "from").unwrap())));
    if let Some(domain) = text(case, "dkim_d") {
        let result = DkimResult::from_name(text(case, "dkim_result").unwrap().as_bytes()).unwrap();
        input = input.with_dkim(name(domain), result);
    }
    if let Some(domain) = text(case, "mail_from_domain") {
        let result = SpfResult::from_name(text(case, "spf_result").unwrap().as_bytes()).unwrap();
        input = input.with_spf(name(domain), result);
    }
    judge(input, &suite_zone(&case["zone"]))
}

fn shown(verdict: &Verdict, key: &str) -> Value {
    let alignment = |method: &str| {
        let identifiers = verdict.author().unwrap().identifiers();
        match identifiers.iter().find(|id| id.result().method() == method) {
            Some(id) if id.is_aligned() => "pass",
            Some(id) if id.reason() != "not authenticated" => "fail",
            _ => "none",
        }
    };
    match key {
        "policy" => verdict.policy().map(|policy| policy.as_str()).into(),
        "record" => verdict.record().map(ToString::to_string).into(),
        "spf_aligned" => alignment("spf").into(),
        _ => alignment("dkim").into(),
    }
}

/// The addresses of `rua` that may have reports.
fn allowed(case: &Value) -> Vec<String> {
    let dns = suite_zone(&case["zone"]);
    let domain = name(text(case, "domain").unwrap());
    let uris = list(&case["rua"]).map(|(_, uri)| uri.as_str().unwrap());
    uris.filter(|uri| {
        let uri = format!("mailto:{uri}").parse().unwrap();
        drive(ReportAuthorization::for_aggregate_reports(domain.clone(), uri), &dns).0.is_granted()
    })
    .map(ToOwned::to_owned)
    .collect()
}

fn parsed(record: &Record) -> Value {
    let alignment = |alignment| if alignment == Alignment::Strict { "strict" } else { "relaxed" };
    let policy = |scope| record.requested(scope).map(DomainPolicy::as_str);
    let uris = |uris: &[ReportUri]| -> Value {
        // The suite lists mailboxes.
        let uri = |uri: &ReportUri| {
            let mailbox = uri.mailbox()?.to_string();
            Some(serde_json::json!({"uri": mailbox, "max_size": uri.size_limit().unwrap_or(0)}))
        };
        uris.iter().filter_map(uri).collect()
    };
    let options = record.failure_options();
    let fo = match (options.any, options.dkim, options.spf) {
        (true, ..) => "any",
        (_, true, true) => "dkimspf",
        (_, true, false) => "dkim",
        (_, false, true) => "spf",
        _ => "all",
    };
    serde_json::json!({
        "adkim": alignment(record.dkim_alignment()), "aspf": alignment(record.spf_alignment()), "fo": fo,
        "p": policy(Scope::Domain), "sp": policy(Scope::Subdomain), "np": policy(Scope::NonExistent),
        "psd": if record.psd() == waxseal_dmarc::Psd::Yes { "yes" } else { "default" },
        "t": record.is_testing().to_string(),
        "rua": uris(record.aggregate_reports()), "ruf": uris(record.failure_reports()),
    })
}
