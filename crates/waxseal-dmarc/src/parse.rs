//! Parses DMARC Policy Records (RFC 9989 §4.8).

use crate::{
    Alignment, DomainPolicy, FailureOptions, InvalidRecord, InvalidReportUri, Psd, Record, ReportUri,
    publish::Problem,
    record::{PolicyValue, Text},
    report_uri::UriFault,
};
use std::ops::Range;
use waxseal_dns::lint::{Finding, nearest};

/// The known tags, and those of RFC 7489.
const KNOWN: [&str; 14] =
    ["p", "sp", "np", "psd", "t", "adkim", "aspf", "rua", "ruf", "fo", "v", "pct", "rf", "ri"];
/// How many of them have a meaning.
const CURRENT: usize = 10;

pub(crate) fn record(text: &[u8]) -> Result<Record, InvalidRecord> {
    read(text, None).map(|reader| reader.record)
}

/// The record, and what receivers ignore or replace in it.
pub(crate) fn record_with_findings(text: &[u8]) -> Result<(Record, Vec<Finding>), InvalidRecord> {
    let reader = read(text, Some(Vec::new()))?;
    Ok((reader.record, reader.findings.unwrap_or_default()))
}

fn read(text: &[u8], findings: Option<Vec<Finding>>) -> Result<Reader<'_>, InvalidRecord> {
    let tags = tags(text).ok_or(InvalidRecord)?;
    let record = Record { text: Text(text.into()), ..Record::default() };
    let mut reader = Reader { text, record, seen: 1 << CURRENT, findings };
    // The version is a tag, too.
    for (number, tag) in (2..).zip(tags) {
        if number > Record::MAX_TAGS {
            reader.find(Problem::TooManyTags(Record::MAX_TAGS), tag, || None);
            break;
        }
        reader.tag(tag);
    }
    Ok(reader)
}

/// The spans of the tags after the version, without the blanks around them; `None` when there is no version.
pub(crate) fn tags(text: &[u8]) -> Option<impl Iterator<Item = Range<usize>>> {
    let mut offset = version_end(text)?;
    Some(std::iter::from_fn(move || {
        let rest = text.get(offset..).filter(|rest| !rest.is_empty())?;
        let length = rest.iter().position(|c| *c == b';').unwrap_or(rest.len());
        let tag = trimmed(text, offset..offset + length);
        offset += length + 1;
        Some(tag)
    }))
}

/// Where the tags after `v=DMARC1;` begin. In the grammar, the name of the tag is case-insensitive, its value is not:
/// `dmarc-version = "v" equals %s"DMARC1"`.
fn version_end(text: &[u8]) -> Option<usize> {
    let spec = text.split(|c| *c == b';').next()?;
    let rest = trim_start(spec.strip_prefix(b"v").or(spec.strip_prefix(b"V"))?);
    (trim(rest.strip_prefix(b"=")?) == b"DMARC1").then_some(spec.len() + 1)
}

struct Reader<'t> {
    text: &'t [u8],
    record: Record,
    /// A bit for each of [`KNOWN`].
    seen: u16,
    /// Not needed for receivers.
    findings: Option<Vec<Finding>>,
}

impl Reader<'_> {
    fn tag(&mut self, tag: Range<usize>) {
        let text = self.text;
        let spec = at(text, &tag);
        if spec.is_empty() {
            return;
        }
        let Some(equals) = spec.iter().position(|c| *c == b'=') else {
            return self.find(Problem::NotATag, tag, || None);
        };
        let name_at = trimmed(text, tag.start..tag.start + equals);
        let name = at(text, &name_at);
        let Some(index) = KNOWN.iter().position(|known| name.eq_ignore_ascii_case(known.as_bytes())) else {
            let known = KNOWN.get(..CURRENT).unwrap_or_default();
            return self.find(Problem::UnknownTag, name_at, || nearest_word(name, known));
        };
        let known = KNOWN.get(index).copied().unwrap_or_default();
        let bit = 1 << index;
        if self.seen & bit != 0 {
            return self.find(Problem::DuplicateTag, tag, || None);
        }
        self.seen |= bit;
        if name.iter().any(u8::is_ascii_uppercase) {
            self.find(Problem::UppercaseTag, name_at, || Some(known.into()));
        }
        let value = tag.start + equals + 1..tag.end;
        self.value(known, tag, value);
    }

    fn value(&mut self, name: &'static str, tag: Range<usize>, value_at: Range<usize>) {
        let value_at = trimmed(self.text, value_at);
        let value = at(self.text, &value_at);
        let record = &mut self.record;
        let valid = match name {
            "p" => set_policy(&mut record.p, value),
            "sp" => set_policy(&mut record.sp, value),
            "np" => set_policy(&mut record.np, value),
            "psd" => set(
                &mut record.psd,
                letter(value, &[(b'y', Psd::Yes), (b'n', Psd::No), (b'u', Psd::Unknown)]),
            ),
            "t" => set(&mut record.testing, letter(value, &[(b'y', true), (b'n', false)])),
            "adkim" => set(&mut record.adkim, alignment(value)),
            "aspf" => set(&mut record.aspf, alignment(value)),
            "fo" => set(&mut record.fo, failure_options(value)),
            "rua" => {
                self.record.rua = self.report_uris(value_at);
                return;
            }
            "ruf" => {
                self.record.ruf = self.report_uris(value_at);
                return;
            }
            "pct" => {
                record.pct = percentage(value);
                return match record.pct {
                    Some(0) => self.find(Problem::IgnoredPercentage, tag, || Some("t=y".into())),
                    _ => self.find(Problem::RemovedTag, tag, || None),
                };
            }
            _ => return self.find(Problem::RemovedTag, tag, || None),
        };
        if !valid {
            let at = if value.is_empty() { tag } else { value_at };
            self.find(invalid_value(name, value), at, || meant(name, value));
        }
    }

    fn report_uris(&mut self, value: Range<usize>) -> Vec<ReportUri> {
        let mut uris = Vec::new();
        let mut offset = value.start;
        for part in at(self.text, &value).split(|c| *c == b',') {
            let span = trimmed(self.text, offset..offset + part.len());
            offset += part.len() + 1;
            let part = trim(part);
            if uris.len() >= Record::MAX_REPORT_URIS {
                self.find(Problem::TooManyReportUris(Record::MAX_REPORT_URIS), span, || None);
                break;
            }
            match ReportUri::parse(part) {
                Ok(uri) => {
                    if uri.size_limit().is_some() {
                        self.find(Problem::ReportSize, span.clone(), || Some(uri.as_str().into()));
                    }
                    if uri.is_mailto() && uri.mailbox().is_none() {
                        self.find(Problem::NoMailbox, span, || without_slashes(&uri));
                    }
                    uris.push(uri);
                }
                Err(error) => {
                    let problem = Problem::InvalidReportUri(error, report_uri_advice(error, part));
                    self.find(problem, span, || with_scheme(error, part));
                }
            }
        }
        uris
    }

    fn find(&mut self, problem: Problem, span: Range<usize>, meant: impl FnOnce() -> Option<Box<str>>) {
        // A record full of errors must not cost more than a valid one.
        if let Some(findings) = self.findings.as_mut().filter(|all| all.len() < 2 * Record::MAX_TAGS) {
            let finding = Finding::from(problem).with_span(self.text, span);
            findings.push(meant().into_iter().fold(finding, Finding::with_suggestion));
        }
    }
}

fn nearest_word(word: &[u8], known: &[&'static str]) -> Option<Box<str>> {
    nearest(std::str::from_utf8(word).ok()?, known).map(Into::into)
}

/// The problem of an invalid value.
fn invalid_value(tag: &'static str, value: &[u8]) -> Problem {
    let is_policy = matches!(tag, "p" | "sp" | "np");
    let advice = match (zone_mark(value), tag) {
        (Some(advice), _) => advice,
        _ if is_policy && value.contains(&b',') => "tags end with a semicolon, not with a comma",
        (None, "adkim" | "aspf") => "use r or s",
        (None, "fo") => "use 0, 1, d or s, with colons between several",
        (None, "psd") => "use y, n or u",
        (None, "t") => "use y or n",
        (None, _) => "use none, quarantine or reject",
    };
    if is_policy { Problem::InvalidPolicy(tag, advice) } else { Problem::InvalidValue(tag, advice) }
}

/// The suggestion for an invalid value.
fn meant(tag: &str, value: &[u8]) -> Option<Box<str>> {
    let words = match tag {
        "p" | "sp" | "np" => return nearest_word(value, &["none", "quarantine", "reject"]),
        "adkim" | "aspf" => &["relaxed", "strict"][..],
        "psd" => &["yes", "no", "unknown"],
        "t" => &["yes", "no"],
        _ => return None,
    };
    let word = words.iter().find(|word| value.eq_ignore_ascii_case(word.as_bytes()))?;
    word.get(..1).map(Into::into)
}

/// Advice about characters that a zone file needs and a record does not.
fn zone_mark(value: &[u8]) -> Option<&'static str> {
    if value.contains(&b'\\') {
        Some("remove the backslash, which only zone files need")
    } else if value.contains(&b'"') {
        Some("remove the quote, which only zone files need")
    } else {
        None
    }
}

fn report_uri_advice(error: InvalidReportUri, uri: &[u8]) -> &'static str {
    if uri.contains(&b'\\') {
        return ": remove the backslash, which only zone files need";
    }
    if uri.contains(&b'"') {
        return ": remove the quote, which only zone files need";
    }
    match error.0 {
        UriFault::ForbiddenByte if uri.iter().any(u8::is_ascii_whitespace) => {
            ": put a comma before the next address, or a semicolon before the next tag"
        }
        UriFault::ForbiddenByte => ": write it in percent-encoding, as %21 (RFC 3986 section 2.1)",
        UriFault::Size => ": remove it with what follows",
        UriFault::Empty | UriFault::NoScheme => "",
    }
}

/// The same as a `mailto:` URI, if it is valid.
fn with_scheme(error: InvalidReportUri, address: &[u8]) -> Option<Box<str>> {
    let uri = ReportUri::parse(&[b"mailto:", address].concat()).ok()?;
    (error.0 == UriFault::NoScheme && uri.mailbox().is_some()).then(|| uri.as_str().into())
}

/// `mailto://user@host` without the slashes, if that names a mailbox.
fn without_slashes(uri: &ReportUri) -> Option<Box<str>> {
    let (_, path) = uri.as_str().split_once(':')?;
    let text = format!("mailto:{}", path.strip_prefix('/')?.trim_start_matches('/'));
    ReportUri::parse(text.as_bytes()).ok()?.mailbox().map(|_| text.into())
}

fn at<'t>(text: &'t [u8], span: &Range<usize>) -> &'t [u8] {
    text.get(span.clone()).unwrap_or_default()
}

/// The span without the blanks at its ends.
fn trimmed(text: &[u8], span: Range<usize>) -> Range<usize> {
    let behind = trim_start(at(text, &span));
    let start = span.end - behind.len();
    start..start + trim(behind).len()
}

fn set<T>(field: &mut T, value: Option<T>) -> bool {
    value.map(|value| *field = value).is_some()
}

fn set_policy(field: &mut PolicyValue, value: &[u8]) -> bool {
    let policy = DomainPolicy::from_name(value);
    *field = policy.map_or(PolicyValue::Invalid, PolicyValue::Is);
    policy.is_some()
}

fn letter<T: Copy>(value: &[u8], letters: &[(u8, T)]) -> Option<T> {
    let [value] = value else { return None };
    letters.iter().find(|(letter, _)| value.eq_ignore_ascii_case(letter)).map(|(_, meaning)| *meaning)
}

fn alignment(value: &[u8]) -> Option<Alignment> {
    letter(value, &[(b'r', Alignment::Relaxed), (b's', Alignment::Strict)])
}

/// Each option at most once, and not both `0` and `1`.
fn failure_options(value: &[u8]) -> Option<FailureOptions> {
    let mut options = FailureOptions { only: true, ..FailureOptions::default() };
    for option in value.split(|c| *c == b':').map(trim) {
        let again = match option {
            b"0" => !std::mem::replace(&mut options.only, false),
            b"1" => {
                options.any = true;
                !std::mem::replace(&mut options.only, false)
            }
            b"d" | b"D" => std::mem::replace(&mut options.dkim, true),
            b"s" | b"S" => std::mem::replace(&mut options.spf, true),
            _ => true,
        };
        if again {
            return None;
        }
    }
    Some(options)
}

fn percentage(value: &[u8]) -> Option<u8> {
    let digits = std::str::from_utf8(value).ok().filter(|_| value.iter().all(u8::is_ascii_digit))?;
    digits.parse().ok().filter(|pct| *pct <= 100)
}

fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r' | b'\n')
}

fn trim_start(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|c| is_blank(**c)).count();
    text.get(blanks..).unwrap_or_default()
}

fn trim(text: &[u8]) -> &[u8] {
    let text = trim_start(text);
    let blanks = text.iter().rev().take_while(|c| is_blank(**c)).count();
    text.get(..text.len() - blanks).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_once_and_only_one_of_0_and_1() {
        for bad in ["", "0:0", "1:1", "0:1", "1:0", "d:D", "s:s", "0:", "x", "01"] {
            assert_eq!(failure_options(bad.as_bytes()), None, "{bad}");
        }
        for (good, normal) in [("0", "0"), ("1", "1"), ("D : s", "d:s"), ("s:d:1", "1:d:s"), ("0:s", "0:s")] {
            let read = failure_options(good.as_bytes()).map(|options| options.to_string());
            assert_eq!(read.as_deref(), Some(normal), "{good}");
        }
    }

    #[test]
    fn a_percentage_is_a_number_up_to_100() {
        for (text, expected) in [("0", Some(0)), ("007", Some(7)), ("100", Some(100))] {
            assert_eq!(percentage(text.as_bytes()), expected, "{text}");
        }
        for bad in ["", "101", "255", "256", "+1", "-1", "1.5", "5%"] {
            assert_eq!(percentage(bad.as_bytes()), None, "{bad}");
        }
    }
}
