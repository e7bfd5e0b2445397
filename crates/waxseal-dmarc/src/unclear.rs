//! Messages without a clear author.

use crate::{
    AuthorVerdict, Cause, Disposition, DmarcCheck, DomainPolicy, Identifiers, Verdict, check::author_domain,
};
use waxseal_authres::DmarcResult;
use waxseal_dns::{Answers, DomainName, Pending};
use waxseal_header::UnclearAuthor;

/// Why the author is unclear, and whom programs may show.
#[derive(Debug, Clone)]
pub(crate) struct Unclear {
    pub(crate) cause: Cause,
    /// At most [`MAX_ASKED`].
    shown: Vec<DomainName>,
    /// There are more domains than are looked up, some are not valid names, or programs may show others than are known.
    is_open: bool,
}

/// The most domains looked up for a message without a clear author.
const MAX_ASKED: usize = 8;

/// No program is known to show a domain.
impl From<Cause> for Unclear {
    fn from(cause: Cause) -> Self {
        Self { cause, shown: Vec::new(), is_open: false }
    }
}

impl From<UnclearAuthor> for Unclear {
    fn from(unclear: UnclearAuthor) -> Self {
        let domains = unclear.domains().iter().cloned();
        let is_open = unclear.is_open();
        let shown = Self { is_open, ..Self::from(Cause::NoAuthor) };
        let shown = domains.fold(shown, Self::with_domain);
        Self { cause: Cause::InvalidFrom(unclear.cause().clone()), ..shown }
    }
}

impl Unclear {
    /// A message with more authors than the limit.
    pub(crate) fn too_many(authors: &[DomainName], limit: usize) -> Self {
        let shown = authors.iter().take(MAX_ASKED).cloned().collect();
        Self { cause: Cause::TooManyAuthors { count: authors.len(), limit }, shown, is_open: true }
    }

    /// Invalid names are recorded.
    pub(crate) fn with_domain(mut self, domain: String) -> Self {
        match author_domain(&domain) {
            Ok(domain) if self.shown.contains(&domain) => {}
            Ok(domain) if self.shown.len() < MAX_ASKED => self.shown.push(domain),
            Ok(_) | Err(_) => self.is_open = true,
        }
        self
    }
}

impl DmarcCheck {
    /// RFC 9989 §11.5: "care must be taken by the Mail Receiver to recognize such messages as the threats they might
    /// be": the strictest policy of the domains that the message may seem to be from.
    pub(crate) fn unclear(&self, dns: &mut Answers<'_>, unclear: &Unclear) -> Result<Verdict, Pending> {
        // No authenticated identifier counts for any of them.
        let policy_of = |domain: &DomainName| {
            let alone = Self::new(Identifiers::new(domain.clone())).with_local_policy(self.local.clone());
            alone.author(dns, domain)
        };
        // All domains ask their questions before a missing answer ends the run.
        let shown: Vec<_> = unclear.shown.iter().map(policy_of).collect();
        let shown = shown.into_iter().collect::<Result<Vec<_>, _>>()?;
        let disposition = self.strictest(&shown, unclear.is_open);
        let cause = unclear.cause.clone();
        Ok(Verdict { shown, ..Verdict::without_author(cause, disposition) })
    }

    /// The strictest policy of the domains. If there are none, some could not be looked up, or there may be others,
    /// local policy sets the minimum.
    fn strictest(&self, shown: &[AuthorVerdict], is_open: bool) -> Disposition {
        let of_domain = |author: &AuthorVerdict| match author.result() {
            DmarcResult::TempError => self.local.disposition_for_now(author.evaluated_policy()),
            _ => self.local.disposition(author.evaluated_policy().unwrap_or(DomainPolicy::None)),
        };
        let least = (is_open || shown.is_empty()).then_some(self.local.invalid_from);
        shown.iter().map(of_domain).chain(least).max().unwrap_or(Disposition::None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LocalPolicy;
    use waxseal_dns::{Zone, drive_blocking};
    use waxseal_header::Header;

    /// What becomes of a message when each domain that is known to be shown asks for nothing.
    fn disposition(fields: &[u8], local: LocalPolicy) -> Disposition {
        let dns = ["evil.example", "list.example"].iter().try_fold(Zone::new(), |dns, domain| {
            dns.with_txt(&format!("_dmarc.{domain}"), "v=DMARC1; p=none; rua=mailto:d@evil.example")
        });
        let (header, _) = Header::parse(&[fields, b"\r\n\r\n"].concat()).unwrap();
        let evaluation = DmarcCheck::new(Identifiers::from_header(&header)).with_local_policy(local);
        let verdict = drive_blocking(evaluation, &dns.unwrap());
        assert_eq!(verdict.result(), DmarcResult::PermError, "{}", verdict.explain());
        verdict.disposition()
    }

    /// Of `ceo@\x0bbank.example` some programs make bank.example, others nothing.
    #[test]
    fn bytes_that_hide_a_domain_from_some_are_not_delivered_for_the_policy_of_another() {
        for fields in [
            &b"From: <u@evil.example> <ceo@ban\x0bk.example>"[..],
            b"From: u@evil.example, ceo@\0bank.example",
            b"From: u@evil.example\r\n\x01, c",
            b"X: a\rFrom: u@evil.example\r\nFrom: u@evil.example",
            b"From\x01: u@evil.example\r\nFrom: u@evil.example",
        ] {
            let told = fields.escape_ascii();
            assert_eq!(disposition(fields, LocalPolicy::default()), Disposition::Quarantine, "{told}");
            let mild = LocalPolicy::default().with_invalid_from(Disposition::None);
            assert_eq!(disposition(fields, mild), Disposition::None, "{told}");
        }
        // Here it is known who shows what.
        let fields = b"From: joe @list.example <u@evil.example>";
        assert_eq!(disposition(fields, LocalPolicy::default()), Disposition::None);
    }
}
