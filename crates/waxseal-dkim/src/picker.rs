//! Which field a name in `h=` refers to (RFC 6376 §5.4.2): the lowest one not taken yet.

mod few;
mod many;
mod names;

use few::Few;
use many::Many;
use waxseal_header::{Field, Header};

/// An index of the fields of a header by name, built once for all signatures.
#[derive(Debug, Clone)]
pub struct FieldIndex {
    names: Names,
}

#[derive(Debug, Clone)]
enum Names {
    Few(Few),
    Many(Many),
}

/// Picks the fields of one `h=` list; see [`FieldIndex::picker`].
#[derive(Debug, Clone)]
pub struct Picker<'h> {
    header: &'h Header,
    left: Left<'h>,
}

/// The fields that were not picked yet.
#[derive(Debug, Clone)]
enum Left<'h> {
    Few(&'h Few, u64),
    Many(&'h Many, Vec<u32>),
}

impl FieldIndex {
    /// Indexes the names of `header`.
    pub fn new(header: &Header) -> Self {
        let few = header.len() <= few::MOST;
        Self { names: if few { Names::Few(Few::new(header)) } else { Names::Many(Many::new(header)) } }
    }

    /// A selection without header.
    pub(crate) fn empty() -> Self {
        Self { names: Names::Few(Few::EMPTY) }
    }

    /// A picker that begins at the bottom. `header` must be the one that was indexed.
    pub fn picker<'h>(&'h self, header: &'h Header) -> Picker<'h> {
        let left = match &self.names {
            Names::Few(few) => Left::Few(few, u64::MAX),
            Names::Many(many) => Left::Many(many, many.all()),
        };
        Picker { header, left }
    }
}

impl<'h> Picker<'h> {
    /// The lowest field named `name` that was not picked yet. `None` when there is none left: such a name in `h=` signs
    /// that no further field of that name exists (RFC 6376 §5.4).
    pub fn pick(&mut self, name: &[u8]) -> Option<Field<'h>> {
        match &mut self.left {
            Left::Few(few, left) => few.pick(self.header, left, name),
            Left::Many(many, left) => many.pick(self.header, left, name),
        }
    }

    /// Names that occur more than once in the header, with at least one field that was not picked.
    pub fn left_over(&self) -> impl Iterator<Item = &'h [u8]> + '_ {
        let (few, many) = match &self.left {
            Left::Few(few, left) => (Some(few.left_over(self.header, *left)), None),
            Left::Many(many, left) => (None, Some(many.left_over(self.header, left))),
        };
        few.into_iter().flatten().chain(many.into_iter().flatten())
    }
}

#[cfg(test)]
mod tests {
    use super::{names::steps, *};
    use proptest::prelude::*;
    use waxseal_header::HeaderLimits;

    /// Steps to index a header of these names and to pick each of the `wanted`.
    fn steps_of(names: &[String], wanted: &[String]) -> usize {
        let text: String = names.iter().map(|name| format!("{name}:x\r\n")).collect();
        let (header, _) =
            Header::parse_with(text.as_bytes(), HeaderLimits::default().with_max_bytes(1 << 22)).unwrap();
        steps::take();
        let index = FieldIndex::new(&header);
        let mut picker = index.picker(&header);
        for name in wanted {
            picker.pick(name.as_bytes());
        }
        steps::take()
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
            let steps = steps_of(&names, &wanted);
            assert!(steps <= 6_000 * 11 + 960 * 25, "{}: {steps}", names[1]);
        }
    }

    /// Where a bit stands for each field, few names share a slot; and a name is looked for once however many fields it has.
    #[test]
    fn no_choice_of_names_makes_picking_from_few_slow() {
        let names: Vec<_> = (0..64).map(|n| format!("x{n}")).collect();
        let wanted: Vec<_> = (0..6_400).map(|n| format!("x{}", n % 128)).collect();
        let steps = steps_of(&names, &wanted);
        assert!(steps <= 6_400 * 3, "{steps}");
        let same: Vec<_> = (0..64).map(|_| "x".to_owned()).collect();
        let steps = steps_of(&same, &wanted);
        assert!(steps <= 6_400 + 64, "{steps}");
    }

    /// Twice the fields and names take little more than twice the steps.
    #[test]
    fn picking_is_nearly_linear() {
        let of = |size: usize| {
            let names: Vec<_> = (0..size * 100).map(|n| format!("x{n}")).collect();
            steps_of(&names, &names) / size
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
        for others in [0, 64] {
            let others = (0..others).map(|n| format!("other{n}:x\r\n"));
            let text: String = names.iter().map(|name| format!("{name}:x\r\n")).chain(others).collect();
            let (header, _) = Header::parse(text.as_bytes()).unwrap();
            let index = FieldIndex::new(&header);
            for (name, count) in [(&long, 2), (&names[1], 1), (&names[3], 1), (&names[4], 1), (&names[5], 1)]
            {
                let mut picker = index.picker(&header);
                let picked = std::iter::from_fn(|| picker.pick(name.as_bytes())).count();
                assert_eq!(picked, header.fields().filter(|field| field.is(name)).count(), "{name:?}");
                assert_eq!(picked, count, "{name:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_looking_at_every_field(
            names in prop_oneof![
                proptest::collection::vec("[abAB]{1,2}", 0..20),
                proptest::collection::vec("[abcAB]{1,3}", 60..70),
            ],
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
