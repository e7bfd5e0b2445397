//! What a receiver decides for itself.

use crate::{Disposition, DomainPolicy};
use std::{fmt, sync::Arc};
use waxseal_dns::DomainName;

/// The local policy of a Mail Receiver: limits, and what becomes of mail that fails.
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
}

/// Tells Organizational Domains by a public suffix list (RFC 7489 §3.2). The feature `psl` has one built in.
pub trait PublicSuffixList: fmt::Debug + Send + Sync {
    /// The public suffix of `name` and one label more; `name` itself when it is a public suffix.
    fn organizational_domain(&self, name: &DomainName) -> DomainName;
}

impl Default for LocalPolicy {
    /// RFC 9989; 4 Author Domains, 32 identifiers with a tree walk of their own, reject becomes quarantine, mail without a
    /// clear author is quarantined, mail that cannot be judged now is deferred.
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
        }
    }
}

impl LocalPolicy {
    /// How many distinct Author Domains are evaluated (default 4). RFC 9989 §11.5 advises a limit. With more no author is clear:
    /// [`Cause::TooManyAuthors`](crate::Cause::TooManyAuthors), and the strictest policy of the first 8 decides, or
    /// [`with_invalid_from`](Self::with_invalid_from) if that is stricter.
    pub fn with_max_authors(self, max_authors: usize) -> Self {
        Self { max_authors, ..self }
    }

    /// How many identifiers of each method are compared by a tree walk of their own (default 32); each walk may cost eight
    /// questions. Those over it count as not aligned, which [`Identifier::reason`](crate::Identifier::reason) says.
    ///
    /// What needs no walk costs nothing, is not counted and always compared: the Author Domain itself, what did not pass, what
    /// is outside the author's organization, all under strict alignment, and all under
    /// [a public suffix list](Self::with_public_suffix_list).
    pub fn with_max_identifiers(self, max_identifiers: usize) -> Self {
        Self { max_identifiers, ..self }
    }

    /// Whether mail that fails under a policy of reject gets [`Disposition::Reject`] (default: no, it gets
    /// [`Disposition::Quarantine`]).
    ///
    /// RFC 9989 §7.4: "Mail Receivers MUST NOT reject incoming messages solely on the basis of a "p=reject" policy by the
    /// sending domain. ... In the absence of other knowledge and analysis, Mail Receivers MUST treat such failing mail as
    /// if the policy were "p=quarantine" rather than "p=reject"." Set this if the caller has such knowledge, or has
    /// decided to reject all the same. [`Verdict::policy`](crate::Verdict::policy) always tells what the domain asks for.
    pub fn with_reject_on_reject(self, reject_on_reject: bool) -> Self {
        Self { reject_on_reject, ..self }
    }

    /// What becomes of mail without a clear author where no policy of a domain says it (default
    /// [`Disposition::Quarantine`]). [`Disposition::None`] lets such mail past DMARC.
    ///
    /// The author is not clear for every cause whose [`is_invalid_author`](crate::Cause::is_invalid_author) holds. The result
    /// is permerror, and the disposition is the strictest that the domains ask for which some reader may show: a domain without
    /// a record asks for nothing, and a lookup that fails defers. What is set here decides alone when
    /// there is no such domain, or a header over its limits; and it is the least when there are more than 8 domains or too many
    /// authors, when one of the domains is no name that DNS can be asked for, or when there may be more than are known: programs
    /// differ in what they make of control bytes, and of lines that are no field.
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

    /// Whether a message has no clear author whose display name shows an address of another domain (default: no, it is told:
    /// [`Verdict::domains_in_names`](crate::Verdict::domains_in_names)). Honest mail has such names daily, that of mailing lists
    /// (`"joe@gmail.example via List" <list@lists.example>`) and of web forms among it.
    pub fn with_misleading_name_refused(self, refused: bool) -> Self {
        Self { misleading_name_refused: refused, ..self }
    }

    /// What becomes of mail that cannot be judged now, for callers that cannot answer with a 4yz reply, such as filters behind
    /// the queue and readers of archives (default [`Disposition::Defer`]: everybody else). [`Disposition::Quarantine`] is what
    /// suits most of them.
    ///
    /// It is never stricter than what would become of mail that fails: under p=none, `t=` applied, it is none. A policy that
    /// is not known, as its own lookup failed, spares nothing.
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

    /// Whether the Organizational Domain of the author is looked for even where the verdict does not depend on it
    /// (default: no). It costs a few questions, and then
    /// [`AuthorVerdict::organizational_domain`](crate::AuthorVerdict::organizational_domain) is known for reports.
    pub fn with_organizational_domain(self, always: bool) -> Self {
        Self { always_walk: always, ..self }
    }

    /// Works by RFC 7489 with this list in place of the tree walk (default: RFC 9989).
    ///
    /// Then the record of the Author Domain counts, else that of the Organizational Domain; several records at a name end
    /// the search; `np`, `psd` and `t` are unknown tags. `pct=` asks for chance, of which this crate has none: `pct=0` puts
    /// the policy one level lower (RFC 7489 §6.6.4) and anything else applies it;
    /// [`Record::percentage`](crate::Record::percentage) is there for callers that want to roll dice.
    pub fn with_public_suffix_list(self, list: impl PublicSuffixList + 'static) -> Self {
        Self { suffixes: Some(Arc::new(list)), ..self }
    }

    /// What becomes of mail that fails under `policy`, `t=` already applied.
    pub fn disposition(&self, policy: DomainPolicy) -> Disposition {
        match policy {
            DomainPolicy::None => Disposition::None,
            DomainPolicy::Reject if self.reject_on_reject => Disposition::Reject,
            DomainPolicy::Quarantine | DomainPolicy::Reject => Disposition::Quarantine,
        }
    }

    /// Whether what cannot be judged now comes again.
    pub(crate) fn can_defer(&self) -> bool {
        self.undeferrable == Disposition::Defer
    }

    /// What becomes of mail that cannot be judged now, under `policy` if that is known, `t=` already applied.
    pub(crate) fn disposition_for_now(&self, policy: Option<DomainPolicy>) -> Disposition {
        match (self.undeferrable, policy) {
            (Disposition::Defer, _) => Disposition::Defer,
            (undeferrable, Some(policy)) => undeferrable.min(self.disposition(policy)),
            (undeferrable, None) => undeferrable,
        }
    }
}
