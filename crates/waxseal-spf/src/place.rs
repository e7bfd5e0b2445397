//! The place of a term.

use crate::printable::Printable;
use bytes::Bytes;
use std::fmt;
use waxseal_dns::DomainName;

/// A term of a record, and the terms that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(crate) domain: DomainName,
    pub(crate) term: Bytes,
    pub(crate) offset: usize,
    pub(crate) inside: Option<Box<Place>>,
}

impl Place {
    /// The domain that publishes the record.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// The term as published, qualifier included.
    pub fn term(&self) -> &str {
        // The record's syntax was checked, so this is ASCII.
        std::str::from_utf8(&self.term).unwrap_or_default()
    }

    /// Where the term starts, in bytes from the start of the record.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// For an `include` that matched, the term that finally matched, in an included record; otherwise this one.
    pub fn innermost(&self) -> &Self {
        let mut place = self;
        while let Some(inside) = place.inside.as_deref() {
            place = inside;
        }
        place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", Printable(&self.term), Printable(self.domain.as_str().as_bytes()))?;
        match &self.inside {
            Some(inside) => write!(f, " by {inside}"),
            None => Ok(()),
        }
    }
}
