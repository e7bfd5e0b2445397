//! Timing on a machine that others use too.
//!
//! The clock is the processor time of the thread, so time that went to others does not count. The jobs of one comparison
//! run in turn, in short batches, and a ratio is taken within each round of batches: what slows the machine down slows
//! all of them. The medians over the rounds are reported.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Rounds of a comparison: as many as fit into [`MEASURE`], but within these bounds.
const ROUNDS: std::ops::RangeInclusive<u32> = 31..=301;

/// What a batch should take, in which short jobs are repeated.
const BATCH: Duration = Duration::from_millis(1);

/// What all rounds of a job should take together.
const MEASURE: Duration = Duration::from_millis(400);

/// The times of some jobs.
#[derive(Debug, Clone)]
pub struct Times {
    /// By job, then by round, in nanoseconds per operation.
    nanos: Vec<Vec<f64>>,
}

/// A median, and the quartiles around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// A quarter is below.
    pub low: f64,
    /// Half is below.
    pub median: f64,
    /// A quarter is above.
    pub high: f64,
}

impl Times {
    /// Runs the jobs in turn. Each says whether it did what it should.
    ///
    /// # Errors
    /// The number of a job that did not.
    pub fn measure(jobs: &mut [&mut dyn FnMut() -> bool]) -> Result<Self, String> {
        let mut counts = Vec::new();
        let mut longest = BATCH;
        for (number, job) in jobs.iter_mut().enumerate() {
            let took = calibrate(job).ok_or_else(|| format!("job {number} failed"))?;
            longest = longest.max(took);
            counts.push(fit(BATCH, took).max(1));
        }
        let rounds = fit(MEASURE, longest).clamp(*ROUNDS.start(), *ROUNDS.end());
        let mut nanos = vec![Vec::with_capacity(rounds as usize); jobs.len()];
        for round in 0..rounds as usize {
            // Another job is first each time, lest one always runs behind the same other.
            for turn in 0..jobs.len() {
                let number = (round + turn) % jobs.len();
                if let (Some(job), Some(count), Some(nanos)) =
                    (jobs.get_mut(number), counts.get(number), nanos.get_mut(number))
                {
                    nanos.push(batch(job, *count).as_nanos() as f64 / f64::from(*count));
                }
            }
        }
        Ok(Self { nanos })
    }

    /// Nanoseconds per operation.
    pub fn nanos(&self, job: usize) -> Spread {
        Spread::of(self.rounds(job).to_vec())
    }

    /// Time of `job` by time of `floor`, taken round by round.
    pub fn ratio(&self, job: usize, floor: usize) -> Spread {
        Spread::of(self.rounds(job).iter().zip(self.rounds(floor)).map(|(job, floor)| job / floor).collect())
    }

    fn rounds(&self, job: usize) -> &[f64] {
        self.nanos.get(job).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values.get(values.len() * part / 4).copied().unwrap_or(f64::NAN);
        Self { low: at(1), median: at(2), high: at(3) }
    }
}

/// Roughly what the job takes; `None` when it fails.
fn calibrate(job: &mut dyn FnMut() -> bool) -> Option<Duration> {
    let mut count = 1_u32;
    loop {
        let start = now();
        for _ in 0..count {
            if !job() {
                return None;
            }
        }
        let took = now().saturating_sub(start);
        if took * 4 >= BATCH || count >= 1 << 20 {
            return Some(took / count);
        }
        count *= 4;
    }
}

/// How often `part` fits into `whole`.
fn fit(whole: Duration, part: Duration) -> u32 {
    u32::try_from(whole.as_nanos() / part.as_nanos().max(1)).unwrap_or(u32::MAX)
}

fn batch(job: &mut dyn FnMut() -> bool, count: u32) -> Duration {
    let start = now();
    for _ in 0..count {
        std::hint::black_box(job());
    }
    now().saturating_sub(start)
}

/// Processor time of this thread.
fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slower_job_takes_longer() {
        let work =
            |steps: u64| (0..steps).fold(0, |sum: u64, step| sum ^ std::hint::black_box(step)) < u64::MAX;
        let times = Times::measure(&mut [&mut || work(1000), &mut || work(10_000)]).unwrap();
        let ratio = times.ratio(1, 0);
        assert!(ratio.median > 4.0 && ratio.low <= ratio.median && ratio.median <= ratio.high, "{ratio:?}");
    }

    #[test]
    fn a_job_that_fails_is_named() {
        let failed = Times::measure(&mut [&mut || true, &mut || false]);
        assert_eq!(failed.unwrap_err(), "job 1 failed");
    }
}
