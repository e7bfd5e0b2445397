//! Canonicalization against the slow reading of the RFC, for any chunking and `l=`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use waxseal_crypto::{HashAlgorithm, default_provider};
use waxseal_dkim::{
    Canonicalization,
    parts::{BodyForm, BodyHasher},
};
use waxseal_fuzz::{chunks, slow_body, slow_relaxed_field};
use waxseal_header::Header;

fuzz_target!(|input: (&[u8], Option<u16>, u8, &[u8])| {
    let (sizes, length, repeat, text) = input;
    // Long bodies reach the borders of blocks.
    let body = text.repeat(usize::from(repeat % 64) + 1);
    let length = length.map(u64::from);
    let mut hasher = BodyHasher::new(default_provider().expect("a provider"));
    let forms = [Canonicalization::Simple, Canonicalization::Relaxed];
    let forms =
        forms.map(|canonicalization| BodyForm { canonicalization, hash: HashAlgorithm::Sha256, length });
    forms.iter().for_each(|form| hasher.want(*form));
    for chunk in chunks(&body, sizes) {
        hasher.push(chunk);
    }
    let hashes = hasher.finish();
    for form in forms {
        let expected = slow_body(form.canonicalization, &body);
        let cut = length.map_or(expected.len(), |length| expected.len().min(length as usize));
        let mut slow = default_provider().expect("a provider").hasher(HashAlgorithm::Sha256);
        slow.update(&expected[..cut]);
        let hash = hashes.get(&form).expect("a hash that was asked for");
        assert_eq!(hash.length(), expected.len() as u64, "{form:?}");
        assert_eq!(*hash.digest(), slow.finish(), "{form:?}");
    }
    check_fields(text);
});

fn check_fields(text: &[u8]) {
    let Ok((header, _)) = Header::parse(text) else { return };
    for field in header.fields().filter(|field| !field.is_malformed()) {
        let mut simple = Vec::new();
        Canonicalization::Simple.header_field(field, &mut simple);
        let mut raw = field.raw().to_vec();
        // Only the last line of a message that is all header can lack its line end.
        if !raw.ends_with(b"\n") {
            raw.extend_from_slice(b"\r\n");
        }
        assert_eq!(simple, raw);
        let mut relaxed = Vec::new();
        Canonicalization::Relaxed.header_field(field, &mut relaxed);
        // A bare LF that ends the field is data.
        let name = field.name().len();
        let colon = name + field.raw()[name..].iter().position(|c| *c == b':').expect("a colon");
        let value = &field.raw()[colon + 1..];
        let value = value.strip_suffix(b"\r\n").unwrap_or(value);
        assert_eq!(relaxed, slow_relaxed_field(field.name(), value), "{field:?}");
    }
}
