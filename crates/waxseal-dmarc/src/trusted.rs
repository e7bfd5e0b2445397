//! DMARC with the results that other programs of the site wrote into the header.

use crate::{Identifiers, check::author_domain};
use waxseal_authres::{DkimResult, ParsedEntry, ParsedReceivedSpf, ParsedResults, SpfResult};
use waxseal_dns::DomainName;
use waxseal_header::Address;

impl Identifiers {
    /// Adds the results of DKIM and SPF that the site's own programs wrote into Authentication-Results, as
    /// [`AuthservIds::trusted`](waxseal_authres::AuthservIds::trusted) finds them. `mail_from` is the reverse-path of the
    /// envelope, with or without angle brackets.
    ///
    /// Only these count, since much of such a field is under the control of the sender:
    ///
    /// - DKIM by `header.d`, each signature separately;
    /// - SPF by `smtp.mailfrom`, and only when it names the domain of `mail_from`. A result about HELO never counts
    ///   as one about MAIL FROM (CVE-2019-20790), except with a null reverse-path, whose MAIL FROM identity is `postmaster@`
    ///   HELO (RFC 7208 §2.4). Of several results the first counts;
    /// - a property that is not as a whole a domain name or address is ignored (CVE-2020-12272), as is one that
    ///   occurs twice.
    ///
    /// ```
    /// use waxseal_authres::AuthservIds;
    /// use waxseal_dmarc::{DmarcCheck, Identifiers};
    /// use waxseal_dns::{Zone, drive_blocking};
    /// use waxseal_header::Header;
    ///
    /// let (header, _) = Header::parse(b"Authentication-Results: mx.example.net; dkim=pass header.d=example.org;\r\n \
    ///     spf=pass smtp.mailfrom=bounce.example.org\r\nFrom: joe@example.org\r\n\r\n")?;
    /// // Forged fields were removed at the border, so every field with this authserv-id is the site's own.
    /// let results = AuthservIds::new(["mx.example.net"]);
    /// let results = results.trusted(&header, header.len());
    /// let identifiers = Identifiers::from_header(&header).with_trusted_results(results, b"<u@bounce.example.org>");
    /// let dns = Zone::new().with_txt("_dmarc.example.org", "v=DMARC1; p=reject")?;
    /// let verdict = drive_blocking(DmarcCheck::new(identifiers), &dns);
    /// assert_eq!(verdict.to_string(), "dmarc=pass header.from=example.org (dkim identifier example.org is aligned)");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_trusted_results<'h>(
        mut self,
        results: impl IntoIterator<Item = ParsedResults<'h>>,
        mail_from: &[u8],
    ) -> Self {
        let mut spf = None;
        for results in results {
            for (result, entry) in results.results_of::<DkimResult>() {
                if let Some(domain) = property(entry, "header", "d").and_then(mail_domain) {
                    self = self.with_dkim(domain, result);
                }
            }
            for (result, entry) in results.results_of::<SpfResult>() {
                spf = spf.or_else(|| Some((spf_domain(entry, mail_from)?, result)));
            }
        }
        self.with_spf_of(spf)
    }

    /// Sets the result of SPF by a Received-SPF field that a program of the site wrote, such as policyd-spf;
    /// `mail_from` as in [`Identifiers::with_trusted_results`]. It counts when its `identity` is `mailfrom` and its
    /// `envelope-from` is of the domain of `mail_from` (CVE-2019-20790); with a null reverse-path, when its `identity`
    /// is `helo`, or `mailfrom` with an empty `envelope-from`, by `helo`. A field without these is ignored.
    ///
    /// Anyone can write such a field, and it has no authserv-id that could be checked: pass the topmost one of the
    /// header, and only if the site's program adds one to *every* message.
    ///
    /// ```
    /// use waxseal_authres::ReceivedSpf;
    /// use waxseal_dmarc::{DmarcCheck, Identifiers};
    /// use waxseal_dns::{Zone, drive_blocking};
    /// let field = ReceivedSpf::parse(b" Pass (mailfrom) identity=mailfrom; client-ip=192.0.2.1; helo=mail.example.org; \
    ///     envelope-from=joe@example.org; receiver=<UNKNOWN> ")?;
    /// let identifiers = Identifiers::new("example.org".parse()?).with_trusted_received_spf(&field, b"joe@example.org");
    /// let dns = Zone::new().with_txt("_dmarc.example.org", "v=DMARC1; p=reject")?;
    /// assert!(drive_blocking(DmarcCheck::new(identifiers), &dns).is_pass());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with_trusted_received_spf(self, field: &ParsedReceivedSpf<'_>, mail_from: &[u8]) -> Self {
        let identity = field.get("identity").unwrap_or_default();
        let is = |word: &str| identity.eq_ignore_ascii_case(word);
        let domain = match sender(mail_from) {
            Sender::Domain(domain) if is("mailfrom") => {
                field.get("envelope-from").and_then(address_domain).filter(|named| *named == domain)
            }
            Sender::Null if is("helo") => field.get("helo").and_then(mail_domain),
            Sender::Null if is("mailfrom") => field
                .get("envelope-from")
                .filter(|path| matches!(*path, "" | "<>"))
                .and_then(|_| field.get("helo"))
                .and_then(mail_domain),
            _ => None,
        };
        self.with_spf_of(domain.map(|domain| (domain, field.result())))
    }

    fn with_spf_of(self, spf: Option<(DomainName, SpfResult)>) -> Self {
        match spf {
            Some((domain, result)) => self.with_spf(domain, result),
            None => self,
        }
    }
}

/// The domain of MAIL FROM.
enum Sender {
    Null,
    Domain(DomainName),
    Unreadable,
}

fn sender(mail_from: &[u8]) -> Sender {
    match Address::parse_path(mail_from) {
        Ok(None) => Sender::Null,
        Ok(Some(address)) => author_domain(address.domain()).map_or(Sender::Unreadable, Sender::Domain),
        Err(_) => Sender::Unreadable,
    }
}

fn spf_domain(entry: &ParsedEntry<'_>, mail_from: &[u8]) -> Option<DomainName> {
    let named = property(entry, "smtp", "mailfrom").filter(|path| !matches!(*path, "" | "<>"));
    match sender(mail_from) {
        Sender::Domain(domain) => named.and_then(address_domain).filter(|named| *named == domain),
        // Some programs write postmaster@HELO, others HELO itself.
        Sender::Null => match named {
            Some(named) => address_domain(named),
            None => property(entry, "smtp", "helo").and_then(mail_domain),
        },
        Sender::Unreadable => None,
    }
}

/// The value of a property that occurs once: of two, it is not clear which one counts.
fn property<'e>(entry: &'e ParsedEntry<'_>, ptype: &str, name: &str) -> Option<&'e str> {
    let is = |(of, known): (&str, &str)| of.eq_ignore_ascii_case(ptype) && known.eq_ignore_ascii_case(name);
    let mut found = entry.properties().iter().filter(|property| is(property.key()));
    found.next().filter(|_| found.next().is_none()).map(|property| property.value())
}

/// The whole text as a domain name.
fn mail_domain(text: &str) -> Option<DomainName> {
    DomainName::mail_domain(text).ok()
}

/// The domain of the whole text as an address, or as a domain with or without an at sign before it.
fn address_domain(text: &str) -> Option<DomainName> {
    match text.strip_prefix('@').unwrap_or(text) {
        domain if !domain.contains('@') => mail_domain(domain),
        _ => mail_domain(Address::parse_path(text.as_bytes()).ok()??.domain()),
    }
}
