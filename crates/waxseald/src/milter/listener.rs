//! Takes connections.

use super::{
    connection::{self, Limits},
    stream::Stream,
};
use crate::{filter::Filter, resolver::Dns};
use arc_swap::ArcSwap;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::Semaphore,
};

/// A bound socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Connections of one listener at a time. Mail servers wait for a further one as for a slow one.
pub(crate) const MAX_CONNECTIONS: usize = 4_096;

impl Listener {
    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => Ok(Stream::tcp(listener.accept().await?.0)),
            Self::Unix(listener) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }

    /// Serves all who come, for ever.
    pub(crate) async fn serve(self, filters: Arc<ArcSwap<Filter>>, dns: Dns, limits: Limits) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // The semaphore is never closed.
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let stream = match self.accept().await {
                Ok(stream) => stream,
                Err(error) => {
                    // Without descriptors there is nothing to do but to wait for some.
                    tracing::error!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (filters, dns) = (filters.clone(), dns.clone());
            tokio::spawn(async move {
                if let Err(error) = connection::serve(stream, &filters, &dns, limits).await {
                    tracing::warn!("{}: connection ended: {error}", filters.load().name);
                }
                drop(place);
            });
        }
    }
}
