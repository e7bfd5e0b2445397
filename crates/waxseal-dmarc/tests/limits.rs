//! Identifiers at and over the limits: a named outcome each, never unbounded work.

mod common;

use common::*;
use waxseal_authres::DkimResult;
use waxseal_dmarc::{
    Cause, Disposition, DmarcCheck, Found, Identifiers, LocalPolicy, Record,
    publish::{Authorization, ReportAuthorization, lint},
};
use waxseal_dns::{Answers, Check, LookupError, MAX_ROUNDS, Pending, Zone};

fn long_name(octets: usize) -> String {
    let label = "a".repeat(49);
    let name = [label.as_str(); 5].join(".");
    format!("{}.example", &name[name.len() + 8 - octets..])
}

/// `_dmarc.` in front makes a name of 247 octets one of 254.
#[test]
fn names_over_253_octets_with_the_prefix() {
    let fits = long_name(246);
    let long = long_name(247);
    assert_eq!((fits.len(), long.len()), (246, 247));
    let dns = zone(&[(&fits, "v=DMARC1; p=reject"), ("example", "v=DMARC1; p=quarantine")]);
    assert_eq!(said(&judge(author(&fits), &dns)), ("fail", Some("reject"), Some(&*fits)));
    let verdict = judge(author(&long), &dns);
    assert_eq!(verdict.authors()[0].path()[0].found(), &Found::NameTooLong);
    assert_eq!(verdict.authors()[0].path()[0].question(), None);
    // The record above still applies.
    assert_eq!(said(&verdict), ("fail", Some("quarantine"), Some("example")));
    assert!(verdict.explain().contains("name over 253 bytes, not asked"));
    // Nothing above: no record, and the path says why.
    assert_eq!(word(&judge(author(&long), &zone(&[]))), "none");
}

#[test]
fn two_hundred_labels_are_eight_questions() {
    let dns = zone(&[]);
    let (walk, asked) = walk(&"a.".repeat(120), &dns);
    assert_eq!((asked.len(), walk.steps().len()), (8, 8));
}

#[test]
fn identifiers_are_limited() {
    let dns = zone(&[("example.org", "v=DMARC1; p=reject")]);
    let many =
        (0..1_000).fold(author("example.org"), |input, n| input.dkim(&format!("a.b.c.{n}.d.example.org")));
    let local = LocalPolicy::default().with_max_identifiers(3);
    let (verdict, asked) =
        drive(DmarcCheck::new(many.clone().dkim("example.org")).with_local_policy(local), &dns);
    assert_eq!(verdict.authors()[0].identifiers().len(), 1_001);
    assert_eq!(
        verdict.authors()[0].identifiers()[3].reason(),
        "not compared, more than 3 identifiers need a tree walk"
    );
    assert_eq!(asked.len(), 2 + 3 * 4 + 1, "{asked:?}");
    // What is outside the organization takes no walk, so it is compared behind any number of others.
    let outside = many.clone().dkim("a.example.net").dkim("other.org");
    let identifiers = judge(outside, &dns).authors()[0].identifiers().to_vec();
    assert_eq!(identifiers[999].reason(), "not compared, more than 32 identifiers need a tree walk");
    assert_eq!(identifiers[1_000].reason(), "not aligned, not even the last label is the same");
    assert_eq!(identifiers[1_001].reason(), "not aligned, not below example.org");
    let (_, asked) = drive(DmarcCheck::new(many), &dns);
    assert!(asked.len() <= 8 * 33, "{}", asked.len());
}

/// Only a tree walk costs anything: what needs none has no limit and pushes nothing out.
#[test]
fn dead_signatures_do_not_push_a_good_one_out() {
    let dns =
        zone(&[("bank.example", "v=DMARC1; p=reject"), ("strict.example", "v=DMARC1; p=reject; adkim=s")]);
    let many = |input, add: fn(Identifiers, usize) -> Identifiers| (0..1_000).fold(input, add);
    for add in [
        // Not authenticated, such as rsa-sha1; another top-level domain; outside the organization.
        (|i, _| i.with_dkim(name("bank.example"), DkimResult::Policy))
            as fn(Identifiers, usize) -> Identifiers,
        |i, n| i.dkim(&format!("a{n}.test")),
        |i, n| i.dkim(&format!("a{n}.example")),
    ] {
        for good in ["bank.example", "mail.bank.example"] {
            let input = many(author("bank.example"), add).dkim(good);
            let (verdict, asked) = drive(DmarcCheck::new(input), &dns);
            assert_eq!(word(&verdict), "pass", "{good} {}", verdict.reason());
            assert!(asked.len() <= 4, "{asked:?}");
        }
    }
    // The author itself, behind more that need a walk than are walked from.
    let siblings =
        |i: Identifiers, n| i.with_dkim(name(&format!("a{n}.bank.example")), DkimResult::TempError);
    let (verdict, asked) =
        drive(DmarcCheck::new(many(author("bank.example"), siblings).dkim("bank.example")), &dns);
    assert_eq!(word(&verdict), "pass");
    assert!(asked.len() <= 2 + 32, "{}", asked.len());
    let strict = many(author("strict.example"), |i, n| i.dkim(&format!("a{n}.strict.example")));
    let (verdict, asked) = drive(DmarcCheck::new(strict.dkim("strict.example")), &dns);
    assert_eq!((word(&verdict), asked.len()), ("pass", 1));
    // A limit of its own for each method.
    let flood = many(author("bank.example"), siblings).spf("mail.bank.example");
    assert_eq!(word(&judge(flood, &dns)), "pass");
}

#[test]
fn authors_are_limited() {
    let authors = |n| waxseal_dmarc::Identifiers::with_authors((0..n).map(|n| name(&format!("{n}.example"))));
    let (verdict, asked) = drive(DmarcCheck::new(authors(5)), &zone(&[]));
    assert_eq!(
        (word(&verdict), asked.len(), verdict.disposition()),
        ("permerror", 6, Disposition::Quarantine)
    );
    let local = LocalPolicy::default().with_max_authors(5);
    let (verdict, asked) = drive(DmarcCheck::new(authors(5)).with_local_policy(local), &zone(&[]));
    assert_eq!((word(&verdict), asked.len()), ("none", 6));
}

/// RFC 9989 §11.5: the strictest policy among the authors, of whom at most eight are asked.
#[test]
fn of_more_authors_than_are_evaluated_the_strictest_policy_counts() {
    let authors = |n| Identifiers::with_authors((0..n).map(|n| name(&format!("a{n}.example"))));
    let local = LocalPolicy::default().with_reject_on_reject(true).with_invalid_from(Disposition::None);
    for (strict, with, disposition) in [
        ("a0.example", 5, Disposition::Reject),
        ("a4.example", 5, Disposition::Reject),
        ("a7.example", 40, Disposition::Reject),
        // The ninth is not asked.
        ("a8.example", 40, Disposition::None),
    ] {
        let dns = zone(&[(strict, "v=DMARC1; p=reject")]);
        let input = authors(with).dkim(strict);
        let (verdict, asked) = drive(DmarcCheck::new(input).with_local_policy(local.clone()), &dns);
        assert_eq!((word(&verdict), verdict.disposition()), ("permerror", disposition), "{strict}");
        assert_eq!(verdict.cause(), Some(&Cause::TooManyAuthors { count: with, limit: 4 }));
        assert_eq!((asked.len() <= 9, verdict.shown().len()), (true, with.min(8)), "{asked:?}");
    }
    // What is set for mail without a clear author is the least, whatever the domains ask for.
    let verdict = judge(authors(5), &zone(&[("a0.example", "v=DMARC1; p=none")]));
    assert_eq!(verdict.disposition(), Disposition::Quarantine);
    let failed = Zone::new().with_error("_dmarc.a3.example", LookupError::Timeout).unwrap();
    assert_eq!(judge(authors(5), &failed).disposition(), Disposition::Defer);
}

/// What can be asked together is asked together.
#[test]
fn rounds_are_few() {
    let dns = zone(&[("example.org", "v=DMARC1; p=reject; np=none"), ("example.net", "v=DMARC1; p=none")]);
    let input = waxseal_dmarc::Identifiers::with_authors([name("a.b.example.org"), name("c.d.example.net")])
        .dkim("x.y.example.org")
        .dkim("z.example.org")
        .spf("m.n.example.net");
    let mut check = DmarcCheck::new(input);
    let mut answers = Answers::new();
    let verdict = loop {
        match check.run(&mut answers) {
            Ok(verdict) => break verdict,
            Err(Pending) => {
                let wanted = answers.take_wanted();
                answers.extend(wanted.into_iter().map(|q| (q.clone(), dns.lookup(&q))));
            }
        }
    };
    assert_eq!(word(&verdict), "pass");
    // Four names of the authors, then two of the identifiers.
    assert_eq!(answers.rounds(), 6);
    assert!(answers.rounds() < MAX_ROUNDS);
    // Without any answer the check still ends.
    let mut nothing = Answers::new();
    nothing.give_up();
    assert_eq!(check.run(&mut nothing).map(|verdict| word(&verdict)), Ok("temperror"));
}

#[test]
fn records_of_64_kib() {
    for filler in
        [";", "=", "a", "p=none;", "rua=mailto:a@b.example,", "fo=0:", "x=y;", "\u{0}", "!", "mailto:,", "\\"]
    {
        let text =
            format!("v=DMARC1; p=reject; rua=mailto:d@example.org; {}", filler.repeat(65_536 / filler.len()));
        let record = Record::parse(text.as_bytes()).unwrap();
        assert!(lint(text.as_bytes()).len() <= 2 * 64 + 8);
        assert!(record.to_string().starts_with("v=DMARC1; p=reject; rua=mailto:d@example.org"));
    }
}

#[test]
fn tags_and_addresses_are_limited() {
    let text = format!("v=DMARC1; {}p=reject", "x=y;".repeat(63));
    let record = Record::parse(text.as_bytes()).unwrap();
    assert_eq!(record.policy(), None);
    let problems = |text: &str| -> Vec<(&str, String)> {
        lint(text.as_bytes()).iter().map(|finding| (finding.id(), finding.problem().to_owned())).collect()
    };
    let too_many = ("too-many-tags", "more than 64 tags, the rest is ignored".to_owned());
    assert!(problems(&text).contains(&too_many), "{:?}", problems(&text));
    let text = format!("v=DMARC1; {}p=reject", "x=y;".repeat(62));
    assert!(Record::parse(text.as_bytes()).unwrap().policy().is_some());
    let text = format!("v=DMARC1; p=reject; rua={}", "x,".repeat(32_000));
    let unread = problems(&text).into_iter().filter(|(id, _)| *id == "invalid-report-uri");
    assert_eq!(unread.count(), 2 * 64);
    let text = format!("v=DMARC1; p=reject; rua={}", ["mailto:a@b.example"; 65].join(","));
    let record = Record::parse(text.as_bytes()).unwrap();
    assert_eq!(record.aggregate_reports().len(), 64);
    assert_eq!(
        problems(&text),
        [("too-many-report-uris", "more than 64 addresses, the rest is ignored".to_owned())]
    );
}

/// RFC 9990 §4: "If the length of the constructed name exceed DNS limits, a positive determination ... cannot be made".
#[test]
fn report_hosts_with_names_too_long() {
    let check = ReportAuthorization::for_aggregate_reports(
        name(&long_name(240)),
        "mailto:a@host.test".parse().unwrap(),
    );
    assert_eq!(drive(check, &zone(&[])).0, Authorization::NameTooLong);
}
