//! Headers of at most 64 fields, as nearly all are: one bit for each field.

use super::names::{hash, same_name, seed};
use waxseal_header::{Field, Header};

#[derive(Debug, Clone)]
pub(super) struct Few {
    seed: u64,
    /// The last name whose hash has these highest bits, by its number in `names`.
    heads: [u8; SLOTS],
    names: Vec<Name>,
    /// The names of more than one field, one bit for each.
    repeated: u64,
}

/// The fields of one name.
#[derive(Debug, Clone)]
struct Name {
    fields: u64,
    /// Where the first of them begins in the header.
    start: u32,
    /// Bytes of the name.
    len: u32,
    /// The name before it whose hash has the same highest bits.
    next: u8,
}

const SLOTS: usize = 64;

/// Marks the absence of a name: there are fewer.
const NONE: u8 = u8::MAX;

/// The number of bits.
pub(super) const MOST: usize = u64::BITS as usize;

impl Few {
    pub(super) const EMPTY: Self = Self { seed: 0, heads: [NONE; SLOTS], names: Vec::new(), repeated: 0 };

    /// Indexes the names of `header`, which has at most [`MOST`] fields.
    pub(super) fn new(header: &Header) -> Self {
        let names = Vec::with_capacity(header.len().min(MOST));
        let mut few = Self { seed: seed(), names, ..Self::EMPTY };
        let mut start = 0;
        for (number, field) in header.fields().take(MOST).enumerate() {
            if !field.name().is_empty() {
                few.add(header, field.name(), start, 1 << number);
            }
            // Header blocks are shorter than 2³¹ bytes.
            start += field.raw().len() as u32;
        }
        few
    }

    fn add(&mut self, header: &Header, name: &[u8], start: u32, field: u64) {
        let slot = self.slot(name);
        if let Some(number) = self.find(header, name, slot) {
            self.repeated |= 1 << number;
            if let Some(known) = self.names.get_mut(number) {
                known.fields |= field;
            }
        } else if let Some(head) = self.heads.get_mut(slot) {
            self.names.push(Name { fields: field, start, len: name.len() as u32, next: *head });
            *head = (self.names.len() - 1) as u8;
        }
    }

    /// Takes the lowest field of this name out of those that are `left`.
    pub(super) fn pick<'h>(&self, header: &'h Header, left: &mut u64, name: &[u8]) -> Option<Field<'h>> {
        let name = self.names.get(self.find(header, name, self.slot(name))?)?;
        let number = (name.fields & *left).checked_ilog2()?;
        *left &= !(1 << number);
        header.field(number as usize)
    }

    /// Names of more than one field, of which at least one is `left`.
    pub(super) fn left_over<'h>(&self, header: &'h Header, left: u64) -> impl Iterator<Item = &'h [u8]> {
        let mut repeated = self.repeated;
        let next = move || {
            let number = repeated.checked_ilog2()?;
            repeated &= !(1 << number);
            Some(number as usize)
        };
        let names = std::iter::from_fn(next).filter_map(|number| self.names.get(number));
        let lowest = names.filter_map(move |name| (name.fields & left).checked_ilog2());
        lowest.filter_map(|number| header.field(number as usize)).map(|field| field.name())
    }

    /// The number of a name.
    #[inline]
    fn find(&self, header: &Header, wanted: &[u8], slot: usize) -> Option<usize> {
        let mut number = usize::from(*self.heads.get(slot)?);
        while let Some(name) = self.names.get(number) {
            let start = name.start as usize;
            if header
                .as_bytes()
                .get(start..start + name.len as usize)
                .is_some_and(|name| same_name(name, wanted))
            {
                return Some(number);
            }
            number = usize::from(name.next);
        }
        None
    }

    #[inline]
    fn slot(&self, name: &[u8]) -> usize {
        (hash(self.seed, name) >> (u32::BITS - SLOTS.ilog2())) as usize
    }
}
