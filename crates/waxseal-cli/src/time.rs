//! The time of a check: told, or the clock's.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const OUT_OF_RANGE: &str = "no time that a clock can have";

/// The value of `--now`.
pub(crate) fn parse_now(text: &str) -> Result<SystemTime, String> {
    let seconds: u64 = text.parse().map_err(|error| format!("{error}"))?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or_else(|| OUT_OF_RANGE.into())
}

/// `--now`, or the clock.
pub(crate) fn time(now: Option<SystemTime>) -> SystemTime {
    now.unwrap_or_else(SystemTime::now)
}

/// The `now` of a line, else [`time`]. Another time is never taken for one that makes no sense: the verdict would be about
/// something else than was asked for.
pub(crate) fn time_of_line(line: Option<f64>, now: Option<SystemTime>) -> Result<SystemTime, String> {
    let Some(seconds) = line else { return Ok(time(now)) };
    let since = Duration::try_from_secs_f64(seconds).ok();
    let given = since.and_then(|since| UNIX_EPOCH.checked_add(since));
    given.ok_or_else(|| format!("now: {seconds:e} is {OUT_OF_RANGE}"))
}
