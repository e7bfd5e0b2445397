//! Signing with a body hash that is computed elsewhere, for DKIM and ARC (RFC 8617 §4.1.2) in one pass over the body.

use super::{
    SignError, Signer, check_header, check_one_from,
    template::{Room, TagWriter, Template, Unsigned},
};
use crate::body::{BodyForm, BodyHash, BodyHashes};
use std::time::SystemTime;
use waxseal_crypto::{Provider, SigningKey};
use waxseal_header::{Header, line_ends::find_bare};

/// For programs that hash the body themselves, such as a forwarder that verifies, signs and seals in one pass.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_crypto::{PrivateKey, default_provider};
/// use waxseal_dkim::{Signer, parts::BodyHasher};
/// use waxseal_header::Header;
/// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
/// let signer = Signer::new("example.org", "2026a", key)?;
/// let (header, body) = Header::parse(b"From: joe@example.org\r\n\r\nHi.\r\n")?;
/// let mut hasher = BodyHasher::new(default_provider()?);
/// hasher.want(signer.body_form());
/// hasher.push(body);
/// let field = signer.unsigned(&header, &hasher.finish(), SystemTime::now())?.sign()?;
/// assert!(field.starts_with("DKIM-Signature: "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// They must also make sure that its lines end in CRLF ([`FindBare`](waxseal_header::line_ends::FindBare)).
impl Signer {
    /// The body hash that this signer needs, to be requested from a [`BodyHasher`](crate::parts::BodyHasher).
    pub fn body_form(&self) -> BodyForm {
        BodyForm { canonicalization: self.settings.body_form, hash: self.algorithm.hash(), length: None }
    }

    pub(super) fn body_hash<'h>(&self, hashes: &'h BodyHashes) -> Result<&'h BodyHash, SignError> {
        hashes.get(&self.body_form()).ok_or(SignError::NoBodyHash)
    }

    /// A DKIM-Signature that is complete except for the signature, for `header` and a body whose hash of
    /// [`Signer::body_form`] is in `hashes`.
    ///
    /// # Errors
    /// [`SignError`].
    pub fn unsigned(
        &self,
        header: &Header,
        hashes: &BodyHashes,
        now: SystemTime,
    ) -> Result<Unsigned, SignError> {
        check_one_from(self.prepare(header)?)?;
        let unsigned = Template::new(header, now).unsigned(self, self.body_hash(hashes)?)?;
        Room::beside(header).take(unsigned.max_bytes())?;
        Ok(unsigned)
    }

    /// [`Signer::unsigned`] for an ARC-Message-Signature (RFC 8617 §4.1.2): `i=` is the number of the ARC set; `l=`,
    /// `q=` and `z=` are not set.
    ///
    /// # Errors
    /// [`SignError`].
    pub(crate) fn unsigned_arc(
        &self,
        instance: u32,
        header: &Header,
        hashes: &BodyHashes,
        now: SystemTime,
    ) -> Result<Unsigned, SignError> {
        self.prepare(header)?;
        let template = Template::new(header, now);
        let list = self.settings.fields.list(header);
        let mut tags = TagWriter::new("ARC-Message-Signature");
        tags.tag(&["i=", &instance.to_string()]);
        tags.tag(&["d=", self.domain.as_str()]);
        tags.tag(&["s=", self.selector.as_str()]);
        tags.tag(&["a=", self.algorithm.as_str()]);
        tags.canonicalization(self);
        template.times(self, &mut tags)?;
        tags.names(&list.names);
        tags.body_hash(self.body_hash(hashes)?.digest());
        Ok(template.without_signature(self, &list, tags))
    }

    /// The key; `None` for a signer made by [`Signer::remote`].
    pub(crate) fn key(&self) -> Option<&dyn SigningKey> {
        self.key.as_deref().map(|key| key as &dyn SigningKey)
    }

    /// The crypto provider for hashing.
    pub(crate) fn provider(&self) -> &'static dyn Provider {
        self.settings.provider
    }

    /// Returns how many From fields there are.
    fn prepare(&self, header: &Header) -> Result<usize, SignError> {
        if let Some(offset) = find_bare(header.as_bytes()) {
            return Err(SignError::BareLineEnd(offset as u64));
        }
        let from = check_header(header)?;
        self.check(header)?;
        Ok(from)
    }
}
