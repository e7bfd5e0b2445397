//! The roles of a filter: each decides by the header, and finishes at the end of the message.

pub(crate) mod arc;
mod atps;
pub(crate) mod checks;
pub(crate) mod dmarc;
pub(crate) mod header_rules;
pub(crate) mod history;
pub(crate) mod key_source;
pub(crate) mod publish_check;
mod sender_logins;
pub(crate) mod sign;
pub(crate) mod spf;
mod spf_exemptions;
mod spf_recipients;
pub(crate) mod trusted;
pub(crate) mod verify;
