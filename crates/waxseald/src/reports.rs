//! Failure reports: of DKIM signatures that ask for them (RFC 6651), and of DMARC (RFC 9991), in the Abuse Reporting Format.

mod arf;
mod complaint;
mod dkim;
mod dmarc;
mod limits;
mod send;
mod spool;

use crate::{resolver::Dns, settings::ReportSettings};
use arf::Letterhead;
use complaint::{Complaint, line};
use limits::Limits;
use send::NotSent;
use spool::Spool;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{sync::Notify, time::timeout};
use waxseal::{Report, header::Header};

pub(crate) use complaint::Incident;

/// Who sends reports, and how.
#[derive(Debug)]
pub(crate) struct Reports {
    settings: ReportSettings,
    letterhead: Letterhead,
    spool: Spool,
    limits: Mutex<Limits>,
    /// Signals that the spool has a new report.
    written: Notify,
}

/// The most reports about one message: "a report generator SHOULD establish an upper bound" (RFC 6651 §3.3).
const MAX_REPORTS: usize = 3;
/// How long a reply waits for a text in DNS.
const REPLY_TEXT: Duration = Duration::from_secs(5);
/// How long one delivery may take.
const DELIVERY: Duration = Duration::from_secs(60);
/// How often the spool is checked for leftovers, and the delay after a failed delivery.
const ROUND: Duration = Duration::from_secs(60);
const RETRY: Duration = Duration::from_secs(300);

impl Reports {
    /// Opens the spool; `None` if no reports are to be sent.
    pub(crate) fn load(settings: &ReportSettings, host: &str) -> Result<Option<Self>, String> {
        if !settings.dkim && !settings.dmarc {
            return Ok(None);
        }
        let path = settings.spool.clone().unwrap_or_else(spool::default_path);
        let spool = Spool::open(&path).map_err(|error| {
            format!(
                "ReportSpool {}: {error}: no reports are sent; make the folder and give it to the user of the daemon",
                path.display()
            )
        })?;
        let from = settings.from.clone().unwrap_or_else(|| format!("waxseald <postmaster@{host}>"));
        Ok(Some(Self {
            settings: settings.clone(),
            letterhead: Letterhead {
                from: line(&from),
                host: host.to_owned(),
                bcc: line(&settings.bcc.join(", ")),
            },
            spool,
            limits: Mutex::default(),
            written: Notify::new(),
        }))
    }

    /// Writes the reports requested for a message into the spool. This looks up DNS, so no message should wait for it.
    pub(crate) async fn consider(&self, incident: &Incident, dns: &Dns) {
        let Ok(header) = incident.report.header() else { return };
        if is_report(header) {
            return;
        }
        let mut complaints = Vec::new();
        if self.settings.dkim {
            complaints.extend(dkim::complaints(&incident.report, header, &**dns).await);
        }
        if self.settings.dmarc {
            let wanted = dmarc::complaint(&incident.report, &self.settings, &**dns).await;
            complaints.extend(wanted);
        }
        for complaint in complaints.into_iter().take(MAX_REPORTS) {
            self.write(complaint, incident, header).await;
        }
    }

    /// What a domain whose signature failed wants in the reply that rejects the message (RFC 6651).
    pub(crate) async fn reply_text(&self, report: &Report, dns: &Dns) -> Option<String> {
        let header = report.header().ok().filter(|_| self.settings.dkim)?;
        timeout(REPLY_TEXT, dkim::reply_text(report, header, &**dns)).await.ok().flatten()
    }

    async fn write(&self, mut complaint: Complaint, incident: &Incident, header: &Header) {
        let (id, now) = (&incident.id, incident.received);
        self.limit(&mut complaint.to, now);
        let mut recipients = complaint.to.clone();
        recipients.extend(self.settings.bcc.iter().cloned());
        if recipients.is_empty() {
            tracing::info!("{id}: no failure report for {}: too many within an hour", complaint.domain);
            return;
        }
        let text = self.letterhead.message(&complaint, incident, header);
        let (spool, shown) = (self.spool.clone(), recipients.join(", "));
        let written = tokio::task::spawn_blocking(move || spool.put(&recipients, &text)).await;
        match written.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(()) => {
                tracing::info!(
                    "{id}: {} failure report for {} to {shown}",
                    complaint.method,
                    complaint.domain
                );
                self.written.notify_one();
            }
            Err(error) => tracing::error!("{id}: no failure report for {}: spool: {error}", complaint.domain),
        }
    }

    /// Drops recipients that have reached their limit within the hour.
    fn limit(&self, to: &mut Vec<String>, now: SystemTime) {
        let mut limits = self.limits.lock().unwrap_or_else(PoisonError::into_inner);
        to.retain(|to| limits.admits(to, now));
    }

    /// Sends the reports in the spool; false if some are left.
    async fn deliver(&self) -> bool {
        for path in self.spool.waiting() {
            let Ok(letter) = self.spool.read(&path) else { continue };
            let sent =
                timeout(DELIVERY, send::send(&self.settings.delivery, &self.letterhead.host, &letter)).await;
            match sent.unwrap_or_else(|_| Err(NotSent::Later("it took too long".to_owned()))) {
                Ok(()) => self.spool.remove(&path),
                Err(NotSent::Never(why)) => {
                    tracing::warn!("failure report {} was refused: {why}", path.display());
                    self.spool.remove(&path);
                }
                Err(NotSent::Later(why)) => {
                    tracing::warn!("failure report {} waits: {why}", path.display());
                    return false;
                }
            }
        }
        true
    }
}

/// Sends reports from the spool with the current settings, forever.
pub(crate) async fn run(current: impl Fn() -> Option<Arc<Reports>>) {
    loop {
        let Some(reports) = current() else {
            tokio::time::sleep(ROUND).await;
            continue;
        };
        if reports.deliver().await {
            _ = timeout(ROUND, reports.written.notified()).await;
        } else {
            tokio::time::sleep(RETRY).await;
        }
    }
}

/// Reports about reports would cause loops.
fn is_report(header: &Header) -> bool {
    let types = header.fields().filter(|field| field.is("Content-Type"));
    let mut values = types.map(|field| String::from_utf8_lossy(field.value()).to_ascii_lowercase());
    values.any(|value| value.contains("multipart/report") || value.contains("message/feedback-report"))
}
