//! The milter side: listeners, connections, and a message under way.

pub(crate) mod client;
pub(crate) mod connection;
mod message;
