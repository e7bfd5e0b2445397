//! Terms of a record as spans of its bytes: nothing is allocated, so the syntax of a whole record can be
//! validated before any of it is evaluated (RFC 7208 §4.6).

use crate::{
    macros::{self, Letters},
    record::Qualifier,
    syntax_error::{SyntaxError, SyntaxErrorKind},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// RFC 7208 §12: `version = "v=spf1"`, and literal strings of ABNF are case-insensitive.
const VERSION: &[u8] = b"v=spf1";

/// Whether the version section is `v=spf1`.
///
/// RFC 7208 §4.5: "the version section is terminated by either an SP character or the end of the record".
pub(crate) fn is_spf1(text: &[u8]) -> bool {
    text.split_at_checked(VERSION.len()).is_some_and(|(version, rest)| {
        version.eq_ignore_ascii_case(VERSION) && matches!(rest.first(), None | Some(b' '))
    })
}

/// The kind of a term.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Name {
    /// A modifier that RFC 7208 does not define.
    #[default]
    Unknown,
    All,
    Include,
    A,
    Mx,
    Ptr,
    Ip4,
    Ip6,
    Exists,
    Redirect,
    Exp,
}

/// A `<domain-spec>` with valid syntax, or the value of an unknown modifier.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spec {
    start: usize,
    end: usize,
    /// The macros in it.
    pub(crate) letters: Letters,
}

impl Spec {
    pub(crate) fn of(self, record: &[u8]) -> &[u8] {
        record.get(self.start..self.end).unwrap_or_default()
    }
}

/// One term, as plain numbers that are written in place, each as wide as it is read: moving unions of bytes and words
/// would stall the processor.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TermRef {
    /// Where the term is in the record.
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) name: Name,
    pub(crate) qualifier: Qualifier,
    spec: Spec,
    /// Prefix lengths.
    pub(crate) ip4: u32,
    pub(crate) ip6: u32,
    /// The address of `ip4` or `ip6`.
    high: u64,
    low: u64,
}

impl TermRef {
    /// The `<domain-spec>`, if there is one.
    pub(crate) fn spec(&self) -> Option<Spec> {
        (self.spec.end > self.spec.start).then_some(self.spec)
    }

    /// Name and value of an unknown modifier.
    pub(crate) fn modifier<'a>(&self, record: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let name = record.get(self.start..self.spec.start.saturating_sub(1)).unwrap_or_default();
        (name, self.spec.of(record))
    }

    pub(crate) fn network4(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.low as u32)
    }

    pub(crate) fn network6(&self) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low))
    }

    /// Whether the term is `ip4` or `ip6` and does not match.
    #[inline]
    pub(crate) fn is_network_without(&self, ip: IpAddr) -> bool {
        matches!(self.name, Name::Ip4 | Name::Ip6) && !self.contains(ip)
    }

    /// Whether the term is a mechanism that needs no DNS, and matches.
    #[inline]
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        match (self.name, ip) {
            (Name::All, _) => true,
            (Name::Ip4, IpAddr::V4(ip)) => same_bits4(self.low as u32, ip.to_bits(), self.ip4),
            (Name::Ip6, IpAddr::V6(ip)) => same_bits6(self.network6().to_bits(), ip.to_bits(), self.ip6),
            _ => false,
        }
    }
}

/// RFC 7208 §5: "only the specified number of high-order bits of \<ip\> and the IP address are compared".
pub(crate) fn same_bits4(a: u32, b: u32, length: u32) -> bool {
    (a ^ b).checked_shr(32 - length.min(32)).unwrap_or(0) == 0
}

/// The same for IPv6.
pub(crate) fn same_bits6(a: u128, b: u128, length: u32) -> bool {
    (a ^ b).checked_shr(128 - length.min(128)).unwrap_or(0) == 0
}

/// Reads the terms of a record from left to right.
#[derive(Debug)]
pub(crate) struct Terms<'a> {
    text: &'a [u8],
    at: usize,
    redirects: bool,
    explains: bool,
}

impl<'a> Terms<'a> {
    /// The terms of a text that [`is_spf1`].
    pub(crate) fn new(record: &'a [u8]) -> Self {
        Self { text: record, at: VERSION.len(), redirects: false, explains: false }
    }

    /// Reads the next term into `term`; false at the end. After an error, the next call continues after the invalid
    /// term.
    pub(crate) fn read(&mut self, term: &mut TermRef) -> Result<bool, SyntaxError> {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
        if self.at >= self.text.len() {
            return Ok(false);
        }
        term.start = self.at;
        match self.term(term).and_then(|()| self.once(term.name)) {
            Ok(()) => {
                term.end = self.at;
                Ok(true)
            }
            Err(kind) => Err(self.skip(term.start, kind)),
        }
    }

    #[cold]
    fn skip(&mut self, start: usize, kind: SyntaxErrorKind) -> SyntaxError {
        let rest = self.text.get(start..).unwrap_or_default();
        let text = rest.split(|&c| c == b' ').next().unwrap_or_default();
        self.at = start + text.len();
        SyntaxError::new(start, text, kind)
    }

    /// RFC 7208 §6: redirect and exp "MUST NOT appear in a record more than once each".
    fn once(&mut self, name: Name) -> Result<(), SyntaxErrorKind> {
        let seen = match name {
            Name::Redirect => &mut self.redirects,
            Name::Exp => &mut self.explains,
            _ => return Ok(()),
        };
        if std::mem::replace(seen, true) { Err(SyntaxErrorKind::RepeatedModifier) } else { Ok(()) }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.get(self.at..).unwrap_or_default()
    }

    #[inline]
    fn eat(&mut self, c: u8) -> bool {
        let is = self.peek() == Some(c);
        self.at += usize::from(is);
        is
    }

    /// Skips `name`, in any case.
    #[inline(always)]
    fn eat_name<const N: usize>(&mut self, name: &[u8; N]) -> bool {
        let Some(front) = self.rest().first_chunk::<N>() else { return false };
        // Setting the bit 0x20 turns only the two cases of a letter into that letter.
        let fold = |c: &u8, known: &u8| if known.is_ascii_lowercase() { c | 0x20 } else { *c };
        let same = front.iter().zip(name).all(|(c, known)| fold(c, known) == *known);
        self.at += if same { N } else { 0 };
        same
    }

    /// RFC 7208 §4.6.1: only SP separates terms; a tab or line end makes the term invalid.
    #[inline]
    fn end(&self, otherwise: SyntaxErrorKind) -> Result<(), SyntaxErrorKind> {
        if matches!(self.peek(), None | Some(b' ')) { Ok(()) } else { Err(otherwise) }
    }

    fn term(&mut self, term: &mut TermRef) -> Result<(), SyntaxErrorKind> {
        let qualifier = match self.peek() {
            Some(b'+') => Some(Qualifier::Pass),
            Some(b'-') => Some(Qualifier::Fail),
            Some(b'~') => Some(Qualifier::SoftFail),
            Some(b'?') => Some(Qualifier::Neutral),
            _ => None,
        };
        self.at += usize::from(qualifier.is_some());
        term.qualifier = qualifier.unwrap_or_default();
        term.spec = Spec::default();
        // The two kinds that make up most records.
        if self.eat_name(b"ip4:") {
            term.name = Name::Ip4;
            return self.ip4(term);
        }
        if self.eat_name(b"include:") {
            term.name = Name::Include;
            return self.domain_spec(term);
        }
        let rest = self.rest();
        let length = rest.iter().position(|c| matches!(c, b'=' | b':' | b'/' | b' ')).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or_default();
        self.at += length;
        if !self.eat(b'=') {
            return self.mechanism(name, term);
        }
        // RFC 7208 §4.6.1: "directive = [ qualifier ] mechanism": a modifier has no qualifier.
        if qualifier.is_some() { Err(SyntaxErrorKind::ModifierName) } else { self.modifier(name, term) }
    }

    fn mechanism(&mut self, name: &[u8], term: &mut TermRef) -> Result<(), SyntaxErrorKind> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        term.name = match name.len() {
            3 if is(b"all") => Name::All,
            1 if is(b"a") => Name::A,
            2 if is(b"mx") => Name::Mx,
            3 if is(b"ptr") => Name::Ptr,
            3 if is(b"ip4") => Name::Ip4,
            3 if is(b"ip6") => Name::Ip6,
            6 if is(b"exists") => Name::Exists,
            7 if is(b"include") => Name::Include,
            _ => return Err(SyntaxErrorKind::UnknownMechanism),
        };
        match term.name {
            Name::All => self.end(SyntaxErrorKind::NeedlessArgument),
            Name::A | Name::Mx => self.dual(term),
            Name::Ptr if self.eat(b':') => self.domain_spec(term),
            Name::Ptr => self.end(SyntaxErrorKind::NeedlessArgument),
            Name::Ip6 if self.eat(b':') => self.ip6(term),
            Name::Ip6 => Err(SyntaxErrorKind::Ip6Network),
            Name::Exists if self.eat(b':') => self.domain_spec(term),
            // With a colon they were read before.
            Name::Ip4 => Err(SyntaxErrorKind::Ip4Network),
            _ => Err(SyntaxErrorKind::MissingDomain),
        }
    }

    fn modifier(&mut self, name: &[u8], term: &mut TermRef) -> Result<(), SyntaxErrorKind> {
        if name.eq_ignore_ascii_case(b"redirect") {
            term.name = Name::Redirect;
            return self.domain_spec(term);
        }
        if name.eq_ignore_ascii_case(b"exp") {
            term.name = Name::Exp;
            return self.domain_spec(term);
        }
        // RFC 7208 §12: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
        let legal = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
        if !name.first().is_some_and(u8::is_ascii_alphabetic) || !name.iter().all(legal) {
            return Err(SyntaxErrorKind::ModifierName);
        }
        term.name = Name::Unknown;
        let found = macros::scan(self.rest(), false)?;
        term.spec = Spec { start: self.at, end: self.at + found.length, letters: found.letters };
        self.at = term.spec.end;
        Ok(())
    }

    /// RFC 7208 §12: domain-spec = macro-string domain-end
    fn domain_spec(&mut self, term: &mut TermRef) -> Result<(), SyntaxErrorKind> {
        let found = macros::scan(self.rest(), false)?;
        let end = self.at + found.length;
        self.spec(end, found.literal_from, found.letters, term)?;
        self.at = end;
        Ok(())
    }

    /// Reads the text up to `end` as a `<domain-spec>` whose last macro ends `literal_from` bytes from here.
    fn spec(
        &mut self,
        end: usize,
        literal_from: usize,
        letters: Letters,
        term: &mut TermRef,
    ) -> Result<(), SyntaxErrorKind> {
        if self.at >= end {
            return Err(SyntaxErrorKind::MissingDomain);
        }
        // RFC 7208 §12: domain-end = ( "." toplabel [ "." ] ) / macro-expand
        let literal_end = self.text.get(self.at + literal_from..end).unwrap_or_default();
        if !literal_end.is_empty() && !ends_in_top_label(literal_end) {
            return Err(SyntaxErrorKind::TopLabel);
        }
        term.spec = Spec { start: self.at, end, letters };
        Ok(())
    }

    /// The arguments of `a` and `mx`: [ ":" domain-spec ] [ dual-cidr-length ]
    fn dual(&mut self, term: &mut TermRef) -> Result<(), SyntaxErrorKind> {
        (term.ip4, term.ip6) = (32, 128);
        let named = self.eat(b':');
        if !named && self.peek() != Some(b'/') {
            return self.end(SyntaxErrorKind::UnknownMechanism);
        }
        let rest = self.rest();
        let found = macros::scan(rest, false)?;
        let mut text = rest.get(..found.length).unwrap_or_default();
        // A domain-spec may contain "/", too; but what looks like a prefix length at the end is one, since a top label
        // has no "/".
        if let Some((front, length)) = trailing_length(text, b"//") {
            term.ip6 = prefix_length(length, 128)?;
            text = front;
        }
        if let Some((front, length)) = trailing_length(text, b"/") {
            term.ip4 = prefix_length(length, 32)?;
            text = front;
        }
        if named {
            self.spec(self.at + text.len(), found.literal_from, found.letters, term)?;
        } else if !text.is_empty() {
            return Err(SyntaxErrorKind::PrefixLength);
        }
        self.at += found.length;
        Ok(())
    }

    fn ip4(&mut self, term: &mut TermRef) -> Result<(), SyntaxErrorKind> {
        let (bits, length) = self.network4()?;
        (term.low, term.ip4) = (bits.into(), length);
        Ok(())
    }

    /// ip4-network [ ip4-cidr-length ]
    #[inline(always)]
    fn network4(&mut self) -> Result<(u32, u32), SyntaxErrorKind> {
        let (bits, octets) = dotted_quad(self.rest()).ok_or(SyntaxErrorKind::Ip4Network)?;
        self.at += octets;
        Ok((bits, self.network_length(32, SyntaxErrorKind::Ip4Network)?))
    }

    fn ip6(&mut self, term: &mut TermRef) -> Result<(), SyntaxErrorKind> {
        let rest = self.rest();
        let length = rest.iter().position(|c| matches!(c, b'/' | b' ')).unwrap_or(rest.len());
        let address = rest.get(..length).unwrap_or_default();
        // RFC 4291 §2.2, the syntax that std accepts.
        let address = std::str::from_utf8(address).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
        let bits = address.ok_or(SyntaxErrorKind::Ip6Network)?.to_bits();
        (term.high, term.low) = ((bits >> 64) as u64, bits as u64);
        self.at += length;
        term.ip6 = self.network_length(128, SyntaxErrorKind::Ip6Network)?;
        Ok(())
    }

    /// What follows an address: a prefix length up to `max`, or nothing.
    #[inline(always)]
    fn network_length(&mut self, max: u32, otherwise: SyntaxErrorKind) -> Result<u32, SyntaxErrorKind> {
        if !self.eat(b'/') {
            return self.end(otherwise).map(|()| max);
        }
        let length = match self.rest() {
            [digit @ b'0'..=b'9'] | [digit @ b'0'..=b'9', b' ', ..] => {
                self.at += 1;
                u32::from(digit - b'0')
            }
            [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] | [tens @ b'1'..=b'9', ones @ b'0'..=b'9', b' ', ..] => {
                self.at += 2;
                u32::from(tens - b'0') * 10 + u32::from(ones - b'0')
            }
            // 100 to 128
            [b'1', tens @ b'0'..=b'2', ones @ b'0'..=b'9']
            | [b'1', tens @ b'0'..=b'2', ones @ b'0'..=b'9', b' ', ..] => {
                self.at += 3;
                u32::from(tens - b'0') * 10 + u32::from(ones - b'0') + 100
            }
            _ => return Err(SyntaxErrorKind::PrefixLength),
        };
        if length <= max { Ok(length) } else { Err(SyntaxErrorKind::PrefixLength) }
    }
}

/// Checks that the whole text is a `<domain-spec>`.
pub(crate) fn check_domain_spec(text: &[u8]) -> Result<(), SyntaxErrorKind> {
    let mut terms = Terms { at: 0, ..Terms::new(text) };
    terms.domain_spec(&mut TermRef::default())?;
    if terms.at == text.len() { Ok(()) } else { Err(SyntaxErrorKind::Octet) }
}

/// Checks that the whole text is one unknown modifier with a name of that length.
pub(crate) fn check_modifier(text: &[u8], name_length: usize) -> Result<(), SyntaxErrorKind> {
    let mut terms = Terms { at: 0, ..Terms::new(text) };
    let mut term = TermRef::default();
    terms.term(&mut term)?;
    match term.name {
        Name::Unknown if terms.at < text.len() => Err(SyntaxErrorKind::Octet),
        Name::Unknown if term.spec.start == name_length + 1 => Ok(()),
        _ => Err(SyntaxErrorKind::ModifierName),
    }
}

/// RFC 7208 §12: toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
fn ends_in_top_label(literal: &[u8]) -> bool {
    let literal = literal.strip_suffix(b".").unwrap_or(literal);
    let mut numeric = true;
    // From the right.
    let mut previous = None;
    for &c in literal.iter().rev() {
        match c {
            b'0'..=b'9' => {}
            b'a'..=b'z' | b'A'..=b'Z' => numeric = false,
            b'-' if previous.is_some() => numeric = false,
            b'.' => return previous.is_some_and(|c| c != b'-') && !numeric,
            _ => return false,
        }
        previous = Some(c);
    }
    false
}

/// Splits digits and the mark before them from the end.
fn trailing_length<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let digits = text.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let (front, length) = text.split_at_checked(text.len().checked_sub(digits)?)?;
    if length.is_empty() { None } else { front.strip_suffix(mark).map(|front| (front, length)) }
}

/// RFC 7208 §12: "0" / %x31-39 followed by more digits, up to `max`.
#[inline]
fn prefix_length(digits: &[u8], max: u32) -> Result<u32, SyntaxErrorKind> {
    let value =
        digits.iter().take(4).fold(0, |value, digit| value * 10 + u32::from(digit.wrapping_sub(b'0')));
    match digits {
        [b'0'] | [b'1'..=b'9'] | [b'1'..=b'9', _] | [b'1'..=b'9', _, _] if value <= max => Ok(value),
        _ => Err(SyntaxErrorKind::PrefixLength),
    }
}

/// RFC 7208 §12: qnum "." qnum "." qnum "." qnum; with its length in bytes.
#[inline]
fn dotted_quad(text: &[u8]) -> Option<(u32, usize)> {
    let (first, rest) = qnum(text)?;
    let (second, rest) = qnum(rest.strip_prefix(b".")?)?;
    let (third, rest) = qnum(rest.strip_prefix(b".")?)?;
    let (fourth, rest) = qnum(rest.strip_prefix(b".")?)?;
    Some((first << 24 | second << 16 | third << 8 | fourth, text.len() - rest.len()))
}

/// RFC 7208 §12: qnum, 0 to 255 without leading zeros, and the rest.
#[inline(always)]
fn qnum(text: &[u8]) -> Option<(u32, &[u8])> {
    let digit = |c: &u8| c.wrapping_sub(b'0');
    let value = |c: &u8| u32::from(digit(c));
    let (number, digits, rest) = match text {
        [a, b, c, rest @ ..] if digit(a) <= 9 && digit(b) <= 9 && digit(c) <= 9 => {
            (value(a) * 100 + value(b) * 10 + value(c), 3, rest)
        }
        [a, b, rest @ ..] if digit(a) <= 9 && digit(b) <= 9 => (value(a) * 10 + value(b), 2, rest),
        [a, rest @ ..] if digit(a) <= 9 => (value(a), 1, rest),
        _ => return None,
    };
    let least = match digits {
        3 => 100,
        2 => 10,
        _ => 0,
    };
    (least..=255).contains(&number).then_some((number, rest))
}
