//! Which keys have an effect in which roles: a key that no service uses is named.

use super::{parts::Role, word::Item};

use Role::{Arc, Dmarc, Policy, Sign, Verify};

/// Keys that only some roles use.
const KEYS: &[(&[Role], &[&str])] = &[
    (
        &[Sign],
        &[
            "key_table",
            "signing_table",
            "all_matches",
            "subdomains",
            "internal_hosts",
            "external_ignore",
            "exempt_domains",
            "not_signed_to",
            "mtas",
            "macros",
            "sender_fields",
            "signature_lifetime",
            "body_length",
            "copied_fields",
            "request_reports",
            "remove_old_signatures",
            "sender_logins",
            "sender_logins_action",
            "publish_check",
            "atps_domains",
            "atps_hash",
            "on_internal_error",
            "on_security",
            "on_signature_error",
        ],
    ),
    (
        &[Sign, Arc],
        &["domain", "selector", "key", "canonicalization", "signed_fields", "oversigned", "safe_keys"],
    ),
    (
        &[Verify],
        &[
            "always_add_results",
            "header_b",
            "max_signatures",
            "clock_drift",
            "must_be_signed",
            "neutral_atps",
            "redirect_failures_to",
            "on_bad_signature",
            "on_no_signature",
            "on_key_not_found",
            "on_dns_error",
        ],
    ),
    (
        &[Dmarc],
        &[
            "reject_failures",
            "hold_quarantined",
            "dmarc_ignored_hosts",
            "dmarc_ignores_authenticated",
            "dmarc_ignored_domains",
            "reject_several_authors",
            "trusted_sealers",
            "override_hosts",
            "override_domains",
            "trusted_results_of",
            "trusts_received_spf",
            "ignores_spf_results",
            "checks_spf_itself",
            "history_file",
            "history_of_all",
            "history_ignores_recipients",
            "reject_text",
            "copy_failures_to",
            "dmarc_reports",
            "dmarc_reports_on_none",
        ],
    ),
    (&[Arc], &["arc_internal_hosts", "verify_chain"]),
];

/// The roles that use a key; all of them if there are none.
fn of_key(name: &str) -> &'static [Role] {
    if name.starts_with("spf_") {
        return &[Policy];
    }
    KEYS.iter().find(|(_, names)| names.contains(&name)).map_or(&[], |(roles, _)| roles)
}

/// Keys of all services that no service uses, each with what it wants.
#[derive(Debug, Default)]
pub(super) struct Unused {
    without: Vec<(String, &'static [Role])>,
    used: Vec<String>,
}

impl Unused {
    /// Takes the keys of a service.
    pub(super) fn take(&mut self, names: impl Iterator<Item = String>, own: &[Role]) {
        for name in names {
            let roles = of_key(&name);
            if roles.is_empty() || roles.iter().any(|role| own.contains(role)) {
                self.used.push(name);
            } else if !self.without.iter().any(|(known, _)| *known == name) {
                self.without.push((name, roles));
            }
        }
    }

    /// What is to be said of them.
    pub(super) fn warnings(self) -> Vec<String> {
        let unused = self.without.into_iter().filter(|(name, _)| !self.used.contains(name));
        let text = |(name, roles): (String, &[Role])| {
            let roles: Vec<_> = roles.iter().map(Item::show).collect();
            format!("waxseald.toml: {name}: it has no effect without the role {}", roles.join(" or "))
        };
        unused.map(text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::keys::OF_SERVICE, *};

    #[test]
    fn each_name_is_that_of_a_key() {
        for name in KEYS.iter().flat_map(|(_, names)| *names) {
            assert!(OF_SERVICE.iter().any(|key| key.name == *name), "{name}");
        }
    }
}
