//! Keys and values, and an index over them: what the public tables are made of.

use std::{borrow::Cow, collections::HashMap, hash::BuildHasherDefault, iter};

use crate::{
    glob::Glob,
    hash::{Hash, Hashed, hash},
    lines::{Content, Row},
    problem::{InvalidTable, MAX_PATTERNS, MAX_QUERY, MAX_TABLE, ProblemKind, Problems},
};

/// What differs between the tables.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    /// Case does not matter.
    pub(crate) folds: bool,
    /// A pattern may start with `!`.
    pub(crate) excludes: bool,
    /// Of two entries with the same key only the first is ever used.
    pub(crate) unique: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Entries {
    rules: Rules,
    is_refile: bool,
    /// All keys and values, one behind the other.
    text: String,
    slots: Vec<Slot>,
    /// From the hash of a key to the first slot with it; the next one is in the slot.
    index: HashMap<u64, u32, BuildHasherDefault<Hashed>>,
    /// What the index has, so that a text is not looked for in forms that no entry has.
    forms: Forms,
    /// Patterns that the index can not find, in order.
    globs: Vec<(Glob, u32)>,
    pub(crate) problems: Problems,
}

/// Places are four bytes long: `MAX_TABLE` is less than what they reach.
#[derive(Clone, Copy, Debug)]
struct Slot {
    key: u32,
    key_len: u32,
    value_len: u32,
    line: u32,
    next: u32,
}

/// No slot.
const NONE: u32 = u32::MAX;

impl Entries {
    pub(crate) fn new(content: &Content, rules: Rules) -> Result<Self, InvalidTable> {
        // Made large enough at once: what grows leaves holes behind that the system does not get back.
        let (bytes, rows) = content.size();
        let mut entries = Self {
            rules,
            is_refile: content.has_patterns(),
            text: String::with_capacity(bytes.min(MAX_TABLE)),
            slots: Vec::with_capacity(rows.min(bytes.min(MAX_TABLE) / 16)),
            index: HashMap::default(),
            forms: Forms::default(),
            globs: Vec::new(),
            problems: Problems::default(),
        };
        let mut problems = Problems::default();
        content.rows(&mut problems, |row| entries.push(row))?;
        entries.problems = problems;
        entries.text.shrink_to_fit();
        entries.slots.shrink_to_fit();
        entries.build_index()?;
        entries.find_duplicates();
        Ok(entries)
    }

    pub(crate) fn is_refile(&self) -> bool {
        self.is_refile
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.slots.iter().map(|slot| self.row(slot))
    }

    /// The first entry with exactly this key.
    pub(crate) fn exact(&self, parts: &[&str]) -> Option<Row<'_>> {
        self.chain(hash(self.rules.folds, parts), parts).next().and_then(|slot| self.slot(slot))
    }

    /// The first entry for this text: by its key, in a refile by its pattern.
    pub(crate) fn first(&self, text: &str) -> Option<Row<'_>> {
        if self.is_refile { self.matching(text).into_iter().next() } else { self.exact(&[text]) }
    }

    /// All entries of a refile that match, in order.
    pub(crate) fn matching(&self, text: &str) -> Vec<Row<'_>> {
        if text.len() > MAX_QUERY {
            return Vec::new();
        }
        let mut found = Vec::new();
        if self.forms.exact {
            found.extend(self.chain(hash(self.rules.folds, &[text]), &[text]));
        }
        let at = text.rfind('@');
        let mut ends = Hash::new(self.rules.folds);
        for (position, byte) in text.bytes().enumerate().rev() {
            ends.push(byte);
            if byte != b'.' && Some(position) != at {
                continue;
            }
            let end = text.get(position..).unwrap_or_default();
            let is_there = if byte == b'.' { self.forms.dot } else { self.forms.host };
            if is_there {
                found.extend(self.chain(ends.with("*").finish(), &["*", end]));
            }
            if self.forms.parent && at.is_some_and(|at| at < position) {
                found.extend(self.chain(ends.with("*@*").finish(), &["*@*", end]));
            }
        }
        if !self.globs.is_empty() {
            let folded = self.folded(text);
            found.extend(self.globs.iter().filter(|(glob, _)| glob.matches(&folded)).map(|(_, slot)| *slot));
        }
        found.sort_unstable();
        found.dedup();
        found.into_iter().filter_map(|slot| self.slot(slot)).collect()
    }

    fn push(&mut self, row: Row<'_>) {
        let [key, key_len, value_len, line] =
            [self.text.len(), row.key.len(), row.value.len(), row.line].map(|n| n as u32);
        self.text.push_str(row.key);
        self.text.push_str(row.value);
        self.slots.push(Slot { key, key_len, value_len, line, next: NONE });
    }

    /// From the last to the first, so that each chain is in the order of the file.
    fn build_index(&mut self) -> Result<(), InvalidTable> {
        let mut index = HashMap::with_capacity_and_hasher(self.slots.len(), BuildHasherDefault::default());
        let (mut forms, mut globs) = (Forms::default(), Vec::new());
        for number in (0..self.slots.len()).rev() {
            let Some(row) = self.slots.get(number).map(|slot| self.row(slot)) else { continue };
            let key = self.pattern(row.key);
            if self.is_refile && !forms.add(key) {
                if globs.len() == MAX_PATTERNS {
                    return Err(InvalidTable::TooManyPatterns(row.line));
                }
                globs.extend(Glob::new(&self.folded(key)).map(|glob| (glob, number as u32)));
                continue;
            }
            let next = index.insert(hash(self.rules.folds, &[key]), number as u32).unwrap_or(NONE);
            if let Some(slot) = self.slots.get_mut(number) {
                slot.next = next;
            }
        }
        globs.reverse();
        (self.index, self.forms) = (index, forms);
        self.globs = globs;
        Ok(())
    }

    fn find_duplicates(&mut self) {
        let mut problems = std::mem::take(&mut self.problems);
        for row in self.iter().filter(|_| self.rules.unique || !self.is_refile) {
            let key = self.pattern(row.key);
            if let Some(first) = self.exact(&[key]).filter(|first| first.line < row.line) {
                problems.push(row.line, ProblemKind::Duplicate { key: row.key.into(), first: first.line });
            }
        }
        self.problems = problems;
    }

    /// The slots with this key.
    fn chain(&self, hash: u64, parts: &[&str]) -> impl Iterator<Item = u32> {
        let next = |slot: &u32| self.slots.get(*slot as usize).map(|slot| slot.next);
        iter::successors(self.index.get(&hash).copied(), next).filter(|slot| self.has_key(*slot, parts))
    }

    fn has_key(&self, slot: u32, parts: &[&str]) -> bool {
        let Some(mut key) = self.slot(slot).map(|row| self.pattern(row.key)) else { return false };
        for part in parts {
            let Some((start, rest)) = key.split_at_checked(part.len()) else { return false };
            let same = if self.rules.folds { start.eq_ignore_ascii_case(part) } else { start == *part };
            if !same {
                return false;
            }
            key = rest;
        }
        key.is_empty()
    }

    /// What has to match: the key, in a refile with exclusions without their sign.
    fn pattern<'a>(&self, key: &'a str) -> &'a str {
        if self.is_refile && self.rules.excludes { key.strip_prefix('!').unwrap_or(key) } else { key }
    }

    fn folded<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.rules.folds { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) }
    }

    fn slot(&self, slot: u32) -> Option<Row<'_>> {
        self.slots.get(slot as usize).map(|slot| self.row(slot))
    }

    fn row(&self, slot: &Slot) -> Row<'_> {
        let [key, key_len, value_len] = [slot.key, slot.key_len, slot.value_len].map(|n| n as usize);
        let text = |from: usize, length: usize| self.text.get(from..from + length).unwrap_or_default();
        Row { line: slot.line as usize, key: text(key, key_len), value: text(key + key_len, value_len) }
    }
}

/// Forms that [`Entries::matching`] looks for by hash, and whether some entry has them.
#[derive(Clone, Copy, Debug, Default)]
struct Forms {
    /// Without `*`.
    exact: bool,
    /// `*@host`
    host: bool,
    /// `*.parent`
    dot: bool,
    /// `*@*.parent`
    parent: bool,
}

impl Forms {
    /// Takes note of a pattern; returns whether it has one of the forms.
    fn add(&mut self, pattern: &str) -> bool {
        let form = match pattern.rsplit_once('*') {
            None => &mut self.exact,
            Some(("", behind)) if behind.starts_with('.') => &mut self.dot,
            Some(("", behind)) if behind.strip_prefix('@').is_some_and(|host| !host.contains('@')) => {
                &mut self.host
            }
            Some(("*@", behind)) if behind.starts_with('.') && !behind.contains('@') => &mut self.parent,
            Some(_) => return false,
        };
        *form = true;
        true
    }
}
