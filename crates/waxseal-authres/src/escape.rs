//! Escaping of values: tokens, addresses, quoted strings and comments.

use std::borrow::Cow;

use crate::fold::Folder;

/// The most bytes a value, reason, comment or authserv-id takes when written, quotes not counted.
///
/// Longer text is cut and ends in `...`. With the name of its property it stays far below the 998 bytes of a line (RFC
/// 5322 §2.1.1).
pub(crate) const MAX_WRITTEN: usize = 400;

const CUT: &str = "...";

/// The bytes as UTF-8; invalid ones become `<0xFF>`.
pub(crate) fn readable(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("<0x{byte:02X}>"));
        }
    }
    Cow::Owned(text)
}

/// Writes a `value` of RFC 8601 §2.2: a MIME token, or else a quoted string.
pub(crate) fn value(out: &mut Folder, text: &str, utf8: bool) {
    if fits(text) && is_token(text) { out.word(text) } else { quoted(out, text, utf8) }
}

/// Writes a `pvalue` of RFC 8601 §2.2: a value, or `[ [ local-part ] "@" ] domain-name`.
pub(crate) fn pvalue(out: &mut Folder, text: &str, utf8: bool) {
    if fits(text) && (is_token(text) || is_address(text)) { out.word(text) } else { quoted(out, text, utf8) }
}

/// Writes a quoted string (RFC 5322 §3.2.4).
pub(crate) fn quoted(out: &mut Folder, text: &str, utf8: bool) {
    out.char('"');
    escaped(out, text, utf8, |c| matches!(c, '"' | '\\'));
    out.char('"');
}

/// Writes a comment (RFC 5322 §3.2.2); nesting is never used.
pub(crate) fn comment(out: &mut Folder, text: &str, utf8: bool) {
    out.char('(');
    escaped(out, text, utf8, |c| matches!(c, '(' | ')' | '\\'));
    out.char(')');
}

fn fits(text: &str) -> bool {
    text.len() <= MAX_WRITTEN
}

/// Writes `text` between delimiters: `special` characters as quoted pairs, hidden ones by code point.
fn escaped(out: &mut Folder, text: &str, utf8: bool, special: impl Fn(char) -> bool) {
    let kept = cut(text, |c| written(c, utf8, special(c)));
    let mut rest = kept;
    while !rest.is_empty() {
        let is_plain = |b: &u8| b.is_ascii_graphic() && !special(char::from(*b));
        let plain = rest.bytes().take_while(is_plain).count();
        out.word(rest.get(..plain).unwrap_or_default());
        let mut behind = rest.get(plain..).unwrap_or_default().chars();
        match behind.next() {
            None => {}
            // The line may break before a space, unless another one follows.
            Some(' ') if !behind.as_str().starts_with(' ') => out.space(),
            Some(c @ ' '..='~') => {
                if special(c) {
                    out.char('\\');
                }
                out.char(c);
            }
            Some(c) if utf8 && !is_hidden(c) => out.char(c),
            Some(c) => out.word(&format!("<U+{:04X}>", u32::from(c))),
        }
        rest = behind.as_str();
    }
    if kept.len() < text.len() {
        out.word(CUT);
    }
}

/// The longest prefix of `text` that can be written within [`MAX_WRITTEN`], with space for the `...`.
fn cut(text: &str, written: impl Fn(char) -> usize) -> &str {
    if text.len() <= MAX_WRITTEN / LONGEST {
        return text;
    }
    let (mut used, mut safe) = (0, 0);
    for (at, c) in text.char_indices() {
        if used + CUT.len() <= MAX_WRITTEN {
            safe = at;
        }
        used += written(c);
        if used > MAX_WRITTEN {
            return text.get(..safe).unwrap_or_default();
        }
    }
    text
}

/// The most bytes that a character takes when written.
const LONGEST: usize = 10;

/// The bytes that a character takes when written.
fn written(c: char, utf8: bool, special: bool) -> usize {
    match c {
        ' '..='~' => 1 + usize::from(special),
        _ if utf8 && !is_hidden(c) => c.len_utf8(),
        '\u{10_0000}'.. => LONGEST,
        '\u{1_0000}'.. => 9,
        _ => 8,
    }
}

/// Characters that are always escaped: they end lines, reorder text or are invisible.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// RFC 2045 §5.1: printable ASCII except space and tspecials.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

fn is_token_byte(b: u8) -> bool {
    b.is_ascii_graphic()
        && !matches!(
            b,
            b'(' | b')'
                | b'<'
                | b'>'
                | b'@'
                | b','
                | b';'
                | b':'
                | b'\\'
                | b'"'
                | b'/'
                | b'['
                | b']'
                | b'?'
                | b'='
        )
}

/// `[local-part] "@" domain-name`, with a dot-string of token characters as local part.
fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    (local.is_empty() || local.split('.').all(is_token)) && is_domain(domain)
}

/// `domain-name` of RFC 6376 §3.5: sub-domains of RFC 5321 §4.1.2, at least two.
fn is_domain(text: &str) -> bool {
    text.contains('.') && text.split('.').all(is_sub_domain)
}

fn is_sub_domain(label: &str) -> bool {
    label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
        && !label.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(f: impl Fn(&mut Folder, &str, bool), text: &[u8]) -> String {
        let mut out = Folder::unfolded(0);
        f(&mut out, &readable(text), false);
        out.finish()
    }

    #[test]
    fn values_are_bare_when_the_grammar_lets_them() {
        for bare in [
            "example.org",
            "_x.example",
            "rsa-sha256",
            "@example.org",
            "a.b+c@example.org",
            "oINEO8hg",
            "2",
            "a'b",
        ] {
            assert_eq!(write(pvalue, bare.as_bytes()), bare);
        }
        for quoted in [
            "",
            "a b",
            "a;b",
            "a/b",
            "a=b@example.org",
            "a@b",
            "a@b@example.org",
            "2001:db8::1",
            ".a@example.org",
            "a@-x.example",
            "@a..example",
            "<>",
        ] {
            assert_eq!(write(pvalue, quoted.as_bytes()), format!("\"{quoted}\""));
        }
        // Only a pvalue may be an address (RFC 8601 §2.2).
        assert_eq!(write(value, b"@example.org"), "\"@example.org\"");
    }

    #[test]
    fn specials_are_escaped() {
        assert_eq!(write(quoted, br#"a"b\c(d)"#), r#""a\"b\\c(d)""#);
        assert_eq!(write(comment, br#"a"b\c(d); e=f"#), r#"(a"b\\c\(d\); e=f)"#);
        assert_eq!(
            write(pvalue, b"a\r\nb\0\t\x7f\xff\xc3\xa9"),
            "\"a<U+000D><U+000A>b<U+0000><U+0009><U+007F><0xFF><U+00E9>\""
        );
        assert_eq!(write(pvalue, "\u{10FFFF}\u{1F600}".as_bytes()), "\"<U+10FFFF><U+1F600>\"");
    }

    #[test]
    fn what_hides_is_escaped_even_in_utf8() {
        let written = |c: char| {
            let mut out = Folder::unfolded(0);
            pvalue(&mut out, &format!("é{c}"), true);
            out.finish()
        };
        for hidden in [
            '\u{85}',
            '\u{AD}',
            '\u{61C}',
            '\u{180E}',
            '\u{200B}',
            '\u{200F}',
            '\u{2028}',
            '\u{202E}',
            '\u{2060}',
            '\u{206F}',
            '\u{FEFF}',
            '\u{FFF9}',
            '\u{FFFB}',
            '\u{E0000}',
            '\u{E007F}',
        ] {
            assert_eq!(written(hidden), format!("\"é<U+{:04X}>\"", u32::from(hidden)));
        }
        for seen in ['ß', '\u{2010}', '\u{2027}', '\u{2030}', '\u{FFFD}', '\u{1F600}'] {
            assert_eq!(written(seen), format!("\"é{seen}\""));
        }
    }

    #[test]
    fn long_values_are_cut() {
        let fitting = "a".repeat(MAX_WRITTEN);
        assert_eq!(write(pvalue, fitting.as_bytes()), fitting);
        let long = "a".repeat(MAX_WRITTEN + 1);
        assert_eq!(write(pvalue, long.as_bytes()), format!("\"{}...\"", "a".repeat(MAX_WRITTEN - 3)));
        for text in ["\"".repeat(1_000), "\u{1}".repeat(1_000), "\u{10FFFF}".repeat(1_000), "é".repeat(1_000)]
        {
            let written = write(quoted, text.as_bytes());
            assert!(
                written.len() <= MAX_WRITTEN + 2 && written.len() > MAX_WRITTEN - 10,
                "{}",
                written.len()
            );
            assert!(written.ends_with("...\""));
        }
    }

    #[test]
    fn a_value_that_just_fits_is_not_cut() {
        let quotes = "\"".repeat(MAX_WRITTEN / 2);
        assert_eq!(write(quoted, quotes.as_bytes()).len(), MAX_WRITTEN + 2);
        assert!(!write(quoted, quotes.as_bytes()).contains("..."));
    }
}
