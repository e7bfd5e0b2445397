//! `waxseal spf flatten`: lookups done in advance.

use crate::{
    dns_args::DnsArgs,
    exit::{Exit, Failure},
    lint, terminal, txt,
};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use waxseal::{dns::DomainName, spf::publish};

/// Replace the terms of a domain's record that need DNS lookups by the networks that they resolve to
///
/// Prints the records to publish as zone file text. Terms with macros are kept; networks that do not fit into one record are
/// moved to further records, which the first includes. Every client gets the same result as before, as long as the answers
/// that were looked up stay the same: run it again before they change.
///
/// Exit codes: 0 done, 1 when the record cannot be flattened, 2 for wrong usage, 75 when DNS did not answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal spf flatten example.org
  waxseal spf flatten --label _spf example.org >>example.org.zone")]
pub(crate) struct Flatten {
    /// The domain whose record is flattened
    domain: DomainName,
    #[command(flatten)]
    dns: DnsArgs,
    /// How the names of further records begin: LABEL1.DOMAIN and so on
    #[arg(long, default_value = "_spf")]
    label: String,
    /// The most bytes of a record and its name together (RFC 7208 section 3.4)
    #[arg(long, value_name = "BYTES", default_value_t = 450)]
    max_bytes: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    records: Vec<RecordRow>,
    lookups: usize,
    ttl: Option<u64>,
}

#[derive(Debug, Serialize)]
struct RecordRow {
    name: String,
    record: String,
}

impl Flatten {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let flatten =
            publish::Flatten::new(self.domain.clone()).with_label(&self.label).with_max_bytes(self.max_bytes);
        match self.dns.drive(flatten)? {
            Ok(flattened) => {
                self.print(&flattened).map_err(Failure::output)?;
                Ok(Exit::Pass)
            }
            Err(finding) => {
                // Nothing is to be done when even that fails.
                _ = lint::print(&mut anstream::stderr(), &[], std::slice::from_ref(&finding));
                Ok(match lint::exit_of(&[finding]) {
                    Exit::Pass => Exit::NotPass,
                    exit => exit,
                })
            }
        }
    }

    fn print(&self, flattened: &publish::Flattened) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        let ttl = flattened.ttl().map(|ttl| ttl.as_secs());
        if self.json {
            let records = flattened.records().iter();
            let records = records
                .map(|(name, record)| RecordRow { name: name.to_string(), record: record.to_string() })
                .collect();
            let lookups = flattened.records().first().map_or(0, |(_, record)| record.lookups());
            let row = Row { records, lookups, ttl };
            return writeln!(out, "{}", crate::json::to_string(&row));
        }
        for (name, record) in flattened.records() {
            let strings: Vec<String> = txt::strings(&record.to_string()).collect();
            writeln!(out, "{name}.\tIN\tTXT\t{}", txt::all_quoted(&strings))?;
        }
        if let Some(ttl) = ttl {
            terminal::note(format_args!("the answers are valid for {ttl} seconds (lowest TTL)"));
        }
        Ok(())
    }
}
