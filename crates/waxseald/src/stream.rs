//! A connection from a mail server, over TCP or a socket of the file system.

use std::{io, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpStream, UnixStream},
};

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Takes a connection of TCP. A refusal of `TCP_NODELAY` costs time and nothing else.
    pub(crate) fn tcp(stream: TcpStream) -> Self {
        _ = stream.set_nodelay(true);
        Self::Tcp(stream)
    }

    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => {
                let read = stream.read(buffer).await;
                // Postfix writes a message in two packets, by two processes, and by Nagle's algorithm it holds the second back
                // until the first is acknowledged, which Linux delays by 40 ms as there is nothing to reply. The kernel
                // clears the flag by itself, so it is set each time.
                _ = stream.set_quickack(true);
                read
            }
            Self::Unix(stream) => stream.read(buffer).await,
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
