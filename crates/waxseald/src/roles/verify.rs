//! DKIM verification, as in OpenDKIM's `Mode v`.

use super::{dmarc::Ruling, sign::field_names};
use crate::settings::{Actions, VerifySettings};
use waxseal::{
    Report,
    authres::{DkimResult, Entry},
    dkim::{Cause, Policy, Verdict, Verifier},
};

/// The role.
#[derive(Debug)]
pub(crate) struct Verify {
    settings: VerifySettings,
}

impl Verify {
    pub(crate) fn new(settings: &VerifySettings) -> Self {
        Self { settings: settings.clone() }
    }

    /// The verifier for these settings.
    pub(crate) fn verifier(&self) -> Result<Verifier, String> {
        let settings = &self.settings;
        field_names("MustBeSigned", &settings.must_be_signed)?;
        let policy = Policy::default()
            .with_max_signatures(settings.max_signatures)
            .with_min_rsa_bits(settings.min_rsa_bits)
            .with_clock_tolerance(settings.clock_drift)
            .with_required_fields(settings.must_be_signed.iter().cloned());
        Verifier::new(policy).map_err(|error| error.to_string())
    }

    /// The results to write, with that of RFC 6541 last.
    pub(crate) fn entries(&self, report: &Report, atps: Option<Entry>) -> Vec<Entry> {
        let dkim = report.dkim();
        let shown = |entry| if self.settings.with_header_b { entry } else { without_header_b(&entry) };
        let mut entries: Vec<_> = match dkim.is_empty() {
            true if self.settings.always_add => vec![Entry::dkim(DkimResult::None)],
            true => Vec::new(),
            false => dkim.entries().into_iter().map(shown).collect(),
        };
        let neutral = || self.settings.neutral_atps.then(|| Entry::new("dkim-atps", "neutral"));
        let atps = atps.or_else(neutral).filter(|_| !entries.is_empty());
        entries.extend(atps);
        entries
    }

    pub(crate) fn redirect_to(&self) -> Option<&str> {
        self.settings.redirect_to.as_deref()
    }

    /// Whether there are signatures, none is good and none may become so.
    pub(crate) fn has_failed(report: &Report) -> bool {
        let dkim = report.dkim();
        let deferred = dkim.iter().any(|verdict| verdict.result() == DkimResult::TempError);
        !dkim.is_empty() && !dkim.is_pass() && !deferred
    }

    /// The log text, starting with OpenDKIM's words.
    pub(crate) fn line(report: &Report) -> String {
        let verdicts: Vec<_> = report.dkim().iter().map(ToString::to_string).collect();
        match (report.dkim().is_pass(), report.dkim().is_empty()) {
            (true, _) => format!("DKIM verification successful; {}", verdicts.join("; ")),
            (_, true) => "no signature data".to_owned(),
            _ => format!("bad signature data: {}", verdicts.join("; ")),
        }
    }

    /// What to do with the message, and why.
    pub(crate) fn ruling(&self, report: &Report, actions: &Actions) -> Ruling {
        let dkim = report.dkim();
        if dkim.is_empty() {
            return Ruling::new(actions.no_signature, "no signature data");
        }
        if dkim.is_pass() {
            return Ruling::accept();
        }
        // A signature that may be good later counts before one that is bad.
        let deferred = dkim.iter().find(|verdict| verdict.result() == DkimResult::TempError);
        let (action, verdict) = match deferred.or_else(|| dkim.iter().next()) {
            Some(verdict) if verdict.result() == DkimResult::TempError => (actions.dns_error, verdict),
            Some(verdict) if is_without_key(verdict) => (actions.key_not_found, verdict),
            Some(verdict) => (actions.bad_signature, verdict),
            None => return Ruling::accept(),
        };
        Ruling::new(action, verdict.reason())
    }
}

fn is_without_key(verdict: &Verdict) -> bool {
    matches!(verdict.cause(), Some(Cause::NoKey))
}

fn without_header_b(entry: &Entry) -> Entry {
    let mut shown = Entry::new(entry.method().to_owned(), entry.result().to_owned());
    if let Some(reason) = entry.reason() {
        shown = shown.with_reason(reason);
    }
    if let Some(comment) = entry.comment() {
        shown = shown.with_comment(comment);
    }
    let kept = entry.properties().filter(|property| property.name() != "b");
    kept.fold(shown, |shown, property| {
        shown.with_property(property.ptype().to_owned(), property.name().to_owned(), property.value())
    })
}
