//! One message, whole or in chunks.

use super::trace::{Beginning, Origin, Told};
use crate::input::{Chunks, LineEnds};
use std::{
    io::{self, Read},
    thread,
};
use waxseal::{
    Authenticator, InboundCheck, Report, Session,
    dns::{ResolveBlocking, drive_blocking},
    header::{Header, HeaderError, HeaderLimits, Split, Splitter},
};

/// What all messages share.
#[derive(Debug)]
pub(super) struct Judge {
    pub(super) authenticator: Authenticator,
    pub(super) origin: Origin,
    pub(super) line_ends: LineEnds,
}

impl Judge {
    /// Checks a message in chunks; DNS is queried while the body arrives.
    pub(super) fn check<R: Read>(
        &self,
        chunks: &mut Chunks<R>,
        dns: &(impl ResolveBlocking + Sync),
    ) -> io::Result<(Report, Told)> {
        let (mut session, told) = self.begin(chunks)?;
        let lookups = session.lookups();
        let answers = thread::scope(|scope| {
            // Without a thread, DNS is queried after the body.
            let ask = move || lookups.resolve_blocking(dns);
            let asking = thread::Builder::new().spawn_scoped(scope, ask).ok();
            while let Some(chunk) = chunks.next_chunk()? {
                session.push(chunk);
            }
            io::Result::Ok(asking.and_then(|asking| asking.join().ok()).unwrap_or_default())
        })?;
        Ok((drive_blocking(session.finish().with_answers(answers), dns), told))
    }

    /// Reads a message in chunks, and returns the check that queries DNS.
    pub(super) fn receive<R: Read>(&self, chunks: &mut Chunks<R>) -> io::Result<(InboundCheck, Told)> {
        let (mut session, told) = self.begin(chunks)?;
        while let Some(chunk) = chunks.next_chunk()? {
            session.push(chunk);
        }
        Ok((session.finish(), told))
    }

    /// Takes a whole message.
    pub(super) fn take(&self, message: Vec<u8>) -> (InboundCheck, Told) {
        let message = self.line_ends.apply(message);
        let beginning = self.origin.given().unwrap_or_else(|| {
            let header = Header::parse(&message).map(|(header, _)| header);
            self.origin.of_header(header.as_ref())
        });
        let Beginning { envelope, now, told } = beginning;
        (self.authenticator.inbound(&envelope, &message, now), told)
    }

    /// Reads the header, and the part of the body that was read with it.
    fn begin<R: Read>(&self, chunks: &mut Chunks<R>) -> io::Result<(Session, Told)> {
        let mut read = Vec::new();
        let beginning = match self.origin.given() {
            Some(beginning) => beginning,
            None => {
                let header = read_header(chunks, &mut read)?;
                self.origin.of_header(header.as_ref())
            }
        };
        let Beginning { envelope, now, told } = beginning;
        let mut session = self.authenticator.begin(&envelope, now);
        session.push(&read);
        while session.header().is_none() {
            match chunks.next_chunk()? {
                Some(chunk) => session.push(chunk),
                None => session.end_header(),
            }
        }
        Ok((session, told))
    }
}

/// Reads up to the end of the header. All bytes read are in `read`: the header, and at most one chunk more.
fn read_header<R: Read>(
    chunks: &mut Chunks<R>,
    read: &mut Vec<u8>,
) -> io::Result<Result<Header, HeaderError>> {
    let mut splitter = Splitter::new(HeaderLimits::default());
    while let Some(chunk) = chunks.next_chunk()? {
        read.extend_from_slice(chunk);
        match splitter.push(chunk) {
            Ok(Split::Header) => {}
            Ok(Split::Body(header, _)) => return Ok(Ok(header)),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(splitter.finish())
}
