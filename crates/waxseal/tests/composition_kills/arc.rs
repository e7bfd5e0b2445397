//! ARC sets that are no chain. A failed chain is no worse than none, and no better.

use super::*;

const FORGED: &[u8] = b"From: ceo@bank.example\r\n\r\nHi.\r\n";

fn with_arc() -> waxseal::Authenticator {
    // The forger is even trusted: what does not verify does not count.
    authenticator().with_arc(Policy::default()).with_trusted_sealers(|_| true)
}

/// Passed on by so many handlers, each of whom says that DMARC passed.
fn chain(sets: usize) -> Vec<u8> {
    (0..sets).fold(FORGED.to_vec(), |message, _| sealed(&message))
}

fn sealed(message: &[u8]) -> Vec<u8> {
    let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(message, now(), &dns());
    let results = AuthenticationResults::new("evil.example").with_entry(
        waxseal::authres::Entry::dmarc(DmarcResult::Pass).with_property(
            waxseal::authres::Ptype::Header,
            "from",
            "bank.example",
        ),
    );
    let sealer = Sealer::new(name("evil.example"), "s", key("evil.example")).unwrap();
    let set = sealer.seal(message, &chain, &results, now()).unwrap();
    [set.fields().as_bytes(), message].concat()
}

/// The cause, behind DMARC and the disposition of a forgery.
#[track_caller]
fn cause_of(message: &[u8]) -> String {
    let report = check_by(&with_arc(), &evil(), message, &dns());
    assert_fails_closed(&report);
    assert!(report.trusted_forwarder().is_none());
    let chain = report.arc().unwrap();
    assert_eq!(chain.result(), ArcResult::Fail, "{}", report.explain());
    assert!(field_of(&report).contains("arc=fail reason="), "{report}");
    chain.cause().unwrap().to_string()
}

fn replaced(message: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(message.to_vec()).unwrap();
    assert!(text.contains(from), "{from}");
    text.replace(from, to).into_bytes()
}

/// The fields of one set, and the message without them.
fn taken_out(message: &[u8], instance: &str) -> (Vec<u8>, Vec<u8>) {
    let (header, body) = waxseal::header::Header::parse(message).unwrap();
    let is_of = |field: &waxseal::header::Field<'_>| {
        let text = String::from_utf8_lossy(field.value());
        field.name().starts_with(b"ARC-") && text.trim_start().starts_with(&format!("i={instance};"))
    };
    let (of, others): (Vec<_>, Vec<_>) = header.fields().partition(is_of);
    assert_eq!(of.len(), 3);
    let joined = |fields: Vec<waxseal::header::Field<'_>>| {
        fields.iter().map(|field| field.raw()).collect::<Vec<_>>().concat()
    };
    (joined(of), [joined(others), b"\r\n".to_vec(), body.to_vec()].concat())
}

#[test]
fn a_good_chain_is_one() {
    let report = check_by(&with_arc(), &evil(), &chain(3), &dns());
    assert!(report.arc().unwrap().is_pass(), "{}", report.explain());
    assert_eq!(report.disposition(), Disposition::None);
    // Whom nobody trusts changes nothing.
    let unknown = authenticator().with_arc(Policy::default());
    let report = check_by(&unknown, &evil(), &chain(3), &dns());
    assert!(report.arc().unwrap().is_pass());
    assert_fails_closed(&report);
}

#[test]
fn more_than_fifty_sets() {
    let fifty = chain(50);
    assert!(check_by(&with_arc(), &evil(), &fifty, &dns()).arc().unwrap().is_pass());
    let (newest, _) = taken_out(&fifty, "50");
    let one_more = [&replaced(&newest, "i=50;", "i=51;"), &fifty[..]].concat();
    assert_eq!(cause_of(&one_more), "more than 50 ARC sets");
    let huge = [&replaced(&newest, "i=50;", "i=999999999;"), &fifty[..]].concat();
    assert_eq!(cause_of(&huge), "more than 50 ARC sets");
    let huge = [&replaced(&newest, "i=50;", "i=4294967297;"), &fifty[..]].concat();
    assert_eq!(cause_of(&huge), "ARC-Seal without a legible i=");
    let flood = [&newest.repeat(300)[..], FORGED].concat();
    assert_eq!(cause_of(&flood), "second ARC-Seal in set 50");
}

#[test]
fn gaps_duplicates_and_pieces() {
    let three = chain(3);
    let (second, without) = taken_out(&three, "2");
    assert_eq!(cause_of(&without), "no set 2");
    assert_eq!(cause_of(&[&second, &three[..]].concat()), "second ARC-Seal in set 2");
    let zero = replaced(&three, "i=3;", "i=0;");
    assert_eq!(cause_of(&zero), "ARC-Seal without a legible i=");
    let missing = replaced(&three, "ARC-Message-Signature: i=3;", "X-Message-Signature: i=3;");
    assert_eq!(cause_of(&missing), "no ARC-Message-Signature in set 3");
}

#[test]
fn chains_that_failed_before() {
    let failed = replaced(&chain(2), "cv=pass", "cv=fail");
    assert_eq!(cause_of(&failed), "seal of set 2 says that the chain failed");
    let in_the_middle = replaced(&chain(3), "cv=none", "cv=fail");
    assert_eq!(cause_of(&in_the_middle), "seal of set 1 says cv=fail");
    let passed_at_once = replaced(&chain(1), "cv=none", "cv=pass");
    assert_eq!(cause_of(&passed_at_once), "seal of set 1 says cv=pass");
}

/// A seal over a chain that does not verify says so, and the chain ends there.
#[test]
fn nothing_is_added_to_a_chain_that_failed() {
    let sealer = Sealer::new(name("evil.example"), "s", key("evil.example")).unwrap();
    let sealing = with_arc().with_sealer(sealer);
    let broken = replaced(&chain(1), "Hi.", "Ho.");
    let report = check_by(&sealing, &evil(), &broken, &dns());
    let set = report.seal().unwrap();
    assert!(set.seal().contains("cv=fail;"), "{}", set.seal());
    let sealed = [set.fields().as_bytes(), &broken].concat();
    assert_eq!(cause_of(&sealed), "seal of set 2 says that the chain failed");
    let report = check_by(&sealing, &evil(), &sealed, &dns());
    assert!(report.seal().unwrap_err().to_string().starts_with("the chain has ended"));
}
