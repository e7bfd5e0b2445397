//! Searches for the change of the header that explains its hash or signature.

use crate::{
    diagnosis::Kind,
    head::Head,
    header_undo::{HeaderUndo, Known, UNDOS},
    rsa::enclosed_digest,
};
use waxseal::{
    crypto::{KeyType, Provider, PublicKey},
    dkim::Signature,
};

/// The most headers hashed for one signature.
const MAX_HASHED: usize = 160;

/// The most headers verified for one signature: each takes longer than a hash.
const MAX_VERIFIED: usize = 32;

/// How a header is recognized as the signed one.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// By the hash in the RSA signature.
    Digest(Vec<u8>),
    /// By its signature.
    Key(PublicKey),
}

impl Target {
    /// `None` when it is certain that another key made the signature.
    pub(crate) fn new(key: &PublicKey, signature: &Signature) -> Option<Self> {
        let algorithm = signature.algorithm();
        match key.key_type() {
            kind if kind != algorithm.key_type() => None,
            KeyType::Rsa => enclosed_digest(key, signature.signature(), algorithm.hash()).map(Self::Digest),
            KeyType::Ed25519 => Some(Self::Key(key.clone())),
        }
    }

    pub(crate) fn fits(&self, head: &Head, provider: &dyn Provider) -> bool {
        match self {
            Self::Digest(digest) => head.digest(provider).as_ref() == Some(digest),
            Self::Key(key) => head.signed(false).is_some_and(|(signature, bytes)| {
                provider.verify(key, signature.algorithm(), &bytes, signature.signature()).is_ok()
            }),
        }
    }

    fn limit(&self) -> usize {
        match self {
            Self::Digest(_) => MAX_HASHED,
            Self::Key(_) => MAX_VERIFIED,
        }
    }
}

/// A header whose signature is looked for.
pub(crate) struct HeaderSearch<'s> {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) target: &'s Target,
    pub(crate) signature: &'s Signature,
    pub(crate) known: &'s Known,
    /// Headers that were tried.
    pub(crate) tried: usize,
}

impl HeaderSearch<'_> {
    /// One or two changes that make the signature match; empty when none do.
    pub(crate) fn search(&mut self, head: &Head) -> Vec<HeaderUndo> {
        let mut singles = Vec::new();
        for (group, undo) in UNDOS.iter().enumerate() {
            for undone in undo(head, self.signature, self.known) {
                if self.fits(&undone.head) {
                    return self.with_relaxed(head, undone);
                }
                singles.push((group, undone));
            }
        }
        for (group, once) in singles {
            // In one order alone; several fields may have been added.
            let later = UNDOS
                .iter()
                .enumerate()
                .filter(|(other, _)| *other > group || *other == group && once.is_addition());
            for (_, undo) in later {
                for twice in undo(&once.head, self.signature, self.known) {
                    if self.tried >= self.target.limit() {
                        return Vec::new();
                    }
                    if self.fits(&twice.head) {
                        return vec![once, twice];
                    }
                }
            }
        }
        Vec::new()
    }

    fn fits(&mut self, head: &Head) -> bool {
        self.tried += 1;
        self.tried <= self.target.limit() && self.target.fits(head, self.provider)
    }

    fn with_relaxed(&self, head: &Head, found: HeaderUndo) -> Vec<HeaderUndo> {
        let relaxed = |head: &Head| head.signed(true).map(|(_, bytes)| bytes);
        if self.known.is_simple && relaxed(head) == relaxed(&found.head) {
            let told = HeaderUndo::new(Kind::RelaxedWouldPass, found.head.clone(), &found.field);
            return vec![found, told];
        }
        vec![found]
    }
}

impl HeaderUndo {
    fn is_addition(&self) -> bool {
        matches!(self.kind, Kind::AddedAfterSigning | Kind::OversignedField)
    }
}

/// Kinds of which the header has a sign.
pub(crate) fn signs(head: &Head) -> Vec<(Kind, &'static [u8])> {
    let has = |name: &[u8]| head.named(name).next().is_some();
    let mut found: Vec<(Kind, &'static [u8])> = Vec::new();
    let value = |name: &[u8]| {
        head.named(name).next_back().map(|number| head.value(number).trim_ascii()).unwrap_or_default()
    };
    if is_list(head) && value(b"Subject").starts_with(b"[") {
        found.push((Kind::SubjectTag, b"Subject"));
    }
    let is_via = memchr::memmem::find(value(b"From"), b" via ").is_some();
    if has(b"X-Original-From") || is_via && has(b"Reply-To") {
        found.push((Kind::FromRewritten, b"From"));
    }
    found
}

/// Whether a mailing list says that it sent the message.
pub(crate) fn is_list(head: &Head) -> bool {
    ["List-Id", "List-Post", "List-Unsubscribe"]
        .iter()
        .any(|name| head.named(name.as_bytes()).next().is_some())
}
