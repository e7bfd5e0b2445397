//! Which tool is run, and how it speaks.

use std::fmt::Display;

/// One of the tools.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tool {
    Genkey,
    Genzone,
    Testkey,
    Testmsg,
}

pub(super) const TOOLS: [Tool; 4] = [Tool::Genkey, Tool::Genzone, Tool::Testkey, Tool::Testmsg];

/// What ends a tool.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) code: u8,
    pub(super) text: String,
}

impl Tool {
    pub(super) fn of(name: &str) -> Option<Self> {
        TOOLS.into_iter().find(|tool| tool.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Genkey => "opendkim-genkey",
            Self::Genzone => "opendkim-genzone",
            Self::Testkey => "opendkim-testkey",
            Self::Testmsg => "opendkim-testmsg",
        }
    }

    /// Prints a line to standard error.
    pub(super) fn tell(self, text: impl Display) {
        eprintln!("{}: {text}", self.name());
    }

    /// What the tool ends with.
    pub(super) fn said(self, code: u8, text: impl Display) -> Said {
        self.plain(code, format!("{}: {text}", self.name()))
    }

    pub(super) fn plain(self, code: u8, text: String) -> Said {
        Said { code, text }
    }
}
