//! Private keys from files.

use crate::{
    exit::{Failure, chain},
    terminal,
};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};
use waxseal::crypto::{KeyMaterial, MAX_KEY_FILE, PrivateKey, rust_crypto};
use waxseal_tables::KeyData;
use zeroize::Zeroizing;

/// Reads a private key, and warns of what an operator should know.
pub(crate) fn read(path: &Path) -> Result<PrivateKey, Failure> {
    let (key, readers) = load_with_readers(path)?;
    let exposed = match readers {
        Readers::Owner => None,
        Readers::Group => Some(("the group of the file", "g-rwx")),
        Readers::Everyone => Some(("everyone on this machine", "go-rwx")),
    };
    if let Some((who, change)) = exposed {
        let path = path.display();
        terminal::note(format_args!("{who} can read or write the private key {path}: chmod {change} {path}"));
    }
    if let Some(warning) = key.warning() {
        terminal::note(format_args!("{}: {warning}", path.display()));
    }
    Ok(key)
}

/// Reads a private key without warnings.
pub(crate) fn load(path: &Path) -> Result<PrivateKey, Failure> {
    load_with_readers(path).map(|(key, _)| key)
}

fn load_with_readers(path: &Path) -> Result<(PrivateKey, Readers), Failure> {
    let (content, readers) = read_content(path).map_err(|error| Failure::file("read", path, &error))?;
    let key = PrivateKey::from_bytes(&content).or_else(|error| {
        if !error.is_unsupported() {
            return Err(error);
        }
        // ring signs with 2048 bits and more; old how-tos made keys of 1024.
        PrivateKey::from_material(KeyMaterial::from_bytes(&content)?, rust_crypto::PROVIDER)
    });
    Ok((key.map_err(|error| Failure::because(path.display(), &error))?, readers))
}

/// Reads the private key of an entry of a KeyTable.
pub(crate) fn of_entry(data: &KeyData) -> Result<PrivateKey, String> {
    match data {
        KeyData::File(path) => read(Path::new(path)).map_err(|failure| failure.to_string()),
        KeyData::Inline(text) => {
            let material = KeyMaterial::from_bytes(text).map_err(|error| chain(&error))?;
            PrivateKey::from_material(material, rust_crypto::PROVIDER).map_err(|error| chain(&error))
        }
        _ => Err("this form of a key is not read".into()),
    }
}

/// Who may read or write a file.
enum Readers {
    Owner,
    Group,
    Everyone,
}

/// The bytes, and who else may read them.
fn read_content(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, Readers)> {
    let file = File::open(path)?;
    let readers = readers(&file)?;
    // Room for all at once, so that growing leaves no copy of the key behind; one byte more than a key has shows a file
    // that is too long.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE + 1));
    file.take(MAX_KEY_FILE as u64 + 1).read_to_end(&mut content)?;
    Ok((content, readers))
}

/// As OpenDKIM's RequireSafeKeys does, the group counts too.
#[cfg(unix)]
fn readers(file: &File) -> io::Result<Readers> {
    use std::os::unix::fs::MetadataExt;
    Ok(match file.metadata()?.mode() {
        mode if mode & 0o007 != 0 => Readers::Everyone,
        mode if mode & 0o070 != 0 => Readers::Group,
        _ => Readers::Owner,
    })
}

#[cfg(not(unix))]
fn readers(_: &File) -> io::Result<Readers> {
    Ok(Readers::Owner)
}
