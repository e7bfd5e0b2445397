//! Dates of header fields (RFC 5322 §3.3, §4.3).

use crate::structured::{InvalidText, Scanner};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Why a text is not a date, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidDateTime(#[from] Fault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    /// A part of the date is missing.
    #[error("{what} is missing at offset {offset} of the date (RFC 5322 §3.3)")]
    Expected {
        /// Which part.
        what: &'static str,
        /// Where.
        offset: usize,
    },
    /// No calendar or clock has this date, or it is before 1970.
    #[error("the date does not exist or is before 1970")]
    OutOfRange,
    /// A comment that is not closed, or a control character.
    #[error("the date cannot be read")]
    Text(#[from] InvalidText),
}

/// Reads a `date-time` of RFC 5322 §3.3, as in Date and Received, including the obsolete forms of §4.3: years of two
/// and three digits, named zones, comments and blanks between all parts. The day of the week is not compared with the
/// date.
///
/// ```
/// use std::time::{Duration, UNIX_EPOCH};
/// use waxseal_header::parse_date_time;
/// let time = parse_date_time(b"Tue, 14 Nov 2023 23:13:20 +0100 (CET)")?;
/// assert_eq!(time, UNIX_EPOCH + Duration::from_secs(1_700_000_000));
/// # Ok::<(), waxseal_header::InvalidDateTime>(())
/// ```
///
/// # Errors
/// [`InvalidDateTime`], also for times before 1970.
pub fn parse_date_time(text: &[u8]) -> Result<SystemTime, InvalidDateTime> {
    Ok(date_time(text)?)
}

fn date_time(text: &[u8]) -> Result<SystemTime, Fault> {
    let mut reader = Reader(Scanner::new(text));
    let day = reader.day()?;
    let month = reader.month()?;
    let year = reader.year()?;
    let seconds = reader.time_of_day()?;
    let zone = reader.zone()?;
    reader.0.skip_cfws()?;
    if reader.0.peek().is_some() {
        return Err(reader.expected("the end"));
    }
    let days = days_since_1970(year, month, day).ok_or(Fault::OutOfRange)?;
    let seconds = u64::try_from(days * 86_400 + seconds - zone).map_err(|_| Fault::OutOfRange)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(Fault::OutOfRange)
}

struct Reader<'t>(Scanner<'t>);

impl<'t> Reader<'t> {
    fn expected(&self, what: &'static str) -> Fault {
        Fault::Expected { what, offset: self.0.offset() }
    }

    fn word(&mut self) -> Result<&'t [u8], Fault> {
        self.0.skip_cfws()?;
        Ok(self.0.run(|octet| octet.is_ascii_alphabetic()))
    }

    /// At most `max` digits, at least one, and how many there are.
    fn number(&mut self, max: usize, what: &'static str) -> Result<(i64, usize), Fault> {
        self.0.skip_cfws()?;
        let missing = self.expected(what);
        let digits = self.0.run(|octet| octet.is_ascii_digit());
        if digits.is_empty() || digits.len() > max {
            return Err(missing);
        }
        let number = digits.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0'));
        Ok((number, digits.len()))
    }

    /// `[ day-of-week "," ] day`
    fn day(&mut self) -> Result<i64, Fault> {
        if !self.word()?.is_empty() {
            self.0.skip_cfws()?;
            if !self.0.eat(b',') {
                return Err(self.expected("a comma after the day of the week"));
            }
        }
        Ok(self.number(2, "the day of the month")?.0)
    }

    fn month(&mut self) -> Result<i64, Fault> {
        let name = self.word()?;
        let number = MONTHS.iter().position(|month| name.eq_ignore_ascii_case(month));
        number.map(|month| month as i64 + 1).ok_or_else(|| self.expected("the month"))
    }

    /// RFC 5322 §4.3: "If a two digit year is encountered whose value is between 00 and 49, the year is interpreted by
    /// adding 2000".
    fn year(&mut self) -> Result<i64, Fault> {
        Ok(match self.number(4, "the year")? {
            (year @ 0..50, 2) => year + 2000,
            (year, 2 | 3) => year + 1900,
            (year, 4) => year,
            _ => return Err(self.expected("the year")),
        })
    }

    /// `hour ":" minute [ ":" second ]` in seconds.
    fn time_of_day(&mut self) -> Result<i64, Fault> {
        let (hour, _) = self.number(2, "the hour")?;
        self.colon()?;
        let (minute, _) = self.number(2, "the minute")?;
        self.0.skip_cfws()?;
        let second = if self.0.eat(b':') { self.number(2, "the second")?.0 } else { 0 };
        // RFC 5322 §3.3: "the time-of-day MUST be in the range 00:00:00 through 23:59:60 (the number of seconds
        // allowing for a leap second; see [RFC1305])".
        if hour > 23 || minute > 59 || second > 60 {
            return Err(Fault::OutOfRange);
        }
        Ok(hour * 3600 + minute * 60 + second)
    }

    fn colon(&mut self) -> Result<(), Fault> {
        self.0.skip_cfws()?;
        if self.0.eat(b':') { Ok(()) } else { Err(self.expected("a colon")) }
    }

    /// Seconds east of Greenwich.
    fn zone(&mut self) -> Result<i64, Fault> {
        let name = self.word()?;
        if !name.is_empty() {
            return Ok(named_zone(name));
        }
        let sign = match self.0.peek() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            _ => return Err(self.expected("the zone")),
        };
        self.0.eat(b'+');
        self.0.eat(b'-');
        let (zone, digits) = self.number(4, "the four digits of the zone")?;
        let (hours, minutes) = (zone / 100, zone % 100);
        if digits != 4 || minutes > 59 {
            return Err(Fault::OutOfRange);
        }
        Ok(sign * (hours * 3600 + minutes * 60))
    }
}

const MONTHS: [&[u8]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// RFC 5322 §4.3: "Any such time zone whose meaning is not known SHOULD be considered equivalent to "-0000"", and so
/// are the military letters.
fn named_zone(name: &[u8]) -> i64 {
    const HOURS: [(&[u8], i64); 8] = [
        (b"EDT", -4),
        (b"EST", -5),
        (b"CDT", -5),
        (b"CST", -6),
        (b"MDT", -6),
        (b"MST", -7),
        (b"PDT", -7),
        (b"PST", -8),
    ];
    let known = HOURS.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
    known.map_or(0, |(_, hours)| hours * 3600)
}

/// In the Gregorian calendar. `None` when there is no such day.
fn days_since_1970(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if day < 1 || day > length {
        return None;
    }
    // Years that begin in March end with the leap day.
    let year = if month < 3 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<u64> {
        let time = parse_date_time(text.as_bytes()).ok()?;
        time.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
    }

    /// The numbers are those of `date -d … +%s`.
    #[test]
    fn dates_as_servers_write_them() {
        for (text, expected) in [
            ("Tue, 14 Nov 2023 22:13:20 +0000", 1_700_000_000),
            (" Tue, 14 Nov 2023 22:13:20 +0000 (UTC)\r\n", 1_700_000_000),
            ("14 Nov 2023 22:13 +0000", 1_699_999_980),
            ("Tue, 14 Nov 2023 14:13:20 -0800 (PST)", 1_700_000_000),
            ("Tue,\r\n\t14 Nov 2023\r\n 23:43:20 +0130", 1_700_000_000),
            ("tue, 14 nov 2023 22:13:20 -0000", 1_700_000_000),
            ("Thu, 1 Jan 1970 00:00:00 +0000", 0),
            ("Thu, 29 Feb 2024 12:00:00 +0000", 1_709_208_000),
            ("Tue, 29 Feb 2000 12:00:00 +0000", 951_825_600),
            ("Sat, 31 Dec 2016 23:59:60 +0000", 1_483_228_800),
            ("31 Dec 9999 23:59:59 +0000", 253_402_300_799),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn s4_3_obsolete_years_zones_and_comments() {
        for (text, expected) in [
            ("14 Nov 23 22:13:20 GMT", 1_700_000_000),
            ("14 Nov 123 22:13:20 UT", 1_700_000_000),
            ("1 Jan 70 00:00:00 Z", 0),
            ("14 Nov 2023 17:13:20 EST", 1_700_000_000),
            ("14 Nov 2023 14:13:20 pst", 1_700_000_000),
            ("14 Nov 2023 22:13:20 CEST", 1_700_000_000),
            ("Tue (x), (y) 14 (z) Nov 2023 22 : 13 : 20 (a (b)) +0000", 1_700_000_000),
        ] {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        let expected = |what, offset| Fault::Expected { what, offset };
        for (text, error) in [
            ("", expected("the day of the month", 0)),
            ("now", expected("a comma after the day of the week", 3)),
            ("Tue 14 Nov 2023 22:13:20 +0000", expected("a comma after the day of the week", 4)),
            ("14 Nov 2023 22:13:20", expected("the zone", 20)),
            ("14 Nov 2023 22:13:20 0000", expected("the zone", 21)),
            ("14 Brumaire 2023 22:13:20 +0000", expected("the month", 11)),
            ("14 Nov 2023 22:13:20 +0000 x", expected("the end", 27)),
            ("14 Nov 20231 22:13:20 +0000", expected("the year", 7)),
            ("14 Nov 2 22:13:20 +0000", expected("the year", 8)),
            ("30 Feb 2024 12:00:00 +0000", Fault::OutOfRange),
            ("29 Feb 2100 12:00:00 +0000", Fault::OutOfRange),
            ("0 Nov 2023 22:13:20 +0000", Fault::OutOfRange),
            ("14 Nov 2023 24:00:00 +0000", Fault::OutOfRange),
            ("14 Nov 2023 22:60:00 +0000", Fault::OutOfRange),
            ("14 Nov 2023 22:13:61 +0000", Fault::OutOfRange),
            ("14 Nov 2023 22:13:20 +0060", Fault::OutOfRange),
            ("14 Nov 2023 22:13:20 +100", Fault::OutOfRange),
            ("31 Dec 1969 23:59:59 +0000", Fault::OutOfRange),
        ] {
            assert_eq!(parse_date_time(text.as_bytes()), Err(error.into()), "{text}");
        }
        let open = parse_date_time(b"14 Nov 2023 (22:13:20 +0000").unwrap_err();
        assert!(matches!(open, InvalidDateTime(Fault::Text(_))), "{open:?}");
    }

    #[test]
    fn days_follow_each_other() {
        let mut expected = 0;
        for year in 1970..2401 {
            for month in 1..=12 {
                for day in (1..=31).filter_map(|day| days_since_1970(year, month, day)) {
                    assert_eq!(day, expected, "{year}-{month}");
                    expected += 1;
                }
            }
        }
        assert_eq!(expected, 157_420);
    }
}
