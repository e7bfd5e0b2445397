//! The way of a message as its header tells it: servers, signatures and seals, from the author down to the receiver.

use super::signatures::name;
use crate::html::Html;
use std::time::{Duration, SystemTime};
use waxseal::header::{Field, Received};
use waxseal_explain::{ExplainedSignature, Explanation};

/// Stops that are drawn.
const MAX_STOPS: usize = 60;

/// Something that was put on top of the header.
enum Stop<'e> {
    Signature(&'e ExplainedSignature),
    Server {
        from: String,
        by: String,
        with: String,
        date: Option<SystemTime>,
    },
    /// A Received field that cannot be read.
    Unreadable,
    /// The first signature behind those that no longer fit, so that they were broken before.
    Broken(Vec<&'e ExplainedSignature>),
}

pub(super) fn write(html: &mut Html, explanation: &Explanation) {
    let mut stops = stops(explanation);
    if stops.is_empty() {
        return;
    }
    mark_damage(&mut stops);
    html.markup("<h2>The path of the message</h2>\n<p class=\"soft small\">From the author down to the receiver, by the order of the \
        header fields. Received fields that no server of your own wrote can be forged.</p>\n<ol class=\"path\">\n");
    html.markup("<li class=\"end\"><b>The author</b></li>\n");
    let mut before = None;
    let mut open: Vec<&ExplainedSignature> = Vec::new();
    for stop in stops.iter().take(MAX_STOPS) {
        match stop {
            Stop::Signature(signature) if !signature.is_pass() && !signature.diagnoses().is_empty() => {
                open.push(signature)
            }
            Stop::Broken(_) => open.clear(),
            _ => {}
        }
        draw(html, stop, !open.is_empty(), &mut before);
    }
    if stops.len() > MAX_STOPS {
        html.element(
            "<li class=\"bad\">",
            &format!("{} more", stops.len() - MAX_STOPS),
            " stops are left out</li>\n",
        );
    }
    html.markup("<li class=\"end\"><b>The receiver</b></li>\n</ol>\n");
}

/// From the bottom of the header up.
fn stops(explanation: &Explanation) -> Vec<Stop<'_>> {
    let Ok(header) = explanation.report().header() else { return Vec::new() };
    let signatures = explanation.signatures();
    let mut dkim = signatures.iter().filter(|signature| signature.instance().is_none());
    let mut arc = signatures.iter().filter(|signature| signature.instance().is_some());
    let stop = |field: Field<'_>| match () {
        () if field.is("DKIM-Signature") => dkim.next().map(Stop::Signature),
        () if field.is("ARC-Message-Signature") => arc.next().map(Stop::Signature),
        () if field.is("Received") => Some(server(field.value())),
        () => None,
    };
    let mut stops: Vec<_> = header.fields().filter_map(stop).collect();
    stops.reverse();
    stops
}

fn server(value: &[u8]) -> Stop<'static> {
    let Ok(received) = Received::parse(value) else { return Stop::Unreadable };
    let text = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
    let mut from: Vec<String> = received.names().iter().map(|name| text(Some(name))).collect();
    from.extend(received.address().map(|address| address.to_string()));
    Stop::Server {
        from: from.join(", "),
        by: text(received.by()),
        with: text(received.with()),
        date: received.date().ok(),
    }
}

/// A signature was broken before the next one that verifies was made, or else before the message arrived.
fn mark_damage(stops: &mut Vec<Stop<'_>>) {
    let mut open = Vec::new();
    let mut marked = Vec::with_capacity(stops.len() + 2);
    for stop in stops.drain(..) {
        if let Stop::Signature(signature) = &stop {
            if signature.is_pass() && !open.is_empty() {
                marked.push(Stop::Broken(std::mem::take(&mut open)));
            } else if !signature.is_pass() && !signature.diagnoses().is_empty() {
                open.push(*signature);
            }
        }
        marked.push(stop);
    }
    if !open.is_empty() {
        marked.push(Stop::Broken(open));
    }
    *stops = marked;
}

fn draw(html: &mut Html, stop: &Stop<'_>, is_broken: bool, before: &mut Option<SystemTime>) {
    match stop {
        Stop::Signature(signature) => {
            html.markup(match (signature.is_pass(), is_broken) {
                (true, true) => "<li class=\"good broken\">",
                (true, false) => "<li class=\"good\">",
                (false, true) => "<li class=\"bad broken\">",
                (false, false) => "<li class=\"bad\">",
            });
            let verb = match (signature.signature(), signature.instance()) {
                (None, _) => "Found: ",
                (_, Some(_)) => "Sealed by ",
                (_, None) => "Signed by ",
            };
            html.text(verb);
            html.element("<b>", &name(signature), "</b> ")
                .word(signature.result().as_str())
                .markup("</li>\n");
        }
        Stop::Server { from, by, with, date } => {
            html.markup(if is_broken { "<li class=\"broken\">" } else { "<li>" });
            html.markup("<b>").name(if by.is_empty() { b"a server" } else { by.as_bytes() }).markup("</b>");
            if !from.is_empty() {
                html.markup(" took it from ").name(from.as_bytes());
            }
            html.markup("<br><span class=\"soft small\">").name(with.as_bytes());
            html.text(&lateness(*before, *date)).markup("</span></li>\n");
            *before = date.or(*before);
        }
        Stop::Unreadable => {
            html.markup("<li class=\"bad\">A Received field that cannot be read</li>\n");
        }
        Stop::Broken(signatures) => {
            html.markup("<li class=\"bad\"><b>Changed before this point</b>");
            damage(html, signatures);
            html.markup("</li>\n");
        }
    }
}

fn damage(html: &mut Html, signatures: &[&ExplainedSignature]) {
    let mut told: Vec<String> = Vec::new();
    for diagnosis in signatures.iter().flat_map(|signature| signature.diagnoses()) {
        let certainty = if diagnosis.is_proved() { "proved" } else { "likely" };
        let text = format!("{} ({certainty})", diagnosis.reason());
        if !told.contains(&text) {
            html.markup("<br>").text(&text);
            told.push(text);
        }
    }
}

/// How long it took from the server before, if that is remarkable.
fn lateness(before: Option<SystemTime>, date: Option<SystemTime>) -> String {
    let took = before.zip(date).and_then(|(before, date)| date.duration_since(before).ok());
    match took.map(|took: Duration| took.as_secs()) {
        Some(seconds @ 60..=7199) => format!(", {} minutes later", seconds / 60),
        Some(seconds @ 7200..) => format!(", {} hours later", seconds / 3600),
        Some(seconds) => format!(", {seconds} seconds later"),
        None => String::new(),
    }
}
