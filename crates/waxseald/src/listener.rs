//! Accepts connections.

use crate::{
    filter::Filter,
    metrics::metrics,
    milter,
    panics::caught_within,
    policy,
    resolver::Dns,
    roles::spf::SpfPolicy,
    stream::{Accepted, Limits, Stream},
    workers::Workers,
};
use arc_swap::ArcSwap;
use std::{io, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, UnixListener},
    sync::Semaphore,
};

/// The protocol to speak, with the current settings.
#[derive(Debug, Clone)]
pub(crate) enum Handler {
    Milter(Arc<ArcSwap<Filter>>),
    Policy(Arc<ArcSwap<SpfPolicy>>),
}

impl Handler {
    /// The file that describes it.
    fn name(&self) -> String {
        match self {
            Self::Milter(filter) => filter.load().name.clone(),
            Self::Policy(_) => "policyd-spf".to_owned(),
        }
    }

    async fn serve(&self, stream: Stream, dns: &Dns, limits: Limits) -> Result<(), String> {
        match self {
            Self::Milter(filters) => milter::connection::serve(stream, filters, dns, limits)
                .await
                .map_err(|error| error.to_string()),
            Self::Policy(settings) => {
                policy::serve(stream, settings, dns, limits).await.map_err(|error| error.to_string())
            }
        }
    }
}

/// A bound socket.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Simultaneous connections of one listener. To mail servers, a further one looks like a slow one.
pub(crate) const MAX_CONNECTIONS: usize = 4_096;

impl Listener {
    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await?.0.into_std().map(Accepted::Tcp),
            Self::Unix(listener) => listener.accept().await?.0.into_std().map(Accepted::Unix),
        }
    }

    /// Serves connections forever.
    pub(crate) async fn serve(self, handler: Handler, dns: Dns, limits: Limits, workers: Arc<Workers>) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // The semaphore is never closed.
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let accepted = match self.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors: wait until some are free.
                    tracing::error!("accept: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (handler, dns) = (handler.clone(), dns.clone());
            workers.serve(accepted, move |stream| async move {
                let _counted = metrics().connection();
                let served = caught_within(handler.serve(stream, &dns, limits)).await;
                match served.unwrap_or_else(|panicked| Err(panicked.to_string())) {
                    Ok(()) => {}
                    Err(error) => tracing::warn!("{}: connection ended: {error}", handler.name()),
                }
                drop(place);
            });
        }
    }
}
