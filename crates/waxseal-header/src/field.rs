//! One header field.

use std::fmt;

/// A view of one header field (RFC 5322 §2.2) in its original bytes. Cheap to copy.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'h> {
    raw: &'h [u8],
    /// Offset of the colon in `raw`; `None` when the line is not a header field.
    colon: Option<usize>,
}

impl<'h> Field<'h> {
    pub(crate) fn new(raw: &'h [u8], colon: Option<usize>) -> Self {
        Self { raw, colon }
    }

    /// The whole field: name, colon, value and the line end, folds included.
    pub fn raw(&self) -> &'h [u8] {
        self.raw
    }

    /// The name as written, without the blanks that obsolete syntax allows before the colon (RFC 5322 §4.5). Empty when
    /// the line is not a header field (see [`Field::is_malformed`]).
    pub fn name(&self) -> &'h [u8] {
        trim_end(self.raw.get(..self.colon.unwrap_or(0)).unwrap_or_default())
    }

    /// Everything after the colon, folds included, without the final line end. The usual space after the colon is part
    /// of the value. The whole line when it is not a header field.
    pub fn value(&self) -> &'h [u8] {
        let start = self.colon.map_or(0, |colon| colon + 1);
        without_line_end(self.raw.get(start..).unwrap_or_default())
    }

    /// Whether the field has this name, in any case (RFC 5322 §1.2.2).
    pub fn is(&self, name: impl AsRef<[u8]>) -> bool {
        self.name().eq_ignore_ascii_case(name.as_ref()) && !self.is_malformed()
    }

    /// True for a line of the header block that has no colon or no legal name before it.
    pub fn is_malformed(&self) -> bool {
        self.colon.is_none()
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field(\"{}\")", self.raw.escape_ascii())
    }
}

fn trim_end(mut name: &[u8]) -> &[u8] {
    while let [front @ .., b' ' | b'\t'] = name {
        name = front;
    }
    name
}

fn without_line_end(line: &[u8]) -> &[u8] {
    match line {
        [front @ .., b'\r', b'\n'] | [front @ .., b'\n'] => front,
        _ => line,
    }
}
