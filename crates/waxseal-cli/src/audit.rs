//! `waxseal audit`: what a domain publishes, beside the rules of large receivers.

mod page;
mod published;
mod rules;

use crate::{
    client_address::parse_client_address,
    dns_args::{Dns, DnsArgs},
    exit::{Exit, Failure},
    html, key_name,
    terminal::{self, Progress, heading, visible},
};
use clap::Args;
use published::DomainAudit;
use rules::{Level, Outcome, State, outcomes};
use serde::Serialize;
use std::{
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};
use waxseal::{
    dkim::Selector,
    dns::{DomainName, drive_blocking_within},
};

/// Domains looked at at the same time.
const TOGETHER: usize = 16;

/// Check what domains publish for their mail against the rules of large receivers
///
/// Looks up SPF with all that it refers to, DKIM keys, DMARC with the tree walk, MX, MTA-STS, TLS-RPT and BIMI, and prints for each
/// rule of Google, Yahoo, Microsoft, Apple and La Poste whether it is kept, the evidence, and what to publish. Without --selector,
/// keys are looked for at common selectors. What DNS does not show is not checked: TLS when sending, one-click unsubscribe,
/// complaint rates.
///
/// --json prints one JSON object for each domain: {"domain", "rules": [{"id", "level", "state", "receivers", "rule", "evidence",
/// "fix", "temporary"}]}; "level" is must, should or may, "state" is ok, fail or unknown.
///
/// Exit codes: 0 when no must fails, 1 when one does, 2 for wrong usage, 75 when a DNS server did not answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal audit example.org
  waxseal audit --selector 2026a --ip 192.0.2.1 example.org
  waxseal audit --json example.org example.net
  waxseal audit --html audit.html example.org example.net    # a page for people")]
pub(crate) struct Audit {
    /// The domains
    #[arg(value_name = "DOMAIN", required = true, value_parser = key_name::domain)]
    domains: Vec<DomainName>,
    /// A selector that the domains sign with, s=; may be repeated
    #[arg(long, short, value_name = "SELECTOR", value_parser = key_name::selector)]
    selector: Vec<Selector>,
    /// An address that the domains send from, for its reverse DNS; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = parse_client_address)]
    ip: Vec<IpAddr>,
    #[command(flatten)]
    dns: DnsArgs,
    /// Print one JSON object for each domain
    #[arg(long)]
    json: bool,
    /// Write a page for people into this new file: it loads and runs nothing, and only its owner can read it. With - it is printed
    /// instead of the text
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Row<'r> {
    domain: &'r str,
    rules: &'r [Outcome],
}

impl Audit {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let dns = self.dns.open()?;
        let mut progress = Progress::beside_output("auditing", None);
        let (mut exit, mut audited) = (Exit::Pass, Vec::new());
        for (number, domains) in self.domains.chunks(TOGETHER).enumerate() {
            for (domain, outcomes) in domains.iter().zip(self.audit_all(&dns, domains)) {
                let outcomes = outcomes?;
                exit = exit.and(exit_of(&outcomes));
                if !self.is_page_alone() {
                    self.print(domain, &outcomes, number == 0).map_err(Failure::output)?;
                }
                if self.html.is_some() {
                    audited.push((domain, outcomes));
                }
                progress.add(1);
            }
        }
        drop(progress);
        if let Some(file) = &self.html {
            html::write(file, &page::page(&audited))?;
        }
        Ok(exit)
    }

    fn is_page_alone(&self) -> bool {
        self.html.as_deref() == Some(Path::new("-"))
    }

    /// In the order of the domains.
    fn audit_all(&self, dns: &Dns, domains: &[DomainName]) -> Vec<Result<Vec<Outcome>, Failure>> {
        let audit = |domain: &DomainName| {
            let audit = DomainAudit::new(domain.clone(), &self.selector, &self.ip);
            outcomes(&drive_blocking_within(audit, dns, self.dns.timeout()))
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = domains.iter().map(|domain| scope.spawn(move || audit(domain))).collect();
            let failed = |_| Failure::new("a domain could not be checked");
            threads.into_iter().map(|thread| thread.join().map_err(failed)).collect()
        })
    }

    fn print(&self, domain: &DomainName, outcomes: &[Outcome], is_first: bool) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            let row = Row { domain: domain.as_str(), rules: outcomes };
            return writeln!(out, "{}", crate::json::to_string(&row));
        }
        if !is_first {
            writeln!(out)?;
        }
        print(&mut out, domain, outcomes)
    }
}

/// Only rules that mail is refused for count.
fn exit_of(outcomes: &[Outcome]) -> Exit {
    let exit = |outcome: &Outcome| match (outcome.level, outcome.state) {
        (Level::Must, State::Fail) => Exit::NotPass,
        _ if outcome.temporary => Exit::Temporary,
        _ => Exit::Pass,
    };
    outcomes.iter().map(exit).fold(Exit::Pass, Exit::and)
}

fn print(out: &mut impl Write, domain: &DomainName, outcomes: &[Outcome]) -> io::Result<()> {
    let (must, should) = (rules::failed(outcomes, Level::Must), rules::failed(outcomes, Level::Should));
    writeln!(
        out,
        "{}",
        heading(format_args!("{domain}: {must} of the rules that must be kept fail, {should} that should"))
    )?;
    for outcome in outcomes {
        let (level, state) = (outcome.level.as_str(), outcome.word());
        let padding = " ".repeat(8usize.saturating_sub(state.len()));
        writeln!(out, "  {}{padding}{level:<7} {:<18} {}", terminal::word(state), outcome.id, outcome.rule)?;
        if outcome.state != State::Ok {
            writeln!(out, "{:18}asked for by {}", "", outcome.receivers)?;
        }
        for line in &outcome.evidence {
            writeln!(out, "{:18}{}", "", terminal::dim(visible(line)))?;
        }
        if let Some(fix) = &outcome.fix {
            writeln!(out, "{:18}next: {}", "", visible(fix))?;
        }
    }
    Ok(())
}
