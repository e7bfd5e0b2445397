//! The audit of a published key.

use super::{Problem, lint};
use crate::{KeyRecord, Selector};
use bytes::Bytes;
use waxseal_dns::{
    Answers, Check, Dnssec, DomainName, InvalidDomainName, Pending, Question, Record, lint::Finding,
};

/// Looks up a key record and reports what is wrong with it, for its publisher. A [`Check`], driven like
/// [`DkimCheck`](crate::DkimCheck).
///
/// ```
/// use waxseal_dkim::publish::Audit;
/// use waxseal_dns::{Zone, drive_blocking};
///
/// let dns = Zone::new().with_txt("2026a._domainkey.example.org", "v=DKIM1; k=ed25519; p=")?;
/// let audit = |selector: &str| Audit::new(&selector.parse()?, &"example.org".parse()?);
/// let report = drive_blocking(audit("2026a")?, &dns);
/// assert_eq!(report.findings()[0].to_string(), "note: 2026a._domainkey.example.org: the key is revoked: p= is empty");
/// assert_eq!(drive_blocking(audit("2025a")?, &dns).findings()[0].id(), "no-record");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Audit {
    name: DomainName,
}

impl Audit {
    /// An audit of the key that `domain` publishes under `selector`.
    ///
    /// # Errors
    /// The name of the record is too long.
    pub fn new(selector: &Selector, domain: &DomainName) -> Result<Self, InvalidDomainName> {
        Ok(Self { name: selector.key_name(domain)? })
    }
}

/// What an [`Audit`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReport {
    name: DomainName,
    records: Vec<Bytes>,
    findings: Vec<Finding>,
}

impl AuditReport {
    /// The name of the record.
    pub fn name(&self) -> &DomainName {
        &self.name
    }

    /// The records published there, which the spans of [`findings`](Self::findings) refer to.
    pub fn records(&self) -> impl Iterator<Item = (&DomainName, &[u8])> {
        self.records.iter().map(|text| (&self.name, &**text))
    }

    /// The problems, named as by [`lint`](super::lint()), and also `no-record`, `several-records`, `bogus` and
    /// `lookup-failed`.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }
}

impl Check for Audit {
    type Output = AuditReport;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<AuditReport, Pending> {
        let name = self.name.clone();
        let answer = match dns.ask(Question::txt(name.clone()))? {
            Ok(answer) => answer,
            Err(error) => return Ok(AuditReport::without_records(name, Problem::LookupFailed(error))),
        };
        if answer.dnssec == Dnssec::Bogus {
            return Ok(AuditReport::without_records(name, Problem::Bogus));
        }
        let text = |record: &Record| match record {
            Record::Txt(text) => Some(text.clone()),
            _ => None,
        };
        let records: Vec<_> = answer.records.iter().filter_map(text).collect();
        if records.is_empty() {
            return Ok(AuditReport::without_records(name, Problem::NoRecord));
        }
        let keys = records.iter().filter(|text| KeyRecord::parse(text).is_ok()).count();
        let several = (keys > 1).then(|| Problem::SeveralRecords(keys).into());
        let findings = several.into_iter().chain(records.iter().flat_map(|text| lint(text)));
        let findings = findings.map(|finding: Finding| finding.with_domain(&name)).collect();
        Ok(AuditReport { name, records, findings })
    }
}

impl AuditReport {
    fn without_records(name: DomainName, problem: Problem) -> Self {
        let findings = vec![Finding::from(problem).with_domain(&name)];
        Self { name, records: Vec::new(), findings }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal_dns::{Answer, LookupError, Zone, drive_blocking};

    const KEY: &str = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    const NAME: &str = "s._domainkey.example.org";

    fn found(dns: &Zone) -> (Vec<&'static str>, usize) {
        let audit = Audit::new(&"s".parse().unwrap(), &"example.org".parse().unwrap()).unwrap();
        let report = drive_blocking(audit, dns);
        let at_name = |finding: &Finding| finding.domain() == Some(report.name());
        assert!(report.name().as_str() == NAME && report.findings().iter().all(at_name));
        (report.findings().iter().map(Finding::id).collect(), report.records().count())
    }

    #[test]
    fn what_is_published_is_told_from_what_is_not() {
        let one = || Zone::new().with_txt(NAME, KEY).unwrap();
        assert_eq!(found(&one()), (vec![], 1));
        assert_eq!(found(&Zone::new()), (vec!["no-record"], 0));
        assert_eq!(found(&one().with_txt(NAME, KEY).unwrap()).0, ["several-records"]);
        // Verifiers ignore what is no key record, so that there is one still.
        assert_eq!(found(&one().with_txt(NAME, "v=spf1 -all").unwrap()), (vec!["foreign"], 2));
        let failing = |q: &Question| {
            assert_eq!(q.name.as_str(), NAME);
            Err(LookupError::Timeout)
        };
        let audit = Audit::new(&"s".parse().unwrap(), &"example.org".parse().unwrap()).unwrap();
        let report = drive_blocking(audit.clone(), &waxseal_dns::resolver_fn(failing));
        assert_eq!((report.findings()[0].id(), report.records().count()), ("lookup-failed", 0));
        let bogus = |_: &Question| Ok(Answer::new([Record::Txt(KEY.into())]).with_dnssec(Dnssec::Bogus));
        let report = drive_blocking(audit, &waxseal_dns::resolver_fn(bogus));
        assert_eq!((report.findings()[0].id(), report.records().count()), ("bogus", 0));
    }
}
