//! Links that scanners rewrote.

use crate::mime::Content;

/// Links that are looked at in one body.
const MAX_LINKS: usize = 10_000;

pub(crate) fn original(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let mut done = 0;
    for at in memchr::memmem::find_iter(body, b"https://").take(MAX_LINKS) {
        let Some(rest) = body.get(at..).filter(|_| at >= done) else { continue };
        let ends = |c: &u8| c.is_ascii_whitespace() || matches!(c, b'"' | b'<' | b'>' | b'\'' | b')');
        let link = rest.get(..rest.iter().position(ends).unwrap_or(rest.len())).unwrap_or_default();
        if let Some((link, length)) = unwrapped(link) {
            out.extend_from_slice(body.get(done..at)?);
            out.extend_from_slice(&link);
            done = at + length;
        }
    }
    out.extend_from_slice(body.get(done..)?);
    (done > 0).then_some(out)
}

/// The link within a link, and how many bytes stand for it.
fn unwrapped(link: &[u8]) -> Option<(Vec<u8>, usize)> {
    let host = link.get(8..)?.split(|c| *c == b'/').next()?;
    if host.ends_with(b"safelinks.protection.outlook.com") {
        return Some((parameter(link, b"?url=").or_else(|| parameter(link, b"&url="))?, link.len()));
    }
    if host.starts_with(b"urldefense.") {
        const START: &[u8] = b"/v3/__";
        let start = memchr::memmem::find(link, START)? + START.len();
        let inner = link.get(start..)?;
        let end = memchr::memmem::find(inner, b"__;")?;
        return Some((inner.get(..end)?.to_vec(), link.len()));
    }
    let names: [&[u8]; 4] = [b"?url=", b"?u=", b"&url=", b"&u="];
    let inner = names.into_iter().find_map(|name| parameter(link, name))?;
    (inner.starts_with(b"http://") || inner.starts_with(b"https://")).then_some((inner, link.len()))
}

/// The value behind `name`, decoded.
fn parameter(link: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let value = link.get(memchr::memmem::find(link, name)? + name.len()..)?;
    let value = value.split(|c| *c == b'&').next()?;
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| *first == b'%') {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..)?;
            }
            None => {
                out.push(*first);
                rest = after;
            }
        }
    }
    Some(out)
}
