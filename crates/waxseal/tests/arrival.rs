//! The client, the reverse-path and the time that trace fields tell of, for stored messages of many sites.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::error::Error;
use std::time::{Duration, UNIX_EPOCH};
use waxseal::{Arrival, Envelope, Relays, header::Header};

const PATH: &str = "Return-Path: <joe@example.org>";
/// The hop from outside.
const OUTSIDE: &str = "Received: from mail.example.org (mail.example.org [192.0.2.1]) by mx.example.net (Postfix) with ESMTPS \
                       id 4X; Tue, 14 Nov 2023 22:13:20 +0000";
/// What a stranger put below it.
const FORGED: &str = "Received: from bank.example (bank.example [198.51.100.1]) by pc.example.net with ESMTP; Mon, 13 Nov 2023 00:00:00 +0000";

fn arrival(fields: &[&str], relays: &Relays) -> Arrival {
    let text: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    Arrival::from_header(&Header::parse(text.as_bytes()).unwrap().0, relays)
}

/// Client and HELO, or why there is none.
fn client(fields: &[&str], relays: &str) -> Result<(String, String), String> {
    let relays = relays.split_ascii_whitespace().map(|relay| relay.parse().unwrap());
    let relays = relays.fold(Relays::default(), Relays::with);
    let arrival = arrival(&[&[PATH], fields].concat(), &relays);
    let envelope = arrival.envelope().map_err(|why| why.to_string())?;
    assert_eq!(envelope.mail_from(), b"joe@example.org");
    Ok((envelope.ip().unwrap().to_string(), String::from_utf8(envelope.helo().to_vec()).unwrap()))
}

fn outside() -> Result<(String, String), String> {
    Ok(("192.0.2.1".into(), "mail.example.org".into()))
}

/// Mail stores put a hop of their own on top: else every message fails SPF for the store's address.
#[test]
fn hops_inside_the_site_are_stepped_over() {
    for inside in [
        // Dovecot, over the network and without
        &[
            "from mx.example.net ([172.22.1.253])\r\n\tby store.example.net with LMTP\r\n\tid 8E (envelope-from <joe@example.org>)",
        ][..],
        &["from MX.example.net.\r\n\tby mx.example.net with LMTP\r\n\tid 8E"],
        // a director of Dovecot in between
        &[
            "from director.example.net ([10.0.0.2]) by store.example.net with LMTP",
            "from mx.example.net ([10.0.0.1]) by director.example.net with LMTPS",
        ],
        // Cyrus
        &["from mx.example.net ([unix socket]) by mx.example.net (Cyrus v2.5.10) with LMTPA"],
        // amavis, there and back
        &[
            "from localhost (localhost [127.0.0.1]) by mx.example.net (Postfix) with ESMTP id 5F",
            "from mx.example.net ([127.0.0.1]) by localhost (mx.example.net [127.0.0.1]) (amavisd-new, port 10024) with ESMTP",
        ],
        &[
            "from localhost (localhost [IPv6:::1]) by mx.example.net (Postfix) with ESMTP id 5F",
            "from mx.example.net ([::1]) by localhost (mx.example.net [::1]) (amavis, port 10024) with ESMTP",
        ],
        // Zimbra
        &[
            "from mx.example.net (LHLO mx.example.net) (10.0.0.1) by mx.example.net with LMTP",
            "from localhost (localhost [127.0.0.1]) by mx.example.net (Postfix) with ESMTP id 1",
            "from mx.example.net ([127.0.0.1]) by localhost (mx.example.net [127.0.0.1]) (amavis, port 10032) with ESMTP",
        ],
        // the name that DNS has for the address counts as well as the one that was said
        &["from postfix (mx.example.net [127.0.0.2]) by store with ESMTP"],
        &["from unknown (HELO mx.example.net) (127.0.0.1) by store with SMTP"],
        // Gmail, and what is taken out of it
        &["by 2002:a05:6102:dcc:b0:4bb:db8e:e3ef with SMTP id m12csp1vst"],
        // qmail
        &["(qmail 4711 invoked from network)"],
    ] {
        let by_google = inside.iter().any(|field| field.starts_with("by 2002:"));
        let below =
            if by_google { OUTSIDE.replace("mx.example.net", "mx.google.com") } else { OUTSIDE.into() };
        let inside: Vec<String> = inside
            .iter()
            .map(|field| format!("Received: {field}; Tue, 14 Nov 2023 22:13:25 +0000"))
            .collect();
        let mut fields: Vec<&str> = inside.iter().map(String::as_str).collect();
        fields.extend([&*below, FORGED]);
        assert_eq!(client(&fields, ""), outside(), "{fields:?}");
    }
}

#[test]
fn the_topmost_field_counts_where_nothing_is_stepped_over() {
    assert_eq!(client(&[OUTSIDE, FORGED], ""), outside());
    assert_eq!(client(&[OUTSIDE, FORGED], "private"), outside());
}

/// A host inside may hand on what a stranger wrote at the top of the header.
#[test]
fn a_forged_field_below_an_internal_hop_never_becomes_the_client() {
    let other = |from: &str, by: &str| Err(format!("the Received below the hop from {from} is by {by}"));
    let forged = FORGED.replace("pc.example.net", "mx.example.net");
    for (hop, expected) in [
        ("from web ([127.0.0.1]) by mx.example.net with ESMTP", other("web", "mx.example.net")),
        (
            "from web.example.net ([10.0.0.9]) by mx.example.net with LMTP",
            other("web.example.net", "mx.example.net"),
        ),
        ("from localhost by mx.example.net with LMTP", other("localhost", "mx.example.net")),
        (
            "from x.mx.example.net ([::1]) by mx.example.net with SMTP",
            other("x.mx.example.net", "mx.example.net"),
        ),
    ] {
        let hop = format!("Received: {hop}; Tue, 14 Nov 2023 22:13:25 +0000");
        assert_eq!(client(&[&hop, &forged], ""), expected, "{hop}");
    }
    let private = "Received: from pc.example.net ([10.0.0.9]) by mx.example.net with ESMTP; x";
    let refused = "the client 10.0.0.9 has a private address";
    assert_eq!(client(&[private, FORGED], ""), Err(refused.into()));
    assert_eq!(client(&[private, FORGED], "10.0.0.8"), Err(refused.into()));
    let why = arrival(&[PATH, private], &Relays::default()).envelope().unwrap_err();
    assert_eq!((why.private_address(), why.is_authenticated()), ("10.0.0.9".parse().ok(), false));
    assert_eq!(client(&[private, &forged], "10.0.0.9"), other("pc.example.net", "mx.example.net"));
    // Handed over by a local program, which may be a form on the web.
    let local = "Received: by mx.example.net (Postfix, from userid 33); Tue, 14 Nov 2023 22:13:25 +0000";
    for hop in [
        local,
        "Received: (qmail 4711 invoked by uid 33); x",
        "Received: (qmail x invoked from network); x",
        "Received: by 2001:db8::1 with SMTP id x; x",
        "Received: by store.example.net with LMTP; x",
        "Received: from localhost (localhost) by mx.example.net with ESMTP; x",
    ] {
        let expected = Err("the topmost Received names no client".into());
        assert_eq!(client(&[hop, &forged], "private"), expected, "{hop}");
    }
    // Below another hop they say nothing.
    let lmtp = "Received: from mx.example.net by store with LMTP; x";
    let second = "Received number 2 from the top names no client";
    assert_eq!(client(&[lmtp, local, FORGED], ""), Err(second.into()));
    let gmail = "Received: by 2002:a05:6102:dcc::1 with SMTP id m12; x";
    assert_eq!(client(&[gmail, FORGED], ""), other("mx.google.com", "pc.example.net"));
}

#[test]
fn relays_are_stepped_over_by_their_network() {
    let hop = "Received: from mx.example.net (unknown [172.22.1.253]) by store with ESMTP; x";
    let public = "Received: from mx.example.net (mx.example.net [203.0.113.9]) by store with ESMTP; x";
    for (hop, relays) in [
        (hop, "private"),
        (hop, "172.22.0.0/16"),
        (hop, "192.0.2.128/25 172.22.1.253"),
        (public, "203.0.113.8/29"),
    ] {
        assert_eq!(client(&[hop, OUTSIDE], relays), outside(), "{relays}");
    }
    let itself = client(&[public, OUTSIDE], "private");
    assert_eq!(itself, Ok(("203.0.113.9".into(), "mx.example.net".into())));
    // A relay that is the last one wrote the message itself.
    let expected = Err("no Received below the hop from mx.example.net".into());
    assert_eq!(client(&[hop], "private"), expected);
}

/// Users of the server send from anywhere; no SPF record names their address.
#[test]
fn rfc3848_authenticated_clients_have_no_envelope() {
    for with in ["ESMTPA", "ESMTPSA", "esmtpsa", "UTF8SMTPA", "UTF8SMTPSA"] {
        let hop =
            format!("Received: from pc (dsl.example [192.0.2.7]) by mx.example.net with {with} id 1; x");
        let expected = Err(format!("the client authenticated itself (with {with})"));
        assert_eq!(client(&[&hop, FORGED], ""), expected);
        let why = arrival(&[PATH, &hop], &Relays::default()).envelope().unwrap_err();
        assert_eq!((why.private_address(), why.is_authenticated()), (None, true));
        let lmtp = "Received: from mx.example.net by mx.example.net with LMTP; x";
        assert_eq!(client(&[lmtp, &hop, FORGED], ""), expected);
        assert_eq!(client(&[&hop.replace("192.0.2.7", "127.0.0.1"), FORGED], "0.0.0.0/0"), expected);
    }
}

#[test]
fn fields_that_cannot_be_read_are_named() {
    let broken = "Received: from b (b [198.51.100.1]) by mx (unknown [192.0.2.66]) by mx; x";
    let source = waxseal::header::Received::parse(&broken.as_bytes()["Received:".len()..]).unwrap_err();
    let why = arrival(&[PATH, broken], &Relays::default()).envelope().unwrap_err();
    assert_eq!(why.source().map(ToString::to_string), Some(source.to_string()));
    let first = "the topmost Received cannot be read";
    assert_eq!(client(&[broken, OUTSIDE], ""), Err(first.into()));
    let lmtp = "Received: from mx by mx with LMTP; x";
    let second = "Received number 2 from the top cannot be read";
    assert_eq!(client(&[lmtp, broken], ""), Err(second.into()));
    assert_eq!(client(&[], ""), Err("no Received".into()));
    let nobody = arrival(&[OUTSIDE], &Relays::default());
    assert_eq!(nobody.envelope().unwrap_err().to_string(), "no Return-Path or X-Envelope-From");
}

#[test]
fn a_strangers_text_is_short_and_ascii() {
    let long = format!("Received: from {}\u{1b}\u{202e} by store with LMTP; x", "x".repeat(100));
    let text = client(&[&long.replace('\u{1b}', "\u{9b}"), OUTSIDE], "").unwrap_err();
    assert!(text.is_ascii() && text.len() < 200 && text.contains("xxx... is by mx.example.net"), "{text}");
}

#[test]
fn the_reverse_path_is_the_topmost_one() {
    let of = |fields: &[&str]| {
        Arrival::from_header(&header(fields), &Relays::default()).envelope().cloned().unwrap()
    };
    let expected = Envelope::new("192.0.2.1".parse().unwrap(), "mail.example.org", "joe@example.org");
    assert_eq!(of(&[PATH, OUTSIDE, "Return-Path: <x@y>"]), expected);
    assert_eq!(of(&[OUTSIDE, "X-Envelope-From: joe@example.org", FORGED]), expected);
    let null = of(&["Return-path: <>", OUTSIDE, "X-Envelope-From: joe@example.org"]);
    assert!(null.is_null_sender() && null.ip().is_some());
}

fn header(fields: &[&str]) -> Header {
    let text: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    Header::parse(text.as_bytes()).unwrap().0
}

#[test]
fn the_time_is_that_of_the_field_that_names_the_client() {
    let time = |fields: &[&str]| arrival(fields, &Relays::default()).time().map_err(|why| why.to_string());
    let at = |seconds| Ok(UNIX_EPOCH + Duration::from_secs(seconds));
    let lmtp = "Received: from mx.example.net by store with LMTP; Tue, 14 Nov 2023 22:13:25 +0000";
    assert_eq!(time(&[OUTSIDE, FORGED]), at(1_700_000_000));
    assert_eq!(time(&[lmtp, OUTSIDE, FORGED]), at(1_700_000_000));
    // What a stranger may have written says nothing; the last field that counts does.
    assert_eq!(time(&[lmtp, FORGED]), at(1_700_000_005));
    assert_eq!(
        time(&["Received: by mx (Postfix, from userid 0); 14 Nov 23 22:13:20 GMT"]),
        at(1_700_000_000)
    );
    let sent = OUTSIDE.replace("ESMTPS", "ESMTPSA");
    assert_eq!(time(&[&sent, FORGED]), at(1_700_000_000));
    assert_eq!(time(&["From: x@y"]), Err("no Received".into()));
    let yesterday = time(&["Received: from a by b; yesterday", OUTSIDE]);
    assert_eq!(yesterday, Err("Received has no readable date".into()));
    assert_eq!(time(&["Received: from (a", OUTSIDE]), Err("Received cannot be read".into()));
}
