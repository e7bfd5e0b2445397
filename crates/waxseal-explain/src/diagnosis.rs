//! Diagnoses of a signed message.

use std::fmt;

/// What was done to a message after it was signed, or what is wrong with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A mailing list appended its footer, or put the message into a part of its own.
    ListFooter,
    /// Text was appended to the body: `l=` would have covered it.
    AppendedText,
    /// Text was put before the body, such as the banners of mail gateways.
    PrependedText,
    /// A tag such as `[list]` was put into Subject.
    SubjectTag,
    /// From was rewritten, as lists do for domains with a DMARC policy.
    FromRewritten,
    /// Blanks at the ends of lines were removed or added.
    TrailingBlanks,
    /// Empty lines were removed or added.
    EmptyLines,
    /// Line ends were rewritten.
    LineEnds,
    /// A dot at the start of a line was lost (RFC 5321 §4.5.2).
    DotLost,
    /// A dot at the start of a line was doubled (RFC 5321 §4.5.2).
    DotDoubled,
    /// A line of more than 998 bytes was broken.
    LongLine,
    /// 8-bit text was converted to quoted-printable.
    QuotedPrintable,
    /// 8-bit text was converted to base64.
    Base64,
    /// Text was converted to another character set.
    Charset,
    /// A blank at the end of a line was written as `=20`, or the reverse.
    EncodedBlank,
    /// Header fields were folded differently.
    Refolded,
    /// Only blanks and folds differ: relaxed canonicalization would have passed.
    RelaxedWouldPass,
    /// Message-ID, Date or MIME-Version was added after signing.
    AddedAfterSigning,
    /// A field was added although the signature excludes further ones.
    OversignedField,
    /// Links were rewritten by a scanner.
    LinksRewritten,
    /// A byte order mark was added or removed.
    ByteOrderMark,
    /// Lines that begin with `From ` were quoted, as in mbox files.
    QuotedFrom,
    /// The signature was made with the key of another selector.
    WrongSelector,
    /// The signature was made with another key than the one that is published now.
    KeyRotated,
    /// A field differs from the copy in `z=`.
    CopiedField,
}

/// How certain a diagnosis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Certainty {
    /// The hash matches when the change is undone.
    Proved,
    /// There is only circumstantial evidence of the change.
    Likely,
}

impl Certainty {
    /// `proved` or `likely`.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Likely => "likely",
        }
    }
}

/// Where a change begins in the received message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub(crate) offset: usize,
    pub(crate) line: usize,
    pub(crate) field: Option<String>,
}

impl Place {
    /// Bytes before it.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The number of its line, from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The name of the header field that it is in.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "field {field}, line {}, offset {}", self.line, self.offset),
            None => write!(f, "line {}, offset {}", self.line, self.offset),
        }
    }
}

/// A diagnosis; `Display` is one line of ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    pub(crate) kind: Kind,
    pub(crate) certainty: Certainty,
    pub(crate) detail: Option<String>,
    pub(crate) place: Option<Place>,
}

impl Diagnosis {
    /// What happened.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether the hash matches when the change is undone; otherwise only a sign of the change was found, and it is likely.
    pub fn is_proved(&self) -> bool {
        self.certainty == Certainty::Proved
    }

    /// Where the change begins; `None` for problems of a key.
    pub fn place(&self) -> Option<&Place> {
        self.place.as_ref()
    }

    /// What happened, on one line of ASCII.
    pub fn reason(&self) -> String {
        let summary = self.kind.summary();
        match &self.detail {
            Some(detail) => format!("{summary}: {detail}"),
            None => summary.to_owned(),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        self.kind.advice()
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.kind, self.certainty.as_str(), self.reason())?;
        self.place.as_ref().map_or(Ok(()), |place| write!(f, " [{place}]"))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Kind {
    /// The id of the diagnosis: a word for programs.
    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    const fn summary(self) -> &'static str {
        self.words().1
    }

    const fn advice(self) -> &'static str {
        self.words().2
    }

    /// Id, summary, advice.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        const LIST: &str =
            "lists change mail: let the list rewrite From or seal with ARC; the signature cannot survive";
        const SEND: &str = "send what no relay has to convert: sign after conversion, or send 7-bit text with lines below 998 bytes";
        const RELAY: &str = "find the relay that does it and stop it, or sign after it";
        match self {
            Self::ListFooter => ("list-footer", "a mailing list appended a footer or a part", LIST),
            Self::AppendedText => (
                "appended-text",
                "text was appended to the body, l= would have covered it",
                "sign after the program that appends it; l= lets anybody append and is not advised",
            ),
            Self::PrependedText => (
                "prepended-text",
                "text was put in front of the body",
                "check signatures before the gateway adds its banner",
            ),
            Self::SubjectTag => ("subject-tag", "a tag was put into Subject", LIST),
            Self::FromRewritten => (
                "from-rewritten",
                "From was rewritten",
                "the list took responsibility: look for its own signature; Reply-To or X-Original-From has the author",
            ),
            Self::TrailingBlanks => {
                ("trailing-blanks", "blanks at the ends of lines were changed", "sign with c=relaxed/relaxed")
            }
            Self::EmptyLines => ("empty-lines", "empty lines were removed or added", RELAY),
            Self::LineEnds => (
                "line-ends",
                "line ends were rewritten",
                "sign and send lines that end in CRLF; store mail unchanged",
            ),
            Self::DotLost => (
                "dot-lost",
                "a dot at the start of a line was lost",
                "the sending program must double dots at the start of lines in DATA (RFC 5321 section 4.5.2)",
            ),
            Self::DotDoubled => (
                "dot-doubled",
                "a dot at the start of a line was doubled",
                "a program in transit doubles dots twice or never removes the second (RFC 5321 section 4.5.2)",
            ),
            Self::LongLine => ("long-line", "a line of more than 998 bytes was broken", SEND),
            Self::QuotedPrintable => {
                ("quoted-printable", "8-bit text was converted to quoted-printable", SEND)
            }
            Self::Base64 => ("base64", "8-bit text was converted to base64", SEND),
            Self::Charset => ("charset", "text was converted to another character set", SEND),
            Self::EncodedBlank => {
                ("encoded-blank", "a blank at the end of a line was encoded as =20 or decoded", RELAY)
            }
            Self::Refolded => {
                ("refolded", "header fields were folded differently", "sign with c=relaxed/relaxed")
            }
            Self::RelaxedWouldPass => (
                "relaxed-would-pass",
                "only blanks and folds differ, c=relaxed would have passed",
                "sign with c=relaxed/relaxed",
            ),
            Self::AddedAfterSigning => (
                "added-after-signing",
                "a field was added after signing",
                "write Message-ID, Date and MIME-Version before signing",
            ),
            Self::OversignedField => (
                "oversigned-field",
                "a field was added although h= excludes further ones",
                "do not oversign fields that lists and relays add",
            ),
            Self::LinksRewritten => (
                "links-rewritten",
                "links were rewritten by a scanner",
                "check signatures before the scanner changes the message",
            ),
            Self::ByteOrderMark => (
                "byte-order-mark",
                "a byte order mark was added or removed",
                "write messages without a byte order mark",
            ),
            Self::QuotedFrom => (
                "quoted-from",
                "lines that begin with From were quoted",
                "encode From at the start of lines, or keep mail in Maildir",
            ),
            Self::WrongSelector => (
                "wrong-selector",
                "the key of another selector made the signature",
                "let the signer name the selector whose key it has",
            ),
            Self::KeyRotated => (
                "key-rotated",
                "another key than the one that counts made the signature",
                "publish one key record for each selector, and keep old ones until all mail has arrived",
            ),
            Self::CopiedField => {
                ("copied-field", "a field differs from the copy that the signer made of it in z=", RELAY)
            }
        }
    }
}
