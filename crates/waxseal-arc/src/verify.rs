//! Validating chains (RFC 8617 §5.2).

use crate::{
    Cause, Chain, Policy, Seal, Set,
    judge::{Judge, Older},
    set::Readings,
};
use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal_crypto::{Algorithm, NoProvider, Provider};
use waxseal_dkim::{
    Cause as SignatureCause, Signature, Verifier,
    parts::{self, BodyForm, BodyHasher, BodyHashes},
};
use waxseal_dns::{
    Answers, Check, DomainName, Pending, Question, Resolve, ResolveBlocking, drive, drive_blocking,
};
use waxseal_header::Header;

/// Validates the ARC chains of messages. Cheap to clone; clones share a cache of parsed keys.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_arc::{ChainVerifier, Policy};
/// # use waxseal_dns::{Answer, Question};
/// # let resolver = |_: &Question| Ok(Answer::nxdomain());
/// # let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
/// let verifier = ChainVerifier::new(Policy::default())?;
/// let chain = verifier.verify_blocking(message, SystemTime::now(), &resolver);
/// println!("{chain}");
/// # Ok::<(), waxseal_crypto::NoProvider>(())
/// ```
///
/// For a message that arrives in chunks, see [`ChainVerifier::begin`]; to share one pass over the body with DKIM, see
/// [`ChainVerifier::examine`].
#[derive(Debug, Clone)]
pub struct ChainVerifier {
    signatures: Verifier,
    policy: Policy,
}

impl ChainVerifier {
    /// A verifier with this policy, the default policy of DKIM and the
    /// [default crypto provider](waxseal_crypto::default_provider).
    ///
    /// # Errors
    /// [`NoProvider`] when no crypto provider was compiled in.
    pub fn new(policy: Policy) -> Result<Self, NoProvider> {
        Ok(Self::with_provider(policy, waxseal_crypto::default_provider()?))
    }

    /// A verifier with this policy, the default policy of DKIM and this crypto provider.
    pub fn with_provider(policy: Policy, provider: &'static dyn Provider) -> Self {
        Self { policy, signatures: Verifier::with_provider(Default::default(), provider) }
    }

    /// Verifies keys and signatures with this verifier: with its policy, its crypto provider and its cache of parsed
    /// keys.
    #[must_use]
    pub fn with_signatures(self, signatures: Verifier) -> Self {
        Self { signatures, ..self }
    }

    /// Validates the chain of a whole message with an asynchronous resolver. `now` is compared with `x=` of message
    /// signatures.
    ///
    /// It waits for DNS for at most 20 seconds; for another limit, pass the check to
    /// [`drive_within`](waxseal_dns::drive_within).
    pub async fn verify(&self, message: &[u8], now: SystemTime, resolver: &(impl Resolve + ?Sized)) -> Chain {
        drive(self.check(message, now), resolver).await
    }

    /// Validates the chain of a whole message with a blocking resolver. `now` is compared with `x=` of message
    /// signatures.
    ///
    /// It waits for DNS for at most 20 seconds; for another limit, pass the check to
    /// [`drive_blocking_within`](waxseal_dns::drive_blocking_within).
    pub fn verify_blocking(
        &self,
        message: &[u8],
        now: SystemTime,
        resolver: &(impl ResolveBlocking + ?Sized),
    ) -> Chain {
        drive_blocking(self.check(message, now), resolver)
    }

    /// The check of a whole message, to be driven by the caller.
    pub fn check(&self, message: &[u8], now: SystemTime) -> ArcCheck {
        match Header::parse_with(message, self.policy.header_limits) {
            Ok((header, body)) => {
                let mut verification = self.begin(header, now);
                verification.body(body);
                verification.finish()
            }
            Err(error) => ChainExamination::new(self, Chain::refused(error)).finish(BodyHashes::default()),
        }
    }

    /// Begins with the header of a message; the body follows in chunks.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_arc::{ChainVerifier, Policy};
    /// use waxseal_dns::drive_blocking;
    /// use waxseal_header::{HeaderLimits, Split, Splitter};
    /// # use waxseal_dns::{Answer, Question};
    /// # let resolver = |_: &Question| Ok(Answer::nxdomain());
    /// let mut splitter = Splitter::new(HeaderLimits::default());
    /// let Split::Body(header, rest) = splitter.push(b"Subject: lunch\r\n\r\nHi.")? else { panic!() };
    /// let mut verification = ChainVerifier::new(Policy::default())?.begin(header, SystemTime::now());
    /// verification.body(rest);
    /// verification.body(b"\r\n");
    /// let chain = drive_blocking(verification.finish(), &resolver);
    /// assert!(chain.sets().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin(&self, header: Header, now: SystemTime) -> ChainVerification {
        let mut hasher = BodyHasher::new(self.signatures.provider());
        ChainVerification { examination: self.examine(header, now, &mut hasher), hasher }
    }

    /// Reads the chain in a header and requests the body hashes that it needs from `hasher`, so that several checks of
    /// one message (DKIM, ARC) can share one pass over the body.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_arc::ChainVerifier;
    /// use waxseal_dkim::{Verifier, parts::BodyHasher};
    /// use waxseal_dns::drive_blocking;
    /// use waxseal_header::Header;
    /// # use waxseal_dns::{Answer, Question};
    /// # let resolver = |_: &Question| Ok(Answer::nxdomain());
    /// let (header, body) = Header::parse(b"From: joe@example.org\r\n\r\nHi.\r\n")?;
    /// let dkim = Verifier::new(Default::default())?;
    /// let arc = ChainVerifier::new(Default::default())?.with_signatures(dkim.clone());
    /// let now = SystemTime::now();
    /// let mut hasher = BodyHasher::new(dkim.provider());
    /// let signatures = dkim.examine(header.clone(), now, &mut hasher);
    /// let chain = arc.examine(header, now, &mut hasher);
    /// hasher.push(body);
    /// let hashes = hasher.finish();
    /// let verdicts = drive_blocking(signatures.finish(hashes.clone()), &resolver);
    /// let chain = drive_blocking(chain.finish(hashes), &resolver);
    /// assert!(verdicts.is_empty() && chain.sets().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn examine(&self, header: Header, now: SystemTime, hasher: &mut BodyHasher) -> ChainExamination {
        let mut examination = ChainExamination::new(self, Chain::read(header, self.policy.max_sets));
        if examination.chain.cause.is_none() {
            examination.chain.cause = examination.admit(now, hasher).err();
        }
        examination
    }
}

/// Validates the chain of a message whose body is still arriving; see [`ChainVerifier::begin`].
#[derive(Debug)]
pub struct ChainVerification {
    examination: ChainExamination,
    hasher: BodyHasher,
}

impl ChainVerification {
    /// The keys that will be needed. Look them up while the body arrives.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.examination.questions()
    }

    /// Takes the next chunk of the body.
    pub fn body(&mut self, chunk: &[u8]) {
        self.hasher.push(chunk);
    }

    /// Ends the body; what is left is a check that asks for the keys.
    pub fn finish(self) -> ArcCheck {
        self.examination.finish(self.hasher.finish())
    }
}

/// The chain in a header, whose body hashes are computed elsewhere; see [`ChainVerifier::examine`].
#[derive(Debug)]
pub struct ChainExamination {
    verifier: Verifier,
    oldest_pass: bool,
    max_key_lookups: usize,
    max_body_hashes: usize,
    /// What is known without keys; it has a cause if no keys are needed.
    chain: Chain,
    /// How many message signatures below the newest one may be verified; `None` when there is nothing to verify.
    older: Option<usize>,
    /// The body hashes that are needed, each once.
    hashed: Vec<BodyForm>,
    keys: Vec<DomainName>,
}

impl ChainExamination {
    fn new(verifier: &ChainVerifier, chain: Chain) -> Self {
        let ChainVerifier { signatures, policy } = verifier;
        Self {
            verifier: signatures.clone(),
            oldest_pass: policy.oldest_pass,
            max_key_lookups: policy.max_key_lookups,
            max_body_hashes: policy.max_body_hashes,
            chain,
            older: None,
            hashed: Vec::new(),
            keys: Vec::new(),
        }
    }

    /// Judges the signatures before their keys are known, and collects the keys and body hashes that are needed.
    fn admit(&mut self, now: SystemTime, hasher: &mut BodyHasher) -> Result<(), Cause> {
        let sets = self.chain.sets.clone();
        let Some((newest, older)) = sets.split_last() else { return Ok(()) };
        let readings = admit_message_signature(newest, &self.verifier, now)?;
        self.want(readings, hasher)?;
        for set in sets.iter().rev() {
            if let Some(seal) = set.seal() {
                admit_seal(seal, &self.verifier).map_err(|cause| Cause::Seal(set.instance, cause))?;
                self.ask(seal.key_name())?;
            }
        }
        self.older = Some(if self.oldest_pass { self.admit_older(older, now, hasher) } else { 0 });
        Ok(())
    }

    /// How many are verified at most, from the newest down. Step 5A: the first that fails ends the search.
    fn admit_older(&mut self, older: &[Set], now: SystemTime, hasher: &mut BodyHasher) -> usize {
        let mut admitted = 0;
        for set in older.iter().rev() {
            let Ok(readings) = admit_message_signature(set, &self.verifier, now) else { break };
            // Otherwise a junk chain could have the whole body hashed for each of its sets.
            if self.is_over_body_hashes(readings) || self.want(readings, hasher).is_err() {
                break;
            }
            admitted += 1;
        }
        admitted
    }

    fn want(&mut self, readings: &Readings, hasher: &mut BodyHasher) -> Result<(), Cause> {
        readings.iter().try_for_each(|signature| self.ask(signature.key_name()))?;
        for form in readings.iter().map(Signature::body_form) {
            if !self.hashed.contains(&form) {
                self.hashed.push(form);
            }
            hasher.want(form);
        }
        Ok(())
    }

    /// Whether these interpretations of a message signature need more hashes than the policy allows.
    fn is_over_body_hashes(&self, readings: &Readings) -> bool {
        let new =
            readings.iter().map(Signature::body_form).filter(|form| !self.hashed.contains(form)).count();
        new > 0 && self.hashed.len() + new > self.max_body_hashes
    }

    fn ask(&mut self, name: &DomainName) -> Result<(), Cause> {
        if self.keys.contains(name) {
            return Ok(());
        }
        if self.keys.len() >= self.max_key_lookups {
            return Err(Cause::TooManyKeyLookups(self.max_key_lookups));
        }
        self.keys.push(name.clone());
        Ok(())
    }
}

impl ChainExamination {
    /// The keys that will be needed. Look them up while the body arrives.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        let keys = if self.chain.cause.is_none() { self.keys.as_slice() } else { &[] };
        keys.iter().cloned().map(Question::txt)
    }

    /// With the finished hashes of the hasher that was asked for them, or the same ones kept earlier; what is left is a check
    /// that asks for the keys.
    pub fn finish(self, hashes: BodyHashes) -> ArcCheck {
        ArcCheck { examination: self, hashes }
    }
}

/// The message signature of a set, if it can be verified.
fn admit_message_signature<'s>(
    set: &'s Set,
    verifier: &Verifier,
    now: SystemTime,
) -> Result<&'s Readings, Cause> {
    let instance = set.instance;
    let failed = |cause| Cause::MessageSignature(instance, cause);
    let readings = set.message_signature.as_ref().map_err(|error| failed(error.clone().into()))?;
    for signature in readings.iter() {
        refuse_sha1(signature.algorithm()).map_err(failed)?;
        parts::admit(verifier, signature, now.max(time_of(signature))).map_err(failed)?;
        // §4.1.2: The ARC-Seal is made after the message signature, which never covers it.
        if signature.signed_fields().any(|name| name.eq_ignore_ascii_case(b"ARC-Seal")) {
            return Err(Cause::CoversSeal(instance));
        }
    }
    Ok(readings)
}

/// RFC 8617 §4.1.3: `d=` and `s=` of a seal are "from \[RFC6376\], Section 3.5", and so are the allowed values.
fn admit_seal(seal: &Seal, verifier: &Verifier) -> Result<(), SignatureCause> {
    refuse_sha1(seal.algorithm())?;
    parts::check_domain(verifier, seal.tags())?;
    Ok(())
}

/// RFC 6376 §3.5: "Implementations MAY ignore signatures that have a timestamp in the future." None is ignored here: a
/// handler whose clock is fast would end the chain.
fn time_of(signature: &Signature) -> SystemTime {
    let timestamp = signature.timestamp().map(Duration::from_secs);
    timestamp.and_then(|since| UNIX_EPOCH.checked_add(since)).unwrap_or(UNIX_EPOCH)
}

/// RFC 8301 §3.1: "rsa-sha1 MUST NOT be used for signing or verifying." There are no old archives with ARC.
fn refuse_sha1(algorithm: Algorithm) -> Result<(), SignatureCause> {
    if algorithm == Algorithm::RsaSha1 { Err(SignatureCause::RsaSha1) } else { Ok(()) }
}

/// The check that remains when the body has ended: it looks up the keys and verifies the signatures. Its output is the
/// [`Chain`].
#[derive(Debug)]
pub struct ArcCheck {
    examination: ChainExamination,
    hashes: BodyHashes,
}

impl Check for ArcCheck {
    type Output = Chain;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Chain, Pending> {
        let ChainExamination { chain, keys, verifier, .. } = &self.examination;
        let mut chain = chain.clone();
        let Some(older) = self.examination.older else { return Ok(chain) };
        // All keys are asked for before any signature is verified, so that this is done once.
        let replies = dns.ask_all(self.examination.questions())?;
        let keys = keys.iter().cloned().zip(replies).collect();
        let judge = Judge::new(verifier, &chain.header, self.hashes.clone(), keys);
        match judge.newest(&chain.sets) {
            Ok(unsigned_additions) => {
                chain.unsigned_additions = unsigned_additions;
                chain.older = self.examination.oldest_pass.then(|| Arc::new(Older::new(judge, older)));
            }
            Err(cause) => chain.cause = Some(cause),
        }
        Ok(chain)
    }
}
