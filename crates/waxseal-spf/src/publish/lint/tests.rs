use super::*;

fn ids(text: &str) -> Vec<&'static str> {
    lint(text.as_bytes()).iter().map(|finding| finding.id()).collect()
}

#[test]
fn every_static_problem_is_found() {
    for (record, expected) in [
        ("v=spf1 ip4:192.0.2.0/24 -all", &[][..]),
        ("v=spf1 redirect=_spf.example.org", &[]),
        ("v=spf1 -all ra=postmaster rp=10 rr=e", &[]),
        ("v=spf1 moo", &["syntax"]),
        ("", &["not-a-record"]),
        ("v=spf1", &["missing-all"]),
        ("v=spf1 +all", &["pass-all"]),
        ("v=spf1 all", &["pass-all"]),
        ("v=spf1 ?all", &["neutral-all"]),
        ("v=spf1 -all a", &["behind-all"]),
        ("v=spf1 ~all redirect=a.example", &["ignored-redirect"]),
        ("v=spf1 ptr -all", &["ptr"]),
        ("v=spf1 exists:%{p}.example -all", &["ptr"]),
        ("v=spf1 exists:%{l}.example -all", &["depends-on-sender"]),
        ("v=spf1 ip4:10.0.0.0/8 -all", &["huge-network"]),
        ("v=spf1 -ip4:10.0.0.0/8 -all", &[]),
        ("v=spf1 ip4:0.0.0.0/0 -all", &["every-address"]),
        ("v=spf1 ip6:::/0 -all", &["every-address"]),
        ("v=spf1 a/15 -all", &["huge-network"]),
        ("v=spf1 ip4:192.0.2.1/24 -all", &["host-bits"]),
        ("v=spf1 ip6:2001:db8::1/32 -all", &["host-bits"]),
        ("v=spf1 a a -all", &["duplicate"]),
        ("v=spf1 ip4:192.0.2.1 ip4:192.0.2.0/24 -all", &["overlap"]),
        ("v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.0/25 ip4:192.0.2.128/25 -all", &["overlap", "overlap"]),
        ("v=spf1 ip6:2001:db8::/32 ip6:2001:db8:1::/48 ip4:192.0.2.1 -all", &["overlap"]),
        ("v=spf1 include:a.example,b.example -all", &["no-host-name"]),
        ("v=spf1 exists:%{i}.a,b.example -all", &[]),
        ("v=spf1 x=y -all", &["unknown-modifier"]),
        ("v=spf1 ip4=192.0.2.1 -all", &["equals-for-colon"]),
        ("v=spf1 IP6=2001:db8::1 include=a.example -all", &["equals-for-colon", "equals-for-colon"]),
        ("v=spf1 ipv4=192.0.2.1 ipv6=2001:db8::1 -all", &["equals-for-colon", "equals-for-colon"]),
        ("v=spf1 a=a.example mx=a.example ptr=a.example exists=%{i}.a -all", &["equals-for-colon"; 4]),
        ("v=spf1 all= includes=a.example -all", &["equals-for-colon"; 2]),
        ("v=spf1 a v=spf1 mx -all", &["second-version"]),
        ("v=spf1 v=spf2 -all", &["unknown-modifier"]),
        ("v=spf1 x=y x=y -all", &["unknown-modifier", "unknown-modifier"]),
    ] {
        assert_eq!(ids(record), expected, "{record}");
    }
    let long = format!("v=spf1 {}-all", "a:mail.example.org ".repeat(25));
    assert_eq!(ids(&long).first(), Some(&"too-long"));
}

#[test]
fn a_text_that_is_no_record_is_told_from_a_broken_one() {
    for (text, advice) in [
        ("\"v=spf1 -all\"", "remove the quotes"),
        ("v=spf1-all", "put a space behind v=spf1"),
        (" v=spf1 -all", "remove the blank in front"),
        ("example.org. 3600 IN TXT \"v=spf1 -all\"", "give the text alone"),
        ("v=spf2.0/pra -all", "begin it with v=spf1 and a space"),
        ("v=spf1; -all", "put a space behind v=spf1; nothing but spaces"),
        ("v=DMARC1; p=none", "begin it with v=spf1"),
    ] {
        let findings = lint(text.as_bytes());
        let [finding] = &findings[..] else { panic!("{text}: {findings:?}") };
        let expected = format!("error: not an SPF record, receivers ignore it: {advice}");
        assert!(finding.to_string().starts_with(&expected), "{text}: {finding}");
    }
    let broken = lint(b"v=spf1 mx ip4:192.0.2.300");
    assert_eq!((ids("v=spf1 mx ip4:192.0.2.300"), broken[0].span()), (vec!["syntax"], Some(10..25)));
}

#[test]
fn what_to_write_for_a_colon_is_said() {
    let shown = |text: &str| lint(text.as_bytes()).first().map(ToString::to_string);
    let ip4 = "error: ip4=192.0.2.0/24: receivers take it for an unknown modifier and ignore it, for a mechanism takes \
               a colon: write ip4:192.0.2.0/24";
    assert_eq!(shown("v=spf1 ip4=192.0.2.0/24 -all").as_deref(), Some(ip4));
    let include = shown("v=spf1 includes=a.example -all");
    assert!(include.as_ref().is_some_and(|text| text.ends_with("write include:a.example")), "{include:?}");
}

/// Equal only by way of [`Counted::eq`], which counts.
struct Counted<'c>(u32, &'c std::cell::Cell<u32>);

impl PartialEq for Counted<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.1.set(self.1.get() + 1);
        self.0 == other.0
    }
}

impl Eq for Counted<'_> {}

impl Hash for Counted<'_> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

#[test]
fn many_terms_take_linear_work() {
    for size in [1_000, 2_000, 4_000, 8_000] {
        let count = std::cell::Cell::new(0);
        // Each stands twice.
        let items = (0..size).chain(0..size).map(|n| Some(Counted(n, &count)));
        assert_eq!(repeats(items).filter(|repeats| *repeats).count(), size as usize);
        assert!((size..2 * size).contains(&count.get()), "{size}: {}", count.get());
    }
}

#[test]
fn lookups_of_the_record_itself_are_counted() {
    let includes = |count| format!("v=spf1 {}-all", "include:a.example ".repeat(count));
    let too_many = |count| ids(&includes(count)).contains(&"too-many-lookups");
    assert_eq!((too_many(10), too_many(11)), (false, true));
}

#[test]
fn findings_say_where() {
    let findings = lint(b"v=spf1 ip4:192.0.2.7 a ip4:192.0.2.0/24 a -all");
    let shown: Vec<_> = findings.iter().map(|finding| (finding.span(), finding.to_string())).collect();
    assert_eq!(
        shown,
        [
            (Some(7..20), "note: ip4:192.0.2.7: is part of ip4:192.0.2.0/24: remove one".to_owned()),
            (Some(40..41), "warning: a: appears twice: remove one".to_owned()),
        ]
    );
}

#[test]
fn what_was_probably_meant_is_suggested_and_can_be_read() {
    for (term, suggestion) in [
        ("-al", "-all"),
        ("~alll", "~all"),
        ("-all.", "-all"),
        ("?all;", "?all"),
        ("ipv4:192.0.2.1", "ip4:192.0.2.1"),
        ("-ipv6:2001:db8::1", "-ip6:2001:db8::1"),
        ("ip:192.0.2.0/24", "ip4:192.0.2.0/24"),
        ("ip4:2001:db8::/32", "ip6:2001:db8::/32"),
        ("~ip6:192.0.2.1", "~ip4:192.0.2.1"),
        ("a:192.0.2.0/24", "ip4:192.0.2.0/24"),
        ("mx:192.0.2.1", "ip4:192.0.2.1"),
        ("prt:example.org", "ptr:example.org"),
        ("inlcude:example.org", "include:example.org"),
        ("INCLUDES:example.org", "include:example.org"),
        ("redirect:example.org", "redirect=example.org"),
        ("-include=example.org", "-include:example.org"),
        ("ip4:192.0.2.1/24", "ip4:192.0.2.0/24"),
        ("-ip4:192.0.2.1/24", "-ip4:192.0.2.0/24"),
        ("all=", "all"),
        ("ipv4=192.0.2.1", "ip4:192.0.2.1"),
        ("redirec=example.org", "redirect=example.org"),
    ] {
        let record = format!("v=spf1 {term} mx");
        let findings = lint(record.as_bytes());
        let of_term = findings.iter().find(|finding| finding.span() == Some(7..7 + term.len())).unwrap();
        assert_eq!(of_term.suggestion(), Some(suggestion), "{of_term}");
        assert!(Record::parse(record.replace(term, suggestion).as_bytes()).is_ok(), "{suggestion}");
    }
    for term in
        ["moo", "b", "ip4:192.0.2.300", "-", "--all", "+x=y", "include:", "ipv4:x", "-\u{e4}ll", "a:%{x}"]
    {
        let findings = lint(format!("v=spf1 {term} mx").as_bytes());
        let of_term =
            findings.iter().find(|finding| finding.span().is_some_and(|span| span.start == 7)).unwrap();
        assert_eq!((of_term.id(), of_term.suggestion()), ("syntax", None), "{of_term}");
    }
}
