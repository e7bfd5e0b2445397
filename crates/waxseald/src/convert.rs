//! `waxseald convert`: the old files as one waxseald.toml.

use crate::{
    config::{Files, unused_lines},
    daemon::DaemonError,
};

/// The text of a waxseald.toml that does the same as the files. Options without equivalent are listed in comments at the top.
pub(crate) fn run(files: &Files) -> Result<String, DaemonError> {
    let wrong = |text: String| DaemonError::Settings(text);
    let settings = files.load().map_err(|mistakes| wrong(mistakes.to_string()))?;
    let mut text = format!("# Made by waxseald convert {}\n", env!("CARGO_PKG_VERSION"));
    let notes = settings.warnings.iter().cloned().chain(unused_lines(files));
    for note in notes {
        text.push_str(&format!("# {note}\n"));
    }
    text.push('\n');
    text.push_str(&settings.to_toml());
    let again = Files::read_text(&text).map_err(|mistakes| wrong(mistakes.to_string()))?;
    if settings.is_as(&again) {
        Ok(text)
    } else {
        Err(wrong("the settings would not be the same in waxseald.toml; please report it".to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const OPENDKIM: &str = "Mode sv\nSocket local:/run/opendkim/opendkim.sock\nUMask 007\nUserID opendkim\nPidFile /run/o.pid\n\
        Syslog yes\nSyslogFacility local3\nBaseDirectory /run\nChangeRootDirectory /srv\nNameservers 127.0.0.1@5354,192.0.2.1\n\
        DNSTimeout 7\nKeyTable /etc/opendkim/KeyTable\nSigningTable refile:/etc/opendkim/SigningTable\nMultipleSignatures yes\n\
        InternalHosts refile:/etc/opendkim/TrustedHosts\nExternalIgnoreList 192.0.2.0/24\nExemptDomains a.example,b.example\n\
        DontSignMailTo *@list.example\nMTA MSA\nMacroList {auth_type},daemon_name=ORIGINATING|OTHER\nSenderHeaders Sender,From\n\
        Canonicalization relaxed/simple\nSignHeaders *,+autocrypt,-date\nOmitHeaders Cc\nOversignHeaders From,To\nSignatureTTL 600\n\
        Diagnostics yes\nRequestReports yes\nRemoveOldSignatures yes\nMinimumKeyBits 2048\nRequireSafeKeys no\nAuthservID mx\n\
        AuthservIDWithJobID yes\nRemoveARFrom a,b\nRemoveARAll yes\nKeepAuthResults yes\nSoftwareHeader yes\nPeerList 192.0.2.9\n\
        MaximumHeaders 9999\nAlwaysAddARHeader yes\nNoHeaderB yes\nMaximumSignaturesToVerify 5\nClockDrift 60\nMustBeSigned From\n\
        On-Default discard\nOn-BadSignature reject\nOn-NoSignature quarantine\nOn-KeyNotFound accept\nOn-Security reject\n\
        SenderLogins refile:/etc/opendkim/Logins\nSenderLoginsAction refuse\nPublishCheck require\nATPSDomains a.example\n\
        ATPSHashAlgorithm none\nStrictHeaders yes\nFixCRLF yes\nRedirectFailuresTo abuse@example.org\nSendReports yes\n\
        ReportAddress dkim@example.org\nReportBccAddress a@example.org,b@example.org\nMTACommand /opt/sendmail\n\
        ReportSpool /var/spool/reports\nAutoRestart yes\nTrustAnchorFile /usr/share/dns/root.key\n";
    const OPENDMARC: &str = "Socket inet:8893@localhost\nAuthservID mx\nAuthservIDWithJobID yes\nRejectFailures true\n\
        HoldQuarantinedMessages yes\nIgnoreHosts /etc/opendmarc/ignore.hosts\nIgnoreAuthenticatedClients yes\nUserID opendmarc\n\
        IgnoreMailFrom a.example\nRejectMultiValueFrom yes\nDomainWhitelist seal.example\nSoftwareHeader yes\nUserID opendmarc\n\
        HistoryFile /var/run/opendmarc.dat\nRecordAllMessages yes\nIgnoreMailTo dmarc@example.org\nRejectString no %s\n\
        CopyFailuresTo abuse@example.org\nOverrideHosts 192.0.2.0/24\nOverrideDomains csl:b.example=none\nRequiredHeaders yes\n\
        TrustedAuthservIDs border.example\nSPFIgnoreResults false\nSPFSelfValidate true\nFailureReports true\n\
        FailureReportsOnNone true\nFailureReportsBcc us@example.org\nFailureReportsSentBy dmarc@example.org\n\
        ReportCommand smtp://127.0.0.1:25\n";
    const OPENARC: &str = "Mode sv\nSocket inet:8894@localhost\nDomain example.org\nSelector default\n\
        KeyFile /etc/openarc/openarc.private\nCanonicalization relaxed/simple\nSignHeaders From,To\nOverSignHeaders From\n\
        AuthservID mx\nPeerList 192.0.2.9\nMaximumHeaders 4096\nMinimumKeySizeRSA 2048\nRequireSafeKeys no\nSoftwareHeader yes\n\
        InternalHosts 192.0.2.0/24\n";
    const POLICYD: &str = "TestOnly = 0\nHELO_reject = Null\nMail_From_reject = Softfail\nPermError_reject = True\n\
        TempError_Defer = True\nskip_addresses = 127.0.0.0/8\nWhitelist = 192.0.2.0/24\nHELO_Whitelist = relay.example\n\
        Reject_Not_Pass_Domains = bank.example\nHeader_Type = AR\nAuthserv_Id = mx\nHide_Receiver = No\n\
        SPF_Enhanced_Status_Codes = No\nDomain_Whitelist = a.example\n\
        Domain_Whitelist_PTR = b.example\nWhitelist_Lookup_Time = 3\nNo_Mail = True\nHELO_pass_restriction = h\n\
        Mail_From_pass_restriction = m\nProspective = 192.0.2.1\nLookup_Time = 9\nVoid_Limit = 3\nPer_User = text,/etc/policyd-spf/users\nReason_Message = No: {spf}\n";

    fn files(folder: &tempfile::TempDir) -> Files {
        let texts = [
            ("opendkim.conf", OPENDKIM),
            ("opendmarc.conf", OPENDMARC),
            ("openarc.conf", OPENARC),
            ("policyd-spf.conf", POLICYD),
        ];
        for (name, text) in texts {
            fs::write(folder.path().join(name), text).unwrap();
        }
        paths(folder)
    }

    fn paths(folder: &tempfile::TempDir) -> Files {
        let path = |name: &str| Some(folder.path().join(name));
        Files {
            own: None,
            opendkim: path("opendkim.conf"),
            opendmarc: path("opendmarc.conf"),
            openarc: path("openarc.conf"),
            policyd_spf: path("policyd-spf.conf"),
            policy_socket: Some("inet:10023@127.0.0.1".to_owned()),
        }
    }

    #[test]
    fn four_files_with_every_option_are_the_same_in_one() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(&folder);
        let text = run(&files).unwrap();
        assert!(files.load().unwrap().is_as(&Files::read_text(&text).unwrap()));
        assert_eq!(text.matches("[[service]]").count(), 4, "{text}");
        for line in [
            "user = \"opendkim\"",
            "log = \"syslog:local3:opendkim\"",
            "signed_fields = [\"+autocrypt\", \"-date\", \"-Cc\"]",
            "macros = [\"{auth_type}\", \"daemon_name=ORIGINATING|OTHER\"]",
            "on_no_signature = \"quarantine\"",
            "sender_logins_action = \"refuse\"",
            "report_command = \"smtp://127.0.0.1:25\"",
            "trusts_received_spf = true",
            "header_rules = \"refuse_without_author\"",
            "software_field = \"ARC-Filter\"",
            "spf_field = \"authentication_results mx\"",
        ] {
            assert!(text.lines().any(|known| known == line), "{line}\n{text}");
        }
        // What has no equal is a comment that says so.
        for note in ["TrustAnchorFile: does not act yet", "AutoRestart: not needed", "UserID: not used"] {
            assert!(text.lines().any(|line| line.starts_with("# ") && line.contains(note)), "{note}\n{text}");
        }
    }

    #[test]
    fn each_option_that_acts_changes_the_text() {
        let folder = tempfile::tempdir().unwrap();
        let whole = run(&files(&folder)).unwrap();
        for line in OPENDKIM.lines().filter(|line| !line.starts_with("Mode") && !line.starts_with("Socket")) {
            let name = line.split(' ').next().unwrap();
            // Two of the tables without the other are a mistake; this default is one that others have overridden.
            if ["KeyTable", "SigningTable", "On-KeyNotFound"].contains(&name) {
                continue;
            }
            let path = folder.path().join("opendkim.conf");
            fs::write(&path, OPENDKIM.replace(&format!("{line}\n"), "")).unwrap();
            let less = run(&paths(&folder)).unwrap();
            assert_ne!(less, whole, "{line} is lost");
        }
    }
}
