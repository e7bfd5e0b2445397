//! Writes the syntax of zone files (RFC 1035 §5.1), the counterpart of the reader.

use std::fmt::{self, Write};

/// RFC 1035 §3.3: a character-string is "a single length octet followed by that number of characters".
pub(super) const MAX_STRING: usize = 255;

/// The data of a TXT record in the syntax of zone files: quoted strings of at most 255 bytes, non-ASCII bytes as
/// `\DDD`.
///
/// ```
/// use waxseal_dns::zone_text;
/// assert_eq!(zone_text(b"say \"hi\"; caf\xe9"), r#""say \"hi\"; caf\233""#);
/// assert_eq!(zone_text(&[b'x'; 300]).matches('"').count(), 4);
/// ```
pub fn zone_text(text: &[u8]) -> String {
    let mut written = String::with_capacity(text.len() + 2);
    // Writing to a String cannot fail.
    _ = write_text(&mut written, text);
    written
}

pub(crate) fn write_text(out: &mut impl Write, text: &[u8]) -> fmt::Result {
    if text.is_empty() {
        return out.write_str("\"\"");
    }
    for (index, string) in text.chunks(MAX_STRING).enumerate() {
        out.write_str(if index == 0 { "\"" } else { " \"" })?;
        string.iter().try_for_each(|byte| write_byte(out, *byte, matches!(byte, b'"' | b'\\')))?;
        out.write_char('"')?;
    }
    Ok(())
}

/// A name with its final dot; special characters are escaped.
pub(crate) fn write_name(out: &mut impl Write, name: &str) -> fmt::Result {
    for byte in name.bytes() {
        let special = matches!(byte, b'"' | b'\\' | b';' | b'(' | b')' | b'@' | b'$');
        match byte {
            b' ' => out.write_str("\\032")?,
            _ => write_byte(out, byte, special)?,
        }
    }
    out.write_char('.')
}

/// "\X where X is any character other than a digit" and "\DDD where each D is a digit" (RFC 1035 §5.1).
fn write_byte(out: &mut impl Write, byte: u8, special: bool) -> fmt::Result {
    match byte {
        b' '..=b'~' if special => write!(out, "\\{}", char::from(byte)),
        b' '..=b'~' => out.write_char(char::from(byte)),
        _ => write!(out, "\\{byte:03}"),
    }
}

#[cfg(test)]
mod tests {
    use crate::{DomainName, Question, Record, RecordType, Zone};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_shown_is_read_back(text in proptest::collection::vec(any::<u8>(), 0..600)) {
            let record = Record::Txt(text.into());
            let zone = Zone::from_zone_file(format!("a.example. TXT {record}"), None).unwrap();
            let answer = zone.lookup(&Question::txt("a.example".parse().unwrap())).unwrap();
            prop_assert_eq!(&*answer.records, &[record]);
        }

        #[test]
        fn names_are_read_back(name in "[ -~]{1,20}[.][ -~]{1,20}") {
            let Ok(name) = DomainName::lenient(name.as_bytes()) else { return Ok(()) };
            let record = Record::Mx(10, Some(name));
            let zone = Zone::from_zone_file(format!("a.example. MX {record}"), None).unwrap();
            let answer = zone.lookup(&Question::new("a.example".parse().unwrap(), RecordType::Mx)).unwrap();
            prop_assert_eq!(&*answer.records, &[record]);
        }
    }
}
