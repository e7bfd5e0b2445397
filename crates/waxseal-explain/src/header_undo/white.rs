//! Blanks, folds, line ends and byte order marks.

use super::{HeaderUndo, Known};
use crate::{diagnosis::Kind, head::Head, replace::replace};
use waxseal::{dkim::Signature, header::line_ends::to_crlf};

/// Folded fields that are looked at one by one.
const MAX_FIELDS: usize = 16;

/// A byte order mark in UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// A change of one field.
type Change = fn(&[u8]) -> Vec<u8>;

/// Line ends and byte order marks.
pub(crate) fn bytes(head: &Head, _: &Signature, _: &Known) -> Vec<HeaderUndo> {
    let mut found = Vec::new();
    let whole = head.map(|field| to_crlf(field).into_owned());
    if whole.fields != head.fields {
        found.push(HeaderUndo::new(Kind::LineEnds, whole, b""));
    }
    if let Some(rest) = head.fields.first().and_then(|field| field.strip_prefix(BOM)) {
        let mut undone = head.clone();
        if let Some(first) = undone.fields.first_mut() {
            *first = rest.to_vec();
        }
        found.push(HeaderUndo::new(Kind::ByteOrderMark, undone, b""));
    }
    found
}

/// Folds: of all fields, then of each that is folded.
pub(crate) fn folds(head: &Head, _: &Signature, known: &Known) -> Vec<HeaderUndo> {
    let undo = |head: Head, name: &[u8]| HeaderUndo::new(Kind::Refolded, head, name);
    let mut found = Vec::new();
    let changes: &[Change] = match known.is_simple {
        true => &[unfold, join, glue, with_tabs, with_spaces, trim_lines],
        // The rest makes no difference.
        false => &[glue],
    };
    for change in changes {
        let undone = head.map(change);
        if undone.fields != head.fields {
            found.push(undo(undone, b""));
        }
    }
    for number in (0..head.fields.len()).rev().filter(|number| *number != head.own) {
        if found.len() > MAX_FIELDS * 3 {
            break;
        }
        let Some(field) = head.fields.get(number) else { continue };
        for change in changes.iter().chain(refolds(known)) {
            let changed = change(field);
            if changed != *field {
                let mut undone = head.clone();
                if let Some(slot) = undone.fields.get_mut(number) {
                    *slot = changed;
                }
                found.push(undo(undone, head.name(number)));
            }
        }
    }
    found
}

/// Folds that a relay may have removed.
fn refolds(known: &Known) -> std::slice::Iter<'static, Change> {
    const REFOLDS: &[Change] = &[
        |field| fold_behind(field, b", ", b" "),
        |field| fold_behind(field, b", ", b"\t"),
        |field| fold_behind(field, b"> ", b" "),
    ];
    if known.is_simple { REFOLDS.iter() } else { [].iter() }
}

fn fold_behind(field: &[u8], mark: &[u8], blank: &[u8]) -> Vec<u8> {
    let keep = mark.len().saturating_sub(1);
    replace(field, mark, &[mark.get(..keep).unwrap_or_default(), b"\r\n", blank].concat())
}

/// Every fold without its line end (RFC 5322 §2.2.3).
fn unfold(field: &[u8]) -> Vec<u8> {
    folded(field, |blank, out| out.push(blank))
}

/// One space for every fold.
fn join(field: &[u8]) -> Vec<u8> {
    folded(&squeeze(field), |_, out| out.push(b' '))
}

/// Nothing for every fold.
fn glue(field: &[u8]) -> Vec<u8> {
    folded(&squeeze(field), |_, _| ())
}

fn with_tabs(field: &[u8]) -> Vec<u8> {
    replace(field, b"\r\n ", b"\r\n\t")
}

fn with_spaces(field: &[u8]) -> Vec<u8> {
    replace(field, b"\r\n\t", b"\r\n ")
}

/// No blanks at the ends of lines.
fn trim_lines(field: &[u8]) -> Vec<u8> {
    let lines =
        field.split(|c| *c == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_end());
    lines.collect::<Vec<_>>().join(&b"\r\n"[..])
}

/// One blank behind every fold.
fn squeeze(field: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut behind_fold = false;
    for byte in field {
        let blank = matches!(byte, b' ' | b'\t');
        if blank && behind_fold && out.last() != Some(&b'\n') {
            continue;
        }
        behind_fold = *byte == b'\n' || blank && behind_fold;
        out.push(*byte);
    }
    out
}

/// Calls `at_fold` with the blank of each fold, in place of the fold.
fn folded(field: &[u8], at_fold: impl Fn(u8, &mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some(at) = memchr::memmem::find(rest, b"\r\n") {
        let (line, after) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.extend_from_slice(line);
        match after {
            [_, _, blank @ (b' ' | b'\t'), more @ ..] => {
                at_fold(*blank, &mut out);
                rest = more;
            }
            _ => {
                out.extend_from_slice(after);
                return out;
            }
        }
    }
    out.extend_from_slice(rest);
    out
}
