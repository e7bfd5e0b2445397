//! `waxseald would-sign`: whether mail would be signed and if not, why, without sending any.

use crate::{
    config::Files,
    daemon::{DaemonError, Loaded, load},
    filter::Filter,
    milter::client::Client,
    privileges,
    roles::sign::{Decision, Submission},
};
use std::net::IpAddr;
use waxseal::header::Header;

/// A hypothetical message.
#[derive(Debug, Clone)]
pub(crate) struct Imagined {
    pub(crate) from: String,
    pub(crate) client: IpAddr,
    pub(crate) name: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) to: Vec<String>,
}

/// Prints what each signing filter would do. Returns whether one would sign.
pub(crate) fn run(files: &Files, message: &Imagined) -> Result<bool, DaemonError> {
    let settings = files.load().map_err(|mistakes| DaemonError::Settings(mistakes.to_string()))?;
    privileges::act_as_daemon(&settings.process)?;
    let loaded = load(&settings, &mut Vec::new()).map_err(DaemonError::Settings)?;
    let mut would = false;
    for service in &loaded {
        if let Loaded::Milter(filter) = service
            && let Some((signs, text)) = decide(filter, message)?
        {
            println!("{}: {text}", filter.name);
            would |= signs;
        }
    }
    Ok(would)
}

fn decide(filter: &Filter, message: &Imagined) -> Result<Option<(bool, String)>, DaemonError> {
    let Some(sign) = &filter.sign else { return Ok(None) };
    let name = message.name.clone().unwrap_or_else(|| format!("[{}]", message.client));
    let client = Client { name, ip: Some(message.client), ..Client::default() };
    if filter.peers.contain(&client.name, client.ip) {
        return Ok(Some((false, format!("not signed: {} is in PeerList", client.shown()))));
    }
    let text = format!("From: {}\r\n\r\n", message.from);
    let header =
        Header::parse(text.as_bytes()).map_err(|error| DaemonError::Settings(format!("--from: {error}")))?.0;
    let recipients: Vec<_> = message.to.iter().map(|to| to.clone().into_bytes().into()).collect();
    let macros = |name: &str| match name.trim_matches(['{', '}']) {
        "auth_type" => message.user.as_ref().map(|_| "PLAIN".to_owned()),
        "auth_authen" => message.user.clone(),
        _ => None,
    };
    let submission =
        Submission { client: &client, header: &header, recipients: &recipients, macros: &macros };
    Ok(Some(match sign.decide(&submission) {
        Decision::Sign { signers, rule, warnings, .. } => {
            let names: Vec<_> = signers
                .iter()
                .map(|signer| format!("s={}, d={}", signer.selector(), signer.domain()))
                .collect();
            let warning: String = warnings.iter().map(|text| format!(" (warning: {text})")).collect();
            (true, format!("signed: {} by {rule}{warning}", names.join("; ")))
        }
        Decision::Leave(reasons) => (false, format!("not signed: {}", reasons.join("; "))),
        Decision::Refuse(reason) => (false, format!("refused: {reason}")),
        Decision::Exempt(reason) => (false, format!("not signed: {reason}")),
        Decision::Trouble(trouble) => (false, format!("not signed: {trouble}")),
    }))
}
