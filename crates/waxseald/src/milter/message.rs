//! A message under way: fields come in, a decision is made when the header ends, changes come out.

use super::client::Client;
use crate::{
    filter::Filter,
    resolver::Dns,
    roles::sign::{Decision, Submission},
    settings::Action,
};
use bytes::Bytes;
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};
use tokio::task::JoinHandle;
use waxseal::{
    Authenticator, Envelope, Report, Session,
    dkim::{Inspection, SignError, Signing},
    dns::{Answers, drive},
    header::{Header, HeaderBuilder, HeaderError, Space},
};
use waxseal_milter::{HeaderField, InvalidModification, Modification, Reply, ReplyCode};

/// A message that the mail server hands over piece by piece.
#[derive(Debug)]
pub(crate) struct Message {
    filter: Arc<Filter>,
    client: Client,
    sender: Bytes,
    recipients: Vec<Bytes>,
    work: Work,
    /// What the log says of it beside the result.
    reasons: Vec<String>,
    began: Instant,
}

/// How far the work is.
#[derive(Debug)]
enum Work {
    Header(HeaderBuilder),
    /// Nothing is done with it.
    Leave,
    Sign(Box<SignWork>),
    Check(Box<CheckWork>),
    /// It is not taken as it is.
    Refuse(Reply),
}

#[derive(Debug)]
struct SignWork {
    signing: Signing,
    inspection: Inspection,
    header: Header,
    rule: String,
}

#[derive(Debug)]
struct CheckWork {
    session: Session,
    header: Header,
    lookups: Lookups,
}

/// Lookups beside the body, which end with the message.
#[derive(Debug)]
struct Lookups(JoinHandle<Answers<'static>>);

impl Drop for Lookups {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) changes: Vec<Modification>,
    pub(crate) reply: Reply,
    /// One line for the log, without the queue id.
    pub(crate) line: String,
}

/// What the mail server told by macros.
pub(crate) type Macros<'m> = &'m dyn Fn(&str) -> Option<String>;

impl Message {
    pub(crate) fn new(filter: Arc<Filter>, client: Client, sender: Bytes) -> Self {
        let is_peer = filter.peers.contain(&client.name, client.ip);
        let header = HeaderBuilder::new(filter.header_limits);
        let work = if is_peer { Work::Leave } else { Work::Header(header) };
        let reasons = if is_peer { vec![format!("{} is in PeerList", client.shown())] } else { Vec::new() };
        Self { filter, client, sender, recipients: Vec::new(), work, reasons, began: Instant::now() }
    }

    pub(crate) fn recipient(&mut self, address: Bytes) {
        // Only for rules about recipients; more than mail servers take by default need not be looked at.
        const MAX: usize = 1_000;
        if self.recipients.len() < MAX {
            self.recipients.push(address);
        }
    }

    pub(crate) fn field(&mut self, field: &HeaderField, space: Space) {
        if let Work::Header(builder) = &mut self.work
            && let Err(error) = builder.push(field.name(), field.value(), space)
        {
            self.refuse_header(&error);
        }
    }

    /// Decides what is done with the message.
    pub(crate) fn end_header(&mut self, macros: Macros<'_>, dns: &Dns) {
        if !matches!(self.work, Work::Header(_)) {
            return;
        }
        let Work::Header(builder) = std::mem::replace(&mut self.work, Work::Leave) else { return };
        let header = builder.finish();
        let filter = self.filter.clone();
        if let Some(sign) = &filter.sign {
            let (client, recipients) = (&self.client, &self.recipients[..]);
            let submission = Submission { client, header: &header, recipients, macros };
            match sign.decide(&submission) {
                Decision::Sign { signers, rule } => return self.begin_signing(&signers, header, rule),
                Decision::Leave(reasons) => self.reasons = reasons,
                Decision::Exempt(reason) => return self.reasons = vec![reason],
                Decision::Trouble(trouble) => {
                    let action = if matches!(trouble, crate::keys::KeyTrouble::Unreadable(_)) {
                        filter.actions.internal_error
                    } else {
                        filter.actions.security
                    };
                    self.reasons = vec![trouble.to_string()];
                    self.work = refusal(action, &trouble.to_string()).map_or(Work::Leave, Work::Refuse);
                    return;
                }
            }
        }
        let Some(checks) = &filter.checks else { return };
        if let Some(reason) = checks.ignores(&self.client, macros("{auth_type}").is_some(), &header) {
            self.reasons.push(reason);
            return;
        }
        self.begin_check(checks.authenticator(), header, dns);
    }

    pub(crate) fn body(&mut self, chunk: &[u8]) {
        match &mut self.work {
            Work::Sign(work) => {
                // An error is kept by the signing, and said at the end.
                _ = work.signing.push(chunk);
                work.inspection.push(chunk);
            }
            Work::Check(work) => work.session.body(chunk),
            Work::Header(_) | Work::Leave | Work::Refuse(_) => {}
        }
    }

    /// Ends the message. Waits for DNS where it has to.
    pub(crate) async fn finish(self, id: String, dns: &Dns) -> Outcome {
        let Self { filter, client, sender, work, reasons, began, .. } = self;
        let end = End { filter: &filter, client: &client, sender: &sender, id: &id, reasons, began };
        match work {
            Work::Header(_) | Work::Leave => end.left(Reply::Continue),
            Work::Refuse(reply) => end.left(reply),
            Work::Sign(work) => end.signed(*work),
            Work::Check(work) => {
                let CheckWork { session, header, mut lookups } = *work;
                let answers = (&mut lookups.0).await.unwrap_or_default();
                let report = drive(session.finish().with_answers(answers), &**dns).await;
                end.checked(&report, &header)
            }
        }
    }

    fn begin_signing(&mut self, signers: &[waxseal::Signer], header: Header, rule: String) {
        let inspection = Inspection::with_header(signers, &header);
        match Signing::with_header(signers, header.clone(), SystemTime::now()) {
            Ok(signing) => self.work = Work::Sign(Box::new(SignWork { signing, inspection, header, rule })),
            Err(error) => self.reasons = vec![error.to_string()],
        }
    }

    fn begin_check(&mut self, authenticator: &Authenticator, header: Header, dns: &Dns) {
        let envelope = match self.client.ip {
            Some(ip) => Envelope::new(ip, &self.client.helo, &self.sender),
            None => Envelope::without_address(&self.client.helo, &self.sender),
        };
        let session = authenticator.begin_with_header(&envelope, header.clone(), SystemTime::now());
        let (lookups, dns) = (session.lookups(), dns.clone());
        let lookups = Lookups(tokio::spawn(async move { lookups.resolve(&*dns).await }));
        self.work = Work::Check(Box::new(CheckWork { session, header, lookups }));
    }

    fn refuse_header(&mut self, error: &HeaderError) {
        let text = format!("header cannot be read: {error}");
        self.work = Work::Refuse(code(550, "5.6.0", &text));
        self.reasons = vec![text];
    }
}

/// A message at its end, but for what was done with it.
struct End<'m> {
    filter: &'m Filter,
    client: &'m Client,
    sender: &'m [u8],
    id: &'m str,
    reasons: Vec<String>,
    began: Instant,
}

impl End<'_> {
    fn line(&self, what: &str) -> String {
        let sender = self.sender.escape_ascii();
        let (client, time) = (self.client.shown(), self.began.elapsed().as_millis());
        format!("{what} from={sender} client={client} time={time}ms")
    }

    /// A message to which nothing is done.
    fn left(self, reply: Reply) -> Outcome {
        let why = self.reasons.join("; ");
        let what = match (&reply, self.filter.sign.is_some()) {
            (Reply::Continue, true) => format!("not signed: {why}"),
            (Reply::Continue, false) => format!("not checked: {why}"),
            _ => format!("{reply}: {why}"),
        };
        Outcome { changes: Vec::new(), line: self.line(&what), reply }
    }

    fn signed(mut self, work: SignWork) -> Outcome {
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
            changes.push(inserted(field)?);
        }
        changes.extend(self.software()?);
        Ok(changes)
    }

    fn software(&self) -> Result<Option<Modification>, InvalidModification> {
        let Some((name, software)) = &self.filter.software else { return Ok(None) };
        let value = format!(" {software} {} {}", self.filter.host, self.id);
        Modification::insert_header(0, name, value.trim_end()).map(Some)
    }

    fn checked(mut self, report: &Report, header: &Header) -> Outcome {
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
        fields.extend(checks.results(report, &id).map(|results| results.to_field()));
        for field in &fields {
            changes.push(inserted(field).map_err(|error| error.to_string())?);
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

/// A field that is put on top.
fn inserted(field: &str) -> Result<Modification, InvalidModification> {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    Modification::insert_header(0, name, value)
}

fn removed(name: &str, occurrence: usize) -> Result<Modification, String> {
    let number = u32::try_from(occurrence).map_err(|error| error.to_string())?;
    Modification::remove_header(name, number).map_err(|error| error.to_string())
}

/// The reply of an action, if it is one.
fn refusal(action: Action, reason: &str) -> Option<Reply> {
    match action {
        Action::Accept | Action::Quarantine => None,
        Action::Discard => Some(Reply::Discard),
        Action::Reject => Some(code(550, "5.7.1", reason)),
        Action::TempFail => Some(code(451, "4.7.1", "Service unavailable - try again later")),
    }
}

/// A reply with a text of at most a line; one that cannot be said is the mail server's own.
fn code(code: u16, status: &str, text: &str) -> Reply {
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    match ReplyCode::new(code, status, &text) {
        Ok(reply) => Reply::Code(reply),
        Err(_) if code < 500 => Reply::TempFail,
        Err(_) => Reply::Reject,
    }
}
