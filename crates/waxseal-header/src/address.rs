//! Addresses (RFC 5321 §4.1.2, RFC 5322 §3.4) and the author domains of a message.

use crate::{Field, Header};
use std::fmt;

mod lexer;

use lexer::{Gap, Kind, Lexer, Token};

/// A mailbox: local-part and domain, kept as they stand. UTF-8 goes through (RFC 6531, RFC 6532).
///
/// ```
/// use waxseal_header::Address;
/// let address = Address::parse_path(b"<\"j.doe\"@Example.org>")?;
/// assert_eq!(address.as_ref().map(Address::domain), Some("Example.org"));
/// assert_eq!(address.as_ref().map(Address::local_part), Some(&b"\"j.doe\""[..]));
/// assert_eq!(Address::parse_path(b"<>")?, None);
/// # Ok::<(), waxseal_header::InvalidAddress>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    local_part: Box<[u8]>,
    domain: Box<str>,
}

/// Why a text is no address that every reader understands in the same way. Offsets count octets from the start of the
/// text or of the field's value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAddress {
    /// NUL or another control octet, or a CR or LF that is no fold.
    #[error("control octet 0x{octet:02x} at offset {offset}")]
    Control {
        /// The octet.
        octet: u8,
        /// Where it stands.
        offset: usize,
    },
    /// A parenthesis without its counterpart, or comments nested deeper than 16.
    #[error("comment at offset {offset} is not closed or nested too deep")]
    Comment {
        /// Where it begins.
        offset: usize,
    },
    /// A quoted string without its end.
    #[error("quoted string at offset {offset} is not closed")]
    QuotedString {
        /// Where it begins.
        offset: usize,
    },
    /// No at sign, or nothing behind it.
    #[error("address without a domain at offset {offset}")]
    NoDomain {
        /// Where the address begins.
        offset: usize,
    },
    /// A source route, `<@a,@b:u@c>` (RFC 5322 §4.4, obsolete): some readers show the first domain, some the last.
    #[error("source route at offset {offset}")]
    Route {
        /// Where it begins.
        offset: usize,
    },
    /// An encoded word (RFC 2047) where an address is due: it is text for display, whatever it decodes to.
    #[error("encoded word in the place of an address at offset {offset}")]
    EncodedWord {
        /// Where it begins.
        offset: usize,
    },
    /// A comment between the parts of an address: some readers take it for a part.
    #[error("comment inside the address at offset {offset}")]
    CommentInside {
        /// Where the part behind the comment begins.
        offset: usize,
    },
    /// A blank or fold between the parts of an address (RFC 5322 §4.4, obsolete).
    #[error("blank inside the address at offset {offset}")]
    BlankInside {
        /// Where the part behind the blank begins.
        offset: usize,
    },
    /// An address literal, `u@[192.0.2.1]`, where a domain name is due.
    #[error("address literal instead of a domain name at offset {offset}")]
    Literal {
        /// Where the literal begins.
        offset: usize,
    },
    /// A character that looks or maps like a dot but is none: readers disagree whether it divides labels.
    #[error("character U+{:04X} in the place of a dot in the domain at offset {offset}", u32::from(*.dot))]
    UnicodeDot {
        /// The character.
        dot: char,
        /// Where the domain begins.
        offset: usize,
    },
    /// A domain that is not UTF-8.
    #[error("domain at offset {offset} is not UTF-8")]
    NotUtf8 {
        /// Where the domain begins.
        offset: usize,
    },
    /// Anything else that the grammar does not allow.
    #[error("syntax error at offset {offset}")]
    Syntax {
        /// Where the grammar was left.
        offset: usize,
    },
}

/// Why a message has no author that every reader would agree on. DMARC has to fail closed on each
/// (RFC 9989 §11.5; CVE-2019-16378, CVE-2021-34555 and the attacks of "Composition Kills", USENIX Security 2020).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFrom {
    /// No From field.
    #[error("no From field")]
    Missing,
    /// More than one From field; readers differ in which one they show (RFC 5322 §3.6 allows one).
    #[error("{count} From fields")]
    SeveralFields {
        /// How many.
        count: usize,
    },
    /// `From : ` with blanks before the colon (RFC 5322 §4.5, obsolete): some readers do not see such a field.
    #[error("blank before the colon of the From field")]
    BlankBeforeColon,
    /// A line that is no header field but that a lenient reader may take for From: a NUL, blank, fold or 8-bit octet
    /// before, in or behind the name.
    #[error("malformed line that looks like a From field")]
    MalformedField,
    /// A CR without LF, which ends a line for some readers (Python's `email` among them) and for others not, where it matters:
    /// text that looks like a From field stands behind it, or it makes an empty line, the end of the header, above From.
    #[error(
        "bare CR at offset {offset} of the header, where some readers see another From field or the end of the header"
    )]
    BareCr {
        /// Where it stands in the header block.
        offset: usize,
    },
    /// From holds no address, as in `From:` or `From: <>`.
    #[error("no address in From")]
    NoAddress,
    /// From holds a group (RFC 6854) without a mailbox, as in `From: undisclosed:;`.
    #[error("empty group in From")]
    EmptyGroup,
    /// From holds a group (RFC 6854): most readers show its name as the author.
    #[error("group in From")]
    Group,
    /// More addresses than [`Authors::MAX_ADDRESSES`].
    #[error("more than {limit} addresses in From")]
    TooManyAddresses {
        /// The limit.
        limit: usize,
    },
    /// One of the addresses is malformed or ambiguous.
    #[error("From: {0}")]
    Address(InvalidAddress),
}

impl From<InvalidAddress> for InvalidFrom {
    fn from(error: InvalidAddress) -> Self {
        Self::Address(error)
    }
}

impl Address {
    /// Reads a path of SMTP (RFC 5321 §4.1.2), the argument of MAIL FROM, with or without angle brackets. `None` is the
    /// null reverse-path. A source route is dropped (RFC 5321 §4.1.1.3: "Receiving systems MUST recognize source route
    /// syntax but SHOULD strip off the source route specification").
    ///
    /// The domain may be an address literal; [`Address::is_literal`] tells.
    ///
    /// # Errors
    /// [`InvalidAddress`].
    pub fn parse_path(text: &[u8]) -> Result<Option<Self>, InvalidAddress> {
        lexer::check_octets(text)?;
        let inner = match text {
            [b'<', inner @ .., b'>'] => inner,
            [b'<', ..] | [.., b'>'] => return Err(InvalidAddress::Syntax { offset: 0 }),
            inner => inner,
        };
        if inner.is_empty() {
            return Ok(None);
        }
        let bracket = usize::from(inner.len() != text.len());
        let mut start = bracket;
        if inner.starts_with(b"@") {
            let colon = memchr::memchr(b':', inner).ok_or(InvalidAddress::Route { offset: bracket })?;
            start += colon + 1;
        }
        let end = bracket + inner.len();
        let mut lexer = Lexer::new(text.get(..end).unwrap_or_default(), start);
        let address = addr_spec(&mut lexer, start)?;
        match lexer.next()? {
            None if lexer.gap() == Gap::None => Ok(Some(address)),
            _ => Err(InvalidAddress::Syntax { offset: lexer.offset() }),
        }
    }

    /// What stands before the at sign, quotes included.
    pub fn local_part(&self) -> &[u8] {
        &self.local_part
    }

    /// What stands behind the at sign, as written but for a final dot. Its labels are not empty; nothing else is known
    /// of it until it is read as a domain name.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether the domain is an address literal in square brackets (RFC 5321 §4.1.3).
    pub fn is_literal(&self) -> bool {
        self.domain.starts_with('[')
    }
}

/// `local-part@domain`; octets of the local-part that are not UTF-8 show as U+FFFD.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", String::from_utf8_lossy(&self.local_part), self.domain)
    }
}

/// The authors of a message: the addresses of its From field.
///
/// ```
/// use waxseal_header::{Authors, Header, InvalidFrom};
/// let (header, _) = Header::parse(b"From: Joe <joe@example.org>, \"Ann\" <ann@Example.ORG>\r\n\r\n").unwrap();
/// let authors = Authors::from_header(&header)?;
/// assert_eq!(authors.domains().collect::<Vec<_>>(), ["example.org"]);
///
/// let (forged, _) = Header::parse(b"From: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n").unwrap();
/// assert_eq!(Authors::from_header(&forged), Err(InvalidFrom::SeveralFields { count: 2 }));
/// # Ok::<(), InvalidFrom>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authors {
    addresses: Vec<Address>,
}

impl Authors {
    /// How many addresses are read: 256. One more is [`InvalidFrom::TooManyAddresses`].
    pub const MAX_ADDRESSES: usize = 256;

    /// The authors of a message, if all readers agree on them.
    ///
    /// # Errors
    /// [`InvalidFrom`]. To deliver such a message as if it had no author would let it past DMARC.
    pub fn from_header(header: &Header) -> Result<Self, InvalidFrom> {
        let mut found = None;
        let (mut count, mut looks_alike, mut offset) = (0, false, 0);
        for field in header.fields() {
            if field.is("from") {
                count += 1;
                found = Some((field, offset));
            }
            looks_alike |= field.is_malformed() && looks_like_from(field.raw());
            offset += field.raw().len();
        }
        match found {
            _ if count > 1 => Err(InvalidFrom::SeveralFields { count }),
            _ if looks_alike => Err(InvalidFrom::MalformedField),
            None => Err(InvalidFrom::Missing),
            Some((field, _)) if has_blank_before_colon(field) => Err(InvalidFrom::BlankBeforeColon),
            Some((field, offset)) => {
                let authors = Self::parse(field.value())?;
                misleading_cr(header.as_bytes(), offset).map_or(Ok(authors), Err)
            }
        }
    }

    /// Reads the value of one From field: a `mailbox-list` (RFC 5322 §3.4).
    ///
    /// One shape that the grammar forbids is common and is read: an at sign without quotes in a display name. If it
    /// stands inside a word (`ceo@bank.example <u@example.org>`) the word counts as one more author, for a reader may
    /// show it; else it is text.
    ///
    /// # Errors
    /// [`InvalidFrom`].
    pub fn parse(value: &[u8]) -> Result<Self, InvalidFrom> {
        lexer::check_octets(value)?;
        let mut lexer = Lexer::new(value, 0);
        let mut addresses = Vec::new();
        while mailbox(&mut lexer, &mut addresses)? {
            check_count(&addresses)?;
        }
        check_count(&addresses)?;
        if addresses.is_empty() {
            return Err(InvalidFrom::NoAddress);
        }
        Ok(Self { addresses })
    }

    /// The addresses in their order; at least one.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The distinct domains in the order of their first address, as ASCII lower case. Names that differ only in U-labels
    /// and A-labels are still two here.
    pub fn domains(&self) -> impl Iterator<Item = String> + '_ {
        let mut seen = std::collections::HashSet::new();
        self.addresses
            .iter()
            .map(|address| address.domain.to_ascii_lowercase())
            .filter(move |domain| seen.insert(domain.clone()))
    }
}

fn check_count(addresses: &[Address]) -> Result<(), InvalidFrom> {
    let limit = Authors::MAX_ADDRESSES;
    if addresses.len() > limit { Err(InvalidFrom::TooManyAddresses { limit }) } else { Ok(()) }
}

fn has_blank_before_colon(field: Field<'_>) -> bool {
    field.raw().get(field.name().len()) != Some(&b':')
}

/// Whether some reader may take a malformed line for a From field. The `From ` line of a mailbox file is none.
fn looks_like_from(line: &[u8]) -> bool {
    let invisible = |c: &u8| !c.is_ascii_graphic();
    let mut rest = line.iter().copied().skip_while(|c| invisible(c));
    let name: Vec<u8> = rest.by_ref().filter(|c| !invisible(c)).take(4).collect();
    name.eq_ignore_ascii_case(b"from") && rest.find(|c| !invisible(c)) == Some(b':')
}

/// The first bare CR by which readers that take it for a line end see another author than the others, or none; `from` is
/// where the From field begins.
fn misleading_cr(block: &[u8], from: usize) -> Option<InvalidFrom> {
    if !has_bare_cr(block) {
        return None;
    }
    // A name is looked for once behind each run of octets that it may begin with, so that many CR take linear time.
    let mut looked_at = 0;
    for offset in memchr::memchr_iter(b'\r', block) {
        let (before, rest) =
            (block.get(..offset).unwrap_or_default(), block.get(offset + 1..).unwrap_or_default());
        if rest.first() == Some(&b'\n') {
            continue;
        }
        let empty_line = rest.first() == Some(&b'\r') || matches!(before.last(), None | Some(b'\n'));
        if empty_line && offset < from {
            return Some(InvalidFrom::BareCr { offset });
        }
        if offset >= looked_at {
            if looks_like_from(rest) {
                return Some(InvalidFrom::BareCr { offset });
            }
            let blank = rest.iter().position(u8::is_ascii_graphic).unwrap_or(rest.len());
            looked_at = offset + 1 + blank;
        }
    }
    None
}

/// Whether a CR stands before something other than LF. Without a branch, so that clean mail pays next to nothing.
fn has_bare_cr(block: &[u8]) -> bool {
    let pairs = block.iter().zip(block.get(1..).unwrap_or_default());
    pairs.fold(false, |bare, (octet, next)| bare | ((*octet == b'\r') & (*next != b'\n')))
}

/// One element of a `mailbox-list`, up to the comma or the end; true when there was a comma. An empty element is legal
/// (RFC 5322 §4.4, obs-mbox-list).
fn mailbox(lexer: &mut Lexer<'_>, addresses: &mut Vec<Address>) -> Result<bool, InvalidFrom> {
    let mut phrase = Phrase::default();
    while let Some(token) = lexer.next()? {
        match token.kind {
            Kind::Comma => return phrase.finish(addresses).map(|()| true),
            Kind::Word | Kind::Quoted => phrase.word(lexer, token)?,
            Kind::At => phrase.at_sign(lexer, token)?,
            Kind::Less => {
                addresses.extend(phrase.addresses()?);
                addresses.push(angle_addr(lexer)?);
                return match lexer.next()? {
                    None => Ok(false),
                    Some(Token { kind: Kind::Comma, .. }) => Ok(true),
                    Some(token) => Err(InvalidAddress::Syntax { offset: token.start }.into()),
                };
            }
            Kind::Colon => return Err(phrase.group(lexer, token)),
            Kind::Greater | Kind::Semicolon | Kind::Literal => {
                return Err(InvalidAddress::Syntax { offset: token.start }.into());
            }
        }
    }
    phrase.finish(addresses).map(|()| false)
}

/// What stands before an angle bracket, comma or end: a display name or a bare address.
#[derive(Default)]
struct Phrase<'t> {
    start: Option<usize>,
    /// Words that are no part of an address.
    words: usize,
    /// The last of them, for a local-part.
    last: Option<Token<'t>>,
    /// Words with an at sign inside.
    found: Vec<Result<Address, InvalidAddress>>,
    /// The first at sign with a blank or comment beside it.
    apart: Option<InvalidAddress>,
    /// Where the address ended that was read last.
    end: usize,
}

impl<'t> Phrase<'t> {
    fn word(&mut self, lexer: &Lexer<'t>, token: Token<'t>) -> Result<(), InvalidAddress> {
        // a@b"c"
        if !self.found.is_empty() && lexer.gap() == Gap::None && self.end == token.start {
            return Err(InvalidAddress::Syntax { offset: token.start });
        }
        self.start.get_or_insert(token.start);
        self.words += 1;
        self.last = Some(token);
        Ok(())
    }

    fn at_sign(&mut self, lexer: &mut Lexer<'t>, at: Token<'t>) -> Result<(), InvalidAddress> {
        self.start.get_or_insert(at.start);
        // a@b@c
        if !self.found.is_empty() && self.end == at.start {
            return Err(InvalidAddress::Syntax { offset: at.start });
        }
        let local_part = self.last.take();
        let before = lexer.gap();
        let behind = lexer.clone().next()?;
        let after = lexer.peek_gap()?;
        match (local_part, behind) {
            (Some(local_part), Some(domain))
                if before == Gap::None
                    && after == Gap::None
                    && matches!(domain.kind, Kind::Word | Kind::Literal) =>
            {
                lexer.next()?;
                self.words -= 1;
                self.end = domain.start + domain.text.len();
                self.found.push(checked(local_part, domain).and_then(without_literal(domain.start)));
            }
            (local_part, behind) => {
                let offset = behind.as_ref().map_or(at.start, |token| token.start);
                let part = matches!(&behind, Some(Token { kind: Kind::Word | Kind::Literal, .. }));
                self.apart.get_or_insert(match (local_part.is_some() && part, before.max(after)) {
                    (true, Gap::Comment) => InvalidAddress::CommentInside { offset },
                    (true, Gap::Blank) => InvalidAddress::BlankInside { offset },
                    _ if part => InvalidAddress::Syntax { offset: at.start },
                    _ => InvalidAddress::NoDomain { offset: self.start.unwrap_or(at.start) },
                });
            }
        }
        Ok(())
    }

    /// The authors that a display name may seem to name. Encoded words are for display only (RFC 2047 §5).
    fn addresses(self) -> Result<Vec<Address>, InvalidAddress> {
        self.found
            .into_iter()
            .filter(|found| !matches!(found, Err(InvalidAddress::EncodedWord { .. })))
            .collect()
    }

    /// The element ended without angle brackets, so it is one bare address or nothing.
    fn finish(self, addresses: &mut Vec<Address>) -> Result<(), InvalidFrom> {
        let Some(offset) = self.start else { return Ok(()) };
        if let Some(apart) = self.apart {
            return Err(apart.into());
        }
        let mut found = self.found.into_iter();
        match (found.next(), found.next(), self.words) {
            (Some(address), None, 0) => addresses.push(without_encoded_word(address?, offset)?),
            (None, ..) => return Err(no_domain(self.last, offset).into()),
            _ => return Err(InvalidAddress::Syntax { offset }.into()),
        }
        Ok(())
    }

    /// A colon: the phrase was the name of a group.
    fn group(self, lexer: &mut Lexer<'t>, colon: Token<'t>) -> InvalidFrom {
        let plain = self.words > 0 && self.found.is_empty() && self.apart.is_none();
        match lexer.next() {
            _ if !plain => InvalidAddress::Syntax { offset: colon.start }.into(),
            Ok(Some(Token { kind: Kind::Semicolon, .. })) => InvalidFrom::EmptyGroup,
            Ok(_) => InvalidFrom::Group,
            Err(error) => error.into(),
        }
    }
}

fn no_domain(word: Option<Token<'_>>, offset: usize) -> InvalidAddress {
    match word {
        Some(word) if is_encoded_word(word.text) => InvalidAddress::EncodedWord { offset: word.start },
        _ => InvalidAddress::NoDomain { offset },
    }
}

/// What stands in angle brackets, the closing one included; the opening one was read.
fn angle_addr(lexer: &mut Lexer<'_>) -> Result<Address, InvalidFrom> {
    let start = lexer.offset();
    let Some(first) = lexer.clone().next()? else {
        return Err(InvalidAddress::Syntax { offset: start }.into());
    };
    match first.kind {
        Kind::Greater => return Err(InvalidFrom::NoAddress),
        Kind::At | Kind::Comma => return Err(InvalidAddress::Route { offset: first.start }.into()),
        _ if lexer.peek_gap()? == Gap::Comment => {
            return Err(InvalidAddress::CommentInside { offset: first.start }.into());
        }
        _ => {}
    }
    let address = without_encoded_word(addr_spec(lexer, first.start)?, first.start)?;
    let close = lexer.next()?;
    let offset = close.as_ref().map_or(lexer.offset(), |token| token.start);
    match close {
        _ if lexer.gap() == Gap::Comment => return Err(InvalidAddress::CommentInside { offset }.into()),
        Some(Token { kind: Kind::Greater, .. }) => {}
        _ => return Err(InvalidAddress::Syntax { offset }.into()),
    }
    without_literal(first.start)(address).map_err(InvalidFrom::from)
}

/// `local-part "@" domain` with nothing between its parts.
fn addr_spec(lexer: &mut Lexer<'_>, start: usize) -> Result<Address, InvalidAddress> {
    let local_part = lexer.next()?.filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted));
    let Some(local_part) = local_part else { return Err(InvalidAddress::Syntax { offset: start }) };
    match lexer.next()? {
        Some(Token { kind: Kind::At, start, .. }) => no_gap(lexer.gap(), start)?,
        None | Some(Token { kind: Kind::Greater, .. }) => return Err(no_domain(Some(local_part), start)),
        Some(token) => return Err(InvalidAddress::Syntax { offset: token.start }),
    }
    match lexer.next()? {
        Some(domain) if matches!(domain.kind, Kind::Word | Kind::Literal) => {
            no_gap(lexer.gap(), domain.start)?;
            checked(local_part, domain)
        }
        None | Some(Token { kind: Kind::Greater, .. }) => Err(InvalidAddress::NoDomain { offset: start }),
        Some(token) => Err(InvalidAddress::Syntax { offset: token.start }),
    }
}

fn no_gap(gap: Gap, offset: usize) -> Result<(), InvalidAddress> {
    match gap {
        Gap::None => Ok(()),
        Gap::Blank => Err(InvalidAddress::BlankInside { offset }),
        Gap::Comment => Err(InvalidAddress::CommentInside { offset }),
    }
}

fn without_literal(offset: usize) -> impl Fn(Address) -> Result<Address, InvalidAddress> {
    move |address| if address.is_literal() { Err(InvalidAddress::Literal { offset }) } else { Ok(address) }
}

/// RFC 2047 §5: "An 'encoded-word' MUST NOT appear in any portion of an 'addr-spec'", "within a 'quoted-string'". There are
/// readers that decode one wherever it stands, and what it decodes to can be another address.
fn without_encoded_word(address: Address, offset: usize) -> Result<Address, InvalidAddress> {
    let local_part = address.local_part();
    let begin = local_part.windows(2).position(|pair| pair == b"=?");
    let behind = begin.and_then(|begin| local_part.get(begin + 2..));
    match behind.is_some_and(|behind| behind.windows(2).any(|pair| pair == b"?=")) {
        true => Err(InvalidAddress::EncodedWord { offset }),
        false => Ok(address),
    }
}

/// Makes an address of its parts.
fn checked(local_part: Token<'_>, domain: Token<'_>) -> Result<Address, InvalidAddress> {
    let offset = domain.start;
    let text = std::str::from_utf8(domain.text).map_err(|_| InvalidAddress::NotUtf8 { offset })?;
    let text = text.strip_suffix('.').unwrap_or(text);
    if local_part.text.starts_with(b"=?") || text.ends_with("?=") {
        return Err(InvalidAddress::EncodedWord { offset: local_part.start });
    }
    // UTS #46 maps some of these to dots, others look like one.
    if let Some(dot) = text.chars().find(|c| matches!(c, '\u{3002}' | '\u{ff0e}' | '\u{ff61}' | '\u{2024}')) {
        return Err(InvalidAddress::UnicodeDot { dot, offset });
    }
    if domain.kind == Kind::Word && text.split('.').any(str::is_empty) {
        return Err(InvalidAddress::Syntax { offset });
    }
    Ok(Address { local_part: unfolded(local_part.text), domain: text.into() })
}

/// RFC 5322 §3.2.4: "the CRLF in any FWS/CFWS that appears within the quoted-string are semantically "invisible"".
fn unfolded(text: &[u8]) -> Box<[u8]> {
    match memchr::memchr(b'\n', text) {
        None => text.into(),
        Some(_) => text.iter().copied().filter(|c| !matches!(c, b'\r' | b'\n')).collect(),
    }
}

fn is_encoded_word(text: &[u8]) -> bool {
    text.starts_with(b"=?") && text.ends_with(b"?=")
}

#[cfg(test)]
mod tests;
