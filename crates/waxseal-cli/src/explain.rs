//! `waxseal explain`: what happened to a signed message.

mod methods;
mod page;
mod path;
mod signatures;

use crate::{
    check::{EnvelopeArgs, Now},
    dns_args::DnsArgs,
    exit::{Exit, Failure},
    html,
    input::{LineEnds, Source},
    json, terminal,
};
use clap::Args;
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
};
use waxseal::{
    Evidence,
    dns::{Answers, Check},
};
use waxseal_explain::{ExplainCheck, Explainer, Explanation};

/// Explain why the signatures of a message fail: what was changed in transit, where, and what to do about it
///
/// Undoes what commonly happens to mail in transit, one change at a time and then two, until the hash of the signature
/// matches. Such a diagnosis is proved; one with only circumstantial evidence is likely. The explanations of SPF, ARC
/// and DMARC follow.
///
/// Exit codes: 0 when a DKIM signature passes, 1 when none does, 2 for wrong usage and unreadable files.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal explain message.eml
  waxseal explain --envelope-from-header --now received message.eml
  waxseal explain --ip 192.0.2.1 --helo mail.example.org --mail-from joe@example.org message.eml
  waxseal explain --html why.html message.eml           # a page for people
  waxseal explain --evidence case.json message.eml      # the DNS answers that check --save-evidence kept")]
pub(crate) struct Explain {
    /// The message; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    message: PathBuf,
    #[command(flatten)]
    envelope: EnvelopeArgs,
    #[command(flatten)]
    dns: DnsArgs,
    /// Take envelope, time and DNS answers from the evidence that check --save-evidence wrote for this message
    #[arg(long, value_name = "FILE", conflicts_with_all = ["zone", "server", "ip", "from_header", "now"])]
    evidence: Option<PathBuf>,
    /// The time of verification in Unix time, for t= and x=; received is its time of arrival according to Received, clock is now
    #[arg(long, value_name = "SECONDS", default_value = "clock", hide_default_value = true, value_parser = Now::parse)]
    now: Now,
    /// Another selector that may have the key of a signature [default: common selectors]; may be repeated
    #[arg(long, value_name = "NAME")]
    selector: Vec<waxseal::Selector>,
    /// Also explain messages that are attached to the message
    #[arg(long)]
    attached: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Write a page for people into this new file, with pictures of the path and of what differs: it loads and runs nothing, and
    /// only its owner can read it. With - it is printed instead of the text
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// How to read line ends
    #[arg(long, value_enum, default_value_t)]
    line_ends: LineEnds,
}

const NO_ENVELOPE: &str = "SPF was not checked: --ip, --helo and --mail-from say who sent the message, \
    --envelope-from-header reads it from there";

impl Explain {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let source = Source::from(self.message.clone());
        let message = self.line_ends.apply(read(&source)?);
        if message.is_empty() {
            return Err(source.empty());
        }
        let explanation = self.explanation(&message)?;
        if let Some(file) = &self.html {
            html::write(file, &page::page(&source.name(), &explanation))?;
        }
        if self.html.as_deref() != Some(Path::new("-")) {
            self.print(&source, &explanation).map_err(Failure::output)?;
        }
        Ok(if explanation.report().dkim().is_pass() { Exit::Pass } else { Exit::NotPass })
    }

    fn explanation(&self, message: &[u8]) -> Result<Explanation, Failure> {
        let explainer = Explainer::new().map_err(|error| Failure::because("cannot verify", &error))?;
        let explainer = explainer.with_attached(self.attached);
        let explainer = match self.selector.is_empty() {
            true => explainer,
            false => explainer.with_selectors(self.selector.iter().cloned()),
        };
        if let Some(file) = &self.evidence {
            let evidence = evidence(file)?;
            let check = explainer.check(evidence.envelope(), message, evidence.now());
            return Ok(replay(check, &evidence));
        }
        let (envelope, now) = self.envelope.of_message(self.now, message)?;
        self.dns.drive(explainer.check(&envelope, message, now))
    }

    fn print(&self, source: &Source, explanation: &Explanation) -> std::io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            return writeln!(out, "{}", json::inert(&explanation.to_json()));
        }
        writeln!(out, "{}: {explanation}\n", terminal::visible(&source.name()))?;
        write!(out, "{}", explanation.explain())?;
        match explanation.report().envelope().ip() {
            Some(_) => Ok(()),
            None => writeln!(out, "\n{NO_ENVELOPE}"),
        }
    }
}

fn read(source: &Source) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source.open()?.read_to_end(&mut bytes).map_err(|error| source.unreadable(&error))?;
    Ok(bytes)
}

fn evidence(file: &Path) -> Result<Evidence, Failure> {
    let source = Source::from(file.to_owned());
    let text = String::from_utf8(read(&source)?).map_err(|error| Failure::because(source.name(), &error))?;
    Evidence::from_json(&text).map_err(|error| Failure::because(source.name(), &error))
}

/// A question that the saved check did not ask is a time-out.
fn replay(mut check: ExplainCheck<'_>, evidence: &Evidence) -> Explanation {
    let mut dns: Answers<'_> = evidence.answers().cloned().collect();
    dns.give_up();
    loop {
        if let Ok(explanation) = check.run(&mut dns) {
            return explanation;
        }
    }
}
