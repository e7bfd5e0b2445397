use std::hash::Hash;
use std::sync::{Arc, OnceLock};

use ::aws_lc_rs::signature::{
    ParsedPublicKey, RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaParameters,
};

use crate::HashAlgorithm;

pub(super) fn parameters(hash: HashAlgorithm) -> &'static RsaParameters {
    match hash {
        HashAlgorithm::Sha256 => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        HashAlgorithm::Sha1 => &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
    }
}

/// An RSA key prepared for rsa-sha256. Preparing takes a seventh of a verification, so it is kept with the key; it is
/// not part of the key's identity.
#[derive(Clone, Default)]
pub(crate) struct Prepared(OnceLock<Option<Arc<ParsedPublicKey>>>);

impl Prepared {
    /// The key of this RSAPublicKey, in DER.
    pub(super) fn get(&self, pkcs1: &[u8]) -> Option<&ParsedPublicKey> {
        let prepare = || ParsedPublicKey::new(parameters(HashAlgorithm::Sha256), pkcs1).ok().map(Arc::new);
        self.0.get_or_init(prepare).as_deref()
    }
}

impl PartialEq for Prepared {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Prepared {}

impl Hash for Prepared {
    fn hash<H: std::hash::Hasher>(&self, _: &mut H) {}
}
