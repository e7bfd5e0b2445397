//! Prints what an SPF check allocates: scenario, allocations, octets allocated, and most octets held at a time, with tabs
//! between.

use waxseal_benches::{Error, spf};

fn main() -> Result<(), Error> {
    for scenario in spf::scenarios() {
        let zone = scenario.zone()?;
        let mut passed = spf::check(&zone).is_some();
        let counted = allocation_counter::measure(|| passed &= spf::check(&zone).is_some());
        if !passed {
            return Err(scenario.name.into());
        }
        println!(
            "{}\t{}\t{}\t{}",
            scenario.name, counted.count_total, counted.bytes_total, counted.bytes_max
        );
    }
    Ok(())
}
