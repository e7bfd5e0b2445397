//! The crate mail-parser as a reader: one message in base64 a line, one JSON object of the domains of the authors.

use base64::{Engine, prelude::BASE64_STANDARD};
use mail_parser::{HeaderName, MessageParser};
use std::error::Error;

fn domains(message: &[u8]) -> Vec<String> {
    let parsed = MessageParser::default().parse(message);
    let fields = parsed.iter().flat_map(|message| message.root_part().headers());
    let authors =
        fields.filter(|field| field.name == HeaderName::From).filter_map(|field| field.value.as_address());
    let addresses = authors.flat_map(|list| list.iter().filter_map(|one| one.address()));
    addresses.filter_map(|address| address.rsplit_once('@')).map(|(_, domain)| domain.to_owned()).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    for line in std::io::stdin().lines() {
        println!("{}", serde_json::json!({ "mail-parser": domains(&BASE64_STANDARD.decode(line?)?) }));
    }
    Ok(())
}
