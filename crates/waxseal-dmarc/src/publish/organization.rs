//! Who else can pass for the domain, given the place of its record.

use super::{Finding, Problem};
use crate::{Alignment, AuthorVerdict, PublicSuffixList, Record, discover::OrganizationalRule};
use waxseal_dns::DomainName;

/// The problems that [`lint`](super::lint()) cannot find in the text. `suffixes` knows domains like `co.uk`; those of
/// one label are public suffixes anyway.
pub(super) fn problems(author: &AuthorVerdict, suffixes: Option<&dyn PublicSuffixList>) -> Vec<Finding> {
    let (Some(organization), Some(record)) = (author.organization.as_ref(), author.record()) else {
        return Vec::new();
    };
    if organization.domain == *author.domain() {
        return Vec::new();
    }
    let own = author.record_at() == Some(author.domain());
    let (domain, above) = (author.domain().clone(), organization.domain.clone());
    let mut problems = Vec::new();
    // With a public suffix list, records do not decide.
    if organization.rule != OrganizationalRule::SuffixList && is_relaxed(record) {
        if is_suffix(&above, suffixes) {
            problems.push(open_to_strangers(author, above.clone(), suffixes));
        } else if own {
            let (domain, organization) = (domain.clone(), above.clone());
            problems.push(Problem::SharedOrganization(domain, organization));
        }
    }
    if own && (record.subdomain_policy().is_some() || record.nonexistent_policy().is_some()) {
        problems.push(Problem::IgnoredSubdomainPolicy(domain, above));
    }
    problems.into_iter().map(Finding::from).collect()
}

fn is_relaxed(record: &Record) -> bool {
    [record.dkim_alignment(), record.spf_alignment()].contains(&Alignment::Relaxed)
}

/// Whether anyone can register domains below `domain`.
fn is_suffix(domain: &DomainName, suffixes: Option<&dyn PublicSuffixList>) -> bool {
    let stranger = || domain.prepend("x").ok();
    domain.label_count() == 1
        || suffixes
            .zip(stranger())
            .is_some_and(|(list, stranger)| list.organizational_domain(&stranger) == stranger)
}

/// RFC 9989 §11.8: "If malicious or unaware users can gain control of the SPF record or DKIM selector records for a
/// subdomain of the Organizational Domain, the subdomain can be used to generate email that achieves a DMARC pass on
/// behalf of the Organizational Domain." Here, everybody can.
fn open_to_strangers(
    author: &AuthorVerdict,
    organization: DomainName,
    suffixes: Option<&dyn PublicSuffixList>,
) -> Problem {
    let registered = registered(author.domain(), &organization, suffixes);
    let has_record = author.path().iter().any(|step| *step.domain() == registered && step.record().is_some());
    Problem::OpenToStrangers(author.domain().clone(), organization, registered, has_record)
}

/// The domain below `above` that its owner registered.
fn registered(
    domain: &DomainName,
    above: &DomainName,
    suffixes: Option<&dyn PublicSuffixList>,
) -> DomainName {
    let listed = suffixes.map(|list| list.organizational_domain(domain));
    listed
        .filter(|listed| listed != above && listed.is_within(above))
        .unwrap_or_else(|| crate::discover::ancestor(domain, above.label_count() + 1))
}
