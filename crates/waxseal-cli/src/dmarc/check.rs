//! `waxseal dmarc check`: the verdict, and the path to it.

use super::{
    LocalPolicyArgs, Mode,
    identifiers::{Identifiers, message_from},
    row::MessageRow,
};
use crate::{
    authserv_id::parse_authserv_id,
    batch::{self, Jobs},
    dns_args::{DnsArgs, LineDns},
    exit::{Exit, Failure},
    input::Source,
    terminal,
};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{
    borrow::Cow,
    ffi::OsString,
    io::{self, Write},
    path::{Path, PathBuf},
};
use waxseal::{
    authres::AuthenticationResults,
    dmarc::{DmarcCheck, Verdict},
};

/// Evaluate DMARC for an author and the domains that DKIM and SPF passed for, and explain the result
///
/// FROM is the Author Domain, the value of a From field (one or more addresses, with or without display names), or the whole
/// From field. A single word is a domain. If no clear author can be found, the result is permerror.
///
/// --dkim-pass takes the d= domain of a signature that passed, --spf-pass the domain of MAIL FROM when SPF passed for it.
/// DMARC does not use the HELO identity. Up to 1000 domains may be named; at most 32 for each method are looked up by a tree
/// walk of their own. A name that is not a valid domain name is never aligned.
///
/// The output is the result, then the policy discovery: each name that was queried and the record found there, the
/// Organizational Domain, the policy that applies, and for each domain why it is aligned or not.
///
/// Exit codes: 0 for pass, 1 for any other result, 2 for wrong usage and unreadable files, 75 for temperror.
///
/// --jsonl reads one JSON object per line from FILE: {"id", "from", "dkim_pass": [DOMAIN], "spf_pass": [DOMAIN], "zone",
/// "mode"}, all optional but "from". For each it prints one object, in the same order: {"id", "dmarc": {"result", "policy",
/// "evaluated_policy", "disposition", "org_domain", "record_at", "spf_aligned", "dkim_aligned", "reason"}, "author", "path":
/// [{"name", "found", "record"}], "record", "org_rule", "policy_tag", "exists", "identifiers": [{"method", "domain",
/// "aligned", "reason", "path"}]}. If the authors have several domains, these keys describe the one that decides, and
/// "authors" has the same keys for each. The exit code is 0 when every line could be read, whatever the verdicts.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal dmarc check example.org --dkim-pass example.org
  waxseal dmarc check \"Joe <joe@news.example.org>\" --spf-pass bounce.example.org
  waxseal dmarc check --mode rfc7489 example.co.uk --json")]
pub(crate) struct Check {
    /// The author; with --jsonl the file to read, - or none for standard input
    #[arg(value_name = "FROM|FILE", required_unless_present = "jsonl")]
    subject: Option<OsString>,
    /// A domain that a DKIM signature passed for; may be repeated
    #[arg(long, value_name = "DOMAIN")]
    dkim_pass: Vec<String>,
    /// The domain of MAIL FROM, when SPF passed for it; may be repeated
    #[arg(long, value_name = "DOMAIN")]
    spf_pass: Vec<String>,
    #[command(flatten)]
    dns: DnsArgs,
    #[command(flatten)]
    local: LocalPolicyArgs,
    /// Print one JSON object
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Also print the Authentication-Results field of this server
    #[arg(long, value_name = "ID", value_parser = parse_authserv_id, conflicts_with_all = ["json", "jsonl"])]
    authserv_id: Option<String>,
    /// Read one JSON object per line instead
    #[arg(long, group = "batch", conflicts_with_all = ["dkim_pass", "spf_pass"])]
    jsonl: bool,
    #[command(flatten)]
    jobs: Jobs,
}

/// A line of --jsonl.
#[derive(Debug, Deserialize)]
struct Line<'l> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    from: Cow<'l, str>,
    #[serde(default)]
    dkim_pass: Option<Vec<String>>,
    #[serde(default)]
    spf_pass: Option<Vec<String>>,
    #[serde(borrow, default)]
    zone: Option<&'l RawValue>,
    #[serde(default)]
    mode: Option<Mode>,
}

impl Check {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if self.jsonl {
            let lines = self.subject.clone().unwrap_or_else(|| "-".into());
            let batch = Batch { check: self, dns: LineDns::new(&self.dns) };
            return batch::run(Source::from(PathBuf::from(lines)).open()?, self.jobs, &batch);
        }
        let from = self.subject.as_deref().unwrap_or_default();
        let from = from.to_str().ok_or_else(|| Failure::new("FROM is not UTF-8"))?;
        if !from.contains('@') && Path::new(from).is_file() {
            terminal::note(format!(
                "{from} is taken for a domain, not for a file: to check a message, run waxseal check"
            ));
        }
        let identifiers = Identifiers::new(
            self.dkim_pass.iter().map(String::as_str),
            self.spf_pass.iter().map(String::as_str),
        )
        .map_err(Failure::new)?;
        let verdict = self.dns.drive(self.dmarc_check(from, &identifiers, None))?;
        self.print(&verdict, &identifiers).map_err(Failure::output)?;
        Ok(verdict.result().into())
    }

    fn dmarc_check(&self, from: &str, identifiers: &Identifiers, mode: Option<Mode>) -> DmarcCheck {
        let local = self.local.local_policy_by(mode);
        DmarcCheck::new(identifiers.add_to(message_from(from))).with_local_policy(local)
    }

    fn print(&self, verdict: &Verdict, identifiers: &Identifiers) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            let row = MessageRow::new(verdict.clone(), identifiers);
            return writeln!(out, "{}", crate::json::to_string(&row));
        }
        let word = terminal::word(verdict.result().as_str());
        writeln!(out, "{}  dmarc {word}\n", terminal::disposition(verdict.disposition()))?;
        write!(out, "{}", verdict.explain())?;
        for identifier in identifiers.iter() {
            if let Err(error) = &identifier.domain {
                let (method, given) = (identifier.method, identifier.given.escape_debug());
                writeln!(out, "  {method}=pass {given}: not aligned, no domain name: {error}")?;
            }
        }
        if let Some(id) = &self.authserv_id {
            let results = AuthenticationResults::new(id).with_entry(verdict.entry());
            write!(out, "{}", terminal::field(&results.to_field()))?;
        }
        Ok(())
    }
}

/// `--jsonl`
struct Batch<'a> {
    check: &'a Check,
    dns: LineDns<'a>,
}

impl batch::Verb for Batch<'_> {
    type Line<'l> = Line<'l>;
    type Row = MessageRow;

    fn answer(&self, line: Line<'_>) -> Result<MessageRow, String> {
        let [dkim, spf] = [line.dkim_pass, line.spf_pass].map(Option::unwrap_or_default);
        let identifiers = Identifiers::new(dkim.iter().map(String::as_str), spf.iter().map(String::as_str))?;
        let check = self.check.dmarc_check(&line.from, &identifiers, line.mode);
        let verdict = self.dns.drive(line.zone, check)?;
        Ok(MessageRow::new(verdict, &identifiers))
    }
}

impl<'l> batch::Line<'l> for Line<'l> {
    fn take_id(&mut self) -> Value {
        self.id.take()
    }
}
