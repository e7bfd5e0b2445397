//! Base64 with whitespace anywhere inside (RFC 6376 §2.10), decoded in one pass: the crate base64 accepts none, so the
//! text would have to be copied without it first.

/// Decodes `text`; `None` when it is not base64. Padding may be missing, as in keys that were pasted by hand.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let mut rest = text.trim_ascii_start();
    let mut quad = Quad::default();
    loop {
        if quad.digits == 0 {
            rest = decode_eights(rest, &mut out);
        }
        rest = match rest {
            [b' ' | b'\t' | b'\r', after @ ..] => after.trim_ascii_start(),
            [] | [b'=', ..] => break,
            [byte, after @ ..] => {
                quad.push(*byte, &mut out)?;
                after
            }
        };
    }
    let padding = quad.finish(&mut out)?;
    is_padding(rest, padding).then_some(out)
}

/// Decodes sixteen digits at a time from the front of the text; returns the rest.
fn decode_eights<'t>(text: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let mut rest = text;
    while let Some((eight, after)) = rest.split_first_chunk::<8>() {
        let (mut bits, mut all) = (0, 0);
        for byte in eight {
            let value = value(*byte);
            bits = bits << 6 | u64::from(value);
            all |= value;
        }
        if all >= NO_DIGIT {
            break;
        }
        let [_, _, bytes @ ..] = bits.to_be_bytes();
        out.extend_from_slice(&bytes);
        rest = after;
    }
    rest
}

/// Up to four digits, which encode three bytes.
#[derive(Default)]
struct Quad {
    digits: u32,
    bits: u32,
}

impl Quad {
    fn push(&mut self, byte: u8, out: &mut Vec<u8>) -> Option<()> {
        let value = Some(value(byte)).filter(|value| *value < NO_DIGIT)?;
        (self.digits, self.bits) = (self.digits + 1, self.bits << 6 | u32::from(value));
        if self.digits == 4 {
            let [_, bytes @ ..] = self.bits.to_be_bytes();
            out.extend_from_slice(&bytes);
            *self = Self::default();
        }
        Some(())
    }

    /// Writes the bytes of the last digits, and returns how many padding characters may follow. RFC 4648 §3.5: "pad
    /// bits MUST be set to zero".
    fn finish(self, out: &mut Vec<u8>) -> Option<usize> {
        match self.digits {
            0 => Some(0),
            2 if self.bits % 16 == 0 => {
                out.push((self.bits >> 4) as u8);
                Some(2)
            }
            3 if self.bits % 4 == 0 => {
                out.extend_from_slice(&[(self.bits >> 10) as u8, (self.bits >> 2) as u8]);
                Some(1)
            }
            _ => None,
        }
    }
}

/// Whether `text` holds nothing but whitespace and at most `signs` equals signs.
fn is_padding(text: &[u8], signs: usize) -> bool {
    match text {
        [] => true,
        [b' ' | b'\t' | b'\r', after @ ..] => is_padding(after.trim_ascii_start(), signs),
        [b'=', after @ ..] => signs > 0 && is_padding(after, signs - 1),
        _ => false,
    }
}

const NO_DIGIT: u8 = 64;

/// The value of each byte as a digit.
const VALUES: [u8; 256] = {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut values = [NO_DIGIT; 256];
    let mut value = 0;
    while value < digits.len() {
        #[expect(clippy::indexing_slicing, reason = "constant evaluation; a byte is always below 256")]
        {
            values[digits[value] as usize] = value as u8;
        }
        value += 1;
    }
    values
};

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(NO_DIGIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::{
        Engine,
        alphabet::STANDARD,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };
    use proptest::prelude::*;

    #[test]
    fn blanks_and_folds_count_for_nothing() {
        for text in ["aGVsbG8=", " aGVs\r\n\tbG8 = ", "a\tG V\r\n sbG8", "\r\n\t aGVsbG8=\r\n "] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(&b"hello"[..]), "{text:?}");
        }
        for text in ["aGVsbG8==", "a", "aGVsbG9", "aGV-bG8=", "aG\nVs", "=", "a===", "aGVs=", "aGU=b"] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(decode(&[b'A'; 4096]), Some(vec![0; 3072]));
        assert_eq!(decode(b""), Some(vec![]));
    }

    proptest! {
        #[test]
        fn agrees_with_decoding_what_is_left_without_blanks(
            text in "([A-Za-z0-9+/]{0,30}( |\t|\r\n[ \t])?){0,9}([AQgw]?={0,3} ?={0,2}|[ -~])",
        ) {
            let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
            let plain = text.replace("\r\n", "").replace([' ', '\t'], "");
            let expected = GeneralPurpose::new(&STANDARD, config).decode(plain).ok();
            prop_assert_eq!(decode(text.as_bytes()), expected);
        }
    }
}
