//! The time of a check: that of an option, or the clock's.

use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

const OUT_OF_RANGE: &str = "not a time that a clock can show";

/// The value of `--now`.
pub(crate) fn parse_now(text: &str) -> Result<SystemTime, String> {
    let seconds: u64 = text.parse().map_err(|error| format!("{error}"))?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or_else(|| OUT_OF_RANGE.into())
}

/// `--now`, or the clock.
pub(crate) fn time(now: Option<SystemTime>) -> SystemTime {
    now.unwrap_or_else(SystemTime::now)
}

/// Seconds since 1970.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// The `now` of a line, else [`time`]. An invalid time is an error, never replaced by another: the verdict would
/// be about another time than the requested one.
pub(crate) fn time_of_line(line: Option<Seconds>, now: Option<SystemTime>) -> Result<SystemTime, String> {
    let Some(Seconds(seconds)) = line else { return Ok(time(now)) };
    let since = Duration::try_from_secs_f64(seconds).ok();
    let given = since.and_then(|since| UNIX_EPOCH.checked_add(since));
    given.ok_or_else(|| format!("now: {seconds:e} is {OUT_OF_RANGE}"))
}

/// Unix time in JSON.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seconds(f64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds, E> {
        Ok(Seconds(seconds))
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Seconds, E> {
        Ok(Seconds(seconds as f64))
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<Seconds, E> {
        Ok(Seconds(seconds as f64))
    }
}
