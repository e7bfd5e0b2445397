//! Addresses (RFC 5321 §4.1.2, RFC 5322 §3.4.1).

use std::fmt;

pub(crate) mod lexer;

use lexer::{Gap, Kind, Lexer, Token};

/// A mailbox: local-part and domain, kept as written. UTF-8 is allowed (RFC 6531, RFC 6532).
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
    pub(crate) local_part: Box<[u8]>,
    pub(crate) domain: Box<str>,
}

/// Why a text is not an address that all programs read in the same way, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidAddress(#[from] AddressFault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressFault {
    /// NUL or another control byte, or a CR or LF that is not part of a fold.
    #[error("control character 0x{octet:02x} at offset {offset}")]
    Control {
        /// The byte.
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
    /// No at sign, or nothing after it.
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
    /// An encoded word (RFC 2047) in place of an address: it is text for display, whatever it decodes to.
    #[error("encoded word in the place of an address at offset {offset}")]
    EncodedWord {
        /// Where it begins.
        offset: usize,
    },
    /// A comment between the parts of an address: some programs read it as a part.
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
    /// An address literal, `u@[192.0.2.1]`, in place of a domain name.
    #[error("address literal instead of a domain name at offset {offset}")]
    Literal {
        /// Where the literal begins.
        offset: usize,
    },
    /// A character that looks or maps like a dot but is not one: programs disagree whether it separates labels.
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
        /// Where the syntax error is.
        offset: usize,
    },
}

impl Address {
    /// Reads an SMTP path (RFC 5321 §4.1.2), the argument of MAIL FROM, with or without angle brackets. `None` is the
    /// null reverse-path. A source route is dropped (RFC 5321 §4.1.1.3: "Receiving systems MUST recognize source route
    /// syntax but SHOULD strip off the source route specification").
    ///
    /// The domain may be an address literal: see [`Address::is_literal`].
    ///
    /// # Errors
    /// [`InvalidAddress`].
    pub fn parse_path(text: &[u8]) -> Result<Option<Self>, InvalidAddress> {
        Ok(path(text)?)
    }

    /// The part before the at sign, quotes included.
    pub fn local_part(&self) -> &[u8] {
        &self.local_part
    }

    /// The part after the at sign, as written, without a final dot. Its labels are not empty; whether it is a domain
    /// name has not been checked.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Whether the domain is an address literal in square brackets (RFC 5321 §4.1.3).
    pub fn is_literal(&self) -> bool {
        self.domain.starts_with('[')
    }
}

/// `local-part@domain`; bytes of the local-part that are not UTF-8 show as U+FFFD.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", String::from_utf8_lossy(&self.local_part), self.domain)
    }
}

fn path(text: &[u8]) -> Result<Option<Address>, AddressFault> {
    lexer::check_octets(text)?;
    let inner = match text {
        [b'<', inner @ .., b'>'] => inner,
        [b'<', ..] | [.., b'>'] => return Err(AddressFault::Syntax { offset: 0 }),
        inner => inner,
    };
    if inner.is_empty() {
        return Ok(None);
    }
    let bracket = usize::from(inner.len() != text.len());
    let mut start = bracket;
    if inner.starts_with(b"@") {
        let colon = memchr::memchr(b':', inner).ok_or(AddressFault::Route { offset: bracket })?;
        start += colon + 1;
    }
    let end = bracket + inner.len();
    let mut lexer = Lexer::new(text.get(..end).unwrap_or_default(), start);
    let address = addr_spec(&mut lexer, start)?;
    match lexer.next()? {
        None if lexer.gap() == Gap::None => Ok(Some(address)),
        _ => Err(AddressFault::Syntax { offset: lexer.offset() }),
    }
}

pub(crate) fn no_domain(word: Option<Token<'_>>, offset: usize) -> AddressFault {
    match word {
        Some(word) if is_encoded_word(word.text) => AddressFault::EncodedWord { offset: word.start },
        _ => AddressFault::NoDomain { offset },
    }
}

/// `local-part "@" domain` with nothing between its parts.
pub(crate) fn addr_spec(lexer: &mut Lexer<'_>, start: usize) -> Result<Address, AddressFault> {
    let local_part = lexer.next()?.filter(|token| matches!(token.kind, Kind::Word | Kind::Quoted));
    let Some(local_part) = local_part else { return Err(AddressFault::Syntax { offset: start }) };
    match lexer.next()? {
        Some(Token { kind: Kind::At, start, .. }) => no_gap(lexer.gap(), start)?,
        None | Some(Token { kind: Kind::Greater, .. }) => return Err(no_domain(Some(local_part), start)),
        Some(token) => return Err(AddressFault::Syntax { offset: token.start }),
    }
    match lexer.next()? {
        Some(domain) if matches!(domain.kind, Kind::Word | Kind::Literal) => {
            no_gap(lexer.gap(), domain.start)?;
            checked(local_part, domain)
        }
        None | Some(Token { kind: Kind::Greater, .. }) => Err(AddressFault::NoDomain { offset: start }),
        Some(token) => Err(AddressFault::Syntax { offset: token.start }),
    }
}

fn no_gap(gap: Gap, offset: usize) -> Result<(), AddressFault> {
    match gap {
        Gap::None => Ok(()),
        Gap::Blank => Err(AddressFault::BlankInside { offset }),
        Gap::Comment => Err(AddressFault::CommentInside { offset }),
    }
}

/// UTS #46 maps some of these to dots, others look like one.
pub(crate) const UNICODE_DOTS: [char; 4] = ['\u{3002}', '\u{ff0e}', '\u{ff61}', '\u{2024}'];

/// Makes an address from its parts.
fn checked(local_part: Token<'_>, domain: Token<'_>) -> Result<Address, AddressFault> {
    let offset = domain.start;
    let text = std::str::from_utf8(domain.text).map_err(|_| AddressFault::NotUtf8 { offset })?;
    let text = text.strip_suffix('.').unwrap_or(text);
    if text.ends_with("?=") {
        return Err(AddressFault::EncodedWord { offset: local_part.start });
    }
    if let Some(dot) = text.chars().find(|c| UNICODE_DOTS.contains(c)) {
        return Err(AddressFault::UnicodeDot { dot, offset });
    }
    if domain.kind == Kind::Word && text.split('.').any(str::is_empty) {
        return Err(AddressFault::Syntax { offset });
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
