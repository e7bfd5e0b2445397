//! Base64 with blanks and folds anywhere inside (RFC 6376 §2.10).

use base64::{
    Engine,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// Padding may be missing, as it is in keys that were pasted by hand.
const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The octets that `text` stands for; `None` when it is no base64.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if !text.iter().fold(false, |any, c| any | c.is_ascii_whitespace()) {
        return ENGINE.decode(text).ok();
    }
    let mut dense = Vec::with_capacity(text.len());
    for line in text.split(u8::is_ascii_whitespace) {
        dense.extend_from_slice(line);
    }
    ENGINE.decode(dense).ok()
}
