//! Issue of all filters that crash on odd mail: one message waits, everything else goes on.

use crate::{
    milter::{End, Raw},
    process::Place,
};

#[test]
fn a_panic_defers_its_message_and_no_other() {
    let place = Place::new();
    let mut daemon = place.serve("", &[("TEST_PANIC_AT_FIELD", "X-Panic")]);
    let (mut one, mut other) = (Raw::new(place.connect()), Raw::new(place.connect()));
    assert!(other.is_signed("A1"));
    let end = one.message("A2", &[("From", "joe@example.org"), ("X-Panic", "now"), ("Subject", "lunch")]);
    assert_eq!(end, End::Replied('y', "451 4.3.0 Internal error, try again later".to_owned()));
    // The log names the place, and the message by its queue id.
    daemon.wait_for_log("internal error: wanted by a test at crates/waxseald/src/panics.rs:");
    daemon.wait_for_log(
        "waxseald: A2: 451 4.3.0 Internal error, try again later: internal error: wanted by a test from=",
    );
    // The same connection, another, and a new one.
    assert!(one.is_signed("A3") && other.is_signed("A4"));
    assert!(Raw::new(place.connect()).is_signed("A5"));
    assert!(daemon.child.try_wait().unwrap().is_none());
}
