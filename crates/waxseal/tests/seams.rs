//! What a program needs that plays one part beside others: a header that is known first, methods one by one, keys chosen per
//! message, results of other programs.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal::{
    Authenticator, Disposition, Envelope, Evidence, ForwardError, Method, Report, Session,
    arc::{self, Sealer},
    authres::{AuthenticationResults, Entry, SpfResult},
    dmarc,
    dns::{Answers, Check, Question, Reply, Zone, drive_blocking},
    header::{Header, HeaderLimits, Space},
};

const MESSAGE: &[u8] = b"From: ceo@bank.example\r\nSubject: figures\r\n\r\nHi.\r\n";

fn zone() -> Zone {
    dns()
}

fn client() -> Envelope {
    envelope(BANK_IP, "mail.bank.example", "ceo@bank.example")
}

fn signed() -> Vec<u8> {
    [signer("bank.example").sign(MESSAGE, now()).unwrap().as_bytes(), MESSAGE].concat()
}

fn finished(session: Session) -> Report {
    drive_blocking(session.finish(), &zone())
}

fn sealer(domain: &str) -> Sealer {
    Sealer::new(name(domain), "s", key(domain)).unwrap()
}

#[test]
fn a_session_that_begins_with_a_header_reports_what_any_other_does() {
    let message = signed();
    let (header, body) = Header::parse(&message).unwrap();
    let authenticator = authenticator().with_arc(arc::Policy::default());
    let mut session = authenticator.begin_with_header(&client(), header.clone(), now());
    assert_eq!(session.header().unwrap().unwrap().as_bytes(), header.as_bytes());
    assert!(session.field(b"X", b"y", Space::Added).is_err(), "the header has ended");
    body.chunks(2).for_each(|chunk| session.body(chunk));
    let report = finished(session);
    let whole = authenticator.check_blocking(&client(), &message, now(), &zone());
    assert!(report.dmarc().is_pass(), "{}", report.explain());
    assert_eq!(report.explain(), whole.explain());
    assert_eq!(field_of(&report), field_of(&whole));
}

#[test]
fn a_session_shows_its_header_once_it_is_complete() {
    let mut session = authenticator().begin(&client(), now());
    assert!(session.header().is_none());
    session.field(b"From", b"ceo@bank.example", Space::Added).unwrap();
    assert!(session.header().is_none());
    session.end_header();
    assert_eq!(session.header().unwrap().unwrap().as_bytes(), b"From: ceo@bank.example\r\n");

    let mut refused = authenticator()
        .with_header_limits(HeaderLimits::default().with_max_fields(1))
        .begin(&client(), now());
    refused.push(MESSAGE);
    let error = refused.header().unwrap().unwrap_err().to_string();
    assert_eq!(error, finished(refused).header().unwrap_err().to_string());
}

/// Every question that a check asks, with the report.
fn asked(methods: &[Method]) -> (Vec<String>, Report) {
    let authenticator = authenticator().with_methods(methods.iter().copied());
    let (mut check, mut dns) = (authenticator.inbound(&client(), &signed(), now()), Answers::new());
    let report = loop {
        if let Ok(report) = check.run(&mut dns) {
            break report;
        }
        for question in dns.take_wanted() {
            let reply = zone().lookup(&question);
            dns.answer(question, reply);
        }
    };
    let questions = dns.known().map(|(question, _)| format!("{} {}", question.name, question.kind)).collect();
    (questions, report)
}

#[test]
fn a_method_that_is_off_asks_nothing_and_is_not_in_the_results() {
    let key = "s._domainkey.bank.example TXT";
    let cases: [(&[Method], &[&str], &str, &str); 5] = [
        (&[], &[], "mx.example.net; none", "disposition=none"),
        (&[Method::Dkim], &[key], "dkim=pass", "dkim=pass disposition=none"),
        (&[Method::Spf], &["bank.example TXT"], "spf=pass", "spf=pass disposition=none"),
        (&[Method::Arc], &[], "arc=none", "arc=none disposition=none"),
        (&[Method::Dmarc], &["_dmarc.bank.example TXT"], "dmarc=fail", "dmarc=fail disposition=quarantine"),
    ];
    for (methods, questions, result, line) in cases {
        let (asked, report) = asked(methods);
        assert_eq!(asked, questions, "{methods:?}");
        let results = report.authentication_results();
        assert!(results.to_string().contains(result), "{results}");
        assert_eq!(results.entries().len(), methods.len(), "{results}");
        assert_eq!(report.to_string(), line);
        assert_eq!(report.spf().is_pass(), methods == [Method::Spf]);
        assert_eq!(report.dkim().iter().count(), usize::from(methods == [Method::Dkim]));
    }
    let (_, report) = asked(&[Method::Dkim]);
    assert_eq!(report.dmarc().cause(), Some(&dmarc::Cause::NotChecked));
    assert!(
        !report.explain().contains("dmarc=") && !report.explain().contains("spf="),
        "{}",
        report.explain()
    );
}

#[test]
fn an_spf_verdict_that_was_brought_along_counts_where_spf_is_off() {
    let spf = waxseal::spf::SpfCheck::mail_from(
        client().ip().unwrap(),
        client().mail_from(),
        client().helo(),
        now(),
    );
    let spf = drive_blocking(spf, &zone());
    let authenticator = authenticator().with_methods([Method::Dmarc]);
    let mut session = authenticator.begin(&client(), now()).with_spf(spf);
    session.push(MESSAGE);
    let report = finished(session);
    assert!(report.dmarc().is_pass(), "{}", report.explain());
    assert!(report.authentication_results().to_string().contains("spf=pass smtp.mailfrom=bank.example"));
}

#[test]
fn without_dmarc_a_refused_header_is_not_judged_but_shown() {
    let limits = HeaderLimits::default().with_max_fields(1);
    let authenticator = authenticator().with_methods([]).with_header_limits(limits);
    let report = authenticator.check_blocking(&client(), MESSAGE, now(), &zone());
    assert_eq!((report.disposition(), report.header().is_err()), (Disposition::None, true));
    assert_eq!(report.authentication_results().to_string(), "mx.example.net; none");
}

#[test]
fn a_client_without_an_address_keeps_helo_and_mail_from() {
    let envelope = Envelope::without_address("mail.bank.example", "<ceo@bank.example>");
    assert_ne!(envelope, Envelope::unknown());
    let report = authenticator().check_blocking(&envelope, &signed(), now(), &zone());
    assert_eq!(report.spf().result(), SpfResult::None);
    assert!(report.spf_helo().is_none() && report.iprev().is_none());
    assert!(report.dmarc().is_pass(), "by DKIM: {}", report.explain());
    let results = report.authentication_results().to_string();
    assert!(!results.contains("spf=") && !results.contains("iprev="), "{results}");
    let line = "client without an address, HELO mail.bank.example, MAIL FROM <ceo@bank.example>: \
                SPF and iprev were not checked\n";
    assert!(report.explain().starts_with(line), "{}", report.explain());
    let kept = Evidence::from_json(&report.evidence().to_json()).unwrap();
    assert_eq!(kept.envelope(), &envelope);
}

#[test]
fn a_sealer_is_chosen_when_the_header_is_known() {
    let message = signed();
    let (header, body) = Header::parse(&message).unwrap();
    for preset in [false, true] {
        let mut authenticator = authenticator().with_arc(arc::Policy::default());
        if preset {
            authenticator = authenticator.with_sealer(sealer("evil.example"));
        }
        let session = authenticator.begin_with_header(&client(), header.clone(), now());
        let mut session = session.with_sealer(sealer("list.example"));
        session.body(body);
        let set = finished(session).seal().unwrap();
        assert!(set.seal().contains("d=list.example;"), "{}", set.seal());
    }
}

#[test]
fn a_sealer_that_comes_after_the_body_began_seals_nothing() {
    let mut session = authenticator().with_sealer(sealer("evil.example")).begin(&client(), now());
    session.push(MESSAGE);
    let report = finished(session.with_sealer(sealer("list.example")));
    assert!(matches!(report.seal(), Err(ForwardError::NoSealer)));
}

#[test]
fn a_bare_line_end_is_not_sealed_by_a_sealer_of_the_session_either() {
    let (header, _) = Header::parse(MESSAGE).unwrap();
    let authenticator = authenticator().with_arc(arc::Policy::default());
    let mut session =
        authenticator.begin_with_header(&client(), header, now()).with_sealer(sealer("list.example"));
    session.body(b"a\nb\r\n");
    let error = finished(session).seal().unwrap_err();
    assert!(error.to_string().contains("bare"), "{error}");
}

/// SPF answers at once, keys never.
struct Slow;

impl waxseal::Resolve for Slow {
    async fn resolve(&self, question: &Question) -> Reply {
        if question.name.as_str().contains("_domainkey") {
            std::future::pending::<()>().await;
        }
        zone().lookup(question)
    }
}

#[test]
fn lookups_with_a_deadline_keep_what_came_and_the_check_asks_for_the_rest() {
    let mut session = authenticator().begin(&client(), now());
    session.push(&signed());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut polls = 0;
    let deadline = std::future::poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        if polls > 20 { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    });
    let answers = runtime.block_on(session.lookups().resolve_until(&Slow, deadline));
    let names: Vec<_> = answers.known().map(|(question, _)| question.name.to_string()).collect();
    assert!(names.contains(&"bank.example".to_owned()), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("_domainkey")), "{names:?}");
    assert!(!answers.has_given_up());
    let report = drive_blocking(session.finish().with_answers(answers), &zone());
    assert!(report.dkim().is_pass() && report.dmarc().is_pass(), "{}", report.explain());
}

#[test]
fn other_results_are_sealed_when_they_are_given() {
    let authenticator: Authenticator = authenticator().with_sealer(sealer("list.example"));
    let report = authenticator.check_blocking(&client(), &signed(), now(), &zone());
    let results = AuthenticationResults::new("mx.example.net").with_entry(Entry::spf(SpfResult::Neutral));
    let set = report.seal_with(&results).unwrap();
    assert!(set.authentication_results().contains("spf=neutral"));
    assert!(!set.authentication_results().contains("dkim="));
    assert!(report.seal().unwrap().authentication_results().contains("dkim=pass"));
}
