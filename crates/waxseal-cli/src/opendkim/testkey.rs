//! `opendkim-testkey`

use super::{
    conf::Conf,
    getopt::{Given, Long},
    tool::{Said, Tool},
};
use crate::{dns_args::Dns, key_file, key_name};
use std::{fs, path::Path, time::Duration};
use waxseal::{
    crypto::PublicKey,
    dkim::KeyRecord,
    dns::{Answers, Check, Dnssec, LookupError, Pending, Question, Record, Reply, drive_blocking_within},
};
use waxseal_tables::{DataSet, Files, KeyData, KeyEntry, KeyTable};

const SPEC: &str = "d:k:s:vx:Z:N:";
/// Of this command: answers from a file, and servers.
pub(super) const DNS: [Long; 2] = [Long { name: "zone", short: 'Z' }, Long { name: "server", short: 'N' }];
const USAGE: &str = "\t-d domain  \tdomain name
\t-k keypath \tpath to private key
\t-s selector\tselector name
\t-v         \tincrease verbose output
\t-x conffile\tconfiguration file";
const PATIENCE: Duration = Duration::from_secs(20);

/// `EX_DATAERR`, `EX_UNAVAILABLE`, `EX_OSERR` and `EX_CONFIG` of sysexits(3).
const DATAERR: u8 = 65;
const UNAVAILABLE: u8 = 69;
pub(super) const OSERR: u8 = 71;
pub(super) const CONFIG: u8 = 78;

/// One lookup.
struct Lookup(Question);

impl Check for Lookup {
    type Output = Reply;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Reply, Pending> {
        dns.ask(self.0.clone())
    }
}

struct Test<'t> {
    tool: Tool,
    dns: &'t Dns,
    verbose: usize,
}

pub(super) fn run(tool: Tool, args: &[String]) -> Result<u8, Said> {
    let usage = |wrong: Option<String>| {
        let wrong = wrong.map(|wrong| format!("{}: {wrong}\n", tool.name())).unwrap_or_default();
        tool.plain(CONFIG, format!("{wrong}{0}: usage: {0} [options]\n{USAGE}", tool.name()))
    };
    let given = Given::parse(args, SPEC, &DNS).map_err(|wrong| usage(Some(wrong)))?;
    let verbose = given.count('v');
    let conf = Conf::read(tool, given.value('x'), verbose)?;
    let dns = conf.dns(tool, given.value('Z'), given.value('N'))?;
    let test = Test { tool, dns: &dns, verbose };
    if let Some(set) =
        conf.get("keytable").filter(|_| !['d', 'k', 's'].iter().any(|option| given.has(*option)))
    {
        return test.table(set);
    }
    let value = |option, name| given.value(option).or_else(|| conf.get(name));
    let (Some(domain), Some(selector)) = (value('d', "domain"), value('s', "selector")) else {
        return Err(usage(None));
    };
    let public = value('k', "keyfile").map(|path| test.load(path)).transpose()?;
    if verbose > 1 {
        tool.tell(format!("checking key '{selector}._domainkey.{domain}'"));
    }
    let (dnssec, found) = test.look(domain, selector, public.as_ref());
    test.tell_dnssec("key", dnssec);
    match found {
        // The one error that the old tool prints on standard output.
        Err((DATAERR, text)) => {
            println!("{}: {text}", tool.name());
            return Ok(DATAERR);
        }
        found => found.map_err(|(code, text)| tool.said(code, text))?,
    }
    if verbose > 2 {
        println!("{}: key OK", tool.name());
    }
    Ok(0)
}

impl Test<'_> {
    fn load(&self, path: &str) -> Result<PublicKey, Said> {
        let public = self.load_quietly(path)?;
        if self.verbose > 1 {
            self.tool.tell(format!("key loaded from {path}"));
        }
        Ok(public)
    }

    fn load_quietly(&self, path: &str) -> Result<PublicKey, Said> {
        let is_file = fs::metadata(path).map(|found| found.is_file());
        match is_file {
            Ok(true) => {}
            Ok(false) => return Err(self.tool.said(OSERR, format!("{path}: stat(): not a regular file"))),
            Err(error) => return Err(self.tool.said(OSERR, format!("{path}: stat(): {}", words(&error)))),
        }
        let key = key_file::read(Path::new(path)).map_err(|failure| self.tool.said(UNAVAILABLE, failure))?;
        Ok(key.public_key().clone())
    }

    /// What DNS has, and why that is not the key.
    fn look(
        &self,
        domain: &str,
        selector: &str,
        key: Option<&PublicKey>,
    ) -> (Dnssec, Result<(), (u8, String)>) {
        let name = match (key_name::domain(domain), key_name::selector(selector)) {
            (Ok(domain), Ok(selector)) => selector.key_name(&domain).map_err(|error| error.to_string()),
            (Err(problem), _) | (_, Err(problem)) => Err(problem),
        };
        let name = match name {
            Ok(name) => name,
            Err(problem) => return (Dnssec::Indeterminate, Err((UNAVAILABLE, problem))),
        };
        let reply = drive_blocking_within(Lookup(Question::txt(name.clone())), self.dns, PATIENCE);
        let unavailable = |text: String| Err((UNAVAILABLE, text));
        let answer = match reply {
            Ok(answer) => answer,
            Err(LookupError::Timeout) => {
                return (Dnssec::Indeterminate, unavailable(format!("'{name}' query timed out")));
            }
            Err(_) => return (Dnssec::Indeterminate, unavailable(format!("'{name}' query failed"))),
        };
        let texts = answer.records.iter().filter_map(|record| match record {
            Record::Txt(text) => Some(text),
            _ => None,
        });
        let found = match texts.collect::<Vec<_>>().as_slice() {
            [] => unavailable(format!("'{name}' record not found")),
            [text] => judge(text, key),
            _ => unavailable(format!("multiple DNS replies for '{name}'")),
        };
        (answer.dnssec, found)
    }

    fn tell_dnssec(&self, key: &str, dnssec: Dnssec) {
        match dnssec {
            Dnssec::Bogus => self.tool.tell(format!("{key} bogus (DNSSEC failed)")),
            Dnssec::Secure if self.verbose > 0 => self.tool.tell(format!("{key} secure")),
            _ if self.verbose > 0 => self.tool.tell(format!("{key} not secure")),
            _ => {}
        }
    }

    /// All keys of the table. The old tool ends with 0 whatever it found.
    fn table(&self, set: &str) -> Result<u8, Said> {
        let tool = self.tool;
        let set = DataSet::parse(set).map_err(|error| tool.said(1, format!("dkimf_db_open(): {error}")))?;
        let keys = KeyTable::load(&set, &Files)
            .map_err(|error| tool.said(1, format!("dkimf_db_open() failed: {error}")))?;
        let (mut pass, mut fail, mut worst) = (0_usize, 0_usize, 0);
        for (number, entry) in keys.iter().enumerate() {
            let name = entry.name();
            if self.verbose > 1 {
                tool.tell(format!("record {number} for '{name}' retrieved"));
                tool.tell(format!("checking key '{name}'"));
            }
            match self.entry(&entry) {
                Ok(()) => pass += 1,
                Err((code, text)) => {
                    tool.tell(text);
                    (fail, worst) = (fail + 1, worst.max(code));
                }
            }
        }
        if self.verbose > 0 {
            let count = pass + fail;
            let plural = if count == 1 { "" } else { "s" };
            println!("{}: {count} key{plural} checked; {pass} pass, {fail} fail", tool.name());
        }
        Ok(worst)
    }

    fn entry(&self, entry: &KeyEntry) -> Result<(), (u8, String)> {
        let name = entry.name();
        let KeyData::File(path) = entry.data() else {
            return Err((
                1,
                format!("load of key '{name}' failed: it is in the table, use waxseal key check"),
            ));
        };
        let key = self
            .load_quietly(path)
            .map_err(|said| (1, format!("load of key '{name}' failed: {}", said.text)))?;
        let (dnssec, found) = self.look(entry.domain(), entry.selector(), Some(&key));
        self.tell_dnssec(&format!("key {name}"), dnssec);
        found.map_err(|(code, text)| (code, format!("key {name}: {text}")))?;
        if self.verbose > 2 {
            println!("{}: key {name}: OK", self.tool.name());
        }
        Ok(())
    }
}

fn judge(text: &[u8], key: Option<&PublicKey>) -> Result<(), (u8, String)> {
    let record = KeyRecord::parse(text)
        .map_err(|error| (UNAVAILABLE, format!("syntax error in key data: {error}")))?;
    match (record.public_key(), key) {
        (None, _) => Err((UNAVAILABLE, "Revoked key".into())),
        (Some(found), Some(key)) if found != key => Err((DATAERR, "keys do not match".into())),
        _ => Ok(()),
    }
}

/// strerror(3), as far as these files need it.
pub(super) fn words(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_owned())
}
