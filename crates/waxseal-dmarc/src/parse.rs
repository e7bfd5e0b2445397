//! Reads DMARC Policy Records (RFC 9989 §4.8).

use crate::{
    Alignment, DomainPolicy, FailureOptions, InvalidRecord, Psd, Record, ReportUri, Warning, WarningKind,
    record::PolicyValue,
};

/// The tags that mean something, and those of RFC 7489 that did.
const KNOWN: [&str; 14] =
    ["v", "p", "sp", "np", "psd", "t", "adkim", "aspf", "rua", "ruf", "fo", "pct", "rf", "ri"];

pub(crate) fn record(text: &[u8]) -> Result<Record, InvalidRecord> {
    let start = version_end(text).ok_or(InvalidRecord)?;
    let mut reader = Reader { record: Record { text: text.into(), ..Record::default() }, seen: 1 };
    let mut offset = start;
    // The version was a tag, too.
    for tags in 2.. {
        let Some(rest) = text.get(offset..).filter(|rest| !rest.is_empty()) else { break };
        let spec = rest.split(|c| *c == b';').next().unwrap_or_default();
        let begin = offset + spec.iter().take_while(|c| is_blank(**c)).count();
        if tags > Record::MAX_TAGS {
            reader.warn(WarningKind::TooManyTags { limit: Record::MAX_TAGS }, begin, b"");
            break;
        }
        reader.tag(trim(spec), begin);
        offset += spec.len() + 1;
    }
    Ok(reader.record)
}

/// Where the tags behind `v=DMARC1;` begin. By the grammar the name of the tag is in any case, its value is not:
/// `dmarc-version = "v" equals %s"DMARC1"`.
fn version_end(text: &[u8]) -> Option<usize> {
    let spec = text.split(|c| *c == b';').next()?;
    let rest = trim_start(spec.strip_prefix(b"v").or(spec.strip_prefix(b"V"))?);
    (trim(rest.strip_prefix(b"=")?) == b"DMARC1").then_some(spec.len() + 1)
}

struct Reader {
    record: Record,
    /// A bit for each of [`KNOWN`].
    seen: u16,
}

impl Reader {
    /// `spec` is `tag=value` without blanks around it, and begins at `offset`.
    fn tag(&mut self, spec: &[u8], offset: usize) {
        if spec.is_empty() {
            return;
        }
        let Some(equals) = spec.iter().position(|c| *c == b'=') else {
            return self.warn(WarningKind::NoTag, offset, b"");
        };
        let (name, value) = spec.split_at(equals);
        let (name, value) = (trim(name), value.get(1..).unwrap_or_default());
        let Some(index) = KNOWN.iter().position(|tag| name.eq_ignore_ascii_case(tag.as_bytes())) else {
            return self.warn(WarningKind::Unknown, offset, name);
        };
        let bit = 1 << index;
        if self.seen & bit != 0 {
            return self.warn(WarningKind::Duplicate, offset, name);
        }
        self.seen |= bit;
        if name.iter().any(u8::is_ascii_uppercase) {
            self.warn(WarningKind::Case, offset, name);
        }
        let value_offset = offset + equals + 1;
        let tag = KNOWN.get(index).copied().unwrap_or_default();
        self.value(tag, value, offset, value_offset);
    }

    fn value(&mut self, tag: &str, text: &[u8], offset: usize, value_offset: usize) {
        let value = trim(text);
        let record = &mut self.record;
        let valid = match tag {
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
                self.record.rua = self.report_uris(tag, text, value_offset);
                true
            }
            "ruf" => {
                self.record.ruf = self.report_uris(tag, text, value_offset);
                true
            }
            "pct" => {
                self.record.pct = percentage(value);
                return self.warn(WarningKind::Removed, offset, b"pct");
            }
            removed => return self.warn(WarningKind::Removed, offset, removed.as_bytes()),
        };
        if !valid {
            let policy = matches!(tag, "p" | "sp" | "np");
            let kind = if policy { WarningKind::Policy } else { WarningKind::Value };
            self.warn(kind, offset, tag.as_bytes());
        }
    }

    fn report_uris(&mut self, tag: &str, text: &[u8], value_offset: usize) -> Vec<ReportUri> {
        let mut uris = Vec::new();
        let mut offset = value_offset;
        for part in text.split(|c| *c == b',') {
            let begin = offset + part.iter().take_while(|c| is_blank(**c)).count();
            offset += part.len() + 1;
            if uris.len() >= Record::MAX_REPORT_URIS {
                let limit = Record::MAX_REPORT_URIS;
                self.warn(WarningKind::TooManyReportUris { limit }, begin, tag.as_bytes());
                break;
            }
            match ReportUri::parse(trim(part)) {
                Ok(uri) => {
                    if uri.size_limit().is_some() {
                        self.warn(WarningKind::ReportSize, begin, tag.as_bytes());
                    }
                    if uri.is_mailto() && uri.mailbox().is_none() {
                        self.warn(WarningKind::NoMailbox, begin, tag.as_bytes());
                    }
                    uris.push(uri);
                }
                Err(error) => self.warn(WarningKind::ReportUri(error), begin, tag.as_bytes()),
            }
        }
        uris
    }

    fn warn(&mut self, kind: WarningKind, offset: usize, tag: &[u8]) {
        // A record of nothing but errors must not cost more than a record.
        if self.record.warnings.len() < 2 * Record::MAX_TAGS {
            let tag = tag.get(..tag.len().min(32)).unwrap_or_default().escape_ascii().to_string().into();
            self.record.warnings.push(Warning { kind, offset, tag });
        }
    }
}

fn set<T>(field: &mut T, value: Option<T>) -> bool {
    value.map(|value| *field = value).is_some()
}

fn set_policy(field: &mut PolicyValue, value: &[u8]) -> bool {
    let policy =
        DomainPolicy::ALL.into_iter().find(|policy| value.eq_ignore_ascii_case(policy.as_str().as_bytes()));
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
