//! What the fuzz targets share: cutting input into chunks, the slow reading of RFC 6376, and a resolver that says whatever
//! the fuzzer makes it say, in any order.

use arbitrary::Arbitrary;
use waxseal_dkim::Canonicalization;
use waxseal_dns::{
    Answer, Answers, Check, Dnssec, DomainName, LookupError, Pending, Question, Record, RecordType, Reply,
    ResolveBlocking,
};

/// `text` in chunks of these sizes, used over and over; a size of 0 counts as 256.
pub fn chunks<'t>(text: &'t [u8], sizes: &[u8]) -> Vec<&'t [u8]> {
    let (mut rest, mut out) = (text, Vec::new());
    for size in sizes.iter().chain([&0]).cycle() {
        if rest.is_empty() {
            break;
        }
        let size = if *size == 0 { 256 } else { usize::from(*size) };
        let (chunk, after) = rest.split_at(size.min(rest.len()));
        out.push(chunk);
        rest = after;
    }
    out
}

/// The lines of `text`, ended by CRLF alone; the last one is what stands behind the last CRLF.
fn lines(text: &[u8]) -> Vec<Vec<u8>> {
    let mut lines = vec![Vec::new()];
    let mut octets = text.iter().copied().peekable();
    while let Some(c) = octets.next() {
        if c == b'\r' && octets.peek() == Some(&b'\n') {
            octets.next();
            lines.push(Vec::new());
        } else if let Some(line) = lines.last_mut() {
            line.push(c);
        }
    }
    lines
}

/// RFC 6376 §3.4.4: "Reduce all sequences of WSP within a line to a single SP character."
fn reduce(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for c in line.iter().map(|c| if *c == b'\t' { b' ' } else { *c }) {
        if c != b' ' || out.last() != Some(&b' ') {
            out.push(c);
        }
    }
    out
}

/// RFC 6376 §3.4.3 and §3.4.4 word by word.
pub fn slow_body(form: Canonicalization, body: &[u8]) -> Vec<u8> {
    let mut lines = lines(body);
    if form == Canonicalization::Relaxed {
        for line in &mut lines {
            *line = reduce(line);
            if line.last() == Some(&b' ') {
                line.pop();
            }
        }
    }
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    if lines.is_empty() && form == Canonicalization::Simple {
        return b"\r\n".to_vec();
    }
    lines.iter().flat_map(|line| [line, &b"\r\n"[..]].concat()).collect()
}

/// RFC 6376 §3.4.2 word by word, for a field with this name and value.
pub fn slow_relaxed_field(name: &[u8], value: &[u8]) -> Vec<u8> {
    let unfolded = lines(value).concat();
    let reduced = reduce(&unfolded);
    let value = reduced.strip_prefix(b" ").unwrap_or(&reduced);
    let value = value.strip_suffix(b" ").unwrap_or(value);
    [&name.to_ascii_lowercase(), &b":"[..], value, b"\r\n"].concat()
}

/// Replies that the fuzzer chose, handed out by the name that is asked for.
#[derive(Debug, Arbitrary)]
pub struct Replies<'a>(Vec<Canned<'a>>);

#[derive(Debug, Arbitrary)]
enum Canned<'a> {
    NxDomain,
    Empty,
    Timeout,
    ServerFailure,
    Bogus(&'a [u8]),
    Text(&'a [u8]),
    Texts(Vec<&'a [u8]>),
    Addresses(Vec<[u8; 16]>),
    Names(Vec<(u16, &'a str)>),
}

impl Replies<'_> {
    /// The reply to `q`: the same for the same question, so that checks can be run again.
    pub fn reply(&self, q: &Question) -> Reply {
        let sum =
            q.name.as_str().bytes().fold(q.kind as usize, |sum, c| sum.wrapping_mul(31) + usize::from(c));
        match sum.checked_rem(self.0.len()).and_then(|at| self.0.get(at)) {
            None | Some(Canned::NxDomain) => Ok(Answer::nxdomain()),
            Some(canned) => canned.reply(q.kind),
        }
    }
}

impl Canned<'_> {
    fn reply(&self, kind: RecordType) -> Reply {
        let text = |text: &[u8]| Record::Txt(text.to_vec().into());
        let records: Vec<Record> = match self {
            Self::NxDomain => return Ok(Answer::nxdomain()),
            Self::Timeout => return Err(LookupError::Timeout),
            Self::ServerFailure => return Err(LookupError::ServerFailure),
            Self::Bogus(octets) => return Ok(Answer::new([text(octets)]).with_dnssec(Dnssec::Bogus)),
            Self::Empty => Vec::new(),
            Self::Text(octets) => vec![text(octets)],
            Self::Texts(all) => all.iter().copied().map(text).collect(),
            Self::Addresses(all) => all.iter().map(|octets| address(kind, octets)).collect(),
            Self::Names(all) => all.iter().filter_map(|(number, name)| named(kind, *number, name)).collect(),
        };
        Ok(Answer::new(records.into_iter().filter(|record| record.kind() == kind).collect::<Vec<_>>()))
    }
}

fn address(kind: RecordType, octets: &[u8; 16]) -> Record {
    match kind {
        RecordType::Aaaa => Record::Aaaa((*octets).into()),
        _ => Record::A([octets[0], octets[1], octets[2], octets[3]].into()),
    }
}

fn named(kind: RecordType, number: u16, name: &str) -> Option<Record> {
    let name = DomainName::lenient(name.as_bytes());
    match kind {
        RecordType::Ptr => name.ok().map(Record::Ptr),
        _ => Some(Record::Mx(number, name.ok())),
    }
}

impl ResolveBlocking for Replies<'_> {
    fn resolve_blocking(&self, q: &Question) -> Reply {
        self.reply(q)
    }
}

/// Runs a check with replies that come one by one, in the order that `order` says, used over and over.
pub fn drive_shuffled<C: Check>(mut check: C, dns: &impl ResolveBlocking, order: &[u8]) -> C::Output {
    let mut order = order.iter().chain([&0]).cycle();
    let (mut answers, mut open) = (Answers::new(), Vec::new());
    loop {
        match check.run(&mut answers) {
            Ok(output) => return output,
            Err(Pending) => {
                open.extend(answers.take_wanted());
                assert!(!open.is_empty(), "pending without a question");
                let next = order.next().map_or(0, |next| usize::from(*next)) % open.len();
                let question = open.swap_remove(next);
                let reply = dns.resolve_blocking(&question);
                answers.answer(question, reply);
            }
        }
    }
}

/// A header field made here is one field of printable ASCII, with lines that every server takes.
pub fn assert_is_one_field(field: &str) {
    let lines: Vec<&str> =
        field.strip_suffix("\r\n").expect("the field ends in CRLF").split("\r\n").collect();
    for (number, line) in lines.iter().enumerate() {
        assert!(number == 0 || line.starts_with([' ', '\t']), "{field:?}");
        assert!(!line.trim().is_empty() && line.len() <= 998, "{field:?}");
        assert!(line.bytes().all(|c| matches!(c, b' '..=b'~' | b'\t')), "{field:?}");
    }
}
