//! Forwarders that are trusted to have seen DMARC pass (RFC 8617 §7.2).

use super::report::Findings;
use std::fmt;
use waxseal_arc::Set;
use waxseal_authres::{DmarcResult, ParsedEntry};
use waxseal_dmarc::Disposition;
use waxseal_dns::DomainName;

/// Whether ARC sets sealed by a domain are believed.
pub(super) type Trusts = dyn Fn(&DomainName) -> bool + Send + Sync;

/// A forwarder that sealed that DMARC passed when the message came in there, and is believed.
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

/// The forwarder that speaks for a message that failed DMARC, or might fail it when DNS answers. A message without a clear author has none that anyone could
/// speak for, and with several authors it is not clear for whom.
pub(super) fn trusted_forwarder(findings: &Findings) -> Option<TrustedForwarder> {
    let trusts = findings.case.authenticator.settings.trusts.as_deref()?;
    let chain = findings.arc.as_ref()?;
    let [author] = findings.dmarc.authors() else { return None };
    let may_fail = matches!(author.word(), DmarcResult::Fail | DmarcResult::TempError);
    let refused = findings.dmarc.disposition() != Disposition::None && may_fail;
    // What stands below a stranger's set may be made up, so only the newest sets up to there count.
    let sets = if refused { chain.trusted_sets(trusts) } else { &[] };
    let forwarder = sets.iter().find(|set| saw_pass(set, author.domain()))?;
    Some(TrustedForwarder { domain: forwarder.domain()?.clone(), instance: forwarder.instance() })
}

/// Whether the set says `dmarc=pass` for this Author Domain, by name: a set that does not name the author may speak of
/// another one, since forwarders can change From. It must say nothing else beside it: a forwarder may have sealed a field
/// that a stranger wrote.
fn saw_pass(set: &Set, author: &DomainName) -> bool {
    // RFC 8601 §2.6: what stands behind an unknown version "might not be in an expected format".
    let known = set.authentication_results().ok().filter(|results| results.version() == 1);
    let Some(results) = known else { return false };
    let mut dmarc =
        results.entries().iter().filter(|entry| entry.method().eq_ignore_ascii_case("dmarc")).peekable();
    let is_pass = |entry: &ParsedEntry<'_>| {
        let from = entry.property("header", "from").and_then(|from| DomainName::new(from).ok());
        entry.typed() == Some(Ok(DmarcResult::Pass)) && from.as_ref() == Some(author)
    };
    dmarc.peek().is_some() && dmarc.all(is_pass)
}
