//! main.cf of Postfix, beside what the daemon is to do.

use super::findings::Findings;
use crate::settings::{Settings, Socket};
use std::collections::BTreeMap;

/// The parameters that a file sets.
#[derive(Debug, Default)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Reads `name = value`; a line that begins with a blank goes on with the one before, a later line wins.
    pub(super) fn parse(text: &str) -> Self {
        let (mut values, mut last) = (BTreeMap::<String, String>::new(), None::<String>);
        let lines =
            text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        for line in lines {
            if line.starts_with([' ', '\t']) {
                if let Some(value) = last.as_ref().and_then(|name| values.get_mut(name)) {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            } else if let Some((name, value)) = line.split_once('=') {
                values.insert(name.trim().to_owned(), value.trim().to_owned());
                last = Some(name.trim().to_owned());
            }
        }
        Self(values)
    }

    /// The value of a parameter with the values of others in it; `None` where the file does not set it.
    fn get(&self, name: &str) -> Option<String> {
        /// Postfix stops at a circular reference, too.
        const DEPTH: usize = 8;
        let mut value = self.0.get(name)?.clone();
        for _ in 0..DEPTH {
            let next = self.expanded(&value);
            if next == value {
                break;
            }
            value = next;
        }
        Some(value)
    }

    fn expanded(&self, value: &str) -> String {
        let mut parts = value.split('$');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let part = part.trim_start_matches(['{', '(']);
            let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
            let (name, rest) = part.split_at(end);
            text.push_str(self.0.get(name).map_or("", String::as_str));
            text.push_str(rest.trim_start_matches(['}', ')']));
        }
        text
    }

    fn is_yes(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("yes"))
    }

    /// The sockets of a list of milters.
    fn milters(&self, name: &str) -> Vec<String> {
        let text = self.get(name).unwrap_or_default();
        let words = text
            .split([' ', '\t', ',', '{', '}'])
            .filter(|word| ["inet:", "inet6:", "unix:", "local:"].iter().any(|kind| word.starts_with(kind)));
        words.map(str::to_owned).collect()
    }
}

/// Reports settings of Postfix that will cause trouble.
pub(super) fn check(parameters: &Parameters, settings: &Settings, findings: &mut Findings) {
    milters(parameters, settings, findings);
    let mut warn = |text: String| findings.warnings.push(format!("main.cf: {text}"));
    let action = parameters.get("milter_default_action").unwrap_or_else(|| "tempfail".to_owned());
    if action == "accept" && settings.rejects_failures() {
        warn(
            "milter_default_action = accept: while waxseald is down, mail is accepted that RejectFailures would reject; \
             set tempfail"
                .to_owned(),
        );
    } else if action == "accept" && settings.signs() {
        warn(
            "milter_default_action = accept: while waxseald is down, mail leaves unsigned; set tempfail"
                .to_owned(),
        );
    }
    let protocol = parameters.get("milter_protocol");
    if let Some(protocol) = protocol.filter(|protocol| protocol.parse::<u8>().is_ok_and(|number| number < 6))
    {
        findings.errors.push(format!(
            "main.cf: milter_protocol = {protocol}: blanks of fields are lost in it, and simple signatures fail; remove the line \
             or set 6"
        ));
    }
    if settings.signs() {
        signing(parameters, &mut findings.warnings);
    }
}

/// What happens to mail that is to leave signed.
fn signing(parameters: &Parameters, warnings: &mut Vec<String>) {
    let mut warn = |text: String| warnings.push(format!("main.cf: {text}"));
    if parameters.get("non_smtpd_milters").is_none_or(|list| list.is_empty()) {
        warn("non_smtpd_milters is not set: mail of this machine (cron, web pages) is not signed; set $smtpd_milters".to_owned());
    }
    let classes = parameters.get("internal_mail_filter_classes").unwrap_or_default();
    if !classes.contains("bounce") {
        warn(
            "internal_mail_filter_classes has no bounce: bounces are not signed, and DMARC fails for them"
                .to_owned(),
        );
    }
    let limit = parameters.get("smtp_line_length_limit").and_then(|limit| limit.parse::<u32>().ok());
    if let Some(limit) = limit.filter(|limit| (1..998).contains(limit)) {
        warn(format!(
            "smtp_line_length_limit = {limit}: longer lines are broken after signing, and the signature fails; remove the line"
        ));
    }
    if !parameters.is_yes("disable_mime_output_conversion") {
        warn(
            "disable_mime_output_conversion is not set: 8-bit mail to servers without 8BITMIME is converted after signing, and \
             the signature fails; set yes"
                .to_owned(),
        );
    }
    let late = [
        "smtp_header_checks",
        "smtp_mime_header_checks",
        "smtp_nested_header_checks",
        "smtp_body_checks",
        "smtp_generic_maps",
    ];
    for name in late.iter().filter(|name| parameters.get(name).is_some_and(|value| !value.is_empty())) {
        warn(format!("{name} changes mail after it was signed; what it changes must not be signed"));
    }
}

/// Which filters Postfix asks, and whether they are these.
fn milters(parameters: &Parameters, settings: &Settings, findings: &mut Findings) {
    let asked = parameters.milters("smtpd_milters");
    let queue = parameters.get("queue_directory").unwrap_or_else(|| "/var/spool/postfix".to_owned());
    for service in
        settings.services.iter().filter(|service| matches!(service.kind, crate::settings::Kind::Milter(_)))
    {
        let count = asked
            .iter()
            .filter(|asked| service.sockets.iter().any(|own| is_same(asked, own, &queue)))
            .count();
        let sockets: Vec<_> = service.sockets.iter().map(postfix_form).collect();
        let sockets = sockets.join(" ");
        if count == 0 {
            let text =
                format!("main.cf: smtpd_milters does not name {sockets}: no mail comes to {}", service.name);
            findings.errors.push(text);
        } else if count > 1 {
            findings.warnings.push(format!("main.cf: smtpd_milters names {sockets} {count} times"));
        }
    }
    let own = settings.services.iter().flat_map(|service| &service.sockets).collect::<Vec<_>>();
    for other in asked.iter().filter(|asked| !own.iter().any(|own| is_same(asked, own, &queue))) {
        findings.warnings.push(format!(
            "main.cf: smtpd_milters names {other}, which is none of these sockets: a filter there that signs or checks does the \
             same job a second time"
        ));
    }
}

/// Postfix has host and port the other way round.
fn postfix_form(socket: &Socket) -> String {
    match socket {
        Socket::Inet(host, port) => format!("inet:{host}:{port}"),
        Socket::Unix(path) => format!("unix:{}", path.display()),
    }
}

fn is_same(asked: &str, own: &Socket, queue: &str) -> bool {
    let (kind, place) = asked.split_once(':').unwrap_or(("", asked));
    match own {
        Socket::Inet(host, port) if kind.starts_with("inet") => {
            let (asked_host, asked_port) = place.rsplit_once(':').unwrap_or(("", place));
            let asked_host = asked_host.trim_matches(['[', ']']);
            // All names of this machine, and whatever listens on all addresses.
            let is_here = |host: &str| ["localhost", "127.0.0.1", "::1", "0.0.0.0", "::"].contains(&host);
            asked_port.parse() == Ok(*port)
                && (asked_host == host || is_here(asked_host) && is_here(host) || is_any(host))
        }
        Socket::Unix(path) if !kind.starts_with("inet") => {
            let path = path.display().to_string();
            // A server that runs in its queue directory names the socket from there.
            path == place
                || path
                    .strip_prefix(queue)
                    .is_some_and(|path| path.trim_matches('/') == place.trim_matches('/'))
        }
        _ => false,
    }
}

fn is_any(host: &str) -> bool {
    matches!(host, "0.0.0.0" | "::")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Files;

    fn found(main_cf: &str, toml: &str) -> (Vec<String>, Vec<String>) {
        let settings = Files::read_text(toml).unwrap();
        let mut findings = Findings::default();
        check(&Parameters::parse(main_cf), &settings, &mut findings);
        (findings.errors, findings.warnings)
    }

    const SIGNS: &str = "domain = \"example.org\"\nkey = \"/k\"\n";
    const GOOD: &str = "smtpd_milters = inet:127.0.0.1:8891\nnon_smtpd_milters = $smtpd_milters\n\
        internal_mail_filter_classes = bounce\ndisable_mime_output_conversion = yes\n";

    #[test]
    fn what_is_right_is_left_alone() {
        assert_eq!(found(GOOD, SIGNS), (Vec::new(), Vec::new()));
        // A chroot, braces, a list in lines, a comment between them, another parameter within.
        let text = format!(
            "{GOOD}sock = private/wax\nsmtpd_milters =\n# ours\n  {{ unix:${{sock}}, connect_timeout=3s }}\n"
        );
        let toml = format!("{SIGNS}listen = \"local:/var/spool/postfix/private/wax\"\n");
        assert_eq!(found(&text, &toml), (Vec::new(), Vec::new()));
        assert_eq!(found(&GOOD.replace("127.0.0.1", "localhost"), SIGNS), (Vec::new(), Vec::new()));
    }

    #[test]
    fn each_parameter_that_hurts_is_named() {
        for (line, said) in [
            ("milter_default_action = accept", "while waxseald is down, mail leaves unsigned"),
            ("non_smtpd_milters =", "non_smtpd_milters is not set: mail of this machine"),
            ("internal_mail_filter_classes =", "bounces are not signed"),
            (
                "smtp_line_length_limit = 990",
                "smtp_line_length_limit = 990: longer lines are broken after signing",
            ),
            ("disable_mime_output_conversion = no", "8-bit mail to servers without 8BITMIME is converted"),
            ("smtp_header_checks = regexp:/x", "smtp_header_checks changes mail after it was signed"),
            (
                "smtpd_milters = inet:localhost:8891, inet:localhost:8894",
                "names inet:localhost:8894, which is none",
            ),
        ] {
            let (errors, warnings) = found(&format!("{GOOD}{line}\n"), SIGNS);
            assert_eq!((errors, warnings.len()), (Vec::new(), 1), "{line}: {warnings:?}");
            assert!(warnings[0].contains(said), "{warnings:?}");
        }
    }

    #[test]
    fn what_keeps_mail_away_or_breaks_it_is_an_error() {
        let (errors, _) = found(&GOOD.replace("8891", "8892"), SIGNS);
        assert_eq!(
            errors,
            ["main.cf: smtpd_milters does not name inet:127.0.0.1:8891: no mail comes to waxseald"]
        );
        let (errors, _) = found(&format!("{GOOD}milter_protocol = 2\n"), SIGNS);
        assert!(
            errors[0].starts_with("main.cf: milter_protocol = 2: blanks of fields are lost"),
            "{errors:?}"
        );
    }

    #[test]
    fn accept_is_worse_where_dmarc_rejects() {
        let toml = "roles = [\"dmarc\"]\nreject_failures = true\n";
        let (errors, warnings) = found(&format!("{GOOD}milter_default_action = accept\n"), toml);
        assert_eq!((errors.len(), warnings.len()), (0, 1));
        assert!(
            warnings[0].contains("mail is accepted that RejectFailures would reject; set tempfail"),
            "{warnings:?}"
        );
    }
}
