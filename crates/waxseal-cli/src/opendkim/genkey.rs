//! `opendkim-genkey`, in the form of Debian: 2048 bits and `h=sha256`.

use super::{
    getopt::{Given, Long},
    tool::{Said, Tool},
};
use crate::{exit::chain, key_name, keygen::Files};
use std::path::Path;
use waxseal::{
    crypto::{KeySpec, PrivateKey, rust_crypto},
    dkim::Selector,
};

const SPEC: &str = "ab:D:d:h:n:rs:StvVHY";
const LONGS: [Long; 14] = [
    Long { name: "append-domain", short: 'a' },
    Long { name: "bits", short: 'b' },
    Long { name: "directory", short: 'D' },
    Long { name: "domain", short: 'd' },
    Long { name: "hash-algorithms", short: 'h' },
    Long { name: "help", short: 'H' },
    Long { name: "note", short: 'n' },
    Long { name: "restrict", short: 'r' },
    Long { name: "selector", short: 's' },
    Long { name: "subdomains", short: 'Y' },
    Long { name: "nosubdomains", short: 'S' },
    Long { name: "testmode", short: 't' },
    Long { name: "verbose", short: 'v' },
    Long { name: "version", short: 'V' },
];

const USAGE: &str = "\t--append-domain        include domain name in zone file stub
\t--bits=n               use n bits to generate the key
\t--directory=path       leave output in the named directory
\t--domain=name          generate data for the named domain [localhost]
\t--hash-algorithms=list limit to use of the named algorithm(s)
\t--help                 print help and exit
\t--note=string          include specified note in zone data
\t--restrict             restrict key to email use only
\t--selector=name        selector name [default]
\t--subdomains           allow signing of subdomains
\t--testmode             indicate key is in test mode
\t--verbose              increased output
\t--version              print version and exit";

pub(super) fn run(tool: Tool, args: &[String]) -> Result<u8, Said> {
    let usage = || format!("usage: {} [options]\n{USAGE}", tool.name());
    let given = Given::parse(args, SPEC, &LONGS)
        .map_err(|wrong| tool.plain(1, format!("{wrong}\n{}: {}", tool.name(), usage())))?;
    if given.has('H') {
        tool.tell(usage());
        return Ok(0);
    }
    if given.has('V') {
        println!("{} v2.11.0 (waxseal {})", tool.name(), env!("CARGO_PKG_VERSION"));
        return Ok(0);
    }
    let selector = given.value('s').unwrap_or("default");
    let selector =
        key_name::selector(selector).map_err(|problem| tool.said(1, format!("{selector}: {problem}")))?;
    let folder = Path::new(given.value('D').unwrap_or("."));
    if !folder.is_dir() {
        return Err(tool.said(2, format!("{}: chdir(): No such file or directory", folder.display())));
    }
    write(tool, &given, &selector, folder)?;
    Ok(0)
}

fn write(tool: Tool, given: &Given, selector: &Selector, folder: &Path) -> Result<(), Said> {
    let bits = given.value('b').unwrap_or("2048");
    let bits: u32 = bits.parse().map_err(|_| tool.said(1, format!("{bits}: not a number of bits")))?;
    let file = |extension| folder.join(format!("{selector}.{extension}"));
    let files = Files { key: file("private"), record: file("txt") };
    files.check_absent().map_err(|failure| tool.said(1, failure))?;
    if given.has('v') {
        tool.tell("generating private key");
    }
    if bits < 1024 {
        tool.tell("WARNING: RFC6376 advises minimum 1024-bit keys");
    }
    let made = PrivateKey::generate(KeySpec::Rsa { bits }, rust_crypto::PROVIDER);
    let key = made.map_err(|error| tool.said(1, chain(&error)))?;
    let text = record(given, selector, &key.public_key().dns_p());
    files.write(key.to_pem().as_str(), &text, 0o600).map_err(|failure| tool.said(1, failure))?;
    if given.has('v') {
        tool.tell(format!("private key written to {selector}.private"));
        tool.tell("extracting public key");
        tool.tell(format!("DNS TXT record written to {selector}.txt"));
    }
    Ok(())
}

/// The `.txt` file, byte for byte.
fn record(given: &Given, selector: &Selector, key: &str) -> String {
    let domain = given.value('d').unwrap_or("localhost");
    let flag = |option, text| if given.has(option) { text } else { "" };
    let zone = if given.has('a') { format!(".{domain}.") } else { String::new() };
    let hashes = given.value('h').unwrap_or("sha256");
    let note = given.value('n').map(|note| format!(" n=\\\"{note}\\\";")).unwrap_or_default();
    let flags = match (given.has('t'), given.has('S')) {
        (true, true) => "t=y:s; ",
        (true, false) => "t=y; ",
        (false, true) => "t=s; ",
        (false, false) => "",
    };
    let email = flag('r', "s=email; ");
    let mut strings = String::from("p=");
    let mut rest = key;
    while let Some((start, end)) = rest.split_at_checked(250) {
        strings.push_str(start);
        strings.push_str("\"\n\t  \"");
        rest = end;
    }
    strings.push_str(rest);
    let comment =
        if domain.is_empty() { String::new() } else { format!(" ; ----- DKIM key {selector} for {domain}") };
    format!(
        "{selector}._domainkey{zone}\tIN\tTXT\t( \"v=DKIM1;{note} h={hashes}; k=rsa; {flags}{email}\"\n\t  \"{strings}\" ) {comment}\n"
    )
}
