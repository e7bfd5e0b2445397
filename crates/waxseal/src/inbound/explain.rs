//! The report in words.

use super::Report;
use std::fmt::Write;

/// One line for the client, one or more for each method, and what to do.
pub(super) fn explain(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    _ = write(report, &mut out);
    out
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    let envelope = report.envelope();
    let (helo, mail_from) = (envelope.helo().escape_ascii(), envelope.mail_from().escape_ascii());
    if envelope.is_known() {
        writeln!(out, "client {}, HELO {helo}, MAIL FROM <{mail_from}>", envelope.ip())?;
    } else {
        writeln!(out, "no envelope: SPF and iprev were not checked")?;
    }
    if let Some(iprev) = report.iprev() {
        writeln!(out, "iprev={iprev}")?;
    }
    if envelope.is_known() {
        writeln!(out, "spf={} for MAIL FROM", report.spf())?;
    }
    if let Some(helo) = report.spf_helo() {
        writeln!(out, "spf={helo} for HELO")?;
    }
    if report.dkim().is_empty() {
        writeln!(out, "dkim=none (no signature)")?;
    }
    for verdict in report.dkim() {
        writeln!(out, "{verdict}")?;
    }
    #[cfg(feature = "arc")]
    if let Some(chain) = report.arc() {
        writeln!(out, "{chain}")?;
    }
    out.push_str(&report.dmarc().explain());
    let disposition = report.disposition();
    #[cfg(feature = "arc")]
    if let Some(forwarder) = report.trusted_forwarder() {
        let policy = report.dmarc().disposition();
        return writeln!(
            out,
            "disposition {disposition} in place of {policy}: a trusted forwarder saw DMARC pass ({forwarder})"
        );
    }
    writeln!(out, "disposition {disposition}")
}
