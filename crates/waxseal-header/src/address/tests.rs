use super::{Address, Authors, InvalidAddress as A, InvalidFrom as F};
use crate::Header;
use proptest::prelude::*;
use std::time::{Duration, Instant};

fn domains(value: &str) -> Vec<String> {
    Authors::parse(value.as_bytes()).unwrap_or_else(|e| panic!("{value:?}: {e}")).domains().collect()
}

fn refused(value: impl AsRef<[u8]>) -> F {
    let error = Authors::parse(value.as_ref()).unwrap_err();
    let text = error.to_string();
    assert!(text.bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'"'), "{text}");
    error
}

fn of_message(message: &[u8]) -> Result<Vec<String>, F> {
    let (header, _) = Header::parse(message).unwrap();
    Authors::from_header(&header).map(|authors| authors.domains().collect())
}

#[test]
fn what_mail_looks_like() {
    for value in [
        "joe@example.org",
        " joe@Example.ORG ",
        "<joe@example.org>",
        "< joe@example.org\r\n >",
        "Joe <joe@example.org>",
        "Joe Q. Public<joe@example.org>",
        "\"Joe, ceo@bank.example\" <joe@example.org>",
        "\"a\\\"b@bank.example\" <joe@example.org>",
        "(ceo@bank.example) joe@example.org",
        "joe@example.org (Joe (nested \\) comment))",
        "Joe (x)\r\n\t<joe@example.org> (y)",
        "\"joe doe\"@example.org",
        "a..b.@example.org",
        "=?utf-8?q?Joe?= <joe@example.org>",
        "=?utf-8?b?Y2VvQGJhbmsuZXhhbXBsZQ==?= <joe@example.org>",
        "=?utf-8?q?ceo@bank.example?= <joe@example.org>",
        "J\u{f6}rg <j\u{f6}rg@example.org>",
        "joe@example.org.",
        "joe@example.org, ann@EXAMPLE.org",
        ",joe@example.org,,",
        "joe@example.org <joe@example.org>",
        "Joe @ Example <joe@example.org>",
        "Joe @Example <joe@example.org>",
        "Joe@ <joe@example.org>",
    ] {
        assert_eq!(domains(value), ["example.org"], "{value:?}");
    }
    assert_eq!(Authors::parse(b"J\xf6rg <joe@example.org>").unwrap().addresses().len(), 1);
    assert_eq!(domains("j@b\u{fc}cher.example"), ["b\u{fc}cher.example"]);
    assert_eq!(domains("joe@localhost"), ["localhost"]);
    assert_eq!(domains("a@b.example, c@d.example,e@b.example"), ["b.example", "d.example"]);
}

/// "Composition Kills": readers of mail and checkers of mail take different words for the address.
#[test]
fn an_at_sign_in_a_display_name_is_one_more_author() {
    assert_eq!(domains("ceo@bank.example <u@evil.example>"), ["bank.example", "evil.example"]);
    assert_eq!(domains("From ceo@bank.example now <u@evil.example>"), ["bank.example", "evil.example"]);
}

#[test]
fn every_odd_shape_has_a_name() {
    for (value, error) in [
        ("", F::NoAddress),
        (" ", F::NoAddress),
        ("(ceo@bank.example)", F::NoAddress),
        (",", F::NoAddress),
        ("<>", F::NoAddress),
        ("Joe <>", F::NoAddress),
        ("< >", F::NoAddress),
        ("undisclosed:;", F::EmptyGroup),
        ("a b: (c) ;", F::EmptyGroup),
        ("team: a@b.example;", F::Group),
        ("Mail From:<joe@joe.example>", F::Group),
        ("team: a@b.example", F::Group),
        ("ceo@bank.example:a@b.example", F::Address(A::Syntax { offset: 16 })),
        (":a@b.example", F::Address(A::Syntax { offset: 0 })),
        ("a, b@c.example", F::Address(A::NoDomain { offset: 0 })),
        ("joe", F::Address(A::NoDomain { offset: 0 })),
        ("joe@", F::Address(A::NoDomain { offset: 0 })),
        ("@example.org", F::Address(A::Syntax { offset: 0 })),
        ("<joe>", F::Address(A::NoDomain { offset: 1 })),
        ("<joe@>", F::Address(A::NoDomain { offset: 1 })),
        ("<@a.example,@b.example:u@c.example>", F::Address(A::Route { offset: 1 })),
        ("Joe <@a.example:u@c.example>", F::Address(A::Route { offset: 5 })),
        ("<,@a.example:u@c.example>", F::Address(A::Route { offset: 1 })),
        ("=?utf-8?q?ceo=40bank.example?=", F::Address(A::EncodedWord { offset: 0 })),
        ("=?utf-8?q?ceo@bank.example?=", F::Address(A::EncodedWord { offset: 0 })),
        ("=?utf-8?q?ceo@bank.example?=.", F::Address(A::EncodedWord { offset: 0 })),
        ("<=?utf-8?q?ceo@bank.example?=>", F::Address(A::EncodedWord { offset: 1 })),
        ("<=?utf-8?q?ceo?=@bank.example>", F::Address(A::EncodedWord { offset: 1 })),
        ("<=?utf-8?q?ceo=40bank.example?=>", F::Address(A::EncodedWord { offset: 1 })),
        ("u=?utf-8?q?=3Cceo=40bank.example=3E?=@evil.example", F::Address(A::EncodedWord { offset: 0 })),
        ("<u.=?utf-8?b?PGNlb0BiYW5rLmV4YW1wbGU+?=u@evil.example>", F::Address(A::EncodedWord { offset: 1 })),
        ("\"=?utf-8?q?=22?= <ceo@bank.example>\"@evil.example", F::Address(A::EncodedWord { offset: 0 })),
        ("ceo@bank.example(.evil.example", F::Address(A::Comment { offset: 16 })),
        ("<ceo@bank.example(.evil.example)>", F::Address(A::CommentInside { offset: 32 })),
        ("<(x)ceo@bank.example>", F::Address(A::CommentInside { offset: 4 })),
        ("<ceo(x)@bank.example>", F::Address(A::CommentInside { offset: 7 })),
        ("<ceo@(x)bank.example>", F::Address(A::CommentInside { offset: 8 })),
        ("ceo@(evil.example)bank.example", F::Address(A::CommentInside { offset: 18 })),
        ("ceo(x)@bank.example", F::Address(A::CommentInside { offset: 7 })),
        ("ceo @bank.example", F::Address(A::BlankInside { offset: 5 })),
        ("<ceo@\r\n bank.example>", F::Address(A::BlankInside { offset: 8 })),
        ("ceo@bank.example .evil.example", F::Address(A::Syntax { offset: 0 })),
        ("<ceo@bank.example .evil.example>", F::Address(A::Syntax { offset: 18 })),
        ("ceo@bank.example(.evil.example).evil.example", F::Address(A::Syntax { offset: 0 })),
        ("a@b.example c@d.example", F::Address(A::Syntax { offset: 0 })),
        ("a@b.example@c.example", F::Address(A::Syntax { offset: 11 })),
        ("<a@b.example@c.example>", F::Address(A::Syntax { offset: 12 })),
        ("<a@b.example>c@d.example", F::Address(A::Syntax { offset: 13 })),
        ("<a@b.example><c@d.example>", F::Address(A::Syntax { offset: 13 })),
        ("<<<><joe@joe.example>>>", F::Address(A::Syntax { offset: 1 })),
        ("<a@b.example", F::Address(A::Syntax { offset: 12 })),
        ("a@b.example>", F::Address(A::Syntax { offset: 11 })),
        ("a@b.example; c@d.example", F::Address(A::Syntax { offset: 11 })),
        ("\"x\" joe@example.org", F::Address(A::Syntax { offset: 0 })),
        ("a@b.example\"c\"", F::Address(A::Syntax { offset: 11 })),
        ("a@b..example", F::Address(A::Syntax { offset: 2 })),
        ("a@.example", F::Address(A::Syntax { offset: 2 })),
        ("a@.", F::Address(A::Syntax { offset: 2 })),
        ("a@b\\.example", F::Address(A::Syntax { offset: 3 })),
        ("\"Joe <joe@example.org>", F::Address(A::QuotedString { offset: 0 })),
        ("Joe) <joe@example.org>", F::Address(A::Comment { offset: 3 })),
        ("a@[192.0.2.1]", F::Address(A::Literal { offset: 2 })),
        ("<a@[IPv6:2001:db8::1]>", F::Address(A::Literal { offset: 1 })),
        ("<a@[192.0.2.1>", F::Address(A::Syntax { offset: 3 })),
        ("a@bank\u{3002}example", F::Address(A::UnicodeDot { dot: '\u{3002}', offset: 2 })),
        ("<a@bank\u{ff0e}example>", F::Address(A::UnicodeDot { dot: '\u{ff0e}', offset: 3 })),
        ("a@bank.example\u{ff61}evil.example", F::Address(A::UnicodeDot { dot: '\u{ff61}', offset: 2 })),
        ("a@b.example\0", F::Address(A::Control { octet: 0, offset: 11 })),
        ("a@b\0.example", F::Address(A::Control { octet: 0, offset: 3 })),
        ("a@b.example\rFrom: x", F::Address(A::Control { octet: b'\r', offset: 11 })),
        ("a@b.example\u{7f}", F::Address(A::Control { octet: 0x7f, offset: 11 })),
    ] {
        assert_eq!(refused(value), error, "{value:?}");
    }
    assert_eq!(refused(b"a@b\xff.example"), F::Address(A::NotUtf8 { offset: 2 }));
}

#[test]
fn fields_that_only_some_readers_see() {
    assert_eq!(of_message(b"Subject: x\r\n\r\n"), Err(F::Missing));
    for two in [
        &b"From: a@b.example\r\nFrom: c@d.example\r\n\r\n"[..],
        b"From: a@b.example\r\nSubject: x\r\nfRoM: a@b.example\r\n\r\n",
        b"From : a@b.example\r\nFrom: c@d.example\r\n\r\n",
        b"From:\r\nFrom: c@d.example\r\n\r\n",
    ] {
        assert_eq!(of_message(two), Err(F::SeveralFields { count: 2 }));
    }
    for blank in [&b"From : a@b.example\r\n\r\n"[..], b"From\t: a@b.example\r\n\r\n"] {
        assert_eq!(of_message(blank), Err(F::BlankBeforeColon));
    }
    for odd in [
        &b" From: a@b.example\r\nFrom: c@d.example\r\n\r\n"[..],
        b"From\r\n : a@b.example\r\nFrom: c@d.example\r\n\r\n",
        b"From\0: a@b.example\r\nFrom: c@d.example\r\n\r\n",
        b"\0From: a@b.example\r\nFrom: c@d.example\r\n\r\n",
        b"Fr\0om: a@b.example\r\nFrom: c@d.example\r\n\r\n",
        b"From\xa0: a@b.example\r\n\r\n",
        b"\xef\xbb\xbfFrom: a@b.example\r\n\r\n",
    ] {
        assert_eq!(of_message(odd), Err(F::MalformedField), "{}", odd.escape_ascii());
    }
    let mailbox_file = b"From joe@example.com Sun Nov 22 10:00:00 2026\r\nFrom: a@b.example\r\n\r\n";
    assert_eq!(of_message(mailbox_file), Ok(vec!["b.example".to_owned()]));
    assert_eq!(of_message(b"From:\r\n a@b.example\r\n\r\n"), Ok(vec!["b.example".to_owned()]));
}

/// Python's `email` ends a line at a CR, and takes the first From field.
#[test]
fn a_bare_cr_hides_no_author() {
    for (message, offset) in [
        (&b"X: a\rFrom: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n"[..], 4),
        (b"From: u@evil.example\r\nX: a\rFrom: ceo@bank.example\r\n\r\n", 26),
        (b"From: u@evil.example\r\nX: a\r\r\r\0fROM : ceo@bank.example\r\n\r\n", 26),
        (b"From: u@evil.example\nX: a\rb\r From: ceo@bank.example\n\n", 27),
        (b"From: u@evil.example\r\nX: a\rFrom\r\n : ceo@bank.example\r\n\r\n", 26),
        // The end of the header, for such a reader, before it has seen an author.
        (b"X: a\r\rY: b\r\nFrom: u@evil.example\r\n\r\n", 4),
        (b"X: a\r\r\nFrom: u@evil.example\r\n\r\n", 4),
        (b"X: a\r\n\rY: b\r\nFrom: u@evil.example\r\n\r\n", 6),
        (b"X: a\n\rY: b\nFrom: u@evil.example\n\n", 5),
        (b"\rX: a\r\nFrom: u@evil.example\r\n\r\n", 0),
    ] {
        assert_eq!(of_message(message), Err(F::BareCr { offset }), "{}", message.escape_ascii());
    }
    for message in [
        // Every reader finds the same author.
        &b"X: a\rb\r\nFrom: u@evil.example\r\n\r\n"[..],
        b"X: a\rFromage: b\r\nFrom: u@evil.example\r\n\r\n",
        b"From: u@evil.example\r\nX: a\r\r\n\r\n",
        b"From: u@evil.example\r\nX: a\r\rb\r\n\r\n",
        b"From: u@evil.example\r\nX: a\r",
        // What stands in the body is no field for anyone.
        b"From: u@evil.example\r\n\r\nHi\rFrom: ceo@bank.example\r\n",
    ] {
        assert_eq!(of_message(message), Ok(vec!["evil.example".to_owned()]), "{}", message.escape_ascii());
    }
}

#[test]
fn many_bare_cr_take_linear_time() {
    // A quadratic search would take hours.
    let limits = crate::HeaderLimits::default().with_octets(1 << 21);
    for many in ["\r", "\r ", "f\r", "\rfro", "\rfrom", "\r\0"] {
        let message = format!("From: a@b.example\r\nX: {}", many.repeat((1 << 20) / many.len()));
        let (header, _) = Header::parse_with(message.as_bytes(), limits).unwrap();
        assert!(Authors::from_header(&header).is_ok(), "{many:?}");
    }
}

#[test]
fn a_mebibyte_takes_linear_time() {
    let start = Instant::now();
    let half = 1 << 19;
    for (value, fits) in [
        (format!("{}@example.org", "a".repeat(1 << 20)), true),
        (format!("\"{}\" <a@example.org>", "\\\"".repeat(half)), true),
        (format!("{} <a@example.org>", "(".repeat(1 << 20)), false),
        (format!("{} <a@example.org>", "()".repeat(half)), true),
        (format!("{} <a@example.org>", "@ ".repeat(half)), true),
        (format!("a{}", "@ ()".repeat(half / 2)), false),
        (format!("{} <a@example.org>", "a ".repeat(half)), true),
        (",".repeat(1 << 20) + "a@example.org", true),
        ("a@b,".repeat(1 << 18), false),
        ("a@b.example ".repeat(1 << 16), false),
        ("<".repeat(1 << 20), false),
        ("a@".repeat(half), false),
        (" ".repeat(1 << 20), false),
    ] {
        assert_eq!(Authors::parse(value.as_bytes()).is_ok(), fits, "{}", &value[..20]);
    }
    assert_eq!(refused("a@b,".repeat(300)), F::TooManyAddresses { limit: 256 });
    // A few hundredths of a second when optimized; a quadratic reader would take minutes.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn a_local_part_is_unfolded() {
    for value in [&b"\"a\r\n\tb\r\n c\"@d.example"[..], b"x <\"a\n\tb\n c\"@d.example>"] {
        let authors = Authors::parse(value).unwrap();
        assert_eq!(authors.addresses()[0].local_part(), b"\"a\tb c\"", "{}", value.escape_ascii());
    }
}

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
        ("<joe@[192.0.\t2.1]>", A::Syntax { offset: 5 }),
        ("<joe@[192.0.2.1 ]>", A::Syntax { offset: 5 }),
        ("<@a.example>", A::Route { offset: 1 }),
        ("joe@example.org\r\nX: y", A::Control { octet: b'\n', offset: 16 }),
        ("joe@legit.example\0.evil.example", A::Control { octet: 0, offset: 17 }),
    ] {
        assert_eq!(Address::parse_path(path.as_bytes()), Err(error), "{path}");
    }
    let address = Address::parse_path(b"a\xff@example.org").unwrap().unwrap();
    assert_eq!(address.to_string(), "a\u{fffd}@example.org");
    assert_eq!(address.local_part(), b"a\xff");
}

proptest! {
    #[test]
    fn any_octets_are_authors_or_an_error(value in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(authors) = Authors::parse(&value) {
            prop_assert!(authors.domains().count() > 0);
        }
        let _ = Address::parse_path(&value);
    }

    #[test]
    fn no_domain_comes_out_of_thin_air(value in "([ab.@<>(),:;\"\\\\ ]|\r\n |=\\?){0,30}") {
        if let Ok(authors) = Authors::parse(value.as_bytes()) {
            for address in authors.addresses() {
                let whole = format!("{address}");
                prop_assert!(value.contains(&whole), "{whole} in {value}");
                prop_assert!(!address.domain().contains(['(', '<', '@', ' ', '"']));
            }
        }
    }

    #[test]
    fn a_plain_address_is_itself(local in "[a-z]{1,8}", domain in "[a-z]{1,8}(\\.[a-z]{1,8}){0,3}", name in "[A-Za-z ]{0,12}") {
        let authors = Authors::parse(format!("{name} <{local}@{domain}>").as_bytes()).unwrap();
        prop_assert_eq!(authors.domains().collect::<Vec<_>>(), vec![domain.clone()]);
        let path = Address::parse_path(format!("<{local}@{domain}>").as_bytes()).unwrap().unwrap();
        prop_assert_eq!(authors.addresses(), &[path]);
    }
}
