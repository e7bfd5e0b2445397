//! What is wrong with text that should be a key record, in words for its publisher.

use super::{KeyRecord, RecordProblem, is_digit, without_blanks};
use crate::base64_text;
use waxseal_header::TagList;

/// `error`, or a common mistake that explains it.
pub(super) fn diagnose(text: &[u8], error: RecordProblem) -> RecordProblem {
    if matches!(&error, RecordProblem::TagList(error) if error.is_limit()) {
        return error;
    }
    pasted(text).or_else(|| damaged_key(text)).or_else(|| foreign(text)).unwrap_or(error)
}

impl RecordProblem {
    /// How far the text is from being a key record.
    pub(crate) fn distance(&self) -> u8 {
        match self {
            Self::Key(_) | Self::Cut { .. } | Self::Base64 { .. } | Self::Pem | Self::KeyType => 0,
            Self::Quoted | Self::Escaped => 1,
            Self::Version | Self::NoSemicolon => 2,
            Self::NoKey | Self::TagList(_) => 3,
            Self::Foreign { .. } => 4,
        }
    }
}

/// Quotation marks and backslashes of zone files and word processors around the data.
const QUOTES: [&str; 6] = ["\"", "'", "\u{201c}", "\u{201d}", "\u{201e}", "&quot;"];

/// Text that is a record without its quotation marks or backslashes, or that begins with a quotation mark.
fn pasted(text: &[u8]) -> Option<RecordProblem> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let plain = QUOTES.iter().fold(text.replace('\\', ""), |text, quote| text.replace(quote, ""));
    if plain.len() == text.len() || text.len() > MAX_PASTED {
        return None;
    }
    let quoted = QUOTES.iter().any(|quote| text.contains(quote));
    let begins_with_mark = QUOTES.iter().any(|quote| text.starts_with(quote));
    let is_record = KeyRecord::parse_tags(plain.as_bytes()).is_ok();
    match (quoted, is_record || begins_with_mark) {
        (_, false) => None,
        (true, true) => Some(RecordProblem::Quoted),
        (false, true) => Some(RecordProblem::Escaped),
    }
}

/// Longer text is not a pasted record: a key of 16,384 bits takes 2,800 bytes.
const MAX_PASTED: usize = 4096;

/// `p=` that is truncated, holds a whole PEM file, or lacks the semicolon before it.
fn damaged_key(text: &[u8]) -> Option<RecordProblem> {
    let tags = TagList::parse(text).ok()?;
    let behind_version = tags.get("v").and_then(|v| v.strip_prefix(b"DKIM1"));
    if behind_version.is_some_and(|rest| rest.starts_with(b" ") && rest.contains(&b'=')) {
        return Some(RecordProblem::NoSemicolon);
    }
    let p = tags.get("p")?;
    if p.starts_with(b"-----BEGIN") {
        return Some(RecordProblem::Pem);
    }
    // Padding marks the end of a key; a truncated one has none.
    let digits = without_blanks(p);
    let (bytes, expected) = key_length(&digits).filter(|_| digits.iter().all(|c| is_digit(*c)))?;
    (bytes < expected).then_some(RecordProblem::Cut { bytes, expected })
}

/// The length of an RSA key in bytes, and the length that its DER announces.
fn key_length(digits: &[u8]) -> Option<(usize, usize)> {
    let whole = digits.get(..digits.len() / 4 * 4)?;
    let bytes = base64_text::decode(whole)?;
    let expected = match *bytes.as_slice() {
        [0x30, 0x82, high, low, ..] => 4 + (usize::from(high) << 8 | usize::from(low)),
        [0x30, 0x81, length, ..] => 3 + usize::from(length),
        _ => return None,
    };
    Some((bytes.len(), expected))
}

/// Text that is nothing like a key record.
fn foreign(text: &[u8]) -> Option<RecordProblem> {
    let has = |what: &[u8]| text.windows(what.len()).any(|bytes| bytes.eq_ignore_ascii_case(what));
    let named = |name: u8| {
        let mut tags = text.split(|c| *c == b';').map(<[u8]>::trim_ascii_start);
        tags.any(|tag| {
            tag.strip_prefix(&[name]).is_some_and(|rest| rest.trim_ascii_start().starts_with(b"="))
        })
    };
    if text.trim_ascii().is_empty() || has(b"DKIM1") || named(b'p') || named(b'k') {
        return None;
    }
    const SHOWN: usize = 40;
    let start = text.get(..SHOWN).unwrap_or(text);
    Some(RecordProblem::Foreign { start: String::from_utf8_lossy(start).into_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of 1024 bits, throwaway.
    const P: &str = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFC\
                     jxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhi\
                     tdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB";

    fn error(text: &str) -> RecordProblem {
        KeyRecord::parse(text.as_bytes()).unwrap_err().0
    }

    #[test]
    fn marks_of_zone_files_in_the_data_are_named() {
        let record = format!("v=DKIM1; k=rsa; p={P}");
        assert!(KeyRecord::parse(record.as_bytes()).is_ok());
        let (front, back) = record.split_at(100);
        for text in [
            format!("\"{record}\""),
            format!("\"{record}"),
            format!("{record}\""),
            format!("'{record}'"),
            format!("\u{201c}{record}\u{201d}"),
            format!("v=DKIM1; k=rsa; p=\"{P}\""),
            format!("\"{front}\" \"{back}\""),
            format!("{front}\" \"{back}"),
            format!("\\\"{record}\\\""),
            format!("\"{}\"", record.replace(';', "\\;")),
            "\"v=DKIM1; p=damaged!\"".into(),
        ] {
            assert_eq!(error(&text), RecordProblem::Quoted, "{text}");
        }
        for text in [record.replace(';', "\\;"), record.replace('=', "\\="), format!("{record}\\")] {
            assert_eq!(error(&text), RecordProblem::Escaped, "{text}");
        }
        // Quotes are not to blame for everything.
        assert_eq!(error(&format!("v=DKIM2; n=\"a\"; p={P}")), RecordProblem::Version);
        assert!(KeyRecord::parse(format!("v=DKIM1; n=\"a\"; p={P}").as_bytes()).is_ok());
    }

    #[test]
    fn a_key_that_was_cut_off_is_told_from_one_that_is_damaged() {
        let record = format!("v=DKIM1; k=rsa; p={P}");
        for end in [record.len() - 1, record.len() - 2, record.len() - 3, record.len() - 4, 100, 99, 98, 97] {
            let cut = error(&record[..end]);
            assert!(
                matches!(cut, RecordProblem::Cut { expected: 162, bytes } if bytes < 162),
                "{end}: {cut}"
            );
        }
        assert!(error(&record[..200]).to_string().contains("255 bytes"));
        for (p, byte) in [
            (P.replace('+', "-"), b'-'),
            (P.replace("MIG", "MI\u{2026}"), 0xe2),
            (P.replace("MI", "M="), b'='),
        ] {
            let found = error(&format!("p={p}"));
            assert!(matches!(found, RecordProblem::Base64 { byte: Some(found) } if found == byte), "{found}");
        }
        assert_eq!(error("k=ed25519; p=AAAAA"), RecordProblem::Base64 { byte: None });
        assert_eq!(error(&format!("p=-----BEGIN PUBLIC KEY-----{P}")), RecordProblem::Pem);
    }

    #[test]
    fn text_of_another_kind_is_named_by_its_beginning() {
        for text in ["v=spf1 -all", "some-verification=1", "MIIBIjANBg", "hello", "v=DMARC1; p2=none"] {
            assert_eq!(error(text), RecordProblem::Foreign { start: text.into() });
        }
        assert_eq!(error(&format!("v=DKIM1 k=rsa; p={P}")), RecordProblem::NoSemicolon);
        assert_eq!(error(&format!("v=DKIM1 DKIM1; p={P}")), RecordProblem::Version);
        assert_eq!(error("v=DKIM1; k=rsa"), RecordProblem::NoKey);
        assert!(matches!(error("v=DKIM1; =rsa; p=MIGf"), RecordProblem::TagList(_)));
    }
}
