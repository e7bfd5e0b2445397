//! Why a signature is refused before its key is known (RFC 6376 §6.1.1).

use super::Verifier;
use crate::{BodyLengthPolicy, Cause, Policy, Signature, tags::seconds};
use std::time::SystemTime;
use waxseal_crypto::Algorithm;
use waxseal_header::Header;

impl Verifier {
    /// Checks what the policy says about a well-formed signature before its key is known: its domain, algorithm, `t=`,
    /// `x=` and `l=`.
    ///
    /// # Errors
    /// The [`Cause`] for which it is refused.
    pub(crate) fn admit(&self, signature: &Signature, now: SystemTime) -> Result<(), Cause> {
        self.policy.admit(signature, seconds(now))
    }
}

impl Policy {
    pub(super) fn admit(&self, signature: &Signature, now: u64) -> Result<(), Cause> {
        self.signing_domains.check(signature.domain(), signature.selector())?;
        if signature.algorithm() == Algorithm::RsaSha1 && !self.allow_rsa_sha1 {
            return Err(Cause::RsaSha1);
        }
        check_times(signature, now, self)?;
        if signature.body_length().is_some() && self.body_length == BodyLengthPolicy::Refuse {
            return Err(Cause::BodyLength);
        }
        Ok(())
    }
}

/// RFC 6376 §3.5: "Signatures MAY be considered invalid if the verification time at the Verifier is past the expiration
/// date"; "Implementations MAY ignore signatures that have a timestamp in the future".
fn check_times(signature: &Signature, now: u64, policy: &Policy) -> Result<(), Cause> {
    let tolerance = policy.clock_tolerance.as_secs();
    if let Some(expiration) = signature.expiration().filter(|x| x.saturating_add(tolerance) < now) {
        return Err(Cause::Expired(expiration, now));
    }
    if let Some(timestamp) = signature.timestamp().filter(|t| *t > now.saturating_add(tolerance)) {
        return Err(Cause::SignedInFuture(timestamp, now));
    }
    Ok(())
}

/// §6.1.1: "if the signature does not sign header fields that the Verifier views to be essential"
pub(super) fn check_required_fields(
    signature: &Signature,
    header: &Header,
    policy: &Policy,
) -> Result<(), Cause> {
    for name in &policy.required_fields {
        let signed = signature.signed_fields().any(|signed| signed.eq_ignore_ascii_case(name.as_bytes()));
        if !signed && header.fields().any(|field| field.is(name)) {
            return Err(Cause::FieldNotSigned(name.clone()));
        }
    }
    Ok(())
}
