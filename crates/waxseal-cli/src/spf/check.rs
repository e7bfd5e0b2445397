//! `waxseal spf check`: the verdict, and why.

use crate::{
    authserv_id::parse_authserv_id,
    batch::{self, Jobs},
    client_address::parse_client_address,
    dns_args::{DnsArgs, LineDns},
    exit::{Exit, Failure},
    input::Source,
    terminal,
};
use clap::{ArgGroup, Args};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};
use std::{
    borrow::Cow,
    io::{self, Write},
    net::IpAddr,
    path::PathBuf,
    time::SystemTime,
};
use waxseal::{
    authres::AuthenticationResults,
    spf::{Identity, Limits, RecordCache, SpfCheck, Verdict},
};

/// Evaluate SPF for a client and a domain, and explain the result
///
/// With --mail-from the MAIL FROM identity is checked; an empty one is the null reverse-path of bounces, for which SPF
/// uses postmaster at HELO. With only --helo, the HELO identity is checked.
///
/// Exit codes: 0 for pass, 1 for any other result, 2 for wrong usage and unreadable files, 75 for temperror.
///
/// --jsonl reads one JSON object per line: {"id", "ip", "helo", "mail_from", "receiver", "zone"}, all optional but "ip". For
/// each it prints one object, in the same order: {"id", "result", "identity", "domain", "explanation", "reason", "mechanism",
/// "lookups", "void_lookups"}. The exit code is 0 when every line could be read, whatever the results.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal spf check --ip 192.0.2.1 --mail-from joe@example.org --helo mail.example.org
  waxseal spf check --ip 2001:db8::1 --mail-from joe@example.org --trace
  waxseal spf check --ip 192.0.2.1 --helo mail.example.org      # the HELO identity")]
#[command(group(ArgGroup::new("identity").args(["mail_from", "helo", "jsonl"]).multiple(true).required(true)))]
pub(crate) struct Check {
    /// The address of the client
    #[arg(long, value_name = "ADDRESS", required_unless_present = "jsonl", value_parser = parse_client_address)]
    ip: Option<IpAddr>,
    /// The argument of HELO or EHLO
    #[arg(long, value_name = "NAME")]
    helo: Option<String>,
    /// The address of MAIL FROM; empty for the null reverse-path of bounces
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// The name of the receiving host, for explanations
    #[arg(long, value_name = "NAME")]
    receiver: Option<String>,
    #[command(flatten)]
    dns: DnsArgs,
    /// Show the whole evaluation
    #[arg(long, conflicts_with = "jsonl")]
    trace: bool,
    /// Print one JSON object
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Also print the Authentication-Results field of this server
    #[arg(long, value_name = "ID", value_parser = parse_authserv_id, conflicts_with_all = ["json", "jsonl"])]
    authserv_id: Option<String>,
    /// Read one JSON object per line instead
    #[arg(long, group = "batch", conflicts_with_all = ["ip", "helo", "mail_from", "receiver"])]
    jsonl: bool,
    /// Where --jsonl reads; - is standard input [default: -]
    #[arg(value_name = "FILE")]
    lines: Option<PathBuf>,
    #[command(flatten)]
    jobs: Jobs,
}

/// A line of --jsonl.
#[derive(Debug, Deserialize)]
struct Line<'l> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    ip: Cow<'l, str>,
    #[serde(borrow, default)]
    helo: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    mail_from: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    receiver: Option<Cow<'l, str>>,
    #[serde(borrow, default)]
    zone: Option<&'l RawValue>,
}

impl<'l> batch::Line<'l> for Line<'l> {
    fn take_id(&mut self) -> Value {
        self.id.take()
    }
}

/// A verdict in JSON: the object of the library, and what only whoever asks for SPF alone wants to know.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    verdict: Verdict,
    explanation: Option<String>,
    mechanism: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace: Option<Box<RawValue>>,
}

impl From<&Verdict> for Row {
    fn from(verdict: &Verdict) -> Self {
        Self {
            verdict: verdict.clone(),
            explanation: verdict.explanation().map(Into::into),
            mechanism: verdict.mechanism().map(Into::into),
            trace: verdict.trace().and_then(|trace| RawValue::from_string(trace.to_json()).ok()),
        }
    }
}

/// What is known of the SMTP session.
struct Session<'s> {
    ip: IpAddr,
    helo: Option<&'s str>,
    mail_from: Option<&'s str>,
    receiver: Option<&'s str>,
}

impl Session<'_> {
    fn check(&self) -> SpfCheck {
        let helo = self.helo.unwrap_or_default();
        let check = match self.mail_from {
            Some(sender) => SpfCheck::mail_from(self.ip, sender, helo, SystemTime::now()),
            None => SpfCheck::helo(self.ip, helo, SystemTime::now()),
        };
        match self.receiver {
            Some(receiver) => check.with_receiver(receiver),
            None => check,
        }
    }
}

impl Check {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if self.jsonl {
            let lines = self.lines.clone().unwrap_or_else(|| "-".into());
            let batch = Batch { dns: LineDns::new(&self.dns), records: RecordCache::default() };
            return batch::run(Source::from(lines).open()?, self.jobs, &batch);
        }
        if self.lines.is_some() {
            return Err(Failure::new("a FILE is for --jsonl"));
        }
        let Some(ip) = self.ip else { return Err(Failure::new("--ip is missing")) };
        let session = Session {
            ip,
            helo: self.helo.as_deref(),
            mail_from: self.mail_from.as_deref(),
            receiver: self.receiver.as_deref(),
        };
        let verdict = self.dns.drive(session.check().with_trace(self.trace))?;
        self.print(&verdict).map_err(Failure::output)?;
        Ok(verdict.result().into())
    }

    fn print(&self, verdict: &Verdict) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            return writeln!(out, "{}", crate::json::to_string(&Row::from(verdict)));
        }
        let identity = match verdict.identity() {
            Identity::Helo => "HELO",
            Identity::MailFrom => "MAIL FROM",
        };
        let domain = verdict.domain().map(|domain| format!(" {domain}")).unwrap_or_default();
        writeln!(
            out,
            "{}: {identity}{domain} from {}",
            terminal::word(verdict.result().as_str()),
            verdict.ip()
        )?;
        writeln!(out, "  {}", verdict.reason())?;
        writeln!(
            out,
            "  {} of {} terms with lookups, {} of {} void lookups, {} DNS question{}",
            verdict.lookups(),
            Limits::DEFAULT_TERMS,
            verdict.void_lookups(),
            Limits::DEFAULT_VOID_LOOKUPS,
            verdict.queries(),
            if verdict.queries() == 1 { "" } else { "s" }
        )?;
        if let Some(explanation) = verdict.explanation() {
            writeln!(out, "  the domain explains: {explanation}")?;
        }
        if let Some(trace) = verdict.trace() {
            write!(out, "\n{trace}")?;
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
    dns: LineDns<'a>,
    records: RecordCache,
}

impl batch::Verb for Batch<'_> {
    type Line<'l> = Line<'l>;
    type Row = Row;

    fn answer(&self, line: Line<'_>) -> Result<Row, String> {
        let session = Session {
            ip: parse_client_address(&line.ip).map_err(|error| format!("ip: {error}"))?,
            helo: line.helo.as_deref(),
            mail_from: line.mail_from.as_deref(),
            receiver: line.receiver.as_deref(),
        };
        let check = session.check().with_record_cache(&self.records);
        self.dns.drive(line.zone, check).map(|verdict| Row::from(&verdict))
    }
}
