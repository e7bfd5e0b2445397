//! ARC as in OpenARC: chains are checked and sealed.

use crate::{
    hosts::Hosts,
    keys::{KeyRules, load},
    lifecycle::Life,
    milter::client::Client,
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
    internal: Hosts,
    sealer: Option<Sealer>,
}

impl ArcRole {
    /// Reads the key.
    pub(crate) fn load(settings: &ArcSettings, warnings: &mut Vec<String>) -> Result<Self, Vec<String>> {
        let verify = settings.verify;
        let internal = settings.internal.as_deref().map(|spec| Hosts::load("InternalHosts", spec, warnings));
        let internal = internal.transpose().map_err(|error| vec![error])?.unwrap_or_default();
        let Some(seal) = &settings.seal else { return Ok(Self { verify, internal, sealer: None }) };
        let rules = KeyRules { safe: seal.safe_keys, min_rsa_bits: seal.min_rsa_bits };
        let key = load(&seal.file, rules).map_err(|trouble| vec![trouble.to_string()])?;
        let life = Life::of(&seal.file, key.public_key());
        let note = life.note().map(|note| format!("KeyFile {}: {note}", seal.file.display()));
        if life.is_over() {
            return Err(note.into_iter().collect());
        }
        warnings.extend(note);
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
        Ok(Self { verify, internal, sealer: Some(sealer) })
    }

    /// The authenticator that validates chains, and computes the hashes for the seal.
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

    /// The set for the message, or why there is none: a chain that failed is not sealed again (RFC 8617 section 5.1). Mail of
    /// an internal client was checked when it arrived, so the results in its header are sealed.
    pub(crate) fn seal(&self, report: &Report, client: &Client) -> Option<Result<SealedSet, String>> {
        self.sealer.as_ref()?;
        let is_internal = self.internal.contain(&client.name, client.ip);
        let sealed = match report.header().ok().filter(|_| is_internal) {
            Some(header) => {
                let id = report.authentication_results();
                report.seal_with(&arc::merged_results(header, header.len(), id.authserv_id()))
            }
            None => report.seal(),
        };
        Some(sealed.map_err(|error| error.to_string()))
    }
}
