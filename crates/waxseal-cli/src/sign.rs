//! `waxseal sign`: puts DKIM-Signature fields in front of a message.

use crate::{
    exit::{Exit, Failure},
    input::{Chunks, Input, LineEnds, Source},
    key_file, key_name,
    terminal::{self, Progress},
    time::parse_now,
};
use clap::Args;
use std::{
    io::{self, BufWriter, Read, Seek, Write},
    path::PathBuf,
    str::FromStr,
    time::{Duration, SystemTime},
};
use waxseal::{
    crypto::PrivateKey,
    dkim::{Canonicalization, Finding, Inspection, Selector, SignError, Signer, Signing, SigningDomains},
    dmarc::BuiltInSuffixes,
    dns::DomainName,
};

/// Put a DKIM-Signature in front of a message
///
/// Writes the message to standard output with the signatures in front. It is read in chunks: a file twice, standard input
/// once, with a temporary file for what exceeds one mebibyte.
///
/// SMTP transmits lines with CRLF, and signatures cover that form: a message whose first line ends in a bare LF is read
/// as if all its lines ended in CRLF, and printed with CRLF unless --lf-out is given.
///
/// Problems that would break the signature in transit, or make it useless, are reported on standard error: lines that
/// are too long, undeclared 8-bit text, a From of another domain, a blank before a colon, missing Date or Message-ID,
/// an earlier signature. The exit code is still 0, or 2 with --strict.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal sign -d example.org -s 2026a -k 2026a.private message.eml >signed.eml
  waxseal sign --with example.org:2026a:2026a.private --with example.org:ed1:ed1.private message.eml")]
pub(crate) struct Sign {
    /// The message; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    message: PathBuf,
    /// The domain that signs, d=
    #[arg(long, short, requires_all = ["selector", "key"], required_unless_present = "with", value_parser = key_name::domain)]
    domain: Option<DomainName>,
    /// The name of the key, s=
    #[arg(long, short, requires = "domain", value_parser = key_name::selector)]
    selector: Option<Selector>,
    /// The private key: PKCS#8 or PKCS#1, PEM or DER, or a base64 Ed25519 seed
    #[arg(long, short, value_name = "FILE", requires = "domain")]
    key: Option<PathBuf>,
    /// Add another signature with this domain, selector and key; may be repeated. Signatures are printed in this order
    #[arg(long, value_name = "DOMAIN:SELECTOR:FILE")]
    with: Vec<Identity>,
    /// The canonicalization of header and body, c=: simple or relaxed
    #[arg(long, short, value_name = "HEADER/BODY", default_value = "relaxed/relaxed")]
    canonicalization: Forms,
    /// Fields to sign if present [default: those of RFC 6376 section 5.4.1 and some more]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = field_name, conflicts_with = "exact_fields")]
    fields: Option<Vec<String>>,
    /// Fields to sign once more than they occur, so that none can be added; an empty list for none [default: From,
    /// Reply-To, Subject, To, Cc, and some more if present]
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = field_name, conflicts_with = "exact_fields")]
    oversign: Option<Vec<String>>,
    /// The exact list for h=, whatever fields are present
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', value_parser = field_name)]
    exact_fields: Option<Vec<String>>,
    /// The user or agent for whom the domain signs, i=, such as joe@lists.example.org
    #[arg(long, value_name = "ADDRESS")]
    identity: Option<String>,
    /// Let the signature expire this many seconds after signing, x=; a week or more, as mail can be slow
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    expire: Option<u64>,
    /// The time of signing in Unix time, t=; `none` leaves it out [default: now]
    #[arg(long, value_name = "SECONDS|none")]
    timestamp: Option<Timestamp>,
    /// Sign the length of the body, l=. Then anyone can append text to the body, and careful verifiers refuse that
    #[arg(long)]
    length: bool,
    /// Add copies of the signed fields, z=, so that a broken signature can be explained
    #[arg(long)]
    copy_fields: bool,
    /// Sign for a domain of one label, such as localhost; for test networks
    #[arg(long)]
    single_label_domains: bool,
    /// Turn warnings into errors, and refuse to sign for a public suffix such as co.uk: print nothing and exit with 2
    #[arg(long)]
    strict: bool,
    /// Print only the DKIM-Signature fields
    #[arg(long)]
    field_only: bool,
    /// How to read line ends
    #[arg(long, value_enum, default_value_t)]
    line_ends: LineEnds,
    /// Print LF line ends, as in local files. The signature is valid for the message with CRLF, as SMTP transmits it
    #[arg(long)]
    lf_out: bool,
}

/// One of `--with`.
#[derive(Debug, Clone)]
struct Identity {
    domain: DomainName,
    selector: Selector,
    key: PathBuf,
}

impl FromStr for Identity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = text.splitn(3, ':');
        let (Some(domain), Some(selector), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("give DOMAIN:SELECTOR:FILE".into());
        };
        Ok(Self {
            domain: key_name::domain(domain).map_err(|error| format!("{domain}: {error}"))?,
            selector: key_name::selector(selector).map_err(|error| format!("{selector}: {error}"))?,
            key: key.into(),
        })
    }
}

/// One of the names of `--fields`; an empty one for an empty list.
fn field_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    if name.contains([':', ' ', ';']) {
        return Err("give field names with commas between them, as in From,To,Subject");
    }
    if name.bytes().all(|octet| octet.is_ascii_graphic()) {
        Ok(name.to_owned())
    } else {
        Err("not a field name: those consist of visible ASCII characters")
    }
}

/// `c=`
#[derive(Debug, Clone, Copy)]
struct Forms {
    header: Canonicalization,
    body: Canonicalization,
}

impl FromStr for Forms {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let form = |name: &str| {
            let form = Canonicalization::from_name(name.as_bytes());
            form.ok_or("give simple or relaxed, or both as in relaxed/simple")
        };
        // RFC 6376 §3.5: "If only one algorithm is named, that algorithm is used for the header and "simple" is used for
        // the body."
        let (header, body) = text.split_once('/').unwrap_or((text, "simple"));
        Ok(Self { header: form(header)?, body: form(body)? })
    }
}

#[derive(Debug, Clone, Copy)]
enum Timestamp {
    Omitted,
    At(SystemTime),
}

impl FromStr for Timestamp {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "none" => Ok(Self::Omitted),
            _ => parse_now(text)
                .map(Self::At)
                .map_err(|error| format!("{error}: give seconds since 1970, or none")),
        }
    }
}

/// How much of standard input is kept in memory before a temporary file is used.
const SPOOL: usize = 1 << 20;

impl Sign {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let signers = self.signers()?;
        let source = Source::from(self.message.clone());
        let mut input = source.open()?;
        let read_failed = |error: io::Error| source.unreadable(&error);
        match input.length() {
            _ if self.field_only => {
                let fields = self.sign(&signers, &mut input, &source, |_| Ok(()))?;
                self.print(&fields, None::<(&mut Input, _)>)
            }
            Some(_) => {
                let fields = self.sign(&signers, &mut input, &source, |_| Ok(()))?;
                input.rewind().map_err(read_failed)?;
                self.print(&fields, Some((&mut input, self.line_ends)))
            }
            None => {
                let mut spool = tempfile::spooled_tempfile(SPOOL);
                let failed = |error: io::Error| {
                    Failure::new(format!("cannot keep the message in a temporary file (TMPDIR): {error}"))
                };
                let fields =
                    self.sign(&signers, &mut input, &source, |chunk| spool.write_all(chunk).map_err(failed))?;
                spool.rewind().map_err(failed)?;
                // The copy has its line ends converted already.
                self.print(&fields, Some((&mut spool, LineEnds::Keep)))
            }
        }
        .map(|()| Exit::Pass)
    }

    fn signers(&self) -> Result<Vec<Signer>, Failure> {
        let mut signers = Vec::new();
        if let (Some(domain), Some(selector), Some(key)) = (&self.domain, &self.selector, &self.key) {
            signers.push(self.signer(domain, selector, key_file::read(key)?)?);
        }
        for with in &self.with {
            signers.push(self.signer(&with.domain, &with.selector, key_file::read(&with.key)?)?);
        }
        Ok(signers)
    }

    fn signing_domains(&self) -> SigningDomains {
        let domains = SigningDomains::default().with_single_label(self.single_label_domains);
        match self.strict {
            true => domains.with_refused(|domain| BuiltInSuffixes.is_public_suffix(domain)),
            false => domains,
        }
    }

    fn signer(&self, domain: &DomainName, selector: &Selector, key: PrivateKey) -> Result<Signer, Failure> {
        let mut signer = Signer::new(domain.clone(), selector.clone(), key)
            .map_err(|error| Failure::because("cannot sign", &error))?
            .with_signing_domains(self.signing_domains())
            .with_canonicalization(self.canonicalization.header, self.canonicalization.body)
            .with_timestamp(!matches!(self.timestamp, Some(Timestamp::Omitted)))
            .with_body_length(self.length)
            .with_copied_fields(self.copy_fields);
        let names =
            |names: &[String]| names.iter().filter(|name| !name.is_empty()).cloned().collect::<Vec<_>>();
        if let Some(fields) = &self.fields {
            signer = signer.with_fields(names(fields));
        }
        if let Some(fields) = &self.oversign {
            signer = signer.with_oversigned(names(fields));
        }
        if let Some(fields) = &self.exact_fields {
            signer = signer.with_field_list(names(fields));
        }
        if let Some(identity) = &self.identity {
            signer = signer.with_identity(identity);
        }
        Ok(match self.expire {
            Some(seconds) => signer.with_lifetime(Duration::from_secs(seconds)),
            None => signer,
        })
    }

    fn now(&self) -> SystemTime {
        match self.timestamp {
            Some(Timestamp::At(time)) => time,
            _ => SystemTime::now(),
        }
    }

    /// One pass over the message; `keep` sees what is signed.
    fn sign(
        &self,
        signers: &[Signer],
        input: &mut Input,
        source: &Source,
        mut keep: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<String, Failure> {
        let progress = Progress::new("signing", input.length());
        let mut chunks = Chunks::new(input, self.line_ends, progress);
        let mut signing = Signing::new(signers, self.now());
        let mut inspection = Inspection::new(signers);
        let refused = |error: SignError| {
            bare_line_end(&error, source).unwrap_or_else(|| Failure::because(source.name(), &error))
        };
        let mut is_empty = true;
        while let Some(chunk) = chunks.next_chunk().map_err(|error| source.unreadable(&error))? {
            is_empty &= chunk.is_empty();
            signing.push(chunk).map_err(refused)?;
            inspection.push(chunk);
            keep(chunk)?;
        }
        if is_empty {
            return Err(source.empty());
        }
        let lf = chunks.is_lf_file();
        let unsigned = signing.finish().map_err(refused)?;
        if lf && !self.lf_out {
            terminal::note(format_args!(
                "{} has LF line ends: signed with CRLF, as mail is transmitted{}",
                source.name(),
                if self.field_only { "" } else { ", and printed with CRLF (--lf-out prints LF)" }
            ));
        }
        self.tell(&inspection.finish(), source)?;
        unsigned.into_iter().map(|unsigned| unsigned.sign().map_err(refused)).collect()
    }

    /// What was found in a message that can be signed; with --strict it is not signed then.
    fn tell(&self, findings: &[Finding], source: &Source) -> Result<(), Failure> {
        let tell = if self.strict { terminal::error } else { terminal::warning };
        for finding in findings {
            tell(&format!("{}: {} ({})", source.name(), finding.problem(), finding.id()));
        }
        match findings.len() {
            _ if !self.strict => Ok(()),
            0 => Ok(()),
            count => Err(Failure::new(format!(
                "{}: not signed, since --strict turns warnings into errors, and there are {count}",
                source.name()
            ))),
        }
    }

    fn print(&self, fields: &str, message: Option<(&mut impl Read, LineEnds)>) -> Result<(), Failure> {
        let mut out = BufWriter::new(io::stdout().lock());
        self.write(&mut out, fields.as_bytes()).map_err(Failure::output)?;
        if let Some((reader, line_ends)) = message {
            let mut chunks = Chunks::new(reader, line_ends, Progress::new("writing", None));
            let failed = |error| Failure::because("cannot read the message again", &error);
            while let Some(chunk) = chunks.next_chunk().map_err(failed)? {
                self.write(&mut out, chunk).map_err(Failure::output)?;
            }
        }
        out.flush().map_err(Failure::output)
    }

    /// What was signed has no bare CR and no bare LF, so without its CRs it is the form with LF.
    fn write(&self, out: &mut impl Write, chunk: &[u8]) -> io::Result<()> {
        if !self.lf_out {
            return out.write_all(chunk);
        }
        chunk.split(|octet| *octet == b'\r').try_for_each(|part| out.write_all(part))
    }
}

/// The library's message is for programmers.
fn bare_line_end(error: &SignError, source: &Source) -> Option<Failure> {
    let SignError::BareLineEnd(offset) = error else { return None };
    Some(Failure::new(format!(
        "{}: bare CR or LF at offset {offset} of a message with CRLF line ends; mail servers may rewrite it, so it cannot \
         be signed: --line-ends repair makes CRLF of it, then send what is printed",
        source.name()
    )))
}
