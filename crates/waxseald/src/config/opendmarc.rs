//! Reads an existing opendmarc.conf.

use super::{
    given::Given,
    lines::Line,
    mistakes::Mistakes,
    options::{Handling, Handling::*, Options},
    value,
};
use crate::settings::{
    DmarcSettings, FilterSettings, HeaderRules, Kind, ReportSettings, Service, Settings, TrustSettings,
};
use std::path::PathBuf;
use waxseal::authres::ResultsStyle;

const SUPERVISED: Handling = Needless("the service manager restarts a service");

pub(super) const OPTIONS: Options = &[
    ("AuthservID", Acts),
    ("AuthservIDWithJobID", Acts),
    ("AutoRestart", SUPERVISED),
    ("AutoRestartCount", SUPERVISED),
    ("AutoRestartRate", SUPERVISED),
    ("Background", Needless("the process stays where it was started, as service managers want it")),
    ("BaseDirectory", Acts),
    ("ChangeRootDirectory", Acts),
    ("CopyFailuresTo", Acts),
    ("DNSTimeout", Acts),
    ("DomainWhitelist", Acts),
    ("DomainWhitelistFile", Acts),
    ("DomainWhitelistSize", Needless("a list has no fixed size")),
    ("EnableCoredumps", Missing("core files are the business of the service manager")),
    ("FailureReports", Acts),
    ("FailureReportsBcc", Acts),
    ("FailureReportsOnNone", Acts),
    ("FailureReportsSentBy", Acts),
    ("HistoryFile", Acts),
    ("HoldQuarantinedMessages", Acts),
    ("IgnoreAuthenticatedClients", Acts),
    ("IgnoreHosts", Acts),
    ("IgnoreMailFrom", Acts),
    ("IgnoreMailTo", Acts),
    ("MilterDebug", Needless("the protocol has no library of its own to debug")),
    ("OverrideDomains", Acts),
    ("OverrideHosts", Acts),
    ("PidFile", Acts),
    ("PublicSuffixList", Needless("RFC 9989 finds the organizational domain in DNS")),
    ("RecordAllMessages", Acts),
    ("RejectFailures", Acts),
    ("RejectMultiValueFrom", Acts),
    ("RejectString", Acts),
    ("ReportCommand", Acts),
    ("ReportSpool", Acts),
    ("RequiredHeaders", Acts),
    ("SPFIgnoreResults", Acts),
    ("SPFSelfValidate", Acts),
    ("Socket", Acts),
    ("SoftwareHeader", Acts),
    ("Syslog", Acts),
    ("SyslogFacility", Acts),
    ("SyslogName", Acts),
    ("TemporaryDirectory", Needless("there are no temporary files")),
    ("TestDNSData", Missing("use a resolver of your own")),
    ("TrustedAuthservIDs", Acts),
    ("UMask", Acts),
    ("UserID", Acts),
];

/// Reads the lines of a file into settings of one service.
pub(super) fn read(lines: &[Line], settings: &mut Settings, mistakes: &mut Mistakes) {
    let given = Given::new(OPTIONS, lines, &mut settings.warnings, mistakes);
    given.process("opendmarc", settings, mistakes);
    given.dns(settings, mistakes);
    let filter = FilterSettings {
        authserv_id: given.text("AuthservID").unwrap_or_else(|| "HOSTNAME".to_owned()),
        with_job_id: given.boolean("AuthservIDWithJobID", false, mistakes),
        // The filters before this one have written some, and removed those of others.
        keep_results: true,
        style: ResultsStyle::OpenDkim,
        software: given
            .boolean("SoftwareHeader", false, mistakes)
            .then(|| value::software("DMARC-Filter"))
            .flatten(),
        max_header: 262_144,
        dmarc: Some(dmarc(&given, mistakes)),
        reports: reports(&given, mistakes),
        header_rules: match given.boolean("RequiredHeaders", false, mistakes) {
            true => HeaderRules::RefuseWithoutAuthor,
            false => HeaderRules::Off,
        },
        ..FilterSettings::default()
    };
    let Some(socket) = given.read("Socket", value::socket, mistakes) else {
        mistakes.0.push("opendmarc.conf: no Socket; for example: Socket inet:8893@127.0.0.1".to_owned());
        return;
    };
    let kind = Kind::Milter(Box::new(filter));
    settings.services.push(Service { name: "opendmarc".to_owned(), sockets: vec![socket], kind });
}

fn dmarc(given: &Given<'_>, mistakes: &mut Mistakes) -> DmarcSettings {
    let mut trusted_sealers = given.words("DomainWhitelist");
    trusted_sealers.extend(given.text("DomainWhitelistFile"));
    DmarcSettings {
        reject: given.boolean("RejectFailures", false, mistakes),
        hold: given.boolean("HoldQuarantinedMessages", false, mistakes),
        ignore_hosts: given.text("IgnoreHosts"),
        ignore_authenticated: given.boolean("IgnoreAuthenticatedClients", false, mistakes),
        ignore_domains: given.words("IgnoreMailFrom"),
        several_authors_rejected: given.boolean("RejectMultiValueFrom", false, mistakes),
        trusted_sealers,
        override_hosts: given.text("OverrideHosts"),
        override_domains: given.text("OverrideDomains"),
        trust: trust(given, mistakes),
        history: given.text("HistoryFile").map(PathBuf::from),
        records_all: given.boolean("RecordAllMessages", false, mistakes),
        unrecorded_recipients: given.words("IgnoreMailTo"),
        reject_text: given.text("RejectString"),
        copy_to: given.text("CopyFailuresTo"),
    }
}

/// Results of other programs count where the file names whose: everything is checked here otherwise. Received-SPF, which anybody
/// can write, counts where `SPFIgnoreResults false` says that it does.
fn trust(given: &Given<'_>, mistakes: &mut Mistakes) -> TrustSettings {
    let ignores_spf = given.read("SPFIgnoreResults", value::boolean, mistakes);
    let ids = given.words("TrustedAuthservIDs");
    let self_validate = given.read("SPFSelfValidate", value::boolean, mistakes);
    let received_spf = ignores_spf == Some(false);
    if ids.is_empty() && !received_spf {
        return TrustSettings::default();
    }
    TrustSettings { ids, received_spf, ignores_spf: ignores_spf == Some(true), self_validate }
}

fn reports(given: &Given<'_>, mistakes: &mut Mistakes) -> ReportSettings {
    let on_none = given.boolean("FailureReportsOnNone", false, mistakes);
    if !given.boolean("FailureReports", false, mistakes) {
        return ReportSettings::default();
    }
    ReportSettings {
        dkim: false,
        dmarc: true,
        on_none,
        from: given.text("FailureReportsSentBy"),
        bcc: given.words("FailureReportsBcc"),
        delivery: given.text("ReportCommand").map(|command| value::delivery(&command)).unwrap_or_default(),
        spool: given.text("ReportSpool").map(PathBuf::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lines;
    use std::path::Path;

    #[test]
    fn a_file_is_read_and_what_does_not_act_is_said() {
        let text = "AuthservID mx.example.org\nRejectFailures true\nHistoryFile /run/opendmarc.dat\nUserID opendmarc\n\
            Socket inet:8893@localhost\nPublicSuffixList /usr/share/publicsuffix\nIgnoreHosts /etc/hosts.dmarc\n";
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        read(&lines::parse(Path::new("opendmarc.conf"), text), &mut settings, &mut mistakes);
        assert_eq!(mistakes.0, Vec::<String>::new());
        assert_eq!(settings.warnings, Vec::<String>::new());
        let Kind::Milter(filter) = &settings.services[0].kind else { panic!("no milter") };
        let dmarc = filter.dmarc.as_ref().unwrap();
        assert!(dmarc.reject && !dmarc.hold && filter.keep_results);
        assert_eq!(dmarc.ignore_hosts.as_deref(), Some("/etc/hosts.dmarc"));
        assert_eq!(dmarc.history, Some(PathBuf::from("/run/opendmarc.dat")));
        assert!(dmarc.trust.ids.is_empty() && !filter.reports.dmarc);
    }

    fn parse(text: &str) -> FilterSettings {
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        let text = format!("{text}Socket inet:8893@localhost\n");
        read(&lines::parse(Path::new("opendmarc.conf"), &text), &mut settings, &mut mistakes);
        assert_eq!((mistakes.0, settings.warnings), (Vec::new(), Vec::new()));
        let Kind::Milter(filter) = settings.services.remove(0).kind else { panic!("no milter") };
        *filter
    }

    #[test]
    fn other_programs_are_trusted_where_the_file_names_them() {
        let trust = |text: &str| parse(text).dmarc.unwrap().trust;
        let nobody = trust("SPFSelfValidate true\nSPFIgnoreResults true\n");
        assert!(nobody.ids.is_empty() && !nobody.received_spf);
        let named = trust("TrustedAuthservIDs HOSTNAME, border.example\nSPFSelfValidate true\n");
        assert_eq!(named.ids, ["HOSTNAME", "border.example"]);
        assert!(!named.ignores_spf && named.self_validate == Some(true) && !named.received_spf);
        let received = trust("SPFIgnoreResults false\n");
        assert!(received.received_spf && received.ids.is_empty());
    }

    #[test]
    fn failure_reports_go_where_the_file_says() {
        let text = "FailureReports true\nFailureReportsBcc a@mx.example,b@mx.example\nReportCommand smtp://mx.example\n\
            FailureReportsSentBy dmarc@mx.example\nRequiredHeaders true\n";
        let filter = parse(text);
        let reports = filter.reports;
        assert_eq!(reports.delivery, crate::settings::Delivery::Smtp("mx.example:25".to_owned()));
        assert_eq!((reports.bcc.len(), reports.from.as_deref()), (2, Some("dmarc@mx.example")));
        assert!(reports.dmarc && !reports.dkim && !reports.on_none);
        assert_eq!(filter.header_rules, HeaderRules::RefuseWithoutAuthor);
    }
}
