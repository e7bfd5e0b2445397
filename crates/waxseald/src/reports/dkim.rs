//! Reports of DKIM signatures that failed, for domains that ask for them with `r=y` and a record (RFC 6651).

use super::complaint::{Complaint, FOLD, random};
use base64::{Engine, prelude::BASE64_STANDARD};
use waxseal::{
    DomainName, Report,
    authres::AuthenticationResults,
    dkim::{Cause, Verdict},
    dns::{Question, Record, Resolve},
    header::{Address, Header, TagList},
};

/// How many signatures are looked at for a text, and how long it may be.
const MAX_ASKED: usize = 3;
const MAX_REPLY_TEXT: usize = 100;

/// The reports requested for the signatures of a message, one per domain: "a report generator SHOULD NOT issue more
/// than one report to any given domain as a result of a single message" (RFC 6651 §3.3).
pub(super) async fn complaints(
    report: &Report,
    header: &Header,
    dns: &(impl Resolve + ?Sized),
) -> Vec<Complaint> {
    let mut complaints: Vec<Complaint> = Vec::new();
    let fields = header.fields().filter(|field| field.is("DKIM-Signature"));
    for (verdict, field) in report.dkim().iter().zip(fields) {
        let (Some(domain), Some(cause)) = (verdict.domain(), verdict.cause()) else { continue };
        if !asks(field.value()) || complaints.iter().any(|known| known.domain == domain.as_str()) {
            continue;
        }
        if let Some(to) = address(domain, cause, dns).await {
            complaints.push(complaint(to, domain, verdict, report, header));
        }
    }
    complaints
}

/// The text that the first domain with a failed signature wants in the reply, of printable ASCII. "an "rs=" tag was present in the
/// TXT record, the SMTP server SHOULD include the decoded string found in the "rs=" tag in its SMTP reply to the DATA command."
/// (RFC 6651 §3.3)
pub(super) async fn reply_text(
    report: &Report,
    header: &Header,
    dns: &(impl Resolve + ?Sized),
) -> Option<String> {
    let fields = header.fields().filter(|field| field.is("DKIM-Signature"));
    for (verdict, field) in report.dkim().iter().zip(fields).take(MAX_ASKED) {
        let (Some(domain), Some(cause)) = (verdict.domain(), verdict.cause()) else { continue };
        if !asks(field.value()) {
            continue;
        }
        let request = request(domain, cause, dns).await;
        if let Some(text) = request.and_then(|request| request.reply_text) {
            let shown = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ');
            return Some(shown.take(MAX_REPLY_TEXT).collect());
        }
    }
    None
}

/// Whether a signature has `r=y`.
fn asks(field: &[u8]) -> bool {
    TagList::parse(field).is_ok_and(|tags| tags.get("r") == Some(b"y"))
}

/// Where the report goes, if the record of the domain requests one.
async fn address(domain: &DomainName, cause: &Cause, dns: &(impl Resolve + ?Sized)) -> Option<String> {
    request(domain, cause, dns).await?.address(domain)
}

/// What the record of the domain requests for such a failure.
async fn request(domain: &DomainName, cause: &Cause, dns: &(impl Resolve + ?Sized)) -> Option<Request> {
    let name = DomainName::new(&format!("_report._domainkey.{domain}")).ok()?;
    let answer = dns.resolve(&Question::txt(name)).await.ok()?;
    // "if multiple TXT records are returned, terminate"
    let [Record::Txt(text)] = &answer.records[..] else { return None };
    let request = Request::parse(text)?;
    let wants = request.kinds.iter().any(|kind| kind == "all" || kind == kind_of(cause));
    (wants && random() % 100 < u64::from(request.percent)).then_some(request)
}

/// A record of RFC 6651 §3.2.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    /// Without it nobody gets a report.
    local_part: Option<String>,
    percent: u8,
    kinds: Vec<String>,
    /// `rs=`
    reply_text: Option<String>,
}

impl Request {
    /// `None` for one that is not a record.
    fn parse(text: &[u8]) -> Option<Self> {
        let tags = TagList::parse(text).ok()?;
        let value = |name| tags.get(name).map(|value| String::from_utf8_lossy(value).into_owned());
        let (local_part, reply_text) = (value("ra"), value("rs").and_then(|text| decoded(&text)));
        // "In the absence of an "ra=" tag, the "rp=" and "rr=" tags MUST be ignored, and the report generator MUST NOT issue a
        // report."
        let of_reports = |name| value(name).filter(|_| local_part.is_some());
        let percent =
            of_reports("rp").map_or(Some(100), |text| text.parse().ok().filter(|percent| *percent <= 100))?;
        let kinds = of_reports("rr").unwrap_or_else(|| "all".to_owned());
        let kinds = kinds.split(':').map(|kind| kind.trim().to_owned()).collect();
        let local_part = local_part.map(|text| decoded(&text).ok_or(())).transpose().ok()?;
        Some(Self { local_part, percent, kinds, reply_text })
    }

    /// "The value MUST be interpreted as a local-part only." Anything else is not sent.
    fn address(&self, domain: &DomainName) -> Option<String> {
        let local_part = self.local_part.as_deref()?;
        let text = format!("{local_part}@{domain}");
        let is_plain = |c: char| {
            c.is_ascii_graphic() && !matches!(c, '<' | '>' | ',' | ';' | ':' | '"' | '(' | ')' | '\\' | '@')
        };
        let address = Address::parse_path(text.as_bytes()).ok()??;
        let is_whole = address.local_part() == local_part.as_bytes();
        (is_whole && local_part.chars().all(is_plain)).then_some(text)
    }
}

/// A text in dkim-quoted-printable (RFC 6376 §2.11).
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes().filter(|c| !c.is_ascii_whitespace());
    while let Some(c) = rest.next() {
        let digit = |c: Option<u8>| char::from(c?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(if c == b'=' { digit(rest.next())? << 4 | digit(rest.next())? } else { c });
    }
    String::from_utf8(bytes).ok().filter(|text| !text.is_empty())
}

/// The token of RFC 6651 §5.1 for a failure.
fn kind_of(cause: &Cause) -> &'static str {
    match cause {
        Cause::Lookup(_) | Cause::NoKey | Cause::BogusKey | Cause::SeveralKeys(_) => "d",
        Cause::Signature(_) | Cause::KeyRecord(_) => "s",
        Cause::BodyHash { .. } | Cause::HeaderSignature { .. } => "v",
        Cause::Expired(..) => "x",
        Cause::RsaSha1 | Cause::FieldNotSigned(_) | Cause::KeyTooSmall(..) | Cause::KeyTooLarge(..) => "p",
        _ => "o",
    }
}

fn complaint(
    to: String,
    domain: &DomainName,
    verdict: &Verdict,
    report: &Report,
    header: &Header,
) -> Complaint {
    let mut fields = vec![("Reported-Domain", domain.to_string())];
    fields.extend(signature_fields(verdict, Some(header)));
    let results = AuthenticationResults::new(report.authentication_results().authserv_id());
    fields.push(("Authentication-Results", results.with_entry(verdict.entry()).to_string()));
    Complaint { to: vec![to], method: "DKIM", domain: domain.to_string(), fields }
}

/// The fields about a signature; those of RFC 6591 §3.2.4 with the header that was verified.
pub(super) fn signature_fields(verdict: &Verdict, header: Option<&Header>) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if header.is_some() {
        fields.push(("Auth-Failure", failure_type(verdict).to_owned()));
    }
    fields.extend(verdict.domain().map(|domain| ("DKIM-Domain", domain.to_string())));
    fields.extend(verdict.identity().map(|identity| ("DKIM-Identity", identity)));
    fields.extend(verdict.selector().map(|selector| ("DKIM-Selector", selector.to_string())));
    let signed = header.and_then(|header| verdict.signature()?.signed_bytes(header));
    if let Some(signed) = signed.filter(|_| failure_type(verdict) == "signature") {
        fields.push(("DKIM-Canonicalized-Header", folded(&BASE64_STANDARD.encode(signed))));
    }
    fields
}

/// The word of RFC 6591 §3.3.
pub(super) fn failure_type(verdict: &Verdict) -> &'static str {
    match verdict.cause() {
        Some(Cause::BodyHash { .. }) => "bodyhash",
        Some(Cause::Revoked) => "revoked",
        _ => "signature",
    }
}

/// Base64 in pieces, which may have blanks between them.
fn folded(text: &str) -> String {
    let pieces = text.as_bytes().chunks(70).map(|piece| String::from_utf8_lossy(piece).into_owned());
    pieces.collect::<Vec<_>>().join(FOLD)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;
    use waxseal::{Authenticator, Envelope, Zone};

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
    }

    /// Complaints about signatures of a.example with `r=y` that lead to no key.
    fn found(record: &str, signature: &str) -> Vec<Complaint> {
        let zone = Zone::new().with_txt("_report._domainkey.a.example", record).unwrap();
        let zone = zone.with_txt("revoked._domainkey.a.example", "v=DKIM1; p=").unwrap();
        let message = format!("{}From: joe@a.example\r\n\r\nHi.\r\n", signature.repeat(2));
        let envelope = Envelope::new("192.0.2.1".parse().unwrap(), "h", "joe@a.example");
        let authenticator = Authenticator::new("mx.example.net").unwrap();
        let report = authenticator.check_blocking(&envelope, message.as_bytes(), SystemTime::now(), &zone);
        let dns = waxseal::dns::async_resolver_fn(async |q: Question| zone.lookup(&q));
        run(complaints(&report, report.header().unwrap(), &dns))
    }

    fn signature(selector: &str, more: &str) -> String {
        format!(
            "DKIM-Signature: v=1; a=rsa-sha256; d=a.example; s={selector}; h=from; bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=; \
             b=MTIzNA==; {more}\r\n"
        )
    }

    #[test]
    fn a_signature_that_asks_gets_one_report_for_its_domain() {
        let [complaint] = &found("ra=dkim=2Derrors", &signature("revoked", "r=y"))[..] else { panic!() };
        assert_eq!(complaint.to, ["dkim-errors@a.example"]);
        let field =
            |name| complaint.fields.iter().find(|(known, _)| *known == name).map(|(_, text)| text.as_str());
        assert_eq!(field("Auth-Failure"), Some("revoked"));
        assert_eq!((field("DKIM-Selector"), field("DKIM-Identity")), (Some("revoked"), Some("@a.example")));
        let results = field("Authentication-Results").unwrap();
        assert!(results.starts_with("mx.example.net; dkim=permerror"), "{results}");
    }

    #[test]
    fn nobody_who_does_not_ask_in_both_places_gets_a_report() {
        assert!(found("ra=x", &signature("revoked", "")).is_empty());
        assert!(found("ra=x", &signature("revoked", "r=n")).is_empty());
        assert!(found("rp=100", &signature("revoked", "r=y")).is_empty(), "no ra=");
        assert!(found("ra=x; rp=0", &signature("revoked", "r=y")).is_empty());
        assert!(found("ra=x; rr=v:x", &signature("revoked", "r=y")).is_empty());
        assert_eq!(found("ra=x; rr=v:o", &signature("revoked", "r=y")).len(), 1);
        assert_eq!(found("ra=x; rr=d", &signature("none", "r=y")).len(), 1);
    }

    #[test]
    fn a_text_for_the_reply_is_printable_and_asked_for() {
        let text = |record: &str, more: &str| {
            let zone = Zone::new().with_txt("_report._domainkey.a.example", record).unwrap();
            let message = format!("{}From: joe@a.example\r\n\r\nHi.\r\n", signature("none", more));
            let envelope = Envelope::new("192.0.2.1".parse().unwrap(), "h", "joe@a.example");
            let authenticator = Authenticator::new("mx.example.net").unwrap();
            let report =
                authenticator.check_blocking(&envelope, message.as_bytes(), SystemTime::now(), &zone);
            let dns = waxseal::dns::async_resolver_fn(async |q: Question| zone.lookup(&q));
            run(reply_text(&report, report.header().unwrap(), &dns))
        };
        assert_eq!(
            text("rs=see=20https://a.example/dkim", "r=y").as_deref(),
            Some("see https://a.example/dkim")
        );
        assert_eq!(text("rs=a=0D=0A550=20b=C3=A9", "r=y").as_deref(), Some("a550 b"));
        assert_eq!(
            text(&format!("rs={}", "x".repeat(200)), "r=y").map(|text| text.len()),
            Some(MAX_REPLY_TEXT)
        );
        assert_eq!(text("rs=x", ""), None);
        assert_eq!(text("ra=a; rr=v; rs=x", "r=y"), None, "this failure is not one of those");
        assert_eq!(text("rr=v; rs=x", "r=y").as_deref(), Some("x"), "rr= counts with ra= alone");
    }

    #[test]
    fn what_is_no_local_part_goes_nowhere() {
        for local in ["x=40b.example,y", "x@b.example", "a=20b", "=0Ax", "<x", "=", ""] {
            assert!(found(&format!("ra={local}"), &signature("revoked", "r=y")).is_empty(), "{local}");
        }
    }
}
