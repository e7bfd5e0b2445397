//! Reading by RFC 8601 §2.2, and what is read beyond it.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use waxseal_authres::{
    ArcResult, AuthenticationResults, DkimResult, ParseLimits, ParsedEntry, ParsedResults, SpfResult,
};

fn read(value: &str) -> ParsedResults<'_> {
    AuthenticationResults::parse(value.as_bytes()).unwrap()
}

/// The first thing that is wrong with the value.
fn error(value: &[u8]) -> String {
    AuthenticationResults::parse_strict(value).unwrap_err().to_string()
}

/// One entry in one line: `method/version=result reason [comment] ptype.name=value name=value`.
fn told(entry: &ParsedEntry<'_>) -> String {
    let mut line = format!("{}/{}={}", entry.method(), entry.method_version(), entry.result());
    line.extend(entry.reason().map(|reason| format!(" {reason:?}")));
    line.extend(entry.comment().map(|comment| format!(" [{comment}]")));
    line.extend(entry.properties().iter().map(|p| format!(" {}.{}={}", p.key().0, p.key().1, p.value())));
    line.extend(entry.extensions().map(|(name, value)| format!(" {name}={value}")));
    line
}

fn entries(value: &str) -> Vec<String> {
    read(value).entries().iter().map(told).collect()
}

/// RFC 8601 appendix B.7, word for word but for the indentation: comments in every place.
#[test]
fn the_heavily_commented_example_of_the_rfc() {
    let value = " foo.example.net (foobar) 1 (baz);\r\n\
        \x20dkim (Because I like it) / 1 (One yay) = (wait for it) fail\r\n\
        \x20  policy (A dot can go here) . (like that) expired\r\n\
        \x20  (this surprised me) = (as I wasn't expecting it) 1362471462";
    let read = read(value);
    assert_eq!((read.authserv_id(), read.version()), (Some("foo.example.net"), 1));
    assert_eq!(
        read.entries().iter().map(told).collect::<Vec<_>>(),
        ["dkim/1=fail [Because I like it] policy.expired=1362471462"]
    );
    assert_eq!(read.entries()[0].typed(), Some(DkimResult::Fail));
}

#[test]
fn none_stands_alone() {
    for value in ["mx.example.net; none", "mx.example.net 1;(a)NONE(b);", "\"mx.example.net\" ; none\r\n"] {
        let read = read(value);
        assert_eq!((read.authserv_id(), read.entries()), (Some("mx.example.net"), &[][..]));
    }
    for value in ["a; none; dkim=pass", "a; dkim=pass; none", "a; none; none"] {
        assert!(error(value.as_bytes()).ends_with("does not stand alone"), "{value}");
    }
    assert_eq!(entries("a; none=pass"), ["none/1=pass"]);
}

#[test]
fn values_are_tokens_quoted_strings_and_addresses() {
    assert_eq!(
        entries(
            "a; spf=fail reason=bad smtp.mailfrom=\"a\\\"b;c(d\"@example.org smtp.helo=\"x;\\\\ y\"; \
             dkim=pass header.i=@example.org header.b=Qgi/Fo+C=; x=y p.q=b=c@example.org p.r=<>"
        ),
        [
            r#"spf/1=fail "bad" smtp.mailfrom="a\"b;c(d"@example.org smtp.helo=x;\ y"#,
            "dkim/1=pass header.i=@example.org header.b=Qgi/Fo+C=",
            "x/1=y p.q=b=c@example.org p.r=<>",
        ]
    );
    assert_eq!(entries("a; x=y p.q=\"1\"(c)p.r=\"2\" p.s=;"), ["x/1=y [c] p.q=1 p.r=2 p.s="]);
    assert_eq!(entries("a; x=y p.q = b p.r=;"), ["x/1=y p.q=b p.r="]);
    // No value, or a strange one? Nobody can tell.
    assert_eq!(
        error(b"a; spf=none smtp.mailfrom= smtp.helo=x"),
        "a value is missing at offset 27 (RFC 8601 §2.2)"
    );
    assert_eq!(
        error(b"a; iprev=pass policy.iprev=2001:db8::1"),
        "a value in quotes is missing at offset 27 (RFC 8601 §2.2)"
    );
}

/// RFC 8601 §2.2 and RFC 5322 §3.4.1: `dot-atom = [CFWS] 1*atext *("." 1*atext) [CFWS]`, and likewise quoted strings.
#[test]
fn comments_and_white_space_may_stand_behind_a_local_part() {
    assert_eq!(
        entries(
            "a; auth=pass smtp.auth=joe (c) @example.org smtp.mailfrom=\"j d\"\r\n @example.org;\
             spf=pass smtp.mailfrom= x=y\t@example.org"
        ),
        [
            "auth/1=pass [c] smtp.auth=joe@example.org smtp.mailfrom=\"j d\"@example.org",
            "spf/1=pass smtp.mailfrom=x=y@example.org",
        ]
    );
    assert_eq!(
        error(b"a; auth=pass smtp.auth=joe @"),
        "a domain name is missing at offset 28 (RFC 8601 §2.2)"
    );
    assert_eq!(
        error(b"a; auth=pass smtp.auth=j@x @y"),
        "a property type is missing at offset 27 (RFC 8601 §2.2)"
    );
}

/// RFC 8601 §2.2 and RFC 5322 §3.2.3: `=` is an `atext`, as in the return addresses of BATV and VERP.
#[test]
fn addresses_with_equals_signs_may_stand_behind_white_space() {
    assert_eq!(
        entries("a; spf=pass smtp.mailfrom= prvs=1a2b=joe@example.org smtp.helo=(c)joe.doe=x@example.org"),
        ["spf/1=pass [c] smtp.mailfrom=prvs=1a2b=joe@example.org smtp.helo=joe.doe=x@example.org"]
    );
    for next in ["smtp.helo=x@example.org", "Header.From=x@example.org", "reason=x"] {
        let value = format!("a; spf=none smtp.mailfrom= {next}");
        assert_eq!(error(value.as_bytes()), "a value is missing at offset 27 (RFC 8601 §2.2)", "{next}");
    }
}

#[test]
fn values_are_unfolded() {
    let crlf = "\r\n\tmx.example.net;\r\n\tdkim=fail\r\n (one\r\n two) reason=\"a\r\n\tb\"\r\n\theader.i=\"c\r\n d\"@example.org\r\n";
    let want = ["dkim/1=fail \"a\\tb\" [one two] header.i=\"c d\"@example.org"];
    assert_eq!(entries(crlf), want);
    // As a milter hands it over.
    assert_eq!(entries(&crlf.replace('\r', "")), want);
}

/// RFC 8616 §3 and RFC 6532: UTF-8 in values, bare in addresses.
#[test]
fn utf8_is_kept_and_other_octets_are_shown() {
    let value = "a; spf=pass (grüß) smtp.mailfrom=jürg@bücher.example smtp.helo=\"é\"";
    assert_eq!(entries(value), ["spf/1=pass [grüß] smtp.mailfrom=jürg@bücher.example smtp.helo=é"]);
    let latin1 = b"a\xe9; spf=pass smtp.helo=\"\xe9\"@b\xe9";
    let read = AuthenticationResults::parse(latin1).unwrap();
    assert_eq!(read.authserv_id(), Some("a<0xE9>"));
    assert_eq!(read.entries()[0].property("smtp", "helo"), Some("\"<0xE9>\"@b<0xE9>"));
}

#[test]
fn versions_are_read_and_other_ones_mean_nothing() {
    let other = read("mx.example.net 2; dkim/1=pass; dkim/2=pass; spf / 01 = pass");
    assert_eq!(other.version(), 2);
    assert_eq!(other.results_of::<DkimResult>().count(), 1);
    assert_eq!(other.results_of::<SpfResult>().count(), 1);
    assert_eq!(other.results_of::<ArcResult>().count(), 0);
    // Neither another version of the field nor of a method can be said again.
    assert_eq!(read("a 2; dkim=pass").to_results(), None);
    assert_eq!(
        read("a 1; dkim=pass").to_results().map(|results| results.to_string()),
        Some("a; dkim=pass".into())
    );
    let methods = read("a; dkim/2=pass; dkim/1=pass");
    assert_eq!(methods.entries()[0].to_entry(), None);
    assert_eq!(methods.entries()[1].to_entry().map(|entry| entry.to_string()), Some("dkim=pass".into()));
    assert_eq!(methods.to_results(), None);
    assert_eq!(
        error(b"a 99999999999; none"),
        "the version of the field is missing at offset 2 (RFC 8601 §2.2)"
    );
    assert_eq!(error(b"a; dkim/x=pass"), "the version of the method is missing at offset 8 (RFC 8601 §2.2)");
    assert_eq!(error(b"\"a\"1; none"), "white space is missing at offset 3 (RFC 8601 §2.2)");
    assert_eq!(error(b"a b; none"), "\";\" is missing at offset 2 (RFC 8601 §2.2)");
}

#[test]
fn unknown_methods_and_words_are_kept() {
    assert_eq!(
        entries("a; sender-id=hardfail header.from=example.com; x-foo=bar; DKIM=Pass X-Y.Z=1"),
        ["sender-id/1=hardfail header.from=example.com", "x-foo/1=bar", "DKIM/1=Pass X-Y.Z=1"]
    );
    let read = read("a; DKIM=Pass Header.D=x.example; spf=hardfail");
    assert_eq!(read.entries()[0].typed(), Some(DkimResult::Pass));
    assert_eq!(read.entries()[0].property("header", "d"), Some("x.example"));
    assert_eq!(read.entries()[0].properties()[0].key(), ("Header", "D"));
    assert_eq!((read.entries()[1].typed::<SpfResult>(), read.entries()[1].result()), (None, "hardfail"));
}

#[test]
fn a_property_that_stands_twice_has_no_value() {
    let read = read("a; dkim=pass header.d=bank.example HEADER.D=evil.example header.s=x");
    assert_eq!(read.entries()[0].property("header", "d"), None);
    assert_eq!(read.entries()[0].property("header", "s"), Some("x"));
    assert_eq!(read.entries()[0].property("header", "i"), None);
    assert_eq!(read.entries()[0].properties().len(), 3);
    assert_eq!(error(b"a; dkim=fail reason=x reason=y"), "a second reason for the same result at offset 22");
}

/// OpenDKIM #372: Office 365 begins with the first result.
#[test]
fn office_365_leaves_the_authserv_id_out() {
    let value = " spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org; dkim=pass (signature was verified)\r\n \
        header.d=example.org;dmarc=pass action=none\r\n header.from=example.org;compauth=pass reason=100";
    let read = read(value);
    assert_eq!((read.authserv_id(), read.version()), (None, 1));
    assert_eq!(
        entries(value),
        [
            "spf/1=pass [sender IP is 192.0.2.1] smtp.mailfrom=example.org",
            "dkim/1=pass [signature was verified] header.d=example.org",
            "dmarc/1=pass header.from=example.org action=none",
            "compauth/1=pass \"100\"",
        ]
    );
    // A comment belongs to the result it stands with, also in front of the first one.
    assert_eq!(entries("(a) dkim (b) = pass (c); (d) spf=pass"), ["dkim/1=pass [a]", "spf/1=pass [d]"]);
    assert_eq!(read.to_results(), None);
    assert_eq!(entries("dkim (a) / 1 = pass"), ["dkim/1=pass [a]"]);
    let nothing = AuthenticationResults::parse(b" \t").unwrap();
    assert_eq!((nothing.authserv_id(), nothing.entries().len()), (None, 0));
}

/// OpenDKIM #73 and MimeKit #490: Office 365 puts the domain of the recipient between results.
#[test]
fn office_365_puts_the_domain_of_the_recipient_between_results() {
    let value = "spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org; example.net; dkim=pass (signature was\r\n \
        verified) header.d=example.org;example.net; (x) dmarc=bestguesspass action=none\r\n header.from=example.org;";
    assert_eq!(read(value).authserv_id(), None);
    assert_eq!(
        entries(value),
        [
            "spf/1=pass [sender IP is 192.0.2.1] smtp.mailfrom=example.org",
            "dkim/1=pass [signature was verified] header.d=example.org",
            "dmarc/1=bestguesspass [x] header.from=example.org action=none",
        ]
    );
    // Not in fields that say who speaks, and nothing but a domain.
    let missing = |offset| format!("\"=\" is missing at offset {offset} (RFC 8601 §2.2)");
    assert_eq!(error(b"a; spf=pass; example.net; dkim=pass"), missing(20));
    assert_eq!(error(b"spf=pass; example; dkim=pass"), missing(17));
    assert_eq!(error(b"spf=pass; example.net dkim=pass"), missing(17));
}

#[test]
fn opendkim_adds_the_job_to_its_name() {
    assert_eq!(read("mx.example.net/4A1B2C; none").authserv_id(), Some("mx.example.net/4A1B2C"));
}

/// CVE-2020-12272: a parenthesis must not turn `legit.example(.attacker.example` into `legit.example`.
#[test]
fn cve_2020_12272_parenthesis_in_a_domain() {
    assert_eq!(
        error(b"a; dkim=pass header.d=legit.example(.attacker.example"),
        "the comment that begins at offset 35 is not closed; write \"\\(\" for a bare parenthesis"
    );
    for value in [
        "a; dkim=pass header.d=legit.example(x).attacker.example",
        "a; dkim=pass header.d=legit.example).attacker.example",
        "a; dkim=pass header.d=legit.example\".attacker.example",
        "a; dkim=pass header.d=legit.example\\.attacker.example",
        "a; dkim=pass header.d=legit.example\0.attacker.example",
        "a; dkim=pass header.d=\"legit.example\".attacker.example",
        "a; dkim=pass header.d=\"legit.example\"@attacker.example\"",
        "a; dkim=pass header.d=legit.example .attacker.example",
    ] {
        let read = read(value);
        let domains = read.entries().iter().flat_map(ParsedEntry::properties);
        assert_eq!((domains.count(), read.unreadable().len()), (0, 1), "{value:?}");
    }
    let quoted = read("a; dkim=pass header.d=\"legit.example(.attacker.example\"");
    assert_eq!(quoted.entries()[0].property("header", "d"), Some("legit.example(.attacker.example"));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (value, want) in [
        (&b"@; none"[..], "an authserv-id is missing at offset 0 (RFC 8601 §2.2)"),
        (b"a; =pass", "a method is missing at offset 3 (RFC 8601 §2.2)"),
        (b"a; dkim", "\"=\" is missing at offset 7 (RFC 8601 §2.2)"),
        (b"a; dkim=", "a result is missing at offset 8 (RFC 8601 §2.2)"),
        (b"a; dkim=pass-", "a result is missing at offset 8 (RFC 8601 §2.2)"),
        (b"a; dkim=pass.x", "the end of the result is missing at offset 12 (RFC 8601 §2.2)"),
        (b"a; dkim=pass header", "\".\" or \"=\" is missing at offset 19 (RFC 8601 §2.2)"),
        (b"a; dkim=pass header.=x", "the name of a property is missing at offset 20 (RFC 8601 §2.2)"),
        (b"a; dkim=pass header.d=,", "a value is missing at offset 22 (RFC 8601 §2.2)"),
        (b"a; dkim=pass header.i=\"a\"@;", "a domain name is missing at offset 26 (RFC 8601 §2.2)"),
        (b"a; dkim=pass\r\nX-Evil: 1", "forbidden control character 0x0D at offset 12"),
        (b"a; dkim=pass header.d=\"x", "the quoted string that begins at offset 22 is not closed"),
    ] {
        assert_eq!(error(value), want, "{}", value.escape_ascii());
    }
    let long = format!("a; {}=pass", "m".repeat(65));
    assert_eq!(error(long.as_bytes()), "the name at offset 3 is longer than 64 bytes");
    let deep = format!("a; {}", "(".repeat(17));
    assert_eq!(error(deep.as_bytes()), "comments nest deeper than 16 levels at offset 19");
}

#[test]
fn limits_are_exact_and_can_be_set() {
    let named = |length: usize| format!("mx; {}=pass", "x".repeat(length));
    assert_eq!(read(&named(64)).entries()[0].method().len(), 64);
    assert_eq!(error(named(65).as_bytes()), "the name at offset 4 is longer than 64 bytes");
    let limits = ParseLimits::default().with_max_bytes(60).with_max_results(2).with_max_properties(2);
    let parse = |value: &str| {
        AuthenticationResults::parse_with(value.as_bytes(), limits).map(|_| ()).map_err(|e| e.to_string())
    };
    assert_eq!(parse(&format!("a; none{}", " ".repeat(53))), Ok(()));
    assert_eq!(parse(&format!("a; none{}", " ".repeat(54))), Err("the value is longer than 60 bytes".into()));
    assert_eq!(parse("a; b=c; b=c"), Ok(()));
    assert_eq!(parse("a; b=c; b=c; b=c"), Err("more than 2 results".into()));
    // Domains between results are limited as results are.
    assert_eq!(parse("b=c; d.e; b=c; d.e"), Ok(()));
    assert_eq!(parse("b=c; d.e; d.e; d.e"), Err("more than 2 results".into()));
    assert_eq!(parse("a; b=c d.e=f; b=c g=h"), Ok(()));
    assert_eq!(parse("a; b=c d.e=f; b=c g=h d.e=f"), Err("more than 2 properties".into()));
    let results = |n: usize| format!("a{}", "; b=c".repeat(n));
    assert_eq!(read(&results(256)).entries().len(), 256);
    assert_eq!(error(results(257).as_bytes()), "more than 256 results");
    assert_eq!(error(&[b' '; 65_537]), "the value is longer than 65536 bytes");
}

/// A MiB of anything is read in linear time, whatever the limits: squared, it would take hours.
#[test]
fn hostile_values_take_linear_time() {
    const MIB: usize = 1 << 20;
    let limits = ParseLimits::default()
        .with_max_bytes(usize::MAX)
        .with_max_results(usize::MAX)
        .with_max_properties(usize::MAX);
    for (front, piece) in [
        ("a; b=c ", "("),
        ("a; b=c ", "()"),
        ("a; b=c ", "(()"),
        ("a; b=c p.q=\"", "\\"),
        ("a; b=c p.q=\"", "\\\""),
        ("a", ";"),
        ("", "a "),
        ("", "a/"),
        ("", "1"),
        ("a; b=c ", "p.q=r "),
        ("a", "; b=c"),
        ("a; b=c p.q=", "\""),
        ("a; b=c p.q=\"", "\r\n "),
        ("a; b=c p.q=\"\"@", "x"),
        ("", "\r\n "),
        ("a; b=c p.q=", "\u{e9}"),
        ("(", "\\("),
    ] {
        let value = [front, &piece.repeat(MIB / piece.len())].concat();
        for end in ["", "\"", ")", "=x"] {
            let value = [&value, end].concat();
            // Some can be read and some cannot; what counts is that it ends.
            let read = AuthenticationResults::parse_with(value.as_bytes(), limits);
            assert!(read.map_or(0, |read| read.entries().len()) <= MIB);
        }
    }
}
