//! The key record (RFC 6376 §3.6.1, RFC 8463 §4).

mod diagnose;

use crate::base64_text;
use diagnose::diagnose;
use std::{borrow::Cow, fmt};
use waxseal_crypto::{HashAlgorithm, KeyType, PublicKey, PublicKeyError};
use waxseal_header::{InvalidTagList, TagList};

/// A parsed key record, or one that is to be published.
///
/// ```
/// use waxseal_dkim::KeyRecord;
/// let record = KeyRecord::parse(b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")?;
/// assert_eq!(record.public_key().map(|key| key.bits()), Some(256));
/// let record = KeyRecord::parse(b"v=DKIM1; p=")?;
/// assert!(record.is_revoked());
/// # Ok::<(), waxseal_dkim::InvalidKeyRecord>(())
/// ```
#[derive(Debug, Clone)]
pub struct KeyRecord {
    key_type: KeyType,
    key: Option<PublicKey>,
    hashes: Option<Vec<HashAlgorithm>>,
    services: Option<Vec<u8>>,
    testing: bool,
    strict_identity: bool,
    notes: Option<Vec<u8>>,
}

/// Why a TXT record is not a key record (RFC 6376 §6.1.2: "PERMFAIL (key syntax error)"). `Display` is one line, and
/// names common mistakes in publishing a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidKeyRecord(#[from] pub(crate) RecordProblem);

impl KeyRecord {
    /// Reads the text of a TXT record, its strings joined.
    ///
    /// # Errors
    /// [`InvalidKeyRecord`].
    pub fn parse(text: &[u8]) -> Result<Self, InvalidKeyRecord> {
        Self::parse_tags(text).map_err(|error| diagnose(text, error).into())
    }

    fn parse_tags(text: &[u8]) -> Result<Self, RecordProblem> {
        let tags = TagList::parse(text)?;
        let version = tags.tags().position(|tag| tag.name() == "v");
        if version.is_some_and(|at| at > 0) || tags.get("v").is_some_and(|v| v != b"DKIM1") {
            return Err(RecordProblem::Version);
        }
        let key_type = match tags.get("k") {
            // §3.6.1: "k= Key type (plain-text; OPTIONAL, default is "rsa")."
            None => KeyType::Rsa,
            Some(name) => KeyType::from_name(name).ok_or(RecordProblem::KeyType)?,
        };
        Ok(Self {
            key_type,
            key: parse_key(key_type, tags.get("p").ok_or(RecordProblem::NoKey)?)?,
            // §3.6.1: "Unrecognized algorithms MUST be ignored."
            hashes: tags.get("h").map(|list| items(list).filter_map(HashAlgorithm::from_name).collect()),
            services: tags.get("s").map(<[u8]>::to_vec),
            testing: tags.get("t").is_some_and(|list| has(list, b"y")),
            strict_identity: tags.get("t").is_some_and(|list| has(list, b"s")),
            notes: tags.get("n").and_then(crate::quoted_printable::decode),
        })
    }

    /// A record that publishes `key`, with nothing but the required tags. `Display` writes it.
    ///
    /// ```
    /// use waxseal_crypto::{KeyType, PublicKey};
    /// use waxseal_dkim::KeyRecord;
    /// let key = PublicKey::from_dns(KeyType::Ed25519, &[
    ///     0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3, 0xc9, 0x64, 0x07, 0x3a,
    ///     0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a,
    /// ])?;
    /// let record = KeyRecord::new(key).with_testing(true);
    /// assert_eq!(
    ///     record.to_string(),
    ///     "v=DKIM1; k=ed25519; t=y; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
    /// );
    /// # Ok::<(), waxseal_crypto::PublicKeyError>(())
    /// ```
    pub fn new(key: PublicKey) -> Self {
        Self {
            key_type: key.key_type(),
            key: Some(key),
            hashes: None,
            services: None,
            testing: false,
            strict_identity: false,
            notes: None,
        }
    }

    /// `h=`: the hashes that signatures with this key may use (default: all).
    #[must_use]
    pub fn with_hashes(self, hashes: impl IntoIterator<Item = HashAlgorithm>) -> Self {
        Self { hashes: Some(hashes.into_iter().collect()), ..self }
    }

    /// `t=y`: the domain is testing DKIM (default: no).
    #[must_use]
    pub fn with_testing(self, testing: bool) -> Self {
        Self { testing, ..self }
    }

    /// `t=s`: the domain of `i=` must equal `d=` (default: no).
    #[must_use]
    pub fn with_strict_identity(self, strict_identity: bool) -> Self {
        Self { strict_identity, ..self }
    }

    /// `n=`: notes for people (default: none).
    #[must_use]
    pub fn with_notes(self, notes: &str) -> Self {
        Self { notes: Some(notes.into()), ..self }
    }

    /// `k=`
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// `p=`; `None` when the key was revoked.
    pub fn public_key(&self) -> Option<&PublicKey> {
        self.key.as_ref()
    }

    /// §3.6.1: "An empty value means that this public key has been revoked."
    pub fn is_revoked(&self) -> bool {
        self.key.is_none()
    }

    /// `h=`: whether signatures with this key may use `hash`.
    pub fn allows_hash(&self, hash: HashAlgorithm) -> bool {
        self.hashes.as_ref().is_none_or(|hashes| hashes.contains(&hash))
    }

    /// `s=`: whether the key is meant for mail, by name or by the `*` that is the default.
    pub fn is_for_email(&self) -> bool {
        self.services.as_ref().is_none_or(|list| has(list, b"*") || has(list, b"email"))
    }

    /// `t=y`: "This domain is testing DKIM. Verifiers MUST NOT treat messages from Signers in testing mode differently
    /// from unsigned email, even should the signature fail to verify."
    pub fn is_testing(&self) -> bool {
        self.testing
    }

    /// `t=s`: the domain of `i=` has to equal `d=`.
    pub fn has_strict_identity(&self) -> bool {
        self.strict_identity
    }

    /// `n=`, decoded.
    pub fn notes(&self) -> Option<&[u8]> {
        self.notes.as_deref()
    }
}

impl fmt::Display for KeyRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "v=DKIM1; ")?;
        if let Some(hashes) = &self.hashes {
            let names: Vec<_> = hashes.iter().map(ToString::to_string).collect();
            write!(f, "h={}; ", names.join(":"))?;
        }
        write!(f, "k={}; ", self.key_type)?;
        if let Some(notes) = &self.notes {
            write!(f, "n={}; ", crate::quoted_printable::encode(notes))?;
        }
        if let Some(services) = &self.services {
            write!(f, "s={}; ", String::from_utf8_lossy(services))?;
        }
        match (self.testing, self.strict_identity) {
            (true, true) => write!(f, "t=y:s; ")?,
            (true, false) => write!(f, "t=y; ")?,
            (false, true) => write!(f, "t=s; ")?,
            (false, false) => {}
        }
        write!(f, "p={}", self.key.as_ref().map(PublicKey::dns_p).unwrap_or_default())
    }
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RecordProblem {
    /// The record is not a tag list.
    #[error(transparent)]
    TagList(#[from] InvalidTagList),
    /// §3.6.1: "v= … If specified, this tag MUST be set to "DKIM1" … This tag MUST be the first tag in the record."
    #[error("v= is not DKIM1 or not the first tag")]
    Version,
    /// There is no semicolon between `v=DKIM1` and the next tag.
    #[error("a semicolon is missing behind v=DKIM1")]
    NoSemicolon,
    /// §3.6.1: `p=` is required.
    #[error("tag p= is missing")]
    NoKey,
    /// §3.6.1: "Unrecognized key types MUST be ignored".
    #[error("key type is unknown")]
    KeyType,
    /// `p=` is not base64.
    #[error("p= is not base64: {}", base64_fault(*.byte))]
    Base64 { byte: Option<u8> },
    /// `p=` holds only the first part of a key.
    #[error(
        "p= is cut off, {bytes} of the {expected} bytes of the key are there: a string of a TXT record holds 255 bytes, \
         and longer text is published as several strings of one record"
    )]
    Cut { bytes: usize, expected: usize },
    /// `p=` holds a PEM file.
    #[error("p= holds the lines of a PEM file: only the base64 between the first and the last belongs there")]
    Pem,
    /// The quotation marks that zone files have around strings are part of the text.
    #[error("the text has quotation marks, which only zone files need: publish it without them")]
    Quoted,
    /// The backslashes that zone files may have before semicolons are part of the text.
    #[error("the text has backslashes, which only zone files need: publish it without them")]
    Escaped,
    /// The text is something else, such as an SPF record or a proof of ownership.
    #[error("the text is not a key record: it begins with {start}")]
    Foreign { start: String },
    /// The bytes in `p=` are not a key.
    #[error(transparent)]
    Key(#[from] PublicKeyError),
}

fn parse_key(key_type: KeyType, p: &[u8]) -> Result<Option<PublicKey>, RecordProblem> {
    if p.is_empty() {
        return Ok(None);
    }
    // §3.6.1: "any CRLFs must be followed by at least one WSP character", yet records with a bare LF are published.
    let p = if p.contains(&b'\n') { Cow::Owned(without_blanks(p)) } else { Cow::Borrowed(p) };
    let bytes = base64_text::decode(&p).ok_or_else(|| RecordProblem::Base64 { byte: odd_octet(&p) })?;
    Ok(Some(PublicKey::from_dns(key_type, &bytes)?))
}

/// The first byte that is neither a digit of base64 nor padding at the end.
fn odd_octet(p: &[u8]) -> Option<u8> {
    let digits = without_blanks(p);
    let mut odd = digits.iter().skip_while(|c| is_digit(**c)).peekable();
    let first = odd.peek().copied().copied();
    first.filter(|_| odd.any(|c| *c != b'='))
}

fn is_digit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/')
}

fn base64_fault(byte: Option<u8>) -> String {
    match byte {
        Some(byte @ b'!'..=b'~') => format!("it has a {}", char::from(byte)),
        Some(byte) => format!("it has the byte 0x{byte:02x}"),
        None => "its end is damaged".into(),
    }
}

fn without_blanks(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect()
}

fn items(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(|c| *c == b':').map(<[u8]>::trim_ascii)
}

fn has(list: &[u8], item: &[u8]) -> bool {
    items(list).any(|other| other.eq_ignore_ascii_case(item))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const P: &str = "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

    fn parse(text: &str) -> Result<KeyRecord, RecordProblem> {
        KeyRecord::parse(text.as_bytes()).map_err(|error| error.0)
    }

    #[test]
    fn what_tags_mean() {
        let record =
            parse(&format!("v=DKIM1;k=ed25519;h=sha1 : sha256:x;s=mail:*;t=s : y;n=a=20b;g=*;{P}")).unwrap();
        assert!(record.allows_hash(HashAlgorithm::Sha256) && record.is_for_email());
        assert!(record.is_testing() && record.has_strict_identity());
        assert_eq!(record.notes(), Some(&b"a b"[..]));
        let record = parse(&format!("k=ed25519; h=sha1; s=tlsrpt; {P};")).unwrap();
        assert!(!record.allows_hash(HashAlgorithm::Sha256) && !record.is_for_email());
        assert!(!record.is_testing() && !record.has_strict_identity());
        assert!(parse(&format!("k=ed25519; h=; {P}")).is_ok_and(|r| !r.allows_hash(HashAlgorithm::Sha256)));
        assert!(parse("v=DKIM1; k=rsa; p= ").unwrap().is_revoked());
    }

    #[test]
    fn keys_may_be_broken_by_bare_line_feeds() {
        let (front, back) = P.split_at(20);
        for blank in ["\n", "\n ", " \n\n", "\r\n\t", "\n\t\n"] {
            let record = parse(&format!("v=DKIM1;\nk=ed25519; {front}{blank}{back}{blank}")).unwrap();
            assert_eq!(record.public_key().map(|key| key.bits()), Some(256), "{blank:?}");
            assert!(!record.is_revoked(), "{blank:?}");
        }
        assert!(parse("v=DKIM1; p=\n").unwrap().is_revoked());
    }

    #[test]
    fn what_is_refused() {
        assert_eq!(parse(&format!("v=DKIM2; {P}")).unwrap_err(), RecordProblem::Version);
        assert_eq!(parse(&format!("k=ed25519; v=DKIM1; {P}")).unwrap_err(), RecordProblem::Version);
        assert_eq!(parse("v=DKIM1; k=rsa").unwrap_err(), RecordProblem::NoKey);
        assert_eq!(parse(&format!("k=dsa; {P}")).unwrap_err(), RecordProblem::KeyType);
        let odd = RecordProblem::Base64 { byte: Some(b'!') };
        assert_eq!(parse("k=ed25519; p=!!!").unwrap_err(), odd);
        assert_eq!(odd.to_string(), "p= is not base64: it has a !");
        assert!(matches!(parse("k=ed25519; p=AAAA").unwrap_err(), RecordProblem::Key(_)));
        // An old generator wrote this; receivers call it a bad format.
        assert!(matches!(parse("v=DKIM1; =rsa; p=MIGf").unwrap_err(), RecordProblem::TagList(_)));
        assert_eq!(parse("").unwrap_err(), RecordProblem::NoKey);
    }

    #[test]
    fn cve_2012_5671_oversized_record() {
        let long = vec![b'A'; 64 * 1024];
        assert!(KeyRecord::parse(&[b"v=DKIM1; p=", &long[..]].concat()).is_err());
        let many: String = (0..300).map(|n| format!("a{n}=x;")).collect();
        assert_eq!(parse(&many).unwrap_err().to_string(), "tag list: more than 64 tags");
    }

    proptest! {
        #[test]
        fn any_octets_are_a_record_or_an_error(text in proptest::collection::vec(any::<u8>(), 0..90)) {
            prop_assert!(KeyRecord::parse(&text).is_err());
        }

        #[test]
        fn mail_auth_0_3_17_random_der(der in proptest::collection::vec(any::<u8>(), 0..300)) {
            use base64::{Engine, prelude::BASE64_STANDARD};
            prop_assume!(!der.is_empty());
            let record = parse(&format!("p={}", BASE64_STANDARD.encode(der)));
            prop_assert!(record.is_err());
        }

        #[test]
        fn what_is_written_reads_the_same(testing: bool, strict: bool, notes in "[ -~]{0,9}") {
            let key = parse(&format!("k=ed25519; {P}")).unwrap().public_key().unwrap().clone();
            let record = KeyRecord::new(key).with_testing(testing).with_strict_identity(strict).with_notes(&notes)
                .with_hashes([HashAlgorithm::Sha256]);
            let read = parse(&record.to_string()).unwrap();
            prop_assert_eq!(read.to_string(), record.to_string());
            prop_assert_eq!((read.is_testing(), read.has_strict_identity()), (testing, strict));
            prop_assert_eq!(read.notes(), Some(notes.as_bytes()));
        }
    }
}
