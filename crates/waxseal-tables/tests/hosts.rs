//! InternalHosts, PeerList, ExternalIgnoreList.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::net::IpAddr;

use waxseal_tables::{DataSet, Files, Form, HostList, ProblemKind};

fn list(form: Form, text: &str) -> HostList {
    HostList::from_bytes(form, text.as_bytes()).unwrap()
}

fn ip(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

fn kinds(list: &HostList) -> Vec<(usize, ProblemKind)> {
    list.problems().iter().map(|problem| (problem.line(), problem.kind().clone())).collect()
}

#[test]
fn the_trusted_hosts_of_the_how_tos() {
    let hosts = list(Form::Refile, "# local\n127.0.0.1\n::1\n*.your-domain.com\n");
    assert!(hosts.contains(Some("localhost"), ip("127.0.0.1")));
    assert!(hosts.contains(None, ip("::1")));
    assert!(
        !hosts.contains(Some("mail.your-domain.com"), ip("192.0.2.1")),
        "OpenDKIM finds !mail.your-domain.com by this pattern"
    );
    let expected = [(4, ProblemKind::Excludes("*.your-domain.com".into(), ".your-domain.com".into()))];
    assert_eq!(kinds(&hosts), expected);
}

#[test]
fn everything_is_internal_with_a_prefix_of_no_bits() {
    let hosts = list(Form::Refile, "0.0.0.0/0\n");
    let found = hosts.lookup(None, ip("203.0.113.9")).unwrap();
    assert_eq!((found.is_included(), found.text(), found.line()), (true, "0.0.0.0/0", 1));
    assert_eq!(hosts.lookup(None, ip("2001:db8::1")), None);
}

#[test]
fn the_more_precise_entry_decides() {
    let hosts = list(
        Form::File,
        "!192.168.1.0/24\n192.168.1.1\n192.168.0.0/16\n[10.0.0.1]\n2001:DB8::/32\n!2001:db8:0:1::/64\n",
    );
    for (address, included) in [
        ("192.168.1.1", true),
        ("192.168.1.2", false),
        ("192.168.2.1", true),
        ("10.0.0.1", true),
        ("10.0.0.2", false),
        ("2001:db8:1::1", true),
        ("2001:db8:0:1::1", false),
        ("::ffff:192.168.2.1", true),
    ] {
        assert_eq!(hosts.contains(None, ip(address)), included, "{address}");
    }
    assert_eq!(kinds(&hosts), []);
}

#[test]
fn of_two_alike_the_exclusion_decides() {
    let hosts = list(Form::File, "a.example\n!a.example\n10.0.0.0/8\n!10.0.0.0/8\n10.0.0.1\n!10.0.0.1/32\n");
    assert!(!hosts.contains(Some("A.example"), None));
    assert!(!hosts.contains(None, ip("10.1.1.1")));
    assert!(hosts.contains(None, ip("10.0.0.1")), "an address is more precise than a prefix of 32 bits");
}

#[test]
fn names_come_before_addresses_and_do_not_keep_them_out() {
    let hosts = list(Form::File, ".example\n!bad.example\nb.bad.example\n192.0.2.0/24\n");
    assert_eq!(hosts.lookup(Some("mail.example"), ip("192.0.2.1")).map(|found| found.line()), Some(1));
    assert!(!hosts.contains(Some("bad.example"), ip("203.0.113.1")));
    assert!(hosts.contains(Some("b.bad.example"), None));
    assert!(hosts.contains(Some("a.bad.example"), None), "an exclusion of a host is none of its domain");
    assert!(hosts.contains(Some("bad.example"), ip("192.0.2.1")), "as in OpenDKIM");
    assert!(!hosts.contains(Some("example"), None));
    assert!(!hosts.contains(Some("notexample"), None));
}

#[test]
fn entries_that_match_nothing_are_reported() {
    let hosts = list(
        Form::File,
        "192.168.1.5/24\n!10.0.0.1/8\n*.example\n10.0.0.0/33\nhttp://a\n300.1.1.1\n10.0.0.0/+8\n",
    );
    let expected = [
        (1, ProblemKind::HostBits { text: "192.168.1.5/24".into(), network: "192.168.1.0/24".into() }),
        (2, ProblemKind::HostBits { text: "!10.0.0.1/8".into(), network: "!10.0.0.0/8".into() }),
        (3, ProblemKind::PatternInFile("*.example".into())),
        (4, ProblemKind::NotAHost("10.0.0.0/33".into())),
        (5, ProblemKind::NotAHost("http://a".into())),
        (6, ProblemKind::NotAHost("300.1.1.1".into())),
        (7, ProblemKind::NotAHost("10.0.0.0/+8".into())),
    ];
    assert_eq!(kinds(&hosts), expected);
    assert!(!hosts.contains(Some("a.example"), ip("192.168.1.5")));
}

#[test]
fn patterns_compare_with_the_address() {
    let hosts = list(Form::Refile, "192.168.0.*\nmail*.example\n!10.*\n10.0.0.0/8\n");
    assert!(hosts.contains(None, ip("192.168.0.7")));
    assert!(!hosts.contains(None, ip("192.168.7.7")), "OpenDKIM takes the text 192.168.0.0/16 for a match");
    assert!(hosts.contains(Some("mail7.example"), None));
    assert!(!hosts.contains(None, ip("10.1.2.3")), "the pattern excludes it before the network is tried");
}

#[test]
fn a_bare_list_may_start_with_an_address_of_ipv6() {
    let hosts = HostList::load(&DataSet::parse("::1, 127.0.0.1").unwrap(), &Files).unwrap();
    assert!(hosts.contains(None, ip("::1")) && hosts.contains(None, ip("127.0.0.1")));
}
