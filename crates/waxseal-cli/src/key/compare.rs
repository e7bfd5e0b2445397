//! A private key compared with its record in DNS.

use waxseal::{
    crypto::PublicKey,
    dkim::{
        KeyRecord, Selector,
        publish::{Audit, AuditReport},
    },
    dns::{
        Answers, Check, DomainName, Existence, Pending, Question, Record,
        lint::{Finding, Severity},
    },
};

/// A key that signs as `domain` under `selector`.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) domain: DomainName,
    pub(crate) selector: Selector,
    pub(crate) public: PublicKey,
}

/// What DNS has at the name of the key.
#[derive(Debug)]
pub(crate) struct Compared {
    pub(crate) name: DomainName,
    pub(crate) records: Vec<Vec<u8>>,
    /// Whether a record there has exactly this key.
    pub(crate) matches: bool,
    pub(crate) findings: Vec<Finding>,
}

/// Looks up the records of all keys at once.
#[derive(Debug)]
pub(crate) struct Compare(pub(crate) Vec<Subject>);

impl Check for Compare {
    type Output = Vec<Compared>;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Vec<Compared>, Pending> {
        let results: Vec<_> = self.0.iter().map(|subject| subject.compare(dns)).collect();
        results.into_iter().collect()
    }
}

/// Names of keys that are tried where nothing is published under the given one.
const USUAL_SELECTORS: [&str; 8] = ["default", "mail", "dkim", "selector1", "selector2", "s1", "k1", "key1"];

impl Subject {
    fn compare(&self, dns: &mut Answers<'_>) -> Result<Compared, Pending> {
        let audit = Audit::new(&self.selector, &self.domain);
        let mut audit = match audit {
            Ok(audit) => audit,
            Err(error) => {
                let finding = Finding::new("name", Severity::Error, error).with_domain(&self.domain);
                let (name, records) = (self.domain.clone(), Vec::new());
                return Ok(Compared { name, records, matches: false, findings: vec![finding] });
            }
        };
        let report = audit.run(dns)?;
        let records: Vec<_> = report.records().map(|(_, text)| text.to_vec()).collect();
        let matches = records.iter().any(|text| self.is_published_by(text));
        let mut findings = report.findings().to_vec();
        if records.is_empty() && findings.iter().any(|finding| finding.id() == "no-record") {
            findings.extend(self.elsewhere(dns)?);
            findings.extend(empty_name(report.name(), dns)?);
        } else if !matches {
            findings.extend(self.difference(&records).map(|finding| finding.with_domain(report.name())));
        }
        Ok(self.compared(&report, records, matches, findings))
    }

    fn compared(
        &self,
        report: &AuditReport,
        records: Vec<Vec<u8>>,
        matches: bool,
        findings: Vec<Finding>,
    ) -> Compared {
        Compared { name: report.name().clone(), records, matches, findings }
    }

    fn is_published_by(&self, text: &[u8]) -> bool {
        KeyRecord::parse(text).is_ok_and(|record| record.public_key() == Some(&self.public))
    }

    /// Where else the key is published, by the usual mistakes.
    fn elsewhere(&self, dns: &mut Answers<'_>) -> Result<Option<Finding>, Pending> {
        let (selector, domain) = (&self.selector, &self.domain);
        let doubled = format!("{selector}._domainkey.{domain}.{domain}");
        let label_doubled = format!("{selector}._domainkey._domainkey.{domain}");
        let label_missing = format!("{selector}.{domain}");
        let mut places = vec![
            (
                doubled,
                format!("the web form adds the domain itself: enter {selector}._domainkey as the name"),
            ),
            (
                label_doubled,
                format!("the name has _domainkey twice: publish it at {selector}._domainkey.{domain}"),
            ),
            (
                label_missing,
                format!("the name lacks _domainkey: publish it at {selector}._domainkey.{domain}"),
            ),
        ];
        places.extend(USUAL_SELECTORS.iter().map(|usual| {
            let advice =
                format!("sign with the selector {usual}, or publish it at {selector}._domainkey.{domain}");
            (format!("{usual}._domainkey.{domain}"), advice)
        }));
        let places: Vec<(DomainName, String)> =
            places.into_iter().filter_map(|(name, advice)| Some((name.parse().ok()?, advice))).collect();
        let replies = dns.ask_all(places.iter().map(|(name, _)| Question::txt(name.clone())))?;
        let has_key = |record: &Record| matches!(record, Record::Txt(text) if self.is_published_by(text));
        let found = places
            .iter()
            .zip(&replies)
            .find(|(_, reply)| reply.as_ref().is_ok_and(|answer| answer.records.iter().any(has_key)));
        Ok(found.map(|((name, advice), _)| {
            let problem = format!("the record of this private key is published at {name}: {advice}");
            Finding::new("elsewhere", Severity::Error, problem)
        }))
    }

    /// What is published in place of the key.
    fn difference(&self, records: &[Vec<u8>]) -> Option<Finding> {
        let expected = self.public.dns_p();
        if let Some(target) = records.iter().find_map(|text| alias_target(text)) {
            let problem =
                format!("the text of the record is the name {target}: publish it as CNAME, not as TXT");
            return error_finding("alias-as-text", problem);
        }
        let keys: Vec<KeyRecord> = records.iter().filter_map(|text| KeyRecord::parse(text).ok()).collect();
        let error = error_finding;
        if keys.iter().any(KeyRecord::is_revoked) {
            return error(
                "revoked-in-use",
                "the private key exists, but its record says that it is revoked".into(),
            );
        }
        if let Some(found) = keys.iter().find_map(KeyRecord::public_key) {
            return error("wrong-key", wrong_key(&found.dns_p(), &expected));
        }
        damage(records, &expected)
    }
}

/// What happened to the key when no record can be read.
fn damage(records: &[Vec<u8>], expected: &str) -> Option<Finding> {
    let error = error_finding;
    let parts: Vec<String> = records.iter().map(|text| key_text(text)).collect();
    if parts.len() > 1 && is_made_of(expected, &parts) {
        let count = parts.len();
        let problem =
            format!("the key was split into {count} TXT records: publish one record of {count} strings");
        return error("split-records", problem);
    }
    let part = parts
        .iter()
        .find(|part| part.len() >= MIN_PART && part.as_str() != expected)
        .filter(|part| expected.starts_with(part.as_str()));
    if let Some(part) = part {
        let (length, whole) = (part.len(), expected.len());
        let problem = format!(
            "only the first {length} of {whole} characters of the key are published: the form cut it, publish strings of at \
                 most 255 characters"
        );
        return error("cut-key", problem);
    }
    if records.iter().any(|text| lacks_tag(text, expected)) {
        let problem = "p= is missing in front of the key: publish what `waxseal key show` prints";
        return error("no-p", problem.into());
    }
    if parts.iter().any(|part| part == expected) {
        let problem =
            "it holds the right key, but verifiers can not read it: publish what `waxseal key show` prints";
        return error("damaged", problem.into());
    }
    None
}

fn error_finding(id: &'static str, problem: String) -> Option<Finding> {
    Some(Finding::new(id, Severity::Error, problem))
}

/// A name that exists without a TXT record: in most cases an alias whose target does not exist.
fn empty_name(name: &DomainName, dns: &mut Answers<'_>) -> Result<Option<Finding>, Pending> {
    let exists =
        dns.ask(Question::txt(name.clone()))?.is_ok_and(|answer| answer.existence == Existence::Exists);
    let problem = "the name exists, but there is no TXT record: if it is an alias (CNAME), nothing is published where it leads";
    Ok(exists.then(|| Finding::new("alias-to-nothing", Severity::Note, problem).with_domain(name)))
}

/// A TXT record that contains only a name, from instructions to set an alias that were misread.
fn alias_target(text: &[u8]) -> Option<DomainName> {
    let text = std::str::from_utf8(text).ok()?.trim().trim_end_matches('.');
    let is_name = text.contains('.') && !text.contains(['=', ';', ' ']);
    is_name.then(|| text.parse().ok()).flatten()
}

/// A shorter part of a key proves nothing.
const MIN_PART: usize = 32;

/// The key in a record, even if quotes, backslashes and blanks were pasted into it.
fn key_text(record: &[u8]) -> String {
    let text = String::from_utf8_lossy(record);
    let start = text.find("p=").map_or(0, |at| at + 2);
    base64_of(text.get(start..).unwrap_or_default().split(';').next().unwrap_or_default())
}

/// Whether a record contains the key without its tag.
fn lacks_tag(record: &[u8], key: &str) -> bool {
    let text = String::from_utf8_lossy(record);
    !text.contains("p=") && text.split(';').any(|part| base64_of(part) == key)
}

fn base64_of(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')).collect()
}

/// Whether the parts make the whole in some order, each once.
fn is_made_of(whole: &str, parts: &[String]) -> bool {
    let (mut rest, mut left) = (whole, parts.iter().filter(|part| !part.is_empty()).collect::<Vec<_>>());
    while let Some(next) = left.iter().position(|part| rest.starts_with(part.as_str())) {
        rest = rest.get(left.swap_remove(next).len()..).unwrap_or_default();
    }
    rest.is_empty() && left.is_empty()
}

fn wrong_key(found: &str, expected: &str) -> String {
    // All RSA keys of one size begin alike.
    let tail = |text: &str| text.get(text.len().saturating_sub(24)..).unwrap_or_default().to_owned();
    format!(
        "another key is published, p= ends in {}, that of the private key in {}: publish what `waxseal key show` prints, or sign \
         with the other key",
        tail(found),
        tail(expected)
    )
}
