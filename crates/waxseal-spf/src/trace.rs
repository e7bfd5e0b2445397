//! The trace of an evaluation.

#[cfg(feature = "json")]
mod json;

use crate::parse::{TermRef, Terms};
use bytes::Bytes;
use std::fmt;
use waxseal_authres::{SpfResult, reason};
use waxseal_dns::{DomainName, Question, Reply};

/// The trace of an evaluation, as a tree: the record, its terms, their lookups and results; below an `include` or a
/// `redirect`, the record that it refers to.
///
/// The same answers give the same trace. `Display` draws the tree, a line for each node; with the feature `json`,
/// `to_json` writes it for programs.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_spf::{SpfCheck, dns::{Zone, drive_blocking}};
///
/// let dns = Zone::new().with_txt("example.org", "v=spf1 a:mail.example.org -all")?;
/// let check = SpfCheck::mail_from("192.0.2.1".parse()?, "user@example.org", "mail.example.org", SystemTime::now());
/// let verdict = drive_blocking(check.with_trace(true), &dns);
/// let tree = verdict.trace().ok_or("no trace")?.to_string();
/// assert!(tree.starts_with("example.org: fail\n"));
/// assert!(tree.contains("mail.example.org A = NXDOMAIN (void)\n"));
/// assert!(tree.ends_with("-all - match: fail\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    pub(crate) root: RecordTrace,
}

/// The evaluation of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordTrace {
    /// The `<domain>` of this `check_host()`.
    pub domain: DomainName,
    /// Includes and redirects between the first record and this one.
    pub(crate) depth: usize,
    /// The lookup of the record; `None` when the domain was not a valid name.
    pub lookup: Option<LookupTrace>,
    /// The record that was selected, as published.
    pub text: Option<Bytes>,
    /// Its terms from left to right; empty when the record could not be read.
    pub terms: Vec<TermTrace>,
    /// The result of this `check_host()`.
    pub result: SpfResult,
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TermTrace {
    /// The term as published.
    pub text: Bytes,
    /// Where it starts, in bytes from the start of the record.
    pub(crate) offset: usize,
    /// The `<target-name>`, macros expanded.
    pub target: Option<DomainName>,
    /// Its lookups in the order of evaluation.
    pub lookups: Vec<LookupTrace>,
    /// The outcome.
    pub outcome: Outcome,
    /// The record that `include` or `redirect` refers to.
    pub inside: Option<Box<RecordTrace>>,
}

/// The outcome of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The term was not reached, or takes no part in the evaluation.
    NotEvaluated,
    /// The directive does not match.
    NoMatch,
    /// The directive matches, with this result.
    Match(SpfResult),
    /// `redirect=` was followed.
    Followed,
    /// `exp=` resulted in this explanation, or none that is valid.
    Explained(Option<String>),
    /// Evaluation ended here with temperror or permerror.
    Error(SpfResult),
}

/// One lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookupTrace {
    /// The question.
    pub question: Question,
    /// The reply.
    pub reply: Reply,
    /// Whether it counted as a void lookup (RFC 7208 §4.6.4).
    pub void: bool,
}

impl Trace {
    /// The first record.
    pub fn root(&self) -> &RecordTrace {
        &self.root
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        draw(f, &self.root, 0)
    }
}

fn draw(f: &mut fmt::Formatter<'_>, record: &RecordTrace, indent: usize) -> fmt::Result {
    let domain = record.domain.as_str().escape_default();
    writeln!(f, "{:indent$}{domain}: {}", "", record.result)?;
    let indent = indent + 2;
    if let Some(lookup) = &record.lookup {
        draw_lookup(f, lookup, indent)?;
    }
    for term in &record.terms {
        write!(f, "{:indent$}{}", "", term.text.escape_ascii())?;
        if let Some(target) = &term.target {
            write!(f, " [{}]", target.as_str().escape_default())?;
        }
        match &term.outcome {
            Outcome::NotEvaluated => writeln!(f, " - not evaluated")?,
            Outcome::NoMatch => writeln!(f, " - no match")?,
            Outcome::Match(word) => writeln!(f, " - match: {word}")?,
            Outcome::Followed => writeln!(f, " - followed")?,
            Outcome::Explained(Some(text)) => writeln!(f, " - explains: {text}")?,
            Outcome::Explained(None) => writeln!(f, " - explains nothing")?,
            Outcome::Error(word) => writeln!(f, " - {word}")?,
        }
        for lookup in &term.lookups {
            draw_lookup(f, lookup, indent + 2)?;
        }
        if let Some(inside) = &term.inside {
            draw(f, inside, indent + 2)?;
        }
    }
    Ok(())
}

fn draw_lookup(f: &mut fmt::Formatter<'_>, lookup: &LookupTrace, indent: usize) -> fmt::Result {
    let name = lookup.question.name.as_str().escape_default();
    write!(f, "{:indent$}{name} {} = ", "", lookup.question.kind)?;
    match &lookup.reply {
        Ok(answer) => write!(f, "{answer}")?,
        Err(error) => write!(f, "{}", reason(error))?,
    }
    writeln!(f, "{}", if lookup.void { " (void)" } else { "" })
}

/// Builds a [`Trace`] while a check runs.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    open: Vec<(RecordTrace, Option<usize>)>,
    done: Option<RecordTrace>,
}

impl Recorder {
    pub(crate) fn enter(&mut self, domain: &DomainName, depth: usize) {
        let record = RecordTrace {
            domain: domain.clone(),
            depth,
            lookup: None,
            text: None,
            terms: Vec::new(),
            result: SpfResult::None,
        };
        self.open.push((record, None));
    }

    pub(crate) fn leave(&mut self, result: SpfResult) {
        let Some((mut record, _)) = self.open.pop() else { return };
        record.result = result;
        match self.term() {
            Some(term) => term.inside = Some(Box::new(record)),
            None => self.done = Some(record),
        }
    }

    /// The record that was selected.
    pub(crate) fn select(&mut self, text: &Bytes) {
        if let Some((record, _)) = self.open.last_mut() {
            record.text = Some(text.clone());
        }
    }

    /// Adds the terms of the selected record, none evaluated yet.
    pub(crate) fn terms(&mut self, record: &Bytes) {
        let Some((trace, _)) = self.open.last_mut() else { return };
        let (mut terms, mut term) = (Terms::new(record), TermRef::default());
        while let Ok(true) = terms.read(&mut term) {
            trace.terms.push(TermTrace {
                text: record.slice(term.start..term.end),
                offset: term.start,
                target: None,
                lookups: Vec::new(),
                outcome: Outcome::NotEvaluated,
                inside: None,
            });
        }
    }

    /// Begins with the term at `offset`.
    pub(crate) fn begin(&mut self, offset: usize) {
        if let Some((record, current)) = self.open.last_mut() {
            *current = record.terms.iter().position(|term| term.offset == offset);
        }
    }

    pub(crate) fn target(&mut self, name: &DomainName) {
        if let Some(term) = self.term() {
            term.target = Some(name.clone());
        }
    }

    pub(crate) fn lookup(&mut self, question: Question, reply: &Reply) {
        let lookup = LookupTrace { question, reply: reply.clone(), void: false };
        match self.open.last_mut() {
            Some((record, None)) => record.lookup = Some(lookup),
            _ => {
                if let Some(term) = self.term() {
                    term.lookups.push(lookup);
                }
            }
        }
    }

    /// Marks the answer to `question` as a void lookup.
    pub(crate) fn void(&mut self, name: &DomainName) {
        let lookup = match self.open.last_mut() {
            Some((record, None)) => record.lookup.as_mut(),
            Some((record, Some(term))) => {
                let lookups = record.terms.get_mut(*term).map(|term| &mut term.lookups);
                lookups
                    .and_then(|lookups| lookups.iter_mut().rev().find(|lookup| lookup.question.name == *name))
            }
            None => None,
        };
        if let Some(lookup) = lookup {
            lookup.void = true;
        }
    }

    pub(crate) fn outcome(&mut self, outcome: Outcome) {
        if let Some(term) = self.term() {
            term.outcome = outcome;
        }
    }

    pub(crate) fn finish(self) -> Option<Box<Trace>> {
        self.done.map(|root| Box::new(Trace { root }))
    }

    fn term(&mut self) -> Option<&mut TermTrace> {
        let (record, current) = self.open.last_mut()?;
        record.terms.get_mut((*current)?)
    }
}
