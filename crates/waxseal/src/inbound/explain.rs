//! The report as a page of text.

use super::{Envelope, Method, Report};
use std::fmt::{self, Write};

/// One line for the client, one or more for each method, and what to do.
pub(super) fn explain(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    _ = write(report, &mut out);
    out
}

fn write(report: &Report, out: &mut String) -> fmt::Result {
    client(report, out)?;
    methods(report, out)?;
    disposition(report, out)
}

fn client(report: &Report, out: &mut String) -> fmt::Result {
    let envelope = report.envelope();
    let (helo, mail_from) = (shown(envelope.helo()), shown(envelope.mail_from()));
    match (envelope.ip(), envelope.missing()) {
        (Some(ip), _) => writeln!(out, "client {ip}, HELO {helo}, MAIL FROM <{mail_from}>"),
        (None, Some(why)) => {
            writeln!(out, "no envelope: {}; SPF and iprev were not checked", shown(why.as_bytes()))
        }
        (None, None) if *envelope == Envelope::unknown() => {
            writeln!(out, "no envelope: SPF and iprev were not checked")
        }
        (None, None) => writeln!(
            out,
            "client without an address, HELO {helo}, MAIL FROM <{mail_from}>: SPF and iprev were not checked"
        ),
    }
}

fn methods(report: &Report, out: &mut String) -> fmt::Result {
    if let Some(iprev) = report.iprev() {
        writeln!(out, "{iprev}")?;
    }
    if report.has(Method::Spf) {
        writeln!(out, "{}", report.spf())?;
    }
    if let Some(helo) = report.spf_helo() {
        writeln!(out, "{helo}")?;
    }
    if report.has(Method::Dkim) && report.dkim().is_empty() {
        writeln!(out, "dkim=none (no signature)")?;
    }
    for verdict in report.dkim() {
        writeln!(out, "{verdict}")?;
    }
    if let Some(chain) = report.arc() {
        writeln!(out, "{chain}")?;
    }
    if report.has(Method::Dmarc) {
        out.push_str(&report.dmarc().explain());
    }
    Ok(())
}

fn disposition(report: &Report, out: &mut String) -> fmt::Result {
    let disposition = report.disposition();
    if let Some(forwarder) = report.trusted_forwarder() {
        let policy = report.dmarc().disposition();
        return writeln!(
            out,
            "disposition {disposition} in place of {policy}: a trusted forwarder saw DMARC pass ({forwarder})"
        );
    }
    for cause in report.distrust() {
        writeln!(out, "no trusted forwarder: {}", waxseal_authres::reason(cause))?;
    }
    writeln!(out, "disposition {disposition}")
}

/// A client can send long text; what exceeds the length of a mailbox (RFC 5321 §4.5.3.1) is cut.
fn shown(octets: &[u8]) -> String {
    const MAX: usize = 320;
    match octets.get(..MAX) {
        Some(start) if octets.len() > MAX => format!("{}...", start.escape_ascii()),
        _ => octets.escape_ascii().to_string(),
    }
}
