//! The `from` clause: what the client sent, and what the server found.

use crate::{address_literal::address, structured::Scanner};
use nom::{
    IResult, Parser,
    bytes::complete::take_while,
    character::complete::{char, digit0},
    combinator::{all_consuming, opt},
    sequence::{delimited, terminated},
};
use std::net::IpAddr;

/// What a `from` clause records about the client.
#[derive(Debug, Default)]
pub(super) struct Client<'v> {
    pub(super) helo: Option<&'v [u8]>,
    pub(super) names: Vec<&'v [u8]>,
    pub(super) address: Option<IpAddr>,
}

impl<'v> Client<'v> {
    /// `from` is the name behind the word, `comments` are those between it and `by`. Most servers write what the client
    /// sent before what they found, so the last comment of each kind counts. Exim and Yahoo write it after: when the
    /// field may be theirs and has several addresses, none is returned.
    pub(super) fn read(from: Option<&'v [u8]>, comments: &[&'v [u8]]) -> Self {
        let comments: Vec<Comment<'v>> = comments.iter().map(|comment| Comment::read(comment)).collect();
        let said = comments.iter().rev().find_map(|comment| comment.said);
        let last = comments.iter().rev().find_map(|comment| comment.seen);
        // `from [192.0.2.1] (helo=mail.example.org)`, `from 192.0.2.1 (EHLO mail.example.org)`
        let unnamed = from.filter(|_| said.is_some()).and_then(literal);
        let is_helo_behind = unnamed.is_some() || comments.iter().any(|comment| comment.has_helo_key);
        let address = if is_helo_behind {
            let seen = comments.iter().filter_map(|comment| comment.seen);
            let mut all = seen.map(|seen| seen.address).chain(unnamed);
            all.next().filter(|first| all.all(|other| other == *first))
        } else {
            last.map(|seen| seen.address)
        };
        let name = last.and_then(|seen| seen.name);
        let mut names = Vec::with_capacity(3);
        for name in [from, said, name].into_iter().flatten() {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Self { helo: said.or(from), names, address }
    }
}

/// A name that is an address.
fn literal(name: &[u8]) -> Option<IpAddr> {
    bracketed(name).map(|(_, address)| address).or_else(|| whole_address(name))
}

/// The content of a comment in the clause.
#[derive(Debug, Default)]
struct Comment<'v> {
    /// `helo=NAME` of Exim; `HELO NAME` of qmail, `EHLO NAME` of Yahoo, `LHLO NAME` of Zimbra.
    said: Option<&'v [u8]>,
    has_helo_key: bool,
    seen: Option<Seen<'v>>,
}

/// What the server found about the client.
#[derive(Debug, Clone, Copy)]
struct Seen<'v> {
    name: Option<&'v [u8]>,
    address: IpAddr,
}

impl<'v> Comment<'v> {
    fn read(comment: &'v [u8]) -> Self {
        // Line ends and controls were refused before, so words are separated by blanks.
        let mut words = Words(Scanner::new(comment)).take(MAX_WORDS);
        let (first, second, third) = (words.next(), words.next(), words.next());
        if let Some(verb) = first {
            if [b"HELO", b"EHLO", b"LHLO"].iter().any(|known| verb.eq_ignore_ascii_case(*known)) {
                return Self { said: second, ..Self::default() };
            }
        }
        let said = [first, second, third].into_iter().flatten().chain(words);
        let said = said.filter_map(|word| word.strip_prefix(b"helo=")).last();
        Self { said, has_helo_key: said.is_some(), seen: seen(first, second) }
    }
}

/// The most words read in a comment. Servers write at most six in those that matter.
const MAX_WORDS: usize = 16;

/// `NAME [192.0.2.1]` of Postfix and Sendmail, `[192.0.2.1]` with more behind it of Exim and CommuniGate Pro,
/// `192.0.2.1` of qmail and Exchange. These servers write no address further back: `Client CN "x [192.0.2.1]"` is text
/// from a certificate.
fn seen<'v>(first: Option<&'v [u8]>, second: Option<&'v [u8]>) -> Option<Seen<'v>> {
    // `helo=` and `ident=` are Exim's, followed by text from the client.
    let first = first.filter(|first| !first.contains(&b'='))?;
    match (bracketed(first), second.and_then(bracketed)) {
        (Some(([] | [.., b'@'], address)), _) => return Some(Seen { name: None, address }),
        (None, Some(([], address))) => return Some(Seen { name: host(first), address }),
        _ => {}
    }
    let alone = first.rsplit(|octet| *octet == b'@').next()?;
    if second.is_some() {
        return None;
    }
    Some(Seen { name: None, address: whole_address(alone)? })
}

fn whole_address(text: &[u8]) -> Option<IpAddr> {
    all_consuming(zoned_address).parse(text).ok().map(|(_, address)| address)
}

/// The name of a host, after an optional user name (`IDENT:joe@`).
fn host(name: &[u8]) -> Option<&[u8]> {
    let host = name.rsplit(|octet| *octet == b'@').next().unwrap_or_default();
    (!host.is_empty() && !host.eq_ignore_ascii_case(b"unknown")).then_some(host)
}

/// `[192.0.2.1]`, `[IPv6:2001:db8::1]`, `joe@[192.0.2.1]`, `[192.0.2.1]:25`: the text before it, and the address.
fn bracketed(word: &[u8]) -> Option<(&[u8], IpAddr)> {
    let literal = delimited(char('['), zoned_address, char(']'));
    let port = opt((char(':'), digit0));
    let found = all_consuming((take_while(|byte| byte != b'['), literal, port)).parse(word);
    found.ok().map(|(_, (front, address, _))| (front, address))
}

/// An address, with or without the tag of RFC 5321 §4.1.3. The zone of a link-local address (`%eth0`) is dropped.
fn zoned_address(text: &[u8]) -> IResult<&[u8], IpAddr> {
    let zone = (char('%'), take_while(|byte| byte != b']'));
    terminated(address, opt(zone)).parse(text)
}

/// The words of a comment; nested comments are skipped.
struct Words<'v>(Scanner<'v>);

impl<'v> Iterator for Words<'v> {
    type Item = &'v [u8];

    fn next(&mut self) -> Option<&'v [u8]> {
        // The whole comment was read before, so nothing in it is unclosed.
        self.0.skip_cfws().ok()?;
        let word = self.0.run(|octet| !octet.is_ascii_whitespace() && octet != b'(');
        (!word.is_empty()).then_some(word)
    }
}
