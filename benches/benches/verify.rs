//! Verifying over ring and over aws-lc-rs, beside the floor (module `floor` of this package).

use criterion::{Criterion, criterion_main};
use waxseal_benches::{
    Error,
    jobs::{Corpus, jobs},
};

fn measure(criterion: &mut Criterion) -> Result<(), Error> {
    let corpus = Corpus::new()?;
    for mut job in jobs(&corpus)?.into_iter().filter(|job| job.name.starts_with("verify")) {
        let mut group = criterion.benchmark_group(job.name);
        group.sample_size(20);
        group.bench_function("floor", |b| b.iter(&mut job.floor));
        group.bench_function("ring", |b| b.iter(&mut job.ring));
        group.bench_function("aws-lc-rs", |b| b.iter(&mut job.aws));
        group.finish();
    }
    Ok(())
}

fn verify() {
    let mut criterion = Criterion::default().configure_from_args();
    let done = measure(&mut criterion);
    assert!(done.is_ok(), "{done:?}");
    criterion.final_summary();
}

criterion_main!(verify);
