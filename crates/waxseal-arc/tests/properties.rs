//! What holds for every message.

mod common;

use common::{now, passed_on, resolver, results, sealer};
use proptest::{collection::vec, prelude::*, sample::Index};
use std::sync::LazyLock;
use waxseal_arc::{ArcResult, ChainVerifier};
use waxseal_dns::{Answers, Check, Question};
use waxseal_header::{HeaderLimits, Split, Splitter};

static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| passed_on(3));

/// What a chain says, in words.
fn said(chain: &waxseal_arc::Chain) -> String {
    format!("{chain} {:?} {}", chain.oldest_pass(), chain.entry())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_cut_does_not_matter(cuts in vec(any::<Index>(), 0..8), change: bool) {
        let message = if change { common::replaced(&SEALED, "Hi.", "Bye.") } else { SEALED.clone() };
        let verifier = ChainVerifier::new(Default::default()).unwrap();
        let whole = verifier.verify_blocking(&message, now(), &resolver);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(message.len())).collect();
        cuts.extend([0, message.len()]);
        cuts.sort_unstable();
        let mut splitter = Splitter::new(HeaderLimits::default());
        let mut verification = None;
        for cut in cuts.windows(2) {
            let chunk = message.get(cut[0]..cut[1]).unwrap();
            match &mut verification {
                None => if let Split::Body(header, body) = splitter.push(chunk).unwrap() {
                    verification.insert(verifier.begin(header, now())).body(body);
                },
                Some(verification) => verification.body(chunk),
            }
        }
        let chain = waxseal_dns::drive_blocking(verification.unwrap().finish(), &resolver);
        prop_assert_eq!(said(&chain), said(&whole));
    }

    #[test]
    fn the_order_of_answers_does_not_matter(order in Just((0..3usize).collect::<Vec<_>>()).prop_shuffle(), lost in vec(any::<bool>(), 3)) {
        let reply = |q: &Question| {
            let number = q.name.as_str().split('.').nth(2).and_then(|label| label.strip_prefix('a')?.parse::<usize>().ok());
            match number.and_then(|number| lost.get(number - 1)) {
                Some(true) => Err(waxseal_dns::LookupError::Timeout),
                _ => resolver(q),
            }
        };
        let verifier = ChainVerifier::new(Default::default()).unwrap();
        let expected = verifier.verify_blocking(&SEALED, now(), &reply);
        let mut check = verifier.check(&SEALED, now());
        let mut dns = Answers::new();
        prop_assert!(check.run(&mut dns).is_err());
        let questions = dns.take_wanted();
        prop_assert_eq!(questions.len(), 3);
        for at in order {
            let question = questions.get(at).unwrap();
            prop_assert!(check.run(&mut dns).is_err(), "all keys are asked for before anything is said");
            dns.answer(question.clone(), reply(question));
        }
        let chain = check.run(&mut dns).unwrap();
        prop_assert_eq!(said(&chain), said(&expected));
        prop_assert_eq!(said(&check.run(&mut dns).unwrap()), said(&expected));
    }

    #[test]
    fn a_change_never_makes_a_chain_longer_or_better(at in any::<Index>(), octet: u8) {
        let mut message = SEALED.clone();
        let at = at.index(message.len());
        let before = std::mem::replace(message.get_mut(at).unwrap(), octet);
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &resolver);
        // A line end in front of a line makes the rest of the header part of the body.
        prop_assert!(chain.result() != ArcResult::None || before == octet || octet == b'\n');
        prop_assert!(chain.sets().len() <= 3);
        let reason = chain.cause().map(ToString::to_string).unwrap_or_default();
        prop_assert!(reason.is_ascii() && !reason.contains(['"', '\r', '\n']), "{}", reason);
    }

    #[test]
    fn any_arc_fields_are_judged(
        fields in vec(("(ARC-Seal|ARC-Message-Signature|ARC-Authentication-Results)", "( ?(i|a|cv|d|s|b|h|bh|c|x) ?= ?(1|2|pass|none|fail|rsa-sha256|a\\.b|YQ==|from)?;?){0,8}"), 0..9),
    ) {
        let header: String = fields.iter().map(|(name, value)| format!("{name}:{value}\r\n")).collect();
        let message = format!("{header}From: a@b.example\r\n\r\nHi.\r\n");
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(message.as_bytes(), now(), &resolver);
        prop_assert_eq!(chain.result() == ArcResult::None, fields.is_empty());
        prop_assert!(!chain.is_pass());
        // Whatever came can be sealed as a failure, or has ended.
        let sealed = sealer("z.example").seal(message.as_bytes(), &chain, &results("z.example", &chain), now());
        match sealed {
            Ok(set) => {
                let message = [set.fields().as_bytes(), message.as_bytes()].concat();
                let after = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &resolver);
                prop_assert!(after.has_ended() || fields.is_empty(), "{after}");
            }
            Err(error) => prop_assert!(chain.has_ended(), "{error}"),
        }
    }

    #[test]
    fn any_octets_are_judged(text in vec(any::<u8>(), 0..200)) {
        let message = [b"ARC-Seal: ", &text[..]].concat();
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &resolver);
        prop_assert!(!chain.is_pass());
    }
}
