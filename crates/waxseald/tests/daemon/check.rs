//! `waxseald check`: what will hurt, before it does.

use crate::{dns, process::Place};
use std::{fs, os::unix::fs::PermissionsExt};

/// That of the key of RFC 8463.
const PUBLISHED: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
const RECORDS: &[(&str, &str)] = &[
    ("k._domainkey.good.example", PUBLISHED),
    ("k._domainkey.other.example", "v=DKIM1; k=ed25519; p=AAAYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
    ("k._domainkey.revoked.example", "v=DKIM1; k=ed25519; p="),
    ("k._domainkey.broken.example", "v=DKIM1; =rsa; p=MIGf"),
    ("k._domainkey.silent.example", "!"),
];

/// Runs the check of tables with these domains, and returns its exit code and what it said.
fn check(place: &Place, domains: &[&str], more: &str, args: &[&str]) -> (Option<i32>, String) {
    let keys = |domain: &&str| format!("{domain} {domain}:k:{{E}}/k.private\n");
    let signing = |domain: &&str| format!("*@{domain} {domain}\n");
    place.write("keys", &domains.iter().map(keys).collect::<String>());
    place.write("signing", &domains.iter().map(signing).collect::<String>());
    let dns = dns::serve(RECORDS);
    let tables = "Mode s\nSocket local:{E}/s\nKeyTable {E}/keys\nSigningTable refile:{E}/signing\n";
    place.write("opendkim.conf", &format!("{tables}Nameservers {}@{}\n{more}", dns.ip(), dns.port()));
    let output = place.command(&[&["check", "-x", "{E}/opendkim.conf"], args].concat()).output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn keys_are_compared_with_what_dns_shows() {
    let place = Place::new();
    let (code, said) = check(&place, &["good.example"], "", &[]);
    assert_eq!(code, Some(0), "{said}");
    let domains = [
        "good.example",
        "other.example",
        "revoked.example",
        "broken.example",
        "none.example",
        "silent.example",
    ];
    let (code, said) = check(&place, &domains, "", &[]);
    assert_eq!(code, Some(78), "{said}");
    for text in [
        "waxseald: opendkim: KeyTable line 2: k._domainkey.other.example: another key is published",
        "waxseald: opendkim: KeyTable line 3: k._domainkey.revoked.example: the record says that the key is revoked",
        "waxseald: opendkim: KeyTable line 4: k._domainkey.broken.example: ",
        "waxseald: opendkim: KeyTable line 5: k._domainkey.none.example: no key record is published here",
        "waxseald: warning: opendkim: KeyTable line 6: k._domainkey.silent.example: ",
    ] {
        assert!(said.contains(text), "{text}\n{said}");
    }
    assert!(!said.contains("good.example"), "{said}");
    // Nobody is asked where that is not wanted.
    assert_eq!(check(&place, &domains, "", &["--no-dns"]).0, Some(0));
}

#[test]
fn keys_tables_and_hosts_that_hurt_are_named() {
    let place = Place::new();
    let folder = place.path("").display().to_string();
    fs::set_permissions(place.path("k.private"), PermissionsExt::from_mode(0o604)).unwrap();
    let (code, said) = check(&place, &["good.example"], "InternalHosts 0.0.0.0/0,::/0\n", &["--no-dns"]);
    assert_eq!(code, Some(78), "{said}");
    let private = fs::canonicalize(place.path("k.private")).unwrap();
    for text in [
        format!("k=, d=good.example: key data is not secure: {} (mode 0604)", private.display())
            .replace("k=", "s=k"),
        "InternalHosts has 0.0.0.0/0: anybody can send mail as your domains and have it signed".to_owned(),
        "InternalHosts has ::/0: anybody".to_owned(),
    ] {
        assert!(said.contains(&text), "{text}\n{said}");
    }
    fs::remove_file(place.path("k.private")).unwrap();
    let (_, said) = check(&place, &["good.example"], "", &["--no-dns"]);
    assert!(said.contains(&format!("error loading key: {folder}k.private: No such file")), "{said}");
    place.write("opendkim.conf", "Mode s\nSocket local:{E}/s\nKeyTable {E}/keys\nSigningTable {E}/signing\n");
    let output = place.command(&["-n", "-x", "{E}/opendkim.conf"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("SigningTable line 1: *@good.example never matches in a table of exact keys"),
        "{said}"
    );
}

#[test]
fn where_a_key_is_in_its_life_is_told() {
    let place = Place::new();
    place.write("k.private.state", "state=retired\nretired=1764313600\n");
    let (code, said) = check(&place, &["good.example"], "", &["--no-dns"]);
    let note = "s=k, d=good.example: the key is retired since Fri, 28 Nov 2025 07:06:40 GMT by ";
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(&format!("waxseald: warning: opendkim: KeyTable line 1: {note}")), "{said}");
    place.write("k.private.state", "state=revoked\n");
    let (code, said) = check(&place, &["good.example"], "", &["--no-dns"]);
    assert!(code == Some(78) && said.contains("s=k, d=good.example: the key is revoked by "), "{said}");
    let would = |place: &Place| {
        let args = ["would-sign", "-x", "{E}/opendkim.conf", "--from", "joe@good.example"];
        String::from_utf8_lossy(&place.command(&args).output().unwrap().stdout).into_owned()
    };
    let said = would(&place);
    assert!(said.contains("not signed: s=k, d=good.example: the key is revoked by "), "{said}");
    place.write("k.private.state", "state=nonsense\n");
    let said = would(&place);
    assert!(said.contains("signed: s=k, d=good.example by SigningTable line 1"), "{said}");
    assert!(said.contains("(warning: s=k, d=good.example: ") && said.contains("is not a state"), "{said}");
}

#[test]
fn of_several_keys_the_active_ones_sign() {
    let place = Place::new();
    let keys = "a good.example:k:{E}/k.private\nb good.example:next:{E}/next.private\n";
    fs::copy(place.path("k.private"), place.path("next.private")).unwrap();
    place.write("keys", keys);
    place.write("signing", "*@good.example a\n*@good.example b\n");
    let dns = dns::serve(RECORDS);
    let tables = "Mode s\nSocket local:{E}/s\nKeyTable {E}/keys\nSigningTable refile:{E}/signing\nMultipleSignatures yes\n";
    place.write("opendkim.conf", &format!("{tables}Nameservers {}@{}\n", dns.ip(), dns.port()));
    let run = |args: &[&str]| {
        let output = place.command(args).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8_lossy(&said).into_owned())
    };
    let would = ["would-sign", "-x", "{E}/opendkim.conf", "--from", "joe@good.example"];
    place.write("next.private.state", "state=pending\n");
    assert!(run(&would).1.contains("signed: s=k, d=good.example by "), "{:?}", run(&would));
    // It has no record yet, and needs none.
    let (code, said) = run(&["check", "-x", "{E}/opendkim.conf"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("warning: opendkim: KeyTable line 2: next._domainkey.good.example: no key record"),
        "{said}"
    );
    // Where nobody says that one signs, the tables do.
    place.write("k.private.state", "state=retired\n");
    assert!(
        run(&would).1.contains("signed: s=k, d=good.example; s=next, d=good.example by "),
        "{:?}",
        run(&would)
    );
    assert_eq!(run(&["check", "-x", "{E}/opendkim.conf"]).0, Some(78));
    place.write("next.private.state", "state=active\n");
    assert!(run(&would).1.contains("signed: s=next, d=good.example by "), "{:?}", run(&would));
    // An active key of one domain keeps no key of another from signing.
    place.write("keys", &keys.replace("b good.example", "b other.example"));
    assert!(
        run(&would).1.contains("signed: s=k, d=good.example; s=next, d=other.example by "),
        "{:?}",
        run(&would)
    );
    // What is left out because no receiver accepts it is told.
    place.write("k.private.state", "state=revoked\n");
    let (_, said) = run(&would);
    assert!(
        said.contains("signed: s=next, d=other.example by ")
            && said.contains("(warning: s=k, d=good.example: the key is revoked by "),
        "{said}"
    );
}

#[test]
fn a_revoked_key_seals_nothing() {
    let place = Place::new();
    place.write(
        "openarc.conf",
        "Mode sv\nSocket local:{E}/s\nDomain good.example\nSelector k\nKeyFile {E}/k.private\n",
    );
    let run = || place.command(&["check", "--no-dns", "--openarc", "{E}/openarc.conf"]).output().unwrap();
    assert_eq!(run().status.code(), Some(0), "{:?}", run());
    place.write("k.private.state", "state=revoked\n");
    let said = String::from_utf8_lossy(&run().stderr).into_owned();
    assert!(run().status.code() == Some(78) && said.contains("the key is revoked by "), "{said}");
}

#[test]
fn sockets_and_tables_that_are_too_open_or_empty_are_named() {
    let place = Place::new();
    let said = |domains: &[&str], more: &str| check(&place, domains, more, &["--no-dns"]).1;
    let open = said(&["good.example"], "Socket inet:8891\n");
    let text = "warning: opendkim: inet:8891@0.0.0.0: whoever reaches this machine can have mail signed as your domains";
    assert!(open.contains(text), "{open}");
    let open = said(&["good.example"], "UMask 000\n");
    assert!(open.contains("every user of this machine can have mail signed"), "{open}");
    assert!(!said(&["good.example"], "UMask 002\n").contains("can have mail signed"));
    let empty = said(&[], "");
    assert!(
        empty.contains("warning: opendkim: SigningTable: it has no entries: no mail is signed"),
        "{empty}"
    );
    place.write("nobody", "# nobody\n");
    let empty = said(&["good.example"], "InternalHosts {E}/nobody\n");
    assert!(empty.contains("warning: opendkim: InternalHosts: it has no entries"), "{empty}");
    // Options with a data set take a file wherever words may stand.
    place.write("names", "From\nSubject\n");
    let read = said(&["good.example"], "OversignHeaders file:{E}/names\nRemoveARFrom /nowhere/at/all\n");
    assert!(read.contains("RemoveARFrom: data set: /nowhere/at/all could not be read"), "{read}");
    place.write("names", "From Subject\n");
    let read = said(&["good.example"], "OversignHeaders file:{E}/names\n");
    assert!(read.contains("\"From\" has a value, \"Subject\": write one name a line"), "{read}");
    place.write("names", "From,\n");
    let read = said(&["good.example"], "OversignHeaders file:{E}/names\n");
    assert!(read.contains("OversignHeaders: \"From,\" is not a field name"), "{read}");
}

#[test]
fn two_services_at_one_socket_are_named() {
    let place = Place::new();
    place.write("a.conf", "Mode v\nSocket inet:8893@localhost\n");
    place.write("b.conf", "Socket inet:8893@127.0.0.1\n");
    let output = place.command(&["-x", "{E}/a.conf", "--opendmarc", "{E}/b.conf"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let text = "inet:8893@127.0.0.1: opendkim and opendmarc both listen there: give each a socket of its own";
    assert!(output.status.code() == Some(78) && said.contains(text), "{said}");
}

#[test]
fn what_no_message_can_be_signed_with_is_a_mistake() {
    let place = Place::new();
    for (more, text) in [
        ("OversignHeaders From:\n", "opendkim: \"From:\" is not a field name"),
        ("SignHeaders From,Subj;ect\n", "opendkim: \"Subj;ect\" is not a field name"),
        ("SignatureTTL 18446744073709551615\n", "opendkim: the time for x= has more than 12 digits"),
        ("SenderHeaders Sender:\n", "opendkim: SenderHeaders: \"Sender:\" is not a field name"),
        ("Mode v\nMustBeSigned From:\n", "opendkim: MustBeSigned: \"From:\" is not a field name"),
    ] {
        let (code, said) = check(&place, &["good.example"], more, &["--no-dns"]);
        assert!(code == Some(78) && said.contains(text), "{more}: {said}");
    }
    let (code, said) =
        check(&place, &["good.example"], "SignatureTTL 600\nSignHeaders Subject\n", &["--no-dns"]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn main_cf_is_read_where_it_is_named() {
    let place = Place::new();
    place.write(
        "main.cf",
        "smtpd_milters = inet:127.0.0.1:8891\nmilter_default_action = accept\nmilter_protocol = 2\n",
    );
    let (code, said) = check(&place, &["good.example"], "", &["--no-dns", "--main-cf", "{E}/main.cf"]);
    assert_eq!(code, Some(78), "{said}");
    for text in [
        "waxseald: main.cf: smtpd_milters does not name unix:",
        "waxseald: main.cf: milter_protocol = 2: ",
        "waxseald: warning: main.cf: milter_default_action = accept: while waxseald is down, mail leaves unsigned",
        "waxseald: warning: main.cf: non_smtpd_milters is not set",
    ] {
        assert!(said.contains(text), "{text}\n{said}");
    }
    let (code, said) = check(&place, &["good.example"], "", &["--no-dns", "--main-cf", "{E}/nowhere"]);
    assert!(code == Some(78) && said.contains("nowhere: No such file"), "{said}");
}
