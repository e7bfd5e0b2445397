//! `waxseal verify`: a verdict for every DKIM signature, and why.

use crate::{
    authserv_id::parse_authserv_id,
    batch::{self, Jobs},
    dkim_args::DkimArgs,
    dns_args::{Dns, DnsArgs, LineDns},
    exit::{Exit, Failure},
    hint::hint,
    input::{Chunks, LineEnds, Source},
    terminal::{self, Progress, visible},
    time::{parse_now, time},
    verify_batch::Judge,
    watched::{Watched, again},
};
use clap::Args;
use serde::Serialize;
use std::{
    io::{self, Read, Write},
    path::PathBuf,
    thread,
    time::SystemTime,
};
use waxseal::{
    authres::{AuthenticationResults, DkimResult},
    dkim::{Verdict, Verdicts, Verification, Verifier},
    dns::{Answers, Question, drive_with_blocking},
    header::{Header, HeaderError, HeaderLimits, Split, Splitter},
};

/// Verify the DKIM signatures of messages, and say why
///
/// Messages are read in chunks, so memory does not depend on their size. A message whose first line ends in a bare LF
/// is read as if all its lines ended in CRLF, as they did in transit.
///
/// Exit codes: 0 when every message has a signature that passes, 1 when one has none, 2 for wrong usage and unreadable
/// files, 75 when a DNS server did not answer and a later attempt may pass.
///
/// --jsonl reads one JSON object per line: {"id", "eml_b64", "zone", "now"}; "zone" and "now" are optional. For each it prints
/// one object, in the same order: {"id", "dkim": [{"d", "s", "a", "i", "result", "reason"}]}. A signature may also have
/// "unsigned_additions" (fields that occur more often than they are signed) and "ignored_records" (why other TXT records at
/// the name of its key do not count). The exit code is 0 when every line could be read, whatever the verdicts.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal verify message.eml                                     # queries DNS
  waxseal verify --zone 2026a.txt --origin example.org signed.eml   # does not
  waxseal verify --now 1780299005 old.eml                        # as of another time")]
pub(crate) struct Verify {
    /// The messages; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    messages: Vec<PathBuf>,
    #[command(flatten)]
    dns: DnsArgs,
    /// The time of verification in Unix time, for t= and x= [default: now]
    #[arg(long, value_name = "SECONDS", value_parser = parse_now)]
    now: Option<SystemTime>,
    /// Print one JSON object for each message
    #[arg(long)]
    json: bool,
    /// Read one JSON object per line instead of messages
    #[arg(long, group = "batch", conflicts_with = "json")]
    jsonl: bool,
    /// Also print the Authentication-Results field of this server
    #[arg(long, value_name = "ID", value_parser = parse_authserv_id, conflicts_with_all = ["json", "jsonl"])]
    authserv_id: Option<String>,
    #[command(flatten)]
    policy: DkimArgs,
    /// How to read line ends
    #[arg(long, value_enum, default_value_t)]
    line_ends: LineEnds,
    #[command(flatten)]
    jobs: Jobs,
}

/// One message in JSON.
#[derive(Debug, Serialize)]
struct MessageRow {
    id: String,
    #[serde(flatten)]
    signatures: SignaturesRow,
}

/// Its signatures in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct SignaturesRow {
    pub(crate) dkim: Verdicts,
}

impl Verify {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let verifier = self.policy.verifier();
        if self.jsonl {
            let dns = LineDns::new(&self.dns);
            let judge = Judge { verifier: &verifier, dns, now: self.now, line_ends: self.line_ends };
            return Source::each(&self.messages, |source| batch::run(source.open()?, self.jobs, &judge));
        }
        let dns = self.dns.open()?;
        Source::each(&self.messages, |source| {
            let verified = self.verify(&verifier, &dns, source)?;
            self.print(source, &verified).map_err(Failure::output)?;
            if let Some(remark) = verified.remark {
                terminal::note(remark);
            }
            Ok(exit_of(&verified.verdicts))
        })
    }

    fn verify(&self, verifier: &Verifier, dns: &Dns, source: &Source) -> Result<Verified, Failure> {
        let input = source.open()?;
        let progress = Progress::new("verifying", input.length());
        let mut watched = Watched::new(input);
        let mut chunks = Chunks::new(&mut watched, self.line_ends, progress);
        let verdicts = self.verdicts(verifier, dns, &mut chunks);
        let verdicts = verdicts.map_err(|error| Failure::file("read", source.path(), &error))?;
        let is_lf_file = chunks.is_lf_file();
        drop(chunks);
        let remark = watched.remark(&source.name());
        let failed =
            !verdicts.is_pass() && verdicts.iter().any(|verdict| verdict.result() == DkimResult::Fail);
        let bare = watched.bare_line_end(is_lf_file).filter(|_| failed && self.line_ends != LineEnds::Repair);
        let line_ends =
            bare.map(|line| BareLineEnds { line, repaired: self.repaired(verifier, dns, source) });
        Ok(Verified { verdicts, is_lf_file, remark, line_ends })
    }

    /// The verdicts with CRLF at the end of every line, if the message can be read once more.
    fn repaired(&self, verifier: &Verifier, dns: &Dns, source: &Source) -> Option<Verdicts> {
        let progress = Progress::silent("verifying");
        let mut chunks = Chunks::new(again(source)?, LineEnds::Repair, progress);
        self.verdicts(verifier, dns, &mut chunks).ok()
    }

    fn verdicts(
        &self,
        verifier: &Verifier,
        dns: &Dns,
        chunks: &mut Chunks<impl Read>,
    ) -> io::Result<Verdicts> {
        let answers = Answers::new().with_time_limit(self.dns.timeout());
        verify_chunks(verifier, dns, answers, time(self.now), chunks)
    }

    fn print(&self, source: &Source, verified: &Verified) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        let verdicts = &verified.verdicts;
        if self.json {
            let row = MessageRow { id: source.name(), signatures: SignaturesRow { dkim: verdicts.clone() } };
            return writeln!(out, "{}", crate::json::to_string(&row));
        }
        let line_ends = verified.line_ends.as_ref();
        let hint =
            |verdict: &Verdict| line_ends.and_then(|ends| ends.hint(verdict)).or_else(|| hint(verdict));
        print_verdicts(&mut out, &source.name(), verdicts, hint)?;
        if let Some(BareLineEnds { line, repaired: None }) = line_ends {
            writeln!(out, "  Where {line}, --line-ends repair reads CRLF.")?;
        }
        if verified.is_lf_file && !verdicts.is_pass() && !verdicts.is_empty() {
            writeln!(
                out,
                "  The file has LF line ends and was read as if they were CRLF (--line-ends keep: as it is)."
            )?;
        }
        if let Some(id) = &self.authserv_id {
            let mut results = AuthenticationResults::new(id);
            results.extend(verdicts.entries());
            write!(out, "{}", terminal::field(&results.to_field()))?;
        }
        Ok(())
    }
}

/// One message.
struct Verified {
    verdicts: Verdicts,
    is_lf_file: bool,
    /// What is odd about how it begins.
    remark: Option<String>,
    /// When nothing passed and not every line ends in CRLF.
    line_ends: Option<BareLineEnds>,
}

/// Lines that do not end in CRLF.
struct BareLineEnds {
    /// The first one.
    line: String,
    /// The verdicts with CRLF instead; `None` when the message could not be read again.
    repaired: Option<Verdicts>,
}

impl BareLineEnds {
    /// For a verdict that they may have caused.
    fn hint(&self, verdict: &Verdict) -> Option<String> {
        let same = |other: &&Verdict| {
            other.is_pass() && other.domain() == verdict.domain() && other.selector() == verdict.selector()
        };
        self.repaired.as_ref()?.iter().find(same)?;
        Some(format!("With CRLF where {}, by --line-ends repair, the signature passes.", self.line))
    }
}

/// The verdicts on one message for people.
fn print_verdicts(
    out: &mut impl Write,
    name: &str,
    verdicts: &Verdicts,
    hint: impl Fn(&Verdict) -> Option<String>,
) -> io::Result<()> {
    let word = verdicts.result();
    write!(out, "{}: {}", visible(name), terminal::word(word.as_str()))?;
    match verdicts.as_slice().len() {
        0 => writeln!(out, ", no signature")?,
        1 => writeln!(out)?,
        all => writeln!(out, ", {} of {all} signatures", verdicts.iter().filter(|v| v.is_pass()).count())?,
    }
    verdicts.iter().try_for_each(|verdict| print_verdict(out, verdict, hint(verdict)))
}

fn print_verdict(out: &mut impl Write, verdict: &Verdict, hint: Option<String>) -> io::Result<()> {
    write!(out, "  {}", terminal::word(verdict.result().as_str()))?;
    if let Some(domain) = verdict.domain() {
        write!(out, " d={domain}")?;
    }
    if let Some(selector) = verdict.selector() {
        write!(out, " s={selector}")?;
    }
    if let Some(algorithm) = verdict.algorithm() {
        write!(out, " a={algorithm}")?;
    }
    if let Some(bits) = verdict.key_bits() {
        write!(out, " ({bits}-bit key)")?;
    }
    writeln!(out, "\n    {}", verdict.reason())?;
    if let Some(hint) = hint {
        writeln!(out, "    {}", terminal::dim(hint))?;
    }
    if !verdict.unsigned_additions().is_empty() {
        let text = "A reader may see the field that is not signed. --strict refuses such a message.";
        writeln!(out, "    {}", terminal::dim(text))?;
    }
    Ok(())
}

/// The exit code for one message.
fn exit_of(verdicts: &Verdicts) -> Exit {
    let mut exits = verdicts.iter().map(|verdict| Exit::from(verdict.result()));
    if verdicts.is_pass() {
        Exit::Pass
    } else if exits.any(|exit| exit == Exit::Temporary) {
        Exit::Temporary
    } else {
        Exit::NotPass
    }
}

/// Verifies what comes in chunks; the keys are looked up while the body arrives. `answers` has the time limit.
fn verify_chunks(
    verifier: &Verifier,
    dns: &Dns,
    mut answers: Answers<'static>,
    now: SystemTime,
    chunks: &mut Chunks<impl Read>,
) -> io::Result<Verdicts> {
    let mut verification = match read_header(verifier, now, chunks)? {
        Ok(verification) => verification,
        Err(error) => return Ok(Verdicts::refused(error)),
    };
    let questions: Vec<Question> = verification.questions().collect();
    thread::scope(|scope| {
        // Without a thread the driver looks the keys up after the body.
        let look_up = || drive_with_blocking(questions, &mut answers, dns, None);
        let lookups = thread::Builder::new().spawn_scoped(scope, look_up);
        while let Some(chunk) = chunks.next_chunk()? {
            verification.body(chunk);
        }
        // If it panicked, the driver looks up what is missing.
        _ = lookups.map(|lookups| lookups.join());
        io::Result::Ok(())
    })?;
    Ok(drive_with_blocking(verification.finish(), &mut answers, dns, None))
}

fn read_header(
    verifier: &Verifier,
    now: SystemTime,
    chunks: &mut Chunks<impl Read>,
) -> io::Result<Result<Verification, HeaderError>> {
    let mut splitter = Splitter::new(HeaderLimits::default());
    while let Some(chunk) = chunks.next_chunk()? {
        match splitter.push(chunk) {
            Ok(Split::Header) => {}
            Ok(Split::Body(header, body)) => {
                let mut verification = verifier.begin(header, now);
                verification.body(body);
                return Ok(Ok(verification));
            }
            Err(error) => return Ok(Err(error)),
        }
    }
    let begin = |header: Header| verifier.begin(header, now);
    Ok(splitter.finish().map(begin))
}
