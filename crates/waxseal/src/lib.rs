#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod guide;
mod inbound;
mod outbound;

pub use inbound::*;
pub use outbound::*;
pub use waxseal_dmarc::Disposition;

pub use waxseal_arc as arc;
pub use waxseal_authres as authres;
pub use waxseal_crypto as crypto;
pub use waxseal_dkim as dkim;
pub use waxseal_dmarc as dmarc;
pub use waxseal_dns as dns;
pub use waxseal_header as header;
#[cfg(any(feature = "stub", feature = "hickory", feature = "cache"))]
pub use waxseal_resolver as resolver;
pub use waxseal_spf as spf;

#[cfg(feature = "cache")]
#[doc(inline)]
pub use waxseal_resolver::Cached;
#[cfg(feature = "hickory")]
#[doc(inline)]
pub use waxseal_resolver::Hickory;
#[cfg(feature = "stub")]
#[doc(inline)]
pub use waxseal_resolver::Stub;
