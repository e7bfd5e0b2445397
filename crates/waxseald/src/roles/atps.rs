//! Authorized Third-Party Signatures (RFC 6541): a signature by another domain, which the author's domain authorizes in DNS.

use crate::settings::AtpsHash;
use waxseal::{
    DomainName, Report,
    authres::Entry,
    crypto::{HashAlgorithm, NoProvider, default_provider},
    dns::{Question, Record, Resolve},
    header::{Authors, Field, Header, TagList},
};

impl AtpsHash {
    fn label(self, signer: &str) -> Result<String, NoProvider> {
        if self == Self::Plain {
            return Ok(signer.to_owned());
        }
        let mut hasher = default_provider()?.hasher(HashAlgorithm::Sha256);
        hasher.update(signer.as_bytes());
        Ok(base32(hasher.finish().as_bytes()))
    }
}

/// How many signatures are looked at.
const MAX_SIGNATURES: usize = 5;

/// The result for the signatures of a message. `None` if no valid one names an author's domain to look up.
pub(crate) async fn check(report: &Report, header: &Header, dns: &(impl Resolve + ?Sized)) -> Option<Entry> {
    let fields = header.fields().filter(|field| field.is("DKIM-Signature"));
    let signed = report.dkim().iter().zip(fields).filter(|(verdict, _)| verdict.is_pass());
    let names_atps = |field: &Field<'_>| field.value().windows(4).any(|text| text == b"atps");
    let signed: Vec<_> = signed.take(MAX_SIGNATURES).filter(|(_, field)| names_atps(field)).collect();
    if signed.is_empty() {
        return None;
    }
    let authors: Vec<_> =
        Authors::from_header(header).ok()?.domains().filter_map(|d| DomainName::new(&d).ok()).collect();
    let (mut found, mut result) = (false, "fail");
    for (verdict, field) in signed {
        let (Some(signer), Ok(tags)) = (verdict.domain(), TagList::parse(field.value())) else { continue };
        let text = |name| tags.get(name).and_then(|value| std::str::from_utf8(value).ok());
        let Some(author) = text("atps") else { continue };
        found = true;
        // "If they do not match, the "atps" tag MUST be ignored."
        let author = DomainName::new(author).ok().filter(|author| authors.contains(author));
        let (Some(author), Some(hash)) = (author, text("atpsh").and_then(AtpsHash::from_name)) else {
            continue;
        };
        match is_authorized(&author, signer, hash, dns).await {
            Some(true) => return Some(entry("pass", header)),
            Some(false) => {}
            None => result = "temperror",
        }
    }
    found.then(|| entry(result, header))
}

fn entry(result: &'static str, header: &Header) -> Entry {
    let authors = Authors::from_header(header);
    let addresses = authors.iter().flat_map(Authors::addresses).map(ToString::to_string);
    Entry::new("dkim-atps", result).with_property("header", "from", addresses.collect::<Vec<_>>().join(","))
}

/// Whether the author's domain has a record for the signer; `None` if DNS did not answer.
async fn is_authorized(
    author: &DomainName,
    signer: &DomainName,
    hash: AtpsHash,
    dns: &(impl Resolve + ?Sized),
) -> Option<bool> {
    let label = hash.label(signer.as_str()).ok()?;
    let Ok(name) = DomainName::new(&format!("{label}._atps.{author}")) else { return Some(false) };
    let answer = dns.resolve(&Question::txt(name)).await.ok()?;
    let names_signer = |record: &Record| {
        let Record::Txt(text) = record else { return false };
        let Ok(tags) = TagList::parse(text) else { return false };
        let domain =
            tags.get("d").map(|domain| DomainName::lenient(domain).is_ok_and(|domain| domain == *signer));
        tags.get("v") == Some(b"ATPS1") && domain.unwrap_or(true)
    };
    Some(answer.records.iter().any(names_signer))
}

/// RFC 4648 §6, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let (mut out, mut bits, mut held) = (String::new(), 0_u32, 0_u32);
    let mut push = |index: u32| {
        let letter = usize::try_from(index & 31).ok().and_then(|index| LETTERS.get(index).copied());
        out.extend(letter.map(char::from));
    };
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            push(held >> bits);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        push(held << (5 - bits));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use waxseal::{Authenticator, Envelope, PrivateKey, Signer, Zone};

    #[test]
    fn base32_as_rfc_4648_section_10_has_it() {
        for (text, encoded) in
            [("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foobar", "mzxw6ytboi")]
        {
            assert_eq!(base32(text.as_bytes()), encoded);
        }
        assert_eq!(AtpsHash::Sha256.label("one.example.net").unwrap().len(), 52);
    }

    fn result(tags: &[(&str, &str)], from: &str, records: &[(&str, &str)]) -> Option<String> {
        let key = PrivateKey::from_ed25519_seed(&[7; 32]).unwrap();
        let mut zone = Zone::new()
            .with_txt(
                "s._domainkey.signer.example",
                format!("v=DKIM1; k=ed25519; p={}", key.public_key().dns_p()),
            )
            .unwrap();
        for (name, text) in records {
            zone = zone.with_txt(name, text).unwrap();
        }
        let signer = Signer::new("signer.example", "s", key).unwrap();
        let signer = tags.iter().fold(signer, |signer, (name, value)| signer.with_tag(name, value).unwrap());
        let message = format!("From: joe@{from}\r\n\r\nHi.\r\n");
        let signed = signer.sign_message(message.as_bytes(), SystemTime::now()).unwrap();
        let envelope = Envelope::new("192.0.2.1".parse().unwrap(), "h", "joe@a.example");
        let authenticator = Authenticator::new("mx.example.net").unwrap();
        let report = authenticator.check_blocking(&envelope, &signed, SystemTime::now(), &zone);
        let dns = waxseal::dns::async_resolver_fn(async |q: Question| zone.lookup(&q));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(check(&report, report.header().unwrap(), &dns)).map(|entry| entry.to_string())
    }

    const PLAIN: [(&str, &str); 2] = [("atps", "a.example"), ("atpsh", "none")];

    #[test]
    fn a_signer_that_the_author_names_passes() {
        let record = [("signer.example._atps.a.example", "v=ATPS1; d=signer.example")];
        let pass = Some("dkim-atps=pass header.from=joe@a.example".to_owned());
        assert_eq!(result(&PLAIN, "a.example", &record), pass);
        let hashed = format!("{}._atps.a.example", AtpsHash::Sha256.label("signer.example").unwrap());
        let tags = [("atps", "a.example"), ("atpsh", "sha256")];
        assert_eq!(result(&tags, "a.example", &[(&hashed, "v=ATPS1")]), pass);
    }

    #[test]
    fn nobody_else_passes() {
        let fail = Some("dkim-atps=fail header.from=joe@a.example".to_owned());
        assert_eq!(result(&PLAIN, "a.example", &[]), fail);
        let other = [("signer.example._atps.a.example", "v=ATPS1; d=other.example")];
        assert_eq!(result(&PLAIN, "a.example", &other), fail, "a collision of hashes");
        assert_eq!(
            result(&PLAIN, "a.example", &[("signer.example._atps.a.example", "d=signer.example")]),
            fail
        );
        let record = [("signer.example._atps.a.example", "v=ATPS1")];
        let of_other = Some("dkim-atps=fail header.from=joe@b.example".to_owned());
        assert_eq!(result(&PLAIN, "b.example", &record), of_other);
        let sha1 = [("atps", "a.example"), ("atpsh", "sha1")];
        assert_eq!(result(&sha1, "a.example", &record), fail);
        assert_eq!(result(&[], "a.example", &record), None);
    }
}
