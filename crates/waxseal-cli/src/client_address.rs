//! The address of a client, as people write it.

use std::net::IpAddr;
use waxseal::header::parse_address_literal;

/// The value of `--ip`: also in the square brackets and with the tag that SMTP and Received fields have.
pub(crate) fn parse_client_address(text: &str) -> Result<IpAddr, String> {
    let address = parse_address_literal(text.trim_ascii().as_bytes());
    address.ok_or_else(|| {
        "not an IP address: write it as 192.0.2.1 or 2001:db8::1, without a port or a prefix".into()
    })
}
