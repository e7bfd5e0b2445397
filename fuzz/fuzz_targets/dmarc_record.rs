//! DMARC records: one bad tag spoils nothing, the normal form asks for the same, and advice is one line of ASCII.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_dmarc::{Record, ReportUri, Scope, publish::lint};
use waxseal_dns::lint::Severity;

fuzz_target!(|text: &[u8]| {
    let marked = [b"v=DMARC1;", text].concat();
    assert!(Record::parse(&marked).is_ok());
    for text in [text, &marked] {
        let findings = lint(text);
        for finding in &findings {
            assert_is_line(&finding.to_string());
            assert!(finding.span().is_none_or(|span| span.start <= span.end && span.end <= text.len()));
        }
        match Record::parse(text) {
            Ok(record) => look_at(&record),
            Err(_) => assert!(matches!(&*findings, [one] if one.severity() == Severity::Error)),
        }
    }
    if let Ok(uri) = ReportUri::parse(text) {
        assert_reads_again(&uri);
    }
});

fn look_at(record: &Record) {
    let published = record.published();
    assert_is_line(&published);
    // A bad policy leaves nothing when nobody is to report.
    let nothing = record.invalid_policy().is_some() && record.aggregate_reports().is_empty();
    assert_eq!(nothing, record.requested(Scope::Domain).is_none());
    let written = record.to_string();
    assert_is_line(&written);
    let again = Record::parse(written.as_bytes()).expect("what was written is a record");
    assert_eq!(again.to_string(), written);
    for scope in [Scope::Domain, Scope::Subdomain, Scope::NonExistent] {
        let policy = |record: &Record| record.requested(scope);
        assert_eq!(policy(&again), policy(record));
    }
    let said = |r: &Record| {
        let alignment = (r.dkim_alignment(), r.spf_alignment());
        (r.psd(), r.is_testing(), alignment, r.failure_options(), r.percentage())
    };
    assert_eq!(said(&again), said(record));
    assert_eq!(again.aggregate_reports(), record.aggregate_reports());
    assert_eq!(again.failure_reports(), record.failure_reports());
    record.aggregate_reports().iter().chain(record.failure_reports()).for_each(assert_reads_again);
}

fn assert_reads_again(uri: &ReportUri) {
    let written = uri.to_string();
    assert_is_line(&written);
    assert_eq!(&ReportUri::parse(written.as_bytes()).expect("what was written is an address"), uri);
}

fn assert_is_line(text: &str) {
    assert!(text.bytes().all(|c| matches!(c, b' '..=b'~')), "{text:?}");
}
