//! What is counted, and where a count ends an evaluation (RFC 7208 §4.6.4); what verdicts tell of it.

use super::*;

#[test]
fn terms_with_lookups() {
    let nine = (1..=9).map(|n| format!("a:a{n}.example ")).collect::<String>();
    let many = |tail: &str| {
        let dns = (1..=10).fold(zone(&[(DOMAIN, &format!("v=spf1 {nine}{tail}"))]), |dns, n| {
            dns.with_address(&format!("a{n}.example"), "203.0.113.1".parse().unwrap()).unwrap()
        });
        drive_blocking(check(), &dns)
    };
    assert_said(&many("a:a10.example -all"), "fail", "matched -all of example.org");
    assert_eq!(many("a:a10.example -all").lookups(), 10);
    assert_said(
        &many("a:a10.example a -all"),
        "permerror",
        "more than 10 terms with lookups, at a of example.org",
    );
    // Behind a match nothing is counted.
    assert_said(&many("ip4:192.0.2.7 a a a -all"), "pass", "matched ip4:192.0.2.7 of example.org");
}

/// RFC 7208 §4.6.4: "When evaluating the "ptr" mechanism or the %{p} macro, the number of "PTR" resource records queried is
/// included in the overall limit of 10 mechanisms/modifiers that cause DNS lookups".
#[test]
fn the_ptr_lookup_of_the_macro_p_counts_once() {
    let client = "192.0.2.7".parse().unwrap();
    let judged = |record: &str| {
        let dns = (1..=9)
            .fold(zone(&[(DOMAIN, record), ("why.example", "%{p} is not welcome")]), |dns, n| {
                dns.with_address(&format!("a{n}.example"), "203.0.113.1".parse().unwrap()).unwrap()
            });
        let dns = ["mail.example.net", "mail.example.net.x.example", "mail.example.net.y.example"]
            .iter()
            .fold(dns, |dns, name| dns.with_address(name, client).unwrap())
            .with_ptr(client, "mail.example.net")
            .unwrap();
        let verdict = drive_blocking(check(), &dns);
        let report = drive_blocking(Audit::new(DOMAIN.parse().unwrap()), &dns);
        let counts = [
            usize::from(verdict.lookups()),
            report.lookups(),
            record.parse::<SpfRecord>().unwrap().lookups(),
        ];
        (verdict, counts)
    };
    let terms = |count: usize| (1..=count).map(|n| format!("a:a{n}.example ")).collect::<String>();

    // A term and its macro are two, further ones with the macro one each.
    let (verdict, counts) = judged("v=spf1 exists:%{p}.nothing.example ?include:%{p}.no.example -all");
    assert_eq!(verdict.result().as_str(), "permerror", "the include has no record");
    assert_eq!(counts, [3; 3]);
    let (verdict, counts) = judged("v=spf1 -a:%{p}.gone.example a:%{p}.x.example a:%{p}.y.example -all");
    assert_said(&verdict, "pass", "matched a:%{p}.x.example of example.org");
    assert_eq!(counts, [3, 4, 4], "a match ends the counting");

    // The tenth may be the macro's; the eleventh may not, although its term is the tenth.
    let (verdict, counts) = judged(&format!("v=spf1 {}a:%{{p}}.x.example -all", terms(8)));
    assert_said(&verdict, "pass", "matched a:%{p}.x.example of example.org");
    assert_eq!(counts, [10; 3]);
    let (verdict, counts) = judged(&format!("v=spf1 {}a:%{{p}}.x.example -all", terms(9)));
    assert_said(&verdict, "permerror", "more than 10 terms with lookups, at a:%{p}.x.example of example.org");
    assert_eq!(counts, [10, 11, 11]);
    let (verdict, counts) = judged(&format!("v=spf1 {}redirect=%{{p}}.x.example", terms(9)));
    assert_said(
        &verdict,
        "permerror",
        "more than 10 terms with lookups, at redirect=%{p}.x.example of example.org",
    );
    assert_eq!(counts, [10, 11, 11]);

    // "the "exp" modifier only causes a lookup at a later time".
    let (verdict, counts) = judged(&format!("v=spf1 {}a -all exp=why.example", terms(9)));
    assert_said(&verdict, "fail", "matched -all of example.org");
    assert_eq!(verdict.explanation(), Some("mail.example.net is not welcome"));
    assert_eq!(counts, [10; 3]);
    // What stands behind all is never evaluated.
    let (_, counts) = judged("v=spf1 a:a1.example -all a:%{p}.x.example redirect=%{p}.x.example");
    assert_eq!(counts, [1; 3]);
}

#[test]
fn void_lookups() {
    let verdict = one("v=spf1 a:n1.example exists:n2.example -all");
    assert_said(&verdict, "fail", "matched -all of example.org");
    assert_eq!((verdict.lookups(), verdict.void_lookups(), verdict.queries()), (2, 2, 3));
    assert_said(
        &one("v=spf1 a:n1.example exists:n2.example mx:n3.example -all"),
        "permerror",
        "more than 2 void lookups, at mx:n3.example of example.org",
    );
    let hosts = ["m1.example", "m2.example", "m3.example"];
    let dns = hosts
        .iter()
        .fold(zone(&[(DOMAIN, "v=spf1 mx -all")]), |dns, host| dns.with_mx(DOMAIN, 1, host).unwrap());
    assert_said(
        &drive_blocking(check(), &dns),
        "permerror",
        "more than 2 void lookups, at mx of example.org",
    );
    let lax = check().with_limits(Limits::default().with_max_void_lookups(3));
    assert_said(&drive_blocking(lax, &dns), "fail", "matched -all of example.org");
}

#[test]
fn mail_exchangers_and_names() {
    let with_hosts = |count: usize| {
        (0..count).fold(zone(&[(DOMAIN, "v=spf1 mx ptr -all")]), |dns, n| {
            let host = format!("m{n}.example.org");
            let dns = dns
                .with_mx(DOMAIN, 1, &host)
                .and_then(|dns| dns.with_ptr("192.0.2.7".parse().unwrap(), &host));
            dns.and_then(|dns| dns.with_address(&host, format!("203.0.113.{n}").parse().unwrap())).unwrap()
        })
    };
    let verdict = drive_blocking(check(), &with_hosts(10));
    assert_said(&verdict, "fail", "matched -all of example.org");
    assert_eq!(verdict.queries(), 1 + 1 + 10 + 1 + 10);
    assert_said(
        &drive_blocking(check(), &with_hosts(11)),
        "permerror",
        "11 mail exchangers, more than 10, for mx of example.org",
    );
    // The eleventh name of the client would match, and is not looked at.
    let limits = Limits::default().with_max_mx_names(99);
    let dns = with_hosts(10).with_ptr("192.0.2.7".parse().unwrap(), "last.example.org").unwrap();
    let dns = dns.with_address("last.example.org", "192.0.2.7".parse().unwrap()).unwrap();
    assert_said(&drive_blocking(check().with_limits(limits), &dns), "fail", "matched -all of example.org");
    let limits = limits.with_max_ptr_names(11);
    assert_said(&drive_blocking(check().with_limits(limits), &dns), "pass", "matched ptr of example.org");
    // RFC 7505: no mail exchanger at all, and no name to ask for.
    let dns = zone(&[(DOMAIN, "v=spf1 mx -all")]).with_mx(DOMAIN, 0, ".").unwrap();
    assert_eq!(drive_blocking(check(), &dns).void_lookups(), 0);
}

#[test]
fn queries() {
    let limits = Limits::default().with_max_queries(2);
    let verdict =
        drive_blocking(check().with_limits(limits), &zone(&[(DOMAIN, "v=spf1 a:n.example a -all")]));
    assert_said(&verdict, "permerror", "more than 2 DNS queries, at a of example.org");
    // A PTR lookup that fails does not match (RFC 7208 §5.5); one that may not be made is an error.
    let limits = Limits::default().with_max_queries(1);
    let verdict = drive_blocking(check().with_limits(limits), &zone(&[(DOMAIN, "v=spf1 ptr -all")]));
    assert_said(&verdict, "permerror", "more than 1 DNS queries, at ptr of example.org");
    let limits = Limits::default().with_max_queries(0);
    assert_said(
        &drive_blocking(check().with_limits(limits), &zone(&[])),
        "permerror",
        "more than 0 DNS queries",
    );
}

#[test]
fn the_deadline_of_the_caller() {
    let mut answers = Answers::new();
    let mut check = check();
    assert!(check.run(&mut answers).is_err());
    answers.take_wanted();
    answers.give_up();
    let verdict = check.run(&mut answers).unwrap();
    assert_said(&verdict, "temperror", "lookup of example.org TXT failed: DNS lookup timed out");
}

#[test]
fn explanations_are_short_ascii_and_optional() {
    let dns = zone(&[(DOMAIN, "v=spf1 -all exp=e.example"), ("e.example", "%{h} %{l}")]);
    let check = SpfCheck::mail_from(
        "192.0.2.7".parse().unwrap(),
        "b\u{fc}ro@example.org",
        "a\r\nb",
        SystemTime::UNIX_EPOCH,
    );
    let verdict = drive_blocking(check.clone(), &dns);
    assert_eq!(verdict.explanation(), Some("a??b b??ro"));
    let verdict =
        drive_blocking(check.clone().with_limits(Limits::default().with_max_explanation_bytes(4)), &dns);
    assert_eq!(verdict.explanation(), Some("a??b"));
    let verdict = drive_blocking(check.with_explanation(false), &dns);
    assert_eq!((verdict.explanation(), verdict.queries()), (None, 1));
    // Two texts, none, or a failing lookup: as if there were no exp.
    let two = zone(&[(DOMAIN, "v=spf1 -all exp=e.example"), ("e.example", "a"), ("e.example", "b")]);
    assert_eq!(drive_blocking(self::check(), &two).explanation(), None);
    let failing =
        zone(&[(DOMAIN, "v=spf1 -all exp=e.example")]).with_error("e.example", LookupError::Timeout).unwrap();
    let verdict = drive_blocking(self::check(), &failing);
    assert_eq!((verdict.result().as_str(), verdict.explanation()), ("fail", None));
    // Only the record that fails may explain: not the included one, and not the redirecting one.
    let dns = zone(&[
        (DOMAIN, "v=spf1 include:i.example redirect=r.example exp=wrong.example"),
        ("i.example", "v=spf1 -all exp=wrong.example"),
        ("r.example", "v=spf1 -all exp=right.example"),
        ("wrong.example", "wrong"),
        ("right.example", "right"),
    ]);
    assert_eq!(drive_blocking(self::check(), &dns).explanation(), Some("right"));
}

#[test]
fn smallest_ttl_and_weakest_dnssec() {
    let mut dns = zone(&[(DOMAIN, "v=spf1 include:i.example -all"), ("i.example", "v=spf1 a:h.example")]);
    let name = |text: &str| text.parse::<DomainName>().unwrap();
    let dns_of = |dns: &Zone| drive_blocking(check(), dns);
    for (domain, seconds, state) in [
        (DOMAIN, 300, Dnssec::Secure),
        ("i.example", 60, Dnssec::Insecure),
        ("h.example", 900, Dnssec::Secure),
    ] {
        dns.set_ttl(name(domain), Duration::from_secs(seconds));
        dns.set_dnssec(name(domain), state);
    }
    let dns = dns.with_address("h.example", "192.0.2.7".parse().unwrap()).unwrap();
    let verdict = dns_of(&dns);
    assert_said(&verdict, "pass", "matched include:i.example of example.org by a:h.example of i.example");
    assert_eq!((verdict.ttl(), verdict.dnssec()), (Some(Duration::from_secs(60)), Dnssec::Insecure));
    assert!(!verdict.depends_on_sender());
    let bogus = dns.with_dnssec("h.example", Dnssec::Bogus).unwrap();
    assert_said(
        &dns_of(&bogus),
        "temperror",
        "lookup of h.example A failed, at a:h.example of i.example: DNS server failure",
    );
    assert!(one("v=spf1 exists:%{l}.example").depends_on_sender());
}

/// RFC 8601 §2.7.2: the local-part is told only where a macro read it.
#[test]
fn the_entry_tells_what_was_looked_at() {
    for (record, value) in [
        ("v=spf1 ip4:192.0.2.0/24", "example.org"),
        ("v=spf1 exists:%{o}.%{h}.example", "example.org"),
        ("v=spf1 exists:%{l}.example", "user@example.org"),
        ("v=spf1 exists:%{s}.example", "user@example.org"),
    ] {
        let verdict = one(record);
        let entry = verdict.entry();
        let properties: Vec<_> =
            entry.properties().map(|property| (property.name(), property.value())).collect();
        assert_eq!(properties, [("mailfrom", value)], "{record}");
    }
}

/// Cold, a chain of ten includes takes a round for each record; the questions of one term are asked together, and with
/// prefetching those of the following terms too.
#[test]
fn rounds() {
    let rounds = |check: SpfCheck, dns: &Zone| {
        let (mut check, mut answers) = (check, Answers::new());
        loop {
            if let Ok(verdict) = check.run(&mut answers) {
                return (answers.rounds(), said(&verdict), verdict.lookups(), verdict.queries());
            }
            for question in answers.take_wanted() {
                let reply = dns.lookup(&question);
                answers.answer(question, reply);
            }
        }
    };
    let mut chain =
        zone(&[(DOMAIN, "v=spf1 include:d1.example -all"), ("d10.example", "v=spf1 ip4:192.0.2.7 -all")]);
    for n in 1..10 {
        chain = chain
            .with_txt(&format!("d{n}.example"), format!("v=spf1 include:d{}.example -all", n + 1))
            .unwrap();
    }
    assert_eq!(rounds(check(), &chain).0, 11);
    let mut wide = zone(&[(
        DOMAIN,
        "v=spf1 mx include:d1.example a:h.example ptr include:%{o}.d.example redirect=d2.example",
    )]);
    for n in 1..=10 {
        let host = format!("m{n}.example.org");
        wide = wide
            .with_mx(DOMAIN, n, &host)
            .and_then(|dns| dns.with_address(&host, "203.0.113.1".parse().unwrap()))
            .unwrap();
        wide = wide.with_ptr("192.0.2.7".parse().unwrap(), &host).unwrap();
    }
    for name in ["d1.example", "example.org.d.example"] {
        wide = wide.with_txt(name, "v=spf1 ip4:203.0.113.1 -all").unwrap();
    }
    let wide = wide.with_txt("d2.example", "v=spf1 ~all").unwrap();
    let wide = wide.with_address("h.example", "203.0.113.1".parse().unwrap()).unwrap();
    let plain = rounds(check(), &wide);
    // The record, the exchangers, all their addresses, d1, h, the names of the client (whose addresses are known), the
    // name with a macro, d2.
    assert_eq!(plain.0, 8);
    let ahead = rounds(check().with_prefetch(true), &wide);
    assert_eq!(ahead.0, 5);
    assert_eq!((ahead.1, ahead.2, ahead.3), (plain.1, plain.2, plain.3));
    // Nothing is asked ahead that the limit of terms would not allow.
    let many = (0..30).map(|n| format!("a:h{n}.example ")).collect::<String>();
    let (mut check, mut answers) = (check().with_prefetch(true), Answers::new());
    answers.answer(
        Question::txt(DOMAIN.parse().unwrap()),
        Ok(Answer::new([Record::Txt(format!("v=spf1 {many}").into())])),
    );
    assert!(check.run(&mut answers).is_err());
    assert_eq!(answers.take_wanted().len(), 10);
}
