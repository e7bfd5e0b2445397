//! What a verifier accepts beyond the letter of the RFCs.

use crate::SigningDomains;
use std::time::Duration;
use waxseal_header::HeaderLimits;

/// What a verifier accepts. Each setting names the [`Cause`](crate::Cause) that it leads to.
///
/// ```
/// use waxseal_dkim::{BodyLengthPolicy, Policy};
/// let policy = Policy::default().with_min_rsa_bits(2048).with_body_length(BodyLengthPolicy::Refuse);
/// # let _ = policy;
/// ```
#[derive(Debug, Clone)]
pub struct Policy {
    pub(crate) header_limits: HeaderLimits,
    pub(crate) signing_domains: SigningDomains,
    pub(crate) max_signatures: usize,
    pub(crate) max_key_lookups: usize,
    pub(crate) min_rsa_bits: u32,
    pub(crate) max_rsa_bits: u32,
    pub(crate) allow_rsa_sha1: bool,
    pub(crate) body_length: BodyLengthPolicy,
    pub(crate) refuse_unsigned_additions: bool,
    pub(crate) required_fields: Vec<String>,
    pub(crate) clock_tolerance: Duration,
}

/// What to do with `l=`, a signature over the first bytes of the body alone (RFC 6376 §8.2 explains the risk).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BodyLengthPolicy {
    /// A signature with `l=` passes as long as nothing was added after the signed bytes.
    #[default]
    RefuseAdditions,
    /// A signature with `l=` never passes.
    Refuse,
    /// A signature with `l=` passes whatever was added. Only for old archives.
    Accept,
}

impl Default for Policy {
    /// Every domain of two labels or more may sign; 10 signatures, 10 key lookups, RSA keys of 1024 to 4096 bits, no rsa-sha1,
    /// no body longer than `l=`, unsigned additions reported but not refused, no required fields, 300 seconds of clock
    /// tolerance.
    fn default() -> Self {
        Self {
            header_limits: HeaderLimits::default(),
            signing_domains: SigningDomains::default(),
            max_signatures: 10,
            max_key_lookups: 10,
            min_rsa_bits: 1024,
            max_rsa_bits: 4096,
            allow_rsa_sha1: false,
            body_length: BodyLengthPolicy::default(),
            refuse_unsigned_additions: false,
            required_fields: Vec::new(),
            clock_tolerance: Duration::from_secs(300),
        }
    }
}

impl Policy {
    /// How large a header block may be (default: 262,144 bytes, 1,000 fields). Over it:
    /// [`Cause::Header`](crate::Cause::Header).
    #[must_use]
    pub fn with_header_limits(self, header_limits: HeaderLimits) -> Self {
        Self { header_limits, ..self }
    }

    /// Which domains may sign (default: all that have two labels or more). The others get
    /// [`Cause::Domain`](crate::Cause::Domain).
    ///
    /// ```
    /// use waxseal_dkim::{Policy, SigningDomains};
    /// let domains = SigningDomains::default().with_refused(|domain| domain.as_str() == "co.uk");
    /// let policy = Policy::default().with_signing_domains(domains);
    /// # let _ = policy;
    /// ```
    #[must_use]
    pub fn with_signing_domains(self, signing_domains: SigningDomains) -> Self {
        Self { signing_domains, ..self }
    }

    /// How many signatures, from the top, are tried (default 10). The others get
    /// [`Cause::TooManySignatures`](crate::Cause::TooManySignatures).
    #[must_use]
    pub fn with_max_signatures(self, max_signatures: usize) -> Self {
        Self { max_signatures, ..self }
    }

    /// How many different keys are looked up (default 10). Signatures with further ones get
    /// [`Cause::TooManyKeyLookups`](crate::Cause::TooManyKeyLookups).
    #[must_use]
    pub fn with_max_key_lookups(self, max_key_lookups: usize) -> Self {
        Self { max_key_lookups, ..self }
    }

    /// The smallest RSA key, in bits of the modulus (default 1024). RFC 8301 §3.2: "Verifiers MUST NOT consider
    /// signatures using RSA keys of less than 1024 bits as valid signatures." Below it:
    /// [`Cause::KeyTooSmall`](crate::Cause::KeyTooSmall). Keys below 1024 bits are never verified.
    #[must_use]
    pub fn with_min_rsa_bits(self, min_rsa_bits: u32) -> Self {
        Self { min_rsa_bits, ..self }
    }

    /// The largest RSA key, in bits of the modulus (default 4096; RFC 8301 §3.2 asks for no more). Above it:
    /// [`Cause::KeyTooLarge`](crate::Cause::KeyTooLarge).
    #[must_use]
    pub fn with_max_rsa_bits(self, max_rsa_bits: u32) -> Self {
        Self { max_rsa_bits, ..self }
    }

    /// Whether rsa-sha1 is verified (default: no). RFC 8301 §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
    /// Only for old archives. Otherwise: [`Cause::RsaSha1`](crate::Cause::RsaSha1).
    #[must_use]
    pub fn with_rsa_sha1(self, allow_rsa_sha1: bool) -> Self {
        Self { allow_rsa_sha1, ..self }
    }

    /// What to do with `l=` (default: refuse additions). See [`Cause::BodyLength`](crate::Cause::BodyLength) and
    /// [`Cause::BodyAdditions`](crate::Cause::BodyAdditions).
    #[must_use]
    pub fn with_body_length(self, body_length: BodyLengthPolicy) -> Self {
        Self { body_length, ..self }
    }

    /// Whether a signature fails when the message has a second From, Subject or other field that may occur only once,
    /// and the signature covers fewer of them than there are (RFC 6376 §8.15; default: no,
    /// [`Verdict::unsigned_additions`](crate::Verdict::unsigned_additions) lists them). If so:
    /// [`Cause::UnsignedAddition`](crate::Cause::UnsignedAddition).
    #[must_use]
    pub fn with_unsigned_additions_refused(self, refuse_unsigned_additions: bool) -> Self {
        Self { refuse_unsigned_additions, ..self }
    }

    /// Fields that have to be signed when they are present (default: none but From, which the RFC requires). If not:
    /// [`Cause::FieldNotSigned`](crate::Cause::FieldNotSigned).
    #[must_use]
    pub fn with_required_fields(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { required_fields: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// How far clocks may differ for `t=` and `x=` (default 300 seconds). Beyond it:
    /// [`Cause::Expired`](crate::Cause::Expired) and [`Cause::SignedInFuture`](crate::Cause::SignedInFuture).
    #[must_use]
    pub fn with_clock_tolerance(self, clock_tolerance: Duration) -> Self {
        Self { clock_tolerance, ..self }
    }
}
