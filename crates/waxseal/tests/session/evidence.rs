//! Evidence written, read and judged again.

use super::*;

#[track_caller]
pub(crate) fn assert_survives_a_file(authenticator: &Authenticator, report: &Report) {
    let saved = report.evidence().to_json();
    let read = Evidence::from_json(&saved).unwrap();
    let again = authenticator.replay(&read).unwrap();
    assert_eq!(told(&again), told(report));
    assert_eq!(read.envelope(), report.envelope());
    assert_eq!(again.evidence().to_json(), saved);
}

#[test]
fn evidence_survives_a_file() {
    for message in [&rich()[..], PLAIN, b"", b"\r\nno header\r\n", "X: y\r\n".repeat(1_001).as_bytes()] {
        assert_survives_a_file(&all(), &whole(&all(), message));
    }
    // Signatures with other hashes than everyone's.
    let odd = signer("bank.example").with_body_length(true);
    let message = [odd.sign(PLAIN, now()).unwrap().as_bytes(), PLAIN, b"added\r\n"].concat();
    assert_survives_a_file(&all(), &whole(&all(), &message));
}

#[test]
fn evidence_of_a_generous_receiver_survives_a_file() {
    let limits = HeaderLimits::default().with_max_fields(20_000).with_max_bytes(4 << 20);
    let generous = all().with_header_limits(limits);
    let message = ["X: y\r\n".repeat(5_000).as_bytes(), PLAIN].concat();
    let report = whole(&generous, &message);
    assert_eq!(report.dmarc().result(), DmarcResult::Fail, "{}", report.explain());
    assert_survives_a_file(&generous, &report);
    let long = format!("X: {}\r\n", "x".repeat(990)).repeat(400);
    assert_survives_a_file(&generous, &whole(&generous, &[long.as_bytes(), PLAIN].concat()));
}

#[test]
fn evidence_of_lookups_that_failed_survives_a_file() {
    let mut dns = zone();
    for (at, error) in [
        ("s._domainkey.bank.example", LookupError::Timeout),
        ("b.example", LookupError::ServerFailure),
        ("66.2.0.192.in-addr.arpa", LookupError::Malformed),
    ] {
        for question in
            [Question::txt(name(at)), Question { name: name(at), kind: waxseal::dns::RecordType::Ptr }]
        {
            dns.set_error_for(question, error.clone());
        }
    }
    let report = all().check_blocking(&sender(), &rich(), now(), &dns);
    assert_eq!(report.spf().result(), SpfResult::TempError, "{}", report.explain());
    assert_eq!(report.disposition(), Disposition::Defer);
    assert_survives_a_file(&all(), &report);
}

/// Other settings may need what was not kept, and then it is said, or come to another verdict.
#[test]
fn evidence_under_other_settings() {
    let report = whole(&authenticator(), PLAIN);
    let evidence = report.evidence();
    let error = all().replay(&evidence).unwrap_err();
    assert!(error.to_string().contains("body hash"), "{error}");
    let strict = waxseal::dmarc::LocalPolicy::default().with_reject_on_reject(true);
    let again = authenticator().with_dmarc(strict).replay(&evidence).unwrap();
    assert_eq!((report.disposition(), again.disposition()), (Disposition::Quarantine, Disposition::Reject));
    // The evidence of a time before 1970 and of one with fractions of a second.
    for now in [UNIX_EPOCH - Duration::from_secs(5), now() + Duration::from_nanos(1_500_000_001)] {
        let report = all().check_blocking(&sender(), &rich(), now, &zone());
        let read = Evidence::from_json(&report.evidence().to_json()).unwrap();
        assert_eq!(all().replay(&read).unwrap().explain(), report.explain());
    }
}

/// Angle brackets are taken off once, wherever a path has been in between.
#[test]
fn odd_reverse_paths_replay_to_the_same() {
    for path in ["", "<>", "<<>>", "<<a@b.example>>", "<a@b.example", "a@b.example>", "<<", ">"] {
        let envelope = Envelope::new("192.0.2.1".parse().unwrap(), "mail.example.org", path);
        let authenticator = Authenticator::new("mx.example.net").unwrap();
        let report = authenticator.check_blocking(&envelope, b"From: a@b.example\r\n\r\n", now(), &zone());
        assert_eq!(report.envelope().is_null_sender(), report.spf().is_null_sender(), "{path}");
        let saved = report.evidence().to_json();
        let again = authenticator.replay(&Evidence::from_json(&saved).unwrap()).unwrap();
        assert_eq!((field_of(&again), again.explain()), (field_of(&report), report.explain()), "{path}");
        assert_eq!(again.envelope(), report.envelope());
    }
}
