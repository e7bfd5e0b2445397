//! The Content-Transfer-Encoding that applies to a line of the body (RFC 2045 §6, RFC 2046 §5.1).

use waxseal_header::{
    Field, Header,
    structured::{InvalidText, Scanner, unescaped},
};

/// How deep multiparts may nest; deeper ones count as text.
const MAX_DEPTH: usize = 32;

/// How much of a line is compared with boundaries, in bytes. RFC 2046 §5.1.1 allows boundaries of 70 bytes; programs
/// are not that strict.
pub(super) const LINE_PREFIX: usize = 512;

/// How much of the header of a part is kept, in bytes; the rest is skipped.
const MAX_PART_HEADER: usize = 16 * 1024;

/// Follows the structure of a body from line to line, in constant memory.
#[derive(Debug)]
pub(super) struct Mime {
    /// The multiparts that are open, the innermost last.
    open: Vec<Multipart>,
    place: Place,
}

#[derive(Debug)]
struct Multipart {
    boundary: Vec<u8>,
    encoding: Encoding,
    /// RFC 2046 §5.1.5: parts of multipart/digest are messages unless they say otherwise.
    digest: bool,
}

#[derive(Debug)]
enum Place {
    /// In the header of a part: what was read so far, and the encoding around it.
    Header(Vec<u8>, Encoding, bool),
    Text(Encoding),
}

/// The value of Content-Transfer-Encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Encoding(Option<String>);

impl Encoding {
    fn takes_8bit(&self) -> bool {
        let is = |name: &str| self.0.as_deref().is_some_and(|value| value.eq_ignore_ascii_case(name));
        is("8bit") || is("binary")
    }

    /// RFC 2045 §6.4: parts encoded as base64 or quoted-printable are not searched.
    fn is_opaque(&self) -> bool {
        let is = |name: &str| self.0.as_deref().is_some_and(|value| value.eq_ignore_ascii_case(name));
        is("base64") || is("quoted-printable")
    }
}

impl Mime {
    /// Begins at the body of the message with this header.
    pub(super) fn new(header: &Header) -> Self {
        let mut mime = Self { open: Vec::new(), place: Place::Text(Encoding(None)) };
        mime.enter(header, false);
        mime
    }

    /// Takes the next line, without its line end and cut to [`LINE_PREFIX`]. Returns the encoding around a line that
    /// has bytes above 127 where they are not allowed, if one is declared.
    pub(super) fn line(&mut self, line: &[u8], is_8bit: bool) -> Option<Option<String>> {
        if line.starts_with(b"--") && self.delimiter(line) {
            return None;
        }
        let ended = match &mut self.place {
            Place::Text(encoding) => return misfit(encoding, is_8bit),
            Place::Header(text, _, digest) if line.is_empty() => Some((std::mem::take(text), *digest)),
            Place::Header(text, encoding, _) => {
                let found = misfit(encoding, is_8bit);
                if text.len() + line.len() < MAX_PART_HEADER {
                    text.extend_from_slice(line);
                    text.extend_from_slice(b"\r\n");
                }
                return found;
            }
        };
        if let Some((text, digest)) = ended {
            // It is shorter than any limit on headers, but it may have too many fields.
            match Header::parse(&text) {
                Ok((header, _)) => self.enter(&header, digest),
                Err(_) => self.place = Place::Text(Encoding(None)),
            }
        }
        None
    }

    /// Enters the part that follows this header.
    fn enter(&mut self, header: &Header, in_digest: bool) {
        let field = |name: &str| header.fields().find(|field| field.is(name));
        let encoding = Encoding(field("Content-Transfer-Encoding").map(token));
        let content = field("Content-Type").and_then(|field| content_type(field.value()).ok());
        let is_message = match &content {
            Some(content) => matches!(content.media_type.as_str(), "message/rfc822" | "message/global"),
            None => in_digest,
        };
        let boundary = content.as_ref().and_then(|content| content.boundary.clone());
        self.place = match boundary {
            _ if encoding.is_opaque() || self.open.len() >= MAX_DEPTH => Place::Text(encoding),
            Some(boundary) => {
                let digest = content.is_some_and(|content| content.media_type == "multipart/digest");
                self.open.push(Multipart { boundary, encoding: encoding.clone(), digest });
                Place::Text(encoding)
            }
            None if is_message => Place::Header(Vec::new(), encoding, false),
            None => Place::Text(encoding),
        };
    }

    /// RFC 2046 §5.1.1: a line of `--` and the boundary begins a part; with a further `--` it ends the last one. A
    /// boundary of an outer multipart ends the inner ones.
    fn delimiter(&mut self, line: &[u8]) -> bool {
        let line = line.get(2..).unwrap_or_default().trim_ascii_end();
        for depth in (0..self.open.len()).rev() {
            let Some(multipart) = self.open.get(depth) else { continue };
            let Some(rest) = line.strip_prefix(multipart.boundary.as_slice()) else { continue };
            let encoding = multipart.encoding.clone();
            match rest {
                b"" => {
                    self.place = Place::Header(Vec::new(), encoding, multipart.digest);
                    self.open.truncate(depth + 1);
                    return true;
                }
                b"--" => {
                    self.place = Place::Text(encoding);
                    self.open.truncate(depth);
                    return true;
                }
                _ => {}
            }
        }
        false
    }
}

fn misfit(encoding: &Encoding, is_8bit: bool) -> Option<Option<String>> {
    (is_8bit && !encoding.takes_8bit()).then(|| encoding.0.clone())
}

/// The first word of a value: a Content-Transfer-Encoding without whitespace and comments.
fn token(field: Field<'_>) -> String {
    let mut scanner = Scanner::new(field.value());
    let value = match scanner.skip_cfws() {
        Ok(_) => scanner.run(|byte| !byte.is_ascii_whitespace() && byte != b'(' && byte != b';'),
        Err(_) => field.value().trim_ascii(),
    };
    String::from_utf8_lossy(value).into_owned()
}

struct ContentType {
    /// In lower case.
    media_type: String,
    /// Set for a multipart.
    boundary: Option<Vec<u8>>,
}

/// RFC 2045 §5.1.
fn content_type(value: &[u8]) -> Result<ContentType, InvalidText> {
    let mut scanner = Scanner::new(value);
    let mut media_type = String::new();
    while !matches!(scanner.peek(), None | Some(b';')) {
        if !scanner.skip_cfws()? {
            let word = scanner.run(|byte| !byte.is_ascii_whitespace() && byte != b'(' && byte != b';');
            media_type.push_str(&String::from_utf8_lossy(word).to_ascii_lowercase());
        }
    }
    let mut boundary = None;
    while scanner.eat(b';') {
        scanner.skip_cfws()?;
        let name = scanner.run(|byte| byte.is_ascii_graphic() && !b"=;(\"".contains(&byte));
        scanner.skip_cfws()?;
        if scanner.eat(b'=') {
            scanner.skip_cfws()?;
            let value = match scanner.quoted_string()? {
                Some(inside) => unescaped(inside).into_owned(),
                None => scanner.run(|byte| !byte.is_ascii_whitespace() && byte != b';').to_vec(),
            };
            if name.eq_ignore_ascii_case(b"boundary") && media_type.starts_with("multipart/") {
                boundary = boundary.or(Some(value.trim_ascii_end().to_vec()));
            }
        }
        // Anything else is skipped.
        scanner.run(|byte| byte != b';');
    }
    Ok(ContentType { media_type, boundary: boundary.filter(|boundary| !boundary.is_empty()) })
}
