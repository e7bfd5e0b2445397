//! Properties: names read and written, the order of answers, arbitrary input.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use proptest::prelude::*;
use std::net::IpAddr;
use waxseal_dns::{
    Answer, Answers, Check, DomainName, Existence, LookupError, Pending, Question, Record, RecordType, Reply,
    Zone, drive_blocking,
};

fn label() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_-]{1,63}"
}

proptest! {
    #[test]
    fn written_names_read_back(labels in prop::collection::vec(label(), 1..4), dot in prop::bool::ANY) {
        let text = labels.join(".");
        let name = DomainName::new(&format!("{text}{}", if dot { "." } else { "" })).unwrap();
        prop_assert_eq!(name.as_str(), text.to_ascii_lowercase());
        prop_assert_eq!(&DomainName::new(name.as_str()).unwrap(), &name);
        prop_assert_eq!(&DomainName::lenient(name.to_string().as_bytes()).unwrap(), &name);
        prop_assert_eq!(name.label_count(), labels.len());
        prop_assert_eq!(name.labels().collect::<Vec<_>>().join("."), name.as_str());
    }

    #[test]
    fn any_octets_give_a_name_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(name) = DomainName::lenient(&octets) {
            prop_assert!(name.as_str().len() <= 253);
            prop_assert!(name.labels().all(|label| (1..=63).contains(&label.len())));
            prop_assert!(name.as_str().bytes().all(|octet| (b' '..=b'~').contains(&octet) && !octet.is_ascii_uppercase()));
            prop_assert_eq!(DomainName::lenient(name.as_str().as_bytes()), Ok(name));
        }
    }

    #[test]
    fn any_text_gives_a_strict_name_or_an_error(text in "\\PC{0,40}|[a-zäß。.\u{200d}-]{1,20}") {
        if let Ok(name) = DomainName::new(&text) {
            prop_assert!(name.as_str().bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.".contains(&c)));
            prop_assert_eq!(DomainName::new(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn parents_and_children(front in label(), back in prop::collection::vec(label(), 1..3)) {
        let parent = DomainName::new(&back.join(".")).unwrap();
        let child = parent.prepend(&front).unwrap();
        prop_assert!(child.is_within(&parent) && !parent.is_within(&child));
        prop_assert_eq!(child.parent(), Some(parent.clone()));
        // Trap: not a label boundary.
        let glued = DomainName::new(&format!("x{}", parent.as_str()));
        prop_assert!(glued.map_or(true, |glued| !glued.is_within(&parent)));
    }

    #[test]
    fn equality_is_that_of_the_text(a in "[ab.]{1,4}", b in "[AB.]{1,4}") {
        if let (Ok(x), Ok(y)) = (DomainName::new(&a), DomainName::new(&b)) {
            prop_assert_eq!(x == y, a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.')));
        }
    }

    #[test]
    fn reverse_names_are_legal(octets in any::<[u8; 16]>(), v4 in any::<[u8; 4]>()) {
        for name in [DomainName::reverse(IpAddr::from(octets)), DomainName::reverse(IpAddr::from(v4))] {
            prop_assert_eq!(DomainName::new(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn any_octets_give_a_zone_or_an_error(octets in prop::collection::vec(any::<u8>(), 0..200)) {
        let origin = DomainName::new("example.org").unwrap();
        if let Err(error) = Zone::from_zone_file(&octets, Some(&origin)) {
            prop_assert!(error.line() >= 1);
        }
    }

    #[test]
    fn nearly_right_zone_files(text in "((@|a|a\\.b|\\*|\\$ORIGIN|\\$TTL| )( |\t)(IN |60 |)(TXT|A|MX|CNAME|NS) (\"x\"|x;|\\(|\\)|\n|10 a|192\\.0\\.2\\.1|\\\\1){1,3}\n){0,5}") {
        let origin = DomainName::new("example.org").unwrap();
        if let Err(error) = Zone::from_zone_file(&text, Some(&origin)) {
            prop_assert!(error.line() <= 1 + text.lines().count());
        }
    }

    #[test]
    fn text_of_any_octets_survives_a_zone_file(octets in prop::collection::vec(any::<u8>(), 1..255)) {
        let escaped: String = octets.iter().map(|octet| format!("\\{octet:03}")).collect();
        let zone = Zone::from_zone_file(format!("a.example. IN TXT \"{escaped}\"\n"), None).unwrap();
        let answer = zone.lookup(&Question::txt("a.example".parse().unwrap())).unwrap();
        prop_assert_eq!(&*answer.records, &[Record::Txt(octets.into())][..]);
    }
}

/// A check with branches: every reply decides what is asked next, and the verdict mixes all replies.
struct Maze;

impl Check for Maze {
    type Output = Vec<String>;
    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Vec<String>, Pending> {
        let (mut open, mut path) = (vec![0_u8, 1, 2], Vec::new());
        while path.len() < 40 && !open.is_empty() {
            let questions = open.iter().map(|n| Question::txt(format!("n{n}.example").parse().unwrap()));
            let replies = dns.ask_all(questions.collect::<Vec<_>>())?;
            open = Vec::new();
            for reply in replies {
                path.push(match &reply {
                    Ok(answer) => answer.to_string(),
                    Err(error) => error.to_string(),
                });
                let records = reply.map(|answer| answer.records).unwrap_or_default();
                for record in records.iter() {
                    if let Record::Txt(text) = record {
                        open.extend(text.iter().copied());
                    }
                }
            }
            open.truncate(6);
        }
        Ok(path)
    }
}

fn maze() -> impl Strategy<Value = Zone> {
    prop::collection::vec(prop::option::of(prop::collection::vec(0..16_u8, 0..3)), 16).prop_map(|rooms| {
        let mut zone = Zone::new();
        for (n, doors) in rooms.into_iter().enumerate() {
            let name: DomainName = format!("n{n}.example").parse().unwrap();
            match doors {
                Some(doors) if doors.is_empty() => zone.set_error(name, LookupError::ServerFailure),
                Some(doors) => zone.insert(name, Record::Txt(doors.into())),
                None => {}
            }
        }
        zone
    })
}

proptest! {
    /// The questions are answered in any order, several rounds late, twice and with another reply the second time.
    #[test]
    fn the_verdict_does_not_depend_on_the_order_of_answers(
        zone in maze(), picks in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let expected = drive_blocking(Maze, &zone);
        let (mut dns, mut open, mut picks) = (Answers::new(), Vec::new(), picks.into_iter().cycle());
        let verdict = loop {
            if let Ok(verdict) = Maze.run(&mut dns) {
                break verdict;
            }
            open.extend(dns.take_wanted());
            prop_assert!(!open.is_empty());
            let question: Question = open.swap_remove(picks.next().unwrap().index(open.len()));
            dns.answer(question.clone(), zone.lookup(&question));
            dns.answer(question, Err(LookupError::Malformed));
        };
        prop_assert_eq!(&verdict, &expected);
        // What was learnt is enough to come to the same verdict again.
        let mut replay: Answers<'_> = dns.known().map(|(q, reply)| (q.clone(), reply.clone())).collect();
        replay.give_up();
        prop_assert_eq!(Maze.run(&mut replay), Ok(expected));
    }
}

/// An independent model of an answer: a linear search over plain strings.
fn model(texts: &[(String, String)], asked: &str) -> Reply {
    let below = format!(".{asked}");
    let records: Vec<_> = texts.iter().filter(|(name, _)| name == asked).collect();
    let exists = texts.iter().any(|(name, _)| name == asked || name.ends_with(&below));
    Ok(Answer {
        existence: if exists { Existence::Exists } else { Existence::NxDomain },
        ..Answer::new(records.iter().map(|(_, text)| Record::Txt(text.clone().into())).collect::<Vec<_>>())
    })
}

proptest! {
    #[test]
    fn zones_answer_like_their_list_of_records(
        texts in prop::collection::vec(("[ab](\\.[ab]){0,3}", "[xyz]"), 0..8), asked in "[ab](\\.[ab]){0,3}",
    ) {
        let zone = texts.iter().try_fold(Zone::new(), |zone, (name, text)| zone.with_txt(name, text)).unwrap();
        prop_assert_eq!(zone.lookup(&Question::new(asked.parse().unwrap(), RecordType::Txt)), model(&texts, &asked));
    }
}
