//! The DNS resolver: hickory behind a cache, shared by all connections.

use crate::{metrics::Measured, settings};
use std::sync::Arc;
use waxseal::{Cached, Hickory, resolver::SetupError};

/// The resolver of the process.
pub(crate) type Dns = Arc<Cached<Measured<Hickory>>>;

/// Sets it up; needs a runtime.
pub(crate) fn resolver(settings: &settings::Dns) -> Result<Dns, SetupError> {
    let servers = &settings.servers;
    let hickory = if servers.is_empty() { Hickory::system() } else { Hickory::new(servers.iter().copied()) }?;
    // OpenDKIM's 0 waits forever, which nobody does.
    let timeout =
        if settings.timeout.is_zero() { settings::Dns::default().timeout } else { settings.timeout };
    Ok(Arc::new(Cached::new(Measured(hickory.with_lookup_timeout(timeout)))))
}
