//! Reads an existing opendkim.conf.

use super::{given::Given, lines::Line, mistakes::Mistakes, opendkim_options::OPTIONS, value};
use crate::settings::{
    Action, Actions, FieldChanges, FilterSettings, HeaderRules, KeySettings, Kind, ReportSettings, Service,
    Settings, SignSettings, VerifySettings,
};
use std::{path::PathBuf, time::Duration};
use waxseal::{authres::ResultsStyle, dkim::Canonicalization};

/// Reads the lines of a file into settings of one service.
pub(crate) fn read(lines: &[Line], settings: &mut Settings, mistakes: &mut Mistakes) {
    let given = Given::new(OPTIONS, lines, &mut settings.warnings, mistakes);
    given.process("opendkim", settings, mistakes);
    given.dns(settings, mistakes);
    let filter = filter(&given, &mut settings.warnings, mistakes);
    let Some(socket) = given.read("Socket", value::socket, mistakes) else {
        mistakes.0.push("opendkim.conf: no Socket; for example: Socket inet:8891@127.0.0.1".to_owned());
        return;
    };
    settings.services.push(Service {
        name: "opendkim".to_owned(),
        sockets: vec![socket],
        kind: Kind::Milter(Box::new(filter)),
    });
}

fn filter(given: &Given<'_>, warnings: &mut Vec<String>, mistakes: &mut Mistakes) -> FilterSettings {
    let mode = given.text("Mode").unwrap_or_else(|| "sv".to_owned()).to_ascii_lowercase();
    if mode.is_empty() || mode.contains(|c| c != 's' && c != 'v') {
        mistakes.0.push(format!("Mode: {mode:?}: use s, v or sv"));
    }
    let sign = mode.contains('s').then(|| sign(given, warnings, mistakes)).flatten();
    FilterSettings {
        authserv_id: given.text("AuthservID").unwrap_or_else(|| "HOSTNAME".to_owned()),
        with_job_id: given.boolean("AuthservIDWithJobID", false, mistakes),
        remove_from: given.set("RemoveARFrom", mistakes),
        remove_all: given.boolean("RemoveARAll", false, mistakes),
        keep_results: given.boolean("KeepAuthResults", false, mistakes),
        style: ResultsStyle::OpenDkim,
        software: given
            .boolean("SoftwareHeader", false, mistakes)
            .then(|| value::software("DKIM-Filter"))
            .flatten(),
        peers: given.text("PeerList"),
        max_header: given.read("MaximumHeaders", value::number, mistakes).unwrap_or(65_536),
        sign,
        verify: mode.contains('v').then(|| verify(given, mistakes)),
        actions: actions(given, mistakes),
        reports: reports(given, mistakes),
        header_rules: header_rules(given, mistakes),
        fix_line_ends: given.boolean("FixCRLF", false, mistakes),
        dmarc: None,
        arc: None,
        iprev: false,
    }
}

fn header_rules(given: &Given<'_>, mistakes: &mut Mistakes) -> HeaderRules {
    let ignores = given.boolean("IgnoreMalformedMail", false, mistakes);
    let required = given.boolean("RequiredHeaders", false, mistakes);
    let strict = given.boolean("StrictHeaders", false, mistakes);
    match (required, strict) {
        (true, _) if !ignores => HeaderRules::Refuse,
        (false, false) => HeaderRules::Off,
        _ => HeaderRules::Leave,
    }
}

/// Failure reports of signatures that ask for them.
fn reports(given: &Given<'_>, mistakes: &mut Mistakes) -> ReportSettings {
    let dkim = given.boolean("SendReports", false, mistakes);
    if !dkim {
        return ReportSettings::default();
    }
    let command = given.text("MTACommand").map(|command| format!("{command} -t -f ''"));
    let delivery = given.text("SMTPURI").or(command).map(|place| value::delivery(&place));
    ReportSettings {
        dkim,
        from: given.text("ReportAddress"),
        bcc: given.words("ReportBccAddress"),
        delivery: delivery.unwrap_or_default(),
        spool: given.text("ReportSpool").map(PathBuf::from),
        ..ReportSettings::default()
    }
}

fn actions(given: &Given<'_>, mistakes: &mut Mistakes) -> Actions {
    let quarantines = given.boolean("Quarantine", false, mistakes);
    let default = given.read("On-Default", value::action, mistakes);
    let mut read = |name, built_in| given.read(name, value::action, mistakes).or(default).unwrap_or(built_in);
    let mut built_in = Actions::default();
    if quarantines {
        built_in.bad_signature = Action::Quarantine;
    }
    Actions {
        bad_signature: read("On-BadSignature", built_in.bad_signature),
        no_signature: read("On-NoSignature", built_in.no_signature),
        key_not_found: read("On-KeyNotFound", built_in.key_not_found),
        dns_error: read("On-DNSError", built_in.dns_error),
        internal_error: read("On-InternalError", built_in.internal_error),
        security: read("On-Security", built_in.security),
        signature_error: read("On-SignatureError", built_in.signature_error),
    }
}

/// The key decides; an old file may name what is no longer made.
fn check_algorithm(given: &Given<'_>, warnings: &mut Vec<String>, mistakes: &mut Mistakes) {
    let Some(algorithm) = given.text("SignatureAlgorithm") else { return };
    if ["rsa-sha256", "ed25519-sha256"].contains(&algorithm.to_ascii_lowercase().as_str()) {
        return;
    }
    let text =
        format!("SignatureAlgorithm: {algorithm:?}: rsa-sha256 and ed25519-sha256 are made, as the key is");
    if algorithm.eq_ignore_ascii_case("rsa-sha1") { warnings.push(text) } else { mistakes.0.push(text) }
}

fn sign(given: &Given<'_>, warnings: &mut Vec<String>, mistakes: &mut Mistakes) -> Option<SignSettings> {
    check_algorithm(given, warnings, mistakes);
    let simple = (Canonicalization::Simple, Canonicalization::Simple);
    let lifetime: Option<Duration> = given.read("SignatureTTL", value::seconds, mistakes);
    Some(SignSettings {
        keys: keys(given, warnings, mistakes)?,
        internal: given.text("InternalHosts"),
        external_ignore: given.text("ExternalIgnoreList"),
        exempt_domains: given.text("ExemptDomains"),
        not_to: given.text("DontSignMailTo"),
        mtas: given.set("MTA", mistakes),
        macros: given.set("MacroList", mistakes).iter().map(|word| value::macro_value(word)).collect(),
        sender_fields: given.set("SenderHeaders", mistakes),
        canonicalization: given.read("Canonicalization", value::canonicalization, mistakes).unwrap_or(simple),
        fields: fields(given, mistakes),
        oversigned: if given.has("OversignHeaders") {
            given.set("OversignHeaders", mistakes)
        } else {
            vec!["From".to_owned()]
        },
        lifetime: lifetime.filter(|lifetime| !lifetime.is_zero()),
        body_length: false,
        copied_fields: given.boolean("Diagnostics", false, mistakes),
        request_reports: given.boolean("RequestReports", false, mistakes),
        remove_old: given.boolean("RemoveOldSignatures", false, mistakes),
        all_matches: given.boolean("MultipleSignatures", false, mistakes),
        min_rsa_bits: given.read("MinimumKeyBits", value::number, mistakes).unwrap_or(1024),
        safe_keys: given.boolean("RequireSafeKeys", true, mistakes),
        logins: given.text("SenderLogins"),
        login_action: given.read("SenderLoginsAction", value::login_action, mistakes).unwrap_or_default(),
        publish_check: given.read("PublishCheck", value::publish_check, mistakes).unwrap_or_default(),
        atps: given.text("ATPSDomains"),
        atps_hash: given.read("ATPSHashAlgorithm", value::atps_hash, mistakes).unwrap_or_default(),
    })
}

fn keys(given: &Given<'_>, warnings: &mut Vec<String>, mistakes: &mut Mistakes) -> Option<KeySettings> {
    match (given.text("KeyTable"), given.text("SigningTable")) {
        (Some(keys), Some(signing)) => {
            if given.has("KeyFile") {
                warnings.push("KeyFile: not used, as KeyTable is set".to_owned());
            }
            Some(KeySettings::Tables { keys, signing })
        }
        (None, Some(_)) => {
            mistakes.0.push("SigningTable: needs KeyTable".to_owned());
            None
        }
        (Some(_), None) => {
            mistakes.0.push("KeyTable: needs SigningTable".to_owned());
            None
        }
        (None, None) => one_key(given, mistakes),
    }
}

fn one_key(given: &Given<'_>, mistakes: &mut Mistakes) -> Option<KeySettings> {
    let domains = given.set("Domain", mistakes);
    let missing = [("Domain", domains.is_empty()), ("Selector", given.text("Selector").is_none())];
    for (name, _) in missing.iter().filter(|(_, is_missing)| *is_missing) {
        mistakes.0.push(format!("{name}: needed to sign (Mode s), or KeyTable and SigningTable"));
    }
    let Some(file) = given.text("KeyFile") else {
        mistakes.0.push("KeyFile: needed to sign (Mode s), or KeyTable and SigningTable".to_owned());
        return None;
    };
    let selector = given.text("Selector")?;
    let subdomains = given.boolean("SubDomains", false, mistakes);
    Some(KeySettings::One { domains, selector, file: file.into(), subdomains })
}

fn fields(given: &Given<'_>, mistakes: &mut Mistakes) -> FieldChanges {
    let mut changes = FieldChanges::from_words(given.set("SignHeaders", mistakes));
    for word in given.set("OmitHeaders", mistakes) {
        match word.split_at_checked(1) {
            Some(("+" | "-", name)) => changes.omitted.push(name.to_owned()),
            _ if word == "*" => {}
            _ => changes.omitted.push(word),
        }
    }
    changes
}

fn verify(given: &Given<'_>, mistakes: &mut Mistakes) -> VerifySettings {
    VerifySettings {
        always_add: given.boolean("AlwaysAddARHeader", false, mistakes),
        with_header_b: !given.boolean("NoHeaderB", false, mistakes),
        max_signatures: given.read("MaximumSignaturesToVerify", value::number, mistakes).unwrap_or(3),
        min_rsa_bits: given.read("MinimumKeyBits", value::number, mistakes).unwrap_or(1024),
        clock_drift: given.read("ClockDrift", value::seconds, mistakes).unwrap_or(Duration::from_secs(300)),
        must_be_signed: given.set("MustBeSigned", mistakes),
        neutral_atps: true,
        redirect_to: given.text("RedirectFailuresTo"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::lines, settings::Socket};
    use std::path::Path;

    fn parse(text: &str) -> (Settings, Mistakes) {
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        read(&lines::parse(Path::new("opendkim.conf"), text), &mut settings, &mut mistakes);
        (settings, mistakes)
    }

    fn milter(settings: &Settings) -> &FilterSettings {
        let Kind::Milter(filter) = &settings.services[0].kind else { panic!("no milter") };
        filter
    }

    /// Debian 12's file, with the lines that its comments recommend.
    const DEBIAN: &str = "Syslog yes\nSyslogSuccess yes\n#LogWhy no\nCanonicalization relaxed/simple\n\
        #Mode sv\nDomain example.com\nSelector 2020\nKeyFile /etc/dkimkeys/example.private\nOversignHeaders From\n\
        UserID opendkim\nUMask 007\nSocket local:/run/opendkim/opendkim.sock\nPidFile /run/opendkim/opendkim.pid\n\
        TrustAnchorFile /usr/share/dns/root.key\n";

    #[test]
    fn the_file_of_debian_is_read_without_a_mistake() {
        let (settings, mistakes) = parse(DEBIAN);
        assert_eq!(mistakes.0, Vec::<String>::new());
        assert_eq!(settings.process.user.as_deref(), Some("opendkim"));
        assert_eq!(settings.process.umask, Some(crate::settings::Mask(0o007)));
        let filter = milter(&settings);
        assert_eq!(settings.services[0].sockets[0], Socket::Unix("/run/opendkim/opendkim.sock".into()));
        let sign = filter.sign.as_ref().unwrap();
        assert!(
            matches!(&sign.keys, KeySettings::One { domains, subdomains: false, .. } if domains == &["example.com"])
        );
        assert_eq!(sign.canonicalization, (Canonicalization::Relaxed, Canonicalization::Simple));
        assert!(filter.verify.is_some() && sign.safe_keys);
        assert_eq!(settings.warnings.len(), 1);
        assert!(
            settings.warnings[0].starts_with("opendkim.conf:14: TrustAnchorFile: does not act yet: DNSSEC")
        );
    }

    #[test]
    fn a_later_line_wins_and_names_have_any_case() {
        let (settings, mistakes) = parse("MODE v\nsocket inet:8891@localhost\nmode s\nMode v\nUmask 002\n");
        assert_eq!(mistakes.0, Vec::<String>::new());
        assert!(milter(&settings).sign.is_none());
        assert_eq!(settings.process.umask, Some(crate::settings::Mask(2)));
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_at_once() {
        let (_, mistakes) = parse("Mode sv\nSoket inet:8891@localhost\nSyslog maybe\n");
        assert_eq!(
            mistakes.0,
            [
                "opendkim.conf:2: Soket: unknown option; did you mean Socket?",
                "opendkim.conf:3: Syslog: \"maybe\": use yes or no",
                "Domain: needed to sign (Mode s), or KeyTable and SigningTable",
                "Selector: needed to sign (Mode s), or KeyTable and SigningTable",
                "KeyFile: needed to sign (Mode s), or KeyTable and SigningTable",
                "opendkim.conf: no Socket; for example: Socket inet:8891@127.0.0.1",
            ]
        );
    }

    #[test]
    fn signed_fields_are_changed_or_listed() {
        let (settings, _) = parse(&format!("{DEBIAN}SignHeaders *,+autocrypt,-date\nOmitHeaders Cc\n"));
        let changes = milter(&settings).sign.as_ref().unwrap().fields.clone();
        assert_eq!(
            changes,
            FieldChanges {
                only: None,
                added: vec!["autocrypt".to_owned()],
                omitted: vec!["date".to_owned(), "Cc".to_owned()]
            }
        );
    }

    #[test]
    fn each_option_is_listed_once() {
        let mut names: Vec<_> = OPTIONS.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort();
        let length = names.len();
        names.dedup();
        assert_eq!(names.len(), length);
    }
}
