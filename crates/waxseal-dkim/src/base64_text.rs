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

/// Text of this many octets is gathered on the stack: `b=` and `p=` of 4096-bit keys fit.
const ROOM: usize = 1024;

/// The octets that `text` stands for; `None` when it is no base64.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut room = [0; ROOM];
    let mut used = 0;
    for line in Lines(text) {
        let Some(place) = room.get_mut(used..used + line.len()) else {
            return ENGINE.decode(Lines(text).collect::<Vec<_>>().concat()).ok();
        };
        place.copy_from_slice(line);
        used += line.len();
    }
    ENGINE.decode(room.get(..used)?).ok()
}

/// The pieces of a text between its blanks and line ends.
struct Lines<'t>(&'t [u8]);

impl<'t> Iterator for Lines<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let text = self.0.trim_ascii_start();
        let end = memchr::memchr3(b'\r', b' ', b'\t', text).unwrap_or(text.len());
        let (line, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        if line.is_empty() { None } else { Some(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_folds_count_for_nothing() {
        for text in ["aGVsbG8=", " aGVs\r\n\tbG8 = ", "a\tG V\r\n sbG8", "\r\n\t aGVsbG8=\r\n "] {
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(&b"hello"[..]), "{text:?}");
        }
        for text in ["aGVsbG8==", "a", "aGVsbG9", "aGV-bG8=", "aG\nVs"] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
        }
        let long = vec![b'A'; 4 * ROOM];
        assert_eq!(decode(&long), Some(vec![0; 3 * ROOM]));
        assert_eq!(decode(b""), Some(vec![]));
    }
}
