//! Verifying DKIM, as OpenDKIM in `Mode v`.

use crate::settings::{Action, Actions, VerifySettings};
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

    /// The verifier that the settings describe.
    pub(crate) fn verifier(&self) -> Result<Verifier, String> {
        let settings = &self.settings;
        let policy = Policy::default()
            .with_max_signatures(settings.max_signatures)
            .with_min_rsa_bits(settings.min_rsa_bits)
            .with_clock_tolerance(settings.clock_drift)
            .with_required_fields(settings.must_be_signed.iter().cloned());
        Verifier::new(policy).map_err(|error| error.to_string())
    }

    /// The results to be written.
    pub(crate) fn entries(&self, report: &Report) -> Vec<Entry> {
        let dkim = report.dkim();
        if dkim.is_empty() {
            return if self.settings.always_add { vec![Entry::dkim(DkimResult::None)] } else { Vec::new() };
        }
        let entries = dkim.entries().into_iter();
        entries
            .map(|entry| if self.settings.with_header_b { entry } else { without_header_b(&entry) })
            .collect()
    }

    /// What the log says, in the words of OpenDKIM first.
    pub(crate) fn line(report: &Report) -> String {
        let verdicts: Vec<_> = report.dkim().iter().map(ToString::to_string).collect();
        match (report.dkim().is_pass(), report.dkim().is_empty()) {
            (true, _) => format!("DKIM verification successful; {}", verdicts.join("; ")),
            (_, true) => "no signature data".to_owned(),
            _ => format!("bad signature data: {}", verdicts.join("; ")),
        }
    }

    /// What is done with the message, and for which reason.
    pub(crate) fn action(&self, report: &Report, actions: &Actions) -> (Action, String) {
        let dkim = report.dkim();
        if dkim.is_empty() {
            return (actions.no_signature, "no signature data".to_owned());
        }
        if dkim.is_pass() {
            return (Action::Accept, String::new());
        }
        // A signature that may be good later counts before one that is bad.
        let deferred = dkim.iter().find(|verdict| verdict.result() == DkimResult::TempError);
        let (action, verdict) = match deferred.or_else(|| dkim.iter().next()) {
            Some(verdict) if verdict.result() == DkimResult::TempError => (actions.dns_error, verdict),
            Some(verdict) if is_without_key(verdict) => (actions.key_not_found, verdict),
            Some(verdict) => (actions.bad_signature, verdict),
            None => return (Action::Accept, String::new()),
        };
        (action, verdict.reason())
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
    let kept = entry.properties().iter().filter(|property| property.name() != "b");
    kept.fold(shown, |shown, property| {
        shown.with_property(property.ptype().to_owned(), property.name().to_owned(), property.value())
    })
}
