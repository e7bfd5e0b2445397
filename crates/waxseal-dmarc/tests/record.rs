//! What a record says, by its text.

use waxseal_dmarc::{Alignment, DomainPolicy, FailureOptions, Psd, Record, ReportUri};

#[test]
fn every_setter_is_seen_in_the_text() {
    let uri = |text: &str| text.parse::<ReportUri>().unwrap();
    let record = Record::new(DomainPolicy::Reject)
        .with_subdomain_policy(DomainPolicy::Quarantine)
        .with_nonexistent_policy(DomainPolicy::None)
        .with_psd(Psd::No)
        .with_testing(true)
        .with_dkim_alignment(Alignment::Strict)
        .with_spf_alignment(Alignment::Strict)
        .with_aggregate_reports([uri("mailto:a@b.example")])
        .with_failure_reports([uri("mailto:f@b.example")])
        .with_failure_options(FailureOptions { dkim: true, only: true, ..FailureOptions::default() });
    let text = record.to_string();
    for tag in [
        "p=reject",
        "sp=quarantine",
        "np=none",
        "psd=n",
        "t=y",
        "adkim=s",
        "aspf=s",
        "rua=mailto:a@b.example",
        "ruf=mailto:f@b.example",
        "fo=d",
    ] {
        assert!(text.split("; ").any(|part| part == tag), "{tag} is not in {text}");
    }
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
