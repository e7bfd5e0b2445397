//! Comparing authserv-ids (RFC 8601 §2.5), including internationalized ones.
//!
//! This is written by hand instead of using an IDNA crate: whom a field names must not depend on a feature, this crate
//! needs no DNS, and the result is never looked up. §5 requires U-labels, so A-labels are decoded (Punycode, RFC 3492)
//! and letters are folded by Unicode's case. Other mappings of UTS #46 to one of our names are covered by a loose
//! comparison: see [`loose`].

/// The id in the form that is compared to decide whom to trust: U-labels in lower case.
///
/// RFC 8601 §5: "In the case of EAI-formatted messages, this test is done after converting A-labels into U-labels."
pub(crate) fn comparable(id: &str) -> String {
    let labels = id.split('.').map(|label| match decoded(label) {
        Some(unicode) if !unicode.is_ascii() => unicode.to_lowercase(),
        _ => label.to_lowercase(),
    });
    labels.collect::<Vec<_>>().join(".")
}

/// The text in the form in which forged names are searched: besides [`comparable`], invisible characters are dropped,
/// full-width letters and other dots become ASCII, and letters that differ only in lower case (`ſ`, `ς`) are the same.
/// Control characters are dropped, or separate words.
pub(crate) fn loose(text: &[u8], keep_controls: bool) -> String {
    let (mut loose, mut label) = (String::with_capacity(text.len()), String::new());
    for c in characters(text) {
        match plain_character(c) {
            c if c.is_control() && c != '\t' => {
                if keep_controls {
                    end_label(&mut loose, &mut label);
                    loose.push(' ');
                }
            }
            c if is_invisible(c) => {}
            c if c == '-' || c == '_' || c.is_ascii_alphanumeric() || !c.is_ascii() => label.push(c),
            c => {
                end_label(&mut loose, &mut label);
                loose.push(c);
            }
        }
    }
    end_label(&mut loose, &mut label);
    loose
}

/// Whether the text has characters with several equivalent spellings (RFC 5198 §3): combining ones, and the parts of
/// Hangul. Normalizing them would take tables.
pub(crate) fn combines(text: &[u8]) -> bool {
    characters(text).any(|c| {
        matches!(c, '\u{300}'..='\u{36f}' | '\u{1100}'..='\u{11ff}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
            | '\u{20d0}'..='\u{20ff}' | '\u{3099}'..='\u{309a}' | '\u{fe20}'..='\u{fe2f}')
    })
}

fn end_label(text: &mut String, label: &mut String) {
    if label.is_ascii() && !label.starts_with(['x', 'X']) {
        label.make_ascii_lowercase();
        text.push_str(label);
        return label.clear();
    }
    let unicode = decoded(label);
    let upper = unicode.as_deref().unwrap_or(label).chars().flat_map(char::to_uppercase);
    text.extend(upper.flat_map(char::to_lowercase));
    label.clear();
}

/// The characters of UTF-8; invalid bytes are read as Latin-1.
fn characters(text: &[u8]) -> impl Iterator<Item = char> {
    text.utf8_chunks()
        .flat_map(|chunk| chunk.valid().chars().chain(chunk.invalid().iter().map(|b| char::from(*b))))
}

fn plain_character(c: char) -> char {
    match c {
        '\u{3002}' | '\u{ff0e}' | '\u{ff61}' => '.',
        '\u{ff01}'..='\u{ff5e}' => u32::from(c).checked_sub(0xfee0).and_then(char::from_u32).unwrap_or(c),
        _ => c,
    }
}

/// Blanks outside ASCII, and characters without width.
fn is_invisible(c: char) -> bool {
    let ignorable = matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    ignorable || c.is_whitespace() && !c.is_ascii()
}

/// The U-label of an A-label; `None` when it is not one, or longer than a DNS label.
fn decoded(label: &str) -> Option<String> {
    let label = label.to_ascii_lowercase();
    let encoded = label.strip_prefix("xn--").filter(|_| label.len() <= 63)?;
    punycode(encoded)
}

/// Decodes Punycode (RFC 3492 §6.2) with the parameters of §5.
fn punycode(encoded: &str) -> Option<String> {
    const BASE: u32 = 36;
    let (basic, extended) = encoded.rsplit_once('-').unwrap_or(("", encoded));
    let mut output: Vec<char> = basic.chars().collect();
    let (mut code, mut index, mut bias) = (128_u32, 0_u32, 72_u32);
    let mut digits = extended.bytes();
    while digits.len() > 0 {
        let (before, mut weight, mut at) = (index, 1_u32, BASE);
        loop {
            let digit = match digits.next()? {
                b @ b'a'..=b'z' => u32::from(b - b'a'),
                b @ b'0'..=b'9' => u32::from(b - b'0') + 26,
                _ => return None,
            };
            index = index.checked_add(digit.checked_mul(weight)?)?;
            let threshold = at.saturating_sub(bias).clamp(1, 26);
            if digit < threshold {
                break;
            }
            weight = weight.checked_mul(BASE - threshold)?;
            at += BASE;
        }
        let length = u32::try_from(output.len()).ok()?.checked_add(1)?;
        bias = adapted(index - before, length, before == 0);
        code = code.checked_add(index / length)?;
        index %= length;
        output.insert(usize::try_from(index).ok()?, char::from_u32(code)?);
        index += 1;
    }
    Some(output.into_iter().collect())
}

/// RFC 3492 §6.1.
fn adapted(delta: u32, length: u32, first: bool) -> u32 {
    let mut delta = delta / if first { 700 } else { 2 };
    delta += delta / length;
    let mut at = 0;
    while delta > 455 {
        delta /= 35;
        at += 36;
    }
    at + 36 * delta / (delta + 38)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of RFC 3492 §7.1 and of the test top-level domains of IANA.
    #[test]
    fn a_labels_are_decoded() {
        for (encoded, unicode) in [
            ("bcher-kva", "bücher"),
            ("egbpdaj6bu4bxfgehfvwxn", "ليهمابتكلموشعربي؟"),
            ("ihqwcrb4cv8a8dqg056pqjye", "他们为什么不说中文"),
            ("n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa", "なぜみんな日本語を話してくれないのか"),
            ("b1abfaaepdrnnbgefbadotcwatmq2g4l", "почемужеонинеговорятпорусски"),
            ("MajiKoi5-783gue6qz075azm5e", "MajiでKoiする5秒前"),
            ("-", ""),
            ("a-", "a"),
        ] {
            assert_eq!(punycode(encoded).as_deref(), Some(unicode), "{encoded}");
        }
        for bad in ["bcher-kv!", "bcher-99999999", "99999999", "a-b\u{fc}"] {
            assert_eq!(punycode(bad), None, "{bad}");
        }
    }

    /// RFC 3492 §6.1, at the bound of its loop: ((base - tmin) * tmax) / 2 = 455 is not divided.
    #[test]
    fn the_bias_is_adapted() {
        assert_eq!(adapted(910, 1_000, false), 36 * 455 / (455 + 38));
        assert_eq!(adapted(912, 1_000, false), 36 + 36 * 13 / (13 + 38));
    }

    #[test]
    fn both_forms_in_any_letter_case_compare_equal() {
        let want = "bücher.example";
        for id in ["xn--bcher-kva.example", "XN--BCHER-KVA.Example", "BÜCHER.example", "Bücher.EXAMPLE"] {
            assert_eq!(comparable(id), want, "{id}");
            assert_eq!(loose(id.as_bytes(), true), want, "{id}");
        }
        // An A-label of ASCII alone is none, and whom it names depends on the reader.
        assert_eq!(comparable("xn--mx-.example"), "xn--mx-.example");
        assert_eq!(loose(b"xn--mx-.example", true), "mx.example");
        assert_eq!(comparable("xn--99999999.example"), "xn--99999999.example");
    }

    #[test]
    fn what_is_not_seen_makes_no_difference_to_the_search() {
        let seen = |text: &[u8]| loose(text, false);
        assert_eq!(seen("mx\u{200b}.exam\u{ad}ple\u{3002}net\u{a0}".as_bytes()), "mx.example.net");
        assert_eq!(seen("ＭＸ．ｅxample.net".as_bytes()), "mx.example.net");
        assert_eq!(seen(b"b\xfccher.example\xa0"), "bücher.example");
        assert_eq!(seen("mx.te\u{17f}t".as_bytes()), "mx.test");
        assert_eq!((loose(b"a\0b", false), loose(b"a\0b", true)), ("ab".into(), "a b".into()));
        assert!(combines("bu\u{308}cher".as_bytes()) && !combines("bücher".as_bytes()));
    }
}
