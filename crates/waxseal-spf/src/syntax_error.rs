//! Why a text is not a record.

use crate::printable::Printable;

/// Why a text is not a record, and where.
///
/// `Display` is one line of ASCII without quotes, fit for `reason=`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} at offset {} in {}{}", .kind, .offset, Printable(.term), self.advice())]
pub struct SyntaxError {
    kind: SyntaxErrorKind,
    offset: usize,
    term: Box<[u8]>,
}

impl SyntaxError {
    pub(crate) fn new(offset: usize, term: &[u8], kind: SyntaxErrorKind) -> Self {
        // A term of a megabyte helps nobody.
        Self { kind, offset, term: term.get(..MAX_SHOWN).unwrap_or(term).into() }
    }

    pub(crate) fn kind(&self) -> SyntaxErrorKind {
        self.kind
    }

    /// What is wrong, in a few words.
    pub fn problem(&self) -> String {
        self.kind.to_string()
    }

    /// Where the offending term starts, in bytes from the start of the record.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// The first 100 bytes of the offending term.
    pub fn term(&self) -> &[u8] {
        &self.term
    }
}

impl SyntaxError {
    fn advice(&self) -> String {
        let write = |suggestion: String| format!(": write {}", Printable(suggestion.as_bytes()));
        self.suggestion().map(write).unwrap_or_default()
    }
}

/// The most bytes kept of a term.
pub(crate) const MAX_SHOWN: usize = 100;

/// What is wrong with a term.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SyntaxErrorKind {
    /// The text does not begin with `v=spf1` and a space or its end (RFC 7208 §4.5).
    #[error("no version section v=spf1")]
    Version,
    /// No mechanism has that name (§4.6.1).
    #[error("unknown mechanism")]
    UnknownMechanism,
    /// A modifier's name is a letter, then letters, digits, `-`, `_` or `.` (§4.6.1), without a qualifier.
    #[error("invalid name of a modifier")]
    ModifierName,
    /// `redirect=` or `exp=` twice (§6).
    #[error("repeated modifier")]
    RepeatedModifier,
    /// `all` takes no argument, `ptr` no prefix length (§5.1, §5.5).
    #[error("unexpected argument")]
    NeedlessArgument,
    /// The term needs a domain (§5.2, §5.7, §6).
    #[error("missing domain")]
    MissingDomain,
    /// A domain ends in a macro or in a dot and a top label: letters, digits and inner hyphens, not digits alone
    /// (§7.1).
    #[error("domain without a valid top label")]
    TopLabel,
    /// A `%` must begin `%%`, `%_`, `%-` or a macro in braces (§7.1).
    #[error("invalid macro")]
    Macro,
    /// The macros `c`, `r` and `t` are for explanations only (§7.2).
    #[error("macro allowed in explanations only")]
    ExplainOnlyMacro,
    /// `ip4:` needs four numbers without leading zeros (§5.6).
    #[error("invalid IPv4 network")]
    Ip4Network,
    /// `ip6:` needs an address as in RFC 4291 §2.2 (§5.6).
    #[error("invalid IPv6 network")]
    Ip6Network,
    /// 0 to 32 for IPv4, 0 to 128 for IPv6, no leading zeros (§5.6).
    #[error("invalid prefix length")]
    PrefixLength,
    /// A byte that is not visible ASCII (§7.1).
    #[error("byte other than visible ASCII")]
    Octet,
}
