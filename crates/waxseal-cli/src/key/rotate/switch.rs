//! The files that name the signing key, and how they are changed: each atomically.

use super::keys::{Current, Key};
use crate::{exit::Failure, key_file, whole_file};
use clap::Args;
use std::{
    fs,
    path::{Path, PathBuf},
};
use waxseal::{crypto::KeyType, dns::DomainName};
use waxseal_tables::{DataSet, Files, KeyData, KeyEntry, KeyTable, SigningTable};

#[derive(Debug, Args)]
pub(super) struct TargetArgs {
    /// The KeyTable of the daemon that signs, as in opendkim.conf: a path or refile:PATH
    #[arg(long, value_name = "DATASET", value_parser = DataSet::parse)]
    key_table: Option<DataSet>,
    /// Its SigningTable: then the new key becomes a new entry of the KeyTable, otherwise it replaces the old one there
    #[arg(long, value_name = "DATASET", value_parser = DataSet::parse, requires = "key_table")]
    signing_table: Option<DataSet>,
    /// An opendkim.conf with Selector and KeyFile: both are changed
    #[arg(long, value_name = "FILE", conflicts_with = "key_table")]
    config: Option<PathBuf>,
    /// A link to the signing key, which is named SELECTOR.private
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_table", "config"])]
    link: Option<PathBuf>,
}

/// The files that name the signing key.
#[derive(Debug)]
pub(super) enum Target {
    Tables {
        keys: PathBuf,
        key_set: DataSet,
        signing: Option<(PathBuf, DataSet)>,
    },
    Config(PathBuf),
    Link(PathBuf),
    /// Only the lifecycle files.
    Lives,
}

impl Target {
    pub(super) fn open(args: &TargetArgs) -> Result<Self, Failure> {
        let path = |set: &DataSet| {
            let path = set.path().map(PathBuf::from);
            path.ok_or_else(|| {
                Failure::new(format!(
                    "{set}: only tables that are files are changed: give a path or refile:PATH"
                ))
            })
        };
        Ok(match (&args.key_table, &args.config, &args.link) {
            (Some(set), ..) => {
                let signing =
                    args.signing_table.as_ref().map(|set| path(set).map(|path| (path, set.clone())));
                Self::Tables { keys: path(set)?, key_set: set.clone(), signing: signing.transpose()? }
            }
            (_, Some(config), _) => Self::Config(config.clone()),
            (.., Some(link)) => Self::Link(link.clone()),
            _ => Self::Lives,
        })
    }

    /// The key that signs for the domain.
    pub(super) fn current(&self, domain: &DomainName, kind: KeyType) -> Result<Option<Current>, Failure> {
        match self {
            Self::Tables { .. } => self.in_tables(domain, kind).map(Some),
            Self::Config(path) => {
                let lines = Lines::read(path)?;
                let value = |name: &str| {
                    let found = lines.option(name).map(|(_, value)| value.to_owned());
                    found.ok_or_else(|| {
                        Failure::new(format!(
                            "{}: no line `{name}`: give --key-table, if the keys stand in tables",
                            path.display()
                        ))
                    })
                };
                let (selector, path) = (value("Selector")?, PathBuf::from(value("KeyFile")?));
                Ok(Some(Current { selector, path }))
            }
            Self::Link(link) => current_of_link(link),
            Self::Lives => Ok(None),
        }
    }

    /// Lets the new key sign. After a failure, what was changed stays, and the next call continues.
    pub(super) fn switch(&self, old: Option<&Key>, new: &Key, domain: &DomainName) -> Result<(), Failure> {
        match (self, old) {
            (Self::Tables { keys, signing, .. }, Some(old)) => {
                let entries = self.entries(domain, old)?;
                match signing {
                    None => change_entries(keys, &entries, new),
                    Some((path, set)) => {
                        let names = add_entries(keys, &entries, old, new)?;
                        rename(path, set, &names)
                    }
                }
            }
            (Self::Config(path), _) => {
                let mut lines = Lines::read(path)?;
                lines.set_option("Selector", &new.selector.to_string());
                lines.set_option("KeyFile", &new.path.display().to_string());
                lines.write(path)
            }
            (Self::Link(link), _) => relink(link, &new.path),
            (Self::Tables { .. } | Self::Lives, _) => Ok(()),
        }
    }

    /// Removes what is left of a key that is revoked.
    pub(super) fn forget(&self, old: &Key, domain: &DomainName) -> Result<(), Failure> {
        let Self::Tables { keys, signing: Some((_, signing)), .. } = self else { return Ok(()) };
        let signing = load_signing(signing)?;
        let entries = self.entries(domain, old)?;
        let unused = |entry: &&KeyEntry| !signing.iter().any(|used| used.key_name() == entry.name());
        let gone: Vec<usize> = entries.iter().filter(unused).map(KeyEntry::line).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let mut lines = Lines::read(keys)?;
        lines.remove(&gone);
        lines.write(keys)
    }

    fn in_tables(&self, domain: &DomainName, kind: KeyType) -> Result<Current, Failure> {
        let Self::Tables { keys, key_set, signing } = self else {
            return Err(Failure::new("no tables"));
        };
        let table = load_keys(key_set)?;
        let signing = signing.as_ref().map(|(_, set)| load_signing(set)).transpose()?;
        let is_used = |entry: &KeyEntry| {
            signing.as_ref().is_none_or(|signing| {
                signing.iter().any(|used| !used.is_exclusion() && used.key_name() == entry.name())
            })
        };
        let mut found: Vec<Current> = Vec::new();
        for entry in table.iter().filter(|entry| is_of(entry, domain) && is_used(entry)) {
            let KeyData::File(path) = entry.data() else { continue };
            let path = PathBuf::from(path);
            let known = found.iter().any(|current| current.path == path);
            if !known && key_file::load(&path)?.key_type() == kind {
                found.push(Current { selector: entry.selector().to_owned(), path });
            }
        }
        let table = keys.display();
        match found.len() {
            0 => Err(Failure::new(format!(
                "{table}: no {kind} key in a file signs for {domain}: make the first one with `waxseal key new`, and enter it there"
            ))),
            1 => found.pop().ok_or_else(|| Failure::new("no key")),
            _ => Err(Failure::new(format!(
                "{table}: {} {kind} keys sign for {domain}, and it is not clear which one is to be replaced: leave one{}",
                found.len(),
                if signing.is_none() { ", or give --signing-table" } else { "" }
            ))),
        }
    }

    /// The entries of a key in the KeyTable.
    fn entries(&self, domain: &DomainName, key: &Key) -> Result<Vec<KeyEntry>, Failure> {
        let Self::Tables { key_set, .. } = self else { return Ok(Vec::new()) };
        let is_this = |entry: &KeyEntry| {
            is_of(entry, domain) && matches!(entry.data(), KeyData::File(path) if Path::new(path) == key.path)
        };
        Ok(load_keys(key_set)?.iter().filter(is_this).collect())
    }
}

fn is_of(entry: &KeyEntry, domain: &DomainName) -> bool {
    entry.domain().eq_ignore_ascii_case(domain.as_str())
}

fn load_keys(set: &DataSet) -> Result<KeyTable, Failure> {
    KeyTable::load(set, &Files).map_err(|error| Failure::because("KeyTable", &error))
}

fn load_signing(set: &DataSet) -> Result<SigningTable, Failure> {
    SigningTable::load(set, &Files).map_err(|error| Failure::because("SigningTable", &error))
}

fn current_of_link(link: &Path) -> Result<Option<Current>, Failure> {
    let target = fs::read_link(link).map_err(|error| {
        Failure::new(format!(
            "cannot read the link {}: {error}; make it with ln -s SELECTOR.private",
            link.display()
        ))
    })?;
    let path = link.parent().unwrap_or(Path::new(".")).join(target);
    let selector =
        path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".private"));
    let selector = selector.ok_or_else(|| {
        Failure::new(format!(
            "{} leads to {}, whose name is not SELECTOR.private",
            link.display(),
            path.display()
        ))
    })?;
    Ok(Some(Current { selector: selector.to_owned(), path: path.clone() }))
}

#[cfg(unix)]
fn relink(link: &Path, key: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::file("change the link", link, &error);
    let key = fs::canonicalize(key).map_err(failed)?;
    let folder = link.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let made = tempfile::Builder::new()
        .prefix(".waxseal-")
        .make_in(folder, |path| std::os::unix::fs::symlink(&key, path));
    made.and_then(|made| made.into_temp_path().persist(link).map_err(|error| error.error)).map_err(failed)
}

#[cfg(not(unix))]
fn relink(link: &Path, _: &Path) -> Result<(), Failure> {
    Err(Failure::new(format!("{}: links are changed on Unix alone", link.display())))
}

/// Puts the new key into the entries of the old one.
fn change_entries(path: &Path, entries: &[KeyEntry], new: &Key) -> Result<(), Failure> {
    let mut lines = Lines::read(path)?;
    for entry in entries {
        lines.change(entry.line(), |line| {
            let Some((key, blanks, _, rest)) = split(line) else { return line.to_owned() };
            format!("{key}{blanks}{}{rest}", value(entry, new))
        });
    }
    lines.write(path)
}

/// Adds an entry of the new key behind each of the old one, and returns the old and new names.
fn add_entries(
    path: &Path,
    entries: &[KeyEntry],
    old: &Key,
    new: &Key,
) -> Result<Vec<(String, String)>, Failure> {
    let mut lines = Lines::read(path)?;
    let mut names = Vec::new();
    for entry in entries.iter().rev() {
        let (from, to) = (old.selector.to_string(), new.selector.to_string());
        let name = match entry.name().contains(&from) {
            true => entry.name().replacen(&from, &to, 1),
            false => format!("{to}._domainkey.{}", entry.domain()),
        };
        if !lines.has_key(&name) {
            lines.insert_behind(entry.line(), format!("{name} {}\n", value(entry, new)));
        }
        names.push((entry.name().to_owned(), name));
    }
    lines.write(path)?;
    Ok(names)
}

fn value(entry: &KeyEntry, new: &Key) -> String {
    let algorithm = entry.algorithm().map(|word| format!(":{word}")).unwrap_or_default();
    format!("{}:{}:{}{algorithm}", entry.domain(), new.selector, new.path.display())
}

/// Puts the new names of keys into the SigningTable.
fn rename(path: &Path, set: &DataSet, names: &[(String, String)]) -> Result<(), Failure> {
    let table = load_signing(set)?;
    let mut lines = Lines::read(path)?;
    for used in table.iter() {
        let Some((from, to)) = names.iter().find(|(from, _)| from == used.key_name()) else { continue };
        lines.change(used.line(), |line| {
            let Some((key, blanks, value, rest)) = split(line) else { return line.to_owned() };
            let identity = value.strip_prefix(from.as_str()).unwrap_or_default();
            format!("{key}{blanks}{to}{identity}{rest}")
        });
    }
    lines.write(path)
}

/// Key, blanks, value, and what is behind it with the line end.
fn split(line: &str) -> Option<(&str, &str, &str, &str)> {
    let blank = |c: char| c.is_ascii_whitespace();
    let text = line.split('#').next().unwrap_or(line).trim_end();
    let start = text.len() - text.trim_start().len();
    let key_end = start + text.get(start..)?.find(blank)?;
    let value_start = text.len() - text.get(key_end..)?.trim_start().len();
    Some((
        text.get(..key_end)?,
        text.get(key_end..value_start)?,
        text.get(value_start..)?,
        line.get(text.len()..)?,
    ))
}

/// The lines of a file, line ends included.
struct Lines(Vec<String>);

impl Lines {
    fn read(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(|error| Failure::file("read", path, &error))?;
        Ok(Self(text.split_inclusive('\n').map(str::to_owned).collect()))
    }

    fn write(&self, path: &Path) -> Result<(), Failure> {
        whole_file::replace(path, &self.0.concat()).map_err(|error| Failure::file("write", path, &error))
    }

    /// Lines are counted from 1.
    fn change(&mut self, number: usize, change: impl FnOnce(&str) -> String) {
        if let Some(line) = number.checked_sub(1).and_then(|index| self.0.get_mut(index)) {
            *line = change(line);
        }
    }

    fn insert_behind(&mut self, number: usize, line: String) {
        if let Some(last) =
            number.checked_sub(1).and_then(|index| self.0.get_mut(index)).filter(|line| !line.ends_with('\n'))
        {
            last.push('\n');
        }
        self.0.insert(number.min(self.0.len()), line);
    }

    fn remove(&mut self, numbers: &[usize]) {
        let mut number = 0;
        self.0.retain(|_| {
            number += 1;
            !numbers.contains(&number)
        });
    }

    fn has_key(&self, key: &str) -> bool {
        self.0.iter().any(|line| split(line).is_some_and(|(found, ..)| found == key))
    }

    /// The index and value of an option: a later line wins.
    fn option(&self, name: &str) -> Option<(usize, &str)> {
        let find = |(index, line): (usize, &'_ String)| -> Option<usize> {
            split(line).filter(|(found, ..)| found.trim_start().eq_ignore_ascii_case(name)).map(|_| index)
        };
        let index = self.0.iter().enumerate().rev().find_map(find)?;
        Some((index, split(self.0.get(index)?)?.2))
    }

    fn set_option(&mut self, name: &str, to: &str) {
        let Some((index, _)) = self.option(name) else { return };
        self.change(index + 1, |line| match split(line) {
            Some((key, blanks, _, rest)) => format!("{key}{blanks}{to}{rest}"),
            None => line.to_owned(),
        });
    }
}
