//! The replies of a filter.

use std::fmt;

/// What to do with the message, or the reported command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// Go on; at the end of the message: deliver it, as far as this filter is concerned.
    Continue,
    /// Deliver the message, and report no more of it. At the connection and at HELO: the same for all messages.
    Accept,
    /// Reject the command or the message with a reply of the mail server (5xx). At RCPT: only this recipient.
    Reject,
    /// Like [`Reject`](Self::Reject), but the client may try again (4xx).
    TempFail,
    /// Accept the message and discard it. Not at the connection or at HELO.
    Discard,
    /// Report no more chunks of this body. Only in reply to a chunk, if [`Steps::SKIP`](crate::Steps::SKIP) was
    /// negotiated.
    Skip,
    /// Like [`Reject`](Self::Reject) or [`TempFail`](Self::TempFail), with the filter's own reply.
    Code(ReplyCode),
    /// Reply 421 to the client and close the connection to it. Postfix does not support it.
    ShutDown,
}

impl Reply {
    pub(crate) fn packet(&self) -> (u8, Vec<u8>) {
        match self {
            Self::Continue => (b'c', Vec::new()),
            Self::Accept => (b'a', Vec::new()),
            Self::Reject => (b'r', Vec::new()),
            Self::TempFail => (b't', Vec::new()),
            Self::Discard => (b'd', Vec::new()),
            Self::Skip => (b's', Vec::new()),
            Self::Code(code) => (b'y', code.data()),
            Self::ShutDown => (b'4', Vec::new()),
        }
    }
}

/// The name of the reply; of a reply code its text.
impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Continue => f.write_str("continue"),
            Self::Accept => f.write_str("accept"),
            Self::Reject => f.write_str("reject"),
            Self::TempFail => f.write_str("tempfail"),
            Self::Discard => f.write_str("discard"),
            Self::Skip => f.write_str("skip"),
            Self::Code(code) => code.fmt(f),
            Self::ShutDown => f.write_str("shut down"),
        }
    }
}

/// An SMTP reply that rejects: a code of three digits, an enhanced status code and a text.
///
/// ```
/// use waxseal_milter::ReplyCode;
///
/// let code = ReplyCode::new(550, "5.7.1", "rejected by the DMARC policy of example.org")?;
/// assert_eq!(code.to_string(), "550 5.7.1 rejected by the DMARC policy of example.org");
/// # Ok::<(), waxseal_milter::InvalidReplyCode>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyCode {
    code: u16,
    status: String,
    lines: Vec<String>,
}

/// Why a reply cannot be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidReplyCode {
    /// The code is not that of a failure.
    #[error("reply code {0}: use 400 to 599")]
    Code(u16),
    /// RFC 3463 §2: class, subject and detail, the class that of the reply code.
    #[error("enhanced status code {status:?} of reply code {code}: use {}.X.X, X of one to three digits, or nothing", code / 100)]
    Status {
        /// What was given.
        status: String,
        /// The reply code.
        code: u16,
    },
    /// A control character, which may end the line, or a text that is too long.
    #[error("line {0} of the text: at most 980 bytes and no control character")]
    Text(usize),
}

impl ReplyCode {
    /// The largest line of a text, in bytes.
    pub const MAX_LINE: usize = 980;

    /// Makes a reply: `code` 400 to 599, `status` an enhanced status code of RFC 3463 or nothing, `text` any lines with LF between
    /// them, each of at most [`MAX_LINE`](Self::MAX_LINE) bytes without control characters.
    pub fn new(code: u16, status: &str, text: &str) -> Result<Self, InvalidReplyCode> {
        if !(400..600).contains(&code) {
            return Err(InvalidReplyCode::Code(code));
        }
        if !status.is_empty() && !is_status(status, code) {
            return Err(InvalidReplyCode::Status { status: status.to_owned(), code });
        }
        let lines: Vec<_> = text.split('\n').map(str::to_owned).collect();
        match lines.iter().position(|line| line.len() > Self::MAX_LINE || line.contains(char::is_control)) {
            Some(index) => Err(InvalidReplyCode::Text(index + 1)),
            None => Ok(Self { code, status: status.to_owned(), lines }),
        }
    }

    /// The lines with CR LF between them; `%` is doubled, as the mail server takes it for the start of a directive.
    fn data(&self) -> Vec<u8> {
        let mut data = self.to_string().replace('%', "%%").into_bytes();
        data.push(0);
        data
    }
}

/// The lines as they are sent to the client, with CR LF between them.
impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blank = if self.status.is_empty() { "" } else { " " };
        for (index, line) in self.lines.iter().enumerate() {
            let is_last = index + 1 == self.lines.len();
            let separator = if is_last { ' ' } else { '-' };
            let end = if is_last { "" } else { "\r\n" };
            write!(f, "{}{separator}{}{blank}{line}{end}", self.code, self.status)?;
        }
        Ok(())
    }
}

fn is_status(status: &str, code: u16) -> bool {
    let parts: Vec<_> = status.split('.').collect();
    let [class, subject, detail] = &parts[..] else { return false };
    let is_number = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|c| c.is_ascii_digit());
    *class == (code / 100).to_string() && is_number(subject) && is_number(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_one_that_every_client_understands() {
        let error = |code, status, text: &str| ReplyCode::new(code, status, text).unwrap_err().to_string();
        assert_eq!(error(250, "", "ok"), "reply code 250: use 400 to 599");
        assert_eq!(
            error(450, "5.7.1", "no"),
            "enhanced status code \"5.7.1\" of reply code 450: use 4.X.X, X of one to three digits, or nothing",
        );
        assert!(ReplyCode::new(450, "4.7.1000", "no").is_err() && ReplyCode::new(450, "4.7", "no").is_err());
        assert_eq!(
            error(550, "", "a\nb\r250 ok"),
            "line 2 of the text: at most 980 bytes and no control character"
        );
        assert_eq!(
            error(550, "", &"x".repeat(981)),
            "line 1 of the text: at most 980 bytes and no control character"
        );
    }

    #[test]
    fn several_lines_and_percent_signs() {
        let code = ReplyCode::new(550, "5.7.1", "100 % spam\nsee https://example.org").unwrap();
        assert_eq!(code.data(), b"550-5.7.1 100 %% spam\r\n550 5.7.1 see https://example.org\0");
        assert_eq!(ReplyCode::new(451, "", "later").unwrap().data(), b"451 later\0");
    }
}
