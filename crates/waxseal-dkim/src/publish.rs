//! For publishers of keys: what is wrong with a key record (RFC 6376 §3.6.1).

mod audit;

pub use audit::{Audit, AuditReport};

use crate::{KeyRecord, record::RecordProblem};
use waxseal_crypto::{HashAlgorithm, KeyType};
use waxseal_dns::{
    LookupError,
    lint::{Finding, Severity, nearest},
};
use waxseal_header::{Tag, TagList};

/// What can be wrong with a key record.
#[derive(Debug, thiserror::Error)]
enum Problem {
    /// Verifiers cannot read the record.
    #[error("{0}")]
    Invalid(RecordProblem),
    /// `p=` is empty: signatures with this key fail (RFC 6376 §3.6.1).
    #[error("the key is revoked: p= is empty")]
    Revoked,
    /// RFC 8301 §3.2: "Signers SHOULD use RSA keys of at least 2048 bits."
    #[error("the RSA key has {bits} bits: use 2048")]
    ShortKey {
        /// Bits of the modulus.
        bits: u32,
    },
    /// `t=y`: verifiers treat a message that fails as one without a signature (RFC 6376 §3.6.1).
    #[error("the domain is testing DKIM (t=y)")]
    Testing,
    /// `h=` does not allow SHA-256, the one hash that is left (RFC 8301 §3.1).
    #[error("h= does not allow sha256")]
    NoSha256,
    /// `s=` names other services than mail.
    #[error("s= does not allow mail")]
    NotForMail,
    /// RFC 6376 §3.2: "Unrecognized tags MUST be ignored."
    #[error("unknown tag, which verifiers ignore")]
    UnknownTag,
    /// Nothing is published at this name.
    #[error("no key record is published here: signatures with this selector fail")]
    NoRecord,
    /// RFC 6376 §3.6.2.2: "if there are multiple records in an RRset, the results are undefined".
    #[error("{0} key records: leave one, as verifiers do not choose among them")]
    SeveralRecords(usize),
    /// DNSSEC says that the answer is not genuine.
    #[error("the answer failed DNSSEC validation: verifiers do not use it")]
    Bogus,
    /// The lookup failed, so nothing is known.
    #[error("lookup failed: {}", waxseal_authres::reason(.0))]
    LookupFailed(LookupError),
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        Self::new(problem.id(), problem.severity(), problem)
    }
}

impl Problem {
    fn id(&self) -> &'static str {
        match self {
            Self::Invalid(error) => match error {
                RecordProblem::TagList(_) => "tag-list",
                RecordProblem::Version => "version",
                RecordProblem::NoSemicolon => "no-semicolon",
                RecordProblem::NoKey => "no-key",
                RecordProblem::KeyType => "key-type",
                RecordProblem::Base64 { .. } => "base64",
                RecordProblem::Cut { .. } => "cut",
                RecordProblem::Pem => "pem",
                RecordProblem::Quoted => "quoted",
                RecordProblem::Escaped => "escaped",
                RecordProblem::Foreign { .. } => "foreign",
                RecordProblem::Key(_) => "key",
            },
            Self::Revoked => "revoked",
            Self::ShortKey { .. } => "short-key",
            Self::Testing => "testing",
            Self::NoSha256 => "no-sha256",
            Self::NotForMail => "not-for-mail",
            Self::UnknownTag => "unknown-tag",
            Self::NoRecord => "no-record",
            Self::SeveralRecords(_) => "several-records",
            Self::Bogus => "bogus",
            Self::LookupFailed(_) => "lookup-failed",
        }
    }

    fn severity(&self) -> Severity {
        match self {
            Self::Invalid(_) | Self::NoSha256 | Self::NotForMail => Severity::Error,
            // RFC 8301 §3.2: "Verifiers MUST NOT consider signatures using RSA keys of less than 1024 bits as valid signatures."
            Self::ShortKey { bits } if *bits < 1024 => Severity::Error,
            Self::NoRecord | Self::SeveralRecords(_) | Self::Bogus | Self::LookupFailed(_) => Severity::Error,
            Self::ShortKey { .. } => Severity::Warning,
            Self::Revoked | Self::Testing | Self::UnknownTag => Severity::Note,
        }
    }
}

const TAGS: [&str; 7] = ["v", "k", "p", "h", "n", "s", "t"];

/// Everything that is wrong with the text of a key record, as it is published.
///
/// Problems are named by [`Finding::id`]: for a record that verifiers cannot read `tag-list`, `version`,
/// `no-semicolon`, `no-key`, `key-type`, `base64`, `cut`, `pem`, `quoted`, `escaped`, `foreign` and `key`; for others
/// `short-key`, `no-sha256`, `not-for-mail`, `revoked`, `testing` and `unknown-tag`.
///
/// ```
/// use waxseal_dkim::publish::lint;
/// let record = b"v=DKIM1; k=ed25591; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/// let findings = lint(record);
/// assert_eq!((findings[0].id(), findings[0].span(), findings[0].suggestion()), ("key-type", Some(11..18), Some("ed25519")));
/// ```
pub fn lint(text: &[u8]) -> Vec<Finding> {
    let tags = TagList::parse(text).ok();
    let tag = |name: &str| tags.as_ref().and_then(|tags| tags.tag(name));
    let mut findings = match KeyRecord::parse(text) {
        Err(error) => vec![invalid(text, error.0, tag)],
        Ok(record) => of_record(&record)
            .map(|(problem, name)| match tag(name) {
                Some(tag) => Finding::from(problem).with_span(text, tag.range()),
                None => Finding::from(problem),
            })
            .collect(),
    };
    if let Some(tags) = &tags {
        findings.extend(tags.tags().filter(|tag| !TAGS.contains(&tag.name())).map(|tag| unknown(text, tag)));
    }
    findings
}

/// The problems of a valid record, each with the tag that it is about.
fn of_record(record: &KeyRecord) -> impl Iterator<Item = (Problem, &'static str)> {
    let key = record.public_key().filter(|key| key.key_type() == KeyType::Rsa && key.bits() < 2048);
    let short = key.map(|key| (Problem::ShortKey { bits: key.bits() }, "p"));
    let checks = [
        (record.is_revoked(), Problem::Revoked, "p"),
        (record.is_testing(), Problem::Testing, "t"),
        (!record.allows_hash(HashAlgorithm::Sha256), Problem::NoSha256, "h"),
        (!record.is_for_email(), Problem::NotForMail, "s"),
    ];
    let found = checks.into_iter().filter_map(|(found, problem, tag)| found.then_some((problem, tag)));
    short.into_iter().chain(found)
}

fn invalid<'t>(text: &[u8], error: RecordProblem, tag: impl Fn(&str) -> Option<Tag<'t>>) -> Finding {
    let about = match &error {
        RecordProblem::Version => tag("v"),
        RecordProblem::KeyType => tag("k"),
        RecordProblem::Base64 { .. } | RecordProblem::Cut { .. } | RecordProblem::Pem => tag("p"),
        RecordProblem::Key(_) => tag("p"),
        _ => None,
    };
    let suggestion = match &error {
        RecordProblem::Version => Some("DKIM1"),
        RecordProblem::KeyType => {
            let name = about.and_then(|tag| std::str::from_utf8(tag.value()).ok());
            name.and_then(|name| nearest(name, &["rsa", "ed25519"]))
        }
        _ => None,
    };
    let finding = Finding::from(Problem::Invalid(error));
    let finding = match about {
        Some(tag) => finding.with_span(text, tag.range()),
        None => finding,
    };
    match suggestion {
        Some(suggestion) => finding.with_suggestion(suggestion),
        None => finding,
    }
}

fn unknown(text: &[u8], tag: Tag<'_>) -> Finding {
    let (name, value) = (tag.name(), tag.range());
    let before = text.get(..value.start).unwrap_or_default();
    let start = before.windows(name.len().max(1)).rposition(|window| window == name.as_bytes());
    let span = start.map_or(value, |start| start..start + name.len());
    let finding = Finding::from(Problem::UnknownTag).with_span(text, span);
    match nearest(name, &TAGS) {
        Some(meant) => finding.with_suggestion(meant),
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const P: &str = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn found(text: &str) -> Vec<(&'static str, Severity, Option<String>)> {
        let span = |finding: &Finding| finding.span().map(|span| text[span].to_owned());
        lint(text.as_bytes()).iter().map(|f| (f.id(), f.severity(), span(f))).collect()
    }

    #[test]
    fn a_good_record_has_no_problems() {
        assert_eq!(found(&format!("v=DKIM1; k=ed25519; p={P}")), []);
    }

    #[test]
    fn each_problem_has_its_place() {
        use Severity::{Error, Note};
        let some = |text: &str| Some(text.to_owned());
        for (text, expected) in [
            (format!("v=DKIM1; k=ed25519; p={P}; t=y"), ("testing", Note, some("y"))),
            (format!("v=DKIM1; k=ed25519; h=sha1; p={P}"), ("no-sha256", Error, some("sha1"))),
            (format!("v=DKIM1; k=ed25519; s=tlsrpt; p={P}"), ("not-for-mail", Error, some("tlsrpt"))),
            (format!("v=DKIM1; k=ed25519; q=1; p={P}"), ("unknown-tag", Note, some("q"))),
            (format!("v=DKIM2; k=ed25519; p={P}"), ("version", Error, some("DKIM2"))),
            (format!("v=DKIM1; =rsa; p={P}"), ("tag-list", Error, None)),
            (format!("\"v=DKIM1; k=ed25519; p={P}\""), ("quoted", Error, None)),
            ("v=DKIM1; p=".into(), ("revoked", Note, some(""))),
            ("v=DKIM1; k=rsa".into(), ("no-key", Error, None)),
            ("v=spf1 -all".into(), ("foreign", Error, None)),
        ] {
            assert!(found(&text).contains(&expected), "{text}: {:?}", found(&text));
        }
    }
}
