//! What an inspection can find.

use crate::Selector;
use std::fmt;
use waxseal_dns::{
    DomainName,
    lint::{Finding, Severity},
};
use waxseal_header::HeaderError;

/// The part of a message that a line is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum MessagePart {
    /// The header block.
    Header,
    /// The body.
    Body,
}

impl MessagePart {
    /// The word in lower case.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "header",
            Self::Body => "body",
        }
    }
}

impl fmt::Display for MessagePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A line of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Line {
    pub(super) part: MessagePart,
    /// Counted from 1 in its part.
    pub(super) number: u64,
    /// Where it begins, in bytes from the start of the message. When the header was passed separately, it counts as
    /// ending in one empty line.
    pub(super) offset: u64,
}

/// `line 7 of the body (offset 310)`
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the {} (offset {})", self.number, self.part, self.offset)
    }
}

/// A problem with signing or sending a message as it is. `Display` is one line: what is wrong, where, and what to do.
#[derive(Debug)]
pub(super) enum Problem {
    /// The header block exceeds a limit, so that nobody would verify the signature.
    HeaderLimit(HeaderError),
    /// A line of the header block is not a header field.
    MalformedField {
        /// Which one, counted from the top from 1.
        number: usize,
    },
    /// A field has a blank before its colon, which the obsolete syntax of RFC 5322 §4.5 allows. Some programs take such
    /// a line for the field, others for garbage or the end of the header: what is signed is not what is shown.
    BlankBeforeColon {
        /// Which one, counted from the top from 1.
        number: usize,
    },
    /// There is no From field. RFC 5322 §3.6 requires one, and DKIM has to sign it (RFC 6376 §5.4).
    NoFrom,
    /// There are several From fields. RFC 5322 §3.6 allows one.
    SeveralFrom {
        /// How many there are.
        count: usize,
    },
    /// The From field names no author that all readers agree on, so that DMARC fails where the message arrives.
    UnclearAuthor {
        /// What is wrong with it.
        reason: String,
    },
    /// No signature is by the domain of the author, one above or one below it, so that none counts for DMARC (RFC 9989 §4.4).
    /// Domains of the same organization side by side are aligned too; that would take DNS to know, and is reported.
    NotAligned {
        /// The domain of the author, as written.
        author: String,
        /// The domains that sign.
        domains: Vec<DomainName>,
    },
    /// There is no Date field, which RFC 5322 §3.6 requires. A server on the way adds one, which is not signed.
    NoDate,
    /// There is no Message-ID, which every message should have (RFC 5322 §3.6.4). A server on the way adds one, which
    /// is not signed.
    NoMessageId,
    /// The message has a signature of the same domain and selector.
    SignedBefore {
        /// `d=`
        domain: DomainName,
        /// `s=`
        selector: Selector,
        /// Which field, counted from the top from 1.
        number: usize,
    },
    /// RFC 5322 §2.1.1: "Each line of characters MUST be no more than 998 characters". Mail servers break longer ones.
    LongLine {
        /// The first of them.
        line: Line,
        /// Its length in bytes, without the line end.
        bytes: u64,
        /// How many lines of this part are too long.
        count: u64,
    },
    /// Bytes above 127 in a field that is not UTF-8 (RFC 6532 §3): servers on the way replace or refuse them.
    EightBitHeader {
        /// Which field, counted from the top from 1.
        number: usize,
        /// The name of the field.
        name: String,
    },
    /// Bytes above 127 in a body, or a part of it, whose Content-Transfer-Encoding is neither `8bit` nor `binary` (RFC 2045
    /// §6.2): servers on the way encode it.
    EightBitBody {
        /// The first line with such bytes.
        line: Line,
        /// The encoding that was declared, if any.
        encoding: Option<String>,
        /// How many lines have such bytes.
        count: u64,
    },
    /// RFC 5322 §2.3: "CR and LF MUST only occur together as CRLF". Servers on the way rewrite others, and
    /// [`Signer`](crate::Signer) refuses them.
    BareLineEnd {
        /// Where the first one stands, in bytes from the start of the message.
        offset: u64,
    },
}

impl Problem {
    const fn id(&self) -> &'static str {
        match self {
            Self::HeaderLimit(_) => "header-limit",
            Self::MalformedField { .. } => "malformed-field",
            Self::BlankBeforeColon { .. } => "blank-before-colon",
            Self::NoFrom => "no-from",
            Self::SeveralFrom { .. } => "several-from",
            Self::UnclearAuthor { .. } => "unclear-author",
            Self::NotAligned { .. } => "not-aligned",
            Self::NoDate => "no-date",
            Self::NoMessageId => "no-message-id",
            Self::SignedBefore { .. } => "signed-before",
            Self::LongLine { line: Line { part: MessagePart::Header, .. }, .. } => "long-header-line",
            Self::LongLine { .. } => "long-body-line",
            Self::EightBitHeader { .. } => "8bit-header",
            Self::EightBitBody { .. } => "8bit-body",
            Self::BareLineEnd { .. } => "bare-line-end",
        }
    }

    pub(super) const fn severity(&self) -> Severity {
        match self {
            Self::HeaderLimit(_) | Self::MalformedField { .. } | Self::NoFrom | Self::SeveralFrom { .. } => {
                Severity::Error
            }
            _ => Severity::Warning,
        }
    }
}

impl From<Problem> for Finding {
    fn from(problem: Problem) -> Self {
        Self::new(problem.id(), problem.severity(), problem)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderLimit(error) => write!(f, "{error}, and verifiers read no more"),
            Self::MalformedField { number } => {
                write!(f, "field {number} of the header, counted from 1, is not a header field: remove it")
            }
            Self::BlankBeforeColon { number } => write!(
                f,
                "field {number} of the header has a blank before the colon, and readers disagree whether it is a field: \
                 remove the blank"
            ),
            Self::NoFrom => f.write_str("no From field: add the author, who has to be signed"),
            Self::SeveralFrom { count } => {
                write!(f, "{count} From fields, and one is allowed: leave one of them")
            }
            Self::UnclearAuthor { reason } => write!(
                f,
                "no clear author, and receivers refuse such mail: {reason}; write one address in From"
            ),
            Self::NotAligned { author, domains } => not_aligned(f, author, domains),
            Self::NoDate => no_field(f, "Date"),
            Self::NoMessageId => no_field(f, "Message-ID"),
            Self::SignedBefore { domain, selector, number } => write!(
                f,
                "field {number} of the header is a signature with the same d={domain} s={selector}: sign once, last"
            ),
            Self::LongLine { line, bytes, count } => long_line(f, line, *bytes, *count),
            Self::EightBitHeader { number, name } => write!(
                f,
                "field {number} of the header ({}) has bytes above 127 that are not UTF-8: encode it (RFC 2047)",
                name.escape_default()
            ),
            Self::EightBitBody { line, encoding, count } => {
                eight_bit_body(f, line, encoding.as_deref(), *count)
            }
            Self::BareLineEnd { offset } => write!(
                f,
                "bare CR or LF at offset {offset}: make the line ends CRLF before signing, and send the result"
            ),
        }
    }
}

fn no_field(f: &mut fmt::Formatter<'_>, name: &str) -> fmt::Result {
    write!(f, "no {name} field: add it, or a server on the way adds one that is not signed")
}

fn not_aligned(f: &mut fmt::Formatter<'_>, author: &str, domains: &[DomainName]) -> fmt::Result {
    write!(f, "the author is in {}, and the signature is of ", author.escape_default())?;
    for (number, domain) in domains.iter().enumerate() {
        write!(f, "{}{domain}", if number > 0 { ", " } else { "" })?;
    }
    f.write_str(
        ", which is neither that domain nor above or below it: it does not count for DMARC unless both are of one \
         organization; sign with a key of the author's domain",
    )
}

fn long_line(f: &mut fmt::Formatter<'_>, line: &Line, bytes: u64, count: u64) -> fmt::Result {
    let cure = match line.part {
        MessagePart::Header => "fold the field",
        MessagePart::Body => "encode the text as quoted-printable or base64",
    };
    write!(f, "{line} has {bytes} bytes, and servers break lines of more than 998")?;
    others(f, count)?;
    write!(f, ": {cure}, or the signature breaks")
}

fn eight_bit_body(
    f: &mut fmt::Formatter<'_>,
    line: &Line,
    encoding: Option<&str>,
    count: u64,
) -> fmt::Result {
    write!(f, "{line} has bytes above 127")?;
    others(f, count)?;
    match encoding {
        Some(encoding) => {
            write!(f, " in a part of Content-Transfer-Encoding {}", encoding.escape_default())?;
        }
        None => f.write_str(" in a part without Content-Transfer-Encoding")?,
    }
    f.write_str(": declare 8bit there, or encode the text, or the signature breaks")
}

/// The lines besides the first.
fn others(f: &mut fmt::Formatter<'_>, count: u64) -> fmt::Result {
    match count {
        0 | 1 => Ok(()),
        2 => f.write_str(", and so does another"),
        count => write!(f, ", and so do {} others", count - 1),
    }
}
