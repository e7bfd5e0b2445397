//! The verdict on a message on one line.

use crate::{
    check::Told,
    terminal::{self, visible},
};
use waxseal::{Report, authres::DkimResult, dkim::Verdict};

/// `signed.eml  deliver     spf pass · dkim pass example.org · dmarc pass`
pub(crate) fn line(name: &str, report: &Report, told: &Told) -> String {
    let methods = methods(report).join(" · ");
    let mut line = format!("{}  {}  {methods}", visible(name), terminal::disposition(report.disposition()));
    if let Some(why) = &told.no_envelope {
        line.push_str(&format!(" (no envelope: {})", visible(why)));
    }
    if let Some(Err(why)) = &told.time {
        line.push_str(&format!(" (as of now: {})", visible(why)));
    }
    line
}

/// Each method that had something to judge, with its result and the domain that this is about.
fn methods(report: &Report) -> Vec<String> {
    let mut methods = Vec::new();
    if report.envelope().ip().is_some() {
        methods.push(format!("spf {}", terminal::word(report.spf().result().as_str())));
    }
    let signer = signer(report).and_then(Verdict::domain);
    let mut dkim = format!("dkim {}", terminal::word(report.dkim().result().as_str()));
    if let Some(domain) = signer {
        dkim.push_str(&format!(" {domain}"));
    }
    methods.push(dkim);
    if let Some(chain) = report.arc().filter(|chain| !chain.sets().is_empty()) {
        methods.push(format!("arc {}", terminal::word(chain.result().as_str())));
    }
    let dmarc = report.dmarc();
    let author = dmarc.author().map(|author| author.domain()).filter(|author| Some(*author) != signer);
    let author = author.map(|author| format!(" {author}")).unwrap_or_default();
    methods.push(format!("dmarc {}{author}", terminal::word(dmarc.result().as_str())));
    methods
}

/// The signature that the result of DKIM is about, that of the author's domain before others.
fn signer(report: &Report) -> Option<&Verdict> {
    let result: DkimResult = report.dkim().result();
    let author = report.dmarc().author().map(|author| author.domain());
    let mut same = report.dkim().iter().filter(|verdict| verdict.result() == result);
    let first = same.clone().next();
    same.find(|verdict| verdict.domain() == author).or(first)
}
