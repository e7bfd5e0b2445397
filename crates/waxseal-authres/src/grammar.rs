//! The grammar of RFC 8601 §2.2, and how errors are handled.

use std::borrow::Cow;

use crate::entry::Ptype;
use crate::escape::readable;
use crate::keyword::MAX_KEYWORD;
use crate::parse_error::{Fault, InvalidAuthenticationResults, ParseLimits};
use crate::parsed::{ParsedEntry, ParsedProperty, ParsedResults, Unreadable};
use crate::scan::{self, Scanner};
use waxseal_header::structured::InvalidText;

pub(crate) type Read<T> = Result<T, InvalidAuthenticationResults>;

/// Reads one field from left to right.
pub(crate) struct Parser<'v> {
    scan: Scanner<'v>,
    limits: ParseLimits,
    /// How many properties were read, or could not be.
    properties: usize,
    /// How many results were read, or could not be.
    results: usize,
    unreadable: Vec<Unreadable<'v>>,
}

/// A tag that could not be read, and where to search for its end.
struct LostTag<'v> {
    error: InvalidAuthenticationResults,
    /// Property type and name, if these could be read.
    key: Option<(&'v str, &'v str)>,
    resume: Resume,
}

/// Where parsing continues after an error.
enum Resume {
    /// After the word `key=value` that has the error.
    BehindTag,
    /// After the value that begins at this offset.
    BehindValue(usize),
    /// At the next tag, which begins at this offset, and which other programs may read as the value of this one.
    AtTag(usize),
}

/// The last part of a result that was read, and where it begins: more of it may follow.
#[derive(Clone, Copy)]
enum Last {
    Result,
    Reason(usize),
    Property(usize),
    Extension(usize),
    Unreadable,
}

impl<'v> Parser<'v> {
    pub(crate) fn new(value: &'v [u8], limits: ParseLimits) -> Self {
        Self { scan: Scanner::new(value), limits, properties: 0, results: 0, unreadable: Vec::new() }
    }

    pub(crate) fn field(mut self) -> Read<ParsedResults<'v>> {
        self.scan.skip_cfws()?;
        let (authserv_id, version) = match self.authserv_id()? {
            Some(id) => (Some(id), self.version("the version of the field")?.unwrap_or(1)),
            None => (None, 1),
        };
        if authserv_id.is_some() && !self.at_end() {
            return Err(self.expected("\";\""));
        }
        let (entries, domains, unreadable) = (Vec::new(), Vec::new(), Vec::new());
        let mut read = ParsedResults { authserv_id, version, entries, domains, unreadable };
        self.entries(&mut read)?;
        read.unreadable = self.unreadable;
        Ok(read)
    }

    /// Whether there is a version, and one other than 1.
    pub(crate) fn other_version(mut self) -> Read<bool> {
        self.scan.skip_cfws()?;
        if self.authserv_id()?.is_none() {
            return Ok(false);
        }
        let digits = self.scan.run(|b| b.is_ascii_digit());
        let ends = matches!(self.scan.peek(), None | Some(b';' | b' ' | b'\t' | b'\r' | b'\n' | b'('));
        let is_one = matches!(digits, [zeros @ .., b'1'] if zeros.iter().all(|b| *b == b'0'));
        Ok(!digits.is_empty() && ends && !is_one)
    }

    /// The end of the authserv-id, without reading further.
    pub(crate) fn end_of_authserv_id(mut self) -> Read<usize> {
        self.scan.skip_cfws()?;
        self.authserv_id()?;
        Ok(self.scan.offset())
    }

    /// The authserv-id and the white space after it; `None` when the field begins with a result, or with `;`, instead.
    fn authserv_id(&mut self) -> Read<Option<Cow<'v, str>>> {
        let start = self.scan.offset();
        if matches!(self.scan.peek(), None | Some(b';')) {
            return Ok(None);
        }
        let id = match self.scan.quoted_string()? {
            Some(inside) => scan::unescaped(inside),
            // OpenDKIM can append `/` and a job id to its name.
            None => readable(self.scan.run(|b| is_odd(b) && b != b'=' && b != b'@')),
        };
        if self.scan.offset() == start {
            return Err(self.expected("an authserv-id"));
        }
        let spaced = self.scan.skip_cfws()?;
        match self.scan.peek() {
            Some(b'=' | b'/') => {
                self.scan.go_to(start);
                Ok(None)
            }
            Some(b'0'..=b'9') if !spaced => Err(self.expected("white space")),
            _ => Ok(Some(id)),
        }
    }

    /// All results; those that cannot be read are kept as text.
    fn entries(&mut self, read: &mut ParsedResults<'v>) -> Read<()> {
        let mut none = None;
        loop {
            let (start, known) = (self.scan.offset(), self.unreadable.len());
            let result = self.part(read, &mut none).or_else(|error| self.lose_part(start, known, error));
            match result {
                Ok(()) if self.scan.eat(b';') => self.scan.forget_comments(),
                Ok(()) => break,
                Err(error) if error.is_limit() => return Err(error),
                Err(error) => {
                    self.unreadable.truncate(known);
                    self.scan.go_to_end();
                    self.keep_part(start, error);
                    break;
                }
            }
        }
        if let Some(offset) = none.filter(|_| self.results > 1) {
            self.unreadable.push(Unreadable::none(offset));
        }
        Ok(())
    }

    /// The text between two `;`. `none` has no `=`, unlike a method of that name.
    fn part(&mut self, read: &mut ParsedResults<'v>, none: &mut Option<usize>) -> Read<()> {
        self.scan.skip_cfws()?;
        let start = self.scan.offset();
        if self.at_end() {
            return Ok(());
        }
        if read.authserv_id.is_none() {
            if let Some(domain) = self.domain_alone()? {
                return self.domain_between(read, domain);
            }
        }
        self.count_result()?;
        let method = self.keyword("a method")?;
        self.scan.skip_cfws()?;
        if !method.eq_ignore_ascii_case("none") || !self.at_end() {
            let entry = self.entry(method)?;
            read.entries.push(entry);
        } else if self.results > 1 {
            return Err(Fault::NoneWithResults { offset: start }.into());
        } else {
            *none = Some(start);
        }
        Ok(())
    }

    /// Skips an unreadable result, up to the next `;` outside quoted strings and comments.
    fn lose_part(&mut self, start: usize, known: usize, error: InvalidAuthenticationResults) -> Read<()> {
        if error.is_limit() || error.is_text() {
            return Err(error);
        }
        self.unreadable.truncate(known);
        self.scan.go_to(start);
        loop {
            self.scan.skip_cfws()?;
            if self.at_end() {
                self.keep_part(start, error);
                return Ok(());
            }
            self.skip_tag()?;
        }
    }

    fn keep_part(&mut self, start: usize, error: InvalidAuthenticationResults) {
        self.unreadable.push(Unreadable::result(start, self.scan.since(start), error));
    }

    fn domain_between(&self, read: &mut ParsedResults<'v>, domain: Cow<'v, str>) -> Read<()> {
        if read.domains.len() == self.limits.results() {
            return Err(Fault::TooManyResults { limit: self.limits.results() }.into());
        }
        read.domains.push(domain);
        Ok(())
    }

    /// A domain alone between two `;`.
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

    /// The text after the name of a method, up to the next `;`.
    fn entry(&mut self, method: &'v str) -> Read<ParsedEntry<'v>> {
        let mut method_version = 1;
        if self.scan.eat(b'/') {
            self.scan.skip_cfws()?;
            let version = self.version("the version of the method")?;
            method_version = version.ok_or_else(|| self.expected("the version of the method"))?;
        }
        self.equals()?;
        let result = self.keyword("a result")?;
        if !self.word_ends() {
            return Err(self.expected("the end of the result"));
        }
        let mut entry = ParsedEntry {
            method,
            method_version,
            result,
            reason: None,
            comment: None,
            properties: Vec::new(),
            extensions: Vec::new(),
            lost: Vec::new(),
        };
        self.tags(&mut entry)?;
        entry.comment = self.scan.comment();
        Ok(entry)
    }

    /// The text after a result.
    fn tags(&mut self, entry: &mut ParsedEntry<'v>) -> Read<()> {
        let (mut last, mut doubtful) = (Last::Result, false);
        loop {
            self.scan.skip_cfws()?;
            if self.at_end() {
                return Ok(());
            }
            let start = self.scan.offset();
            match self.tag(entry) {
                Ok(read) if doubtful => {
                    let error = Fault::Expected { what: "a value", offset: start }.into();
                    self.unreadable.push(Unreadable::property(start, self.scan.since(start), error));
                    entry.take_back(&read);
                    (last, doubtful) = (Last::Unreadable, false);
                }
                Ok(read) => last = read,
                Err(lost) => {
                    doubtful = matches!(lost.resume, Resume::AtTag(_));
                    last = self.lose_tag(entry, start, last, lost)?;
                }
            }
        }
    }

    /// Keeps an unreadable tag. If it is not a tag at all, it may be the rest of the part before it, which is then
    /// dropped, too (CVE-2020-12272: `header.d=legit.example(x).attacker.example`).
    fn lose_tag(
        &mut self,
        entry: &mut ParsedEntry<'v>,
        start: usize,
        last: Last,
        lost: LostTag<'v>,
    ) -> Read<Last> {
        if lost.error.is_limit() || lost.error.is_text() {
            return Err(lost.error);
        }
        let is_tag = match lost.resume {
            Resume::AtTag(at) => {
                self.scan.go_to(at);
                true
            }
            Resume::BehindValue(at) => {
                self.scan.go_to(at);
                self.skip_value()?;
                true
            }
            Resume::BehindTag => {
                let spaced = self.scan.is_behind_space(start);
                self.scan.go_to(start);
                self.skip_tag()? && spaced
            }
        };
        let first = match last {
            _ if is_tag => start,
            Last::Unreadable => start,
            Last::Result => return Err(lost.error),
            Last::Reason(first) | Last::Property(first) | Last::Extension(first) => {
                entry.take_back(&last);
                first
            }
        };
        entry.lost.extend(lost.key);
        self.unreadable.push(Unreadable::property(first, self.scan.since(first), lost.error));
        Ok(Last::Unreadable)
    }

    /// A reason, a property, or `name=value` without a property type.
    fn tag(&mut self, entry: &mut ParsedEntry<'v>) -> Result<Last, LostTag<'v>> {
        let start = self.scan.offset();
        self.count_property()?;
        let name = self.keyword("a property type")?;
        self.scan.skip_cfws()?;
        if self.scan.eat(b'.') {
            self.scan.skip_cfws()?;
            let property = self.keyword("the name of a property")?;
            self.scan.skip_cfws()?;
            let value = self.value().map_err(|lost| LostTag { key: Some((name, property)), ..lost })?;
            entry.properties.push(ParsedProperty { ptype: name, name: property, value });
            return Ok(Last::Property(start));
        }
        if self.scan.peek() != Some(b'=') {
            return Err(self.expected("\".\" or \"=\"").into());
        }
        let value = self.value()?;
        if !name.eq_ignore_ascii_case("reason") {
            entry.extensions.push((name, value));
            return Ok(Last::Extension(start));
        }
        if entry.reason.is_some() {
            let error = Fault::SecondReason { offset: start }.into();
            return Err(LostTag { error, key: None, resume: Resume::BehindTag });
        }
        entry.reason = Some(value);
        Ok(Last::Reason(start))
    }

    fn count_property(&mut self) -> Read<()> {
        if self.properties == self.limits.properties() {
            return Err(Fault::TooManyProperties { limit: self.limits.properties() }.into());
        }
        self.properties += 1;
        Ok(())
    }

    fn count_result(&mut self) -> Read<()> {
        if self.results == self.limits.results() {
            return Err(Fault::TooManyResults { limit: self.limits.results() }.into());
        }
        self.results += 1;
        Ok(())
    }

    /// `=` and a value. An address with a quoted local part keeps its quotes.
    fn value(&mut self) -> Result<Cow<'v, str>, LostTag<'v>> {
        let spaced = self.equals()?;
        let start = self.scan.offset();
        if self.at_end() {
            return Ok(Cow::Borrowed(""));
        }
        let lost = |error| LostTag { error, key: None, resume: Resume::BehindValue(start) };
        if let Some(inside) = self.scan.quoted_string()? {
            let quoted = self.scan.since(start);
            if self.scan.peek() != Some(b'@') {
                self.end_of_word()?;
            }
            let domain = self.domain().map_err(lost)?;
            return Ok(domain.map_or_else(|| scan::unescaped(inside), |domain| address(quoted, domain)));
        }
        let word = self.scan.run(is_bare);
        let missing = |what| InvalidAuthenticationResults::from(Fault::Expected { what, offset: start });
        let ends = self.word_ends();
        let domain = match ends && !word.contains(&b'@') {
            true => self.domain().map_err(lost)?,
            false => None,
        };
        let is_address = ends && (domain.is_some() || word.contains(&b'@'));
        if spaced && is_next_property(word, is_address) {
            return Err(LostTag { error: missing("a value"), key: None, resume: Resume::AtTag(start) });
        }
        if !ends {
            let what = if word.is_empty() { "a value" } else { "a value in quotes" };
            return Err(lost(missing(what)));
        }
        Ok(domain.map_or_else(|| readable(word), |domain| address(word, domain)))
    }

    /// `@` and the domain of an address whose local part was read. RFC 5322 §3.4.1: comments and white space may follow
    /// the local part.
    fn domain(&mut self) -> Read<Option<&'v [u8]>> {
        self.scan.skip_cfws()?;
        if !self.scan.eat(b'@') {
            return Ok(None);
        }
        let domain = self.scan.run(is_domain);
        if domain.is_empty() || !self.word_ends() {
            return Err(self.expected("a domain name"));
        }
        Ok(Some(domain))
    }

    /// `=` and the white space after it; returns whether there was any.
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
            return Err(Fault::LongKeyword { offset }.into());
        }
        match std::str::from_utf8(word) {
            Ok(word) if !word.is_empty() && !word.ends_with('-') => Ok(word),
            _ => Err(Fault::Expected { what, offset }.into()),
        }
    }

    /// Digits and the white space after them.
    fn version(&mut self, what: &'static str) -> Read<Option<u32>> {
        let offset = self.scan.offset();
        let digits = self.scan.run(|b| b.is_ascii_digit());
        if digits.is_empty() {
            return Ok(None);
        }
        self.scan.skip_cfws()?;
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
        number.map(Some).ok_or_else(|| Fault::Expected { what, offset }.into())
    }

    /// Skips a word, or `key=value` with any bytes in the key; returns whether it was the latter. A quote may only
    /// follow the first `=`: anywhere else, it is unclear which quotes belong together.
    fn skip_tag(&mut self) -> Result<bool, InvalidText> {
        let key = self.scan.run(|b| is_odd(b) && b != b'=');
        let is_tag = key.first().is_some_and(u8::is_ascii_alphanumeric);
        let mut ahead = self.scan.clone();
        ahead.skip_cfws()?;
        if !ahead.eat(b'=') {
            self.end_of_word()?;
            return Ok(false);
        }
        self.scan = ahead;
        if is_tag {
            self.scan.skip_cfws()?;
        }
        self.skip_value()?;
        Ok(is_tag)
    }

    /// Skips a value of any bytes.
    fn skip_value(&mut self) -> Result<(), InvalidText> {
        if self.scan.quoted_string()?.is_some() && self.scan.peek() != Some(b'@') {
            return self.end_of_word();
        }
        self.scan.run(is_odd);
        self.end_of_word()
    }

    fn end_of_word(&self) -> Result<(), InvalidText> {
        if self.word_ends() { Ok(()) } else { Err(self.scan.stray()) }
    }

    /// Whether a word ends here: at white space, a comment, `;` or the end.
    fn word_ends(&self) -> bool {
        matches!(self.scan.peek(), None | Some(b';' | b' ' | b'\t' | b'\r' | b'\n' | b'('))
    }

    /// Whether the field or a result ends here.
    fn at_end(&self) -> bool {
        matches!(self.scan.peek(), None | Some(b';'))
    }

    fn expected(&self, what: &'static str) -> InvalidAuthenticationResults {
        Fault::Expected { what, offset: self.scan.offset() }.into()
    }
}

impl From<InvalidAuthenticationResults> for LostTag<'_> {
    fn from(error: InvalidAuthenticationResults) -> Self {
        Self { error, key: None, resume: Resume::BehindTag }
    }
}

impl From<InvalidText> for LostTag<'_> {
    fn from(error: InvalidText) -> Self {
        InvalidAuthenticationResults::from(error).into()
    }
}

impl<'v> ParsedEntry<'v> {
    /// Drops the part that was read last, but remembers that it was there.
    fn take_back(&mut self, last: &Last) {
        match last {
            Last::Property(_) => self.lost.extend(self.properties.pop().map(|p| (p.ptype, p.name))),
            Last::Extension(_) => drop(self.extensions.pop()),
            Last::Reason(_) => self.reason = None,
            Last::Result | Last::Unreadable => {}
        }
    }
}

/// The characters of a domain (RFC 6376 §3.5, RFC 8616 §3), with underscores, which occur in practice.
fn is_domain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | 0x80..)
}

/// The address, unfolded.
fn address<'v>(local: &[u8], domain: &[u8]) -> Cow<'v, str> {
    let unfolded = local.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n'));
    let address: Vec<u8> = unfolded.chain(*b"@").chain(domain.iter().copied()).collect();
    Cow::Owned(readable(&address).into_owned())
}

/// Whether a word after white space is the next property, so that the value is missing, as in `smtp.mailfrom=
/// smtp.helo=x`. Of the values that RFC 8601 §2.2 allows there, only a local part has a `=`.
fn is_next_property(word: &[u8], is_address: bool) -> bool {
    let ptype = word.split(|b| *b == b'.').next().unwrap_or_default();
    let is_ptype = Ptype::from_name(ptype).is_some();
    word.contains(&b'=') && (is_ptype || !is_address)
}

/// The characters of a bare value: tokens (RFC 2045 §5.1), addresses (RFC 5321 §4.1.2, RFC 6531 §3.3), base64 and `<>`.
fn is_bare(b: u8) -> bool {
    b >= 0x80
        || b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b',' | b';' | b':' | b'\\' | b'"' | b'[' | b']')
}

/// The characters that do not end a bare word: all except those that separate words, and those whose meaning depends on
/// the context.
fn is_odd(b: u8) -> bool {
    b >= 0x80 || b.is_ascii_graphic() && !matches!(b, b'(' | b')' | b';' | b'\\' | b'"')
}
