//! The daemon under service managers: readiness, handed sockets, watchdog, users, folders, signals, exit codes.

use crate::{
    milter::{End, Raw},
    process::{Place, exists},
};
use nix::sys::signal::Signal;
use std::{
    fs,
    net::TcpListener,
    os::{fd::OwnedFd, unix::net::UnixDatagram},
    process::Command,
    time::{Duration, Instant},
};

#[test]
fn readiness_watchdog_and_end_are_told() {
    let place = Place::new();
    let manager = UnixDatagram::bind(place.path("notify")).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let next = || {
        let mut text = [0; 256];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).trim_end().to_owned()
    };
    let socket = place.path("notify").display().to_string();
    let mut daemon = place.serve("", &[("NOTIFY_SOCKET", &socket), ("WATCHDOG_USEC", "100000")]);
    assert_eq!(next(), "READY=1");
    let start = Instant::now();
    assert_eq!((next(), next(), next()), ("WATCHDOG=1".into(), "WATCHDOG=1".into(), "WATCHDOG=1".into()));
    assert!(start.elapsed() < Duration::from_secs(2), "twice in the time of the watchdog");
    daemon.signal(Signal::SIGTERM);
    let mut last = next();
    while last == "WATCHDOG=1" {
        last = next();
    }
    assert_eq!(last, "STOPPING=1");
    assert_eq!(daemon.end().code(), Some(0));
}

#[test]
fn ping_speaks_to_the_sockets_which_a_clean_end_removes() {
    let place = Place::new();
    let ping = || {
        let output = place.command(&["ping", "-c", "{E}/waxseald.toml"]).output().unwrap();
        (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let mut daemon = place.serve("", &[]);
    assert_eq!(ping(), (Some(0), "sockets that answer: 1\n".to_owned()));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), Some(0));
    assert!(!exists(&place.path("s")));
    let (code, text) = ping();
    assert!(code == Some(69) && text.contains("/s: no answer: No such file"), "{code:?} {text}");

    // A successor has put its own socket there.
    let place = Place::new();
    let mut daemon = place.serve("", &[]);
    fs::remove_file(place.path("s")).unwrap();
    let _successor = std::os::unix::net::UnixListener::bind(place.path("s")).unwrap();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), Some(0));
    assert!(exists(&place.path("s")));
}

#[test]
fn ping_reads_answers_to_their_end_so_that_no_connection_seems_broken() {
    let place = Place::new();
    place.write("policy", "");
    let of_policy = ["--policyd-spf", "{E}/policy", "--policy-socket", "local:{E}/p"];
    let own = ["-c", "{E}/waxseald.toml"];
    let text =
        "domain = \"example.org\"\nselector = \"k\"\nkey = \"{E}/k.private\"\nlisten = \"local:{E}/s\"\n";
    place.write("waxseald.toml", text);
    let mut daemon = place.spawn(place.command(&[&own[..], &of_policy].concat()));
    daemon.wait_for_log(" starting: ");
    for _ in 0..3 {
        let output = place.command(&[&["ping"][..], &own, &of_policy].concat()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "sockets that answer: 2\n");
    }
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), Some(0));
    assert!(!daemon.log().contains("connection ended"), "{}", daemon.log());
}

/// `LISTEN_PID` has to be that of the daemon, which only the shell that becomes it knows.
#[test]
fn sockets_of_the_service_manager_are_taken_by_their_addresses() {
    let place = Place::new();
    let handed = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = handed.local_addr().unwrap().port();
    let text = "domain = \"example.org\"\nselector = \"k\"\nkey = \"{E}/k.private\"\n";
    place.write("waxseald.toml", &format!("{text}listen = [\"local:{{E}}/s\", \"inet:{port}@localhost\"]\n"));
    let daemon = place.command(&["-c", "{E}/waxseald.toml"]);
    // The descriptors of Rust are closed at exec, but for those of stdin.
    let mut command = Command::new("sh");
    command.args(["-c", "exec 3<&0 </dev/null && LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" \"$@\""]);
    command.arg(daemon.get_program()).args(daemon.get_args()).stdin(OwnedFd::from(handed));
    let daemon = place.spawn(command);
    daemon.wait_for_log(" starting: ");
    // The port is ours already: it was not bound a second time.
    assert!(Raw::tcp(std::net::TcpStream::connect(("127.0.0.1", port)).unwrap()).is_signed("A1"));
    assert!(Raw::new(place.connect()).is_signed("A2"));
}

#[test]
fn a_message_under_way_ends_before_the_daemon_and_both_soon() {
    let place = Place::new();
    let mut daemon = place.serve("pid_file = \"{E}/pid\"\n", &[]);
    let id = daemon.child.id().to_string();
    assert_eq!(fs::read_to_string(place.path("pid")).unwrap().trim(), id);
    let mut raw = Raw::new(place.connect());
    raw.begin("A1", &[("From", "joe@example.org"), ("Subject", "lunch")]);
    // It has seen the message when it has seen another one that came later.
    assert!(Raw::new(place.connect()).is_signed("A2"));
    let start = Instant::now();
    daemon.signal(Signal::SIGTERM);
    daemon.wait_for_log("waxseald terminating");
    assert!(matches!(raw.end(), End::Continued(inserted) if inserted[0].starts_with("DKIM-Signature:")));
    assert_eq!(daemon.end().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(!exists(&place.path("pid")), "the pid file goes with the process");
}

#[test]
fn a_message_that_does_not_go_on_keeps_nobody_from_the_end() {
    let place = Place::new();
    let mut daemon = place.serve("", &[]);
    let mut raw = Raw::new(place.connect());
    raw.begin("A1", &[("From", "joe@example.org")]);
    assert!(Raw::new(place.connect()).is_signed("A2"));
    let start = Instant::now();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.end().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert_eq!(raw.end(), End::Closed);
}

#[test]
fn exit_codes_tell_the_truth_and_a_running_daemon_keeps_its_pid_file() {
    let place = Place::new();
    let daemon = place.serve("pid_file = \"{E}/pid\"\n", &[]);
    let code = |args: &[&str]| place.command(args).output().unwrap().status.code();
    let second = place.command(&["-c", "{E}/waxseald.toml"]).output().unwrap();
    assert_eq!(second.status.code(), Some(69), "{second:?}");
    assert!(String::from_utf8_lossy(&second.stderr).contains("Address already in use"), "{second:?}");
    assert_eq!(fs::read_to_string(place.path("pid")).unwrap().trim(), daemon.child.id().to_string());
    place.write("wrong.toml", "domian = \"example.org\"\n");
    assert_eq!(code(&["-c", "{E}/wrong.toml"]), Some(78));
    assert_eq!(code(&["--nonsense"]), Some(64));
    assert_eq!(code(&["--help"]), Some(0));
    let text = "domain = \"example.org\"\nkey = \"{E}/k.private\"\nuser = \"no-such-user\"\nlisten = \"local:{E}/t\"\n";
    place.write("user.toml", text);
    assert_eq!(code(&["-c", "{E}/user.toml"]), Some(77));
}

/// Needs root.
#[test]
fn another_user_a_root_folder_and_a_mask() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let place = Place::new();
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(place.path(""), mode(0o755)).unwrap();
    fs::create_dir(place.path("root")).unwrap();
    fs::create_dir(place.path("root/keys")).unwrap();
    fs::rename(place.path("k.private"), place.path("root/keys/k.private")).unwrap();
    std::os::unix::fs::chown(place.path("root/keys/k.private"), Some(65_534), Some(65_534)).unwrap();
    let text = "domain = \"example.org\"\nselector = \"k\"\nkey = \"/keys/k.private\"\nuser = \"nobody:nogroup\"\n\
        umask = \"007\"\nchroot = \"{E}/root\"\nlisten = \"local:{E}/s\"\npid_file = \"{E}/pid\"\ndns = \"127.0.0.1\"\n";
    place.write("waxseald.toml", text);
    let daemon = place.spawn(place.command(&["-c", "{E}/waxseald.toml"]));
    daemon.wait_for_log(" starting: ");
    let socket = fs::metadata(place.path("s")).unwrap();
    let owner = |meta: &fs::Metadata| std::os::unix::fs::MetadataExt::uid(meta);
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&socket) & 0o777, 0o770);
    assert_eq!((owner(&socket), owner(&fs::metadata(place.path("pid")).unwrap())), (65_534, 65_534));
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).unwrap();
    for line in ["Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "Groups:\t65534 "] {
        assert!(status.lines().any(|known| known == line), "{line}\n{status}");
    }
    let root = fs::read_link(format!("/proc/{}/root", daemon.child.id())).unwrap();
    assert_eq!(root, fs::canonicalize(place.path("root")).unwrap());
    assert!(Raw::new(place.connect()).is_signed("A1"));
}

/// Needs root: a namespace of processes, in which the daemon is the first, is no root and has no /dev/log.
#[test]
fn the_first_process_of_a_container_takes_orphans_and_ends_at_once() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let place = Place::new();
    fs::set_permissions(place.path(""), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    std::os::unix::fs::chown(place.path("k.private"), Some(65_534), Some(65_534)).unwrap();
    let command = in_container(&place);
    let mut daemon = place.spawn(command);
    daemon.wait_for_log(" starting: ");
    let parent = daemon.child.id();
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let first = children.trim().to_owned();
    let inside = |script: &str| {
        let mut command = Command::new("nsenter");
        command.args(["--target", &first, "--pid", "--mount", "sh", "-c", script]);
        command.output().unwrap()
    };
    // An orphan that ends; the shell that started it is not its parent any more.
    inside("(sleep 0.2 &) ; exit 0");
    let zombies = || String::from_utf8_lossy(&inside("ps -e -o stat= -o comm=").stdout).matches("Z").count();
    daemon.wait_for("orphan", || zombies() == 1);
    daemon.wait_for("end of the orphan", || zombies() == 0);
    assert!(Raw::new(place.connect()).is_signed("A1"));
    let start = Instant::now();
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(first.parse().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(daemon.end().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

/// The daemon with nothing but variables, as the first process of a namespace, as nobody.
fn in_container(place: &Place) -> Command {
    let environment = [
        ("WAXSEALD_DOMAIN", "example.org"),
        ("WAXSEALD_SELECTOR", "k"),
        ("WAXSEALD_SAFE_KEYS", "false"),
        ("WAXSEALD_KEY", &place.path("k.private").display().to_string()),
        ("WAXSEALD_LISTEN", &format!("local:{}", place.path("s").display())),
    ]
    .map(|(name, value)| format!("{name}={value}"));
    let daemon = place.command(&[]);
    let mut command = Command::new("unshare");
    command.args([
        "--pid",
        "--fork",
        "--mount-proc",
        "--kill-child",
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
    ]);
    command.args(["--clear-groups", "env", "-i"]).args(&environment).arg(daemon.get_program());
    command
}
