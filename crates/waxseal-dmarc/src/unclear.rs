//! Messages without a clear author.

use crate::{
    AuthorVerdict, Cause, Disposition, DomainPolicy, Evaluation, Input, Verdict, check::author_domain,
};
use waxseal_authres::DmarcResult;
use waxseal_dns::{Answers, DomainName, Pending};
use waxseal_header::UnclearAuthor;

/// Why no author is clear, and whom readers may show.
#[derive(Debug, Clone)]
pub(crate) struct Unclear {
    pub(crate) cause: Cause,
    shown: Vec<DomainName>,
    /// There are too many domains to ask for them all.
    is_truncated: bool,
    /// Some of the domains are no names that DNS can be asked for.
    has_invalid: bool,
}

/// No domain is known that anyone shows.
impl From<Cause> for Unclear {
    fn from(cause: Cause) -> Self {
        Self { cause, shown: Vec::new(), is_truncated: false, has_invalid: false }
    }
}

impl From<UnclearAuthor> for Unclear {
    fn from(unclear: UnclearAuthor) -> Self {
        let domains = unclear.domains().iter().cloned();
        let shown = Self { is_truncated: unclear.is_truncated(), ..Self::from(Cause::NoAuthor) };
        let shown = domains.fold(shown, Self::with_domain);
        Self { cause: Cause::InvalidFrom(unclear.cause().clone()), ..shown }
    }
}

impl Unclear {
    /// What is no domain name is noted.
    pub(crate) fn with_domain(mut self, domain: String) -> Self {
        match author_domain(domain) {
            Ok(domain) if !self.shown.contains(&domain) => self.shown.push(domain),
            Ok(_) => {}
            Err(_) => self.has_invalid = true,
        }
        self
    }
}

impl Evaluation {
    /// RFC 9989 §11.5: "care must be taken by the Mail Receiver to recognize such messages as the threats they might be": the
    /// strictest policy of those whom the message may seem to be from.
    pub(crate) fn unclear(&self, dns: &mut Answers<'_>, unclear: &Unclear) -> Result<Verdict, Pending> {
        let asked = if unclear.is_truncated { &[][..] } else { &unclear.shown[..] };
        // Nothing that was authenticated counts for any of them.
        let policy_of = |domain: &DomainName| {
            let alone = Self::new(Input::new(domain.clone())).with_local_policy(self.local.clone());
            alone.author(dns, domain)
        };
        // Every domain asks before any of them gives up for want of an answer.
        let shown: Vec<_> = asked.iter().map(policy_of).collect();
        let shown = shown.into_iter().collect::<Result<Vec<_>, _>>()?;
        let disposition = self.strictest(&shown, unclear.has_invalid);
        let cause = unclear.cause.clone();
        Ok(Verdict { shown, ..Verdict::without_author(cause, disposition) })
    }

    /// The strictest of what the domains ask for. Where there is none that could be asked, or one that could not, local policy
    /// says what it is at the least.
    fn strictest(&self, shown: &[AuthorVerdict], has_invalid: bool) -> Disposition {
        let of_domain = |author: &AuthorVerdict| match author.word() {
            DmarcResult::TempError => self.local.disposition_for_now(author.evaluated_policy()),
            _ => self.local.disposition(author.evaluated_policy().unwrap_or(DomainPolicy::None)),
        };
        let least = (has_invalid || shown.is_empty()).then_some(self.local.invalid_from);
        shown.iter().map(of_domain).chain(least).max().unwrap_or(Disposition::None)
    }
}
