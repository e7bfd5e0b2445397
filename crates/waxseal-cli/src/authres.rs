//! `waxseal authres`: what Authentication-Results fields say.

use crate::{
    batch::{self, Jobs},
    exit::{Exit, Failure},
    input::{Chunks, LineEnds, Source, without_line_end},
    terminal::{self, Progress, visible},
};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{
    borrow::Cow,
    io::{self, Read, Write},
    path::PathBuf,
};
use waxseal::{
    authres::{AuthenticationResults, InvalidAuthenticationResults, ParsedEntry, ParsedResults, Unreadable},
    header::{Header, HeaderError, HeaderLimits, Split, Splitter},
};

/// Parse Authentication-Results (RFC 8601)
#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct Authres {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Parse(Parse),
}

impl Authres {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        match &self.verb {
            Verb::Parse(parse) => parse.run(),
        }
    }
}

/// Parse the Authentication-Results fields of messages
///
/// Anyone can add such a field to a message. Trust only those that your own servers added, and configure the servers to
/// remove forged ones from incoming mail. FILE is a message, or header fields alone.
///
/// A result or property that cannot be parsed is shown with the reason; the others are still read. After a broken quoted
/// string or comment, the rest of the field is not read, and the field should not be trusted.
///
/// Exit codes: 0 when every field was parsed completely, 1 when a part could not be parsed or there is no such field, 2 for
/// wrong usage and unreadable files.
///
/// --jsonl reads one JSON object per line: {"id", "header"}, where "header" is a field with or without its name. For each it
/// prints one object, in the same order: {"id", "authserv_id", "version", "results": [{"method", "result", "reason",
/// "props"}]}, or {"id", "error"} when no result could be parsed. "authserv_id" is null when the field has none. Methods,
/// results and the names of "props", such as "smtp.mailfrom", are in lower case. A property that occurs more than once has a
/// list of values, as readers may disagree about which one counts. "method_version" is present for a method whose version is
/// not 1, and its words may then have another meaning. "unreadable": [{"offset", "text", "error"}] lists the parts that could
/// not be parsed; "damaged": true marks a broken quoted string or comment. The exit code is 0 when every line could be read,
/// whatever the errors in the fields.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal authres parse message.eml
  waxseal authres parse --json <message.eml
  echo \"mx.example.net; spf=pass smtp.mailfrom=example.org\" | sed \"s/^/Authentication-Results: /\" | waxseal authres parse")]
struct Parse {
    /// The messages; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    messages: Vec<PathBuf>,
    /// Print one JSON object per message: {"id": FILE, "fields": [...]}
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Read one JSON object per line instead
    #[arg(long, group = "batch")]
    jsonl: bool,
    #[command(flatten)]
    jobs: Jobs,
}

/// A line of --jsonl.
#[derive(Debug, Deserialize)]
struct Line<'l> {
    #[serde(default)]
    id: Value,
    #[serde(borrow)]
    header: Cow<'l, str>,
}

#[derive(Debug, Serialize)]
struct MessageRow {
    id: String,
    fields: Vec<FieldRow>,
}

/// One field in JSON.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum FieldRow {
    Read {
        authserv_id: Option<String>,
        version: u32,
        results: Vec<ResultRow>,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        unreadable: Vec<UnreadableRow>,
        #[serde(skip_serializing_if = "Option::is_none")]
        damaged: Option<bool>,
    },
    Invalid {
        error: String,
    },
}

/// A part of a field that could not be read.
#[derive(Debug, Serialize)]
struct UnreadableRow {
    offset: usize,
    text: String,
    error: String,
}

#[derive(Debug, Serialize)]
struct ResultRow {
    method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    method_version: Option<u32>,
    result: String,
    reason: Option<String>,
    props: Map<String, Value>,
}

type Reading<'v> = Result<ParsedResults<'v>, InvalidAuthenticationResults>;

impl Parse {
    fn run(&self) -> Result<Exit, Failure> {
        Source::each(&self.messages, |source| match self.jsonl {
            true => batch::run(source.open()?, self.jobs, &Batch),
            false => self.message(source),
        })
    }

    fn message(&self, source: &Source) -> Result<Exit, Failure> {
        let input = source.open()?;
        let progress = Progress::new("reading", input.length());
        let mut chunks = Chunks::new(input, LineEnds::Auto, progress);
        let header = read_header(&mut chunks)
            .map_err(|error| Failure::file("read", source.path(), &error))?
            .map_err(|error| Failure::because(source.name(), &error))?;
        let fields = header.fields().filter(|field| field.is(NAME));
        let readings: Vec<_> = fields.map(|field| AuthenticationResults::parse(field.value())).collect();
        let mut out = anstream::stdout().lock();
        if self.json {
            let row = MessageRow { id: source.name(), fields: readings.iter().map(Into::into).collect() };
            writeln!(out, "{}", crate::json::to_string(&row))
        } else {
            print(&mut out, &source.name(), &readings)
        }
        .map_err(Failure::output)?;
        let is_whole =
            |reading: &Reading<'_>| reading.as_ref().is_ok_and(|read| read.unreadable().is_empty());
        let all_read = !readings.is_empty() && readings.iter().all(is_whole);
        Ok(if all_read { Exit::Pass } else { Exit::NotPass })
    }
}

const NAME: &str = "Authentication-Results";

/// Only the header: the rest is not read.
fn read_header(chunks: &mut Chunks<impl Read>) -> io::Result<Result<Header, HeaderError>> {
    let mut splitter = Splitter::new(HeaderLimits::default());
    while let Some(chunk) = chunks.next_chunk()? {
        match splitter.push(chunk) {
            Ok(Split::Header) => {}
            Ok(Split::Body(header, _)) => return Ok(Ok(header)),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(splitter.finish())
}

/// `--jsonl`
struct Batch;

impl batch::Verb for Batch {
    type Line<'l> = Line<'l>;
    type Row = FieldRow;

    fn answer(&self, line: Line<'_>) -> Result<FieldRow, String> {
        Ok((&AuthenticationResults::parse(value(&line.header).as_bytes())).into())
    }
}

impl<'l> batch::Line<'l> for Line<'l> {
    fn take_id(&mut self) -> Value {
        self.id.take()
    }
}

/// The text after the colon if the name of the field is there; else all of it.
fn value(header: &str) -> &str {
    let header = without_line_end(header);
    match header.split_once(':') {
        Some((name, value)) if name.trim_end_matches([' ', '\t']).eq_ignore_ascii_case(NAME) => value,
        _ => header,
    }
}

impl From<&Reading<'_>> for FieldRow {
    fn from(reading: &Reading<'_>) -> Self {
        match reading {
            Err(error) => Self::Invalid { error: error.to_string() },
            Ok(read) => match read.unreadable().first().filter(|_| read.entries().is_empty()) {
                Some(first) => Self::Invalid { error: first.error().to_string() },
                None => Self::Read {
                    authserv_id: read.authserv_id().map(Into::into),
                    version: read.version(),
                    results: read.entries().iter().map(Into::into).collect(),
                    unreadable: read.unreadable().iter().map(Into::into).collect(),
                    damaged: read.damage().is_some().then_some(true),
                },
            },
        }
    }
}

impl From<&Unreadable<'_>> for UnreadableRow {
    fn from(part: &Unreadable<'_>) -> Self {
        Self { offset: part.offset(), text: part.text().into(), error: part.error().to_string() }
    }
}

impl From<&ParsedEntry<'_>> for ResultRow {
    fn from(entry: &ParsedEntry<'_>) -> Self {
        let version = entry.method_version();
        Self {
            method: entry.method().to_ascii_lowercase(),
            method_version: (version != 1).then_some(version),
            result: entry.result().to_ascii_lowercase(),
            reason: entry.reason().map(Into::into),
            props: props(entry),
        }
    }
}

/// The properties by name; those that repeat with a list of values.
fn props(entry: &ParsedEntry<'_>) -> Map<String, Value> {
    let mut props = Map::new();
    for property in entry.properties() {
        let (ptype, name) = property.key();
        let key = format!("{ptype}.{name}").to_ascii_lowercase();
        let value = Value::from(property.value());
        match props.get_mut(&key) {
            None => {
                props.insert(key, value);
            }
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    props
}

/// The fields of one message for people.
fn print(out: &mut impl Write, name: &str, readings: &[Reading<'_>]) -> io::Result<()> {
    let name = visible(name);
    if readings.is_empty() {
        return writeln!(out, "{name}: no {NAME}");
    }
    for (number, reading) in (1..).zip(readings) {
        write!(out, "{name}: field {number}, ")?;
        match reading {
            Err(error) => writeln!(out, "{}: {error}", terminal::word("permerror"))?,
            Ok(read) => {
                let id = read.authserv_id().map_or("without authserv-id".into(), visible);
                let is_empty = read.entries().is_empty() && read.unreadable().is_empty();
                let none = if is_empty { ": no results" } else { "" };
                let version = match read.version() {
                    1 => String::new(),
                    other => format!(" (version {other}: the words may mean something else)"),
                };
                writeln!(out, "{}{version}{none}", terminal::heading(id))?;
                read.entries().iter().try_for_each(|entry| print_entry(out, entry))?;
                read.unreadable().iter().try_for_each(|part| print_unreadable(out, part))?;
                if read.damage().is_some() {
                    writeln!(out, "  text and results cannot be distinguished: do not trust this field")?;
                }
            }
        }
    }
    Ok(())
}

fn print_entry(out: &mut impl Write, entry: &ParsedEntry<'_>) -> io::Result<()> {
    write!(out, "  {}", entry.method())?;
    if entry.method_version() != 1 {
        write!(out, "/{}", entry.method_version())?;
    }
    write!(out, " {}", terminal::word(&entry.result().to_ascii_lowercase()))?;
    if let Some(comment) = entry.comment() {
        write!(out, " {}", terminal::dim(format!("({})", visible(comment))))?;
    }
    writeln!(out)?;
    if let Some(reason) = entry.reason() {
        writeln!(out, "    reason: {}", visible(reason))?;
    }
    for property in entry.properties() {
        let (ptype, name) = property.key();
        writeln!(out, "    {ptype}.{name}: {}", visible(property.value()))?;
    }
    Ok(())
}

fn print_unreadable(out: &mut impl Write, part: &Unreadable<'_>) -> io::Result<()> {
    let text =
        part.text().split(['\r', '\n', '\t']).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    writeln!(out, "  {} {}", terminal::word("unreadable"), visible(&text))?;
    writeln!(out, "    reason: {}", part.error())
}
