//! Which Authentication-Results to trust, and which to remove (RFC 8601 §5 and §7).

use std::collections::HashMap;

use waxseal_header::{Field, Header};

use crate::authserv_id::{comparable, loose};
use crate::claim::{self, OwnName};
use crate::disguise::{AUTHENTICATION_RESULTS, is_disguised, is_quoted, is_stray};
use crate::field::AuthenticationResults;
use crate::parsed::ParsedResults;

/// The authserv-ids of your own hosts: decides which Authentication-Results to trust and which to remove.
///
/// Anyone can add the field to a message, with any authserv-id. So RFC 8601 §5 requires the host at the border to
/// delete every field that claims one of your names, or has an unknown version, before it adds its own. Do that after
/// all signatures were verified, since they may cover such a field.
///
/// Names are compared regardless of case (including Unicode's), final dots, and whether labels are written as A-labels
/// or U-labels (RFC 8601 §5): one form of an internationalized name is enough.
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
/// // Then the host's own field is put in front, and later programs trust only that one.
/// let own = b"Authentication-Results: mx.example.net; dkim=fail header.d=bank.example\r\n";
/// let (header, _) = Header::parse(&[&own[..], &cleaned].concat())?;
/// let trusted: Vec<_> = ids.trusted(&header, header.len()).collect();
/// assert_eq!(trusted.len(), 1);
/// assert_eq!(trusted[0].entries()[0].typed(), Some(DkimResult::Fail));
/// # Ok::<(), waxseal_header::HeaderError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct AuthservIds {
    /// In the form of [`comparable`].
    ids: Vec<Box<str>>,
    /// The same names in the form of [`loose`], in which forged ones are searched.
    names: Vec<OwnName>,
}

/// The value of the field for a program that appends the lines below to it.
fn joined(field: &Field<'_>, strays: &[Field<'_>]) -> Vec<u8> {
    let values: Vec<_> = [field].into_iter().chain(strays).map(Field::value).collect();
    values.join(&b"\r\n "[..])
}

/// The place of the next field; `counts` has the number of fields of each name so far.
fn position(counts: &mut HashMap<Vec<u8>, usize>, index: usize, field: &Field<'_>) -> FieldPosition {
    let occurrence = counts.entry(field.name().to_ascii_lowercase()).or_default();
    *occurrence += 1;
    FieldPosition { index, occurrence: *occurrence }
}

/// The place of a field to remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FieldPosition {
    /// Among all fields of the header, the topmost being 0: the index of [`Header::field`].
    pub index: usize,
    /// Among the fields of the same name, the topmost being 1, as the milter protocol counts in a request to change or
    /// delete a field (`SMFIR_CHGHEADER`, `smfi_chgheader`). The name is that of [`Header::field`], nearly always
    /// Authentication-Results; malformed lines are counted separately, and no milter sees them.
    pub occurrence: usize,
}

impl AuthservIds {
    /// The authserv-ids of your hosts. Case, surrounding white space, final dots, and the form of internationalized
    /// labels do not matter; empty ones are ignored.
    ///
    /// ```
    /// use waxseal_authres::AuthservIds;
    /// let ids = AuthservIds::new(["xn--bcher-kva.example"]);
    /// assert!(ids.claimed_by("BÜCHER.example; dmarc=pass".as_bytes()));
    /// ```
    pub fn new<I: AsRef<str>>(ids: impl IntoIterator<Item = I>) -> Self {
        let mut own = Self { ids: Vec::new(), names: Vec::new() };
        for id in ids {
            let id = id.as_ref().trim_start().trim_end_matches(|c: char| c == '.' || c.is_whitespace());
            let name = loose(id.as_bytes(), false);
            if !name.is_empty() {
                own.ids.push(comparable(id).into());
                own.names.push(name.into());
            }
        }
        own
    }

    /// Whether the value of an Authentication-Results field claims to come from one of your hosts, for any program that
    /// may read it.
    ///
    /// It does when its authserv-id is one of your names, or contains one as a whole word (in quotes, or followed by
    /// `/` and a job id as OpenDKIM can write it), in any version of the field. Invisible characters and full-width
    /// letters do not hide a name. An authserv-id with an encoded word (RFC 2047) claims every name, since some
    /// programs decode it; if one of your names is internationalized, so does one with combining characters, which can
    /// be normalized to others.
    ///
    /// A value whose authserv-id cannot be read, or that is [damaged](ParsedResults::damage), claims a name that it
    /// contains as a whole word, even with comments, quotes or backslashes inside, but not after `=` or `@`: programs
    /// may read such a value in any way. A value without an authserv-id claims nothing.
    ///
    /// ```
    /// use waxseal_authres::AuthservIds;
    /// let ids = AuthservIds::new(["mx.example.net"]);
    /// assert!(ids.claimed_by(b" (;) MX.Example.NET 7; dkim=pass"));
    /// assert!(ids.claimed_by(b"mx.exam(;)ple.net; dkim=pass"));
    /// assert!(ids.claimed_by(b"=?utf-8?b?bXguZXhhbXBsZS5uZXQ=?=; dkim=pass"));
    /// assert!(!ids.claimed_by(b"smtp.mx.example.net; dkim=pass"));
    /// ```
    pub fn claimed_by(&self, value: &[u8]) -> bool {
        claim::claims(&self.names, value)
    }

    /// The fields that a stranger forged, *from the bottom up*: they can be removed one by one in this order, without
    /// moving those that are still to be removed (CVE-2022-48521). They are:
    ///
    /// - Authentication-Results that [claim](Self::claimed_by) one of your names, even with `>` before the name of the field;
    /// - Authentication-Results of another version than 1, whatever their authserv-id. RFC 8601 §5 about a version that the host does not support: it "MUST remove such a header field if the SMTP connection ... relaying the message is not from a
    ///   trusted internal MTA". A field that is broken after such a version is removed, too; one that cannot be read up to its version only if it claims a name;
    /// - any field in which some programs see another one begin, after a bare CR, NUL or other byte that ends a line for them, if that one is named Authentication-Results, ARC-Authentication-Results, ARC-Message-Signature, ARC-Seal or
    ///   Received-SPF: `X: a\rAuthentication-Results: mx.example.net; dmarc=pass` is removed as a whole;
    /// - malformed lines that some programs read as one of these five: for example, with a NUL, blank or colon before the name, or the name in a fold;
    /// - lines without a colon after a field that is removed, or that claims one of your names together with them: Perl's
    ///   Email::Simple appends them to the field above.
    ///
    /// No honest host writes the last three, so they are removed whatever they contain. Ordinary Received-SPF and ARC
    /// fields stay.
    ///
    /// Call it before adding your own field, and only for mail from outside: fields of your hosts claim your names,
    /// too.
    pub fn forged(&self, header: &Header) -> Vec<FieldPosition> {
        // Nearly all headers: nothing is counted.
        if !header.fields().any(|field| is_stray(&field) || self.is_forged(&field)) {
            return Vec::new();
        }
        let (mut counts, mut forged) = (HashMap::new(), Vec::new());
        let mut fields = header.fields().enumerate().peekable();
        while let Some((index, field)) = fields.next() {
            let mut positions = vec![position(&mut counts, index, &field)];
            let mut strays = Vec::new();
            while let Some((index, stray)) = fields.next_if(|(_, next)| is_stray(next)) {
                positions.push(position(&mut counts, index, &stray));
                strays.push(stray);
            }
            // Lines below a removed field would belong to the one above it.
            if self.is_forged(&field) || !strays.is_empty() && self.is_claim(&field, &joined(&field, &strays))
            {
                forged.extend(positions);
            } else {
                let strays = strays.iter().zip(positions.into_iter().skip(1));
                forged.extend(strays.filter(|(stray, _)| is_disguised(stray)).map(|(_, position)| position));
            }
        }
        forged.reverse();
        forged
    }

    fn is_forged(&self, field: &Field<'_>) -> bool {
        is_disguised(field) || self.is_claim(field, field.value())
    }

    fn is_claim(&self, field: &Field<'_>, value: &[u8]) -> bool {
        is_quoted(field, AUTHENTICATION_RESULTS)
            && (self.claimed_by(value) || AuthenticationResults::is_of_other_version(value))
    }

    /// The bytes of the header block without the [forged](Self::forged) fields; everything else stays as it is; there
    /// is no empty line at the end.
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

    /// The results that can be trusted, from the top: those of version 1 whose authserv-id is one of your names
    /// (regardless of case, final dots and the form of labels), among the `first` fields of the header. Fields that are
    /// [damaged](ParsedResults::damage) or unreadable up to their first result are not included; other [unreadable
    /// parts](ParsedResults::unreadable) are left out.
    ///
    /// A name proves nothing by itself (RFC 8601 §7.1). If the host at the border [removes](Self::remove_forged) forged
    /// fields, all are its own and `first` is [`Header::len`]. If it does not, let it put its results above its own
    /// `Received` field, and pass the index of that one: nobody can tell who wrote the fields below.
    pub fn trusted<'h>(&self, header: &'h Header, first: usize) -> impl Iterator<Item = ParsedResults<'h>> {
        let named = header.fields().take(first).filter(|field| field.is(AUTHENTICATION_RESULTS));
        let read = named.filter_map(|field: Field<'h>| AuthenticationResults::parse(field.value()).ok());
        read.filter(|read| {
            let own = |id: &str| {
                let id = comparable(id.trim_end_matches('.'));
                self.ids.iter().any(|own| **own == *id)
            };
            read.version() == 1 && read.damage().is_none() && read.authserv_id().is_some_and(own)
        })
    }
}
