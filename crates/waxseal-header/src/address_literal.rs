//! IP addresses as SMTP writes them.

use std::net::{IpAddr, Ipv6Addr};

/// Reads an address literal (RFC 5321 §4.1.3), `[192.0.2.1]` or `[IPv6:2001:db8::1]`, or what people and programs make of
/// it: the address without brackets or without its tag. An IPv4-mapped one is returned as the IPv4 address.
///
/// ```
/// use waxseal_header::parse_address_literal;
/// let address = "2001:db8::1".parse().ok();
/// assert_eq!(parse_address_literal(b"[IPv6:2001:db8::1]"), address);
/// assert_eq!(parse_address_literal(b"2001:db8::1"), address);
/// assert_eq!(parse_address_literal(b"mail.example.org"), None);
/// ```
pub fn parse_address_literal(text: &[u8]) -> Option<IpAddr> {
    let inside = match text {
        [b'[', inside @ .., b']'] => inside,
        _ => text,
    };
    let inside = std::str::from_utf8(inside).ok()?;
    let (tag, untagged) = inside.split_at_checked(5).unwrap_or(("", inside));
    let address = if tag.eq_ignore_ascii_case("IPv6:") {
        untagged.parse::<Ipv6Addr>().ok()?.into()
    } else {
        inside.parse::<IpAddr>().ok()?
    };
    Some(address.to_canonical())
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
