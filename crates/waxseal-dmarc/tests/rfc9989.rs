//! The worked examples of RFC 9989 and the corners of its tree walk.

mod common;

use common::*;
use waxseal_authres::{DkimResult, SpfResult};
use waxseal_dmarc::{Found, Identifiers, LocalPolicy};
use waxseal_dns::{DomainName, LookupError};

/// §4.10: "a full DNS Tree Walk would require the following eight queries".
#[test]
fn deep_names_take_eight_questions() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject")]);
    let (walk, asked) = walk("a.b.c.d.e.f.g.h.i.j.mail.example.com", &dns);
    assert_eq!(
        asked,
        [
            "_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com",
            "_dmarc.g.h.i.j.mail.example.com",
            "_dmarc.h.i.j.mail.example.com",
            "_dmarc.i.j.mail.example.com",
            "_dmarc.j.mail.example.com",
            "_dmarc.mail.example.com",
            "_dmarc.example.com",
            "_dmarc.com",
        ]
    );
    assert_eq!(walk.organizational_domain().unwrap().domain, name("example.com"));
    assert_eq!(walk.steps().len(), 8);
}

/// §4.10.2, and J. Levine's clarification: plain records count when the walk ends without a psd tag.
#[test]
fn the_record_with_the_fewest_labels() {
    let dns = zone(&[
        ("mail.example.com", "v=DMARC1; p=reject"),
        ("example.com", "v=DMARC1; p=none; sp=quarantine"),
    ]);
    let (walk, asked) = walk("a.mail.example.com", &dns);
    assert_eq!(asked.len(), 4);
    let found = walk.organizational_domain().unwrap();
    assert_eq!((found.domain, found.rule), (name("example.com"), "the record with the fewest labels"));
    // §4.10.1: the record between the author and the Organizational Domain is not used.
    assert_eq!(
        said(&judge(author("a.mail.example.com"), &dns)),
        ("fail", Some("quarantine"), Some("example.com"))
    );
}

#[test]
fn psd_n_ends_the_walk() {
    let dns = zone(&[("mail.example.com", "v=DMARC1; p=reject; psd=n"), ("example.com", "v=DMARC1; p=none")]);
    let (walk, asked) = walk("a.mail.example.com", &dns);
    assert_eq!(asked, ["_dmarc.a.mail.example.com", "_dmarc.mail.example.com"]);
    let found = walk.organizational_domain().unwrap();
    assert_eq!((found.domain, found.rule), (name("mail.example.com"), "its record has psd=n"));
}

#[test]
fn the_policy_of_a_public_suffix() {
    let dns = zone(&[("com", "v=DMARC1; p=none; sp=reject; np=quarantine; psd=y")])
        .with_address("a.mail.example.com", "192.0.2.1".parse().unwrap())
        .unwrap();
    let (walk, asked) = walk("a.mail.example.com", &dns);
    assert_eq!(asked.len(), 4);
    let found = walk.organizational_domain().unwrap();
    assert_eq!((found.domain, found.rule), (name("example.com"), "the record above has psd=y"));
    assert_eq!(said(&judge(author("a.mail.example.com"), &dns)), ("fail", Some("reject"), Some("com")));
    assert_eq!(said(&judge(author("ghost.example.com"), &dns)), ("fail", Some("quarantine"), Some("com")));
    // "PSD policy is not used for Organizational Domains that have published a DMARC Policy Record."
    let dns = zone(&[("com", "v=DMARC1; p=reject; psd=y"), ("example.com", "v=DMARC1; p=none")]);
    assert_eq!(said(&judge(author("a.example.com"), &dns)), ("fail", Some("none"), Some("example.com")));
}

/// Appendix B.4.3.
#[test]
fn giant_bank() {
    let dns = zone(&[
        ("bank.example", "v=DMARC1; p=reject; psd=y"),
        ("giant.bank.example", "v=DMARC1; p=quarantine"),
    ]);
    assert_eq!(organization("giant.bank.example", &dns), "giant.bank.example");
    assert_eq!(organization("mail.giant.bank.example", &dns), "giant.bank.example");
    assert_eq!(organization("mail.mega.bank.example", &dns), "mega.bank.example");
    let all: Vec<_> = walk("mail.mega.bank.example", &dns).1;
    assert_eq!(all, ["_dmarc.mail.mega.bank.example", "_dmarc.mega.bank.example", "_dmarc.bank.example"]);

    let input = author("giant.bank.example").dkim("mail.mega.bank.example").spf("mail.giant.bank.example");
    let verdict = judge(input, &dns);
    assert_eq!(said(&verdict), ("pass", Some("quarantine"), Some("giant.bank.example")));
    assert!(verdict.spf_aligned() && !verdict.dkim_aligned());
    assert_eq!(
        verdict.explain(),
        "dmarc=pass (spf identifier mail.giant.bank.example is aligned), disposition none\n\
         author giant.bank.example: pass (spf identifier mail.giant.bank.example is aligned)\n  \
           _dmarc.giant.bank.example: v=DMARC1; p=quarantine\n  \
           _dmarc.bank.example: v=DMARC1; p=reject; psd=y\n  \
           Organizational Domain of giant.bank.example is giant.bank.example: the record above has psd=y\n  \
           policy quarantine by p= of giant.bank.example\n  \
           dkim=pass mail.mega.bank.example: not aligned, not below giant.bank.example\n  \
           spf=pass mail.giant.bank.example: aligned, Organizational Domain giant.bank.example\n"
    );
}

/// Appendix B.4.1 and B.4.2.
#[test]
fn simple_and_deep_examples() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject"), ("signing.example.com", "v=DMARC1; p=none")]);
    for from in ["example.com", "a.b.c.d.e.f.g.h.i.j.k.example.com"] {
        let verdict = judge(author(from).dkim("signing.example.com").spf("example.com"), &dns);
        assert!(verdict.spf_aligned() && verdict.dkim_aligned(), "{}", verdict.explain());
        assert_eq!(
            verdict.author().and_then(|author| author.organizational_domain()),
            Some(&name("example.com"))
        );
    }
    // From example.com and com, then signing.example.com: no more is asked.
    let (_, asked) = drive(
        waxseal_dmarc::DmarcCheck::new(author("example.com").dkim("signing.example.com").spf("example.com")),
        &dns,
    );
    assert_eq!(asked, ["_dmarc.example.com", "_dmarc.com", "_dmarc.signing.example.com"]);
}

/// §4.10.2: "There is no need to perform Identifier Alignment Evaluations under any of the following conditions".
#[test]
fn nothing_is_asked_in_vain() {
    let asked = |input: Identifiers, record: &str| {
        drive(waxseal_dmarc::DmarcCheck::new(input), &zone(&[("mail.example.com", record)])).1
    };
    let own = ["_dmarc.mail.example.com"];
    // The same domain.
    assert_eq!(
        asked(author("mail.example.com").dkim("mail.example.com"), "v=DMARC1; p=reject; np=none"),
        own
    );
    // Strict.
    assert_eq!(asked(author("mail.example.com").dkim("example.com"), "v=DMARC1; p=reject; adkim=s"), own);
    // Nothing authenticated.
    let failed = author("mail.example.com").with_dkim(name("example.com"), DkimResult::Fail);
    assert_eq!(asked(failed, "v=DMARC1; p=reject"), own);
    // Nothing in common.
    assert_eq!(asked(author("mail.example.com").dkim("example.net"), "v=DMARC1; p=reject"), own);
    // No record.
    assert_eq!(asked(author("other.example").dkim("mail.other.example"), "v=DMARC1; p=reject").len(), 2);
    // The author and its organization, then no more: the other is outside.
    let outside = asked(author("mail.example.com").dkim("a.b.c.d.esp.com"), "v=DMARC1; p=reject");
    assert_eq!(outside, ["_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com"]);
}

#[test]
fn the_organizational_domain_on_demand() {
    let dns = zone(&[("mail.example.com", "v=DMARC1; p=reject"), ("example.com", "v=DMARC1; p=none")]);
    let input = || author("mail.example.com").dkim("mail.example.com");
    assert_eq!(judge(input(), &dns).author().and_then(|author| author.organizational_domain()), None);
    let local = LocalPolicy::default().with_organizational_domain(true);
    let verdict = judge_by(local, input(), &dns);
    assert_eq!(
        verdict.author().and_then(|author| author.organizational_domain()),
        Some(&name("example.com"))
    );
    assert_eq!(verdict.author().and_then(|author| author.record_at()), Some(&name("mail.example.com")));
    // The walk that found the record knows it anyway.
    assert_eq!(
        judge(author("a.example.com"), &dns).author().and_then(|author| author.organizational_domain()),
        Some(&name("example.com"))
    );
    // It is for information: that it cannot be found changes nothing.
    let dns = dns.with_error("_dmarc.com", LookupError::Timeout).unwrap();
    for local in [LocalPolicy::default(), LocalPolicy::default().with_organizational_domain(true)] {
        let verdict = judge_by(local, input(), &dns);
        assert_eq!(said(&verdict), ("pass", Some("reject"), Some("mail.example.com")));
        assert_eq!(verdict.author().and_then(|author| author.organizational_domain()), None);
    }
    // It does not take a policy either.
    let dns = zone(&[("mail.example.com", "v=DMARC1"), ("example.com", "v=DMARC1; p=none")]);
    let local = LocalPolicy::default().with_organizational_domain(true);
    let verdict = judge_by(local, input(), &dns);
    assert_eq!(said(&verdict), ("none", None, Some("mail.example.com")));
    assert_eq!(
        verdict.author().and_then(|author| author.organizational_domain()),
        Some(&name("example.com"))
    );
}

/// A report may name several; none lends its result to another.
#[test]
fn several_mail_from_identities() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject")]);
    let pass = |domain: &str| (name(domain), SpfResult::Pass);
    let fail = (name("example.com"), SpfResult::Fail);
    let verdict = |given: &[(DomainName, SpfResult)]| {
        let add = |input: Identifiers, (domain, result): &(DomainName, SpfResult)| {
            input.with_further_spf(domain.clone(), *result)
        };
        judge(given.iter().fold(author("example.com"), add), &dns)
    };
    let aligned = verdict(&[pass("example.net"), pass("bounce.example.com")]);
    assert_eq!(
        aligned.to_string(),
        "dmarc=pass header.from=example.com (spf identifier bounce.example.com is aligned)"
    );
    assert_eq!(aligned.authors()[0].identifiers().len(), 2);
    assert!(aligned.spf_aligned());
    assert!(!verdict(&[pass("example.net"), fail.clone()]).spf_aligned());
    // with_spf has the last word.
    let input = author("example.com").with_further_spf(name("example.com"), SpfResult::Pass);
    assert!(!judge(input.with_spf(fail.0, fail.1), &dns).spf_aligned());
}

/// Rule 2: "other than the one for the domain where the Tree Walk started".
#[test]
fn psd_y_at_the_start() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject; psd=y")]);
    let (walk, asked) = walk("example.com", &dns);
    assert_eq!(asked, ["_dmarc.example.com"]);
    let found = walk.organizational_domain().unwrap();
    assert_eq!((found.domain, found.rule), (name("example.com"), "the record with the fewest labels"));
    let verdict = judge(author("example.com").dkim("shop.example.com"), &dns);
    assert_eq!(said(&verdict), ("fail", Some("reject"), Some("example.com")));
    let reason = verdict.authors()[0].identifiers()[0].reason();
    assert_eq!(reason, "not aligned, Organizational Domain shop.example.com is not example.com");
}

/// J. Levine: "one label below" is counted on the name the walk began with, though the jump left it out.
#[test]
fn below_a_public_suffix_that_the_walk_jumped_to() {
    let dns = zone(&[("2.3.4.5.6.7.8", "v=DMARC1; p=reject; psd=y")]);
    let (walk, asked) = walk("0.1.2.3.4.5.6.7.8", &dns);
    assert_eq!(asked, ["_dmarc.0.1.2.3.4.5.6.7.8", "_dmarc.2.3.4.5.6.7.8"]);
    assert_eq!(walk.organizational_domain().unwrap().domain, name("1.2.3.4.5.6.7.8"));
    assert_eq!(
        said(&judge(author("0.1.2.3.4.5.6.7.8"), &dns)),
        ("fail", Some("reject"), Some("2.3.4.5.6.7.8"))
    );
}

#[test]
fn names_of_seven_eight_and_nine_labels() {
    let dns = zone(&[("7.8", "v=DMARC1; p=none")]);
    for (start, questions) in [("2.3.4.5.6.7.8", 7), ("1.2.3.4.5.6.7.8", 8), ("0.1.2.3.4.5.6.7.8", 8)] {
        let (walk, asked) = walk(start, &dns);
        assert_eq!(asked.len(), questions, "{start}");
        assert_eq!(walk.organizational_domain().unwrap().domain, name("7.8"));
    }
}

/// §4.10, step 2: "If multiple DMARC Policy Records are returned for a single target, they are all discarded."
#[test]
fn several_records_at_a_name() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject"), ("example.com", "v=DMARC1; p=none")]);
    let (walk, asked) = walk("example.com", &dns);
    assert_eq!(asked.len(), 2);
    assert_eq!(walk.steps()[0].found(), &Found::Several(2));
    let verdict = judge(author("example.com").dkim("example.com"), &dns);
    assert_eq!(said(&verdict), ("none", None, None));
    assert!(
        verdict.explain().contains("_dmarc.example.com: 2 DMARC records, all discarded"),
        "{}",
        verdict.explain()
    );
    // Other text beside it does no harm, and what is above still counts.
    let dns = zone(&[
        ("example.com", "v=DMARC1; p=reject"),
        ("example.com", "v=spf1 -all"),
        ("example.com", "hello"),
    ]);
    assert_eq!(said(&judge(author("example.com"), &dns)), ("fail", Some("reject"), Some("example.com")));
    let dns = zone(&[
        ("a.example.com", "v=DMARC1"),
        ("a.example.com", "v=DMARC1"),
        ("example.com", "v=DMARC1; p=reject"),
    ]);
    assert_eq!(said(&judge(author("a.example.com"), &dns)), ("fail", Some("reject"), Some("example.com")));
}

/// §11.8: siblings are aligned in relaxed mode, unless psd=n or strict alignment keeps them apart.
#[test]
fn siblings() {
    let mail = "v=DMARC1; p=reject";
    let org = ("example.com", "v=DMARC1; p=reject");
    let input = || author("evil.example.com").dkim("mail.example.com");
    assert_eq!(word(&judge(input(), &zone(&[("mail.example.com", mail), org]))), "pass");
    let apart = zone(&[("mail.example.com", "v=DMARC1; p=reject; psd=n"), org]);
    assert_eq!(word(&judge(input(), &apart)), "fail");
    let strict = zone(&[("mail.example.com", mail), ("example.com", "v=DMARC1; p=reject; adkim=s")]);
    assert_eq!(word(&judge(input(), &strict)), "fail");
}

#[test]
#[cfg(feature = "idna")]
fn names_are_compared_as_a_labels() {
    let dns = zone(&[("xn--bcher-kva.example", "v=DMARC1; p=reject; adkim=s")]);
    for from in ["j@BÜCHER.example", "j@bücher.example.", "j@xn--bcher-kva.EXAMPLE"] {
        let input = Identifiers::from_header(&header(format!("From: {from}"))).dkim("Bücher.example.");
        assert_eq!(word(&judge(input, &dns)), "pass", "{from}");
    }
    let input = Identifiers::from_header(&header("From: a@bücher.example, b@xn--bcher-kva.example"));
    assert_eq!(judge(input, &dns).authors().len(), 1);
}

#[test]
fn trailing_dots_and_case() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject; adkim=s")]);
    assert_eq!(word(&judge(author("EXAMPLE.com.").dkim("Example.Com"), &dns)), "pass");
}
