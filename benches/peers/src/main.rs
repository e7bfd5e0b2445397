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
    ArcOutput, ArcResult, AuthenticatedMessage, AuthenticationResults, DkimResult, DmarcResult,
    MessageAuthenticator, Parameters, TxtRecord,
    arc::ArcSealer,
    crypto::{RsaKey, Sha256},
    dkim::{DkimSigner, DomainKey},
    dmarc::{DmarcRecord, verify::DmarcParameters},
    dns::TxtRecordParser,
    headers::HeaderWriter,
    hickory_resolver::config::{ResolverConfig, ResolverOpts},
    spf::{SpfRecord, verify::SpfParameters},
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer};
use std::{hint::black_box, net::Ipv4Addr, sync::Arc};
use waxseal_benches::{
    Error,
    inbound::{self, Inbound},
    jobs::{Corpus, Job, jobs},
    lab::Signed,
    mails,
    timing::Times,
};
use waxseal_crypto::{PrivateParts, aws_lc_rs, ring};
use waxseal_peers::{Memory, at_once};

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
            "verify 50 KB of HTML" => &corpus.html,
            "sign RSA-2048, 2 KB" => &corpus.letter,
            "sign RSA-2048, 25 MB mixed, whole" => &corpus.mixed,
            "inbound: DKIM, SPF, DMARC, 2 KB" => {
                row(job, &mut || peer.inbound(&corpus.inbound_letter.signed))?;
                continue;
            }
            "inbound: DKIM, SPF, DMARC, 50 KB" => {
                row(job, &mut || peer.inbound(&corpus.inbound.signed))?;
                continue;
            }
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
    headers(&corpus)?;
    sizes(&corpus, &peer)
}

/// The whole check of 3,000 MIME mails by size, and DKIM alone.
fn sizes(corpus: &Corpus, peer: &Peer) -> Result<(), Error> {
    println!(
        "\n| 3,000 MIME mails | mails | floor µs | inbound: mail-auth | waxseal, aws-lc-rs | waxseal, ring | DKIM: mail-auth | waxseal, aws-lc-rs | waxseal, ring |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for mails in mails::mails(&corpus.lab) {
        let mails = mails?;
        let times = mails.measure([
            mails::floor(),
            Box::new(|mail: &Inbound| peer.inbound(&mail.signed)),
            mails::all(aws_lc_rs::PROVIDER, Inbound::check),
            mails::all(ring::PROVIDER, Inbound::check),
            Box::new(|mail: &Inbound| peer.verify(&mail.signed)),
            mails::dkim(&corpus.lab, aws_lc_rs::PROVIDER),
            mails::dkim(&corpus.lab, ring::PROVIDER),
        ])?;
        let count = mails.mails.len();
        let ratios = [1, 2, 3, 4, 5, 6].map(|job| format!("{:.3}", times.ratio(job, 0).median));
        let floor = times.nanos(0).divided(count as f64).median / 1e3;
        println!("| {} | {count} | {floor:.1} | {} |", mails.name, ratios.join(" | "));
    }
    Ok(())
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
    memory: Memory,
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
        let PrivateParts::Rsa(pkcs1) = corpus.lab.rsa.secret() else { return Err("no RSA key".into()) };
        let key = || {
            let der = PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(pkcs1.to_vec()));
            RsaKey::<Sha256>::from_key_der(der).map_err(|error| format!("{error:?}"))
        };
        let signer = DkimSigner::from_key(key()?).domain("mail.example.org").selector("rsa").headers(FIELDS);
        let sealer = ArcSealer::from_key(key()?).domain("mail.example.org").selector("rsa").headers(FIELDS);
        let memory = memory(corpus)?;
        let authenticator = MessageAuthenticator::new(ResolverConfig::default(), ResolverOpts::default())?;
        Ok(Self { authenticator, memory, signer, sealer })
    }

    fn verify(&self, signed: &Signed) -> bool {
        let Some(message) = AuthenticatedMessage::parse(&signed.message) else { return false };
        let parameters = Parameters::new(&message).with_cache(&self.memory);
        at_once(self.authenticator.verify_dkim(parameters)).is_some_and(|verdicts| {
            !verdicts.is_empty() && verdicts.iter().all(|v| *v.result() == DkimResult::Pass)
        })
    }

    /// What waxseal's inbound check does but for HELO and `iprev`, the field included.
    fn inbound(&self, signed: &Signed) -> bool {
        let Some(message) = AuthenticatedMessage::parse(&signed.message) else { return false };
        let parameters = Parameters::new(&message).with_cache(&self.memory);
        let Some(dkim) = at_once(self.authenticator.verify_dkim(parameters)) else { return false };
        let envelope = || {
            SpfParameters::mail_from(
                inbound::CLIENT.into(),
                inbound::HELO,
                "mx.example.net",
                inbound::MAIL_FROM,
            )
        };
        let parameters = Parameters::new(envelope()).with_cache(&self.memory);
        let Some(spf) = at_once(self.authenticator.verify_spf(parameters)) else { return false };
        let parameters = DmarcParameters::new(&message, &dkim, inbound::DOMAIN, &spf);
        let parameters = Parameters::new(parameters).with_cache(&self.memory);
        let Some(dmarc) = at_once(self.authenticator.verify_dmarc(parameters)) else { return false };
        let results = AuthenticationResults::new("mx.example.net")
            .with_dkim_results(&dkim, inbound::MAIL_FROM)
            .with_spf_result(&spf, &envelope())
            .with_dmarc_result(&dmarc);
        let aligned = *dmarc.spf_result() == DmarcResult::Pass && *dmarc.dkim_result() == DmarcResult::Pass;
        aligned && results.to_header().len() > 200
    }

    fn verify_arc(&self, message: &[u8]) -> bool {
        let Some(message) = AuthenticatedMessage::parse(message) else { return false };
        self.chain(&message).is_some_and(|chain| *chain.result() == ArcResult::Pass)
    }

    fn chain<'m>(&'m self, message: &'m AuthenticatedMessage<'m>) -> Option<ArcOutput<'m>> {
        at_once(self.authenticator.verify_arc(Parameters::new(message).with_cache(&self.memory)))
    }

    fn sign(&self, message: &[u8]) -> bool {
        self.signer.sign(message).is_ok_and(|signature| !signature.to_header().is_empty())
    }
}

/// All records, parsed, and the names without one.
fn memory(corpus: &Corpus) -> Result<Memory, Error> {
    let mut memory = Memory::default();
    for (selector, signed) in [("rsa", &corpus.letter), ("ed", &corpus.letter_ed25519)] {
        let text = format!("v=DKIM1; k={}; p={}", signed.public.key_type(), signed.public.dns_p());
        let key = DomainKey::parse(text.as_bytes()).map_err(|error| format!("{error:?}"))?;
        memory.parsed(
            &format!("{selector}._domainkey.{}", inbound::DOMAIN),
            TxtRecord::DomainKey(Arc::new(key)),
        );
    }
    let spf = [
        (inbound::DOMAIN, inbound::SPF),
        ("_spf1.example.net", inbound::INCLUDED),
        ("_spf2.example.net", inbound::INCLUDED),
    ];
    for (name, text) in spf {
        let record = SpfRecord::parse(text.as_bytes()).map_err(|error| format!("{error:?}"))?;
        memory.parsed(name, TxtRecord::Spf(Arc::new(record)));
    }
    let other = Ipv4Addr::new(192, 0, 2, 1);
    for name in [inbound::DOMAIN, "mx.mail.example.org", "mail.example.net"] {
        memory.a(name, other);
    }
    memory.mx(inbound::DOMAIN, "mx.mail.example.org");
    let dmarc = DmarcRecord::parse(inbound::DMARC.as_bytes()).map_err(|error| format!("{error:?}"))?;
    memory.parsed(&format!("_dmarc.{}", inbound::DOMAIN), TxtRecord::Dmarc(Arc::new(dmarc)));
    // mail-auth walks on above a record.
    for name in ["_dmarc.example.org", "_dmarc.org"] {
        memory.without(name);
    }
    Ok(memory)
}
