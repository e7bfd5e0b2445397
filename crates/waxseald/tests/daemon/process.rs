//! Starts the daemon, and ends it.

use std::{
    fs,
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// The key of RFC 8463 appendix A.2, which is no secret.
pub(crate) const KEY: &str = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
/// What a test waits for at most.
const PATIENCE: Duration = Duration::from_secs(20);

/// A folder of its own with a key.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// A process that ends with its test.
pub(crate) struct Daemon {
    pub(crate) child: Child,
    log: PathBuf,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        place.write("k.private", KEY);
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(place.path("k.private"), private).unwrap();
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file in which `{E}` stands for the folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text.replace("{E}", &self.folder.path().display().to_string())).unwrap();
        path
    }

    /// A command of the daemon with these arguments, `{E}` too.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let folder = self.folder.path().display().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_waxseald"));
        command.args(args.iter().map(|arg| arg.replace("{E}", &folder)));
        command.env_remove("JOURNAL_STREAM").env_remove("NOTIFY_SOCKET").stdin(Stdio::null());
        command
    }

    /// Starts a command, its stderr in a file.
    pub(crate) fn spawn(&self, mut command: Command) -> Daemon {
        let log = self.path("log");
        let file = fs::File::options().create(true).append(true).open(&log).unwrap();
        let child = command.stderr(file).spawn().unwrap();
        Daemon { child, log }
    }

    /// Starts the daemon with a waxseald.toml that signs for example.org on `{E}/s`, and waits until it serves.
    pub(crate) fn serve(&self, more: &str, environment: &[(&str, &str)]) -> Daemon {
        let text =
            "domain = \"example.org\"\nselector = \"k\"\nkey = \"{E}/k.private\"\nlisten = \"local:{E}/s\"\n";
        self.write("waxseald.toml", &format!("{text}{more}"));
        let mut command = self.command(&["-c", "{E}/waxseald.toml"]);
        command.envs(environment.iter().copied());
        let daemon = self.spawn(command);
        daemon.wait_for("waxseald starting", || daemon.log().contains(" starting: "));
        daemon
    }

    pub(crate) fn connect(&self) -> UnixStream {
        UnixStream::connect(self.path("s")).unwrap()
    }
}

impl Daemon {
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    pub(crate) fn wait_for(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let start = Instant::now();
        while !is_so() {
            assert!(start.elapsed() < PATIENCE, "no {what}:\n{}", self.log());
            sleep(Duration::from_millis(10));
        }
    }

    /// Waits for a text in the log.
    pub(crate) fn wait_for_log(&self, text: &str) {
        self.wait_for(text, || self.log().contains(text));
    }

    pub(crate) fn signal(&self, signal: nix::sys::signal::Signal) {
        let id = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(id, signal).unwrap();
    }

    /// How the process ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Whether a path is there.
pub(crate) fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}
