//! Outbound mail: DKIM signatures by a table of domains, and ARC sets for what is forwarded.

mod forward;
mod not_signed;

pub use forward::{ForwardError, Forwarding};
pub use not_signed::{NotSigned, NotSignedKind};

use std::{collections::HashMap, fmt, sync::Arc, time::SystemTime};
use waxseal_dkim::{Finding, Inspection, SignError, Signer, Signing, sign_all};
use waxseal_dns::{DomainName, InvalidDomainName};
use waxseal_header::{Address, Authors, Header, InvalidFrom, line_ends::find_bare};

/// Signs outbound mail: a table maps the domains of authors to signers. It also makes ARC sets for forwarded mail.
/// Cheap to clone.
///
/// The author is taken from the From field, which the sender wrote. A server that signs for several customers must
/// check *before* signing that this login may write as that author (CERT VU#244112); [`Authors`] reads the field the
/// same way. A message by authors of several entries is not signed at all.
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
/// let signed = outbound.sign_message(message, SystemTime::now())?;
/// assert!(signed.starts_with(b"DKIM-Signature: ") && signed.ends_with(message));
///
/// let foreign = b"From: ann@example.com\r\n\r\nHi.\r\n";
/// let why = outbound.sign_message(foreign, SystemTime::now()).unwrap_err();
/// assert_eq!(why.to_string(), "no signers for ann@example.com"); // for the log; the message is sent unsigned
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[doc(alias("seal", "forward"))]
pub struct OutboundSigner {
    tables: Arc<Tables>,
}

#[derive(Clone, Default)]
struct Tables {
    authors: HashMap<DomainName, Entry>,
    others: Option<Arc<Table>>,
    forwarders: HashMap<DomainName, forward::Forwarder>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { authors, forwarders, others: _ } = self;
        f.debug_struct("Tables")
            .field("authors", authors)
            .field("forwarders", forwarders)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone)]
struct Entry {
    signers: Arc<[Signer]>,
    subdomains: bool,
}

/// Looks up the signers of an author.
type Table = dyn Fn(&Address) -> Result<Arc<[Signer]>, NotSigned> + Send + Sync;

impl OutboundSigner {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Signs mail by authors in `domain` with these signers; each adds a signature, which is how RSA and Ed25519 go
    /// together (RFC 8463 §3). For a repeated domain, the last signers count.
    #[must_use]
    pub fn with_domain(self, domain: DomainName, signers: impl IntoIterator<Item = Signer>) -> Self {
        self.with_entry(domain, signers, false)
    }

    /// [`OutboundSigner::with_domain`] that also applies to authors in domains below `domain`, unless these have their
    /// own entry.
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

    /// Looks up the signers of authors whose domain was not added by [`OutboundSigner::with_domain`]: for example in a
    /// table by address or pattern, whose keys are read when they are first needed. It is called for each address in
    /// From and should return at once, from memory or a cache.
    ///
    /// Two authors belong to one entry when the same `Arc` is returned for both; otherwise the message is not signed.
    /// If there are no signers, the reason is [`NotSignedKind::NoEntry`].
    ///
    /// ```
    /// use std::{sync::Arc, time::SystemTime};
    /// use waxseal::{NotSigned, NotSignedKind, OutboundSigner, crypto::PrivateKey, dkim::Signer};
    /// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// let news: Arc<[Signer]> = [Signer::new("example.org", "2026a", key)?].into();
    /// let outbound = OutboundSigner::new().with_table(move |author| match (author.local_part(), author.domain()) {
    ///     (b"news", "example.org") => Ok(news.clone()),
    ///     (_, "example.org") => Err(NotSigned::new(NotSignedKind::Excluded, "only news@ is signed here")),
    ///     _ => Err(NotSigned::new(NotSignedKind::NoEntry, format!("no signing table match for '{author}'"))),
    /// });
    /// assert!(outbound.sign(b"From: news@example.org\r\n\r\nHi.\r\n", SystemTime::now()).is_ok());
    /// let why = outbound.sign(b"From: joe@example.org\r\n\r\nHi.\r\n", SystemTime::now()).unwrap_err();
    /// assert_eq!((why.kind(), why.to_string().as_str()), (NotSignedKind::Excluded, "only news@ is signed here"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_table(
        mut self,
        table: impl Fn(&Address) -> Result<Arc<[Signer]>, NotSigned> + Send + Sync + 'static,
    ) -> Self {
        Arc::make_mut(&mut self.tables).others = Some(Arc::new(table));
        self
    }

    fn entry(&self, author: &DomainName) -> Option<&Entry> {
        let authors = &self.tables.authors;
        let above = || {
            let domains = std::iter::successors(author.parent(), DomainName::parent);
            domains.filter_map(|domain| authors.get(&domain)).find(|entry| entry.subdomains)
        };
        authors.get(author).or_else(above)
    }

    /// Signs a whole message at the time `now` and returns the message to send, its DKIM-Signature fields in front.
    ///
    /// # Errors
    /// [`NotSigned`], including when there are no signers for its author. Lines must end in CRLF.
    pub fn sign_message(&self, message: &[u8], now: SystemTime) -> Result<Vec<u8>, NotSigned> {
        Ok([self.sign(message, now)?.as_bytes(), message].concat())
    }

    /// [`OutboundSigner::sign_message`], but returns the DKIM-Signature fields alone, each with its CRLF, to be written in
    /// front of the message.
    ///
    /// # Errors
    /// [`NotSigned`], including when there are no signers for its author. Lines must end in CRLF.
    pub fn sign(&self, message: &[u8], now: SystemTime) -> Result<String, NotSigned> {
        let (header, body) = Header::parse(message).map_err(NotSigned::message)?;
        let front = message.len() - body.len();
        if let Some(offset) = find_bare(message).filter(|offset| *offset < front) {
            return Err(NotSigned::message(SignError::BareLineEnd(offset as u64)));
        }
        sign_all(&*self.signers(&header)?, message, now).map_err(NotSigned::message)
    }

    /// Begins with the body of a message whose header is known; the body goes to [`Signing::push`] in chunks of any
    /// size.
    ///
    /// ```
    /// use std::time::SystemTime;
    /// use waxseal::{OutboundSigner, crypto::PrivateKey, dkim::Signer, header::{HeaderBuilder, HeaderLimits, Space}};
    /// # let key = PrivateKey::from_pem(b"nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")?;
    /// let signer = Signer::new("example.org", "2026a", key)?;
    /// let outbound = OutboundSigner::new().with_domain("example.org".parse()?, [signer]);
    ///
    /// // Field by field, as a milter receives it; in a stream of bytes, `header::Splitter` finds the header.
    /// let mut header = HeaderBuilder::new(HeaderLimits::default());
    /// header.push(b"From", b"joe@example.org", Space::Added)?;
    /// header.push(b"Subject", b"lunch", Space::Added)?;
    /// let mut signing = outbound.begin(header.finish(), SystemTime::now())?;
    /// for chunk in [&b"Hi"[..], b".\r\n"] {
    ///     signing.push(chunk)?;
    /// }
    /// for unsigned in signing.finish()? {
    ///     let field = unsigned.sign()?; // or `attach`, with a key held elsewhere
    ///     assert!(field.starts_with("DKIM-Signature: v=1; a=ed25519-sha256;"));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NotSigned`], including when there are no signers for its author.
    #[doc(alias("kms", "hsm"))]
    pub fn begin(&self, header: Header, now: SystemTime) -> Result<Signing, NotSigned> {
        Signing::with_header(&*self.signers(&header)?, header, now).map_err(NotSigned::message)
    }

    /// Inspects a whole message before it is signed, with the signers of its author ([`Signer::inspect`]): what would
    /// break the signature in transit, or keep it from counting. Errors first; empty when no problems were found. If
    /// the table has no entry for the author, alignment is not checked.
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
        let mut inspection = Inspection::new(&*self.signers(&header).unwrap_or_default());
        inspection.push(message);
        inspection.finish()
    }

    /// [`OutboundSigner::inspect`] for a message whose header is known; the body goes to [`Inspection::push`] in chunks
    /// of any size, the same as to the [`Signing`] of [`OutboundSigner::begin`].
    pub fn begin_inspection(&self, header: &Header) -> Inspection {
        Inspection::with_header(&*self.signers(header).unwrap_or_default(), header)
    }

    /// The signers of all authors.
    fn signers(&self, header: &Header) -> Result<Arc<[Signer]>, NotSigned> {
        let authors = Authors::from_header(header);
        let authors = authors.map_err(|unclear| {
            NotSigned::new(NotSignedKind::Author, UnclearAuthors(unclear.cause().clone()))
        })?;
        let mut addresses = authors.addresses().iter().map(|address| (address, self.signers_of(address)));
        let Some((first, signers)) = addresses.next() else { return Ok(Arc::default()) };
        for (other, others) in addresses {
            let same = match (&signers, &others) {
                (Ok(signers), Ok(others)) => Arc::ptr_eq(signers, others),
                (Err(why), Err(other)) => why.kind() == other.kind(),
                _ => false,
            };
            if !same {
                let domains = (first.domain().to_ascii_lowercase(), other.domain().to_ascii_lowercase());
                let reason = format!(
                    "authors in {} and {}, which have different signers: give the message one author",
                    domains.0.escape_default(),
                    domains.1.escape_default()
                );
                return Err(NotSigned::new(NotSignedKind::Author, reason));
            }
        }
        signers
    }

    fn signers_of(&self, author: &Address) -> Result<Arc<[Signer]>, NotSigned> {
        let domain = DomainName::new(author.domain()).map_err(|source| {
            let domain = author.domain().to_owned();
            NotSigned::new(NotSignedKind::Author, InvalidAuthorDomain { domain, source })
        })?;
        match (self.entry(&domain), &self.tables.others) {
            (Some(entry), _) if !entry.signers.is_empty() => Ok(entry.signers.clone()),
            (None, Some(table)) => table(author),
            _ => Err(NotSigned::new(
                NotSignedKind::NoEntry,
                format!("no signers for {}", author.to_string().escape_default()),
            )),
        }
    }
}

/// The author depends on which program reads the message, so it is unclear whose keys to use.
#[derive(Debug, thiserror::Error)]
#[error("no clear author, so no key to sign with: give the message one From field with one address")]
struct UnclearAuthors(#[source] InvalidFrom);

#[derive(Debug, thiserror::Error)]
#[error("author domain {} is not valid", .domain.escape_default())]
struct InvalidAuthorDomain {
    domain: String,
    source: InvalidDomainName,
}
