//! The client in a Received field (RFC 5321 §4.4), as servers write it.

use std::net::IpAddr;

/// The address of the client and its HELO. `None` when the field does not begin with `from`, as that of a local program, or
/// names no address.
///
/// The address is the one that the server saw: it stands in the comment. What the client said stands outside, or behind
/// `helo=` (Exim), and may look like an address as well.
pub(super) fn client(value: &[u8]) -> Option<(IpAddr, String)> {
    let text = String::from_utf8_lossy(value);
    let mut parts = Parts(text.trim_start());
    let Part::Word(from) = parts.next()? else { return None };
    let Part::Word(name) = parts.next()? else { return None };
    if !from.eq_ignore_ascii_case("from") {
        return None;
    }
    let clause: Vec<Part<'_>> =
        parts.take_while(|part| !matches!(part, Part::Word(by) if by.eq_ignore_ascii_case("by"))).collect();
    let comments = || {
        clause.iter().filter_map(|part| match part {
            Part::Comment(text) => Some(*text),
            Part::Word(_) => None,
        })
    };
    let helo = comments().find_map(said_in_comment).unwrap_or(name);
    // Exim writes `from [192.0.2.1] (helo=mail.example.org)` when the address has no name.
    let unnamed = || comments().next().filter(|text| text.contains("helo=")).and_then(|_| bracketed(name));
    let ip = comments().find_map(seen_in_comment).or_else(unnamed)?;
    Some((ip, helo.to_owned()))
}

/// `helo=NAME` of Exim, `HELO NAME` of qmail.
fn said_in_comment(comment: &str) -> Option<&str> {
    let words = || comment.split_ascii_whitespace();
    let exim = words().find_map(|word| word.strip_prefix("helo="));
    exim.or_else(|| {
        let mut words = words();
        let verb = words.next()?;
        (verb.eq_ignore_ascii_case("HELO") || verb.eq_ignore_ascii_case("EHLO")).then(|| words.next())?
    })
}

/// `NAME [192.0.2.1]` of Postfix and sendmail, `192.0.2.1` of qmail and Exchange.
fn seen_in_comment(comment: &str) -> Option<IpAddr> {
    let seen = comment.split("helo=").next().unwrap_or_default();
    let seen = if said_in_comment(seen).is_some() { "" } else { seen };
    let last = seen.split_ascii_whitespace().rev().find_map(bracketed);
    last.or_else(|| seen.trim().rsplit('@').next()?.parse().ok())
}

/// `[192.0.2.1]`, `[IPv6:2001:db8::1]`
fn bracketed(word: &str) -> Option<IpAddr> {
    let address = word.rsplit_once('[')?.1.split(']').next()?;
    let tagged = address.get(..5).filter(|tag| tag.eq_ignore_ascii_case("IPv6:"));
    tagged.and_then(|tag| address.get(tag.len()..)).unwrap_or(address).parse().ok()
}

/// What a clause consists of.
enum Part<'t> {
    Word(&'t str),
    /// Without the outermost parentheses.
    Comment(&'t str),
}

struct Parts<'t>(&'t str);

impl<'t> Iterator for Parts<'t> {
    type Item = Part<'t>;

    fn next(&mut self) -> Option<Part<'t>> {
        let text = self.0.trim_ascii_start();
        if let Some(inside) = text.strip_prefix('(') {
            let mut depth = 1_usize;
            let end = inside.bytes().position(|octet| {
                depth = match octet {
                    b'(' => depth + 1,
                    b')' => depth - 1,
                    _ => depth,
                };
                depth == 0
            });
            let (comment, rest) = inside.split_at_checked(end?)?;
            self.0 = rest.get(1..)?;
            return Some(Part::Comment(comment));
        }
        let end = text.find(|c: char| c.is_ascii_whitespace() || c == '(').unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        (!word.is_empty()).then_some(Part::Word(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_as_servers_write_it() {
        for (value, ip, helo) in [
            // Postfix, sendmail
            (
                " from a.example (a.example [192.0.2.1])\r\n\tby mx (Postfix) with ESMTP",
                "192.0.2.1",
                "a.example",
            ),
            (" from a (unknown [IPv6:2001:db8::1]) by mx", "2001:db8::1", "a"),
            (" from a (joe@a.example [192.0.2.1] (may be forged)) by mx", "192.0.2.1", "a"),
            // Exim
            (" from a.example ([192.0.2.1] helo=b.example) by mx", "192.0.2.1", "b.example"),
            (" from [192.0.2.1] (helo=[198.51.100.1]) by mx", "192.0.2.1", "[198.51.100.1]"),
            (" from [192.0.2.1] (port=25 helo=b.example) by mx", "192.0.2.1", "b.example"),
            // qmail, Exchange
            (" from unknown (HELO b.example) (192.0.2.1)\n by mx", "192.0.2.1", "b.example"),
            (" from a.example (2001:db8::2) by mx", "2001:db8::2", "a.example"),
            // The client says that it is somebody else.
            (" from [198.51.100.1] (a.example [192.0.2.1]) by mx", "192.0.2.1", "[198.51.100.1]"),
            (" from by (a.example [192.0.2.1]) by mx", "192.0.2.1", "by"),
        ] {
            let expected = Some((ip.parse().unwrap(), helo.to_owned()));
            assert_eq!(client(value.as_bytes()), expected, "{value}");
        }
    }

    #[test]
    fn no_client() {
        for value in [
            "",
            " by mx (Postfix, from userid 0)",
            " from a.example by mx (192.0.2.1)",
            " from a.example (a.example) by mx",
            " from [192.0.2.1] by mx",
            " from a (b [192.0.2.1] by mx",
            " (from a) a (b [192.0.2.1]) by mx",
            " from",
            " from a ([192.0.2.]) by mx",
        ] {
            assert_eq!(client(value.as_bytes()), None, "{value}");
        }
    }
}
