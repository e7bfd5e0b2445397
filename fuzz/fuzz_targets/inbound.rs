//! The whole inbound check with whatever client, message and DNS there may be: one sound report, however the message
//! comes, and the same one from its evidence.
#![no_main]

use libfuzzer_sys::{arbitrary::Arbitrary, fuzz_target};
use std::{
    net::IpAddr,
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal::{
    Authenticator, Disposition, Envelope, Evidence, Report,
    arc::{Policy, Sealer},
    authres::{AuthenticationResults, DmarcResult, SpfResult},
    crypto::PrivateKey,
    dkim::{KeyRecord, Signer},
    dns::{Question, Reply, ResolveBlocking, Zone, drive_blocking},
    header::{Header, Space},
};
use waxseal_fuzz::{Replies, assert_is_one_field, chunks};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    ip: [u8; 4],
    helo: &'a [u8],
    mail_from: &'a [u8],
    /// Field names of [`NAMES`] with values, on top of a signed and sealed message, or the fuzzer's own message.
    fields: Vec<(u8, &'a [u8])>,
    own: Option<&'a [u8]>,
    /// Octets put in place of others: where, how many go, what comes.
    changes: Vec<(u16, u8, &'a [u8])>,
    sizes: &'a [u8],
    replies: Replies<'a>,
    keys_are_published: bool,
    strict: bool,
}

const NAMES: [&[u8]; 10] = [
    b"From",
    b"from",
    b"DKIM-Signature",
    b"ARC-Seal",
    b"ARC-Message-Signature",
    b"ARC-Authentication-Results",
    b"Authentication-Results",
    b"Sender",
    b"X",
    b"From ",
];

/// A throwaway key.
static KEY: LazyLock<PrivateKey> = LazyLock::new(|| PrivateKey::from_ed25519_seed(&[7; 32]).expect("a seed"));

static ZONE: LazyLock<Zone> = LazyLock::new(|| {
    let record = KeyRecord::new(KEY.public_key().clone()).to_string();
    let mut zone = Zone::new()
        .with_txt("_dmarc.example.org", "v=DMARC1; p=reject; sp=quarantine")
        .and_then(|zone| zone.with_txt("example.org", "v=spf1 ip4:192.0.2.0/24 exists:%{l}.%{d} -all"))
        .expect("names");
    for domain in ["example.org", "list.example"] {
        zone = zone.with_txt(&format!("s._domainkey.{domain}"), &record).expect("a name");
    }
    zone
});

static SEALED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let message =
        b"From: Joe <joe@example.org>\r\nTo: a@example.net\r\nSubject: x\r\n\r\nHi.\r\n\r\nJoe.\r\n";
    let field = Signer::new("example.org", "s", KEY.clone())
        .expect("valid")
        .sign(message, now())
        .expect("it can be signed");
    let signed = [field.as_bytes(), message].concat();
    let envelope = Envelope::new([192, 0, 2, 1].into(), "example.org", "joe@example.org");
    let report = authenticator(false).check_blocking(&envelope, &signed, now(), &*ZONE);
    assert_eq!((report.dmarc().result(), report.dkim().is_pass()), (DmarcResult::Pass, true));
    [report.seal().expect("it can be sealed").fields().as_bytes(), &signed].concat()
});

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_000_000)
}

fn authenticator(strict: bool) -> Authenticator {
    let all = Authenticator::new("mx.example.net")
        .expect("a provider")
        .with_arc(Policy::default())
        .with_trusted_sealers(|sealer| sealer.as_str() == "list.example")
        .with_sealer(Sealer::new("list.example", "s", KEY.clone()).expect("valid"))
        .with_spf_prefetch(strict);
    let local = waxseal::dmarc::LocalPolicy::default().with_reject_on_reject(strict);
    all.with_dmarc(local)
}

struct Dns<'i>(&'i Input<'i>);

impl ResolveBlocking for Dns<'_> {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        match self.0.keys_are_published && ZONE.lookup(q).is_ok_and(|answer| !answer.records.is_empty()) {
            true => ZONE.lookup(q),
            false => self.0.replies.reply(q),
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let (message, dns) = (message(&input), Dns(&input));
    let envelope = Envelope::new(IpAddr::from(input.ip), input.helo, input.mail_from);
    let all = authenticator(input.strict);
    let report = all.check_blocking(&envelope, &message, now(), &dns);
    look_at(&report);

    let mut session = all.begin(&envelope, now());
    chunks(&message, input.sizes).into_iter().for_each(|chunk| session.push(chunk));
    let ahead = session.lookups().resolve_blocking(&dns);
    assert_eq!(told(&drive_blocking(session.finish().with_answers(ahead), &dns)), told(&report));
    if let Some(apart) = field_by_field(&all, &envelope, &message) {
        assert_eq!(told(&drive_blocking(apart, &dns)), told(&report));
    }

    let saved = report.evidence().to_json();
    let read = Evidence::from_json(&saved).expect("what was written can be read");
    assert_eq!(told(&all.replay(&read).expect("the same settings")), told(&report));

    // What is sealed is a chain, unless it was none before.
    if let (Ok(set), true) = (report.seal(), input.keys_are_published) {
        let sealed = [set.fields().as_bytes(), &message].concat();
        let again = all.check_blocking(&envelope, &sealed, now(), &dns);
        look_at(&again);
        let (before, after) = (report.arc().expect("asked for"), again.arc().expect("asked for"));
        assert_eq!(after.is_pass(), before.cause().is_none(), "{before} {after}");
    }
});

fn message(input: &Input<'_>) -> Vec<u8> {
    let mut message = Vec::new();
    for (name, value) in &input.fields {
        message.extend_from_slice(NAMES[usize::from(*name) % NAMES.len()]);
        message.extend_from_slice(b": ");
        message.extend_from_slice(value);
        message.extend_from_slice(b"\r\n");
    }
    message.extend_from_slice(input.own.unwrap_or(&SEALED));
    for (at, gone, new) in &input.changes {
        let start = usize::from(*at) % (message.len() + 1);
        let end = (start + usize::from(*gone)).min(message.len());
        message.splice(start..end, new.iter().copied());
    }
    message
}

/// The message as a milter gets it; `None` for one that no milter gets like this.
fn field_by_field(all: &Authenticator, envelope: &Envelope, message: &[u8]) -> Option<waxseal::InboundCheck> {
    let (header, body) = Header::parse(message).ok()?;
    let mut session = all.begin(envelope, now());
    for field in header.fields() {
        // A builder takes no odd names, such as those with a blank before the colon.
        let plain = field.name().iter().all(|c| matches!(c, b'!'..=b'~'))
            && field.raw().get(field.name().len()) == Some(&b':');
        if field.is_malformed() || !plain || !field.raw().ends_with(b"\r\n") {
            return None;
        }
        session.field(field.name(), field.value(), Space::Kept).ok()?;
    }
    // Bare line ends in the header and in the empty line behind it are mended on the way.
    let front = message.get(..message.len() - body.len())?;
    let bare = waxseal::header::line_ends::find_bare(front).is_some();
    if bare || header.is_empty() {
        return None;
    }
    session.body(body);
    Some(session.finish())
}

fn told(report: &Report) -> String {
    let sealed = report.seal().map(|set| set.fields()).map_err(|error| error.to_string());
    format!("{}{}{}{sealed:?}", field_of(report), report.received_spf().to_field(), report.explain())
}

fn field_of(report: &Report) -> String {
    report.authentication_results().to_field()
}

fn look_at(report: &Report) {
    assert_is_one_field(&field_of(report));
    assert!(!report.to_string().contains(|c: char| c.is_control()));
    assert_is_one_field(&report.received_spf().to_field());
    let explained = report.explain();
    assert!(explained.bytes().all(|c| matches!(c, b' '..=b'~' | b'\n')), "{explained}");
    let field = field_of(report);
    let (header, _) = Header::parse(field.as_bytes()).expect("a field");
    let parsed = AuthenticationResults::parse(header.field(0).expect("one").value()).expect("it parses back");
    let results = report.authentication_results();
    assert_eq!(parsed.entries().len(), results.entries().len(), "{field}");
    let methods = parsed.entries().iter().zip(results.entries());
    assert!(
        methods.clone().all(|(read, made)| read.method() == made.method() && read.result() == made.result())
    );
    assert_eq!(parsed.results_of::<DmarcResult>().count(), 1);

    let dmarc = report.dmarc();
    if dmarc.result() == DmarcResult::Pass {
        for author in dmarc.authors() {
            assert!(author.dkim_aligned() || author.spf_aligned(), "{explained}");
            assert!(!author.dkim_aligned() || report.dkim().is_pass(), "{explained}");
            assert!(!author.spf_aligned() || report.spf().result() == SpfResult::Pass, "{explained}");
        }
        assert!(!dmarc.authors().is_empty());
    }
    if dmarc.cause().is_some_and(waxseal::dmarc::Cause::is_invalid_author) {
        let asked = dmarc.shown().iter().filter_map(|shown| shown.evaluated_policy()).max();
        let lax = !dmarc.shown().is_empty() && asked <= Some(waxseal::dmarc::DomainPolicy::None);
        assert!(lax || report.disposition() >= Disposition::Quarantine, "{explained}");
    }
    if report.trusted_forwarder().is_some() {
        assert!(report.arc().is_some_and(waxseal::arc::Chain::is_pass), "{explained}");
        assert!(matches!(dmarc.result(), DmarcResult::Fail | DmarcResult::TempError), "{explained}");
        assert_eq!(report.disposition(), Disposition::None);
    } else {
        assert_eq!(report.disposition(), dmarc.disposition());
    }
    assert!(report.evidence().answers().len() < 500);
}
