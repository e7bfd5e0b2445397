//! Mail made to look as if a bank wrote it, from the octets of its header to the report. Each attack has good SPF
//! and, where a signer would sign such a header, a good DKIM signature, both for a domain of the forger's; each ends
//! in a named result that fails closed. The programs that fell for them are named where they are known.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

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

/// Values of the envelope and of signatures that break out of where they are written.
mod injection {
    use super::*;

    const HOSTILE: [&[u8]; 12] = [
        b"bank.example(.evil.example",
        b"evil.example) (",
        b"evil.example' OR",
        b"evil.example\"",
        b"evil.example\\",
        b"evil.example\0.bank.example",
        b"evil.example bank.example",
        b"evil.example; dmarc=pass header.from=bank.example",
        b"evil.example\r\nAuthentication-Results: mx.example.net; dmarc=pass",
        b"evil.example\nFrom: ceo@bank.example",
        b"evil.example\r\n\r\n",
        b"\xff\xfe\xe3\x80\x82",
    ];

    const FORGED: &[u8] = b"From: ceo@bank.example\r\n\r\nHi.\r\n";

    /// CVE-2020-12272, and mail-auth before 0.9.1: the field stays one field, and says what it would say anyway.
    #[test]
    fn cve_2020_12272_mail_from() {
        for hostile in HOSTILE {
            for sender in [[b"u@", hostile].concat(), [b"\"", hostile, b"\"@evil.example"].concat()] {
                let report = check(&envelope(EVIL_IP, "evil.example", sender), FORGED, &dns());
                assert_fails_closed(&report);
                assert_only_these_methods(&report);
            }
        }
    }

    #[test]
    fn cve_2020_12272_mail_from_that_ends_like_an_address() {
        let sender = "ceo@bank.example(@evil.example";
        let report = check(&envelope(EVIL_IP, "evil.example", sender), FORGED, &dns());
        assert_fails_closed(&report);
        assert!(!report.dmarc().spf_aligned());
        let sender = "\"ceo@bank.example\"@evil.example";
        let report = check(&envelope(EVIL_IP, "evil.example", sender), FORGED, &dns());
        assert_eq!(report.spf().result(), SpfResult::Pass);
        assert_eq!(report.spf().domain().map(|domain| domain.as_str()), Some("evil.example"));
        assert_fails_closed(&report);
    }

    #[test]
    fn helo() {
        for hostile in HOSTILE {
            for sender in ["u@evil.example", ""] {
                let report = check(&envelope(EVIL_IP, hostile, sender), FORGED, &dns());
                assert_fails_closed(&report);
                assert_only_these_methods(&report);
            }
        }
    }

    /// CVE-2020-12272: `d=bank.example(.evil.example`, which OpenDMARC cut at the parenthesis.
    #[test]
    fn cve_2020_12272_signing_domain() {
        for hostile in HOSTILE {
            let domain: Vec<u8> =
                hostile.iter().copied().filter(|c| !matches!(c, b'\r' | b'\n' | b';')).collect();
            let field = [b"DKIM-Signature: v=1; a=rsa-sha256; s=s; h=from; bh=MTIz; b=MTIz; d=", &domain[..]];
            let message = [&field.concat(), &b"\r\n"[..], FORGED].concat();
            let report = check(&evil(), &message, &dns());
            assert_fails_closed(&report);
            assert_only_these_methods(&report);
            let [(word, domain, cause)] = &dkim(&report)[..] else { panic!("{}", report.explain()) };
            assert_eq!(*word, DkimResult::PermError, "{domain} {cause}");
            assert!(!cause.is_empty());
        }
    }

    /// The same words, whoever writes the values.
    #[track_caller]
    fn assert_only_these_methods(report: &Report) {
        let methods: Vec<_> = report.authentication_results().entries().iter().map(told).collect();
        for method in methods {
            assert!(!method.starts_with("dmarc=pass"), "{report}");
        }
        let field = field_of(report);
        let (header, _) = waxseal::header::Header::parse(field.as_bytes()).unwrap();
        let parsed = AuthenticationResults::parse(header.field(0).unwrap().value()).unwrap();
        assert_eq!(parsed.results_of::<DmarcResult>().count(), 1, "{report}");
        assert!(parsed.results_of::<DmarcResult>().all(|(word, _)| word != DmarcResult::Pass), "{report}");
    }

    fn told(entry: &waxseal::authres::Entry) -> String {
        format!("{}={}", entry.method(), entry.result())
    }

    /// What a milter is handed as one value is one field, or none.
    #[test]
    fn a_field_inside_a_field() {
        for value in ["x\r\nFrom: u@evil.example", "x\nFrom: u@evil.example", "x\r\n\r\nFrom: u@evil.example"]
        {
            let mut session = authenticator().begin(&evil(), now());
            session.field(b"Subject", value.as_bytes(), Space::Added).unwrap();
            session.field(b"From", b"u@evil.example", Space::Added).unwrap();
            let report = drive_blocking(session.finish(), &dns());
            assert_sound(&authenticator(), &report);
            assert_fails_closed(&report);
            assert!(matches!(report.dmarc().cause(), Some(Cause::Header(HeaderError::Value(1..)))));
            assert_eq!(dkim(&report)[0].0, DkimResult::PermError);
        }
    }

    #[test]
    fn a_field_inside_the_name_of_a_field() {
        for name in ["X: y\r\nFrom", "From: u@evil.example\r\nX", "", "From ", "Fr\0om"] {
            let mut session = authenticator().begin(&evil(), now());
            session.field(name.as_bytes(), b"u@evil.example", Space::Added).unwrap();
            session.field(b"From", b"u@evil.example", Space::Added).unwrap();
            let report = drive_blocking(session.finish(), &dns());
            assert_sound(&authenticator(), &report);
            assert_fails_closed(&report);
            assert!(
                report.dmarc().cause().is_some_and(Cause::is_invalid_author),
                "{name:?} {}",
                report.explain()
            );
        }
    }
}

/// Results that are of one identity and no other.
mod identities {
    use super::*;

    const FORGED: &[u8] = b"From: ceo@bank.example\r\n\r\nHi.\r\n";

    /// CVE-2019-20790: what HELO passed counted for MAIL FROM.
    #[test]
    fn cve_2019_20790_helo_never_stands_in_for_mail_from() {
        // The forger can say any HELO, and some names of the bank let anyone send.
        let dns = dns().with_txt("mail.bank.example", "v=spf1 +all").unwrap();
        for sender in ["u@nowhere.example", "ceo@bank.example", "u@evil.example", "not an address"] {
            let report = check(&envelope(EVIL_IP, "mail.bank.example", sender), FORGED, &dns);
            assert_eq!(report.spf_helo().map(|helo| helo.result()), Some(SpfResult::Pass), "{sender}");
            assert_fails_closed(&report);
            assert!(!report.dmarc().spf_aligned());
        }
        let report = check(&envelope(EVIL_IP, "mail.bank.example", "u@nowhere.example"), FORGED, &dns);
        assert_eq!(report.spf().result(), SpfResult::None);
        assert_eq!(dmarc(&report), ("fail", "no authenticated identifier".into()));
    }

    /// RFC 7208 §2.4: the MAIL FROM identity of a bounce is postmaster at HELO.
    #[test]
    fn a_null_sender_is_postmaster_at_helo() {
        let bounce = b"From: mailer-daemon@bank.example\r\n\r\nSorry.\r\n";
        for null in ["", "<>"] {
            let report = check(&envelope(EVIL_IP, "evil.example", null), bounce, &dns());
            assert!(report.spf().is_null_sender() && report.spf_helo().is_none());
            assert_eq!(report.spf().result(), SpfResult::Pass);
            assert_fails_closed(&report);
            let report = check(&envelope(BANK_IP, "bank.example", null), bounce, &dns());
            assert_eq!(dmarc(&report), ("pass", "spf identifier bank.example is aligned".into()));
            assert!(field_of(&report).contains("spf=pass"), "{report}");
        }
        // A client that says the bank's name is not the bank's.
        let report = check(&envelope(EVIL_IP, "bank.example", ""), bounce, &dns());
        assert_eq!(report.spf().result(), SpfResult::Fail);
        assert_fails_closed(&report);
    }

    /// OpenDMARC pull request 70: fail of d=victim and pass of d=evil became pass of d=victim.
    #[test]
    fn opendmarc_70_two_verdicts_are_never_merged() {
        let evil_field = signer("evil.example").sign(FORGED, now()).unwrap();
        // A signature in the bank's name with the forger's key.
        let forger = Signer::new(name("bank.example"), "s", key("evil.example")).unwrap();
        let bank_field = forger.sign(FORGED, now()).unwrap();
        for fields in [[&evil_field, &bank_field], [&bank_field, &evil_field]] {
            let message = [fields[0].as_bytes(), fields[1].as_bytes(), FORGED].concat();
            let report = check(&evil(), &message, &dns());
            assert_fails_closed(&report);
            assert_eq!(dmarc(&report).1, "no authenticated identifier is aligned with bank.example");
            for verdict in report.dkim().iter() {
                let is_evil = verdict.domain() == Some(&name("evil.example"));
                assert_eq!(verdict.is_pass(), is_evil, "{}", report.explain());
            }
        }
        // The bank's own signature passes beside a broken one, in either order.
        let bank_field = signer("bank.example").sign(FORGED, now()).unwrap();
        let broken = evil_field.replace("s=s;", "s=t;");
        for fields in [[&broken, &bank_field], [&bank_field, &broken]] {
            let message = [fields[0].as_bytes(), fields[1].as_bytes(), FORGED].concat();
            let report = check(&evil(), &message, &dns());
            assert_eq!(dmarc(&report), ("pass", "dkim identifier bank.example is aligned".into()));
        }
    }

    /// OpenDKIM #334: what is left of a signature with an unknown algorithm spoilt the next one.
    #[test]
    fn opendkim_334_an_unsupported_algorithm_leaves_nothing_behind() {
        let good = signer("bank.example").sign(FORGED, now()).unwrap();
        let unknown = good.replace("a=ed25519-sha256", "a=falcon-sha3");
        assert_ne!(unknown, good);
        for (fields, passes) in [([&unknown, &good], [false, true]), ([&good, &unknown], [true, false])] {
            let message = [fields[0].as_bytes(), fields[1].as_bytes(), FORGED].concat();
            let report = check(&evil(), &message, &dns());
            let words: Vec<_> = report.dkim().iter().map(dkim::Verdict::is_pass).collect();
            assert_eq!(words, passes, "{}", report.explain());
            assert_eq!(report.dmarc().result(), DmarcResult::Pass);
        }
        let report = check(&evil(), &[unknown.as_bytes(), FORGED].concat(), &dns());
        assert_fails_closed(&report);
        assert_eq!(dkim(&report)[0].0, DkimResult::PermError);
    }

    /// `l=` shorter than the body, and a body that someone added to.
    #[test]
    fn a_body_behind_l_does_not_pass() {
        let message = b"From: ceo@bank.example\r\n\r\nHi.\r\n";
        let field = signer("bank.example").with_body_length(true).sign(message, now()).unwrap();
        let report = check(&evil(), &[field.as_bytes(), message, b"Pay here.\r\n"].concat(), &dns());
        assert_fails_closed(&report);
        assert_eq!(dkim(&report)[0].0, DkimResult::Policy);
    }

    #[test]
    fn mailauth_strict_alignment_is_strict() {
        let dns = publish(Zone::new(), "sub.strict.example", EVIL_IP, "not a record");
        let dns = dns.with_txt("_dmarc.strict.example", "v=DMARC1; p=reject; adkim=s; aspf=s").unwrap();
        let message = signed("sub.strict.example", b"From: ceo@strict.example\r\n\r\nHi.\r\n");
        let report = check(&envelope(EVIL_IP, "x", "u@sub.strict.example"), &message, &dns);
        assert_forger_passes(&report, true);
        assert_fails_closed(&report);
    }
}

/// More of everything than any honest message has.
mod floods {
    use super::*;

    const FORGED: &[u8] = b"From: ceo@bank.example\r\n\r\nHi.\r\n";

    fn header_limits() -> HeaderLimits {
        HeaderLimits::default().with_max_fields(20_000).with_max_bytes(8 << 20)
    }

    /// OpenDKIM #271: unlimited signatures, each with a key of its own.
    #[test]
    fn opendkim_271_five_thousand_signatures() {
        let field = signer("evil.example").sign(FORGED, now()).unwrap();
        let fields: String = (0..5_000).map(|n| field.replace("s=s;", &format!("s=s{n};"))).collect();
        let message = [fields.as_bytes(), FORGED].concat();

        // Over the default limits of a header nothing is looked at, and that has a name.
        let (report, lookups) = check_and_count(&evil(), &message, &dns());
        assert_fails_closed(&report);
        assert!(matches!(report.dmarc().cause(), Some(Cause::Header(HeaderError::TooLong(262_144)))));
        assert!(lookups <= 12, "{lookups}");
        assert!(field_of(&report).len() < 2_000, "{report}");

        let generous = authenticator().with_header_limits(header_limits());
        let report = generous.check_blocking(&evil(), &message, now(), &dns());
        assert_fails_closed(&report);
        assert_eq!(report.dkim().as_slice().len(), 5_000);
        let capped = report.dkim().iter().filter(|verdict| verdict.result() == DkimResult::Policy).count();
        assert!(capped >= 4_980, "{capped}");
        assert!(report.evidence().answers().len() <= 30, "{}", report.evidence().answers().len());
        assert!(field_of(&report).len() <= 20_000, "{}", field_of(&report).len());
        assert!(field_of(&report).contains("more signatures"), "{report}");
        assert_sound(&generous, &report);
    }

    /// The field is bounded, but a signature that passes is in it wherever it stands.
    #[test]
    fn a_good_signature_below_many_is_told_of() {
        let broken = signer("evil.example").sign(b"From: u@evil.example\r\n\r\nHo.\r\n", now()).unwrap();
        let message = [broken.repeat(30).as_bytes(), &signed("bank.example", FORGED)].concat();
        let verifier = dkim::Verifier::new(dkim::Policy::default().with_max_signatures(40)).unwrap();
        let field = field_of(&check_by(&authenticator().with_dkim(verifier), &evil(), &message, &dns()));
        assert_eq!(
            (field.matches("dkim=fail").count(), field.matches("dkim=pass").count()),
            (20, 1),
            "{field}"
        );
        assert!(field.contains("dkim=policy reason=\"10 more signatures\""), "{field}");
    }

    /// However many signatures there are, SPF of the author's own domain is still seen.
    #[test]
    fn signatures_do_not_push_spf_out() {
        let field = signer("evil.example").sign(FORGED, now()).unwrap();
        let fields: String = (0..200).map(|n| field.replace("s=s;", &format!("s=s{n};"))).collect();
        let message = [fields.as_bytes(), FORGED].concat();
        let report = check(&envelope(BANK_IP, "bank.example", "ceo@bank.example"), &message, &dns());
        assert_eq!(dmarc(&report), ("pass", "spf identifier bank.example is aligned".into()));
    }

    #[test]
    fn a_header_over_the_octets_it_may_have() {
        let long = format!("X: {}\r\n", "x".repeat(900)).repeat(300);
        let message =
            [long.as_bytes(), &signed("evil.example", b"From: u@evil.example\r\n\r\nHi.\r\n")].concat();
        let report = check(&evil(), &message, &dns());
        assert_fails_closed(&report);
        assert_eq!(dmarc(&report), ("permerror", "header block is longer than 262144 bytes".into()));
        let [(word, _, cause)] = &dkim(&report)[..] else { panic!("one verdict") };
        assert_eq!(
            (*word, cause.as_str()),
            (DkimResult::PermError, "header block is longer than 262144 bytes")
        );
        let generous = authenticator().with_header_limits(header_limits());
        let report = check_by(&generous, &evil(), &message, &dns());
        assert_eq!(report.dmarc().result(), DmarcResult::Pass);
    }

    #[test]
    fn a_header_over_the_fields_it_may_have() {
        let many = "X: y\r\n".repeat(1_000);
        let message = [many.as_bytes(), b"From: u@evil.example\r\n\r\nHi.\r\n"].concat();
        let report = check(&evil(), &message, &dns());
        assert_fails_closed(&report);
        assert_eq!(dmarc(&report), ("permerror", "header block has more than 1000 fields".into()));
        let mut session = authenticator().begin(&evil(), now());
        for _ in 0..1_000 {
            session.field(b"X", b"y", Space::Added).unwrap();
        }
        session.field(b"From", b"u@evil.example", Space::Added).unwrap();
        let report_by_field = drive_blocking(session.finish(), &dns());
        assert_eq!(report_by_field.explain(), report.explain());
        // The receiver decides what becomes of mail without a clear author.
        for disposition in [Disposition::None, Disposition::Quarantine, Disposition::Reject] {
            let local = authenticator().with_dmarc(LocalPolicy::default().with_invalid_from(disposition));
            assert_eq!(check_by(&local, &evil(), &message, &dns()).disposition(), disposition);
        }
    }

    #[test]
    fn a_header_that_never_ends() {
        let mut session = authenticator().begin(&evil(), now());
        for _ in 0..10_000 {
            session.push(&[b'x'; 1_024]);
        }
        let report = drive_blocking(session.finish(), &dns());
        assert_sound(&authenticator(), &report);
        assert_fails_closed(&report);
        assert!(matches!(report.dmarc().cause(), Some(Cause::Header(HeaderError::TooLong(262_144)))));
    }
}

/// ARC sets that are no chain. A failed chain is no worse than none, and no better.
mod arc {
    use super::*;

    const FORGED: &[u8] = b"From: ceo@bank.example\r\n\r\nHi.\r\n";

    fn with_arc() -> waxseal::Authenticator {
        // The forger is even trusted: what does not verify does not count.
        authenticator().with_arc(Policy::default()).with_trusted_sealers(|_| true)
    }

    /// Passed on by so many handlers, each of whom says that DMARC passed.
    fn chain(sets: usize) -> Vec<u8> {
        (0..sets).fold(FORGED.to_vec(), |message, _| sealed(&message))
    }

    fn sealed(message: &[u8]) -> Vec<u8> {
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(message, now(), &dns());
        let results = AuthenticationResults::new("evil.example").with_entry(
            waxseal::authres::Entry::dmarc(DmarcResult::Pass).with_property(
                waxseal::authres::Ptype::Header,
                "from",
                "bank.example",
            ),
        );
        let sealer = Sealer::new(name("evil.example"), "s", key("evil.example")).unwrap();
        let set = sealer.seal(message, &chain, &results, now()).unwrap();
        [set.fields().as_bytes(), message].concat()
    }

    /// The cause, behind DMARC and the disposition of a forgery.
    #[track_caller]
    fn cause_of(message: &[u8]) -> String {
        let report = check_by(&with_arc(), &evil(), message, &dns());
        assert_fails_closed(&report);
        assert!(report.trusted_forwarder().is_none());
        let chain = report.arc().unwrap();
        assert_eq!(chain.result(), ArcResult::Fail, "{}", report.explain());
        assert!(field_of(&report).contains("arc=fail reason="), "{report}");
        chain.cause().unwrap().to_string()
    }

    fn replaced(message: &[u8], from: &str, to: &str) -> Vec<u8> {
        let text = String::from_utf8(message.to_vec()).unwrap();
        assert!(text.contains(from), "{from}");
        text.replace(from, to).into_bytes()
    }

    /// The fields of one set, and the message without them.
    fn taken_out(message: &[u8], instance: &str) -> (Vec<u8>, Vec<u8>) {
        let (header, body) = waxseal::header::Header::parse(message).unwrap();
        let is_of = |field: &waxseal::header::Field<'_>| {
            let text = String::from_utf8_lossy(field.value());
            field.name().starts_with(b"ARC-") && text.trim_start().starts_with(&format!("i={instance};"))
        };
        let (of, others): (Vec<_>, Vec<_>) = header.fields().partition(is_of);
        assert_eq!(of.len(), 3);
        let joined = |fields: Vec<waxseal::header::Field<'_>>| {
            fields.iter().map(|field| field.raw()).collect::<Vec<_>>().concat()
        };
        (joined(of), [joined(others), b"\r\n".to_vec(), body.to_vec()].concat())
    }

    #[test]
    fn a_good_chain_is_one() {
        let report = check_by(&with_arc(), &evil(), &chain(3), &dns());
        assert!(report.arc().unwrap().is_pass(), "{}", report.explain());
        assert_eq!(report.disposition(), Disposition::None);
        // Whom nobody trusts changes nothing.
        let unknown = authenticator().with_arc(Policy::default());
        let report = check_by(&unknown, &evil(), &chain(3), &dns());
        assert!(report.arc().unwrap().is_pass());
        assert_fails_closed(&report);
    }

    #[test]
    fn more_than_fifty_sets() {
        let fifty = chain(50);
        assert!(check_by(&with_arc(), &evil(), &fifty, &dns()).arc().unwrap().is_pass());
        let (newest, _) = taken_out(&fifty, "50");
        let one_more = [&replaced(&newest, "i=50;", "i=51;"), &fifty[..]].concat();
        assert_eq!(cause_of(&one_more), "more than 50 ARC sets");
        let huge = [&replaced(&newest, "i=50;", "i=999999999;"), &fifty[..]].concat();
        assert_eq!(cause_of(&huge), "more than 50 ARC sets");
        let huge = [&replaced(&newest, "i=50;", "i=4294967297;"), &fifty[..]].concat();
        assert_eq!(cause_of(&huge), "ARC-Seal without a legible i=");
        let flood = [&newest.repeat(300)[..], FORGED].concat();
        assert_eq!(cause_of(&flood), "second ARC-Seal in set 50");
    }

    #[test]
    fn gaps_duplicates_and_pieces() {
        let three = chain(3);
        let (second, without) = taken_out(&three, "2");
        assert_eq!(cause_of(&without), "no set 2");
        assert_eq!(cause_of(&[&second, &three[..]].concat()), "second ARC-Seal in set 2");
        let zero = replaced(&three, "i=3;", "i=0;");
        assert_eq!(cause_of(&zero), "ARC-Seal without a legible i=");
        let missing = replaced(&three, "ARC-Message-Signature: i=3;", "X-Message-Signature: i=3;");
        assert_eq!(cause_of(&missing), "no ARC-Message-Signature in set 3");
    }

    #[test]
    fn chains_that_failed_before() {
        let failed = replaced(&chain(2), "cv=pass", "cv=fail");
        assert_eq!(cause_of(&failed), "seal of set 2 says that the chain failed");
        let in_the_middle = replaced(&chain(3), "cv=none", "cv=fail");
        assert_eq!(cause_of(&in_the_middle), "seal of set 1 says cv=fail");
        let passed_at_once = replaced(&chain(1), "cv=none", "cv=pass");
        assert_eq!(cause_of(&passed_at_once), "seal of set 1 says cv=pass");
    }

    /// A seal over a chain that does not verify says so, and the chain ends there.
    #[test]
    fn nothing_is_added_to_a_chain_that_failed() {
        let sealer = Sealer::new(name("evil.example"), "s", key("evil.example")).unwrap();
        let sealing = with_arc().with_sealer(sealer);
        let broken = replaced(&chain(1), "Hi.", "Ho.");
        let report = check_by(&sealing, &evil(), &broken, &dns());
        let set = report.seal().unwrap();
        assert!(set.seal().contains("cv=fail;"), "{}", set.seal());
        let sealed = [set.fields().as_bytes(), &broken].concat();
        assert_eq!(cause_of(&sealed), "seal of set 2 says that the chain failed");
        let report = check_by(&sealing, &evil(), &sealed, &dns());
        assert!(report.seal().unwrap_err().to_string().starts_with("the chain has ended"));
    }
}

/// DNS that fails in the wrong moment or is asked for what no name can be.
mod dns_trouble {
    use super::*;

    const FORGED: &[u8] = b"From: ceo@a.b.bank.example\r\n\r\nHi.\r\n";

    /// RFC 9989 §5.3.6: neither pass nor fail, and the policy is not applied.
    #[test]
    fn a_server_failure_in_the_middle_of_a_walk() {
        for (at, error) in
            [("b.bank.example", LookupError::ServerFailure), ("bank.example", LookupError::Timeout)]
        {
            let mut dns = dns();
            dns.set_error_for(Question::txt(name(&format!("_dmarc.{at}"))), error);
            let report = check(&evil(), FORGED, &dns);
            assert_eq!(dmarc(&report).0, "temperror", "{}", report.explain());
            assert!(dmarc(&report).1.starts_with(&format!("lookup of _dmarc.{at} TXT failed: ")));
            assert_eq!(report.disposition(), Disposition::Defer);
            assert!(field_of(&report).contains("dmarc=temperror reason="), "{report}");
        }
        let report = check(&evil(), FORGED, &dns());
        assert_fails_closed(&report);
    }

    /// The key of the bank cannot be had: nobody knows whether its signature is good.
    #[test]
    fn a_key_that_can_not_be_had() {
        let message = signed("bank.example", b"From: ceo@bank.example\r\n\r\nHi.\r\n");
        let key_of = |domain: &str| Question::txt(name(&format!("s._domainkey.{domain}")));
        let mut dns = dns();
        dns.set_error_for(key_of("bank.example"), LookupError::ServerFailure);
        let report = check(&evil(), &message, &dns);
        assert_eq!(dkim(&report)[0].0, DkimResult::TempError);
        assert_eq!(dmarc(&report), ("temperror", "dkim of bank.example had a temporary error".into()));
        assert_eq!(report.disposition(), Disposition::Defer);
        // The selector is the forger's choice, and so is the domain below the bank's: they fail on every try.
        for (selector, domain) in [("x", "bank.example"), ("x", "lame.bank.example")] {
            let selector: waxseal::dkim::Selector = selector.parse().unwrap();
            let forger = Signer::new(name(domain), selector, key("evil.example")).unwrap();
            let text = b"From: ceo@bank.example\r\n\r\nHi.\r\n";
            let message = [forger.sign(text, now()).unwrap().as_bytes(), text].concat();
            let at = Question::txt(name(&format!("x._domainkey.{domain}")));
            dns.set_error_for(at, LookupError::ServerFailure);
            let report = check(&evil(), &message, &dns);
            assert_eq!((dmarc(&report).0, report.disposition()), ("temperror", Disposition::Defer));
            assert!(field_of(&report).contains(" (p=reject dis=defer) "), "{report}");
            let local = LocalPolicy::default().with_undeferrable(Disposition::Quarantine);
            let report = check_by(&authenticator().with_dmarc(local), &evil(), &message, &dns);
            assert_eq!((dmarc(&report).0, report.disposition()), ("temperror", Disposition::Quarantine));
        }
        // A failing key of someone else's decides nothing.
        let message = signed("evil.example", b"From: ceo@bank.example\r\n\r\nHi.\r\n");
        dns.set_error_for(key_of("evil.example"), LookupError::ServerFailure);
        assert_fails_closed(&check(&evil(), &message, &dns));
    }

    /// RFC 1035 §2.3.4: a name has 253 octets at most, and `_dmarc.` takes seven.
    #[test]
    fn a_name_that_is_too_long_with_dmarc_in_front() {
        let label = "a".repeat(60);
        let rest = ".bank.example";
        let long = format!("{label}.{label}.{label}.{}{rest}", "a".repeat(249 - 3 * 61 - rest.len()));
        assert_eq!(long.len(), 249);
        let report = check(&evil(), format!("From: ceo@{long}\r\n\r\nHi.\r\n").as_bytes(), &dns());
        assert_fails_closed(&report);
        assert_eq!(
            report.dmarc().author().and_then(|author| author.record_at()),
            Some(&name("bank.example")),
            "{}",
            report.explain()
        );
        let over = format!("a.{label}.{long}");
        let report = check(&evil(), format!("From: ceo@{over}\r\n\r\nHi.\r\n").as_bytes(), &dns());
        assert_fails_closed(&report);
        assert!(report.dmarc().cause().is_some_and(Cause::is_invalid_author), "{}", report.explain());
    }

    /// CVE-2012-5671 and the like: records of a size that nobody expects.
    #[test]
    fn huge_records() {
        let huge = "x".repeat(65_000);
        let dns = Zone::new()
            .with_txt("s._domainkey.evil.example", format!("v=DKIM1; p={huge}"))
            .and_then(|dns| dns.with_txt("evil.example", format!("v=spf1 {huge}")))
            .and_then(|dns| dns.with_txt("_dmarc.bank.example", format!("v=DMARC1; p=reject; rua={huge}")))
            .unwrap();
        let message = signed("evil.example", b"From: ceo@bank.example\r\n\r\nHi.\r\n");
        let report = check(&evil(), &message, &dns);
        assert_fails_closed(&report);
        assert_eq!(dkim(&report)[0].0, DkimResult::PermError);
        assert_eq!(report.spf().result(), SpfResult::PermError);
        assert!(field_of(&report).len() < 3_000, "{report}");
    }
}
