//! One rotation at a time.

use crate::exit::Failure;
use std::{fs::File, path::Path};

/// Holds the folder until it is dropped; the system releases it when the process ends.
#[cfg(unix)]
pub(super) fn folder(path: &Path) -> Result<File, Failure> {
    use rustix::fs::{FlockOperation, flock};
    let folder = File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    flock(&folder, FlockOperation::NonBlockingLockExclusive).map_err(|_| {
        Failure::new(format!(
            "another `waxseal key rotate` is running in {}: wait for it to end",
            path.display()
        ))
    })?;
    Ok(folder)
}

#[cfg(not(unix))]
pub(super) fn folder(path: &Path) -> Result<(), Failure> {
    std::fs::read_dir(path).map(drop).map_err(|error| Failure::file("read", path, &error))
}
