//! More of everything than any honest message has.

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
    assert_eq!((field.matches("dkim=fail").count(), field.matches("dkim=pass").count()), (20, 1), "{field}");
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
    let message = [long.as_bytes(), &signed("evil.example", b"From: u@evil.example\r\n\r\nHi.\r\n")].concat();
    let report = check(&evil(), &message, &dns());
    assert_fails_closed(&report);
    assert_eq!(dmarc(&report), ("permerror", "header block is longer than 262144 bytes".into()));
    let [(word, _, cause)] = &dkim(&report)[..] else { panic!("one verdict") };
    assert_eq!((*word, cause.as_str()), (DkimResult::PermError, "header block is longer than 262144 bytes"));
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
