//! Forged fields: which ones they are, and that exactly they go.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use proptest::prelude::*;
use waxseal_authres::{AuthenticationResults, AuthservIds, DkimResult, FieldPosition};
use waxseal_header::{Header, HeaderLimits};

const OWN: &str = "mx.example.net";

fn ids() -> AuthservIds {
    AuthservIds::new([OWN, "", "Mail.Example.ORG.", " mta/job "])
}

fn header(fields: &[String]) -> Header {
    let text: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    Header::parse(text.as_bytes()).unwrap().0
}

/// What a mail server does on SMFIR_CHGHEADER with an empty value: the field of this name and number goes at once.
fn delete(fields: &mut Vec<String>, occurrence: usize) {
    let named = |field: &String| field.to_ascii_lowercase().starts_with("authentication-results:");
    let numbered = fields.iter().enumerate().filter(|(_, field)| named(field)).zip(1..);
    let index = numbered.filter(|(_, number)| *number == occurrence).map(|((index, _), _)| index).next();
    fields.remove(index.unwrap());
}

/// OpenDKIM deletes forward, so that every deletion moves the rest and a forged field survives.
#[test]
fn cve_2022_48521_eight_fields_three_forged_ones_go() {
    let mut fields = vec!["Received: from a by b".to_owned()];
    for i in 0..8 {
        let id = if [1, 4, 6].contains(&i) { OWN.to_owned() } else { format!("mx{i}.example.com") };
        fields.push(format!("Authentication-Results: {id}; dkim=pass header.d=bank{i}.example"));
        fields.push(format!("X-Between: {i}"));
    }
    fields.push("From: joe@bank.example".into());
    let block = header(&fields);
    let forged = ids().forged(&block);
    assert_eq!(
        forged,
        [
            FieldPosition { index: 13, occurrence: 7 },
            FieldPosition { index: 9, occurrence: 5 },
            FieldPosition { index: 3, occurrence: 2 },
        ]
    );
    let survivors: Vec<_> = fields.iter().filter(|field| !field.contains(OWN)).cloned().collect();
    assert_eq!(survivors.len(), fields.len() - 3);
    // By the milter's number, by index, and in memory.
    let mut by_number = fields.clone();
    forged.iter().for_each(|position| delete(&mut by_number, position.occurrence));
    assert_eq!(by_number, survivors);
    let mut by_index = fields.clone();
    forged.iter().for_each(|position| drop(by_index.remove(position.index)));
    assert_eq!(by_index, survivors);
    assert_eq!(ids().remove_forged(&block), header(&survivors).as_bytes());
}

proptest! {
    #[test]
    fn any_number_of_forged_fields_goes(kinds in proptest::collection::vec(0..4_u8, 0..40)) {
        let field = |(i, kind): (usize, &u8)| match kind {
            0 => format!("Authentication-Results: {OWN}; dkim=pass header.d=bank{i}.example"),
            1 => format!("authentication-results : mx{i}.example.com; dkim=pass"),
            2 => format!("Authentication-Results: MX.example.NET; (broken {i}"),
            _ => format!("X-Other: {i}"),
        };
        let mut fields: Vec<_> = kinds.iter().enumerate().map(field).collect();
        let survivors: Vec<_> = fields.iter().zip(&kinds).filter(|(_, kind)| **kind % 2 == 1).map(|(f, _)| f.clone()).collect();
        let block = header(&fields);
        prop_assert_eq!(ids().remove_forged(&block), header(&survivors).as_bytes().to_vec());
        for position in ids().forged(&block) {
            fields.remove(position.index);
        }
        prop_assert_eq!(fields, survivors);
    }

    #[test]
    fn no_value_panics_and_what_is_trusted_is_claimed(value in proptest::collection::vec(any::<u8>(), 0..80), prefix in 0..4_usize) {
        let prefix = [&b""[..], b"mx.example.net;", b"mx.example.net 1 ;dkim=pass ", b"mta/job"][prefix];
        let value: Vec<u8> = prefix.iter().chain(&value).copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect();
        let field = [b"Authentication-Results:", &value[..], b"\r\n"].concat();
        let (block, _) = Header::parse(&field).unwrap();
        let claimed = ids().claimed_by(&value);
        prop_assert!(claimed || ids().trusted(&block, 1).count() == 0);
        let other = AuthenticationResults::parse(&value).ok().map(|read| read.version() != 1);
        let forged = ids().forged(&block).len();
        prop_assert!(other.map_or(forged >= usize::from(claimed), |other| forged == usize::from(claimed || other)));
    }
}

#[test]
fn what_claims_an_own_name() {
    for value in [
        "mx.example.net; none",
        " MX.EXAMPLE.NET 1; dkim=pass",
        "mx.example.net 2; dkim=pass",
        "\"mx.example.net\"; dkim=pass",
        "\"mx\\.example.net\"; dkim=pass",
        "\" mx.example.net \"; dkim=pass",
        "mx.example.net.; dkim=pass",
        "mx.example.net/4A1B2C; dkim=pass",
        "(;)\r\n (a (b))mx.example.net(c);dkim=pass",
        "mail.example.org",
        "MTA/job; dkim=pass",
        // Trusted with a dot at its end, so it has to go with it as well.
        "mta/job.; dkim=pass",
        "mta/job/4A1B2C; dkim=pass",
        // Not readable:
        "mx.example.net; iprev=pass policy.iprev=2001:db8::1",
        "mx.example.net dkim=pass",
        "(mx.example.net; dkim=pass",
        "\"mx.example.net; dkim=pass",
        "mx.example(c).net; dkim=pass",
        "mx.\"example\".net; dkim=pass",
        "\"(\" mx.exam\"p\"le.net; dkim=pass",
        "(\") mx.exam(c)ple.net; dkim=pass",
        "mx\\.example.net; dkim=pass",
        "mx.example.net,; dkim=pass",
        // Read as Office 365 writes it, but another reader can take it for an authserv-id.
        "dkim=pass; mx.example.net; dkim=pass",
        "dkim=pass; MX.example.net.(c)",
        "x\0 mx.example.net; dkim=pass",
        "mx.example.net \0",
    ] {
        assert!(ids().claimed_by(value.as_bytes()), "{value:?}");
    }
    let huge = format!("{}mx.example.net; dkim=pass", " ".repeat(100_000));
    assert!(ids().claimed_by(huge.as_bytes()));
}

/// Python's `email` hands out `mx.example.net; …` of each of these, by its default policy or after `decode_header`.
#[test]
fn encoded_words_in_the_authserv_id_claim_any_name() {
    for id in [
        "=?utf-8?b?bXguZXhhbXBsZS5uZXQ=?=",
        "=?utf-8?B?bXguZXhhbXBsZS5uZXQ=?=",
        "=?utf-8?q?mx=2Eexample=2Enet?=",
        "=?iso-8859-1*en?Q?mx.example.net?=",
        "=?utf-7?q?mx.example.net?=",
        "mx.=?utf-8?q?example?=.net",
        "mx.example=?utf-8?q?=2Enet?=",
        "mx=?utf-8?q?=2Eexample=2Enet=3B_dmarc=3Dpass?=",
        "=?utf-8?q?mx?= =?utf-8?q?=2Eexample=2Enet?=",
        "(=?utf-8?q?=29?= mx.example.net; dmarc=pass (x) ) mx.other.example",
        "\"=?utf-8?q?mx.example.net?=\"",
        "=?utf-8?q?mx.example.net",
    ] {
        assert!(ids().claimed_by(format!("{id}; dmarc=pass").as_bytes()), "{id}");
    }
    // Without an authserv-id, or where the field cannot be read, one anywhere is enough.
    for value in ["; =?utf-8?q?mx=2Eexample=2Enet?=", "dkim=pass (=?utf-8?b?bXg=?=", "(=?x?=?utf-8?Q?mx?="] {
        assert!(ids().claimed_by(value.as_bytes()), "{value}");
    }
    // Behind the authserv-id they are values as others.
    for value in [
        "mx.other.example; dkim=pass reason=\"=?utf-8?q?mx.example.net?=\"",
        "spf=pass smtp.mailfrom=a=?b@example.org; dkim=pass",
        "dkim=pass header.i=\"a?q?b\"@other.example",
    ] {
        assert!(!ids().claimed_by(value.as_bytes()), "{value}");
    }
}

/// RFC 8601 §5: "In the case of EAI-formatted messages, this test is done after converting A-labels into U-labels."
#[test]
fn internationalized_names_are_claimed_and_trusted_in_each_spelling() {
    let spellings = ["xn--bcher-kva.example", "XN--BCHER-KVA.Example", "bücher.example", "BÜCHER.EXAMPLE."];
    for own in spellings {
        let ids = AuthservIds::new([own]);
        for id in spellings {
            let field = format!("Authentication-Results: {id}; dkim=pass");
            let block = header(&[field]);
            assert_eq!(ids.remove_forged(&block), b"", "{own} {id}");
            assert_eq!(ids.trusted(&block, 1).count(), 1, "{own} {id}");
        }
        // Read as ours by some, but not written by ours.
        for id in [
            "bu\u{308}cher.example",
            "b\u{fc}\u{200b}cher.example",
            "ｂücher．example",
            "\"(x) bücher.example\"",
        ] {
            let block = header(&[format!("Authentication-Results: {id}; dkim=pass")]);
            assert_eq!(
                (ids.remove_forged(&block), ids.trusted(&block, 1).count()),
                (vec![], 0),
                "{own} {id}"
            );
        }
        assert!(ids.claimed_by(b"b\xfccher.example; dkim=pass"), "Latin-1");
        for id in ["bucher.example", "bcher.example", "xn--bcher-kvb.example", "büchern.example", "é.example"]
        {
            assert!(!ids.claimed_by(format!("{id}; dkim=pass").as_bytes()), "{own} {id}");
        }
    }
    assert!(!ids().claimed_by("bu\u{308}cher.example; dkim=pass".as_bytes()));
}

#[test]
fn characters_that_are_not_seen_hide_no_name() {
    for id in [
        "mx.example.net\u{a0}",
        "\u{feff}mx.example.net",
        "mx.exam\u{ad}ple.net",
        "mx\u{3002}example\u{ff0e}net",
        "ＭＸ.example.net",
        "mx.example.net\0",
        "mx.exam\0ple.net",
        "\u{b}mx.example.net",
        "mx.exam\rple.net",
        "mx.example.net\rother.example",
        "xn--mx-.example.net",
        "[mx.example.net]",
        "<mx.example.net>",
        "mx.example.net:25",
        "\"(x) mx.example.net\"",
        "(mx.example.net; dmarc=pass; x=) mx.other.example",
        "\"mx.example.net; dmarc=pass; x=\"",
    ] {
        assert!(ids().claimed_by(format!("{id}; dkim=pass").as_bytes()), "{id:?}");
    }
    assert!(ids().claimed_by(b"mx.example.net\xa0; dkim=pass"));
}

const CLAIM: &str = "Authentication-Results: mx.example.net; dmarc=pass header.from=bank.example";

/// Python's `email` and Perl's Email::MIME end a line at a bare CR, c-client at NUL, `str.splitlines` at more.
#[test]
fn a_field_within_another_one_goes_with_it() {
    for end in [
        "\r", "\r\r", "\r \t", "\0", "\x0b", "\x0c", "\x1c", "\u{85}", "\u{2028}", "\u{2029}", "\r>",
        "\r\n \r",
    ] {
        for outer in
            ["X: a", "Subject:", "Authentication-Results: mx.other.example; none", "a line that is no field"]
        {
            for inner in [
                CLAIM,
                "authentication-results : mx.other.example; none",
                "Received-SPF: pass",
                "ARC-Seal: i=1; cv=none",
                "ARC-Message-Signature: i=1",
                "ARC-Authentication-Results: i=1; mx.example.net; dmarc=pass",
            ] {
                let fields =
                    ["X: 1".to_owned(), format!("{outer}{end}{inner}"), "From: a@b.example".to_owned()];
                let block = header(&fields);
                let survivors = header(&[fields[0].clone(), fields[2].clone()]);
                assert_eq!(ids().remove_forged(&block), survivors.as_bytes(), "{:?}", fields[1]);
            }
        }
    }
    for honest in [
        format!("X: a\r\n {CLAIM}"),
        format!("X: a\t{CLAIM}"),
        format!("X: a\rSubject: {CLAIM}"),
        "X: a\rArc-Sealed: x".into(),
        "X: a\rReceived-SPF".into(),
        "DKIM-Signature: h=ARC-Seal:Received-SPF:Authentication-Results:From".into(),
        "Received-SPF: pass".into(),
        "ARC-Seal: i=1".into(),
    ] {
        let block = header(&[honest]);
        assert_eq!(ids().remove_forged(&block), block.as_bytes());
    }
}

#[test]
fn a_line_that_only_some_readers_take_for_the_field_goes() {
    for name in [
        "Authentication-Results\0",
        "\0Authentication-Results",
        "Authentication\0-Results",
        " Authentication-Results",
        "\u{feff}Authentication-Results",
        "Authentication-Results\u{a0}",
        "\u{b}Authentication-Results",
        "Authentication-\tResults",
        ">\0Authentication-Results",
        "Received-SPF\0",
        "ARC-Seal\x7f",
    ] {
        for id in [OWN, "mx.other.example"] {
            let fields = [format!("{name}: {id}; dmarc=pass"), "From: a@b.example".to_owned()];
            let block = header(&fields);
            assert_eq!(ids().remove_forged(&block), b"From: a@b.example\r\n", "{:?}", fields[0]);
        }
    }
    // Fields all the same, so only their claim counts.
    for name in [
        "Authentication-Results ",
        "Authentication-Results\t",
        ">Authentication-Results",
        ">>AUTHENTICATION-RESULTS ",
    ] {
        let own = header(&[format!("{name}: {OWN}; dmarc=pass")]);
        assert_eq!(ids().remove_forged(&own), b"", "{name:?}");
        let other = header(&[format!("{name}: mx.other.example; dmarc=pass")]);
        assert_eq!(ids().remove_forged(&other), other.as_bytes(), "{name:?}");
    }
}

/// A milter names the field and counts those of that name.
#[test]
fn occurrences_count_the_fields_of_one_name() {
    let block = header(&[
        "X: 1".into(),
        format!("x: 2\r{CLAIM}"),
        CLAIM.into(),
        "Y: 1".into(),
        format!("X: 3\r{CLAIM}"),
        CLAIM.into(),
    ]);
    let position = |index, occurrence| FieldPosition { index, occurrence };
    assert_eq!(ids().forged(&block), [position(5, 2), position(4, 3), position(2, 1), position(1, 2)]);
}

/// A result that cannot be read takes none of the others with it, unless text and results cannot be told apart.
#[test]
fn what_can_be_read_of_an_own_field_is_trusted() {
    let block = header(&[
        "Authentication-Results: mx.example.net; iprev=pass policy.iprev=2001:db8::1; dkim=pass header.d=a.example".into(),
        "Authentication-Results: mx.example.net; dkim=pass header.d=b.example; spf=pass (helo x) ; dkim=pass; y=z)".into(),
        "Authentication-Results: mx.example.net; dkim=pass header.d=c.example; spf=fail smtp.helo=\"x".into(),
    ]);
    let trusted: Vec<_> = ids().trusted(&block, block.len()).collect();
    assert_eq!((trusted.len(), trusted[0].entries().len(), trusted[0].unreadable().len()), (1, 2, 1));
    assert_eq!(trusted[0].results_of::<DkimResult>().count(), 1);
    assert_eq!(ids().remove_forged(&block), b"");
}

#[test]
fn what_claims_no_own_name() {
    for value in [
        "",
        "; none",
        "a.mx.example.net; dkim=pass",
        "mx.example.network; dkim=pass",
        "xmx.example.net; dkim=pass",
        "mx.example.net.evil.example; dkim=pass",
        "mx.other.example; dkim=pass (by mx.example.net) smtp.rcptto=joe@mx.example.net",
        "mx-example.net; none",
        "émx.example.net dkim=pass",
        "mx.example.neté dkim=pass",
        // Office 365: without an authserv-id, with a domain between results, and broken.
        "spf=pass (mx.example.net) smtp.mailfrom=mx.example.net; dkim=pass",
        "dkim=none header.d=mx.example.net;other.example; dmarc=none smtp.rcptto=joe@mx.example.net;",
        "dkim=none header.d=mx.example.net;other.example; dmarc",
        "mx.other.example; iprev=pass policy.iprev=2001:db8::1 smtp.helo=mx.example.net.x",
    ] {
        assert!(!ids().claimed_by(value.as_bytes()), "{value:?}");
    }
    assert!(!AuthservIds::new([""; 2]).claimed_by(b"\"\"; dkim=pass"));
}

/// RFC 8601 §5: fields of an unsupported version "MUST" go, unless an own host relays the message.
#[test]
fn fields_of_another_version_go_whoever_they_name() {
    let gone = [
        "mx.other.example 2; dkim=pass",
        "mx.other.example 0; dkim=pass",
        "mx.other.example 99999999999999999999; dkim=pass",
        "\"mx.other.example\" (c) 7",
        "mx.other.example\r\n 02(c);\r\n dkim=pass",
        // What stands behind the version may be of a grammar to come.
        "mx.other.example 2 {dkim: pass}",
        "mx.other.example 2; dkim=pass (",
    ];
    let kept = [
        "mx.other.example; dkim=pass",
        "mx.other.example 1; dkim=pass",
        "mx.other.example (2) 001; dkim=pass",
        "dkim=pass (mx 2); spf=pass",
        "2; dkim=pass",
        // No version can be read.
        "mx.other.example 2x; dkim=pass",
        "(mx.other.example 2; dkim=pass",
        "mx.other.example dkim=pass 2;",
        "; dkim=pass 2",
    ];
    let field = |value: &&str| format!("Authentication-Results: {value}");
    let block = header(&gone.iter().chain(&kept).map(field).collect::<Vec<_>>());
    let survivors = header(&kept.iter().map(field).collect::<Vec<_>>());
    assert_eq!(ids().remove_forged(&block), survivors.as_bytes());
    assert_eq!(ids().forged(&block).len(), gone.len());
    // They are no claims for all that.
    assert!(gone.iter().all(|value| !ids().claimed_by(value.as_bytes())));
}

/// Perl's Email::Simple, and with it Email::MIME, takes a line without a colon for a part of the field above.
#[test]
fn a_line_without_a_colon_does_not_complete_a_forged_field() {
    let claims = [
        vec!["Authentication-Results:", "mx.example.net; dmarc=pass"],
        vec!["Authentication-Results: (", ") mx.example.net; dmarc=pass"],
        vec!["Authentication-Results: \"mx.example.net", "\"; dmarc=pass", "header.from=bank.example"],
        vec!["Authentication-Results:", ":", "=?utf-8?q?mx=2Eexample=2Enet?=; dmarc=pass"],
        // What is left would belong to the field above.
        vec!["Authentication-Results: mx.example.net; dmarc=fail", "; dmarc=pass"],
    ];
    for claim in claims {
        let fields =
            ["X: a", "Authentication-Results:  "].into_iter().chain(claim.iter().copied()).chain(["X: b"]);
        let block = header(&fields.map(str::to_owned).collect::<Vec<_>>());
        let cleaned = ids().remove_forged(&block);
        assert_eq!(cleaned, b"X: a\r\nAuthentication-Results:  \r\nX: b\r\n", "{claim:?}");
    }
    let honest = header(&[
        "Authentication-Results: mx.other.example; none".into(),
        "a line of a program that went wrong".into(),
        "X: mx.example.net".into(),
        "mx.example.net; dmarc=pass".into(),
    ]);
    assert!(ids().forged(&honest).is_empty());
    // A line with a colon is none of these, though its name has a blank in it.
    let below = header(&["Authentication-Results: mx.example.net; dmarc=pass".into(), "X y: z".into()]);
    assert_eq!(ids().remove_forged(&below), b"X y: z\r\n");
}

#[test]
fn only_own_readable_fields_above_the_border_are_trusted() {
    let block = header(&[
        "Authentication-Results: MX.Example.net.; dkim=pass header.d=a.example".into(),
        "Authentication-Results: mx.other.example; dkim=pass header.d=b.example".into(),
        "Authentication-Results: dkim=pass header.d=c.example".into(),
        "Authentication-Results: mx.example.net 2; dkim=pass header.d=d.example".into(),
        "Authentication-Results: mx.example.net; dkim=pass header.d=e(".into(),
        "Authentication-Results: mx.example.net/job; dkim=pass header.d=f.example".into(),
        "ARC-Authentication-Results: i=1; mx.example.net; dkim=pass header.d=g.example".into(),
        "Received: from outside by mx.example.net".into(),
        "Authentication-Results: mx.example.net; dkim=pass header.d=h.example".into(),
    ]);
    let domains = |first: usize| -> Vec<String> {
        let trusted: Vec<_> = ids().trusted(&block, first).collect();
        let dkim = trusted.iter().flat_map(|read| read.results_of::<DkimResult>());
        dkim.filter_map(|(_, entry)| entry.property("header", "d").map(str::to_owned)).collect()
    };
    assert_eq!(domains(7), ["a.example"]);
    assert_eq!(domains(block.len()), ["a.example", "h.example"]);
    assert_eq!(domains(0), [""; 0]);
    let indexes: Vec<_> = ids().forged(&block).iter().map(|position| position.index).collect();
    assert_eq!(indexes, [8, 5, 4, 3, 0]);
}

#[test]
fn a_header_full_of_hostile_fields_is_searched_in_linear_time() {
    let limits = HeaderLimits::default().with_max_bytes(4 << 20).with_max_fields(10);
    let pieces = [
        "mx.example.ne",
        "mx.example.net.",
        "mx.example.net ",
        "(",
        "\\",
        "\"",
        "mx.",
        "\rA",
        "\0",
        "\r\0Authentication-\0",
        "=?",
        "xn--a",
        "\r>",
        "\u{ad}",
        "\u{308}",
    ];
    for piece in pieces {
        let field = format!("Authentication-Results: {}\r\n", piece.repeat((1 << 18) / piece.len()));
        let (block, _) =
            Header::parse_with(field.as_bytes(), limits).map(|(block, body)| (block, body.len())).unwrap();
        // All are too long to be read, so they are searched for the name.
        let forged = ids().forged(&block).len();
        assert_eq!(forged, usize::from(piece == "mx.example.net "), "{piece}");
    }
}

/// The crate mail-parser has no folds in a line that is no field, and steps over colons in front of a name.
#[test]
fn a_broken_line_hides_no_forged_field() {
    let own = AuthservIds::new(["mx.example.net"]);
    for front in ["no colon\r\n ", "A\r\n\tx\r\n\t", ":", "::", ":\r\n :"] {
        for name in ["Authentication-Results", "Received-SPF", "ARC-Seal"] {
            let forged = format!("{front}{name}: mx.example.net; dmarc=pass\r\n");
            let block = format!("Subject: x\r\n{forged}From: joe@bank.example\r\n\r\n");
            let (header, _) = Header::parse(block.as_bytes()).unwrap();
            assert_eq!(
                own.remove_forged(&header),
                b"Subject: x\r\nFrom: joe@bank.example\r\n",
                "{}",
                forged.escape_debug()
            );
        }
    }
    let harmless = b"Subject: x\r\n Received-SPF: none\r\nno colon\r\n X: Received-SPF\r\n\r\n";
    let (header, _) = Header::parse(harmless).unwrap();
    assert!(own.forged(&header).is_empty());
}
