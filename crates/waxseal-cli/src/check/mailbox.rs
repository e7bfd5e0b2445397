//! `waxseal check --mbox` and `--maildir`: a line for each message, and a summary.

use super::{
    Check, Only, exit_of,
    judge::Judge,
    maildir::Maildir,
    mbox::{Mbox, Quoting},
    row::ReportRow,
    summary::Summary,
    trace::{Now, Told},
    verdict,
};
use crate::{
    batch::{Answered, Items, answer_all},
    dns_args::Dns,
    exit::{Exit, Failure},
    input::{Chunks, Input, Source},
    interrupt::{Interrupt, UntilInterrupted},
    json,
    terminal::{self, Progress, visible},
};
use serde::Serialize;
use serde_json::json;
use std::{
    fs::File,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use waxseal::{InboundCheck, Report, dns::drive_blocking};

/// Longer messages of an mbox file are not read into memory, but streamed one after the other.
const LONG: u64 = 1 << 20;

/// A message on its way to being judged.
struct Mail {
    id: String,
    content: Content,
    /// How long it has taken so far.
    took: Duration,
}

enum Content {
    Whole(Vec<u8>),
    /// As it stands in an mbox file.
    Quoted(Vec<u8>, Quoting),
    /// All of it was read already.
    Received(Box<(InboundCheck, Told)>),
    File(PathBuf),
}

pub(super) fn check_mbox(check: &Check, source: &Source) -> Result<Exit, Failure> {
    let (judge, dns) = (check.judge()?, check.dns.open()?);
    let input = source.open()?;
    let messages = MboxMessages {
        progress: Progress::beside_output("checking", input.length()),
        mbox: Mbox::new(input, check.quoting),
        quoting: check.quoting,
        judge: &judge,
        name: if check.json { source.id() } else { source.name() },
        number: 0,
    };
    check_all(check, &judge, &dns, messages)
}

pub(super) fn check_maildir(check: &Check, dir: &Path) -> Result<Exit, Failure> {
    let (judge, dns) = (check.judge()?, check.dns.open()?);
    let maildir = Maildir::open(dir)?;
    let messages = MaildirMessages { progress: Progress::of_messages("checking", maildir.len()), maildir };
    check_all(check, &judge, &dns, messages)
}

struct MboxMessages<'a> {
    mbox: Mbox<Input>,
    quoting: Quoting,
    judge: &'a Judge,
    name: String,
    number: u64,
    progress: Progress,
}

impl Items for MboxMessages<'_> {
    type Item = Mail;

    fn next(&mut self) -> io::Result<Option<Mail>> {
        let read = self.read();
        read.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.name)))
    }
}

impl MboxMessages<'_> {
    fn read(&mut self) -> io::Result<Option<Mail>> {
        let (begun, before) = (Instant::now(), self.mbox.read);
        if !self.mbox.next_message()? {
            return Ok(None);
        }
        self.number += 1;
        let content = match self.mbox.take_buffered()? {
            Some(message) => Content::Quoted(message, self.quoting),
            None => self.read_in_pieces()?,
        };
        self.progress.add(usize::try_from(self.mbox.read - before).unwrap_or(usize::MAX));
        Ok(Some(Mail { id: format!("{}#{}", self.name, self.number), content, took: begun.elapsed() }))
    }
}

impl MboxMessages<'_> {
    fn read_in_pieces(&mut self) -> io::Result<Content> {
        let mut head = Vec::new();
        self.mbox.by_ref().take(LONG).read_to_end(&mut head)?;
        if (head.len() as u64) < LONG {
            return Ok(Content::Whole(head));
        }
        let silent = Progress::silent("checking");
        let mut chunks = Chunks::new(head.chain(&mut self.mbox), self.judge.line_ends, silent);
        Ok(Content::Received(Box::new(self.judge.receive(&mut chunks)?)))
    }
}

struct MaildirMessages {
    maildir: Maildir,
    progress: Progress,
}

impl Items for MaildirMessages {
    type Item = Mail;

    fn next(&mut self) -> io::Result<Option<Mail>> {
        self.progress.add(1);
        Ok(self.maildir.next_file().map(|path| Mail {
            id: path.display().to_string(),
            content: Content::File(path),
            took: Duration::ZERO,
        }))
    }
}

impl Content {
    fn inbound(self, judge: &Judge) -> io::Result<(InboundCheck, Told)> {
        match self {
            Self::Whole(message) => Ok(judge.take(message)),
            Self::Quoted(message, quoting) => Ok(judge.take(quoting.undo(message))),
            Self::Received(inbound) => Ok(*inbound),
            Self::File(path) => judge.receive(&mut Chunks::new(
                File::open(path)?,
                judge.line_ends,
                Progress::silent("checking"),
            )),
        }
    }
}

fn check_all(
    check: &Check,
    judge: &Judge,
    dns: &Dns,
    messages: impl Items<Item = Mail> + Send,
) -> Result<Exit, Failure> {
    let interrupt = Interrupt::watch();
    let messages = UntilInterrupted { items: messages, interrupt: &interrupt };
    let begun = Instant::now();
    let summary = Mutex::new(Summary::default());
    let summarize = |change: &dyn Fn(&mut Summary)| {
        change(&mut summary.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let exit = answer_all(messages, check.jobs.threads(), |Mail { id, content, took }| {
        let begun = Instant::now();
        let report = content.inbound(judge).map(|(inbound, told)| (drive_blocking(inbound, dns), told));
        match report {
            Ok((report, told)) => {
                summarize(&|summary| summary.add(&id, &report, took + begun.elapsed()));
                Answered { text: line(check, &id, &report, &told), exit: Exit::Pass }
            }
            Err(error) => {
                summarize(&Summary::add_unreadable);
                let text = match check.json {
                    true => json::to_string(&ErrorRow { id: &id, error: error.to_string() }),
                    false => format!("{}  cannot be read: {error}", visible(&id)),
                };
                Answered { text: Some(text), exit: Exit::Failed }
            }
        }
    })?;
    let summary = summary.into_inner().unwrap_or_else(PoisonError::into_inner);
    print_summary(check, judge, &summary, begun.elapsed()).map_err(Failure::output)?;
    Ok(if interrupt.is_set() { Exit::Interrupted } else { exit })
}

fn print_summary(check: &Check, judge: &Judge, summary: &Summary, took: Duration) -> io::Result<()> {
    let mut out = anstream::stdout().lock();
    if check.json {
        writeln!(out, "{}", json::to_string(&json!({ "summary": summary.to_json() })))?;
    } else {
        summary.print(&mut out, took)?;
    }
    if summary.has_expired && judge.origin.now == Now::Clock {
        terminal::note("signatures had expired by now: --now received judges each message as of its arrival");
    }
    Ok(())
}

/// A message that cannot be read, in JSON.
#[derive(Debug, Serialize)]
struct ErrorRow<'m> {
    id: &'m str,
    error: String,
}

/// What is printed of a message; nothing when it is not asked for.
fn line(check: &Check, id: &str, report: &Report, told: &Told) -> Option<String> {
    if check.only == Some(Only::Fail) && exit_of(report) == Exit::Pass {
        return None;
    }
    Some(match check.json {
        true => json::to_string(&ReportRow::new(Some(id), report, told)),
        false => terminal::for_stdout(verdict::line(id, report, told)),
    })
}
