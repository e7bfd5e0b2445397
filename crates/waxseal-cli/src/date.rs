//! Dates in UTC, as people and zone files write them.

use std::{
    fmt,
    time::{SystemTime, UNIX_EPOCH},
};

/// A day and a time of day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Date {
    days: u64,
    seconds: u64,
}

impl Date {
    pub(crate) fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self { days: seconds / 86_400, seconds: seconds % 86_400 }
    }

    /// `yyyymmddhh`
    pub(crate) fn serial_number(self) -> String {
        format!("{}{:02}", self.compact(), self.seconds / 3_600)
    }

    /// `yyyymmdd`
    pub(crate) fn compact(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}{month:02}{day:02}")
    }

    /// As ctime(3).
    pub(crate) fn ctime(self) -> String {
        const MONTHS: [&str; 12] =
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
        let (year, month, day) = self.civil();
        let weekday = DAYS.iter().cycle().nth((self.days % 7) as usize).copied().unwrap_or_default();
        let month = MONTHS.get(month - 1).copied().unwrap_or_default();
        let (hour, minute, second) = (self.seconds / 3_600, self.seconds / 60 % 60, self.seconds % 60);
        format!("{weekday} {month} {day:>2} {hour:02}:{minute:02}:{second:02} {year}")
    }

    /// Year, month and day, counted in years that begin in March, so that the leap day is the last one of a year.
    fn civil(self) -> (u64, usize, u64) {
        // From 0000-03-01 to 1970-01-01, and the days of 400, 100, 4 and 1 years.
        let days = self.days + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        (era * 400 + year_of_era + u64::from(month <= 2), month as usize, day)
    }
}

/// `2026-11-28`
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, day, serial, ctime) in [
            (0, "1970-01-01", "1970010100", "Thu Jan  1 00:00:00 1970"),
            (951_782_399, "2000-02-28", "2000022823", "Mon Feb 28 23:59:59 2000"),
            (951_782_400, "2000-02-29", "2000022900", "Tue Feb 29 00:00:00 2000"),
            (1_764_313_600, "2025-11-28", "2025112807", "Fri Nov 28 07:06:40 2025"),
            (4_107_542_400, "2100-03-01", "2100030100", "Mon Mar  1 00:00:00 2100"),
        ] {
            let date = Date::of(UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!((&*date.to_string(), &*date.serial_number(), &*date.ctime()), (day, serial, ctime));
        }
    }
}
