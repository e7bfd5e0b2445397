//! The signatures of a message, and what differs from what was signed.

use crate::html::Html;
use base64::{Engine, prelude::BASE64_STANDARD};
use waxseal::dkim::{Canonicalization, Signature};
use waxseal_explain::{Diagnosis, Difference, ExplainedSignature, Explanation, Hashes, Row};

/// Bytes of a canonical header that are shown.
const MAX_HEADER: usize = 8 * 1024;

/// Whose signature it is, in a few words.
pub(super) fn name(signature: &ExplainedSignature) -> String {
    let set = signature.instance().map(|instance| format!("ARC set {instance} of ")).unwrap_or_default();
    match signature.signature() {
        Some(parsed) => format!("{set}{} (selector {})", parsed.domain(), parsed.selector()),
        None => format!("{set}a signature that cannot be read"),
    }
}

pub(super) fn write(html: &mut Html, explanation: &Explanation) {
    html.markup("<h2>Signatures</h2>\n");
    if explanation.signatures().is_empty() {
        html.markup("<p>There is none.</p>\n");
    }
    for signature in explanation.signatures() {
        if html.is_full() {
            return;
        }
        html.markup(match signature.result().as_str() {
            "pass" => "<section class=\"card good\">",
            "temperror" | "neutral" | "policy" => "<section class=\"card odd\">",
            _ => "<section class=\"card bad\">",
        });
        one(html, signature);
        html.markup("</section>\n");
    }
}

fn one(html: &mut Html, signature: &ExplainedSignature) {
    html.markup("<h3>").word(signature.result().as_str()).text(" ").text(&name(signature)).markup("</h3>\n");
    html.element("<p class=\"soft small\">", signature.field(), "</p>\n");
    if let Some(cause) = signature.cause() {
        html.element("<p>", &waxseal::authres::reason(cause), "</p>\n");
    }
    if let Some(parsed) = signature.signature() {
        tags(html, parsed);
    }
    if !signature.is_pass() {
        state(html, "header", signature.header_hash());
        state(html, "body", signature.body_hash());
        if signature.is_made_by_key() == Some(false) {
            html.markup("<p>The key that is published did not make this signature: another key did, or <code>b=</code> was changed.</p>\n");
        }
        for found in signature.diagnoses() {
            html.markup("<div>");
            diagnosis(html, found);
            html.markup("</div>\n");
        }
        for note in signature.notes() {
            html.element("<p class=\"note\">", note, "</p>\n");
        }
        if let Some(advice) = signature.advice() {
            if signature.is_changed() {
                html.markup("<p class=\"note\">None of the usual changes explains it.</p>\n");
            }
            html.element("<p class=\"next\">", advice, "</p>\n");
        }
        difference(html, "The header", signature.header_difference());
        difference(html, "The body", signature.body_difference());
    }
    if !signature.canonical_header().is_empty() {
        let header = signature.canonical_header();
        html.markup("<details><summary>The canonical header that was hashed</summary><pre>");
        for line in header.get(..MAX_HEADER).unwrap_or(header).split(|byte| *byte == b'\n') {
            html.foreign(line.strip_suffix(b"\r").unwrap_or(line)).markup("\n");
        }
        html.markup(if header.len() > MAX_HEADER { "…</pre></details>\n" } else { "</pre></details>\n" });
    }
}

fn tags(html: &mut Html, signature: &Signature) {
    let word = |canonicalization| match canonicalization {
        Canonicalization::Simple => "simple",
        _ => "relaxed",
    };
    let (header, body) = (signature.header_canonicalization(), signature.body_canonicalization());
    let fields: Vec<_> = signature.signed_fields().map(String::from_utf8_lossy).collect();
    html.element("<dl><dt>key</dt><dd><code>", signature.key_name().as_str(), "</code></dd>");
    html.element("<dt>algorithm</dt><dd>", signature.algorithm().as_str(), "</dd>");
    html.element("<dt>canonicalization</dt><dd>", &format!("{}/{}", word(header), word(body)), "</dd>");
    html.element("<dt>signed fields</dt><dd>", &fields.join(", "), "</dd>");
    if let Some(length) = signature.body_length() {
        html.element("<dt>signed bytes of the body</dt><dd>", &length.to_string(), "</dd>");
    }
    html.markup("</dl>\n");
}

fn state(html: &mut Html, what: &'static str, hashes: &Hashes) {
    if hashes.found().is_empty() {
        return;
    }
    html.markup("<p>");
    match hashes.expected() {
        Some(_) if hashes.fits() => {
            html.markup("<span class=\"word good\">intact</span> The ")
                .markup(what)
                .markup(" is as it was signed.</p>\n");
            return;
        }
        Some(_) => html
            .markup("<span class=\"word bad\">changed</span> The ")
            .markup(what)
            .markup(" is not what was signed."),
        None => html
            .markup("<span class=\"word odd\">unknown</span> What the ")
            .markup(what)
            .markup(" was when it was signed is unknown: the signature does not show its hash."),
    };
    html.markup("</p>\n<details><summary>Hashes of the ").markup(what).markup("</summary><dl>");
    if let Some(expected) = hashes.expected() {
        html.element("<dt>as signed</dt><dd><code>", &BASE64_STANDARD.encode(expected), "</code></dd>");
    }
    html.element(
        "<dt>as it came</dt><dd><code>",
        &BASE64_STANDARD.encode(hashes.found()),
        "</code></dd></dl></details>\n",
    );
}

/// What happened.
pub(super) fn diagnosis(html: &mut Html, diagnosis: &Diagnosis) {
    html.markup("<p>");
    match diagnosis.is_proved() {
        true => html
            .markup("<span class=\"word cool\" title=\"The hash fits when this is undone\">proved</span> "),
        false => {
            html.markup("<span class=\"word odd\" title=\"Only a sign of this was seen\">likely</span> ")
        }
    };
    let reason = diagnosis.reason();
    let mut letters = reason.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    html.text(&first).text(letters.as_str()).text(". ");
    html.element("<span class=\"soft small\">", diagnosis.kind().as_str(), "");
    if let Some(place) = diagnosis.place() {
        html.text(&format!(", {place}"));
    }
    html.markup("</span></p>\n");
}

fn difference(html: &mut Html, what: &'static str, difference: Option<&Difference>) {
    let Some(difference) = difference.filter(|difference| !difference.rows().is_empty()) else { return };
    html.markup("<div class=\"diff mono\">").markup("<div class=\"head\">").markup(what);
    html.markup(
        " as it was signed<span class=\"narrow\"> (−) and as it came (+)</span></div><div class=\"head\">",
    )
    .markup(what)
    .markup(" as it came</div>\n");
    for row in difference.rows() {
        if html.is_full() {
            break;
        }
        if row.is_apart() {
            html.markup("<div class=\"gap\">⋯</div>\n");
        }
        cells(html, row);
    }
    if difference.is_cut() {
        html.markup("<div class=\"gap\">and more lines</div>\n");
    }
    html.markup("</div>\n");
}

fn cells(html: &mut Html, row: &Row) {
    match (row.signed(), row.found()) {
        (Some(signed), Some(found)) if row.is_changed() => {
            let (start, end) = common(signed, found);
            changed(html, "<div class=\"cut\">", signed, start, end);
            changed(html, "<div class=\"add\">", found, start, end);
        }
        (Some(same), Some(_)) => {
            html.markup("<div class=\"same\">").foreign(same).markup("</div>");
            html.markup("<div class=\"same twin\">").foreign(same).markup("</div>\n");
        }
        (Some(signed), None) => {
            changed(html, "<div class=\"cut\">", signed, 0, 0);
            html.markup("<div class=\"none\"></div>\n");
        }
        (None, Some(found)) => {
            html.markup("<div class=\"none\"></div>");
            changed(html, "<div class=\"add\">", found, 0, 0);
        }
        (None, None) => {}
    }
}

/// A line with what differs marked: all between its first `start` and its last `end` bytes.
fn changed(html: &mut Html, open: &'static str, line: &[u8], start: usize, end: usize) {
    let middle = start..line.len().saturating_sub(end).max(start);
    html.markup(open).foreign(line.get(..start).unwrap_or_default()).markup("<mark>");
    html.foreign(line.get(middle.clone()).unwrap_or_default()).markup("</mark>");
    html.foreign(line.get(middle.end..).unwrap_or_default()).markup("</div>\n");
}

/// The bytes at the start and at the end that are equal, in whole letters.
fn common(one: &[u8], other: &[u8]) -> (usize, usize) {
    let is_boundary = |at: usize| one.get(at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let equal = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let start = (0..=equal).rev().find(|at| is_boundary(*at)).unwrap_or(0);
    let (one, other) = (one.get(start..).unwrap_or_default(), other.get(start..).unwrap_or_default());
    let equal = one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count();
    let is_boundary = |end: usize| one.get(one.len() - end).is_none_or(|byte| byte & 0xc0 != 0x80);
    (start, (0..=equal).rev().find(|end| is_boundary(*end)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::common;

    #[test]
    fn equal_ends_are_whole_letters() {
        let ends = |one: &str, other: &str| common(one.as_bytes(), other.as_bytes());
        assert_eq!(ends("Subject: lunch", "Subject: [food] lunch"), (9, 5));
        assert_eq!(ends("aé", "aè"), (1, 0));
        assert_eq!(ends("éa", "©a"), (0, 1));
        assert_eq!(ends("aaa", "aaaa"), (3, 0));
        assert_eq!(ends("", "x"), (0, 0));
    }
}
