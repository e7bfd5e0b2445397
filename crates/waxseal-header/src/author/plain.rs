//! The shape of nearly all From fields, which every reading reads the same way.

use crate::Address;

/// The address of `a@b.example`, `Name <a@b.example>` or `"Name" <a@b.example>` when it cannot be read in two ways: no
/// comment, no special in the name, no quote in the local-part, a domain of ASCII letters, digits, hyphens and
/// underscores with a dot in it. `None` for anything else, which need not be wrong.
pub(super) fn plain(value: &[u8]) -> Option<Address> {
    let value = value.trim_ascii();
    let spec = match value.strip_suffix(b">") {
        None => value,
        Some(inner) => {
            let bracket = memchr::memrchr(b'<', inner)?;
            is_plain_name(inner.get(..bracket)?).then_some(())?;
            inner.get(bracket + 1..)?
        }
    };
    let at = memchr::memchr(b'@', spec)?;
    let (local_part, domain) = (spec.get(..at)?, spec.get(at + 1..)?);
    let is_local = |c: &u8| {
        c.is_ascii_alphanumeric()
            || matches!(c, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-'..=b'/' | b'=' | b'^'..=b'`' | b'{'..=b'~')
    };
    if local_part.is_empty() || local_part.starts_with(b".") || !local_part.iter().all(is_local) {
        return None;
    }
    let is_label = |label: &[u8]| {
        !label.is_empty() && label.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
    };
    if !domain.contains(&b'.') || !domain.split(|c| *c == b'.').all(is_label) {
        return None;
    }
    let domain = std::str::from_utf8(domain).ok()?;
    Some(Address { local_part: local_part.into(), domain: domain.into() })
}

/// Words, or words in quotes, without folds.
fn is_plain_name(name: &[u8]) -> bool {
    let is_special = |c: &u8| {
        matches!(c, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b':' | b';' | b'@' | b'\\' | b',' | b'"')
    };
    let is_plain = |c: &u8| *c >= b' ' && *c != 0x7f && !is_special(c);
    match name.strip_prefix(b"\"") {
        None => name.iter().all(is_plain) && !name.starts_with(b"."),
        Some(quoted) => match memchr::memchr(b'"', quoted) {
            None => false,
            Some(end) => {
                let (quoted, behind) = quoted.split_at(end);
                quoted.iter().all(is_plain) && behind.iter().skip(1).all(|c| matches!(c, b' ' | b'\t'))
            }
        },
    }
}
