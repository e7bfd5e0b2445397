//! Headers of more than 64 fields.

use super::names::{compare, hash, name_of, same_name, seed};
use waxseal_header::{Field, Header};

/// Names are sorted by their hash, then by themselves. The highest bits of a hash lead to the place, which is the whole
/// search for honest mail; among names made to collide the search is binary.
#[derive(Debug, Clone, Default)]
pub(super) struct Many {
    /// The fields by hash, then by name, then from the top of the header down.
    fields: Vec<Hashed>,
    /// The names in the same order.
    groups: Vec<Group>,
    /// Where the groups begin whose hashes have these highest bits, and one more for the end.
    starts: Vec<u32>,
    /// The groups of more than one field.
    repeated: Vec<u32>,
}

/// The hash of a name in the higher half, the number of the field in the lower.
type Hashed = u64;

/// The fields of one name.
#[derive(Debug, Clone)]
struct Group {
    hash: u32,
    /// Where they stand in [`Many::fields`].
    start: u32,
    end: u32,
}

impl Many {
    /// Indexes the names of `header`.
    pub(super) fn new(header: &Header) -> Self {
        let seed = seed();
        let mut fields: Vec<Hashed> = Vec::with_capacity(header.len());
        for (number, field) in (0..).zip(header.fields()) {
            if !field.name().is_empty() {
                fields.push(u64::from(hash(seed, field.name())) << 32 | number);
            }
        }
        fields.sort_unstable();
        for same_hash in fields.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
            sort_by_name(header, same_hash);
        }
        let mut many = Self { groups: Vec::with_capacity(fields.len()), ..Self::default() };
        for same_name in
            fields.chunk_by(|a, b| a >> 32 == b >> 32 && same_name(name(header, *a), name(header, *b)))
        {
            many.add(same_name);
        }
        many.note_starts();
        Self { fields, ..many }
    }

    /// Where the fields that are left end in `fields`, by group, when all are.
    pub(super) fn all(&self) -> Vec<u32> {
        self.groups.iter().map(|group| group.end).collect()
    }

    /// Takes the lowest field of this name out of those that are `left`.
    pub(super) fn pick<'h>(&self, header: &'h Header, left: &mut [u32], name: &[u8]) -> Option<Field<'h>> {
        let group = self.find(header, name)?;
        let field = self.lowest(header, left, group)?;
        *left.get_mut(group)? -= 1;
        Some(field)
    }

    /// Names of more than one field, of which at least one is `left`.
    pub(super) fn left_over<'h>(&self, header: &'h Header, left: &[u32]) -> impl Iterator<Item = &'h [u8]> {
        let lowest = self.repeated.iter().filter_map(move |group| self.lowest(header, left, *group as usize));
        lowest.map(|field| field.name())
    }

    /// The lowest field of a group that is left.
    fn lowest<'h>(&self, header: &'h Header, left: &[u32], group: usize) -> Option<Field<'h>> {
        let start = self.groups.get(group)?.start as usize;
        let left = self.fields.get(start..*left.get(group)? as usize)?;
        header.field(*left.last()? as u32 as usize)
    }

    /// Adds the next group.
    fn add(&mut self, fields: &[Hashed]) {
        let Some(first) = fields.first() else { return };
        let start = self.groups.last().map_or(0, |group| group.end);
        if fields.len() > 1 {
            self.repeated.push(self.groups.len() as u32);
        }
        self.groups.push(Group { hash: (first >> 32) as u32, start, end: start + fields.len() as u32 });
    }

    fn note_starts(&mut self) {
        let slots = self.groups.len().next_power_of_two();
        self.starts.reserve_exact(slots + 1);
        for (number, group) in (0..).zip(&self.groups) {
            while self.starts.len() <= slot(group.hash, slots) {
                self.starts.push(number);
            }
        }
        self.starts.resize(slots + 1, self.groups.len() as u32);
    }

    /// The number of the group of `wanted`.
    fn find(&self, header: &Header, wanted: &[u8]) -> Option<usize> {
        let hash = hash(seed(), wanted);
        let slot = slot(hash, self.starts.len().checked_sub(1)?);
        let start = *self.starts.get(slot)? as usize;
        let groups = self.groups.get(start..*self.starts.get(slot + 1)? as usize)?;
        // Usually there is one or none.
        if groups.len() <= FEW {
            let same = |group: &Group| group.hash == hash && same_name(self.name(header, group), wanted);
            return groups.iter().position(same).map(|at| start + at);
        }
        let order =
            |group: &Group| group.hash.cmp(&hash).then_with(|| compare(self.name(header, group), wanted));
        groups.binary_search_by(order).ok().map(|at| start + at)
    }

    fn name<'h>(&self, header: &'h Header, group: &Group) -> &'h [u8] {
        self.fields.get(group.start as usize).map_or(&[], |hashed| name(header, *hashed))
    }
}

/// Up to this many, a linear search is faster.
const FEW: usize = 4;

/// The slot of a hash, by its highest bits; `slots` is a power of two.
fn slot(hash: u32, slots: usize) -> usize {
    ((u64::from(hash) * slots as u64) >> 32) as usize
}

fn name(header: &Header, hashed: Hashed) -> &[u8] {
    name_of(header, hashed as u32 as usize)
}

/// Groups the fields of one name. Nearly always, all with the same hash have the same name.
fn sort_by_name(header: &Header, same_hash: &mut [Hashed]) {
    let all_alike = match same_hash {
        [first, others @ ..] => {
            others.iter().all(|other| same_name(name(header, *first), name(header, *other)))
        }
        [] => true,
    };
    if !all_alike {
        same_hash.sort_by(|a, b| compare(name(header, *a), name(header, *b)));
    }
}
