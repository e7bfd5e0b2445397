//! The chain and its verdict (RFC 8617 §5.2).

use crate::{
    ArcField, Cause, InvalidSeal, Seal, Set,
    judge::Older,
    set::{self, Content, MessageSignature},
};
use bytes::Bytes;
use std::{
    fmt::{self, Write},
    net::IpAddr,
    sync::Arc,
};
use waxseal_authres::{ArcResult, Entry, Ptype, reason};
use waxseal_dkim::Signature;
use waxseal_dns::DomainName;
use waxseal_header::{Field, Header, HeaderError};

/// The verdict on the chain of a message: none, pass or fail, and why.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_arc::{ArcResult, ChainVerifier, Policy};
/// # use waxseal_dns::{Answer, Question};
/// # let resolver = |_: &Question| Ok(Answer::nxdomain());
/// let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
/// let chain = ChainVerifier::new(Policy::default())?.verify_blocking(message, SystemTime::now(), &resolver);
/// assert_eq!(chain.result(), ArcResult::None);
/// assert_eq!(chain.entry().to_string(), "arc=none");
/// assert!(!chain.trusted_by(|_| true));
/// # Ok::<(), waxseal_crypto::NoProvider>(())
/// ```
#[derive(Debug, Clone)]
pub struct Chain {
    pub(crate) sets: Arc<[Set]>,
    pub(crate) cause: Option<Cause>,
    /// `None` when the oldest pass is not computed.
    pub(crate) older: Option<Arc<Older>>,
    pub(crate) unsigned_additions: Vec<&'static str>,
    /// The largest legible `i=`.
    pub(crate) highest: u32,
    /// The header that the chain was read from.
    pub(crate) header: Header,
}

impl Chain {
    /// The Chain Validation Status (RFC 8617 §4.4).
    #[doc(alias = "word")]
    pub fn result(&self) -> ArcResult {
        match &self.cause {
            Some(cause) => cause.result(),
            None if self.sets.is_empty() => ArcResult::None,
            None => ArcResult::Pass,
        }
    }

    /// The verdict as one JSON object on one line: `{"result", "reason", "oldest_pass", "sets"}`, and `unsigned_additions`
    /// if there are any.
    #[cfg(feature = "json")]
    #[cfg_attr(docsrs, doc(cfg(feature = "json")))]
    pub fn to_json(&self) -> String {
        waxseal_dns::to_json(self)
    }

    /// True when there is a chain and it is intact. By itself this proves nothing about a message, since anyone can
    /// seal: see [`Chain::trusted_by`].
    pub fn is_pass(&self) -> bool {
        self.result() == ArcResult::Pass
    }

    /// Why the chain failed; `None` when it did not.
    pub fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// The sets, the oldest first, whether the chain passed or not; empty when they do not form a chain.
    pub fn sets(&self) -> &[Set] {
        &self.sets
    }

    /// §5.2 step 5, "oldest-pass": the lowest instance whose ARC-Message-Signature still verifies, which is the handler
    /// after which the message did not change; 0 when all do. `None` when the chain did not pass, or the policy
    /// disables it ([`Policy::with_oldest_pass`](crate::Policy::with_oldest_pass)).
    ///
    /// The step is optional, and verifies a signature for each older set whose body hash still matches. So it is done
    /// at the first call of this, [`entry`](Chain::entry), [`explain`](Chain::explain), `==` or a serializer, and
    /// remembered. It needs no further DNS lookup.
    pub fn oldest_pass(&self) -> Option<u32> {
        self.older.as_ref().map(|older| older.oldest_pass(&self.sets))
    }

    /// Whether the chain passed, all of its sealers are trusted, and the newest message signature covers From. `trusts`
    /// is called with `d=` of each ARC-Seal. Only then may the sets, above all [`Set::authentication_results`] of the
    /// oldest, change what is done with a message that failed DMARC: an intact chain of strangers proves nothing.
    ///
    /// ```
    /// # use waxseal_arc::Chain;
    /// # fn forgive(chain: &Chain) -> bool {
    /// let trusted = ["lists.example.org", "forward.example.net"];
    /// chain.trusted_by(|sealer| trusted.contains(&sealer.as_str()))
    /// # }
    /// ```
    pub fn trusted_by(&self, trusts: impl FnMut(&DomainName) -> bool) -> bool {
        !self.sets.is_empty() && self.trusted_sets(trusts).len() == self.sets.len()
    }

    /// Whether the newest message signature covers From. Otherwise, anyone can replace the author of the message.
    pub fn covers_from(&self) -> bool {
        self.sets.last().and_then(Set::message_signature).is_some_and(signs_from)
    }

    /// The newest sets whose sealers are trusted, down to the first stranger: their results can be believed. Those
    /// below cannot, since the stranger may have made them up. Empty when the other conditions of [`Chain::trusted_by`]
    /// do not hold.
    pub fn trusted_sets(&self, mut trusts: impl FnMut(&DomainName) -> bool) -> &[Set] {
        if !self.is_pass() || !self.covers_from() {
            return &[];
        }
        let trusted = self.sets.iter().rev().take_while(|set| set.domain().is_some_and(&mut trusts)).count();
        self.sets.get(self.sets.len() - trusted..).unwrap_or_default()
    }

    /// Fields that may occur only once, but occur more often than the newest ARC-Message-Signature covers: a mail
    /// program may show one that the last sealer never saw (RFC 6376 §8.15). Empty unless the chain passed.
    /// [`Policy::with_unsigned_additions_refused`](waxseal_dkim::Policy::with_unsigned_additions_refused) refuses such
    /// a message.
    pub fn unsigned_additions(&self) -> &[&'static str] {
        &self.unsigned_additions
    }

    /// One line of ASCII without quotes: the cause and its sources, or that the chain is intact; then further notes.
    pub fn reason(&self) -> String {
        match (&self.cause, self.sets.last()) {
            (Some(cause), _) => reason(cause),
            (None, None) => "no ARC set".into(),
            (None, Some(newest)) => match self.additions() {
                Some(additions) => format!("{}; {additions}", verified(newest)),
                None => verified(newest),
            },
        }
    }

    /// A page of ASCII for people: the result and its reason, then the sets, the oldest first.
    pub fn explain(&self) -> String {
        let mut page = format!("arc={}\n  {}\n", self.result(), self.reason());
        for set in self.sets.iter() {
            // Writing to a String does not fail.
            _ = set.write_page(&mut page);
        }
        match self.oldest_pass() {
            Some(0) if !self.sets.is_empty() => page += "  the message is as the first sealer sent it\n",
            Some(oldest) => _ = writeln!(page, "  the message is as the sealer of set {oldest} sent it"),
            None => {}
        }
        page
    }

    /// `a further Subject is not signed (…)`
    fn additions(&self) -> Option<String> {
        let fields = self.unsigned_additions.join(", ");
        let refused = "Policy::with_unsigned_additions_refused refuses that";
        (!fields.is_empty()).then(|| format!("a further {fields} is not signed ({refused})"))
    }

    /// The entry for Authentication-Results (RFC 8617 §10.1), such as `arc=pass header.oldest-pass=0`, for messages
    /// whose client is unknown: see [`Chain::entry_from`].
    pub fn entry(&self) -> Entry {
        let mut entry = Entry::arc(self.result());
        if let Some(cause) = &self.cause {
            entry = entry.with_reason(reason(cause));
        }
        if !self.unsigned_additions.is_empty() {
            entry =
                entry.with_comment(format!("a further {} is not signed", self.unsigned_additions.join(", ")));
        }
        match self.oldest_pass() {
            Some(oldest) => entry.with_property(Ptype::Header, "oldest-pass", oldest.to_string()),
            None => entry,
        }
    }

    /// [`Chain::entry`] with the address of the client, as OpenARC writes it: `arc=pass header.oldest-pass=0
    /// smtp.remote-ip=192.0.2.1`. RFC 8617 §6 requires it in every field, and whoever reads the set that is sealed over
    /// it needs it.
    pub fn entry_from(&self, client: IpAddr) -> Entry {
        self.entry().with_property(Ptype::Smtp, "remote-ip", client.to_string())
    }

    /// Whether the newest seal has `cv=fail`: such a chain has ended (RFC 8617 §5.1 step 2).
    pub fn has_ended(&self) -> bool {
        matches!(self.cause, Some(Cause::Failed(..)))
    }
}

fn verified(newest: &Set) -> String {
    match newest.instance() {
        1 => "1 set verified".into(),
        sets => format!("{sets} sets verified"),
    }
}

fn signs_from(signature: &Signature) -> bool {
    signature.signed_fields().any(|name| name.eq_ignore_ascii_case(b"from"))
}

/// Equal when the sets and the verdict are the same.
impl PartialEq for Chain {
    fn eq(&self, other: &Self) -> bool {
        let of = |chain: &Self| (chain.highest, chain.oldest_pass());
        self.sets == other.sets
            && self.cause == other.cause
            && self.unsigned_additions == other.unsigned_additions
            && of(self) == of(other)
    }
}

impl Eq for Chain {}

/// One line for a log, such as `arc=pass i=1 d=lists.example.org (1 set verified)`.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arc={}", self.result())?;
        for set in self.sets.iter() {
            write!(f, " i={}", set.instance())?;
            if let Some(domain) = set.domain() {
                write!(f, " d={domain}")?;
            }
        }
        write!(f, " ({})", self.reason())
    }
}

impl Chain {
    /// The verdict on a message whose header was refused, for programs that use a
    /// [`Splitter`](waxseal_header::Splitter) themselves.
    pub fn refused(error: HeaderError) -> Self {
        Self {
            sets: Arc::default(),
            cause: Some(error.into()),
            older: None,
            unsigned_additions: Vec::new(),
            highest: 0,
            header: Header::default(),
        }
    }

    /// Reads the ARC fields of a header: §5.2 steps 1 to 3.
    pub(crate) fn read(header: Header, max_sets: usize) -> Self {
        let mut draft = Draft::default();
        for (number, field) in header.fields().enumerate() {
            let Some(kind) = ArcField::of(field) else { continue };
            let value = header.value_bytes(number).unwrap_or_default();
            if let Err(cause) = draft.add(kind, number, &value, max_sets) {
                // The first one is reported.
                draft.cause.get_or_insert(cause);
            }
        }
        draft.finish(header)
    }

    /// Whether the ARC fields of `header` are those of the chain, byte for byte.
    pub(crate) fn is_in(&self, header: &Header) -> bool {
        arc_fields(&self.header).eq(arc_fields(header))
    }
}

fn arc_fields(header: &Header) -> impl Iterator<Item = Field<'_>> {
    header.fields().filter(|field| ArcField::of(*field).is_some())
}

/// A chain that is being read.
#[derive(Default)]
struct Draft {
    slots: Vec<Slot>,
    cause: Option<Cause>,
}

/// The fields of a set so far.
#[derive(Default)]
struct Slot {
    results: Option<(usize, Bytes)>,
    message_signature: Option<(usize, MessageSignature)>,
    seal: Option<(usize, Result<Seal, InvalidSeal>)>,
}

impl Draft {
    fn add(&mut self, field: ArcField, number: usize, value: &Bytes, max_sets: usize) -> Result<(), Cause> {
        let (instance, content) = set::read(field, value).ok_or(Cause::Instance(field))?;
        let place = instance as usize;
        // Step 1: "If more than the maximum number exist, the Chain Validation Status is "fail"".
        if place > max_sets {
            return Err(Cause::TooManySets(max_sets));
        }
        if self.slots.len() < place {
            self.slots.resize_with(place, Slot::default);
        }
        let Some(slot) = self.slots.get_mut(place - 1) else { return Ok(()) };
        slot.fill(number, content).map_err(|()| Cause::Duplicate(field, instance))
    }

    fn finish(self, header: Header) -> Chain {
        let highest = self.slots.len() as u32;
        let newest = self.slots.last().and_then(Slot::chain_validation);
        let mut cause = self.cause;
        let mut sets = Vec::with_capacity(self.slots.len());
        for (instance, slot) in (1..).zip(self.slots) {
            match slot.finish(instance) {
                Ok(set) => sets.push(set),
                Err(missing) => _ = cause.get_or_insert(missing),
            }
        }
        if cause.is_some() {
            sets.clear();
        }
        if let (Some(ArcResult::Fail), false) = (newest, matches!(cause, Some(Cause::TooManySets(..)))) {
            // Step 2 comes before step 3.
            cause = Some(Cause::Failed(highest));
        }
        let cause = cause.or_else(|| sets.iter().find_map(|set| check_seal(set).err()));
        Chain { sets: sets.into(), cause, older: None, unsigned_additions: Vec::new(), highest, header }
    }
}

impl Slot {
    fn fill(&mut self, number: usize, content: Content) -> Result<(), ()> {
        let taken = match content {
            Content::Results(payload) => self.results.replace((number, payload)).is_some(),
            Content::MessageSignature(read) => self.message_signature.replace((number, read)).is_some(),
            Content::Seal(read) => self.seal.replace((number, read)).is_some(),
        };
        if taken { Err(()) } else { Ok(()) }
    }

    fn chain_validation(&self) -> Option<ArcResult> {
        let (_, seal) = self.seal.as_ref()?;
        seal.as_ref().ok().map(Seal::chain_validation)
    }

    /// Step 3A: "Each ARC Set MUST contain exactly one each of the three ARC header fields (AAR, AMS, and AS)."
    /// Step 3B: "The instance values of the ARC Sets MUST form a continuous sequence from 1..N with no gaps or repetition."
    fn finish(self, instance: u32) -> Result<Set, Cause> {
        match (self.results, self.message_signature, self.seal) {
            (Some((first, results)), Some((second, message_signature)), Some((third, seal))) => {
                Ok(Set { instance, results, message_signature, seal, places: [first, second, third] })
            }
            (None, None, None) => Err(Cause::Gap(instance)),
            (None, _, _) => Err(Cause::Missing(ArcField::AuthenticationResults, instance)),
            (_, None, _) => Err(Cause::Missing(ArcField::MessageSignature, instance)),
            (_, _, None) => Err(Cause::Missing(ArcField::Seal, instance)),
        }
    }
}

/// Step 3C: "The "cv" value for all ARC-Seal header fields MUST NOT be "fail". For ARC Sets with instance values > 1, the
/// values MUST be "pass". For the ARC Set with instance value = 1, the value MUST be "none"."
fn check_seal(set: &Set) -> Result<(), Cause> {
    let instance = set.instance;
    let seal = set.seal.as_ref().map_err(|error| Cause::MalformedSeal(instance, error.clone()))?;
    match (instance, Seal::chain_validation(seal)) {
        (1, ArcResult::None) | (2.., ArcResult::Pass) => Ok(()),
        (_, found) => Err(Cause::ChainValidation(instance, found)),
    }
}
