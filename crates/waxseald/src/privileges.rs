//! Switches to the configured user, before any thread starts.

use crate::settings::Process;
use nix::{
    sys::stat::{Mode, umask},
    unistd::{self, Gid, Group, Uid, User},
};
use std::ffi::CString;

/// Why the process cannot switch to the user.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PrivilegeError {
    #[error("UserID {0}: no such user")]
    User(String),
    #[error("UserID: no such group {0}")]
    Group(String),
    #[error("UserID {0}: only root can become another user")]
    NotRoot(String),
    #[error("{what}: {error}")]
    System { what: String, error: nix::Error },
}

/// A user and the group to run as.
#[derive(Debug)]
pub(crate) struct Identity {
    name: String,
    uid: Uid,
    gid: Gid,
}

impl Identity {
    /// Looks up `user`, `user:group` or `user.group`; ids may be numbers.
    pub(crate) fn find(text: &str) -> Result<Self, PrivilegeError> {
        let (user, group) = text.split_once([':', '.']).unwrap_or((text, ""));
        let system = |error| PrivilegeError::System { what: format!("UserID {text}"), error };
        let by_number = user.parse().ok().map(Uid::from_raw);
        let found = match by_number {
            Some(uid) => User::from_uid(uid),
            None => User::from_name(user),
        };
        let found = found.map_err(system)?.ok_or_else(|| PrivilegeError::User(user.to_owned()))?;
        let gid = if group.is_empty() {
            found.gid
        } else if let Ok(number) = group.parse() {
            Gid::from_raw(number)
        } else {
            let known = Group::from_name(group).map_err(system)?;
            known.ok_or_else(|| PrivilegeError::Group(group.to_owned()))?.gid
        };
        Ok(Self { name: found.name, uid: found.uid, gid })
    }

    pub(crate) fn uid(&self) -> u32 {
        self.uid.as_raw()
    }

    pub(crate) fn gid(&self) -> u32 {
        self.gid.as_raw()
    }
}

/// Sets the umask for new files and sockets.
pub(crate) fn set_mask(process: &Process) {
    if let Some(mask) = process.umask {
        umask(Mode::from_bits_truncate(mask.0));
    }
}

/// Enters the root folder and drops root privileges.
pub(crate) fn drop(process: &Process, identity: Option<&Identity>) -> Result<(), PrivilegeError> {
    if let Some(root) = &process.root {
        let system =
            |error| PrivilegeError::System { what: format!("ChangeRootDirectory {}", root.display()), error };
        unistd::chroot(root.as_path()).map_err(system)?;
        unistd::chdir("/").map_err(system)?;
    }
    if let Some(folder) = &process.folder {
        let system =
            |error| PrivilegeError::System { what: format!("BaseDirectory {}", folder.display()), error };
        unistd::chdir(folder.as_path()).map_err(system)?;
    }
    let Some(identity) = identity else { return Ok(()) };
    if unistd::geteuid() == identity.uid && unistd::getegid() == identity.gid {
        return Ok(());
    }
    if !unistd::geteuid().is_root() {
        return Err(PrivilegeError::NotRoot(identity.name.clone()));
    }
    let system = |error| PrivilegeError::System { what: format!("becoming {}", identity.name), error };
    let name =
        CString::new(identity.name.clone()).map_err(|_| PrivilegeError::User(identity.name.clone()))?;
    unistd::initgroups(&name, identity.gid).map_err(system)?;
    unistd::setgid(identity.gid).map_err(system)?;
    unistd::setuid(identity.uid).map_err(system)
}

/// Switches to the user of the daemon, so that a check sees files as the daemon does. Returns a warning if only root could.
pub(crate) fn act_as_daemon(process: &Process) -> Result<Option<String>, PrivilegeError> {
    let identity = process.user.as_deref().map(Identity::find).transpose()?;
    match drop(process, identity.as_ref()) {
        Err(PrivilegeError::NotRoot(user)) => Ok(Some(format!(
            "checked with the rights of this user; only root can check with those of {user}"
        ))),
        result => result.map(|()| None),
    }
}
