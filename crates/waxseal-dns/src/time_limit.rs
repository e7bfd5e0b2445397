//! How long drivers wait. This is the only place of the crate that reads a clock.

use std::time::{Duration, Instant};

/// How long a driver waits for the answers of a check, unless the check, the caller or [`Answers`](crate::Answers) sets
/// another limit: 20 seconds. RFC 7208 §4.6.4: "Such a limit SHOULD allow at least 20 seconds."
pub const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(20);

/// The time limit and the time waited so far. The clock is read only if there is a limit, and not before the first
/// wait: a check whose answers are all cached needs none.
#[derive(Debug, Default)]
pub(crate) struct TimeLimit {
    limit: Option<Duration>,
    /// By drivers that have ended.
    waited: Duration,
    /// When the current driver began to wait.
    since: Option<Instant>,
}

impl TimeLimit {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    pub(crate) fn start(&mut self) {
        if self.limit.is_some() && self.since.is_none() {
            self.since = now();
        }
    }

    pub(crate) fn stop(&mut self) {
        self.waited = self.waited();
        self.since = None;
    }

    pub(crate) fn waited(&self) -> Duration {
        let now = self.since.map(|since| since.elapsed()).unwrap_or_default();
        self.waited.saturating_add(now)
    }

    /// `None` without a limit.
    pub(crate) fn left(&self) -> Option<Duration> {
        self.limit.map(|limit| limit.saturating_sub(self.waited()))
    }

    pub(crate) fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// When the time is over; `None` without a limit, and for one that is too far away to be represented.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let limit = self.limit?.saturating_sub(self.waited);
        self.since?.checked_add(limit)
    }
}

/// `None` on wasm32-unknown-unknown, which has no clock: reading the time panics there.
fn now() -> Option<Instant> {
    let has_clock = !cfg!(all(target_family = "wasm", target_os = "unknown"));
    has_clock.then(Instant::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_reads_no_clock() {
        let mut time = TimeLimit::default();
        time.start();
        assert_eq!((time.since, time.deadline(), time.left(), time.is_over()), (None, None, None, false));
    }

    #[test]
    fn what_one_driver_waited_the_next_one_lacks() {
        let mut time = TimeLimit::new(Duration::from_millis(50));
        assert!(!time.is_over());
        time.start();
        std::thread::sleep(Duration::from_millis(20));
        time.stop();
        let waited = time.waited();
        assert!(waited >= Duration::from_millis(20));
        assert_eq!(time.left(), Some(Duration::from_millis(50).saturating_sub(waited)));
        time.start();
        std::thread::sleep(Duration::from_millis(40));
        assert!(time.is_over() && time.deadline().is_some_and(|deadline| deadline < Instant::now()));
    }

    #[test]
    fn a_limit_without_end_is_none() {
        let mut time = TimeLimit::new(Duration::MAX);
        time.start();
        assert_eq!((time.deadline(), time.is_over()), (None, false));
    }
}
