//! SPF as the tree that was evaluated, the walk of DMARC, the hops of ARC.

use crate::html::Html;
use waxseal::{
    Report,
    arc::Set,
    dmarc::{AuthorVerdict, Found, Step},
    spf::{LookupTrace, Outcome, RecordTrace, TermTrace},
};
use waxseal_explain::Explanation;

pub(super) fn spf(html: &mut Html, report: &Report) {
    html.markup("<h2>SPF</h2>\n");
    let Some(ip) = report.envelope().ip() else {
        html.markup("<p>Not checked: the address of the client is not known. ");
        html.markup("<code>--ip</code>, <code>--helo</code> and <code>--mail-from</code> say who sent it; ");
        html.markup("<code>--envelope-from-header</code> reads that from the message.</p>\n");
        return;
    };
    let spf = report.spf();
    html.markup("<div class=\"card\"><p>").word(spf.result().as_str()).text(" ").text(&spf.reason());
    html.element("</p>\n<p class=\"soft small\">Client ", &ip.to_string(), ", MAIL FROM ");
    html.foreign(report.envelope().mail_from())
        .markup(", HELO ")
        .foreign(report.envelope().helo())
        .markup("</p>\n");
    if let Some(trace) = spf.trace() {
        html.markup("<ul class=\"tree\">");
        record(html, trace.root());
        html.markup("</ul>\n");
    }
    if let Some(iprev) = report.iprev() {
        html.markup("<p class=\"small\">Reverse DNS: ")
            .word(iprev.result().as_str())
            .text(" ")
            .text(&iprev.reason())
            .markup("</p>\n");
    }
    html.markup("</div>\n");
}

fn record(html: &mut Html, trace: &RecordTrace) {
    html.element("<li><b>", trace.domain.as_str(), "</b> ").word(trace.result.as_str());
    html.markup("<ul>\n");
    if let Some(found) = &trace.lookup {
        lookup(html, found);
    }
    for term in &trace.terms {
        if html.is_full() {
            break;
        }
        self::term(html, term);
    }
    html.markup("</ul></li>\n");
}

fn term(html: &mut Html, term: &TermTrace) {
    let is_off = matches!(term.outcome, Outcome::NotEvaluated | Outcome::NoMatch);
    html.markup(if is_off { "<li class=\"off\"><code>" } else { "<li><code>" });
    html.foreign(&term.text).markup("</code> ");
    match &term.outcome {
        Outcome::NotEvaluated => html.markup("not reached"),
        Outcome::NoMatch => html.markup("does not match"),
        Outcome::Match(word) => html.markup("matches: ").word(word.as_str()),
        Outcome::Followed => html.markup("followed"),
        Outcome::Explained(text) => html.markup("explains ").text(text.as_deref().unwrap_or("nothing")),
        Outcome::Error(word) => html.word(word.as_str()),
        _ => html,
    };
    if !term.lookups.is_empty() || term.inside.is_some() {
        html.markup("<ul>\n");
        for found in term.lookups.iter().take(20) {
            lookup(html, found);
        }
        if let Some(inside) = &term.inside {
            record(html, inside);
        }
        html.markup("</ul>\n");
    }
    html.markup("</li>\n");
}

fn lookup(html: &mut Html, lookup: &LookupTrace) {
    html.element("<li class=\"small off\">", lookup.question.name.as_str(), " ");
    html.text(&lookup.question.kind.to_string()).text(" = ");
    match &lookup.reply {
        Ok(answer) => html.foreign(answer.to_string().as_bytes()),
        Err(error) => html.text(&error.to_string()),
    };
    html.markup(if lookup.void { " (void lookup)</li>\n" } else { "</li>\n" });
}

pub(super) fn dmarc(html: &mut Html, report: &Report) {
    let dmarc = report.dmarc();
    html.markup("<h2>DMARC</h2>\n<div class=\"card\"><p>")
        .word(dmarc.result().as_str())
        .text(" ")
        .text(&dmarc.reason());
    html.element("</p>\n<p class=\"soft small\">Disposition: ", dmarc.disposition().as_str(), "</p></div>\n");
    for author in dmarc.authors().iter().take(20) {
        html.markup("<div class=\"card\"><h3>").word(author.result().as_str());
        html.element(" Author ", author.domain().as_str(), "</h3>\n");
        self::author(html, author);
        html.markup("</div>\n");
    }
    for author in dmarc.shown().iter().take(20) {
        html.element("<div class=\"card odd\"><h3>Some readers show ", author.domain().as_str(), "</h3>\n");
        self::author(html, author);
        html.markup("</div>\n");
    }
    for name in dmarc.domains_in_names().iter().take(20) {
        html.element(
            "<p class=\"note\">The display name shows an address of another domain: ",
            name,
            "</p>\n",
        );
    }
}

fn author(html: &mut Html, author: &AuthorVerdict) {
    html.element("<p>", &author.cause().to_string(), "</p>\n<ul class=\"tree\">\n");
    for step in author.path() {
        self::step(html, step);
    }
    html.markup("</ul>\n");
    if let (Some(policy), Some(at)) = (author.policy(), author.record_at()) {
        html.element("<p>Policy <b>", policy.as_str(), "</b>");
        if let Some(tag) = author.policy_tag() {
            html.element(" by <code>", tag.as_str(), "=</code>");
        }
        html.element(" of the record of ", at.as_str(), "</p>\n");
    }
    if let (Some(domain), Some(rule)) = (author.organizational_domain(), author.organizational_rule()) {
        html.element("<p class=\"soft small\">Organizational Domain ", domain.as_str(), ": ")
            .text(rule)
            .markup("</p>\n");
    }
    if author.identifiers().is_empty() {
        return;
    }
    html.markup("<p class=\"small\">Who authenticated the message:</p>\n<ul class=\"tree\">\n");
    for identifier in author.identifiers().iter().take(40) {
        html.markup("<li>").word(if identifier.is_aligned() { "pass" } else { "no" });
        html.text(&format!(" {} {}: {}", identifier.result(), identifier.domain(), identifier.reason()))
            .markup("</li>\n");
    }
    html.markup("</ul>\n");
}

fn step(html: &mut Html, step: &Step) {
    html.element("<li>_dmarc.<b>", step.domain().as_str(), "</b> ");
    match step.found() {
        Found::Record(record) => {
            html.markup("<code>").foreign(record.published().as_bytes()).markup("</code>")
        }
        Found::Failed(error) => html.word("temperror").text(" ").text(&error.to_string()),
        found => html.element("<span class=\"soft\">", &found.to_string(), "</span>"),
    };
    html.markup("</li>\n");
}

pub(super) fn arc(html: &mut Html, explanation: &Explanation) {
    let Some(chain) = explanation.report().arc().filter(|chain| !chain.sets().is_empty()) else { return };
    html.markup("<h2>ARC</h2>\n<div class=\"card\"><p>")
        .word(chain.result().as_str())
        .text(" ")
        .text(&chain.reason());
    html.markup(
        "</p>\n<p class=\"soft small\">The results of a set are worth as much as their sealer.</p></div>\n",
    );
    for set in chain.sets() {
        if html.is_full() {
            return;
        }
        self::set(html, set, explanation);
    }
}

fn set(html: &mut Html, set: &Set, explanation: &Explanation) {
    let mut signatures = explanation.signatures().iter();
    let own = signatures.find(|signature| signature.instance() == Some(set.instance()));
    html.element("<div class=\"card\"><h3>Set ", &set.instance().to_string(), "");
    if let Some(domain) = set.domain() {
        html.text(", sealed by ").text(domain.as_str());
    }
    html.markup("</h3>\n");
    if let Some(own) = own {
        html.markup("<p>The message as this sealer sent it: ").word(own.result().as_str()).markup("</p>\n");
    }
    html.markup("<p class=\"small\">What it found:</p>\n<ul class=\"tree small\">\n");
    let text = String::from_utf8_lossy(set.authentication_results_text()).replace("\r\n", " ");
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()).take(30) {
        html.markup("<li><code>").foreign(part.as_bytes()).markup("</code></li>\n");
    }
    html.markup("</ul></div>\n");
}
