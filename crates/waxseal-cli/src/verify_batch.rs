//! `waxseal verify --jsonl`.

use crate::{
    batch::{self, BadLine},
    dns_args::{DnsArgs, LineDns},
    exit::{Exit, Failure},
    verify::{MessageRow, SignatureRow, time},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    io::Read,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal::dkim::Verifier;

#[derive(Debug, Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    eml_b64: Cow<'l, str>,
    #[serde(borrow, default)]
    zone: Option<&'l RawValue>,
    #[serde(default)]
    now: Option<f64>,
}

pub(crate) fn run(
    input: impl Read,
    verifier: &Verifier,
    dns: &DnsArgs,
    now: Option<u64>,
) -> Result<Exit, Failure> {
    let dns = LineDns::new(dns);
    batch::run(input, |line| {
        let id = batch::id(line)?;
        match judge(line, verifier, &dns, now) {
            Ok(dkim) => batch::answer(&MessageRow { id, dkim }),
            Err(error) => Err(BadLine { id, error }),
        }
    })
}

fn judge(
    line: &[u8],
    verifier: &Verifier,
    dns: &LineDns<'_>,
    now: Option<u64>,
) -> Result<Vec<SignatureRow>, String> {
    let line: Line<'_> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let message = BASE64_STANDARD.decode(&*line.eml_b64).map_err(|error| format!("eml_b64: {error}"))?;
    let now = line.now.and_then(from_unix).unwrap_or_else(|| time(now));
    dns.with(line.zone, |dns| SignatureRow::all(&verifier.verify_blocking(&message, now, dns)))
}

/// Times before 1970 and beyond all calendars are none.
fn from_unix(seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}
