//! Received (RFC 5321 §4.4) as servers write it, and as clients try to have it written.
#![expect(clippy::panic, clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    net::IpAddr,
    time::{Duration, UNIX_EPOCH},
};
use waxseal_header::Received;

fn parse(value: &str) -> Received<'_> {
    Received::parse(value.as_bytes()).unwrap_or_else(|error| panic!("{value}: {error}"))
}

fn text(part: Option<&[u8]>) -> Option<&str> {
    part.map(|part| std::str::from_utf8(part).unwrap())
}

/// Address, HELO, `by`, protocol.
fn assert_hop(value: &str, expected: [&str; 4]) {
    let received = parse(value);
    let address = received.address().map(|address| address.to_string());
    let hop = [address.as_deref(), text(received.helo()), text(received.by()), text(received.with())];
    assert_eq!(hop.map(|part| part.unwrap_or("-")), expected, "{value}");
}

#[test]
fn hops_as_servers_write_them() {
    for (value, expected) in [
        // Postfix
        (
            " from mail.example.org (a.example.org [192.0.2.1])\r\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 \
             (256/256 bits)\r\n\t key-exchange X25519)\r\n\t(No client certificate requested)\r\n\tby mx.example.net \
             (Postfix) with ESMTPS id 4X\r\n\tfor <ann@example.net>; Tue, 14 Nov 2023 22:13:20 +0000 (UTC)",
            ["192.0.2.1", "mail.example.org", "mx.example.net", "ESMTPS"],
        ),
        (" from a (unknown [IPv6:2001:db8::1]) by mx with ESMTP", ["2001:db8::1", "a", "mx", "ESMTP"]),
        (" from localhost (unknown [unix:/run/x]) by mx with ESMTP", ["-", "localhost", "mx", "ESMTP"]),
        // Sendmail
        (
            " from a (IDENT:joe@a.example [192.0.2.1] (may be forged)) by mx (8.17.1/8.17.1) with ESMTP id 1; now",
            ["192.0.2.1", "a", "mx", "ESMTP"],
        ),
        (" from a (joe@[192.0.2.1]) (authenticated bits=0) by mx", ["192.0.2.1", "a", "mx", "-"]),
        // Exim
        (
            " from a.example ([192.0.2.1] helo=b.example) by mx with esmtps (TLS1.3) (Exim 4.96) id 1",
            ["192.0.2.1", "b.example", "mx", "esmtps"],
        ),
        (" from a.example ([192.0.2.1]:4711 ident=joe) by mx", ["192.0.2.1", "a.example", "mx", "-"]),
        (" from [192.0.2.1] (helo=[198.51.100.1]) by mx", ["192.0.2.1", "[198.51.100.1]", "mx", "-"]),
        (" from [192.0.2.1] (port=25 helo=b.example) by mx", ["192.0.2.1", "b.example", "mx", "-"]),
        (" from [2001:db8::1] (helo=b) by mx", ["2001:db8::1", "b", "mx", "-"]),
        // qmail, netqmail
        (
            " from unknown (HELO b.example) (192.0.2.1)\n by mx with SMTP; 14 Nov 2023 22:13:20 -0000",
            ["192.0.2.1", "b.example", "mx", "SMTP"],
        ),
        (" from a.example (HELO b.example) (joe@192.0.2.1) by mx", ["192.0.2.1", "b.example", "mx", "-"]),
        (" from a.example (192.0.2.1) by 0 with SMTP", ["192.0.2.1", "a.example", "0", "SMTP"]),
        // Exchange, IIS
        (
            " from a.example (2001:db8::2) by EX1.example.net (10.0.0.1) with Microsoft SMTP Server (version=TLS1_2, \
             cipher=X) id 15.1.2507.9; Tue, 14 Nov 2023 22:13:20 +0000",
            ["2001:db8::2", "a.example", "EX1.example.net", "Microsoft"],
        ),
        (
            " from a.example ([192.0.2.1]) by mx with Microsoft SMTPSVC(10.0.17763.1);\r\n\t Tue, 14 Nov",
            ["192.0.2.1", "a.example", "mx", "Microsoft"],
        ),
        // Courier, CommuniGate Pro, Zimbra, Yahoo, Gmail
        (
            " from a ([::ffff:192.0.2.1])\n  (AUTH: LOGIN joe, TLS: TLSv1.2,256bits)\n  by mx with ESMTPSA",
            ["192.0.2.1", "a", "mx", "ESMTPSA"],
        ),
        (" from a ([192.0.2.1] verified) by mx (CommuniGate Pro SMTP 6.2)", ["192.0.2.1", "a", "mx", "-"]),
        (" from mx (LHLO mx) (10.0.0.1) by store with LMTP; x", ["10.0.0.1", "mx", "store", "LMTP"]),
        (
            " from 192.0.2.1 (EHLO a.example)\n by 10.197.37.72 with SMTPs (version=TLS1_3)",
            ["192.0.2.1", "a.example", "10.197.37.72", "SMTPs"],
        ),
        (
            " from a.example (a.example. [2001:db8::3]) by mx.google.com with ESMTPS id x for <a@gmail.example> \
             (version=TLS1_3 cipher=X bits=256/256); Tue, 14 Nov 2023 14:13:20 -0800 (PST)",
            ["2001:db8::3", "a.example", "mx.google.com", "ESMTPS"],
        ),
        (" by 2002:a05:6a10:1::2 with SMTP id x; now", ["-", "-", "2002:a05:6a10:1::2", "SMTP"]),
        // Dovecot without a network, a local program
        (" from mx by mx with LMTP id 1 (envelope-from <joe@x>)", ["-", "mx", "mx", "LMTP"]),
        (" by mx (Postfix, from userid 0) id 1; now", ["-", "-", "mx", "-"]),
        (" from ([192.0.2.1]) by mx (203.0.113.9) with SMTP", ["192.0.2.1", "-", "mx", "SMTP"]),
        (" FROM a (a [192.0.2.1]) BY mx WITH esmtp; now", ["192.0.2.1", "a", "mx", "esmtp"]),
    ] {
        assert_hop(value, expected);
    }
}

#[test]
fn names_are_all_that_the_server_found_or_heard() {
    let names = |value| {
        parse(value).names().iter().map(|name| text(Some(name)).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(" from a (b [192.0.2.1]) by mx"), ["a", "b"]);
    assert_eq!(names(" from a (a [192.0.2.1]) by mx"), ["a"]);
    assert_eq!(names(" from a (unknown [192.0.2.1]) by mx"), ["a"]);
    assert_eq!(names(" from a (IDENT:joe@b [192.0.2.1]) by mx"), ["a", "b"]);
    assert_eq!(names(" from a (HELO b) (192.0.2.1) by mx"), ["a", "b"]);
    assert!(names(" by mx").is_empty());
}

/// HELO is the client's words, and some servers write it as it came.
#[test]
fn what_the_client_says_is_never_its_address() {
    let client = Some("192.0.2.66".parse::<IpAddr>().unwrap());
    for value in [
        " from bank.example (mail.bank.example [198.51.100.1]) (unknown [192.0.2.66]) by mx",
        " from bank.example (HELO x) (198.51.100.1) (192.0.2.66) by mx",
        " from unknown (HELO bank.example (b [198.51.100.1])) (192.0.2.66) by mx",
        " from [198.51.100.1] (unknown [192.0.2.66]) by mx",
        " from by (b [198.51.100.1]) (unknown [192.0.2.66]) by mx",
        " from x from bank.example (b [198.51.100.1]) (unknown [192.0.2.66]) by mx",
        // The certificate is the client's, too.
        " from x (unknown [192.0.2.66]) (Client CN \"bank [198.51.100.1]\", Issuer \"y\" (not verified)) by mx",
        " from x (unknown [192.0.2.66]) (using TLS with [198.51.100.1]) by mx",
    ] {
        assert_eq!(parse(value).address(), client, "{value}");
    }
    for value in [
        " from [198.51.100.1] by mx",
        " from [198.51.100.1] (EHLO x) (unknown [192.0.2.66]) by mx",
        // Exim writes HELO behind the address, Yahoo too.
        " from bank.example ([198.51.100.1] helo=x) (unknown [192.0.2.66]) by mx",
        " from u.example ([192.0.2.66] helo=x) ([198.51.100.1]) by mx",
        " from [192.0.2.66] (helo=x) ([198.51.100.1]) by mx",
        " from 192.0.2.66 (EHLO x) (198.51.100.1) by mx",
        " from a ([192.0.2.]) by mx",
        " from a ([192.0.2.1]x) by mx",
        " from a (b c [198.51.100.1]) by mx",
        " from a by mx (b [198.51.100.1])",
        " (from a (b [198.51.100.1]) by mx) with x",
        " from",
        "",
    ] {
        assert_eq!(parse(value).address(), None, "{value}");
    }
}

#[test]
fn a_clause_that_the_client_began_is_refused() {
    let second_by = |offset| format!("the word by appears twice, the second time at offset {offset}");
    let open_comment = |offset| {
        format!(
            "the comment that begins at offset {offset} is not closed; write \"\\(\" for a bare parenthesis"
        )
    };
    for (value, error) in [
        (" from b (b [198.51.100.1]) by mx (unknown [192.0.2.66]) by mx", second_by(56)),
        (" from b (b [198.51.100.1]) by (unknown [192.0.2.66]) by mx", second_by(53)),
        (" from b (b [198.51.100.1]) by mx; (unknown [192.0.2.66]) by mx; now", second_by(57)),
        (" from b (b [198.51.100.1]) by mx id \" (u [192.0.2.66]) by mx for <\"x\"@y>", second_by(36)),
        (
            " from b (b [198.51.100.1]) \" (u [192.0.2.66]) by mx for <\"x\"@y>",
            "quoted string at offset 27, in front of the name of the server".into(),
        ),
        (" from b (b [198.51.100.1]) by mx ( (u [192.0.2.66]) by mx", open_comment(33)),
        (
            " from b (b [198.51.100.1]) by mx ) (u [192.0.2.66])",
            "the parenthesis at offset 33 closes no comment".into(),
        ),
        (" from a\0b (u [192.0.2.66]) by mx", "forbidden control character 0x00 at offset 7".into()),
        (" from a (u [192.0.2.66] by mx", open_comment(8)),
    ] {
        assert_eq!(Received::parse(value.as_bytes()).unwrap_err().to_string(), error, "{value}");
    }
    // Behind the name of the server, a quoted string is a local-part.
    assert_eq!(
        parse(" from a (a [192.0.2.1]) by mx for <\"joe doe\"@x>; now").address(),
        Some([192, 0, 2, 1].into())
    );
}

#[test]
fn rfc3848_and_rfc6531_protocols() {
    for (protocol, authenticated, lmtp) in [
        ("SMTP", false, false),
        ("ESMTP", false, false),
        ("ESMTPS", false, false),
        ("ESMTPA", true, false),
        ("esmtpsa", true, false),
        ("LMTP", false, true),
        ("LMTPS", false, true),
        ("LMTPA", true, true),
        ("LMTPSA", true, true),
        ("UTF8SMTP", false, false),
        ("UTF8SMTPS", false, false),
        ("UTF8SMTPA", true, false),
        ("UTF8SMTPSA", true, false),
        ("UTF8LMTP", false, true),
        ("UTF8LMTPSA", true, true),
        ("SMTPA", false, false),
        ("MAPIA", false, false),
        ("LMTPX", false, false),
        ("A", false, false),
    ] {
        let value = format!(" from a (a [192.0.2.1]) by mx with {protocol} id 1");
        let received = parse(&value);
        assert_eq!((received.is_authenticated(), received.is_lmtp()), (authenticated, lmtp), "{protocol}");
    }
    // In front of the server's name it is the client that says so.
    let received = parse(" from a with LMTPA (a [192.0.2.1]) by mx");
    assert!(!received.is_authenticated() && !received.is_lmtp());
}

#[test]
fn the_date_stands_behind_the_last_semicolon() {
    let time = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    assert_eq!(parse(" from a by mx; Tue, 14 Nov 2023 22:13:20 +0000").date(), Ok(time));
    assert_eq!(parse(" from a by mx for <a;b@x>; 14 Nov 23 22:13:20 GMT (x)\r\n").date(), Ok(time));
    assert_eq!(parse(" (qmail 12 invoked from network); 14 Nov 2023 22:13:20 -0000").date(), Ok(time));
    let missing = parse(" from a by mx").date().unwrap_err().to_string();
    assert_eq!(missing, "the day of the month is missing at offset 0 of the date (RFC 5322 §3.3)");
    assert!(parse(" from a by mx; yesterday").date().is_err());
}

#[test]
fn a_remark_is_what_a_field_without_clauses_begins_with() {
    assert_eq!(text(parse(" (qmail 12 invoked by uid 0); now").remark()), Some("qmail 12 invoked by uid 0"));
    assert_eq!(parse(" from a (qmail 12 invoked from network) by mx").remark(), None);
    assert!(!parse(" by mx").has_from() && parse(" from a").has_from());
}

#[test]
fn long_values_and_deep_comments_end_at_limits() {
    let error = |value: &[u8]| Received::parse(value).unwrap_err().to_string();
    assert!(Received::parse(&[b' '; 16_384]).is_ok());
    assert_eq!(error(&[b' '; 16_385]), "the value is longer than 16384 bytes");
    let deep = format!(" from a {}{} by mx", "(".repeat(17), ")".repeat(17));
    assert_eq!(error(deep.as_bytes()), "comments nest deeper than 16 levels at offset 24");
}

/// Where servers write HELO, and how they go on.
const FORMS: [&str; 6] = [
    " from HELO (unknown [192.0.2.66]) by mx (Postfix) with ESMTPS id 4X for <a@b>; 14 Nov 2023 22:13:20 GMT",
    " from HELO (u.example [IPv6:2001:db8::66] (may be forged)) by mx (8.17.1/8.17.1) with ESMTP id 4X; x",
    " from HELO (192.0.2.66) by mx (10.0.0.1) with Microsoft SMTP Server id 15.1; x",
    " from unknown (HELO HELO) (192.0.2.66)\n by mx with SMTP; 14 Nov 2023 22:13:20 -0000",
    " from [192.0.2.66] (helo=HELO) by mx with esmtps (Exim 4.96) (envelope-from <\"x y\"@z>) id 1; x",
    " from u.example ([192.0.2.66] helo=HELO) by mx with esmtp id 1; x",
];

proptest::proptest! {
    /// Whatever a client says, and however little the server minds.
    #[test]
    fn no_helo_is_taken_for_what_the_server_wrote(form in 0..FORMS.len(), words in proptest::collection::vec(
        proptest::sample::select(vec![
            "(", ")", " (", ") ", "[198.51.100.1]", "198.51.100.1", " ([198.51.100.1])", " (198.51.100.1)", " by ", " from ",
            " with ESMTPA ", ";", "\"", "\\", " ", "\r\n\t", "HELO ", "EHLO x", "helo=y", " mx", "bank", "]", "[", "@",
        ]),
        0..9,
    )) {
        let (before, after) = FORMS[form].rsplit_once("HELO").unwrap();
        let value = format!("{before}{}{after}", words.concat());
        if let Ok(received) = Received::parse(value.as_bytes()) {
            let own = ["192.0.2.66", "2001:db8::66"].map(|own| own.parse().ok());
            let address = received.address();
            proptest::prop_assert!(address.is_none() || own.contains(&address), "{value:?}: {address:?}");
            proptest::prop_assert!(received.by().is_none_or(|by| by == b"mx"), "{value:?}");
            proptest::prop_assert!(!received.is_authenticated(), "{value:?}");
        }
    }

    #[test]
    fn any_octets_are_a_field_or_an_error(value in proptest::collection::vec(
        proptest::sample::select(b"from by with ;()[]\"\\\r\n\t .:192.0.2.1x\0\xff".to_vec()), 0..80,
    )) {
        if let Ok(received) = Received::parse(&value) {
            let _ = received.date();
            proptest::prop_assert!(received.address().is_none() || received.has_from());
        }
    }
}
