//! From fields and paths of SMTP: an address or a named error, and what was read reads the same when it stands alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_header::{Address, Authors, Header, UnclearAuthor};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (header, value) = input;
    of_value(value);
    of_header(header);
    of_header(&[header, b"\r\nFrom:", value, b"\r\n"].concat());
    if let Ok(Some(address)) = Address::parse_path(value) {
        look_at(&address);
        let again = Address::parse_path(&[b"<", &*written(&address), b">"].concat());
        assert_eq!(again, Ok(Some(address)));
    }
});

fn of_value(value: &[u8]) {
    let authors = match Authors::parse(value) {
        Ok(authors) => authors,
        Err(unclear) => return look_at_unclear(&unclear),
    };
    assert!(!authors.addresses().is_empty() && authors.addresses().len() <= 256);
    authors.addresses().iter().for_each(look_at);
    let domains: Vec<_> = authors.domains().collect();
    assert!(!domains.is_empty());
    assert!((1..domains.len()).all(|n| !domains[n..].contains(&domains[n - 1])));
    // Whoever is named as well is no author.
    assert!(authors.domains_in_names().len() <= 8);
    assert!(authors.domains_in_names().iter().all(|name| !domains.contains(name)));
}

fn of_header(text: &[u8]) {
    let Ok((header, _)) = Header::parse(text) else { return };
    let count = header.fields().filter(|field| field.is("from")).count();
    match Authors::from_header(&header) {
        Ok(authors) => {
            assert_eq!(count, 1);
            let field = header.fields().find(|field| field.is("from")).expect("it was counted");
            assert_eq!(Authors::parse(field.value()), Ok(authors));
        }
        Err(unclear) => look_at_unclear(&unclear),
    }
}

fn look_at_unclear(unclear: &UnclearAuthor) {
    let text = unclear.cause().to_string();
    assert!(text.bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'"'), "{text}");
    assert!(unclear.domains().len() <= 8);
}

fn look_at(address: &Address) {
    let domain = address.domain();
    assert!(!domain.is_empty() && !domain.contains(|c: char| c.is_ascii_control()), "{address:?}");
    assert!(address.is_literal() || domain.split('.').all(|label| !label.is_empty()), "{address:?}");
    assert!(!address.local_part().contains(&b'\n'), "{address:?}");
}

fn written(address: &Address) -> Vec<u8> {
    [address.local_part(), b"@", address.domain().as_bytes()].concat()
}
