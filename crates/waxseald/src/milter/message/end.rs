//! The end of a message: its changes, the reply and the log line.

use super::{
    super::client::Client,
    forged,
    line::{Line, result},
};
use crate::{
    filter::Filter,
    metrics::metrics,
    reports::Incident,
    resolver::Dns,
    roles::{
        dmarc::Ruling,
        history::{Arrival, Done},
        publish_check::Published,
        trusted::Told,
    },
    settings::{Action, PublishCheck},
};
use bytes::Bytes;
use std::time::{Instant, SystemTime};
use tokio::task::{JoinHandle, spawn_blocking};
use waxseal::{
    Report,
    authres::{AuthenticationResults, Entry},
    dkim::{Inspection, SignError, Signing, Unsigned},
    header::{Header, WrittenField},
};
use waxseal_milter::{InvalidModification, Modification, Reply, ReplyCode};

/// What happens to a message.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) changes: Vec<Modification>,
    pub(crate) reply: Reply,
    /// One line for the log, without the queue id.
    pub(crate) line: Line,
}

/// A message that is being signed.
#[derive(Debug)]
pub(super) struct SignWork {
    pub(super) signing: Signing,
    pub(super) inspection: Inspection,
    pub(super) header: Header,
    pub(super) rule: String,
    pub(super) check: PublishCheck,
    /// What DNS shows of the keys, where that is looked at.
    pub(super) published: Option<Task<Vec<Published>>>,
}

/// A message that was checked.
pub(super) struct Checked<'c> {
    pub(super) report: Report,
    pub(super) header: &'c Header,
    pub(super) recipients: &'c [Bytes],
    pub(super) told: Option<&'c Told>,
}

/// Work beside the body, which ends with the message.
#[derive(Debug)]
pub(super) struct Task<T>(pub(super) JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(future))
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The end of a message, without what was done to it.
pub(super) struct End<'m> {
    pub(super) filter: &'m Filter,
    pub(super) client: &'m Client,
    pub(super) sender: &'m [u8],
    pub(super) id: &'m str,
    pub(super) reasons: Vec<String>,
    pub(super) began: Instant,
}

impl End<'_> {
    fn line(&self, result: &'static str, what: String) -> Line {
        let from = self.sender.escape_ascii().to_string();
        Line { result, what, from, client: self.client.shown(), time: self.began.elapsed() }
    }

    /// A message that is left alone.
    pub(super) fn left(self, reply: Reply) -> Outcome {
        let why = self.reasons.join("; ");
        let what = match (&reply, self.filter.sign.is_some()) {
            (Reply::Continue, true) => format!("not signed: {why}"),
            (Reply::Continue, false) => format!("not checked: {why}"),
            _ => format!("{reply}: {why}"),
        };
        let kept = if self.filter.sign.is_some() { "unsigned" } else { "unchecked" };
        Outcome { changes: Vec::new(), line: self.line(result(&reply, kept), what), reply }
    }

    pub(super) async fn signed(mut self, work: SignWork) -> Outcome {
        let SignWork { signing, inspection, header, rule, check, published } = work;
        let published = match published {
            Some(mut task) => (&mut task.0).await.unwrap_or_default(),
            None => Vec::new(),
        };
        let signed = signing.finish().and_then(|unsigned| {
            let unsigned = unsigned.into_iter().enumerate();
            let admitted =
                unsigned.filter(|(index, _)| published.get(*index).is_none_or(|key| check.admits(key)));
            admitted.map(|(_, unsigned): (_, Unsigned)| unsigned.sign()).collect::<Result<Vec<_>, _>>()
        });
        self.reasons.extend(published.iter().filter_map(Published::trouble));
        let fields = match signed {
            Ok(fields) if fields.is_empty() => return self.left(Reply::Continue),
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
                let findings = inspection.finish().into_iter().map(|finding| finding.problem().to_owned());
                for warning in self.reasons.iter().cloned().chain(findings) {
                    what.push_str(&format!(" warning={warning:?}"));
                }
                Outcome { changes, line: self.line("signed", what), reply: Reply::Continue }
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

    pub(super) async fn checked(mut self, checked: &Checked<'_>, dns: &Dns) -> Outcome {
        let Checked { report, header, told, .. } = checked;
        let Some(checks) = &self.filter.checks else { return self.left(Reply::Continue) };
        let atps = checks.atps(report, &**dns).await;
        let mut ruling = checks.ruling(report, &self.filter.actions, self.client);
        if let Some(reports) = self.filter.reports.as_ref().filter(|_| ruling.action == Action::Reject)
            && let Some(text) = reports.reply_text(report, dns).await
        {
            ruling.reason.push_str(": ");
            ruling.reason.push_str(&text);
        }
        let found = report.authentication_results();
        let changes = match self.checked_changes((report, &found), header, (atps, &ruling)) {
            Ok(changes) => changes,
            Err(reason) => {
                self.reasons.push(reason.clone());
                return self.left(code(550, "5.6.0", &reason));
            }
        };
        let mut outcome = Outcome { changes, reply: Reply::Continue, line: Line::default() };
        let done = self.act(&ruling, checked, &mut outcome);
        let kept = if matches!(done, Done::Quarantined) { "quarantined" } else { "checked" };
        self.tell(checked, done, dns).await;
        let mut what = checks.line(report, &found);
        if outcome.reply != Reply::Continue {
            what.push_str(&format!(" reply={:?}", outcome.reply.to_string()));
        }
        if let Some(told) = told {
            what.push_str(&format!(" trusted={:?}", told.shown));
        }
        if let Some(why) = &ruling.overridden {
            what.push_str(&format!(" override={why:?}"));
        }
        if !self.reasons.is_empty() {
            what.push_str(&format!(" unsigned={:?}", self.reasons.join("; ")));
        }
        metrics().results(found.entries());
        outcome.line = self.line(result(&outcome.reply, kept), what);
        outcome
    }

    /// Carries out the ruling.
    fn act(&mut self, ruling: &Ruling, checked: &Checked<'_>, outcome: &mut Outcome) -> Done {
        let refused = match ruling.action {
            Action::Accept | Action::Quarantine => None,
            action => refusal(action, &ruling.reason),
        };
        if let Some(reply) = refused {
            outcome.changes.clear();
            outcome.reply = reply;
            return if ruling.action == Action::TempFail { Done::Deferred } else { Done::Rejected };
        }
        if let Err(error) = self.redirect(checked, outcome) {
            outcome.changes.clear();
            outcome.reply = Reply::TempFail;
            self.reasons.push(format!("not redirected: {error}"));
            return Done::Deferred;
        }
        if ruling.action == Action::Quarantine {
            outcome.changes.extend(Modification::quarantine(&ruling.reason).ok());
            return Done::Quarantined;
        }
        Done::Accepted
    }

    /// Other recipients, and more. Who should have got the message stands in Original-Recipient, as OpenDKIM writes it.
    fn redirect(&self, checked: &Checked<'_>, outcome: &mut Outcome) -> Result<(), String> {
        let Some(checks) = &self.filter.checks else { return Ok(()) };
        let invalid = |error: InvalidModification| error.to_string();
        if let Some(to) = checks.redirect_to(&checked.report) {
            for recipient in checked.recipients {
                let recipient = std::str::from_utf8(recipient).map_err(|error| error.to_string())?;
                outcome.changes.push(Modification::remove_recipient(recipient).map_err(invalid)?);
                let value = format!(" rfc822;{}", recipient.trim_matches(['<', '>']));
                outcome.changes.push(Modification::add_header("Original-Recipient", value).map_err(invalid)?);
            }
            outcome.changes.push(Modification::add_recipient(&bracketed(to)).map_err(invalid)?);
        }
        if let Some(to) = checks.copy_to(&checked.report) {
            outcome.changes.push(Modification::add_recipient(&bracketed(to)).map_err(invalid)?);
        }
        Ok(())
    }

    /// Records the message for aggregate reports, and sends failure reports when DNS has returned where to.
    async fn tell(&self, checked: &Checked<'_>, done: Done, dns: &Dns) {
        let (received, report) = (SystemTime::now(), &checked.report);
        let arrival = Arrival { id: self.id, reporter: &self.filter.host, received, report, done };
        let recipients = checked.recipients.iter().map(|recipient| &recipient[..]);
        let record = self.filter.checks.as_ref().and_then(|checks| checks.record(&arrival, recipients));
        if let Some((history, text)) = record {
            let path = history.path().display().to_string();
            let written = spawn_blocking(move || history.append(&text)).await;
            if let Err(error) = written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
                tracing::error!("{}: {}: HistoryFile {path}: {error}", self.filter.name, self.id);
            }
        }
        if let Some(reports) = self.filter.reports.clone() {
            let (id, client, dns) = (self.id.to_owned(), self.client.shown(), dns.clone());
            let incident = Incident { id, client, received, report: report.clone(), done };
            tokio::spawn(async move { reports.consider(&incident, &dns).await });
        }
    }

    /// Removes forged results, then adds ours at the top.
    fn checked_changes(
        &mut self,
        (report, found): (&Report, &AuthenticationResults),
        header: &Header,
        (atps, ruling): (Option<Entry>, &Ruling),
    ) -> Result<Vec<Modification>, String> {
        let filter = self.filter;
        let mut changes = Vec::new();
        for occurrence in forged::to_remove(filter, header)? {
            changes.push(removed(forged::NAME, occurrence)?);
        }
        let Some(checks) = &filter.checks else { return Ok(changes) };
        let id = if filter.with_job_id {
            format!("{}/{}", filter.authserv_id, self.id)
        } else {
            filter.authserv_id.clone()
        };
        let mut fields = Vec::new();
        if let Some(set) = checks.seal(report, self.client) {
            match set {
                Ok(set) => fields.extend(
                    [set.authentication_results(), set.message_signature(), set.seal()].map(str::to_owned),
                ),
                Err(error) => self.reasons.push(format!("not sealed: {error}")),
            }
        }
        fields.extend(
            checks
                .results((report, found), &id, (atps, ruling))
                .map(|results| results.with_style(filter.style).to_field()),
        );
        for field in &fields {
            insert(field, &mut changes).map_err(|error| error.to_string())?;
        }
        changes.extend(self.software().map_err(|error| error.to_string())?);
        Ok(changes)
    }
}

/// `s=2026, d=example.org` of a signature made here.
fn tags(field: &str) -> String {
    let tag = |name: &str| {
        let start = field.split([';', ' ', '\t', '\r', '\n']).find(|part| part.starts_with(name));
        start.unwrap_or_default().trim().to_owned()
    };
    format!("{}, {}", tag("s="), tag("d="))
}

fn bracketed(address: &str) -> String {
    format!("<{}>", address.trim_matches(['<', '>']))
}

/// Inserts a field at the top.
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

/// The reply for an action, if it has one.
pub(super) fn refusal(action: Action, reason: &str) -> Option<Reply> {
    match action {
        Action::Accept | Action::Quarantine => None,
        Action::Discard => Some(Reply::Discard),
        Action::Reject => Some(code(550, "5.7.1", reason)),
        Action::TempFail => Some(code(451, "4.7.1", "Service unavailable - try again later")),
    }
}

/// A reply with a text of at most one line; if that is not possible, the mail server's own reply.
pub(super) fn code(code: u16, status: &str, text: &str) -> Reply {
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    match ReplyCode::new(code, status, &text) {
        Ok(reply) => Reply::Code(reply),
        Err(_) if code < 500 => Reply::TempFail,
        Err(_) => Reply::Reject,
    }
}
