//! Everything that a domain publishes about its mail, looked up together.

use std::net::IpAddr;
use waxseal::{
    IprevCheck, IprevVerdict,
    dkim::{Selector, publish as dkim},
    dmarc::{BuiltInSuffixes, LocalPolicy, publish as dmarc},
    dns::{Answer, Answers, Check, Dnssec, DomainName, LookupError, Pending, Question, Record},
    spf::publish as spf,
};

/// Selectors that providers and how-tos use.
pub(super) const COMMON_SELECTORS: [&str; 24] = [
    "default",
    "dkim",
    "mail",
    "selector1",
    "selector2",
    "google",
    "s1",
    "s2",
    "k1",
    "k2",
    "k3",
    "key1",
    "key2",
    "fm1",
    "fm2",
    "fm3",
    "mx",
    "smtp",
    "sig1",
    "protonmail",
    "zoho",
    "mandrill",
    "everlytickey1",
    "mailjet",
];

/// Looks up a domain; driven like every [`Check`].
pub(super) struct DomainAudit {
    domain: DomainName,
    selectors: Vec<Selector>,
    /// Whether it is known that the domain signs with these.
    given: bool,
    ips: Vec<IpAddr>,
}

/// What was found.
pub(super) struct Published {
    pub(super) domain: DomainName,
    pub(super) spf: spf::AuditReport,
    pub(super) dmarc: dmarc::AuditReport,
    /// Of the common selectors, only those that have a record.
    pub(super) keys: Vec<dkim::AuditReport>,
    pub(super) selectors_given: bool,
    pub(super) mx: Result<Vec<(u16, Option<DomainName>)>, LookupError>,
    /// Of the MX records.
    pub(super) dnssec: Result<Dnssec, LookupError>,
    pub(super) mta_sts: Result<Vec<String>, LookupError>,
    pub(super) tls_rpt: Result<Vec<String>, LookupError>,
    pub(super) bimi: Result<Vec<String>, LookupError>,
    pub(super) adsp: Result<Vec<String>, LookupError>,
    pub(super) ips: Vec<IprevVerdict>,
}

impl DomainAudit {
    pub(super) fn new(domain: DomainName, selectors: &[Selector], ips: &[IpAddr]) -> Self {
        let given = !selectors.is_empty();
        let common = COMMON_SELECTORS.iter().filter_map(|name| name.parse().ok());
        let selectors = if given { selectors.to_vec() } else { common.collect() };
        Self { domain, selectors, given, ips: ips.to_vec() }
    }

    /// Where something is published below the domain; `None` when the name is too long.
    fn texts(&self, dns: &mut Answers<'_>, front: &str, version: &str) -> Result<Texts, Pending> {
        let Ok(name) = self.domain.prepend(front) else { return Ok(Ok(Vec::new())) };
        let text = |answer: Answer| {
            let text = |record: &Record| match record {
                Record::Txt(text) => Some(String::from_utf8_lossy(text).into_owned()),
                _ => None,
            };
            let texts = answer.records.iter().filter_map(text);
            // A wildcard may return anything.
            texts.filter(|text| text.trim_start().starts_with(version)).collect()
        };
        Ok(dns.ask(Question::txt(name))?.map(text))
    }

    fn keys(&self, dns: &mut Answers<'_>) -> Result<Vec<dkim::AuditReport>, Pending> {
        let mut pending = None;
        let mut keys = Vec::new();
        for selector in &self.selectors {
            let Ok(mut audit) = dkim::Audit::new(selector, &self.domain) else { continue };
            match audit.run(dns) {
                Ok(report) if self.given || report.records().next().is_some() => keys.push(report),
                Ok(_) => {}
                Err(missing) => pending = Some(missing),
            }
        }
        pending.map_or(Ok(keys), Err)
    }

    fn iprev(&self, dns: &mut Answers<'_>) -> Result<Vec<IprevVerdict>, Pending> {
        let verdicts: Vec<_> = self.ips.iter().map(|ip| IprevCheck::new(*ip).run(dns)).collect();
        verdicts.into_iter().collect()
    }
}

type Texts = Result<Vec<String>, LookupError>;

impl Check for DomainAudit {
    type Output = Published;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Published, Pending> {
        let domain = self.domain.clone();
        let local = LocalPolicy::default().with_organizational_domain(true);
        let mut dmarc =
            dmarc::Audit::new(domain.clone()).with_local_policy(local).with_known_suffixes(BuiltInSuffixes);
        // All ask before any of them returns, so that the questions of a round are sent together.
        let spf = spf::Audit::new(domain.clone()).run(dns);
        let dmarc = dmarc.run(dns);
        let keys = self.keys(dns);
        let mx = dns.ask(Question::mx(domain.clone()));
        let mta_sts = self.texts(dns, "_mta-sts", "v=STSv1");
        let tls_rpt = self.texts(dns, "_smtp._tls", "v=TLSRPTv1");
        let bimi = self.texts(dns, "default._bimi", "v=BIMI1");
        let adsp = self.texts(dns, "_adsp._domainkey", "dkim=");
        let ips = self.iprev(dns);
        Ok(Published {
            domain,
            spf: spf?,
            dmarc: dmarc?,
            keys: keys?,
            selectors_given: self.given,
            dnssec: mx.clone()?.map(|answer| answer.dnssec),
            mx: mx?.map(|answer| answer.records.iter().filter_map(exchange).collect()),
            mta_sts: mta_sts?,
            tls_rpt: tls_rpt?,
            bimi: bimi?,
            adsp: adsp?,
            ips: ips?,
        })
    }
}

fn exchange(record: &Record) -> Option<(u16, Option<DomainName>)> {
    match record {
        Record::Mx(preference, host) => Some((*preference, host.clone())),
        _ => None,
    }
}
