//! DKIM-Quoted-Printable (RFC 6376 §2.11), the encoding of `i=`, `n=` and `z=`.

/// Decodes `text`; whitespace inside it is skipped. `None` when an equals sign is not followed by two hexadecimal
/// digits.
pub(crate) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'=', [high, low, after @ ..]) => {
                out.push((digit(*high)? << 4) | digit(*low)?);
                rest = after;
            }
            (b'=', _) => return None,
            (b' ' | b'\t' | b'\r' | b'\n', _) => {}
            _ => out.push(*first),
        }
    }
    Some(out)
}

/// Encodes `bytes`. Semicolons, equals signs, `|` (which separates the fields in `z=`), blanks, controls and bytes that
/// are not UTF-8 become hexadecimal digits; UTF-8 stays (RFC 8616 §5).
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c.is_ascii() && (!c.is_ascii_graphic() || matches!(c, ';' | '=' | '|')) {
                push_hex(c as u8, &mut out);
            } else {
                out.push(c);
            }
        }
        chunk.invalid().iter().for_each(|byte| push_hex(*byte, &mut out));
    }
    out
}

fn push_hex(byte: u8, out: &mut String) {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0').to_ascii_uppercase();
    out.extend(['=', digit(byte >> 4), digit(byte & 15)]);
}

fn digit(c: u8) -> Option<u8> {
    (c as char).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc6376_2_11() {
        assert_eq!(decode(b"foo=20=3Bbar\r\n\tbaz").as_deref(), Some(&b"foo ;barbaz"[..]));
        assert_eq!(decode(b"a=2"), None);
        assert_eq!(decode(b"a=zz"), None);
        assert_eq!(encode(b"a b;c=d|\r\n\xff\xc3\xb6"), "a=20b=3Bc=3Dd=7C=0D=0A=FF\u{f6}");
    }

    proptest! {
        #[test]
        fn decode_undoes_encode(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode(encode(&bytes).as_bytes()), Some(bytes));
        }
    }
}
