//! `waxseald check`: loads everything, follows every entry, and reports what will cause trouble.

mod findings;
mod keys;
mod main_cf;
mod others;
mod published;

use crate::{
    config::Files,
    daemon::{DaemonError, Loaded, load},
    filter::Filter,
    privileges,
    roles::sign::Sign,
    settings::{Kind, Settings, Socket},
};
use findings::Findings;
use std::{fs, net::IpAddr, path::PathBuf};

/// How far the check goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Extent {
    /// Settings of Postfix.
    pub(crate) main_cf: Option<PathBuf>,
    /// Whether nobody is asked whether the keys are published.
    pub(crate) without_dns: bool,
}

/// Checks the files; an error is one that keeps mail from being signed, lets others sign as you, or keeps the daemon from starting.
pub(crate) fn run(files: &Files, extent: &Extent) -> Result<(), DaemonError> {
    let settings = files.load().map_err(|mistakes| DaemonError::Settings(mistakes.to_string()))?;
    let mut findings = Findings { warnings: settings.warnings.clone(), ..Findings::default() };
    // What the daemon reads as root is read as root, and the rest as whom it becomes.
    findings.of_postfix(extent, &settings)?;
    findings.warnings.extend(others::running(&settings));
    findings.sockets(&settings);
    findings.warnings.extend(privileges::act_as_daemon(&settings.process)?);
    let mut odd = Vec::new();
    let filters = load(&settings, &mut odd).map_err(DaemonError::Settings)?;
    findings.warnings.extend(odd);
    let mut subjects = Vec::new();
    for loaded in &filters {
        if let Loaded::Milter(filter) = loaded {
            findings.add(filter, &mut subjects);
        }
    }
    for service in &settings.services {
        subjects.extend(keys::of_seal(service));
    }
    if !extent.without_dns {
        published::compare(&subjects, &settings.dns, &mut findings)?;
    }
    findings.print()
}

impl Findings {
    fn add(&mut self, filter: &Filter, subjects: &mut Vec<keys::Subject>) {
        let Some(sign) = &filter.sign else { return };
        subjects.extend(keys::read(&filter.name, sign, self));
        self.internal(filter, sign);
        self.table(filter, sign);
    }

    fn of_postfix(&mut self, extent: &Extent, settings: &Settings) -> Result<(), DaemonError> {
        let Some(path) = &extent.main_cf else { return Ok(()) };
        let text = fs::read_to_string(path)
            .map_err(|error| DaemonError::Settings(format!("{}: {error}", path.display())))?;
        main_cf::check(&main_cf::Parameters::parse(&text), settings, self);
        Ok(())
    }

    /// Whoever reaches the socket of a signer can name any client: its mail counts as internal.
    fn sockets(&mut self, settings: &Settings) {
        const WHY: &str = "can have mail signed as your domains";
        for service in &settings.services {
            let Kind::Milter(filter) = &service.kind else { continue };
            for socket in service.sockets.iter().filter(|_| filter.sign.is_some()) {
                let text = match socket {
                    Socket::Inet(host, port) if matches!(host.as_str(), "0.0.0.0" | "::") => {
                        format!(
                            "{socket}: whoever reaches this machine {WHY}: name an address, as in inet:{port}@127.0.0.1"
                        )
                    }
                    Socket::Unix(_) if settings.process.umask.is_some_and(|mask| mask.0 & 0o002 == 0) => {
                        format!(
                            "{socket}: every user of this machine {WHY}: use UMask 007, and add postfix to the group"
                        )
                    }
                    _ => continue,
                };
                self.warnings.push(format!("{}: {text}", service.name));
            }
        }
    }

    /// Two unrelated addresses of each family: a list that contains both contains everybody.
    fn internal(&mut self, filter: &Filter, sign: &Sign) {
        let strangers: [[IpAddr; 2]; 2] = [
            [[203, 0, 113, 9].into(), [198, 51, 100, 77].into()],
            [[0x2001, 0xDB8, 0, 0, 0, 0, 0, 9].into(), [0x2A00, 1, 2, 3, 4, 5, 6, 7].into()],
        ];
        for family in strangers {
            let entries: Vec<_> = family.iter().filter_map(|ip| sign.internal().entry(*ip)).collect();
            if let [entry, _] = entries[..] {
                self.errors.push(format!(
                    "{}: InternalHosts has {entry}: anybody can send mail as your domains and have it signed, with a valid \
                     signature of yours, and what comes in is not verified; list 127.0.0.1, ::1 and the networks of your own \
                     users",
                    filter.name
                ));
            }
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

impl Settings {
    /// Whether some service signs.
    fn signs(&self) -> bool {
        self.services
            .iter()
            .any(|service| matches!(&service.kind, Kind::Milter(filter) if filter.sign.is_some()))
    }

    /// Whether some service rejects what DMARC fails.
    fn rejects_failures(&self) -> bool {
        let rejects = |kind: &Kind| matches!(kind, Kind::Milter(filter) if filter.dmarc.as_ref().is_some_and(|dmarc| dmarc.reject));
        self.services.iter().any(|service| rejects(&service.kind))
    }
}
