//! ARC, as OpenARC does it: chains are checked and sealed.

use crate::{
    keys::{KeyRules, load},
    settings::ArcSettings,
};
use waxseal::{
    Authenticator, Report, Sealer, Signer,
    arc::{self, SealedSet},
};

/// The role.
#[derive(Debug)]
pub(crate) struct ArcRole {
    verify: bool,
    sealer: Option<Sealer>,
}

impl ArcRole {
    /// Reads the key.
    pub(crate) fn load(settings: &ArcSettings) -> Result<Self, Vec<String>> {
        let Some(seal) = &settings.seal else { return Ok(Self { verify: settings.verify, sealer: None }) };
        let rules = KeyRules { safe: seal.safe_keys, min_rsa_bits: seal.min_rsa_bits };
        let key = load(&seal.file, rules).map_err(|trouble| vec![trouble.to_string()])?;
        let signer = Signer::new(seal.domain.as_str(), seal.selector.as_str(), key);
        let mut sealer = Sealer::from_signer(signer.map_err(|error| vec![error.to_string()])?);
        let (header, body) = seal.canonicalization;
        sealer = sealer.with_canonicalization(header, body);
        if !seal.fields.is_empty() {
            sealer = sealer.with_fields(seal.fields.iter().cloned());
        }
        if !seal.oversigned.is_empty() {
            sealer = sealer.with_oversigned(seal.oversigned.iter().cloned());
        }
        Ok(Self { verify: settings.verify, sealer: Some(sealer) })
    }

    /// The authenticator that validates chains, and hashes for the seal.
    pub(crate) fn with_chains(&self, authenticator: Authenticator) -> Authenticator {
        let authenticator = authenticator.with_arc(arc::Policy::default());
        match &self.sealer {
            Some(sealer) => authenticator.with_sealer(sealer.clone()),
            None => authenticator,
        }
    }

    /// Whether the result is written.
    pub(crate) fn verifies(&self) -> bool {
        self.verify
    }

    /// The set for the message, or why there is none: a chain that failed is sealed no further (RFC 8617 section 5.1).
    pub(crate) fn seal(&self, report: &Report) -> Option<Result<SealedSet, String>> {
        self.sealer.as_ref()?;
        Some(report.seal().map_err(|error| error.to_string()))
    }
}
