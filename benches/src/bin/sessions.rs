//! What sessions of the inbound check hold while their bodies are under way:
//! `cargo run --release -p waxseal-benches --bin sessions`.
//!
//! Resident memory of the process, before and after the header and half of the body have gone into each of 10,000 sessions, and the
//! same after the header alone. Sessions that never end would prove nothing, so all are finished and have to pass.

use waxseal::{Session, dns::drive_blocking};
use waxseal_authres::DmarcResult;
use waxseal_benches::{
    Error, corpus,
    inbound::{Inbound, authenticator, envelope, published},
    lab::{Lab, now},
};
use waxseal_crypto::ring;

/// So many at a time.
const SESSIONS: usize = 10_000;

fn main() -> Result<(), Error> {
    let lab = Lab::new()?;
    println!("size_of Session: {} bytes", size_of::<Session>());
    measure("2 KB", &Inbound::new(&lab, &published(&lab)?, &corpus::letter())?)?;
    Ok(())
}

fn measure(name: &str, inbound: &Inbound) -> Result<(), Error> {
    let message = &inbound.signed.message;
    let header = message.len() - corpus::body(message).len();
    let half = header + (message.len() - header) / 2;
    let (header, rest) = message.split_at_checked(header).ok_or("no header")?;
    let (front, back) = rest.split_at_checked(half - header.len()).ok_or("no body")?;
    let authenticator = authenticator(ring::PROVIDER, false);
    let before = resident()?;
    let mut sessions: Vec<Session> = Vec::with_capacity(SESSIONS);
    for _ in 0..SESSIONS {
        let mut session = authenticator.begin(&envelope(), now());
        session.push(header);
        sessions.push(session);
    }
    let begun = resident()?;
    // In chunks of a milter, one chunk for each session in turn, as they arrive.
    for chunk in front.chunks(16 * 1024) {
        for session in &mut sessions {
            session.push(chunk);
        }
    }
    let under_way = resident()?;
    println!(
        "{name}: {} bytes of header; {SESSIONS} sessions hold {} bytes each behind the header, {} with half of the body",
        header.len(),
        begun.saturating_sub(before) / SESSIONS,
        under_way.saturating_sub(before) / SESSIONS,
    );
    for mut session in sessions {
        session.push(back);
        let report = drive_blocking(session.finish(), &*inbound.zone);
        if report.dmarc().result() != DmarcResult::Pass {
            return Err(report.to_string().into());
        }
    }
    Ok(())
}

/// Bytes of this process in memory.
fn resident() -> Result<usize, Error> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    let kibibytes: usize = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes * 1024)
}
