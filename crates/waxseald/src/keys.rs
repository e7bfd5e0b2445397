//! Private keys in files: whether they are safe, and those already read.

use crate::{lifecycle::Life, metrics::metrics};
use std::{
    collections::HashMap,
    fs,
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use waxseal::{
    PrivateKey,
    crypto::{KeyError, KeyMaterial, MAX_KEY_FILE, rust_crypto},
};

/// Why a key is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyTrouble {
    #[error("{0}")]
    Unreadable(String),
    #[error(
        "key data is not secure: {} (mode {mode:04o}) can be {verb} by other users: chmod {verb_off} {}, or RequireSafeKeys no",
        path.display(), path.display()
    )]
    Unsafe { path: PathBuf, mode: u32, verb: &'static str, verb_off: &'static str },
    #[error("key data is not secure: {} belongs to user {owner}, not to root or to user {user}", path.display())]
    Owner { path: PathBuf, owner: u32, user: u32 },
    #[error("the RSA key in {} has {bits} bits, fewer than MinimumKeyBits {min}", path.display())]
    Short { path: PathBuf, bits: u32, min: u32 },
}

/// The requirements for a key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyRules {
    pub(crate) safe: bool,
    pub(crate) min_rsa_bits: u32,
}

/// Reads keys on first use, and keeps the most recent ones.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    known: Mutex<HashMap<PathBuf, Known>>,
}

#[derive(Debug, Clone)]
struct Known {
    key: Result<(PrivateKey, Life), KeyTrouble>,
    /// When it was last looked at.
    read: Instant,
}

impl KeyCache {
    /// How many keys are kept, of about 4 KiB each.
    const CAPACITY: usize = 1_000;
    /// How long to wait before a key that could not be read is tried again, and the state of one that was is read anew.
    const AGAIN: Duration = Duration::from_secs(5);

    /// The key of a file, and where it is in its life.
    pub(crate) fn get(&self, path: &Path, rules: KeyRules) -> Result<(PrivateKey, Life), KeyTrouble> {
        let known = self.known().get(path).cloned();
        let fresh = known.as_ref().filter(|known| known.read.elapsed() < Self::AGAIN);
        if let Some(known) = fresh {
            return known.key.clone();
        }
        let before = known.and_then(|known| known.key.ok());
        let key = match &before {
            Some((key, _)) => Ok(key.clone()),
            None => load(path, rules)
                .inspect(|_| metrics().key_read(true))
                .inspect_err(|_| metrics().key_read(false)),
        };
        let key = key.map(|key| {
            let life = Life::of(path, key.public_key());
            let is_news = before.is_none_or(|(_, before)| before != life);
            if let Some(note) = life.note().filter(|_| is_news) {
                tracing::warn!("{}: {note}", path.display());
            }
            (key, life)
        });
        let mut known = self.known();
        if known.len() >= Self::CAPACITY && !known.contains_key(path) {
            // Whichever comes first: who signs for more domains than that signs for some of them seldom.
            if let Some(victim) = known.keys().next().cloned() {
                known.remove(&victim);
            }
        }
        known.insert(path.to_owned(), Known { key: key.clone(), read: Instant::now() });
        key
    }

    fn known(&self) -> MutexGuard<'_, HashMap<PathBuf, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a key, if it meets the requirements.
pub(crate) fn load(path: &Path, rules: KeyRules) -> Result<PrivateKey, KeyTrouble> {
    if rules.safe {
        check_safe(path)?;
    }
    let key = read(path)?;
    let is_rsa = key.key_type() == waxseal::crypto::KeyType::Rsa;
    if is_rsa && key.bits() < rules.min_rsa_bits {
        return Err(KeyTrouble::Short { path: path.into(), bits: key.bits(), min: rules.min_rsa_bits });
    }
    Ok(key)
}

fn read(path: &Path) -> Result<PrivateKey, KeyTrouble> {
    let file = fs::File::open(path).map_err(|_| KeyTrouble::Unreadable(unreadable(path)))?;
    let mut text = Vec::new();
    file.take(MAX_KEY_FILE as u64 + 1)
        .read_to_end(&mut text)
        .map_err(|_| KeyTrouble::Unreadable(unreadable(path)))?;
    let invalid =
        |error: KeyError| KeyTrouble::Unreadable(format!("error loading key: {}: {error}", path.display()));
    match PrivateKey::from_pem(&text) {
        // The default provider signs with 2048 bits and more; how-tos made keys of 1024.
        Err(error) if error.is_unsupported() => {
            let material = KeyMaterial::from_pem(&text).map_err(invalid)?;
            PrivateKey::from_material(material, rust_crypto::PROVIDER).map_err(invalid)
        }
        read => read.map_err(invalid),
    }
}

/// Which part of the path is the obstacle.
fn unreadable(path: &Path) -> String {
    let mut ancestors: Vec<_> = path.ancestors().filter(|part| !part.as_os_str().is_empty()).collect();
    ancestors.reverse();
    for part in ancestors {
        let found = if part == path { fs::File::open(part).map(drop) } else { fs::metadata(part).map(drop) };
        if let Err(error) = found {
            let mode =
                |part: &Path| fs::metadata(part).map(|meta| format!(" (mode {:04o})", meta.mode() & 0o7777));
            let at = match error.kind() {
                // What is missing is the part, what forbids is the folder that holds it, or the file itself.
                io::ErrorKind::PermissionDenied if part != path => part.parent().unwrap_or(part),
                _ => part,
            };
            return format!("error loading key: {}{}: {error}", at.display(), mode(at).unwrap_or_default());
        }
    }
    format!("error loading key: {}: cannot be read", path.display())
}

/// Checks that nobody else can read, change or replace the file.
fn check_safe(path: &Path) -> Result<(), KeyTrouble> {
    let read = |part: &Path| fs::metadata(part).map_err(|_| KeyTrouble::Unreadable(unreadable(path)));
    let path = fs::canonicalize(path).map_err(|_| KeyTrouble::Unreadable(unreadable(path)))?;
    let user = nix::unistd::geteuid().as_raw();
    for part in path.ancestors() {
        let meta = read(part)?;
        let mode = meta.mode() & 0o7777;
        if meta.uid() != 0 && meta.uid() != user {
            return Err(KeyTrouble::Owner { path: part.into(), owner: meta.uid(), user });
        }
        let unsafe_for = |verb, verb_off| Err(KeyTrouble::Unsafe { path: part.into(), mode, verb, verb_off });
        if part == path && mode & 0o007 != 0 {
            return unsafe_for("read or written", "o=");
        }
        // In a folder with the sticky bit, as /tmp, only the owner of a file can replace it.
        if mode & 0o002 != 0 && mode & 0o1000 == 0 {
            return unsafe_for("written", "o-w");
        }
        if part == path && mode & 0o020 != 0 {
            return unsafe_for("written", "g-w");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// The key of RFC 8463 appendix A.2.
    const KEY: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";

    fn key_file(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.private");
        fs::write(&path, KEY).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    const SAFE: KeyRules = KeyRules { safe: true, min_rsa_bits: 1024 };

    #[test]
    fn a_key_that_others_can_read_is_named_with_its_mode() {
        let (_folder, path) = key_file(0o644);
        let error = load(&path, SAFE).unwrap_err().to_string();
        let shown = fs::canonicalize(&path).unwrap();
        assert!(
            error.contains(&format!("{} (mode 0644) can be read or written", shown.display())),
            "{error}"
        );
        assert!(load(&path, KeyRules { safe: false, ..SAFE }).is_ok());
        let (_folder, path) = key_file(0o640);
        assert!(load(&path, SAFE).is_ok());
        let (_folder, path) = key_file(0o660);
        assert!(
            load(&path, SAFE)
                .unwrap_err()
                .to_string()
                .contains("(mode 0660) can be written by other users: chmod g-w")
        );
    }

    #[test]
    fn a_folder_that_others_can_write_is_named() {
        let (folder, path) = key_file(0o600);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = load(&path, SAFE).unwrap_err();
        let folder = fs::canonicalize(folder.path()).unwrap();
        assert!(matches!(&error, KeyTrouble::Unsafe { path, mode: 0o777, .. } if *path == folder), "{error}");
    }

    #[test]
    fn the_part_of_a_path_that_is_missing_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("example.org/s.private");
        let error = load(&path, SAFE).unwrap_err().to_string();
        let missing = folder.path().join("example.org");
        assert!(
            error.starts_with(&format!("error loading key: {}: No such file", missing.display())),
            "{error}"
        );
    }

    #[test]
    fn the_state_beside_a_key_is_read_with_it() {
        let (folder, path) = key_file(0o600);
        fs::write(folder.path().join("s.private.state"), "state=published\n").unwrap();
        let (_, life) = KeyCache::default().get(&path, SAFE).unwrap();
        assert!(!life.signs(), "{life:?}");
    }

    #[test]
    fn keys_are_read_once_and_trouble_is_remembered_for_a_while() {
        let (_folder, path) = key_file(0o600);
        let cache = KeyCache::default();
        assert!(cache.get(&path, SAFE).is_ok());
        fs::remove_file(&path).unwrap();
        assert!(cache.get(&path, SAFE).is_ok());
        let cache = KeyCache::default();
        assert!(cache.get(&path, SAFE).is_err());
        fs::write(&path, KEY).unwrap();
        assert!(cache.get(&path, KeyRules { safe: false, ..SAFE }).is_err());
    }
}
