//! Written header fields, split into name and value.

use crate::Space;
use std::borrow::Cow;

/// A header field to be added to a message, with separate name and value, as mail servers and their libraries expect
/// it.
///
/// ```
/// use waxseal_header::{Space, WrittenField};
/// // What `to_field()` or a signer returns: one field, or several of them.
/// let text = "DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=abc\r\nAuthentication-Results: mx.example.net; none\r\n";
/// let fields: Vec<_> = WrittenField::all(text).collect();
/// assert_eq!((fields[0].name(), fields[0].value()), ("DKIM-Signature", " v=1; a=rsa-sha256;\r\n\tb=abc"));
/// // For the milter protocol: folds by LF alone, and the space that the mail server adds, if it does.
/// assert_eq!(fields[0].milter_value(Space::Added), "v=1; a=rsa-sha256;\n\tb=abc");
/// assert_eq!(fields[1].milter_value(Space::Kept), " mx.example.net; none");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrittenField<'t> {
    name: &'t str,
    value: &'t str,
}

impl<'t> WrittenField<'t> {
    /// All fields of a text whose fields end in CRLF, in order. Lines without a colon are left out.
    pub fn all(text: &'t str) -> impl Iterator<Item = Self> {
        let mut rest = text;
        std::iter::from_fn(move || {
            while !rest.is_empty() {
                let (field, below) = rest.split_at_checked(end(rest)).unwrap_or((rest, ""));
                rest = below;
                if let Some((name, value)) = field.split_once(':') {
                    return Some(Self { name, value: value.strip_suffix("\r\n").unwrap_or(value) });
                }
            }
            None
        })
    }

    /// The part before the colon.
    pub fn name(&self) -> &'t str {
        self.name
    }

    /// Everything after the colon except the final CRLF: the space, and the folds with their CRLF.
    pub fn value(&self) -> &'t str {
        self.value
    }

    /// The value for a request of the milter protocol (`SMFIR_INSHEADER`, `smfi_insheader`): folds with LF, and with
    /// [`Space::Added`] without the space after the colon, which a mail server adds unless `SMFIP_HDR_LEADSPC` was
    /// negotiated.
    pub fn milter_value(&self, space: Space) -> String {
        let value: Cow<'_, str> = match (space, self.value.strip_prefix(' ')) {
            (Space::Added, Some(value)) => value.into(),
            _ => self.value.into(),
        };
        value.replace("\r\n", "\n")
    }
}

/// The end of the first field: after a CRLF that is not followed by a blank.
fn end(text: &str) -> usize {
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find("\r\n")) {
        from += at + 2;
        if !text.get(from..).is_some_and(|rest| rest.starts_with([' ', '\t'])) {
            return from;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(&str, &str)> {
        WrittenField::all(text).map(|field| (field.name(), field.value())).collect()
    }

    #[test]
    fn fields_are_told_apart() {
        assert_eq!(read(""), []);
        assert_eq!(read("A:\r\nB: \r\n"), [("A", ""), ("B", " ")]);
        assert_eq!(read("A: x\r\n\ty: z\r\n w\r\nB: v"), [("A", " x\r\n\ty: z\r\n w"), ("B", " v")]);
        assert_eq!(read("no field\r\nA: x\r\n"), [("A", " x")]);
    }

    #[test]
    fn a_value_without_a_space_keeps_all_of_it() {
        let value =
            |text, space| WrittenField::all(text).map(|field| field.milter_value(space)).collect::<String>();
        assert_eq!(value("A:x\r\n", Space::Added), "x");
        assert_eq!(value("A:  x\r\n", Space::Added), " x");
        assert_eq!(value("A:\r\n\tx\r\n", Space::Added), "\n\tx");
        assert_eq!(value("A:\r\n\tx\r\n", Space::Kept), "\n\tx");
    }
}
