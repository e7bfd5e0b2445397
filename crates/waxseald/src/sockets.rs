//! Sockets before any runtime knows them: bound here, or handed over by the service manager.

use crate::{listener::Listener, privileges::Identity, settings::Socket};
use std::{
    fs, io,
    net::ToSocketAddrs,
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
    time::SystemTime,
};

/// A bound socket.
#[derive(Debug)]
pub(crate) enum Bound {
    Tcp(std::net::TcpListener),
    /// With its file, unless the service manager made it.
    Unix(UnixListener, Option<SocketFile>),
}

/// The file of a socket that was bound here.
#[derive(Debug, Clone)]
pub(crate) struct SocketFile {
    path: PathBuf,
    id: FileId,
}

/// Device, inode, and when it was made, as inodes are used again.
type FileId = (u64, u64, Option<SystemTime>);

fn id(path: &Path) -> io::Result<FileId> {
    let meta = fs::symlink_metadata(path)?;
    Ok((meta.dev(), meta.ino(), meta.created().ok()))
}

impl SocketFile {
    fn new(path: &Path) -> io::Result<Self> {
        let path = path.canonicalize()?;
        Ok(Self { id: id(&path)?, path })
    }

    /// Removes it, where that is possible and no other daemon has put its own there.
    pub(crate) fn remove(&self) {
        if id(&self.path).is_ok_and(|now| now == self.id) {
            _ = fs::remove_file(&self.path);
        }
    }
}

/// Sockets of the service manager (`LISTEN_FDS`) that nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Passed(Vec<Bound>);

impl Passed {
    /// Takes all that the environment names.
    pub(crate) fn from_env() -> Self {
        let mut passed = listenfd::ListenFd::from_env();
        let sockets = (0..passed.len()).filter_map(|index| {
            let tcp = passed.take_tcp_listener(index).ok().flatten().map(Bound::Tcp);
            tcp.or_else(|| {
                passed.take_unix_listener(index).ok().flatten().map(|unix| Bound::Unix(unix, None))
            })
        });
        Self(sockets.collect())
    }

    fn take(&mut self, socket: &Socket) -> Option<Bound> {
        let index = self.0.iter().position(|bound| bound.is(socket))?;
        Some(self.0.swap_remove(index))
    }

    /// Those that no setting names.
    pub(crate) fn left(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(Bound::shown)
    }
}

impl Bound {
    /// Binds a socket, or takes it from those that were handed over.
    pub(crate) fn new(socket: &Socket, identity: Option<&Identity>, passed: &mut Passed) -> io::Result<Self> {
        if let Some(bound) = passed.take(socket) {
            return Ok(bound);
        }
        match socket {
            Socket::Inet(host, port) => {
                let addresses: Vec<_> = (host.as_str(), *port).to_socket_addrs()?.collect();
                std::net::TcpListener::bind(&addresses[..]).map(Self::Tcp)
            }
            Socket::Unix(path) => {
                make_folder(path, identity)?;
                remove_stale(path)?;
                let listener = UnixListener::bind(path)?;
                let file = SocketFile::new(path)?;
                if let Some(identity) = identity.filter(|_| nix::unistd::geteuid().is_root()) {
                    std::os::unix::fs::chown(path, Some(identity.uid()), Some(identity.gid()))?;
                }
                Ok(Self::Unix(listener, Some(file)))
            }
        }
    }

    /// The file that goes with the daemon.
    pub(crate) fn file(&self) -> Option<SocketFile> {
        match self {
            Self::Tcp(_) => None,
            Self::Unix(_, file) => file.clone(),
        }
    }

    /// For the runtime of the moment.
    pub(crate) fn registered(self) -> io::Result<Listener> {
        Ok(match self {
            Self::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                Listener::Tcp(tokio::net::TcpListener::from_std(listener)?)
            }
            Self::Unix(listener, _) => {
                listener.set_nonblocking(true)?;
                Listener::Unix(tokio::net::UnixListener::from_std(listener)?)
            }
        })
    }

    /// Whether this is the socket that a setting names. One that listens on all addresses does for each.
    fn is(&self, socket: &Socket) -> bool {
        match (self, socket) {
            (Self::Tcp(listener), Socket::Inet(host, port)) => {
                let Ok(own) = listener.local_addr() else { return false };
                let mut named = (host.as_str(), *port).to_socket_addrs().into_iter().flatten();
                named.any(|address| {
                    address.port() == own.port() && (own.ip().is_unspecified() || address.ip() == own.ip())
                })
            }
            (Self::Unix(listener, _), Socket::Unix(path)) => {
                let own = listener.local_addr();
                own.is_ok_and(|own| own.as_pathname() == Some(path.as_path()))
            }
            _ => false,
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Tcp(listener) => {
                let address = listener.local_addr();
                address.map_or_else(|error| error.to_string(), |address| address.to_string())
            }
            Self::Unix(listener, _) => {
                let path = listener.local_addr().ok();
                let path = path.and_then(|own| own.as_pathname().map(|path| path.display().to_string()));
                path.unwrap_or_else(|| "a socket without path".to_owned())
            }
        }
    }
}

/// Makes the folder of a socket or pid file that the package of another daemon made so far. Only the last part of the path.
pub(crate) fn make_folder(path: &Path, identity: Option<&Identity>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let (Some(folder), true) = (folder, nix::unistd::geteuid().is_root()) else { return Ok(()) };
    fs::create_dir(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    match identity {
        Some(identity) => std::os::unix::fs::chown(folder, Some(identity.uid()), Some(identity.gid())),
        None => Ok(()),
    }
}

/// Removes a socket that nobody listens to.
fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
    if is_socket
        && UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
    {
        return fs::remove_file(path);
    }
    Ok(())
}
