//! Numbers and health, as Prometheus and container managers ask for them.

use crate::{milter::Raw, process::Place};
use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

/// A port that nobody has at the moment.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

#[test]
fn messages_keys_connections_and_reloads_are_counted() {
    let place = Place::new();
    let port = free_port();
    let metrics = format!("127.0.0.1:{port}");
    let daemon = place.serve("", &[("WAXSEALD_METRICS", &metrics), ("TEST_PANIC_AT_FIELD", "X-Panic")]);
    assert!(get(port, "/healthz").ends_with("\r\n\r\nok\n"));
    let mut raw = Raw::new(place.connect());
    assert!(raw.is_signed("A1") && raw.is_signed("A2"));
    raw.message("A3", &[("From", "joe@example.net")]);
    raw.message("A4", &[("X-Panic", "now"), ("From", "joe@example.org")]);
    daemon.signal(nix::sys::signal::Signal::SIGHUP);
    daemon.wait_for_log("settings were read anew");
    let text = get(port, "/metrics");
    for line in [
        "waxseald_messages_total{service=\"waxseald\",result=\"signed\"} 2",
        "waxseald_messages_total{service=\"waxseald\",result=\"checked\"} 1",
        "waxseald_messages_total{service=\"waxseald\",result=\"deferred\"} 1",
        "waxseald_results_total{method=\"dkim\",result=\"none\"} 1",
        "waxseald_message_seconds_count 4",
        "waxseald_connections 1",
        "waxseald_connections_taken_total 1",
        "waxseald_messages_under_way 0",
        "waxseald_keys_read_total{outcome=\"ok\"} 1",
        "waxseald_reloads_total{outcome=\"ok\"} 1",
        "waxseald_internal_errors_total 1",
    ] {
        assert!(text.lines().any(|known| known == line), "{line}\n{text}");
    }
    assert!(get(port, "/").starts_with("HTTP/1.1 404 "));
}
