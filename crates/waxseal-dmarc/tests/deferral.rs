//! What cannot be judged now because DNS failed: nobody gains by it, and nobody who passed already waits for it
//! (RFC 9989 §5.3.6).

mod common;

use common::*;
use waxseal_authres::{DkimResult, SpfResult};
use waxseal_dmarc::{Cause, Disposition, Identifiers, LocalPolicy};
use waxseal_dns::{LookupError, Question, Zone};

/// Two domains that want something, one that does not, and one that tests.
fn dns() -> Zone {
    zone(&[
        ("bank.example", "v=DMARC1; p=reject; sp=none; np=quarantine"),
        ("shop.example", "v=DMARC1; p=quarantine"),
        ("club.example", "v=DMARC1; p=none"),
        ("test.example", "v=DMARC1; p=quarantine; t=y"),
    ])
}

fn failing(at: &str) -> Zone {
    let mut dns = dns();
    dns.set_error_for(Question::txt(name(at)), LookupError::ServerFailure);
    dns
}

/// The policies of a receiver that can answer 4yz, of one that cannot, and of one that cannot and rejects.
fn receivers() -> [LocalPolicy; 3] {
    let behind_the_queue = LocalPolicy::default().with_undeferrable(Disposition::Quarantine);
    let strict = LocalPolicy::default().with_reject_on_reject(true).with_undeferrable(Disposition::Reject);
    [LocalPolicy::default(), behind_the_queue, strict]
}

/// The cause, and what each of the receivers does.
#[track_caller]
fn assert_undecided(input: &Identifiers, dns: &Zone, reason: &str, dispositions: [Disposition; 3]) {
    for (local, disposition) in receivers().into_iter().zip(dispositions) {
        let verdict = judge_by(local, input.clone(), dns);
        assert_eq!((word(&verdict), &*verdict.reason()), ("temperror", reason));
        assert_eq!(verdict.disposition(), disposition, "{}", verdict.explain());
        assert!(verdict.explain().contains(&format!("), disposition {disposition}\n")));
        assert!(verdict.entry().to_string().contains(&format!("dis={disposition})")));
    }
}

use Disposition::{Defer, None as Nothing, Quarantine, Reject};

/// The selector and the domain below the bank's are the forger's choice, and fail on every try.
#[test]
fn a_forger_who_picks_a_key_that_always_fails_gains_nothing() {
    for domain in ["bank.example", "lame.bank.example"] {
        let reason = format!("dkim of {domain} had a temporary error");
        let forged =
            author("bank.example").with_dkim(name(domain), DkimResult::TempError).spf("evil.example");
        assert_undecided(&forged, &dns(), &reason, [Defer, Quarantine, Reject]);
    }
}

#[test]
fn a_forger_who_picks_a_sender_that_always_fails_gains_nothing() {
    let forged = author("bank.example").with_spf(name("lame.bank.example"), SpfResult::TempError);
    let reason = "spf of lame.bank.example had a temporary error";
    assert_undecided(&forged, &dns(), reason, [Defer, Quarantine, Reject]);
}

/// Nobody knows what its owner asks for, so nothing is spared.
#[test]
fn a_forger_who_picks_an_author_whose_record_always_fails_gains_nothing() {
    let forged = author("lame.bank.example").dkim("evil.example");
    let reason = "lookup of _dmarc.lame.bank.example TXT failed: DNS server failure";
    assert_undecided(&forged, &failing("_dmarc.lame.bank.example"), reason, [Defer, Quarantine, Reject]);
    // One step above it.
    let forged = author("a.lame.bank.example").dkim("evil.example");
    assert_undecided(&forged, &failing("_dmarc.lame.bank.example"), reason, [Defer, Quarantine, Reject]);
}

/// The walk that would tell whether the identifier is aligned fails.
#[test]
fn a_forger_whose_alignment_can_not_be_told_gains_nothing() {
    let forged = author("bank.example").dkim("a.lame.bank.example");
    let reason = "lookup of _dmarc.lame.bank.example TXT failed: DNS server failure";
    assert_undecided(&forged, &failing("_dmarc.lame.bank.example"), reason, [Defer, Quarantine, Reject]);
}

/// sp=none for those that exist, np=quarantine for those that do not: the stricter one, until it is known.
#[test]
fn an_author_whose_existence_can_not_be_told_is_spared_nothing() {
    let mut dns = dns();
    dns.set_error_for(Question::a(name("new.bank.example")), LookupError::Timeout);
    let reason = "lookup of new.bank.example A failed: DNS lookup timed out";
    assert_undecided(&author("new.bank.example"), &dns, reason, [Defer, Quarantine, Quarantine]);
    // The other way round, and where nothing is asked for either way.
    for (at, record, dispositions) in [
        ("a.example", "v=DMARC1; p=none; sp=reject; np=none", [Defer, Quarantine, Reject]),
        ("b.example", "v=DMARC1; p=reject; sp=quarantine; np=none; t=y", [Defer, Nothing, Nothing]),
    ] {
        let mut dns = zone(&[(at, record)]);
        let new = format!("new.{at}");
        dns.set_error_for(Question::a(name(&new)), LookupError::Timeout);
        let reason = format!("lookup of {new} A failed: DNS lookup timed out");
        assert_undecided(&author(&new), &dns, &reason, dispositions);
    }
}

/// What cannot be deferred gets no more than what fails.
#[test]
fn a_domain_that_asks_for_less_gets_no_more_than_it_asks_for() {
    for (domain, dispositions) in [
        ("shop.example", [Defer, Quarantine, Quarantine]),
        ("club.example", [Defer, Nothing, Nothing]),
        ("test.example", [Defer, Nothing, Nothing]),
    ] {
        let later = author(domain).with_dkim(name(domain), DkimResult::TempError);
        let reason = format!("dkim of {domain} had a temporary error");
        assert_undecided(&later, &dns(), &reason, dispositions);
    }
    let lenient = LocalPolicy::default().with_undeferrable(Disposition::None);
    let later = author("bank.example").with_dkim(name("bank.example"), DkimResult::TempError);
    assert_eq!(judge_by(lenient, later, &dns()).disposition(), Disposition::None);
}

/// A pass at hand is one, whatever else failed.
#[test]
fn a_pass_at_hand_stays_one_whatever_else_failed() {
    let temporary = |input: Identifiers| {
        input
            .with_dkim(name("bank.example"), DkimResult::TempError)
            .with_dkim(name("lame.bank.example"), DkimResult::TempError)
    };
    let spf_fails = |input: Identifiers| input.with_spf(name("bank.example"), SpfResult::TempError);
    let failing =
        failing("_dmarc.lame.bank.example").with_error("_dmarc.example", LookupError::Timeout).unwrap();
    for (dns, input) in [
        (&dns(), temporary(author("bank.example").dkim("bank.example"))),
        (&dns(), temporary(author("bank.example").dkim("mail.bank.example"))),
        (&dns(), temporary(author("bank.example").spf("bounce.bank.example"))),
        (&dns(), spf_fails(author("bank.example").dkim("mail.bank.example"))),
        // The walk above the author fails, and that of another identifier.
        (&failing, author("bank.example").dkim("a.lame.bank.example").dkim("bank.example")),
        (&failing, author("bank.example").dkim("a.lame.bank.example").spf("bank.example")),
        (&failing, temporary(author("bank.example").spf("bank.example"))),
    ] {
        for local in receivers() {
            for walks in [false, true] {
                let local = local.clone().with_organizational_domain(walks);
                let verdict = judge_by(local, input.clone(), dns);
                assert_eq!(
                    (word(&verdict), verdict.disposition()),
                    ("pass", Nothing),
                    "{}",
                    verdict.explain()
                );
            }
        }
    }
    // Of a domain that may not even exist.
    let mut dns = dns();
    dns.set_error_for(Question::a(name("new.bank.example")), LookupError::Timeout);
    let verdict = judge(author("new.bank.example").spf("bank.example"), &dns);
    assert_eq!((word(&verdict), verdict.disposition()), ("pass", Nothing));
}

/// Whether there is a record nobody knows, so it is no pass (RFC 9989 §5.3.6). But whatever it says, what passed for the
/// Author Domain itself is aligned: honest mail has nothing to wait for.
#[test]
fn what_passed_for_the_author_itself_does_not_wait_for_a_record() {
    let dns = failing("_dmarc.bank.example");
    let reason = "lookup of _dmarc.bank.example TXT failed: DNS server failure";
    for input in [author("bank.example").dkim("bank.example"), author("bank.example").spf("bank.example")] {
        assert_undecided(&input, &dns, reason, [Nothing; 3]);
        let verdict = judge(input, &dns);
        assert!(matches!(verdict.cause(), Some(Cause::Lookup(..))));
        assert_eq!(verdict.authors()[0].identifiers()[0].reason(), "aligned, the same domain");
    }
    // Whether it is aligned depends on the record, or it did not pass.
    let below = author("bank.example").dkim("mail.bank.example");
    assert_undecided(&below, &dns, reason, [Defer, Quarantine, Reject]);
    let compared = judge(below, &dns).authors()[0].identifiers()[0].reason();
    assert!(compared.starts_with("alignment unknown, lookup of "), "{compared}");
    let failed = author("bank.example").with_dkim(name("bank.example"), DkimResult::Fail);
    assert_undecided(&failed, &dns, reason, [Defer, Quarantine, Reject]);
    let later = author("bank.example").with_dkim(name("bank.example"), DkimResult::TempError);
    assert_undecided(&later, &dns, reason, [Defer, Quarantine, Reject]);
    // It speaks for itself alone.
    let two = Identifiers::with_authors([name("bank.example"), name("shop.example")]).dkim("bank.example");
    let verdict = judge(two, &dns);
    assert_eq!((word(&verdict), verdict.disposition()), ("fail", Quarantine), "{}", verdict.explain());
    let two = Identifiers::with_authors([name("bank.example"), name("club.example")]).dkim("club.example");
    assert_undecided(&two, &dns, reason, [Defer, Quarantine, Reject]);
}

/// A second author of the forger's own, for whom the check fails at once, does not buy less than the first asks for.
#[test]
fn an_author_who_asks_for_less_hides_no_stricter_one_that_fails_later() {
    let two = Identifiers::with_authors([name("shop.example"), name("bank.example")]);
    let later = two.clone().with_dkim(name("bank.example"), DkimResult::TempError);
    let reject = LocalPolicy::default().with_reject_on_reject(true);
    let verdict = judge_by(reject.clone(), later.clone(), &dns());
    assert_eq!((word(&verdict), verdict.disposition()), ("temperror", Defer));
    let verdict = judge_by(reject.clone(), two.clone(), &failing("_dmarc.bank.example"));
    assert_eq!((word(&verdict), verdict.disposition()), ("temperror", Defer));
    // One who may fail later decides over one who failed, where neither asks for anything.
    let nothing = Identifiers::with_authors([name("test.example"), name("club.example")]);
    for later in ["test.example", "club.example"] {
        let verdict = judge(nothing.clone().with_dkim(name(later), DkimResult::TempError), &dns());
        assert_eq!((word(&verdict), verdict.disposition()), ("temperror", Defer), "{later}");
    }
    // Where nothing stricter can come, the check that failed decides.
    let verdict = judge(later, &dns());
    assert_eq!((word(&verdict), verdict.disposition()), ("fail", Quarantine));
    let verdict = judge_by(reject, two.with_dkim(name("shop.example"), DkimResult::TempError), &dns());
    assert_eq!((word(&verdict), verdict.disposition()), ("fail", Reject));
}

/// Behind the queue nothing comes later: a second author whose record cannot be had neither frees a forgery of one whose policy
/// is known, nor is the milder policy of the first all there is.
#[test]
fn where_nothing_can_be_deferred_the_strictest_of_several_authors_decides() {
    let two = Identifiers::with_authors([name("shop.example"), name("lame.example")]);
    for (undeferrable, rejects, decisive, disposition) in [
        (Nothing, true, "fail", Quarantine),
        (Nothing, false, "fail", Quarantine),
        (Quarantine, true, "fail", Quarantine),
        (Reject, false, "temperror", Reject),
        (Reject, true, "temperror", Reject),
    ] {
        let local = LocalPolicy::default().with_undeferrable(undeferrable).with_reject_on_reject(rejects);
        let verdict = judge_by(local, two.clone(), &failing("_dmarc.lame.example"));
        assert_eq!((word(&verdict), verdict.disposition()), (decisive, disposition), "{}", verdict.explain());
    }
}

#[test]
fn dispositions_are_ordered_by_what_they_do_to_a_message() {
    assert!(Nothing < Quarantine && Quarantine < Defer && Defer < Reject);
    assert_eq!(
        [Nothing, Quarantine, Defer, Reject].map(|d| d.as_str()),
        ["none", "quarantine", "defer", "reject"]
    );
}
