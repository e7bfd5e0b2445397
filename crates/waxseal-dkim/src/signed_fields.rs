//! Which fields are signed (RFC 6376 §5.4).

use crate::SignError;
use std::sync::Arc;
use waxseal_header::Header;

#[doc = include_str!("signed_fields.md")]
pub const DEFAULT_FIELDS: [&str; 32] = [
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
    "Resent-Sender",
    "Resent-To",
    "Resent-Cc",
    "Resent-Message-ID",
    "In-Reply-To",
    "References",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Disposition-Notification-To",
    "Autocrypt",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Disposition",
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
/// [`Signer::with_oversigned`](crate::Signer::with_oversigned) says otherwise: readers show them or act on them, and nobody
/// on the way has a reason to add one. To is left out when the message has neither To nor Cc, since mail servers add it to
/// such messages. The table of [`DEFAULT_FIELDS`] tells why, field by field.
pub const OVERSIGNED_FIELDS: [&str; 10] = [
    "From",
    "Reply-To",
    "Subject",
    "To",
    "Cc",
    "Disposition-Notification-To",
    "Mail-Followup-To",
    "Mail-Reply-To",
    "Autocrypt",
    "Content-Disposition",
];

/// The fields that are signed once more than they stand in the message, but only when they stand there, since mail
/// servers and mailing lists add them to messages that lack them. The table of [`DEFAULT_FIELDS`] tells why, field by field.
pub const OVERSIGNED_IF_PRESENT: [&str; 10] = [
    "Sender",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// Makes the list for `h=`.
#[derive(Debug, Clone)]
pub(crate) enum SignedFields {
    /// All fields with these names, and one more of some; `None` means what the constants above say.
    Names { names: Option<Arc<[String]>>, oversigned: Option<Arc<[String]>> },
    /// This list.
    Exactly(Arc<[String]>),
}

impl Default for SignedFields {
    fn default() -> Self {
        Self::Names { names: None, oversigned: None }
    }
}

impl SignedFields {
    pub(crate) fn with_names(self, names: Vec<String>) -> Self {
        let oversigned = match self {
            Self::Names { oversigned, .. } => oversigned,
            Self::Exactly(_) => None,
        };
        Self::Names { names: Some(names.into()), oversigned }
    }

    pub(crate) fn with_oversigned(self, oversigned: Vec<String>) -> Self {
        let oversigned = Some(oversigned.into());
        match self {
            Self::Names { names, .. } => Self::Names { names, oversigned },
            Self::Exactly(_) => Self::Names { names: None, oversigned },
        }
    }

    /// Whether every name is one, and From is among those of a given list.
    pub(crate) fn check(&self) -> Result<(), SignError> {
        let legal = |name: &&String| {
            !name.is_empty() && name.bytes().all(|c| c.is_ascii_graphic() && c != b':' && c != b';')
        };
        let (names, oversigned) = match self {
            Self::Names { names, oversigned } => {
                (names.as_deref().unwrap_or_default(), oversigned.as_deref())
            }
            Self::Exactly(names) => (&**names, None),
        };
        let mut all = names.iter().chain(oversigned.unwrap_or_default());
        match all.find(|name| !legal(name)) {
            Some(name) => Err(SignError::FieldName { name: name.clone() }),
            None if matches!(self, Self::Exactly(_)) && !has(names, "From") => Err(SignError::FromNotListed),
            None => Ok(()),
        }
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
            let named = names.as_ref().map_or_else(|| has(&DEFAULT_FIELDS, name), |names| has(names, name));
            named || oversigned || name.eq_ignore_ascii_case("From")
        };
        // Names are ASCII. One with a semicolon is legal in a header and not in h=.
        let present = header.fields().filter_map(|field| std::str::from_utf8(field.name()).ok());
        let mut list: Vec<_> = present.filter(|name| !name.contains(';') && wanted(name)).collect();
        match oversigned {
            Some(oversigned) => list.extend(oversigned.iter().map(String::as_str)),
            None => {
                let addressed = header.fields().any(|field| field.is("To") || field.is("Cc"));
                let lasting = |name: &&str| wanted(name) && (addressed || *name != "To");
                let always = OVERSIGNED_FIELDS.into_iter().filter(lasting);
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
