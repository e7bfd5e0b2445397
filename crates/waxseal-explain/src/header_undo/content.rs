//! The header fields of MIME as they were before a relay or a list converted the body.

use super::{HeaderUndo, Known};
use crate::{charset, diagnosis::Kind, head::Head};
use waxseal::dkim::Signature;

const ENCODING: &[u8] = b"Content-Transfer-Encoding";
const TYPE: &[u8] = b"Content-Type";

pub(crate) fn converted(head: &Head, _: &Signature, known: &Known) -> Vec<HeaderUndo> {
    let mut found = wrapped(head, known);
    let charsets = charsets(head);
    let with_charsets = |head: &Head| -> Vec<HeaderUndo> {
        let undo = |(field, value): &(usize, Vec<u8>)| {
            HeaderUndo::new(Kind::Charset, head.with_value(*field, value), TYPE)
        };
        charsets.iter().map(undo).collect()
    };
    let number = head.named(ENCODING).next();
    let others = number.map(|number| encodings(head, number)).unwrap_or_default();
    found.extend(others.iter().cloned());
    found.extend(with_charsets(head));
    // A conversion of characters often is one of the encoding, too.
    if let Some(number) = number {
        found.extend(with_charsets(&head.with_value(number, b" 8bit")));
        found.extend(with_charsets(&head.with_value(number, b" 7bit")));
    }
    found
}

/// Content-Transfer-Encoding as it may have been before a conversion.
fn encodings(head: &Head, number: usize) -> Vec<HeaderUndo> {
    let kind = match head.value(number).trim_ascii().to_ascii_lowercase().as_slice() {
        b"quoted-printable" => Kind::QuotedPrintable,
        b"base64" => Kind::Base64,
        _ => return Vec::new(),
    };
    let values: [&[u8]; 5] = [b" 8bit", b" 7bit", b" 8BIT", b" 7BIT", b" binary"];
    let changed = values.into_iter().map(|value| head.with_value(number, value));
    changed.chain([head.without(number)]).map(|undone| HeaderUndo::new(kind, undone, ENCODING)).collect()
}

/// The fields that a list moved into the first part.
fn wrapped(head: &Head, known: &Known) -> Vec<HeaderUndo> {
    let Some(number) = head.named(TYPE).next() else { return Vec::new() };
    let mut undone = head.clone();
    let mut moved = false;
    for field in &known.inner {
        let name = field.split(|c| *c == b':').next().unwrap_or_default();
        let slot = undone.named(name).next();
        if name.eq_ignore_ascii_case(TYPE) || name.eq_ignore_ascii_case(ENCODING) {
            match slot.and_then(|slot| undone.fields.get_mut(slot)) {
                Some(slot) => slot.clone_from(field),
                None => undone.fields.insert(number + 1, field.clone()),
            }
            undone.own += usize::from(slot.is_none() && undone.own > number);
            moved = true;
        }
    }
    if moved { vec![HeaderUndo::new(Kind::ListFooter, undone, TYPE)] } else { Vec::new() }
}

/// Content-Type with other character sets.
fn charsets(head: &Head) -> Vec<(usize, Vec<u8>)> {
    let Some(number) = head.named(TYPE).next() else { return Vec::new() };
    let value = head.value(number);
    let labels = charset::LABELS.iter().copied();
    labels.filter_map(|label| Some((number, charset::relabel(value, label)?))).collect()
}
