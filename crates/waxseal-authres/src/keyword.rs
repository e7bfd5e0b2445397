//! Keywords: the only text in the field that is never quoted.

use std::borrow::Cow;

/// The most bytes a [`Keyword`] has; the rest is cut.
pub(crate) const MAX_KEYWORD: usize = 64;

/// A name in Authentication-Results: of a method, a result, a property type or a property.
///
/// RFC 8601 §2.2 takes `Keyword` from RFC 5321 §4.1.2: letters, digits and hyphens, not ending in a hyphen.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Keyword(Cow<'static, str>);

impl Keyword {
    /// The name, fit to be written as it is.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// A word of the registry, fit as it is.
    pub(crate) const fn known(word: &'static str) -> Self {
        Self(Cow::Borrowed(word))
    }

    /// The keyword closest to `text`: other characters become `-`, final hyphens are dropped, at most 64 bytes are
    /// kept, and an empty keyword becomes `unknown`. Letter case is kept.
    pub(crate) fn sanitized(text: impl Into<Cow<'static, str>>) -> Self {
        let text = text.into();
        if is_keyword(&text) {
            return Self(text);
        }
        let mut kept: String =
            text.chars().take(MAX_KEYWORD).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        kept.truncate(kept.trim_end_matches('-').len());
        if kept.is_empty() { Self(Cow::Borrowed("unknown")) } else { Self(Cow::Owned(kept)) }
    }
}

fn is_keyword(text: &str) -> bool {
    text.len() <= MAX_KEYWORD
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && text.bytes().last().is_some_and(|b| b != b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_keyword_becomes_one() {
        assert_eq!(Keyword::sanitized("dkim-atps").as_str(), "dkim-atps");
        assert_eq!(Keyword::sanitized("x=1; spf=pass").as_str(), "x-1--spf-pass");
        assert_eq!(Keyword::sanitized("").as_str(), "unknown");
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(Keyword::sanitized("a".repeat(500)).as_str().len(), MAX_KEYWORD);
    }

    #[test]
    fn hyphens_at_the_end_fall_away() {
        assert_eq!(Keyword::sanitized("pass--").as_str(), "pass");
        assert_eq!(Keyword::sanitized("---").as_str(), "unknown");
        assert_eq!(Keyword::sanitized("-a").as_str(), "-a");
    }
}
