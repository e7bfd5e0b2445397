//! Zones, drivers and verdicts for the tests.
#![allow(dead_code, reason = "not every test file needs all of it")]
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use waxseal_authres::{DkimResult, SpfResult};
use waxseal_dmarc::{AuthorVerdict, Disposition, DmarcCheck, Identifiers, LocalPolicy, Step, Verdict};
use waxseal_dns::{Answers, Check, DomainName, Zone, drive_with_blocking};
use waxseal_header::Header;

pub(crate) fn name(text: &str) -> DomainName {
    DomainName::new(text).unwrap()
}

/// A zone of TXT records at `_dmarc.` below each name.
pub(crate) fn zone(records: &[(&str, &str)]) -> Zone {
    records.iter().fold(Zone::new(), |dns, (at, text)| dns.with_txt(&format!("_dmarc.{at}"), text).unwrap())
}

/// The output and the questions asked, without their type when it is TXT.
pub(crate) fn drive<C: Check>(check: C, dns: &Zone) -> (C::Output, Vec<String>) {
    let mut answers = Answers::new();
    let output = drive_with_blocking(check, &mut answers, dns, None);
    let asked = answers.known().map(|(q, _)| q.to_string().trim_end_matches(" TXT").to_owned()).collect();
    (output, asked)
}

pub(crate) struct OrganizationalDomain {
    pub(crate) domain: DomainName,
    pub(crate) rule: &'static str,
}

/// The tree walk from a domain.
pub(crate) struct Walk(AuthorVerdict);

impl Walk {
    pub(crate) fn steps(&self) -> &[Step] {
        self.0.path()
    }
    pub(crate) fn organizational_domain(&self) -> Option<OrganizationalDomain> {
        let domain = self.0.organizational_domain()?.clone();
        Some(OrganizationalDomain { domain, rule: self.0.organizational_rule()? })
    }
}

/// The questions asked are those of the walk.
pub(crate) fn walk(start: &str, dns: &Zone) -> (Walk, Vec<String>) {
    let local = LocalPolicy::default().with_organizational_domain(true);
    let (verdict, asked) = drive(DmarcCheck::new(author(start)).with_local_policy(local), dns);
    let asked = asked.into_iter().filter(|name| name.starts_with("_dmarc.")).collect();
    (Walk(verdict.author().unwrap().clone()), asked)
}

pub(crate) fn organization(start: &str, dns: &Zone) -> String {
    walk(start, dns).0.organizational_domain().unwrap().domain.to_string()
}

pub(crate) fn author(domain: &str) -> Identifiers {
    Identifiers::new(name(domain))
}

pub(crate) trait Passed {
    fn dkim(self, domain: &str) -> Self;
    fn spf(self, domain: &str) -> Self;
}

impl Passed for Identifiers {
    fn dkim(self, domain: &str) -> Self {
        self.with_dkim(name(domain), DkimResult::Pass)
    }
    fn spf(self, domain: &str) -> Self {
        self.with_spf(name(domain), SpfResult::Pass)
    }
}

pub(crate) fn judge(input: Identifiers, dns: &Zone) -> Verdict {
    judge_by(LocalPolicy::default(), input, dns)
}

pub(crate) fn judge_by(local: LocalPolicy, input: Identifiers, dns: &Zone) -> Verdict {
    let verdict = drive(DmarcCheck::new(input).with_local_policy(local), dns).0;
    for text in [verdict.reason(), verdict.entry().to_string(), verdict.explain().replace('\n', "")] {
        assert!(text.bytes().all(|c| (b' '..=b'~').contains(&c)), "{text}");
    }
    assert!(!verdict.reason().contains(['"', '\\']), "{}", verdict.reason());
    verdict
}

pub(crate) fn word(verdict: &Verdict) -> &'static str {
    verdict.result().as_str()
}

/// Result, policy after `t=`, and the domain of the record.
pub(crate) fn said(verdict: &Verdict) -> (&'static str, Option<&'static str>, Option<&str>) {
    let policy = verdict.author().and_then(|author| author.evaluated_policy()).map(|policy| policy.as_str());
    (word(verdict), policy, verdict.author().and_then(|author| author.record_at()).map(DomainName::as_str))
}

pub(crate) fn header(text: impl AsRef<[u8]>) -> Header {
    let mut message = text.as_ref().to_vec();
    message.extend_from_slice(b"\r\n\r\n");
    Header::parse(&message).unwrap().0
}

/// Nothing that DMARC would let through.
#[track_caller]
pub(crate) fn assert_fails_closed(verdict: &Verdict) {
    assert!(matches!(word(verdict), "fail" | "permerror"), "{}", verdict.explain());
    assert!(verdict.disposition() >= Disposition::Quarantine, "{}", verdict.explain());
}
