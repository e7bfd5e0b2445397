use super::{Address, AddressFault as A, lexer::Lexer};
use proptest::prelude::*;

#[test]
fn paths_of_smtp() {
    for (path, domain) in [
        ("<joe@example.org>", Some("example.org")),
        ("joe@example.org", Some("example.org")),
        ("<@a.example,@b.example:joe@example.org>", Some("example.org")),
        ("<\"joe doe\"@example.org>", Some("example.org")),
        ("<joe@[192.0.2.1]>", Some("[192.0.2.1]")),
        // Nobody decodes a path for display.
        ("<joe=?utf-8?q?x?=@example.org>", Some("example.org")),
        ("<j\u{f6}rg@b\u{fc}cher.example>", Some("b\u{fc}cher.example")),
        ("<>", None),
        ("", None),
    ] {
        let address = Address::parse_path(path.as_bytes()).unwrap();
        assert_eq!(address.as_ref().map(Address::domain), domain, "{path}");
        assert_eq!(address.is_some_and(|address| address.is_literal()), path.contains('['));
    }
    for (path, error) in [
        ("joe", A::NoDomain { offset: 0 }),
        ("<joe@>", A::NoDomain { offset: 1 }),
        ("<joe@example.org", A::Syntax { offset: 0 }),
        ("<joe @example.org>", A::BlankInside { offset: 5 }),
        ("<joe@example.org >", A::Syntax { offset: 17 }),
        ("joe@example.org(.evil.example)", A::Syntax { offset: 30 }),
        ("joe@example.org(.evil.example", A::Comment { offset: 15 }),
        ("joe@)example.org", A::Comment { offset: 4 }),
        ("=?utf-8?q?joe?=", A::EncodedWord { offset: 0 }),
        ("=?joe", A::NoDomain { offset: 0 }),
        ("joe?=", A::NoDomain { offset: 0 }),
        ("<joe@[192.0.\t2.1]>", A::Syntax { offset: 5 }),
        ("<joe@[192.0.2.1 ]>", A::Syntax { offset: 5 }),
        ("<@a.example>", A::Route { offset: 1 }),
        ("joe@example.org\r\nX: y", A::Control { octet: b'\n', offset: 16 }),
        ("joe@legit.example\0.evil.example", A::Control { octet: 0, offset: 17 }),
    ] {
        assert_eq!(Address::parse_path(path.as_bytes()), Err(error.into()), "{path}");
    }
    let address = Address::parse_path(b"a\xff@example.org").unwrap().unwrap();
    assert_eq!(address.to_string(), "a\u{fffd}@example.org");
    assert_eq!(address.local_part(), b"a\xff");
}

proptest! {
    #[test]
    fn any_octets_are_a_path_or_an_error(path in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(Some(address)) = Address::parse_path(&path) {
            prop_assert!(!address.domain().is_empty());
        }
    }
}

/// RFC 5322 §3.2.1: a quoted-pair in a comment or quoted string ends neither.
#[test]
fn quoted_pairs_and_nested_comments() {
    let tokens = |text: &str| {
        let mut lexer = Lexer::new(text.as_bytes(), 0);
        let mut found = Vec::new();
        while let Some(token) = lexer.next()? {
            found.push(String::from_utf8_lossy(token.text).into_owned());
        }
        Ok::<_, A>(found)
    };
    assert_eq!(tokens(r"(a\)b\(c) x"), Ok(vec!["x".to_owned()]));
    assert_eq!(tokens(r#""a\"b" x"#), Ok(vec![r#""a\"b""#.to_owned(), "x".to_owned()]));
    let nested = |depth: usize| format!("{}{}x", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(tokens(&nested(16)), Ok(vec!["x".to_owned()]));
    assert_eq!(tokens(&nested(17)), Err(A::Comment { offset: 0 }));
}
