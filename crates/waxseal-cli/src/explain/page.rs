//! The explanation as a page for people.

use super::{methods, path, signatures};
use crate::html::Html;
use waxseal::{Disposition, Report};
use waxseal_explain::{Diagnosis, Explanation};

/// The whole page about the message of this name.
pub(super) fn page(name: &str, explanation: &Explanation) -> String {
    let mut html = Html::new(&format!("{name}: waxseal explain"));
    html.markup("<div class=\"top\">").seal().markup("<div>\n");
    message(&mut html, "<h1>", explanation, "</h1>\n");
    html.element("<p class=\"soft small\">", name, "</p>\n").markup("</div></div>\n");
    sections(&mut html, explanation);
    for (number, attached) in (1..).zip(explanation.attached()) {
        if html.is_full() {
            break;
        }
        html.element("<h2>", &format!("Attached message {number}"), "</h2>\n<div class=\"card\">\n");
        message(&mut html, "<h3>", attached, "</h3>\n");
        sections(&mut html, attached);
        html.markup("</div>\n");
    }
    html.finish()
}

/// Subject, author and date, as the message has them.
fn message(html: &mut Html, open: &'static str, explanation: &Explanation, close: &'static str) {
    let header = explanation.report().header().ok();
    let value = |name: &str| {
        let field = header.and_then(|header| header.fields().find(|field| field.is(name)))?;
        Some(String::from_utf8_lossy(field.value()).replace("\r\n", "").trim().to_owned())
    };
    html.markup(open);
    match value("Subject") {
        Some(subject) => html.foreign(subject.as_bytes()),
        None => html.text("(no Subject)"),
    };
    html.markup(close).markup("<p>");
    html.foreign(value("From").unwrap_or_else(|| "(no From)".to_owned()).as_bytes());
    if let Some(date) = value("Date") {
        html.markup("<br><span class=\"soft small\">").name(date.as_bytes()).markup("</span>");
    }
    html.markup("</p>\n");
}

fn sections(html: &mut Html, explanation: &Explanation) {
    let report = explanation.report();
    verdicts(html, report);
    what_happened(html, explanation);
    path::write(html, explanation);
    signatures::write(html, explanation);
    methods::spf(html, report);
    methods::dmarc(html, report);
    methods::arc(html, explanation);
    for field in explanation.unchecked_fields() {
        html.element("<p class=\"note\">", field, " is present, but DKIM2 is not checked.</p>\n");
    }
}

fn verdicts(html: &mut Html, report: &Report) {
    let disposition = match report.disposition() {
        Disposition::None => "deliver",
        Disposition::Quarantine => "quarantine",
        Disposition::Defer => "try again later",
        Disposition::Reject => "reject",
    };
    html.markup("<ul class=\"verdicts\">\n");
    let passed = report.dkim().iter().filter(|verdict| verdict.is_pass()).count();
    let dkim = match report.dkim().iter().count() {
        0 => "no signature".to_owned(),
        count => format!("{passed} of {count} signatures pass"),
    };
    verdict(html, "DKIM", report.dkim().result().as_str(), &dkim);
    match report.envelope().ip() {
        Some(_) => verdict(html, "SPF", report.spf().result().as_str(), &report.spf().reason()),
        None => verdict(html, "SPF", "not checked", "the envelope is not known"),
    }
    if let Some(chain) = report.arc() {
        verdict(html, "ARC", chain.result().as_str(), &chain.reason());
    }
    verdict(html, "DMARC", report.dmarc().result().as_str(), &report.dmarc().reason());
    verdict(html, "What to do", disposition, "for a receiver that follows the policy of the domain");
    html.markup("</ul>\n");
}

fn verdict(html: &mut Html, method: &'static str, word: &str, reason: &str) {
    html.markup("<li><b>").markup(method).markup("</b>").word(word);
    html.element("<span class=\"soft\">", reason, "</span></li>\n");
}

/// Every diagnosis once, with the signatures that it is about.
fn what_happened(html: &mut Html, explanation: &Explanation) {
    let mut told: Vec<(&Diagnosis, Vec<String>)> = Vec::new();
    for signature in explanation.signatures() {
        for diagnosis in signature.diagnoses() {
            let about = signatures::name(signature);
            match told.iter_mut().find(|(known, _)| *known == diagnosis) {
                Some((_, signatures)) => signatures.push(about),
                None => told.push((diagnosis, vec![about])),
            }
        }
    }
    if told.is_empty() {
        return;
    }
    html.markup("<h2>What happened</h2>\n");
    for (diagnosis, about) in told.iter().take_while(|_| !html.is_full()).collect::<Vec<_>>() {
        html.markup("<div class=\"card odd\">");
        signatures::diagnosis(html, diagnosis);
        html.element("<p class=\"next\">", diagnosis.advice(), "</p>\n");
        html.element("<p class=\"soft small\">About ", &about.join(", "), ".</p></div>\n");
    }
}
