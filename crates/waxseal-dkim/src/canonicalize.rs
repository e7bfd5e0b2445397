//! Canonicalization of header fields (RFC 6376 §3.4.1, §3.4.2).

use std::fmt;
use waxseal_header::Field;

/// How much change in transit a signature tolerates (RFC 6376 §3.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Canonicalization {
    /// Almost none: bytes are hashed as they are. The default of a signature without `c=`.
    #[default]
    Simple,
    /// Whitespace between words may change, and lines may be folded differently.
    Relaxed,
}

impl Canonicalization {
    /// The name in `c=`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::Relaxed => "relaxed",
        }
    }

    /// The algorithm of this name, in any case (RFC 5234 §2.3).
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Simple, Self::Relaxed].into_iter().find(|c| name.eq_ignore_ascii_case(c.as_str().as_bytes()))
    }

    /// Appends the canonical form of a header field, with its line end.
    ///
    /// ```
    /// use waxseal_dkim::Canonicalization;
    /// use waxseal_header::Header;
    /// let (header, _) = Header::parse(b"SUBJect : a\r\n\t b \r\n\r\n")?;
    /// let mut out = Vec::new();
    /// for field in header.fields() {
    ///     Canonicalization::Relaxed.header_field(field, &mut out);
    /// }
    /// assert_eq!(out, b"subject:a b\r\n");
    /// # Ok::<(), waxseal_header::HeaderError>(())
    /// ```
    pub fn header_field(self, field: Field<'_>, out: &mut Vec<u8>) {
        match self {
            Self::Simple => {
                out.extend_from_slice(field.raw());
                // The last line of a message without a body may lack its line end, which every server adds.
                if !field.raw().ends_with(b"\n") {
                    out.extend_from_slice(b"\r\n");
                }
            }
            Self::Relaxed => {
                relaxed_name(field.name(), out);
                let value = field.raw().get(colon(field) + 1..).unwrap_or_default();
                relaxed_value(value.strip_suffix(b"\r\n").unwrap_or(value), out);
                out.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Appends the canonical form of the signature field itself: without the bytes of `hole`, a range of the value (RFC
    /// 6376 §3.7: "the value of the "b=" tag (including all surrounding whitespace) deleted"), and "without a trailing
    /// CRLF".
    pub(crate) fn signature_field(self, field: Field<'_>, hole: std::ops::Range<usize>, out: &mut Vec<u8>) {
        let value = field.value();
        let (before, after) =
            (value.get(..hole.start).unwrap_or(value), value.get(hole.end..).unwrap_or_default());
        match self {
            Self::Simple => {
                out.extend_from_slice(field.raw().get(..colon(field) + 1).unwrap_or_default());
                out.extend_from_slice(before);
                out.extend_from_slice(after);
            }
            Self::Relaxed => {
                relaxed_name(field.name(), out);
                match after {
                    [] => relaxed_value(before, out),
                    _ => relaxed_value(&[before, after].concat(), out),
                }
            }
        }
    }
}

impl fmt::Display for Canonicalization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Offset of the colon in the field.
fn colon(field: Field<'_>) -> usize {
    let name = field.name().len();
    // Obsolete syntax allows whitespace between name and colon (RFC 5322 §4.5).
    match field.raw().get(name) {
        Some(b':') => name,
        _ => memchr::memchr(b':', field.raw()).unwrap_or(name),
    }
}

/// §3.4.2: "Convert all header field names … to lowercase", "Delete any WSP characters remaining before and after the
/// colon".
fn relaxed_name(name: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(name);
    if let Some(name) = out.get_mut(start..) {
        name.make_ascii_lowercase();
    }
    out.push(b':');
}

/// §3.4.2: unfold, make each run of WSP one SP, delete WSP at both ends. Every fold is followed by WSP, so the lines can
/// be trimmed and joined by SP.
fn relaxed_value(value: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    let mut rest = value;
    loop {
        let (line, after) = split_line(rest);
        let line = trim_blanks(line);
        if !line.is_empty() {
            if out.len() > start {
                out.push(b' ');
            }
            relaxed_line(line, out);
        }
        match after {
            Some(after) => rest = after,
            None => return,
        }
    }
}

/// The text up to the next CRLF, and the text after it. A bare CR or LF is data.
fn split_line(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    for cr in memchr::memchr_iter(b'\r', text) {
        if let Some((line, [b'\r', b'\n', after @ ..])) = text.split_at_checked(cr) {
            return (line, Some(after));
        }
    }
    (text, None)
}

/// Makes each run of WSP one SP; `line` neither begins nor ends in WSP.
fn relaxed_line(line: &[u8], out: &mut Vec<u8>) {
    if !has_blank_runs(line) {
        out.extend_from_slice(line);
        return;
    }
    let mut words = line.split(|c| is_blank(*c)).filter(|word| !word.is_empty());
    out.extend_from_slice(words.next().unwrap_or_default());
    for word in words {
        out.push(b' ');
        out.extend_from_slice(word);
    }
}

/// True when there is a TAB after the first byte, or two SP in a row; SP next to a control byte also counts, since one
/// test finds both. Sixteen bytes at a time, each with the one before it; the last step overlaps the one before it.
fn has_blank_runs(line: &[u8]) -> bool {
    let mut rest = line;
    while let Some(window) = rest.first_chunk::<17>() {
        if has_suspect(window) {
            return true;
        }
        rest = rest.get(16..).unwrap_or_default();
    }
    match (line.last_chunk::<17>(), line.first_chunk::<9>(), line.last_chunk::<9>()) {
        (Some(last), ..) => has_suspect(last),
        (None, Some(first), Some(last)) => has_suspect(first) | has_suspect(last),
        _ => has_suspect(rest),
    }
}

/// Without branches, so that the compiler can vectorize.
fn has_suspect(window: &[u8]) -> bool {
    let pairs = window.iter().zip(window.get(1..).unwrap_or_default());
    let suspect =
        |(before, here): (&u8, &u8)| u8::from(*here == b'\t') | u8::from((*before).max(*here) == b' ');
    pairs.map(suspect).fold(0, |any, suspect| any | suspect) != 0
}

fn is_blank(c: u8) -> bool {
    c == b' ' || c == b'\t'
}

fn trim_blanks(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use waxseal_header::Header;

    fn canonical(canonicalization: Canonicalization, message: &[u8]) -> Vec<u8> {
        let (header, _) = Header::parse(message).unwrap();
        let mut out = Vec::new();
        header.fields().for_each(|field| canonicalization.header_field(field, &mut out));
        out
    }

    #[test]
    fn rfc6376_3_4_5() {
        let message = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n";
        assert_eq!(canonical(Canonicalization::Relaxed, message), b"a:X\r\nb:Y Z\r\n");
        assert_eq!(canonical(Canonicalization::Simple, message), b"A: X\r\nB : Y\t\r\n\tZ  \r\n");
        assert_eq!(canonical(Canonicalization::Simple, b"A: X"), b"A: X\r\n");
    }

    #[test]
    fn relaxed_edges() {
        for (message, expected) in [
            (&b"A:\r\n x\r\n"[..], &b"a:x\r\n"[..]),
            (b"A:\r\n", b"a:\r\n"),
            (b"A: \t \r\n \r\n\t\r\n", b"a:\r\n"),
            (b"A: x\r\n \r\n y\r\n", b"a:x y\r\n"),
            (b"A:x\rb\r\n", b"a:x\rb\r\n"),
            (b"A \t : x", b"a:x\r\n"),
            (b"A: x\n y\r\n", b"a:x\n y\r\n"),
        ] {
            assert_eq!(canonical(Canonicalization::Relaxed, message), expected, "{}", message.escape_ascii());
        }
    }

    /// RFC 6376 §3.4.2 step by step, byte by byte.
    fn slow_relaxed(value: &[u8]) -> Vec<u8> {
        let text = String::from_utf8(value.to_vec()).unwrap().replace("\r\n", "").replace('\t', " ");
        let words: Vec<_> = text.split(' ').filter(|word| !word.is_empty()).collect();
        words.join(" ").into_bytes()
    }

    proptest! {
        #[test]
        fn relaxed_is_what_the_rfc_says(value in "([ab \t]|[a-z]{1,9}|\r\n[ \t]){0,30}") {
            let mut fast = Vec::new();
            relaxed_value(value.as_bytes(), &mut fast);
            prop_assert_eq!(fast, slow_relaxed(value.as_bytes()));
        }

        #[test]
        fn the_hole_is_left_out(front in "[a-z=; ]{0,9}", hole in "[A-Z \t]{0,9}", back in "[a-z=; ]{0,9}") {
            let with = format!("S:{front}{hole}{back}\r\n");
            let without = format!("S:{front}{back}\r\n");
            for canonicalization in [Canonicalization::Simple, Canonicalization::Relaxed] {
                let (header, _) = Header::parse(with.as_bytes()).unwrap();
                let mut out = Vec::new();
                let range = front.len()..front.len() + hole.len();
                canonicalization.signature_field(header.field(0).unwrap(), range, &mut out);
                out.extend_from_slice(b"\r\n");
                prop_assert_eq!(out, canonical(canonicalization, without.as_bytes()));
            }
        }
    }
}
