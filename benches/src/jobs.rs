//! The jobs that are compared to the floor, each in the same four shapes.

use crate::{
    Error, chain,
    chain::Chained,
    corpus,
    floor::{self, AwsLcRs, Keys, Whole},
    inbound,
    inbound::Inbound,
    lab::{Lab, Signed, Which, now, verify_chunks, verify_whole},
};
use waxseal_crypto::{Provider, aws_lc_rs, ring};
use waxseal_dkim::{Signer, Verifier, sign_all};

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
    /// 50 KB, RSA, and the records of its domain.
    pub inbound: Inbound,
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
        let letter = corpus::letter();
        let prose = corpus::with_body(corpus::prose(MEGABYTE));
        let mixed = corpus::with_body(corpus::mixed(25 * MEGABYTE));
        Ok(Self {
            keys: Keys::new(&lab)?,
            letter: lab.signed(Which::Rsa, &letter)?,
            letter_ed25519: lab.signed(Which::Ed25519, &letter)?,
            chained: Chained::new(&lab)?,
            inbound: Inbound::new(&lab)?,
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
    /// The ratio to be reached with ring.
    pub reach: Option<f64>,
    /// The ratio to be reached with aws-lc-rs.
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
    Ok(vec![
        sign(corpus, "sign RSA-2048, 2 KB", &corpus.letter, false)?.reaching(1.02, Some(0.50)),
        sign(corpus, "sign RSA-2048 + Ed25519, 1 MB", &corpus.prose, true)?.reaching(1.05, None),
        verify(corpus, "verify RSA-2048, 2 KB", &corpus.letter, whole)?.reaching(1.03, Some(0.85)),
        verify(corpus, "verify RSA-2048, 2 KB, key seen first", &corpus.letter, first)?,
        verify(corpus, "verify Ed25519, 2 KB", &corpus.letter_ed25519, whole)?,
        chain::verify(corpus, "arc verify, 3 sets, 2 KB", true)?.reaching(1.00, None),
        chain::verify(corpus, "arc verify, 3 sets, 2 KB, no oldest pass", false)?,
        chain::seal(corpus, "arc seal, 2 KB")?.reaching(1.02, None),
        inbound::check(&corpus.lab, &corpus.inbound, "inbound: DKIM, SPF, DMARC, 50 KB", false)?
            .reaching(1.10, None),
        inbound::check(&corpus.lab, &corpus.inbound, "inbound, HELO and iprev too, 50 KB", true)?,
        verify(corpus, "verify 1 MB of prose", &corpus.prose, whole)?.reaching(1.12, None),
        verify(corpus, "verify 25 MB mixed, whole", &corpus.mixed, whole)?.reaching(1.08, None),
        verify(corpus, "verify 25 MB mixed, in 4 KiB", &corpus.mixed, chunks)?.reaching(1.12, None),
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

    fn reaching(self, ring: f64, aws: Option<f64>) -> Self {
        Self { reach: Some(ring), reach_aws: aws, ..self }
    }
}

fn sign<'c>(
    corpus: &'c Corpus,
    name: &'static str,
    signed: &'c Signed,
    both: bool,
) -> Result<Job<'c>, Error> {
    let Corpus { keys, lab, .. } = corpus;
    let message = signed.unsigned();
    let signers = |provider: &'static dyn Provider| -> Result<Vec<Signer>, Error> {
        let mut signers = vec![lab.signer(Which::Rsa, provider)?];
        if both {
            signers.push(lab.signer(Which::Ed25519, provider)?);
        }
        Ok(signers)
    };
    let ours = |signers: Vec<Signer>| -> Work<'c> {
        Box::new(move || sign_all(&signers, message, now()).is_ok_and(|field| !field.is_empty()))
    };
    let bare = Whole::of_unsigned(signed);
    let aws = AwsLcRs::new(lab, signed)?;
    Ok(Job {
        name,
        reach: None,
        reach_aws: None,
        floor: match both {
            true => Box::new(|| keys.sign_both(&signed.body, &signed.header)),
            false => Box::new(|| keys.sign_rsa(&signed.body, &signed.header)),
        },
        whole: Box::new(move || if both { bare.sign_both(keys) } else { bare.sign_rsa(keys) }),
        bare_aws: match both {
            true => Box::new(move || aws.sign_both()),
            false => Box::new(move || aws.sign_rsa()),
        },
        ring: ours(signers(ring::PROVIDER)?),
        aws: ours(signers(aws_lc_rs::PROVIDER)?),
    })
}

fn verify<'c>(
    corpus: &'c Corpus,
    name: &'static str,
    signed: &'c Signed,
    way: fn(&Verifier, &'static dyn Provider, &[u8], &Lab) -> bool,
) -> Result<Job<'c>, Error> {
    let ours = |provider| -> Work<'c> {
        let verifier = Verifier::default().with_provider(provider);
        Box::new(move || way(&verifier, provider, &signed.message, &corpus.lab))
    };
    Job::verifying(&corpus.lab, name, signed, ours)
}

fn whole(verifier: &Verifier, _: &'static dyn Provider, message: &[u8], lab: &Lab) -> bool {
    verify_whole(verifier, message, &lab.zone)
}

/// By a verifier that has not seen the key before and has to read its record.
fn first(_: &Verifier, provider: &'static dyn Provider, message: &[u8], lab: &Lab) -> bool {
    verify_whole(&Verifier::default().with_provider(provider), message, &lab.zone)
}

fn chunks(verifier: &Verifier, _: &'static dyn Provider, message: &[u8], lab: &Lab) -> bool {
    verify_chunks(verifier, message, 4096, &lab.zone)
}
