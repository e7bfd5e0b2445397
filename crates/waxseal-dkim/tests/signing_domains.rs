//! Which domains may sign (RFC 6376 §3.5, §6.1.1, §8.14): those whose signature counts are aligned with all below them.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

mod common;

use common::*;
use waxseal_authres::DkimResult;
use waxseal_dkim::{Cause, Policy, SigningDomains, UnacceptableDomain, Verdict};
use waxseal_dns::{InvalidDomainName, Zone};

/// A signature by `domain` at the selector `selector`, whose key is published.
fn verdict_of(domain: &str, selector: &str, policy: Policy) -> Verdict {
    let tags = format!("v=1; a=ed25519-sha256; d={domain}; s={selector}; h=from; bh=BH; b=B");
    let name = format!("{}._domainkey.{}", selector.trim_matches('.'), domain.trim_matches('.'));
    let zone = Zone::new().with_txt(&name, ed_record()).unwrap();
    only(verify_with(policy, &craft(&tags, MESSAGE), &zone))
}

/// §8.14: "the ".com" registry could create messages with signatures using an "i=" value in the example.com domain."
#[test]
fn a_top_level_domain_does_not_sign_for_those_below_it() {
    for domain in ["com", "COM", "localhost", "xn--p1ai"] {
        let verdict = verdict_of(domain, "ed", Policy::default());
        let single = UnacceptableDomain::SingleLabel(domain.parse().unwrap());
        assert!(matches!(verdict.cause(), Some(Cause::Domain(cause)) if *cause == single), "{verdict}");
        assert_eq!(verdict.result(), DkimResult::PermError);
        let lab = Policy::default().with_signing_domains(SigningDomains::default().with_single_label(true));
        assert!(verdict_of(domain, "ed", lab).is_pass(), "{domain}");
    }
}

/// §3.5: "domain-name = sub-domain 1*("." sub-domain)", which ends in no dot.
#[test]
fn names_with_a_dot_or_hyphen_at_an_edge_do_not_sign() {
    for (domain, selector, tag) in [
        ("example.org.", "ed", "d"),
        ("com.", "ed", "d"),
        ("-a.example.org", "ed", "d"),
        ("a-.example.org", "ed", "d"),
        ("example.org-", "ed", "d"),
        ("example.-org", "ed", "d"),
        ("example.org", "ed-", "s"),
        ("example.org", "-ed", "s"),
        ("example.org", "a.-ed", "s"),
        ("example.org", "ed.", "s"),
    ] {
        let verdict = verdict_of(
            domain,
            selector,
            Policy::default().with_signing_domains(SigningDomains::default().with_single_label(true)),
        );
        let Some(Cause::Signature(error)) = verdict.cause() else { panic!("{verdict}") };
        assert_eq!(error.to_string(), format!("{tag}= is not a domain name"), "d={domain} s={selector}");
        let source = std::error::Error::source(error).and_then(|source| source.downcast_ref());
        let named = matches!(source, Some(InvalidDomainName::FinalDot | InvalidDomainName::Hyphen(_)));
        assert!(named, "d={domain} s={selector}: {verdict}");
        assert_eq!(verdict.result(), DkimResult::PermError);
    }
}

#[test]
fn names_with_underscores_and_inner_hyphens_sign() {
    for (domain, selector) in
        [("foo_bar.example.org", "ed"), ("_a.b_.example.org", "_ed_"), ("a--b.example.org", "e-d")]
    {
        let verdict = verdict_of(domain, selector, Policy::default());
        assert!(verdict.is_pass(), "d={domain} s={selector}: {verdict}");
    }
}

/// §6.1.1: "signatures with "d=" values such as "com" and "co.uk" could be ignored. The list of unacceptable domains SHOULD
/// be configurable."
#[test]
fn refused_domains_do_not_sign_but_those_below_them_do() {
    let policy = Policy::default()
        .with_signing_domains(SigningDomains::default().with_refused(|domain| domain.as_str() == "co.uk"));
    let verdict = verdict_of("CO.UK", "ed", policy.clone());
    assert!(matches!(verdict.cause(), Some(Cause::Domain(UnacceptableDomain::Refused(_)))), "{verdict}");
    assert_eq!(verdict.result(), DkimResult::Policy);
    assert!(verdict_of("example.co.uk", "ed", policy).is_pass());
    assert!(verdict_of("co.uk", "ed", Policy::default()).is_pass());
}
