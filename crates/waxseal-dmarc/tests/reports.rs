//! External report destinations (RFC 9990 §4).
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal_dmarc::{Authorization, ReportAuthorization};
use waxseal_dns::{LookupError, Zone};

const NAME: &str = "blue.example.com._report._dmarc.red.example.net";

fn ask(domain: &str, uri: &str, dns: &Zone) -> (Authorization, Vec<String>) {
    drive(ReportAuthorization::new(name(domain), uri.parse().unwrap()), dns)
}

fn granted(records: &[&str]) -> Authorization {
    let dns = records.iter().fold(Zone::new(), |dns, record| dns.with_txt(NAME, record).unwrap());
    let (authorization, asked) = ask("blue.example.com", "mailto:reports@red.example.net", &dns);
    assert_eq!(asked, [NAME]);
    authorization
}

#[test]
fn the_destination_has_to_agree() {
    assert_eq!(granted(&["v=DMARC1"]), Authorization::Granted);
    assert_eq!(granted(&["v=DMARC1;"]), Authorization::Granted);
    assert_eq!(granted(&["hello", "v=DMARC1; p=none", "v=DMARC1"]), Authorization::Granted);
    for record in ["", "v=dmarc1", "v=DMARC1 yes", "v=spf1 -all"] {
        assert_eq!(granted(&[record]), Authorization::Refused, "{record}");
    }
    assert_eq!(granted(&[]), Authorization::Refused);
}

#[test]
fn the_destination_may_redirect_within_itself() {
    let new = "mailto:other@red.example.net";
    assert_eq!(
        granted(&["v=DMARC1; rua=mailto:other@red.example.net"]),
        Authorization::Redirected(vec![new.parse().unwrap()])
    );
    for foreign in [
        "mailto:x@victim.example",
        "mailto:x@sub.red.example.net",
        "mailto:o@red.example.net,mailto:x@v.example",
    ] {
        let authorization = granted(&[&format!("v=DMARC1; rua={foreign}")]);
        assert_eq!(authorization, Authorization::ForeignRedirect, "{foreign}");
        assert!(!authorization.is_granted());
    }
}

#[test]
fn the_same_organization_is_not_asked() {
    let dns = zone(&[("example.com", "v=DMARC1; p=none")]);
    for uri in ["mailto:d@blue.example.com", "mailto:d@example.com", "mailto:d@red.example.com"] {
        let (authorization, asked) = ask("blue.example.com", uri, &dns);
        assert_eq!(authorization, Authorization::Internal);
        assert!(!asked.iter().any(|name| name.contains("_report")), "{asked:?}");
    }
    let (authorization, asked) = ask("example.com", "mailto:d@example.net", &dns);
    assert_eq!((authorization, asked.len()), (Authorization::Refused, 1));
    // The very domain takes no question at all.
    let (authorization, asked) = ask("blue.example.com", "mailto:d@blue.example.com", &dns);
    assert_eq!((authorization, asked.len()), (Authorization::Internal, 0));
    // psd=n keeps the branch apart.
    let dns = zone(&[("example.com", "v=DMARC1; p=none"), ("blue.example.com", "v=DMARC1; p=none; psd=n")]);
    assert_eq!(ask("blue.example.com", "mailto:d@example.com", &dns).0, Authorization::Refused);
}

#[test]
fn wildcards_failures_and_hosts_that_are_none() {
    let dns = Zone::new().with_txt("*._report._dmarc.example.net", "v=DMARC1").unwrap();
    assert_eq!(ask("any.example.com", "mailto:d@example.net", &dns).0, Authorization::Granted);
    assert_eq!(ask("any.example.com", "https://example.net/dmarc", &dns).0, Authorization::Granted);
    let dns = Zone::new().with_error(NAME, LookupError::Timeout).unwrap();
    let failed = ask("blue.example.com", "mailto:d@red.example.net", &dns).0;
    assert!(
        matches!(failed, Authorization::Failed { error: LookupError::Timeout, .. }) && !failed.is_granted()
    );
    let dns = Zone::new().with_error("_dmarc.com", LookupError::Timeout).unwrap();
    assert!(matches!(ask("a.com", "mailto:d@b.com", &dns).0, Authorization::Failed { .. }));
    for uri in ["mailto:d@[192.0.2.1]", "https://[2001:db8::1]/", "urn:isbn:1", "https:///x"] {
        assert_eq!(ask("a.com", uri, &dns).0, Authorization::NoHost, "{uri}");
    }
}
