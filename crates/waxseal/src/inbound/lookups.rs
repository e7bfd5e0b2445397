//! Lookups that can be made while the message arrives.

use super::{
    methods::{Keys, Methods},
    settings::Settings,
};
use std::{
    future::{Future, pending},
    sync::Arc,
    time::Duration,
};
use waxseal_dmarc::Identifiers;
use waxseal_dns::{Answers, Check, Pending, Resolve, ResolveBlocking, drive_with, drive_with_blocking};

/// The lookups that can be made before the message has ended; see [`Session::lookups`](super::Session::lookups). A
/// check without a verdict: its purpose are the answers.
///
/// It waits no longer than the whole check may ([`Authenticator::with_timeout`](super::Authenticator::with_timeout)).
/// Answers that arrived by then count, the rest is a time-out, and the following check has the remaining time.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{Authenticator, Envelope, dns::{Zone, drive_blocking}};
/// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
/// # let dns = Zone::new().with_txt("example.org", "v=spf1 ip4:192.0.2.1 -all")?;
/// let mut session = Authenticator::new("mx.example.net")?.begin(&envelope, SystemTime::now());
/// // The envelope is known: its SPF records can be looked up before the message arrives.
/// let lookups = session.lookups();
/// let (answers, check) = std::thread::scope(|threads| {
///     let answers = threads.spawn(|| lookups.resolve_blocking(&dns));
///     session.push(b"From: joe@example.org\r\n\r\nHi.\r\n");
///     (answers.join(), session.finish())
/// });
/// let report = drive_blocking(check.with_answers(answers.unwrap_or_default()), &dns);
/// assert!(report.spf().is_pass());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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

    /// [`Lookups::resolve`] until `deadline` is ready, for example at the end of the body: the answers so far are kept,
    /// and [`InboundCheck`](super::InboundCheck) looks up the rest. Dropping the future of `resolve` instead would lose
    /// all answers.
    pub async fn resolve_until(
        self,
        resolver: &(impl Resolve + ?Sized),
        deadline: impl Future<Output = ()>,
    ) -> Answers<'static> {
        let mut dns = Answers::new().with_time_limit(self.settings.timeout);
        drive_with(self, &mut dns, resolver, deadline).await;
        dns.without_timeouts()
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
