//! Fingerprints of keys.

use crate::{HashAlgorithm, Provider, PublicKey};
use base64::{Engine, prelude::BASE64_STANDARD};

impl PublicKey {
    /// `sha256:` and the base64 of SHA-256 over [the SubjectPublicKeyInfo](Self::to_spki_der): names the key in files and logs.
    ///
    /// ```
    /// use waxseal_crypto::{PrivateKey, default_provider};
    ///
    /// let key = PrivateKey::from_ed25519_seed(&[7; 32])?; // example only: use a secret seed
    /// let fingerprint = key.public_key().fingerprint(default_provider()?);
    /// assert!(fingerprint.starts_with("sha256:") && fingerprint.len() == 51);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn fingerprint(&self, provider: &dyn Provider) -> String {
        let mut hasher = provider.hasher(HashAlgorithm::Sha256);
        hasher.update(&self.to_spki_der());
        format!("sha256:{}", BASE64_STANDARD.encode(hasher.finish().as_bytes()))
    }
}
