//! The messages of a Maildir.

use crate::exit::Failure;
use std::{
    ffi::OsString,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    vec,
};

/// The files in `new/` and `cur/`, by name and so mostly by time; `tmp/` has what is not delivered yet.
pub(super) struct Maildir {
    files: vec::IntoIter<(OsString, PathBuf)>,
}

impl Maildir {
    pub(super) fn open(dir: &Path) -> Result<Self, Failure> {
        let mut files = Vec::new();
        for folder in ["new", "cur"] {
            let folder = dir.join(folder);
            let listed = list(&folder, &mut files);
            listed.map_err(|error| match error.kind() {
                ErrorKind::NotFound if dir.exists() => not_a_maildir(dir, &folder),
                ErrorKind::NotFound => Failure::file("read", dir, &error),
                ErrorKind::NotADirectory => not_a_maildir(dir, &folder),
                _ => Failure::file("read", &folder, &error),
            })?;
        }
        files.sort_unstable();
        Ok(Self { files: files.into_iter() })
    }

    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn next_file(&mut self) -> Option<PathBuf> {
        self.files.next().map(|(_, path)| path)
    }
}

/// Whether a folder has what every Maildir has.
pub(super) fn is_maildir(dir: &Path) -> bool {
    dir.join("cur").is_dir()
}

fn not_a_maildir(dir: &Path, folder: &Path) -> Failure {
    let (dir, folder) = (dir.display(), folder.display());
    Failure::new(format!("cannot read {dir}: not a Maildir: it has no folder {folder}; --mbox is for files"))
}

fn list(folder: &Path, files: &mut Vec<(OsString, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        // Names that begin with a dot are not messages, but index files and the like.
        if !name.as_encoded_bytes().starts_with(b".") && is_message(&entry)? {
            files.push((name, entry.path()));
        }
    }
    Ok(())
}

/// Regular files and links to them; reading a pipe might never end. A link that leads nowhere is reported when it is opened.
fn is_message(entry: &fs::DirEntry) -> io::Result<bool> {
    let kind = entry.file_type()?;
    Ok(kind.is_file()
        || kind.is_symlink() && fs::metadata(entry.path()).map_or(true, |target| target.is_file()))
}
