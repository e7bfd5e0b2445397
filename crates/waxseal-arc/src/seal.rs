//! Sealing (RFC 8617 §5.1).

use crate::{ArcField, ArcResult, Cause, Chain, Policy};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::time::{Duration, SystemTime};
use waxseal_authres::{AuthenticationResults, AuthservIds, ParsedEntry};
use waxseal_crypto::{Algorithm, SigningInput, SigningKey};
use waxseal_dkim::{
    Canonicalization, DEFAULT_FIELDS, Selector, SignError, Signer, SigningDomains, Unsigned,
    parts::{self, BodyForm, BodyHasher, BodyHashes},
};
use waxseal_dns::{DomainName, InvalidDomainName};
use waxseal_header::{Folder, Header, HeaderLimits, line_ends::find_bare};

/// Adds an ARC set to messages that are passed on, for one domain with one key. Cheap to clone.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_arc::{ChainVerifier, Policy, Sealer};
/// use waxseal_authres::{AuthenticationResults, Entry, SpfResult};
/// use waxseal_crypto::PrivateKey;
/// # use waxseal_dns::{Answer, Question};
/// # let resolver = |_: &Question| Ok(Answer::nxdomain());
/// let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?; // the key of RFC 8463 appendix A.2
/// let sealer = Sealer::new("lists.example.org", "2026a", key)?;
///
/// // First the incoming message is checked; then it may be changed, as by a mailing list; then it is sealed.
/// let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
/// let chain = ChainVerifier::new(Policy::default())?.verify_blocking(message, SystemTime::now(), &resolver);
/// let results = AuthenticationResults::new("lists.example.org")
///     .with_entry(Entry::spf(SpfResult::Pass))
///     .with_entry(chain.entry_from("192.0.2.1".parse()?));
///
/// let message = b"From: joe@example.org\r\nSubject: [list] lunch\r\n\r\nHi.\r\n";
/// let set = sealer.seal(message, &chain, &results, SystemTime::now())?;
/// let sealed = [set.fields().as_bytes(), message].concat();
/// assert!(sealed.starts_with(b"ARC-Seal: i=1; d=lists.example.org; s=2026a;"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// RFC 8617 §5.1: "All message modifications (including adding a DKIM-Signature header field(s)) MUST be performed before
/// sealing."
#[derive(Debug, Clone)]
pub struct Sealer {
    signer: Signer,
    timestamp: bool,
    /// A field to sign that must not be signed.
    forbidden: Option<String>,
}

/// Why a message was not sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// Making the message signature or the seal failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// §5.1 step 2: "If the message already contains an Authenticated Received Chain with the most recent AS reporting
    /// "cv=fail", there is no need to proceed". Pass the message on without a new set.
    #[error(
        "the chain has ended: its newest seal says cv=fail, and nothing is added to it (RFC 8617 section 5.1)"
    )]
    Ended,
    /// §5.2 step 1: "The maximum number of ARC Sets that can be attached to a message is 50." Pass the message on without a
    /// new set.
    #[error("the message has {0} ARC sets, and may not have more")]
    TooManySets(usize),
    /// The chain of the message is not the one that was verified.
    #[error("the ARC sets of the message are not those that were verified: verify and seal the same message")]
    OtherChain,
    /// §4.1.2: the fields of ARC and Authentication-Results must not be covered by the message signature.
    #[error("ARC-Message-Signature must not cover {0}: leave it out of the fields to sign")]
    Field(String),
}

impl Sealer {
    /// Seals for `domain` with `key`, whose public half is published under `selector`, in the same record as for DKIM.
    ///
    /// Defaults: relaxed/relaxed, the [fields that DKIM signs](waxseal_dkim::DEFAULT_FIELDS) and DKIM-Signature (RFC
    /// 8617 §4.1.2), those of [`OVERSIGNED_FIELDS`](waxseal_dkim::OVERSIGNED_FIELDS) and
    /// [`OVERSIGNED_IF_PRESENT`](waxseal_dkim::OVERSIGNED_IF_PRESENT) oversigned, `t=` set, `x=` not.
    ///
    /// # Errors
    /// [`SignError::DomainName`] and [`SignError::Selector`]; [`SignError::NoProvider`] when no crypto provider was compiled in.
    pub fn new(
        domain: impl TryInto<DomainName, Error: Into<InvalidDomainName>>,
        selector: impl TryInto<Selector, Error: Into<InvalidDomainName>>,
        key: impl SigningKey + 'static,
    ) -> Result<Self, SignError> {
        Ok(Self::from_signer(Signer::new(domain, selector, key)?))
    }

    /// A sealer with the domain, selector, key, crypto provider and settings of a signer; the fields to sign and `t=`
    /// are those of [`Sealer::new`]. With a [remote signer](Signer::remote) the key is held elsewhere: see
    /// [`Sealer::unsigned`].
    pub fn from_signer(signer: Signer) -> Self {
        let fields = DEFAULT_FIELDS.into_iter().chain(["DKIM-Signature"]);
        Self { signer: signer.with_fields(fields).with_timestamp(true), timestamp: true, forbidden: None }
    }

    /// Which domains may seal (default: all with two labels or more); see [`Signer::with_signing_domains`].
    #[must_use]
    pub fn with_signing_domains(self, signing_domains: SigningDomains) -> Self {
        Self { signer: self.signer.with_signing_domains(signing_domains), ..self }
    }

    /// `c=` of the message signature (default relaxed/relaxed). Seals are always relaxed (RFC 8617 §4.1.3).
    #[must_use]
    pub fn with_canonicalization(self, header: Canonicalization, body: Canonicalization) -> Self {
        Self { signer: self.signer.with_canonicalization(header, body), ..self }
    }

    /// Names of the fields that the message signature covers, as far as the message has them. From is always covered.
    #[must_use]
    pub fn with_fields(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let (names, sealer) = self.without_forbidden(names);
        Self { signer: sealer.signer.with_fields(names), ..sealer }
    }

    /// Names of the fields that the message signature oversigns: it covers them once more than they occur in the
    /// message, so that none can be added. An empty list oversigns nothing.
    #[must_use]
    pub fn with_oversigned(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let (names, sealer) = self.without_forbidden(names);
        Self { signer: sealer.signer.with_oversigned(names), ..sealer }
    }

    /// The exact list for `h=`, in this order, whatever the message has. It must contain From.
    #[must_use]
    pub fn with_field_list(self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let (names, sealer) = self.without_forbidden(names);
        Self { signer: sealer.signer.with_field_list(names), ..sealer }
    }

    /// `t=`, the time of sealing (default: set).
    #[must_use]
    pub fn with_timestamp(self, timestamp: bool) -> Self {
        Self { signer: self.signer.with_timestamp(timestamp), timestamp, ..self }
    }

    /// `x=` of the message signature, this long after sealing (default: not set).
    #[must_use]
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { signer: self.signer.with_lifetime(lifetime), ..self }
    }

    /// `d=`
    pub fn domain(&self) -> &DomainName {
        self.signer.domain()
    }

    /// `s=`
    pub fn selector(&self) -> &Selector {
        self.signer.selector()
    }

    /// `a=`
    pub fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    /// Seals a whole message at the time `now`. `chain` is the verdict of [`ChainVerifier`](crate::ChainVerifier) on
    /// the incoming message: with a chain that passed, the seal has `cv=pass` and covers all sets; without a chain, it
    /// has `cv=none`. With a chain that failed, it has `cv=fail`, covers only its own set (RFC 8617 §5.1.2), and nobody
    /// will seal the message again: if [`Cause::is_temporary`], better defer the message (a 4xx reply). `results`
    /// becomes ARC-Authentication-Results; it should contain [`Chain::entry_from`], and [`merged_results`] collects the
    /// results of earlier programs on this host.
    ///
    /// # Errors
    /// [`SealError`]. Lines must end in CRLF.
    pub fn seal(
        &self,
        message: &[u8],
        chain: &Chain,
        results: &AuthenticationResults,
        now: SystemTime,
    ) -> Result<SealedSet, SealError> {
        if let Some(offset) = find_bare(message) {
            return Err(SignError::BareLineEnd(offset as u64).into());
        }
        let (header, body) = Header::parse(message).map_err(SignError::from)?;
        let mut hasher = BodyHasher::new(parts::provider(&self.signer));
        hasher.want(self.body_form());
        hasher.push(body);
        self.unsigned(&header, &hasher.finish(), chain, results, now)?.sign()
    }

    /// The body hash that this sealer needs. Requesting it from a [`BodyHasher`] before the body is pushed lets
    /// verifying, signing and sealing of an unchanged body share one pass.
    pub fn body_form(&self) -> BodyForm {
        self.signer.body_form()
    }

    /// [`Sealer::seal`] for a header and a body whose hash of [`Sealer::body_form`] is in `hashes`. Returns a set that
    /// is complete except for its signatures. The caller must also make sure that the lines of the body end in CRLF
    /// ([`FindBare`](waxseal_header::line_ends::FindBare)).
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_arc::{ChainVerifier, Policy, Sealer};
    /// use waxseal_authres::AuthenticationResults;
    /// use waxseal_dkim::parts::BodyHasher;
    /// use waxseal_dns::drive_blocking;
    /// use waxseal_header::Header;
    /// # use waxseal_crypto::PrivateKey;
    /// # use waxseal_dns::{Answer, Question};
    /// # let resolver = |_: &Question| Ok(Answer::nxdomain());
    /// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// # let sealer = Sealer::new("lists.example.org", "2026a", key)?;
    /// let (header, body) = Header::parse(b"From: joe@example.org\r\n\r\nHi.\r\n")?;
    /// let now = SystemTime::now();
    /// let mut hasher = BodyHasher::new(waxseal_crypto::default_provider()?);
    /// let examination = ChainVerifier::new(Policy::default())?.examine(header.clone(), now, &mut hasher);
    /// hasher.want(sealer.body_form());
    /// hasher.push(body);
    /// let hashes = hasher.finish();
    /// let chain = drive_blocking(examination.finish(hashes.clone()), &resolver);
    /// let results = AuthenticationResults::new("lists.example.org").with_entry(chain.entry());
    /// let set = sealer.unsigned(&header, &hashes, &chain, &results, now)?.sign()?;
    /// assert!(set.seal().contains("cv=none;"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SealError`].
    pub fn unsigned(
        &self,
        header: &Header,
        hashes: &BodyHashes,
        chain: &Chain,
        results: &AuthenticationResults,
        now: SystemTime,
    ) -> Result<UnsignedSet, SealError> {
        if let Some(name) = &self.forbidden {
            return Err(SealError::Field(name.clone()));
        }
        let instance = next_instance(header, chain)?;
        let results = results_field(instance, results);
        let message_signature =
            parts::unsigned_message_signature(&self.signer, instance, header, hashes, now)?;
        let seal = self.seal_without_signature(instance, chain.result(), now);
        // The signature of the seal is as long as that of the message.
        let bytes = results.as_str().len() + seal.as_str().len() + 2 * message_signature.max_bytes();
        HeaderLimits::default()
            .check(header.as_bytes().len() + bytes, header.len() + ArcField::ALL.len())
            .map_err(SignError::NoRoom)?;
        Ok(UnsignedSet {
            results,
            message_signature,
            sealed_before: match chain.result() {
                ArcResult::Pass => canonical_sets(chain),
                // §5.1.2: "as if this newest ARC Set was the only set present".
                ArcResult::None | ArcResult::Fail => Vec::new(),
            },
            seal,
            signer: self.signer.clone(),
        })
    }

    fn seal_without_signature(&self, instance: u32, chain_validation: ArcResult, now: SystemTime) -> Folder {
        let mut folder = Folder::new(ArcField::Seal.name());
        folder.word(&format!("i={instance};"));
        folder.word(&format!("d={};", self.domain()));
        folder.word(&format!("s={};", self.selector()));
        folder.word(&format!("a={};", self.algorithm().as_str()));
        folder.word(&format!("cv={chain_validation};"));
        if self.timestamp {
            folder.word(&format!("t={};", parts::seconds(now)));
        }
        folder.end_line();
        folder.word("b=");
        folder
    }

    /// §4.1.2: "Authentication-Results header fields MUST NOT be included in AMS signatures"; "ARC-related header fields
    /// (ARC-Authentication-Results, ARC-Message-Signature, and ARC-Seal) MUST NOT be included".
    fn without_forbidden(
        mut self,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> (Vec<String>, Self) {
        let names: Vec<String> = names.into_iter().map(Into::into).collect();
        let forbidden = |name: &&String| {
            let mut arc = ArcField::ALL.into_iter().map(ArcField::name);
            name.eq_ignore_ascii_case("Authentication-Results")
                || arc.any(|arc| name.eq_ignore_ascii_case(arc))
        };
        self.forbidden = names.iter().find(forbidden).cloned().or(self.forbidden);
        (names, self)
    }
}

/// The results that this host has found so far, for the set to be added: the entries of all Authentication-Results
/// fields with this authserv-id among the `first` fields of the header, from the top (RFC 8617 §4.1.1).
///
/// Forged fields must have been removed from these; see [`AuthservIds`] for both.
///
/// ```
/// use waxseal_arc::merged_results;
/// use waxseal_header::Header;
/// let (header, _) = Header::parse(
///     b"Authentication-Results: a.example; dmarc=pass\r\n\
///       Authentication-Results: b.example; spf=fail\r\n\
///       Authentication-Results: a.example; spf=pass smtp.mailfrom=c.example\r\n\r\n",
/// )?;
/// let results = merged_results(&header, header.len(), "a.example");
/// assert_eq!(results.to_string(), "a.example; dmarc=pass; spf=pass smtp.mailfrom=c.example");
/// # Ok::<(), waxseal_header::HeaderError>(())
/// ```
pub fn merged_results(header: &Header, first: usize, authserv_id: &str) -> AuthenticationResults {
    let ids = AuthservIds::new([authserv_id]);
    let fields: Vec<_> = ids.trusted(header, first).collect();
    let entries = fields.iter().flat_map(|field| field.entries()).filter_map(ParsedEntry::to_entry);
    entries.fold(AuthenticationResults::new(authserv_id), AuthenticationResults::with_entry)
}

/// §5.1 step 3: "the instance value is 1 more than the highest instance number found in the Authenticated Received Chain".
fn next_instance(header: &Header, chain: &Chain) -> Result<u32, SealError> {
    let limit = Policy::MAX_SETS;
    if chain.has_ended() {
        return Err(SealError::Ended);
    }
    if chain.highest as usize >= limit || matches!(chain.cause(), Some(Cause::TooManySets(..))) {
        return Err(SealError::TooManySets(limit));
    }
    if !chain.is_in(header) {
        return Err(SealError::OtherChain);
    }
    Ok(chain.highest + 1)
}

/// The ARC-Authentication-Results field: `i=` followed by the value of Authentication-Results.
fn results_field(instance: u32, results: &AuthenticationResults) -> Folder {
    let mut folder = Folder::new(ArcField::AuthenticationResults.name());
    folder.word(&format!("i={instance};"));
    folder.folded(&results.to_value());
    folder
}

/// §5.1.1: the fields of all sets in increasing instance order.
fn canonical_sets(chain: &Chain) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(chain.header.as_bytes().len());
    let places = chain.sets().iter().flat_map(|set| set.places);
    for field in places.filter_map(|place| chain.header.field(place)) {
        Canonicalization::Relaxed.header_field(field, &mut bytes);
    }
    bytes
}

/// A set without its two signatures; that of the message comes first.
///
/// [`UnsignedSet::sign`] makes both with a local key. With a key held elsewhere:
///
/// ```
/// use waxseal_arc::{SealedSet, UnsignedSet};
/// # fn sign(bytes: &[u8]) -> Vec<u8> { Vec::new() }
/// fn complete(set: UnsignedSet) -> SealedSet {
///     let signature = sign(set.input().bytes());
///     let set = set.attach(&signature);
///     let signature = sign(set.input().bytes());
///     set.attach(&signature)
/// }
/// ```
#[derive(Debug, Clone)]
pub struct UnsignedSet {
    results: Folder,
    message_signature: Unsigned,
    seal: Folder,
    /// The canonical bytes that the seal covers, up to its own set.
    sealed_before: Vec<u8>,
    signer: Signer,
}

impl UnsignedSet {
    /// The input of the message signature: the bytes, and their SHA-256 for keys that sign the digest.
    pub fn input(&self) -> SigningInput<'_> {
        self.message_signature.input()
    }

    /// The algorithm to sign with.
    pub fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    /// Makes both signatures with the key of the sealer.
    ///
    /// # Errors
    /// [`SignError::NoKey`] for a sealer made by [`Sealer::from_signer`], [`SignError::Key`] when the key fails.
    pub fn sign(self) -> Result<SealedSet, SealError> {
        let signer = self.signer.clone();
        let key = parts::signing_key(&signer).ok_or(SignError::NoKey)?;
        let signature = key.sign(&self.input()).map_err(SignError::from)?;
        let unsealed = self.attach(&signature);
        let signature = key.sign(&unsealed.input()).map_err(SignError::from)?;
        Ok(unsealed.attach(&signature))
    }

    /// Adds a message signature made elsewhere.
    pub fn attach(self, signature: &[u8]) -> UnsealedSet {
        let message_signature = self.message_signature.attach_folded(signature);
        let mut input = self.sealed_before;
        for folder in [&self.results, &message_signature] {
            Canonicalization::Relaxed.header_field(folder.as_field(), &mut input);
        }
        // The value of the seal ends with `b=`, so nothing has to be left out.
        let seal = self.seal.as_field();
        let end = seal.value().len();
        parts::signature_field(Canonicalization::Relaxed, seal, end..end, &mut input);
        UnsealedSet { results: self.results, message_signature, seal: self.seal, input, signer: self.signer }
    }
}

/// A set without the signature of its seal.
#[derive(Debug, Clone)]
pub struct UnsealedSet {
    results: Folder,
    message_signature: Folder,
    seal: Folder,
    input: Vec<u8>,
    signer: Signer,
}

impl UnsealedSet {
    /// The input of the signature of the seal: the bytes, and their SHA-256 for keys that sign the digest.
    pub fn input(&self) -> SigningInput<'_> {
        SigningInput::new(&self.input, parts::provider(&self.signer))
    }

    /// The algorithm to sign with.
    pub fn algorithm(&self) -> Algorithm {
        self.signer.algorithm()
    }

    /// Adds a signature made elsewhere.
    pub fn attach(mut self, signature: &[u8]) -> SealedSet {
        self.seal.glue(&BASE64_STANDARD.encode(signature));
        SealedSet {
            results: self.results.finish(),
            message_signature: self.message_signature.finish(),
            seal: self.seal.finish(),
        }
    }
}

/// A complete set: three fields, each with its CRLF.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedSet {
    results: String,
    message_signature: String,
    seal: String,
}

impl SealedSet {
    /// The three fields, to be put in front of the message in this order: ARC-Seal, ARC-Message-Signature,
    /// ARC-Authentication-Results.
    pub fn fields(&self) -> String {
        format!("{}{}{}", self.seal, self.message_signature, self.results)
    }

    /// The ARC-Seal field.
    pub fn seal(&self) -> &str {
        &self.seal
    }

    /// The ARC-Message-Signature field.
    pub fn message_signature(&self) -> &str {
        &self.message_signature
    }

    /// The ARC-Authentication-Results field.
    pub fn authentication_results(&self) -> &str {
        &self.results
    }
}
