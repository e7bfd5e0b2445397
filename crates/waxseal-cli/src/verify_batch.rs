//! `waxseal verify --jsonl`.

use crate::{
    batch::{self, BadLine, Jobs},
    dns_args::LineDns,
    eml_b64::decode,
    exit::{Exit, Failure},
    input::{Input, LineEnds},
    time::time_of_line,
    verify::{MessageRow, SignatureRow},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{borrow::Cow, time::SystemTime};
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

/// What all lines share.
pub(crate) struct Judge<'a> {
    pub(crate) verifier: &'a Verifier,
    pub(crate) dns: LineDns<'a>,
    /// `--now`
    pub(crate) now: Option<SystemTime>,
    pub(crate) line_ends: LineEnds,
}

impl Judge<'_> {
    pub(crate) fn run(&self, input: Input, jobs: Jobs) -> Result<Exit, Failure> {
        batch::run(input, jobs, |line| {
            let id = batch::id(line)?;
            match self.judge(line) {
                Ok(dkim) => batch::answer(&MessageRow { id, dkim }),
                Err(error) => Err(BadLine { id, error }),
            }
        })
    }

    fn judge(&self, line: &[u8]) -> Result<Vec<SignatureRow>, String> {
        let line: Line<'_> = batch::parse(line)?;
        let message = decode(&line.eml_b64).map_err(|error| format!("eml_b64: {error}"))?;
        let message = self.line_ends.apply(message);
        let now = time_of_line(line.now, self.now)?;
        self.dns
            .drive(line.zone, self.verifier.check(&message, now))
            .map(|verdicts| SignatureRow::all(&verdicts))
    }
}
