//! Problems of published records, for their publishers: the same types for SPF, DMARC and DKIM records.
//!
//! The crate of each protocol has the problems and the function that finds them, for example `waxseal_spf::publish::lint`.

use crate::DomainName;
use std::{fmt, ops::Range};

/// How much a [`Finding`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Good to know.
    Note,
    /// Receivers may treat mail other than the publisher intends.
    Warning,
    /// Receivers cannot use the record, or it does the opposite of its purpose.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A problem and its place.
///
/// `Display` is one line of ASCII: severity, domain, the text that the problem is about, the problem and the
/// suggestion.
///
/// ```
/// use waxseal_dns::lint::{Finding, Severity};
///
/// let finding = Finding::new("unknown-tag", Severity::Warning, "unknown tag")
///     .with_span(b"v=DMARC1; q=none", 10..11)
///     .with_suggestion("p");
/// assert_eq!(finding.to_string(), "warning: q: unknown tag: write p");
/// assert_eq!((finding.id(), finding.span()), ("unknown-tag", Some(10..11)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", Line(self))]
pub struct Finding {
    id: &'static str,
    severity: Severity,
    problem: Box<str>,
    domain: Option<DomainName>,
    span: Option<Range<usize>>,
    excerpt: Option<Box<str>>,
    suggestion: Option<Box<str>>,
}

impl Finding {
    /// A problem of a record as a whole: its name for programs, and its text, one line of ASCII.
    pub fn new(id: &'static str, severity: Severity, problem: impl fmt::Display) -> Self {
        let problem = problem.to_string().into();
        Self { id, severity, problem, domain: None, span: None, excerpt: None, suggestion: None }
    }

    /// A problem of the record at this name.
    #[must_use]
    pub fn with_domain(mut self, domain: &DomainName) -> Self {
        self.domain = Some(domain.clone());
        self
    }

    /// A problem of these bytes of `record`.
    #[must_use]
    pub fn with_span(mut self, record: &[u8], span: Range<usize>) -> Self {
        let text = record.get(span.clone()).unwrap_or_default();
        let excerpt = text.get(..MAX_EXCERPT).unwrap_or(text).escape_ascii().to_string();
        self.excerpt = (!excerpt.is_empty()).then(|| excerpt.into());
        self.span = Some(span);
        self
    }

    /// What to write in place of the span.
    #[must_use]
    pub fn with_suggestion(mut self, text: impl Into<Box<str>>) -> Self {
        self.suggestion = Some(text.into());
        self
    }

    /// A stable name for programs. The function that finds the problems lists their names.
    pub fn id(&self) -> &'static str {
        self.id
    }

    /// How much it matters.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong, in one line of ASCII.
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// The name of the record; `None` when a text was checked without DNS.
    pub fn domain(&self) -> Option<&DomainName> {
        self.domain.as_ref()
    }

    /// Where it is, in bytes of the record; `None` when it is about the record as a whole.
    pub fn span(&self) -> Option<Range<usize>> {
        self.span.clone()
    }

    /// The text of the [`span`](Self::span), at most its first 100 bytes, with whatever is not visible ASCII escaped.
    pub fn excerpt(&self) -> Option<&str> {
        self.excerpt.as_deref()
    }

    /// What to write in place of the [`span`](Self::span).
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

/// `Display` of a finding.
struct Line<'f>(&'f Finding);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { severity, problem, domain, excerpt, suggestion, .. } = self.0;
        write!(f, "{severity}: ")?;
        if let Some(domain) = domain {
            write!(f, "{}: ", domain.as_str().as_bytes().escape_ascii())?;
        }
        if let Some(excerpt) = excerpt {
            write!(f, "{excerpt}: ")?;
        }
        f.write_str(problem)?;
        match suggestion {
            Some(suggestion) => write!(f, ": write {suggestion}"),
            None => Ok(()),
        }
    }
}

const MAX_EXCERPT: usize = 100;

/// The word that was probably meant: the known one with the fewest letters to add, drop, replace or swap, at most two
/// and fewer than half of the word, in any case. Of equals, the first one.
///
/// ```
/// use waxseal_dns::lint::nearest;
/// assert_eq!(nearest("rejct", &["none", "quarantine", "reject"]), Some("reject"));
/// assert_eq!(nearest("al", &["a", "all"]), Some("all"));
/// assert_eq!(nearest("keytabel", &["KeyTable"]), Some("KeyTable"));
/// assert_eq!(nearest("moo", &["mx", "all"]), None);
/// ```
pub fn nearest(word: &str, known: &[&'static str]) -> Option<&'static str> {
    const LONGEST: usize = 32;
    if word.len() > LONGEST {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let near = |known: &&'static str| {
        let distance = distance(word.as_bytes(), known.to_ascii_lowercase().as_bytes());
        (distance <= 2 && 2 * distance < known.len().max(word.len())).then_some((distance, *known))
    };
    // Missing letters are the likelier mistake.
    let rank = |(distance, known): &(usize, &str)| (*distance, known.len() < word.len());
    known.iter().filter_map(near).min_by_key(rank).map(|(_, known)| known)
}

/// Letters to add, drop or replace, or neighbours to swap.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut previous = None;
    for (i, &c) in a.iter().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for (j, (&d, above)) in b.iter().zip(row.windows(2)).enumerate() {
            let [diagonal, above] = above else { continue };
            left = (diagonal + usize::from(c != d)).min(above + 1).min(left + 1);
            let swapped = j > 0 && previous == Some(d) && b.get(j - 1) == Some(&c);
            if let (true, Some(two_back)) = (swapped, before.get(j.saturating_sub(1))) {
                left = left.min(two_back + 1);
            }
            next.push(left);
        }
        before = std::mem::replace(&mut row, next);
        previous = Some(c);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("all", "al", 1),
            ("prt", "ptr", 1),
            ("inlcude", "include", 1),
            ("ipv4", "ip4", 1),
            ("rejct", "reject", 1),
            ("kitten", "sitting", 3),
            ("quarentin", "quarantine", 2),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }

    #[test]
    fn short_words_are_not_guessed_from_nothing() {
        let known = ["a", "mx", "all", "ptr", "ip4", "ip6", "include", "exists"];
        for (word, meant) in [
            ("al", Some("all")),
            ("alll", Some("all")),
            ("prt", Some("ptr")),
            ("ipv4", Some("ip4")),
            ("INCLUDES", Some("include")),
            ("exsits", Some("exists")),
            ("b", None),
            ("mc", None),
            ("", None),
            ("xyz", None),
        ] {
            assert_eq!(nearest(word, &known), meant, "{word}");
        }
        assert_eq!(nearest(&"a".repeat(1000), &["a"]), None);
    }

    #[test]
    fn what_is_not_ascii_is_escaped_and_long_text_is_cut() {
        let record = [b"v=spf1 ".as_slice(), &[0xff; 200]].concat();
        let odd = || Finding::new("odd", Severity::Note, "odd");
        let finding = odd().with_span(&record, 7..207);
        assert_eq!(finding.to_string(), format!("note: {}: odd", "\\xff".repeat(100)));
        assert_eq!(finding.span(), Some(7..207));
        // A span of nothing is a place, not a text.
        assert_eq!(odd().with_span(&record, 3..3).to_string(), "note: odd");
    }
}
