//! Private keys from files.

use crate::{exit::Failure, terminal};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};
use waxseal::crypto::{KeyError, MAX_KEY_FILE, PrivateKey, rust_crypto};
use zeroize::Zeroizing;

/// Reads a private key, and warns of what an operator should know.
pub(crate) fn read(path: &Path) -> Result<PrivateKey, Failure> {
    let (content, exposed) = read_content(path).map_err(|error| Failure::file("read", path, &error))?;
    let key = PrivateKey::from_file(&content).or_else(|error| match error {
        // ring signs with 2048 bits and more; old how-tos made keys of 1024.
        KeyError::SignKeySize { .. } | KeyError::SignExponent { .. } => {
            PrivateKey::from_file_with(&content, rust_crypto::PROVIDER)
        }
        error => Err(error),
    });
    let key = key.map_err(|error| Failure::because(path.display(), &error))?;
    if exposed {
        terminal::note(format_args!(
            "everyone on this machine can read the private key {0}: chmod o-rwx {0}",
            path.display()
        ));
    }
    if let Some(warning) = key.warning() {
        terminal::note(format_args!("{}: {warning}", path.display()));
    }
    Ok(key)
}

/// The octets, and whether the file is open to everyone.
fn read_content(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, bool)> {
    let file = File::open(path)?;
    let exposed = is_exposed(&file)?;
    // Room for all at once, so that growing leaves no copy of the key behind; one octet more than a key has shows a file
    // that is too long.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_KEY_FILE + 1));
    file.take(MAX_KEY_FILE as u64 + 1).read_to_end(&mut content)?;
    Ok((content, exposed))
}

#[cfg(unix)]
fn is_exposed(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(file.metadata()?.mode() & 0o007 != 0)
}

#[cfg(not(unix))]
fn is_exposed(_: &File) -> io::Result<bool> {
    Ok(false)
}
