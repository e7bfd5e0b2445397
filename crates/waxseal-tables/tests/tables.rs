//! KeyTable, SigningTable and data sets as the how-tos write them, and as they go wrong.

#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use waxseal_tables::{
    DataSet, Files, Form, InvalidDataSet, KeyData, KeyTable, NoKey, NoMatch, ProblemKind, SigningTable,
    Source, Table,
};

fn keys(text: &str) -> KeyTable {
    KeyTable::from_bytes(Form::File, text.as_bytes()).unwrap()
}

fn signing(form: Form, text: &str) -> SigningTable {
    SigningTable::from_bytes(form, text.as_bytes()).unwrap()
}

/// The names of the keys for an address, in order.
fn found(table: &SigningTable, address: &str) -> Vec<String> {
    table
        .lookup(address)
        .map(|found| found.iter().map(|entry| entry.key_name().to_owned()).collect())
        .unwrap_or_default()
}

fn kinds(problems: &[waxseal_tables::Problem]) -> Vec<(usize, ProblemKind)> {
    problems.iter().map(|problem| (problem.line(), problem.kind().clone())).collect()
}

#[test]
fn the_tables_of_the_how_tos_lead_from_author_to_key() {
    let table = signing(
        Form::Refile,
        "# To use this file, uncomment the SigningTable option\n*@example.org 20200308._domainkey.example.org\n",
    );
    let keys = keys(
        "20200308._domainkey.example.org example.org:20200308:/etc/opendkim/keys/example.org/20200308.private # ours\n",
    );
    let matched = table.lookup("Info@Example.ORG").unwrap();
    assert_eq!((matched[0].pattern(), matched[0].line()), ("*@example.org", 2));
    let key = keys.get(matched[0].key_name(), "example.org").unwrap();
    assert_eq!(
        (key.domain(), key.selector(), key.line(), key.algorithm()),
        ("example.org", "20200308", 1, None)
    );
    assert_eq!(key.data(), &KeyData::File("/etc/opendkim/keys/example.org/20200308.private".into()));
}

#[test]
fn a_pattern_in_a_table_of_exact_keys_matches_nothing_and_is_reported() {
    let table = signing(Form::File, "*@example.org k\n* all\nroot@* root\n");
    assert_eq!(found(&table, "a@example.org"), ["all"]);
    assert_eq!(kinds(table.problems()), [(1, ProblemKind::PatternInFile("*@example.org".into()))]);
    let message = table.problems()[0].to_string();
    assert!(
        message.starts_with("line 1: \"*@example.org\" matches nothing") && message.contains("refile:"),
        "{message}"
    );
}

#[test]
fn exact_keys_are_tried_from_the_address_to_the_asterisk() {
    let text = "* 8\nu@* 7\n.example 6\nu@.example 5\n.b.example 4\nu@.b.example 3\na.b.example 2\nu@a.b.example 1\n";
    let table = signing(Form::File, text);
    assert_eq!(found(&table, "U@A.b.Example"), ["1", "2", "3", "4", "5", "6", "7", "8"]);
    assert_eq!(found(&table, "v@b.example"), ["6", "8"], "a parent does not match itself");
    assert_eq!(found(&table, "v@example"), ["8"]);
}

#[test]
fn patterns_are_tried_in_the_order_of_the_file() {
    let text = "*@*.example 1\nu@a.example 2\n*@a.example 3\n*@a.* 4\n*.example 5\n*@A.example 6\n*ample 7\nu@a.exampl 8\n*@*.a.example 9\n";
    let table = signing(Form::Refile, text);
    assert_eq!(found(&table, "u@a.example"), ["1", "2", "3", "4", "5", "6", "7"]);
    assert_eq!(found(&table, "x@y@a.example"), ["1", "3", "4", "5", "6", "7"]);
    assert_eq!(found(&table, "u@b.a.example"), ["1", "5", "7", "9"]);
}

#[test]
fn a_percent_sign_stands_for_the_domain_of_the_author() {
    let table = signing(Form::Refile, "*@*.example %:postmaster@%\n* %x:%\n");
    let matched = table.lookup("u@shop.example").unwrap();
    assert_eq!(
        (matched[0].key_name(), matched[0].identity()),
        ("shop.example", Some("postmaster@shop.example"))
    );
    assert_eq!(
        (matched[1].key_name(), matched[1].identity()),
        ("%x", Some("shop.example")),
        "only alone in the first field"
    );
    let keys = keys("all %:s:/keys/%/%.private\nfixed d.example:s:/keys/%\n");
    assert_eq!(
        keys.get("all", "a.example").unwrap().data(),
        &KeyData::File("/keys/a.example/a.example.private".into())
    );
    assert_eq!(keys.get("fixed", "a.example").unwrap().data(), &KeyData::File("/keys/d.example".into()));
}

#[test]
fn the_domain_of_an_author_does_not_lead_out_of_the_folder_of_keys() {
    let keys = keys("all %:s:/keys/%/s.private\n");
    for domain in ["../../etc", "..", "a/b", "", ".a", "a b", "a\0", "a\\b", "a..b"] {
        let unfit = NoKey::UnfitDomain { name: "all".into(), domain: domain.into() };
        assert_eq!(keys.get("all", domain), Err(unfit), "{domain:?}");
    }
}

#[test]
fn an_exclusion_ends_the_search() {
    let table = signing(Form::Refile, "ceo@example.org k1\n!*@example.org\n*@example.org k2\n");
    assert_eq!(found(&table, "ceo@example.org"), ["k1"], "what stands before it counts");
    let excluded =
        NoMatch::Excluded { address: "a@example.org".into(), pattern: "!*@example.org".into(), line: 2 };
    assert_eq!(table.lookup("a@example.org"), Err(excluded));
    let table = signing(Form::File, ".example k\n!test.example\n");
    assert_eq!(found(&table, "a@www.example"), ["k"]);
    assert!(matches!(table.lookup("a@test.example"), Err(NoMatch::Excluded { line: 2, .. })));
}

#[test]
fn without_an_entry_the_nearest_one_is_shown() {
    let table = signing(Form::File, "*@example.org k1\nother.example k2\n");
    assert_eq!(
        table.lookup("a@example.org").unwrap_err().to_string(),
        "no signing table match for 'a@example.org'"
    );
    assert_eq!(table.nearest("a@example.org").map(|entry| entry.line()), Some(1));
    assert_eq!(table.nearest("a@notexample.org"), None);
}

#[test]
fn lines_that_lack_something_are_reported_and_the_rest_is_read() {
    let table = keys(
        "one a.example:s:/k\ntwo\nthree a.example\nfour a.example::/k\none b.example:t:/l\nfive a.example:s:MIIC \\\n",
    );
    let no_field = |name: &str, field| ProblemKind::NoField { name: name.into(), field };
    let expected = [
        (6, ProblemKind::Continued),
        (5, ProblemKind::Duplicate { key: "one".into(), first: 1 }),
        (2, no_field("two", "domain")),
        (3, no_field("three", "selector")),
        (4, no_field("four", "selector")),
    ];
    assert_eq!(kinds(table.problems()), expected);
    assert_eq!(table.get("one", "x").unwrap().selector(), "s");
    assert!(matches!(table.get("four", "x"), Err(NoKey::Invalid(problem)) if problem.line() == 4));
    assert_eq!(
        table.get("ONE", "x"),
        Err(NoKey::Unknown("ONE".into())),
        "OpenDKIM compares the names of keys with their case"
    );
    let table = signing(Form::Refile, "*@a.example\n *@b.example k\n*@c.example k\nx?@d.example k\n");
    let expected = [
        (2, ProblemKind::Indented),
        (1, ProblemKind::NoKeyName("*@a.example".into())),
        (4, ProblemKind::NotSpecial('?')),
    ];
    assert_eq!(kinds(table.problems()), expected);
    assert_eq!(found(&table, "u@c.example"), ["k"]);
    assert_eq!(found(&table, "u@b.example"), [""; 0]);
}

#[test]
fn the_fourth_field_is_an_algorithm_and_else_a_part_of_the_path() {
    let table = keys("a d:s:/k:ed25519-sha256\nb d:s:/k:old\nc d:s:MIIEvQIBADANBg\n");
    let key = table.get("a", "x").unwrap();
    assert_eq!((key.data(), key.algorithm()), (&KeyData::File("/k".into()), Some("ed25519-sha256")));
    assert_eq!(table.get("b", "x").unwrap().data(), &KeyData::File("/k:old".into()));
    let inline = table.get("c", "x").unwrap();
    assert_eq!(inline.data(), &KeyData::Inline("MIIEvQIBADANBg".into()));
    assert!(!format!("{inline:?}").contains("MIIE"), "a private key is not shown");
}

#[test]
fn odd_bytes_are_reported_by_line() {
    let text = b"\xef\xbb\xbfa@x.example k1\r\n\tb@x.example\t k2 \r\n# caf\xe9\nc@x.example k\0\nd@\xff.example k\n\r\n  \ne@x.example k3";
    let table = SigningTable::from_bytes(Form::File, text).unwrap();
    let expected =
        [(1, ProblemKind::ByteOrderMark), (4, ProblemKind::ControlCharacter(0)), (5, ProblemKind::NotUtf8)];
    assert_eq!(kinds(table.problems()), expected);
    assert_eq!(found(&table, "a@x.example"), ["k1"]);
    assert_eq!(found(&table, "b@x.example"), ["k2"]);
    assert_eq!(found(&table, "e@x.example"), ["k3"]);
    let long = format!("a@{}.example k\nb@x.example k\n", "x".repeat(waxseal_tables::MAX_LINE));
    let table = signing(Form::File, &long);
    assert_eq!(kinds(table.problems()), [(1, ProblemKind::TooLong)]);
    assert_eq!(found(&table, "b@x.example"), ["k"]);
}

#[test]
fn data_sets_are_told_apart_as_opendkim_does() {
    let read = |text| DataSet::parse(text).map(|set| set.to_string());
    for (text, is) in [
        ("/etc/opendkim/KeyTable", "file:/etc/opendkim/KeyTable"),
        ("refile:/etc/opendkim/SigningTable", "refile:/etc/opendkim/SigningTable"),
        ("REFILE: /x", "refile:/x"),
        ("example.org, example.net", "csl:example.org, example.net"),
        ("csl:a=b:c,d", "csl:a=b:c,d"),
        ("example.org,2001:db8::1", "csl:example.org,2001:db8::1"),
        ("::1", "csl:::1"),
        ("fe80::1, 10.0.0.1", "csl:fe80::1, 10.0.0.1"),
        ("/var/db/keys.db", "db:/var/db/keys.db"),
        ("dsn:mysql://u:p@3306+h/d/table=t", "dsn:mysql://u:p@3306+h/d/table=t"),
    ] {
        assert_eq!(read(text).as_deref(), Ok(is), "{text}");
    }
    assert_eq!(read("refiel:/x"), Err(InvalidDataSet::UnknownKind("refiel".into())));
    assert_eq!(read("  "), Err(InvalidDataSet::Empty));
}

#[test]
fn a_list_has_entries_between_commas() {
    let set = DataSet::parse("csl: k1 = d.example:s:/k , k2=e.example:t:/l,,").unwrap();
    let table = KeyTable::load(&set, &Files).unwrap();
    let all: Vec<_> =
        table.iter().map(|key| (key.name().to_owned(), key.domain().to_owned(), key.line())).collect();
    assert_eq!(all, [("k1".into(), "d.example".into(), 1), ("k2".into(), "e.example".into(), 2)]);
}

#[test]
fn a_database_comes_from_the_source_or_is_an_error_that_names_it() {
    let set = DataSet::parse("sqlite:/var/lib/keys.sqlite").unwrap();
    let error = Table::load(&set, &Files).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the data set sqlite:/var/lib/keys.sqlite is not read, only file:, refile: and csl: are"
    );
    struct Rows;
    impl Source for Rows {
        fn read(&self, _: &str) -> std::io::Result<Vec<u8>> {
            Err(std::io::ErrorKind::NotFound.into())
        }
        fn rows(&self, kind: &str, _: &str) -> std::io::Result<Vec<(String, String)>> {
            Ok(vec![(kind.into(), "d.example:s:/k".into())])
        }
    }
    assert_eq!(KeyTable::load(&set, &Rows).unwrap().get("sqlite", "x").unwrap().selector(), "s");
    let missing = Table::load(&DataSet::parse("/missing").unwrap(), &Rows).unwrap_err();
    assert_eq!(missing.to_string(), "/missing could not be read");
}
