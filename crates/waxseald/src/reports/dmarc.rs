//! Reports of DMARC failures, for domains that ask for them with `ruf=` (RFC 9991).

use super::{
    complaint::Complaint,
    dkim::{failure_type, signature_fields},
};
use crate::settings::ReportSettings;
use waxseal::{
    Report,
    authres::{AuthenticationResults, DmarcResult, Entry, SpfResult},
    dkim::Verdict,
    dmarc::{
        AuthorVerdict, DomainPolicy, FailureOptions,
        publish::{Authorization, ReportAuthorization},
    },
    dns::{Resolve, drive},
};

/// How many destinations of one record are looked up.
const MAX_DESTINATIONS: usize = 5;

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dmarc,
    /// `fo=d`
    Dkim,
    /// `fo=s`
    Spf,
}

/// The report requested for a message.
pub(super) async fn complaint(
    report: &Report,
    settings: &ReportSettings,
    dns: &(impl Resolve + ?Sized),
) -> Option<Complaint> {
    let author = report.dmarc().author()?;
    let is_enforced = author.evaluated_policy().is_some_and(|policy| policy != DomainPolicy::None);
    let record = author.record()?;
    let kind = kind(report, author, record.failure_options())?;
    if !is_enforced && !settings.on_none {
        return None;
    }
    let to = destinations(author, dns).await;
    if to.is_empty() && settings.bcc.is_empty() {
        return None;
    }
    let domain = author.domain().to_string();
    let fields = fields(report, author, kind);
    Some(Complaint { to, method: "DMARC", domain, fields })
}

/// The values of `fo=` that the message matches.
fn kind(report: &Report, author: &AuthorVerdict, options: FailureOptions) -> Option<Kind> {
    let FailureOptions { any, dkim, spf, only, .. } = options;
    let has_failed = author.result() == DmarcResult::Fail;
    let is_partial = !author.dkim_aligned() || !author.spf_aligned();
    if !only && (has_failed || any && is_partial) {
        return Some(Kind::Dmarc);
    }
    if dkim && failed_signature(report).is_some() {
        return Some(Kind::Dkim);
    }
    let spf_failed = !matches!(report.spf().result(), SpfResult::Pass | SpfResult::Neutral);
    (spf && spf_failed).then_some(Kind::Spf)
}

fn failed_signature(report: &Report) -> Option<&Verdict> {
    report.dkim().iter().find(|verdict| !verdict.is_pass() && verdict.domain().is_some())
}

/// "External destinations MUST be verified"; "Report generators MUST NOT consider "ruf" tags in DMARC Policy Records that have a
/// "psd=y" tag" (RFC 9991 §2).
async fn destinations(author: &AuthorVerdict, dns: &(impl Resolve + ?Sized)) -> Vec<String> {
    let (Some(record), Some(place)) = (author.record(), author.record_at()) else { return Vec::new() };
    if record.is_ruf_ignored() {
        return Vec::new();
    }
    let mut to = Vec::new();
    for uri in record.failure_reports().iter().filter(|uri| uri.is_mailto()).take(MAX_DESTINATIONS) {
        let check = ReportAuthorization::for_failure_reports(place.clone(), uri.clone());
        let granted = match drive(check, dns).await {
            Authorization::Internal | Authorization::Granted => vec![uri.clone()],
            Authorization::Redirected(uris) => uris,
            _ => Vec::new(),
        };
        to.extend(granted.iter().filter_map(|uri| uri.mailbox()).map(ToString::to_string));
    }
    // What would be two addresses, or none, in a field or on a line of SMTP is sent to nobody.
    to.retain(|address| {
        address.chars().all(|c| c.is_ascii_graphic() && !matches!(c, '<' | '>' | ',' | '"' | '(' | ')'))
    });
    to.truncate(MAX_DESTINATIONS);
    to
}

fn fields(report: &Report, author: &AuthorVerdict, kind: Kind) -> Vec<(&'static str, String)> {
    let failed = failed_signature(report);
    let word = match kind {
        Kind::Dmarc => "dmarc",
        Kind::Dkim => failed.map_or("signature", failure_type),
        Kind::Spf => "spf",
    };
    let entry: Entry = match (kind, failed) {
        (Kind::Dkim, Some(verdict)) => verdict.entry(),
        (Kind::Spf, _) => report.spf().entry(),
        _ => report.dmarc().entry(),
    };
    let results = AuthenticationResults::new(report.authentication_results().authserv_id());
    let mut fields = vec![
        ("Auth-Failure", word.to_owned()),
        ("Authentication-Results", results.with_entry(entry).to_string()),
        ("Reported-Domain", author.domain().to_string()),
    ];
    let unaligned = [("dkim", author.dkim_aligned()), ("spf", author.spf_aligned())];
    let unaligned: Vec<_> =
        unaligned.iter().filter(|(_, aligned)| !aligned).map(|(method, _)| *method).collect();
    let unaligned = if unaligned.is_empty() { "none".to_owned() } else { unaligned.join(", ") };
    fields.push(("Identity-Alignment", unaligned));
    if let Some(verdict) = failed.filter(|_| kind != Kind::Spf) {
        fields.extend(signature_fields(verdict, None));
    }
    let spf = report.spf();
    if let (Some(domain), Some(record), false) =
        (spf.domain(), spf.record(), spf.is_pass() || kind == Kind::Dkim)
    {
        let record = String::from_utf8_lossy(record).replace(['"', '\\'], "");
        fields.push(("SPF-DNS", format!("txt : {domain} : \"{record}\"")));
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use waxseal::{Authenticator, Envelope, Zone, dns::Question};

    fn settings(on_none: bool, bcc: &[&str]) -> ReportSettings {
        let bcc = bcc.iter().map(|text| (*text).to_owned()).collect();
        ReportSettings { dmarc: true, on_none, bcc, ..ReportSettings::default() }
    }

    fn found(record: &str, ip: &str, settings: &ReportSettings) -> Option<Complaint> {
        let zone = Zone::new()
            .with_txt("a.example", "v=spf1 ip4:192.0.2.1 -all")
            .and_then(|dns| dns.with_txt("_dmarc.a.example", record))
            .and_then(|dns| dns.with_txt("a.example._report._dmarc.willing.example", "v=DMARC1"))
            .unwrap();
        let message = b"From: joe@a.example\r\n\r\nHi.\r\n";
        let envelope = Envelope::new(ip.parse().unwrap(), "h", "joe@a.example");
        let authenticator = Authenticator::new("mx.example.net").unwrap();
        let report = authenticator.check_blocking(&envelope, message, SystemTime::now(), &zone);
        let dns = waxseal::dns::async_resolver_fn(async |q: Question| zone.lookup(&q));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(complaint(&report, settings, &dns))
    }

    const STRANGER: &str = "203.0.113.9";

    #[test]
    fn a_failure_is_reported_to_those_who_want_it() {
        let record = "v=DMARC1; p=reject; ruf=mailto:ruf@a.example,mailto:x@victim.example,mailto:y@willing.example!10k";
        let complaint = found(record, STRANGER, &settings(false, &[])).unwrap();
        assert_eq!(complaint.to, ["ruf@a.example", "y@willing.example"]);
        let text: Vec<_> = complaint.fields.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        for line in [
            "Auth-Failure: dmarc",
            "Reported-Domain: a.example",
            "Identity-Alignment: dkim, spf",
            "SPF-DNS: txt : a.example : \"v=spf1 ip4:192.0.2.1 -all\"",
        ] {
            assert!(text.iter().any(|field| field == line), "{line}: {text:?}");
        }
        assert!(
            text.iter().any(|field| field.starts_with("Authentication-Results: mx.example.net; dmarc=fail")),
            "{text:?}"
        );
    }

    #[test]
    fn no_report_where_none_is_wanted() {
        let none = |record: &str, on_none| found(record, STRANGER, &settings(on_none, &[]));
        assert_eq!(none("v=DMARC1; p=reject", false), None);
        assert_eq!(none("v=DMARC1; p=none; ruf=mailto:x@a.example", false), None);
        assert!(none("v=DMARC1; p=none; ruf=mailto:x@a.example", true).is_some());
        assert_eq!(none("v=DMARC1; p=reject; psd=y; ruf=mailto:x@a.example", false), None);
        assert_eq!(none("v=DMARC1; p=reject; ruf=mailto:x@victim.example", false), None);
        assert_eq!(
            none("v=DMARC1; p=reject; fo=d; ruf=mailto:x@a.example", false),
            None,
            "no signature failed"
        );
        assert_eq!(
            found("v=DMARC1; p=reject; ruf=mailto:x@a.example", "192.0.2.1", &settings(false, &[])),
            None
        );
    }

    #[test]
    fn fo_asks_for_more_and_the_site_for_a_copy_of_all() {
        let some = |record: &str, ip| found(record, ip, &settings(false, &[])).unwrap();
        let partial = some("v=DMARC1; p=reject; fo=1; ruf=mailto:x@a.example", "192.0.2.1");
        assert!(partial.fields.contains(&("Identity-Alignment", "dkim".to_owned())), "{partial:?}");
        let spf = some("v=DMARC1; p=reject; fo=s; ruf=mailto:x@a.example", STRANGER);
        assert!(spf.fields.contains(&("Auth-Failure", "spf".to_owned())), "{spf:?}");
        let copied = found("v=DMARC1; p=reject", STRANGER, &settings(false, &["us@mx.example"])).unwrap();
        assert!(copied.to.is_empty());
    }
}
