//! Beside the real thing: `opendkim -Q` reads a data set and a query. Runs under `WAXSEAL_INTEROP=1`.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use waxseal_tables::{DataSet, Files, Table};

/// As people write them, and as they mistype them.
const TABLE: &str = "# a comment\n\
    example.org k1:one\n\
    example.org k2:shadowed\n\
    \t indented.example\tk3\n\
    *@example.net k4 # behind\n\
    *.sub.example k5:postmaster@%\n\
    u@* k6\n\
    plus+x.y@example.com k7\n\
    a*b*c@example.com k8\n\
    *** k9\n\
    .example k10\n\
    * k11\n\
    crlf.example k12\r\n\
    last.example   k13   ";

const QUERIES: [&str; 18] = [
    "example.org",
    "indented.example",
    "a@example.net",
    "*@example.net",
    "a@b.example.net",
    "x.sub.example",
    "!x.sub.example",
    "u@x.sub.example",
    "u@*",
    "u@q",
    "plus+x.y@example.com",
    "plusxx.y@example.com",
    "abc@example.com",
    "axxbyyc@example.com",
    "acb@example.com",
    ".example",
    "crlf.example",
    "last.example",
];

/// The first field that OpenDKIM finds.
fn opendkim(set: &str, query: &str) -> Option<String> {
    let mut child = Command::new("opendkim")
        .arg("-Q")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{set}\n{query}/1\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // Prompts have no line end; a value is quoted.
    let value = text.split_once('\'').and_then(|(_, rest)| rest.rsplit_once('\''));
    let found = value.map(|(value, _)| value.to_owned());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(found.is_some() || format!("{text}{said}").contains("not found"), "{set} {query}: {text} {said}");
    found
}

#[test]
fn every_query_has_the_answer_of_opendkim() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none() {
        return;
    }
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("opendkim-table");
    fs::write(&path, TABLE).expect("the test's own file");
    let entry = |line: &str| {
        let (key, value) = line.split('#').next()?.trim_start().split_once([' ', '\t'])?;
        Some(format!("{key} = {},", value.trim()))
    };
    let list: String = TABLE.lines().filter_map(entry).collect();
    let list = format!("csl:{list}");
    let path = path.display();
    for set in [format!("file:{path}"), path.to_string(), format!("refile:{path}"), list] {
        let table = Table::load(&DataSet::parse(&set).unwrap(), &Files).unwrap();
        for query in QUERIES {
            let ours = table.get(query).map(|entry| entry.value().to_owned());
            assert_eq!(ours, opendkim(&set, query), "{set}: {query}");
        }
    }
}
