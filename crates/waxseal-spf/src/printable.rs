use std::fmt;

/// Untrusted text as one line of ASCII without quotes and backslashes.
pub(crate) struct Printable<'a>(pub(crate) &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for &octet in self.0 {
            let shown = match octet {
                b'"' | b'\\' => '?',
                b' '..=b'~' => char::from(octet),
                _ => '?',
            };
            fmt::Write::write_char(f, shown)?;
        }
        Ok(())
    }
}
