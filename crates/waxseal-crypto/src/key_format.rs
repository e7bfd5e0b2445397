//! Names of the formats that a key file may turn out to have.

use std::fmt;

use crate::der::{self, Reader};
use crate::pem::Block;

/// What was found in place of a private key; `Display` names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyFormat {
    /// Nothing, or white space only.
    Empty,
    /// OpenSSH's own format (`OPENSSH PRIVATE KEY`).
    OpenSsh,
    /// A private key protected with a passphrase, in PKCS#8 or in OpenSSL's older way.
    Encrypted,
    /// An elliptic curve key (`EC PRIVATE KEY`).
    Ec,
    /// A DSA key.
    Dsa,
    /// An X.509 certificate.
    Certificate,
    /// A certificate signing request.
    CertificateRequest,
    /// A public key, in PEM, DER or a DNS record.
    PublicKey,
    /// A PKCS#12 bundle (`.p12`, `.pfx`).
    Pkcs12,
    /// A PuTTY key file.
    Putty,
    /// An OpenPGP key.
    Pgp,
    /// JSON, such as a JSON Web Key.
    Json,
    /// A PEM block with another label.
    Pem {
        /// The label: only printable ASCII, at most 40 characters.
        label: String,
    },
    /// A PEM block without its last line.
    CutOffPem,
    /// DER where text was expected.
    Der,
    /// DER that is cut off or otherwise damaged.
    DamagedDer,
    /// Base64 of bytes that are not a key.
    Base64 {
        /// The length of the decoded base64, in bytes.
        len: usize,
    },
    /// None of these.
    Unknown,
}

impl KeyFormat {
    /// The format of a PEM block; `None` if it is a supported one.
    pub(crate) fn of_label(block: Block<'_>) -> Option<Self> {
        Some(match block.label {
            // RFC 1421 §4.6.1.1, as OpenSSL encrypted PKCS#1.
            b"PRIVATE KEY" | b"RSA PRIVATE KEY" if contains(block.body, b"ENCRYPTED") => Self::Encrypted,
            b"PRIVATE KEY" | b"RSA PRIVATE KEY" => return None,
            b"ENCRYPTED PRIVATE KEY" => Self::Encrypted,
            b"EC PRIVATE KEY" | b"EC PARAMETERS" => Self::Ec,
            b"DSA PRIVATE KEY" => Self::Dsa,
            b"OPENSSH PRIVATE KEY" => Self::OpenSsh,
            b"PUBLIC KEY" | b"RSA PUBLIC KEY" | b"SSH2 PUBLIC KEY" => Self::PublicKey,
            b"CERTIFICATE" | b"X509 CERTIFICATE" | b"TRUSTED CERTIFICATE" => Self::Certificate,
            b"CERTIFICATE REQUEST" | b"NEW CERTIFICATE REQUEST" => Self::CertificateRequest,
            label if label.starts_with(b"PGP ") => Self::Pgp,
            label => Self::Pem { label: printable(label) },
        })
    }

    /// The format of a file without a readable PEM block.
    pub(crate) fn of_bytes(content: &[u8]) -> Self {
        let text = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content).trim_ascii();
        match text {
            [] => Self::Empty,
            [b'{', ..] => Self::Json,
            _ if text.starts_with(b"PuTTY-User-Key-File") => Self::Putty,
            _ if text.starts_with(b"ssh-") || text.starts_with(b"v=DKIM1") => Self::PublicKey,
            _ if contains(text, b"-----BEGIN ") => Self::CutOffPem,
            _ if Reader::new(content).read(der::SEQUENCE).is_ok() => Self::Der,
            // A SEQUENCE with a long length: no text starts like that.
            [der::SEQUENCE, 0x80..=0x84, ..] => Self::DamagedDer,
            _ => Self::Unknown,
        }
    }

    /// The format of DER that is not a private key.
    pub(crate) fn of_der(der: &[u8]) -> Self {
        let Ok(mut body) = Reader::new(der).enter(der::SEQUENCE) else { return Self::Unknown };
        let version = body.unsigned();
        match (version, body.peek()) {
            // RSAPublicKey is two INTEGERs.
            (Ok(_), Some(der::INTEGER)) => Self::PublicKey,
            // ECPrivateKey (RFC 5915 §3): 1, then the key.
            (Ok([1]), Some(der::OCTET_STRING)) => Self::Ec,
            // PFX (RFC 7292 §4): 3, then the contents.
            (Ok([3]), Some(der::SEQUENCE)) => Self::Pkcs12,
            (Err(_), Some(der::SEQUENCE)) => of_der_sequence(body),
            _ => Self::Unknown,
        }
    }
}

/// The format of DER that starts with a SEQUENCE in a SEQUENCE.
fn of_der_sequence(mut body: Reader<'_>) -> KeyFormat {
    let Ok(mut first) = body.enter(der::SEQUENCE) else { return KeyFormat::Unknown };
    let starts_with_oid = first.read(der::OBJECT_IDENTIFIER).is_ok();
    match body.peek() {
        Some(der::BIT_STRING) if starts_with_oid => KeyFormat::PublicKey,
        Some(der::OCTET_STRING) if starts_with_oid => KeyFormat::Encrypted,
        Some(der::SEQUENCE) => KeyFormat::Certificate,
        _ => KeyFormat::Unknown,
    }
}

impl fmt::Display for KeyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing",
            Self::OpenSsh => "an OpenSSH private key (ssh-keygen -p -m PKCS8 converts RSA keys)",
            Self::Encrypted => "a private key under a passphrase (openssl pkey removes it)",
            Self::Ec => "an elliptic curve (EC) private key, which DKIM does not know",
            Self::Dsa => "a DSA private key, which DKIM does not know",
            Self::Certificate => "an X.509 certificate",
            Self::CertificateRequest => "a certificate signing request",
            Self::PublicKey => "a public key",
            Self::Pkcs12 => "a PKCS#12 bundle (openssl pkcs12 -nodes -nocerts takes the key out)",
            Self::Putty => "a PuTTY key file",
            Self::Pgp => "an OpenPGP key",
            Self::Json => "JSON",
            Self::Pem { label } => return write!(f, "a PEM block {label}"),
            Self::CutOffPem => "a PEM block without its END line",
            Self::Der => "DER, not text",
            Self::DamagedDer => "DER that is cut off or damaged",
            Self::Base64 { len } => return write!(f, "base64 of {len} bytes that are not a key"),
            Self::Unknown => "an unknown format",
        })
    }
}

fn contains(text: &[u8], mark: &[u8]) -> bool {
    text.windows(mark.len()).any(|window| window == mark)
}

fn printable(label: &[u8]) -> String {
    label.iter().filter(|byte| matches!(byte, b' '..=b'~')).take(40).map(|byte| char::from(*byte)).collect()
}
