//! The tags of signature fields: DKIM-Signature (RFC 6376 §3.5), ARC-Message-Signature and ARC-Seal (RFC 8617 §4.1).

use crate::{
    Canonicalization, InvalidSignature, Selector, base64_text, invalid_signature::SignatureProblem,
    quoted_printable,
};
use std::{
    ops::Range,
    time::{SystemTime, UNIX_EPOCH},
};
use waxseal_crypto::Algorithm;
use waxseal_dns::{DomainName, InvalidDomainName};
use waxseal_header::{Tag, TagList};

/// The tags that DKIM-Signature, ARC-Message-Signature and ARC-Seal have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureTags {
    /// `a=`
    pub algorithm: Algorithm,
    /// `d=`
    pub domain: DomainName,
    /// `s=`
    pub selector: Selector,
    /// Where the public key is published.
    pub key_name: DomainName,
    /// `t=`, in seconds of Unix time.
    pub timestamp: Option<u64>,
    /// `b=`, decoded.
    pub signature: Vec<u8>,
    /// The range of `b=` with the whitespace around it in the value of the field.
    pub signature_range: Range<usize>,
}

impl SignatureTags {
    /// Reads the common tags of a field.
    ///
    /// # Errors
    /// [`InvalidSignature`].
    pub fn read(list: &TagList<'_>) -> Result<Self, InvalidSignature> {
        let tags = Tags::new(list);
        Ok(Self::of(&tags)?.with_signature(&tags)?)
    }

    /// All but `b=`, whose errors are reported after those of all other tags.
    pub(crate) fn of(tags: &Tags<'_>) -> Result<Self, SignatureProblem> {
        let algorithm =
            Algorithm::from_name(required("a", tags.a)?.value()).ok_or(SignatureProblem::Algorithm)?;
        let domain =
            DomainName::mail_domain(text(required("d", tags.d)?.value())).map_err(name_error("d"))?;
        let selector: Selector = text(required("s", tags.s)?.value()).parse().map_err(name_error("s"))?;
        Ok(Self {
            algorithm,
            key_name: selector.key_name(&domain).map_err(name_error("s"))?,
            domain,
            selector,
            timestamp: optional_number("t", tags.t, 12)?,
            signature: Vec::new(),
            signature_range: 0..0,
        })
    }

    pub(crate) fn with_signature(self, tags: &Tags<'_>) -> Result<Self, SignatureProblem> {
        let signature = base64("b", tags.b)?;
        Ok(Self { signature, signature_range: required("b", tags.b)?.range(), ..self })
    }
}

/// The tags of a signature. Unknown ones are ignored (§3.2).
#[derive(Default)]
pub(crate) struct Tags<'t> {
    pub(crate) v: Option<Tag<'t>>,
    pub(crate) a: Option<Tag<'t>>,
    pub(crate) b: Option<Tag<'t>>,
    pub(crate) bh: Option<Tag<'t>>,
    pub(crate) c: Option<Tag<'t>>,
    pub(crate) d: Option<Tag<'t>>,
    pub(crate) h: Option<Tag<'t>>,
    pub(crate) i: Option<Tag<'t>>,
    pub(crate) l: Option<Tag<'t>>,
    pub(crate) q: Option<Tag<'t>>,
    pub(crate) s: Option<Tag<'t>>,
    pub(crate) t: Option<Tag<'t>>,
    pub(crate) x: Option<Tag<'t>>,
    pub(crate) z: Option<Tag<'t>>,
}

impl<'t> Tags<'t> {
    pub(crate) fn new(list: &TagList<'t>) -> Self {
        let mut tags = Self::default();
        for tag in list.tags() {
            let slot = match tag.name() {
                "v" => &mut tags.v,
                "a" => &mut tags.a,
                "b" => &mut tags.b,
                "bh" => &mut tags.bh,
                "c" => &mut tags.c,
                "d" => &mut tags.d,
                "h" => &mut tags.h,
                "i" => &mut tags.i,
                "l" => &mut tags.l,
                "q" => &mut tags.q,
                "s" => &mut tags.s,
                "t" => &mut tags.t,
                "x" => &mut tags.x,
                "z" => &mut tags.z,
                _ => continue,
            };
            *slot = Some(tag);
        }
        tags
    }

    /// §3.5: `c=` is "simple/simple" when absent; "If only one algorithm is named, that algorithm is used for the
    /// header and "simple" is used for the body."
    pub(crate) fn canonicalization(&self) -> Result<(Canonicalization, Canonicalization), SignatureProblem> {
        let Some(value) = self.c.map(|tag| tag.value()) else {
            return Ok(Default::default());
        };
        let mut parts =
            value.splitn(2, |c| *c == b'/').map(|name| Canonicalization::from_name(name.trim_ascii()));
        let header = parts.next().flatten().ok_or(SignatureProblem::Canonicalization)?;
        let body = parts
            .next()
            .unwrap_or(Some(Canonicalization::Simple))
            .ok_or(SignatureProblem::Canonicalization)?;
        Ok((header, body))
    }

    /// §3.5: "q= A colon-separated list … OPTIONAL, default is "dns/txt"". Unknown methods are ignored.
    pub(crate) fn query_method(&self) -> Result<(), SignatureProblem> {
        match self.q {
            Some(q)
                if !q
                    .value()
                    .split(|c| *c == b':')
                    .any(|m| m.trim_ascii().eq_ignore_ascii_case(b"dns/txt")) =>
            {
                Err(SignatureProblem::QueryMethod)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn identity(&self, domain: &DomainName) -> Result<Option<Vec<u8>>, SignatureProblem> {
        let Some(value) = self.i.map(|tag| tag.value()) else {
            return Ok(None);
        };
        let malformed = SignatureProblem::Value { tag: "i" };
        let identity = quoted_printable::decode(value).ok_or(malformed.clone())?;
        let at = identity.iter().rposition(|c| *c == b'@').ok_or(malformed.clone())?;
        // This goes into reports and headers.
        if identity.iter().any(|c| c.is_ascii_control()) || std::str::from_utf8(&identity).is_err() {
            return Err(malformed);
        }
        let host = text(identity.get(at + 1..).unwrap_or_default());
        let host = DomainName::mail_domain(host).map_err(name_error("i"))?;
        if !host.is_within(domain) {
            return Err(SignatureProblem::Identity);
        }
        Ok(Some(identity))
    }
}

pub(crate) fn required<'t>(name: &'static str, tag: Option<Tag<'t>>) -> Result<Tag<'t>, SignatureProblem> {
    tag.ok_or(SignatureProblem::Missing { tag: name })
}

pub(crate) fn optional_number(
    name: &'static str,
    tag: Option<Tag<'_>>,
    max_digits: usize,
) -> Result<Option<u64>, SignatureProblem> {
    tag.map(|tag| number(tag.value(), max_digits).ok_or(SignatureProblem::Value { tag: name })).transpose()
}

/// Parses at most `max_digits` digits; a number over 2⁶⁴-1 reads as 2⁶⁴-1.
pub(crate) fn number(digits: &[u8], max_digits: usize) -> Option<u64> {
    let is_number = (1..=max_digits).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    let add = |number: u64, digit: &u8| number.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    is_number.then(|| digits.iter().fold(0, add))
}

/// §3.5: `[FWS] base64string [FWS]` with folds anywhere inside.
pub(crate) fn base64(name: &'static str, tag: Option<Tag<'_>>) -> Result<Vec<u8>, SignatureProblem> {
    let bytes = base64_text::decode(required(name, tag)?.value()).filter(|bytes| !bytes.is_empty());
    bytes.ok_or(SignatureProblem::Value { tag: name })
}

/// Seconds of Unix time, as `t=` and `x=` have them; 0 before 1970.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Non-ASCII tag values are UTF-8, as [`TagList`] ensures; others would read as the empty text, which is not a name.
fn text(value: &[u8]) -> &str {
    std::str::from_utf8(value).unwrap_or_default()
}

fn name_error(tag: &'static str) -> impl Fn(InvalidDomainName) -> SignatureProblem {
    move |source| SignatureProblem::Name { tag, source }
}
