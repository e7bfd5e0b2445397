//! Files that are written whole or not at all, also when the machine stops in the middle.

use std::{
    fs::{self, File, Metadata},
    io::{self, Write},
    path::Path,
};
use tempfile::{Builder, NamedTempFile};

/// Creates a file with this text. An existing file is never replaced, nor is a link that leads nowhere.
pub(crate) fn create(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let folder = folder(path);
    let file = start(folder, text, mode)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    sync(folder)
}

/// The same, with the owner of another file, and readable by its group if that one is.
pub(crate) fn create_like(path: &Path, text: &str, like: &Metadata) -> io::Result<()> {
    let folder = folder(path);
    let file = start(folder, text, group_reads(like))?;
    give_to_owner_of(&file, like)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    sync(folder)
}

/// Replaces the content of a file; mode and owner stay, and a link stays a link.
pub(crate) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = &fs::canonicalize(path)?;
    let metadata = fs::metadata(path)?;
    let folder = folder(path);
    let file = start(folder, text, 0o600)?;
    file.as_file().set_permissions(metadata.permissions())?;
    give_to_owner_of(&file, &metadata)?;
    file.persist(path).map_err(|error| error.error)?;
    sync(folder)
}

/// Whether files can be created in a folder.
pub(crate) fn check_writable(folder: &Path) -> io::Result<()> {
    start(folder, "", 0o600).map(drop)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn start(folder: &Path, text: &str, mode: u32) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".waxseal-");
    set_mode(&mut builder, mode);
    // The error would name the temporary file.
    let mut file = builder.tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
    file.as_file_mut().write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Without this a crash may lose the name of a file whose content is safe.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(unix)]
fn set_mode(builder: &mut Builder<'_, '_>, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(mode));
}

#[cfg(not(unix))]
fn set_mode(_: &mut Builder<'_, '_>, _: u32) {}

#[cfg(unix)]
fn group_reads(like: &Metadata) -> u32 {
    use std::os::unix::fs::MetadataExt;
    0o600 | like.mode() & 0o040
}

#[cfg(not(unix))]
fn group_reads(_: &Metadata) -> u32 {
    0o600
}

#[cfg(unix)]
fn give_to_owner_of(file: &NamedTempFile, other: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let ours = file.as_file().metadata()?;
    if (ours.uid(), ours.gid()) == (other.uid(), other.gid()) {
        return Ok(());
    }
    fchown(file.as_file(), Some(other.uid()), Some(other.gid()))
}

#[cfg(not(unix))]
fn give_to_owner_of(_: &NamedTempFile, _: &Metadata) -> io::Result<()> {
    Ok(())
}
