//! Many messages: the same letter under many keys, and mail of all sizes.

use crate::{
    Error, corpus,
    floor::public_operation,
    inbound::{self, Inbound},
    jobs::{Job, Work},
    lab::{Lab, Signed, now, verify_whole},
    timing::{Spread, Times},
};
use ring::digest::{SHA256, digest};
use std::hint::black_box;
use waxseal_crypto::{PrivateKey, Provider, aws_lc_rs, ring as waxseal_ring};
use waxseal_dkim::Verifier;
use waxseal_dns::Zone;

/// A letter signed under many selectors.
#[derive(Debug)]
pub struct Strangers {
    messages: Vec<Vec<u8>>,
    zone: Zone,
}

impl Strangers {
    /// Few where nothing is measured.
    const COUNT: usize = if cfg!(debug_assertions) { 30 } else { 3000 };

    /// Signs the message under each selector, all with the same key.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn new(lab: &Lab, message: &[u8]) -> Result<Self, Error> {
        let key = PrivateKey::from_material(lab.rsa.clone(), aws_lc_rs::PROVIDER)?;
        let record = format!("v=DKIM1; k=rsa; p={}", key.public_key().dns_p());
        let (mut zone, mut messages) = (Zone::new(), Vec::with_capacity(Self::COUNT));
        for number in 0..Self::COUNT {
            let selector = format!("s{number}");
            zone = zone.with_txt(&format!("{selector}._domainkey.mail.example.org"), &record)?;
            let signer = lab.signer_as(&selector, key.clone(), aws_lc_rs::PROVIDER)?;
            messages.push([signer.sign(message, now())?.as_bytes(), message].concat());
        }
        Ok(Self { messages, zone })
    }

    /// Verifying one after the other. The floor is that of the letter, warm.
    pub(crate) fn verify<'c>(
        &'c self,
        lab: &Lab,
        name: &'static str,
        letter: &'c Signed,
    ) -> Result<Job<'c>, Error> {
        let ours = |provider: &'static dyn Provider| -> Work<'c> {
            let verifier = Verifier::with_provider(Default::default(), provider);
            let mut messages = self.messages.iter().cycle();
            Box::new(move || {
                messages.next().is_some_and(|message| verify_whole(&verifier, message, &self.zone))
            })
        };
        Job::verifying(lab, name, letter, ours)
    }
}

/// How many mails of which sizes there are, in bytes from and to: as in a sample of mail, where half of all are below 24 KB.
const CLASSES: [(&str, usize, usize, usize); 5] = [
    ("below 4 KB", 540, 1024, 3 * 1024),
    ("4 to 20 KB", 870, 4 * 1024, 19 * 1024),
    ("20 to 80 KB", 1040, 20 * 1024, 79 * 1024),
    ("80 to 400 KB", 415, 80 * 1024, 400 * 1024),
    ("above 400 KB", 135, 400 * 1024, 1024 * 1024),
];

/// What a class of mails takes, by its floor: SHA-256 of each message and one operation of ring.
#[derive(Debug, Clone, Copy)]
pub struct Class {
    /// Which sizes.
    pub name: &'static str,
    /// How many mails.
    pub count: usize,
    /// Nanoseconds of the floor for one mail.
    pub floor: Spread,
    /// DKIM with ring, DKIM with aws-lc-rs, the whole check with ring, and the same by the blocking driver.
    pub ratios: [Spread; 4],
}

/// Mails of one class.
#[derive(Debug)]
pub struct Mails {
    /// Which sizes.
    pub name: &'static str,
    /// The mails, each with the records of its domain.
    pub mails: Vec<Inbound>,
}

/// Makes 3,000 mails, class by class.
pub fn mails(lab: &Lab) -> impl Iterator<Item = Result<Mails, Error>> + '_ {
    CLASSES.into_iter().map(|class| make(lab, class))
}

fn make(lab: &Lab, (name, count, from, to): (&'static str, usize, usize, usize)) -> Result<Mails, Error> {
    let size = |number: usize| from + (to - from) * number / count;
    let zone = inbound::published(lab)?;
    let mails = (0..count).map(|number| Inbound::new(lab, &zone, &corpus::mime(number, size(number))));
    Ok(Mails { name, mails: mails.collect::<Result<_, _>>()? })
}

/// Whether one message was handled as it should be.
pub type One<'m> = Box<dyn FnMut(&Inbound) -> bool + 'm>;

impl Mails {
    /// What each of the jobs takes. A round is all mails once, so that each job has the same ones.
    ///
    /// # Errors
    /// When a mail is not handled as it should be.
    pub fn measure<const N: usize>(&self, ones: [One<'_>; N]) -> Result<Times, Error> {
        let mut works = ones.map(|mut one| move || self.mails.iter().all(&mut one));
        let mut jobs: Vec<&mut dyn FnMut() -> bool> = works.iter_mut().map(|work| work as _).collect();
        Times::measure(&mut jobs).map_err(|error| format!("{}: {error}", self.name).into())
    }
}

/// SHA-256 of the message and one operation of ring.
pub fn floor() -> One<'static> {
    Box::new(|mail| {
        let signed = &mail.signed;
        black_box(digest(&SHA256, &signed.message));
        public_operation(&signed.public, &signed.header, &signed.signature)
    })
}

/// DKIM alone.
pub fn dkim<'l>(lab: &'l Lab, provider: &'static dyn Provider) -> One<'l> {
    let verifier = Verifier::with_provider(Default::default(), provider);
    Box::new(move |mail| verify_whole(&verifier, &mail.signed.message, &lab.zone))
}

/// The whole check, and the field.
pub fn all(provider: &'static dyn Provider, way: inbound::Way) -> One<'static> {
    let (authenticator, envelope) = (inbound::authenticator(provider, false), inbound::envelope());
    Box::new(move |mail| {
        let report = way(mail, &authenticator, &envelope);
        report.is_some_and(|report| {
            report.dmarc().dkim_aligned()
                && report.spf().is_pass()
                && report.authentication_results().to_field().len() > 200
        })
    })
}

/// Measures 3,000 mails, class by class.
///
/// # Errors
/// When a mail cannot be signed, or does not pass.
pub fn classes(lab: &Lab) -> Result<Vec<Class>, Error> {
    mails(lab).map(|mails| class(lab, &mails?)).collect()
}

fn class(lab: &Lab, mails: &Mails) -> Result<Class, Error> {
    let times = mails.measure([
        floor(),
        dkim(lab, waxseal_ring::PROVIDER),
        dkim(lab, aws_lc_rs::PROVIDER),
        all(waxseal_ring::PROVIDER, Inbound::check),
        all(waxseal_ring::PROVIDER, Inbound::check_blocking),
    ])?;
    let count = mails.mails.len();
    let floor = times.nanos(0).divided(count as f64);
    Ok(Class { name: mails.name, count, floor, ratios: [1, 2, 3, 4].map(|job| times.ratio(job, 0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_pass_each_with_its_own_key() {
        let lab = Lab::new().unwrap();
        let letter = lab.signed(crate::lab::Which::Rsa, &corpus::letter()).unwrap();
        let strangers = Strangers::new(&lab, &corpus::letter()).unwrap();
        let mut job = strangers.verify(&lab, "strangers", &letter).unwrap();
        assert!((0..Strangers::COUNT + 1).all(|_| (job.ring)() && (job.aws)()));
    }

    #[test]
    fn a_class_of_mails_passes() {
        let lab = Lab::new().unwrap();
        let class = class(&lab, &make(&lab, ("small", 2, 2000, 4000)).unwrap()).unwrap();
        assert!(class.count == 2 && class.ratios.iter().all(|ratio| ratio.median > 0.3), "{class:?}");
    }
}
