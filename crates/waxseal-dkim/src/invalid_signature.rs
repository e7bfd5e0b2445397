//! Why a signature field is malformed.

use waxseal_dns::InvalidDomainName;
use waxseal_header::InvalidTagList;

/// Why a DKIM-Signature, ARC-Message-Signature or ARC-Seal field is malformed (RFC 6376 §6.1.1). `Display` is one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidSignature(#[from] pub(crate) SignatureProblem);

impl From<InvalidTagList> for InvalidSignature {
    fn from(error: InvalidTagList) -> Self {
        Self(error.into())
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignatureProblem {
    /// The field is not a tag list.
    #[error(transparent)]
    TagList(#[from] InvalidTagList),
    /// §6.1.1: "If any tag listed as "required" … is omitted … PERMFAIL (signature missing required tag)".
    #[error("signature lacks the required tag {tag}=")]
    Missing { tag: &'static str },
    /// §3.5: `v=` is not `1`.
    #[error("signature is of an incompatible version")]
    Version,
    /// §3.3: an unknown algorithm.
    #[error("signature algorithm is unknown")]
    Algorithm,
    /// §3.4: an unknown canonicalization.
    #[error("canonicalization algorithm is unknown")]
    Canonicalization,
    /// §3.5: `q=` has no known method; `dns/txt` is the only one.
    #[error("query method is unknown")]
    QueryMethod,
    /// §3.5: `d=`, `s=` or the domain of `i=` is not a domain name; see [`DomainName::mail_domain`](waxseal_dns::DomainName::mail_domain).
    #[error("{tag}= is not a domain name")]
    Name { tag: &'static str, source: InvalidDomainName },
    /// The value of a tag does not follow its grammar.
    #[error("value of {tag}= is malformed")]
    Value { tag: &'static str },
    /// §6.1.1: "If the "h=" tag does not include the From header field … PERMFAIL (From field not signed)".
    #[error("From field is not signed")]
    FromNotSigned,
    /// §3.5: "i= … The domain part of the address MUST be the same as, or a subdomain of, the value of the "d=" tag."
    #[error("domain of i= is not within d=")]
    Identity,
    /// §3.5: the hash in `bh=` is not as long as the hash of the algorithm (CVE-2020-28025).
    #[error("bh= has {bytes} bytes, the hash of the algorithm has {expected}")]
    BodyHashLength { bytes: usize, expected: usize },
    /// §3.5: "The value of the "x=" tag MUST be greater than the value of the "t=" tag if both are present."
    #[error("x= is not after t=")]
    ExpiresBeforeSigned,
}
