//! A key record in the forms in which people publish it.

use crate::txt;
use serde::Serialize;
use std::fmt::Write;
use waxseal::{
    dkim::{KeyRecord, Selector},
    dns::DomainName,
};

/// A key record and where it goes.
#[derive(Debug, Serialize)]
pub(crate) struct KeyRecordText {
    /// The whole name.
    pub(crate) name: String,
    /// The record on one line, as forms want it that quote and split by themselves.
    pub(crate) record: String,
    /// The strings of the record: RFC 1035 §3.3 allows 255 bytes in one.
    pub(crate) strings: Vec<String>,
    #[serde(skip)]
    selector: Selector,
    #[serde(skip)]
    domain: DomainName,
}

impl KeyRecordText {
    pub(crate) fn new(record: &KeyRecord, selector: &Selector, domain: &DomainName) -> Self {
        let name = format!("{selector}._domainkey.{domain}");
        let record = record.to_string();
        let strings = split(&record);
        Self { name, record, strings, selector: selector.clone(), domain: domain.clone() }
    }

    /// The name without the domain, as many forms want it.
    pub(crate) fn relative_name(&self) -> String {
        format!("{}._domainkey", self.selector)
    }

    pub(crate) fn selector(&self) -> &Selector {
        &self.selector
    }

    pub(crate) fn domain(&self) -> &DomainName {
        &self.domain
    }

    /// As BIND text, in the layout of `opendkim-genkey`.
    pub(crate) fn bind(&self) -> String {
        let mut text = format!("{}\tIN\tTXT\t( ", self.relative_name());
        for (number, string) in self.strings.iter().enumerate() {
            let before = if number == 0 { "" } else { "\n\t  " };
            let _ = write!(text, "{before}{}", txt::quoted(string));
        }
        let _ = writeln!(text, " )  ; ----- DKIM key {} for {}", self.selector, self.domain);
        text
    }

    /// As strings in quotes, one after the other.
    pub(crate) fn quoted(&self) -> String {
        txt::all_quoted(&self.strings)
    }
}

/// The tags in front of `p=` make the first string, when they fit.
fn split(record: &str) -> Vec<String> {
    let key = record.rfind("; p=").map_or(0, |at| at + 2);
    let (tags, key) = record.split_at_checked(key).unwrap_or(("", record));
    txt::strings(tags).chain(txt::strings(key)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal::{
        crypto::{KeySpec, PrivateKey, rust_crypto},
        dns::{Question, Record, Zone},
    };

    fn text(notes: &str) -> KeyRecordText {
        let key = PrivateKey::generate(KeySpec::Ed25519, rust_crypto::PROVIDER).unwrap();
        let record = KeyRecord::new(key.public_key().clone()).with_notes(notes);
        KeyRecordText::new(&record, &"s.a".parse().unwrap(), &"example.org".parse().unwrap())
    }

    #[test]
    fn every_form_reads_as_the_record() {
        for notes in ["", "a \"b\" \\ c; p=d", &"lóng ".repeat(99)] {
            let text = text(notes);
            assert_eq!(text.strings.concat(), text.record);
            assert!(text.strings.iter().all(|string| !string.is_empty() && string.len() <= 255));
            let zone = Zone::from_zone_file(text.bind(), Some(&"example.org".parse().unwrap())).unwrap();
            let answer = zone.lookup(&Question::txt(text.name.parse().unwrap())).unwrap();
            assert_eq!(&*answer.records, &[Record::Txt(text.record.clone().into())]);
            let zone = Zone::from_zone_file(format!("{}. TXT {}", text.name, text.quoted()), None).unwrap();
            assert_eq!(zone.lookup(&Question::txt(text.name.parse().unwrap())).unwrap(), answer);
        }
    }

    #[test]
    fn the_layout_is_that_of_opendkim_genkey() {
        let text = text("");
        let record = text.record.split_once("p=").unwrap();
        let expected = format!(
            "s.a._domainkey\tIN\tTXT\t( \"{}\"\n\t  \"p={}\" )  ; ----- DKIM key s.a for example.org\n",
            record.0, record.1
        );
        assert_eq!(text.bind(), expected);
    }
}
