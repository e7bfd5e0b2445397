//! What the tools read of opendkim.conf.

use super::tool::{Said, Tool};
use crate::dns_args::{Dns, DnsArgs};
use std::{fs, path::Path};
use waxseal_resolver::parse_server;

/// Names and values, in order.
#[derive(Debug, Default)]
pub(crate) struct Conf(Vec<(String, String)>);

const DEFAULT: &str = "/etc/opendkim.conf";

impl Conf {
    /// The given file; else the default one, if it can be read.
    pub(super) fn read(tool: Tool, given: Option<&str>, verbose: usize) -> Result<Self, Said> {
        let text = match given {
            Some(path) => {
                let failed = |error| tool.said(78, format!("{path}: {error}"));
                fs::read(path).map_err(failed)?
            }
            None => match fs::read(Path::new(DEFAULT)) {
                Ok(text) => {
                    if verbose > 1 {
                        tool.tell(format!("using default configfile {DEFAULT}"));
                    }
                    text
                }
                Err(_) => return Ok(Self::default()),
            },
        };
        Ok(Self::parse(&text))
    }

    /// Lines of a name and a value.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let line = |line: &str| {
            let line = line.split('#').next()?.trim();
            let (name, value) = line.split_once(|c: char| c.is_ascii_whitespace())?;
            Some((name.to_ascii_lowercase(), value.trim().to_owned()))
        };
        Self(text.lines().filter_map(line).collect())
    }

    /// A later line wins.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(found, _)| *found == name).map(|(_, value)| value.as_str())
    }

    /// DNS by a zone file, by given servers, by `Nameservers`, or by the system.
    pub(super) fn dns(&self, tool: Tool, zone: Option<&str>, server: Option<&str>) -> Result<Dns, Said> {
        let servers = server.or_else(|| self.get("nameservers")).unwrap_or_default();
        let servers = servers.split(',').map(str::trim).filter(|server| !server.is_empty()).map(parse_server);
        let servers: Result<Vec<_>, _> = servers.collect();
        let servers = servers.map_err(|error| tool.said(78, error))?;
        let zone = zone.map(Into::into).into_iter().collect::<Vec<_>>();
        let servers = if zone.is_empty() { servers } else { Vec::new() };
        DnsArgs::new(zone, servers).open().map_err(|failure| tool.said(71, failure))
    }
}
