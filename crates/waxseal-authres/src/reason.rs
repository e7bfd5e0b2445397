//! Errors as reasons.

use std::error::Error;

/// An error and its sources ([`Error::source`]), separated by colons, as one line: fit for
/// [`Entry::with_reason`](crate::Entry::with_reason) and for logs.
///
/// It is printable ASCII without quotes and backslashes, and so the same wherever it is quoted. Any other character,
/// which an error may contain from a message or from DNS, becomes `?`.
///
/// ```
/// use waxseal_authres::{InvalidReceivedSpf, ReceivedSpf, reason};
/// let error = ReceivedSpf::parse(b"passed").unwrap_err();
/// assert_eq!(reason(&error), "?passed? is not a result of SPF");
/// ```
pub fn reason(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.extend(error.to_string().chars().map(|c| match c {
            '"' | '\\' => '?',
            ' '..='~' => c,
            _ => '?',
        }));
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Failed {
        text: &'static str,
        source: Option<Box<Failed>>,
    }

    #[test]
    fn what_is_behind_comes_after_colons_and_nothing_leaves_the_line() {
        let last = Failed { text: "é\r\n\u{1b}[2J\u{7f}", source: None };
        let middle = Failed { text: "\"a\" \\ ~ (b); c=d", source: Some(last.into()) };
        let first = Failed { text: "first", source: Some(middle.into()) };
        assert_eq!(reason(&first), "first: ?a? ? ~ (b); c=d: ????[2J?");
    }
}
