//! Serves one connection to its end.

use super::{
    client::{Client, macro_text},
    message::{Line, Message, Outcome},
};
use crate::{
    filter::Filter,
    metrics::metrics,
    panics::{Panicked, caught, caught_within},
    resolver::Dns,
    stream::{Limits, Stream},
};
use arc_swap::ArcSwap;
use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    time::Duration,
};
use tokio::time::{Instant, Sleep, sleep, timeout};
use waxseal::header::Space;
use waxseal_milter::{Connection, Event, InvalidModification, ProtocolError, Reply, ReplyError};

/// While DNS is slow, how often the mail server is told that the filter is still working.
const PROGRESS: Duration = Duration::from_secs(30);

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error(transparent)]
    Reply(#[from] ReplyError),
    #[error(transparent)]
    Modification(#[from] InvalidModification),
    #[error("{0}")]
    Panicked(Panicked),
    #[error("nothing came for {} seconds", .0.as_secs())]
    Silent(Duration),
}

/// Serves a connection until the mail server ends it. Each message uses the settings from when it began.
pub(crate) async fn serve(
    mut stream: Stream,
    filters: &ArcSwap<Filter>,
    dns: &Dns,
    limits: Limits,
) -> Result<(), ConnectionError> {
    let mut served = Served {
        connection: Connection::new(filters.load().milter_settings()),
        filters,
        dns,
        client: Client::default(),
        message: None,
    };
    let mut alarm = pin!(sleep(limits.negotiation));
    loop {
        let limit =
            if served.connection.negotiated().is_some() { limits.command } else { limits.negotiation };
        let received = served.receive(&mut stream, alarm.as_mut(), limit).await?;
        if received == 0 {
            return Ok(());
        }
        let is_over = served.events(&mut stream).await?;
        let output = served.connection.take_output();
        if !output.is_empty() {
            timeout(limit, stream.write(&output)).await.map_err(|_| ConnectionError::Silent(limit))??;
        }
        if is_over {
            return Ok(());
        }
        if let Some(message) = &mut served.message
            && let Err(panicked) = caught(|| message.look_ahead(dns))
        {
            served.after(&panicked)?;
        }
    }
}

/// A connection and what is known about it.
struct Served<'s> {
    connection: Connection,
    filters: &'s ArcSwap<Filter>,
    dns: &'s Dns,
    client: Client,
    message: Option<Message>,
}

impl Served<'_> {
    /// Waits for bytes, for as long as the limit. The alarm is set anew when it goes off, which is seldom, and not for each packet.
    async fn receive(
        &mut self,
        stream: &mut Stream,
        mut alarm: Pin<&mut Sleep>,
        limit: Duration,
    ) -> Result<usize, ConnectionError> {
        let end = Instant::now() + limit;
        loop {
            tokio::select! {
                biased;
                received = stream.receive(|bytes| self.connection.receive(bytes)) => return Ok(received?),
                () = &mut alarm => match Instant::now() >= end {
                    true => return Err(ConnectionError::Silent(limit)),
                    false => alarm.as_mut().reset(end),
                },
            }
        }
    }

    /// Does what came; true when the mail server is done, which may have sent that with all before it.
    async fn events(&mut self, stream: &mut Stream) -> Result<bool, ConnectionError> {
        while let Some(event) = self.connection.next_event()? {
            let is_in_message = !matches!(event, Event::Connect(_) | Event::Helo(_));
            let done = match event {
                Event::Quit => return Ok(true),
                Event::EndOfMessage => caught_within(self.end_message(stream)).await,
                event => caught(|| self.on(event)),
            };
            match done {
                Ok(done) => done?,
                Err(panicked) if is_in_message => self.after(&panicked)?,
                Err(panicked) => return Err(ConnectionError::Panicked(panicked)),
            }
        }
        Ok(false)
    }

    fn on(&mut self, event: Event) -> Result<(), ConnectionError> {
        match event {
            Event::Connect(connect) => self.client = Client::new(&connect),
            Event::Helo(name) => self.client.helo = name,
            Event::Mail(path) => {
                let sender = path.address().to_vec().into();
                self.message = Some(Message::new(self.filters.load_full(), self.client.clone(), sender));
            }
            Event::Rcpt(path) => {
                if let Some(message) = &mut self.message {
                    message.recipient(path.address().to_vec().into());
                }
            }
            Event::Header(field) => {
                let keeps = self.connection.negotiated().is_some_and(|agreed| agreed.keeps_leading_space());
                let space = if keeps { Space::Kept } else { Space::Added };
                self.started().field(&field, space);
            }
            Event::EndOfHeader => self.end_header(),
            Event::Body(chunk) => {
                self.end_header();
                self.started().body(&chunk);
            }
            Event::Abort => self.message = None,
            Event::NewConnection => (self.message, self.client) = (None, Client::default()),
            _ => {}
        }
        if self.connection.expects_reply() {
            self.connection.reply(&Reply::Continue)?;
        }
        Ok(())
    }

    /// The message; a new one if the mail server did not report MAIL.
    fn started(&mut self) -> &mut Message {
        let (filters, client) = (self.filters, &self.client);
        self.message
            .get_or_insert_with(|| Message::new(filters.load_full(), client.clone(), Default::default()))
    }

    fn end_header(&mut self) {
        self.started();
        let Self { connection, message, dns, .. } = self;
        if let Some(message) = message {
            message.end_header(&|name| macro_text(connection, name), dns);
        }
    }

    async fn end_message(&mut self, stream: &mut Stream) -> Result<(), ConnectionError> {
        self.end_header();
        let Some(message) = self.message.take() else { return Ok(()) };
        let id = macro_text(&self.connection, "i").unwrap_or_else(|| "NOQUEUE".to_owned());
        let filter = self.filters.load_full();
        // In a box of its own: what a message needs at its end, a connection that waits does not hold.
        let finished = Box::pin(message.finish(&id, self.dns));
        let Outcome { changes, reply, line } = self.with_progress(finished, stream).await?;
        for change in &changes {
            self.connection.modify(change)?;
        }
        self.connection.reply(&reply)?;
        tell(&filter.name, &id, &line);
        Ok(())
    }

    /// After an internal error the message is deferred, whatever the mail server does without its filter.
    fn after(&mut self, panicked: &Panicked) -> Result<(), ConnectionError> {
        let filter = self.filters.load_full();
        let id = macro_text(&self.connection, "i").unwrap_or_else(|| "NOQUEUE".to_owned());
        let refused = Message::refused(filter, self.client.clone(), panicked.to_string());
        if !self.connection.expects_reply() {
            self.message = Some(refused);
            return Ok(());
        }
        let Outcome { reply, line, .. } = refused.left();
        self.message = None;
        self.connection.reply(&reply)?;
        tell(&self.filters.load().name, &id, &line);
        Ok(())
    }

    /// Waits, and reports progress so that the mail server keeps waiting.
    async fn with_progress(
        &mut self,
        mut finished: impl Future<Output = Outcome> + Unpin,
        stream: &mut Stream,
    ) -> Result<Outcome, ConnectionError> {
        loop {
            if let Ok(outcome) = timeout(PROGRESS, &mut finished).await {
                return Ok(outcome);
            }
            self.connection.progress()?;
            stream.write(&self.connection.take_output()).await?;
        }
    }
}

/// The one line of a message, and its parts for a log of objects.
fn tell(service: &str, id: &str, line: &Line) {
    metrics().message(service, line.result, line.time);
    let ms = u64::try_from(line.time.as_millis()).unwrap_or(u64::MAX);
    let Line { result, what, from, client, .. } = line;
    tracing::info!(
        target: "mail", service, queue_id = id, result, what, from, client, ms, "{service}: {id}: {line}"
    );
}
