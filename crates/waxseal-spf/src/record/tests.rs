use super::*;

#[test]
fn errors_say_what_was_probably_meant() {
    for (term, hint) in [
        ("ipv4:192.0.2.1", ": use ip4"),
        ("-ipv6:2001:db8::1", ": use ip6"),
        ("ip4:2001:db8::/32", ": use ip6"),
        ("~ip6:192.0.2.1", ": use ip4"),
        ("a:192.0.2.0/24", ": use ip4"),
        ("ip4:192.0.2", " in ip4:192.0.2"),
        ("prt:example.org", ": use ptr"),
        ("redirect:example.org", ": modifiers take = and a domain"),
        ("-include=example.org", ": mechanisms take : and not ="),
    ] {
        let error = Record::parse(format!("v=spf1 {term} -all").as_bytes()).unwrap_err().to_string();
        assert!(error.ends_with(hint), "{error}");
    }
}
