//! Reports waiting to be sent: one file each, written atomically, so that a restart loses none.

use super::complaint::random;
use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The folder.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    path: PathBuf,
}

/// A report and its recipients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) recipients: Vec<String>,
    /// The message, with LF line ends.
    pub(crate) text: Vec<u8>,
}

/// How many may wait.
const MAX_FILES: usize = 1_000;
/// How long they may wait.
const MAX_AGE: Duration = Duration::from_secs(3 * 24 * 3600);
const ENDING: &str = "report";

/// The state folder from systemd, or the default one.
pub(crate) fn default_path() -> PathBuf {
    let given = std::env::var_os("STATE_DIRECTORY").map(PathBuf::from);
    given.map_or_else(|| PathBuf::from("/var/spool/waxseald"), |state| state.join("reports"))
}

impl Spool {
    /// Opens the folder, and creates it if needed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if !path.is_dir() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        }
        // That it cannot be written to is reported now, not at the first report.
        let probe = path.join(format!("probe.{:016x}", random()));
        fs::write(&probe, "")?;
        fs::remove_file(&probe)?;
        Ok(Self { path: path.to_owned() })
    }

    /// Stores a report.
    pub(crate) fn put(&self, recipients: &[String], text: &[u8]) -> io::Result<()> {
        if self.waiting().len() >= MAX_FILES {
            return Err(io::Error::new(io::ErrorKind::QuotaExceeded, format!("{MAX_FILES} reports wait")));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let name = format!("{now:012}.{:016x}", random());
        let temporary = self.path.join(format!("{name}.part"));
        let written = Self::write(&temporary, recipients, text)
            .and_then(|()| fs::rename(&temporary, self.path.join(format!("{name}.{ENDING}"))));
        written.inspect_err(|_| _ = fs::remove_file(&temporary))
    }

    fn write(path: &Path, recipients: &[String], text: &[u8]) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        writeln!(file, "{}", recipients.join(" "))?;
        file.write_all(text)?;
        file.sync_all()
    }

    /// The waiting reports, oldest first. Removes those that are too old, and incomplete files left over.
    pub(crate) fn waiting(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.path) else { return Vec::new() };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            let age =
                fs::metadata(path).and_then(|meta| meta.modified()).ok().and_then(|at| at.elapsed().ok());
            let is_old = age.is_some_and(|age| age > MAX_AGE);
            if is_old && matches!(ending, Some(ENDING | "part")) {
                tracing::warn!("failure report {} was given up", path.display());
                self.remove(path);
            }
            ending == Some(ENDING) && !is_old
        });
        paths.sort();
        paths
    }

    pub(crate) fn read(&self, path: &Path) -> io::Result<Letter> {
        let bytes = fs::read(path)?;
        let end = bytes.iter().position(|c| *c == b'\n').unwrap_or(bytes.len());
        let (first, text) = bytes.split_at(end);
        let recipients = String::from_utf8_lossy(first).split(' ').map(str::to_owned).collect();
        Ok(Letter { recipients, text: text.get(1..).unwrap_or_default().to_vec() })
    }

    pub(crate) fn remove(&self, path: &Path) {
        if let Err(error) = fs::remove_file(path) {
            tracing::error!("failure report {}: {error}", path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_survive_a_restart_and_half_a_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("reports")).unwrap();
        spool.put(&["a@a.example".to_owned(), "b@b.example".to_owned()], b"From: x\n\ny\n").unwrap();
        fs::write(folder.path().join("reports/1.part"), "half").unwrap();
        let again = Spool::open(&folder.path().join("reports")).unwrap();
        let [path] = &again.waiting()[..] else { panic!() };
        let letter = again.read(path).unwrap();
        assert_eq!(letter.recipients, ["a@a.example", "b@b.example"]);
        assert_eq!(letter.text, b"From: x\n\ny\n");
        again.remove(path);
        assert!(again.waiting().is_empty());
    }

    #[test]
    fn the_folder_is_bounded_and_old_reports_go() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        for n in 0..MAX_FILES {
            fs::write(folder.path().join(format!("{n}.{ENDING}")), "a@a.example\n").unwrap();
        }
        let error = spool.put(&["a@a.example".to_owned()], b"x").unwrap_err();
        assert_eq!(error.to_string(), "1000 reports wait");
        let old = fs::File::options().write(true).open(folder.path().join("7.report")).unwrap();
        old.set_modified(SystemTime::now() - 2 * MAX_AGE).unwrap();
        assert_eq!(spool.waiting().len(), MAX_FILES - 1);
        assert!(!folder.path().join("7.report").exists());
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_an_error_at_once() {
        assert!(Spool::open(Path::new("/proc/waxseald")).is_err());
    }
}
