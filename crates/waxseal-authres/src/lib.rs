//! Authentication-Results (RFC 8601) and Received-SPF (RFC 7208 §9.1): write, read, and remove forged ones.
//!
//! A receiver reports the results of its checks to later software in one header field. This crate has the words of that
//! field ([`DkimResult`], [`SpfResult`], [`DmarcResult`], [`ArcResult`], [`IprevResult`]), one entry per check
//! ([`Entry`]) and the field itself ([`AuthenticationResults`]). It reads such fields
//! ([`AuthenticationResults::parse`]), and finds those to trust and those to remove ([`AuthservIds`]). [`ReceivedSpf`]
//! writes and reads the older field of SPF.
//!
//! ```
//! use waxseal_authres::{AuthenticationResults, DkimResult, Entry, Ptype};
//!
//! let field = AuthenticationResults::new("mx.example.net")
//!     .with_entry(
//!         Entry::dkim(DkimResult::Pass)
//!             .with_comment("2048-bit key")
//!             .with_property(Ptype::Header, "d", "example.org")
//!             .with_property(Ptype::Header, "s", "2026a"),
//!     )
//!     .to_field();
//! assert_eq!(
//!     field,
//!     "Authentication-Results: mx.example.net;\r\n\
//!      \tdkim=pass (2048-bit key) header.d=example.org header.s=2026a\r\n"
//! );
//! ```
//!
//! # Reading
//!
//! ```
//! use waxseal_authres::{AuthservIds, DkimResult};
//! use waxseal_header::Header;
//!
//! let message = b"Authentication-Results: mx.example.net; dkim=pass (2048-bit key)\r\n\theader.d=example.org\r\n\
//!     Authentication-Results: mx.other.example; dkim=fail header.d=example.org\r\n\r\n";
//! let (header, _) = Header::parse(message)?;
//! let ids = AuthservIds::new(["mx.example.net"]);
//! for results in ids.trusted(&header, header.len()) {
//!     for (result, entry) in results.results_of::<DkimResult>() {
//!         assert_eq!((result, entry.property("header", "d")), (DkimResult::Pass, Some("example.org")));
//!     }
//! }
//! # Ok::<(), waxseal_header::HeaderError>(())
//! ```
//!
//! Anyone can write the field, so a host that adds it [removes](AuthservIds::remove_forged) those that already claim
//! its name, and those of another version. Reading takes linear time and is limited ([`ParseLimits`]); a syntax error
//! affects only its property or result, which is reported ([`ParsedResults::unreadable`]), and never guessed.
//!
//! # What a hostile value can do
//!
//! Nothing but look odd. Most values come from the sender (`d=`, `i=`, HELO, MAIL FROM), so escaping is done here and
//! nowhere else, and is total: every value can be written, and none can break out of its place.
//!
//! - A property value is written bare if it is a MIME token, or `local@domain` made of token characters;
//!   otherwise as a quoted string. RFC 8601 §2.2 would also allow `=`, `/` and `?` bare in a local part; such
//!   values are quoted, since simple readers split at `=`.
//! - Reasons are always quoted strings. In comments `(`, `)` and `\` are escaped, `;` and `=` are not.
//! - Control characters (CR, LF, NUL and TAB among them) and characters that reorder or hide text are written
//!   as `<U+000D>`, bytes that are not UTF-8 as `<0xFF>`.
//! - Other non-ASCII characters are written as `<U+00E9>`, unless [`AuthenticationResults::with_utf8`] is set because the message is
//!   internationalized (RFC 6532, RFC 8616 §3); then they stay, in quoted strings and comments.
//! - A value, reason, comment or authserv-id that would take more than 400 bytes is cut and ends in `...`,
//!   which no domain name does.
//! - Method, result and property names become keywords: see [`Entry::new`].
//!
//! [`reason`] makes one line of an error and its sources.
//!
//! # Where to find a rule of the RFC
//!
//! | RFC 8601 | file |
//! |---|---|
//! | §2.2 the grammar: writing, folding | `field.rs`, `entry.rs`, `fold.rs`; escaping: `escape.rs` |
//! | §2.2 the grammar: reading | `parse.rs` on the `Scanner` of waxseal-header; what was read: `parsed.rs` |
//! | §2.2 `Keyword` | `keyword.rs` |
//! | §2.3 property types | `entry.rs` |
//! | §2.5 authserv-id | `authserv_id.rs` |
//! | §2.7 result words (and RFC 9989 §9.2, RFC 8617 §10.1) | `result.rs` |
//! | §5 removing forged fields | `trust.rs`; who claims a name: `claim.rs`; disguised fields: `disguise.rs` |
//! | §7.1 whom to trust | `trust.rs` |
//! | RFC 7208 §9.1 Received-SPF | `received_spf.rs`, `parse_received_spf.rs` |
#![cfg_attr(docsrs, feature(doc_cfg))]

mod authserv_id;
mod claim;
mod disguise;
mod entry;
mod escape;
mod field;
mod fold;
mod grammar;
mod keyword;
mod parse;
mod parse_error;
mod parse_received_spf;
mod parsed;
mod reason;
mod received_spf;
mod result;
mod scan;
mod trust;

pub use entry::{Entry, Property, Ptype};
pub use field::{AuthenticationResults, ResultsStyle};
pub use parse_error::{InvalidAuthenticationResults, ParseLimits};
pub use parse_received_spf::{InvalidReceivedSpf, ParsedReceivedSpf};
pub use parsed::{ParsedEntry, ParsedProperty, ParsedResults, Unreadable};
pub use reason::reason;
pub use received_spf::{ReceivedSpf, ReceivedSpfStyle};
pub use result::{ArcResult, DkimResult, DmarcResult, IprevResult, ResultWord, SpfResult};
pub use trust::{AuthservIds, FieldPosition};
pub use waxseal_header as header;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
