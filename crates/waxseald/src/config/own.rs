//! waxseald.toml, and the environment: every key is also `WAXSEALD_` with its name in capitals.

mod keys;
mod parts;
mod roles;
mod word;

use super::mistakes::Mistakes;
use crate::settings::Settings;
use keys::{Key, OF_PROCESS, OF_SERVICE};
use parts::Parts;
use roles::Unused;
use toml::{Table, Value};
use waxseal::dns::lint::nearest;

/// The key of a list of services.
const SERVICE: &str = "service";
/// `log = "syslog"` as a single key, as in the first version.
const SYSLOG: &str = "syslog";

/// The keys that the environment sets.
pub(super) fn environment() -> Table {
    let named =
        std::env::vars().filter_map(|(name, text)| Some((name.strip_prefix("WAXSEALD_")?.to_owned(), text)));
    named.map(|(name, text)| (name.to_ascii_lowercase(), of_environment(&text))).collect()
}

/// The text as a TOML value if it is one other than a string, or else the text itself.
fn of_environment(text: &str) -> Value {
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// Reads the text of a file together with the environment.
pub(super) fn read(text: &str, environment: Table, settings: &mut Settings, mistakes: &mut Mistakes) {
    let mut table = match text.parse::<Table>() {
        Ok(table) => table,
        Err(error) => {
            let text = error.to_string().trim_end().replace('\n', " ");
            return mistakes.0.push(format!("waxseald.toml: {text}"));
        }
    };
    table.extend(environment);
    let mut own = Mistakes::default();
    read_process(&mut table, settings, &mut own);
    let mut unused = Unused::default();
    for service in services(table, !settings.services.is_empty(), &mut own) {
        let (mut parts, names) = (Parts::default(), service.keys().cloned().collect::<Vec<_>>());
        take(OF_SERVICE, service, &mut parts, &mut own);
        unused.take(names.into_iter(), &parts.roles);
        settings.services.push(parts.into_service(&mut own));
    }
    settings.warnings.extend(unused.warnings());
    mistakes.0.extend(own.0.into_iter().map(|mistake| format!("waxseald.toml: {mistake}")));
}

/// Reads the settings of the process, and leaves the rest of the table.
pub(super) fn read_process(table: &mut Table, settings: &mut Settings, mistakes: &mut Mistakes) {
    let log = match table.remove(SYSLOG) {
        Some(Value::Boolean(true)) => Some(Value::String(SYSLOG.to_owned())),
        Some(Value::Boolean(false)) | None => None,
        Some(other) => {
            mistakes.0.push(format!("syslog: {other}: use true or false"));
            None
        }
    };
    if let (Some(log), false) = (log, table.contains_key("log")) {
        table.insert("log".to_owned(), log);
    }
    let known = |name: &str| OF_PROCESS.iter().any(|key| key.name == name);
    let names: Vec<_> = table.keys().filter(|name| known(name)).cloned().collect();
    let of_process = names.into_iter().filter_map(|name| table.remove_entry(&name)).collect();
    take(OF_PROCESS, of_process, settings, mistakes);
}

/// The tables of the services. Keys above them apply to all; a file without services adds none to those of old files.
fn services(mut table: Table, has_others: bool, mistakes: &mut Mistakes) -> Vec<Table> {
    match table.remove(SERVICE) {
        None if table.is_empty() && has_others => Vec::new(),
        None => vec![table],
        Some(Value::Array(list)) => {
            let tables = list.into_iter().filter_map(|service| match service {
                Value::Table(service) => Some(table.clone().into_iter().chain(service).collect()),
                other => {
                    mistakes.0.push(format!("service: {other}: use [[service]] and keys below it"));
                    None
                }
            });
            tables.collect()
        }
        Some(_) => {
            mistakes
                .0
                .push("service: use [[service]], in two pairs of brackets, and keys below it".to_owned());
            Vec::new()
        }
    }
}

fn take<S>(keys: &[Key<S>], table: Table, settings: &mut S, mistakes: &mut Mistakes) {
    for (name, value) in table {
        let Some(key) = keys.iter().find(|key| key.name == name) else {
            mistakes.0.push(unknown(&name));
            continue;
        };
        if let Err(error) = (key.read)(settings, &value) {
            mistakes.0.push(format!("{name}: {error}"));
        }
    }
}

fn unknown(name: &str) -> String {
    let names: Vec<_> =
        OF_SERVICE.iter().map(|key| key.name).chain(OF_PROCESS.iter().map(|key| key.name)).collect();
    let hint = nearest(name, &names).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
    format!("{name}: unknown key{hint}")
}

/// Writes a waxseald.toml that gives these settings, with a comment for each key.
pub(super) fn write(settings: &Settings) -> String {
    let mut text = String::new();
    write_keys(OF_PROCESS, settings, &Settings::default(), &mut text);
    for service in &settings.services {
        if settings.services.len() > 1 {
            text.push_str("\n[[service]]\n");
        }
        write_keys(OF_SERVICE, &Parts::of(service), &Parts::default(), &mut text);
    }
    text
}

/// Writes the keys that differ from their defaults.
fn write_keys<S>(keys: &[Key<S>], settings: &S, defaults: &S, text: &mut String) {
    for key in keys {
        let value = (key.write)(settings);
        if let Some(value) = value.filter(|value| Some(value) != (key.write)(defaults).as_ref()) {
            text.push_str(&format!("# {}\n{} = {value}\n", key.what, key.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{FilterSettings, KeySettings, Kind, LogTo, Reject};

    fn parse(text: &str, environment: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        let environment = environment.iter().map(|(name, text)| ((*name).to_owned(), of_environment(text)));
        read(text, environment.collect(), &mut settings, &mut mistakes);
        (settings, mistakes.0)
    }

    fn milter(settings: &Settings) -> &FilterSettings {
        let Kind::Milter(filter) = &settings.services[0].kind else { panic!("no milter") };
        filter
    }

    #[test]
    fn a_key_that_no_service_uses_is_named() {
        let warnings = |text: &str| {
            let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
            read(text, Table::new(), &mut settings, &mut mistakes);
            assert_eq!(mistakes.0, Vec::<String>::new());
            settings.warnings
        };
        let text = "waxseald.toml: reject_failures: it has no effect without the role dmarc";
        assert_eq!(warnings("roles = [\"verify\"]\nreject_failures = true\n"), [text]);
        let text = "waxseald.toml: safe_keys: it has no effect without the role sign or arc";
        assert_eq!(warnings("roles = [\"verify\"]\nsafe_keys = false\n"), [text]);
        let both =
            "reject_failures = true\n[[service]]\nroles = [\"verify\"]\n[[service]]\nroles = [\"dmarc\"]\n";
        assert_eq!(warnings(both), Vec::<String>::new());
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
            ("domain", "a.example,b.example"),
            ("key", "/keys/k"),
            ("roles", "[\"sign\", \"verify\", \"dmarc\", \"arc\"]"),
            ("reject_failures", "true"),
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
        assert_eq!(mistakes[0], "waxseald.toml: domian: unknown key; did you mean domain?");
        let (_, mistakes) = parse("listen = \"8891\"\n", &[]);
        assert_eq!(
            mistakes[0],
            "waxseald.toml: listen: \"8891\": use inet:PORT@HOST, inet6:PORT@HOST or local:/PATH"
        );
        assert_eq!(
            mistakes[1],
            "waxseald.toml: domain and key are needed to sign, or key_table and signing_table"
        );
    }

    #[test]
    fn several_services_share_what_stands_above_them() {
        let text = "log = \"json\"\nauthserv_id = \"mx\"\ndns = \"127.0.0.1@5354\"\n\
            [[service]]\nname = \"in\"\nroles = \"verify\"\nlisten = \"local:/run/in\"\n\
            [[service]]\nroles = [\"policy\"]\nspf_helo = \"never\"\nlisten = \"inet:10023@127.0.0.1\"\n";
        let (settings, mistakes) = parse(text, &[]);
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(milter(&settings).authserv_id, "mx");
        assert_eq!(settings.process.log, LogTo::Json);
        assert!(matches!(&settings.services[1].kind, Kind::Policy(policy) if policy.helo == Reject::Never));
        let (_, mistakes) = parse("[[service]]\nroles = [\"policy\", \"sign\"]\n", &[]);
        assert!(mistakes[0].contains("or policy alone"), "{mistakes:?}");
    }

    #[test]
    fn the_readme_names_every_key() {
        let readme = include_str!("../../README.md");
        let names = OF_SERVICE.iter().map(|key| key.name).chain(OF_PROCESS.iter().map(|key| key.name));
        let missing: Vec<_> = names.filter(|name| !readme.contains(&format!("`{name}`"))).collect();
        assert_eq!(missing, Vec::<&str>::new());
    }
}
