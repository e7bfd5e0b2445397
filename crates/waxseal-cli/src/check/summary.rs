//! A summary of many messages.

use crate::terminal::{self, visible};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Write},
    time::Duration,
};
use waxseal::{
    Report,
    dkim::{Cause, Verdict},
};

/// The most reasons that are counted separately: senders determine them, and memory is bounded.
const MAX_REASONS: usize = 4096;

/// How many reasons and messages are printed.
const NAMED: usize = 5;

#[derive(Debug, Default)]
pub(super) struct Summary {
    messages: u64,
    unreadable: u64,
    dispositions: BTreeMap<&'static str, u64>,
    results: BTreeMap<&'static str, BTreeMap<&'static str, u64>>,
    /// By method, result and reason.
    reasons: HashMap<(&'static str, &'static str, String), u64>,
    /// Whether a signature had expired.
    pub(super) has_expired: bool,
    /// The slowest first.
    slowest: Vec<(Duration, String)>,
}

/// The result of each method that was used; of DKIM the best.
pub(super) fn method_words(report: &Report) -> Vec<(&'static str, &'static str)> {
    let known = report.envelope().ip().is_some();
    let spf = known.then(|| ("spf", report.spf().result().as_str()));
    let arc = report.arc().map(|chain| ("arc", chain.result().as_str()));
    let iprev = report.iprev().map(|iprev| ("iprev", iprev.result().as_str()));
    let dmarc = ("dmarc", report.dmarc().result().as_str());
    let dkim = ("dkim", report.dkim().result().as_str());
    [Some(dmarc), Some(dkim), spf, arc, iprev].into_iter().flatten().collect()
}

/// The cause without hashes, which differ for each message.
fn without_hashes(cause: &Cause) -> String {
    match cause {
        Cause::BodyHash { .. } => "body hash does not match".into(),
        Cause::HeaderSignature { .. } => "signature does not match the header".into(),
        cause => cause.to_string(),
    }
}

impl Summary {
    pub(super) fn add(&mut self, id: &str, report: &Report, took: Duration) {
        self.messages += 1;
        *self.dispositions.entry(report.disposition().as_str()).or_default() += 1;
        for (method, word) in method_words(report) {
            *self.results.entry(method).or_default().entry(word).or_default() += 1;
        }
        self.add_reasons(report);
        let place = self.slowest.partition_point(|(other, _)| *other >= took);
        if place < NAMED {
            self.slowest.insert(place, (took, id.to_owned()));
            self.slowest.truncate(NAMED);
        }
    }

    pub(super) fn add_unreadable(&mut self) {
        self.unreadable += 1;
    }

    /// Why messages did not pass, and signatures for themselves.
    fn add_reasons(&mut self, report: &Report) {
        let dmarc = report.dmarc();
        if let (Some(cause), false) = (dmarc.cause(), dmarc.is_pass()) {
            self.add_reason("dmarc", dmarc.result().as_str(), cause.to_string());
        }
        let is_expired = |verdict: &Verdict| matches!(verdict.cause(), Some(Cause::Expired(..)));
        self.has_expired |= report.dkim().iter().any(is_expired);
        let failed = report.dkim().iter().filter(|verdict| !verdict.is_pass()).take(NAMED);
        for (verdict, cause) in failed.filter_map(|verdict| Some((verdict, verdict.cause()?))) {
            self.add_reason("dkim", verdict.result().as_str(), without_hashes(cause));
        }
        if let Some((chain, cause)) = report.arc().and_then(|chain| Some((chain, chain.cause()?))) {
            self.add_reason("arc", chain.result().as_str(), cause.to_string());
        }
        let spf = report.spf();
        if let (Some(cause), false) = (spf.cause(), spf.is_pass() || report.envelope().ip().is_none()) {
            self.add_reason("spf", spf.result().as_str(), cause.to_string());
        }
    }

    fn add_reason(&mut self, method: &'static str, word: &'static str, reason: String) {
        let there_is_room = self.reasons.len() < MAX_REASONS;
        let key = (method, word, reason);
        match self.reasons.get_mut(&key) {
            Some(count) => *count += 1,
            None if there_is_room => {
                self.reasons.insert(key, 1);
            }
            None => {}
        }
    }

    /// The most common ones.
    fn common_reasons(&self) -> Vec<(&(&'static str, &'static str, String), u64)> {
        let mut reasons: Vec<_> = self.reasons.iter().map(|(key, count)| (key, *count)).collect();
        reasons.sort_unstable_by(|(a, m), (b, n)| n.cmp(m).then(a.cmp(b)));
        reasons.truncate(NAMED);
        reasons
    }

    pub(super) fn print(&self, out: &mut impl Write, took: Duration) -> io::Result<()> {
        let Self { messages, unreadable, .. } = self;
        writeln!(out, "\n{}", terminal::heading(format_args!("{messages} messages in {}", seconds(took))))?;
        if *unreadable > 0 {
            writeln!(out, "{unreadable} could not be read")?;
        }
        print_counts(out, "disposition", &self.dispositions)?;
        for (method, counts) in &self.results {
            print_counts(out, method, counts)?;
        }
        let reasons = self.common_reasons();
        if !reasons.is_empty() {
            writeln!(out, "most common reasons")?;
        }
        for ((method, word, reason), count) in reasons {
            writeln!(out, "{count:>9}  {method}={word}: {reason}")?;
        }
        if !self.slowest.is_empty() {
            writeln!(out, "slowest")?;
        }
        self.slowest.iter().try_for_each(|(took, id)| writeln!(out, "{:>9}  {}", seconds(*took), visible(id)))
    }

    pub(super) fn to_json(&self) -> Value {
        let results: Map<String, Value> =
            self.results.iter().map(|(method, counts)| ((*method).to_owned(), json!(counts))).collect();
        let reason = |((method, word, reason), count): (&(&str, &str, String), u64)| json!({ "method": method, "result": word, "reason": reason, "count": count });
        let slow = |(took, id): &(Duration, String)| json!({ "id": id, "seconds": took.as_secs_f64() });
        json!({
            "messages": self.messages,
            "unreadable": self.unreadable,
            "dispositions": self.dispositions,
            "results": results,
            "reasons": self.common_reasons().into_iter().map(reason).collect::<Value>(),
            "slowest": self.slowest.iter().map(slow).collect::<Value>(),
        })
    }
}

fn print_counts(out: &mut impl Write, what: &str, counts: &BTreeMap<&str, u64>) -> io::Result<()> {
    if counts.is_empty() {
        return Ok(());
    }
    let counts: Vec<_> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    writeln!(out, "{what:<12} {}", counts.join(", "))
}

fn seconds(duration: Duration) -> String {
    format!("{:.3} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;
    use waxseal::{
        Authenticator, Envelope,
        dns::{LookupError, Zone},
    };

    /// Deferred messages are counted separately, not as delivered.
    #[test]
    fn deferred_messages_are_counted() {
        let dns = Zone::new().with_error("_dmarc.b.example", LookupError::ServerFailure).unwrap();
        let mut summary = Summary::default();
        for author in ["a.example", "b.example"] {
            summary.add(author, &report_by(author, &dns), Duration::from_secs(1));
        }
        let json = summary.to_json();
        assert_eq!(json["dispositions"], json!({ "defer": 1, "none": 1 }));
        assert_eq!(json["results"]["dmarc"], json!({ "none": 1, "temperror": 1 }));
    }

    fn report(author: &str) -> Report {
        report_by(author, &Zone::new())
    }

    fn report_by(author: &str, dns: &Zone) -> Report {
        let message = format!("From: joe@{author}\r\n\r\nHi.\r\n");
        let authenticator = Authenticator::new("mx.example.net").unwrap();
        authenticator.check_blocking(&Envelope::unknown(), message.as_bytes(), UNIX_EPOCH, dns)
    }

    #[test]
    fn the_slowest_and_the_most_common_come_first() {
        let mut summary = Summary::default();
        for (took, author) in [
            (3, "b.example"),
            (9, "a.example"),
            (1, "c.example"),
            (7, "a.example"),
            (8, "a.example"),
            (5, "b.example"),
        ] {
            summary.add(&took.to_string(), &report(author), Duration::from_secs(took));
        }
        let json = summary.to_json();
        let ids: Vec<_> = json["slowest"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(ids, ["9", "8", "7", "5", "3"]);
        let reasons = json["reasons"].as_array().unwrap().iter();
        let reasons: Vec<_> = reasons.map(|row| (row["reason"].clone(), row["count"].clone())).collect();
        let reason =
            |author: &str, count: u64| (json!(format!("no DMARC record for {author}")), json!(count));
        assert_eq!(reasons, [reason("a.example", 3), reason("b.example", 2), reason("c.example", 1)]);
        assert_eq!((&json["messages"], &json["dispositions"]), (&json!(6), &json!({ "none": 6 })));
    }
}
