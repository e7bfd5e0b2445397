//! Signing a message that arrives in chunks.

use super::{
    SignError, Signer,
    template::{Room, Template, Unsigned},
};
use crate::body::{BodyHasher, pieces};
use std::time::SystemTime;
use waxseal_header::{
    Header, HeaderLimits, Split, Splitter,
    line_ends::{FindBare, find_bare},
};

/// Signs a message that arrives in chunks of any size. This is the streaming form of [`Signer::sign`], for one or more
/// signers.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_crypto::PrivateKey;
/// use waxseal_dkim::{Signer, Signing};
/// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
/// let signer = Signer::new("example.org", "2026a", key)?;
/// let mut signing = Signing::new([&signer], SystemTime::now());
/// signing.push(b"From: joe@example.org\r\n\r")?;
/// signing.push(b"\nHi.\r\n")?;
/// for unsigned in signing.finish()? {
///     println!("{}", unsigned.sign()?);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Signing {
    signers: Vec<Signer>,
    now: SystemTime,
    stage: Stage,
    line_ends: FindBare,
    /// Whether the body may have bare line ends: only if all signers accept them.
    bare_line_ends: bool,
}

#[derive(Debug)]
enum Stage {
    Header(Splitter),
    Body(Body),
    /// An error has ended the signing.
    Failed(SignError),
}

/// A hasher for each crypto provider, by its name.
#[derive(Debug)]
struct Body {
    header: Header,
    hashers: Vec<(&'static str, BodyHasher)>,
    /// Which of them each signer needs.
    numbers: Vec<usize>,
}

impl Signing {
    /// Begins with the first byte of the message. `now` is the time for `t=`.
    pub fn new<'s>(signers: impl IntoIterator<Item = &'s Signer>, now: SystemTime) -> Self {
        let stage = Stage::Header(Splitter::new(HeaderLimits::default()));
        let signers: Vec<_> = signers.into_iter().cloned().collect();
        let bare_line_ends = signers.iter().all(|signer| signer.settings.bare_line_ends);
        Self { signers, now, stage, line_ends: FindBare::default(), bare_line_ends }
    }

    /// Begins with the body of a message whose header is known.
    ///
    /// # Errors
    /// [`SignError`] when the header cannot be signed.
    pub fn with_header<'s>(
        signers: impl IntoIterator<Item = &'s Signer>,
        header: Header,
        now: SystemTime,
    ) -> Result<Self, SignError> {
        let mut signing = Self::new(signers, now);
        if let Some(offset) = find_bare(header.as_bytes()) {
            return Err(SignError::BareLineEnd(offset as u64));
        }
        signing.stage = Stage::Body(Body::begin(&signing.signers, header)?);
        Ok(signing)
    }

    /// Takes the next chunk of the message: of the header first, then of the body.
    ///
    /// # Errors
    /// [`SignError`]. After an error, every further call returns the same one.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), SignError> {
        let pushed = self.try_push(chunk);
        if let Err(error) = &pushed {
            self.stage = Stage::Failed(error.clone());
        }
        pushed
    }

    fn try_push(&mut self, chunk: &[u8]) -> Result<(), SignError> {
        let body = match &mut self.stage {
            Stage::Failed(error) => return Err(error.clone()),
            Stage::Body(_) => chunk,
            Stage::Header(splitter) => {
                let split = splitter.push(chunk);
                let body = if let Ok(Split::Body(_, body)) = &split { body.len() } else { 0 };
                let (front, body) = chunk.split_at_checked(chunk.len() - body).unwrap_or((chunk, &[]));
                self.check_line_ends(front)?;
                if let Split::Body(header, _) = split? {
                    self.stage = Stage::Body(Body::begin(&self.signers, header)?);
                }
                body
            }
        };
        // Line ends are looked at piece by piece, while a piece is in the cache anyway.
        for piece in pieces(body) {
            if !self.bare_line_ends {
                self.check_line_ends(piece)?;
            }
            if let Stage::Body(body) = &mut self.stage {
                body.push(piece);
            }
        }
        Ok(())
    }

    fn check_line_ends(&mut self, text: &[u8]) -> Result<(), SignError> {
        self.line_ends.push(text).map_or(Ok(()), |offset| Err(SignError::BareLineEnd(offset)))
    }

    /// Ends the message. Returns the fields to be signed, in the order of the signers.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn finish(self) -> Result<Vec<Unsigned>, SignError> {
        let Self { signers, now, stage, line_ends, .. } = self;
        let body = match (stage, line_ends.finish()) {
            (Stage::Failed(error), _) => return Err(error),
            (_, Some(offset)) => return Err(SignError::BareLineEnd(offset)),
            (Stage::Header(splitter), None) => Body::begin(&signers, splitter.finish()?)?,
            (Stage::Body(body), None) => body,
        };
        body.finish(&signers, now)
    }
}

impl Body {
    /// Checks the header and requests the body hashes: one hasher for each crypto provider.
    fn begin(signers: &[Signer], header: Header) -> Result<Self, SignError> {
        super::check_one_from(super::check_header(&header)?)?;
        let (mut hashers, mut numbers) = (Vec::<(&str, BodyHasher)>::new(), Vec::new());
        for signer in signers {
            signer.check(&header)?;
            let name = signer.settings.provider.name();
            let number = hashers.iter().position(|(known, _)| *known == name).unwrap_or(hashers.len());
            if number == hashers.len() {
                hashers.push((name, BodyHasher::new(signer.settings.provider)));
            }
            if let Some((_, hasher)) = hashers.get_mut(number) {
                hasher.want(signer.body_form());
            }
            numbers.push(number);
        }
        Ok(Self { header, hashers, numbers })
    }

    fn push(&mut self, chunk: &[u8]) {
        self.hashers.iter_mut().for_each(|(_, hasher)| hasher.push(chunk));
    }

    fn finish(self, signers: &[Signer], now: SystemTime) -> Result<Vec<Unsigned>, SignError> {
        let hashers: Vec<_> = self.hashers.into_iter().map(|(_, hasher)| hasher.finish()).collect();
        let template = Template::new(&self.header, now);
        let mut room = Room::beside(&self.header);
        let mut all = Vec::with_capacity(signers.len());
        for (signer, number) in signers.iter().zip(self.numbers) {
            let hashes = hashers.get(number).ok_or(SignError::NoBodyHash)?;
            let unsigned = template.unsigned(signer, signer.body_hash(hashes)?)?;
            room.take(unsigned.max_bytes())?;
            all.push(unsigned);
        }
        Ok(all)
    }
}
