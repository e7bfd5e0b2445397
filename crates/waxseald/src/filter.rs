//! What a service does with mail: its settings with all files that they name loaded.

use crate::{
    hosts::Hosts,
    reports::Reports,
    roles::{checks::Checks, sign::Sign},
    settings::{Actions, FilterSettings, HeaderRules},
};
use std::sync::Arc;
use waxseal::{AuthservIds, authres::ResultsStyle, header::HeaderLimits};
use waxseal_milter::{Actions as MilterActions, Settings as MilterSettings, Stage, Steps};

/// A filter, ready for mail. A reload of the settings replaces it as a whole.
#[derive(Debug)]
pub(crate) struct Filter {
    /// The file that describes it.
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) authserv_id: String,
    pub(crate) with_job_id: bool,
    pub(crate) own_results: AuthservIds,
    /// Domains of RemoveARFrom, with a dot before them.
    pub(crate) remove_below: Vec<String>,
    pub(crate) remove_all: bool,
    pub(crate) keep_results: bool,
    pub(crate) style: ResultsStyle,
    pub(crate) software: Option<(&'static str, String)>,
    pub(crate) peers: Hosts,
    pub(crate) header_limits: HeaderLimits,
    pub(crate) sign: Option<Sign>,
    pub(crate) checks: Option<Checks>,
    pub(crate) actions: Actions,
    pub(crate) header_rules: HeaderRules,
    pub(crate) fix_line_ends: bool,
    pub(crate) reports: Option<Arc<Reports>>,
    /// Oddities in the tables.
    pub(crate) warnings: Vec<String>,
}

impl Filter {
    /// Loads what the settings name. `host` is the name of this machine.
    pub(crate) fn load(name: &str, settings: &FilterSettings, host: &str) -> Result<Self, Vec<String>> {
        let mut mistakes = Vec::new();
        let authserv_id = authserv_id(settings, host);
        let (domains, ids): (Vec<&String>, Vec<_>) =
            settings.remove_from.iter().partition(|name| name.starts_with('.'));
        let own_results = AuthservIds::new(ids.into_iter().map(String::as_str).chain([authserv_id]));
        let mut warnings = Vec::new();
        let peers = settings.peers.as_deref().map(|spec| Hosts::load("PeerList", spec, &mut warnings));
        let mut kept = |errors: Vec<String>| mistakes.extend(errors);
        let peers = peers.transpose().map_err(|error| kept(vec![error])).ok().flatten();
        let sign = settings.sign.as_ref().map(|sign| Sign::load(sign, &mut warnings));
        let sign = sign.and_then(|sign| sign.map_err(&mut kept).ok());
        let header_limits = HeaderLimits::default().with_max_bytes(max_header(settings.max_header));
        let checks = Checks::load(settings, (authserv_id, host), header_limits, &mut warnings);
        let checks = checks.map_err(&mut kept).ok().flatten();
        if !mistakes.is_empty() {
            return Err(mistakes);
        }
        let reports = Reports::load(&settings.reports, host);
        let reports = reports.map_err(|error| warnings.push(error)).ok().flatten();
        Ok(Self {
            name: name.to_owned(),
            host: host.to_owned(),
            authserv_id: authserv_id.to_owned(),
            with_job_id: settings.with_job_id,
            own_results,
            remove_below: domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
            remove_all: settings.remove_all,
            keep_results: settings.keep_results,
            style: settings.style,
            software: settings.software.clone(),
            peers: peers.unwrap_or_default(),
            header_limits,
            sign,
            checks,
            actions: settings.actions,
            header_rules: settings.header_rules,
            fix_line_ends: settings.fix_line_ends,
            reports: reports.map(Arc::new),
            warnings,
        })
    }

    /// What is requested from the mail server.
    pub(crate) fn milter_settings(&self) -> MilterSettings {
        let steps = Steps::NO_UNKNOWN
            | Steps::NO_DATA
            | Steps::LEADING_SPACE
            | Steps::CHUNKS_OF_1_MIB
            | Steps::NO_REPLY_CONNECT
            | Steps::NO_REPLY_HELO
            | Steps::NO_REPLY_MAIL
            | Steps::NO_REPLY_RCPT
            | Steps::NO_REPLY_HEADER
            | Steps::NO_REPLY_END_OF_HEADER
            | Steps::NO_REPLY_BODY;
        let wants_recipients = self.sign.as_ref().is_some_and(Sign::wants_recipients)
            || self.checks.as_ref().is_some_and(Checks::wants_recipients);
        let steps = if wants_recipients { steps } else { steps | Steps::NO_RCPT };
        let macros = self.sign.as_ref().map(Sign::macros).unwrap_or_default();
        let of_mail =
            ["i", "{auth_type}", "{auth_authen}"].into_iter().chain(macros.iter().map(String::as_str));
        let of_client = ["j", "{daemon_name}"].into_iter().chain(macros.iter().map(String::as_str));
        MilterSettings::new()
            .with_actions(
                MilterActions::ADD_HEADERS
                    | MilterActions::CHANGE_HEADERS
                    | MilterActions::QUARANTINE
                    | MilterActions::ADD_RECIPIENTS
                    | MilterActions::REMOVE_RECIPIENTS,
            )
            .with_steps(steps)
            .with_macros(Stage::Connect, of_client)
            .with_macros(Stage::Mail, of_mail)
            .with_macros(Stage::EndOfMessage, ["i"])
    }
}

/// OpenDKIM's and OpenARC's 0 removes the limit; what a header takes in memory stays bounded.
fn max_header(bytes: u32) -> u32 {
    const NO_LIMIT: u32 = 16 << 20;
    if bytes == 0 { NO_LIMIT } else { bytes }
}

fn authserv_id<'s>(settings: &'s FilterSettings, host: &'s str) -> &'s str {
    match settings.authserv_id.as_str() {
        "HOSTNAME" | "" => host,
        id => id,
    }
}
