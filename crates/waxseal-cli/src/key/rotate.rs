//! `waxseal key rotate`: from one key of a domain to the next, step by step.

mod keys;
mod lock;
mod publisher;
mod report;
mod servers;
mod switch;
mod tsig;
mod turn;
mod update;
mod wire;

use crate::{
    dns_args::DnsArgs,
    exit::{Exit, Failure},
    key_name,
    keygen::{KeyAlgorithm, parse_bits},
    time::{parse_now, time},
};
use clap::Args;
use keys::Keys;
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, SystemTime},
};
use switch::{Target, TargetArgs};
use turn::Turn;
use update::UpdateArgs;
use waxseal::{dkim::Selector, dns::DomainName};

/// Replace the key of a domain: make a new key, publish it, sign with it, retire and revoke the old one
///
/// Each call goes as far as it can and prints what comes next, so that cron can run it every hour. When the signing key is old
/// enough, a new one is made, and its record is sent to the name server (--update) or printed. When every authoritative server of
/// the domain (or every --server) has the record, the tables are switched, each atomically. The old key is retired and, once no
/// mail signed with it can be in transit, revoked by an empty p=. Private keys are never printed, overwritten or deleted.
///
/// A file next to each key, KEY.state, records its state (pending, published, active, retired or revoked), since when, and the
/// fingerprint of the key.
///
/// Exit codes: 0 if there is nothing to do for now; 75 if DNS does not have a record yet, or not everywhere: run it again; 2 if
/// something failed: what was done so far is kept.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal key rotate -d example.org --key-table /etc/opendkim/KeyTable \\
      --signing-table refile:/etc/opendkim/SigningTable --update 192.0.2.53 --tsig /etc/opendkim/update.key \\
      --reload \"systemctl reload opendkim\"
  waxseal key rotate -d example.org --config /etc/opendkim.conf     # prints what to publish, then waits for it
  waxseal key rotate -d example.org --keys /etc/opendkim/keys/example.org --force --wait 600
  waxseal key rotate -d customer.example --keys /etc/opendkim/keys/customer.example \\
      --cname s1=s1.customer.dkim.example.org --cname s2=s2.customer.dkim.example.org --update 127.0.0.1")]
pub(crate) struct Rotate {
    /// The domain that signs, d=
    #[arg(long, short, value_parser = key_name::domain)]
    domain: DomainName,
    /// The folder of its keys [default: that of the signing key]
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
    #[command(flatten)]
    target: TargetArgs,
    /// A shell command to run after the tables are switched, such as a reload of the daemon
    #[arg(long, value_name = "COMMAND")]
    reload: Option<String>,
    /// The name of the new key, s= [default: the date, such as 20261128]
    #[arg(long, short, value_parser = key_name::selector, conflicts_with = "cname")]
    selector: Option<Selector>,
    /// Two names that alternate, for a domain whose DNS others run: each is an alias (CNAME) of a name in a zone of your own
    #[arg(long, value_name = "SELECTOR=NAME", value_parser = parse_alias)]
    cname: Vec<Alias>,
    /// The type of the key; keys of other types are left alone
    #[arg(long, short, value_enum, default_value_t)]
    algorithm: KeyAlgorithm,
    /// Size of an RSA key: 1024, 2048, 3072 or 4096 bits [default: 2048]
    #[arg(long, short, value_parser = parse_bits)]
    bits: Option<u32>,
    /// The age of the signing key at which a new one is made
    #[arg(long, value_name = "DAYS", default_value = "180", value_parser = parse_days)]
    every: Duration,
    /// Make a new key now, whatever the age of the current one
    #[arg(long)]
    force: bool,
    /// How long the record of the old key stays, for mail in transit that was signed with it
    #[arg(long, value_name = "DAYS", default_value = "7", value_parser = parse_days)]
    retire: Duration,
    #[command(flatten)]
    update: UpdateArgs,
    /// How long to wait until DNS has a record; without it the next call checks again
    #[arg(long, value_name = "SECONDS", default_value = "0")]
    wait: u64,
    #[command(flatten)]
    dns: DnsArgs,
    /// The time in seconds since 1970 [default: now]
    #[arg(long, value_name = "SECONDS", value_parser = parse_now)]
    now: Option<SystemTime>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A selector, and the name that its record is an alias of.
#[derive(Debug, Clone)]
struct Alias {
    selector: Selector,
    target: DomainName,
}

fn parse_alias(text: &str) -> Result<Alias, String> {
    let (selector, target) =
        text.split_once('=').ok_or("write SELECTOR=NAME, such as s1=s1.customer.dkim.example.org")?;
    let target = target.strip_suffix('.').unwrap_or(target);
    let target = target.parse().map_err(|error| format!("{target}: {error}"))?;
    Ok(Alias { selector: key_name::selector(selector)?, target })
}

fn parse_days(text: &str) -> Result<Duration, &'static str> {
    let seconds = text.parse::<u32>().ok().and_then(|days| u64::from(days).checked_mul(86_400));
    seconds.map(Duration::from_secs).ok_or("give a number of days, such as 180")
}

impl Rotate {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if ![0, 2].contains(&self.cname.len()) {
            return Err(Failure::new("give --cname twice: the two names alternate"));
        }
        let now = time(self.now);
        let target = Target::open(&self.target)?;
        let current = target.current(&self.domain, self.algorithm.key_type())?;
        let folder = match (&self.keys, &current) {
            (Some(folder), _) => folder.clone(),
            (None, Some(current)) => current.path.parent().unwrap_or(Path::new(".")).to_owned(),
            (None, None) => {
                return Err(Failure::new(
                    "give --keys DIR, the folder of the keys, or what they sign for: --key-table, --config or --link",
                ));
            }
        };
        let _lock = lock::folder(&folder)?;
        let keys = Keys::read(&folder, &self.domain, self.algorithm.key_type(), current)?;
        let mut turn = Turn::new(self, &target, keys, now)?;
        let done = turn.run();
        // What was done is reported in any case.
        turn.report.print(&self.domain, &turn.keys, self.json).map_err(Failure::output)?;
        done
    }

    /// The alias of a selector, if its record is one.
    fn alias(&self, selector: &Selector) -> Option<&Alias> {
        self.cname.iter().find(|alias| alias.selector == *selector)
    }

    fn run_reload(&self) -> Result<(), Failure> {
        let Some(command) = &self.reload else { return Ok(()) };
        let status = Command::new("/bin/sh").args(["-c", command]).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::new(format!(
                "the tables are switched, but `{command}` ended with {status}: run it by hand, or call this command again"
            ))),
            Err(error) => Err(Failure::because(format_args!("cannot run `{command}`"), &error)),
        }
    }
}
