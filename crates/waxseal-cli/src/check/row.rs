//! A report in JSON.

use super::trace::Told;
use crate::verify::SignatureRow;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};
use waxseal::{IprevVerdict, Report, arc::Chain, authres::reason, dmarc, spf::Verdict};

/// One message.
#[derive(Debug, Serialize)]
pub(super) struct ReportRow<I> {
    /// Lines of a batch have theirs already.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<I>,
    dkim: Vec<SignatureRow>,
    arc: Option<ArcRow>,
    spf: SpfRow,
    spf_helo: Option<SpfRow>,
    dmarc: dmarc::Verdict,
    iprev: IprevRow,
    disposition: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trusted_forwarder: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    distrust: Vec<String>,
    authentication_results: String,
    /// The time of arrival, if that was the time of the check.
    #[serde(skip_serializing_if = "Option::is_none")]
    received: Option<ReceivedRow>,
}

/// The time of arrival in Unix time, or why the check was as of now.
#[derive(Debug, Serialize)]
struct ReceivedRow {
    time: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
struct ArcRow {
    result: &'static str,
    reason: String,
    oldest_pass: Option<u32>,
    sets: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unsigned_additions: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct SpfRow {
    result: Option<&'static str>,
    identity: Option<&'static str>,
    domain: Option<String>,
    reason: String,
    lookups: u16,
    void_lookups: u16,
}

#[derive(Debug, Serialize)]
struct IprevRow {
    result: Option<&'static str>,
    name: Option<String>,
    reason: Option<String>,
}

impl<I> ReportRow<I> {
    pub(super) fn new(id: Option<I>, report: &Report, told: &Told) -> Self {
        let no_envelope = || match &told.no_envelope {
            Some(why) => format!("no envelope: {why}"),
            None => "no envelope".into(),
        };
        Self {
            id,
            dkim: SignatureRow::all(report.dkim()),
            arc: report.arc().map(Into::into),
            spf: match report.envelope().is_known() {
                true => report.spf().into(),
                false => SpfRow::unchecked(no_envelope()),
            },
            spf_helo: report.spf_helo().map(Into::into),
            dmarc: report.dmarc().clone(),
            iprev: report.iprev().map_or_else(|| IprevRow::unchecked(no_envelope()), Into::into),
            disposition: report.disposition().as_str(),
            trusted_forwarder: report.trusted_forwarder().map(ToString::to_string),
            distrust: report.distrust().iter().map(|cause| reason(cause)).collect(),
            authentication_results: report.authentication_results().to_string(),
            received: told.time.as_ref().map(Into::into),
        }
    }
}

impl From<&Result<SystemTime, String>> for ReceivedRow {
    fn from(time: &Result<SystemTime, String>) -> Self {
        let since = time.as_ref().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { time: since.map(|since| since.as_secs()), reason: time.as_ref().err().cloned() }
    }
}

impl From<&Chain> for ArcRow {
    fn from(chain: &Chain) -> Self {
        Self {
            result: chain.result().as_str(),
            reason: chain.reason(),
            oldest_pass: chain.oldest_pass(),
            sets: chain.sets().len(),
            unsigned_additions: chain.unsigned_additions().to_vec(),
        }
    }
}

impl From<&Verdict> for SpfRow {
    fn from(verdict: &Verdict) -> Self {
        Self {
            result: Some(verdict.result().as_str()),
            identity: Some(verdict.identity().as_str()),
            domain: verdict.domain().map(ToString::to_string),
            reason: verdict.reason(),
            lookups: verdict.lookups(),
            void_lookups: verdict.void_lookups(),
        }
    }
}

impl SpfRow {
    fn unchecked(reason: String) -> Self {
        Self { result: None, identity: None, domain: None, reason, lookups: 0, void_lookups: 0 }
    }
}

impl From<&IprevVerdict> for IprevRow {
    fn from(verdict: &IprevVerdict) -> Self {
        Self {
            result: Some(verdict.result().as_str()),
            name: verdict.name().map(ToString::to_string),
            reason: verdict.cause().map(|_| verdict.reason()),
        }
    }
}

impl IprevRow {
    fn unchecked(reason: String) -> Self {
        Self { result: None, name: None, reason: Some(reason) }
    }
}
