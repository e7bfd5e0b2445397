//! A panic ends the message in which it occurred, or the connection, but never the daemon.

use crate::metrics::metrics;
use std::{
    any::Any,
    fmt,
    panic::{self, AssertUnwindSafe},
    pin::pin,
};

/// An internal error; its location is already in the log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked(String);

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "internal error: {}", self.0)
    }
}

impl Panicked {
    fn new(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().copied();
        let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        Self(text.unwrap_or("a panic without a text").to_owned())
    }
}

/// Logs each panic on one line, with its location.
pub(crate) fn log() {
    panic::set_hook(Box::new(|info| {
        metrics().panicked();
        let text = Panicked::new(info.payload());
        let place = info.location().map(|place| format!(" at {place}")).unwrap_or_default();
        tracing::error!("{text}{place}; please report it");
    }));
    if cfg!(panic = "abort") {
        tracing::warn!("this build ends at an internal error: build waxseald with `--profile daemon`");
    }
}

/// Runs a function, and returns a panic within as an error.
pub(crate) fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|payload| Panicked::new(&*payload))
}

/// Waits for a future, and returns a panic within as an error. What the future borrows is not used again for the same message.
pub(crate) async fn caught_within<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    std::future::poll_fn(move |context| match caught(|| future.as_mut().poll(context)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => std::task::Poll::Ready(Err(panicked)),
    })
    .await
}

/// Panics at the field that a test names in the environment. Release builds do not contain this.
#[cfg(debug_assertions)]
#[expect(clippy::panic, reason = "what it is for")]
pub(crate) fn wanted_by_test(field: &[u8]) {
    static NAME: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let name = NAME.get_or_init(|| std::env::var("TEST_PANIC_AT_FIELD").ok());
    if name.as_ref().is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(field)) {
        panic!("wanted by a test");
    }
}

#[cfg(not(debug_assertions))]
pub(crate) fn wanted_by_test(_: &[u8]) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_with_its_text() {
        assert_eq!(caught(|| 1), Ok(1));
        assert_eq!(caught_within(async { 2 }).await, Ok(2));
        let panicked = caught_within(async {
            tokio::task::yield_now().await;
            panic!("not foreseen")
        });
        let text = panicked.await.unwrap_err().to_string();
        assert!(text == "internal error: not foreseen", "{text}");
    }
}
