//! Which results of others are removed from a header.

use crate::filter::Filter;
use std::collections::BTreeSet;
use waxseal::{
    authres::AuthenticationResults,
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
    for forged in filter.own_results.forged(header) {
        let field = header.field(forged.index);
        let Some(field) = field.filter(|field| field.is(NAME)) else {
            if filter.keep_results {
                continue;
            }
            let name = field.map_or(&b""[..], |field| field.name());
            return Err(format!(
                "field {} hides results in the name of {}",
                name.escape_ascii(),
                filter.authserv_id
            ));
        };
        // Who keeps what the programs before it have written still writes some methods alone.
        if !filter.keep_results || writes(filter, &field) {
            found.insert(forged.occurrence);
        }
    }
    if !filter.keep_results && !filter.remove_below.is_empty() {
        found.extend(fields().filter(|(_, field)| is_below(filter, field)).map(|(occurrence, _)| occurrence));
    }
    Ok(found.into_iter().rev().collect())
}

/// Whether a field has a result that only this filter writes.
fn writes(filter: &Filter, field: &Field<'_>) -> bool {
    let Some(checks) = &filter.checks else { return false };
    let parsed = AuthenticationResults::parse(field.value());
    parsed.is_ok_and(|parsed| parsed.entries().iter().any(|entry| checks.writes_alone(entry.method())))
}

/// Whether the authserv-id is a name below one of RemoveARFrom.
fn is_below(filter: &Filter, field: &Field<'_>) -> bool {
    let parsed = AuthenticationResults::parse(field.value());
    let id = parsed.ok().and_then(|parsed| parsed.authserv_id().map(str::to_ascii_lowercase));
    id.is_some_and(|id| filter.remove_below.iter().any(|domain| id.ends_with(domain)))
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

    #[test]
    fn a_result_that_only_this_filter_writes_is_removed_though_others_are_kept() {
        let dmarc = || FilterSettings {
            keep_results: true,
            dmarc: Some(DmarcSettings::default()),
            ..FilterSettings::default()
        };
        assert_eq!(removed(dmarc(), &FIELDS).unwrap(), [3]);
        let mut trusting = dmarc();
        trusting.dmarc.as_mut().unwrap().trust.ids = vec!["mx.example".to_owned()];
        assert_eq!(
            removed(trusting, &FIELDS).unwrap(),
            Vec::<usize>::new(),
            "another program of that name is believed"
        );
    }
}
