//! Zone files (RFC 1035 §5, RFC 2308 §4), as written by key generators and people.

use super::{Zone, text::MAX_STRING};
use crate::{DomainName, InvalidDomainName, Record, RecordType};
use std::{net::AddrParseError, num::ParseIntError, time::Duration};

/// Types that e-mail authentication never asks for: their names exist, their data is not read.
const IGNORED: [&str; 24] = [
    "SOA",
    "NS",
    "SRV",
    "CAA",
    "SPF",
    "HINFO",
    "RP",
    "LOC",
    "NAPTR",
    "SSHFP",
    "TLSA",
    "SMIMEA",
    "OPENPGPKEY",
    "URI",
    "SVCB",
    "HTTPS",
    "DS",
    "CDS",
    "DNSKEY",
    "CDNSKEY",
    "RRSIG",
    "NSEC",
    "NSEC3",
    "NSEC3PARAM",
];

/// Why a zone file cannot be read: the line, counted from 1, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("zone file, line {line}")]
pub struct InvalidZoneFile {
    line: usize,
    #[source]
    cause: ZoneFileError,
}

impl InvalidZoneFile {
    /// The line on which the entry begins, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Whether the line has a relative name, and there is no origin.
    pub fn needs_origin(&self) -> bool {
        self.cause == ZoneFileError::NoOrigin
    }
}

/// What is wrong with a line of a zone file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ZoneFileError {
    /// An unmatched parenthesis.
    #[error("parenthesis without its counterpart")]
    Parenthesis,
    /// A string that is not closed on its line.
    #[error("quoted string without its closing quote")]
    Quote,
    /// A backslash before nothing, or a `\DDD` above 255.
    #[error("bad escape: \\X or \\DDD with DDD up to 255 is meant")]
    Escape,
    /// RFC 1035 §3.3: 255 bytes at most.
    #[error("string of {0} bytes: split it into quoted strings of 255 bytes at most")]
    StringTooLong(usize),
    /// A line that begins with a blank takes the owner of the line above, and there is none.
    #[error("no owner name: the first record must have one")]
    NoOwner,
    /// A relative name (or `@`) without `$ORIGIN` or a given origin.
    #[error("relative name without an origin: end the name with a dot, or give $ORIGIN")]
    NoOrigin,
    /// A text that is not a domain name.
    #[error("bad domain name")]
    Name(#[from] InvalidDomainName),
    /// Not a time to live, IN or a known record type.
    #[error("`{0}` is not a record type that is read (TXT, A, AAAA, MX, PTR, CNAME) or known to be ignored")]
    Type(String),
    /// A line without a type.
    #[error("record type is missing")]
    NoType,
    /// Too little or too much after the type.
    #[error("{0} record needs {1}")]
    Data(&'static str, &'static str),
    /// Not an address.
    #[error("bad address")]
    Address(#[from] AddrParseError),
    /// Not a preference of 0 to 65535.
    #[error("bad MX preference")]
    Preference(#[from] ParseIntError),
    /// Not seconds, nor BIND's `1h30m`.
    #[error("bad time to live")]
    Ttl,
    /// `$INCLUDE` and `$GENERATE` are not supported: nothing here opens files.
    #[error("directive `{0}` is not supported: $ORIGIN and $TTL are")]
    Directive(String),
}

impl Zone {
    /// Reads the text of a zone file: the output of key generators (`opendkim-genkey`, `rspamadm`, `waxseal keygen`) or
    /// a zone file of BIND or NSD. TXT, A, AAAA, MX, PTR and CNAME are read, the other usual types are skipped.
    /// `origin` completes relative names until an `$ORIGIN` line does.
    ///
    /// # Errors
    /// [`InvalidZoneFile`] for the first invalid line. `$INCLUDE` is invalid, since this does not open files.
    ///
    /// ```
    /// use waxseal_dns::{Question, Record, Zone};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let text = r#"2026a._domainkey IN TXT ( "v=DKIM1; k=ed25519; "
    ///     "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" )  ; ----- DKIM key"#;
    /// let zone = Zone::from_zone_file(text, Some(&"example.org".parse()?))?;
    /// let answer = zone.lookup(&Question::txt("2026a._domainkey.example.org".parse()?))?;
    /// let key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    /// assert_eq!(&*answer.records, &[Record::Txt(key.into())]);
    /// # Ok(()) }
    /// ```
    pub fn from_zone_file(
        text: impl AsRef<[u8]>,
        origin: Option<&DomainName>,
    ) -> Result<Self, InvalidZoneFile> {
        let mut reader = Reader { origin: origin.cloned().map(Origin::Name), ..Reader::default() };
        let mut entries = Entries { rest: text.as_ref(), line: 1 };
        while let Some((line, entry)) = entries.next_entry()? {
            reader.read(&entry).map_err(|cause| InvalidZoneFile { line, cause })?;
        }
        Ok(reader.zone)
    }
}

/// One word of an entry, escapes resolved.
#[derive(Debug, Default)]
struct Word {
    octets: Vec<u8>,
    /// Has escaped bytes, which stand for themselves.
    escaped: bool,
    /// One of these is a dot.
    escaped_dot: bool,
    quoted: bool,
}

/// One entry: a directive or a record, parentheses joined into one line.
#[derive(Debug, Default)]
struct Entry {
    /// RFC 1035 §5.1: "If an entry for an RR begins with a blank, then the RR is assumed to be owned by the last stated
    /// owner."
    blank: bool,
    words: Vec<Word>,
}

/// Splits the text into entries.
struct Entries<'t> {
    rest: &'t [u8],
    line: usize,
}

impl Entries<'_> {
    fn next_entry(&mut self) -> Result<Option<(usize, Entry)>, InvalidZoneFile> {
        while !self.rest.is_empty() {
            let line = self.line;
            let entry = self.entry().map_err(|cause| InvalidZoneFile { line, cause })?;
            if !entry.words.is_empty() {
                return Ok(Some((line, entry)));
            }
        }
        Ok(None)
    }

    fn entry(&mut self) -> Result<Entry, ZoneFileError> {
        let mut entry = Entry { blank: matches!(self.rest, [b' ' | b'\t', ..]), ..Entry::default() };
        let mut depth = 0_usize;
        while let Some(octet) = self.take() {
            match octet {
                b'\n' if depth == 0 => return Ok(entry),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                b';' => self.skip_comment(),
                b'(' => depth += 1,
                b')' => depth = depth.checked_sub(1).ok_or(ZoneFileError::Parenthesis)?,
                b'"' => entry.words.push(self.quoted()?),
                _ => entry.words.push(self.word(octet)?),
            }
        }
        if depth == 0 { Ok(entry) } else { Err(ZoneFileError::Parenthesis) }
    }

    fn take(&mut self) -> Option<u8> {
        let (&octet, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.line += usize::from(octet == b'\n');
        Some(octet)
    }

    fn skip_comment(&mut self) {
        let end = self.rest.iter().position(|&octet| octet == b'\n').unwrap_or(self.rest.len());
        self.rest = self.rest.get(end..).unwrap_or_default();
    }

    fn quoted(&mut self) -> Result<Word, ZoneFileError> {
        let mut word = Word { quoted: true, ..Word::default() };
        loop {
            match self.take() {
                Some(b'"') => return Ok(word),
                None | Some(b'\n') => return Err(ZoneFileError::Quote),
                Some(octet) => self.push(&mut word, octet)?,
            }
        }
    }

    fn word(&mut self, first: u8) -> Result<Word, ZoneFileError> {
        let mut word = Word::default();
        self.push(&mut word, first)?;
        while let [octet, ..] = *self.rest {
            if matches!(octet, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'(' | b')' | b'"') {
                break;
            }
            self.take();
            self.push(&mut word, octet)?;
        }
        Ok(word)
    }

    /// RFC 1035 §5.1: "\X where X is any character other than a digit" and "\DDD where each D is a digit".
    fn push(&mut self, word: &mut Word, octet: u8) -> Result<(), ZoneFileError> {
        let taken = self.rest.len();
        let octet = match (octet, self.rest) {
            (b'\\', &[a @ b'0'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9', ref rest @ ..]) => {
                self.rest = rest;
                let [a, b, c] = [a, b, c].map(|digit| u16::from(digit - b'0'));
                u8::try_from(100 * a + 10 * b + c).map_err(|_| ZoneFileError::Escape)?
            }
            (b'\\', [b'0'..=b'9' | b'\n', ..] | []) => return Err(ZoneFileError::Escape),
            (b'\\', &[octet, ref rest @ ..]) => {
                self.rest = rest;
                octet
            }
            (octet, _) => octet,
        };
        let escaped = self.rest.len() < taken;
        word.escaped |= escaped;
        word.escaped_dot |= escaped && octet == b'.';
        word.octets.push(octet);
        Ok(())
    }
}

/// The name that completes relative names.
enum Origin {
    Root,
    Name(DomainName),
}

/// The state after the entries so far, and the records.
#[derive(Default)]
struct Reader {
    origin: Option<Origin>,
    ttl: Option<Duration>,
    owner: Option<DomainName>,
    zone: Zone,
}

impl Reader {
    fn read(&mut self, entry: &Entry) -> Result<(), ZoneFileError> {
        match entry.words.as_slice() {
            [directive, data @ ..]
                if !entry.blank && !directive.quoted && directive.octets.starts_with(b"$") =>
            {
                self.directive(directive, data)
            }
            words if entry.blank => self.record(words),
            [owner, words @ ..] => {
                self.owner = Some(self.name(owner)?);
                self.record(words)
            }
            [] => Ok(()),
        }
    }

    fn directive(&mut self, directive: &Word, data: &[Word]) -> Result<(), ZoneFileError> {
        let word = directive.text();
        match (word.to_ascii_uppercase().as_str(), data) {
            ("$ORIGIN", [origin]) if origin.is(".") => self.origin = Some(Origin::Root),
            ("$ORIGIN", [origin]) => self.origin = Some(Origin::Name(self.name(origin)?)),
            ("$TTL", [ttl]) => self.ttl = Some(ttl.ttl().ok_or(ZoneFileError::Ttl)?),
            _ => return Err(ZoneFileError::Directive(word)),
        }
        Ok(())
    }

    /// `[TTL] [class] type data` or `[class] [TTL] type data` (RFC 1035 §5.1).
    fn record(&mut self, mut words: &[Word]) -> Result<(), ZoneFileError> {
        let owner = self.owner.clone().ok_or(ZoneFileError::NoOwner)?;
        let mut ttl = self.ttl;
        while let [word, rest @ ..] = words {
            if word.is("IN") {
                words = rest;
            } else if let Some(own) = word.ttl() {
                ttl = Some(own);
                words = rest;
            } else {
                break;
            }
        }
        let [kind, data @ ..] = words else { return Err(ZoneFileError::NoType) };
        if kind.is("CNAME") {
            let [target] = data else { return Err(ZoneFileError::Data("CNAME", "a name")) };
            let target = if target.is(".") { None } else { Some(self.name(target)?) };
            self.zone.insert_cname(owner.clone(), target);
        } else if kind.is("PTR") && matches!(data, [target] if target.is(".")) {
            // The root is not the name of an address: resolvers skip such a record.
            self.zone.insert_name(owner.clone());
        } else if let Ok(kind) = kind.text().parse() {
            let record = self.data(kind, data)?;
            self.zone.insert(owner.clone(), record);
        } else if IGNORED.iter().any(|ignored| kind.is(ignored)) || kind.text().starts_with("TYPE") {
            self.zone.insert_name(owner.clone());
        } else {
            return Err(ZoneFileError::Type(kind.text()));
        }
        if let Some(ttl) = ttl {
            // RFC 2181 §5.2 wants one TTL for a set; of several at a name, the smallest counts.
            let data = self.zone.data(owner);
            data.ttl = data.ttl.into_iter().chain([ttl]).min();
        }
        Ok(())
    }

    fn data(&self, kind: RecordType, data: &[Word]) -> Result<Record, ZoneFileError> {
        match (kind, data) {
            (RecordType::Txt, [_, ..]) => {
                let long = data.iter().map(|string| string.octets.len()).find(|len| *len > MAX_STRING);
                let joined = data.iter().map(|string| string.octets.as_slice()).collect::<Vec<_>>().concat();
                long.map_or(Ok(Record::Txt(joined.into())), |len| Err(ZoneFileError::StringTooLong(len)))
            }
            (RecordType::A, [address]) => Ok(Record::A(address.text().parse()?)),
            (RecordType::Aaaa, [address]) => Ok(Record::Aaaa(address.text().parse()?)),
            (RecordType::Mx, [preference, host]) => {
                let host = if host.is(".") { None } else { Some(self.name(host)?) };
                Ok(Record::Mx(preference.text().parse()?, host))
            }
            (RecordType::Ptr, [name]) => Ok(Record::Ptr(self.name(name)?)),
            (RecordType::Txt, []) => Err(ZoneFileError::Data("TXT", "at least one string")),
            (RecordType::A, _) => Err(ZoneFileError::Data("A", "one IPv4 address")),
            (RecordType::Aaaa, _) => Err(ZoneFileError::Data("AAAA", "one IPv6 address")),
            (RecordType::Mx, _) => Err(ZoneFileError::Data("MX", "a preference and a host")),
            (RecordType::Ptr, _) => Err(ZoneFileError::Data("PTR", "a name")),
        }
    }

    /// RFC 1035 §5.1: "Domain names that end in a dot are called absolute, and are taken as complete"; `@` is the origin.
    fn name(&self, word: &Word) -> Result<DomainName, ZoneFileError> {
        let origin = self.origin.as_ref().ok_or(ZoneFileError::NoOrigin);
        if word.escaped_dot {
            // The dot is part of a label, which [`DomainName`] cannot express.
            return Err(InvalidDomainName::Octet(b'\\', 0).into());
        }
        if word.is("@") {
            return match origin? {
                Origin::Root => Err(InvalidDomainName::Empty.into()),
                Origin::Name(origin) => Ok(origin.clone()),
            };
        }
        if word.octets.ends_with(b".") {
            return Ok(DomainName::lenient(&word.octets)?);
        }
        // Checks the bytes before they are read as text.
        let relative = DomainName::lenient(&word.octets)?;
        match origin? {
            Origin::Root => Ok(relative),
            Origin::Name(origin) => Ok(origin.prepend(relative.as_str())?),
        }
    }
}

impl Word {
    fn is(&self, text: &str) -> bool {
        !self.quoted && !self.escaped && self.octets.eq_ignore_ascii_case(text.as_bytes())
    }

    fn text(&self) -> String {
        self.octets.escape_ascii().to_string()
    }

    /// Seconds, or BIND's numbers with units (`1w2d3h4m5s`).
    fn ttl(&self) -> Option<Duration> {
        let (mut total, mut number, mut digits) = (0_u64, 0_u64, false);
        for octet in &self.octets {
            let unit = match octet.to_ascii_lowercase() {
                digit @ b'0'..=b'9' => {
                    number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
                    digits = true;
                    continue;
                }
                b's' => 1,
                b'm' => 60,
                b'h' => 3_600,
                b'd' => 86_400,
                b'w' => 604_800,
                _ => return None,
            };
            if !digits {
                return None;
            }
            total = total.checked_add(number.checked_mul(unit)?)?;
            (number, digits) = (0, false);
        }
        let total = total.checked_add(number)?;
        (!self.octets.is_empty() && !self.quoted && total <= u64::from(u32::MAX))
            .then(|| Duration::from_secs(total))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Question};

    fn name(text: &str) -> DomainName {
        DomainName::lenient(text.as_bytes()).unwrap()
    }

    fn read(text: &str) -> Zone {
        Zone::from_zone_file(text, Some(&name("example.org")))
            .unwrap_or_else(|error| panic!("{error}: {:?}", error.cause))
    }

    fn records(zone: &Zone, owner: &str, kind: RecordType) -> Vec<Record> {
        zone.lookup(&Question::new(name(owner), kind)).unwrap().records.to_vec()
    }

    fn txt(zone: &Zone, owner: &str) -> Vec<String> {
        let text = |record| {
            if let Record::Txt(text) = record { text.escape_ascii().to_string() } else { String::new() }
        };
        records(zone, owner, RecordType::Txt).into_iter().map(text).collect()
    }

    #[test]
    fn opendkim_genkey() {
        let zone = read(concat!(
            "2026a._domainkey\tIN\tTXT\t( \"v=DKIM1; h=sha256; k=rsa; \"\n",
            "\t  \"p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\"\n",
            "\t  \"IDAQAB\" )  ; ----- DKIM key 2026a for example.org\n"
        ));
        let key = "v=DKIM1; h=sha256; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAIDAQAB";
        assert_eq!(txt(&zone, "2026a._domainkey.example.org"), [key]);
    }

    #[test]
    fn a_whole_zone() {
        let zone = read(concat!(
            "; a comment\r\n$TTL 1h30m\r\n$ORIGIN Example.Org.\r\n",
            "@ 3600 IN SOA ns.example.org. root.example.org. ( 1 ; serial\n 2h 3 4 5 )\r\n",
            "\tNS ns\r\n",
            "  IN 60 TXT \"v=spf1 mx \" \"-all\"\n",
            "  60 IN MX 10 mx\n",
            "  MX 20 mx.example.com.\n",
            "mx A 192.0.2.1\n",
            " AAAA 2001:db8::1\n",
            "www IN CNAME mx\n",
            "null MX 0 .\nroot CNAME .\n",
            "$ORIGIN 2.0.192.in-addr.arpa.\n",
            "1 PTR mx.example.org.\n2 PTR .\n",
            "$ORIGIN sub.example.org.\n",
            "@ TXT unquoted words \"and quoted\"; comment\n",
            "a TYPE65280 \\# 0",
        ));
        assert_eq!(txt(&zone, "example.org"), ["v=spf1 mx -all"]);
        let mx = records(&zone, "example.org", RecordType::Mx);
        assert_eq!(
            mx,
            [Record::Mx(10, Some(name("mx.example.org"))), Record::Mx(20, Some(name("mx.example.com")))]
        );
        assert_eq!(
            records(&zone, "www.example.org", RecordType::Aaaa),
            records(&zone, "mx.example.org", RecordType::Aaaa)
        );
        assert_eq!(records(&zone, "null.example.org", RecordType::Mx), [Record::Mx(0, None)]);
        assert_eq!(
            records(&zone, "1.2.0.192.in-addr.arpa", RecordType::Ptr),
            [Record::Ptr(name("mx.example.org"))]
        );
        assert!(records(&zone, "2.2.0.192.in-addr.arpa", RecordType::Ptr).is_empty());
        assert_eq!(txt(&zone, "sub.example.org"), ["unquotedwordsand quoted"]);
        assert!(records(&zone, "a.sub.example.org", RecordType::Txt).is_empty());
        assert!(records(&zone, "root.example.org", RecordType::A).is_empty());
        let ttl = |owner| zone.lookup(&Question::txt(name(owner))).unwrap().ttl;
        assert_eq!(ttl("example.org"), Some(Duration::from_secs(60)));
        assert_eq!(ttl("sub.example.org"), Some(Duration::from_secs(5_400)));
        assert_eq!(zone.lookup(&Question::txt(name("nope.example.org"))), Ok(Answer::nxdomain()));
    }

    /// A zone as tools print it (`named-compilezone -s full`): its names below the root.
    #[test]
    fn the_root_is_an_origin() {
        let zone = read(
            "$ORIGIN .\n$TTL 60\nexample.org IN SOA ns.example.org root.example.org 1 2 3 4 5\n TXT x\na.b TXT y\n",
        );
        assert_eq!((txt(&zone, "example.org"), txt(&zone, "a.b")), (vec!["x".into()], vec!["y".into()]));
        let root = Zone::from_zone_file("$ORIGIN .\n@ TXT x", None).unwrap_err();
        assert_eq!(root.cause, ZoneFileError::Name(InvalidDomainName::Empty));
    }

    #[test]
    fn escapes_and_octets() {
        let zone = read("a TXT \"say \\\"\\105\\\"; \\\\ \\; \\000\\255\"\n\\097\\045b TXT plain\\;still\n");
        assert_eq!(txt(&zone, "a.example.org"), [r#"say \"i\"; \\ ; \x00\xff"#]);
        assert_eq!(txt(&zone, "a-b.example.org"), ["plain;still"]);
        let latin = Zone::from_zone_file(b"a.example. TXT \"caf\xe9\"", None).unwrap();
        assert_eq!(txt(&latin, "a.example"), ["caf\\xe9"]);
    }

    #[test]
    fn an_unquoted_semicolon_begins_a_comment() {
        assert_eq!(txt(&read("a TXT v=DKIM1; p=abc"), "a.example.org"), ["v=DKIM1"]);
    }

    #[test]
    fn names_that_look_like_something_else() {
        let zone = read("in TXT 1\n60 TXT 2\ntxt 30 TXT 3\n");
        for (owner, text) in [("in.example.org", "1"), ("60.example.org", "2"), ("txt.example.org", "3")] {
            assert_eq!(txt(&zone, owner), [text]);
        }
    }

    #[test]
    fn errors_say_where_and_what() {
        use ZoneFileError as E;
        let long = format!("\n\na TXT \"{}\"", "x".repeat(256));
        for (text, line, cause) in [
            ("a TXT ( \"x\"\n\"y\"\n", 1, E::Parenthesis),
            ("a TXT x\nb TXT \"x\" )\n", 2, E::Parenthesis),
            ("a TXT \"x\ny\"\n", 1, E::Quote),
            ("a TXT \\25", 1, E::Escape),
            ("a TXT \\256", 1, E::Escape),
            ("a TXT x\\", 1, E::Escape),
            (&long, 3, E::StringTooLong(256)),
            (" TXT x", 1, E::NoOwner),
            ("a..b TXT x", 1, E::Name(InvalidDomainName::EmptyLabel)),
            ("a\\.b TXT x", 1, E::Name(InvalidDomainName::Octet(b'\\', 0))),
            ("a DNAME b", 1, E::Type("DNAME".into())),
            ("a CH TXT b", 1, E::Type("CH".into())),
            ("a 60 IN", 1, E::NoType),
            ("a TXT", 1, E::Data("TXT", "at least one string")),
            ("a MX mx", 1, E::Data("MX", "a preference and a host")),
            ("a A 192.0.2.1 192.0.2.2", 1, E::Data("A", "one IPv4 address")),
            ("$TTL x", 1, E::Ttl),
            ("$TTL 4294967296", 1, E::Ttl),
            ("\n$INCLUDE other.zone", 2, E::Directive("$INCLUDE".into())),
        ] {
            let error = Zone::from_zone_file(text, Some(&name("example.org"))).unwrap_err();
            assert_eq!(error, InvalidZoneFile { line, cause }, "{text:?}");
        }
        let relative = Zone::from_zone_file("a TXT x", None).unwrap_err();
        assert_eq!(relative.cause, E::NoOrigin);
        let address = Zone::from_zone_file("a.example. A 1.2.3", None).unwrap_err();
        assert!(matches!(address.cause, E::Address(_)));
    }
}
