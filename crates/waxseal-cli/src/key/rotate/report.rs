//! What was done, and what comes next.

use super::keys::{Key, Keys};
use crate::{
    date::Date,
    terminal::{heading, visible},
};
use serde::Serialize;
use std::{
    io::{self, Write},
    time::UNIX_EPOCH,
};
use waxseal::dns::DomainName;

#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) done: Vec<String>,
    pub(super) next: Vec<String>,
    /// Records to publish by hand.
    pub(super) publish: Vec<Publish>,
}

#[derive(Debug, Serialize)]
pub(super) struct Publish {
    pub(super) name: String,
    pub(super) record: String,
    #[serde(skip)]
    pub(super) quoted: String,
}

#[derive(Debug, Serialize)]
struct Row<'r> {
    domain: &'r str,
    keys: Vec<KeyRow<'r>>,
    done: &'r [String],
    next: &'r [String],
    publish: &'r [Publish],
}

#[derive(Debug, Serialize)]
struct KeyRow<'r> {
    selector: String,
    state: &'static str,
    since: Option<u64>,
    key_file: String,
    fingerprint: Option<&'r str>,
}

impl Report {
    pub(super) fn print(&self, domain: &DomainName, keys: &Keys, json: bool) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if json {
            let keys = keys.iter().map(KeyRow::new).collect();
            let (done, next, publish) = (&*self.done, &*self.next, &*self.publish);
            let row = Row { domain: domain.as_str(), keys, done, next, publish };
            return writeln!(out, "{}", crate::json::to_string(&row));
        }
        writeln!(out, "{}", heading(domain))?;
        for key in keys.iter() {
            let since = key.since().map(|since| format!(" since {}", Date::of(since))).unwrap_or_default();
            let path = visible(&key.path.display().to_string());
            writeln!(out, "  {:<10} {}{since}  {path}", key.life.state().as_str(), key.selector)?;
        }
        for line in &self.done {
            writeln!(out, "done: {}", visible(line))?;
        }
        for publish in &self.publish {
            writeln!(out, "publish as TXT record of {}:", heading(&publish.name))?;
            writeln!(out, "{}", publish.record)?;
            writeln!(out, "or, if quoted strings are needed:\n{}", publish.quoted)?;
        }
        self.next.iter().try_for_each(|line| writeln!(out, "next: {}", visible(line)))
    }
}

impl<'r> KeyRow<'r> {
    fn new(key: &'r Key) -> Self {
        let since = key.since().and_then(|since| since.duration_since(UNIX_EPOCH).ok());
        Self {
            selector: key.selector.to_string(),
            state: key.life.state().as_str(),
            since: since.map(|since| since.as_secs()),
            key_file: key.path.display().to_string(),
            fingerprint: key.life.fingerprint(),
        }
    }
}
