//! Evidence as JSON.

use super::Evidence;
use crate::inbound::{
    Envelope,
    case::{Case, known},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal_crypto::{Digest, HashAlgorithm};
use waxseal_dkim::{
    Canonicalization,
    parts::{BodyForm, BodyHash},
};
use waxseal_dns::{Answers, InvalidJson};
use waxseal_header::{Header, HeaderError, HeaderLimits};

/// JSON that is not [`Evidence`]: where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidEvidence(#[from] Fault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    #[error("not JSON: line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    #[error("{at}: {expected} is expected")]
    Shape { at: &'static str, expected: &'static str },
    #[error(transparent)]
    Answers(#[from] InvalidJson),
}

impl Evidence {
    /// The evidence as a JSON object: `ip` (null where it is not known), `helo`, `mail_from`, `now` (Unix time in
    /// seconds), `header`, `body_hashes`, `bare_line_end` (an offset in the body, or null) and `answers`
    /// ([`Answers::to_json`]). Bytes are a string if they are UTF-8, else `{"base64": "…"}`.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{Authenticator, Envelope, Evidence, dns::Zone};
    /// let authenticator = Authenticator::new("mx.example.net")?;
    /// let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
    /// let report = authenticator.check_blocking(&envelope, message, SystemTime::now(), &Zone::new());
    ///
    /// let saved = report.evidence().to_json();
    /// let again = authenticator.replay(&Evidence::from_json(&saved)?)?;
    /// assert_eq!(again.authentication_results(), report.authentication_results());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn to_json(&self) -> String {
        let answers: Answers<'_> = self.answers().cloned().collect();
        let case = &self.0;
        let header = match &case.header {
            Ok(header) => octets(header.as_bytes()),
            Err(error) => refusal(error),
        };
        let now = case.now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // Joined as text, which the answers are already.
        format!(
            r#"{{"answers":{},"bare_line_end":{},"body_hashes":{},"header":{header},"helo":{},"ip":{},"mail_from":{},"now":{now}}}"#,
            answers.to_json(),
            json!(case.bare_line_end),
            case.hashes.iter().map(hash_json).collect::<Value>(),
            octets(case.envelope.helo()),
            json!(case.envelope.ip().map(|ip| ip.to_string())),
            octets(case.envelope.path()),
        )
    }

    /// Reads what [`Evidence::to_json`] wrote.
    ///
    /// # Errors
    /// [`InvalidEvidence`].
    pub fn from_json(text: &str) -> Result<Self, InvalidEvidence> {
        let evidence: Value = serde_json::from_str(text)
            .map_err(|error| Fault::Syntax { line: error.line(), column: error.column() })?;
        let part = |name: &str| evidence.get(name).unwrap_or(&Value::Null);
        let text = |name| read_octets(part(name)).ok_or_else(|| shape(name, "a string or {\"base64\": …}"));
        let hashes = part("body_hashes").as_array().ok_or_else(|| shape("body_hashes", "a list"))?;
        let answers = Answers::from_json(&part("answers").to_string()).map_err(Fault::from)?;
        let envelope = match part("ip") {
            Value::Null => Envelope::without_address(text("helo")?, text("mail_from")?),
            ip => {
                let ip = ip.as_str().and_then(|ip| ip.parse().ok());
                let ip = ip.ok_or_else(|| shape("ip", "an IP address, or null where it is not known"))?;
                Envelope::new(ip, text("helo")?, text("mail_from")?)
            }
        };
        Ok(Self::new(Arc::new(Case {
            envelope,
            now: read_time(part("now")).ok_or_else(|| shape("now", "Unix time in seconds"))?,
            header: read_header(part("header"))?,
            bare_line_end: part("bare_line_end").as_u64(),
            hashes: hashes.iter().map(read_hash).collect::<Result<_, _>>()?,
            answers: known(&answers),
        })))
    }
}

fn hash_json((form, hash): &(BodyForm, BodyHash)) -> Value {
    json!({
        "canonicalization": form.canonicalization.to_string(),
        "algorithm": form.hash.as_str(),
        "length": form.length,
        "octets": hash.length(),
        "digest": BASE64_STANDARD.encode(hash.digest()),
    })
}

fn read_hash(value: &Value) -> Result<(BodyForm, BodyHash), InvalidEvidence> {
    let read = || {
        let word = |name: &str| value.get(name)?.as_str();
        let digest = BASE64_STANDARD.decode(word("digest")?).ok()?;
        let form = BodyForm {
            canonicalization: Canonicalization::from_name(word("canonicalization")?.as_bytes())?,
            hash: HashAlgorithm::from_name(word("algorithm")?.as_bytes())?,
            length: value.get("length").and_then(Value::as_u64),
        };
        Some((form, BodyHash::new(Digest::new(&digest)?, value.get("octets")?.as_u64()?)))
    };
    read().ok_or_else(|| shape("body_hashes", "canonicalization, algorithm, length, octets and digest"))
}

fn shape(at: &'static str, expected: &'static str) -> InvalidEvidence {
    Fault::Shape { at, expected }.into()
}

fn octets(octets: &[u8]) -> Value {
    match std::str::from_utf8(octets) {
        Ok(text) => json!(text),
        Err(_) => json!({ "base64": BASE64_STANDARD.encode(octets) }),
    }
}

fn read_octets(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        other => BASE64_STANDARD.decode(other.get("base64")?.as_str()?).ok(),
    }
}

fn read_time(value: &Value) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(value.as_u64()?))
}

fn refusal(error: &HeaderError) -> Value {
    match error {
        HeaderError::TooLong(limit) => json!({ "too_long": limit }),
        HeaderError::TooManyFields(limit) => json!({ "too_many_fields": limit }),
        HeaderError::Name(octet, offset) => json!({ "name": offset, "octet": octet }),
        HeaderError::Value(offset) => json!({ "value": offset }),
        _ => json!({ "no_name": true }),
    }
}

fn read_header(value: &Value) -> Result<Result<Header, HeaderError>, InvalidEvidence> {
    if let Some(octets) = read_octets(value) {
        // A header that was accepted once is accepted again, whatever the limits were.
        let limits = HeaderLimits::default().with_max_bytes(u32::MAX).with_max_fields(u32::MAX);
        return Ok(Header::parse_with(&octets, limits).map(|(header, _)| header));
    }
    let number = |name: &str| value.get(name).and_then(Value::as_u64);
    let limit = |name: &str| number(name).and_then(|limit| u32::try_from(limit).ok());
    let offset = |name: &str| number(name).and_then(|offset| usize::try_from(offset).ok());
    let octet = || number("octet").and_then(|octet| u8::try_from(octet).ok());
    let error = limit("too_long")
        .map(HeaderError::TooLong)
        .or_else(|| limit("too_many_fields").map(HeaderError::TooManyFields))
        .or_else(|| Some(HeaderError::Name(octet()?, offset("name")?)))
        .or_else(|| Some(HeaderError::Value(offset("value")?)))
        .or_else(|| value.get("no_name").map(|_| HeaderError::NoName));
    error.map(Err).ok_or_else(|| shape("header", "a string, {\"base64\": …} or why it was refused"))
}
