//! A header that is complete, while the body still arrives.

use super::{
    Authenticator, Envelope, InboundCheck,
    check::{Case, EnvelopeChecks, Progress},
    evidence::KeptHash,
};
use std::{sync::Arc, time::SystemTime};
use waxseal_dkim::{BodyHasher, BodyHashes, Examination};
use waxseal_dmarc::{DmarcCheck, Identifiers};
use waxseal_dns::Question;
use waxseal_header::{Header, line_ends::FindBare};

/// A header that was looked at, and the hashes that its body needs.
#[derive(Debug)]
pub(super) struct Examined {
    header: ExaminedHeader,
    hasher: BodyHasher,
    /// Looked at for a sealer alone: verifiers take what comes.
    line_ends: Option<FindBare>,
}

#[derive(Debug)]
struct ExaminedHeader {
    authenticator: Authenticator,
    header: Header,
    author: Identifiers,
    dkim: Examination,
    arc: Option<waxseal_arc::ChainExamination>,
    sealer_hash: Option<waxseal_dkim::BodyHashId>,
}

impl Examined {
    pub(super) fn new(authenticator: &Authenticator, header: Header, now: SystemTime) -> Self {
        let settings = &authenticator.settings;
        let mut hasher = BodyHasher::new(settings.dkim.provider());
        let header = ExaminedHeader {
            authenticator: authenticator.clone(),
            author: Identifiers::from_header(&header),
            dkim: settings.dkim.examine(header.clone(), now, &mut hasher),
            arc: settings.chain_verifier().map(|arc| arc.examine(header.clone(), now, &mut hasher)),
            sealer_hash: settings.sealer.as_ref().map(|sealer| sealer.want_body(&mut hasher)),
            header,
        };
        let line_ends = header.sealer_hash.map(|_| FindBare::default());
        Self { header, hasher, line_ends }
    }

    /// The empty line between header and body ended in LF alone.
    pub(super) fn bare_separator(&mut self) {
        if let Some(line_ends) = &mut self.line_ends {
            line_ends.push(b"\n");
        }
    }

    pub(super) fn body(&mut self, chunk: &[u8]) {
        if let Some(line_ends) = &mut self.line_ends {
            line_ends.push(chunk);
        }
        self.hasher.push(chunk);
    }

    /// The keys of DKIM and ARC.
    pub(super) fn keys(&self) -> Vec<Question> {
        let keys = self.header.dkim.questions();
        let keys = keys.chain(self.header.arc.iter().flat_map(|arc| arc.questions()));
        keys.collect()
    }

    /// What DMARC asks of the Author Domain before anything is authenticated.
    pub(super) fn evaluation(&self) -> DmarcCheck {
        self.header.authenticator.settings.evaluation(self.header.author.clone())
    }

    pub(super) fn finish(self, envelope: Envelope, now: SystemTime, checks: EnvelopeChecks) -> InboundCheck {
        let wanted: Vec<_> = self.hasher.wanted().collect();
        let hashes = self.hasher.finish();
        let body = HashedBody {
            kept: KeptHash::all(wanted, &hashes),
            hashes,
            bare_line_end: self.line_ends.and_then(|line_ends| line_ends.finish()),
        };
        self.header.finish(envelope, now, checks, body)
    }

    /// Ends without a body, by the hashes that were kept of it. `None` when one is missing.
    pub(super) fn finish_with(
        self,
        envelope: Envelope,
        now: SystemTime,
        checks: EnvelopeChecks,
        (kept, bare_line_end): (&[KeptHash], Option<u64>),
    ) -> Option<InboundCheck> {
        let find = |form, algorithm, length| kept.iter().find_map(|kept| kept.get(form, algorithm, length));
        let body = HashedBody { hashes: self.hasher.finish_with(find)?, kept: kept.to_vec(), bare_line_end };
        Some(self.header.finish(envelope, now, checks, body))
    }
}

/// What is left of a body that has ended.
struct HashedBody {
    hashes: BodyHashes,
    kept: Vec<KeptHash>,
    bare_line_end: Option<u64>,
}

impl ExaminedHeader {
    fn finish(
        self,
        envelope: Envelope,
        now: SystemTime,
        checks: EnvelopeChecks,
        body: HashedBody,
    ) -> InboundCheck {
        let HashedBody { hashes, kept, bare_line_end } = body;
        InboundCheck {
            ahead: Vec::new(),
            waited: std::time::Duration::ZERO,
            envelope: checks,
            arc: self.arc.map(|arc| Progress::Running(arc.finish(hashes.clone()))),
            author: self.author,
            dmarc: None,
            report: None,
            case: Arc::new(Case {
                authenticator: self.authenticator,
                envelope,
                now,
                header: Ok(self.header),
                hashes: kept,
                sealer_hash: self.sealer_hash.and_then(|id| hashes.get(id).copied()),
                bare_line_end,
            }),
            dkim: Progress::Running(self.dkim.finish(hashes)),
        }
    }
}
