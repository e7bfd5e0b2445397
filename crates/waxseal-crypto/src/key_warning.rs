use crate::PublicKey;

/// A warning about a key that works; `Display` is the sentence to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct KeyWarning(Kind);

impl KeyWarning {
    /// The first warning that applies to this key.
    pub(crate) fn of(key: &PublicKey) -> Option<Self> {
        let bits = key.bits();
        let kind = match key.rsa_exponent()? {
            _ if bits < 2048 => Kind::ShortRsa { bits },
            _ if bits > 4096 => Kind::LongRsa { bits },
            65_537 => return None,
            exponent => Kind::Exponent { exponent },
        };
        Some(Self(kind))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Kind {
    /// RFC 8301 §3.2: signers SHOULD use RSA keys of at least 2048 bits.
    #[error("the RSA key has {bits} bits: 2048 are advised (RFC 8301 section 3.2)")]
    ShortRsa { bits: u32 },
    /// RFC 8301 §3.2: verifiers need not accept RSA keys above 4096 bits.
    #[error("the RSA key has {bits} bits: verifiers may refuse more than 4096 (RFC 8301 section 3.2)")]
    LongRsa { bits: u32 },
    /// An exponent other than 65537 is legal but unusual.
    #[error("the RSA exponent is {exponent}: some verifiers take 65537 only")]
    Exponent { exponent: u32 },
}
