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
    let limits = HeaderLimits::default().with_octets(4 << 20).with_fields(10);
    for piece in ["mx.example.ne", "mx.example.net.", "mx.example.net ", "(", "\\", "\"", "mx."] {
        let field = format!("Authentication-Results: {}\r\n", piece.repeat((1 << 20) / piece.len()));
        let (block, _) =
            Header::parse_with(field.as_bytes(), limits).map(|(block, body)| (block, body.len())).unwrap();
        // All are too long to be read, so they are searched for the name.
        let forged = ids().forged(&block).len();
        assert_eq!(forged, usize::from(piece == "mx.example.net "), "{piece}");
    }
}
