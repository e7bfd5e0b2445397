//! Files of settings.

mod lines;
mod mistakes;
mod opendkim;
mod opendkim_options;
mod options;
mod value;

use crate::settings::Settings;
use std::path::PathBuf;

pub(crate) use mistakes::Mistakes;

/// The files to read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files {
    pub(crate) opendkim: Option<PathBuf>,
}

impl Files {
    /// Reads the files, and reports all mistakes at once.
    pub(crate) fn load(&self) -> Result<Settings, Mistakes> {
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        if let Some(path) = &self.opendkim {
            match lines::read(path) {
                Ok(lines) => opendkim::read(&lines, &mut settings, &mut mistakes),
                Err(error) => mistakes.0.push(error.to_string()),
            }
        }
        if mistakes.0.is_empty() { Ok(settings) } else { Err(mistakes) }
    }
}
