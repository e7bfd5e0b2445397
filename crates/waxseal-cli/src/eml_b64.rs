//! The key `eml_b64` of batches: a message in base64.

use base64::{
    DecodeError, Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Line ends in the base64, as in MIME, are ignored.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    base64_simd::STANDARD.decode_to_vec(text).or_else(|_| decode_any(text))
}

/// The slow path: without padding, with line ends, or not base64 at all, with the error that describes it.
fn decode_any(text: &str) -> Result<Vec<u8>, DecodeError> {
    BASE64.decode(text).or_else(|error| match text.contains(|c: char| c.is_ascii_whitespace()) {
        true => BASE64.decode(text.split_ascii_whitespace().collect::<String>()),
        false => Err(error),
    })
}

/// Padding is optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
