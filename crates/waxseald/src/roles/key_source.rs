//! Which key signs for which author: one key for some domains, or OpenDKIM's two tables.

use crate::{
    hosts::{data_set, unreadable},
    keys::{KeyCache, KeyRules, KeyTrouble},
    lifecycle::Life,
    settings::KeySettings,
    sources::Sources,
};
use std::path::PathBuf;
use waxseal::{DomainName, PrivateKey, Selector, header::Address};
use waxseal_tables::{KeyData, KeyTable, SigningTable};

/// Where keys are found.
#[derive(Debug)]
pub(crate) enum KeySource {
    One { domains: Vec<DomainName>, selector: Selector, file: PathBuf, subdomains: bool },
    Tables { keys: Box<KeyTable>, signing: Box<SigningTable>, all_matches: bool },
}

/// A key that is to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyName {
    pub(crate) domain: DomainName,
    pub(crate) selector: Selector,
    /// `i=`
    pub(crate) identity: Option<String>,
    algorithm: Option<String>,
    data: KeyData,
}

/// What the tables say about an author.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// The keys, and the rule that selected them.
    Keys(Vec<KeyName>, String),
    /// Why there is none.
    Nothing(String),
    /// An entry leads nowhere.
    Broken(String),
}

impl KeySource {
    /// Loads the tables; oddities are added to the warnings.
    pub(crate) fn load(
        settings: &KeySettings,
        all_matches: bool,
        warnings: &mut Vec<String>,
    ) -> Result<Self, String> {
        match settings {
            KeySettings::One { domains, selector, file, subdomains } => {
                let read = |domain: &String| {
                    DomainName::new(domain).map_err(|error| format!("Domain: {domain}: {error}"))
                };
                Ok(Self::One {
                    domains: domains.iter().map(read).collect::<Result<_, _>>()?,
                    selector: selector.parse().map_err(|error| format!("Selector: {selector}: {error}"))?,
                    file: file.clone(),
                    subdomains: *subdomains,
                })
            }
            KeySettings::Tables { keys, signing } => {
                // The shorter one first: the C library then has no use for the space in which the longer one was read.
                let signing = SigningTable::load(&data_set("SigningTable", signing)?, &Sources)
                    .map_err(|error| unreadable("SigningTable", &error))?;
                let keys = KeyTable::load(&data_set("KeyTable", keys)?, &Sources)
                    .map_err(|error| unreadable("KeyTable", &error))?;
                warnings.extend(keys.problems().iter().map(|problem| format!("KeyTable: {problem}")));
                warnings.extend(signing.problems().iter().map(|problem| format!("SigningTable: {problem}")));
                if signing.iter().all(|entry| entry.is_exclusion()) {
                    warnings.push("SigningTable: it has no entries: no mail is signed".to_owned());
                }
                let broken = broken_entries(&keys, &signing);
                warnings.extend(broken.map(|(place, error)| format!("{place}: {error}")));
                Ok(Self::Tables { keys: Box::new(keys), signing: Box::new(signing), all_matches })
            }
        }
    }

    /// The keys for an author.
    pub(crate) fn find(&self, author: &Address) -> Found {
        match self {
            Self::One { domains, selector, file, subdomains } => {
                let signs = |domain: &DomainName, own: &DomainName| {
                    domain == own || *subdomains && domain.is_within(own)
                };
                let domain = DomainName::new(author.domain()).ok();
                let own = domain.and_then(|domain| domains.iter().find(|own| signs(&domain, own)));
                let Some(own) = own else {
                    return Found::Nothing(format!("no signing domain match for '{}'", author.domain()));
                };
                let name = KeyName {
                    domain: own.clone(),
                    selector: selector.clone(),
                    identity: None,
                    algorithm: None,
                    data: KeyData::File(file.display().to_string()),
                };
                Found::Keys(vec![name], format!("Domain {own}"))
            }
            Self::Tables { keys, signing, all_matches } => in_tables(keys, signing, *all_matches, author),
        }
    }

    /// All keys that authors may need, with the place of each; an entry with `%` gives none.
    pub(crate) fn all(&self) -> Vec<(String, Result<KeyName, String>)> {
        match self {
            Self::One { domains, selector, file, .. } => {
                let name = |domain: &DomainName| KeyName {
                    domain: domain.clone(),
                    selector: selector.clone(),
                    identity: None,
                    algorithm: None,
                    data: KeyData::File(file.display().to_string()),
                };
                domains.iter().map(|domain| (format!("Domain {domain}"), Ok(name(domain)))).collect()
            }
            Self::Tables { keys, signing, .. } => {
                let fixed = keys.iter().filter(|entry| !entry.uses_author_domain());
                let of_keys = fixed.map(|entry| {
                    (format!("KeyTable line {}", entry.line()), key_name(keys, entry.name(), "", None))
                });
                let broken = broken_entries(keys, signing).map(|(place, error)| (place, Err(error)));
                of_keys.chain(broken).collect()
            }
        }
    }

    /// The tables, if there are any.
    pub(crate) fn signing_table(&self) -> Option<&SigningTable> {
        if let Self::Tables { signing, .. } = self { Some(signing) } else { None }
    }
}

/// Entries of a SigningTable whose key is not in the KeyTable, with the place of each.
fn broken_entries<'t>(
    keys: &'t KeyTable,
    signing: &'t SigningTable,
) -> impl Iterator<Item = (String, String)> + 't {
    let entries = signing.iter().filter(|entry| !entry.is_exclusion() && !entry.key_name().contains('%'));
    entries.filter_map(|entry| {
        let missing = keys.get(entry.key_name(), "example.org").err()?;
        Some((format!("SigningTable line {} ({})", entry.line(), entry.pattern()), missing.to_string()))
    })
}

fn in_tables(keys: &KeyTable, signing: &SigningTable, all_matches: bool, author: &Address) -> Found {
    let address = author.to_string();
    let entries = match signing.lookup(&address) {
        Ok(entries) => entries,
        Err(none) => {
            let nearest = signing.nearest(&address);
            let hint = nearest.map(|entry| format!(" (nearest: line {}, {})", entry.line(), entry.pattern()));
            return Found::Nothing(format!("{none}{}", hint.unwrap_or_default()));
        }
    };
    let entries: Vec<_> = entries.into_iter().take(if all_matches { usize::MAX } else { 1 }).collect();
    let rules: Vec<_> = entries
        .iter()
        .map(|entry| format!("SigningTable line {} ({})", entry.line(), entry.pattern()))
        .collect();
    let names = entries.iter().map(|entry| {
        let identity = entry.identity().map(str::to_owned);
        key_name(keys, entry.key_name(), author.domain(), identity)
    });
    match names.collect::<Result<Vec<_>, _>>() {
        Ok(names) => Found::Keys(names, rules.join(", ")),
        Err(error) => Found::Broken(format!("{}: {error}", rules.join(", "))),
    }
}

fn key_name(keys: &KeyTable, name: &str, domain: &str, identity: Option<String>) -> Result<KeyName, String> {
    let entry = keys.get(name, domain).map_err(|error| error.to_string())?;
    let at = |error: String| format!("KeyTable line {}: {error}", entry.line());
    Ok(KeyName {
        domain: DomainName::new(entry.domain())
            .map_err(|error| at(format!("{}: {error}", entry.domain())))?,
        selector: entry.selector().parse().map_err(|error| at(format!("{}: {error}", entry.selector())))?,
        identity,
        algorithm: entry.algorithm().map(str::to_owned),
        data: entry.data().clone(),
    })
}

impl KeyName {
    /// Reads the key, or takes it from those that were read, and where it is in its life.
    pub(crate) fn key(&self, cache: &KeyCache, rules: KeyRules) -> Result<(PrivateKey, Life), KeyTrouble> {
        let (key, life) = match &self.data {
            KeyData::File(path) => cache.get(path.as_ref(), rules)?,
            KeyData::Inline(text) => {
                let unreadable = |error| KeyTrouble::Unreadable(format!("error loading key: {error}"));
                (PrivateKey::from_bytes(text).map_err(unreadable)?, Life::Active)
            }
            _ => return Err(KeyTrouble::Unreadable("error loading key: it is in no file".to_owned())),
        };
        match &self.algorithm {
            Some(algorithm) if !algorithm.eq_ignore_ascii_case(key.algorithm().as_str()) => {
                let (domain, selector) = (&self.domain, &self.selector);
                let made = key.algorithm();
                let text =
                    format!("the key {selector} of {domain} makes {made}, and the KeyTable says {algorithm}");
                Err(KeyTrouble::Unreadable(text))
            }
            _ => Ok((key, life)),
        }
    }

    /// `s=2026, d=example.org`
    pub(crate) fn shown(&self) -> String {
        format!("s={}, d={}", self.selector, self.domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(keys: &str, signing: &str) -> KeySource {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            format!("refile:{}", path.display())
        };
        let settings = KeySettings::Tables { keys: path("k", keys), signing: path("s", signing) };
        KeySource::load(&settings, false, &mut Vec::new()).unwrap()
    }

    fn address(text: &str) -> Address {
        Address::parse_path(text.as_bytes()).unwrap().unwrap()
    }

    const KEYS: &str = "a b.example:s1:/keys/b.private\nany %:s2:/keys/%/s2.private\n";

    #[test]
    fn the_first_match_names_its_line_and_percent_is_the_domain() {
        let source = tables(KEYS, "*@a.example a\n*@*.example any\n");
        let Found::Keys(keys, rule) = source.find(&address("joe@c.example")) else { panic!() };
        assert_eq!(
            (keys[0].shown().as_str(), rule.as_str()),
            ("s=s2, d=c.example", "SigningTable line 2 (*@*.example)")
        );
        assert_eq!(keys[0].data, KeyData::File("/keys/c.example/s2.private".to_owned()));
    }

    #[test]
    fn no_match_is_said_in_the_words_of_opendkim_with_the_nearest_entry() {
        let source = tables(KEYS, "joe@a.example a\n");
        let text = "no signing table match for 'eve@a.example' (nearest: line 1, joe@a.example)";
        assert_eq!(source.find(&address("eve@a.example")), Found::Nothing(text.to_owned()));
    }

    #[test]
    fn an_entry_that_leads_nowhere_is_named() {
        let source = tables(KEYS, "*@a.example b\n");
        let text = "SigningTable line 1 (*@a.example): the KeyTable has no key \"b\"";
        assert_eq!(source.find(&address("eve@a.example")), Found::Broken(text.to_owned()));
        assert_eq!(source.all().len(), 2);
        assert!(source.all()[1].1.is_err());
    }
}
