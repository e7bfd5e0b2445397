//! Fields that only some programs see: in malformed lines, and within other fields.

use waxseal_header::Field;

pub(crate) const AUTHENTICATION_RESULTS: &str = "Authentication-Results";

/// The fields with the results of a host, which a stranger might forge.
const NAMES: [&str; 5] = [
    AUTHENTICATION_RESULTS,
    "ARC-Authentication-Results",
    "ARC-Message-Signature",
    "ARC-Seal",
    "Received-SPF",
];

/// Whether the field has this name, possibly after `>`, as mbox files quote lines.
pub(crate) fn is_quoted(field: &Field<'_>, name: &str) -> bool {
    let unquoted = field.name().iter().position(|b| *b != b'>').and_then(|at| field.name().get(at..));
    unquoted.is_some_and(|unquoted| unquoted.eq_ignore_ascii_case(name.as_bytes()))
}

/// Whether some programs, but not all, see one of [`NAMES`] here: either because the line is malformed (with a control
/// or 8-bit byte, a blank or a colon before or in the name, or the name in a fold of such a line), or because the name
/// follows a byte that ends a line for some.
///
/// Python's `email` and Perl's Email::MIME end a line at a bare CR, c-client at NUL, and programs that split lines like
/// Python's `str.splitlines` at many more.
pub(crate) fn is_disguised(field: &Field<'_>) -> bool {
    let raw = field.raw();
    if field.is_malformed() && (looks_like_a_name(raw) || is_on_some_line(raw)) {
        return true;
    }
    if is_plain(raw) {
        return false;
    }
    // A name is searched once after each run of invisible bytes, so that many of them take linear time.
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

/// In a malformed line, the crate mail-parser knows no folds: it looks for a name on each line, after any colons.
fn is_on_some_line(raw: &[u8]) -> bool {
    raw.split(|b| *b == b'\n').any(|line| {
        let begin = line.iter().position(|b| is_seen(b) && *b != b':').unwrap_or(line.len());
        looks_like_a_name(line.get(begin..).unwrap_or_default())
    })
}

/// Whether this is a line without a colon. For some programs (Perl's Email::Simple) it belongs to the field above.
pub(crate) fn is_stray(field: &Field<'_>) -> bool {
    let line = field.raw().split(|b| *b == b'\n').next().unwrap_or_default();
    field.is_malformed() && matches!(line.iter().position(|b| *b == b':'), None | Some(0))
}

/// Whether this byte ends a line for some programs but not for all: a control byte, U+0085, U+2028 or U+2029.
fn ends_line(raw: &[u8], at: usize, b: u8) -> bool {
    let starts = raw.get(..at).unwrap_or_default();
    match b {
        b'\t' | b'\n' => false,
        b'\r' => !matches!(raw.get(at + 1), None | Some(b'\n')),
        0xa8 | 0xa9 => starts.ends_with(&[0xe2, 0x80]),
        _ => b.is_ascii_control() || b == 0x85,
    }
}

/// Whether surely no byte [ends a line](ends_line), as in nearly all fields; bytes beyond ASCII are not looked at here.
fn is_plain(raw: &[u8]) -> bool {
    let odd = |b: u8| !matches!(b, b' '..=b'~' | b'\t' | b'\n' | b'\r');
    // Without an early end, so that many bytes are compared at a time.
    let is_odd = raw.iter().fold(false, |found, b| found | odd(*b));
    let next = raw.iter().skip(1);
    let is_bare =
        raw.iter().zip(next).fold(false, |found, (b, next)| found | (*b == b'\r' && *next != b'\n'));
    !is_odd && !is_bare
}

/// Whether the text begins with one of [`NAMES`] and a colon, with any invisible bytes between.
fn looks_like_a_name(text: &[u8]) -> bool {
    let seen: Vec<u8> = text.iter().copied().filter(is_seen).take(LONGEST + 1).collect();
    NAMES.iter().any(|name| {
        let parts = seen.split_at_checked(name.len());
        parts.is_some_and(|(front, rest)| {
            front.eq_ignore_ascii_case(name.as_bytes()) && rest.starts_with(b":")
        })
    })
}

/// The length of [`ARC-Authentication-Results`](NAMES), the longest name.
const LONGEST: usize = 26;

/// The `>` of a quoted line counts as invisible.
fn is_seen(b: &u8) -> bool {
    b.is_ascii_graphic() && *b != b'>'
}
