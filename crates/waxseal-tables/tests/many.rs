//! 100,000 domains: nothing is read one by one. Times are for people: `cargo test --release --test many -- --nocapture`.

use std::{fmt::Write, time::Instant};

use waxseal_tables::{Form, InvalidTable, KeyTable, MAX_PATTERNS, SigningTable};

const DOMAINS: usize = 100_000;

#[test]
fn a_domain_among_many_is_found_without_reading_the_others() {
    let (mut signing, mut keys) = (String::new(), String::new());
    for number in 0..DOMAINS {
        writeln!(signing, "*@d{number}.example k{number}").unwrap();
        writeln!(keys, "k{number} d{number}.example:s1:/etc/opendkim/keys/d{number}.example/s1.private")
            .unwrap();
    }
    let start = Instant::now();
    let signing = SigningTable::from_bytes(Form::Refile, signing.as_bytes()).unwrap();
    let keys = KeyTable::from_bytes(Form::File, keys.as_bytes()).unwrap();
    let loaded = start.elapsed();
    assert!(signing.problems().is_empty() && keys.problems().is_empty());
    let start = Instant::now();
    for number in 0..DOMAINS {
        let found = signing.lookup(&format!("u@D{number}.example")).unwrap();
        assert_eq!((found.len(), found[0].line()), (1, number + 1));
        assert_eq!(keys.get(found[0].key_name(), "").unwrap().line(), number + 1);
    }
    let each = start.elapsed() / u32::try_from(DOMAINS).unwrap();
    println!("{DOMAINS} domains: loaded in {loaded:?}, {each:?} for address and key");
    // One by one, a debug build would take minutes.
    assert!(each.as_micros() < 200, "{each:?}");
}

#[test]
fn patterns_that_are_tried_one_by_one_have_a_limit() {
    let table = |count: usize| (0..count).map(|number| format!("a*{number}@x k\n")).collect::<String>();
    assert!(SigningTable::from_bytes(Form::Refile, table(MAX_PATTERNS).as_bytes()).is_ok());
    let over = SigningTable::from_bytes(Form::Refile, table(MAX_PATTERNS + 1).as_bytes());
    assert!(matches!(over, Err(InvalidTable::TooManyPatterns(_))));
}

#[test]
fn many_asterisks_take_no_longer_than_few() {
    let table =
        SigningTable::from_bytes(Form::Refile, format!("{}b k\n", "a*".repeat(400)).as_bytes()).unwrap();
    let start = Instant::now();
    assert!(table.lookup(&format!("{}@x", "a".repeat(1_000))).is_err());
    assert!(start.elapsed().as_secs() < 2);
}
