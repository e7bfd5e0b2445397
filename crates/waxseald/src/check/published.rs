//! Whether DNS shows the keys that sign.

use super::{findings::Findings, keys::Subject};
use crate::{
    daemon::DaemonError,
    resolver::{Dns, resolver},
    settings,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};
use waxseal::{
    dkim::{KeyRecord, Severity, publish::Audit},
    dns::drive,
};

/// Keys that are looked up at a time.
const AT_ONCE: usize = 64;
/// What one lookup may take, and what all of them may.
const ONE: Duration = Duration::from_secs(5);
const ALL: Duration = Duration::from_secs(60);

/// What is wrong with a key in DNS.
#[derive(Debug, PartialEq, Eq)]
enum Trouble {
    /// It cannot verify.
    Error(String),
    /// It may.
    Warning(String),
}

/// Compares the keys with DNS; servers that do not answer are a warning.
pub(super) fn compare(
    subjects: &[Subject],
    dns: &settings::Dns,
    findings: &mut Findings,
) -> Result<(), DaemonError> {
    if subjects.is_empty() {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| DaemonError::System { what: "runtime", error })?;
    let troubles = runtime.block_on(async {
        let dns = resolver(dns).map_err(|error| DaemonError::Settings(format!("DNS: {error}")))?;
        Ok::<_, DaemonError>(look_up(subjects, &dns).await)
    })?;
    for (place, trouble) in troubles {
        match trouble {
            Trouble::Error(text) => findings.errors.push(format!("{place}: {text}")),
            Trouble::Warning(text) => findings.warnings.push(format!("{place}: {text}")),
        }
    }
    Ok(())
}

async fn look_up(subjects: &[Subject], dns: &Dns) -> Vec<(String, Trouble)> {
    let (places, mut lookups) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for (index, subject) in subjects.iter().cloned().enumerate() {
        let (places, dns) = (places.clone(), dns.clone());
        lookups.spawn(async move {
            let _place = places.acquire_owned().await;
            let trouble = timeout(ONE, trouble(&subject, &dns)).await;
            let late = |_| Some(Trouble::Warning(format!("{}: DNS did not answer in time", shown(&subject))));
            (index, subject.place.clone(), trouble.unwrap_or_else(late))
        });
    }
    let (end, mut found, mut asked) = (Instant::now() + ALL, Vec::new(), 0);
    while let Ok(Some(joined)) = timeout_at(end, lookups.join_next()).await {
        asked += 1;
        if let Ok((index, place, Some(trouble))) = joined {
            found.push((index, place, trouble));
        }
    }
    found.sort_by_key(|(index, ..)| *index);
    let mut found: Vec<_> = found.into_iter().map(|(_, place, trouble)| (place, trouble)).collect();
    if asked < subjects.len() {
        let text = format!(
            "{} of {} keys were not compared with DNS in time",
            subjects.len() - asked,
            subjects.len()
        );
        found.push(("DNS".to_owned(), Trouble::Warning(text)));
    }
    found
}

fn shown(subject: &Subject) -> String {
    format!("{}._domainkey.{}", subject.selector, subject.domain)
}

async fn trouble(subject: &Subject, dns: &Dns) -> Option<Trouble> {
    let audit = match Audit::new(&subject.selector, &subject.domain) {
        Ok(audit) => audit,
        Err(error) => return Some(Trouble::Error(format!("{}: {error}", shown(subject)))),
    };
    let report = drive(audit, &**dns).await;
    let keys: Vec<_> = report.records().filter_map(|(_, text)| KeyRecord::parse(text).ok()).collect();
    if keys.iter().any(|key| key.public_key() == Some(&subject.public)) {
        return None;
    }
    let name = shown(subject);
    if keys.iter().any(KeyRecord::is_revoked) {
        return Some(Trouble::Error(format!("{name}: the record says that the key is revoked")));
    }
    if keys.iter().any(|key| key.public_key().is_some()) {
        let text = format!("{name}: another key is published; publish what `waxseal key show` prints");
        return Some(Trouble::Error(text));
    }
    // What is published cannot be read, or nothing is, or DNS does not say.
    let worst = report.findings().iter().max_by_key(|finding| finding.severity() == Severity::Error)?;
    let text = format!("{name}: {}", worst.problem());
    let is_known = report.records().next().is_some() || worst.id() == "no-record";
    Some(if is_known { Trouble::Error(text) } else { Trouble::Warning(text) })
}
