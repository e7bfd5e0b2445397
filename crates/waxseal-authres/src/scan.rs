//! The scanner of `waxseal-header` that also keeps the first comment.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use waxseal_header::structured::{self, InvalidText};

use crate::escape;

/// Reads a value from left to right.
#[derive(Debug, Clone)]
pub(crate) struct Scanner<'v> {
    inner: structured::Scanner<'v>,
    text: &'v [u8],
    /// The content of the first comment since [`Scanner::forget_comments`].
    comment: Option<&'v [u8]>,
}

impl<'v> Scanner<'v> {
    pub(crate) fn new(text: &'v [u8]) -> Self {
        Self { inner: structured::Scanner::new(text), text, comment: None }
    }

    /// Reads the rest.
    pub(crate) fn go_to_end(&mut self) {
        let end = self.text.len();
        self.go_to(end);
    }

    /// Whether `offset` is preceded by white space that is not a comment.
    pub(crate) fn is_behind_space(&self, offset: usize) -> bool {
        let before = offset.checked_sub(1).and_then(|before| self.text.get(before));
        matches!(before, Some(b' ' | b'\t' | b'\n'))
    }

    /// Lets the next comment be the first one.
    pub(crate) fn forget_comments(&mut self) {
        self.comment = None;
    }

    /// The first comment that was skipped since [`Scanner::forget_comments`]; one after an offset that the scanner went
    /// back to counts, too.
    pub(crate) fn comment(&self) -> Option<Cow<'v, str>> {
        self.comment.map(unescaped)
    }

    /// Skips white space, folds and comments; returns whether there was any.
    pub(crate) fn skip_cfws(&mut self) -> Result<bool, InvalidText> {
        let first = &mut self.comment;
        self.inner.skip_cfws_with(|comment| {
            first.get_or_insert(comment);
        })
    }
}

impl<'v> Deref for Scanner<'v> {
    type Target = structured::Scanner<'v>;
    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl DerefMut for Scanner<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.inner
    }
}

/// The text of a quoted string or comment: unfolded and without the backslashes of quoted pairs. Bytes that are not
/// UTF-8 become `<0xFF>`.
pub(crate) fn unescaped(inside: &[u8]) -> Cow<'_, str> {
    match structured::unescaped(inside) {
        Cow::Borrowed(plain) => escape::readable(plain),
        Cow::Owned(plain) => Cow::Owned(escape::readable(&plain).into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_comment_is_kept_until_it_is_forgotten() {
        let mut scan = Scanner::new(b" (a\r\n (\\() b\xff) (c)x(d)");
        assert_eq!(scan.skip_cfws(), Ok(true));
        assert_eq!((scan.peek(), scan.comment().as_deref()), (Some(b'x'), Some("a (() b<0xFF>")));
        scan.forget_comments();
        assert!(scan.eat(b'x') && scan.skip_cfws() == Ok(true));
        assert_eq!((scan.comment().as_deref(), scan.rest()), (Some("d"), &b""[..]));
    }
}
