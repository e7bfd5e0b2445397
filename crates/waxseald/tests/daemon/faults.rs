//! What happens to files and the system while the daemon runs.

use crate::{
    milter::{End, Raw},
    process::{KEY, Place},
};
use nix::sys::signal::Signal;
use std::{fs, process::Command, time::Duration};

const FIELDS: [(&str, &str); 2] = [("From", "joe@example.org"), ("Subject", "lunch")];

#[test]
fn a_key_that_goes_away_matters_at_its_next_reading_and_its_mail_waits() {
    let place = Place::new();
    let daemon = place.serve("", &[]);
    let mut raw = Raw::new(place.connect());
    assert!(raw.is_signed("A1"));
    let path = place.path("k.private");
    fs::remove_file(&path).unwrap();
    // It was read.
    assert!(raw.is_signed("A2"));
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for_log("settings were read anew");
    let end = raw.message("A3", &FIELDS);
    assert!(matches!(&end, End::Replied('y', text) if text.starts_with("451 4.7.1")), "{end:?}");
    daemon.wait_for_log(&format!("error loading key: {}: No such file", path.display()));
    // Half of it, as a writer leaves it that is not atomic.
    fs::write(&path, &KEY[..KEY.len() / 2]).unwrap();
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for("second reload", || daemon.log().matches("settings were read anew").count() == 2);
    let end = raw.message("A4", &FIELDS);
    assert!(matches!(&end, End::Replied('y', text) if text.starts_with("451 4.7.1")), "{end:?}");
    daemon.wait_for_log(&format!(
        "A4: 451 4.7.1 Service unavailable - try again later: error loading key: {}:",
        path.display()
    ));
    // Whole again: a trouble is forgotten after five seconds without a reload, and at once with one.
    fs::write(&path, KEY).unwrap();
    daemon.signal(Signal::SIGHUP);
    daemon.wait_for("third reload", || daemon.log().matches("settings were read anew").count() == 3);
    assert!(raw.is_signed("A5"));
}

#[test]
fn a_key_that_others_can_read_is_refused_by_name_and_mode() {
    let place = Place::new();
    let path = place.path("k.private");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let daemon = place.serve("", &[]);
    let end = Raw::new(place.connect()).message("A1", &FIELDS);
    assert!(matches!(&end, End::Replied('y', text) if text.starts_with("451 4.7.1")), "{end:?}");
    daemon.wait_for_log("k.private (mode 0644) can be read or written by other users: chmod o=");
}

/// Needs a system in which a process may have few descriptors.
#[test]
fn without_descriptors_the_daemon_waits_and_does_not_spin() {
    let place = Place::new();
    let text =
        "domain = \"example.org\"\nselector = \"k\"\nkey = \"{E}/k.private\"\nlisten = \"local:{E}/s\"\n";
    place.write("waxseald.toml", text);
    let daemon = place.command(&["-c", "{E}/waxseald.toml"]);
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 40 && exec \"$0\" \"$@\""])
        .arg(daemon.get_program())
        .args(daemon.get_args());
    let daemon = place.spawn(command);
    daemon.wait_for_log(" starting: ");
    let crowd: Vec<_> = (0..60).map(|_| place.connect()).collect();
    daemon.wait_for_log("accept: Too many open files");
    let before = (cpu(daemon.child.id()), daemon.log().lines().count());
    std::thread::sleep(Duration::from_secs(2));
    let after = (cpu(daemon.child.id()), daemon.log().lines().count());
    // Hundredths of a second of the processor, and a line each for a while of waiting.
    assert!(after.0 - before.0 < 50, "{before:?} {after:?}");
    assert!(after.1 - before.1 <= 40, "{before:?} {after:?}");
    drop(crowd);
    let mut raw = None;
    daemon.wait_for("a place", || {
        raw = Some(Raw::new(place.connect()));
        true
    });
    assert!(raw.unwrap().is_signed("A1"));
}

/// Ticks of the processor that a process has used.
fn cpu(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
