#![cfg_attr(docsrs, feature(doc_cfg))]
#![doc = include_str!("../README.md")]

mod data_set;
mod entries;
mod glob;
mod hash;
mod host_list;
mod key_table;
mod lifecycle;
mod lines;
mod network;
mod problem;
mod signing_table;
mod table;

pub use data_set::{DataSet, Files, Form, InvalidDataSet, Source};
pub use host_list::{HostEntry, HostList};
pub use key_table::{KeyData, KeyEntry, KeyTable, NoKey};
pub use lifecycle::{InvalidLifecycle, InvalidTransition, KeyState, Lifecycle};
pub use problem::{
    InvalidTable, MAX_LINE, MAX_PATTERNS, MAX_PROBLEMS, MAX_QUERY, MAX_TABLE, Problem, ProblemKind,
};
pub use signing_table::{NoMatch, SigningEntry, SigningTable};
pub use table::{Entry, Table};
