//! Domain names as lower-case A-labels.

use std::{borrow::Borrow, convert::Infallible, fmt, net::IpAddr, str::FromStr, sync::Arc};

/// RFC 1035 §2.3.4: 255 bytes on the wire, that is 253 as text without the final dot.
const MAX_NAME: usize = 253;
/// RFC 1035 §2.3.4: "labels 63 octets or less".
const MAX_LABEL: usize = 63;

/// A domain name: lower-case A-labels without the final dot, at least one label, at most 253 bytes, labels of at most
/// 63. Two names are equal when they are the same name, regardless of spelling.
///
/// There are three ways to read one; all refuse empty labels and names over the limits:
///
/// - [`DomainName::new`] is **strict**: letters, digits, hyphens and underscores (`_domainkey` and `_dmarc` are legal
///   names), plus U-labels with the feature `idna`. Use it for what people and messages write: `From`, command lines,
///   configuration.
/// - [`DomainName::mail_domain`] is stricter: no final dot, no label with a hyphen at its edge. Use it for `d=` and `s=`.
/// - [`DomainName::lenient`] takes any visible ASCII character and the space. Use it for the output of DNS and SPF macros:
///   DNS itself allows any byte (RFC 2181 §11), `%{l}._spf.example.org` may well hold a `+`, and `%_` is a space
///   (RFC 7208 §7.1).
///
/// Clones share the text. `Ord` is the order of the text, not the canonical order of RFC 4034 §6.1.
///
/// ```
/// use waxseal_dns::DomainName;
/// # fn main() -> Result<(), waxseal_dns::InvalidDomainName> {
/// let key: DomainName = "2026a._domainkey.Example.ORG.".parse()?;
/// assert_eq!(key.as_str(), "2026a._domainkey.example.org");
/// assert!(key.is_within(&"example.org".parse()?));
/// assert!(!DomainName::new("evilexample.org")?.is_within(&"example.org".parse()?));
/// # #[cfg(feature = "idna")]
/// assert_eq!(DomainName::new("Bücher。example")?.as_str(), "xn--bcher-kva.example");
/// # Ok(()) }
/// ```
///
/// With the feature `serde` it is a string, read with [`DomainName::new`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(try_from = "String"))]
pub struct DomainName(Arc<str>);

/// Why a text is not a domain name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDomainName {
    /// No label: the empty text, or just the root.
    #[error("domain name is empty")]
    Empty,
    /// Two dots in a row, or a leading dot.
    #[error("domain name has an empty label")]
    EmptyLabel,
    /// RFC 1035 §2.3.4: labels are 63 bytes or less.
    #[error("domain label is longer than 63 bytes")]
    LabelTooLong,
    /// RFC 1035 §2.3.4: names are 255 bytes or less, that is 253 as text.
    #[error("domain name is longer than 253 bytes")]
    TooLong,
    /// A byte that is not allowed in this kind of name.
    #[error("domain name has a forbidden byte 0x{0:02x} at offset {1}")]
    Octet(u8, usize),
    /// A final dot, which the grammar of mail does not allow; see [`DomainName::mail_domain`].
    #[error("domain name ends in a dot")]
    FinalDot,
    /// A label that begins or ends in a hyphen; see [`DomainName::mail_domain`].
    #[error("domain label {0} begins or ends in a hyphen")]
    Hyphen(String),
    /// A non-ASCII name that UTS #46 does not map to A-labels.
    #[error("domain name is not ASCII and IDNA (UTS #46) refuses it")]
    Idna,
    /// A non-ASCII name without the feature `idna`.
    #[error(
        "domain name is not ASCII; enable the feature `idna` of waxseal-dns or give its A-label form (xn--...)"
    )]
    NonAscii,
}

impl DomainName {
    /// Reads a name of letters, digits, hyphens and underscores, with or without the final dot.
    ///
    /// With the feature `idna`, a name with non-ASCII characters is mapped by UTS #46 (non-transitional; the
    /// ideographic full stop and its variants separate labels, too) to A-labels.
    ///
    /// # Errors
    /// [`InvalidDomainName`]; without the feature `idna` a non-ASCII name is [`InvalidDomainName::NonAscii`].
    pub fn new(name: &str) -> Result<Self, InvalidDomainName> {
        match Self::build(name.as_bytes(), STRICT) {
            Err(InvalidDomainName::Octet(..) | InvalidDomainName::TooLong) if !name.is_ascii() => {
                from_unicode(name)
            }
            result => result,
        }
    }

    /// Reads a name by the grammar of mail, as in `d=` and `s=` of signatures: RFC 5321 §4.1.2, "sub-domain = Let-dig
    /// [Ldh-str]", so that no label begins or ends in a hyphen, and no dot stands at the end. Underscores are allowed
    /// as in [`DomainName::new`]: such names are published and sign mail.
    ///
    /// ```
    /// use waxseal_dns::{DomainName, InvalidDomainName};
    /// assert!(DomainName::mail_domain("bounce_1.example.org").is_ok());
    /// assert_eq!(DomainName::mail_domain("example.org."), Err(InvalidDomainName::FinalDot));
    /// assert!(matches!(DomainName::mail_domain("a-.example.org"), Err(InvalidDomainName::Hyphen(_))));
    /// ```
    ///
    /// # Errors
    /// [`InvalidDomainName`], among them [`InvalidDomainName::FinalDot`] and [`InvalidDomainName::Hyphen`].
    pub fn mail_domain(name: &str) -> Result<Self, InvalidDomainName> {
        let domain = Self::new(name)?;
        if has_final_dot(name) {
            return Err(InvalidDomainName::FinalDot);
        }
        match domain.hyphenated_label() {
            Some(label) => Err(InvalidDomainName::Hyphen(label.into())),
            None => Ok(domain),
        }
    }

    /// The first label that begins or ends in a hyphen, if there is one.
    pub fn hyphenated_label(&self) -> Option<&str> {
        if !self.as_str().bytes().any(|c| c == b'-') {
            return None;
        }
        self.labels().find(|label| label.starts_with('-') || label.ends_with('-'))
    }

    /// Reads a name whose labels may hold any visible ASCII character and the space (0x20 to 0x7e), with or without the
    /// final dot, as from SPF macros and DNS answers.
    ///
    /// # Errors
    /// [`InvalidDomainName`]; control characters and bytes above 127 are [`InvalidDomainName::Octet`].
    pub fn lenient(name: &[u8]) -> Result<Self, InvalidDomainName> {
        Self::build(name, LENIENT)
    }

    /// The name of the PTR records of an address: `in-addr.arpa` (RFC 1035 §3.5) or `ip6.arpa` (RFC 3596 §2.5). An
    /// IPv4-mapped IPv6 address counts as IPv6; call [`IpAddr::to_canonical`] first if it is an IPv4 client.
    ///
    /// ```
    /// # use waxseal_dns::DomainName;
    /// let name = DomainName::reverse("192.0.2.1".parse().unwrap());
    /// assert_eq!(name.as_str(), "1.2.0.192.in-addr.arpa");
    /// ```
    pub fn reverse(address: IpAddr) -> Self {
        let mut text = String::with_capacity(72);
        match address {
            IpAddr::V4(v4) => {
                for octet in v4.octets().iter().rev() {
                    text.push_str(&octet.to_string());
                    text.push('.');
                }
                text.push_str("in-addr.arpa");
            }
            IpAddr::V6(v6) => {
                for octet in v6.octets().iter().rev() {
                    for nibble in [octet & 0xf, octet >> 4] {
                        text.extend(char::from_digit(u32::from(nibble), 16));
                        text.push('.');
                    }
                }
                text.push_str("ip6.arpa");
            }
        }
        Self::from_checked(&text)
    }

    /// The name as text: lower case, A-labels, no final dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name for people: A-labels become U-labels; a name that does not decode stays as it is. Never compare the
    /// result, and note that different U-labels may look alike.
    #[cfg(feature = "idna")]
    pub fn to_unicode(&self) -> std::borrow::Cow<'_, str> {
        use idna::uts46::{AsciiDenyList, Hyphens, Uts46};
        match Uts46::new().to_unicode(self.0.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow) {
            (text, Ok(())) => text,
            _ => std::borrow::Cow::Borrowed(&self.0),
        }
    }

    /// The labels from left to right.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('.')
    }

    /// The number of labels, at least one.
    pub fn label_count(&self) -> usize {
        self.0.bytes().filter(|c| *c == b'.').count() + 1
    }

    /// The name without its leftmost label; `None` for a single label.
    pub fn parent(&self) -> Option<Self> {
        self.0.split_once('.').map(|(_, rest)| Self::from_checked(rest))
    }

    /// `label.self`, read leniently; `label` may also be several labels (`2026a._domainkey`).
    ///
    /// # Errors
    /// [`InvalidDomainName`], [`InvalidDomainName::TooLong`] above all.
    pub fn prepend(&self, label: &str) -> Result<Self, InvalidDomainName> {
        if label.is_empty() || label.ends_with('.') {
            return Err(InvalidDomainName::EmptyLabel);
        }
        let mut text = [0; MAX_NAME];
        let (front, back) = (label.as_bytes(), self.0.as_bytes());
        let len = front.len() + 1 + back.len();
        let octets = front.iter().chain(b".").chain(back);
        let whole = text.get_mut(..len).ok_or(InvalidDomainName::TooLong)?;
        whole.iter_mut().zip(octets).for_each(|(to, from)| *to = *from);
        Self::lenient(whole)
    }

    /// True when `self` is `other` or below it, by whole labels: `evilexample.org` is not within `example.org`.
    pub fn is_within(&self, other: &Self) -> bool {
        self.0.strip_suffix(&*other.0).is_some_and(|front| front.is_empty() || front.ends_with('.'))
    }

    fn build(name: &[u8], allowed: u8) -> Result<Self, InvalidDomainName> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let seen = scan(name, allowed)?;
        // Cannot fail: only ASCII passed the scan.
        let text = std::str::from_utf8(name).map_err(|_| InvalidDomainName::NonAscii)?;
        Ok(if seen & UPPER == 0 { Self::from_checked(text) } else { Self(text.to_ascii_lowercase().into()) })
    }

    fn from_checked(text: &str) -> Self {
        Self(text.into())
    }
}

const STRICT: u8 = 1;
const UPPER: u8 = 2;
const VISIBLE: u8 = 4;
const DOT: u8 = 8;
const LENIENT: u8 = STRICT | VISIBLE;

/// What a byte may be part of.
const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut octet = 0_u8;
    while octet < 0x7f {
        #[expect(clippy::indexing_slicing, reason = "constant evaluation; an octet is always below 256")]
        {
            class[octet as usize] = match octet {
                b'.' => DOT,
                b'A'..=b'Z' => STRICT | UPPER,
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => STRICT,
                b' '..=b'~' => VISIBLE,
                _ => 0,
            };
        }
        octet += 1;
    }
    class
};

/// Checks bytes, labels and length in one pass; returns the union of the classes seen.
fn scan(name: &[u8], allowed: u8) -> Result<u8, InvalidDomainName> {
    if name.is_empty() {
        return Err(InvalidDomainName::Empty);
    }
    if name.len() > MAX_NAME {
        return Err(InvalidDomainName::TooLong);
    }
    let (mut seen, mut label) = (0, 0);
    for (offset, &octet) in name.iter().enumerate() {
        #[expect(
            clippy::indexing_slicing,
            reason = "an octet is always below 256; this loop is the cost of a name"
        )]
        let class = CLASS[usize::from(octet)];
        if class == DOT {
            check_label(label)?;
            label = 0;
        } else if class & allowed == 0 {
            return Err(InvalidDomainName::Octet(octet, offset));
        } else {
            seen |= class;
            label += 1;
        }
    }
    check_label(label)?;
    Ok(seen)
}

fn check_label(octets: usize) -> Result<(), InvalidDomainName> {
    match octets {
        0 => Err(InvalidDomainName::EmptyLabel),
        1..=MAX_LABEL => Ok(()),
        _ => Err(InvalidDomainName::LabelTooLong),
    }
}

#[cfg(feature = "idna")]
fn from_unicode(name: &str) -> Result<DomainName, InvalidDomainName> {
    // Characters have at most four bytes: a longer text is not a name, and not worth mapping.
    if name.len() > 4 * (MAX_NAME + 1) {
        return Err(InvalidDomainName::TooLong);
    }
    let ascii = to_ascii(name).ok_or(InvalidDomainName::Idna)?;
    DomainName::build(ascii.as_bytes(), STRICT).map_err(|error| match error {
        // The offset would point into the mapped text.
        InvalidDomainName::Octet(..) => InvalidDomainName::Idna,
        error => error,
    })
}

#[cfg(feature = "idna")]
fn to_ascii(name: &str) -> Option<std::borrow::Cow<'_, str>> {
    use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};
    // We check characters (underscores are legal) and lengths ourselves; "r3---x.example" is in use.
    let (deny, hyphens) = (AsciiDenyList::EMPTY, Hyphens::Allow);
    Uts46::new().to_ascii(name.as_bytes(), deny, hyphens, DnsLength::Ignore).ok()
}

/// Whether a legal name ends in a dot. UTS #46 has other dots than the ASCII one, and characters that are dropped after
/// it.
fn has_final_dot(name: &str) -> bool {
    #[cfg(feature = "idna")]
    if !name.is_ascii() {
        return to_ascii(name).is_some_and(|ascii| ascii.ends_with('.'));
    }
    name.ends_with('.')
}

#[cfg(not(feature = "idna"))]
fn from_unicode(_: &str) -> Result<DomainName, InvalidDomainName> {
    Err(InvalidDomainName::NonAscii)
}

/// Hashes the text as `str` does: a map with the standard hasher stays safe against names chosen to collide.
impl Borrow<str> for DomainName {
    fn borrow(&self) -> &str {
        &self.0
    }
}
impl AsRef<str> for DomainName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}
impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}
impl FromStr for DomainName {
    type Err = InvalidDomainName;
    /// [`DomainName::new`].
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}
impl TryFrom<&str> for DomainName {
    type Error = InvalidDomainName;
    /// [`DomainName::new`].
    fn try_from(name: &str) -> Result<Self, Self::Error> {
        Self::new(name)
    }
}
impl TryFrom<String> for DomainName {
    type Error = InvalidDomainName;
    /// [`DomainName::new`].
    fn try_from(name: String) -> Result<Self, Self::Error> {
        Self::new(&name)
    }
}

/// Lets constructors that convert their argument take a name as it is.
impl From<Infallible> for InvalidDomainName {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl TryFrom<&[u8]> for DomainName {
    type Error = InvalidDomainName;
    /// [`DomainName::new`]; bytes that are not UTF-8 are [`InvalidDomainName::Octet`].
    fn try_from(name: &[u8]) -> Result<Self, Self::Error> {
        if name.is_ascii() {
            return Self::build(name, STRICT);
        }
        match std::str::from_utf8(name) {
            Ok(name) => Self::new(name),
            Err(error) => {
                let offset = error.valid_up_to();
                let octet = name.get(offset).copied().unwrap_or_default();
                Err(InvalidDomainName::Octet(octet, offset))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DomainName, InvalidDomainName as E};

    fn name(text: &str) -> DomainName {
        DomainName::new(text).unwrap()
    }

    #[test]
    fn compares_without_case_and_final_dot() {
        assert_eq!(name("Example.ORG."), name("example.org"));
        assert_eq!(name("Example.ORG.").to_string(), "example.org");
        assert_ne!(name("example.org"), name("example.com"));
        assert_eq!(format!("{:>13}|", name("example.org")), "  example.org|");
    }

    #[test]
    fn refuses_bad_names() {
        let long_label = "a".repeat(64);
        let long = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(62));
        for (text, error) in [
            ("", E::Empty),
            (".", E::Empty),
            ("..", E::EmptyLabel),
            (".example", E::EmptyLabel),
            ("a..b", E::EmptyLabel),
            ("a.b..", E::EmptyLabel),
            (&long_label, E::LabelTooLong),
            (&long, E::TooLong),
            ("a b", E::Octet(b' ', 1)),
            ("example.org\r\nX: y", E::Octet(b'\r', 11)),
            ("a+b.example", E::Octet(b'+', 1)),
            ("*.example", E::Octet(b'*', 0)),
        ] {
            assert_eq!(DomainName::new(text), Err(error), "{text:?}");
        }
        assert_eq!(name(&long[1..]).as_str().len(), 253);
        assert_eq!(name(&format!("{}.", &long[1..])).as_str().len(), 253);
        assert_eq!(name(&long_label[1..]).as_str().len(), 63);
    }

    #[test]
    fn lenient_takes_visible_ascii_and_spaces_only() {
        assert_eq!(DomainName::lenient(b"A+b%!*\\._spf.Example").unwrap().as_str(), "a+b%!*\\._spf.example");
        for octet in [0, 0x1f, 0x7f, 0x80, 0xff] {
            assert_eq!(DomainName::lenient(&[b'a', octet]), Err(E::Octet(octet, 1)));
        }
        for octet in b' '..=b'~' {
            assert_eq!(DomainName::lenient(&[octet, b'a']).is_ok(), octet != b'.');
        }
    }

    #[test]
    fn whole_labels_only() {
        assert!(name("example.org").is_within(&name("example.org")));
        assert!(name("a.b.example.org").is_within(&name("example.org")));
        assert!(!name("evilexample.org").is_within(&name("example.org")));
        assert!(!name("org").is_within(&name("example.org")));
    }

    #[test]
    fn walks_up_and_down() {
        let leaf = name("2026a._domainkey.example.org");
        assert_eq!(leaf.label_count(), 4);
        assert_eq!(leaf.labels().next_back(), Some("org"));
        assert_eq!(leaf.parent(), Some(name("_domainkey.example.org")));
        assert_eq!(name("org").parent(), None);
        assert_eq!(name("example.org").prepend("2026a._DomainKey"), Ok(leaf.clone()));
        for bad in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(leaf.prepend(bad), Err(E::EmptyLabel), "{bad:?}");
        }
        assert_eq!(leaf.prepend(&"a".repeat(64)), Err(E::LabelTooLong));
        assert_eq!(leaf.prepend(&"a.".repeat(130)[..259]), Err(E::TooLong));
    }

    #[test]
    fn reverse_names() {
        let v6 = DomainName::reverse("2001:db8::cb01".parse().unwrap());
        assert_eq!(v6.as_str(), "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
        assert_eq!(DomainName::reverse("203.0.113.9".parse().unwrap()), name("9.113.0.203.in-addr.arpa"));
    }

    #[test]
    fn bytes_that_are_not_utf8() {
        assert_eq!(DomainName::try_from(&b"ex\xffmple"[..]), Err(E::Octet(0xff, 2)));
        assert_eq!(DomainName::try_from(&b"example"[..]), Ok(name("example")));
    }

    #[test]
    fn names_of_mail_have_no_dot_and_no_hyphen_at_an_edge() {
        for text in ["example.org", "_a.b_.EXAMPLE.org", "a--b.example", "com", "r3---x.example"] {
            assert!(DomainName::mail_domain(text).is_ok(), "{text}");
        }
        for text in ["example.org.", "com."] {
            assert_eq!(DomainName::mail_domain(text), Err(E::FinalDot), "{text}");
        }
        for (text, label) in
            [("-a.example", "-a"), ("a.b-.example", "b-"), ("-", "-"), ("a.example-", "example-")]
        {
            let label = label.into();
            assert_eq!(DomainName::mail_domain(text), Err(E::Hyphen(label)), "{text}");
        }
        assert_eq!(DomainName::mail_domain("."), Err(E::Empty));
    }

    #[cfg(feature = "idna")]
    #[test]
    fn dots_of_unicode_are_dots_at_the_end_too() {
        for text in [
            "example.org\u{3002}",
            "b\u{fc}cher.example.",
            "b\u{fc}cher.example\u{ff61}",
            "example.org.\u{ad}",
        ] {
            assert_eq!(DomainName::mail_domain(text), Err(E::FinalDot), "{text}");
        }
        assert!(DomainName::mail_domain("b\u{fc}cher\u{3002}example").is_ok());
    }

    #[cfg(feature = "idna")]
    #[test]
    fn unicode_names() {
        for (from, to) in [
            ("faß.example", "xn--fa-hia.example"),
            ("BÜCHER.example", "xn--bcher-kva.example"),
            ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
            ("_dmarc.bücher.example.", "_dmarc.xn--bcher-kva.example"),
            ("２０２６.example", "2026.example"),
        ] {
            assert_eq!(name(from).as_str(), to);
        }
        assert_eq!(name("xn--bcher-kva.example").to_unicode(), "bücher.example");
        assert_eq!(name("xn--zzzzzzzz99999.example").to_unicode(), "xn--zzzzzzzz99999.example");
        // U+2100 maps to "a/c", U+2024 to a dot that makes an empty label, U+D7FF-like gaps are disallowed.
        for bad in ["\u{2100}.example", "a\u{0378}b.example", "ex ämple", "\u{200b}\u{fffd}"] {
            assert_eq!(DomainName::new(bad), Err(E::Idna), "{bad:?}");
        }
        assert_eq!(DomainName::new("ä。。b"), Err(E::EmptyLabel));
        assert_eq!(DomainName::new(&"ü".repeat(64)), Err(E::LabelTooLong));
        assert_eq!(DomainName::new(&"ü.".repeat(5_000)), Err(E::TooLong));
    }

    #[cfg(not(feature = "idna"))]
    #[test]
    fn unicode_names_name_the_feature() {
        let error = DomainName::new("bücher.example").unwrap_err();
        assert_eq!(error, E::NonAscii);
        assert!(error.to_string().contains("feature `idna`"));
    }
}

#[cfg(all(test, feature = "json"))]
mod serde_tests {
    use super::DomainName;

    #[test]
    fn names_are_strings() {
        let names: Vec<DomainName> = serde_json::from_str(r#"["_dmarc.Example.ORG."]"#).unwrap();
        assert_eq!(serde_json::to_string(&names).unwrap(), r#"["_dmarc.example.org"]"#);
        let error = serde_json::from_str::<DomainName>(r#""a..b""#).unwrap_err();
        assert!(error.to_string().starts_with("domain name has an empty label"), "{error}");
    }
}
