//! ARC sets and their fields (RFC 8617 §3.9, §4).

use bytes::Bytes;
use std::{
    fmt::{self, Write},
    ops::Range,
};
use waxseal_authres::{ArcResult, AuthenticationResults, InvalidAuthenticationResults, ParsedResults};
use waxseal_crypto::Algorithm;
use waxseal_dkim::{
    Canonicalization, InvalidSignature, Selector, Signature,
    parts::{self, SignatureTags},
};
use waxseal_dns::DomainName;
use waxseal_header::{Field, TagList};

/// The three fields that one handler of the message added, with the same `i=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    pub(crate) instance: u32,
    pub(crate) results: Bytes,
    pub(crate) message_signature: MessageSignature,
    pub(crate) seal: Result<Seal, InvalidSeal>,
    /// The numbers of the fields in the header: AAR, AMS, AS.
    pub(crate) places: [usize; 3],
}

impl Set {
    /// `i=`: 1 for the set that was added first.
    pub fn instance(&self) -> u32 {
        self.instance
    }

    /// The results in ARC-Authentication-Results (RFC 8617 §4.1.1). They deserve as much trust as the sealer: see
    /// [`Chain::trusted_by`](crate::Chain::trusted_by). An unreadable result does not affect the others: see
    /// [`ParsedResults::unreadable`], and check [`ParsedResults::damage`] before you rely on any.
    ///
    /// # Errors
    /// [`InvalidAuthenticationResults`] when the field cannot be read at all, which does not break the chain.
    pub fn authentication_results(&self) -> Result<ParsedResults<'_>, InvalidAuthenticationResults> {
        AuthenticationResults::parse(&self.results)
    }

    /// The text of ARC-Authentication-Results after `i=` and its semicolon.
    pub fn authentication_results_text(&self) -> &[u8] {
        &self.results
    }

    /// The ARC-Message-Signature; `None` when it is malformed, which breaks the chain only in the newest set.
    pub fn message_signature(&self) -> Option<&Signature> {
        self.message_signature.as_ref().ok().map(|readings| &readings.likeliest)
    }

    /// The ARC-Seal; `None` when it is malformed.
    pub fn seal(&self) -> Option<&Seal> {
        self.seal.as_ref().ok()
    }

    /// `d=` of the ARC-Seal, the domain that is responsible for the set.
    pub fn domain(&self) -> Option<&DomainName> {
        self.seal().map(Seal::domain)
    }

    /// `s=` of the ARC-Seal.
    pub fn selector(&self) -> Option<&Selector> {
        self.seal().map(Seal::selector)
    }

    /// For [`Chain::explain`](crate::Chain::explain).
    pub(crate) fn write_page(&self, page: &mut String) -> fmt::Result {
        write!(page, "  set {}", self.instance)?;
        match self.seal() {
            Some(seal) => {
                write!(
                    page,
                    ": sealed by {} ({}), cv={}",
                    seal.domain(),
                    seal.key_name(),
                    seal.chain_validation
                )?;
            }
            None => write!(page, ": malformed seal")?,
        }
        let lines = self.results.trim_ascii().split(|byte| *byte == b'\n');
        let unfolded: Vec<_> = lines.map(|line| line.trim_ascii().escape_ascii().to_string()).collect();
        let results = unfolded.join(" ");
        writeln!(page, "; results: {}", results.get(..MAX_SHOWN).unwrap_or(&results))
    }
}

/// The most that the page of a chain shows of the results of a set, in bytes.
const MAX_SHOWN: usize = 1000;

/// One of the three fields of a [`Set`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArcField {
    /// ARC-Authentication-Results (RFC 8617 §4.1.1).
    AuthenticationResults,
    /// ARC-Message-Signature (RFC 8617 §4.1.2).
    MessageSignature,
    /// ARC-Seal (RFC 8617 §4.1.3).
    Seal,
}

impl ArcField {
    /// All three, in the order in which a seal covers them (RFC 8617 §5.1.1).
    pub const ALL: [Self; 3] = [Self::AuthenticationResults, Self::MessageSignature, Self::Seal];

    /// The name of the field.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthenticationResults => "ARC-Authentication-Results",
            Self::MessageSignature => "ARC-Message-Signature",
            Self::Seal => "ARC-Seal",
        }
    }

    /// Which of the three fields this is.
    pub(crate) fn of(field: Field<'_>) -> Option<Self> {
        let name = field.name();
        // Their lengths differ, and hardly any other field has one of them.
        let candidate = match name.len() {
            26 => Self::AuthenticationResults,
            21 => Self::MessageSignature,
            8 => Self::Seal,
            _ => return None,
        };
        name.eq_ignore_ascii_case(candidate.name().as_bytes()).then_some(candidate)
    }
}

impl fmt::Display for ArcField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A parsed ARC-Seal (RFC 8617 §4.1.3).
///
/// ```
/// use waxseal_arc::{ArcResult, Seal};
/// let seal = Seal::parse(b"i=1; a=rsa-sha256; cv=none; d=example.org; s=2026a; t=12345; b=c2VhbA==")?;
/// assert_eq!(seal.domain().as_str(), "example.org");
/// assert_eq!(seal.chain_validation(), ArcResult::None);
/// # Ok::<(), waxseal_arc::InvalidSeal>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seal {
    tags: SignatureTags,
    chain_validation: ArcResult,
}

/// Why an ARC-Seal field is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidSeal(#[from] SealFault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum SealFault {
    /// Not a tag list, or a tag is missing or malformed.
    #[error(transparent)]
    Tags(#[from] InvalidSignature),
    #[error("cv= is missing or malformed")]
    ChainValidation,
    /// §4.1.3: "Note especially that the DKIM "h" tag is NOT allowed and, if found, MUST result in a cv status of "fail"".
    #[error("tag h= is forbidden")]
    SignedFields,
}

impl Seal {
    /// Parses the value of an ARC-Seal field: everything after the colon, folds included. `i=` is not checked.
    ///
    /// # Errors
    /// [`InvalidSeal`].
    pub fn parse(value: &[u8]) -> Result<Self, InvalidSeal> {
        let list = TagList::parse(value).map_err(InvalidSignature::from).map_err(SealFault::from)?;
        Self::from_tags(&list)
    }

    pub(crate) fn from_tags(list: &TagList<'_>) -> Result<Self, InvalidSeal> {
        if list.tag("h").is_some() {
            return Err(SealFault::SignedFields.into());
        }
        let tags = SignatureTags::read(list).map_err(SealFault::from)?;
        let cv = list.get("cv").and_then(ArcResult::from_name).ok_or(SealFault::ChainValidation)?;
        Ok(Self { tags, chain_validation: cv })
    }

    /// The tags in common with other signatures.
    pub(crate) fn tags(&self) -> &SignatureTags {
        &self.tags
    }

    /// `a=`
    pub fn algorithm(&self) -> Algorithm {
        self.tags.algorithm
    }

    /// `cv=`, the sealer's verdict on the earlier sets (RFC 8617 §4.4).
    pub fn chain_validation(&self) -> ArcResult {
        self.chain_validation
    }

    /// `d=`
    pub fn domain(&self) -> &DomainName {
        &self.tags.domain
    }

    /// `s=`
    pub fn selector(&self) -> &Selector {
        &self.tags.selector
    }

    /// Where the public key is published.
    pub fn key_name(&self) -> &DomainName {
        &self.tags.key_name
    }

    /// `t=`, in seconds of Unix time. It does not affect the verdict.
    pub fn timestamp(&self) -> Option<u64> {
        self.tags.timestamp
    }

    /// `b=`, decoded.
    pub fn signature(&self) -> &[u8] {
        &self.tags.signature
    }

    /// The range of `b=` with the whitespace around it in the value of the field.
    pub fn signature_range(&self) -> Range<usize> {
        self.tags.signature_range.clone()
    }
}

/// An ARC-Message-Signature in each of its possible interpretations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Readings {
    pub(crate) likeliest: Signature,
    /// Boxed, since it is rare.
    pub(crate) other: Option<Box<Signature>>,
}

impl Readings {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Signature> + Clone {
        [&self.likeliest].into_iter().chain(self.other.as_deref())
    }
}

pub(crate) type MessageSignature = Result<Readings, InvalidSignature>;

/// RFC 6376 §3.5: without `c=` it is simple/simple. Some sealers, and a case of ValiMail's suite, leave it out and mean
/// relaxed/relaxed; whichever verifies counts.
fn read_message_signature(value: &Bytes, tags: &TagList<'_>) -> MessageSignature {
    let likeliest = parts::message_signature(value, tags)?;
    let relaxed = || {
        parts::with_canonicalization(likeliest.clone(), Canonicalization::Relaxed, Canonicalization::Relaxed)
    };
    let other = tags.tag("c").is_none().then(relaxed).map(Box::new);
    Ok(Readings { likeliest, other })
}

/// The content of an ARC field.
pub(crate) enum Content {
    Results(Bytes),
    MessageSignature(MessageSignature),
    Seal(Result<Seal, InvalidSeal>),
}

/// Reads an ARC field: the instance first, then the rest. `None` without a legible `i=`.
pub(crate) fn read(field: ArcField, value: &Bytes) -> Option<(u32, Content)> {
    if field == ArcField::AuthenticationResults {
        let (instance, payload) = split_results(value)?;
        return Some((instance, Content::Results(value.slice_ref(payload))));
    }
    let tags = TagList::parse(value).ok()?;
    let instance = instance(tags.get("i")?)?;
    let content = match field {
        ArcField::Seal => Content::Seal(Seal::from_tags(&tags)),
        _ => Content::MessageSignature(read_message_signature(value, &tags)),
    };
    Some((instance, content))
}

/// §4.2.1: numbers from 1. Those over the limit are read, too: they have a cause of their own.
fn instance(digits: &[u8]) -> Option<u32> {
    parts::number(digits, 9)
        .and_then(|instance| u32::try_from(instance).ok())
        .filter(|instance| *instance > 0)
}

/// `arc-info = instance [CFWS] ";" authres-payload` (§4.1.1).
fn split_results(value: &[u8]) -> Option<(u32, &[u8])> {
    let rest = skip_cfws(value).strip_prefix(b"i")?;
    let rest = skip_cfws(skip_cfws(rest).strip_prefix(b"=")?);
    let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(digits)?;
    let payload = skip_cfws(rest).strip_prefix(b";")?;
    Some((instance(digits)?, payload.trim_ascii_start()))
}

/// Without the white space and comments (RFC 5322 §3.2.2) at the start; an unclosed comment stays.
fn skip_cfws(text: &[u8]) -> &[u8] {
    let mut rest = text.trim_ascii_start();
    while let Some(after) = rest.strip_prefix(b"(").and_then(skip_comment) {
        rest = after.trim_ascii_start();
    }
    rest
}

/// The text after a comment; `text` begins after its opening parenthesis.
fn skip_comment(text: &[u8]) -> Option<&[u8]> {
    let mut depth = 1_usize;
    let mut bytes = text.iter();
    while depth > 0 {
        match bytes.next()? {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => _ = bytes.next()?,
            _ => {}
        }
    }
    Some(bytes.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_instance_of_results() {
        for (value, expected) in [
            ("i=1; a.example; none", Some((1, "a.example; none"))),
            (" (a (b\\)) c) i (x) = (y) 50 (z) ;\r\n\ta.example", Some((50, "a.example"))),
            ("i=1;", Some((1, ""))),
            ("i=123456789;x", Some((123_456_789, "x"))),
            ("i=1", None),
            ("i=0; x", None),
            ("i=; x", None),
            ("I=1; x", None),
            ("i=1 x; y", None),
            ("x; i=1; y", None),
            ("(i=1; x", None),
            ("i=-1; x", None),
            ("i=1234567890; x", None),
        ] {
            let expected = expected.map(|(instance, payload)| (instance, payload.as_bytes()));
            assert_eq!(split_results(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn what_a_seal_needs() {
        let tags = ["a=rsa-sha256", "cv=pass", "d=example.org", "s=x", "b=c2VhbA==", "t=1"];
        let with = |change: &str| {
            let name = change.split('=').next().unwrap();
            let kept = tags.into_iter().filter(|tag| tag.split('=').next() != Some(name));
            let all: Vec<_> = kept.chain((!change.ends_with("=-")).then_some(change)).collect();
            Seal::parse(all.join("; ").as_bytes())
        };
        let error = |change: &str| with(change).unwrap_err().to_string();
        for tag in ["a", "d", "s", "b"] {
            assert_eq!(error(&format!("{tag}=-")), format!("signature lacks the required tag {tag}="));
        }
        for tag in ["b", "t"] {
            for value in ["", "!"] {
                assert_eq!(error(&format!("{tag}={value}")), format!("value of {tag}= is malformed"));
            }
        }
        for change in ["cv=-", "cv=", "cv=!", "cv=maybe"] {
            assert_eq!(with(change).unwrap_err(), SealFault::ChainValidation.into(), "{change}");
        }
        assert_eq!(error("a=rsa-md5"), "signature algorithm is unknown");
        assert_eq!(with("h=from").unwrap_err(), SealFault::SignedFields.into());
        assert_eq!(with("h=").unwrap_err(), SealFault::SignedFields.into());
        for value in ["example...", "example.org.", "-a.example.org", "example.org-"] {
            assert_eq!(error(&format!("d={value}")), "d= is not a domain name", "{value}");
        }
        for value in ["k-", ""] {
            assert_eq!(error(&format!("s={value}")), "s= is not a domain name", "{value}");
        }
        assert!(with("d=foo_bar.example.org").is_ok());
        let seal = with("t=-").unwrap();
        assert_eq!((seal.timestamp(), seal.chain_validation()), (None, ArcResult::Pass));
        // Tags that ARC does not know are passed over, such as these of DKIM.
        assert!(with("v=2").is_ok() && with("bh=!").is_ok() && with("c=x").is_ok());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(value in proptest::collection::vec(any::<u8>(), 0..60)) {
            for field in ArcField::ALL {
                if let Some((instance, _)) = read(field, &Bytes::from(value.clone())) {
                    prop_assert!(instance > 0);
                }
            }
        }

        #[test]
        fn comments_hide_nothing(front in "([(]x[)]|[ \t]|[(][(]y[)]z[)]){0,5}", rest in "[a-z]{0,5}") {
            let text = format!("{front}{rest}");
            prop_assert_eq!(skip_cfws(text.as_bytes()), rest.as_bytes());
        }
    }
}
