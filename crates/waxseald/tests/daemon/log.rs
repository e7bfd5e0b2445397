//! Where the lines go, and in which form.

use crate::{milter::Raw, process::Place};
use std::{
    fs,
    os::unix::{fs::MetadataExt, net::UnixDatagram},
    process::Command,
    time::Duration,
};

#[test]
fn an_object_of_json_for_each_message() {
    let place = Place::new();
    let daemon = place.serve("log = \"json\"\n", &[]);
    assert!(Raw::new(place.connect()).is_signed("A1"));
    daemon.wait_for_log("A1");
    let line = daemon.log().lines().find(|line| line.contains("A1")).unwrap().to_owned();
    let object: serde_json::Value = serde_json::from_str(&line).unwrap();
    for (name, value) in [
        ("level", "info"),
        ("service", "waxseald"),
        ("queue_id", "A1"),
        ("result", "signed"),
        ("from", "<joe@example.org>"),
        ("client", "localhost [127.0.0.1]"),
    ] {
        assert_eq!(object[name], value, "{line}");
    }
    assert!(object["ms"].is_u64() && object["time"].as_f64().unwrap() > 1.7e9, "{line}");
    let text = object["text"].as_str().unwrap();
    assert!(
        text.starts_with("waxseald: A1: DKIM-Signature field added (s=k, d=example.org) rule="),
        "{text}"
    );
    // Every line is one.
    assert!(daemon.log().lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
}

#[test]
fn priorities_where_the_journal_reads_stderr_and_nowhere_else() {
    let place = Place::new();
    let log = fs::File::create(place.path("log")).unwrap().metadata().unwrap();
    let stream = format!("{}:{}", log.dev(), log.ino());
    let daemon = place.serve("", &[("JOURNAL_STREAM", &stream)]);
    assert!(daemon.log().starts_with("<6>waxseald "), "{}", daemon.log());
    let place = Place::new();
    let daemon = place.serve("", &[("JOURNAL_STREAM", "1:2")]);
    assert!(daemon.log().starts_with("waxseald "), "{}", daemon.log());
}

/// Needs root: /dev of the daemon is a folder in which this test listens to `log`.
#[test]
fn lines_for_syslog_have_facility_and_priority() {
    if !nix::unistd::geteuid().is_root() {
        return eprintln!("skipped: needs root");
    }
    let place = Place::new();
    fs::create_dir(place.path("dev")).unwrap();
    fs::write(place.path("dev/null"), "").unwrap();
    let syslog = UnixDatagram::bind(place.path("dev/log")).unwrap();
    syslog.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let text = "Mode s\nDomain example.org\nSelector k\nKeyFile {E}/k.private\nSyslog yes\nSyslogFacility local3\n\
        Socket local:{E}/s\nADSPAction discard\n";
    place.write("opendkim.conf", text);
    let daemon = place.command(&["-x", "{E}/opendkim.conf"]);
    let mount = "mount --bind /dev/null \"$0/dev/null\" && mount --bind \"$0/dev\" /dev && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", mount]).arg(place.path("")).arg(daemon.get_program());
    command.args(daemon.get_args());
    let _daemon = place.spawn(command);
    let next = || {
        let mut line = [0; 2_048];
        let length = syslog.recv(&mut line).unwrap();
        String::from_utf8_lossy(&line[..length]).into_owned()
    };
    // local3 is 19; a warning is 4, and what is well is a notice, 5.
    let warning = next();
    assert!(warning.starts_with("<156>") && warning.contains(" opendkim["), "{warning}");
    assert!(warning.contains("ADSPAction: skipped, ADSP is historic"), "{warning}");
    let start = next();
    assert!(start.starts_with("<157>") && start.contains("starting: opendkim on local:"), "{start}");
    assert!(Raw::new(place.connect()).is_signed("A1"));
    let message = next();
    assert!(message.contains("opendkim: A1: DKIM-Signature field added (s=k, d=example.org)"), "{message}");
}
