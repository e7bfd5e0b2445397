//! Addresses that display names show.
//!
//! They are seen by programs that decode encoded words before they look for the address or take the first angle
//! brackets, and by people who read the name and not the address. They are common in honest mail (`"joe@gmail.example
//! via List" <list@lists.example>`), so they are reported, and do not make the author unclear.

use super::{limits::MAX_DOMAINS, readings::another_domain};
use crate::{Address, encoded_word};

/// The distinct domains after at signs anywhere in the value, encoded words decoded, other than the authors'; at most
/// [`MAX_DOMAINS`].
pub(super) fn domains_in_names(value: &[u8], authors: &[Address]) -> Vec<String> {
    let at_signs = memchr::memchr_iter(b'@', value).count();
    let has_encoded_word = || value.windows(2).any(|two| two == b"=?");
    if at_signs <= authors.len() && !has_encoded_word() {
        return Vec::new();
    }
    let decoded = encoded_word::decode(value);
    let mut found: Vec<String> = Vec::new();
    for at in memchr::memchr_iter(b'@', &decoded) {
        let named = at.checked_sub(1).and_then(|before| decoded.get(before)).is_some_and(|c| *c > b' ');
        let behind = decoded.get(at + 1..).unwrap_or_default();
        // RFC 1035 §2.3.4: "names           255 octets or less"
        let behind = behind.get(..256).unwrap_or(behind);
        let length = behind.iter().position(|c| !is_host_octet(*c)).unwrap_or(behind.len());
        let domain = behind.get(..length).and_then(another_domain);
        let Some(domain) = domain.filter(|_| named) else { continue };
        let domain = String::from_utf8_lossy(&domain).into_owned();
        let is_author = |author: &Address| author.domain().eq_ignore_ascii_case(&domain);
        if !authors.iter().any(is_author) && !found.contains(&domain) {
            found.push(domain);
        }
        if found.len() >= MAX_DOMAINS {
            break;
        }
    }
    found
}

fn is_host_octet(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.') || c >= 0x80
}
