//! Which fields are signed (RFC 6376 §5.4).

use crate::SignError;
use std::sync::Arc;
use waxseal_header::Header;

/// The fields that are signed unless [`Signer::with_fields`](crate::Signer::with_fields) says otherwise: those of RFC
/// 6376 §5.4.1, those that say what the body means (RFC 6376 §8.2 tells what happens without), Sender, Message-ID, and
/// List-Unsubscribe-Post, which RFC 8058 §4 wants signed.
pub const DEFAULT_FIELDS: [&str; 25] = [
    "From",
    "Sender",
    "Reply-To",
    "Subject",
    "Date",
    "To",
    "Cc",
    "Message-ID",
    "Resent-Date",
    "Resent-From",
    "Resent-To",
    "Resent-Cc",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Help",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Subscribe",
    "List-Post",
    "List-Owner",
    "List-Archive",
];

/// The fields that are signed once more than they stand in the message, also when they are absent, unless
/// [`Signer::with_oversigned`](crate::Signer::with_oversigned) says otherwise: readers show them, and nobody on the way
/// has a reason to add one.
pub const OVERSIGNED_FIELDS: [&str; 5] = ["From", "Reply-To", "Subject", "To", "Cc"];

/// The fields that are signed once more than they stand in the message, but only when they stand there, since mail
/// servers add them to messages that lack them.
pub const OVERSIGNED_IF_PRESENT: [&str; 8] = [
    "Sender",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Makes the list for `h=`.
#[derive(Debug, Clone)]
pub(crate) enum SignedFields {
    /// All fields with these names, and one more of some; `None` means what the constants above say.
    Names { names: Arc<[String]>, oversigned: Option<Arc<[String]>> },
    /// This list.
    Exactly(Arc<[String]>),
}

impl Default for SignedFields {
    fn default() -> Self {
        Self::Names { names: DEFAULT_FIELDS.map(String::from).into(), oversigned: None }
    }
}

impl SignedFields {
    pub(crate) fn with_names(self, names: Vec<String>) -> Self {
        let oversigned = match self {
            Self::Names { oversigned, .. } => oversigned,
            Self::Exactly(_) => None,
        };
        Self::Names { names: names.into(), oversigned }
    }

    pub(crate) fn with_oversigned(self, oversigned: Vec<String>) -> Self {
        let oversigned = Some(oversigned.into());
        match self {
            Self::Names { names, .. } => Self::Names { names, oversigned },
            Self::Exactly(_) => Self::Names { names: DEFAULT_FIELDS.map(String::from).into(), oversigned },
        }
    }

    /// Whether every name is one, and From is among those of a given list.
    pub(crate) fn check(&self) -> Result<(), SignError> {
        let legal = |name: &String| {
            !name.is_empty() && name.bytes().all(|c| c.is_ascii_graphic() && c != b':' && c != b';')
        };
        let all = match self {
            Self::Names { names, oversigned } => {
                names.iter().all(legal) && oversigned.as_ref().is_none_or(|names| names.iter().all(legal))
            }
            Self::Exactly(names) if !has(names, "From") => return Err(SignError::NoFrom),
            Self::Exactly(names) => names.iter().all(legal),
        };
        if all { Ok(()) } else { Err(SignError::FieldName) }
    }

    /// The names for `h=`: the fields of the header from top to bottom as they are written there, then those signed once
    /// more.
    pub(crate) fn list<'l>(&'l self, header: &'l Header) -> Vec<&'l str> {
        let (names, oversigned) = match self {
            Self::Names { names, oversigned } => (names, oversigned),
            Self::Exactly(names) => return names.iter().map(String::as_str).collect(),
        };
        let wanted = |name: &str| {
            let oversigned = oversigned.as_ref().is_some_and(|oversigned| has(oversigned, name));
            name.eq_ignore_ascii_case("From") || oversigned || has(names, name)
        };
        // Names are ASCII. One with a semicolon is legal in a header and not in h=.
        let present = header.fields().filter_map(|field| std::str::from_utf8(field.name()).ok());
        let mut list: Vec<_> = present.filter(|name| !name.contains(';') && wanted(name)).collect();
        match oversigned {
            Some(oversigned) => list.extend(oversigned.iter().map(String::as_str)),
            None => {
                let always = OVERSIGNED_FIELDS.into_iter().filter(|name| wanted(name));
                let present = OVERSIGNED_IF_PRESENT.into_iter().filter(|name| has(&list, name));
                let more: Vec<_> = always.chain(present).collect();
                list.extend(more);
            }
        }
        list
    }
}

fn has(names: &[impl AsRef<str>], name: &str) -> bool {
    names.iter().any(|other| other.as_ref().eq_ignore_ascii_case(name))
}
