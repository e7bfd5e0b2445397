//! `waxseal audit`

use crate::{
    lab::{Done, Lab, waxseal, words},
    nameserver::NameServer,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::OnceLock, time::Instant};
use waxseal_dns::Zone;

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
            "dmarc-enforcement": "ok", "ptr": "ok", "mx": "ok", "alignment": "unknown", "from-domain": "ok", "one-click": "unknown",
            "tls": "unknown", "arc": "unknown", "spam-rate": "unknown", "mta-sts": "ok", "mta-sts-policy": "unknown", "tls-rpt": "ok",
            "dnssec": "unknown", "bimi": "ok" })
    );
    let done = audit("good.example");
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    assert!(
        done.out.starts_with("good.example: required rules failed: 0, recommended ones: 0\n"),
        "{}",
        done.out
    );
    assert!(
        done.out.contains("default._domainkey.good.example\n")
            && !done.out.contains("fail    ")
            && !done.out.contains("missing "),
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
            "dmarc-enforcement": "fail", "ptr": "fail", "mx": "fail", "alignment": "unknown", "from-domain": "ok",
            "one-click": "unknown", "tls": "unknown", "arc": "unknown", "spam-rate": "unknown", "mta-sts": "fail", "tls-rpt": "fail",
            "dnssec": "unknown", "bimi": "fail", "adsp": "fail" })
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

/// The rules, each with words of the source that it comes from: the collection of what receivers ask for, by its rows and below them.
const SOURCES: [(&str, &str); 13] = [
    (
        "spf",
        "| SPF / DKIM | any: one; bulk: **both** | bulk both | both must **pass** | both | SPF fail rejected; DKIM strongly advised |",
    ),
    (
        "dkim",
        "| SPF / DKIM | any: one; bulk: **both** | bulk both | both must **pass** | both | SPF fail rejected; DKIM strongly advised |",
    ),
    ("dkim-key-length", "| DKIM key | ≥1024, 2048 advised [R] | ≥1024 [R] |"),
    (
        "dmarc",
        "| DMARC | bulk p=none + alignment of SPF or DKIM | same | ≥p=none, align one, best both | publish a policy | ≥p=none **with rua**;",
    ),
    ("alignment", "| DMARC | bulk p=none + alignment of SPF or DKIM | same |"),
    ("dmarc-reports", "≥p=none **with rua**; unaligned counts as \"none\""),
    ("ptr", "| PTR/FCrDNS | required | required | PTR advised [R] | required | required, else refused |"),
    ("tls", "| TLS | required |"),
    (
        "one-click",
        "| One-click 8058 | bulk marketing; honour ≤48 h (Yahoo 2 days) | same | unsubscribe link | immediate unsubscribe link |",
    ),
    ("spam-rate", "| Spam rate | <0.10 %, never ≥0.30 % | <0.3 % |"),
    (
        "arc",
        "| ARC + List-id for forwarders | asked | advised [R] | trusted sealers (M365) [R] | ARC on forwarded mail |",
    ),
    ("from-domain", "Other: do not use gmail.com in From (Google p=quarantine)."),
    ("dmarc-enforcement", "BIMI needs enforcement."),
];

/// Rules that no receiver has, but that belong to an audit.
const OWN: [&str; 7] = ["mx", "mta-sts", "mta-sts-policy", "tls-rpt", "dnssec", "bimi", "adsp"];

#[test]
fn every_rule_of_the_receivers_is_there() {
    let mut ids = BTreeSet::new();
    for args in ["good.example --ip 192.0.2.1", "bad.example --selector gone"] {
        let row: Value = serde_json::from_str(&audit(&format!("--json {args}")).out).unwrap();
        for rule in row["rules"].as_array().unwrap() {
            let id = rule["id"].as_str().unwrap().to_owned();
            assert!(["must", "should", "may"].contains(&rule["level"].as_str().unwrap()), "{rule}");
            assert!(!rule["receivers"].as_str().unwrap().is_empty(), "{rule}");
            if rule["state"] == "fail" {
                assert!(!rule["evidence"].as_array().unwrap().is_empty(), "{rule}");
                assert!(rule["fix"].as_str().is_some_and(|fix| !fix.is_empty()), "{rule}");
            }
            ids.insert(id);
        }
    }
    let known: BTreeSet<_> = SOURCES.iter().map(|(id, _)| *id).chain(OWN).map(str::to_owned).collect();
    assert_eq!(ids, known);
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/standards.md");
    let Ok(source) = std::fs::read_to_string(source) else {
        return println!("skipped: no collection of what receivers ask for");
    };
    let (_, source) = source.split_once("\n## 5. ").unwrap();
    let (source, _) = source.split_once("\n## 6. ").unwrap();
    for (id, words) in SOURCES {
        assert!(source.contains(words), "{id}: {words}");
    }
    let rows = source.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| Rule "));
    for row in rows.filter(|row| !row.starts_with("| Scope ") && !row.starts_with("| Failure ")) {
        let name = row.split('|').nth(1).unwrap();
        assert!(SOURCES.iter().any(|(_, words)| words.starts_with(&format!("|{name}|"))), "no rule of {row}");
    }
}

const NEWSLETTER: &str = "Received: from mx.good.example (mx.good.example [198.51.100.1]) by in.example.net (Postfix) with ESMTPS id 1;\r\n\
    \tMon, 01 Jun 2026 07:30:05 +0000\r\nReceived: from pc ([192.168.0.2]) by mx.good.example with ESMTP; Mon, 01 Jun 2026 07:30:00 +0000\r\n\
    DKIM-Signature: v=1; a=ed25519-sha256; d=good.example; s=news; h=From:List-Unsubscribe:List-Unsubscribe-Post;\r\n bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=; b=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==\r\n\
    From: News <news@good.example>\r\nList-Unsubscribe: <https://good.example/u?1>, <mailto:u@good.example>\r\n\
    List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nSubject: News\r\n\r\nNews.\r\n";

fn seen(name: &str, message: &str, args: &str) -> Value {
    states(&format!("--message {} {args}", Lab::get().file(name, message)))
}

#[test]
fn a_message_shows_what_dns_does_not() {
    let all = seen("news.eml", NEWSLETTER, "");
    let shown = |all: &Value| {
        ["dkim", "alignment", "one-click", "tls", "arc", "from-domain"]
            .map(|id| all[id].as_str().unwrap().to_owned())
    };
    assert_eq!(
        shown(&all),
        ["fail", "ok", "ok", "ok", "unknown", "ok"],
        "there is no key at the selector that the message names"
    );
    let done = audit(&format!("--message {}", Lab::get().arg("news.eml")));
    assert!(done.out.contains("news._domainkey.good.example: no key record"), "{}", done.out);
    assert!(done.out.contains("the receiver took the message with ESMTPS"), "{}", done.out);

    let other = NEWSLETTER
        .replace("d=good.example", "d=mailer.example")
        .replace("ESMTPS", "ESMTP")
        .replace(":List-Unsubscribe-Post;", ";");
    let other = other.replace("Subject: ", "List-Id: <news.good.example>\r\nSubject: ");
    let all = seen("other.eml", &other, "good.example");
    assert_eq!(shown(&all), ["ok", "fail", "fail", "fail", "fail", "ok"]);
    let done = audit(&format!("--message {} good.example", Lab::get().arg("other.eml")));
    assert_eq!(done.code, Some(1));
    for text in [
        "signed by mailer.example alone",
        "List-Unsubscribe-Post is not signed",
        "no ARC-Seal",
        "took the message with ESMTP\n",
    ] {
        assert!(done.out.contains(text), "{text}: {}", done.out);
    }
    let sealed = other.replace("List-Id: ", "ARC-Seal: i=1\r\nList-Id: ");
    assert_eq!(seen("sealed.eml", &sealed, "good.example")["arc"], "ok");
    let gmail = NEWSLETTER.replace("news@good.example", "news@gmail.com");
    assert_eq!(seen("gmail.eml", &gmail, "good.example")["from-domain"], "fail");
    let list = other.replace("List-Id: ", "List-Post: <mailto:food@good.example>\r\nList-Id: ");
    assert_eq!(seen("list.eml", &list, "good.example")["one-click"], "unknown");
    let personal = "From: joe@good.example\r\nSubject: lunch\r\n\r\nHi.\r\n";
    assert_eq!(seen("personal.eml", personal, "")["one-click"], "unknown");
    assert_eq!(seen("elsewhere.eml", NEWSLETTER, "bad.example")["alignment"], "unknown");
}

#[test]
fn what_is_given_beside_domains_is_read() {
    let lab = Lab::get();
    let unclear = audit(&format!("--message {}", lab.file("unclear.eml", "Subject: x\r\n\r\n")));
    assert_eq!(
        (unclear.code, &*unclear.err),
        (Some(2), "error: the author of the message is not clear: give the domain\n")
    );
    assert_eq!(audit("").code, Some(2));
    assert!(audit("--message no-such.eml").err.starts_with("error: cannot read no-such.eml: "));
    let policy = |name: &str, text: &str| {
        let file = lab.file(name, format!("version: STSv1\r\nmode: enforce\r\nmax_age: 86400\r\n{text}"));
        states(&format!("--mta-sts {file} good.example"))["mta-sts-policy"].clone()
    };
    assert_eq!(policy("sts-good", "mx: mx.good.example\r\n"), "ok");
    assert_eq!(policy("sts-wild", "mx: *.good.example\r\n"), "ok");
    assert_eq!(policy("sts-other", "mx: mx.example.net\r\n"), "fail");
    let broken = audit(&format!("--mta-sts {} good.example", lab.file("sts-broken", "version: STSv2\n")));
    assert_eq!(broken.code, Some(2));
    assert!(broken.err.ends_with("sts-broken: no version: STSv1\n"), "{}", broken.err);
    let several = audit(&format!("--mta-sts {} good.example bad.example", lab.arg("sts-good")));
    assert_eq!((several.code, &*several.err), (Some(2), "error: --mta-sts is for one domain\n"));
}

/// Many domains, asked for over UDP.
#[test]
fn a_hundred_domains_on_a_local_resolver_take_seconds() {
    let mut zone = Zone::new();
    for number in 0..100 {
        let domain = format!("d{number}.example");
        zone = zone
            .with_txt(&domain, "v=spf1 ip4:192.0.2.1 -all")
            .and_then(|zone| {
                zone.with_txt(
                    &format!("_dmarc.{domain}"),
                    format!("v=DMARC1; p=reject; rua=mailto:d@{domain}"),
                )
            })
            .and_then(|zone| zone.with_txt(&format!("s1._domainkey.{domain}"), KEY))
            .unwrap();
    }
    let mx: String =
        (0..100).map(|number| format!("d{number}.example. MX 10 mx.d{number}.example.\n")).collect();
    zone.merge(Zone::from_zone_file(mx, None).unwrap());
    let server = NameServer::start(zone);
    let domains: Vec<_> = (0..100).map(|number| format!("d{number}.example")).collect();
    let address = server.address.to_string();
    let args = ["audit", "--json", "--trust-ad", "--server", &address];
    let start = Instant::now();
    let done = waxseal(args.into_iter().chain(domains.iter().map(String::as_str)));
    let took = start.elapsed();
    assert_eq!((done.code, &*done.err), (Some(0), ""));
    let rows: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 100);
    for (number, row) in rows.iter().enumerate() {
        assert_eq!(row["domain"], format!("d{number}.example"));
        let state = |id: &str| {
            row["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == id).unwrap()["state"].clone()
        };
        for id in ["spf", "dkim", "dmarc", "mx", "dnssec"] {
            assert_eq!(state(id), "ok", "{id}: {row}");
        }
    }
    assert!(server.asked() >= 3_000, "{}", server.asked());
    println!("100 domains, {} lookups: {took:?}", server.asked());
    assert!(took.as_secs() < 30, "{took:?}, of a debug build on a busy machine");
}

#[test]
fn dnssec_is_told_as_far_as_the_server_is_trusted() {
    let server = NameServer::start(Zone::new().with_txt("a.example", "v=spf1 -all").unwrap());
    let state = |more: &str| {
        let done = waxseal(words(&format!("audit --json --server {} a.example {more}", server.address)));
        let row: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{done:?}"));
        row["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == "dnssec").unwrap()["state"].clone()
    };
    assert_eq!((state("--trust-ad"), state("")), (json!("ok"), json!("unknown")));
}
