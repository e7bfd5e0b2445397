//! The text of a signature field, and the bytes to sign (RFC 6376 §3.5, §3.7).

use super::{SignError, Signer};
use crate::{
    body::BodyHash,
    picker::{FieldIndex, Picker},
    quoted_printable,
    signed_fields::List,
    tags::seconds,
    verify::FIELD_NAME,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{cell::OnceCell, fmt, sync::Arc, time::SystemTime};
use waxseal_crypto::{Algorithm, Digest, Provider, SigningInput, SigningKey};
use waxseal_header::{Field, Folder, Header, HeaderLimits};

/// A signature field that is complete except for the signature.
#[derive(Clone)]
pub struct Unsigned {
    folder: Folder,
    input: Vec<u8>,
    algorithm: Algorithm,
    key: Option<Arc<dyn SigningKey>>,
    provider: &'static dyn Provider,
}

impl Unsigned {
    /// The input of the signature: the bytes, and their SHA-256 for keys that sign the digest (as Ed25519 always does,
    /// RFC 8463 §3).
    pub fn input(&self) -> SigningInput<'_> {
        SigningInput::new(&self.input, self.provider)
    }

    /// The algorithm to sign with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The most bytes that the field can take with its signature and CRLF; an unknown public key counts as one of
    /// 16,384 bits.
    pub fn max_bytes(&self) -> usize {
        const LARGEST: usize = 16_384 / 8;
        let public_key = || self.key.as_ref().and_then(|key| key.public_key());
        let signature = match self.algorithm {
            Algorithm::Ed25519Sha256 => 64,
            _ => public_key().map_or(LARGEST, |key| key.bits().div_ceil(8) as usize),
        };
        let base64 = signature.div_ceil(3) * 4;
        // A line holds more than 60 characters of it, and begins with CRLF TAB SP.
        self.folder.as_str().len() + base64 + base64 / 60 * 4 + 2
    }

    /// Signs with the key of the signer. Returns the field with its CRLF.
    ///
    /// # Errors
    /// [`SignError::NoKey`] for a signer made by [`Signer::remote`], [`SignError::Key`] when the key fails.
    pub fn sign(self) -> Result<String, SignError> {
        let key = self.key.as_ref().ok_or(SignError::NoKey)?;
        let signature = key.sign(&self.input())?;
        Ok(self.attach(&signature))
    }

    /// Adds a signature made elsewhere. Returns the field with its CRLF.
    pub fn attach(self, signature: &[u8]) -> String {
        self.attach_folded(signature).finish()
    }

    /// [`Unsigned::attach`] for protocols that sign this field in turn, as ARC does: [`Folder::as_field`] is the field.
    pub fn attach_folded(mut self, signature: &[u8]) -> Folder {
        self.folder.glue(&BASE64_STANDARD.encode(signature));
        self.folder
    }
}

impl fmt::Debug for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsigned").field("field", &self.folder.as_str()).finish_non_exhaustive()
    }
}

/// The size of the header of the signed message, which must not exceed what verifiers read.
pub(super) struct Room {
    bytes: usize,
    fields: usize,
}

impl Room {
    pub(super) fn beside(header: &Header) -> Self {
        Self { bytes: header.as_bytes().len(), fields: header.len() }
    }

    /// Takes the room for one more field.
    pub(super) fn take(&mut self, bytes: usize) -> Result<(), SignError> {
        self.bytes += bytes;
        self.fields += 1;
        HeaderLimits::default().check(self.bytes, self.fields).map_err(SignError::NoRoom)
    }
}

/// What the signatures of a message have in common.
pub(super) struct Template<'h> {
    header: &'h Header,
    /// Made when it is needed first.
    index: OnceCell<FieldIndex>,
    now: SystemTime,
}

impl<'h> Template<'h> {
    pub(super) fn new(header: &'h Header, now: SystemTime) -> Self {
        Self { header, index: OnceCell::new(), now }
    }

    pub(super) fn unsigned(&self, signer: &Signer, hash: &BodyHash) -> Result<Unsigned, SignError> {
        let list = signer.settings.fields.list(self.header);
        // §3.5 of h=: "The field MUST NOT include the DKIM-Signature header field that is being created or verified".
        let own = list.names.iter().filter(|name| name.eq_ignore_ascii_case(FIELD_NAME)).count();
        if own > 0 && own > self.header.fields().filter(|field| field.is(FIELD_NAME)).count() {
            return Err(SignError::OwnField);
        }
        let mut tags = TagWriter::new(FIELD_NAME);
        self.leading_tags(signer, &mut tags)?;
        tags.body_hash(hash.digest());
        if signer.settings.body_length {
            tags.tag(&["l=", &hash.length().to_string()]);
        }
        if signer.settings.copied_fields {
            push_copies(&mut tags.folder, &self.copies(&list)?);
        }
        tags.names(&list.names);
        Ok(self.without_signature(signer, &list, tags))
    }

    /// The field with an empty `b=`.
    pub(super) fn without_signature(&self, signer: &Signer, list: &List<'_>, tags: TagWriter) -> Unsigned {
        let TagWriter { mut folder, .. } = tags;
        // b= begins a line, so that what is signed does not depend on how long the signature will be.
        folder.end_line();
        folder.word("b=");
        let mut input = Vec::with_capacity(self.header.as_bytes().len() + folder.as_str().len());
        self.for_each_signed(list, |field| signer.settings.header_form.header_field(field, &mut input));
        // Its value ends with `b=`, so nothing has to be left out.
        let own = folder.as_field();
        signer.settings.header_form.signature_field(own, own.value().len()..own.value().len(), &mut input);
        Unsigned {
            folder,
            input,
            algorithm: signer.algorithm,
            key: signer.key.clone(),
            provider: signer.settings.provider,
        }
    }

    /// Passes on the signed fields in the order of `h=`.
    fn for_each_signed(&self, list: &List<'_>, mut pass: impl FnMut(Field<'_>)) {
        if let Some(mut fields) = list.in_order {
            while fields != 0 {
                if let Some(field) = self.header.field(fields.trailing_zeros() as usize) {
                    pass(field);
                }
                fields &= fields - 1;
            }
            return;
        }
        let mut picker = self.picker();
        list.names.iter().filter_map(|name| picker.pick(name.as_bytes())).for_each(pass);
    }

    fn picker(&self) -> Picker<'_> {
        self.index.get_or_init(|| FieldIndex::new(self.header)).picker(self.header)
    }

    fn leading_tags(&self, signer: &Signer, tags: &mut TagWriter) -> Result<(), SignError> {
        tags.tag(&["v=1"]);
        tags.tag(&["a=", signer.algorithm.as_str()]);
        tags.canonicalization(signer);
        tags.tag(&["d=", signer.domain.as_str()]);
        tags.tag(&["s=", signer.selector.as_str()]);
        self.times(signer, tags)?;
        if let Some(identity) = &signer.identity {
            tags.tag(&["i=", &quoted_printable::encode(identity.as_bytes())]);
        }
        if signer.settings.query_method {
            tags.tag(&["q=dns/txt"]);
        }
        signer.settings.more_tags.iter().for_each(|(name, value)| tags.tag(&[name, "=", value]));
        Ok(())
    }

    /// `t=` and `x=`.
    pub(super) fn times(&self, signer: &Signer, tags: &mut TagWriter) -> Result<(), SignError> {
        if signer.settings.timestamp {
            tags.tag(&["t=", &self.seconds(0, "t")?.to_string()]);
        }
        if let Some(lifetime) = signer.settings.lifetime {
            // §3.5: "The value of the "x=" tag MUST be greater than the value of the "t=" tag if both are present."
            tags.tag(&["x=", &self.seconds(lifetime.as_secs().max(1), "x")?.to_string()]);
        }
        Ok(())
    }

    /// The time this many seconds from now, in seconds since 1970.
    fn seconds(&self, later: u64, tag: &'static str) -> Result<u64, SignError> {
        // §3.5: "implementations MAY consider any value longer than 12 digits to be infinite", and others refuse it.
        let seconds = seconds(self.now).checked_add(later).filter(|seconds| *seconds < 1_000_000_000_000);
        seconds.ok_or(SignError::Time(tag))
    }

    /// §3.5: "z= Copied header fields": every signed field, name and value, separated by `|`.
    fn copies(&self, list: &List<'_>) -> Result<String, SignError> {
        let mut copies = String::new();
        self.for_each_signed(list, |field| {
            if !copies.is_empty() {
                copies.push('|');
            }
            copies.push_str(&quoted_printable::encode(field.name()));
            copies.push(':');
            // Non-ASCII bytes are encoded, since the copy may be folded anywhere.
            for c in quoted_printable::encode(field.value()).chars() {
                if c.is_ascii() {
                    copies.push(c);
                } else {
                    c.to_string().bytes().for_each(|byte| copies.push_str(&format!("={byte:02X}")));
                }
            }
        });
        if copies.len() > Signer::MAX_COPIED_FIELDS {
            return Err(SignError::CopiedFields(copies.len()));
        }
        Ok(copies)
    }
}

/// Writes the tags of a signature field, without a string for each.
pub(super) struct TagWriter {
    folder: Folder,
    /// The tag that is being written.
    tag: String,
}

impl TagWriter {
    /// Begins the field `name`.
    pub(super) fn new(name: &str) -> Self {
        Self { folder: Folder::new(name), tag: String::with_capacity(64) }
    }

    /// Adds a tag, which consists of these parts.
    pub(super) fn tag(&mut self, parts: &[&str]) {
        self.tag.clear();
        parts.iter().for_each(|part| self.tag.push_str(part));
        self.tag.push(';');
        self.folder.word(&self.tag);
    }

    pub(super) fn canonicalization(&mut self, signer: &Signer) {
        let (header, body) = (signer.settings.header_form, signer.settings.body_form);
        self.tag(&["c=", header.as_str(), "/", body.as_str()]);
    }

    pub(super) fn body_hash(&mut self, digest: &Digest) {
        self.tag(&["bh=", &BASE64_STANDARD.encode(digest)]);
    }

    /// `h=`
    pub(super) fn names(&mut self, names: &[&str]) {
        push_names(&mut self.folder, names);
    }
}

/// The names of `h=`.
fn push_names(folder: &mut Folder, names: &[&str]) {
    const NAME: &str = "h=";
    let mut tag =
        String::with_capacity(NAME.len() + names.iter().map(|name| name.len() + 1).sum::<usize>() + 1);
    tag.push_str(NAME);
    for (number, name) in names.iter().enumerate() {
        tag.push_str(if number > 0 { ":" } else { "" });
        tag.push_str(name);
    }
    tag.push(';');
    // See `pieces`; names rarely have an equals sign.
    if !names.is_empty() && memchr::memrchr(b'=', tag.as_bytes()) == Some(NAME.len() - 1) {
        return folder.pieces(names.iter().scan((0, NAME.len()), |(start, end), name| {
            *end += name.len() + 1;
            tag.get(std::mem::replace(start, *end)..*end)
        }));
    }
    let bytes = tag.as_bytes();
    let may_fold = |at: usize| at.checked_sub(1).and_then(|before| bytes.get(before)) == Some(&b':');
    folder.pieces(pieces(&tag, may_fold).into_iter());
}

/// `z=`. RFC 2045 §6.7, which RFC 6376 §2.11 refers to: "hex-octet := "=" 2(DIGIT / "A" / "B" / "C" / "D" / "E" / "F")": no
/// blank stands in one.
fn push_copies(folder: &mut Folder, copies: &str) {
    const NAME: &str = "z=";
    let tag = format!("{NAME}{copies};");
    let bytes = tag.as_bytes();
    let in_hex = |at: usize| {
        let mut before = bytes.get(NAME.len()..at).unwrap_or_default().iter().rev().take(2);
        before.any(|byte| *byte == b'=')
    };
    folder.pieces(pieces(&tag, |at| at >= NAME.len() && !in_hex(at)).into_iter());
}

/// Splits a tag where it may be folded, at the offsets that `may_fold` allows, but not before a `b=`, as in the copy of
/// a field with `b=c`: a verifier that searches for a blank and `b=` would take it for the signature.
fn pieces(tag: &str, may_fold: impl Fn(usize) -> bool) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut rest, mut start) = (tag, 0);
    for (at, _) in tag.char_indices().skip(1) {
        if may_fold(at) && !tag.get(at..).is_some_and(|text| text.starts_with("b=")) {
            let (piece, after) = rest.split_at_checked(at - start).unwrap_or((rest, ""));
            pieces.push(piece);
            (rest, start) = (after, at);
        }
    }
    pieces.push(rest);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn copies(text: &str) -> String {
        let mut folder = Folder::new(FIELD_NAME);
        push_copies(&mut folder, text);
        folder.finish()
    }

    #[test]
    fn no_fold_stands_before_what_looks_like_the_signature() {
        for front in 0..200 {
            for text in ["b=3Dc", "b=20", "bb=3D", "b=3Db=3Db=3D"] {
                let field = copies(&format!("Subject:{}{text}", "x".repeat(front)));
                let blank_before_b = [" b=", "\tb=", "\nb="].iter().any(|mark| field.contains(mark));
                assert!(!blank_before_b, "{field}");
            }
        }
        let mut folder = Folder::new(FIELD_NAME);
        push_names(&mut folder, &["b="; 60]);
        assert!(!folder.finish().contains("\t b="));
    }

    proptest! {
        #[test]
        fn folds_part_no_octet_and_lose_nothing(text in "([b=xy|:]|=[0-9A-F]{2}){0,300}") {
            let text = quoted_printable::encode(text.as_bytes());
            let field = copies(&text);
            prop_assert!(!field.split("\r\n\t").any(|line| line.ends_with('=') && !line.ends_with("z=")), "{}", field);
            let bare: String = field.split_ascii_whitespace().collect();
            prop_assert_eq!(bare, format!("{FIELD_NAME}:z={text};"));
        }
    }
}
