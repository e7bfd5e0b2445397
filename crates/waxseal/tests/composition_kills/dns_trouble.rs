//! DNS that fails in the wrong moment or is asked for what no name can be.

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
