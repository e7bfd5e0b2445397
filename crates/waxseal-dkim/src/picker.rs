//! Which field a name in `h=` means (RFC 6376 §5.4.2): the lowest one not meant yet.

use std::{
    cmp::Ordering,
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};
use waxseal_header::{Field, Header};

/// The fields of a header by name. Built once for all signatures.
///
/// Names are sorted by their hash, then by themselves. The highest bits of a hash say where to look, which is the whole
/// search on honest mail; among names that were made to collide the search is binary.
#[derive(Debug, Clone, Default)]
pub struct FieldIndex {
    /// See [`hash`].
    seed: u64,
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
    /// Where they stand in [`FieldIndex::fields`].
    start: u32,
    end: u32,
}

/// Hands out the fields of one `h=` list; see [`FieldIndex::picker`].
#[derive(Debug, Clone)]
pub struct Picker<'h> {
    index: &'h FieldIndex,
    header: &'h Header,
    /// Where the fields that are left end in [`FieldIndex::fields`], by group.
    left: Vec<u32>,
}

impl FieldIndex {
    /// Notes where each name stands in `header`.
    pub fn new(header: &Header) -> Self {
        static SEED: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(0));
        let seed = *SEED;
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
        let mut index = Self { seed, groups: Vec::with_capacity(fields.len()), ..Self::default() };
        for same_name in
            fields.chunk_by(|a, b| a >> 32 == b >> 32 && same_name(name(header, *a), name(header, *b)))
        {
            index.add(same_name);
        }
        index.note_starts();
        Self { fields, ..index }
    }

    /// A picker that begins at the bottom. `header` must be the one that the index was made from.
    pub fn picker<'h>(&'h self, header: &'h Header) -> Picker<'h> {
        Picker { index: self, header, left: self.groups.iter().map(|group| group.end).collect() }
    }

    /// Notes the next group.
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
        let hash = hash(self.seed, wanted);
        let slot = slot(hash, self.starts.len().checked_sub(1)?);
        let start = *self.starts.get(slot)? as usize;
        let groups = self.groups.get(start..*self.starts.get(slot + 1)? as usize)?;
        // Mostly there is one or none.
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

impl<'h> Picker<'h> {
    /// The lowest field named `name` that was not handed out yet. `None` when there is no more: such a name in `h=`
    /// signs that no further field of that name exists (RFC 6376 §5.4).
    pub fn pick(&mut self, name: &[u8]) -> Option<Field<'h>> {
        let group = self.index.find(self.header, name)?;
        let field = self.lowest(group)?;
        *self.left.get_mut(group)? -= 1;
        Some(field)
    }

    /// Names that stand more than once in the header, and of which at least one field was not handed out.
    pub fn left_over(&self) -> impl Iterator<Item = &'h [u8]> + '_ {
        let lowest = self.index.repeated.iter().filter_map(|group| self.lowest(*group as usize));
        lowest.map(|field| field.name())
    }

    /// The lowest field of a group that is left.
    fn lowest(&self, group: usize) -> Option<Field<'h>> {
        let start = self.index.groups.get(group)?.start as usize;
        let left = self.index.fields.get(start..*self.left.get(group)? as usize)?;
        self.header.field(*left.last()? as u32 as usize)
    }
}

/// So many are faster looked at one by one.
const FEW: usize = 4;

/// The slot of a hash, by its highest bits; `slots` is a power of two.
fn slot(hash: u32, slots: usize) -> usize {
    ((u64::from(hash) * slots as u64) >> 32) as usize
}

fn name(header: &Header, hashed: Hashed) -> &[u8] {
    header.field(hashed as u32 as usize).map(|field| field.name()).unwrap_or_default()
}

/// Fields of one name come to stand together. Nearly always all of the same hash have the same name.
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

/// Names are mostly written alike.
fn same_name(a: &[u8], b: &[u8]) -> bool {
    #[cfg(test)]
    tests::count_step();
    a == b || a.eq_ignore_ascii_case(b)
}

/// The order of names, in which case does not count, eight octets at a time.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    #[cfg(test)]
    tests::count_step();
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        let order = lower_case(number(a)).cmp(&lower_case(number(b)));
        if order.is_ne() {
            return order;
        }
    }
    a.len().cmp(&b.len())
}

/// Up to eight octets as a number that sorts as they do.
fn number(piece: &[u8]) -> u64 {
    match piece.first_chunk() {
        Some(octets) => u64::from_be_bytes(*octets),
        None => {
            piece.iter().zip([56, 48, 40, 32, 24, 16, 8]).fold(0, |n, (c, bits)| n | u64::from(*c) << bits)
        }
    }
}

/// The letters among eight octets in lower case.
fn lower_case(octets: u64) -> u64 {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let ascii = octets & (EACH * 0x7f);
    // The highest bit of each octet says whether it is at least A, or above Z.
    let (from_a, above_z) = (ascii + EACH * (0x80 - b'A' as u64), ascii + EACH * (0x7f - b'Z' as u64));
    let upper = (from_a ^ above_z) & !octets & (EACH * 0x80);
    octets | upper >> 2
}

/// Mixes the name, in lower case, eight octets at a time. Each process has another `seed`, so that nobody can prepare names
/// that collide; if some do all the same, the search is binary among them.
fn hash(seed: u64, name: &[u8]) -> u32 {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, octets: u64| {
        let product = u128::from(hash ^ lower_case(octets)) * u128::from(PRIME);
        product as u64 ^ (product >> 64) as u64
    };
    let mut hash = seed ^ name.len() as u64;
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;
    use waxseal_header::HeaderLimits;

    thread_local! {
        /// How often names were compared.
        static STEPS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn count_step() {
        STEPS.set(STEPS.get() + 1);
    }

    /// Steps to index a header of these names and to pick each of the `wanted`.
    fn steps(names: &[String], wanted: &[String]) -> usize {
        let text: String = names.iter().map(|name| format!("{name}:x\r\n")).collect();
        let (header, _) =
            Header::parse_with(text.as_bytes(), HeaderLimits::default().with_max_bytes(1 << 22)).unwrap();
        STEPS.set(0);
        let index = FieldIndex::new(&header);
        let mut picker = index.picker(&header);
        for name in wanted {
            picker.pick(name.as_bytes());
        }
        STEPS.get()
    }

    /// Names made to collide in a table cost no more than others: 960 names, and 6,000 times one of them or one that the
    /// header does not have.
    #[test]
    fn no_choice_of_names_makes_picking_slow() {
        let letters = |n: usize| -> String {
            [n / 676, n / 26 % 26, n % 26].iter().map(|digit| char::from(b'a' + *digit as u8)).collect()
        };
        let kinds: [fn(String) -> String; 5] = [
            |name| name,
            |name| format!("{}{name}", "x".repeat(16)),
            |name| format!("{}{name}", "x".repeat(200)),
            |name| format!("{name}{}", "x".repeat(200)),
            // Octets that differ in the bit of case alone, and are no letters.
            |name| {
                name.bytes()
                    .flat_map(|c| (0..5).map(move |bit| ['[', '{'][usize::from(c >> bit & 1)]))
                    .collect()
            },
        ];
        for kind in kinds {
            let names: Vec<_> = (0..960).map(|n| kind(letters(n))).collect();
            let wanted: Vec<_> = (0..6_000).map(|n| kind(letters(n % 2000))).collect();
            let steps = steps(&names, &wanted);
            assert!(steps <= 6_000 * 11 + 960 * 25, "{}: {steps}", names[1]);
        }
    }

    /// Twice the fields and names take little more than twice the steps.
    #[test]
    fn picking_is_nearly_linear() {
        let of = |size: usize| {
            let names: Vec<_> = (0..size * 100).map(|n| format!("x{n}")).collect();
            steps(&names, &names) / size
        };
        let sizes = [1, 2, 4, 8].map(of);
        assert!(sizes.windows(2).all(|pair| pair[1] <= pair[0] * 13 / 10), "{sizes:?}");
    }

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

    #[test]
    fn every_letter_and_nothing_else_has_a_lower_case() {
        for octet in 0..=u8::MAX {
            let octets = [octet, b'A', 0, octet, 0xff, b'z', octet, b'Z'];
            let lower = octets.map(|c| c.to_ascii_lowercase());
            assert_eq!(lower_case(u64::from_be_bytes(octets)), u64::from_be_bytes(lower), "{octet}");
        }
    }

    #[test]
    fn names_that_differ_behind_the_beginning_are_different() {
        let long = "x".repeat(40);
        let names = [
            long.clone(),
            format!("{long}y"),
            long.to_uppercase(),
            long[..16].into(),
            long[..17].into(),
            long[..32].into(),
        ];
        let text: String = names.iter().map(|name| format!("{name}:x\r\n")).collect();
        let (header, _) = Header::parse(text.as_bytes()).unwrap();
        let index = FieldIndex::new(&header);
        for (name, count) in [(&long, 2), (&names[1], 1), (&names[3], 1), (&names[4], 1), (&names[5], 1)] {
            let mut picker = index.picker(&header);
            let picked = std::iter::from_fn(|| picker.pick(name.as_bytes())).count();
            assert_eq!(picked, header.fields().filter(|field| field.is(name)).count(), "{name:?}");
            assert_eq!(picked, count, "{name:?}");
        }
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
