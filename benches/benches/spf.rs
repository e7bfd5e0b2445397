//! SPF checks from their making to their verdict, and what goes into them.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::{hint::black_box, time::SystemTime};
use waxseal_benches::spf;
use waxseal_dns::Answers;
use waxseal_dns::Check;
use waxseal_spf::{Record, SpfCheck};

fn checks(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spf");
    for scenario in spf::scenarios() {
        let Ok(zone) = scenario.zone() else { continue };
        group.bench_function(scenario.name, |b| b.iter(|| spf::check(black_box(&zone))));
        let mut answers = Answers::new();
        let mut check =
            SpfCheck::mail_from(spf::CLIENT.into(), spf::SENDER, spf::HELO, SystemTime::UNIX_EPOCH)
                .with_trace(true);
        while check.run(&mut answers).is_err() {
            for question in answers.take_wanted() {
                let reply = zone.lookup(&question);
                answers.answer(question, reply);
            }
        }
        group.bench_function(format!("{}: with a trace, answers known", scenario.name), |b| {
            b.iter(|| black_box(&mut check).run(&mut answers).is_ok());
        });
    }
    group.finish();
}

fn records(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("spf record");
    for scenario in spf::scenarios() {
        let Some((_, text)) = scenario.txt.last() else { continue };
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(format!("parse, {} octets", text.len()), |b| {
            b.iter(|| Record::parse(black_box(text.as_bytes())).is_ok());
        });
    }
    group.finish();
}

criterion_group!(benches, checks, records);
criterion_main!(benches);
