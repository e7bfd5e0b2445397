//! What a caller of `waxseal dmarc check` says about a message.

use crate::input::without_line_end;
use waxseal::{
    authres::{DkimResult, SpfResult},
    dmarc,
    dns::{DomainName, InvalidDomainName},
    header::Header,
};

/// The domains that DKIM and SPF passed for, as given: DKIM before SPF.
pub(super) struct Identifiers {
    all: Vec<Identifier>,
}

pub(super) struct Identifier {
    pub(super) method: &'static str,
    pub(super) given: String,
    pub(super) domain: Result<DomainName, InvalidDomainName>,
}

impl Identifiers {
    /// Bounds the output.
    const LIMIT: usize = 1000;

    pub(super) fn new<'d>(
        dkim: impl IntoIterator<Item = &'d str>,
        spf: impl IntoIterator<Item = &'d str>,
    ) -> Result<Self, String> {
        let dkim = dkim.into_iter().map(|domain| ("dkim", domain));
        let spf = spf.into_iter().map(|domain| ("spf", domain));
        let read = |(method, domain): (&'static str, &str)| Identifier {
            method,
            given: domain.to_owned(),
            domain: DomainName::new(domain),
        };
        let all: Vec<_> = dkim.chain(spf).map(read).take(Self::LIMIT + 1).collect();
        match all.len() > Self::LIMIT {
            true => Err(format!("dkim_pass and spf_pass name more than {} domains", Self::LIMIT)),
            false => Ok(Self { all }),
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Identifier> {
        self.all.iter()
    }

    /// A name that is not a domain name vouches for nobody (CVE-2020-12272).
    pub(super) fn add_to(&self, input: dmarc::Identifiers) -> dmarc::Identifiers {
        self.all.iter().fold(input, |input, identifier| match (&identifier.domain, identifier.method) {
            (Err(_), _) => input,
            (Ok(domain), "spf") => input.with_further_spf(domain.clone(), SpfResult::Pass),
            (Ok(domain), _) => input.with_dkim(domain.clone(), DkimResult::Pass),
        })
    }
}

/// A message by the authors in `from`: a domain, what stands behind the colon of a From field, or a header. Errors in it
/// show in the verdict.
pub(super) fn message_from(from: &str) -> dmarc::Identifiers {
    let from = without_line_end(from);
    if let Ok(domain) = DomainName::new(from) {
        return dmarc::Identifiers::new(domain);
    }
    let is_field = |(name, _): (&str, &str)| name.trim_end_matches([' ', '\t']).eq_ignore_ascii_case("from");
    if !from.split_once(':').is_some_and(is_field) {
        return dmarc::Identifiers::from_value(from.as_bytes());
    }
    match Header::parse(from.as_bytes()) {
        Ok((header, _)) => dmarc::Identifiers::from_header(&header),
        Err(error) => dmarc::Identifiers::without_header(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal::{
        dmarc::{DmarcCheck, Verdict},
        dns::{Zone, drive_blocking},
    };

    fn verdict(from: &str) -> Verdict {
        drive_blocking(DmarcCheck::new(message_from(from)), &Zone::new())
    }

    fn authors(from: &str) -> Vec<String> {
        verdict(from).authors().iter().map(|author| author.domain().to_string()).collect()
    }

    #[test]
    fn domains_values_and_fields_are_told_apart() {
        for from in [
            "Example.ORG",
            "example.org.",
            "joe@example.org",
            "\"Joe, jr\" <joe@example.org> (x)",
            "joe@example.org\r\n",
            "From: joe@example.org\n",
            "FROM:\r\n joe@example.org\r\nSubject: x\r\n\r\nFrom: eve@example.net",
        ] {
            assert_eq!(authors(from), ["example.org"], "{from}");
        }
        assert_eq!(authors("joe@example.org, ann@example.net"), ["example.org", "example.net"]);
        assert_eq!(authors("b\u{fc}cher.example"), ["xn--bcher-kva.example"]);
    }

    #[test]
    fn what_is_unclear_has_no_author() {
        let long = format!("From: a@b\r\nX:{}", " ".repeat(300_000));
        for from in [
            "",
            " ",
            "a..b",
            "Joe Johnson",
            "@example.org",
            "joe@[192.0.2.1]",
            "undisclosed:;",
            "joe@example.org\r\nFrom: eve@example.net",
            "joe@example.org\0",
            "From: joe@example.org\r\nFrom: eve@example.net",
            "From : joe@example.org",
            &long,
        ] {
            assert!(
                verdict(from).cause().is_some_and(dmarc::Cause::is_invalid_author),
                "{from}: {}",
                verdict(from)
            );
        }
    }
}
