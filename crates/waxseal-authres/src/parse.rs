//! Reading Authentication-Results by the grammar of RFC 8601 §2.2.

use std::borrow::Cow;

use crate::entry::Ptype;
use crate::escape::readable;
use crate::field::AuthenticationResults;
use crate::keyword::MAX_KEYWORD;
use crate::parsed::{ParsedEntry, ParsedProperty, ParsedResults};
use crate::scan::{self, InvalidText, Scanner};

/// What one field may hold when it is read. Over a limit, reading ends with an error that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLimits {
    octets: usize,
    results: usize,
    properties: usize,
}

impl ParseLimits {
    /// The default of [`ParseLimits::with_octets`]: 64 KiB.
    pub const OCTETS: usize = 65_536;
    /// The default of [`ParseLimits::with_results`].
    pub const RESULTS: usize = 256;
    /// The default of [`ParseLimits::with_properties`].
    pub const PROPERTIES: usize = 1_024;

    /// The octets that the value of a field may have; [`ParseLimits::OCTETS`] unless set.
    #[must_use]
    pub fn with_octets(self, octets: usize) -> Self {
        Self { octets, ..self }
    }

    /// The results (`method=result`) that a field may hold; [`ParseLimits::RESULTS`] unless set.
    #[must_use]
    pub fn with_results(self, results: usize) -> Self {
        Self { results, ..self }
    }

    /// The properties that all results of a field may have together; [`ParseLimits::PROPERTIES`] unless set.
    #[must_use]
    pub fn with_properties(self, properties: usize) -> Self {
        Self { properties, ..self }
    }
}

impl Default for ParseLimits {
    fn default() -> Self {
        Self { octets: Self::OCTETS, results: Self::RESULTS, properties: Self::PROPERTIES }
    }
}

/// Why the value of an Authentication-Results field could not be read. Offsets are octets from the start of the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidAuthenticationResults {
    /// More octets than [`ParseLimits::with_octets`] allows.
    #[error("the value is longer than {limit} octets")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// More results than [`ParseLimits::with_results`] allows.
    #[error("more than {limit} results")]
    TooManyResults {
        /// The limit.
        limit: usize,
    },
    /// More properties than [`ParseLimits::with_properties`] allows.
    #[error("more than {limit} properties")]
    TooManyProperties {
        /// The limit.
        limit: usize,
    },
    /// Something else stands where the grammar of RFC 8601 §2.2 wants this.
    #[error("{what} is missing at offset {offset} (RFC 8601 §2.2)")]
    Expected {
        /// What should stand there.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// The name of a method, result, property type or property with more than [`MAX_KEYWORD`] octets.
    #[error("the name at offset {offset} is longer than {MAX_KEYWORD} octets")]
    LongKeyword {
        /// Where the name begins.
        offset: usize,
    },
    /// `none` says that there is no result (RFC 8601 §2.2), but there is one.
    #[error("\"none\" at offset {offset} does not stand alone")]
    NoneWithResults {
        /// Where `none` stands.
        offset: usize,
    },
    /// A result with two reasons.
    #[error("a second reason for the same result at offset {offset}")]
    SecondReason {
        /// Where it begins.
        offset: usize,
    },
    /// A comment or quoted string that is not closed, a line end that folds nothing, or a control character.
    #[error(transparent)]
    Text(#[from] InvalidText),
}

impl AuthenticationResults {
    /// Reads what stands behind the colon of an Authentication-Results field, under the default [`ParseLimits`].
    ///
    /// Folds, comments wherever white space may stand (up to [`MAX_COMMENT_DEPTH`](crate::MAX_COMMENT_DEPTH) deep),
    /// quoted strings, versions and unknown methods and results are understood; CRLF may have been reduced to LF. What
    /// is read says nothing about who wrote it: see [`AuthservIds::trusted`](crate::AuthservIds::trusted).
    ///
    /// Beyond the grammar of RFC 8601 §2.2 these forms of existing software are read:
    ///
    /// - no authserv-id, as Office 365 leaves it out, or nothing at all: [`ParsedResults::authserv_id`] is `None`, and
    ///   such a field is never trusted; the domain of the recipient, which Office 365 puts between results
    ///   (`header.d=example.org;example.net; dmarc=pass`), is passed over;
    /// - `name=value` without a property type (`action=none`): kept apart in [`ParsedEntry::extensions`];
    /// - a reason behind properties, properties without a value before `;`, and `;` with nothing behind it;
    /// - in bare values the characters `/`, `=`, `?`, `@`, `<`, `>` and UTF-8 (`header.b=Qgi/FoC0`). A colon has to be
    ///   quoted, as in IPv6 addresses.
    ///
    /// ```
    /// use waxseal_authres::{AuthenticationResults, DkimResult};
    ///
    /// let field = b" mx.example.net 1; dkim=pass (2048-bit key)\r\n\theader.d=example.org header.b=\"Qgi/FoC0\"";
    /// let read = AuthenticationResults::parse(field)?;
    /// assert_eq!((read.authserv_id(), read.version()), (Some("mx.example.net"), 1));
    /// let dkim = &read.entries()[0];
    /// assert_eq!(dkim.typed::<DkimResult>(), Some(Ok(DkimResult::Pass)));
    /// assert_eq!(dkim.property("header", "d"), Some("example.org"));
    ///
    /// let error = AuthenticationResults::parse(b"mx.example.net; dkim=pass header.d=a(b").unwrap_err();
    /// assert!(error.to_string().starts_with("the comment that begins at offset 36 is not closed"));
    /// # Ok::<(), waxseal_authres::InvalidAuthenticationResults>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidAuthenticationResults`] says what is wrong, and where.
    pub fn parse(value: &[u8]) -> Result<ParsedResults<'_>, InvalidAuthenticationResults> {
        Self::parse_with(value, ParseLimits::default())
    }

    /// [`AuthenticationResults::parse`] under other limits.
    ///
    /// # Errors
    /// [`InvalidAuthenticationResults`].
    pub fn parse_with(
        value: &[u8],
        limits: ParseLimits,
    ) -> Result<ParsedResults<'_>, InvalidAuthenticationResults> {
        if value.len() > limits.octets {
            return Err(InvalidAuthenticationResults::TooLong { limit: limits.octets });
        }
        Parser { scan: Scanner::new(value), limits, properties: 0 }.field()
    }

    /// Whether a version other than 1 stands behind the authserv-id, whatever comes next: RFC 8601 §2.6 lets a parser stop
    /// there, "since what follows might not be in an expected format".
    pub(crate) fn is_of_other_version(value: &[u8]) -> bool {
        let limits = ParseLimits::default();
        Parser { scan: Scanner::new(value), limits, properties: 0 }.other_version().unwrap_or(false)
    }
}

type Read<T> = Result<T, InvalidAuthenticationResults>;

struct Parser<'v> {
    scan: Scanner<'v>,
    limits: ParseLimits,
    /// How many properties were read.
    properties: usize,
}

impl<'v> Parser<'v> {
    fn field(mut self) -> Read<ParsedResults<'v>> {
        self.scan.skip_cfws()?;
        let (authserv_id, version) = match self.authserv_id()? {
            Some(id) => (Some(id), self.version("the version of the field")?.unwrap_or(1)),
            None => (None, 1),
        };
        if authserv_id.is_some() && !self.at_end() {
            return Err(self.expected("\";\""));
        }
        let has_authserv_id = authserv_id.is_some();
        let mut read = ParsedResults { authserv_id, version, entries: Vec::new(), domains: Vec::new() };
        read.entries = self.entries((!has_authserv_id).then_some(&mut read.domains))?;
        Ok(read)
    }

    /// Whether there is a version, and one other than 1.
    fn other_version(mut self) -> Read<bool> {
        self.scan.skip_cfws()?;
        if self.authserv_id()?.is_none() {
            return Ok(false);
        }
        let digits = self.scan.run(|b| b.is_ascii_digit());
        let ends = matches!(self.scan.peek(), None | Some(b';' | b' ' | b'\t' | b'\r' | b'\n' | b'('));
        let is_one = matches!(digits, [zeros @ .., b'1'] if zeros.iter().all(|b| *b == b'0'));
        Ok(!digits.is_empty() && ends && !is_one)
    }

    /// The authserv-id and the white space behind it; `None` when the field begins with a result instead.
    fn authserv_id(&mut self) -> Read<Option<Cow<'v, str>>> {
        let start = self.scan.offset();
        let id = match self.scan.peek() {
            None => return Ok(None),
            Some(b'"') => scan::unescaped(self.scan.quoted()?),
            // The `/` is OpenDKIM's, which can add the job to its name.
            Some(_) => readable(self.scan.run(|b| is_bare(b) && b != b'=' && b != b'@')),
        };
        if self.scan.offset() == start {
            return Err(self.expected("an authserv-id"));
        }
        let spaced = self.scan.skip_cfws()?;
        match self.scan.peek() {
            Some(b'=' | b'/') => {
                self.scan.go_back(start);
                Ok(None)
            }
            Some(b'0'..=b'9') if !spaced => Err(self.expected("white space")),
            _ => Ok(Some(id)),
        }
    }

    /// All results, and the domains between them if they may be there. `none` is told from a method of that name by the
    /// missing `=`.
    fn entries(&mut self, mut domains: Option<&mut Vec<Cow<'v, str>>>) -> Read<Vec<ParsedEntry<'v>>> {
        let (mut entries, mut none) = (Vec::new(), None);
        loop {
            self.scan.skip_cfws()?;
            let start = self.scan.offset();
            match (self.scan.peek(), none) {
                (None, _) => return Ok(entries),
                (Some(b';'), _) => {
                    self.scan.eat(b';');
                    // A comment belongs to the result it stands with.
                    self.scan.forget_comments();
                    continue;
                }
                (Some(_), Some(offset)) => {
                    return Err(InvalidAuthenticationResults::NoneWithResults { offset });
                }
                _ => {}
            }
            if let Some(domains) = &mut domains {
                if let Some(domain) = self.domain_alone()? {
                    if domains.len() == self.limits.results {
                        return Err(InvalidAuthenticationResults::TooManyResults {
                            limit: self.limits.results,
                        });
                    }
                    domains.push(domain);
                    continue;
                }
            }
            let method = self.keyword("a method")?;
            self.scan.skip_cfws()?;
            if method.eq_ignore_ascii_case("none") && self.at_end() {
                if !entries.is_empty() {
                    return Err(InvalidAuthenticationResults::NoneWithResults { offset: start });
                }
                none = Some(start);
            } else if entries.len() == self.limits.results {
                return Err(InvalidAuthenticationResults::TooManyResults { limit: self.limits.results });
            } else {
                entries.push(self.entry(method)?);
            }
        }
    }

    /// A domain that stands alone between two `;`.
    fn domain_alone(&mut self) -> Read<Option<Cow<'v, str>>> {
        let mut ahead = self.scan.clone();
        let word = ahead.run(is_domain);
        ahead.skip_cfws()?;
        if !word.contains(&b'.') || !matches!(ahead.peek(), None | Some(b';')) {
            return Ok(None);
        }
        self.scan = ahead;
        Ok(Some(readable(word)))
    }

    /// What stands behind the name of a method, up to the next `;`.
    fn entry(&mut self, method: &'v str) -> Read<ParsedEntry<'v>> {
        let mut method_version = 1;
        if self.scan.eat(b'/') {
            self.scan.skip_cfws()?;
            let version = self.version("the version of the method")?;
            method_version = version.ok_or_else(|| self.expected("the version of the method"))?;
        }
        self.equals()?;
        let result = self.keyword("a result")?;
        let mut entry = ParsedEntry {
            method,
            method_version,
            result,
            reason: None,
            comment: None,
            properties: Vec::new(),
            extensions: Vec::new(),
        };
        loop {
            self.scan.skip_cfws()?;
            if self.at_end() {
                entry.comment = self.scan.comment();
                return Ok(entry);
            }
            self.tag(&mut entry)?;
        }
    }

    /// A reason, a property, or `name=value` without a property type.
    fn tag(&mut self, entry: &mut ParsedEntry<'v>) -> Read<()> {
        let start = self.scan.offset();
        let name = self.keyword("a property type")?;
        self.scan.skip_cfws()?;
        if self.scan.eat(b'.') {
            self.count_property()?;
            self.scan.skip_cfws()?;
            let property = self.keyword("the name of a property")?;
            self.scan.skip_cfws()?;
            let value = self.value()?;
            entry.properties.push(ParsedProperty { ptype: name, name: property, value });
            return Ok(());
        }
        if self.scan.peek() != Some(b'=') {
            return Err(self.expected("\".\" or \"=\""));
        }
        if !name.eq_ignore_ascii_case("reason") {
            self.count_property()?;
            let value = self.value()?;
            entry.extensions.push((name, value));
        } else if entry.reason.is_some() {
            return Err(InvalidAuthenticationResults::SecondReason { offset: start });
        } else {
            entry.reason = Some(self.value()?);
        }
        Ok(())
    }

    fn count_property(&mut self) -> Read<()> {
        if self.properties == self.limits.properties {
            return Err(InvalidAuthenticationResults::TooManyProperties { limit: self.limits.properties });
        }
        self.properties += 1;
        Ok(())
    }

    /// `=` and a value. An address whose local part is quoted keeps its quotes.
    fn value(&mut self) -> Read<Cow<'v, str>> {
        let spaced = self.equals()?;
        let start = self.scan.offset();
        if self.at_end() {
            return Ok(Cow::Borrowed(""));
        }
        if self.scan.peek() != Some(b'"') {
            let word = self.scan.run(is_bare);
            let domain = if word.is_empty() || word.contains(&b'@') { None } else { self.domain()? };
            let is_address = domain.is_some() || word.contains(&b'@');
            if word.is_empty() || spaced && is_next_property(word, is_address) {
                return Err(InvalidAuthenticationResults::Expected { what: "a value", offset: start });
            }
            return Ok(domain.map_or_else(|| readable(word), |domain| address(word, domain)));
        }
        let inside = self.scan.quoted()?;
        let quoted = self.scan.since(start);
        Ok(self.domain()?.map_or_else(|| scan::unescaped(inside), |domain| address(quoted, domain)))
    }

    /// `@` and the domain of an address whose local part was read. RFC 5322 §3.4.1: comments and white space may stand
    /// behind the local part.
    fn domain(&mut self) -> Read<Option<&'v [u8]>> {
        self.scan.skip_cfws()?;
        if !self.scan.eat(b'@') {
            return Ok(None);
        }
        let domain = self.scan.run(is_domain);
        if domain.is_empty() {
            return Err(self.expected("a domain name"));
        }
        Ok(Some(domain))
    }

    /// `=` and the white space behind it; says whether there was any.
    fn equals(&mut self) -> Read<bool> {
        if !self.scan.eat(b'=') {
            return Err(self.expected("\"=\""));
        }
        Ok(self.scan.skip_cfws()?)
    }

    /// A `Keyword` of RFC 5321 §4.1.2.
    fn keyword(&mut self, what: &'static str) -> Read<&'v str> {
        let offset = self.scan.offset();
        let word = self.scan.run(|b| b.is_ascii_alphanumeric() || b == b'-');
        if word.len() > MAX_KEYWORD {
            return Err(InvalidAuthenticationResults::LongKeyword { offset });
        }
        match std::str::from_utf8(word) {
            Ok(word) if !word.is_empty() && !word.ends_with('-') => Ok(word),
            _ => Err(InvalidAuthenticationResults::Expected { what, offset }),
        }
    }

    /// Digits and the white space behind them.
    fn version(&mut self, what: &'static str) -> Read<Option<u32>> {
        let offset = self.scan.offset();
        let digits = self.scan.run(|b| b.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        self.scan.skip_cfws()?;
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        number.map(Some).ok_or(InvalidAuthenticationResults::Expected { what, offset })
    }

    /// Whether the field or a result ends here.
    fn at_end(&self) -> bool {
        matches!(self.scan.peek(), None | Some(b';'))
    }

    fn expected(&self, what: &'static str) -> InvalidAuthenticationResults {
        InvalidAuthenticationResults::Expected { what, offset: self.scan.offset() }
    }
}

/// What may stand in a domain (RFC 6376 §3.5, RFC 8616 §3); underscores are there in practice.
fn is_domain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | 0x80..)
}

/// The address, unfolded.
fn address<'v>(local: &[u8], domain: &[u8]) -> Cow<'v, str> {
    let unfolded = local.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n'));
    let address: Vec<u8> = unfolded.chain(*b"@").chain(domain.iter().copied()).collect();
    Cow::Owned(readable(&address).into_owned())
}

/// Whether a word behind white space is the next property, so that the value was left out, as in
/// `smtp.mailfrom= smtp.helo=x`. Of what RFC 8601 §2.2 lets stand there only a local part has a `=`.
fn is_next_property(word: &[u8], is_address: bool) -> bool {
    let ptype = word.split(|b| *b == b'.').next().unwrap_or_default();
    let is_ptype = Ptype::KNOWN.iter().any(|known| ptype.eq_ignore_ascii_case(known.as_str().as_bytes()));
    word.contains(&b'=') && (is_ptype || !is_address)
}

/// What may stand in a bare value: tokens (RFC 2045 §5.1), addresses (RFC 5321 §4.1.2, RFC 6531 §3.3), base64 and `<>`.
fn is_bare(b: u8) -> bool {
    b >= 0x80
        || b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b',' | b';' | b':' | b'\\' | b'"' | b'[' | b']')
}
