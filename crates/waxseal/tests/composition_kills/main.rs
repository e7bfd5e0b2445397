//! Mail made to look as if a bank wrote it, from the octets of its header to the report. Each attack has good SPF
//! and, where a signer would sign such a header, a good DKIM signature, both for a domain of the forger's; each ends
//! in a named result that fails closed. The programs that fell for them are named where they are known.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

#[path = "../common/mod.rs"]
mod common;

mod arc;
mod dns_trouble;
mod floods;
mod identities;
mod injection;

use common::*;
use waxseal::{
    Disposition, Report,
    arc::{ChainVerifier, Policy, Sealer},
    authres::{ArcResult, AuthenticationResults, DkimResult, DmarcResult, SpfResult},
    dkim::{self, Signer},
    dmarc::{Cause, LocalPolicy},
    dns::{LookupError, Question, Zone, drive_blocking},
    header::{HeaderError, HeaderLimits, Space},
};

/// Behind the fields of an attack.
const REST: &str = "\r\nTo: joe@example.net\r\nSubject: your account\r\n\r\nPlease log in.\r\n";

/// A message with these fields on top, signed by the forger if a signer takes it, from the forger's client.
fn attack(fields: impl AsRef<[u8]>) -> Report {
    let message = [fields.as_ref(), REST.as_bytes()].concat();
    // Nothing more than needed is signed, so that as many signatures as possible are good.
    let field = signer("evil.example").with_oversigned([""; 0]).sign(&message, now());
    let message = [field.clone().unwrap_or_default().as_bytes(), &message].concat();
    let report = check(&evil(), &message, &dns());
    assert_forger_passes(&report, field.is_ok());
    report
}

/// The message has no clear author, for that reason, and is not let through.
#[track_caller]
fn assert_unclear(fields: impl AsRef<[u8]>, reason: &str) {
    let report = attack(fields);
    assert_fails_closed(&report);
    assert!(report.dmarc().cause().is_some_and(Cause::is_invalid_author), "{}", report.explain());
    assert_eq!(dmarc(&report), ("permerror", format!("no clear author: {reason}")));
    assert!(report.dmarc().authors().is_empty());
    assert!(field_of(&report).contains("dmarc=permerror reason="), "{report}");
}

/// Readers show different authors, the bank among them.
#[track_caller]
fn assert_differ(fields: impl AsRef<[u8]>) {
    let report = attack(fields);
    assert_fails_closed(&report);
    let cause = report.dmarc().cause();
    assert!(
        matches!(cause, Some(Cause::InvalidFrom(cause)) if cause.id() == "readers-differ"),
        "{}",
        report.explain()
    );
    assert!(
        report.explain().contains("some readers show bank.example: policy reject\n"),
        "{}",
        report.explain()
    );
    assert!(report.dmarc().authors().is_empty());
}

/// The bank is among the authors, and its policy is applied.
#[track_caller]
fn assert_caught(fields: impl AsRef<[u8]>) {
    let report = attack(fields);
    assert_fails_closed(&report);
    assert_eq!(dmarc(&report), ("fail", "no authenticated identifier is aligned with bank.example".into()));
    assert!(field_of(&report).contains(" header.from=bank.example"), "{report}");
}

#[track_caller]
fn assert_passes_for_evil(fields: impl AsRef<[u8]>) {
    let report = attack(fields);
    assert_eq!(report.dmarc().result(), DmarcResult::Pass, "{}", report.explain());
    assert!(field_of(&report).contains(" header.from=evil.example"), "{report}");
}

#[test]
fn a_plain_forgery_is_caught_and_honest_mail_passes() {
    assert_caught("From: ceo@bank.example");
    assert_passes_for_evil("From: ceo@evil.example");
    let message = signed("bank.example", b"From: ceo@bank.example\r\n\r\nHi.\r\n");
    let report = check(&envelope(BANK_IP, "bank.example", "ceo@bank.example"), &message, &dns());
    assert_eq!(dmarc(&report), ("pass", "dkim identifier bank.example is aligned".into()));
    assert_eq!(report.disposition(), Disposition::None);
    let strict = authenticator().with_dmarc(LocalPolicy::default().with_reject_on_reject(true));
    let report = check_by(&strict, &evil(), b"From: ceo@bank.example\r\n\r\nHi.\r\n", &dns());
    assert_eq!(report.disposition(), Disposition::Reject);
}

/// CVE-2019-16378: OpenDMARC took one of several From fields, the reader saw another.
mod several_authors {
    use super::*;

    #[test]
    fn cve_2019_16378_several_from_fields() {
        assert_unclear("From: ceo@bank.example\r\nFrom: u@evil.example", "2 From fields");
        assert_unclear("From: u@evil.example\r\nFrom: ceo@bank.example", "2 From fields");
        assert_unclear("From: u@evil.example\r\nX: y\r\nfROM: ceo@bank.example", "2 From fields");
        assert_unclear("From: u@evil.example\r\nFrom: u@evil.example", "2 From fields");
    }

    /// The signature covers the lower From, which the forger wrote, and is as good after another was put on top.
    #[test]
    fn a_from_field_added_above_a_good_signature() {
        let message = signed_once(b"From: u@evil.example\r\n\r\nHi.\r\n");
        let report = check(&evil(), &message, &dns());
        assert_eq!(report.dmarc().result(), DmarcResult::Pass);
        let forged = [b"From: ceo@bank.example\r\n", &message[..]].concat();
        let report = check(&evil(), &forged, &dns());
        assert_forger_passes(&report, true);
        assert_fails_closed(&report);
        let cause = report.dmarc().cause();
        assert!(matches!(cause, Some(Cause::InvalidFrom(cause)) if cause.to_string() == "2 From fields"));
        // Signers that oversign, as ours do, break at it.
        let message = signed("evil.example", b"From: u@evil.example\r\n\r\nHi.\r\n");
        let report = check(&evil(), &[b"From: ceo@bank.example\r\n", &message[..]].concat(), &dns());
        assert_forger_passes(&report, false);
        assert_eq!(dkim(&report)[0].0, DkimResult::Fail);
    }

    fn signed_once(message: &[u8]) -> Vec<u8> {
        let signer = signer("evil.example").with_oversigned([""; 0]);
        [signer.sign(message, now()).unwrap().as_bytes(), message].concat()
    }

    #[test]
    fn cve_2019_16378_several_addresses() {
        assert_caught("From: ceo@bank.example, u@evil.example");
        assert_caught("From: u@evil.example, ceo@bank.example");
        assert_caught("From: <u@evil.example>,\r\n\t\"CEO\" <ceo@bank.example>");
        assert_caught("Sender: u@evil.example\r\nFrom: u@evil.example, ceo@bank.example");
    }

    #[test]
    fn more_authors_than_are_evaluated() {
        let list: Vec<_> = (0..5).map(|n| format!("u@{n}.evil.example")).collect();
        let report = attack(format!("From: {}, ceo@bank.example", list.join(", ")));
        assert_fails_closed(&report);
        assert_eq!(dmarc(&report), ("permerror", "6 author domains, more than 4".into()));
    }

    #[test]
    fn cve_2021_34555_no_domain_and_no_address() {
        // What has no domain is nobody's.
        assert_eq!(dmarc(&attack("From: a, b@x.example")), ("none", "no DMARC record for x.example".into()));
        assert_unclear("From: <>", "no address in From");
        assert_unclear("From:", "no address in From");
        assert_unclear("From: \r\n\t", "no address in From");
        assert_unclear("From: \"CEO\"", "From: address without a domain at offset 1");
        assert_unclear("From: ceo@", "From: address without a domain at offset 1");
    }

    #[test]
    fn no_from_field() {
        assert_unclear("Sender: ceo@bank.example", "no From field");
        assert_unclear("Reply-To: ceo@bank.example\r\nResent-From: ceo@bank.example", "no From field");
        let report = check(&evil(), b"", &dns());
        assert_fails_closed(&report);
        assert_eq!(dmarc(&report), ("permerror", "no clear author: no From field".into()));
        // Everything is body here.
        assert_fails_closed(&check(&evil(), b"\r\nFrom: u@evil.example\r\n\r\nHi.\r\n", &dns()));
    }

    #[test]
    fn groups() {
        assert_unclear("From: CEO: ceo@bank.example, u@evil.example;", "group in From");
        // RFC 6854: a group of one domain.
        assert_caught("From: CEO: ceo@bank.example;");
        assert_passes_for_evil("From: CEO: u@evil.example;");
        // The name of a group is a display name.
        assert_passes_for_evil("From: \"ceo@bank.example\": u@evil.example;");
        assert_unclear("From: undisclosed:;", "empty group in From");
    }
}

/// "Composition Kills": readers of a header that disagree on who wrote it.
mod one_author_for_each_reader {
    use super::*;

    #[test]
    fn encoded_words() {
        let reason = "From: encoded word in the place of an address at offset 1";
        assert_unclear("From: =?utf-8?b?PGNlb0BiYW5rLmV4YW1wbGU+?=", reason);
        assert_unclear("From: =?utf-8?q?ceo=40bank.example?=", reason);
        assert_unclear("From: =?utf-8?q?ceo?=@evil.example", reason);
        assert_unclear("From: u=?utf-8?q?=3Cceo=40bank.example=3E?=@evil.example", reason);
        assert_unclear("From: \"=?utf-8?q?=22=3Cceo=40bank.example=3E?=\"@evil.example", reason);
        // As a display name it is no address, and every reader agrees.
        assert_passes_for_evil("From: =?utf-8?b?PGNlb0BiYW5rLmV4YW1wbGU+?= <u@evil.example>");
    }

    #[test]
    fn nul_and_other_control_octets() {
        assert_unclear("From: ceo@bank.example\0@evil.example", "From: control character 0x00 at offset 17");
        assert_unclear("From: \0ceo@evil.example", "From: control character 0x00 at offset 1");
        assert_unclear(
            "From\0: ceo@bank.example\r\nFrom: u@evil.example",
            "malformed line that looks like a From field",
        );
        let bare_cr = "From: ceo@bank.example\rFrom: u@evil.example";
        assert_unclear(bare_cr, "From: control character 0x0d at offset 17");
        assert_unclear("From: u@evil.example\nFrom: ceo@bank.example", "2 From fields");
    }

    /// Python's `email` ends a line at a CR without LF, and takes the first From field or, behind an empty line, none.
    #[test]
    fn bare_cr_in_another_field() {
        let assert_bare_cr = |report: &Report| {
            assert_fails_closed(report);
            let cause = report.dmarc().cause();
            assert!(
                matches!(cause, Some(Cause::InvalidFrom(cause)) if cause.id() == "bare-cr"),
                "{}",
                report.explain()
            );
        };
        for value in ["a\rFrom: ceo@bank.example", "a\r\rFrom: ceo@bank.example", "a\r\rY: b", "a\r"] {
            assert_bare_cr(&attack(format!("X: {value}\r\nFrom: u@evil.example")));
            let mut session = authenticator().begin(&evil(), now());
            session.field(b"X", value.as_bytes(), Space::Added).unwrap();
            session.field(b"From", b"u@evil.example", Space::Added).unwrap();
            assert_bare_cr(&drive_blocking(session.finish(), &dns()));
            // Cut where it hurts.
            let mut session = authenticator().begin(&evil(), now());
            for octet in format!("X: {value}\r\nFrom: u@evil.example\r\n\r\nHi.\r\n").bytes() {
                session.push(&[octet]);
            }
            assert_bare_cr(&drive_blocking(session.finish(), &dns()));
        }
        assert_bare_cr(&attack("From: u@evil.example\r\nX: a\rFrom: ceo@bank.example"));
        assert_passes_for_evil("From: u@evil.example\r\nX: a\r\r\nY: b");
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
    }

    #[test]
    fn route_addresses() {
        assert_differ("From: <@bank.example:u@evil.example>");
        assert_differ("From: <@evil.example,@x.example:ceo@bank.example>");
    }

    #[test]
    fn comments() {
        // postal-mime shows the comment in angle brackets.
        assert_differ("From: <ceo@bank.example(.evil.example)>");
        assert_passes_for_evil("From: ceo@(x)evil.example");
        assert_passes_for_evil("From: <(ceo@bank.example)u@evil.example>");
        assert_caught("From: ceo@bank.example (.evil.example)");
        assert_passes_for_evil("From: (ceo@bank.example) u@evil.example (ceo@bank.example)");
    }

    #[test]
    fn multiple_at_signs_and_addresses_in_the_room_of_one() {
        assert_differ("From: ceo@bank.example@evil.example");
        assert_differ("From: <ceo@bank.example@evil.example>");
        assert_differ("From: <ceo@bank.example><u@evil.example>");
        assert_differ("From: <<ceo@bank.example>u@evil.example>");
        assert_differ("From: ceo@bank.example <u@evil.example>");
        assert_differ("From: \"ceo@bank.example\"@evil.example");
    }

    #[test]
    fn unicode_dots() {
        for (dot, code) in [('。', "U+3002"), ('．', "U+FF0E"), ('｡', "U+FF61"), ('․', "U+2024")] {
            let reason = format!("From: character {code} in the place of a dot in the domain at offset 5");
            assert_unclear(format!("From: ceo@bank{dot}example"), &reason);
        }
    }

    #[test]
    fn domains_that_are_none() {
        let report = attack("From: u@b%61nk.example");
        assert_fails_closed(&report);
        let reason =
            "author domain b%61nk.example is not valid: domain name has a forbidden byte 0x25 at offset 1";
        assert_eq!(dmarc(&report), ("permerror", reason.into()));
        assert_unclear("From: u@[192.0.2.66]", "From: address literal instead of a domain name at offset 3");
        assert_unclear(b"From: u@evil\xff.example", "From: domain at offset 3 is not UTF-8");
    }
}
