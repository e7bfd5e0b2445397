//! A header built from separate names and values.

use crate::{Header, HeaderError, HeaderLimits, header::Span};
use bytes::BytesMut;

/// Builds a [`Header`] from separate names and values, as a milter receives them.
///
/// ```
/// use waxseal_header::{HeaderBuilder, HeaderLimits, Space};
/// let mut builder = HeaderBuilder::new(HeaderLimits::default());
/// builder.push(b"Subject", b"lunch\n\tor dinner", Space::Added)?;
/// assert_eq!(builder.finish().as_bytes(), b"Subject: lunch\r\n\tor dinner\r\n");
/// # Ok::<(), waxseal_header::HeaderError>(())
/// ```
#[derive(Debug)]
pub struct HeaderBuilder {
    limits: HeaderLimits,
    bytes: BytesMut,
    spans: Vec<Span>,
}

/// Whether a given value still has the space after the colon.
///
/// A mail server that speaks the milter protocol removes one space unless `SMFIP_HDR_LEADSPC` was negotiated; *simple*
/// canonicalization needs it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Space {
    /// The value is everything after the colon: nothing is inserted.
    Kept,
    /// The space after the colon was removed: one is inserted.
    Added,
}

impl HeaderBuilder {
    /// An empty header.
    pub fn new(limits: HeaderLimits) -> Self {
        Self { limits, bytes: BytesMut::new(), spans: Vec::new() }
    }

    /// Adds a field below the others. A bare LF followed by a blank becomes CRLF, as the milter protocol drops the CR
    /// of folds. Blanks at the end of the name are kept: obsolete syntax allows them before the colon (RFC 5322 §4.5).
    ///
    /// # Errors
    /// [`HeaderError`] when the name is not a field name, the value would start another field, or a limit is reached.
    pub fn push(&mut self, name: &[u8], value: &[u8], space: Space) -> Result<(), HeaderError> {
        check_name(name)?;
        if self.spans.len() >= self.limits.fields as usize {
            return Err(HeaderError::TooManyFields(self.limits.fields));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(if space == Space::Added { b": " } else { b":" });
        let pushed = self.push_value(value);
        self.bytes.extend_from_slice(b"\r\n");
        let limit = self.limits.bytes;
        if let Err(error) = pushed.and(fits(self.bytes.len(), limit)) {
            self.bytes.truncate(start);
            return Err(error);
        }
        // The limit on bytes keeps every offset below 2³¹.
        self.spans.push(Span { colon: (start + name.len()) as u32, end: self.bytes.len() as u32 });
        Ok(())
    }

    /// The header.
    pub fn finish(self) -> Header {
        Header::new(self.bytes.freeze(), &self.spans)
    }

    fn push_value(&mut self, value: &[u8]) -> Result<(), HeaderError> {
        let mut rest = value;
        while let Some(lf) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(lf);
            rest = after.get(1..).unwrap_or_default();
            if !matches!(rest.first(), Some(b' ' | b'\t')) {
                return Err(HeaderError::Value(value.len() - after.len()));
            }
            self.bytes.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
            self.bytes.extend_from_slice(b"\r\n");
        }
        self.bytes.extend_from_slice(rest);
        Ok(())
    }
}

fn fits(octets: usize, limit: u32) -> Result<(), HeaderError> {
    if octets > limit as usize { Err(HeaderError::TooLong(limit)) } else { Ok(()) }
}

fn check_name(name: &[u8]) -> Result<(), HeaderError> {
    let blanks = name.iter().rev().take_while(|c| matches!(c, b' ' | b'\t')).count();
    let name = name.get(..name.len() - blanks).unwrap_or_default();
    if name.is_empty() {
        return Err(HeaderError::NoName);
    }
    match name.iter().position(|c| !c.is_ascii_graphic() || *c == b':') {
        Some(offset) => Err(HeaderError::Name(name.get(offset).copied().unwrap_or(0), offset)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_ways_in_agree() {
        let message = b"A: 1\r\n 2\r\nB:x\r\nC:\r\nD \t: y\r\n\r\n";
        let (parsed, _) = Header::parse(message).unwrap();
        let mut builder = HeaderBuilder::new(HeaderLimits::default());
        builder.push(b"A", b"1\n 2", Space::Added).unwrap();
        builder.push(b"B", b"x", Space::Kept).unwrap();
        builder.push(b"C", b"", Space::Kept).unwrap();
        builder.push(b"D \t", b"y", Space::Added).unwrap();
        assert_eq!(builder.finish(), parsed);
    }

    #[test]
    fn nothing_breaks_out() {
        let mut builder = HeaderBuilder::new(HeaderLimits::default().with_max_bytes(40).with_max_fields(3));
        assert_eq!(builder.push(b"", b"x", Space::Added), Err(HeaderError::NoName));
        assert_eq!(builder.push(b" ", b"x", Space::Added), Err(HeaderError::NoName));
        assert_eq!(builder.push(b"a b", b"x", Space::Added), Err(HeaderError::Name(b' ', 1)));
        assert_eq!(builder.push(b"a:b", b"x", Space::Added), Err(HeaderError::Name(b':', 1)));
        assert_eq!(builder.push(b"a", b"x\r\nTo: y", Space::Added), Err(HeaderError::Value(2)));
        assert_eq!(builder.push(b"a", b"x\n", Space::Added), Err(HeaderError::Value(1)));
        assert_eq!(builder.push(b"a", &[b'x'; 40], Space::Added), Err(HeaderError::TooLong(40)));
        for _ in 0..3 {
            builder.push(b"a", b"x", Space::Added).unwrap();
        }
        assert_eq!(builder.push(b"a", b"x", Space::Added), Err(HeaderError::TooManyFields(3)));
        assert_eq!(builder.finish().as_bytes(), b"a: x\r\na: x\r\na: x\r\n");
    }
}
