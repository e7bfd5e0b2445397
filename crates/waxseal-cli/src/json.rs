//! All JSON that the command prints.

use serde::Serialize;
use serde_json::{Serializer, json, ser::Formatter};
use std::io::{self, Write};

/// JSON on one line. What a terminal or an editor could act on is escaped: controls (C0, DEL, C1), line and paragraph
/// separators, and the marks that turn the direction of text. Any reader gets the same strings.
pub(crate) fn to_string(value: &impl Serialize) -> String {
    let mut out = Vec::new();
    match value.serialize(&mut Serializer::with_formatter(&mut out, Inert)) {
        Ok(()) => String::from_utf8(out)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
        // Rows have nothing that JSON cannot say: every key of a map is text.
        Err(error) => inert(&json!({ "error": error.to_string() }).to_string()),
    }
}

/// Text of JSON that another crate wrote, as [`to_string`] writes it. Outside strings JSON has nothing to escape.
pub(crate) fn inert(json: &str) -> String {
    if is_inert(json) {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if acts(c) { out.push_str(&escape(c)) } else { out.push(c) }
    }
    out
}

/// Whether there is nothing to escape, as in most text.
fn is_inert(text: &str) -> bool {
    text.bytes().fold(true, |inert, byte| inert & (byte < 0x7f))
}

/// Of those below U+0020 serde_json has escaped all.
fn acts(c: char) -> bool {
    matches!(c,
        '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn escape(c: char) -> String {
    format!("\\u{:04x}", u32::from(c))
}

struct Inert;

impl Formatter for Inert {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if is_inert(fragment) {
            return writer.write_all(fragment.as_bytes());
        }
        writer.write_all(inert(fragment).as_bytes())
    }

    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        if is_inert(fragment) {
            return writer.write_all(fragment.as_bytes());
        }
        writer.write_all(inert(fragment).as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json, value::RawValue};

    const ODD: &str = "\0\u{1b}[31m\u{7f}\u{80}\u{9b}\u{9f}\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2066}\u{2069}";

    #[test]
    fn no_control_and_no_mark_of_direction_is_printed() {
        let value = json!({ "a": ODD, ODD: [ODD] });
        let text = to_string(&value);
        assert!(text.bytes().all(|octet| (b' '..=b'~').contains(&octet)), "{text}");
        assert!(
            text.contains(r"\u007f\u0080\u009b\u009f\u061c\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069")
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn what_was_json_already_is_escaped_as_well() {
        let raw = RawValue::from_string("{\"a\":\"x\u{202e}\u{9b}\"}".into()).unwrap();
        assert_eq!(to_string(&raw), r#"{"a":"x\u202e\u009b"}"#);
        assert_eq!(inert(raw.get()), r#"{"a":"x\u202e\u009b"}"#);
    }

    #[test]
    fn letters_stay_as_they_are() {
        let text = "grüß \u{a0}\u{200b}\u{202f}\u{2065}\u{206a} 日本 \u{1f600} \"\\";
        assert_eq!(to_string(&json!(text)), serde_json::to_string(text).unwrap());
    }

    /// Anything else that makes text of JSON would print what this module does not.
    #[test]
    fn nothing_else_writes_json() {
        let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("json.rs") {
                    let text = std::fs::read_to_string(&path).unwrap();
                    assert!(!text.contains("serde_json::to_"), "{}", path.display());
                    files += 1;
                }
            }
        }
        assert!(files > 30, "{files}");
    }
}
