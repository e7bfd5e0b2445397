//! Keys of the hour, and messages signed with them.

use crate::{Error, corpus};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use waxseal_crypto::{KeyMaterial, KeySpec, PrivateKey, Provider, PublicKey, SigningKey, aws_lc_rs, ring};
use waxseal_dkim::{Signer, Signing, Verifier};
use waxseal_dns::Zone;
use waxseal_header::{HeaderLimits, Split, Splitter};

/// The time of every signature, and of every look at one.
pub fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_784_009_549)
}

/// A fresh RSA key of 2048 bits and a fresh Ed25519 key, both published in [`Lab::zone`].
#[derive(Debug)]
pub struct Lab {
    /// The RSA key, for any provider.
    pub rsa: KeyMaterial,
    /// The Ed25519 key, for any provider.
    pub ed25519: KeyMaterial,
    /// Where the public keys are found.
    pub zone: Zone,
}

/// Which of the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// RSA, 2048 bits.
    Rsa,
    /// Ed25519.
    Ed25519,
}

impl Lab {
    /// Makes the keys.
    ///
    /// # Errors
    /// When the crypto library has no random numbers.
    pub fn new() -> Result<Self, Error> {
        let rsa = PrivateKey::generate(KeySpec::Rsa { bits: 2048 }, aws_lc_rs::PROVIDER)?;
        let ed25519 = PrivateKey::generate(KeySpec::Ed25519, ring::PROVIDER)?;
        let record = |key: &PublicKey| format!("v=DKIM1; k={}; p={}", key.key_type(), key.dns_p());
        let zone = Zone::new()
            .with_txt("rsa._domainkey.mail.example.org", record(rsa.public_key()))?
            .with_txt("ed._domainkey.mail.example.org", record(ed25519.public_key()))?;
        Ok(Self { rsa: rsa.material().clone(), ed25519: ed25519.material().clone(), zone })
    }

    /// A signer with the default settings.
    ///
    /// # Errors
    /// When the provider does not take the key.
    pub fn signer(&self, which: Which, provider: &'static dyn Provider) -> Result<Signer, Error> {
        let (selector, material) = match which {
            Which::Rsa => ("rsa", &self.rsa),
            Which::Ed25519 => ("ed", &self.ed25519),
        };
        self.signer_as(selector, PrivateKey::from_material(material.clone(), provider)?, provider)
    }

    /// A signer with the default settings, for any selector.
    ///
    /// # Errors
    /// When that is none.
    pub fn signer_as(
        &self,
        selector: &str,
        key: PrivateKey,
        provider: &'static dyn Provider,
    ) -> Result<Signer, Error> {
        Ok(Signer::with_provider("mail.example.org", selector, key, provider)?)
    }

    /// Signs `message` and puts the field in front.
    ///
    /// # Errors
    /// When the message cannot be signed.
    pub fn signed(&self, which: Which, message: &[u8]) -> Result<Signed, Error> {
        let signer = self.signer(which, ring::PROVIDER)?;
        let key = PrivateKey::from_material(
            if which == Which::Rsa { self.rsa.clone() } else { self.ed25519.clone() },
            ring::PROVIDER,
        )?;
        let mut signing = Signing::new([&signer], now());
        signing.push(message)?;
        let unsigned = signing.finish()?.into_iter().next().ok_or("no signature")?;
        let header = unsigned.input().bytes().to_vec();
        let signature = key.sign(&unsigned.input())?;
        let mut whole = unsigned.attach(&signature).into_bytes();
        let field = whole.len();
        whole.extend_from_slice(message);
        let body = relaxed_body(corpus::body(message));
        Ok(Signed { message: whole, field, header, signature, body, public: key.public_key().clone() })
    }
}

/// A signed message, and what had to be hashed for it.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The message with its DKIM-Signature field.
    pub message: Vec<u8>,
    /// Octets of that field.
    pub field: usize,
    /// The canonical header: what the signature is over.
    pub header: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// The canonical body: what `bh=` is over.
    pub body: Vec<u8>,
    /// The key to verify with.
    pub public: PublicKey,
}

impl Signed {
    /// The message as it was before it was signed.
    pub fn unsigned(&self) -> &[u8] {
        self.message.get(self.field..).unwrap_or_default()
    }
}

/// RFC 6376 §3.4.4, line by line, as slow and plain as can be.
pub fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut line_ends = 0;
    let mut rest = body;
    while !rest.is_empty() {
        let end = rest.windows(2).position(|two| two == b"\r\n");
        let (line, after) = match end {
            Some(end) => (rest.get(..end).unwrap_or_default(), rest.get(end + 2..).unwrap_or_default()),
            None => (rest, &[][..]),
        };
        let line = relaxed_line(line);
        if !line.is_empty() {
            (0..line_ends).for_each(|_| out.extend_from_slice(b"\r\n"));
            line_ends = 0;
            out.extend_from_slice(&line);
        }
        line_ends += 1;
        rest = after;
    }
    if !out.is_empty() {
        out.extend_from_slice(b"\r\n");
    }
    out
}

fn relaxed_line(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut blank = false;
    for c in line {
        match c {
            b' ' | b'\t' => blank = true,
            _ => {
                if std::mem::take(&mut blank) {
                    out.push(b' ');
                }
                out.push(*c);
            }
        }
    }
    out
}

/// Verifies a message that is there as a whole; true when all its signatures pass.
pub fn verify_whole(verifier: &Verifier, message: &[u8], zone: &Zone) -> bool {
    let verdicts = verifier.verify_blocking(message, now(), zone);
    !verdicts.is_empty() && verdicts.iter().all(waxseal_dkim::Verdict::is_pass)
}

/// Verifies a message that comes in chunks; true when all its signatures pass.
pub fn verify_chunks(verifier: &Verifier, message: &[u8], chunk: usize, zone: &Zone) -> bool {
    let mut splitter = Splitter::new(HeaderLimits::default());
    let mut verification = None;
    for chunk in message.chunks(chunk) {
        match &mut verification {
            None => match splitter.push(chunk) {
                Ok(Split::Header) => {}
                Ok(Split::Body(header, rest)) => {
                    verification.insert(verifier.begin(header, now())).body(rest);
                }
                Err(_) => return false,
            },
            Some(verification) => verification.body(chunk),
        }
    }
    let Some(verification) = verification else { return false };
    let verdicts = waxseal_dns::drive_blocking(verification.finish(), zone);
    !verdicts.is_empty() && verdicts.iter().all(waxseal_dkim::Verdict::is_pass)
}
