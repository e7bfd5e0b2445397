//! No value may leave its place: arbitrary and hostile values against a small reader of RFC 8601 §2.2 that
//! shares no code with the crate.

use proptest::prelude::*;
use reader::{Read, read, unfold};
use waxseal_authres::{AuthenticationResults, DkimResult, Entry, Ptype, SpfResult};

/// The independent reader.
#[cfg(test)]
mod reader {
    /// What the reader finds in one entry.
    #[derive(Debug, Default, PartialEq)]
    pub(super) struct Read {
        pub(super) method: String,
        pub(super) result: String,
        pub(super) reason: Option<String>,
        pub(super) comment: Option<String>,
        pub(super) properties: Vec<(String, String)>,
    }

    #[derive(Debug, Clone, PartialEq)]
    enum Token {
        /// Text outside quotes and comments, with the value of quoted strings joined in.
        Word {
            text: String,
            quoted: bool,
        },
        Comment(String),
        Semicolon,
    }

    /// Checks the lines of a field and removes the folding.
    pub(super) fn unfold(field: &str) -> String {
        let lines = field.strip_suffix("\r\n").expect("the field ends in CRLF");
        assert!(!field.contains('\0'));
        for (i, line) in lines.split("\r\n").enumerate() {
            assert!(!line.contains(['\r', '\n']), "bare CR or LF in {line:?}");
            assert!(line.len() <= 998, "line of {} octets", line.len());
            assert!(!line.trim_matches([' ', '\t']).is_empty(), "blank line in {field:?}");
            assert_eq!(i > 0, line.starts_with([' ', '\t']), "continuation of {field:?}");
            let (text, words) = (line.trim_end(), line.split_ascii_whitespace().count());
            assert!(text.len() <= 78 || words == 1, "a foldable line of {}: {line:?}", text.len());
        }
        lines.replace("\r\n", "")
    }

    fn tokens(body: &str) -> Vec<Token> {
        let mut found = Vec::new();
        let mut chars = body.chars();
        let mut word: Option<(String, bool)> = None;
        while let Some(c) = chars.next() {
            if matches!(c, ' ' | '\t' | ';' | '(') {
                found.extend(word.take().map(|(text, quoted)| Token::Word { text, quoted }));
            }
            match c {
                ' ' | '\t' => {}
                ';' => found.push(Token::Semicolon),
                '(' => found.push(Token::Comment(delimited(&mut chars, ')'))),
                '"' => {
                    let (text, quoted) = word.get_or_insert_default();
                    text.push_str(&delimited(&mut chars, '"'));
                    *quoted = true;
                }
                ')' | '\\' => panic!("{c} outside a comment or quoted string in {body:?}"),
                _ => {
                    let (text, quoted) = word.get_or_insert_default();
                    assert!(!*quoted, "text right behind a quoted string in {body:?}");
                    text.push(c);
                }
            }
        }
        found.extend(word.map(|(text, quoted)| Token::Word { text, quoted }));
        found
    }

    fn delimited(chars: &mut std::str::Chars<'_>, end: char) -> String {
        let mut text = String::new();
        loop {
            match chars.next().expect("a closing delimiter") {
                '\\' => text.push(chars.next().expect("a quoted pair")),
                c if c == end => return text,
                '(' if end == ')' => panic!("a nested comment"),
                c => text.push(c),
            }
        }
    }

    /// Reads a whole field back: the authserv-id and the entries.
    pub(super) fn read(field: &str) -> (String, Vec<Read>) {
        let unfolded = unfold(field);
        let body = unfolded.strip_prefix("Authentication-Results:").expect("the field name");
        let all = tokens(body);
        let mut parts = all.split(|token| *token == Token::Semicolon);
        let id = match parts.next().expect("an authserv-id") {
            [Token::Word { text, .. }] => text.clone(),
            other => panic!("authserv-id {other:?}"),
        };
        (id, parts.map(read_entry).collect())
    }

    fn read_entry(tokens: &[Token]) -> Read {
        let mut entry = Read::default();
        for (i, token) in tokens.iter().enumerate() {
            match token {
                Token::Comment(text) => {
                    assert!(entry.comment.replace(text.clone()).is_none(), "two comments");
                }
                Token::Word { text, quoted } => {
                    let Some((name, value)) = text.split_once('=') else {
                        assert_eq!((i, text.as_str(), *quoted), (0, "none", false));
                        continue;
                    };
                    let is_keyword =
                        |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
                    match name.split_once('.') {
                        Some((ptype, property)) => {
                            assert!(is_keyword(ptype) && is_keyword(property), "{name:?}");
                            entry.properties.push((name.to_owned(), value.to_owned()));
                        }
                        None if i == 0 => {
                            assert!(is_keyword(name) && is_keyword(value), "{text:?}");
                            (entry.method, entry.result) = (name.to_owned(), value.to_owned());
                        }
                        None => {
                            assert_eq!(name, "reason");
                            assert!(entry.reason.replace(value.to_owned()).is_none(), "two reasons");
                        }
                    }
                }
                Token::Semicolon => unreachable!(),
            }
        }
        entry
    }
}

/// Text made of what could do harm: delimiters, blanks, line ends, other entries.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"\r\nX-Evil: 1\r\n\r\n".to_vec()),
        Just(b"; dkim=pass header.d=victim.example".to_vec()),
        Just(b"  ".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\\".to_vec()),
        Just(b"(".to_vec()),
        Just(b")".to_vec()),
        Just("é\u{202e}\u{0}\u{10ffff}".as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 0..40),
        proptest::collection::vec(32_u8..127, 0..120),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn nothing_leaves_its_place(id in hostile(), reason in hostile(), comment in hostile(), values in proptest::collection::vec(hostile(), 0..5), method in hostile(), utf8: bool) {
        let name = String::from_utf8_lossy(&method).into_owned();
        let mut entry = Entry::new(name.clone(), name.clone()).with_reason(&reason).with_comment(&comment);
        for value in &values {
            entry = entry.with_property(name.clone(), name.clone(), value);
        }
        let results = AuthenticationResults::new(&id).with_utf8(utf8).with_entry(entry).with_entry(Entry::spf(SpfResult::Fail));
        let field = results.to_field();
        prop_assert!(utf8 || field.is_ascii());
        prop_assert!(!field.contains("victim.example") || !field.contains("\r\ndkim"));
        let (id, entries) = read(&field);
        prop_assert!(id.len() <= 400);
        prop_assert_eq!(entries.len(), 2);
        prop_assert_eq!(entries[0].properties.len(), values.len());
        prop_assert!(entries[0].reason.is_some() && entries[0].comment.is_some());
        prop_assert_eq!(&entries[1], &Read { method: "spf".into(), result: "fail".into(), ..Read::default() });
        for (_, value) in &entries[0].properties {
            prop_assert!(value.len() <= 400);
            prop_assert!(!value.chars().any(char::is_control));
        }
    }

    #[test]
    fn printable_values_come_back(id in "[ -~]{0,190}", reason in "[ -~]{0,190}", comment in "[ -~]{0,190}", values in proptest::collection::vec("[ -~]{0,190}", 0..5)) {
        let mut entry = Entry::dkim(DkimResult::Pass).with_reason(&reason).with_comment(&comment);
        for value in &values {
            entry = entry.with_property(Ptype::Header, "d", value);
        }
        let (read_id, entries) = read(&AuthenticationResults::new(&id).with_entry(entry).to_field());
        prop_assert_eq!(read_id, id);
        let properties = values.into_iter().map(|value| ("header.d".to_owned(), value)).collect();
        let want = Read { method: "dkim".into(), result: "pass".into(), reason: Some(reason), comment: Some(comment), properties };
        prop_assert_eq!(entries, vec![want]);
    }

    #[test]
    fn utf8_values_come_back(value in "[ -~à-ÿА-я一-龥]{0,90}") {
        let entry = Entry::spf(SpfResult::Pass).with_comment(&value).with_property(Ptype::Smtp, "mailfrom", &value);
        let (_, entries) = read(&AuthenticationResults::new("mx.example.net").with_utf8(true).with_entry(entry).to_field());
        prop_assert_eq!(entries[0].comment.as_ref(), Some(&value));
        prop_assert_eq!(&entries[0].properties[0].1, &value);
    }

    #[test]
    fn one_line_and_folded_form_say_the_same(reason in "[ -~]{0,190}", values in proptest::collection::vec(hostile(), 1..4)) {
        let mut results = AuthenticationResults::new("mx.example.net");
        for value in &values {
            results = results.with_entry(Entry::dkim(DkimResult::Fail).with_reason(&reason).with_property(Ptype::Header, "d", value));
        }
        let line = results.to_string();
        prop_assert!(!line.contains(['\r', '\n']));
        prop_assert_eq!(unfold(&results.to_field()).replace('\t', " "), format!("Authentication-Results: {line}"));
    }
}

fn one_value(value: impl AsRef<[u8]>) -> (String, Read) {
    let entry = Entry::spf(SpfResult::Pass).with_property(Ptype::Smtp, "mailfrom", value);
    let field = AuthenticationResults::new("mx.example.net").with_entry(entry).to_field();
    let (_, mut entries) = read(&field);
    assert_eq!(entries.len(), 1);
    (field, entries.remove(0))
}

/// mail-auth 0.9.1: header injection through CRLF in HELO, MAIL FROM and `d=`.
#[test]
fn mail_auth_0_9_1_header_injection() {
    let evil = "a@example.org\r\nAuthentication-Results: mx.example.net; dkim=pass header.d=bank.example";
    for (entry, property) in [
        (Entry::spf(SpfResult::Pass).with_property(Ptype::Smtp, "helo", evil), "smtp.helo"),
        (Entry::spf(SpfResult::Pass).with_property(Ptype::Smtp, "mailfrom", evil), "smtp.mailfrom"),
        (Entry::dkim(DkimResult::Fail).with_property(Ptype::Header, "d", evil), "header.d"),
    ] {
        let field = AuthenticationResults::new("mx.example.net").with_entry(entry).to_field();
        assert_eq!(field.to_ascii_lowercase().matches("\r\nauthentication-results").count(), 0);
        let (_, entries) = read(&field);
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].properties[0].0, property);
        assert!(
            entries[0].properties[0].1.starts_with("a@example.org<U+000D><U+000A>Authentication-Results:")
        );
    }
}

/// The same through the texts that the receiver writes about the sender's data.
#[test]
fn mail_auth_0_9_1_injection_through_reason_comment_and_authserv_id() {
    let evil = "x\r\n\r\n; dkim=pass (\") header.d=bank.example\\";
    let entry = Entry::dkim(DkimResult::Fail).with_reason(evil).with_comment(evil);
    let (id, entries) = read(&AuthenticationResults::new(evil).with_entry(entry).to_field());
    let shown = "x<U+000D><U+000A><U+000D><U+000A>; dkim=pass (\") header.d=bank.example\\";
    assert_eq!(id, shown);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].reason.as_deref(), Some(shown));
    assert_eq!(entries[0].comment.as_deref(), Some(shown));
}

/// CVE-2020-12272: `d=legit.example(.attacker.example` must not read as `legit.example` with a comment.
#[test]
fn cve_2020_12272_parenthesis_in_a_domain() {
    for value in [
        "legit.example(.attacker.example",
        "legit.example).attacker.example",
        "legit.example'.attacker.example",
        "legit.example\".attacker.example",
        "legit.example\\",
        "legit.example; dmarc=pass",
        "any@legit.example(.attacker.example",
    ] {
        let (field, entry) = one_value(value);
        assert_eq!(entry.properties, [("smtp.mailfrom".to_owned(), value.to_owned())]);
        // An apostrophe is a token character; everything else here has to be quoted.
        assert_eq!(field.contains("mailfrom=\""), !value.contains('\''), "{field}");
    }
    let (_, entry) = one_value("legit.example\0.attacker.example");
    assert_eq!(entry.properties[0].1, "legit.example<U+0000>.attacker.example");
}

/// A cut value never looks like a domain name that is not the sender's.
#[test]
fn a_cut_domain_is_no_domain() {
    let long = format!("bank.example.{}attacker.example", "a.".repeat(5_000));
    let (field, entry) = one_value(&long);
    let value = &entry.properties[0].1;
    assert!(value.starts_with("bank.example.a.") && value.ends_with("..."), "{value}");
    assert_eq!(value.len(), 400);
    assert!(field.len() < 500);
}

#[test]
fn equals_and_semicolon_may_stand_in_comments() {
    let entry = Entry::dkim(DkimResult::Pass).with_comment("2048-bit key; x=y; dkim=fail");
    let field = AuthenticationResults::new("mx.example.net").with_entry(entry).to_field();
    assert!(field.contains("(2048-bit key; x=y; dkim=fail)"));
    assert_eq!(read(&field).1[0].comment.as_deref(), Some("2048-bit key; x=y; dkim=fail"));
}

#[test]
fn no_entries_read_as_none() {
    assert_eq!(
        AuthenticationResults::new("mx.example.net").to_field(),
        "Authentication-Results: mx.example.net; none\r\n"
    );
}
