//! The header: every octet is in one field, however the message is cut; line ends are found and repaired.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_fuzz::chunks;
use waxseal_header::{
    Header, HeaderBuilder, HeaderLimits, Space, Split, Splitter,
    line_ends::{ToCrlf, find_bare, to_crlf},
};

fuzz_target!(|input: (&[u8], &[u8])| {
    let (sizes, message) = input;
    let limits = HeaderLimits::default().with_max_bytes(2000).with_max_fields(40);
    let whole = Header::parse_with(message, limits);
    let cut = parse_in_chunks(message, sizes, limits);
    match (whole, cut) {
        (Ok((header, body)), Ok((cut_header, cut_body))) => {
            assert_eq!((&header, body), (&cut_header, &cut_body[..]));
            look_at(&header, body, message);
        }
        // Which limit is met first may depend on the cut; that one is met does not.
        (whole, cut) => assert!(whole.is_err() && cut.is_err()),
    }
    check_line_ends(message, sizes);
});

fn parse_in_chunks(
    message: &[u8],
    sizes: &[u8],
    limits: HeaderLimits,
) -> Result<(Header, Vec<u8>), waxseal_header::HeaderError> {
    let mut splitter = Splitter::new(limits);
    let mut found = None;
    for chunk in chunks(message, sizes) {
        match &mut found {
            None => {
                if let Split::Body(header, body) = splitter.push(chunk)? {
                    found = Some((header, body.to_vec()));
                }
            }
            Some((_, body)) => body.extend_from_slice(chunk),
        }
    }
    match found {
        Some(found) => Ok(found),
        None => Ok((splitter.finish()?, Vec::new())),
    }
}

fn look_at(header: &Header, body: &[u8], message: &[u8]) {
    let raw: Vec<u8> = header.fields().flat_map(|field| field.raw().to_vec()).collect();
    assert_eq!(raw, header.as_bytes());
    assert!(message.starts_with(&raw) && message.ends_with(body));
    assert!(message.len() - raw.len() - body.len() <= 2);
    let mut builder = HeaderBuilder::new(HeaderLimits::default());
    for (number, field) in header.fields().enumerate() {
        assert_eq!(header.value_bytes(number).as_deref(), Some(field.value()));
        assert_eq!(field.is_malformed(), field.name().is_empty());
        if builder.push(field.name(), field.value(), Space::Kept).is_ok() {
            assert!(!field.is_malformed());
        }
    }
    let built = builder.finish();
    let (again, rest) = Header::parse(built.as_bytes()).expect("what was built is within the limits");
    assert_eq!((&again, rest), (&built, &b""[..]));
}

fn check_line_ends(message: &[u8], sizes: &[u8]) {
    let repaired = to_crlf(message);
    assert_eq!(find_bare(&repaired), None);
    assert_eq!(find_bare(message).is_none(), repaired == message);
    let (mut stream, mut out) = (ToCrlf::default(), Vec::new());
    for chunk in chunks(message, sizes) {
        stream.push(chunk, &mut out);
    }
    stream.finish(&mut out);
    assert_eq!(out, *repaired);
}
