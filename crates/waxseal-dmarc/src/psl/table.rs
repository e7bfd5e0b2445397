//! The list as one sorted text, which is searched in place: a tenth of the size of the same list as code, and nothing to compile.

use std::cmp::Ordering;

/// A line for each rule and for each name on the way to one, sorted: the name in A-labels, a tab, and what it is.
/// Written by `tests/psl.rs`, which says how.
const LIST: &str = include_str!("list.txt");

/// Where its lines begin.
static STARTS: [u32; count()] = starts();

/// What the list says about one name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Entry {
    /// `i`: a registry runs it; `p`: a company does; `!`: not a suffix, though the rule above says so.
    own: Option<u8>,
    /// `i` or `p`: whatever stands one label below is a suffix, too.
    below: Option<u8>,
}

impl Entry {
    fn find(name: &str) -> Option<Self> {
        let order = |start: &u32| {
            compare(LIST.as_bytes().get(*start as usize..).unwrap_or_default(), name.as_bytes())
        };
        let line = STARTS.get(STARTS.binary_search_by(order).ok()?)?;
        let marks = LIST.as_bytes().get(*line as usize + name.len() + 1..)?;
        let mut marks = marks.iter().take_while(|mark| **mark != b'\n').copied();
        match marks.next() {
            Some(b'*') => Some(Self { own: None, below: marks.next() }),
            own => Some(Self { own, below: marks.nth(1) }),
        }
    }
}

/// The end of a name below which anyone can have a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Suffix<'n> {
    /// As the name has it.
    pub(super) text: &'n str,
    /// A registry runs it. False where the list does not know it.
    pub(super) registry: bool,
}

/// The longest rule decides, an exception before all others, and a name that the list does not know is taken for a top-level
/// domain: <https://github.com/publicsuffix/list/wiki/Format#algorithm>.
pub(super) fn suffix(name: &str) -> Suffix<'_> {
    let mut ends = name.rmatch_indices('.').filter_map(|(dot, _)| name.get(dot + 1..)).chain([name]);
    let first = ends.next().unwrap_or(name);
    let (mut longest, mut above) = (Suffix { text: first, registry: false }, Entry::default());
    let mut text = first;
    for candidate in std::iter::once(first).chain(ends) {
        let entry = Entry::find(candidate);
        let own = entry.and_then(|entry| entry.own);
        if own == Some(b'!') {
            return Suffix { text, registry: false };
        }
        if let Some(kind) = own.or(above.below) {
            longest = Suffix { text: candidate, registry: kind == b'i' };
        }
        let Some(entry) = entry else { break };
        (text, above) = (candidate, entry);
    }
    longest
}

/// How a line stands to the line of `name`. The tab sorts before every character of a name.
fn compare(line: &[u8], name: &[u8]) -> Ordering {
    let (front, rest) = line.split_at_checked(name.len()).unwrap_or((line, &[]));
    front
        .cmp(name)
        .then_with(|| if rest.first() == Some(&b'\t') { Ordering::Equal } else { Ordering::Greater })
}

const fn count() -> usize {
    let (mut lines, mut rest) = (0, LIST.as_bytes());
    while let [first, tail @ ..] = rest {
        lines += (*first == b'\n') as usize;
        rest = tail;
    }
    lines
}

const fn starts() -> [u32; count()] {
    let mut starts = [0; count()];
    let (mut line, mut at, mut rest) = (1, 1, LIST.as_bytes());
    while let [first, tail @ ..] = rest {
        if *first == b'\n' && line < starts.len() {
            #[expect(clippy::indexing_slicing, reason = "constant evaluation, and the line above")]
            {
                starts[line] = at;
            }
            line += 1;
        }
        (at, rest) = (at + 1, tail);
    }
    starts
}
