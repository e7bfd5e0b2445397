//! Signing a message that is in memory.

use super::{SignError, Signer, Signing};
use std::{io, time::SystemTime};

impl Signer {
    /// Signs a whole message at the time `now`. Returns the DKIM-Signature field with its CRLF, to be put in front of the
    /// message.
    ///
    /// # Errors
    /// [`SignError`]. Lines must end in CRLF.
    pub fn sign(&self, message: &[u8], now: SystemTime) -> Result<String, SignError> {
        sign_all([self], message, now)
    }

    /// Signs a whole message at the time `now`, and returns the message to send: the signature field and the message. Several
    /// signers sign with [`sign_message_by_all`].
    ///
    /// # Errors
    /// [`SignError`]. Lines must end in CRLF.
    pub fn sign_message(&self, message: &[u8], now: SystemTime) -> Result<Vec<u8>, SignError> {
        Ok([self.sign(message, now)?.as_bytes(), message].concat())
    }

    /// [`Signer::sign_message`] to a writer. Nothing is written when the message cannot be signed.
    ///
    /// # Errors
    /// Those of the writer; a [`SignError`] is wrapped in an error of the kind
    /// [`InvalidData`](std::io::ErrorKind::InvalidData).
    pub fn sign_to(&self, message: &[u8], now: SystemTime, out: &mut impl io::Write) -> io::Result<()> {
        let field =
            self.sign(message, now).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        out.write_all(field.as_bytes())?;
        out.write_all(message)
    }
}

/// Signs a whole message with several signers in one pass over the body, and returns the message to send: the signature fields
/// in the order of the signers, and the message.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal_crypto::PrivateKey;
/// use waxseal_dkim::{Signer, sign_message_by_all};
/// let key = || PrivateKey::from_pem("nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="); // the key of RFC 8463 appendix A.2
/// let signers = [Signer::new("example.org", "a", key()?)?, Signer::new("lists.example.org", "b", key()?)?];
/// let signed = sign_message_by_all(&signers, b"From: joe@example.org\r\n\r\nHi.\r\n", SystemTime::now())?;
/// let signed = String::from_utf8(signed)?;
/// assert_eq!(signed.matches("DKIM-Signature: ").count(), 2);
/// assert!(signed.ends_with("\r\nFrom: joe@example.org\r\n\r\nHi.\r\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`SignError`]: if one fails, none signs.
pub fn sign_message_by_all<'s>(
    signers: impl IntoIterator<Item = &'s Signer>,
    message: &[u8],
    now: SystemTime,
) -> Result<Vec<u8>, SignError> {
    Ok([sign_all(signers, message, now)?.as_bytes(), message].concat())
}

/// Signs a whole message with several signers in one pass over the body. Returns their fields in the order of the signers,
/// to be put in front of the message.
///
/// # Errors
/// [`SignError`]: if one fails, none signs.
pub fn sign_all<'s>(
    signers: impl IntoIterator<Item = &'s Signer>,
    message: &[u8],
    now: SystemTime,
) -> Result<String, SignError> {
    let mut signing = Signing::new(signers, now);
    signing.push(message)?;
    signing.finish()?.into_iter().map(|unsigned| unsigned.sign()).collect()
}
