//! The floor: what nobody who uses ring can go below.
//!
//! For a signature this is SHA-256 of the canonical body in one call, and one operation of ring with the same key over
//! the canonical header, which ring hashes itself. Both are laid out before the clock starts: finding the fields,
//! canonicalizing, reading tags, base64, DNS and the verdict are not in it. Verifying hands ring modulus and exponent
//! as big-endian octets and so holds what ring does with a key each time; signing uses a loaded key pair. The floor of
//! [ARC](mod@crate::chain) is made of the same.
//!
//! The second floor, [`Whole`], needs no knowledge of DKIM: SHA-256 over the whole message, and the same operation over
//! its raw header. It is a little above the first, since it also hashes the header fields that are not signed.
//!
//! [`AwsLcRs`] does the work of the first floor with aws-lc-rs, with the public key loaded beforehand, as aws-lc-rs
//! allows and ring does not: what of the first floor is left for those who use aws-lc-rs.

use crate::{
    Error,
    lab::{Lab, Signed},
};
use aws_lc_rs::signature as aws;
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{
        ED25519, Ed25519KeyPair, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_SHA256,
        RsaKeyPair, RsaPublicKeyComponents, UnparsedPublicKey,
    },
};
use std::hint::black_box;
use waxseal_crypto::{PrivateParts, PublicKey};

/// The bare work of verifying a message.
pub fn verify(signed: &Signed) -> bool {
    black_box(digest(&SHA256, &signed.body));
    public_operation(&signed.public, &signed.header, &signed.signature)
}

/// One operation with the public key, over these octets.
pub(crate) fn public_operation(public: &PublicKey, octets: &[u8], signature: &[u8]) -> bool {
    let verified = match (public.rsa_components(), public.ed25519_bytes()) {
        (Some((n, e)), _) => {
            let algorithm = &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY;
            RsaPublicKeyComponents { n, e }.verify(algorithm, octets, signature)
        }
        (None, Some(key)) => {
            let hash = digest(&SHA256, octets);
            UnparsedPublicKey::new(&ED25519, key).verify(hash.as_ref(), signature)
        }
        (None, None) => return false,
    };
    verified.is_ok()
}

/// The bare keys of ring.
#[derive(Debug)]
pub struct Keys {
    rsa: RsaKeyPair,
    ed25519: Ed25519KeyPair,
    random: SystemRandom,
}

impl Keys {
    /// The keys of the lab.
    ///
    /// # Errors
    /// When ring does not take them.
    pub fn new(lab: &Lab) -> Result<Self, Error> {
        let (pkcs1, seed) = private_parts(lab)?;
        let rsa = RsaKeyPair::from_der(pkcs1).map_err(|error| error.to_string())?;
        let ed25519 = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|error| error.to_string())?;
        Ok(Self { rsa, ed25519, random: SystemRandom::new() })
    }

    /// The bare work of signing with RSA.
    pub fn sign_rsa(&self, body: &[u8], header: &[u8]) -> bool {
        black_box(digest(&SHA256, body));
        self.rsa_operation(header)
    }

    /// The bare work of signing with Ed25519.
    pub fn sign_ed25519(&self, body: &[u8], header: &[u8]) -> bool {
        black_box(digest(&SHA256, body));
        let hash = digest(&SHA256, header);
        black_box(self.ed25519.sign(hash.as_ref())).as_ref().len() == 64
    }

    /// The bare work of signing with both keys: the body is hashed once.
    pub fn sign_both(&self, body: &[u8], header: &[u8]) -> bool {
        let hash = digest(&SHA256, header);
        black_box(self.ed25519.sign(hash.as_ref()));
        self.sign_rsa(body, header)
    }

    /// One operation with the RSA key, over these octets.
    pub(crate) fn rsa_operation(&self, octets: &[u8]) -> bool {
        let mut signature = [0; 256];
        let signed = self.rsa.sign(&RSA_PKCS1_SHA256, &self.random, octets, &mut signature);
        black_box(signature);
        signed.is_ok()
    }
}

/// The floor for those who do not want to know what DKIM hashes.
#[derive(Debug)]
pub struct Whole<'s> {
    signed: &'s Signed,
    message: &'s [u8],
    header: &'s [u8],
}

impl<'s> Whole<'s> {
    /// Of the signed message, for verifying.
    pub fn of_signed(signed: &'s Signed) -> Self {
        Self::new(signed, &signed.message)
    }

    /// Of the message before it is signed, for signing.
    pub fn of_unsigned(signed: &'s Signed) -> Self {
        Self::new(signed, signed.unsigned())
    }

    fn new(signed: &'s Signed, message: &'s [u8]) -> Self {
        let body = crate::corpus::body(message).len();
        Self { signed, message, header: message.get(..message.len() - body).unwrap_or_default() }
    }

    /// Hashes the message and verifies. The signature is not over the raw header, so ring finds it bad, in the very last
    /// step: the work is the same.
    pub fn verify(&self) -> bool {
        black_box(digest(&SHA256, self.message));
        !public_operation(&self.signed.public, self.header, &self.signed.signature)
    }

    /// Hashes the message and signs its raw header.
    pub fn sign_rsa(&self, keys: &Keys) -> bool {
        keys.sign_rsa(self.message, self.header)
    }

    /// Hashes the message and signs its raw header.
    pub fn sign_ed25519(&self, keys: &Keys) -> bool {
        keys.sign_ed25519(self.message, self.header)
    }

    /// Hashes the message and signs its raw header with both keys.
    pub fn sign_both(&self, keys: &Keys) -> bool {
        keys.sign_both(self.message, self.header)
    }
}

/// The bare work with aws-lc-rs.
#[derive(Debug)]
pub struct AwsLcRs<'s> {
    signed: &'s Signed,
    rsa: aws::RsaKeyPair,
    ed25519: aws::Ed25519KeyPair,
    public: aws::ParsedPublicKey,
    random: aws_lc_rs::rand::SystemRandom,
}

impl<'s> AwsLcRs<'s> {
    /// For this message.
    ///
    /// # Errors
    /// When aws-lc-rs does not take a key.
    pub fn new(lab: &Lab, signed: &'s Signed) -> Result<Self, Error> {
        let (pkcs1, seed) = private_parts(lab)?;
        let public = match (signed.public.rsa_pkcs1_der(), signed.public.ed25519_bytes()) {
            (Some(der), _) => {
                aws::ParsedPublicKey::new(&aws::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, der)
            }
            (None, Some(key)) => aws::ParsedPublicKey::new(&aws::ED25519, key),
            (None, None) => return Err("no public key".into()),
        };
        Ok(Self {
            signed,
            rsa: aws::RsaKeyPair::from_der(pkcs1).map_err(|error| error.to_string())?,
            ed25519: aws::Ed25519KeyPair::from_seed_unchecked(seed).map_err(|error| error.to_string())?,
            public: public.map_err(|error| error.to_string())?,
            random: aws_lc_rs::rand::SystemRandom::new(),
        })
    }

    /// Hashes and verifies.
    pub fn verify(&self) -> bool {
        self.hash_body(&self.signed.body);
        self.verify_octets(&self.signed.header, &self.signed.signature)
    }

    pub(crate) fn hash_body(&self, body: &[u8]) {
        black_box(hash(body));
    }

    pub(crate) fn verify_octets(&self, octets: &[u8], signature: &[u8]) -> bool {
        match self.signed.public.ed25519_bytes() {
            Some(_) => self.public.verify_sig(hash(octets).as_ref(), signature).is_ok(),
            None => self.public.verify_sig(octets, signature).is_ok(),
        }
    }

    /// Hashes and signs with RSA.
    pub fn sign_rsa(&self) -> bool {
        self.hash_body(&self.signed.body);
        self.rsa_operation(&self.signed.header)
    }

    pub(crate) fn rsa_operation(&self, octets: &[u8]) -> bool {
        let mut signature = [0; 256];
        let signed = self.rsa.sign(&aws::RSA_PKCS1_SHA256, &self.random, octets, &mut signature);
        black_box(signature);
        signed.is_ok()
    }

    /// Hashes and signs with Ed25519.
    pub fn sign_ed25519(&self) -> bool {
        self.hash_body(&self.signed.body);
        black_box(self.ed25519.sign(hash(&self.signed.header).as_ref())).as_ref().len() == 64
    }

    /// Hashes and signs with both keys.
    pub fn sign_both(&self) -> bool {
        black_box(self.ed25519.sign(hash(&self.signed.header).as_ref()));
        self.sign_rsa()
    }
}

fn hash(octets: &[u8]) -> aws_lc_rs::digest::Digest {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets)
}

/// PKCS#1 of the RSA key, and the seed of the Ed25519 key.
fn private_parts(lab: &Lab) -> Result<(&[u8], &[u8; 32]), Error> {
    match (lab.rsa.secret(), lab.ed25519.secret()) {
        (PrivateParts::Rsa(pkcs1), PrivateParts::Ed25519(seed)) => Ok((pkcs1, seed)),
        _ => Err("the keys of the lab are swapped".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{corpus, lab::Which};
    use waxseal_dkim::Signature;
    use waxseal_header::Header;

    /// The floor is only worth something when it hashes the very octets that have to be hashed.
    #[test]
    fn the_floor_does_the_work() {
        let lab = Lab::new().unwrap();
        let keys = Keys::new(&lab).unwrap();
        let message = corpus::with_body(corpus::mixed(200_000));
        for which in [Which::Rsa, Which::Ed25519] {
            let mut signed = lab.signed(which, &message).unwrap();
            let (header, _) = Header::parse(&signed.message).unwrap();
            let signature = Signature::parse(header.field(0).unwrap().value()).unwrap();
            assert_eq!(digest(&SHA256, &signed.body).as_ref(), signature.body_hash());
            assert_eq!(signed.signature, signature.signature());
            assert!(verify(&signed) && AwsLcRs::new(&lab, &signed).unwrap().verify());
            assert!(Whole::of_signed(&signed).verify() && Whole::of_unsigned(&signed).sign_both(&keys));
            signed.header.push(b'x');
            assert!(!verify(&signed));
        }
    }
}
