//! `waxseal explain`

use crate::lab::{Done, waxseal, words};
use serde_json::Value;

/// The message of the demonstration, which came over a mailing list.
fn explain(args: &str) -> Done {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/src/demo/");
    let (zone, message) = (format!("{demo}zone"), format!("{demo}relayed.eml"));
    waxseal(["explain", "--zone", &zone, &message].into_iter().chain(words(args)))
}

#[test]
fn what_a_list_did_is_named() {
    let done = explain("");
    assert_eq!((done.code, &*done.err), (Some(0), ""), "{}", done.out);
    eprintln!("{}", done.out);
    assert!(
        done.out.contains("list-footer (proved): a mailing list appended a footer or a part: "),
        "{}",
        done.out
    );
    assert!(done.out.contains("subject-tag (proved): a tag was put into Subject: "), "{}", done.out);
}

#[test]
fn json_has_the_diagnoses() {
    let done = explain("--json");
    let row: Value = serde_json::from_str(&done.out).unwrap();
    let signatures = row["signatures"].as_array().unwrap();
    let diagnoses: Vec<_> = signatures.iter().flat_map(|one| one["diagnoses"].as_array().unwrap()).collect();
    let ids: Vec<_> = diagnoses.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"list-footer") && ids.contains(&"subject-tag"), "{ids:?}");
    assert!(
        diagnoses.iter().all(|one| one["certainty"] == "proved" && one["line"].is_u64()),
        "{diagnoses:?}"
    );
}

#[test]
fn what_cannot_be_read_is_said() {
    let missing = waxseal(["explain", "no-such-file.eml"]);
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.starts_with("error: cannot read no-such-file.eml: "), "{}", missing.err);
    let empty = waxseal(["explain"]);
    assert_eq!(empty.code, Some(2));
    assert!(empty.err.contains("standard input is empty"), "{}", empty.err);
}
