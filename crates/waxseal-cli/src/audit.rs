//! `waxseal audit`: what a domain publishes, compared with the rules of large receivers.

mod message;
mod page;
mod published;
mod rules;
mod transport;

use crate::{
    client_address::parse_client_address,
    dns_args::{Dns, DnsArgs},
    exit::{Exit, Failure},
    html, key_name,
    terminal::{self, Progress, heading, visible},
};
use clap::Args;
use message::Seen;
use published::DomainAudit;
use rules::{Given, Level, Outcome, State, outcomes};
use serde::Serialize;
use std::{
    io::{self, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};
use transport::StsPolicy;
use waxseal::{
    dkim::Selector,
    dns::{DomainName, drive_blocking_within},
};

/// The most domains checked at the same time. Each asks about forty questions at once: more would overrun the buffers of a name server.
const TOGETHER: usize = 6;

/// Check what domains publish for their mail against the rules of large receivers
///
/// Looks up SPF with all that it refers to, DKIM keys, DMARC with the tree walk, MX, MTA-STS, TLS-RPT, BIMI and the state of DNSSEC,
/// and prints for each rule of Google, Yahoo, Microsoft, Apple and La Poste whether it is met, the evidence, and what to publish.
/// Without --selector and --message, common selectors are tried. What DNS does not show is unknown: with --message, a
/// message shows alignment, one-click unsubscribe, TLS and the seals of lists; with --ip, addresses show their reverse DNS.
///
/// --json prints one JSON object for each domain: {"domain", "rules": [{"id", "level", "state", "receivers", "rule", "evidence",
/// "fix", "temporary"}]}; "level" is must, should or may, "state" is ok, fail or unknown.
///
/// Exit codes: 0 when no must fails, 1 when one does, 2 for wrong usage, 75 when a DNS server did not answer.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal audit example.org
  waxseal audit --selector 2026a --ip 192.0.2.1 example.org
  waxseal audit --message newsletter.eml        # selectors and more from a message as a receiver got it
  waxseal audit --json example.org example.net
  waxseal audit --html audit.html example.org example.net    # a page for people")]
pub(crate) struct Audit {
    /// The domains; without any, that of the author of --message
    #[arg(value_name = "DOMAIN", required_unless_present = "message", value_parser = key_name::domain)]
    domains: Vec<DomainName>,
    /// A selector that the domains sign with, s=; may be repeated
    #[arg(long, short, value_name = "SELECTOR", value_parser = key_name::selector)]
    selector: Vec<Selector>,
    /// An address that the domains send from, for its reverse DNS; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = parse_client_address)]
    ip: Vec<IpAddr>,
    /// A message that the domain sent, as a receiver has it: shows selectors, alignment, one-click unsubscribe, TLS and ARC
    #[arg(long, value_name = "FILE")]
    message: Option<PathBuf>,
    /// The policy of MTA-STS of the one domain, from https://mta-sts.DOMAIN/.well-known/mta-sts.txt
    #[arg(long, value_name = "FILE")]
    mta_sts: Option<PathBuf>,
    /// Believe the name servers when they say that they have validated an answer (DNSSEC): for servers on this machine
    #[arg(long)]
    trust_ad: bool,
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
        let given = self.given()?;
        let all = self.all_domains(&given)?;
        let dns = self.dns.open_trusting(self.trust_ad)?;
        let mut progress = Progress::counting("auditing", "domains", all.len());
        let (mut exit, mut audited) = (Exit::Pass, Vec::new());
        for (number, domains) in all.chunks(TOGETHER).enumerate() {
            for (domain, outcomes) in domains.iter().zip(self.audit_all(&dns, domains, &given)) {
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

    fn given(&self) -> Result<Given, Failure> {
        if self.mta_sts.is_some() && self.domains.len() > 1 {
            return Err(Failure::new("--mta-sts is for one domain"));
        }
        Ok(Given {
            message: self.message.as_deref().map(Seen::read).transpose()?,
            policy: self.mta_sts.as_deref().map(StsPolicy::read).transpose()?,
        })
    }

    fn all_domains(&self, given: &Given) -> Result<Vec<DomainName>, Failure> {
        match (&*self.domains, &given.message) {
            ([], Some(message)) => {
                let author = message.author();
                let unclear = || Failure::new("the author of the message is not clear: give the domain");
                Ok(vec![author.ok_or_else(unclear)?])
            }
            (domains, _) => Ok(domains.to_vec()),
        }
    }

    /// In the order of the domains.
    fn audit_all(
        &self,
        dns: &Dns,
        domains: &[DomainName],
        given: &Given,
    ) -> Vec<Result<Vec<Outcome>, Failure>> {
        let audit = |domain: &DomainName| {
            let mut selectors = self.selector.clone();
            selectors.extend(given.message.iter().flat_map(|message| message.selectors(domain)));
            let audit = DomainAudit::new(domain.clone(), &selectors, &self.ip);
            outcomes(&drive_blocking_within(audit, dns, self.dns.timeout()), given)
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = domains.iter().map(|domain| scope.spawn(move || audit(domain))).collect();
            let failed = |_| Failure::new("a domain could not be checked");
            threads.into_iter().map(|thread| thread.join().map_err(failed)).collect()
        })
    }

    fn is_page_alone(&self) -> bool {
        self.html.as_deref() == Some(Path::new("-"))
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
        heading(format_args!("{domain}: required rules failed: {must}, recommended ones: {should}"))
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
