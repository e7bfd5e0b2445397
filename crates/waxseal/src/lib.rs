#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg_attr(
    not(all(feature = "spf", feature = "dmarc")),
    expect(rustdoc::broken_intra_doc_links, reason = "the guide links to what these features add")
)]
pub mod guide;
#[cfg(all(feature = "spf", feature = "dmarc"))]
mod inbound;
mod outbound;

#[cfg(all(feature = "spf", feature = "dmarc"))]
pub use inbound::*;
pub use outbound::*;
#[cfg(feature = "dmarc")]
pub use waxseal_dmarc::Disposition;

#[cfg(feature = "arc")]
pub use waxseal_arc as arc;
pub use waxseal_authres as authres;
pub use waxseal_crypto as crypto;
pub use waxseal_dkim as dkim;
#[cfg(feature = "dmarc")]
pub use waxseal_dmarc as dmarc;
pub use waxseal_dns as dns;
pub use waxseal_header as header;
#[cfg(feature = "spf")]
pub use waxseal_spf as spf;
