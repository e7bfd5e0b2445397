//! The policy delegation protocol of Postfix (SMTPD_POLICY_README): lines of names and values and an empty line, answered by an action.

use crate::{
    metrics::metrics,
    panics::caught_within,
    resolver::Dns,
    roles::spf::SpfPolicy,
    stream::{Limits, Stream},
};
use arc_swap::ArcSwap;
use std::{collections::HashMap, io, net::IpAddr, time::Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

/// What Postfix asks.
#[derive(Debug, Default, Clone)]
pub(crate) struct Request {
    attributes: Vec<(String, String)>,
}

/// What Postfix is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    Dunno,
    /// Adds this field.
    Prepend(String),
    /// Rejects or defers with this text.
    Refuse(String),
    /// Continues with this restriction of Postfix.
    Restriction(String),
}

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a request of more than {MAX_REQUEST} bytes")]
    TooLong,
    #[error("nothing came for {0} seconds")]
    Silent(u64),
}

/// Postfix sends about 2 KiB.
const MAX_REQUEST: usize = 65_536;

impl Request {
    /// Reads the lines of a request; one without `=` is ignored.
    pub(crate) fn parse(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Self { attributes: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect() }
    }

    /// The value of an attribute; empty if Postfix does not know it.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.get("client_address").parse().ok()
    }
}

impl Answer {
    fn word(&self) -> &'static str {
        match self {
            Self::Dunno => "nothing",
            Self::Prepend(_) => "prepended",
            Self::Refuse(text) if text.starts_with('5') => "rejected",
            Self::Refuse(_) => "deferred",
            Self::Restriction(_) => "passed to a restriction",
        }
    }

    pub(crate) fn line(&self) -> String {
        let text = match self {
            Self::Dunno => "dunno".to_owned(),
            Self::Prepend(field) => format!("prepend {field}"),
            Self::Refuse(text) | Self::Restriction(text) => text.clone(),
        };
        let text: String = text.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        format!("action={text}\n\n")
    }
}

/// The requests of one peer, in pieces of any size, and the answer for the current message.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    buffer: Vec<u8>,
    last: Asked,
}

/// What was answered for a message.
#[derive(Debug, Default)]
struct Asked {
    instance: String,
    /// By the recipients that have settings of their own.
    answers: HashMap<String, Answer>,
    has_field: bool,
}

impl Asked {
    /// A field is added once, and everything else applies to each recipient.
    fn once(&mut self, answer: Answer) -> Answer {
        let adds = matches!(answer, Answer::Prepend(_));
        if adds && std::mem::replace(&mut self.has_field, true) { Answer::Dunno } else { answer }
    }
}

impl Requests {
    /// Takes the bytes received, and answers every complete request.
    pub(crate) async fn take(
        &mut self,
        bytes: &[u8],
        policy: &SpfPolicy,
        dns: &Dns,
    ) -> Result<String, PolicyError> {
        self.buffer.extend_from_slice(bytes);
        let mut answers = String::new();
        while let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\n\n") {
            let request = Request::parse(self.buffer.get(..end).unwrap_or_default());
            self.buffer.drain(..end + 2);
            answers.push_str(&self.answer(&request, policy, dns).await.line());
        }
        if self.buffer.len() > MAX_REQUEST { Err(PolicyError::TooLong) } else { Ok(answers) }
    }

    /// Postfix asks for each recipient of a message; a rejection applies to all that have the same settings.
    async fn answer(&mut self, request: &Request, policy: &SpfPolicy, dns: &Dns) -> Answer {
        let instance = request.get("instance");
        if instance.is_empty() || instance != self.last.instance {
            self.last = Asked { instance: instance.to_owned(), ..Asked::default() };
        }
        let (name, policy) = policy.for_recipient(request.get("recipient"));
        if let Some(answer) = self.last.answers.get(name).cloned() {
            return self.last.once(answer);
        }
        let began = Instant::now();
        let answer = caught_within(policy.answer(request, &**dns)).await.unwrap_or_else(|panicked| {
            tracing::error!("policyd-spf: {panicked}; the message is deferred");
            Answer::Refuse("451 4.3.0 Internal error, try again later".to_owned())
        });
        self.last.answers.insert(name.to_owned(), answer.clone());
        let answer = self.last.once(answer);
        let (id, line) = (request.get("queue_id"), answer.line());
        let id = if id.is_empty() { "NOQUEUE" } else { id };
        tracing::info!(target: "mail", "policyd-spf: {id}: {}", line.trim_end());
        metrics().message("policyd-spf", answer.word(), began.elapsed());
        answer
    }
}

/// Serves a connection until Postfix ends it.
pub(crate) async fn serve(
    mut stream: Stream,
    policies: &ArcSwap<SpfPolicy>,
    dns: &Dns,
    limits: Limits,
) -> Result<(), PolicyError> {
    let (mut requests, mut came) = (Requests::default(), Vec::new());
    loop {
        let silent = |_| PolicyError::Silent(limits.command.as_secs());
        came.clear();
        let received = stream.receive(|bytes| came.extend_from_slice(bytes));
        if timeout(limits.command, received).await.map_err(silent)?? == 0 {
            return Ok(());
        }
        let answers = Box::pin(requests.take(&came, &policies.load_full(), dns)).await?;
        if !answers.is_empty() {
            timeout(limits.command, stream.write(answers.as_bytes())).await.map_err(silent)??;
        }
    }
}

/// Serves stdin and stdout, as `spawn` of Postfix expects.
pub(crate) async fn serve_stdio(policy: &SpfPolicy, dns: &Dns) -> Result<(), PolicyError> {
    let (mut input, mut output) = (tokio::io::stdin(), tokio::io::stdout());
    let (mut requests, mut buffer) = (Requests::default(), vec![0; 8_192]);
    loop {
        let length = input.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let answers = requests.take(buffer.get(..length).unwrap_or_default(), policy, dns).await?;
        output.write_all(answers.as_bytes()).await?;
        output.flush().await?;
    }
}
