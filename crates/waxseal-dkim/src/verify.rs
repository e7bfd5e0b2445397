//! Verifying (RFC 6376 §6).

use crate::{
    BodyHash, BodyHashId, BodyHasher, BodyHashes, BodyLengthPolicy, Cause, FieldIndex, KeyRecord, Picker,
    Policy, Signature, Verdict, Verdicts,
    keys::KeyCache,
    verdict::{Claims, KeyFacts},
};
use std::{
    fmt,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};
use waxseal_crypto::{Algorithm, KeyType, Provider, PublicKey, VerifyError, default_provider};
use waxseal_dns::{
    Answers, Check, Dnssec, DomainName, Pending, Question, Record, RecordType, Reply, Resolve,
    ResolveBlocking, drive, drive_blocking,
};
use waxseal_header::{Field, Header, TagList};

/// Verifies the DKIM signatures of messages. Cheap to clone; clones share what they remember of keys.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_dkim::Verifier;
/// # use waxseal_dns::{Answer, Question};
/// # let resolver = |_: &Question| Ok(Answer::nxdomain());
/// # let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
/// let verifier = Verifier::default();
/// for verdict in verifier.verify_blocking(message, SystemTime::now(), &resolver) {
///     println!("{verdict}");
/// }
/// ```
///
/// A message that arrives in chunks goes through [`Verifier::begin`].
#[derive(Debug, Clone)]
pub struct Verifier {
    policy: Arc<Policy>,
    provider: &'static dyn Provider,
    keys: Arc<KeyCache>,
}

impl Default for Verifier {
    /// The default [`Policy`] and the default crypto provider.
    fn default() -> Self {
        Self::new(Policy::default())
    }
}

impl Verifier {
    /// A verifier with this policy and the default crypto provider.
    pub fn new(policy: Policy) -> Self {
        Self { policy: Arc::new(policy), provider: default_provider(), keys: Arc::default() }
    }

    /// Lets another crypto provider do the work.
    #[must_use]
    pub fn with_provider(self, provider: &'static dyn Provider) -> Self {
        Self { provider, ..self }
    }

    /// Verifies a whole message with an asynchronous resolver. `now` decides about `t=` and `x=`.
    pub async fn verify(
        &self,
        message: &[u8],
        now: SystemTime,
        resolver: &(impl Resolve + ?Sized),
    ) -> Verdicts {
        drive(self.check(message, now), resolver).await
    }

    /// Verifies a whole message with a blocking resolver. `now` decides about `t=` and `x=`.
    pub fn verify_blocking(
        &self,
        message: &[u8],
        now: SystemTime,
        resolver: &(impl ResolveBlocking + ?Sized),
    ) -> Verdicts {
        drive_blocking(self.check(message, now), resolver)
    }

    /// The check of a whole message, for those who drive it themselves.
    pub fn check(&self, message: &[u8], now: SystemTime) -> VerifyCheck {
        match Header::parse_with(message, self.policy.header_limits) {
            Ok((header, body)) => {
                let mut verification = self.begin(header, now);
                verification.body(body);
                verification.finish()
            }
            Err(error) => VerifyCheck::refused(Cause::Header(error), self),
        }
    }

    /// Begins with a message of which the header is known; the body comes in chunks.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal_dkim::Verifier;
    /// use waxseal_dns::drive_blocking;
    /// use waxseal_header::{HeaderLimits, Split, Splitter};
    /// # use waxseal_dns::{Answer, Question};
    /// # let resolver = |_: &Question| Ok(Answer::nxdomain());
    /// let mut splitter = Splitter::new(HeaderLimits::default());
    /// let Split::Body(header, rest) = splitter.push(b"Subject: lunch\r\n\r\nHi.")? else { panic!() };
    /// let mut verification = Verifier::default().begin(header, SystemTime::now());
    /// verification.body(rest);
    /// verification.body(b"\r\n");
    /// let verdicts = drive_blocking(verification.finish(), &resolver);
    /// assert!(verdicts.is_empty());
    /// # Ok::<(), waxseal_header::HeaderError>(())
    /// ```
    pub fn begin(&self, header: Header, now: SystemTime) -> Verification {
        let mut hasher = BodyHasher::new(self.provider);
        let examination = self.examine(header, now, &mut hasher);
        Verification { examination, hasher }
    }

    /// Looks at the signatures of a header and asks `hasher` for the body hashes that they need. So several checks of
    /// one message (DKIM, ARC) share one pass over the body.
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

pub(crate) const FIELD_NAME: &str = "DKIM-Signature";

/// Room for the signed fields of most messages.
const INPUT_OCTETS: usize = 4096;

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The verification of a message whose body is still arriving; see [`Verifier::begin`].
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
    pub fn finish(self) -> VerifyCheck {
        self.examination.finish(self.hasher.finish())
    }
}

/// The signatures of a header whose body hashes are made elsewhere; see [`Verifier::examine`].
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
    Ready { signature: Arc<Signature>, field: usize, body: BodyHashId },
    /// Decided without its key.
    Decided(Box<Verdict>),
}

impl Examination {
    /// The keys that will be needed. Look them up while the body arrives.
    pub fn questions(&self) -> impl Iterator<Item = Question> + '_ {
        self.keys.iter().map(|name| Question::new(name.clone(), RecordType::Txt))
    }

    /// With the finished hashes; what is left is a check that asks for the keys.
    pub fn finish(self, hashes: BodyHashes) -> VerifyCheck {
        VerifyCheck { examination: self, hashes, refused: None }
    }

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
        let form = signature.body_canonicalization();
        let body = hasher.want(form, signature.algorithm().hash(), signature.body_length());
        Candidate::Ready { signature, field: number, body }
    }

    /// What can be said of a well-formed signature before its key is known.
    fn admit(&mut self, signature: &Signature, now: u64) -> Result<(), Cause> {
        let policy = &self.verifier.policy;
        policy.admit(signature, now)?;
        check_required_fields(signature, &self.header, policy)?;
        if self.tried >= policy.max_signatures {
            return Err(Cause::TooManySignatures { limit: policy.max_signatures });
        }
        if !self.keys.contains(signature.key_name()) {
            if self.keys.len() >= policy.max_key_lookups {
                return Err(Cause::TooManyKeyLookups { limit: policy.max_key_lookups });
            }
            self.keys.push(signature.key_name().clone());
        }
        self.tried += 1;
        Ok(())
    }
}

impl Policy {
    fn admit(&self, signature: &Signature, now: u64) -> Result<(), Cause> {
        self.signing_domains.check(signature.domain(), signature.selector())?;
        if signature.algorithm() == Algorithm::RsaSha1 && !self.allow_rsa_sha1 {
            return Err(Cause::RsaSha1);
        }
        check_times(signature, now, self)?;
        if signature.body_length().is_some() && self.body_length == BodyLengthPolicy::Refuse {
            return Err(Cause::BodyLength);
        }
        Ok(())
    }
}

/// RFC 6376 §3.5: "Signatures MAY be considered invalid if the verification time at the Verifier is past the expiration
/// date"; "Implementations MAY ignore signatures that have a timestamp in the future".
fn check_times(signature: &Signature, now: u64, policy: &Policy) -> Result<(), Cause> {
    let tolerance = policy.clock_tolerance.as_secs();
    if let Some(expiration) = signature.expiration().filter(|x| x.saturating_add(tolerance) < now) {
        return Err(Cause::Expired { expiration, now });
    }
    if let Some(timestamp) = signature.timestamp().filter(|t| *t > now.saturating_add(tolerance)) {
        return Err(Cause::SignedInFuture { timestamp, now });
    }
    Ok(())
}

fn check_required_fields(signature: &Signature, header: &Header, policy: &Policy) -> Result<(), Cause> {
    for name in &policy.required_fields {
        let signed = signature.signed_fields().any(|signed| signed.eq_ignore_ascii_case(name.as_bytes()));
        if !signed && header.fields().any(|field| field.is(name)) {
            return Err(Cause::FieldNotSigned { field: name.clone() });
        }
    }
    Ok(())
}

/// The check that is left when the body has ended: it asks for the keys, then judges. Its output is [`Verdicts`].
#[derive(Debug)]
pub struct VerifyCheck {
    examination: Examination,
    hashes: BodyHashes,
    refused: Option<Cause>,
}

impl Check for VerifyCheck {
    type Output = Verdicts;

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<Verdicts, Pending> {
        if let Some(cause) = &self.refused {
            return Ok(Verdicts(vec![Verdict::new(Some(cause.clone()))]));
        }
        // Every key is asked for before any signature is computed, so that this is done once.
        let replies = dns.ask_all(self.examination.questions())?;
        Ok(Judge::new(self, &replies).verdicts())
    }
}

impl VerifyCheck {
    fn refused(cause: Cause, verifier: &Verifier) -> Self {
        let mut hasher = BodyHasher::new(verifier.provider);
        let examination = verifier.examine(Header::default(), UNIX_EPOCH, &mut hasher);
        Self { refused: Some(cause), ..examination.finish(BodyHashes::default()) }
    }
}

/// All that is known of a message and its keys.
struct Judge<'c> {
    examination: &'c Examination,
    hashes: &'c BodyHashes,
    replies: &'c [Reply],
    index: FieldIndex,
}

impl<'c> Judge<'c> {
    fn new(check: &'c VerifyCheck, replies: &'c [Reply]) -> Self {
        let index = match check.examination.keys.is_empty() {
            true => FieldIndex::default(),
            false => FieldIndex::new(&check.examination.header),
        };
        Self { examination: &check.examination, hashes: &check.hashes, replies, index }
    }

    fn verdicts(&self) -> Verdicts {
        let verdict = |candidate: &Candidate| match candidate {
            Candidate::Decided(verdict) => (**verdict).clone(),
            Candidate::Ready { signature, field, body } => self.verdict(signature, *field, *body),
        };
        Verdicts(self.examination.candidates.iter().map(verdict).collect())
    }

    fn verdict(&self, signature: &Arc<Signature>, field: usize, body: BodyHashId) -> Verdict {
        let mut verdict = Verdict { signature: Some(signature.clone()), ..Verdict::new(None) };
        verdict.cause = self.judge(signature, field, body, &mut verdict).err();
        verdict
    }

    fn judge(
        &self,
        signature: &Signature,
        field: usize,
        body: BodyHashId,
        verdict: &mut Verdict,
    ) -> Result<(), Cause> {
        let verifier = &self.examination.verifier;
        let reply = self.reply(signature.key_name())?;
        if let Ok(answer) = reply {
            (verdict.dnssec, verdict.ttl) = (answer.dnssec, answer.ttl);
        }
        let record = verifier.key_record(signature.key_name(), reply)?;
        let key = check_record(&record, signature.algorithm())?;
        if record.has_strict_identity() && !identity_is_domain(signature) {
            return Err(Cause::StrictIdentity);
        }
        verdict.key = Some(KeyFacts { bits: key.bits(), testing: record.is_testing() });
        check_bits(key, &verifier.policy)?;
        let header = &self.examination.header;
        let mut picker = self.index.picker(header);
        let input = header_input(signature, header.field(field), &mut picker);
        verdict.unsigned_additions = unsigned_additions(&picker);
        verifier.check_signature(signature, key, &input, self.hashes.get(body)).map_err(
            |cause| match cause {
                Cause::HeaderSignature { header_hash, .. } => {
                    Cause::HeaderSignature { header_hash, changed_fields: changed_fields(signature, header) }
                }
                other => other,
            },
        )?;
        match verdict.unsigned_additions.first() {
            Some(field) if verifier.policy.refuse_unsigned_additions => {
                Err(Cause::UnsignedAddition { field })
            }
            _ => Ok(()),
        }
    }

    fn reply(&self, name: &DomainName) -> Result<&'c Reply, Cause> {
        let number = self.examination.keys.iter().position(|key| key == name);
        number.and_then(|number| self.replies.get(number)).ok_or(Cause::NoKey)
    }
}

/// What a verifier of ARC (RFC 8617), whose signatures are verified as those of DKIM are, has to know of one.
impl Verifier {
    /// What it accepts.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The crypto provider.
    pub fn provider(&self) -> &'static dyn Provider {
        self.provider
    }

    /// Whether the policy lets a well-formed signature be looked at before its key is known: by its domain, algorithm, `t=`,
    /// `x=` and `l=`.
    ///
    /// # Errors
    /// The [`Cause`] that speaks against it.
    pub fn admit(&self, signature: &Signature, now: SystemTime) -> Result<(), Cause> {
        self.policy.admit(signature, seconds(now))
    }

    /// The public key in `reply`, the TXT records of `name`, if the record and the policy allow it to be used with
    /// `algorithm` for mail (RFC 6376 §6.1.2).
    ///
    /// # Errors
    /// The [`Cause`] that speaks against it.
    pub fn key(&self, name: &DomainName, reply: &Reply, algorithm: Algorithm) -> Result<PublicKey, Cause> {
        let record = self.key_record(name, reply)?;
        let key = check_record(&record, algorithm)?;
        check_bits(key, &self.policy)?;
        Ok(key.clone())
    }

    /// Verifies `signature`, which is the field number `field` of the header that `index` was made from, with its `key`:
    /// the signed fields and the body, of which `body` is the hash.
    ///
    /// # Errors
    /// [`Cause::BodyHash`], [`Cause::HeaderSignature`] and those about `l=`.
    pub fn verify_message(
        &self,
        signature: &Signature,
        key: &PublicKey,
        (header, index, field): (&Header, &FieldIndex, usize),
        body: Option<&BodyHash>,
    ) -> Result<(), Cause> {
        let input = header_input(signature, header.field(field), &mut index.picker(header));
        self.check_signature(signature, key, &input, body)
    }

    /// Verifies `signature` over `input`, the canonical octets.
    ///
    /// # Errors
    /// [`Cause::HeaderSignature`], or [`Cause::Crypto`] when the provider cannot tell.
    pub fn verify_octets(
        &self,
        algorithm: Algorithm,
        key: &PublicKey,
        input: &[u8],
        signature: &[u8],
    ) -> Result<(), Cause> {
        match key.verify(self.provider, algorithm, input, signature) {
            Ok(()) => Ok(()),
            Err(VerifyError::BadSignature) => Err(self.header_changed(algorithm, input)),
            Err(error) => Err(Cause::Crypto(error)),
        }
    }

    /// RFC 6376 §6.1.3.
    fn check_signature(
        &self,
        signature: &Signature,
        key: &PublicKey,
        input: &[u8],
        body: Option<&BodyHash>,
    ) -> Result<(), Cause> {
        let header = self.verify_octets(signature.algorithm(), key, input, signature.signature());
        let header_intact = match &header {
            Ok(()) => true,
            Err(Cause::HeaderSignature { .. }) => false,
            Err(_) => return header,
        };
        let body = body.ok_or(Cause::Signature(crate::InvalidSignature::Value { tag: "bh" }))?;
        check_body(signature, body, header_intact)?;
        header?;
        check_additions(signature, body, &self.policy)
    }

    /// RFC 6376 §6.1.2.
    fn key_record(&self, name: &DomainName, reply: &Reply) -> Result<Arc<KeyRecord>, Cause> {
        let answer = reply.as_ref().map_err(|error| Cause::Lookup(error.clone()))?;
        if answer.dnssec == Dnssec::Bogus {
            return Err(Cause::BogusKey);
        }
        let texts = || answer.records.iter().filter_map(text);
        match texts().count() {
            1 => {}
            0 => return Err(Cause::NoKey),
            // §6.1.2: with several records the verifier may choose; nothing says which, so none is chosen.
            count => return Err(Cause::SeveralKeys { count }),
        }
        let text = texts().next().ok_or(Cause::NoKey)?;
        self.keys.parse(name, text).map_err(Cause::KeyRecord)
    }

    fn header_changed(&self, algorithm: Algorithm, input: &[u8]) -> Cause {
        let mut hasher = self.provider.hasher(algorithm.hash());
        hasher.update(input);
        Cause::HeaderSignature { header_hash: hasher.finish().as_ref().to_vec(), changed_fields: Vec::new() }
    }
}

/// RFC 6376 §3.7: the signed fields, then the signature field without `b=` and its line end.
fn header_input(signature: &Signature, own: Option<Field<'_>>, picker: &mut Picker<'_>) -> Vec<u8> {
    let mut input = Vec::with_capacity(INPUT_OCTETS);
    let form = signature.header_canonicalization();
    // §3.5: "The field MUST NOT include the DKIM-Signature header field that is being created or verified".
    let is_own = |field: &Field<'_>| own.is_some_and(|own| std::ptr::eq(own.raw(), field.raw()));
    for name in signature.signed_fields() {
        let picked = picker.pick(name);
        let picked = if picked.as_ref().is_some_and(is_own) { picker.pick(name) } else { picked };
        if let Some(field) = picked {
            form.header_field(field, &mut input);
        }
    }
    if let Some(field) = own {
        form.signature_field(field, signature.signature_range(), &mut input);
    }
    input
}

fn check_body(signature: &Signature, body: &BodyHash, header_intact: bool) -> Result<(), Cause> {
    if let Some(signed) = signature.body_length().filter(|signed| *signed > body.length()) {
        return Err(Cause::BodyTooShort { signed, octets: body.length() });
    }
    if body.digest().as_ref() == signature.body_hash() {
        return Ok(());
    }
    Err(Cause::BodyHash {
        expected: signature.body_hash().to_vec(),
        computed: body.digest().as_ref().to_vec(),
        header_intact,
    })
}

fn text(record: &Record) -> Option<&bytes::Bytes> {
    match record {
        Record::Txt(text) => Some(text),
        _ => None,
    }
}

/// RFC 6376 §6.1.2, steps 6 to 8, and `s=` of §3.6.1.
fn check_record(record: &KeyRecord, algorithm: Algorithm) -> Result<&PublicKey, Cause> {
    let key = record.public_key().ok_or(Cause::Revoked)?;
    if record.key_type() != algorithm.key_type() {
        return Err(Cause::KeyType { key_type: record.key_type(), algorithm });
    }
    if !record.allows_hash(algorithm.hash()) {
        return Err(Cause::HashNotAllowed { algorithm });
    }
    if !record.is_for_email() {
        return Err(Cause::ServiceType);
    }
    Ok(key)
}

fn identity_is_domain(signature: &Signature) -> bool {
    let Some(identity) = signature.identity() else {
        return true;
    };
    let host = identity.rsplit(|c| *c == b'@').next().and_then(|host| std::str::from_utf8(host).ok());
    host.and_then(|host| DomainName::new(host).ok()).as_ref() == Some(signature.domain())
}

fn check_bits(key: &PublicKey, policy: &Policy) -> Result<(), Cause> {
    let bits = key.bits();
    if key.key_type() != KeyType::Rsa {
        Ok(())
    } else if bits < policy.min_rsa_bits {
        Err(Cause::KeyTooSmall { bits, min: policy.min_rsa_bits })
    } else if bits > policy.max_rsa_bits {
        Err(Cause::KeyTooLarge { bits, max: policy.max_rsa_bits })
    } else {
        Ok(())
    }
}

fn check_additions(signature: &Signature, body: &BodyHash, policy: &Policy) -> Result<(), Cause> {
    let octets = body.length();
    match signature.body_length().map(|signed| (signed, octets.saturating_sub(signed))) {
        Some((signed, added)) if added > 0 && policy.body_length == BodyLengthPolicy::RefuseAdditions => {
            Err(Cause::BodyAdditions { signed, added })
        }
        _ => Ok(()),
    }
}

/// Fields that RFC 5322 §3.6 and RFC 2045 §3 allow once.
const SINGLE_FIELDS: [&str; 13] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

fn unsigned_additions(picker: &Picker<'_>) -> Vec<&'static str> {
    let single =
        |name: &[u8]| SINGLE_FIELDS.into_iter().find(|single| name.eq_ignore_ascii_case(single.as_bytes()));
    picker.left_over().filter_map(single).collect()
}

/// Fields of which `z=` holds a copy that no field of the header equals.
fn changed_fields(signature: &Signature, header: &Header) -> Vec<String> {
    let words = |value: &[u8]| {
        value.split(u8::is_ascii_whitespace).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(&b' ')
    };
    let mut changed = Vec::new();
    for (name, value) in signature.copied_fields() {
        let same = |field: Field<'_>| field.is(&name) && words(field.value()) == words(&value);
        let plain = name.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'-');
        if plain && !header.fields().any(same) {
            changed.push(String::from_utf8_lossy(&name).into_owned());
        }
    }
    changed
}

impl Claims {
    /// Reads what can be read of a malformed signature.
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
