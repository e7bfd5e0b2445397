//! The examples of RFC 7208: macro expansion (§7.4), explanations (§6.2) and appendix A.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::time::SystemTime;
use waxseal_dns::{Zone, drive_blocking};
use waxseal_spf::SpfCheck;

/// §7.4, all of it. The names are compared as names: DNS knows no case, and `%{i}` is written in upper case.
#[test]
fn macro_expansion() {
    let expand = |ip: &str, text: &str| {
        let check = SpfCheck::mail_from(
            ip.parse().unwrap(),
            "strong-bad@email.example.com",
            "mx.example.org",
            SystemTime::UNIX_EPOCH,
        );
        let validated = "mx.example.org".parse().unwrap();
        let domain = "email.example.com".parse().unwrap();
        check.expand(&text.parse().unwrap(), &domain, Some(&validated)).unwrap().to_string()
    };
    for (text, expansion) in [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        // Not in the table, but in §7.2 and §7.3.
        ("%{p}", "mx.example.org"),
        ("%{h}", "mx.example.org"),
        ("%{i}", "192.0.2.3"),
        ("%{L}%{H2}", "strong-badexample.org"),
        ("%{S}", "strong-bad%40email.example.com"),
        ("%{d127}", "email.example.com"),
        ("%{d99999999999999999999}", "email.example.com"),
        ("%{l.-}", "strong.bad"),
        ("%{o+-}", "email.example.com"),
    ] {
        assert_eq!(expand("192.0.2.3", text), expansion, "{text}");
    }
    assert_eq!(
        expand("2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}"),
        "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
    );
}

/// §6.2: the explanations it shows, with the macros that are allowed there only.
#[test]
fn explanations() {
    let explain = |text: &str| {
        let dns = Zone::new()
            .with_txt("example.com", "v=spf1 mx -all exp=explain._spf.%{d}")
            .and_then(|dns| dns.with_mx("example.com", 10, "mx.example.com"))
            .and_then(|dns| dns.with_address("mx.example.com", "192.0.2.1".parse().unwrap()))
            .and_then(|dns| dns.with_txt("explain._spf.example.com", text))
            .unwrap();
        let now = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_700_000_000);
        let check =
            SpfCheck::mail_from("2001:db8::7".parse().unwrap(), "a+b@example.com", "h.example.net", now);
        drive_blocking(check.with_receiver("mx.example.org"), &dns)
    };
    for (text, explanation) in [
        (
            "Mail from example.com should only be sent by its own servers.",
            Some("Mail from example.com should only be sent by its own servers."),
        ),
        (
            "%{c} is not one of %{d}'s designated mail servers.",
            Some("2001:db8::7 is not one of example.com's designated mail servers."),
        ),
        (
            "See http://%{d}/why.html?s=%{S}&i=%{C}",
            Some("See http://example.com/why.html?s=a%2Bb%40example.com&i=2001%3Adb8%3A%3A7"),
        ),
        ("%{r} at %{t}%%%_%-", Some("mx.example.org at 1700000000% %20")),
        ("", Some("")),
        ("%{x}", None),
        ("100%", None),
        ("tab\there", None),
    ] {
        let verdict = explain(text);
        assert_eq!((verdict.result().as_str(), verdict.explanation()), ("fail", explanation), "{text}");
        assert_eq!(verdict.lookups(), 1, "exp is not a term that counts");
    }
}

const SETUP: &str = "
$ORIGIN example.com.
@           MX  10 mail-a
            MX  20 mail-b
            A   192.0.2.10
            A   192.0.2.11
amy         A   192.0.2.65
bob         A   192.0.2.66
mail-a      A   192.0.2.129
mail-b      A   192.0.2.130
www         CNAME example.com.
$ORIGIN example.org.
@           MX  10 mail-c
mail-c      A   192.0.2.140
$ORIGIN 2.0.192.in-addr.arpa.
10          PTR example.com.
11          PTR example.com.
65          PTR amy.example.com.
66          PTR bob.example.com.
129         PTR mail-a.example.com.
130         PTR mail-b.example.com.
140         PTR mail-c.example.org.
$ORIGIN 0.0.10.in-addr.arpa.
4           PTR bob.example.com.
$ORIGIN _spf.example.com.
mary.mobile-users                   A 127.0.0.2
fred.mobile-users                   A 127.0.0.2
15.15.168.192.joel.remote-users     A 127.0.0.2
16.15.168.192.joel.remote-users     A 127.0.0.2
";

fn word(records: &[(&str, &str)], ip: &str, sender: &str) -> String {
    let mut dns = Zone::from_zone_file(SETUP, None).unwrap();
    for (name, text) in records {
        dns = dns.with_txt(name, text).unwrap();
    }
    let check = SpfCheck::mail_from(ip.parse().unwrap(), sender, "mail.example.com", SystemTime::UNIX_EPOCH);
    drive_blocking(check, &dns).result().to_string()
}

/// Appendix A.1: which addresses pass, and that all others fail.
#[test]
fn appendix_a_1() {
    let clients = [
        "192.0.2.10",
        "192.0.2.11",
        "192.0.2.65",
        "192.0.2.66",
        "192.0.2.129",
        "192.0.2.130",
        "192.0.2.140",
        "192.0.2.128",
        "192.0.2.131",
        "192.0.2.141",
        "192.0.2.143",
        "10.0.0.4",
        "203.0.113.1",
    ];
    for (record, passing) in [
        ("v=spf1 +all", &clients[..]),
        ("v=spf1 a -all", &["192.0.2.10", "192.0.2.11"]),
        ("v=spf1 a:www.example.com -all", &["192.0.2.10", "192.0.2.11"]),
        ("v=spf1 a:example.org -all", &[]),
        ("v=spf1 mx -all", &["192.0.2.129", "192.0.2.130"]),
        ("v=spf1 mx:example.org -all", &["192.0.2.140"]),
        ("v=spf1 mx mx:example.org -all", &["192.0.2.129", "192.0.2.130", "192.0.2.140"]),
        (
            "v=spf1 mx/30 mx:example.org/30 -all",
            &[
                "192.0.2.128",
                "192.0.2.129",
                "192.0.2.130",
                "192.0.2.131",
                "192.0.2.140",
                "192.0.2.141",
                "192.0.2.143",
            ],
        ),
        (
            "v=spf1 ptr -all",
            &["192.0.2.10", "192.0.2.11", "192.0.2.65", "192.0.2.66", "192.0.2.129", "192.0.2.130"],
        ),
        (
            "v=spf1 ip4:192.0.2.128/28 -all",
            &[
                "192.0.2.128",
                "192.0.2.129",
                "192.0.2.130",
                "192.0.2.131",
                "192.0.2.140",
                "192.0.2.141",
                "192.0.2.143",
            ],
        ),
    ] {
        for client in clients {
            let expected = if passing.contains(&client) { "pass" } else { "fail" };
            assert_eq!(
                word(&[("example.com", record)], client, "a@example.com"),
                expected,
                "{record} {client}"
            );
        }
    }
}

#[test]
fn appendix_a_2() {
    let records = [
        ("example.org", "v=spf1 include:example.com include:example.net -all"),
        ("la.example.org", "v=spf1 redirect=example.org"),
        ("example.com", "v=spf1 mx -all"),
        ("example.net", "v=spf1 ip4:203.0.113.7 -all"),
    ];
    for sender in ["a@example.org", "a@la.example.org"] {
        assert_eq!(word(&records, "192.0.2.129", sender), "pass");
        assert_eq!(word(&records, "203.0.113.7", sender), "pass");
        assert_eq!(word(&records, "203.0.113.8", sender), "fail");
    }
}

#[test]
fn appendix_a_3() {
    let records = [
        ("example.com", "v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all"),
        ("mobile-users._spf.example.com", "v=spf1 exists:%{l1r+}.%{d}"),
        ("remote-users._spf.example.com", "v=spf1 exists:%{ir}.%{l1r+}.%{d}"),
    ];
    assert_eq!(word(&records, "203.0.113.1", "mary@example.com"), "pass");
    assert_eq!(word(&records, "203.0.113.1", "fred+list@example.com"), "pass");
    assert_eq!(word(&records, "192.168.15.15", "joel@example.com"), "pass");
    assert_eq!(word(&records, "192.168.15.17", "joel@example.com"), "fail");
    assert_eq!(word(&records, "203.0.113.1", "eve@example.com"), "fail");
    assert_eq!(word(&records, "192.0.2.130", "eve@example.com"), "pass");
}

#[test]
fn appendix_a_4() {
    let records = [
        ("example.com", "v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all"),
        ("ip4._spf.example.com", "v=spf1 -ip4:192.0.2.0/24 +all"),
        ("ptr._spf.example.com", "v=spf1 -ptr:example.com +all"),
    ];
    assert_eq!(word(&records, "192.0.2.65", "a@example.com"), "pass");
    assert_eq!(word(&records, "10.0.0.4", "a@example.com"), "fail");
    assert_eq!(word(&records, "192.0.2.140", "a@example.com"), "fail");
}
