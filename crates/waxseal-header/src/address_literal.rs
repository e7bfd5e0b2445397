//! IP addresses in the syntax of SMTP.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag_no_case, take_while},
    character::complete::char,
    combinator::{all_consuming, map_opt},
    sequence::{delimited, preceded},
};
use std::net::{IpAddr, Ipv6Addr};

/// Reads an address literal (RFC 5321 §4.1.3), `[192.0.2.1]` or `[IPv6:2001:db8::1]`, and its common variants: the
/// address without brackets or without its tag. An IPv4-mapped address is returned as IPv4.
///
/// ```
/// use waxseal_header::parse_address_literal;
/// let address = "2001:db8::1".parse().ok();
/// assert_eq!(parse_address_literal(b"[IPv6:2001:db8::1]"), address);
/// assert_eq!(parse_address_literal(b"2001:db8::1"), address);
/// assert_eq!(parse_address_literal(b"mail.example.org"), None);
/// ```
pub fn parse_address_literal(text: &[u8]) -> Option<IpAddr> {
    let literal = delimited(char('['), address, char(']'));
    all_consuming(alt((literal, address))).parse(text).ok().map(|(_, address)| address)
}

/// RFC 5321 §4.1.3: `IPv6-address-literal = "IPv6:" IPv6-addr`; or either address without a tag.
pub(crate) fn address(text: &[u8]) -> IResult<&[u8], IpAddr> {
    let tagged = preceded(tag_no_case("IPv6:"), map_opt(number, |text| text.parse::<Ipv6Addr>().ok()));
    let address = alt((tagged.map(IpAddr::from), map_opt(number, |text| text.parse::<IpAddr>().ok())));
    address.map(|address| address.to_canonical()).parse(text)
}

fn number(text: &[u8]) -> IResult<&[u8], &str> {
    let is_number = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':');
    map_opt(take_while(is_number), |number| std::str::from_utf8(number).ok()).parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_with_and_without_brackets_and_tag() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            ("[192.0.2.1]", Some("192.0.2.1")),
            ("[::ffff:192.0.2.1]", Some("192.0.2.1")),
            ("2001:db8::1", Some("2001:db8::1")),
            ("[2001:DB8::1]", Some("2001:db8::1")),
            ("IPv6:2001:db8::1", Some("2001:db8::1")),
            ("[ipv6:2001:db8::1]", Some("2001:db8::1")),
            ("IPv6:192.0.2.1", None),
            ("[192.0.2.1", None),
            ("192.0.2.1]", None),
            ("[[192.0.2.1]]", None),
            ("[]", None),
            ("", None),
            ("192.0.2.1:25", None),
            ("Müller", None),
        ] {
            let expected = expected.map(|expected| expected.parse().unwrap());
            assert_eq!(parse_address_literal(text.as_bytes()), expected, "{text}");
        }
    }
}
