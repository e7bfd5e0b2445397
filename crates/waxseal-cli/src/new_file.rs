//! Files that hold parts of letters.

use crate::exit::Failure;
use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    path::Path,
};

/// Writes a new file that others cannot read. What is there already stays, be it a key; `option` named the file.
pub(crate) fn write(path: &Path, content: &[u8], option: &str) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    // A link is there already, too, wherever it leads.
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(content));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            let path = path.display();
            Failure::new(format!("{path} already exists; {option} makes a new file: name another one"))
        }
        _ => Failure::file("write", path, &error),
    })
}
