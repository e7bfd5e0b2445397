//! The tags of a key record, and the form in which it is printed.

use crate::{
    key_record_text::KeyRecordText,
    terminal::{self, visible},
};
use clap::{Args, ValueEnum};
use serde::Serialize;
use std::{
    io::{self, Write},
    path::Path,
};
use waxseal::{
    crypto::{HashAlgorithm, KeyType, PrivateKey},
    dkim::KeyRecord,
};

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// Declare that the domain is testing DKIM, t=y
    #[arg(long)]
    test_mode: bool,
    /// Allow no subdomains of the domain in i=, t=s
    #[arg(long)]
    no_subdomains: bool,
    /// Allow only this hash, h=
    #[arg(long, value_enum)]
    hash: Option<Hash>,
    /// A note for people who read the record, n=
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// How to print the record
    #[arg(long, value_enum, default_value_t, conflicts_with = "json")]
    print: Form,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Hash {
    Sha256,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Form {
    /// Every form, with explanations
    #[default]
    All,
    /// Zone file text for BIND, NSD and others
    Bind,
    /// Quoted strings of at most 255 characters
    Split,
    /// One line without quotes
    Line,
}

/// A key and its record in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Published<'k> {
    domain: &'k str,
    selector: String,
    algorithm: &'k str,
    bits: u32,
    key_file: &'k Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_file: Option<&'k Path>,
    #[serde(flatten)]
    record: &'k KeyRecordText,
}

impl<'k> Published<'k> {
    pub(crate) fn new(
        key: &PrivateKey,
        record: &'k KeyRecordText,
        key_file: &'k Path,
        record_file: Option<&'k Path>,
    ) -> Self {
        Self {
            domain: record.domain().as_str(),
            selector: record.selector().to_string(),
            algorithm: key.key_type().as_str(),
            bits: key.bits(),
            key_file,
            record_file,
            record,
        }
    }
}

impl RecordArgs {
    pub(crate) fn record(&self, key: &PrivateKey) -> KeyRecord {
        let mut record = KeyRecord::new(key.public_key().clone())
            .with_testing(self.test_mode)
            .with_strict_identity(self.no_subdomains);
        if let Some(Hash::Sha256) = self.hash {
            record = record.with_hashes([HashAlgorithm::Sha256]);
        }
        match &self.note {
            Some(note) => record.with_notes(note),
            None => record,
        }
    }

    /// Whether nothing but the record is printed.
    pub(crate) fn is_one_form(&self) -> bool {
        self.print != Form::All
    }

    pub(crate) fn print(&self, out: &mut impl Write, record: &KeyRecordText, key: &Path) -> io::Result<()> {
        match self.print {
            Form::Bind => write!(out, "{}", record.bind()),
            Form::Split => writeln!(out, "{}", record.quoted()),
            Form::Line => writeln!(out, "{}", record.record),
            Form::All => print_all(out, record, key),
        }
    }
}

/// Type and size, for people.
pub(crate) fn kind(key: &PrivateKey) -> String {
    match key.key_type() {
        KeyType::Rsa => format!("RSA, {} bits", key.bits()),
        KeyType::Ed25519 => "Ed25519".into(),
    }
}

fn print_all(out: &mut impl Write, record: &KeyRecordText, key: &Path) -> io::Result<()> {
    writeln!(out, "Publish it as TXT record of {}", terminal::heading(&record.name))?;
    writeln!(out, "(if the form adds the domain: {})\n", record.relative_name())?;
    let length = record.record.len();
    let heading = format!("One line, {length} characters, for forms that quote and split themselves:");
    writeln!(out, "{}\n{}\n", terminal::heading(heading), record.record)?;
    let heading = format!("Quoted strings of at most 255 characters ({}):", record.strings.len());
    writeln!(out, "{}\n{}\n", terminal::heading(heading), record.quoted())?;
    writeln!(out, "{}\n{}", terminal::heading("Zone file (BIND, NSD, Knot):"), record.bind())?;
    writeln!(out, "{}", terminal::heading("After publishing it:"))?;
    let (domain, selector) = (record.domain(), record.selector());
    let key = visible(&key.display().to_string());
    writeln!(out, "waxseal key check -d {domain} -s {selector} {key}")?;
    writeln!(out, "dig +short TXT {}", record.name)?;
    writeln!(out, "waxseal sign -d {domain} -s {selector} -k {key} message.eml | waxseal verify")
}
