//! DMARC, as OpenDMARC does it, by SPF and DKIM of our own.

use crate::{
    hosts::Hosts,
    milter::client::Client,
    settings::{Action, DmarcSettings},
};
use waxseal::{
    Authenticator, Disposition, DomainName, LocalPolicy, Report,
    authres::Entry,
    header::{Authors, Header},
};

/// The role.
#[derive(Debug)]
pub(crate) struct Dmarc {
    settings: DmarcSettings,
    ignored: Hosts,
}

impl Dmarc {
    pub(crate) fn load(settings: &DmarcSettings, warnings: &mut Vec<String>) -> Result<Self, Vec<String>> {
        let ignored = settings.ignore_hosts.as_deref().unwrap_or("127.0.0.1");
        let ignored = Hosts::load("IgnoreHosts", ignored, warnings).map_err(|error| vec![error])?;
        Ok(Self { settings: settings.clone(), ignored })
    }

    /// The authenticator with the policy of this site.
    pub(crate) fn with_policy(&self, authenticator: Authenticator) -> Result<Authenticator, String> {
        let policy = LocalPolicy::default().with_reject_on_reject(self.settings.reject);
        let authenticator = authenticator.with_dmarc(policy);
        if self.settings.trusted_sealers.is_empty() {
            return Ok(authenticator);
        }
        let names = self.settings.trusted_sealers.iter();
        let names = names
            .map(|name| DomainName::new(name).map_err(|error| format!("DomainWhitelist: {name}: {error}")));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        Ok(authenticator.with_trusted_sealers(move |sealer| names.contains(sealer)))
    }

    /// Why the message is passed over, if it is.
    pub(crate) fn ignores(&self, client: &Client, authenticated: bool, header: &Header) -> Option<String> {
        if self.ignored.contain(&client.name, client.ip) {
            return Some(format!("{} is in IgnoreHosts", client.shown()));
        }
        if authenticated && self.settings.ignore_authenticated {
            return Some("authenticated, IgnoreAuthenticatedClients".to_owned());
        }
        let authors = Authors::from_header(header).ok()?;
        let ignored = |domain: &String| {
            self.settings.ignore_domains.iter().any(|known| known.eq_ignore_ascii_case(domain))
        };
        let domain = authors.domains().find(ignored)?;
        Some(format!("{domain} is in IgnoreMailFrom"))
    }

    /// An entry of DMARC with `dis=` as OpenDMARC means it: what is done here, which may be less than what the policy asks for.
    pub(crate) fn entry(&self, entry: &Entry, report: &Report) -> Entry {
        let done = match self.action(report).0 {
            Action::Reject => "dis=reject",
            Action::Quarantine => "dis=quarantine",
            _ => "dis=none",
        };
        let comment = entry.comment().unwrap_or_default();
        entry.clone().with_comment(comment.replace(&format!("dis={}", report.disposition()), done))
    }

    /// What is done with the message, and what is replied.
    pub(crate) fn action(&self, report: &Report) -> (Action, String) {
        let authors = report.header().ok().and_then(|header| Authors::from_header(header).ok());
        if self.settings.several_authors_rejected
            && authors.as_ref().is_some_and(|authors| authors.addresses().len() > 1)
        {
            return (Action::Reject, "From has several addresses".to_owned());
        }
        let domain = authors
            .and_then(|authors| authors.domains().next())
            .unwrap_or_else(|| "an unclear author".to_owned());
        let settings = &self.settings;
        match report.disposition() {
            Disposition::Reject if settings.reject => {
                (Action::Reject, format!("rejected by DMARC policy for {domain}"))
            }
            Disposition::Defer if settings.reject => (Action::TempFail, report.reason()),
            Disposition::Quarantine | Disposition::Reject if settings.hold => {
                (Action::Quarantine, format!("quarantined by DMARC policy for {domain}"))
            }
            _ => (Action::Accept, String::new()),
        }
    }
}
