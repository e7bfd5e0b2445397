//! Reads an existing policyd-spf.conf: `Name = value`.

use super::{
    lines::{self, Line},
    mistakes::Mistakes,
    options::{self, Handling, Handling::*, Options},
    value::{self, Invalid},
};
use crate::settings::{PolicyField, PolicySettings};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    time::Duration,
};

const MILTER: Handling =
    Missing("it is of the milter of spf-engine; here the role dmarc checks SPF in a milter");

const OPTIONS: Options = &[
    ("debugLevel", Needless("each request has its line")),
    ("Authserv_Id", Acts),
    ("Domain_Whitelist", Acts),
    ("Domain_Whitelist_PTR", Acts),
    ("HELO_Whitelist", Acts),
    ("HELO_pass_restriction", Acts),
    ("HELO_reject", Acts),
    ("Header_Type", Acts),
    ("Hide_Receiver", Acts),
    ("Lookup_Time", Acts),
    ("IntHosts", MILTER),
    ("InternalHosts", MILTER),
    ("MacroList", MILTER),
    ("Mail_From_pass_restriction", Acts),
    ("Mail_From_reject", Acts),
    ("Mock", Missing("it is for tests")),
    ("No_Mail", Acts),
    ("Per_User", Acts),
    ("PermError_reject", Acts),
    ("PidFile", MILTER),
    ("Prospective", Acts),
    ("QueueID", Needless("the line has the queue id where there is one")),
    ("Reason_Message", Acts),
    ("Reject_Not_Pass_Domains", Acts),
    ("SPF_Enhanced_Status_Codes", Acts),
    ("Socket", MILTER),
    ("TempError_Defer", Acts),
    ("TestOnly", Acts),
    ("defaultSeedOnly", Acts),
    ("UserID", Missing("the user is that of the process")),
    ("UMask", MILTER),
    ("Void_Limit", Acts),
    ("Whitelist", Acts),
    ("Whitelist_Lookup_Time", Acts),
    ("skip_addresses", Acts),
];

/// Options that are the same for all recipients.
const OF_ALL: [&str; 9] = [
    "debugLevel",
    "Authserv_Id",
    "Header_Type",
    "Hide_Receiver",
    "Lookup_Time",
    "Mock",
    "Per_User",
    "Prospective",
    "QueueID",
];

/// Reads the lines of a file.
pub(super) fn read(lines: &[Line], warnings: &mut Vec<String>, mistakes: &mut Mistakes) -> PolicySettings {
    let (mut settings, mut id) = (PolicySettings::default(), None);
    for line in lines {
        let mut line = line.clone();
        // The sign may stand without blanks.
        if let Some((name, value)) = line.name.clone().split_once('=') {
            line.value = format!("={value}{}", line.value);
            line.name = name.to_owned();
        }
        line.value = line.value.trim_start_matches('=').trim().to_owned();
        match options::find(OPTIONS, &line) {
            Ok(("Authserv_Id", _)) => id = Some(line.value),
            Ok((name, Handling::Acts)) => {
                if let Err(error) = set(&mut settings, name, &line.value) {
                    mistakes.0.push(format!("{}: {error}", line.at()));
                }
            }
            Ok((_, handling)) => warnings.extend(options::warning(&line, handling)),
            Err(error) => mistakes.0.push(error),
        }
    }
    // It counts with Header_Type AR alone, in whatever order they stand.
    if let (PolicyField::AuthenticationResults(known), Some(id)) = (&mut settings.field, id) {
        *known = id;
    }
    settings
}

/// Settings of recipients in a file of lines `ADDRESS,NAME=VALUE|NAME=VALUE`, laid over those for all.
pub(crate) fn of_recipients(
    path: &Path,
    all: &PolicySettings,
    warnings: &mut Vec<String>,
) -> Result<Vec<(String, PolicySettings)>, Vec<String>> {
    let text = lines::text(path).map_err(|error| vec![error.to_string()])?;
    let (mut recipients, mut seen, mut mistakes) = (Vec::new(), HashSet::new(), Vec::new());
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let at = |name: &str, value: &str| Line {
            file: path.into(),
            number: index + 1,
            name: name.trim().to_owned(),
            value: value.trim().to_owned(),
        };
        let parts = line.split_once(',').filter(|(address, _)| !address.trim().is_empty());
        let Some((address, pairs)) = parts else {
            mistakes.push(format!("{}: write ADDRESS,NAME=VALUE|NAME=VALUE", at(line, "").at()));
            continue;
        };
        let address = address.trim().to_ascii_lowercase();
        if !seen.insert(address.clone()) {
            warnings.push(format!("{}: an earlier line counts", at(&address, "").at()));
            continue;
        }
        let mut settings = PolicySettings { per_recipient: None, ..all.clone() };
        for pair in pairs.split('|').filter(|pair| !pair.trim().is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match set_one(&mut settings, &at(name, value)) {
                Ok(warning) => warnings.extend(warning),
                Err(error) => mistakes.push(error),
            }
        }
        recipients.push((address, settings));
    }
    if mistakes.is_empty() { Ok(recipients) } else { Err(mistakes) }
}

/// Sets an option for one recipient; returns what is to be said of it.
fn set_one(settings: &mut PolicySettings, line: &Line) -> Result<Option<String>, String> {
    let (name, handling) = options::find(OPTIONS, line)?;
    if OF_ALL.contains(&name) {
        return Ok(Some(format!("{}: skipped, it is the same for all recipients", line.at())));
    }
    if handling != Handling::Acts {
        return Ok(options::warning(line, handling));
    }
    set(settings, name, &line.value).map_err(|error| format!("{}: {error}", line.at()))?;
    Ok(None)
}

fn set(settings: &mut PolicySettings, name: &str, text: &str) -> Result<(), Invalid> {
    match name {
        "TestOnly" | "defaultSeedOnly" => settings.enforce = value::number::<u8>(text)? != 0,
        "HELO_reject" => settings.helo = value::reject(text)?,
        "Mail_From_reject" => settings.mail_from = value::reject(text)?,
        "PermError_reject" => settings.reject_permerror = value::boolean(text)?,
        "TempError_Defer" => settings.defer_temperror = value::boolean(text)?,
        "skip_addresses" => settings.skip = text.to_owned(),
        "Whitelist" => settings.whitelist = Some(text.to_owned()).filter(|text| !text.is_empty()),
        "HELO_Whitelist" => settings.exempt.helo = value::words(text),
        "Domain_Whitelist" => settings.exempt.domains = value::words(text),
        "Domain_Whitelist_PTR" => settings.exempt.ptr = value::words(text),
        "Whitelist_Lookup_Time" => settings.exempt.timeout = Duration::from_secs(value::number(text)?),
        "No_Mail" => settings.no_mail = value::boolean(text)?,
        "HELO_pass_restriction" => settings.helo_pass = restriction(text),
        "Mail_From_pass_restriction" => settings.mail_from_pass = restriction(text),
        "Prospective" => {
            settings.prospective = Some(text.parse().map_err(|_| format!("{text:?}: use an address"))?);
        }
        "Reject_Not_Pass_Domains" => settings.not_pass_domains = value::words(text),
        "Header_Type" => settings.field = field(text, &settings.field)?,
        "Per_User" => settings.per_recipient = per_user(text)?,
        "Hide_Receiver" => settings.hide_receiver = !text.eq_ignore_ascii_case("no"),
        "SPF_Enhanced_Status_Codes" => settings.enhanced_codes = !text.eq_ignore_ascii_case("no"),
        "Lookup_Time" => settings.timeout = Duration::from_secs(value::number(text)?),
        "Void_Limit" => settings.max_void_lookups = value::number(text)?,
        _ => text.clone_into(&mut settings.reason_message),
    }
    Ok(())
}

/// `text,/PATH`
fn per_user(text: &str) -> Result<Option<PathBuf>, Invalid> {
    match text.split_once(',') {
        None if text.is_empty() => Ok(None),
        Some((kind, path)) if kind.trim() == "text" && !path.trim().is_empty() => {
            Ok(Some(path.trim().into()))
        }
        _ => Err(format!("{text:?}: use text,/PATH")),
    }
}

/// `None` is policyd-spf's word for none.
fn restriction(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty() && text != "None")
}

fn field(text: &str, before: &PolicyField) -> Result<PolicyField, Invalid> {
    match (text.to_ascii_uppercase().as_str(), before) {
        ("SPF", _) => Ok(PolicyField::ReceivedSpf),
        ("AR", PolicyField::AuthenticationResults(id)) => Ok(PolicyField::AuthenticationResults(id.clone())),
        ("AR", _) => Ok(PolicyField::AuthenticationResults("HOSTNAME".to_owned())),
        ("NONE", _) => Ok(PolicyField::Nothing),
        _ => Err(format!("{text:?}: use SPF, AR or None")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::lines, settings::Reject};
    use std::path::Path;

    fn parse(text: &str) -> (PolicySettings, Vec<String>, Vec<String>) {
        let (mut warnings, mut mistakes) = (Vec::new(), Mistakes::default());
        let settings = read(&lines::parse(Path::new("p.conf"), text), &mut warnings, &mut mistakes);
        (settings, warnings, mistakes.0)
    }

    #[test]
    fn the_file_of_debian_is_read() {
        let (settings, warnings, mistakes) = parse(
            "debugLevel = 1 \nTestOnly = 1\nHELO_reject = Fail\nMail_From_reject=Softfail\nPermError_reject = False\n\
             TempError_Defer = True\nskip_addresses = 127.0.0.0/8,::ffff:127.0.0.0/104,::1\n",
        );
        assert_eq!((warnings.len(), mistakes.len()), (0, 0));
        assert!(settings.enforce && settings.defer_temperror && !settings.reject_permerror);
        assert_eq!((settings.helo, settings.mail_from), (Reject::Fail, Reject::SoftFail));
    }

    #[test]
    fn the_authserv_id_counts_in_any_order_and_for_results_alone() {
        let field = |text: &str| parse(text).0.field;
        let results = PolicyField::AuthenticationResults("mx.example".to_owned());
        assert_eq!(field("Authserv_Id = mx.example\nHeader_Type = AR\n"), results);
        assert_eq!(field("Header_Type = SPF\nAuthserv_Id = mx.example\n"), PolicyField::ReceivedSpf);
        let (_, warnings, mistakes) = parse("Authserv_Id = HOSTNAME\nPer_User = sql,x\nSocket = local:/s\n");
        assert_eq!(mistakes, ["p.conf:2: Per_User: \"sql,x\": use text,/PATH"]);
        assert!(
            warnings[0].starts_with("p.conf:3: Socket: does not act yet: it is of the milter"),
            "{warnings:?}"
        );
    }

    #[test]
    fn mistakes_and_what_does_not_act_are_said() {
        let (_, warnings, mistakes) =
            parse("HELO_reject = Maybe\nHeader_Typ = AR\nUserID = nobody\nDomain_Whitelist = a.example\n");
        assert_eq!(
            mistakes,
            [
                "p.conf:1: HELO_reject: \"Maybe\": use SPF_Not_Pass, Softfail, Fail, Null, False or No_Check",
                "p.conf:2: Header_Typ: unknown option; did you mean Header_Type?",
            ]
        );
        assert!(warnings[0].starts_with("p.conf:3: UserID: does not act yet"));
    }
}
