//! The first process of a container is the parent of every orphan, and has to wait for them.

use nix::{
    sys::wait::{Id, WaitPidFlag, WaitStatus, waitid},
    unistd::Pid,
};
use std::time::Duration;
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};

/// Own children are waited for by whoever started them, at once; what is still there after this time is an orphan.
const OWN: Duration = Duration::from_secs(1);

/// Waits for orphans forever; does nothing unless this is the first process.
pub(crate) async fn take_orphans() {
    if std::process::id() != 1 {
        return;
    }
    let Ok(mut ended) = signal(SignalKind::child()) else { return };
    loop {
        while let Some(child) = ended_child(Id::All) {
            sleep(OWN).await;
            if ended_child(Id::Pid(child)).is_some() {
                _ = waitid(Id::Pid(child), WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG);
            }
        }
        if ended.recv().await.is_none() {
            return;
        }
    }
}

/// A child that has ended and that nobody waited for.
fn ended_child(id: Id<'_>) -> Option<Pid> {
    let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    waitid(id, look).ok().filter(|status| *status != WaitStatus::StillAlive)?.pid()
}
