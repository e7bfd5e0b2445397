//! The envelope and the time of a check: given, or read from the trace fields of each message.

use crate::{exit::chain, time::parse_now};
use std::time::SystemTime;
use waxseal::{
    Arrival, Envelope, NoEnvelope, Relays,
    header::{Header, HeaderError},
};

/// The time of the check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Now {
    /// This time.
    At(SystemTime),
    /// That of the clock.
    Clock,
    /// When the message arrived, as its Received says.
    Received,
}

impl Now {
    /// The value of `--now` of a check.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "clock" => Ok(Self::Clock),
            "received" => Ok(Self::Received),
            _ => {
                let time = parse_now(text);
                time.map(Self::At)
                    .map_err(|error| format!("{error}; give seconds, or one of: received, clock"))
            }
        }
    }

    fn without_message(self) -> SystemTime {
        if let Self::At(time) = self { time } else { SystemTime::now() }
    }
}

/// Where the envelope of each message comes from.
#[derive(Debug, Clone)]
pub(super) enum EnvelopeSource {
    Given(Envelope),
    Header(Relays),
}

/// What was read from the trace fields of a message, as far as it was needed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told {
    /// Why they give no envelope.
    pub(crate) no_envelope: Option<String>,
    /// The time of arrival, or why there is none.
    pub(crate) time: Option<Result<SystemTime, String>>,
}

/// The input of a check.
pub(super) struct Beginning {
    pub(super) envelope: Envelope,
    pub(super) now: SystemTime,
    pub(super) told: Told,
}

/// What all messages share.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) envelope: EnvelopeSource,
    pub(super) now: Now,
}

impl Origin {
    /// Where no header is needed.
    pub(super) fn given(&self) -> Option<Beginning> {
        match &self.envelope {
            EnvelopeSource::Given(envelope) if self.now != Now::Received => {
                let (envelope, now) = (envelope.clone(), self.now.without_message());
                Some(Beginning { envelope, now, told: Told::default() })
            }
            _ => None,
        }
    }

    pub(super) fn of_header(&self, header: Result<&Header, &HeaderError>) -> Beginning {
        let no_relays = Relays::default();
        let relays = match &self.envelope {
            EnvelopeSource::Given(_) => &no_relays,
            EnvelopeSource::Header(relays) => relays,
        };
        let arrival = header.map(|header| Arrival::from_header(header, relays));
        let arrival = arrival.map_err(|error| format!("the header cannot be read: {}", chain(error)));
        let mut told = Told::default();
        let envelope = match &self.envelope {
            EnvelopeSource::Given(envelope) => envelope.clone(),
            EnvelopeSource::Header(_) => {
                let envelope = arrival.as_ref().map_err(Clone::clone);
                envelope
                    .and_then(|arrival| arrival.envelope().cloned().map_err(|why| no_envelope(&why)))
                    .unwrap_or_else(|why| {
                        told.no_envelope = Some(why.clone());
                        Envelope::missing_because(why)
                    })
            }
        };
        let mut now = self.now.without_message();
        if self.now == Now::Received {
            let time = arrival.and_then(|arrival| arrival.time().map_err(|error| chain(&error)));
            now = time.as_ref().copied().unwrap_or(now);
            told.time = Some(time);
        }
        Beginning { envelope, now, told }
    }
}

fn no_envelope(why: &NoEnvelope) -> String {
    let text = chain(why);
    match why.private_address() {
        Some(_) => text + " (--relay private skips your own relays)",
        None if why.is_authenticated() => text + ", so SPF does not apply to it",
        None => text,
    }
}
