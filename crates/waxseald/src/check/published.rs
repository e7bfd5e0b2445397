//! Whether DNS shows the keys that sign.

use super::{
    findings::Findings,
    keys::{Subject, that_sign},
};
use crate::{
    daemon::DaemonError,
    resolver::{Dns, resolver},
    roles::publish_check::{Expected, Published},
    settings,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, timeout, timeout_at},
};

/// Keys that are looked up at a time.
const AT_ONCE: usize = 64;
/// What one lookup may take, and what all of them may.
const ONE: Duration = Duration::from_secs(5);
const ALL: Duration = Duration::from_secs(60);

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
    let found = runtime.block_on(async {
        let dns = resolver(dns).map_err(|error| DaemonError::Settings(format!("DNS: {error}")))?;
        Ok::<_, DaemonError>(look_up(subjects, &dns).await)
    })?;
    let (asked, signing) = (found.len(), that_sign(subjects));
    for (index, published) in found {
        let Some(subject) = subjects.get(index) else { continue };
        let place = &subject.place;
        // A new key waits for its record while another one signs.
        let is_spare = !subject.life.signs() && signing.contains(&subject.domain);
        let Some(text) = published.explained() else { continue };
        let list =
            if is_spare || published.is_unknown() { &mut findings.warnings } else { &mut findings.errors };
        list.push(format!("{place}: {text}"));
    }
    if asked < subjects.len() {
        let missing = subjects.len() - asked;
        let text = format!("DNS: {missing} of {} keys were not compared with DNS in time", subjects.len());
        findings.warnings.push(text);
    }
    Ok(())
}

/// What DNS has for each key that was asked for in time, by number.
async fn look_up(subjects: &[Subject], dns: &Dns) -> Vec<(usize, Published)> {
    let (places, mut lookups) = (Arc::new(Semaphore::new(AT_ONCE)), JoinSet::new());
    for (index, subject) in subjects.iter().cloned().enumerate() {
        let (places, dns) = (places.clone(), dns.clone());
        lookups.spawn(async move {
            let _place = places.acquire_owned().await;
            (index, published(&subject, &dns).await)
        });
    }
    let (end, mut found) = (Instant::now() + ALL, Vec::new());
    while let Ok(Some(joined)) = timeout_at(end, lookups.join_next()).await {
        found.extend(joined.ok());
    }
    found.sort_by_key(|(index, ..)| *index);
    found
}

async fn published(subject: &Subject, dns: &Dns) -> Published {
    let expected = Expected::new(&subject.domain, &subject.selector, &subject.public);
    let Some(expected) = expected else { return Published::Nameless };
    timeout(ONE, expected.look_up(&**dns)).await.unwrap_or_else(|_| expected.late())
}
