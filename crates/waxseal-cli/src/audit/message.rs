//! What a message shows of the rules that DNS does not.

use super::rules::{BULK, Level, Outcome};
use crate::{
    exit::Failure,
    input::{LineEnds, Source},
};
use std::{
    io::Read,
    net::IpAddr,
    path::{Path, PathBuf},
};
use waxseal::{
    dkim::{Selector, Signature},
    dns::DomainName,
    header::{Authors, Header, Received},
};

/// The header of a longer message is not read to its end.
const MAX_HEADER: u64 = 1024 * 1024;

/// A message that the domain sent, as received.
pub(super) struct Seen {
    authors: Vec<String>,
    signatures: Vec<Signature>,
    header: Header,
}

impl Seen {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let source = Source::from(PathBuf::from(path));
        let mut text = Vec::new();
        source.open()?.take(MAX_HEADER).read_to_end(&mut text).map_err(|error| source.unreadable(&error))?;
        if text.is_empty() {
            return Err(source.empty());
        }
        let (header, _) = Header::parse(&LineEnds::default().apply(text))
            .map_err(|error| Failure::because(source.name(), &error))?;
        let authors = Authors::from_header(&header).map(|authors| authors.domains().collect());
        let signatures = header.fields().filter(|field| field.is("DKIM-Signature"));
        let signatures = signatures.filter_map(|field| Signature::parse(field.value()).ok()).collect();
        Ok(Self { authors: authors.unwrap_or_default(), signatures, header })
    }

    /// The domain of the author, if there is one.
    pub(super) fn author(&self) -> Option<DomainName> {
        match &*self.authors {
            [one] => one.parse().ok(),
            _ => None,
        }
    }

    /// The selectors that this domain signed with.
    pub(super) fn selectors(&self, domain: &DomainName) -> Vec<Selector> {
        let own = self.signatures.iter().filter(|signature| signature.domain() == domain);
        own.map(|signature| signature.selector().clone()).collect()
    }

    fn value(&self, name: &str) -> Option<String> {
        let field = self.header.fields().find(|field| field.is(name))?;
        Some(String::from_utf8_lossy(field.value()).trim().to_owned())
    }

    fn is_signed(&self, name: &str) -> bool {
        let names = |signature: &Signature| {
            signature.signed_fields().any(|field| field.eq_ignore_ascii_case(name.as_bytes()))
        };
        self.signatures.iter().any(names)
    }

    /// The protocol by which the message came from outside: that of the topmost Received that names an address of the Internet.
    fn protocol(&self) -> Option<String> {
        let fields = self.header.fields().filter(|field| field.is("Received"));
        let mut received = fields.filter_map(|field| Received::parse(field.value()).ok());
        let hop = received.find(|hop| !hop.is_lmtp() && hop.address().is_some_and(is_outside))?;
        Some(String::from_utf8_lossy(hop.with()?).into_owned())
    }
}

fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_private() && !address.is_link_local(),
        IpAddr::V6(address) => {
            !address.is_loopback() && !address.is_unique_local() && !address.is_unicast_link_local()
        }
    }
}

/// The rules that a message shows; without one they are unknown. `organization` is the Organizational Domain of `domain`.
pub(super) fn outcomes(
    seen: Option<&Seen>,
    domain: &DomainName,
    organization: Option<&DomainName>,
) -> Vec<Outcome> {
    vec![
        alignment(seen, domain, organization.unwrap_or(domain)),
        from_domain(seen, domain),
        one_click(seen, domain),
        tls(seen, domain),
        arc(seen),
        spam_rate(),
    ]
}

fn give_message(domain: &DomainName) -> Option<String> {
    Some(format!("waxseal audit --message message.eml {domain}, with a message as a receiver got it"))
}

fn alignment(seen: Option<&Seen>, domain: &DomainName, organization: &DomainName) -> Outcome {
    let rule = "Mail is signed with the domain of its author, or one that is aligned with it.";
    let outcome = Outcome::new("alignment", Level::Must, BULK, rule);
    let Some(seen) = seen else { return outcome.unknown([], give_message(domain)) };
    match seen.author() {
        Some(author) if author.is_within(organization) => {}
        _ => {
            let evidence = format!("the message is from {}", seen.authors.join(", "));
            return outcome.unknown([evidence], give_message(domain));
        }
    }
    let mut domains: Vec<_> =
        seen.signatures.iter().map(|signature| signature.domain().to_string()).collect();
    domains.sort();
    domains.dedup();
    let is_aligned = |signature: &Signature| signature.domain().is_within(organization);
    match seen.signatures.iter().any(is_aligned) {
        true => outcome.ok([format!("signed by {}", domains.join(", "))]),
        false => outcome.fail(
            [match &*domains {
                [] => "no DKIM-Signature".to_owned(),
                _ => format!("signed by {} alone", domains.join(", ")),
            }],
            format!("have the service that sends the mail sign with d={domain}: it names the key record to publish"),
        ),
    }
}

fn from_domain(seen: Option<&Seen>, domain: &DomainName) -> Outcome {
    const GMAIL: [&str; 2] = ["gmail.com", "googlemail.com"];
    let rule = "From has no address of gmail.com, unless Gmail sends the message.";
    let outcome = Outcome::new("from-domain", Level::Must, "Google", rule);
    let is_gmail = |name: &str| GMAIL.contains(&name);
    let author = seen.and_then(Seen::author);
    if !is_gmail(author.as_ref().unwrap_or(domain).as_str()) {
        return outcome.ok([]);
    }
    let Some(seen) = seen else { return outcome.unknown([], give_message(domain)) };
    match seen.signatures.iter().any(|signature| is_gmail(signature.domain().as_str())) {
        true => outcome.ok(["signed by Gmail".to_owned()]),
        false => outcome.fail(
            ["From is an address of Gmail, which did not sign the message".to_owned()],
            "send with an address of a domain of your own in From, and the other one in Reply-To",
        ),
    }
}

/// RFC 8058 §3.1 and §4.
fn one_click(seen: Option<&Seen>, domain: &DomainName) -> Outcome {
    let rule = "Whoever subscribed can leave with one click, by signed fields (RFC 8058).";
    let outcome = Outcome::new("one-click", Level::Must, "Google, Yahoo, Apple (marketing mail)", rule);
    let Some(seen) = seen else { return outcome.unknown([], give_message(domain)) };
    let Some(link) = seen.value("List-Unsubscribe") else {
        let evidence = "no List-Unsubscribe, which is right for mail that nobody subscribed to";
        return outcome.unknown([evidence.to_owned()], None);
    };
    if seen.value("List-Post").is_some() {
        return outcome.unknown(["a list that people write to, and no marketing mail".to_owned()], None);
    }
    let post = seen.value("List-Unsubscribe-Post").unwrap_or_default();
    let mut evidence = vec![format!("List-Unsubscribe: {link}")];
    let mut fail = |what: &str| evidence.push(what.to_owned());
    if !link.to_ascii_lowercase().contains("<https://") {
        fail("no https link in List-Unsubscribe");
    }
    if !post.eq_ignore_ascii_case("List-Unsubscribe=One-Click") {
        fail("List-Unsubscribe-Post is not List-Unsubscribe=One-Click");
    }
    for name in ["List-Unsubscribe", "List-Unsubscribe-Post"] {
        if !seen.is_signed(name) {
            fail(&format!("{name} is not signed"));
        }
    }
    match evidence.len() {
        1 => outcome.ok(evidence),
        _ => outcome.fail(
            evidence,
            "write List-Unsubscribe: <https://...> and List-Unsubscribe-Post: List-Unsubscribe=One-Click, and name both in h= of the signature",
        ),
    }
}

fn tls(seen: Option<&Seen>, domain: &DomainName) -> Outcome {
    let outcome = Outcome::new("tls", Level::Must, "Google", "Mail is sent over TLS.");
    let Some(protocol) = seen.and_then(Seen::protocol) else {
        return outcome.unknown([], give_message(domain));
    };
    let evidence = format!("the receiver took the message with {protocol}");
    let is = |ends: &[&str]| ends.iter().any(|end| protocol.to_ascii_uppercase().ends_with(end));
    match () {
        () if is(&["SMTPS", "SMTPSA"]) => outcome.ok([evidence]),
        () if is(&["SMTP", "SMTPA"]) => outcome.fail(
            [evidence],
            "turn on TLS in the server that sends, as smtp_tls_security_level = may does in Postfix",
        ),
        () => outcome.unknown([evidence], None),
    }
}

fn arc(seen: Option<&Seen>) -> Outcome {
    let rule = "Forwarders and lists seal what they send on with ARC, and lists have List-Id.";
    let outcome = Outcome::new("arc", Level::Should, "Google, Yahoo, Microsoft, Apple (forwarders)", rule);
    let Some((seen, list)) = seen.and_then(|seen| Some((seen, seen.value("List-Id")?))) else {
        return outcome.unknown([], None);
    };
    match seen.value("ARC-Seal") {
        Some(_) => outcome.ok([format!("List-Id: {list}, sealed")]),
        None => outcome.fail(
            [format!("List-Id: {list}, no ARC-Seal")],
            "seal in the list server: waxseald does, or OpenARC",
        ),
    }
}

fn spam_rate() -> Outcome {
    let rule = "Fewer than 0.3 % of the messages are called spam, best below 0.1 %.";
    let fix = "Google Postmaster Tools and Yahoo Sender Hub show the rate of a domain";
    Outcome::new("spam-rate", Level::Must, RATED, rule).unknown([], Some(fix.to_owned()))
}

const RATED: &str = "Google, Yahoo";
