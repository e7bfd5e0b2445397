//! Lookups that fail beside a whole message: what passed does not wait, what is forged does not get by.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal::{
    Disposition, Report,
    authres::{DkimResult, SpfResult},
    dkim::Signer,
    dmarc::LocalPolicy,
    dns::{LookupError, Question, RecordType, Zone},
};

const TEXT: &[u8] = b"From: ceo@bank.example\r\nSubject: figures\r\n\r\nHi.\r\n";

/// The zone of the bank in which these questions fail.
fn failing(questions: &[(&str, RecordType)]) -> Zone {
    let mut dns = dns();
    for (at, kind) in questions {
        dns.set_error_for(Question::new(name(at), *kind), LookupError::ServerFailure);
    }
    dns
}

/// The message with a signature of `domain` by a selector that is not there, or fails.
fn signed_at(domain: &str, selector: &str, message: &[u8]) -> Vec<u8> {
    let signer = Signer::new(name(domain), selector, key("evil.example")).unwrap();
    [signer.sign(message, now()).unwrap().as_bytes(), message].concat()
}

#[track_caller]
fn assert_decided(report: &Report, word: &str, disposition: Disposition) {
    assert_eq!((dmarc(report).0, report.disposition()), (word, disposition), "{}", report.explain());
    assert!(field_of(report).contains(&format!("dis={disposition})")), "{report}");
    assert!(report.explain().ends_with(&format!("disposition {disposition}\n")));
}

/// Failing signatures above and below, HELO, the reverse DNS of the client, and the walk above the bank.
#[test]
fn honest_mail_that_passed_does_not_wait_for_what_failed_beside_it() {
    let dns = failing(&[
        ("x._domainkey.bank.example", RecordType::Txt),
        ("x._domainkey.lame.bank.example", RecordType::Txt),
        ("x._domainkey.evil.example", RecordType::Txt),
        ("mail.bank.example", RecordType::Txt),
        ("1.2.0.192.in-addr.arpa", RecordType::Ptr),
        ("_dmarc.example", RecordType::Txt),
        ("_dmarc.lame.bank.example", RecordType::Txt),
    ]);
    let bank = envelope(BANK_IP, "mail.bank.example", "ceo@bank.example");
    let beside = |message: &[u8]| {
        let message = signed_at("bank.example", "x", message);
        signed_at("evil.example", "x", &signed_at("lame.bank.example", "x", &message))
    };
    // By DKIM from elsewhere, with the good signature at the bottom or on top.
    for message in [beside(&signed("bank.example", TEXT)), signed("bank.example", &beside(TEXT))] {
        let report = check(&evil(), &message, &dns);
        assert!(dkim(&report).iter().filter(|found| found.0 == DkimResult::TempError).count() == 3);
        assert_decided(&report, "pass", Disposition::None);
    }
    // By SPF alone.
    let report = check(&bank, &beside(TEXT), &dns);
    assert_eq!(report.spf_helo().unwrap().result(), SpfResult::TempError);
    assert_eq!(report.iprev().unwrap().result().as_str(), "temperror");
    assert_decided(&report, "pass", Disposition::None);
}

/// RFC 9989 §5.3.6: no pass and no fail. But what passed for the bank's own name passes or is spared, whatever its record says.
#[test]
fn mail_that_passed_for_its_very_author_does_not_wait_for_the_record() {
    let dns = failing(&[("_dmarc.bank.example", RecordType::Txt)]);
    for local in [LocalPolicy::default(), LocalPolicy::default().with_undeferrable(Disposition::Reject)] {
        let authenticator = authenticator().with_dmarc(local);
        let report = check_by(&authenticator, &evil(), &signed("bank.example", TEXT), &dns);
        assert_decided(&report, "temperror", Disposition::None);
        assert!(report.dmarc().dkim_aligned());
    }
    assert_decided(&check(&evil(), TEXT, &dns), "temperror", Disposition::Defer);
}

/// Every name below the bank's is the forger's choice, and one that fails on every try can always be found.
#[test]
fn a_forgery_that_leans_on_a_failing_name_waits_for_ever() {
    let dns = failing(&[
        ("x._domainkey.bank.example", RecordType::Txt),
        ("x._domainkey.lame.bank.example", RecordType::Txt),
        ("lame.bank.example", RecordType::Txt),
        ("_dmarc.lame.bank.example", RecordType::Txt),
    ]);
    let lame = envelope(EVIL_IP, "evil.example", "u@lame.bank.example");
    let from_lame = b"From: ceo@lame.bank.example\r\n\r\nHi.\r\n".to_vec();
    for (envelope, message) in [
        (evil(), signed_at("bank.example", "x", TEXT)),
        (evil(), signed_at("lame.bank.example", "x", TEXT)),
        (lame, TEXT.to_vec()),
        (evil(), from_lame.clone()),
        (evil(), signed("evil.example", &from_lame)),
    ] {
        for (undeferrable, disposition) in [
            (Disposition::Defer, Disposition::Defer),
            (Disposition::Quarantine, Disposition::Quarantine),
            (Disposition::Reject, Disposition::Reject),
        ] {
            let local = LocalPolicy::default().with_reject_on_reject(true).with_undeferrable(undeferrable);
            let report = check_by(&authenticator().with_dmarc(local), &envelope, &message, &dns);
            assert_decided(&report, "temperror", disposition);
        }
    }
    // What fails in the end is refused at once.
    let strict = authenticator().with_dmarc(LocalPolicy::default().with_reject_on_reject(true));
    assert_decided(&check_by(&strict, &evil(), TEXT, &dns), "fail", Disposition::Reject);
}
