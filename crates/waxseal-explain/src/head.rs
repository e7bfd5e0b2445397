//! A header that may be the signed one.

use bytes::Bytes;
use waxseal::{
    crypto::Provider,
    dkim::{Canonicalization, Signature, parts},
    header::{Field, Header, TagList},
};

/// Fields that can be changed, one of which is the signature.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    /// Each with its line end.
    pub(crate) fields: Vec<Vec<u8>>,
    /// Which of them is the signature.
    pub(crate) own: usize,
    pub(crate) is_arc: bool,
}

impl Head {
    pub(crate) fn new(header: &Header, own: usize, is_arc: bool) -> Self {
        Self { fields: header.fields().map(|field| field.raw().to_vec()).collect(), own, is_arc }
    }

    pub(crate) fn header(&self) -> Option<Header> {
        let text = [&*self.fields.concat(), b"\r\n"].concat();
        Header::parse(&text).ok().map(|(header, _)| header).filter(|header| header.len() == self.fields.len())
    }

    /// The hash of what the signature is over.
    pub(crate) fn digest(&self, provider: &dyn Provider) -> Option<Vec<u8>> {
        let (signature, bytes) = self.signed(false)?;
        let mut hasher = provider.hasher(signature.algorithm().hash());
        hasher.update(&bytes);
        Some(hasher.finish().as_bytes().to_vec())
    }

    /// The signature and what it is over.
    pub(crate) fn signed(&self, relaxed: bool) -> Option<(Signature, Vec<u8>)> {
        let header = self.header()?;
        let mut signature = signature_of(&header.value_bytes(self.own)?, self.is_arc)?;
        if relaxed {
            let body = signature.body_canonicalization();
            signature = parts::with_canonicalization(signature, Canonicalization::Relaxed, body);
        }
        let bytes = parts::signed_bytes(&signature, &header, self.own);
        Some((signature, bytes))
    }

    /// The names and numbers of the fields.
    pub(crate) fn named<'h>(&'h self, name: &'h [u8]) -> impl DoubleEndedIterator<Item = usize> + 'h {
        (0..self.fields.len()).filter(move |number| self.is(*number, name))
    }

    pub(crate) fn is(&self, number: usize, name: &[u8]) -> bool {
        self.name(number).eq_ignore_ascii_case(name)
    }

    pub(crate) fn name(&self, number: usize) -> &[u8] {
        let field = self.fields.get(number).map(Vec::as_slice).unwrap_or_default();
        field.split(|c| *c == b':').next().unwrap_or_default().trim_ascii_end()
    }

    /// What follows the colon, without the last line end.
    pub(crate) fn value(&self, number: usize) -> &[u8] {
        let field = self.fields.get(number).map(Vec::as_slice).unwrap_or_default();
        let value = memchr::memchr(b':', field).and_then(|colon| field.get(colon + 1..)).unwrap_or_default();
        value.strip_suffix(b"\r\n").or_else(|| value.strip_suffix(b"\n")).unwrap_or(value)
    }

    #[must_use]
    pub(crate) fn with_value(&self, number: usize, value: &[u8]) -> Self {
        let mut head = self.clone();
        let field = [self.name(number), b":", value, b"\r\n"].concat();
        if let Some(slot) = head.fields.get_mut(number) {
            *slot = field;
        }
        head
    }

    /// Without that field, which is not the signature.
    #[must_use]
    pub(crate) fn without(&self, number: usize) -> Self {
        let mut head = self.clone();
        if number != self.own && number < self.fields.len() {
            head.fields.remove(number);
            head.own -= usize::from(number < self.own);
        }
        head
    }

    /// Every field changed by `change`.
    #[must_use]
    pub(crate) fn map(&self, change: impl Fn(&[u8]) -> Vec<u8>) -> Self {
        Self { fields: self.fields.iter().map(|field| change(field)).collect(), ..self.clone() }
    }
}

/// Reads a DKIM-Signature or an ARC-Message-Signature.
pub(crate) fn signature_of(value: &Bytes, is_arc: bool) -> Option<Signature> {
    if is_arc {
        let list = TagList::parse(value).ok()?;
        return parts::message_signature(value, &list).ok();
    }
    Signature::from_bytes(value.clone()).ok()
}

/// Whether a field is a signature of DKIM (`false`) or ARC (`true`).
pub(crate) fn is_signature(field: Field<'_>) -> Option<bool> {
    match () {
        () if field.is("DKIM-Signature") => Some(false),
        () if field.is("ARC-Message-Signature") => Some(true),
        () => None,
    }
}
