//! One message, one report: however it arrives, whoever looks up its names and in which order, and when it is judged
//! again.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

#[path = "../common/mod.rs"]
mod common;

mod evidence;
mod odd_messages;

use common::*;
use evidence::assert_survives_a_file;
use proptest::prelude::*;
use std::{
    sync::Mutex,
    time::{Duration, UNIX_EPOCH},
};
use waxseal::{
    Authenticator, Disposition, Envelope, Evidence, InboundCheck, IprevCheck, Lookups, Method, Report,
    Session,
    arc::{self, ChainVerifier, Sealer},
    authres::{AuthenticationResults, DmarcResult, SpfResult},
    dkim::sign_all,
    dns::{
        Answer, Answers, Check, LookupError, Question, Record, Reply, Resolve, ResolveBlocking, Zone, drive,
        drive_blocking, drive_with, drive_with_blocking,
    },
    header::{Header, HeaderError, HeaderLimits, Space},
    spf::SpfCheck,
};

/// A sender whose records take several rounds of lookups.
fn zone() -> Zone {
    let dns = publish(dns(), "list.example", EVIL_IP, "v=DMARC1; p=quarantine; sp=reject");
    let records = "a.example. TXT \"v=spf1 include:b.example mx:c.example redirect=d.example\"\n\
         b.example. TXT \"v=spf1 a:e.example ?all\"\n\
         c.example. MX 10 mail.c.example.\n\
         mail.c.example. A 192.0.2.9\n\
         d.example. TXT \"v=spf1 ip4:192.0.2.66 -all\"\n\
         e.example. A 192.0.2.8\n\
         66.2.0.192.in-addr.arpa. PTR client.a.example.\n\
         66.2.0.192.in-addr.arpa. PTR other.a.example.\n\
         client.a.example. A 192.0.2.66\n\
         other.a.example. A 192.0.2.67\n";
    let mut dns = dns;
    dns.merge(Zone::from_zone_file(records, None).unwrap());
    dns
}

fn all() -> Authenticator {
    let sealer = Sealer::new(name("list.example"), "s", key("list.example")).unwrap();
    authenticator()
        .with_arc(arc::Policy::default())
        .with_trusted_sealers(|sealer| sealer.as_str() == "list.example")
        .with_sealer(sealer)
        .with_spf_trace(true)
}

fn sender() -> Envelope {
    envelope(EVIL_IP, "client.a.example", "joe@a.example")
}

const PLAIN: &[u8] = b"From: Joe <joe@sub.bank.example>\r\nTo: list@list.example\r\n\
    Subject: figures\r\n\tof the year\r\nX-Empty:\r\n\r\nHi.  \r\n\r\n.\tJoe\r\n\r\n\r\n";

/// Signed twice, sealed twice, with one signature that is none and a body with blank ends.
fn rich() -> Vec<u8> {
    let fields = sign_all(&[signer("bank.example"), signer("evil.example")], PLAIN, now()).unwrap();
    let mut message =
        [fields.as_bytes(), b"DKIM-Signature: v=1; d=bank.example; nonsense\r\n", PLAIN].concat();
    for sealer in ["list.example", "evil.example"] {
        let chain = ChainVerifier::new(Default::default()).unwrap().verify_blocking(&message, now(), &zone());
        let sealer = Sealer::new(name(sealer), "s", key(sealer)).unwrap();
        let set = sealer.seal(&message, &chain, &AuthenticationResults::new("l"), now()).unwrap();
        message = [set.fields().as_bytes(), &message].concat();
    }
    message
}

fn whole(authenticator: &Authenticator, message: &[u8]) -> Report {
    check_by(authenticator, &sender(), message, &zone())
}

/// Everything that a caller can see.
fn told(report: &Report) -> String {
    let sealed = report.seal().map(|set| set.fields()).map_err(|error| error.to_string());
    format!(
        "{report}{}{}{}{sealed:?}{:?}",
        field_of(report),
        report.received_spf().to_field(),
        report.explain(),
        report.spf().trace()
    )
}

fn finished(session: Session) -> Report {
    drive_blocking(session.finish(), &zone())
}

/// Field by field, as a milter hands a message on: values without the blank, folds with LF alone.
fn by_field(authenticator: &Authenticator, message: &[u8]) -> Report {
    let (header, body) = Header::parse(message).unwrap();
    let mut session = authenticator.begin(&sender(), now());
    for field in header.fields() {
        let value = field.value();
        let (value, space) = match value.strip_prefix(b" ") {
            Some(value) => (value, Space::Added),
            None => (value, Space::Kept),
        };
        let value = String::from_utf8(value.to_vec()).unwrap().replace("\r\n", "\n");
        session.field(field.name(), value.as_bytes(), space).unwrap();
    }
    body.chunks(5).for_each(|chunk| session.body(chunk));
    finished(session)
}

/// Where the body begins.
fn end_of_header(message: &[u8]) -> usize {
    message.windows(4).position(|octets| octets == b"\r\n\r\n").unwrap() + 4
}

#[test]
fn the_message_of_these_tests_has_everything() {
    let report = whole(&all(), &rich());
    assert_eq!(report.spf().result(), SpfResult::Pass, "{}", report.explain());
    let words: Vec<_> = dkim(&report).iter().map(|(word, ..)| word.as_str()).collect();
    assert_eq!(words, ["pass", "pass", "permerror"]);
    assert!(report.arc().unwrap().is_pass());
    assert_eq!(report.dmarc().result(), DmarcResult::Pass);
    assert_eq!(report.iprev().unwrap().name(), Some(&name("client.a.example")));
    assert!(report.seal().unwrap().seal().contains("i=3;"));
    assert_eq!(report.to_string(), "spf=pass dkim=pass arc=pass dmarc=pass disposition=none");
    assert_eq!(report.reason(), report.dmarc().reason());
    let iprev = report.iprev().unwrap();
    assert!(iprev.is_pass() && Some(iprev.ip()) == sender().ip());
    assert_eq!(
        iprev.explain(),
        "reverse DNS of 192.0.2.66: pass\nclient.a.example is a name of the address, and has the address\n"
    );
}

/// In two chunks, at every fifth place of the header and every place from its end on, and octet by octet.
#[test]
fn a_message_cut_anywhere_is_the_same_message() {
    let (all, message) = (all(), rich());
    let expected = told(&whole(&all, &message));
    let end = end_of_header(&message) - 40;
    for cut in (0..end).step_by(5).chain(end..=message.len()) {
        let (first, second) = message.split_at(cut);
        let mut session = all.begin(&sender(), now());
        session.push(first);
        session.push(second);
        assert_eq!(told(&finished(session)), expected, "cut at {cut}");
    }
    let mut session = all.begin(&sender(), now());
    message.chunks(1).for_each(|octet| session.push(octet));
    assert_eq!(told(&finished(session)), expected);
}

#[test]
fn fields_and_body_apart_are_the_same_message() {
    let (all, message) = (all(), rich());
    let expected = told(&whole(&all, &message));
    assert_eq!(told(&by_field(&all, &message)), expected);
    assert_eq!(told(&by_field(&all, PLAIN)), told(&whole(&all, PLAIN)));
}

#[test]
fn the_report_has_the_header_that_was_checked() {
    let report = by_field(&all(), PLAIN);
    assert_eq!(report.header().unwrap().as_bytes(), &PLAIN[..end_of_header(PLAIN) - 2]);
    let strict = all().with_header_limits(HeaderLimits::default().with_max_fields(3));
    assert_eq!(by_field(&strict, PLAIN).header(), Err(&HeaderError::TooManyFields(3)));
}

#[test]
fn what_can_be_called_when() {
    let mut session = all().begin(&sender(), now());
    session.field(b"From", b"joe@bank.example", Space::Added).unwrap();
    session.push(b"Hi.\r\n");
    assert!(session.field(b"Subject", b"late", Space::Added).is_err());
    session.end_header();
    session.body(b"Joe\r\n");
    let expected = whole(&all(), b"From: joe@bank.example\r\n\r\nHi.\r\nJoe\r\n");
    assert_eq!(told(&finished(session)), told(&expected));

    // Nothing at all is an empty message.
    let nothing = told(&whole(&all(), b""));
    assert_eq!(told(&finished(all().begin(&sender(), now()))), nothing);
    let mut ended = all().begin(&sender(), now());
    ended.end_header();
    ended.end_header();
    assert_eq!(told(&finished(ended)), nothing);

    // A header that cannot be taken stays so, whatever comes.
    let mut refused = all().begin(&sender(), now());
    refused.field(b"Fr om", b"x", Space::Added).unwrap();
    refused.field(b"From", b"joe@bank.example", Space::Added).unwrap();
    refused.end_header();
    refused.push(b"From: joe@bank.example\r\n\r\n");
    refused.body(b"Hi.\r\n");
    let report = finished(refused);
    assert_sound(&all(), &report);
    assert_fails_closed(&report);
    assert!(report.seal().is_err());
}

/// Answers come in another order, some of them before they are asked for.
struct Shuffled {
    zone: Zone,
    /// Which question of those wanted is answered next, over and over.
    order: Vec<u8>,
}

impl Shuffled {
    fn drive(&self, mut check: InboundCheck) -> Report {
        let (mut dns, mut open) = (Answers::new(), Vec::new());
        let mut order = self.order.iter().cycle();
        loop {
            if let Ok(report) = check.run(&mut dns) {
                return report;
            }
            open.extend(dns.take_wanted());
            assert!(!open.is_empty() && dns.known().len() < 1_000, "the check does not end");
            let next = order.next().map_or(0, |next| usize::from(*next)) % open.len();
            let question: Question = open.swap_remove(next);
            let reply = self.zone.lookup(&question);
            dns.answer(question, reply);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_chunks_make_the_same_message(sizes in prop::collection::vec(1_usize..200, 1..40)) {
        let (all, message) = (all(), rich());
        let mut session = all.begin(&sender(), now());
        let mut rest = &message[..];
        for size in sizes.iter().cycle() {
            let (chunk, after) = rest.split_at((*size).min(rest.len()));
            session.push(chunk);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(told(&finished(session)), told(&whole(&all, &message)));
    }

    #[test]
    fn any_order_of_answers_gives_the_same_report(order in prop::collection::vec(any::<u8>(), 1..40)) {
        let (all, message) = (all(), rich());
        let shuffled = Shuffled { zone: zone(), order }.drive(all.inbound(&sender(), &message, now()));
        prop_assert_eq!(told(&shuffled), told(&whole(&all, &message)));
    }

    /// Whatever part of the answers is there when the check begins.
    #[test]
    fn any_answers_ahead_give_the_same_report(kept in prop::collection::vec(any::<bool>(), 60)) {
        let (all, message) = (all(), rich());
        let expected = whole(&all, &message);
        let evidence = expected.evidence();
        let ahead = evidence.answers().zip(&kept).filter(|(_, kept)| **kept).map(|(answer, _)| answer.clone());
        let check = all.inbound(&sender(), &message, now()).with_answers(ahead.collect::<Answers<'_>>());
        prop_assert_eq!(told(&drive_blocking(check, &zone())), told(&expected));
    }

    /// Octets of any kind get a report that is sound, the same in pieces, and the same from its evidence in a file.
    #[test]
    fn any_octets_get_a_sound_report(
        head in prop::collection::vec(prop::sample::select(PIECES), 0..12),
        body in prop::collection::vec(any::<u8>(), 0..40),
        helo in prop::collection::vec(any::<u8>(), 0..20),
        mail_from in prop::collection::vec(any::<u8>(), 0..20),
        at in any::<prop::sample::Index>(),
    ) {
        let message = [&head.concat()[..], &body].concat();
        let envelope = envelope(EVIL_IP, helo, mail_from);
        let report = check_by(&all(), &envelope, &message, &zone());
        let (first, second) = message.split_at(at.index(message.len() + 1));
        let mut session = all().begin(&envelope, now());
        session.push(first);
        session.push(second);
        prop_assert_eq!(told(&finished(session)), told(&report));
        assert_survives_a_file(&all(), &report);
        if report.dmarc().result() == DmarcResult::Pass {
            prop_assert!(report.dmarc().dkim_aligned() || report.dmarc().spf_aligned());
        }
    }
}

const PIECES: &[&[u8]] = &[
    b"From: joe@bank.example\r\n",
    b"From: ",
    b"Joe <joe@a.example>",
    b"from : x@y\r\n",
    b"DKIM-Signature: v=1; a=rsa-sha256; d=bank.example; s=s; h=from; bh=; b=\r\n",
    b"ARC-Seal: i=1; cv=none; a=ed25519-sha256; d=list.example; s=s; b=\r\n",
    b"ARC-Authentication-Results: i=1; x; dmarc=pass\r\n",
    b"ARC-Message-Signature: i=1; d=list.example; s=s; h=from; bh=; b=\r\n",
    b"X: \xff\0\r\n",
    b"\r\n",
    b"\n",
    b" ",
    b":",
    b"\r",
];

#[test]
fn lookups_ahead_leave_nothing_to_ask_but_what_depends_on_them() {
    let (all, message) = (all(), rich());
    let expected = told(&whole(&all, &message));
    let zone = zone();
    let asked = Mutex::new(Vec::new());
    let resolver = |q: &Question| -> Reply {
        asked.lock().unwrap().push(q.to_string());
        zone.lookup(q)
    };
    // Before the message, between header and body, and at its end.
    let mut session = all.begin(&sender(), now());
    let envelope = session.lookups().resolve_blocking(&resolver);
    assert!(envelope.known().any(|(q, _)| q.name == name("a.example")));
    let end = end_of_header(&message);
    session.push(&message[..end]);
    let header = session.lookups().resolve_blocking(&resolver);
    for wanted in ["s._domainkey.bank.example", "s._domainkey.list.example", "_dmarc.sub.bank.example"] {
        assert!(header.known().any(|(q, _)| q.name == name(wanted)), "{wanted} is not looked up ahead");
    }
    asked.lock().unwrap().clear();
    session.push(&message[end..]);
    let report = drive_blocking(session.finish().with_answers(header), &resolver);
    assert_eq!(told(&report), expected);
    // The walks of the signing domains depend on which signatures are good.
    let late: Vec<_> = asked.into_inner().unwrap();
    assert!(late.iter().all(|q| q.starts_with("_dmarc.")), "{late:?}");
}

/// Answers from two sources, one of them wrong: the first that is handed over is believed, and nothing is asked twice.
#[test]
fn nothing_is_asked_twice() {
    let counted = Mutex::new(std::collections::HashMap::<String, usize>::new());
    let zone = zone();
    let resolver = |q: &Question| -> Reply {
        *counted.lock().unwrap().entry(q.to_string()).or_default() += 1;
        zone.lookup(q)
    };
    drive_blocking(all().inbound(&sender(), &rich(), now()), &resolver);
    let counted = counted.into_inner().unwrap();
    assert!(counted.len() > 15 && counted.values().all(|times| *times == 1), "{counted:?}");
}

/// Answers after a while, so that the future has to wait.
struct Slow(Zone);

impl Resolve for Slow {
    async fn resolve(&self, q: &Question) -> Reply {
        tokio::task::yield_now().await;
        self.0.lookup(q)
    }
}

/// Never answers what is not in the zone.
struct Stuck(Zone);

impl Resolve for Stuck {
    async fn resolve(&self, q: &Question) -> Reply {
        match self.0.lookup(q) {
            Ok(answer) if !answer.records.is_empty() => Ok(answer),
            _ => std::future::pending().await,
        }
    }
}

#[tokio::test]
async fn every_driver_gives_the_same_report() {
    let (all, message) = (all(), rich());
    let expected = told(&whole(&all, &message));
    let inbound = || all.inbound(&sender(), &message, now());
    assert_eq!(told(&drive(inbound(), &Slow(zone())).await), expected);
    assert_eq!(told(&all.check(&sender(), &message, now(), &Slow(zone())).await), expected);
    assert_eq!(told(&all.check(&sender(), &message, now(), &zone()).await), expected);
    assert_eq!(told(&all.check_blocking(&sender(), &message, now(), &zone().cold())), expected);
    assert_eq!(
        told(&drive_with(inbound(), &mut Answers::new(), &Slow(zone()), std::future::pending()).await),
        expected
    );
    assert_eq!(told(&sans_io(inbound(), &zone())), expected);

    let mut session = all.begin(&sender(), now());
    session.push(&message);
    let ahead = session.lookups().resolve(&Slow(zone())).await;
    assert_eq!(told(&drive(session.finish().with_answers(ahead), &Slow(zone())).await), expected);
}

fn sans_io(mut check: InboundCheck, zone: &Zone) -> Report {
    let mut dns = Answers::new();
    loop {
        if let Ok(report) = check.run(&mut dns) {
            return report;
        }
        for question in dns.take_wanted() {
            let reply = zone.lookup(&question);
            dns.answer(question, reply);
        }
    }
}

/// A session moves between tasks, and a report is read by several threads.
#[tokio::test]
async fn a_session_goes_from_task_to_task() {
    fn is_send<T: Send + 'static>(value: T) -> T {
        value
    }
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Report>();
    is_shared::<Evidence>();
    is_shared::<Authenticator>();
    is_shared::<Envelope>();
    let (all, message) = (is_send(all()), rich());
    let mut session = is_send(all.begin(&sender(), now()));
    let (first, second) = message.split_at(message.len() / 2);
    session.push(first);
    let lookups: Lookups = is_send(session.lookups());
    let ahead = tokio::spawn(async move { lookups.resolve(&Slow(zone())).await });
    let rest = second.to_vec();
    let session = std::thread::spawn(move || {
        session.push(&rest);
        session
    })
    .join()
    .unwrap();
    let check = is_send(session.finish()).with_answers(ahead.await.unwrap());
    let report = tokio::spawn(async move { drive(check, &Slow(zone())).await }).await.unwrap();
    let expected = told(&whole(&all, &message));
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| told(&report))).collect();
        threads.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), expected));
    });
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_a_temporary_error() {
    let (all, message) = (all(), rich());
    let (check, dead) = (all.inbound(&sender(), &message, now()), Stuck(Zone::new()));
    let report = drive_with(check, &mut Answers::new(), &dead, std::future::ready(())).await;
    assert_sound(&all, &report);
    assert_eq!(report.dmarc().result(), DmarcResult::TempError, "{}", report.explain());
    assert_eq!(report.disposition(), Disposition::Defer);
    assert_eq!(report.spf().result(), SpfResult::TempError);
    assert!(dkim(&report)[..2].iter().all(|(word, ..)| word.as_str() == "temperror"));
    assert_eq!(report.iprev().unwrap().result().as_str(), "temperror");
    // The chain has no word for that (RFC 8617 §5.2.1), but the cause tells.
    assert!(report.arc().unwrap().cause().unwrap().is_temporary());

    // What is known by then counts: the author's record and a signature that passes.
    let known = dns();
    let deadline = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    let signed = signed("bank.example", b"From: joe@bank.example\r\n\r\nHi.\r\n");
    let check = all.inbound(&sender(), &signed, now());
    let report = drive_with(check, &mut Answers::new(), &Stuck(known), deadline).await;
    assert_eq!(report.spf().result(), SpfResult::TempError, "{}", report.explain());
    assert_eq!(report.dmarc().result(), DmarcResult::Pass, "{}", report.explain());

    let blocked = all.check_blocking(&sender(), &message, now(), &Never);
    assert_eq!(blocked.disposition(), Disposition::Defer);
}

struct Never;

impl ResolveBlocking for Never {
    fn resolve_blocking(&self, _: &Question) -> Reply {
        Err(LookupError::Timeout)
    }
}

/// A resolver that invents a new question with every answer is not followed for ever.
#[test]
fn lookups_come_to_an_end() {
    let asked = Mutex::new(0);
    let endless = |q: &Question| -> Reply {
        *asked.lock().unwrap() += 1;
        let next = format!("v=spf1 include:x{}.{}", q.name.as_str().len(), q.name);
        Ok(Answer::new([Record::Txt(next.into_bytes().into())]))
    };
    let report = all().check_blocking(&sender(), &rich(), now(), &endless);
    assert_sound(&all(), &report);
    let asked = asked.into_inner().unwrap();
    assert!(asked < 150, "{asked}");
}

#[test]
fn what_a_client_says_does_not_decide_how_long_the_explanation_gets() {
    let envelope = Envelope::new("192.0.2.1".parse().unwrap(), vec![b'h'; 1 << 20], vec![b'\xff'; 1 << 20]);
    let report =
        Authenticator::new("mx.example.net").unwrap().check_blocking(&envelope, b"\r\n", now(), &zone());
    assert!(report.explain().len() < 8192, "{}", report.explain().len());
    assert!(field_of(&report).len() < 8192, "{}", field_of(&report).len());
}

/// The schema of the guide page `json`.
#[test]
fn a_report_is_one_json_object() {
    let read = |report: &Report| serde_json::from_str::<serde_json::Value>(&report.to_json()).unwrap();
    let report = whole(&all(), &rich());
    let json = read(&report);
    let mut names: Vec<_> = json.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["arc", "authentication_results", "disposition", "dkim", "dmarc", "iprev", "spf", "spf_helo"]
    );
    assert_eq!(json["dkim"][0]["d"], "bank.example");
    assert_eq!(json["dkim"][2]["result"], "permerror");
    assert_eq!((&json["arc"]["result"], &json["arc"]["sets"]), (&"pass".into(), &2.into()));
    assert_eq!(json["dmarc"]["result"], "pass");
    let same = |value: &serde_json::Value, text: String| {
        *value == serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    assert!(same(&json["iprev"], report.iprev().unwrap().to_json()), "{json}");
    assert_eq!(json["iprev"]["name"], "client.a.example");
    assert!(same(&json["spf"], report.spf().to_json()), "{json}");
    assert_eq!(json["disposition"], "none");

    let unknown = Envelope::missing_because("the archive has none");
    let report = check_by(&authenticator().with_trusted_sealers(|_| true), &unknown, BANK, &zone());
    assert!(
        report.explain().starts_with("no envelope: the archive has none; SPF and iprev were not checked\n")
    );
    let json = read(&report);
    let reason = "no envelope: the archive has none";
    assert_eq!(
        json["spf"],
        serde_json::json!({
            "result": null, "identity": null, "domain": null, "reason": reason, "lookups": 0, "void_lookups": 0,
        })
    );
    assert_eq!(json["iprev"], serde_json::json!({ "result": null, "name": null, "reason": reason }));
    assert_eq!(json["distrust"], serde_json::json!(["the message has no ARC set"]));
    let unchecked = whole(&authenticator().with_methods([Method::Spf]), PLAIN);
    assert_eq!(read(&unchecked)["iprev"]["reason"], "not checked");
}

const BANK: &[u8] = b"From: ceo@bank.example\r\n\r\nHi.\r\n";

/// RFC 7208 §2.4 lets SPF be checked before DATA; what was found then is not asked again, nor replaced by another result.
#[test]
fn verdicts_reached_before_data_count_in_place_of_a_check() {
    let (all, message, envelope) = (all(), rich(), sender());
    let mut answers = Answers::new();
    let spf = SpfCheck::mail_from(envelope.ip().unwrap(), envelope.mail_from(), envelope.helo(), now());
    let spf = drive_with_blocking(spf.with_trace(true), &mut answers, &zone(), None);
    let helo = SpfCheck::helo(envelope.ip().unwrap(), envelope.helo(), now());
    let helo = drive_with_blocking(helo.with_trace(true), &mut answers, &zone(), None);
    let iprev = drive_with_blocking(IprevCheck::new(envelope.ip().unwrap()), &mut answers, &zone(), None);
    assert_eq!((spf.result(), helo.result()), (SpfResult::Pass, SpfResult::None));

    let begin = || {
        let session = all.begin(&envelope, now());
        let mut session = session.with_spf(spf.clone()).with_spf(helo.clone()).with_iprev(iprev.clone());
        session.push(&message);
        session
    };
    let asked = begin().lookups().resolve_blocking(&zone());
    assert!(asked.known().all(|(question, _)| question.name.as_str().starts_with('_')
        || question.name.as_str().contains("._domainkey.")));
    let report = drive_blocking(begin().finish().with_answers(answers.into_owned()), &zone());
    assert_eq!(told(&report), told(&whole(&all, &message)));
    assert_eq!(told(&all.replay(&report.evidence()).unwrap()), told(&report));

    // A verdict of another check stays what it is.
    let failed =
        drive_blocking(SpfCheck::mail_from(envelope.ip().unwrap(), "ceo@bank.example", "x", now()), &zone());
    let report = finished(begin().with_spf(failed));
    assert_eq!(report.spf().reason(), "matched -all of bank.example");
    assert_eq!(report.dmarc().result(), DmarcResult::Pass, "by DKIM");
}
