//! New files with parts of messages.

use crate::{exit::Failure, whole_file};
use std::{io::ErrorKind, path::Path};

/// Writes a new file that others cannot read. An existing file or link is never replaced; `option` named the file.
pub(crate) fn write(path: &Path, text: &str, option: &str) -> Result<(), Failure> {
    whole_file::create(path, text, 0o600).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            let path = path.display();
            Failure::new(format!("{path} already exists; {option} makes a new file: name another one"))
        }
        _ => Failure::file("write", path, &error),
    })
}
