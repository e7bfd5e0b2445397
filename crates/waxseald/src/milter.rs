//! The milter side: connections, and messages in progress.

pub(crate) mod client;
pub(crate) mod connection;
mod message;
