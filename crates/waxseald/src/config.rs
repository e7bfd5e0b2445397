//! Files of settings.

mod given;
mod lines;
mod mistakes;
mod openarc;
mod opendkim;
mod opendkim_options;
mod opendmarc;
mod options;
mod own;
mod policyd_spf;
mod value;

use crate::settings::{Kind, Service, Settings};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) use mistakes::Mistakes;

/// The files to read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    /// waxseald.toml
    pub(crate) own: Option<PathBuf>,
    pub(crate) opendkim: Option<PathBuf>,
    pub(crate) opendmarc: Option<PathBuf>,
    pub(crate) openarc: Option<PathBuf>,
    pub(crate) policyd_spf: Option<PathBuf>,
    /// Where the policy service listens; its file does not say.
    pub(crate) policy_socket: Option<String>,
}

impl Files {
    /// Reads the files, and reports all mistakes at once.
    pub(crate) fn load(&self) -> Result<Settings, Mistakes> {
        type Read = fn(&[lines::Line], &mut Settings, &mut Mistakes);
        let readers: [(&Option<PathBuf>, Read); 3] = [
            (&self.opendkim, opendkim::read),
            (&self.opendmarc, opendmarc::read),
            (&self.openarc, openarc::read),
        ];
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        for (path, read) in readers {
            if let Some(lines) = path.as_deref().and_then(|path| read_lines(path, &mut mistakes)) {
                read(&lines, &mut settings, &mut mistakes);
            }
        }
        let is_only = settings.services.is_empty() && self.policyd_spf.is_none() && mistakes.0.is_empty();
        let environment = || std::env::vars().filter(|(name, _)| name.starts_with("WAXSEALD_"));
        if let Some(path) = &self.own {
            match fs::read_to_string(path) {
                Ok(text) => own::read(&text, environment(), &mut settings, &mut mistakes),
                Err(error) => mistakes.0.push(format!("{}: {error}", path.display())),
            }
        } else if is_only && environment().next().is_some() {
            own::read("", environment(), &mut settings, &mut mistakes);
        }
        if let Some(path) = &self.policyd_spf {
            self.policy(path, &mut settings, &mut mistakes);
        }
        if settings.services.is_empty() && mistakes.0.is_empty() {
            mistakes.0.push(
                "no settings: give a file, such as -x /etc/opendkim.conf or -c /etc/waxseald.toml".to_owned(),
            );
        }
        if mistakes.0.is_empty() { Ok(settings) } else { Err(mistakes) }
    }

    fn policy(&self, path: &Path, settings: &mut Settings, mistakes: &mut Mistakes) {
        let Some(lines) = read_lines(path, mistakes) else { return };
        let policy = policyd_spf::read(&lines, &mut settings.warnings, mistakes);
        let sockets = match self.policy_socket.as_deref().map(value::socket).transpose() {
            Ok(socket) => socket.into_iter().collect(),
            Err(error) => return mistakes.0.push(format!("--policy-socket: {error}")),
        };
        let kind = Kind::Policy(Box::new(policy));
        settings.services.push(Service { name: "policyd-spf".to_owned(), sockets, kind });
    }
}

fn read_lines(path: &Path, mistakes: &mut Mistakes) -> Option<Vec<lines::Line>> {
    lines::read(path).map_err(|error| mistakes.0.push(error.to_string())).ok()
}
