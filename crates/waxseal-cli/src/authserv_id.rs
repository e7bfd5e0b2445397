//! `--authserv-id`

use waxseal::dns::DomainName;

/// The authserv-id of Authentication-Results (RFC 8601 §2.5). Internationalized host names become A-labels, which every
/// program knows.
pub(crate) fn parse_authserv_id(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is empty: give the name of the receiving host".into());
    }
    if text.contains(char::is_control) {
        return Err("it contains control characters".into());
    }
    let host = (!text.is_ascii()).then(|| DomainName::new(text).ok()).flatten();
    Ok(host.map_or_else(|| text.to_owned(), |host| host.to_string()))
}
