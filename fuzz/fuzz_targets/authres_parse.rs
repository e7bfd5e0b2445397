//! Reading Authentication-Results and Received-SPF: what is read can be written and says the same; what is trusted is also
//! claimed, and what is forged goes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_authres::{AuthenticationResults, AuthservIds, DkimResult, ReceivedSpf};
use waxseal_header::Header;

fuzz_target!(|value: &[u8]| {
    read(value);
    remove(value);
    if let Ok(read) = ReceivedSpf::parse(value) {
        let again = read.pairs().fold(ReceivedSpf::new(read.result()), |field, (key, value)| {
            field.with_pair(key.to_owned(), value)
        });
        let again = again.to_string();
        let again = ReceivedSpf::parse(again.as_bytes()).expect("what was written can be read");
        assert_eq!(again.pairs().count(), read.pairs().count());
    }
});

fn read(value: &[u8]) {
    let Ok(read) = AuthenticationResults::parse(value) else { return };
    // The default of `ParseLimits::with_max_results`.
    assert!(read.entries().len() <= 256);
    for part in read.unreadable() {
        // What is lost is told with its place, and is no part of what was read.
        assert!(part.offset() + part.text().len().min(1) <= value.len());
        assert!(
            read.damage().is_some()
                || part.method().is_none()
                || !part.text().contains(';')
                || part.text().contains(['"', '('])
        );
    }
    let strict = AuthenticationResults::parse_strict(value);
    assert_eq!(strict.is_ok(), read.unreadable().is_empty());
    assert!(read.results_of::<DkimResult>().count() <= read.entries().len());
    let Some(results) = read.to_results() else {
        assert!(
            read.authserv_id().is_none()
                || read.version() != 1
                || read.entries().iter().any(|entry| entry.method_version() != 1)
        );
        return;
    };
    // Writing may escape and cut; after that nothing changes any more.
    let once = again(&results);
    assert_eq!(once.entries().len(), results.entries().len());
    assert_eq!(again(&once), once);
}

fn again(results: &AuthenticationResults) -> AuthenticationResults {
    let field = results.to_field();
    let (_, value) = field.split_once(':').expect("a name");
    let read = AuthenticationResults::parse(value.as_bytes()).expect("what was written can be read");
    read.to_results().expect("what was written has an authserv-id and no other version")
}

fn remove(value: &[u8]) {
    let ids = AuthservIds::new(["mx.example.net", "a"]);
    let field = [b"Authentication-Results:", value, b"\r\n"].concat();
    let Ok((header, _)) = Header::parse(&field) else { return };
    let forged = ids.forged(&header);
    for results in ids.trusted(&header, header.len()) {
        assert!(results.authserv_id().is_some() && results.damage().is_none());
        assert!(!forged.is_empty());
    }
    // Whatever hides a field behind a line end that not all see goes with it.
    let hidden = [b"X: a\rAuthentication-Results:", value, b"\r\n"].concat();
    if let Ok((header, _)) = Header::parse(&hidden) {
        assert!(ids.forged(&header).iter().any(|position| position.index == 0));
    }
    if AuthenticationResults::parse(value).is_ok_and(|read| read.version() != 1) {
        assert!(!forged.is_empty());
    }
    assert!(forged.windows(2).all(|pair| pair[0].index > pair[1].index));
    let cleaned = ids.remove_forged(&header);
    let (left, _) = Header::parse(&cleaned).expect("a part of a header is one");
    assert!(ids.forged(&left).is_empty());
    assert_eq!(left.len() + forged.len(), header.len());
}
