//! Encoded words (RFC 2047), decoded as far as needed to find addresses in them.

/// The encoded words of a text.
pub(crate) struct EncodedWords<'t> {
    text: &'t [u8],
    /// The place of every `?=`, so that finding the end of many words takes linear time.
    ends: Vec<usize>,
}

impl<'t> EncodedWords<'t> {
    pub(crate) fn new(text: &'t [u8]) -> Self {
        Self { text, ends: memchr::memmem::find_iter(text, b"?=").collect() }
    }

    /// Decodes the encoded word at `at`: its text and its length. Of the charsets, only UTF-7 is decoded, and NULs are
    /// dropped: an address is ASCII, and all other charsets in use encode ASCII as itself.
    pub(crate) fn decode_at(&self, at: usize) -> Option<(Vec<u8>, usize)> {
        let rest = self.text.get(at..)?.strip_prefix(b"=?")?;
        let charset = memchr::memchr(b'?', rest)?;
        let begin = at + 2 + charset + 3;
        let encoding = match rest.get(charset..charset + 3)? {
            [b'?', encoding, b'?'] if charset > 0 => encoding,
            _ => return None,
        };
        let end = *self.ends.get(self.ends.partition_point(|end| *end < begin))?;
        let encoded = self.text.get(begin..end)?;
        let mut decoded = match encoding {
            b'q' | b'Q' => decode_q(encoded),
            b'b' | b'B' => decode_b(encoded),
            _ => return None,
        };
        if is_utf_7(rest.get(..charset)?) {
            decoded = decode_utf_7(&decoded);
        }
        decoded.retain(|c| *c != 0);
        Some((decoded, end + 2 - at))
    }
}

/// The text with its encoded words decoded. White space between two of them is dropped (RFC 2047 §6.2).
pub(crate) fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let words = EncodedWords::new(text);
    let (mut at, mut behind_word) = (0, false);
    for begin in memchr::memmem::find_iter(text, b"=?") {
        if begin < at {
            continue;
        }
        let Some((decoded, length)) = words.decode_at(begin) else { continue };
        let before = text.get(at..begin).unwrap_or_default();
        if !behind_word || !before.iter().all(u8::is_ascii_whitespace) {
            out.extend_from_slice(before);
        }
        out.extend(decoded);
        behind_word = true;
        at = begin + length;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

/// RFC 2047 §4.2.
fn decode_q(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        match (first, behind) {
            (b'_', _) => out.push(b' '),
            (b'=', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(hex_digit(*high) << 4 | hex_digit(*low));
                rest = after;
            }
            (octet, _) => out.push(*octet),
        }
    }
    out
}

fn hex_digit(c: u8) -> u8 {
    match c {
        b'0'..=b'9' => c - b'0',
        _ => (c | 0x20).wrapping_sub(b'a').wrapping_add(10),
    }
}

/// RFC 2045 §6.8; other characters are skipped.
fn decode_b(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.iter().filter_map(|c| base64_digit(*c)) {
        bits = bits << 6 | u32::from(digit);
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count & 0xff) as u8);
        }
    }
    out
}

/// `utf-7`, `UTF7`, `unicode-1-1-utf-7`, `utf-7-imap`.
fn is_utf_7(charset: &[u8]) -> bool {
    let name: Vec<u8> = charset.iter().filter(|c| **c != b'-').map(u8::to_ascii_lowercase).collect();
    memchr::memmem::find(&name, b"utf7").is_some()
}

/// RFC 2152, and its variant for IMAP with `&` in place of the plus sign. ASCII is returned with the NULs of UTF-16.
fn decode_utf_7(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if !matches!(first, b'+' | b'&') {
            out.push(*first);
            continue;
        }
        let is_shifted = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/' | b',');
        let length = rest.iter().position(|c| !is_shifted(c)).unwrap_or(rest.len());
        let (shifted, behind) = rest.split_at_checked(length).unwrap_or_default();
        if shifted.is_empty() {
            out.push(*first);
        }
        out.extend(decode_b(shifted));
        rest = behind.strip_prefix(b"-").unwrap_or(behind);
    }
    out
}

fn base64_digit(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_encoded_words_is_seen() {
        for (text, decoded) in [
            ("=?utf-8?q?ceo=40bank.example?=", "ceo@bank.example"),
            ("=?utf-8?Q?ceo=40bank?= \r\n =?us-ascii?B?LmV4YW1wbGU=?= <u@x>", "ceo@bank.example <u@x>"),
            ("a =?utf-16be?b?AGMAZQBvAEA=?= b", "a ceo@ b"),
            ("=?utf-8?q?a_b=e9=4?=", "a b\u{fffd}=4"),
            ("=?utf-7?q?ceo+AEA-bank+AC4-example?=", "ceo@bank.example"),
            ("=?UTF7?q?+ADw-ceo+AEA-bank.example+AD4?=", "<ceo@bank.example>"),
            ("=?unicode-1-1-utf-7*en?b?Y2VvK0FFQS1iYW5rLmV4YW1wbGU=?=", "ceo@bank.example"),
            ("=?utf-7-imap?q?ceo&AEA-bank.example?=", "ceo@bank.example"),
            ("=?utf-7?q?1+-1&-1?=", "1+1&1"),
            // Half of one is text.
            ("=?ceo@bank.example", "=?ceo@bank.example"),
            ("=?utf-8?q?ceo@bank.example", "=?utf-8?q?ceo@bank.example"),
            ("=?utf-8?x?ceo?=", "=?utf-8?x?ceo?="),
            ("=??q?ceo?=", "=??q?ceo?="),
        ] {
            assert_eq!(String::from_utf8_lossy(&decode(text.as_bytes())), decoded, "{text}");
        }
    }
}
