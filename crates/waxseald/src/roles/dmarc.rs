//! DMARC as in OpenDMARC: with SPF and DKIM checked here, or with the results of other programs of the site.

use super::{
    history::{Arrival, History},
    trusted::{Told, Trusted},
};
use crate::{
    hosts::{Hosts, Words, listed},
    milter::client::Client,
    settings::{Action, DmarcSettings},
};
use waxseal::{
    Authenticator, Disposition, DomainName, LocalPolicy, Report,
    authres::{DmarcResult, Entry},
    header::{Authors, Header},
};

/// The role.
#[derive(Debug)]
pub(crate) struct Dmarc {
    settings: DmarcSettings,
    ignored: Hosts,
    override_hosts: Hosts,
    override_domains: Words,
    trusted: Option<Trusted>,
    history: Option<History>,
}

/// What to do with a message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) action: Action,
    /// For the reply.
    pub(crate) reason: String,
    /// Why the domain's policy was not followed.
    pub(crate) overridden: Option<String>,
}

impl Ruling {
    pub(crate) fn new(action: Action, reason: impl Into<String>) -> Self {
        Self { action, reason: reason.into(), overridden: None }
    }

    pub(crate) fn accept() -> Self {
        Self::new(Action::Accept, "")
    }
}

impl Dmarc {
    /// `authserv_id` and `host` are the names of this host.
    pub(crate) fn load(
        settings: &DmarcSettings,
        (authserv_id, host): (&str, &str),
        warnings: &mut Vec<String>,
    ) -> Result<Self, Vec<String>> {
        let ignored = settings.ignore_hosts.as_deref().unwrap_or("127.0.0.1");
        let mut hosts = |option, spec| Hosts::load(option, spec, warnings).map_err(|error| vec![error]);
        let ignored = hosts("IgnoreHosts", ignored)?;
        let override_hosts = settings.override_hosts.as_deref().map(|spec| hosts("OverrideHosts", spec));
        let override_hosts = override_hosts.transpose()?.unwrap_or_default();
        let override_domains =
            settings.override_domains.as_deref().map(|spec| Words::load("OverrideDomains", spec, warnings));
        let override_domains = override_domains.transpose().map_err(|error| vec![error])?.unwrap_or_default();
        if let Some((domain, word)) = override_domains.iter().find(|(_, word)| policy(word).is_none()) {
            let text = format!("OverrideDomains: {domain}: {word:?}: use none, quarantine or reject");
            return Err(vec![text]);
        }
        let trusted = Trusted::new(&settings.trust, authserv_id, host);
        let history = settings.history.clone().map(|path| History::new(path, settings.records_all));
        let settings = settings.clone();
        Ok(Self { settings, ignored, override_hosts, override_domains, trusted, history })
    }

    /// The authenticator with the policy of this site.
    pub(crate) fn with_policy(&self, authenticator: Authenticator) -> Result<Authenticator, String> {
        let policy = LocalPolicy::default().with_reject_on_reject(self.settings.reject);
        let authenticator = authenticator.with_dmarc(policy);
        if self.settings.trusted_sealers.is_empty() {
            return Ok(authenticator);
        }
        let mut names = Vec::new();
        for name in &self.settings.trusted_sealers {
            match name.strip_prefix("file:").or_else(|| name.starts_with('/').then_some(name)) {
                Some(path) => {
                    names.extend(listed(path).map_err(|error| format!("DomainWhitelistFile: {error}"))?)
                }
                None => names.push(name.clone()),
            }
        }
        let names = names
            .iter()
            .map(|name| DomainName::new(name).map_err(|error| format!("DomainWhitelist: {name}: {error}")));
        let names = names.collect::<Result<Vec<_>, _>>()?;
        Ok(authenticator.with_trusted_sealers(move |sealer| names.contains(sealer)))
    }

    /// Why the message is skipped, if it is.
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

    /// A DMARC entry with `dis=` as in OpenDMARC: what is done here, which may be less than the policy requests.
    pub(crate) fn entry(entry: &Entry, report: &Report, ruling: &Ruling) -> Entry {
        let done = match ruling.action {
            Action::Reject => "dis=reject",
            Action::Quarantine => "dis=quarantine",
            _ => "dis=none",
        };
        let comment = entry.comment().unwrap_or_default();
        entry.clone().with_comment(comment.replace(&format!("dis={}", report.disposition()), done))
    }

    /// What the header says, if other programs are trusted.
    pub(crate) fn told(&self, header: &Header, mail_from: &[u8]) -> Option<Told> {
        Some(self.trusted.as_ref()?.read(header, mail_from))
    }

    /// What to do with the message, and the reply.
    pub(crate) fn ruling(&self, report: &Report, client: &Client) -> Ruling {
        let has_passed = matches!(report.dmarc().result(), DmarcResult::Pass | DmarcResult::None);
        let is_settled = has_passed && report.disposition() == Disposition::None;
        if is_settled && !self.settings.several_authors_rejected {
            return Ruling::accept();
        }
        let authors = report.header().ok().and_then(|header| Authors::from_header(header).ok());
        // "unless all domain names in that field are the same", as OpenDMARC says.
        if self.settings.several_authors_rejected
            && authors.as_ref().is_some_and(|authors| authors.domains().count() > 1)
        {
            return Ruling::new(Action::Reject, "From has addresses of several domains");
        }
        let domain = authors
            .and_then(|authors| authors.domains().next())
            .unwrap_or_else(|| "an unclear author".to_owned());
        let (asked, settings) = (report.disposition(), &self.settings);
        let overridden = self.overridden(report, &domain, client);
        let disposition = overridden.as_ref().map_or(asked, |(disposition, _)| *disposition);
        let overridden = overridden.filter(|(disposition, _)| *disposition != asked);
        let template = settings.reject_text.as_deref().unwrap_or("rejected by DMARC policy for %s");
        let (action, reason) = match disposition {
            Disposition::Reject if settings.reject => (Action::Reject, template.replace("%s", &domain)),
            Disposition::Defer if settings.reject => (Action::TempFail, report.reason()),
            Disposition::Quarantine | Disposition::Reject if settings.hold => {
                (Action::Quarantine, format!("quarantined by DMARC policy for {domain}"))
            }
            _ => (Action::Accept, String::new()),
        };
        let overridden = overridden.map(|(_, why)| format!("{why}, in place of {asked}"));
        Ruling { action, reason, overridden }
    }

    /// What this site has decided for mail that does not pass, and why.
    fn overridden(&self, report: &Report, domain: &str, client: &Client) -> Option<(Disposition, String)> {
        let result = report.dmarc().result();
        if matches!(result, DmarcResult::Pass | DmarcResult::None) {
            return None;
        }
        if self.override_hosts.contain(&client.name, client.ip) {
            return Some((Disposition::None, format!("{} is in OverrideHosts", client.shown())));
        }
        let word = self.override_domains.get(&domain.to_ascii_lowercase())?;
        Some((
            policy(word)?,
            format!("{domain} is {} in OverrideDomains", if word.is_empty() { "none" } else { word }),
        ))
    }

    /// Who gets a copy of a message that fails.
    pub(crate) fn copy_to(&self, report: &Report) -> Option<&str> {
        let is_asked = matches!(report.disposition(), Disposition::Reject | Disposition::Quarantine);
        self.settings.copy_to.as_deref().filter(|_| is_asked)
    }

    pub(crate) fn trusts(&self) -> bool {
        self.trusted.is_some()
    }

    pub(crate) fn wants_recipients(&self) -> bool {
        !self.settings.unrecorded_recipients.is_empty()
    }

    /// The lines for aggregate reports about a message, and where they go.
    pub(crate) fn record<'r>(
        &self,
        arrival: &Arrival<'_>,
        mut recipients: impl Iterator<Item = &'r [u8]>,
    ) -> Option<(History, String)> {
        let history = self.history.as_ref()?;
        let unrecorded = &self.settings.unrecorded_recipients;
        let is_left_out = |recipient: &[u8]| {
            let recipient = String::from_utf8_lossy(recipient);
            let recipient = recipient.trim_matches(['<', '>']);
            unrecorded.iter().any(|known| known.eq_ignore_ascii_case(recipient))
        };
        if recipients.any(is_left_out) {
            return None;
        }
        Some((history.clone(), history.record(arrival)?))
    }
}

fn policy(word: &str) -> Option<Disposition> {
    match word.to_ascii_lowercase().as_str() {
        "" | "none" => Some(Disposition::None),
        "quarantine" => Some(Disposition::Quarantine),
        "reject" => Some(Disposition::Reject),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use waxseal::{Envelope, Zone};

    fn ruling(settings: DmarcSettings, ip: &str, from: &str) -> Ruling {
        let dmarc = Dmarc::load(&settings, ("mx.example", "host.example"), &mut Vec::new()).unwrap();
        let dns = Zone::new()
            .with_txt("_dmarc.a.example", "v=DMARC1; p=reject")
            .and_then(|dns| dns.with_txt("_dmarc.b.example", "v=DMARC1; p=none"))
            .unwrap();
        let authenticator = dmarc.with_policy(Authenticator::new("mx.example").unwrap()).unwrap();
        let ip = ip.parse().unwrap();
        let message = format!("From: joe@{from}\r\n\r\nHi.\r\n");
        let envelope = Envelope::new(ip, "h", "x@c.example");
        let report = authenticator.check_blocking(&envelope, message.as_bytes(), SystemTime::now(), &dns);
        dmarc.ruling(&report, &Client { name: "relay.example".to_owned(), ip: Some(ip), ..Client::default() })
    }

    fn rejecting() -> DmarcSettings {
        DmarcSettings { reject: true, ..DmarcSettings::default() }
    }

    #[test]
    fn the_text_of_a_rejection_is_that_of_the_file() {
        let text = "rejected by DMARC policy for a.example";
        assert_eq!(ruling(rejecting(), "203.0.113.9", "a.example"), Ruling::new(Action::Reject, text));
        let own = DmarcSettings { reject_text: Some("%s does not know you".to_owned()), ..rejecting() };
        assert_eq!(ruling(own, "203.0.113.9", "a.example").reason, "a.example does not know you");
        assert_eq!(ruling(DmarcSettings::default(), "203.0.113.9", "a.example"), Ruling::accept());
    }

    #[test]
    fn hosts_and_domains_override_the_policy_and_the_ruling_says_so() {
        let hosts = DmarcSettings { override_hosts: Some("192.0.2.0/24".to_owned()), ..rejecting() };
        let found = ruling(hosts.clone(), "192.0.2.7", "a.example");
        assert_eq!(found.action, Action::Accept);
        let why = "relay.example [192.0.2.7] is in OverrideHosts, in place of reject";
        assert_eq!(found.overridden.as_deref(), Some(why));
        assert_eq!(ruling(hosts, "203.0.113.9", "a.example").action, Action::Reject);
        let domains = DmarcSettings {
            override_domains: Some("csl:a.example=none,b.example=reject".to_owned()),
            ..rejecting()
        };
        assert_eq!(ruling(domains.clone(), "203.0.113.9", "a.example").action, Action::Accept);
        let stricter = ruling(domains.clone(), "203.0.113.9", "b.example");
        assert_eq!(stricter.action, Action::Reject);
        assert_eq!(
            stricter.overridden.as_deref(),
            Some("b.example is reject in OverrideDomains, in place of none")
        );
        assert_eq!(ruling(domains, "203.0.113.9", "d.example"), Ruling::accept());
        let wrong = DmarcSettings { override_domains: Some("csl:a.example=maybe".to_owned()), ..rejecting() };
        let error = Dmarc::load(&wrong, ("mx", "mx"), &mut Vec::new()).unwrap_err();
        assert_eq!(error, ["OverrideDomains: a.example: \"maybe\": use none, quarantine or reject"]);
    }

    #[test]
    fn authors_of_several_domains_are_rejected_where_that_is_asked_for() {
        let asked = || DmarcSettings { several_authors_rejected: true, ..DmarcSettings::default() };
        let two = "b.example, eve@d.example";
        let text = "From has addresses of several domains";
        assert_eq!(ruling(asked(), "203.0.113.9", two), Ruling::new(Action::Reject, text));
        assert_eq!(ruling(asked(), "203.0.113.9", "b.example, eve@B.example"), Ruling::accept());
        assert_eq!(ruling(DmarcSettings::default(), "203.0.113.9", two), Ruling::accept());
    }

    #[test]
    fn trusted_sealers_stand_in_a_file_a_line_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sealers");
        std::fs::write(&path, "# ours\nseal.example # a list\n\nother.example\n").unwrap();
        let sealers = |name: String| DmarcSettings { trusted_sealers: vec![name], ..rejecting() };
        let load = |settings: &DmarcSettings| {
            let dmarc = Dmarc::load(settings, ("mx", "mx"), &mut Vec::new()).unwrap();
            dmarc.with_policy(Authenticator::new("mx").unwrap()).map(drop)
        };
        assert_eq!(load(&sealers(path.display().to_string())), Ok(()));
        let error = load(&sealers("file:/nowhere".to_owned())).unwrap_err();
        assert!(error.starts_with("DomainWhitelistFile: /nowhere: No such file"), "{error}");
        std::fs::write(&path, "not a name\n").unwrap();
        assert!(
            load(&sealers(path.display().to_string()))
                .unwrap_err()
                .starts_with("DomainWhitelist: not a name")
        );
    }
}
