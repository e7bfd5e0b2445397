//! `waxseal why`: one command for those who do not know which one they need.

use crate::{
    Cli,
    exit::{Exit, Failure},
    input::Source,
    terminal,
};
use clap::{Args, Parser};
use std::{
    fs,
    io::{Read, Write},
    net::IpAddr,
    path::{Path, PathBuf},
};
use waxseal::dns::DomainName;

/// How much of a file is read to recognize it.
const HEAD: usize = 64 * 1024;

/// Say why mail fails: explains a message or a bounce, or audits a domain, whichever it is given
///
/// A message is explained, a bounce message, the text of a reply and lines of a log are looked up as `waxseal bounce` does, and
/// a domain, or that of an address, is audited. Which command was picked is said on standard error. Options behind it are those of
/// that command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal why message.eml
  waxseal why \"550 5.7.26 Unauthenticated email from example.org is not accepted\"
  waxseal why example.org --json
  waxseal why joe@example.org
  waxseal why <bounce.eml")]
pub(crate) struct Why {
    /// A message, a bounce, a domain or an address, and options for the command that is picked; - is standard input
    #[arg(value_name = "WHAT", default_value = "-", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

/// What was given, and the command for it.
#[derive(Debug, PartialEq, Eq)]
enum What {
    Message(PathBuf),
    BounceMessage(PathBuf),
    Text(String),
    Domain(DomainName),
    Address(DomainName),
}

impl Why {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let is_option = |word: &String| word.len() > 1 && word.starts_with('-');
        let end = self.words.iter().position(is_option).unwrap_or(self.words.len());
        let (what, options) = self.words.split_at(end);
        // Standard input is read twice.
        let mut held = None;
        let what = match what {
            [] => stdin(&mut held)?,
            [one] if one == "-" => stdin(&mut held)?,
            [one] => of_word(one)?,
            words => What::Text(words.join(" ")),
        };
        let (command, argument, said) = what.command();
        terminal::note(format_args!("{said}: this is `waxseal {command}`"));
        let args = ["waxseal".to_owned(), command.to_owned()].into_iter().chain(options.iter().cloned());
        let args = args.chain(["--".to_owned(), argument]);
        crate::run(Cli::try_parse_from(args).unwrap_or_else(|error| error.exit()).verb)
    }
}

impl What {
    /// The command, its argument, and what was recognized.
    fn command(&self) -> (&'static str, String, String) {
        let shown = |path: &Path| path.display().to_string();
        // Without the feature `explain`, only verdicts are printed.
        let explain = if cfg!(feature = "explain") { "explain" } else { "verify" };
        match self {
            Self::Message(path) => (explain, shown(path), "a message".into()),
            Self::BounceMessage(path) => ("bounce", shown(path), "a bounce, or lines of a log".into()),
            Self::Text(text) => ("bounce", text.clone(), "the text of a reply".into()),
            Self::Domain(domain) => ("audit", domain.to_string(), format!("the domain {domain}")),
            Self::Address(domain) => {
                ("audit", domain.to_string(), format!("an address at the domain {domain}"))
            }
        }
    }
}

fn stdin(held: &mut Option<tempfile::NamedTempFile>) -> Result<What, Failure> {
    let mut bytes = Vec::new();
    Source::Stdin.open()?.read_to_end(&mut bytes).map_err(|error| Source::Stdin.unreadable(&error))?;
    if bytes.trim_ascii().is_empty() {
        return Err(Failure::new(
            "standard input is empty: give a message, a bounce, a domain or an address",
        ));
    }
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    if !text.is_empty() && !text.contains(char::is_whitespace) {
        return of_word(text);
    }
    let failed = |error: std::io::Error| Failure::because("cannot keep standard input in a file", &error);
    let mut file = tempfile::NamedTempFile::new().map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    let what = of_content(file.path(), &bytes);
    *held = Some(file);
    Ok(what)
}

fn of_word(word: &str) -> Result<What, Failure> {
    let path = Path::new(word);
    if path.is_file() {
        let mut head = Vec::new();
        let file = fs::File::open(path).and_then(|file| file.take(HEAD as u64).read_to_end(&mut head));
        file.map_err(|error| Failure::file("read", path, &error))?;
        return Ok(of_content(path, &head));
    }
    let is_message =
        path.extension().is_some_and(|extension| ["eml", "msg"].iter().any(|known| extension == *known));
    if is_message || word.contains('/') {
        return Ok(What::Message(path.to_owned()));
    }
    if word.parse::<IpAddr>().is_ok() {
        return Err(Failure::new(format!(
            "{word} is the address of a host: `waxseal audit --ip {word} DOMAIN` checks its reverse DNS, `waxseal spf check --ip {word}` \
             whether it may send"
        )));
    }
    let bare = word.trim_matches(['<', '>', '.', ',']);
    if let Some((_, domain)) = bare.rsplit_once('@') {
        return domain_of(domain).map(What::Address);
    }
    match bare.contains('.') && !word.contains(char::is_whitespace) {
        true => domain_of(bare).map(What::Domain),
        false if word.contains(char::is_whitespace) => Ok(What::Text(word.to_owned())),
        false => Err(Failure::new(format!(
            "{word} is neither a file nor a domain: give a message, the text of a bounce in quotes, a domain or an address"
        ))),
    }
}

fn domain_of(text: &str) -> Result<DomainName, Failure> {
    DomainName::mail_domain(text).map_err(|error| Failure::new(format!("{text} is no domain: {error}")))
}

/// A message has a header; a report about one has a field that only such reports have.
fn of_content(path: &Path, content: &[u8]) -> What {
    let text = String::from_utf8_lossy(content.get(..HEAD).unwrap_or(content)).to_ascii_lowercase();
    let header = text.split("\n\n").next().unwrap_or_default();
    let header = header.split("\r\n\r\n").next().unwrap_or_default();
    let has = |name: &str| header.lines().any(|line| line.starts_with(name));
    let is_message = ["from:", "received:", "dkim-signature:", "subject:", "return-path:", "message-id:"]
        .into_iter()
        .any(has);
    let is_report =
        header.contains("multipart/report") || text.lines().any(|line| line.starts_with("diagnostic-code:"));
    let path = path.to_owned();
    if is_message && !is_report { What::Message(path) } else { What::BounceMessage(path) }
}
