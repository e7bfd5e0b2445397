//! The openspf.org test suites, through every kind of driver.
//!
//! They are read from the folder `spf-rfc7208` of the suites; [`waxseal_test::suite`] says what happens without it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of tests are tests, and a suite that cannot be read is a failure"
)]

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
    time::SystemTime,
};
use waxseal_dns::{
    Answers, Check, DomainName, Existence, LookupError, Question, Record, RecordType, Reply, Resolve,
    ResolveBlocking, Zone, drive, drive_blocking,
};
use waxseal_spf::{SpfCheck, Verdict};
use waxseal_test::{Ledger, Random, suite};
use yaml_rust2::{Yaml, YamlLoader};

struct Case {
    name: String,
    helo: Vec<u8>,
    host: String,
    mail_from: Vec<u8>,
    results: Vec<String>,
    explanation: Option<String>,
}

struct Scenario {
    dns: SuiteDns,
    cases: Vec<Case>,
}

/// The suite's zone; names in `error.` that it does not hold time out, as in the reference driver.
struct SuiteDns {
    zone: Zone,
    cached: bool,
}

impl SuiteDns {
    fn lookup(&self, q: &Question) -> Reply {
        match self.zone.lookup(q) {
            Ok(answer)
                if answer.existence == Existence::NxDomain && q.name.as_str().starts_with("error.") =>
            {
                Err(LookupError::Timeout)
            }
            reply => reply,
        }
    }
}

impl ResolveBlocking for SuiteDns {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self.lookup(q)
    }
}

impl Resolve for SuiteDns {
    async fn resolve(&self, q: &Question) -> Reply {
        YieldOnce(false).await;
        self.lookup(q)
    }
    fn cached(&self, q: &Question) -> Option<Reply> {
        self.cached.then(|| self.lookup(q))
    }
}

struct YieldOnce(bool);

impl Future for YieldOnce {
    type Output = ();
    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Answers in a random order and a few at a time, running the check again after each.
fn drive_shuffled(mut check: SpfCheck, dns: &SuiteDns, seed: u64) -> Verdict {
    let mut random = Random::new(seed);
    let mut answers = Answers::new();
    let mut open = Vec::new();
    loop {
        if let Ok(verdict) = check.run(&mut answers) {
            return verdict;
        }
        open.extend(answers.take_wanted());
        assert!(!open.is_empty(), "pending without a question");
        for _ in 0..=random.below(open.len()) {
            if !open.is_empty() {
                let question = open.swap_remove(random.below(open.len()));
                let reply = dns.lookup(&question);
                answers.answer(question, reply);
            }
        }
    }
}

fn scenarios(file: &str) -> Option<Vec<Scenario>> {
    let text = std::fs::read_to_string(suite("spf-rfc7208")?.join(file)).unwrap();
    Some(YamlLoader::load_from_str(&text).unwrap().iter().map(scenario).collect())
}

fn scenario(yaml: &Yaml) -> Scenario {
    let title = yaml["description"].as_str().unwrap();
    let cases = yaml["tests"].as_hash().unwrap().iter().map(|(name, test)| Case {
        name: format!("{title} / {}", name.as_str().unwrap()),
        helo: octets(&test["helo"]),
        host: text(&test["host"]),
        mail_from: octets(&test["mailfrom"]),
        results: match &test["result"] {
            Yaml::Array(results) => results.iter().map(text).collect(),
            result => vec![text(result)],
        },
        explanation: (!test["explanation"].is_badvalue()).then(|| text(&test["explanation"])),
    });
    Scenario { cases: cases.collect(), dns: SuiteDns { zone: zone(&yaml["zonedata"]), cached: false } }
}

fn text(yaml: &Yaml) -> String {
    match yaml {
        Yaml::Integer(number) => number.to_string(),
        Yaml::Real(text) | Yaml::String(text) => text.clone(),
        other => panic!("not a text: {other:?}"),
    }
}

/// The suite writes octets as the characters with the same numbers.
fn octets(yaml: &Yaml) -> Vec<u8> {
    text(yaml).chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

fn zone(yaml: &Yaml) -> Zone {
    let mut zone = Zone::new();
    for (name, entries) in yaml.as_hash().unwrap() {
        // Some names are too long on purpose.
        let Ok(name) = DomainName::lenient(&octets(name)) else { continue };
        let entries: Vec<(String, &Yaml)> = entries
            .as_vec()
            .unwrap()
            .iter()
            .map(|entry| match entry {
                Yaml::Hash(pairs) => {
                    let (kind, value) = pairs.iter().next().unwrap();
                    (text(kind), value)
                }
                bare => (text(bare), bare),
            })
            .collect();
        let has_txt = entries.iter().any(|(kind, _)| kind == "TXT");
        for (kind, value) in entries {
            let value_is = |word: &str| value.as_str() == Some(word);
            let kind = match kind.as_str() {
                // A bare TIMEOUT: every type without records.
                "TIMEOUT" => {
                    zone.set_error(name.clone(), LookupError::Timeout);
                    continue;
                }
                "CNAME" => {
                    zone.insert_cname(name.clone(), DomainName::lenient(&octets(value)).unwrap());
                    continue;
                }
                // Type 99 stands for TXT unless there is a TXT.
                "SPF" if !has_txt => RecordType::Txt,
                "SPF" => continue,
                kind => kind.parse().unwrap(),
            };
            if value_is("TIMEOUT") {
                zone.set_error_for(Question::new(name.clone(), kind), LookupError::Timeout);
            } else if !value_is("NONE") {
                zone.insert(name.clone(), record(kind, value));
            }
        }
    }
    zone
}

fn record(kind: RecordType, value: &Yaml) -> Record {
    match kind {
        RecordType::A => Record::A(text(value).parse().unwrap()),
        RecordType::Aaaa => Record::Aaaa(text(value).parse().unwrap()),
        RecordType::Ptr => Record::Ptr(DomainName::lenient(&octets(value)).unwrap()),
        RecordType::Mx => {
            let host = DomainName::lenient(&octets(&value[1]));
            Record::Mx(value[0].as_i64().unwrap().try_into().unwrap(), host.ok())
        }
        RecordType::Txt => Record::Txt(match value {
            Yaml::Array(strings) => strings.iter().flat_map(octets).collect(),
            string => octets(string).into(),
        }),
    }
}

impl Case {
    fn check(&self) -> SpfCheck {
        SpfCheck::mail_from(self.host.parse().unwrap(), &self.mail_from, &self.helo, SystemTime::UNIX_EPOCH)
            .with_trace(true)
    }

    fn failure(&self, verdict: &Verdict) -> Option<String> {
        let word = verdict.result().to_string();
        if !self.results.contains(&word) {
            return Some(format!(
                "{}: {word} ({}) instead of {:?}",
                self.name,
                verdict.reason(),
                self.results
            ));
        }
        let expected = self.explanation.as_deref().filter(|text| *text != "DEFAULT");
        if self.explanation.is_some() && verdict.explanation() != expected {
            return Some(format!(
                "{}: explains {:?} instead of {expected:?}",
                self.name,
                verdict.explanation()
            ));
        }
        None
    }
}

/// What is told of a verdict, for comparison.
fn told(verdict: &Verdict) -> String {
    format!(
        "{} {:?} {:?} {} {} {} {}",
        verdict.reason(),
        verdict.explanation(),
        verdict.ttl(),
        verdict.lookups(),
        verdict.void_lookups(),
        verdict.queries(),
        verdict.trace().map(ToString::to_string).unwrap_or_default()
    )
}

#[test]
fn rfc7208() {
    let Some(scenarios) = scenarios("rfc7208-tests.yml") else { return };
    let mut failures = Vec::new();
    let mut count = 0;
    let mut preferred = 0;
    for mut scenario in scenarios {
        for case in &scenario.cases {
            count += 1;
            let verdict = drive_blocking(case.check(), &scenario.dns);
            preferred += usize::from(case.results[0] == verdict.result().as_str());
            failures.extend(case.failure(&verdict));
            let told_first = told(&verdict);
            assert_eq!(told_first, told(&block_on(drive(case.check(), &scenario.dns))), "{}", case.name);
            for seed in 1..=8 {
                assert_eq!(
                    told_first,
                    told(&drive_shuffled(case.check(), &scenario.dns, seed)),
                    "{}",
                    case.name
                );
            }
            // Without a trace, directives are decided while the record is read.
            let lean = SpfCheck::mail_from(
                case.host.parse().unwrap(),
                &case.mail_from,
                &case.helo,
                SystemTime::UNIX_EPOCH,
            );
            let lean = drive_blocking(lean, &scenario.dns);
            assert_eq!(
                (lean.reason(), lean.lookups()),
                (verdict.reason(), verdict.lookups()),
                "{}",
                case.name
            );
        }
        scenario.dns.cached = true;
        for case in &scenario.cases {
            failures.extend(case.failure(&block_on(drive(case.check(), &scenario.dns))));
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    assert_eq!((count, preferred), (203, 203));
}

/// RFC 4408 is obsolete: where the verdict is not the one its suite prefers, a line of `expected_failures.txt` says which
/// sentence of RFC 7208 is the reason. A listed case that gives the preferred result is an error too.
#[test]
fn rfc4408() {
    let Some(scenarios) = scenarios("rfc4408-tests.yml") else { return };
    let mut ledger = Ledger::new(include_str!("expected_failures.txt"), " -- ");
    for scenario in &scenarios {
        for case in &scenario.cases {
            let verdict = drive_blocking(case.check(), &scenario.dns);
            let word = verdict.result().to_string();
            let other = format!("{}: {word} instead of {:?}", case.name, case.results);
            let failure = case.failure(&verdict).or((case.results[0] != word).then_some(other));
            ledger.enter(case.name.as_str(), failure.map_or(Ok(()), Err));
        }
    }
    assert_eq!(ledger.close(), Ok(191));
}
