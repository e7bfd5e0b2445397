use super::*;

#[test]
fn errors_say_what_was_probably_meant() {
    for (term, hint) in [
        ("ipv4:192.0.2.1", ": write ip4:192.0.2.1"),
        ("-ipv6:2001:db8::1", ": write -ip6:2001:db8::1"),
        ("ip4:2001:db8::/32", ": write ip6:2001:db8::/32"),
        ("a:192.0.2.0/24", ": write ip4:192.0.2.0/24"),
        ("ip4:192.0.2", " in ip4:192.0.2"),
        ("redirect:example.org", ": write redirect=example.org"),
    ] {
        let error = Record::parse(format!("v=spf1 {term} -all").as_bytes()).unwrap_err().to_string();
        assert!(error.ends_with(hint), "{error}");
    }
}
