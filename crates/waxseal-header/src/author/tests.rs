mod fields;

use super::{Authors, FromFault as F, UnclearAuthor, limits::MAX_BYTES, plain::plain};
use crate::{Header, address::AddressFault as A};
use proptest::prelude::*;

fn domains(value: &str) -> Vec<String> {
    Authors::parse(value.as_bytes())
        .unwrap_or_else(|e| panic!("{value:?}: {:?}", e.cause().0))
        .domains()
        .collect()
}

fn refused(value: impl AsRef<[u8]>) -> UnclearAuthor {
    let value = value.as_ref();
    let unclear = Authors::parse(value).expect_err(&value.escape_ascii().to_string());
    let text = unclear.cause().0.to_string();
    assert!(text.bytes().all(|c| (b' '..=b'~').contains(&c) && c != b'"'), "{text}");
    unclear
}

/// The value is refused since some reader shows bank.example, and others evil.example or nothing.
fn hides_bank(value: &str) {
    let unclear = refused(value);
    assert!(unclear.domains().contains(&"bank.example".to_owned()), "{value:?}: {:?}", unclear);
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

/// No reading shows another domain, so the odd syntax does no harm.
#[test]
fn odd_syntax_around_one_domain_is_no_reason_to_refuse() {
    for (value, local_part) in [
        ("Foo, Inc. <a@b.example>", "a"),
        ("[x] Foo; Bar <a@b.example>", "a"),
        ("Marc <a@b.example (home)>", "a"),
        ("Marc <a@ b.example>", "a"),
        ("<a (x) @b.example>", "a"),
        ("a @ b . example", "a"),
        ("Dinner @ Eight <a@b.example>", "a"),
        ("team: a@b.example;", "a"),
        ("team: a@b.example, \"c\" <c@B.example>;", "a"),
        ("Mail From:<a@b.example>", "a"),
        ("<a@b.example", "a"),
        ("a@b.example>", "a"),
        ("\"Joe <a@b.example>", "a"),
        ("Joe) <a@b.example>", "a"),
        ("Joe \\ Doe <a@b.example>", "a"),
        ("\"a b\" @b.example", "\"a b\""),
        ("a, <a@b.example>", "a"),
    ] {
        let authors =
            Authors::parse(value.as_bytes()).unwrap_or_else(|e| panic!("{value}: {:?}", e.cause().0));
        assert_eq!(authors.domains().collect::<Vec<_>>(), ["b.example"], "{value:?}");
        assert_eq!(authors.addresses()[0].local_part(), local_part.as_bytes(), "{value:?}");
    }
}

/// Old mail programs put the address into the display name, between marks that readers take for a part of the domain.
#[test]
fn marks_around_an_address_make_no_other_domain() {
    for (open, close) in [("'", "'"), ("`", "'"), ("*", "*"), ("{", "}"), ("", "!"), ("=", "=")] {
        let own = format!("{open}a@b.example{close} <a@b.example>");
        assert_eq!(domains(&own), ["b.example"], "{own:?}");
        hides_bank(&format!("{open}ceo@bank.example{close} <u@evil.example>"));
    }
    for value in
        ["u@evil.example'bank.example <u@evil.example>", "u@evil.example'.bank.example <u@evil.example>"]
    {
        assert!(matches!(refused(value).cause().0, F::ReadersDiffer { .. }), "{value:?}");
    }
}

/// "Composition Kills": readers of mail and checkers of mail take different words for the address.
#[test]
fn an_at_sign_in_a_display_name_is_another_author_to_some() {
    for value in [
        "ceo@bank.example <u@evil.example>",
        "From ceo@bank.example now <u@evil.example>",
        "u@evil.example <ceo@bank.example>",
    ] {
        hides_bank(value);
        assert!(matches!(refused(value).cause().0, F::ReadersDiffer { .. }), "{value}");
    }
}

/// Dovecot 2.3, Perl's Email::Address::XS, Python and c-client join what stands around the at sign and the dots.
#[test]
fn a_gap_beside_an_at_sign_hides_no_author() {
    for value in [
        "ceo @bank.example <u@evil.example>",
        "ceo@ bank.example <u@evil.example>",
        "ceo @ bank.example <u@evil.example>",
        "ceo(x)@bank.example <u@evil.example>",
        "ceo@(x)bank.example <u@evil.example>",
        "\"ceo\" @bank.example <u@evil.example>",
        "ceo\r\n @bank.example <u@evil.example>",
        "ceo\t@\tbank.example <u@evil.example>",
        "ceo . x @ bank . example <u@evil.example>",
        "ceo @ bank(x).example <u@evil.example>",
        "u@evil.example, ceo @bank.example <u@evil.example>",
        "u@evil.example, ceo @bank.example",
        "ceo@\"bank.example\" <u@evil.example>",
    ] {
        hides_bank(value);
    }
    // c-client knows RFC 733.
    hides_bank("ceo at bank.example, u@evil.example");
    hides_bank("@bank.example <u@evil.example>");
    assert_eq!(domains("ceo at bank.example <u@evil.example>"), ["evil.example"]);
}

#[test]
fn half_an_encoded_word_hides_no_author() {
    for value in [
        "=?ceo@bank.example <u@evil.example>",
        "\"x\" =?ceo@bank.example <u@evil.example>",
        "=?utf-8?q?ceo@bank.example <u@evil.example>",
        "ceo@bank.example?= <u@evil.example>",
        "x ceo@bank.example?= <u@evil.example>",
        // A whole one may not hold an at sign in a phrase (RFC 2047 §5); those who do not decode it show it.
        "=?utf-8?q?ceo@bank.example?= <u@evil.example>",
    ] {
        hides_bank(value);
    }
}

/// nodemailer 6.9, postal-mime and mail-parser end angle brackets, or look for an address, inside of quotes.
#[test]
fn a_quoted_local_part_hides_no_author() {
    for value in [
        "<\"<ceo@bank.example>\"@evil.example>",
        "CEO <\"x <ceo@bank.example>\"@evil.example>",
        "CEO <\"ceo@bank.example\"@evil.example>",
        "\"ceo@bank.example x\"@evil.example",
        "\"x ceo@bank.example\"@evil.example",
        "CEO <\"ceo@bank.example>\"@evil.example>",
        "\"ceo@bank.example\" <@evil.example>",
    ] {
        hides_bank(value);
    }
}

/// Python's email.utils ends a quoted string and a comment at a CR.
#[test]
fn a_fold_in_quotes_or_a_comment_hides_no_author() {
    for value in [
        "\"CEO\r\n <ceo@bank.example>\" <u@evil.example>",
        "\"ceo@bank.example\r\n x\"@evil.example",
        "(CEO\r\n <ceo@bank.example>) <u@evil.example>",
        "(CEO\r\n\tceo@bank.example) u@evil.example",
        "\"CEO\r\n ceo@bank.example, x\" <u@evil.example>",
        "(a (b)\r\n ceo@bank.example, ) <u@evil.example>",
    ] {
        hides_bank(value);
    }
    assert_eq!(domains("\"Joe\r\n Doe\" (at\r\n work) <u@evil.example>"), ["evil.example"]);
}

#[test]
fn a_comment_as_an_element_hides_no_author() {
    hides_bank("(ceo@bank.example), u@evil.example");
    hides_bank("u@evil.example, (ceo@bank.example)");
    hides_bank("=?utf-8?q?ceo=40bank.example?= (x), u@evil.example");
    hides_bank("\"ceo@bank.example\", u@evil.example");
    assert_eq!(domains("u@evil.example (ceo@bank.example)"), ["evil.example"]);
}

#[test]
fn groups_and_routes_hide_no_author() {
    for value in [
        "team: ceo@bank.example, u@evil.example;",
        "team: ceo@bank.example;, u@evil.example",
        "ceo@bank.example: u@evil.example;",
        "\"ceo@bank.example\": u@evil.example;, ceo@bank.example <u@evil.example>",
        "x: <ceo@bank.example>; <u@evil.example>",
        "<@evil.example:ceo@bank.example>, u@evil.example",
    ] {
        hides_bank(value);
    }
}

#[test]
fn every_refusal_has_a_name() {
    for (value, error) in [
        ("", F::NoAddress),
        (" ", F::NoAddress),
        ("(x)", F::NoAddress),
        (",", F::NoAddress),
        ("<>", F::NoAddress),
        ("Joe <>", F::NoAddress),
        ("< >", F::NoAddress),
        ("undisclosed:;", F::EmptyGroup),
        ("a b: (c) ;", F::EmptyGroup),
        ("team: a@b.example, c@d.example;", F::Group),
        ("a, b@c", F::Address(A::Syntax { offset: 1 })),
        ("joe", F::Address(A::NoDomain { offset: 0 })),
        ("joe@", F::Address(A::NoDomain { offset: 0 })),
        ("@example.org", F::Address(A::Syntax { offset: 0 })),
        ("<joe>", F::Address(A::NoDomain { offset: 1 })),
        ("<joe@>", F::Address(A::NoDomain { offset: 1 })),
        ("=?utf-8?q?joe?=", F::Address(A::EncodedWord { offset: 0 })),
        ("<=?utf-8?q?ceo?=@bank.example>", F::Address(A::EncodedWord { offset: 1 })),
        ("<u.=?utf-8?b?PGNlb0BiYW5rLmV4YW1wbGU+?=u@evil.example>", F::Address(A::EncodedWord { offset: 1 })),
        ("\"=?utf-8?q?=22?= <ceo@bank.example>\"@evil.example", F::Address(A::EncodedWord { offset: 0 })),
        ("u@=?utf-8?q?bank?=.example", differ()),
        ("a@.example", F::Address(A::Syntax { offset: 2 })),
        ("a@b..example", F::Address(A::Syntax { offset: 2 })),
        ("a@.", F::Address(A::Syntax { offset: 2 })),
        ("a@[192.0.2.1]", F::Address(A::Literal { offset: 2 })),
        ("<a@[IPv6:2001:db8::1]>", F::Address(A::Literal { offset: 1 })),
        ("a@bank\u{3002}example", F::Address(A::UnicodeDot { dot: '\u{3002}', offset: 2 })),
        ("<a@bank\u{ff0e}example>", F::Address(A::UnicodeDot { dot: '\u{ff0e}', offset: 3 })),
        ("a@bank.example\u{ff61}evil.example", F::Address(A::UnicodeDot { dot: '\u{ff61}', offset: 2 })),
        ("a@b.example\0", F::Address(A::Control { octet: 0, offset: 11 })),
        ("a@b\0.example", F::Address(A::Control { octet: 0, offset: 3 })),
        ("a@b.example\rFrom: x", F::Address(A::Control { octet: b'\r', offset: 11 })),
        ("a@b.example\u{7f}", F::Address(A::Control { octet: 0x7f, offset: 11 })),
        ("a@b.example, c@bank\u{3002}example", F::Address(A::UnicodeDot { dot: '\u{3002}', offset: 15 })),
    ] {
        match error {
            F::ReadersDiffer { .. } => {
                assert!(matches!(refused(value).cause().0, F::ReadersDiffer { .. }), "{value:?}")
            }
            error => assert_eq!(refused(value).cause().0, error, "{value:?}"),
        }
    }
    assert_eq!(refused(b"a@b\xff.example").cause().0, F::Address(A::NotUtf8 { offset: 2 }));
}

/// Which programs, is for another test.
fn differ() -> F {
    F::ReadersDiffer { one: "", reads: String::new(), another: "", but: String::new() }
}

#[test]
fn the_error_names_two_programs_that_differ() {
    let F::ReadersDiffer { one, reads, another, but } =
        refused("ceo @bank.example <u@evil.example>").cause().0.clone()
    else {
        panic!("another cause");
    };
    assert_eq!((one, &*reads), ("Dovecot 2.3, Perl Email::Address::XS", "bank.example"));
    assert_eq!((another, &*but), ("Python email.utils", "bank.example and evil.example"));
}

#[test]
fn the_domains_that_readers_show_are_told_but_not_without_end() {
    let unclear = refused("ceo @bank.example <u@evil.example>");
    assert_eq!(unclear.domains(), ["bank.example", "evil.example"]);
    assert!(!unclear.is_open());
    let many: Vec<_> = (0..9).map(|n| format!("a@{n}.example")).collect();
    let unclear = refused(format!("{} <u@evil.example>", many.join(",")));
    assert_eq!((unclear.domains().len(), unclear.is_open()), (8, true));
}

#[test]
fn a_display_name_that_shows_an_address_is_told() {
    for (value, names) in [
        ("\"joe@gmail.example via List\" <list@lists.example>", vec!["gmail.example"]),
        ("=?utf-8?q?joe=40gmail.example?= <list@lists.example>", vec!["gmail.example"]),
        ("=?utf-8?b?am9lQGdtYWlsLmV4YW1wbGU=?= <list@lists.example>", vec!["gmail.example"]),
        ("=?utf-8?q?joe=40?= =?utf-8?q?gmail.example?= <list@lists.example>", vec!["gmail.example"]),
        ("\"<joe@gmail.example>\" <list@lists.example>", vec!["gmail.example"]),
        ("list@lists.example (joe@gmail.example)", vec!["gmail.example"]),
        ("\"a@b.example c@d.example\" <list@lists.example>", vec!["b.example", "d.example"]),
        ("\"list@LISTS.example\" <list@lists.example>", vec![]),
        ("\"Dinner @ Eight.thirty\" <list@lists.example>", vec![]),
        ("\"joe@home\" <list@lists.example>", vec![]),
        ("Joe <list@lists.example>", vec![]),
    ] {
        let authors =
            Authors::parse(value.as_bytes()).unwrap_or_else(|e| panic!("{value}: {:?}", e.cause().0));
        assert_eq!(authors.domains().collect::<Vec<_>>(), ["lists.example"], "{value}");
        assert_eq!(authors.domains_in_names(), names, "{value}");
        let strict = authors.without_misleading_names();
        match names.first() {
            None => assert!(strict.is_ok(), "{value}"),
            Some(name) => {
                let unclear = strict.unwrap_err();
                assert_eq!(unclear.cause().0, F::MisleadingName { domain: (*name).to_owned() });
                assert_eq!(unclear.domains()[..2], ["lists.example", name]);
            }
        }
    }
}

/// Eight times the value takes at most eight times the steps, and a little: what is quadratic takes sixty-four times as many.
#[test]
fn hostile_values_take_linear_time() {
    let steps = |reading: &super::Reading, piece: &str, tail: &str, octets: usize| {
        let value = format!("{}{tail}", piece.repeat(octets / piece.len()));
        super::readings::count_steps(|| (reading.read)(value.as_bytes()))
    };
    for piece in [
        "\"",
        "(",
        ")",
        "<",
        ">",
        ",",
        ";",
        ":",
        "@",
        "\\",
        "[",
        "]",
        ".",
        " ",
        "a",
        "=?",
        "?=",
        "=?a?q?",
        "()",
        "\"\"",
        "a@",
        "@a",
        "a@b",
        "a@b.c,",
        "a@b.c ",
        "<a@b.c>",
        "\"a@b.c\"",
        "(a@b.c)",
        "a:",
        ":;",
        "a:a@b.c;",
        "\r\n ",
        "(\r\n ",
        "\"\r\n ",
        "a b ",
        "a.",
        "\\\"",
        "<@a,",
        "=?a?q?b?= ",
        "@ ()",
        "a@b.c<",
        "<<a",
        "x\"y",
        "(\\",
        "\u{3002}",
        "at ",
    ] {
        for tail in ["", " <a@b.example>", "\"", ")", ", u@evil.example"] {
            for reading in super::READINGS {
                let counts = [1, 2, 4, 8].map(|times| (times, steps(reading, piece, tail, times << 8)));
                let [(_, once), ..] = counts;
                for (times, count) in counts {
                    let most = (once + 1_000) * times * 5 / 4;
                    assert!(count <= most, "{piece:?} {tail:?} {}: {counts:?}", reading.programs);
                }
            }
        }
    }
}

#[test]
fn a_value_of_the_largest_size_is_read_and_no_longer_one() {
    let end = " <a@b.example>";
    for (piece, clear) in [("a", true), ("(x)", true), ("\"x\" ", true), ("@ ", true), ("a@b.c,", false)] {
        let value = format!("{}{end}", piece.repeat((MAX_BYTES - end.len()) / piece.len()));
        assert_eq!(Authors::parse(value.as_bytes()).is_ok(), clear, "{piece:?}");
    }
    let long = refused(format!("{}{end}", "@ ".repeat(MAX_BYTES / 2)));
    assert_eq!(long.cause().0, F::TooLong { limit: 32_768 });
    assert!(long.domains().is_empty() && long.is_open());
    // Of several fields no more is read than of one.
    let fields = format!("From: a@b.example\r\nFrom:{}\r\n\r\n", "@ ".repeat(MAX_BYTES / 2));
    let (header, _) = Header::parse(fields.as_bytes()).unwrap();
    let unclear = Authors::from_header(&header).unwrap_err();
    assert!(unclear.domains().is_empty() && unclear.is_open(), "{unclear:?}");
    let many = "a@b.example,".repeat(300);
    assert_eq!(refused(many).cause().0, F::TooManyAddresses { limit: 256 });
}

#[test]
fn a_local_part_is_unfolded() {
    for value in [&b"\"a\r\n\tb\r\n c\"@d.example"[..], b"x <\"a\n\tb\n c\"@d.example>"] {
        let authors = Authors::parse(value).unwrap();
        assert_eq!(authors.addresses()[0].local_part(), b"\"a\tb c\"", "{}", value.escape_ascii());
    }
}

proptest! {
    #[test]
    fn any_octets_are_authors_or_an_error(value in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(authors) = Authors::parse(&value) {
            prop_assert!(authors.domains().count() > 0);
        }
    }

    #[test]
    fn no_domain_comes_out_of_thin_air(value in "([ab.@<>(),:;\"\\\\ ]|\r\n |=\\?){0,30}") {
        if let Ok(authors) = Authors::parse(value.as_bytes()) {
            for address in authors.addresses() {
                prop_assert!(!address.domain().contains(['(', '<', '@', ' ', '"']));
            }
        }
    }

    /// What is read in a hurry is read by all others the same way.
    #[test]
    fn a_plain_address_is_plain_to_every_reading(
        value in "[ \t]?(|[A-Za-z\u{fc}=?_.!/&|'+-]{0,6}[A-Za-z .=?_]{0,6}|\"[A-Za-z .=?\u{fc}|/&#]{0,8}\" ?)<[a-z.+=?/'-]{1,6}@[a-zA-Z_-]{1,3}(\\.[a-z-]{1,3}){0,3}>? ?"
    ) {
        if let Some(address) = plain(value.as_bytes()) {
            let strict = super::mailbox_list(value.as_bytes());
            let readings: Vec<_> = super::READINGS.iter().map(|reading| (reading.read)(value.as_bytes())).collect();
            prop_assert_eq!(super::clear(strict, &readings), Ok(vec![address]), "{}", value);
        }
    }
}

/// postal-mime 2.4 ends a comment at the first parenthesis, glues no text together behind it, and looks into quotes.
#[test]
fn a_comment_beside_the_at_sign_hides_no_address_behind_it() {
    hides_bank("(() u@(x)evil.example ceo@bank.example");
    hides_bank("\\( (\\@(x)u@(x)evil.example ceo@bank.example");
    hides_bank("(() u@(x)evil.example \"ceo@bank.example\"");
    assert_eq!(domains("u@(x)evil.example (ceo@bank.example)"), ["evil.example"]);
}

/// mailparser 3.7 and mail-parser decode UTF-7, mailparser 3.14 what stands in angle brackets.
#[test]
fn an_encoded_word_that_is_an_element_hides_no_author() {
    for charset in ["utf-7", "UTF7", "unicode-1-1-utf-7"] {
        hides_bank(&format!("\"=?{charset}?q?ceo+AEA-bank.example?=\", u@evil.example"));
        hides_bank(&format!("u@evil.example;=?{charset}?b?Y2VvK0FFQS1iYW5rLmV4YW1wbGU=?="));
    }
    hides_bank("u@evil.example <=?utf-8?b?Y2VvQGJhbmsuZXhhbXBsZQ==?=");
    hides_bank("u@evil.example (x)<=?utf-16be?b?AGMAZQBvAEAAYgBhAG4AawAuAGUAeABhAG0AcABsAGU=?=");
    assert_eq!(domains("=?utf-7?q?ceo+AEA-bank.example?= <u@evil.example>"), ["evil.example"]);
}

#[test]
fn an_author_whom_some_reader_misses_is_not_clear() {
    refused("x <a@b.example>,b.example@=?utf-8?q?x?=c.example");
}

#[test]
fn an_unclear_author_names_its_cause() {
    let unclear = refused("");
    assert_eq!(unclear.to_string(), "no author that all readers agree on");
    let source = std::error::Error::source(&unclear).unwrap();
    assert_eq!(source.to_string(), unclear.cause().to_string());
}
