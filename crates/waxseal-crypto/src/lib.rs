//! The signature algorithms and keys of DKIM (RFC 6376, 8301, 8463) and ARC (RFC 8617), over exchangeable crypto
//! libraries.
//!
//! * [`PrivateKey`] reads key files of OpenSSL, OpenDKIM, dkimpy and rspamd, and signs.
//! * [`PublicKey`] reads the `p=` of a key record, checks it, and verifies.
//! * [`SigningKey`] is the interface for keys held elsewhere: in an HSM, an agent, a cloud.
//! * [`Provider`] is the interface to the library that does the maths.
//!
//! There is no DNS and no clock here, and no I/O except [`PrivateKey::from_pem_file`]; randomness is used to make keys,
//! and by one provider to hide timings.
//!
//! ```
//! # #[cfg(feature = "ring")] {
//! use waxseal_crypto::{Algorithm, PrivateKey, PublicKey, SigningInput, SigningKey, default_provider};
//!
//! // The key of RFC 8463 appendix A.2.
//! let key = PrivateKey::from_pem("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
//! let message = b"from:joe@football.example.com\r\n";
//! let provider = default_provider()?;
//! let signature = key.sign(&SigningInput::new(message, provider))?;
//!
//! let published: &PublicKey = key.public_key();
//! assert_eq!(published.dns_p(), "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
//! provider.verify(published, Algorithm::Ed25519Sha256, message, &signature)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Choosing a provider
//!
//! | feature | sign with RSA | make RSA keys | builds with |
//! |---|---|---|---|
//! | `ring` (default) | 2048, 3072, 4096 bits; exponent ≥ 65537 | no | C compiler |
//! | `aws-lc-rs` | 2048 to 8192 bits | 2048, 3072, 4096 bits | C compiler |
//! | `rust-crypto` | 1024 to 8192 bits | 1024, 2048, 3072, 4096 bits | Rust alone, also for wasm32 |
//!
//! All verify RSA keys of 1024 to 8192 bits and Ed25519, sign with Ed25519 and make Ed25519 keys; all make the same
//! signatures and refuse the same forgeries: the same tests run with each.
//!
//! * **ring** is the default: small and quick to build.
//! * **aws-lc-rs** verifies fastest, since it keeps prepared keys, and signs with RSA in half the time
//!   on processors with AVX-512 IFMA; on others it is as fast as ring.
//! * **rust-crypto** supports what the others do not: 1024-bit signing keys, as made by old how-tos (better make a 2048-bit
//!   key), and targets without a C compiler. It is the slowest, and its RSA signing does not run in constant time; see its
//!   module, `rust_crypto`.
//!
//! Features only add providers. [`default_provider`] returns the first one compiled in of ring, aws-lc-rs and
//! rust-crypto, which affects only speed. To use another one, name it:
//!
//! ```
//! # #[cfg(feature = "rust-crypto")] {
//! use waxseal_crypto::{KeySpec, PrivateKey, rust_crypto};
//!
//! let key = PrivateKey::generate(KeySpec::Rsa { bits: 1024 }, rust_crypto::PROVIDER)?;
//! if let Some(warning) = key.warning() {
//!     eprintln!("{warning}"); // the RSA key has 1024 bits: 2048 are advised (RFC 8301 section 3.2)
//! }
//! # }
//! # Ok::<(), waxseal_crypto::KeyError>(())
//! ```
//!
//! # Limits
//!
//! RSA moduli above 16384 bits, even moduli, even exponents and exponents outside 3 to 2^32-1 are refused before any
//! maths, and so are Ed25519 keys of small order. Key files above 64 KiB ([`MAX_KEY_FILE`]) are not read. Policy is up
//! to the caller: RFC 8301 requires 1024 to 4096 bits of verifiers and forbids `rsa-sha1`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod algorithm;
#[cfg(feature = "aws-lc-rs")]
pub mod aws_lc_rs;
mod default_provider;
mod der;
mod hash;
mod key_error;
mod key_format;
mod key_material;
mod key_warning;
mod no_provider;
mod pem;
mod private_key;
mod provider;
mod public_key;
mod public_key_error;
#[cfg(feature = "ring")]
pub mod ring;
#[cfg(feature = "rust-crypto")]
pub mod rust_crypto;
mod sign;
mod unescape;

pub use algorithm::{Algorithm, HashAlgorithm, KeyType};
pub use default_provider::default_provider;
pub use hash::{Digest, HashState, Hasher};
pub use key_error::{KeyError, KeySpec};
pub use key_material::{KeyMaterial, MAX_KEY_FILE, PrivateParts, SecretText};
pub use key_warning::KeyWarning;
pub use no_provider::NoProvider;
pub use private_key::PrivateKey;
pub use provider::{Provider, VerifyError};
pub use public_key::PublicKey;
pub use public_key_error::PublicKeyError;
pub use sign::{SignError, SigningInput, SigningKey};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
