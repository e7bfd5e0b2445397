//! Hostile and broken input: a named verdict each, never a panic, never unbounded work.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::time::{Duration, Instant, SystemTime};
use waxseal_dns::{
    Answer, Answers, Check, Dnssec, DomainName, LookupError, Question, Record, Reply, Zone, drive_blocking,
};
use waxseal_spf::{
    Cause, Limits, Record as SpfRecord, SpfCheck, Verdict,
    publish::{Audit, lint},
};
use waxseal_test::zone;

mod counts;

const DOMAIN: &str = "example.org";

fn check() -> SpfCheck {
    SpfCheck::mail_from(
        "192.0.2.7".parse().unwrap(),
        "user@example.org",
        "mail.example.net",
        SystemTime::UNIX_EPOCH,
    )
}

fn judge(records: &[(&str, &str)]) -> Verdict {
    drive_blocking(check(), &zone(records))
}

/// The verdict on one record.
fn one(record: impl AsRef<[u8]>) -> Verdict {
    drive_blocking(check(), &Zone::new().with_txt(DOMAIN, record).unwrap())
}

fn said(verdict: &Verdict) -> (String, String) {
    let reason = verdict.reason();
    assert!(reason.bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'"' && c != b'\\'), "{reason}");
    (verdict.result().to_string(), reason)
}

#[track_caller]
fn assert_said(verdict: &Verdict, word: &str, reason: &str) {
    assert_eq!(said(verdict), (word.to_owned(), reason.to_owned()));
}

fn syntax(record: impl AsRef<[u8]>) -> String {
    let verdict = one(record.as_ref());
    assert_eq!(verdict.result().as_str(), "permerror");
    match verdict.cause() {
        Some(Cause::Syntax(_, source)) => source.problem(),
        other => unreachable!("{other:?}"),
    }
}

#[test]
fn truncated_and_odd_macros() {
    for (text, kind) in [
        ("%{", "invalid macro"),
        ("%", "invalid macro"),
        ("%{}", "invalid macro"),
        ("%{d", "invalid macro"),
        ("%{d.example.org", "invalid macro"),
        ("%{dd}", "invalid macro"),
        ("%{d0}", "invalid macro"),
        ("%{d00}", "invalid macro"),
        ("%{dr2}", "invalid macro"),
        ("%{d*}", "invalid macro"),
        ("%{q}.example.org", "invalid macro"),
        ("%(d).example.org", "invalid macro"),
        ("%{c}.example.org", "macro allowed in explanations only"),
        ("%{d}.", "domain without a valid top label"),
        ("%{d}org", "domain without a valid top label"),
        ("example", "domain without a valid top label"),
        ("example.123", "domain without a valid top label"),
        ("example.-a", "domain without a valid top label"),
        ("example.a-", "domain without a valid top label"),
        ("", "missing domain"),
    ] {
        assert_eq!(syntax(format!("v=spf1 exists:{text} -all")), kind, "{text}");
    }
    // Odd, but by the grammar: domain-end = macro-expand.
    for text in ["%%%_%-", "%%", "%{d40r}", "%{Dr}", "%{d1r.-+,/_=}", "a.1-2", "a..b", ".com", "x/y.com."] {
        assert_said(&one(format!("v=spf1 exists:{text} ~all")), "softfail", "matched ~all of example.org");
    }
}

/// libspf2 wrote past its buffer for these: CVE-2021-20314, CVE-2021-33912, CVE-2021-33913.
#[test]
fn cve_2021_20314_33912_33913_macro_expansion() {
    let local_part = "x".repeat(65_536);
    for text in
        ["%{d40r}", "%{S}", "%{L}.%{l}.%{s}.example.org", "%%%_%-", "%{lr-}.%{ir}", "%{h250r-}.a.example"]
    {
        let dns = zone(&[(DOMAIN, &format!("v=spf1 exists:{text} -all exp=%{{S}}.e.example.org"))]);
        let sender = format!("{local_part}@example.org");
        let check =
            SpfCheck::mail_from("2001:db8::1".parse().unwrap(), &sender, &local_part, SystemTime::UNIX_EPOCH);
        assert_said(&drive_blocking(check, &dns), "fail", "matched -all of example.org");
    }
    assert_eq!(syntax("v=spf1 exists:%{"), "invalid macro");
}

/// SPFail: implementations are told apart by what they make of a reversed and cut macro.
#[test]
fn spfail_macro_fingerprint() {
    let name = check().expand(&"%{d1r}.foo.com".parse().unwrap(), &"a.b.example.org".parse().unwrap(), None);
    assert_eq!(name.unwrap().as_str(), "a.foo.com");
}

/// CVE-2020-12272: a domain is what the grammar of names allows, not what a later reader makes of it.
#[test]
fn cve_2020_12272_domain_injection() {
    for sender in
        ["a@legit.com(.attacker.com", "a@legit.com\0.attacker.com", "a@legit.com'.attacker.com", "a@b c.com"]
    {
        let verdict = drive_blocking(
            SpfCheck::mail_from("192.0.2.7".parse().unwrap(), sender, "h.example", SystemTime::UNIX_EPOCH),
            &zone(&[("attacker.com", "v=spf1 +all"), ("legit.com", "v=spf1 +all")]),
        );
        assert_eq!(said(&verdict).0, "none", "{sender}");
        assert!(said(&verdict).1.starts_with("no valid domain name to check: "), "{}", verdict.reason());
        let entry = verdict.entry().to_string();
        assert!(!entry.contains('\0') && entry.contains("smtp.mailfrom=\""), "{entry}");
    }
}

/// CVE-2019-20790: a pass of HELO is not one of MAIL FROM.
#[test]
fn cve_2019_20790_helo_is_not_mail_from() {
    let dns = zone(&[("attacker.example", "v=spf1 +all")]);
    let helo = drive_blocking(
        SpfCheck::helo("192.0.2.7".parse().unwrap(), "attacker.example", SystemTime::UNIX_EPOCH),
        &dns,
    );
    assert_eq!(helo.entry().to_string(), "spf=pass smtp.helo=attacker.example");
    let check = SpfCheck::mail_from(
        "192.0.2.7".parse().unwrap(),
        "ceo@bank.example",
        "attacker.example",
        SystemTime::UNIX_EPOCH,
    );
    let mail_from = drive_blocking(check, &dns);
    assert_said(&mail_from, "none", "bank.example does not exist");
    assert_eq!(mail_from.domain().map(DomainName::as_str), Some("bank.example"));
}

/// CVE-2023-42118, CVE-2023-42119, CVE-2026-40684, CVE-2026-40686: libspf2 and Exim trusted what DNS said. Here answers
/// of the wrong type, with octets of every kind, are passed over, and a lookup that gives nothing else is void.
#[test]
fn cve_2023_42118_42119_2026_40684_40686_malformed_answers() {
    let odd = |octets: &[u8]| Record::Txt(octets.to_vec().into());
    let lying = |q: &Question, record: &str| -> Reply {
        Ok(match q.name.as_str() {
            "example.org" => Answer::new([
                Record::A("192.0.2.7".parse().unwrap()),
                odd(b""),
                odd(b"\xff\xfe"),
                odd(b"v=spf"),
                odd(record.as_bytes()),
            ]),
            _ => Answer::new([odd(b"192.0.2.7"), Record::Aaaa("::1".parse().unwrap()), Record::Mx(0, None)]),
        })
    };
    let record = "v=spf1 a:h.example.org mx:h.example.org ptr:h.example.org -all";
    let verdict = drive_blocking(check(), &|q: &Question| lying(q, record));
    assert_said(&verdict, "fail", "matched -all of example.org");
    let record = "v=spf1 a:h.example.org mx:h.example.org ptr:h.example.org exists:t.example.org -all";
    let verdict = drive_blocking(check(), &|q: &Question| lying(q, record));
    assert_said(&verdict, "permerror", "more than 2 void lookups, at exists:t.example.org of example.org");
    let malformed = |_: &Question| -> Reply { Err(LookupError::Malformed) };
    let verdict = drive_blocking(check(), &malformed);
    assert_said(&verdict, "temperror", "lookup of example.org TXT failed: malformed DNS answer");
}

/// CVE-2021-35525: a mebibyte of address.
#[test]
fn cve_2021_35525_long_addresses() {
    let start = Instant::now();
    let long = format!("{}@example.org", "a-".repeat(524_288));
    let record = format!("v=spf1 exists:{} -all", "%{lr-}".repeat(80));
    let check = SpfCheck::mail_from("192.0.2.7".parse().unwrap(), &long, &long, SystemTime::UNIX_EPOCH);
    let verdict = drive_blocking(check, &zone(&[(DOMAIN, &record)]));
    assert_eq!(said(&verdict).0, "permerror");
    assert!(matches!(verdict.cause(), Some(Cause::TooManyMacroBytes(over)) if over.limit() == 1_048_576));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(verdict.entry().to_string().len() < 1000);
    assert!(verdict.received_spf(None).to_field().lines().all(|line| line.len() < 998));
}

/// CVE-2024-7208, CVE-2024-7209 (CERT VU#244112): tenants of one operator pass for each other.
#[test]
fn cve_2024_7208_7209_shared_includes() {
    let dns = zone(&[
        (DOMAIN, "v=spf1 include:_spf.host.example -all"),
        ("_spf.host.example", "v=spf1 ip4:192.0.2.0/24 -all"),
    ]);
    let report = drive_blocking(Audit::new(DOMAIN.parse().unwrap()), &dns);
    let shown: Vec<_> = report.findings().iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "note: example.org: include:_spf.host.example: lets every customer of _spf.host.example send for this domain unless it \
         keeps them apart (CERT VU#244112)"
        ]
    );
}

/// BreakSPF (NDSS 2024): records that admit the ranges of clouds, or everyone.
#[test]
fn breakspf_ranges() {
    for (record, id) in [
        ("v=spf1 ip4:10.0.0.0/8 -all", "huge-network"),
        ("v=spf1 ip4:10.0.0.0/15 -all", "huge-network"),
        ("v=spf1 ip6:2001:db00::/24 -all", "huge-network"),
        ("v=spf1 a:cdn.example/12 -all", "huge-network"),
        ("v=spf1 ip4:0.0.0.0/0 -all", "every-address"),
        ("v=spf1 +all", "pass-all"),
        ("v=spf1 ?all", "neutral-all"),
        ("v=spf1 ptr -all", "ptr"),
    ] {
        let ids: Vec<_> = lint(record.as_bytes()).iter().map(|finding| finding.id()).collect();
        assert_eq!(ids, [id], "{record}");
    }
}

/// mail-auth 0.9.1 wrote line ends from the envelope into header fields.
#[test]
fn mail_auth_0_9_1_header_injection() {
    let hostile = "a\r\nSubject: x@example.org";
    let check =
        SpfCheck::mail_from("192.0.2.7".parse().unwrap(), hostile, "h\r\nX: y", SystemTime::UNIX_EPOCH);
    let verdict = drive_blocking(check, &zone(&[(DOMAIN, "v=spf1 -all")]));
    assert_eq!(said(&verdict).0, "fail");
    let fields = [
        verdict.entry().to_string(),
        verdict.received_spf(Some("r\r\nZ: z")).to_string(),
        verdict.received_spf_of_policyd(hostile, Some("r\r\nZ: z")).to_string(),
    ];
    for field in fields {
        assert!(!field.contains(['\r', '\n']), "{field}");
    }
}

#[test]
fn expanded_names_lose_labels_from_the_left() {
    let label = "x".repeat(62);
    let sender = format!("{label}.{label}.{label}.{label}.{label}@example.org");
    let check = SpfCheck::mail_from("192.0.2.7".parse().unwrap(), &sender, "h", SystemTime::UNIX_EPOCH);
    let name = check.expand(&"%{l}.%{d}".parse().unwrap(), &"example.org".parse().unwrap(), None).unwrap();
    assert_eq!(name.as_str(), format!("{label}.{label}.{label}.example.org"));
    assert!(name.as_str().len() <= 253);
    // A label of more than 63 octets is no name, and no match.
    let sender = format!("{}@example.org", "x".repeat(64));
    let check = SpfCheck::mail_from("192.0.2.7".parse().unwrap(), &sender, "h", SystemTime::UNIX_EPOCH);
    assert!(check.expand(&"%{l}.%{d}".parse().unwrap(), &"example.org".parse().unwrap(), None).is_err());
    let dns = zone(&[(DOMAIN, "v=spf1 a:%{l}.%{d} include:%{l}.%{d} -all")]);
    assert_said(
        &drive_blocking(check, &dns),
        "permerror",
        "no valid domain name in include:%{l}.%{d} of example.org: domain label is longer than 63 bytes",
    );
}

#[test]
fn empty_labels() {
    assert_said(&one("v=spf1 a:a..example.org -all"), "fail", "matched -all of example.org");
    assert_said(
        &one("v=spf1 redirect=a..example.org"),
        "permerror",
        "no valid domain name in redirect=a..example.org of example.org: domain name has an empty label",
    );
    for sender in ["a@example..org", "a@.org", "a@.", "a@", "@", "a@.example.org"] {
        let check =
            SpfCheck::mail_from("192.0.2.7".parse().unwrap(), sender, "h.example", SystemTime::UNIX_EPOCH);
        assert_eq!(said(&drive_blocking(check, &Zone::new())).0, "none", "{sender}");
    }
}

#[test]
fn identities() {
    let dns = zone(&[
        (DOMAIN, "v=spf1 ip4:192.0.2.7 -all"),
        ("xn--bcher-kva.example", "v=spf1 ip4:192.0.2.7 -all"),
    ]);
    for (sender, shown) in [
        ("user@example.org", "user@example.org"),
        ("<user@Example.ORG>", "user@Example.ORG"),
        ("user@example.org.", "user@example.org"),
        ("@example.org", "postmaster@example.org"),
        ("example.org", "postmaster@example.org"),
        ("<>", "postmaster@example.org"),
        ("", "postmaster@example.org"),
        ("@relay.example,@b.example:user@example.org", "user@example.org"),
        ("\"a@b\"@example.org", "\"a@b\"@example.org"),
        #[cfg(feature = "idna")]
        ("user@B\u{fc}cher.example", "user@xn--bcher-kva.example"),
    ] {
        let check = SpfCheck::mail_from(
            "::ffff:192.0.2.7".parse().unwrap(),
            sender,
            "example.org",
            SystemTime::UNIX_EPOCH,
        );
        let verdict = drive_blocking(check, &dns);
        assert_eq!(said(&verdict).0, "pass", "{sender}");
        assert_eq!(verdict.sender(), shown.as_bytes());
        assert_eq!(verdict.ip().to_string(), "192.0.2.7");
    }
    for helo in ["[192.0.2.7]", "localhost", "", "a b.example", "-", "\u{ff}"] {
        let verdict =
            drive_blocking(SpfCheck::helo("192.0.2.7".parse().unwrap(), helo, SystemTime::UNIX_EPOCH), &dns);
        assert_eq!(said(&verdict).0, "none", "{helo}");
    }
}

/// RFC 8616 §4
#[test]
fn non_ascii_local_parts_match_nothing() {
    let dns = zone(&[(
        DOMAIN,
        "v=spf1 exists:%{l}.x.example include:%{S}.x.example a:%{o} -all exp=%{l}.x.example",
    )])
    .with_address(DOMAIN, "192.0.2.7".parse().unwrap())
    .unwrap();
    let check = SpfCheck::mail_from(
        "192.0.2.7".parse().unwrap(),
        "b\u{fc}ro@example.org",
        "h",
        SystemTime::UNIX_EPOCH,
    );
    assert_said(&drive_blocking(check.clone(), &dns), "pass", "matched a:%{o} of example.org");
    let dns = zone(&[(DOMAIN, "v=spf1 redirect=%{l}.x.example")]);
    assert_eq!(said(&drive_blocking(check, &dns)).0, "permerror");
}

#[test]
fn loops() {
    assert_said(
        &judge(&[(DOMAIN, "v=spf1 include:example.org -all")]),
        "permerror",
        "more than 10 terms with lookups, at include:example.org of example.org",
    );
    assert_said(
        &judge(&[
            (DOMAIN, "v=spf1 include:a.example -all"),
            ("a.example", "v=spf1 redirect=b.example"),
            ("b.example", "v=spf1 include:a.example"),
        ]),
        "permerror",
        "more than 10 terms with lookups, at include:a.example of b.example",
    );
    assert_said(
        &judge(&[(DOMAIN, "v=spf1 redirect=example.org")]),
        "permerror",
        "more than 10 terms with lookups, at redirect=example.org of example.org",
    );
    // However many terms are allowed, the depth is bounded.
    let check = check().with_limits(Limits::default().with_max_terms(255).with_max_queries(u16::MAX));
    let verdict = drive_blocking(check, &zone(&[(DOMAIN, "v=spf1 include:example.org -all")]));
    assert_eq!((said(&verdict).0.as_str(), verdict.lookups()), ("permerror", 32));
    // An alias that leads to itself is the resolver's to find.
    let dns = Zone::new()
        .with_cname(DOMAIN, "b.example")
        .and_then(|dns| dns.with_cname("b.example", DOMAIN))
        .unwrap();
    assert_said(
        &drive_blocking(self::check(), &dns),
        "temperror",
        "lookup of example.org TXT failed: DNS server failure",
    );
}

/// Every error at every depth of a chain of includes is a temperror that names the place.
#[test]
fn failing_lookups_at_every_depth() {
    let names: Vec<String> =
        (0..=10).map(|n| if n == 0 { DOMAIN.to_owned() } else { format!("d{n}.example") }).collect();
    for error in [LookupError::Timeout, LookupError::ServerFailure, LookupError::Malformed] {
        for depth in 0..=10 {
            let mut dns = Zone::new();
            for (name, next) in names.iter().zip(&names[1..]).take(depth) {
                dns = dns.with_txt(name, format!("v=spf1 include:{next} -all")).unwrap();
            }
            let failing = names[depth].as_str();
            let dns = dns.with_error(failing, error.clone()).unwrap();
            let verdict = drive_blocking(check().with_trace(true), &dns);
            let at = match depth {
                0 => String::new(),
                _ => format!(", at include:{failing} of {}", names[depth - 1]),
            };
            assert_said(&verdict, "temperror", &format!("lookup of {failing} TXT failed{at}: {error}"));
            assert_eq!(verdict.lookups(), depth as u16);
            assert!(verdict.trace().unwrap().to_string().starts_with("example.org: temperror\n"));
        }
    }
    for (record, question) in [("a", "A"), ("mx", "MX"), ("exists:example.org", "A"), ("mx:m.example", "A")] {
        let mut dns =
            zone(&[(DOMAIN, &format!("v=spf1 {record} -all"))]).with_mx("m.example", 1, "e.example").unwrap();
        dns.set_error(DOMAIN.parse().unwrap(), LookupError::Timeout);
        let dns = dns.with_error("e.example", LookupError::Timeout).unwrap();
        let verdict = drive_blocking(check(), &dns);
        let name = if record.ends_with("m.example") { "e.example" } else { DOMAIN };
        let reason =
            format!("lookup of {name} {question} failed, at {record} of example.org: DNS lookup timed out");
        assert_said(&verdict, "temperror", &reason);
    }
}

/// RFC 7208 §5.5: errors of PTR lookups are no match, errors of a name's address skip the name.
#[test]
fn errors_of_ptr_are_no_match() {
    let reverse = "7.2.0.192.in-addr.arpa";
    let failing =
        zone(&[(DOMAIN, "v=spf1 ptr -all")]).with_error(reverse, LookupError::ServerFailure).unwrap();
    assert_said(&drive_blocking(check(), &failing), "fail", "matched -all of example.org");
    let ip = "192.0.2.7".parse().unwrap();
    let skipped = zone(&[(DOMAIN, "v=spf1 ptr -all")])
        .with_ptr(ip, "bad.example.org")
        .and_then(|dns| dns.with_error("bad.example.org", LookupError::Timeout))
        .and_then(|dns| dns.with_ptr(ip, "good.example.org"))
        .and_then(|dns| dns.with_address("good.example.org", ip))
        .unwrap();
    let verdict = drive_blocking(check(), &skipped);
    assert_said(&verdict, "pass", "matched ptr of example.org");
    assert_eq!(verdict.ttl(), Some(Duration::ZERO));
}

#[test]
fn records_of_every_size_and_octet() {
    let long = format!("v=spf1 {}ip4:192.0.2.7 -all", "ip4:198.51.100.0/24 ".repeat(50_000));
    assert!(long.len() > 1_000_000);
    assert_said(&one(&long), "pass", "matched ip4:192.0.2.7 of example.org");
    let word = format!("v=spf1 {} -all", "x".repeat(1 << 20));
    let reason = format!(
        "SPF record of example.org has a syntax error: unknown mechanism at offset 7 in {}",
        "x".repeat(100)
    );
    assert_said(&one(word), "permerror", &reason);
    for octet in (0..=255).filter(|octet| *octet != b' ' && *octet != b'x') {
        for record in [
            [b"v=spf1 a:ex", &[octet][..], b"ample.org -all"].concat(),
            [&b"v=spf1 ip4:192.0.2.1"[..], &[octet], b" -all"].concat(),
            [&b"v=spf1 "[..], &[octet], b"all"].concat(),
            [&b"v=spf1"[..], &[octet], b" -all"].concat(),
        ] {
            let verdict = one(&record);
            said(&verdict);
            if !(b'!'..=b'~').contains(&octet) && record.starts_with(b"v=spf1 ") {
                assert_eq!(verdict.result().as_str(), "permerror", "{}", record.escape_ascii());
            }
        }
    }
    assert_eq!(syntax(b"v=spf1 a:example.org\0 -all"), "byte other than visible ASCII");
    assert_eq!(syntax(b"v=spf1 x=\x80 -all"), "byte other than visible ASCII");
    assert_eq!(syntax(b"v=spf1 ip4:192.0.2.1\t-all"), "invalid IPv4 network");
    for (text, advice) in [
        (&b"v=spf1\t-all"[..], "v=spf1?-all: put a space, not a tab, behind v=spf1"),
        (b"v=spf10 -all", "v=spf10 -all: begin it with v=spf1 and a space; there is no other version"),
    ] {
        assert_said(&one(text), "none", &format!("no SPF record at example.org, but {advice}"));
    }
    assert_said(&one(b"V=SpF1   -ALL  "), "fail", "matched -ALL of example.org");
}

#[test]
fn several_records() {
    let dns =
        zone(&[(DOMAIN, "v=spf1 +all"), (DOMAIN, "v=spf1 +all"), (DOMAIN, "other"), (DOMAIN, "v=spf1 moo")]);
    assert_said(&drive_blocking(check(), &dns), "permerror", "3 SPF records at example.org");
}
