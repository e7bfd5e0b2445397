//! The built-in public suffix list is that of the crate `psl`, which has the rules of <https://publicsuffix.org/> as text and as code.
//!
//! To renew it: `cargo update -p psl`, then
//! `cargo test -p waxseal-dmarc --features psl --test psl -- --ignored`, which writes `src/psl/list.txt`.
#![cfg(all(feature = "psl", feature = "idna"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the helpers of tests are tests")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};
use waxseal_dmarc::{BuiltInSuffixes, PublicSuffixList};
use waxseal_dns::DomainName;
use waxseal_test::Random;

const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/psl/list.txt");

/// The release of the crate that the workspace is locked to, where cargo has unpacked it.
fn rules() -> Option<String> {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock")).ok()?;
    let (_, package) = lock.split_once("name = \"psl\"\nversion = \"")?;
    let folder = format!("psl-{}", package.split('"').next()?);
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cargo")))?;
    let registries = fs::read_dir(home.join("registry/src")).ok()?;
    registries
        .flatten()
        .find_map(|registry| fs::read_to_string(registry.path().join(&folder).join("data/rules.txt")).ok())
}

/// `name` TAB what it is: `i`, `p` or `!` for its own rule, then `*i` or `*p` when there is one for all names below.
fn table(rules: &str) -> String {
    let mut table: BTreeMap<String, (&str, String)> = BTreeMap::new();
    let kind = |name: &str| match psl::suffix(name.as_bytes()).and_then(|suffix| suffix.typ()) {
        Some(psl::Type::Icann) => "i",
        _ => "p",
    };
    for rule in rules.lines() {
        let name = rule.trim_start_matches("*.").trim_start_matches('!');
        let name = DomainName::new(name).unwrap();
        let entry = table.entry(name.to_string()).or_default();
        match rule.chars().next() {
            Some('*') => entry.1 = format!("*{}", kind(&format!("x.{name}"))),
            Some('!') => entry.0 = "!",
            _ => entry.0 = kind(name.as_str()),
        }
        for above in std::iter::successors(name.parent(), DomainName::parent) {
            table.entry(above.to_string()).or_default();
        }
    }
    table.iter().map(|(name, (own, below))| format!("{name}\t{own}{below}\n")).collect()
}

#[test]
fn the_list_is_that_of_the_crate_psl() {
    let rules = rules().expect("the package of the crate psl is where cargo unpacks it");
    let same = fs::read_to_string(LIST).unwrap() == table(&rules);
    assert!(same, "another release of psl: the head of tests/psl.rs says how to renew the list");
}

#[test]
#[ignore = "writes src/psl/list.txt"]
fn renew() {
    fs::write(LIST, table(&rules().unwrap())).unwrap();
}

/// By the crate `psl`: the Organizational Domain, and whether the name is a suffix that a registry runs.
fn expected(name: &DomainName) -> (String, bool) {
    let text = name.as_str();
    let suffix = psl::suffix(text.as_bytes()).unwrap();
    let registry = suffix.typ() == Some(psl::Type::Icann) && suffix.as_bytes() == text.as_bytes();
    (psl::domain_str(text).unwrap_or(text).to_owned(), registry)
}

/// Names without a rule of their own below `*.`, as `r.cloud.int.apple` is below `*.cloud.int.apple`: the crate overlooks the
/// wildcard there, because there are other rules further down.
fn overlooked(list: &str) -> Vec<DomainName> {
    let marks: BTreeMap<&str, &str> = list.lines().filter_map(|line| line.split_once('\t')).collect();
    let below_wildcard =
        |name: &str| name.split_once('.').is_some_and(|(_, above)| marks[above].contains('*'));
    let ruleless = |marks: &str| marks.is_empty() || marks.starts_with('*');
    let found = marks.iter().filter(|(name, marks)| ruleless(marks) && below_wildcard(name));
    found.map(|(name, _)| name.parse().unwrap()).collect()
}

/// Every name on the list, what stands below and above it, and names that are almost on it.
#[test]
fn each_name_has_the_suffix_that_the_crate_psl_finds() {
    let (list, mut random) = (fs::read_to_string(LIST).unwrap(), Random::new(1));
    let overlooked = overlooked(&list);
    let compare = |text: &str| {
        let Ok(name) = DomainName::lenient(text.as_bytes()) else { return };
        let found = BuiltInSuffixes.organizational_domain(&name).to_string();
        let found = (found, BuiltInSuffixes.is_public_suffix(&name));
        let known = || overlooked.iter().any(|node| name.is_within(node));
        assert!(found == expected(&name) || known(), "{name}: {found:?}, not {:?}", expected(&name));
    };
    for name in list.lines().filter_map(|line| line.split('\t').next()) {
        compare(name);
        for front in ["a.", "b.a.", "www.b.a.", "a b.", "x", "-", "!", "*."] {
            compare(&format!("{front}{name}"));
        }
        for _ in 0..4 {
            let mut text = name.as_bytes().to_vec();
            let at = random.below(text.len());
            text[at] = b"abz019.-_ "[random.below(10)];
            compare(&String::from_utf8(text).unwrap());
        }
        compare(&name[..name.len() - 1]);
        compare(&format!("{name}x"));
    }
}

/// <https://github.com/publicsuffix/list/wiki/Format>: a wildcard holds for a name that has rules further down.
#[test]
fn a_wildcard_holds_above_other_rules() {
    for (name, organization) in [
        ("a.r.cloud.int.apple", "a.r.cloud.int.apple"),
        ("b.a.r.cloud.int.apple", "b.a.r.cloud.int.apple"),
        ("c.b.a.x.cloud.int.apple", "a.x.cloud.int.apple"),
    ] {
        let name: DomainName = name.parse().unwrap();
        assert_eq!(BuiltInSuffixes.organizational_domain(&name).as_str(), organization, "{name}");
    }
}
