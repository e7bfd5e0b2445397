//! The SMTP envelope and the identity (RFC 7208 §2.3, §2.4, §4.1).

use std::net::IpAddr;
use waxseal_dns::{DomainName, InvalidDomainName};

waxseal_header::words! {
    /// The identity that is checked (RFC 7208 §2.3, §2.4), with the words of `identity=` in Received-SPF (§9.1).
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Identity {
        /// The argument of HELO or EHLO.
        Helo = "helo",
        /// The reverse-path of MAIL FROM.
        MailFrom = "mailfrom",
    }
}

/// What the client sent, and what RFC 7208 derives from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) identity: Identity,
    pub(crate) ip: IpAddr,
    /// `<sender>`, followed by HELO.
    text: Box<[u8]>,
    /// The place of the last `@` of `<sender>`.
    pub(crate) at: usize,
    sender_end: usize,
    pub(crate) null_sender: bool,
    pub(crate) ascii_local_part: bool,
    pub(crate) domain: Result<DomainName, InvalidDomainName>,
}

impl Envelope {
    pub(crate) fn new(identity: Identity, ip: IpAddr, reverse_path: &[u8], helo: &[u8]) -> Self {
        let reverse_path =
            reverse_path.strip_prefix(b"<").and_then(|path| path.strip_suffix(b">")).unwrap_or(reverse_path);
        let (local_part, domain_text) = match reverse_path {
            // RFC 7208 §2.4: "the "MAIL FROM" identity to be the mailbox composed of the local-part "postmaster" and the
            // "HELO" identity"
            [] => (POSTMASTER, helo),
            path => split(path),
        };
        let domain = DomainName::try_from(domain_text);
        // RFC 8616 §4: "All U-labels MUST be converted to A-labels before being used for an SPF validation."
        let shown_domain = match &domain {
            Ok(name) if !domain_text.is_ascii() => name.as_str().as_bytes(),
            _ => domain_text.strip_suffix(b".").unwrap_or(domain_text),
        };
        let at = local_part.len();
        let mut text = Vec::with_capacity(at + 1 + shown_domain.len() + helo.len());
        for part in [local_part, b"@", shown_domain, helo] {
            text.extend_from_slice(part);
        }
        Self {
            identity,
            ip: ip.to_canonical(),
            at,
            sender_end: at + 1 + shown_domain.len(),
            null_sender: identity == Identity::MailFrom && reverse_path.is_empty(),
            ascii_local_part: local_part.is_ascii(),
            text: text.into_boxed_slice(),
            domain,
        }
    }

    /// `local-part@domain`
    pub(crate) fn sender(&self) -> &[u8] {
        self.text.get(..self.sender_end).unwrap_or_default()
    }

    pub(crate) fn helo(&self) -> &[u8] {
        self.text.get(self.sender_end..).unwrap_or_default()
    }
}

const POSTMASTER: &[u8] = b"postmaster";

/// Local-part and domain of a reverse-path. RFC 7208 §2.2: "Implementations have to take care to correctly extract the
/// \<domain\> from the data given with the SMTP MAIL FROM command as many MTAs will still accept such things as source
/// routes".
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    let path = match path.first() {
        Some(b'@') => {
            path.iter().position(|&c| c == b':').and_then(|colon| path.get(colon + 1..)).unwrap_or(path)
        }
        _ => path,
    };
    // A quoted local-part may contain "@", a domain may not.
    let (local_part, domain) =
        match path.iter().rposition(|&c| c == b'@').and_then(|at| path.split_at_checked(at)) {
            Some((local_part, domain)) => (local_part, domain.strip_prefix(b"@").unwrap_or(domain)),
            None => (&b""[..], path),
        };
    // RFC 7208 §4.3: "If the <sender> has no local-part, substitute the string "postmaster" for the local-part."
    (if local_part.is_empty() { POSTMASTER } else { local_part }, domain)
}
