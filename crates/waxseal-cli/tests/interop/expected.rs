//! What every verifier has to say about every case.
//!
//! The rule is short: intact signatures pass, all others fail. What departs from it is a peer's trait, and listed;
//! a trait that no longer shows is an unexpected outcome too.

use crate::lab::is_ed25519;
use crate::matrix::{Case, Tamper};
use crate::peers::Words;

/// The words that `verifier` has to give for `case`, one per signature.
pub(crate) fn expected(verifier: &str, case: &Case) -> Words {
    let words = traits(verifier, case).unwrap_or_else(|| ruled(verifier, case));
    words.into_iter().map(str::to_owned).collect()
}

fn ruled(verifier: &str, case: &Case) -> Vec<&'static str> {
    let word = if case.tamper == Tamper::Nothing { "pass" } else { "fail" };
    // opendkim-testmsg gives one answer for all signatures.
    let answers = if verifier == "opendkim-testmsg" { 1 } else { case.selectors.len() };
    // Mail::DKIM before 1.20230911 knows no Ed25519.
    let known = |selector: &str| verifier != "Mail::DKIM" || !is_ed25519(selector);
    case.selectors
        .iter()
        .take(answers)
        .map(|selector| if known(selector) { word } else { "invalid" })
        .collect()
}

/// Departures from the rule, each with its reason.
fn traits(verifier: &str, case: &Case) -> Option<Vec<&'static str>> {
    let (header_canon, body_canon) = case.canon.split_once('/').unwrap_or_default();
    let intact = case.tamper == Tamper::Nothing;
    match (verifier, case.message.as_str()) {
        // Debian's OpenDKIM 2.11 makes Ed25519 signatures over a simple header that nobody verifies, itself included.
        (_, _)
            if case.signer == "opendkim"
                && case.selectors == ["ed"]
                && header_canon == "simple"
                && intact =>
        {
            Some(vec![if verifier == "Mail::DKIM" { "invalid" } else { "fail" }])
        }
        // RFC 6376 §3.4.3: "If there is no body or no trailing CRLF on the message body, a CRLF is added."
        // Mail::DKIM adds none under simple, as signer and as verifier.
        (_, "body-no-final-crlf") if body_canon == "simple" && intact => {
            let differs = (verifier == "Mail::DKIM") != (case.signer == "Mail::DKIM");
            let failed = |word| if word == "pass" { "fail" } else { word };
            differs.then(|| ruled(verifier, case).into_iter().map(failed).collect())
        }
        // OpenDKIM gives up on a relaxed body without a final CRLF, which SMTP never delivers, and adds no field.
        ("opendkim" | "opendkim -t", "body-no-final-crlf") if body_canon == "relaxed" => Some(vec![]),
        // `opendkim -t` reads files in its own way, which changes the blanks behind the colon and long fields;
        // the same OpenDKIM as a filter passes them.
        ("opendkim -t", "header-empty-value" | "header-no-space" | "header-long")
            if header_canon == "simple" && intact =>
        {
            Some(vec!["fail"; case.selectors.len()])
        }
        // RFC 6376 §3.4.2 deletes blanks "before and after the colon", so there can be some; these two know none.
        ("dkimpy", "header-space-before-colon") => Some(vec!["unreadable"]),
        ("opendkim" | "opendkim -t", "header-space-before-colon") => Some(vec![]),
        ("opendkim-testmsg", "header-space-before-colon") => Some(vec!["fail"]),
        _ => None,
    }
}
