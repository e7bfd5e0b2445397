//! The DKIM-Signature field (RFC 6376 §3.5).

use crate::{
    Canonicalization, InvalidSignature, Selector,
    body::BodyForm,
    invalid_signature::SignatureProblem,
    quoted_printable,
    tags::{SignatureTags, Tags, base64, optional_number, required},
};
use base64::Engine;
use bytes::Bytes;
use std::ops::Range;
use waxseal_crypto::{Algorithm, Digest};
use waxseal_dns::DomainName;
use waxseal_header::{TagList, name_len};

/// A parsed DKIM-Signature. It follows every rule of RFC 6376 §3.5 and §6.1.1 that concerns the field alone.
///
/// ```
/// use waxseal_dkim::Signature;
/// let signature = Signature::parse(
///     b"v=1; a=rsa-sha256; c=relaxed/simple; d=example.org; s=2026a; h=From : Subject; \
///       bh=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=; b=c2lnbmF0dXJl",
/// )?;
/// assert_eq!(signature.domain().as_str(), "example.org");
/// assert_eq!(signature.signed_fields().collect::<Vec<_>>(), [&b"From"[..], b"Subject"]);
/// assert_eq!(signature.body_length(), None);
/// # Ok::<(), waxseal_dkim::InvalidSignature>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    value: Bytes,
    common: SignatureTags,
    header_form: Canonicalization,
    body_form: Canonicalization,
    identity: Option<Vec<u8>>,
    signed_fields: Vec<Range<u32>>,
    copied_fields: Option<Range<usize>>,
    body_hash: Digest,
    body_length: Option<u64>,
    expiration: Option<u64>,
}

impl Signature {
    /// Parses the value of a DKIM-Signature field: everything after the colon, folds included.
    ///
    /// # Errors
    /// [`InvalidSignature`].
    pub fn parse(value: impl AsRef<[u8]>) -> Result<Self, InvalidSignature> {
        Self::from_bytes(Bytes::copy_from_slice(value.as_ref()))
    }

    /// [`Signature::parse`] without copying; the signature keeps the buffer behind `value` alive.
    ///
    /// # Errors
    /// [`InvalidSignature`].
    pub fn from_bytes(value: Bytes) -> Result<Self, InvalidSignature> {
        Ok(Self::read(&value, &TagList::parse(&value)?, Kind::Dkim)?)
    }

    /// Parses the value of an ARC-Message-Signature field, whose tags are `list` (RFC 8617 §4.1.2): like a
    /// DKIM-Signature, except that `v=` has no meaning, `i=` is not an identity, and `h=` may lack From and have empty
    /// names. The signature keeps the buffer behind `value` alive.
    ///
    /// # Errors
    /// [`InvalidSignature`].
    pub(crate) fn from_arc_tags(value: &Bytes, list: &TagList<'_>) -> Result<Self, InvalidSignature> {
        Ok(Self::read(value, list, Kind::Arc)?)
    }

    fn read(value: &Bytes, list: &TagList<'_>, kind: Kind) -> Result<Self, SignatureProblem> {
        let tags = Tags::new(list);
        // §3.5: "v= … It MUST have the value "1""
        if kind == Kind::Dkim && required("v", tags.v)?.value() != b"1" {
            return Err(SignatureProblem::Version);
        }
        let common = SignatureTags::of(&tags)?;
        let (header_form, body_form) = tags.canonicalization()?;
        tags.query_method()?;
        let expiration = optional_number("x", tags.x, 12)?;
        if common.timestamp.is_some_and(|t| expiration.is_some_and(|x| x <= t)) {
            return Err(SignatureProblem::ExpiresBeforeSigned);
        }
        let signed_fields = signed_fields(value, required("h", tags.h)?.range(), kind)?;
        let body_hash = base64("bh", tags.bh)?;
        let expected = common.algorithm.hash().output_len();
        let wrong_length = SignatureProblem::BodyHashLength { bytes: body_hash.len(), expected };
        let body_hash =
            Digest::new(&body_hash).filter(|hash| hash.as_ref().len() == expected).ok_or(wrong_length)?;
        Ok(Self {
            identity: if kind == Kind::Dkim { tags.identity(&common.domain)? } else { None },
            copied_fields: tags.z.map(|tag| tag.range()),
            body_length: optional_number("l", tags.l, 76)?,
            common: common.with_signature(&tags)?,
            header_form,
            body_form,
            expiration,
            signed_fields,
            body_hash,
            value: value.clone(),
        })
    }

    /// The value of the field.
    pub(crate) fn value(&self) -> &Bytes {
        &self.value
    }

    /// `a=`
    pub fn algorithm(&self) -> Algorithm {
        self.common.algorithm
    }

    /// `c=`, the part before the slash.
    pub fn header_canonicalization(&self) -> Canonicalization {
        self.header_form
    }

    /// `c=`, the part after the slash.
    pub fn body_canonicalization(&self) -> Canonicalization {
        self.body_form
    }

    /// The hash of the body that this signature needs.
    pub fn body_form(&self) -> BodyForm {
        BodyForm {
            canonicalization: self.body_form,
            hash: self.common.algorithm.hash(),
            length: self.body_length,
        }
    }

    /// The same signature with another `c=`.
    #[must_use]
    pub(crate) fn with_canonicalization(self, header: Canonicalization, body: Canonicalization) -> Self {
        Self { header_form: header, body_form: body, ..self }
    }

    /// `d=`, the domain that takes responsibility.
    pub fn domain(&self) -> &DomainName {
        &self.common.domain
    }

    /// `s=`
    pub fn selector(&self) -> &Selector {
        &self.common.selector
    }

    /// Where the public key is published.
    pub fn key_name(&self) -> &DomainName {
        &self.common.key_name
    }

    /// `i=`, decoded: an optional local part, an at sign, and a domain within `d=`. `None` when the tag is absent,
    /// which means `@` and the domain of `d=`.
    pub fn identity(&self) -> Option<&[u8]> {
        self.identity.as_deref()
    }

    /// `h=`: names of the signed fields, in the order in which they are hashed.
    pub fn signed_fields(&self) -> impl Iterator<Item = &[u8]> + Clone {
        let range = |range: &Range<u32>| range.start as usize..range.end as usize;
        self.signed_fields.iter().filter_map(move |name| self.value.get(range(name)))
    }

    /// `bh=`, decoded: as long as the hash of [`Signature::algorithm`].
    pub fn body_hash(&self) -> &[u8] {
        self.body_hash.as_ref()
    }

    /// `l=`: how many bytes of the canonical body are signed; `None` means all. A number over 2⁶⁴-1 reads as 2⁶⁴-1.
    pub fn body_length(&self) -> Option<u64> {
        self.body_length
    }

    /// `t=`, in seconds of Unix time.
    pub fn timestamp(&self) -> Option<u64> {
        self.common.timestamp
    }

    /// `x=`, in seconds of Unix time.
    pub fn expiration(&self) -> Option<u64> {
        self.expiration
    }

    /// `b=`, decoded.
    pub fn signature(&self) -> &[u8] {
        &self.common.signature
    }

    /// `z=`, decoded: the fields as the signer saw them, for diagnosis alone (RFC 6376 §3.5). Entries without a colon
    /// are left out.
    pub fn copied_fields(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        let list = self.copied_fields.clone().and_then(|range| self.value.get(range)).unwrap_or_default();
        // OpenDKIM folds between the digits of a byte too.
        let list: Vec<u8> = list.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect();
        let entries = list.split(|c| *c == b'|').filter_map(quoted_printable::decode);
        entries
            .filter_map(|entry| {
                let colon = entry.iter().position(|c| *c == b':')?;
                Some((entry.get(..colon)?.to_vec(), entry.get(colon + 1..)?.to_vec()))
            })
            .collect()
    }

    /// Identifies this signature, to count how often a message is replayed (RFC 6376 §8.6): `d`, `s`, `bh` and `b`,
    /// joined.
    pub fn replay_key(&self) -> String {
        let base64 = |bytes: &[u8]| base64::prelude::BASE64_STANDARD.encode(bytes);
        format!(
            "{} {} {} {}",
            self.domain(),
            self.selector(),
            base64(self.body_hash()),
            base64(self.signature())
        )
    }

    /// The range of `b=` with the whitespace around it in the value of the field.
    pub fn signature_range(&self) -> Range<usize> {
        self.common.signature_range.clone()
    }
}

/// What differs between the signatures of DKIM and of ARC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Dkim,
    Arc,
}

/// The ranges of the names in `h=`. §3.5: they are separated by colons; §5.4: "The From header field MUST be signed".
fn signed_fields(value: &[u8], list: Range<usize>, kind: Kind) -> Result<Vec<Range<u32>>, SignatureProblem> {
    let text = value.get(list.clone()).unwrap_or_default();
    let mut names = Vec::with_capacity(32);
    let mut from = false;
    let mut rest = text;
    loop {
        let front = rest.trim_ascii_start();
        let (name, after) = front.split_at_checked(name_len(front)).unwrap_or((front, &[]));
        if name.is_empty() && kind == Kind::Dkim {
            return Err(SignatureProblem::Value { tag: "h" });
        }
        from |= name.len() == 4 && name.eq_ignore_ascii_case(b"from");
        // Header blocks are shorter than 2³¹ bytes.
        let at = (list.end - front.len()) as u32;
        names.push(at..at + name.len() as u32);
        match after.trim_ascii_start() {
            [] => break,
            [b':', next @ ..] => rest = next,
            _ => return Err(SignatureProblem::Value { tag: "h" }),
        }
    }
    if from || kind == Kind::Arc { Ok(names) } else { Err(SignatureProblem::FromNotSigned) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use waxseal_dns::InvalidDomainName;

    const BH: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

    fn with(change: &str) -> Result<Signature, SignatureProblem> {
        let mut tags = vec![
            ("v", "1"),
            ("a", "rsa-sha256"),
            ("d", "example.org"),
            ("s", "sel"),
            ("h", "from"),
            ("bh", BH),
            ("b", "Yg=="),
        ];
        for (name, value) in change.split(';').filter_map(|tag| tag.trim().split_once('=')) {
            tags.retain(|tag| tag.0 != name);
            if value != "-" {
                tags.push((name, value));
            }
        }
        let list: Vec<_> = tags.iter().map(|(name, value)| format!("{name}={value}")).collect();
        Signature::parse(list.join(";")).map_err(|error| error.0)
    }

    #[test]
    fn required_tags() {
        for tag in ["v", "a", "b", "bh", "d", "h", "s"] {
            assert_eq!(with(&format!("{tag}=-")).unwrap_err(), SignatureProblem::Missing { tag }, "{tag}");
        }
    }

    #[test]
    fn defaults() {
        let signature = with("").unwrap();
        assert_eq!(signature.header_canonicalization(), Canonicalization::Simple);
        assert_eq!(signature.body_canonicalization(), Canonicalization::Simple);
        assert_eq!((signature.identity(), signature.timestamp(), signature.expiration()), (None, None, None));
        assert_eq!(with("c=relaxed").unwrap().body_canonicalization(), Canonicalization::Simple);
        assert_eq!(with("l=99999999999999999999").unwrap().body_length(), Some(u64::MAX));
    }

    #[test]
    fn what_is_refused() {
        use SignatureProblem as E;
        for (change, error) in [
            ("v=2", E::Version),
            ("a=rsa-md5", E::Algorithm),
            ("c=nofws", E::Canonicalization),
            ("c=simple/", E::Canonicalization),
            ("q=http", E::QueryMethod),
            ("h=subject", E::FromNotSigned),
            ("h=date", E::FromNotSigned),
            ("h=from:", E::Value { tag: "h" }),
            ("h=from::to", E::Value { tag: "h" }),
            ("h=", E::Value { tag: "h" }),
            ("t=", E::Value { tag: "t" }),
            ("t=-1", E::Value { tag: "t" }),
            ("x=1234567890123", E::Value { tag: "x" }),
            ("t=5; x=5", E::ExpiresBeforeSigned),
            ("l=1k", E::Value { tag: "l" }),
            ("b=", E::Value { tag: "b" }),
            ("b=!", E::Value { tag: "b" }),
            ("i=joe@evilexample.org", E::Identity),
            ("i=joe@org", E::Identity),
            ("i=joe", E::Value { tag: "i" }),
            ("i=joe=2@example.org", E::Value { tag: "i" }),
            ("i=joe=0D=0A@example.org", E::Value { tag: "i" }),
        ] {
            assert_eq!(with(change).unwrap_err(), error, "{change}");
        }
        assert!(with("q=http:dns/txt;i==40@sub.Example.org;c=Relaxed/SIMPLE").is_ok());
    }

    #[test]
    fn cve_2020_28025_body_hash_of_the_wrong_length() {
        use base64::prelude::BASE64_STANDARD;
        for bytes in [3, 31, 33] {
            let error = with(&format!("bh={}", BASE64_STANDARD.encode(vec![7; bytes]))).unwrap_err();
            assert_eq!(error, SignatureProblem::BodyHashLength { bytes, expected: 32 });
        }
        assert_eq!(with("bh=").unwrap_err(), SignatureProblem::Value { tag: "bh" });
    }

    #[test]
    fn cve_2020_12272_no_odd_octets_in_names() {
        for name in ["legit.com(.attacker.com", "legit.com'", "legit.com\"", "a b.com", "legit.com\\"] {
            for tag in ["d", "s"] {
                let error = with(&format!("{tag}={name}")).unwrap_err();
                assert!(matches!(error, SignatureProblem::Name { .. }), "{tag}={name}: {error:?}");
            }
        }
        for name in ["legit.com(.", "legit.com'.", "legit.com\".", "legit.com\\.", "=20", "=28."] {
            assert!(with(&format!("i=@{name}example.org")).is_err(), "{name}");
        }
    }

    #[test]
    fn names_follow_the_grammar_of_mail() {
        let dot = InvalidDomainName::FinalDot;
        let hyphen = |label: &str| InvalidDomainName::Hyphen(label.into());
        for (change, tag, source) in [
            ("d=example.org.", "d", dot.clone()),
            ("d=com.", "d", dot.clone()),
            ("d=-a.example.org", "d", hyphen("-a")),
            ("d=example.org-", "d", hyphen("org-")),
            ("s=k-", "s", hyphen("k-")),
            ("s=-k.b", "s", hyphen("-k")),
            ("s=k.", "s", dot.clone()),
            ("i=joe@example.org.", "i", dot),
            ("i=joe@a-.example.org", "i", hyphen("a-")),
        ] {
            assert_eq!(with(change).unwrap_err(), SignatureProblem::Name { tag, source }, "{change}");
        }
        for change in ["d=foo_bar.example.org", "d=_a.b-c.example.org", "s=_k--1_", "i=a@_b.c_.example.org"] {
            assert!(with(change).is_ok(), "{change}");
        }
    }

    #[test]
    fn copied_fields_are_decoded() {
        let signature = with("z=From:joe=20doe|Subject:a=7Cb|junk").unwrap();
        let expected = [(b"From".to_vec(), b"joe doe".to_vec()), (b"Subject".to_vec(), b"a|b".to_vec())];
        assert_eq!(signature.copied_fields(), expected);
    }

    proptest! {
        #[test]
        fn any_octets_are_a_signature_or_an_error(value in proptest::collection::vec(any::<u8>(), 0..90)) {
            prop_assert!(Signature::parse(&value).is_err());
        }

        #[test]
        fn any_values_are_a_signature_or_an_error(value in "[ -~]{0,20}", tag in "[abcdhilqstxz]") {
            if let Ok(signature) = with(&format!("{tag}={value}")) {
                prop_assert!(signature.signed_fields().any(|name| name.eq_ignore_ascii_case(b"from")));
            }
        }
    }
}
