//! A message in progress: fields come in, the end of the header brings a decision, and changes come out.

mod end;
mod forged;
mod line;

pub(crate) use end::Outcome;
pub(crate) use line::Line;

use super::client::Client;
use crate::{
    filter::Filter,
    metrics::{Counted, metrics},
    panics,
    resolver::Dns,
    roles::{
        checks::Checks,
        publish_check::{Expected, look_up},
        sign::{Decision, Submission},
        trusted::Told,
    },
    settings::PublishCheck,
};
use bytes::Bytes;
use end::{Checked, End, SignWork, Task, code, refusal};
use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};
use waxseal::{
    Envelope, Session, Signer,
    dkim::{Inspection, Signing},
    dns::{Answers, drive},
    header::{Header, HeaderBuilder, HeaderError, Space, line_ends::ToCrlf},
};
use waxseal_milter::{HeaderField, Reply};

/// A message that the mail server passes on piece by piece.
#[derive(Debug)]
pub(crate) struct Message {
    filter: Arc<Filter>,
    client: Client,
    sender: Bytes,
    recipients: Vec<Bytes>,
    work: Work,
    /// Corrects the line ends of the body.
    fixing: Option<ToCrlf>,
    /// What the log reports of it in addition to the result.
    reasons: Vec<String>,
    began: Instant,
    /// A process that is to end waits for it.
    _under_way: Counted,
}

/// The stage of the work.
#[derive(Debug)]
enum Work {
    Header(HeaderBuilder),
    /// It is left alone.
    Leave,
    Sign(Box<SignWork>),
    Check(Box<CheckWork>),
    /// It is refused.
    Refuse(Reply),
}

#[derive(Debug)]
struct CheckWork {
    session: Session,
    header: Header,
    /// What other programs of the site wrote into it.
    told: Option<Told>,
    /// Lookups beside the body.
    ahead: Option<Task<Answers<'static>>>,
}

impl Work {
    fn body(&mut self, chunk: &[u8]) {
        match self {
            // The signing keeps an error and returns it at the end.
            Self::Sign(work) => _ = work.signing.push(chunk),
            Self::Check(work) => work.session.body(chunk),
            Self::Header(_) | Self::Leave | Self::Refuse(_) => {}
        }
    }
}

/// What the mail server reported in macros.
pub(crate) type Macros<'m> = &'m dyn Fn(&str) -> Option<String>;

impl Message {
    pub(crate) fn new(filter: Arc<Filter>, client: Client, sender: Bytes) -> Self {
        let is_peer = filter.peers.contain(&client.name, client.ip);
        let header = HeaderBuilder::new(filter.header_limits);
        let work = if is_peer { Work::Leave } else { Work::Header(header) };
        let reasons = if is_peer { vec![format!("{} is in PeerList", client.shown())] } else { Vec::new() };
        let fixing = filter.fix_line_ends.then(ToCrlf::default);
        Self {
            filter,
            client,
            sender,
            recipients: Vec::new(),
            work,
            fixing,
            reasons,
            began: Instant::now(),
            _under_way: metrics().under_way(),
        }
    }

    /// A message that cannot be handled and must be deferred.
    pub(crate) fn refused(filter: Arc<Filter>, client: Client, why: String) -> Self {
        let reply = code(451, "4.3.0", "Internal error, try again later");
        let mut message = Self::new(filter, client, Bytes::new());
        (message.work, message.reasons) = (Work::Refuse(reply), vec![why]);
        message
    }

    pub(crate) fn recipient(&mut self, address: Bytes) {
        // Only for rules about recipients, which none of them escapes; mail servers take 1,000 by default.
        const MAX: usize = 10_000;
        if self.recipients.len() < MAX {
            self.recipients.push(address);
        } else if matches!(self.work, Work::Header(_)) {
            self.work = Work::Refuse(code(451, "4.5.3", "Too many recipients"));
            self.reasons = vec![format!("more than {MAX} recipients")];
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

    /// Decides what to do with the message.
    pub(crate) fn end_header(&mut self, macros: Macros<'_>, dns: &Dns) {
        if !matches!(self.work, Work::Header(_)) {
            return;
        }
        let Work::Header(builder) = std::mem::replace(&mut self.work, Work::Leave) else { return };
        let header = builder.finish();
        let filter = self.filter.clone();
        let authenticated = macros("{auth_type}").is_some();
        let ignored =
            filter.checks.as_ref().and_then(|checks| checks.ignores(&self.client, authenticated, &header));
        if let Some(reason) = ignored.as_ref().filter(|_| filter.sign.is_none()) {
            return self.reasons.push(reason.clone());
        }
        if let Some(broken) = filter.header_rules.broken(&header) {
            if filter.header_rules.refuses() {
                self.work = Work::Refuse(code(550, "5.6.0", &broken));
            }
            return self.reasons.push(broken);
        }
        if let Some(sign) = &filter.sign {
            let (client, recipients) = (&self.client, &self.recipients[..]);
            let submission = Submission { client, header: &header, recipients, macros };
            match sign.decide(&submission) {
                Decision::Leave(reasons) => self.reasons = reasons,
                decided => return self.decided(decided, header, sign.publish_check(), dns),
            }
        }
        match (&filter.checks, ignored) {
            (Some(_), Some(reason)) => self.reasons.push(reason),
            (Some(checks), None) => self.begin_check(checks, header),
            (None, _) => {}
        }
    }

    /// Acts on a decision after which the mail is not checked.
    fn decided(&mut self, decision: Decision, header: Header, check: PublishCheck, dns: &Dns) {
        let actions = self.filter.actions;
        let (reason, refusal) = match decision {
            Decision::Sign { signers, expected, rule, warnings } => {
                self.reasons.extend(warnings);
                return self.begin_signing(&signers, (expected, check), (header, rule), dns);
            }
            Decision::Leave(reasons) => return self.reasons = reasons,
            Decision::Exempt(reason) => (reason, None),
            Decision::Refuse(reason) => {
                let reply = code(550, "5.7.1", &reason);
                (reason, Some(reply))
            }
            Decision::Trouble(trouble) => {
                let is_unreadable = matches!(trouble, crate::keys::KeyTrouble::Unreadable(_));
                let action = if is_unreadable { actions.internal_error } else { actions.security };
                (trouble.to_string(), refusal(action, &trouble.to_string()))
            }
        };
        self.reasons = vec![reason];
        self.work = refusal.map_or(Work::Leave, Work::Refuse);
    }

    pub(crate) fn body(&mut self, chunk: &[u8]) {
        if let Work::Sign(work) = &mut self.work {
            work.inspection.push(chunk);
        }
        let mut fixed = Vec::new();
        let chunk = match &mut self.fixing {
            Some(fixing) => {
                fixing.push(chunk, &mut fixed);
                &fixed[..]
            }
            None => chunk,
        };
        self.work.body(chunk);
    }

    /// Ends a message that is left alone.
    pub(crate) fn left(self) -> Outcome {
        let Self { filter, client, sender, work, reasons, began, _under_way, .. } = self;
        let reply = if let Work::Refuse(reply) = work { reply } else { Reply::Continue };
        End { filter: &filter, client: &client, sender: &sender, id: "", reasons, began }.left(reply)
    }

    /// Ends the message, after waiting for DNS if needed.
    pub(crate) async fn finish(self, id: &str, dns: &Dns) -> Outcome {
        let Self { filter, client, sender, recipients, mut work, fixing, reasons, began, _under_way } = self;
        if let Some(fixing) = fixing {
            let mut rest = Vec::new();
            fixing.finish(&mut rest);
            work.body(&rest);
        }
        let end = End { filter: &filter, client: &client, sender: &sender, id, reasons, began };
        match work {
            Work::Header(_) | Work::Leave => end.left(Reply::Continue),
            Work::Refuse(reply) => end.left(reply),
            Work::Sign(work) => end.signed(*work).await,
            Work::Check(work) => {
                let CheckWork { session, header, told, ahead } = *work;
                let mut check = session.finish();
                if let Some(mut task) = ahead {
                    check = check.with_answers((&mut task.0).await.unwrap_or_default());
                }
                if let Some(told) = &told {
                    check = check.with_identifiers(told.identifiers.clone());
                }
                let report = drive(check, &**dns).await;
                let (header, recipients, told) = (&header, &recipients[..], told.as_ref());
                end.checked(&Checked { report, header, recipients, told }, dns).await
            }
        }
    }

    fn begin_signing(
        &mut self,
        signers: &[Signer],
        (expected, check): (Vec<Option<Expected>>, PublishCheck),
        (header, rule): (Header, String),
        dns: &Dns,
    ) {
        let inspection = Inspection::with_header(signers, &header);
        match Signing::with_header(signers, header.clone(), SystemTime::now()) {
            Ok(signing) => {
                let published = (check != PublishCheck::Off).then(|| {
                    let dns = dns.clone();
                    Task::spawn(async move { look_up(&expected, &*dns).await })
                });
                let work = SignWork { signing, inspection, header, rule, check, published };
                self.work = Work::Sign(Box::new(work));
            }
            Err(error) => self.reasons = vec![error.to_string()],
        }
    }

    /// Starts what can be looked up before the message has ended, now that more of it is waited for. A message that came as a whole
    /// needs no task beside it.
    pub(crate) fn look_ahead(&mut self, dns: &Dns) {
        if let Work::Check(work) = &mut self.work
            && work.ahead.is_none()
        {
            let (lookups, dns) = (work.session.lookups(), dns.clone());
            work.ahead = Some(Task::spawn(async move { lookups.resolve(&*dns).await }));
        }
    }

    fn begin_check(&mut self, checks: &Checks, header: Header) {
        let (authenticator, told) = checks.begin(&header, &self.sender);
        let envelope = match self.client.ip {
            Some(ip) => Envelope::new(ip, &self.client.helo, &self.sender),
            None => Envelope::without_address(&self.client.helo, &self.sender),
        };
        let session = authenticator.begin_with_header(&envelope, header.clone(), SystemTime::now());
        self.work = Work::Check(Box::new(CheckWork { session, header, told, ahead: None }));
    }

    fn refuse_header(&mut self, error: &HeaderError) {
        let text = format!("header cannot be read: {error}");
        self.work = Work::Refuse(code(550, "5.6.0", &text));
        self.reasons = vec![text];
    }
}
