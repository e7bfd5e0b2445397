//! Daemons that do the same job.

use crate::settings::{Kind, Settings};
use std::fs;

/// What the jobs of a service are called among the old daemons.
fn rivals(kind: &Kind) -> Vec<&'static str> {
    match kind {
        Kind::Policy(_) => vec!["policyd-spf"],
        Kind::Milter(filter) => {
            let jobs = [
                (filter.sign.is_some() || filter.verify.is_some(), "opendkim"),
                (filter.dmarc.is_some(), "opendmarc"),
                (filter.arc.is_some(), "openarc"),
            ];
            jobs.into_iter().filter_map(|(is_done, name)| is_done.then_some(name)).collect()
        }
    }
}

/// Old daemons that run on this machine and do what these settings do as well.
pub(super) fn running(settings: &Settings) -> Vec<String> {
    let names = fs::read_dir("/proc").into_iter().flatten().flatten().filter_map(|process| {
        let name = fs::read_to_string(process.path().join("comm")).ok()?;
        Some(name.trim().to_owned())
    });
    among(&names.collect::<Vec<_>>(), settings)
}

fn among(names: &[String], settings: &Settings) -> Vec<String> {
    let mut found: Vec<_> = settings.services.iter().flat_map(|service| rivals(&service.kind)).collect();
    found.sort_unstable();
    found.dedup();
    found.retain(|rival| names.iter().any(|name| name == rival));
    let text = |rival| format!("{rival} is running: stop it, or both do the same job on each message");
    found.into_iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Files;

    #[test]
    fn daemons_whose_job_is_taken_are_named() {
        let settings = Files::read_text("roles = [\"verify\", \"dmarc\"]\n").unwrap();
        let names = ["opendkim", "opendmarc", "openarc", "postfix"].map(str::to_owned);
        let found = among(&names, &settings);
        assert_eq!(found.len(), 2);
        assert!(found[0].starts_with("opendkim is running: stop it"), "{found:?}");
        assert_eq!(among(&["openarc".to_owned()], &settings), Vec::<String>::new());
    }
}
