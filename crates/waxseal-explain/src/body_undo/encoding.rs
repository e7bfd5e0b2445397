//! Text that a relay converted to another transfer encoding or character set.

use crate::{
    charset,
    mime::{Content, Part, parts},
};
use base64::{Engine, prelude::BASE64_STANDARD};

/// The body with every text in `encoding` decoded, and `name` in place of the encoding. `trimmed`: without the last line end of
/// what was encoded.
pub(crate) fn decoded(
    content: &Content,
    body: &[u8],
    encoding: &[u8],
    name: &[u8],
    trimmed: bool,
) -> Option<Vec<u8>> {
    let is_whole = !content.media_type.starts_with(b"multipart/");
    if is_whole && (trimmed || name != b"8bit") {
        return None;
    }
    let parts = parts(content, body);
    let mut out = Vec::with_capacity(body.len());
    let (mut done, mut any) = (0, false);
    for part in parts.iter().filter(|part| part.content.is_text() && part.content.encoding == encoding) {
        let Some(text) = decode(part, body) else { continue };
        let text = if trimmed { text.strip_suffix(b"\r\n").unwrap_or(&text) } else { &text };
        out.extend_from_slice(body.get(done..part.head.start)?);
        if !is_whole {
            out.extend(with_encoding(body.get(part.head.clone())?, encoding, name)?);
        }
        out.extend_from_slice(text);
        (done, any) = (part.body.end, true);
    }
    out.extend_from_slice(body.get(done..)?);
    any.then_some(out)
}

fn decode(part: &Part, body: &[u8]) -> Option<Vec<u8>> {
    let text = body.get(part.body.clone())?;
    match part.content.encoding.as_slice() {
        b"base64" => {
            let text: Vec<u8> = text.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect();
            BASE64_STANDARD.decode(text).ok()
        }
        _ => Some(quoted_printable(text)),
    }
}

/// RFC 2045 §6.7. An invalid code is left as it is.
fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'=', rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let code = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let behind = rest.get(at + 1..).unwrap_or_default();
        rest = match behind {
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => after,
            _ => match behind.get(..2).and_then(code) {
                Some(byte) => {
                    out.push(byte);
                    behind.get(2..).unwrap_or_default()
                }
                None => {
                    out.push(b'=');
                    behind
                }
            },
        };
    }
    out.extend_from_slice(rest);
    out
}

/// The header of a part with another encoding.
fn with_encoding(head: &[u8], encoding: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    const FIELD: &[u8] = b"content-transfer-encoding:";
    let lower = head.to_ascii_lowercase();
    let field = memchr::memmem::find(&lower, FIELD)? + FIELD.len();
    let value = field + memchr::memmem::find(lower.get(field..)?, encoding)?;
    Some([head.get(..value)?, name, head.get(value + encoding.len()..)?].concat())
}

/// Larger bodies are not converted: there would be too many copies.
const MAX_TRANSCODED: usize = 5 * 1024 * 1024;

/// The body in the character set `to`.
pub(crate) fn transcoded(content: &Content, body: &[u8], to: &str) -> Option<Vec<u8>> {
    // Two sets that differ in nothing but ASCII are not told apart.
    let converted = !body.is_ascii() || body.contains(&0x1b);
    if !converted || body.len() > MAX_TRANSCODED {
        return None;
    }
    let charset = content.charset.clone().or_else(|| {
        parts(content, body)
            .into_iter()
            .filter(|part| part.content.is_text())
            .find_map(|part| part.content.charset)
    });
    let from = charset.and_then(|label| String::from_utf8(label).ok()).unwrap_or_else(|| "utf-8".into());
    let text = charset::transcode(body, &from, to)?;
    if !content.media_type.starts_with(b"multipart/") {
        return Some(text);
    }
    let mut out = text;
    // From the last part up, so that the offsets of earlier parts stay valid.
    for part in parts(content, &out.clone()).iter().rev() {
        let head = out.get(part.head.clone())?;
        if let Some(head) = charset::relabel(head, to) {
            out.splice(part.head.clone(), head);
        }
    }
    Some(out)
}
