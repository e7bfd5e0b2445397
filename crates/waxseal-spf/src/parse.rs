//! Terms of a record as spans of its bytes: nothing is allocated, so the syntax of a whole record can be
//! validated before any of it is evaluated (RFC 7208 §4.6).

use crate::{
    macros::{self, Found, Letters},
    record::{Qualifier, SyntaxError, SyntaxErrorKind},
};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What follows `v=spf1`; `None` when the version section is another one.
///
/// RFC 7208 §4.5: "the version section is terminated by either an SP character or the end of the record".
pub(crate) fn after_version(text: &[u8]) -> Option<&[u8]> {
    let (version, rest) = text.split_at_checked(VERSION.len())?;
    (version.eq_ignore_ascii_case(VERSION) && matches!(rest.first(), None | Some(b' '))).then_some(rest)
}

/// RFC 7208 §12: `version = "v=spf1"`, and literal strings of ABNF are case-insensitive.
pub(crate) const VERSION: &[u8] = b"v=spf1";

/// A `<domain-spec>` whose syntax is known to be right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spec<'a> {
    pub(crate) text: &'a [u8],
    /// The macros in it.
    pub(crate) letters: Letters,
}

/// The two prefix lengths of `a` and `mx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DualCidr {
    pub(crate) ip4: u32,
    pub(crate) ip6: u32,
}

/// An IPv4 network. Numbers rather than addresses, for values that are aligned are moved without stalls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network4 {
    pub(crate) bits: u32,
    pub(crate) length: u32,
}

/// An IPv6 network, in two halves for the same reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Network6 {
    high: u64,
    low: u64,
    pub(crate) length: u32,
}

impl Network4 {
    pub(crate) fn address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.bits)
    }

    pub(crate) fn contains(self, ip: Ipv4Addr) -> bool {
        same_bits4(self.bits, ip.to_bits(), self.length)
    }
}

impl Network6 {
    pub(crate) fn address(self) -> Ipv6Addr {
        Ipv6Addr::from_bits(u128::from(self.high) << 64 | u128::from(self.low))
    }

    pub(crate) fn contains(self, ip: Ipv6Addr) -> bool {
        same_bits6(self.address().to_bits(), ip.to_bits(), self.length)
    }
}

/// RFC 7208 §5: "only the specified number of high-order bits of <ip> and the IP address are compared".
pub(crate) fn same_bits4(a: u32, b: u32, length: u32) -> bool {
    (a ^ b).checked_shr(32 - length.min(32)).unwrap_or(0) == 0
}

/// The same for IPv6.
pub(crate) fn same_bits6(a: u128, b: u128, length: u32) -> bool {
    (a ^ b).checked_shr(128 - length.min(128)).unwrap_or(0) == 0
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum MechanismRef<'a> {
    All,
    Include(Spec<'a>),
    A(Option<Spec<'a>>, DualCidr),
    Mx(Option<Spec<'a>>, DualCidr),
    Ptr(Option<Spec<'a>>),
    Ip4(Network4),
    Ip6(Network6),
    Exists(Spec<'a>),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum TermKind<'a> {
    Directive(Qualifier, MechanismRef<'a>),
    Redirect(Spec<'a>),
    Exp(Spec<'a>),
    Unknown { name: &'a [u8], value: &'a [u8] },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct TermRef<'a> {
    /// Offset of the term in the record.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    pub(crate) kind: TermKind<'a>,
}

/// The terms of a record from left to right; stops being useful at the first error.
#[derive(Debug)]
pub(crate) struct Terms<'a> {
    rest: &'a [u8],
    at: usize,
    redirects: bool,
    explains: bool,
}

impl<'a> Terms<'a> {
    /// `rest` is what [`after_version`] returned.
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest, at: VERSION.len(), redirects: false, explains: false }
    }

    /// RFC 7208 §6: redirect and exp "MUST NOT appear in a record more than once each".
    fn once(&mut self, kind: &TermKind<'_>) -> Result<(), SyntaxErrorKind> {
        let seen = match kind {
            TermKind::Redirect(_) => &mut self.redirects,
            TermKind::Exp(_) => &mut self.explains,
            _ => return Ok(()),
        };
        if std::mem::replace(seen, true) { Err(SyntaxErrorKind::RepeatedModifier) } else { Ok(()) }
    }
}

impl<'a> Iterator for Terms<'a> {
    type Item = Result<TermRef<'a>, SyntaxError>;

    #[inline(always)]
    fn next(&mut self) -> Option<Self::Item> {
        while let Some((b' ', rest)) = self.rest.split_first() {
            self.rest = rest;
            self.at += 1;
        }
        if self.rest.is_empty() {
            return None;
        }
        let (text, start) = (self.rest, self.at);
        match term(text).and_then(|(kind, rest)| self.once(&kind).map(|()| (kind, rest))) {
            Ok((kind, rest)) => {
                self.at += text.len() - rest.len();
                self.rest = rest;
                Some(Ok(TermRef { start, end: self.at, kind }))
            }
            Err(kind) => Some(Err(self.skip(kind))),
        }
    }
}

impl Terms<'_> {
    /// Goes past the `ip4` directives in front that are right and do not hold `client`: long lists of them are what
    /// makes records long, and nothing needs to be kept of them.
    #[inline]
    pub(crate) fn skip_other_networks(&mut self, client: IpAddr) {
        while let Some(network) = strip_name(self.rest, b" ip4:") {
            let Ok((network, rest)) = ip4(network) else { return };
            if matches!(client, IpAddr::V4(client) if network.contains(client)) {
                return;
            }
            self.at += self.rest.len() - rest.len();
            self.rest = rest;
        }
    }

    /// Goes past a term that cannot be read.
    #[cold]
    fn skip(&mut self, kind: SyntaxErrorKind) -> SyntaxError {
        let length = self.rest.iter().position(|&c| c == b' ').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, b""));
        let error = SyntaxError::new(self.at, text, kind);
        self.at += length;
        self.rest = rest;
        error
    }
}

/// A value and the text behind it.
type Parsed<'a, T> = Result<(T, &'a [u8]), SyntaxErrorKind>;

/// RFC 7208 §4.6.1: only SP separates terms; a tab or line end makes the term invalid.
fn at_end(rest: &[u8]) -> bool {
    matches!(rest.first(), None | Some(b' '))
}

/// Reads one term from the front of `text`, up to a space or the end.
#[inline(always)]
pub(crate) fn term(text: &[u8]) -> Parsed<'_, TermKind<'_>> {
    let (qualifier, rest) = match text.split_first() {
        Some((b'+', rest)) => (Some(Qualifier::Pass), rest),
        Some((b'-', rest)) => (Some(Qualifier::Fail), rest),
        Some((b'~', rest)) => (Some(Qualifier::SoftFail), rest),
        Some((b'?', rest)) => (Some(Qualifier::Neutral), rest),
        _ => (None, text),
    };
    let directive = |(mechanism, rest)| (TermKind::Directive(qualifier.unwrap_or_default(), mechanism), rest);
    // The two that make up most records.
    if let Some(network) = strip_name(rest, b"ip4:") {
        return ip4(network).map(|(network, rest)| directive((MechanismRef::Ip4(network), rest)));
    }
    if let Some(spec) = strip_name(rest, b"include:") {
        return domain_spec(spec).map(|(spec, rest)| directive((MechanismRef::Include(spec), rest)));
    }
    let name_end = rest.iter().position(|c| matches!(c, b'=' | b':' | b'/' | b' ')).unwrap_or(rest.len());
    let (name, argument) = rest.split_at_checked(name_end).unwrap_or((rest, b""));
    if let Some((b'=', value)) = argument.split_first() {
        // RFC 7208 §4.6.1: "directive = [ qualifier ] mechanism": a modifier has no qualifier.
        return if qualifier.is_some() { Err(SyntaxErrorKind::ModifierName) } else { modifier(name, value) };
    }
    mechanism(name, argument).map(directive)
}

/// What follows `name`, compared without regard to the case of letters.
#[inline(always)]
fn strip_name<'a, const N: usize>(text: &'a [u8], name: &[u8; N]) -> Option<&'a [u8]> {
    let (front, rest) = text.split_first_chunk::<N>()?;
    // Only the two cases of a letter become that letter when the bit 0x20 is set.
    let same =
        |(c, known): (&u8, &u8)| if known.is_ascii_lowercase() { c | 0x20 == *known } else { c == known };
    front.iter().zip(name).all(same).then_some(rest)
}

fn mechanism<'a>(name: &[u8], argument: &'a [u8]) -> Parsed<'a, MechanismRef<'a>> {
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    match name.len() {
        1 if is(b"a") => dual(argument).map(|((spec, cidr), rest)| (MechanismRef::A(spec, cidr), rest)),
        2 if is(b"mx") => dual(argument).map(|((spec, cidr), rest)| (MechanismRef::Mx(spec, cidr), rest)),
        3 if is(b"all") && at_end(argument) => Ok((MechanismRef::All, argument)),
        3 if is(b"all") => Err(SyntaxErrorKind::NeedlessArgument),
        3 if is(b"ip4") => Err(SyntaxErrorKind::Ip4Network),
        3 if is(b"ip6") => ip6(argument),
        3 if is(b"ptr") => match argument.split_first() {
            Some((b':', spec)) => domain_spec(spec).map(|(spec, rest)| (MechanismRef::Ptr(Some(spec)), rest)),
            _ if at_end(argument) => Ok((MechanismRef::Ptr(None), argument)),
            _ => Err(SyntaxErrorKind::NeedlessArgument),
        },
        6 if is(b"exists") => required(argument).map(|(spec, rest)| (MechanismRef::Exists(spec), rest)),
        // With a colon it has been read already.
        7 if is(b"include") => Err(SyntaxErrorKind::MissingDomain),
        _ => Err(SyntaxErrorKind::UnknownMechanism),
    }
}

fn modifier<'a>(name: &'a [u8], value: &'a [u8]) -> Parsed<'a, TermKind<'a>> {
    if name.eq_ignore_ascii_case(b"redirect") {
        return domain_spec(value).map(|(spec, rest)| (TermKind::Redirect(spec), rest));
    }
    if name.eq_ignore_ascii_case(b"exp") {
        return domain_spec(value).map(|(spec, rest)| (TermKind::Exp(spec), rest));
    }
    // RFC 7208 §12: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
    let legal = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    if !name.first().is_some_and(u8::is_ascii_alphabetic) || !name.iter().all(legal) {
        return Err(SyntaxErrorKind::ModifierName);
    }
    let found = macros::scan(value, false)?;
    let (value, rest) = value.split_at_checked(found.length).unwrap_or((value, b""));
    Ok((TermKind::Unknown { name, value }, rest))
}

fn required(argument: &[u8]) -> Parsed<'_, Spec<'_>> {
    match argument.split_first() {
        Some((b':', spec)) => domain_spec(spec),
        _ => Err(SyntaxErrorKind::MissingDomain),
    }
}

/// RFC 7208 §12: domain-spec = macro-string domain-end
pub(crate) fn domain_spec(text: &[u8]) -> Parsed<'_, Spec<'_>> {
    let found = macros::scan(text, false)?;
    let (text, rest) = text.split_at_checked(found.length).unwrap_or((text, b""));
    spec(text, &found).map(|spec| (spec, rest))
}

/// `text` is what was scanned, or the front of it.
fn spec<'a>(text: &'a [u8], found: &Found) -> Result<Spec<'a>, SyntaxErrorKind> {
    if text.is_empty() {
        return Err(SyntaxErrorKind::MissingDomain);
    }
    // RFC 7208 §12: domain-end = ( "." toplabel [ "." ] ) / macro-expand
    let literal_end = text.get(found.literal_from..).unwrap_or_default();
    if !literal_end.is_empty() && !ends_in_top_label(literal_end) {
        return Err(SyntaxErrorKind::TopLabel);
    }
    Ok(Spec { text, letters: found.letters })
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

/// The arguments of `a` and `mx`: [ ":" domain-spec ] [ dual-cidr-length ]
fn dual(argument: &[u8]) -> Parsed<'_, (Option<Spec<'_>>, DualCidr)> {
    let mut cidr = DualCidr { ip4: 32, ip6: 128 };
    let (body, named) = match argument.split_first() {
        Some((b':', spec)) => (spec, true),
        Some((b'/', _)) => (argument, false),
        _ => return Ok(((None, cidr), argument)),
    };
    let found = macros::scan(body, false)?;
    let (mut text, rest) = body.split_at_checked(found.length).unwrap_or((body, b""));
    // A domain-spec may hold "/" too; what can be read as a prefix length at the end is one, for no top label
    // holds a "/".
    if let Some((front, length)) = trailing_length(text, b"//") {
        cidr.ip6 = prefix_length(length, 128)?;
        text = front;
    }
    if let Some((front, length)) = trailing_length(text, b"/") {
        cidr.ip4 = prefix_length(length, 32)?;
        text = front;
    }
    match (named, text) {
        (true, text) => Ok(((Some(spec(text, &found)?), cidr), rest)),
        (false, []) => Ok(((None, cidr), rest)),
        (false, _) => Err(SyntaxErrorKind::PrefixLength),
    }
}

/// Splits digits and the mark before them from the end.
fn trailing_length<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let digits = text.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let (front, length) = text.split_at_checked(text.len().checked_sub(digits)?)?;
    if length.is_empty() { None } else { front.strip_suffix(mark).map(|front| (front, length)) }
}

/// RFC 7208 §12: "0" / %x31-39 followed by more digits, up to `max`.
fn prefix_length(digits: &[u8], max: u32) -> Result<u32, SyntaxErrorKind> {
    match leading_number(digits) {
        Some((value, [])) if value <= max => Ok(value),
        _ => Err(SyntaxErrorKind::PrefixLength),
    }
}

/// A number of at most three digits without leading zeros, and what follows it.
#[inline]
fn leading_number(text: &[u8]) -> Option<(u32, &[u8])> {
    let (&first @ b'0'..=b'9', mut rest) = text.split_first()? else { return None };
    let mut value = u32::from(first - b'0');
    while let Some((&digit @ b'0'..=b'9', next)) = rest.split_first() {
        if value == 0 || value > 99 {
            return None;
        }
        value = value * 10 + u32::from(digit - b'0');
        rest = next;
    }
    Some((value, rest))
}

/// What may follow an address: a prefix length or nothing.
fn network_length(text: &[u8], max: u32) -> Parsed<'_, u32> {
    match text.split_first() {
        None | Some((b' ', _)) => Ok((max, text)),
        Some((b'/', digits)) => match leading_number(digits) {
            Some((value, rest)) if value <= max && at_end(rest) => Ok((value, rest)),
            _ => Err(SyntaxErrorKind::PrefixLength),
        },
        Some(_) if max == 32 => Err(SyntaxErrorKind::Ip4Network),
        Some(_) => Err(SyntaxErrorKind::Ip6Network),
    }
}

#[inline]
fn ip4(network: &[u8]) -> Parsed<'_, Network4> {
    let (bits, rest) = dotted_quad(network).ok_or(SyntaxErrorKind::Ip4Network)?;
    let (length, rest) = network_length(rest, 32)?;
    Ok((Network4 { bits, length }, rest))
}

/// RFC 7208 §12: qnum "." qnum "." qnum "." qnum, without leading zeros. Returns what follows as well.
#[inline]
fn dotted_quad(text: &[u8]) -> Option<(u32, &[u8])> {
    let (mut bits, mut dots, mut number, mut digits) = (0_u32, 0_u8, 0_u32, 0_u8);
    let mut end = text.len();
    for (index, &c) in text.iter().enumerate() {
        let digit = c.wrapping_sub(b'0');
        if digit <= 9 {
            number = number * 10 + u32::from(digit);
            // More digits than the number needs are a leading zero.
            if number > 255 || (digits > 0 && number < 10) {
                return None;
            }
            digits += 1;
        } else if c == b'.' && digits > 0 {
            (bits, dots) = (bits << 8 | number, dots + 1);
            (number, digits) = (0, 0);
        } else {
            end = index;
            break;
        }
        if dots > 3 {
            return None;
        }
    }
    (dots == 3 && digits > 0).then_some((bits << 8 | number, text.get(end..)?))
}

fn ip6(argument: &[u8]) -> Parsed<'_, MechanismRef<'_>> {
    let Some((b':', network)) = argument.split_first() else { return Err(SyntaxErrorKind::Ip6Network) };
    let end = network.iter().position(|&c| matches!(c, b'/' | b' ')).unwrap_or(network.len());
    let (address, rest) = network.split_at_checked(end).unwrap_or((network, b""));
    // RFC 4291 §2.2, which is what std reads.
    let address = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
    let address: Ipv6Addr = address.ok_or(SyntaxErrorKind::Ip6Network)?;
    let (length, rest) = network_length(rest, 128)?;
    let bits = address.to_bits();
    Ok((MechanismRef::Ip6(Network6 { high: (bits >> 64) as u64, low: bits as u64, length }), rest))
}
