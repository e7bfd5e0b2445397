//! The text of a signature field, and the bytes to sign (RFC 6376 §3.5, §3.7).

use super::{SignError, Signer};
use crate::{body::BodyHash, picker::FieldIndex, quoted_printable, tags::seconds, verify::FIELD_NAME};
use base64::{Engine, prelude::BASE64_STANDARD};
use std::{borrow::Cow, fmt, sync::Arc, time::SystemTime};
use waxseal_crypto::{Algorithm, Provider, SigningInput, SigningKey};
use waxseal_header::{Folder, Header, HeaderLimits};

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
        let public_key = self.key.as_ref().and_then(|key| key.public_key());
        let signature = match self.algorithm {
            Algorithm::Ed25519Sha256 => 64,
            _ => public_key.map_or(LARGEST, |key| key.bits().div_ceil(8) as usize),
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
        let key = self.key.clone().ok_or(SignError::NoKey)?;
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
    pub(super) header: &'h Header,
    pub(super) index: &'h FieldIndex,
    pub(super) now: SystemTime,
}

impl Template<'_> {
    pub(super) fn unsigned(&self, signer: &Signer, hash: &BodyHash) -> Result<Unsigned, SignError> {
        let names = signer.settings.fields.list(self.header);
        // §3.5 of h=: "The field MUST NOT include the DKIM-Signature header field that is being created or verified".
        let own = names.iter().filter(|name| name.eq_ignore_ascii_case(FIELD_NAME)).count();
        if own > self.header.fields().filter(|field| field.is(FIELD_NAME)).count() {
            return Err(SignError::OwnField);
        }
        let mut folder = Folder::new(FIELD_NAME);
        for tag in self.leading_tags(signer)? {
            folder.word(&tag);
        }
        folder.word(&format!("bh={};", BASE64_STANDARD.encode(hash.digest())));
        if signer.settings.body_length {
            folder.word(&format!("l={};", hash.length()));
        }
        if signer.settings.copied_fields {
            push_copies(&mut folder, &self.copies(&names)?);
        }
        push_names(&mut folder, &names);
        Ok(self.without_signature(signer, &names, folder))
    }

    /// The field with an empty `b=`.
    pub(super) fn without_signature(&self, signer: &Signer, names: &[&str], mut folder: Folder) -> Unsigned {
        // b= begins a line, so that what is signed does not depend on how long the signature will be.
        folder.end_line();
        folder.word("b=");
        let mut input = Vec::with_capacity(self.header.as_bytes().len() + folder.as_str().len());
        let mut picker = self.index.picker(self.header);
        for field in names.iter().filter_map(|name| picker.pick(name.as_bytes())) {
            signer.settings.header_form.header_field(field, &mut input);
        }
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

    fn leading_tags(&self, signer: &Signer) -> Result<Vec<Cow<'static, str>>, SignError> {
        let mut tags: Vec<Cow<'static, str>> = vec![
            "v=1;".into(),
            format!("a={};", signer.algorithm.as_str()).into(),
            format!("c={}/{};", signer.settings.header_form, signer.settings.body_form).into(),
            format!("d={};", signer.domain).into(),
            format!("s={};", signer.selector).into(),
        ];
        tags.extend(self.times(signer)?.into_iter().map(Cow::from));
        if let Some(identity) = &signer.identity {
            tags.push(format!("i={};", quoted_printable::encode(identity.as_bytes())).into());
        }
        if signer.settings.query_method {
            tags.push("q=dns/txt;".into());
        }
        tags.extend(signer.settings.more_tags.iter().map(|(name, value)| format!("{name}={value};").into()));
        Ok(tags)
    }

    /// `t=` and `x=`.
    pub(super) fn times(&self, signer: &Signer) -> Result<Vec<String>, SignError> {
        let mut tags = Vec::with_capacity(2);
        if signer.settings.timestamp {
            tags.push(format!("t={};", self.seconds(0, "t")?));
        }
        if let Some(lifetime) = signer.settings.lifetime {
            // §3.5: "The value of the "x=" tag MUST be greater than the value of the "t=" tag if both are present."
            tags.push(format!("x={};", self.seconds(lifetime.as_secs().max(1), "x")?));
        }
        Ok(tags)
    }

    /// The time this many seconds from now, in seconds since 1970.
    fn seconds(&self, later: u64, tag: &'static str) -> Result<u64, SignError> {
        // §3.5: "implementations MAY consider any value longer than 12 digits to be infinite", and others refuse it.
        let seconds = seconds(self.now).checked_add(later).filter(|seconds| *seconds < 1_000_000_000_000);
        seconds.ok_or(SignError::Time(tag))
    }

    /// §3.5: "z= Copied header fields": every signed field, name and value, separated by `|`.
    fn copies(&self, names: &[&str]) -> Result<String, SignError> {
        let mut picker = self.index.picker(self.header);
        let mut copies = String::new();
        for field in names.iter().filter_map(|name| picker.pick(name.as_bytes())) {
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
        }
        if copies.len() > Signer::MAX_COPIED_FIELDS {
            return Err(SignError::CopiedFields(copies.len()));
        }
        Ok(copies)
    }
}

/// The names of `h=`.
pub(super) fn push_names(folder: &mut Folder, names: &[&str]) {
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
