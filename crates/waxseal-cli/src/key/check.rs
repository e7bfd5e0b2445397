//! `waxseal key check`: private key, tables and DNS side by side.

use super::{
    compare::{Compare, Compared, Subject},
    tables::Tables,
};
use crate::{
    dns_args::DnsArgs,
    exit::{Exit, Failure},
    key_file, key_name,
    lint::{self, FindingRow},
    terminal::{self, visible},
};
use clap::Args;
use serde::Serialize;
use std::{
    io::{self, Write},
    path::PathBuf,
};
use waxseal::{
    crypto::PublicKey,
    dkim::Selector,
    dns::{
        DomainName,
        lint::{Finding, Severity},
    },
};
use waxseal_tables::DataSet;

/// Compare a private key, or the keys of tables or an opendkim.conf, with what DNS has
///
/// Reports what differs: another key, quotes or backslashes pasted into the value, a truncated or split record, the
/// domain added twice to its name, a key that is revoked, or published under another selector. For tables: keys that
/// sign but are not published, are published but do not sign, or are missing, and misleading lines.
///
/// Exit codes: 0 when there is nothing worse than a note, 1 when there is, 2 for wrong usage, 75 when a DNS server did not
/// answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal key check -d example.org -s 2026a /etc/opendkim/keys/example.org/2026a.private
  waxseal key check --config /etc/opendkim.conf
  waxseal key check --key-table /etc/opendkim/KeyTable --signing-table refile:/etc/opendkim/SigningTable")]
pub(crate) struct Check {
    /// The private key: PEM or DER
    #[arg(required_unless_present_any = ["key_table", "config"], requires = "domain", requires = "selector")]
    key: Option<PathBuf>,
    /// The domain that signs, d=
    #[arg(long, short, value_parser = key_name::domain, requires = "key")]
    domain: Option<DomainName>,
    /// The name of the key, s=
    #[arg(long, short, value_parser = key_name::selector, requires = "key")]
    selector: Option<Selector>,
    /// Check all keys of this KeyTable, given as in opendkim.conf: a path, refile:PATH or csl:LIST
    #[arg(long, value_name = "DATASET", value_parser = data_set, conflicts_with_all = ["key", "domain", "selector"])]
    key_table: Option<DataSet>,
    /// Check that the keys of this SigningTable exist, and which keys sign
    #[arg(long, value_name = "DATASET", value_parser = data_set, requires = "key_table")]
    signing_table: Option<DataSet>,
    /// Check what this opendkim.conf names: KeyTable and SigningTable, or Domain, Selector and KeyFile, and whose mail they sign
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "domain", "selector", "key_table"])]
    config: Option<PathBuf>,
    #[command(flatten)]
    dns: DnsArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn data_set(text: &str) -> Result<DataSet, String> {
    DataSet::parse(text).map_err(|error| error.to_string())
}

/// One key.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// In the KeyTable.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    domain: String,
    selector: String,
    pub(crate) key_file: Option<String>,
    /// Where its record belongs.
    record_name: Option<String>,
    records: Vec<String>,
    published: bool,
    /// Whether the SigningTable names it, if one was given.
    #[serde(rename = "signs")]
    pub(crate) is_used: Option<bool>,
    #[serde(serialize_with = "finding_rows")]
    pub(crate) findings: Vec<Finding>,
    #[serde(skip)]
    pub(crate) public: Option<PublicKey>,
    #[serde(skip)]
    texts: Vec<Vec<u8>>,
}

fn finding_rows<S: serde::Serializer>(findings: &[Finding], serializer: S) -> Result<S::Ok, S::Error> {
    findings.iter().map(FindingRow::from).collect::<Vec<_>>().serialize(serializer)
}

/// Everything that was checked.
#[derive(Debug, Serialize)]
struct Checked<'c> {
    keys: &'c [Row],
    #[serde(serialize_with = "finding_rows")]
    findings: &'c [Finding],
}

impl Check {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let Tables { mut rows, findings } = match (&self.key_table, &self.config) {
            (Some(keys), _) => Tables::read(keys, self.signing_table.as_ref())?,
            (_, Some(config)) => Tables::of_config(config)?,
            _ => Tables { rows: self.one()?, findings: Vec::new() },
        };
        let subjects: Vec<_> = rows.iter_mut().map(Row::subject).collect();
        let compared = self.dns.drive(Compare(subjects.iter().flatten().cloned().collect()))?;
        let with_subject = rows.iter_mut().zip(&subjects).filter(|(_, subject)| subject.is_some());
        with_subject.zip(compared).for_each(|((row, _), compared)| row.take(compared));
        self.print(&rows, &findings).map_err(Failure::output)?;
        let exits = rows.iter().map(|row| lint::exit_of(&row.findings));
        Ok(exits.fold(lint::exit_of(&findings), Exit::and))
    }

    fn one(&self) -> Result<Vec<Row>, Failure> {
        let (Some(path), Some(domain), Some(selector)) = (&self.key, &self.domain, &self.selector) else {
            return Ok(Vec::new());
        };
        let key = key_file::read(path)?;
        let mut row = Row::new("", domain.as_str(), &selector.to_string());
        row.name = None;
        row.key_file = Some(path.display().to_string());
        row.public = Some(key.public_key().clone());
        Ok(vec![row])
    }

    fn print(&self, rows: &[Row], findings: &[Finding]) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            return writeln!(out, "{}", crate::json::to_string(&Checked { keys: rows, findings }));
        }
        for row in rows {
            row.print(&mut out)?;
        }
        lint::print_rest(&mut out, &findings.iter().collect::<Vec<_>>())?;
        if rows.len() > 1 {
            let wrong = rows.iter().filter(|row| !matches!(lint::exit_of(&row.findings), Exit::Pass)).count();
            writeln!(out, "{} keys checked, {wrong} with problems", rows.len())?;
        }
        Ok(())
    }
}

impl Row {
    pub(crate) fn new(name: &str, domain: &str, selector: &str) -> Self {
        Self {
            name: Some(name.into()),
            domain: domain.into(),
            selector: selector.into(),
            key_file: None,
            record_name: None,
            records: Vec::new(),
            published: false,
            is_used: None,
            findings: Vec::new(),
            public: None,
            texts: Vec::new(),
        }
    }

    /// The question, unless the key or its name cannot be read.
    fn subject(&mut self) -> Option<Subject> {
        let public = self.public.clone()?;
        let domain = key_name::domain(&self.domain);
        let selector = key_name::selector(&self.selector);
        match (domain, selector) {
            (Ok(domain), Ok(selector)) => Some(Subject { domain, selector, public }),
            (Err(problem), _) | (_, Err(problem)) => {
                self.findings.push(Finding::new("name", Severity::Error, problem));
                None
            }
        }
    }

    fn take(&mut self, compared: Compared) {
        self.record_name = Some(compared.name.to_string());
        self.published = compared.matches;
        self.records = compared.records.iter().map(|text| text.escape_ascii().to_string()).collect();
        self.texts = compared.records;
        self.findings.extend(compared.findings);
        match (self.is_used, compared.matches) {
            (Some(false), true) => {
                let problem = "published, but no entry of the SigningTable signs with it";
                self.findings.push(Finding::new("not-signed-with", Severity::Warning, problem));
            }
            (Some(true), false) => {
                let problem = "the SigningTable signs with it, but it is not published: the signatures fail";
                self.findings.push(Finding::new("not-published", Severity::Error, problem));
            }
            _ => {}
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let (domain, selector) = (&self.domain, &self.selector);
        let name = self.record_name.clone().unwrap_or_else(|| format!("{selector}._domainkey.{domain}"));
        let of = self.key_file.as_ref().or(self.name.as_ref()).map(|key| format!(" ({})", visible(key)));
        writeln!(out, "{}{}", terminal::heading(visible(&name)), of.unwrap_or_default())?;
        let mut rest: Vec<&Finding> = self.findings.iter().collect();
        if self.findings.is_empty() {
            return writeln!(out, "the published key is that of the private key: no problems found");
        }
        let domain: Option<DomainName> = self.record_name.as_ref().and_then(|name| name.parse().ok());
        for text in &self.texts {
            let here = lint::take(&mut rest, domain.as_ref(), text);
            lint::print_record(out, "", text, here)?;
        }
        lint::print_rest(out, &rest)?;
        if self.published {
            writeln!(out, "the published key is that of the private key")?;
        }
        Ok(())
    }
}
