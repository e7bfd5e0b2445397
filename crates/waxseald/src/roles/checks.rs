//! What is checked of mail that is not signed: one pass for all roles of a filter.

use super::{arc::ArcRole, dmarc::Dmarc, verify::Verify};
use crate::{
    milter::client::Client,
    settings::{Action, Actions, FilterSettings},
};
use waxseal::{
    Authenticator, Method, Report,
    arc::SealedSet,
    authres::AuthenticationResults,
    header::{Header, HeaderLimits},
};

/// The roles that look at mail.
#[derive(Debug)]
pub(crate) struct Checks {
    authenticator: Authenticator,
    verify: Option<Verify>,
    dmarc: Option<Dmarc>,
    arc: Option<ArcRole>,
}

impl Checks {
    /// Loads what the settings name; `None` when no role is asked for.
    pub(crate) fn load(
        settings: &FilterSettings,
        authserv_id: &str,
        limits: HeaderLimits,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, Vec<String>> {
        let text = |error: String| vec![error];
        let verify = settings.verify.as_ref().map(Verify::new);
        let dmarc = settings.dmarc.as_ref().map(|dmarc| Dmarc::load(dmarc, warnings)).transpose()?;
        let arc = settings.arc.as_ref().map(ArcRole::load).transpose()?;
        if verify.is_none() && dmarc.is_none() && arc.is_none() {
            return Ok(None);
        }
        let authenticator =
            Authenticator::new(authserv_id.to_owned()).map_err(|error| text(error.to_string()))?;
        let mut authenticator = authenticator.with_header_limits(limits);
        if dmarc.is_none() && arc.is_none() {
            authenticator = authenticator.with_methods([Method::Dkim]);
        } else {
            authenticator = authenticator.with_methods([Method::Spf, Method::Dkim, Method::Dmarc]);
        }
        if let Some(verify) = &verify {
            authenticator = authenticator.with_dkim(verify.verifier().map_err(text)?);
        }
        if let Some(dmarc) = &dmarc {
            authenticator = dmarc.with_policy(authenticator).map_err(text)?;
        }
        if let Some(arc) = &arc {
            authenticator = arc.with_chains(authenticator);
        }
        Ok(Some(Self { authenticator, verify, dmarc, arc }))
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Why the message is passed over, if it is.
    pub(crate) fn ignores(&self, client: &Client, authenticated: bool, header: &Header) -> Option<String> {
        // Only DMARC passes over messages; another role beside it looks at them all the same.
        let alone = self.verify.is_none() && self.arc.is_none();
        self.dmarc.as_ref().filter(|_| alone)?.ignores(client, authenticated, header)
    }

    /// The results to be written, if any are.
    pub(crate) fn results(&self, report: &Report, authserv_id: &str) -> Option<AuthenticationResults> {
        let mut entries = Vec::new();
        if let Some(verify) = &self.verify {
            entries.extend(verify.entries(report));
        }
        let found = report.authentication_results();
        let of = |method: &'static str| {
            found.entries().iter().filter(move |entry| entry.method() == method).cloned()
        };
        if let Some(dmarc) = &self.dmarc {
            entries.splice(0..0, of("spf"));
            entries.extend(of("dmarc").map(|entry| dmarc.entry(&entry, report)));
        }
        if self.arc.as_ref().is_some_and(ArcRole::verifies) {
            entries.extend(of("arc"));
        }
        let mut results = AuthenticationResults::new(authserv_id);
        results.extend(entries.iter().cloned());
        (!entries.is_empty()).then_some(results)
    }

    /// What is done with the message, and for which reason.
    pub(crate) fn action(&self, report: &Report, actions: &Actions) -> (Action, String) {
        let of_dmarc = self.dmarc.as_ref().map(|dmarc| dmarc.action(report));
        let of_dkim = self.verify.as_ref().map(|verify| verify.action(report, actions));
        let mut wanted =
            [of_dmarc, of_dkim].into_iter().flatten().filter(|(action, _)| *action != Action::Accept);
        wanted.next().unwrap_or((Action::Accept, String::new()))
    }

    /// The ARC set for the message, or why there is none.
    pub(crate) fn seal(&self, report: &Report) -> Option<Result<SealedSet, String>> {
        self.arc.as_ref()?.seal(report)
    }

    /// What the log says of the message.
    pub(crate) fn line(&self, report: &Report) -> String {
        let mut parts = Vec::new();
        if self.verify.is_some() {
            parts.push(Verify::line(report));
        }
        if self.dmarc.is_some() {
            let (spf, dmarc) = (report.spf(), report.dmarc());
            let forwarder =
                report.trusted_forwarder().map(|by| format!(" trusted: {by}")).unwrap_or_default();
            parts.push(format!("{dmarc}; {spf}; disposition={}{forwarder}", report.disposition()));
        }
        if let Some(chain) = report.arc().filter(|_| self.arc.is_some()) {
            parts.push(chain.to_string());
        }
        parts.join("; ")
    }
}
