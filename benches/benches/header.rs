//! Header parsing, field selection and header canonicalization.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use waxseal_benches::corpus;
use waxseal_dkim::{Canonicalization, DEFAULT_FIELDS, parts::FieldIndex};
use waxseal_header::{Header, HeaderLimits, Splitter};

fn header(criterion: &mut Criterion) {
    let letter = corpus::letter();
    let mut group = criterion.benchmark_group("header");
    group.throughput(Throughput::Bytes(corpus::HEADER.len() as u64));
    group.bench_function("parse 2 KB", |b| b.iter(|| Header::parse(black_box(&letter)).is_ok()));
    group.bench_function("split 2 KB in chunks of 64", |b| {
        b.iter(|| {
            let mut splitter = Splitter::new(HeaderLimits::default());
            black_box(&letter).chunks(64).find_map(|chunk| match splitter.push(chunk) {
                Ok(waxseal_header::Split::Body(header, _)) => Some(header),
                _ => None,
            })
        });
    });
    let many: String = (0..999).map(|number| format!("X-Field-{number}: {number}\r\n")).collect();
    group
        .bench_function("parse 999 fields", |b| b.iter(|| Header::parse(black_box(many.as_bytes())).is_ok()));
    if let Ok((header, _)) = Header::parse(&letter) {
        group.bench_function("index", |b| b.iter(|| FieldIndex::new(black_box(&header))));
        let index = FieldIndex::new(&header);
        group.bench_function("pick and canonicalize", |b| {
            b.iter(|| {
                let mut picker = index.picker(&header);
                let mut out = Vec::with_capacity(2048);
                for field in DEFAULT_FIELDS.iter().filter_map(|name| picker.pick(name.as_bytes())) {
                    Canonicalization::Relaxed.header_field(field, &mut out);
                }
                out
            });
        });
    }
    group.finish();
}

criterion_group!(benches, header);
criterion_main!(benches);
