//! Text of keys as altered by environment variables, secret stores and shells.

use zeroize::Zeroizing;

/// The original text, without a byte order mark, UTF-16, quotes, and backslash escapes such as the two characters `\n`
/// for a line end, escaped once or several times. None of that is part of PEM or base64.
pub(crate) fn unescape(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let narrow = narrow(text);
    let text = narrow.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&narrow);
    // Never longer than the text: a reallocation would leave a copy of a secret behind.
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((&octet, after)) = rest.split_first() {
        rest = match octet {
            b'\\' => unescape_one(after, &mut out),
            b'"' | b'\'' => after,
            _ => {
                out.push(octet);
                after
            }
        };
    }
    out
}

/// Reads what follows a backslash; returns what follows that.
fn unescape_one<'t>(text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    match text {
        [b'n' | b'r' | b't', after @ ..] => {
            out.push(b'\n');
            after
        }
        // JSON writes any character in digits, and some writers do so with `=`, `+` and `/`.
        [b'u', b'0', b'0', high, low, after @ ..] => match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => {
                out.push(high << 4 | low);
                after
            }
            _ => text,
        },
        _ => text,
    }
}

fn digit(octet: u8) -> Option<u8> {
    char::from(octet).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// ASCII that was written as UTF-16 with a byte order mark, as PowerShell does; other text stays as it is.
fn narrow(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len()));
    let (mark, low) = match text {
        [0xff, 0xfe, ..] => (true, 0),
        [0xfe, 0xff, ..] => (true, 1),
        _ => (false, 0),
    };
    let units =
        || text.chunks_exact(2).skip(1).filter_map(|unit| Some((*unit.get(low)?, *unit.get(1 - low)?)));
    if mark && units().all(|(_, high)| high == 0) {
        out.extend(units().map(|(octet, _)| octet));
    } else {
        out.extend_from_slice(text);
    }
    out
}
