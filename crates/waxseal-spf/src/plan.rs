//! A record that is ready to be evaluated.

use crate::{
    parse::{Name, TermRef, Terms},
    syntax_error::SyntaxError,
};
use std::ops::Deref;
use waxseal_dns::DomainName;

/// The terms that are evaluated, as spans of the record.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// From left to right.
    pub(crate) directives: Vec<Planned>,
    pub(crate) redirect: Option<Planned>,
    pub(crate) exp: Option<Planned>,
}

/// A term, and the name that it looks up, if that is constant and was requested.
#[derive(Debug, Default)]
pub(crate) struct Planned {
    term: TermRef,
    pub(crate) target: Option<DomainName>,
}

impl Deref for Planned {
    type Target = TermRef;

    fn deref(&self) -> &TermRef {
        &self.term
    }
}

/// A literal name that needs no truncation (RFC 7208 §7.3), final dot included.
pub(crate) const MAX_LITERAL: usize = 253;

impl Plan {
    /// RFC 7208 §4.6: "The syntax of the record is validated first". `with_names`: for a plan that is used repeatedly.
    pub(crate) fn read(record: &[u8], with_names: bool) -> Result<Self, SyntaxError> {
        const USUAL: usize = 8;
        let mut plan = Self { directives: Vec::with_capacity(USUAL), ..Self::default() };
        let mut terms = Terms::new(record);
        let mut term = TermRef::default();
        while terms.read(&mut term)? {
            let literal = term.spec().filter(|spec| with_names && spec.letters.is_literal());
            let text = literal.map(|spec| spec.of(record)).filter(|text| text.len() <= MAX_LITERAL);
            let target = text.and_then(|text| DomainName::lenient(text).ok());
            let planned = Planned { term, target };
            match term.name {
                Name::Redirect => plan.redirect = Some(planned),
                Name::Exp => plan.exp = Some(planned),
                Name::Unknown => {}
                _ => plan.directives.push(planned),
            }
        }
        Ok(plan)
    }
}
