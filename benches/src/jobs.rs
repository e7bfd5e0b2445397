//! The jobs that are compared to the floor, each in the same four shapes.

use crate::{
    Error, chain,
    chain::Chained,
    corpus,
    floor::{self, AwsLcRs, Keys, Whole},
    inbound,
    inbound::Inbound,
    lab::{Lab, Signed, Which, now, verify_chunks, verify_whole},
    mails::Strangers,
};
use waxseal_crypto::{Provider, aws_lc_rs, ring};
use waxseal_dkim::{SignError, Signer, Signing, Unsigned, Verifier};

/// Octets of a megabyte here.
pub const MEGABYTE: usize = 1 << 20;

/// One operation; true when it did what it should.
pub type Work<'c> = Box<dyn FnMut() -> bool + 'c>;

/// All messages, signed, and the keys.
#[derive(Debug)]
pub struct Corpus {
    /// Keys and zone.
    pub lab: Lab,
    /// The keys of `lab` as ring has them.
    pub keys: Keys,
    /// 2 KB, RSA.
    pub letter: Signed,
    /// 2 KB, Ed25519.
    pub letter_ed25519: Signed,
    /// 2 KB and three ARC sets.
    pub chained: Chained,
    /// 2 KB, RSA, and the records of its domain.
    pub inbound_letter: Inbound,
    /// 50 KB, RSA, and the records of its domain.
    pub inbound: Inbound,
    /// 50 KB of HTML, RSA.
    pub html: Signed,
    /// The letter of 2 KB under 3,000 selectors: more than the cache of the processor holds.
    pub strangers: Strangers,
    /// 1 MB of prose, RSA.
    pub prose: Signed,
    /// 25 MB, RSA.
    pub mixed: Signed,
}

impl Corpus {
    /// Makes the keys, writes the messages and signs them.
    ///
    /// # Errors
    /// When a key cannot be made or does not sign.
    pub fn new() -> Result<Self, Error> {
        let lab = Lab::new()?;
        let zone = inbound::published(&lab)?;
        let letter = corpus::letter();
        let prose = corpus::with_body(corpus::prose(MEGABYTE));
        let mixed = corpus::with_body(corpus::mixed(25 * MEGABYTE));
        Ok(Self {
            keys: Keys::new(&lab)?,
            letter: lab.signed(Which::Rsa, &letter)?,
            letter_ed25519: lab.signed(Which::Ed25519, &letter)?,
            chained: Chained::new(&lab)?,
            inbound_letter: Inbound::new(&lab, &zone, &letter)?,
            inbound: Inbound::new(&lab, &zone, &corpus::with_body(corpus::mixed(50 * 1024)))?,
            html: lab.signed(Which::Rsa, &corpus::with_body(corpus::html(50 * 1024)))?,
            strangers: Strangers::new(&lab, &letter)?,
            prose: lab.signed(Which::Rsa, &prose)?,
            mixed: lab.signed(Which::Rsa, &mixed)?,
            lab,
        })
    }
}

/// A job and what it is compared to.
pub struct Job<'c> {
    /// What is done.
    pub name: &'static str,
    /// The ratio to be reached with ring, to the whole-message floor.
    pub reach: Option<f64>,
    /// The ratio to be reached with aws-lc-rs, to the whole-message floor.
    pub reach_aws: Option<f64>,
    /// See [the module](mod@crate::floor).
    pub floor: Work<'c>,
    /// See [`Whole`].
    pub whole: Work<'c>,
    /// See [`AwsLcRs`].
    pub bare_aws: Work<'c>,
    /// waxseal over ring.
    pub ring: Work<'c>,
    /// waxseal over aws-lc-rs.
    pub aws: Work<'c>,
}

impl std::fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Job").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All jobs, in the order of the table.
///
/// # Errors
/// When a provider does not take a key.
pub fn jobs(corpus: &Corpus) -> Result<Vec<Job<'_>>, Error> {
    let mut jobs = signing(corpus)?;
    jobs.extend(verifying(corpus)?);
    jobs.extend(receiving(corpus)?);
    jobs.extend(long(corpus)?);
    Ok(jobs)
}

fn signing(corpus: &Corpus) -> Result<Vec<Job<'_>>, Error> {
    let Corpus { letter, letter_ed25519, prose, mixed, .. } = corpus;
    Ok(vec![
        sign(corpus, "sign RSA-2048, 2 KB", letter, (Keyed::Rsa, usize::MAX))?.reaching(1.02, 0.50),
        sign(corpus, "sign Ed25519, 2 KB", letter_ed25519, (Keyed::Ed25519, usize::MAX))?
            .reaching(None, 0.58),
        sign(corpus, "sign RSA-2048 + Ed25519, 1 MB", prose, (Keyed::Both, usize::MAX))?.reaching(1.05, None),
        sign(corpus, "sign RSA-2048, 25 MB mixed, whole", mixed, (Keyed::Rsa, usize::MAX))?
            .reaching(1.06, None),
        sign(corpus, "sign RSA-2048, 25 MB mixed, in 64 KiB", mixed, (Keyed::Rsa, 64 * 1024))?
            .reaching(1.05, None),
    ])
}

fn verifying(corpus: &Corpus) -> Result<Vec<Job<'_>>, Error> {
    let Corpus { letter, letter_ed25519, .. } = corpus;
    Ok(vec![
        verify(corpus, "verify RSA-2048, 2 KB", letter, whole)?.reaching(1.02, 0.82),
        verify(corpus, "verify RSA-2048, 2 KB, key seen first", letter, first)?,
        corpus.strangers.verify(
            &corpus.lab,
            "verify RSA-2048, 2 KB, 3,000 keys in turn, cold caches",
            letter,
        )?,
        verify(corpus, "verify Ed25519, 2 KB", letter_ed25519, whole)?,
        chain::verify(corpus, "arc verify, 3 sets, 2 KB", true)?.reaching(1.25, None),
        chain::verify(corpus, "arc verify, 3 sets, 2 KB, no oldest pass", false)?.reaching(1.08, None),
        chain::seal(corpus, "arc seal, 2 KB")?.reaching(1.02, None),
    ])
}

fn receiving(corpus: &Corpus) -> Result<Vec<Job<'_>>, Error> {
    let Corpus { lab, inbound_letter: letter, inbound: mail, .. } = corpus;
    let (inline, blocking): (inbound::Way, inbound::Way) = (Inbound::check, Inbound::check_blocking);
    Ok(vec![
        inbound::check(lab, letter, "inbound: DKIM, SPF, DMARC, 2 KB", (false, inline))?.reaching(1.32, None),
        inbound::check(lab, letter, "inbound, blocking, 2 KB", (false, blocking))?.reaching(1.35, None),
        inbound::check(lab, mail, "inbound: DKIM, SPF, DMARC, 50 KB", (false, inline))?.reaching(1.10, None),
        inbound::check(lab, mail, "inbound, blocking, 50 KB", (false, blocking))?,
        inbound::check(lab, mail, "inbound, HELO and iprev too, 50 KB", (true, inline))?,
    ])
}

fn long(corpus: &Corpus) -> Result<Vec<Job<'_>>, Error> {
    let Corpus { html, prose, mixed, .. } = corpus;
    Ok(vec![
        verify(corpus, "verify 50 KB of HTML", html, whole)?,
        verify(corpus, "verify 1 MB of prose", prose, whole)?.reaching(1.12, None),
        verify(corpus, "verify 25 MB mixed, whole", mixed, whole)?.reaching(1.05, None),
        verify(corpus, "verify 25 MB mixed, in 4 KiB", mixed, chunks)?.reaching(1.03, None),
    ])
}

impl<'c> Job<'c> {
    /// A job compared to verifying one signature; `ours` is given the provider.
    pub(crate) fn verifying(
        lab: &Lab,
        name: &'static str,
        signed: &'c Signed,
        ours: impl Fn(&'static dyn Provider) -> Work<'c>,
    ) -> Result<Self, Error> {
        let (bare, aws) = (Whole::of_signed(signed), AwsLcRs::new(lab, signed)?);
        Ok(Self {
            name,
            reach: None,
            reach_aws: None,
            floor: Box::new(|| floor::verify(signed)),
            whole: Box::new(move || bare.verify()),
            bare_aws: Box::new(move || aws.verify()),
            ring: ours(ring::PROVIDER),
            aws: ours(aws_lc_rs::PROVIDER),
        })
    }

    fn reaching(self, ring: impl Into<Option<f64>>, aws: impl Into<Option<f64>>) -> Self {
        Self { reach: ring.into(), reach_aws: aws.into(), ..self }
    }
}

/// Which keys sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keyed {
    Rsa,
    Ed25519,
    Both,
}

impl Keyed {
    fn signers(self, lab: &Lab, provider: &'static dyn Provider) -> Result<Vec<Signer>, Error> {
        let which: &[Which] = match self {
            Self::Rsa => &[Which::Rsa],
            Self::Ed25519 => &[Which::Ed25519],
            Self::Both => &[Which::Rsa, Which::Ed25519],
        };
        which.iter().map(|which| lab.signer(*which, provider)).collect()
    }
}

/// Signing in chunks; a message is no longer than `usize::MAX`.
fn sign<'c>(
    corpus: &'c Corpus,
    name: &'static str,
    signed: &'c Signed,
    (keyed, chunk): (Keyed, usize),
) -> Result<Job<'c>, Error> {
    let Corpus { keys, lab, .. } = corpus;
    let message = signed.unsigned();
    let ours = |signers: Vec<Signer>| -> Work<'c> {
        Box::new(move || sign_chunks(&signers, message, chunk).is_ok_and(|field| !field.is_empty()))
    };
    let bare = Whole::of_unsigned(signed);
    let aws = AwsLcRs::new(lab, signed)?;
    Ok(Job {
        name,
        reach: None,
        reach_aws: None,
        floor: match keyed {
            Keyed::Rsa => Box::new(|| keys.sign_rsa(&signed.body, &signed.header)),
            Keyed::Ed25519 => Box::new(|| keys.sign_ed25519(&signed.body, &signed.header)),
            Keyed::Both => Box::new(|| keys.sign_both(&signed.body, &signed.header)),
        },
        whole: match keyed {
            Keyed::Rsa => Box::new(move || bare.sign_rsa(keys)),
            Keyed::Ed25519 => Box::new(move || bare.sign_ed25519(keys)),
            Keyed::Both => Box::new(move || bare.sign_both(keys)),
        },
        bare_aws: match keyed {
            Keyed::Rsa => Box::new(move || aws.sign_rsa()),
            Keyed::Ed25519 => Box::new(move || aws.sign_ed25519()),
            Keyed::Both => Box::new(move || aws.sign_both()),
        },
        ring: ours(keyed.signers(lab, ring::PROVIDER)?),
        aws: ours(keyed.signers(lab, aws_lc_rs::PROVIDER)?),
    })
}

fn sign_chunks(signers: &[Signer], message: &[u8], chunk: usize) -> Result<String, SignError> {
    let mut signing = Signing::new(signers, now());
    message.chunks(chunk).try_for_each(|chunk| signing.push(chunk))?;
    signing.finish()?.into_iter().map(Unsigned::sign).collect()
}

fn verify<'c>(
    corpus: &'c Corpus,
    name: &'static str,
    signed: &'c Signed,
    way: fn(&Verifier, &'static dyn Provider, &[u8], &Lab) -> bool,
) -> Result<Job<'c>, Error> {
    let ours = |provider| -> Work<'c> {
        let verifier = Verifier::with_provider(Default::default(), provider);
        Box::new(move || way(&verifier, provider, &signed.message, &corpus.lab))
    };
    Job::verifying(&corpus.lab, name, signed, ours)
}

fn whole(verifier: &Verifier, _: &'static dyn Provider, message: &[u8], lab: &Lab) -> bool {
    verify_whole(verifier, message, &lab.zone)
}

/// By a verifier that has not seen the key before and has to read its record.
fn first(_: &Verifier, provider: &'static dyn Provider, message: &[u8], lab: &Lab) -> bool {
    verify_whole(&Verifier::with_provider(Default::default(), provider), message, &lab.zone)
}

fn chunks(verifier: &Verifier, _: &'static dyn Provider, message: &[u8], lab: &Lab) -> bool {
    verify_chunks(verifier, message, 4096, &lab.zone)
}
