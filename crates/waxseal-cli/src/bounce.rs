//! `waxseal bounce`: why a receiver refused a message.

mod reply;
mod rules;

use crate::{
    exit::{Exit, Failure},
    input::Source,
    terminal::{self, heading, visible},
};
use clap::Args;
use reply::{MAX_BYTES, Reply, replies};
use rules::{RULES, Rule};
use serde::Serialize;
use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

/// Explain why a receiver refused a message, and what to do next
///
/// Reads the text of an SMTP reply, a bounce message (multipart/report) or lines of a mail log, and prints which rule of the
/// receiver it is about, the usual cause, and the command to run next. DNS is not queried.
///
/// --json prints {"bounces": [{"code", "status", "temporary", "text", "domain", "ip", "results", "rule": {"id", "receiver",
/// "rule", "cause", "next"}}]}; "rule" is null for an unknown text.
///
/// Exit codes: 0 when every text is known, 1 when one is not, 2 for wrong usage and unreadable files.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal bounce \"550 5.7.26 Unauthenticated email from example.org is not accepted\"
  waxseal bounce bounce.eml
  waxseal bounce --json <bounce.eml
  grep status=bounced /var/log/mail.log | waxseal bounce")]
pub(crate) struct Bounce {
    /// The text of the reply, or one file; - is standard input
    #[arg(value_name = "TEXT|FILE", default_value = "-")]
    words: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Row<'r> {
    bounces: Vec<ReplyRow<'r>>,
}

#[derive(Debug, Serialize)]
struct ReplyRow<'r> {
    code: Option<u16>,
    status: Option<&'r str>,
    temporary: bool,
    text: &'r str,
    domain: Option<String>,
    ip: Option<String>,
    results: BTreeMap<&'static str, &'r str>,
    rule: Option<RuleRow>,
}

#[derive(Debug, Serialize)]
struct RuleRow {
    id: &'static str,
    receiver: &'static str,
    rule: &'static str,
    cause: &'static str,
    next: Vec<String>,
}

impl Bounce {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let text = self.text()?;
        let replies = replies(&text);
        if replies.is_empty() {
            return Err(Failure::new(
                "there is no text: pass the reply of the receiver, or the bounce message",
            ));
        }
        let found: Vec<_> = replies.iter().map(|reply| (reply, rule_of(reply))).collect();
        self.print(&found).map_err(Failure::output)?;
        let all = found.iter().all(|(_, rule)| rule.is_some());
        Ok(if all { Exit::Pass } else { Exit::NotPass })
    }

    fn text(&self) -> Result<String, Failure> {
        let source = match &*self.words {
            [one] if one == "-" => Source::Stdin,
            [one] if Path::new(one).exists() => Source::File(PathBuf::from(one)),
            words => return Ok(words.join(" ")),
        };
        let mut text = Vec::new();
        let mut input = source.open()?.take(MAX_BYTES as u64);
        input.read_to_end(&mut text).map_err(|error| source.unreadable(&error))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn print(&self, found: &[(&Reply, Option<&'static Rule>)]) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            let bounces = found.iter().map(|(reply, rule)| ReplyRow::new(reply, *rule)).collect();
            return writeln!(out, "{}", crate::json::to_string(&Row { bounces }));
        }
        for (number, (reply, rule)) in found.iter().enumerate() {
            if number > 0 {
                writeln!(out)?;
            }
            print(&mut out, reply, *rule)?;
        }
        Ok(())
    }
}

/// The first rule that fits.
fn rule_of(reply: &Reply) -> Option<&'static Rule> {
    let text = reply.text.to_ascii_lowercase();
    // The class does not matter: a receiver that still defers means the same.
    let code = reply.status.as_deref().and_then(|status| status.split_once('.')).map(|(_, rest)| rest);
    let fits = |rule: &&Rule| {
        let by_code = rule.codes.is_empty() || code.is_some_and(|code| rule.codes.contains(&code));
        by_code && rule.words.iter().all(|word| text.contains(word)) && is_receiver(rule, &text)
    };
    RULES.iter().find(fits)
}

/// Gmail signs its replies, and gives codes of the registry meanings of its own.
fn is_receiver(rule: &Rule, text: &str) -> bool {
    rule.receiver != "Gmail"
        || ["gmail", "gsmtp", "google", "unauthenticated email from"].iter().any(|sign| text.contains(sign))
}

fn next(rule: &Rule, reply: &Reply) -> Vec<String> {
    let domain = reply.domain.as_ref().map_or_else(|| "DOMAIN".to_owned(), ToString::to_string);
    let ip = reply.ip.map_or_else(|| "IP".to_owned(), |ip| ip.to_string());
    let filled = |line: &&str| {
        let words = line.split(' ').map(|word| match word {
            "DOMAIN" => domain.clone(),
            "postmaster@DOMAIN" => format!("postmaster@{domain}"),
            "IP" => ip.clone(),
            word => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    rule.next.iter().map(filled).collect()
}

fn print(out: &mut impl Write, reply: &Reply, rule: Option<&Rule>) -> io::Result<()> {
    let code = reply.code.map(|code| code.to_string());
    let codes: Vec<_> = code.into_iter().chain(reply.status.clone()).collect();
    let again = if reply.is_temporary() { " (temporary: the sender tries again)" } else { "" };
    let codes = if codes.is_empty() { "no code".to_owned() } else { codes.join(" ") };
    let receiver = rule.map_or("no rule is known for this text", |rule| rule.receiver);
    writeln!(out, "{}{again}: {receiver}", heading(codes))?;
    writeln!(out, "  {}", terminal::dim(visible(&shortened(&reply.text))))?;
    for (method, result) in &reply.results {
        writeln!(out, "  {method} {}", terminal::word(result))?;
    }
    let Some(rule) = rule else {
        let hint =
            "waxseal check --ip IP --helo HELO --mail-from ADDRESS message.eml shows what receivers find";
        return writeln!(out, "  next:   {hint}");
    };
    writeln!(out, "  rule:   {}\n  cause:  {}", rule.rule, rule.cause)?;
    for (number, line) in next(rule, reply).iter().enumerate() {
        writeln!(out, "  {}   {line}", if number == 0 { "next:" } else { "     " })?;
    }
    Ok(())
}

/// Enough of a text to recognize it.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} ...", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

impl<'r> ReplyRow<'r> {
    fn new(reply: &'r Reply, rule: Option<&'static Rule>) -> Self {
        Self {
            code: reply.code,
            status: reply.status.as_deref(),
            temporary: reply.is_temporary(),
            text: &reply.text,
            domain: reply.domain.as_ref().map(ToString::to_string),
            ip: reply.ip.map(|ip| ip.to_string()),
            results: reply.results.iter().map(|(method, result)| (*method, &**result)).collect(),
            rule: rule.map(|rule| RuleRow {
                id: rule.id,
                receiver: rule.receiver,
                rule: rule.rule,
                cause: rule.cause,
                next: next(rule, reply),
            }),
        }
    }
}
