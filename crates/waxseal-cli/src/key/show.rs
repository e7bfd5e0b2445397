//! `waxseal key show`: the record of a key that exists.

use crate::{
    exit::{Exit, Failure},
    key_file, key_name,
    key_record_args::{Published, RecordArgs, kind},
    key_record_text::KeyRecordText,
    terminal::visible,
};
use clap::Args;
use std::{
    io::{self, Write},
    path::PathBuf,
};
use waxseal::{crypto::PrivateKey, dkim::Selector, dns::DomainName};

/// Print the DNS record of a private key in every form that DNS providers use
///
/// The private key itself is never printed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal key show -d example.org -s 2026a 2026a.private
  waxseal key show -d example.org -s 2026a --print line 2026a.private   # for a web form")]
pub(crate) struct Show {
    /// The private key: PEM or DER
    key: PathBuf,
    /// The domain that signs, d=
    #[arg(long, short, value_parser = key_name::domain)]
    domain: DomainName,
    /// The name of the key, s=
    #[arg(long, short, value_parser = key_name::selector)]
    selector: Selector,
    #[command(flatten)]
    record: RecordArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Show {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        self.selector.key_name(&self.domain).map_err(|error| {
            Failure::because(format_args!("{}._domainkey.{}", self.selector, self.domain), &error)
        })?;
        let key = key_file::read(&self.key)?;
        let record = KeyRecordText::new(&self.record.record(&key), &self.selector, &self.domain);
        self.print(&key, &record).map_err(Failure::output)?;
        Ok(Exit::Pass)
    }

    fn print(&self, key: &PrivateKey, record: &KeyRecordText) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            let row = Published::new(key, record, &self.key, None);
            return writeln!(out, "{}", crate::json::to_string(&row));
        }
        if !self.record.is_one_form() {
            writeln!(out, "Private key ({}): {}\n", kind(key), visible(&self.key.display().to_string()))?;
        }
        self.record.print(&mut out, record, &self.key)
    }
}
