//! What breaks the grammar costs the property or result in which it stands, and never lets text become a result.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use proptest::prelude::*;
use waxseal_authres::{AuthenticationResults, DmarcResult, ParseLimits, ParsedResults};

const GOOD: &str = "dmarc=pass header.from=example.org";

fn read(value: &str) -> ParsedResults<'_> {
    AuthenticationResults::parse(value.as_bytes()).unwrap()
}

/// Method, result and properties of each result.
fn results(read: &ParsedResults<'_>) -> Vec<String> {
    let told = |(ptype, name): (&str, &str), value: &str| format!(" {ptype}.{name}={value}");
    let entry = |entry: &waxseal_authres::ParsedEntry<'_>| {
        let properties: String = entry.properties().iter().map(|p| told(p.key(), p.value())).collect();
        format!("{}={}{properties}", entry.method(), entry.result())
    };
    read.entries().iter().map(entry).collect()
}

fn unreadable<'r>(read: &'r ParsedResults<'_>) -> Vec<&'r str> {
    read.unreadable().iter().map(waxseal_authres::Unreadable::text).collect()
}

/// In front of a good result and behind it, `odd` reads as `left` and `lost` is kept; nothing is damaged.
#[track_caller]
fn assert_costs(odd: &str, left: &[&str], lost: &[&str]) {
    let front = format!("mx.example.net; {odd}; {GOOD}");
    let behind = format!("mx.example.net; {GOOD}; {odd};");
    let mut wanted: Vec<_> = left.iter().map(ToString::to_string).collect();
    wanted.push(GOOD.into());
    let read_in_front = read(&front);
    assert_eq!(results(&read_in_front), wanted, "{front}");
    assert_eq!((unreadable(&read_in_front), read_in_front.damage()), (lost.to_vec(), None), "{front}");
    wanted.rotate_right(1);
    let read_behind = read(&behind);
    assert_eq!(results(&read_behind), wanted, "{behind}");
    assert_eq!((unreadable(&read_behind), read_behind.damage()), (lost.to_vec(), None), "{behind}");
    for value in [&front, &behind] {
        assert_eq!(AuthenticationResults::parse_strict(value.as_bytes()).is_err(), !lost.is_empty());
    }
}

#[test]
fn an_odd_value_costs_its_property() {
    for odd in [
        "smtp.remote-ip=2001:db8::1",
        "smtp.remote-ip=::1",
        "smtp.remote-ip=IPv6:2001:db8::1",
        "policy.iprev=[2001:db8::1]",
        "smtp.helo=[1.2.3.4]",
        "smtp.helo=[IPv6:2001:db8::1]",
        "smtp.mailfrom=joe@[192.0.2.1]",
        "smtp.mailfrom=\"j d\"@[192.0.2.1]",
        "policy.authority-uri=https://a.example/b?c=d",
        "policy.indicator-hash=a,b",
        "header.d=a,b",
        "header.d=,",
        "header.from=a:b",
        "smtp.mailfrom=<mailto:joe@example.org>",
        "x-y.z=:",
    ] {
        assert_costs(&format!("arc=none {odd}"), &["arc=none"], &[odd]);
        assert_costs(
            &format!("arc=pass (c) header.a=1 {odd} (d)\r\n\theader.b=2"),
            &["arc=pass header.a=1 header.b=2"],
            &[odd],
        );
    }
}

#[test]
fn an_odd_name_costs_its_property() {
    for odd in [
        "x_header.from=a.example",
        "header.x_y=a",
        "header.=a",
        "header..from=a",
        "h:x.y=a",
        "smtp.mail.from=a",
        "header.from-=a",
        "policy.x_y=\"a; dmarc=fail\"",
        "1[2]=\"a b\"",
        "header/2.from=a",
    ] {
        assert_costs(
            &format!("dkim=pass header.d=a.example {odd} header.s=s"),
            &["dkim=pass header.d=a.example header.s=s"],
            &[odd],
        );
    }
    let long = format!("{}.d=a", "x".repeat(65));
    assert_costs(&format!("dkim=pass {long} header.s=s"), &["dkim=pass header.s=s"], &[&long]);
}

#[test]
fn an_odd_method_or_result_costs_that_result() {
    for odd in [
        "dkim=perm_fail header.i=@example.org (x) header.s=\"2023a\"",
        "gateway.spf=softfail smtp.mailfrom=\"a; dmarc=fail\"",
        "dkim=",
        "=pass",
        "dkim",
        "dkim pass",
        "dkim:pass header.d=a.example",
        "dkim==pass",
        "dkim=pass.",
        "dkim=pass-",
        "dkim=pass,spf=pass",
        "dkim=\"pass\" header.d=a.example",
        "dkim=(c)",
        "dkim/=pass",
        "dkim/x=pass",
        "dkim/1.0=pass",
        "_dkim=pass",
        "[1.2.3.4]",
        "example.net",
        "dkim=pässchen",
        "dkim=pass no tag header.d=a.example",
        "dkim=pass .example.org",
        "dkim=pass(x).example.org",
        "none",
    ] {
        assert_costs(odd, &[], &[odd]);
    }
    let value =
        format!("a; dkim=perm_fail; dmarc; {GOOD}; smtp.helo=[x]; spf=pass x.y=:;\r\n (c)\r\n arc:none");
    let read = read(&value);
    let methods: Vec<_> = read.unreadable().iter().map(waxseal_authres::Unreadable::method).collect();
    assert_eq!(methods, [Some("dkim"), Some("dmarc"), Some("smtp.helo"), None, Some("arc")]);
    let offsets: Vec<_> = read.unreadable().iter().map(waxseal_authres::Unreadable::offset).collect();
    assert_eq!(offsets, [3, 19, 62, 86, 95]);
    assert_eq!(
        read.unreadable()[0].to_string(),
        "\"dkim=perm_fail\": the end of the result is missing at offset 12 (RFC 8601 §2.2)"
    );
}

#[test]
fn empty_parts_cost_nothing() {
    for (odd, left) in [
        ("", &[][..]),
        (";;", &[]),
        ("()", &[]),
        ("dkim=pass ()", &["dkim=pass"]),
        ("dkim=pass() header.d=()a", &["dkim=pass header.d=a"]),
        ("dkim=pass header.d=", &["dkim=pass header.d="]),
        ("dkim=pass header.d=\"\"", &["dkim=pass header.d="]),
        ("dkim=pass reason=\"\" ()", &["dkim=pass"]),
    ] {
        assert_costs(odd, left, &[]);
    }
    for value in
        ["", " ", ";", " ; ", ";;", "()", "(a);(b)", "\r\n ;\r\n", "mx.example.net", "mx.example.net;"]
    {
        let read = read(value);
        assert_eq!(
            (read.entries().len(), read.unreadable().len(), read.damage().is_some()),
            (0, 0, false),
            "{value:?}"
        );
        assert_eq!(read.authserv_id().is_some(), value.starts_with("mx"), "{value:?}");
    }
    assert_eq!(results(&read("; dkim=pass; spf=pass;")), ["dkim=pass", "spf=pass"]);
}

/// No value, or one with a `=` in it? Readers differ, so that neither is read.
#[test]
fn a_missing_value_costs_the_next_property_too() {
    for next in ["smtp.helo=x", "smtp.helo=\"a; dmarc=fail\"", "header.from=[x]"] {
        assert_costs(
            &format!("spf=none smtp.mailfrom= {next} policy.x=1"),
            &["spf=none policy.x=1"],
            &["smtp.mailfrom=", next],
        );
    }
}

/// CVE-2020-12272: what is no tag can be the rest of what stands in front of it, whatever stands between.
#[test]
fn the_rest_of_a_value_costs_the_whole_value() {
    for rest in [
        "(x).attacker.example",
        " .attacker.example",
        "\r\n .attacker.example",
        "(x)attacker.example",
        " attacker.example",
        ":attacker.example",
        "(x)[.attacker.example]",
        " , attacker.example",
        "(x)y_z=attacker",
    ] {
        let odd = format!("dkim=pass header.s=a header.d=legit.example{rest}");
        let read_back = format!("mx; {odd}; {GOOD}");
        let read = read(&read_back);
        assert_eq!(results(&read), ["dkim=pass header.s=a", GOOD], "{odd}");
        assert_eq!(
            (read.entries()[0].property("header", "d"), read.damage().is_some()),
            (None, false),
            "{odd}"
        );
        assert!(read.unreadable()[0].text().starts_with("header.d=legit.example"), "{odd}");
    }
    let reason = read("mx; dkim=fail reason=\"a\" b; x=y");
    assert_eq!((reason.entries()[0].reason(), unreadable(&reason)), (None, vec!["reason=\"a\" b"]));
}

/// Readers could disagree about which one counts.
#[test]
fn a_property_that_stands_twice_has_no_value_if_one_cannot_be_read() {
    for value in [
        "mx; dmarc=pass header.from=bank.example header.from=[evil]",
        "mx; dmarc=pass header.from=evil:x HEADER.From=bank.example",
        "mx; dmarc=pass header.d= header.from=evil.example header.from=bank.example",
        "mx; dmarc=pass header.d= header.from=[evil] header.from=bank.example",
        "mx; dmarc=pass header.d= header.from=\"evil\" header.from=bank.example",
        "mx; dmarc=pass header.from=bank.example header.from=evil.example .x",
    ] {
        let read = read(value);
        assert_eq!(read.results_of::<DmarcResult>().count(), 1);
        assert_eq!(read.entries()[0].property("header", "from"), None, "{value}");
    }
}

/// Where quotes or comments are broken, nobody can tell what was text: nothing is read from there to the end, and nothing of
/// the field may be trusted.
#[test]
fn broken_quotes_and_comments_cost_all_that_follows() {
    for odd in [
        "x=\"a",
        "x=y reason=\"a",
        "spf=pass smtp.helo=\"a",
        "spf=pass smtp.helo=\"a\\\"",
        "spf=pass smtp.helo=a\"b",
        "spf=pass smtp.helo=a\"",
        "spf=pass smtp.helo=\"a\"b",
        "spf=pass smtp.helo=\"a\"\"b\"",
        "spf=pass smtp.helo=\"a\".b.example",
        "spf=pass \"a\"",
        "spf=pass smtp.helo=[\"a\"]",
        "spf=pass smtp.helo=:a=\"b\"",
        "spf=pass = \"b\"",
        "\"a\"=pass",
        "spf=pa\"ss",
        "spf=pass (a",
        "spf=pass (a(b)",
        "spf=pass smtp.helo=a(b",
        "spf=pass (a\\)",
        "spf=pass a)",
        "spf=pass smtp.helo=a)",
        "spf=pass (a))",
        ")",
        "spf=pass smtp.helo=a\\b",
        "spf=pass \\(a",
        "spf=pass smtp.helo=a\\",
        "spf=pass smtp.helo=a\0",
        "spf=pass smtp.helo=a\rb",
        "spf=pass\r\nX: y",
        "spf=pass (a\x07)",
        "spf=pass smtp.helo=\"a\x7f\"",
    ] {
        let value = format!("mx; dkim=pass; {odd}; {GOOD}");
        let read = read(&value);
        assert_eq!(results(&read), ["dkim=pass"], "{value:?}");
        assert_eq!(unreadable(&read), [&value["mx; dkim=pass; ".len()..]], "{value:?}");
        assert!(read.damage().is_some(), "{value:?}");
        assert_eq!(read.unreadable()[0].error(), read.damage().unwrap());
    }
    let deep = format!("mx; dkim=pass; spf=pass {}{}; {GOOD}", "(".repeat(17), ")".repeat(17));
    let deep = read(&deep);
    assert_eq!(results(&deep), ["dkim=pass"]);
    assert!(deep.damage().unwrap().to_string().starts_with("comments nest deeper than 16 levels"));
    let stray = read("mx; dkim=pass; spf=pass smtp.helo=a\"b; x=y");
    assert_eq!(
        stray.damage().unwrap().to_string(),
        "byte 0x22 at offset 35 makes it unclear which quotes and parentheses belong together"
    );
}

/// Text of the sender's that a careless host wrote down, with quotes and comments that it did not escape.
#[test]
fn text_does_not_become_a_result_by_a_trick_with_quotes_or_comments() {
    for value in [
        "mx; spf=fail smtp.helo=\"x; dmarc=pass header.from=bank.example; y=z\"",
        "mx; spf=fail smtp.helo=a\" smtp.mailfrom=\"; dmarc=pass header.from=bank.example; x=\"@evil.example\"",
        "mx; spf=fail smtp.helo=a=\" smtp.mailfrom=\"; dmarc=pass header.from=bank.example; x=\"@evil.example y=\"",
        "mx; spf=fail (helo a) ; dmarc=pass header.from=bank.example; x=y) smtp.helo=a",
        "mx; spf=fail (helo a; dmarc=pass header.from=bank.example",
        "mx; spf=fail reason=\"he said \"hi; dmarc=pass header.from=bank.example; x=\" and went\"",
        "mx; x=\"a; dmarc=pass header.from=bank.example",
        "mx; gateway.spf=\"a; dmarc=pass header.from=bank.example\"",
        "mx; spf=fail smtp.helo=[a;\" dmarc=pass header.from=bank.example\"]",
        "mx; spf=fail smtp.helo=a\\; dmarc=pass header.from=bank.example",
        "mx; spf=fail smtp.helo=a\0; dmarc=pass header.from=bank.example",
    ] {
        let read = read(value);
        let passes = read.results_of::<DmarcResult>().count();
        assert!(passes == 0 || read.damage().is_some(), "{value}: {read:?}");
        assert!(!read.unreadable().is_empty() || read.entries().len() == 1, "{value}");
    }
}

#[test]
fn what_stands_in_front_has_to_be_read() {
    for value in [
        "mx junk; dkim=pass",
        "mx dkim=pass; spf=pass",
        "mx 2x; dkim=pass",
        "mx 1 1; dkim=pass",
        "mx@example.net; dkim=pass",
        "\"mx; dkim=pass",
        "mx(; dkim=pass",
        "mx\0; dkim=pass",
        "=?utf-8?q?mx?=; dkim=pass",
    ] {
        assert!(AuthenticationResults::parse(value.as_bytes()).is_err(), "{value}");
    }
    // An odd word in the place of the authserv-id is kept as it is.
    for id in ["[192.0.2.1]", "mx.example.net:25", "[IPv6:2001:db8::1]", "mx,", "<mx>", "mx_1"] {
        let value = format!("{id} 1; {GOOD}");
        let read = read(&value);
        assert_eq!((read.authserv_id(), read.version(), read.entries().len()), (Some(id), 1, 1));
    }
    assert_eq!(read("[192.0.2.1] 2; dmarc=pass").version(), 2);
}

#[test]
fn none_beside_results_is_told_and_does_not_count() {
    for value in ["a; none; dkim=pass", "a; dkim=pass; none", "a; dkim=pass; NONE (x); none"] {
        let read = read(value);
        assert_eq!(results(&read), ["dkim=pass"], "{value}");
        let errors = read.unreadable().iter().map(|part| part.error().clone());
        assert!(errors.clone().count() > 0);
        assert!(errors.into_iter().all(|e| e.to_string().ends_with("does not stand alone")));
    }
}

/// What cannot be read counts as well, so that there is no way around the limits.
#[test]
fn unreadable_parts_are_limited_too() {
    let limits = ParseLimits::default().with_max_results(3).with_max_properties(3);
    let parse = |value: &str| {
        AuthenticationResults::parse_with(value.as_bytes(), limits).map(|_| ()).map_err(|e| e.to_string())
    };
    assert_eq!(parse("a; b_=c; b=c; b_=c"), Ok(()));
    assert_eq!(parse("a; b_=c; b=c; b_=c; b"), Err("more than 3 results".into()));
    assert_eq!(parse("a; b=c d.e=: d_=f d.e=f"), Ok(()));
    assert_eq!(parse("a; b=c d.e=: d_=f; b=c d.e=[] d.e=f"), Err("more than 3 properties".into()));
}

#[test]
fn what_is_read_can_be_written_without_what_is_lost() {
    let read = read("mx; dkim=perm_fail; spf=pass smtp.remote-ip=::1 smtp.helo=a; dmarc=pass");
    assert_eq!(read.to_results().unwrap().to_string(), "mx; spf=pass smtp.helo=a; dmarc=pass");
}

proptest! {
    /// Every byte of a field is read, or told as lost; what is lost stands in the field in order.
    #[test]
    fn nothing_is_lost_in_silence(pieces in proptest::collection::vec(prop_oneof![
        "[a-z:_\\[\\]., ]{1,3}", Just("\"".to_owned()), Just("(".to_owned()), Just(")".to_owned()), Just(";".to_owned()),
        Just("=".to_owned()), Just(" dkim=pass".to_owned()), Just(" header.d=a".to_owned()), Just("; dmarc=pass".to_owned()),
        Just(" reason=\"x\"".to_owned()), Just("(c)".to_owned()), Just(" none".to_owned()), Just("\r\n ".to_owned()),
    ], 0..30)) {
        let value = format!("mx;{}", pieces.concat());
        let Ok(read) = AuthenticationResults::parse(value.as_bytes()) else { return Ok(()) };
        let strict = AuthenticationResults::parse_strict(value.as_bytes());
        prop_assert_eq!(strict.as_ref().ok().cloned(), read.unreadable().is_empty().then(|| read.clone()));
        for part in read.unreadable() {
            prop_assert!(value[part.offset()..].starts_with(part.text()), "{:?}", part);
        }
        // Without the lost parts, the rest reads as before; in a damaged field they reach to the end.
        if read.damage().is_none() && read.unreadable().iter().all(|part| part.method().is_some()) {
            let mut rest = value.clone();
            let mut lost: Vec<_> = read.unreadable().iter().map(|part| (part.offset(), part.text().len())).collect();
            lost.sort_unstable();
            for (offset, length) in lost.into_iter().rev() {
                rest.replace_range(offset..offset + length, "");
            }
            if rest.ends_with("none") || rest.contains("none") { return Ok(()) }
            let again = AuthenticationResults::parse_strict(rest.as_bytes()).unwrap();
            prop_assert_eq!(results(&again), results(&read));
        }
    }
}
