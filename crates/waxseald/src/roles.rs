//! What a filter can be: each role decides by the header, and finishes at the end of the message.

pub(crate) mod arc;
pub(crate) mod checks;
pub(crate) mod dmarc;
pub(crate) mod key_source;
pub(crate) mod sign;
pub(crate) mod spf;
pub(crate) mod verify;
