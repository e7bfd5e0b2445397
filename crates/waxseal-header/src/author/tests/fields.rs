//! From fields that only some readers see.

use super::super::{Authors, FromFault as F, MAX_DOMAINS, UnclearAuthor, limits::MAX_BYTES};
use crate::{Header, HeaderLimits};

fn of_message(message: &[u8]) -> Result<Vec<String>, F> {
    let (header, _) = Header::parse(message).unwrap();
    Authors::from_header(&header)
        .map(|authors| authors.domains().collect())
        .map_err(|unclear| unclear.cause().0.clone())
}

fn unclear_of(message: &[u8]) -> UnclearAuthor {
    Authors::from_header(&Header::parse(message).unwrap().0).unwrap_err()
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
        // c-client takes it for From, whichever comes first.
        b">From: a@b.example\r\nFrom: c@d.example\r\n\r\n",
        b"From: c@d.example\r\n>FROM: a@b.example\r\n\r\n",
        // mail-parser does not mind the colon.
        b":From: a@b.example\r\nFrom: c@d.example\r\n\r\n",
        // Perl's Email::Simple takes the line for a part of the field.
        b"From: c@d.example,\r\na@b.example\r\n\r\n",
        b"From: c@d.example\r\n\r\r\n\r\n",
    ] {
        assert_eq!(of_message(odd), Err(F::MalformedField), "{}", odd.escape_ascii());
    }
    let mailbox_file = b"From joe@example.com Sun Nov 22 10:00:00 2026\r\nFrom: a@b.example\r\n\r\n";
    assert_eq!(of_message(mailbox_file), Ok(vec!["b.example".to_owned()]));
    assert_eq!(of_message(b"From:\r\n a@b.example\r\n\r\n"), Ok(vec!["b.example".to_owned()]));
}

/// Dovecot ends a name at a NUL, c-client a line.
#[test]
fn a_nul_hides_no_author() {
    for message in [
        &b"From\0x: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n"[..],
        b"From: u@evil.example\r\nFrom\0x: ceo@bank.example\r\n\r\n",
        b"from\0?=From : ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b"From\0\0y: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b"Sub\x01ject: x\r\nFrom: u@evil.example\r\n\r\n",
        b"X\x7f: x\r\nFrom: u@evil.example\r\n\r\n",
    ] {
        assert!(matches!(of_message(message), Err(F::ControlInName { .. })), "{}", message.escape_ascii());
    }
    for (message, offset) in [
        (&b"X: a\0From: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n"[..], 4),
        (b"From: u@evil.example\r\nX: a\0\0From: ceo@bank.example\r\n\r\n", 26),
        (b"From: u@evil.example\r\nX: a\r\n \0b\r\n\r\n", 29),
    ] {
        assert_eq!(of_message(message), Err(F::Nul { offset }), "{}", message.escape_ascii());
    }
}

/// Whoever sees another From field, its domain is among those that are told.
#[test]
fn the_domains_of_fields_that_some_readers_see_are_told() {
    for message in [
        &b"From: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n"[..],
        b"From\0x: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b"X: a\0From: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b"X: a\rFrom: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b">From: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b":From: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b"From\r\n : ceo @bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b"From: ceo@bank.example\r, u@evil.example\r\n\r\n",
        b"From: ceo@bank\x0c.example, u@evil.example\r\n\r\n",
        b"X: a\rFrom\0: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n",
        b"From: u@evil.example,\r\nceo@bank.example\r\n\r\n",
    ] {
        let (header, _) = Header::parse(message).unwrap();
        let unclear = Authors::from_header(&header).unwrap_err();
        let mut domains = unclear.domains().to_vec();
        domains.sort();
        assert_eq!(domains, ["bank.example", "evil.example"], "{}", message.escape_ascii());
    }
}

/// Python's `email` ends a line at a CR, and takes the first From field.
#[test]
fn a_bare_cr_hides_no_author() {
    for (message, offset) in [
        (&b"X: a\rFrom: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n"[..], 4),
        (b"X: a\r>From: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n", 4),
        (b"From: u@evil.example\r\nX: a\rFrom: ceo@bank.example\r\n\r\n", 26),
        (b"From: u@evil.example\nX: a\rb\r From: ceo@bank.example\n\n", 27),
        (b"From: u@evil.example\r\nX: a\rFrom\r\n : ceo@bank.example\r\n\r\n", 26),
        // The end of the header, for such a reader, before it has seen an author.
        (b"X: a\r\rY: b\r\nFrom: u@evil.example\r\n\r\n", 4),
        (b"X: a\r\r\nFrom: u@evil.example\r\n\r\n", 4),
        (b"X: a\r\n\rY: b\r\nFrom: u@evil.example\r\n\r\n", 6),
        (b"X: a\n\rY: b\nFrom: u@evil.example\n\n", 5),
        (b"\rX: a\r\nFrom: u@evil.example\r\n\r\n", 0),
    ] {
        let found = of_message(message);
        let named = matches!(found, Err(F::ControlInName { .. }));
        assert!(named || found == Err(F::BareCr { offset }), "{}: {found:?}", message.escape_ascii());
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
    // A quadratic search would take minutes.
    let limits = HeaderLimits::default().with_max_bytes(1 << 18);
    for many in ["\r", "\r ", "f\r", "\rfro", "\rfrom", "\r>", "\r:", "\rx"] {
        let message = format!("From: a@b.example\r\nX: {}", many.repeat((1 << 17) / many.len()));
        let (header, _) = Header::parse_with(message.as_bytes(), limits).unwrap();
        assert!(Authors::from_header(&header).is_ok(), "{many:?}");
    }
    for many in ["\rFrom:", "\0", "\0From:a@b.example", "From:\r", "\r\0>"] {
        let message = format!("From: a@b.example\r\nX: \0{}", many.repeat((1 << 17) / many.len()));
        let (header, _) = Header::parse_with(message.as_bytes(), limits).unwrap();
        assert!(Authors::from_header(&header).is_err(), "{many:?}");
    }
}

/// `email.utils.getaddresses(message.get_all("From"))` reads both as one text.
#[test]
fn quoted_text_that_goes_over_two_fields_hides_no_domain() {
    let (header, _) =
        Header::parse(b"From: \"<c\r\nFrom: \"eo@bank.example>\" <u@evil.example>\r\n\r\n").unwrap();
    let unclear = Authors::from_header(&header).unwrap_err();
    assert!(unclear.domains().contains(&"bank.example".to_owned()), "{:?}", unclear.domains());
}

/// mail-parser looks for a name on each line of what is no field, and takes no blank for a fold there.
#[test]
fn a_fold_of_a_line_that_is_no_field_hides_no_from() {
    for odd in ["no colon\r\n\tFrom", "A\n From", ":\r\n x\r\n FROM "] {
        for message in [
            format!("{odd}: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n"),
            format!("From: u@evil.example\r\nX: y\r\n{odd}: ceo@bank.example\r\n\r\n"),
        ] {
            let (header, _) = Header::parse(message.as_bytes()).unwrap();
            let unclear = Authors::from_header(&header).unwrap_err();
            assert_eq!(unclear.cause().0, F::MalformedField, "{message:?}");
        }
    }
    let harmless = b"no colon\r\n\tFroms: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n";
    assert_eq!(of_message(harmless).unwrap(), ["evil.example"]);
}

#[test]
fn control_bytes_that_a_reader_drops_hide_no_domain() {
    let unclear = unclear_of(b"From: ceo@ba\x7fnk.example\r\nFrom: a@b.example\r\n\r\n");
    assert!(unclear.domains().contains(&"bank.example".to_owned()), "{unclear:?}");
}

#[test]
fn several_from_fields_are_read_up_to_the_limit_of_one() {
    // Each counts as a field and as a line.
    let one = " a@b.example\r\n";
    for (more, truncated) in [(1, false), (2, true)] {
        let comment = format!("({})", "x".repeat(MAX_BYTES / 2 + more - 2 * one.len() - 2));
        let unclear = unclear_of(format!("From:{one}From:{comment}{one}\r\n").as_bytes());
        assert_eq!(unclear.is_open(), truncated, "{more}");
        assert_eq!(unclear.domains().is_empty(), truncated, "{more}");
    }
}

#[test]
fn more_domains_than_are_told_are_noted() {
    let many: Vec<_> = (0..=MAX_DOMAINS).map(|n| format!("a@d{n}.example")).collect();
    let unclear = unclear_of(format!("From: {}\r\nFrom: a@d0.example\r\n\r\n", many.join(",")).as_bytes());
    assert_eq!(unclear.domains().len(), MAX_DOMAINS);
    assert!(unclear.is_open());
}
