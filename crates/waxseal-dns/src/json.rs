//! Answers as JSON, and what they share with zones.

use crate::{
    Answer, Answers, Dnssec, DomainName, Existence, InvalidDomainName, LookupError, Question, Record,
    RecordType, Reply, zone::read_name,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::{fmt, time::Duration};

/// Why JSON is not a zone or not a list of answers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidJson(#[from] Fault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    /// Not JSON. Lines and columns are counted from 1; column 0 is the end of a line.
    #[error("not JSON: line {line}, column {column}")]
    Syntax { line: usize, column: usize },
    /// The JSON has another shape.
    #[error("{at}: {expected} is expected")]
    Shape { at: String, expected: &'static str },
    /// The text with control characters escaped.
    #[error("`{0}` is not a domain name")]
    Name(String, #[source] InvalidDomainName),
}

/// A value as JSON on one line, as `to_json` of verdicts and reports returns it. It cannot fail for them: their `Serialize` has
/// no errors of its own, and all keys of their maps are strings.
pub fn to_json(value: &impl Serialize) -> String {
    Json(value).to_string()
}

struct Json<'v, T>(&'v T);

impl<T: Serialize> fmt::Display for Json<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self.0).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// An error of a saved trace without a kind of its own.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct SavedError(String);

impl Answers<'_> {
    /// The known answers as JSON: a list of `{"name", "type", "records", "ttl", "dnssec"}`, `{…, "nxdomain": true}` or
    /// `{…, "error": "TIMEOUT" | "SERVFAIL" | "MALFORMED" | "OTHER", "reason"}` in the order in which they arrived. TXT
    /// data is a string where it is UTF-8, else `{"hex": "…"}`; times to live are whole seconds.
    ///
    /// ```
    /// use waxseal_dns::{Answer, Answers, Question};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut dns = Answers::new();
    /// dns.answer(Question::txt("example.org".parse()?), Ok(Answer::nxdomain()));
    /// let replayed = Answers::from_json(&dns.to_json())?;
    /// assert!(replayed.known().eq(dns.known()));
    /// # Ok(()) }
    /// ```
    pub fn to_json(&self) -> String {
        let entries: Vec<Value> = self.known().map(|(q, reply)| entry(q, reply)).collect();
        Value::Array(entries).to_string()
    }

    /// Reads what [`Answers::to_json`] wrote. Call [`Answers::give_up`] for a replay: then a question that the saved
    /// run did not ask is a time-out instead of being wanted.
    ///
    /// # Errors
    /// [`InvalidJson`].
    pub fn from_json(text: &str) -> Result<Answers<'static>, InvalidJson> {
        let Value::Array(entries) = parse(text)? else { return Err(shape("answers", "a list")) };
        let entries = entries.into_iter().enumerate();
        entries.map(|(index, entry)| read_entry(&format!("answer {}", index + 1), entry)).collect()
    }
}

fn entry(q: &Question, reply: &Reply) -> Value {
    let mut entry = Map::new();
    entry.insert("name".into(), json!(q.name.as_str()));
    entry.insert("type".into(), json!(q.kind.as_str()));
    match reply {
        Ok(answer) => {
            match answer.existence {
                Existence::NxDomain => entry.insert("nxdomain".into(), json!(true)),
                Existence::Exists => {
                    entry.insert("records".into(), answer.records.iter().map(record).collect())
                }
            };
            if let Some(ttl) = answer.ttl {
                entry.insert("ttl".into(), json!(ttl.as_secs()));
            }
            entry.insert("dnssec".into(), json!(answer.dnssec.as_str()));
        }
        Err(error) => {
            let word = ERRORS.iter().find(|(_, known)| known == error).map_or("OTHER", |(word, _)| word);
            entry.insert("error".into(), json!(word));
            if let Some(causes) = error.causes() {
                entry.insert("reason".into(), json!(causes));
            }
        }
    }
    Value::Object(entry)
}

fn record(record: &Record) -> Value {
    match record {
        Record::Txt(text) => match std::str::from_utf8(text) {
            Ok(text) => json!(text),
            Err(_) => json!({ "hex": text.iter().map(|octet| format!("{octet:02x}")).collect::<String>() }),
        },
        Record::A(address) => json!(address.to_string()),
        Record::Aaaa(address) => json!(address.to_string()),
        Record::Mx(preference, host) => json!([preference, host.as_ref().map_or(".", DomainName::as_str)]),
        Record::Ptr(name) => json!(name.as_str()),
    }
}

fn read_entry(at: &str, mut entry: Value) -> Result<(Question, Reply), InvalidJson> {
    let records = entry.get_mut("records").map(Value::take);
    let word = |key: &str| entry.get(key).and_then(Value::as_str);
    let owner = name(word("name").ok_or_else(|| shape(at, "an object with \"name\" and \"type\""))?)?;
    let kind: RecordType = word("type")
        .and_then(|kind| kind.parse().ok())
        .ok_or_else(|| shape(at, "\"type\": TXT, A, AAAA, MX or PTR"))?;
    let q = Question::new(owner, kind);
    if let Some(error) = word("error") {
        let saved = |reason: &str| SavedError(reason.to_owned());
        let error = match (error_word(error), word("reason")) {
            (Some(known), None) => known,
            (Some(known), Some(reason)) => known.with_cause(saved(reason)),
            (None, reason) => LookupError::other(saved(reason.unwrap_or("unknown reason"))),
        };
        return Ok((q, Err(error)));
    }
    let mut answer = match records {
        Some(records) => Answer::new(read_records(at, kind, records)?),
        None if entry.get("nxdomain") == Some(&Value::Bool(true)) => Answer::nxdomain(),
        None => return Err(shape(at, "\"records\", \"nxdomain\": true or \"error\"")),
    };
    answer.ttl = entry.get("ttl").map(|ttl| seconds(at, ttl)).transpose()?;
    answer.dnssec = word("dnssec").map_or(Ok(Dnssec::default()), |state| {
        let all = [Dnssec::Bogus, Dnssec::Indeterminate, Dnssec::Insecure, Dnssec::Secure];
        all.into_iter().find(|known| known.as_str() == state).ok_or_else(|| shape(at, "a DNSSEC state"))
    })?;
    Ok((q, Ok(answer)))
}

/// The errors that have a word.
const ERRORS: [(&str, LookupError); 3] = [
    ("TIMEOUT", LookupError::Timeout),
    ("SERVFAIL", LookupError::ServerFailure),
    ("MALFORMED", LookupError::Malformed),
];

pub(crate) fn error_word(word: &str) -> Option<LookupError> {
    ERRORS.into_iter().find(|(known, _)| *known == word).map(|(_, error)| error)
}

fn parse(text: &str) -> Result<Value, InvalidJson> {
    serde_json::from_str(text).map_err(|error| syntax(&error))
}

pub(crate) fn syntax(error: &serde_json::Error) -> InvalidJson {
    Fault::Syntax { line: error.line(), column: error.column() }.into()
}

pub(crate) fn shape(at: &str, expected: &'static str) -> InvalidJson {
    Fault::Shape { at: at.escape_debug().to_string(), expected }.into()
}

pub(crate) fn name(text: &str) -> Result<DomainName, InvalidJson> {
    read_name(text).map_err(|cause| Fault::Name(text.escape_debug().to_string(), cause).into())
}

pub(crate) fn seconds(at: &str, value: &Value) -> Result<Duration, InvalidJson> {
    value.as_u64().map(Duration::from_secs).ok_or_else(|| shape(at, "a time to live in whole seconds"))
}

pub(crate) fn read_records(at: &str, kind: RecordType, value: Value) -> Result<Vec<Record>, InvalidJson> {
    let Value::Array(records) = value else { return Err(shape(at, "a list of records")) };
    // The root is not the name of an address: resolvers skip such a PTR record.
    let names_nothing = |value: &Value| kind == RecordType::Ptr && value.as_str() == Some(".");
    let records = records.into_iter().filter(|value| !names_nothing(value));
    records.map(|value| read_record(at, kind, value)).collect()
}

fn read_record(at: &str, kind: RecordType, value: Value) -> Result<Record, InvalidJson> {
    let expected = |expected| move || shape(at, expected);
    if kind == RecordType::Txt {
        let text = octets(value).ok_or_else(expected("TXT: a string, a list of strings or {\"hex\": …}"))?;
        return Ok(Record::Txt(text.into()));
    }
    let word = value.as_str();
    Ok(match kind {
        RecordType::A => {
            Record::A(word.and_then(|word| word.parse().ok()).ok_or_else(expected("A: an IPv4 address"))?)
        }
        RecordType::Aaaa => Record::Aaaa(
            word.and_then(|word| word.parse().ok()).ok_or_else(expected("AAAA: an IPv6 address"))?,
        ),
        RecordType::Ptr => Record::Ptr(name(word.ok_or_else(expected("PTR: a name"))?)?),
        RecordType::Txt | RecordType::Mx => {
            let mx = expected("MX: [preference, host]");
            let Some([preference, host]) = value.as_array().map(Vec::as_slice) else { return Err(mx()) };
            let preference =
                preference.as_u64().and_then(|number| u16::try_from(number).ok()).ok_or_else(mx)?;
            let host = host.as_str().ok_or_else(mx)?;
            Record::Mx(preference, if matches!(host, "." | "") { None } else { Some(name(host)?) })
        }
    })
}

/// The bytes of TXT data; the strings of a list are joined without separators.
fn octets(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.into_bytes()),
        Value::Array(strings) => {
            // One level only: hostile nesting must not recurse.
            let strings: Option<Vec<&str>> = strings.iter().map(Value::as_str).collect();
            Some(strings?.concat().into_bytes())
        }
        Value::Object(object) => {
            let digits: Option<Vec<u8>> = object
                .get("hex")?
                .as_str()?
                .chars()
                .map(|c| c.to_digit(16).and_then(|d| d.try_into().ok()))
                .collect();
            digits?
                .chunks(2)
                .map(|pair| if let [high, low] = pair { Some(high << 4 | low) } else { None })
                .collect()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn q(name: &str, kind: RecordType) -> Question {
        Question::new(name.parse().unwrap(), kind)
    }

    #[test]
    fn answers_round_trip() {
        let host: DomainName = "mx.example".parse().unwrap();
        let mut dns = Answers::new();
        let mut add = |name: &str, kind, reply| dns.answer(q(name, kind), reply);
        add("b", RecordType::Txt, Ok(Answer::new([Record::Txt(Bytes::from_static(b"x\"\\\0\x07"))])));
        add("a", RecordType::Txt, Ok(Answer::new([Record::Txt(Bytes::from_static(b"\xff\x00\xfe"))])));
        add("c", RecordType::A, Ok(Answer::nxdomain().with_ttl(Duration::from_secs(5))));
        add(
            "d",
            RecordType::A,
            Ok(Answer::new([Record::A([192, 0, 2, 1].into())]).with_dnssec(Dnssec::Secure)),
        );
        add("d", RecordType::Aaaa, Ok(Answer::new([Record::Aaaa("2001:db8::1".parse().unwrap())])));
        add("e", RecordType::Mx, Ok(Answer::new([Record::Mx(0, None), Record::Mx(9, Some(host.clone()))])));
        add("f", RecordType::Ptr, Ok(Answer::new([Record::Ptr(host)])));
        add("g", RecordType::Ptr, Ok(Answer::nodata().with_dnssec(Dnssec::Bogus)));
        for (name, (_, error)) in ["h", "i", "j"].into_iter().zip(ERRORS) {
            add(name, RecordType::Txt, Err(error));
        }
        add("k", RecordType::Txt, Err(LookupError::other(SavedError("no \"route\"\n".into()))));
        let read = Answers::from_json(&dns.to_json()).unwrap();
        assert_eq!(read.known().len(), 12);
        assert!(read.known().eq(dns.known()), "{read}\n{dns}");
    }

    #[test]
    fn other_shapes_are_named() {
        let shape = |text: &str| Answers::from_json(text).map(|_| ()).unwrap_err().to_string();
        assert_eq!(shape("[\n{"), "not JSON: line 2, column 1");
        assert_eq!(shape("{}"), "answers: a list is expected");
        assert!(shape("[3]").starts_with("answer 1: an object with"));
        assert!(shape(r#"[{"name":"a","type":"TXT"}]"#).starts_with("answer 1: \"records\""));
        assert!(shape(r#"[{"name":"a","type":"NS"}]"#).starts_with("answer 1: \"type\""));
        assert!(shape(r#"[{"name":"a","type":"TXT","records":[7]}]"#).starts_with("answer 1: TXT"));
        assert!(
            shape(r#"[{"name":"a","type":"TXT","records":[{"hex":"abc"}]}]"#).starts_with("answer 1: TXT")
        );
        assert!(shape(r#"[{"name":"a","type":"TXT","records":[{"hex":"é"}]}]"#).starts_with("answer 1: TXT"));
        assert!(shape(r#"[{"name":"a","type":"MX","records":[[65536,"b"]]}]"#).starts_with("answer 1: MX"));
        assert_eq!(shape(r#"[{"name":"a..\n","type":"MX","records":[]}]"#), "`a..\\n` is not a domain name");
        assert!(shape(&format!("{}1", "[".repeat(100_000))).starts_with("not JSON"));
    }
}
