//! Side by side with pyspf (Debian: python3-spf) on random records, hosts and senders.
//!
//! With `WAXSEAL_REQUIRE_TOOLS=1` a missing pyspf is a failure; otherwise nothing is tested and the output says so.
#![cfg(feature = "json")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of tests are tests"
)]

use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    io::Write,
    net::IpAddr,
    process::{Command, Stdio},
    time::SystemTime,
};
use waxseal_dns::{DomainName, LookupError, Question, Record, Zone, drive_blocking};
use waxseal_spf::{Cause, SpfCheck, Verdict};
use waxseal_test::tool_is_missing;

const CASES: usize = 6_000;

const ALIAS: &str = "h4.example.com";

/// Reads one case a line, answers `[result, explanation]`. The zone of a case is name -> type -> values, a null being a
/// time-out.
const SCRIPT: &str = r#"
import json, sys, spf
zone = {}
def lookup(name, qtype, strict=True, timeout=None):
    types = zone.get(name.lower().rstrip('.'), {})
    if 'CNAME' in types and qtype not in types:
        target = types['CNAME'][0]
        return [((name, 'CNAME'), target)] + lookup(target, qtype)
    values = types.get(qtype, [])
    if values is None:
        raise spf.TempError('DNS timeout')
    if qtype == 'TXT':
        values = [[v.encode('latin1')] for v in values]
    if qtype == 'MX':
        values = [(p, h) for p, h in values]
    return [((name, qtype), v) for v in values]
spf.DNSLookup = lookup
for line in sys.stdin:
    case = json.loads(line)
    zone = case['zone']
    try:
        query = spf.query(i=case['ip'], s=case['sender'], h=case['helo'])
        result, code, text = query.check()
        print(json.dumps([result, text if result == 'fail' else None]))
    except Exception as error:
        print(json.dumps(['exception', repr(error)]))
"#;

/// Whether a reason applies, given our verdict and their result.
type Fits = fn(&Verdict, &str) -> bool;

/// Where the two differ, and the sentence of RFC 7208 that we follow. The first that fits a case is its reason.
const REASONS: &[(&str, Fits)] = &[
    // "If a DNS error occurs while doing the PTR RR lookup, then this mechanism fails to match. If a DNS error occurs while
    // doing an A RR lookup, then that domain name is skipped and the search continues."
    ("RFC 7208 §5.5: DNS errors of PTR and of its names", |verdict, theirs| {
        theirs == "temperror" && asks_ptr(verdict)
    }),
    // "When evaluating the "ptr" mechanism or the %{p} macro, the number of "PTR" resource records queried is included in the
    // overall limit of 10"; pyspf counts terms only.
    ("RFC 7208 §4.6.4: the PTR lookup of %{p} counts", |verdict, _| {
        matches!(verdict.cause(), Some(Cause::TooManyTerms(_)))
            && any_record(verdict, |_, text| text.contains("%{p"))
    }),
    // Names in PTR answers are the client's, not the publisher's: see Limits::with_max_void_lookups.
    ("RFC 7208 §4.6.4: addresses of PTR names are not void lookups of a term", |verdict, theirs| {
        theirs == "permerror" && asks_ptr(verdict)
    }),
    // "Unrecognized modifiers MUST be ignored no matter where, or how often, they appear in a record."
    ("RFC 7208 §6: repeated unknown modifiers", |verdict, theirs| {
        theirs == "permerror" && any_record(verdict, |_, text| text.matches(" x-note=").count() > 1)
    }),
    // A record that includes itself is no syntax error; only following it is one too many.
    ("RFC 7208 §5.2: an include of the domain itself that is not reached", |verdict, theirs| {
        theirs == "permerror" && any_record(verdict, |name, text| includes(text, name))
    }),
    // "If any address matches, the mechanism matches": hosts behind the one that matched are not looked at.
    ("RFC 7208 §5.4: addresses behind the one that matches", |verdict, theirs| {
        theirs.ends_with("error")
            && any_term(verdict, |text, outcome| {
                text.trim_start_matches(['+', '-', '~', '?']).starts_with("mx") && outcome == "match"
            })
    }),
    // exists = "exists" ":" domain-spec; pyspf takes the current domain when there is a qualifier.
    (
        "RFC 7208 §5.7: exists without a domain",
        |verdict, _| matches!(verdict.cause(), Some(Cause::Syntax(_, source)) if source.term().ends_with(b"exists")),
    ),
    // "DNS queries return ... an answer count of 0": one query, though an alias was followed; pyspf counts it twice.
    ("RFC 7208 §4.6.4: a void lookup through an alias is one", |verdict, theirs| {
        theirs == "permerror"
            && visited(verdict).iter().any(|record| {
                let mut lookups = terms(record).flat_map(|term| term["lookups"].as_array().unwrap());
                lookups.any(|lookup| lookup["void"] == true && lookup["name"] == ALIAS)
            })
    }),
];

struct Case {
    zone: BTreeMap<String, Map<String, Value>>,
    ip: IpAddr,
    sender: String,
    helo: String,
}

impl Case {
    fn dns(&self) -> Zone {
        let mut dns = Zone::new();
        for (name, types) in &self.zone {
            let name = DomainName::lenient(name.as_bytes()).unwrap();
            for (kind, values) in types {
                let Value::Array(values) = values else {
                    dns.set_error_for(
                        Question::new(name.clone(), kind.parse().unwrap()),
                        LookupError::Timeout,
                    );
                    continue;
                };
                for value in values {
                    let text = value.as_str().unwrap_or_default();
                    let target = || DomainName::lenient(text.as_bytes()).unwrap();
                    let record = match kind.as_str() {
                        "TXT" => Record::Txt(text.chars().map(|c| c as u8).collect()),
                        "A" => Record::A(text.parse().unwrap()),
                        "AAAA" => Record::Aaaa(text.parse().unwrap()),
                        "PTR" => Record::Ptr(target()),
                        "MX" => {
                            let host = value[1].as_str().unwrap();
                            Record::Mx(
                                value[0].as_u64().unwrap() as u16,
                                DomainName::lenient(host.as_bytes()).ok(),
                            )
                        }
                        "CNAME" => {
                            dns.insert_cname(name.clone(), target());
                            continue;
                        }
                        other => panic!("{other}"),
                    };
                    dns.insert(name.clone(), record);
                }
            }
        }
        dns
    }

    fn json(&self) -> Value {
        json!({ "zone": self.zone, "ip": self.ip.to_string(), "sender": self.sender, "helo": self.helo })
    }
}

fn any_term(verdict: &Verdict, test: impl Fn(&str, &str) -> bool) -> bool {
    let text = |term: &Value, key: &str| term[key].as_str().unwrap().to_owned();
    visited(verdict)
        .iter()
        .any(|record| terms(record).any(|term| test(&text(term, "term"), &text(term, "outcome"))))
}

/// Whether any record that was evaluated, with its domain, is such.
fn any_record(verdict: &Verdict, test: impl Fn(&str, &str) -> bool) -> bool {
    visited(verdict).iter().any(|record| {
        record["record"].as_str().is_some_and(|text| test(record["domain"].as_str().unwrap(), text))
    })
}

/// The records that were evaluated, as the trace has them in JSON.
fn visited(verdict: &Verdict) -> Vec<Value> {
    let trace = verdict.trace().map(|trace| serde_json::from_str::<Value>(&trace.to_json()).unwrap());
    let mut records: Vec<_> = trace.into_iter().collect();
    let mut next = 0;
    while let Some(record) = records.get(next) {
        let inside: Vec<_> = terms(record).filter_map(|term| term.get("record").cloned()).collect();
        records.extend(inside);
        next += 1;
    }
    records
}

fn terms(record: &Value) -> impl Iterator<Item = &Value> {
    record["terms"].as_array().into_iter().flatten()
}

fn asks_ptr(verdict: &Verdict) -> bool {
    any_record(verdict, |_, text| text.contains("ptr") || text.contains("%{p"))
}

/// Whether the record includes its own domain, perhaps by a macro.
fn includes(text: &str, name: &str) -> bool {
    text.contains(&format!("include:{name}"))
        || text.contains("include:%{d}")
        || text.contains("include:%{h}")
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn domain(&mut self) -> String {
        let kind = self.pick(&["d", "d", "d", "d", "d", "h", "h", "n"]);
        format!("{kind}{}.example.com", self.below(5))
    }

    fn spec(&mut self) -> String {
        match self.below(12) {
            0 => format!("%{{d}}.x{}.example.com", self.below(3)),
            1 => "%{ir}.%{v}._x.example.com".to_owned(),
            2 => "%{l}.%{o2}".to_owned(),
            3 => "%{h}".to_owned(),
            4 => "%{l1r+-}.d0.example.com".to_owned(),
            5 => "%{d2}".to_owned(),
            6 if self.one_in(4) => "%{p}".to_owned(),
            7 if self.one_in(3) => "%{L}%%.x.example.com".to_owned(),
            _ => self.domain(),
        }
    }

    fn ip4(&mut self) -> String {
        format!("192.0.{}.{}", self.below(3), self.below(4))
    }

    fn ip6(&mut self) -> String {
        format!("2001:db8:{}::{}", self.below(2), self.below(3))
    }

    fn cidr(&mut self) -> String {
        let four = self.pick(&["", "", "", "/32", "/31", "/24", "/0", "/20"]);
        let six = self.pick(&["", "", "", "//128", "//64", "//32", "//0"]);
        format!("{four}{six}")
    }

    fn broken(&mut self) -> String {
        self.pick(&[
            "moo",
            "ip4:1.2.3",
            "ip4:1.2.3.4/33",
            "ip4:01.2.3.4",
            "ip6:2001::db8::1",
            "a:example",
            "a:%{x}.example.com",
            "all:x",
            "include",
            "include:",
            "-exp=x.example.com",
            "exists",
            "mx/33",
            "a//129",
            "ptr/24",
            "a:%d.example.com",
            "=x",
            "a:.",
            "redirect=",
            "exp=",
            "%{d}=x",
            "ip4:1.2.3.4/032",
            "a:x.example.c-",
            "a:1.2.3.4",
            "\u{80}",
            "a:%{c}.example.com",
        ])
        .to_owned()
    }

    fn record(&mut self) -> String {
        let mut text = "v=spf1".to_owned();
        for _ in 0..self.below(7) {
            text += self.pick(&[" ", " ", " ", "  "]);
            text += self.pick(&["", "", "", "", "+", "-", "~", "?"]);
            text += &match self.below(24) {
                0..5 => format!("ip4:{}{}", self.ip4(), self.pick(&["", "", "/32", "/30", "/24"])),
                5..7 => format!("ip6:{}{}", self.ip6(), self.pick(&["", "", "/128", "/64", "/32"])),
                7..11 => format!("include:{}", self.spec()),
                11 => format!("a{}", self.cidr()),
                12..15 => format!("a:{}{}", self.spec(), self.cidr()),
                15 => format!("mx{}", self.cidr()),
                16..18 => format!("mx:{}{}", self.spec(), self.cidr()),
                18..20 => format!("exists:{}", self.spec()),
                20 => self.pick(&["ptr", "ptr:example.com", "ptr:d1.example.com"]).to_owned(),
                21 => "all".to_owned(),
                _ if self.one_in(6) => self.broken(),
                _ => format!("ip4:{}", self.ip4()),
            };
        }
        for _ in 0..self.below(5) {
            match self.below(5) {
                0 => text += &format!(" redirect={}", self.spec()),
                1 => {
                    text += &format!(
                        " exp={}",
                        self.pick(&["exp0.example.com", "exp1.example.com", "exp2.example.com"])
                    )
                }
                2 => text += &format!(" x-note={}", self.pick(&["a", "%{i}", ""])),
                3 => text += &format!(" {}all", self.pick(&["-", "~", "?"])),
                _ => text += self.pick(&["", " "]),
            }
        }
        text
    }

    fn addresses(&mut self) -> Map<String, Value> {
        let mut types = Map::new();
        let four: Vec<_> = (0..self.below(3)).map(|_| self.ip4()).collect();
        let six: Vec<_> = (0..self.below(2)).map(|_| self.ip6()).collect();
        types.insert("A".to_owned(), if self.one_in(25) { Value::Null } else { json!(four) });
        types.insert("AAAA".to_owned(), if self.one_in(25) { Value::Null } else { json!(six) });
        types
    }

    fn case(&mut self) -> Case {
        let ip: IpAddr = if self.one_in(3) { self.ip6() } else { self.ip4() }.parse().unwrap();
        let mut zone = BTreeMap::new();
        for n in 0..5 {
            let mut types = self.addresses();
            let mut texts = vec![self.record()];
            match self.below(30) {
                0 => texts.push(self.record()),
                1 => texts.clear(),
                2..6 => texts.insert(0, "v=spf10 -all".to_owned()),
                _ => {}
            }
            types.insert("TXT".to_owned(), if self.one_in(40) { Value::Null } else { json!(texts) });
            let hosts: Vec<_> = (0..self.below(4)).map(|_| json!([self.below(3), self.domain()])).collect();
            types.insert("MX".to_owned(), if self.one_in(25) { Value::Null } else { json!(hosts) });
            zone.insert(format!("d{n}.example.com"), types);
            zone.insert(format!("h{n}.example.com"), self.addresses());
        }
        if self.one_in(4) {
            zone.insert(
                "h4.example.com".to_owned(),
                Map::from_iter([("CNAME".to_owned(), json!(["h3.example.com"]))]),
            );
        }
        if self.one_in(2) {
            let name = self.domain();
            zone.insert(format!("user.{name}"), self.addresses());
        }
        for (n, text) in ["%{i} is bad, says %{d}", "no %{s}", "no %{x}"].iter().enumerate() {
            zone.insert(format!("exp{n}.example.com"), Map::from_iter([("TXT".to_owned(), json!([text]))]));
        }
        let reverse = DomainName::reverse(ip).as_str().to_owned();
        let names: Vec<_> = (0..self.below(3)).map(|_| self.domain()).collect();
        let names = if self.one_in(10) { Value::Null } else { json!(names) };
        zone.insert(reverse, Map::from_iter([("PTR".to_owned(), names)]));
        let domain = if self.one_in(12) { self.domain() } else { format!("d{}.example.com", self.below(5)) };
        let sender = match self.below(6) {
            0 => String::new(),
            1 => format!("strong-bad+x@{domain}"),
            _ => format!("user@{domain}"),
        };
        let helo = if sender.is_empty() { domain } else { self.domain() };
        Case { zone, ip, sender, helo }
    }
}

/// Nine terms, and a tenth that needs the client's name: rare in what is random.
fn ten_terms_and_the_macro_p() -> Case {
    let a = |address: &str| Map::from_iter([("A".to_owned(), json!([address]))]);
    let record = format!("v=spf1 {}exists:%{{p}} -all", "a:h0.example.com ".repeat(9));
    let ip = "192.0.2.1".parse().unwrap();
    let zone = [
        ("d0.example.com".to_owned(), Map::from_iter([("TXT".to_owned(), json!([record]))])),
        ("h0.example.com".to_owned(), a("203.0.113.1")),
        ("h1.example.com".to_owned(), a("192.0.2.1")),
        (
            DomainName::reverse(ip).as_str().to_owned(),
            Map::from_iter([("PTR".to_owned(), json!(["h1.example.com"]))]),
        ),
    ];
    Case {
        zone: zone.into(),
        ip,
        sender: "user@d0.example.com".to_owned(),
        helo: "h1.example.com".to_owned(),
    }
}

/// One line of `[result, explanation]` for each case; `None` without pyspf.
fn pyspf(cases: &[Case]) -> Option<Vec<(String, Option<String>)>> {
    // The Debian package is installed for the system's interpreter only.
    let python = "/usr/bin/python3";
    let probe = Command::new(python).args(["-c", "import spf"]).stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        tool_is_missing("python3-spf");
        return None;
    }
    let mut child = Command::new(python)
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{}\n", case.json())).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    Some(lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

#[test]
fn verdicts_are_those_of_pyspf_or_there_is_a_reason() {
    let mut random = Random(0x5eed_5eed_5eed_5eed);
    let random = (1..CASES).map(|_| random.case());
    let cases: Vec<Case> = random.chain([ten_terms_and_the_macro_p()]).collect();
    let Some(theirs) = pyspf(&cases) else { return };
    assert_eq!(theirs.len(), CASES);
    let mut words: BTreeMap<String, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unexplained = Vec::new();
    for (case, (word, text)) in cases.iter().zip(&theirs) {
        let check =
            SpfCheck::mail_from(case.ip, &case.sender, &case.helo, SystemTime::UNIX_EPOCH).with_trace(true);
        let verdict = drive_blocking(check, &case.dns());
        let ours = verdict.result().as_str();
        *words.entry(ours.to_owned()).or_default() += 1;
        let default = Some("SPF fail - not authorized");
        if ours == word && (ours != "fail" || verdict.explanation().or(default) == text.as_deref()) {
            continue;
        }
        match REASONS.iter().find(|(_, fits)| fits(&verdict, word)) {
            Some((reason, _)) => *reasons.entry(reason).or_default() += 1,
            None => unexplained.push(format!(
                "{ours} ({}, {:?}) instead of {word} {text:?}\n{}\n{}",
                verdict.reason(),
                verdict.explanation(),
                case.json(),
                verdict.trace().map(ToString::to_string).unwrap_or_default()
            )),
        }
    }
    println!("{words:?}, {} of {CASES} equal", CASES - reasons.values().sum::<usize>() - unexplained.len());
    reasons.iter().for_each(|(reason, count)| println!("{count:5} {reason}"));
    assert!(words.len() == 7 && words.values().all(|count| *count > 20), "a poor mix of verdicts: {words:?}");
    assert_eq!(reasons.len(), REASONS.len(), "a reason without a case");
    assert!(
        unexplained.is_empty(),
        "{} differences:\n{}",
        unexplained.len(),
        unexplained[..unexplained.len().min(5)].join("\n")
    );
}
