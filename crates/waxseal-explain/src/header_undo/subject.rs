//! Tags that lists and filters put into Subject.

use super::{HeaderUndo, Known, shown};
use crate::{diagnosis::Kind, head::Head};
use waxseal::dkim::Signature;

/// The most tags of one message.
const MAX_TAGS: usize = 2;

pub(crate) fn tag(head: &Head, _: &Signature, _: &Known) -> Vec<HeaderUndo> {
    let Some(number) = head.named(b"Subject").next_back() else { return Vec::new() };
    let mut found = Vec::new();
    let mut value = head.value(number).to_vec();
    for _ in 0..MAX_TAGS {
        let Some((without, tag)) = without_tag(&value) else { break };
        let undone = HeaderUndo::new(Kind::SubjectTag, head.with_value(number, &without), b"Subject");
        found.push(undone.with_detail(shown(&tag)));
        value = without;
    }
    found
}

/// The value without its first tag, which stands at the start or behind `Re:`, and the tag.
fn without_tag(value: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let text = value.trim_ascii_start();
    let lead = value.len() - text.len();
    let mut start = lead + reply_prefix(text);
    let mut tag = tag_length(value.get(start..)?);
    if tag == 0 {
        start = lead;
        tag = tag_length(text);
    }
    let rest = value.get(start + tag..)?;
    let rest = rest.trim_ascii_start();
    if tag == 0 || rest.is_empty() {
        return None;
    }
    Some(([value.get(..start)?, rest].concat(), value.get(start..start + tag)?.to_vec()))
}

/// Bytes of `Re: ` and its like, repeated.
fn reply_prefix(text: &[u8]) -> usize {
    let mut rest = text;
    loop {
        let word = rest.split(|c| *c == b':').next().unwrap_or_default();
        let is_prefix =
            matches!(word.to_ascii_lowercase().as_slice(), b"re" | b"fw" | b"fwd" | b"aw" | b"wg");
        let Some(after) = rest.get(word.len() + 1..).filter(|_| is_prefix) else { break };
        rest = after.trim_ascii_start();
    }
    text.len() - rest.len()
}

/// Bytes of the tag at the start; 0 for none.
fn tag_length(text: &[u8]) -> usize {
    const MAX: usize = 80;
    let window = text.get(..MAX).unwrap_or(text);
    let up_to = |close: u8| memchr::memchr(close, window).map_or(0, |at| at + 1);
    match window.first() {
        Some(b'[') => up_to(b']'),
        Some(b'(') => up_to(b')'),
        Some(b'*') => {
            let word = window.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            if word.len() > 4 && word.ends_with(b"*") { word.len() } else { 0 }
        }
        Some(c) if c.is_ascii_uppercase() => {
            let word = window.split(u8::is_ascii_whitespace).next().unwrap_or_default();
            let is_loud = |word: &[u8]| word.len() > 2 && word.iter().all(u8::is_ascii_uppercase);
            if word.strip_suffix(b":").is_some_and(is_loud) { word.len() } else { 0 }
        }
        _ => 0,
    }
}
