//! The zones of the conformance suites load, and every name in them answers.
#![cfg(feature = "json")]

use std::{
    fs,
    path::{Path, PathBuf},
};
use waxseal_dns::{Answers, DomainName, Question, Zone};
use waxseal_test::suite;

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

#[test]
fn zones_of_the_suites() {
    let Some(folder) = suite("") else { return };
    let mut zones = 0;
    for suite in fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path()) {
        let mut files = json_files(&suite.join("zones"));
        files.extend(json_files(&suite).into_iter().filter(|path| path.ends_with("zone.json")));
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let zone = Zone::from_json(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
            zones += 1;
            let names: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
            let mut trace = Answers::new();
            for name in names.keys() {
                let question = Question::txt(DomainName::lenient(name.as_bytes()).unwrap());
                trace.answer(question.clone(), zone.lookup(&question));
                assert!(zone.lookup(&question).is_ok_and(|answer| !answer.is_void()), "{name}");
            }
            assert!(
                Answers::from_json(&trace.to_json()).unwrap().known().eq(trace.known()),
                "{}",
                file.display()
            );
        }
    }
    assert!(zones >= 7, "only {zones} zones found in {}", folder.display());
}
