//! Which names a value of Authentication-Results claims, for any program.

use crate::authserv_id::{combines, loose};
use crate::field::AuthenticationResults;
use crate::grammar::Parser;
use crate::parse_error::ParseLimits;

/// One of our names, in the form of [`loose`].
pub(crate) type OwnName = Box<str>;

/// Whether some program reads the value as that of a host with one of these names.
pub(crate) fn claims(names: &[OwnName], value: &[u8]) -> bool {
    let Ok(read) = AuthenticationResults::parse(value) else {
        return has_encoded_word(value) || stands_in(names, value);
    };
    let end = Parser::new(value, ParseLimits::default()).end_of_authserv_id().unwrap_or_default();
    let front = value.get(..end).unwrap_or_default();
    // RFC 2047 §5: an encoded word must not stand in a quoted string or in the place of a word such as this. Some
    // programs decode the whole field first, and see a name that no others do.
    let is_encoded = match read.authserv_id {
        Some(_) => front.windows(2).any(|pair| pair == b"=?"),
        None => has_encoded_word(value),
    };
    let domains = || read.domains.iter().map(|domain| loose(domain.as_bytes(), false));
    is_encoded
        || contains_name(names, &loose(&plain(front, false), false))
        || is_name_like(names, &careless(value))
        || domains().any(|domain| is_name_like(names, &domain))
        || read.damage().is_some() && stands_in(names, value)
        || combines(front) && names.iter().any(|name| !name.is_ascii())
}

/// The authserv-id for programs that know neither quotes nor comments.
fn careless(value: &[u8]) -> String {
    let before = value.split(|b| *b == b';').next().unwrap_or_default();
    let text = loose(before, false);
    let text = text.trim_matches(|c: char| matches!(c, '(' | ')' | '"' | '\\' | '.') || c.is_whitespace());
    text.split_ascii_whitespace().next().unwrap_or_default().to_owned()
}

/// Whether this is one of our names, with or without final dots.
fn is_name_like(names: &[OwnName], id: &str) -> bool {
    let id = id.trim().trim_end_matches('.');
    names.iter().any(|name| **name == *id)
}

/// Whether one of our names occurs in a value that programs read differently.
fn stands_in(names: &[OwnName], value: &[u8]) -> bool {
    let whole = plain(value, true);
    let without_comments = plain(value, false);
    let differ = whole != without_comments;
    let texts = [Some(whole), Some(without_comments).filter(|_| differ)];
    texts.iter().flatten().any(|text| {
        let has_controls = text.iter().any(u8::is_ascii_control);
        contains_name(names, &loose(text, true)) || has_controls && contains_name(names, &loose(text, false))
    })
}

fn contains_name(names: &[OwnName], text: &str) -> bool {
    names.iter().any(|name| contains_word(text, name))
}

/// Whether there is the beginning of an encoded word (RFC 2047 §2): `=?charset?B?` or `=?charset?Q?`.
fn has_encoded_word(value: &[u8]) -> bool {
    let mut rest = value;
    while let Some(at) = rest.windows(2).position(|pair| pair == b"=?") {
        rest = rest.get(at + 2..).unwrap_or_default();
        let charset = rest.iter().position(|b| *b == b'?').unwrap_or(rest.len());
        let behind = rest.get(charset..).unwrap_or_default();
        if matches!(behind, [b'?', b'b' | b'B' | b'q' | b'Q', b'?', ..]) {
            return true;
        }
        rest = behind;
    }
    false
}

/// The text without backslashes and folds, and optionally without quotes and comments, as a careless program might read
/// it.
fn plain(value: &[u8], with_comments: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    let (mut depth, mut quoted) = (0_usize, false);
    let mut rest = value.iter().copied();
    while let Some(b) = rest.next() {
        let kept = match b {
            b'\\' => rest.next(),
            b'\n' => None,
            b'\r' if rest.clone().next() == Some(b'\n') => None,
            _ if with_comments => Some(b),
            b'"' if depth == 0 => {
                quoted = !quoted;
                None
            }
            b'(' if !quoted => {
                depth += 1;
                None
            }
            b')' if depth > 0 => {
                depth -= 1;
                None
            }
            _ => Some(b),
        };
        text.extend(kept.filter(|_| depth == 0));
    }
    text
}

/// Whether `word` occurs in `text`, neither as part of a longer name nor as a value.
fn contains_word(text: &str, word: &str) -> bool {
    let mut rest = text;
    let mut before = None;
    while let Some(at) = rest.find(word) {
        let (front, found) = rest.split_at(at);
        let before_word = front.chars().next_back().or(before);
        let behind = found.get(word.len()..).unwrap_or_default().trim_start_matches('.').chars().next();
        let begins = !before_word.is_some_and(|c| is_name(c) || matches!(c, '.' | '=' | '@'));
        if begins && !behind.is_some_and(is_name) {
            return true;
        }
        let mut after = found.chars();
        before = after.next();
        rest = after.as_str();
    }
    false
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii()
}
