//! A message whose header is complete, while its body still arrives.

use super::{
    Envelope, Method,
    case::Case,
    methods::{Keys, Memo, Signatures},
    settings::Settings,
};
use std::time::SystemTime;
use waxseal_arc::{ChainExamination, Sealer};
use waxseal_dkim::{
    Verdicts,
    parts::{BodyHasher, BodyHashes, Examination},
};
use waxseal_dmarc::Identifiers;
use waxseal_header::{Header, line_ends::FindBare};

#[derive(Debug)]
pub(super) struct Incoming {
    header: Header,
    pub(super) author: Identifiers,
    dkim: Option<Examination>,
    arc: Option<Box<ChainExamination>>,
    hasher: BodyHasher,
    /// Only for a sealer: verifiers hash what they receive.
    line_ends: Option<FindBare>,
    body_began: bool,
}

impl Incoming {
    pub(super) fn new(settings: &Settings, sealer: Option<&Sealer>, header: Header, now: SystemTime) -> Self {
        let mut hasher = BodyHasher::new(settings.dkim.provider());
        let dkim =
            settings.checks(Method::Dkim).then(|| settings.dkim.examine(header.clone(), now, &mut hasher));
        let arc = settings.chains().map(|arc| Box::new(arc.examine(header.clone(), now, &mut hasher)));
        let author = Identifiers::from_header(&header);
        let mut message = Self { author, header, dkim, arc, hasher, line_ends: None, body_began: false };
        if let Some(sealer) = sealer {
            message.seal_with(sealer);
        }
        message
    }

    /// Requests the body hash for this sealer; false when the body has begun.
    pub(super) fn seal_with(&mut self, sealer: &Sealer) -> bool {
        if self.body_began {
            return false;
        }
        self.hasher.want(sealer.body_form());
        self.line_ends.get_or_insert_default();
        true
    }

    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// The empty line between header and body ended in a bare LF.
    pub(super) fn bare_separator(&mut self) {
        self.body_began = true;
        if let Some(line_ends) = &mut self.line_ends {
            line_ends.push(b"\n");
        }
    }

    pub(super) fn body(&mut self, chunk: &[u8]) {
        self.body_began |= !chunk.is_empty();
        if let Some(line_ends) = &mut self.line_ends {
            line_ends.push(chunk);
        }
        self.hasher.push(chunk);
    }

    pub(super) fn keys(&self) -> Keys {
        let arc = self.arc.iter().flat_map(|arc| arc.questions());
        let dkim = self.dkim.iter().flat_map(|dkim| dkim.questions());
        Keys(dkim.chain(arc).collect())
    }

    pub(super) fn finish(self, envelope: Envelope, now: SystemTime) -> (Case, Signatures, Identifiers) {
        let Self { header, author, dkim, arc, hasher, line_ends, .. } = self;
        let hashes = hasher.finish();
        let case = Case {
            envelope,
            now,
            header: Ok(header),
            hashes: hashes.clone(),
            bare_line_end: line_ends.and_then(|line_ends| line_ends.finish()),
            answers: Vec::new(),
        };
        (case, signatures(dkim, arc, hashes), author)
    }

    /// Ends without a body, using its stored hashes. `None` when one is missing.
    pub(super) fn finish_with(self, case: &Case) -> Option<(Case, Signatures, Identifiers)> {
        let Self { author, dkim, arc, hasher, .. } = self;
        if hasher.forms().any(|form| case.hashes.get(&form).is_none()) {
            return None;
        }
        let case = Case { answers: Vec::new(), ..case.clone() };
        let signatures = signatures(dkim, arc, case.hashes.clone());
        Some((case, signatures, author))
    }
}

fn signatures(
    dkim: Option<Examination>,
    arc: Option<Box<ChainExamination>>,
    hashes: BodyHashes,
) -> Signatures {
    let arc = arc.map(|arc| Memo::Running(arc.finish(hashes.clone())));
    let dkim =
        dkim.map_or_else(|| Memo::done(Verdicts::default()), |dkim| Memo::Running(dkim.finish(hashes)));
    Signatures { dkim, arc }
}
