//! Just enough of MIME to find the parts that relays convert.

use std::ops::Range;
use waxseal::header::Header;

/// What Content-Type and Content-Transfer-Encoding say.
#[derive(Debug, Clone, Default)]
pub(crate) struct Content {
    /// In lower case, such as `text/plain`; empty when there is none.
    pub(crate) media_type: Vec<u8>,
    pub(crate) boundary: Option<Vec<u8>>,
    pub(crate) charset: Option<Vec<u8>>,
    /// In lower case.
    pub(crate) encoding: Vec<u8>,
}

/// A part that is not multipart.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Its header in the body; empty for a message without parts.
    pub(crate) head: Range<usize>,
    pub(crate) body: Range<usize>,
    pub(crate) content: Content,
}

/// Parts that are looked at in one message.
const MAX_PARTS: usize = 200;

impl Content {
    pub(crate) fn of(header: &Header) -> Self {
        let value = |name: &str| header.fields().find(|field| field.is(name)).map(|field| field.value());
        let content_type = value("Content-Type").unwrap_or_default();
        let media_type = content_type.split(|c| *c == b';').next().unwrap_or_default();
        Self {
            media_type: media_type.trim_ascii().to_ascii_lowercase(),
            boundary: parameter(content_type, b"boundary"),
            charset: parameter(content_type, b"charset"),
            encoding: value("Content-Transfer-Encoding")
                .unwrap_or_default()
                .trim_ascii()
                .to_ascii_lowercase(),
        }
    }

    pub(crate) fn is_text(&self) -> bool {
        self.media_type.is_empty() || self.media_type.starts_with(b"text/")
    }
}

/// The value of a parameter, with or without quotes.
fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut rest = value.split(|c| *c == b';');
    rest.next();
    for parameter in rest {
        let Some(equals) = memchr::memchr(b'=', parameter) else { continue };
        let (key, text) = parameter.split_at_checked(equals)?;
        if key.trim_ascii().eq_ignore_ascii_case(name) {
            let text = text.get(1..)?.trim_ascii();
            let quoted = text.strip_prefix(b"\"").and_then(|text| text.split(|c| *c == b'"').next());
            return Some(quoted.unwrap_or(text).to_vec()).filter(|text| !text.is_empty());
        }
    }
    None
}

/// The leaves of a body; one for a body without parts.
pub(crate) fn parts(content: &Content, body: &[u8]) -> Vec<Part> {
    let Some(boundary) = content.boundary.clone().filter(|_| content.media_type.starts_with(b"multipart/"))
    else {
        return vec![Part { head: 0..0, body: 0..body.len(), content: content.clone() }];
    };
    let mut walk = Walk { body, boundaries: vec![boundary], parts: Vec::new(), open: None };
    let mut at = 0;
    while at < body.len() && walk.parts.len() < MAX_PARTS {
        at = walk.line(at);
    }
    walk.close(body.len());
    walk.parts
}

struct Walk<'b> {
    body: &'b [u8],
    boundaries: Vec<Vec<u8>>,
    parts: Vec<Part>,
    open: Option<Part>,
}

impl Walk<'_> {
    /// Looks at the line that begins at `at`; returns where the next one does.
    fn line(&mut self, at: usize) -> usize {
        let rest = self.body.get(at..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(self.body.len(), |lf| at + lf + 1);
        let line = self.body.get(at..end).unwrap_or_default().trim_ascii_end();
        let Some(name) = line.strip_prefix(b"--") else { return end };
        let is =
            |boundary: &Vec<u8>| name.strip_prefix(&**boundary).map(|tail| (tail.is_empty(), tail == b"--"));
        match self.boundaries.iter().find_map(is) {
            Some((true, _)) => {
                self.close(at);
                self.open(end)
            }
            Some((_, true)) => {
                self.close(at);
                end
            }
            _ => end,
        }
    }

    /// The line end before a boundary belongs to the boundary.
    fn close(&mut self, at: usize) {
        let Some(mut part) = self.open.take() else { return };
        let text = self.body.get(part.body.start..at).unwrap_or_default();
        let text = text.strip_suffix(b"\r\n").or_else(|| text.strip_suffix(b"\n")).unwrap_or(text);
        part.body.end = part.body.start + text.len();
        self.parts.push(part);
    }

    fn open(&mut self, at: usize) -> usize {
        let rest = self.body.get(at..).unwrap_or_default();
        let Ok((header, body)) = Header::parse(rest) else { return at };
        let start = self.body.len() - body.len();
        let content = Content::of(&header);
        match content.boundary.clone().filter(|_| content.media_type.starts_with(b"multipart/")) {
            Some(boundary) if self.boundaries.len() < 16 => self.boundaries.push(boundary),
            _ => self.open = Some(Part { head: at..start, body: start..start, content }),
        }
        start
    }
}
