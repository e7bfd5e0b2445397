//! waxseald.toml, and the environment: every key is also `WAXSEALD_` with its name in capitals.

use super::{mistakes::Mistakes, value};
use crate::settings::{
    ArcSettings, DmarcSettings, FieldChanges, FilterSettings, KeySettings, Kind, LogTo, SealSettings,
    Service, Settings, SignSettings, VerifySettings,
};
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};
use toml::{Table, Value};
use waxseal::dkim::Canonicalization;

/// Parts that one filter plays in one pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Role {
    Sign,
    Verify,
    Dmarc,
    Arc,
}

/// One word, or a list.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Words {
    One(String),
    Many(Vec<String>),
}

impl Words {
    fn list(self) -> Vec<String> {
        match self {
            Self::One(text) => value::words(&text),
            Self::Many(words) => words,
        }
    }
}

/// The keys of the file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Own {
    domain: Option<Words>,
    key: Option<PathBuf>,
    #[serde(default = "default_selector")]
    selector: String,
    #[serde(default)]
    subdomains: bool,
    key_table: Option<String>,
    signing_table: Option<String>,
    #[serde(default)]
    all_matches: bool,
    listen: Option<Words>,
    roles: Option<Vec<Role>>,
    authserv_id: Option<String>,
    internal_hosts: Option<Words>,
    peers: Option<Words>,
    #[serde(default)]
    reject_failures: bool,
    #[serde(default)]
    hold_quarantined: bool,
    trusted_sealers: Option<Words>,
    #[serde(default = "yes")]
    safe_keys: bool,
    #[serde(default = "default_bits")]
    min_rsa_bits: u32,
    user: Option<String>,
    umask: Option<String>,
    pid_file: Option<PathBuf>,
    #[serde(default)]
    syslog: bool,
    dns: Option<Words>,
    dns_timeout: Option<u64>,
}

fn default_selector() -> String {
    "default".to_owned()
}

fn yes() -> bool {
    true
}

fn default_bits() -> u32 {
    1024
}

/// Reads the text of a file with what the environment says besides.
pub(super) fn read(
    text: &str,
    environment: impl Iterator<Item = (String, String)>,
    settings: &mut Settings,
    mistakes: &mut Mistakes,
) {
    let own = text.parse::<Table>().and_then(|mut table| {
        table.extend(environment.filter_map(|(name, text)| {
            let name = name.strip_prefix("WAXSEALD_")?.to_ascii_lowercase();
            Some((name, of_environment(&text)))
        }));
        Own::deserialize(table)
    });
    match own {
        Ok(own) => own.into_settings(settings, mistakes),
        Err(error) => {
            mistakes.0.push(format!("waxseald.toml: {}", error.to_string().trim_end().replace('\n', " ")))
        }
    }
}

/// A value of TOML where it is one that is no text, else the text as it stands.
fn of_environment(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

impl Own {
    fn into_settings(mut self, settings: &mut Settings, mistakes: &mut Mistakes) {
        let process = &mut settings.process;
        process.user = self.user.take();
        process.pid_files.extend(self.pid_file.take());
        if let Some(mask) = &self.umask {
            process.umask =
                value::umask(mask).map_err(|error| mistakes.0.push(format!("umask: {error}"))).ok();
        }
        if self.syslog {
            process.log = LogTo::Syslog { facility: "mail".to_owned(), name: "waxseald".to_owned() };
        }
        for server in self.dns.take().map(Words::list).unwrap_or_default() {
            match value::server(&server) {
                Ok(server) => settings.dns.servers.push(server),
                Err(error) => mistakes.0.push(format!("dns: {error}")),
            }
        }
        if let Some(seconds) = self.dns_timeout {
            settings.dns.timeout = Duration::from_secs(seconds);
        }
        let listen = self.listen.take().map_or_else(|| vec!["inet:8891@127.0.0.1".to_owned()], Words::list);
        let sockets = listen.iter().filter_map(|text| {
            value::socket(text).map_err(|error| mistakes.0.push(format!("listen: {error}"))).ok()
        });
        let sockets = sockets.collect();
        let kind = Kind::Milter(Box::new(self.filter(mistakes)));
        settings.services.push(Service { name: "waxseald".to_owned(), sockets, kind });
    }

    fn filter(&mut self, mistakes: &mut Mistakes) -> FilterSettings {
        let roles = self.roles.take().unwrap_or_else(|| vec![Role::Sign, Role::Verify]);
        let has = |role| roles.contains(&role);
        let keys = self.keys();
        let signs = has(Role::Sign) || has(Role::Arc);
        if signs && keys.is_none() {
            let text = "domain and key are needed to sign, or key_table and signing_table";
            mistakes.0.push(format!("waxseald.toml: {text}"));
        }
        let seal = keys.as_ref().filter(|_| has(Role::Arc)).and_then(|keys| self.seal(keys, mistakes));
        FilterSettings {
            authserv_id: self.authserv_id.take().unwrap_or_else(|| "HOSTNAME".to_owned()),
            peers: self.peers.take().map(|words| words.list().join(",")),
            max_header: 262_144,
            sign: keys.filter(|_| has(Role::Sign)).map(|keys| self.sign(keys)),
            verify: has(Role::Verify).then(|| VerifySettings {
                always_add: true,
                with_header_b: true,
                max_signatures: 10,
                min_rsa_bits: self.min_rsa_bits,
                clock_drift: Duration::from_secs(300),
                must_be_signed: Vec::new(),
            }),
            dmarc: has(Role::Dmarc).then(|| DmarcSettings {
                reject: self.reject_failures,
                hold: self.hold_quarantined,
                trusted_sealers: self.trusted_sealers.take().map(Words::list).unwrap_or_default(),
                ..DmarcSettings::default()
            }),
            arc: has(Role::Arc).then_some(ArcSettings { verify: true, seal }),
            ..FilterSettings::default()
        }
    }

    fn keys(&mut self) -> Option<KeySettings> {
        if let (Some(keys), Some(signing)) = (self.key_table.take(), self.signing_table.take()) {
            return Some(KeySettings::Tables { keys, signing });
        }
        let domains = self.domain.take()?.list();
        let file = self.key.take()?;
        Some(KeySettings::One { domains, selector: self.selector.clone(), file, subdomains: self.subdomains })
    }

    fn sign(&self, keys: KeySettings) -> SignSettings {
        SignSettings {
            keys,
            internal: self.internal_hosts.clone().map(|words| words.list().join(",")),
            external_ignore: None,
            exempt_domains: None,
            not_to: None,
            mtas: Vec::new(),
            macros: Vec::new(),
            sender_fields: Vec::new(),
            canonicalization: (Canonicalization::Relaxed, Canonicalization::Relaxed),
            fields: FieldChanges::default(),
            oversigned: vec!["From".to_owned()],
            lifetime: None,
            body_length: false,
            copied_fields: false,
            request_reports: false,
            remove_old: false,
            all_matches: self.all_matches,
            min_rsa_bits: self.min_rsa_bits,
            safe_keys: self.safe_keys,
        }
    }

    fn seal(&self, keys: &KeySettings, mistakes: &mut Mistakes) -> Option<SealSettings> {
        let KeySettings::One { domains, selector, file, .. } = keys else {
            mistakes.0.push("waxseald.toml: the role arc needs domain and key, no tables".to_owned());
            return None;
        };
        Some(SealSettings {
            domain: domains.first()?.clone(),
            selector: selector.clone(),
            file: file.clone(),
            canonicalization: (Canonicalization::Relaxed, Canonicalization::Relaxed),
            fields: Vec::new(),
            oversigned: Vec::new(),
            min_rsa_bits: self.min_rsa_bits,
            safe_keys: self.safe_keys,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str, environment: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        let environment = environment.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        read(text, environment, &mut settings, &mut mistakes);
        (settings, mistakes.0)
    }

    fn milter(settings: &Settings) -> &FilterSettings {
        let Kind::Milter(filter) = &settings.services[0].kind else { panic!("no milter") };
        filter
    }

    #[test]
    fn a_domain_and_a_key_are_enough() {
        let (settings, mistakes) =
            parse("domain = \"example.org\"\nkey = \"/etc/waxseald/default.private\"\n", &[]);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(settings.services[0].sockets[0].to_string(), "inet:8891@127.0.0.1");
        let filter = milter(&settings);
        assert!(filter.verify.is_some() && filter.dmarc.is_none());
        let KeySettings::One { domains, selector, .. } = &filter.sign.as_ref().unwrap().keys else {
            panic!("tables")
        };
        assert_eq!((domains.join(" "), selector.as_str()), ("example.org".to_owned(), "default"));
    }

    #[test]
    fn the_environment_wins_and_needs_no_file() {
        let environment = [
            ("WAXSEALD_DOMAIN", "a.example,b.example"),
            ("WAXSEALD_KEY", "/keys/k"),
            ("WAXSEALD_ROLES", "[\"sign\", \"verify\", \"dmarc\", \"arc\"]"),
            ("WAXSEALD_REJECT_FAILURES", "true"),
            ("HOME", "/root"),
        ];
        let (settings, mistakes) = parse("", &environment);
        assert_eq!(mistakes, Vec::<String>::new());
        let filter = milter(&settings);
        assert!(filter.dmarc.as_ref().unwrap().reject);
        assert_eq!(filter.arc.as_ref().unwrap().seal.as_ref().unwrap().domain, "a.example");
    }

    #[test]
    fn mistakes_are_said() {
        let (_, mistakes) = parse("domian = \"example.org\"\n", &[]);
        assert!(mistakes[0].contains("unknown field `domian`, expected one of `domain`"), "{mistakes:?}");
        let (_, mistakes) = parse("listen = \"8891\"\n", &[]);
        assert_eq!(mistakes[0], "listen: \"8891\": use inet:PORT@HOST, inet6:PORT@HOST or local:/PATH");
        assert_eq!(
            mistakes[1],
            "waxseald.toml: domain and key are needed to sign, or key_table and signing_table"
        );
    }
}
