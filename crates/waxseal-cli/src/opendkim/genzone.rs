//! `opendkim-genzone`: a zone, or text for nsupdate, from a KeyTable.

use super::{
    conf::Conf,
    getopt::Given,
    testkey::words,
    tool::{Said, Tool},
};
use crate::{date::Date, key_file};
use std::{
    fmt::Write as _,
    fs,
    io::{self, Write as _},
    time::SystemTime,
};
use waxseal_tables::{DataSet, Files, KeyEntry, KeyTable};

const SPEC: &str = "C:d:DE:FMo:N:r:R:sSt:T:uvx:";
const USAGE: &str = "\t-C user@host\tcontact address to include in SOA
\t-d domain   \twrite keys for named domain only
\t-D          \tinclude '._domainkey' suffix
\t-E secs     \tuse specified expiration time in SOA
\t-F          \tinclude '._domainkey' suffix and domainname
\t-M          \trestricts the keys for use in e-mail signing only
\t-o file     \toutput file
\t-N ns[,...] \tlist NS records
\t-r secs     \tuse specified refresh time in SOA
\t-R secs     \tuse specified retry time in SOA
\t-s          \twith -d, also match subdomains
\t-S          \twrite an SOA record
\t-t secs     \tuse specified per-record TTL
\t-T secs     \tuse specified default TTL in SOA
\t-u          \tproduce output suitable for use by \"nsupdate\"
\t-v          \tverbose output
\t-x file     \tconfiguration file";
/// `EX_USAGE` of sysexits(3).
const USAGE_CODE: u8 = 64;
/// Columns of a zone, and bytes of a string for nsupdate.
const MARGIN: usize = 75;
const STRING: usize = 255;

struct Zone<'z> {
    tool: Tool,
    given: &'z Given,
    /// Refresh, retry and expiration of the SOA record.
    times: [u32; 3],
    default_ttl: u32,
    ttl: Option<u32>,
}

pub(super) fn run(tool: Tool, args: &[String]) -> Result<u8, Said> {
    let usage = |wrong: Option<String>| {
        let wrong = wrong.map(|wrong| format!("{}: {wrong}\n", tool.name())).unwrap_or_default();
        tool.plain(USAGE_CODE, format!("{wrong}{0}: usage: {0} [opts] [dataset]\n{USAGE}", tool.name()))
    };
    let given = Given::parse(args, SPEC, &[]).map_err(|wrong| usage(Some(wrong)))?;
    let zone = Zone::new(tool, &given)?;
    let conf = Conf::read(tool, given.value('x'), 0)?;
    let set = given.rest.first().map(String::as_str).or_else(|| conf.get("keytable"));
    let keys = open(tool, set.ok_or_else(|| usage(None))?)?;
    if given.has('v') {
        tool.tell("database opened");
    }
    let (text, count) = zone.text(&keys)?;
    match given.value('o') {
        Some(path) => fs::write(path, text)
            .map_err(|error| tool.said(1, format!("{path}: fopen(): {}", words(&error))))?,
        None => io::stdout().lock().write_all(text.as_bytes()).map_err(|error| tool.said(1, error))?,
    }
    if given.has('v') {
        println!("{}: {count} record{} written", tool.name(), if count == 1 { "" } else { "s" });
    }
    Ok(0)
}

fn open(tool: Tool, set: &str) -> Result<KeyTable, Said> {
    let failed = |error: &(dyn std::error::Error + 'static)| {
        tool.said(1, format!("dkimf_db_open(): {}", crate::exit::chain(error)))
    };
    let set = DataSet::parse(set).map_err(|error| failed(&error))?;
    KeyTable::load(&set, &Files).map_err(|error| failed(&error))
}

impl<'z> Zone<'z> {
    fn new(tool: Tool, given: &'z Given) -> Result<Self, Said> {
        let number = |option, name: &str| {
            let invalid = |_| tool.said(USAGE_CODE, format!("invalid {name} value"));
            given.value(option).map(|text| text.parse::<u32>().map_err(invalid)).transpose()
        };
        let expire = number('E', "expire")?.unwrap_or(604_800);
        let times =
            [number('r', "refresh")?.unwrap_or(10_800), number('R', "retry")?.unwrap_or(1_800), expire];
        let (ttl, default_ttl) = (number('t', "TTL")?, number('T', "default TTL")?.unwrap_or(86_400));
        Ok(Self { tool, given, times, default_ttl, ttl })
    }

    /// All of it, and how many entries there were.
    fn text(&self, keys: &KeyTable) -> Result<(String, usize), Said> {
        let mut text = self.head();
        let mut count = 0;
        // A zone of nsupdate holds for all that is sent at once. The old tool sends all zones at once, which name servers refuse.
        let mut zone: Option<String> = None;
        for (number, entry) in keys.iter().enumerate() {
            let before = text.len();
            self.entry(number, &entry, &mut text)?;
            let other = zone.as_ref().is_some_and(|zone| !zone.eq_ignore_ascii_case(entry.domain()));
            if text.len() > before && self.given.has('u') {
                if other {
                    text.insert_str(before, "send\nanswer\n");
                }
                zone = Some(entry.domain().to_owned());
            }
            count = number + 1;
        }
        if self.given.has('u') {
            text.push_str("send\nanswer\n");
        }
        Ok((text, count))
    }

    fn head(&self) -> String {
        let name_servers: Vec<&str> =
            self.given.value('N').into_iter().flat_map(|list| list.split(',')).collect();
        let host = host_name();
        let first = name_servers.first().copied().unwrap_or(&host);
        if self.given.has('u') {
            return format!("server {first}\n");
        }
        let mut text = String::from("; DKIM public key zone data\n");
        if let Some(domain) = self.given.value('d') {
            let _ = writeln!(text, "; for {domain}");
        }
        let now = Date::of(SystemTime::now());
        let _ = writeln!(text, "; auto-generated by {} at {}\n", self.tool.name(), now.ctime());
        if self.given.has('S') {
            let contact = self
                .given
                .value('C')
                .map_or_else(|| format!("hostmaster.{host}"), |contact| contact.replace('@', "."));
            let [refresh, retry, expire] = self.times;
            let _ = write!(
                text,
                "@\tIN\tSOA\t{first}\t{contact}\t (\n\t{}   ; Serial (yyyymmddhh)\n\t{refresh:<10}   ; Refresh\n\t{retry:<10}   ; Retry\n\
                 \t{expire:<10}   ; Expire\n\t{:<10} ) ; Default\n\n",
                now.serial_number(),
                self.default_ttl
            );
        }
        for name_server in &name_servers {
            let _ = writeln!(text, "\tIN\tNS\t{name_server}");
        }
        if !name_servers.is_empty() {
            text.push('\n');
        }
        text
    }

    fn entry(&self, number: usize, entry: &KeyEntry, text: &mut String) -> Result<(), Said> {
        let (tool, name) = (self.tool, entry.name());
        if self.given.value('d').is_some_and(|only| !self.is_for(entry.domain(), only)) {
            tool.tell(format!("record {number} for '{name}' skipped"));
            return Ok(());
        }
        if self.given.count('v') > 1 {
            tool.tell(format!("record {number} for '{name}' retrieved"));
        }
        let failed = |problem: String| tool.said(1, format!("key for '{name}' load failed: {problem}"));
        let key = key_file::of_entry(entry.data()).map_err(failed)?;
        if self.given.count('v') > 1 {
            tool.tell(format!("key for '{name}' loaded"));
        }
        let email = if self.given.has('M') { "s=email\\;" } else { "" };
        let tags = format!("v=DKIM1\\;k={}\\;{email}p=", key.key_type().as_str());
        let key = key.public_key().dns_p();
        let owner = self.owner(entry);
        if self.given.has('u') {
            let _ = writeln!(text, "zone {}", entry.domain());
            let _ = write!(text, "update add {owner} {} TXT ", self.ttl.unwrap_or(self.default_ttl));
            let _ = writeln!(text, "\"{}\"", cut(&tags, &key, [STRING, STRING]).join("\" \""));
        } else {
            let ttl = self.ttl.map(|ttl| format!("\t{ttl}")).unwrap_or_default();
            // The blanks before a later string count as nine.
            let lines = cut(&tags, &key, [MARGIN, MARGIN - 9]);
            let _ = writeln!(text, "{owner}{ttl}\tIN\tTXT\t( \"{}\" )", lines.join("\"\n\t\""));
        }
        Ok(())
    }

    fn is_for(&self, domain: &str, only: &str) -> bool {
        let (domain, only) = (domain.to_ascii_lowercase(), only.to_ascii_lowercase());
        let below = domain.strip_suffix(&only).is_some_and(|start| start.ends_with('.'));
        domain == only || self.given.has('s') && below
    }

    fn owner(&self, entry: &KeyEntry) -> String {
        let selector = entry.selector();
        match (self.given.has('F'), self.given.has('D')) {
            (true, _) => format!("{selector}._domainkey.{}.", entry.domain()),
            (false, true) => format!("{selector}._domainkey"),
            (false, false) => selector.to_owned(),
        }
    }
}

/// The tags and the key in pieces of at most these lengths, the first and the others.
fn cut(tags: &str, key: &str, [first, other]: [usize; 2]) -> Vec<String> {
    let (start, mut rest) = key.split_at_checked(first.saturating_sub(tags.len())).unwrap_or((key, ""));
    let mut pieces = vec![format!("{tags}{start}")];
    while !rest.is_empty() {
        let (piece, after) = rest.split_at_checked(other).unwrap_or((rest, ""));
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces
}

fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "localhost".into() } else { name.trim().to_owned() }
}
