//! Clients that SPF is not asked for, as policyd-spf lists them: by address, by the SPF record of a domain, by HELO or by reverse
//! DNS.

use crate::{
    hosts::Hosts,
    settings::{Exempt, PolicySettings},
};
use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};
use tokio::time::timeout;
use waxseal::{
    DomainName, IprevCheck,
    dns::{Question, Record, Resolve, drive},
    spf::SpfCheck,
};

/// The lists.
#[derive(Debug)]
pub(crate) struct Exemptions {
    skip: Hosts,
    whitelist: Hosts,
    named: Exempt,
    below: Vec<DomainName>,
}

impl Exemptions {
    pub(crate) fn load(settings: &PolicySettings, warnings: &mut Vec<String>) -> Result<Self, Vec<String>> {
        let mut hosts = |option, spec: &str| match spec {
            "" => Ok(Hosts::default()),
            spec => Hosts::load(option, &format!("csl:{spec}"), warnings).map_err(|error| vec![error]),
        };
        let skip = hosts("skip_addresses", &settings.skip)?;
        let whitelist = hosts("Whitelist", settings.whitelist.as_deref().unwrap_or_default())?;
        let named = settings.exempt.clone();
        let below = named.ptr.iter().map(|name| {
            DomainName::new(name).map_err(|error| vec![format!("Domain_Whitelist_PTR: {name}: {error}")])
        });
        let below = below.collect::<Result<_, _>>()?;
        Ok(Self { skip, whitelist, named, below })
    }

    /// Why the client is passed over, in the words of policyd-spf.
    pub(crate) async fn reason(
        &self,
        ip: IpAddr,
        helo: &str,
        dns: &(impl Resolve + ?Sized),
    ) -> Option<&'static str> {
        if self.skip.contain("", Some(ip)) {
            return Some("SPF check N/A for local connections");
        }
        if self.whitelist.contain("", Some(ip)) {
            return Some("SPF skipped for whitelisted relay");
        }
        for domain in &self.named.domains {
            let check = drive(SpfCheck::helo(ip, domain, SystemTime::now()), dns);
            if self.in_time(check).await.is_some_and(|verdict| verdict.is_pass()) {
                return Some("SPF skipped for whitelisted relay domain");
            }
        }
        let is_named = self.named.helo.iter().any(|known| known.eq_ignore_ascii_case(helo));
        if is_named && self.in_time(has_address(helo, ip, dns)).await == Some(true) {
            return Some("SPF skipped for whitelisted HELO domain");
        }
        if !self.below.is_empty() {
            let verdict = self.in_time(drive(IprevCheck::new(ip), dns)).await?;
            let name = verdict.name().filter(|_| verdict.is_pass())?;
            let is_below = self.below.iter().any(|domain| name.is_within(domain));
            return is_below.then_some("SPF skipped for PTR whitelisted relay domain");
        }
        None
    }

    async fn in_time<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        timeout(self.named.timeout, future).await.ok()
    }
}

/// Anybody can say any name in HELO, so it has to lead to the client.
async fn has_address(name: &str, ip: IpAddr, dns: &(impl Resolve + ?Sized)) -> bool {
    let Ok(name) = DomainName::new(name) else { return false };
    let question = if ip.is_ipv4() { Question::a(name) } else { Question::aaaa(name) };
    let Ok(answer) = dns.resolve(&question).await else { return false };
    answer.records.iter().any(|record| match record {
        Record::A(address) => ip == *address,
        Record::Aaaa(address) => ip == *address,
        _ => false,
    })
}

impl Default for Exempt {
    fn default() -> Self {
        Self { domains: Vec::new(), helo: Vec::new(), ptr: Vec::new(), timeout: Duration::from_secs(10) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal::Zone;

    fn reason(exempt: Exempt, ip: &str, helo: &str) -> Option<&'static str> {
        let zone = Zone::new()
            .with_txt("relay.example", "v=spf1 ip4:192.0.2.1 -all")
            .and_then(|zone| zone.with_address("mail.relay.example", "192.0.2.1".parse().unwrap()))
            .and_then(|zone| zone.with_ptr("192.0.2.1".parse().unwrap(), "mail.relay.example"))
            .and_then(|zone| zone.with_ptr("203.0.113.9".parse().unwrap(), "mail.relay.example"))
            .unwrap();
        let settings = PolicySettings { exempt, ..PolicySettings::default() };
        let exemptions = Exemptions::load(&settings, &mut Vec::new()).unwrap();
        let dns = waxseal::dns::async_resolver_fn(async |q: Question| zone.lookup(&q));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(exemptions.reason(ip.parse().unwrap(), helo, &dns))
    }

    #[test]
    fn a_client_is_exempt_by_the_record_of_a_domain() {
        let exempt = || Exempt { domains: vec!["relay.example".to_owned()], ..Exempt::default() };
        assert_eq!(reason(exempt(), "192.0.2.1", "x"), Some("SPF skipped for whitelisted relay domain"));
        assert_eq!(reason(exempt(), "203.0.113.9", "x"), None);
        assert_eq!(reason(exempt(), "127.0.0.1", "x"), Some("SPF check N/A for local connections"));
    }

    #[test]
    fn a_name_in_helo_counts_where_it_leads_to_the_client() {
        let exempt = || Exempt { helo: vec!["mail.relay.example".to_owned()], ..Exempt::default() };
        let found = Some("SPF skipped for whitelisted HELO domain");
        assert_eq!(reason(exempt(), "192.0.2.1", "Mail.relay.example"), found);
        assert_eq!(reason(exempt(), "203.0.113.9", "mail.relay.example"), None, "forged");
    }

    #[test]
    fn reverse_dns_counts_where_it_is_confirmed() {
        let exempt = || Exempt { ptr: vec!["relay.example".to_owned()], ..Exempt::default() };
        let found = Some("SPF skipped for PTR whitelisted relay domain");
        assert_eq!(reason(exempt(), "192.0.2.1", "x"), found);
        assert_eq!(reason(exempt(), "203.0.113.9", "x"), None, "forged");
        let other = Exempt { ptr: vec!["lay.example".to_owned()], ..Exempt::default() };
        assert_eq!(reason(other, "192.0.2.1", "x"), None, "whole labels");
    }
}
