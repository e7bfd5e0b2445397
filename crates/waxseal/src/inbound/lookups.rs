//! What can be looked up while the message still arrives.

use super::{check::EnvelopeChecks, examined::Examined};
use std::{future::pending, time::Duration};
use waxseal_dmarc::DmarcCheck;
use waxseal_dns::{
    Answers, Check, Pending, Question, Reply, Resolve, ResolveBlocking, drive_with, drive_with_blocking,
};

/// What can be looked up before the message has ended; see [`Session::lookups`](super::Session::lookups). A check without a
/// verdict: what counts are the answers that it leaves.
///
/// It waits no longer than the whole check may
/// ([`Authenticator::with_timeout`](super::Authenticator::with_timeout)). What has been answered by then counts, the rest
/// is a time-out, and the check that follows has what is left of the time.
#[derive(Debug)]
pub struct Lookups {
    envelope: EnvelopeChecks,
    keys: Vec<Question>,
    author: Option<DmarcCheck>,
    timeout: Duration,
}

impl Lookups {
    pub(super) fn new(envelope: &EnvelopeChecks, header: Option<&Examined>, timeout: Duration) -> Self {
        Self {
            timeout,
            envelope: envelope.clone(),
            keys: header.map(Examined::keys).unwrap_or_default(),
            author: header.map(Examined::evaluation),
        }
    }

    /// Looks everything up with an asynchronous resolver, independent questions concurrently. The answers are for
    /// [`InboundCheck::with_answers`](super::InboundCheck::with_answers).
    pub async fn resolve(self, resolver: &(impl Resolve + ?Sized)) -> Answers<'static> {
        let mut dns = Answers::new().with_time_limit(self.timeout);
        drive_with(self, &mut dns, resolver, pending()).await;
        dns
    }

    /// Looks everything up with a blocking resolver. The answers are for
    /// [`InboundCheck::with_answers`](super::InboundCheck::with_answers).
    pub fn resolve_blocking(self, resolver: &(impl ResolveBlocking + ?Sized)) -> Answers<'static> {
        let mut dns = Answers::new().with_time_limit(self.timeout);
        drive_with_blocking(self, &mut dns, resolver, None);
        dns
    }
}

pub(super) fn known(dns: &Answers<'_>) -> Vec<(Question, Reply)> {
    dns.known().map(|(question, reply)| (question.clone(), reply.clone())).collect()
}

impl Check for Lookups {
    type Output = ();

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<(), Pending> {
        let envelope = self.envelope.run(dns);
        let keys = dns.ask_all(self.keys.iter().cloned()).map(|_| ());
        let author = self.author.as_mut().map_or(Ok(()), |author| author.run(dns).map(|_| ()));
        envelope.and(keys).and(author)
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(self.timeout)
    }
}
