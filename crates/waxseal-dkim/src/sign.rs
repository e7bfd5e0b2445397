//! Signing (RFC 6376 §5).

mod sign_error;
mod signing;
mod template;
mod whole;
mod with_hash;

pub use sign_error::SignError;
pub use signing::Signing;
pub use template::Unsigned;
pub use whole::{sign_all, sign_message_by_all};

use crate::{Canonicalization, Selector, SigningDomains, signed_fields::SignedFields};
use std::{fmt, sync::Arc, time::Duration};
use waxseal_crypto::{Algorithm, Provider, SigningKey, default_provider};
use waxseal_dns::{DomainName, InvalidDomainName};
use waxseal_header::Header;

/// Signs messages for one domain with one key. Cheap to clone.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_crypto::PrivateKey;
/// use waxseal_dkim::Signer;
/// let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?; // the key of RFC 8463 appendix A.2
/// let signer = Signer::new("example.org", "2026a", key)?;
/// let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
/// let field = signer.sign(message, SystemTime::now())?;
/// assert!(field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org;"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`sign_all`] signs with several signers in one pass over the body; [`Signing`] takes a message in chunks. For keys
/// held elsewhere, see [`Signer::remote`].
///
/// When signing for several customers, make sure that none of them can have mail signed for the domain of another (CERT
/// VU#244112): see [`Signer::with_guard`].
#[derive(Clone)]
pub struct Signer {
    domain: DomainName,
    selector: Selector,
    algorithm: Algorithm,
    /// Whether selector and domain make a name that is not too long.
    has_key_name: bool,
    key: Option<Arc<dyn SigningKey>>,
    identity: Option<Arc<str>>,
    settings: Arc<Settings>,
}

/// The settings, which signers of many domains share.
#[derive(Clone)]
struct Settings {
    provider: &'static dyn Provider,
    signing_domains: SigningDomains,
    header_form: Canonicalization,
    body_form: Canonicalization,
    fields: SignedFields,
    timestamp: bool,
    lifetime: Option<Duration>,
    body_length: bool,
    copied_fields: bool,
    query_method: bool,
    bare_line_ends: bool,
    guard: Option<Arc<Guard>>,
    more_tags: Vec<(String, String)>,
}

type Guard = dyn Fn(&Header) -> Result<(), String> + Send + Sync;

impl Signer {
    /// The most bytes of `z=`: 65,536. Postfix truncates fields after 102,400 bytes (`header_size_limit`), OpenDKIM
    /// accepts headers of 65,536 (`MaximumHeaders`), and a signature in a truncated field does not verify.
    const MAX_COPIED_FIELDS: usize = 64 * 1024;

    /// Signs for `domain` with `key`, whose public half is published under `selector`.
    ///
    /// Defaults: relaxed/relaxed, the fields of [`DEFAULT_FIELDS`](crate::DEFAULT_FIELDS) with
    /// [`OVERSIGNED_FIELDS`](crate::OVERSIGNED_FIELDS) and [`OVERSIGNED_IF_PRESENT`](crate::OVERSIGNED_IF_PRESENT), `t=`
    /// set, none of `i= l= q= x= z=`.
    ///
    /// # Errors
    /// [`SignError::DomainName`] and [`SignError::Selector`]; [`SignError::NoProvider`] when no crypto provider was compiled in.
    pub fn new(
        domain: impl TryInto<DomainName, Error: Into<InvalidDomainName>>,
        selector: impl TryInto<Selector, Error: Into<InvalidDomainName>>,
        key: impl SigningKey + 'static,
    ) -> Result<Self, SignError> {
        Self::with_provider(domain, selector, key, default_provider()?)
    }

    /// [`Signer::new`] with this crypto provider for hashing. Keys bring their own.
    ///
    /// # Errors
    /// [`SignError::DomainName`] and [`SignError::Selector`].
    pub fn with_provider(
        domain: impl TryInto<DomainName, Error: Into<InvalidDomainName>>,
        selector: impl TryInto<Selector, Error: Into<InvalidDomainName>>,
        key: impl SigningKey + 'static,
        provider: &'static dyn Provider,
    ) -> Result<Self, SignError> {
        let remote = Self::remote_with_provider(domain, selector, key.algorithm(), provider)?;
        Ok(Self { key: Some(Arc::new(key)), ..remote })
    }

    /// A signer whose key is held elsewhere, such as in an HSM or a cloud service.
    ///
    /// Instead of [`Signer::sign`], use [`Signing`], also for a whole message: [`Signing::finish`] returns an [`Unsigned`]
    /// for each signer, [`Unsigned::input`] is the input of the signature, and [`Unsigned::attach`] makes the field.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_crypto::Algorithm;
    /// use waxseal_dkim::{Signer, Signing};
    /// # use waxseal_crypto::{PrivateKey, SigningInput, SigningKey};
    /// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// # let key_service = |input: &SigningInput<'_>| key.sign(input);
    /// let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
    /// let signer = Signer::remote("example.org", "2026a", Algorithm::Ed25519Sha256)?;
    ///
    /// let mut signing = Signing::new([&signer], SystemTime::now());
    /// signing.push(message)?; // the whole message, or chunk by chunk
    /// let mut fields = String::new();
    /// for unsigned in signing.finish()? {
    ///     // input().bytes() for services that hash, input().sha256() for those that sign a digest; await as you like.
    ///     let signature = key_service(&unsigned.input())?;
    ///     fields += &unsigned.attach(&signature);
    /// }
    /// let signed = [fields.as_bytes(), message].concat();
    /// # assert!(signed.starts_with(b"DKIM-Signature: v=1; a=ed25519-sha256;"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Signer::new`].
    pub fn remote(
        domain: impl TryInto<DomainName, Error: Into<InvalidDomainName>>,
        selector: impl TryInto<Selector, Error: Into<InvalidDomainName>>,
        algorithm: Algorithm,
    ) -> Result<Self, SignError> {
        Self::remote_with_provider(domain, selector, algorithm, default_provider()?)
    }

    /// [`Signer::remote`] with this crypto provider for hashing.
    ///
    /// # Errors
    /// [`SignError::DomainName`] and [`SignError::Selector`].
    pub fn remote_with_provider(
        domain: impl TryInto<DomainName, Error: Into<InvalidDomainName>>,
        selector: impl TryInto<Selector, Error: Into<InvalidDomainName>>,
        algorithm: Algorithm,
        provider: &'static dyn Provider,
    ) -> Result<Self, SignError> {
        let settings = Settings {
            provider,
            signing_domains: SigningDomains::default(),
            header_form: Canonicalization::Relaxed,
            body_form: Canonicalization::Relaxed,
            fields: SignedFields::default(),
            timestamp: true,
            lifetime: None,
            body_length: false,
            copied_fields: false,
            query_method: false,
            bare_line_ends: false,
            guard: None,
            more_tags: Vec::new(),
        };
        Self::with_settings(domain, selector, algorithm, Arc::new(settings))
    }

    /// A signer for another domain or selector and with another key, which shares the settings of this one except `i=`.
    /// It takes no more than 100 bytes besides its key and names: meant for thousands of domains.
    ///
    /// ```
    /// use waxseal_crypto::PrivateKey;
    /// use waxseal_dkim::Signer;
    /// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// # let other_key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// let first = Signer::new("example.org", "2026a", key)?.with_timestamp(false);
    /// let second = first.for_domain("example.net", "2026b", other_key)?;
    /// assert_eq!((second.domain().as_str(), second.selector().as_str()), ("example.net", "2026b"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SignError::DomainName`] and [`SignError::Selector`].
    pub fn for_domain(
        &self,
        domain: impl TryInto<DomainName, Error: Into<InvalidDomainName>>,
        selector: impl TryInto<Selector, Error: Into<InvalidDomainName>>,
        key: impl SigningKey + 'static,
    ) -> Result<Self, SignError> {
        let signer = Self::with_settings(domain, selector, key.algorithm(), self.settings.clone())?;
        Ok(Self { key: Some(Arc::new(key)), ..signer })
    }

    fn with_settings(
        domain: impl TryInto<DomainName, Error: Into<InvalidDomainName>>,
        selector: impl TryInto<Selector, Error: Into<InvalidDomainName>>,
        algorithm: Algorithm,
        settings: Arc<Settings>,
    ) -> Result<Self, SignError> {
        let domain = domain.try_into().map_err(|error| SignError::DomainName(error.into()))?;
        let selector = selector.try_into().map_err(|error| SignError::Selector(error.into()))?;
        let has_key_name = selector.key_name(&domain).is_ok();
        Ok(Self { has_key_name, domain, selector, algorithm, key: None, identity: None, settings })
    }

    fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(Arc::make_mut(&mut self.settings));
        self
    }

    /// Which domains may sign (default: all with two labels or more): the same rule as for verifiers,
    /// [`Policy::with_signing_domains`](crate::Policy::with_signing_domains). For other domains, signing returns
    /// [`SignError::Domain`].
    #[must_use]
    pub fn with_signing_domains(self, signing_domains: SigningDomains) -> Self {
        self.set(|settings| settings.signing_domains = signing_domains)
    }

    /// `c=` (default relaxed/relaxed).
    #[must_use]
    pub fn with_canonicalization(self, header: Canonicalization, body: Canonicalization) -> Self {
        self.set(|settings| (settings.header_form, settings.body_form) = (header, body))
    }

    /// Names of the fields to sign, as far as the message has them (default [`DEFAULT_FIELDS`](crate::DEFAULT_FIELDS)).
    /// From is always signed.
    #[must_use]
    pub fn with_fields(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.set(|settings| settings.fields = std::mem::take(&mut settings.fields).with_names(names))
    }

    /// Names of the fields to oversign: they are signed once more than they occur in the message, so that none can be
    /// added (default [`OVERSIGNED_FIELDS`](crate::OVERSIGNED_FIELDS), and
    /// [`OVERSIGNED_IF_PRESENT`](crate::OVERSIGNED_IF_PRESENT) for those that are present). A list that is set here
    /// applies whatever the message has: if a mail server adds one of its fields, the signature breaks. An empty list
    /// oversigns nothing.
    #[must_use]
    pub fn with_oversigned(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.set(|settings| settings.fields = std::mem::take(&mut settings.fields).with_oversigned(names))
    }

    /// The exact list for `h=`, in this order, whatever the message has. It must contain From.
    #[must_use]
    pub fn with_field_list(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names = names.into_iter().map(Into::into).collect();
        self.set(|settings| settings.fields = SignedFields::Exactly(names))
    }

    /// `i=`, such as `joe@lists.example.org` or `@lists.example.org`: its domain is `d=` or below it (default: none).
    #[must_use]
    pub fn with_identity(self, identity: &str) -> Self {
        Self { identity: Some(identity.into()), ..self }
    }

    /// `t=`, the time of signing (default: set).
    #[must_use]
    pub fn with_timestamp(self, timestamp: bool) -> Self {
        self.set(|settings| settings.timestamp = timestamp)
    }

    /// `x=`, this long after signing (default: not set). Limits replays; use a week or more, as mail can be slow. A
    /// time that does not fit into `x=` is [`SignError::Time`].
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        self.set(|settings| settings.lifetime = Some(lifetime))
    }

    /// `l=`, the length of the body (default: not set). With it, anyone can append text to the body without breaking
    /// the signature (RFC 6376 §8.2), and careful verifiers do not accept it.
    #[must_use]
    pub fn with_body_length(self, body_length: bool) -> Self {
        self.set(|settings| settings.body_length = body_length)
    }

    /// `z=`, copies of the signed fields for diagnosis (default: not set). If they take more than 65,536 bytes, signing
    /// returns [`SignError::CopiedFields`].
    #[must_use]
    pub fn with_copied_fields(self, copied_fields: bool) -> Self {
        self.set(|settings| settings.copied_fields = copied_fields)
    }

    /// `q=dns/txt`, which is also the meaning of its absence (default: not set).
    #[must_use]
    pub fn with_query_method(self, query_method: bool) -> Self {
        self.set(|settings| settings.query_method = query_method)
    }

    /// Whether a body with a bare CR or LF is signed as it is (default: no, [`SignError::BareLineEnd`]). Mail servers
    /// rewrite such line ends in transit, and then the signature does not verify: set this only in a server that passes
    /// on what it signed byte for byte. A header with one is never signed, as programs disagree about where its fields
    /// begin.
    #[must_use]
    pub fn with_bare_line_ends(self, bare_line_ends: bool) -> Self {
        self.set(|settings| settings.bare_line_ends = bare_line_ends)
    }

    /// Adds a tag that this crate does not know, such as `r=y`, which requests failure reports (RFC 6651 §3.1).
    /// Verifiers ignore tags that they do not know (RFC 6376 §3.2).
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_dkim::{SignError, Signer};
    /// # let key = waxseal_crypto::PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// let signer = Signer::new("example.org", "2026a", key)?.with_tag("r", "y")?;
    /// let field = signer.sign(b"From: joe@example.org\r\n\r\nHi.\r\n", SystemTime::now())?;
    /// assert!(field.contains(" r=y;"));
    /// assert!(matches!(signer.with_tag("d", "example.com"), Err(SignError::Tag(..))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SignError::Tag`] when it is a tag of DKIM or was added before, the name is not a tag name, or the value is not
    /// 1 to 200 characters of visible ASCII without semicolons.
    pub fn with_tag(self, name: &str, value: &str) -> Result<Self, SignError> {
        const KNOWN: [&str; 14] = ["v", "a", "b", "bh", "c", "d", "h", "i", "l", "q", "s", "t", "x", "z"];
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.len() <= 60
            && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
        let is_value =
            (1..=200).contains(&value.len()) && value.bytes().all(|c| c.is_ascii_graphic() && c != b';');
        let is_new = !KNOWN.contains(&name) && self.settings.more_tags.iter().all(|(known, _)| known != name);
        if !(is_name && is_value && is_new) {
            return Err(SignError::Tag(name.to_owned()));
        }
        Ok(self.set(|settings| settings.more_tags.push((name.to_owned(), value.to_owned()))))
    }

    /// Asks `guard` about each message whether it may be signed for this domain: for example, whether the From field
    /// names a domain of the customer who sent it. The text of its `Err` becomes [`SignError::Refused`].
    ///
    /// ```
    /// # use waxseal_crypto::{Algorithm};
    /// # use waxseal_dkim::{SignError, Signer, Signing};
    /// # use std::time::SystemTime;
    /// # let signer = Signer::remote("example.org", "2026a", Algorithm::RsaSha256)?;
    /// let signer = signer.with_guard(|header| {
    ///     let own = |value: &[u8]| value.ends_with(b"@example.org");
    ///     let mut from = header.fields().filter(|field| field.is("From"));
    ///     if from.all(|field| own(field.value())) { Ok(()) } else { Err("foreign From".into()) }
    /// });
    /// let mut signing = Signing::new([&signer], SystemTime::now());
    /// let refused = signing.push(b"From: joe@example.com\r\n\r\n");
    /// assert!(matches!(refused, Err(SignError::Refused(..))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_guard(self, guard: impl Fn(&Header) -> Result<(), String> + Send + Sync + 'static) -> Self {
        self.set(|settings| settings.guard = Some(Arc::new(guard)))
    }

    /// `d=`
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// `s=`
    pub fn selector(&self) -> &Selector {
        &self.selector
    }

    /// `a=`
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Signer");
        out.field("domain", &self.domain)
            .field("selector", &self.selector)
            .field("algorithm", &self.algorithm);
        out.finish_non_exhaustive()
    }
}

/// Checks that each line is a field. Returns how many of them are From, at least one.
fn check_header(header: &Header) -> Result<usize, SignError> {
    let mut from = 0;
    for (number, field) in (1..).zip(header.fields()) {
        if field.is_malformed() {
            return Err(SignError::MalformedField(number));
        }
        from += usize::from(field.is("From"));
    }
    if from == 0 { Err(SignError::NoFrom) } else { Ok(from) }
}

/// An ARC seal only records how a message arrived; a signature vouches for it.
fn check_one_from(count: usize) -> Result<(), SignError> {
    if count > 1 { Err(SignError::SeveralFrom(count)) } else { Ok(()) }
}

impl Signer {
    fn check(&self, header: &Header) -> Result<(), SignError> {
        if self.algorithm == Algorithm::RsaSha1 {
            return Err(SignError::RsaSha1);
        }
        self.settings.signing_domains.check(&self.domain, &self.selector)?;
        if !self.has_key_name {
            return Err(SignError::KeyName(self.selector.clone(), self.domain.clone()));
        }
        if let Some(identity) = &self.identity {
            let domain =
                identity.rsplit_once('@').and_then(|(_, domain)| DomainName::mail_domain(domain).ok());
            if !domain.is_some_and(|domain| domain.is_within(&self.domain))
                || identity.contains(char::is_control)
            {
                return Err(SignError::Identity(self.domain.clone()));
            }
        }
        self.settings.fields.check()?;
        self.settings.guard.as_ref().map_or(Ok(()), |guard| guard(header)).map_err(SignError::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signer_is_small_and_shares_its_settings() {
        assert!(size_of::<Signer>() <= 100, "{}", size_of::<Signer>());
        let seed = waxseal_crypto::PrivateKey::from_ed25519_seed;
        let first = Signer::new("example.org", "a", seed(&[1; 32]).unwrap()).unwrap();
        let first = first.with_timestamp(false).with_identity("@example.org");
        let second = first.for_domain("example.net", "b", seed(&[2; 32]).unwrap()).unwrap();
        assert!(Arc::ptr_eq(&first.settings, &second.settings));
        let field =
            second.sign(b"From: joe@example.net\r\n\r\nHi.\r\n", std::time::SystemTime::now()).unwrap();
        assert!(
            field.contains(" d=example.net;\r\n\ts=b;") && !field.contains(" t=") && !field.contains(" i="),
            "{field}"
        );
    }
}
