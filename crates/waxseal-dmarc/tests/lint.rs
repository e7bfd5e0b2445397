//! Advice for those who publish records: what it says, and what has to be shown beside it.

mod common;

use common::*;
use waxseal_dmarc::{
    Cause, LocalPolicy, PolicyTag, PublicSuffixList, Record,
    publish::{Audit, Finding, lint},
};
use waxseal_dns::{Answers, Check, DomainName, Pending, Zone, lint::Severity};

/// Knows that strangers have domains below `co.example`.
#[derive(Debug)]
struct Suffixes;

impl PublicSuffixList for Suffixes {
    fn organizational_domain(&self, name: &DomainName) -> DomainName {
        let suffix = |above: &DomainName| ["co.example", "example", "com", "org"].contains(&above.as_str());
        let mut organization = name.clone();
        while let Some(above) = organization.parent().filter(|above| !suffix(above)) {
            organization = above;
        }
        organization
    }
}

/// What there is to say about where the record of `domain` stands.
fn standing(domain: &str, dns: &Zone) -> Vec<String> {
    standing_by(Audit::new(name(domain)).with_known_suffixes(Suffixes), dns)
}

fn standing_by(audit: Audit, dns: &Zone) -> Vec<String> {
    let report = drive(audit, dns).0;
    let findings = report.findings().iter().filter(|finding| {
        matches!(finding.id(), "open-to-strangers" | "shared-organization" | "ignored-subdomain-policy")
    });
    findings.map(|finding| format!("{}: {}", finding.severity(), finding.problem())).collect()
}

/// The whole zone passes for the domain, as its record stands below one that does not say psd=y.
#[test]
fn a_domain_for_which_all_below_its_registry_can_pass_is_told() {
    let dns = |own: &str| zone(&[("com", "v=DMARC1; p=none"), ("example.com", own)]);
    let own = "v=DMARC1; p=reject";
    assert_eq!(word(&judge(author("example.com").dkim("evil.com"), &dns(own))), "pass");
    let error = "error: the Organizational Domain is com, so any domain below com can pass as ";
    let add = "add psd=n to the record of example.com";
    assert_eq!(standing("example.com", &dns(own)), [format!("{error}example.com: {add}")]);
    // One of the two methods is enough, and so is a host below.
    let half = "v=DMARC1; p=reject; adkim=s";
    assert_eq!(standing("example.com", &dns(half)), [format!("{error}example.com: {add}")]);
    assert_eq!(standing("mail.example.com", &dns(own)), [format!("{error}mail.example.com: {add}")]);
    // Without a record of its own.
    let registry = zone(&[("com", "v=DMARC1; p=none")]);
    let publish = "publish a record with psd=n at _dmarc.example.com";
    assert_eq!(standing("mail.example.com", &registry), [format!("{error}mail.example.com: {publish}")]);
    // A registry of two labels, told by the list; one further up.
    let told = "error: the Organizational Domain is co.example, so any domain below co.example can pass as shop.co.example: \
                add psd=n to the record of shop.co.example";
    let dns = zone(&[("co.example", "v=DMARC1; p=none"), ("shop.co.example", own)]);
    assert_eq!(standing("shop.co.example", &dns), [told]);
    // psd= of the registry that is wrong, or stands one label too high.
    for (registry, record) in
        [("co.example", "v=DMARC1; p=none; psd=n"), ("example", "v=DMARC1; p=none; psd=y")]
    {
        assert_eq!(
            standing("shop.co.example", &zone(&[(registry, record), ("shop.co.example", own)])),
            [told]
        );
    }
    // One label is a registry without any list.
    let unlisted = standing_by(
        Audit::new(name("example.com")),
        &zone(&[("com", "v=DMARC1; p=none"), ("example.com", own)]),
    );
    assert_eq!(unlisted, [format!("{error}example.com: {add}")]);
    let dns = zone(&[("example", "v=DMARC1; p=none"), ("shop.co.example", own)]);
    let further =
        "so any domain below example can pass as shop.co.example: add psd=n to the record of shop.co.example";
    assert!(
        standing("shop.co.example", &dns)[0].ends_with(further),
        "{:?}",
        standing("shop.co.example", &dns)
    );
}

#[test]
fn a_domain_that_nobody_else_can_pass_for_is_left_alone() {
    let strict = "v=DMARC1; p=reject; adkim=s; aspf=s";
    for records in [
        &[("example.com", "v=DMARC1; p=reject")][..],
        &[("com", "v=DMARC1; p=none; psd=y"), ("example.com", "v=DMARC1; p=reject")],
        &[("com", "v=DMARC1; p=none"), ("example.com", "v=DMARC1; p=reject; psd=n")],
        &[("com", "v=DMARC1; p=none"), ("example.com", strict)],
        // The registry speaks of itself.
        &[("com", "v=DMARC1; p=none")],
    ] {
        let domain = if records.len() == 1 && records[0].0 == "com" { "com" } else { "example.com" };
        assert_eq!(standing(domain, &zone(records)), [""; 0], "{records:?}");
    }
}

/// Siblings of one organization pass for each other. That is meant, but not by everybody.
#[test]
fn a_record_below_that_of_the_organization_is_noted() {
    let dns = |own: &str| zone(&[("example.org", "v=DMARC1; p=none"), ("news.example.org", own)]);
    let relaxed = "note: the Organizational Domain is example.org, so any domain below example.org can pass as \
                   news.example.org: add psd=n if news.example.org is an organization of its own";
    // RFC 9989 §4.7: "Note that "sp" will be ignored for DMARC Policy Records published on subdomains of Organizational
    // Domains".
    let ignored = "note: sp= and np= are ignored here, as the Organizational Domain is example.org: what is below \
                   news.example.org and has no record gets the policy of example.org";
    assert_eq!(standing("news.example.org", &dns("v=DMARC1; p=reject")), [relaxed]);
    for tag in ["sp=reject", "np=reject"] {
        let strict = format!("v=DMARC1; p=reject; adkim=s; aspf=s; {tag}");
        assert_eq!(standing("news.example.org", &dns(&strict)), [ignored]);
        let own = format!("v=DMARC1; p=reject; psd=n; {tag}");
        assert_eq!(standing("news.example.org", &dns(&own)), [""; 0]);
    }
    let organization = zone(&[("example.org", "v=DMARC1; p=reject; sp=quarantine; np=reject")]);
    for domain in ["example.org", "other.example.org"] {
        assert_eq!(standing(domain, &organization), [""; 0], "here they count");
    }
    // Under a list of suffixes records do not make organizations.
    let local = LocalPolicy::default().with_public_suffix_list(Suffixes);
    let audit = Audit::new(name("news.example.org")).with_local_policy(local).with_known_suffixes(Suffixes);
    assert_eq!(standing_by(audit, &dns("v=DMARC1; p=reject")), [""; 0]);
}

/// RFC 9991 §2: "Report generators MUST NOT consider "ruf" tags in DMARC Policy Records that have a "psd=y" tag".
#[test]
fn failure_reports_that_a_registry_asks_for_do_not_count() {
    let text = b"v=DMARC1; p=reject; psd=y; rua=mailto:a@bank.example; ruf=mailto:f@bank.example";
    let record = Record::parse(text).unwrap();
    assert!(record.is_ruf_ignored() && record.failure_reports().len() == 1);
    let findings = lint(text);
    assert_eq!(
        findings[0].to_string(),
        "warning: ruf=mailto:f@bank.example: does not count beside psd=y: nobody sends failure reports, remove it"
    );
    for other in [&b"v=DMARC1; p=reject; psd=n; ruf=mailto:f@a.example"[..], b"v=DMARC1; p=reject; psd=y"] {
        assert!(!lint(other).iter().any(|finding| finding.id() == "ignored-failure-reports"));
    }
    assert!(!Record::parse(b"v=DMARC1; p=reject; ruf=mailto:f@a.example").unwrap().is_ruf_ignored());
}

/// What an owner pasted from a zone file, where the backslashes and quotes are the file's.
#[test]
fn marks_of_a_zone_file_are_named() {
    for (text, advice) in [
        (r"v=DMARC1\; p=reject\;", "remove the backslashes, which only zone files need"),
        (r"v=DMARC1\;", "remove the backslashes, which only zone files need"),
        (r"v\=DMARC1; p=reject", "remove the backslashes, which only zone files need"),
        (r#""v=DMARC1\; p=reject""#, "remove the quotes and the backslashes, which only zone files need"),
        (r#"\"v=DMARC1; p=reject\""#, "remove the quotes and the backslashes, which only zone files need"),
        (r#""v=DMARC1; p=reject""#, "remove the quotes, which only zone files need"),
    ] {
        let findings: Vec<_> = lint(text.as_bytes()).iter().map(ToString::to_string).collect();
        assert_eq!(findings, [format!("error: not a DMARC record, receivers ignore it: {advice}")], "{text}");
    }
    for (text, severity, tag, mark) in [
        (r"v=DMARC1; p=reject\; rua=mailto:d@a.example", Severity::Error, "p", "backslash"),
        (r#"v=DMARC1; p=reject""#, Severity::Error, "p", "quote"),
        (r"v=DMARC1; p=reject; adkim=s\; rua=mailto:d@a.example", Severity::Warning, "adkim", "backslash"),
        (r"v=DMARC1; p=reject; rua=mailto:d@a.example\;", Severity::Warning, "rua", "backslash"),
        (r#"v=DMARC1; p=reject; rua=mailto:d@a.example""#, Severity::Warning, "rua", "quote"),
    ] {
        let findings = lint(text.as_bytes());
        let advice = format!("remove the {mark}, which only zone files need");
        let found = findings.iter().find(|finding| finding.problem().ends_with(&advice)).unwrap();
        assert_eq!(found.severity(), severity, "{text}");
        let value = text.find(&format!("{tag}=")).unwrap() + tag.len() + 1;
        assert_eq!(found.span().map(|span| span.start), Some(value), "{text}");
    }
}

#[test]
fn an_address_to_which_nothing_can_be_sent_is_named() {
    let none =
        "no mailbox in the mailto: address, and nothing can be sent there: write mailto:user@example.org";
    for (uri, advice) in [
        ("mailto://d@a.example", ": write mailto:d@a.example"),
        ("MAILTO:/d@a.example", ": write mailto:d@a.example"),
        ("mailto:", ""),
        ("mailto:d", ""),
        ("mailto:@a.example", ""),
        ("mailto:?to=d@a.example", ""),
    ] {
        let findings = lint(format!("v=DMARC1; p=reject; rua={uri}").as_bytes());
        let shown: Vec<_> = findings.iter().map(ToString::to_string).collect();
        assert_eq!(shown[0], format!("warning: {uri}: {none}{advice}"), "{uri}");
        assert_eq!(shown[1], "warning: no valid rua=: nobody reports who sends mail as this domain", "{uri}");
    }
    assert!(lint(b"v=DMARC1; p=reject; rua=mailto:d@a.example").is_empty());
}

/// §4.10.1 wants "at least one syntactically valid reporting URI", and §4.8 takes what RFC 3986 takes: whether anything can
/// be sent there is another question.
#[test]
fn an_empty_mailto_keeps_a_record_without_a_policy_in_force() {
    for (rua, expected) in [
        ("mailto:", ("fail", Some("none"))),
        ("mailto:d", ("fail", Some("none"))),
        ("mailto:?to=d@example.org", ("fail", Some("none"))),
        ("mailto://d@example.org", ("fail", Some("none"))),
        ("urn:x", ("fail", Some("none"))),
        ("", ("none", None)),
        ("d@example.org", ("none", None)),
        ("mailto:%", ("none", None)),
        ("mailto: d@example.org", ("none", None)),
    ] {
        let dns = zone(&[("example.org", &format!("v=DMARC1; rua={rua}"))]);
        let verdict = judge(author("example.org"), &dns);
        assert_eq!((said(&verdict).0, said(&verdict).1), expected, "{rua}");
        let passed = judge(author("example.org").dkim("example.org"), &dns);
        assert_eq!(word(&passed), if expected.0 == "fail" { "pass" } else { "none" }, "{rua}");
        let record = Record::parse(format!("v=DMARC1; rua={rua}").as_bytes()).unwrap();
        assert_eq!(Record::parse(record.to_string().as_bytes()).unwrap(), record);
    }
}

/// A bad np= or sp= disarms p=reject (§4.10.1). Who looks for the reason finds the text as it was published.
#[test]
fn a_record_that_a_bad_tag_disarms_is_shown_as_it_was_published() {
    for (text, tag, name) in [
        ("v=DMARC1; p=reject; np=rejct", PolicyTag::Np, "np"),
        ("v=DMARC1;p=reject;  sp=rejct", PolicyTag::Sp, "sp"),
        ("v=DMARC1; sp=reject; p=rejct", PolicyTag::P, "p"),
        ("v=DMARC1; sp=reject", PolicyTag::P, "p"),
    ] {
        let verdict = judge(author("example.org"), &zone(&[("example.org", text)]));
        let reason = format!("no valid {name}= and no valid rua= in the record of example.org");
        assert_eq!((word(&verdict), verdict.reason()), ("none", reason));
        assert!(matches!(verdict.cause(), Some(Cause::NoPolicy(_, found)) if *found == tag), "{text}");
        let step = format!("_dmarc.example.org: {text}");
        assert_eq!(verdict.authors()[0].path()[0].to_string(), step);
        assert!(verdict.explain().contains(&format!("  {step}\n")), "{}", verdict.explain());
        let record = verdict.record().unwrap();
        assert_eq!((record.published().as_str(), record.invalid_policy()), (text, Some(tag)));

        let reported = format!("{text}; rua=mailto:d@example.org");
        let verdict = judge(author("example.org"), &zone(&[("example.org", &reported)]));
        assert_eq!(said(&verdict), ("fail", Some("none"), Some("example.org")));
        let assumed =
            format!("policy none assumed: no valid {name}= in the record of example.org, but a rua=\n");
        assert!(verdict.explain().contains(&assumed), "{}", verdict.explain());
        assert!(verdict.explain().contains(&reported), "{}", verdict.explain());
    }
}

/// Its owner decides what it holds and how long it gets.
#[test]
fn a_published_record_is_shown_in_visible_ascii_and_cut() {
    let dns = Zone::new().with_txt("_dmarc.example.org", b"v=DMARC1; p=\xff\n\\\"").unwrap();
    let verdict = judge(author("example.org"), &dns);
    assert_eq!(verdict.authors()[0].path()[0].to_string(), r#"_dmarc.example.org: v=DMARC1; p=\255\010\\""#);
    for (repeated, cut) in [(900, false), (980, false), (981, true), (2_000, true), (60_000, true)] {
        let long = format!("v=DMARC1; p=none; x={}", "a".repeat(repeated));
        let verdict = judge(author("example.org"), &zone(&[("example.org", &long)]));
        let shown = verdict.authors()[0].path()[0].to_string();
        assert_eq!(shown.ends_with("..."), cut, "{repeated}: {}", shown.len());
        assert!(shown.len() <= 1_000 + "_dmarc.example.org: ...".len());
    }
    assert_eq!(Record::parse(b"v=DMARC1; p=none").unwrap().invalid_policy(), None);
}

fn found(domain: &str, dns: &Zone) -> Vec<String> {
    drive(Audit::new(name(domain)), dns).0.findings().iter().map(ToString::to_string).collect()
}

/// RFC 9989 §4.7: what does not count below the Organizational Domain is not weaker than anything.
#[test]
fn a_policy_that_is_ignored_is_not_called_weak() {
    let own = "v=DMARC1; p=reject; sp=none; np=none; adkim=s; aspf=s; rua=mailto:d@news.example.org";
    let organization = zone(&[("example.org", "v=DMARC1; p=none"), ("news.example.org", own)]);
    let weaker = |findings: Vec<String>| findings.iter().filter(|text| text.contains("is weaker")).count();
    assert_eq!(weaker(found("news.example.org", &organization)), 0);
    assert_eq!(found("news.example.org", &organization).len(), 1, "but it is noted that they are ignored");
    assert_eq!(weaker(found("news.example.org", &zone(&[("news.example.org", own)]))), 2);
    let apart = zone(&[("example.org", "v=DMARC1; p=none"), ("news.example.org", &format!("{own}; psd=n"))]);
    assert_eq!(weaker(found("news.example.org", &apart)), 2);
}

/// The hosts are asked while the walk goes on: it takes no round more than the walk.
#[test]
fn an_audit_asks_together() {
    let rua = "rua=mailto:a@one.test,mailto:b@two.test,mailto:c@three.test";
    let dns = zone(&[("a.b.example.org", &format!("v=DMARC1; p=reject; {rua}; ruf=mailto:d@four.test"))]);
    let mut audit = Audit::new(name("a.b.example.org"));
    let mut answers = Answers::new();
    let mut rounds = Vec::new();
    let report = loop {
        match audit.run(&mut answers) {
            Ok(report) => break report,
            Err(Pending) => {
                let wanted = answers.take_wanted();
                rounds.push(wanted.len());
                answers.extend(wanted.into_iter().map(|q| (q.clone(), dns.lookup(&q))));
            }
        }
    };
    assert_eq!(rounds, [1, 5, 1, 1]);
    assert_eq!(report.reports().len(), 4);
    let refused = |finding: &&Finding| finding.id() == "reports-refused";
    assert_eq!(report.findings().iter().filter(refused).count(), 4);
    // Without any answer it still ends.
    let mut nothing = Answers::new();
    nothing.give_up();
    let report = Audit::new(name("example.org")).run(&mut nothing).unwrap();
    assert_eq!(report.findings()[0].id(), "lookup-failed");
}

#[test]
fn an_audit_names_what_stands_where() {
    let dns = zone(&[
        ("example.org", "v=dmarc1; p=reject"),
        ("example.org", "unrelated"),
        ("org", "v=DMARC1; p=none; psd=y; rua=mailto:d@org.test"),
    ]);
    let dns = dns.with_txt("example.org._report._dmarc.org.test", "v=DMARC1").unwrap();
    let (report, _) = drive(Audit::new(name("example.org")), &dns);
    let records: Vec<_> = report.records().map(|(name, text)| (name.as_str(), text)).collect();
    let first = ("_dmarc.example.org", &b"v=dmarc1; p=reject"[..]);
    assert_eq!((records.len(), records[0]), (2, first));
    assert_eq!(report.author().record_at().map(DomainName::as_str), Some("org"));
    let error = report.findings()[0].to_string();
    assert_eq!(
        error,
        "error: _dmarc.example.org: not a DMARC record, receivers ignore it: write DMARC1 in upper case"
    );
    // An address is underlined where it stands, and the span counts in the record at that name.
    let refused = report.findings().iter().find(|found| found.id() == "reports-refused");
    let refused = refused.unwrap();
    assert_eq!(refused.domain().map(DomainName::as_str), Some("_dmarc.org"));
    assert_eq!((refused.excerpt(), refused.span()), (Some("mailto:d@org.test"), Some(29..46)));
    assert_eq!(&records[1].1[29..46], b"mailto:d@org.test");
}
