//! Whom waxseal lets pass, and whom the readers show.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};
use waxseal::dns::{DomainName, Zone};
use waxseal::{Authenticator, Envelope};

use crate::random::Random;
use crate::readers::{Answers, ENOUGH, authors};
use crate::{honest, shortened, values, wanted};

/// Ways of reading that are no parsers of mail. They take a display name for an author on honest mail, too, and fail nothing.
const NAIVE: [&str; 2] = ["decode first (Python)", "angle brackets (Python)"];

const CLIENT: &str = "192.0.2.66";

/// Everything passes for `own`; the bank wants reject like everyone here.
fn zone(own: &str) -> Zone {
    let spf = format!("v=spf1 ip4:{CLIENT} -all");
    Zone::new()
        .with_txt(own, spf)
        .and_then(|dns| dns.with_txt(&format!("_dmarc.{own}"), "v=DMARC1; p=reject"))
        .and_then(|dns| dns.with_txt("_dmarc.bank.example", "v=DMARC1; p=reject"))
        .unwrap()
}

/// The domains of the authors if DMARC passes, else why it does not.
fn check(messages: &[Vec<u8>], own: &str) -> Vec<Result<Vec<DomainName>, String>> {
    let (dns, authenticator) = (zone(own), Authenticator::new("mx.example.net").with_iprev(false));
    let envelope = Envelope::new(CLIENT.parse().unwrap(), own, format!("u@{own}"));
    let now = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let check = |message: &Vec<u8>| {
        let report = authenticator.check_blocking(&envelope, message, now, &dns);
        let dmarc = report.dmarc();
        match dmarc.word().as_str() {
            "pass" => Ok(dmarc.authors().iter().map(|author| author.domain().clone()).collect()),
            word => Err(format!("{word}: {}", dmarc.reason())),
        }
    };
    messages.iter().map(check).collect()
}

/// The domains of two labels or more in what a reader shows behind an at sign.
fn domains(shown: &str) -> impl Iterator<Item = DomainName> {
    let part = |c: char| c.is_alphanumeric() || !c.is_ascii() || matches!(c, '-' | '_' | '.');
    let words = shown.split(move |c| !part(c)).map(|word| word.trim_matches('.'));
    let names = words.filter_map(|word| DomainName::lenient(word.as_bytes()).ok());
    names.filter(|name| name.as_str().split('.').filter(|label| !label.is_empty()).count() > 1)
}

/// What a reader shows that is none of the authors' domains.
fn others<'s>(shown: &'s [String], own: &'s [DomainName]) -> Vec<&'s String> {
    shown.iter().filter(|shown| domains(shown).any(|domain| !own.contains(&domain))).collect()
}

/// What came of a set of messages.
#[derive(Default)]
struct Tally {
    passes: usize,
    /// Passes in which a parser shows an author.
    seen: BTreeMap<String, usize>,
    /// Passes in which a naive way of reading shows another domain.
    naive: BTreeMap<&'static str, usize>,
    /// Messages that do not pass though each parser that shows a domain shows the own one.
    agreed: Vec<String>,
    /// Passes in which a parser shows another domain.
    holes: Vec<String>,
}

fn tally(
    messages: &[Vec<u8>],
    verdicts: &[Result<Vec<DomainName>, String>],
    answers: &Answers,
    own: &str,
) -> Tally {
    let mut tally = Tally::default();
    let own = [DomainName::new(own).unwrap()];
    for ((message, verdict), shown) in messages.iter().zip(verdicts).zip(&answers.shown) {
        let text = header(message);
        let Ok(passed) = verdict else {
            let mut parsers = shown.iter().filter(|(view, _)| !NAIVE.contains(&view.as_str()));
            let any = shown.values().flatten().any(|shown| domains(shown).next().is_some());
            if any && parsers.all(|(_, shown)| others(shown, &own).is_empty()) {
                tally.agreed.push(format!("\n  {} {text}", verdict.clone().unwrap_err()));
            }
            continue;
        };
        tally.passes += 1;
        for (view, shown) in shown {
            *tally.seen.entry(view.clone()).or_default() += usize::from(!shown.is_empty());
            let others = others(shown, passed);
            match NAIVE.iter().find(|naive| *naive == view) {
                _ if others.is_empty() => {}
                Some(naive) => *tally.naive.entry(naive).or_default() += 1,
                None => tally.holes.push(format!("\n  {view} shows {others:?}: {text}")),
            }
        }
    }
    tally
}

/// The header of a message, with octets escaped.
fn header(message: &[u8]) -> String {
    let body = message.windows(3).rposition(|window| window == b"Hi.").unwrap_or(message.len());
    message[..body].escape_ascii().to_string()
}

/// Names the readers; too few prove nothing.
fn assert_enough(answers: &Answers) {
    println!("{} readers: {}", answers.parsers.len(), answers.parsers.join(", "));
    let required = std::env::var_os("WAXSEAL_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(!required || answers.parsers.len() >= ENOUGH, "fewer than {ENOUGH} readers");
}

/// What reads nothing at all would agree with everything.
fn assert_read(answers: &Answers, tally: &Tally) {
    for parser in &answers.parsers {
        let seen = tally.seen.get(*parser).copied().unwrap_or_default();
        assert!(
            seen * 2 > tally.passes,
            "{parser} shows an author in {seen} of {} passes only",
            tally.passes
        );
    }
}

#[test]
fn no_reader_shows_another_author_than_the_one_that_passes() {
    if !wanted() {
        return;
    }
    let count = std::env::var("WAXSEAL_READER_VARIANTS").map_or(3_000, |count| count.parse().unwrap());
    let mut random = Random::new(0x5eed_f0f0_0000_0001);
    let messages: Vec<_> = (0..count).map(|_| random.message()).collect();
    let verdicts = check(&messages, values::OWN);
    let answers = authors(&messages);
    assert_enough(&answers);
    let tally = tally(&messages, &verdicts, &answers, values::OWN);
    println!(
        "{count} variants, {} pass, {} of the others are refused though all parsers agree; of the passes differ: {:?}",
        tally.passes,
        tally.agreed.len(),
        tally.naive
    );
    if std::env::var_os("WAXSEAL_READER_AGREED").is_some() {
        println!("refused though all agree:{}", tally.agreed.concat());
    }
    assert_read(&answers, &tally);
    assert!(tally.holes.is_empty(), "{} holes:{}", tally.holes.len(), shortened(&tally.holes));
    assert!(tally.passes * 3 >= count, "only {} of {count} pass", tally.passes);
}

#[test]
fn honest_authors_pass_and_no_reader_shows_another() {
    if !wanted() {
        return;
    }
    let messages = honest::messages();
    assert!(messages.len() >= 200);
    let verdicts = check(&messages, honest::DOMAIN);
    let refused: Vec<_> = messages
        .iter()
        .zip(&verdicts)
        .filter_map(|(message, verdict)| Some(format!("\n  {} {}", verdict.as_ref().err()?, header(message))))
        .collect();
    assert!(refused.is_empty(), "{} honest authors are refused:{}", refused.len(), shortened(&refused));
    let answers = authors(&messages);
    assert_enough(&answers);
    let tally = tally(&messages, &verdicts, &answers, honest::DOMAIN);
    println!("{} honest authors; of them differ: {:?}", messages.len(), tally.naive);
    assert_read(&answers, &tally);
    assert!(tally.holes.is_empty(), "{} holes:{}", tally.holes.len(), shortened(&tally.holes));
}
