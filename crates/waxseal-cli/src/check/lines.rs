//! `waxseal check --jsonl`.

use super::{
    Check,
    row::ReportRow,
    trace::{Beginning, EnvelopeSource, Now, Origin, Told},
};
use crate::{
    batch::{self, BadLine},
    client_address::parse_client_address,
    dns_args::LineDns,
    eml_b64::decode,
    exit::{Exit, Failure},
    input::Input,
    time::time_of_line,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::borrow::Cow;
use waxseal::{Authenticator, Envelope, Report, header::Header};

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
    now: Option<f64>,
}

impl Line<'_> {
    fn envelope(&self) -> Result<Envelope, String> {
        let Some(ip) = &self.ip else { return Ok(Envelope::unknown()) };
        let ip = parse_client_address(ip).map_err(|error| format!("ip: {error}"))?;
        let text = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or_default().to_owned();
        Ok(Envelope::new(ip, text(&self.helo), text(&self.mail_from)))
    }
}

pub(super) fn run(check: &Check, input: Input) -> Result<Exit, Failure> {
    let (authenticator, dns) = (check.authenticator(), LineDns::new(&check.dns));
    batch::run(input, check.jobs, |text| {
        let mut line: Line<'_> = match batch::parse(text) {
            Ok(line) => line,
            Err(error) => return Err(BadLine { id: batch::id(text)?, error }),
        };
        let id = line.id.take();
        match judge(check, &authenticator, &dns, &line) {
            Ok((report, told)) => batch::answer(&ReportRow::new(Some(id), &report, &told)),
            Err(error) => Err(BadLine { id, error }),
        }
    })
}

fn judge(
    check: &Check,
    authenticator: &Authenticator,
    dns: &LineDns<'_>,
    line: &Line<'_>,
) -> Result<(Report, Told), String> {
    let envelope = line.envelope()?;
    let message = decode(&line.eml_b64).map_err(|error| format!("eml_b64: {error}"))?;
    let message = check.line_ends.apply(message);
    let now = match line.now {
        Some(_) => Now::At(time_of_line(line.now, None)?),
        None => check.now(),
    };
    let origin = Origin { envelope: EnvelopeSource::Given(envelope), now };
    let Beginning { envelope, now, told } = origin.given().unwrap_or_else(|| {
        let header = Header::parse(&message).map(|(header, _)| header);
        origin.of_header(header.as_ref())
    });
    let inbound = authenticator.inbound(&envelope, &message, now);
    Ok((dns.drive(line.zone, inbound)?, told))
}
