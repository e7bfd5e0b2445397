//! The lines of an old file by option name, and what all three files have in common.

use super::{
    lines::Line,
    mistakes::Mistakes,
    options::{self, Options},
    value::{self, Invalid},
};
use crate::settings::{LogTo, Mask, Settings};
use std::{collections::BTreeMap, path::PathBuf};

/// The lines that have an effect, by option name.
pub(super) struct Given<'l>(BTreeMap<&'static str, &'l Line>);

impl<'l> Given<'l> {
    /// Takes the lines that have an effect; the last one counts. The others give warnings.
    pub(super) fn new(
        options: Options,
        lines: &'l [Line],
        warnings: &mut Vec<String>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let mut given = Self(BTreeMap::new());
        for line in lines {
            match options::find(options, line) {
                Ok((name, options::Handling::Acts)) => _ = given.0.insert(name, line),
                Ok((_, handling)) => warnings.extend(options::warning(line, handling)),
                Err(error) => mistakes.0.push(error),
            }
        }
        given
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).map(|line| line.value.clone()).filter(|value| !value.is_empty())
    }

    pub(super) fn words(&self, name: &str) -> Vec<String> {
        self.text(name).map(|text| value::words(&text)).unwrap_or_default()
    }

    /// The words of an option with a data set: in the value, or in the file that it names.
    pub(super) fn set(&self, name: &str, mistakes: &mut Mistakes) -> Vec<String> {
        let is_file = |text: &str| text.starts_with('/') || value::is_data_set(text);
        // The one option whose entries have values.
        let read = if name == "MacroList" { value::data_set } else { value::names };
        match self.text(name).filter(|text| is_file(text)) {
            Some(text) => self.read(name, |_| read(&text), mistakes).unwrap_or_default(),
            None => self.words(name),
        }
    }

    /// The value of an option, parsed by `read`; errors are added to the mistakes.
    pub(super) fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
        mistakes: &mut Mistakes,
    ) -> Option<T> {
        let line = self.0.get(name)?;
        match read(&line.value) {
            Ok(value) => Some(value),
            Err(error) => {
                mistakes.0.push(format!("{}: {error}", line.at()));
                None
            }
        }
    }

    pub(super) fn boolean(&self, name: &str, default: bool, mistakes: &mut Mistakes) -> bool {
        self.read(name, value::boolean, mistakes).unwrap_or(default)
    }

    /// User, mask, pid file, folders and log. Two files may name them; the first that does wins, as there is one process.
    pub(super) fn process(&self, name: &str, settings: &mut Settings, mistakes: &mut Mistakes) {
        let process = &mut settings.process;
        let differs = |known: &Option<String>, text: &Option<String>| {
            known.is_some() && text.is_some() && known != text
        };
        let user = self.text("UserID");
        if differs(&process.user, &user) {
            let text =
                format!("{name}: UserID: not used, one process has one user, and another file names another");
            settings.warnings.push(text);
        }
        process.user = process.user.take().or(user);
        process.umask = process.umask.or(self.read("UMask", value::umask, mistakes).map(Mask));
        let path = |option| self.text(option).map(PathBuf::from);
        process.pid_files.extend(path("PidFile"));
        process.root = process.root.take().or(path("ChangeRootDirectory"));
        process.folder = process.folder.take().or(path("BaseDirectory"));
        if self.boolean("Syslog", false, mistakes) && process.log == LogTo::Stderr {
            process.log = LogTo::Syslog {
                facility: self.text("SyslogFacility").unwrap_or_else(|| "mail".to_owned()),
                name: self.text("SyslogName").unwrap_or_else(|| name.to_owned()),
            };
        }
    }

    /// The DNS servers to ask.
    pub(super) fn dns(&self, settings: &mut Settings, mistakes: &mut Mistakes) {
        for server in self.words("Nameservers") {
            match value::server(&server) {
                Ok(server) => settings.dns.servers.push(server),
                Err(error) => mistakes.0.push(format!("Nameservers: {error}")),
            }
        }
        if let Some(timeout) = self.read("DNSTimeout", value::seconds, mistakes) {
            settings.dns.timeout = timeout;
        }
    }
}
