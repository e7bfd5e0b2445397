//! The evaluation itself: ordinary recursive code, run again with more answers until it comes to its end.

use crate::{
    check::CheckHost,
    limits::MAX_DEPTH,
    macros::{self, Letters},
    parse::{self, Name, Spec, TermRef, Terms, same_bits4, same_bits6},
    record::{Qualifier, SyntaxError},
    trace::{Outcome, Recorder},
    verdict::{Cause, Place, Verdict},
};
use bytes::Bytes;
use std::{net::IpAddr, time::Duration};
use waxseal_authres::SpfResult;
use waxseal_dns::{
    Answer, Answers, Dnssec, DomainName, Existence, InvalidDomainName, LookupError, Pending, Question,
    Record, RecordType, Reply,
};

/// One run of a check. What `check_host()` returns beside its result is left here, so that results stay small.
pub(crate) struct Evaluation<'a, 'd, 'r> {
    check: &'a CheckHost,
    dns: &'d mut Answers<'r>,
    terms: u16,
    void_lookups: u16,
    queries: u16,
    macro_budget: usize,
    ttl: Ttl,
    dnssec: Option<Dnssec>,
    letters: Letters,
    /// The directive that matched last, unless nobody will ask.
    place: Option<Place>,
    /// The last domain whose directives did not match.
    unmatched: Option<DomainName>,
    explanation: Option<String>,
    /// The validated names of the client, once asked for.
    validated: Option<Vec<DomainName>>,
    trace: Option<Recorder>,
}

/// The smallest TTL so far.
#[derive(Clone, Copy)]
enum Ttl {
    Nothing,
    Unknown,
    Smallest(Duration),
}

/// What a `check_host()` returned, errors aside.
#[derive(Clone, Copy)]
enum Found {
    Match(Qualifier),
    NoMatch,
    NoRecord(Missing),
}

/// Why there is no record.
#[derive(Clone, Copy)]
enum Missing {
    SingleLabel,
    Domain,
    Record,
}

/// Why an evaluation cannot go on.
enum Stop {
    Pending,
    /// At the term that is evaluated.
    Fault(Box<Fault>),
    Cause(Box<Cause>),
}

enum Fault {
    Lookup(Question, LookupError),
    NoRecord,
    InvalidTarget(InvalidDomainName),
    TooManyTerms,
    TooManyVoidLookups,
    TooManyMxNames(usize),
    TooManyQueries,
    TooManyMacroOctets,
}

/// The record that is evaluated.
#[derive(Clone, Copy)]
struct Frame<'a> {
    domain: &'a DomainName,
    record: &'a Bytes,
    depth: usize,
    /// Below an `include`, where explanations do not count (RFC 7208 §6.2).
    included: bool,
}

/// A literal name that needs no truncation (RFC 7208 §7.3), final dot included.
const MAX_LITERAL: usize = 253;

impl<'a, 'd, 'r> Evaluation<'a, 'd, 'r> {
    pub(crate) fn new(check: &'a CheckHost, dns: &'d mut Answers<'r>) -> Self {
        Self {
            check,
            dns,
            terms: 0,
            void_lookups: 0,
            queries: 0,
            macro_budget: check.limits.macro_octets(),
            ttl: Ttl::Nothing,
            dnssec: None,
            letters: Letters::default(),
            place: None,
            unmatched: None,
            explanation: None,
            validated: None,
            trace: check.trace.then(Recorder::default),
        }
    }

    pub(crate) fn verdict(mut self) -> Result<Verdict, Pending> {
        let check = self.check;
        let cause = match &check.envelope.domain {
            Err(error) => Cause::InvalidDomain(error.clone()),
            Ok(domain) => match self.check_host(domain, 0, false) {
                Ok(Found::Match(qualifier)) => {
                    let place = self.place.take().unwrap_or_else(|| Place::top(domain));
                    Cause::Matched { qualifier, place }
                }
                Ok(Found::NoMatch) => Cause::NoMatch(self.unmatched.take().unwrap_or_else(|| domain.clone())),
                Ok(Found::NoRecord(Missing::SingleLabel)) => Cause::SingleLabel(domain.clone()),
                Ok(Found::NoRecord(Missing::Domain)) => Cause::NoDomain(domain.clone()),
                Ok(Found::NoRecord(Missing::Record)) => Cause::NoRecord(domain.clone()),
                Err(Stop::Pending) => return Err(Pending),
                Err(Stop::Cause(cause)) => *cause,
                Err(Stop::Fault(fault)) => self.cause(*fault, Place::top(domain)),
            },
        };
        Ok(Verdict {
            envelope: check.envelope.clone(),
            cause,
            explanation: self.explanation,
            ttl: if let Ttl::Smallest(ttl) = self.ttl { Some(ttl) } else { None },
            dnssec: self.dnssec.unwrap_or_default(),
            lookups: self.terms,
            void_lookups: self.void_lookups,
            queries: self.queries,
            depends_on_sender: self.letters.any_of(Letters::SENDER),
            trace: self.trace.and_then(Recorder::finish),
        })
    }

    /// RFC 7208 §4: `depth` is 0 for the domain of the identity.
    fn check_host(&mut self, domain: &DomainName, depth: usize, included: bool) -> Result<Found, Stop> {
        if let Some(trace) = &mut self.trace {
            trace.enter(domain, depth);
        }
        let found = self.fetch_and_evaluate(domain, depth, included);
        if let Some(trace) = &mut self.trace {
            trace.leave(match &found {
                Ok(Found::Match(qualifier)) => qualifier.result(),
                Ok(Found::NoMatch) => SpfResult::Neutral,
                Ok(Found::NoRecord(_)) => SpfResult::None,
                Err(stop) => stop.word(),
            });
        }
        found
    }

    fn fetch_and_evaluate(
        &mut self,
        domain: &DomainName,
        depth: usize,
        included: bool,
    ) -> Result<Found, Stop> {
        // RFC 7208 §4.3: "is not a multi-label domain name"
        if !domain.as_str().contains('.') {
            return Ok(Found::NoRecord(Missing::SingleLabel));
        }
        let answer = self.ask(domain, RecordType::Txt)?;
        if answer.is_void() && depth > 0 {
            // Whatever their number, the term that led here fails for the lack of a record.
            self.void(domain);
        }
        let mut records = answer.records.iter().filter_map(spf_record);
        let Some(record) = records.next() else {
            return Ok(Found::NoRecord(match answer.existence {
                Existence::NxDomain => Missing::Domain,
                Existence::Exists => Missing::Record,
            }));
        };
        let more = records.count();
        if more > 0 {
            return Err(Cause::SeveralRecords { domain: domain.clone(), count: more + 1 }.into());
        }
        self.evaluate(&Frame { domain, record, depth, included })
    }

    /// RFC 7208 §4.6
    fn evaluate(&mut self, frame: &Frame<'_>) -> Result<Found, Stop> {
        let mut plan = Plan::default();
        if let Some(trace) = &mut self.trace {
            trace.select(frame.record);
        }
        self.plan(frame.record, &mut plan).map_err(|source| Cause::Syntax {
            domain: frame.domain.clone(),
            source,
            depth: frame.depth,
        })?;
        if let Some(trace) = &mut self.trace {
            trace.terms(frame.record);
        }
        for term in plan.terms() {
            self.begin(term);
            match self.matches(term, frame) {
                Ok(false) => self.outcome(|| Outcome::NoMatch),
                Ok(true) => {
                    self.outcome(|| Outcome::Match(term.qualifier.result()));
                    return self.matched(term, plan.exp.as_ref(), frame);
                }
                Err(stop) => return Err(self.stop(stop, term, frame)),
            }
        }
        let Some(redirect) = plan.redirect else {
            // RFC 7208 §4.7
            if !frame.included {
                self.unmatched = Some(frame.domain.clone());
            }
            return Ok(Found::NoMatch);
        };
        self.begin(&redirect);
        let found = self.redirect(&redirect, frame).map_err(|stop| self.stop(stop, &redirect, frame))?;
        self.outcome(|| Outcome::Followed);
        Ok(found)
    }

    /// RFC 7208 §4.6: "The syntax of the record is validated first". Directives that need no DNS are decided on the way,
    /// so that a list of networks costs one pass; for a trace, all are kept.
    fn plan(&self, record: &[u8], plan: &mut Plan) -> Result<(), SyntaxError> {
        let ip = self.check.envelope.ip;
        let mut terms = Terms::new(record);
        let mut decided = false;
        loop {
            if self.trace.is_none() {
                terms.skip_other_networks(ip);
            }
            let term = plan.next();
            if !terms.read(term)? {
                return Ok(());
            }
            let keep = match term.name {
                Name::Redirect => {
                    plan.redirect = Some(*term);
                    continue;
                }
                Name::Exp => {
                    plan.exp = Some(*term);
                    continue;
                }
                Name::Unknown => continue,
                _ if decided => false,
                Name::Ip4 | Name::Ip6 => self.trace.is_some() || term.contains(ip),
                _ => true,
            };
            if keep {
                // RFC 7208 §5.1: "Mechanisms after "all" will never be tested."
                decided = term.contains(ip);
                plan.count += 1;
            }
        }
    }

    /// A directive matched: leaves its place and the explanation.
    fn matched(&mut self, term: &TermRef, exp: Option<&TermRef>, frame: &Frame<'_>) -> Result<Found, Stop> {
        let inside = self.place.take();
        // An include asks only whether the result is pass; nobody will ask for the place of another.
        if term.qualifier == Qualifier::Pass || !frame.included {
            self.place = Some(Place { inside: inside.map(Box::new), ..frame.place(term) });
        }
        // RFC 7208 §6.2: "If check_host() results in a "fail" due to a mechanism match"
        if let Some(exp) = exp {
            if term.qualifier == Qualifier::Fail && !frame.included && self.check.explain {
                self.begin(exp);
                self.explanation = self.explain(exp, frame)?;
                let text = self.explanation.clone();
                self.outcome(|| Outcome::Explained(text));
            }
        }
        Ok(Found::Match(term.qualifier))
    }

    fn matches(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<bool, Stop> {
        match term.name {
            Name::Include => self.include(term, frame),
            Name::A => self.a(term, frame),
            Name::Mx => self.mx(term, frame),
            Name::Ptr => self.ptr(term, frame),
            Name::Exists => self.exists(term, frame),
            _ => Ok(term.contains(self.check.envelope.ip)),
        }
    }

    /// RFC 7208 §5.2
    fn include(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.target(term, frame)? else { return Ok(false) };
        let target = target.map_err(Fault::InvalidTarget)?;
        match self.check_host(&target, frame.depth + 1, true)? {
            Found::Match(Qualifier::Pass) => Ok(true),
            Found::Match(_) | Found::NoMatch => Ok(false),
            Found::NoRecord(_) => Err(Fault::NoRecord.into()),
        }
    }

    /// RFC 7208 §6.1
    fn redirect(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<Found, Stop> {
        self.count_term(frame.depth)?;
        // "if the <target-name> is malformed, the result is a "permerror" rather than "none"."
        let target = self.target(term, frame)?.unwrap_or(Err(InvalidDomainName::NonAscii));
        let target = target.map_err(Fault::InvalidTarget)?;
        match self.check_host(&target, frame.depth + 1, frame.included)? {
            Found::NoRecord(_) => Err(Fault::NoRecord.into()),
            found => Ok(found),
        }
    }

    /// RFC 7208 §5.3
    fn a(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(term, frame)? else { return Ok(false) };
        let answer = self.ask_for_term(&target, self.address_kind())?;
        Ok(self.any_address(&answer, term.ip4, term.ip6))
    }

    /// RFC 7208 §5.4. Hosts are looked at in the order of preference, then of names, whatever the order of the answer.
    fn mx(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(term, frame)? else { return Ok(false) };
        let answer = self.ask_for_term(&target, RecordType::Mx)?;
        let count = answer.records.len();
        if count > usize::from(self.check.limits.mx_names()) {
            return Err(Fault::TooManyMxNames(count).into());
        }
        let host = |record: &Record| match record {
            Record::Mx(preference, Some(host)) => Some((*preference, host.clone())),
            _ => None,
        };
        let mut hosts: Vec<_> = answer.records.iter().filter_map(host).collect();
        hosts.sort();
        let hosts: Vec<_> = hosts.into_iter().map(|(_, host)| host).collect();
        for (host, reply) in hosts.iter().zip(self.ask_addresses(&hosts)?) {
            let answer = self.accept(host, self.address_kind(), reply)?;
            if answer.is_void() {
                self.count_void(host)?;
            }
            if self.any_address(&answer, term.ip4, term.ip6) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// RFC 7208 §5.5. Only names within the target are validated: others cannot make a match.
    fn ptr(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(term, frame)? else { return Ok(false) };
        let mut names = self.client_names()?;
        names.retain(|name| name.is_within(&target));
        Ok(!self.validate(names)?.is_empty())
    }

    /// RFC 7208 §5.7: "a DNS A RR lookup (even when the connection type is IPv6)"
    fn exists(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(term, frame)? else { return Ok(false) };
        let answer = self.ask_for_term(&target, RecordType::A)?;
        Ok(answer.records.iter().any(|record| matches!(record, Record::A(_))))
    }

    /// RFC 7208 §6.2: whatever goes wrong, "proceed as if no "exp" modifier was given".
    fn explain(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<Option<String>, Stop> {
        match self.published_explanation(term, frame) {
            Err(Stop::Pending) => Err(Stop::Pending),
            Err(_) => Ok(None),
            Ok(text) => Ok(text),
        }
    }

    fn published_explanation(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<Option<String>, Stop> {
        let Some(target) = self.host_target(term, frame)? else { return Ok(None) };
        let answer = self.ask(&target, RecordType::Txt)?;
        let [Record::Txt(text)] = &*answer.records else { return Ok(None) };
        let Ok(found) = macros::scan(text, true) else { return Ok(None) };
        let validated = self.validated_name(found.letters, frame.domain)?;
        let values = self.check.values(frame.domain, validated.as_ref());
        let limit = usize::from(self.check.limits.explanation());
        Ok(macros::expand_text(text, &values, limit, &mut self.macro_budget).ok())
    }

    /// The `<target-name>` of a term whose failure to have one is no match.
    ///
    /// RFC 7208 §4.8: "Some implementations choose to treat such errors as not-match and therefore ignore such names".
    fn host_target(&mut self, term: &TermRef, frame: &Frame<'_>) -> Result<Option<DomainName>, Stop> {
        match term.spec() {
            None => Ok(Some(frame.domain.clone())),
            Some(_) => Ok(self.target(term, frame)?.and_then(Result::ok)),
        }
    }

    /// The `<target-name>` (RFC 7208 §4.8). RFC 8616 §4: with a non-ASCII local-part, "terms that include %{s} or %{l} do
    /// not match anything": `None`.
    fn target(
        &mut self,
        term: &TermRef,
        frame: &Frame<'_>,
    ) -> Result<Option<Result<DomainName, InvalidDomainName>>, Stop> {
        let Spec { letters, .. } = term.spec().unwrap_or_default();
        let text = term.spec().unwrap_or_default().of(frame.record);
        self.letters.insert(letters);
        if letters.any_of(Letters::LOCAL_PART) && !self.check.envelope.ascii_local_part {
            return Ok(None);
        }
        let name = if letters.is_literal() && text.len() <= MAX_LITERAL {
            DomainName::lenient(text)
        } else {
            let validated = self.validated_name(letters, frame.domain)?;
            let values = self.check.values(frame.domain, validated.as_ref());
            let expanded = macros::expand_name(text, &values, &mut self.macro_budget);
            expanded.map_err(|_| Fault::TooManyMacroOctets)?
        };
        if let (Some(trace), Ok(name)) = (&mut self.trace, &name) {
            trace.target(name);
        }
        Ok(Some(name))
    }

    /// The value of the macro `p`, if it is needed (RFC 7208 §7.3).
    fn validated_name(&mut self, letters: Letters, domain: &DomainName) -> Result<Option<DomainName>, Stop> {
        if !letters.any_of(Letters::VALIDATED) {
            return Ok(None);
        }
        let names = match self.validated.take() {
            Some(names) => names,
            None => {
                let names = self.client_names()?;
                self.validate(names)?
            }
        };
        // "If the <domain> is present in the list of validated domains, it SHOULD be used. Otherwise, if a subdomain of the
        // <domain> is present, it SHOULD be used. Otherwise, any name from the list can be used."
        let exact = names.iter().find(|name| *name == domain);
        let name =
            exact.or_else(|| names.iter().find(|name| name.is_within(domain))).or(names.first()).cloned();
        self.validated = Some(names);
        Ok(name)
    }

    /// The names of the client's address, as many as may be looked at (RFC 7208 §5.5).
    fn client_names(&mut self) -> Result<Vec<DomainName>, Stop> {
        let reverse = DomainName::reverse(self.check.envelope.ip);
        let answer = match self.ask_for_term(&reverse, RecordType::Ptr) {
            Ok(answer) => answer,
            // "If a DNS error occurs while doing the PTR RR lookup, then this mechanism fails to match."
            Err(Stop::Fault(fault)) if matches!(*fault, Fault::Lookup(..)) => {
                self.ttl = Ttl::Smallest(Duration::ZERO);
                return Ok(Vec::new());
            }
            Err(stop) => return Err(stop),
        };
        let name = |record: &Record| if let Record::Ptr(name) = record { Some(name.clone()) } else { None };
        // RFC 7208 §4.6.4: "all records other than the first 10 MUST be ignored"
        Ok(answer.records.iter().filter_map(name).take(self.check.limits.ptr_names().into()).collect())
    }

    /// Those of the names that lead back to the client.
    fn validate(&mut self, mut names: Vec<DomainName>) -> Result<Vec<DomainName>, Stop> {
        let mut replies = self.ask_addresses(&names)?.into_iter();
        names.retain(|name| {
            // "If a DNS error occurs while doing an A RR lookup, then that domain name is skipped".
            let accepted = replies.next().map(|reply| self.accept(name, self.address_kind(), reply));
            match accepted {
                Some(Ok(answer)) => self.any_address(&answer, 32, 128),
                _ => {
                    self.ttl = Ttl::Smallest(Duration::ZERO);
                    false
                }
            }
        });
        Ok(names)
    }

    fn address_kind(&self) -> RecordType {
        // RFC 7208 §5: "when <ip> is an IPv4, "A" records are fetched; when <ip> is an IPv6 address, "AAAA" records"
        if self.check.envelope.ip.is_ipv4() { RecordType::A } else { RecordType::Aaaa }
    }

    /// Whether an address of the answer agrees with the client in the first `ip4` or `ip6` bits.
    fn any_address(&self, answer: &Answer, ip4: u32, ip6: u32) -> bool {
        answer.records.iter().any(|record| match (record, self.check.envelope.ip) {
            (Record::A(address), IpAddr::V4(ip)) => same_bits4(address.to_bits(), ip.to_bits(), ip4),
            (Record::Aaaa(address), IpAddr::V6(ip)) => same_bits6(address.to_bits(), ip.to_bits(), ip6),
            _ => false,
        })
    }

    /// RFC 7208 §4.6.4: "SPF implementations MUST limit the total number of those terms to 10 during SPF evaluation".
    fn count_term(&mut self, depth: usize) -> Result<(), Stop> {
        if self.terms >= u16::from(self.check.limits.terms()) || depth >= MAX_DEPTH {
            return Err(Fault::TooManyTerms.into());
        }
        self.terms += 1;
        Ok(())
    }

    fn count_void(&mut self, name: &DomainName) -> Result<(), Stop> {
        self.void(name);
        if self.void_lookups > self.check.limits.void_lookups() {
            return Err(Fault::TooManyVoidLookups.into());
        }
        Ok(())
    }

    fn void(&mut self, name: &DomainName) {
        self.void_lookups = self.void_lookups.saturating_add(1);
        if let Some(trace) = &mut self.trace {
            trace.void(name);
        }
    }

    fn count_queries(&mut self, count: usize) -> Result<(), Stop> {
        let queries = usize::from(self.queries) + count;
        match u16::try_from(queries) {
            Ok(queries) if queries <= self.check.limits.queries() => {
                self.queries = queries;
                Ok(())
            }
            _ => Err(Fault::TooManyQueries.into()),
        }
    }

    /// A lookup whose failure ends the evaluation and whose void answer counts.
    fn ask_for_term(&mut self, name: &DomainName, kind: RecordType) -> Result<Answer, Stop> {
        let answer = self.ask(name, kind)?;
        if answer.is_void() {
            self.count_void(name)?;
        }
        Ok(answer)
    }

    #[inline(always)]
    fn ask(&mut self, name: &DomainName, kind: RecordType) -> Result<Answer, Stop> {
        self.count_queries(1)?;
        let reply = self.dns.ask(Question::new(name.clone(), kind))?;
        self.accept(name, kind, reply)
    }

    /// The addresses of all `names`, asked for together.
    fn ask_addresses(&mut self, names: &[DomainName]) -> Result<Vec<Reply>, Stop> {
        let kind = self.address_kind();
        self.count_queries(names.len())?;
        Ok(self.dns.ask_all(names.iter().map(|name| Question::new(name.clone(), kind)))?)
    }

    /// Takes note of a reply.
    #[inline(always)]
    fn accept(&mut self, name: &DomainName, kind: RecordType, reply: Reply) -> Result<Answer, Stop> {
        if let Some(trace) = &mut self.trace {
            trace.lookup(Question::new(name.clone(), kind), &reply);
        }
        let failed = |error| Fault::Lookup(Question::new(name.clone(), kind), error).into();
        match reply {
            // RFC 4035 §5.5: data that failed validation is not to be used.
            Ok(answer) if answer.dnssec == Dnssec::Bogus => Err(failed(LookupError::ServerFailure)),
            Ok(answer) => {
                self.note(&answer);
                Ok(answer)
            }
            Err(error) => Err(failed(error)),
        }
    }

    fn note(&mut self, answer: &Answer) {
        self.dnssec = Some(self.dnssec.map_or(answer.dnssec, |weakest| weakest.min(answer.dnssec)));
        self.ttl = match (self.ttl, answer.ttl) {
            // What was passed over once stays so.
            (Ttl::Smallest(Duration::ZERO), _) => return,
            (Ttl::Unknown, _) | (_, None) => Ttl::Unknown,
            (Ttl::Nothing, Some(ttl)) => Ttl::Smallest(ttl),
            (Ttl::Smallest(smallest), Some(ttl)) => Ttl::Smallest(smallest.min(ttl)),
        };
    }

    #[inline]
    fn begin(&mut self, term: &TermRef) {
        if let Some(trace) = &mut self.trace {
            trace.begin(term.start);
        }
    }

    #[inline]
    fn outcome(&mut self, outcome: impl FnOnce() -> Outcome) {
        if let Some(trace) = &mut self.trace {
            trace.outcome(outcome());
        }
    }

    /// Gives a fault its place.
    #[cold]
    fn stop(&mut self, stop: Stop, term: &TermRef, frame: &Frame<'_>) -> Stop {
        self.outcome(|| Outcome::Error(stop.word()));
        match stop {
            Stop::Fault(fault) => self.cause(*fault, frame.place(term)).into(),
            stop => stop,
        }
    }

    fn cause(&self, fault: Fault, place: Place) -> Cause {
        let limits = &self.check.limits;
        match fault {
            Fault::Lookup(question, source) => Cause::Lookup { question, source, place: place.of_term() },
            Fault::NoRecord => Cause::TargetWithoutRecord(place),
            Fault::InvalidTarget(source) => Cause::InvalidTarget { place, source },
            Fault::TooManyTerms => Cause::TooManyTerms { limit: limits.terms().into(), place },
            Fault::TooManyVoidLookups => Cause::TooManyVoidLookups { limit: limits.void_lookups(), place },
            Fault::TooManyMxNames(count) => Cause::TooManyMxNames { count, limit: limits.mx_names(), place },
            Fault::TooManyQueries => {
                Cause::TooManyQueries { limit: limits.queries(), place: place.of_term() }
            }
            Fault::TooManyMacroOctets => Cause::TooManyMacroOctets { limit: limits.macro_octets(), place },
        }
    }
}

impl Stop {
    fn word(&self) -> SpfResult {
        match self {
            Self::Pending => SpfResult::TempError,
            Self::Fault(fault) if matches!(**fault, Fault::Lookup(..)) => SpfResult::TempError,
            Self::Fault(_) => SpfResult::PermError,
            Self::Cause(cause) => cause.word(),
        }
    }
}

impl From<Pending> for Stop {
    fn from(_: Pending) -> Self {
        Self::Pending
    }
}

impl From<Fault> for Stop {
    #[cold]
    fn from(fault: Fault) -> Self {
        Self::Fault(Box::new(fault))
    }
}

impl From<Cause> for Stop {
    #[cold]
    fn from(cause: Cause) -> Self {
        Self::Cause(Box::new(cause))
    }
}

impl Frame<'_> {
    fn place(&self, term: &TermRef) -> Place {
        Place {
            domain: self.domain.clone(),
            term: self.record.slice(term.start..term.end),
            offset: term.start,
            depth: self.depth,
            inside: None,
        }
    }
}

impl Place {
    /// Before any term.
    fn top(domain: &DomainName) -> Self {
        Self { domain: domain.clone(), term: Bytes::new(), offset: 0, depth: 0, inside: None }
    }

    fn of_term(self) -> Option<Self> {
        (!self.term.is_empty()).then_some(self)
    }
}

/// RFC 7208 §4.5
fn spf_record(record: &Record) -> Option<&Bytes> {
    match record {
        Record::Txt(text) if parse::is_spf1(text) => Some(text),
        _ => None,
    }
}

/// What of a record is to be evaluated: without a trace, the directives that need DNS and the first that matches without.
/// There are hardly ever more than ten, for more would exceed the limit.
#[derive(Default)]
struct Plan {
    first: [TermRef; Plan::FIRST],
    more: Vec<TermRef>,
    count: usize,
    redirect: Option<TermRef>,
    exp: Option<TermRef>,
}

impl Plan {
    const FIRST: usize = 12;

    /// The term behind those that count.
    #[inline]
    fn next(&mut self) -> &mut TermRef {
        match self.first.get_mut(self.count) {
            Some(term) => term,
            None => {
                let index = self.count - Self::FIRST;
                self.more.resize(index + 1, TermRef::default());
                #[expect(clippy::indexing_slicing, reason = "it has just been made that long")]
                &mut self.more[index]
            }
        }
    }

    fn terms(&self) -> impl Iterator<Item = &TermRef> {
        self.first.iter().chain(&self.more).take(self.count)
    }
}
