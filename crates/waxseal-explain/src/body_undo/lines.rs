//! Lines: their ends, their lengths, and what programs do to their first and last bytes.

use crate::{mime::Content, replace::replace};
use waxseal::header::line_ends::{find_bare, to_crlf};

/// A byte order mark in UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Lines as long as this may have been broken: programs break at 998 bytes or somewhat before.
const LONG: usize = 900;

pub(crate) fn with_crlf(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    if memchr::memmem::find(body, b"\r\r\n").is_some() {
        return Some(replace(body, b"\r\r\n", b"\r\n"));
    }
    find_bare(body).map(|_| to_crlf(body).into_owned())
}

pub(crate) fn with_lf(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    changed(body, b"\r\n", b"\n")
}

pub(crate) fn without_mark(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    match body.strip_prefix(BOM) {
        Some(rest) => Some(rest.to_vec()),
        None => changed(body, BOM, b""),
    }
}

pub(crate) fn with_mark(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    (!body.is_ascii()).then(|| [BOM, body].concat())
}

/// Postfix and others put a line end and a blank where a line is too long, Sendmail an exclamation mark as well.
pub(crate) fn joined(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    joined_by(body, |rest| rest.strip_prefix(b" ").or_else(|| rest.strip_prefix(b"\t")))
}

/// The same where only a line end was inserted.
pub(crate) fn joined_at_line_end(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    joined_by(body, |rest| (!rest.is_empty()).then_some(rest))
}

fn joined_by(body: &[u8], next: impl Fn(&[u8]) -> Option<&[u8]>) -> Option<Vec<u8>> {
    let (mut out, mut rest, mut joined) = (Vec::with_capacity(body.len()), body, false);
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        let (line, after) = rest.split_at_checked(at)?;
        let after = after.get(2..)?;
        match next(after).filter(|_| line.len() >= LONG) {
            Some(more) => {
                out.extend_from_slice(line.strip_suffix(b"!").unwrap_or(line));
                rest = more;
                joined = true;
            }
            None => {
                out.extend_from_slice(line);
                out.extend_from_slice(b"\r\n");
                rest = after;
            }
        }
    }
    out.extend_from_slice(rest);
    joined.then_some(out)
}

pub(crate) fn with_single_dots(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    each_line(body, |line, out| {
        out.extend_from_slice(if line.starts_with(b"..") { line.get(1..).unwrap_or(line) } else { line })
    })
}

/// Where one dot is left, another may have been lost.
pub(crate) fn with_more_dots(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    let dots = memchr::memmem::find_iter(body, b"\n.").count() + 1;
    each_line_within(body, body.len() + dots, |line, out| {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    })
}

/// With a dot in front of one line, of which there are at most so many.
pub(crate) fn with_one_dot_more(body: &[u8], most: usize) -> impl Iterator<Item = Vec<u8>> {
    let starts = std::iter::once(0).chain(memchr::memmem::find_iter(body, b"\r\n").map(|at| at + 2));
    let text = |at: &usize| body.get(*at).is_some_and(|c| !c.is_ascii_whitespace());
    let mut starts: Vec<usize> = starts.filter(text).take(most * 8).collect();
    // A dot is lost where a soft line break came before it more often than elsewhere.
    let is_soft = |at: &usize| body.get(..*at).is_some_and(|before| before.ends_with(b"=\r\n"));
    starts.sort_by_key(|at| !is_soft(at));
    starts.truncate(most);
    starts.into_iter().filter_map(|at| {
        let (front, back) = body.split_at_checked(at)?;
        Some([front, b".", back].concat())
    })
}

pub(crate) fn without_quoted_from(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    each_line(body, |line, out| {
        out.extend_from_slice(if line.starts_with(b">From ") { line.get(1..).unwrap_or(line) } else { line })
    })
}

pub(crate) fn with_decoded_blanks(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    changed(body, b"=20\r\n", b" \r\n")
}

pub(crate) fn with_encoded_blanks(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    changed(body, b" \r\n", b"=20\r\n").or_else(|| changed(body, b"\r\n--\r\n", b"\r\n--=20\r\n"))
}

pub(crate) fn without_trailing_blanks(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    each_line(body, |line, out| {
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        let end = text.iter().rposition(|c| !matches!(c, b' ' | b'\t')).map_or(0, |last| last + 1);
        out.extend_from_slice(text.get(..end).unwrap_or(text));
        out.extend_from_slice(line.get(text.len()..).unwrap_or_default());
    })
}

/// RFC 3676 §4.3: a signature begins with two hyphens and a blank, which is lost easily.
pub(crate) fn with_signature_blank(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    changed(body, b"\r\n--\r\n", b"\r\n-- \r\n")
}

pub(crate) fn without_leading_line(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    body.strip_prefix(b"\r\n").map(<[u8]>::to_vec)
}

pub(crate) fn with_leading_line(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    (!body.is_empty()).then(|| [b"\r\n", body].concat())
}

/// One line end for two.
pub(crate) fn single_spaced(_: &Content, body: &[u8]) -> Option<Vec<u8>> {
    changed(body, b"\r\n\r\n", b"\r\n")
}

fn changed(body: &[u8], from: &[u8], to: &[u8]) -> Option<Vec<u8>> {
    memchr::memmem::find(body, from).map(|_| replace(body, from, to))
}

/// Calls `change` for each line with its end; `None` when nothing was changed.
fn each_line(body: &[u8], change: impl Fn(&[u8], &mut Vec<u8>)) -> Option<Vec<u8>> {
    each_line_within(body, body.len(), change)
}

/// The same, for changes that add to lines. The length is known in advance, so that nothing as long as the body is copied.
fn each_line_within(body: &[u8], capacity: usize, change: impl Fn(&[u8], &mut Vec<u8>)) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(capacity);
    let mut start = 0;
    for lf in memchr::memchr_iter(b'\n', body) {
        change(body.get(start..=lf).unwrap_or_default(), &mut out);
        start = lf + 1;
    }
    change(body.get(start..).unwrap_or_default(), &mut out);
    (out != body).then_some(out)
}
