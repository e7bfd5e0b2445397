use std::{fmt, io, str::FromStr};

/// The place of a table: the value of an option such as `KeyTable`.
///
/// ```
/// use waxseal_tables::DataSet;
/// let set: DataSet = "refile:/etc/opendkim/SigningTable".parse()?;
/// assert_eq!(set, DataSet::Refile("/etc/opendkim/SigningTable".into()));
/// // Without a prefix: a file if it starts with a slash, else a list.
/// assert_eq!(DataSet::parse("/etc/opendkim/KeyTable")?, DataSet::File("/etc/opendkim/KeyTable".into()));
/// assert_eq!(DataSet::parse("127.0.0.1, ::1")?, DataSet::List("127.0.0.1, ::1".into()));
/// # Ok::<(), waxseal_tables::InvalidDataSet>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DataSet {
    /// `file:PATH` or a bare path: exact keys, one a line.
    File(String),
    /// `refile:PATH`: patterns in which `*` matches any text, the first match wins.
    Refile(String),
    /// `csl:` or a bare list: entries between commas, each `key` or `key=value`.
    List(String),
    /// A database, which is read through [`Source::rows`].
    Database {
        /// The word before the colon, in lower case: `dsn`, `sqlite`, `ldap`.
        kind: String,
        /// The text behind the colon.
        location: String,
    },
}

/// The syntax of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// Exact keys, one a line.
    File,
    /// Patterns with `*`, one a line.
    Refile,
    /// Entries between commas.
    List,
}

/// Reads data sets for this crate, which opens no files itself.
pub trait Source {
    /// The bytes of the file at `path`.
    ///
    /// # Errors
    /// The errors of the file.
    fn read(&self, path: &str) -> io::Result<Vec<u8>>;

    /// All rows of a database as key and value, the fields of a value between colons as in a file.
    ///
    /// # Errors
    /// [`io::ErrorKind::Unsupported`] unless a source implements it.
    fn rows(&self, kind: &str, location: &str) -> io::Result<Vec<(String, String)>> {
        let _ = location;
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("no driver for {kind}: is built in")))
    }
}

/// The files of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Files;

impl Source for Files {
    fn read(&self, path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(path)
    }
}

/// Why the value of an option is not a data set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDataSet {
    /// The value is empty.
    #[error("no data set is given: write refile:PATH, file:PATH or a list")]
    Empty,
    /// The word before the colon is not a kind of data set.
    #[error(
        "\"{0}:\" is not a kind of data set: write file:, refile: or csl: (or csl: before a list whose first entry has a colon)"
    )]
    UnknownKind(String),
}

/// OpenDKIM's other kinds, and `sqlite:`.
const DATABASES: [&str; 11] =
    ["db", "dsn", "ldap", "ldaps", "ldapi", "lua", "memcache", "erlang", "mdb", "socket", "sqlite"];

impl DataSet {
    /// Reads the value of an option.
    ///
    /// # Errors
    /// The value is empty, or starts with a word and a colon that are not a kind of data set.
    pub fn parse(text: &str) -> Result<Self, InvalidDataSet> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidDataSet::Empty);
        }
        let first = text.split(',').next().unwrap_or(text);
        let Some((kind, _)) = first.split_once(':') else {
            return Ok(Self::bare(text));
        };
        let rest = text.split_once(':').map_or("", |(_, rest)| rest.trim_start());
        match kind.to_ascii_lowercase().as_str() {
            "file" => Ok(Self::File(rest.into())),
            "refile" => Ok(Self::Refile(rest.into())),
            "csl" => Ok(Self::List(rest.into())),
            word if DATABASES.contains(&word) => {
                Ok(Self::Database { kind: word.into(), location: rest.into() })
            }
            // `::1`, `2001:db8::/32`, `[fe80::1]`, `name=domain:selector:path`: OpenDKIM refuses these without `csl:`.
            _ if first.contains("::") || !kind.bytes().all(|b| b.is_ascii_alphabetic()) => {
                Ok(Self::bare(text))
            }
            word => Err(InvalidDataSet::UnknownKind(word.into())),
        }
    }

    /// The path of a file.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File(path) | Self::Refile(path) => Some(path),
            Self::List(_) | Self::Database { .. } => None,
        }
    }

    fn bare(text: &str) -> Self {
        match text.strip_suffix(".db") {
            Some(_) if !text.contains(',') => Self::Database { kind: "db".into(), location: text.into() },
            _ if text.starts_with('/') => Self::File(text.into()),
            _ => Self::List(text.into()),
        }
    }
}

impl FromStr for DataSet {
    type Err = InvalidDataSet;

    fn from_str(text: &str) -> Result<Self, InvalidDataSet> {
        Self::parse(text)
    }
}

impl fmt::Display for DataSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{path}"),
            Self::Refile(path) => write!(f, "refile:{path}"),
            Self::List(list) => write!(f, "csl:{list}"),
            Self::Database { kind, location } => write!(f, "{kind}:{location}"),
        }
    }
}
