//! `waxseal verify --jsonl`.

use crate::{
    batch::{self, BadLine, Jobs},
    dns_args::LineDns,
    exit::{Exit, Failure},
    input::{Input, LineEnds},
    time::time_of_line,
    verify::{MessageRow, SignatureRow},
};
use base64::{
    DecodeError, Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
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

/// Whether the padding is there does not matter.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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
        self.dns.with(line.zone, |dns| SignatureRow::all(&self.verifier.verify_blocking(&message, now, dns)))
    }
}

/// Folds in the base64, as MIME has them, do not matter either.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    BASE64.decode(text).or_else(|error| match text.contains(|c: char| c.is_ascii_whitespace()) {
        true => BASE64.decode(text.split_ascii_whitespace().collect::<String>()),
        false => Err(error),
    })
}
