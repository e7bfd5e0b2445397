//! Advice about where a record stands.

use super::{Finding, Severity};
use crate::{Alignment, AuthorVerdict, OrganizationalRule, PublicSuffixList, Record};
use waxseal_dns::DomainName;

/// Looks at where the record of an Author Domain stands, and who else can pass for it: what [`lint`](crate::lint()) cannot tell
/// from the text. `author` is judged under
/// [`LocalPolicy::with_organizational_domain`](crate::LocalPolicy::with_organizational_domain); without an Organizational
/// Domain there is nothing to say. `suffixes` tells of domains like `co.uk`; those of one label are public suffixes anyway.
///
/// ```
/// use waxseal_dmarc::{DmarcCheck, Identifiers, LocalPolicy, lint_organization};
/// use waxseal_dns::{Zone, drive_blocking};
///
/// let dns = Zone::new()
///     .with_txt("_dmarc.com", "v=DMARC1; p=none")? // and no psd=y
///     .with_txt("_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:d@example.com")?;
/// let local = LocalPolicy::default().with_organizational_domain(true);
/// let evaluation = DmarcCheck::new(Identifiers::new("example.com".parse()?)).with_local_policy(local);
/// let verdict = drive_blocking(evaluation, &dns);
/// let findings: Vec<_> = verdict.authors().iter().flat_map(|author| lint_organization(author, None)).collect();
/// assert_eq!(
///     findings[0].to_string(),
///     "error: the Organizational Domain is com, so any domain below com can pass as example.com: \
///      add psd=n to the record of example.com"
/// );
/// # Ok::<(), waxseal_dns::InvalidDomainName>(())
/// ```
pub fn lint_organization(author: &AuthorVerdict, suffixes: Option<&dyn PublicSuffixList>) -> Vec<Finding> {
    let (Some(organization), Some(record)) = (author.organizational_domain(), author.record()) else {
        return Vec::new();
    };
    if organization.domain == *author.domain() {
        return Vec::new();
    }
    let own = author.record_at() == Some(author.domain());
    let mut findings = Vec::new();
    // Under a public suffix list no record decides.
    if organization.rule != OrganizationalRule::SuffixList && is_relaxed(record) {
        let above = &organization.domain;
        if is_suffix(above, suffixes) {
            findings.push(Finding::new(Severity::Error, everybody(author, above, suffixes)));
        } else if own {
            let domain = author.domain();
            let text = format!(
                "the Organizational Domain is {above}, so any domain below {above} can pass as {domain}: \
                 add psd=n if {domain} is an organization of its own"
            );
            findings.push(Finding::new(Severity::Note, text));
        }
    }
    if own && (record.subdomain_policy().is_some() || record.nonexistent_policy().is_some()) {
        findings.push(Finding::new(Severity::Note, ignored_below(author, &organization.domain)));
    }
    findings
}

fn is_relaxed(record: &Record) -> bool {
    [record.dkim_alignment(), record.spf_alignment()].contains(&Alignment::Relaxed)
}

/// Whether strangers have domains below `domain`.
fn is_suffix(domain: &DomainName, suffixes: Option<&dyn PublicSuffixList>) -> bool {
    let stranger = || domain.prepend("x").ok();
    domain.label_count() == 1
        || suffixes
            .zip(stranger())
            .is_some_and(|(list, stranger)| list.organizational_domain(&stranger) == stranger)
}

/// RFC 9989 §11.8: "If malicious or unaware users can gain control of the SPF record or DKIM selector records for a subdomain
/// of the Organizational Domain, the subdomain can be used to generate email that achieves a DMARC pass on behalf of the
/// Organizational Domain." Here everybody can.
fn everybody(author: &AuthorVerdict, above: &DomainName, suffixes: Option<&dyn PublicSuffixList>) -> String {
    let registered = registered(author.domain(), above, suffixes);
    let has_record = author.path().iter().any(|step| *step.domain() == registered && step.record().is_some());
    let advice = match has_record {
        true => format!("add psd=n to the record of {registered}"),
        false => format!("publish a record with psd=n at _dmarc.{registered}"),
    };
    let domain = author.domain();
    format!(
        "the Organizational Domain is {above}, so any domain below {above} can pass as {domain}: {advice}"
    )
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

/// RFC 9989 §4.7: "Note that "sp" will be ignored for DMARC Policy Records published on subdomains of Organizational Domains
/// and PSDs due to the effect of the DMARC policy discovery"; `np=` is for "subdomains of the prevailing Organizational
/// Domain" as well.
fn ignored_below(author: &AuthorVerdict, organization: &DomainName) -> String {
    let domain = author.domain();
    format!(
        "sp= and np= are ignored here, as the Organizational Domain is {organization}: what is below {domain} and has no \
         record gets the policy of {organization}"
    )
}
