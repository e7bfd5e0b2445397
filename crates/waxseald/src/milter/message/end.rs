//! A message at its end: what is changed, what is replied, and what the log says.

use super::{super::client::Client, SignWork};
use crate::{filter::Filter, settings::Action};
use std::time::Instant;
use waxseal::{
    Report,
    dkim::SignError,
    header::{Header, WrittenField},
};
use waxseal_milter::{InvalidModification, Modification, Reply, ReplyCode};

/// What becomes of a message.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) changes: Vec<Modification>,
    pub(crate) reply: Reply,
    /// One line for the log, without the queue id.
    pub(crate) line: String,
}

/// A message at its end, but for what was done with it.
pub(super) struct End<'m> {
    pub(super) filter: &'m Filter,
    pub(super) client: &'m Client,
    pub(super) sender: &'m [u8],
    pub(super) id: &'m str,
    pub(super) reasons: Vec<String>,
    pub(super) began: Instant,
}

impl End<'_> {
    fn line(&self, what: &str) -> String {
        let sender = self.sender.escape_ascii();
        let (client, time) = (self.client.shown(), self.began.elapsed().as_millis());
        format!("{what} from={sender} client={client} time={time}ms")
    }

    /// A message to which nothing is done.
    pub(super) fn left(self, reply: Reply) -> Outcome {
        let why = self.reasons.join("; ");
        let what = match (&reply, self.filter.sign.is_some()) {
            (Reply::Continue, true) => format!("not signed: {why}"),
            (Reply::Continue, false) => format!("not checked: {why}"),
            _ => format!("{reply}: {why}"),
        };
        Outcome { changes: Vec::new(), line: self.line(&what), reply }
    }

    pub(super) fn signed(mut self, work: SignWork) -> Outcome {
        let SignWork { signing, inspection, header, rule } = work;
        let signed = signing.finish().and_then(|unsigned| {
            let pairs = unsigned.into_iter().map(|unsigned| unsigned.sign());
            pairs.collect::<Result<Vec<String>, SignError>>()
        });
        let fields = match signed {
            Ok(fields) => fields,
            Err(error @ SignError::Key(_)) => {
                self.reasons.push(error.to_string());
                let reply = refusal(self.filter.actions.signature_error, &error.to_string());
                return self.left(reply.unwrap_or(Reply::Continue));
            }
            Err(error) => {
                self.reasons.push(error.to_string());
                return self.left(Reply::Continue);
            }
        };
        match self.signed_changes(&fields, &header) {
            Ok(changes) => {
                let names: Vec<_> = fields.iter().map(|field| tags(field)).collect();
                let mut what = format!("DKIM-Signature field added ({}) rule={rule:?}", names.join("; "));
                for finding in inspection.finish() {
                    what.push_str(&format!(" warning={:?}", finding.to_string()));
                }
                Outcome { changes, line: self.line(&what), reply: Reply::Continue }
            }
            Err(error) => {
                self.reasons.push(error.to_string());
                self.left(Reply::TempFail)
            }
        }
    }

    fn signed_changes(
        &self,
        fields: &[String],
        header: &Header,
    ) -> Result<Vec<Modification>, InvalidModification> {
        let mut changes = Vec::new();
        if self.filter.sign.as_ref().is_some_and(|sign| sign.removes_old()) {
            let old = header.fields().filter(|field| field.is("DKIM-Signature")).count();
            for occurrence in (1..=old).rev() {
                changes.push(Modification::remove_header(
                    "DKIM-Signature",
                    u32::try_from(occurrence).unwrap_or(u32::MAX),
                )?);
            }
        }
        for field in fields {
            insert(field, &mut changes)?;
        }
        changes.extend(self.software()?);
        Ok(changes)
    }

    fn software(&self) -> Result<Option<Modification>, InvalidModification> {
        let Some((name, software)) = &self.filter.software else { return Ok(None) };
        let value = format!(" {software} {} {}", self.filter.host, self.id);
        Modification::insert_header(0, name, value.trim_end()).map(Some)
    }

    pub(super) fn checked(mut self, report: &Report, header: &Header) -> Outcome {
        let changes = match self.checked_changes(report, header) {
            Ok(changes) => changes,
            Err(reason) => {
                self.reasons.push(reason.clone());
                return self.left(code(550, "5.6.0", &reason));
            }
        };
        let mut outcome = Outcome { changes, reply: Reply::Continue, line: String::new() };
        let Some(checks) = &self.filter.checks else { return outcome };
        let (action, reason) = checks.action(report, &self.filter.actions);
        match action {
            Action::Accept => {}
            Action::Quarantine => outcome.changes.extend(Modification::quarantine(&reason).ok()),
            _ => {
                outcome.reply = refusal(action, &reason).unwrap_or(Reply::Continue);
                outcome.changes.clear();
            }
        }
        let what = checks.line(report);
        let done = if outcome.reply == Reply::Continue {
            String::new()
        } else {
            format!(" reply={:?}", outcome.reply.to_string())
        };
        let unsigned = self.reasons.join("; ");
        let unsigned = if unsigned.is_empty() { unsigned } else { format!(" unsigned={unsigned:?}") };
        outcome.line = self.line(&format!("{what}{done}{unsigned}"));
        outcome
    }

    /// Forged results go, the lowest first so that the numbers of the others stay; then ours come on top.
    fn checked_changes(&mut self, report: &Report, header: &Header) -> Result<Vec<Modification>, String> {
        const NAME: &str = "Authentication-Results";
        let filter = self.filter;
        let mut changes = Vec::new();
        if filter.remove_all {
            let count = header.fields().filter(|field| field.is(NAME)).count();
            for occurrence in (1..=count).rev() {
                changes.push(removed(NAME, occurrence)?);
            }
        } else if !filter.keep_results {
            for forged in filter.own_results.forged(header) {
                let name = header.field(forged.index).map_or(&b""[..], |field| field.name());
                if !name.eq_ignore_ascii_case(NAME.as_bytes()) {
                    return Err(format!(
                        "field {} hides results in the name of {}",
                        name.escape_ascii(),
                        filter.authserv_id
                    ));
                }
                changes.push(removed(NAME, forged.occurrence)?);
            }
        }
        let Some(checks) = &filter.checks else { return Ok(changes) };
        let id = if filter.with_job_id {
            format!("{}/{}", filter.authserv_id, self.id)
        } else {
            filter.authserv_id.clone()
        };
        let mut fields = Vec::new();
        if let Some(set) = checks.seal(report) {
            match set {
                Ok(set) => fields.extend(
                    [set.authentication_results(), set.message_signature(), set.seal()].map(str::to_owned),
                ),
                Err(error) => self.reasons.push(format!("not sealed: {error}")),
            }
        }
        fields.extend(checks.results(report, &id).map(|results| results.with_style(filter.style).to_field()));
        for field in &fields {
            insert(field, &mut changes).map_err(|error| error.to_string())?;
        }
        changes.extend(self.software().map_err(|error| error.to_string())?);
        Ok(changes)
    }
}

/// `s=2026, d=example.org` of a signature that was made here.
fn tags(field: &str) -> String {
    let tag = |name: &str| {
        let start = field.split([';', ' ', '\t', '\r', '\n']).find(|part| part.starts_with(name));
        start.unwrap_or_default().trim().to_owned()
    };
    format!("{}, {}", tag("s="), tag("d="))
}

/// Puts a field on top.
fn insert(field: &str, changes: &mut Vec<Modification>) -> Result<(), InvalidModification> {
    for field in WrittenField::all(field) {
        changes.push(Modification::insert_header(0, field.name(), field.value())?);
    }
    Ok(())
}

fn removed(name: &str, occurrence: usize) -> Result<Modification, String> {
    let number = u32::try_from(occurrence).map_err(|error| error.to_string())?;
    Modification::remove_header(name, number).map_err(|error| error.to_string())
}

/// The reply of an action, if it is one.
pub(super) fn refusal(action: Action, reason: &str) -> Option<Reply> {
    match action {
        Action::Accept | Action::Quarantine => None,
        Action::Discard => Some(Reply::Discard),
        Action::Reject => Some(code(550, "5.7.1", reason)),
        Action::TempFail => Some(code(451, "4.7.1", "Service unavailable - try again later")),
    }
}

/// A reply with a text of at most a line; one that cannot be said is the mail server's own.
pub(super) fn code(code: u16, status: &str, text: &str) -> Reply {
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    match ReplyCode::new(code, status, &text) {
        Ok(reply) => Reply::Code(reply),
        Err(_) if code < 500 => Reply::TempFail,
        Err(_) => Reply::Reject,
    }
}
