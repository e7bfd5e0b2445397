//! What holds for every input.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use proptest::prelude::*;
use waxseal_authres::{DkimResult, DmarcResult, SpfResult};
use waxseal_dmarc::{
    Alignment, Disposition, DmarcCheck, DomainPolicy, FailureOptions, Identifiers, Psd, Record, ReportUri,
    Verdict, publish::lint,
};
use waxseal_dns::{Answers, Check, LookupError, Pending, Zone};

fn policy() -> impl Strategy<Value = DomainPolicy> {
    prop::sample::select(vec![DomainPolicy::None, DomainPolicy::Quarantine, DomainPolicy::Reject])
}

prop_compose! {
    fn uris()(parts in prop::collection::vec(("mailto:[a-z]{1,5}(%2B)?@[a-z]{1,5}\\.example|https://[a-z]{1,5}\\.example/x", prop::option::of((any::<u64>(), "[kmgt]?"))), 0..3)) -> Vec<ReportUri> {
        let text = |(uri, size): (String, Option<(u64, String)>)| match size {
            Some((number, unit)) => format!("{uri}!{number}{unit}"),
            None => uri,
        };
        parts.into_iter().map(|part| text(part).parse().unwrap()).collect()
    }
}

prop_compose! {
    fn record()(
        p in policy(), sp in prop::option::of(policy()), np in prop::option::of(policy()),
        psd in prop::sample::select(vec![Psd::Yes, Psd::No, Psd::Unknown]),
        t: bool, strict: (bool, bool), rua in uris(), ruf in uris(), fo: (bool, bool, bool),
    ) -> Record {
        let fo = FailureOptions { any: fo.0, dkim: fo.1, spf: fo.2, only: !fo.0 && (fo.1 || fo.2) };
        let mut text = format!("v=DMARC1; p={p}; psd={psd}; fo={fo}");
        let mut add = |tag: &str, value: Option<String>| {
            text.extend(value.map(|value| format!("; {tag}={value}")));
        };
        add("sp", sp.map(|sp| sp.to_string()));
        add("np", np.map(|np| np.to_string()));
        add("t", t.then(|| "y".to_owned()));
        add("adkim", strict.0.then(|| Alignment::Strict.to_string()));
        add("aspf", strict.1.then(|| Alignment::Strict.to_string()));
        let list = |uris: Vec<ReportUri>| {
            let uris: Vec<_> = uris.iter().map(ToString::to_string).collect();
            (!uris.is_empty()).then(|| uris.join(","))
        };
        add("rua", list(rua));
        add("ruf", list(ruf));
        let record = Record::parse(text.as_bytes()).unwrap();
        assert_eq!((record.policy(), record.subdomain_policy(), record.nonexistent_policy()), (Some(p), sp, np));
        assert_eq!((record.psd(), record.is_testing(), record.failure_options()), (psd, t, fo));
        record
    }
}

/// Looks up a few at a time, in the order of `seed`.
fn drive_shuffled<C: Check>(mut check: C, dns: &Zone, mut seed: u64) -> C::Output {
    let mut below = |n: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % n
    };
    let mut answers = Answers::new();
    let mut open = Vec::new();
    loop {
        match check.run(&mut answers) {
            Ok(output) => return output,
            Err(Pending) => {
                open.extend(answers.take_wanted());
                assert!(!open.is_empty(), "pending without a question");
                for _ in 0..=below(open.len()) {
                    if !open.is_empty() {
                        let question = open.swap_remove(below(open.len()));
                        let reply = dns.lookup(&question);
                        answers.answer(question, reply);
                    }
                }
            }
        }
    }
}

/// Names of one small tree, so that records and identifiers meet.
fn tree() -> impl Strategy<Value = String> {
    "([ab]\\.){0,9}(x|y)\\.(org|net)|org|net"
}

prop_compose! {
    fn small_zone()(records in prop::collection::vec((tree(), 0..9_u8), 0..8)) -> Zone {
        records.into_iter().fold(Zone::new(), |dns, (at, what)| {
            let at = format!("_dmarc.{at}");
            match what {
                0 => dns.with_txt(&at, "v=DMARC1; p=reject; psd=y"),
                1 => dns.with_txt(&at, "v=DMARC1; p=quarantine; psd=n"),
                2 => dns.with_txt(&at, "v=DMARC1; p=none; np=reject; sp=quarantine"),
                3 => dns.with_txt(&at, "v=DMARC1; p=reject; adkim=s"),
                4 => dns.with_txt(&at, "v=DMARC1"),
                5 => dns.with_txt(&at, "text"),
                6 => dns.with_error(&at, LookupError::ServerFailure),
                _ => dns.with_txt(&at, "v=DMARC1; p=reject"),
            }
            .unwrap()
        })
    }
}

fn dkim_result() -> impl Strategy<Value = DkimResult> {
    use DkimResult::{Fail, Neutral, None, Pass, PermError, Policy, TempError};
    prop::sample::select(vec![None, Pass, Fail, Policy, Neutral, TempError, PermError])
}

fn spf_result() -> impl Strategy<Value = SpfResult> {
    use SpfResult::{Fail, Neutral, None, Pass, PermError, Policy, SoftFail, TempError};
    prop::sample::select(vec![None, Neutral, Pass, Fail, SoftFail, Policy, TempError, PermError])
}

prop_compose! {
    fn input()(
        authors in prop::collection::vec(tree(), 1..5),
        dkim in prop::collection::vec((tree(), dkim_result()), 0..4),
        spf in prop::option::of((tree(), spf_result())),
    ) -> Identifiers {
        let input = Identifiers::with_authors(authors.iter().map(|author| name(author)));
        let input = dkim.into_iter().fold(input, |input, (domain, result)| input.with_dkim(name(&domain), result));
        spf.into_iter().fold(input, |input, (domain, result)| input.with_spf(name(&domain), result))
    }
}

fn shown(verdict: &Verdict) -> String {
    format!("{}{}", verdict.explain(), verdict.entry())
}

proptest! {
    #[test]
    fn what_is_written_is_read(record in record()) {
        let text = record.to_string();
        let read = Record::parse(text.as_bytes()).unwrap();
        prop_assert_eq!(&read, &record, "{}", text);
        prop_assert_eq!(read.to_string(), text);
    }

    #[test]
    fn the_normal_form_asks_for_the_same(text in "v=DMARC1;( ?(p|sp|np|t|psd|fo|rua|adkim|pct|x)=(none|reject|y|n|0|1:d|mailto:a@b\\.example|s| )?;?){0,8}") {
        let record = Record::parse(text.as_bytes()).unwrap();
        let again = Record::parse(record.to_string().as_bytes()).unwrap();
        for scope in [waxseal_dmarc::Scope::Domain, waxseal_dmarc::Scope::Subdomain, waxseal_dmarc::Scope::NonExistent] {
            prop_assert_eq!(record.requested(scope), again.requested(scope));
        }
        prop_assert_eq!(again.to_string(), record.to_string());
    }

    #[test]
    fn any_octets_are_a_record_or_not(text in prop::collection::vec(any::<u8>(), 0..80), marked: bool) {
        let text = if marked { [&b"v=DMARC1;"[..], &text].concat() } else { text };
        let record = Record::parse(&text);
        prop_assert!(!marked || record.is_ok());
        if let Ok(record) = record {
            prop_assert!(record.to_string().is_ascii());
        }
        for finding in lint(&text) {
            prop_assert!(finding.to_string().is_ascii());
            prop_assert!(finding.span().is_none_or(|span| span.start <= span.end && span.end <= text.len()));
        }
        let _ = ReportUri::parse(&text);
    }

    #[test]
    fn the_order_of_answers_does_not_matter(input in input(), dns in small_zone(), seed: u64) {
        let straight = drive(DmarcCheck::new(input.clone()), &dns).0;
        let shuffled = drive_shuffled(DmarcCheck::new(input), &dns, seed);
        prop_assert_eq!(shown(&shuffled), shown(&straight));
    }

    #[test]
    fn verdicts_are_consistent(input in input(), dns in small_zone()) {
        let (verdict, asked) = drive(DmarcCheck::new(input), &dns);
        let fails = verdict.result() == DmarcResult::Fail;
        let deferred = verdict.disposition() == Disposition::Defer;
        prop_assert!(fails || deferred || verdict.disposition() == Disposition::None);
        let passed_for_itself = verdict.dkim_aligned() || verdict.spf_aligned();
        prop_assert_eq!(deferred, verdict.result() == DmarcResult::TempError && !passed_for_itself);
        prop_assert!(verdict.disposition() < Disposition::Reject);
        for author in verdict.authors() {
            let aligned = author.dkim_aligned() || author.spf_aligned();
            prop_assert_eq!(author.result() == DmarcResult::Pass, aligned && author.policy().is_some());
            prop_assert_eq!(author.result() == DmarcResult::None, author.policy().is_none() && author.path().iter().all(|s| !matches!(s.found(), waxseal_dmarc::Found::Failed(_))));
            prop_assert!(author.path().len() <= 8);
            for identifier in author.identifiers() {
                // Aligned is what has the same Organizational Domain, found the long way.
                if identifier.is_aligned() && identifier.domain() != author.domain() {
                    prop_assert_eq!(organization(identifier.domain().as_str(), &dns), organization(author.domain().as_str(), &dns));
                }
                if identifier.reason().starts_with("not aligned, not ") {
                    let of = |start: &str| walk(start, &dns).0.organizational_domain().map(|found| found.domain);
                    let (own, other) = (of(author.domain().as_str()), of(identifier.domain().as_str()));
                    prop_assert!(own.is_none() || own != other);
                }
            }
        }
        prop_assert!(asked.len() <= 4 * (8 + 1) + 4 * 8);
    }

    #[test]
    fn an_organization_is_the_domain_or_above(start in tree(), dns in small_zone()) {
        let (walk, asked) = walk(&start, &dns);
        prop_assert!(asked.len() <= 8);
        let failed = |step: &waxseal_dmarc::Step| matches!(step.found(), waxseal_dmarc::Found::Failed(_));
        match walk.organizational_domain() {
            Some(found) => prop_assert!(name(&start).is_within(&found.domain)),
            None => prop_assert!(walk.steps().last().is_some_and(failed)),
        }
    }

    #[test]
    fn any_from_field_ends_in_a_verdict(value in "([ab.@<>(),:;\"\\\\ ]|\r\n |=\\?|\u{3002}){0,30}") {
        let input = Identifiers::from_header(&header(format!("From: {value}"))).dkim("b");
        let verdict = judge(input, &Zone::new());
        prop_assert!(verdict.result() == DmarcResult::None || verdict.cause().is_some_and(waxseal_dmarc::Cause::is_invalid_author));
    }
}
