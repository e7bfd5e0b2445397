//! The decisions of the receiver.

use crate::{Disposition, DomainPolicy, record_cache::RecordCache};
use std::{fmt, sync::Arc};
use waxseal_dns::DomainName;

/// The local policy of a Mail Receiver: limits, and the disposition of mail that fails.
///
/// ```
/// use waxseal_dmarc::{Disposition, DomainPolicy, LocalPolicy};
/// // RFC 9989 §7.4: "Mail Receivers MUST NOT reject incoming messages solely on the basis of a "p=reject" policy".
/// assert_eq!(LocalPolicy::default().disposition(DomainPolicy::Reject), Disposition::Quarantine);
/// let local = LocalPolicy::default().with_reject_on_reject(true);
/// assert_eq!(local.disposition(DomainPolicy::Reject), Disposition::Reject);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct LocalPolicy {
    pub(crate) max_authors: usize,
    pub(crate) max_identifiers: usize,
    pub(crate) reject_on_reject: bool,
    pub(crate) invalid_from: Disposition,
    pub(crate) misleading_name_refused: bool,
    pub(crate) undeferrable: Disposition,
    pub(crate) always_walk: bool,
    pub(crate) suffixes: Option<Arc<dyn PublicSuffixList>>,
    records: Option<Arc<RecordCache>>,
}

/// A public suffix list, to find Organizational Domains (RFC 7489 §3.2). The feature `psl` has one built in.
pub trait PublicSuffixList: fmt::Debug + Send + Sync {
    /// The public suffix of `name` plus one label; `name` itself when it is a public suffix.
    fn organizational_domain(&self, name: &DomainName) -> DomainName;
}

impl Default for LocalPolicy {
    /// RFC 9989; 4 Author Domains, 32 identifiers with their own tree walk; reject becomes quarantine, mail without a
    /// clear author is quarantined, and mail that cannot be judged now is deferred.
    fn default() -> Self {
        Self {
            max_authors: 4,
            max_identifiers: 32,
            reject_on_reject: false,
            invalid_from: Disposition::Quarantine,
            misleading_name_refused: false,
            undeferrable: Disposition::Defer,
            always_walk: false,
            suffixes: None,
            records: None,
        }
    }
}

impl LocalPolicy {
    /// How many distinct Author Domains are evaluated (default 4). RFC 9989 §11.5 recommends a limit. With more, the
    /// author is unclear ([`Cause::TooManyAuthors`](crate::Cause::TooManyAuthors)), and the strictest policy of the
    /// first 8 decides, or [`with_invalid_from`](Self::with_invalid_from) if that is stricter.
    pub fn with_max_authors(self, max_authors: usize) -> Self {
        Self { max_authors, ..self }
    }

    /// How many identifiers of each method get a tree walk of their own (default 32); each walk can take eight lookups.
    /// Identifiers over the limit count as not aligned, as their [`Identifier::reason`](crate::Identifier::reason)
    /// shows.
    ///
    /// Identifiers that need no walk are not counted: the Author Domain itself, those that did not pass or are outside
    /// the author's organization, and all under strict alignment or [a public suffix
    /// list](Self::with_public_suffix_list).
    pub fn with_max_identifiers(self, max_identifiers: usize) -> Self {
        Self { max_identifiers, ..self }
    }

    /// Whether mail that fails under a policy of reject gets [`Disposition::Reject`] (default: no, it gets
    /// [`Disposition::Quarantine`]).
    ///
    /// RFC 9989 §7.4: "Mail Receivers MUST NOT reject incoming messages solely on the basis of a "p=reject" policy by
    /// the sending domain. ... In the absence of other knowledge and analysis, Mail Receivers MUST treat such failing
    /// mail as if the policy were "p=quarantine" rather than "p=reject"." Set this if you have such knowledge, or have
    /// decided to reject anyway. [`Verdict::policy`](crate::Verdict::policy) is always the policy of the domain.
    pub fn with_reject_on_reject(self, reject_on_reject: bool) -> Self {
        Self { reject_on_reject, ..self }
    }

    /// The disposition of mail without a clear author when no domain's policy decides (default
    /// [`Disposition::Quarantine`]). [`Disposition::None`] lets such mail past DMARC.
    ///
    /// The author is unclear with every cause for which [`is_invalid_author`](crate::Cause::is_invalid_author) is true.
    /// The result is permerror, and the disposition is the strictest requested by the domains that some program may
    /// show: a domain without a record requests nothing, and a failed lookup defers. This setting alone decides when
    /// there is no such domain, or the header exceeds a limit. It is the minimum when there are more than 8 domains or
    /// too many authors, when a domain is not a valid name, or when programs may show further domains, as they differ
    /// about control bytes and malformed lines.
    ///
    /// ```
    /// use waxseal_dmarc::{Disposition, DmarcCheck, Identifiers, LocalPolicy};
    /// use waxseal_dns::{Zone, drive_blocking};
    ///
    /// let dns = Zone::new().with_txt("_dmarc.bank.example", "v=DMARC1; p=reject")?;
    /// let local = LocalPolicy::default().with_reject_on_reject(true).with_invalid_from(Disposition::None);
    /// // Dovecot shows bank.example, others evil.example.
    /// let input = Identifiers::from_value(b"ceo @bank.example <u@evil.example>");
    /// let verdict = drive_blocking(DmarcCheck::new(input).with_local_policy(local), &dns);
    /// assert_eq!((verdict.result().as_str(), verdict.disposition()), ("permerror", Disposition::Reject));
    /// # Ok::<(), waxseal_dns::InvalidDomainName>(())
    /// ```
    pub fn with_invalid_from(self, disposition: Disposition) -> Self {
        Self { invalid_from: disposition, ..self }
    }

    /// Whether the author is unclear when the display name shows an address of another domain (default: no, it is only
    /// reported by [`Verdict::domains_in_names`](crate::Verdict::domains_in_names)). Such names are common in honest
    /// mail, for example from mailing lists (`"joe@gmail.example via List" <list@lists.example>`) and web forms.
    pub fn with_misleading_name_refused(self, refused: bool) -> Self {
        Self { misleading_name_refused: refused, ..self }
    }

    /// The disposition of mail that cannot be judged now, for callers that cannot answer with a 4yz reply, such as
    /// filters behind the queue and tools for archives (default [`Disposition::Defer`], for everybody else).
    /// [`Disposition::Quarantine`] suits most of them.
    ///
    /// It is never stricter than the disposition of mail that fails: under p=none (after `t=`) it is none. A policy
    /// that is unknown because its lookup failed does not soften it.
    ///
    /// ```
    /// use waxseal_dmarc::{Disposition, DmarcCheck, Identifiers, LocalPolicy};
    /// use waxseal_dns::{LookupError, Zone, drive_blocking};
    ///
    /// let dns = Zone::new().with_error("_dmarc.bank.example", LookupError::Timeout)?;
    /// let evaluation = DmarcCheck::new(Identifiers::new("bank.example".parse()?));
    /// assert_eq!(drive_blocking(evaluation.clone(), &dns).disposition(), Disposition::Defer);
    /// let behind_the_queue = LocalPolicy::default().with_undeferrable(Disposition::Quarantine);
    /// let evaluation = evaluation.with_local_policy(behind_the_queue);
    /// assert_eq!(drive_blocking(evaluation, &dns).disposition(), Disposition::Quarantine);
    /// # Ok::<(), waxseal_dns::InvalidDomainName>(())
    /// ```
    pub fn with_undeferrable(self, disposition: Disposition) -> Self {
        Self { undeferrable: disposition, ..self }
    }

    /// Whether the Organizational Domain of the author is looked up even when the verdict does not depend on it
    /// (default: no). For reports: it costs a few lookups, and sets
    /// [`AuthorVerdict::organizational_domain`](crate::AuthorVerdict::organizational_domain).
    pub fn with_organizational_domain(self, always: bool) -> Self {
        Self { always_walk: always, ..self }
    }

    /// Evaluates by RFC 7489, with this list instead of the tree walk (default: RFC 9989).
    ///
    /// Then the record of the Author Domain counts, else that of the Organizational Domain; several records at a name
    /// end the search; `np`, `psd` and `t` are unknown tags. Random sampling by `pct=` is not done: `pct=0` lowers the
    /// policy by one level (RFC 7489 §6.6.4), and any other value applies it; for sampling, use
    /// [`Record::percentage`](crate::Record::percentage).
    pub fn with_public_suffix_list(self, list: impl PublicSuffixList + 'static) -> Self {
        Self { suffixes: Some(Arc::new(list)), ..self }
    }

    /// Whether parsed records are kept for later messages (default: no), for servers, which see the same records again
    /// and again. Clones of this policy share them: 1,024 records of at most 512 bytes (about 20 MB if all have as many
    /// report addresses as fit), each used again only for the same text byte for byte, so they affect nothing but speed.
    pub fn with_record_cache(self, cached: bool) -> Self {
        let records = self.records.filter(|_| cached);
        Self { records: records.or_else(|| cached.then(Arc::default)), ..self }
    }

    pub(crate) fn records(&self) -> Option<&RecordCache> {
        self.records.as_deref()
    }

    /// The disposition of mail that fails under `policy`, after `t=`.
    pub fn disposition(&self, policy: DomainPolicy) -> Disposition {
        match policy {
            DomainPolicy::None => Disposition::None,
            DomainPolicy::Reject if self.reject_on_reject => Disposition::Reject,
            DomainPolicy::Quarantine | DomainPolicy::Reject => Disposition::Quarantine,
        }
    }

    /// Whether mail that cannot be judged now is deferred.
    pub(crate) fn can_defer(&self) -> bool {
        self.undeferrable == Disposition::Defer
    }

    /// The disposition of mail that cannot be judged now, under `policy` (after `t=`) if that is known.
    pub(crate) fn disposition_for_now(&self, policy: Option<DomainPolicy>) -> Disposition {
        match (self.undeferrable, policy) {
            (Disposition::Defer, _) => Disposition::Defer,
            (undeferrable, Some(policy)) => undeferrable.min(self.disposition(policy)),
            (undeferrable, None) => undeferrable,
        }
    }
}
