//! What the filter changes about a message, at its end.

use crate::{flags::Actions, negotiate::Negotiated, packet};

/// A change of a message, checked on construction: untrusted text cannot add a field, a recipient or a reply.
///
/// ```
/// use waxseal_milter::Modification;
///
/// let added = Modification::insert_header(0, "Authentication-Results", " mx.example.org;\r\n\tspf=pass\r\n")?;
/// assert!(Modification::insert_header(0, "Subject", " hi\r\nBcc: joe@example.org").is_err());
/// # Ok::<(), waxseal_milter::InvalidModification>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Modification(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    AddHeader { name: String, value: Vec<u8> },
    InsertHeader { index: u32, name: String, value: Vec<u8> },
    ChangeHeader { occurrence: u32, name: String, value: Vec<u8> },
    ReplaceBody(Vec<u8>),
    AddRecipient { address: String, parameters: String },
    RemoveRecipient(String),
    ChangeSender { address: String, parameters: String },
    Quarantine(String),
}

/// Why a change cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidModification {
    /// RFC 5322 §2.2: printable ASCII without a colon.
    #[error("name of a header field {0:?}: use printable ASCII without blanks and colons")]
    Name(String),
    /// Fields are counted from 1.
    #[error("the first field of a name has the number 1, not 0")]
    Occurrence,
    /// A NUL, a bare CR, or a line that does not start with a blank and so would be another field.
    #[error("value of the header field {name:?}, byte {offset}: {problem}")]
    Value {
        /// The name of the field.
        name: String,
        /// Where, in bytes from the start of the value.
        offset: usize,
        /// What is wrong.
        problem: &'static str,
    },
    /// The text would end early, or split in two.
    #[error("{what} {text:?}: no control characters, no blank in an address, not empty")]
    Text {
        /// What the text is for.
        what: &'static str,
        /// The text.
        text: String,
    },
}

impl Modification {
    /// Adds a header field at the end of the header.
    ///
    /// `value` is everything after the colon, including the space; it is sent as negotiated. Lines end with LF or CR
    /// LF, and continuation lines start with a blank or tab; a final line end is dropped.
    pub fn add_header(name: &str, value: impl AsRef<[u8]>) -> Result<Self, InvalidModification> {
        let value = checked_value(name, value.as_ref())?;
        Ok(Self(Kind::AddHeader { name: checked_name(name)?, value }))
    }

    /// Inserts a header field: `index` 0 puts it above all others, and so on. `value` as for [`add_header`](Self::add_header).
    pub fn insert_header(
        index: u32,
        name: &str,
        value: impl AsRef<[u8]>,
    ) -> Result<Self, InvalidModification> {
        let value = checked_value(name, value.as_ref())?;
        Ok(Self(Kind::InsertHeader { index, name: checked_name(name)?, value }))
    }

    /// Changes the value of the field that is the `occurrence`th of its name from the top, the first being 1, in the
    /// original header. `value` as for [`add_header`](Self::add_header).
    pub fn change_header(
        name: &str,
        occurrence: u32,
        value: impl AsRef<[u8]>,
    ) -> Result<Self, InvalidModification> {
        if occurrence == 0 {
            return Err(InvalidModification::Occurrence);
        }
        let value = checked_value(name, value.as_ref())?;
        Ok(Self(Kind::ChangeHeader { occurrence, name: checked_name(name)?, value }))
    }

    /// Removes the field that is the `occurrence`th of its name from the top, the first being 1.
    ///
    /// Some mail servers count again after each removal: remove the highest number first, which is correct for all.
    pub fn remove_header(name: &str, occurrence: u32) -> Result<Self, InvalidModification> {
        // The protocol has no removal: an empty value is one.
        Self::change_header(name, occurrence, b"")
    }

    /// Replaces the body by these bytes, with CR LF at the ends of lines.
    pub fn replace_body(body: impl Into<Vec<u8>>) -> Self {
        Self(Kind::ReplaceBody(body.into()))
    }

    /// Adds a recipient, `<joe@example.org>`, without ESMTP parameters.
    pub fn add_recipient(address: &str) -> Result<Self, InvalidModification> {
        Self::add_recipient_with_parameters(address, "")
    }

    /// Adds a recipient with ESMTP parameters, blanks between them: `NOTIFY=NEVER`.
    pub fn add_recipient_with_parameters(
        address: &str,
        parameters: &str,
    ) -> Result<Self, InvalidModification> {
        let parameters = checked_parameters(parameters)?;
        Ok(Self(Kind::AddRecipient { address: checked_address("recipient", address)?, parameters }))
    }

    /// Removes a recipient, spelled as in RCPT.
    pub fn remove_recipient(address: &str) -> Result<Self, InvalidModification> {
        Ok(Self(Kind::RemoveRecipient(checked_address("recipient", address)?)))
    }

    /// Changes the envelope sender, `<joe@example.org>` or `<>`, with ESMTP parameters or none.
    pub fn change_sender(address: &str, parameters: &str) -> Result<Self, InvalidModification> {
        let parameters = checked_parameters(parameters)?;
        Ok(Self(Kind::ChangeSender { address: checked_address("sender", address)?, parameters }))
    }

    /// Puts the message into the quarantine of the mail server (the hold queue of Postfix), for this reason.
    pub fn quarantine(reason: &str) -> Result<Self, InvalidModification> {
        Ok(Self(Kind::Quarantine(checked_text("reason", reason)?)))
    }

    /// The action that it needs.
    pub(crate) fn action(&self) -> Actions {
        match &self.0 {
            Kind::AddHeader { .. } | Kind::InsertHeader { .. } => Actions::ADD_HEADERS,
            Kind::ChangeHeader { .. } => Actions::CHANGE_HEADERS,
            Kind::ReplaceBody(_) => Actions::REPLACE_BODY,
            Kind::AddRecipient { parameters, .. } if parameters.is_empty() => Actions::ADD_RECIPIENTS,
            Kind::AddRecipient { .. } => Actions::ADD_RECIPIENTS_WITH_PARAMETERS,
            Kind::RemoveRecipient(_) => Actions::REMOVE_RECIPIENTS,
            Kind::ChangeSender { .. } => Actions::CHANGE_SENDER,
            Kind::Quarantine(_) => Actions::QUARANTINE,
        }
    }

    pub(crate) fn write(&self, negotiated: &Negotiated, out: &mut Vec<u8>) {
        let given = |value| given_value(value, negotiated.keeps_leading_space());
        match &self.0 {
            Kind::AddHeader { name, value } => {
                packet::write(out, b'h', &[name.as_bytes(), b"\0", given(value), b"\0"]);
            }
            Kind::InsertHeader { index, name, value } => {
                packet::write(
                    out,
                    b'i',
                    &[&index.to_be_bytes(), name.as_bytes(), b"\0", given(value), b"\0"],
                );
            }
            Kind::ChangeHeader { occurrence, name, value } => {
                packet::write(
                    out,
                    b'm',
                    &[&occurrence.to_be_bytes(), name.as_bytes(), b"\0", given(value), b"\0"],
                );
            }
            Kind::ReplaceBody(body) if body.is_empty() => packet::write(out, b'b', &[]),
            Kind::ReplaceBody(body) => {
                body.chunks(negotiated.max_chunk()).for_each(|chunk| packet::write(out, b'b', &[chunk]));
            }
            Kind::AddRecipient { address, parameters } if parameters.is_empty() => {
                packet::write(out, b'+', &[address.as_bytes(), b"\0"]);
            }
            Kind::AddRecipient { address, parameters } => {
                packet::write(out, b'2', &[address.as_bytes(), b"\0", parameters.as_bytes(), b"\0"]);
            }
            Kind::RemoveRecipient(address) => packet::write(out, b'-', &[address.as_bytes(), b"\0"]),
            Kind::ChangeSender { address, parameters } if parameters.is_empty() => {
                packet::write(out, b'e', &[address.as_bytes(), b"\0"]);
            }
            Kind::ChangeSender { address, parameters } => {
                packet::write(out, b'e', &[address.as_bytes(), b"\0", parameters.as_bytes(), b"\0"]);
            }
            Kind::Quarantine(reason) => packet::write(out, b'q', &[reason.as_bytes(), b"\0"]),
        }
    }
}

/// Without [`Steps::LEADING_SPACE`](crate::Steps::LEADING_SPACE) the mail server puts a blank of its own in front.
fn given_value(value: &[u8], keeps_leading_space: bool) -> &[u8] {
    match value {
        [b' ', rest @ ..] if !keeps_leading_space => rest,
        _ => value,
    }
}

fn checked_name(name: &str) -> Result<String, InvalidModification> {
    let is_valid = !name.is_empty() && name.bytes().all(|c| c.is_ascii_graphic() && c != b':');
    if is_valid { Ok(name.to_owned()) } else { Err(InvalidModification::Name(name.to_owned())) }
}

/// The value with LF at the ends of lines, and none at its own end.
fn checked_value(name: &str, value: &[u8]) -> Result<Vec<u8>, InvalidModification> {
    let value = value.strip_suffix(b"\n").map_or(value, |value| value.strip_suffix(b"\r").unwrap_or(value));
    let mut checked = Vec::with_capacity(value.len());
    let mut left = value;
    while let Some(length) = left.iter().position(|b| matches!(b, 0 | b'\r' | b'\n')) {
        let (text, rest) = left.split_at(length);
        checked.extend_from_slice(text);
        let Some((byte, next)) = rest.split_first() else { break };
        let problem = match (byte, next.first()) {
            (b'\r', Some(b'\n')) => None,
            (b'\n', Some(b' ' | b'\t')) => {
                checked.push(b'\n');
                None
            }
            (0, _) => Some("NUL"),
            (b'\r', _) => Some("bare CR"),
            _ => Some("the next line does not start with a blank"),
        };
        if let Some(problem) = problem {
            let offset = value.len() - rest.len();
            return Err(InvalidModification::Value { name: name.to_owned(), offset, problem });
        }
        left = next;
    }
    checked.extend_from_slice(left);
    Ok(checked)
}

fn checked_text(what: &'static str, text: &str) -> Result<String, InvalidModification> {
    if text.is_empty() || text.contains(char::is_control) {
        return Err(InvalidModification::Text { what, text: text.to_owned() });
    }
    Ok(text.to_owned())
}

fn checked_address(what: &'static str, address: &str) -> Result<String, InvalidModification> {
    if address.contains(' ') {
        return Err(InvalidModification::Text { what, text: address.to_owned() });
    }
    checked_text(what, address)
}

fn checked_parameters(parameters: &str) -> Result<String, InvalidModification> {
    if parameters.is_empty() { Ok(String::new()) } else { checked_text("parameters", parameters) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(value: &str) -> String {
        Modification::add_header("X", value).unwrap_err().to_string()
    }

    #[test]
    fn no_value_brings_a_field_of_its_own() {
        let line = "the next line does not start with a blank";
        assert_eq!(error(" a\r\nBcc: b"), format!("value of the header field \"X\", byte 3: {line}"));
        assert_eq!(error(" a\n\n b"), format!("value of the header field \"X\", byte 2: {line}"));
        assert_eq!(error(" a\n\r\n b"), format!("value of the header field \"X\", byte 2: {line}"));
        assert_eq!(error(" a\rBcc: b"), "value of the header field \"X\", byte 2: bare CR");
        assert_eq!(error(" a\0"), "value of the header field \"X\", byte 2: NUL");
        assert_eq!(error(" a\n\n"), format!("value of the header field \"X\", byte 2: {line}"));
        for name in ["", "X Y", "X:", "X\r\nY", "Ä"] {
            assert_eq!(Modification::add_header(name, ""), Err(InvalidModification::Name(name.to_owned())));
        }
    }

    #[test]
    fn an_address_is_one_argument() {
        assert!(Modification::add_recipient("<a@example.org> NOTIFY=NEVER").is_err());
        assert!(Modification::add_recipient("<a@example.org>\0<b@example.org>").is_err());
        assert!(Modification::remove_recipient("").is_err());
        assert!(Modification::change_sender("<>", "A=1\r\nB").is_err());
        assert!(Modification::quarantine("a\nb").is_err());
    }

    proptest! {
        /// Whatever stands in a value, no line of what is sent is a field of its own.
        #[test]
        fn lines_of_a_value_start_with_a_blank(value in "[ \\tab\\r\\n:]{0,12}") {
            if let Ok(value) = checked_value("X", value.as_bytes()) {
                let lines = value.split(|c| *c == b'\n').skip(1);
                prop_assert!(!value.contains(&b'\r') && lines.map(|line| line.first()).all(|c| matches!(c, Some(b' ' | b'\t'))));
            }
        }
    }
}
