//! One connection from a mail server: bytes in, events out, replies in, bytes out.

use crate::{
    command::{self, Command, Connect, HeaderField, InvalidCommand, Path},
    flags::{Actions, Steps},
    macros::Macros,
    modification::Modification,
    negotiate::{Negotiated, Refusal, Settings},
    packet::{self, InvalidLength, Packets},
    reply::Reply,
};
use bytes::Bytes;

/// What the mail server reports, in the order of an SMTP session.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The result of the negotiation; the first event of a connection. The connection has answered already.
    Negotiated(Negotiated),
    /// A client connected.
    Connect(Connect),
    /// HELO or EHLO, with the name that the client gave. Any bytes but NUL.
    Helo(Bytes),
    /// MAIL: a message begins.
    Mail(Path),
    /// RCPT: a recipient.
    Rcpt(Path),
    /// DATA.
    Data,
    /// A header field.
    Header(HeaderField),
    /// The end of the header.
    EndOfHeader,
    /// The next bytes of the body, with CR LF at the ends of lines.
    Body(Bytes),
    /// The end of the message: now it can be changed, and the reply decides.
    EndOfMessage,
    /// An SMTP command that the mail server does not know.
    Unknown(Bytes),
    /// The message was aborted, for an unknown reason. Another one may follow.
    Abort,
    /// The client disconnected, and the next one is reported on the same connection. Macros are forgotten.
    NewConnection,
    /// The mail server ends the connection: close it.
    Quit,
}

/// The peer violates the protocol, or offers too little. The connection is unusable: close it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// An empty packet, or one that is too large; see [`Settings::with_max_packet`].
    #[error(transparent)]
    Length(#[from] InvalidLength),
    /// An unknown command, or data that cannot be read.
    #[error(transparent)]
    Command(#[from] InvalidCommand),
    /// A command at the wrong time.
    #[error("command {command} {when}")]
    Order {
        /// The command.
        command: &'static str,
        /// When it came.
        when: &'static str,
    },
    /// The mail server speaks a version of the protocol that is too old.
    #[error("version {0} of the milter protocol: 2 or later is needed (Postfix: milter_protocol)")]
    Version(u32),
    /// The mail server does not offer what [`Settings::with_actions`] asks for.
    #[error("the mail server does not offer {0}")]
    NotOffered(Actions),
}

/// A reply or change that the protocol does not allow here. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplyError {
    /// The last event gets no reply, or has it already.
    #[error("{reply}: no reply is due")]
    NotDue {
        /// The reply.
        reply: String,
    },
    /// The reply does not match this event.
    #[error("{reply}: not in reply to {event}")]
    NotAllowed {
        /// The reply.
        reply: String,
        /// The event.
        event: &'static str,
    },
    /// A change before the end of the message, or after the reply to it.
    #[error("a message can only be changed between its end and the reply to that")]
    NotAtEnd,
    /// A change that was not requested with [`Settings::with_actions`].
    #[error("{0} was not negotiated: request it with Settings::with_actions")]
    NotAgreed(Actions),
}

/// How far a session is; commands do not go back within a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Started,
    Session,
    Mail,
    Rcpt,
    Data,
    Header,
    EndOfHeader,
    Body,
}

/// The steps of which an event may await a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Connect,
    Helo,
    Mail,
    Rcpt,
    Data,
    Header,
    EndOfHeader,
    Body,
    EndOfMessage,
    Unknown,
}

/// The state of a connection.
///
/// The caller owns the socket, the clock and the threads. The rule: *receive, take events until there are none, send
/// the output*; after an event for which [`expects_reply`](Self::expects_reply) is true, call [`reply`](Self::reply)
/// before taking the next one.
///
/// ```
/// use waxseal_milter::{Actions, Connection, Event, Modification, Reply, Settings};
///
/// /// Adds a field to each message. Returns true at the end of the connection.
/// fn serve(connection: &mut Connection, received: &[u8]) -> Result<bool, Box<dyn std::error::Error>> {
///     connection.receive(received);
///     while let Some(event) = connection.next_event()? {
///         match event {
///             Event::EndOfMessage => {
///                 connection.modify(&Modification::add_header("X-Seen", " yes")?)?;
///                 connection.reply(&Reply::Accept)?;
///             }
///             Event::Quit => return Ok(true),
///             _ if connection.expects_reply() => connection.reply(&Reply::Continue)?,
///             _ => {}
///         }
///     }
///     Ok(false)
/// }
///
/// let mut connection = Connection::new(Settings::new().with_actions(Actions::ADD_HEADERS));
/// // Version 6; adds header fields, among others; no step can be left out.
/// serve(&mut connection, b"\0\0\0\x0DO\0\0\0\x06\0\0\0\x3F\0\0\0\0")?;
/// assert_eq!(connection.take_output(), b"\0\0\0\x0DO\0\0\0\x06\0\0\0\x01\0\0\0\0");
/// assert!(serve(&mut connection, b"\0\0\0\x01Q")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use]
pub struct Connection {
    settings: Settings,
    packets: Packets,
    output: Vec<u8>,
    negotiated: Option<Negotiated>,
    phase: Phase,
    macros: Macros,
    due: Option<Step>,
    /// The end of a message whose last chunk came in the same packet.
    ends: bool,
}

impl Connection {
    /// Starts a connection: the mail server begins.
    pub fn new(settings: Settings) -> Self {
        // Before the negotiation nothing larger than it is expected.
        let packets = Packets::new(1 << 16);
        Self {
            settings,
            packets,
            output: Vec::new(),
            negotiated: None,
            phase: Phase::Started,
            macros: Macros::default(),
            due: None,
            ends: false,
        }
    }

    /// Takes bytes from the mail server, in chunks of any size.
    ///
    /// They are kept until their packet is complete. Stop reading while a reply is due: an honest mail server waits for
    /// it, and any other would fill the memory.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.packets.push(bytes);
    }

    /// Returns the next event; `None` when more data is needed, or a reply is due.
    pub fn next_event(&mut self) -> Result<Option<Event>, ProtocolError> {
        if self.due.is_some() {
            return Ok(None);
        }
        if std::mem::take(&mut self.ends) {
            return Ok(Some(self.end_of_message()));
        }
        while let Some(packet) = self.packets.next()? {
            let name = command::name(packet.code).unwrap_or("unknown");
            let command = Command::parse(packet)?;
            self.check_order(&command, name)?;
            if let Some(event) = self.event(command)? {
                return Ok(Some(event));
            }
        }
        Ok(None)
    }

    /// Returns whether the last event awaits a reply.
    pub fn expects_reply(&self) -> bool {
        self.due.is_some()
    }

    /// Replies to the last event.
    pub fn reply(&mut self, reply: &Reply) -> Result<(), ReplyError> {
        let Some(step) = self.due else { return Err(ReplyError::NotDue { reply: reply.to_string() }) };
        if !self.allows(step, reply) {
            return Err(ReplyError::NotAllowed { reply: reply.to_string(), event: step.name() });
        }
        let (code, data) = reply.packet();
        packet::write(&mut self.output, code, &[&data]);
        self.due = None;
        if ends_message(step, reply) {
            self.end_message();
        }
        Ok(())
    }

    /// Changes the message whose end was reported, before the reply to that. Changes are sent in the order of the
    /// calls.
    pub fn modify(&mut self, modification: &Modification) -> Result<(), ReplyError> {
        let (Some(Step::EndOfMessage), Some(negotiated)) = (self.due, &self.negotiated) else {
            return Err(ReplyError::NotAtEnd);
        };
        let action = modification.action();
        if !negotiated.actions().contains(action) {
            return Err(ReplyError::NotAgreed(action));
        }
        modification.write(negotiated, &mut self.output);
        Ok(())
    }

    /// Tells the waiting mail server that the filter is still working, which restarts its time limit.
    pub fn progress(&mut self) -> Result<(), ReplyError> {
        if self.due.is_none() {
            return Err(ReplyError::NotDue { reply: "progress".to_owned() });
        }
        packet::write(&mut self.output, b'p', &[]);
        Ok(())
    }

    /// Takes the bytes to be sent.
    ///
    /// Send everything that belongs to a message in one write, as separate packets would wait for TCP acknowledgements.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.output)
    }

    /// Returns the latest value of a macro, by its name with or without braces. Any bytes but NUL.
    ///
    /// `i` (queue id), `j` (host), `{client_addr}`, `{auth_authen}`: see `MILTER_README` of Postfix. Macros of a
    /// message are forgotten at its end, those of a connection at the end of that.
    pub fn macro_value(&self, name: &str) -> Option<&[u8]> {
        self.macros.get(name)
    }

    /// Returns the result of the negotiation; `None` before.
    pub fn negotiated(&self) -> Option<&Negotiated> {
        self.negotiated.as_ref()
    }

    /// The event that a command is, if it is one, and what it does to the state.
    fn event(&mut self, command: Command) -> Result<Option<Event>, ProtocolError> {
        let (event, step, phase) = match command {
            Command::Negotiate { version, actions, steps } => {
                return self.negotiate(version, actions, steps).map(Some);
            }
            Command::Macros { stage, pairs } => {
                self.macros.set(stage, pairs);
                return Ok(None);
            }
            Command::OtherMacros => return Ok(None),
            Command::EndOfMessage(chunk) if chunk.is_empty() => return Ok(Some(self.end_of_message())),
            Command::EndOfMessage(chunk) => {
                self.ends = true;
                return Ok(Some(Event::Body(chunk)));
            }
            Command::Abort => {
                self.end_message();
                return Ok(Some(Event::Abort));
            }
            Command::QuitNewConnection => {
                self.end_message();
                self.macros.clear();
                return Ok(Some(Event::NewConnection));
            }
            Command::Quit => return Ok(Some(Event::Quit)),
            Command::Unknown(text) => (Event::Unknown(text), Step::Unknown, self.phase),
            Command::Connect(connect) => (Event::Connect(connect), Step::Connect, Phase::Session),
            Command::Helo(name) => (Event::Helo(name), Step::Helo, Phase::Session),
            Command::Mail(path) => (Event::Mail(path), Step::Mail, Phase::Mail),
            Command::Rcpt(path) => (Event::Rcpt(path), Step::Rcpt, Phase::Rcpt),
            Command::Data => (Event::Data, Step::Data, Phase::Data),
            Command::Header(field) => (Event::Header(field), Step::Header, Phase::Header),
            Command::EndOfHeader => (Event::EndOfHeader, Step::EndOfHeader, Phase::EndOfHeader),
            Command::Body(chunk) => (Event::Body(chunk), Step::Body, Phase::Body),
        };
        self.phase = phase;
        let agreed = self.negotiated.map_or(Steps::NONE, |negotiated| negotiated.steps());
        let is_silent = step.without_reply().is_some_and(|flag| agreed.contains(flag));
        self.due = (!is_silent).then_some(step);
        Ok(Some(event))
    }

    fn check_order(&self, command: &Command, name: &'static str) -> Result<(), ProtocolError> {
        let invalid = |when| Err(ProtocolError::Order { command: name, when });
        let latest = match command {
            Command::Negotiate { .. } if self.negotiated.is_some() => return invalid("twice"),
            Command::Negotiate { .. } | Command::Quit => return Ok(()),
            _ if self.negotiated.is_none() => return invalid("before the negotiation"),
            Command::Connect(_) | Command::Helo(_) | Command::Mail(_) => Phase::Session,
            Command::Rcpt(_) | Command::Data => Phase::Rcpt,
            Command::Header(_) | Command::EndOfHeader => Phase::Header,
            _ => Phase::Body,
        };
        if self.phase > latest { invalid("after a later one of the same message") } else { Ok(()) }
    }

    fn negotiate(&mut self, version: u32, actions: u32, steps: u32) -> Result<Event, ProtocolError> {
        match self.settings.answer(version, actions, steps, &mut self.output) {
            Ok(negotiated) => {
                self.packets.raise_max(self.settings.max_packet().max(negotiated.max_chunk() + 1));
                self.negotiated = Some(negotiated);
                self.phase = Phase::Session;
                Ok(Event::Negotiated(negotiated))
            }
            Err(Refusal::Version(version)) => Err(ProtocolError::Version(version)),
            Err(Refusal::Actions(missing)) => Err(ProtocolError::NotOffered(missing)),
        }
    }

    fn end_of_message(&mut self) -> Event {
        self.phase = Phase::Body;
        self.due = Some(Step::EndOfMessage);
        Event::EndOfMessage
    }

    /// The next message begins anew.
    fn end_message(&mut self) {
        self.phase = Phase::Session;
        self.macros.end_message();
    }

    fn allows(&self, step: Step, reply: &Reply) -> bool {
        match reply {
            Reply::Continue
            | Reply::Accept
            | Reply::Reject
            | Reply::TempFail
            | Reply::Code(_)
            | Reply::ShutDown => true,
            Reply::Discard => !matches!(step, Step::Connect | Step::Helo | Step::Unknown),
            Reply::Skip => {
                step == Step::Body
                    && self.negotiated.is_some_and(|negotiated| negotiated.steps().contains(Steps::SKIP))
            }
        }
    }
}

/// Whether nothing more of the message comes.
fn ends_message(step: Step, reply: &Reply) -> bool {
    match step {
        Step::EndOfMessage => true,
        Step::Connect | Step::Helo | Step::Unknown => false,
        Step::Rcpt => matches!(reply, Reply::Accept | Reply::Discard),
        Step::Mail | Step::Data | Step::Header | Step::EndOfHeader | Step::Body => {
            !matches!(reply, Reply::Continue | Reply::Skip)
        }
    }
}

impl Step {
    /// The flag by which the step gets no reply; the end of the message always gets one.
    const fn without_reply(self) -> Option<Steps> {
        Some(match self {
            Self::Connect => Steps::NO_REPLY_CONNECT,
            Self::Helo => Steps::NO_REPLY_HELO,
            Self::Mail => Steps::NO_REPLY_MAIL,
            Self::Rcpt => Steps::NO_REPLY_RCPT,
            Self::Data => Steps::NO_REPLY_DATA,
            Self::Header => Steps::NO_REPLY_HEADER,
            Self::EndOfHeader => Steps::NO_REPLY_END_OF_HEADER,
            Self::Body => Steps::NO_REPLY_BODY,
            Self::Unknown => Steps::NO_REPLY_UNKNOWN,
            Self::EndOfMessage => return None,
        })
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Helo => "helo",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Data => "data",
            Self::Header => "header",
            Self::EndOfHeader => "end of header",
            Self::Body => "body",
            Self::EndOfMessage => "end of message",
            Self::Unknown => "unknown",
        }
    }
}
