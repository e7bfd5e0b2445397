use std::{
    env,
    path::{Path, PathBuf},
};

/// A file or folder of other people's cases, below the folder that `WAXSEAL_CONFORMANCE` names (`../shared/conformance` beside
/// the workspace unless set). `None` when it is not there: the output says so, and with `WAXSEAL_REQUIRE_CONFORMANCE=1` it is
/// a failure.
#[track_caller]
pub fn suite(name: &str) -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance");
    let path = env::var_os("WAXSEAL_CONFORMANCE").map_or(default, PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("1 suite skipped: {} is not there", path.display());
    assert!(!is_set("WAXSEAL_REQUIRE_CONFORMANCE"), "{} is not there", path.display());
    None
}

/// Says that a test is skipped for want of a program; with `WAXSEAL_REQUIRE_TOOLS=1` or `WAXSEAL_INTEROP=1` it is a failure.
#[track_caller]
pub fn tool_is_missing(what: &str) {
    println!("skipped: {what} is missing");
    assert!(!is_set("WAXSEAL_REQUIRE_TOOLS") && !is_set("WAXSEAL_INTEROP"), "{what} is missing");
}

fn is_set(name: &str) -> bool {
    env::var_os(name).is_some_and(|value| value == "1")
}
