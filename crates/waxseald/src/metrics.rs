//! Metrics of the daemon in the text format of Prometheus.

use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal::{
    authres::Entry,
    dns::{Question, Reply, Resolve},
};

type Labels<const N: usize> = [(&'static str, String); N];

/// All of them. There is one process, and so one of these.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    messages: Family<Labels<2>, Counter>,
    message_seconds: Histogram,
    results: Family<Labels<2>, Counter>,
    lookups: Family<Labels<1>, Counter>,
    lookup_seconds: Histogram,
    connections: Gauge,
    connections_taken: Counter,
    under_way: Gauge,
    keys: Family<Labels<1>, Counter>,
    reloads: Family<Labels<1>, Counter>,
    settings_time: Gauge,
    panics: Counter,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// Those of this process.
pub(crate) fn metrics() -> &'static Metrics {
    &METRICS
}

/// Counts something for as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted(&'static Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// From a millisecond to the longest that a check waits for DNS.
const SECONDS: [f64; 12] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 2.0, 5.0, 20.0];

impl Metrics {
    fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("waxseald"),
            messages: Family::default(),
            message_seconds: Histogram::new(SECONDS),
            results: Family::default(),
            lookups: Family::default(),
            lookup_seconds: Histogram::new(SECONDS),
            connections: Gauge::default(),
            connections_taken: Counter::default(),
            under_way: Gauge::default(),
            keys: Family::default(),
            reloads: Family::default(),
            settings_time: Gauge::default(),
            panics: Counter::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register("messages", "Messages by service and what became of them", self.messages.clone());
        let text = "From the first command of a message to the reply at its end";
        registry.register("message_seconds", text, self.message_seconds.clone());
        registry.register("results", "Results by method (RFC 8601)", self.results.clone());
        registry.register(
            "dns_lookups",
            "DNS lookups that no cache answered, by outcome",
            self.lookups.clone(),
        );
        registry.register("dns_lookup_seconds", "How long those lookups took", self.lookup_seconds.clone());
        registry.register("connections", "Connections of mail servers", self.connections.clone());
        registry.register("connections_taken", "Connections since the start", self.connections_taken.clone());
        registry.register("messages_under_way", "Messages that have not ended", self.under_way.clone());
        registry.register("keys_read", "Private keys that were read, by outcome", self.keys.clone());
        registry.register("reloads", "Reloads of the settings, by outcome", self.reloads.clone());
        let text = "Unix time at which the settings in use were read";
        registry.register("settings_time_seconds", text, self.settings_time.clone());
        registry.register(
            "internal_errors",
            "Panics; each ended one message or connection",
            self.panics.clone(),
        );
    }

    /// The text that Prometheus reads.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        _ = encode(&mut text, &self.registry);
        text
    }

    /// A message has ended.
    pub(crate) fn message(&self, service: &str, result: &str, time: Duration) {
        let labels = [("service", service.to_owned()), ("result", result.to_owned())];
        self.messages.get_or_create(&labels).inc();
        self.message_seconds.observe(time.as_secs_f64());
    }

    /// What a message was found to be.
    pub(crate) fn results<'e>(&self, entries: impl IntoIterator<Item = &'e Entry>) {
        for entry in entries {
            let labels = [("method", entry.method().to_owned()), ("result", entry.result().to_owned())];
            self.results.get_or_create(&labels).inc();
        }
    }

    /// A connection, for as long as what is returned lives.
    pub(crate) fn connection(&'static self) -> Counted {
        self.connections_taken.inc();
        self.connections.inc();
        Counted(&self.connections)
    }

    /// A message under way, for as long as what is returned lives.
    pub(crate) fn under_way(&'static self) -> Counted {
        self.under_way.inc();
        Counted(&self.under_way)
    }

    /// Whether no message is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.get() <= 0
    }

    pub(crate) fn key_read(&self, is_good: bool) {
        self.keys.get_or_create(&outcome(is_good)).inc();
    }

    /// The settings were read, or were wrong.
    pub(crate) fn settings_read(&self, is_good: bool, is_reload: bool) {
        if is_reload {
            self.reloads.get_or_create(&outcome(is_good)).inc();
        }
        if is_good {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            self.settings_time.set(i64::try_from(now.as_secs()).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn panicked(&self) {
        self.panics.inc();
    }

    fn looked_up(&self, reply: &Reply, time: Duration) {
        let outcome = match reply {
            Ok(_) => "answer".to_owned(),
            Err(error) => error.to_string(),
        };
        self.lookups.get_or_create(&[("outcome", outcome)]).inc();
        self.lookup_seconds.observe(time.as_secs_f64());
    }
}

fn outcome(is_good: bool) -> Labels<1> {
    [("outcome", if is_good { "ok" } else { "error" }.to_owned())]
}

/// A resolver whose lookups are counted.
#[derive(Debug)]
pub(crate) struct Measured<R>(pub(crate) R);

impl<R: Resolve> Resolve for Measured<R> {
    async fn resolve(&self, question: &Question) -> Reply {
        let start = std::time::Instant::now();
        let reply = self.0.resolve(question).await;
        metrics().looked_up(&reply, start.elapsed());
        reply
    }

    fn cached(&self, question: &Question) -> Option<Reply> {
        self.0.cached(question)
    }

    fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.0.sleep(duration)
    }
}
