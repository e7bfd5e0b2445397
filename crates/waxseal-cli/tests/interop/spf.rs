//! SPF against a real name server: the answers of NSD give the verdicts that the zone file, read by waxseal, gives.

use crate::lab::{DOMAIN, Lab, waxseal};

/// Records for the zone of the laboratory.
pub(crate) fn zone_text() -> String {
    let mut long = String::from("long IN TXT \"v=spf1 \"");
    for octet in 0..150 {
        long.push_str(&format!(" \"ip4:198.18.{octet}.1 \""));
    }
    // Over 2,000 octets: the answer does not fit into a UDP packet.
    long.push_str(" \"-all\"\n");
    let records = "@ IN TXT \"v=spf1 include:spf.alpha.example a:mail.alpha.example mx \" \
         \"ip4:192.0.2.0/28 exists:%{i}.allow.%{d} -all\"\n\
         spf IN TXT \"v=spf1 ip4:198.51.100.7 ip6:2001:db8:5::/48 ?all\"\n\
         mail IN A 203.0.113.25\n\
         @ IN MX 10 mx1\n\
         mx1 IN A 203.0.113.26\n\
         mx1 IN AAAA 2001:db8:1::26\n\
         192.0.2.77.allow IN A 127.0.0.2\n\
         void IN TXT \"v=spf1 a:n1.alpha.example a:n2.alpha.example a:n3.alpha.example -all\"\n\
         two IN TXT \"v=spf1 -all\"\n\
         two IN TXT \"v=spf1 +all\"\n\
         red IN TXT \"v=spf1 redirect=alpha.example\"\n\
         alias IN CNAME red\n";
    records.to_owned() + &long
}

/// Client, domain below `alpha.example` with its dot, result.
const CASES: [(&str, &str, &str); 16] = [
    ("198.51.100.7", "", "pass"),
    ("2001:db8:5::1", "", "pass"),
    ("203.0.113.25", "", "pass"),
    ("203.0.113.26", "", "pass"),
    ("2001:db8:1::26", "", "pass"),
    ("192.0.2.3", "", "pass"),
    ("192.0.2.77", "", "pass"),
    ("192.0.2.78", "", "fail"),
    ("192.0.2.3", "void.", "permerror"),
    ("192.0.2.3", "two.", "permerror"),
    ("192.0.2.3", "red.", "pass"),
    ("192.0.2.78", "red.", "fail"),
    ("192.0.2.3", "alias.", "pass"),
    ("192.0.2.3", "mail.", "none"),
    ("192.0.2.3", "nowhere.", "none"),
    ("198.18.149.1", "long.", "pass"),
];

#[test]
fn a_name_server_and_its_zone_file_give_the_same_verdicts() {
    if !crate::wanted() {
        return;
    }
    let lab = Lab::start();
    let zone = lab.path("alpha.zone");
    let server = format!("127.0.0.1:{}", lab.dns_port);
    for (ip, below, expected) in CASES {
        let sender = format!("joe@{below}{DOMAIN}");
        let args = ["spf", "check", "--json", "--ip", ip, "--mail-from", &sender, "--helo", "client.example"];
        let live = waxseal(args).args(["--server", &server]).output().unwrap();
        let read = waxseal(args).arg("--zone").arg(&zone).args(["--origin", DOMAIN]).output().unwrap();
        let text = String::from_utf8_lossy(&live.stdout);
        assert!(text.contains(&format!("\"result\":\"{expected}\"")), "{ip} {sender}: {text}");
        assert_eq!(text, String::from_utf8_lossy(&read.stdout), "{ip} {sender}");
    }
    // NSD refuses what it has no zone for.
    let args = ["spf", "check", "--ip", "192.0.2.3", "--mail-from", "joe@beta.example", "--server", &server];
    assert_eq!(waxseal(args).output().unwrap().status.code(), Some(75));
    println!("SPF: {} verdicts over NSD", CASES.len() + 1);
}
