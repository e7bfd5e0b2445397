//! ARC chains (RFC 8617) for the table.
//!
//! The floor of validating is SHA-256 of the canonical body and one operation of ring for each signature that is looked
//! at, over its canonical octets. What a seal covers begins with what the one before it covers, but ring takes octets, not
//! hashes, and hashes them anew each time. Whoever asks for the oldest pass has two signatures of each set looked at;
//! without that it is one, and one more of the newest set.
//!
//! The floor of sealing is SHA-256 of the canonical body and the two operations for the newest set, the third.

use crate::{
    Error, corpus,
    floor::{AwsLcRs, public_operation},
    jobs::{Corpus, Job, Work},
    lab::{Lab, now, relaxed_body},
};
use ring::digest::{SHA256, digest};
use std::hint::black_box;
use waxseal_arc::{ArcResult, Chain, ChainVerifier, Policy, Sealer};
use waxseal_authres::{AuthenticationResults, Entry, SpfResult};
use waxseal_crypto::{PrivateKey, Provider, SigningKey, aws_lc_rs, ring as waxseal_ring};
use waxseal_dkim::{Signer, parts::BodyHasher};
use waxseal_header::Header;

/// A message with a chain of three sets, all sealed with the same key.
#[derive(Debug, Clone)]
pub struct Chained {
    /// The message with all its sets.
    pub message: Vec<u8>,
    /// Octets of the newest set.
    set: usize,
    /// The canonical octets and the signature of each ARC-Message-Signature and ARC-Seal, in the order of signing.
    signatures: Vec<(Vec<u8>, Vec<u8>)>,
    /// The canonical body.
    body: Vec<u8>,
}

impl Chained {
    /// Seals the letter of 2 KB three times.
    ///
    /// # Errors
    /// When a set cannot be made.
    pub fn new(lab: &Lab) -> Result<Self, Error> {
        let message = corpus::letter();
        let body = relaxed_body(corpus::body(&message));
        let mut chained = Self { message, set: 0, signatures: Vec::new(), body };
        for _ in 0..3 {
            chained.seal(lab)?;
        }
        Ok(chained)
    }

    /// As [`Sealer::seal`] does, but noting what is signed.
    fn seal(&mut self, lab: &Lab) -> Result<(), Error> {
        let (sealer, key) = (sealer(lab, waxseal_ring::PROVIDER)?, key(lab, waxseal_ring::PROVIDER)?);
        let (header, body) = Header::parse(&self.message)?;
        let mut hasher = BodyHasher::new(waxseal_ring::PROVIDER);
        hasher.want(sealer.body_form());
        hasher.push(body);

        let chain = chain(lab, &self.message);
        let unsigned = sealer.unsigned(&header, &hasher.finish(), &chain, &results(), now())?;
        let message_signature = key.sign(&unsigned.input())?;
        self.signatures.push((unsigned.input().bytes().to_vec(), message_signature.clone()));
        let unsealed = unsigned.attach(&message_signature);
        let seal = key.sign(&unsealed.input())?;
        self.signatures.push((unsealed.input().bytes().to_vec(), seal.clone()));
        let set = unsealed.attach(&seal).fields();
        self.set = set.len();
        self.message.splice(0..0, set.into_bytes());
        Ok(())
    }

    /// The message before its newest set.
    pub fn unsealed(&self) -> &[u8] {
        self.message.get(self.set..).unwrap_or_default()
    }

    /// The signatures that are looked at.
    fn looked_at(&self, oldest_pass: bool) -> impl Iterator<Item = (&[u8], &[u8])> {
        let newest = self.signatures.len().saturating_sub(2);
        let looked_at = move |at: usize| oldest_pass || at >= newest || at % 2 == 1;
        let numbered = self.signatures.iter().enumerate().filter(move |(at, _)| looked_at(*at));
        numbered.map(|(_, (octets, signature))| (octets.as_slice(), signature.as_slice()))
    }

    /// What was signed for the newest set.
    fn newest(&self) -> impl Iterator<Item = &[u8]> {
        self.signatures
            .iter()
            .skip(self.signatures.len().saturating_sub(2))
            .map(|(octets, _)| octets.as_slice())
    }
}

/// What the handler of a message says in its set.
fn results() -> AuthenticationResults {
    AuthenticationResults::new("mail.example.org").with_entry(Entry::spf(SpfResult::Pass))
}

fn key(lab: &Lab, provider: &'static dyn Provider) -> Result<PrivateKey, Error> {
    Ok(PrivateKey::from_material(lab.rsa.clone(), provider)?)
}

fn sealer(lab: &Lab, provider: &'static dyn Provider) -> Result<Sealer, Error> {
    let key = key(lab, provider)?;
    Ok(Sealer::from_signer(Signer::with_provider("mail.example.org", "rsa", key, provider)?))
}

fn chain(lab: &Lab, message: &[u8]) -> Chain {
    ChainVerifier::with_provider(Policy::default(), waxseal_ring::PROVIDER).verify_blocking(
        message,
        now(),
        &lab.zone,
    )
}

/// The octets of the header.
fn header(message: &[u8]) -> &[u8] {
    message.get(..message.len() - corpus::body(message).len()).unwrap_or_default()
}

/// Validating the chain.
pub(crate) fn verify<'c>(
    corpus: &'c Corpus,
    name: &'static str,
    oldest_pass: bool,
) -> Result<Job<'c>, Error> {
    let Corpus { lab, chained, letter, .. } = corpus;
    let (key, message) = (&letter.public, chained.message.as_slice());
    let ours = |provider| -> Work<'c> {
        let verifier =
            ChainVerifier::with_provider(Policy::default().with_oldest_pass(oldest_pass), provider);
        Box::new(move || {
            let chain = verifier.verify_blocking(message, now(), &lab.zone);
            chain.result() == ArcResult::Pass && chain.oldest_pass() == oldest_pass.then_some(0)
        })
    };
    let aws = AwsLcRs::new(lab, letter)?;
    Ok(Job {
        name,
        reach: None,
        reach_aws: None,
        floor: Box::new(move || {
            black_box(digest(&SHA256, &chained.body));
            chained.looked_at(oldest_pass).all(|(octets, signature)| public_operation(key, octets, signature))
        }),
        whole: Box::new(move || {
            black_box(digest(&SHA256, message));
            let mut signatures = chained.looked_at(oldest_pass);
            signatures.all(|(_, signature)| !public_operation(key, header(message), signature))
        }),
        bare_aws: Box::new(move || {
            aws.hash_body(&chained.body);
            chained.looked_at(oldest_pass).all(|(octets, signature)| aws.verify_octets(octets, signature))
        }),
        ring: ours(waxseal_ring::PROVIDER),
        aws: ours(aws_lc_rs::PROVIDER),
    })
}

/// Sealing; the chain was validated before.
pub(crate) fn seal<'c>(corpus: &'c Corpus, name: &'static str) -> Result<Job<'c>, Error> {
    let Corpus { lab, keys, chained, letter, .. } = corpus;
    let message = chained.unsealed();
    let ours = |provider| -> Result<Work<'c>, Error> {
        let (sealer, chain, results) = (sealer(lab, provider)?, chain(lab, message), results());
        Ok(Box::new(move || sealer.seal(message, &chain, &results, now()).is_ok()))
    };
    let aws = AwsLcRs::new(lab, letter)?;
    Ok(Job {
        name,
        reach: None,
        reach_aws: None,
        floor: Box::new(move || {
            black_box(digest(&SHA256, &chained.body));
            chained.newest().all(|octets| keys.rsa_operation(octets))
        }),
        whole: Box::new(move || {
            black_box(digest(&SHA256, message));
            chained.newest().all(|_| keys.rsa_operation(header(message)))
        }),
        bare_aws: Box::new(move || {
            aws.hash_body(&chained.body);
            chained.newest().all(|octets| aws.rsa_operation(octets))
        }),
        ring: ours(waxseal_ring::PROVIDER)?,
        aws: ours(aws_lc_rs::PROVIDER)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_does_the_work() {
        let corpus = Corpus::new().unwrap();
        assert_eq!(corpus.chained.looked_at(true).count(), 6);
        assert_eq!(corpus.chained.looked_at(false).count(), 4);
        for mut job in [
            verify(&corpus, "default", true).unwrap(),
            verify(&corpus, "newest", false).unwrap(),
            seal(&corpus, "seal").unwrap(),
        ] {
            assert!((job.floor)() && (job.whole)() && (job.bare_aws)(), "{}", job.name);
            assert!((job.ring)() && (job.aws)(), "{}", job.name);
        }
    }
}
