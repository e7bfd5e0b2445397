//! Whether the signatures and seals of a chain verify with their keys (RFC 8617 §5.2, steps 4 to 6).

use crate::{Cause, Seal, Set};
use std::{fmt, sync::OnceLock};
use waxseal_crypto::{Algorithm, PublicKey};
use waxseal_dkim::{
    Canonicalization, Cause as SignatureCause, Signature, Verifier,
    parts::{self, BodyHashes, FieldIndex},
};
use waxseal_dns::{DomainName, LookupError, Reply};
use waxseal_header::Header;

/// Everything known about a message.
pub(crate) struct Judge {
    verifier: Verifier,
    header: Header,
    index: FieldIndex,
    hashes: BodyHashes,
    /// The replies to the lookups of the keys.
    keys: Vec<(DomainName, Reply)>,
}

impl Judge {
    pub(crate) fn new(
        verifier: &Verifier,
        header: &Header,
        hashes: BodyHashes,
        keys: Vec<(DomainName, Reply)>,
    ) -> Self {
        let index = FieldIndex::new(header);
        Self { verifier: verifier.clone(), header: header.clone(), index, hashes, keys }
    }

    /// Steps 4 and 6, which decide whether the chain passes. Returns the fields that the newest message signature
    /// leaves open to additions.
    pub(crate) fn newest(&self, sets: &[Set]) -> Result<Vec<&'static str>, Cause> {
        let Some(newest) = sets.last() else { return Ok(Vec::new()) };
        let unsigned_additions = self
            .message_signature(newest)
            .map_err(|cause| Cause::MessageSignature(newest.instance, cause))?;
        self.seals(sets)?;
        Ok(unsigned_additions)
    }

    /// Whether one interpretation of the message signature verifies, and the fields that it leaves open to additions;
    /// otherwise what is wrong with the likeliest one.
    fn message_signature(&self, set: &Set) -> Result<Vec<&'static str>, SignatureCause> {
        let readings = set.message_signature.as_ref().map_err(|error| SignatureCause::from(error.clone()))?;
        let likeliest = self.reading(set, &readings.likeliest);
        match (likeliest, &readings.other) {
            (Err(cause), Some(other)) => self.reading(set, other).map_err(|_| cause),
            (likeliest, _) => likeliest,
        }
    }

    fn reading(&self, set: &Set, signature: &Signature) -> Result<Vec<&'static str>, SignatureCause> {
        let [_, field, _] = set.places;
        let key = self.key(signature.key_name(), signature.algorithm())?;
        let body = self.hashes.get(&signature.body_form()).ok_or(SignatureCause::NoBodyHash)?;
        parts::verify_message(&self.verifier, signature, &key, (&self.header, &self.index, field), body)
    }

    /// Whether an older message signature verifies. The body hash is compared first: when a handler changed the body,
    /// as is usual with a chain, no key is needed.
    fn verifies(&self, set: &Set) -> bool {
        let is_signed_body = |signature: &Signature| {
            let body = self.hashes.get(&signature.body_form());
            body.is_some_and(|body| body.digest().as_ref() == signature.body_hash())
        };
        let Ok(readings) = &set.message_signature else { return false };
        readings.iter().any(|signature| is_signed_body(signature) && self.reading(set, signature).is_ok())
    }

    /// Step 6: "Validate each AS beginning with the greatest instance value and proceeding in decreasing order to the AS
    /// with the instance value of 1."
    fn seals(&self, sets: &[Set]) -> Result<(), Cause> {
        let mut scope = Scope::new(&self.header, sets);
        for set in sets.iter().rev() {
            let Some(seal) = set.seal() else { continue };
            let input = scope.before(set, seal);
            let verified = self
                .key(seal.key_name(), seal.algorithm())
                .and_then(|key| parts::verify_bytes(&self.verifier, seal.tags(), &key, input));
            verified.map_err(|cause| Cause::Seal(set.instance, cause))?;
        }
        Ok(())
    }

    fn key(&self, name: &DomainName, algorithm: Algorithm) -> Result<PublicKey, SignatureCause> {
        match self.keys.iter().find(|(known, _)| known == name) {
            Some((_, reply)) => parts::key(&self.verifier, name, reply, algorithm),
            None => Err(SignatureCause::Lookup(LookupError::other("the program has not asked for the key"))),
        }
    }
}

/// The message signatures below the newest one of a chain that passed. They do not affect the verdict, and each costs
/// as much as a seal, so they are verified on demand.
pub(crate) struct Older {
    judge: Judge,
    /// How many are verified at most, from the newest down.
    count: usize,
    oldest_pass: OnceLock<u32>,
}

impl Older {
    pub(crate) fn new(judge: Judge, count: usize) -> Self {
        Self { judge, count, oldest_pass: OnceLock::new() }
    }

    /// Step 5 for the sets of the chain.
    pub(crate) fn oldest_pass(&self, sets: &[Set]) -> u32 {
        *self.oldest_pass.get_or_init(|| {
            let older = sets.iter().rev().skip(1).take(self.count);
            // Step 5A: "set the oldest-pass value to the lowest AMS instance value that passed (M+1), and go to the next step
            // (there is no need to check any other (older) AMS header fields)."
            let passed = older.take_while(|set| self.judge.verifies(set)).count();
            // Step 5B: "If all AMS header fields verify, set the oldest-pass value to zero (0)."
            if passed + 1 == sets.len() { 0 } else { (sets.len() - passed) as u32 }
        })
    }
}

impl fmt::Debug for Older {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Older").field("oldest_pass", &self.oldest_pass).finish_non_exhaustive()
    }
}

/// The bytes that seals cover (RFC 8617 §5.1.1): "The ARC Set header field values are supplied to the hash function in
/// increasing instance order, starting at 1", canonicalized *relaxed*. Made once for all seals: the bytes of one are a
/// prefix of those of the next one.
struct Scope<'c> {
    header: &'c Header,
    bytes: Vec<u8>,
    /// Where the ARC-Seal of each set begins.
    seals: Vec<usize>,
}

impl<'c> Scope<'c> {
    /// All sets, the newest without its seal.
    fn new(header: &'c Header, sets: &[Set]) -> Self {
        let fields = sets.iter().flat_map(|set| set.places).filter_map(|place| header.field(place));
        let room = fields.map(|field| field.raw().len()).sum();
        let (bytes, seals) = (Vec::with_capacity(room), Vec::with_capacity(sets.len()));
        let mut scope = Self { header, bytes, seals };
        for (number, set) in (1..).zip(sets) {
            let [results, message_signature, seal] = set.places;
            scope.push(results);
            scope.push(message_signature);
            scope.seals.push(scope.bytes.len());
            if number < sets.len() {
                scope.push(seal);
            }
        }
        scope
    }

    fn push(&mut self, place: usize) {
        if let Some(field) = self.header.field(place) {
            Canonicalization::Relaxed.header_field(field, &mut self.bytes);
        }
    }

    /// The bytes that the newest remaining seal covers; those of newer ones are dropped.
    fn before(&mut self, set: &Set, seal: &Seal) -> &[u8] {
        self.bytes.truncate(self.seals.pop().unwrap_or(0));
        let [_, _, place] = set.places;
        if let Some(field) = self.header.field(place) {
            parts::signature_field(Canonicalization::Relaxed, field, seal.signature_range(), &mut self.bytes);
        }
        &self.bytes
    }
}
