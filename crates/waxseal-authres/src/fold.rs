//! Folding: words into lines of at most 78 columns.

/// RFC 5322 §2.1.1: a line "SHOULD be no more than 78 characters, excluding the CRLF".
const WIDTH: usize = 78;
/// RFC 5322 §2.1.1: a line "MUST be no more than 998 characters".
const WIDEST: usize = 998;
/// The columns of a tab at the start of a line, besides its one byte.
const TAB_EXTRA: usize = 7;

/// Builds a field in one `String` and breaks lines at spaces.
///
/// A break goes in *before* a space that stays, so that unfolding (RFC 5322 §2.2.3) restores the text exactly, also in
/// quoted strings and comments. (The folder of `waxseal-header` replaces the space by a tab, as OpenDKIM does: harmless
/// between tags, but it would change quoted text.)
pub(crate) struct Folder {
    out: String,
    /// Where the current line starts, and the columns its start takes beyond its bytes.
    line: usize,
    extra: usize,
    /// The latest space at which the current line may be broken.
    candidate: Option<usize>,
    width: usize,
    /// Whether each entry starts a line.
    entries: bool,
}

impl Folder {
    pub(crate) fn folded(capacity: usize) -> Self {
        let out = String::with_capacity(capacity);
        Self { out, line: 0, extra: 0, candidate: None, width: WIDTH, entries: true }
    }

    /// As [`Folder::folded`], but a line is broken only where it must be: at entries, if they start one, and at 998 columns.
    pub(crate) fn wide(entries: bool, capacity: usize) -> Self {
        Self { width: WIDEST, entries, ..Self::folded(capacity) }
    }

    /// As [`Folder::folded`], for text that begins behind so many columns.
    pub(crate) fn behind(columns: usize, capacity: usize) -> Self {
        Self { extra: columns, ..Self::folded(capacity) }
    }

    pub(crate) fn unfolded(capacity: usize) -> Self {
        Self { width: usize::MAX, entries: false, ..Self::folded(capacity) }
    }

    /// The whole field of this name, final CRLF included, with the value that `write` adds.
    pub(crate) fn field(mut self, name: &str, write: impl FnOnce(&mut Self)) -> String {
        self.word(name);
        self.space();
        write(&mut self);
        self.finish() + "\r\n"
    }

    /// The text that `write` adds.
    pub(crate) fn text(mut self, write: impl FnOnce(&mut Self)) -> String {
        write(&mut self);
        self.finish()
    }

    /// Adds text that is never broken.
    pub(crate) fn word(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// Adds one character that is never broken off from its neighbours.
    pub(crate) fn char(&mut self, c: char) {
        self.out.push(c);
    }

    /// Adds a space where the line may be broken. The caller makes sure that no other space follows: a line of blanks
    /// could pass for the end of the header.
    pub(crate) fn space(&mut self) {
        self.settle();
        self.candidate = Some(self.out.len());
        self.out.push(' ');
    }

    /// Starts an entry: on a line of its own, behind a tab.
    pub(crate) fn next_entry(&mut self) {
        if !self.entries {
            return self.space();
        }
        self.settle();
        self.out.push_str("\r\n");
        self.line = self.out.len();
        self.extra = TAB_EXTRA;
        self.out.push('\t');
    }

    pub(crate) fn finish(mut self) -> String {
        self.settle();
        self.out
    }

    /// Breaks the line at its latest space if it has become too long.
    fn settle(&mut self) {
        let Some(space) = self.candidate.take() else { return };
        if self.out.len() - self.line + self.extra > self.width {
            self.out.insert_str(space, "\r\n");
            self.line = space + 2;
            self.extra = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fold(words: &[&str]) -> String {
        let mut out = Folder::folded(0);
        out.word("N:");
        for word in words {
            out.space();
            out.word(word);
        }
        out.finish()
    }

    #[test]
    fn a_line_of_78_stays_and_one_of_79_breaks() {
        let (a, b) = ("a".repeat(37), "b".repeat(37));
        assert_eq!(fold(&[&a, &b]), format!("N: {a} {b}"));
        let c = "c".repeat(38);
        assert_eq!(fold(&[&a, &c]), format!("N: {a}\r\n {c}"));
    }

    #[test]
    fn a_long_word_stands_alone() {
        let long = "x".repeat(200);
        assert_eq!(fold(&["a", &long, "b"]), format!("N: a\r\n {long}\r\n b"));
    }

    #[test]
    fn a_tab_counts_as_eight() {
        let entry = |n: usize| {
            let mut out = Folder::folded(0);
            out.word("N:");
            out.next_entry();
            out.word(&"a".repeat(n));
            out.space();
            out.word("b");
            out.finish()
        };
        assert!(entry(68).ends_with("a b"));
        assert!(entry(69).ends_with("a\r\n b"));
    }
}
