//! Damage done on purpose is named, and nothing else is.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod cost;
mod damages;
mod lists;
mod messages;

use damages::{DAMAGES, Damage};
use messages::{SHAPES, Shape, Trick, Wish, now, signed};
use waxseal_explain::{
    Explainer, Explanation, Kind,
    waxseal::{Envelope, Zone},
};

fn explain(message: &[u8], zone: &Zone) -> Explanation {
    Explainer::new().unwrap().explain_blocking(&Envelope::unknown(), message, now(), zone)
}

fn kinds(explanation: &Explanation) -> Vec<Kind> {
    explanation.diagnoses().map(|diagnosis| diagnosis.kind()).collect()
}

fn damaged(shape: Shape, damage: &Damage, wish: &Wish) -> Explanation {
    let (message, zone) = signed(shape, wish);
    let message = (damage.apply)(shape, std::str::from_utf8(&message).unwrap());
    explain(message.as_bytes(), &zone)
}

/// Kinds that are told beside another one.
fn is_beside(kind: Kind) -> bool {
    matches!(kind, Kind::RelaxedWouldPass | Kind::Refolded)
}

fn each_is_named(ed25519: bool) {
    let (mut wrong, mut proved) = (Vec::new(), Vec::new());
    for damage in DAMAGES {
        for shape in SHAPES {
            let wish = Wish { ed25519, ..(damage.wish)() };
            let explanation = damaged(shape, damage, &wish);
            let found = kinds(&explanation);
            assert!(!explanation.report().dkim().is_pass(), "{} {shape:?} does no damage", damage.name);
            let only = found.iter().all(|kind| *kind == damage.kind || is_beside(*kind));
            if !found.contains(&damage.kind) || !only {
                wrong.push(format!("{} {shape:?}: {found:?}", damage.name));
            }
            if explanation
                .diagnoses()
                .any(|diagnosis| diagnosis.kind() == damage.kind && diagnosis.is_proved())
            {
                proved.push(damage.name);
            }
        }
    }
    proved.dedup();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(proved.len(), DAMAGES.len(), "{proved:?}");
}

#[test]
fn each_kind_is_named_with_rsa() {
    each_is_named(false);
}

#[test]
fn each_kind_is_named_with_ed25519() {
    each_is_named(true);
}

#[test]
fn two_kinds_at_once_are_named_as_such() {
    let (mut named, mut all, mut missed) = (0, 0, Vec::new());
    for (number, first) in DAMAGES.iter().enumerate() {
        for second in &DAMAGES[number + 1..] {
            let shape = SHAPES[(number + all) % 3];
            let (a, b) = ((first.wish)(), (second.wish)());
            let wish = Wish {
                extra: format!("{}{}", a.extra, b.extra),
                simple: a.simple || b.simple,
                copies: a.copies || b.copies,
                without_message_id: a.without_message_id || b.without_message_id,
                trick: if a.trick == Trick::None { b.trick } else { a.trick },
                ..Wish::default()
            };
            if first.kind == second.kind || first.name == "line ends" || second.name == "line ends" {
                continue;
            }
            let (message, zone) = signed(shape, &wish);
            let once = (first.apply)(shape, std::str::from_utf8(&message).unwrap());
            let twice = (second.apply)(shape, &once);
            if twice == once || once.as_bytes() == message && twice.as_bytes() == message {
                continue;
            }
            all += 1;
            let found = kinds(&explain(twice.as_bytes(), &zone));
            if found.contains(&first.kind) && found.contains(&second.kind) {
                named += 1;
            } else {
                missed.push(format!("{} + {} {shape:?}: {found:?}", first.name, second.name));
            }
        }
    }
    eprintln!("{named} of {all}; missed: {missed:#?}");
    assert!(all > 200 && named * 2 >= all, "{named} of {all}");
}

#[test]
fn nothing_is_named_on_undamaged_mail() {
    for number in 0..1000 {
        let shape = SHAPES[number % 3];
        let damage = &DAMAGES[number % DAMAGES.len()];
        let wish = Wish { number, ed25519: number % 2 == 0, trick: Trick::None, ..(damage.wish)() };
        let (message, zone) = signed(shape, &wish);
        let explanation = explain(&message, &zone);
        assert!(explanation.report().dkim().is_pass(), "{}", explanation.report());
        assert_eq!(kinds(&explanation), [], "{}", explanation.explain());
    }
}

/// What forgers do: other words, other people, a signature from elsewhere.
const FORGERIES: [fn(&str, usize) -> String; 8] = [
    |message, n| message.replace("Hello", &format!("Dear {n}")).replace("こんにちは", "至急"),
    |message, n| message.replace("Joe Doe <joe@example.org>", &format!("Joe Doe <boss{n}@example.org>")),
    |message, n| message.replacen("\r\nSubject: ", &format!("\r\nSubject: invoice {n} "), 1),
    |message, n| message.replace("Ann <ann@example.com>", &format!("Eve <eve{n}@example.com>")),
    |message, _| message.replacen("\r\nDate: Mon, 1 Jan 2024", "\r\nDate: Tue, 2 Jan 2024", 1),
    |message, n| {
        let at = message.find(" b=").or(message.find("\tb=")).unwrap() + 20 + n % 50;
        let other = if message.as_bytes()[at] == b'A' { 'B' } else { 'A' };
        let mut forged = message.to_owned();
        if message.as_bytes()[at].is_ascii_alphanumeric() {
            forged.replace_range(at..=at, &other.to_string());
        } else {
            forged = forged.replacen("From: ", "From: X ", 1);
        }
        forged
    },
    |message, n| {
        let (head, _) = message.split_once("\r\n\r\n").unwrap();
        format!("{head}\r\n\r\nPay {n} dollars to this account:\r\nDE00 1234\r\n\r\nThank you\r\n")
    },
    |message, n| {
        let (_, body) = message.split_once("\r\n\r\n").unwrap();
        let (signature, _) = message.split_once("\r\nReceived:").unwrap();
        format!(
            "{signature}\r\nFrom: The Boss <boss@example.org>\r\nTo: ann@example.com\r\nSubject: {n}\r\n\r\n{body}"
        )
    },
];

#[test]
fn nothing_is_named_on_forged_mail() {
    let mut named = Vec::new();
    for number in 0..1000 {
        let shape = SHAPES[number % 3];
        let wish = Wish { number, ed25519: number % 2 == 0, simple: number % 5 == 0, ..Wish::default() };
        let (message, zone) = signed(shape, &wish);
        let forged = FORGERIES[number / 3 % 8](std::str::from_utf8(&message).unwrap(), number);
        let explanation = explain(forged.as_bytes(), &zone);
        assert!(!explanation.report().dkim().is_pass(), "{number}");
        if !kinds(&explanation).is_empty() {
            named.push(format!("{number} {shape:?}: {}", explanation.explain()));
        }
    }
    assert!(named.is_empty(), "{}: {}", named.len(), named.join("\n"));
}
