//! Everything a check evaluated, in the order in which it did.

use crate::parse::{TermRef, Terms};
use bytes::Bytes;
use std::{error::Error, fmt};
use waxseal_authres::SpfResult;
use waxseal_dns::{DomainName, Existence, LookupError, LookupErrorKind, Question, Reply};

/// The tree of an evaluation: record, its terms, their lookups and what came of them; below an `include` or a
/// `redirect`, the record it led to.
///
/// The same answers give the same trace. `Display` draws the tree, one line each; [`to_json`](Self::to_json) writes it
/// for machines.
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
    pub depth: usize,
    /// The lookup of the record, absent when the domain was no name to ask for.
    pub lookup: Option<LookupTrace>,
    /// The record that was selected, as published.
    pub text: Option<Bytes>,
    /// Its terms from left to right; empty when the record could not be read.
    pub terms: Vec<TermTrace>,
    /// What this `check_host()` returned.
    pub result: SpfResult,
}

/// One term.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TermTrace {
    /// The term as published.
    pub text: Bytes,
    /// Where it starts, in octets from the start of the record.
    pub offset: usize,
    /// The `<target-name>`, macros expanded.
    pub target: Option<DomainName>,
    /// Its lookups in the order of evaluation.
    pub lookups: Vec<LookupTrace>,
    /// What came of it.
    pub outcome: Outcome,
    /// The record that `include` or `redirect` led to.
    pub inside: Option<Box<RecordTrace>>,
}

/// What came of a term.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Evaluation did not reach it, or it has no part in it.
    NotEvaluated,
    /// The directive does not match.
    NoMatch,
    /// The directive matches, with this result.
    Match(SpfResult),
    /// `redirect=` was followed.
    Followed,
    /// `exp=` gave this explanation, or none that can be used.
    Explained(Option<String>),
    /// Evaluation ended here with temperror or permerror.
    Error(SpfResult),
}

/// One lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LookupTrace {
    /// What was asked.
    pub question: Question,
    /// What DNS said.
    pub reply: Reply,
    /// Whether it counted as a void lookup (RFC 7208 §4.6.4).
    pub void: bool,
}

impl Trace {
    /// The first record.
    pub fn root(&self) -> &RecordTrace {
        &self.root
    }

    /// The tree as one JSON object, on one line: `domain depth lookup record result terms`; a term has `term offset
    /// target lookups outcome result explanation record`; a lookup has `name type reply void ttl dnssec`. Octets that
    /// are not ASCII are written as `\u00XX`, one for each octet.
    pub fn to_json(&self) -> String {
        let mut json = Json(String::new());
        record_json(&mut json, &self.root);
        json.0
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
        Err(error) => write!(f, "{}", with_causes(error))?,
    }
    writeln!(f, "{}", if lookup.void { " (void)" } else { "" })
}

/// An error and all that is behind it, divided by colons.
fn with_causes(error: &LookupError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn status(kind: LookupErrorKind) -> &'static str {
    match kind {
        LookupErrorKind::Timeout => "timeout",
        LookupErrorKind::ServerFailure => "servfail",
        LookupErrorKind::Malformed => "malformed",
        LookupErrorKind::Other => "error",
    }
}

fn record_json(json: &mut Json, record: &RecordTrace) {
    json.open('{');
    json.text("domain", record.domain.as_str().as_bytes());
    json.number("depth", record.depth as u64);
    if let Some(lookup) = &record.lookup {
        json.key("lookup");
        lookup_json(json, lookup);
    }
    if let Some(text) = &record.text {
        json.text("record", text);
    }
    json.text("result", record.result.as_str().as_bytes());
    json.key("terms");
    json.open('[');
    for term in &record.terms {
        json.item();
        term_json(json, term);
    }
    json.close(']');
    json.close('}');
}

fn term_json(json: &mut Json, term: &TermTrace) {
    json.open('{');
    json.text("term", &term.text);
    json.number("offset", term.offset as u64);
    if let Some(target) = &term.target {
        json.text("target", target.as_str().as_bytes());
    }
    let (outcome, result) = match &term.outcome {
        Outcome::NotEvaluated => ("not-evaluated", None),
        Outcome::NoMatch => ("no-match", None),
        Outcome::Match(word) => ("match", Some(word)),
        Outcome::Followed => ("followed", None),
        Outcome::Explained(_) => ("explained", None),
        Outcome::Error(word) => ("error", Some(word)),
    };
    json.text("outcome", outcome.as_bytes());
    if let Some(word) = result {
        json.text("result", word.as_str().as_bytes());
    }
    if let Outcome::Explained(Some(text)) = &term.outcome {
        json.text("explanation", text.as_bytes());
    }
    json.key("lookups");
    json.open('[');
    for lookup in &term.lookups {
        json.item();
        lookup_json(json, lookup);
    }
    json.close(']');
    if let Some(inside) = &term.inside {
        json.key("record");
        record_json(json, inside);
    }
    json.close('}');
}

fn lookup_json(json: &mut Json, lookup: &LookupTrace) {
    json.open('{');
    json.text("name", lookup.question.name.as_str().as_bytes());
    json.text("type", lookup.question.kind.as_str().as_bytes());
    json.key("void");
    json.0.push_str(if lookup.void { "true" } else { "false" });
    match &lookup.reply {
        Ok(answer) => {
            let existence = if answer.existence == Existence::NxDomain { "nxdomain" } else { "noerror" };
            json.text("status", existence.as_bytes());
            json.key("records");
            json.open('[');
            for record in answer.records.iter() {
                json.item();
                match record {
                    waxseal_dns::Record::Txt(text) => json.string(text),
                    other => json.string(other.to_string().as_bytes()),
                }
            }
            json.close(']');
            if let Some(ttl) = answer.ttl {
                json.number("ttl", ttl.as_secs());
            }
            json.text("dnssec", answer.dnssec.as_str().as_bytes());
        }
        Err(error) => json.text("status", status(error.kind()).as_bytes()),
    }
    json.close('}');
}

/// Just enough of a JSON writer.
struct Json(String);

impl Json {
    fn open(&mut self, bracket: char) {
        self.0.push(bracket);
    }

    fn close(&mut self, bracket: char) {
        self.0.push(bracket);
    }

    /// A comma, unless the bracket was opened just now.
    fn item(&mut self) {
        if !self.0.ends_with(['{', '[']) {
            self.0.push(',');
        }
    }

    fn key(&mut self, key: &str) {
        self.item();
        self.string(key.as_bytes());
        self.0.push(':');
    }

    fn text(&mut self, key: &str, value: &[u8]) {
        self.key(key);
        self.string(value);
    }

    fn number(&mut self, key: &str, value: u64) {
        self.key(key);
        self.0.push_str(&value.to_string());
    }

    fn string(&mut self, octets: &[u8]) {
        self.0.push('"');
        for &octet in octets {
            match octet {
                b'"' | b'\\' => self.0.extend(['\\', char::from(octet)]),
                b' '..=b'~' => self.0.push(char::from(octet)),
                _ => self.0.push_str(&format!("\\u{octet:04x}")),
            }
        }
        self.0.push('"');
    }
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

    /// The terms of the selected record, none evaluated yet.
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

    /// From now on the term at `offset` is evaluated.
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
            _ => self.term().into_iter().for_each(|term| term.lookups.push(lookup.clone())),
        }
    }

    /// The answer to `question` was void, and counted.
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
