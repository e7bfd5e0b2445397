//! Forwarding: signs and seals a message that may have been changed (RFC 8617 §5.1).

use super::OutboundSigner;
use crate::Report;
use std::{sync::Arc, time::SystemTime};
use waxseal_arc::{Chain, SealError, SealedSet};
use waxseal_authres::AuthenticationResults;
use waxseal_dkim::{SignError, Signer, parts::BodyHasher};
use waxseal_dns::DomainName;
use waxseal_header::{
    Header, HeaderError,
    line_ends::{FindBare, find_bare},
};

/// The keys of one forwarder.
#[derive(Debug, Clone)]
pub(super) struct Forwarder {
    sealer: waxseal_arc::Sealer,
    signers: Arc<[Signer]>,
}

/// Why a message was not sealed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ForwardError {
    /// No keys were given for this forwarder.
    #[error("no keys for the forwarder {0}: give them to OutboundSigner::with_forwarder")]
    UnknownForwarder(DomainName),
    /// The authenticator has no sealer.
    #[error(
        "no sealer was given: set one by Authenticator::with_sealer, or Session::with_sealer before the body begins"
    )]
    NoSealer,
    /// The report has no result for ARC.
    #[error("the message was not checked for ARC before it was changed: Authenticator::with_arc asks for it")]
    NotVerified,
    /// The chain could not be validated because a DNS lookup failed. A seal made now would have `cv=fail` and end the
    /// chain for good: ask the client to try again later, or forward the message without a set.
    #[error("a DNS lookup failed, so the chain could not be validated: ask the client to try again later")]
    Temporary(#[source] waxseal_arc::Cause),
    /// The header block exceeds a limit.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// Making a signature failed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// Making the set failed.
    #[error(transparent)]
    Seal(SealError),
}

impl OutboundSigner {
    /// Adds the keys of a forwarder: mail that the forwarder in the sealer's domain forwards is signed with `signers`
    /// and then sealed with `sealer`. A mailing list signs the messages that it changes with its own domain. Each
    /// forwarding domain has its own keys.
    #[must_use]
    pub fn with_forwarder(
        mut self,
        sealer: waxseal_arc::Sealer,
        signers: impl IntoIterator<Item = Signer>,
    ) -> Self {
        let domain = sealer.domain().clone();
        let forwarder = Forwarder { sealer, signers: signers.into_iter().collect() };
        Arc::make_mut(&mut self.tables).forwarders.insert(domain, forwarder);
        self
    }

    /// Signs and seals a whole message that the forwarder in `domain` forwards. `report` is about the incoming message;
    /// `message` is the outgoing one, changed or not, including the ARC sets of the incoming one. Returns the fields to
    /// put in front of it: the ARC set, then the DKIM-Signature fields.
    ///
    /// A chain that has ended, or is full, gets no further set (RFC 8617 §5.1): only the signatures are returned.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{Authenticator, Envelope, OutboundSigner, arc, crypto::PrivateKey, dkim::Signer};
    /// # use waxseal::dns::Zone;
    /// # let dns = Zone::new();
    /// # let pem = b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    /// # let (key, signing_key) = (PrivateKey::from_pem(pem)?, PrivateKey::from_pem(pem)?);
    /// let list = "lists.example.net";
    /// let outbound = OutboundSigner::new().with_forwarder(
    ///     arc::Sealer::new(list, "2026a", key)?,
    ///     [Signer::new(list, "2026a", signing_key)?],
    /// );
    /// let authenticator = Authenticator::new(list)?.with_arc(arc::Policy::default());
    ///
    /// // First the incoming message is checked; then it is changed, signed and sealed.
    /// let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
    /// let report = authenticator.check_blocking(&envelope, message, SystemTime::now(), &dns);
    /// let changed = b"From: joe@example.org\r\nSubject: [list] lunch\r\n\r\nHi.\r\n";
    /// let fields = outbound.forward(&list.parse()?, changed, &report, SystemTime::now())?;
    /// assert!(fields.starts_with("ARC-Seal: i=1; d=lists.example.net;"));
    /// assert!(fields.contains("\r\nDKIM-Signature: v=1;"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ForwardError`]. Lines must end in CRLF.
    pub fn forward(
        &self,
        domain: &DomainName,
        message: &[u8],
        report: &Report,
        now: SystemTime,
    ) -> Result<String, ForwardError> {
        if let Some(offset) = find_bare(message) {
            return Err(SignError::BareLineEnd(offset as u64).into());
        }
        let (header, body) = Header::parse(message)?;
        let mut forwarding = self.begin_forwarding(domain, header, report, now)?;
        forwarding.body(body);
        forwarding.finish()
    }

    /// [`OutboundSigner::forward`] for a message whose body comes in chunks.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{Authenticator, Envelope, OutboundSigner, arc, crypto::PrivateKey, header::Header};
    /// # let dns = waxseal::dns::Zone::new();
    /// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// let list = "lists.example.net".parse()?;
    /// let keys = arc::Sealer::new("lists.example.net", "2026a", key)?;
    /// let outbound = OutboundSigner::new().with_forwarder(keys, []);
    /// # let authenticator = Authenticator::new("lists.example.net")?.with_arc(arc::Policy::default());
    /// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// # let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
    /// let report = authenticator.check_blocking(&envelope, message, SystemTime::now(), &dns);
    ///
    /// // The outgoing message: its changed header, then its body.
    /// let (header, body) = Header::parse(b"From: joe@example.org\r\nSubject: [list] lunch\r\n\r\nHi.\r\n")?;
    /// let mut forwarding = outbound.begin_forwarding(&list, header, &report, SystemTime::now())?;
    /// for chunk in body.chunks(2) {
    ///     forwarding.body(chunk);
    /// }
    /// assert!(forwarding.finish()?.starts_with("ARC-Seal: i=1; d=lists.example.net;"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`ForwardError`].
    pub fn begin_forwarding(
        &self,
        domain: &DomainName,
        header: Header,
        report: &Report,
        now: SystemTime,
    ) -> Result<Forwarding, ForwardError> {
        let unknown = || ForwardError::UnknownForwarder(domain.clone());
        let forwarder = self.tables.forwarders.get(domain).ok_or_else(unknown)?.clone();
        chain_to_seal(report)?;
        if let Some(offset) = find_bare(header.as_bytes()) {
            return Err(SignError::BareLineEnd(offset as u64).into());
        }
        let mut hasher = BodyHasher::new(report.settings().dkim.provider());
        forwarder.signers.iter().for_each(|signer| hasher.want(signer.body_form()));
        hasher.want(forwarder.sealer.body_form());
        Ok(Forwarding {
            forwarder,
            header,
            report: report.clone(),
            now,
            hasher,
            line_ends: FindBare::default(),
        })
    }
}

/// Signs and seals a message that is forwarded while its body is still arriving; see
/// [`OutboundSigner::begin_forwarding`].
#[derive(Debug)]
pub struct Forwarding {
    forwarder: Forwarder,
    header: Header,
    report: Report,
    now: SystemTime,
    hasher: BodyHasher,
    line_ends: FindBare,
}

impl Forwarding {
    /// Takes the next chunk of the body.
    pub fn body(&mut self, chunk: &[u8]) {
        self.line_ends.push(chunk);
        self.hasher.push(chunk);
    }

    /// Ends the message and returns the fields to put in front of it.
    ///
    /// # Errors
    /// [`ForwardError`].
    pub fn finish(self) -> Result<String, ForwardError> {
        let Self { forwarder, header, report, now, hasher, line_ends } = self;
        if let Some(offset) = line_ends.finish() {
            return Err(SignError::BareLineEnd(offset).into());
        }
        let hashes = hasher.finish();
        let mut signatures = String::new();
        for signer in forwarder.signers.iter() {
            signatures += &signer.unsigned(&header, &hashes, now)?.sign()?;
        }
        // RFC 8617 §5.1: signatures are added before the message is sealed.
        let (header, _) = Header::parse(&[signatures.as_bytes(), header.as_bytes()].concat())?;
        let chain = chain_to_seal(&report)?;
        let results = report.authentication_results();
        let set = forwarder.sealer.unsigned(&header, &hashes, chain, &results, now);
        match set.and_then(|set| set.sign()) {
            Ok(set) => Ok(set.fields() + &signatures),
            Err(SealError::Ended | SealError::TooManySets(..)) => Ok(signatures),
            Err(error) => Err(ForwardError::Seal(error)),
        }
    }
}

impl Report {
    /// An ARC set with the results of this report, for the unchanged message: three fields to put in front of it. For a
    /// changed message, see [`OutboundSigner::forward`].
    ///
    /// # Errors
    /// [`ForwardError`], for example when there is no sealer
    /// ([`Authenticator::with_sealer`](crate::Authenticator::with_sealer)) or ARC was not checked. A chain that has
    /// ended or is full is [`SealError::Ended`] or [`SealError::TooManySets`]: forward such a message without a set. A
    /// chain that could not be validated because DNS failed is [`ForwardError::Temporary`].
    pub fn seal(&self) -> Result<SealedSet, ForwardError> {
        self.seal_with(&self.authentication_results())
    }

    /// [`Report::seal`] with other results than those of this report, for example those of
    /// [`merged_results`](waxseal_arc::merged_results): the results of earlier programs of this site, and those of this
    /// report.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use waxseal::{Authenticator, Envelope, Method, arc, crypto::PrivateKey, dns::Zone};
    /// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// # let message = b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org\r\nFrom: joe@example.org\r\n\r\nHi.\r\n";
    /// let sealer = arc::Sealer::new("example.net", "2026a", key)?;
    /// let authenticator = Authenticator::new("mx.example.net")?.with_methods([Method::Arc]).with_sealer(sealer);
    /// let report = authenticator.check_blocking(&envelope, message, SystemTime::now(), &Zone::new());
    ///
    /// let header = report.header().map_err(Clone::clone)?;
    /// // Forged fields were removed at the border, so every field with this authserv-id is the site's own.
    /// let mut results = arc::merged_results(header, header.len(), "mx.example.net");
    /// results.extend(report.authentication_results().entries().iter().cloned());
    /// let set = report.seal_with(&results)?;
    /// assert!(set.authentication_results().contains("dkim=pass header.d=example.org"));
    /// assert!(set.authentication_results().contains("arc=none"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Like [`Report::seal`].
    pub fn seal_with(&self, results: &AuthenticationResults) -> Result<SealedSet, ForwardError> {
        let case = self.case();
        let header = case.header.as_ref().map_err(|error| ForwardError::Header(error.clone()))?;
        let sealer = self.sealer().ok_or(ForwardError::NoSealer)?;
        if let Some(offset) = case.bare_line_end {
            return Err(SignError::BareLineEnd(offset).into());
        }
        let chain = chain_to_seal(self)?;
        let set = sealer.unsigned(header, &case.hashes, chain, results, case.now);
        set.and_then(|set| set.sign()).map_err(ForwardError::Seal)
    }
}

/// The chain that the next set is added to.
fn chain_to_seal(report: &Report) -> Result<&Chain, ForwardError> {
    let chain = report.arc().ok_or(ForwardError::NotVerified)?;
    match chain.cause().filter(|cause| cause.is_temporary()) {
        Some(cause) => Err(ForwardError::Temporary(cause.clone())),
        None => Ok(chain),
    }
}
