use std::fmt;

use crate::{
    data_set::{DataSet, Form, Source},
    entries::{Entries, Rules},
    lines::{Content, Row},
    problem::{InvalidTable, Problem, ProblemKind},
};

/// OpenDKIM's `KeyTable`: maps the name of a key to the domain and selector of the signature and to the private key.
///
/// Names are case-sensitive, as in OpenDKIM.
///
/// ```
/// use waxseal_tables::{Form, KeyData, KeyTable};
/// let table = KeyTable::from_bytes(Form::File, b"\
/// # name                       domain:selector:path
/// default._domainkey.example.org example.org:default:/etc/opendkim/keys/example.org/default.private
/// customers                      %:s1:/etc/opendkim/keys/%/s1.private
/// ")?;
/// let key = table.get("customers", "shop.example")?;
/// assert_eq!((key.domain(), key.selector()), ("shop.example", "s1"));
/// assert_eq!(key.data(), &KeyData::File("/etc/opendkim/keys/shop.example/s1.private".into()));
/// assert_eq!(table.get("other", "shop.example").unwrap_err().to_string(), "the KeyTable has no key \"other\"");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct KeyTable {
    entries: Entries,
}

/// One key of a [`KeyTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    name: String,
    domain: String,
    selector: String,
    data: KeyData,
    algorithm: Option<String>,
    line: usize,
}

/// Where the private key is. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyData {
    /// In the file at this path.
    File(String),
    /// In the table itself: PEM, or DER in base64.
    Inline(String),
}

/// Why there is no key for a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoKey {
    /// No entry has this name.
    #[error("the KeyTable has no key \"{0}\"")]
    Unknown(String),
    /// The entry cannot be used.
    #[error("KeyTable, {0}")]
    Invalid(Problem),
    /// The entry has a `%` for the domain of the author, which cannot be part of a path.
    #[error("the key \"{name}\" can not be used for \"{domain}\": not the name of a domain")]
    UnfitDomain {
        /// The name of the key.
        name: String,
        /// The domain of the author.
        domain: String,
    },
}

impl KeyTable {
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

    /// The key with this name, for a message whose author is at `domain`, which replaces every `%`.
    ///
    /// # Errors
    /// There is no such key, its entry lacks something, or a `%` would be replaced by an invalid domain in a path.
    pub fn get(&self, name: &str, domain: &str) -> Result<KeyEntry, NoKey> {
        let row = self.entries.first(name).ok_or_else(|| NoKey::Unknown(name.into()))?;
        let mut entry = KeyEntry::read(&row).map_err(NoKey::Invalid)?;
        if entry.name != name {
            entry.name = name.into();
        }
        if entry.uses_author_domain() && !is_domain(domain) {
            return Err(NoKey::UnfitDomain { name: name.into(), domain: domain.into() });
        }
        if entry.domain == "%" {
            entry.domain = domain.into();
        }
        if let KeyData::File(path) = &mut entry.data {
            *path = path.replace('%', &entry.domain);
        }
        Ok(entry)
    }

    /// All usable entries as written, including `%`.
    pub fn iter(&self) -> impl Iterator<Item = KeyEntry> {
        self.entries.iter().filter_map(|row| KeyEntry::read(&row).ok())
    }

    /// Misleading lines.
    pub fn problems(&self) -> &[Problem] {
        self.entries.problems.as_slice()
    }

    fn new(content: &Content) -> Result<Self, InvalidTable> {
        let mut entries = Entries::new(content, Rules { unique: true, ..Rules::default() })?;
        let invalid: Vec<Problem> = entries.iter().filter_map(|row| KeyEntry::read(&row).err()).collect();
        entries.problems.extend(invalid);
        Ok(Self { entries })
    }
}

impl KeyEntry {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The signing domain, `d=`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The selector, `s=`.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// Where the private key is.
    pub fn data(&self) -> &KeyData {
        &self.data
    }

    /// The algorithm of the fourth field: `rsa-sha256`, `ed25519-sha256`.
    pub fn algorithm(&self) -> Option<&str> {
        self.algorithm.as_deref()
    }

    /// The number of its line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether a `%` stands for the domain of the author.
    pub fn uses_author_domain(&self) -> bool {
        self.domain == "%"
    }

    fn read(row: &Row<'_>) -> Result<Self, Problem> {
        let mut fields = row.value.splitn(3, ':');
        let mut field = |field| {
            let found = fields.next().filter(|text| !text.is_empty());
            found.ok_or_else(|| Problem::new(row.line, ProblemKind::NoField { name: row.key.into(), field }))
        };
        let [domain, selector, data] = [field("domain")?, field("selector")?, field("path")?];
        let (data, algorithm) = split_algorithm(data);
        let is_path = ["/", "./", "../"].iter().any(|start| data.starts_with(start));
        let data = if is_path { KeyData::File(data.into()) } else { KeyData::Inline(data.into()) };
        let algorithm = algorithm.map(str::to_owned);
        Ok(Self {
            name: row.key.into(),
            domain: domain.into(),
            selector: selector.into(),
            data,
            algorithm,
            line: row.line,
        })
    }
}

impl fmt::Debug for KeyData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Inline(_) => f.write_str("Inline(..)"),
        }
    }
}

/// Old versions of OpenDKIM have three fields, and the last one takes the rest; newer ones have the algorithm as a
/// fourth.
fn split_algorithm(data: &str) -> (&str, Option<&str>) {
    let is_algorithm = |word: &str| ["rsa-", "ed25519-"].iter().any(|kind| word.starts_with(kind));
    match data.rsplit_once(':') {
        Some((data, word)) if is_algorithm(word) => (data, Some(word)),
        _ => (data, None),
    }
}

/// The domain comes from a message and becomes part of a path.
fn is_domain(domain: &str) -> bool {
    let is_fit =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.') || !byte.is_ascii();
    !domain.is_empty() && !domain.starts_with('.') && !domain.contains("..") && domain.bytes().all(is_fit)
}
