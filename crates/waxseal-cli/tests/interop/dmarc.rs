//! DMARC beside mailauth, another implementation of RFC 9989: thousands of zones made at random, with everything in them
//! that the tree walk, policy discovery and alignment look at.

use crate::lab::{command, script, waxseal};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

const CASES: u64 = 4000;

#[test]
fn random_zones_give_the_verdicts_that_mailauth_gives() {
    if !crate::wanted() {
        return;
    }
    let Some(package) = std::env::var_os("WAXSEAL_MAILAUTH") else {
        println!("DMARC: WAXSEAL_MAILAUTH does not name the folder of the npm package mailauth, left out");
        return;
    };
    let cases: Vec<Value> = (0..CASES).map(|seed| Dice::new(seed).case()).collect();
    let ours = answers(&mut waxseal(["dmarc", "check", "--jsonl"]), &cases);
    let theirs = answers(command("node", [script("mailauth.js")]).arg(package), &cases);
    let mut words = BTreeMap::<String, u32>::new();
    for (case, (ours, theirs)) in cases.iter().zip(ours.iter().zip(&theirs)) {
        let dmarc = &ours["dmarc"];
        assert_eq!(dmarc["result"], theirs["result"], "result of {case}\n{ours}\n{theirs}");
        *words.entry(dmarc["result"].as_str().unwrap().to_owned()).or_default() += 1;
        if matches!(dmarc["result"].as_str(), Some("pass" | "fail")) {
            compare(case, ours, theirs);
        }
    }
    // None of the words may be a rarity, or little was compared.
    assert!(words.len() == 4 && words.values().all(|count| *count > 40), "{words:?}");
    println!("DMARC: {CASES} random zones as mailauth has them, {words:?}");
}

fn compare(case: &Value, ours: &Value, theirs: &Value) {
    let dmarc = &ours["dmarc"];
    for key in ["record_at", "spf_aligned", "dkim_aligned"] {
        assert_eq!(dmarc[key], theirs[key], "{key} of {case}\n{ours}\n{theirs}");
    }
    // When the walk fails above the author's own record, mailauth gives the author's domain.
    let failed = ours["path"].as_array().unwrap().iter().any(|step| step["found"] == "failed");
    assert_eq!(dmarc["org_domain"].is_null(), failed, "org_domain of {case}\n{ours}");
    if !failed {
        assert_eq!(dmarc["org_domain"], theirs["org_domain"], "org_domain of {case}\n{ours}\n{theirs}");
    }
    // When it passes and only DNS knows whether np= applies, each names another policy.
    if case["zone"][author(case)]["ERROR"].is_null() {
        assert_eq!(dmarc["evaluated_policy"], theirs["policy"], "policy of {case}\n{ours}\n{theirs}");
    }
}

fn author(case: &Value) -> &str {
    case["from"].as_str().unwrap().trim_start_matches("x@")
}

/// What a program that reads and writes a JSON object a line says of the cases.
fn answers(program: &mut Command, cases: &[Value]) -> Vec<Value> {
    let mut child = program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{:?} ended with {}", program.get_program(), output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), cases.len(), "answers of {:?}", program.get_program());
    answers
}

/// Random choices, the same for a seed on every machine (SplitMix64).
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ bits >> 31) % count as u64) as usize
    }

    fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    fn pick<'c>(&mut self, choices: &[&'c str]) -> &'c str {
        choices[self.below(choices.len())]
    }

    /// An author, identifiers near it and far from it, and records at all of their names.
    fn case(&mut self) -> Value {
        let author = self.domain();
        let dkim: Vec<String> = (0..self.below(3)).map(|_| self.near(&author)).collect();
        let spf: Vec<String> = (0..self.below(2)).map(|_| self.near(&author)).collect();
        let mut zone = Map::new();
        let density = [15, 30, 50, 80][self.below(4)];
        for domain in [&author].into_iter().chain(&dkim).chain(&spf) {
            for name in walk(domain) {
                if self.percent(density) {
                    zone.insert(format!("_dmarc.{name}"), self.published());
                }
            }
        }
        // A name with others below it is known to exist, whatever becomes of the question for it.
        let below = format!(".{author}");
        let at_author = match self.below(6) {
            0 => Some(json!({"A": ["192.0.2.1"]})),
            1 => Some(json!({"MX": [[10, "mx.example"]]})),
            2 => Some(json!({"TXT": ["x"]})),
            // RFC 8020 §2: an alias that leads nowhere exists itself.
            4 => Some(json!({"CNAME": ["nowhere.gone"]})),
            3 if !zone.keys().any(|name| name.ends_with(&below)) => Some(json!({"ERROR": "SERVFAIL"})),
            _ => None,
        };
        zone.extend(at_author.map(|records| (author.clone(), records)));
        json!({"from": format!("x@{author}"), "dkim_pass": dkim, "spf_pass": spf, "zone": zone, "mode": "rfc9989"})
    }

    /// Up to twelve labels of few letters, so that names meet.
    fn domain(&mut self) -> String {
        let labels = [0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6, 7, 8, 11][self.below(14)];
        self.labels(labels) + self.pick(&["com", "com", "org"])
    }

    fn labels(&mut self, count: usize) -> String {
        (0..count).map(|_| self.pick(&["a.", "b.", "c."])).collect()
    }

    fn near(&mut self, author: &str) -> String {
        let above: Vec<&str> = walk(author).collect();
        let ancestor = self.pick(&above);
        let labels = self.below(3) + 1;
        match self.below(20) {
            0..5 => author.to_owned(),
            5..12 => ancestor.to_owned(),
            12..17 => self.labels(labels) + ancestor,
            _ => self.domain(),
        }
    }

    fn published(&mut self) -> Value {
        match self.below(50) {
            0..40 => json!({"TXT": [self.record()]}),
            40..44 => json!({"TXT": [self.record(), self.record()]}),
            44..46 => json!({"TXT": ["junk", self.record()]}),
            46 => json!({"TXT": ["junk"]}),
            47 => json!({"ERROR": "SERVFAIL"}),
            _ => {
                let record = self.record();
                let (front, back) = record.split_at(self.below(record.len()));
                json!({"TXT": [[front, back]]})
            }
        }
    }

    fn record(&mut self) -> String {
        const POLICIES: [&str; 9] =
            ["none", "none", "quarantine", "quarantine", "reject", "reject", "Reject", "bogus", ""];
        let tags: [(usize, &str, &[&str]); 10] = [
            (88, "p", &POLICIES),
            (40, "sp", &POLICIES),
            (40, "np", &POLICIES),
            (35, "psd", &["y", "n", "u", "Y", "N", "x"]),
            (30, "t", &["y", "n", "Y", "x"]),
            (40, "adkim", &["r", "s", "S", "x"]),
            (40, "aspf", &["r", "s", "S", "x"]),
            (
                40,
                "rua",
                &[
                    "mailto:a@b.com",
                    "mailto:a@b.com!10m",
                    "a@b.com",
                    "",
                    "mailto:",
                    "mailto:a",
                    "https://b.com/",
                ],
            ),
            (10, "pct", &["50", "x"]),
            (10, "xx", &["yy"]),
        ];
        let version = match self.below(10) {
            0 => self.pick(&["v = DMARC1", "V=DMARC1", "v=dmarc1", "v=DMARC2", "x=1; v=DMARC1"]),
            _ => "v=DMARC1",
        };
        let mut parts = Vec::new();
        for (percent, name, values) in tags {
            if self.percent(percent) {
                let at = self.below(parts.len() + 1);
                parts.insert(at, format!("{name}={}", self.pick(values)));
            }
        }
        parts.insert(0, version.to_owned());
        parts.join(self.pick(&["; ", ";", " ; "])) + self.pick(&["", "", ";", " ; ", ";;"])
    }
}

/// The name and all names above it.
fn walk(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| name.split_once('.').map(|(_, above)| above))
}
