//! Prints what other libraries take for the jobs of the table, beside waxseal, by the floor of the same run:
//! `cargo run --release --manifest-path benches/peers/Cargo.toml`.
//!
//! mail-auth computes with aws-lc-rs, so the column to compare it with is waxseal over aws-lc-rs. It is given what makes
//! it fast: a cache that has the parsed key. It takes a message as a whole, so the job in chunks is left out. Where its
//! signer is compared, it signs the same fields. Of an ARC chain it verifies the seals and the newest message signature, so
//! it is compared to waxseal doing no more than that.
//!
//! viadkim is not here: it is under the GPL, which must not get into a lock file or a program of this project.

use mail_auth::{
    ArcOutput, ArcResult, AuthenticatedMessage, AuthenticationResults, DkimResult, DnsCache,
    MessageAuthenticator, NoCache, Parameters, ResolverCache, TxtRecord,
    arc::ArcSealer,
    crypto::{RsaKey, Sha256},
    dkim::{DkimSigner, DomainKey},
    dns::TxtRecordParser,
    headers::HeaderWriter,
    hickory_resolver::config::{ResolverConfig, ResolverOpts},
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer};
use std::{
    borrow::Borrow,
    collections::HashMap,
    future::Future,
    hash::Hash,
    hint::black_box,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
    time::Instant,
};
use waxseal_benches::{
    Error,
    jobs::{Corpus, Job, jobs},
    lab::Signed,
    timing::Times,
};
use waxseal_crypto::PrivateParts;

fn main() -> Result<(), Error> {
    let corpus = Corpus::new()?;
    let peer = Peer::new(&corpus)?;
    println!("| job | floor µs | mail-auth | waxseal, aws-lc-rs | waxseal, ring |");
    println!("|---|---:|---:|---:|---:|");
    for job in jobs(&corpus)? {
        let message = match job.name {
            "verify RSA-2048, 2 KB" => &corpus.letter,
            "verify Ed25519, 2 KB" => &corpus.letter_ed25519,
            "verify 1 MB of prose" => &corpus.prose,
            "verify 25 MB mixed, whole" => &corpus.mixed,
            "sign RSA-2048, 2 KB" => &corpus.letter,
            "arc verify, 3 sets, 2 KB, no oldest pass" => {
                row(job, &mut || peer.verify_arc(&corpus.chained.message))?;
                continue;
            }
            "arc seal, 2 KB" => {
                arc_seal(job, &peer, corpus.chained.unsealed())?;
                continue;
            }
            _ => continue,
        };
        match job.name.starts_with("sign") {
            true => row(job, &mut || peer.sign(message.unsigned()))?,
            false => row(job, &mut || peer.verify(message))?,
        }
    }
    headers(&corpus)
}

fn row(job: Job<'_>, peer: &mut dyn FnMut() -> bool) -> Result<(), Error> {
    let Job { name, mut floor, mut ring, mut aws, .. } = job;
    let times = Times::measure(&mut [&mut *floor, peer, &mut *aws, &mut *ring])
        .map_err(|error| format!("{name}: {error}"))?;
    let ratio = |job| times.ratio(job, 0).median;
    println!(
        "| {name} | {:.2} | {:.3} | {:.3} | {:.3} |",
        times.nanos(0).median / 1e3,
        ratio(1),
        ratio(2),
        ratio(3),
    );
    Ok(())
}

/// The chain is validated beforehand, by either.
fn arc_seal(job: Job<'_>, peer: &Peer, message: &[u8]) -> Result<(), Error> {
    let parsed = AuthenticatedMessage::parse(message).ok_or("no message")?;
    let chain = peer.chain(&parsed).ok_or("no chain")?;
    let results = AuthenticationResults::new("mail.example.org");
    row(job, &mut || {
        let Some(message) = AuthenticatedMessage::parse(message) else { return false };
        peer.sealer.seal(&message, &results, &chain).is_ok_and(|set| !set.to_header().is_empty())
    })
}

/// mail-auth has no parser for the header alone: this is what it does with the header and body of 2 KB, body hash
/// included.
fn headers(corpus: &Corpus) -> Result<(), Error> {
    let letter = corpus.letter.unsigned();
    let times = Times::measure(&mut [
        &mut || waxseal_header::Header::parse(letter).is_ok_and(|(header, _)| black_box(header).len() > 15),
        &mut || {
            AuthenticatedMessage::parse(letter).is_some_and(|message| black_box(message).headers().len() > 15)
        },
    ])?;
    let nanos = |job| times.nanos(job).median;
    println!("\nheader parse, 2 KB: waxseal {:.0} ns, mail-auth {:.0} ns", nanos(0), nanos(1));
    Ok(())
}

struct Peer {
    authenticator: MessageAuthenticator,
    keys: Keys,
    signer: DkimSigner<RsaKey<Sha256>, mail_auth::signer::Ready>,
    sealer: ArcSealer<RsaKey<Sha256>, mail_auth::signer::Ready>,
}

/// The fields that waxseal signs in the letter.
const FIELDS: [&str; 12] = [
    "From",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

impl Peer {
    fn new(corpus: &Corpus) -> Result<Self, Error> {
        let PrivateParts::Rsa { pkcs1 } = corpus.lab.rsa.secret() else { return Err("no RSA key".into()) };
        let key = || {
            let der = PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(pkcs1.to_vec()));
            RsaKey::<Sha256>::from_key_der(der).map_err(|error| format!("{error:?}"))
        };
        let signer = DkimSigner::from_key(key()?).domain("mail.example.org").selector("rsa").headers(FIELDS);
        let sealer = ArcSealer::from_key(key()?).domain("mail.example.org").selector("rsa").headers(FIELDS);
        let keys = Keys::default();
        keys.add("rsa", &corpus.letter)?;
        keys.add("ed", &corpus.letter_ed25519)?;
        let authenticator = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default())?;
        Ok(Self { authenticator, keys, signer, sealer })
    }

    fn verify(&self, signed: &Signed) -> bool {
        let Some(message) = AuthenticatedMessage::parse(&signed.message) else { return false };
        let parameters = Parameters::new(&message).with_cache(&self.keys);
        at_once(self.authenticator.verify_dkim(parameters)).is_some_and(|verdicts| {
            !verdicts.is_empty() && verdicts.iter().all(|v| *v.result() == DkimResult::Pass)
        })
    }

    fn verify_arc(&self, message: &[u8]) -> bool {
        let Some(message) = AuthenticatedMessage::parse(message) else { return false };
        self.chain(&message).is_some_and(|chain| *chain.result() == ArcResult::Pass)
    }

    fn chain<'m>(&'m self, message: &'m AuthenticatedMessage<'m>) -> Option<ArcOutput<'m>> {
        at_once(self.authenticator.verify_arc(Parameters::new(message).with_cache(&self.keys)))
    }

    fn sign(&self, message: &[u8]) -> bool {
        self.signer.sign(message).is_ok_and(|signature| !signature.to_header().is_empty())
    }
}

/// What comes of a future that waits for nothing, since the key is in the cache.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

/// A cache that has all keys, parsed.
#[derive(Default)]
struct Keys(Mutex<HashMap<Box<str>, TxtRecord>>);

impl Keys {
    fn add(&self, selector: &str, signed: &Signed) -> Result<(), Error> {
        let text = format!("v=DKIM1; k={}; p={}", signed.public.key_type(), signed.public.dns_p());
        let key = DomainKey::parse(text.as_bytes()).map_err(|error| format!("{error:?}"))?;
        let name = format!("{selector}._domainkey.mail.example.org.").into_boxed_str();
        self.insert(name, TxtRecord::DomainKey(Arc::new(key)), Instant::now());
        Ok(())
    }
}

impl ResolverCache<Box<str>, TxtRecord> for Keys {
    fn get<Q>(&self, name: &Q) -> Option<TxtRecord>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.lock().ok()?.get(name).cloned()
    }

    fn remove<Q>(&self, name: &Q) -> Option<TxtRecord>
    where
        Box<str>: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.0.lock().ok()?.remove(name)
    }

    fn insert(&self, name: Box<str>, record: TxtRecord, _: Instant) {
        if let Ok(mut keys) = self.0.lock() {
            keys.insert(name, record);
        }
    }
}

impl DnsCache for Keys {
    type Txt = Self;
    type Mx = NoCache;
    type Ipv4 = NoCache;
    type Ipv6 = NoCache;
    type Ptr = NoCache;

    fn txt(&self) -> Option<&Self> {
        Some(self)
    }

    fn mx(&self) -> Option<&NoCache> {
        None
    }

    fn ipv4(&self) -> Option<&NoCache> {
        None
    }

    fn ipv6(&self) -> Option<&NoCache> {
        None
    }

    fn ptr(&self) -> Option<&NoCache> {
        None
    }
}
