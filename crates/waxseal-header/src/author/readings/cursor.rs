//! A place in a text.

/// A place in a text, which moves forward.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Cursor<'t> {
    pub(super) fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn offset(&self) -> usize {
        self.at
    }

    pub(super) fn skip(&mut self, octets: usize) {
        self.at = (self.at + octets).min(self.text.len());
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    pub(super) fn is_at(&self, octet: u8) -> bool {
        self.peek() == Some(octet)
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        count(1);
        let octet = self.peek()?;
        self.at += 1;
        Some(octet)
    }

    /// Skips `octet` if it is next.
    pub(super) fn eat(&mut self, octet: u8) -> bool {
        let here = self.is_at(octet);
        self.at += usize::from(here);
        here
    }

    /// Skips the bytes that are `wanted`, and returns them.
    pub(super) fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'t [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|octet| !wanted(*octet)).unwrap_or(rest.len());
        count(length + 1);
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }

    pub(super) fn rest(&self) -> &'t [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The text between an earlier place and this one.
    pub(super) fn since(&self, earlier: &Self) -> &'t [u8] {
        self.text.get(earlier.at..self.at).unwrap_or_default()
    }

    /// Lets the text end where `place` is.
    pub(super) fn end_at(&mut self, place: &Self) {
        self.text = self.text.get(..place.at).unwrap_or_default();
    }

    /// Moves to `place`, in the remaining text.
    pub(super) fn go_to(&mut self, place: &Self) {
        self.at = place.at;
    }
}

pub(super) fn is_blank(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
thread_local! {
    static STEPS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// How many bytes cursors skip while `read` runs.
#[cfg(test)]
pub(in crate::author) fn count_steps<T>(read: impl FnOnce() -> T) -> usize {
    STEPS.set(0);
    read();
    STEPS.get()
}

fn count(_steps: usize) {
    #[cfg(test)]
    STEPS.set(STEPS.get() + _steps);
}
