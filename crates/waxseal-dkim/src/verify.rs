//! Verifying (RFC 6376 §6).

mod admit;
mod judge;
mod key;
mod key_rules;

use crate::{
    Cause, Policy, Signature, Verdict, Verdicts,
    body::{BodyHasher, BodyHashes},
    keys::KeyCache,
    picker::FieldIndex,
    tags::seconds,
    verdict::Claims,
};
use admit::check_required_fields;
use judge::Judge;
use std::{fmt, sync::Arc, time::SystemTime};
use waxseal_crypto::{Algorithm, NoProvider, Provider, default_provider};
use waxseal_dns::{
    Answers, Check, DomainName, Pending, Question, Resolve, ResolveBlocking, drive, drive_blocking,
};
use waxseal_header::{Field, Header, HeaderError, TagList};

/// Verifies the DKIM signatures of messages. Cheap to clone; clones share a cache of parsed keys.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_dkim::{Policy, Verifier};
/// # use waxseal_dns::{Answer, Question};
/// # let resolver = |_: &Question| Ok(Answer::nxdomain());
/// # let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
/// let verifier = Verifier::new(Policy::default())?;
/// for verdict in verifier.verify_blocking(message, SystemTime::now(), &resolver) {
///     println!("{verdict}");
/// }
/// # Ok::<(), waxseal_crypto::NoProvider>(())
/// ```
///
/// For a message that arrives in chunks, see [`Verifier::begin`].
#[derive(Debug, Clone)]
pub struct Verifier {
    policy: Arc<Policy>,
    provider: &'static dyn Provider,
    keys: Arc<KeyCache>,
}

impl Verifier {
    /// A verifier with this policy and the [default crypto provider](default_provider).
    ///
    /// # Errors
    /// [`NoProvider`] when no crypto provider was compiled in.
    pub fn new(policy: Policy) -> Result<Self, NoProvider> {
        Ok(Self::with_provider(policy, default_provider()?))
    }

    /// A verifier with this policy and this crypto provider.
    pub fn with_provider(policy: Policy, provider: &'static dyn Provider) -> Self {
        Self { policy: Arc::new(policy), provider, keys: Arc::default() }
    }

    /// Verifies a whole message with an asynchronous resolver. `now` is compared with `t=` and `x=`.
    ///
    /// It waits for DNS for at most 20 seconds; for another limit, pass the check to
    /// [`drive_within`](waxseal_dns::drive_within).
    pub async fn verify(
        &self,
        message: &[u8],
        now: SystemTime,
        resolver: &(impl Resolve + ?Sized),
    ) -> Verdicts {
        drive(self.check(message, now), resolver).await
    }

    /// Verifies a whole message with a blocking resolver. `now` is compared with `t=` and `x=`.
    ///
    /// It waits for DNS for at most 20 seconds; for another limit, pass the check to
    /// [`drive_blocking_within`](waxseal_dns::drive_blocking_within).
    pub fn verify_blocking(
        &self,
        message: &[u8],
        now: SystemTime,
        resolver: &(impl ResolveBlocking + ?Sized),
    ) -> Verdicts {
        drive_blocking(self.check(message, now), resolver)
    }

    /// The check of a whole message, to be driven by the caller.
    pub fn check(&self, message: &[u8], now: SystemTime) -> DkimCheck {
        match Header::parse_with(message, self.policy.header_limits) {
            Ok((header, body)) => {
                let mut verification = self.begin(header, now);
                verification.body(body);
                verification.finish()
            }
            Err(error) => DkimCheck { state: State::Refused(error) },
        }
    }

    /// Begins with the header of a message; the body follows in chunks.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_dkim::{Policy, Verifier};
    /// use waxseal_dns::drive_blocking;
    /// use waxseal_header::{HeaderLimits, Split, Splitter};
    /// # use waxseal_dns::{Answer, Question};
    /// # let resolver = |_: &Question| Ok(Answer::nxdomain());
    /// let mut splitter = Splitter::new(HeaderLimits::default());
    /// let Split::Body(header, rest) = splitter.push(b"Subject: lunch\r\n\r\nHi.")? else { panic!() };
    /// let mut verification = Verifier::new(Policy::default())?.begin(header, SystemTime::now());
    /// verification.body(rest);
    /// verification.body(b"\r\n");
    /// let verdicts = drive_blocking(verification.finish(), &resolver);
    /// assert!(verdicts.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn begin(&self, header: Header, now: SystemTime) -> Verification {
        let mut hasher = BodyHasher::new(self.provider);
        Verification { examination: self.examine(header, now, &mut hasher), hasher }
    }

    /// Reads the signatures of a header and requests the body hashes that they need from `hasher`, so that several
    /// checks of one message (DKIM, ARC) can share one pass over the body.
    pub fn examine(&self, header: Header, now: SystemTime, hasher: &mut BodyHasher) -> Examination {
        let now = seconds(now);
        let mut examination = Examination {
            verifier: self.clone(),
            header,
            candidates: Vec::new(),
            keys: Vec::new(),
            tried: 0,
        };
        for number in 0..examination.header.len() {
            let is_signature = |field: Field<'_>| field.is(FIELD_NAME);
            if examination.header.field(number).is_some_and(is_signature) {
                let candidate = examination.candidate(number, now, hasher);
                examination.candidates.push(candidate);
            }
        }
        examination
    }
}

/// For ARC (RFC 8617), whose signatures are verified like those of DKIM.
impl Verifier {
    /// The policy.
    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The crypto provider.
    pub fn provider(&self) -> &'static dyn Provider {
        self.provider
    }
}

pub(crate) const FIELD_NAME: &str = "DKIM-Signature";

/// Verifies a message whose body is still arriving; see [`Verifier::begin`].
#[derive(Debug)]
pub struct Verification {
    examination: Examination,
    hasher: BodyHasher,
}

impl Verification {
    /// The keys that will be needed. Look them up while the body arrives.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.examination.questions()
    }

    /// Takes the next chunk of the body.
    pub fn body(&mut self, chunk: &[u8]) {
        self.hasher.push(chunk);
    }

    /// Ends the body; what is left is a check that asks for the keys.
    pub fn finish(self) -> DkimCheck {
        self.examination.finish(self.hasher.finish())
    }
}

/// The signatures of a header whose body hashes are computed elsewhere; see [`Verifier::examine`].
#[derive(Debug)]
pub struct Examination {
    verifier: Verifier,
    header: Header,
    candidates: Vec<Candidate>,
    keys: Vec<DomainName>,
    tried: usize,
}

/// One DKIM-Signature field.
enum Candidate {
    /// To be verified.
    Ready { signature: Arc<Signature>, field: usize },
    /// Decided without the key.
    Decided(Box<Verdict>),
}

impl Examination {
    /// The keys that will be needed. Look them up while the body arrives.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.keys.iter().cloned().map(Question::txt)
    }

    /// With the finished hashes of the hasher that was asked for them, or the same ones kept earlier; what is left is a check
    /// that asks for the keys.
    pub fn finish(self, hashes: BodyHashes) -> DkimCheck {
        DkimCheck { state: State::Examined(Box::new(self), hashes) }
    }
}

impl Examination {
    fn candidate(&mut self, number: usize, now: u64, hasher: &mut BodyHasher) -> Candidate {
        let value = self.header.value_bytes(number).unwrap_or_default();
        let signature = match Signature::from_bytes(value.clone()) {
            Ok(signature) => Arc::new(signature),
            Err(error) => {
                let verdict = Verdict { claims: Claims::read(&value), ..Verdict::new(Some(error.into())) };
                return Candidate::Decided(Box::new(verdict));
            }
        };
        if let Err(cause) = self.admit(&signature, now) {
            let verdict = Verdict { signature: Some(signature), ..Verdict::new(Some(cause)) };
            return Candidate::Decided(Box::new(verdict));
        }
        hasher.want(signature.body_form());
        Candidate::Ready { signature, field: number }
    }

    /// Judges a well-formed signature before its key is known.
    fn admit(&mut self, signature: &Signature, now: u64) -> Result<(), Cause> {
        let policy = &self.verifier.policy;
        policy.admit(signature, now)?;
        check_required_fields(signature, &self.header, policy)?;
        if self.tried >= policy.max_signatures {
            return Err(Cause::TooManySignatures(policy.max_signatures));
        }
        if !self.keys.contains(signature.key_name()) {
            if self.keys.len() >= policy.max_key_lookups {
                return Err(Cause::TooManyKeyLookups(policy.max_key_lookups));
            }
            self.keys.push(signature.key_name().clone());
        }
        self.tried += 1;
        Ok(())
    }

    fn verdicts(&self, hashes: &BodyHashes, dns: &mut Answers<'_>) -> Result<Verdicts, Pending> {
        // All keys are asked for before any signature is verified, so that this is done once.
        dns.ask_all(self.questions())?;
        let index = if self.keys.is_empty() { FieldIndex::empty() } else { FieldIndex::new(&self.header) };
        let judge = Judge { verifier: &self.verifier, header: &self.header, hashes, index };
        let mut verdict = |candidate: &Candidate| match candidate {
            Candidate::Decided(verdict) => Ok((**verdict).clone()),
            Candidate::Ready { signature, field } => {
                let reply = dns.ask(Question::txt(signature.key_name().clone()))?;
                Ok(judge.verdict(signature, *field, &reply))
            }
        };
        let mut verdicts = Vec::with_capacity(self.candidates.len());
        for candidate in &self.candidates {
            verdicts.push(verdict(candidate)?);
        }
        Ok(Verdicts(verdicts))
    }
}

/// The check that remains when the body has ended: it looks up the keys and verifies the signatures. Its output is
/// [`Verdicts`].
#[derive(Debug)]
pub struct DkimCheck {
    state: State,
}

#[derive(Debug)]
enum State {
    /// The header was refused.
    Refused(HeaderError),
    Examined(Box<Examination>, BodyHashes),
}

impl Check for DkimCheck {
    type Output = Verdicts;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Verdicts, Pending> {
        match &self.state {
            State::Refused(error) => Ok(Verdicts::refused(error.clone())),
            State::Examined(examination, hashes) => examination.verdicts(hashes, dns),
        }
    }
}

impl Claims {
    /// Reads as much as possible of a malformed signature.
    fn read(value: &[u8]) -> Self {
        let Ok(tags) = TagList::parse(value) else {
            return Self::default();
        };
        let text = |tag| tags.get(tag).and_then(|value| std::str::from_utf8(value).ok());
        Self {
            domain: text("d").and_then(|d| d.parse().ok()),
            selector: text("s").and_then(|s| s.parse().ok()),
            algorithm: tags.get("a").and_then(Algorithm::from_name),
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { signature, .. } => f.debug_tuple("Ready").field(signature).finish(),
            Self::Decided(verdict) => f.debug_tuple("Decided").field(verdict).finish(),
        }
    }
}
