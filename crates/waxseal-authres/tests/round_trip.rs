//! What the builder writes, the parser reads back.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use proptest::prelude::*;
use waxseal_authres::{AuthenticationResults, Entry, Ptype, ReceivedSpf, SpfResult};

/// Text that is written without loss.
fn text(utf8: bool) -> BoxedStrategy<String> {
    if utf8 { "[ -~à-ÿА-я一-龥]{0,80}".boxed() } else { "[ -~]{0,190}".boxed() }
}

fn keyword() -> BoxedStrategy<String> {
    prop_oneof!["[a-zA-Z0-9-]{0,20}[a-zA-Z0-9]", "none|reason|dkim|Smtp|header"].boxed()
}

fn entry(utf8: bool) -> impl Strategy<Value = Entry> {
    let ptype = prop_oneof![
        Just(Ptype::Smtp.to_string()),
        Just(Ptype::Dns.to_string()),
        // A known type is read in any letter case and written in lower case.
        keyword().prop_map(|word| Ptype::from_name(word.as_bytes()).map_or(word, |known| known.to_string()))
    ];
    let properties = proptest::collection::vec((ptype, keyword(), text(utf8)), 0..5);
    let texts = (proptest::option::of(text(utf8)), proptest::option::of(text(utf8)));
    (keyword(), keyword(), texts, properties).prop_map(|(method, result, (reason, comment), properties)| {
        let mut entry = Entry::new(method, result);
        if let Some(reason) = reason {
            entry = entry.with_reason(reason);
        }
        if let Some(comment) = comment {
            entry = entry.with_comment(comment);
        }
        properties
            .into_iter()
            .fold(entry, |entry, (ptype, name, value)| entry.with_property(ptype, name, value))
    })
}

fn results() -> impl Strategy<Value = AuthenticationResults> {
    any::<bool>().prop_flat_map(|utf8| {
        (text(utf8), proptest::collection::vec(entry(utf8), 0..5)).prop_map(move |(id, entries)| {
            let mut results = AuthenticationResults::new(id).with_utf8(utf8);
            results.extend(entries);
            results
        })
    })
}

/// Reads a whole field, or the body that `Display` writes.
fn read_back(field: &str) -> AuthenticationResults {
    let value = field.strip_prefix("Authentication-Results:").unwrap_or(field);
    AuthenticationResults::parse(value.as_bytes()).unwrap().to_results().unwrap()
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(written in results()) {
        for field in [written.to_field(), written.to_string(), written.to_field().replace("\r\n", "\n")] {
            let read = read_back(&field);
            prop_assert_eq!(read.authserv_id(), written.authserv_id());
            prop_assert_eq!(read.entries(), written.entries());
        }
    }

    /// What had to be escaped or cut is read as it was written, and is then written without loss.
    #[test]
    fn hostile_text_is_read_as_written(
        id in proptest::collection::vec(any::<u8>(), 0..500),
        texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..500), 3),
        utf8: bool,
    ) {
        let entry = Entry::new("dkim", "fail")
            .with_reason(&texts[0])
            .with_comment(&texts[1])
            .with_property(Ptype::Header, "i", &texts[2]);
        let written = AuthenticationResults::new(&id).with_utf8(utf8).with_entry(entry);
        let read = read_back(&written.to_field());
        prop_assert_eq!(&read_back(&read.clone().with_utf8(utf8).to_field()), &read);
    }

    #[test]
    fn no_octets_make_it_panic(value in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(read) = AuthenticationResults::parse(&value) {
            prop_assert!(read.entries().len() <= value.len());
        }
        if let Ok(read) = ReceivedSpf::parse(&value) {
            prop_assert!(read.pairs().count() <= value.len());
        }
    }

    /// Bytes near the grammar reach deeper than any bytes do.
    #[test]
    fn nor_do_pieces_of_fields(pieces in proptest::collection::vec(prop_oneof![
        "[a-z1(); \"\\\\=./@\r\n\t]", Just("dkim=pass ".to_owned()), Just("; ".to_owned()), Just(" header.d=".to_owned()),
        Just("reason=".to_owned()), Just("none".to_owned()), Just("\r\n ".to_owned()), Just("(a (b) c)".to_owned()),
    ], 0..40)) {
        let value = pieces.concat();
        if let Ok(read) = AuthenticationResults::parse(value.as_bytes()) {
            // What can be read can be written, and says the same; a tab in text becomes `<U+0009>`, which stays.
            if let Some(results) = read.to_results() {
                let once = read_back(&results.clone().with_utf8(true).to_field());
                if value.contains('\t') {
                    prop_assert_eq!(&read_back(&once.clone().with_utf8(true).to_field()), &once);
                } else {
                    prop_assert_eq!(&once, &results);
                }
            }
        }
    }

    #[test]
    fn received_spf_is_read_back(comment in "[ -~]{0,190}", pairs in proptest::collection::vec((keyword(), "[ -~]{0,190}"), 0..8)) {
        let mut written = ReceivedSpf::new(SpfResult::Neutral).with_comment(comment);
        for (key, value) in pairs {
            written = written.with_pair(key, value);
        }
        for field in [written.to_field(), written.to_string()] {
            let read = ReceivedSpf::parse(field.strip_prefix("Received-SPF:").unwrap_or(&field).as_bytes()).unwrap();
            prop_assert_eq!((read.result(), read.comment()), (written.result(), written.comment()));
            prop_assert_eq!(read.pairs().collect::<Vec<_>>(), written.pairs().collect::<Vec<_>>());
        }
    }
}
