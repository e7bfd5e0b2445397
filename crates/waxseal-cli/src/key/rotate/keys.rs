//! The keys of one domain, and the lifecycle files beside them.

use crate::{
    exit::Failure,
    key_file, key_name,
    keygen::{self, Files},
    whole_file,
};
use std::{
    cmp::Reverse,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::SystemTime,
};
use waxseal::{
    crypto::{KeyType, PrivateKey, PublicKey, ring},
    dkim::Selector,
    dns::DomainName,
};
use waxseal_tables::{KeyState, Lifecycle};

/// Files looked at in a folder.
const MAX_FILES: usize = 10_000;

/// The key that signs now, by the tables.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) selector: String,
    pub(super) path: PathBuf,
}

/// A key of the domain.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) selector: Selector,
    pub(super) path: PathBuf,
    pub(super) public: PublicKey,
    pub(super) life: Lifecycle,
    /// When the file was written, for a key without a lifecycle file.
    modified: Option<SystemTime>,
}

/// All keys of one type.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) folder: PathBuf,
    keys: Vec<Key>,
    /// The one that signs.
    active: Option<usize>,
}

impl Keys {
    /// Those with a lifecycle file in the folder, and the current one.
    pub(super) fn read(
        folder: &Path,
        domain: &DomainName,
        kind: KeyType,
        current: Option<Current>,
    ) -> Result<Self, Failure> {
        let mut keys = Vec::new();
        for path in state_files(folder)? {
            keys.extend(Key::read(&path, domain)?);
        }
        keys.retain(|key| key.public.key_type() == kind);
        // Those that are through first.
        keys.sort_by_key(|key| (Reverse(key.life.state()), key.since()));
        let mut all = Self { folder: folder.to_owned(), keys, active: None };
        all.active = match current {
            Some(current) => Some(all.find_or_add(&current, domain)?),
            None => all.keys.iter().position(|key| key.life.state() == KeyState::Active),
        };
        Ok(all)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.keys.iter()
    }

    pub(super) fn active(&self) -> Option<&Key> {
        self.active.and_then(|number| self.keys.get(number))
    }

    /// The key that is to be the next one.
    pub(super) fn candidate(&self) -> Option<usize> {
        let is_new = |key: &Key| matches!(key.life.state(), KeyState::Pending | KeyState::Published);
        self.keys.iter().position(is_new).filter(|number| Some(*number) != self.active)
    }

    pub(super) fn get(&self, number: usize) -> Option<&Key> {
        self.keys.get(number)
    }

    /// Those that no longer sign and whose records are still published.
    pub(super) fn retired(&self) -> Vec<usize> {
        (0..self.keys.len())
            .filter(|number| self.keys.get(*number).is_some_and(|key| key.life.state() == KeyState::Retired))
            .collect()
    }

    /// Puts a key into a later state, and records that.
    pub(super) fn advance(&mut self, number: usize, state: KeyState, now: SystemTime) -> Result<(), Failure> {
        let Some(key) = self.keys.get_mut(number) else { return Ok(()) };
        let mut life = key.life.clone();
        life.advance(state, now).map_err(|error| Failure::because(key.path.display(), &error))?;
        key.write(&life)?;
        key.life = life;
        Ok(())
    }

    /// The new key signs from now on; those that signed are retired, and returned.
    pub(super) fn switch_to(&mut self, number: usize, now: SystemTime) -> Result<Vec<Selector>, Failure> {
        let signs =
            |number: &usize| self.keys.get(*number).is_some_and(|key| key.life.state() == KeyState::Active);
        let old: Vec<usize> = (0..self.keys.len()).filter(|old| *old != number).filter(signs).collect();
        self.advance(number, KeyState::Active, now)?;
        self.active = Some(number);
        for old in &old {
            self.advance(*old, KeyState::Retired, now)?;
        }
        Ok(old.iter().filter_map(|old| self.keys.get(*old)).map(|key| key.selector.clone()).collect())
    }

    /// A key that the tables name, but whose file does not yet record that it signs: the previous call was interrupted.
    pub(super) fn switched(&self) -> Option<usize> {
        self.active
            .filter(|number| self.keys.get(*number).is_some_and(|key| key.life.state() < KeyState::Active))
    }

    /// Records which key signs.
    pub(super) fn write_active(&self) -> Result<(), Failure> {
        self.active().map_or(Ok(()), |key| key.write(&key.life))
    }

    /// Makes the files of a new key: all of them or none.
    pub(super) fn add(
        &mut self,
        private: &PrivateKey,
        selector: &Selector,
        files: &Files,
        record: &str,
        life: Lifecycle,
    ) -> Result<usize, Failure> {
        files.check_absent()?;
        let key = Key {
            selector: selector.clone(),
            path: files.key.clone(),
            public: private.public_key().clone(),
            life,
            modified: None,
        };
        let like = self.active().and_then(|key| fs::metadata(&key.path).ok());
        let pem = private.to_pem();
        match like {
            Some(like) => whole_file::create_like(&files.key, pem.as_str(), &like),
            None => whole_file::create(&files.key, pem.as_str(), 0o600),
        }
        .map_err(|error| keygen::not_created(&files.key, &error))?;
        let rest = whole_file::create(&files.record, record, 0o644)
            .map_err(|error| keygen::not_created(&files.record, &error))
            .and_then(|()| key.write(&key.life));
        rest.inspect_err(|_| {
            // Nobody has used the key yet.
            for path in [&files.key, &files.record] {
                let _ = fs::remove_file(path);
            }
        })?;
        self.keys.push(key);
        Ok(self.keys.len() - 1)
    }

    fn find_or_add(&mut self, current: &Current, domain: &DomainName) -> Result<usize, Failure> {
        let canonical = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let path = canonical(&current.path);
        if let Some(number) = self.keys.iter().position(|key| canonical(&key.path) == path) {
            return Ok(number);
        }
        let selector = key_name::selector(&current.selector).map_err(Failure::new)?;
        let public = key_file::read(&current.path)?.public_key().clone();
        let modified = fs::metadata(&current.path).and_then(|metadata| metadata.modified()).ok();
        let since = modified.unwrap_or(SystemTime::UNIX_EPOCH);
        let life = Lifecycle::new(KeyState::Active, since)
            .with_fingerprint(&fingerprint(&public))
            .with_name(&selector.to_string(), domain.as_str());
        self.keys.push(Key { selector, path: current.path.clone(), public, life, modified });
        Ok(self.keys.len() - 1)
    }
}

impl Key {
    /// Since when it is in its state.
    pub(super) fn since(&self) -> Option<SystemTime> {
        self.life.since(self.life.state()).or(self.modified)
    }

    /// The key that a lifecycle file is about, if it is one of the domain.
    fn read(state: &Path, domain: &DomainName) -> Result<Option<Self>, Failure> {
        let text = fs::read_to_string(state).map_err(|error| Failure::file("read", state, &error))?;
        let life: Lifecycle = text.parse().map_err(|error| Failure::because(state.display(), &error))?;
        let of_domain = life.domain().is_some_and(|of| of.eq_ignore_ascii_case(domain.as_str()));
        let (true, Some(selector)) = (of_domain, life.selector()) else { return Ok(None) };
        let invalid = |problem| Failure::new(format!("{}: selector={selector}: {problem}", state.display()));
        let selector = key_name::selector(selector).map_err(invalid)?;
        let path = state.with_extension("");
        // The file of a revoked key may have been deleted.
        if life.state() == KeyState::Revoked && !path.exists() {
            return Ok(None);
        }
        let public = key_file::load(&path)?.public_key().clone();
        if life.fingerprint().is_some_and(|known| known != fingerprint(&public)) {
            return Err(Failure::new(format!(
                "{} holds another key than {} is about: put the key back, or remove both files",
                path.display(),
                state.display()
            )));
        }
        Ok(Some(Self { selector, path, public, life, modified: None }))
    }

    fn write(&self, life: &Lifecycle) -> Result<(), Failure> {
        let path = PathBuf::from(Lifecycle::path(&self.path.display().to_string()));
        let text = life.to_string();
        let written = match fs::symlink_metadata(&path) {
            Ok(_) => whole_file::replace(&path, &text),
            Err(error) if error.kind() == ErrorKind::NotFound => whole_file::create(&path, &text, 0o644),
            Err(error) => Err(error),
        };
        written.map_err(|error| Failure::file("write", &path, &error))
    }
}

fn state_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |error| Failure::file("read", folder, &error);
    let entries = fs::read_dir(folder).map_err(failed)?;
    let paths = entries.take(MAX_FILES).map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<_> = paths.collect::<Result<_, _>>().map_err(failed)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "state"));
    paths.sort();
    Ok(paths)
}

/// Of the public key, so that it may be shown.
pub(super) fn fingerprint(public: &PublicKey) -> String {
    ring::PROVIDER.fingerprint(public)
}
