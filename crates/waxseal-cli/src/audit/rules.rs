//! The rules of large receivers for senders, as far as DNS shows whether they are met.
//!
//! As published by Google, Yahoo, Microsoft, Apple and La Poste up to November 2026.

use super::{
    message::{self, Seen},
    published::Published,
    transport::{self, StsPolicy},
};
use serde::Serialize;
use waxseal::{
    IprevVerdict,
    dkim::publish::AuditReport as Key,
    dmarc::DomainPolicy,
    dns::{
        LookupError,
        lint::{Finding, Severity},
    },
};

/// How much a rule matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// Mail is refused or goes to the spam folder.
    Must,
    /// Recommended.
    Should,
    /// For information.
    May,
}

/// Whether a rule is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Ok,
    /// Something is wrong or missing.
    Fail,
    /// DNS does not show it, or did not answer.
    Unknown,
}

/// A rule and what was found about it.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) id: &'static str,
    pub(super) level: Level,
    pub(super) state: State,
    /// Who asks for it.
    pub(super) receivers: &'static str,
    pub(super) rule: &'static str,
    pub(super) evidence: Vec<String>,
    /// What to publish or to run next.
    pub(super) fix: Option<String>,
    /// Whether a lookup failed, so that a later attempt may show more.
    pub(super) temporary: bool,
}

const ALL: &str = "Google, Yahoo, Microsoft, Apple, La Poste";
pub(super) const BULK: &str = "Google, Yahoo, Microsoft (bulk mail), Apple, La Poste";

/// What was given beside the domain.
#[derive(Default)]
pub(super) struct Given {
    pub(super) message: Option<Seen>,
    pub(super) policy: Option<StsPolicy>,
}

/// All rules, for one domain.
pub(super) fn outcomes(found: &Published, given: &Given) -> Vec<Outcome> {
    let mut outcomes =
        vec![spf(found), dkim(found), key_length(found), dmarc(found), reports(found), enforcement(found)];
    outcomes.extend(found.ips.iter().map(ptr));
    if found.ips.is_empty() {
        outcomes.push(no_address(found));
    }
    outcomes.push(mx(found));
    let organization = found.dmarc.author().organizational_domain();
    outcomes.extend(message::outcomes(given.message.as_ref(), &found.domain, organization));
    outcomes.extend(transport::outcomes(found, given.policy.as_ref()));
    outcomes.extend(adsp(found));
    outcomes
}

const PTR: &str = "The sending address has a PTR record whose name leads back to it.";

fn ptr(verdict: &IprevVerdict) -> Outcome {
    let outcome = Outcome::new("ptr", Level::Must, ALL, PTR);
    let evidence = format!("{}: {}", verdict.ip(), verdict.reason());
    match verdict.result().as_str() {
        "pass" => outcome.ok([evidence]),
        "temperror" => outcome.unknown([evidence], None).failed_lookup(),
        _ => outcome.fail(
            [evidence],
            format!("publish a PTR record for {} and an address record for its name", verdict.ip()),
        ),
    }
}

fn no_address(found: &Published) -> Outcome {
    let fix = format!("waxseal audit --ip ADDRESS {}, with each address that sends for it", found.domain);
    Outcome::new("ptr", Level::Must, ALL, PTR).unknown(["no address was given".to_owned()], Some(fix))
}

/// How many rules of this level are not met.
pub(super) fn failed(outcomes: &[Outcome], level: Level) -> usize {
    outcomes.iter().filter(|outcome| outcome.level == level && outcome.state == State::Fail).count()
}

impl Level {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::May => "may",
        }
    }
}

impl Outcome {
    /// The state in a word for people.
    pub(super) const fn word(&self) -> &'static str {
        match (self.state, self.level) {
            (State::Ok, _) => "pass",
            (State::Fail, Level::Must) => "fail",
            (State::Fail, _) => "missing",
            (State::Unknown, _) => "unknown",
        }
    }

    pub(super) fn new(id: &'static str, level: Level, receivers: &'static str, rule: &'static str) -> Self {
        Self {
            id,
            level,
            state: State::Unknown,
            receivers,
            rule,
            evidence: Vec::new(),
            fix: None,
            temporary: false,
        }
    }

    pub(super) fn ok(self, evidence: impl IntoIterator<Item = String>) -> Self {
        Self { state: State::Ok, evidence: evidence.into_iter().collect(), ..self }
    }

    pub(super) fn fail(self, evidence: impl IntoIterator<Item = String>, fix: impl Into<String>) -> Self {
        Self { state: State::Fail, evidence: evidence.into_iter().collect(), fix: Some(fix.into()), ..self }
    }

    pub(super) fn unknown(self, evidence: impl IntoIterator<Item = String>, fix: Option<String>) -> Self {
        Self { state: State::Unknown, evidence: evidence.into_iter().collect(), fix, ..self }
    }

    pub(super) fn failed_lookup(self) -> Self {
        Self { temporary: true, ..self }
    }

    /// A record of its own name that starts with its version.
    pub(super) fn record(
        self,
        texts: &Result<Vec<String>, LookupError>,
        name: &str,
        missing: String,
    ) -> Self {
        match texts {
            Err(error) => self.unknown([format!("{name}: {error}")], None).failed_lookup(),
            Ok(texts) => match &**texts {
                [] => self.fail([format!("{name}: no record")], missing),
                [one] => self.ok([format!("{name}: {one}")]),
                several => {
                    let count = several.len();
                    self.fail([format!("{name}: {count} records, so none counts")], "leave one record")
                }
            },
        }
    }
}

fn lookup_failed(findings: &[Finding]) -> bool {
    findings.iter().any(|finding| finding.id() == "lookup-failed")
}

fn errors(findings: &[Finding]) -> Vec<String> {
    let is_error = |finding: &&Finding| finding.severity() == Severity::Error;
    findings.iter().filter(is_error).map(ToString::to_string).collect()
}

fn spf(found: &Published) -> Outcome {
    let outcome = Outcome::new("spf", Level::Must, BULK, "The domain publishes a valid SPF record.");
    let (findings, domain) = (found.spf.findings(), &found.domain);
    if lookup_failed(findings) {
        return outcome.unknown(errors(findings), None).failed_lookup();
    }
    let errors = errors(findings);
    if findings.iter().any(|finding| finding.id() == "no-record") {
        let fix = format!(
            "publish {domain}. TXT \"v=spf1 mx -all\", with the servers and services that send for it"
        );
        return outcome.fail(errors, fix);
    }
    if !errors.is_empty() {
        return outcome.fail(errors, format!("waxseal spf lint {domain}"));
    }
    let (own, lookups) = (found.spf.records().next(), found.spf.lookups());
    outcome.ok(own.map(|(_, text)| format!("{} ({lookups} of 10 terms with lookups)", text.escape_ascii())))
}

/// A key that verifiers can use.
fn is_usable(key: &&Key) -> bool {
    key.findings().iter().all(|finding| finding.severity() != Severity::Error && finding.id() != "revoked")
}

fn dkim(found: &Published) -> Outcome {
    let outcome =
        Outcome::new("dkim", Level::Must, BULK, "Mail is signed with a key that the domain publishes.");
    let domain = &found.domain;
    let broken: Vec<_> = found.keys.iter().filter(|key| !is_usable(key)).collect();
    let evidence = broken.iter().flat_map(|key| key.findings().iter().map(ToString::to_string));
    if broken.iter().any(|key| lookup_failed(key.findings())) {
        return outcome.unknown(evidence, None).failed_lookup();
    }
    let usable: Vec<_> = found.keys.iter().filter(is_usable).map(|key| key.name().to_string()).collect();
    match (&*usable, broken.first()) {
        ([], None) => outcome.unknown(
            ["no key at any common selector".to_owned()],
            Some(format!("waxseal audit --selector SELECTOR {domain}, with s= of a DKIM-Signature; or waxseal keygen -d {domain} -s SELECTOR")),
        ),
        ([], Some(key)) => outcome.fail(evidence, format!("waxseal dkim lint {}", key.name())),
        // All those that were named must work.
        (_, Some(key)) if found.selectors_given => outcome.fail(evidence, format!("waxseal dkim lint {}", key.name())),
        (usable, _) => outcome.ok(usable.iter().cloned()),
    }
}

fn key_length(found: &Published) -> Outcome {
    let outcome = Outcome::new("dkim-key-length", Level::Should, "Google, Yahoo", "RSA keys have 2048 bits.");
    let is_short = |finding: &&Finding| finding.id() == "short-key";
    let short: Vec<_> = found.keys.iter().flat_map(|key| key.findings().iter().filter(is_short)).collect();
    match short.first().and_then(|finding| finding.domain()) {
        _ if found.keys.is_empty() => outcome,
        None => outcome.ok([]),
        Some(_) => {
            let evidence = short.iter().map(ToString::to_string);
            outcome.fail(
                evidence,
                format!("waxseal keygen -d {} -s SELECTOR, and sign with the new key", found.domain),
            )
        }
    }
}

fn dmarc(found: &Published) -> Outcome {
    let outcome = Outcome::new("dmarc", Level::Must, BULK, "A DMARC record applies, at least with p=none.");
    let (findings, domain, author) = (found.dmarc.findings(), &found.domain, found.dmarc.author());
    if lookup_failed(findings) {
        return outcome.unknown(errors(findings), None).failed_lookup();
    }
    match (author.policy(), author.record_at()) {
        (Some(policy), Some(at)) => outcome.ok([format!("policy {policy}, from the record of {at}")]),
        _ => {
            let fix = format!("publish _dmarc.{domain}. TXT \"v=DMARC1; p=none; rua=mailto:dmarc@{domain}\"");
            outcome.fail(errors(findings), fix)
        }
    }
}

fn reports(found: &Published) -> Outcome {
    let outcome = Outcome::new(
        "dmarc-reports",
        Level::Must,
        "La Poste",
        "The DMARC record asks for aggregate reports (rua=).",
    );
    let Some(record) = found.dmarc.author().record() else {
        return outcome.unknown(["no DMARC record".to_owned()], None);
    };
    let addresses = record.aggregate_reports();
    if addresses.is_empty() {
        let fix = format!("add rua=mailto:dmarc@{} to the DMARC record", found.domain);
        return outcome.fail(["no rua= with a valid address".to_owned()], fix);
    }
    let refused = found.dmarc.findings().iter().filter(|finding| finding.id() == "reports-refused");
    let refused: Vec<_> = refused.map(ToString::to_string).collect();
    match &*refused {
        [] => outcome.ok(addresses.iter().map(ToString::to_string)),
        _ => outcome.fail(refused, format!("waxseal dmarc lint {}", found.domain)),
    }
}

fn enforcement(found: &Published) -> Outcome {
    let rule = "The policy is quarantine or reject, so that forged mail is held up.";
    let outcome =
        Outcome::new("dmarc-enforcement", Level::Should, "everybody who shows a logo by BIMI", rule);
    match found.dmarc.author().evaluated_policy() {
        None => outcome,
        Some(DomainPolicy::None) => outcome.fail(
            ["p=none, or t=y".to_owned()],
            "read the reports until all of your own mail passes, then publish p=quarantine and p=reject",
        ),
        Some(policy) => outcome.ok([format!("policy {policy}")]),
    }
}

fn mx(found: &Published) -> Outcome {
    let rule = "The domain can receive mail: replies and bounces reach it.";
    let outcome = Outcome::new("mx", Level::Should, ALL, rule);
    match &found.mx {
        Err(error) => outcome.unknown([format!("MX: {error}")], None).failed_lookup(),
        Ok(hosts) if hosts.is_empty() => outcome.fail(
            ["no MX record".to_owned()],
            format!("publish {}. MX 10 with the name of its mail server", found.domain),
        ),
        Ok(hosts) => outcome.ok(hosts.iter().map(|(preference, host)| match host {
            Some(host) => format!("MX {preference} {host}"),
            None => "null MX: the domain receives no mail (RFC 7505)".to_owned(),
        })),
    }
}

/// Only where there is one: nobody needs it.
fn adsp(found: &Published) -> Option<Outcome> {
    let texts = found.adsp.as_ref().ok().filter(|texts| !texts.is_empty())?;
    let name = format!("_adsp._domainkey.{}", found.domain);
    let outcome =
        Outcome::new("adsp", Level::May, "nobody", "ADSP (RFC 5617) is historic: DMARC has replaced it.");
    Some(
        outcome
            .fail(texts.iter().map(|text| format!("{name}: {text}")), format!("remove the record at {name}")),
    )
}
