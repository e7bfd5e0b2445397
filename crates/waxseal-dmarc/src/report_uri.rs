//! Addresses for reports (RFC 9989 §4.6, §4.8).

use std::{fmt, str::FromStr};
use waxseal_dns::DomainName;
use waxseal_header::Address;

/// An address in `rua=` or `ruf=`: a URI (RFC 3986), nearly always `mailto:`.
///
/// Anything that RFC 3986 accepts is valid, such as an empty `mailto:`, since only that syntax decides whether a record
/// requests reports (RFC 9989 §4.10.1). If nothing can be sent there, [`ReportUri::host`] is `None`.
///
/// ```
/// use waxseal_dmarc::ReportUri;
/// let uri: ReportUri = "mailto:dmarc%2Breports@example.org!10m".parse()?;
/// assert_eq!(uri.mailbox().map(ToString::to_string).as_deref(), Some("dmarc+reports@example.org"));
/// assert_eq!(uri.host().map(|host| host.as_str()), Some("example.org"));
/// assert_eq!(uri.size_limit(), Some(10 << 20));
/// # Ok::<(), waxseal_dmarc::InvalidReportUri>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportUri {
    text: Box<str>,
    size: Option<Size>,
    mailbox: Option<Address>,
    host: Option<DomainName>,
}

/// `10m`, kept for `Display`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Size {
    number: u64,
    /// Index into [`UNITS`], or none.
    unit: Option<usize>,
}

const UNITS: [u8; 4] = *b"kmgt";

/// Why a text is not an address for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidReportUri(#[from] pub(crate) UriFault);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UriFault {
    #[error("address is empty")]
    Empty,
    /// As in `rua=reports@example.org`.
    #[error("address is not a URI, mailto: is missing")]
    NoScheme,
    /// A byte that must be percent-encoded in a URI, or a percent sign without two hexadecimal digits.
    #[error("forbidden byte in the address")]
    ForbiddenByte,
    /// The text after the exclamation point is not a size. RFC 9989 §4.8: "commas (ASCII 0x2C) and exclamation points
    /// (ASCII 0x21) MUST be encoded".
    #[error("no size behind the exclamation point")]
    Size,
}

impl ReportUri {
    /// Parses a URI, with an optional (obsolete) size limit after it.
    ///
    /// # Errors
    /// [`InvalidReportUri`].
    pub fn parse(text: &[u8]) -> Result<Self, InvalidReportUri> {
        let mut parts = text.splitn(2, |c| *c == b'!');
        let uri = parts.next().unwrap_or_default().trim_ascii_end();
        let size = parts.next().map(|text| size(text).ok_or(UriFault::Size)).transpose()?;
        let text = visible(uri)?;
        let (scheme, rest) = text.split_once(':').ok_or(UriFault::NoScheme)?;
        if !is_scheme(scheme) {
            return Err(UriFault::NoScheme.into());
        }
        let (mailbox, host) = if is_mailto(scheme) {
            let mailbox = mailbox(rest)?;
            let host = mailbox.as_ref().and_then(|mailbox| DomainName::new(mailbox.domain()).ok());
            (mailbox, host)
        } else {
            (None, authority_host(rest)?)
        };
        Ok(Self { text: text.into(), size, mailbox, host })
    }

    /// The URI without a size limit.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The scheme as written, such as `mailto`.
    pub fn scheme(&self) -> &str {
        self.text.split(':').next().unwrap_or_default()
    }

    /// Whether the scheme is `mailto`.
    pub fn is_mailto(&self) -> bool {
        is_mailto(self.scheme())
    }

    /// The mailbox of a `mailto:` URI, with percent-encoding decoded; `None` when there is none, or it is not a
    /// mailbox.
    pub fn mailbox(&self) -> Option<&Address> {
        self.mailbox.as_ref()
    }

    /// The host: the domain of the mailbox, or the host of the authority component. `None` when it is not a domain
    /// name; then nothing can authorize reports to it.
    pub fn host(&self) -> Option<&DomainName> {
        self.host.as_ref()
    }

    /// The size limit in bytes; RFC 9989 §4.8 made it obsolete, and receivers ignore it.
    pub fn size_limit(&self) -> Option<u64> {
        let size = self.size?;
        let shift = size.unit.map_or(0, |unit| 10 * (unit as u32 + 1));
        Some(size.number.saturating_mul(1 << shift))
    }
}

impl fmt::Display for ReportUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)?;
        let Some(size) = self.size else { return Ok(()) };
        write!(f, "!{}", size.number)?;
        match size.unit.and_then(|unit| UNITS.get(unit)) {
            Some(unit) => write!(f, "{}", char::from(*unit)),
            None => Ok(()),
        }
    }
}

impl FromStr for ReportUri {
    type Err = InvalidReportUri;
    /// [`ReportUri::parse`].
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text.as_bytes())
    }
}

/// The text, if it consists of visible ASCII that is allowed in a record.
fn visible(uri: &[u8]) -> Result<&str, InvalidReportUri> {
    let text = std::str::from_utf8(uri).map_err(|_| UriFault::ForbiddenByte)?;
    match text {
        "" => Err(UriFault::Empty.into()),
        _ if text.bytes().all(|c| c.is_ascii_graphic() && !is_forbidden(c)) => Ok(text),
        _ => Err(UriFault::ForbiddenByte.into()),
    }
}

const fn is_forbidden(c: u8) -> bool {
    matches!(c, b',' | b';' | b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}')
}

/// RFC 3986 §3.1.
fn is_scheme(scheme: &str) -> bool {
    scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c))
}

fn is_mailto(scheme: &str) -> bool {
    scheme.eq_ignore_ascii_case("mailto")
}

/// The mailbox of a `mailto:` URI (RFC 6068 §2); header fields after a question mark are ignored. A slash must be
/// encoded there, so that `mailto://user@host` has no mailbox.
fn mailbox(path: &str) -> Result<Option<Address>, InvalidReportUri> {
    let path = path.split('?').next().unwrap_or_default();
    let decoded = percent_decode(path)?;
    Ok(Address::parse_path(&decoded).ok().flatten().filter(|_| !path.starts_with('/')))
}

/// The host of `//user@host:port/path` (RFC 3986 §3.2), if it is a domain name.
fn authority_host(rest: &str) -> Result<Option<DomainName>, InvalidReportUri> {
    let Some(rest) = rest.strip_prefix("//") else { return Ok(None) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = percent_decode(host.split(':').next().unwrap_or_default())?;
    Ok(DomainName::try_from(&host[..]).ok())
}

fn percent_decode(text: &str) -> Result<Vec<u8>, InvalidReportUri> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut octets = text.bytes();
    while let Some(c) = octets.next() {
        decoded.push(match c {
            b'%' => {
                let mut digit = || octets.next().and_then(|c| char::from(c).to_digit(16));
                let (high, low) = (digit(), digit());
                let octet = high.zip(low).map(|(high, low)| high * 16 + low);
                octet.and_then(|octet| u8::try_from(octet).ok()).ok_or(UriFault::ForbiddenByte)?
            }
            c => c,
        });
    }
    Ok(decoded)
}

/// `1*DIGIT [ "k" / "m" / "g" / "t" ]`, with the blanks that people add.
fn size(text: &[u8]) -> Option<Size> {
    let text = std::str::from_utf8(text).ok()?.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let number = digits.parse().ok()?;
    let unit = match unit.trim().as_bytes() {
        [] => None,
        [unit] => Some(UNITS.iter().position(|known| unit.eq_ignore_ascii_case(known))?),
        _ => return None,
    };
    Some(Size { number, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> ReportUri {
        ReportUri::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_host_of_an_address() {
        for (uri, mailbox, host) in [
            ("mailto:d@example.org", Some("d@example.org"), Some("example.org")),
            ("MailTo:d%2Be@Example.ORG?subject=a@b.example", Some("d+e@Example.ORG"), Some("example.org")),
            ("https://example.org", None, Some("example.org")),
            ("https://u:p@example.org:443/a@b.example?c@d#e@f", None, Some("example.org")),
            ("https://example.org?a@b.example", None, Some("example.org")),
            ("mailto:", None, None),
            ("mailto:d", None, None),
            ("mailto:@example.org", None, None),
            ("mailto:?to=d@example.org", None, None),
            ("mailto://d@example.org", None, None),
            ("mailto:/d@example.org", None, None),
            ("mailto:%2Fd@example.org", Some("/d@example.org"), Some("example.org")),
            ("https:/example.org", None, None),
            ("urn:isbn:1", None, None),
        ] {
            let read = read(uri);
            assert_eq!(read.mailbox().map(ToString::to_string).as_deref(), mailbox, "{uri}");
            assert_eq!(read.host().map(DomainName::as_str), host, "{uri}");
            assert_eq!((read.as_str(), read.size_limit()), (uri, None));
        }
    }

    #[test]
    fn what_is_no_address() {
        for (error, uris) in [
            (UriFault::Empty, &["", " ", "!10m"][..]),
            (UriFault::NoScheme, &["d@example.org", "1a:b", ":b", "a_b:c"]),
            (
                UriFault::ForbiddenByte,
                &[
                    "mailto:d d@example.org",
                    "mailto:é@example.org",
                    "mailto:d%2@example.org",
                    "mailto:%",
                    "mailto:d%zz@example.org",
                    "https://a%/",
                ],
            ),
            (UriFault::Size, &["mailto:d@example.org!", "mailto:d@example.org!m", "mailto:d@example.org!1x"]),
        ] {
            for uri in uris {
                assert_eq!(ReportUri::parse(uri.as_bytes()), Err(error.into()), "{uri}");
            }
        }
    }

    #[test]
    fn sizes_are_read_with_blanks_and_never_overflow() {
        for (size, octets, shown) in [
            ("!10", 10, "!10"),
            ("! 10 M ", 10 << 20, "!10m"),
            ("!1k", 1 << 10, "!1k"),
            ("!16777216t", u64::MAX, "!16777216t"),
        ] {
            let read = read(&format!("mailto:d@example.org{size}"));
            assert_eq!(read.size_limit(), Some(octets), "{size}");
            assert_eq!(read.to_string(), format!("mailto:d@example.org{shown}"));
        }
    }
}
