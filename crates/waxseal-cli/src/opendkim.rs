//! The tools of OpenDKIM under their old names, with their old options and texts: as `waxseal opendkim-genkey …`, or by
//! a link of that name to `waxseal`. Exit codes are correct even where the old ones were not.

pub(crate) mod conf;
mod genkey;
mod genzone;
mod getopt;
mod testkey;
mod testmsg;
mod tool;

use std::{ffi::OsString, path::Path, process::ExitCode};
use tool::{Said, Tool};

/// Runs the tool that the command was called as, if it was.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let mut args = args.into_iter();
    let name = |arg: OsString| Tool::of(Path::new(&arg).file_name()?.to_str()?);
    let tool = args.next().and_then(name).or_else(|| args.next().and_then(|arg| Tool::of(arg.to_str()?)))?;
    let args: Result<Vec<String>, OsString> = args.map(OsString::into_string).collect();
    let done = args
        .map_err(|arg| tool.said(1, format!("{}: not UTF-8", arg.display())))
        .and_then(|args| run_tool(tool, &args));
    let code = done.unwrap_or_else(|said| {
        eprintln!("{}", said.text);
        said.code
    });
    Some(code.into())
}

fn run_tool(tool: Tool, args: &[String]) -> Result<u8, Said> {
    match tool {
        Tool::Genkey => genkey::run(tool, args),
        Tool::Genzone => genzone::run(tool, args),
        Tool::Testkey => testkey::run(tool, args),
        Tool::Testmsg => testmsg::run(tool, args),
    }
}
