use std::borrow::Cow;

use crate::{
    data_set::{DataSet, Form, Source},
    entries::{Entries, Rules},
    lines::{Content, Row},
    problem::{InvalidTable, MAX_QUERY, Problem, ProblemKind, Problems},
};

/// OpenDKIM's `SigningTable`: maps the address of the author to the keys that sign.
///
/// - A refile has patterns such as `*@example.org`; all that match are returned in the order of the file.
/// - Any other table has exact keys, tried in OpenDKIM's order: `user@host`, `host`, then for each parent of the host
///   `user@.parent` and `.parent`, then `user@*`, and `*`.
///
/// OpenDKIM signs with the first of them, with `MultipleSignatures` with all. Case does not matter. An entry that
/// starts with `!` is of this crate: what it matches is not signed by it nor by any entry after it.
///
/// ```
/// use waxseal_tables::{Form, SigningTable};
/// let table = SigningTable::from_bytes(Form::Refile, b"\
/// !robot@example.org
/// *@example.org      default._domainkey.example.org
/// *@*.example.org    %:bounces@%
/// ")?;
/// let found = table.lookup("news@shop.Example.org")?;
/// assert_eq!(found[0].key_name(), "shop.Example.org");
/// assert_eq!(found[0].identity().as_deref(), Some("bounces@shop.Example.org"));
/// assert_eq!((found[0].pattern(), found[0].line()), ("*@*.example.org", 3));
/// assert_eq!(table.lookup("robot@example.org").unwrap_err().to_string(), "line 1 (!robot@example.org) excludes robot@example.org");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SigningTable {
    entries: Entries,
}

/// An entry of a [`SigningTable`], with `%` replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningEntry<'a> {
    pattern: &'a str,
    key_name: Cow<'a, str>,
    identity: Option<Cow<'a, str>>,
    line: usize,
}

/// Why no key signs for an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoMatch {
    /// An entry with `!` came first.
    #[error("line {line} ({pattern}) excludes {address}")]
    Excluded {
        /// The address of the author.
        address: String,
        /// The entry.
        pattern: String,
        /// Its line.
        line: usize,
    },
    /// No entry matches. OpenDKIM's words.
    #[error("no signing table match for '{0}'")]
    NoEntry(String),
}

impl SigningTable {
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

    /// The entries for the address `user@host` of an author, in order; never empty.
    ///
    /// # Errors
    /// No entry matches, or an exclusion does.
    pub fn lookup(&self, address: &str) -> Result<Vec<SigningEntry<'_>>, NoMatch> {
        let no_entry = || NoMatch::NoEntry(address.into());
        let (user, host) = address.rsplit_once('@').ok_or_else(no_entry)?;
        if address.len() > MAX_QUERY {
            return Err(no_entry());
        }
        let mut rows = if self.entries.is_refile() {
            self.entries.matching(address)
        } else {
            self.by_precedence(user, host)
        };
        let excluded = rows.iter().position(|row| row.key.starts_with('!'));
        let excludes = excluded.and_then(|first| rows.drain(first..).next());
        match (rows.is_empty(), excludes) {
            (true, Some(row)) => {
                Err(NoMatch::Excluded { address: address.into(), pattern: row.key.into(), line: row.line })
            }
            (true, None) => Err(no_entry()),
            _ => Ok(rows.into_iter().map(|row| SigningEntry::read(row).for_host(host)).collect()),
        }
    }

    /// An entry that is like the address, for a message to people: one for its domain that does not match.
    pub fn nearest(&self, address: &str) -> Option<SigningEntry<'_>> {
        let host = address.rsplit_once('@').map_or(address, |(_, host)| host).to_ascii_lowercase();
        let is_near = |row: &Row<'_>| {
            let host_of_key = row
                .key
                .rsplit_once('@')
                .map_or(row.key, |(_, host)| host)
                .trim_start_matches(['!', '*', '.']);
            let host_of_key = host_of_key.to_ascii_lowercase();
            let parent =
                host.strip_suffix(&host_of_key).is_some_and(|start| start.is_empty() || start.ends_with('.'));
            !host_of_key.is_empty() && parent
        };
        self.entries.iter().filter(is_near).max_by_key(|row| row.key.len()).map(SigningEntry::read)
    }

    /// All entries as written, including exclusions and `%`.
    pub fn iter(&self) -> impl Iterator<Item = SigningEntry<'_>> {
        self.entries.iter().map(SigningEntry::read)
    }

    /// Misleading lines.
    pub fn problems(&self) -> &[Problem] {
        self.entries.problems.as_slice()
    }

    fn new(content: &Content) -> Result<Self, InvalidTable> {
        let mut entries = Entries::new(content, Rules { folds: true, excludes: true, unique: false })?;
        let mut problems = std::mem::take(&mut entries.problems);
        for row in entries.iter() {
            check(&row, entries.is_refile(), &mut problems);
        }
        entries.problems = problems;
        Ok(Self { entries })
    }

    fn by_precedence(&self, user: &str, host: &str) -> Vec<Row<'_>> {
        // OpenDKIM finds nothing in such a table for an address that is not ASCII; an internationalized host is looked up here.
        let mut found = Vec::new();
        let mut get = |parts: &[&str]| {
            let excluding = [&["!"], parts].concat();
            found.extend(self.entries.exact(&excluding));
            found.extend(self.entries.exact(parts));
        };
        get(&[user, "@", host]);
        get(&[host]);
        for (dot, _) in host.match_indices('.') {
            let parent = host.get(dot..).unwrap_or_default();
            get(&[user, "@", parent]);
            get(&[parent]);
        }
        get(&[user, "@*"]);
        get(&["*"]);
        found
    }
}

impl<'a> SigningEntry<'a> {
    /// The key or pattern of the entry.
    pub fn pattern(&self) -> &'a str {
        self.pattern
    }

    /// The name of the key in the [`KeyTable`](crate::KeyTable). Empty if the entry names none.
    pub fn key_name(&self) -> &str {
        &self.key_name
    }

    /// The identity for `i=`, if the entry has one.
    pub fn identity(&self) -> Option<&str> {
        self.identity.as_deref()
    }

    /// The number of its line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether it excludes an address from signing.
    pub fn is_exclusion(&self) -> bool {
        self.pattern.starts_with('!')
    }

    fn read(row: Row<'a>) -> Self {
        let (key_name, identity) = row.value.split_once(':').unwrap_or((row.value, ""));
        let identity = Some(identity).filter(|text| !text.is_empty()).map(Cow::Borrowed);
        Self { pattern: row.key, key_name: Cow::Borrowed(key_name), identity, line: row.line }
    }

    fn for_host(mut self, host: &str) -> Self {
        if self.key_name == "%" {
            self.key_name = Cow::Owned(host.into());
        }
        self.identity = self
            .identity
            .map(|text| if text.contains('%') { Cow::Owned(text.replace('%', host)) } else { text });
        self
    }
}

fn check(row: &Row<'_>, is_refile: bool, problems: &mut Problems) {
    let pattern = row.key.strip_prefix('!').unwrap_or(row.key);
    if pattern.len() == row.key.len() && SigningEntry::read(*row).key_name.is_empty() {
        problems.push(row.line, ProblemKind::NoKeyName(row.key.into()));
    }
    if is_refile {
        if let Some(sign) = pattern.chars().find(|c| r"?[](){}|^$\".contains(*c)) {
            problems.push(row.line, ProblemKind::NotSpecial(sign));
        }
    } else if pattern
        .strip_suffix('*')
        .is_some_and(|user| user.is_empty() || user.ends_with('@') && !user.contains('*'))
    {
        // `*` and `user@*` are keys of their own.
    } else if pattern.contains('*') {
        problems.push(row.line, ProblemKind::PatternInFile(row.key.into()));
    }
}
