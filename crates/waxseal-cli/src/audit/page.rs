//! An audit as a page for people.

use super::rules::{Level, Outcome, State, failed};
use crate::html::Html;
use waxseal::dns::DomainName;

/// The whole page.
pub(super) fn page(audited: &[(&DomainName, Vec<Outcome>)]) -> String {
    let title = match audited {
        [(domain, _)] => domain.to_string(),
        several => format!("{} domains", several.len()),
    };
    let mut html = Html::new(&format!("{title}: waxseal audit"));
    html.markup("<div class=\"top\">").seal().element("<div><h1>", &title, "</h1>\n");
    html.markup("<p class=\"soft small\">What is published for mail, beside the rules of large receivers.</p></div></div>\n");
    if audited.len() > 1 {
        contents(&mut html, audited);
    }
    for (number, (domain, outcomes)) in audited.iter().enumerate() {
        if html.is_full() {
            break;
        }
        html.element("<h2 id=\"d", &number.to_string(), "\">").element("", domain.as_str(), "</h2>\n");
        counts(&mut html, outcomes);
        for outcome in outcomes {
            rule(&mut html, outcome);
        }
    }
    html.finish()
}

fn contents(html: &mut Html, audited: &[(&DomainName, Vec<Outcome>)]) {
    html.markup("<ul class=\"verdicts\">\n");
    for (number, (domain, outcomes)) in audited.iter().enumerate() {
        if html.is_full() {
            break;
        }
        html.element("<li><a href=\"#d", &number.to_string(), "\">").element(
            "<b>",
            domain.as_str(),
            "</b></a>",
        );
        summary(html, outcomes);
        html.markup("</li>\n");
    }
    html.markup("</ul>\n");
}

fn summary(html: &mut Html, outcomes: &[Outcome]) {
    let (must, should) = (failed(outcomes, Level::Must), failed(outcomes, Level::Should));
    let is_unknown =
        outcomes.iter().any(|outcome| outcome.level == Level::Must && outcome.state == State::Unknown);
    html.word(match (must, is_unknown) {
        (0, false) => "pass",
        (0, true) => "unknown",
        _ => "fail",
    });
    html.element("<span class=\"soft\">", &format!("{must} must, {should} should fail"), "</span>");
}

fn counts(html: &mut Html, outcomes: &[Outcome]) {
    let (must, should) = (failed(outcomes, Level::Must), failed(outcomes, Level::Should));
    let text = format!("Required rules failed: {must}, recommended ones: {should}.");
    html.element("<p>", &text, "</p>\n");
}

fn rule(html: &mut Html, outcome: &Outcome) {
    html.markup(match (outcome.state, outcome.level) {
        (State::Ok, _) => "<section class=\"card good\">",
        (State::Fail, Level::Must) => "<section class=\"card bad\">",
        _ => "<section class=\"card odd\">",
    });
    html.markup("<h3>").word(outcome.word()).text(" ").text(outcome.rule).markup("</h3>\n");
    let by = match outcome.state {
        State::Ok => String::new(),
        _ => format!(", asked for by {}", outcome.receivers),
    };
    html.element("<p class=\"soft small\">", outcome.level.as_str(), ": ")
        .text(outcome.id)
        .text(&by)
        .markup("</p>\n");
    if !outcome.evidence.is_empty() {
        html.markup("<pre>");
        for line in outcome.evidence.iter().take(40) {
            html.foreign(line.as_bytes()).markup("\n");
        }
        html.markup("</pre>\n");
    }
    if let Some(fix) = &outcome.fix {
        html.markup("<p class=\"next\">").foreign(fix.as_bytes()).markup("</p>\n");
    }
    html.markup("</section>\n");
}
