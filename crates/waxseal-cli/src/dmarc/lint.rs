//! `waxseal dmarc lint`: what is wrong with a record.

use super::{Mode, StepRow, tag_name};
use crate::{
    dns_args::{Dns, DnsArgs},
    exit::{Exit, Failure, chain},
    terminal,
};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use waxseal::{
    dmarc::{
        AuthorVerdict, Authorization, BuiltInSuffixes, Cause, DmarcCheck, Found, Identifiers, PolicyTag,
        Record, ReportAuthorization, ReportUri, Severity, Step, lint, lint_organization,
    },
    dns::{Answers, DomainName, Record as DnsRecord, drive_with_blocking},
};

/// Say what is wrong with a DMARC record
///
/// The text of a record is looked at as it is, without DNS. Of a domain it is shown where on the way up its record was
/// found and what it comes to, and every host outside the domain is asked whether it takes the reports.
///
/// Exit codes: 0 when there is nothing worse than a note, 1 when there is, 2 for wrong usage, 75 when DNS did not answer.
#[derive(Debug, Args)]
pub(crate) struct Lint {
    /// A domain, or the text of a record, such as "v=DMARC1; p=none"
    #[arg(value_name = "RECORD|DOMAIN")]
    subject: String,
    #[command(flatten)]
    dns: DnsArgs,
    /// How to tell Organizational Domains
    #[arg(long, value_enum, default_value_t)]
    mode: Mode,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    audit: Option<Audit>,
    findings: Vec<Finding>,
}

/// What only a domain has.
#[derive(Debug, Serialize)]
struct Audit {
    domain: String,
    record_at: Option<String>,
    record: Option<String>,
    policy: Option<&'static str>,
    policy_tag: Option<&'static str>,
    org_domain: Option<String>,
    org_rule: Option<&'static str>,
    path: Vec<StepRow>,
    reports: Vec<ReportRow>,
    /// The tag for which no policy of the record counts.
    #[serde(skip)]
    invalid_policy: Option<&'static str>,
    /// The path for people: names, and what was found there.
    #[serde(skip)]
    steps: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct ReportRow {
    tag: &'static str,
    uri: String,
    authorization: &'static str,
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: &'static str,
    /// The name in DNS that it is about.
    name: Option<String>,
    offset: Option<usize>,
    text: String,
    #[serde(skip)]
    exit: Exit,
}

impl Lint {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if self.subject.trim().is_empty() {
            return Err(Failure::new("no record and no domain is given: the argument is empty"));
        }
        // No domain name has any of these, and no record is without all of them.
        if self.subject.contains([' ', '=', ';']) {
            let findings = lint(self.subject.as_bytes());
            return self.finish(None, findings.iter().map(|finding| Finding::of(finding, None)).collect());
        }
        let domain: DomainName =
            self.subject.parse().map_err(|error| Failure::because(&self.subject, &error))?;
        // The name of a record, as other tools want it.
        let stripped = domain.as_str().strip_prefix("_dmarc.").and_then(|rest| rest.parse().ok());
        let (audit, findings) = self.audit(stripped.unwrap_or(domain), &self.dns.open()?);
        self.finish(Some(audit), findings)
    }

    fn audit(&self, domain: DomainName, dns: &Dns) -> (Audit, Vec<Finding>) {
        let local = self.mode.local_policy();
        let mut answers = Answers::new().with_time_limit(self.dns.timeout());
        let evaluation = DmarcCheck::new(Identifiers::new(domain.clone())).with_local_policy(local.clone());
        let verdict = drive_with_blocking(evaluation, &mut answers, dns, None);
        let Some(author) = verdict.author() else {
            return (Audit::of(&domain, None, &answers), Vec::new());
        };
        let mut audit = Audit::of(&domain, Some(author), &answers);
        let mut findings: Vec<_> =
            author.path().iter().flat_map(|step| of_step(step, author, &answers)).collect();
        if let Cause::NoRecord { .. } = author.cause() {
            let organization = author.organizational_domain().map_or(&domain, |found| &found.domain);
            let text = format!("no DMARC record applies: publish one at _dmarc.{organization}");
            findings.push(Finding::new(Severity::Error, Some(domain.to_string()), text));
        }
        let name = author.record_at().and_then(|at| at.prepend("_dmarc").ok()).map(|name| name.to_string());
        let of_organization = lint_organization(author, Some(&BuiltInSuffixes));
        findings.extend(of_organization.iter().map(|found| Finding::of(found, name.clone())));
        if let (Some(record), Some(at)) = (author.record(), author.record_at()) {
            for (tag, uri) in addresses(record) {
                let check = self.authorization(tag, uri, record, at);
                let authorization = check.map(|check| drive_with_blocking(check, &mut answers, dns, None));
                findings.extend(authorization.as_ref().and_then(|found| of_address(tag, uri, at, found)));
                let authorization = authorization.as_ref().map_or("ignored", word);
                audit.reports.push(ReportRow { tag: tag.as_str(), uri: uri.to_string(), authorization });
            }
        }
        (audit, findings)
    }

    /// Whether an address of the record at `at` may have reports; `None` when nobody looks at it.
    fn authorization(
        &self,
        tag: ReportTag,
        uri: &ReportUri,
        record: &Record,
        at: &DomainName,
    ) -> Option<ReportAuthorization> {
        let (at, uri) = (at.clone(), uri.clone());
        let check = match tag {
            ReportTag::Rua => ReportAuthorization::for_aggregate_reports(at, uri),
            ReportTag::Ruf if record.is_ruf_ignored() => return None,
            ReportTag::Ruf => ReportAuthorization::for_failure_reports(at, uri),
        };
        Some(check.with_local_policy(&self.mode.local_policy()))
    }

    fn finish(&self, audit: Option<Audit>, findings: Vec<Finding>) -> Result<Exit, Failure> {
        let exit = findings.iter().map(|finding| finding.exit).fold(Exit::Pass, Exit::and);
        self.print(audit, findings).map_err(Failure::output)?;
        Ok(exit)
    }

    fn print(&self, audit: Option<Audit>, findings: Vec<Finding>) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            return writeln!(out, "{}", crate::json::to_string(&Row { audit, findings }));
        }
        if let Some(audit) = &audit {
            audit.print(&mut out)?;
        }
        findings.iter().try_for_each(|finding| finding.print(&mut out))?;
        if findings.is_empty() {
            writeln!(out, "no problems found")?;
        }
        Ok(())
    }
}

/// What there is to say about one name on the way up.
fn of_step(step: &Step, author: &AuthorVerdict, answers: &Answers<'_>) -> Vec<Finding> {
    let name = || step.question().map(|question| question.name.to_string());
    let mut findings = match step.found() {
        Found::Several { count } => {
            let text = format!("{count} DMARC records: receivers discard them all, leave one");
            vec![Finding::new(Severity::Error, name(), text)]
        }
        Found::Failed(error) => {
            let text = format!("lookup failed: {}", chain(error));
            let finding = Finding::new(Severity::Error, name(), text);
            vec![Finding { exit: Exit::Temporary, ..finding }]
        }
        _ => Vec::new(),
    };
    for text in texts(step, answers) {
        let applies = author.record_at() == Some(step.domain());
        match Record::parse(text) {
            Ok(_) if applies => findings.extend(lint(text).iter().map(|found| Finding::of(found, name()))),
            Ok(_) => {}
            Err(_) if is_meant(text) => {
                findings.extend(lint(text).iter().map(|found| Finding::of(found, name())));
            }
            Err(_) => {}
        }
    }
    findings
}

/// The text records at a name on the way up.
fn texts<'a>(step: &Step, answers: &'a Answers<'_>) -> impl Iterator<Item = &'a [u8]> {
    let question = step.question();
    let reply = answers.known().find(|(asked, _)| Some(*asked) == question.as_ref());
    let records = reply.and_then(|(_, reply)| reply.as_ref().ok()).map(|answer| answer.records.iter());
    records.into_iter().flatten().filter_map(|record| match record {
        DnsRecord::Txt(text) => Some(&**text),
        _ => None,
    })
}

/// The record that was found, as it is published: findings name offsets in it.
fn published(step: &Step) -> Option<String> {
    step.record().map(|record| super::published(record))
}

/// As zone files write it, without the quotes (RFC 1035 §5.1).
fn shown(text: &[u8]) -> String {
    let shown = |octet: &u8| match octet {
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(*octet).to_string(),
        octet => format!("\\{octet:03}"),
    };
    text.iter().map(shown).collect()
}

/// The name of a step, and what was found: the record, or why there is none and what might have been meant.
fn in_words(step: &Step, answers: &Answers<'_>) -> (String, String) {
    let text = step.to_string();
    let (name, found) = text.split_once(": ").unwrap_or((&text, ""));
    let meant = || texts(step, answers).filter(|text| is_meant(text));
    let found = published(step)
        .unwrap_or_else(|| meant().fold(found.to_owned(), |found, text| found + "\n    " + &shown(text)));
    (name.to_owned(), found)
}

/// Whether somebody wanted this to be a DMARC record; other text below `_dmarc.` comes from wildcards.
fn is_meant(text: &[u8]) -> bool {
    text.windows(5).any(|window| window.eq_ignore_ascii_case(b"dmarc"))
}

/// A tag with addresses for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReportTag {
    Rua,
    Ruf,
}

impl ReportTag {
    fn as_str(self) -> &'static str {
        match self {
            Self::Rua => "rua",
            Self::Ruf => "ruf",
        }
    }
}

/// The addresses for reports with their tags, each once.
fn addresses(record: &Record) -> Vec<(ReportTag, &ReportUri)> {
    let mut all = Vec::new();
    let tags = [(ReportTag::Rua, record.aggregate_reports()), (ReportTag::Ruf, record.failure_reports())];
    for (tag, uris) in tags {
        for uri in uris {
            if !all.contains(&(tag, uri)) {
                all.push((tag, uri));
            }
        }
    }
    all
}

fn word(authorization: &Authorization) -> &'static str {
    match authorization {
        Authorization::Internal => "internal",
        Authorization::Granted => "granted",
        Authorization::Redirected(_) => "redirected",
        Authorization::Refused => "refused",
        Authorization::ForeignRedirect => "foreign-redirect",
        Authorization::NoHost => "no-host",
        Authorization::NameTooLong => "name-too-long",
        Authorization::Failed { .. } => "failed",
        _ => "other",
    }
}

/// What there is to say about an address of the record at `at`.
fn of_address(tag: ReportTag, uri: &ReportUri, at: &DomainName, found: &Authorization) -> Option<Finding> {
    let host = uri.host().map(ToString::to_string).unwrap_or_default();
    let asked = format!("{at}._report._dmarc.{host}");
    let (severity, text) = match found {
        Authorization::Internal | Authorization::Granted => return None,
        Authorization::Redirected(uris) => {
            let uris: Vec<_> = uris.iter().map(ToString::to_string).collect();
            (Severity::Note, format!("{host} has these reports sent to {}", uris.join(", ")))
        }
        Authorization::Refused => {
            let text = format!(
                "{host} does not say that it takes reports about {at}, so none are sent there: it has to publish \
                 \"v=DMARC1;\" as TXT at {asked}"
            );
            (Severity::Warning, text)
        }
        Authorization::ForeignRedirect => {
            let text = format!("{asked} leads to yet another host, so no reports are sent");
            (Severity::Warning, text)
        }
        Authorization::NoHost => {
            (Severity::Warning, "no host that could be asked, so no reports are sent there".into())
        }
        Authorization::NameTooLong => {
            (Severity::Warning, format!("{asked} is too long for DNS, so no reports are sent there"))
        }
        Authorization::Failed { question, error } => {
            let finding = Finding::new(
                Severity::Error,
                Some(question.name.to_string()),
                format!("lookup failed: {}", chain(error)),
            );
            return Some(Finding { exit: Exit::Temporary, ..finding });
        }
        other => (Severity::Warning, format!("{other:?}")),
    };
    let name = at.prepend("_dmarc").map(|name| name.to_string());
    Some(Finding::new(severity, name.ok(), format!("{}={uri}: {text}", tag.as_str())))
}

impl Audit {
    fn of(domain: &DomainName, author: Option<&AuthorVerdict>, answers: &Answers<'_>) -> Self {
        let path = author.map(AuthorVerdict::path).unwrap_or_default();
        let organization = author.and_then(AuthorVerdict::organizational_domain);
        Self {
            domain: domain.to_string(),
            record_at: author.and_then(AuthorVerdict::record_at).map(ToString::to_string),
            record: path
                .iter()
                .find(|step| Some(step.domain()) == author.and_then(AuthorVerdict::record_at))
                .and_then(published),
            policy: author.and_then(AuthorVerdict::policy).map(|policy| policy.as_str()),
            policy_tag: author.and_then(AuthorVerdict::policy_tag).and_then(tag_name),
            org_domain: organization.map(|found| found.domain.to_string()),
            org_rule: organization.map(|found| found.rule.as_str()),
            path: path.iter().map(StepRow::from).collect(),
            reports: Vec::new(),
            invalid_policy: author
                .and_then(AuthorVerdict::record)
                .and_then(|record| record.invalid_policy())
                .map(PolicyTag::as_str),
            steps: path.iter().map(|step| in_words(step, answers)).collect(),
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        for (name, found) in &self.steps {
            writeln!(out, "{} {found}", terminal::heading(name))?;
        }
        if let (Some(organization), Some(rule)) = (&self.org_domain, self.org_rule) {
            writeln!(out, "Organizational Domain: {organization} ({rule})")?;
        }
        if let (Some(policy), Some(at)) = (self.policy, &self.record_at) {
            let source = match self.policy_tag {
                Some(tag) => format!("by {tag}= of {at}"),
                None => {
                    let tag = self.invalid_policy.unwrap_or("p");
                    format!("assumed, as there is no valid {tag}= in the record of {at}, but a rua=")
                }
            };
            writeln!(out, "policy for mail from {}: {policy}, {source}", self.domain)?;
        }
        let row = |row: &ReportRow| writeln!(out, "{}={}: {}", row.tag, row.uri, row.authorization);
        self.reports.iter().try_for_each(row)
    }
}

impl Finding {
    fn new(severity: Severity, name: Option<String>, text: String) -> Self {
        // Notes are no reason to fail.
        let exit = if severity == Severity::Note { Exit::Pass } else { Exit::NotPass };
        Self { severity: severity.as_str(), name, offset: None, text, exit }
    }

    fn of(finding: &waxseal::dmarc::Finding, name: Option<String>) -> Self {
        let text = finding.message().to_owned();
        Self { offset: finding.offset(), ..Self::new(finding.severity(), name, text) }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "{}: ", terminal::severity(self.severity))?;
        if let Some(name) = &self.name {
            write!(out, "{name}: ")?;
        }
        writeln!(out, "{}", self.text)
    }
}
