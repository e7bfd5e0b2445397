//! SPF records: what is read, written and read is the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_spf::{DomainSpec, Record};

fuzz_target!(|text: &[u8]| {
    for text in [text, &[b"v=spf1 ", text].concat()] {
        match Record::parse(text) {
            Ok(record) => {
                let written = record.to_string();
                let again = Record::parse(written.as_bytes()).expect("what was written is a record");
                assert_eq!(again, record);
                assert_eq!(again.to_string(), written);
            }
            Err(error) => {
                assert!(error.offset() <= text.len());
                assert!(!error.to_string().contains(['\r', '\n']));
            }
        }
    }
    if let Ok(spec) =
        std::str::from_utf8(text).map_or(Err(()), |text| text.parse::<DomainSpec>().map_err(drop))
    {
        assert_eq!(spec.as_str().parse::<DomainSpec>().expect("what was read is a domain-spec"), spec);
    }
});
