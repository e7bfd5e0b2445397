//! Inspects a message before it is signed (RFC 6376 §5.3) for what would be changed in transit or keeps the signature
//! from counting.

mod finding;
mod mime;

use crate::{Selector, Signer, verify::FIELD_NAME};
use finding::{Line, MessagePart, Problem};
use mime::{LINE_PREFIX, Mime};
use waxseal_dns::{DomainName, lint::Finding};
use waxseal_header::{Authors, Field, Header, HeaderLimits, Split, Splitter, TagList, line_ends::FindBare};

impl Signer {
    /// Inspects a whole message before it is signed, and returns the problems found: errors, for which the signer
    /// refuses the message, then warnings. Empty when no problems were found. [`Inspection`] takes the message in
    /// chunks.
    ///
    /// Problems are named by [`Finding::id`]: errors are `header-limit`, `malformed-field`, `no-from` and
    /// `several-from`, warnings `blank-before-colon`, `unclear-author`, `not-aligned`, `no-date`, `no-message-id`,
    /// `signed-before`, `long-header-line`, `long-body-line`, `8bit-header`, `8bit-body` and `bare-line-end`.
    ///
    /// RFC 6376 §5.3: "Some messages, particularly those using 8-bit characters, are subject to modification during transit,
    /// notably conversion to 7-bit form. Such conversions will break DKIM signatures." So will lines that are too long.
    ///
    /// ```
    /// use waxseal_crypto::Algorithm;
    /// use waxseal_dkim::{Severity, Signer};
    /// let signer = Signer::remote("example.org", "2026a", Algorithm::RsaSha256)?;
    /// let message = format!("From: joe@other.example\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\n\r\n{}\r\n", "x".repeat(2400));
    /// let findings = signer.inspect(message.as_bytes());
    /// let ids: Vec<_> = findings.iter().map(|finding| finding.id()).collect();
    /// assert_eq!(ids, ["not-aligned", "no-message-id", "long-body-line"]);
    /// assert!(findings[2].problem().starts_with("line 1 of the body (offset 66) has 2400 bytes"));
    /// assert!(findings.iter().all(|finding| finding.severity() == Severity::Warning));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inspect(&self, message: &[u8]) -> Vec<Finding> {
        let mut inspection = Inspection::new([self]);
        inspection.push(message);
        inspection.finish()
    }
}

/// Inspects a message before it is signed, in chunks of any size and constant memory. Use it next to
/// [`Signing`](crate::Signing), with the same chunks.
///
/// ```
/// use waxseal_crypto::Algorithm;
/// use waxseal_dkim::{Inspection, Signer};
/// let signer = Signer::remote("example.org", "2026a", Algorithm::RsaSha256)?;
/// let mut inspection = Inspection::new([&signer]);
/// inspection.push(b"From: joe@example.org\r\nFrom: ann@exa");
/// inspection.push(b"mple.org\r\n\r\nHi.\r\n");
/// let findings = inspection.finish();
/// assert_eq!((findings[0].id(), findings[0].problem()), ("several-from", "2 From fields, and one is allowed: leave one of them"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Inspection {
    signers: Vec<(DomainName, Selector)>,
    problems: Vec<Problem>,
    line_ends: FindBare,
    /// Bytes of the message so far.
    seen: u64,
    stage: Stage,
}

/// RFC 5322 §2.1.1: "Each line of characters MUST be no more than 998 characters, and SHOULD be no more than 78
/// characters, excluding the CRLF." Like mail servers, this counts bytes.
const MAX_LINE: u64 = 998;

#[derive(Debug)]
enum Stage {
    Header(Splitter),
    Body(Box<Body>),
    /// The header exceeded a limit.
    Refused,
}

impl Inspection {
    /// Begins with the first byte of a message that these signers will sign. Without signers, alignment is not checked.
    pub fn new<'s>(signers: impl IntoIterator<Item = &'s Signer>) -> Self {
        let signers = signers.into_iter().map(|signer| (signer.domain().clone(), signer.selector().clone()));
        Self {
            signers: signers.collect(),
            problems: Vec::new(),
            line_ends: FindBare::default(),
            seen: 0,
            stage: Stage::Header(Splitter::new(HeaderLimits::default())),
        }
    }

    /// Begins with the body of a message whose header is known.
    pub fn with_header<'s>(signers: impl IntoIterator<Item = &'s Signer>, header: &Header) -> Self {
        let mut inspection = Self::new(signers);
        for bytes in [header.as_bytes(), b"\r\n"] {
            inspection.line_ends.push(bytes);
            inspection.seen += bytes.len() as u64;
        }
        inspection.begin_body(header, inspection.seen);
        inspection
    }

    /// Takes the next chunk of the message: of the header first, then of the body.
    pub fn push(&mut self, chunk: &[u8]) {
        self.line_ends.push(chunk);
        self.seen += chunk.len() as u64;
        match &mut self.stage {
            Stage::Refused => {}
            Stage::Body(body) => body.push(chunk),
            Stage::Header(splitter) => match splitter.push(chunk) {
                Ok(Split::Header) => {}
                Ok(Split::Body(header, rest)) => {
                    self.begin_body(&header, self.seen - rest.len() as u64);
                    if let Stage::Body(body) = &mut self.stage {
                        body.push(rest);
                    }
                }
                Err(error) => {
                    self.problems.push(Problem::HeaderLimit(error));
                    self.stage = Stage::Refused;
                }
            },
        }
    }

    /// Ends the message. Returns the problems: errors first, each group in the order of the message.
    pub fn finish(mut self) -> Vec<Finding> {
        match std::mem::replace(&mut self.stage, Stage::Refused) {
            Stage::Header(splitter) => match splitter.finish() {
                Ok(header) => self.header(&header),
                Err(error) => self.problems.push(Problem::HeaderLimit(error)),
            },
            Stage::Body(body) => self.problems.extend(body.finish()),
            Stage::Refused => {}
        }
        self.problems.extend(self.line_ends.finish().map(|offset| Problem::BareLineEnd { offset }));
        self.problems.sort_by_key(|problem| std::cmp::Reverse(problem.severity()));
        self.problems.into_iter().map(Finding::from).collect()
    }

    fn begin_body(&mut self, header: &Header, offset: u64) {
        self.header(header);
        let lines = Lines::new(MessagePart::Body, offset);
        let body = Body { lines, mime: Mime::new(header), eight_bit: None };
        self.stage = Stage::Body(Box::new(body));
    }

    fn header(&mut self, header: &Header) {
        if let Some(number) = header.fields().position(|field| field.is_malformed()) {
            self.problems.push(Problem::MalformedField { number: number + 1 });
        }
        let has_blank = |field: Field<'_>| {
            !field.is_malformed() && field.raw().get(field.name().len()).is_some_and(|next| *next != b':')
        };
        if let Some(number) = header.fields().position(has_blank) {
            self.problems.push(Problem::BlankBeforeColon { number: number + 1 });
        }
        let has = |name: &str| header.fields().any(|field| field.is(name));
        match header.fields().filter(|field| field.is("From")).count() {
            0 => self.problems.push(Problem::NoFrom),
            1 => self.authors(header),
            count => self.problems.push(Problem::SeveralFrom { count }),
        }
        if !has("Date") {
            self.problems.push(Problem::NoDate);
        }
        if !has("Message-ID") {
            self.problems.push(Problem::NoMessageId);
        }
        for (number, field) in (1..).zip(header.fields()) {
            self.field(number, field);
        }
        let mut lines = Lines::new(MessagePart::Header, 0);
        lines.push(header.as_bytes(), |_, _, _| {});
        self.problems.extend(lines.finish(|_, _, _| {}));
    }

    /// RFC 9989 §4.4: relaxed alignment, as far as it can be seen without DNS.
    fn authors(&mut self, header: &Header) {
        let authors = match Authors::from_header(header) {
            Ok(authors) => authors,
            Err(unclear) => {
                let reason = unclear.cause().to_string();
                return self.problems.push(Problem::UnclearAuthor { reason });
            }
        };
        for author in authors.domains() {
            let name = DomainName::new(&author).ok();
            let is_aligned = |domain: &DomainName| {
                name.as_ref().is_some_and(|name| name.is_within(domain) || domain.is_within(name))
            };
            if !self.signers.is_empty() && !self.signers.iter().any(|(domain, _)| is_aligned(domain)) {
                let mut domains: Vec<_> = self.signers.iter().map(|(domain, _)| domain.clone()).collect();
                domains.dedup();
                self.problems.push(Problem::NotAligned { author, domains });
            }
        }
    }

    fn field(&mut self, number: usize, field: Field<'_>) {
        let known = |problem: &Problem| matches!(problem, Problem::EightBitHeader { .. });
        if std::str::from_utf8(field.raw()).is_err() && !self.problems.iter().any(known) {
            let name = String::from_utf8_lossy(field.name()).into_owned();
            self.problems.push(Problem::EightBitHeader { number, name });
        }
        if field.is(FIELD_NAME) {
            let same = |(domain, selector): &&(DomainName, Selector)| is_signed_by(field, domain, selector);
            let found = self.signers.iter().find(same).cloned();
            let problem = found.map(|(domain, selector)| Problem::SignedBefore { domain, selector, number });
            self.problems.extend(problem);
        }
    }
}

/// Whether a DKIM-Signature field has this `d=` and `s=`.
fn is_signed_by(field: Field<'_>, domain: &DomainName, selector: &Selector) -> bool {
    let Ok(tags) = TagList::parse(field.value()) else { return false };
    let text = |tag| tags.get(tag).and_then(|value| std::str::from_utf8(value).ok());
    let same_domain =
        text("d").and_then(|text| DomainName::new(text).ok()).is_some_and(|name| name == *domain);
    same_domain
        && text("s").and_then(|text| text.parse::<Selector>().ok()).is_some_and(|name| name == *selector)
}

/// The body, line by line.
#[derive(Debug)]
struct Body {
    lines: Lines,
    mime: Mime,
    eight_bit: Option<Problem>,
}

impl Body {
    fn push(&mut self, chunk: &[u8]) {
        let Self { lines, mime, eight_bit } = self;
        lines.push(chunk, |line, text, is_8bit| judge(mime, eight_bit, line, text, is_8bit));
    }

    fn finish(self: Box<Self>) -> impl Iterator<Item = Problem> {
        let Self { lines, mut mime, mut eight_bit } = *self;
        let long = lines.finish(|line, text, is_8bit| judge(&mut mime, &mut eight_bit, line, text, is_8bit));
        long.into_iter().chain(eight_bit)
    }
}

/// Records a line of the body that has bytes above 127 where they are not allowed.
fn judge(mime: &mut Mime, found: &mut Option<Problem>, line: Line, text: &[u8], is_8bit: bool) {
    let Some(encoding) = mime.line(text, is_8bit) else { return };
    match found {
        Some(Problem::EightBitBody { count, .. }) => *count += 1,
        _ => *found = Some(Problem::EightBitBody { line, encoding, count: 1 }),
    }
}

/// Finds the lines of a text that arrives in chunks. A line ends at LF.
#[derive(Debug)]
struct Lines {
    /// The line that has not ended yet.
    line: Line,
    /// Its first bytes.
    prefix: Vec<u8>,
    bytes: u64,
    ends_in_cr: bool,
    is_8bit: bool,
    long: Option<Problem>,
}

impl Lines {
    fn new(part: MessagePart, offset: u64) -> Self {
        let line = Line { part, number: 1, offset };
        Self { line, prefix: Vec::new(), bytes: 0, ends_in_cr: false, is_8bit: false, long: None }
    }

    /// Takes the next chunk. `each` is called with each line: its place, its first bytes, and whether any byte is above
    /// 127.
    fn push(&mut self, chunk: &[u8], mut each: impl FnMut(Line, &[u8], bool)) {
        let mut rest = chunk;
        while let Some(lf) = memchr::memchr(b'\n', rest) {
            let (text, after) = rest.split_at_checked(lf + 1).unwrap_or((rest, &[]));
            self.take(text.strip_suffix(b"\n").unwrap_or(text));
            self.end(1, &mut each);
            rest = after;
        }
        self.take(rest);
    }

    /// Ends the text, and with it a line without a line end. Returns the long lines.
    fn finish(mut self, mut each: impl FnMut(Line, &[u8], bool)) -> Option<Problem> {
        if self.bytes > 0 {
            self.end(0, &mut each);
        }
        self.long
    }

    fn take(&mut self, text: &[u8]) {
        let Some(last) = text.last() else { return };
        let room = LINE_PREFIX.saturating_sub(self.prefix.len());
        self.prefix.extend_from_slice(text.get(..room).unwrap_or(text));
        self.bytes += text.len() as u64;
        self.ends_in_cr = *last == b'\r';
        self.is_8bit |= !text.is_ascii();
    }

    fn end(&mut self, line_feed: u64, each: &mut impl FnMut(Line, &[u8], bool)) {
        let bytes = self.bytes - u64::from(self.ends_in_cr);
        if bytes > MAX_LINE {
            match &mut self.long {
                Some(Problem::LongLine { count, .. }) => *count += 1,
                long => *long = Some(Problem::LongLine { line: self.line, bytes, count: 1 }),
            }
        }
        let text = self.prefix.as_slice();
        each(self.line, text.strip_suffix(b"\r").unwrap_or(text), self.is_8bit);
        self.line.number += 1;
        self.line.offset += self.bytes + line_feed;
        self.prefix.clear();
        (self.bytes, self.ends_in_cr, self.is_8bit) = (0, false, false);
    }
}
