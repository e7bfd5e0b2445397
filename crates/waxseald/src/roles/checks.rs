//! The checks of mail that is not signed here: one pass for all roles of a filter.

use super::{
    arc::ArcRole,
    dmarc::{Dmarc, Ruling},
    history::{Arrival, History},
    trusted::Told,
    verify::Verify,
};
use crate::{
    milter::client::Client,
    settings::{Action, Actions, FilterSettings},
};
use waxseal::{
    Authenticator, Method, Report,
    arc::SealedSet,
    authres::{AuthenticationResults, Entry},
    dns::Resolve,
    header::{Header, HeaderLimits},
};

/// The roles that check mail.
#[derive(Debug)]
pub(crate) struct Checks {
    authenticator: Authenticator,
    /// Where another program's result of SPF counts.
    without_spf: Option<Authenticator>,
    verify: Option<Verify>,
    dmarc: Option<Dmarc>,
    arc: Option<ArcRole>,
    iprev: bool,
}

impl Checks {
    /// Loads what the settings name; `None` if there is no such role. The names are the authserv-id and that of this machine.
    pub(crate) fn load(
        settings: &FilterSettings,
        names: (&str, &str),
        limits: HeaderLimits,
        warnings: &mut Vec<String>,
    ) -> Result<Option<Self>, Vec<String>> {
        let verify = settings.verify.as_ref().map(Verify::new);
        let dmarc = settings.dmarc.as_ref().map(|dmarc| Dmarc::load(dmarc, names, warnings)).transpose()?;
        let arc = settings.arc.as_ref().map(|arc| ArcRole::load(arc, warnings)).transpose()?;
        let iprev = settings.iprev;
        if verify.is_none() && dmarc.is_none() && arc.is_none() && !iprev {
            return Ok(None);
        }
        let text = |error: String| vec![error];
        let build = |methods: &[Method]| {
            let methods = methods.iter().copied().chain(iprev.then_some(Method::Iprev));
            let authenticator =
                Authenticator::new(names.0.to_owned()).map_err(|error| text(error.to_string()))?;
            let mut authenticator = authenticator.with_header_limits(limits).with_methods(methods);
            if let Some(verify) = &verify {
                authenticator = authenticator.with_dkim(verify.verifier().map_err(text)?);
            }
            if let Some(dmarc) = &dmarc {
                authenticator = dmarc.with_policy(authenticator).map_err(text)?;
            }
            Ok::<_, Vec<String>>(match &arc {
                Some(arc) => arc.with_chains(authenticator),
                None => authenticator,
            })
        };
        let authenticator = match dmarc.is_none() && arc.is_none() {
            true => build(&[Method::Dkim])?,
            false => build(&[Method::Spf, Method::Dkim, Method::Dmarc])?,
        };
        let trusts = dmarc.as_ref().is_some_and(Dmarc::trusts);
        let without_spf = trusts.then(|| build(&[Method::Dkim, Method::Dmarc])).transpose()?;
        Ok(Some(Self { authenticator, without_spf, verify, dmarc, arc, iprev }))
    }

    /// Who checks a message, and what its header says where that counts.
    pub(crate) fn begin(&self, header: &Header, mail_from: &[u8]) -> (&Authenticator, Option<Told>) {
        let told = self.dmarc.as_ref().and_then(|dmarc| dmarc.told(header, mail_from));
        let is_known = told.as_ref().is_some_and(|told| !told.checks_spf);
        (self.without_spf.as_ref().filter(|_| is_known).unwrap_or(&self.authenticator), told)
    }

    pub(crate) fn wants_recipients(&self) -> bool {
        self.verify.as_ref().is_some_and(|verify| verify.redirect_to().is_some())
            || self.dmarc.as_ref().is_some_and(Dmarc::wants_recipients)
    }

    /// Why the message is skipped, if it is.
    pub(crate) fn ignores(&self, client: &Client, authenticated: bool, header: &Header) -> Option<String> {
        // Only DMARC passes over messages; another role beside it looks at them all the same.
        let alone = self.verify.is_none() && self.arc.is_none();
        self.dmarc.as_ref().filter(|_| alone)?.ignores(client, authenticated, header)
    }

    /// The results to write, of those that were found, if any.
    pub(crate) fn results(
        &self,
        (report, found): (&Report, &AuthenticationResults),
        authserv_id: &str,
        (atps, ruling): (Option<Entry>, &Ruling),
    ) -> Option<AuthenticationResults> {
        let mut entries = Vec::new();
        if let Some(verify) = &self.verify {
            entries.extend(verify.entries(report, atps));
        }
        let of = |method: &'static str| {
            found.entries().iter().filter(move |entry| entry.method() == method).cloned()
        };
        if self.dmarc.is_some() {
            entries.splice(0..0, of("spf"));
            entries.extend(of("dmarc").map(|entry| Dmarc::entry(&entry, report, ruling)));
        }
        if self.arc.as_ref().is_some_and(ArcRole::verifies) {
            entries.extend(of("arc"));
        }
        if self.iprev {
            entries.extend(of("iprev"));
        }
        let mut results = AuthenticationResults::new(authserv_id);
        results.extend(entries);
        (!results.entries().is_empty()).then_some(results)
    }

    /// The result of third-party signatures (RFC 6541).
    pub(crate) async fn atps(&self, report: &Report, dns: &(impl Resolve + ?Sized)) -> Option<Entry> {
        let header = report.header().ok().filter(|_| self.verify.is_some())?;
        super::atps::check(report, header, dns).await
    }

    /// What to do with the message, and why.
    pub(crate) fn ruling(&self, report: &Report, actions: &Actions, client: &Client) -> Ruling {
        let of_dmarc = self.dmarc.as_ref().map(|dmarc| dmarc.ruling(report, client));
        let of_dkim = || self.verify.as_ref().map(|verify| verify.ruling(report, actions));
        match of_dmarc {
            Some(ruling) if ruling.action != Action::Accept => ruling,
            Some(ruling) => of_dkim().filter(|of_dkim| of_dkim.action != Action::Accept).unwrap_or(ruling),
            None => of_dkim().unwrap_or_else(Ruling::accept),
        }
    }

    /// Who gets the message in place of its recipients.
    pub(crate) fn redirect_to(&self, report: &Report) -> Option<&str> {
        let verify = self.verify.as_ref()?;
        verify.redirect_to().filter(|_| Verify::has_failed(report))
    }

    /// Who gets a copy.
    pub(crate) fn copy_to(&self, report: &Report) -> Option<&str> {
        self.dmarc.as_ref()?.copy_to(report)
    }

    /// The lines for aggregate reports about a message, and where they go.
    pub(crate) fn record<'r>(
        &self,
        arrival: &Arrival<'_>,
        recipients: impl Iterator<Item = &'r [u8]>,
    ) -> Option<(History, String)> {
        self.dmarc.as_ref()?.record(arrival, recipients)
    }

    /// The ARC set for the message, or why there is none.
    pub(crate) fn seal(&self, report: &Report, client: &Client) -> Option<Result<SealedSet, String>> {
        self.arc.as_ref()?.seal(report, client)
    }

    /// Whether only this filter writes results of a method in the name of this host: no program before it does.
    pub(crate) fn writes_alone(&self, method: &str) -> bool {
        let dmarc = self.dmarc.as_ref().is_some_and(|dmarc| !dmarc.trusts());
        let arc = self.arc.as_ref().is_some_and(ArcRole::verifies);
        dmarc && method.eq_ignore_ascii_case("dmarc") || arc && method.eq_ignore_ascii_case("arc")
    }

    /// The log text for the message.
    pub(crate) fn line(&self, report: &Report, found: &AuthenticationResults) -> String {
        let mut parts = Vec::new();
        if self.verify.is_some() {
            parts.push(Verify::line(report));
        }
        if self.dmarc.is_some() {
            let is_checked = found.entries().iter().any(|entry| entry.method() == "spf");
            let spf = if is_checked { format!("{}; ", report.spf()) } else { String::new() };
            let forwarder =
                report.trusted_forwarder().map(|by| format!(" trusted: {by}")).unwrap_or_default();
            let (dmarc, disposition) = (report.dmarc(), report.disposition());
            parts.push(format!("{dmarc}; {spf}disposition={disposition}{forwarder}"));
        }
        if let Some(chain) = report.arc().filter(|_| self.arc.is_some()) {
            parts.push(chain.to_string());
        }
        parts.join("; ")
    }
}
