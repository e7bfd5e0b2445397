//! Splits a message that arrives in chunks.

use crate::{Header, HeaderError, HeaderLimits, header::Span};
use bytes::{Bytes, BytesMut};

/// Splits a message that arrives in chunks of any size into its header and its body. The result does not depend on how
/// it was split into chunks.
///
/// ```
/// use waxseal_header::{HeaderLimits, Split, Splitter};
/// let mut splitter = Splitter::new(HeaderLimits::default());
/// assert!(matches!(splitter.push(b"Subject: lu")?, Split::Header));
/// let Split::Body(header, body) = splitter.push(b"nch\r\n\r\nHi.")? else { panic!() };
/// assert_eq!(header.len(), 1);
/// assert_eq!(body, b"Hi.");
/// # Ok::<(), waxseal_header::HeaderError>(())
/// ```
#[derive(Debug)]
pub struct Splitter {
    limits: HeaderLimits,
    /// Bytes of earlier chunks.
    held: BytesMut,
    spans: Vec<Span>,
    /// Start of the line that is not complete yet.
    line: usize,
}

/// The result of [`Splitter::push`].
#[derive(Debug)]
pub enum Split<'c> {
    /// The header continues.
    Header,
    /// The header is complete; the rest of the chunk is body. Everything after it is body too.
    Body(Header, &'c [u8]),
}

impl Splitter {
    /// A splitter at the start of a message.
    pub fn new(limits: HeaderLimits) -> Self {
        Self { limits, held: BytesMut::new(), spans: Vec::new(), line: 0 }
    }

    /// Takes the next chunk. Do not call it again after [`Split::Body`]: what follows is body, and this splitter would
    /// take it for a new message.
    ///
    /// # Errors
    /// [`HeaderError::TooLong`] and [`HeaderError::TooManyFields`].
    pub fn push<'c>(&mut self, chunk: &'c [u8]) -> Result<Split<'c>, HeaderError> {
        if self.held.is_empty() {
            return self.push_first(chunk);
        }
        let before = self.held.len();
        self.held.extend_from_slice(chunk);
        let held = std::mem::take(&mut self.held);
        // The line before the chunk may turn out to be empty or folded only now, so look at it again.
        match self.lines(&held, before)? {
            Some(body) => {
                let header = self.header(held.freeze().slice(..self.line));
                // `body` is past `before`: the line that ended the header ended in this chunk.
                Ok(Split::Body(header, chunk.get(body.saturating_sub(before)..).unwrap_or_default()))
            }
            None => {
                self.held = held;
                Ok(Split::Header)
            }
        }
    }

    /// The header of a message that ended without an empty line.
    ///
    /// # Errors
    /// [`HeaderError::TooManyFields`].
    pub fn finish(mut self) -> Result<Header, HeaderError> {
        let held = std::mem::take(&mut self.held);
        if self.line < held.len() {
            self.end_line(&held, held.len())?;
        }
        Ok(self.header(held.freeze()))
    }

    /// The first chunk is read in place, so that only the header is ever copied.
    fn push_first<'c>(&mut self, chunk: &'c [u8]) -> Result<Split<'c>, HeaderError> {
        self.spans.reserve(32);
        match self.lines(chunk, 0)? {
            Some(body) => {
                let header = self.header(Bytes::copy_from_slice(chunk.get(..self.line).unwrap_or_default()));
                Ok(Split::Body(header, chunk.get(body..).unwrap_or_default()))
            }
            None => {
                self.held.extend_from_slice(chunk);
                Ok(Split::Header)
            }
        }
    }

    fn header(&mut self, bytes: Bytes) -> Header {
        let header = Header::new(bytes, &self.spans);
        *self = Self::new(self.limits);
        header
    }

    /// Records the lines of `block` that end at or after `from`. Returns the start of the body after an empty line;
    /// then `self.line` is the end of the header.
    fn lines(&mut self, block: &[u8], from: usize) -> Result<Option<usize>, HeaderError> {
        let limit = self.limits.bytes as usize;
        for lf in memchr::memchr_iter(b'\n', block.get(from..).unwrap_or_default()) {
            let end = from + lf + 1;
            if end - self.line <= 2 && matches!(block.get(self.line..end), Some(b"\r\n" | b"\n")) {
                return Ok(Some(end));
            }
            if end > limit {
                break;
            }
            self.end_line(block, end)?;
            self.line = end;
        }
        if block.len() > limit { Err(HeaderError::TooLong(self.limits.bytes)) } else { Ok(None) }
    }

    /// Records the line from `self.line` to `end`: when it begins with a blank, it continues the field above (RFC 5322
    /// §2.2.3), otherwise it is a new field.
    fn end_line(&mut self, block: &[u8], end: usize) -> Result<(), HeaderError> {
        let line = block.get(self.line..end).unwrap_or_default();
        let folded = matches!(line.first(), Some(b' ' | b'\t'));
        // The limit on bytes keeps every offset below 2³¹.
        let end = end as u32;
        match self.spans.last_mut() {
            Some(field) if folded => field.end = end,
            _ => {
                if self.spans.len() >= self.limits.fields as usize {
                    return Err(HeaderError::TooManyFields(self.limits.fields));
                }
                let colon = colon(line).map_or(Span::NO_COLON, |colon| (self.line + colon) as u32);
                self.spans.push(Span { colon, end });
            }
        }
        Ok(())
    }
}

/// Offset of the colon when `line` begins with a field name: visible ASCII except the colon (RFC 5322 §2.2), then
/// optional blanks (§4.5, obsolete).
fn colon(line: &[u8]) -> Option<usize> {
    let name = name_len(line);
    let rest = line.get(name..)?;
    if let (1.., Some(b':')) = (name, rest.first()) {
        return Some(name);
    }
    let blanks = rest.iter().position(|c| *c != b' ' && *c != b'\t')?;
    (name > 0 && rest.get(blanks) == Some(&b':')).then_some(name + blanks)
}

/// How many bytes at the start of `line` may be in a field name: visible ASCII except the colon (RFC 5322 §2.2).
///
/// ```
/// assert_eq!(waxseal_header::name_len(b"Message-ID : <1@example.org>"), 10);
/// ```
pub fn name_len(line: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // Eight at a time as far as there are eight.
    let mut rest = line;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let octets = u64::from_le_bytes(*eight);
        let colons = octets ^ (ONES * u64::from(b':'));
        // The high bit of each byte that is a colon, below `!`, or above `~`. Borrow and carry reach only bytes behind the
        // first of these.
        let outside = (colons.wrapping_sub(ONES) & !colons)
            | (octets.wrapping_sub(ONES * u64::from(b'!')) & !octets)
            | octets.wrapping_add(ONES)
            | octets;
        let outside = outside & ONES << 7;
        if outside != 0 {
            return line.len() - rest.len() + outside.trailing_zeros() as usize / 8;
        }
        rest = after;
    }
    let name = rest.iter().take_while(|c| c.is_ascii_graphic() && **c != b':').count();
    line.len() - rest.len() + name
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Name and bytes of each field.
    type NamesAndFields = Vec<(Vec<u8>, Vec<u8>)>;

    fn parts(message: &[u8]) -> Result<(NamesAndFields, Vec<u8>), HeaderError> {
        let (header, body) = Header::parse(message)?;
        Ok((header.fields().map(|f| (f.name().to_vec(), f.raw().to_vec())).collect(), body.to_vec()))
    }

    #[test]
    fn folded_fields_stay_whole() {
        let (fields, body) = parts(b"A: 1\r\n 2\r\n\t3\r\nB : x\r\n\r\nbody\r\n").unwrap();
        assert_eq!(fields[0], (b"A".to_vec(), b"A: 1\r\n 2\r\n\t3\r\n".to_vec()));
        assert_eq!(fields[1], (b"B".to_vec(), b"B : x\r\n".to_vec()));
        assert_eq!(body, b"body\r\n");
    }

    #[test]
    fn a_message_may_lack_header_body_or_line_end() {
        assert_eq!(parts(b"").unwrap(), (vec![], vec![]));
        assert_eq!(parts(b"\r\nbody").unwrap(), (vec![], b"body".to_vec()));
        assert_eq!(parts(b"\nbody").unwrap(), (vec![], b"body".to_vec()));
        assert_eq!(parts(b"A: 1").unwrap(), (vec![(b"A".to_vec(), b"A: 1".to_vec())], vec![]));
    }

    #[test]
    fn lines_that_are_no_fields_have_no_name() {
        for line in ["no colon", ": x", " : x", "a b: x", "na\0me: x", "n\u{e4}me: x", " folded at the top"] {
            let message = format!("{line}\r\nB: 2\r\n\r\n");
            let (header, _) = Header::parse(message.as_bytes()).unwrap();
            let first = header.field(0).unwrap();
            assert!(first.is_malformed() && first.name().is_empty(), "{line}");
            assert_eq!(first.value(), line.as_bytes());
            assert!(!first.is(""));
        }
    }

    #[test]
    fn limits_are_named() {
        let limits = HeaderLimits::default().with_max_bytes(20).with_max_fields(2);
        let many = Header::parse_with(b"A:\r\nB:\r\nC:\r\n\r\n", limits);
        assert_eq!(many.unwrap_err(), HeaderError::TooManyFields(2));
        let long = Header::parse_with(b"A: 0123456789012345678\r\n\r\n", limits);
        assert_eq!(long.unwrap_err(), HeaderError::TooLong(20));
        let fits = Header::parse_with(b"A: 0123456789\r\n\r\na body of more than 20 octets", limits);
        assert!(fits.is_ok());
        let endless = Splitter::new(limits).push(&[b'x'; 21]).unwrap_err();
        assert_eq!(endless, HeaderError::TooLong(20));
    }

    proptest! {
        #[test]
        fn the_cut_does_not_matter(
            message in "([AB:]|\r|\n|\r\n| |\t|x){0,40}",
            cuts in proptest::collection::vec(0usize..40, 0..6),
        ) {
            let message = message.as_bytes();
            let whole = parts(message).unwrap();
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(message.len())).collect();
            cuts.extend([0, message.len()]);
            cuts.sort_unstable();
            let mut splitter = Some(Splitter::new(HeaderLimits::default()));
            let mut header = None;
            let mut body = Vec::new();
            for cut in cuts.windows(2) {
                let chunk = &message[cut[0]..cut[1]];
                match &mut splitter {
                    None => body.extend_from_slice(chunk),
                    Some(open) => if let Split::Body(found, rest) = open.push(chunk).unwrap() {
                        header = Some(found);
                        body.extend_from_slice(rest);
                        splitter = None;
                    },
                }
            }
            let header = header.unwrap_or_else(|| splitter.take().unwrap().finish().unwrap());
            let fields: Vec<_> = header.fields().map(|f| (f.name().to_vec(), f.raw().to_vec())).collect();
            prop_assert_eq!((fields, body), whole);
        }

        #[test]
        fn no_octets_are_lost(message in proptest::collection::vec(any::<u8>(), 0..200)) {
            let (header, body) = Header::parse(&message).unwrap();
            let joined: Vec<u8> = header.fields().flat_map(|f| f.raw().to_vec()).collect();
            prop_assert_eq!(&joined[..], header.as_bytes());
            let between = message.len() - joined.len() - body.len();
            prop_assert!(between <= 2);
        }
    }
}
