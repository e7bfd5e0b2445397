//! A bank that wants its forgeries refused, a forger whose own domain passes everything, and what becomes of their mail.
#![allow(dead_code, reason = "not every test file needs all of it")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    net::IpAddr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal::{
    Authenticator, Disposition, Envelope, Report,
    authres::{AuthenticationResults, DkimResult, SpfResult},
    crypto::PrivateKey,
    dkim::{KeyRecord, Signer},
    dns::{Answers, DomainName, Zone, drive_with_blocking},
    header::Header,
};

/// The forger's client, which `evil.example` lets send.
pub(crate) const EVIL_IP: &str = "192.0.2.66";
/// The bank's.
pub(crate) const BANK_IP: &str = "192.0.2.1";

pub(crate) fn name(text: &str) -> DomainName {
    DomainName::new(text).unwrap()
}

/// A throw-away key for each domain, made from its name.
pub(crate) fn key(domain: &str) -> PrivateKey {
    let mut seed = [0; 32];
    seed.iter_mut().zip(domain.bytes()).for_each(|(to, from)| *to = from);
    PrivateKey::from_ed25519_seed(&seed).unwrap()
}

/// With the key of `domain` at selector `s`, SPF for one client, and a DMARC record.
pub(crate) fn publish(dns: Zone, domain: &str, client: &str, dmarc: &str) -> Zone {
    dns.with_txt(
        &format!("s._domainkey.{domain}"),
        KeyRecord::new(key(domain).public_key().clone()).to_string(),
    )
    .and_then(|dns| dns.with_txt(domain, format!("v=spf1 ip4:{client} -all")))
    .and_then(|dns| dns.with_txt(&format!("_dmarc.{domain}"), dmarc))
    .unwrap()
}

/// The bank wants reject; the forger passes everything for a domain of his own.
pub(crate) fn dns() -> Zone {
    let dns = publish(Zone::new(), "bank.example", BANK_IP, "v=DMARC1; p=reject");
    publish(dns, "evil.example", EVIL_IP, "v=DMARC1; p=quarantine")
}

pub(crate) fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

pub(crate) fn signer(domain: &str) -> Signer {
    Signer::new(name(domain), "s", key(domain)).unwrap()
}

/// The message with a signature of `domain` in front.
pub(crate) fn signed(domain: &str, message: &[u8]) -> Vec<u8> {
    [signer(domain).sign(message, now()).unwrap().as_bytes(), message].concat()
}

pub(crate) fn envelope(ip: &str, helo: impl AsRef<[u8]>, mail_from: impl AsRef<[u8]>) -> Envelope {
    Envelope::new(ip.parse::<IpAddr>().unwrap(), helo, mail_from)
}

/// The envelope of the forger: SPF passes for `evil.example`.
pub(crate) fn evil() -> Envelope {
    envelope(EVIL_IP, "evil.example", "u@evil.example")
}

pub(crate) fn authenticator() -> Authenticator {
    Authenticator::new("mx.example.net").unwrap()
}

pub(crate) fn check(envelope: &Envelope, message: &[u8], dns: &Zone) -> Report {
    check_by(&authenticator(), envelope, message, dns)
}

/// Checks a message, and everything that has to hold of each report.
pub(crate) fn check_by(
    authenticator: &Authenticator,
    envelope: &Envelope,
    message: &[u8],
    dns: &Zone,
) -> Report {
    let report = authenticator.check_blocking(envelope, message, now(), dns);
    assert_sound(authenticator, &report);
    report
}

/// Checks a message and counts the questions to DNS.
pub(crate) fn check_and_count(envelope: &Envelope, message: &[u8], dns: &Zone) -> (Report, usize) {
    let mut answers = Answers::new();
    let check = authenticator().inbound(envelope, message, now());
    let report = drive_with_blocking(check, &mut answers, dns, None);
    assert_sound(&authenticator(), &report);
    (report, answers.known().len())
}

/// What is written is one field that parses back to the same, explanations are ASCII, and the evidence says the same
/// again.
#[track_caller]
pub(crate) fn assert_sound(authenticator: &Authenticator, report: &Report) {
    assert_is_one_field(&field_of(report), &report.authentication_results());
    assert_eq!(Header::parse(report.received_spf().to_field().as_bytes()).unwrap().0.len(), 1);
    let explained = report.explain();
    assert!(explained.bytes().all(|c| matches!(c, b' '..=b'~' | b'\n')), "{explained:?}");
    let again = authenticator.replay(&report.evidence()).unwrap();
    assert_eq!(again.explain(), explained);
    let line = report.to_string();
    assert!(line.bytes().all(|c| matches!(c, b' '..=b'~')), "{line:?}");
    assert_eq!(field_of(&again), field_of(report));
}

/// The Authentication-Results field.
pub(crate) fn field_of(report: &Report) -> String {
    report.authentication_results().to_field()
}

#[track_caller]
fn assert_is_one_field(field: &str, results: &AuthenticationResults) {
    let (header, rest) = Header::parse(field.as_bytes()).unwrap();
    assert!(header.len() == 1 && rest.is_empty(), "{field:?}");
    assert!(field.bytes().all(|c| matches!(c, b' '..=b'~' | b'\r' | b'\n' | b'\t')), "{field:?}");
    assert!(field.split("\r\n").all(|line| line.len() <= 998), "{field:?}");
    let value = header.field(0).unwrap().value();
    let parsed = AuthenticationResults::parse(value).unwrap();
    assert_eq!(parsed.authserv_id(), Some(results.authserv_id()));
    assert_eq!(parsed.entries().len(), results.entries().len(), "{field}");
    assert_eq!(parsed.to_results().as_ref().map(ToString::to_string), Some(results.to_string()));
}

/// Result and reason of DMARC.
pub(crate) fn dmarc(report: &Report) -> (&'static str, String) {
    (report.dmarc().result().as_str(), report.dmarc().reason())
}

/// Result, domain and cause of each signature.
pub(crate) fn dkim(report: &Report) -> Vec<(DkimResult, String, String)> {
    let told = |verdict: &waxseal::dkim::Verdict| {
        let domain = verdict.domain().map(ToString::to_string).unwrap_or_default();
        (verdict.result(), domain, verdict.cause().map(ToString::to_string).unwrap_or_default())
    };
    report.dkim().iter().map(told).collect()
}

/// Nothing that would be let through.
#[track_caller]
pub(crate) fn assert_fails_closed(report: &Report) {
    assert!(matches!(report.dmarc().result().as_str(), "fail" | "permerror"), "{}", report.explain());
    assert!(report.disposition() >= Disposition::Quarantine, "{}", report.explain());
    assert_ne!(report.disposition(), Disposition::Defer);
}

/// The forger's own credentials are good; only that makes an attack one.
#[track_caller]
pub(crate) fn assert_forger_passes(report: &Report, signed: bool) {
    assert_eq!(report.spf().result(), SpfResult::Pass, "{}", report.explain());
    assert_eq!(report.dkim().is_pass(), signed, "{}", report.explain());
}
