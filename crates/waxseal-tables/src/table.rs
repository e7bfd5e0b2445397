use crate::{
    data_set::{DataSet, Form, Source},
    entries::{Entries, Rules},
    lines::{Content, Row},
    problem::{InvalidTable, Problem},
};

/// Any other table or list: `Domain`, `ExemptDomains`, `DontSignMailTo`, `SenderLogins`. Case does not matter.
///
/// ```
/// use waxseal_tables::{DataSet, Files, Table};
/// let domains = Table::load(&DataSet::parse("example.org, example.net")?, &Files)?;
/// assert!(domains.get("Example.NET").is_some());
/// assert_eq!(domains.iter().map(|entry| entry.key()).collect::<Vec<_>>(), ["example.org", "example.net"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    entries: Entries,
}

/// An entry of a [`Table`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    key: &'a str,
    value: &'a str,
    line: usize,
}

impl Table {
    /// Reads the table that an option names.
    ///
    /// # Errors
    /// It cannot be read, or exceeds the limits of this crate.
    pub fn load(set: &DataSet, source: &dyn Source) -> Result<Self, InvalidTable> {
        Self::new(&Content::read(set, source)?)
    }

    /// Reads the text of a table.
    ///
    /// # Errors
    /// It exceeds the limits of this crate.
    pub fn from_bytes(form: Form, text: &[u8]) -> Result<Self, InvalidTable> {
        Self::new(&Content::Text(form, text.into()))
    }

    /// The first entry with this key; in a refile the first whose pattern matches it.
    pub fn get(&self, key: &str) -> Option<Entry<'_>> {
        self.entries.first(key).map(Entry::from_row)
    }

    /// All entries, in order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries.iter().map(Entry::from_row)
    }

    /// Misleading lines.
    pub fn problems(&self) -> &[Problem] {
        self.entries.problems.as_slice()
    }

    fn new(content: &Content) -> Result<Self, InvalidTable> {
        Entries::new(content, Rules { folds: true, unique: true, ..Rules::default() })
            .map(|entries| Self { entries })
    }
}

impl<'a> Entry<'a> {
    /// The key, or the pattern of a refile.
    pub fn key(&self) -> &'a str {
        self.key
    }

    /// What stands behind it, or nothing.
    pub fn value(&self) -> &'a str {
        self.value
    }

    /// The number of its line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    fn from_row(row: Row<'a>) -> Self {
        Self { key: row.key, value: row.value, line: row.line }
    }
}
