//! Why a lookup has no answer: which servers were asked, and what happened.

use crate::message::MAX_ALIASES;
use hickory_proto::op::ResponseCode;
use std::{error::Error, fmt, io, net::SocketAddr};
use waxseal_dns::{LookupError, LookupErrorKind};

/// What happened.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No response in time.
    NoAnswer,
    /// A response code that is neither an answer nor a denial.
    Code(ResponseCode),
    /// The response cannot be read.
    Unreadable,
    /// The chain of aliases is too long.
    Aliases,
    /// The response refers to other servers, which is not followed.
    Referral,
    /// The network or the library failed.
    Unreachable(Box<dyn Error + Send + Sync>),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::NoAnswer,
            _ => Self::Unreachable(error.into()),
        }
    }
}

impl Failure {
    pub(crate) fn kind(&self) -> LookupErrorKind {
        match self {
            Self::NoAnswer => LookupErrorKind::Timeout,
            Self::Code(_) | Self::Aliases | Self::Referral => LookupErrorKind::ServerFailure,
            Self::Unreadable => LookupErrorKind::Malformed,
            Self::Unreachable(_) => LookupErrorKind::Other,
        }
    }

    /// The error of a lookup that one of `servers` failed.
    pub(crate) fn of(self, servers: &[SocketAddr]) -> LookupError {
        let named = match self.kind() {
            LookupErrorKind::Timeout => Some(LookupError::Timeout),
            LookupErrorKind::ServerFailure => Some(LookupError::ServerFailure),
            LookupErrorKind::Malformed => Some(LookupError::Malformed),
            LookupErrorKind::Other => None,
        };
        let asked = Asked { servers: servers.into(), failure: self };
        match named {
            Some(error) => error.with_cause(asked),
            None => LookupError::other(asked),
        }
    }
}

/// Which servers were asked, and what happened: the cause of a [`LookupError`].
#[derive(Debug)]
struct Asked {
    servers: Vec<SocketAddr>,
    failure: Failure,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // If not all were silent, it is not always known which one failed.
        if self.servers.len() > 1 && self.failure.kind() != LookupErrorKind::Timeout {
            f.write_str("one of ")?;
        }
        for (index, server) in self.servers.iter().enumerate() {
            write!(f, "{}{server}", if index == 0 { "" } else { ", " })?;
        }
        match &self.failure {
            Failure::NoAnswer => f.write_str(" did not answer in time"),
            Failure::Code(ResponseCode::ServFail) => f.write_str(" answered SERVFAIL"),
            Failure::Code(ResponseCode::Refused) => f.write_str(" answered REFUSED"),
            Failure::Code(ResponseCode::FormErr) => f.write_str(" answered FORMERR"),
            Failure::Code(ResponseCode::NotImp) => f.write_str(" answered NOTIMP"),
            Failure::Code(code) => write!(f, " answered with the code {}", u16::from(*code)),
            Failure::Unreadable => f.write_str(" sent an answer that cannot be read"),
            Failure::Aliases => write!(f, " led through more than {MAX_ALIASES} aliases"),
            Failure::Referral => f.write_str(" referred to other servers and does not ask them"),
            Failure::Unreachable(_) => f.write_str(" cannot be asked"),
        }
    }
}

impl Error for Asked {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.failure {
            Failure::Unreachable(error) => Some(&**error),
            _ => None,
        }
    }
}
