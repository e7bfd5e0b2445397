//! The keys that an opendkim.conf names, and what in it signs too little or too much.

use super::{check::Row, tables::Tables};
use crate::{
    exit::{Failure, chain},
    opendkim::conf::Conf,
};
use std::{fs, net::IpAddr, path::Path};
use waxseal::dns::lint::{Finding, Severity};
use waxseal_tables::{DataSet, Files, HostList, KeyData};

impl Tables {
    pub(crate) fn of_config(path: &Path) -> Result<Self, Failure> {
        let text = fs::read(path).map_err(|error| Failure::file("read", path, &error))?;
        let conf = Conf::parse(&text);
        let mut tables = match conf.get("keytable") {
            Some(keys) => Self::of_tables(path, &conf, keys)?,
            None => Self::of_key_file(path, &conf)?,
        };
        let mut add = |id, severity, problem: &str| tables.findings.push(Finding::new(id, severity, problem));
        // Debian's default is sv, that of the file in EPEL is v.
        if conf.get("mode").is_some_and(|mode| !mode.contains('s')) {
            add("mode", Severity::Warning, "Mode has no s: nothing is signed");
        }
        tables.hosts(path, &conf)?;
        Ok(tables)
    }

    fn of_tables(path: &Path, conf: &Conf, keys: &str) -> Result<Self, Failure> {
        let signing =
            conf.get("signingtable").map(|text| data_set(path, "SigningTable", text)).transpose()?;
        let mut tables = Self::read(&data_set(path, "KeyTable", keys)?, signing.as_ref())?;
        if signing.is_none() {
            let problem =
                "there is a KeyTable, but no SigningTable says which mail its keys sign: nothing is signed";
            tables.findings.push(Finding::new("no-signing-table", Severity::Error, problem));
        }
        if conf.get("keyfile").is_some() {
            let problem = "KeyFile is not used, since there is a KeyTable";
            tables.findings.push(Finding::new("key-file-unused", Severity::Note, problem));
        }
        Ok(tables)
    }

    /// One key for all domains.
    fn of_key_file(path: &Path, conf: &Conf) -> Result<Self, Failure> {
        let value = |name: &str, option: &str| {
            let missing = || {
                Failure::new(format!(
                    "{}: there is neither a KeyTable nor {name}: keys are named by KeyTable and SigningTable, or by Domain, Selector and KeyFile",
                    path.display()
                ))
            };
            conf.get(option).ok_or_else(missing)
        };
        let (domains, selector) = (value("Domain", "domain")?, value("Selector", "selector")?);
        let key = KeyData::File(value("KeyFile", "keyfile")?.to_owned());
        let mut tables = Self::default();
        for domain in domains.split(',').map(str::trim).filter(|domain| !domain.is_empty()) {
            let mut row = Row::new(domain, domain, selector);
            row.read_key(&key);
            tables.rows.push(row);
        }
        Ok(tables)
    }

    /// Whose mail is signed.
    fn hosts(&mut self, path: &Path, conf: &Conf) -> Result<(), Failure> {
        for name in ["InternalHosts", "ExternalIgnoreList", "PeerList"] {
            let Some(text) = conf.get(&name.to_ascii_lowercase()) else { continue };
            let hosts = HostList::load(&data_set(path, name, text)?, &Files);
            let hosts = hosts.map_err(|error| Failure::new(format!("{name}: {}", chain(&error))))?;
            self.problems(name, hosts.problems());
            let (severity, problem) = match name {
                "InternalHosts" => (
                    Severity::Error,
                    "every host on earth is internal: mail of strangers is signed, also when it is forged in your name; leave 127.0.0.1, ::1 and \
                     the networks of your own hosts",
                ),
                "PeerList" => (Severity::Error, "every host is a peer: no mail is signed or verified"),
                _ => continue,
            };
            if includes_strangers(&hosts) {
                self.findings.push(Finding::new("any-host", severity, format!("{name}: {problem}")));
            }
        }
        if conf.get("internalhosts").is_none() {
            let problem = "no InternalHosts: mail from 127.0.0.1 and from clients that authenticated themselves is signed, no other";
            self.findings.push(Finding::new("internal-hosts", Severity::Note, problem));
        }
        Ok(())
    }
}

/// Tested with addresses outside all real networks (RFC 5737, RFC 3849).
fn includes_strangers(hosts: &HostList) -> bool {
    let includes = |address: &str| hosts.contains(None, address.parse::<IpAddr>().ok());
    includes("198.51.100.77") && includes("203.0.113.77")
        || includes("2001:db8:77::77") && includes("2001:db8:7777::77")
}

fn data_set(path: &Path, name: &str, text: &str) -> Result<DataSet, Failure> {
    DataSet::parse(text).map_err(|error| Failure::new(format!("{}: {name}: {error}", path.display())))
}
