//! Terms of a record as spans of its bytes: nothing is allocated, so the syntax of a whole record can be
//! validated before any of it is evaluated (RFC 7208 §4.6).

use crate::{
    macros::{self, Letters},
    record::{Qualifier, SyntaxError, SyntaxErrorKind},
};
use std::net::{Ipv4Addr, Ipv6Addr};

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
    /// The macro letters in it.
    pub(crate) letters: Letters,
    /// Without any `%`, so that the expansion is the text itself.
    pub(crate) literal: bool,
}

/// The two prefix lengths of `a` and `mx`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DualCidr {
    pub(crate) ip4: u8,
    pub(crate) ip6: u8,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum MechanismRef<'a> {
    All,
    Include(Spec<'a>),
    A(Option<Spec<'a>>, DualCidr),
    Mx(Option<Spec<'a>>, DualCidr),
    Ptr(Option<Spec<'a>>),
    Ip4(Ipv4Addr, u8),
    Ip6(Ipv6Addr, u8),
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

    fn next(&mut self) -> Option<Self::Item> {
        while let Some((b' ', rest)) = self.rest.split_first() {
            self.rest = rest;
            self.at += 1;
        }
        if self.rest.is_empty() {
            return None;
        }
        // RFC 7208 §4.6.1: only SP separates terms; a tab or line end makes the term invalid.
        let length = self.rest.iter().position(|&c| c == b' ').unwrap_or(self.rest.len());
        let (text, rest) = self.rest.split_at_checked(length)?;
        let start = self.at;
        self.rest = rest;
        self.at += length;
        let kind = term(text).and_then(|kind| self.once(&kind).map(|()| kind));
        Some(match kind {
            Ok(kind) => Ok(TermRef { start, end: self.at, kind }),
            Err(kind) => Err(SyntaxError::new(start, text, kind)),
        })
    }
}

/// Reads one term.
pub(crate) fn term(text: &[u8]) -> Result<TermKind<'_>, SyntaxErrorKind> {
    let (qualifier, rest) = match text.split_first() {
        Some((b'+', rest)) => (Some(Qualifier::Pass), rest),
        Some((b'-', rest)) => (Some(Qualifier::Fail), rest),
        Some((b'~', rest)) => (Some(Qualifier::SoftFail), rest),
        Some((b'?', rest)) => (Some(Qualifier::Neutral), rest),
        _ => (None, text),
    };
    let name_end = rest.iter().position(|c| matches!(c, b'=' | b':' | b'/')).unwrap_or(rest.len());
    let (name, argument) = rest.split_at_checked(name_end).unwrap_or((rest, b""));
    if let Some((b'=', value)) = argument.split_first() {
        // RFC 7208 §4.6.1: "directive = [ qualifier ] mechanism": a modifier has no qualifier.
        return if qualifier.is_some() { Err(SyntaxErrorKind::ModifierName) } else { modifier(name, value) };
    }
    mechanism(name, argument)
        .map(|mechanism| TermKind::Directive(qualifier.unwrap_or(Qualifier::Pass), mechanism))
}

fn mechanism<'a>(name: &[u8], argument: &'a [u8]) -> Result<MechanismRef<'a>, SyntaxErrorKind> {
    let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
    match name.len() {
        1 if is(b"a") => dual(argument).map(|(spec, cidr)| MechanismRef::A(spec, cidr)),
        2 if is(b"mx") => dual(argument).map(|(spec, cidr)| MechanismRef::Mx(spec, cidr)),
        3 if is(b"ip4") => ip4(argument),
        3 if is(b"ip6") => ip6(argument),
        3 if is(b"all") => match argument {
            [] => Ok(MechanismRef::All),
            _ => Err(SyntaxErrorKind::NeedlessArgument),
        },
        3 if is(b"ptr") => match argument.split_first() {
            None => Ok(MechanismRef::Ptr(None)),
            Some((b':', spec)) => domain_spec(spec).map(|spec| MechanismRef::Ptr(Some(spec))),
            Some(_) => Err(SyntaxErrorKind::NeedlessArgument),
        },
        6 if is(b"exists") => required(argument).map(MechanismRef::Exists),
        7 if is(b"include") => required(argument).map(MechanismRef::Include),
        _ => Err(SyntaxErrorKind::UnknownMechanism),
    }
}

fn modifier<'a>(name: &'a [u8], value: &'a [u8]) -> Result<TermKind<'a>, SyntaxErrorKind> {
    if name.eq_ignore_ascii_case(b"redirect") {
        return domain_spec(value).map(TermKind::Redirect);
    }
    if name.eq_ignore_ascii_case(b"exp") {
        return domain_spec(value).map(TermKind::Exp);
    }
    // RFC 7208 §12: name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
    let legal = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    if !name.first().is_some_and(u8::is_ascii_alphabetic) || !name.iter().all(legal) {
        return Err(SyntaxErrorKind::ModifierName);
    }
    macros::validate(value, false)?;
    Ok(TermKind::Unknown { name, value })
}

fn required(argument: &[u8]) -> Result<Spec<'_>, SyntaxErrorKind> {
    match argument.split_first() {
        Some((b':', spec)) => domain_spec(spec),
        _ => Err(SyntaxErrorKind::MissingDomain),
    }
}

/// RFC 7208 §12: domain-spec = macro-string domain-end
pub(crate) fn domain_spec(text: &[u8]) -> Result<Spec<'_>, SyntaxErrorKind> {
    if text.is_empty() {
        return Err(SyntaxErrorKind::MissingDomain);
    }
    let found = macros::validate(text, false)?;
    let literal_end = text.get(found.literal_from..).unwrap_or_default();
    // RFC 7208 §12: domain-end = ( "." toplabel [ "." ] ) / macro-expand
    if !literal_end.is_empty() && !ends_in_top_label(literal_end) {
        return Err(SyntaxErrorKind::TopLabel);
    }
    Ok(Spec { text, letters: found.letters, literal: !found.has_macro })
}

/// RFC 7208 §12: toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
fn ends_in_top_label(literal: &[u8]) -> bool {
    let literal = literal.strip_suffix(b".").unwrap_or(literal);
    let Some(dot) = literal.iter().rposition(|&c| c == b'.') else { return false };
    let label = literal.get(dot + 1..).unwrap_or_default();
    let (Some(first), Some(last)) = (label.first(), label.last()) else { return false };
    first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && label.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'-')
        && !label.iter().all(u8::is_ascii_digit)
}

/// The arguments of `a` and `mx`: [ ":" domain-spec ] [ dual-cidr-length ]
fn dual(argument: &[u8]) -> Result<(Option<Spec<'_>>, DualCidr), SyntaxErrorKind> {
    let mut cidr = DualCidr { ip4: 32, ip6: 128 };
    if argument.is_empty() {
        return Ok((None, cidr));
    }
    // A domain-spec may hold "/" too; what can be read as a prefix length at the end is one, for no top label
    // holds a "/".
    let mut rest = argument;
    if let Some((front, length)) = trailing_length(rest, b"//") {
        cidr.ip6 = prefix_length(length, 128)?;
        rest = front;
    }
    if let Some((front, length)) = trailing_length(rest, b"/") {
        cidr.ip4 = prefix_length(length, 32)?;
        rest = front;
    }
    match rest.split_first() {
        None => Ok((None, cidr)),
        Some((b':', spec)) => domain_spec(spec).map(|spec| (Some(spec), cidr)),
        Some(_) => Err(SyntaxErrorKind::PrefixLength),
    }
}

/// Splits digits and the mark before them from the end.
fn trailing_length<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let digits = text.iter().rev().take_while(|c| c.is_ascii_digit()).count();
    let (front, length) = text.split_at_checked(text.len().checked_sub(digits)?)?;
    if length.is_empty() { None } else { front.strip_suffix(mark).map(|front| (front, length)) }
}

/// RFC 7208 §12: "0" / %x31-39 followed by more digits, up to `max`.
fn prefix_length(digits: &[u8], max: u8) -> Result<u8, SyntaxErrorKind> {
    let bad = Err(SyntaxErrorKind::PrefixLength);
    match digits {
        [b'0'] => return Ok(0),
        [b'1'..=b'9', rest @ ..] if rest.len() < 3 => {}
        _ => return bad,
    }
    let mut value = 0_u16;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return bad;
        }
        value = value * 10 + u16::from(digit - b'0');
    }
    match u8::try_from(value) {
        Ok(value) if value <= max => Ok(value),
        _ => bad,
    }
}

fn ip4(argument: &[u8]) -> Result<MechanismRef<'_>, SyntaxErrorKind> {
    let Some((b':', network)) = argument.split_first() else { return Err(SyntaxErrorKind::Ip4Network) };
    let (octets, rest) = dotted_quad(network).ok_or(SyntaxErrorKind::Ip4Network)?;
    let length = match rest.split_first() {
        None => 32,
        Some((b'/', digits)) => prefix_length(digits, 32)?,
        Some(_) => return Err(SyntaxErrorKind::Ip4Network),
    };
    Ok(MechanismRef::Ip4(Ipv4Addr::from_bits(octets), length))
}

/// RFC 7208 §12: qnum "." qnum "." qnum "." qnum, without leading zeros. Returns what follows as well.
fn dotted_quad(text: &[u8]) -> Option<(u32, &[u8])> {
    let mut rest = text;
    let mut bits = 0_u32;
    for index in 0..4 {
        if index > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let (first, mut after) = rest.split_first()?;
        let mut number = u32::from(first.wrapping_sub(b'0'));
        if number > 9 {
            return None;
        }
        while let Some((digit @ b'0'..=b'9', next)) = after.split_first() {
            // A leading zero, or a fourth digit.
            if number == 0 || number > 25 {
                return None;
            }
            number = number * 10 + u32::from(digit - b'0');
            after = next;
        }
        if number > 255 {
            return None;
        }
        bits = bits << 8 | number;
        rest = after;
    }
    Some((bits, rest))
}

fn ip6(argument: &[u8]) -> Result<MechanismRef<'_>, SyntaxErrorKind> {
    let Some((b':', network)) = argument.split_first() else { return Err(SyntaxErrorKind::Ip6Network) };
    let (address, length) =
        match network.iter().position(|&c| c == b'/').and_then(|i| network.split_at_checked(i)) {
            None => (network, 128),
            Some((address, slash)) => {
                (address, prefix_length(slash.strip_prefix(b"/").unwrap_or_default(), 128)?)
            }
        };
    // RFC 4291 §2.2, which is what std reads.
    let address = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
    Ok(MechanismRef::Ip6(address.ok_or(SyntaxErrorKind::Ip6Network)?, length))
}
