//! Signing (RFC 6376 §5).

mod with_hash;

use crate::{
    BodyHash, BodyHashId, BodyHasher, BodyHashes, Canonicalization, FieldIndex, Selector, quoted_printable,
    signed_fields::SignedFields, verify::FIELD_NAME,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{
    borrow::Cow,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal_crypto::{Algorithm, NoProvider, Provider, SigningInput, SigningKey, default_provider};
use waxseal_dns::DomainName;
use waxseal_header::{
    Folder, Header, HeaderError, HeaderLimits, Split, Splitter,
    line_ends::{FindBare, find_bare},
};

/// Signs messages for one domain with one key. Cheap to clone.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_crypto::PrivateKey;
/// use waxseal_dkim::Signer;
/// # let pem = include_str!("../tests/keys/ed25519.pem");
/// let key = PrivateKey::from_pem(pem.as_bytes())?;
/// let signer = Signer::new("example.org".parse()?, "2026a".parse()?, key);
/// let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
/// let field = signer.sign(message, SystemTime::now())?;
/// assert!(field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org;"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Several signers share one pass over the body with [`sign_all`], and [`Signing`] takes the message in chunks.
///
/// Whoever signs for several customers must make sure that a customer cannot have mail signed in another's name
/// (CERT VU#244112): see [`Signer::with_guard`].
#[derive(Clone)]
pub struct Signer {
    domain: DomainName,
    selector: Selector,
    algorithm: Algorithm,
    key: Option<Arc<dyn SigningKey>>,
    provider: &'static dyn Provider,
    header_form: Canonicalization,
    body_form: Canonicalization,
    fields: SignedFields,
    identity: Option<Arc<str>>,
    timestamp: bool,
    lifetime: Option<Duration>,
    body_length: bool,
    copied_fields: bool,
    query_method: bool,
    guard: Option<Arc<Guard>>,
}

type Guard = dyn Fn(&Header) -> Result<(), String> + Send + Sync;

/// Why a message was not signed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The header block is over a limit.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// RFC 6376 §5.3: what is signed has to be what is sent, and mail servers rewrite bare CR and LF.
    #[error(
        "the message has a bare CR or LF at offset {offset}: make its line ends CRLF before signing \
         (waxseal_header::line_ends::to_crlf) and send the result"
    )]
    BareLineEnd {
        /// Where it stands, in octets from the start of what was signed: of the message or, when header and body were
        /// handed over apart, of its part.
        offset: u64,
    },
    /// A line of the header block is no header field.
    #[error("field {number} of the header, counted from 1, is no header field: remove it before signing")]
    MalformedField {
        /// Which one, counted from the top from 1.
        number: usize,
    },
    /// RFC 6376 §5.4: "The From header field MUST be signed".
    #[error("the message has no From field, which has to be signed (RFC 6376 section 5.4)")]
    NoFrom,
    /// A name for `h=` that is no field name.
    #[error("a name of the fields to sign is no field name")]
    FieldName,
    /// RFC 6376 §3.5: the domain of `i=` has to be `d=` or below it.
    #[error("the identity for i= is not an address within {domain}")]
    Identity {
        /// `d=`
        domain: DomainName,
    },
    /// RFC 8301 §3.1: "rsa-sha1 MUST NOT be used for signing or verifying."
    #[error("rsa-sha1 must not be used for signing (RFC 8301 section 3.1)")]
    RsaSha1,
    /// The guard refused; see [`Signer::with_guard`].
    #[error("signing was refused: {reason}")]
    Refused {
        /// What the guard said.
        reason: String,
    },
    /// This signer has no key; see [`Signer::remote`].
    #[error("the signer has no key: finish with Unsigned::attach")]
    NoKey,
    /// There is no crypto provider that could hash.
    #[error(transparent)]
    NoProvider(#[from] NoProvider),
    /// The key could not sign.
    #[error(transparent)]
    Key(#[from] waxseal_crypto::SignError),
    /// The selector and the domain together are longer than a domain name may be.
    #[error("{selector}._domainkey.{domain} is longer than a domain name may be")]
    KeyName {
        /// The selector.
        selector: Selector,
        /// The domain.
        domain: DomainName,
    },
}

impl Signer {
    /// Signs for `domain` with `key`, of which `selector` publishes the public half.
    ///
    /// Defaults: relaxed/relaxed, the fields of [`DEFAULT_FIELDS`](crate::DEFAULT_FIELDS) with
    /// [`OVERSIGNED_FIELDS`](crate::OVERSIGNED_FIELDS) and [`OVERSIGNED_IF_PRESENT`](crate::OVERSIGNED_IF_PRESENT), `t=`
    /// set, none of `i= l= q= x= z=`.
    pub fn new(domain: DomainName, selector: Selector, key: impl SigningKey + 'static) -> Self {
        Self { key: Some(Arc::new(key)), ..Self::remote(domain, selector, Algorithm::RsaSha256) }
            .with_key_algorithm()
    }

    /// A signer whose key is held elsewhere: [`Signing::finish`] gives what is to be signed, [`Unsigned::attach`] takes
    /// the signature.
    pub fn remote(domain: DomainName, selector: Selector, algorithm: Algorithm) -> Self {
        Self {
            domain,
            selector,
            algorithm,
            key: None,
            provider: default_provider(),
            header_form: Canonicalization::Relaxed,
            body_form: Canonicalization::Relaxed,
            fields: SignedFields::default(),
            identity: None,
            timestamp: true,
            lifetime: None,
            body_length: false,
            copied_fields: false,
            query_method: false,
            guard: None,
        }
    }

    fn with_key_algorithm(self) -> Self {
        let algorithm = self.key.as_ref().map_or(self.algorithm, |key| key.algorithm());
        Self { algorithm, ..self }
    }

    /// `c=` (default relaxed/relaxed).
    #[must_use]
    pub fn with_canonicalization(self, header: Canonicalization, body: Canonicalization) -> Self {
        Self { header_form: header, body_form: body, ..self }
    }

    /// Names of the fields to sign: all of these that the message has (default
    /// [`DEFAULT_FIELDS`](crate::DEFAULT_FIELDS)). From is always signed.
    #[must_use]
    pub fn with_fields(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fields = self.fields.with_names(names.into_iter().map(Into::into).collect());
        self
    }

    /// Names of the fields that are signed once more than they stand in the message, so that none can be added (default
    /// [`OVERSIGNED_FIELDS`](crate::OVERSIGNED_FIELDS), and [`OVERSIGNED_IF_PRESENT`](crate::OVERSIGNED_IF_PRESENT) for
    /// those that are there). An empty list oversigns nothing.
    #[must_use]
    pub fn with_oversigned(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fields = self.fields.with_oversigned(names.into_iter().map(Into::into).collect());
        self
    }

    /// The very list for `h=`, in this order, whatever the message has. It has to hold From.
    #[must_use]
    pub fn with_field_list(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.fields = SignedFields::Exactly(names.into_iter().map(Into::into).collect());
        self
    }

    /// `i=`, such as `joe@lists.example.org` or `@lists.example.org`: its domain is `d=` or below it (default: none).
    #[must_use]
    pub fn with_identity(self, identity: &str) -> Self {
        Self { identity: Some(identity.into()), ..self }
    }

    /// `t=`, the time of signing (default: set).
    #[must_use]
    pub fn with_timestamp(self, timestamp: bool) -> Self {
        Self { timestamp, ..self }
    }

    /// `x=`, this long after signing (default: not set). Stops replays after a while; a week or more, as mail can be
    /// slow.
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }

    /// `l=`, the length of the body (default: not set). Then anyone can add text behind the body without breaking the
    /// signature (RFC 6376 §8.2), and careful verifiers do not accept it.
    #[must_use]
    pub fn with_body_length(self, body_length: bool) -> Self {
        Self { body_length, ..self }
    }

    /// `z=`, copies of the signed fields for diagnosis (default: not set).
    #[must_use]
    pub fn with_copied_fields(self, copied_fields: bool) -> Self {
        Self { copied_fields, ..self }
    }

    /// `q=dns/txt`, which is also what its absence means (default: not set).
    #[must_use]
    pub fn with_query_method(self, query_method: bool) -> Self {
        Self { query_method, ..self }
    }

    /// Lets another crypto provider hash. Keys bring their own.
    #[must_use]
    pub fn with_provider(self, provider: &'static dyn Provider) -> Self {
        Self { provider, ..self }
    }

    /// Asks `guard` before each message whether the sender may have it signed in this domain's name: for example
    /// whether the From field names a domain of the customer who sent it. What it answers with is
    /// [`SignError::Refused`].
    ///
    /// ```
    /// # use waxseal_crypto::{Algorithm};
    /// # use waxseal_dkim::{SignError, Signer, Signing};
    /// # use std::time::SystemTime;
    /// # let signer = Signer::remote("example.org".parse()?, "2026a".parse()?, Algorithm::RsaSha256);
    /// let signer = signer.with_guard(|header| {
    ///     let own = |value: &[u8]| value.ends_with(b"@example.org");
    ///     let mut from = header.fields().filter(|field| field.is("From"));
    ///     if from.all(|field| own(field.value())) { Ok(()) } else { Err("foreign From".into()) }
    /// });
    /// let mut signing = Signing::new([&signer], SystemTime::now());
    /// let refused = signing.push(b"From: joe@example.com\r\n\r\n");
    /// assert!(matches!(refused, Err(SignError::Refused { .. })));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_guard(self, guard: impl Fn(&Header) -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self { guard: Some(Arc::new(guard)), ..self }
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

    /// Signs a whole message at the time `now`. Gives the DKIM-Signature field with its CRLF, to be put in front of the
    /// message.
    ///
    /// # Errors
    /// [`SignError`]. Lines have to end in CRLF.
    pub fn sign(&self, message: &[u8], now: SystemTime) -> Result<String, SignError> {
        sign_all([self], message, now)
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

/// Signs a whole message with several signers in one pass over the body. Gives their fields in the order of the signers,
/// to be put in front of the message.
///
/// # Errors
/// [`SignError`]: if one fails, none signs.
pub fn sign_all<'s>(
    signers: impl IntoIterator<Item = &'s Signer>,
    message: &[u8],
    now: SystemTime,
) -> Result<String, SignError> {
    let mut signing = Signing::new(signers, now);
    signing.push(message)?;
    signing.finish()?.into_iter().map(|unsigned| unsigned.sign()).collect()
}

/// A message that is being signed, in chunks of any size.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_crypto::PrivateKey;
/// use waxseal_dkim::{Signer, Signing};
/// # let pem = include_str!("../tests/keys/ed25519.pem");
/// # let key = PrivateKey::from_pem(pem.as_bytes())?;
/// let signer = Signer::new("example.org".parse()?, "2026a".parse()?, key);
/// let mut signing = Signing::new([&signer], SystemTime::now());
/// signing.push(b"From: joe@example.org\r\n\r")?;
/// signing.push(b"\nHi.\r\n")?;
/// for unsigned in signing.finish()? {
///     println!("{}", unsigned.sign()?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Signing {
    signers: Vec<Signer>,
    now: u64,
    stage: Stage,
    line_ends: FindBare,
}

#[derive(Debug)]
enum Stage {
    Header(Splitter),
    /// A hasher for each crypto provider, by its name; and for each signer its hasher and hash.
    Body {
        header: Header,
        hashers: Vec<(&'static str, BodyHasher)>,
        bodies: Vec<(usize, BodyHashId)>,
    },
    /// An error has ended the signing.
    Failed(SignError),
}

impl Signing {
    /// Begins with the first octet of the message. `now` is what `t=` says.
    pub fn new<'s>(signers: impl IntoIterator<Item = &'s Signer>, now: SystemTime) -> Self {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let stage = Stage::Header(Splitter::new(HeaderLimits::default()));
        Self { signers: signers.into_iter().cloned().collect(), now, stage, line_ends: FindBare::default() }
    }

    /// Begins with the body of a message of which the header is known.
    ///
    /// # Errors
    /// [`SignError`], when the header cannot be signed.
    pub fn with_header<'s>(
        signers: impl IntoIterator<Item = &'s Signer>,
        header: Header,
        now: SystemTime,
    ) -> Result<Self, SignError> {
        let mut signing = Self::new(signers, now);
        if let Some(offset) = find_bare(header.as_bytes()) {
            return Err(SignError::BareLineEnd { offset: offset as u64 });
        }
        signing.stage = signing.begin_body(header)?;
        Ok(signing)
    }

    /// Takes the next chunk of the message: of the header first, then of the body.
    ///
    /// # Errors
    /// [`SignError`]. After an error every further call gives the same.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), SignError> {
        let pushed = self.try_push(chunk);
        if let Err(error) = &pushed {
            self.stage = Stage::Failed(error.clone());
        }
        pushed
    }

    fn try_push(&mut self, chunk: &[u8]) -> Result<(), SignError> {
        if let Some(offset) = self.line_ends.push(chunk) {
            return Err(SignError::BareLineEnd { offset });
        }
        let split = match &mut self.stage {
            Stage::Failed(error) => return Err(error.clone()),
            Stage::Header(splitter) => splitter.push(chunk)?,
            Stage::Body { hashers, .. } => {
                hashers.iter_mut().for_each(|(_, hasher)| hasher.push(chunk));
                return Ok(());
            }
        };
        if let Split::Body(header, body) = split {
            self.stage = self.begin_body(header)?;
            if let Stage::Body { hashers, .. } = &mut self.stage {
                hashers.iter_mut().for_each(|(_, hasher)| hasher.push(body));
            }
        }
        Ok(())
    }

    /// Ends the message. Gives what each signer has to sign, in the order of the signers.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn finish(mut self) -> Result<Vec<Unsigned>, SignError> {
        match (&self.stage, self.line_ends.finish()) {
            (Stage::Failed(error), _) => return Err(error.clone()),
            (_, Some(offset)) => return Err(SignError::BareLineEnd { offset }),
            (_, None) => {}
        }
        self.stage = match std::mem::replace(&mut self.stage, Stage::Failed(SignError::NoFrom)) {
            Stage::Header(splitter) => self.begin_body(splitter.finish()?)?,
            other => other,
        };
        let (header, hashers, bodies) = match self.stage {
            Stage::Body { header, hashers, bodies } => (header, hashers, bodies),
            Stage::Header(_) => return Err(SignError::NoFrom),
            Stage::Failed(error) => return Err(error),
        };
        let hashes: Vec<BodyHashes> = hashers.into_iter().map(|(_, hasher)| hasher.finish()).collect();
        let index = FieldIndex::new(&header);
        let template = Template { header: &header, index: &index, now: self.now };
        let signers = self.signers.iter().zip(bodies);
        let unsigned = |(signer, (hasher, id)): (&Signer, (usize, BodyHashId))| {
            let hash = hashes.get(hasher).and_then(|hashes| hashes.get(id)).ok_or(NoProvider)?;
            template.unsigned(signer, hash)
        };
        signers.map(unsigned).collect()
    }

    /// Checks the header, and asks for the body hashes: one hasher for each crypto provider.
    fn begin_body(&self, header: Header) -> Result<Stage, SignError> {
        check_header(&header)?;
        let mut hashers: Vec<(&str, BodyHasher)> = Vec::new();
        let mut bodies = Vec::new();
        for signer in &self.signers {
            signer.check(&header)?;
            let name = signer.provider.name();
            let number = hashers.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                hashers.push((name, BodyHasher::new(signer.provider)));
                hashers.len() - 1
            });
            if let Some((_, hasher)) = hashers.get_mut(number) {
                bodies.push((number, hasher.want(signer.body_form, signer.algorithm.hash(), None)));
            }
        }
        Ok(Stage::Body { header, hashers, bodies })
    }
}

fn check_header(header: &Header) -> Result<(), SignError> {
    if let Some(number) = header.fields().position(|field| field.is_malformed()) {
        return Err(SignError::MalformedField { number: number + 1 });
    }
    if !header.fields().any(|field| field.is("From")) {
        return Err(SignError::NoFrom);
    }
    Ok(())
}

impl Signer {
    fn check(&self, header: &Header) -> Result<(), SignError> {
        self.provider.ready()?;
        if self.algorithm == Algorithm::RsaSha1 {
            return Err(SignError::RsaSha1);
        }
        if self.selector.key_name(&self.domain).is_err() {
            return Err(SignError::KeyName { selector: self.selector.clone(), domain: self.domain.clone() });
        }
        if let Some(identity) = &self.identity {
            let domain = identity.rsplit_once('@').and_then(|(_, domain)| DomainName::new(domain).ok());
            if !domain.is_some_and(|domain| domain.is_within(&self.domain))
                || identity.contains(char::is_control)
            {
                return Err(SignError::Identity { domain: self.domain.clone() });
            }
        }
        self.fields.check()?;
        self.guard
            .as_ref()
            .map_or(Ok(()), |guard| guard(header))
            .map_err(|reason| SignError::Refused { reason })
    }
}

/// What all signatures of one message share.
struct Template<'h> {
    header: &'h Header,
    index: &'h FieldIndex,
    now: u64,
}

impl Template<'_> {
    fn unsigned(&self, signer: &Signer, hash: &BodyHash) -> Result<Unsigned, SignError> {
        let names = signer.fields.list(self.header);
        let mut folder = Folder::new(FIELD_NAME);
        for tag in self.leading_tags(signer) {
            folder.word(&tag);
        }
        folder.word(&format!("bh={};", BASE64_STANDARD.encode(hash.digest())));
        if signer.body_length {
            folder.word(&format!("l={};", hash.length()));
        }
        if signer.copied_fields {
            folder.pieces(whole_octets(&format!("z={};", self.copies(&names))).iter().copied());
        }
        push_names(&mut folder, &names);
        Ok(self.without_signature(signer, &names, folder))
    }

    /// The field with an empty `b=`.
    fn without_signature(&self, signer: &Signer, names: &[&str], mut folder: Folder) -> Unsigned {
        // b= begins a line, so that what is signed does not depend on how long the signature will be.
        folder.end_line();
        folder.word("b=");
        let input = self.input(signer, names, folder.as_str());
        Unsigned {
            folder,
            input,
            algorithm: signer.algorithm,
            key: signer.key.clone(),
            provider: signer.provider,
        }
    }

    fn leading_tags(&self, signer: &Signer) -> Vec<Cow<'static, str>> {
        let mut tags: Vec<Cow<'static, str>> = vec![
            "v=1;".into(),
            format!("a={};", signer.algorithm.name()).into(),
            format!("c={}/{};", signer.header_form, signer.body_form).into(),
            format!("d={};", signer.domain).into(),
            format!("s={};", signer.selector).into(),
        ];
        tags.extend(self.times(signer).into_iter().map(Cow::from));
        if let Some(identity) = &signer.identity {
            tags.push(format!("i={};", quoted_printable::encode(identity.as_bytes())).into());
        }
        if signer.query_method {
            tags.push("q=dns/txt;".into());
        }
        tags
    }

    /// `t=` and `x=`.
    fn times(&self, signer: &Signer) -> Vec<String> {
        let timestamp = signer.timestamp.then(|| format!("t={};", self.now));
        // §3.5: "x= … MUST be greater than the value of the "t=" tag".
        let expiration = |lifetime: Duration| self.now.saturating_add(lifetime.as_secs().max(1));
        let expiration = signer.lifetime.map(|lifetime| format!("x={};", expiration(lifetime)));
        timestamp.into_iter().chain(expiration).collect()
    }

    /// §3.5: "z= Copied header fields": every field that is signed, name and value, divided by `|`.
    fn copies(&self, names: &[&str]) -> String {
        let mut picker = self.index.picker(self.header);
        let mut copies = String::new();
        for field in names.iter().filter_map(|name| picker.pick(name.as_bytes())) {
            if !copies.is_empty() {
                copies.push('|');
            }
            copies.push_str(&quoted_printable::encode(field.name()));
            copies.push(':');
            // Whatever is not ASCII is written in digits, since the copy may be cut anywhere.
            for c in quoted_printable::encode(field.value()).chars() {
                match c.is_ascii() {
                    true => copies.push(c),
                    false => {
                        c.to_string().bytes().for_each(|octet| copies.push_str(&format!("={octet:02X}")))
                    }
                }
            }
        }
        copies
    }

    fn input(&self, signer: &Signer, names: &[&str], field: &str) -> Vec<u8> {
        let mut input = Vec::with_capacity(self.header.as_bytes().len() + field.len());
        let mut picker = self.index.picker(self.header);
        for field in names.iter().filter_map(|name| picker.pick(name.as_bytes())) {
            signer.header_form.header_field(field, &mut input);
        }
        if let Ok((own, _)) = Header::parse(field.as_bytes()) {
            for field in own.fields() {
                signer.header_form.signature_field(
                    field,
                    field.value().len()..field.value().len(),
                    &mut input,
                );
            }
        }
        input
    }
}

/// The pieces between which `z=` may be folded. RFC 2045 §6.7, which §2.11 refers to: "hex-octet := "=" 2(DIGIT / "A" /
/// "B" / "C" / "D" / "E" / "F")": no blank stands in one.
fn whole_octets(tag: &str) -> Vec<&str> {
    let mut pieces = Vec::with_capacity(tag.len());
    let (mut piece, mut rest) = tag.split_at_checked("z=".len()).unwrap_or((tag, ""));
    loop {
        pieces.push(piece);
        let octets = if rest.starts_with('=') { 3 } else { 1 };
        match rest.split_at_checked(octets) {
            Some(next) => (piece, rest) = next,
            None => return pieces,
        }
    }
}

fn push_names(folder: &mut Folder, names: &[&str]) {
    let list = format!("h={};", names.join(":"));
    folder.pieces(list.split_inclusive(':'));
}

/// A signature field that lacks nothing but the signature.
#[derive(Clone)]
pub struct Unsigned {
    folder: Folder,
    input: Vec<u8>,
    algorithm: Algorithm,
    key: Option<Arc<dyn SigningKey>>,
    provider: &'static dyn Provider,
}

impl Unsigned {
    /// What is to be signed: the octets, and their SHA-256 for keys that want the digest (Ed25519 always does, RFC 8463
    /// §3).
    pub fn input(&self) -> SigningInput<'_> {
        SigningInput::new(&self.input, self.provider)
    }

    /// The algorithm to sign with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs with the key of the signer. Gives the field with its CRLF.
    ///
    /// # Errors
    /// [`SignError::NoKey`] for a signer made by [`Signer::remote`], [`SignError::Key`] when the key fails.
    pub fn sign(self) -> Result<String, SignError> {
        let key = self.key.clone().ok_or(SignError::NoKey)?;
        let signature = key.sign(&self.input())?;
        Ok(self.attach(&signature))
    }

    /// Takes a signature made elsewhere. Gives the field with its CRLF.
    pub fn attach(mut self, signature: &[u8]) -> String {
        self.folder.glue(&BASE64_STANDARD.encode(signature));
        self.folder.finish()
    }
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned").field("field", &self.folder.as_str()).finish_non_exhaustive()
    }
}
