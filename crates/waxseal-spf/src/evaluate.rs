//! The evaluation itself: ordinary recursive code, run again with more answers until it comes to its end.

use crate::{
    check::CheckHost,
    limits::MAX_DEPTH,
    macros::{self, Letters},
    parse::{self, DualCidr, MechanismRef, Spec, TermKind, Terms, same_bits4, same_bits6},
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

/// One run of a check.
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
enum Found {
    Match {
        qualifier: Qualifier,
        place: Option<Place>,
        explanation: Option<String>,
    },
    NoMatch(DomainName),
    /// No record, or no domain where one could be.
    NoRecord(Cause),
}

/// A literal name that needs no truncation (RFC 7208 §7.3), final dot included.
const MAX_LITERAL: usize = 253;

/// Why an evaluation cannot go on.
enum Stop {
    Pending,
    /// At the term that is evaluated.
    Fault(Fault),
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

impl From<Pending> for Stop {
    fn from(_: Pending) -> Self {
        Self::Pending
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
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
            validated: None,
            trace: check.trace.then(Recorder::default),
        }
    }

    pub(crate) fn verdict(mut self) -> Result<Verdict, Pending> {
        let check = self.check;
        let mut explanation = None;
        let cause = match &check.envelope.domain {
            Err(error) => Cause::InvalidDomain(error.clone()),
            Ok(domain) => match self.check_host(domain, 0, false) {
                Ok(Found::Match { qualifier, place, explanation: text }) => {
                    explanation = text;
                    Cause::Matched { qualifier, place: place.unwrap_or_else(|| Place::top(domain)) }
                }
                Ok(Found::NoMatch(domain)) => Cause::NoMatch(domain),
                Ok(Found::NoRecord(cause)) => cause,
                Err(Stop::Pending) => return Err(Pending),
                Err(Stop::Cause(cause)) => *cause,
                Err(Stop::Fault(fault)) => self.cause(fault, Place::top(domain)),
            },
        };
        Ok(Verdict {
            envelope: check.envelope.clone(),
            cause,
            explanation,
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
                Ok(Found::Match { qualifier, .. }) => qualifier.result(),
                Ok(Found::NoMatch(_)) => SpfResult::Neutral,
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
            return Ok(Found::NoRecord(Cause::SingleLabel(domain.clone())));
        }
        let answer = self.ask(domain, RecordType::Txt)?;
        if answer.is_void() && depth > 0 {
            // Whatever their number, the term that led here fails for the lack of a record.
            self.void(domain);
        }
        let mut records = answer.records.iter().filter_map(spf_record);
        let Some((record, terms)) = records.next() else {
            return Ok(Found::NoRecord(match answer.existence {
                Existence::NxDomain => Cause::NoDomain(domain.clone()),
                Existence::Exists => Cause::NoRecord(domain.clone()),
            }));
        };
        let more = records.count();
        if more > 0 {
            return Err(Cause::SeveralRecords { domain: domain.clone(), count: more + 1 }.into());
        }
        self.evaluate(Frame { domain, record, depth, included }, terms)
    }

    /// RFC 7208 §4.6
    fn evaluate(&mut self, frame: Frame<'_>, terms: &[u8]) -> Result<Found, Stop> {
        if let Some(trace) = &mut self.trace {
            trace.select(frame.record);
        }
        let mut plan = Plan::default();
        self.plan(terms, &mut plan).map_err(|source| Cause::Syntax {
            domain: frame.domain.clone(),
            source,
            depth: frame.depth,
        })?;
        if let Some(trace) = &mut self.trace {
            for term in Terms::new(terms).flatten() {
                trace.push(frame.record.slice(term.start..term.end), term.start);
            }
        }
        for step in plan.steps() {
            self.begin(step.start);
            let inside = match self.matches(step.mechanism, &frame) {
                Ok(None) => {
                    self.outcome(|| Outcome::NoMatch);
                    continue;
                }
                Ok(Some(inside)) => inside,
                Err(stop) => return Err(self.stop(stop, &frame, step.start, step.end)),
            };
            self.outcome(|| Outcome::Match(step.qualifier.result()));
            // An include asks only whether the result is pass; nobody will ask for the place of another.
            let place = (step.qualifier == Qualifier::Pass || !frame.included)
                .then(|| Place { inside: inside.map(Box::new), ..frame.place(step.start, step.end) });
            let explanation = match plan.exp {
                // RFC 7208 §6.2: "If check_host() results in a "fail" due to a mechanism match"
                Some(exp) if step.qualifier == Qualifier::Fail && !frame.included && self.check.explain => {
                    self.begin(exp.start);
                    let text = self.explanation(exp.spec, &frame)?;
                    self.outcome(|| Outcome::Explained(text.clone()));
                    text
                }
                _ => None,
            };
            return Ok(Found::Match { qualifier: step.qualifier, place, explanation });
        }
        match plan.redirect {
            Some(target) => {
                self.begin(target.start);
                let found = self.redirect(target.spec, &frame);
                let found = found.map_err(|stop| self.stop(stop, &frame, target.start, target.end))?;
                self.outcome(|| Outcome::Followed);
                Ok(found)
            }
            // RFC 7208 §4.7
            None => Ok(Found::NoMatch(frame.domain.clone())),
        }
    }

    /// RFC 7208 §4.6: "The syntax of the record is validated first". Directives that need no DNS are decided on the way,
    /// so that a list of networks costs one pass; for a trace, all are kept.
    fn plan<'t>(&self, terms: &'t [u8], plan: &mut Plan<'t>) -> Result<(), SyntaxError> {
        let mut decided = false;
        let mut terms = Terms::new(terms);
        loop {
            if self.trace.is_none() {
                terms.skip_other_networks(self.check.envelope.ip);
            }
            let Some(term) = terms.next() else { return Ok(()) };
            let term = term?;
            let (start, end) = (term.start, term.end);
            match term.kind {
                TermKind::Directive(qualifier, mechanism) => {
                    let keep = match mechanism {
                        _ if decided => false,
                        MechanismRef::All => true,
                        MechanismRef::Ip4(..) | MechanismRef::Ip6(..) => {
                            self.trace.is_some() || self.contains(mechanism)
                        }
                        _ => true,
                    };
                    if keep {
                        plan.push(Step { qualifier, mechanism, start, end });
                        // RFC 7208 §5.1: "Mechanisms after "all" will never be tested."
                        decided = self.contains(mechanism);
                    }
                }
                TermKind::Redirect(spec) => plan.redirect = Some(Target { spec, start, end }),
                TermKind::Exp(spec) => plan.exp = Some(Target { spec, start, end }),
                TermKind::Unknown { .. } => {}
            }
        }
    }

    /// Whether a mechanism that needs no DNS matches.
    fn contains(&self, mechanism: MechanismRef<'_>) -> bool {
        match (mechanism, self.check.envelope.ip) {
            (MechanismRef::All, _) => true,
            (MechanismRef::Ip4(network), IpAddr::V4(ip)) => network.contains(ip),
            (MechanismRef::Ip6(network), IpAddr::V6(ip)) => network.contains(ip),
            _ => false,
        }
    }

    /// Whether a mechanism matches; for an `include`, with the place inside.
    fn matches(
        &mut self,
        mechanism: MechanismRef<'_>,
        frame: &Frame<'_>,
    ) -> Result<Option<Option<Place>>, Stop> {
        let matched = match mechanism {
            MechanismRef::All | MechanismRef::Ip4(..) | MechanismRef::Ip6(..) => self.contains(mechanism),
            MechanismRef::Include(spec) => return self.include(spec, frame),
            MechanismRef::A(spec, cidr) => self.a(spec, cidr, frame)?,
            MechanismRef::Mx(spec, cidr) => self.mx(spec, cidr, frame)?,
            MechanismRef::Ptr(spec) => self.ptr(spec, frame)?,
            MechanismRef::Exists(spec) => self.exists(spec, frame)?,
        };
        Ok(matched.then_some(None))
    }

    /// RFC 7208 §5.2
    fn include(&mut self, spec: Spec<'_>, frame: &Frame<'_>) -> Result<Option<Option<Place>>, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.target(spec, frame)? else { return Ok(None) };
        let target = target.map_err(Fault::InvalidTarget)?;
        match self.check_host(&target, frame.depth + 1, true)? {
            Found::Match { qualifier: Qualifier::Pass, place, .. } => Ok(Some(place)),
            Found::Match { .. } | Found::NoMatch(_) => Ok(None),
            Found::NoRecord(_) => Err(Fault::NoRecord.into()),
        }
    }

    /// RFC 7208 §6.1
    fn redirect(&mut self, spec: Spec<'_>, frame: &Frame<'_>) -> Result<Found, Stop> {
        self.count_term(frame.depth)?;
        // "if the <target-name> is malformed, the result is a "permerror" rather than "none"."
        let target = self.target(spec, frame)?.unwrap_or(Err(InvalidDomainName::NonAscii));
        let target = target.map_err(Fault::InvalidTarget)?;
        match self.check_host(&target, frame.depth + 1, frame.included)? {
            Found::NoRecord(_) => Err(Fault::NoRecord.into()),
            found => Ok(found),
        }
    }

    /// RFC 7208 §5.3
    fn a(&mut self, spec: Option<Spec<'_>>, cidr: DualCidr, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(spec, frame)? else { return Ok(false) };
        let answer = self.ask_for_term(&target, self.address_kind())?;
        Ok(self.any_address(&answer, cidr))
    }

    /// RFC 7208 §5.4. Hosts are looked at in the order of preference, then of names, whatever the order of the answer.
    fn mx(&mut self, spec: Option<Spec<'_>>, cidr: DualCidr, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(spec, frame)? else { return Ok(false) };
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
            if self.any_address(&answer, cidr) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// RFC 7208 §5.5. Only names within the target are validated: others cannot make a match.
    fn ptr(&mut self, spec: Option<Spec<'_>>, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(spec, frame)? else { return Ok(false) };
        let mut names = self.client_names()?;
        names.retain(|name| name.is_within(&target));
        Ok(!self.validate(names)?.is_empty())
    }

    /// RFC 7208 §5.7: "a DNS A RR lookup (even when the connection type is IPv6)"
    fn exists(&mut self, spec: Spec<'_>, frame: &Frame<'_>) -> Result<bool, Stop> {
        self.count_term(frame.depth)?;
        let Some(target) = self.host_target(Some(spec), frame)? else { return Ok(false) };
        let answer = self.ask_for_term(&target, RecordType::A)?;
        Ok(answer.records.iter().any(|record| matches!(record, Record::A(_))))
    }

    /// RFC 7208 §6.2: whatever goes wrong, "proceed as if no "exp" modifier was given".
    fn explanation(&mut self, spec: Spec<'_>, frame: &Frame<'_>) -> Result<Option<String>, Stop> {
        match self.published_explanation(spec, frame) {
            Err(Stop::Pending) => Err(Stop::Pending),
            Err(_) => Ok(None),
            Ok(text) => Ok(text),
        }
    }

    fn published_explanation(&mut self, spec: Spec<'_>, frame: &Frame<'_>) -> Result<Option<String>, Stop> {
        let Some(target) = self.host_target(Some(spec), frame)? else { return Ok(None) };
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
    fn host_target(&mut self, spec: Option<Spec<'_>>, frame: &Frame<'_>) -> Result<Option<DomainName>, Stop> {
        match spec {
            None => Ok(Some(frame.domain.clone())),
            Some(spec) => Ok(self.target(spec, frame)?.and_then(Result::ok)),
        }
    }

    /// The `<target-name>` (RFC 7208 §4.8). RFC 8616 §4: with a non-ASCII local-part, "terms that include %{s} or %{l} do
    /// not match anything": `None`.
    fn target(
        &mut self,
        spec: Spec<'_>,
        frame: &Frame<'_>,
    ) -> Result<Option<Result<DomainName, InvalidDomainName>>, Stop> {
        self.letters.insert(spec.letters);
        if spec.letters.any_of(Letters::LOCAL_PART) && !self.check.envelope.ascii_local_part {
            return Ok(None);
        }
        let name = if spec.letters.is_literal() && spec.text.len() <= MAX_LITERAL {
            DomainName::lenient(spec.text)
        } else {
            let validated = self.validated_name(spec.letters, frame.domain)?;
            let values = self.check.values(frame.domain, validated.as_ref());
            let expanded = macros::expand_name(spec.text, &values, &mut self.macro_budget);
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
            Err(Stop::Fault(Fault::Lookup(..))) => {
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
        let replies = self.ask_addresses(&names)?;
        let mut replies = replies.into_iter();
        let exactly = DualCidr { ip4: 32, ip6: 128 };
        names.retain(|name| {
            // "If a DNS error occurs while doing an A RR lookup, then that domain name is skipped".
            let accepted = replies.next().map(|reply| self.accept(name, self.address_kind(), reply));
            match accepted {
                Some(Ok(answer)) => self.any_address(&answer, exactly),
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

    fn any_address(&self, answer: &Answer, cidr: DualCidr) -> bool {
        answer.records.iter().any(|record| match (record, self.check.envelope.ip) {
            (Record::A(address), IpAddr::V4(ip)) => same_bits4(address.to_bits(), ip.to_bits(), cidr.ip4),
            (Record::Aaaa(address), IpAddr::V6(ip)) => same_bits6(address.to_bits(), ip.to_bits(), cidr.ip6),
            _ => false,
        })
    }

    /// RFC 7208 §4.6.4: "SPF implementations MUST limit the total number of those terms to 10 during SPF evaluation".
    fn count_term(&mut self, depth: usize) -> Result<(), Fault> {
        if self.terms >= u16::from(self.check.limits.terms()) || depth >= MAX_DEPTH {
            return Err(Fault::TooManyTerms);
        }
        self.terms += 1;
        Ok(())
    }

    fn count_void(&mut self, name: &DomainName) -> Result<(), Fault> {
        self.void(name);
        if self.void_lookups > self.check.limits.void_lookups() {
            Err(Fault::TooManyVoidLookups)
        } else {
            Ok(())
        }
    }

    fn void(&mut self, name: &DomainName) {
        self.void_lookups = self.void_lookups.saturating_add(1);
        if let Some(trace) = &mut self.trace {
            trace.void(name);
        }
    }

    fn count_queries(&mut self, count: usize) -> Result<(), Fault> {
        let queries = usize::from(self.queries) + count;
        match u16::try_from(queries) {
            Ok(queries) if queries <= self.check.limits.queries() => {
                self.queries = queries;
                Ok(())
            }
            _ => Err(Fault::TooManyQueries),
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

    fn ask(&mut self, name: &DomainName, kind: RecordType) -> Result<Answer, Stop> {
        self.count_queries(1)?;
        let reply = self.dns.ask(Question::new(name.clone(), kind))?;
        Ok(self.accept(name, kind, reply)?)
    }

    /// The addresses of all `names`, asked for together.
    fn ask_addresses(&mut self, names: &[DomainName]) -> Result<Vec<Reply>, Stop> {
        let kind = self.address_kind();
        self.count_queries(names.len())?;
        Ok(self.dns.ask_all(names.iter().map(|name| Question::new(name.clone(), kind)))?)
    }

    /// Takes note of a reply.
    fn accept(&mut self, name: &DomainName, kind: RecordType, reply: Reply) -> Result<Answer, Fault> {
        if let Some(trace) = &mut self.trace {
            trace.lookup(Question::new(name.clone(), kind), &reply);
        }
        // RFC 4035 §5.5: data that failed validation is not to be used.
        let reply = reply.and_then(|answer| match answer.dnssec {
            Dnssec::Bogus => Err(LookupError::ServerFailure),
            _ => Ok(answer),
        });
        let answer = reply.map_err(|error| Fault::Lookup(Question::new(name.clone(), kind), error))?;
        self.dnssec = Some(self.dnssec.map_or(answer.dnssec, |weakest| weakest.min(answer.dnssec)));
        self.ttl = match (self.ttl, answer.ttl) {
            // What was passed over once stays so.
            (Ttl::Smallest(Duration::ZERO), _) => self.ttl,
            (Ttl::Unknown, _) | (_, None) => Ttl::Unknown,
            (Ttl::Nothing, Some(ttl)) => Ttl::Smallest(ttl),
            (Ttl::Smallest(smallest), Some(ttl)) => Ttl::Smallest(smallest.min(ttl)),
        };
        Ok(answer)
    }

    fn begin(&mut self, offset: usize) {
        if let Some(trace) = &mut self.trace {
            trace.begin(offset);
        }
    }

    fn outcome(&mut self, outcome: impl FnOnce() -> Outcome) {
        if let Some(trace) = &mut self.trace {
            trace.outcome(outcome());
        }
    }

    /// Gives a fault its place.
    fn stop(&mut self, stop: Stop, frame: &Frame<'_>, start: usize, end: usize) -> Stop {
        self.outcome(|| Outcome::Error(stop.word()));
        match stop {
            Stop::Fault(fault) => self.cause(fault, frame.place(start, end)).into(),
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
            Self::Pending | Self::Fault(Fault::Lookup(..)) => SpfResult::TempError,
            Self::Fault(_) => SpfResult::PermError,
            Self::Cause(cause) => cause.word(),
        }
    }
}

impl From<Cause> for Stop {
    fn from(cause: Cause) -> Self {
        Self::Cause(Box::new(cause))
    }
}

impl Frame<'_> {
    fn place(&self, start: usize, end: usize) -> Place {
        let term = self.record.slice(start..end);
        Place { domain: self.domain.clone(), term, offset: start, depth: self.depth, inside: None }
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

/// An SPF record and what follows its version section (RFC 7208 §4.5).
fn spf_record(record: &Record) -> Option<(&Bytes, &[u8])> {
    match record {
        Record::Txt(text) => Some((text, parse::after_version(text)?)),
        _ => None,
    }
}

/// A directive that is to be evaluated.
#[derive(Clone, Copy)]
struct Step<'t> {
    qualifier: Qualifier,
    mechanism: MechanismRef<'t>,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy)]
struct Target<'t> {
    spec: Spec<'t>,
    start: usize,
    end: usize,
}

/// What of a record is to be evaluated: without a trace, the directives that need DNS and the first that matches without.
/// There are hardly ever more than ten, for more would exceed the limit.
#[derive(Default)]
struct Plan<'t> {
    first: [Option<Step<'t>>; 11],
    count: usize,
    more: Vec<Step<'t>>,
    redirect: Option<Target<'t>>,
    exp: Option<Target<'t>>,
}

impl<'t> Plan<'t> {
    fn push(&mut self, step: Step<'t>) {
        match self.first.get_mut(self.count) {
            Some(free) => *free = Some(step),
            None => self.more.push(step),
        }
        self.count += 1;
    }

    fn steps(&self) -> impl Iterator<Item = &Step<'t>> {
        self.first.iter().map_while(Option::as_ref).chain(&self.more)
    }
}
