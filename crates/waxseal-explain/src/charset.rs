//! Character sets that relays convert from and to.

use encoding_rs::Encoding;

/// Names of sets that mail was written in, the most frequent first.
pub(crate) const LABELS: [&str; 10] = [
    "UTF-8",
    "utf-8",
    "iso-2022-jp",
    "ISO-2022-JP",
    "iso-8859-1",
    "ISO-8859-1",
    "windows-1252",
    "Shift_JIS",
    "EUC-JP",
    "us-ascii",
];

/// The text in `from`, written in `to`; `None` where that cannot be done without loss, or changes nothing.
pub(crate) fn transcode(text: &[u8], from: &str, to: &str) -> Option<Vec<u8>> {
    let (from, to) = (Encoding::for_label(from.as_bytes())?, Encoding::for_label(to.as_bytes())?);
    if from == to {
        return None;
    }
    let decoded = from.decode_without_bom_handling_and_without_replacement(text)?;
    let (encoded, _, lost) = to.encode(&decoded);
    (!lost && *encoded != *text).then(|| encoded.into_owned())
}

/// A Content-Type with another `charset`; `None` where it has none, or the same.
pub(crate) fn relabel(value: &[u8], label: &str) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"charset=";
    let start = value.windows(NAME.len()).position(|window| window.eq_ignore_ascii_case(NAME))? + NAME.len();
    let rest = value.get(start..)?;
    let quote = usize::from(rest.starts_with(b"\""));
    let ends = |c: &u8| matches!(c, b'"' | b';') || c.is_ascii_whitespace();
    let length = rest.get(quote..)?.iter().position(ends).unwrap_or(rest.len() - quote);
    let (front, back) = (value.get(..start + quote)?, value.get(start + quote + length..)?);
    let changed = [front, label.as_bytes(), back].concat();
    (changed != value).then_some(changed)
}
