//! Why an evaluation stops early.

use crate::{
    cause::{Cause, Exceeded},
    limits::Limits,
    place::Place,
};
use bytes::Bytes;
use waxseal_authres::SpfResult;
use waxseal_dns::{DomainName, InvalidDomainName, LookupError, Pending, Question};

/// Why an evaluation cannot continue.
pub(super) enum Stop {
    Pending,
    /// An error at the current term.
    Fault(Box<Fault>),
    Cause(Box<Cause>),
}

#[derive(Clone)]
pub(super) enum Fault {
    Lookup(Question, LookupError),
    NoRecord,
    InvalidTarget(InvalidDomainName),
    LocalPartNotAscii,
    TooManyTerms,
    TooManyVoidLookups,
    TooManyMxNames(usize),
    TooManyQueries,
    TooManyMacroBytes,
}

impl Fault {
    /// The cause, now that the place is known.
    pub(super) fn at(self, place: Place, limits: &Limits) -> Cause {
        match self {
            Self::Lookup(question, source) => Cause::Lookup(question, source, place.of_term()),
            Self::NoRecord => Cause::TargetWithoutRecord(place),
            Self::InvalidTarget(source) => Cause::InvalidTarget(place, source),
            Self::LocalPartNotAscii => Cause::LocalPartNotAscii(place),
            Self::TooManyTerms => Cause::TooManyTerms(place.exceeds(limits.terms.into())),
            Self::TooManyVoidLookups => Cause::TooManyVoidLookups(place.exceeds(limits.void_lookups.into())),
            Self::TooManyMxNames(count) => {
                Cause::TooManyMxNames(count, place.exceeds(limits.mx_names.into()))
            }
            Self::TooManyQueries => Cause::TooManyQueries(place.exceeds(limits.queries.into())),
            Self::TooManyMacroBytes => Cause::TooManyMacroBytes(place.exceeds(limits.macro_bytes)),
        }
    }
}

impl Stop {
    /// The result for the record of `domain`; a pending run has none, and leaves no trace.
    pub(super) fn result(&self, domain: &DomainName, limits: &Limits) -> SpfResult {
        match self {
            Self::Pending => SpfResult::TempError,
            Self::Fault(fault) => (**fault).clone().at(Place::top(domain), limits).result(),
            Self::Cause(cause) => cause.result(),
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

impl Place {
    /// Before any term.
    pub(super) fn top(domain: &DomainName) -> Self {
        Self { domain: domain.clone(), term: Bytes::new(), offset: 0, inside: None }
    }

    fn exceeds(self, limit: usize) -> Exceeded {
        Exceeded { limit, place: self.of_term() }
    }

    fn of_term(self) -> Option<Self> {
        (!self.term.is_empty()).then_some(self)
    }
}
