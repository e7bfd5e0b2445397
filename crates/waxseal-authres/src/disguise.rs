//! Fields that some readers see where others see none: in lines that are no field, and within other fields.

use waxseal_header::Field;

pub(crate) const AUTHENTICATION_RESULTS: &str = "Authentication-Results";

/// The fields by which a host says what it found, and which a stranger would like to forge.
const NAMES: [&str; 5] = [
    AUTHENTICATION_RESULTS,
    "ARC-Authentication-Results",
    "ARC-Message-Signature",
    "ARC-Seal",
    "Received-SPF",
];

/// Whether the field has this name, or would have it without `>` in front, as mail files quote lines.
pub(crate) fn is_quoted(field: &Field<'_>, name: &str) -> bool {
    let unquoted = field.name().iter().position(|b| *b != b'>').and_then(|at| field.name().get(at..));
    unquoted.is_some_and(|unquoted| unquoted.eq_ignore_ascii_case(name.as_bytes()))
}

/// Whether some reader sees one of [`NAMES`] here and others do not: since the line is no field to all (a control or 8-bit
/// octet, a blank or a colon in front of the name or in it, or the name in a fold of such a line), or since it stands behind an octet that ends a line for some.
///
/// Python's `email` and Perl's Email::MIME end a line at CR alone, c-client's reader at NUL, and whatever splits lines as Python's
/// `str.splitlines` does, at many more.
pub(crate) fn is_disguised(field: &Field<'_>) -> bool {
    let raw = field.raw();
    if field.is_malformed() && (looks_like_a_name(raw) || is_on_some_line(raw)) {
        return true;
    }
    // A name is looked for once behind each run of bytes that are not seen, so that many of them take linear time.
    let mut looked_at = 0;
    for (at, _) in raw.iter().enumerate().filter(|(at, b)| ends_line(raw, *at, **b)) {
        if at < looked_at {
            continue;
        }
        let rest = raw.get(at + 1..).unwrap_or_default();
        if looks_like_a_name(rest) {
            return true;
        }
        looked_at = at + 1 + rest.iter().position(is_seen).unwrap_or(rest.len());
    }
    false
}

/// What is no field has no folds for the crate mail-parser: it looks for a name on each line, behind any colons.
fn is_on_some_line(raw: &[u8]) -> bool {
    raw.split(|b| *b == b'\n').any(|line| {
        let begin = line.iter().position(|b| is_seen(b) && *b != b':').unwrap_or(line.len());
        looks_like_a_name(line.get(begin..).unwrap_or_default())
    })
}

/// Whether this is a line without a colon and so no field. For some readers (Perl's Email::Simple) it belongs to the field above.
pub(crate) fn is_stray(field: &Field<'_>) -> bool {
    let line = field.raw().split(|b| *b == b'\n').next().unwrap_or_default();
    field.is_malformed() && matches!(line.iter().position(|b| *b == b':'), None | Some(0))
}

/// Whether a line ends at this octet for some readers but not for all: a control octet, U+0085, U+2028 or U+2029.
fn ends_line(raw: &[u8], at: usize, b: u8) -> bool {
    let starts = raw.get(..at).unwrap_or_default();
    match b {
        b'\t' | b'\n' => false,
        b'\r' => !matches!(raw.get(at + 1), None | Some(b'\n')),
        0xa8 | 0xa9 => starts.ends_with(&[0xe2, 0x80]),
        _ => b.is_ascii_control() || b == 0x85,
    }
}

/// Whether the text begins with one of [`NAMES`] and a colon, whatever stands in between that is not seen.
fn looks_like_a_name(text: &[u8]) -> bool {
    let seen: Vec<u8> = text.iter().copied().filter(is_seen).take(LONGEST + 1).collect();
    NAMES.iter().any(|name| {
        let parts = seen.split_at_checked(name.len());
        parts.is_some_and(|(front, rest)| {
            front.eq_ignore_ascii_case(name.as_bytes()) && rest.starts_with(b":")
        })
    })
}

/// Octets of [`ARC-Authentication-Results`](NAMES), the longest name.
const LONGEST: usize = 26;

/// The `>` of a quoted line counts as not seen.
fn is_seen(b: &u8) -> bool {
    b.is_ascii_graphic() && *b != b'>'
}
