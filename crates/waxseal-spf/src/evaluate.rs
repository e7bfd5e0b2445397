//! The evaluation: ordinary recursive code, run again with more answers until it finishes.

mod mechanism;
mod stop;

use crate::{
    cause::Cause,
    check::SpfCheck,
    macros::Letters,
    parse::{Name, TermRef},
    place::Place,
    plan::{Plan, Planned},
    record::Qualifier,
    select::{self, Selected},
    trace::{Outcome, Recorder},
    verdict::Verdict,
};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use stop::{Fault, Stop};
use waxseal_authres::SpfResult;
use waxseal_dns::{
    Answer, Answers, Dnssec, DomainName, Existence, LookupError, Pending, Question, RecordType, Reply,
};

/// One run of a check. What `check_host()` returns besides its result is stored here, so that results stay small.
pub(crate) struct Evaluation<'a, 'd, 'r> {
    check: &'a SpfCheck,
    dns: &'d mut Answers<'r>,
    terms: u16,
    void_lookups: u16,
    queries: u16,
    macro_budget: usize,
    ttl: Ttl,
    dnssec: Option<Dnssec>,
    letters: Letters,
    /// The directive that matched last, unless it is not needed.
    place: Option<Place>,
    /// The last domain whose directives did not match.
    unmatched: Option<DomainName>,
    explanation: Option<String>,
    /// The record of the identity's domain.
    record: Option<Bytes>,
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

/// The result of a `check_host()` that did not fail.
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
    pub(crate) fn new(check: &'a SpfCheck, dns: &'d mut Answers<'r>) -> Self {
        Self {
            check,
            dns,
            terms: 0,
            void_lookups: 0,
            queries: 0,
            macro_budget: check.limits.macro_bytes,
            ttl: Ttl::Nothing,
            dnssec: None,
            letters: Letters::default(),
            place: None,
            unmatched: None,
            explanation: None,
            record: None,
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
                    Cause::Matched(qualifier, place)
                }
                Ok(Found::NoMatch) => Cause::NoMatch(self.unmatched.take().unwrap_or_else(|| domain.clone())),
                Ok(Found::NoRecord(Missing::SingleLabel)) => Cause::SingleLabel(domain.clone()),
                Ok(Found::NoRecord(Missing::Domain)) => Cause::NoDomain(domain.clone()),
                Ok(Found::NoRecord(Missing::Record)) => self.no_record(domain)?,
                Err(Stop::Pending) => return Err(Pending),
                Err(Stop::Cause(cause)) => *cause,
                Err(Stop::Fault(fault)) => fault.at(Place::top(domain), &check.limits),
            },
        };
        Ok(Verdict {
            envelope: check.envelope.clone(),
            cause,
            explanation: self.explanation,
            record: self.record,
            ttl: if let Ttl::Smallest(ttl) = self.ttl { Some(ttl) } else { None },
            dnssec: self.dnssec.unwrap_or_default(),
            lookups: self.terms,
            void_lookups: self.void_lookups,
            queries: self.queries,
            depends_on_sender: self.letters.any_of(Letters::SENDER),
            depends_on_local_part: self.letters.any_of(Letters::LOCAL_PART),
            trace: self.trace.and_then(Recorder::finish),
        })
    }

    /// The domain of the identity has no record. Its other records are checked for one that was meant to be.
    #[cold]
    fn no_record(&mut self, domain: &DomainName) -> Result<Cause, Pending> {
        let reply = self.dns.ask(Question::new(domain.clone(), RecordType::Txt))?;
        let near_miss = reply.ok().and_then(|answer| select::near_misses(&answer.records).next());
        Ok(match near_miss {
            Some(near_miss) => Cause::NearMiss(domain.clone(), near_miss),
            None => Cause::NoRecord(domain.clone()),
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
                Err(stop) => stop.result(domain, &self.check.limits),
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
        if !domain.as_str().bytes().any(|c| c == b'.') {
            return Ok(Found::NoRecord(Missing::SingleLabel));
        }
        let answer = self.ask(domain, RecordType::Txt)?;
        if answer.is_void() && depth > 0 {
            // Whatever their number, the term that led here fails because there is no record.
            self.void(domain);
        }
        let record = match Selected::among(&answer.records) {
            Selected::One(record) => record,
            Selected::None => {
                return Ok(Found::NoRecord(match answer.existence {
                    Existence::NxDomain => Missing::Domain,
                    Existence::Exists => Missing::Record,
                }));
            }
            Selected::Several(count) => {
                return Err(Cause::SeveralRecords(domain.clone(), count).into());
            }
        };
        if depth == 0 {
            self.record = Some(record.clone());
        }
        self.evaluate(&Frame { domain, record, depth, included })
    }

    /// RFC 7208 §4.6
    fn evaluate(&mut self, frame: &Frame<'_>) -> Result<Found, Stop> {
        let plan = self.plan(frame)?;
        let (ip, traced) = (self.check.envelope.ip, self.trace.is_some());
        for (index, term) in plan.directives.iter().enumerate() {
            // Most terms of most records.
            if !traced && term.is_network_without(ip) {
                continue;
            }
            self.begin(term);
            match self.matches(term, frame) {
                Ok(false) => self.outcome(|| Outcome::NoMatch),
                Ok(true) => {
                    self.outcome(|| Outcome::Match(term.qualifier.result()));
                    return self.matched(term, plan.exp.as_ref(), frame);
                }
                Err(Stop::Pending) => {
                    if self.check.prefetch {
                        self.prefetch(&plan, index + 1, frame);
                    }
                    return Err(Stop::Pending);
                }
                Err(stop) => return Err(self.stop(stop, term, frame)),
            }
        }
        let Some(redirect) = &plan.redirect else {
            // RFC 7208 §4.7
            if !frame.included {
                self.unmatched = Some(frame.domain.clone());
            }
            return Ok(Found::NoMatch);
        };
        self.begin(redirect);
        let found = self.redirect(redirect, frame).map_err(|stop| self.stop(stop, redirect, frame))?;
        self.outcome(|| Outcome::Followed);
        Ok(found)
    }

    /// The terms of the record, whose whole syntax was checked.
    fn plan(&mut self, frame: &Frame<'_>) -> Result<Arc<Plan>, Stop> {
        if let Some(trace) = &mut self.trace {
            trace.select(frame.record);
        }
        let plan = match &self.check.records {
            Some(records) => records.plan(frame.domain, frame.record),
            None => Plan::read(frame.record, false).map(Arc::new),
        };
        let plan = plan.map_err(|source| Cause::Syntax(frame.domain.clone(), source))?;
        if let Some(trace) = &mut self.trace {
            trace.terms(frame.record);
        }
        Ok(plan)
    }

    /// A directive matched: stores its place and the explanation.
    fn matched(&mut self, term: &Planned, exp: Option<&Planned>, frame: &Frame<'_>) -> Result<Found, Stop> {
        let inside = self.place.take();
        // For an include, only a pass matters, so the place of any other match is not needed.
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

    /// Asks the questions of the terms from `next` on; they are counted when they are evaluated.
    fn prefetch(&mut self, plan: &Plan, next: usize, frame: &Frame<'_>) {
        let ip = self.check.envelope.ip;
        let mut ahead: Vec<&Planned> = Vec::new();
        for term in plan.directives.iter().skip(next).chain(&plan.redirect) {
            // RFC 7208 §5.1: "Mechanisms after "all" will never be tested."
            if term.contains(ip) {
                break;
            }
            if !matches!(term.name, Name::Ip4 | Name::Ip6) {
                ahead.push(term);
            }
        }
        let left = usize::from(u16::from(self.check.limits.terms).saturating_sub(self.terms));
        for term in ahead.into_iter().take(left) {
            let kind = match term.name {
                Name::Include | Name::Redirect => RecordType::Txt,
                Name::A => self.address_kind(),
                Name::Mx => RecordType::Mx,
                Name::Exists => RecordType::A,
                _ => continue,
            };
            let target = match (&term.target, term.spec()) {
                (Some(target), _) => Ok(target.clone()),
                (None, None) => Ok(frame.domain.clone()),
                (None, Some(spec)) if spec.letters.is_literal() => DomainName::lenient(spec.of(frame.record)),
                (None, Some(_)) => continue,
            };
            // The answers are evaluated with their terms.
            let _ = target.map(|name| self.dns.ask(Question::new(name, kind)));
        }
    }

    fn matches(&mut self, term: &Planned, frame: &Frame<'_>) -> Result<bool, Stop> {
        match term.name {
            Name::Include => self.include(term, frame),
            Name::A => self.a(term, frame),
            Name::Mx => self.mx(term, frame),
            Name::Ptr => self.ptr(term, frame),
            Name::Exists => self.exists(term, frame),
            _ => Ok(term.contains(self.check.envelope.ip)),
        }
    }

    /// RFC 7208 §4.6.4: "SPF implementations MUST limit the total number of those terms to 10 during SPF evaluation".
    fn count_term(&mut self, depth: usize) -> Result<(), Stop> {
        if self.terms >= u16::from(self.check.limits.terms) || depth >= crate::limits::MAX_DEPTH {
            return Err(Fault::TooManyTerms.into());
        }
        self.terms += 1;
        Ok(())
    }

    fn count_void(&mut self, name: &DomainName) -> Result<(), Stop> {
        self.void(name);
        if self.void_lookups > self.check.limits.void_lookups {
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
            Ok(queries) if queries <= self.check.limits.queries => {
                self.queries = queries;
                Ok(())
            }
            _ => Err(Fault::TooManyQueries.into()),
        }
    }

    /// A lookup that ends the evaluation if it fails, and counts if it is void.
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

    /// The addresses of all `names`, looked up together.
    fn ask_addresses(&mut self, names: &[DomainName]) -> Result<Vec<Reply>, Stop> {
        let kind = self.address_kind();
        self.count_queries(names.len())?;
        Ok(self.dns.ask_all(names.iter().map(|name| Question::new(name.clone(), kind)))?)
    }

    /// Records a reply.
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
            // A failed lookup that was skipped stays noted.
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

    /// Adds the place to a fault.
    #[cold]
    fn stop(&mut self, stop: Stop, term: &TermRef, frame: &Frame<'_>) -> Stop {
        let stop = match stop {
            Stop::Fault(fault) => fault.at(frame.place(term), &self.check.limits).into(),
            stop => stop,
        };
        let result = stop.result(frame.domain, &self.check.limits);
        self.outcome(|| Outcome::Error(result));
        stop
    }
}

impl Frame<'_> {
    fn place(&self, term: &TermRef) -> Place {
        Place {
            domain: self.domain.clone(),
            term: self.record.slice(term.start..term.end),
            offset: term.start,
            inside: None,
        }
    }
}
