//! Whom waxseal lets pass, and whom the readers show.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, UNIX_EPOCH};
use waxseal::authres::DmarcResult;
use waxseal::dns::{DomainName, Zone};
use waxseal::{Authenticator, Disposition, Envelope, Method};

use crate::random::Random;
use crate::readers::{Answers, ENOUGH, Shown, authors};
use crate::values::{BANK, OWN};
use crate::{honest, shortened, wanted};

/// Ways of reading that are no parsers of mail. They take a display name for an author on honest mail, too, and fail nothing.
const NAIVE: [&str; 2] = ["decode first (Python)", "angle brackets (Python)"];

const CLIENT: &str = "192.0.2.66";

/// Everything passes for `own`, which has a policy; the bank wants reject.
fn zone(own: &str, policy: &str) -> Zone {
    let spf = format!("v=spf1 ip4:{CLIENT} -all");
    Zone::new()
        .with_txt(own, spf)
        .and_then(|dns| dns.with_txt(&format!("_dmarc.{own}"), format!("v=DMARC1; p={policy}")))
        .and_then(|dns| dns.with_txt(&format!("_dmarc.{BANK}"), "v=DMARC1; p=reject"))
        .unwrap()
}

/// What waxseal makes of a message.
struct Judged {
    /// The domains of the authors, in lower case and A-labels; `None` unless DMARC passes.
    passed: Option<Vec<String>>,
    /// Whether DMARC lets it be delivered as if nothing were wrong, where the own domain asks for nothing else.
    delivered: bool,
    /// The result and why.
    told: String,
}

fn check(messages: &[Vec<u8>], own: &str) -> Vec<Judged> {
    let authenticator = Authenticator::new("mx.example.net").unwrap().with_methods([
        Method::Spf,
        Method::Helo,
        Method::Dkim,
        Method::Dmarc,
    ]);
    let (strict, mild) = (zone(own, "reject"), zone(own, "none"));
    let envelope = Envelope::new(CLIENT.parse().unwrap(), own, format!("u@{own}"));
    let now = UNIX_EPOCH + Duration::from_secs(1_795_000_000);
    let check = |message: &Vec<u8>| {
        let report = authenticator.check_blocking(&envelope, message, now, &strict);
        let report_mild = authenticator.check_blocking(&envelope, message, now, &mild);
        let dmarc = report.dmarc();
        let authors = dmarc.authors().iter().map(|author| author.domain().to_string());
        Judged {
            passed: (dmarc.result() == DmarcResult::Pass).then(|| authors.collect()),
            delivered: report_mild.disposition() == Disposition::None,
            told: format!("{}: {}", dmarc.result(), dmarc.reason()),
        }
    };
    messages.iter().map(check).collect()
}

/// The domain in what a reader shows behind an at sign, if it has two labels or more: the first word, without what stands
/// around it, as in `bank.example>"`.
fn domain(shown: &str) -> Option<String> {
    let part = |c: char| c.is_alphanumeric() || !c.is_ascii() || matches!(c, '-' | '_' | '.');
    let word = shown.split(|c| !part(c)).map(|word| word.trim_matches('.')).find(|word| !word.is_empty())?;
    let name = DomainName::new(word).map_or_else(|_| word.to_lowercase(), |name| name.to_string());
    (name.split('.').filter(|label| !label.is_empty()).count() > 1).then_some(name)
}

/// Whether this is the domain but for octets beyond ASCII, which the parser does not show.
fn is_mangled(shown: &str, own: &str) -> bool {
    const UNSHOWN: char = char::REPLACEMENT_CHARACTER;
    let labels = || shown.split('.').zip(own.split('.'));
    let same = |(shown, own): (&str, &str)| {
        shown == own
            || shown.contains(UNSHOWN) && (own.starts_with("xn--") || shown.replace(UNSHOWN, "") == own)
    };
    shown.split('.').count() == own.split('.').count() && labels().all(same)
}

/// The domains that each parser shows, and which parsers do.
fn by_domain(shown: &Shown) -> BTreeMap<String, BTreeSet<&str>> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (view, shown) in shown.iter().filter(|(view, _)| !NAIVE.contains(&view.as_str())) {
        for domain in shown.iter().filter_map(|shown| domain(shown)) {
            found.entry(domain).or_default().insert(view);
        }
    }
    found
}

/// What came of a set of messages.
#[derive(Default)]
struct Tally {
    passes: usize,
    /// Passes in which a parser shows an author.
    seen: BTreeMap<String, usize>,
    /// Passes in which a naive way of reading shows another domain.
    naive: BTreeMap<&'static str, usize>,
    /// Messages that do not pass though each parser that shows a domain shows the same one, which would pass.
    agreed: Vec<String>,
    /// Passes in which a parser shows another domain, and forgeries of the bank that are delivered.
    holes: Vec<String>,
}

impl Tally {
    fn new(messages: &[Vec<u8>], judged: &[Judged], answers: &Answers, own: &str) -> Self {
        let mut tally = Self::default();
        for ((message, judged), shown) in messages.iter().zip(judged).zip(&answers.shown) {
            let domains = by_domain(shown);
            match &judged.passed {
                Some(authors) => tally.pass(message, authors, &domains, shown),
                None if judged.delivered && domains.contains_key(BANK) => {
                    tally.holes.push(format!(
                        "\n  {} delivers {domains:?}: {}",
                        judged.told,
                        header(message)
                    ));
                }
                None if domains.len() == 1 && domains.keys().all(|domain| domain.ends_with(own)) => {
                    tally.agreed.push(format!("\n  {} {}", judged.told, header(message)));
                }
                None => {}
            }
        }
        tally
    }

    fn pass(
        &mut self,
        message: &[u8],
        authors: &[String],
        shown: &BTreeMap<String, BTreeSet<&str>>,
        all: &Shown,
    ) {
        self.passes += 1;
        let is_own = |domain: &String| authors.iter().any(|own| own == domain || is_mangled(domain, own));
        let others: Vec<_> = shown.iter().filter(|(domain, _)| !is_own(domain)).collect();
        if !others.is_empty() {
            self.holes.push(format!("\n  pass for {authors:?}, but {others:?}: {}", header(message)));
        }
        for (view, shown) in all {
            *self.seen.entry(view.clone()).or_default() += usize::from(!shown.is_empty());
            let naive = NAIVE.into_iter().find(|naive| naive == view);
            let other =
                || shown.iter().filter_map(|shown| domain(shown)).any(|domain| !authors.contains(&domain));
            if let Some(naive) = naive.filter(|_| other()) {
                *self.naive.entry(naive).or_default() += 1;
            }
        }
    }
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
    let judged = check(&messages, OWN);
    let answers = authors(&messages);
    assert_enough(&answers);
    let tally = Tally::new(&messages, &judged, &answers, OWN);
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
    let messages = honest::messages();
    assert!(messages.len() >= 200);
    let judged = check(&messages, honest::DOMAIN);
    let refused: Vec<_> = messages
        .iter()
        .zip(&judged)
        .filter(|(_, judged)| judged.passed.is_none())
        .map(|(message, judged)| format!("\n  {} {}", judged.told, header(message)))
        .collect();
    assert!(refused.is_empty(), "{} honest authors are refused:{}", refused.len(), shortened(&refused));
    if !wanted() {
        return;
    }
    let answers = authors(&messages);
    assert_enough(&answers);
    let tally = Tally::new(&messages, &judged, &answers, honest::DOMAIN);
    println!("{} honest authors; of them differ: {:?}", messages.len(), tally.naive);
    assert_read(&answers, &tally);
    assert!(tally.holes.is_empty(), "{} holes:{}", tally.holes.len(), shortened(&tally.holes));
}
