//! What a publisher should know about a record: a static look at one record, without DNS.

use crate::{
    Limits,
    macros::Letters,
    record::{
        DomainSpec, Mechanism, Modifier, Printable, Qualifier, Record, SyntaxError, SyntaxErrorKind, Term,
    },
    select::{self, NearMiss},
};
use std::{
    collections::HashSet,
    error::Error,
    fmt,
    hash::Hash,
    net::{Ipv4Addr, Ipv6Addr},
};
use waxseal_dns::{DomainName, RecordType};

/// How much a [`Finding`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Mail may be judged other than the publisher means.
    Warning,
    /// Receivers answer permerror or cannot find the record, or anyone passes.
    Error,
}

impl Severity {
    /// The severity in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing about a record, with what to do about it.
///
/// `Display` is one line of ASCII: severity, place, problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    problem: Problem,
    domain: Option<DomainName>,
    term: Option<(usize, String)>,
}

impl Finding {
    pub(crate) fn new(problem: Problem) -> Self {
        Self { problem, domain: None, term: None }
    }

    pub(crate) fn of(mut self, domain: &DomainName) -> Self {
        self.domain = Some(domain.clone());
        self
    }

    pub(crate) fn at(mut self, offset: usize, term: &Term) -> Self {
        self.term = Some((offset, term.to_string()));
        self
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.problem.severity()
    }

    /// What it is.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The domain whose record it is about; `None` from [`lint`].
    pub fn domain(&self) -> Option<&DomainName> {
        self.domain.as_ref()
    }

    /// The term it is about, in the form of [`Term`]'s `Display`.
    pub fn term(&self) -> Option<&str> {
        self.term.as_ref().map(|(_, term)| term.as_str())
    }

    /// Where the term starts, or where the syntax is wrong, in octets from the start of the record.
    pub fn offset(&self) -> Option<usize> {
        match &self.problem {
            Problem::Syntax(error) => Some(error.offset()),
            _ => self.term.as_ref().map(|(offset, _)| *offset),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.severity().as_str())?;
        if let Some(domain) = &self.domain {
            write!(f, "{}: ", Printable(domain.as_str().as_bytes()))?;
        }
        if let Some(term) = self.term() {
            write!(f, "{term}: ")?;
        }
        write!(f, "{}", self.problem)
    }
}

/// What can be said of a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// The record cannot be read (RFC 7208 §4.6).
    #[error("every receiver answers permerror: {0}")]
    Syntax(SyntaxError),
    /// The text does not begin with `v=spf1` and a space or its end, so it is no SPF record (§4.5). With what to do.
    #[error("not an SPF record, receivers pass it over: {0}")]
    NotARecord(&'static str),
    /// A text at the domain that was meant as an SPF record, but is none (§4.5).
    #[error("not an SPF record, receivers pass it over: {0}")]
    NearMiss(NearMiss),
    /// No record, or no such domain (§4.5).
    #[error("no SPF record is published")]
    NoRecord,
    /// More than one record (§4.5).
    #[error("{0} SPF records, and every receiver answers permerror: publish one")]
    SeveralRecords(usize),
    /// A lookup failed, so nothing can be said. What was asked, and why there is no answer.
    #[error("lookup of {0}, and every receiver answers temperror while it does")]
    LookupFailed(String),
    /// `include` or `redirect` leads to no record (§5.2, §6.1).
    #[error("the target {0} publishes no SPF record, and receivers answer permerror: remove the term")]
    TargetWithoutRecord(DomainName),
    /// The target is no domain name.
    #[error("the target is no domain name: correct the term")]
    InvalidTarget,
    /// A record that leads back to itself.
    #[error("the target {0} leads back here, and receivers answer permerror: remove the term")]
    Loop(DomainName),
    /// More terms with lookups than the ten of §4.6.4, in the worst case.
    #[error(
        "{0} terms with lookups in the worst case, and receivers answer permerror above 10: remove or flatten some"
    )]
    TooManyLookups(usize),
    /// More void lookups than the two of §4.6.4, for IPv4 clients or for IPv6 clients.
    #[error(
        "{count} void lookups for IPv{ip_version} clients, and receivers answer permerror above 2: remove dead names"
    )]
    TooManyVoidLookups {
        /// 4 or 6.
        ip_version: u8,
        /// How many.
        count: usize,
    },
    /// More than ten mail exchangers (§4.6.4).
    #[error("{0} mail exchangers, and receivers answer permerror above 10: list networks instead")]
    TooManyMxNames(usize),
    /// `+all`.
    #[error("anyone on the Internet passes: use -all or ~all")]
    PassAll,
    /// A network of every address.
    #[error("every address passes: name the networks that send")]
    EveryAddress,
    /// `?all`.
    #[error("says nothing about other senders: use -all or ~all")]
    NeutralAll,
    /// Neither `all` nor `redirect` (§4.7).
    #[error("no all and no redirect, which means ?all: end the record with -all or ~all")]
    MissingAll,
    /// Directives behind `all` (§5.1).
    #[error("stands behind all and is never looked at: move or remove it")]
    BehindAll,
    /// `redirect` beside `all` (§5.1).
    #[error("is ignored because the record has an all: remove one of the two")]
    IgnoredRedirect,
    /// `ptr` or `%{p}` (§5.5).
    #[error("ptr should not be published: it is slow and many receivers skip it; list networks instead")]
    Ptr,
    /// A network larger than a single organisation mostly has.
    #[error("a network of 2^{0} addresses, clouds and their other customers included: name smaller ones")]
    HugeNetwork(u8),
    /// The same directive twice.
    #[error("stands twice: remove one")]
    Duplicate,
    /// A network inside another one of the same record.
    #[error("is part of {0}: remove one")]
    Overlap(String),
    /// Host bits behind the prefix.
    #[error("has bits behind the prefix, which do not count: write {0}")]
    HostBits(String),
    /// The answer is longer than the 450 octets of §3.4.
    #[error("{0} octets with the name, more than the 450 that fit everywhere: shorten or split the record")]
    TooLong(usize),
    /// A lookup that finds nothing, for IPv4 clients, IPv6 clients or both.
    #[error(
        "finds no record of type {0}, a void lookup of which two are allowed: remove the name or publish it"
    )]
    Void(String),
    /// Mail of all customers of that operator passes (CERT VU#244112).
    #[error("lets every customer of {0} send for this domain unless it keeps them apart (CERT VU#244112)")]
    ForeignInclude(DomainName),
    /// What the term leads to depends on the message, so it was not followed.
    #[error("depends on the message and was not followed")]
    DependsOnMessage,
    /// The domain has an octet that no host name has, which the grammar of macros lets through (§7.1).
    #[error("no host name has {0:?} in it, so nothing will be found: write a term for each domain")]
    NoHostName(char),
    /// A macro reads the sender or HELO (§7.3).
    #[error("depends on the sender, so that verdicts cannot be shared between messages")]
    DependsOnSender,
    /// The name of a mechanism with `=`, which makes it a modifier that receivers ignore (§6). What to write.
    #[error(
        "receivers take it for an unknown modifier and ignore it, for a mechanism takes a colon: write {0}"
    )]
    EqualsForColon(String),
    /// `v=spf1` a second time, as where two records were joined (§4.5).
    #[error(
        "stands twice, and receivers ignore the second one: join the terms of both records behind one v=spf1"
    )]
    SecondVersion,
    /// A modifier that RFC 7208 does not know and receivers ignore (§6).
    #[error("an unknown modifier, which receivers ignore")]
    UnknownModifier,
}

impl Problem {
    /// [`Problem::TooManyLookups`], if these are.
    pub(crate) fn of_lookups(lookups: usize) -> Option<Self> {
        (lookups > usize::from(Limits::default().terms())).then_some(Self::TooManyLookups(lookups))
    }

    pub(crate) fn lookup_failed(name: &DomainName, kind: RecordType, error: &(dyn Error + 'static)) -> Self {
        let (name, why) = (Printable(name.as_str().as_bytes()), waxseal_authres::reason(error));
        Self::LookupFailed(format!("{name} {kind} failed ({why})"))
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Syntax(_)
            | Self::NotARecord(_)
            | Self::NoRecord
            | Self::SeveralRecords(_)
            | Self::LookupFailed(_)
            | Self::TargetWithoutRecord(_)
            | Self::InvalidTarget
            | Self::Loop(_)
            | Self::TooManyLookups(_)
            | Self::TooManyVoidLookups { .. }
            | Self::TooManyMxNames(_)
            | Self::PassAll
            | Self::EveryAddress
            | Self::EqualsForColon(_)
            | Self::SecondVersion => Severity::Error,
            Self::NearMiss(_)
            | Self::NeutralAll
            | Self::MissingAll
            | Self::BehindAll
            | Self::IgnoredRedirect
            | Self::Ptr
            | Self::HugeNetwork(_)
            | Self::Duplicate
            | Self::HostBits(_)
            | Self::TooLong(_)
            | Self::NoHostName(_)
            | Self::Void(_) => Severity::Warning,
            Self::Overlap(_)
            | Self::ForeignInclude(_)
            | Self::DependsOnMessage
            | Self::DependsOnSender
            | Self::UnknownModifier => Severity::Note,
        }
    }

    /// A name for programs, which stays.
    pub fn id(&self) -> &'static str {
        match self {
            Self::Syntax(_) => "syntax",
            Self::NotARecord(_) => "not-a-record",
            Self::NearMiss(_) => "near-miss",
            Self::NoRecord => "no-record",
            Self::SeveralRecords(_) => "several-records",
            Self::LookupFailed(_) => "lookup-failed",
            Self::TargetWithoutRecord(_) => "target-without-record",
            Self::InvalidTarget => "invalid-target",
            Self::Loop(_) => "loop",
            Self::TooManyLookups(_) => "too-many-lookups",
            Self::TooManyVoidLookups { .. } => "too-many-void-lookups",
            Self::TooManyMxNames(_) => "too-many-mx-names",
            Self::PassAll => "pass-all",
            Self::EveryAddress => "every-address",
            Self::NeutralAll => "neutral-all",
            Self::MissingAll => "missing-all",
            Self::BehindAll => "behind-all",
            Self::IgnoredRedirect => "ignored-redirect",
            Self::Ptr => "ptr",
            Self::HugeNetwork(_) => "huge-network",
            Self::Duplicate => "duplicate",
            Self::Overlap(_) => "overlap",
            Self::HostBits(_) => "host-bits",
            Self::TooLong(_) => "too-long",
            Self::Void(_) => "void",
            Self::ForeignInclude(_) => "foreign-include",
            Self::DependsOnMessage => "depends-on-message",
            Self::NoHostName(_) => "no-host-name",
            Self::DependsOnSender => "depends-on-sender",
            Self::EqualsForColon(_) => "equals-for-colon",
            Self::SecondVersion => "second-version",
            Self::UnknownModifier => "unknown-modifier",
        }
    }
}

impl Record {
    /// Terms that cause lookups in this record alone, in the worst case: those in front of `all`, and a redirect that
    /// counts; with `%{p}` in any of them one more, as [`Limits::with_terms`](crate::Limits::with_terms) counts (RFC 7208
    /// §4.6.4). What included records cost comes on top; [`Audit`](crate::Audit) counts it.
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

/// What a look at the text of one record finds, without DNS; in the order of the terms. Lookups of the record itself are
/// counted, those of records that it includes are not: [`Audit`](crate::Audit) does that.
///
/// ```
/// let findings = waxseal_spf::lint(b"v=spf1 ip4:192.0.2.1/24 ?all");
/// let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
/// assert_eq!(shown, [
///     "warning: ip4:192.0.2.1/24: has bits behind the prefix, which do not count: write ip4:192.0.2.0/24",
///     "warning: ?all: says nothing about other senders: use -all or ~all",
/// ]);
/// ```
pub fn lint(text: &[u8]) -> Vec<Finding> {
    let terms = match Record::parse_with_offsets(text) {
        Ok(terms) => terms,
        Err(error) if error.kind() == SyntaxErrorKind::Version => {
            return vec![Finding::new(Problem::NotARecord(
                select::meant(text).unwrap_or("begin it with v=spf1"),
            ))];
        }
        Err(error) => return vec![Finding::new(Problem::Syntax(error))],
    };
    let mut findings = lint_terms(&terms, text.len());
    findings.extend(Problem::of_lookups(Record::of_terms(terms).lookups()).map(Finding::new));
    findings
}

/// RFC 7208 §3.4: "under 450 octets", the name included.
pub(crate) const MAX_OCTETS: usize = 450;

/// `octets` is what name and record take together.
pub(crate) fn lint_terms(terms: &[(usize, Term)], octets: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    if octets > MAX_OCTETS {
        findings.push(Finding::new(Problem::TooLong(octets)));
    }
    let all = terms.iter().position(|(_, term)| matches!(term, Term::Directive(_, Mechanism::All)));
    let overlaps = overlaps(terms);
    // Modifiers may say the same twice.
    let repeats = repeats(terms.iter().map(|(_, term)| (!matches!(term, Term::Unknown(_))).then_some(term)));
    for ((index, (offset, term)), repeats) in terms.iter().enumerate().zip(repeats) {
        let mut problems = term_problems(term);
        match term {
            Term::Directive(..) if all.is_some_and(|all| index > all) => problems.push(Problem::BehindAll),
            Term::Redirect(_) if all.is_some() => problems.push(Problem::IgnoredRedirect),
            _ => {}
        }
        if repeats {
            problems.push(Problem::Duplicate);
        } else if let Some(Some(other)) = overlaps.get(index) {
            problems.push(Problem::Overlap(other.clone()));
        }
        findings.extend(problems.into_iter().map(|problem| Finding::new(problem).at(*offset, term)));
    }
    if all.is_none() && !terms.iter().any(|(_, term)| matches!(term, Term::Redirect(_))) {
        findings.push(Finding::new(Problem::MissingAll));
    }
    findings
}

/// For each item whether an earlier one is the same, in linear time; `None` repeats nothing.
fn repeats<T: Eq + Hash>(items: impl Iterator<Item = Option<T>>) -> impl Iterator<Item = bool> {
    let mut earlier = HashSet::new();
    items.map(move |item| item.is_some_and(|item| !earlier.insert(item)))
}

/// What a term by itself gives rise to.
fn term_problems(term: &Term) -> Vec<Problem> {
    let mut problems = Vec::new();
    let spec = match term {
        Term::Directive(qualifier, mechanism) => {
            mechanism_problems(*qualifier, mechanism, &mut problems);
            mechanism.domain_spec()
        }
        Term::Redirect(spec) => Some(spec),
        Term::Exp(_) => None,
        Term::Unknown(modifier) => {
            problems.extend(modifier_problem(modifier));
            None
        }
    };
    let odd = |c: &char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
    let literal = spec.filter(|spec| !spec.has_macro()).map(DomainSpec::as_str);
    problems.extend(literal.and_then(|name| name.chars().find(odd)).map(Problem::NoHostName));
    if let Some(letters) = spec.map(DomainSpec::letters) {
        if letters.any_of(Letters::VALIDATED) {
            problems.push(Problem::Ptr);
        }
        if letters.any_of(Letters::SENDER) {
            problems.push(Problem::DependsOnSender);
        }
    }
    problems
}

fn modifier_problem(modifier: &Modifier) -> Option<Problem> {
    let name = modifier.name().to_ascii_lowercase();
    let mechanism = match &*name {
        // RFC 6652 §3
        "ra" | "rp" | "rr" => return None,
        "v" if modifier.value().eq_ignore_ascii_case("spf1") => return Some(Problem::SecondVersion),
        "ip" | "ipv4" => "ip4",
        "ipv6" => "ip6",
        "includes" | "inlcude" | "incude" => "include",
        known @ ("a" | "mx" | "ptr" | "ip4" | "ip6" | "include" | "exists") => known,
        "all" => return Some(Problem::EqualsForColon("all".into())),
        _ => return Some(Problem::UnknownModifier),
    };
    Some(Problem::EqualsForColon(format!("{mechanism}:{}", modifier.value())))
}

fn mechanism_problems(qualifier: Qualifier, mechanism: &Mechanism, problems: &mut Vec<Problem>) {
    match (mechanism, qualifier) {
        (Mechanism::All, Qualifier::Pass) => problems.push(Problem::PassAll),
        (Mechanism::All, Qualifier::Neutral) => problems.push(Problem::NeutralAll),
        (Mechanism::Ptr(_), _) => problems.push(Problem::Ptr),
        (Mechanism::Ip4(network), _) => {
            size_problem(network.length(), 32, 16, qualifier, problems);
            let masked = Ipv4Addr::from_bits(mask4(network.address(), network.length()));
            if masked != network.address() {
                problems.push(Problem::HostBits(Mechanism::ip4(masked, network.length()).to_string()));
            }
        }
        (Mechanism::Ip6(network), _) => {
            size_problem(network.length(), 128, 32, qualifier, problems);
            let masked = Ipv6Addr::from_bits(mask6(network.address(), network.length()));
            if masked != network.address() {
                problems.push(Problem::HostBits(Mechanism::ip6(masked, network.length()).to_string()));
            }
        }
        (Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr), _) => {
            size_problem(cidr.ip4(), 32, 16, qualifier, problems);
            size_problem(cidr.ip6(), 128, 32, qualifier, problems);
        }
        _ => {}
    }
}

/// Networks with a shorter prefix than `usual` are more than one sender needs.
fn size_problem(length: u8, full: u8, usual: u8, qualifier: Qualifier, problems: &mut Vec<Problem>) {
    if qualifier != Qualifier::Pass {
        return;
    }
    if length == 0 {
        problems.push(Problem::EveryAddress);
    } else if length < usual {
        problems.push(Problem::HugeNetwork(full - length));
    }
}

/// The first `length` bits.
pub(crate) fn mask4(address: Ipv4Addr, length: u8) -> u32 {
    address.to_bits() & u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0)
}

/// The first `length` bits.
pub(crate) fn mask6(address: Ipv6Addr, length: u8) -> u128 {
    address.to_bits() & u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0)
}

/// For each term, the larger network that holds it. Networks nest or are apart, so a sweep in the order of their first
/// addresses, larger ones first, finds it with the last network that reaches so far.
fn overlaps(terms: &[(usize, Term)]) -> Vec<Option<String>> {
    let mut networks: Vec<(u8, u128, u128, usize)> = terms
        .iter()
        .enumerate()
        .filter_map(|(index, (_, term))| match term {
            Term::Directive(_, Mechanism::Ip4(network)) => {
                let first = u128::from(mask4(network.address(), network.length()));
                Some((4, first, first + (u128::from(u32::MAX) >> network.length()), index))
            }
            Term::Directive(_, Mechanism::Ip6(network)) => {
                let first = mask6(network.address(), network.length());
                let size = u128::MAX.checked_shr(network.length().into()).unwrap_or(0);
                Some((6, first, first + size, index))
            }
            _ => None,
        })
        .collect();
    networks
        .sort_by_key(|(version, first, last, index)| (*version, *first, std::cmp::Reverse(*last), *index));
    let mut held = vec![None; terms.len()];
    let mut outer: Option<(u8, u128, usize)> = None;
    for (version, _, last, index) in networks {
        match outer {
            Some((outer_version, outer_last, outer_index))
                if outer_version == version && last <= outer_last =>
            {
                let name = terms.get(outer_index).map(|(_, term)| term.to_string());
                if let Some(slot) = held.get_mut(index) {
                    *slot = name;
                }
            }
            _ => outer = Some((version, last, index)),
        }
    }
    held
}

#[cfg(test)]
mod tests;
