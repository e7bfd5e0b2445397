//! Reads an existing openarc.conf.

use super::{
    given::Given,
    lines::Line,
    mistakes::Mistakes,
    options::{Handling, Handling::*, Options},
    value,
};
use crate::settings::{ArcSettings, FilterSettings, Kind, SealSettings, Service, Settings};
use waxseal::{authres::ResultsStyle, dkim::Canonicalization};

const SUPERVISED: Handling = Needless("the service manager restarts a service");
const TEST: Handling = Missing("it is for tests");

pub(super) const OPTIONS: Options = &[
    ("ARChdrList", Missing("the fields of SignHeaders are signed")),
    ("AuthResComments", Needless("comments are written")),
    ("AuthResIP", Needless("the address of the client is written (RFC 8617 section 6)")),
    ("AuthservID", Acts),
    ("AutoRestart", SUPERVISED),
    ("AutoRestartCount", SUPERVISED),
    ("AutoRestartRate", SUPERVISED),
    ("Background", Needless("the process stays where it was started, as service managers want it")),
    ("BaseDirectory", Acts),
    ("Canonicalization", Acts),
    ("ChangeRootDirectory", Acts),
    ("Domain", Acts),
    ("EnableCoredumps", Missing("core files are the business of the service manager")),
    ("FinalReceiver", Missing("results of ARC are not in a field of their own for the final receiver")),
    ("FixedTimestamp", TEST),
    ("InternalHosts", Acts),
    ("KeepTemporaryFiles", Needless("there are no temporary files")),
    ("KeyFile", Acts),
    ("MaximumHeaders", Acts),
    ("MilterDebug", Needless("the protocol has no library of its own to debug")),
    ("MinimumKeySizeRSA", Acts),
    ("Mode", Acts),
    ("OverSignHeaders", Acts),
    ("PeerList", Acts),
    ("PermitAuthenticationOverrides", Needless("SPF, DKIM and DMARC are checked here, no field is believed")),
    ("PidFile", Acts),
    ("RequireSafeKeys", Acts),
    ("ResponseDisabled", Missing("mail of PeerList is accepted")),
    ("ResponseUnable", Missing("mail is deferred after an internal error")),
    ("ResponseUnwilling", Missing("a header over MaximumHeaders is rejected")),
    (
        "SealHeaderChecks",
        Missing("all mail is checked and sealed: a field that any sender can write would decide"),
    ),
    ("Selector", Acts),
    ("SignHeaders", Acts),
    ("SignatureAlgorithm", Needless("the algorithm is that of the key")),
    ("SignatureTTL", Missing("seals do not expire")),
    ("Socket", Acts),
    ("SoftwareHeader", Acts),
    ("Syslog", Acts),
    ("SyslogFacility", Acts),
    ("SyslogName", Acts),
    ("TemporaryDirectory", Needless("there are no temporary files")),
    ("TestKeys", TEST),
    ("UMask", Acts),
    ("UserID", Acts),
];

/// Reads the lines of a file into settings of one service.
pub(super) fn read(lines: &[Line], settings: &mut Settings, mistakes: &mut Mistakes) {
    let given = Given::new(OPTIONS, lines, &mut settings.warnings, mistakes);
    given.process("openarc", settings, mistakes);
    let mode = given.text("Mode").unwrap_or_else(|| "sv".to_owned()).to_ascii_lowercase();
    if mode.contains(|c| c != 's' && c != 'v') {
        mistakes.0.push(format!("Mode: {mode:?}: use s, v or sv"));
    }
    if mode.is_empty() || !given.has("Mode") {
        let text = "openarc.conf: Mode: not set: mail of all clients is checked and sealed, not only that of InternalHosts";
        settings.warnings.push(text.to_owned());
    }
    let seal = mode.contains('s').then(|| seal(&given, mistakes)).flatten();
    let filter = FilterSettings {
        authserv_id: given.text("AuthservID").unwrap_or_else(|| "HOSTNAME".to_owned()),
        keep_results: true,
        style: ResultsStyle::OpenDkim,
        software: given
            .boolean("SoftwareHeader", false, mistakes)
            .then(|| value::software("ARC-Filter"))
            .flatten(),
        peers: given.text("PeerList"),
        max_header: given.read("MaximumHeaders", value::number, mistakes).unwrap_or(262_144),
        arc: Some(ArcSettings { verify: mode.contains('v'), internal: given.text("InternalHosts"), seal }),
        ..FilterSettings::default()
    };
    let Some(socket) = given.read("Socket", value::socket, mistakes) else {
        mistakes.0.push("openarc.conf: no Socket; for example: Socket inet:8894@127.0.0.1".to_owned());
        return;
    };
    let kind = Kind::Milter(Box::new(filter));
    settings.services.push(Service { name: "openarc".to_owned(), sockets: vec![socket], kind });
}

fn seal(given: &Given<'_>, mistakes: &mut Mistakes) -> Option<SealSettings> {
    let mut needed = |name| {
        let text = given.words(name).into_iter().next();
        if text.is_none() {
            mistakes.0.push(format!("openarc.conf: {name}: needed to seal (Mode s)"));
        }
        text
    };
    let (domain, selector, file) = (needed("Domain"), needed("Selector"), needed("KeyFile"));
    let simple = (Canonicalization::Simple, Canonicalization::Simple);
    Some(SealSettings {
        domain: domain?,
        selector: selector?,
        file: file?.into(),
        canonicalization: given.read("Canonicalization", value::canonicalization, mistakes).unwrap_or(simple),
        fields: given.words("SignHeaders"),
        oversigned: given.words("OverSignHeaders"),
        min_rsa_bits: given.read("MinimumKeySizeRSA", value::number, mistakes).unwrap_or(1024),
        safe_keys: given.boolean("RequireSafeKeys", true, mistakes),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::lines;
    use std::path::Path;

    #[test]
    fn the_file_of_the_how_to_is_read() {
        let text = "PidFile /run/openarc/openarc.pid\nSyslog yes\nUserID openarc:openarc\nSocket inet:8894@localhost\n\
            Mode sv\nAuthservID mx.example.org\nCanonicalization relaxed/simple\nDomain example.org # change this\n\
            Selector default\nKeyFile /etc/openarc/openarc.private\nSignatureAlgorithm rsa-sha256\n";
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        read(&lines::parse(Path::new("openarc.conf"), text), &mut settings, &mut mistakes);
        assert_eq!((mistakes.0.len(), settings.warnings.len()), (0, 0));
        let Kind::Milter(filter) = &settings.services[0].kind else { panic!("no milter") };
        let arc = filter.arc.as_ref().unwrap();
        assert!(arc.verify);
        assert_eq!(arc.seal.as_ref().unwrap().domain, "example.org");
        let (mut settings, mut mistakes) = (Settings::default(), Mistakes::default());
        read(
            &lines::parse(Path::new("openarc.conf"), "Mode s\nSocket inet:8894\n"),
            &mut settings,
            &mut mistakes,
        );
        assert_eq!(mistakes.0[0], "openarc.conf: Domain: needed to seal (Mode s)");
    }
}
