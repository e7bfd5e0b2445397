use std::{
    sync::Mutex,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal_dns::{Question, Reply, ResolveBlocking, Zone};

/// A time, in seconds since 1970.
pub fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

/// A zone of TXT records.
#[track_caller]
pub fn zone(records: &[(&str, &str)]) -> Zone {
    records.iter().fold(Zone::new(), |zone, (name, text)| zone.with_txt(name, text).unwrap())
}

/// A zone that counts the questions it is asked.
#[derive(Debug, Default)]
pub struct Counting {
    /// What answers.
    pub zone: Zone,
    /// The questions, in the order in which they came.
    pub asked: Mutex<Vec<Question>>,
}

impl Counting {
    /// Nothing has been asked yet.
    pub fn new(zone: Zone) -> Self {
        Self { zone, asked: Mutex::default() }
    }

    /// How many questions came.
    pub fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl ResolveBlocking for Counting {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self.asked.lock().unwrap().push(q.clone());
        self.zone.resolve_blocking(q)
    }
}
