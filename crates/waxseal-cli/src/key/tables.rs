//! The keys of OpenDKIM's tables.

use super::check::Row;
use crate::{exit::Failure, key_file};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use waxseal::dns::lint::{Finding, Severity};
use waxseal_tables::{DataSet, Files, KeyData, KeyEntry, KeyTable, Problem, SigningTable};

/// What the tables have.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) rows: Vec<Row>,
    /// What is wrong with a table rather than with one of its keys.
    pub(crate) findings: Vec<Finding>,
}

impl Tables {
    pub(crate) fn read(key_table: &DataSet, signing_table: Option<&DataSet>) -> Result<Self, Failure> {
        let keys = KeyTable::load(key_table, &Files).map_err(|error| Failure::because("KeyTable", &error))?;
        let signing = signing_table.map(|set| SigningTable::load(set, &Files)).transpose();
        let signing = signing.map_err(|error| Failure::because("SigningTable", &error))?;
        let mut tables = Self::default();
        tables.problems("KeyTable", keys.problems());
        let used = signing.as_ref().map(|signing| tables.used(&keys, signing));
        for entry in keys.iter() {
            let is_used = used.as_ref().map(|used| used.contains(entry.name()));
            tables.push(&entry, is_used);
        }
        if tables.rows.is_empty() {
            tables.findings.push(Finding::new("no-keys", Severity::Error, "the KeyTable has no key"));
        }
        Ok(tables)
    }

    pub(super) fn problems(&mut self, table: &str, problems: &[Problem]) {
        let finding =
            |problem: &Problem| Finding::new("table-line", Severity::Warning, format!("{table}, {problem}"));
        self.findings.extend(problems.iter().map(finding));
    }

    /// The names of the keys that sign.
    fn used(&mut self, keys: &KeyTable, signing: &SigningTable) -> BTreeSet<String> {
        self.problems("SigningTable", signing.problems());
        let mut used = BTreeSet::new();
        for entry in signing.iter().filter(|entry| !entry.is_exclusion() && !entry.key_name().is_empty()) {
            let (line, pattern, name) = (entry.line(), entry.pattern(), entry.key_name());
            // A `%` stands for the domain of each author.
            if name != "%" && keys.get(name, "example.org").is_err() {
                let problem = format!(
                    "SigningTable, line {line}: {pattern} signs with \"{name}\", which the KeyTable does not have"
                );
                self.findings.push(Finding::new("unknown-key", Severity::Error, problem));
            }
            used.insert(name.to_owned());
        }
        used
    }

    fn push(&mut self, entry: &KeyEntry, is_used: Option<bool>) {
        let mut row = Row::new(entry.name(), entry.domain(), entry.selector());
        row.is_used = is_used;
        if let KeyData::File(path) = entry.data() {
            row.key_file = Some(path.clone());
        }
        let in_file = matches!(entry.data(), KeyData::File(path) if path.contains('%'));
        if entry.uses_author_domain() || in_file {
            let problem =
                format!("line {}: not checked, since % stands for the domain of each author", entry.line());
            row.findings.push(Finding::new("any-domain", Severity::Note, problem));
        } else {
            row.read_key(entry.data());
        }
        self.rows.push(row);
    }
}

impl Row {
    pub(super) fn read_key(&mut self, data: &KeyData) {
        let key = key_file::of_entry(data);
        match key {
            Ok(key) => self.public = Some(key.public_key().clone()),
            Err(problem) => {
                let elsewhere = match data {
                    KeyData::File(path) => near(Path::new(path)),
                    _ => None,
                };
                let hint = elsewhere.map(|path| format!("; there is one at {}", path.display()));
                let problem = problem + &hint.unwrap_or_default();
                self.findings.push(Finding::new("key-file", Severity::Error, problem));
            }
        }
    }
}

/// How many folders are searched.
const MAX_FOLDERS: usize = 1_000;

/// For a missing file, one of the same name in a subfolder, as when the folder of the domain was left out, or in the folder
/// above.
fn near(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return None;
    }
    let (folder, name) = (path.parent()?, path.file_name()?);
    let below =
        fs::read_dir(folder).into_iter().flatten().take(MAX_FOLDERS).flatten().map(|entry| entry.path());
    let mut folders: Vec<PathBuf> = below.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.extend(folder.parent().map(Path::to_owned));
    folders.into_iter().map(|folder| folder.join(name)).find(|path| path.is_file())
}
