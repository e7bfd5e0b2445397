//! The header block: one buffer, and a span for each field.

use crate::{Field, Split, Splitter};
use bytes::Bytes;
use std::{fmt, sync::Arc};

/// The header block of a message. Cheap to clone, `'static` and `Send`; the original bytes are kept.
///
/// A line ends at LF, with or without CR before it, so that a bare LF cannot hide a field that other programs see. A CR
/// without LF does not end a line here, but does for some programs;
/// [`Authors::from_header`](crate::Authors::from_header) fails closed where they would see another author. Only CRLF is
/// a legal line end; [`line_ends`](crate::line_ends) finds the others. A line without a colon, or without a legal name
/// before it, is kept as a field without a name ([`Field::is_malformed`]).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Header {
    bytes: Bytes,
    spans: Arc<[Span]>,
}

/// The end of a field, and its colon. A field starts where the one before it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) colon: u32,
    pub(crate) end: u32,
}

impl Span {
    /// Colon offset of a line that is not a header field.
    pub(crate) const NO_COLON: u32 = u32::MAX;
}

/// How large a header block may be. Exceeding a limit is a [`HeaderError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeaderLimits {
    pub(crate) bytes: u32,
    pub(crate) fields: u32,
}

impl Default for HeaderLimits {
    /// 262,144 bytes (256 KiB) and 1,000 fields.
    fn default() -> Self {
        Self { bytes: 256 * 1024, fields: 1000 }
    }
}

impl HeaderLimits {
    /// The most bytes of a header block (default 262,144; at most 2³¹).
    #[must_use]
    pub fn with_max_bytes(self, bytes: u32) -> Self {
        Self { bytes: bytes.min(1 << 31), ..self }
    }

    /// The most fields of a header block (default 1,000).
    #[must_use]
    pub fn with_max_fields(self, fields: u32) -> Self {
        Self { fields, ..self }
    }

    /// Checks that a header block of this many bytes and fields is within the limits.
    ///
    /// # Errors
    /// [`HeaderError::TooLong`] and [`HeaderError::TooManyFields`].
    pub fn check(&self, bytes: usize, fields: usize) -> Result<(), HeaderError> {
        if bytes > self.bytes as usize {
            return Err(HeaderError::TooLong(self.bytes));
        }
        if fields > self.fields as usize {
            return Err(HeaderError::TooManyFields(self.fields));
        }
        Ok(())
    }
}

/// Why a header block was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// More bytes than [`HeaderLimits::with_max_bytes`] allows, here the limit.
    #[error("header block is longer than {0} bytes")]
    TooLong(u32),
    /// More fields than [`HeaderLimits::with_max_fields`] allows, here the limit.
    #[error("header block has more than {0} fields")]
    TooManyFields(u32),
    /// [`HeaderBuilder::push`](crate::HeaderBuilder::push) was called with a field name that has this forbidden byte
    /// at this offset.
    #[error(
        "field name has a forbidden byte 0x{0:02x} at offset {1}; names are visible ASCII without the colon"
    )]
    Name(u8, usize),
    /// [`HeaderBuilder::push`](crate::HeaderBuilder::push) was called with an empty field name.
    #[error("field name is empty")]
    NoName,
    /// [`HeaderBuilder::push`](crate::HeaderBuilder::push) was called with a value that has a line end, at this offset,
    /// without a blank after it: the text after it would be another field.
    #[error("field value has a line end at offset {0} that is not followed by a blank")]
    Value(usize),
}

impl Header {
    /// Splits a whole message into header and body, with the default [`HeaderLimits`]. The header block is copied, so
    /// that keeping it does not keep the message alive; the body is borrowed. A message without an empty line is all
    /// header.
    ///
    /// # Errors
    /// [`HeaderError::TooLong`] and [`HeaderError::TooManyFields`].
    pub fn parse(message: &[u8]) -> Result<(Self, &[u8]), HeaderError> {
        Self::parse_with(message, HeaderLimits::default())
    }

    /// [`Header::parse`] with other limits.
    pub fn parse_with(message: &[u8], limits: HeaderLimits) -> Result<(Self, &[u8]), HeaderError> {
        let mut splitter = Splitter::new(limits);
        match splitter.push(message)? {
            Split::Header => Ok((splitter.finish()?, &[])),
            Split::Body(header, body) => Ok((header, body)),
        }
    }

    pub(crate) fn new(bytes: Bytes, spans: &[Span]) -> Self {
        Self { bytes, spans: spans.into() }
    }

    /// The fields from top to bottom.
    pub fn fields(&self) -> impl DoubleEndedIterator<Item = Field<'_>> + ExactSizeIterator + Clone {
        Fields { header: self, range: 0..self.spans.len() }
    }

    /// The field at `index`, counted from the top, from 0.
    pub fn field(&self, index: usize) -> Option<Field<'_>> {
        let span = self.spans.get(index)?;
        let start = match index.checked_sub(1) {
            Some(before) => self.spans.get(before)?.end as usize,
            None => 0,
        };
        let raw = self.bytes.get(start..span.end as usize)?;
        Some(Field::new(raw, (span.colon != Span::NO_COLON).then(|| span.colon as usize - start)))
    }

    /// The value of the field at `index` as a slice of the shared buffer, without copying: it keeps the header block
    /// alive.
    pub fn value_bytes(&self, index: usize) -> Option<Bytes> {
        self.field(index).map(|field| self.bytes.slice_ref(field.value()))
    }

    /// Number of fields.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True when there is no field.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The bytes of the header block, without the empty line that ends it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.fields()).finish()
    }
}

#[derive(Clone)]
struct Fields<'h> {
    header: &'h Header,
    range: std::ops::Range<usize>,
}

impl<'h> Iterator for Fields<'h> {
    type Item = Field<'h>;

    fn next(&mut self) -> Option<Self::Item> {
        self.range.next().and_then(|index| self.header.field(index))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl DoubleEndedIterator for Fields<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.range.next_back().and_then(|index| self.header.field(index))
    }
}

impl ExactSizeIterator for Fields<'_> {}
