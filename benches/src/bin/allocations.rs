//! Counts allocations per operation; `table` runs this and reads what it prints: job, allocations, octets allocated, and
//! most octets held at a time, with tabs between. A program of its own, since counting slows every allocation down.

use waxseal_benches::{Error, jobs};

fn main() -> Result<(), Error> {
    let corpus = jobs::Corpus::new()?;
    for mut job in jobs::jobs(&corpus)? {
        // The first run fills what is kept between messages.
        let mut worked = (job.ring)();
        let counted = allocation_counter::measure(|| worked &= (job.ring)());
        if !worked {
            return Err(job.name.into());
        }
        println!("{}\t{}\t{}\t{}", job.name, counted.count_total, counted.bytes_total, counted.bytes_max);
    }
    Ok(())
}
