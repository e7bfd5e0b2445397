//! What a record says, by its text.

use waxseal_dmarc::{Alignment, DomainPolicy, FailureOptions, Psd, Record};

#[test]
fn every_tag_is_read_and_written() {
    let text = "v=DMARC1; p=reject; sp=quarantine; np=none; psd=n; t=y; adkim=s; aspf=s; rua=mailto:a@b.example; \
                ruf=mailto:f@b.example; fo=d";
    let record = Record::parse(text.as_bytes()).unwrap();
    assert_eq!(record.policy(), Some(DomainPolicy::Reject));
    assert_eq!(record.subdomain_policy(), Some(DomainPolicy::Quarantine));
    assert_eq!(record.nonexistent_policy(), Some(DomainPolicy::None));
    assert_eq!((record.psd(), record.is_testing()), (Psd::No, true));
    assert_eq!((record.dkim_alignment(), record.spf_alignment()), (Alignment::Strict, Alignment::Strict));
    assert_eq!(record.aggregate_reports()[0].as_str(), "mailto:a@b.example");
    assert_eq!(record.failure_reports()[0].as_str(), "mailto:f@b.example");
    let only_dkim = FailureOptions { dkim: true, only: true, ..FailureOptions::default() };
    assert_eq!(record.failure_options(), only_dkim);
    assert_eq!(record.to_string(), text);
}

#[test]
fn records_that_ask_for_another_thing_are_not_equal() {
    let record = |text: &str| Record::parse(text.as_bytes()).unwrap();
    let one = record("v=DMARC1; p=none; rua=mailto:a@b.example; ruf=mailto:f@b.example");
    assert_eq!(one, record("v=DMARC1;p=none;ruf=mailto:f@b.example;rua=mailto:a@b.example;"));
    for other in [
        "v=DMARC1; p=reject; rua=mailto:a@b.example; ruf=mailto:f@b.example",
        "v=DMARC1; p=none; rua=mailto:x@b.example; ruf=mailto:f@b.example",
        "v=DMARC1; p=none; rua=mailto:a@b.example; ruf=mailto:x@b.example",
    ] {
        assert_ne!(one, record(other), "{other}");
    }
}
