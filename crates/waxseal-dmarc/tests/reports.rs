//! External report destinations (RFC 9990 §4).
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal_dmarc::publish::{Authorization, ReportAuthorization};
use waxseal_dns::{LookupError, Zone};

const NAME: &str = "blue.example.com._report._dmarc.red.example.net";

fn ask(domain: &str, uri: &str, dns: &Zone) -> (Authorization, Vec<String>) {
    drive(ReportAuthorization::for_aggregate_reports(name(domain), uri.parse().unwrap()), dns)
}

/// The same for an address in `ruf=`.
fn ask_failure(domain: &str, uri: &str, dns: &Zone) -> Authorization {
    drive(ReportAuthorization::for_failure_reports(name(domain), uri.parse().unwrap()), dns).0
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

/// RFC 9991 §5: "substituting the "ruf" tag where the "rua" tag appears in that procedure". What the host says about
/// aggregate reports does not send failure reports, which hold messages, somewhere else.
#[test]
fn failure_reports_go_where_the_host_wants_failure_reports() {
    let at = "example.com._report._dmarc.thirdparty.example.net";
    let both = "v=DMARC1; rua=mailto:aggregate-reports@thirdparty.example.net; \
                ruf=mailto:failure-reports@thirdparty.example.net";
    let dns = Zone::new().with_txt(at, both).unwrap();
    let failure = ask_failure("example.com", "mailto:auth-reports@thirdparty.example.net", &dns);
    let redirected = |uri: &str| Authorization::Redirected(vec![uri.parse().unwrap()]);
    assert_eq!(failure, redirected("mailto:failure-reports@thirdparty.example.net"));
    let aggregate = ask("example.com", "mailto:auth-reports@thirdparty.example.net", &dns).0;
    assert_eq!(aggregate, redirected("mailto:aggregate-reports@thirdparty.example.net"));
}

#[test]
fn failure_reports_are_not_refused_for_what_the_host_says_of_aggregate_reports() {
    let foreign = "v=DMARC1; rua=mailto:a@elsewhere.example.org";
    let dns = Zone::new().with_txt(NAME, foreign).unwrap();
    assert_eq!(ask_failure("blue.example.com", "mailto:f@red.example.net", &dns), Authorization::Granted);
    assert_eq!(ask("blue.example.com", "mailto:f@red.example.net", &dns).0, Authorization::ForeignRedirect);
}

/// "MUST NOT generate a report to either the original or the override URI".
#[test]
fn failure_reports_are_refused_when_the_host_sends_them_to_yet_another() {
    let foreign = "v=DMARC1; ruf=mailto:fail@elsewhere.example.org";
    let dns = Zone::new().with_txt(NAME, foreign).unwrap();
    let failure = ask_failure("blue.example.com", "mailto:f@red.example.net", &dns);
    assert_eq!((failure.is_granted(), failure), (false, Authorization::ForeignRedirect));
    assert_eq!(ask("blue.example.com", "mailto:f@red.example.net", &dns).0, Authorization::Granted);
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
    assert!(matches!(failed, Authorization::Failed(_, LookupError::Timeout)) && !failed.is_granted());
    let dns = Zone::new().with_error("_dmarc.com", LookupError::Timeout).unwrap();
    assert!(matches!(ask("a.com", "mailto:d@b.com", &dns).0, Authorization::Failed(..)));
    for uri in ["mailto:d@[192.0.2.1]", "https://[2001:db8::1]/", "urn:isbn:1", "https:///x"] {
        assert_eq!(ask("a.com", uri, &dns).0, Authorization::NoHost, "{uri}");
    }
}
