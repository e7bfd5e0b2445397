//! `waxseal check`: every method on a message, what to do with it, and why.

mod envelope;
mod judge;
mod lines;
mod mailbox;
mod maildir;
mod mbox;
mod row;
mod summary;
mod trace;
mod verdict;

use crate::{
    authserv_id::parse_authserv_id,
    batch::Jobs,
    dkim_args::DkimArgs,
    dmarc::LocalPolicyArgs,
    dns_args::{Dns, DnsArgs},
    exit::{Exit, Failure},
    input::{Chunks, LineEnds, Source},
    json, new_file,
    terminal::{self, Progress},
    watched::{Watched, again},
};
use clap::{Args, ValueEnum};
pub(crate) use envelope::EnvelopeArgs;
use judge::Judge;
use mbox::Quoting;
use row::ReportRow;
use std::{
    io::{self, Read, Write},
    path::{Path, PathBuf},
};
pub(crate) use trace::Now;
use trace::Origin;
pub(crate) use trace::Told;
use waxseal::{
    Authenticator, Disposition, Evidence, Report, arc,
    authres::{DkimResult, DmarcResult},
    dns::DomainName,
};

/// Check messages by SPF, DKIM, ARC, DMARC and iprev, and report what to do with them and why
///
/// Prints the verdict on one line, how it was reached, and the Authentication-Results field. Messages are read in
/// chunks, so memory does not depend on their size, and DNS is queried while the body is read. A message whose first
/// line ends in a bare LF is read as if all its lines ended in CRLF, as they did in transit.
///
/// The envelope is given by --ip, --helo and --mail-from, or taken from the message by --envelope-from-header. Without an
/// envelope, SPF and iprev are not checked, and DMARC relies on DKIM alone.
///
/// Exit codes: 0 when DMARC passed, when the author's domain has no DMARC record, or when a trusted sealer vouches for the
/// message; 1 when DMARC failed (also under p=none), when no author is clear, or when the message is to be quarantined or
/// rejected; 2 for wrong usage and unreadable files; 75 when a DNS server did not answer and DMARC depends on it: try again
/// later.
///
/// --jsonl reads one JSON object per line: {"id", "eml_b64", "zone", "ip", "helo", "mail_from", "now"}, all optional but
/// "eml_b64". Without "ip" there is no envelope, and the results of spf and iprev are null; a missing "helo" or "mail_from" is
/// empty. For each line it prints one object, in the same order: {"id", "dkim": [{"d", "s", "a", "i", "result", "reason"}],
/// "arc": {"result", "reason", "oldest_pass", "sets"}, "spf": {"result", "identity", "domain", "reason", "lookups",
/// "void_lookups"}, "spf_helo": the same or null, "dmarc": {"result", "policy", "evaluated_policy", "disposition",
/// "org_domain", "record_at", "spf_aligned", "dkim_aligned", "reason", and if there are any "shown": [{"domain", "policy",
/// "evaluated_policy"}] and "domains_in_names"}, "iprev": {"result", "name", "reason"}, "disposition",
/// "authentication_results"}. "sets" is the number of ARC sets, "shown" lists the domains that a mail reader may display when
/// there is no clear author, "domains_in_names" those of addresses in display names. "disposition" is that of DMARC unless a
/// "trusted_forwarder" vouches for the message; "distrust" lists why none does although --trust-sealer was given.
/// "authentication_results" is the value of the field on one line. With --now received there is also "received": {"time",
/// "reason"}. The exit code is 0 when every line could be read, whatever the verdicts.
///
/// --mbox and --maildir print one line for each message (with --json an object as above) and a summary, also after Ctrl-C.
/// The exit code is 0 when every message could be read.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal check --ip 192.0.2.1 --helo mail.example.org --mail-from joe@example.org message.eml
  waxseal check --envelope-from-header message.eml      # a message as your own server stored it
  waxseal check --mbox archive.mbox --envelope-from-header --only fail
  waxseal check --save-evidence case.json message.eml && waxseal check --replay case.json")]
pub(crate) struct Check {
    /// The messages; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    messages: Vec<PathBuf>,
    #[command(flatten)]
    envelope: EnvelopeArgs,
    #[command(flatten)]
    dns: DnsArgs,
    /// The time of the check, for t= and x=: Unix time, or received for the time of arrival in the Received field of each
    /// message, or clock [default: clock; received for --mbox and --maildir with --envelope-from-header]
    #[arg(long, value_name = "SECONDS|received|clock", value_parser = Now::parse)]
    now: Option<Now>,
    /// The authserv-id in Authentication-Results, usually the name of the receiving host
    #[arg(long, value_name = "ID", default_value = "localhost", value_parser = parse_authserv_id)]
    authserv_id: String,
    /// Also print the Received-SPF field
    #[arg(long, requires = "known", conflicts_with_all = ["json", "jsonl"])]
    received_spf: bool,
    /// Print only the header fields, for programs that put them in front of the message
    #[arg(long, conflicts_with_all = ["json", "jsonl", "mbox", "maildir"])]
    authres: bool,
    #[command(flatten)]
    local: LocalPolicyArgs,
    /// Trust ARC sets sealed by this domain: mail for which it recorded that DMARC passed is delivered; may be repeated
    #[arg(long, value_name = "DOMAIN")]
    trust_sealer: Vec<DomainName>,
    #[command(flatten)]
    policy: DkimArgs,
    /// How to read line ends
    #[arg(long, value_enum, default_value_t)]
    line_ends: LineEnds,
    /// Print one JSON object for each message
    #[arg(long, conflicts_with = "jsonl")]
    json: bool,
    /// Write the input of the verdicts, without the body, to a new file for --replay, which only its owner can read
    #[arg(long, value_name = "FILE", conflicts_with_all = ["jsonl", "mbox", "maildir"])]
    save_evidence: Option<PathBuf>,
    /// Judge the evidence of --save-evidence again: offline, without the message, as of then; - is standard input
    #[arg(long, value_name = "FILE", group = "known", conflicts_with_all = ["messages", "envelope", "zone", "server", "timeout", "now",
        "jsonl", "mbox", "maildir", "save_evidence"])]
    replay: Option<PathBuf>,
    /// Read one JSON object per line instead of messages
    #[arg(long, group = "batch", conflicts_with_all = ["envelope"])]
    jsonl: bool,
    /// Check every message of this mbox file; - is standard input
    #[arg(long, value_name = "FILE", group = "batch", conflicts_with_all = ["messages", "received_spf"])]
    mbox: Option<PathBuf>,
    /// How the mbox file marks lines of a message that begin with "From "
    #[arg(long, value_enum, default_value_t, requires = "mbox",
        conflicts_with_all = ["messages", "jsonl", "maildir", "replay"])]
    quoting: Quoting,
    /// Check every message of this Maildir, in new/ and cur/
    #[arg(long, value_name = "DIR", group = "batch", conflicts_with_all = ["messages", "received_spf"])]
    maildir: Option<PathBuf>,
    /// Which messages of a mailbox get a line; the summary counts all
    #[arg(long, value_enum, conflicts_with_all = ["messages", "jsonl", "replay"])]
    only: Option<Only>,
    #[command(flatten)]
    jobs: Jobs,
}

/// `--only`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Only {
    /// Messages for which check would not exit with 0, and those that cannot be read
    Fail,
}

impl Check {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        if let Some(file) = &self.replay {
            return self.replay(file);
        }
        if self.jsonl {
            return Source::each(&self.messages, |source| lines::run(self, source.open()?));
        }
        if let Some(file) = &self.mbox {
            return mailbox::check_mbox(self, &Source::from(file.clone()));
        }
        if let Some(dir) = &self.maildir {
            return mailbox::check_maildir(self, dir);
        }
        if self.save_evidence.as_deref() == Some(Path::new("-")) {
            return Err(Failure::new("--save-evidence: standard output has the verdict, so name a file"));
        }
        if self.save_evidence.is_some() && self.messages.len() > 1 {
            return Err(Failure::new("--save-evidence is for one message"));
        }
        let (judge, dns) = (self.judge()?, self.dns.open()?);
        Source::each(&self.messages, |source| self.message(&judge, &dns, source))
    }

    fn authenticator(&self) -> Authenticator {
        let verifier = self.policy.verifier();
        let authenticator = Authenticator::with_provider(&*self.authserv_id, waxseal::crypto::ring::PROVIDER)
            .with_arc(arc::Policy::default())
            .with_dkim(verifier)
            .with_timeout(self.dns.timeout())
            .with_dmarc(self.local.local_policy());
        let trusted = self.trust_sealer.clone();
        match trusted.is_empty() {
            true => authenticator,
            false => authenticator.with_trusted_sealers(move |sealer| trusted.contains(sealer)),
        }
    }

    /// Messages of an archive are judged by their own clock: signatures expire.
    fn now(&self) -> Now {
        let is_archive = self.mbox.is_some() || self.maildir.is_some();
        let default = if is_archive && self.envelope.is_from_header() { Now::Received } else { Now::Clock };
        self.now.unwrap_or(default)
    }

    fn judge(&self) -> Result<Judge, Failure> {
        Ok(Judge {
            authenticator: self.authenticator(),
            origin: Origin { envelope: self.envelope.source()?, now: self.now() },
            line_ends: self.line_ends,
        })
    }

    fn message(&self, judge: &Judge, dns: &Dns, source: &Source) -> Result<Exit, Failure> {
        if maildir::is_maildir(source.path()) {
            let name = source.path().display();
            return Err(Failure::new(format!(
                "cannot read {name}: it is a Maildir, --maildir {name} checks it"
            )));
        }
        let input = source.open()?;
        let progress = Progress::new("checking", input.length());
        let mut watched = Watched::new(input);
        let mut chunks = Chunks::new(&mut watched, self.line_ends, progress);
        let report = judge.check(&mut chunks, dns);
        let (report, told) = report.map_err(|error| source.unreadable(&error))?;
        let is_lf_file = chunks.is_lf_file();
        // Its progress line is removed before anything is printed.
        drop(chunks);
        if let Some(file) = &self.save_evidence {
            save_evidence(file, &report)?;
        }
        self.print(source, &report, &told).map_err(Failure::output)?;
        if let Some(remark) = watched.remark(&source.name()) {
            terminal::note(remark);
        }
        let dkim = report.dkim();
        if dkim.is_pass() || !dkim.iter().any(|verdict| verdict.result() == DkimResult::Fail) {
            return Ok(exit_of(&report));
        }
        if is_lf_file {
            terminal::note(
                "the file has LF line ends and was read as if they were CRLF (--line-ends keep: as it is)",
            );
        }
        let bare = watched.bare_line_end(is_lf_file).filter(|_| self.line_ends != LineEnds::Repair);
        if let Some(line) = bare.filter(|_| passes_repaired(judge, dns, source)) {
            terminal::note(format!("with CRLF where {line}, by --line-ends repair, the signature passes"));
        }
        Ok(exit_of(&report))
    }

    fn replay(&self, file: &Path) -> Result<Exit, Failure> {
        let mut text = String::new();
        let source = Source::from(file.to_owned());
        source.open()?.read_to_string(&mut text).map_err(|error| source.unreadable(&error))?;
        let evidence = Evidence::from_json(&text).map_err(|error| Failure::because(source.name(), &error))?;
        let report = self.authenticator().replay(&evidence);
        let report = report.map_err(|error| Failure::because(source.name(), &error))?;
        self.print(&source, &report, &Told::default()).map_err(Failure::output)?;
        Ok(exit_of(&report))
    }

    fn print(&self, source: &Source, report: &Report, told: &Told) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            let row = ReportRow::new(Some(source.id()), report, told);
            return writeln!(out, "{}", json::to_string(&row));
        }
        if !self.authres {
            print_verdict(&mut out, &source.name(), report, told)?;
            writeln!(out)?;
        }
        write!(out, "{}", terminal::field(&report.authentication_results().to_field()))?;
        if self.received_spf && report.envelope().ip().is_some() {
            write!(out, "{}", terminal::field(&report.received_spf().to_field()))?;
        }
        if self.messages.len() > 1 && !self.authres { writeln!(out) } else { Ok(()) }
    }
}

/// Whether a signature passes with CRLF at the end of every line, if the message can be read once more.
fn passes_repaired(judge: &Judge, dns: &Dns, source: &Source) -> bool {
    let report = again(source).and_then(|input| {
        let mut chunks = Chunks::new(input, LineEnds::Repair, Progress::silent("checking"));
        judge.check(&mut chunks, dns).ok()
    });
    report.is_some_and(|(report, _)| report.dkim().is_pass())
}

/// It holds the header of a letter.
fn save_evidence(path: &Path, report: &Report) -> Result<(), Failure> {
    new_file::write(path, &json::inert(&report.evidence().to_json()), "--save-evidence")
}

/// The verdict on one line, and what led to it.
pub(crate) fn print_verdict(
    out: &mut impl Write,
    name: &str,
    report: &Report,
    told: &Told,
) -> io::Result<()> {
    writeln!(out, "{}\n\n{}", verdict::line(name, report, told), report.explain().trim_end())
}

fn exit_of(report: &Report) -> Exit {
    match (report.disposition(), report.dmarc().result()) {
        (Disposition::Quarantine | Disposition::Reject, _) => Exit::NotPass,
        (Disposition::Defer, _) => Exit::Temporary,
        (Disposition::None, _) if report.trusted_forwarder().is_some() => Exit::Pass,
        (Disposition::None, DmarcResult::TempError) => Exit::Temporary,
        (Disposition::None, DmarcResult::Fail | DmarcResult::PermError) => Exit::NotPass,
        (Disposition::None, _) => Exit::Pass,
    }
}
