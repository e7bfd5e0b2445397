//! The authors of a message.

use crate::{
    Address, Header,
    address::{AddressFault, UNICODE_DOTS},
};
use std::collections::HashSet;

mod from_field;
mod invalid_from;
mod limits;
mod mailbox_list;
mod names;
mod plain;
mod readings;

use from_field::misleading_octet;
use invalid_from::FromFault;
pub use invalid_from::InvalidFrom;
use limits::MAX_DOMAINS;
use mailbox_list::{holds_encoded_word, is_host_name, mailbox_list};
#[cfg(test)]
use readings::Reading;
use readings::{READINGS, Shown};

/// The authors of a message: the addresses of its From field, provided that no program in common use shows another
/// domain.
///
/// Programs differ in how they read From: for Dovecot, `ceo @bank.example <u@evil.example>` is an address of
/// bank.example, for others one of evil.example. So the field is read the way each of them does (a *reading*), and the
/// author is clear only when
///
/// * at least one reading shows a domain and no reading shows another: then odd syntax does no harm, as in
///   `Foo, Inc. <a@b.example>`, or in a group (RFC 6854) whose members have one domain; or
/// * all readings show the same several domains.
///
/// A name with one label (`Dinner @ Eight <a@b.example>`) is not a domain here, nor are the placeholders that programs
/// show where they found none.
///
/// ```
/// use waxseal_header::{Authors, Header};
/// let (header, _) = Header::parse(b"From: Joe <joe@example.org>, \"Ann\" <ann@Example.ORG>\r\n\r\n").unwrap();
/// let authors = Authors::from_header(&header)?;
/// assert_eq!(authors.domains().collect::<Vec<_>>(), ["example.org"]);
///
/// let (forged, _) = Header::parse(b"From: ceo@bank.example\r\nFrom: u@evil.example\r\n\r\n").unwrap();
/// let unclear = Authors::from_header(&forged).unwrap_err();
/// assert_eq!((unclear.cause().id(), unclear.cause().to_string()), ("several-fields", "2 From fields".into()));
/// assert_eq!(unclear.domains(), ["bank.example", "evil.example"]);
/// # Ok::<(), waxseal_header::UnclearAuthor>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authors {
    addresses: Vec<Address>,
    domains_in_names: Vec<String>,
}

/// A message without a clear author: the cause, and every domain that some program may show.
///
/// Delivering such a message as if it had no author would let it past DMARC.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no author that all readers agree on")]
pub struct UnclearAuthor {
    #[source]
    cause: InvalidFrom,
    domains: Vec<String>,
    is_open: bool,
}

impl Authors {
    /// The authors of a message, if they are clear.
    ///
    /// From may have at most 256 addresses and 32 KiB, since it is read in a dozen ways. When several lines may be From
    /// fields to some program, the limit is for all of them together.
    ///
    /// # Errors
    /// [`UnclearAuthor`].
    pub fn from_header(header: &Header) -> Result<Self, UnclearAuthor> {
        let mut unclear = match from_field::from_field(header) {
            Ok((field, offset)) => match (Self::parse(field.value()), misleading_octet(header, offset)) {
                (Ok(authors), None) => return Ok(authors),
                (Ok(_), Some(cause)) => UnclearAuthor::new(cause),
                (Err(unclear), _) => unclear,
            },
            Err(cause) => UnclearAuthor::new(cause),
        };
        let values = from_field::from_values(header);
        if values.iter().map(|value| value.len()).sum::<usize>() > limits::MAX_BYTES {
            unclear.is_open = true;
            return Err(unclear);
        }
        values.iter().for_each(|value| unclear.add_shown_in(value));
        if values.len() > 1 {
            // Python's getaddresses joins the fields, so a quoted string may begin in one and end in another.
            unclear.add_shown_in(&values.join(&b", "[..]));
        }
        Err(unclear)
    }

    /// Reads the value of one From field.
    ///
    /// # Errors
    /// [`UnclearAuthor`].
    pub fn parse(value: &[u8]) -> Result<Self, UnclearAuthor> {
        if let Some(address) = plain::plain(value) {
            return Ok(Self::new(value, vec![address]));
        }
        if value.len() > limits::MAX_BYTES {
            let cause = FromFault::TooLong { limit: limits::MAX_BYTES };
            return Err(UnclearAuthor { is_open: true, ..UnclearAuthor::new(cause) });
        }
        let strict = mailbox_list(value);
        let readings: Vec<Shown> = READINGS.iter().map(|reading| (reading.read)(value)).collect();
        match clear(strict, &readings) {
            Ok(addresses) => Ok(Self::new(value, addresses)),
            Err(cause) => {
                let has_control = matches!(cause, FromFault::Address(AddressFault::Control { .. }));
                let mut unclear = UnclearAuthor::new(cause);
                readings.iter().for_each(|shown| unclear.add(shown));
                if has_control {
                    unclear.add_shown_in(value);
                }
                Err(unclear)
            }
        }
    }

    fn new(value: &[u8], addresses: Vec<Address>) -> Self {
        let domains_in_names = names::domains_in_names(value, &addresses);
        Self { addresses, domains_in_names }
    }

    /// The addresses in order, at least one. When the field does not follow the grammar of RFC 5322, this is one
    /// address of the domain that is shown.
    pub fn addresses(&self) -> &[Address] {
        &self.addresses
    }

    /// The distinct domains in the order of their first address, as ASCII lower case. Names that differ only in
    /// U-labels and A-labels count as two.
    pub fn domains(&self) -> impl Iterator<Item = String> + '_ {
        let mut seen = HashSet::new();
        self.addresses
            .iter()
            .map(|address| address.domain().to_ascii_lowercase())
            .filter(move |domain| seen.insert(domain.clone()))
    }

    /// Domains, other than the authors', of addresses in display names and comments, at most 8: as in
    /// `"joe@gmail.example via List" <list@lists.example>`, encoded words decoded. No parser takes these for the
    /// author, but people may, and so do scripts that decode before parsing or take the first angle brackets. They are
    /// common in honest mail.
    ///
    /// ```
    /// use waxseal_header::Authors;
    /// let authors = Authors::parse(b"=?utf-8?q?joe=40gmail.example?= <noreply@shop.example>")?;
    /// assert_eq!(authors.domains().collect::<Vec<_>>(), ["shop.example"]);
    /// assert_eq!(authors.domains_in_names(), ["gmail.example"]);
    /// # Ok::<(), waxseal_header::UnclearAuthor>(())
    /// ```
    pub fn domains_in_names(&self) -> &[String] {
        &self.domains_in_names
    }

    /// Treats an author as unclear when the display name shows an address of another domain.
    ///
    /// # Errors
    /// [`UnclearAuthor`] with the cause `misleading-name`, when [`Authors::domains_in_names`] is not empty.
    pub fn without_misleading_names(self) -> Result<Self, UnclearAuthor> {
        let Some(domain) = self.domains_in_names.first() else { return Ok(self) };
        let mut unclear = UnclearAuthor::new(FromFault::MisleadingName { domain: printable(domain) });
        let domains: Vec<_> = self.domains().chain(self.domains_in_names.iter().cloned()).collect();
        domains.into_iter().for_each(|domain| unclear.add_domain(domain));
        Err(unclear)
    }
}

impl UnclearAuthor {
    fn new(cause: FromFault) -> Self {
        Self { is_open: cause.is_open(), cause: cause.into(), domains: Vec::new() }
    }

    /// Why no author is clear.
    pub fn cause(&self) -> &InvalidFrom {
        &self.cause
    }

    /// The distinct domains that programs may show, in lower case, at most 8. They are as written, and may be invalid
    /// as domain names.
    pub fn domains(&self) -> &[String] {
        &self.domains
    }

    /// Whether programs may show more domains than these: there are more than 8, From is too long to be read, or
    /// programs interpret its bytes differently.
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// Adds what the readings show in a value; control bytes are blanks to some programs, and nothing to others.
    fn add_shown_in(&mut self, value: &[u8]) {
        let mut read = |value: &[u8]| READINGS.iter().for_each(|reading| self.add(&(reading.read)(value)));
        read(value);
        let is_control = |c: &u8| c.is_ascii_control() && !matches!(c, b'\t' | b'\r' | b'\n');
        if value.iter().any(is_control) {
            let without: Vec<u8> = value.iter().copied().filter(|c| !is_control(c)).collect();
            read(&without);
        }
    }

    fn add(&mut self, shown: &Shown) {
        self.is_open |= shown.is_truncated();
        for (_, domain) in shown.addresses() {
            self.add_domain(String::from_utf8_lossy(domain).into_owned());
        }
    }

    fn add_domain(&mut self, domain: String) {
        if self.domains.contains(&domain) {
            return;
        }
        if self.domains.len() < MAX_DOMAINS {
            self.domains.push(domain);
        } else {
            self.is_open = true;
        }
    }
}

/// The authors, by what RFC 5322 and what the readings say.
fn clear(strict: Result<Vec<Address>, FromFault>, readings: &[Shown]) -> Result<Vec<Address>, FromFault> {
    let mut domains = HashSet::new();
    readings.iter().for_each(|shown| domains.extend(shown.addresses().map(|(_, domain)| domain)));
    let all_show_all = readings.iter().all(|shown| shown.addresses().len() == domains.len());
    match strict {
        Ok(addresses) => {
            let mut own = Shown::default();
            addresses.iter().for_each(|address| own.add(&address.local_part, address.domain.as_bytes()));
            let agree = all_show_all || domains.len() <= 1;
            if agree && domains.iter().all(|domain| own.shows(domain)) {
                Ok(addresses)
            } else {
                Err(difference("RFC 5322", &own, readings).unwrap_or(FromFault::NoAddress))
            }
        }
        Err(cause) if is_final(&cause) => Err(cause),
        Err(cause) if domains.len() <= 1 => {
            // Some readings include a broken name in the local-part.
            let named = |(local_part, _): &(&[u8], &[u8])| !local_part.is_empty();
            let shown = || readings.iter().flat_map(Shown::addresses).filter(named);
            let plain = shown().find(|(local_part, _)| quoted(local_part) == *local_part);
            let author =
                plain.or_else(|| shown().next()).and_then(|(local_part, domain)| author(local_part, domain));
            author.map(|author| vec![author]).ok_or(cause)
        }
        Err(cause) => {
            let first = READINGS.iter().zip(readings).find(|(_, shown)| shown.addresses().len() > 0);
            Err(first
                .and_then(|(reading, shown)| difference(reading.programs, shown, readings))
                .unwrap_or(cause))
        }
    }
}

/// Whether the fault is final, whatever the readings show: control bytes are not text, a field over the limit was not
/// read, and an encoded word in an address is another address to programs that decode it.
fn is_final(cause: &FromFault) -> bool {
    use AddressFault::{Control, EncodedWord};
    match cause {
        FromFault::TooManyAddresses { .. } => true,
        FromFault::Address(cause) => matches!(cause, Control { .. } | EncodedWord { .. }),
        _ => false,
    }
}

/// The author in a field that does not follow the grammar, if the domain is plausible.
fn author(local_part: &[u8], domain: &[u8]) -> Option<Address> {
    let domain = std::str::from_utf8(domain).ok()?;
    if domain.contains(UNICODE_DOTS) || !is_host_name(domain) || holds_encoded_word(local_part) {
        return None;
    }
    Some(Address { local_part: quoted(local_part).into(), domain: domain.into() })
}

/// The local-part, quoted if it needs to be and is not.
fn quoted(local_part: &[u8]) -> Vec<u8> {
    let is_plain = |c: &u8| *c > b' ' && *c != 0x7f && !b"()<>[]:;@\\,\"".contains(c);
    let has_quotes = local_part.len() > 1 && local_part.starts_with(b"\"") && local_part.ends_with(b"\"");
    if has_quotes || local_part.iter().all(is_plain) {
        return local_part.to_vec();
    }
    let mut out = vec![b'"'];
    for octet in local_part.iter().filter(|c| !c.is_ascii_control()) {
        if matches!(octet, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*octet);
    }
    out.push(b'"');
    out
}

/// A reading that shows something else than `shown`.
fn difference(programs: &'static str, shown: &Shown, readings: &[Shown]) -> Option<FromFault> {
    let same = |other: &Shown| {
        other.addresses().len() == shown.addresses().len()
            && other.addresses().all(|(_, domain)| shown.shows(domain))
    };
    let mut others = READINGS.iter().zip(readings).filter(|(_, other)| other.addresses().len() > 0);
    let (reading, other) = others.find(|(_, other)| !same(other))?;
    let (one, another) = (list(shown), list(other));
    Some(FromFault::ReadersDiffer { one: programs, reads: one, another: reading.programs, but: another })
}

/// The first domains of a reading, for people.
fn list(shown: &Shown) -> String {
    let mut domains = shown.addresses().map(|(_, domain)| printable(&String::from_utf8_lossy(domain)));
    let mut text = domains.by_ref().take(3).collect::<Vec<_>>().join(" and ");
    if domains.next().is_some() {
        text.push_str(" and more");
    }
    text
}

/// ASCII without quotes and backslashes, at most 80 bytes.
fn printable(domain: &str) -> String {
    let visible = |c: char| if c.is_ascii_graphic() && !matches!(c, '"' | '\\') { c } else { '?' };
    domain.chars().take(80).map(visible).collect()
}

#[cfg(test)]
mod tests;
