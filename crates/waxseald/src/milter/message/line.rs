//! What the log says of a message.

use std::{fmt, time::Duration};
use waxseal_milter::Reply;

/// One line, without the queue id: a text in the words of the old daemons, and its parts for a log of objects.
#[derive(Debug, Default)]
pub(crate) struct Line {
    /// One word for what became of the message.
    pub(crate) result: &'static str,
    pub(crate) what: String,
    pub(crate) from: String,
    pub(crate) client: String,
    pub(crate) time: Duration,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, from, client, time, .. } = self;
        write!(f, "{what} from={from} client={client} time={}ms", time.as_millis())
    }
}

/// The word for a reply; `kept` where the message goes on.
pub(super) fn result(reply: &Reply, kept: &'static str) -> &'static str {
    match reply {
        Reply::Continue | Reply::Accept | Reply::Skip => kept,
        Reply::Discard => "discarded",
        Reply::TempFail | Reply::ShutDown => "deferred",
        Reply::Code(code) if code.to_string().starts_with('4') => "deferred",
        _ => "rejected",
    }
}
