//! The tools of OpenDKIM under their old names, with their old options and texts: as `waxseal opendkim-genkey …`, or by a link
//! of that name to `waxseal`. Exit codes tell the truth also where the old ones did not.

mod conf;
mod genkey;
mod getopt;
mod testkey;
mod testmsg;

use std::{ffi::OsString, fmt::Display, path::Path, process::ExitCode};

/// One of the tools.
#[derive(Debug, Clone, Copy)]
enum Tool {
    Genkey,
    Testkey,
    Testmsg,
}

const TOOLS: [Tool; 3] = [Tool::Genkey, Tool::Testkey, Tool::Testmsg];

/// What ends a tool.
#[derive(Debug)]
struct Said {
    code: u8,
    text: String,
}

/// Runs the tool that the command was called as, if it was.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter();
    let name = |arg: OsString| Tool::of(Path::new(&arg).file_name()?.to_str()?);
    let tool = args.next().and_then(name).or_else(|| args.next().and_then(|arg| Tool::of(arg.to_str()?)))?;
    let args: Result<Vec<String>, OsString> = args.map(OsString::into_string).collect();
    let done = args
        .map_err(|arg| tool.said(1, format!("{}: not UTF-8", arg.display())))
        .and_then(|args| tool.run(&args));
    let code = done.unwrap_or_else(|said| {
        eprintln!("{}", said.text);
        said.code
    });
    Some(code.into())
}

impl Tool {
    fn of(name: &str) -> Option<Self> {
        TOOLS.into_iter().find(|tool| tool.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Genkey => "opendkim-genkey",
            Self::Testkey => "opendkim-testkey",
            Self::Testmsg => "opendkim-testmsg",
        }
    }

    fn run(self, args: &[String]) -> Result<u8, Said> {
        match self {
            Self::Genkey => genkey::run(self, args),
            Self::Testkey => testkey::run(self, args),
            Self::Testmsg => testmsg::run(self, args),
        }
    }

    /// Says something on standard error.
    fn tell(self, text: impl Display) {
        eprintln!("{}: {text}", self.name());
    }

    /// What the tool ends with.
    fn said(self, code: u8, text: impl Display) -> Said {
        self.plain(code, format!("{}: {text}", self.name()))
    }

    fn plain(self, code: u8, text: String) -> Said {
        Said { code, text }
    }
}
