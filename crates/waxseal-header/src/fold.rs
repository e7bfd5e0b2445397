//! Folding of header fields.

use crate::Field;

/// Writes a structured header field and folds it (RFC 5322 §2.2.3) so that no line is longer than 76 columns, as far as
/// its words allow. Continuation lines begin with TAB, which counts as eight columns.
///
/// ```
/// use waxseal_header::Folder;
/// let mut folder = Folder::new("Keywords");
/// for word in ["authentication,", "canonicalization,", "expiration,", "selector,", "verification"] {
///     folder.word(word);
/// }
/// assert_eq!(
///     folder.finish(),
///     "Keywords: authentication, canonicalization, expiration, selector,\r\n\tverification\r\n"
/// );
/// ```
#[derive(Debug, Clone)]
pub struct Folder {
    text: String,
    /// Length of the name in bytes.
    name: usize,
    column: usize,
    at_line_start: bool,
}

impl Folder {
    /// The most columns of a line: the margin of OpenDKIM, so that the same tags are written as the same bytes; RFC
    /// 5322 §2.1.1 recommends at most 78. As there, the blank before a word and the colon after a piece do not count,
    /// so a line can be one column longer.
    const MARGIN: usize = 75;

    const TAB: usize = 8;

    /// Bytes that nearly all fields fit into, and that allocators still have at hand.
    const ROOM: usize = 960;

    /// Begins the field `name`.
    pub fn new(name: &str) -> Self {
        let mut text = String::with_capacity(Self::ROOM);
        text.push_str(name);
        text.push_str(": ");
        Self { column: text.len(), text, name: name.len(), at_line_start: true }
    }

    /// Adds a word that is never split, on this line if it fits.
    pub fn word(&mut self, word: &str) {
        let columns = columns(word);
        self.begin(columns);
        self.text.push_str(word);
        self.column += columns;
    }

    /// Adds words that are joined without blanks, such as the names in `h=`. They go on this line if all fit, else on a
    /// line of their own, which is folded between the pieces where needed.
    pub fn pieces<'p>(&mut self, pieces: impl Iterator<Item = &'p str> + Clone) {
        let (all_columns, bytes) =
            pieces.clone().fold((0, 0), |(all, bytes), piece| (all + columns(piece), bytes + piece.len()));
        self.begin(all_columns);
        for piece in pieces {
            let columns = if all_columns == bytes { piece.len() } else { columns(piece) };
            if self.column + columns - usize::from(piece.ends_with(':')) > Self::MARGIN {
                self.go_on();
            }
            self.text.push_str(piece);
            self.column += columns;
        }
    }

    /// Adds ASCII text to the last word that may be folded anywhere, such as the base64 after `b=`.
    pub fn glue(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.column >= Self::MARGIN {
                self.go_on();
            }
            let room = Self::MARGIN.saturating_sub(self.column).max(1);
            let (line, after) = rest.split_at_checked(room).unwrap_or((rest, ""));
            self.push(line);
            rest = after;
        }
    }

    /// Ends the line, so that the next word begins another one.
    pub fn end_line(&mut self) {
        self.text.push_str("\r\n\t");
        self.column = Self::TAB;
        self.at_line_start = true;
    }

    /// Adds text to the last word that is already folded.
    pub fn folded(&mut self, text: &str) {
        self.text.push_str(text);
        self.column = Self::TAB + columns(text.rsplit('\n').next().unwrap_or(text));
    }

    /// The field so far, without a line end.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The field so far, without a line end, as a [`Field`].
    ///
    /// ```
    /// use waxseal_header::Folder;
    /// let mut folder = Folder::new("Keywords");
    /// folder.word("folding");
    /// assert_eq!(folder.as_field().name(), b"Keywords");
    /// assert_eq!(folder.as_field().value(), b" folding");
    /// ```
    pub fn as_field(&self) -> Field<'_> {
        Field::new(self.text.as_bytes(), Some(self.name))
    }

    /// Ends the field with CRLF.
    pub fn finish(mut self) -> String {
        self.text.push_str("\r\n");
        self.text
    }

    /// Moves to the place for a word of `columns` columns.
    fn begin(&mut self, columns: usize) {
        if columns == 0 {
            // A line of blanks is obsolete syntax (RFC 5322 §4.2).
        } else if self.at_line_start {
            self.at_line_start = false;
        } else if self.column + columns > Self::MARGIN {
            self.end_line();
            self.at_line_start = false;
        } else {
            self.push(" ");
        }
    }

    /// Continues the same word on the next line.
    fn go_on(&mut self) {
        self.text.push_str("\r\n\t ");
        self.column = Self::TAB + 1;
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += columns(text);
    }
}

fn columns(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().count() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn screen_columns(line: &str) -> usize {
        line.chars().map(|c| if c == '\t' { Folder::TAB } else { 1 }).sum()
    }

    proptest! {
        #[test]
        fn no_line_is_too_long_and_nothing_is_lost(
            words in proptest::collection::vec("[a-z;]{1,58}", 0..6),
            pieces in proptest::collection::vec("[a-z:]{1,30}", 0..12),
            base64 in "[a-zA-Z0-9+/]{0,300}",
        ) {
            let mut folder = Folder::new("DKIM-Signature");
            words.iter().for_each(|word| folder.word(word));
            folder.pieces(pieces.iter().map(String::as_str));
            folder.end_line();
            folder.word("b=");
            folder.glue(&base64);
            let field = folder.finish();
            prop_assert!(field.trim_end_matches("\r\n").split("\r\n").all(|line| screen_columns(line) <= Folder::MARGIN + 1), "{}", field);
            let bare: String = field.split_ascii_whitespace().collect();
            prop_assert_eq!(bare, format!("DKIM-Signature:{}{}b={}", words.concat(), pieces.concat(), base64));
        }
    }
}
