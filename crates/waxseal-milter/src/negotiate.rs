//! The negotiation at the start of a connection.

use crate::{
    flags::{Actions, Steps},
    macros::Stage,
    packet,
};

/// The version of the protocol that this crate speaks; older mail servers are answered with theirs, down to 2.
pub const VERSION: u32 = 6;

/// What a filter requests from the mail servers that connect to it.
///
/// ```
/// use waxseal_milter::{Actions, Settings, Stage, Steps};
///
/// let settings = Settings::new()
///     .with_actions(Actions::ADD_HEADERS | Actions::CHANGE_HEADERS)
///     .with_steps(Steps::NO_UNKNOWN | Steps::NO_DATA | Steps::LEADING_SPACE | Steps::NO_REPLY_HEADER)
///     .with_macros(Stage::Mail, ["i", "{auth_authen}"]);
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Settings {
    actions: Actions,
    steps: Steps,
    macros: Vec<(Stage, String)>,
    max_packet: usize,
}

impl Settings {
    /// Requests no action and skips no step; packets have at most 1 MiB.
    pub fn new() -> Self {
        Self { actions: Actions::NONE, steps: Steps::NONE, macros: Vec::new(), max_packet: 1 << 20 }
    }

    /// Requests actions. A mail server that does not offer all of them is refused with
    /// [`ProtocolError::NotOffered`](crate::ProtocolError::NotOffered).
    pub fn with_actions(self, actions: Actions) -> Self {
        Self { actions, ..self }
    }

    /// Requests that steps are skipped, or get no reply; those that are not offered are reported and replied to as
    /// usual.
    ///
    /// At a step without a reply, the filter cannot reject. With [`CHUNKS_OF_1_MIB`](Steps::CHUNKS_OF_1_MIB) and
    /// [`CHUNKS_OF_256_KIB`](Steps::CHUNKS_OF_256_KIB) the larger is used.
    pub fn with_steps(self, steps: Steps) -> Self {
        Self { steps, ..self }
    }

    /// Names the macros to be sent at a stage, `i` or `{client_addr}` as in the documents of the mail server. A mail
    /// server that offers [`SET_MACROS`](Actions::SET_MACROS) then sends these, whatever its own settings; others send
    /// those of their settings.
    ///
    /// Names with a blank or a control character are left out.
    pub fn with_macros<'n>(mut self, stage: Stage, names: impl IntoIterator<Item = &'n str>) -> Self {
        let names =
            names.into_iter().filter(|name| name.bytes().all(|c| c.is_ascii_graphic()) && !name.is_empty());
        self.macros.push((stage, names.collect::<Vec<_>>().join(" ")));
        self
    }

    /// Limits a packet to this many bytes after its length, including the command byte; default 1 MiB, at least 64 KiB.
    ///
    /// Postfix sends a header field in one packet, so this has to be more than its `header_size_limit` (default 102,400).
    pub fn with_max_packet(self, bytes: usize) -> Self {
        Self { max_packet: bytes.max(1 << 16), ..self }
    }

    pub(crate) fn max_packet(&self) -> usize {
        self.max_packet
    }

    /// What is taken of an offer, and the packet that says so.
    pub(crate) fn answer(
        &self,
        version: u32,
        actions: u32,
        steps: u32,
        out: &mut Vec<u8>,
    ) -> Result<Negotiated, Refusal> {
        if version < 2 {
            return Err(Refusal::Version(version));
        }
        let (offered_actions, offered_steps) = (Actions::from_bits(actions), Steps::from_bits(steps));
        let missing = self.actions.without(offered_actions);
        if missing != Actions::NONE {
            return Err(Refusal::Actions(missing));
        }
        let sets_macros = !self.macros.is_empty() && offered_actions.contains(Actions::SET_MACROS);
        let actions = if sets_macros { self.actions | Actions::SET_MACROS } else { self.actions };
        let negotiated = Negotiated {
            version: version.min(VERSION),
            actions,
            steps: one_size(self.steps & offered_steps),
        };
        let mut data = Vec::new();
        for number in [negotiated.version, negotiated.actions.bits(), negotiated.steps.bits()] {
            data.extend_from_slice(&number.to_be_bytes());
        }
        if sets_macros {
            for (stage, names) in &self.macros {
                data.extend_from_slice(&stage.number().to_be_bytes());
                data.extend_from_slice(names.as_bytes());
                data.push(0);
            }
        }
        packet::write(out, b'O', &[&data]);
        Ok(negotiated)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new()
    }
}

/// Why a mail server is refused.
pub(crate) enum Refusal {
    Version(u32),
    Actions(Actions),
}

/// One size of chunks is answered, the larger.
fn one_size(steps: Steps) -> Steps {
    if steps.contains(Steps::CHUNKS_OF_1_MIB) { steps.without(Steps::CHUNKS_OF_256_KIB) } else { steps }
}

/// The result of the negotiation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Negotiated {
    version: u32,
    actions: Actions,
    steps: Steps,
}

impl Negotiated {
    /// Returns the version of the protocol, 2 to 6.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Returns what the filter may do.
    pub fn actions(&self) -> Actions {
        self.actions
    }

    /// Returns the steps that are left out or get no reply.
    pub fn steps(&self) -> Steps {
        self.steps
    }

    /// Returns whether values of header fields have the space after the colon, if there is one
    /// ([`Steps::LEADING_SPACE`]). Without it, the mail server removed one space, which *simple* canonicalization
    /// needs: it has to be guessed.
    pub fn keeps_leading_space(&self) -> bool {
        self.steps.contains(Steps::LEADING_SPACE)
    }

    /// The largest chunk of a body, in bytes.
    pub(crate) fn max_chunk(&self) -> usize {
        if self.steps.contains(Steps::CHUNKS_OF_1_MIB) {
            (1 << 20) - 1
        } else if self.steps.contains(Steps::CHUNKS_OF_256_KIB) {
            (1 << 18) - 1
        } else {
            (1 << 16) - 1
        }
    }
}
