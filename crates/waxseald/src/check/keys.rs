//! Every key of every table, read on all cores.

use super::findings::Findings;
use crate::{
    keys::{KeyCache, KeyRules, load},
    lifecycle::Life,
    roles::{key_source::KeyName, sign::Sign},
    settings::{Kind, Service},
};
use std::{
    collections::HashSet,
    num::NonZero,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};
use waxseal::{
    DomainName, PrivateKey, Selector,
    crypto::{KeyType, PublicKey},
};

/// A key that signs, to be found in DNS.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    /// The service and the place of the key there.
    pub(super) place: String,
    pub(super) domain: DomainName,
    pub(super) selector: Selector,
    pub(super) public: PublicKey,
    pub(super) life: Life,
    /// A warning about a key that is used nevertheless.
    note: Option<String>,
}

type Named = (String, Result<KeyName, String>);

/// Reads the keys of a filter; those that are no good go to the errors.
pub(super) fn read(service: &str, sign: &Sign, findings: &mut Findings) -> Vec<Subject> {
    let all = sign.source().all();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let done = AtomicUsize::new(0);
    let part = all.len().div_ceil(cores).max(1);
    let results: Vec<Result<Subject, String>> = thread::scope(|scope| {
        let parts =
            all.chunks(part).map(|part| scope.spawn(|| read_part(service, part, sign.key_rules(), &done)));
        let started: Vec<_> = parts.collect();
        tell_progress(&done, all.len(), || started.iter().all(thread::ScopedJoinHandle::is_finished));
        started.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    });
    let mut subjects = Vec::with_capacity(results.len());
    for result in results {
        match result {
            Ok(subject) => subjects.push(subject),
            Err(error) => findings.errors.push(error),
        }
    }
    let signing = that_sign(&subjects);
    for subject in &subjects {
        let Some(note) = subject.note.as_ref().map(|note| format!("{}: {note}", subject.place)) else {
            continue;
        };
        // Another key signs for the domain, or nothing does.
        let is_missed = subject.life.is_over() && !signing.contains(&subject.domain);
        let list = if is_missed { &mut findings.errors } else { &mut findings.warnings };
        list.push(note);
    }
    subjects
}

/// The domains that have a key that signs.
pub(super) fn that_sign(subjects: &[Subject]) -> HashSet<&DomainName> {
    subjects.iter().filter(|subject| subject.life.signs()).map(|subject| &subject.domain).collect()
}

fn read_part(
    service: &str,
    part: &[Named],
    rules: KeyRules,
    done: &AtomicUsize,
) -> Vec<Result<Subject, String>> {
    let cache = KeyCache::default();
    let read = |(place, name): &Named| {
        let place = format!("{service}: {place}");
        let name = name.as_ref().map_err(|error| format!("{place}: {error}"))?;
        let key = name.key(&cache, rules).map_err(|error| format!("{place}: {}: {error}", name.shown()));
        done.fetch_add(1, Ordering::Relaxed);
        let (key, life) = key?;
        let note = life.note().map(str::to_owned).into_iter().chain(too_short(&key)).collect::<Vec<_>>();
        let note = (!note.is_empty()).then(|| format!("{}: {}", name.shown(), note.join("; ")));
        let (domain, selector) = (name.domain.clone(), name.selector.clone());
        Ok(Subject { place, domain, selector, public: key.public_key().clone(), life, note })
    };
    part.iter().map(read).collect()
}

/// Reports progress from time to time.
fn tell_progress(done: &AtomicUsize, all: usize, is_over: impl Fn() -> bool) {
    const EACH: Duration = Duration::from_secs(5);
    let mut told = Instant::now();
    while !is_over() {
        thread::sleep(Duration::from_millis(2));
        if told.elapsed() >= EACH {
            eprintln!("waxseald: {} of {all} keys read", done.load(Ordering::Relaxed));
            told = Instant::now();
        }
    }
}

/// The key that seals. That it can be read was found when the service was loaded.
pub(super) fn of_seal(service: &Service) -> Option<Subject> {
    let Kind::Milter(filter) = &service.kind else { return None };
    let seal = filter.arc.as_ref()?.seal.as_ref()?;
    let key = load(&seal.file, KeyRules { safe: seal.safe_keys, min_rsa_bits: seal.min_rsa_bits }).ok()?;
    Some(Subject {
        place: format!("{}: KeyFile {}", service.name, seal.file.display()),
        domain: DomainName::new(&seal.domain).ok()?,
        selector: seal.selector.parse().ok()?,
        public: key.public_key().clone(),
        // What is odd was found when the service was loaded.
        life: Life::Active,
        note: None,
    })
}

/// RFC 8301 §3.2: "Signers SHOULD use RSA keys of at least 2048 bits."
fn too_short(key: &PrivateKey) -> Option<String> {
    let is_short = key.key_type() == KeyType::Rsa && key.bits() < 2048;
    is_short.then(|| {
        format!(
            "the RSA key has {} bits, which some receivers no longer accept: make one of 2048",
            key.bits()
        )
    })
}
