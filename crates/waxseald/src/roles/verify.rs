//! Verifying DKIM, as OpenDKIM in `Mode v`.

use crate::settings::{Action, Actions, VerifySettings};
use waxseal::{
    Authenticator, Report,
    authres::{AuthenticationResults, DkimResult, Entry},
    dkim::{Cause, Policy, Verdict, Verifier},
};

/// The role.
#[derive(Debug)]
pub(crate) struct Verify {
    settings: VerifySettings,
    authenticator: Authenticator,
}

impl Verify {
    pub(crate) fn load(settings: &VerifySettings, authserv_id: &str) -> Result<Self, Vec<String>> {
        let policy = Policy::default()
            .with_max_signatures(settings.max_signatures)
            .with_min_rsa_bits(settings.min_rsa_bits)
            .with_clock_tolerance(settings.clock_drift)
            .with_required_fields(settings.must_be_signed.iter().cloned());
        let verifier = Verifier::new(policy).map_err(|error| vec![error.to_string()])?;
        let authenticator =
            Authenticator::new(authserv_id.to_owned()).map_err(|error| vec![error.to_string()])?;
        Ok(Self { settings: settings.clone(), authenticator: authenticator.with_dkim(verifier) })
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// The results to be written, if any are.
    pub(crate) fn results(&self, report: &Report, authserv_id: &str) -> Option<AuthenticationResults> {
        let dkim = report.dkim();
        if dkim.is_empty() {
            let none = Entry::dkim(DkimResult::None);
            return self
                .settings
                .always_add
                .then(|| AuthenticationResults::new(authserv_id).with_entry(none));
        }
        let mut results = AuthenticationResults::new(authserv_id);
        let entries = dkim.entries().into_iter();
        results.extend(
            entries.map(|entry| if self.settings.with_header_b { entry } else { without_header_b(&entry) }),
        );
        Some(results)
    }

    /// What is done with the message, and for which reason.
    pub(crate) fn action(&self, report: &Report, actions: &Actions) -> (Action, Option<String>) {
        let dkim = report.dkim();
        if dkim.is_empty() {
            return (actions.no_signature, Some("no signature data".to_owned()));
        }
        if dkim.is_pass() {
            return (Action::Accept, None);
        }
        // A signature that may be good later counts before one that is bad.
        let deferred = dkim.iter().find(|verdict| verdict.result() == DkimResult::TempError);
        let (action, verdict) = match deferred.or_else(|| dkim.iter().next()) {
            Some(verdict) if verdict.result() == DkimResult::TempError => (actions.dns_error, verdict),
            Some(verdict) if is_without_key(verdict) => (actions.key_not_found, verdict),
            Some(verdict) => (actions.bad_signature, verdict),
            None => return (Action::Accept, None),
        };
        (action, Some(verdict.reason()))
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
