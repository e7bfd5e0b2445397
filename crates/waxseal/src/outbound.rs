//! Outbound mail: DKIM signatures by a table of domains, and ARC sets for what is forwarded.

mod forward;

pub use forward::{ForwardError, Forwarding};

use std::{collections::HashMap, sync::Arc, time::SystemTime};
use waxseal_dkim::{Finding, Inspection, SignError, Signer, Signing};
use waxseal_dns::{DomainName, InvalidDomainName};
use waxseal_header::{Authors, Header, HeaderError, InvalidFrom, line_ends::find_bare};

/// Signs outbound mail: a table maps the domains of authors to signers. Cheap to clone. ARC sets for what is forwarded are its
/// work, too.
///
/// The author is whoever the From field names, and the sender wrote that field. A server that signs for several customers must
/// know that this login may write as that author *before* it signs (CERT VU#244112);
/// [`Authors`] reads the field the same way. A message by authors of several entries is not signed at all.
///
/// ```
/// use std::time::SystemTime;
/// use waxseal::{OutboundSigner, crypto::PrivateKey, dkim::Signer};
/// # let rsa = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
/// # let ed25519 = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
/// let outbound = OutboundSigner::new().with_domain(
///     "example.org".parse()?,
///     [Signer::new("example.org", "2026r", rsa)?, Signer::new("example.org", "2026e", ed25519)?],
/// );
///
/// let message = b"From: joe@example.org\r\nSubject: lunch\r\n\r\nHi.\r\n";
/// let signed = outbound.sign_message(message, SystemTime::now())?.ok_or("not our author")?;
/// assert!(signed.starts_with(b"DKIM-Signature: ") && signed.ends_with(message));
///
/// let foreign = b"From: ann@example.com\r\n\r\nHi.\r\n";
/// assert!(outbound.sign_message(foreign, SystemTime::now())?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[doc(alias("seal", "forward"))]
pub struct OutboundSigner {
    tables: Arc<Tables>,
}

#[derive(Debug, Clone, Default)]
struct Tables {
    authors: HashMap<DomainName, Entry>,
    forwarders: HashMap<DomainName, forward::Forwarder>,
}

#[derive(Debug, Clone)]
struct Entry {
    signers: Arc<[Signer]>,
    subdomains: bool,
}

/// Why a message was not signed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// The header block is over a limit.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The author depends on which program reads the message, so it is not known whose keys to sign with.
    #[error("no clear author, so no key to sign with: give the message one From field with one address")]
    Author(#[source] InvalidFrom),
    /// The domain of an author is not a domain name.
    #[error("author domain {} is not valid", .domain.escape_default())]
    AuthorDomain {
        /// The domain as written.
        domain: String,
        /// What is wrong with it.
        source: InvalidDomainName,
    },
    /// The authors belong to several entries of the table, or some to none: no customer may have mail signed in the name of
    /// another.
    #[error("authors in {first} and {other}, which have different signers: give the message one author")]
    SeveralAuthors {
        /// The domain of the first author.
        first: DomainName,
        /// That of another who has another entry, or none.
        other: DomainName,
    },
    /// A signature could not be made.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl OutboundSigner {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Signs mail by authors in `domain` with these signers; each adds a signature, which is how RSA and Ed25519 go together
    /// (RFC 8463 §3). For a domain given twice, the last signers count.
    #[must_use]
    pub fn with_domain(self, domain: DomainName, signers: impl IntoIterator<Item = Signer>) -> Self {
        self.with_entry(domain, signers, false)
    }

    /// [`OutboundSigner::with_domain`], also for authors in domains below `domain`, as far as those have no entry of their own.
    #[must_use]
    pub fn with_domain_and_below(
        self,
        domain: DomainName,
        signers: impl IntoIterator<Item = Signer>,
    ) -> Self {
        self.with_entry(domain, signers, true)
    }

    fn with_entry(
        mut self,
        domain: DomainName,
        signers: impl IntoIterator<Item = Signer>,
        subdomains: bool,
    ) -> Self {
        let entry = Entry { signers: signers.into_iter().collect(), subdomains };
        Arc::make_mut(&mut self.tables).authors.insert(domain, entry);
        self
    }

    /// The signers for mail by an author in this domain; empty when the table does not know it. The entry of the domain itself
    /// counts before those of the domains above it.
    pub fn signers(&self, author: &DomainName) -> &[Signer] {
        self.entry(author).map(|entry| &*entry.signers).unwrap_or_default()
    }

    fn entry(&self, author: &DomainName) -> Option<&Entry> {
        let authors = &self.tables.authors;
        let above = || {
            let domains = std::iter::successors(author.parent(), DomainName::parent);
            domains.filter_map(|domain| authors.get(&domain)).find(|entry| entry.subdomains)
        };
        authors.get(author).or_else(above)
    }

    /// Signs a whole message at the time `now` and returns the message to send, its DKIM-Signature fields in front; `None` when
    /// the table does not know its author.
    ///
    /// # Errors
    /// [`OutboundError`]. Lines must end in CRLF.
    pub fn sign_message(&self, message: &[u8], now: SystemTime) -> Result<Option<Vec<u8>>, OutboundError> {
        let fields = self.sign(message, now)?;
        Ok(fields.map(|fields| [fields.as_bytes(), message].concat()))
    }

    /// [`OutboundSigner::sign_message`], but returns the DKIM-Signature fields alone, each with its CRLF, to be written in
    /// front of the message.
    ///
    /// # Errors
    /// [`OutboundError`]. Lines must end in CRLF.
    pub fn sign(&self, message: &[u8], now: SystemTime) -> Result<Option<String>, OutboundError> {
        if let Some(offset) = find_bare(message) {
            return Err(SignError::BareLineEnd { offset: offset as u64 }.into());
        }
        let (header, body) = Header::parse(message)?;
        let Some(mut signing) = self.begin(header, now)? else { return Ok(None) };
        signing.push(body)?;
        let fields = signing.finish()?.into_iter().map(|unsigned| unsigned.sign());
        Ok(Some(fields.collect::<Result<_, _>>()?))
    }

    /// Begins with the body of a message of which the header is known; the body goes to [`Signing::push`] in chunks of any
    /// size. `None` when the table does not know the author.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{OutboundSigner, crypto::PrivateKey, dkim::Signer, header::{HeaderBuilder, HeaderLimits, Space}};
    /// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// let signer = Signer::new("example.org", "2026a", key)?;
    /// let outbound = OutboundSigner::new().with_domain("example.org".parse()?, [signer]);
    ///
    /// // Field by field, as a milter gets it; in a stream of bytes, `header::Splitter` finds the header.
    /// let mut header = HeaderBuilder::new(HeaderLimits::default());
    /// header.push(b"From", b"joe@example.org", Space::Added)?;
    /// header.push(b"Subject", b"lunch", Space::Added)?;
    /// if let Some(mut signing) = outbound.begin(header.finish(), SystemTime::now())? {
    ///     for chunk in [&b"Hi"[..], b".\r\n"] {
    ///         signing.push(chunk)?;
    ///     }
    ///     for unsigned in signing.finish()? {
    ///         let field = unsigned.sign()?; // or `attach`, with a key held elsewhere
    ///         assert!(field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"));
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`OutboundError`].
    #[doc(alias("kms", "hsm"))]
    pub fn begin(&self, header: Header, now: SystemTime) -> Result<Option<Signing>, OutboundError> {
        match self.entry_of_authors(&header)? {
            Some(entry) if !entry.signers.is_empty() => {
                Ok(Some(Signing::with_header(&*entry.signers, header, now)?))
            }
            _ => Ok(None),
        }
    }

    /// Inspects a whole message before it is signed, with the signers of its author ([`Signer::inspect`]): what would break
    /// the signature on the way, or keep it from counting. Errors first; empty when no problems were found. For a message
    /// whose author the table does not know, the signing domain is not looked at.
    ///
    /// ```
    /// # use waxseal::{OutboundSigner, crypto::Algorithm, dkim::Signer};
    /// let signer = Signer::remote("example.org", "2026a", Algorithm::RsaSha256)?;
    /// let outbound = OutboundSigner::new().with_domain("example.org".parse()?, [signer]);
    /// let findings = outbound.inspect(b"From: joe@example.org\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\n\r\nHi.\r\n");
    /// assert_eq!(findings.len(), 1);
    /// assert_eq!(findings[0].id(), "no-message-id");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn inspect(&self, message: &[u8]) -> Vec<Finding> {
        let header = Header::parse(message).map(|(header, _)| header).unwrap_or_default();
        let mut inspection = Inspection::new(self.signers_of_authors(&header));
        inspection.push(message);
        inspection.finish()
    }

    /// [`OutboundSigner::inspect`] for a message of which the header is known; the body goes to [`Inspection::push`] in chunks of any
    /// size, the same that the [`Signing`] of [`OutboundSigner::begin`] takes.
    pub fn begin_inspection(&self, header: &Header) -> Inspection {
        Inspection::with_header(self.signers_of_authors(header), header)
    }

    fn signers_of_authors(&self, header: &Header) -> &[Signer] {
        match self.entry_of_authors(header) {
            Ok(Some(entry)) => &entry.signers,
            _ => &[],
        }
    }

    /// The entry of all authors; `None` when the table knows none of them.
    fn entry_of_authors(&self, header: &Header) -> Result<Option<&Entry>, OutboundError> {
        let authors = Authors::from_header(header);
        let authors = authors.map_err(|unclear| OutboundError::Author(unclear.cause().clone()))?;
        let mut domains = authors.domains().map(author_domain);
        let Some(first) = domains.next().transpose()? else { return Ok(None) };
        let entry = self.entry(&first);
        for other in domains {
            let other = other?;
            let same = match (entry, self.entry(&other)) {
                (Some(entry), Some(other)) => std::ptr::eq(entry, other),
                (entry, other) => entry.is_none() && other.is_none(),
            };
            if !same {
                return Err(OutboundError::SeveralAuthors { first, other });
            }
        }
        Ok(entry)
    }
}

fn author_domain(domain: String) -> Result<DomainName, OutboundError> {
    DomainName::new(&domain).map_err(|source| OutboundError::AuthorDomain { domain, source })
}
