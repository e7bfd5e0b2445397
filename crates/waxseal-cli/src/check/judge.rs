//! One message, whole or in chunks.

use super::envelope::{EnvelopeSource, Missing, from_header};
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
    ) -> io::Result<(Report, Missing)> {
        let (mut session, missing) = self.begin(chunks)?;
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
        Ok((drive_blocking(session.finish().with_answers(answers), dns), missing))
    }

    /// Takes what comes in chunks; what is left is to ask DNS.
    pub(super) fn receive<R: Read>(&self, chunks: &mut Chunks<R>) -> io::Result<(InboundCheck, Missing)> {
        let (mut session, missing) = self.begin(chunks)?;
        while let Some(chunk) = chunks.next_chunk()? {
            session.push(chunk);
        }
        Ok((session.finish(), missing))
    }

    /// Takes a whole message.
    pub(super) fn take(&self, message: Vec<u8>) -> (InboundCheck, Missing) {
        let message = self.line_ends.apply(message);
        let (envelope, missing) = match &self.envelope {
            EnvelopeSource::Given(envelope) => (envelope.clone(), None),
            EnvelopeSource::Header => from_header(&Header::parse(&message).map(|(header, _)| header)),
        };
        (self.authenticator.inbound(&envelope, &message, self.time()), missing)
    }

    fn time(&self) -> SystemTime {
        time(self.now)
    }

    /// Reads the header, and what of the body came along.
    fn begin<R: Read>(&self, chunks: &mut Chunks<R>) -> io::Result<(Session, Missing)> {
        let (mut session, missing) = match &self.envelope {
            EnvelopeSource::Given(envelope) => (self.authenticator.begin(envelope, self.time()), None),
            EnvelopeSource::Header => {
                let (read, (envelope, missing)) = read_envelope(chunks)?;
                let mut session = self.authenticator.begin(&envelope, self.time());
                session.push(&read);
                (session, missing)
            }
        };
        while !session.has_header() {
            match chunks.next_chunk()? {
                Some(chunk) => session.push(chunk),
                None => session.end_header(),
            }
        }
        Ok((session, missing))
    }
}

/// The octets up to the end of the header, and a chunk more at the most, and the envelope that the header tells of.
fn read_envelope<R: Read>(chunks: &mut Chunks<R>) -> io::Result<(Vec<u8>, (Envelope, Missing))> {
    let mut read = Vec::new();
    let mut splitter = Splitter::new(HeaderLimits::default());
    while let Some(chunk) = chunks.next_chunk()? {
        read.extend_from_slice(chunk);
        match splitter.push(chunk) {
            Ok(Split::Header) => {}
            Ok(Split::Body(header, _)) => return Ok((read, from_header(&Ok(header)))),
            Err(error) => return Ok((read, from_header(&Err(error)))),
        }
    }
    Ok((read, from_header(&splitter.finish())))
}
