//! Which field a name in `h=` means (RFC 6376 §5.4.2): the lowest one not meant yet.

use std::ops::Range;
use waxseal_header::{Field, Header};

/// The fields of a header by name. Built once for all signatures; picking is linear overall.
#[derive(Debug, Clone, Default)]
pub struct FieldIndex {
    /// Open addressing: group number + 1, or 0.
    table: Vec<u32>,
    groups: Vec<Group>,
    /// The next field above with the same name, by field.
    above: Vec<u32>,
    /// The groups of more than one field.
    repeated: Vec<u32>,
}

/// The fields of one name.
#[derive(Debug, Clone)]
struct Group {
    hash: u32,
    /// The lowest one.
    lowest: u32,
    /// Where a name of the group stands in the header block.
    name: Range<u32>,
}

const NONE: u32 = u32::MAX;

/// Hands out the fields of one `h=` list; see [`FieldIndex::picker`].
#[derive(Debug, Clone)]
pub struct Picker<'h> {
    index: &'h FieldIndex,
    header: &'h Header,
    /// The field to hand out next, by group.
    next: Vec<u32>,
}

impl FieldIndex {
    /// Notes where each name stands in `header`.
    pub fn new(header: &Header) -> Self {
        let fields = header.len();
        let mut index = Self {
            table: Vec::with_capacity((fields * 2).next_power_of_two()),
            groups: Vec::with_capacity(fields),
            above: Vec::with_capacity(fields),
            repeated: Vec::new(),
        };
        index.table.resize((fields * 2).next_power_of_two(), 0);
        let mut start = 0;
        for (number, field) in (0..).zip(header.fields()) {
            let above = match field.name() {
                [] => NONE,
                name => index.add(header, number, start..start + name.len() as u32, name),
            };
            index.above.push(above);
            // Header blocks are shorter than 2³¹ octets.
            start += field.raw().len() as u32;
        }
        index
    }

    /// A picker that begins at the bottom. `header` must be the one that the index was made from.
    pub fn picker<'h>(&'h self, header: &'h Header) -> Picker<'h> {
        Picker { index: self, header, next: self.groups.iter().map(|group| group.lowest).collect() }
    }

    /// Notes a field; gives the one above it of the same name.
    fn add(&mut self, header: &Header, number: u32, place: Range<u32>, name: &[u8]) -> u32 {
        let hash = hash(name);
        let (slot, found) = self.find(header, name, hash);
        if let Some(group) = found.and_then(|group| self.groups.get_mut(group as usize)) {
            let above = std::mem::replace(&mut group.lowest, number);
            if self.above.get(above as usize) == Some(&NONE) {
                self.repeated.extend(found);
            }
            return above;
        }
        self.groups.push(Group { hash, lowest: number, name: place });
        if let Some(entry) = self.table.get_mut(slot) {
            *entry = self.groups.len() as u32;
        }
        NONE
    }

    /// The slot of `name`, and its group if it has one.
    fn find(&self, header: &Header, name: &[u8], hash: u32) -> (usize, Option<u32>) {
        let mask = self.table.len().wrapping_sub(1);
        let mut slot = hash as usize & mask;
        // The table is at most half full, so an empty slot comes.
        loop {
            let entry = self.table.get(slot).copied().unwrap_or(0);
            let Some(group) = self.groups.get((entry as usize).wrapping_sub(1)) else {
                return (slot, None);
            };
            let place = group.name.start as usize..group.name.end as usize;
            if group.hash == hash && header.as_bytes().get(place).is_some_and(|other| same_name(other, name))
            {
                return (slot, Some(entry - 1));
            }
            slot = (slot + 1) & mask;
        }
    }
}

impl<'h> Picker<'h> {
    /// The lowest field named `name` that was not handed out yet. `None` when there is no more: such a name in `h=`
    /// signs that no further field of that name exists (RFC 6376 §5.4).
    pub fn pick(&mut self, name: &[u8]) -> Option<Field<'h>> {
        let (_, group) = self.index.find(self.header, name, hash(name));
        let next = self.next.get_mut(group? as usize)?;
        let field = self.header.field(*next as usize)?;
        *next = self.index.above.get(*next as usize).copied().unwrap_or(NONE);
        Some(field)
    }

    /// Names that stand more than once in the header, and of which at least one field was not handed out.
    pub fn left_over(&self) -> impl Iterator<Item = &'h [u8]> + '_ {
        let fields = self.index.repeated.iter().filter_map(|group| self.next.get(*group as usize));
        fields.filter_map(|next| self.header.field(*next as usize)).map(|field| field.name())
    }
}

/// Mixes the name eight octets at a time; case does not count. Not proof against names made to collide, which cost time
/// that the limits on fields and signatures bound.
fn hash(name: &[u8]) -> u32 {
    const FOLD: u64 = 0x2020_2020_2020_2020;
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, octets: u64| (hash ^ (octets | FOLD)).wrapping_mul(PRIME).rotate_left(29);
    let mut hash = name.len() as u64;
    let mut rest = name;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        hash = mix(hash, u64::from_le_bytes(*chunk));
        rest = after;
    }
    // The last octets again as far as there are eight, or else the first four and the last four.
    let last = match (name.last_chunk::<8>(), rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(last), _, _) => u64::from_le_bytes(*last),
        (None, Some(a), Some(b)) => {
            u64::from(u32::from_le_bytes(*a)) | u64::from(u32::from_le_bytes(*b)) << 32
        }
        _ => rest.iter().fold(0, |octets: u64, octet| octets << 8 | u64::from(*octet)),
    };
    (mix(hash, last) >> 32) as u32
}

/// Names are mostly written alike.
fn same_name(a: &[u8], b: &[u8]) -> bool {
    a == b || a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn picks_from_the_bottom() {
        let (header, _) = Header::parse(b"A: 1\r\nB: 2\r\na : 3\r\nno field\r\n\r\n").unwrap();
        let index = FieldIndex::new(&header);
        let mut picker = index.picker(&header);
        assert_eq!(picker.pick(b"a").unwrap().value(), b" 3");
        assert_eq!(picker.left_over().collect::<Vec<_>>(), [b"A"]);
        assert_eq!(picker.pick(b"A").unwrap().value(), b" 1");
        assert_eq!(picker.left_over().count(), 0);
        assert_eq!(picker.pick(b"a"), None);
        assert_eq!(picker.pick(b""), None);
        assert_eq!(picker.pick(b"c"), None);
        assert_eq!(FieldIndex::new(&Header::default()).picker(&Header::default()).pick(b"a"), None);
    }

    proptest! {
        #[test]
        fn agrees_with_looking_at_every_field(
            names in proptest::collection::vec("[abAB]{1,2}", 0..20),
            wanted in proptest::collection::vec("[abAB]{1,2}", 0..30),
        ) {
            let message: String = (0..).zip(&names).map(|(n, name)| format!("{name}:{n}\r\n")).collect();
            let (header, _) = Header::parse(message.as_bytes()).unwrap();
            let index = FieldIndex::new(&header);
            let mut picker = index.picker(&header);
            let mut left: Vec<_> = header.fields().collect();
            for name in wanted {
                let expected = left.iter().rposition(|field| field.is(&name)).map(|at| left.remove(at));
                prop_assert_eq!(picker.pick(name.as_bytes()), expected);
                let repeated = header.fields().filter(|field| field.is(&name)).count() > 1;
                let more = left.iter().any(|field| field.is(&name));
                prop_assert_eq!(picker.left_over().any(|n| n.eq_ignore_ascii_case(name.as_bytes())), repeated && more);
            }
        }
    }
}
