//! Values of the envelope and of signatures that break out of where they are written.

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
    for value in ["x\r\nFrom: u@evil.example", "x\nFrom: u@evil.example", "x\r\n\r\nFrom: u@evil.example"] {
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
