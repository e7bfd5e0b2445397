//! From as lists rewrite it, with the author in another field.

use super::{HeaderUndo, Known, shown};
use crate::{diagnosis::Kind, head::Head};
use waxseal::dkim::Signature;

/// Fields that have the author, the most telling first.
const SOURCES: [&[u8]; 6] =
    [b"X-Original-From", b"Original-From", b"X-Original-Sender", b"Author", b"Reply-To", b"Cc"];

pub(crate) fn rewritten(head: &Head, signature: &Signature, _: &Known) -> Vec<HeaderUndo> {
    let Some(from) = head.named(b"From").next_back() else { return Vec::new() };
    let shown_address = address(head.value(from));
    let mut found = Vec::new();
    for source in SOURCES {
        let Some(number) = head.named(source).next() else { continue };
        let is_signed = signature.signed_fields().any(|name| name.eq_ignore_ascii_case(source));
        for mailbox in mailboxes(head.value(number)) {
            if address(mailbox).eq_ignore_ascii_case(shown_address) {
                continue;
            }
            for value in spellings(mailbox, head.value(from)) {
                let undone = head.with_value(from, &value);
                let detail = format!("it was {}", shown(&value));
                let undo =
                    |head| HeaderUndo::new(Kind::FromRewritten, head, b"From").with_detail(detail.clone());
                if is_signed {
                    found.push(undo(undone.without(number)));
                    found.extend(removed_mailbox(&undone, number, mailbox).map(undo));
                }
                found.push(undo(undone));
            }
        }
    }
    found
}

/// The field without that mailbox, when there are others: lists append the author to what is there.
fn removed_mailbox(head: &Head, number: usize, mailbox: &[u8]) -> Option<Head> {
    let value = head.value(number);
    let left: Vec<&[u8]> = value.split(|c| *c == b',').filter(|other| *other != mailbox).collect();
    (left.len() > 1 || !left.first()?.is_empty())
        .then(|| head.with_value(number, &left.join(&b',')))
        .filter(|_| left.len() < value.split(|c| *c == b',').count())
}

/// At most three; a comma within quotes ends one, too, which then is no author.
fn mailboxes(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|c| *c == b',').take(3).filter(|mailbox| mailbox.contains(&b'@'))
}

/// The address in angle brackets, or all.
fn address(mailbox: &[u8]) -> &[u8] {
    let text = mailbox.trim_ascii();
    let Some(open) = memchr::memrchr(b'<', text) else { return text };
    let inner = text.get(open + 1..).unwrap_or_default();
    inner.split(|c| *c == b'>').next().unwrap_or_default()
}

/// How the author may have been written: as the source has it, or with the name that From shows.
fn spellings(mailbox: &[u8], from: &[u8]) -> Vec<Vec<u8>> {
    let (whole, address) = (mailbox.trim_ascii(), address(mailbox));
    let mut values = vec![[b" ", whole].concat()];
    let open = memchr::memrchr(b'<', from).unwrap_or(0);
    let name = from.get(..open).unwrap_or_default().trim_ascii();
    let name = name.strip_prefix(b"\"").and_then(|name| name.strip_suffix(b"\"")).unwrap_or(name);
    let via = name.windows(5).position(|window| window.eq_ignore_ascii_case(b" via "));
    let name = via.and_then(|via| name.get(..via)).unwrap_or(name).trim_ascii();
    let name = name.strip_prefix(b"'").and_then(|name| name.strip_suffix(b"'")).unwrap_or(name);
    if !name.is_empty() {
        values.push([b" ", name, b" <", address, b">"].concat());
        values.push([b" \"", name, b"\" <", address, b">"].concat());
    }
    values.push([b" ", address].concat());
    values.push([b" <", address, b">"].concat());
    let mut told: Vec<Vec<u8>> = Vec::new();
    values
        .into_iter()
        .filter(|value| {
            !told.contains(value) && {
                told.push(value.clone());
                true
            }
        })
        .collect()
}
