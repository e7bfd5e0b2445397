//! Rules of evaluation of which a mistake shows in few places: explanations below `include`, the order of mail exchangers,
//! names of `ptr`, words of errors in the trace.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::time::{Duration, SystemTime};
use waxseal_dns::{Answers, Check, LookupError, Zone, drive_blocking};
use waxseal_spf::{Cause, RecordCache, SpfCheck, Trace, Verdict};
use waxseal_test::zone;

fn check(dns: &Zone) -> Verdict {
    let check = SpfCheck::mail_from(
        "192.0.2.7".parse().unwrap(),
        "user@example.org",
        "mail.example.net",
        SystemTime::UNIX_EPOCH,
    );
    drive_blocking(check.with_trace(true), dns)
}

fn said(verdict: &Verdict) -> (&'static str, String) {
    (verdict.result().as_str(), verdict.reason())
}

/// RFC 7208 §6.2: "During recursion into an "include" mechanism, an "exp" modifier from the \<target-name\> MUST NOT be
/// used", also where a redirect leads to it.
#[test]
fn s6_2_no_explanation_comes_out_of_an_include() {
    let texts = |first: &'static str| {
        [
            ("example.org", first),
            ("a.example", "v=spf1 redirect=b.example"),
            ("b.example", "v=spf1 redirect=c.example"),
            ("c.example", "v=spf1 -all exp=e.c.example"),
            ("e.c.example", "of the included domain"),
            ("e.example.org", "of the first domain"),
        ]
    };
    let of = |first| {
        let verdict = check(&zone(&texts(first)));
        (verdict.result().as_str(), verdict.explanation().map(str::to_owned), verdict.queries())
    };
    // Four records; the explanation of c.example is not even looked up.
    assert_eq!(of("v=spf1 include:a.example -all"), ("fail", None, 4));
    assert_eq!(of("v=spf1 include:a.example ~all"), ("softfail", None, 4));
    let own = Some("of the first domain".to_owned());
    assert_eq!(of("v=spf1 include:a.example -all exp=e.example.org"), ("fail", own, 5));
    // A redirect that is not below an include brings its explanation along.
    assert_eq!(of("v=spf1 redirect=b.example"), ("fail", Some("of the included domain".into()), 4));
}

/// A void lookup counts when it is evaluated (RFC 7208 §4.6.4), so the order of the answer must not decide.
#[test]
fn s5_4_mail_exchangers_are_looked_at_by_preference_and_name() {
    let record = zone(&[("example.org", "v=spf1 mx -all")]);
    let voids = [(30, "a.example.org"), (20, "b.example.org"), (25, "c.example.org")];
    let with = |dns: Zone, hosts: &[(u16, &str)]| {
        hosts
            .iter()
            .fold(dns, |dns, (preference, host)| dns.with_mx("example.org", *preference, host).unwrap())
    };
    let own = "192.0.2.7".parse().unwrap();
    let good = |name: &str| record.clone().with_address(name, own).unwrap();
    let first = check(&with(with(good("z.example.org"), &voids), &[(10, "z.example.org")]));
    assert_eq!((first.result().as_str(), first.void_lookups()), ("pass", 0));
    let last = check(&with(with(good("z.example.org"), &[(90, "z.example.org")]), &voids));
    assert_eq!(said(&last), ("permerror", "more than 2 void lookups, at mx of example.org".into()));
    let second = check(&with(with(good("z.example.org"), &voids), &[(20, "z.example.org")]));
    assert_eq!((second.result().as_str(), second.void_lookups()), ("pass", 1), "b stands before z");
    let named = check(&with(with(good("a.example.org"), &[(20, "b.example.org")]), &[(20, "a.example.org")]));
    assert_eq!((named.result().as_str(), named.void_lookups()), ("pass", 0), "a stands before b");
}

/// RFC 7208 §5.5: the name has to end in the target, by whole labels, and to lead back to the client.
#[test]
fn s5_5_ptr_matches_names_within_the_target_alone() {
    let own = "192.0.2.7".parse().unwrap();
    for (record, name, leads_back, word) in [
        ("v=spf1 ptr -all", "example.org", true, "pass"),
        ("v=spf1 ptr -all", "mail.example.org", true, "pass"),
        ("v=spf1 ptr -all", "a.b.Example.ORG", true, "pass"),
        ("v=spf1 ptr -all", "mail.example.org", false, "fail"),
        ("v=spf1 ptr -all", "mail.example.net", true, "fail"),
        ("v=spf1 ptr -all", "mailexample.org", true, "fail"),
        ("v=spf1 ptr -all", "org", true, "fail"),
        ("v=spf1 ptr -all", "example.org.example.net", true, "fail"),
        ("v=spf1 ptr:example.net -all", "mail.example.net", true, "pass"),
        ("v=spf1 ptr:example.net -all", "mail.example.org", true, "fail"),
        ("v=spf1 ptr:mail.example.net -all", "example.net", true, "fail"),
    ] {
        let dns = zone(&[("example.org", record)]).with_ptr(own, name).unwrap();
        let dns = if leads_back { dns.with_address(name, own).unwrap() } else { dns };
        assert_eq!(check(&dns).result().as_str(), word, "{record} {name}");
    }
    // One name within the target is enough, and none outside is looked up.
    let several = zone(&[("example.org", "v=spf1 ptr -all")]);
    let several = ["x.example.net", "y.example.org", "z.example.net"]
        .iter()
        .fold(several, |dns, name| dns.with_ptr(own, name).unwrap().with_address(name, own).unwrap());
    let verdict = check(&several);
    assert_eq!((verdict.result().as_str(), verdict.queries()), ("pass", 3));
}

/// The words of all terms and records that ended in an error, at any depth.
fn words_of_errors(trace: &Trace) -> Vec<String> {
    let text = trace.to_string();
    let words = text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(_, word)| word.to_owned());
    words.filter(|word| word.ends_with("error")).collect()
}

/// The trace tells errors that pass by themselves from those that do not.
#[test]
fn s2_6_words_of_errors_in_the_trace_are_those_of_the_verdict() {
    let slow = |dns: Zone| dns.with_error("slow.example.org", LookupError::Timeout).unwrap();
    for (records, word) in [
        (&[("example.org", "v=spf1 a:slow.example.org -all")][..], "temperror"),
        (&[("example.org", "v=spf1 include:slow.example.org -all")], "temperror"),
        (
            &[("example.org", "v=spf1 include:a.example"), ("a.example", "v=spf1 a:slow.example.org")],
            "temperror",
        ),
        (&[("example.org", "v=spf1 include:none.example -all")], "permerror"),
        (&[("example.org", "v=spf1 redirect=none.example")], "permerror"),
        (&[("example.org", "v=spf1 redirect=a..example")], "permerror"),
        (&[("example.org", "v=spf1 a:a.x.org a:b.x.org a:c.x.org -all")], "permerror"),
        (&[("example.org", "v=spf1 include:a.example"), ("a.example", "v=spf1 moo")], "permerror"),
        (
            &[
                ("example.org", "v=spf1 include:a.example"),
                ("a.example", "v=spf1 a"),
                ("a.example", "v=spf1 mx"),
            ],
            "permerror",
        ),
        (&[("example.org", "v=spf1 include:example.org")], "permerror"),
    ] {
        let verdict = check(&slow(zone(records)));
        assert_eq!(verdict.result().as_str(), word, "{records:?}");
        let words = words_of_errors(verdict.trace().unwrap());
        assert!(!words.is_empty() && words.iter().all(|other| other == word), "{records:?}: {words:?}");
    }
}

/// RFC 8616 §4: such a term matches nothing; a redirect without a target is permerror (RFC 7208 §6.1), for that reason.
#[test]
fn rfc8616_s4_a_redirect_by_a_local_part_that_is_not_ascii_is_named() {
    let dns = zone(&[("example.org", "v=spf1 redirect=%{l}.example.org")]);
    let check = SpfCheck::mail_from(
        "192.0.2.7".parse().unwrap(),
        "\u{fc}@example.org",
        "mail.example.net",
        SystemTime::UNIX_EPOCH,
    );
    let verdict = drive_blocking(check, &dns);
    assert!(
        matches!(verdict.cause(), Some(Cause::LocalPartNotAscii(place)) if place.term() == "redirect=%{l}.example.org")
    );
    let reason = "the local-part is not ASCII and cannot be part of the domain name in redirect=%{l}.example.org of \
                  example.org";
    assert_eq!(said(&verdict), ("permerror", reason.into()));
}

#[test]
fn a_text_that_is_nearly_a_record_is_told() {
    let verdict =
        check(&zone(&[("example.org", "v=spf1; ip4:192.0.2.7; -all"), ("example.org", "v=DMARC1; p=none")]));
    let reason = "no SPF record at example.org, but v=spf1; ip4:192.0.2.7; -all: put a space behind v=spf1; nothing but \
                  spaces stands between terms";
    assert_eq!(said(&verdict), ("none", reason.into()));
    assert!(
        matches!(verdict.cause(), Some(Cause::NearMiss(_, near_miss)) if near_miss.text().starts_with(b"v=spf1;"))
    );
    let quoted = check(&zone(&[("example.org", "\"v=spf1 -all\"\u{1b}")]));
    let reason =
        "no SPF record at example.org, but ?v=spf1 -all??: remove the quotes, which only zone files need";
    assert_eq!(said(&quoted).1, reason);
    assert!(
        quoted
            .reason()
            .bytes()
            .all(|octet| (b' '..=b'~').contains(&octet) && octet != b'"' && octet != b'\\')
    );
    let other = check(&zone(&[("example.org", "v=DMARC1; p=none")]));
    assert_eq!(said(&other), ("none", "no SPF record at example.org".into()));
    // Where there is a record, it counts.
    let both = check(&zone(&[("example.org", "v=spf1;-all"), ("example.org", "v=spf1 +all")]));
    assert_eq!(both.result().as_str(), "pass");
}

/// RFC 8616 §4; what is no name stays as it was said.
#[test]
fn a_helo_in_u_labels_is_shown_by_its_a_labels() {
    let entry = |helo: &str| {
        let check = SpfCheck::helo("192.0.2.7".parse().unwrap(), helo, SystemTime::UNIX_EPOCH);
        drive_blocking(check, &zone(&[("xn--bcher-kva.example", "v=spf1 ip4:192.0.2.7 -all")]))
            .entry()
            .to_string()
    };
    assert_eq!(entry("b\u{fc}cher.example"), "spf=pass smtp.helo=xn--bcher-kva.example");
    assert_eq!(entry("XN--bcher-KVA.example"), "spf=pass smtp.helo=XN--bcher-KVA.example");
    assert!(entry("b\u{fc}..example").contains("smtp.helo=\"b"), "{}", entry("b\u{fc}..example"));
}

/// RFC 7208 §7.3: "If the \<domain\> is present in the list of validated domains, it SHOULD be used. Otherwise, if a subdomain
/// of the \<domain\> is present, it SHOULD be used. Otherwise, any name from the list can be used."
#[test]
fn s7_3_the_validated_name_nearest_to_the_domain_is_used() {
    let own = "192.0.2.7".parse().unwrap();
    let used = |names: &[&str]| {
        let dns = zone(&[("example.org", "v=spf1 -all exp=e.example.org"), ("e.example.org", "%{p}")]);
        let dns = names
            .iter()
            .fold(dns, |dns, name| dns.with_ptr(own, name).unwrap().with_address(name, own).unwrap());
        check(&dns).explanation().map(str::to_owned)
    };
    for (names, name) in [
        (&["x.example.net", "a.example.org", "example.org"][..], "example.org"),
        (&["x.example.net", "a.example.org", "y.example.net"], "a.example.org"),
        (&["x.example.net", "y.example.net"], "x.example.net"),
        (&[], "unknown"),
    ] {
        assert_eq!(used(names).as_deref(), Some(name), "{names:?}");
    }
}

/// RFC 7208 §5.5: the name has to lead back to the very address of the client, not to its network.
#[test]
fn s5_5_a_neighbour_does_not_validate_a_name() {
    let own = "192.0.2.7".parse().unwrap();
    for (address, word) in [("192.0.2.7", "pass"), ("192.0.2.6", "fail"), ("192.0.2.255", "fail")] {
        let dns = zone(&[("example.org", "v=spf1 ptr -all")]).with_ptr(own, "a.example.org").unwrap();
        let dns = dns.with_address("a.example.org", address.parse().unwrap()).unwrap();
        assert_eq!(check(&dns).result().as_str(), word, "{address}");
    }
    let own = "2001:db8::7".parse().unwrap();
    for (address, word) in [("2001:db8::7", "pass"), ("2001:db8::6", "fail")] {
        let dns = zone(&[("example.org", "v=spf1 ptr -all")]).with_ptr(own, "a.example.org").unwrap();
        let dns = dns.with_address("a.example.org", address.parse().unwrap()).unwrap();
        let check = SpfCheck::mail_from(own, "user@example.org", "mail.example.net", SystemTime::UNIX_EPOCH);
        assert_eq!(drive_blocking(check, &dns).result().as_str(), word, "{address}");
    }
}

/// RFC 7208 §4.6.4: a target without a record is a void lookup at every depth, and the first record is none.
#[test]
fn s4_6_4_a_target_without_a_record_counts_as_void() {
    for (records, voids) in [
        (&[("example.org", "v=spf1 include:none.example -all")][..], 1),
        (&[("example.org", "v=spf1 redirect=none.example")], 1),
        (&[("example.org", "v=spf1 include:a.example"), ("a.example", "v=spf1 include:none.example")], 1),
        (&[("example.org", "v=spf1 a:x.example include:none.example")], 2),
        (&[("other.example", "v=spf1 -all")], 0),
    ] {
        assert_eq!(check(&zone(records)).void_lookups(), voids, "{records:?}");
    }
}

/// Who keeps a verdict has to know for how long every answer holds.
#[test]
fn one_answer_without_a_ttl_leaves_the_verdict_without_one() {
    let records = [("example.org", "v=spf1 include:a.example -all"), ("a.example", "v=spf1 -all")];
    let with = |names: &[&str]| {
        let mut dns = zone(&records);
        for name in names {
            dns.set_ttl(name.parse().unwrap(), Duration::from_secs(300));
        }
        check(&dns).ttl()
    };
    assert_eq!(with(&["example.org", "a.example"]), Some(Duration::from_secs(300)));
    assert_eq!((with(&["example.org"]), with(&["a.example"]), with(&[])), (None, None, None));
}

/// What is asked ahead does not depend on the message, and stands before what matches for certain.
#[test]
fn prefetch_asks_for_every_literal_target_that_may_be_evaluated() {
    let asked = |client: &str, record: &str| {
        let dns = zone(&[("example.org", record)]);
        let now = SystemTime::UNIX_EPOCH;
        let check = SpfCheck::mail_from(client.parse().unwrap(), "user@example.org", "mail.example.net", now);
        let records = RecordCache::default();
        let ahead = |mut check: SpfCheck| {
            let mut answers = Answers::new();
            assert!(check.run(&mut answers).is_err());
            for question in answers.take_wanted() {
                let reply = dns.lookup(&question);
                answers.answer(question, reply);
            }
            assert!(check.run(&mut answers).is_err());
            answers.take_wanted().iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        let check = check.with_prefetch(true);
        let asked = ahead(check.clone());
        assert_eq!(ahead(check.clone().with_record_cache(&records)), asked);
        assert_eq!(ahead(check.clone().with_record_cache(&records)), asked, "remembered");
        assert_eq!(ahead(check.with_trace(true)), asked, "traced");
        asked
    };
    let all = "v=spf1 include:a.example a mx mx:m.example exists:%{i}.e.example exists:e.example ptr redirect=r.example";
    let common = ["example.org MX", "m.example MX", "e.example A", "r.example TXT"];
    assert_eq!(asked("192.0.2.7", all), [&["a.example TXT", "example.org A"][..], &common].concat());
    assert_eq!(asked("2001:db8::7", all), [&["a.example TXT", "example.org AAAA"][..], &common].concat());
    for (record, expected) in [
        ("v=spf1 include:a.example ip4:198.51.100.1 mx", &["a.example TXT", "example.org MX"][..]),
        ("v=spf1 include:a.example ip4:192.0.2.7 mx", &["a.example TXT"]),
        ("v=spf1 include:a.example -all mx redirect=r.example", &["a.example TXT"]),
        ("v=spf1 include:a.example include:%{l}.example include:b..example", &["a.example TXT"]),
    ] {
        assert_eq!(asked("192.0.2.7", record), expected, "{record}");
    }
    let many: String = (0..12).map(|n| format!("include:a{n}.example ")).collect();
    assert_eq!(asked("192.0.2.7", &format!("v=spf1 {many}-all")).len(), 10, "no more than may be evaluated");
}

/// The page for people has the record, and the line for logs is one line of ASCII, whatever is published.
#[test]
fn the_family_of_a_verdict() {
    let dns =
        zone(&[("example.org", "v=spf1 ip4:192.0.2.8 -all exp=e.example.org"), ("e.example.org", "go away")]);
    let verdict = check(&dns);
    assert!(!verdict.is_pass() && verdict.cause().is_some());
    assert_eq!(verdict.to_string(), "spf=fail smtp.mailfrom=example.org (matched -all of example.org)");
    assert_eq!(
        verdict.explain(),
        "spf=fail smtp.mailfrom=example.org\n  matched -all of example.org\n  client 192.0.2.7, HELO mail.example.net\n  \
         example.org publishes v=spf1 ip4:192.0.2.8 -all exp=e.example.org\n  the domain explains: go away\n  0 terms with \
         lookups, 0 void lookups, 2 DNS questions\n"
    );
    assert_eq!(verdict, check(&dns));
    assert_ne!(verdict, check(&zone(&[("example.org", "v=spf1 ip4:192.0.2.8 -all")])));
    let odd = check(&zone(&[("example.org", "v=spf1 m\u{e4}\n\"x")]));
    assert!(odd.explain().contains("publishes v=spf1 m\\xc3\\xa4\\n\\\"x\n"), "{}", odd.explain());
    let helo = SpfCheck::helo("192.0.2.7".parse().unwrap(), "a\n\"b\u{e4}", SystemTime::UNIX_EPOCH);
    let none = drive_blocking(helo, &dns);
    assert_eq!((none.record(), none.result().as_str()), (None, "none"));
    assert!(
        none.to_string().starts_with("spf=none smtp.helo=a??b?? (no valid domain name to check"),
        "{none}"
    );
    // What a client or a domain sends does not decide how long a line or a page gets.
    let long = vec![b'h'; 1 << 20];
    let long = SpfCheck::mail_from("192.0.2.7".parse().unwrap(), &long, &long, SystemTime::UNIX_EPOCH);
    let long = drive_blocking(long, &Zone::new());
    assert!(long.to_string().len() < 600 && long.explain().len() < 1200, "{}", long.explain().len());
    let wide = check(&zone(&[("example.org", &format!("v=spf1 {}-all", "a ".repeat(10_000)))]));
    assert!(wide.record().unwrap().len() > 20_000 && wide.explain().len() < 2000, "{}", wide.explain().len());
    // A record that is one of two was not evaluated.
    assert_eq!(check(&zone(&[("example.org", "v=spf1 a"), ("example.org", "v=spf1 mx")])).record(), None);
}

#[cfg(feature = "json")]
#[test]
fn a_verdict_in_json() {
    let verdict = check(&zone(&[("example.org", "v=spf1 a -all")]));
    assert_eq!(
        verdict.to_json(),
        "{\"result\":\"fail\",\"identity\":\"mailfrom\",\"domain\":\"example.org\",\"reason\":\"matched -all of \
         example.org\",\"lookups\":1,\"void_lookups\":1}"
    );
    let trace: serde_json::Value = serde_json::from_str(&verdict.trace().unwrap().to_json()).unwrap();
    assert_eq!(trace["lookup"]["records"], serde_json::json!(["v=spf1 a -all"]));
    let a = &trace["terms"][0]["lookups"][0];
    assert_eq!((&a["name"], &a["type"], &a["void"]), (&"example.org".into(), &"A".into(), &true.into()));
}
