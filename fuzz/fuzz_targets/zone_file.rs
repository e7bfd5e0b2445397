//! Zone files and JSON: a zone or an error, and every name in it answers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_dns::{Answers, DomainName, Question, RecordType, Zone};

fuzz_target!(|input: (bool, &[u8])| {
    let (is_json, text) = input;
    let zone = match is_json {
        true => std::str::from_utf8(text).ok().and_then(|text| Zone::from_json(text).ok()),
        false => Zone::from_zone_file(text, Some(&"example.org".parse().expect("a name"))).ok(),
    };
    let Some(zone) = zone else { return };
    let mut trace = Answers::new();
    for word in text.split(|c| !c.is_ascii_graphic() || *c == b'"') {
        let Ok(name) = DomainName::lenient(word) else { continue };
        let below = name.prepend("x._domainkey");
        for name in below.into_iter().chain([name]) {
            for kind in RecordType::ALL {
                let question = Question::new(name.clone(), kind);
                let reply = zone.lookup(&question);
                assert_eq!(zone.lookup(&question), reply);
                trace.answer(question, reply);
            }
        }
    }
    let json = trace.to_json();
    let again = Answers::from_json(&json).expect("what was written is a trace");
    assert!(again.known().eq(trace.known()), "{json}");
});
