//! Records for aggregate reports in the form of OpenDMARC's HistoryFile: `opendmarc-import` reads them into its database.

use nix::fcntl::{Flock, FlockArg};
use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use waxseal::{
    Report,
    arc::{Chain, Set},
    authres::{DkimResult, DmarcResult, SpfResult},
    dmarc::{AuthorVerdict, DomainPolicy, Record},
};

/// The file.
#[derive(Debug, Clone)]
pub(crate) struct History {
    path: PathBuf,
    /// Whether mail of domains without a DMARC record is recorded as well.
    all: bool,
}

/// What was done with a message, as OpenDMARC counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Done {
    Rejected = 0,
    Accepted = 2,
    Deferred = 3,
    Quarantined = 4,
}

/// A message to record.
#[derive(Debug)]
pub(crate) struct Arrival<'m> {
    pub(crate) id: &'m str,
    /// This host.
    pub(crate) reporter: &'m str,
    pub(crate) received: SystemTime,
    pub(crate) report: &'m Report,
    pub(crate) done: Done,
}

impl History {
    pub(crate) fn new(path: PathBuf, all: bool) -> Self {
        Self { path, all }
    }

    /// The lines about a message; none if it is not to be recorded: if its client has no address, its author is not clear or DNS
    /// failed.
    pub(crate) fn record(&self, arrival: &Arrival<'_>) -> Option<String> {
        let Arrival { id, reporter, received, report, done } = arrival;
        let author = report.dmarc().author()?;
        let is_judged = matches!(author.result(), DmarcResult::Pass | DmarcResult::Fail | DmarcResult::None);
        if !is_judged || !self.all && author.record().is_none() {
            return None;
        }
        let ip = report.envelope().ip()?;
        let received = received.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut text = String::new();
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            // Values come from strangers: bytes that would end a line are left out.
            let value: String = value.to_string().chars().filter(|c| !c.is_control()).collect();
            _ = writeln!(text, "{key} {value}");
        };
        line("job", &word(id));
        line("reporter", &word(reporter));
        line("received", &received);
        line("ipaddr", &ip);
        line("from", author.domain());
        line("mfrom", &sender(report));
        for verdict in report.dkim().iter() {
            if let (Some(domain), Some(selector)) = (verdict.domain(), verdict.selector()) {
                line("dkim", &format_args!("{domain} {selector} {}", dkim_code(verdict.result())));
            }
        }
        line("spf", &spf_code(report.spf().result()));
        line("pdomain", author.record_at().unwrap_or_else(|| author.domain()));
        policy_lines(author, &mut line);
        line("align_dkim", &aligned_code(author.dkim_aligned()));
        line("align_spf", &aligned_code(author.spf_aligned()));
        let is_pass = report.arc().is_some_and(Chain::is_pass);
        line("arc", &if is_pass { 0 } else { 7 });
        let is_trusted = report.trusted_forwarder().is_some();
        let sets = report.arc().map(Chain::sets).unwrap_or_default();
        line("arc_policy", &format_args!("{} json:[{}]", if is_trusted { 0 } else { 2 }, json(sets)));
        line("action", &(*done as u8));
        Some(text)
    }

    /// Appends the lines in one write, which is safe with other writers and during an import. A partial write, if the disk is full,
    /// is undone.
    pub(crate) fn append(&self, text: &str) -> io::Result<()> {
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(&self.path)?;
        let mut locked = lock(file);
        let length = locked.file().metadata()?.len();
        locked.file().write_all(text.as_bytes()).inspect_err(|_| {
            if let Locked::Alone(file) = &locked {
                _ = file.set_len(length);
            }
        })
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }
}

/// The file, and whether this process has the lock.
enum Locked {
    Alone(Flock<File>),
    /// Another process reads it for a long time; appending does not disturb it.
    Shared(File),
}

impl Locked {
    fn file(&mut self) -> &mut File {
        match self {
            Self::Alone(file) => file,
            Self::Shared(file) => file,
        }
    }
}

fn lock(mut file: File) -> Locked {
    for _ in 0..4 {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => return Locked::Alone(locked),
            Err((unlocked, _)) => file = unlocked,
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    Locked::Shared(file)
}

/// `MAIL FROM`'s domain, or that of HELO for the null sender. The import refuses records without one.
fn sender(report: &Report) -> String {
    let envelope = report.envelope();
    let text = match report.spf().domain() {
        Some(domain) => return domain.to_string(),
        None if envelope.is_null_sender() => envelope.helo(),
        None => envelope.mail_from(),
    };
    let text = String::from_utf8_lossy(text).to_lowercase();
    word(text.trim_matches(['<', '>']).rsplit('@').next().unwrap_or_default())
}

/// A text as one word.
fn word(text: &str) -> String {
    let word: String = text.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect();
    if word.is_empty() { "unknown".to_owned() } else { word }
}

/// What the domain requests; letters are written as numbers.
fn policy_lines(author: &AuthorVerdict, line: &mut impl FnMut(&str, &dyn std::fmt::Display)) {
    let letter = |policy: Option<DomainPolicy>| policy.and_then(|policy| policy.as_str().bytes().next());
    let policy = match (author.result(), author.evaluated_policy()) {
        (DmarcResult::Pass, _) => 15,
        (DmarcResult::None, _) => 14,
        (_, Some(DomainPolicy::Reject)) => 16,
        (_, Some(DomainPolicy::Quarantine)) => 17,
        _ => 18,
    };
    line("policy", &policy);
    let record = author.record();
    let reports = record.map(|record| record.aggregate_reports()).unwrap_or_default();
    for uri in reports {
        line("rua", &uri.as_str());
    }
    if reports.is_empty() {
        line("rua", &"-");
    }
    line("pct", &record.and_then(|record| record.percentage()).unwrap_or(100));
    let alignment = |of: fn(&Record) -> waxseal::dmarc::Alignment| {
        record.and_then(|record| of(record).as_str().bytes().next()).unwrap_or(b'r')
    };
    line("adkim", &alignment(Record::dkim_alignment));
    line("aspf", &alignment(Record::spf_alignment));
    line("p", &letter(record.and_then(|record| record.policy())).unwrap_or_default());
    line("sp", &letter(record.and_then(|record| record.subdomain_policy())).unwrap_or_default());
}

fn aligned_code(is_aligned: bool) -> u8 {
    if is_aligned { 4 } else { 5 }
}

fn spf_code(result: SpfResult) -> u8 {
    match result {
        SpfResult::Pass => 0,
        SpfResult::SoftFail => 2,
        SpfResult::Neutral => 3,
        SpfResult::TempError => 4,
        SpfResult::PermError => 5,
        SpfResult::Fail => 7,
        SpfResult::Policy => 8,
        _ => 6,
    }
}

fn dkim_code(result: DkimResult) -> u8 {
    match result {
        DkimResult::Pass => 0,
        DkimResult::Neutral => 3,
        DkimResult::TempError => 4,
        DkimResult::PermError => 5,
        DkimResult::Fail => 7,
        DkimResult::Policy => 8,
        _ => 6,
    }
}

/// The seals, newest first. Names of domains and selectors need no escapes.
fn json(sets: &[Set]) -> String {
    let seals = sets.iter().rev().filter_map(|set| {
        let (domain, selector) = (set.domain()?, set.selector()?);
        let ip = set.authentication_results().ok().and_then(|results| {
            let arc = results.entries().iter().find(|entry| entry.method() == "arc")?;
            let ip = arc.property("smtp", "remote-ip").or_else(|| arc.property("smtp", "client-ip"))?;
            ip.parse::<std::net::IpAddr>().ok()
        });
        let ip = ip.map(|ip| ip.to_string()).unwrap_or_default();
        let instance = set.instance();
        Some(format!("{{ \"i\": {instance}, \"d\":\"{domain}\", \"s\":\"{selector}\", \"ip\":\"{ip}\" }}"))
    });
    seals.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use waxseal::{Authenticator, Envelope, Zone};

    fn checked(from: &str, mail_from: &str) -> Report {
        let dns = Zone::new()
            .with_txt("a.example", "v=spf1 ip4:192.0.2.1 -all")
            .and_then(|dns| dns.with_txt("b.example", "v=spf1 -all"))
            .and_then(|dns| {
                dns.with_txt(
                    "_dmarc.a.example",
                    "v=DMARC1; p=reject; sp=none; adkim=s; rua=mailto:x@a.example,mailto:y@a.example",
                )
            })
            .unwrap();
        let envelope = Envelope::new("192.0.2.1".parse().unwrap(), "mail.a.example", mail_from);
        let message = format!("From: joe@{from}\r\n\r\nHi.\r\n");
        let authenticator = Authenticator::new("mx.example.net").unwrap();
        authenticator.check_blocking(&envelope, message.as_bytes(), SystemTime::now(), &dns)
    }

    fn record(history: &History, report: &Report, done: Done) -> Option<String> {
        let received = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        history.record(&Arrival { id: "4C5A", reporter: "mx.example.net", received, report, done })
    }

    #[test]
    fn a_record_has_the_lines_of_opendmarc_in_their_order() {
        let history = History::new("/dev/null".into(), false);
        let text = record(&history, &checked("a.example", "joe@a.example"), Done::Accepted).unwrap();
        assert_eq!(
            text,
            "job 4C5A\nreporter mx.example.net\nreceived 1700000000\nipaddr 192.0.2.1\nfrom a.example\nmfrom a.example\n\
             spf 0\npdomain a.example\npolicy 15\nrua mailto:x@a.example\nrua mailto:y@a.example\npct 100\nadkim 115\n\
             aspf 114\np 114\nsp 110\nalign_dkim 5\nalign_spf 4\narc 7\narc_policy 2 json:[]\naction 2\n"
        );
        let text = record(&history, &checked("a.example", "joe@b.example"), Done::Rejected).unwrap();
        for line in ["mfrom b.example\n", "spf 7\n", "policy 16\n", "align_spf 5\n", "action 0\n"] {
            assert!(text.contains(line), "{line}{text}");
        }
    }

    #[test]
    fn mail_of_domains_without_a_record_is_recorded_on_request() {
        let report = checked("c.example", "");
        assert_eq!(record(&History::new("/dev/null".into(), false), &report, Done::Accepted), None);
        let text = record(&History::new("/dev/null".into(), true), &report, Done::Accepted).unwrap();
        for line in ["mfrom mail.a.example\n", "policy 14\n", "rua -\n", "p 0\n"] {
            assert!(text.contains(line), "{line}{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_an_error_and_leaves_the_file_as_it_was() {
        let full = History::new("/dev/full".into(), false);
        assert_eq!(full.append("job x\n").unwrap_err().kind(), io::ErrorKind::StorageFull);
        let folder = tempfile::tempdir().unwrap();
        let history = History::new(folder.path().join("history"), false);
        history.append("job 1\n").unwrap();
        history.append("job 2\n").unwrap();
        assert_eq!(std::fs::read_to_string(history.path()).unwrap(), "job 1\njob 2\n");
    }

    #[test]
    fn an_import_under_way_keeps_no_mail_waiting() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let reader = File::create(&path).unwrap();
        let _reading = Flock::lock(reader, FlockArg::LockShared).map_err(|(_, error)| error).unwrap();
        History::new(path.clone(), false).append("job 1\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "job 1\n");
    }
}
