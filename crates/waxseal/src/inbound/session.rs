//! A message that arrives in pieces.

use super::{Authenticator, Envelope, InboundCheck, Lookups, check::EnvelopeChecks, examined::Examined};
use std::time::SystemTime;
use waxseal_header::{Header, HeaderBuilder, HeaderError, Space, Split, Splitter};

/// The check of a message that is still arriving: owned, `Send`, and constant in memory but for the header.
///
/// The message comes as octets cut anywhere ([`Session::push`]), or the way a milter gets it, field by field
/// ([`Session::field`]) and then the body ([`Session::body`]). It needs no resolver: [`Session::lookups`] says what can be
/// looked up already, at any time, so that the answers are there when the body ends.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{Authenticator, Envelope, dns::drive_blocking, header::Space};
/// # use waxseal::dns::{Answer, Question};
/// # fn resolver(_: &Question) -> waxseal::dns::Reply { Ok(Answer::nxdomain()) }
/// let authenticator = Authenticator::new("mx.example.net");
/// let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
///
/// let mut session = authenticator.begin(&envelope, SystemTime::now());
/// session.field(b"From", b"joe@example.org", Space::Added)?;
/// session.field(b"Subject", b"lunch", Space::Added)?;
/// session.end_header();
/// // SPF, the keys and the DMARC record, looked up beside the body: in a thread here, in a task with `Lookups::resolve`.
/// let lookups = session.lookups();
/// let answers = std::thread::spawn(move || lookups.resolve_blocking(&resolver));
/// session.body(b"Hi.\r\n");
/// let check = session.finish().with_answers(answers.join().unwrap());
/// let report = drive_blocking(check, &resolver);
/// assert_eq!(report.dmarc().result().as_str(), "none");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Session {
    authenticator: Authenticator,
    envelope: Envelope,
    now: SystemTime,
    checks: EnvelopeChecks,
    stage: Stage,
    /// Octets of the message so far, while its header is not complete.
    octets: usize,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nothing has come.
    #[default]
    Start,
    /// Octets of the header.
    Octets(Splitter),
    /// Fields of the header.
    Fields(HeaderBuilder),
    /// The header cannot be taken; the body is of no use.
    Refused(HeaderError),
    /// The header is complete.
    Body(Box<Examined>),
}

/// A field that came after the header had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field behind octets of the message: hand over every field first, then the body")]
#[non_exhaustive]
pub struct HeaderEnded;

impl Session {
    pub(super) fn new(authenticator: Authenticator, envelope: Envelope, now: SystemTime) -> Self {
        let checks = EnvelopeChecks::new(&authenticator.settings, &envelope, now);
        Self { authenticator, envelope, now, checks, stage: Stage::Start, octets: 0 }
    }

    /// Takes the next octets of the message, cut anywhere: of the header first, then of the body. After
    /// [`Session::field`] they are body.
    pub fn push(&mut self, chunk: &[u8]) {
        if let Stage::Start = self.stage {
            self.stage = Stage::Octets(Splitter::new(self.authenticator.settings.header_limits));
        }
        let Stage::Octets(splitter) = &mut self.stage else { return self.body(chunk) };
        self.octets += chunk.len();
        match splitter.push(chunk) {
            Ok(Split::Header) => {}
            Ok(Split::Body(header, body)) => {
                let separator = self.octets - header.as_bytes().len() - body.len();
                let mut examined = self.examined(header);
                if separator == 1 {
                    examined.bare_separator();
                }
                self.stage = Stage::Body(examined);
                self.body(body);
            }
            Err(error) => self.stage = Stage::Refused(error),
        }
    }

    /// Takes a field of the header, from the top down. One over a limit, or one that is none, makes a header that cannot be
    /// taken, and the verdicts say so.
    ///
    /// # Errors
    /// [`HeaderEnded`].
    pub fn field(&mut self, name: &[u8], value: &[u8], space: Space) -> Result<(), HeaderEnded> {
        if let Stage::Start = self.stage {
            self.stage = Stage::Fields(HeaderBuilder::new(self.authenticator.settings.header_limits));
        }
        match &mut self.stage {
            Stage::Fields(builder) => {
                if let Err(error) = builder.push(name, value, space) {
                    self.stage = Stage::Refused(error);
                }
                Ok(())
            }
            Stage::Refused(_) => Ok(()),
            Stage::Start | Stage::Octets(_) | Stage::Body(_) => Err(HeaderEnded),
        }
    }

    /// Ends a header that came field by field, so that [`Session::lookups`] knows all of it before any of the body comes.
    pub fn end_header(&mut self) {
        let stage = std::mem::take(&mut self.stage);
        self.stage = match self.ended(stage) {
            Ok(examined) => Stage::Body(examined),
            Err(error) => Stage::Refused(error),
        };
    }

    /// Whether the header is complete: then [`Session::lookups`] knows all of it. Also true of a header that cannot be taken.
    pub fn has_header(&self) -> bool {
        matches!(self.stage, Stage::Body(_) | Stage::Refused(_))
    }

    /// Takes the next octets of the body. Ends the header if that has not been done.
    pub fn body(&mut self, chunk: &[u8]) {
        if matches!(self.stage, Stage::Start | Stage::Octets(_) | Stage::Fields(_)) {
            self.end_header();
        }
        if let Stage::Body(examined) = &mut self.stage {
            examined.body(chunk);
        }
    }

    /// What can be looked up already: at first what the envelope needs, after the header the keys and the DMARC record too.
    /// It is owned, so that a task or a thread can see to it while the body arrives.
    pub fn lookups(&self) -> Lookups {
        let header = match &self.stage {
            Stage::Body(examined) => Some(&**examined),
            _ => None,
        };
        Lookups::new(&self.checks, header, self.authenticator.settings.timeout)
    }

    /// Ends the message. What is left is a check that asks for what is not known yet.
    pub fn finish(mut self) -> InboundCheck {
        let stage = std::mem::take(&mut self.stage);
        let examined = self.ended(stage);
        let Self { authenticator, envelope, now, checks, .. } = self;
        match examined {
            Ok(examined) => examined.finish(envelope, now, checks),
            Err(error) => InboundCheck::refused(authenticator, envelope, now, checks, error),
        }
    }

    fn ended(&self, stage: Stage) -> Result<Box<Examined>, HeaderError> {
        match stage {
            Stage::Start => Ok(self.examined(Header::default())),
            Stage::Octets(splitter) => Ok(self.examined(splitter.finish()?)),
            Stage::Fields(builder) => Ok(self.examined(builder.finish())),
            Stage::Refused(error) => Err(error),
            Stage::Body(examined) => Ok(examined),
        }
    }

    fn examined(&self, header: Header) -> Box<Examined> {
        Box::new(Examined::new(&self.authenticator, header, self.now))
    }
}
