#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod command;
mod connection;
mod flags;
mod macros;
mod modification;
mod negotiate;
mod packet;
mod reply;

pub use command::{Client, Connect, HeaderField, InvalidCommand, Path};
pub use connection::{Connection, Event, ProtocolError, ReplyError};
pub use flags::{Actions, Steps};
pub use macros::Stage;
pub use modification::{InvalidModification, Modification};
pub use negotiate::{Negotiated, Settings, VERSION};
pub use packet::InvalidLength;
pub use reply::{InvalidReplyCode, Reply, ReplyCode};
