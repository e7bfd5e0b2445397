//! What ours and theirs say, side by side.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use waxseal::{Authenticator, Envelope, Report, arc, dkim};

use crate::random::Random;
use crate::reasons::{REASONS, Reason};
use crate::route::{Lab, now};
use crate::zone::Sending;

/// One message, as both see it.
pub(crate) struct Checked {
    pub(crate) message: Vec<u8>,
    pub(crate) sending: Sending,
    pub(crate) report: Report,
    pub(crate) theirs: Value,
}

/// One result in which the two differ.
pub(crate) struct Difference {
    /// `dkim`, `arc`, `spf`, `helo` or `dmarc`.
    pub(crate) method: &'static str,
    /// Which signature.
    pub(crate) index: usize,
    pub(crate) ours: String,
    pub(crate) theirs: String,
}

impl Difference {
    fn kind(&self) -> String {
        format!("{}: {} instead of {}", self.method, self.ours, self.theirs)
    }
}

impl Checked {
    fn new(lab: &mut Lab, random: &mut Random) -> Self {
        let (message, sending) = (lab.message(random), random.sending());
        let theirs = lab.peer.ask(&json!({
            "do": "check", "message": BASE64_STANDARD.encode(&message), "ip": sending.ip.to_string(), "helo": sending.helo,
            "sender": sending.sender, "zone": sending.hosts,
        }));
        let authenticator = Authenticator::new("mx.example.net")
            .unwrap()
            .with_arc(arc::Policy::default())
            .with_spf_trace(true);
        let envelope = Envelope::new(sending.ip, &sending.helo, &sending.sender);
        let zone = sending.zone(lab.zone.clone());
        let report = authenticator.check_blocking(&envelope, &message, now(), &zone);
        Self { message, sending, report, theirs }
    }

    fn differences(&self) -> Vec<Difference> {
        let report = &self.report;
        let mut all: Vec<Difference> = Vec::new();
        let mut compare = |method, index, ours: &str, theirs: &str| {
            if ours != theirs {
                all.push(Difference { method, index, ours: ours.to_owned(), theirs: theirs.to_owned() });
            }
        };
        match &self.theirs["dkim"] {
            Value::Array(theirs) => {
                let ours: Vec<_> = report.dkim().iter().map(dkim_word).collect();
                for index in 0..ours.len().max(theirs.len()) {
                    let theirs = theirs.get(index).and_then(Value::as_str).unwrap_or("absent");
                    // dkimpy tells no causes but this one.
                    let theirs = if theirs.starts_with("error") { "fail" } else { theirs };
                    compare("dkim", index, ours.get(index).unwrap_or(&"absent"), theirs);
                }
            }
            unreadable => compare("dkim", 0, "readable", &unreadable.to_string()),
        }
        let chain = report.arc().map_or("none", |chain| chain.result().as_str());
        compare("arc", 0, chain, self.text("arc/0"));
        if !self.sending.sender.is_empty() {
            compare("spf", 0, report.spf().result().as_str(), self.text("spf"));
        }
        let helo = report.spf_helo().unwrap_or(report.spf());
        compare("helo", 0, helo.result().as_str(), self.text("helo"));
        let ours = report.dmarc().result().as_str() == "pass";
        compare("dmarc", 0, &ours.to_string(), &self.would_pass().to_string());
        all
    }

    fn text(&self, path: &str) -> &str {
        self.theirs.pointer(&format!("/{path}")).and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether DMARC would pass by what DKIM and SPF say, of which each difference has a reason of its own.
    fn would_pass(&self) -> bool {
        let [author] = self.report.dmarc().authors() else { return false };
        let author = organizational(author.domain().as_str());
        let signatures = self.report.dkim().iter().filter(|verdict| verdict.is_pass());
        let mut signers = signatures.filter_map(|verdict| verdict.domain());
        let sender = self.sending.sender.split_once('@').map_or(&self.sending.helo[..], |(_, domain)| domain);
        let sent = self.report.spf().result().as_str() == "pass" && organizational(sender) == author;
        sent || signers.any(|domain| organizational(domain.as_str()) == author)
    }

    /// All there is to know of a message.
    fn describe(&self, difference: &Difference) -> String {
        format!(
            "\n{} at {}\n{}theirs: {}\nzone: {}\n{}\n",
            difference.kind(),
            difference.index,
            self.report.explain(),
            self.theirs,
            serde_json::to_string(&self.sending.hosts).unwrap(),
            self.message.escape_ascii()
        )
    }
}

/// Of the domains here, two labels are the Organizational Domain.
fn organizational(domain: &str) -> &str {
    let dots: Vec<_> = domain.rmatch_indices('.').map(|(at, _)| at).collect();
    dots.get(1).map_or(domain, |at| &domain[at + 1..])
}

fn dkim_word(verdict: &dkim::Verdict) -> &'static str {
    match verdict.cause() {
        None => "pass",
        Some(dkim::Cause::BodyHash { .. }) => "body",
        Some(_) => "fail",
    }
}

/// What was seen in many messages.
#[derive(Default)]
struct Tally {
    words: BTreeMap<String, usize>,
    reasons: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
    /// Their kinds.
    kinds: BTreeMap<String, usize>,
    /// Sets of the longest chain that passed.
    hops: usize,
}

impl Tally {
    fn count(&mut self, checked: &Checked) {
        let report = &checked.report;
        let mut word =
            |method: &str, word: &str| *self.words.entry(format!("{method}={word}")).or_default() += 1;
        report.dkim().iter().for_each(|verdict| word("dkim", dkim_word(verdict)));
        word("spf", report.spf().result().as_str());
        word("dmarc", report.dmarc().result().as_str());
        if let Some(chain) = report.arc() {
            word("arc", chain.result().as_str());
            self.hops = self.hops.max(if chain.is_pass() { chain.sets().len() } else { 0 });
        }
        for difference in checked.differences() {
            match REASONS.iter().find(|reason| (reason.fits)(&difference, checked)) {
                Some(Reason { text, .. }) => *self.reasons.entry(text).or_default() += 1,
                None => {
                    *self.kinds.entry(difference.kind()).or_default() += 1;
                    self.unexplained.push(checked.describe(&difference));
                }
            }
        }
    }

    fn add(&mut self, other: Self) {
        other.words.into_iter().for_each(|(word, count)| *self.words.entry(word).or_default() += count);
        other
            .reasons
            .into_iter()
            .for_each(|(reason, count)| *self.reasons.entry(reason).or_default() += count);
        self.unexplained.extend(other.unexplained);
        other.kinds.into_iter().for_each(|(kind, count)| *self.kinds.entry(kind).or_default() += count);
        self.hops = self.hops.max(other.hops);
    }
}

#[test]
fn whole_checks_are_those_of_dkimpy_and_pyspf_or_there_is_a_reason() {
    if std::env::var_os("WAXSEAL_INTEROP").is_none_or(|value| value != "1") {
        println!("skipped: set WAXSEAL_INTEROP=1 to check beside dkimpy and pyspf");
        return;
    }
    let count: usize = std::env::var("WAXSEAL_WHOLE_MESSAGES").map_or(5_000, |count| count.parse().unwrap());
    // Two halves with seeds of their own, so that what a message is does not depend on the machine.
    let half = |seed: u64| {
        let (mut lab, mut random, mut tally) = (Lab::start(), Random::new(seed), Tally::default());
        (0..count / 2).for_each(|_| tally.count(&Checked::new(&mut lab, &mut random)));
        tally
    };
    let mut tally = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(0x5eed_0000_0000_0002));
        let mut tally = half(0x5eed_0000_0000_0001);
        tally.add(other.join().unwrap());
        tally
    });
    println!("{count} messages: {:?}, chains of up to {} sets", tally.words, tally.hops);
    tally.reasons.iter().for_each(|(reason, count)| println!("{count:5} {reason}"));
    tally.unexplained.sort_by_key(String::len);
    assert!(
        tally.unexplained.is_empty(),
        "differences: {:#?}\n{}",
        tally.kinds,
        tally.unexplained[..tally.unexplained.len().min(5)].concat()
    );
    // What is rare needs more than the messages of each day.
    if count >= 30_000 {
        let unused = REASONS.iter().filter(|reason| !tally.reasons.contains_key(reason.text));
        let unused: Vec<_> = unused.map(|reason| reason.text).collect();
        assert!(unused.is_empty(), "reasons without a case: {unused:?}");
    }
    if count >= 5_000 {
        let poor = [
            "dkim=pass",
            "dkim=body",
            "dkim=fail",
            "arc=pass",
            "arc=fail",
            "spf=pass",
            "spf=fail",
            "dmarc=pass",
            "dmarc=fail",
        ];
        let poor: Vec<_> =
            poor.into_iter().filter(|word| tally.words.get(*word).is_none_or(|count| *count < 100)).collect();
        assert!(poor.is_empty() && tally.hops >= 3, "a poor mix: few of {poor:?}");
    }
}
