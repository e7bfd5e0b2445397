//! "Report generators MUST implement a rate-limit on outgoing reports so as not to flood Report Consumers with excessive reports"
//! (RFC 9991 §2).

use std::{
    collections::HashMap,
    time::{Duration, SystemTime},
};

/// The reports of the current hour, by recipient domain.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    began: Option<SystemTime>,
    all: usize,
    sent: HashMap<String, usize>,
}

const HOUR: Duration = Duration::from_secs(3600);
/// For one domain within an hour.
const EACH: usize = 60;
/// For all within an hour.
const ALL: usize = 1_000;

impl Limits {
    /// Whether one more may go to this address; if so, it is counted.
    pub(crate) fn admits(&mut self, address: &str, now: SystemTime) -> bool {
        let is_over = |began: SystemTime| now.duration_since(began).map_or(true, |passed| passed >= HOUR);
        if self.began.is_none_or(is_over) {
            *self = Self { began: Some(now), ..Self::default() };
        }
        if self.all >= ALL {
            return false;
        }
        let domain = address.rsplit('@').next().unwrap_or_default().trim_end_matches('>');
        let sent = self.sent.entry(domain.to_ascii_lowercase()).or_default();
        if *sent >= EACH {
            return false;
        }
        (*sent, self.all) = (*sent + 1, self.all + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_has_sixty_for_a_domain_and_a_thousand_for_all() {
        let (mut limits, now) = (Limits::default(), SystemTime::now());
        let admitted = (0..100).filter(|n| limits.admits(&format!("u{n}@A.example"), now)).count();
        assert_eq!(admitted, EACH);
        assert!(limits.admits("x@b.example", now));
        let admitted = (0..2_000).filter(|n| limits.admits(&format!("x@{n}.example"), now)).count();
        assert_eq!(admitted, ALL - EACH - 1);
        assert!(!limits.admits("x@a.example", now + HOUR / 2));
        assert!(limits.admits("x@a.example", now + HOUR));
        // A clock that goes back begins anew.
        assert!(limits.admits("x@a.example", now));
    }
}
