//! Which lines of a header are From fields, and to which programs.

use super::FromFault;
use crate::{Field, Header};

/// The one From field that all programs see, and where it begins, or why there is none.
pub(super) fn from_field(header: &Header) -> Result<(Field<'_>, usize), FromFault> {
    let mut found = None;
    let (mut count, mut looks_alike, mut control, mut offset) = (0, false, None, 0);
    // Perl's Email::Simple appends lines that are not a field to the field above.
    let (mut below_from, mut goes_on) = (false, false);
    for field in header.fields() {
        let is_from = field.is("from");
        if is_from {
            count += 1;
            found = Some((field, offset));
        } else if field.is_malformed() {
            looks_alike |= is_from_to_some(field);
            goes_on |= below_from;
            control = control.or_else(|| control_in_name(field.raw(), offset));
        } else if field.is(">from") {
            looks_alike = true;
        }
        below_from = is_from || (below_from && field.is_malformed());
        offset += field.raw().len();
    }
    match found {
        _ if count > 1 => Err(FromFault::SeveralFields { count }),
        _ if looks_alike => Err(FromFault::MalformedField),
        _ if control.is_some() => control.map_or(Err(FromFault::Missing), Err),
        _ if goes_on => Err(FromFault::MalformedField),
        None => Err(FromFault::Missing),
        Some((field, _)) if has_blank_before_colon(field) => Err(FromFault::BlankBeforeColon),
        Some(found) => Ok(found),
    }
}

/// A NUL or bare CR that makes some programs see another From field or another end of the header; `from` is where the
/// From field begins.
pub(super) fn misleading_octet(header: &Header, from: usize) -> Option<FromFault> {
    let block = header.as_bytes();
    let nul = memchr::memchr(0, block).map(|offset| FromFault::Nul { offset });
    nul.or_else(|| misleading_cr(block, from))
}

/// The values of all lines that some program may read as From: whole fields, and text that begins with the name after a
/// line end, CR or NUL, up to the next one.
pub(super) fn from_values(header: &Header) -> Vec<&[u8]> {
    let block = header.as_bytes();
    let mut values = Vec::new();
    let mut offset = 0;
    let mut fields = header.fields().peekable();
    while let Some(field) = fields.next() {
        let begin = offset;
        offset += field.raw().len();
        if is_from_to_some(field) || is_from_up_to_nul(field.raw()) {
            // For some programs, lines below that are not a field belong to it.
            while let Some(line) = fields.next_if(|line| line.is_malformed() && !is_from_to_some(*line)) {
                offset += line.raw().len();
            }
            values.extend(block.get(begin..offset).and_then(value));
        }
    }
    // For some programs a NUL ends a line, others drop it.
    values.extend(pieces(block, memchr::memchr3_iter(b'\r', b'\n', 0, block)));
    if memchr::memchr(0, block).is_some() {
        values.extend(pieces(block, memchr::memchr2_iter(b'\r', b'\n', block)));
    }
    values
}

/// The text that begins with the name From between these ends, except at folds.
fn pieces(block: &[u8], ends: impl Iterator<Item = usize>) -> Vec<&[u8]> {
    let is_end = |at: &usize| match block.get(*at) {
        Some(b'\r') => block.get(at + 1) != Some(&b'\n'),
        // A blank after it makes it a fold.
        Some(b'\n') => !matches!(block.get(at + 1), Some(b' ' | b'\t')),
        _ => true,
    };
    let mut values = Vec::new();
    let mut start = 0;
    for end in ends.filter(is_end).chain([block.len()]) {
        let piece = block.get(start..end).unwrap_or_default();
        if looks_like_from(piece) {
            values.extend(value(piece));
        }
        start = end + 1;
    }
    values
}

/// Whether some program may read it as From. In a line that is not a field, mail-parser knows no folds, and looks for a
/// name on each line.
fn is_from_to_some(field: Field<'_>) -> bool {
    let mut lines = field.raw().split_inclusive(|octet| *octet == b'\n');
    looks_like_from(field.raw()) || field.is_malformed() && lines.any(looks_like_from)
}

/// Whether the name is From to programs for which it ends at a NUL.
fn is_from_up_to_nul(line: &[u8]) -> bool {
    let name = memchr::memchr(0, line).and_then(|end| line.get(..end));
    name.is_some_and(|name| name.trim_ascii().eq_ignore_ascii_case(b"from"))
}

/// The text after the colon that follows the name.
fn value(field: &[u8]) -> Option<&[u8]> {
    let begin = field.iter().position(|c| c.is_ascii_alphabetic())?;
    let named = field.get(begin..)?;
    named.get(memchr::memchr(b':', named)? + 1..)
}

fn has_blank_before_colon(field: Field<'_>) -> bool {
    field.raw().get(field.name().len()) != Some(&b':')
}

/// The first control byte before the colon of a line that has one.
fn control_in_name(line: &[u8], offset: usize) -> Option<FromFault> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?;
    let is_control = |c: &u8| c.is_ascii_control() && !matches!(c, b'\t' | b'\r' | b'\n');
    let at = name.iter().position(is_control)?;
    Some(FromFault::ControlInName { octet: *name.get(at)?, offset: offset + at })
}

/// Whether some program may read a malformed line as From. The `From ` line of an mbox file is not one. c-client
/// ignores a `>` before the name, mail-parser a colon.
fn looks_like_from(line: &[u8]) -> bool {
    let invisible = |c: &u8| !c.is_ascii_graphic();
    let mut rest = line.iter().copied().skip_while(|c| invisible(c) || matches!(c, b'>' | b':'));
    let name: Vec<u8> = rest.by_ref().filter(|c| !invisible(c)).take(4).collect();
    name.eq_ignore_ascii_case(b"from") && rest.find(|c| !invisible(c)) == Some(b':')
}

/// The first bare CR at which programs that take it for a line end see another author than the others, or none; `from`
/// is where the From field begins.
fn misleading_cr(block: &[u8], from: usize) -> Option<FromFault> {
    if !has_bare_cr(block) {
        return None;
    }
    // A name is searched once after each run of bytes that it may begin with, so that many CRs take linear time.
    let mut looked_at = 0;
    for offset in memchr::memchr_iter(b'\r', block) {
        let (before, rest) =
            (block.get(..offset).unwrap_or_default(), block.get(offset + 1..).unwrap_or_default());
        if rest.first() == Some(&b'\n') {
            continue;
        }
        let empty_line = rest.first() == Some(&b'\r') || matches!(before.last(), None | Some(b'\n'));
        if empty_line && offset < from {
            return Some(FromFault::BareCr { offset });
        }
        if offset >= looked_at {
            if looks_like_from(rest) {
                return Some(FromFault::BareCr { offset });
            }
            let begins = |c: &u8| c.is_ascii_graphic() && !matches!(c, b'>' | b':');
            let blank = rest.iter().position(begins).unwrap_or(rest.len());
            looked_at = offset + 1 + blank;
        }
    }
    None
}

/// Whether a CR is followed by something other than LF. Without branches, so that it costs next to nothing for clean
/// mail.
fn has_bare_cr(block: &[u8]) -> bool {
    let pairs = block.iter().zip(block.get(1..).unwrap_or_default());
    pairs.fold(false, |bare, (octet, next)| bare | ((*octet == b'\r') & (*next != b'\n')))
}
