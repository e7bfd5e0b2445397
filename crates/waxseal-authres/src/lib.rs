//! Authentication-Results (RFC 8601): result words, entries and safe formatting.
//!
//! A receiver tells later software what it found about a message in one header field. This crate holds the
//! words of that field ([`DkimResult`], [`SpfResult`], [`DmarcResult`], [`ArcResult`], [`IprevResult`]), one
//! statement per check ([`Entry`]) and the field itself ([`AuthenticationResults`]).
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
//! # What a hostile value can do
//!
//! Nothing but look odd. Most values come from the sender (`d=`, `i=`, HELO, MAIL FROM), so escaping lives here
//! and nowhere else, and is total: every value can be written and none can leave its place.
//!
//! - A property value is written bare if it is a MIME token, or `local@domain` made of token characters;
//!   otherwise as a quoted string. RFC 8601 §2.2 would also allow `=`, `/` and `?` bare in a local part; such
//!   values are quoted, since simple readers split at `=`.
//! - Reasons are always quoted strings. In comments `(`, `)` and `\` are escaped; `;` and `=` may stand.
//! - Control characters (CR, LF, NUL and TAB among them) and characters that reorder or hide text are written
//!   as `<U+000D>`, bytes that are not UTF-8 as `<0xFF>`.
//! - Other non-ASCII characters are written as `<U+00E9>`, unless [`AuthenticationResults::with_utf8`] says that
//!   the message is internationalized (RFC 6532, RFC 8616 §3); then they stay, in quoted strings and comments.
//! - A value, reason, comment or authserv-id that would take more than [`MAX_WRITTEN`] octets is cut and ends in `...`,
//!   which no domain name does.
//! - Method, result and property names are [`Keyword`]s.

mod entry;
mod escape;
mod field;
mod fold;
mod keyword;
mod received_spf;
mod result;

pub use entry::{Entry, Property, Ptype};
pub use escape::MAX_WRITTEN;
pub use field::AuthenticationResults;
pub use keyword::{Keyword, MAX_KEYWORD};
pub use received_spf::{ReceivedSpf, ReceivedSpfStyle};
pub use result::{ArcResult, DkimResult, DmarcResult, IprevResult, SpfResult, UnknownResult};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
