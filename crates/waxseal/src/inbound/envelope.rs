//! The SMTP envelope.

use std::{net::IpAddr, sync::Arc};

/// The parts of the SMTP envelope that authentication needs: the client's address, its HELO or EHLO, and MAIL FROM.
/// These are bytes, as clients may send anything. Cheap to clone.
///
/// ```
/// use waxseal::Envelope;
/// let envelope = Envelope::new("192.0.2.1".parse()?, "mail.example.org", "<joe@example.org>");
/// assert_eq!(envelope.mail_from(), b"joe@example.org");
/// assert!(Envelope::new("2001:db8::1".parse()?, "mail.example.org", "<>").is_null_sender());
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope(Arc<Parts>);

#[derive(Debug, PartialEq, Eq)]
struct Parts {
    ip: Option<IpAddr>,
    helo: Box<[u8]>,
    path: Path,
    /// Why there is no envelope.
    missing: Option<Arc<str>>,
}

/// The reverse-path as given, with its angle brackets.
#[derive(Debug)]
struct Path(Box<[u8]>);

impl Path {
    fn bare(&self) -> &[u8] {
        let path = &*self.0;
        path.strip_prefix(b"<").and_then(|path| path.strip_suffix(b">")).unwrap_or(path)
    }
}

/// Reverse-paths are equal with or without angle brackets.
impl PartialEq for Path {
    fn eq(&self, other: &Self) -> bool {
        self.bare() == other.bare()
    }
}

impl Eq for Path {}

impl Envelope {
    /// The address of the client (an IPv4-mapped one counts as IPv4), the argument of its last HELO or EHLO, and the
    /// reverse-path of MAIL FROM with or without angle brackets; empty or `<>` is the null reverse-path.
    pub fn new(ip: IpAddr, helo: impl AsRef<[u8]>, mail_from: impl AsRef<[u8]>) -> Self {
        Self::of(Some(ip.to_canonical()), helo.as_ref(), mail_from.as_ref(), None)
    }

    /// A client without an address, such as a program on this host: SPF is none and `iprev` is not checked, both are
    /// left out of Authentication-Results, and DMARC relies on DKIM alone. HELO and MAIL FROM are kept for reports and
    /// logs.
    ///
    /// ```
    /// use waxseal::Envelope;
    /// let envelope = Envelope::without_address("localhost", "<joe@example.org>");
    /// assert_eq!((envelope.ip(), envelope.mail_from()), (None, &b"joe@example.org"[..]));
    /// ```
    pub fn without_address(helo: impl AsRef<[u8]>, mail_from: impl AsRef<[u8]>) -> Self {
        Self::of(None, helo.as_ref(), mail_from.as_ref(), None)
    }

    fn of(ip: Option<IpAddr>, helo: &[u8], path: &[u8], missing: Option<Arc<str>>) -> Self {
        Self(Arc::new(Parts { ip, helo: helo.into(), path: Path(path.into()), missing }))
    }

    /// No envelope, as for a message from an archive: [`Envelope::without_address`] with empty HELO and MAIL FROM.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{Authenticator, Envelope, dns::Zone};
    /// let (authenticator, dns) = (Authenticator::new("mx.example.net")?, Zone::new());
    /// let message = b"From: joe@example.org\r\n\r\nHi.\r\n";
    /// let report = authenticator.check_blocking(&Envelope::unknown(), message, SystemTime::now(), &dns);
    /// assert_eq!(
    ///     report.authentication_results().to_string(),
    ///     "mx.example.net; dkim=none reason=\"no signature\"; dmarc=none (p=none dis=none) header.from=example.org"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unknown() -> Self {
        Self::without_address("", "")
    }

    /// [`Envelope::unknown`] with a reason, such as [`NoEnvelope`](crate::NoEnvelope), for explanations and JSON.
    pub fn missing_because(reason: impl Into<Arc<str>>) -> Self {
        Self::of(None, b"", b"", Some(reason.into()))
    }

    /// Why there is no envelope, if that was given.
    pub(super) fn missing(&self) -> Option<&str> {
        self.0.missing.as_deref()
    }

    /// The address of the client, if there is one and it is known.
    pub fn ip(&self) -> Option<IpAddr> {
        self.0.ip
    }

    /// The argument of HELO or EHLO.
    pub fn helo(&self) -> &[u8] {
        &self.0.helo
    }

    /// The reverse-path without angle brackets; empty for the null reverse-path.
    pub fn mail_from(&self) -> &[u8] {
        self.0.path.bare()
    }

    /// The reverse-path as given.
    pub(super) fn path(&self) -> &[u8] {
        &self.0.path.0
    }

    /// Whether MAIL FROM was `<>`, as in bounces. Then its identity for SPF is `postmaster@` HELO (RFC 7208 §2.4).
    pub fn is_null_sender(&self) -> bool {
        self.mail_from().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_equal_when_they_say_the_same() {
        let given = |ip: &str, path: &str| Envelope::new(ip.parse().unwrap(), "mail.example.org", path);
        let plain = given("192.0.2.1", "joe@example.org");
        assert_eq!(plain, given("::ffff:192.0.2.1", "<joe@example.org>"));
        assert_eq!(given("::ffff:192.0.2.1", "").ip(), plain.ip());
        assert_ne!(plain, given("192.0.2.2", "joe@example.org"));
        assert_ne!(plain, given("192.0.2.1", "ann@example.org"));
        let nothing_said = Envelope::new(IpAddr::from([0, 0, 0, 0]), "", "");
        assert_ne!(nothing_said, Envelope::unknown());
    }
}
