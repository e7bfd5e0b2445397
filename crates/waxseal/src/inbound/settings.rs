//! The receiver's settings, shared by all messages.

use super::Method;
use std::{fmt, sync::Arc, time::Duration};
use waxseal_arc::ChainVerifier;
use waxseal_dkim::Verifier;
use waxseal_dmarc::{DmarcCheck, Identifiers, LocalPolicy};
use waxseal_dns::DomainName;
use waxseal_header::HeaderLimits;
use waxseal_spf::{Limits, RecordCache};

/// Whether ARC sets sealed by a domain are trusted.
pub(super) type Trusts = dyn Fn(&DomainName) -> bool + Send + Sync;

#[derive(Clone)]
pub(crate) struct Settings {
    pub(super) authserv_id: Arc<str>,
    pub(super) header_limits: HeaderLimits,
    pub(crate) dkim: Verifier,
    pub(super) spf_limits: Limits,
    pub(super) spf_records: RecordCache,
    pub(super) spf_trace: bool,
    pub(super) spf_prefetch: bool,
    pub(super) methods: Vec<Method>,
    pub(super) dmarc: LocalPolicy,
    pub(super) timeout: Duration,
    pub(super) arc: ChainVerifier,
    pub(super) trusts: Option<Arc<Trusts>>,
    pub(crate) sealer: Option<waxseal_arc::Sealer>,
}

impl Settings {
    pub(super) fn dmarc_check(&self, identifiers: Identifiers) -> DmarcCheck {
        DmarcCheck::new(identifiers).with_local_policy(self.dmarc.clone())
    }

    pub(super) fn checks(&self, method: Method) -> bool {
        self.methods.contains(&method)
    }

    /// The verifier of ARC chains, if enabled.
    pub(super) fn chains(&self) -> Option<&ChainVerifier> {
        self.checks(Method::Arc).then_some(&self.arc)
    }

    pub(super) fn with_method(&mut self, method: Method) {
        if !self.checks(method) {
            self.methods.push(method);
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("authserv_id", &self.authserv_id).finish_non_exhaustive()
    }
}
