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
        match self {
            Self::ListFooter => "list-footer",
            Self::AppendedText => "appended-text",
            Self::PrependedText => "prepended-text",
            Self::SubjectTag => "subject-tag",
            Self::FromRewritten => "from-rewritten",
            Self::TrailingBlanks => "trailing-blanks",
            Self::EmptyLines => "empty-lines",
            Self::LineEnds => "line-ends",
            Self::DotLost => "dot-lost",
            Self::DotDoubled => "dot-doubled",
            Self::LongLine => "long-line",
            Self::QuotedPrintable => "quoted-printable",
            Self::Base64 => "base64",
            Self::Charset => "charset",
            Self::EncodedBlank => "encoded-blank",
            Self::Refolded => "refolded",
            Self::RelaxedWouldPass => "relaxed-would-pass",
            Self::AddedAfterSigning => "added-after-signing",
            Self::OversignedField => "oversigned-field",
            Self::LinksRewritten => "links-rewritten",
            Self::ByteOrderMark => "byte-order-mark",
            Self::QuotedFrom => "quoted-from",
            Self::WrongSelector => "wrong-selector",
            Self::KeyRotated => "key-rotated",
            Self::CopiedField => "copied-field",
        }
    }

    const fn summary(self) -> &'static str {
        match self {
            Self::ListFooter => "a mailing list appended a footer or a part",
            Self::AppendedText => "text was appended to the body, l= would have covered it",
            Self::PrependedText => "text was put in front of the body",
            Self::SubjectTag => "a tag was put into Subject",
            Self::FromRewritten => "From was rewritten",
            Self::TrailingBlanks => "blanks at the ends of lines were changed",
            Self::EmptyLines => "empty lines were removed or added",
            Self::LineEnds => "line ends were rewritten",
            Self::DotLost => "a dot at the start of a line was lost",
            Self::DotDoubled => "a dot at the start of a line was doubled",
            Self::LongLine => "a line of more than 998 bytes was broken",
            Self::QuotedPrintable => "8-bit text was converted to quoted-printable",
            Self::Base64 => "8-bit text was converted to base64",
            Self::Charset => "text was converted to another character set",
            Self::EncodedBlank => "a blank at the end of a line was encoded as =20 or decoded",
            Self::Refolded => "header fields were folded differently",
            Self::RelaxedWouldPass => "only blanks and folds differ, c=relaxed would have passed",
            Self::AddedAfterSigning => "a field was added after signing",
            Self::OversignedField => "a field was added although h= excludes further ones",
            Self::LinksRewritten => "links were rewritten by a scanner",
            Self::ByteOrderMark => "a byte order mark was added or removed",
            Self::QuotedFrom => "lines that begin with From were quoted",
            Self::WrongSelector => "the key of another selector made the signature",
            Self::KeyRotated => "another key than the one that counts made the signature",
            Self::CopiedField => "a field differs from the copy that the signer made of it in z=",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::ListFooter | Self::SubjectTag => {
                "lists change mail: let the list rewrite From or seal with ARC; the signature cannot survive"
            }
            Self::AppendedText => {
                "sign after the program that appends it; l= lets anybody append and is not advised"
            }
            Self::PrependedText => "check signatures before the gateway adds its banner",
            Self::FromRewritten => {
                "the list took responsibility: look for its own signature; Reply-To or X-Original-From has the author"
            }
            Self::TrailingBlanks | Self::Refolded | Self::RelaxedWouldPass => "sign with c=relaxed/relaxed",
            Self::EmptyLines | Self::EncodedBlank | Self::CopiedField => {
                "find the relay that does it and stop it, or sign after it"
            }
            Self::LineEnds => "sign and send lines that end in CRLF; store mail unchanged",
            Self::DotLost => {
                "the sending program must double dots at the start of lines in DATA (RFC 5321 section 4.5.2)"
            }
            Self::DotDoubled => {
                "a program in transit doubles dots twice or never removes the second (RFC 5321 section 4.5.2)"
            }
            Self::LongLine | Self::QuotedPrintable | Self::Base64 | Self::Charset => {
                "send what no relay has to convert: sign after conversion, or send 7-bit text with lines below 998 bytes"
            }
            Self::AddedAfterSigning => "write Message-ID, Date and MIME-Version before signing",
            Self::OversignedField => "do not oversign fields that lists and relays add",
            Self::LinksRewritten => "check signatures before the scanner changes the message",
            Self::ByteOrderMark => "write messages without a byte order mark",
            Self::QuotedFrom => "encode From at the start of lines, or keep mail in Maildir",
            Self::WrongSelector => "let the signer name the selector whose key it has",
            Self::KeyRotated => {
                "publish one key record for each selector, and keep old ones until all mail has arrived"
            }
        }
    }
}
