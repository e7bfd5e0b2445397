//! What mailing lists and gateways add to a body.

use crate::mime::{Content, parts};

/// Without the last part, which a list has put behind the others.
pub(crate) fn without_last_part(content: &Content, body: &[u8]) -> Option<Vec<u8>> {
    let mark = [b"\r\n--", content.boundary.as_deref()?].concat();
    let end = memchr::memmem::rfind(body, &[&*mark, b"--"].concat())?;
    let last = memchr::memmem::rfind(body.get(..end)?, &[&*mark, b"\r\n"].concat())?;
    Some([body.get(..last)?, body.get(end..)?].concat())
}

/// The first part alone: a list has wrapped the message.
pub(crate) fn first_part(content: &Content, body: &[u8]) -> Option<Vec<u8>> {
    let mark = [b"--", content.boundary.as_deref()?].concat();
    let start = memchr::memmem::find(body, &mark)?;
    let head = body.get(start + mark.len()..)?.strip_prefix(b"\r\n")?;
    let inner = head.get(memchr::memmem::find(head, b"\r\n\r\n")? + 4..)?;
    let end = memchr::memmem::find(inner, &[b"\r\n", &*mark].concat())?;
    Some([inner.get(..end)?, b"\r\n"].concat())
}

/// Without what looks like a footer at the end of the first text.
pub(crate) fn without_footer_in_part(content: &Content, body: &[u8]) -> Option<Vec<u8>> {
    content.boundary.as_ref()?;
    let part = parts(content, body).into_iter().find(|part| part.content.is_text())?;
    let text = body.get(part.body.clone())?;
    let starts = memchr::memmem::find_iter(text, b"\r\n").map(|at| at + 2);
    let is_mark = |at: &usize| text.get(*at..).is_some_and(begins_footer);
    let cut = starts.filter(is_mark).last()?;
    let front = body.get(..part.body.start + cut)?;
    let front = front.strip_suffix(b"\r\n\r\n").or_else(|| front.strip_suffix(b"\r\n")).unwrap_or(front);
    Some([front, body.get(part.body.end..)?].concat())
}

/// Without the first paragraph.
pub(crate) fn without_banner(content: &Content, body: &[u8]) -> Option<Vec<u8>> {
    if content.boundary.is_some() {
        return None;
    }
    let end = memchr::memmem::find(body.get(..body.len().min(2048))?, b"\r\n\r\n")?;
    body.get(end + 4..).filter(|rest| !rest.is_empty()).map(<[u8]>::to_vec)
}

/// Whether text that was appended looks like the footer of a list.
pub(crate) fn is_footer(text: &[u8]) -> bool {
    let lines = memchr::memchr_iter(b'\n', text).map(|lf| lf + 1);
    let mut starts = std::iter::once(0).chain(lines);
    let lower = text.get(..text.len().min(4096)).unwrap_or_default().to_ascii_lowercase();
    let words: [&[u8]; 3] = [b"mailing list", b"unsubscribe", b"listinfo"];
    starts.any(|at| text.get(at..).is_some_and(begins_footer))
        || words.iter().any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// A line of underscores or dashes, or the mark of a signature.
fn begins_footer(text: &[u8]) -> bool {
    let line = text.split(|c| *c == b'\n').next().unwrap_or_default().trim_ascii_end();
    let rule = |c: u8| line.len() >= 8 && line.iter().all(|other| *other == c);
    line == b"--" || rule(b'_') || rule(b'-') || rule(b'=')
}
