//! What can be looked up while the message still arrives.

use super::{
    methods::{Keys, Methods},
    settings::Settings,
};
use std::{future::pending, sync::Arc, time::Duration};
use waxseal_dmarc::Identifiers;
use waxseal_dns::{Answers, Check, Pending, Resolve, ResolveBlocking, drive_with, drive_with_blocking};

/// What can be looked up before the message has ended; see [`Session::lookups`](super::Session::lookups). A check without a
/// verdict: what counts are the answers that it leaves.
///
/// It waits no longer than the whole check may
/// ([`Authenticator::with_timeout`](super::Authenticator::with_timeout)). What has been answered by then counts, the rest
/// is a time-out, and the check that follows has what is left of the time.
#[derive(Debug)]
#[must_use]
pub struct Lookups {
    settings: Arc<Settings>,
    methods: Methods<Keys>,
    author: Option<Identifiers>,
}

impl Lookups {
    pub(super) fn new(settings: Arc<Settings>, methods: Methods<Keys>, author: Option<Identifiers>) -> Self {
        Self { settings, methods, author }
    }

    /// Looks everything up with an asynchronous resolver, independent questions concurrently. The answers are for
    /// [`InboundCheck::with_answers`](super::InboundCheck::with_answers).
    pub async fn resolve(self, resolver: &(impl Resolve + ?Sized)) -> Answers<'static> {
        let mut dns = Answers::new().with_time_limit(self.settings.timeout);
        drive_with(self, &mut dns, resolver, pending()).await;
        dns
    }

    /// Looks everything up with a blocking resolver. The answers are for
    /// [`InboundCheck::with_answers`](super::InboundCheck::with_answers).
    pub fn resolve_blocking(self, resolver: &(impl ResolveBlocking + ?Sized)) -> Answers<'static> {
        let mut dns = Answers::new().with_time_limit(self.settings.timeout);
        drive_with_blocking(self, &mut dns, resolver, None);
        dns
    }
}

impl Check for Lookups {
    type Output = ();

    fn run(&mut self, dns: &mut Answers<'_>) -> Result<(), Pending> {
        let author = self.author.as_ref();
        self.methods.run(&self.settings, author, dns)?;
        self.methods.ask_ahead(&self.settings, author, dns)
    }

    fn time_limit(&self) -> Option<Duration> {
        Some(self.settings.timeout)
    }
}
