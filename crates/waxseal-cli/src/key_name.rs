//! Domains and selectors of signers, as people write them (RFC 6376 §3.6.2.1).

use waxseal::{
    dkim::Selector,
    dns::{DomainName, InvalidDomainName},
};

/// The label between selector and domain in the name of a key record.
const LABEL: &str = "_domainkey";

/// Reads `s=`. If the name of the record is given, the error names the part that is the selector: otherwise the record would
/// have to be below two `_domainkey`.
pub(crate) fn selector(text: &str) -> Result<Selector, String> {
    match around_label(text) {
        None => text.parse().map_err(|error: InvalidDomainName| error.to_string()),
        Some(("", _)) => Err(format!("give the name before {LABEL}, such as 2026a")),
        Some((selector, "")) => {
            Err(format!("give only {selector}: {LABEL} and the domain are added to name the record"))
        }
        Some((selector, domain)) => {
            Err(format!("this is the name of a record: give --selector {selector} --domain {domain}"))
        }
    }
}

/// Reads `d=`.
pub(crate) fn domain(text: &str) -> Result<DomainName, String> {
    match around_label(text) {
        None | Some((_, "")) => DomainName::mail_domain(text).map_err(|error| match error {
            InvalidDomainName::FinalDot => format!("{error}: leave it out"),
            error => error.to_string(),
        }),
        Some(("", domain)) => Err(format!("give only {domain}: {LABEL} is added to name the record")),
        Some((selector, domain)) => {
            Err(format!("this is the name of a record: give --selector {selector} --domain {domain}"))
        }
    }
}

/// What stands before the label and behind it, without the dots, if the name has it.
fn around_label(name: &str) -> Option<(&str, &str)> {
    let mut start = 0;
    for label in name.split('.') {
        if label.eq_ignore_ascii_case(LABEL) {
            let before = name.get(..start).unwrap_or_default().trim_end_matches('.');
            let behind = name.get(start + label.len()..).unwrap_or_default().trim_matches('.');
            return Some((before, behind));
        }
        start += label.len() + 1;
    }
    None
}
