//! The milter side: listeners, connections, and a message under way.

pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod listener;
mod message;
mod stream;
