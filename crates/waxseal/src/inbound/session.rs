//! A message that arrives in pieces.

use super::{
    Envelope, InboundCheck, IprevVerdict, Lookups,
    incoming::Incoming,
    methods::{EnvelopeMethods, Keys, Memo, Methods},
    settings::Settings,
};
use std::{sync::Arc, time::SystemTime};
use waxseal_arc::Sealer;
use waxseal_header::{Header, HeaderBuilder, HeaderError, Space, Split, Splitter};
use waxseal_spf::Identity;

/// The check of a message that is still arriving: owned, `Send`, and constant in memory except for the header.
///
/// The message is passed as chunks of bytes ([`Session::push`]), or as a milter receives it, field by field
/// ([`Session::field`]) and then the body ([`Session::body`]). It needs no resolver: at any time, [`Session::lookups`]
/// returns the lookups that can be made already, so that the answers are known when the body ends.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{Authenticator, Envelope, dns::drive_blocking, header::Space};
/// # use waxseal::dns::{Answer, Question};
/// # fn resolver(_: &Question) -> waxseal::dns::Reply { Ok(Answer::nxdomain()) }
/// let authenticator = Authenticator::new("mx.example.net")?;
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
#[doc(alias = "milter")]
pub struct Session {
    settings: Arc<Settings>,
    envelope: Envelope,
    now: SystemTime,
    methods: EnvelopeMethods,
    stage: Stage,
    /// The sealer of the message, if it is forwarded.
    sealer: Option<Sealer>,
    /// Bytes of the message so far, while its header is not complete.
    bytes: usize,
}

#[derive(Debug, Default)]
enum Stage {
    /// Nothing has arrived.
    #[default]
    Start,
    /// Bytes of the header.
    Bytes(Splitter),
    /// Fields of the header.
    Fields(HeaderBuilder),
    /// The header was refused; the body is not used.
    Refused(HeaderError),
    /// The header is complete.
    Body(Box<Incoming>),
}

/// A field was passed after the header had ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a field behind the end of the header: hand over every field first, then the body")]
#[non_exhaustive]
pub struct HeaderEnded;

impl Session {
    pub(super) fn new(settings: Arc<Settings>, envelope: Envelope, now: SystemTime) -> Self {
        let methods = EnvelopeMethods::new(&settings, &envelope, now);
        let sealer = settings.sealer.clone();
        Self { settings, envelope, now, methods, stage: Stage::Start, sealer, bytes: 0 }
    }

    /// A session whose header is complete.
    pub(super) fn with_header(mut self, header: Header) -> Self {
        self.stage = Stage::Body(self.incoming(header));
        self
    }

    /// An SPF verdict that was reached before the message arrived, as at MAIL FROM: it replaces the check of that
    /// identity. To keep evidence, pass its answers to [`InboundCheck::with_answers`]. The guide page
    /// [`mta`](crate::guide::mta) has an example.
    #[must_use]
    pub fn with_spf(mut self, verdict: waxseal_spf::Verdict) -> Self {
        match verdict.identity() {
            Identity::MailFrom => (self.methods.spf, self.methods.spf_checked) = (Memo::done(verdict), true),
            Identity::Helo => self.methods.helo = Some(Memo::done(verdict)),
        }
        self
    }

    /// A verdict of reverse DNS that was reached before the message arrived, as on connection.
    #[must_use]
    pub fn with_iprev(mut self, verdict: IprevVerdict) -> Self {
        self.methods.iprev = Some(Memo::done(verdict));
        self
    }

    /// Seals this message with another sealer than that of
    /// [`Authenticator::with_sealer`](super::Authenticator::with_sealer), for example by its recipient or list: see
    /// [`Report::seal`](super::Report::seal). Call it before the body begins, since the body has to be hashed for it;
    /// after that, the message gets no sealer. The authenticator needs [`Method::Arc`](super::Method::Arc).
    #[must_use]
    pub fn with_sealer(mut self, sealer: Sealer) -> Self {
        self.sealer = match &mut self.stage {
            Stage::Body(message) => message.seal_with(&sealer).then_some(sealer),
            _ => Some(sealer),
        };
        self
    }

    /// Takes the next chunk of the message, of any size: the header first, then the body. After [`Session::field`],
    /// chunks are body.
    pub fn push(&mut self, chunk: &[u8]) {
        if let Stage::Start = self.stage {
            self.stage = Stage::Bytes(Splitter::new(self.settings.header_limits));
        }
        let Stage::Bytes(splitter) = &mut self.stage else { return self.body(chunk) };
        self.bytes += chunk.len();
        match splitter.push(chunk) {
            Ok(Split::Header) => {}
            Ok(Split::Body(header, body)) => {
                let separator = self.bytes - header.as_bytes().len() - body.len();
                let mut message = self.incoming(header);
                if separator == 1 {
                    message.bare_separator();
                }
                self.stage = Stage::Body(message);
                self.body(body);
            }
            Err(error) => self.stage = Stage::Refused(error),
        }
    }

    /// Takes a field of the header, from the top down. If it exceeds a limit or is malformed, the header is refused,
    /// and the verdicts report it.
    ///
    /// # Errors
    /// [`HeaderEnded`].
    pub fn field(&mut self, name: &[u8], value: &[u8], space: Space) -> Result<(), HeaderEnded> {
        if let Stage::Start = self.stage {
            self.stage = Stage::Fields(HeaderBuilder::new(self.settings.header_limits));
        }
        match &mut self.stage {
            Stage::Fields(builder) => {
                if let Err(error) = builder.push(name, value, space) {
                    self.stage = Stage::Refused(error);
                }
                Ok(())
            }
            Stage::Refused(_) => Ok(()),
            Stage::Start | Stage::Bytes(_) | Stage::Body(_) => Err(HeaderEnded),
        }
    }

    /// Ends a header that was passed field by field, so that [`Session::lookups`] knows all of it before the body
    /// begins.
    pub fn end_header(&mut self) {
        let stage = std::mem::take(&mut self.stage);
        self.stage = match self.ended(stage) {
            Ok(message) => Stage::Body(message),
            Err(error) => Stage::Refused(error),
        };
    }

    /// The header, once it is complete; `None` before. A filter can decide by it, and it is cheap to clone, so that a
    /// message that turns out to be from one of your users can be signed instead
    /// ([`OutboundSigner::begin`](crate::OutboundSigner::begin)). It may be forged like any other header.
    ///
    /// ```
    /// # use std::time::SystemTime;
    /// # use waxseal::{Authenticator, Envelope};
    /// # let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "joe@example.org");
    /// let mut session = Authenticator::new("mx.example.net")?.begin(&envelope, SystemTime::now());
    /// assert!(session.header().is_none());
    /// session.push(b"From: joe@example.org\r\nMessage-ID: <1@example.org>\r\n\r\nHi.\r\n");
    /// let header = session.header().ok_or("not complete")?.map_err(Clone::clone)?;
    /// let id = header.fields().find(|field| field.is("Message-ID")).ok_or("none")?;
    /// assert_eq!(id.value(), b" <1@example.org>");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn header(&self) -> Option<Result<&Header, &HeaderError>> {
        match &self.stage {
            Stage::Body(message) => Some(Ok(message.header())),
            Stage::Refused(error) => Some(Err(error)),
            Stage::Start | Stage::Bytes(_) | Stage::Fields(_) => None,
        }
    }

    /// Takes the next chunk of the body. Ends the header if needed.
    pub fn body(&mut self, chunk: &[u8]) {
        if matches!(self.stage, Stage::Start | Stage::Bytes(_) | Stage::Fields(_)) {
            self.end_header();
        }
        if let Stage::Body(message) = &mut self.stage {
            message.body(chunk);
        }
    }

    /// The lookups that can be made already: first those of the envelope, after the header also the keys and the DMARC
    /// record. It is owned, so that a task or a thread can drive it while the body arrives.
    pub fn lookups(&self) -> Lookups {
        let (keys, author) = match &self.stage {
            Stage::Body(message) => (message.keys(), Some(message.author.clone())),
            _ => (Keys(Vec::new()), None),
        };
        Lookups::new(self.settings.clone(), Methods::new(self.methods.clone(), keys), author)
    }

    /// Ends the message, and returns a check that looks up what is not known yet.
    pub fn finish(mut self) -> InboundCheck {
        let stage = std::mem::take(&mut self.stage);
        let message = self.ended(stage);
        let Self { settings, envelope, now, methods, sealer, .. } = self;
        match message {
            Ok(message) => {
                InboundCheck::ended(settings, methods, (envelope, now), *message).with_sealer(sealer)
            }
            Err(error) => InboundCheck::refused(settings, methods, (envelope, now), error),
        }
    }

    fn ended(&self, stage: Stage) -> Result<Box<Incoming>, HeaderError> {
        match stage {
            Stage::Start => Ok(self.incoming(Header::default())),
            Stage::Bytes(splitter) => Ok(self.incoming(splitter.finish()?)),
            Stage::Fields(builder) => Ok(self.incoming(builder.finish())),
            Stage::Refused(error) => Err(error),
            Stage::Body(message) => Ok(message),
        }
    }

    fn incoming(&self, header: Header) -> Box<Incoming> {
        Box::new(Incoming::new(&self.settings, self.sealer.as_ref(), header, self.now))
    }
}
