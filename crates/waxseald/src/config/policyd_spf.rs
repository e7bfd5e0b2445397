//! Reads an existing policyd-spf.conf: `Name = value`.

use super::{
    lines::Line,
    mistakes::Mistakes,
    options::{self, Handling, Handling::*, Options},
    value::{self, Invalid},
};
use crate::settings::{PolicyField, PolicySettings};
use std::time::Duration;

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
    ("Mail_From_pass_restriction", Acts),
    ("Mail_From_reject", Acts),
    ("Mock", Missing("it is for tests")),
    ("No_Mail", Acts),
    ("PermError_reject", Acts),
    ("Prospective", Acts),
    ("QueueID", Needless("the line has the queue id where there is one")),
    ("Reason_Message", Acts),
    ("Reject_Not_Pass_Domains", Acts),
    ("SPF_Enhanced_Status_Codes", Acts),
    ("TempError_Defer", Acts),
    ("TestOnly", Acts),
    ("defaultSeedOnly", Acts),
    ("UserID", Missing("the user is that of the process")),
    ("Void_Limit", Acts),
    ("Whitelist", Acts),
    ("Whitelist_Lookup_Time", Acts),
    ("skip_addresses", Acts),
];

/// Reads the lines of a file.
pub(super) fn read(lines: &[Line], warnings: &mut Vec<String>, mistakes: &mut Mistakes) -> PolicySettings {
    let mut settings = PolicySettings::default();
    for line in lines {
        let mut line = line.clone();
        // The sign may stand without blanks.
        if let Some((name, value)) = line.name.clone().split_once('=') {
            line.value = format!("={value}{}", line.value);
            line.name = name.to_owned();
        }
        line.value = line.value.trim_start_matches('=').trim().to_owned();
        match options::find(OPTIONS, &line) {
            Ok((name, Handling::Acts)) => {
                if let Err(error) = set(&mut settings, name, &line.value) {
                    mistakes.0.push(format!("{}: {error}", line.at()));
                }
            }
            Ok((_, handling)) => warnings.extend(options::warning(&line, handling)),
            Err(error) => mistakes.0.push(error),
        }
    }
    settings
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
        "Authserv_Id" => {
            if let PolicyField::AuthenticationResults(id) = &mut settings.field {
                text.clone_into(id);
            } else {
                return Err("needs Header_Type = AR in a line above".to_owned());
            }
        }
        "Hide_Receiver" => settings.hide_receiver = !text.eq_ignore_ascii_case("no"),
        "SPF_Enhanced_Status_Codes" => settings.enhanced_codes = !text.eq_ignore_ascii_case("no"),
        "Lookup_Time" => settings.timeout = Duration::from_secs(value::number(text)?),
        "Void_Limit" => settings.max_void_lookups = value::number(text)?,
        _ => text.clone_into(&mut settings.reason_message),
    }
    Ok(())
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
