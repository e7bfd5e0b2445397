//! Private keys that sign.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::key_error::KeyProblem;
use crate::{
    Algorithm, KeyError, KeyMaterial, KeySpec, KeyType, KeyWarning, MAX_KEY_FILE, Provider, PublicKey,
    SecretText, SignError, SigningInput, SigningKey, VerifyError, default_provider,
};

/// A private key in memory, ready to sign. Clones are cheap and share the key.
///
/// This crate wipes the secret when the last clone is dropped; the provider may keep copies of its own (ring does not
/// wipe them).
///
/// ```no_run
/// use waxseal_crypto::PrivateKey;
///
/// let key = PrivateKey::from_pem_file("2026a.pem")?;
/// println!("v=DKIM1; k={}; p={}", key.key_type(), key.public_key().dns_p());
/// # Ok::<(), waxseal_crypto::KeyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PrivateKey {
    inner: Arc<Inner>,
}

struct Inner {
    material: KeyMaterial,
    signer: Box<dyn SigningKey>,
    public: PublicKey,
}

impl PrivateKey {
    /// Reads a key in text form for the [default provider](default_provider): PEM, or the base64 seed of an Ed25519
    /// key. [`KeyMaterial::from_pem`] lists the supported formats.
    ///
    /// # Errors
    /// [`KeyError`]: it names the format that was found.
    pub fn from_pem(text: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::from_material(KeyMaterial::from_pem(text)?, default_provider().map_err(KeyProblem::from)?)
    }

    /// Reads a file like [`from_pem`](Self::from_pem) reads text, of at most [`MAX_KEY_FILE`] bytes.
    ///
    /// # Errors
    /// [`KeyError`] with the path and what is wrong.
    pub fn from_pem_file(path: impl AsRef<Path>) -> Result<Self, KeyError> {
        let path = path.as_ref();
        let in_file = |error| KeyError(KeyProblem::InFile { path: path.into(), error: Box::new(error) });
        Self::from_pem(read(path)?.as_slice()).map_err(in_file)
    }

    /// Reads a key in any supported form (PEM, DER or seed) for the [default provider](default_provider).
    ///
    /// # Errors
    /// [`KeyError`]: it names the format that was found.
    pub fn from_bytes(content: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::from_material(KeyMaterial::from_bytes(content)?, default_provider().map_err(KeyProblem::from)?)
    }

    /// Makes an Ed25519 key from its 32-byte seed (RFC 8032 §5.1.5) for the [default provider](default_provider).
    ///
    /// # Errors
    /// [`KeyError`] when no provider was compiled in.
    pub fn from_ed25519_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        Self::from_material(
            KeyMaterial::from_ed25519_seed(seed),
            default_provider().map_err(KeyProblem::from)?,
        )
    }

    /// Loads a key into a provider of your choice, then signs and verifies once, so that a damaged key is found now
    /// instead of with the first mail.
    ///
    /// ```
    /// # #[cfg(feature = "rust-crypto")] {
    /// use waxseal_crypto::{KeyMaterial, PrivateKey, rust_crypto};
    /// # let pem = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    /// let key = PrivateKey::from_material(KeyMaterial::from_pem(pem)?, rust_crypto::PROVIDER)?;
    /// # }
    /// # Ok::<(), waxseal_crypto::KeyError>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError`] when the key is inconsistent, below 1024 bits (RFC 8301 §3.2), or of a size that the
    /// provider does not sign with.
    pub fn from_material(material: KeyMaterial, provider: &'static dyn Provider) -> Result<Self, KeyError> {
        material.check_size()?;
        let signer = provider.load_private_key(&material)?;
        let derived = signer.public_key();
        let public = match (material.public_key(), derived) {
            // A file whose public key does not match was damaged or assembled by hand.
            (Some(stated), Some(derived)) if *stated != derived => {
                return Err(KeyError(KeyProblem::PublicKeyMismatch));
            }
            (Some(known), _) => known.clone(),
            (None, Some(derived)) => derived,
            (None, None) => {
                return Err(KeyError::rejected(provider.name(), "it does not tell the public key"));
            }
        };
        check_pair(&*signer, &public, provider)?;
        Ok(Self { inner: Arc::new(Inner { material, signer, public }) })
    }

    /// Makes a new key. See the [table](crate#choosing-a-provider) for which provider makes which keys.
    ///
    /// # Errors
    /// [`KeyError`] when the provider cannot make such keys, or there is no randomness.
    pub fn generate(spec: KeySpec, provider: &'static dyn Provider) -> Result<Self, KeyError> {
        spec.check()?;
        Self::from_material(provider.generate(spec)?, provider)
    }

    /// The key as PKCS#8 PEM (`PRIVATE KEY`, RFC 5958), the format that OpenSSL writes. The text is wiped on drop.
    pub fn to_pem(&self) -> SecretText {
        self.inner.material.to_pem()
    }

    /// The key without its provider.
    pub fn material(&self) -> &KeyMaterial {
        &self.inner.material
    }

    /// The algorithm of the signatures, for `a=`: `rsa-sha256` or `ed25519-sha256`.
    pub fn algorithm(&self) -> Algorithm {
        self.inner.signer.algorithm()
    }

    /// RSA or Ed25519.
    pub fn key_type(&self) -> KeyType {
        self.inner.public.key_type()
    }

    /// The size of the key in bits: for RSA the true length of the modulus, for Ed25519 256.
    pub fn bits(&self) -> u32 {
        self.inner.public.bits()
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.inner.public
    }

    /// The warning that an operator should see about this key, if any.
    pub fn warning(&self) -> Option<KeyWarning> {
        KeyWarning::of(&self.inner.public)
    }
}

impl FromStr for PrivateKey {
    type Err = KeyError;

    /// Like [`PrivateKey::from_pem`].
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_pem(text)
    }
}

impl SigningKey for PrivateKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm()
    }

    fn sign(&self, input: &SigningInput<'_>) -> Result<Vec<u8>, SignError> {
        self.inner.signer.sign(input)
    }

    fn public_key(&self) -> Option<PublicKey> {
        Some(self.inner.public.clone())
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner").field("public", &self.public).finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let unreadable =
        |error: io::Error| KeyError(KeyProblem::File { path: path.into(), reason: error.kind() });
    // Capacity for all of it, so that no copy of a secret is left behind; one more byte shows that it is too long.
    let limit = MAX_KEY_FILE + 1;
    let mut content = Zeroizing::new(Vec::with_capacity(limit + 1));
    let file = File::open(path).map_err(unreadable)?;
    file.take(limit as u64).read_to_end(&mut content).map_err(unreadable)?;
    Ok(content)
}

/// Signs something and verifies it: some providers check parts of the key only when they sign.
fn check_pair(signer: &dyn SigningKey, public: &PublicKey, provider: &dyn Provider) -> Result<(), KeyError> {
    let message = b"waxseal checks this key";
    let Ok(signature) = signer.sign(&SigningInput::new(message, provider)) else {
        return Err(KeyError(KeyProblem::Inconsistent));
    };
    match provider.verify(public, signer.algorithm(), message, &signature) {
        Err(VerifyError::BadSignature | VerifyError::KeyMismatch(..)) => {
            Err(KeyError(KeyProblem::Inconsistent))
        }
        _ => Ok(()),
    }
}
