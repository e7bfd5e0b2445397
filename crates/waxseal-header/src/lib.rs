//! The header block of an e-mail message as spans over one buffer.
//!
//! [`Header`] keeps the original bytes, because *simple* canonicalization needs them, and returns [`Field`] views,
//! which are cheap to copy. There are three ways to make one, all with the same result:
//!
//! * [`Header::parse`] for a whole message in memory,
//! * [`Splitter`] for a message that arrives in chunks of any size,
//! * [`HeaderBuilder`] for separate names and values, as a milter receives them.
//!
//! ```
//! use waxseal_header::Header;
//! let message = b"From: Joe <joe@example.org>\r\nSubject: lunch\r\n\r\nHi.\r\n";
//! let (header, body) = Header::parse(message)?;
//! let subject = header.fields().find(|field| field.is("subject"));
//! assert_eq!(subject.map(|field| field.value()), Some(&b" lunch"[..]));
//! assert_eq!(body, b"Hi.\r\n");
//! # Ok::<(), waxseal_header::HeaderError>(())
//! ```
//!
//! The crate also has the other pieces that DKIM, ARC, DMARC and SPF share: [`TagList`] (RFC 6376 §3.2), [`Folder`]
//! (RFC 5322 §2.2.3), [`Authors`] and [`Address`] (RFC 5322 §3.4, RFC 5321 §4.1.2), [`Received`] (RFC 5321 §4.4),
//! [`parse_date_time`] (RFC 5322 §3.3), [`structured`] (white space, comments and quoted strings) and [`line_ends`]
//! (what to do about bare CR and LF).
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod address_literal;
mod author;
mod builder;
mod date_time;
mod encoded_word;
mod field;
mod fold;
mod header;
pub mod line_ends;
mod received;
mod splitter;
pub mod structured;
mod tag_list;
mod words;
mod written;

pub use address::{Address, InvalidAddress};
pub use address_literal::parse_address_literal;
pub use author::{Authors, InvalidFrom, UnclearAuthor};
pub use builder::{HeaderBuilder, Space};
pub use date_time::{InvalidDateTime, parse_date_time};
pub use field::Field;
pub use fold::Folder;
pub use header::{Header, HeaderError, HeaderLimits};
pub use received::{InvalidReceived, Received};
pub use splitter::{Split, Splitter, name_len};
pub use tag_list::{InvalidTagList, Tag, TagList};
pub use written::WrittenField;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
