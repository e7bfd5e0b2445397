//! `waxseal keygen`: a new key, and the record that publishes it.

use crate::{
    exit::{Exit, Failure},
    key_name,
    key_record_args::{Published, RecordArgs, kind},
    key_record_text::KeyRecordText,
    terminal::{self, visible},
    whole_file,
};
use clap::{Args, ValueEnum};
use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};
use waxseal::{
    crypto::{KeySpec, KeyType, PrivateKey, rust_crypto},
    dkim::{Selector, SigningDomains},
    dns::DomainName,
};

/// Make a key pair and the DNS record for it
///
/// Writes the private key (PKCS#8 PEM, readable by its owner alone) to SELECTOR.private and the record to SELECTOR.txt,
/// as opendkim-genkey does, and prints the record in every form that DNS providers use. Existing files are never
/// overwritten.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  waxseal keygen -d example.org -s 2026a
  waxseal keygen -d example.org -s ed2026a -a ed25519 -o /etc/dkim/
  waxseal dkim lint 2026a example.org      # when the record is published")]
pub(crate) struct Keygen {
    /// The domain that will sign, d=
    #[arg(long, short, value_parser = key_name::domain)]
    domain: DomainName,
    /// The name of the key, s=, such as 2026a
    #[arg(long, short, value_parser = key_name::selector)]
    selector: Selector,
    /// The type of the key. Many large receivers do not verify Ed25519 yet: sign with both, or only with RSA
    #[arg(long, short, value_enum, default_value_t)]
    algorithm: KeyAlgorithm,
    /// Size of an RSA key: 1024, 2048, 3072 or 4096 bits [default: 2048]
    #[arg(long, short, value_parser = parse_bits)]
    bits: Option<u32>,
    /// A folder for both files, or a file name with an extension for the private key; the record goes next to it as .txt
    #[arg(long, short, value_name = "DIR|FILE", default_value = ".")]
    out: PathBuf,
    #[command(flatten)]
    record: RecordArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The value of `--bits`.
pub(crate) fn parse_bits(text: &str) -> Result<u32, &'static str> {
    let bits = text.parse().ok().filter(|bits| [1024, 2048, 3072, 4096].contains(bits));
    bits.ok_or("RSA keys are made with 1024, 2048, 3072 or 4096 bits")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum KeyAlgorithm {
    #[default]
    Rsa,
    Ed25519,
}

impl KeyAlgorithm {
    pub(crate) fn key_type(self) -> KeyType {
        match self {
            Self::Rsa => KeyType::Rsa,
            Self::Ed25519 => KeyType::Ed25519,
        }
    }

    /// What is made, with the value of `--bits`.
    pub(crate) fn spec(self, bits: Option<u32>) -> Result<KeySpec, Failure> {
        match (self, bits) {
            (Self::Rsa, bits) => Ok(KeySpec::Rsa { bits: bits.unwrap_or(2048) }),
            (Self::Ed25519, None) => Ok(KeySpec::Ed25519),
            (Self::Ed25519, Some(_)) => {
                Err(Failure::new("an Ed25519 key has only one size: leave out --bits"))
            }
        }
    }
}

impl Keygen {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let spec = self.algorithm.spec(self.bits)?;
        // Making a large key takes a while: whether the name can be published, and whether the files are new, comes first.
        self.selector.key_name(&self.domain).map_err(|error| {
            Failure::because(format_args!("{}._domainkey.{}", self.selector, self.domain), &error)
        })?;
        if let Err(error) = SigningDomains::default().check(&self.domain, &self.selector) {
            terminal::note(format_args!("{error}, so verifiers refuse signatures with this key"));
        }
        let files = Files::at(&self.out, &self.selector)?;
        files.check_absent()?;
        let key = PrivateKey::generate(spec, rust_crypto::PROVIDER)
            .map_err(|error| Failure::because("cannot make the key", &error))?;
        let record = KeyRecordText::new(&self.record.record(&key), &self.selector, &self.domain);
        files.write(key.to_pem().as_str(), &record.bind(), 0o644)?;
        if let Some(warning) = key.warning() {
            terminal::note(warning);
        }
        self.print(&key, &record, &files).map_err(Failure::output)?;
        Ok(Exit::Pass)
    }

    fn print(&self, key: &PrivateKey, record: &KeyRecordText, files: &Files) -> io::Result<()> {
        let mut out = anstream::stdout().lock();
        if self.json {
            let made = Published::new(key, record, &files.key, Some(&files.record));
            return writeln!(out, "{}", crate::json::to_string(&made));
        }
        if self.record.is_one_form() {
            return self.record.print(&mut out, record, &files.key);
        }
        let kind = kind(key);
        writeln!(out, "Private key ({kind}): {}", visible(&files.key.display().to_string()))?;
        writeln!(out, "DNS record: {}\n", visible(&files.record.display().to_string()))?;
        self.record.print(&mut out, record, &files.key)
    }
}

/// The files that are made.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) key: PathBuf,
    pub(crate) record: PathBuf,
}

impl Files {
    fn at(out: &Path, selector: &Selector) -> Result<Self, Failure> {
        if out.is_dir() {
            let file = |extension| out.join(format!("{selector}.{extension}"));
            return Ok(Self { key: file("private"), record: file("txt") });
        }
        if out.extension().is_none() && !ends_in_slash(out) {
            let out = out.display();
            return Err(Failure::new(format!(
                "there is no folder {out}: create it first, or give the private key a file name such as {out}.private"
            )));
        }
        let record = out.with_extension("txt");
        if record == out {
            return Err(Failure::new(format!(
                "{}: .txt is for the record, give the private key another extension",
                out.display()
            )));
        }
        Ok(Self { key: out.to_owned(), record })
    }

    pub(crate) fn check_absent(&self) -> Result<(), Failure> {
        for path in [&self.key, &self.record] {
            if fs::symlink_metadata(path).is_ok() {
                return Err(exists(path));
            }
        }
        Ok(())
    }

    /// Both or none. The record, which is no secret, gets this mode.
    pub(crate) fn write(&self, key: &str, record: &str, mode: u32) -> Result<(), Failure> {
        create(&self.key, key, 0o600)?;
        create(&self.record, record, mode).inspect_err(|_| {
            // The key was made here and nobody has used it. If it cannot be removed, the error names its path.
            let _ = fs::remove_file(&self.key);
        })
    }
}

fn exists(path: &Path) -> Failure {
    Failure::new(format!(
        "{} already exists: give another --selector or --out; keys are never overwritten",
        path.display()
    ))
}

fn create(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    whole_file::create(path, text, mode).map_err(|error| not_created(path, &error))
}

/// Why a file could not be created, and what to do.
pub(crate) fn not_created(path: &Path, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        // A path that ends in a slash is a folder to the system, though there is none.
        io::ErrorKind::NotFound | io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            Failure::new(format!(
                "cannot create {}: there is no folder {}, create it first",
                path.display(),
                if ends_in_slash(path) { path } else { path.parent().unwrap_or(path) }.display()
            ))
        }
        _ => Failure::file("create", path, error),
    }
}

fn ends_in_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}
