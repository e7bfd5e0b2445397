//! PEM blocks in text (RFC 7468), read leniently.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";

/// A block: the text between `-----BEGIN label-----` and `-----END label-----`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Block<'a> {
    pub(crate) label: &'a [u8],
    /// The text between the two lines, with line ends and possibly RFC 1421 headers.
    pub(crate) body: &'a [u8],
}

impl Block<'_> {
    /// The decoded body; `None` when it is not base64.
    pub(crate) fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        decode_base64(self.body)
    }
}

/// All complete blocks of `text`, whatever is around them.
pub(crate) fn blocks(text: &[u8]) -> impl Iterator<Item = Block<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = split_once(rest, BEGIN)?;
        let (label, after) = split_once(after, DASHES)?;
        let end = [b"-----END ", label, DASHES].concat();
        let (body, after) = split_once(after, &end)?;
        rest = after;
        Some(Block { label, body })
    })
}

/// Decodes base64 with white space anywhere.
pub(crate) fn decode_base64(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut dense = Zeroizing::new(Vec::with_capacity(text.len()));
    dense.extend(text.iter().filter(|byte| !byte.is_ascii_whitespace()));
    // The capacity that base64 needs: a reallocation would leave a copy of a secret behind.
    let mut out = Zeroizing::new(Vec::with_capacity(dense.len().div_ceil(4) * 3));
    BASE64_STANDARD.decode_vec(dense.as_slice(), &mut out).ok()?;
    Some(out)
}

fn split_once<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(mark.len()).position(|window| window == mark)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(mark.len()..)?))
}
