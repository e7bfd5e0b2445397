//! `waxseal audit`

use crate::lab::{Done, Lab, waxseal, words};
use serde_json::{Value, json};
use std::sync::OnceLock;

const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

fn audit(args: &str) -> Done {
    static ZONE: OnceLock<String> = OnceLock::new();
    let zone = ZONE.get_or_init(|| {
        let zone = json!({
            "good.example": { "TXT": ["v=spf1 ip4:192.0.2.1 -all"], "MX": [[10, "mx.good.example"]] },
            "_dmarc.good.example": { "TXT": ["v=DMARC1; p=reject; rua=mailto:d@good.example"] },
            "default._domainkey.good.example": { "TXT": [KEY] },
            "_mta-sts.good.example": { "TXT": ["v=STSv1; id=1"] },
            "_smtp._tls.good.example": { "TXT": ["v=TLSRPTv1; rua=mailto:t@good.example"] },
            "default._bimi.good.example": { "TXT": ["v=BIMI1; l=https://good.example/l.svg"] },
            "1.2.0.192.in-addr.arpa": { "PTR": ["mx.good.example"] },
            "mx.good.example": { "A": ["192.0.2.1"] },
            "bad.example": { "TXT": ["v=spf1 moo -all"] },
            "_dmarc.bad.example": { "TXT": ["v=DMARC1; p=none"] },
            "gone._domainkey.bad.example": { "TXT": ["v=DMKIM1; p="] },
            "_adsp._domainkey.bad.example": { "TXT": ["dkim=all"] },
            "default._bimi.bad.example": { "TXT": ["v=BIMI1; l="] },
            "slow.example": { "ERROR": "TIMEOUT" },
            "_dmarc.slow.example": { "TXT": ["v=DMARC1; p=reject; rua=mailto:d@slow.example"] },
        });
        Lab::get().file("audit.json", zone.to_string())
    });
    waxseal(["audit", "--zone", zone].into_iter().chain(words(args)))
}

fn states(args: &str) -> Value {
    let done = audit(&format!("--json {args}"));
    let row: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
    let rules = row["rules"].as_array().unwrap();
    rules.iter().map(|rule| (rule["id"].as_str().unwrap().to_owned(), rule["state"].clone())).collect()
}

#[test]
fn a_good_domain_keeps_all_rules() {
    let all = states("good.example --ip 192.0.2.1");
    assert_eq!(
        all,
        json!({ "spf": "ok", "dkim": "ok", "dkim-key-length": "ok", "dmarc": "ok", "dmarc-reports": "ok",
            "dmarc-enforcement": "ok", "ptr": "ok", "mx": "ok", "mta-sts": "ok", "tls-rpt": "ok", "bimi": "ok" })
    );
    let done = audit("good.example");
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    assert!(
        done.out.starts_with("good.example: 0 of the rules that must be kept fail, 0 that should\n"),
        "{}",
        done.out
    );
    assert!(
        done.out.contains("default._domainkey.good.example\n") && !done.out.contains("next:"),
        "{}",
        done.out
    );
}

#[test]
fn what_is_wrong_is_named_with_what_to_publish() {
    let all = states("bad.example --selector gone --ip 192.0.2.2");
    assert_eq!(
        all,
        json!({ "spf": "fail", "dkim": "fail", "dkim-key-length": "ok", "dmarc": "ok", "dmarc-reports": "fail",
            "dmarc-enforcement": "fail", "ptr": "fail", "mx": "fail", "mta-sts": "fail", "tls-rpt": "fail", "bimi": "fail",
            "adsp": "fail" })
    );
    let done = audit("nothing.example");
    assert_eq!(done.code, Some(1));
    for text in [
        "publish nothing.example. TXT \"v=spf1 mx -all\"",
        "publish _dmarc.nothing.example. TXT \"v=DMARC1; p=none; rua=mailto:dmarc@nothing.example\"",
        "no key at any common selector",
        "unknown must    dkim",
    ] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
}

#[test]
fn what_dns_did_not_answer_is_unknown() {
    let all = states("slow.example");
    assert_eq!(
        (&all["spf"], &all["mx"], &all["dmarc"]),
        (&json!("unknown"), &json!("unknown"), &json!("ok"))
    );
    assert_eq!(audit("slow.example").code, Some(75));
}

#[test]
fn several_domains_keep_their_order() {
    let done = audit("--json good.example bad.example good.example");
    assert_eq!(done.code, Some(1));
    let domains: Vec<_> =
        done.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["domain"].clone()).collect();
    assert_eq!(domains, ["good.example", "bad.example", "good.example"]);
    let many: String = (0..100).map(|number| format!(" d{number}.example")).collect();
    assert_eq!(audit(&format!("--json{many}")).out.lines().count(), 100);
    assert_eq!(audit("exa..mple").code, Some(2));
}

#[test]
fn a_page_has_all_domains() {
    let done = audit("--html - good.example bad.example");
    assert_eq!((done.code, &*done.err), (Some(1), ""));
    for text in [
        "<title>2 domains: waxseal audit</title>",
        "<h2 id=\"d1\">bad.example</h2>",
        "2 must, 2 should fail",
        "The domain publishes a valid SPF record.",
        "v=spf1 ip4:192.0.2.1 -all (0 of 10 terms with lookups)",
        "<p class=\"next\"><bdi>waxseal spf lint bad.example</bdi></p>",
    ] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    let file = Lab::get().file("audit-there.html", "mine");
    let refused = audit(&format!("good.example --html {file}"));
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("already exists; --html makes a new file"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "mine");
    let many: String = (0..200).map(|number| format!(" d{number}.example")).collect();
    let page = audit(&format!("--html -{many}")).out;
    assert!(page.len() < 2_200_000 && page.contains(">d199.example</h2>"), "{}", page.len());
}
