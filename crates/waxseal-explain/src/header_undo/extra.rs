//! Fields that were added, and fields that differ from their copies.

use super::{HeaderUndo, Known, shown};
use crate::{diagnosis::Kind, head::Head};
use waxseal::dkim::Signature;

/// Names in `h=` that are looked at.
const MAX_NAMES: usize = 40;

/// Fields that the signature says there are fewer of.
pub(crate) fn added(head: &Head, signature: &Signature, _: &Known) -> Vec<HeaderUndo> {
    let mut names: Vec<Vec<u8>> = Vec::new();
    for name in signature.signed_fields().map(<[u8]>::to_ascii_lowercase) {
        if !names.contains(&name) && names.len() < MAX_NAMES {
            names.push(name);
        }
    }
    let mut found = Vec::new();
    let (mut all, mut count) = (head.clone(), 0);
    for name in names.iter().filter(|name| **name != b"from") {
        let listed = signature.signed_fields().filter(|other| other.eq_ignore_ascii_case(name)).count();
        let present: Vec<_> = head.named(name).filter(|number| *number != head.own).collect();
        let (Some(top), Some(bottom)) = (present.first(), present.last()) else { continue };
        if listed < present.len() {
            continue;
        }
        let kind = kind_of(name);
        found.push(HeaderUndo::new(kind, head.without(*top), name).with_detail(shown(name)));
        if bottom != top {
            found.push(HeaderUndo::new(kind, head.without(*bottom), name).with_detail(shown(name)));
        }
        if kind == Kind::AddedAfterSigning || name.starts_with(b"list-") {
            let number = all.named(name).next();
            if let Some(number) = number {
                (all, count) = (all.without(number), count + 1);
            }
        }
    }
    if count > 1 {
        found
            .push(HeaderUndo::new(Kind::AddedAfterSigning, all, b"Message-ID").with_detail("several".into()));
    }
    found
}

fn kind_of(name: &[u8]) -> Kind {
    match name {
        b"message-id" | b"date" | b"mime-version" => Kind::AddedAfterSigning,
        _ => Kind::OversignedField,
    }
}

/// Copies of `z=` that are looked at.
const MAX_COPIES: usize = 30;

/// The fields as the signer copied them into `z=`: all of them, then each alone.
pub(crate) fn copied_fields(head: &Head, _: &Signature, known: &Known) -> Vec<HeaderUndo> {
    let mut all = head.clone();
    let mut found = Vec::new();
    for (name, value) in known.copied.iter().take(MAX_COPIES) {
        if name.is_empty() || name.iter().any(|c| !c.is_ascii_graphic()) || value.contains(&b'\n') {
            continue;
        }
        let words = |text: &[u8]| {
            text.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect::<Vec<_>>().concat()
        };
        let Some(number) = head.named(name).next_back() else { continue };
        if head.named(name).any(|number| words(head.value(number)) == words(value)) {
            continue;
        }
        let detail = format!("{} was {}", shown(name), shown(value));
        all = all.with_value(number, value);
        found.push(
            HeaderUndo::new(Kind::CopiedField, head.with_value(number, value), name).with_detail(detail),
        );
    }
    if found.len() > 1 {
        let several = HeaderUndo::new(Kind::CopiedField, all, b"DKIM-Signature");
        found.insert(0, several.with_detail("several".into()));
    }
    found
}
