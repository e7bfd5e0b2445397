//! What is wrong with published records, for people and for programs: the same for SPF, DMARC and DKIM.

use crate::{
    dns_args::DnsArgs,
    exit::{Exit, Failure},
    terminal::{self, visible},
};
use clap::Args;
use serde::Serialize;
use std::{
    io::{self, Write},
    ops::Range,
};
use waxseal::dns::{
    DomainName,
    lint::{Finding, Severity},
};

/// Columns of a record on one line.
const WIDTH: usize = 100;

/// Options of every lint.
#[derive(Debug, Args)]
pub(crate) struct LintArgs {
    #[command(flatten)]
    pub(crate) dns: DnsArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl LintArgs {
    /// Prints `audit` and the findings as JSON, or `page`; the exit code is that of the findings.
    pub(crate) fn finish<A: Serialize>(
        &self,
        audit: Option<A>,
        findings: &[Finding],
        page: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<Exit, Failure> {
        let mut out = anstream::stdout().lock();
        let printed = if self.json {
            let row = Row { audit, findings: findings.iter().map(Into::into).collect() };
            writeln!(out, "{}", crate::json::to_string(&row))
        } else {
            page(&mut out)
        };
        printed.map_err(Failure::output)?;
        Ok(exit_of(findings))
    }
}

/// The findings in JSON, after what was found out about a domain.
#[derive(Debug, Serialize)]
struct Row<A> {
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    audit: Option<A>,
    findings: Vec<FindingRow>,
}

/// A finding in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct FindingRow {
    severity: &'static str,
    problem: &'static str,
    domain: Option<String>,
    term: Option<String>,
    offset: Option<usize>,
    span: Option<[usize; 2]>,
    suggestion: Option<String>,
    text: String,
}

impl From<&Finding> for FindingRow {
    fn from(finding: &Finding) -> Self {
        Self {
            severity: finding.severity().as_str(),
            problem: finding.id(),
            domain: finding.domain().map(ToString::to_string),
            term: finding.excerpt().map(Into::into),
            offset: finding.span().map(|span| span.start),
            span: finding.span().map(|span| [span.start, span.end]),
            suggestion: finding.suggestion().map(Into::into),
            text: finding.problem().to_owned(),
        }
    }
}

/// Notes do not fail, and a record that could not be looked up may be correct.
pub(crate) fn exit_of(findings: &[Finding]) -> Exit {
    let exit = |finding: &Finding| match (finding.id(), finding.severity()) {
        ("lookup-failed", _) => Exit::Temporary,
        (_, Severity::Note) => Exit::Pass,
        _ => Exit::NotPass,
    };
    findings.iter().map(exit).fold(Exit::Pass, Exit::and)
}

/// A record as it is published, and the domain that it is about, if that is known.
pub(crate) type Published<'r> = (Option<&'r DomainName>, &'r [u8]);

/// Prints each record once, with a caret under whatever a finding is about, and then the findings about none of their text.
pub(crate) fn print(
    out: &mut (impl Write + ?Sized),
    records: &[Published<'_>],
    findings: &[Finding],
) -> io::Result<()> {
    let mut rest: Vec<_> = findings.iter().collect();
    for (domain, record) in records {
        let here = take(&mut rest, *domain, record);
        if let Some(domain) = domain {
            writeln!(out, "{}", terminal::heading(domain))?;
        }
        print_record(out, "", record, here)?;
    }
    print_rest(out, &rest)?;
    if findings.is_empty() {
        writeln!(out, "no problems found")?;
    }
    Ok(())
}

/// Takes the findings about the text of this record, which may be one of several at its name.
pub(crate) fn take<'f>(
    rest: &mut Vec<&'f Finding>,
    domain: Option<&DomainName>,
    record: &[u8],
) -> Vec<&'f Finding> {
    let is_here = |finding: &&Finding| {
        let Some(span) = finding.span().filter(|_| finding.domain() == domain) else { return false };
        let text = record.get(span).unwrap_or_default().escape_ascii().to_string();
        text.starts_with(finding.excerpt().unwrap_or_default())
    };
    let (here, others) = rest.drain(..).partition(is_here);
    *rest = others;
    here
}

/// Prints findings without a place to point at.
pub(crate) fn print_rest(out: &mut (impl Write + ?Sized), findings: &[&Finding]) -> io::Result<()> {
    findings.iter().try_for_each(|finding| {
        let severity = terminal::severity(finding.severity().as_str());
        let domain = finding.domain().map(|domain| format!("{domain}: ")).unwrap_or_default();
        let excerpt = finding.excerpt().map(|text| format!("{}: ", visible(text))).unwrap_or_default();
        writeln!(out, "{severity}: {domain}{excerpt}{}", advice(finding))
    })
}

/// The record behind `label`, on lines of at most [`WIDTH`] columns; below each line the findings that begin in it.
pub(crate) fn print_record(
    out: &mut (impl Write + ?Sized),
    label: &str,
    record: &[u8],
    mut findings: Vec<&Finding>,
) -> io::Result<()> {
    let start = |finding: &&Finding| finding.span().map_or(0, |span| span.start);
    findings.sort_by_key(start);
    let mut findings = findings.into_iter().peekable();
    let lines = lines(record);
    for (number, line) in lines.iter().enumerate() {
        let text = record.get(line.clone()).unwrap_or_default();
        match number {
            0 => writeln!(out, "{}{}", terminal::heading(label), shown(text))?,
            _ => writeln!(out, "{:1$}{2}", "", label.len(), shown(text))?,
        }
        let is_last = number + 1 == lines.len();
        while let Some(finding) = findings.next_if(|finding| is_last || start(finding) < line.end) {
            let span = finding.span().unwrap_or_default();
            let column = |at: usize| shown(text.get(..at.saturating_sub(line.start)).unwrap_or(text)).len();
            let (from, to) = (column(span.start), column(span.end));
            let carets = "^".repeat(to.saturating_sub(from).max(1));
            let severity = terminal::severity(finding.severity().as_str());
            let under = " ".repeat(label.len() + from);
            writeln!(out, "{under}{} {severity}: {}", terminal::caret(carets), advice(finding))?;
        }
    }
    Ok(())
}

/// What is wrong, and what to write.
fn advice(finding: &Finding) -> String {
    let text = visible(finding.problem());
    match finding.suggestion() {
        Some(suggestion) => format!("{text}: write {}", visible(suggestion)),
        None => text,
    }
}

/// The record cut behind blanks where that is possible.
fn lines(record: &[u8]) -> Vec<Range<usize>> {
    let (mut lines, mut start) = (Vec::new(), 0);
    while record.len() - start > WIDTH {
        let window = record.get(start..start + WIDTH).unwrap_or_default();
        let length = window.iter().rposition(|byte| *byte == b' ').map_or(WIDTH, |blank| blank + 1);
        lines.push(start..start + length);
        start += length;
    }
    lines.push(start..record.len());
    lines
}

/// What is not visible ASCII as zone files write it (RFC 1035 §5.1).
fn shown(text: &[u8]) -> String {
    let shown = |byte: &u8| match byte {
        b' '..=b'~' => char::from(*byte).to_string(),
        byte => format!("\\{byte:03}"),
    };
    text.iter().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    fn printed(record: &[u8], spans: &[Range<usize>]) -> String {
        let finding = |span: &Range<usize>| {
            Finding::new("odd", Severity::Warning, "odd").with_span(record, span.clone())
        };
        let findings: Vec<_> = spans.iter().map(finding).collect();
        let mut out = Vec::new();
        print(&mut out, &[(None, record)], &findings).unwrap();
        strip_str(&String::from_utf8(out).unwrap()).to_string()
    }

    #[test]
    fn carets_stand_under_what_they_are_about() {
        assert_eq!(
            printed(b"v=spf1 \tx -al", &[10..13, 7..9, 13..13]),
            "v=spf1 \\009x -al\n       ^^^^^ warning: odd\n             ^^^ warning: odd\n                ^ warning: odd\n"
        );
    }

    #[test]
    fn long_records_are_cut_behind_blanks() {
        let record = ["v=spf1", &" ip4:192.0.2.1".repeat(12), " -al"].concat();
        let text = printed(record.as_bytes(), &[record.len() - 3..record.len(), 94..98]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4, "{text}");
        assert!(lines[0].len() <= WIDTH && lines[0].ends_with("1 "), "{text}");
        assert_eq!(
            (lines[2], lines[3].find("^^^ warning")),
            ("   ^^^^ warning: odd", lines[1].find("-al")),
            "{text}"
        );
        let blob = [b'x'; 250];
        assert_eq!(lines_of(&blob), [0..100, 100..200, 200..250]);
        assert_eq!(lines_of(b""), std::slice::from_ref(&(0..0)));
    }

    fn lines_of(record: &[u8]) -> Vec<Range<usize>> {
        super::lines(record)
    }

    #[test]
    fn spans_beyond_the_record_do_no_harm() {
        assert_eq!(printed(b"ab", &[1..9, 7..9]), "ab\n ^ warning: odd\n  ^ warning: odd\n");
    }
}
