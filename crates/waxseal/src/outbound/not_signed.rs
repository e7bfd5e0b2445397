//! Why a message was not signed.

use std::{error::Error, fmt, sync::Arc};

/// Why a message was not signed. `Display` is one line for a log. What becomes of the message is decided by its
/// [kind](Self::kind): most mail of strangers goes on unsigned, and a key that cannot be read is a reason to wait.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{NotSignedKind, OutboundSigner};
/// let why = OutboundSigner::new().sign(b"From: joe@example.org\r\n\r\nHi.\r\n", SystemTime::now()).unwrap_err();
/// assert_eq!((why.kind(), why.to_string()), (NotSignedKind::NoEntry, "no signers for joe@example.org".into()));
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct NotSigned(Reason);

#[derive(Debug, Clone)]
struct Reason {
    kind: NotSignedKind,
    cause: Arc<dyn Error + Send + Sync>,
}

/// What sort of a reason [`NotSigned`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotSignedKind {
    /// Nobody signs for the author: a stranger's mail, or an entry that is missing.
    NoEntry,
    /// A rule of the site says that this message is not to be signed.
    Excluded,
    /// The sender may not write as this author.
    Refused,
    /// It is not clear who the author is, or there are several with different signers.
    Author,
    /// The table or a key could not be read now: defer the message (451 4.7.1), or let it go on unsigned.
    Temporary,
    /// A signature could not be made of this message.
    Message,
}

impl NotSigned {
    /// For those who look up signers ([`OutboundSigner::with_table`](crate::OutboundSigner::with_table)): the reason is a text of
    /// one line, or an error.
    pub fn new(kind: NotSignedKind, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Reason { kind, cause: reason.into().into() })
    }

    /// By an error of signing or of the header.
    pub(super) fn message(error: impl Error + Send + Sync + 'static) -> Self {
        Self::new(NotSignedKind::Message, error)
    }

    /// What sort of a reason it is.
    pub fn kind(&self) -> NotSignedKind {
        self.0.kind
    }

    /// What [`NotSigned::new`] was given: a [`SignError`](waxseal_dkim::SignError) where the kind is [`Message`](NotSignedKind::Message), if not a
    /// [`HeaderError`](waxseal_header::HeaderError).
    pub fn cause(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0.cause
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for Reason {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}
