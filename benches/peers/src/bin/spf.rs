//! Prints what an SPF check takes, beside mail-auth:
//! `cargo run --release --ignore-rust-version --manifest-path benches/peers/Cargo.toml --bin spf`.
//!
//! Both get every answer from a map in memory, and waxseal remembers parsed records by their text. mail-auth is measured
//! twice: with its cache of parsed records, which it fills after a lookup, and with records that it parses at every check.
//! Only waxseal counts void lookups and reads each record to its end before it evaluates it.
//!
//! viaspf is not here: it is under the GPL.

use mail_auth::{
    MessageAuthenticator, Parameters, SpfResult, TxtRecord,
    dns::TxtRecordParser,
    hickory_resolver::config::{ResolverConfig, ResolverOpts},
    spf::{SpfRecord, verify::SpfParameters},
};
use std::{hint::black_box, sync::Arc};
use waxseal_benches::{
    Error,
    spf::{self, Scenario},
    timing::Times,
};
use waxseal_peers::{Memory, at_once};

fn main() -> Result<(), Error> {
    let authenticator = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default())?;
    println!(
        "| scenario | waxseal ns | mail-auth, parsed before ns | mail-auth, parsing ns | waxseal / parsed | waxseal / parsing |"
    );
    println!("|---|---:|---:|---:|---:|---:|");
    for scenario in spf::scenarios().into_iter().filter(|scenario| !scenario.cold) {
        let zone = scenario.zone()?;
        let (parsed, parsing) = (memory(&scenario, true)?, memory(&scenario, false)?);
        let times = Times::measure(&mut [
            &mut || spf::check(black_box(&zone)).is_some_and(|verdict| verdict.result().as_str() == "pass"),
            &mut || check(&authenticator, &parsed) == Some(SpfResult::Pass),
            &mut || check(&authenticator, &parsing) == Some(SpfResult::Pass),
        ])
        .map_err(|error| format!("{}: {error}", scenario.name))?;
        let nanos = |job| times.nanos(job).median;
        let ratio = |floor| times.ratio(0, floor).median;
        println!(
            "| {} | {:.0} | {:.0} | {:.0} | {:.2} | {:.2} |",
            scenario.name,
            nanos(0),
            nanos(1),
            nanos(2),
            ratio(1),
            ratio(2)
        );
    }
    Ok(())
}

/// Everything that a scenario publishes, parsed before or whenever it is asked for.
fn memory(scenario: &Scenario, parsed: bool) -> Result<Memory, Error> {
    let mut memory = Memory::default();
    for (name, text) in &scenario.txt {
        let record = parse(text).ok_or("no record")?;
        let text = text.clone();
        match parsed {
            true => memory.parsed(name, record),
            false => memory.published(name, move || parse(&text)),
        }
    }
    scenario.a.iter().for_each(|(name, address)| memory.a(name, *address));
    scenario.mx.iter().for_each(|(name, host)| memory.mx(name, host));
    Ok(memory)
}

fn check(authenticator: &MessageAuthenticator, memory: &Memory) -> Option<SpfResult> {
    let parameters = SpfParameters::mail_from(spf::CLIENT.into(), spf::HELO, "mx.example.com", spf::SENDER);
    let verified = authenticator.verify_spf(Parameters::new(parameters).with_cache(memory));
    at_once(verified).map(|output| output.result())
}

fn parse(text: &str) -> Option<TxtRecord> {
    Some(TxtRecord::Spf(Arc::new(SpfRecord::parse(text.as_bytes()).ok()?)))
}
