use crate::PublicKey;

/// What an operator should know about a key although it works; `Display` is the sentence to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyWarning {
    /// RFC 8301 §3.2: signers SHOULD use RSA keys of at least 2048 bits.
    #[error("the RSA key has {bits} bits: 2048 are advised (RFC 8301 section 3.2)")]
    ShortRsa {
        /// The size of the key, in bits.
        bits: u32,
    },
    /// RFC 8301 §3.2: verifiers need not take RSA keys above 4096 bits.
    #[error("the RSA key has {bits} bits: verifiers may refuse more than 4096 (RFC 8301 section 3.2)")]
    LongRsa {
        /// The size of the key, in bits.
        bits: u32,
    },
    /// An exponent other than 65537 is legal but unusual.
    #[error("the RSA exponent is {exponent}: some verifiers take 65537 only")]
    Exponent {
        /// The public exponent.
        exponent: u32,
    },
}

impl KeyWarning {
    /// The first warning that applies to this key.
    pub fn of(key: &PublicKey) -> Option<Self> {
        let bits = key.bits();
        match key.rsa_exponent() {
            None => None,
            Some(_) if bits < 2048 => Some(Self::ShortRsa { bits }),
            Some(_) if bits > 4096 => Some(Self::LongRsa { bits }),
            Some(65_537) => None,
            Some(exponent) => Some(Self::Exponent { exponent }),
        }
    }
}
