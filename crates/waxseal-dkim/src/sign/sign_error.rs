//! Why a message was not signed.

use crate::{Selector, UnacceptableDomain};
use waxseal_crypto::NoProvider;
use waxseal_dns::{DomainName, InvalidDomainName};
use waxseal_header::HeaderError;

/// Why a message was not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The header block exceeds a limit.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// With its new fields the header block would exceed the limits of a verifier
    /// ([`HeaderLimits`](waxseal_header::HeaderLimits)), and nobody could verify the signature.
    #[error("the header has no room for the signature: sign fewer fields, or without copies of them (z=)")]
    NoRoom(#[source] HeaderError),
    /// `z=` is longer than the 65,536 bytes that [`Signer::with_copied_fields`](crate::Signer::with_copied_fields) allows.
    #[error("the copies of the signed fields (z=) have {0} bytes, more than 65536: sign without them")]
    CopiedFields(usize),
    /// RFC 6376 §5.3: the message must be signed as it will be sent, and mail servers rewrite bare CR and LF. Its offset is
    /// counted from the start of the message or, if header and body were passed separately, of that part.
    #[error(
        "the message has a bare CR or LF at offset {0}: make its line ends CRLF before signing \
         (waxseal_header::line_ends::to_crlf) and send the result"
    )]
    BareLineEnd(u64),
    /// A line of the header block is not a header field.
    #[error("field {0} of the header, counted from 1, is not a header field: remove it before signing")]
    MalformedField(usize),
    /// RFC 6376 §5.4: "The From header field MUST be signed".
    #[error("the message has no From field, which has to be signed (RFC 6376 section 5.4)")]
    NoFrom,
    /// RFC 6376 §3.8: "Signers and Verifiers SHOULD take reasonable steps to ensure that the messages they are
    /// processing are valid". Programs differ in which From they show, and receivers refuse such messages.
    #[error("the message has {0} From fields, and may have one (RFC 5322 section 3.6): leave one of them")]
    SeveralFrom(usize),
    /// RFC 6376 §5.4: "The From header field MUST be signed", and the given list lacks it.
    #[error("the list of the fields to sign lacks From, which has to be signed (RFC 6376 section 5.4)")]
    FromNotListed,
    /// A name for `h=` that is not a field name.
    #[error(
        "\"{}\" is not a field name: give the names of the fields to sign one by one, of visible ASCII without colon and \
         semicolon", .0.escape_debug()
    )]
    FieldName(String),
    /// RFC 6376 §3.5 of `h=`: "The field MUST NOT include the DKIM-Signature header field that is being created or
    /// verified". If listed more often than the message has it, the name would mean the new field, or that of another
    /// signer.
    #[error("DKIM-Signature is to be signed more often than the message has it: list it no more than that")]
    OwnField,
    /// `d=` is not a domain name; see [`DomainName::new`].
    #[error("the domain to sign for is not a domain name")]
    DomainName(#[source] InvalidDomainName),
    /// `s=` is not a selector; see [`Selector`].
    #[error("the selector is not a domain name")]
    Selector(#[source] InvalidDomainName),
    /// A tag that [`Signer::with_tag`](crate::Signer::with_tag) refuses.
    #[error("{}= cannot be added: it is a tag of DKIM, or no name and value of one", .0.escape_debug())]
    Tag(String),
    /// The domain may not sign; see [`Signer::with_signing_domains`](crate::Signer::with_signing_domains).
    #[error(transparent)]
    Domain(#[from] UnacceptableDomain),
    /// RFC 6376 §3.5: the domain of `i=` has to be `d=` or below it.
    #[error("the identity for i= is not an address within {0}")]
    Identity(DomainName),
    /// RFC 6376 §3.5: "implementations MAY consider any value longer than 12 digits to be infinite", and others refuse it.
    #[error("the time for {0}= has more than 12 digits: look at the clock and at the lifetime of signatures")]
    Time(&'static str),
    /// RFC 8301 §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
    #[error("rsa-sha1 must not be used for signing (RFC 8301 section 3.1)")]
    RsaSha1,
    /// The guard refused; see [`Signer::with_guard`](crate::Signer::with_guard).
    #[error("signing was refused: {0}")]
    Refused(String),
    /// This signer has no key; see [`Signer::remote`](crate::Signer::remote).
    #[error("the signer has no key: finish with Unsigned::attach")]
    NoKey,
    /// There is no crypto provider for hashing.
    #[error(transparent)]
    NoProvider(#[from] NoProvider),
    /// The given hashes lack that of [`Signer::body_form`](crate::Signer::body_form).
    #[error(
        "the body was not hashed for this signer: ask the hasher for Signer::body_form before the body is pushed"
    )]
    NoBodyHash,
    /// The key could not sign.
    #[error(transparent)]
    Key(#[from] waxseal_crypto::SignError),
    /// The name of the key, made of selector and domain, is longer than a domain name may be.
    #[error("{0}._domainkey.{1} is longer than a domain name may be")]
    KeyName(Selector, DomainName),
}
