//! A connection from a mail server, over TCP or a socket of the file system.

use std::{
    future::poll_fn,
    io,
    mem::MaybeUninit,
    net,
    os::unix,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream},
};

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A connection that no thread serves yet.
#[derive(Debug)]
pub(crate) enum Accepted {
    Tcp(net::TcpStream),
    Unix(unix::net::UnixStream),
}

impl Accepted {
    /// For the runtime of this thread. If `TCP_NODELAY` cannot be set, that only costs time.
    pub(crate) fn registered(self) -> io::Result<Stream> {
        Ok(match self {
            Self::Tcp(stream) => {
                _ = stream.set_nodelay(true);
                Stream::Tcp(TcpStream::from_std(stream)?)
            }
            Self::Unix(stream) => Stream::Unix(UnixStream::from_std(stream)?),
        })
    }
}

impl Stream {
    /// Hands over what came, and returns how much; nothing at the end. A connection that waits holds no buffer.
    pub(crate) async fn receive(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<usize> {
        poll_fn(|context| {
            let mut space = [MaybeUninit::uninit(); 16_384];
            let mut buffer = ReadBuf::uninit(&mut space);
            ready!(self.poll_read(context, &mut buffer))?;
            take(buffer.filled());
            Poll::Ready(Ok(buffer.filled().len()))
        })
        .await
    }

    fn poll_read(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => {
                let read = Pin::new(&mut *stream).poll_read(context, buffer);
                if read.is_ready() {
                    // Postfix writes a message in two packets, by two processes, and by Nagle's algorithm it holds the second back
                    // until the first is acknowledged, which Linux delays by 40 ms as there is nothing to reply. The kernel
                    // clears the flag by itself, so it is set each time.
                    _ = stream.set_quickack(true);
                }
                read
            }
            Self::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.write_all(bytes).await,
            Self::Unix(stream) => stream.write_all(bytes).await,
        }
    }
}

/// How long a mail server may be silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) negotiation: Duration,
    pub(crate) command: Duration,
}
