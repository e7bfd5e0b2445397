//! The grammar of RFC 5322 §3.4 without its obsolete forms.

use super::{FromFault, limits::MAX_ADDRESSES};
use crate::{
    Address,
    address::{
        AddressFault, addr_spec,
        lexer::{Gap, Kind, Lexer, Token, check_octets},
        no_domain,
    },
};

/// Reads a `mailbox-list`; the error names what does not belong there. Empty elements are allowed (RFC 5322 §4.4,
/// obs-mbox-list).
pub(super) fn mailbox_list(value: &[u8]) -> Result<Vec<Address>, FromFault> {
    check_octets(value)?;
    let mut lexer = Lexer::new(value, 0);
    let mut addresses = Vec::new();
    while mailbox(&mut lexer, &mut addresses)? {
        check_count(&addresses)?;
    }
    check_count(&addresses)?;
    if addresses.is_empty() { Err(FromFault::NoAddress) } else { Ok(addresses) }
}

fn check_count(addresses: &[Address]) -> Result<(), FromFault> {
    let limit = MAX_ADDRESSES;
    if addresses.len() > limit { Err(FromFault::TooManyAddresses { limit }) } else { Ok(()) }
}

/// One element, up to the comma or the end; true when there was a comma.
fn mailbox(lexer: &mut Lexer<'_>, addresses: &mut Vec<Address>) -> Result<bool, FromFault> {
    let before = lexer.clone();
    let (mut first, mut at_sign, mut literal) = (None, None, None);
    let comma = loop {
        let Some(token) = lexer.next()? else { break false };
        match token.kind {
            Kind::Comma => break true,
            Kind::Word | Kind::Quoted => {}
            Kind::At => _ = at_sign.get_or_insert(token.start),
            // The domain of a bare address may be a literal.
            Kind::Literal if at_sign.is_some() => _ = literal.get_or_insert(token.start),
            Kind::Less => {
                // A phrase has no at sign.
                at_sign.map_or(Ok(()), |offset| Err(AddressFault::Syntax { offset }))?;
                addresses.push(angle_addr(lexer)?);
                return comma_or_end(lexer);
            }
            Kind::Colon if first.is_some() && at_sign.is_none() => return Err(group(lexer)?),
            Kind::Colon | Kind::Greater | Kind::Semicolon | Kind::Literal => {
                return Err(AddressFault::Syntax { offset: token.start }.into());
            }
        }
        first.get_or_insert(token);
    };
    match first {
        None => Ok(comma),
        Some(first) => {
            let offset = literal.unwrap_or(first.start);
            addresses.push(without_literal(bare_address(before, first)?, offset)?);
            Ok(comma)
        }
    }
}

fn comma_or_end(lexer: &mut Lexer<'_>) -> Result<bool, FromFault> {
    match lexer.next()? {
        None => Ok(false),
        Some(Token { kind: Kind::Comma, .. }) => Ok(true),
        Some(token) => Err(AddressFault::Syntax { offset: token.start }.into()),
    }
}

/// An element without angle brackets is one address or nothing.
fn bare_address(mut lexer: Lexer<'_>, first: Token<'_>) -> Result<Address, FromFault> {
    let address = without_encoded_word(addr_spec(&mut lexer, first.start)?, first.start)?;
    match lexer.next()? {
        None | Some(Token { kind: Kind::Comma, .. }) => Ok(address),
        Some(token) => Err(AddressFault::Syntax { offset: token.start }.into()),
    }
}

/// Reads a group after its name and colon.
fn group(lexer: &mut Lexer<'_>) -> Result<FromFault, AddressFault> {
    match lexer.next()? {
        Some(Token { kind: Kind::Semicolon, .. }) => Ok(FromFault::EmptyGroup),
        _ => Ok(FromFault::Group),
    }
}

/// Reads the text in angle brackets after the opening one, up to and including the closing one.
fn angle_addr(lexer: &mut Lexer<'_>) -> Result<Address, FromFault> {
    let start = lexer.offset();
    let Some(first) = lexer.clone().next()? else { return Err(no_domain(None, start).into()) };
    match first.kind {
        Kind::Greater => return Err(FromFault::NoAddress),
        Kind::At | Kind::Comma => return Err(AddressFault::Route { offset: first.start }.into()),
        _ if lexer.peek_gap()? == Gap::Comment => {
            return Err(AddressFault::CommentInside { offset: first.start }.into());
        }
        _ => {}
    }
    let address = without_encoded_word(addr_spec(lexer, first.start)?, first.start)?;
    let close = lexer.next()?;
    let offset = close.as_ref().map_or(lexer.offset(), |token| token.start);
    match close {
        _ if lexer.gap() == Gap::Comment => return Err(AddressFault::CommentInside { offset }.into()),
        Some(Token { kind: Kind::Greater, .. }) => {}
        _ => return Err(AddressFault::Syntax { offset }.into()),
    }
    Ok(without_literal(address, first.start)?)
}

fn without_literal(address: Address, offset: usize) -> Result<Address, AddressFault> {
    if address.is_literal() { Err(AddressFault::Literal { offset }) } else { Ok(address) }
}

/// RFC 2047 §5: "An 'encoded-word' MUST NOT appear in any portion of an 'addr-spec'", "within a 'quoted-string'". Some
/// programs decode encoded words anywhere, and the result can be another address.
fn without_encoded_word(address: Address, offset: usize) -> Result<Address, AddressFault> {
    if holds_encoded_word(address.local_part()) {
        return Err(AddressFault::EncodedWord { offset });
    }
    Ok(address)
}

/// Whether the domain has only letters, digits, hyphens, dots and underscores: programs differ in where a domain with
/// other characters ends.
pub(super) fn is_host_name(domain: &str) -> bool {
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii();
    domain.split('.').all(|label| !label.is_empty() && label.chars().all(is_host))
}

/// Half of an encoded word is text.
pub(super) fn holds_encoded_word(local_part: &[u8]) -> bool {
    let begin = memchr::memmem::find(local_part, b"=?");
    let behind = begin.and_then(|begin| local_part.get(begin + 2..));
    behind.is_some_and(|behind| memchr::memmem::find(behind, b"?=").is_some())
}
