//! `waxseal check --jsonl`.

use super::{
    Check,
    row::ReportRow,
    trace::{Beginning, EnvelopeSource, Now, Origin},
};
use crate::{
    batch,
    client_address::parse_client_address,
    dns_args::LineDns,
    eml_b64::decode,
    exit::{Exit, Failure},
    input::Input,
    time::{Seconds, time_of_line},
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::borrow::Cow;
use waxseal::{Authenticator, Envelope, header::Header};

#[derive(Debug, Deserialize)]
struct Line<'l> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    eml_b64: Cow<'l, str>,
    #[serde(borrow, default)]
    zone: Option<&'l RawValue>,
    #[serde(borrow, default)]
    ip: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    helo: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    mail_from: Option<Cow<'l, str>>,
    #[serde(default)]
    now: Option<Seconds>,
}

impl Line<'_> {
    fn envelope(&self) -> Result<Envelope, String> {
        let Some(ip) = &self.ip else { return Ok(Envelope::unknown()) };
        let ip = parse_client_address(ip).map_err(|error| format!("ip: {error}"))?;
        let text = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
        Ok(Envelope::new(ip, text(&self.helo), text(&self.mail_from)))
    }
}

impl<'l> batch::Line<'l> for Line<'l> {
    fn take_id(&mut self) -> Value {
        self.id.take()
    }
}

/// What all lines share.
struct Batch<'a> {
    check: &'a Check,
    authenticator: Authenticator,
    dns: LineDns<'a>,
}

pub(super) fn run(check: &Check, input: Input) -> Result<Exit, Failure> {
    let batch = Batch { check, authenticator: check.authenticator(), dns: LineDns::new(&check.dns) };
    batch::run(input, check.jobs, &batch)
}

impl batch::Verb for Batch<'_> {
    type Line<'l> = Line<'l>;
    type Row = ReportRow<()>;

    fn answer(&self, line: Line<'_>) -> Result<Self::Row, String> {
        let envelope = line.envelope()?;
        let message = decode(&line.eml_b64).map_err(|error| format!("eml_b64: {error}"))?;
        let message = self.check.line_ends.apply(message);
        let now = match line.now {
            Some(_) => Now::At(time_of_line(line.now, None)?),
            None => self.check.now(),
        };
        let origin = Origin { envelope: EnvelopeSource::Given(envelope), now };
        let Beginning { envelope, now, told } = origin.given().unwrap_or_else(|| {
            let header = Header::parse(&message).map(|(header, _)| header);
            origin.of_header(header.as_ref())
        });
        let report = self.dns.drive(line.zone, self.authenticator.inbound(&envelope, &message, now))?;
        Ok(ReportRow::new(None, &report, &told))
    }
}
