//! Forwarders that are trusted to have seen DMARC pass (RFC 8617 §7.2).

use super::settings::Trusts;
use std::fmt;
use waxseal_arc::{ArcResult, Chain, Set};
use waxseal_authres::{DmarcResult, InvalidAuthenticationResults, ParsedEntry, ParsedResults};
use waxseal_dmarc::{Disposition, Verdict};
use waxseal_dns::DomainName;

/// A trusted forwarder whose set records that DMARC passed there.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustedForwarder {
    /// `d=` of its seal.
    pub domain: DomainName,
    /// `i=`, the number of its set.
    pub instance: u32,
}

/// `arc=pass i=1 d=lists.example.org`
impl fmt::Display for TrustedForwarder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arc=pass i={} d={}", self.instance, self.domain)
    }
}

/// Why no forwarder, or not this one, vouches for a message whose policy was applied. One line of ASCII; the underlying
/// cause is its [`source`](std::error::Error::source).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct Distrust(#[from] Why);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Why {
    /// Nobody can vouch for an unknown author, and with several it is unclear for which one.
    #[error("the message has no author, or more than one, for whom a forwarder could speak")]
    NoSingleAuthor,
    #[error("the message has no ARC set")]
    NoChain,
    #[error("the ARC chain did not pass: arc={0}")]
    Chain(ArcResult),
    /// Anyone could have replaced the author.
    #[error("the newest ARC-Message-Signature, of set {0}, does not cover From")]
    FromNotCovered(u32),
    /// Its sealer may have made up the sets below it.
    #[error("ARC set {0} is not by a trusted sealer; neither it nor the sets below it are trusted")]
    Stranger(Place),
    #[error("the ARC-Authentication-Results of set {0} cannot be read")]
    Unreadable(Place, #[source] InvalidAuthenticationResults),
    /// A quoted string or comment in it is broken, so that text of the sender may look like a result.
    #[error("in the ARC-Authentication-Results of set {0} text and results cannot be told apart")]
    Damaged(Place, #[source] InvalidAuthenticationResults),
    /// The result for DMARC, or one of several.
    #[error("the DMARC result in the ARC-Authentication-Results of set {0} cannot be read")]
    UnreadableResult(Place, #[source] InvalidAuthenticationResults),
    /// RFC 8601 §2.6: what follows an unknown version "might not be in an expected format".
    #[error("the ARC-Authentication-Results of set {0} are of version {1}, which is not known")]
    Version(Place, u32),
    #[error(
        "the ARC-Authentication-Results of set {0} do not say dmarc=pass for {1}: they hold no DMARC result"
    )]
    NoResult(Place, DomainName),
    /// A result other than that DMARC passed for this author, possibly besides that one.
    #[error(
        "the ARC-Authentication-Results of set {place} do not say dmarc=pass for {author}: they say {said}"
    )]
    OtherResult { place: Place, author: DomainName, said: String },
}

/// `i=` of a set and `d=` of its seal.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place(u32, Option<DomainName>);

impl Place {
    fn of(set: &Set) -> Self {
        Self(set.instance(), set.domain().cloned())
    }
}

/// `1 (lists.example.org)`
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.1 {
            Some(domain) => write!(f, "{} ({domain})", self.0),
            None => self.0.fmt(f),
        }
    }
}

/// The outcome of the trust in sealers.
#[derive(Debug, Clone, Default)]
pub(super) struct Trust {
    pub(super) forwarder: Option<TrustedForwarder>,
    /// Why there is none: a cause for the chain, or one for each set from the newest down to the first stranger.
    pub(super) distrust: Vec<Distrust>,
}

/// Searches for a forwarder that vouches for a message that failed DMARC, or may fail it when DNS answers. For a
/// message without a clear author, or with several authors, nobody can vouch.
pub(super) fn trusted_forwarder(trusts: Option<&Trusts>, chain: Option<&Chain>, dmarc: &Verdict) -> Trust {
    let (Some(trusts), Some(chain)) = (trusts, chain) else { return Trust::default() };
    if dmarc.disposition() == Disposition::None {
        return Trust::default();
    }
    let [author] = dmarc.authors() else {
        return Trust { forwarder: None, distrust: vec![Why::NoSingleAuthor.into()] };
    };
    if !matches!(author.result(), DmarcResult::Fail | DmarcResult::TempError) {
        return Trust::default();
    }
    // A stranger may have made up the sets below its own, so only the newest sets count.
    let sets = chain.trusted_sets(trusts);
    let mut distrust = Vec::new();
    for set in sets {
        match (saw_pass(set, author.domain()), set.domain()) {
            (Ok(()), Some(domain)) => {
                let forwarder = TrustedForwarder { domain: domain.clone(), instance: set.instance() };
                return Trust { forwarder: Some(forwarder), distrust: Vec::new() };
            }
            (Ok(()), None) => {}
            (Err(why), _) => distrust.insert(0, why.into()),
        }
    }
    distrust.extend(chain_distrust(chain, sets.len()).map(Distrust));
    Trust { forwarder: None, distrust }
}

/// Why no more sets of the chain are trusted than the newest `trusted` ones; `None` when all are.
fn chain_distrust(chain: &Chain, trusted: usize) -> Option<Why> {
    let newest = chain.sets().last();
    match chain.result() {
        ArcResult::None => Some(Why::NoChain),
        ArcResult::Pass if newest.is_some() && !chain.covers_from() => {
            newest.map(|set| Why::FromNotCovered(set.instance()))
        }
        ArcResult::Pass => Some(Why::Stranger(Place::of(chain.sets().iter().rev().nth(trusted)?))),
        word => Some(Why::Chain(word)),
    }
}

/// Whether the set has `dmarc=pass` for this Author Domain by name: a set without a name may be about another author,
/// since forwarders can change From. There must be no other DMARC result: a forwarder may have sealed a field that a
/// stranger wrote.
fn saw_pass(set: &Set, author: &DomainName) -> Result<(), Why> {
    let place = Place::of(set);
    let results = match set.authentication_results() {
        Ok(results) => results,
        Err(source) => return Err(Why::Unreadable(place, source)),
    };
    let version = results.version();
    if version != 1 {
        return Err(Why::Version(place, version));
    }
    if let Some(source) = results.damage().cloned() {
        return Err(Why::Damaged(place, source));
    }
    if let Some(source) = unreadable_dmarc(&results) {
        return Err(Why::UnreadableResult(place, source));
    }
    let author = author.clone();
    let mut dmarc =
        results.entries().iter().filter(|entry| entry.method().eq_ignore_ascii_case("dmarc")).peekable();
    if dmarc.peek().is_none() {
        return Err(Why::NoResult(place, author));
    }
    match dmarc.find(|entry| !is_pass(entry, &author)) {
        Some(other) => Err(Why::OtherResult { place, said: said(other), author }),
        None => Ok(()),
    }
}

fn unreadable_dmarc(results: &ParsedResults<'_>) -> Option<InvalidAuthenticationResults> {
    let is_dmarc = |method: &str| method.eq_ignore_ascii_case("dmarc");
    let lost = results.unreadable().iter().find(|part| part.method().is_some_and(is_dmarc))?;
    Some(lost.error().clone())
}

fn is_pass(entry: &ParsedEntry<'_>, author: &DomainName) -> bool {
    let from = entry.property("header", "from").and_then(|from| DomainName::new(from).ok());
    entry.typed() == Some(DmarcResult::Pass) && from.as_ref() == Some(author)
}

/// The result and its domain, as far as they can be read: `dmarc=fail header.from=example.org`.
fn said(entry: &ParsedEntry<'_>) -> String {
    let version = match entry.method_version() {
        1 => String::new(),
        other => format!("/{other}"),
    };
    let from = match entry.property("header", "from") {
        Some(from) => format!("header.from={}", shown(from)),
        None => "without a header.from that can be read".into(),
    };
    format!("{}{version}={} {from}", entry.method(), entry.result())
}

/// ASCII without quotes and backslashes, cut to the length of a domain name (RFC 1035 §2.3.4).
fn shown(text: &str) -> String {
    const MAX: usize = 255;
    let plain = |c: char| matches!(c, ' '..='~') && !matches!(c, '"' | '\\');
    text.chars().take(MAX).fold(String::new(), |shown, c| match c {
        c if plain(c) => format!("{shown}{c}"),
        c => format!("{shown}<U+{:04X}>", u32::from(c)),
    })
}
