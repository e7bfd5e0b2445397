//! Tag lists (RFC 6376 §3.2), the syntax of DKIM signatures, ARC fields and key records. (DMARC records are read more
//! leniently, by `waxseal-dmarc`.)

use std::fmt;

/// A parsed tag list: `name=value` pairs separated by semicolons, in order. Values are bytes (RFC 8616 allows UTF-8);
/// nothing is copied.
///
/// ```
/// use waxseal_header::TagList;
/// let list = TagList::parse(b"v=1; d=example.org;\r\n\ts=2026a;")?;
/// assert_eq!(list.get("s"), Some(&b"2026a"[..]));
/// assert_eq!(list.get("i"), None);
/// # Ok::<(), waxseal_header::InvalidTagList>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagList<'t> {
    tags: Vec<Tag<'t>>,
}

/// One tag of a [`TagList`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Tag<'t> {
    name: &'t str,
    /// The first eight bytes of the name, to compare names in one step.
    key: u64,
    text: &'t [u8],
    start: usize,
}

/// Why a text is not a tag list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidTagList(#[from] Fault);

impl InvalidTagList {
    /// Whether there are too many tags; then the text was not read to its end.
    pub fn is_limit(&self) -> bool {
        matches!(self.0, Fault::TooMany { .. })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    /// A tag without an equals sign.
    #[error("tag list: no equals sign in the tag at offset {offset}")]
    NoEquals {
        /// Where the tag begins.
        offset: usize,
    },
    /// A name that is not a letter followed by letters, digits and underscores.
    #[error("tag list: illegal tag name at offset {offset}")]
    Name {
        /// Where the tag begins.
        offset: usize,
    },
    /// A control byte in a value, or bytes that are not UTF-8.
    #[error("tag list: forbidden byte in the value of {tag}=")]
    Value {
        /// The tag.
        tag: String,
    },
    /// RFC 6376 §3.2: "Tags with duplicate names MUST NOT occur within a single tag-list".
    #[error("tag list: {tag}= appears twice")]
    Duplicate {
        /// The tag.
        tag: String,
    },
    /// More tags than the limit allows.
    #[error("tag list: more than {limit} tags")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

/// The most tags read.
const MAX_TAGS: usize = 64;

impl<'t> TagList<'t> {
    /// Reads a tag list of at most 64 tags.
    ///
    /// # Errors
    /// [`InvalidTagList`]: one bad tag makes the whole list invalid (RFC 6376 §3.2).
    pub fn parse(text: &'t [u8]) -> Result<Self, InvalidTagList> {
        Self::parse_with(text, MAX_TAGS)
    }

    fn parse_with(text: &'t [u8], max_tags: usize) -> Result<Self, InvalidTagList> {
        let plain = is_plain(text);
        let mut tags = Vec::with_capacity(16.min(max_tags));
        let mut start = 0;
        while start < text.len() {
            let rest = text.get(start..).unwrap_or_default();
            let spec = rest.get(..memchr::memchr(b';', rest).unwrap_or(rest.len())).unwrap_or_default();
            let end = start + spec.len() + 1;
            // The list may end in a semicolon; blanks after it are harmless.
            if end > text.len() && trim(spec).is_empty() && !tags.is_empty() {
                break;
            }
            let tag = Tag::parse(spec, start)?;
            if !plain && !is_legal_value(tag.text) {
                return Err(InvalidTagList(Fault::Value { tag: tag.name.into() }));
            }
            check_unique(&tags, &tag)?;
            if tags.len() >= max_tags {
                return Err(InvalidTagList(Fault::TooMany { limit: max_tags }));
            }
            tags.push(tag);
            start = end;
        }
        Ok(Self { tags })
    }

    /// The value of the tag `name`, without the blanks around it. Names are case-sensitive (RFC 6376 §3.2).
    pub fn get(&self, name: &str) -> Option<&'t [u8]> {
        self.tag(name).map(|tag| tag.value())
    }

    /// The tag `name`.
    pub fn tag(&self, name: &str) -> Option<Tag<'t>> {
        let key = key(name.as_bytes());
        self.tags.iter().find(|tag| tag.key == key && tag.name == name).copied()
    }

    /// The tags in the order given.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = Tag<'t>> + '_ {
        self.tags.iter().copied()
    }
}

impl<'t> Tag<'t> {
    /// The name.
    pub fn name(&self) -> &'t str {
        self.name
    }

    /// The value without the blanks and folds around it; those inside it remain.
    pub fn value(&self) -> &'t [u8] {
        trim(self.text)
    }

    /// The range of the value and the whitespace around it in the text of the list. Without these bytes the tag is
    /// empty, as RFC 6376 §3.7 requires of `b=` for hashing.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// `spec` begins at `offset` of the list.
    fn parse(spec: &'t [u8], offset: usize) -> Result<Self, InvalidTagList> {
        let equals =
            spec.iter().position(|c| *c == b'=').ok_or(InvalidTagList(Fault::NoEquals { offset }))?;
        let (name, text) = spec.split_at(equals);
        let name = trim(name);
        // tag-name = ALPHA *ALNUMPUNC
        let legal = name.first().is_some_and(u8::is_ascii_alphabetic)
            && name.iter().all(|c| c.is_ascii_alphanumeric() || *c == b'_');
        let name =
            std::str::from_utf8(name).ok().filter(|_| legal).ok_or(InvalidTagList(Fault::Name { offset }))?;
        let text = text.get(1..).unwrap_or_default();
        Ok(Self { name, key: key(name.as_bytes()), text, start: offset + equals + 1 })
    }
}

impl fmt::Debug for Tag<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.value().escape_ascii())
    }
}

fn key(name: &[u8]) -> u64 {
    name.iter().take(8).fold(0, |key, octet| key << 8 | u64::from(*octet))
}

fn check_unique(tags: &[Tag<'_>], new: &Tag<'_>) -> Result<(), InvalidTagList> {
    if tags.iter().any(|tag| tag.key == new.key && tag.name == new.name) {
        return Err(InvalidTagList(Fault::Duplicate { tag: new.name.into() }));
    }
    Ok(())
}

/// Visible ASCII, blanks and line ends.
fn is_plain(text: &[u8]) -> bool {
    odd_octets(text) == 0
}

/// Visible characters, blanks and line ends; RFC 8616 §3 adds UTF-8.
fn is_legal_value(text: &[u8]) -> bool {
    let odd = odd_octets(text);
    odd == 0 || (odd == 0x80 && std::str::from_utf8(text).is_ok())
}

/// Bit 0 for a control byte, bit 7 for one above 127. Without branches, so that the compiler can vectorize.
fn odd_octets(text: &[u8]) -> u8 {
    text.iter().fold(0, |odd, c| {
        let control =
            u8::from(*c < b' ') & u8::from(*c != b'\t') & u8::from(*c != b'\r') & u8::from(*c != b'\n');
        odd | control | u8::from(*c == 0x7f) | (*c & 0x80)
    })
}

fn trim(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t' | b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_list_may_end_in_a_semicolon_and_hold_folds() {
        for text in ["a=1; b = x y ;\r\n\tc=", "a=1;b=x y;c=;", " a=1;b=x y;c= ; \r\n "] {
            let list = TagList::parse(text.as_bytes()).unwrap();
            let tags: Vec<_> = list.tags().map(|tag| (tag.name(), tag.value())).collect();
            assert_eq!(tags, [("a", &b"1"[..]), ("b", b"x y"), ("c", b"")], "{text}");
        }
        assert_eq!(TagList::parse(b"").unwrap().tags().len(), 0);
    }

    #[test]
    fn one_bad_tag_spoils_the_list() {
        assert_eq!(TagList::parse(b"a=1; b"), Err(InvalidTagList(Fault::NoEquals { offset: 4 })));
        assert_eq!(TagList::parse(b";a=1"), Err(InvalidTagList(Fault::NoEquals { offset: 0 })));
        assert_eq!(TagList::parse(b"a=1;;b=2"), Err(InvalidTagList(Fault::NoEquals { offset: 4 })));
        assert_eq!(TagList::parse(b" "), Err(InvalidTagList(Fault::NoEquals { offset: 0 })));
        assert_eq!(TagList::parse(b"=1"), Err(InvalidTagList(Fault::Name { offset: 0 })));
        assert_eq!(TagList::parse(b"1=1"), Err(InvalidTagList(Fault::Name { offset: 0 })));
        assert_eq!(TagList::parse(b"a b=1"), Err(InvalidTagList(Fault::Name { offset: 0 })));
        assert_eq!(TagList::parse(b"a=1;a=2"), Err(InvalidTagList(Fault::Duplicate { tag: "a".into() })));
        assert_eq!(TagList::parse(b"a=\0"), Err(InvalidTagList(Fault::Value { tag: "a".into() })));
        assert_eq!(TagList::parse(b"a=\xff"), Err(InvalidTagList(Fault::Value { tag: "a".into() })));
        assert!(TagList::parse("i=j\u{f6}rg@example.org".as_bytes()).is_ok());
        assert!(TagList::parse(b"a=1;A=2").is_ok());
        assert_eq!(TagList::parse_with(b"a=1;b=2", 1), Err(InvalidTagList(Fault::TooMany { limit: 1 })));
    }

    proptest! {
        #[test]
        fn the_range_of_a_tag_is_its_value(text in "([a-c]{1,2} ?=[ x\t]{0,4};){0,4}") {
            if let Ok(list) = TagList::parse(text.as_bytes()) {
                for tag in list.tags() {
                    let range = tag.range();
                    prop_assert_eq!(trim(&text.as_bytes()[range.clone()]), tag.value());
                    prop_assert_eq!(text.as_bytes()[range.start - 1], b'=');
                    prop_assert_eq!(text.as_bytes()[range.end], b';');
                }
            }
        }

        #[test]
        fn any_octets_are_a_list_or_an_error(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(list) = TagList::parse(&text) {
                prop_assert!(list.tags().all(|tag| list.get(tag.name()) == Some(tag.value())));
            }
        }
    }
}
