//! Timing on a machine that others use too.
//!
//! The clock is the processor time of the thread, so time that went to others does not count. The jobs of one comparison
//! run in short batches, in another order in each round, lest one always runs behind the same other and finds the message in
//! the cache; and a ratio is taken within each round of batches: what slows the machine down slows all of them. The medians over the rounds are reported.

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
        let mut order: Vec<usize> = (0..jobs.len()).collect();
        let mut seed = 0x5EED;
        for _ in 0..rounds {
            shuffle(&mut order, &mut seed);
            for &number in &order {
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
    /// All by this number.
    pub fn divided(self, by: f64) -> Self {
        Self { low: self.low / by, median: self.median / by, high: self.high / by }
    }

    fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values.get(values.len() * part / 4).copied().unwrap_or(f64::NAN);
        Self { low: at(1), median: at(2), high: at(3) }
    }
}

/// Every order is as likely as any other, and every run has the same ones.
fn shuffle(order: &mut [usize], seed: &mut u64) {
    for end in (1..order.len()).rev() {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(end, (*seed >> 33) as usize % (end + 1));
    }
}

/// Roughly what the job takes; `None` when it fails. The first run fills caches, and any may be interrupted: what seems to
/// take long would be repeated so seldom that the clock is what is measured.
fn calibrate(job: &mut dyn FnMut() -> bool) -> Option<Duration> {
    let mut worked = job();
    let mut count = 1_u32;
    while worked {
        let mut run = || {
            batch(
                &mut || {
                    worked &= job();
                    worked
                },
                count,
            )
        };
        let took = run().min(run()).min(run());
        if took * 4 >= BATCH || count >= 1 << 20 {
            return worked.then_some(took / count);
        }
        count *= 4;
    }
    None
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

    /// Each job runs behind each other one about as often.
    #[test]
    fn the_order_is_another_in_each_round() {
        let (mut order, mut seed) = (vec![0, 1, 2, 3], 1);
        let mut behind = [[0; 4]; 4];
        for _ in 0..1200 {
            shuffle(&mut order, &mut seed);
            order.windows(2).for_each(|two| behind[two[0]][two[1]] += 1);
        }
        for (first, row) in behind.iter().enumerate() {
            let others = row.iter().enumerate().filter(|(second, _)| *second != first);
            assert!(others.map(|(_, times)| times).all(|times| (220..380).contains(times)), "{behind:?}");
        }
    }

    #[test]
    fn a_job_that_fails_is_named() {
        let failed = Times::measure(&mut [&mut || true, &mut || false]);
        assert_eq!(failed.unwrap_err(), "job 1 failed");
    }
}
