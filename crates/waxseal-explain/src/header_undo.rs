//! Undoes changes of a header.

mod author;
mod content;
mod extra;
mod subject;
mod white;

use crate::{diagnosis::Kind, head::Head};
use waxseal::dkim::Signature;

/// A header as it may have been, and the change that would explain the present one.
#[derive(Debug, Clone)]
pub(crate) struct HeaderUndo {
    pub(crate) kind: Kind,
    pub(crate) head: Head,
    /// The field that was changed.
    pub(crate) field: Vec<u8>,
    pub(crate) detail: Option<String>,
}

impl HeaderUndo {
    pub(crate) fn new(kind: Kind, head: Head, field: &[u8]) -> Self {
        Self { kind, head, field: field.to_vec(), detail: None }
    }

    pub(crate) fn with_detail(self, detail: String) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

/// What is known of the signed message beside its header.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The header fields of the first part of the body.
    pub(crate) inner: Vec<Vec<u8>>,
    /// `z=`
    pub(crate) copied: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) is_simple: bool,
}

/// A way to undo something: candidates, the most probable first, none where there is no sign of it.
pub(crate) type Undo = fn(&Head, &Signature, &Known) -> Vec<HeaderUndo>;

pub(crate) const UNDOS: [Undo; 7] = [
    extra::copied_fields,
    subject::tag,
    author::rewritten,
    extra::added,
    white::bytes,
    white::folds,
    content::converted,
];

/// The start of a value from a stranger, escaped.
pub(crate) fn shown(value: &[u8]) -> String {
    const MAX: usize = 60;
    let value = value.trim_ascii();
    let start = value.get(..MAX).unwrap_or(value);
    let more = if start.len() < value.len() { "..." } else { "" };
    format!("{}{more}", start.escape_ascii())
}
