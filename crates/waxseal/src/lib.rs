#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod guide;
mod inbound;
mod outbound;

pub use inbound::*;
pub use outbound::*;

#[doc(inline)]
pub use waxseal_arc::Sealer;
#[doc(inline)]
pub use waxseal_authres::AuthservIds;
#[doc(inline)]
pub use waxseal_crypto::PrivateKey;
#[doc(inline)]
pub use waxseal_dkim::{Selector, Signer, Verdicts, Verifier};
#[doc(inline)]
pub use waxseal_dmarc::{Disposition, LocalPolicy};
#[doc(inline)]
pub use waxseal_dns::{DomainName, Resolve, ResolveBlocking, Zone};
#[cfg(feature = "cache")]
#[doc(inline)]
pub use waxseal_resolver::Cached;
#[cfg(feature = "hickory")]
#[doc(inline)]
pub use waxseal_resolver::Hickory;
#[cfg(feature = "stub")]
#[doc(inline)]
pub use waxseal_resolver::Stub;

#[doc(inline)]
pub use waxseal_arc as arc;
#[doc(inline)]
pub use waxseal_authres as authres;
#[doc(inline)]
pub use waxseal_crypto as crypto;
#[doc(inline)]
pub use waxseal_dkim as dkim;
#[doc(inline)]
pub use waxseal_dmarc as dmarc;
#[doc(inline)]
pub use waxseal_dns as dns;
#[doc(inline)]
pub use waxseal_header as header;
#[cfg(any(feature = "stub", feature = "hickory", feature = "cache"))]
#[doc(inline)]
pub use waxseal_resolver as resolver;
#[doc(inline)]
pub use waxseal_spf as spf;
