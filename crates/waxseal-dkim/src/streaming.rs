//! The streaming shell of the DKIM and ARC checks: the header is known, and the body is still arriving.

use crate::body::{BodyHasher, BodyHashes};
use waxseal_crypto::Provider;
use waxseal_dns::Question;

/// What was found in a header, such as signatures or a chain, and needs the hashes of the body.
pub trait Examine {
    /// The check that remains when the body has ended.
    type Check;

    /// The lookups of the keys that will be needed, to be made while the body arrives.
    fn questions(&self) -> impl Iterator<Item = Question> + '_;

    /// Takes the hashes that were requested, computed now or stored earlier, and returns a check that asks for the
    /// keys.
    fn finish(self, hashes: BodyHashes) -> Self::Check;
}

/// Checks a message whose body is still arriving.
#[derive(Debug)]
pub struct Streaming<E> {
    examination: E,
    hasher: BodyHasher,
}

impl<E: Examine> Streaming<E> {
    /// Begins with the header: `examine` reads it, and requests the body hashes that it needs from the hasher.
    pub fn begin(provider: &'static dyn Provider, examine: impl FnOnce(&mut BodyHasher) -> E) -> Self {
        let mut hasher = BodyHasher::new(provider);
        Self { examination: examine(&mut hasher), hasher }
    }

    /// The lookups of the keys that will be needed, to be made while the body arrives.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.examination.questions()
    }

    /// Takes the next chunk of the body.
    pub fn body(&mut self, chunk: &[u8]) {
        self.hasher.push(chunk);
    }

    /// Ends the body, and returns a check that asks for the keys.
    pub fn finish(self) -> E::Check {
        self.examination.finish(self.hasher.finish())
    }
}
