//! A message whose header is known and whose body is still arriving: the shell around the checks of DKIM and of ARC.

use crate::body::{BodyHasher, BodyHashes};
use waxseal_crypto::Provider;
use waxseal_dns::Question;

/// What was found in a header, such as signatures or a chain, and waits for the hashes of the body.
pub trait Examine {
    /// What is left when the body has ended.
    type Check;

    /// The keys that will be needed. Look them up while the body arrives.
    fn questions(&self) -> impl Iterator<Item = Question> + '_;

    /// With the finished hashes of the hasher that was asked for them, or the same ones kept earlier; what is left is a check
    /// that asks for the keys.
    fn finish(self, hashes: BodyHashes) -> Self::Check;
}

/// The check of a message whose body is still arriving.
#[derive(Debug)]
pub struct Streaming<E> {
    examination: E,
    hasher: BodyHasher,
}

impl<E: Examine> Streaming<E> {
    /// Begins with the header: `examine` looks at it, and asks the hasher for the body hashes that are needed.
    pub fn begin(provider: &'static dyn Provider, examine: impl FnOnce(&mut BodyHasher) -> E) -> Self {
        let mut hasher = BodyHasher::new(provider);
        Self { examination: examine(&mut hasher), hasher }
    }

    /// The keys that will be needed. Look them up while the body arrives.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.examination.questions()
    }

    /// Takes the next chunk of the body.
    pub fn body(&mut self, chunk: &[u8]) {
        self.hasher.push(chunk);
    }

    /// Ends the body; what is left is a check that asks for the keys.
    pub fn finish(self) -> E::Check {
        self.examination.finish(self.hasher.finish())
    }
}
