//! `waxseal demo`: the whole way of a signed message, without network and without files.

use crate::{
    exit::{Exit, Failure},
    key_record_text::KeyRecordText,
    terminal::heading,
    verify::print_verdicts,
};
use clap::Args;
use std::{
    error::Error,
    io::{self, Write},
    time::SystemTime,
};
use waxseal::{
    authres::AuthenticationResults,
    crypto::{KeySpec, PrivateKey, rust_crypto},
    dkim::{KeyRecord, Selector, Signer, Verifier, sign_all},
    dns::{DomainName, Zone},
    header::line_ends::to_crlf,
};

/// Sign a message with fresh keys, publish them, verify, then change one letter and say what broke
///
/// The keys are published in a zone in memory: no network, no files.
#[derive(Debug, Args)]
pub(crate) struct Demo {}

const MESSAGE: &[u8] = include_bytes!("demo.eml");
const DOMAIN: &str = "example.org";

/// RSA, which everyone verifies, and Ed25519, which is shorter.
const KEYS: [(&str, KeySpec); 2] = [("2026r", KeySpec::Rsa { bits: 2048 }), ("2026e", KeySpec::Ed25519)];

impl Demo {
    pub(crate) fn run(&self) -> Result<Exit, Failure> {
        let failed = |error: Box<dyn Error>| Failure::because("the demonstration failed", &*error);
        let now = SystemTime::now();
        let demo = Demonstration::prepare(now).map_err(failed)?;
        let mut out = anstream::stdout().lock();
        Ok(demo.show(&mut out, now)?)
    }
}

/// A signed message and the zone that has its keys.
struct Demonstration {
    records: Vec<KeyRecordText>,
    fields: String,
    message: Vec<u8>,
    zone: Zone,
}

impl Demonstration {
    fn prepare(now: SystemTime) -> Result<Self, Box<dyn Error>> {
        let domain: DomainName = DOMAIN.parse()?;
        let (mut signers, mut records, mut zone) = (Vec::new(), Vec::new(), Zone::new());
        for (name, spec) in KEYS {
            let selector: Selector = name.parse()?;
            let key = PrivateKey::generate(spec, rust_crypto::PROVIDER)?;
            let record = KeyRecord::new(key.public_key().clone());
            let record = KeyRecordText::new(&record, &selector, &domain);
            // As text and back, the way it goes with a real name server.
            zone.merge(Zone::from_zone_file(record.bind(), Some(&domain))?);
            records.push(record);
            // The key goes into a file and out again, and ring signs with it.
            let key = PrivateKey::from_pem(key.to_pem().as_str().as_bytes())?;
            signers.push(Signer::new(domain.clone(), selector, key));
        }
        let message = to_crlf(MESSAGE).into_owned();
        let fields = sign_all(&signers, &message, now)?;
        Ok(Self { records, fields, message, zone })
    }

    fn show(&self, out: &mut impl Write, now: SystemTime) -> io::Result<Exit> {
        writeln!(out, "{}", heading(format_args!("1. Fresh keys, published in a zone in memory")))?;
        self.records.iter().try_for_each(|record| write!(out, "{}", record.bind()))?;

        writeln!(out, "\n{}", heading("2. Signed in one pass over the body"))?;
        write!(out, "{}", lf(self.fields.as_bytes()))?;
        let header =
            self.message.split_inclusive(|octet| *octet == b'\n').take_while(|line| *line != b"\r\n");
        header.into_iter().try_for_each(|line| write!(out, "{}", lf(line)))?;
        writeln!(out, "[{} octets of header and body]", self.message.len())?;

        writeln!(out, "\n{}", heading("3. Verified"))?;
        let verifier = Verifier::default();
        let signed = [self.fields.as_bytes(), &self.message].concat();
        let verdicts = verifier.verify_blocking(&signed, now, &self.zone);
        print_verdicts(out, "message", &verdicts)?;
        let mut results = AuthenticationResults::new("mx.example.net");
        results.extend(verdicts.entries());
        write!(out, "{}", lf(results.to_field().as_bytes()))?;

        writeln!(out, "\n{}", heading("4. The same with \"3 pm\" changed to \"4 pm\" in the body"))?;
        let forged = replace(&signed, b"moved to 3 pm", b"moved to 4 pm");
        let forged_body = verifier.verify_blocking(&forged, now, &self.zone);
        print_verdicts(out, "message", &forged_body)?;

        writeln!(out, "\n{}", heading("5. The same with a second Subject in the header"))?;
        let forged = [b"Subject: You have won\r\n", &signed[..]].concat();
        let forged_header = verifier.verify_blocking(&forged, now, &self.zone);
        print_verdicts(out, "message", &forged_header)?;
        let as_it_should =
            verdicts.iter().all(|v| v.is_pass()) && !forged_body.any_pass() && !forged_header.any_pass();
        Ok(if as_it_should { Exit::Pass } else { Exit::NotPass })
    }
}

/// With the line ends of the terminal.
fn lf(text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace("\r\n", "\n")
}

/// The first `from` becomes `to`.
fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = text.windows(from.len()).position(|window| window == from);
    match at.and_then(|at| text.split_at_checked(at)) {
        Some((before, rest)) => [before, to, rest.get(from.len()..).unwrap_or_default()].concat(),
        None => text.to_vec(),
    }
}
