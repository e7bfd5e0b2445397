#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod answer;
mod answers;
mod check;
mod drive;
#[cfg(feature = "json")]
mod json;
pub mod lint;
mod name;
mod resolve;
mod time_limit;
mod zone;

pub use answer::{
    Answer, Dnssec, Existence, LookupError, LookupErrorKind, Question, Record, RecordType, Reply,
    UnknownRecordType,
};
pub use answers::Answers;
pub use check::{Check, Pending};
pub use drive::{
    MAX_ROUNDS, drive, drive_blocking, drive_blocking_within, drive_local, drive_with, drive_with_blocking,
    drive_within,
};
#[cfg(feature = "json")]
pub use json::{InvalidJson, to_json};
pub use name::{DomainName, InvalidDomainName};
pub use resolve::{Cache, DynResolve, Resolve, ResolveBlocking, async_resolver_fn, resolver_fn};
pub use time_limit::DEFAULT_TIME_LIMIT;
pub use zone::{InvalidZoneFile, Zone, zone_text};
