//! Patterns in which `*` matches any text, in linear time.

use memchr::memmem;

/// The literal parts of a pattern with at least one `*`.
#[derive(Clone, Debug)]
pub(crate) struct Glob {
    prefix: Box<[u8]>,
    middle: Box<[Box<[u8]>]>,
    suffix: Box<[u8]>,
}

impl Glob {
    /// `None` if the pattern has no `*`.
    pub(crate) fn new(pattern: &str) -> Option<Self> {
        let (prefix, rest) = pattern.split_once('*')?;
        let (middle, suffix) = rest.rsplit_once('*').unwrap_or(("", rest));
        let middle =
            middle.split('*').filter(|part| !part.is_empty()).map(|part| part.as_bytes().into()).collect();
        Some(Self { prefix: prefix.as_bytes().into(), middle, suffix: suffix.as_bytes().into() })
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(rest) = text.as_bytes().strip_prefix(&*self.prefix) else { return false };
        let Some(mut rest) = rest.strip_suffix(&*self.suffix) else { return false };
        // The leftmost place of each part leaves the most room for the next: nothing is tried twice.
        for part in &self.middle {
            let Some(at) = memmem::find(rest, part) else { return false };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        true
    }
}
