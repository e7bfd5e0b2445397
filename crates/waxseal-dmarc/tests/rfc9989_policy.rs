//! Which policy of RFC 9989 is applied, and what comes of failed lookups and of several authors.

mod common;

use common::*;
use waxseal_authres::{DkimResult, SpfResult};
use waxseal_dmarc::{Cause, Disposition, DomainPolicy, Found, Identifiers, LocalPolicy, PolicyTag};
use waxseal_dns::{Answer, Dnssec, Existence, LookupError, Question, Record, Zone};

/// §4.7: "psd", "sp" and "np" by where the record is and whether the author exists.
#[test]
fn existence_decides_between_np_and_sp() {
    let record = "v=DMARC1; p=reject; sp=quarantine; np=none";
    let ghost = zone(&[("example.com", record)]);
    let verdict = judge(author("ghost.example.com"), &ghost);
    assert_eq!(verdict.authors()[0].policy_tag(), Some(PolicyTag::Np));
    assert_eq!((verdict.policy(), verdict.authors()[0].exists()), (Some(DomainPolicy::None), Some(false)));
    // NODATA exists.
    let mut dns = ghost.clone();
    dns.insert_name(name("ghost.example.com"));
    let verdict = judge(author("ghost.example.com"), &dns);
    assert_eq!(
        (verdict.policy(), verdict.authors()[0].exists()),
        (Some(DomainPolicy::Quarantine), Some(true))
    );
    // RFC 8020: a name exists if one below it does, which saves the question.
    let dns = zone(&[("example.com", record), ("sub.example.com", "some text")]);
    let (verdict, asked) = drive(waxseal_dmarc::DmarcCheck::new(author("sub.example.com")), &dns);
    assert_eq!(
        (verdict.policy(), verdict.authors()[0].exists()),
        (Some(DomainPolicy::Quarantine), Some(true))
    );
    assert!(!asked.iter().any(|q| q.ends_with(" A")), "{asked:?}");
    // So do several records there, which are all discarded.
    let dns =
        zone(&[("example.com", record), ("sub.example.com", "v=DMARC1"), ("sub.example.com", "v=DMARC1")]);
    let (verdict, asked) = drive(waxseal_dmarc::DmarcCheck::new(author("sub.example.com")), &dns);
    assert_eq!(verdict.policy(), Some(DomainPolicy::Quarantine));
    assert!(!asked.iter().any(|q| q.ends_with(" A")), "{asked:?}");
    // Where np= makes no difference nobody asks.
    let dns = zone(&[("example.com", "v=DMARC1; p=reject; np=reject")]);
    let (_, asked) = drive(waxseal_dmarc::DmarcCheck::new(author("ghost.example.com")), &dns);
    assert_eq!(asked, ["_dmarc.ghost.example.com", "_dmarc.example.com", "_dmarc.com"]);
    // p= is for the domain itself, though np= and sp= are there.
    assert_eq!(judge(author("example.com"), &ghost).policy(), Some(DomainPolicy::Reject));
}

#[test]
fn fallbacks_of_policies() {
    for (record, sub, ghost) in [
        ("v=DMARC1; p=reject", "reject", "reject"),
        ("v=DMARC1; p=reject; sp=none", "none", "none"),
        ("v=DMARC1; p=quarantine; np=reject", "quarantine", "reject"),
        ("v=DMARC1; p=none; sp=quarantine; np=reject", "quarantine", "reject"),
    ] {
        let mut dns = zone(&[("example.com", record)]);
        dns.insert_name(name("sub.example.com"));
        let policy = |from| judge(author(from), &dns).policy().map(|policy| policy.as_str());
        assert_eq!(
            (policy("sub.example.com"), policy("ghost.example.com")),
            (Some(sub), Some(ghost)),
            "{record}"
        );
    }
}

/// §4.7, `t`: "one level below the specified policy".
#[test]
fn testing_lowers_by_one() {
    for (policy, evaluated) in [("reject", "quarantine"), ("quarantine", "none"), ("none", "none")] {
        let dns = zone(&[("example.com", &format!("v=DMARC1; p={policy}; t=y"))]);
        let verdict = judge(author("example.com"), &dns);
        assert_eq!(verdict.policy().map(DomainPolicy::as_str), Some(policy));
        assert_eq!(
            verdict.author().and_then(|author| author.evaluated_policy()).map(DomainPolicy::as_str),
            Some(evaluated)
        );
        let local = LocalPolicy::default().with_reject_on_reject(true);
        assert_eq!(judge_by(local, author("example.com"), &dns).disposition().as_str(), evaluated);
    }
}

/// §4.10.1: no valid p, or an invalid sp or np.
#[test]
fn broken_policies() {
    for (record, expected) in [
        ("v=DMARC1; rua=mailto:d@example.com", ("fail", Some("none"))),
        ("v=DMARC1; p=foo; rua=mailto:d@example.com", ("fail", Some("none"))),
        ("v=DMARC1; p=reject; sp=foo; rua=mailto:d@example.com", ("fail", Some("none"))),
        ("v=DMARC1; p=reject; np=foo; rua=mailto:d@example.com", ("fail", Some("none"))),
        ("v=DMARC1", ("none", None)),
        ("v=DMARC1;", ("none", None)),
        ("v=DMARC1; p=foo", ("none", None)),
        ("v=DMARC1; p=reject; sp=foo", ("none", None)),
        ("v=DMARC1; sp=reject; np=reject; rua=d@example.com", ("none", None)),
        ("v=DMARC1; p=reject; rua=d@example.com", ("fail", Some("reject"))),
    ] {
        let verdict = judge(author("example.com"), &zone(&[("example.com", record)]));
        assert_eq!((said(&verdict).0, said(&verdict).1), expected, "{record}");
        assert_eq!(verdict.disposition() == Disposition::None, expected.1 != Some("reject"), "{record}");
    }
    let verdict = judge(author("example.com"), &zone(&[("example.com", "v=DMARC1; p=foo")]));
    assert_eq!(verdict.reason(), "no valid p= and no valid rua= in the record of example.com");
    // Such a record is one all the same: the walk counts it.
    let dns = zone(&[("example.com", "v=DMARC1"), ("a.example.com", "v=DMARC1; p=reject")]);
    assert_eq!(organization("a.example.com", &dns), "example.com");
}

/// §5.3.6: no policy is applied when DNS fails.
#[test]
fn failed_lookups() {
    let failing = |at: &str, records: &[(&str, &str)]| {
        zone(records).with_error(&format!("_dmarc.{at}"), LookupError::ServerFailure).unwrap()
    };
    let org = [("example.com", "v=DMARC1; p=reject")];
    // At the author, in the middle, at the top.
    for at in ["a.mail.example.com", "mail.example.com", "com"] {
        let verdict = judge(author("a.mail.example.com").dkim("example.com"), &failing(at, &org));
        assert_eq!(said(&verdict), ("temperror", None, None), "{at}");
        assert_eq!(verdict.disposition(), Disposition::Defer);
        assert_eq!(verdict.reason(), format!("lookup of _dmarc.{at} TXT failed: DNS server failure"));
    }
    // The record of the author is there, but not whether mail.example.com is of the same organization.
    let dns = failing("com", &org);
    assert_eq!(word(&judge(author("example.com").dkim("mail.example.com"), &dns)), "temperror");
    assert_eq!(said(&judge(author("example.com"), &dns)), ("fail", Some("reject"), Some("example.com")));
    assert_eq!(word(&judge(author("example.com").dkim("mail.example.com").spf("example.com"), &dns)), "pass");
    // The walk of the identifier fails.
    let dns = failing("mail.example.com", &org);
    assert_eq!(word(&judge(author("example.com").dkim("mail.example.com"), &dns)), "temperror");
    assert_eq!(
        word(&judge(author("example.com").dkim("mail.example.com").dkim("other.example.com"), &dns)),
        "pass"
    );
    // What a resolver says is shown, on one line.
    let error = LookupError::other("a \"b\"\r\n\\ \u{e9}\u{1b}[2J");
    let dns = zone(&org).with_error("_dmarc.com", error).unwrap();
    let verdict = judge(author("a.example.com"), &dns);
    assert_eq!(verdict.reason(), "lookup of _dmarc.com TXT failed: DNS lookup failed: a ?b???? ??[2J");
    // Whether the author exists.
    let mut dns = zone(&[("example.com", "v=DMARC1; p=reject; np=none")]);
    dns.set_error_for(Question::a(name("sub.example.com")), LookupError::Timeout);
    let verdict = judge(author("sub.example.com"), &dns);
    assert_eq!(verdict.reason(), "lookup of sub.example.com A failed: DNS lookup timed out");
    assert_eq!(word(&judge(author("sub.example.com").dkim("example.com"), &dns)), "pass");
    // Where both policies are the same, the one for domains that exist is named.
    for (record, tag) in [
        ("v=DMARC1; p=reject; np=none", PolicyTag::P),
        ("v=DMARC1; p=none; sp=reject; np=reject", PolicyTag::Sp),
        ("v=DMARC1; p=none; sp=quarantine; np=reject", PolicyTag::Np),
    ] {
        let mut dns = zone(&[("example.com", record)]);
        dns.set_error_for(Question::a(name("sub.example.com")), LookupError::Timeout);
        let verdict = judge(author("sub.example.com"), &dns);
        assert_eq!(
            (verdict.policy(), verdict.author().unwrap().policy_tag()),
            (Some(DomainPolicy::Reject), Some(tag))
        );
    }
}

#[test]
fn identifiers_are_listed_with_their_walk() {
    let steps = |verdict: &waxseal_dmarc::Verdict| {
        let identifiers = verdict.author().unwrap().identifiers();
        let path =
            |of: &waxseal_dmarc::Identifier| of.path().iter().map(|step| step.domain().to_string()).collect();
        identifiers.iter().map(|of| (of.domain().to_string(), of.reason(), path(of))).collect::<Vec<_>>()
    };
    let input = || author("mail.example.com").dkim("news.example.com");
    let dns = zone(&[("example.com", "v=DMARC1; p=reject")]);
    let [(domain, reason, path)]: &[(_, _, Vec<String>)] = &steps(&judge(input(), &dns))[..] else {
        panic!()
    };
    assert_eq!(reason, "aligned, Organizational Domain example.com");
    assert_eq!(
        (domain.as_str(), &path[..]),
        ("news.example.com", &["news.example.com", "example.com", "com"].map(str::to_owned)[..])
    );
    // Where there is no record, it is said that they were not compared.
    let none = steps(&judge(input(), &Zone::new()));
    assert_eq!(
        none,
        [("news.example.com".to_owned(), "no policy applies, alignment does not matter".to_owned(), vec![])]
    );
}

#[test]
fn temporary_errors_of_the_methods() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject")]);
    let dkim = |domain| author("example.com").with_dkim(name(domain), DkimResult::TempError);
    assert_eq!(judge(dkim("example.com"), &dns).reason(), "dkim of example.com had a temporary error");
    assert_eq!(word(&judge(dkim("mail.example.com"), &dns)), "temperror");
    assert_eq!(word(&judge(dkim("example.net"), &dns)), "fail");
    assert_eq!(word(&judge(dkim("example.com").spf("example.com"), &dns)), "pass");
    let spf = author("example.com").with_spf(name("example.com"), SpfResult::TempError);
    assert_eq!(judge(spf, &dns).reason(), "spf of example.com had a temporary error");
}

#[test]
fn only_a_pass_counts() {
    let dns = zone(&[("example.com", "v=DMARC1; p=quarantine")]);
    for word in ["none", "pass", "fail", "policy", "neutral", "temperror", "permerror"] {
        let result = DkimResult::from_name(word.as_bytes()).unwrap();
        let verdict = judge(author("example.com").with_dkim(name("example.com"), result), &dns);
        assert_eq!(verdict.dkim_aligned(), result == DkimResult::Pass, "{result}");
    }
    for word in ["none", "neutral", "pass", "fail", "softfail", "policy", "temperror", "permerror"] {
        let result = SpfResult::from_name(word.as_bytes()).unwrap();
        let verdict = judge(author("example.com").with_spf(name("example.com"), result), &dns);
        assert_eq!(verdict.spf_aligned(), result == SpfResult::Pass, "{result}");
    }
    let null = author("example.com").with_spf_of_null_sender(name("example.com"), SpfResult::Pass);
    assert!(judge(null, &dns).spf_aligned());
}

/// §4.10.1 wants a record that DNS may give in several ways.
#[test]
fn how_records_are_published() {
    for record in
        ["v=DMARC1;p=reject", "v = DMARC1 ; p = reject ;", "v=DMARC1;\tp=Reject;;", "V=DMARC1; P=REJECT"]
    {
        let verdict = judge(author("example.com"), &zone(&[("example.com", record)]));
        assert_eq!(said(&verdict), ("fail", Some("reject"), Some("example.com")), "{record}");
    }
    for record in [
        "v=dmarc1; p=reject",
        "v=DMARC1 p=reject",
        "p=reject; v=DMARC1",
        " v=DMARC1; p=reject",
        "v=DMARC10; p=reject",
    ] {
        assert_eq!(
            word(&judge(author("example.com"), &zone(&[("example.com", record)]))),
            "none",
            "{record}"
        );
    }
    // Strings of one record are joined; an alias leads to it; a wildcard with other text is passed over.
    let zone_file = "$ORIGIN example.com.\n\
        _dmarc.split TXT \"v=DMA\" \"RC1; p=rej\" \"ect\"\n\
        _dmarc.alias CNAME _dmarc.split\n\
        *.wild TXT \"v=spf1 -all\"\n";
    let dns = Zone::from_zone_file(zone_file.as_bytes(), None).unwrap();
    for (from, expected) in [("split", "fail"), ("alias", "fail"), ("a.wild", "none")] {
        assert_eq!(word(&judge(author(&format!("{from}.example.com")), &dns)), expected, "{from}");
    }
}

#[test]
fn existence_and_records_have_their_dnssec_state() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject")])
        .with_dnssec("_dmarc.example.com", Dnssec::Secure)
        .unwrap();
    assert_eq!(judge(author("example.com"), &dns).authors()[0].dnssec(), Dnssec::Secure);
    assert_eq!(judge(author("a.example.com"), &dns).authors()[0].dnssec(), Dnssec::Indeterminate);
}

/// §5.3.1 and §11.5: "apply the most strict policy selected among the checks that fail".
#[test]
fn several_authors() {
    let dns = zone(&[
        ("none.example", "v=DMARC1; p=none"),
        ("quarantine.example", "v=DMARC1; p=quarantine"),
        ("reject.example", "v=DMARC1; p=reject"),
    ])
    .with_error("_dmarc.broken.example", LookupError::Timeout)
    .unwrap();
    let from = |domains: &[&str]| Identifiers::with_authors(domains.iter().map(|domain| name(domain)));
    let decided = |input| {
        let verdict = judge_by(LocalPolicy::default().with_reject_on_reject(true), input, &dns);
        (word(&verdict), verdict.author().unwrap().domain().to_string(), verdict.disposition())
    };
    let all = from(&["none.example", "reject.example", "quarantine.example", "other.example"]);
    assert_eq!(decided(all), ("fail", "reject.example".into(), Disposition::Reject));
    // Of equals the first one decides.
    let equals = from(&["none.example", "b.reject.example", "a.reject.example"]);
    assert_eq!(decided(equals), ("fail", "b.reject.example".into(), Disposition::Reject));
    let one = from(&["none.example", "reject.example"]).dkim("reject.example");
    assert_eq!(decided(one), ("fail", "none.example".into(), Disposition::None));
    let both = from(&["none.example", "reject.example"]).dkim("reject.example").spf("none.example");
    assert_eq!(decided(both).0, "pass");
    let unknown = from(&["other.example", "reject.example"]).dkim("reject.example");
    assert_eq!(decided(unknown).0, "none");
    let broken = from(&["broken.example", "reject.example"]);
    assert_eq!(decided(broken.clone()), ("fail", "reject.example".into(), Disposition::Reject));
    assert_eq!(
        decided(broken.dkim("reject.example")),
        ("temperror", "broken.example".into(), Disposition::Defer)
    );
    assert!(matches!(judge(from(&[]), &dns).cause(), Some(Cause::NoAuthor)));
    // What may turn out later counts where it asks for more than the check that fails already.
    let later = |domains: &[&str]| from(domains).with_dkim(name("reject.example"), DkimResult::TempError);
    let undecided = later(&["quarantine.example", "reject.example"]);
    assert_eq!(decided(undecided.clone()), ("temperror", "reject.example".into(), Disposition::Defer));
    let quarantined = judge(undecided, &dns);
    assert_eq!((word(&quarantined), quarantined.disposition()), ("fail", Disposition::Quarantine));
    let undecided = later(&["none.example", "reject.example"]);
    assert_eq!(decided(undecided), ("temperror", "reject.example".into(), Disposition::Defer));
}

/// An author of the forger's own who asks for nothing does not hide that nobody knows what the other asks for.
#[test]
fn a_fail_that_asks_for_nothing_hides_no_temporary_error() {
    let dns = zone(&[
        ("none.example", "v=DMARC1; p=none"),
        ("test.example", "v=DMARC1; p=quarantine; t=y"),
        ("reject.example", "v=DMARC1; p=reject; t=y"),
    ])
    .with_error("_dmarc.bank.example", LookupError::Timeout)
    .unwrap();
    let decided = |domains: &[&str]| {
        let verdict = judge(Identifiers::with_authors(domains.iter().map(|domain| name(domain))), &dns);
        (word(&verdict), verdict.author().unwrap().domain().to_string(), verdict.disposition())
    };
    for asks_for_nothing in ["none.example", "test.example", "other.example"] {
        let temporary = ("temperror", "bank.example".to_owned(), Disposition::Defer);
        assert_eq!(decided(&[asks_for_nothing, "bank.example"]), temporary);
        assert_eq!(decided(&["bank.example", asks_for_nothing]), temporary);
    }
    let strict = ("fail", "reject.example".to_owned(), Disposition::Quarantine);
    assert_eq!(decided(&["none.example", "bank.example", "reject.example"]), strict);
    assert_eq!(
        decided(&["other.example", "none.example"]),
        ("fail", "none.example".into(), Disposition::None)
    );
}

#[test]
fn authentication_results() {
    let dns = zone(&[("example.com", "v=DMARC1; p=reject; t=y")])
        .with_error("_dmarc.broken.example", LookupError::Timeout)
        .unwrap();
    for (input, entry) in [
        (
            author("example.com").dkim("example.com"),
            "dmarc=pass (p=reject dis=none) header.from=example.com policy.dmarc=quarantine",
        ),
        (
            author("example.com"),
            "dmarc=fail (p=reject dis=quarantine) header.from=example.com policy.dmarc=quarantine",
        ),
        (author("example.net"), "dmarc=none (p=none dis=none) header.from=example.net"),
        (
            author("broken.example"),
            "dmarc=temperror reason=\"lookup of _dmarc.broken.example TXT failed: DNS lookup timed out\" \
             (dis=defer) header.from=broken.example",
        ),
        (
            Identifiers::from_header(&header("Subject: x")),
            "dmarc=permerror reason=\"no clear author: no From field\" (dis=quarantine)",
        ),
    ] {
        assert_eq!(judge(input, &dns).entry().to_string(), entry);
    }
}

/// What is not known is not said to be none.
#[test]
fn no_policy_is_named_where_none_is_known() {
    let dns = zone(&[("bank.example", "v=DMARC1; p=reject"), ("lax.example", "v=DMARC1; p=none")]);
    let dns = dns.with_error("_dmarc.broken.example", waxseal_dns::LookupError::Timeout).unwrap();
    let comment = |from: &str| {
        let verdict = judge(Identifiers::from_value(from.as_bytes()), &dns);
        let entry = verdict.entry();
        entry.comment().unwrap().split(" dis=").next().unwrap().to_owned()
    };
    for (from, expected) in [
        ("x @bank.example <u@lax.example>", "p=reject"),
        ("x @lax.example <u@nothing.example>", "p=none"),
        ("x @nothing.example <u@nowhere.example>", "p=none"),
        ("x @bank.example <u@broken.example>", "p=reject"),
        ("x @nothing.example <u@broken.example>", "dis=defer"),
        ("u@broken.example", "dis=defer"),
        ("u@nothing.example", "p=none"),
        ("", "dis=quarantine"),
    ] {
        assert_eq!(comment(from), expected, "{from}");
    }
}

/// §4.10, step 2: all are discarded, and counted.
#[test]
fn several_records_are_counted() {
    for count in 2..5 {
        let records: Vec<_> = (0..count).map(|_| ("example.com", "v=DMARC1; p=reject")).collect();
        let (walk, _) = walk("example.com", &zone(&records));
        assert_eq!(walk.steps()[0].found(), &Found::Several(count));
    }
}

#[test]
fn odd_answers_are_passed_over() {
    let lying = |q: &Question| {
        assert!(q.name.as_str().starts_with("_dmarc."));
        Ok(Answer::new([
            Record::A("192.0.2.1".parse().unwrap()),
            Record::Txt("\u{0}".into()),
            Record::Mx(0, None),
        ]))
    };
    let verdict = waxseal_dns::drive_blocking(waxseal_dmarc::DmarcCheck::new(author("example.com")), &lying);
    assert_eq!(word(&verdict), "none");
    assert_eq!(verdict.authors()[0].path()[0].found(), &Found::Nothing(Existence::Exists));
}

/// §A.4: "if any RR exists for a domain, then the domain exists", and an alias is one. RFC 8020 §2: of a chain it is the last
/// name that does not exist. So `sp=` applies, in whatever way the domain is seen to be there.
#[test]
fn an_author_whose_alias_leads_nowhere_exists() {
    let records = || zone(&[("example.org", "v=DMARC1; p=none; sp=quarantine; np=reject")]);
    let alias = || records().with_cname("www.example.org", "gone.example.net").unwrap();
    for (dns, how) in [
        (alias(), "asked for its address"),
        (alias().with_txt("_dmarc.www.example.org", "something else").unwrap(), "a name below"),
        (alias().with_cname("_dmarc.www.example.org", "gone.example.net").unwrap(), "an alias below"),
        (records().with_cname("*.example.org", "gone.example.net").unwrap(), "a wildcard"),
        (records().with_cname("www.example.org", ".").unwrap(), "an alias of the root"),
        (records().with_cname("x.www.example.org", "gone.example.net").unwrap(), "nothing but a name below"),
    ] {
        for dns in [dns.clone(), dns.cold()] {
            let verdict = judge(author("www.example.org"), &dns);
            assert_eq!(said(&verdict), ("fail", Some("quarantine"), Some("example.org")), "{how}");
            assert_eq!(verdict.authors()[0].exists(), Some(true), "{how}");
        }
    }
    let verdict = judge(author("www.example.org"), &records());
    assert_eq!(said(&verdict), ("fail", Some("reject"), Some("example.org")));
    assert_eq!(verdict.authors()[0].exists(), Some(false));
    // What is below a name that is an alias of nothing is not there.
    assert_eq!(judge(author("a.www.example.org"), &alias()).authors()[0].exists(), Some(false));
}
