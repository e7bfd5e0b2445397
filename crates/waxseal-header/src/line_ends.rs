//! Finds bare CR and LF, and repairs them for senders.
//!
//! RFC 5322 §2.3 allows CR and LF only as the pair CRLF. Verifiers hash what they received. Signers refuse bare ones,
//! because a mail server in transit may rewrite them; an application with LF line ends calls [`to_crlf`], or [`ToCrlf`]
//! for a stream, *before* signing, and sends what it signed.

use std::borrow::Cow;

/// Offset of the first CR without LF after it, or LF without CR before it; `None` when there is none.
///
/// ```
/// use waxseal_header::line_ends::find_bare;
/// assert_eq!(find_bare(b"one\r\ntwo\r\n"), None);
/// assert_eq!(find_bare(b"one\ntwo\r\n"), Some(3));
/// ```
pub fn find_bare(text: &[u8]) -> Option<usize> {
    let mut finder = FindBare::default();
    finder.push(text);
    finder.finish().map(|offset| offset as usize)
}

/// [`find_bare`] for text that arrives in chunks.
///
/// ```
/// use waxseal_header::line_ends::FindBare;
/// let mut finder = FindBare::default();
/// finder.push(b"one\r");
/// finder.push(b"\ntwo\nthree\r\n");
/// assert_eq!(finder.finish(), Some(8));
/// ```
#[derive(Debug, Clone, Default)]
pub struct FindBare {
    seen: u64,
    after_cr: bool,
    found: Option<u64>,
}

impl FindBare {
    /// Reads the next chunk; returns the offset of the first bare CR or LF in the whole text, once there is one.
    pub fn push(&mut self, chunk: &[u8]) -> Option<u64> {
        if self.found.is_none() {
            self.found = self.find(chunk);
        }
        self.found
    }

    fn find(&mut self, chunk: &[u8]) -> Option<u64> {
        let (first, rest) = chunk.split_first()?;
        let start = self.seen;
        self.seen += chunk.len() as u64;
        if self.after_cr != (*first == b'\n') {
            return Some(if self.after_cr { start - 1 } else { start });
        }
        self.after_cr = chunk.last() == Some(&b'\r');
        if !any_unpaired(chunk, rest) {
            return None;
        }
        let at = chunk.iter().zip(rest).position(|(before, here)| (*before == b'\r') != (*here == b'\n'))?;
        Some(start + at as u64 + u64::from(chunk.get(at) != Some(&b'\r')))
    }

    /// Ends the text, and returns the offset of the first bare CR or LF, if any; a CR as the last byte is bare.
    pub fn finish(&self) -> Option<u64> {
        self.found.or(self.after_cr.then(|| self.seen.saturating_sub(1)))
    }
}

/// Without branches, so that the compiler can vectorize.
fn any_unpaired(before: &[u8], here: &[u8]) -> bool {
    let unpaired = |(b, h): (&u8, &u8)| u8::from(*b == b'\r') ^ u8::from(*h == b'\n');
    before.iter().zip(here).map(unpaired).fold(0, |any, bad| any | bad) != 0
}

/// The text with every bare CR and bare LF replaced by CRLF; borrowed when there is none.
///
/// ```
/// use waxseal_header::line_ends::to_crlf;
/// assert_eq!(&*to_crlf(b"one\ntwo\rthree\r\n"), b"one\r\ntwo\r\nthree\r\n");
/// ```
pub fn to_crlf(text: &[u8]) -> Cow<'_, [u8]> {
    if find_bare(text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    let mut stream = ToCrlf::default();
    stream.push(text, &mut out);
    stream.finish(&mut out);
    Cow::Owned(out)
}

/// [`to_crlf`] for text that arrives in chunks.
#[derive(Debug, Clone, Default)]
pub struct ToCrlf {
    after_cr: bool,
}

impl ToCrlf {
    /// Appends the next chunk to `out`, repaired.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) {
        let mut rest = chunk;
        if self.after_cr && !rest.is_empty() {
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            out.extend_from_slice(b"\r\n");
            self.after_cr = false;
        }
        while let Some(at) = memchr::memchr2(b'\r', b'\n', rest) {
            let (line, end) = rest.split_at(at);
            out.extend_from_slice(line);
            rest = match end {
                [b'\r'] => {
                    self.after_cr = true;
                    return;
                }
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => end,
            };
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(rest);
    }

    /// Ends the text.
    pub fn finish(self, out: &mut Vec<u8>) {
        if self.after_cr {
            out.extend_from_slice(b"\r\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow_find(text: &[u8]) -> Option<usize> {
        (0..text.len()).find(|&i| match text[i] {
            b'\r' => text.get(i + 1) != Some(&b'\n'),
            b'\n' => i == 0 || text[i - 1] != b'\r',
            _ => false,
        })
    }

    proptest! {
        #[test]
        fn finding_does_not_depend_on_the_cut(text in "[a\r\n]{0,20}", cut in 0usize..20) {
            let text = text.as_bytes();
            prop_assert_eq!(find_bare(text), slow_find(text));
            let (a, b) = text.split_at(cut.min(text.len()));
            let mut finder = FindBare::default();
            let first = finder.push(a);
            let second = finder.push(b);
            prop_assert!(first.is_none() || first == second);
            prop_assert!(second.is_none() || second == finder.finish());
            prop_assert_eq!(finder.finish(), slow_find(text).map(|at| at as u64));
        }

        #[test]
        fn repairing_leaves_no_bare_line_end(text in "[a\r\n]{0,20}", cut in 0usize..20) {
            let text = text.as_bytes();
            let whole = to_crlf(text).into_owned();
            prop_assert_eq!(find_bare(&whole), None);
            prop_assert_eq!(&*to_crlf(&whole), &whole[..]);
            let (a, b) = text.split_at(cut.min(text.len()));
            let (mut stream, mut out) = (ToCrlf::default(), Vec::new());
            stream.push(a, &mut out);
            stream.push(b, &mut out);
            stream.finish(&mut out);
            prop_assert_eq!(out, whole);
        }
    }
}
