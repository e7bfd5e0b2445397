//! Results that are of one identity and no other.

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
