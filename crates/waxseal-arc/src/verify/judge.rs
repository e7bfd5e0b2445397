//! Whether the signatures and seals of a chain verify with their keys (RFC 8617 §5.2, steps 4 to 6).

use super::ChainExamination;
use crate::{Cause, Chain, Seal, Set};
use waxseal_crypto::{Algorithm, PublicKey};
use waxseal_dkim::{
    Canonicalization, Cause as SignatureCause, Signature,
    parts::{self, BodyHashes, FieldIndex},
};
use waxseal_dns::{Answers, DomainName, Pending, Question};
use waxseal_header::Header;

/// What is known of a chain that passed.
pub(super) struct Verified {
    pub(super) oldest_pass: Option<u32>,
    pub(super) unsigned_additions: Vec<&'static str>,
}

/// Why a signature is not known to verify.
pub(super) enum Stop<C> {
    Pending(Pending),
    Cause(C),
}

impl<C> From<Pending> for Stop<C> {
    fn from(pending: Pending) -> Self {
        Self::Pending(pending)
    }
}

impl From<SignatureCause> for Stop<SignatureCause> {
    fn from(cause: SignatureCause) -> Self {
        Self::Cause(cause)
    }
}

impl Stop<SignatureCause> {
    fn of(self, cause_of: impl FnOnce(SignatureCause) -> Cause) -> Stop<Cause> {
        match self {
            Self::Pending(pending) => Stop::Pending(pending),
            Self::Cause(cause) => Stop::Cause(cause_of(cause)),
        }
    }
}

/// All that is known of a message.
pub(super) struct Judge<'c> {
    pub(super) examination: &'c ChainExamination,
    pub(super) hashes: &'c BodyHashes,
    pub(super) index: FieldIndex,
}

impl Judge<'_> {
    /// §5.2 steps 4 to 6. The seals are looked at before the older message signatures, which change nothing when one of
    /// them fails.
    pub(super) fn verified<'s>(
        &self,
        newest: &Set,
        older: impl Iterator<Item = &'s Set>,
        dns: &mut Answers<'_>,
    ) -> Result<Verified, Stop<Cause>> {
        let unsigned_additions = self
            .message_signature(newest, dns)
            .map_err(|stop| stop.of(|cause| Cause::MessageSignature { instance: newest.instance, cause }))?;
        self.seals(dns)?;
        let mut oldest_pass = None;
        if self.examination.oldest_pass {
            let lowest = newest.instance.saturating_sub(self.passed(older, dns)?);
            // Step 5B: "If all AMS header fields verify, set the oldest-pass value to zero (0)."
            oldest_pass = Some(if lowest == 1 { 0 } else { lowest });
        }
        Ok(Verified { oldest_pass, unsigned_additions })
    }

    /// Step 5A: "set the oldest-pass value to the lowest AMS instance value that passed": how many below the newest did.
    fn passed<'s>(
        &self,
        older: impl Iterator<Item = &'s Set>,
        dns: &mut Answers<'_>,
    ) -> Result<u32, Pending> {
        let mut passed = 0;
        for set in older {
            match self.message_signature(set, dns) {
                Ok(_) => passed += 1,
                Err(Stop::Cause(_)) => break,
                Err(Stop::Pending(pending)) => return Err(pending),
            }
        }
        Ok(passed)
    }

    /// Whether one reading of the message signature verifies, and what may be added to what it covers; else what is wrong with
    /// the likeliest.
    fn message_signature(
        &self,
        set: &Set,
        dns: &mut Answers<'_>,
    ) -> Result<Vec<&'static str>, Stop<SignatureCause>> {
        let readings = set.message_signature.as_ref().map_err(|error| SignatureCause::from(error.clone()))?;
        let likeliest = self.reading(set, &readings.likeliest, dns);
        match (likeliest, &readings.other) {
            (Err(Stop::Cause(cause)), Some(other)) => self.reading(set, other, dns).map_err(|_| cause.into()),
            (likeliest, _) => likeliest,
        }
    }

    fn reading(
        &self,
        set: &Set,
        signature: &Signature,
        dns: &mut Answers<'_>,
    ) -> Result<Vec<&'static str>, Stop<SignatureCause>> {
        let ChainExamination { verifier, chain, .. } = self.examination;
        let [_, field, _] = set.places;
        let key = self.key(signature.key_name(), signature.algorithm(), dns)?;
        let body = self.hashes.get(&signature.body_form()).ok_or(SignatureCause::NoBodyHash)?;
        Ok(parts::verify_message(verifier, signature, &key, (&chain.header, &self.index, field), body)?)
    }

    /// Step 6: "Validate each AS beginning with the greatest instance value and proceeding in decreasing order to the AS
    /// with the instance value of 1."
    fn seals(&self, dns: &mut Answers<'_>) -> Result<(), Stop<Cause>> {
        let ChainExamination { chain, .. } = self.examination;
        let mut scope = Scope::new(chain);
        for set in chain.sets.iter().rev() {
            let Some(seal) = set.seal() else { continue };
            let input = scope.before(set, seal);
            self.seal(seal, input, dns)
                .map_err(|stop| stop.of(|cause| Cause::Seal { instance: set.instance, cause }))?;
        }
        Ok(())
    }

    fn seal(&self, seal: &Seal, input: &[u8], dns: &mut Answers<'_>) -> Result<(), Stop<SignatureCause>> {
        let key = self.key(seal.key_name(), seal.algorithm(), dns)?;
        Ok(parts::verify_bytes(&self.examination.verifier, seal.algorithm(), &key, input, seal.signature())?)
    }

    fn key(
        &self,
        name: &DomainName,
        algorithm: Algorithm,
        dns: &mut Answers<'_>,
    ) -> Result<PublicKey, Stop<SignatureCause>> {
        let reply = dns.ask(Question::txt(name.clone()))?;
        Ok(parts::key(&self.examination.verifier, name, &reply, algorithm)?)
    }
}

/// What seals cover (RFC 8617 §5.1.1): "The ARC Set header field values are supplied to the hash function in increasing
/// instance order, starting at 1", canonicalized *relaxed*. Made once for all seals: what one covers is a beginning of what
/// the next one covers.
struct Scope<'c> {
    header: &'c Header,
    octets: Vec<u8>,
    /// Where the ARC-Seal of each set begins.
    seals: Vec<usize>,
}

impl<'c> Scope<'c> {
    /// All sets, the newest without its seal.
    fn new(chain: &'c Chain) -> Self {
        let mut scope = Self { header: &chain.header, octets: Vec::with_capacity(4096), seals: Vec::new() };
        for set in chain.sets.iter() {
            let [results, message_signature, seal] = set.places;
            scope.push(results);
            scope.push(message_signature);
            scope.seals.push(scope.octets.len());
            if set.instance < chain.highest {
                scope.push(seal);
            }
        }
        scope
    }

    fn push(&mut self, place: usize) {
        if let Some(field) = self.header.field(place) {
            Canonicalization::Relaxed.header_field(field, &mut self.octets);
        }
    }

    /// What the newest seal that was not asked for yet covers: the others behind it are gone then.
    fn before(&mut self, set: &Set, seal: &Seal) -> &[u8] {
        self.octets.truncate(self.seals.pop().unwrap_or(0));
        let [_, _, place] = set.places;
        if let Some(field) = self.header.field(place) {
            parts::signature_field(
                Canonicalization::Relaxed,
                field,
                seal.signature_range(),
                &mut self.octets,
            );
        }
        &self.octets
    }
}
