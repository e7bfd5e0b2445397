//! The threads that serve connections. A connection stays on one, so that its messages neither wake another thread nor move to its
//! processor.

use crate::stream::{Accepted, Stream};
use std::{
    future::pending,
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};
use tokio::runtime::{Builder, Handle};

/// As many threads as there are processors to use.
#[derive(Debug)]
pub(crate) struct Workers(Vec<Worker>);

/// A thread, and how many connections it serves.
#[derive(Debug)]
struct Worker {
    handle: Handle,
    connections: Arc<AtomicUsize>,
}

/// A connection on a thread, for as long as it lives.
struct Taken(Arc<AtomicUsize>);

impl Drop for Taken {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// Starts the threads; they end with the process.
    pub(crate) fn start() -> io::Result<Self> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        (0..count).map(|_| Worker::start()).collect::<io::Result<_>>().map(Self)
    }

    /// Serves a connection on the thread that has the fewest.
    pub(crate) fn serve<F>(&self, accepted: Accepted, serve: impl FnOnce(Stream) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send,
    {
        let Some(worker) = self.0.iter().min_by_key(|worker| worker.connections.load(Ordering::Relaxed))
        else {
            return;
        };
        worker.connections.fetch_add(1, Ordering::Relaxed);
        let taken = Taken(worker.connections.clone());
        worker.handle.spawn(async move {
            match accepted.registered() {
                Ok(stream) => serve(stream).await,
                Err(error) => tracing::error!("accept: {error}"),
            }
            drop(taken);
        });
    }
}

impl Worker {
    fn start() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        thread::Builder::new().name("worker".to_owned()).spawn(move || runtime.block_on(pending::<()>()))?;
        Ok(Self { handle, connections: Arc::default() })
    }
}
