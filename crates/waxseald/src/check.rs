//! `waxseald check`: loads everything, follows every entry, and says what will hurt.

use crate::{
    config::Files,
    daemon::{DaemonError, Loaded, load},
    filter::Filter,
    privileges::{self, Identity},
    roles::sign::Sign,
    settings::Process,
};
use std::net::IpAddr;

/// What is found, worst first.
#[derive(Debug, Default)]
struct Findings {
    errors: Vec<String>,
    warnings: Vec<String>,
}

/// Checks the files; an error is one that keeps mail from being signed, or the daemon from starting.
pub(crate) fn run(files: &Files) -> Result<(), DaemonError> {
    let settings = files.load().map_err(|mistakes| DaemonError::Settings(mistakes.to_string()))?;
    let mut findings = Findings { warnings: settings.warnings.clone(), ..Findings::default() };
    become_user(&settings.process)?;
    let mut odd = Vec::new();
    let filters = load(&settings, &mut odd).map_err(DaemonError::Settings)?;
    findings.warnings.extend(odd);
    for loaded in &filters {
        if let Loaded::Milter(filter) = loaded {
            findings.add(filter);
        }
    }
    let is_warning = |text: &&String| !findings.errors.contains(*text);
    for warning in findings.warnings.iter().filter(is_warning) {
        eprintln!("waxseald: warning: {warning}");
    }
    if findings.errors.is_empty() {
        println!("waxseald: no errors found");
        return Ok(());
    }
    Err(DaemonError::Settings(findings.errors.join("\n")))
}

/// Looks with the eyes of the user that the daemon becomes, for whom keys have to be readable and safe.
fn become_user(process: &Process) -> Result<(), DaemonError> {
    if nix::unistd::geteuid().is_root() {
        let identity = process.user.as_deref().map(Identity::find).transpose()?;
        privileges::drop(process, identity.as_ref())?;
    }
    Ok(())
}

impl Findings {
    fn add(&mut self, filter: &Filter) {
        let Some(sign) = &filter.sign else { return };
        self.keys(filter, sign);
        self.internal(filter, sign);
        self.table(filter, sign);
    }

    fn keys(&mut self, filter: &Filter, sign: &Sign) {
        for (place, key) in sign.check_keys() {
            match key {
                Ok(Some(short)) => self.warnings.push(format!("{}: {place}: {short}", filter.name)),
                Ok(None) => {}
                Err(error) => self.errors.push(format!("{}: {place}: {error}", filter.name)),
            }
        }
    }

    /// Two addresses of strangers: a list that has both has everybody.
    fn internal(&mut self, filter: &Filter, sign: &Sign) {
        let strangers = [IpAddr::from([203, 0, 113, 9]), IpAddr::from([198, 51, 100, 77])];
        let entries: Vec<_> = strangers.iter().filter_map(|ip| sign.internal().entry(*ip)).collect();
        if let [entry, _] = entries[..] {
            self.errors.push(format!(
                "{}: InternalHosts has {entry}: anybody can send mail as your domains and have it signed, with a valid \
                 signature of yours; list 127.0.0.1, ::1 and the networks of your own users",
                filter.name
            ));
        }
    }

    /// A pattern in a table of exact keys never matches.
    fn table(&mut self, filter: &Filter, sign: &Sign) {
        let Some(table) = sign.source().signing_table() else { return };
        let is_exact = sign.has_exact_table();
        let patterns = table.iter().filter(|entry| entry.pattern().contains('*') && entry.pattern() != "*");
        for entry in patterns.filter(|entry| is_exact && !entry.pattern().ends_with("@*")) {
            self.errors.push(format!(
                "{}: SigningTable line {}: {} never matches in a table of exact keys; write SigningTable refile:/PATH",
                filter.name,
                entry.line(),
                entry.pattern()
            ));
        }
    }
}
