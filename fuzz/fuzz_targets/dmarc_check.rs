//! DMARC with whatever the DNS may say: bounded work, and a verdict that depends neither on the order of the answers nor on
//! what is asked for information alone.
#![no_main]

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use waxseal_authres::{AuthenticationResults, DkimResult, DmarcResult, SpfResult};
use waxseal_dmarc::{BuiltInSuffixes, Disposition, DmarcCheck, DomainPolicy, LocalPolicy, Verdict};
use waxseal_dns::{
    Answer, Answers, Check, DomainName, LookupError, Question, Record, RecordType, Reply, drive_with_blocking,
};
use waxseal_fuzz::{Replies, assert_is_one_field, drive_shuffled};

#[derive(Debug, Arbitrary)]
struct Identifiers<'a> {
    /// How many of the lists below count.
    authors: u8,
    dkim: u8,
    spf: u8,
    author: [Name; 4],
    signature: [(Name, u8); 4],
    sender: [(Name, u8); 2],
    /// What stands at the names of the tree.
    kinds: [u8; 16],
    by_list: bool,
    reject_on_reject: bool,
    /// For names and records that are not ours.
    own: &'a str,
    /// The value of From, when there are no authors.
    from: &'a [u8],
    order: &'a [u8],
    replies: Option<Replies<'a>>,
}

/// A name of one small tree, so that records and identifiers meet, or any name.
#[derive(Debug, Clone, Copy, Arbitrary)]
struct Name(u16);

impl Name {
    fn read(self, own: &str) -> Option<DomainName> {
        let Self(bits) = self;
        if bits >> 12 == 0xf {
            return DomainName::new(own).ok();
        }
        let label = |n: u8| if bits >> n & 1 == 0 { "a." } else { "b." };
        let depth = [0, 1, 1, 2, 2, 3, 4, 9][usize::from(bits >> 9 & 7)];
        let top = ["x.org", "x.org", "x.org", "y.x.org", "y.org", "org", "x.co.uk", "co.uk"];
        let top = top[usize::from(bits >> 12 & 7)];
        DomainName::new(&((0..depth).map(label).collect::<String>() + top)).ok()
    }
}

const RECORDS: [&str; 13] = [
    "",
    "v=DMARC1; p=reject",
    "v=DMARC1; p=reject; psd=y",
    "v=DMARC1; p=quarantine; psd=n",
    "v=DMARC1; p=none; np=reject; sp=quarantine",
    "v=DMARC1; p=reject; adkim=s; t=y; pct=0",
    "v=DMARC1",
    "text",
    "v=DMARC1; rua=mailto:a@x.org; p=",
    "v=DMARC1; p=reject; aspf=s;",
    "v=DMARC1; sp=none; p=reject",
    "v=DMARC1; np=none; p=quarantine",
    "v=DMARC1; p=none",
];

impl Identifiers<'_> {
    /// Nearly every name has something of its own.
    fn reply(&self, q: &Question) -> Reply {
        let name = q.name.as_str();
        let sum = name.bytes().fold(name.len() / 2, |sum, c| sum + usize::from(c == b'b'));
        let text = |text: &str| Record::Txt(text.as_bytes().to_vec().into());
        let records = match (q.kind, self.kinds[sum % self.kinds.len()]) {
            (_, 0) => return Ok(Answer::nxdomain()),
            (_, 1) => return Err(LookupError::ServerFailure),
            (_, 2) => return Err(LookupError::Timeout),
            (RecordType::Txt, 3) => vec![text(RECORDS[1]), text(&format!("v=DMARC1; {}", self.own))],
            (RecordType::Txt, 4) => vec![text(&format!("v=DMARC1; {}", self.own)), text("text")],
            (_, 5) => match &self.replies {
                Some(replies) => return replies.reply(q),
                None => Vec::new(),
            },
            (RecordType::Txt, kind) => vec![text(RECORDS[usize::from(kind) % RECORDS.len()])],
            _ => Vec::new(),
        };
        Ok(Answer::new(records))
    }
}

fuzz_target!(|input: Identifiers<'_>| {
    let dns = |q: &Question| input.reply(q);
    let message = message(&input);
    let mut local = LocalPolicy::default().with_reject_on_reject(input.reject_on_reject);
    if input.by_list {
        local = local.with_public_suffix_list(BuiltInSuffixes);
    }
    let check = DmarcCheck::new(message.clone()).with_local_policy(local.clone());
    let mut answers = Answers::new();
    let verdict = drive_with_blocking(check.clone(), &mut answers, &dns, None);
    look_at(&verdict, &input);
    assert!(answers.known().len() <= 9 * 4 + 8 * (4 + 2), "{answers}");
    let again = check.clone().run(&mut answers).expect("all answers are there");
    assert_eq!(told(&again), told(&verdict));
    assert_eq!(told(&drive_shuffled(check, &dns, input.order)), told(&verdict));

    let check = DmarcCheck::new(message).with_local_policy(local.with_organizational_domain(true));
    let informed = drive_shuffled(check, &dns, input.order);
    assert_eq!(decided(&informed), decided(&verdict), "{}\n{}", informed.explain(), verdict.explain());
    for author in informed.authors() {
        let failed = author.path().iter().any(|step| matches!(step.found(), waxseal_dmarc::Found::Failed(_)));
        let found = author.organizational_domain();
        assert!(found.is_some_and(|found| author.domain().is_within(found)) || failed);
    }
});

fn message(input: &Identifiers<'_>) -> waxseal_dmarc::Identifiers {
    let authors = input.author.iter().take(usize::from(input.authors % 5));
    let mut message = match authors.len() {
        0 => waxseal_dmarc::Identifiers::from_value(input.from),
        _ => waxseal_dmarc::Identifiers::with_authors(authors.filter_map(|name| name.read(input.own))),
    };
    for (name, result) in input.signature.iter().take(usize::from(input.dkim % 5)) {
        let result = DKIM.get(usize::from(*result) % 20).copied().unwrap_or(DkimResult::Pass);
        message =
            name.read(input.own).into_iter().fold(message, |message, name| message.with_dkim(name, result));
    }
    for (name, result) in input.sender.iter().take(usize::from(input.spf % 3)) {
        let result = SPF.get(usize::from(*result) % 20).copied().unwrap_or(SpfResult::Pass);
        let add = |message: waxseal_dmarc::Identifiers, name| message.with_further_spf(name, result);
        message = name.read(input.own).into_iter().fold(message, add);
    }
    message
}

fn told(verdict: &Verdict) -> String {
    format!("{}{}", verdict.explain(), verdict.entry())
}

/// All that has consequences.
fn decided(verdict: &Verdict) -> impl PartialEq + std::fmt::Debug + use<> {
    let record_at = verdict.author().and_then(|author| author.record_at()).cloned();
    let policy: [Option<DomainPolicy>; 2] = [verdict.policy(), verdict.author().and_then(|author| author.evaluated_policy())];
    let aligned = (verdict.dkim_aligned(), verdict.spf_aligned());
    (verdict.result(), verdict.disposition(), record_at, policy, aligned)
}

fn look_at(verdict: &Verdict, input: &Identifiers<'_>) {
    let text = verdict.explain();
    assert!(text.bytes().all(|c| matches!(c, b' '..=b'~' | b'\n')), "{text:?}");
    assert_is_one_field(&AuthenticationResults::new("mx.example.net").with_entry(verdict.entry()).to_field());
    let invalid = verdict.cause().is_some_and(waxseal_dmarc::Cause::is_invalid_author);
    assert_eq!(verdict.result() == DmarcResult::PermError, invalid);
    assert!(invalid || verdict.shown().is_empty());
    match verdict.disposition() {
        Disposition::Defer => {
            assert!(!verdict.shown().is_empty() || verdict.result() == DmarcResult::TempError)
        }
        // Those who are shown ask for nothing.
        Disposition::None => assert!(!invalid || !verdict.shown().is_empty()),
        Disposition::Quarantine => assert!(invalid || verdict.result() == DmarcResult::Fail),
        Disposition::Reject => {
            assert!(input.reject_on_reject && (invalid || verdict.result() == DmarcResult::Fail))
        }
    }
    for author in verdict.authors() {
        let aligned = author.dkim_aligned() || author.spf_aligned();
        assert_eq!(author.result() == DmarcResult::Pass, aligned && author.policy().is_some(), "{text}");
        // Without a record only the Author Domain itself is known to be aligned.
        assert!(!aligned || author.policy().is_some() || author.result() == DmarcResult::TempError, "{text}");
        assert!(author.path().len() <= 8);
        if verdict.result() == DmarcResult::Pass {
            assert_eq!(author.result(), DmarcResult::Pass, "one author does not speak for another: {text}");
        }
    }
}

const DKIM: [DkimResult; 7] = {
    use DkimResult::{Fail, Neutral, None, Pass, PermError, Policy, TempError};
    [None, Pass, Fail, Policy, Neutral, TempError, PermError]
};

const SPF: [SpfResult; 8] = {
    use SpfResult::{Fail, Neutral, None, Pass, PermError, Policy, SoftFail, TempError};
    [None, Neutral, Pass, Fail, SoftFail, Policy, TempError, PermError]
};
