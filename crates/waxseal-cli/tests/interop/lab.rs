//! The bench the tools stand on: a scratch folder, keys made by other people's tools, and NSD on loopback.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The domain that signs; `.test` would be answered by libunbound itself.
pub(crate) const DOMAIN: &str = "alpha.example";

/// A scratch folder with keys, a zone and a running NSD. Dropping it stops NSD and removes the folder.
pub(crate) struct Lab {
    dir: PathBuf,
    /// The loopback port NSD answers at.
    pub(crate) dns_port: u16,
    _nsd: Daemon,
}

impl Lab {
    pub(crate) fn start() -> Self {
        Self::with_zones(|_| Vec::new())
    }

    /// One whose NSD has more zones: names and zone file texts, which may need the keys.
    pub(crate) fn with_zones(more: impl FnOnce(&Keys<'_>) -> Vec<(&'static str, String)>) -> Self {
        require_tools();
        let dir = scratch_dir();
        make_keys(&dir);
        let dns_port = free_port();
        fs::write(dir.join("alpha.zone"), zone_file(&dir)).unwrap();
        fs::write(dir.join("zone.tsv"), flat_zone(&dir)).unwrap();
        fs::write(dir.join("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        let mut zones = vec![(DOMAIN, "alpha.zone".to_owned())];
        for (name, text) in more(&Keys(&dir)) {
            let file = format!("{name}.zone");
            fs::write(dir.join(&file), text).unwrap();
            zones.push((name, file));
        }
        fs::write(dir.join("nsd.conf"), nsd_conf(&dir, "nsd", dns_port, &zones)).unwrap();
        fs::write(dir.join("nsd53.conf"), nsd_conf(&dir, "nsd53", 53, &zones)).unwrap();
        let nsd = Daemon::spawn(Command::new(tool("nsd")).args(["-d", "-c"]).arg(dir.join("nsd.conf")));
        await_dns(dns_port);
        Self { dir, dns_port, _nsd: nsd }
    }

    /// A path in the scratch folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.dir.join(name)
    }

    /// A folder of its own in the scratch folder, made if needed.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    /// The key file of a selector, in the PEM form that OpenDKIM and OpenSSL write.
    pub(crate) fn key(&self, selector: &str) -> PathBuf {
        self.path(format!("{selector}.private"))
    }

    /// The zone as BIND text, as `opendkim-genkey` and `dknewkey` print the records.
    pub(crate) fn zone_text(&self) -> String {
        fs::read_to_string(self.path("alpha.zone")).unwrap()
    }
}

/// The keys of a lab whose zones are being written.
pub(crate) struct Keys<'l>(&'l Path);

impl Keys<'_> {
    /// The key record of a selector, its strings joined.
    pub(crate) fn record(&self, selector: &str) -> String {
        let record = fs::read_to_string(self.0.join(format!("{selector}.txt"))).unwrap();
        record.split('"').skip(1).step_by(2).collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the scratch folder is kept: {}", self.dir.display());
        } else {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}

/// A program that runs until it is dropped.
pub(crate) struct Daemon(Child);

impl Daemon {
    pub(crate) fn spawn(command: &mut Command) -> Self {
        Self(
            command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
                .unwrap_or_else(|e| panic!("{command:?}: {e}")),
        )
    }
}

impl Drop for Daemon {
    /// Asks the program to end, so that it takes its own children along, and insists after ten seconds.
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(10);
        while Instant::now() < deadline {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The tools that the matrix needs, and Debian's package of each.
const TOOLS: [(&str, &str); 11] = [
    ("dknewkey", "python3-dkim"),
    ("ip", "iproute2"),
    ("kill", "procps"),
    ("nsd", "nsd"),
    ("opendkim", "opendkim"),
    ("opendkim-genkey", "opendkim-tools"),
    ("opendkim-testmsg", "opendkim-tools"),
    ("opendmarc", "opendmarc"),
    ("openssl", "openssl"),
    ("postfix", "postfix"),
    ("unshare", "util-linux"),
];

/// Calls that load the modules that the matrix needs, and Debian's packages of them.
const MODULES: [(&str, &[&str], &str); 3] = [
    ("python3", &["-c", "import dkim, nacl"], "python3-dkim python3-nacl"),
    (
        "python3",
        &["-c", "import authheaders, authres, spf"],
        "python3-authheaders python3-authres python3-spf",
    ),
    ("perl", &["-MMail::DKIM", "-MNet::DNS", "-e1"], "libmail-dkim-perl"),
];

/// Names all that is missing at once.
fn require_tools() {
    let loads = |name: &str, args: &[&str]| {
        find_tool(name)
            .is_some_and(|path| Command::new(path).args(args).output().is_ok_and(|o| o.status.success()))
    };
    let tools = TOOLS.into_iter().filter(|(name, _)| find_tool(name).is_none()).map(|(_, package)| package);
    let modules =
        MODULES.into_iter().filter(|(name, args, _)| !loads(name, args)).map(|(_, _, packages)| packages);
    let missing: Vec<&str> = tools.chain(modules).collect();
    assert!(missing.is_empty(), "missing, by their Debian packages: {}", missing.join(" "));
}

/// The full path of a tool, also of those in `sbin`, which is not in everyone's `PATH`.
fn tool(name: &str) -> PathBuf {
    find_tool(name).unwrap_or_else(|| panic!("{name} is missing"))
}

fn find_tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Debian's own Python and Perl know Debian's modules; another one may come first in PATH.
    let system = ["/usr/bin", "/usr/sbin", "/sbin", "/bin"].into_iter().map(PathBuf::from);
    system.chain(std::env::split_paths(&path)).map(|dir| dir.join(name)).find(|file| file.is_file())
}

/// A script that lies beside this file.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop").join(name)
}

/// Runs a command to its end and gives its standard output; another exit code than 0 is a failure.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let program = Path::new(command.get_program()).to_owned();
    let output =
        command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    let error = String::from_utf8_lossy(&output.stderr);
    let last = error.lines().last().unwrap_or_default();
    assert!(output.status.success(), "{} ended with {}: {last}", program.display(), output.status);
    output.stdout
}

pub(crate) fn command(name: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(tool(name));
    command.args(args);
    command
}

/// The flag that makes `unshare` give private network and mount namespaces; `None` where the system grants none.
pub(crate) fn private_namespace() -> Option<&'static str> {
    // Without root, a user namespace gives the right to make the other two.
    ["-nm", "-Urnm"]
        .into_iter()
        .find(|flag| command("unshare", [flag, "true"]).output().is_ok_and(|output| output.status.success()))
}

/// The `waxseal` command of this build.
pub(crate) fn waxseal(args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_waxseal"));
    command.args(args);
    command
}

/// Whether the key of a selector is an Ed25519 key.
pub(crate) fn is_ed25519(selector: &str) -> bool {
    matches!(selector, "ed" | "dk" | "we")
}

/// Runs OpenSSL with `input` on its standard input.
fn openssl(args: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = command("openssl", args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "openssl {args:?}");
    output.stdout
}

fn base64(bytes: &[u8]) -> String {
    String::from_utf8(openssl(&["base64", "-A"], bytes)).unwrap().trim().to_owned()
}

fn scratch_dir() -> PathBuf {
    let nanos = std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos();
    let dir = std::env::temp_dir().join(format!("waxseal-interop-{}-{nanos}", std::process::id()));
    fs::create_dir(&dir).unwrap();
    dir
}

/// RSA keys by OpenDKIM's generator, Ed25519 keys by OpenSSL and by dkimpy's generator, and both by `waxseal keygen`.
fn make_keys(dir: &Path) {
    for (selector, bits) in [("rsa", "2048"), ("rsa1024", "1024"), ("rsa4096", "4096")] {
        run(command("opendkim-genkey", ["-b", bits, "-d", DOMAIN, "-s", selector, "-D"]).arg(dir));
    }
    let pem = openssl(&["genpkey", "-algorithm", "ed25519"], b"");
    let secret = openssl(&["pkey", "-outform", "DER"], &pem);
    let public = openssl(&["pkey", "-pubout", "-outform", "DER"], &pem);
    fs::write(dir.join("ed.private"), &pem).unwrap();
    // RFC 8463 §4: the record and dkimpy's key file hold the bare 32 octets, which end both structures.
    fs::write(dir.join("ed.seed"), base64(last_32(&secret))).unwrap();
    let record = format!("ed._domainkey IN TXT \"v=DKIM1; k=ed25519; p={}\"\n", base64(last_32(&public)));
    fs::write(dir.join("ed.txt"), record).unwrap();
    run(command("dknewkey", ["--ktype", "ed25519", "dk"]).current_dir(dir));
    let record = fs::read_to_string(dir.join("dk.dns")).unwrap();
    fs::write(dir.join("dk.txt"), format!("dk._domainkey IN TXT \"{}\"\n", record.trim())).unwrap();
    for (selector, algorithm) in [("wr", "rsa"), ("we", "ed25519")] {
        run(waxseal(["keygen", "-d", DOMAIN, "-s", selector, "-a", algorithm, "-o"]).arg(dir));
    }
}

fn last_32(der: &[u8]) -> &[u8] {
    &der[der.len() - 32..]
}

const SELECTORS: [&str; 7] = ["rsa", "rsa1024", "rsa4096", "wr", "ed", "dk", "we"];

fn zone_file(dir: &Path) -> String {
    let mut zone = format!(
        "$ORIGIN {DOMAIN}.\n$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 86400 60\n@ IN NS ns\nns IN A 127.0.0.1\n"
    );
    for selector in SELECTORS {
        zone.push_str(&fs::read_to_string(dir.join(format!("{selector}.txt"))).unwrap());
    }
    zone + &crate::spf::zone_text()
}

/// One `name<TAB>text` a line: the records with their strings joined.
fn flat_zone(dir: &Path) -> String {
    let line = |selector: &str| format!("{selector}._domainkey.{DOMAIN}\t{}\n", Keys(dir).record(selector));
    SELECTORS.map(line).concat()
}

fn nsd_conf(dir: &Path, name: &str, port: u16, zones: &[(&str, String)]) -> String {
    let dir = dir.display();
    let server = format!(
        "server:\n  server-count: 1\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  database: \"\"\n  \
         zonesdir: \"{dir}\"\n  pidfile: \"{dir}/{name}.pid\"\n  logfile: \"{dir}/{name}.log\"\n  \
         xfrdfile: \"{dir}/{name}.xfrd\"\n  zonelistfile: \"{dir}/{name}.list\"\n  xfrdir: \"{dir}\"\n\
         remote-control:\n  control-enable: no\n"
    );
    let zone = |(name, file): &(&str, String)| format!("zone:\n  name: {name}\n  zonefile: {file}\n");
    server + &zones.iter().map(zone).collect::<String>()
}

/// A port that is free for UDP and TCP on loopback.
pub(crate) fn free_port() -> u16 {
    let port = || {
        let udp = UdpSocket::bind("127.0.0.1:0").ok()?;
        let port = udp.local_addr().ok()?.port();
        TcpListener::bind(("127.0.0.1", port)).ok().map(|_| port)
    };
    std::iter::repeat_with(port).take(100).flatten().next().expect("a free port")
}

/// Waits until the name server answers a question for the SOA record.
fn await_dns(port: u16) {
    let mut query = b"\x12\x34\0\0\0\x01\0\0\0\0\0\0".to_vec();
    for label in DOMAIN.split('.') {
        query.push(u8::try_from(label.len()).unwrap());
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(b"\0\0\x06\0\x01");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut reply = [0; 512];
    for _ in 0..100 {
        let _ = socket.send_to(&query, ("127.0.0.1", port));
        // The fourth octet ends in the response code.
        if socket.recv(&mut reply).is_ok_and(|n| n > 12 && reply[3] & 0x0f == 0) {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("NSD does not answer at port {port}");
}
