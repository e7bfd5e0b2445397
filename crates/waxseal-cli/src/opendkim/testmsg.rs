//! `opendkim-testmsg`: verifies what is on standard input, or signs it; with rsa-sha256, where the old tool knows rsa-sha1 alone.

use super::{
    conf::Conf,
    getopt::Given,
    testkey::{CONFIG, DNS, OSERR, words},
    tool::{Said, Tool},
};
use crate::{exit::chain, input::LineEnds, key_file, key_name};
use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
    time::{Duration, SystemTime},
};
use waxseal::{
    Signer, Verifier,
    authres::DkimResult,
    dkim::{Canonicalization, Policy},
    dns::drive_blocking_within,
};

const SPEC: &str = "Cd:Kk:s:t:Z:N:";
const USAGE: &str = "Valid options:
\t-C         \tpreserve CRLFs
\t-d domain  \tset signing domain
\t-K         \tkeep temporary files
\t-k keyfile \tprivate key file
\t-s selector\tset signing selector
\t-t path    \tdirectory for temporary files";
const PATIENCE: Duration = Duration::from_secs(20);
/// `EX_SOFTWARE` and `EX_TEMPFAIL` of sysexits(3).
const SOFTWARE: u8 = 70;
const TEMPFAIL: u8 = 75;

pub(super) fn run(tool: Tool, args: &[String]) -> Result<u8, Said> {
    let usage = |wrong: Option<String>| {
        let wrong = wrong.map(|wrong| format!("{}: {wrong}\n", tool.name())).unwrap_or_default();
        tool.plain(CONFIG, format!("{wrong}{0}: usage: {0} [options]\n{USAGE}", tool.name()))
    };
    let given = Given::parse(args, SPEC, &DNS).map_err(|wrong| usage(Some(wrong)))?;
    match (given.value('d'), given.value('s'), given.value('k')) {
        (None, None, None) => verify(tool, &given),
        (Some(domain), Some(selector), Some(key)) => sign(tool, domain, selector, key, given.has('C')),
        _ => Err(usage(None)),
    }
}

fn message(tool: Tool) -> Result<Vec<u8>, Said> {
    let mut message = Vec::new();
    let read = io::stdin().lock().read_to_end(&mut message);
    read.map_err(|error| tool.said(SOFTWARE, format!("fread(): {}", words(&error))))?;
    Ok(message)
}

fn verify(tool: Tool, given: &Given) -> Result<u8, Said> {
    let dns = Conf::default().dns(tool, given.value('Z'), given.value('N'))?;
    let message = LineEnds::Auto.apply(message(tool)?);
    let verifier = Verifier::with_provider(Policy::default(), waxseal::crypto::ring::PROVIDER);
    let verdicts = drive_blocking_within(verifier.check(&message, SystemTime::now()), &dns, PATIENCE);
    if verdicts.is_pass() {
        return Ok(0);
    }
    Err(match verdicts.result() {
        _ if verdicts.is_empty() => tool.said(SOFTWARE, "dkim_chunk(): No signature"),
        DkimResult::TempError => tool.said(TEMPFAIL, format!("dkim_eom(): {}", verdicts.reason())),
        _ => tool.said(SOFTWARE, format!("dkim_eom(): Bad signature: {}", verdicts.reason())),
    })
}

fn sign(tool: Tool, domain: &str, selector: &str, path: &str, keeps_crlf: bool) -> Result<u8, Said> {
    File::open(path).map_err(|error| tool.said(OSERR, format!("{path}: open(): {}", words(&error))))?;
    let key = key_file::read(Path::new(path)).map_err(|failure| tool.said(SOFTWARE, failure))?;
    let invalid = |problem: String| tool.said(SOFTWARE, format!("dkim_sign() failed: {problem}"));
    let (domain, selector) =
        (key_name::domain(domain).map_err(invalid)?, key_name::selector(selector).map_err(invalid)?);
    let signer = Signer::new(domain, selector, key).map_err(|error| invalid(chain(&error)))?;
    let signer = signer.with_canonicalization(Canonicalization::Relaxed, Canonicalization::Simple);
    let message = message(tool)?;
    let signed = signer.sign(&LineEnds::Auto.apply(message.clone()), SystemTime::now());
    let field = signed.map_err(|error| tool.said(SOFTWARE, format!("dkim_eom(): {}", chain(&error))))?;
    let field = if keeps_crlf { field } else { field.replace('\r', "") };
    let mut out = io::stdout().lock();
    let written = out.write_all(field.as_bytes()).and_then(|()| out.write_all(&message));
    written.map_err(|error| tool.said(SOFTWARE, format!("fwrite(): {}", words(&error))))?;
    Ok(0)
}
