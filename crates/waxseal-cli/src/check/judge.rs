//! One message, whole or in chunks.

use super::envelope::{EnvelopeSource, from_header};
use crate::{
    input::{Chunks, LineEnds},
    time::time,
};
use std::{
    io::{self, Read},
    thread,
    time::SystemTime,
};
use waxseal::{
    Authenticator, Envelope, InboundCheck, Report, Session,
    dns::{ResolveBlocking, drive_blocking},
    header::{Header, HeaderLimits, Split, Splitter},
};

/// What all messages share.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) authenticator: Authenticator,
    pub(super) envelope: EnvelopeSource,
    /// `--now`
    pub(super) now: Option<SystemTime>,
    pub(super) line_ends: LineEnds,
}

impl Judge {
    /// Checks what comes in chunks; DNS is asked while the body arrives.
    pub(super) fn check<R: Read>(
        &self,
        chunks: &mut Chunks<R>,
        dns: &(impl ResolveBlocking + Sync),
    ) -> io::Result<Report> {
        let mut session = self.begin(chunks)?;
        let lookups = session.lookups();
        let answers = thread::scope(|scope| {
            // Without a thread all is asked after the body.
            let ask = move || lookups.resolve_blocking(dns);
            let asking = thread::Builder::new().spawn_scoped(scope, ask).ok();
            while let Some(chunk) = chunks.next_chunk()? {
                session.push(chunk);
            }
            io::Result::Ok(asking.and_then(|asking| asking.join().ok()).unwrap_or_default())
        })?;
        Ok(drive_blocking(session.finish().with_answers(answers), dns))
    }

    /// Takes what comes in chunks; what is left is to ask DNS.
    pub(super) fn receive<R: Read>(&self, chunks: &mut Chunks<R>) -> io::Result<InboundCheck> {
        let mut session = self.begin(chunks)?;
        while let Some(chunk) = chunks.next_chunk()? {
            session.push(chunk);
        }
        Ok(session.finish())
    }

    /// Takes a whole message.
    pub(super) fn take(&self, message: Vec<u8>) -> InboundCheck {
        let message = self.line_ends.apply(message);
        let envelope = match &self.envelope {
            EnvelopeSource::Given(envelope) => envelope.clone(),
            EnvelopeSource::Header => Header::parse(&message)
                .map_or_else(|_| Envelope::unknown(), |(header, _)| from_header(&header)),
        };
        self.authenticator.inbound(&envelope, &message, self.time())
    }

    fn time(&self) -> SystemTime {
        time(self.now)
    }

    /// Reads the header, and what of the body came along.
    fn begin<R: Read>(&self, chunks: &mut Chunks<R>) -> io::Result<Session> {
        let mut session = match &self.envelope {
            EnvelopeSource::Given(envelope) => self.authenticator.begin(envelope, self.time()),
            EnvelopeSource::Header => {
                let (read, envelope) = read_envelope(chunks)?;
                let mut session = self.authenticator.begin(&envelope, self.time());
                session.push(&read);
                session
            }
        };
        while !session.has_header() {
            match chunks.next_chunk()? {
                Some(chunk) => session.push(chunk),
                None => session.end_header(),
            }
        }
        Ok(session)
    }
}

/// The octets up to the end of the header, and a chunk more at the most, and the envelope that the header tells of.
fn read_envelope<R: Read>(chunks: &mut Chunks<R>) -> io::Result<(Vec<u8>, Envelope)> {
    let mut read = Vec::new();
    let mut splitter = Splitter::new(HeaderLimits::default());
    while let Some(chunk) = chunks.next_chunk()? {
        read.extend_from_slice(chunk);
        match splitter.push(chunk) {
            Ok(Split::Header) => {}
            Ok(Split::Body(header, _)) => return Ok((read, from_header(&header))),
            Err(_) => return Ok((read, Envelope::unknown())),
        }
    }
    let envelope = splitter.finish().map_or_else(|_| Envelope::unknown(), |header| from_header(&header));
    Ok((read, envelope))
}
