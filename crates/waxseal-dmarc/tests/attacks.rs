//! Mail made to look as if it came from someone else: each attack ends in a named result that fails closed.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal_authres::{DkimResult, SpfResult};
use waxseal_dmarc::{Cause, Disposition, DmarcCheck, DomainPolicy, Identifiers, LocalPolicy, Verdict};
use waxseal_dns::{DomainName, InvalidDomainName, LookupError, Zone};
use waxseal_header::HeaderError;

/// The victim wants reject; the attacker passes everything for a domain of his own, and nobody shows mail of his that has no
/// clear author, either.
fn dns() -> Zone {
    zone(&[("bank.example", "v=DMARC1; p=reject"), ("evil.example", "v=DMARC1; p=quarantine")])
}

fn attack(fields: impl AsRef<[u8]>) -> Verdict {
    let input = Identifiers::from_header(&header(fields)).dkim("evil.example").spf("evil.example");
    judge(input, &dns())
}

/// The message has no clear author, for that reason, and is not let through.
#[track_caller]
fn assert_unclear(fields: impl AsRef<[u8]>, reason: &str) {
    let verdict = attack(fields);
    assert_fails_closed(&verdict);
    assert!(verdict.cause().is_some_and(waxseal_dmarc::Cause::is_invalid_author), "{}", verdict.explain());
    assert_eq!((word(&verdict), verdict.reason()), ("permerror", format!("no clear author: {reason}")));
    assert!(verdict.authors().is_empty() && !verdict.dkim_aligned() && !verdict.spf_aligned());
}

/// Readers show different authors, the bank among them, and its policy is applied.
#[track_caller]
fn assert_differ(fields: impl AsRef<[u8]>) {
    let verdict = attack(fields);
    assert_fails_closed(&verdict);
    let cause = verdict.cause().unwrap();
    assert!(
        matches!(cause, Cause::InvalidFrom(cause) if cause.id() == "readers-differ"),
        "{}",
        verdict.explain()
    );
    let bank = verdict.shown().iter().find(|shown| shown.domain() == &name("bank.example"));
    assert_eq!(bank.unwrap().evaluated_policy(), Some(DomainPolicy::Reject), "{}", verdict.explain());
    assert!(verdict.authors().is_empty());
}

/// The bank is among the authors, and its policy is applied.
#[track_caller]
fn assert_caught(fields: impl AsRef<[u8]>) {
    let verdict = attack(fields);
    assert_fails_closed(&verdict);
    assert_eq!((word(&verdict), verdict.author().unwrap().domain()), ("fail", &name("bank.example")));
}

#[test]
fn the_attack_itself_is_caught_and_honest_mail_passes() {
    assert_caught("From: ceo@bank.example");
    assert_eq!(word(&attack("From: ceo@evil.example")), "pass");
}

/// CVE-2019-16378: OpenDMARC took the last of several From fields, the reader saw the first.
#[test]
fn cve_2019_16378_several_from_fields() {
    assert_unclear("From: ceo@bank.example\r\nFrom: u@evil.example", "2 From fields");
    assert_unclear("From: u@evil.example\r\nFrom: ceo@bank.example", "2 From fields");
    assert_unclear("From: u@evil.example\r\nSubject: x\r\nFROM: ceo@bank.example", "2 From fields");
    assert_unclear("From: u@evil.example\r\nFrom: u@evil.example", "2 From fields");
}

/// CVE-2019-16378: several addresses in one field.
#[test]
fn cve_2019_16378_several_addresses() {
    assert_caught("From: ceo@bank.example, u@evil.example");
    assert_caught("From: u@evil.example, ceo@bank.example");
    assert_caught("From: <u@evil.example>,\r\n\t\"CEO\" <ceo@bank.example>");
}

/// CVE-2021-34555: OpenDMARC crashed on addresses without a domain.
#[test]
fn cve_2021_34555_no_domain() {
    // What has no domain is nobody's.
    let verdict = attack("From: a, b@x.example");
    assert_eq!((word(&verdict), verdict.author().unwrap().domain()), ("none", &name("x.example")));
    assert_unclear("From: <>", "no address in From");
    assert_unclear("From:", "no address in From");
    assert_unclear("From: ceo", "From: address without a domain at offset 1");
    assert_unclear("From: ceo@", "From: address without a domain at offset 1");
    assert_unclear("From: \"CEO\"", "From: address without a domain at offset 1");
}

/// CVE-2019-20790: a pass of SPF for HELO counted for MAIL FROM.
#[test]
fn cve_2019_20790_helo_is_not_mail_from() {
    // SPF for HELO attacker.example passed; nobody can hand that in, only what MAIL FROM got.
    let input = author("bank.example").with_spf(name("bank.example"), SpfResult::None);
    assert_fails_closed(&judge(input, &dns()));
    // A null sender: the identity is postmaster@HELO, and HELO is the attacker's.
    let input = author("bank.example").with_spf_of_null_sender(name("evil.example"), SpfResult::Pass);
    assert_fails_closed(&judge(input, &dns()));
}

/// CVE-2020-12272: what is no domain name cannot be handed in as one.
#[test]
fn cve_2020_12272_domain_injection() {
    for domain in [
        "bank.example(.evil.example",
        "bank.example\0.evil.example",
        "bank.example'.evil.example",
        "bank.example\" ",
    ] {
        assert!(matches!(DomainName::new(domain), Err(InvalidDomainName::Octet(..))), "{domain}");
    }
    // A comment that closes behind the address is one; the domain is the bank's.
    assert_caught("From: ceo@bank.example(.evil.example)");
    assert_caught("From: ceo@bank.example(.evil.example");
    // A lenient name of DNS cannot be written into a field as more than a value.
    let odd = DomainName::lenient(b"bank.example(.evil.example").unwrap();
    let verdict = judge(Identifiers::new(odd), &dns());
    assert!(verdict.entry().to_string().contains(" header.from=\"bank.example(.evil.example\""));
}

/// OpenDMARC pull request 70: fail of d=victim and pass of d=evil became pass of d=victim.
#[test]
fn opendmarc_70_verdicts_are_never_merged() {
    let (bank, evil) = ((name("bank.example"), DkimResult::Fail), (name("evil.example"), DkimResult::Pass));
    for [first, second] in [[bank.clone(), evil.clone()], [evil, bank]] {
        let input = author("bank.example").with_dkim(first.0, first.1).with_dkim(second.0, second.1);
        let verdict = judge(input, &dns());
        assert_fails_closed(&verdict);
        assert!(!verdict.dkim_aligned());
    }
    let both = author("bank.example").with_dkim(name("bank.example"), DkimResult::Fail).dkim("bank.example");
    assert_eq!(word(&judge(both, &dns())), "pass");
}

/// mailauth 5.0.0: adkim=s fell through to relaxed.
#[test]
fn mailauth_strict_is_strict() {
    let dns = zone(&[("bank.example", "v=DMARC1; p=reject; adkim=s; aspf=s")]);
    assert_fails_closed(&judge(
        author("bank.example").dkim("mail.bank.example").spf("mail.bank.example"),
        &dns,
    ));
}

#[test]
fn whole_labels_only() {
    for domain in ["evilbank.example", "bank.example.evil.example", "bank.examples", "example"] {
        assert_fails_closed(&judge(author("bank.example").dkim(domain).spf(domain), &dns()));
    }
}

/// "Composition Kills": one test for each way in which readers of a header disagree.
mod composition_kills {
    use super::*;

    #[test]
    fn no_from() {
        assert_unclear("Subject: x", "no From field");
        assert_unclear("Sender: ceo@bank.example", "no From field");
    }

    #[test]
    fn groups() {
        assert_differ("From: ceo@bank.example:u@evil.example;");
        assert_unclear("From: CEO: ceo@bank.example, u@evil.example;", "group in From");
        assert_unclear("From: undisclosed:;", "empty group in From");
        // RFC 6854: a group of one domain.
        assert_caught("From: CEO: ceo@bank.example;");
        assert_eq!(word(&attack("From: CEO: u@evil.example;")), "pass");
        // The name of a group is a display name.
        let named = attack("From: \"ceo@bank.example\": u@evil.example;");
        assert_eq!((word(&named), named.domains_in_names()), ("pass", &["bank.example".to_owned()][..]));
    }

    #[test]
    fn encoded_words() {
        // <ceo@bank.example> in base64 is text for display, as in any display name.
        assert_eq!(word(&attack("From: =?utf-8?b?PGNlb0BiYW5rLmV4YW1wbGU+?= <u@evil.example>")), "pass");
        // In a phrase an encoded word has no at sign (RFC 2047 §5): those who do not decode it show it.
        let verdict = attack("From: =?utf-8?q?ceo@bank.example?= <u@evil.example>");
        assert!(matches!(verdict.cause(), Some(Cause::InvalidFrom(cause)) if cause.id() == "readers-differ"));
        let reason = "From: encoded word in the place of an address at offset 1";
        assert_unclear("From: =?utf-8?b?PGNlb0BiYW5rLmV4YW1wbGU+?=", reason);
        assert_unclear("From: =?utf-8?q?ceo@bank.example?=", reason);
        assert_unclear("From: =?utf-8?q?ceo=40bank.example?=", reason);
        assert_unclear("From: =?utf-8?q?ceo?=@evil.example", reason);
    }

    #[test]
    fn nul_and_control_octets() {
        assert_unclear("From: ceo@bank.example\0@evil.example", "From: control character 0x00 at offset 17");
        assert_unclear("From: \0ceo@evil.example", "From: control character 0x00 at offset 1");
        assert_unclear("From: u@evil.example\u{8}", "From: control character 0x08 at offset 15");
        assert_unclear(
            "From\0: ceo@bank.example\r\nFrom: u@evil.example",
            "malformed line that looks like a From field",
        );
        assert_unclear(
            "From: ceo@bank.example\rFrom: u@evil.example",
            "From: control character 0x0d at offset 17",
        );
    }

    /// Python's `email` ends a line at a CR without LF, and takes the first From field.
    #[test]
    fn bare_cr_in_another_field() {
        for (fields, offset) in [
            ("X: a\rFrom: ceo@bank.example\r\nFrom: u@evil.example", 4),
            ("From: u@evil.example\r\nX: a\r\rFrom: ceo@bank.example", 26),
            ("X: a\r\rY: b\r\nFrom: u@evil.example", 4),
        ] {
            let reason = format!(
                "bare CR at offset {offset} of the header, where some readers see another From field or the end of the header"
            );
            assert_unclear(fields, &reason);
        }
        assert_eq!(word(&attack("X: a\rb\r\nFrom: u@evil.example")), "pass");
    }

    #[test]
    fn space_before_the_colon() {
        assert_unclear("From : ceo@bank.example\r\nFrom: u@evil.example", "2 From fields");
        assert_unclear("From : u@evil.example", "blank before the colon of the From field");
        assert_unclear("From\t: u@evil.example", "blank before the colon of the From field");
    }

    #[test]
    fn folded_and_indented_names() {
        let reason = "malformed line that looks like a From field";
        assert_unclear("From\r\n : ceo@bank.example\r\nFrom: u@evil.example", reason);
        assert_unclear(" From: ceo@bank.example\r\nFrom: u@evil.example", reason);
        assert_unclear("\u{feff}From: ceo@bank.example\r\nFrom: u@evil.example", reason);
        // A bare LF ends a line for some, and so it does here.
        assert_unclear("From: u@evil.example\nFrom: ceo@bank.example", "2 From fields");
    }

    #[test]
    fn route_addresses() {
        assert_differ("From: <@bank.example:u@evil.example>");
        assert_differ("From: <@evil.example,@x.example:ceo@bank.example>");
    }

    #[test]
    fn comments() {
        assert_differ("From: <ceo@bank.example(.evil.example)>");
        assert_eq!(word(&attack("From: ceo@(x)evil.example")), "pass");
        assert_eq!(word(&attack("From: <(ceo@bank.example)u@evil.example>")), "pass");
        // A comment in front or behind is for display only.
        assert_eq!(word(&attack("From: (ceo@bank.example) u@evil.example (ceo@bank.example)")), "pass");
    }

    #[test]
    fn two_addresses_in_the_room_of_one() {
        assert_differ("From: ceo@bank.example@evil.example");
        assert_differ("From: <ceo@bank.example@evil.example>");
        assert_differ("From: <ceo@bank.example><u@evil.example>");
        assert_differ("From: <u@evil.example>ceo@bank.example");
        assert_differ("From: ceo@bank.example u@evil.example");
        assert_differ("From: <<ceo@bank.example>u@evil.example>");
        assert_differ("From: ceo@bank.example;u@evil.example");
        // Some show what is in front of the brackets.
        assert_differ("From: ceo@bank.example <u@evil.example>");
        assert_differ("From: CEO ceo@bank.example via list <u@evil.example>");
    }

    #[test]
    fn quoted_local_parts() {
        assert_differ("From: \"ceo@bank.example\"@evil.example");
        assert_differ("From: <\"ceo@bank.example> \"@evil.example>");
        assert_differ("From: \"ceo@bank.example\\\"@evil.example");
        assert_eq!(word(&attack("From: \"ceo\" ceo@evil.example")), "pass");
    }

    #[test]
    fn unicode_dots() {
        let reason = |dot| format!("From: character {dot} in the place of a dot in the domain at offset 5");
        assert_unclear("From: ceo@bank。example", &reason("U+3002"));
        assert_unclear("From: ceo@bank．example", &reason("U+FF0E"));
        assert_unclear("From: ceo@bank｡example", &reason("U+FF61"));
        assert_unclear("From: ceo@bank․example", &reason("U+2024"));
    }

    #[test]
    fn domains_that_are_none() {
        for (from, reason) in [
            (
                "u@evil_\u{fffd}.example",
                "author domain evil_?.example is not valid: domain name is not ASCII",
            ),
            (
                "u@b%61nk.example",
                "author domain b%61nk.example is not valid: domain name has a forbidden byte 0x25",
            ),
            ("u@[192.0.2.1]", "no clear author: From: address literal instead of a domain name at offset 3"),
            ("u@bank..example", "no clear author: From: syntax error at offset 3"),
            ("u@.bank.example", "no clear author: From: syntax error at offset 3"),
        ] {
            let verdict = attack(format!("From: {from}"));
            assert_fails_closed(&verdict);
            assert!(verdict.cause().is_some_and(waxseal_dmarc::Cause::is_invalid_author));
            assert!(verdict.reason().starts_with(reason), "{}", verdict.reason());
        }
        let long = attack(format!("From: u@{}.example", "a".repeat(64)));
        assert!(matches!(long.cause(), Some(Cause::InvalidAuthor(_, InvalidDomainName::LabelTooLong))));
        assert_unclear(b"From: u@evil\xff.example", "From: domain at offset 3 is not UTF-8");
    }

    /// IDNA maps a fullwidth at sign and letters; what looks like the bank is the bank, or another name, never both.
    #[test]
    #[cfg(feature = "idna")]
    fn look_alikes_are_mapped_or_are_other_names() {
        assert_caught("From: ceo@ｂａｎｋ.example");
        assert_caught("From: ceo@BANK.example");
        let cyrillic = attack("From: ceo@b\u{430}nk.example");
        assert_eq!(
            (word(&cyrillic), cyrillic.author().unwrap().domain().as_str()),
            ("none", "xn--bnk-6cd.example")
        );
        assert!(matches!(attack("From: x\u{ff20}bank.example").cause(), Some(Cause::InvalidFrom(_))));
    }
}

#[test]
fn too_many_authors() {
    let list: Vec<_> = (0..5).map(|n| format!("u@{n}.evil.example")).collect();
    let verdict = attack(format!("From: {}", list.join(", ")));
    assert_fails_closed(&verdict);
    assert_eq!(verdict.reason(), "5 author domains, more than 4");
    assert_eq!(word(&attack(format!("From: {}", list[..4].join(", ")))), "pass");
    let thousand: Vec<_> = (0..1_000).map(|n| format!("u@{n}.example")).collect();
    assert_unclear(format!("From: {}", thousand.join(",")), "more than 256 addresses in From");
    let same = attack(format!("From: {}", ["u@evil.example"; 200].join(",")));
    assert_eq!((word(&same), same.authors().len()), ("pass", 1));
}

#[test]
fn the_receiver_decides_what_becomes_of_unclear_authors() {
    for disposition in [Disposition::None, Disposition::Quarantine, Disposition::Reject] {
        let local = LocalPolicy::default().with_invalid_from(disposition);
        let verdict = judge_by(local, Identifiers::from_header(&header("Subject: x")), &dns());
        assert_eq!((word(&verdict), verdict.disposition()), ("permerror", disposition));
        assert!(matches!(verdict.cause(), Some(Cause::InvalidFrom(cause)) if cause.id() == "missing"));
    }
}

/// What becomes of mail without a clear author is what the domains ask for whom it may seem to be from.
#[test]
fn the_strictest_policy_of_those_who_are_shown_decides() {
    let dns = zone(&[
        ("bank.example", "v=DMARC1; p=reject"),
        ("tested.example", "v=DMARC1; p=reject; t=y"),
        ("lax.example", "v=DMARC1; p=none"),
        ("above.example", "v=DMARC1; p=none; sp=quarantine"),
    ])
    .with_error("_dmarc.fails.example", LookupError::ServerFailure)
    .unwrap();
    let local = || LocalPolicy::default().with_reject_on_reject(true).with_invalid_from(Disposition::None);
    for (from, disposition) in [
        ("x @lax.example <u@evil.example>", Disposition::None),
        ("x @bank.example <u@lax.example>", Disposition::Reject),
        ("x @lax.example <u@bank.example>", Disposition::Reject),
        ("x @tested.example <u@lax.example>", Disposition::Quarantine),
        ("x @sub.above.example <u@lax.example>", Disposition::Quarantine),
        ("x @fails.example <u@lax.example>", Disposition::Defer),
        ("x @fails.example <u@bank.example>", Disposition::Reject),
        ("x @b%61nk.x <u@lax.example>", Disposition::None),
    ] {
        let input = || {
            Identifiers::from_header(&header(format!("From: {from}"))).dkim("lax.example").spf("bank.example")
        };
        let verdict = judge_by(local(), input(), &dns);
        assert_eq!(
            (word(&verdict), verdict.disposition()),
            ("permerror", disposition),
            "{}",
            verdict.explain()
        );
        assert!(!verdict.shown().is_empty() && verdict.author().is_none());
        // Local policy has nothing to say where all could be asked.
        let by_default =
            judge_by(local().with_invalid_from(Disposition::Reject), input(), &dns).disposition();
        let all_valid = !from.contains("@b%61nk.x");
        assert_eq!(by_default, if all_valid { disposition } else { Disposition::Reject }, "{from}");
    }
    let undeferrable = local().with_undeferrable(Disposition::Quarantine);
    let input = Identifiers::from_header(&header("From: x @fails.example <u@lax.example>"));
    assert_eq!(judge_by(undeferrable, input, &dns).disposition(), Disposition::Quarantine);
}

#[test]
fn of_more_domains_than_are_asked_the_strictest_and_local_policy_count() {
    let names: Vec<_> = (0..9).map(|n| format!("x@{n}.example <u@evil.example>")).collect();
    let input = Identifiers::from_header(&header(format!("From: {}", names.join(", "))));
    let strict = zone(&[("3.example", "v=DMARC1; p=reject")]);
    for (invalid_from, dns, expected) in [
        (Disposition::None, zone(&[]), Disposition::None),
        (Disposition::None, strict.clone(), Disposition::Quarantine),
        (Disposition::Reject, zone(&[]), Disposition::Reject),
        (Disposition::Reject, strict, Disposition::Reject),
    ] {
        let local = LocalPolicy::default().with_invalid_from(invalid_from);
        let (verdict, asked) = drive(DmarcCheck::new(input.clone()).with_local_policy(local), &dns);
        assert_eq!((word(&verdict), verdict.disposition()), ("permerror", expected));
        assert_eq!((verdict.shown().len(), asked.len() <= 9), (8, true), "{asked:?}");
    }
}

#[test]
fn a_misleading_name_is_told_and_on_request_refused() {
    let fields = "From: \"ceo@bank.example via List\" <u@evil.example>";
    let told = attack(fields);
    assert_eq!((word(&told), told.domains_in_names()), ("pass", &["bank.example".to_owned()][..]));
    assert!(told.explain().contains("the display name shows an address of another domain: bank.example\n"));
    let local = LocalPolicy::default().with_misleading_name_refused(true);
    let refused =
        judge_by(local.clone(), Identifiers::from_header(&header(fields)).dkim("evil.example"), &dns());
    let Some(Cause::InvalidFrom(cause)) = refused.cause() else { panic!("{refused}") };
    assert_eq!(cause.id(), "misleading-name");
    assert_eq!(cause.to_string(), "a display name shows an address of bank.example");
    assert_eq!(refused.disposition(), Disposition::Quarantine);
    assert!(refused.shown().iter().any(|shown| shown.domain() == &name("bank.example")));
    let plain = Identifiers::from_header(&header("From: CEO <u@evil.example>")).dkim("evil.example");
    assert_eq!(word(&judge_by(local, plain, &dns())), "pass");
}

#[test]
fn unclear_authors_ask_nothing() {
    let (_, asked) =
        drive(DmarcCheck::new(Identifiers::from_header(&header("From: <>")).dkim("evil.example")), &dns());
    assert_eq!(asked, [""; 0]);
}

#[test]
fn a_header_over_the_limit_has_no_author_and_is_not_let_through() {
    let error = HeaderError::TooManyFields(1000);
    let verdict = judge(Identifiers::without_header(error.clone()).dkim("evil.example"), &dns());
    assert_fails_closed(&verdict);
    assert_eq!(verdict.cause(), Some(&Cause::Header(error)));
    assert_eq!(
        (word(&verdict), verdict.reason().as_str()),
        ("permerror", "header block has more than 1000 fields")
    );
}
