//! Why a message was not signed.

use std::{error::Error, fmt, sync::Arc};

/// Why a message was not signed. `Display` is one line for a log. Decide by the [kind](Self::kind) what to do: mail
/// from other domains is sent unsigned, while an unreadable key is a reason to defer.
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

/// The kind of a [`NotSigned`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NotSignedKind {
    /// There are no signers for the author: mail from another domain, or a missing entry.
    NoEntry,
    /// By a rule of the site, this message is not to be signed.
    Excluded,
    /// The sender may not write as this author.
    Refused,
    /// The author is unclear, or there are several with different signers.
    Author,
    /// The table or a key could not be read now: defer the message (451 4.7.1), or send it unsigned.
    Temporary,
    /// This message cannot be signed.
    Message,
}

impl NotSigned {
    /// For implementations of a table ([`OutboundSigner::with_table`](crate::OutboundSigner::with_table)): the reason
    /// is a text of one line, or an error.
    pub fn new(kind: NotSignedKind, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(Reason { kind, cause: reason.into().into() })
    }

    /// An error of signing or of the header.
    pub(super) fn message(error: impl Error + Send + Sync + 'static) -> Self {
        Self::new(NotSignedKind::Message, error)
    }

    /// The kind of the reason.
    pub fn kind(&self) -> NotSignedKind {
        self.0.kind
    }

    /// The reason passed to [`NotSigned::new`]: a [`SignError`](waxseal_dkim::SignError) if the kind is [`Message`](NotSignedKind::Message), otherwise a
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
