//! Tag lists: what is read, written again and read is the same; ranges point at the values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_header::TagList;

fuzz_target!(|text: &[u8]| {
    let Ok(list) = TagList::parse(text) else { return };
    assert!(list.tags().len() <= 64);
    let mut written = Vec::new();
    for tag in list.tags() {
        assert_eq!(list.get(tag.name()), Some(tag.value()));
        assert_eq!(text[tag.range()].trim_ascii(), tag.value().trim_ascii());
        assert_eq!(text[tag.range().start - 1], b'=');
        written.extend_from_slice(&[tag.name().as_bytes(), b"=", tag.value(), b";"].concat());
    }
    let again = TagList::parse(&written).expect("what was read can be written");
    assert!(
        again
            .tags()
            .map(|tag| (tag.name(), tag.value()))
            .eq(list.tags().map(|tag| (tag.name(), tag.value())))
    );
});
