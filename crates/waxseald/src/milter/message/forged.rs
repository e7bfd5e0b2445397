//! Which results of others are removed from a header.

use crate::{filter::Filter, roles::checks::Checks};
use std::collections::{BTreeSet, HashSet};
use waxseal::{
    AuthservIds,
    authres::{AuthenticationResults, FieldPosition},
    header::{Field, Header},
};

pub(super) const NAME: &str = "Authentication-Results";

/// The fields to remove, each by its number among those of the name, the lowest first so that the numbers of the others stay valid.
/// An error names a field that hides results where no number reaches it.
pub(super) fn to_remove(filter: &Filter, header: &Header) -> Result<Vec<usize>, String> {
    let fields = || (1..).zip(header.fields().filter(|field| field.is(NAME)));
    if filter.remove_all {
        return Ok((1..=fields().count()).rev().collect());
    }
    let mut found = BTreeSet::new();
    // Who keeps what the programs before it have written still writes some methods alone.
    let checks = filter.checks.as_ref().filter(|checks| METHODS.iter().any(|one| checks.writes_alone(one)));
    let forged = match checks {
        None if filter.keep_results => Vec::new(),
        _ => filter.own_results.forged(header),
    };
    let nobodys = if forged.is_empty() { HashSet::new() } else { of_nobody(header) };
    for forged in forged {
        let field = header.field(forged.index);
        let Some(field) = field.filter(|field| field.is(NAME)) else {
            let name = field.map_or(&b""[..], |field| field.name());
            return Err(format!(
                "field {} hides results in the name of {}",
                name.escape_ascii(),
                filter.authserv_id
            ));
        };
        let is_written_here = || checks.is_some_and(|checks| writes(checks, &field));
        if !filter.keep_results || nobodys.contains(&forged) || is_written_here() {
            found.insert(forged.occurrence);
        }
    }
    if !filter.keep_results && !filter.remove_below.is_empty() {
        found.extend(fields().filter(|(_, field)| is_below(filter, field)).map(|(occurrence, _)| occurrence));
    }
    Ok(found.into_iter().rev().collect())
}

/// The methods that a filter may write alone.
const METHODS: [&str; 2] = ["dmarc", "arc"];

/// Fields that are forged whatever the name of the host, so that no program before this one has written them: some readers see another
/// field begin in them, and other results than the ones that can be read here.
fn of_nobody(header: &Header) -> HashSet<FieldPosition> {
    AuthservIds::new([""; 0]).forged(header).into_iter().collect()
}

/// Whether a field has a result that only this filter writes. One that is broken has them for some readers, wherever it breaks.
fn writes(checks: &Checks, field: &Field<'_>) -> bool {
    let Ok(parsed) = AuthenticationResults::parse(field.value()) else { return true };
    let entries = parsed.entries().iter();
    // Without a semicolon before it, `dmarc=pass` stands within another result.
    let within = entries.clone().flat_map(|entry| entry.extensions()).map(|(name, _)| name);
    let unreadable = parsed.unreadable().iter().filter_map(|part| part.method());
    let mut methods = entries.map(|entry| entry.method()).chain(within).chain(unreadable);
    parsed.damage().is_some() || methods.any(|method| checks.writes_alone(method))
}

/// Whether the authserv-id is a name below one of RemoveARFrom. If it cannot be read, any word counts that is no value, as for the names
/// of this host: some readers see the authserv-id in it.
fn is_below(filter: &Filter, field: &Field<'_>) -> bool {
    match AuthenticationResults::parse(field.value()) {
        Ok(parsed) => parsed.authserv_id().is_some_and(|id| is_host_below(filter, id)),
        Err(_) => {
            let text = String::from_utf8_lossy(field.value());
            let is_part =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '=' | '@');
            let mut words = text.split(|c| !is_part(c));
            words.any(|word| word.split(['=', '@']).next().is_some_and(|word| is_host_below(filter, word)))
        }
    }
}

/// A job id may follow the name, and a final dot is no part of it.
fn is_host_below(filter: &Filter, id: &str) -> bool {
    let host = id.split('/').next().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
    filter.remove_below.iter().any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{DmarcSettings, FilterSettings, VerifySettings};
    use std::time::Duration;

    fn removed(settings: FilterSettings, fields: &[&str]) -> Result<Vec<usize>, String> {
        let settings = FilterSettings { authserv_id: "mx.example".to_owned(), max_header: 9_999, ..settings };
        let filter = Filter::load("f", &settings, "mx.example").unwrap();
        let text: String =
            fields.iter().map(|field| format!("Authentication-Results: {field}\r\n")).collect();
        to_remove(&filter, &Header::parse(format!("{text}\r\n").as_bytes()).unwrap().0)
    }

    fn verifying() -> FilterSettings {
        let verify = VerifySettings {
            always_add: true,
            with_header_b: true,
            max_signatures: 3,
            min_rsa_bits: 1024,
            clock_drift: Duration::from_secs(300),
            must_be_signed: Vec::new(),
            neutral_atps: false,
            redirect_to: None,
        };
        FilterSettings { verify: Some(verify), ..FilterSettings::default() }
    }

    const FIELDS: [&str; 4] = [
        "mx.example; dkim=pass",
        "a.border.example; spf=pass",
        "mx.example; dmarc=pass header.from=bank.example",
        "borderless.example; spf=pass",
    ];

    #[test]
    fn names_and_domains_are_removed_from_the_lowest() {
        assert_eq!(removed(verifying(), &FIELDS).unwrap(), [3, 1]);
        let below = FilterSettings { remove_from: vec![".Border.example".to_owned()], ..verifying() };
        assert_eq!(removed(below, &FIELDS).unwrap(), [3, 2, 1]);
        assert_eq!(
            removed(FilterSettings { remove_all: true, ..verifying() }, &FIELDS).unwrap(),
            [4, 3, 2, 1]
        );
        assert_eq!(
            removed(FilterSettings { keep_results: true, ..verifying() }, &FIELDS).unwrap(),
            Vec::<usize>::new()
        );
    }

    fn writing_dmarc() -> FilterSettings {
        FilterSettings {
            keep_results: true,
            dmarc: Some(DmarcSettings::default()),
            ..FilterSettings::default()
        }
    }

    /// What README says of the services of opendmarc.conf and openarc.conf.
    #[test]
    fn a_result_that_only_this_filter_writes_is_removed_however_it_is_hidden() {
        for hidden in [
            "mx.example; dmarc=pass reason=\"x",
            "mx.example dmarc=pass",
            "mx.example; x(; dmarc=pass",
            "mx.example; spf=pass\r; dmarc=pass",
            "mx.example; dmarc=pass_",
            "mx.example; spf=pass dmarc=pass",
            "a.example; spf=pass\rAuthentication-Results: mx.example; dmarc=pass",
            "a.example; spf=pass reason=\"\u{85}Authentication-Results: mx.example; dmarc=pass\"",
        ] {
            let fields = ["mx.example; spf=pass", hidden, "mx.example; dkim=perm_fail; spf=pass"];
            assert_eq!(removed(writing_dmarc(), &fields).unwrap(), [2], "{hidden:?}");
            let mut trusting = writing_dmarc();
            trusting.dmarc.as_mut().unwrap().trust.ids = vec!["mx.example".to_owned()];
            assert_eq!(removed(trusting, &fields).unwrap(), Vec::<usize>::new(), "{hidden:?}");
        }
        let broken = ["a.example; x(; dmarc=pass"];
        assert_eq!(removed(writing_dmarc(), &broken).unwrap(), Vec::<usize>::new(), "of another host");
    }

    #[test]
    fn a_hidden_field_is_refused_where_its_results_are_written_alone() {
        let fields = ["mx.example; spf=pass\r\nX-Foo: a\rAuthentication-Results: mx.example; dmarc=pass"];
        let refused = removed(writing_dmarc(), &fields).unwrap_err();
        assert_eq!(refused, "field X-Foo hides results in the name of mx.example");
        assert!(removed(verifying(), &fields).is_err());
        let kept = FilterSettings { keep_results: true, ..verifying() };
        assert_eq!(removed(kept, &fields).unwrap(), Vec::<usize>::new());
    }

    #[test]
    fn a_name_below_a_domain_is_found_in_every_form() {
        let fields = [
            "a.border.example.; spf=pass",
            "A.Border.Example/AB12; spf=pass",
            "a.border.example./AB12; spf=pass",
            "a.border.example spf=pass",
            "a.border.example. x(; spf=pass",
            "(x) \"a.border.example/AB12\"; spf=pass reason=\"x",
            "border.example; spf=pass",
            "a.example/a.border.example; spf=pass",
            "a.example spf=pass smtp.helo=a.border.example",
            "a.example spf=pass smtp.mailfrom=joe@a.border.example",
        ];
        let below = FilterSettings { remove_from: vec![".Border.example".to_owned()], ..verifying() };
        assert_eq!(removed(below, &fields).unwrap(), [6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn a_result_that_only_this_filter_writes_is_removed_though_others_are_kept() {
        assert_eq!(removed(writing_dmarc(), &FIELDS).unwrap(), [3]);
        let mut trusting = writing_dmarc();
        trusting.dmarc.as_mut().unwrap().trust.ids = vec!["mx.example".to_owned()];
        assert_eq!(
            removed(trusting, &FIELDS).unwrap(),
            Vec::<usize>::new(),
            "another program of that name is believed"
        );
    }
}
