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
pub(crate) use policyd_spf::of_recipients;

/// The files to read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    /// waxseald.toml
    pub(crate) own: Option<PathBuf>,
    pub(crate) opendkim: Option<PathBuf>,
    pub(crate) opendmarc: Option<PathBuf>,
    pub(crate) openarc: Option<PathBuf>,
    pub(crate) policyd_spf: Option<PathBuf>,
    /// Where the policy service listens, which its file does not state.
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
        let mut environment = own::environment();
        if let Some(path) = &self.own {
            match fs::read_to_string(path) {
                Ok(text) => own::read(&text, environment, &mut settings, &mut mistakes),
                Err(error) => mistakes.0.push(format!("{}: {error}", path.display())),
            }
        } else if is_only && !environment.is_empty() {
            own::read("", environment, &mut settings, &mut mistakes);
        } else {
            own::read_process(&mut environment, &mut settings, &mut mistakes);
            let unused = environment.keys().map(|name| name.to_ascii_uppercase());
            settings.warnings.extend(
                unused.map(|name| {
                    format!("WAXSEALD_{name}: not used, as the files say what is done with mail")
                }),
            );
        }
        if let Some(path) = &self.policyd_spf {
            self.policy(path, &mut settings, &mut mistakes);
        }
        mistakes.0.extend(settings.shared_sockets());
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

impl Files {
    /// Reads the text of a waxseald.toml alone.
    pub(crate) fn read_text(text: &str) -> Result<Settings, Mistakes> {
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        own::read(text, toml::Table::new(), &mut settings, &mut mistakes);
        if mistakes.0.is_empty() { Ok(settings) } else { Err(mistakes) }
    }
}

impl Settings {
    /// The text of a waxseald.toml that gives these settings.
    pub(crate) fn to_toml(&self) -> String {
        own::write(self)
    }

    /// Sockets at which two services would listen.
    fn shared_sockets(&self) -> Vec<String> {
        let all: Vec<_> = self
            .services
            .iter()
            .flat_map(|service| service.sockets.iter().map(move |socket| (&service.name, socket)))
            .collect();
        let shared = all.iter().enumerate().filter_map(|(index, (name, socket))| {
            let (other, _) = all.iter().take(index).find(|(_, other)| other == socket)?;
            Some(format!("{socket}: {other} and {name} both listen there: give each a socket of its own"))
        });
        shared.collect()
    }

    /// Whether both describe the same process, regardless of warnings.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let shown =
            |settings: &Self| format!("{:?} {:?} {:?}", settings.process, settings.dns, settings.services);
        shown(self) == shown(other)
    }
}

/// Lines of the old files that are not needed here, and why.
pub(crate) fn unused_lines(files: &Files) -> Vec<String> {
    let lists = [
        (&files.opendkim, opendkim_options::OPTIONS),
        (&files.opendmarc, opendmarc::OPTIONS),
        (&files.openarc, openarc::OPTIONS),
    ];
    let mut notes = Vec::new();
    for (path, options) in lists {
        let lines = path.as_deref().and_then(|path| lines::read(path).ok()).unwrap_or_default();
        for line in &lines {
            if let Ok((_, options::Handling::Needless(why))) = options::find(options, line) {
                notes.push(format!("{}: not needed: {why}", line.at()));
            }
        }
    }
    notes
}

fn read_lines(path: &Path, mistakes: &mut Mistakes) -> Option<Vec<lines::Line>> {
    lines::read(path).map_err(|error| mistakes.0.push(error.to_string())).ok()
}
