//! opendmarc.conf, as it is.

use super::{
    given::Given,
    lines::Line,
    mistakes::Mistakes,
    options::{Handling, Handling::*, Options},
    value,
};
use crate::settings::{DmarcSettings, FilterSettings, Kind, Service, Settings};
use std::fs;
use waxseal::authres::ResultsStyle;

const REPORTS: Handling = Missing("failure reports are not sent");
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
    ("CopyFailuresTo", Missing("mail that fails is not copied")),
    ("DNSTimeout", Acts),
    ("DomainWhitelist", Acts),
    ("DomainWhitelistFile", Acts),
    ("DomainWhitelistSize", Needless("a list has no fixed size")),
    ("EnableCoredumps", Missing("core files are the business of the service manager")),
    ("FailureReports", REPORTS),
    ("FailureReportsBcc", REPORTS),
    ("FailureReportsOnNone", REPORTS),
    ("FailureReportsSentBy", REPORTS),
    ("HistoryFile", Missing("no records for aggregate reports are written")),
    ("HoldQuarantinedMessages", Acts),
    ("IgnoreAuthenticatedClients", Acts),
    ("IgnoreHosts", Acts),
    ("IgnoreMailFrom", Acts),
    ("MilterDebug", Needless("the protocol has no library of its own to debug")),
    ("PidFile", Acts),
    ("PublicSuffixList", Needless("RFC 9989 finds the organizational domain in DNS")),
    ("RecordAllMessages", Missing("no records for aggregate reports are written")),
    ("RejectFailures", Acts),
    ("RejectMultiValueFrom", Acts),
    ("ReportCommand", REPORTS),
    (
        "RequiredHeaders",
        Missing("mail that lacks fields of RFC 5322 is not rejected; without a clear author DMARC fails"),
    ),
    ("SPFIgnoreResults", Needless("SPF is checked here")),
    ("SPFSelfValidate", Needless("SPF is checked here")),
    ("Socket", Acts),
    ("SoftwareHeader", Acts),
    ("Syslog", Acts),
    ("SyslogFacility", Acts),
    ("SyslogName", Acts),
    ("TemporaryDirectory", Needless("there are no temporary files")),
    ("TestDNSData", Missing("use a resolver of your own")),
    ("TrustedAuthservIDs", Needless("SPF and DKIM are checked here, no field is believed")),
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
    if let Some(path) = given.text("DomainWhitelistFile") {
        match fs::read_to_string(&path) {
            Ok(text) => {
                let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
                trusted_sealers.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
            }
            Err(error) => mistakes.0.push(format!("DomainWhitelistFile: {path}: {error}")),
        }
    }
    DmarcSettings {
        reject: given.boolean("RejectFailures", false, mistakes),
        hold: given.boolean("HoldQuarantinedMessages", false, mistakes),
        ignore_hosts: given.text("IgnoreHosts"),
        ignore_authenticated: given.boolean("IgnoreAuthenticatedClients", false, mistakes),
        ignore_domains: given.words("IgnoreMailFrom"),
        several_authors_rejected: given.boolean("RejectMultiValueFrom", false, mistakes),
        trusted_sealers,
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
        let warning =
            "opendmarc.conf:3: HistoryFile: does not act yet: no records for aggregate reports are written";
        assert_eq!(settings.warnings, [warning]);
        let Kind::Milter(filter) = &settings.services[0].kind else { panic!("no milter") };
        let dmarc = filter.dmarc.as_ref().unwrap();
        assert!(dmarc.reject && !dmarc.hold && filter.keep_results);
        assert_eq!(dmarc.ignore_hosts.as_deref(), Some("/etc/hosts.dmarc"));
    }
}
