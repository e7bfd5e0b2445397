//! The record as data (RFC 7208 §4.6.1, §5, §6, §12): parse, build, print.

use crate::{
    macros::{self, Letters},
    parse::{self, Name, TermRef, Terms},
    syntax_error::{SyntaxError, SyntaxErrorKind},
};
use std::{fmt, net::IpAddr, ops::Range, str::FromStr};
use waxseal_authres::SpfResult;

/// A published record: `v=spf1` and its terms in order.
///
/// A record is parsed from bytes, since a TXT record may contain anything; a valid one is ASCII. `Display` writes it in
/// a normal form: names in lower case, no redundant `+`, prefix lengths only where they do not mean a single address,
/// one space between terms. Parsing that returns an equal record.
///
/// ```
/// use waxseal_spf::{Mechanism, Network, Qualifier, Record, Term};
///
/// let record = Record::parse(b"v=spf1 +MX  a:colo.example.com/28 redirect=_spf.example.com")?;
/// assert_eq!(record.to_string(), "v=spf1 mx a:colo.example.com/28 redirect=_spf.example.com");
///
/// let built = Record::new()
///     .with(Qualifier::Pass, Mechanism::Ip(Network::new([192, 0, 2, 0], 24)))
///     .with(Qualifier::Fail, Mechanism::All)
///     .with_term(Term::Exp("explain._spf.%{d}".parse()?));
/// assert_eq!(built.to_string(), "v=spf1 ip4:192.0.2.0/24 -all exp=explain._spf.%{d}");
///
/// let error = Record::parse(b"v=spf1 ipv4:192.0.2.1 -all").unwrap_err();
/// assert_eq!(error.offset(), 7);
/// assert_eq!(error.to_string(), "unknown mechanism at offset 7 in ipv4:192.0.2.1: write ip4:192.0.2.1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Record {
    terms: Vec<Term>,
}

/// One term of a record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Term {
    /// A mechanism and its qualifier (RFC 7208 §4.6.2).
    Directive(Qualifier, Mechanism),
    /// `redirect=`: the domain whose record is evaluated when nothing matched (RFC 7208 §6.1).
    Redirect(DomainSpec),
    /// `exp=`: where the explanation for a fail is published (RFC 7208 §6.2).
    Exp(DomainSpec),
    /// Any other modifier, which evaluation ignores (RFC 7208 §6); such as `ra`, `rp` and `rr` of RFC 6652.
    Unknown(Modifier),
}

/// The qualifier of a directive: the result of a match (RFC 7208 §4.6.2).
// As wide as its neighbours in a term: a single byte there would stall every move of the term.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Qualifier {
    /// `+`, or nothing: pass.
    #[default]
    Pass,
    /// `-`: fail.
    Fail,
    /// `~`: softfail.
    SoftFail,
    /// `?`: neutral.
    Neutral,
}

/// A mechanism (RFC 7208 §5). A missing domain stands for the domain of the record.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Mechanism {
    /// Always matches (§5.1).
    All,
    /// Matches when the record of that domain has the result pass (§5.2).
    Include(DomainSpec),
    /// Matches the addresses of a domain (§5.3).
    A(Option<DomainSpec>, DualCidrLength),
    /// Matches the addresses of a domain's mail exchangers (§5.4).
    Mx(Option<DomainSpec>, DualCidrLength),
    /// Matches when a validated name of the client is in the domain (§5.5); SHOULD NOT be published.
    Ptr(Option<DomainSpec>),
    /// `ip4` or `ip6`: matches a network (§5.6).
    Ip(Network),
    /// Matches when the name has an A record (§5.7).
    Exists(DomainSpec),
}

impl Mechanism {
    /// Whether evaluating it counts against the limit of ten lookups (RFC 7208 §4.6.4).
    pub(crate) fn causes_lookup(&self) -> bool {
        !matches!(self, Self::All | Self::Ip(_))
    }

    /// Its `<domain-spec>`, if it has one.
    pub(crate) fn domain_spec(&self) -> Option<&DomainSpec> {
        match self {
            Self::Include(spec) | Self::Exists(spec) => Some(spec),
            Self::A(spec, _) | Self::Mx(spec, _) | Self::Ptr(spec) => spec.as_ref(),
            Self::All | Self::Ip(_) => None,
        }
    }
}

/// The network of `ip4` or `ip6`. The address is kept as written, host bits included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// A network with a prefix length, which is capped at the length of the address.
    pub fn new(address: impl Into<IpAddr>, length: u8) -> Self {
        let address = address.into();
        let most = if address.is_ipv4() { 32 } else { 128 };
        Self { address, length: length.min(most) }
    }

    /// The address as written.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// The prefix length, 0 to 32 or 128.
    pub fn length(&self) -> u8 {
        self.length
    }
}

/// The `dual-cidr-length` of `a` and `mx`; the default is `/32//128`, one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DualCidrLength {
    ip4: u8,
    ip6: u8,
}

impl DualCidrLength {
    /// Prefix lengths for IPv4 and IPv6, capped at 32 and 128.
    pub fn new(ip4: u8, ip6: u8) -> Self {
        Self { ip4: ip4.min(32), ip6: ip6.min(128) }
    }

    /// For IPv4 clients, 0 to 32.
    pub fn ip4(&self) -> u8 {
        self.ip4
    }

    /// For IPv6 clients, 0 to 128.
    pub fn ip6(&self) -> u8 {
        self.ip6
    }
}

impl Default for DualCidrLength {
    fn default() -> Self {
        Self { ip4: 32, ip6: 128 }
    }
}

/// A `<domain-spec>`: a domain name that may contain macros (RFC 7208 §4.8, §7.1). Its syntax is valid; the expanded
/// name may still be invalid.
///
/// [`SpfCheck::expand`](crate::SpfCheck::expand) returns the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DomainSpec(Box<str>);

impl DomainSpec {
    /// The text as published.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the text contains a macro, so that the name depends on the message.
    pub(crate) fn has_macro(&self) -> bool {
        self.0.contains('%')
    }

    pub(crate) fn letters(&self) -> Letters {
        macros::scan(self.0.as_bytes(), false).map(|found| found.letters).unwrap_or_default()
    }

    fn from_ascii(text: &[u8]) -> Self {
        // The syntax allows only ASCII, so nothing is replaced.
        Self(String::from_utf8_lossy(text).into())
    }
}

impl FromStr for DomainSpec {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        match parse::check_domain_spec(text.as_bytes()) {
            Ok(()) => Ok(Self::from_ascii(text.as_bytes())),
            Err(kind) => Err(SyntaxError::new(0, text.as_bytes(), kind)),
        }
    }
}

impl fmt::Display for DomainSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `name=value` of a modifier that RFC 7208 does not define.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Modifier {
    name: Box<str>,
    value: Box<str>,
}

impl Modifier {
    /// A modifier that evaluation ignores, for example `rr` with `e:f` (RFC 6652 §3).
    pub fn new(name: &str, value: &str) -> Result<Self, SyntaxError> {
        let text = format!("{name}={value}");
        match parse::check_modifier(text.as_bytes(), name.len()) {
            Ok(()) => Ok(Self { name: name.into(), value: value.into() }),
            Err(kind) => Err(SyntaxError::new(0, text.as_bytes(), kind)),
        }
    }

    /// The name as published; names are compared regardless of case.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value as published, macros unexpanded.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl Record {
    /// A record without terms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses a record, including `v=spf1`. Reports the first error.
    pub fn parse(text: &[u8]) -> Result<Self, SyntaxError> {
        Self::parse_with_spans(text).map(Self::of_terms)
    }

    /// The record that was parsed to spans.
    pub(crate) fn of_terms(terms: Vec<(Range<usize>, Term)>) -> Self {
        Self { terms: terms.into_iter().map(|(_, term)| term).collect() }
    }

    /// The terms and their spans.
    pub(crate) fn parse_with_spans(text: &[u8]) -> Result<Vec<(Range<usize>, Term)>, SyntaxError> {
        if !parse::is_spf1(text) {
            return Err(SyntaxError::new(0, text.get(..10).unwrap_or(text), SyntaxErrorKind::Version));
        }
        let mut terms = Terms::new(text);
        let mut read = Vec::new();
        let mut term = TermRef::default();
        while terms.read(&mut term)? {
            read.push((term.start..term.end, Term::read(&term, text)));
        }
        Ok(read)
    }

    /// Appends a directive.
    #[must_use]
    pub fn with(self, qualifier: Qualifier, mechanism: Mechanism) -> Self {
        self.with_term(Term::Directive(qualifier, mechanism))
    }

    /// Appends a term; a second `redirect=` or `exp=` replaces the first, since a record must not have two (RFC 7208
    /// §6).
    #[must_use]
    pub fn with_term(mut self, term: Term) -> Self {
        match term {
            Term::Redirect(_) => self.terms.retain(|old| !matches!(old, Term::Redirect(_))),
            Term::Exp(_) => self.terms.retain(|old| !matches!(old, Term::Exp(_))),
            _ => {}
        }
        self.terms.push(term);
        self
    }

    /// All terms from left to right.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// The directives from left to right.
    pub fn directives(&self) -> impl Iterator<Item = (Qualifier, &Mechanism)> {
        self.terms.iter().filter_map(|term| match term {
            Term::Directive(qualifier, mechanism) => Some((*qualifier, mechanism)),
            _ => None,
        })
    }

    /// The target of `redirect=`, unless an `all` makes it void (RFC 7208 §5.1).
    pub(crate) fn redirect(&self) -> Option<&DomainSpec> {
        if self.directives().any(|(_, mechanism)| *mechanism == Mechanism::All) {
            return None;
        }
        self.terms.iter().find_map(|term| if let Term::Redirect(spec) = term { Some(spec) } else { None })
    }

    /// The value of the first unknown modifier of that name, in any case.
    pub fn modifier(&self, name: &str) -> Option<&str> {
        self.terms.iter().find_map(|term| match term {
            Term::Unknown(modifier) if modifier.name.eq_ignore_ascii_case(name) => Some(modifier.value()),
            _ => None,
        })
    }

    /// Terms of this record that cause lookups in the worst case: those before `all`, and an effective redirect; plus
    /// one for `%{p}` in any of them, as [`Limits::with_max_terms`](crate::Limits::with_max_terms) counts (RFC 7208
    /// §4.6.4). [`Audit`](crate::publish::Audit) also counts those of included records.
    ///
    /// ```
    /// use waxseal_spf::Record;
    /// let record: Record = "v=spf1 a mx ip4:192.0.2.1 include:_spf.example.net -all ptr".parse()?;
    /// assert_eq!(record.lookups(), 3);
    /// # Ok::<(), waxseal_spf::SyntaxError>(())
    /// ```
    pub fn lookups(&self) -> usize {
        let directives = self.directives().take_while(|(_, mechanism)| **mechanism != Mechanism::All);
        let mechanisms: Vec<_> = directives.map(|(_, mechanism)| mechanism).collect();
        let terms = mechanisms.iter().filter(|mechanism| mechanism.causes_lookup()).count();
        let mut specs =
            mechanisms.iter().filter_map(|mechanism| mechanism.domain_spec()).chain(self.redirect());
        let validates = specs.any(|spec| spec.letters().any_of(Letters::VALIDATED));
        terms + usize::from(self.redirect().is_some()) + usize::from(validates)
    }
}

impl Term {
    /// `term` as read from `record`.
    fn read(term: &TermRef, record: &[u8]) -> Self {
        let spec = term.spec().map(|spec| DomainSpec::from_ascii(spec.of(record)));
        let required = || DomainSpec::from_ascii(term.spec().unwrap_or_default().of(record));
        // Prefix lengths were checked, so nothing is lost.
        let (ip4, ip6) = (term.ip4 as u8, term.ip6 as u8);
        let mechanism = match term.name {
            Name::Redirect => return Self::Redirect(required()),
            Name::Exp => return Self::Exp(required()),
            Name::Unknown => {
                let (name, value) = term.modifier(record);
                let text = |octets| String::from_utf8_lossy(octets).into();
                return Self::Unknown(Modifier { name: text(name), value: text(value) });
            }
            Name::All => Mechanism::All,
            Name::Include => Mechanism::Include(required()),
            Name::Exists => Mechanism::Exists(required()),
            Name::A => Mechanism::A(spec, DualCidrLength { ip4, ip6 }),
            Name::Mx => Mechanism::Mx(spec, DualCidrLength { ip4, ip6 }),
            Name::Ptr => Mechanism::Ptr(spec),
            Name::Ip4 => Mechanism::Ip(Network::new(term.network4(), ip4)),
            Name::Ip6 => Mechanism::Ip(Network::new(term.network6(), ip6)),
        };
        Self::Directive(term.qualifier, mechanism)
    }
}

impl Qualifier {
    /// The result of a match (RFC 7208 §4.6.2).
    pub fn result(self) -> SpfResult {
        match self {
            Self::Pass => SpfResult::Pass,
            Self::Fail => SpfResult::Fail,
            Self::SoftFail => SpfResult::SoftFail,
            Self::Neutral => SpfResult::Neutral,
        }
    }

    /// The sign, `+` included.
    fn sign(self) -> char {
        match self {
            Self::Pass => '+',
            Self::Fail => '-',
            Self::SoftFail => '~',
            Self::Neutral => '?',
        }
    }
}

impl FromStr for Record {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("v=spf1")?;
        self.terms.iter().try_for_each(|term| write!(f, " {term}"))
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directive(Qualifier::Pass, mechanism) => mechanism.fmt(f),
            Self::Directive(qualifier, mechanism) => write!(f, "{}{mechanism}", qualifier.sign()),
            Self::Redirect(spec) => write!(f, "redirect={spec}"),
            Self::Exp(spec) => write!(f, "exp={spec}"),
            Self::Unknown(modifier) => write!(f, "{}={}", modifier.name, modifier.value),
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let optional = |f: &mut fmt::Formatter<'_>, name: &str, spec: &Option<DomainSpec>| match spec {
            Some(spec) => write!(f, "{name}:{spec}"),
            None => f.write_str(name),
        };
        match self {
            Self::All => f.write_str("all"),
            Self::Include(spec) => write!(f, "include:{spec}"),
            Self::Exists(spec) => write!(f, "exists:{spec}"),
            Self::Ptr(spec) => optional(f, "ptr", spec),
            Self::A(spec, cidr) => optional(f, "a", spec).and_then(|()| cidr.write(f)),
            Self::Mx(spec, cidr) => optional(f, "mx", spec).and_then(|()| cidr.write(f)),
            Self::Ip(Network { address, length }) => {
                let (name, all) = if address.is_ipv4() { ("ip4", 32) } else { ("ip6", 128) };
                write!(f, "{name}:{address}")?;
                if *length == all { Ok(()) } else { write!(f, "/{length}") }
            }
        }
    }
}

impl DualCidrLength {
    fn write(self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ip4 != 32 {
            write!(f, "/{}", self.ip4)?;
        }
        if self.ip6 != 128 {
            write!(f, "//{}", self.ip6)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
