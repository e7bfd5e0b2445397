//! Who can speak for a message that failed DMARC: those whose seals the receiver trusts, as far as nobody else could
//! have made up what they say, and nobody else.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;
#[path = "trusted_forwarder/forged_text.rs"]
mod forged_text;

use base64::{Engine, prelude::BASE64_STANDARD};
use common::*;
use waxseal::{
    Authenticator, Disposition, Report,
    arc::{self, ChainVerifier, Sealer},
    authres::{ArcResult, AuthenticationResults, DmarcResult, Entry, Ptype},
    crypto::{SigningInput, SigningKey, default_provider},
    dkim::{Canonicalization, parts::BodyHasher},
    dmarc::LocalPolicy,
    dns::{LookupError, Question, Zone},
    header::Header,
};

/// Where the client of the last hop stands: nobody's SPF lets it send.
const ELSEWHERE: &str = "198.51.100.9";

/// A list and a forwarder that the receiver trusts, and a stranger.
fn zone() -> Zone {
    ["list.example", "forward.example", "stranger.example"]
        .iter()
        .fold(dns(), |dns, domain| publish(dns, domain, ELSEWHERE, "v=DMARC1; p=none"))
}

fn trusting() -> Authenticator {
    authenticator()
        .with_arc(arc::Policy::default())
        .with_trusted_sealers(|sealer| ["list.example", "forward.example"].contains(&sealer.as_str()))
}

/// What a list makes of a message of the bank: its signature is broken, and the address is another.
const CHANGED: &[u8] = b"From: ceo@bank.example\r\nSubject: [list] figures\r\n\r\nHi.\r\n";

fn saw(word: DmarcResult, from: &str) -> Entry {
    Entry::dmarc(word).with_property(Ptype::Header, "from", from)
}

/// The message with a set of `sealer` on top that says `entry`.
fn sealed(message: &[u8], sealer: &str, entry: Entry) -> Vec<u8> {
    sealed_by(&Sealer::new(name(sealer), "s", key(sealer)).unwrap(), message, entry)
}

fn sealed_by(sealer: &Sealer, message: &[u8], entry: Entry) -> Vec<u8> {
    sealed_with(sealer, message, [entry])
}

fn sealed_with(sealer: &Sealer, message: &[u8], entries: impl IntoIterator<Item = Entry>) -> Vec<u8> {
    let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(message, now(), &zone());
    let mut results = AuthenticationResults::new(sealer.domain().as_str());
    results.extend(entries);
    let set = sealer.seal(message, &chain, &results, now()).unwrap();
    [set.fields().as_bytes(), message].concat()
}

fn passed_on_by_list() -> Vec<u8> {
    sealed(CHANGED, "list.example", saw(DmarcResult::Pass, "bank.example"))
}

fn judge(message: &[u8]) -> Report {
    judge_by(&trusting(), message)
}

fn judge_by(authenticator: &Authenticator, message: &[u8]) -> Report {
    check_by(authenticator, &envelope(ELSEWHERE, "list.example", "bounces@list.example"), message, &zone())
}

/// The forwarder speaks for the message. DMARC has still failed, and the field says both.
#[track_caller]
fn assert_spoken_for(report: &Report, by: &str) {
    assert_eq!(
        report.trusted_forwarder().map(ToString::to_string).as_deref(),
        Some(by),
        "{}",
        report.explain()
    );
    assert_eq!(report.disposition(), Disposition::None);
    assert_eq!(report.dmarc().result(), DmarcResult::Fail);
    assert!(report.dmarc().disposition() >= Disposition::Quarantine);
    assert!(field_of(report).contains("dmarc=fail (p=reject dis=none;"), "{report}");
    assert_eq!(report.reason(), format!("a trusted forwarder saw DMARC pass ({by})"));
    let disposition = format!(
        "\ndisposition none in place of {}: a trusted forwarder saw DMARC pass ({by})\n",
        report.dmarc().disposition()
    );
    assert!(report.explain().ends_with(&disposition), "{}", report.explain());
}

/// Nobody does.
#[track_caller]
fn assert_not_spoken_for(report: &Report) {
    assert_eq!(report.trusted_forwarder(), None, "{}", report.explain());
    assert_fails_closed(report);
    assert!(!field_of(report).contains("dis=none"), "{report}");
}

const SAW_PASS: &str = "list.example; dmarc=pass header.from=bank.example";

/// A set by the list's key with these fields in `h=` and these results, made by the letter of RFC 8617.
fn sealed_over(message: &[u8], fields: &str, results: &str) -> Vec<u8> {
    let (header, body) = Header::parse(message).unwrap();
    let sealer = Sealer::new(name("list.example"), "s", key("list.example")).unwrap();
    let mut hasher = BodyHasher::new(default_provider().unwrap());
    hasher.want(sealer.body_form());
    hasher.push(body);
    let hashes = hasher.finish();
    let digest = BASE64_STANDARD.encode(hashes.get(&sealer.body_form()).unwrap().digest());

    let results = format!("ARC-Authentication-Results: i=1; {results}\r\n");
    let mut covered = Vec::new();
    for name in fields.split(':') {
        if let Some(field) = header.fields().find(|field| field.is(name)) {
            Canonicalization::Relaxed.header_field(field, &mut covered);
        }
    }
    let tags = format!("c=relaxed/relaxed; h={fields}; bh={digest}");
    let message_signature = with_signature("ARC-Message-Signature", &tags, covered);
    let mut covered = Vec::new();
    for field in [&results, &message_signature] {
        let (field, _) = Header::parse(field.as_bytes()).unwrap();
        Canonicalization::Relaxed.header_field(field.field(0).unwrap(), &mut covered);
    }
    let seal = with_signature("ARC-Seal", "cv=none", covered);
    [seal.as_bytes(), message_signature.as_bytes(), results.as_bytes(), message].concat()
}

fn with_signature(field: &str, tags: &str, mut covered: Vec<u8>) -> String {
    let field = format!("{field}: i=1; a=ed25519-sha256; d=list.example; s=s; {tags}; b=");
    let (own, _) = Header::parse(field.as_bytes()).unwrap();
    let own = own.field(0).unwrap();
    let end = own.value().len();
    waxseal::dkim::parts::signature_field(Canonicalization::Relaxed, own, end..end, &mut covered);
    let signature =
        key("list.example").sign(&SigningInput::new(&covered, default_provider().unwrap())).unwrap();
    format!("{field}{}\r\n", BASE64_STANDARD.encode(signature))
}

mod can {
    use super::*;

    #[test]
    fn a_trusted_list() {
        assert_spoken_for(&judge(&passed_on_by_list()), "arc=pass i=1 d=list.example");
    }

    #[test]
    fn even_where_reject_means_reject() {
        let strict = trusting().with_dmarc(LocalPolicy::default().with_reject_on_reject(true));
        assert_spoken_for(&judge_by(&strict, &passed_on_by_list()), "arc=pass i=1 d=list.example");
        let untrusting = authenticator()
            .with_arc(arc::Policy::default())
            .with_dmarc(LocalPolicy::default().with_reject_on_reject(true));
        assert_eq!(judge_by(&untrusting, &passed_on_by_list()).disposition(), Disposition::Reject);
    }

    /// The forwarder saw DMARC fail itself, as the list had changed the message, but it is trusted to keep the chain.
    #[test]
    fn a_trusted_list_below_a_trusted_forwarder() {
        let message = sealed(&passed_on_by_list(), "forward.example", saw(DmarcResult::Fail, "bank.example"));
        assert_spoken_for(&judge(&message), "arc=pass i=1 d=list.example");
    }

    /// The stranger below can have made up whatever he wants: the list that is trusted saw the message pass.
    #[test]
    fn a_trusted_list_above_a_stranger_that_saw_it_pass_itself() {
        let message = sealed(CHANGED, "stranger.example", saw(DmarcResult::Fail, "bank.example"));
        let message = sealed(&message, "list.example", saw(DmarcResult::Pass, "bank.example"));
        assert_spoken_for(&judge(&message), "arc=pass i=2 d=list.example");
    }

    /// Whether DMARC passes or fails in the end, the message would not be held up: it does not wait for DNS.
    #[test]
    fn a_trusted_list_for_what_can_not_be_judged_now() {
        let mut dns = zone();
        dns.set_error_for(Question::txt(name("_dmarc.bank.example")), LookupError::ServerFailure);
        let judge = |message: &[u8]| {
            check_by(&trusting(), &envelope(ELSEWHERE, "list.example", "bounces@list.example"), message, &dns)
        };
        let report = judge(&passed_on_by_list());
        let by = report.trusted_forwarder().map(ToString::to_string);
        assert_eq!(by.as_deref(), Some("arc=pass i=1 d=list.example"), "{}", report.explain());
        assert_eq!(
            (report.dmarc().result(), report.disposition()),
            (DmarcResult::TempError, Disposition::None)
        );
        assert_eq!(report.dmarc().disposition(), Disposition::Defer);
        // Nobody whom the receiver trusts saw it pass.
        for (sealer, word) in [("stranger.example", DmarcResult::Pass), ("list.example", DmarcResult::Fail)] {
            let report = judge(&sealed(CHANGED, sealer, saw(word, "bank.example")));
            assert_eq!((report.trusted_forwarder(), report.disposition()), (None, Disposition::Defer));
        }
    }

    /// Other sealers write what the grammar does not allow: OpenARC bare IPv6 addresses, Plesk bare literals, Yahoo words with
    /// `_`, Google methods with a dot, Fastmail bare URLs. The result for DMARC can be read all the same.
    #[test]
    fn a_trusted_list_that_writes_odd_words_beside_the_result_of_dmarc() {
        for results in [
            "list.example; arc=none smtp.remote-ip=2001:db8::3; DMARC",
            "list.example; DMARC; arc=none smtp.remote-ip=2001:db8::3",
            "list.example; dkim=perm_fail header.i=@bank.example header.s=a; DMARC;",
            "list.example; spf=pass (sender IP is 192.0.2.1) smtp.helo=[192.168.1.116]; DMARC",
            "list.example; gateway.spf=softfail smtp.mailfrom=a@b.example; DMARC",
            "list.example; DMARC (p=REJECT); bimi=pass policy.authority-uri=https://bank.example/vmc.pem",
            "list.example; DMARC policy.dmarc=p:none; ;;",
            "list.example; dmarc=pass() policy.x_y=1 header.from=bank.example",
            "[192.0.2.1]; DMARC",
            "; DMARC",
            "list.example; none; DMARC",
        ] {
            let results = results.replace("DMARC", "dmarc=pass header.from=bank.example");
            let report = judge(&sealed_over(CHANGED, "from", &results));
            assert_spoken_for(&report, "arc=pass i=1 d=list.example");
            assert_eq!(report.distrust(), []);
        }
    }

    #[test]
    fn case_and_a_dot_at_the_end_make_no_other_author() {
        for author in ["BANK.example", "bank.example."] {
            let message = sealed(CHANGED, "list.example", saw(DmarcResult::Pass, author));
            assert_spoken_for(&judge(&message), "arc=pass i=1 d=list.example");
        }
    }

    #[test]
    fn not_where_nothing_has_to_be_forgiven() {
        let message = signed("bank.example", &passed_on_by_list());
        let report = judge(&message);
        assert!(report.arc().unwrap().is_pass());
        assert_eq!(report.dmarc().result(), DmarcResult::Pass);
        assert_eq!((report.trusted_forwarder(), report.disposition()), (None, Disposition::None));
        assert!(field_of(&report).contains("dmarc=pass (p=reject dis=none) "), "{report}");
        // DMARC fails, but the domain asks for nothing.
        let message = b"From: joe@stranger.example\r\n\r\nHi.\r\n";
        let report = judge(&sealed(message, "list.example", saw(DmarcResult::Pass, "stranger.example")));
        assert_eq!((report.dmarc().result(), report.arc().unwrap().is_pass()), (DmarcResult::Fail, true));
        assert_eq!((report.trusted_forwarder(), report.disposition()), (None, Disposition::None));
    }
}

mod can_not {
    use super::*;

    #[test]
    fn a_stranger() {
        let message = sealed(CHANGED, "stranger.example", saw(DmarcResult::Pass, "bank.example"));
        let report = judge(&message);
        assert!(report.arc().unwrap().is_pass());
        assert_not_spoken_for(&report);
    }

    #[test]
    fn anyone_when_nobody_is_trusted() {
        let report = judge_by(&authenticator().with_arc(arc::Policy::default()), &passed_on_by_list());
        assert!(report.arc().unwrap().is_pass());
        assert_not_spoken_for(&report);
        // Trust asks for verification.
        let trusting = authenticator().with_trusted_sealers(|sealer| sealer.as_str() == "list.example");
        assert_spoken_for(&judge_by(&trusting, &passed_on_by_list()), "arc=pass i=1 d=list.example");
    }

    /// The list copied what a stranger wrote beside what it found.
    #[test]
    fn results_that_contradict_each_other() {
        let list = Sealer::new(name("list.example"), "s", key("list.example")).unwrap();
        let pass = || saw(DmarcResult::Pass, "bank.example");
        for other in [
            saw(DmarcResult::Fail, "bank.example"),
            Entry::dmarc(DmarcResult::Fail),
            saw(DmarcResult::Pass, "evil.example"),
            Entry::new("DMARC", "unheard-of").with_property(Ptype::Header, "from", "bank.example"),
        ] {
            for entries in [[pass(), other.clone()], [other.clone(), pass()]] {
                assert_not_spoken_for(&judge(&sealed_with(&list, CHANGED, entries)));
            }
        }
        let report = judge(&sealed_with(&list, CHANGED, [pass(), pass()]));
        assert_spoken_for(&report, "arc=pass i=1 d=list.example");
    }

    /// The stranger could have taken the trusted set from another message: nobody trusted has seen this one.
    #[test]
    fn a_trusted_list_below_a_stranger() {
        let message =
            sealed(&passed_on_by_list(), "stranger.example", saw(DmarcResult::Pass, "bank.example"));
        let report = judge(&message);
        assert!(report.arc().unwrap().is_pass());
        assert_not_spoken_for(&report);
    }

    /// What is below a stranger is not believed either, when trusted sets are on both sides of him.
    #[test]
    fn a_trusted_list_below_a_stranger_below_a_trusted_forwarder() {
        let message =
            sealed(&passed_on_by_list(), "stranger.example", saw(DmarcResult::Pass, "bank.example"));
        let message = sealed(&message, "forward.example", saw(DmarcResult::Fail, "bank.example"));
        let report = judge(&message);
        assert!(report.arc().unwrap().is_pass());
        assert_not_spoken_for(&report);
    }

    /// The trusted forwarder only says that it came in from him.
    #[test]
    fn a_stranger_below_a_trusted_forwarder_that_did_not_see_it_pass() {
        let message = sealed(CHANGED, "stranger.example", saw(DmarcResult::Pass, "bank.example"));
        for entry in [
            saw(DmarcResult::Fail, "bank.example"),
            saw(DmarcResult::None, "bank.example"),
            saw(DmarcResult::TempError, "bank.example"),
            saw(DmarcResult::PermError, "bank.example"),
            Entry::arc(ArcResult::Pass),
        ] {
            assert_not_spoken_for(&judge(&sealed(&message, "forward.example", entry)));
        }
    }

    #[test]
    fn results_without_the_author() {
        let message = sealed(CHANGED, "list.example", Entry::dmarc(DmarcResult::Pass));
        assert_not_spoken_for(&judge(&message));
    }

    /// The list may have changed From: it saw another message pass.
    #[test]
    fn results_about_another_author() {
        for from in ["evil.example", "mail.bank.example", "example", "bank.example.evil.example", "", "a b"] {
            let message = sealed(CHANGED, "list.example", saw(DmarcResult::Pass, from));
            assert_not_spoken_for(&judge(&message));
        }
    }

    /// The author under another property is someone else.
    #[test]
    fn results_with_the_author_in_the_wrong_place() {
        for (ptype, property) in [(Ptype::Header, "d"), (Ptype::Smtp, "from"), (Ptype::Policy, "from")] {
            let entry = Entry::dmarc(DmarcResult::Pass).with_property(ptype, property, "bank.example");
            assert_not_spoken_for(&judge(&sealed(CHANGED, "list.example", entry)));
        }
        let entry = Entry::dmarc(DmarcResult::Pass).with_comment("header.from=bank.example");
        assert_not_spoken_for(&judge(&sealed(CHANGED, "list.example", entry)));
        let entry = Entry::dmarc(DmarcResult::Pass).with_reason("x header.from=bank.example");
        assert_not_spoken_for(&judge(&sealed(CHANGED, "list.example", entry)));
        let entry = Entry::new("x-dmarc", "pass").with_property(Ptype::Header, "from", "bank.example");
        assert_not_spoken_for(&judge(&sealed(CHANGED, "list.example", entry)));
    }

    /// What is in an Authentication-Results field of the list's is not sealed.
    #[test]
    fn results_that_are_not_sealed() {
        let message = sealed(CHANGED, "list.example", saw(DmarcResult::Fail, "bank.example"));
        let claim = b"Authentication-Results: list.example; dmarc=pass header.from=bank.example\r\n";
        assert_not_spoken_for(&judge(&[claim, &message[..]].concat()));
    }

    #[test]
    fn results_changed_after_sealing() {
        let message = sealed(CHANGED, "list.example", saw(DmarcResult::Fail, "bank.example"));
        let text = String::from_utf8(message).unwrap();
        let changed = text.replace("dmarc=fail", "dmarc=pass");
        assert_ne!(changed, text);
        let report = judge(changed.as_bytes());
        assert_eq!(report.arc().unwrap().result(), ArcResult::Fail);
        assert_not_spoken_for(&report);
    }

    #[test]
    fn a_message_changed_after_sealing() {
        let text = String::from_utf8(passed_on_by_list()).unwrap();
        for (from, to) in [("Hi.", "Pay here."), ("ceo@", "cfo@"), ("[list]", "[spam]")] {
            let changed = text.replace(from, to);
            assert_ne!(changed, text);
            let report = judge(changed.as_bytes());
            assert_eq!(report.arc().unwrap().result(), ArcResult::Fail);
            assert_not_spoken_for(&report);
        }
        // A From field that was added.
        assert_not_spoken_for(&judge(&[b"From: u@evil.example\r\n", text.as_bytes()].concat()));
    }

    #[test]
    fn a_chain_that_failed_before() {
        let broken = String::from_utf8(passed_on_by_list()).unwrap().replace("Hi.", "Ho.");
        let message = sealed(broken.as_bytes(), "forward.example", saw(DmarcResult::Pass, "bank.example"));
        assert!(String::from_utf8_lossy(&message).contains("cv=fail"));
        let report = judge(&message);
        assert_eq!(report.arc().unwrap().result(), ArcResult::Fail);
        assert_not_spoken_for(&report);
    }

    /// Who does not cover From seals a message that anyone can put an author into.
    #[test]
    fn a_signature_that_does_not_cover_from() {
        let report = judge(&sealed_over(CHANGED, "from:subject", SAW_PASS));
        assert_spoken_for(&report, "arc=pass i=1 d=list.example");
        let message = sealed_over(CHANGED, "subject:to", SAW_PASS);
        let report = judge(&message);
        assert!(report.arc().unwrap().is_pass(), "{}", report.explain());
        assert_not_spoken_for(&report);
        let text = String::from_utf8(message).unwrap();
        assert_not_spoken_for(&judge(text.replace("From: ceo@", "From: cfo@").as_bytes()));
        // Our sealer does not make such sets.
        let sealer = Sealer::new(name("list.example"), "s", key("list.example")).unwrap();
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(CHANGED, now(), &zone());
        let results = AuthenticationResults::new("list.example");
        let refused = sealer.with_field_list(["Subject"]).seal(CHANGED, &chain, &results, now());
        assert!(refused.is_err());
    }

    /// RFC 8601 §2.6: of another version the words may mean something else.
    #[test]
    fn results_of_another_version() {
        let report = judge(&sealed_over(CHANGED, "from", &SAW_PASS.replace(';', " 01;")));
        assert_spoken_for(&report, "arc=pass i=1 d=list.example");
        for other in [SAW_PASS.replace(';', " 2;"), SAW_PASS.replace("dmarc=", "dmarc/2=")] {
            let report = judge(&sealed_over(CHANGED, "from", &other));
            assert!(report.arc().unwrap().is_pass(), "{}", report.explain());
            assert_not_spoken_for(&report);
        }
    }

    #[test]
    fn a_message_with_several_authors() {
        let two = b"From: ceo@bank.example, u@evil.example\r\nSubject: x\r\n\r\nHi.\r\n";
        for from in ["bank.example", "evil.example"] {
            let report = judge(&sealed(two, "list.example", saw(DmarcResult::Pass, from)));
            assert!(report.arc().unwrap().is_pass());
            assert_eq!(report.dmarc().authors().len(), 2);
            assert_not_spoken_for(&report);
        }
    }

    /// Nobody can vouch for an author who is not known.
    #[test]
    fn a_message_without_a_clear_author() {
        for from in [
            "From: <>",
            "From: ceo@bank.example\r\nFrom: u@evil.example",
            "From: <@evil.example:ceo@bank.example>",
            "From: ceo@bank.example@evil.example",
        ] {
            let message = format!("{from}\r\nSubject: x\r\n\r\nHi.\r\n");
            let message = sealed(message.as_bytes(), "list.example", saw(DmarcResult::Pass, "bank.example"));
            let report = judge(&message);
            assert!(report.arc().unwrap().is_pass(), "{}", report.explain());
            assert_eq!(dmarc(&report).0, "permerror");
            assert_not_spoken_for(&report);
        }
    }

    /// A trusted name with a key of somebody else's.
    #[test]
    fn a_seal_with_a_key_that_is_not_the_lists() {
        let forger = Sealer::new(name("list.example"), "s", key("evil.example")).unwrap();
        let report = judge(&sealed_by(&forger, CHANGED, saw(DmarcResult::Pass, "bank.example")));
        assert_eq!(report.arc().unwrap().result(), ArcResult::Fail);
        assert_not_spoken_for(&report);
    }

    /// `d=` of the seal counts, not of the message signature, which a stranger may have taken from the list.
    #[test]
    fn a_message_signature_of_the_lists_under_a_strangers_seal() {
        let message = sealed(CHANGED, "stranger.example", saw(DmarcResult::Pass, "bank.example"));
        let text = String::from_utf8(message).unwrap();
        let list = String::from_utf8(passed_on_by_list()).unwrap();
        let part = |text: &str| {
            let start = text.find("ARC-Message-Signature:").unwrap();
            let end = text[start..].find("ARC-Authentication-Results:").unwrap();
            text[start..start + end].to_owned()
        };
        let mixed = text.replace(&part(&text), &part(&list));
        let report = judge(mixed.as_bytes());
        assert_eq!(report.arc().unwrap().result(), ArcResult::Fail);
        assert_not_spoken_for(&report);
    }
}

/// Who asked for trust is told why nobody is believed.
mod distrust {
    use super::*;
    use waxseal::authres::reason;

    /// Nobody speaks for the message, and the explanation says why in one line for each cause.
    #[track_caller]
    fn assert_distrust(report: &Report, told: &[&str]) {
        assert_not_spoken_for(report);
        let causes: Vec<_> = report.distrust().iter().map(|cause| reason(cause)).collect();
        assert_eq!(causes, told, "{}", report.explain());
        for cause in told {
            let line = format!("\nno trusted forwarder: {cause}\n");
            assert!(cause.is_ascii() && report.explain().contains(&line), "{}", report.explain());
        }
    }

    #[test]
    fn names_what_cannot_be_read() {
        const AAR: &str = "the ARC-Authentication-Results of set 1 (list.example)";
        for (results, told) in [
            ("list.example junk; dmarc=pass header.from=bank.example", format!("{AAR} cannot be read: ")),
            (
                "list.example; dmarc=pass. header.from=bank.example",
                format!(
                    "the DMARC result in {AAR} cannot be read: the end of the result is missing at offset 24"
                ),
            ),
            (
                "list.example; dmarc; dmarc=pass header.from=bank.example",
                format!("the DMARC result in {AAR} cannot be read: "),
            ),
            (
                "list.example; dmarc=pass header.from=bank.example; (x)\r\n DMARC:fail",
                format!("the DMARC result in {AAR} cannot be read: "),
            ),
            (
                "list.example; spf=fail (helo a) ; dmarc=pass header.from=bank.example; x=y)",
                format!(
                    "in {AAR} text and results cannot be told apart: byte 0x29 at offset 74 makes it unclear"
                ),
            ),
            (
                "list.example; dmarc=pass header.from=bank.example; spf=fail smtp.helo=\"x; dmarc=fail",
                format!(
                    "in {AAR} text and results cannot be told apart: the quoted string that begins at offset 70"
                ),
            ),
            (
                "list.example 2; dmarc=pass header.from=bank.example",
                format!("{AAR} are of version 2, which is not known"),
            ),
        ] {
            let report = judge(&sealed_over(CHANGED, "from", results));
            let got: Vec<_> = report.distrust().iter().map(|cause| reason(cause)).collect();
            assert!(got.len() == 1 && got[0].starts_with(&told), "{got:?}\n{told}");
            assert_distrust(&report, &[&got[0]]);
        }
    }

    #[test]
    fn names_what_was_said_instead() {
        let set = "the ARC-Authentication-Results of set 1 (list.example) do not say dmarc=pass for bank.example: they";
        let no_from = "say dmarc=pass without a header.from that can be read";
        for (results, said) in [
            ("dmarc=fail header.from=bank.example", "say dmarc=fail header.from=bank.example"),
            ("dmarc=pass header.from=evil.example", "say dmarc=pass header.from=evil.example"),
            ("dmarc=pass header.from=\"\u{fc}\"", "say dmarc=pass header.from=<U+00FC>"),
            ("dmarc=pass", no_from),
            ("dmarc=pass header.from=[bank.example]", no_from),
            ("dmarc=pass header.from=bank.example header.from=:", no_from),
            ("dmarc=pass header.from=bank.example .evil.example", no_from),
            ("dmarc/2=pass header.from=bank.example", "say dmarc/2=pass header.from=bank.example"),
            ("spf=pass; x-dmarc=pass header.from=bank.example", "hold no DMARC result"),
            ("none", "hold no DMARC result"),
        ] {
            let report = judge(&sealed_over(CHANGED, "from", &format!("list.example; {results}")));
            assert_distrust(&report, &[&format!("{set} {said}")]);
        }
    }

    #[test]
    fn names_the_chain_and_who_is_not_trusted() {
        assert_distrust(&judge(CHANGED), &["the message has no ARC set"]);
        let stranger = sealed(CHANGED, "stranger.example", saw(DmarcResult::Pass, "bank.example"));
        let untrusted = "is not by a trusted sealer; neither it nor the sets below it are trusted";
        assert_distrust(&judge(&stranger), &[&format!("ARC set 1 (stranger.example) {untrusted}")]);
        let above = sealed(&stranger, "forward.example", saw(DmarcResult::Fail, "bank.example"));
        assert_distrust(
            &judge(&above),
            &[
                "the ARC-Authentication-Results of set 2 (forward.example) do not say dmarc=pass for bank.example: they \
                 say dmarc=fail header.from=bank.example",
                &format!("ARC set 1 (stranger.example) {untrusted}"),
            ],
        );
        let below = sealed(&passed_on_by_list(), "stranger.example", saw(DmarcResult::Pass, "bank.example"));
        assert_distrust(&judge(&below), &[&format!("ARC set 2 (stranger.example) {untrusted}")]);
        let changed = String::from_utf8(passed_on_by_list()).unwrap().replace("Hi.", "Ho.");
        assert_distrust(&judge(changed.as_bytes()), &["the ARC chain did not pass: arc=fail"]);
        assert_distrust(
            &judge(&sealed_over(CHANGED, "subject:to", SAW_PASS)),
            &["the newest ARC-Message-Signature, of set 1, does not cover From"],
        );
        let two = b"From: ceo@bank.example, u@evil.example\r\nSubject: x\r\n\r\nHi.\r\n";
        let report = judge(&sealed(two, "list.example", saw(DmarcResult::Pass, "bank.example")));
        let causes: Vec<_> = report.distrust().iter().map(ToString::to_string).collect();
        assert_eq!(causes, ["the message has no author, or more than one, for whom a forwarder could speak"]);
    }

    #[test]
    fn is_not_told_where_nothing_is_set_aside_or_nobody_trusted() {
        let untrusting = authenticator().with_arc(arc::Policy::default());
        assert_eq!(judge_by(&untrusting, CHANGED).distrust(), []);
        assert_eq!(judge(&signed("bank.example", CHANGED)).distrust(), []);
        assert_eq!(judge(b"From: joe@stranger.example\r\n\r\nHi.\r\n").distrust(), []);
        assert_eq!(judge(&passed_on_by_list()).distrust(), []);
    }
}

/// RFC 8617 §6: `smtp.remote-ip` and `header.oldest-pass` "SHOULD be recorded in an Authentication-Results header field".
#[test]
fn the_delivered_field_says_who_relayed_and_which_set_still_verifies() {
    let written = |report: &Report| -> Vec<String> {
        report.authentication_results().entries().iter().map(ToString::to_string).collect()
    };
    let report = written(&judge(&passed_on_by_list()));
    let entry = "arc=pass header.oldest-pass=0 smtp.remote-ip=198.51.100.9";
    assert!(report.contains(&entry.to_owned()), "{report:?}");
    let none = written(&judge(CHANGED));
    assert!(none.contains(&"arc=none smtp.remote-ip=198.51.100.9".to_owned()), "{none:?}");
    // Nothing is made up where there is no client.
    let report = check_by(&trusting(), &waxseal::Envelope::unknown(), &passed_on_by_list(), &zone());
    assert!(written(&report).contains(&"arc=pass header.oldest-pass=0".to_owned()), "{report}");
}

/// A report can be sealed and passed on, and its own set is what the next receiver trusts.
#[test]
fn what_is_sealed_here_is_believed_by_those_who_trust_us() {
    let sealer = Sealer::new(name("forward.example"), "s", key("forward.example")).unwrap();
    let forwarder = trusting().with_sealer(sealer);
    let message = signed("bank.example", b"From: ceo@bank.example\r\n\r\nHi.\r\n");
    let report =
        check_by(&forwarder, &envelope(BANK_IP, "bank.example", "ceo@bank.example"), &message, &zone());
    assert_eq!(report.dmarc().result(), DmarcResult::Pass);
    let set = report.seal().unwrap();
    let forwarded = [set.fields().as_bytes(), &message].concat();

    // The bank's key is gone by now.
    let later = ["forward.example"]
        .iter()
        .fold(Zone::new().with_txt("_dmarc.bank.example", "v=DMARC1; p=reject").unwrap(), |dns, domain| {
            publish(dns, domain, ELSEWHERE, "v=DMARC1; p=none")
        });
    let envelope = envelope(ELSEWHERE, "forward.example", "srs@forward.example");
    let report = check_by(&trusting(), &envelope, &forwarded, &later);
    assert_spoken_for(&report, "arc=pass i=1 d=forward.example");
    // Whoever saw it fail says so.
    let failed = check_by(&forwarder, &evil(), CHANGED, &zone());
    let forwarded = [failed.seal().unwrap().fields().as_bytes(), CHANGED].concat();
    assert_not_spoken_for(&check_by(&trusting(), &envelope, &forwarded, &later));
}
