//! A look at a message before it is signed: what breaks signatures on the way, or makes them worthless.

mod common;

use common::*;
use proptest::prelude::*;
use waxseal_dkim::{Finding, Inspection, Severity, Signer};
use waxseal_header::Header;

/// A header with nothing to say against it.
const HEAD: &str =
    "From: joe@example.org\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\nMessage-ID: <1@example.org>\r\n";

fn found(message: impl AsRef<[u8]>) -> Vec<Finding> {
    signer().inspect(message.as_ref())
}

fn ids(message: impl AsRef<[u8]>) -> Vec<&'static str> {
    found(message).iter().map(Finding::id).collect()
}

fn only_finding(message: impl AsRef<[u8]>) -> Finding {
    let mut findings = found(message);
    assert_eq!(findings.len(), 1, "{findings:?}");
    findings.remove(0)
}

fn domain(author: &str) -> Vec<&'static str> {
    ids(HEAD.replace("example.org\r\nDate", &format!("{author}\r\nDate")) + "\r\n")
}

#[test]
fn a_message_as_it_should_be_has_no_findings() {
    for message in [
        format!("{HEAD}\r\nHi.\r\n"),
        HEAD.to_owned(),
        format!("{HEAD}Subject: gr\u{fc}\u{df}\r\nContent-Transfer-Encoding: 8bit\r\n\r\ngr\u{fc}\u{df}\r\n"),
        format!("{HEAD}X: {}\r\n\r\n{}\r\n{}", "x".repeat(995), "y".repeat(998), "z".repeat(998)),
        String::from_utf8(signed(&rsa_signer(), format!("{HEAD}\r\nHi.\r\n").as_bytes())).unwrap(),
    ] {
        assert_eq!(found(&message), [], "{message}");
    }
}

/// What is an error to see is an error to sign, and the other way round.
#[test]
fn errors_are_what_the_signer_refuses() {
    for (message, id) in [
        ("Date: x\r\nMessage-ID: y\r\n\r\n".to_owned(), "no-from"),
        (format!("{HEAD}From: ann@example.org\r\n\r\n"), "several-from"),
        (format!("{HEAD}FROM : ann@example.org\r\n\r\n"), "several-from"),
        (format!("{HEAD}no field\r\n\r\n"), "malformed-field"),
        (format!("{HEAD}no name: x\r\n From: eve@evil.example\r\n\r\n"), "malformed-field"),
        (format!("{HEAD}X: {}\r\n\r\n", "x\r\n ".repeat(70_000)), "header-limit"),
        (format!("{HEAD}{}\r\n", "X: x\r\n".repeat(1000)), "header-limit"),
    ] {
        let findings = found(&message);
        assert_eq!((findings[0].id(), findings[0].severity()), (id, Severity::Error), "{findings:?}");
        assert!(signer().sign(message.as_bytes(), at(NOW)).is_err(), "{id}");
        assert!(
            findings.iter().skip(1).all(|finding| finding.severity() == Severity::Warning),
            "{findings:?}"
        );
    }
    let many = found(format!("{HEAD}From: a@example.org\r\nFrom: b@example.org\r\n\r\n"));
    assert_eq!(many.len(), 1, "{many:?}");
    assert_eq!(many[0].problem(), "3 From fields, and one is allowed: leave one of them");
    let long = found(format!("{HEAD}{}\r\n", "X: x\r\n".repeat(1000)));
    assert_eq!(long.len(), 1, "{long:?}");
    assert!(
        long[0].problem().contains("1000") && long[0].problem().ends_with(", and verifiers read no more"),
        "{long:?}"
    );
}

/// RFC 5322 §4.5: readers that do not know the obsolete syntax show another message than was signed.
#[test]
fn s4_5_a_blank_before_the_colon_is_found() {
    for name in ["Subject ", "Subject\t", "X-A \t "] {
        let finding = only_finding(format!("{HEAD}{name}: x\r\nB : y\r\n\r\n"));
        assert_eq!((finding.id(), finding.severity()), ("blank-before-colon", Severity::Warning), "{name}");
        let field =
            format!("field {} of the header has a blank before the colon", 1 + HEAD.matches("\r\n").count());
        assert!(finding.problem().starts_with(&field), "{finding}");
    }
    assert_eq!(found(format!("{HEAD}A: b : c\r\n : d\r\n\r\n")), []);
}

/// RFC 5322 §2.1.1, in header and body, at the edge, with and without a line end, and in any number.
#[test]
fn lines_that_servers_break_are_found_and_counted() {
    let body = |line: &str| format!("{HEAD}\r\nHi.\r\n{line}");
    let long = only_finding(body(&format!("{}\r\n", "x".repeat(2400))));
    assert!(
        long.problem().starts_with(
            "line 2 of the body (offset 98) has 2400 bytes, and servers break lines of more than 998: encode"
        ),
        "{long}"
    );
    assert_eq!((long.id(), long.severity()), ("long-body-line", Severity::Warning));
    for (line, bytes, others) in [
        (format!("{}\r\n", "x".repeat(999)), 999, ": encode"),
        ("x".repeat(999), 999, ": encode"),
        (format!("{}\r\n", "\u{fc}".repeat(600)), 1200, ": encode"),
        (
            format!("{}\r\n{}\r\nz\r\n{}", "x".repeat(999), "x".repeat(1999), "x".repeat(5000)),
            999,
            ", and so do 2 others: encode",
        ),
    ] {
        let message = body(&line).replacen("\r\n\r\n", "\r\nContent-Transfer-Encoding: 8bit\r\n\r\n", 1);
        let finding = only_finding(message);
        let expected = format!(" has {bytes} bytes, and servers break lines of more than 998{others}");
        assert!(finding.problem().starts_with("line 2 of the body (offset "), "{finding}");
        assert!(finding.problem().contains(&expected), "{finding}");
    }
    // Without its CRLF a line may have 998 octets; the CR is not counted.
    assert_eq!(ids(body(&format!("{}\r\n", "x".repeat(998)))), [""; 0]);
    let head = only_finding(format!("{HEAD}References:\r\n {}\r\n\r\n", "<1@a> ".repeat(200)));
    assert_eq!(head.id(), "long-header-line");
    assert!(head.to_string().contains("line 5 of the header (offset 104) has 1201 bytes"), "{head}");
    assert!(head.to_string().contains("fold the field"), "{head}");
}

/// RFC 2045 §6: the encoding of the part that the octets stand in counts, however deep it is.
#[test]
fn undeclared_8bit_text_is_found_in_the_part_it_stands_in() {
    let text = "gr\u{fc}\u{df}\r\n";
    let part = |encoding: &str| format!("--b\r\nContent-Type: text/plain\r\n{encoding}\r\n{text}");
    let eight = "Content-Transfer-Encoding: 8bit\r\n";
    let multipart = |parts: &str| {
        format!(
            "{HEAD}Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\npreamble\r\n{parts}--b--\r\nepilogue\r\n"
        )
    };
    for message in [
        format!("{HEAD}{eight}\r\n{text}"),
        format!("{HEAD}Content-Transfer-Encoding:\r\n (a) Binary (b)\r\n\r\n{text}"),
        multipart(&part(eight)),
        multipart(&format!("{}{}", part("").replace(text, "ascii\r\n"), part(eight))),
        multipart(&format!(
            "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n{eight}\r\n{text}--c--\r\n{}",
            part(eight)
        )),
        multipart(&format!(
            "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n{eight}Content-Type: text/plain\r\n\r\n{text}"
        )),
        format!("{HEAD}{eight}Content-Type: multipart/mixed; boundary=b\r\n\r\n{text}--b--\r\n{text}"),
    ] {
        assert_eq!(found(&message), [], "{message}");
    }
    for (message, number, encoding) in [
        (format!("{HEAD}\r\n{text}"), 1, None),
        (format!("{HEAD}\r\nHi.\r\n{text}"), 2, None),
        (format!("{HEAD}Content-Transfer-Encoding: 7bit\r\n\r\n{text}"), 1, Some("7bit")),
        (
            format!("{HEAD}Content-Transfer-Encoding: quoted-printable\r\n\r\n{text}"),
            1,
            Some("quoted-printable"),
        ),
        (format!("{HEAD}Content-Transfer-Encoding: base64\r\n\r\n{text}"), 1, Some("base64")),
        (multipart(&part("")), 5, None),
        (multipart(&part("Content-Transfer-Encoding: 7bit\r\n")), 6, Some("7bit")),
        // The encoding of one part says nothing of the next, nor does that of the whole of a part.
        (multipart(&format!("{}{}", part(eight), part(""))), 10, None),
        (
            multipart(&part("")).replacen("Content-Type: multi", &format!("{eight}Content-Type: multi"), 1),
            5,
            None,
        ),
        (multipart(&part(eight)).replace("epilogue", "\u{fc}"), 8, None),
        (multipart(&part(eight)).replace("preamble", "\u{fc}"), 1, None),
        // A boundary of the outer multipart ends the inner one, which was left open.
        (
            multipart(&format!(
                "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\n{eight}\r\n{text}{}",
                part("")
            )),
            12,
            None,
        ),
        (multipart(&format!("--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n{text}")), 7, None),
    ] {
        let finding = only_finding(&message);
        let encoding = match encoding {
            Some(encoding) => format!(" in a part of Content-Transfer-Encoding {encoding}: "),
            None => " in a part without Content-Transfer-Encoding: ".to_owned(),
        };
        assert_eq!(finding.id(), "8bit-body", "{message}");
        assert!(
            finding.problem().starts_with(&format!("line {number} of the body ")),
            "{finding}\n{message}"
        );
        assert!(finding.problem().contains(&encoding), "{finding}\n{message}");
    }
    let twice = only_finding(format!("{HEAD}\r\n{text}{text}{text}")).problem().to_owned();
    assert!(
        twice.starts_with("line 1 of the body (offset 93) has bytes above 127, and so do 2 others in"),
        "{twice}"
    );
    assert!(twice.contains("without Content-Transfer-Encoding: declare 8bit there"), "{twice}");
}

/// RFC 6532 §3 allows UTF-8 in header fields, and nothing else above 127.
#[test]
fn header_octets_that_are_no_utf8_are_found() {
    let message = [HEAD.as_bytes(), b"X-Name: gr\xfc\xdf\r\nY: \xff\r\n\r\n"].concat();
    let finding = only_finding(&message);
    assert_eq!(finding.id(), "8bit-header");
    assert!(finding.problem().starts_with("field 4 of the header (X-Name) has bytes above 127"), "{finding}");
}

#[test]
fn bare_line_ends_are_found() {
    for (message, offset) in [
        (format!("{HEAD}\r\na\nb\r\n"), 94),
        (format!("{HEAD}\r\na\r"), 94),
        (HEAD.replacen("\r\n", "\n", 1), 21),
    ] {
        let finding = only_finding(&message);
        assert_eq!(finding.id(), "bare-line-end", "{message}");
        assert!(finding.problem().starts_with(&format!("bare CR or LF at offset {offset}: ")), "{finding}");
    }
}

/// RFC 9989 §4.4, as far as it is seen without DNS: the same domain, or one of them below the other.
#[test]
fn a_signature_that_will_not_be_aligned_is_found() {
    for author in ["example.org", "EXAMPLE.org", "news.example.org"] {
        assert_eq!(domain(author), [""; 0], "{author}");
    }
    for author in ["other.example", "notexample.org", "example.com"] {
        assert_eq!(domain(author), ["not-aligned"], "{author}");
    }
    let below = Signer::new("mail.example.org", "ed", ED25519.clone()).unwrap();
    assert_eq!(below.inspect(format!("{HEAD}\r\n").as_bytes()), []);
    let message = format!("{HEAD}\r\n").replace("joe@example.org", "joe@other.example");
    let text = signer().inspect(message.as_bytes())[0].problem().to_owned();
    assert!(
        text.starts_with("the author is in other.example, and the signature is of example.org, which is"),
        "{text}"
    );
    // One aligned signature is enough, and each author needs one.
    let other = Signer::new("other.example", "ed", ED25519.clone()).unwrap();
    let inspect = |signers: &[&Signer], message: &str| {
        let mut inspection = Inspection::new(signers.iter().copied());
        inspection.push(message.as_bytes());
        inspection.finish().iter().map(Finding::id).collect::<Vec<_>>()
    };
    assert_eq!(inspect(&[&signer(), &other], &message), [""; 0]);
    assert_eq!(inspect(&[], &message), [""; 0]);
    let two = message.replace("joe@other.example", "joe@other.example, ann@example.org");
    assert_eq!(inspect(&[&signer()], &two), ["not-aligned"]);
    let finding = only_finding(HEAD.replace("joe@example.org", "staff:;") + "\r\n");
    assert_eq!(finding.id(), "unclear-author", "{finding}");
}

#[test]
fn fields_that_servers_add_are_missed() {
    assert_eq!(ids("From: joe@example.org\r\n\r\n"), ["no-date", "no-message-id"]);
    assert_eq!(ids("From: joe@example.org\r\nmessage-id: <1@a>\r\n\r\n"), ["no-date"]);
}

/// The same domain and selector, however they are written and wherever the field stands; not those of others.
#[test]
fn an_earlier_signature_of_ones_own_is_found() {
    let message = format!("{HEAD}\r\nHi.\r\n");
    let twice = signed(&signer(), message.as_bytes());
    let finding = only_finding(&twice);
    assert_eq!(finding.id(), "signed-before");
    assert!(
        finding.to_string().contains("field 1 of the header is a signature with the same d=example.org s=ed")
    );
    let odd = format!("{HEAD}dkim-signature : v=1; s=ED;\r\n\td= Example.ORG ; b=\r\n\r\n");
    assert_eq!(ids(&odd), ["blank-before-colon", "signed-before"]);
    for tags in ["d=example.org; s=other", "d=example.net; s=ed", "s=ed", "no tags"] {
        assert_eq!(ids(format!("{HEAD}DKIM-Signature: {tags}\r\n\r\n")), [""; 0], "{tags}");
    }
}

proptest! {
    /// What is found depends neither on where the chunks are cut nor on whether the header came apart.
    #[test]
    fn findings_do_not_depend_on_the_cut(
        lines in proptest::collection::vec(
            proptest::sample::select(&[
                "", "text", "--b", "--b--", "--c", "Content-Transfer-Encoding: 8bit", "gr\u{fc}n", "a\rb",
                "Content-Type: multipart/mixed; boundary=c", "Content-Type: message/rfc822",
            ][..]),
            0..20,
        ),
        long in proptest::option::of(0usize..20),
        sizes in proptest::collection::vec(1usize..40, 1..5),
    ) {
        let mut lines: Vec<String> = lines.into_iter().map(String::from).collect();
        if let Some(line) = long.and_then(|at| lines.get_mut(at)) {
            *line = "--b".repeat(400);
        }
        let body = lines.join("\r\n");
        let head = format!("{HEAD}Content-Type: multipart/mixed; boundary=b\r\n");
        let message = format!("{head}\r\n{body}");
        let whole = found(&message);
        let mut chunked = Inspection::new([&signer()]);
        let mut rest = message.as_bytes();
        for size in sizes.iter().cycle() {
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            chunked.push(chunk);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(chunked.finish(), whole.clone());
        let (header, _) = Header::parse(head.as_bytes()).unwrap();
        let mut apart = Inspection::with_header([&signer()], &header);
        apart.push(body.as_bytes());
        prop_assert_eq!(apart.finish(), whole);
    }
}
