//! Received fields and dates: a value is read or a named error, and what is read of the client is never what it said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_header::{Received, parse_date_time};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (value, helo) = input;
    let _ = parse_date_time(value);
    let Ok(received) = Received::parse(value) else { return };
    let _ = received.date();
    assert!(received.has_from() || received.address().is_none() && received.names().is_empty());
    assert!(received.names().iter().all(|name| !name.is_empty()));
    // Whatever a client says, it never becomes the address that the server saw.
    let line =
        [&b" from "[..], helo, b" (unknown [192.0.2.66]) by mx.example.net (X) with ESMTP; x"].concat();
    if let Ok(received) = Received::parse(&line) {
        let address = received.address();
        assert!(address.is_none() || address == Some([192, 0, 2, 66].into()), "{}", line.escape_ascii());
    }
});
