//! A message under way: fields come in, a decision is made when the header ends, changes come out.

mod end;

pub(crate) use end::Outcome;

use super::client::Client;
use crate::{
    filter::Filter,
    panics,
    resolver::Dns,
    roles::sign::{Decision, Submission},
};
use bytes::Bytes;
use end::{End, code, refusal};
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};
use tokio::task::JoinHandle;
use waxseal::{
    Authenticator, Envelope, Session,
    dkim::{Inspection, Signing},
    dns::{Answers, drive},
    header::{Header, HeaderBuilder, HeaderError, Space},
};
use waxseal_milter::{HeaderField, Reply};

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

    /// A message that cannot be dealt with and has to wait.
    pub(crate) fn refused(filter: Arc<Filter>, client: Client, why: String) -> Self {
        let reply = code(451, "4.3.0", "Internal error, try again later");
        let mut message = Self::new(filter, client, Bytes::new());
        (message.work, message.reasons) = (Work::Refuse(reply), vec![why]);
        message
    }

    pub(crate) fn recipient(&mut self, address: Bytes) {
        // Only for rules about recipients; more than mail servers take by default need not be looked at.
        const MAX: usize = 1_000;
        if self.recipients.len() < MAX {
            self.recipients.push(address);
        }
    }

    pub(crate) fn field(&mut self, field: &HeaderField, space: Space) {
        panics::wanted_by_test(field.name());
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

    /// Ends a message to which nothing is done.
    pub(crate) fn left(self) -> Outcome {
        let Self { filter, client, sender, work, reasons, began, .. } = self;
        let reply = if let Work::Refuse(reply) = work { reply } else { Reply::Continue };
        End { filter: &filter, client: &client, sender: &sender, id: "", reasons, began }.left(reply)
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
