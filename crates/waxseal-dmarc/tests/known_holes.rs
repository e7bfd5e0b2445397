//! What other libraries are known to get wrong, each by its name.

mod common;

use common::*;
use waxseal_dmarc::{Alignment, DomainPolicy, Record, publish::lint};
use waxseal_dns::LookupError;

fn policy(records: &[(&str, &str)], from: &str) -> (&'static str, Option<DomainPolicy>) {
    let verdict = judge(author(from), &zone(records));
    (word(&verdict), verdict.policy())
}

/// mail-auth 0.15.1 takes the first; RFC 9989 §4.10 discards all.
#[test]
fn two_records_at_one_name_are_both_discarded() {
    let two = [("example.org", "v=DMARC1; p=reject"), ("example.org", "v=DMARC1; p=reject")];
    assert_eq!(policy(&two, "example.org"), ("none", None));
}

/// mail-auth 0.15.1 drops each of these records; RFC 9989 §4.8 wants the default of the one tag.
#[test]
fn a_bad_value_of_one_tag_does_not_kill_the_record() {
    let rejects = Some(DomainPolicy::Reject);
    for bad in [
        "adkim=x",
        "aspf=relaxed",
        "fo=zz",
        "fo=0:1",
        "psd=maybe",
        "t=true",
        "pct=500",
        "ri=x",
        "rf=0",
        "rua=x",
    ] {
        let record = format!("v=DMARC1; p=reject; {bad}");
        assert_eq!(policy(&[("example.org", &record)], "example.org"), ("fail", rejects), "{bad}");
        let parsed = Record::parse(record.as_bytes()).unwrap();
        let spans: Vec<_> = lint(record.as_bytes()).iter().filter_map(|finding| finding.span()).collect();
        assert_eq!((spans.len(), spans[0].start >= 20), (1, true), "{bad}");
        assert_eq!(
            (parsed.dkim_alignment(), parsed.spf_alignment()),
            (Alignment::Relaxed, Alignment::Relaxed)
        );
    }
}

/// mail-auth 0.15.1 drops these as well; RFC 9989 §4.10.1 wants p=none where reports are asked for.
#[test]
fn a_bad_policy_with_rua_is_none() {
    for record in
        ["v=DMARC1; p=foo; rua=mailto:d@example.org", "v=DMARC1; p=reject; sp=foo; rua=mailto:d@example.org"]
    {
        assert_eq!(
            policy(&[("example.org", record)], "example.org"),
            ("fail", Some(DomainPolicy::None)),
            "{record}"
        );
    }
}

/// In mail-auth 0.15.1 the error of a record above ends the evaluation of the good one below.
#[test]
fn a_broken_record_above_does_not_spoil_a_good_one_below() {
    for broken in ["v=DMARC1; p=foo", "v=DMARC1; p=none; adkim=x", "v=DMARC1; =;;; fo", "v=DMARC2; p=none"] {
        let records = [("mail.example.org", "v=DMARC1; p=reject"), ("example.org", broken)];
        assert_eq!(policy(&records, "mail.example.org"), ("fail", Some(DomainPolicy::Reject)), "{broken}");
        let verdict = judge(author("mail.example.org").dkim("example.org"), &zone(&records));
        assert_eq!(word(&verdict) == "pass", !broken.starts_with("v=DMARC2"), "{broken}");
    }
}

/// mail-auth 0.15.1 accepts both without a word. The first counts, and a warning says so.
#[test]
fn duplicate_tags_are_told_of() {
    let record = Record::parse(b"v=DMARC1; p=reject; p=none; v=DMARC2").unwrap();
    assert_eq!(record.policy(), Some(DomainPolicy::Reject));
    let findings = lint(b"v=DMARC1; p=reject; p=none; v=DMARC2");
    let twice = findings.iter().filter(|finding| finding.id() == "duplicate-tag");
    assert_eq!(twice.map(|finding| finding.span().unwrap()).collect::<Vec<_>>(), [20..26, 28..36]);
}

/// mail-auth 0.15.1 gives an empty result for two different authors, and the caller has to notice.
#[test]
fn two_authors_are_not_an_empty_result() {
    let dns = zone(&[("bank.example", "v=DMARC1; p=reject"), ("evil.example", "v=DMARC1; p=none")]);
    let two = waxseal_dmarc::Identifiers::with_authors([name("evil.example"), name("bank.example")])
        .dkim("evil.example");
    assert_fails_closed(&judge(two, &dns));
}

/// mail-auth 0.15.1 never asks the top: a single label can hold the record of a Public Suffix Domain.
#[test]
fn single_labels_are_asked() {
    let records = [("bank", "v=DMARC1; p=reject; psd=y")];
    assert_eq!(policy(&records, "giant.bank"), ("fail", Some(DomainPolicy::Reject)));
    assert_eq!(policy(&records, "bank"), ("fail", Some(DomainPolicy::Reject)));
}

/// OpenDMARC first took a walk without psd tags for no record at all.
#[test]
fn a_walk_without_psd_tags_finds_plain_records() {
    assert_eq!(
        policy(&[("example.org", "v=DMARC1; p=reject")], "a.b.example.org"),
        ("fail", Some(DomainPolicy::Reject))
    );
}

/// mailauth 8.0.5: silence where DMARC did not apply hid why.
#[test]
fn nothing_is_passed_over_in_silence() {
    let mut dns = zone(&[]);
    dns.set_error(name("_dmarc.example.org"), LookupError::ServerFailure);
    for (from, said) in [("example.org", "dmarc=temperror reason="), ("example.net", "dmarc=none ")] {
        assert!(judge(author(from), &dns).entry().to_string().starts_with(said));
    }
}

#[test]
fn lint_says_what_to_do() {
    for (record, first) in [
        ("v=DMARC1; p=reject; rua=mailto:d@example.org", None),
        (
            "v=dmarc1; p=reject",
            Some("error: not a DMARC record, receivers ignore it: write DMARC1 in upper case"),
        ),
        (
            " v=DMARC1; p=reject",
            Some("error: not a DMARC record, receivers ignore it: remove the blank in front"),
        ),
        (
            "v=DMARC1 p=reject",
            Some("error: not a DMARC record, receivers ignore it: put a semicolon behind v=DMARC1"),
        ),
        ("p=reject; v=DMARC1", Some("error: not a DMARC record, receivers ignore it: put v=DMARC1 first")),
        ("v=spf1 -all", Some("error: not a DMARC record, receivers ignore it: begin it with v=DMARC1;")),
        (
            "\"v=DMARC1; p=reject\"",
            Some(
                "error: not a DMARC record, receivers ignore it: remove the quotes, which only zone files need",
            ),
        ),
        (
            "_dmarc.a.example. 3600 IN TXT ( \"v=DMARC1; p=reject\" )",
            Some(
                "error: not a DMARC record, receivers ignore it: give the text alone, without the name, the type and the \
                 quotes of a zone file",
            ),
        ),
        (
            "v=DMARC1; p=reject; rua=mailto:d@a.example,ftp://a.example/d",
            Some(
                "warning: ftp://a.example/d: receivers have to support mailto: alone, few send to ftp: addresses",
            ),
        ),
        ("v=DMARC1", Some("error: no valid p= and no valid rua=: receivers ignore the record, add p=")),
        (
            "v=DMARC1; rua=mailto:d@a.example",
            Some("warning: no valid p=: receivers act as if p=none, add p="),
        ),
        ("v=DMARC1; p=reject", Some("warning: no valid rua=: nobody reports who sends mail as this domain")),
        (
            "v=DMARC1; p=rejct; rua=mailto:d@a.example",
            Some(
                "error: rejct: value of p= is not valid, so receivers act as if p=none, and without a valid rua= ignore \
                 the record: use none, quarantine or reject: write reject",
            ),
        ),
        (
            "v=DMARC1; p=reject; sp=none; rua=mailto:d@a.example",
            Some("warning: sp=none: is weaker than p=: subdomains can be abused more easily"),
        ),
        (
            "v=DMARC1; p=reject; pct=0; rua=mailto:d@a.example",
            Some("warning: pct=0: was removed by RFC 9989, and receivers apply the policy: write t=y"),
        ),
        (
            "v=DMARC1; p=none; rua=mailto:d@a.example",
            Some("note: p=none: asks for nothing: mail that fails is delivered"),
        ),
        (
            "v=DMARC1; p=reject; t=y; rua=mailto:d@a.example",
            Some("note: t=y: receivers apply the policy one level lower"),
        ),
        (
            "v=DMARC1; p=reject; fo=1; rua=mailto:d@a.example",
            Some("note: fo=1: is ignored without a valid ruf="),
        ),
        (
            "v=DMARC1; p=reject; psd=y; rua=mailto:d@a.example",
            Some("note: psd=y: is for registries: every domain below counts as an organization of its own"),
        ),
        // The gravest first, wherever it stands; a mild pct= is a note.
        (
            "v=DMARC1; p=reject; pct=50; psd=y; adkim=x",
            Some("warning: x: value of adkim= is not valid, and receivers use the default: use r or s"),
        ),
        (
            "v=DMARC1; p=reject; pct=50; rua=mailto:d@a.example",
            Some("note: pct=50: was removed by RFC 9989: remove it"),
        ),
    ] {
        let findings = lint(record.as_bytes());
        assert!(findings.is_sorted_by(|a, b| a.severity() >= b.severity()), "{record}");
        assert_eq!(findings.first().map(ToString::to_string).as_deref(), first, "{record}");
        assert!(findings.iter().all(|finding| finding.to_string().is_ascii()));
    }
    // Below none there is nothing to lower to.
    assert_eq!(lint(b"v=DMARC1; p=none; t=y; rua=mailto:d@a.example").len(), 1);
}

#[test]
fn advice_says_what_to_write_instead() {
    for (tags, advice) in [
        ("adkim=x", "warning: x: value of adkim= is not valid, and receivers use the default: use r or s"),
        ("adkim=strict", "use r or s: write s"),
        ("t=Yes", "use y or n: write y"),
        ("apf=s", "warning: apf: unknown tag, receivers ignore it: remove it: write aspf"),
        (
            "ADKIM=s",
            "note: ADKIM: name of the tag is not in lower case, and some receivers may not know it: write adkim",
        ),
        ("rua=d@a.example", "mailto: is missing, and no reports are sent there: write mailto:d@a.example"),
        ("rua=mailto:d@a.example!10m", "ignore them: remove it: write mailto:d@a.example"),
        ("ASPF=x", "use r or s"),
        ("fo=2", "use 0, 1, d or s, with colons between several"),
        ("psd=x", "use y, n or u"),
        ("t=1", "use y or n"),
        ("p=none", "warning: p=none: appears twice, and receivers use the first: remove one"),
        ("moo=1", "warning: moo: unknown tag, receivers ignore it: remove it"),
        ("moo", "not of the form tag=value, and receivers ignore it: correct or remove it"),
        ("rua=mailto:a@a.example ruf=mailto:b@a.example", "or a semicolon before the next tag"),
        (
            "rua=mailto:a@a.example,mailto:b@a.example mailto:c@a.example",
            "put a comma before the next address",
        ),
        ("rua=mailto:\u{e4}@a.example", "write it in percent-encoding"),
        (
            "rua=mailto:a@a.example!10x",
            "no size behind the exclamation point, and no reports are sent there: remove it",
        ),
        ("np=none, rua=mailto:a@a.example", "tags end with a semicolon, not with a comma"),
        ("np=non; rua=mailto:a@a.example,mailto:b@a.example", "use none, quarantine or reject"),
    ] {
        let record = format!("v=DMARC1; p=reject; {tags}");
        let findings = lint(record.as_bytes());
        assert!(
            findings.iter().any(|finding| finding.to_string().contains(advice)),
            "{record}: {findings:?}"
        );
    }
}
