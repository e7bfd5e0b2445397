//! Private keys in files, read without any provider.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use crate::der::{self, DerError, Reader};
use crate::key_error::KeyProblem;
use crate::key_format::KeyFormat;
use crate::pem::{self, Block};
use crate::public_key::MAX_RSA_BITS;
use crate::unescape::unescape;
use crate::{KeyError, KeyType, PublicKey};

/// The longest key file read, in bytes; an RSA key of 16384 bits takes about 13 KB of PEM.
pub const MAX_KEY_FILE: usize = 64 * 1024;

/// A private key that was read and checked for form, not yet loaded into a [`Provider`](crate::Provider).
///
/// The secret is wiped on drop and never shown by `Debug`.
///
/// ```
/// use waxseal_crypto::{KeyMaterial, KeyType};
///
/// // The seed of RFC 8463 appendix A.2 as dkimpy's `dknewkey` writes it.
/// let key = KeyMaterial::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=\n")?;
/// assert_eq!(key.key_type(), KeyType::Ed25519);
/// assert!(key.to_pem().as_str().starts_with("-----BEGIN PRIVATE KEY-----\n"));
/// # Ok::<(), waxseal_crypto::KeyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct KeyMaterial {
    secret: Secret,
    public: Option<PublicKey>,
}

#[derive(Clone)]
enum Secret {
    /// DER of RSAPrivateKey (RFC 8017 appendix A.1.2).
    Rsa(Zeroizing<Vec<u8>>),
    Ed25519(Zeroizing<[u8; 32]>),
}

impl KeyMaterial {
    /// Reads a key file of text:
    /// * PEM `PRIVATE KEY`: PKCS#8 of an RSA or Ed25519 key (OpenSSL, `waxseal keygen`);
    /// * PEM `RSA PRIVATE KEY`: PKCS#1 (OpenSSL 1, opendkim-genkey);
    /// * base64 without PEM lines of a 32-byte Ed25519 seed (dkimpy), of seed and public key (rspamd), or of any
    ///   DER that [`from_bytes`](Self::from_bytes) reads.
    ///
    /// Text around the PEM block, any line ends, a byte order mark and missing line ends do not matter, nor does what
    /// environment variables and secret stores do to keys: line ends written as `\\n` or replaced by blanks, quotes,
    /// base64 of any of these, UTF-16. The first block with a private key counts.
    ///
    /// # Errors
    /// [`KeyError`] names the format that was found instead, or what is wrong in a key of the right format.
    pub fn from_pem(text: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let text = text.as_ref();
        check_len(text)?;
        from_text(text, BASE64_LAYERS)
    }

    /// Reads DER: PKCS#8 v1 or v2 of an RSA or Ed25519 key (RFC 5208, 5958, 8410), or PKCS#1 RSAPrivateKey.
    ///
    /// # Errors
    /// Like [`from_pem`](Self::from_pem).
    pub(crate) fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        check_len(der)?;
        let mut outer = Reader::new(der);
        let Ok(mut body) = outer.enter(der::SEQUENCE) else {
            return Err(KeyError(KeyProblem::Format { found: KeyFormat::of_bytes(der) }));
        };
        outer.end()?;
        match (body.unsigned(), body.peek()) {
            (Ok(_), Some(der::INTEGER)) => from_pkcs1(der),
            // RFC 5208 §5, RFC 5958 §2: version 0, or 1 with a public key.
            (Ok([] | [1]), Some(der::SEQUENCE)) => from_pkcs8(body),
            _ => Err(KeyError(KeyProblem::Format { found: KeyFormat::of_der(der) })),
        }
    }

    /// Reads a key in any supported form: DER if it starts like DER, else [text](Self::from_pem). DER is PKCS#8 v1 or
    /// v2 of an RSA or Ed25519 key (RFC 5208, 5958, 8410), or PKCS#1 RSAPrivateKey.
    ///
    /// # Errors
    /// Like [`from_pem`](Self::from_pem).
    pub fn from_bytes(content: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        let content = content.as_ref();
        // 0x30 is also the digit zero, so text must not look like DER as a whole.
        let mut outer = Reader::new(content);
        if outer.read(der::SEQUENCE).is_ok() && outer.is_empty() {
            Self::from_der(content)
        } else {
            Self::from_pem(content)
        }
    }

    /// The Ed25519 key with this seed (RFC 8032 §5.1.5); any 32 bytes are valid.
    pub fn from_ed25519_seed(seed: &[u8; 32]) -> Self {
        Self { secret: Secret::Ed25519(Zeroizing::new(*seed)), public: None }
    }

    /// RSA or Ed25519.
    pub const fn key_type(&self) -> KeyType {
        match self.secret {
            Secret::Rsa(_) => KeyType::Rsa,
            Secret::Ed25519(_) => KeyType::Ed25519,
        }
    }

    /// The size of the key in bits: for RSA the true length of the modulus, for Ed25519 256.
    pub fn bits(&self) -> u32 {
        self.public.as_ref().map_or(256, PublicKey::bits)
    }

    /// The public half, if the file states it: always for RSA, sometimes for Ed25519. Only a provider can check that it
    /// matches.
    pub const fn public_key(&self) -> Option<&PublicKey> {
        self.public.as_ref()
    }

    /// The secret itself, for implementations of [`Provider`](crate::Provider). Wipe any copies.
    pub fn secret(&self) -> PrivateParts<'_> {
        match &self.secret {
            Secret::Rsa(pkcs1) => PrivateParts::Rsa(pkcs1),
            Secret::Ed25519(seed) => PrivateParts::Ed25519(seed),
        }
    }

    /// The key as PKCS#8 PEM (`PRIVATE KEY`, RFC 5958), the format that OpenSSL writes. The text is wiped on drop.
    pub fn to_pem(&self) -> SecretText {
        let der = self.to_pkcs8_der();
        let mut base64 = Zeroizing::new(String::with_capacity(der.len().div_ceil(3) * 4));
        BASE64_STANDARD.encode_string(der.as_slice(), &mut base64);
        let mut text = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / 64 + 64));
        text.push_str("-----BEGIN PRIVATE KEY-----\n");
        let mut rest = base64.as_str();
        while !rest.is_empty() {
            let (line, more) = rest.split_at_checked(64).unwrap_or((rest, ""));
            text.push_str(line);
            text.push('\n');
            rest = more;
        }
        text.push_str("-----END PRIVATE KEY-----\n");
        SecretText(text)
    }

    /// RFC 8301 §3.2: signers MUST use RSA keys of at least 1024 bits.
    pub(crate) fn check_size(&self) -> Result<(), KeyError> {
        match self.bits() {
            bits @ 0..1024 if self.key_type() == KeyType::Rsa => Err(KeyError(KeyProblem::TooShort { bits })),
            _ => Ok(()),
        }
    }

    fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        let (oid, parameters, key): (_, &[u8], Zeroizing<Vec<u8>>) = match &self.secret {
            Secret::Rsa(der) => (der::OID_RSA, &[der::NULL, 0], der.clone()),
            Secret::Ed25519(seed) => {
                // RFC 8410 §7: CurvePrivateKey is an OCTET STRING inside the OCTET STRING.
                let mut inner = Zeroizing::new(Vec::with_capacity(34));
                der::write(&mut inner, der::OCTET_STRING, &[seed.as_slice()]);
                (der::OID_ED25519, &[], inner)
            }
        };
        let mut identifier = Vec::new();
        der::write(&mut identifier, der::OBJECT_IDENTIFIER, &[oid]);
        let mut body = Zeroizing::new(Vec::with_capacity(key.len() + 32));
        der::write(&mut body, der::INTEGER, &[&[0]]);
        der::write(&mut body, der::SEQUENCE, &[&identifier, parameters]);
        der::write(&mut body, der::OCTET_STRING, &[&key]);
        let mut pkcs8 = Zeroizing::new(Vec::with_capacity(body.len() + 8));
        der::write(&mut pkcs8, der::SEQUENCE, &[&body]);
        pkcs8
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "Rsa(..)",
            Self::Ed25519(_) => "Ed25519(..)",
        })
    }
}

/// The secret of a private key, as returned by [`KeyMaterial::secret`].
#[derive(Clone, Copy)]
pub enum PrivateParts<'a> {
    /// An RSA key: DER of RSAPrivateKey (RFC 8017 appendix A.1.2) with two primes.
    Rsa(&'a [u8]),
    /// An Ed25519 key: its seed (RFC 8032 §5.1.5).
    Ed25519(&'a [u8; 32]),
}

impl fmt::Debug for PrivateParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa(_) => "Rsa(..)",
            Self::Ed25519(_) => "Ed25519(..)",
        })
    }
}

/// Secret text, such as a private key in PEM: wiped on drop, never shown by `Debug`.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// The text. Wipe any copies.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for SecretText {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

fn check_len(content: &[u8]) -> Result<(), KeyError> {
    if content.len() > MAX_KEY_FILE {
        Err(KeyError(KeyProblem::TooLarge { len: content.len() }))
    } else {
        Ok(())
    }
}

/// How often text may be encoded in base64: a secret store encodes files, which may have been encoded before.
const BASE64_LAYERS: usize = 2;

fn from_text(text: &[u8], layers: usize) -> Result<KeyMaterial, KeyError> {
    let plain = unescape(text);
    let mut first = None;
    for block in pem::blocks(&plain) {
        match KeyFormat::of_label(block) {
            None => return read_block(block),
            Some(format) => first = first.or(Some(format)),
        }
    }
    if let Some(found) = first {
        return Err(KeyError(KeyProblem::Format { found }));
    }
    match pem::decode_base64(&plain) {
        Some(bytes) if !bytes.is_empty() => from_base64_text(&bytes, layers),
        // DER is identified before anything is extracted from it.
        _ => match KeyFormat::of_bytes(text) {
            KeyFormat::Unknown => Err(KeyError(KeyProblem::Format { found: KeyFormat::of_bytes(&plain) })),
            found => Err(KeyError(KeyProblem::Format { found })),
        },
    }
}

fn read_block(block: Block<'_>) -> Result<KeyMaterial, KeyError> {
    let der = block.decode().ok_or(KeyError(KeyProblem::Malformed { reason: "its base64 is damaged" }))?;
    KeyMaterial::from_der(&der)
}

fn from_base64_text(bytes: &[u8], layers: usize) -> Result<KeyMaterial, KeyError> {
    if let Ok(seed) = <&[u8; 32]>::try_from(bytes) {
        return Ok(KeyMaterial::from_ed25519_seed(seed));
    }
    // libsodium's secret key: the seed, then the public key.
    if let (64, Some((seed, public))) = (bytes.len(), bytes.split_first_chunk::<32>()) {
        let key = KeyMaterial::from_ed25519_seed(seed);
        return Ok(KeyMaterial {
            public: Some(PublicKey::from_ed25519(public).map_err(KeyProblem::from)?),
            ..key
        });
    }
    let unknown = KeyError(KeyProblem::Format { found: KeyFormat::Base64 { len: bytes.len() } });
    let is_text = |octet: &u8| octet.is_ascii_graphic() || octet.is_ascii_whitespace();
    let found = match layers.checked_sub(1) {
        Some(layers) if bytes.iter().all(is_text) => from_text(bytes, layers),
        _ => KeyMaterial::from_der(bytes),
    };
    match found {
        Err(KeyError(KeyProblem::Format { found: KeyFormat::Unknown | KeyFormat::Empty })) => Err(unknown),
        found => found,
    }
}

fn from_pkcs1(der: &[u8]) -> Result<KeyMaterial, KeyError> {
    let mut body = Reader::new(der).enter(der::SEQUENCE)?;
    if !body.unsigned()?.is_empty() {
        return Err(KeyError(KeyProblem::Malformed { reason: "it has more than two primes" }));
    }
    let modulus = body.unsigned()?;
    let exponent = body.unsigned()?;
    // privateExponent, prime1, prime2, exponent1, exponent2, coefficient
    for _ in 0..6 {
        if body.unsigned()?.len() > MAX_RSA_BITS as usize / 8 {
            return Err(KeyError(KeyProblem::Malformed { reason: "a number in it is too long" }));
        }
    }
    body.end()?;
    let public = PublicKey::from_rsa_components(modulus, exponent).map_err(KeyProblem::from)?;
    Ok(KeyMaterial { secret: Secret::Rsa(Zeroizing::new(der.to_vec())), public: Some(public) })
}

/// PrivateKeyInfo (RFC 5208 §5) and OneAsymmetricKey (RFC 5958 §2), after the version.
fn from_pkcs8(mut body: Reader<'_>) -> Result<KeyMaterial, KeyError> {
    let mut identifier = body.enter(der::SEQUENCE)?;
    let oid = identifier.read(der::OBJECT_IDENTIFIER)?;
    let key = body.read(der::OCTET_STRING)?;
    let stated = read_stated_public_key(body)?;
    match oid {
        der::OID_RSA => from_pkcs1(key),
        der::OID_ED25519 => {
            let mut inner = Reader::new(key);
            let seed = inner.read(der::OCTET_STRING)?;
            inner.end()?;
            let seed = <&[u8; 32]>::try_from(seed).map_err(|_| {
                KeyError(KeyProblem::Malformed { reason: "its Ed25519 seed is not 32 bytes" })
            })?;
            let public = stated.map(PublicKey::from_ed25519).transpose().map_err(KeyProblem::from)?;
            Ok(KeyMaterial { public, ..KeyMaterial::from_ed25519_seed(seed) })
        }
        _ => Err(KeyError(KeyProblem::Algorithm { found: der::algorithm_name(oid) })),
    }
}

/// Skips the attributes `[0]` of PKCS#8 and reads the public key `[1]` (RFC 5958 §2, RFC 8410 §10.3).
fn read_stated_public_key(mut body: Reader<'_>) -> Result<Option<&[u8]>, DerError> {
    const ATTRIBUTES: u8 = 0xa0;
    const PUBLIC_KEY: u8 = 0x81;
    /// ring writes a constructed tag with a whole BIT STRING inside.
    const PUBLIC_KEY_CONSTRUCTED: u8 = 0xa1;
    if body.peek() == Some(ATTRIBUTES) {
        body.read(ATTRIBUTES)?;
    }
    let public = match body.peek() {
        Some(PUBLIC_KEY) => match body.read(PUBLIC_KEY)? {
            [0, bytes @ ..] => Some(bytes),
            _ => return Err(DerError("a BIT STRING is not whole bytes")),
        },
        Some(PUBLIC_KEY_CONSTRUCTED) => Some(body.enter(PUBLIC_KEY_CONSTRUCTED)?.bit_string()?),
        _ => None,
    };
    body.end()?;
    Ok(public)
}
