//! A message whose header is complete, while its body still arrives.

use super::{
    Envelope,
    case::{Case, KeptHash},
    methods::{Keys, Memo, Signatures},
    settings::Settings,
};
use std::time::SystemTime;
use waxseal_arc::ChainExamination;
use waxseal_dkim::{BodyHashId, BodyHasher, BodyHashes, Examination};
use waxseal_dmarc::Identifiers;
use waxseal_header::{Header, line_ends::FindBare};

#[derive(Debug)]
pub(super) struct Incoming {
    header: Header,
    pub(super) author: Identifiers,
    dkim: Examination,
    arc: Option<ChainExamination>,
    hasher: BodyHasher,
    sealed_body: Option<BodyHashId>,
    /// Looked at for a sealer alone: verifiers take what comes.
    line_ends: Option<FindBare>,
}

impl Incoming {
    pub(super) fn new(settings: &Settings, header: Header, now: SystemTime) -> Self {
        let mut hasher = BodyHasher::new(settings.dkim.provider());
        let dkim = settings.dkim.examine(header.clone(), now, &mut hasher);
        let arc = settings.arc.as_ref().map(|arc| arc.examine(header.clone(), now, &mut hasher));
        let sealed_body = settings.sealer.as_ref().map(|sealer| sealer.want_body(&mut hasher));
        let line_ends = sealed_body.map(|_| FindBare::default());
        Self { author: Identifiers::from_header(&header), header, dkim, arc, hasher, sealed_body, line_ends }
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

    pub(super) fn keys(&self) -> Keys {
        let arc = self.arc.iter().flat_map(|arc| arc.questions());
        Keys(self.dkim.questions().chain(arc).collect())
    }

    pub(super) fn finish(self, envelope: Envelope, now: SystemTime) -> (Case, Signatures, Identifiers) {
        let Self { header, author, dkim, arc, hasher, sealed_body, line_ends } = self;
        let wanted = hasher.wanted().collect();
        let hashes = hasher.finish();
        let case = Case {
            envelope,
            now,
            header: Ok(header),
            hashes: KeptHash::all(wanted, &hashes),
            sealed_body: sealed_body.and_then(|id| hashes.get(id).copied()),
            bare_line_end: line_ends.and_then(|line_ends| line_ends.finish()),
            answers: Vec::new(),
        };
        (case, signatures(dkim, arc, hashes), author)
    }

    /// Ends without a body, by the hashes that were kept of it. `None` when one is missing.
    pub(super) fn finish_with(self, case: &Case) -> Option<(Case, Signatures, Identifiers)> {
        let Self { author, dkim, arc, hasher, sealed_body, .. } = self;
        let find = |form, algorithm, length| {
            case.hashes.iter().find_map(|kept: &KeptHash| kept.get(form, algorithm, length))
        };
        let hashes = hasher.finish_with(find)?;
        let sealed_body = sealed_body.and_then(|id| hashes.get(id).copied());
        let case = Case { sealed_body, answers: Vec::new(), ..case.clone() };
        Some((case, signatures(dkim, arc, hashes), author))
    }
}

fn signatures(dkim: Examination, arc: Option<ChainExamination>, hashes: BodyHashes) -> Signatures {
    let arc = arc.map(|arc| Memo::Running(arc.finish(hashes.clone())));
    Signatures { dkim: Memo::Running(dkim.finish(hashes)), arc }
}
