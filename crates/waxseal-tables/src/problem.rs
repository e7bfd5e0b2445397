use std::{fmt, io};

/// The longest line that is read, in bytes. OpenDKIM cuts at 1,023 and reads the rest as another line.
pub const MAX_LINE: usize = 65_536;
/// The longest table, in bytes.
pub const MAX_TABLE: usize = 256 << 20;
/// The most patterns of a table that can only be tried one by one. Those of the forms `user@host`, `*@host`, `*@*.host`
/// and `*.host` do not count.
pub const MAX_PATTERNS: usize = 1_000;
/// The most [`Problem`]s that a table keeps.
pub const MAX_PROBLEMS: usize = 1_000;
/// The longest address or name that is looked up, in bytes: a longer one has no entry.
pub const MAX_QUERY: usize = 1_024;

/// Why a table cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTable {
    /// The file could not be read.
    #[error("{path} could not be read")]
    Unreadable {
        /// Its path.
        path: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The database could not be read.
    #[error("the data set {kind}:{location} is not read, only file:, refile: and csl: are")]
    NotRead {
        /// What kind of database it is.
        kind: String,
        /// Where it is.
        location: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// The text is longer than [`MAX_TABLE`].
    #[error("the table has {0} bytes, at most {MAX_TABLE} are read")]
    TooLong(usize),
    /// More than [`MAX_PATTERNS`] patterns of no common form.
    #[error(
        "line {0}: over {MAX_PATTERNS} patterns that are tried one by one: use the forms user@host, *@host, *@*.host"
    )]
    TooManyPatterns(usize),
}

/// A misleading line of a table. The rest of the table is still read.
///
/// `Display` names the line, what is wrong and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    line: usize,
    kind: ProblemKind,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A byte order mark before the first line.
    #[error(
        "starts with a byte order mark, which OpenDKIM takes for a part of the first entry: save the file without it"
    )]
    ByteOrderMark,
    /// Longer than [`MAX_LINE`].
    #[error("longer than {MAX_LINE} bytes: not read")]
    TooLong,
    /// An entry that is not UTF-8.
    #[error("not UTF-8: not read, save the file as UTF-8")]
    NotUtf8,
    /// An entry with a control character.
    #[error("holds the control character {0:#04x}: not read")]
    ControlCharacter(u8),
    /// A line of a refile that starts with a blank.
    #[error(
        "starts with a blank: OpenDKIM reads no such line in a refile, and it is not read here; remove the blank"
    )]
    Indented,
    /// A backslash at the end.
    #[error("ends in a backslash: a table knows no continued lines, write the entry on one line")]
    Continued,
    /// The same key or pattern is on an earlier line.
    #[error("\"{key}\" is on line {first} already, and that line is used")]
    Duplicate {
        /// The key or pattern.
        key: String,
        /// The line that is used.
        first: usize,
    },
    /// A pattern in a table of exact keys.
    #[error(
        "\"{0}\" matches nothing, because this table is read as exact keys: write refile: before its path"
    )]
    PatternInFile(String),
    /// A special character of regular expressions.
    #[error(
        "`{0}` is an ordinary character here: only * is special in a pattern (OpenDKIM may take it for a regular expression)"
    )]
    NotSpecial(char),
    /// An entry of a SigningTable without the name of a key.
    #[error("names no key: write the name of a KeyTable entry behind \"{0}\"")]
    NoKeyName(String),
    /// An entry of a KeyTable without one of its three fields.
    #[error("the key \"{name}\" has no {field}: write NAME DOMAIN:SELECTOR:/PATH/TO/KEY")]
    NoField {
        /// The name of the key.
        name: String,
        /// `domain`, `selector` or `path`.
        field: &'static str,
    },
    /// A network with bits after its prefix.
    #[error("\"{text}\" matches nothing, since it has bits after its prefix: write {network}")]
    HostBits {
        /// The entry.
        text: String,
        /// The network that it lies in.
        network: String,
    },
    /// An entry of a host list that is neither address, network nor name.
    #[error(
        "\"{0}\" is neither an address, a network (192.0.2.0/24), a host name nor .domain: it matches nothing"
    )]
    NotAHost(String),
    /// A pattern of a host list that OpenDKIM takes for an exclusion.
    #[error(
        "\"{0}\" starts with *, so it matches its own negation and excludes what it names, as in OpenDKIM: write {1}"
    )]
    Excludes(String, String),
}

impl Problem {
    pub(crate) fn new(line: usize, kind: ProblemKind) -> Self {
        Self { line, kind }
    }

    /// The number of the line, from 1. In a list and a database: of the entry.
    pub fn line(&self) -> usize {
        self.line
    }

    /// What is wrong.
    pub fn kind(&self) -> &ProblemKind {
        &self.kind
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

/// The problems of one table, at most [`MAX_PROBLEMS`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn push(&mut self, line: usize, kind: ProblemKind) {
        if self.0.len() < MAX_PROBLEMS {
            self.0.push(Problem::new(line, kind));
        }
    }

    pub(crate) fn extend(&mut self, problems: Vec<Problem>) {
        let room = MAX_PROBLEMS.saturating_sub(self.0.len());
        self.0.extend(problems.into_iter().take(room));
    }

    pub(crate) fn as_slice(&self) -> &[Problem] {
        &self.0
    }
}
