//! Values of settings in the old files.

use crate::hosts::Words;
use crate::settings::{Action, AtpsHash, Delivery, HeaderRules, LoginAction, PublishCheck, Reject, Socket};
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use waxseal::{authres::ResultsStyle, dkim::Canonicalization};

/// What is wrong with a value; the caller adds the line.
pub(crate) type Invalid = String;

/// OpenDKIM looks only at the first letter.
pub(crate) fn boolean(text: &str) -> Result<bool, Invalid> {
    match text.bytes().next().map(|c| c.to_ascii_lowercase()) {
        Some(b'y' | b't' | b'1') => Ok(true),
        Some(b'n' | b'f' | b'0') => Ok(false),
        _ => Err(format!("{text:?}: use yes or no")),
    }
}

pub(crate) fn number<N: std::str::FromStr>(text: &str) -> Result<N, Invalid> {
    text.parse().map_err(|_| format!("{text:?}: use a number"))
}

pub(crate) fn seconds(text: &str) -> Result<Duration, Invalid> {
    number(text).map(Duration::from_secs)
}

/// `007`, always octal.
pub(crate) fn umask(text: &str) -> Result<u32, Invalid> {
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|mask| *mask <= 0o777)
        .ok_or_else(|| format!("{text:?}: use an octal number such as 007"))
}

/// Words separated by commas or blanks.
pub(crate) fn words(text: &str) -> Vec<String> {
    text.split([',', ' ', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether a text names a data set by its kind.
pub(crate) fn is_data_set(text: &str) -> bool {
    const KINDS: [&str; 12] = [
        "file", "refile", "csl", "sqlite", "db", "dsn", "ldap", "lua", "memcache", "mdb", "erlang", "repute",
    ];
    text.split_once(':').is_some_and(|(kind, _)| KINDS.contains(&kind.to_ascii_lowercase().as_str()))
}

/// The entries of a data set, `KEY` or `KEY=VALUE`.
pub(crate) fn data_set(text: &str) -> Result<Vec<String>, Invalid> {
    // The caller adds the name of the option.
    let words = Words::load("data set", text, &mut Vec::new())?;
    let entry =
        |(key, value): (&str, &str)| if value.is_empty() { key.to_owned() } else { format!("{key}={value}") };
    Ok(words.iter().map(entry).collect())
}

/// The entries of a data set of keys alone.
pub(crate) fn names(text: &str) -> Result<Vec<String>, Invalid> {
    let entries = data_set(text)?;
    match entries.iter().find_map(|entry| entry.split_once('=')) {
        Some((name, value)) => Err(format!("{text}: {name:?} has a value, {value:?}: write one name a line")),
        None => Ok(entries),
    }
}

/// `inet:8891@localhost`, `inet6:8891@[::1]`, `local:/run/x.sock`, `unix:…`, or a path alone.
pub(crate) fn socket(text: &str) -> Result<Socket, Invalid> {
    let help = || format!("{text:?}: use inet:PORT@HOST, inet6:PORT@HOST or local:/PATH");
    if text.starts_with('/') {
        return Ok(Socket::Unix(PathBuf::from(text)));
    }
    let (family, rest) = text.split_once(':').ok_or_else(help)?;
    match family.to_ascii_lowercase().as_str() {
        "local" | "unix" if !rest.is_empty() => Ok(Socket::Unix(PathBuf::from(rest))),
        "inet" | "inet6" => {
            let (port, host) = rest.split_once('@').unwrap_or((rest, ""));
            let host = host.trim_start_matches('[').trim_end_matches(']');
            let is_6 = family.eq_ignore_ascii_case("inet6");
            let host = match host {
                "" if is_6 => "::",
                "" => "0.0.0.0",
                // The name has addresses of both families, of which the resolver prefers ::1; main.cf says 127.0.0.1.
                "localhost" if is_6 => "::1",
                "localhost" => "127.0.0.1",
                host => host,
            };
            Ok(Socket::Inet(host.to_owned(), port.parse().map_err(|_| help())?))
        }
        _ => Err(help()),
    }
}

/// `relaxed/simple`; a single word is for the header, and the body is simple (RFC 6376 §3.5).
pub(crate) fn canonicalization(text: &str) -> Result<(Canonicalization, Canonicalization), Invalid> {
    let (header, body) = text.split_once('/').unwrap_or((text, "simple"));
    let read = |name: &str| {
        Canonicalization::from_name(name.trim().to_ascii_lowercase().as_bytes())
            .ok_or_else(|| format!("{text:?}: use simple or relaxed, as in relaxed/simple"))
    };
    Ok((read(header)?, read(body)?))
}

pub(crate) fn action(text: &str) -> Result<Action, Invalid> {
    const WORDS: [(&str, Action); 8] = [
        ("accept", Action::Accept),
        ("a", Action::Accept),
        ("discard", Action::Discard),
        ("quarantine", Action::Quarantine),
        ("reject", Action::Reject),
        ("r", Action::Reject),
        ("tempfail", Action::TempFail),
        ("t", Action::TempFail),
    ];
    let known = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, action)| *action);
    known.ok_or_else(|| format!("{text:?}: use accept, discard, quarantine, reject or tempfail"))
}

/// The software named in a field, as the old daemons did.
pub(crate) fn software(field: &str) -> Option<(&'static str, String)> {
    const NAMES: [(&str, &str); 3] = [
        ("DKIM-Filter", "OpenDKIM Filter v2.11.0"),
        ("DMARC-Filter", "OpenDMARC Filter v1.4.2"),
        ("ARC-Filter", "OpenARC Filter v1.3.0"),
    ];
    let (name, software) = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(field))?;
    Some((name, format!("{software} (waxseald {})", env!("CARGO_PKG_VERSION"))))
}

/// `{auth_type}`, or `daemon_name=ORIGINATING|OTHER`.
pub(crate) fn macro_value(word: &str) -> (String, Vec<String>) {
    let (name, values) = word.split_once('=').unwrap_or((word, ""));
    let values = values.split('|').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    (name.to_owned(), values)
}

/// When SPF rejects, in the words of policyd-spf or of waxseald.toml.
pub(crate) fn reject(text: &str) -> Result<Reject, Invalid> {
    const WORDS: [(&str, Reject); 8] = [
        ("SPF_Not_Pass", Reject::NotPass),
        ("not_pass", Reject::NotPass),
        ("Softfail", Reject::SoftFail),
        ("Fail", Reject::Fail),
        ("Null", Reject::Null),
        ("False", Reject::Never),
        ("never", Reject::Never),
        ("No_Check", Reject::NoCheck),
    ];
    let known = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, reject)| *reject);
    known.ok_or_else(|| format!("{text:?}: use SPF_Not_Pass, Softfail, Fail, Null, False or No_Check"))
}

/// How Authentication-Results are written.
pub(crate) fn results_style(text: &str) -> Result<ResultsStyle, Invalid> {
    match text {
        "folded" => Ok(ResultsStyle::Folded),
        "opendkim" => Ok(ResultsStyle::OpenDkim),
        "policyd_spf" => Ok(ResultsStyle::PolicydSpf),
        _ => Err(format!("{text:?}: use folded, opendkim or policyd_spf")),
    }
}

/// What becomes of mail whose author is not one of the login's.
pub(crate) fn login_action(text: &str) -> Result<LoginAction, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "warn" => Ok(LoginAction::Warn),
        "unsigned" => Ok(LoginAction::Unsigned),
        "refuse" | "reject" => Ok(LoginAction::Refuse),
        _ => Err(format!("{text:?}: use warn, unsigned or refuse")),
    }
}

pub(crate) fn publish_check(text: &str) -> Result<PublishCheck, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "off" | "no" | "false" => Ok(PublishCheck::Off),
        "warn" => Ok(PublishCheck::Warn),
        "require" | "yes" | "true" => Ok(PublishCheck::Require),
        "strict" => Ok(PublishCheck::Strict),
        _ => Err(format!("{text:?}: use off, warn, require or strict")),
    }
}

pub(crate) fn header_rules(text: &str) -> Result<HeaderRules, Invalid> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Ok(HeaderRules::Off),
        "leave" => Ok(HeaderRules::Leave),
        "refuse" => Ok(HeaderRules::Refuse),
        "refuse_without_author" => Ok(HeaderRules::RefuseWithoutAuthor),
        _ => Err(format!("{text:?}: use off, leave, refuse or refuse_without_author")),
    }
}

pub(crate) fn atps_hash(text: &str) -> Result<AtpsHash, Invalid> {
    AtpsHash::from_name(text).ok_or_else(|| format!("{text:?}: use sha256 or none"))
}

/// `smtp://HOST:PORT`, or a command for the shell.
pub(crate) fn delivery(text: &str) -> Delivery {
    match text.strip_prefix("smtp://") {
        Some(place) => {
            let place = place.trim_end_matches('/');
            let has_port = place.rsplit(':').next().is_some_and(|port| port.parse::<u16>().is_ok());
            Delivery::Smtp(if has_port { place.to_owned() } else { format!("{place}:25") })
        }
        None => Delivery::Command(text.to_owned()),
    }
}

/// `127.0.0.1@5354`, as libunbound writes servers, and the usual forms.
pub(crate) fn server(text: &str) -> Result<SocketAddr, Invalid> {
    let (address, port) = text.split_once('@').unwrap_or((text, ""));
    if !port.is_empty() {
        let (ip, port) = (address.parse().ok(), port.parse().ok());
        let both = ip.zip(port).map(|(ip, port): (std::net::IpAddr, u16)| SocketAddr::new(ip, port));
        return both.ok_or_else(|| format!("{text:?}: use ADDRESS or ADDRESS@PORT"));
    }
    waxseal::resolver::parse_server(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boolean_is_its_first_letter() {
        assert_eq!(boolean("Yup"), Ok(true));
        assert_eq!(boolean("false"), Ok(false));
        assert_eq!(boolean("maybe"), Err("\"maybe\": use yes or no".to_owned()));
    }

    #[test]
    fn sockets_of_all_kinds() {
        for (text, read) in [
            ("inet:8891@localhost", "inet:8891@127.0.0.1"),
            ("inet6:8891@localhost", "inet:8891@::1"),
            ("inet:8891", "inet:8891@0.0.0.0"),
            ("inet6:8891@[::1]", "inet:8891@::1"),
            ("local:/run/opendkim/opendkim.sock", "local:/run/opendkim/opendkim.sock"),
            ("/run/o.sock", "local:/run/o.sock"),
        ] {
            assert_eq!(socket(text).unwrap().to_string(), read, "{text}");
        }
        for text in ["8891@localhost", "inet:milter@localhost", "local:", "inet:70000@localhost"] {
            assert!(socket(text).unwrap_err().contains("use inet:PORT@HOST"), "{text}");
        }
    }

    #[test]
    fn a_data_set_is_read_where_words_may_stand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("names");
        std::fs::write(&path, "# ours\nFrom\n\ndaemon_name MSA\n").unwrap();
        let named = format!("file:{}", path.display());
        assert!(is_data_set(&named) && !is_data_set("From,To") && !is_data_set("a:b"));
        assert_eq!(data_set(&named).unwrap(), ["From", "daemon_name=MSA"]);
        assert_eq!(data_set("csl:a, b").unwrap(), ["a", "b"]);
        assert!(data_set("file:/nowhere").unwrap_err().contains("/nowhere could not be read"));
        assert!(data_set("ldap://x").unwrap_err().contains("is not read"));
    }

    #[test]
    fn servers_with_an_at_sign() {
        assert_eq!(server("127.0.0.1@5354").unwrap().to_string(), "127.0.0.1:5354");
        assert_eq!(server("::1@53").unwrap().to_string(), "[::1]:53");
        assert!(server("localhost@53").unwrap_err().contains("use ADDRESS or ADDRESS@PORT"));
    }

    #[test]
    fn masks_are_octal_and_lists_take_commas() {
        assert_eq!(umask("007"), Ok(7));
        assert!(umask("9").is_err() && umask("7777").is_err());
        assert_eq!(words("a.example, b.example,c"), ["a.example", "b.example", "c"]);
        let relaxed = canonicalization("Relaxed").unwrap();
        assert_eq!((relaxed.0.as_str(), relaxed.1.as_str()), ("relaxed", "simple"));
    }
}
