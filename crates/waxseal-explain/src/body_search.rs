//! Searches for the change of the body that explains its hash.

use crate::{
    body_undo::{BodyUndo, UNDOS, is_footer, with_one_dot_more},
    diagnosis::Kind,
    difference::{Difference, of_bodies},
    mime::Content,
};
use waxseal::{
    crypto::Provider,
    dkim::{
        Canonicalization,
        parts::{BodyForm, BodyHasher, canonical_body},
    },
};

/// The most hashes of a body, for all signatures of a message together.
pub(crate) const MAX_PASSES: usize = 34;

/// Larger bodies are not tried with two changes at once.
pub(crate) const MAX_PAIRED: usize = 5 * 1024 * 1024;

/// Lines from the end of a body within which something may have been appended.
const MAX_LINES: usize = 4096;

/// Larger bodies are not tried with a dot before each line.
const MAX_DOTTED: usize = 64 * 1024;

/// Lines that are tried with a dot in front.
const DOTS: usize = 12;

/// A body whose hashes are looked for.
pub(crate) struct BodySearch<'m> {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) content: Content,
    pub(crate) body: &'m [u8],
    /// How often something as long as the body was hashed.
    pub(crate) passes: usize,
}

/// The body hash of a signature, and how it was computed.
pub(crate) struct Wanted {
    pub(crate) form: BodyForm,
    pub(crate) expected: Vec<u8>,
}

/// A proved change, or one of two.
#[derive(Debug, Clone)]
pub(crate) struct BodyFinding {
    pub(crate) kind: Kind,
    /// Where it begins in the body, if known.
    pub(crate) offset: Option<usize>,
    pub(crate) detail: Option<String>,
}

/// The proved changes, and their details.
#[derive(Debug, Clone, Default)]
pub(crate) struct BodyFindings {
    pub(crate) all: Vec<BodyFinding>,
    pub(crate) difference: Option<Difference>,
}

impl BodyFinding {
    fn new(kind: Kind, offset: Option<usize>) -> Self {
        Self { kind, offset, detail: None }
    }
}

impl BodySearch<'_> {
    /// The hash of a body in this form.
    pub(crate) fn hash(&mut self, body: &[u8], form: &BodyForm) -> Vec<u8> {
        self.passes += 1;
        let mut hasher = BodyHasher::new(self.provider);
        hasher.want(*form);
        hasher.push(body);
        hasher.finish().get(form).map(|hash| hash.digest().as_bytes().to_vec()).unwrap_or_default()
    }

    fn fits(&mut self, body: &[u8], wanted: &Wanted) -> bool {
        self.passes < MAX_PASSES && self.hash(body, &wanted.form) == wanted.expected
    }

    /// One or two changes that make the hash match; empty when none do.
    pub(crate) fn search(&mut self, wanted: &Wanted) -> BodyFindings {
        if let Some(found) = self.appended(self.body, wanted) {
            return self.told(vec![found.0], self.body.get(..found.1).unwrap_or(self.body), wanted);
        }
        let mut applicable = Vec::new();
        for undo in UNDOS {
            let Some(undone) = self.undone(undo, self.body, wanted) else { continue };
            if self.fits(&undone, wanted) {
                let found = BodyFinding::new(undo.kind, offset(self.body, &undone));
                let all = self.with_relaxed(found, &undone, wanted);
                return self.told(all, &undone, wanted);
            }
            applicable.push(undo);
        }
        if let Some((found, undone)) = self.dotted(wanted) {
            return self.told(vec![found], &undone, wanted);
        }
        if self.body.len() > MAX_PAIRED {
            return BodyFindings::default();
        }
        match self.pairs(&applicable, wanted) {
            Some((all, undone)) => self.told(all, &undone, wanted),
            None => BodyFindings::default(),
        }
    }

    fn told(&self, all: Vec<BodyFinding>, signed: &[u8], wanted: &Wanted) -> BodyFindings {
        let difference = of_bodies(signed, self.body, wanted.form.canonicalization);
        BodyFindings { all, difference: Some(difference) }
    }

    fn undone(&self, undo: &BodyUndo, body: &[u8], wanted: &Wanted) -> Option<Vec<u8>> {
        if undo.is_simple_only && wanted.form.canonicalization == Canonicalization::Relaxed {
            return None;
        }
        (undo.apply)(&self.content, body).filter(|undone| *undone != body)
    }

    /// A change of only what relaxed canonicalization ignores is reported as such, too.
    fn with_relaxed(&mut self, found: BodyFinding, undone: &[u8], wanted: &Wanted) -> Vec<BodyFinding> {
        let relaxed = BodyForm { canonicalization: Canonicalization::Relaxed, ..wanted.form };
        let at = found.offset;
        let mut all = vec![found];
        if relaxed != wanted.form && self.hash(self.body, &relaxed) == self.hash(undone, &relaxed) {
            all.push(BodyFinding::new(Kind::RelaxedWouldPass, at));
        }
        all
    }

    /// Whether the body fits up to the end of some line, and up to where.
    fn appended(&mut self, body: &[u8], wanted: &Wanted) -> Option<(BodyFinding, usize)> {
        if self.passes + 2 > MAX_PASSES || wanted.form.length.is_some() {
            return None;
        }
        // Copied, then hashed.
        self.passes += 2;
        let canonical = canonical_body(wanted.form.canonicalization, body);
        let ends = memchr::memmem::rfind_iter(&canonical, b"\r\n").map(|at| at + 2);
        let mut ends: Vec<usize> = ends.take(MAX_LINES).collect();
        ends.reverse();
        let mut hasher = self.provider.hasher(wanted.form.hash);
        let mut done = 0;
        for end in ends {
            let text = canonical.get(done..end)?;
            hasher.update(text);
            done = end;
            if text != b"\r\n" && hasher.digest().as_bytes() == wanted.expected {
                let found = appended(body, &canonical, end);
                let end = found.offset.unwrap_or(body.len());
                return Some((found, end));
            }
        }
        None
    }

    /// Whether a dot was lost at the start of one line.
    fn dotted(&mut self, wanted: &Wanted) -> Option<(BodyFinding, Vec<u8>)> {
        if self.body.len() > MAX_DOTTED {
            return None;
        }
        let body = self.body;
        let dotted = with_one_dot_more(body, DOTS).find(|dotted| self.fits(dotted, wanted))?;
        Some((BodyFinding::new(Kind::DotLost, offset(body, &dotted)), dotted))
    }

    fn pairs(&mut self, applicable: &[&BodyUndo], wanted: &Wanted) -> Option<(Vec<BodyFinding>, Vec<u8>)> {
        for first in applicable {
            let Some(mut once) = self.undone(first, self.body, wanted) else { continue };
            let found = BodyFinding::new(first.kind, offset(self.body, &once));
            if let Some((appended, end)) = self.appended(&once, wanted) {
                once.truncate(end);
                return Some((vec![found, BodyFinding { offset: None, ..appended }], once));
            }
            for second in UNDOS.iter().filter(|second| second.kind != first.kind) {
                let Some(twice) = self.undone(second, &once, wanted) else { continue };
                if self.fits(&twice, wanted) {
                    return Some((vec![found, BodyFinding::new(second.kind, None)], twice));
                }
                if self.passes >= MAX_PASSES {
                    return None;
                }
            }
        }
        None
    }

    /// Kinds whose signs are rare in unchanged messages.
    pub(crate) fn signs(&self, is_list: bool) -> Vec<BodyFinding> {
        const STRONG: [Kind; 5] =
            [Kind::LineEnds, Kind::ByteOrderMark, Kind::LongLine, Kind::LinksRewritten, Kind::QuotedFrom];
        let mut found: Vec<BodyFinding> = Vec::new();
        for undo in UNDOS {
            let is_told = found.iter().any(|told| told.kind == undo.kind);
            if is_told || !STRONG.contains(&undo.kind) || !self.is_strong(undo.kind) {
                continue;
            }
            if let Some(undone) = (undo.apply)(&self.content, self.body) {
                found.push(BodyFinding::new(undo.kind, offset(self.body, &undone)));
            }
        }
        let tail = self.body.get(self.body.len().saturating_sub(2048)..).unwrap_or_default();
        if is_list && is_footer(tail) {
            found.push(BodyFinding::new(Kind::ListFooter, None));
        }
        found
    }

    /// Stricter than the undo itself, which also finds something to undo in unchanged messages.
    fn is_strong(&self, kind: Kind) -> bool {
        let has = |text: &[u8]| memchr::memmem::find(self.body, text).is_some();
        match kind {
            Kind::LineEnds => waxseal::header::line_ends::find_bare(self.body).is_some(),
            Kind::ByteOrderMark => self.body.starts_with(b"\xef\xbb\xbf"),
            Kind::LinksRewritten => has(b"safelinks.protection.outlook.com") || has(b"https://urldefense."),
            Kind::LongLine => self.body.split(|c| *c == b'\n').any(|line| (990..=1000).contains(&line.len())),
            _ => true,
        }
    }
}

/// What follows the first `end` canonical bytes.
fn appended(body: &[u8], canonical: &[u8], end: usize) -> BodyFinding {
    // Canonicalization keeps the number of lines.
    let lines = memchr::memmem::find_iter(canonical.get(..end).unwrap_or_default(), b"\r\n").count();
    let offset = memchr::memmem::find_iter(body, b"\r\n").nth(lines.saturating_sub(1)).map(|at| at + 2);
    let text = body.get(offset.unwrap_or(body.len())..).unwrap_or_default();
    let kind = if is_footer(text) { Kind::ListFooter } else { Kind::AppendedText };
    let detail = format!("{} bytes behind l={end}", canonical.len() - end);
    BodyFinding { kind, offset, detail: Some(detail) }
}

/// Where two texts begin to differ.
fn offset(body: &[u8], other: &[u8]) -> Option<usize> {
    let differs = body.iter().zip(other).position(|(a, b)| a != b);
    Some(differs.unwrap_or(body.len().min(other.len())))
}
