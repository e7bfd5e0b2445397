//! `waxseal verify --jsonl`.

use crate::{
    batch,
    dns_args::LineDns,
    eml_b64::decode,
    input::LineEnds,
    time::{Seconds, time_of_line},
    verify::SignaturesRow,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, time::SystemTime};
use waxseal::dkim::Verifier;

#[derive(Debug, Deserialize)]
pub(crate) struct Line<'l> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    eml_b64: Cow<'l, str>,
    #[serde(borrow, default)]
    zone: Option<&'l RawValue>,
    #[serde(default)]
    now: Option<Seconds>,
}

/// What all lines share.
pub(crate) struct Judge<'a> {
    pub(crate) verifier: &'a Verifier,
    pub(crate) dns: LineDns<'a>,
    /// `--now`
    pub(crate) now: Option<SystemTime>,
    pub(crate) line_ends: LineEnds,
}

impl batch::Verb for Judge<'_> {
    type Line<'l> = Line<'l>;
    type Row = SignaturesRow;

    fn answer(&self, line: Line<'_>) -> Result<SignaturesRow, String> {
        let message = decode(&line.eml_b64).map_err(|error| format!("eml_b64: {error}"))?;
        let message = self.line_ends.apply(message);
        let now = time_of_line(line.now, self.now)?;
        let dkim = self.dns.drive(line.zone, self.verifier.check(&message, now))?;
        Ok(SignaturesRow { dkim })
    }
}

impl<'l> batch::Line<'l> for Line<'l> {
    fn take_id(&mut self) -> Value {
        self.id.take()
    }
}
