//! The way of RFC 7489, with a public suffix list.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal_dmarc::{
    DmarcCheck, Identifiers, LocalPolicy, PublicSuffixList,
    publish::{Authorization, ReportAuthorization},
};
use waxseal_dns::{DomainName, LookupError, Zone};

/// `com`, `example` and `co.uk` are public suffixes.
#[derive(Debug)]
struct Three;

impl PublicSuffixList for Three {
    fn organizational_domain(&self, name: &DomainName) -> DomainName {
        let labels = if name.as_str().ends_with("co.uk") { 3 } else { 2 };
        let mut name = name.clone();
        while name.label_count() > labels {
            name = name.parent().unwrap();
        }
        name
    }
}

fn local() -> LocalPolicy {
    LocalPolicy::default().with_public_suffix_list(Three)
}

fn old(input: Identifiers, dns: &Zone) -> (waxseal_dmarc::Verdict, Vec<String>) {
    drive(DmarcCheck::new(input).with_local_policy(local()), dns)
}

#[test]
fn two_questions_at_most() {
    let dns = zone(&[
        ("mail.example.com", "v=DMARC1; p=none"),
        ("example.com", "v=DMARC1; p=reject; sp=quarantine"),
    ]);
    let (verdict, asked) = old(author("a.mail.example.com").dkim("b.example.com"), &dns);
    assert_eq!(asked, ["_dmarc.a.mail.example.com", "_dmarc.example.com"]);
    assert_eq!(said(&verdict), ("pass", Some("quarantine"), Some("example.com")));
    assert_eq!(
        verdict.author().and_then(|author| author.organizational_domain()),
        Some(&name("example.com"))
    );
    let (verdict, asked) = old(author("mail.example.com").spf("example.com"), &dns);
    assert_eq!(asked, ["_dmarc.mail.example.com"]);
    assert_eq!(said(&verdict), ("pass", Some("none"), Some("mail.example.com")));
    let dns = zone(&[("com", "v=DMARC1; p=reject")]);
    assert_eq!(said(&old(author("example.com"), &dns).0), ("none", None, None));
}

#[test]
fn siblings_below_a_public_suffix() {
    let dns = zone(&[("a.co.uk", "v=DMARC1; p=reject"), ("b.co.uk", "v=DMARC1; p=none")]);
    assert_eq!(word(&old(author("a.co.uk").dkim("b.co.uk"), &dns).0), "fail");
    assert_eq!(word(&old(author("a.co.uk").dkim("x.a.co.uk"), &dns).0), "pass");
    assert_eq!(word(&old(author("a.co.uk").dkim("co.uk"), &dns).0), "fail");
}

#[test]
fn new_tags_are_unknown_and_pct_counts() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject; np=none; t=y; psd=n")]);
    assert_eq!(
        said(&old(author("ghost.example.com"), &dns).0),
        ("fail", Some("reject"), Some("example.com"))
    );
    let dns = zone(&[("example.com", "v=DMARC1; p=reject; np=foo")]);
    assert_eq!(said(&old(author("example.com"), &dns).0), ("fail", Some("reject"), Some("example.com")));
    for (pct, policy) in [("0", "quarantine"), ("1", "reject"), ("100", "reject"), ("500", "reject")] {
        let dns = zone(&[("example.com", &format!("v=DMARC1; p=reject; pct={pct}"))]);
        assert_eq!(said(&old(author("example.com"), &dns).0).1, Some(policy), "{pct}");
        assert_eq!(said(&judge(author("example.com"), &dns)).1, Some("reject"), "{pct}");
    }
}

/// §6.6.3, step 5: several records end the search.
#[test]
fn several_records_end_the_search() {
    let dns = zone(&[
        ("mail.example.com", "v=DMARC1; p=none"),
        ("mail.example.com", "v=DMARC1; p=none"),
        ("example.com", "v=DMARC1; p=reject"),
    ]);
    let (verdict, asked) = old(author("mail.example.com"), &dns);
    assert_eq!((said(&verdict), asked.len()), (("none", None, None), 1));
}

#[test]
fn failed_lookups() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject")])
        .with_error("_dmarc.mail.example.com", LookupError::Timeout)
        .unwrap();
    assert_eq!(word(&old(author("mail.example.com").dkim("example.com"), &dns).0), "temperror");
    assert_eq!(word(&old(author("example.com").dkim("mail.example.com"), &dns).0), "pass");
}

#[test]
fn reports_go_by_the_list_too() {
    let check = ReportAuthorization::for_aggregate_reports(
        name("a.example.com"),
        "mailto:d@example.com".parse().unwrap(),
    );
    let (authorization, asked) = drive(check.with_local_policy(&local()), &zone(&[]));
    assert_eq!((authorization, asked.len()), (Authorization::Internal, 0));
}

#[cfg(feature = "psl")]
#[test]
fn the_built_in_list() {
    use waxseal_dmarc::BuiltInSuffixes;
    for (domain, organization) in [
        ("a.b.example.com", "example.com"),
        ("example.com", "example.com"),
        ("com", "com"),
        ("a.b.example.co.uk", "example.co.uk"),
        ("a.b.user.github.io", "user.github.io"),
        ("a.b.city.kawasaki.jp", "city.kawasaki.jp"),
        ("a.b.c.kawasaki.jp", "b.c.kawasaki.jp"),
        ("a.b.example.公司.cn", "example.xn--55qx5d.cn"),
        ("a.b.unknown-suffix", "b.unknown-suffix"),
    ] {
        assert_eq!(BuiltInSuffixes.organizational_domain(&name(domain)), name(organization), "{domain}");
    }
    let dns = zone(&[("example.co.uk", "v=DMARC1; p=reject")]);
    let local = LocalPolicy::default().with_public_suffix_list(BuiltInSuffixes);
    assert_eq!(word(&judge_by(local, author("a.example.co.uk").dkim("b.example.co.uk"), &dns)), "pass");
}
