//! `waxseal completions` and `waxseal man`

use crate::lab::{Lab, waxseal};
use std::{fs, path::Path, process::Command};

#[test]
fn shells_get_completions() {
    for (shell, sign) in
        [("bash", "complete -F"), ("zsh", "#compdef waxseal"), ("fish", "complete -c waxseal")]
    {
        let done = waxseal(["completions", shell]);
        assert_eq!((done.code, &*done.err), (Some(0), ""), "{shell}");
        assert!(
            done.out.contains(sign) && done.out.contains("envelope-from-header"),
            "{shell}: {}",
            done.out
        );
    }
    let file = Lab::get().file("completions.bash", waxseal(["completions", "bash"]).out);
    assert!(Command::new("bash").args(["-n", &file]).status().unwrap().success());
    assert_eq!(waxseal(["completions", "tcsh"]).code, Some(2));
}

#[test]
fn every_sub_command_has_a_man_page() {
    let folder = Lab::get().file("man", "");
    fs::remove_file(&folder).unwrap();
    let done = waxseal(["man", &folder]);
    assert_eq!((done.code, &*done.out, &*done.err), (Some(0), "", ""));
    for (page, text) in [
        ("waxseal.1", "audit"),
        ("waxseal-check.1", "envelope\\-from\\-header"),
        ("waxseal-spf-flatten.1", "Examples"),
        ("waxseal-bounce.1", "multipart/report"),
        ("waxseal-key-rotate.1", "retired"),
        ("waxseal-why.1", "Examples"),
    ] {
        let page = fs::read_to_string(Path::new(&folder).join(page)).unwrap();
        assert!(page.starts_with(".ie") && page.contains(text), "{page}");
    }
    let file = Lab::get().file("taken", "");
    let done = waxseal(["man", &file]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.starts_with("error: cannot write "), "{}", done.err);
}
