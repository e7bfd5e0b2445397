//! Whose Authentication-Results to believe, and which ones to remove (RFC 8601 §5 and §7).

use waxseal_header::{Field, Header};

use crate::field::AuthenticationResults;
use crate::parsed::ParsedResults;

const NAME: &str = "Authentication-Results";

/// The names under which the own hosts write Authentication-Results, and what follows from them.
///
/// Anyone can put the field into a message, also under a foreign name. So RFC 8601 §5 wants the host at the border to
/// delete every field that claims an own name, or is of a version it does not know, before it adds its own. Do that after
/// all signatures were verified: they may cover such a field.
///
/// ```
/// use waxseal_authres::{AuthservIds, DkimResult};
/// use waxseal_header::Header;
///
/// let message = b"Authentication-Results: MX.example.net; dkim=pass header.d=bank.example\r\n\
///     Authentication-Results: mx.other.example; dkim=fail header.d=bank.example\r\n\
///     From: joe@bank.example\r\n\r\n";
/// let ids = AuthservIds::new(["mx.example.net"]);
///
/// let (header, body) = Header::parse(message)?;
/// let cleaned = [&ids.remove_forged(&header), &b"\r\n"[..], body].concat();
/// assert!(cleaned.starts_with(b"Authentication-Results: mx.other.example;"));
///
/// // Then the own field is put in front, and later programs believe that one only.
/// let own = b"Authentication-Results: mx.example.net; dkim=fail header.d=bank.example\r\n";
/// let (header, _) = Header::parse(&[&own[..], &cleaned].concat())?;
/// let trusted: Vec<_> = ids.trusted(&header, header.len()).collect();
/// assert_eq!(trusted.len(), 1);
/// assert_eq!(trusted[0].entries()[0].typed(), Some(Ok(DkimResult::Fail)));
/// # Ok::<(), waxseal_header::HeaderError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthservIds {
    ids: Vec<Box<str>>,
}

/// Where a field to remove stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldPosition {
    /// Among all fields of the header, the topmost being 0: the index of [`Header::field`].
    pub index: usize,
    /// Among the fields named Authentication-Results, the topmost being 1, as the milter protocol counts in a request to
    /// change or delete a field (`SMFIR_CHGHEADER`, `smfi_chgheader`).
    pub occurrence: usize,
}

impl AuthservIds {
    /// The own names. Letter case, white space around them and dots at their end do not matter; empty ones are left out.
    /// Of an internationalized name give both the A-label and the U-label form: they are compared as text.
    #[must_use]
    pub fn new<I: AsRef<str>>(ids: impl IntoIterator<Item = I>) -> Self {
        let mut ids: Vec<Box<str>> = ids.into_iter().map(|id| bare(id.as_ref()).into()).collect();
        ids.retain(|id| !id.is_empty());
        Self { ids }
    }

    /// Whether the value of an Authentication-Results field claims to come from an own host.
    ///
    /// It does when its authserv-id is an own name, in any letter case and any version of the field; also with dots at
    /// its end, or with `/` and a job name as OpenDKIM can write it, since less exact readers would believe that. A value
    /// that cannot be read claims an own name when the name stands in it as a whole word, even with comments, quotes or
    /// backslashes inside it, but not behind `=` or `@`: there is no telling what a reader makes of such a value. A value
    /// without an authserv-id claims nothing.
    ///
    /// ```
    /// use waxseal_authres::AuthservIds;
    /// let ids = AuthservIds::new(["mx.example.net"]);
    /// assert!(ids.claimed_by(b" (;) MX.Example.NET 7; dkim=pass"));
    /// assert!(ids.claimed_by(b"mx.exam(;)ple.net; dkim=pass"));
    /// assert!(!ids.claimed_by(b"smtp.mx.example.net; dkim=pass"));
    /// ```
    #[must_use]
    pub fn claimed_by(&self, value: &[u8]) -> bool {
        match AuthenticationResults::parse(value) {
            Ok(read) => read.authserv_id.iter().chain(&read.domains).any(|id| self.is_like_own(id)),
            Err(_) => self.stands_in(&plain(value, true)) || self.stands_in(&plain(value, false)),
        }
    }

    /// The Authentication-Results fields that [claim](Self::claimed_by) an own name, and those of another version of the
    /// field than 1, whatever their authserv-id, *from the bottom up*: as they stand in the list they can be removed one by
    /// one, and no removal moves one that is still to come (CVE-2022-48521).
    ///
    /// RFC 8601 §5 of a version that the host does not support: it "MUST remove such a header field if the SMTP connection
    /// ... relaying the message is not from a trusted internal MTA". A field that is broken behind such a version goes, too;
    /// one that cannot be read up to its version goes for its name alone.
    ///
    /// To be called before the own field is added, and only for mail from outside: what an own host wrote is claimed, too.
    #[must_use]
    pub fn forged(&self, header: &Header) -> Vec<FieldPosition> {
        let named = header.fields().enumerate().filter(|(_, field)| field.is(NAME));
        let counted =
            named.zip(1..).map(|((index, field), occurrence)| (FieldPosition { index, occurrence }, field));
        let mut forged: Vec<_> = counted
            .filter(|(_, field)| {
                self.claimed_by(field.value()) || AuthenticationResults::is_of_other_version(field.value())
            })
            .map(|(position, _)| position)
            .collect();
        forged.reverse();
        forged
    }

    /// The octets of the header block without the [forged](Self::forged) fields; everything else stays as it is, including
    /// the lack of the empty line behind it.
    #[must_use]
    pub fn remove_forged(&self, header: &Header) -> Vec<u8> {
        let mut forged = self.forged(header);
        let mut kept = Vec::with_capacity(header.as_bytes().len());
        for (index, field) in header.fields().enumerate() {
            if forged.last().is_some_and(|position| position.index == index) {
                forged.pop();
            } else {
                kept.extend_from_slice(field.raw());
            }
        }
        kept
    }

    /// The results that may be believed, from the top: those whose authserv-id is an own name but for letter case and dots
    /// at its end, in version 1, among the `first` fields of the header. Fields that cannot be read are not among them.
    ///
    /// A name proves nothing by itself (RFC 8601 §7.1). If the host at the border [removes](Self::remove_forged) forged
    /// fields, all are its own and `first` is [`Header::len`]. If it does not, let it put its results above its own
    /// `Received` field, and give the index of that one: of what stands below, no position tells who wrote it.
    pub fn trusted<'h>(&self, header: &'h Header, first: usize) -> impl Iterator<Item = ParsedResults<'h>> {
        let named = header.fields().take(first).filter(|field| field.is(NAME));
        let read = named.filter_map(|field: Field<'h>| AuthenticationResults::parse(field.value()).ok());
        read.filter(|read| {
            let own =
                |id: &str| self.ids.iter().any(|own| own.eq_ignore_ascii_case(id.trim_end_matches('.')));
            read.version() == 1 && read.authserv_id().is_some_and(own)
        })
    }

    /// Whether this is an own name, or one with `/` and a job name behind it. An own name may have a `/` itself.
    fn is_like_own(&self, id: &str) -> bool {
        // Once, not for every name: a field of blanks and slashes takes linear time, too.
        let id = id.trim_start();
        let names = id.match_indices('/').filter_map(|(slash, _)| id.get(..slash));
        names.chain([id]).map(bare).any(|name| self.ids.iter().any(|own| own.eq_ignore_ascii_case(name)))
    }

    fn stands_in(&self, text: &[u8]) -> bool {
        self.ids.iter().any(|id| contains_word(text, id.as_bytes()))
    }
}

/// Without white space around it and dots at its end.
fn bare(id: &str) -> &str {
    id.trim_start().trim_end_matches(|c: char| c == '.' || c.is_whitespace())
}

/// The text without backslashes and line ends, and without quotes and comments if so wanted: what a careless reader could
/// take it for.
fn plain(value: &[u8], with_comments: bool) -> Vec<u8> {
    let mut text = Vec::with_capacity(value.len());
    let (mut depth, mut quoted) = (0_usize, false);
    let mut rest = value.iter().copied();
    while let Some(b) = rest.next() {
        let kept = match b {
            b'\\' => rest.next(),
            b'\r' | b'\n' => None,
            _ if with_comments => Some(b),
            b'"' if depth == 0 => {
                quoted = !quoted;
                None
            }
            b'(' if !quoted => {
                depth += 1;
                None
            }
            b')' if depth > 0 => {
                depth -= 1;
                None
            }
            _ => Some(b),
        };
        text.extend(kept.filter(|_| depth == 0));
    }
    text
}

/// Whether `word` stands in `text` in any letter case, neither as a part of a longer name nor as a value.
fn contains_word(text: &[u8], word: &[u8]) -> bool {
    let found =
        text.windows(word.len().max(1)).enumerate().filter(|(_, part)| part.eq_ignore_ascii_case(word));
    found.into_iter().any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|before| text.get(before));
        let after = text.get(at + word.len()..).unwrap_or_default();
        let after = after.iter().position(|b| *b != b'.').and_then(|end| after.get(end));
        !before.is_some_and(|b| is_name(*b) || matches!(b, b'.' | b'=' | b'@'))
            && !after.is_some_and(|b| is_name(*b))
    })
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | 0x80..)
}
