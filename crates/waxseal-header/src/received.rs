//! The Received field (RFC 5321 §4.4), as servers write it.

use crate::{
    date_time::{InvalidDateTime, parse_date_time},
    structured::{InvalidText, Scanner},
};
use std::{net::IpAddr, time::SystemTime};

mod client;

/// The most bytes of a value.
const MAX_BYTES: usize = 16_384;

/// The value of a Received field: who passed the message to whom, how and when. It borrows from the value.
///
/// ```
/// use waxseal_header::Received;
/// let received = Received::parse(
///     b" from mail.example.org (unknown [192.0.2.1])\r\n\tby mx.example.net (Postfix) with ESMTPS id 4X\r\n\t\
///       for <ann@example.net>; Tue, 14 Nov 2023 22:13:20 +0000",
/// )?;
/// assert_eq!(received.helo(), Some(&b"mail.example.org"[..]));
/// assert_eq!(received.address(), Some("192.0.2.1".parse()?));
/// assert_eq!((received.by(), received.with()), (Some(&b"mx.example.net"[..]), Some(&b"ESMTPS"[..])));
/// assert!(!received.is_authenticated() && received.date().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Servers write more forms than the grammar of RFC 5321 has. This reads those of Postfix, Sendmail, Exim, qmail,
/// Exchange, Courier, CommuniGate Pro, Gmail, Yahoo and their relatives. Some copy the client's HELO unchecked, and it
/// may look like any part of the field; so the last occurrence counts, and a field in which a clause begins twice is
/// refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received<'v> {
    has_from: bool,
    helo: Option<&'v [u8]>,
    names: Vec<&'v [u8]>,
    address: Option<IpAddr>,
    by: Option<&'v [u8]>,
    with: Option<&'v [u8]>,
    date: Option<&'v [u8]>,
    /// The first comment of a field that begins with one.
    remark: Option<&'v [u8]>,
}

/// Why the value of a Received field cannot be read, and at which byte: more than 16 KiB, a comment or quoted string
/// that is not closed, a control character, an unmatched parenthesis, or text that a client may have smuggled in with
/// HELO: a quoted string before the name of the server, or a second `by`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct InvalidReceived(#[from] Fault);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Fault {
    /// The value is too long.
    #[error("the value is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// A comment or quoted string that is not closed, a line end that is not a fold, or a control character.
    #[error(transparent)]
    Text(#[from] InvalidText),
    /// An unmatched closing parenthesis.
    #[error("the parenthesis at offset {offset} closes no comment")]
    Parenthesis {
        /// Where it stands in the value.
        offset: usize,
    },
    /// A quoted string before the name of the server: no host name has one, so it came from HELO, and may hide what the
    /// server wrote.
    #[error("quoted string at offset {offset}, in front of the name of the server")]
    QuotedString {
        /// Where it begins in the value.
        offset: usize,
    },
    /// The word `by` occurs twice: the first one may have come from HELO, and then it is unclear who the client is.
    #[error("the word by appears twice, the second time at offset {offset}")]
    SecondBy {
        /// Where the second one stands in the value.
        offset: usize,
    },
}

impl<'v> Received<'v> {
    /// Parses the value of a Received field, at most 16 KiB, in linear time.
    ///
    /// # Errors
    /// [`InvalidReceived`]. A missing `from` clause or address is not an error: then [`Received::address`] is `None`.
    pub fn parse(value: &'v [u8]) -> Result<Self, InvalidReceived> {
        if value.len() > MAX_BYTES {
            return Err(Fault::TooLong { limit: MAX_BYTES }.into());
        }
        let clauses = Clauses::read(value)?;
        let client = client::Client::read(clauses.from, &clauses.from_comments);
        Ok(Self {
            has_from: clauses.has_from,
            helo: client.helo,
            names: client.names,
            address: client.address,
            by: clauses.by,
            with: clauses.with,
            date: clauses.date,
            remark: clauses.remark,
        })
    }

    /// Whether there is a `from` clause. It is missing when the message came from a program on the same host.
    pub fn has_from(&self) -> bool {
        self.has_from
    }

    /// What the client sent in HELO, EHLO or LHLO, if the server recorded it.
    pub fn helo(&self) -> Option<&'v [u8]> {
        self.helo
    }

    /// The names of the client: what it sent, and what the server found for its address, without duplicates.
    pub fn names(&self) -> &[&'v [u8]] {
        &self.names
    }

    /// The address of the client, as the server saw it (`TCP-info` of RFC 5321 §4.4); an IPv4-mapped one is returned as
    /// IPv4. It is never taken from HELO.
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The server that wrote the field.
    pub fn by(&self) -> Option<&'v [u8]> {
        self.by
    }

    /// The protocol after `with`, as written: `ESMTPS` and so on.
    pub fn with(&self) -> Option<&'v [u8]> {
        self.with
    }

    /// Whether the message came by LMTP (RFC 3848, RFC 6531 §4.3), which is used for delivery within a site.
    pub fn is_lmtp(&self) -> bool {
        self.is_protocol(&[b"LMTP", b"UTF8LMTP"])
    }

    /// Whether the client authenticated itself, according to the protocol: `ESMTPA`, `LMTPSA`, `UTF8SMTPA` and so on
    /// (RFC 3848, RFC 6531 §4.3). Such a client is a user of the server, not a host that a domain lists in DNS.
    pub fn is_authenticated(&self) -> bool {
        let protocol = self.with.unwrap_or_default();
        let authenticated = protocol.last().is_some_and(|last| last.eq_ignore_ascii_case(&b'A'));
        authenticated && self.is_protocol(&[b"ESMTP", b"LMTP", b"UTF8SMTP", b"UTF8LMTP"])
    }

    /// Whether the protocol is one of these, followed by the letters of RFC 3848: S for TLS, A for authenticated.
    fn is_protocol(&self, protocols: &[&[u8]]) -> bool {
        let protocol = self.with.unwrap_or_default();
        protocols.iter().any(|known| {
            let (front, letters) = protocol.split_at_checked(known.len()).unwrap_or_default();
            let is_letters =
                [&b""[..], b"S", b"A", b"SA"].iter().any(|all| letters.eq_ignore_ascii_case(all));
            front.eq_ignore_ascii_case(known) && is_letters
        })
    }

    /// When the server received the message.
    ///
    /// # Errors
    /// [`InvalidDateTime`], also when the field has none.
    pub fn date(&self) -> Result<SystemTime, InvalidDateTime> {
        parse_date_time(self.date.unwrap_or_default())
    }

    /// The comment at the start of a field without any clause, still escaped, as in `Received: (qmail 12 invoked from
    /// network); 14 Nov 2023 22:13:20 -0000`.
    pub fn remark(&self) -> Option<&'v [u8]> {
        self.remark
    }
}

/// The field, split at its keywords.
#[derive(Debug, Default)]
struct Clauses<'v> {
    has_from: bool,
    from: Option<&'v [u8]>,
    from_comments: Vec<&'v [u8]>,
    by: Option<&'v [u8]>,
    with: Option<&'v [u8]>,
    date: Option<&'v [u8]>,
    remark: Option<&'v [u8]>,
}

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    /// The first word of the field.
    First,
    /// The name after `from`.
    From,
    /// Anything up to `by`.
    By,
    /// The name after `by`.
    Server,
    /// A word that begins a clause, or any other word.
    Clause,
    /// The protocol after `with`.
    Protocol,
}

impl<'v> Clauses<'v> {
    fn read(value: &'v [u8]) -> Result<Self, Fault> {
        let mut clauses = Self::default();
        let (mut scanner, mut expect, mut has_by) = (Scanner::new(value), Expect::First, false);
        loop {
            scanner.skip_cfws_with(|comment| expect = clauses.comment(comment, expect))?;
            let offset = scanner.offset();
            if let Some(inside) = scanner.quoted_string()? {
                if matches!(expect, Expect::First | Expect::From | Expect::By | Expect::Server) {
                    return Err(Fault::QuotedString { offset });
                }
                if inside.split(u8::is_ascii_whitespace).any(|word| word.eq_ignore_ascii_case(b"by")) {
                    return Err(Fault::SecondBy { offset });
                }
                continue;
            }
            match scanner.peek() {
                None => return Ok(clauses),
                Some(b')') => return Err(Fault::Parenthesis { offset }),
                // Only the last semicolon is followed by the date.
                Some(b';') => {
                    scanner.eat(b';');
                    clauses.date = Some(scanner.rest());
                }
                Some(octet) if !is_word(octet) => return Err(scanner.stray().into()),
                Some(_) => {
                    let word = scanner.run(is_word);
                    // A client may use this name.
                    let is_by = expect != Expect::From && word.eq_ignore_ascii_case(b"by");
                    if is_by && std::mem::replace(&mut has_by, true) {
                        return Err(Fault::SecondBy { offset });
                    }
                    expect = clauses.word(word, expect);
                }
            }
        }
    }

    /// Takes a comment, and returns what is expected after it.
    fn comment(&mut self, comment: &'v [u8], expect: Expect) -> Expect {
        match expect {
            Expect::First => _ = self.remark.get_or_insert(comment),
            // The client sent nothing.
            Expect::From | Expect::By => {
                self.from_comments.push(comment);
                return Expect::By;
            }
            _ => {}
        }
        expect
    }

    /// Takes a word, and returns what is expected after it.
    fn word(&mut self, word: &'v [u8], expect: Expect) -> Expect {
        let is = |known: &[u8]| word.eq_ignore_ascii_case(known);
        match expect {
            Expect::First if is(b"from") => {
                self.has_from = true;
                Expect::From
            }
            Expect::First | Expect::By if is(b"by") => Expect::Server,
            Expect::First => Expect::Clause,
            Expect::From => {
                self.from = Some(word);
                Expect::By
            }
            Expect::By => Expect::By,
            Expect::Server => {
                self.by = Some(word);
                Expect::Clause
            }
            Expect::Clause if is(b"with") && self.with.is_none() => Expect::Protocol,
            Expect::Clause => Expect::Clause,
            Expect::Protocol => {
                self.with = Some(word);
                Expect::Clause
            }
        }
    }
}

fn is_word(octet: u8) -> bool {
    !octet.is_ascii_whitespace() && !octet.is_ascii_control() && !matches!(octet, b'(' | b')' | b'"' | b';')
}
