//! Other people's chains with the results that they expect, from the folder `WAXSEAL_CONFORMANCE`
//! (`../shared/conformance` beside the workspace unless set). Without the folder nothing is checked and the output says
//! so; with `WAXSEAL_REQUIRE_CONFORMANCE=1` that is a failure.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of tests are tests, and a suite that cannot be read is a failure"
)]

use std::{collections::BTreeMap, fs, path::Path, time::SystemTime};
use waxseal_arc::{ArcResult, Chain, ChainVerifier, SealError, Sealer, merged_results};
use waxseal_crypto::{KeyMaterial, PrivateKey, rust_crypto};
use waxseal_dns::Zone;
use waxseal_header::{Header, TagList, line_ends::to_crlf};
use waxseal_test::{Ledger, at, suite};
use yaml_rust2::{Yaml, YamlLoader};

/// One of ValiMail's cases.
struct Case<'y> {
    name: &'y str,
    test: &'y Yaml,
    scenario: &'y Yaml,
    zone: Zone,
}

impl<'y> Case<'y> {
    fn text(&self, key: &str) -> &'y str {
        self.test[key].as_str().unwrap_or_default().trim()
    }

    fn message(&self) -> Vec<u8> {
        to_crlf(self.test["message"].as_str().unwrap_or_default().as_bytes()).into_owned()
    }

    fn chain(&self, now: SystemTime) -> Chain {
        let resolver = |q: &_| self.zone.lookup(q);
        ChainVerifier::new(Default::default()).unwrap().verify_blocking(&self.message(), now, &resolver)
    }
}

fn each_case(file: &Path, mut run: impl FnMut(Case<'_>)) {
    let text = unique_names(&fs::read_to_string(file).unwrap());
    for scenario in &YamlLoader::load_from_str(&text).unwrap() {
        for (name, test) in scenario["tests"].as_hash().into_iter().flatten() {
            let mut zone = Zone::new();
            for (name, text) in scenario["txt-records"].as_hash().into_iter().flatten() {
                // The lines of a record are its strings.
                let text: String = text.as_str().unwrap().lines().collect();
                zone = zone.with_txt(name.as_str().unwrap(), text).unwrap();
            }
            run(Case { name: name.as_str().unwrap(), test, scenario, zone });
        }
    }
}

/// A few cases have the name of another, which YAML forbids; here each gets its number.
fn unique_names(text: &str) -> String {
    let is_name = |line: &str| line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':');
    let number = |(number, line): (usize, &str)| match line.strip_suffix(':').filter(|_| is_name(line)) {
        Some(name) => format!("{name}~{number}:\n"),
        None => format!("{line}\n"),
    };
    text.lines().enumerate().map(number).collect()
}

#[test]
fn valimail_validation() {
    let Some(folder) = suite("arc-valimail") else { return };
    let mut ledger = Ledger::new(include_str!("expected_failures.txt"), ": ");
    let mut names = BTreeMap::new();
    each_case(&folder.join("arc-draft-validation-tests.yml"), |case| {
        let chain = case.chain(at(1_500_000_000));
        let expected = match case.text("cv") {
            "" => ArcResult::None,
            word => ArcResult::from_name(word.as_bytes()).unwrap(),
        };
        let name = case.name.split('~').next().unwrap();
        let count = names.entry(name.to_owned()).and_modify(|count| *count += 1).or_insert(1);
        let name = if *count == 1 { name.to_owned() } else { format!("{name}, the second") };
        let agrees = chain.result() == expected;
        ledger.enter(name, if agrees { Ok(()) } else { Err(format!("expected {expected}, got {chain}")) });
    });
    // 171 names, four of them twice.
    assert_eq!(ledger.close(), Ok(175));
}

#[test]
fn stalwart() {
    let Some(folder) = suite("dkim-stalwart") else { return };
    let zone = Zone::from_json(&fs::read_to_string(folder.join("zone.json")).unwrap()).unwrap();
    let cases: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.join("cases.json")).unwrap()).unwrap();
    let cases = cases
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|case| Some((case["file"].as_str()?, case["arc"].as_str()?)));
    let mut count = 0;
    for (file, expected) in cases {
        count += 1;
        let message = fs::read(folder.join(file)).unwrap();
        let resolver = |q: &_| zone.lookup(q);
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(
            &message,
            at(1_667_843_664),
            &resolver,
        );
        assert_eq!(chain.result().as_str(), expected, "{file}: {chain}");
    }
    assert_eq!(count, 2);
}

#[test]
fn valimail_signing() {
    let Some(folder) = suite("arc-valimail") else { return };
    let (mut cases, mut problems) = (0, Vec::new());
    each_case(&folder.join("arc-draft-sign-tests.yml"), |case| {
        cases += 1;
        if let Err(problem) = signs(&case) {
            problems.push(format!("{}: {problem}", case.name));
        }
    });
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    println!("{cases} cases");
    assert_eq!(cases, 17);
}

fn signs(case: &Case<'_>) -> Result<(), String> {
    let setting = |key: &str| case.scenario[key].as_str().unwrap().trim();
    let key = PrivateKey::from_material(
        KeyMaterial::from_pem(setting("privatekey").as_bytes()).unwrap(),
        rust_crypto::PROVIDER,
    )
    .unwrap();
    let now = at(case.test["t"].as_i64().unwrap().unsigned_abs());
    let sealer = Sealer::new(setting("domain"), setting("sel"), key)
        .unwrap()
        .with_field_list(case.text("sig-headers").split(':'));
    let message = case.message();
    let (header, _) = Header::parse(&message).unwrap();
    let chain = case.chain(now);
    let results = merged_results(&header, header.len(), case.text("srv-id"));
    let sealed = sealer.seal(&message, &chain, &results, now);
    if case.text("AS").is_empty() {
        return match sealed {
            Err(SealError::Ended) => Ok(()),
            other => Err(format!("{other:?}")),
        };
    }
    let set = sealed.map_err(|error| error.to_string())?;
    let value = |field: &str| field.split_once(':').unwrap().1.to_owned();
    same_tags(case.text("AS"), &value(set.seal()))?;
    same_tags(case.text("AMS"), &value(set.message_signature()))?;
    let words = |text: &str| text.split_whitespace().collect::<String>();
    if words(case.text("AAR")) != words(&value(set.authentication_results())) {
        return Err(format!("expected {}, got {}", case.text("AAR"), set.authentication_results()));
    }
    let message = [set.fields().as_bytes(), &message].concat();
    let resolver = |q: &_| case.zone.lookup(q);
    let after = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now, &resolver);
    match chain.result() {
        ArcResult::Fail if after.has_ended() => Ok(()),
        ArcResult::None | ArcResult::Pass if after.is_pass() => Ok(()),
        _ => Err(format!("{chain}, then {after}")),
    }
}

/// Whether two tag lists say the same, but for `b=`.
fn same_tags(expected: &str, found: &str) -> Result<(), String> {
    let tags = |text: &str| -> BTreeMap<String, String> {
        let list = TagList::parse(text.as_bytes()).unwrap();
        let value = |value: &[u8]| {
            value.iter().filter(|c| !c.is_ascii_whitespace()).map(|c| char::from(*c)).collect()
        };
        list.tags()
            .filter(|tag| tag.name() != "b")
            .map(|tag| (tag.name().into(), value(tag.value())))
            .collect()
    };
    let (expected, found) = (tags(expected), tags(found));
    if expected == found { Ok(()) } else { Err(format!("expected {expected:?}, got {found:?}")) }
}
