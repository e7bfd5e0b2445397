//! Body canonicalization: with SHA-256, and with a hash that costs nothing, so that only the canonicalizer is left.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use waxseal_benches::{
    corpus::{self, Hostile},
    free_hash,
    jobs::MEGABYTE,
};
use waxseal_crypto::{HashAlgorithm, Provider, ring};
use waxseal_dkim::{
    Canonicalization,
    parts::{BodyForm, BodyHash, BodyHasher},
};

fn hash(
    form: Canonicalization,
    provider: &'static dyn Provider,
    body: &[u8],
    chunk: usize,
) -> Option<BodyHash> {
    let mut hasher = BodyHasher::new(provider);
    let form = BodyForm { canonicalization: form, hash: HashAlgorithm::Sha256, length: None };
    hasher.want(form);
    body.chunks(chunk).for_each(|chunk| hasher.push(chunk));
    hasher.finish().get(&form).copied()
}

fn canonicalize(criterion: &mut Criterion) {
    let bodies = [
        ("prose", corpus::prose(MEGABYTE)),
        ("HTML", corpus::html(MEGABYTE)),
        ("mixed", corpus::mixed(MEGABYTE)),
    ];
    let hostile = Hostile::ALL.map(|hostile| (hostile.name(), hostile.body(MEGABYTE)));
    let mut group = criterion.benchmark_group("canonicalize 1 MB");
    group.throughput(Throughput::Bytes(MEGABYTE as u64)).sample_size(30);
    for (name, body) in bodies.iter().chain(&hostile) {
        for form in [Canonicalization::Relaxed, Canonicalization::Simple] {
            for provider in [ring::PROVIDER, free_hash::PROVIDER] {
                let id = BenchmarkId::new(format!("{form}, {}", provider.name()), name);
                group.bench_function(id, |b| b.iter(|| hash(form, provider, black_box(body), usize::MAX)));
            }
        }
        let id = BenchmarkId::new("relaxed in chunks of 64, no hash", name);
        let relaxed = Canonicalization::Relaxed;
        group.bench_function(id, |b| b.iter(|| hash(relaxed, free_hash::PROVIDER, black_box(body), 64)));
    }
    group.finish();
}

criterion_group!(benches, canonicalize);
criterion_main!(benches);
