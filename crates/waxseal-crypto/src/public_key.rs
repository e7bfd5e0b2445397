//! Public keys, as published in key records.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::der::{self, Reader};
use crate::pem;
use crate::public_key_error::PublicKeyProblem;
use crate::{KeyType, PublicKeyError};

/// The largest RSA modulus of a [`PublicKey`], in bits: a hard limit before any maths, whatever the caller's policy.
/// Providers and policies have tighter limits (RFC 8301 §3.2 requires 1024 to 4096 of verifiers).
pub(crate) const MAX_RSA_BITS: u32 = 16_384;

/// A public key: RSA or Ed25519.
///
/// Construction checks only the form and cheap properties (no maths), and takes one allocation for RSA and none for
/// Ed25519. Clones share the RSA bytes.
///
/// ```
/// use waxseal_crypto::{KeyType, PublicKey};
///
/// // The key of RFC 8463 appendix A.2.
/// let p = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
/// # use base64::{Engine as _, prelude::BASE64_STANDARD};
/// let key = PublicKey::from_dns(KeyType::Ed25519, &BASE64_STANDARD.decode(p)?)?;
/// assert_eq!(key.bits(), 256);
/// assert_eq!(key.dns_p(), p);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PublicKey {
    kind: Kind,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Kind {
    Rsa(Rsa),
    Ed25519([u8; 32]),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Rsa {
    /// DER of RSAPublicKey (RFC 8017 appendix A.1.1): the modulus, then the exponent at the very end.
    pkcs1: Arc<[u8]>,
    /// Where the modulus starts in `pkcs1`; leading zeros are skipped.
    modulus_at: u16,
    modulus_len: u16,
    bits: u16,
    exponent: u32,
    /// The key as prepared by aws-lc-rs, kept from its first use.
    #[cfg(feature = "aws-lc-rs")]
    aws_lc_rs: crate::aws_lc_rs::Prepared,
}

impl PublicKey {
    /// An RSA key with this modulus and exponent, both big-endian.
    ///
    /// # Errors
    /// Like [`from_dns`](Self::from_dns).
    pub fn from_rsa_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, PublicKeyError> {
        let mut body = Vec::with_capacity(modulus.len() + exponent.len() + 16);
        der::write_unsigned(&mut body, without_leading_zeros(modulus));
        der::write_unsigned(&mut body, without_leading_zeros(exponent));
        let mut pkcs1 = Vec::with_capacity(body.len() + 8);
        der::write(&mut pkcs1, der::SEQUENCE, &[&body]);
        from_pkcs1(&pkcs1)
    }

    /// Reads the decoded `p=` of a key record whose `k=` is `key_type`: for RSA the DER of SubjectPublicKeyInfo, which
    /// key records contain in practice, or the bare RSAPublicKey of RFC 6376 §3.6.1; for Ed25519 the 32 raw bytes of
    /// RFC 8463 §4.2.
    ///
    /// # Errors
    /// [`PublicKeyError`] for anything but strict DER of an RSA key with an odd modulus of at most 16,384 bits and an
    /// odd exponent from 3 to 2^32-1; for an Ed25519 key of another length, in an encoding that RFC 8032 §5.1.3
    /// forbids, and for points of small order, for which there are signatures that match any message.
    pub fn from_dns(key_type: KeyType, p: &[u8]) -> Result<Self, PublicKeyError> {
        match key_type {
            KeyType::Rsa => Self::from_rsa_der(p),
            KeyType::Ed25519 => Self::from_ed25519(p),
        }
    }

    /// Reads a PEM file as written by `openssl pkey -pubout` (`PUBLIC KEY`), or in PKCS#1 (`RSA PUBLIC KEY`).
    ///
    /// # Errors
    /// [`PublicKeyError`] when there is no such block, and as for [`from_dns`](Self::from_dns).
    pub fn from_spki_pem(text: impl AsRef<[u8]>) -> Result<Self, PublicKeyError> {
        let block = pem::blocks(text.as_ref())
            .find(|block| matches!(block.label, b"PUBLIC KEY" | b"RSA PUBLIC KEY"))
            .ok_or(PublicKeyError(PublicKeyProblem::NotPem))?;
        let der = block.decode().ok_or(PublicKeyError(PublicKeyProblem::NotPem))?;
        Self::from_spki_der(&der)
    }

    /// RSA or Ed25519.
    pub const fn key_type(&self) -> KeyType {
        match self.kind {
            Kind::Rsa(_) => KeyType::Rsa,
            Kind::Ed25519(_) => KeyType::Ed25519,
        }
    }

    /// The size of the key in bits: for RSA the true length of the modulus, for Ed25519 256.
    pub const fn bits(&self) -> u32 {
        match &self.kind {
            Kind::Rsa(rsa) => rsa.bits as u32,
            Kind::Ed25519(_) => 256,
        }
    }

    /// The modulus and the exponent of an RSA key, both big-endian without leading zeros.
    pub fn rsa_components(&self) -> Option<(&[u8], &[u8])> {
        match &self.kind {
            Kind::Rsa(rsa) => {
                let (start, len) = (usize::from(rsa.modulus_at), usize::from(rsa.modulus_len));
                let modulus = rsa.pkcs1.get(start..start.checked_add(len)?)?;
                // The exponent's bytes are the last of the DER; there are at most four (see check_exponent).
                let exponent_len = 4 - rsa.exponent.leading_zeros() as usize / 8;
                let exponent = rsa.pkcs1.get(rsa.pkcs1.len().checked_sub(exponent_len)?..)?;
                Some((modulus, exponent))
            }
            Kind::Ed25519(_) => None,
        }
    }

    /// The DER of an RSA key as RSAPublicKey (RFC 8017 appendix A.1.1), without the SPKI wrapping.
    pub fn rsa_pkcs1_der(&self) -> Option<&[u8]> {
        match &self.kind {
            Kind::Rsa(rsa) => Some(&rsa.pkcs1),
            Kind::Ed25519(_) => None,
        }
    }

    /// The 32 bytes of an Ed25519 key.
    pub const fn ed25519_bytes(&self) -> Option<&[u8; 32]> {
        match &self.kind {
            Kind::Rsa(_) => None,
            Kind::Ed25519(raw) => Some(raw),
        }
    }

    /// The key as SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7, RFC 8410 §4).
    pub fn to_spki_der(&self) -> Vec<u8> {
        let (oid, parameters, key): (_, &[u8], &[u8]) = match &self.kind {
            Kind::Rsa(rsa) => (der::OID_RSA, &[der::NULL, 0], &rsa.pkcs1),
            Kind::Ed25519(raw) => (der::OID_ED25519, &[], raw),
        };
        let mut identifier = Vec::new();
        der::write(&mut identifier, der::OBJECT_IDENTIFIER, &[oid]);
        let mut body = Vec::with_capacity(key.len() + 32);
        der::write(&mut body, der::SEQUENCE, &[&identifier, parameters]);
        der::write(&mut body, der::BIT_STRING, &[&[0], key]);
        let mut spki = Vec::with_capacity(body.len() + 4);
        der::write(&mut spki, der::SEQUENCE, &[&body]);
        spki
    }

    /// The value of `p=` in a key record: base64 of the SPKI for RSA (RFC 6376 §3.6.1 with erratum 3017 and appendix C), of the raw
    /// 32 bytes for Ed25519 (RFC 8463 §4.2). The value of `k=` is the name of [`key_type`](Self::key_type).
    pub fn dns_p(&self) -> String {
        match &self.kind {
            Kind::Rsa(_) => BASE64_STANDARD.encode(self.to_spki_der()),
            Kind::Ed25519(raw) => BASE64_STANDARD.encode(raw),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("PublicKey");
        out.field("type", &self.key_type()).field("bits", &self.bits()).field("p", &self.dns_p()).finish()
    }
}

impl PublicKey {
    /// Reads an RSA key in DER: SubjectPublicKeyInfo, which key records contain in practice, or the bare RSAPublicKey
    /// of RFC 6376 §3.6.1.
    pub(crate) fn from_rsa_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        let mut outer = Reader::new(der);
        let body = outer.enter(der::SEQUENCE)?;
        outer.end()?;
        // The first value distinguishes them: RSAPublicKey starts with an INTEGER, SPKI with a SEQUENCE.
        if body.peek() == Some(der::SEQUENCE) { from_pkcs1(read_rsa_spki(body)?) } else { from_pkcs1(der) }
    }

    /// Reads an Ed25519 key: exactly the 32 raw bytes of RFC 8463 §4.2.
    pub(crate) fn from_ed25519(raw: &[u8]) -> Result<Self, PublicKeyError> {
        let Ok(raw) = <[u8; 32]>::try_from(raw) else {
            return Err(wrong_ed25519_length(raw));
        };
        check_ed25519_point(&raw)?;
        Ok(Self { kind: Kind::Ed25519(raw) })
    }

    /// Reads a SubjectPublicKeyInfo in DER of either key type.
    fn from_spki_der(der: &[u8]) -> Result<Self, PublicKeyError> {
        match read_ed25519_spki(der) {
            Some(raw) => Self::from_ed25519(raw),
            None => Self::from_rsa_der(der),
        }
    }

    /// The public exponent of an RSA key (65537 nearly always).
    pub(crate) const fn rsa_exponent(&self) -> Option<u32> {
        match &self.kind {
            Kind::Rsa(rsa) => Some(rsa.exponent),
            Kind::Ed25519(_) => None,
        }
    }

    #[cfg(feature = "aws-lc-rs")]
    pub(crate) fn prepared_for_aws_lc_rs(&self) -> Option<&crate::aws_lc_rs::Prepared> {
        match &self.kind {
            Kind::Rsa(rsa) => Some(&rsa.aws_lc_rs),
            Kind::Ed25519(_) => None,
        }
    }
}

/// The RSAPublicKey inside a SubjectPublicKeyInfo, given the reader inside its SEQUENCE.
fn read_rsa_spki(mut body: Reader<'_>) -> Result<&[u8], PublicKeyError> {
    let mut identifier = body.enter(der::SEQUENCE)?;
    let oid = identifier.read(der::OBJECT_IDENTIFIER)?;
    if oid != der::OID_RSA {
        return Err(PublicKeyError(PublicKeyProblem::WrongAlgorithm { found: der::algorithm_name(oid) }));
    }
    // RFC 8017 appendix A.1: the parameters are NULL; some writers leave them out.
    if !identifier.is_empty() && !identifier.read(der::NULL)?.is_empty() {
        return Err(PublicKeyError(PublicKeyProblem::Malformed { reason: "the NULL is not empty" }));
    }
    identifier.end()?;
    let key = body.bit_string()?;
    body.end()?;
    Ok(key)
}

/// The raw key inside an Ed25519 SubjectPublicKeyInfo; `None` for anything else.
fn read_ed25519_spki(der: &[u8]) -> Option<&[u8]> {
    let mut body = Reader::new(der).enter(der::SEQUENCE).ok()?;
    let mut identifier = body.enter(der::SEQUENCE).ok()?;
    let oid = identifier.read(der::OBJECT_IDENTIFIER).ok()?;
    (oid == der::OID_ED25519 && identifier.is_empty()).then(|| body.bit_string().ok()).flatten()
}

fn from_pkcs1(pkcs1: &[u8]) -> Result<PublicKey, PublicKeyError> {
    let mut outer = Reader::new(pkcs1);
    let mut body = outer.enter(der::SEQUENCE)?;
    outer.end()?;
    let modulus = body.unsigned()?;
    let exponent = body.unsigned()?;
    body.end()?;
    let bits = check_modulus(modulus)?;
    let exponent_len = exponent.len();
    let exponent = check_exponent(exponent)?;
    // The exponent's INTEGER ends the DER: tag, length, perhaps a sign byte, magnitude.
    let sign = usize::from(exponent.leading_zeros() % 8 == 0);
    let start = pkcs1.len().saturating_sub(2 + sign + exponent_len + modulus.len());
    let too_long = |_| PublicKeyError(PublicKeyProblem::ModulusSize { bits: u64::from(bits) });
    let rsa = Rsa {
        pkcs1: Arc::from(pkcs1),
        modulus_at: u16::try_from(start).map_err(too_long)?,
        modulus_len: u16::try_from(modulus.len()).map_err(too_long)?,
        bits,
        exponent,
        #[cfg(feature = "aws-lc-rs")]
        aws_lc_rs: crate::aws_lc_rs::Prepared::default(),
    };
    Ok(PublicKey { kind: Kind::Rsa(rsa) })
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The length of a modulus in bits, if it is odd and not too long.
fn check_modulus(modulus: &[u8]) -> Result<u16, PublicKeyError> {
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
        return Err(PublicKeyError(PublicKeyProblem::ModulusSize { bits: 0 }));
    };
    let bits = modulus.len() as u64 * 8 - u64::from(first.leading_zeros());
    if bits > u64::from(MAX_RSA_BITS) {
        return Err(PublicKeyError(PublicKeyProblem::ModulusSize { bits }));
    }
    if last & 1 == 0 {
        return Err(PublicKeyError(PublicKeyProblem::EvenModulus));
    }
    u16::try_from(bits).map_err(|_| PublicKeyError(PublicKeyProblem::ModulusSize { bits }))
}

fn check_exponent(exponent: &[u8]) -> Result<u32, PublicKeyError> {
    if exponent.len() > 4 {
        return Err(PublicKeyError(PublicKeyProblem::ExponentRange));
    }
    let value = exponent.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
    if value < 3 {
        return Err(PublicKeyError(PublicKeyProblem::ExponentRange));
    }
    if value & 1 == 0 {
        return Err(PublicKeyError(PublicKeyProblem::EvenExponent));
    }
    Ok(value)
}

#[cold]
fn wrong_ed25519_length(raw: &[u8]) -> PublicKeyError {
    match read_ed25519_spki(raw) {
        Some(_) => PublicKeyError(PublicKeyProblem::Ed25519Spki),
        None => PublicKeyError(PublicKeyProblem::Ed25519Length { found: raw.len() }),
    }
}

/// The y coordinates, little-endian, of the points whose order divides eight; the sign of x is left out.
const SMALL_ORDER: [[u8; 32]; 4] = [
    [0; 32],
    [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5,
        0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a,
        0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
];

fn check_ed25519_point(raw: &[u8; 32]) -> Result<(), PublicKeyError> {
    let mut y = *raw;
    let [low, middle @ .., high] = &mut y;
    *high &= 0x7f;
    // p = 2^255 - 19; p - 1, the point of order two, is the largest canonical y.
    if *high == 0x7f && middle.iter().all(|byte| *byte == 0xff) {
        match *low {
            0xed..=0xff => return Err(PublicKeyError(PublicKeyProblem::NotCanonical)),
            0xec => return Err(PublicKeyError(PublicKeyProblem::SmallOrder)),
            _ => {}
        }
    }
    if SMALL_ORDER.contains(&y) { Err(PublicKeyError(PublicKeyProblem::SmallOrder)) } else { Ok(()) }
}
