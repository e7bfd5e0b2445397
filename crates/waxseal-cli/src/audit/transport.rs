//! How mail gets to the domain: MTA-STS with its policy, TLS-RPT, DNSSEC; and the record of BIMI.

use super::{
    published::Published,
    rules::{Level, Outcome},
};
use crate::{exit::Failure, input::Source};
use std::{io::Read, path::Path};
use waxseal::{
    dmarc::DomainPolicy,
    dns::{Dnssec, DomainName},
};

/// A policy of MTA-STS (RFC 8461 §3.2), which is published by HTTPS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StsPolicy {
    mode: String,
    mx: Vec<String>,
}

/// RFC 8461 §3.2: a year at most.
const MAX_AGE: u64 = 31_557_600;

impl StsPolicy {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let source = Source::from(path.to_owned());
        let mut text = String::new();
        source
            .open()?
            .take(64 * 1024)
            .read_to_string(&mut text)
            .map_err(|error| source.unreadable(&error))?;
        Self::parse(&text).map_err(|error| Failure::new(format!("{}: {error}", source.name())))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (mut version, mut mode, mut max_age, mut mx) = (None, None, None, Vec::new());
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let (key, value) = line.split_once(':').ok_or_else(|| format!("no colon in {line:?}"))?;
            let value = value.trim().to_ascii_lowercase();
            match key.trim() {
                "version" => version = version.or(Some(value)),
                "mode" => mode = mode.or(Some(value)),
                "max_age" => max_age = max_age.or(Some(value)),
                "mx" => mx.push(value),
                _ => {}
            }
        }
        if version.as_deref() != Some("stsv1") {
            return Err("no version: STSv1".into());
        }
        let mode = mode.filter(|mode| matches!(&**mode, "enforce" | "testing" | "none"));
        let mode = mode.ok_or("mode is neither enforce, testing nor none")?;
        let age = max_age.and_then(|age| age.parse::<u64>().ok()).filter(|age| *age <= MAX_AGE);
        age.ok_or_else(|| format!("max_age is no number of seconds up to {MAX_AGE}"))?;
        match mx.is_empty() && mode != "none" {
            true => Err("no mx".into()),
            false => Ok(Self { mode, mx }),
        }
    }

    /// RFC 8461 §4.1: a pattern is a name, or a name below which there is one more label.
    fn has(&self, host: &DomainName) -> bool {
        let host = host.as_str();
        let matches = |pattern: &String| match pattern.strip_prefix("*.") {
            Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
            None => host == pattern,
        };
        self.mx.iter().any(matches)
    }
}

pub(super) fn outcomes(found: &Published, policy: Option<&StsPolicy>) -> Vec<Outcome> {
    let mut outcomes = vec![mta_sts(found)];
    outcomes.extend(sts_policy(found, policy));
    outcomes.extend([tls_rpt(found), dnssec(found), bimi(found)]);
    outcomes
}

fn mta_sts(found: &Published) -> Outcome {
    let outcome = Outcome::new(
        "mta-sts",
        Level::May,
        "Google, Microsoft",
        "MTA-STS (RFC 8461) has others send to it over TLS.",
    );
    let domain = &found.domain;
    let fix = format!(
        "publish _mta-sts.{domain}. TXT \"v=STSv1; id=1\" and https://mta-sts.{domain}/.well-known/mta-sts.txt"
    );
    outcome.record(&found.mta_sts, &format!("_mta-sts.{domain}"), fix)
}

/// Only where there is a record or a policy. The policy is not fetched: this command speaks DNS alone.
fn sts_policy(found: &Published, policy: Option<&StsPolicy>) -> Option<Outcome> {
    let is_published = found.mta_sts.as_ref().is_ok_and(|texts| !texts.is_empty());
    if !is_published && policy.is_none() {
        return None;
    }
    let rule = "The policy of MTA-STS names every mail server of the domain.";
    let outcome = Outcome::new("mta-sts-policy", Level::May, "Google, Microsoft", rule);
    let domain = &found.domain;
    let Some(policy) = policy else {
        let fetch = format!("curl -sSf https://mta-sts.{domain}/.well-known/mta-sts.txt >policy.txt");
        return Some(outcome.unknown(
            ["it is published by HTTPS, which is not asked".to_owned()],
            Some(format!("{fetch}; waxseal audit --mta-sts policy.txt {domain}")),
        ));
    };
    let evidence = format!("mode {}, mx {}", policy.mode, policy.mx.join(" "));
    let hosts = found.mx.iter().flatten().filter_map(|(_, host)| host.as_ref());
    let missing: Vec<_> = hosts.filter(|host| !policy.has(host)).map(ToString::to_string).collect();
    Some(match (&*policy.mode, &*missing) {
        ("none", _) => {
            outcome.fail([evidence], "publish mode: testing, and mode: enforce when the reports are good")
        }
        (_, []) => outcome.ok([evidence]),
        (_, missing) => outcome.fail(
            [evidence, format!("no mx for {}", missing.join(", "))],
            format!(
                "write mx: {} into the policy, and then another id= into the record",
                missing.join(", mx: ")
            ),
        ),
    })
}

fn tls_rpt(found: &Published) -> Outcome {
    let outcome = Outcome::new(
        "tls-rpt",
        Level::May,
        "Google, Microsoft",
        "TLS-RPT (RFC 8460) asks for reports about TLS failures.",
    );
    let domain = &found.domain;
    let name = format!("_smtp._tls.{domain}");
    let fix = format!("publish {name}. TXT \"v=TLSRPTv1; rua=mailto:tls@{domain}\"");
    let is_address = |uri: &str| uri.trim().starts_with("mailto:") || uri.trim().starts_with("https://");
    match found.tls_rpt.as_deref() {
        Ok([one]) if !tag(one, "rua").is_some_and(|uris| uris.split(',').all(is_address)) => {
            outcome.fail([format!("{name}: {one}"), "no rua= with mailto: or https:".to_owned()], fix)
        }
        _ => outcome.record(&found.tls_rpt, &name, fix),
    }
}

/// The value of a tag.
fn tag<'t>(record: &'t str, name: &str) -> Option<&'t str> {
    let mut tags = record.split(';').filter_map(|tag| tag.split_once('='));
    tags.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

/// As far as the answers of a resolver show it.
fn dnssec(found: &Published) -> Outcome {
    let rule = "The zone is signed with DNSSEC, so that nobody can forge what it publishes.";
    let outcome = Outcome::new("dnssec", Level::May, "Microsoft (for DANE)", rule);
    let domain = &found.domain;
    let look = format!("dig +short DS {domain} and dig +short DNSKEY {domain} show whether there are keys");
    match &found.dnssec {
        Err(error) => outcome.unknown([format!("MX: {error}")], None).failed_lookup(),
        Ok(Dnssec::Secure) => outcome.ok(["the name server has validated the answer".to_owned()]),
        Ok(Dnssec::Insecure) => outcome.fail(
            ["the name server validates, and has found no signature".to_owned()],
            "sign the zone, and have the registrar publish its DS record",
        ),
        Ok(_) => outcome.unknown(
            ["it is not known whether the name server validates".to_owned()],
            Some(format!(
                "waxseal audit --trust-ad {domain}, with a validating name server on this machine; {look}"
            )),
        ),
    }
}

fn bimi(found: &Published) -> Outcome {
    let rule = "BIMI shows a logo beside mail that passes DMARC.";
    let outcome = Outcome::new("bimi", Level::May, "Google, Yahoo, Apple", rule);
    let name = format!("default._bimi.{}", found.domain);
    let enforced = !matches!(found.dmarc.author().evaluated_policy(), None | Some(DomainPolicy::None));
    match found.bimi.as_deref() {
        Ok([]) => outcome.unknown([format!("{name}: no record")], None),
        Ok(texts) if !enforced => outcome.fail(
            texts.iter().map(|text| format!("{name}: {text}")),
            "publish a DMARC policy of quarantine or reject: without it no logo is shown",
        ),
        Ok([one]) => logo(outcome, &name, one),
        _ => outcome.record(&found.bimi, &name, String::new()),
    }
}

fn logo(outcome: Outcome, name: &str, record: &str) -> Outcome {
    let evidence = format!("{name}: {record}");
    let is_link = |link: &str| link.to_ascii_lowercase().starts_with("https://");
    match (tag(record, "l"), tag(record, "a")) {
        (Some(""), None | Some("")) => {
            outcome.ok([evidence, "the domain declines to have a logo shown".to_owned()])
        }
        (Some(logo), Some(proof)) if is_link(logo) && is_link(proof) => outcome.ok([evidence]),
        (Some(logo), None | Some("")) if is_link(logo) => outcome.ok([
            evidence,
            "without a= no certificate says whose logo it is, and Google and Apple show none".to_owned(),
        ]),
        _ => outcome.fail(
            [evidence],
            "write l= and a= as https links: to the logo (SVG Tiny PS), and to its certificate",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::StsPolicy;

    #[test]
    fn policies_are_read_as_rfc_8461_has_them() {
        let policy = StsPolicy::parse("version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n").unwrap();
        let has = |host: &str| policy.has(&host.parse().unwrap());
        assert!(has("mail.example.com") && has("mx.example.net"));
        assert!(!has("example.net") && !has("a.mx.example.net") && !has("a.mail.example.com"));
        for (text, error) in [
            ("mode: none\nmax_age: 1\n", "no version: STSv1"),
            ("version: STSv1\nmode: on\nmax_age: 1\n", "mode is neither enforce, testing nor none"),
            (
                "version: STSv1\nmode: enforce\nmax_age: 31557601\nmx: a.example\n",
                "max_age is no number of seconds up to 31557600",
            ),
            ("version: STSv1\nmode: testing\nmax_age: 1\n", "no mx"),
            ("<html>", "no colon in \"<html>\""),
        ] {
            assert_eq!(StsPolicy::parse(text).unwrap_err(), error, "{text}");
        }
        assert!(StsPolicy::parse("version: STSv1\nmode: none\nmax_age: 1\n").is_ok());
    }
}
