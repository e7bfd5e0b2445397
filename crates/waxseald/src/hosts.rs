//! Lists of hosts, addresses and domains that settings name.

use crate::sources::Sources;
use std::net::IpAddr;
use waxseal_tables::{DataSet, HostList, InvalidTable, Table};

/// Clients by address or name; empty unless it was loaded.
#[derive(Debug, Default)]
pub(crate) struct Hosts(Option<HostList>);

/// Keys, exact or with `*`; empty unless it was loaded.
#[derive(Debug, Default)]
pub(crate) struct Words(Option<Table>);

impl Hosts {
    /// Reads the list that an option names; oddities are added to the warnings.
    pub(crate) fn load(option: &str, spec: &str, warnings: &mut Vec<String>) -> Result<Self, String> {
        let list =
            HostList::load(&data_set(option, spec)?, &Sources).map_err(|error| unreadable(option, &error))?;
        warnings.extend(list.problems().iter().map(|problem| format!("{option}: {problem}")));
        if list.iter().next().is_none() {
            warnings.push(format!("{option}: it has no entries"));
        }
        Ok(Self(Some(list)))
    }

    /// Whether the client is in the list.
    pub(crate) fn contain(&self, name: &str, ip: Option<IpAddr>) -> bool {
        self.0.as_ref().is_some_and(|list| list.contains(Some(name), ip))
    }

    /// The entry that contains an address.
    pub(crate) fn entry(&self, ip: IpAddr) -> Option<&str> {
        let entry = self.0.as_ref()?.lookup_address(ip)?;
        entry.is_included().then(|| entry.text())
    }
}

impl Words {
    /// Reads the table that an option names.
    pub(crate) fn load(option: &str, spec: &str, warnings: &mut Vec<String>) -> Result<Self, String> {
        let table =
            Table::load(&data_set(option, spec)?, &Sources).map_err(|error| unreadable(option, &error))?;
        warnings.extend(table.problems().iter().map(|problem| format!("{option}: {problem}")));
        Ok(Self(Some(table)))
    }

    pub(crate) fn contain(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        Some(self.0.as_ref()?.get(key)?.value())
    }

    /// All keys and their values.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|table| table.iter()).map(|entry| (entry.key(), entry.value()))
    }
}

/// The domains that a file lists, a line each.
pub(crate) fn listed(path: &str) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    Ok(lines.filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The data set that an option names.
pub(crate) fn data_set(option: &str, spec: &str) -> Result<DataSet, String> {
    DataSet::parse(spec).map_err(|error| format!("{option}: {error}"))
}

/// Why a table cannot be used, including the underlying cause.
pub(crate) fn unreadable(option: &str, error: &InvalidTable) -> String {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{option}: {error}{cause}")
}
