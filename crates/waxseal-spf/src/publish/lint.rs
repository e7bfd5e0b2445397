//! Finds problems in the text of a record, without DNS.

use super::{
    Finding, Problem,
    networks::{mask4, mask6, overlaps},
    problem::MAX_BYTES,
};
use crate::{
    macros::Letters,
    record::{DomainSpec, Mechanism, Modifier, Network, Qualifier, Record, Term},
    select,
    suggestion::MECHANISMS,
    syntax_error::{SyntaxError, SyntaxErrorKind},
};
use std::{
    collections::HashSet,
    hash::Hash,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::Range,
};
use waxseal_dns::lint::nearest;

/// The problems of the text of a record, without DNS, in the order of the terms. Lookups of the record itself are
/// counted, those of included records only by [`Audit`](super::Audit).
///
/// ```
/// use waxseal_spf::publish::lint;
///
/// let findings = lint(b"v=spf1 ip4:192.0.2.1/24 ?all");
/// let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
/// assert_eq!(shown, [
///     "warning: ip4:192.0.2.1/24: has bits behind the prefix, which do not count: write ip4:192.0.2.0/24",
///     "warning: ?all: does not restrict other senders: use -all or ~all",
/// ]);
/// let syntax = lint(b"v=spf1 mx -al");
/// assert_eq!((syntax[0].span(), syntax[0].suggestion()), (Some(10..13), Some("-all")));
/// ```
pub fn lint(text: &[u8]) -> Vec<Finding> {
    let terms = match Record::parse_with_spans(text) {
        Ok(terms) => terms,
        Err(error) if error.kind() == SyntaxErrorKind::Version => {
            let advice = select::meant(text).unwrap_or("begin it with v=spf1");
            return vec![Finding::from(Problem::NotARecord(advice))];
        }
        Err(error) => return vec![syntax_finding(error, text)],
    };
    let mut findings = lint_terms(text, &terms, text.len());
    findings.extend(Problem::of_lookups(Record::of_terms(terms).lookups()).map(Finding::from));
    findings
}

/// The invalid term of `text`.
pub(crate) fn syntax_finding(error: SyntaxError, text: &[u8]) -> Finding {
    let start = error.offset();
    let behind = text.get(start..).unwrap_or_default();
    let length = behind.iter().position(|&c| c == b' ').unwrap_or(behind.len());
    let suggestion = error.suggestion();
    let finding = Finding::from(Problem::Syntax(error)).with_span(text, start..start + length);
    match suggestion {
        Some(suggestion) => finding.with_suggestion(suggestion),
        None => finding,
    }
}

/// `bytes` is the size of name and record together.
pub(crate) fn lint_terms(text: &[u8], terms: &[(Range<usize>, Term)], bytes: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    if bytes > MAX_BYTES {
        findings.push(Finding::from(Problem::TooLong(bytes)));
    }
    let all = terms.iter().position(|(_, term)| matches!(term, Term::Directive(_, Mechanism::All)));
    let overlaps = overlaps(terms);
    // Modifiers may be repeated.
    let repeats = repeats(terms.iter().map(|(_, term)| (!matches!(term, Term::Unknown(_))).then_some(term)));
    for ((index, (span, term)), repeats) in terms.iter().enumerate().zip(repeats) {
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
        findings.extend(problems.into_iter().map(|problem| {
            let suggestion = suggestion(&problem, term);
            let finding = Finding::from(problem).with_span(text, span.clone());
            suggestion.into_iter().fold(finding, Finding::with_suggestion)
        }));
    }
    if all.is_none() && !terms.iter().any(|(_, term)| matches!(term, Term::Redirect(_))) {
        findings.push(Finding::from(Problem::MissingAll));
    }
    findings
}

/// The suggestion for a term.
fn suggestion(problem: &Problem, term: &Term) -> Option<String> {
    match (problem, term) {
        (Problem::HostBits, Term::Directive(qualifier, mechanism)) => {
            Some(Term::Directive(*qualifier, mechanism.without_host_bits()?).to_string())
        }
        (Problem::EqualsForColon, Term::Unknown(modifier)) => match mechanism_meant(modifier)? {
            "all" => Some("all".into()),
            mechanism => Some(format!("{mechanism}:{}", modifier.value())),
        },
        (Problem::UnknownModifier, Term::Unknown(modifier)) => {
            let name = nearest(modifier.name(), &["redirect", "exp"])?;
            Some(format!("{name}={}", modifier.value()))
        }
        _ => None,
    }
}

/// For each item, whether an earlier one is the same, in linear time; `None` never is.
fn repeats<T: Eq + Hash>(items: impl Iterator<Item = Option<T>>) -> impl Iterator<Item = bool> {
    let mut earlier = HashSet::new();
    items.map(move |item| item.is_some_and(|item| !earlier.insert(item)))
}

/// The problems of a term by itself.
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
    match &*name {
        // RFC 6652 §3
        "ra" | "rp" | "rr" => None,
        "v" if modifier.value().eq_ignore_ascii_case("spf1") => Some(Problem::SecondVersion),
        _ if mechanism_meant(modifier).is_some() => Some(Problem::EqualsForColon),
        _ => Some(Problem::UnknownModifier),
    }
}

/// The mechanism that a modifier is named like, or nearly.
fn mechanism_meant(modifier: &Modifier) -> Option<&'static str> {
    let meant = nearest(modifier.name(), MECHANISMS)?;
    let long = meant.len() > 2 || meant.eq_ignore_ascii_case(modifier.name());
    long.then_some(meant)
}

fn mechanism_problems(qualifier: Qualifier, mechanism: &Mechanism, problems: &mut Vec<Problem>) {
    match (mechanism, qualifier) {
        (Mechanism::All, Qualifier::Pass) => problems.push(Problem::PassAll),
        (Mechanism::All, Qualifier::Neutral) => problems.push(Problem::NeutralAll),
        (Mechanism::Ptr(_), _) => problems.push(Problem::Ptr),
        (Mechanism::Ip(network), _) => {
            let (full, usual) = if network.address().is_ipv4() { (32, 16) } else { (128, 32) };
            size_problem(network.length(), full, usual, qualifier, problems);
        }
        (Mechanism::A(_, cidr) | Mechanism::Mx(_, cidr), _) => {
            size_problem(cidr.ip4(), 32, 16, qualifier, problems);
            size_problem(cidr.ip6(), 128, 32, qualifier, problems);
        }
        _ => {}
    }
    problems.extend(mechanism.without_host_bits().map(|_| Problem::HostBits));
}

impl Mechanism {
    /// The network with its first address, if it was written with another one.
    fn without_host_bits(&self) -> Option<Self> {
        let Self::Ip(network) = self else { return None };
        let length = network.length();
        let first: IpAddr = match network.address() {
            IpAddr::V4(address) => Ipv4Addr::from_bits(mask4(address, length)).into(),
            IpAddr::V6(address) => Ipv6Addr::from_bits(mask6(address, length)).into(),
        };
        (first != network.address()).then(|| Self::Ip(Network::new(first, length)))
    }
}

/// Networks with a shorter prefix than `usual` are larger than one sender needs.
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

#[cfg(test)]
mod tests;
