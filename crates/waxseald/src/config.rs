//! Files of settings.

mod given;
mod lines;
mod mistakes;
mod openarc;
mod opendkim;
mod opendkim_options;
mod opendmarc;
mod options;
mod policyd_spf;
mod value;

use crate::settings::{Kind, Service, Settings};
use std::path::{Path, PathBuf};

pub(crate) use mistakes::Mistakes;

/// The files to read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
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
        if let Some(path) = &self.policyd_spf {
            self.policy(path, &mut settings, &mut mistakes);
        }
        if settings.services.is_empty() && mistakes.0.is_empty() {
            mistakes.0.push("no file of settings: give one, such as -x /etc/opendkim.conf".to_owned());
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
